store_SRCS =	\
	main.c
store_LIBS =	-lsqlite3 -lmd

master_SRCS =	\
	main.c
master_LIBS =

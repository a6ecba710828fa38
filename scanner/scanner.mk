scanner_SRCS =	\
	main.c
scanner_LIBS =

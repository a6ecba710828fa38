parser_SRCS =	\
	main.c
parser_LIBS =

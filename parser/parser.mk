parser_SRCS =	\
	arena.c \
	charset.c \
	decode.c \
	delim.c \
	encword.c \
	entity.c \
	header.c \
	main.c \
	mime.c \
	params.c \
	reading.c \
	sandbox.c \
	uu.c
parser_LIBS =

parser_SRCS =	\
	apple.c \
	arena.c \
	binhex.c \
	charset.c \
	cms.c \
	css.c \
	datauri.c \
	decode.c \
	delim.c \
	encword.c \
	entity.c \
	header.c \
	html.c \
	main.c \
	mime.c \
	params.c \
	pgp.c \
	reading.c \
	sandbox.c \
	text.c \
	tnef.c \
	unpack.c \
	uu.c \
	yenc.c
parser_LIBS =

scanner_SRCS =	\
	clamd.c \
	dbwatch.c \
	dispatch.c \
	engine.c \
	layers.c \
	main.c \
	none.c \
	ole2.c \
	pool.c \
	result.c \
	sandbox.c \
	selftest.c \
	tmpdir.c \
	worker.c
scanner_LIBS =	-lclamav

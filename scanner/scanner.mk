scanner_SRCS =	\
	clamd.c \
	content.c \
	dbwatch.c \
	dispatch.c \
	doctext.c \
	docxml.c \
	engine.c \
	expr.c \
	field.c \
	factlist.c \
	filetype.c \
	ident.c \
	inspect.c \
	keyword.c \
	layers.c \
	main.c \
	match.c \
	names.c \
	none.c \
	ole2.c \
	oledir.c \
	pdf.c \
	pdftext.c \
	pool.c \
	readers.c \
	result.c \
	rtf.c \
	sandbox.c \
	seen.c \
	selftest.c \
	tmpdir.c \
	unarchive.c \
	vba.c \
	worker.c \
	zip.c
scanner_LIBS =	-lclamav -larchive -lz -ltre -lmd

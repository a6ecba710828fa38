# SPDX-License-Identifier: ISC

# Everything of the parser but its main(), and what it links.
parser_LIBSRCS =	$(filter-out parser/main.c parser/sandbox.c,\
			$(parser_SRCS:%=parser/%)) common/log.c common/parts.c
parser_HARNESS =	regress/parser/harness.c $(parser_LIBSRCS)

UNIT +=				parser/test_mime
parser/test_mime_SRCS =		regress/parser/test_mime.c $(parser_HARNESS)
parser/test_mime_CPPFLAGS =	-Iparser -Iregress/parser
parser/test_mime_LIBS =

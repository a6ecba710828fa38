# SPDX-License-Identifier: ISC

# Everything of the parser but its main(), and what it links.
parser_TESTED =		$(filter-out parser/main.c parser/sandbox.c,\
			$(parser_SRCS:%=parser/%)) common/log.c common/parts.c \
			common/lzfu.c common/utf8.c
parser_HARNESS =	regress/parser/harness.c $(parser_TESTED)
parser_INC =		-Iparser -Iregress/parser

UNIT +=				parser/test_decode
parser/test_decode_SRCS =	regress/parser/test_decode.c $(parser_HARNESS)
parser/test_decode_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_params
parser/test_params_SRCS =	regress/parser/test_params.c $(parser_HARNESS)
parser/test_params_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_mime
parser/test_mime_SRCS =		regress/parser/test_mime.c $(parser_HARNESS)
parser/test_mime_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_hostile
parser/test_hostile_SRCS =	regress/parser/test_hostile.c \
				$(parser_HARNESS)
parser/test_hostile_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_unpack
parser/test_unpack_SRCS =	regress/parser/test_unpack.c $(parser_HARNESS)
parser/test_unpack_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_corpus
parser/test_corpus_SRCS =	regress/parser/test_corpus.c $(parser_HARNESS)
parser/test_corpus_CPPFLAGS =	$(parser_INC)

# As system headers: the warnings that they give are not ours.
GMIME_CFLAGS :=			$(shell pkg-config --cflags gmime-3.0 \
				    2>/dev/null | sed 's/-I/-isystem /g')
GMIME_LIBS :=			$(shell pkg-config --libs gmime-3.0 2>/dev/null)

UNIT +=				parser/test_gmime
parser/test_gmime_SRCS =	regress/parser/test_gmime.c $(parser_HARNESS)
parser/test_gmime_CPPFLAGS =	$(parser_INC) $(GMIME_CFLAGS)
parser/test_gmime_LIBS =	$(GMIME_LIBS)

UNIT +=				parser/test_anomalies
parser/test_anomalies_SRCS =	regress/parser/test_anomalies.c \
				$(parser_HARNESS)
parser/test_anomalies_CPPFLAGS = $(parser_INC)

UNIT +=				parser/test_html
parser/test_html_SRCS =		regress/parser/test_html.c parser/html.c \
				parser/css.c
parser/test_html_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_text
parser/test_text_SRCS =		regress/parser/test_text.c $(parser_HARNESS) \
				common/normal.c common/normtab.c
parser/test_text_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_html
parser/fuzz_html_SRCS =		regress/parser/fuzz_html.c parser/html.c \
				parser/css.c \
				common/utf8.c
parser/fuzz_html_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_text
parser/fuzz_text_SRCS =		regress/parser/fuzz_text.c $(parser_HARNESS)
parser/fuzz_text_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_mime
parser/fuzz_mime_SRCS =		regress/parser/fuzz_mime.c $(parser_HARNESS)
parser/fuzz_mime_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_unpack
parser/fuzz_unpack_SRCS =	regress/parser/fuzz_unpack.c $(parser_TESTED)
parser/fuzz_unpack_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_params
parser/fuzz_params_SRCS =	regress/parser/fuzz_params.c parser/params.c \
				parser/decode.c
parser/fuzz_params_CPPFLAGS =	$(parser_INC)

FUZZ +=				parser/fuzz_encword
parser/fuzz_encword_SRCS =	regress/parser/fuzz_encword.c \
				parser/encword.c parser/charset.c \
				parser/decode.c common/log.c common/utf8.c
parser/fuzz_encword_CPPFLAGS =	$(parser_INC)

UNIT +=				parser/test_process
parser/test_process_SRCS =	regress/parser/test_process.c \
				common/imsg.c common/proto.c $(parser_HARNESS)
parser/test_process_CPPFLAGS =	$(parser_INC)

# Not a test: "make obj/bench_parser", optimised as the program is.
$(O)/bench_parser: regress/bench/bench_parser.c $(parser_TESTED) \
    $(REGRESS_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Icommon $(parser_INC) \
	    $(ALL_LDFLAGS) -o $@ $(filter %.c,$^)

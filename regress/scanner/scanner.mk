# SPDX-License-Identifier: ISC
#
# Tests of mailwall-scanner; t_*.py run the whole program.
inspect_SRCS =	$(addprefix scanner/,inspect.c doctext.c docxml.c factlist.c \
		filetype.c names.c ole2.c oledir.c vba.c \
		biff.c cfb.c olefile.c oletext.c word.c \
		pdf.c pdftext.c readers.c \
		rtf.c seen.c unarchive.c zip.c) common/lzfu.c

# What inspect.c says of a file, under the worker's filter; see t_docs.py.
UNIT +=		scanner/test_inspect
scanner/test_inspect_SRCS =	regress/scanner/test_inspect.c $(inspect_SRCS) \
				scanner/result.c scanner/sandbox.c \
				$(addprefix common/,facts.c parts.c log.c \
				utf8.c ev.c sandbox.c proto.c)
scanner/test_inspect_CPPFLAGS =	-iquote common -iquote scanner
scanner/test_inspect_LIBS =	-larchive -lz -lmd -lbsd -ltre -lseccomp

UNIT +=		scanner/test_ole2
scanner/test_ole2_SRCS =	regress/scanner/test_ole2.c scanner/ole2.c
scanner/test_ole2_CPPFLAGS =	-Iscanner

UNIT +=		scanner/test_tmpdir
scanner/test_tmpdir_SRCS =	regress/scanner/test_tmpdir.c \
				scanner/tmpdir.c common/log.c common/utf8.c
scanner/test_tmpdir_CPPFLAGS =	-Iscanner

UNIT +=		scanner/test_layers
scanner/test_layers_SRCS =	regress/scanner/test_layers.c \
				scanner/layers.c scanner/ole2.c \
				scanner/result.c common/parts.c
scanner/test_layers_CPPFLAGS =	-Iscanner
scanner/test_layers_LIBS =	-lbsd -ltre

UNIT +=		scanner/test_pool
scanner/test_pool_SRCS =	regress/scanner/test_pool.c scanner/pool.c \
				scanner/dispatch.c scanner/result.c \
				scanner/tmpdir.c common/ev.c common/imsg.c \
				common/proto.c common/log.c common/utf8.c \
				common/parts.c common/facts.c
scanner/test_pool_CPPFLAGS =	-Iscanner -DWORKER_SCANS_MAX=7

FUZZ +=		scanner/fuzz_ole2
scanner/fuzz_ole2_SRCS =	regress/scanner/fuzz_ole2.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_ole2_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_ole2_LIBS =	-larchive -lz -lmd -lbsd -ltre

FUZZ +=		scanner/fuzz_layers
scanner/fuzz_layers_SRCS =	regress/scanner/fuzz_layers.c \
				scanner/layers.c scanner/ole2.c \
				scanner/result.c common/proto.c common/utf8.c \
				common/parts.c
scanner/fuzz_layers_CPPFLAGS =	-Iscanner
scanner/fuzz_layers_LIBS =	-lbsd -ltre

FUZZ +=		scanner/fuzz_zip
scanner/fuzz_zip_SRCS =	regress/scanner/fuzz_zip.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_zip_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_zip_LIBS =	-larchive -lz -lmd -lbsd -ltre

FUZZ +=		scanner/fuzz_pdf
scanner/fuzz_pdf_SRCS =	regress/scanner/fuzz_pdf.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_pdf_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_pdf_LIBS =	-larchive -lz -lmd -lbsd -ltre

FUZZ +=		scanner/fuzz_rtf
scanner/fuzz_rtf_SRCS =	regress/scanner/fuzz_rtf.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_rtf_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_rtf_LIBS =	-larchive -lz -lmd -lbsd -ltre

FUZZ +=		scanner/fuzz_docxml
scanner/fuzz_docxml_SRCS =	regress/scanner/fuzz_docxml.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_docxml_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_docxml_LIBS =	-larchive -lz -lmd -lbsd -ltre

FUZZ +=		scanner/fuzz_inspect
scanner/fuzz_inspect_SRCS =	regress/scanner/fuzz_inspect.c $(inspect_SRCS) \
			scanner/result.c $(addprefix common/,facts.c \
			parts.c log.c utf8.c ev.c proto.c)
scanner/fuzz_inspect_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_inspect_LIBS =	-larchive -lz -lmd -lbsd -ltre

# Words, expressions and identifiers in text.
UNIT +=		scanner/test_normal
scanner/test_normal_SRCS =	regress/scanner/test_normal.c \
				common/normal.c common/normtab.c \
				common/utf8.c
scanner/test_normal_CPPFLAGS =	-iquote common -iquote scanner

UNIT +=		scanner/test_keyword
scanner/test_keyword_SRCS =	regress/scanner/test_keyword.c \
				scanner/keyword.c
scanner/test_keyword_CPPFLAGS =	-iquote common -iquote scanner

UNIT +=		scanner/test_ident
scanner/test_ident_SRCS =	regress/scanner/test_ident.c scanner/ident.c \
				common/normal.c common/normtab.c \
				common/conflist.c common/log.c common/utf8.c
scanner/test_ident_CPPFLAGS =	-iquote common -iquote scanner
scanner/test_ident_LIBS =	-lbsd -ltre

UNIT +=		scanner/test_expr
scanner/test_expr_SRCS =	regress/scanner/test_expr.c scanner/expr.c \
				common/exprfold.c common/normal.c \
				common/normtab.c common/utf8.c
scanner/test_expr_CPPFLAGS =	-iquote common -iquote scanner
scanner/test_expr_LIBS =	-ltre

match_SRCS =	$(addprefix scanner/,match.c expr.c field.c ident.c keyword.c) \
		$(addprefix common/,addr.c addrset.c puny.c conf.c \
			facts.c netset.c rule.c conflist.c ev.c \
		exprfold.c log.c normal.c normtab.c parts.c utf8.c)
UNIT +=		scanner/test_match
scanner/test_match_SRCS =	regress/scanner/test_match.c $(match_SRCS)
scanner/test_match_CPPFLAGS =	-iquote common -iquote scanner
scanner/test_match_LIBS =	-ltre -lbsd

FUZZ +=		scanner/fuzz_normal
scanner/fuzz_normal_SRCS =	regress/scanner/fuzz_normal.c \
				$(addprefix common/,normal.c normtab.c utf8.c)
scanner/fuzz_normal_CPPFLAGS =	-iquote common -iquote scanner

FUZZ +=		scanner/fuzz_ident
scanner/fuzz_ident_SRCS =	regress/scanner/fuzz_ident.c scanner/ident.c \
				$(addprefix common/,normal.c normtab.c utf8.c)
scanner/fuzz_ident_CPPFLAGS =	-iquote common -iquote scanner

FUZZ +=		scanner/fuzz_expr
scanner/fuzz_expr_SRCS =	regress/scanner/fuzz_expr.c scanner/expr.c \
				master/pattern.c \
				$(addprefix common/,addr.c addrset.c puny.c \
				conf.c facts.c netset.c rule.c \
				conflist.c \
				ev.c exprfold.c log.c normal.c normtab.c \
				utf8.c)
scanner/fuzz_expr_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_expr_LIBS =	-ltre -lbsd

FUZZ +=		scanner/fuzz_match
scanner/fuzz_match_SRCS =	regress/scanner/fuzz_match.c $(match_SRCS)
scanner/fuzz_match_CPPFLAGS =	-iquote common -iquote scanner
scanner/fuzz_match_LIBS =	-ltre -lbsd

# What a scan costs; run by hand: $(O)/regress/scanner/bench_scan regress/db
bench_scan_SRCS =	$(addprefix scanner/,engine.c layers.c result.c \
			tmpdir.c dbwatch.c sandbox.c) $(inspect_SRCS)
$(O)/regress/scanner/bench_scan: regress/bench/bench_scan.c \
    $(bench_scan_SRCS) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -iquote common -iquote scanner \
	    $(ALL_LDFLAGS) -o $@ $^ -lclamav -larchive -lz -lmd $(COMMON_LIBS)

# Whole messages through the parser and the matcher.
UNIT +=		scanner/test_words
scanner/test_words_SRCS =	regress/scanner/test_words.c \
				$(parser_HARNESS) $(filter-out \
				common/log.c common/parts.c common/utf8.c, \
				$(match_SRCS))
scanner/test_words_CPPFLAGS =	$(parser_INC) -iquote common -iquote scanner \
				-Iregress/parser
scanner/test_words_LIBS =	-ltre -lbsd

# How fast text is matched: "make obj/bench_match", optimised as the product.
$(O)/bench_match: regress/bench/bench_match.c $(match_SRCS) common/proto.c \
    common/parts.c $(REGRESS_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Icommon -iquote scanner \
	    $(ALL_LDFLAGS) -o $@ $(sort $(filter %.c,$^)) -ltre -lbsd

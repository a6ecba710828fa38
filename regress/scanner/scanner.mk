# SPDX-License-Identifier: ISC
#
# Tests of mailwall-scanner; t_*.py run the whole program.
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
				scanner/result.c
scanner/test_layers_CPPFLAGS =	-Iscanner
scanner/test_layers_LIBS =	-lbsd

UNIT +=		scanner/test_pool
scanner/test_pool_SRCS =	regress/scanner/test_pool.c scanner/pool.c \
				scanner/dispatch.c scanner/result.c \
				scanner/tmpdir.c common/ev.c common/imsg.c \
				common/proto.c common/log.c common/utf8.c
scanner/test_pool_CPPFLAGS =	-Iscanner -DWORKER_SCANS_MAX=7

FUZZ +=		scanner/fuzz_ole2
scanner/fuzz_ole2_SRCS =	regress/scanner/fuzz_ole2.c scanner/ole2.c
scanner/fuzz_ole2_CPPFLAGS =	-Iscanner

FUZZ +=		scanner/fuzz_layers
scanner/fuzz_layers_SRCS =	regress/scanner/fuzz_layers.c \
				scanner/layers.c scanner/ole2.c \
				scanner/result.c common/proto.c
scanner/fuzz_layers_CPPFLAGS =	-Iscanner
scanner/fuzz_layers_LIBS =	-lbsd

# What a scan costs; run by hand: $(O)/regress/scanner/bench_scan regress/db
bench_scan_SRCS =	$(addprefix scanner/,engine.c layers.c ole2.c result.c \
			tmpdir.c dbwatch.c sandbox.c)
$(O)/regress/scanner/bench_scan: regress/bench/bench_scan.c \
    $(bench_scan_SRCS) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -iquote common -iquote scanner \
	    $(ALL_LDFLAGS) -o $@ $^ -lclamav $(COMMON_LIBS)

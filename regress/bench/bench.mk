# SPDX-License-Identifier: ISC
#
#	make bench			everything; needs root, takes minutes
#	make bench BENCH="--rounds 3"	options of regress/bench/run
#
# The tools are built as the product is, without sanitizers.

BENCH ?=
BENCH_TOOLS =	$(O)/regress/bench/smtpload $(O)/regress/bench/smtpsink
BENCH_CC =	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)

$(O)/regress/bench/smtpload: regress/bench/smtpload.c \
    regress/bench/message.c regress/bench/message.h
	@mkdir -p $(@D)
	$(BENCH_CC) -o $@ $(filter %.c,$^)

$(O)/regress/bench/smtpsink: regress/bench/smtpsink.c
	@mkdir -p $(@D)
	$(BENCH_CC) -o $@ $<

check-build: $(BENCH_TOOLS)

.PHONY: bench
bench: check-deps
	@$(MAKE) --no-print-directory O=$(O) all $(BENCH_TOOLS)
	@O=$(O) regress/bench/run $(BENCH)

# Mail beside thousands of clients that send a byte a second.
.PHONY: bench-slow
bench-slow: check-deps
	@$(MAKE) --no-print-directory O=$(O) all $(BENCH_TOOLS)
	@O=$(O) regress/bench/slowloris.py $(BENCH)

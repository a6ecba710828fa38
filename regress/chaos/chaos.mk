# SPDX-License-Identifier: ISC

# Without sanitizers, as the tools of bench are: it must be fast.
$(O)/regress/chaos/reloadload: regress/chaos/reloadload.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

check-build: $(O)/regress/chaos/reloadload

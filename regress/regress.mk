# SPDX-License-Identifier: ISC
#
# Tests.  regress/README says how to write one.
#
#	make check			everything; needs root
#	make check T="parser e2e/t_gate"	some areas or some tests
#	make fuzz FUZZTIME=60		each fuzzer for that many seconds
#	make demo, make demo-once	see it work
#
# Programs in C are declared by regress/AREA/AREA.mk (UNIT, FUZZ); scripts
# regress/AREA/t_* need no declaration.

FUZZ_CC ?=	clang
FUZZTIME ?=	0
T ?=

REGRESS_SAN =	-fsanitize=address,undefined -fno-sanitize-recover=all
REGRESS_CFLAGS = $(WARN) -Wno-missing-prototypes -O1 -g \
		-fno-omit-frame-pointer
REGRESS_CPPFLAGS = $(CPPFLAGS) -DMAILWALL_SANITIZE -Icommon
REGRESS_HDRS =	$(wildcard common/*.h $(foreach p,$(PROCS),$(p)/*.h) \
		regress/*/*.h)

-include $(wildcard regress/*/*.mk)

# The objects of a test are its own: tests differ in flags.  A source that
# was generated lies under $(O).
regress_obj =	$(O)/regress/$(1).d/$(subst /,_,$(2:.c=.o))

# $(1) test, $(2) source, $(3) compiler, $(4) flags
define regress_compile
$(call regress_obj,$(1),$(2)): $(2) $$(REGRESS_HDRS)
	@mkdir -p $$(@D)
	$(3) $$(REGRESS_CPPFLAGS) $$($(1)_CPPFLAGS) $$(REGRESS_CFLAGS) \
	    $$($(1)_CFLAGS) $(4) -c -o $$@ $$<
endef

# $(1) test, $(2) compiler, $(3) flags
define regress_program
$(O)/regress/$(1): $(foreach s,$($(1)_SRCS),$(call regress_obj,$(1),$(s)))
	@mkdir -p $$(@D)
	$(2) $(3) -o $$@ $$^ $$($(1)_LIBS)
$(foreach s,$($(1)_SRCS),$(eval $(call regress_compile,$(1),$(s),$(2),$(3))))
endef

$(foreach t,$(UNIT),$(eval \
    $(call regress_program,$(t),$$(CC),$$(REGRESS_SAN))))
$(foreach t,$(FUZZ),$(eval \
    $(call regress_program,$(t),$$(FUZZ_CC),$$(REGRESS_SAN) \
    -fsanitize=fuzzer)))

.PHONY: check check-deps check-build check-list fuzz demo demo-once
check-deps:
	@if [ -x etc/deps ]; then etc/deps check; fi

check-build: all $(UNIT:%=$(O)/regress/%) $(FUZZ:%=$(O)/regress/%)

# What regress/run asks for.
check-list:
	@printf 'unit %s\n' $(UNIT)
	@printf 'fuzz %s\n' $(FUZZ)

# Not as prerequisites: the build needs what check-deps installs.
check: check-deps
	@$(MAKE) --no-print-directory O=$(O) check-build
	@O=$(O) MAKE="$(MAKE)" FUZZTIME=$(FUZZTIME) regress/run $(T)

fuzz: check-deps
	@$(MAKE) --no-print-directory O=$(O) $(FUZZ:%=$(O)/regress/%)
	@O=$(O) MAKE="$(MAKE)" FUZZTIME=$(FUZZTIME) regress/run --fuzz $(T)

demo demo-once:
	@if [ -x etc/deps ]; then etc/deps demo; fi
	@$(MAKE) --no-print-directory O=$(O) all
	@O=$(O) regress/demo/demo $(if $(filter demo-once,$@),--once)

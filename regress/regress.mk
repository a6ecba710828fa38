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

# Tests with the same compiler and flags share objects, in a directory that is
# called after these; flags that are too long for that make a test have its
# own.  A source that was generated lies under $(O).
regress_empty :=
regress_flags =	$(strip $($(1)_CPPFLAGS) $($(1)_CFLAGS))
regress_name =	$(subst =,_,$(subst /,_,$(subst \
		$(regress_empty) $(regress_empty),,$(1))))
regress_own =	$(findstring -isystem,$(2))
regress_dir =	$(O)/regress/$(if $(regress_own),$(1).d,objs/$(strip \
		$(3))$(call regress_name,$(2)))
regress_obj =	$(call regress_dir,$(1),$(call \
		regress_flags,$(1)),$(3))/$(subst /,_,$(2:.c=.o))

# $(1) test, $(2) source, $(3) compiler, $(4) flags, $(5) object
define regress_compile
regress_has_$(5) := 1
$(5): $(2) $$(REGRESS_HDRS)
	@mkdir -p $$(@D)
	$(3) $$(REGRESS_CPPFLAGS) $$($(1)_CPPFLAGS) $$(REGRESS_CFLAGS) \
	    $$($(1)_CFLAGS) $(4) -c -o $$@ $$<
endef

# $(1) test, $(2) source, $(3) compiler, $(4) flags, $(5) object: once
regress_object = $(if $(regress_has_$(5)),,$(eval \
		$(call regress_compile,$(1),$(2),$(3),$(4),$(5))))

# $(1) test, $(2) compiler, $(3) flags, $(4) unit or fuzz
define regress_program
$(O)/regress/$(1): $(foreach s,$($(1)_SRCS),$(call regress_obj,$(1),$(s),$(4)))
	@mkdir -p $$(@D)
	$(2) $(3) -o $$@ $$^ $$($(1)_LIBS)
$(foreach s,$($(1)_SRCS),$(call regress_object,$(1),$(s),$(2),$(3),$(call \
    regress_obj,$(1),$(s),$(4))))
endef

$(foreach t,$(UNIT),$(eval \
    $(call regress_program,$(t),$$(CC),$$(REGRESS_SAN),unit)))
$(foreach t,$(FUZZ),$(eval \
    $(call regress_program,$(t),$$(FUZZ_CC),$$(REGRESS_SAN) \
    -fsanitize=fuzzer,fuzz)))

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

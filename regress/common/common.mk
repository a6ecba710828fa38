# SPDX-License-Identifier: ISC

UNIT +=			common/test_addr
common/test_addr_SRCS =	regress/common/test_addr.c common/addr.c

UNIT +=			common/test_buf
common/test_buf_SRCS =	regress/common/test_buf.c common/buf.c

UNIT +=			common/test_log
common/test_log_SRCS =	regress/common/test_log.c common/log.c common/utf8.c

UNIT +=			common/test_puny
common/test_puny_SRCS =	regress/common/test_puny.c common/puny.c \
			common/utf8.c

UNIT +=			common/test_macro
common/test_macro_SRCS = regress/common/test_macro.c common/macro.c

UNIT +=			common/test_ev
common/test_ev_SRCS =	regress/common/test_ev.c common/ev.c common/log.c \
			common/utf8.c

common_wire_SRCS =	common/addr.c common/addrset.c common/puny.c \
			common/conf.c \
			common/rule.c common/netset.c \
			common/conflist.c common/confmail.c common/confwire.c \
			common/imsg.c common/log.c common/utf8.c \
			common/parts.c \
			common/proto.c common/why.c common/facts.c

UNIT +=			common/test_imsg
common/test_imsg_SRCS =	regress/common/test_imsg.c $(common_wire_SRCS)
common/test_imsg_LIBS =	-lbsd -ltre

UNIT +=			common/test_conf
common/test_conf_SRCS =	regress/common/test_conf.c $(common_wire_SRCS)
common/test_conf_LIBS =	-lbsd -ltre

UNIT +=			common/test_conflist
common/test_conflist_SRCS = regress/common/test_conflist.c $(common_wire_SRCS)
common/test_conflist_LIBS = -lbsd -ltre

UNIT +=			common/test_rule
common/test_rule_SRCS =	regress/common/test_rule.c $(common_wire_SRCS)
common/test_rule_LIBS =	-lbsd -ltre

FUZZ +=			common/fuzz_frame
common/fuzz_frame_SRCS = regress/common/fuzz_frame.c $(common_wire_SRCS)
common/fuzz_frame_LIBS = -lbsd -ltre

# What rules cost: "make obj/bench_rules", optimised as the product.
$(O)/bench_rules: regress/bench/bench_rules.c $(common_wire_SRCS) \
    common/ev.c $(REGRESS_HDRS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -iquote common $(ALL_LDFLAGS) -o $@ \
	    $(sort $(filter %.c,$^)) -lbsd -ltre

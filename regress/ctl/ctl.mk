# SPDX-License-Identifier: ISC

ctl_rows_SRCS =		ctl/output.c ctl/rows.c ctl/times.c common/addr.c \
			common/addrset.c common/puny.c common/conf.c \
			common/facts.c common/rule.c common/netset.c \
			common/conflist.c \
			common/confmail.c \
			common/log.c common/parts.c common/proto.c \
			common/utf8.c

UNIT +=			ctl/test_output
ctl/test_output_SRCS =	regress/ctl/test_output.c $(ctl_rows_SRCS)
ctl/test_output_CPPFLAGS = -Ictl -Iregress/common
ctl/test_output_LIBS =	-lbsd -ltre

UNIT +=			ctl/test_times
ctl/test_times_SRCS =	regress/ctl/test_times.c $(ctl_rows_SRCS)
ctl/test_times_CPPFLAGS = -Ictl -Iregress/common
ctl/test_times_LIBS =	-lbsd -ltre

FUZZ +=			ctl/fuzz_rows
ctl/fuzz_rows_SRCS =	regress/ctl/fuzz_rows.c $(ctl_rows_SRCS)
ctl/fuzz_rows_CPPFLAGS = -Ictl
ctl/fuzz_rows_LIBS =	-lbsd -ltre

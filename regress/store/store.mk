# SPDX-License-Identifier: ISC

UNIT +=			store/test_send
store/test_send_SRCS =	regress/store/test_send.c store/db.c \
			store/audit.c store/journal.c store/json.c \
			store/kernel.c store/lost.c store/member.c \
			store/quarantine.c store/record.c store/send.c \
			store/files.c store/outbox.c store/notice.c \
			store/compose.c common/buf.c \
			common/addr.c common/addrset.c common/puny.c \
			common/conf.c \
			common/rule.c common/netset.c \
			common/conflist.c common/confmail.c \
			common/ev.c common/facts.c common/imsg.c common/log.c \
			common/parts.c common/proto.c common/utf8.c
store/test_send_CPPFLAGS = -Istore -Iregress/common
store/test_send_LIBS =	-lbsd -ltre -lmd -lsqlite3

# SPDX-License-Identifier: ISC

# Each test links the modules that it is about, and common/ as they need it.
proxy_unit_SRCS =	regress/proxy/unit.c proxy/data.c common/buf.c \
			common/log.c common/utf8.c common/conf.c \
			common/facts.c common/rule.c common/netset.c \
			common/addrset.c common/puny.c \
			common/conflist.c common/confmail.c common/addr.c \
			common/parts.c
proxy_unit_CPPFLAGS =	-Iproxy -Iregress/proxy

UNIT +=			proxy/test_command
proxy/test_command_SRCS = regress/proxy/test_command.c proxy/command.c \
			$(proxy_unit_SRCS)
proxy/test_command_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_command_LIBS = -lbsd -ltre

UNIT +=			proxy/test_reply
proxy/test_reply_SRCS =	regress/proxy/test_reply.c proxy/reply.c \
			$(proxy_unit_SRCS)
proxy/test_reply_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_reply_LIBS =	-lbsd -ltre

UNIT +=			proxy/test_ehlo
proxy/test_ehlo_SRCS =	regress/proxy/test_ehlo.c proxy/ehlo.c \
			$(proxy_unit_SRCS)
proxy/test_ehlo_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_ehlo_LIBS =	-lbsd -ltre

UNIT +=			proxy/test_data
proxy/test_data_SRCS =	regress/proxy/test_data.c $(proxy_unit_SRCS)
proxy/test_data_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_data_LIBS =	-lbsd -ltre

UNIT +=			proxy/test_deliver
proxy/test_deliver_SRCS = regress/proxy/test_deliver.c proxy/deliver.c \
			proxy/reply.c proxy/stuff.c common/ev.c \
			$(proxy_unit_SRCS)
proxy/test_deliver_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_deliver_LIBS = -lbsd -ltre

FUZZ +=			proxy/fuzz_command proxy/fuzz_reply proxy/fuzz_ehlo \
			proxy/fuzz_data
proxy/fuzz_command_SRCS = regress/proxy/fuzz_command.c proxy/command.c \
			$(proxy_unit_SRCS)
proxy/fuzz_command_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/fuzz_command_LIBS = -lbsd -ltre
proxy/fuzz_reply_SRCS =	regress/proxy/fuzz_reply.c proxy/reply.c \
			$(proxy_unit_SRCS)
proxy/fuzz_reply_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/fuzz_reply_LIBS =	-lbsd -ltre
proxy/fuzz_ehlo_SRCS =	regress/proxy/fuzz_ehlo.c proxy/ehlo.c proxy/reply.c \
			$(proxy_unit_SRCS)
proxy/fuzz_ehlo_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/fuzz_ehlo_LIBS =	-lbsd -ltre
proxy/fuzz_data_SRCS =	regress/proxy/fuzz_data.c $(proxy_unit_SRCS)
proxy/fuzz_data_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/fuzz_data_LIBS =	-lbsd -ltre
# log.c hands formats on.
proxy/fuzz_command_CFLAGS = -Wno-format-nonliteral
proxy/fuzz_reply_CFLAGS = -Wno-format-nonliteral
proxy/fuzz_ehlo_CFLAGS = -Wno-format-nonliteral
proxy/fuzz_data_CFLAGS = -Wno-format-nonliteral

UNIT +=			proxy/test_proxyproto
proxy/test_proxyproto_SRCS = regress/proxy/test_proxyproto.c \
			proxy/proxyproto.c $(proxy_unit_SRCS)
proxy/test_proxyproto_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_proxyproto_LIBS = -lbsd -ltre
FUZZ +=			proxy/fuzz_proxyproto
proxy/fuzz_proxyproto_SRCS = regress/proxy/fuzz_proxyproto.c \
			proxy/proxyproto.c common/addr.c
proxy/fuzz_proxyproto_CPPFLAGS = -Iproxy

# The gateway's own client.
proxy_outgoing_SRCS =	proxy/outgoing.c proxy/sending.c proxy/command.c \
			proxy/proxyproto.c proxy/reply.c proxy/stuff.c \
			common/ev.c common/imsg.c common/proto.c \
			$(proxy_unit_SRCS)
UNIT +=			proxy/test_outgoing
proxy/test_outgoing_SRCS = regress/proxy/test_outgoing.c \
			$(proxy_outgoing_SRCS)
proxy/test_outgoing_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_outgoing_LIBS = -lbsd -ltre

# Marks on messages.
UNIT +=			proxy/test_edit
proxy/test_edit_SRCS =	regress/proxy/test_edit.c proxy/edit.c \
			proxy/body.c proxy/recode.c \
			$(proxy_unit_SRCS)
proxy/test_edit_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_edit_LIBS =	-lbsd -ltre
FUZZ +=			proxy/fuzz_edit
proxy/fuzz_edit_SRCS =	regress/proxy/fuzz_edit.c proxy/edit.c \
			proxy/body.c proxy/recode.c \
			$(proxy_unit_SRCS)
proxy/fuzz_edit_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/fuzz_edit_LIBS =	-lbsd -ltre
proxy/fuzz_edit_CFLAGS = -Wno-format-nonliteral
UNIT +=			proxy/test_send
proxy/test_send_SRCS =	regress/proxy/test_send.c proxy/outgoing.c \
			common/imsg.c common/proto.c $(proxy_unit_SRCS)
proxy/test_send_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_send_LIBS =	-lbsd -ltre
FUZZ +=			proxy/fuzz_outgoing
proxy/fuzz_outgoing_SRCS = regress/proxy/fuzz_outgoing.c \
			$(proxy_outgoing_SRCS)
# The server is the other end of a pair of sockets.
proxy/fuzz_outgoing_CPPFLAGS = $(proxy_unit_CPPFLAGS) -Dconnect=fuzz_connect
proxy/fuzz_outgoing_LIBS = -lbsd -ltre
proxy/fuzz_outgoing_CFLAGS = -Wno-format-nonliteral

UNIT +=			proxy/test_sock
proxy/test_sock_SRCS =	regress/proxy/test_sock.c proxy/sock.c \
			common/imsg.c common/proto.c $(proxy_unit_SRCS)
proxy/test_sock_CPPFLAGS = $(proxy_unit_CPPFLAGS)
proxy/test_sock_LIBS =	-lbsd -ltre

# Changes of what is in a message, which the parser has taken apart.
proxy_body_SRCS =	proxy/body.c proxy/strip.c proxy/disclaimer.c \
			proxy/recode.c proxy/data.c regress/proxy/unit.c \
			regress/parser/harness.c common/buf.c common/conf.c \
			common/addrset.c common/puny.c common/conflist.c \
			common/addr.c \
			common/rule.c common/netset.c common/facts.c \
			$(parser_TESTED)
proxy_body_CPPFLAGS =	$(proxy_unit_CPPFLAGS) $(parser_INC) $(GMIME_CFLAGS)
UNIT +=			proxy/test_body
proxy/test_body_SRCS =	regress/proxy/test_body.c $(proxy_body_SRCS)
proxy/test_body_CPPFLAGS = $(proxy_body_CPPFLAGS)
proxy/test_body_LIBS =	$(GMIME_LIBS) -lbsd -ltre
FUZZ +=			proxy/fuzz_body
proxy/fuzz_body_SRCS =	regress/proxy/fuzz_body.c $(proxy_body_SRCS)
proxy/fuzz_body_CPPFLAGS = $(proxy_body_CPPFLAGS)
proxy/fuzz_body_LIBS =	-lbsd -ltre
proxy/fuzz_body_CFLAGS = -Wno-format-nonliteral

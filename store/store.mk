# SPDX-License-Identifier: ISC

store_SRCS =	\
	db.c \
	main.c \
	member.c \
	quarantine.c \
	record.c \
	sandbox.c \
	send.c \
	$(if $(wildcard store/control.c),control.c query.c,stub.c)
store_LIBS =	-lsqlite3 -lmd

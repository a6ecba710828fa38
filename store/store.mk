# SPDX-License-Identifier: ISC

store_SRCS =	\
	main.c \
	sandbox.c \
	$(notdir $(wildcard store/db.c store/record.c store/member.c \
	    store/quarantine.c store/send.c store/stub.c \
	    store/control.c store/query.c))
store_LIBS =	-lsqlite3 -lmd

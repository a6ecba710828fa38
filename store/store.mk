# SPDX-License-Identifier: ISC

store_SRCS =	\
	control.c \
	db.c \
	explain.c \
	main.c \
	member.c \
	quarantine.c \
	query.c \
	record.c \
	sandbox.c \
	send.c
store_LIBS =	-lsqlite3 -lmd

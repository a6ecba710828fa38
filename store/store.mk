# SPDX-License-Identifier: ISC

store_SRCS =	\
	audit.c \
	compose.c \
	control.c \
	db.c \
	explain.c \
	files.c \
	http.c \
	journal.c \
	json.c \
	kernel.c \
	lost.c \
	main.c \
	member.c \
	metrics.c \
	notice.c \
	outbox.c \
	quarantine.c \
	query.c \
	record.c \
	sandbox.c \
	send.c \
	tally.c
store_LIBS =	-lsqlite3 -lmd

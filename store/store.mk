# SPDX-License-Identifier: ISC

store_SRCS =	\
	audit.c \
	control.c \
	db.c \
	http.c \
	json.c \
	kernel.c \
	main.c \
	member.c \
	metrics.c \
	quarantine.c \
	query.c \
	record.c \
	sandbox.c \
	send.c
store_LIBS =	-lsqlite3 -lmd

# SPDX-License-Identifier: ISC

ctl_SRCS =	\
	connection.c \
	explain.c \
	main.c \
	metrics.c \
	output.c \
	report.c \
	rows.c \
	times.c \
	top.c

master_SRCS =	\
	build.c \
	check.c \
	child.c \
	confsend.c \
	content.c \
	context.c \
	control.c \
	disclaimer.c \
	dispatch.c \
	envelope.c \
	expect.c \
	kept.c \
	kernel.c \
	keyword.c \
	lex.c \
	listen.c \
	lists.c \
	local.c \
	main.c \
	audit.c \
	metrics.c \
	nets.c \
	notify.c \
	outbox.c \
	parse.c \
	pattern.c \
	printconf.c \
	rundir.c \
	setting.c \
	source.c \
	spawn.c \
	value.c
master_LIBS =	-ltre -lmnl
master_CFLAGS =	-I$(O)/master

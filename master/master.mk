master_SRCS =	\
	build.c \
	check.c \
	child.c \
	confsend.c \
	content.c \
	control.c \
	dispatch.c \
	envelope.c \
	expect.c \
	keyword.c \
	lex.c \
	listen.c \
	lists.c \
	local.c \
	main.c \
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
master_LIBS =	-ltre
master_CFLAGS =	-I$(O)/master

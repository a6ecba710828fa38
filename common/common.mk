COMMON_SRCS =	\
	addr.c \
	addrset.c \
	buf.c \
	child.c \
	conf.c \
	conflist.c \
	confmail.c \
	confwire.c \
	ev.c \
	exprfold.c \
	facts.c \
	imsg.c \
	log.c \
	lzfu.c \
	macro.c \
	netset.c \
	normal.c \
	normtab.c \
	parts.c \
	priv.c \
	proto.c \
	puny.c \
	rule.c \
	sandbox.c \
	source.c \
	stats.c \
	utf8.c \
	why.c
COMMON_LIBS =	-lseccomp -lcap -lbsd -ltre

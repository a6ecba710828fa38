proxy_SRCS =	\
	accept.c \
	autoreply.c \
	expand.c \
	body.c \
	client.c \
	command.c \
	data.c \
	deliver.c \
	digest.c \
	disclaimer.c \
	edit.c \
	ehlo.c \
	explain.c \
	explainrow.c \
	identity.c \
	inspect.c \
	main.c \
	member.c \
	outgoing.c \
	policy.c \
	proxyproto.c \
	rate.c \
	renew.c \
	recode.c \
	reply.c \
	revise.c \
	sandbox.c \
	sending.c \
	server.c \
	session.c \
	sock.c \
	source.c \
	store.c \
	strip.c \
	stuff.c \
	verdict.c
proxy_LIBS =	-lmd

proxy_SRCS =	\
	accept.c \
	autoreply.c \
	client.c \
	command.c \
	data.c \
	deliver.c \
	edit.c \
	ehlo.c \
	identity.c \
	inspect.c \
	main.c \
	member.c \
	outgoing.c \
	policy.c \
	proxyproto.c \
	reply.c \
	sandbox.c \
	sending.c \
	server.c \
	session.c \
	sock.c \
	source.c \
	store.c \
	stuff.c \
	verdict.c
proxy_LIBS =

proxy_SRCS =	\
	accept.c \
	client.c \
	command.c \
	data.c \
	deliver.c \
	ehlo.c \
	identity.c \
	inspect.c \
	main.c \
	proxyproto.c \
	reply.c \
	sandbox.c \
	server.c \
	session.c \
	sock.c \
	source.c \
	verdict.c
proxy_LIBS =

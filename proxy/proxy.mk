proxy_SRCS =	\
	accept.c \
	client.c \
	command.c \
	data.c \
	deliver.c \
	ehlo.c \
	inspect.c \
	main.c \
	reply.c \
	sandbox.c \
	server.c \
	session.c \
	sock.c \
	verdict.c
proxy_LIBS =

proxy_SRCS =	\
	main.c
proxy_LIBS =

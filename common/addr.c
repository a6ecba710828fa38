/* SPDX-License-Identifier: ISC */

/* Network addresses, see addr.h.  Numeric only: nothing here asks the DNS. */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

int
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	const struct sockaddr_in	*in4;
	const struct sockaddr_in6	*in6;

	memset(a, 0, sizeof(*a));
	switch (sa->sa_family) {
	case AF_INET:
		in4 = (const struct sockaddr_in *)(const void *)sa;
		a->family = 4;
		a->port = ntohs(in4->sin_port);
		memcpy(a->ip, &in4->sin_addr, 4);
		return (0);
	case AF_INET6:
		in6 = (const struct sockaddr_in6 *)(const void *)sa;
		a->port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			a->family = 4;
			memcpy(a->ip, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			a->family = 6;
			memcpy(a->ip, &in6->sin6_addr, 16);
		}
		return (0);
	default:
		errno = EAFNOSUPPORT;
		return (-1);
	}
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*in4;
	struct sockaddr_in6	*in6;

	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		in4 = (struct sockaddr_in *)(void *)ss;
		in4->sin_family = AF_INET;
		in4->sin_port = htons(a->port);
		memcpy(&in4->sin_addr, a->ip, 4);
		return (sizeof(*in4));
	}
	in6 = (struct sockaddr_in6 *)(void *)ss;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return (sizeof(*in6));
}

int
addr_parse(struct addr *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, a->ip) == 1) {
		a->family = 4;
		return (0);
	}
	if (inet_pton(AF_INET6, text, a->ip) == 1) {
		a->family = 6;
		return (0);
	}
	memset(a, 0, sizeof(*a));
	errno = EINVAL;
	return (-1);
}

int
addr_parse_net(struct addr_net *net, const char *text)
{
	char		 host[INET6_ADDRSTRLEN];
	const char	*slash;
	char		*end;
	unsigned long	 bits, max;
	size_t		 len;

	memset(net, 0, sizeof(*net));
	slash = strchr(text, '/');
	len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	if (len >= sizeof(host)) {
		errno = EINVAL;
		return (-1);
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (addr_parse(&net->addr, host) == -1)
		return (-1);
	max = net->addr.family == 4 ? 32 : 128;
	bits = max;
	if (slash != NULL) {
		if (slash[1] < '0' || slash[1] > '9') {
			errno = EINVAL;
			return (-1);
		}
		errno = 0;
		bits = strtoul(slash + 1, &end, 10);
		if (errno != 0 || *end != '\0' || bits > max) {
			errno = EINVAL;
			return (-1);
		}
	}
	net->prefix = (uint32_t)bits;
	return (0);
}

char *
addr_ip(const struct addr *a, char *buf, size_t size)
{
	char	 text[INET6_ADDRSTRLEN];

	if (a->family == 0 || inet_ntop(a->family == 4 ? AF_INET : AF_INET6,
	    a->ip, text, sizeof(text)) == NULL)
		snprintf(buf, size, "none");
	else
		snprintf(buf, size, "%s", text);
	return (buf);
}

char *
addr_ipport(const struct addr *a, char *buf, size_t size)
{
	char	 text[INET6_ADDRSTRLEN];

	addr_ip(a, text, sizeof(text));
	if (a->family == 6)
		snprintf(buf, size, "[%s]:%u", text, a->port);
	else
		snprintf(buf, size, "%s:%u", text, a->port);
	return (buf);
}

int
addr_same_ip(const struct addr *a, const struct addr *b)
{
	return (a->family == b->family && memcmp(a->ip, b->ip,
	    a->family == 4 ? 4 : 16) == 0);
}

int
addr_same(const struct addr *a, const struct addr *b)
{
	return (a->port == b->port && addr_same_ip(a, b));
}

int
addr_in_net(const struct addr *a, const struct addr_net *net)
{
	uint32_t	 bytes, bits;
	uint8_t		 mask;

	if (a->family != net->addr.family)
		return (0);
	bytes = net->prefix / 8;
	bits = net->prefix % 8;
	if (memcmp(a->ip, net->addr.ip, bytes) != 0)
		return (0);
	if (bits == 0)
		return (1);
	mask = (uint8_t)(0xff << (8 - bits));
	return ((a->ip[bytes] & mask) == (net->addr.ip[bytes] & mask));
}

/* SPDX-License-Identifier: ISC */

/* Network addresses, small enough to keep thousands of them. */

#ifndef MAILWALL_ADDR_H
#define MAILWALL_ADDR_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#define ADDR_STRLEN	64	/* "[v6]:port" and a NUL */

/* An IPv4 or IPv6 address and a TCP port.  Zeroed: no address. */
struct addr {
	uint8_t		 family;	/* 4, 6, or 0 for none */
	uint8_t		 pad;		/* zero */
	uint16_t	 port;		/* host order */
	uint8_t		 ip[16];	/* network order; IPv4: the first 4 */
};

/* A network: address and length of the prefix in bits. */
struct addr_net {
	struct addr	 addr;		/* port unused */
	uint32_t	 prefix;	/* 0 to 32 or 128 */
};

/* Convert; an IPv4-mapped IPv6 becomes IPv4.  0, or -1 EAFNOSUPPORT. */
int		 addr_from_sockaddr(struct addr *, const struct sockaddr *);
socklen_t	 addr_to_sockaddr(const struct addr *,
		    struct sockaddr_storage *);

/* Numeric text to address, port 0.  Returns 0, or -1 with errno EINVAL. */
int		 addr_parse(struct addr *, const char *);
/* "address" or "address/prefix".  Returns 0, or -1 with errno EINVAL. */
int		 addr_parse_net(struct addr_net *, const char *);

/* Text forms, into buf (ADDR_STRLEN suffices); return buf. */
char		*addr_ip(const struct addr *, char *buf, size_t);
char		*addr_ipport(const struct addr *, char *buf, size_t);

/* Same host, and the same host and port: 1 or 0. */
int		 addr_same_ip(const struct addr *, const struct addr *);
int		 addr_same(const struct addr *, const struct addr *);
/* Is the address inside the network: 1 or 0. */
int		 addr_in_net(const struct addr *, const struct addr_net *);

#endif /* MAILWALL_ADDR_H */

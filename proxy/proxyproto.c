/* SPDX-License-Identifier: ISC */

/*
 * The PROXY protocol: one header in front of a connection, by which a load
 * balancer says for whom it speaks.
 *
 * It is read only from those who were configured to send it, since whoever
 * is believed here can be anybody.  Even then it is taken to the letter: a
 * header that a strict reader would refuse could be read in two ways.
 */

#include <stdio.h>
#include <string.h>

#include "limits.h"
#include "proxyproto.h"

#define V1_MAX		107	/* octets of a line with its CRLF */
#define V2_TLV_SSL	0x20	/* flags, a result, more TLVs */
#define V2_CLIENT_SSL	0x01	/* of its flags: over SSL or TLS */
#define V2_HEAD		16	/* octets before addresses and TLVs */
#define V2_INET		12	/* octets of two IPv4 addresses and ports */
#define V2_INET6	36

static const uint8_t	 signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a
};

/* What is left of a line of version 1. */
struct words {
	const char	*p;
	const char	*end;
};

static int	 word_next(struct words *, char *, size_t);
static int	 parse_port(const char *, uint16_t *);
static int	 parse_v1(const uint8_t *, size_t, struct addr *, size_t *);
static int	 parse_v1_addrs(struct words *, int, struct addr *);
static int	 parse_v2(const uint8_t *, size_t, struct addr *, size_t *);
static int	 parse_any(const uint8_t *, size_t, struct addr *, size_t *);
static int	 is_prefix(const uint8_t *, size_t, const void *, size_t);
static struct addr mapped(const struct addr *);
static size_t	 put_addr(uint8_t *, const struct addr *);

/* Could these bytes, which may be few, begin like that? */
static int
is_prefix(const uint8_t *p, size_t len, const void *head, size_t n)
{
	return (memcmp(p, head, len < n ? len : n) == 0);
}

/* One word behind one blank.  Returns 0, or -1 when there is none. */
static int
word_next(struct words *w, char *buf, size_t size)
{
	const char	*blank;
	size_t		 len;

	if (w->p == w->end || *w->p != ' ')
		return (-1);
	w->p++;
	blank = memchr(w->p, ' ', (size_t)(w->end - w->p));
	len = (size_t)((blank == NULL ? w->end : blank) - w->p);
	if (len == 0 || len >= size)
		return (-1);
	memcpy(buf, w->p, len);
	buf[len] = '\0';
	w->p += len;
	return (strlen(buf) == len ? 0 : -1);
}

/* Decimal without leading zeros. */
static int
parse_port(const char *text, uint16_t *port)
{
	unsigned int	 n;
	size_t		 i;

	n = 0;
	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
		n = n * 10 + (unsigned int)(text[i] - '0');
	if (i == 0 || text[i] != '\0' || n > 65535 ||
	    (text[0] == '0' && i > 1))
		return (-1);
	*port = (uint16_t)n;
	return (0);
}

/* "src dst sport dport" of a family; the destination has to be right, too. */
static int
parse_v1_addrs(struct words *w, int family, struct addr *src)
{
	struct addr	 dst;
	char		 text[4][ADDR_STRLEN];
	int		 i;

	for (i = 0; i < 4; i++)
		if (word_next(w, text[i], sizeof(text[i])) == -1)
			return (-1);
	if (w->p != w->end || addr_parse(src, text[0]) == -1 ||
	    addr_parse(&dst, text[1]) == -1 || src->family != family ||
	    dst.family != family || parse_port(text[2], &src->port) == -1 ||
	    parse_port(text[3], &dst.port) == -1)
		return (-1);
	return (1);
}

static int
parse_v1(const uint8_t *p, size_t len, struct addr *src, size_t *used)
{
	struct words	 w;
	const uint8_t	*lf;
	char		 proto[16];

	lf = memchr(p, '\n', len < V1_MAX ? len : V1_MAX);
	if (lf == NULL)
		return (len < V1_MAX ? 0 : -1);
	if (lf == p || lf[-1] != '\r')
		return (-1);
	*used = (size_t)(lf - p) + 1;
	w.p = (const char *)p + 5;
	w.end = (const char *)lf - 1;
	if (word_next(&w, proto, sizeof(proto)) == -1)
		return (-1);
	if (strcmp(proto, "TCP4") == 0)
		return (parse_v1_addrs(&w, 4, src));
	if (strcmp(proto, "TCP6") == 0)
		return (parse_v1_addrs(&w, 6, src));
	/* Whatever stands behind it is to be ignored. */
	return (strcmp(proto, "UNKNOWN") == 0 ? 2 : -1);
}

static int
parse_v2(const uint8_t *p, size_t len, struct addr *src, size_t *used)
{
	size_t	 n;
	int	 family;

	if (len < V2_HEAD)
		return (0);
	n = (size_t)p[14] << 8 | p[15];
	if ((p[12] != 0x20 && p[12] != 0x21) ||
	    n + V2_HEAD > PROXY_HEADER_MAX)
		return (-1);
	*used = V2_HEAD + n;
	if (len < *used)
		return (0);
	if (p[12] == 0x20)
		return (2);
	memset(src, 0, sizeof(*src));
	p += V2_HEAD;
	family = p[-3];
	switch (family) {
	case 0x11:		/* TCP over IPv4 */
		if (n < V2_INET)
			return (-1);
		src->family = 4;
		memcpy(src->ip, p, 4);
		src->port = (uint16_t)(p[8] << 8 | p[9]);
		return (1);
	case 0x21:		/* TCP over IPv6 */
		if (n < V2_INET6)
			return (-1);
		src->family = 6;
		memcpy(src->ip, p, 16);
		src->port = (uint16_t)(p[32] << 8 | p[33]);
		return (1);
	case 0x00:		/* not said */
	case 0x31:		/* a local socket */
		return (2);
	default:
		/* Not a stream: then it does not speak SMTP. */
		return (-1);
	}
}

static int
parse_any(const uint8_t *p, size_t len, struct addr *src, size_t *used)
{
	if (len == 0)
		return (0);
	if (is_prefix(p, len, signature, sizeof(signature)))
		return (parse_v2(p, len, src, used));
	if (!is_prefix(p, len, "PROXY", 5))
		return (-1);
	if (len < 5)
		return (0);
	return (parse_v1(p, len, src, used));
}

int
proxyproto_parse(const uint8_t *p, size_t len, struct addr *src, size_t *used)
{
	struct sockaddr_storage	 ss;
	int			 n;

	n = parse_any(p, len, src, used);
	/* "::ffff:192.0.2.1" is IPv4 to all rules: this makes it so. */
	if (n == 1) {
		addr_to_sockaddr(src, &ss);
		addr_from_sockaddr(src, (struct sockaddr *)&ss);
	}
	return (n);
}

int
proxyproto_tls(const uint8_t *p, size_t used)
{
	const uint8_t	*end;
	size_t		 n;

	if (used < V2_HEAD || !is_prefix(p, used, signature,
	    sizeof(signature)) || p[12] != 0x21)
		return (0);
	end = p + used;
	n = p[13] == 0x11 ? V2_INET : p[13] == 0x21 ? V2_INET6 : 0;
	if (n == 0 || used - V2_HEAD < n)
		return (0);
	/* Type, two bytes of length, and so many of value. */
	for (p += V2_HEAD + n; end - p >= 3; p += 3 + n) {
		n = (size_t)p[1] << 8 | p[2];
		if (n > (size_t)(end - p) - 3)
			break;
		if (p[0] == V2_TLV_SSL && n > 0)
			return ((p[3] & V2_CLIENT_SSL) != 0);
	}
	return (0);
}

/* An address as IPv6; IPv4 becomes ::ffff:a.b.c.d. */
static struct addr
mapped(const struct addr *a)
{
	struct addr	 m;

	if (a->family == 6)
		return (*a);
	memset(&m, 0, sizeof(m));
	m.family = 6;
	m.port = a->port;
	m.ip[10] = m.ip[11] = 0xff;
	memcpy(m.ip + 12, a->ip, 4);
	return (m);
}

static size_t
put_addr(uint8_t *buf, const struct addr *a)
{
	size_t	 n;

	n = a->family == 4 ? 4 : 16;
	memcpy(buf, a->ip, n);
	return (n);
}

size_t
proxyproto_make(int version, const struct addr *from, const struct addr *to,
    uint8_t *buf)
{
	struct addr	 src, dst;
	char		 s[ADDR_STRLEN], d[ADDR_STRLEN];
	uint8_t		*p;
	int		 n;

	src = *from;
	dst = *to;
	if (src.family != dst.family) {
		src = mapped(from);
		dst = mapped(to);
	}
	if (version == 1) {
		n = snprintf((char *)buf, PROXYPROTO_MADE_MAX,
		    "PROXY TCP%d %s %s %u %u\r\n", src.family,
		    addr_ip(&src, s, sizeof(s)), addr_ip(&dst, d, sizeof(d)),
		    src.port, dst.port);
		return ((size_t)n);
	}
	memcpy(buf, signature, sizeof(signature));
	buf[12] = 0x21;
	buf[13] = src.family == 4 ? 0x11 : 0x21;
	buf[14] = 0;
	buf[15] = src.family == 4 ? V2_INET : V2_INET6;
	p = buf + V2_HEAD;
	p += put_addr(p, &src);
	p += put_addr(p, &dst);
	*p++ = (uint8_t)(src.port >> 8);
	*p++ = (uint8_t)src.port;
	*p++ = (uint8_t)(dst.port >> 8);
	*p++ = (uint8_t)dst.port;
	return ((size_t)(p - buf));
}

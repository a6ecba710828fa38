/* SPDX-License-Identifier: ISC */

/*
 * Telling a server who its client is, where it sees our address and believes
 * us: by a PROXY header in front of everything, or by Postfix's XCLIENT
 * before the client has its banner.
 *
 * A server that is configured for it trusts this gateway, perhaps so far that
 * it relays for it.  So there is no way back: one that does not take what we
 * say gets no mail from us at all, since it would take the client for us.
 */

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"
#include "proxyproto.h"

/* Attributes that a server may announce, those that we can fill in. */
#define ATTR_ADDR	0x01
#define ATTR_PORT	0x02
#define ATTR_NAME	0x04
#define ATTR_DESTADDR	0x08
#define ATTR_DESTPORT	0x10

static void	 own_name(int, struct addr *);
static void	 called_addr(const struct session *, struct addr *);
static unsigned int attrs_line(const char *, size_t);
static unsigned int attrs_find(const uint8_t *, size_t);
static const char *attr_addr(const struct addr *, char *, size_t);
static void	 refused(struct session *, const char *);

/* The address of our end of a connection. */
static void
own_name(int fd, struct addr *a)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;

	len = sizeof(ss);
	memset(a, 0, sizeof(*a));
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		(void)addr_from_sockaddr(a, (struct sockaddr *)&ss);
}

/* What the client has called: of a relay listener that is our own address. */
static void
called_addr(const struct session *s, struct addr *a)
{
	*a = s->dest;
	if (s->mode == LISTEN_RELAY && s->cev.fd != -1)
		own_name(s->cev.fd, a);
}

/* RFC 5321 has no words for this: it is our configuration that is wrong. */
static void
refused(struct session *s, const char *why)
{
	session_log(s, "identity refused: %s", why);
	server_lost(s, why);
}

void
identity_connected(struct session *s)
{
	struct addr	 called;
	uint8_t		 buf[PROXYPROTO_MADE_MAX];
	size_t		 len;

	if (s->identity != IDENTITY_PROXY1 && s->identity != IDENTITY_PROXY2)
		return;
	called_addr(s, &called);
	len = proxyproto_make(s->identity == IDENTITY_PROXY1 ? 1 : 2,
	    &s->client, &called, buf);
	if (buf_add(&s->sout, buf, len) == -1)
		server_lost(s, "out of memory");
}

int
identity_banner(struct session *s, const struct reply *r)
{
	struct addr	 own;
	char		 ip[ADDR_STRLEN], line[ADDR_STRLEN + 16];
	int		 n;

	if (s->identity != IDENTITY_XCLIENT || r->code != 220)
		return (0);
	/* It may be wanted again: not all greet a second time. */
	s->greeting = malloc(r->len);
	if (s->greeting == NULL) {
		server_lost(s, "out of memory");
		return (1);
	}
	memcpy(s->greeting, buf_ptr(&s->sin), r->len);
	s->greeting_len = r->len;
	own_name(s->sev.fd, &own);
	/* RFC 5321 section 4.1.3. */
	n = snprintf(line, sizeof(line), "EHLO [%s%s]",
	    own.family == 6 ? "IPv6:" : "", addr_ip(&own, ip, sizeof(ip)));
	server_command(s, VERB_OWN_EHLO, line, (size_t)n, NULL);
	return (1);
}

/* The attributes behind "XCLIENT" in one line of the reply. */
static unsigned int
attrs_line(const char *text, size_t len)
{
	static const struct {
		const char	*name;
		unsigned int	 bit;
	} attrs[] = {
		{ "ADDR", ATTR_ADDR }, { "PORT", ATTR_PORT },
		{ "NAME", ATTR_NAME }, { "DESTADDR", ATTR_DESTADDR },
		{ "DESTPORT", ATTR_DESTPORT },
	};
	unsigned int	 bits;
	size_t		 i, n, off;

	bits = 0;
	for (off = 7; off < len; off += n) {
		while (off < len && text[off] == ' ')
			off++;
		for (n = 0; off + n < len && text[off + n] != ' '; n++)
			continue;
		for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
			if (strlen(attrs[i].name) == n &&
			    strncasecmp(text + off, attrs[i].name, n) == 0)
				bits |= attrs[i].bit;
	}
	return (bits);
}

/* The same of the whole reply to EHLO; 0: it is not offered. */
static unsigned int
attrs_find(const uint8_t *data, size_t len)
{
	const uint8_t	*lf;
	const char	*text;
	size_t		 off, n;

	for (off = 0; off < len; off += n) {
		lf = memchr(data + off, '\n', len - off);
		if (lf == NULL)
			break;
		n = (size_t)(lf - data) + 1 - off;
		text = (const char *)data + off + 4;
		if (n > 6 + 7 && off > 0 && text[7] == ' ' &&
		    strncasecmp(text, "XCLIENT", 7) == 0)
			return (attrs_line(text, n - 6));
	}
	return (0);
}

static const char *
attr_addr(const struct addr *a, char *buf, size_t size)
{
	char	 ip[ADDR_STRLEN];

	snprintf(buf, size, "%s%s", a->family == 6 ? "IPV6:" : "",
	    addr_ip(a, ip, sizeof(ip)));
	return (buf);
}

/*
 * The command, with no attribute that was not announced.  The server keeps
 * the name of our own address unless it is told that it does not know one.
 */
void
identity_ehlo(struct session *s, const struct reply *r)
{
	struct addr	 called;
	char		 line[512], ip[ADDR_STRLEN + 8];
	unsigned int	 attrs;
	size_t		 n;

	attrs = r->code == 250 ? attrs_find(buf_ptr(&s->sin), r->len) : 0;
	if ((attrs & ATTR_ADDR) == 0) {
		refused(s, "server offers no XCLIENT");
		return;
	}
	called_addr(s, &called);
	n = (size_t)snprintf(line, sizeof(line), "XCLIENT");
	if (attrs & ATTR_DESTADDR)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
		    " DESTADDR=%s", attr_addr(&called, ip, sizeof(ip)));
	if (attrs & ATTR_DESTPORT)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
		    " DESTPORT=%u", called.port);
	if (attrs & ATTR_PORT)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
		    " PORT=%u", s->client.port);
	if (attrs & ATTR_NAME)
		n += (size_t)snprintf(line + n, sizeof(line) - n,
		    " NAME=[UNAVAILABLE]");
	n += (size_t)snprintf(line + n, sizeof(line) - n, " ADDR=%s",
	    attr_addr(&s->client, ip, sizeof(ip)));
	server_command(s, VERB_OWN_XCLIENT, line, n, NULL);
}

void
identity_xclient(struct session *s, const struct reply *r)
{
	switch (r->code) {
	case 220:
		/* A new greeting, for the client that it knows now. */
		server_banner(s, buf_ptr(&s->sin), r->len, 220);
		break;
	case 250:
		server_banner(s, s->greeting, s->greeting_len, 220);
		break;
	case 500:
	case 501:
	case 502:
	case 503:
	case 504:
	case 550:
		/* It is we whom it does not believe, or understand. */
		refused(s, "server refuses XCLIENT");
		break;
	default:
		/* The client is the one that it does not want. */
		server_banner(s, buf_ptr(&s->sin), r->len, r->code);
		break;
	}
	free(s->greeting);
	s->greeting = NULL;
}

/* SPDX-License-Identifier: ISC */

/*
 * Lists of networks, from the braces of mailwall.conf(5) and from files of
 * one network a line.  What two readers could understand differently is
 * warned about (an address with bits behind its prefix) or refused (the same
 * network with and without "!", IPv4 written as IPv6).
 */

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "conf.h"

#include "lex.h"
#include "build.h"

#define NET_EXPECTED	"a network such as 192.0.2.0/24 or 2001:db8::/32"
#define NET_TEXT_MAX	64	/* the longest IPv6 network is 43 */

struct net {
	STAILQ_ENTRY(net)	 entry;
	struct conf_net		 net;
	struct pos		 pos;
};

struct netlist {
	STAILQ_HEAD(, net)	 nets;
	size_t			 n;
};

static int	 net_mask(struct addr_net *);
static int	 net_is_mapped(const struct addr *);
static int	 net_cmp(const void *, const void *);
static void	 file_line(struct netlist *, struct pos *, const char *,
		    size_t);

struct netlist *
nets_new(void)
{
	struct netlist	*l;

	if ((l = lex_alloc(sizeof(*l))) != NULL)
		STAILQ_INIT(&l->nets);
	return (l);
}

/* ::ffff:a.b.c.d: a client with such an address counts as IPv4. */
static int
net_is_mapped(const struct addr *a)
{
	static const uint8_t	 prefix[12] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
	};

	return (a->family == 6 && memcmp(a->ip, prefix, sizeof(prefix)) == 0);
}

/* Clear what is behind the prefix: 1 if there was something. */
static int
net_mask(struct addr_net *net)
{
	uint32_t	 i, bits;
	uint8_t		 mask;
	int		 had;

	had = 0;
	for (i = 0; i < sizeof(net->addr.ip); i++) {
		bits = net->prefix > i * 8 ? net->prefix - i * 8 : 0;
		mask = bits >= 8 ? 0xff : (uint8_t)(0xff << (8 - bits));
		if ((net->addr.ip[i] & ~mask) != 0)
			had = 1;
		net->addr.ip[i] &= mask;
	}
	return (had);
}

void
nets_add(struct netlist *l, const struct pos *pos, int is_not,
    const char *text)
{
	char		 buf[ADDR_STRLEN];
	struct net	*n;

	if (l == NULL || (n = lex_alloc(sizeof(*n))) == NULL)
		return;
	if (addr_parse_net(&n->net.net, text) == -1) {
		lex_error(pos, NET_EXPECTED, "bad network \"%s\"",
		    lex_show(text));
		return;
	}
	if (net_is_mapped(&n->net.net.addr)) {
		lex_error(pos, "it as IPv4", "%s is IPv4 written as IPv6",
		    lex_show(text));
		return;
	}
	if (net_mask(&n->net.net))
		lex_warning(pos, "%s has bits behind its prefix, taken as "
		    "%s/%u", lex_show(text), addr_ip(&n->net.net.addr, buf,
		    sizeof(buf)), n->net.net.prefix);
	n->net.not = (uint32_t)is_not;
	n->pos = *pos;
	STAILQ_INSERT_TAIL(&l->nets, n, entry);
	l->n++;
}

/* One line of a file: blanks, "!", a network, a comment; or less. */
static void
file_line(struct netlist *l, struct pos *pos, const char *line, size_t len)
{
	char	 text[NET_TEXT_MAX];
	size_t	 i, n;
	int	 is_not;

	for (i = 0; i < len && (line[i] == ' ' || line[i] == '\t'); i++)
		continue;
	is_not = i < len && line[i] == '!';
	if (is_not)
		for (i++; i < len && (line[i] == ' ' || line[i] == '\t'); i++)
			continue;
	for (n = i; n < len && line[n] != '#'; n++)
		continue;
	while (n > i && (line[n - 1] == ' ' || line[n - 1] == '\t' ||
	    line[n - 1] == '\r'))
		n--;
	if (n == i && !is_not)
		return;
	pos->col = (uint32_t)i + 1;
	if (n - i >= sizeof(text) || memchr(line + i, '\0', n - i) != NULL) {
		lex_error(pos, NET_EXPECTED, "bad network");
		return;
	}
	memcpy(text, line + i, n - i);
	text[n - i] = '\0';
	nets_add(l, pos, is_not, text);
}

void
nets_add_file(struct netlist *l, const struct pos *at, const char *path)
{
	struct pos	 pos;
	const char	*buf, *p, *end, *nl;
	size_t		 len;

	memset(&pos, 0, sizeof(pos));
	if (l == NULL || (buf = lex_read(at, path, &pos.path, &len)) == NULL)
		return;
	end = buf + len;
	for (p = buf; p < end; p = nl + 1) {
		pos.line++;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		file_line(l, &pos, p, (size_t)(nl - p));
	}
}

static int
net_cmp(const void *a, const void *b)
{
	const struct net	*x, *y;
	int			 d;

	x = *(const struct net *const *)a;
	y = *(const struct net *const *)b;
	d = (int)x->net.net.addr.family - (int)y->net.net.addr.family;
	if (d == 0)
		d = (int)x->net.net.prefix - (int)y->net.net.prefix;
	if (d == 0)
		d = memcmp(x->net.net.addr.ip, y->net.net.addr.ip,
		    sizeof(x->net.net.addr.ip));
	if (d == 0)
		d = x->net.not < y->net.not ? -1 : x->net.not > y->net.not;
	return (d);
}

/*
 * The most specific network decides, so the same one with and without "!"
 * has no meaning.  Sorted, they are neighbours.
 */
void
nets_check(const struct netlist *l)
{
	struct net	**v, *n;
	char		 buf[ADDR_STRLEN];
	size_t		 i;

	if (l->n == 0 || (v = lex_alloc(l->n * sizeof(struct net *))) == NULL)
		return;
	i = 0;
	STAILQ_FOREACH(n, &l->nets, entry)
		v[i++] = n;
	qsort(v, l->n, sizeof(*v), net_cmp);
	for (i = 1; i < l->n; i++) {
		if (v[i]->net.not == v[i - 1]->net.not ||
		    v[i]->net.net.prefix != v[i - 1]->net.net.prefix ||
		    !addr_same_ip(&v[i]->net.net.addr,
		    &v[i - 1]->net.net.addr))
			continue;
		lex_error(&v[i]->pos, NULL, "%s/%u is excluded here and "
		    "included at %s:%u", addr_ip(&v[i]->net.net.addr, buf,
		    sizeof(buf)), v[i]->net.net.prefix, v[i - 1]->pos.path,
		    v[i - 1]->pos.line);
	}
}

int
nets_equal(const struct netlist *l, const struct conf_table *t)
{
	const struct net	*n;
	size_t			 i;

	if (l->n != t->w.nnets)
		return (0);
	i = 0;
	STAILQ_FOREACH(n, &l->nets, entry) {
		if (n->net.not != t->net[i].not ||
		    n->net.net.prefix != t->net[i].net.prefix ||
		    !addr_same_ip(&n->net.net.addr, &t->net[i].net.addr))
			return (0);
		i++;
	}
	return (1);
}

void
nets_store(const struct netlist *l, struct conf *conf, struct conf_table *t)
{
	const struct net	*n;

	STAILQ_FOREACH(n, &l->nets, entry) {
		if (conf_add_net(conf, t, &n->net) == -1) {
			lex_error(&n->pos, NULL, "more than %d networks",
			    CONF_NETS_MAX);
			return;
		}
	}
}

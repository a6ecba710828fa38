/* SPDX-License-Identifier: ISC */

/*
 * The configuration as frames for a child.  Only proxies judge, so only they
 * get listeners, tables and rules; the scanner gets the words of lists, and
 * proxies their names and what is in lists of addresses.  All have use for
 * the single values.
 */

#include <fcntl.h>
#include <string.h>

#include "master.h"

/* Items of one size, as many to a frame as fit. */
struct batch {
	struct imsgbuf	*ib;
	uint32_t	 type;
	size_t		 len;
	uint8_t		 data[IMSG_DATA_MAX];
};

static int	 batch_end(struct batch *);
static int	 batch_add(struct batch *, const void *, size_t);
static int	 send_rules(struct batch *, const struct conf *);
static int	 send_listeners(struct imsgbuf *, const struct conf *);
static int	 send_tables(struct batch *, const struct conf *);
static int	 list_is_for(const struct imsgbuf *, const struct conf_list *);
static int	 send_entries(struct batch *, const struct conf_list *);
static int	 send_lists(struct batch *, const struct conf *);

static int
send_listeners(struct imsgbuf *ib, const struct conf *conf)
{
	const struct conf_listener	*l;
	struct conf_listener_wire	 w;
	uint32_t			 id;
	int				 fd;

	id = 0;
	TAILQ_FOREACH(l, &conf->listeners, entry) {
		if (l->fd == -1)
			continue;
		w = l->w;
		w.id = id++;
		fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			return (-1);
		if (imsg_compose(ib, IMSG_CONF_LISTENER, 0, fd, &w,
		    sizeof(w)) == -1)
			return (-1);
	}
	return (0);
}

static int
batch_end(struct batch *b)
{
	size_t	 len;

	len = b->len;
	b->len = 0;
	return (len == 0 ? 0 : imsg_compose(b->ib, b->type, 0, -1, b->data,
	    len));
}

static int
batch_add(struct batch *b, const void *item, size_t size)
{
	if (b->len + size > sizeof(b->data) && batch_end(b) == -1)
		return (-1);
	memcpy(b->data + b->len, item, size);
	b->len += size;
	return (0);
}

static int
send_tables(struct batch *b, const struct conf *conf)
{
	const struct conf_table	*t;
	uint32_t		 i;

	b->type = IMSG_CONF_TABLE;
	TAILQ_FOREACH(t, &conf->tables, entry)
		if (batch_add(b, &t->w, sizeof(t->w)) == -1)
			return (-1);
	if (batch_end(b) == -1)
		return (-1);
	b->type = IMSG_CONF_NET;
	TAILQ_FOREACH(t, &conf->tables, entry)
		for (i = 0; i < t->w.nnets; i++)
			if (batch_add(b, &t->net[i], sizeof(t->net[i])) == -1)
				return (-1);
	return (batch_end(b));
}

/* Proxies look for addresses, the scanner for all else. */
static int
list_is_for(const struct imsgbuf *ib, const struct conf_list *l)
{
	return ((ib->peer == PROC_PROXY) == (l->w.kind == LIST_ADDRESSES));
}

static int
send_entries(struct batch *b, const struct conf_list *l)
{
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off, begin;

	for (off = begin = 0; conf_next_entry(l, &off, &e, &text) == 1;
	    begin = off)
		if (batch_add(b, l->data + begin, off - begin) == -1)
			return (-1);
	return (0);
}

static int
send_lists(struct batch *b, const struct conf *conf)
{
	const struct conf_list	*l;
	struct conf_list_wire	 w;
	uint32_t		 i;

	b->type = IMSG_CONF_LIST;
	TAILQ_FOREACH(l, &conf->lists, entry) {
		w = l->w;
		if (!list_is_for(b->ib, l))
			w.nentries = 0;
		if (batch_add(b, &w, sizeof(w)) == -1)
			return (-1);
	}
	if (batch_end(b) == -1)
		return (-1);
	b->type = IMSG_CONF_ENTRY;
	TAILQ_FOREACH(l, &conf->lists, entry)
		if (list_is_for(b->ib, l) && send_entries(b, l) == -1)
			return (-1);
	if (batch_end(b) == -1)
		return (-1);
	for (i = 0; i < conf->nuses; i++)
		if (imsg_compose(b->ib, IMSG_CONF_USE, 0, -1, &conf->use[i],
		    sizeof(conf->use[i])) == -1)
			return (-1);
	return (0);
}

/* And what they need: servers, disclaimers, mail, counts over time. */
static int
send_rules(struct batch *b, const struct conf *conf)
{
	const struct conf_rule	*r;
	uint32_t		 i;

	for (i = 0; i < conf->nservers; i++)
		if (imsg_compose(b->ib, IMSG_CONF_SERVER, 0, -1,
		    &conf->server[i], sizeof(conf->server[i])) == -1)
			return (-1);
	for (i = 0; i < conf->ndisclaimers; i++)
		if (imsg_compose(b->ib, IMSG_CONF_DISCLAIMER, 0, -1,
		    &conf->disclaimer[i], sizeof(conf->disclaimer[i])) == -1)
			return (-1);
	for (i = 0; i < conf->nmails; i++)
		if (imsg_compose(b->ib, IMSG_CONF_MAIL, 0, -1, &conf->mail[i],
		    sizeof(conf->mail[i])) == -1)
			return (-1);
	for (i = 0; i < conf->nrates; i++)
		if (imsg_compose(b->ib, IMSG_CONF_RATE, 0, -1,
		    &conf->rate[i], sizeof(conf->rate[i])) == -1)
			return (-1);
	b->type = IMSG_CONF_RULE;
	TAILQ_FOREACH(r, &conf->rules, entry)
		if (batch_add(b, &r->w, sizeof(r->w)) == -1)
			return (-1);
	return (batch_end(b));
}

int
config_send(struct imsgbuf *ib, const struct conf *conf)
{
	struct conf_globals	 g;
	struct batch		 b;
	uint32_t		 i;

	b.ib = ib;
	b.len = 0;
	g = conf->g;
	if (ib->peer != PROC_PROXY)
		g.inside = 0;	/* they have no tables */
	if (imsg_compose(ib, IMSG_CONF_BEGIN, 0, -1, &g, sizeof(g)) == -1)
		return (-1);
	if ((ib->peer == PROC_PROXY || ib->peer == PROC_SCANNER) &&
	    send_lists(&b, conf) == -1)
		return (-1);
	for (i = 0; i < conf->ndynamics && (ib->peer == PROC_PROXY ||
	    ib->peer == PROC_STORE); i++)
		if (imsg_compose(ib, IMSG_CONF_DYNAMIC, 0, -1,
		    &conf->dynamic[i], sizeof(conf->dynamic[i])) == -1)
			return (-1);
	if ((ib->peer == PROC_PROXY || ib->peer == PROC_STORE) &&
	    imsg_compose(ib, IMSG_CONF_OUTBOX, 0, -1, &conf->outbox,
	    sizeof(conf->outbox)) == -1)
		return (-1);
	if (ib->peer == PROC_PROXY && (send_listeners(ib, conf) == -1 ||
	    send_tables(&b, conf) == -1 || send_rules(&b, conf) == -1))
		return (-1);
	return (imsg_compose(ib, IMSG_CONF_END, 0, -1, NULL, 0));
}

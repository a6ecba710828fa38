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

/* Networks that fit one frame. */
#define NETS_FRAME	(IMSG_DATA_MAX / sizeof(struct conf_net))

static int	 send_listeners(struct imsgbuf *, const struct conf *);
static int	 send_tables(struct imsgbuf *, const struct conf *);
static int	 send_entries(struct imsgbuf *, const struct conf_list *);
static int	 send_lists(struct imsgbuf *, const struct conf *);

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
send_tables(struct imsgbuf *ib, const struct conf *conf)
{
	const struct conf_table	*t;
	size_t			 off, n;

	TAILQ_FOREACH(t, &conf->tables, entry) {
		if (imsg_compose(ib, IMSG_CONF_TABLE, 0, -1, &t->w,
		    sizeof(t->w)) == -1)
			return (-1);
		for (off = 0; off < t->w.nnets; off += n) {
			n = t->w.nnets - off;
			if (n > NETS_FRAME)
				n = NETS_FRAME;
			if (imsg_compose(ib, IMSG_CONF_NET, 0, -1,
			    t->net + off, n * sizeof(*t->net)) == -1)
				return (-1);
		}
	}
	return (0);
}

/* As many whole entries as fit a frame, until all are sent. */
static int
send_entries(struct imsgbuf *ib, const struct conf_list *l)
{
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 begin, end, off;

	begin = off = 0;
	while (begin < l->len) {
		end = off;
		if (conf_next_entry(l, &off, &e, &text) == 1 &&
		    off - begin <= IMSG_DATA_MAX)
			continue;
		/* The next one is too many, or there is none. */
		if (imsg_compose(ib, IMSG_CONF_ENTRY, 0, -1,
		    l->data + begin, end - begin) == -1)
			return (-1);
		begin = off = end;
	}
	return (0);
}

static int
send_lists(struct imsgbuf *ib, const struct conf *conf)
{
	const struct conf_list	*l;
	uint32_t		 i;

	TAILQ_FOREACH(l, &conf->lists, entry) {
		if (imsg_compose(ib, IMSG_CONF_LIST, 0, -1, &l->w,
		    sizeof(l->w)) == -1)
			return (-1);
		if ((ib->peer == PROC_PROXY) == (l->w.kind == LIST_ADDRESSES) &&
		    send_entries(ib, l) == -1)
			return (-1);
	}
	for (i = 0; i < conf->nuses; i++)
		if (imsg_compose(ib, IMSG_CONF_USE, 0, -1, &conf->use[i],
		    sizeof(conf->use[i])) == -1)
			return (-1);
	return (0);
}

int
config_send(struct imsgbuf *ib, const struct conf *conf)
{
	const struct conf_rule	*r;
	uint32_t		 i;

	if (imsg_compose(ib, IMSG_CONF_BEGIN, 0, -1, &conf->g,
	    sizeof(conf->g)) == -1)
		return (-1);
	if ((ib->peer == PROC_PROXY || ib->peer == PROC_SCANNER) &&
	    send_lists(ib, conf) == -1)
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
	for (i = 0; i < conf->nmails && ib->peer == PROC_PROXY; i++)
		if (imsg_compose(ib, IMSG_CONF_MAIL, 0, -1, &conf->mail[i],
		    sizeof(conf->mail[i])) == -1)
			return (-1);
	if (ib->peer == PROC_PROXY) {
		if (send_listeners(ib, conf) == -1 ||
		    send_tables(ib, conf) == -1)
			return (-1);
		for (i = 0; i < conf->nservers; i++)
			if (imsg_compose(ib, IMSG_CONF_SERVER, 0, -1,
			    &conf->server[i], sizeof(conf->server[i])) == -1)
				return (-1);
		TAILQ_FOREACH(r, &conf->rules, entry)
			if (imsg_compose(ib, IMSG_CONF_RULE, 0, -1, &r->w,
			    sizeof(r->w)) == -1)
				return (-1);
	}
	return (imsg_compose(ib, IMSG_CONF_END, 0, -1, NULL, 0));
}

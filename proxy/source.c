/* SPDX-License-Identifier: ISC */

/*
 * How many sessions one source may have.  Each proxy counts its own and tells
 * master of each change; master answers with what all others have of a source
 * that comes near the limit (see master/source.c).  What is on its way
 * between them may let a few sessions more in, never fewer.
 */

#include <string.h>

#include "proxy.h"
#include "source.h"

static void	 tell(const struct source *);
static struct addr key(const struct session *);
static struct sources *table(void);

/* In .bss until somebody asks for a limit. */
static struct sources	 sources;
static int		 is_ready;

static struct sources *
table(void)
{
	if (!is_ready)
		sources_init(&sources);
	is_ready = 1;
	return (&sources);
}

static struct addr
key(const struct session *s)
{
	return (source_mask(&s->client, s->conf->g.source_bits4,
	    s->conf->g.source_bits6));
}

static void
tell(const struct source *src)
{
	struct msg_source	 msg;

	memset(&msg, 0, sizeof(msg));
	msg.source = src->addr;
	msg.count = src->own;
	if (imsg_compose(&proxy.master, IMSG_SOURCE, 0, -1, &msg,
	    sizeof(msg)) == -1)
		log_warn("cannot tell of a source");
	proxy_want_write();
}

int
source_begin(struct session *s)
{
	struct source	*src;
	struct addr	 a;

	if (s->conf->g.source_max == 0)
		return (0);
	a = key(s);
	/* Without memory for a number the session would not live long. */
	if ((src = source_get(table(), &a)) == NULL)
		return (-1);
	if (src->own + src->others >= s->conf->g.source_max)
		return (-1);
	src->own++;
	s->flags |= SF_COUNTED;
	tell(src);
	return (0);
}

void
source_end(struct session *s)
{
	struct source	*src;
	struct addr	 a;

	if ((s->flags & SF_COUNTED) == 0)
		return;
	s->flags &= ~(unsigned int)SF_COUNTED;
	a = key(s);
	src = source_find(table(), &a);
	if (src == NULL || src->own == 0)
		return;
	src->own--;
	tell(src);
	if (src->own + src->others == 0)
		source_drop(&sources, src);
}

void
source_others(const struct msg_source *msg)
{
	struct source	*src;

	if (msg->count == 0)
		src = source_find(table(), &msg->source);
	else
		src = source_get(table(), &msg->source);
	if (src == NULL)
		return;
	src->others = msg->count;
	if (src->own + src->others == 0)
		source_drop(&sources, src);
}

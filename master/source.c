/* SPDX-License-Identifier: ISC */

/*
 * Sessions of a source over all proxies.  Each tells what it has; as soon as
 * a source has half of what it may have, each is told what the others have.
 * Below that no proxy can reach the limit by its own count, so most sources
 * cost one frame a session and no answer.
 */

#include <stdlib.h>
#include <string.h>

#include "master.h"
#include "source.h"

/* What one proxy has of a source. */
struct share {
	SLIST_ENTRY(share)	 entry;
	uint32_t		 instance;	/* of the proxy */
	uint32_t		 count;
	uint32_t		 told;		/* it knows of so many others */
};

SLIST_HEAD(shares, share);

static struct sources	 sources;
static int		 is_ready;

static struct share *share_get(struct source *, uint32_t);
static uint32_t	 total(const struct source *);
static void	 tell(struct source *, struct child *);
static void	 tell_all(struct source *);
static void	 forget_empty(struct source *);

/* A proxy's share of a source, made if need be; NULL: no memory. */
static struct share *
share_get(struct source *src, uint32_t instance)
{
	struct shares	*list;
	struct share	*sh;

	if (src->data == NULL &&
	    (src->data = calloc(1, sizeof(*list))) == NULL)
		return (NULL);
	list = src->data;
	SLIST_FOREACH(sh, list, entry)
		if (sh->instance == instance)
			return (sh);
	if ((sh = calloc(1, sizeof(*sh))) == NULL)
		return (NULL);
	sh->instance = instance;
	SLIST_INSERT_HEAD(list, sh, entry);
	return (sh);
}

static uint32_t
total(const struct source *src)
{
	const struct shares	*list;
	const struct share	*sh;
	uint32_t		 n;

	n = 0;
	list = src->data;
	SLIST_FOREACH(sh, list, entry)
		n += sh->count;
	return (n);
}

static void
tell(struct source *src, struct child *c)
{
	struct msg_source	 msg;
	struct share		*sh;
	uint32_t		 limit, n;

	if ((sh = share_get(src, c->instance)) == NULL)
		return;
	n = total(src);
	limit = master.conf->g.source_max;
	n = limit == 0 || n < (limit + 1) / 2 ? 0 : n - sh->count;
	if (n == sh->told || c->ibuf.fd == -1)
		return;
	memset(&msg, 0, sizeof(msg));
	msg.source = src->addr;
	msg.count = n;
	if (imsg_compose(&c->ibuf, IMSG_SOURCE, 0, -1, &msg,
	    sizeof(msg)) == -1) {
		log_warn("%s", c->tag);
		return;
	}
	sh->told = n;
	dispatch_want_write(c);
}

static void
tell_all(struct source *src)
{
	struct child	*c;

	TAILQ_FOREACH(c, &master.children, entry)
		if (c->type == PROC_PROXY)
			tell(src, c);
}

/* Nobody has it, and nobody believes that others have it. */
static void
forget_empty(struct source *src)
{
	struct shares	*list;
	struct share	*sh;

	list = src->data;
	SLIST_FOREACH(sh, list, entry)
		if (sh->count != 0 || sh->told != 0)
			return;
	while ((sh = SLIST_FIRST(list)) != NULL) {
		SLIST_REMOVE_HEAD(list, entry);
		free(sh);
	}
	free(list);
	source_drop(&sources, src);
}

int
source_count(struct child *c, const struct msg_source *msg)
{
	struct source	*src;
	struct share	*sh;

	if (!is_ready)
		sources_init(&sources);
	is_ready = 1;
	/* Each source that is counted has a session of its own. */
	if ((msg->source.family != 4 && msg->source.family != 6) ||
	    msg->count > MAX_SESSIONS || sources.n > MAX_SESSIONS * 2)
		return (-1);
	if ((src = source_get(&sources, &msg->source)) == NULL ||
	    (sh = share_get(src, c->instance)) == NULL) {
		log_warn("counting sources");
		return (0);
	}
	sh->count = msg->count;
	tell_all(src);
	forget_empty(src);
	return (0);
}

void
source_gone(const struct child *c)
{
	struct source	*src, *next;
	struct share	*sh;
	size_t		 i;

	for (i = 0; is_ready && i < SOURCE_BUCKETS; i++)
		for (src = LIST_FIRST(&sources.bucket[i]); src != NULL;
		    src = next) {
			next = LIST_NEXT(src, entry);
			if ((sh = share_get(src, c->instance)) == NULL)
				continue;
			sh->count = sh->told = 0;
			tell_all(src);
			forget_empty(src);
		}
}

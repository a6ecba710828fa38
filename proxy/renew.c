/* SPDX-License-Identifier: ISC */

/*
 * A session keeps the configuration that it began with.  But rules on content
 * need a scanner that looks for their lists, and after a reload with other
 * lists there is none for long: then the session goes on by the configuration
 * of today, between two messages, so that none is judged by halves of both.
 */

#include <stdlib.h>
#include <string.h>

#include "proxy.h"

static uint32_t	 same_listener(const struct conf *, uint32_t,
		    const struct conf *);

/* Names of listeners have other numbers there; 0: that one has gone. */
static uint32_t
same_listener(const struct conf *old, uint32_t named, const struct conf *new)
{
	const struct conf_listener	*a, *b;

	if (named == 0)
		return (0);
	TAILQ_FOREACH(a, &old->listeners, entry)
		if (a->w.named == named)
			break;
	if (a == NULL)
		return (0);
	TAILQ_FOREACH(b, &new->listeners, entry)
		if (b->w.named != 0 && strcmp(a->w.name, b->w.name) == 0)
			return (b->w.named);
	return (0);
}

void
session_conf(struct session *s, struct conf *conf)
{
	s->listener = same_listener(s->conf, s->listener, conf);
	/* Greeted by that name it stays; the string is of the old one. */
	if (s->banner != NULL && s->own_banner == NULL) {
		if ((s->own_banner = strdup(s->banner)) == NULL)
			fatal("%s", __func__);
		s->banner = s->own_banner;
	}
	conf_unref(s->conf);
	s->conf = conf_ref(conf);
}

void
session_renew(struct session *s)
{
	const struct conf_globals	*g;

	g = &s->conf->g;
	if (s->env != NULL || g->content == proxy.conf->g.content ||
	    (g->av == AV_NONE && g->content == 0))
		return;
	session_conf(s, proxy.conf);
}

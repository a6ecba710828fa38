/* SPDX-License-Identifier: ISC */

/*
 * Texts of rules with what this message is in the place of their macros, see
 * macro.h.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "macro.h"
#include "proxy.h"

struct expand {
	const struct session		*s;
	const struct conf_rule_wire	*rule;
	const struct conf_facts		*facts;		/* or NULL */
};

static const char *recipient(const struct expand *);
static const char *sender(const struct expand *);
static void	 value(void *, enum macro, char *);

static char	 host[256];

void
expand_init(void)
{
	if (gethostname(host, sizeof(host)) == -1)
		strlcpy(host, "mailwall", sizeof(host));
	host[sizeof(host) - 1] = '\0';
}

/* The one that is judged, or the first of a message. */
static const char *
recipient(const struct expand *e)
{
	if (e->facts != NULL && e->facts->rcpt != NULL &&
	    e->facts->nrcpt > 0)
		return (e->facts->rcpt);
	if (e->s->env != NULL && e->s->env->nrcpt > 0)
		return (e->s->env->rcpt);
	return ("");
}

static const char *
sender(const struct expand *e)
{
	const char	*from;

	from = NULL;
	if (e->facts != NULL)
		from = e->facts->sender;
	else if (e->s->env != NULL)
		from = e->s->env->from;
	return (from == NULL ? "" : from);
}

static void
value(void *arg, enum macro m, char *v)
{
	const struct expand	*e;
	const struct session	*s;
	struct tm		 tm;
	time_t			 now;
	char			 ip[ADDR_STRLEN];

	e = arg;
	s = e->s;
	switch (m) {
	case MACRO_DATE:
		now = (time_t)(now_epoch() / 1000);
		if (gmtime_r(&now, &tm) != NULL)
			strftime(v, MACRO_VALUE_MAX, "%Y-%m-%dT%H:%M:%SZ",
			    &tm);
		return;
	case MACRO_HELO:
		strlcpy(v, e->facts != NULL && e->facts->helo != NULL ?
		    e->facts->helo : s->helo == NULL ? "" : s->helo,
		    MACRO_VALUE_MAX);
		return;
	case MACRO_HOST:
		strlcpy(v, host, MACRO_VALUE_MAX);
		return;
	case MACRO_RECIPIENT:
		strlcpy(v, recipient(e), MACRO_VALUE_MAX);
		return;
	case MACRO_RULE:
		snprintf(v, MACRO_VALUE_MAX, "%u", e->rule->line);
		return;
	case MACRO_SENDER:
		strlcpy(v, sender(e), MACRO_VALUE_MAX);
		return;
	case MACRO_SERVER:
		strlcpy(v, addr_ip(&s->dest, ip, sizeof(ip)),
		    MACRO_VALUE_MAX);
		return;
	case MACRO_SESSION:
		snprintf(v, MACRO_VALUE_MAX, "%016llx",
		    (unsigned long long)s->id);
		return;
	case MACRO_SOURCE:
		strlcpy(v, addr_ip(&s->client, ip, sizeof(ip)),
		    MACRO_VALUE_MAX);
		return;
	case MACRO_VIRUS:
		if (s->msg != NULL && s->msg->verdict == VERDICT_VIRUS)
			strlcpy(v, s->msg->name, MACRO_VALUE_MAX);
		return;
	case MACRO_MAX:
		return;
	}
}

void
expand(const struct session *s, const struct conf_rule_wire *rule,
    const struct conf_facts *facts, const char *text, char *dst, size_t size)
{
	struct expand	 e;

	e.s = s;
	e.rule = rule;
	e.facts = facts;
	macro_expand(dst, size, text, value, &e);
}

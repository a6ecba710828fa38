/* SPDX-License-Identifier: ISC */

/*
 * Why a rule does not match, in words for a person.  rule.c has said which
 * condition it was; here are names for what stands in it and in the facts.
 */

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "facts.h"
#include "utf8.h"

#define NAME_LEN	(CONF_NAME_MAX + 8)

static const char *in_or_not(uint32_t);
static void	 nets_name(const struct conf *, uint32_t, char *, size_t);
static void	 list_name(const struct conf *, uint32_t, char *, size_t);
static void	 table_name(const struct conf *, uint32_t, int, char *,
		    size_t);
static void	 why_host(const struct conf *, uint32_t, uint32_t,
		    const char *, const struct addr *, char *, size_t);
static void	 why_path(const struct conf *, uint32_t, uint32_t,
		    const char *, const char *, char *, size_t);
static void	 why_rcpt(const struct conf *, const struct conf_rule_wire *,
		    const struct conf_facts *, char *, size_t);
static void	 why_body(const struct conf *, const struct conf_rule_wire *,
		    const struct conf_facts *, char *, size_t);
static void	 why_listener(const struct conf *, const struct conf_facts *,
		    char *, size_t);
static void	 why_rate(const struct conf *, const struct conf_rule_wire *,
		    const struct conf_facts *, char *, size_t);
static void	 why_content(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *,
		    char *, size_t);
static int	 why_envelope(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *,
		    enum rule_cond, char *, size_t);
static void	 why_message(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *,
		    enum rule_cond, char *, size_t);

/* "!" wants it outside: then it does not match because it is inside. */
static const char *
in_or_not(uint32_t not)
{
	return (not ? "is" : "is not");
}

static void
nets_name(const struct conf *conf, uint32_t id, char *name, size_t size)
{
	const struct conf_table	*t;
	const struct conf_net	*n;
	char			 ip[ADDR_STRLEN];

	t = conf->table[id];
	if (t->w.name[0] != '\0')
		snprintf(name, size, "<%s>", t->w.name);
	else if (t->w.nnets == 0)
		strlcpy(name, "an empty table", size);
	else {
		n = &t->net[0];
		snprintf(name, size, "%s%s/%u%s", n->not ? "! " : "",
		    addr_ip(&n->net.addr, ip, sizeof(ip)), n->net.prefix,
		    t->w.nnets > 1 ? ", ..." : "");
	}
}

/* A list of words, fields or addresses: its name, or what begins it. */
static void
list_name(const struct conf *conf, uint32_t id, char *name, size_t size)
{
	const struct conf_list	*l;
	struct conf_entry	 e;
	const uint8_t		*text;
	char			 plain[CONF_NAME_MAX - 4];
	size_t			 off;

	l = conf->list[id];
	off = 0;
	if (l->w.name[0] != '\0')
		snprintf(name, size, "<%s>", l->w.name);
	else if (conf_next_entry(l, &off, &e, &text) != 1)
		strlcpy(name, "an empty table", size);
	else
		snprintf(name, size, "\"%s\"%s", utf8_plain(plain,
		    sizeof(plain), (const char *)text, e.len),
		    off < l->len ? ", ..." : "");
}

static void
table_name(const struct conf *conf, uint32_t id, int nets, char *name,
    size_t size)
{
	if (id & RULE_DYNAMIC)
		snprintf(name, size, "<%s>",
		    conf->dynamic[id & ~RULE_DYNAMIC].name);
	else if (nets)
		nets_name(conf, id, name, size);
	else
		list_name(conf, id, name, size);
}

static void
why_host(const struct conf *conf, uint32_t id, uint32_t not, const char *what,
    const struct addr *a, char *text, size_t size)
{
	char	 ip[ADDR_STRLEN], name[NAME_LEN];

	table_name(conf, id, 1, name, sizeof(name));
	snprintf(text, size, "%s %s %s in %s", what,
	    addr_ip(a, ip, sizeof(ip)), in_or_not(not), name);
}

static void
why_path(const struct conf *conf, uint32_t id, uint32_t not,
    const char *what, const char *path, char *text, size_t size)
{
	char	 name[NAME_LEN];

	table_name(conf, id, 0, name, sizeof(name));
	if (path == NULL)
		snprintf(text, size, "no %s is known", what);
	else
		snprintf(text, size, "%s \"%s\" %s in %s", what, path,
		    in_or_not(not), name);
}

static void
why_rcpt(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, char *text, size_t size)
{
	char	 name[NAME_LEN];

	table_name(conf, r->rcpt, 0, name, sizeof(name));
	if (f->rcpt == NULL)
		snprintf(text, size, "no recipient is known");
	else if (f->nrcpt == 1)
		why_path(conf, r->rcpt, r->rcpt_not, "recipient", f->rcpt,
		    text, size);
	else
		snprintf(text, size, "%s of the recipients is in %s",
		    r->rcpt_not ? "one" : "none", name);
}

static void
why_body(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, char *text, size_t size)
{
	if (f->body == NULL)
		strlcpy(text, "of the body no number is known", size);
	else
		snprintf(text, size, "body %s %s in <%s>", f->body,
		    in_or_not(r->body_not),
		    conf->dynamic[r->body & ~RULE_DYNAMIC].name);
}

static void
why_listener(const struct conf *conf, const struct conf_facts *f, char *text,
    size_t size)
{
	const struct conf_listener	*l;

	TAILQ_FOREACH(l, &conf->listeners, entry)
		if (f->listener != 0 && l->w.named == f->listener)
			break;
	if (l == NULL)
		strlcpy(text, "the listener has no name", size);
	else
		snprintf(text, size, "the listener is %s", l->w.name);
}

static void
why_rate(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, char *text, size_t size)
{
	const struct conf_rate_wire	*w;

	w = &conf->rate[r->rate];
	snprintf(text, size, "%u %s in %us by %s are not more than %u",
	    f->rate == NULL ? 0 : f->rate(conf, r->rate, f),
	    conf_event_name(w->event), w->within, conf_key_name(w->key),
	    r->rate_over);
}

static void
why_content(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, char *text, size_t size)
{
	const struct conf_want	*w;
	char			 name[NAME_LEN];
	uint32_t		 i, score;

	for (i = 0; i < r->nwants; i++)
		if (!conf_want_matches(&r->want[i], f))
			break;
	if (i == r->nwants || f->score == NULL) {
		strlcpy(text, "the text was not looked at", size);
		return;
	}
	w = &r->want[i];
	list_name(conf, conf->use[w->use].list, name, sizeof(name));
	score = f->score[w->use];
	if (score == 0 && w->not)
		snprintf(text, size, "%s was not found, but not all text was "
		    "looked at", name);
	else if (score == 0)
		snprintf(text, size, "%s was not found", name);
	else if (w->not)
		snprintf(text, size, "%s was found, score %u", name,
		    score - 1);
	else
		snprintf(text, size, "%s was found, but score %u is less "
		    "than %u", name, score - 1, w->score);
}

/* Of the client and its commands: 1, or 0 when it is none of these. */
static int
why_envelope(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, enum rule_cond cond, char *text, size_t size)
{
	switch (cond) {
	case COND_SOURCE:
		why_host(conf, r->source, r->source_not, "source", f->source,
		    text, size);
		return (1);
	case COND_DEST:
		why_host(conf, r->dest, r->dest_not, "destination", f->dest,
		    text, size);
		return (1);
	case COND_HELO:
		why_path(conf, r->helo, r->helo_not, "helo", f->helo, text,
		    size);
		return (1);
	case COND_SENDER:
		why_path(conf, r->sender, r->sender_not, "sender", f->sender,
		    text, size);
		return (1);
	case COND_RCPT:
		why_rcpt(conf, r, f, text, size);
		return (1);
	case COND_AUTH:
		snprintf(text, size, "the client has %sauthenticated",
		    f->auth ? "" : "not ");
		return (1);
	case COND_TLS:
		strlcpy(text, f->tls ? "the client uses TLS" :
		    "nobody says that the client uses TLS", size);
		return (1);
	case COND_RCPT_OVER:
		snprintf(text, size, "%u recipients are not more than %u",
		    f->rcpt_count, r->rcpt_over);
		return (1);
	case COND_SIZE_OVER:
		snprintf(text, size, "%llu bytes are not more than %llu",
		    (unsigned long long)f->size,
		    (unsigned long long)r->size_over);
		return (1);
	default:
		return (0);
	}
}

static void
why_message(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, enum rule_cond cond, char *text, size_t size)
{
	switch (cond) {
	case COND_BODY:
		why_body(conf, r, f, text, size);
		break;
	case COND_PAIR:
		snprintf(text, size, "sender and recipient are %s in <%s>",
		    in_or_not(r->pair_not), conf->dynamic[r->pair].name);
		break;
	case COND_VERDICT:
		snprintf(text, size, "the verdict is %s",
		    proto_verdict_name(f->verdict));
		break;
	case COND_VIRUS:
		snprintf(text, size, "virus %s is not like \"%s\"", f->virus,
		    r->virus);
		break;
	case COND_ANOMALY:
		strlcpy(text, f->anomalies == 0 ? "there is no anomaly" :
		    "none of its anomalies is there", size);
		break;
	case COND_CONTENT:
		why_content(conf, r, f, text, size);
		break;
	case COND_FILE:
		snprintf(text, size, f->nfiles == 0 ? "there are no files" :
		    "none of %u files is so", f->nfiles);
		break;
	default:
		strlcpy(text, "another condition is not true", size);
		break;
	}
}

char *
conf_why(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, enum rule_cond cond, char *text, size_t size)
{
	enum direction	 d;

	if (why_envelope(conf, r, f, cond, text, size))
		return (text);
	switch (cond) {
	case COND_MATCHES:
		text[0] = '\0';
		break;
	case COND_TIME:
		snprintf(text, size, "it is %s %02u:%02u",
		    conf_day_name(f->day), f->minute / 60, f->minute % 60);
		break;
	case COND_LISTENER:
		why_listener(conf, f, text, size);
		break;
	case COND_DIRECTION:
		d = conf_direction(conf, f);
		snprintf(text, size, "the direction is %s", d == DIR_MAX ?
		    "not known" : conf_direction_name(d));
		break;
	case COND_SCORED:
		snprintf(text, size, "%lld points are less than %d",
		    (long long)f->points, r->scored);
		break;
	case COND_RATE:
		why_rate(conf, r, f, text, size);
		break;
	default:
		why_message(conf, r, f, cond, text, size);
		break;
	}
	return (text);
}

/* SPDX-License-Identifier: ISC */

/*
 * What a rule asks of the envelope, and what it does beside its action:
 * addresses, tables that it fills, marks on the message.
 */

#include <sys/queue.h>

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "macro.h"

#include "lex.h"
#include "build.h"
#include "value.h"

static uint32_t	 resolve_paths(struct conf *, const struct host *);
static void	 resolve_adds(struct conf *, struct rule *);

void
build_paths_new(struct host *h, const struct pos *pos, unsigned int is_not,
    const char *table)
{
	memset(h, 0, sizeof(*h));
	h->is_not = (int)is_not;
	h->pos = *pos;
	h->table = table;
	if (table == NULL)
		h->words = lists_new(LIST_ADDRESSES);
}

void
build_paths(const struct pos *pos, const struct host *h, struct host *into,
    int *has, const char *name)
{
	if (*has)
		lex_error(pos, "it once", "a second %s in one rule", name);
	*has = 1;
	*into = *h;
}

void
build_rcpt_over(struct rule *r, const struct pos *wordpos, unsigned int word,
    const struct pos *pos, const char *text)
{
	uint64_t	 n;

	if (word != S_LIMIT_RECIPIENTS)
		lex_error(wordpos, "recipients or size", "no rule can ask "
		    "for that");
	else if (value_number(text, &n) == -1 || n < 1 || n > SMTP_RCPT_MAX)
		lex_error(pos, "a number from 1 to 10000",
		    "bad number \"%s\"", lex_show(text));
	else if (r->w.rcpt_over != 0)
		lex_error(pos, "it once", "a second number of recipients");
	else
		r->w.rcpt_over = (uint32_t)n;
}

void
build_size_over(struct rule *r, const struct pos *pos, const char *text)
{
	uint64_t	 n;

	if (value_size(text, &n) == -1 || n < 1 || n > MAX_MESSAGE_SIZE)
		lex_error(pos, "a size from 1 to 1G", "bad size \"%s\"",
		    lex_show(text));
	else if (r->w.size_over != 0)
		lex_error(pos, "it once", "a second size in one rule");
	else
		r->w.size_over = n;
}

void
build_auth(struct rule *r, const struct pos *pos, enum rule_want want)
{
	if (r->w.auth != WANT_ANY)
		lex_error(pos, "it once", "authenticated is said twice");
	r->w.auth = want;
}

void
build_tls(struct rule *r, const struct pos *pos, enum rule_want want)
{
	if (r->w.tls != WANT_ANY)
		lex_error(pos, "it once", "tls is said twice");
	r->w.tls = want;
}

void
build_flag(struct rule *r, const struct pos *pos, uint32_t bit,
    const char *name)
{
	if (r->w.flags & bit)
		lex_error(pos, "it once", "%s is said twice", name);
	r->w.flags |= bit;
}

void
build_tag(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*p;

	for (p = text; (unsigned char)*p >= 0x20 && *p != 0x7f; p++)
		continue;
	if (*p != '\0' || p == text || p - text >= CONF_TAG_MAX)
		lex_error(pos, "up to 63 bytes without control characters",
		    "bad tag \"%s\"", lex_show(text));
	else if (r->w.tag[0] != '\0')
		lex_error(pos, "it once", "a second tag in one rule");
	else
		strlcpy(r->w.tag, text, sizeof(r->w.tag));
}

/* RFC 5322 section 2.2: a name of printable ASCII, a colon, a body. */
void
build_header(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*colon, *p, *why;

	for (colon = text; *colon > 0x20 && *colon < 0x7f && *colon != ':';
	    colon++)
		continue;
	for (p = colon; *p >= 0x20 && *p < 0x7f; p++)
		continue;
	if (colon == text || *colon != ':' || *p != '\0' ||
	    p - text >= CONF_HEADER_MAX)
		lex_error(pos, "a field such as \"X-Checked: yes\", up to "
		    "255 printable ASCII characters", "bad header \"%s\"",
		    lex_show(text));
	else if (r->w.header[0] != '\0')
		lex_error(pos, "it once", "a second header in one rule");
	else if (macro_check(text, &why) == -1)
		lex_error(pos, NULL, "bad header \"%s\": %s", lex_show(text),
		    why);
	else
		strlcpy(r->w.header, text, sizeof(r->w.header));
}

void
build_add(struct rule *r, unsigned int what, const struct pos *pos,
    const char *table)
{
	if (r->w.nadds == RULE_ADDS) {
		lex_error(pos, NULL, "more than %d additions in one rule",
		    RULE_ADDS);
		return;
	}
	r->add[r->w.nadds].table = table;
	r->add[r->w.nadds].pos = *pos;
	r->w.add[r->w.nadds].what = what;
	r->w.nadds++;
}

/* Of the addition that was read last. */
void
build_after(struct rule *r, const struct pos *npos, const char *number,
    const struct pos *dpos, const char *duration)
{
	struct conf_add	*a;
	uint64_t	 n, ms;

	if (r->w.nadds == 0)
		return;
	a = &r->w.add[r->w.nadds - 1];
	if (value_number(number, &n) == -1 || n < 1 || n > 100000)
		lex_error(npos, "a number from 1 to 100000",
		    "bad number \"%s\"", lex_show(number));
	else if (value_duration(duration, &ms) == -1 || ms < 1000 ||
	    ms > 365ULL * 86400 * 1000)
		lex_error(dpos, "a duration from 1s to 365d",
		    "bad duration \"%s\"", lex_show(duration));
	else {
		a->after = (uint32_t)n;
		a->within = (uint32_t)(ms / 1000);
	}
}

void
build_expire(struct conf_dynamic_wire *d, const struct pos *pos,
    const char *text)
{
	uint64_t	 ms;

	if (value_duration(text, &ms) == -1 || ms < 1000 ||
	    ms > MAX_KEEP * 1000ULL)
		lex_error(pos, "a duration from 1s to 3650d",
		    "bad duration \"%s\"", lex_show(text));
	else if (d->expire != 0)
		lex_error(pos, "it once", "expire is said twice");
	else
		d->expire = ms / 1000;
}

void
build_members(struct conf_dynamic_wire *d, const struct pos *pos,
    const char *text)
{
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n < 1 || n > DYNAMIC_SIZE_MAX)
		lex_error(pos, "a number from 1 to 1000000",
		    "bad number \"%s\"", lex_show(text));
	else
		d->size = (uint32_t)n;
}

static uint32_t
resolve_paths(struct conf *conf, const struct host *h)
{
	const struct conf_dynamic_wire	*d;
	const struct conf_list		*l;
	uint32_t			 id;

	if (h->table == NULL) {
		if (h->words == NULL)
			return (RULE_NO_TABLE);
		id = conf->nlists;
		lists_store(h->words, conf, "", &h->pos);
		return (conf->nlists > id ? id : RULE_NO_TABLE);
	}
	if ((d = conf_find_dynamic(conf, h->table)) != NULL)
		return (d->id | RULE_DYNAMIC);
	l = conf_find_list(conf, h->table);
	if (l != NULL && l->w.kind == LIST_ADDRESSES)
		return (l->w.id);
	if (l != NULL)
		lex_error(&h->pos, "a table of addresses", "<%s> has words",
		    lex_show(h->table));
	else if (conf_find_table(conf, h->table) != NULL)
		lex_error(&h->pos, "a table of addresses",
		    "<%s> has networks", lex_show(h->table));
	else
		lex_error(&h->pos, NULL, "no table <%s>", lex_show(h->table));
	return (RULE_NO_TABLE);
}

static void
resolve_adds(struct conf *conf, struct rule *r)
{
	const struct conf_dynamic_wire	*d;
	const struct host		*h;
	uint32_t			 i;

	for (i = 0; i < r->w.nadds; i++) {
		h = &r->add[i];
		if ((d = conf_find_dynamic(conf, h->table)) != NULL)
			r->w.add[i].table = d->id;
		else if (conf_find_list(conf, h->table) != NULL ||
		    conf_find_table(conf, h->table) != NULL)
			lex_error(&h->pos, "a table that is dynamic",
			    "<%s> is fixed", lex_show(h->table));
		else
			lex_error(&h->pos, NULL, "no table <%s>",
			    lex_show(h->table));
	}
}

void
envelope_store(struct conf *conf, struct rule *r)
{
	if (r->has_helo) {
		r->w.helo = resolve_paths(conf, &r->helo);
		r->w.helo_not = (uint32_t)r->helo.is_not;
	}
	if (r->has_sender) {
		r->w.sender = resolve_paths(conf, &r->sender);
		r->w.sender_not = (uint32_t)r->sender.is_not;
	}
	if (r->has_rcpt) {
		r->w.rcpt = resolve_paths(conf, &r->rcpt);
		r->w.rcpt_not = (uint32_t)r->rcpt.is_not;
	}
	if (r->has_hash) {
		if (r->hash.is_not)
			lex_error(&r->hash.pos, "the files that are meant",
			    "all other files are too many");
		r->w.file_hash = resolve_paths(conf, &r->hash);
	}
	resolve_adds(conf, r);
}

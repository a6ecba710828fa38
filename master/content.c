/* SPDX-License-Identifier: ISC */

/*
 * What a rule asks of a message beside its verdict: words, anomalies, and
 * files.
 */

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "facts.h"
#include "parts.h"

#include "lex.h"
#include "build.h"
#include "value.h"

static struct want *want_new(struct rule *, const struct pos *, unsigned int);
static uint32_t	 resolve_list(struct conf *, const struct want *);
static uint32_t	 resolve_field(struct conf *, const struct want *);
static void	 only_once(const struct pos *, int, const char *);

/* One more of them; NULL, reported: they are too many. */
static struct want *
want_new(struct rule *rule, const struct pos *pos, unsigned int is_not)
{
	struct want	*w;

	if (rule->nwants >= RULE_WANTS) {
		lex_error(pos, "several rules, or longer tables",
		    "more than %d conditions on text in one rule",
		    RULE_WANTS);
		/* Scopes and scores that follow belong to none. */
		rule->nwants = RULE_WANTS + 1;
		return (NULL);
	}
	w = &rule->want[rule->nwants++];
	memset(w, 0, sizeof(*w));
	w->pos = *pos;
	w->is_not = (int)is_not;
	return (w);
}

void
build_content(struct rule *rule, const struct pos *pos, const char *name,
    unsigned int is_not)
{
	struct want	*w;

	if ((w = want_new(rule, pos, is_not)) != NULL)
		w->table = name;
}

/*
 * RFC 5322 section 2.2: a name of printable ASCII, a colon; then a pattern.
 * Names of fields that the parser groups stand for their group.
 */
void
build_field(struct rule *rule, const struct pos *pos, const char *text,
    unsigned int is_not)
{
	struct want	*w;
	const char	*colon;

	for (colon = text; *colon > 0x20 && *colon < 0x7f && *colon != ':';
	    colon++)
		continue;
	if (colon == text || *colon != ':' ||
	    strlen(text) >= CONF_PATTERN_MAX) {
		lex_error(pos, "a field and a pattern, such as "
		    "\"X-Spam-Flag: yes*\", up to 127 bytes",
		    "bad field \"%s\"",
		    lex_show(text));
		return;
	}
	if ((w = want_new(rule, pos, is_not)) == NULL ||
	    (w->words = lists_new(LIST_FIELDS)) == NULL)
		return;
	lists_add(w->words, pos, text, NULL, NULL);
}

void
build_subject(struct rule *rule, const struct pos *pos, const char *text,
    unsigned int is_not)
{
	char	*field;
	size_t	 size;

	size = strlen("Subject:") + strlen(text) + 1;
	if ((field = lex_alloc(size)) == NULL)
		return;
	snprintf(field, size, "Subject:%s", text);
	build_field(rule, pos, field, is_not);
}

void
build_scope(struct rule *rule, const struct pos *pos, const char *name)
{
	struct want	*w;
	uint32_t	 i;

	for (i = 0; i < CONF_SCOPES; i++)
		if (strcmp(conf_scope_name(i), name) == 0)
			break;
	if (i == CONF_SCOPES) {
		lex_error(pos, "subject, sender, recipient, headers, text, "
		    "html, names or documents", "no text is called \"%s\"",
		    lex_show(name));
		return;
	}
	if (rule->nwants == 0 || rule->nwants > RULE_WANTS)
		return;
	w = &rule->want[rule->nwants - 1];
	if (w->scopes & (1U << i))
		lex_error(pos, NULL, "%s is in the list already", name);
	else
		w->scopes |= 1U << i;
}

void
build_score(struct rule *rule, const struct pos *pos, const char *text)
{
	struct want	*w;
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n < 1 || n > UINT32_MAX - 1) {
		lex_error(pos, "a number from 1", "bad score \"%s\"",
		    lex_show(text));
		return;
	}
	if (rule->nwants == 0 || rule->nwants > RULE_WANTS)
		return;
	w = &rule->want[rule->nwants - 1];
	if (w->score != 0)
		lex_error(pos, "it once", "a second score of one table");
	else
		w->score = (uint32_t)n;
}

/* Two of them in a rule read like "and" and would be "or". */
static void
only_once(const struct pos *pos, int is_there, const char *what)
{
	if (is_there)
		lex_error(pos, "commas in the first, or another rule",
		    "a second %s in one rule", what);
}

void
build_anomalies(struct rule *rule, const struct pos *pos)
{
	only_once(pos, rule->w.anomalies != 0, "anomaly");
}

void
build_file_types(struct rule *rule, const struct pos *pos)
{
	only_once(pos, rule->w.file_types != 0, "attachment type");
}

void
build_file_flags(struct rule *rule, const struct pos *pos)
{
	only_once(pos, rule->w.file_flags != 0, "attachment is");
}

void
build_anomaly(struct rule *rule, const struct pos *pos, const char *name)
{
	static const char *const	 severity[] = {
		[SEV_HARMLESS] = "harmless",
		[SEV_SUSPICIOUS] = "suspicious",
		[SEV_HOSTILE] = "hostile",
	};
	unsigned int			 i;
	uint64_t			 mask;

	rule->has_anomaly = 1;
	mask = 0;
	for (i = 0; i < A_MAX; i++)
		if (name == NULL ? parts_anomaly_severity(i) !=
		    SEV_HARMLESS : strcmp(parts_anomaly_name(i), name) == 0 ||
		    strcmp(severity[parts_anomaly_severity(i)], name) == 0)
			mask |= ANOMALY(i);
	if (mask == 0)
		lex_error(pos, "harmless, suspicious, hostile, or one that "
		    "mailwall-anomalies(7) names",
		    "no anomaly is called \"%s\"", lex_show(name));
	else if ((rule->w.anomalies & mask) == mask)
		lex_error(pos, NULL, "%s is in the list already", name);
	rule->w.anomalies |= mask;
}

/* A type, or all types of a class. */
void
build_file_type(struct rule *rule, const struct pos *pos, const char *name)
{
	uint64_t	 mask;
	unsigned int	 i;
	int		 type, class;

	rule->has_file = 1;
	mask = 0;
	type = fact_type_find(name);
	class = fact_class_find(name);
	if (type != -1)
		mask = FT_BIT(type);
	for (i = 0; class != -1 && i < FT_MAX; i++)
		if ((int)fact_type_class(i) == class)
			mask |= FT_BIT(i);
	if (mask == 0)
		lex_error(pos, "one that mailwall.conf(5) names",
		    "no type of files is called \"%s\"", lex_show(name));
	else if ((rule->w.file_types & mask) == mask)
		lex_error(pos, NULL, "%s is in the list already", name);
	rule->w.file_types |= mask;
}

void
build_file_flag(struct rule *rule, const struct pos *pos, const char *name)
{
	uint32_t	 bit;

	rule->has_file = 1;
	if ((bit = fact_flag_find(name)) == 0)
		lex_error(pos, "one that mailwall.conf(5) names",
		    "nothing that a file could be is called \"%s\"",
		    lex_show(name));
	else if (rule->w.file_flags & bit)
		lex_error(pos, NULL, "%s is in the list already", name);
	rule->w.file_flags |= bit;
}

void
build_file_name(struct rule *rule, const struct pos *pos, const char *pattern)
{
	rule->has_file = 1;
	if (rule->w.file_name[0] != '\0')
		lex_error(pos, "another rule",
		    "a second attachment name in one rule");
	else if (pattern[0] == '\0' || strlen(pattern) >= CONF_PATTERN_MAX)
		lex_error(pos, "1 to 127 bytes", "bad pattern \"%s\"",
		    lex_show(pattern));
	else
		strlcpy(rule->w.file_name, pattern,
		    sizeof(rule->w.file_name));
}

/* The table that a rule asks for. */
static uint32_t
resolve_list(struct conf *conf, const struct want *w)
{
	const struct conf_list	*l;

	l = conf_find_list(conf, w->table);
	if (l != NULL && l->w.kind != LIST_ADDRESSES)
		return (l->w.id);
	if (conf_find_table(conf, w->table) != NULL)
		lex_error(&w->pos, "a table of words", "<%s> has networks",
		    lex_show(w->table));
	else if (l != NULL || conf_find_dynamic(conf, w->table) != NULL)
		lex_error(&w->pos, "a table of words", "<%s> has addresses",
		    lex_show(w->table));
	else
		lex_error(&w->pos, NULL, "no table <%s>", lex_show(w->table));
	return (UINT32_MAX);
}

/* A list of one pattern; equal ones are one. */
static uint32_t
resolve_field(struct conf *conf, const struct want *w)
{
	struct conf_list	*l;
	uint32_t		 id;

	TAILQ_FOREACH(l, &conf->lists, entry)
		if (l->w.kind == LIST_FIELDS && lists_equal(w->words, l))
			return (l->w.id);
	id = conf->nlists;
	lists_store(w->words, conf, "", &w->pos);
	return (conf->nlists > id ? id : UINT32_MAX);
}

void
content_store(struct conf *conf, struct rule *r)
{
	struct want		*w;
	struct conf_want	*want;
	uint32_t		 id, i;

	for (i = 0; i < r->nwants && i < RULE_WANTS; i++) {
		w = &r->want[i];
		id = w->table != NULL ? resolve_list(conf, w) :
		    w->words != NULL ? resolve_field(conf, w) : UINT32_MAX;
		if (id == UINT32_MAX)
			continue;
		want = &r->w.want[r->w.nwants++];
		want->use = conf_add_use(conf, id, w->scopes == 0 ?
		    SCOPES_ALL : w->scopes);
		want->not = (uint32_t)w->is_not;
		want->score = w->score;
		want->is_field = w->words != NULL;
		if (want->use == RULE_NO_USE)
			lex_error(&w->pos, NULL, "more than %d tables in "
			    "different kinds of text", CONF_USES_MAX);
		/* "Not in the text" needs to know of text that is cut. */
		if (w->is_not && w->table != NULL)
			conf->g.want_files = 1;
	}
}

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

static void	 only_once(const struct pos *, int, const char *);

void
build_content(struct rule *rule, const struct pos *pos, const char *name,
    unsigned int is_not)
{
	if (rule->has_content)
		lex_error(pos, "it once", "a second content in one rule");
	rule->has_content = 1;
	rule->content = name;
	rule->content_pos = *pos;
	rule->w.content_not = is_not;
}

void
build_scope(struct rule *rule, const struct pos *pos, const char *name)
{
	uint32_t	 i;

	for (i = 0; i < CONF_SCOPES; i++)
		if (strcmp(conf_scope_name(i), name) == 0)
			break;
	if (i == CONF_SCOPES)
		lex_error(pos, "subject, sender, recipient, headers, text, "
		    "html, names or documents", "no text is called \"%s\"",
		    lex_show(name));
	else if (rule->scopes & (1U << i))
		lex_error(pos, NULL, "%s is in the list already", name);
	else
		rule->scopes |= 1U << i;
}

void
build_score(struct rule *rule, const struct pos *pos, const char *text)
{
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n < 1 || n > UINT32_MAX - 1)
		lex_error(pos, "a number from 1", "bad score \"%s\"",
		    lex_show(text));
	else if (rule->w.score != 0)
		lex_error(pos, "it once", "a second score in one rule");
	else
		rule->w.score = (uint32_t)n;
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

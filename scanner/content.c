/* SPDX-License-Identifier: ISC */

/*
 * What rules look for, in one message: the texts that the parser has given,
 * and those that come out of files while they are looked into.
 *
 * The loader compiles everything before its workers are forked, so that they
 * share it; a worker has room of its own for the message that it has.
 */

#include <errno.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "parts.h"

#include "match.h"
#include "scanner.h"

_Static_assert(TEXT_SCOPE_MAX == CONF_SCOPES, "kinds of text");

static struct matcher	*matcher;
static struct match	*match;

int
content_load(const struct conf *conf)
{
	const struct conf_list	*l;
	unsigned int		 n;

	if (conf->nuses == 0)
		return (0);
	if ((matcher = matcher_new(conf)) == NULL)
		return (-1);
	n = 0;
	TAILQ_FOREACH(l, &conf->lists, entry)
		n += l->w.kind != LIST_ADDRESSES;
	log_info("%u words and expressions in %u tables, %zu KiB",
	    conf->nentries, n, matcher_memory(matcher) / 1024);
	return (0);
}

int
content_worker(void)
{
	if (matcher == NULL)
		return (0);
	if ((match = match_new(matcher)) == NULL) {
		log_warn("room for matching");
		return (-1);
	}
	return (0);
}

int
content_is_wanted(void)
{
	return (match != NULL);
}

void
content_begin(uint64_t due)
{
	match_begin(match, due);
}

void
content_file(void *arg, uint32_t part, const uint8_t *text, size_t len)
{
	match_text(match, TEXT_DOCUMENT, part, text, len);
}

unsigned int
content_end(const struct parts *parts, struct msg_scan_hit *hit,
    struct result *r)
{
	const uint8_t	*text;
	unsigned int	 n;
	uint32_t	 i;
	size_t		 len;
	int		 complete;

	for (i = 0; i < parts->head->ntexts; i++) {
		text = parts_text(parts, i, &len);
		match_text(match, parts->text[i].scope, parts->text[i].part,
		    text, len);
	}
	n = match_end(match, hit, &complete);
	if (complete && (parts->head->limits & LIMIT_TEXT) == 0)
		r->flags |= SCAN_MATCHED;
	else
		result_add(r, VERDICT_UNSCANNABLE, SCAN_RAW,
		    "limit: not all text was looked at");
	return (n);
}

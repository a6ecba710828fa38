/* SPDX-License-Identifier: ISC */

/*
 * Lists of words in the configuration, see conf.h.  Entries lie one behind
 * the other in one buffer, as they travel in frames: a hundred thousand of
 * them are a few MiB, and only the scanner has them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "log.h"

static uint64_t	 digest(uint64_t, const void *, size_t);
static int	 list_room(struct conf_list *, size_t);

struct conf_list *
conf_add_list(struct conf *conf, enum list_kind kind, const char *name)
{
	struct conf_list	*l;

	if (conf->nlists >= CONF_LISTS_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("%s", __func__);
	l->w.id = conf->nlists++;
	l->w.kind = kind;
	strlcpy(l->w.name, name, sizeof(l->w.name));
	TAILQ_INSERT_TAIL(&conf->lists, l, entry);
	return (l);
}

struct conf_list *
conf_find_list(const struct conf *conf, const char *name)
{
	struct conf_list	*l;

	TAILQ_FOREACH(l, &conf->lists, entry)
		if (strcmp(l->w.name, name) == 0)
			return (l);
	return (NULL);
}

static int
list_room(struct conf_list *l, size_t len)
{
	uint8_t	*p;
	size_t	 n;

	if (l->alloc - l->len >= len)
		return (0);
	n = l->alloc == 0 ? 1024 : l->alloc;
	while (n - l->len < len)
		n *= 2;
	if ((p = realloc(l->data, n)) == NULL)
		return (-1);
	l->data = p;
	l->alloc = n;
	return (0);
}

int
conf_add_entry(struct conf *conf, struct conf_list *l, uint32_t weight,
    const void *text, size_t len)
{
	struct conf_entry	 e;
	size_t			 size;

	if (len == 0 || len > LIST_ENTRY_MAX || weight > LIST_WEIGHT_MAX) {
		errno = EINVAL;
		return (-1);
	}
	size = sizeof(e) + len;
	if (conf->nentries >= CONF_ENTRIES_MAX ||
	    conf->entry_bytes + size > CONF_LIST_BYTES_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	if (list_room(l, size) == -1)
		fatal("%s", __func__);
	e.weight = weight;
	e.len = (uint32_t)len;
	memcpy(l->data + l->len, &e, sizeof(e));
	memcpy(l->data + l->len + sizeof(e), text, len);
	l->len += size;
	l->w.nentries++;
	conf->nentries++;
	conf->entry_bytes += size;
	return (0);
}

int
conf_next_entry(const struct conf_list *l, size_t *off, struct conf_entry *e,
    const uint8_t **text)
{
	if (*off == l->len)
		return (0);
	if (l->len - *off < sizeof(*e))
		return (-1);
	memcpy(e, l->data + *off, sizeof(*e));
	if (e->len == 0 || e->len > LIST_ENTRY_MAX ||
	    e->weight > LIST_WEIGHT_MAX ||
	    e->len > l->len - *off - sizeof(*e))
		return (-1);
	*text = l->data + *off + sizeof(*e);
	*off += sizeof(*e) + e->len;
	return (1);
}

uint32_t
conf_add_use(struct conf *conf, uint32_t list, uint32_t scopes)
{
	struct conf_use_wire	*u;
	uint32_t		 i;

	for (i = 0; i < conf->nuses; i++)
		if (conf->use[i].list == list &&
		    conf->use[i].scopes == scopes)
			return (i);
	if (conf->nuses == CONF_USES_MAX)
		return (RULE_NO_USE);
	u = &conf->use[conf->nuses];
	memset(u, 0, sizeof(*u));
	u->id = conf->nuses;
	u->list = list;
	u->scopes = scopes;
	return (conf->nuses++);
}

/* FNV-1a: nobody gains by a collision but the administrator's own file. */
static uint64_t
digest(uint64_t h, const void *data, size_t len)
{
	const uint8_t	*p;
	size_t		 i;

	p = data;
	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211ULL;
	return (h);
}

uint64_t
conf_digest(const struct conf *conf)
{
	const struct conf_list	*l;
	uint64_t		 h;

	if (conf->nuses == 0 && !conf->g.want_files)
		return (0);
	h = digest(14695981039346656037ULL, &conf->g.want_files,
	    sizeof(conf->g.want_files));
	h = digest(h, &conf->g.want_hashes, sizeof(conf->g.want_hashes));
	TAILQ_FOREACH(l, &conf->lists, entry) {
		if (l->w.kind == LIST_ADDRESSES)
			continue;
		h = digest(h, &l->w, sizeof(l->w));
		h = digest(h, l->data, l->len);
	}
	h = digest(h, conf->use, conf->nuses * sizeof(conf->use[0]));
	return (h == 0 ? 1 : h);
}

const char *
conf_kind_name(uint32_t kind)
{
	static const char *const names[LIST_KIND_MAX] = {
		[LIST_KEYWORDS] = "keywords",
		[LIST_WORDS] = "words",
		[LIST_EXPRESSIONS] = "expressions",
		[LIST_SIMILAR] = "similar",
		[LIST_IDENTIFIERS] = "identifiers",
		[LIST_ADDRESSES] = "addresses",
		[LIST_FIELDS] = "fields",
	};

	return (kind < LIST_KIND_MAX ? names[kind] : "unknown");
}

const char *
conf_scope_name(uint32_t scope)
{
	static const char *const names[CONF_SCOPES] = {
		"subject", "sender", "recipient", "headers", "text", "html",
		"names", "documents"
	};

	return (scope < CONF_SCOPES ? names[scope] : "unknown");
}

const char *
conf_ident_name(uint32_t ident)
{
	static const char *const names[IDENT_MAX] = {
		[IDENT_CARD] = "card",
		[IDENT_IBAN] = "iban",
		[IDENT_CN_ID] = "cn-id",
		[IDENT_KR_RRN] = "kr-rrn",
		[IDENT_US_SSN] = "us-ssn",
		[IDENT_PRIVATE_KEY] = "private-key",
		[IDENT_AWS_KEY] = "aws-key",
	};

	return (ident < IDENT_MAX ? names[ident] : "unknown");
}

enum ident
conf_ident_find(const char *name, size_t len)
{
	unsigned int	 i;

	for (i = 0; i < IDENT_MAX; i++)
		if (strlen(conf_ident_name(i)) == len &&
		    memcmp(conf_ident_name(i), name, len) == 0)
			break;
	return (i);
}

/* SPDX-License-Identifier: ISC */

/* Sessions counted by source, see source.h. */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "source.h"

static size_t	 bucket(const struct sources *, const struct addr *);

void
sources_init(struct sources *ss)
{
	size_t	 i;

	for (i = 0; i < SOURCE_BUCKETS; i++)
		LIST_INIT(&ss->bucket[i]);
	arc4random_buf(&ss->seed, sizeof(ss->seed));
	ss->n = 0;
}

struct addr
source_mask(const struct addr *a, uint32_t bits4, uint32_t bits6)
{
	struct addr	 m;
	uint32_t	 bits, i;

	m = *a;
	m.port = 0;
	bits = a->family == 4 ? bits4 : bits6;
	for (i = 0; i < sizeof(m.ip); i++) {
		if (bits >= (i + 1) * 8)
			continue;
		m.ip[i] &= bits <= i * 8 ? 0 :
		    (uint8_t)(0xff << (8 - (bits - i * 8)));
	}
	return (m);
}

/* FNV-1a behind a secret: nobody can choose addresses that meet. */
static size_t
bucket(const struct sources *ss, const struct addr *a)
{
	uint64_t	 h;
	size_t		 i;

	h = ss->seed ^ a->family;
	for (i = 0; i < sizeof(a->ip); i++) {
		h = (h ^ a->ip[i]) * 1099511628211ULL;
		h ^= h >> 29;
	}
	return ((size_t)((h ^ h >> 32) % SOURCE_BUCKETS));
}

struct source *
source_find(struct sources *ss, const struct addr *a)
{
	struct source	*s;

	LIST_FOREACH(s, &ss->bucket[bucket(ss, a)], entry)
		if (addr_same_ip(&s->addr, a))
			return (s);
	return (NULL);
}

struct source *
source_get(struct sources *ss, const struct addr *a)
{
	struct source	*s;

	if ((s = source_find(ss, a)) != NULL)
		return (s);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->addr = *a;
	LIST_INSERT_HEAD(&ss->bucket[bucket(ss, a)], s, entry);
	ss->n++;
	return (s);
}

void
source_drop(struct sources *ss, struct source *s)
{
	LIST_REMOVE(s, entry);
	ss->n--;
	free(s);
}

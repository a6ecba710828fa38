/* SPDX-License-Identifier: ISC */

/*
 * Members of dynamic tables: a copy of what the store has, so that a rule can
 * ask without waiting for anybody.  Keys come from the network; the hash has
 * a seed, and the store bounds the number of members.
 */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "addrset.h"
#include "proxy.h"

#define BUCKETS_MIN	64
#define MEMBERS_MAX	(4 * DYNAMIC_SIZE_MAX)	/* whatever the store says */

struct member {
	LIST_ENTRY(member)	 entry;
	uint64_t		 hash;
	uint64_t		 expires;	/* epoch, s; 0: never */
	uint32_t		 round;		/* of the last full list */
	char			 text[];	/* table, NUL, key, NUL */
};

LIST_HEAD(bucket, member);

static uint64_t	 hash(const char *, const char *);
static struct member *find(const char *, const char *, uint64_t);
static void	 grow(void);
static void	 drop(struct member *);

static struct bucket	*bucket;
static size_t		 nbuckets;	/* a power of two */
static size_t		 nmembers;
static uint64_t		 seed;
static uint32_t		 this_round;

static uint64_t
hash(const char *table, const char *key)
{
	uint64_t	 h;

	if (seed == 0)
		arc4random_buf(&seed, sizeof(seed));
	h = seed;
	for (; *table != '\0'; table++)
		h = (h ^ (uint8_t)*table) * 1099511628211ULL;
	h = (h ^ 0xff) * 1099511628211ULL;
	for (; *key != '\0'; key++)
		h = (h ^ (uint8_t)*key) * 1099511628211ULL;
	return (h ^ h >> 31);
}

static struct member *
find(const char *table, const char *key, uint64_t h)
{
	struct member	*m;

	if (nbuckets == 0)
		return (NULL);
	LIST_FOREACH(m, &bucket[h & (nbuckets - 1)], entry)
		if (m->hash == h && strcmp(m->text, table) == 0 &&
		    strcmp(m->text + strlen(table) + 1, key) == 0)
			return (m);
	return (NULL);
}

static void
drop(struct member *m)
{
	LIST_REMOVE(m, entry);
	free(m);
	nmembers--;
}

/* As many buckets as members; without memory the lists get longer. */
static void
grow(void)
{
	struct bucket	*old;
	struct member	*m;
	size_t		 n, i;

	if (nmembers < nbuckets)
		return;
	old = bucket;
	n = nbuckets;
	nbuckets = n == 0 ? BUCKETS_MIN : n * 2;
	bucket = calloc(nbuckets, sizeof(*bucket));
	if (bucket == NULL) {
		bucket = old;
		nbuckets = n;
		return;
	}
	for (i = 0; i < n; i++)
		while ((m = LIST_FIRST(&old[i])) != NULL) {
			LIST_REMOVE(m, entry);
			LIST_INSERT_HEAD(&bucket[m->hash & (nbuckets - 1)], m,
			    entry);
		}
	free(old);
}

void
member_set(const struct msg_member *w)
{
	struct member	*m;
	uint64_t	 h;
	size_t		 tlen, klen;

	h = hash(w->table, w->key);
	m = find(w->table, w->key, h);
	if (m == NULL) {
		if (nmembers >= MEMBERS_MAX)
			return;
		grow();
		tlen = strlen(w->table) + 1;
		klen = strlen(w->key) + 1;
		m = malloc(sizeof(*m) + tlen + klen);
		if (m == NULL || nbuckets == 0) {
			log_warn("member of %s", w->table);
			free(m);
			return;
		}
		memcpy(m->text, w->table, tlen);
		memcpy(m->text + tlen, w->key, klen);
		m->hash = h;
		LIST_INSERT_HEAD(&bucket[h & (nbuckets - 1)], m, entry);
		nmembers++;
	}
	m->expires = w->expires;
	m->round = this_round;
}

void
member_delete(const struct msg_member *w)
{
	struct member	*m;

	m = find(w->table, w->key, hash(w->table, w->key));
	if (m != NULL)
		drop(m);
}

void
member_begin(void)
{
	this_round++;
}

void
member_all(void)
{
	struct member	*m, *next;
	size_t		 i;

	for (i = 0; i < nbuckets; i++)
		for (m = LIST_FIRST(&bucket[i]); m != NULL; m = next) {
			next = LIST_NEXT(m, entry);
			if (m->round != this_round)
				drop(m);
		}
}

int
member_is(const struct conf *conf, uint32_t id, const char *key)
{
	const struct member	*m;
	const char		*table;

	table = conf->dynamic[id].name;
	m = find(table, key, hash(table, key));
	return (m != NULL && (m->expires == 0 ||
	    m->expires > now_epoch() / 1000));
}

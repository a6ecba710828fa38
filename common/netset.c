/* SPDX-License-Identifier: ISC */

/* Networks of tables, see netset.h: hashed by family, prefix and address. */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "netset.h"

#define PREFIXES	129		/* 0 to 128 */

struct net {
	uint8_t		 ip[16];	/* nothing behind the prefix */
	uint32_t	 table;
	uint32_t	 next;		/* index + 1 of the next; 0: none */
	uint8_t		 family;
	uint8_t		 prefix;
	uint8_t		 not;
};

struct netset {
	uint32_t	*bucket;	/* index + 1 of the first */
	size_t		 nbuckets;	/* a power of two */
	struct net	*net;
	size_t		 n, max;
	uint64_t	 seed;
	uint8_t		 has[2][PREFIXES];	/* lengths that there are */
};

static void	 mask(uint8_t *, uint32_t);
static size_t	 hash(const struct netset *, const uint8_t *, uint32_t,
		    uint32_t);

struct netset *
netset_new(size_t n)
{
	struct netset	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->nbuckets = 16;
	while (s->nbuckets < n)
		s->nbuckets *= 2;
	s->max = n;
	s->bucket = calloc(s->nbuckets, sizeof(*s->bucket));
	s->net = reallocarray(NULL, n + 1, sizeof(*s->net));
	if (s->bucket == NULL || s->net == NULL) {
		netset_free(s);
		return (NULL);
	}
	arc4random_buf(&s->seed, sizeof(s->seed));
	return (s);
}

void
netset_free(struct netset *s)
{
	if (s == NULL)
		return;
	free(s->bucket);
	free(s->net);
	free(s);
}

/* Clear what is behind the prefix. */
static void
mask(uint8_t *ip, uint32_t prefix)
{
	uint32_t	 i;

	i = prefix / 8;
	if (i < 16 && prefix % 8 != 0)
		ip[i++] &= (uint8_t)(0xff << (8 - prefix % 8));
	if (i < 16)
		memset(ip + i, 0, 16 - i);
}

static size_t
hash(const struct netset *s, const uint8_t *ip, uint32_t family,
    uint32_t prefix)
{
	uint64_t	 a, b, h;

	memcpy(&a, ip, sizeof(a));
	memcpy(&b, ip + 8, sizeof(b));
	h = s->seed ^ (family << 8 | prefix);
	h = (h ^ a) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	h = (h ^ b) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 32;
	return ((size_t)h & (s->nbuckets - 1));
}

int
netset_add(struct netset *s, const struct addr_net *net, uint32_t table,
    int not)
{
	struct net	*n;
	size_t		 i;

	if (s->n == s->max || net->prefix >= PREFIXES)
		return (-1);
	n = &s->net[s->n];
	memset(n, 0, sizeof(*n));
	memcpy(n->ip, net->addr.ip, sizeof(n->ip));
	mask(n->ip, net->prefix);
	n->table = table;
	n->family = net->addr.family;
	n->prefix = (uint8_t)net->prefix;
	n->not = not != 0;
	i = hash(s, n->ip, n->family, n->prefix);
	n->next = s->bucket[i];
	s->bucket[i] = (uint32_t)++s->n;
	s->has[n->family == 6][n->prefix] = 1;
	return (0);
}

/* From the shortest prefix to the longest, so that the last word stays. */
void
netset_find(const struct netset *s, const struct addr *a, uint64_t *bits)
{
	const struct net	*n;
	uint8_t			 ip[16];
	uint64_t		 bit;
	uint32_t		 prefix, i;

	for (prefix = 0; prefix < PREFIXES; prefix++) {
		if (!s->has[a->family == 6][prefix])
			continue;
		memcpy(ip, a->ip, sizeof(ip));
		mask(ip, prefix);
		i = s->bucket[hash(s, ip, a->family, prefix)];
		for (; i != 0; i = n->next) {
			n = &s->net[i - 1];
			if (n->prefix != prefix || n->family != a->family ||
			    memcmp(n->ip, ip, sizeof(ip)) != 0)
				continue;
			bit = 1ULL << (n->table % 64);
			if (n->not)
				bits[n->table / 64] &= ~bit;
			else
				bits[n->table / 64] |= bit;
		}
	}
}

/* SPDX-License-Identifier: ISC */

/*
 * Sessions counted by source: a network of so many bits, or one address.
 *
 * An entry exists only while it counts something, so a table has at most as
 * many as there are sessions, and nobody can fill it for others.
 */

#ifndef MAILWALL_SOURCE_H
#define MAILWALL_SOURCE_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define SOURCE_BUCKETS	4096	/* MAX_SESSIONS of them: 16 in each */

struct source {
	LIST_ENTRY(source)	 entry;
	struct addr		 addr;		/* masked, no port */
	uint32_t		 own;		/* what the owner counts */
	uint32_t		 others;	/* likewise */
	void			*data;		/* the owner's; not freed */
};

struct sources {
	LIST_HEAD(, source)	 bucket[SOURCE_BUCKETS];
	uint64_t		 seed;		/* which bucket is a secret */
	size_t			 n;
};

/* Empty; the seed is random. */
void		 sources_init(struct sources *);

/* The network of an address: its first bits4 or bits6 bits, without port. */
struct addr	 source_mask(const struct addr *, uint32_t bits4,
		    uint32_t bits6);

/* Find a masked address; NULL if it is not there. */
struct source	*source_find(struct sources *, const struct addr *);
/* The same, made if need be; NULL with errno when there is no memory. */
struct source	*source_get(struct sources *, const struct addr *);
/* Remove it. */
void		 source_drop(struct sources *, struct source *);

#endif /* MAILWALL_SOURCE_H */

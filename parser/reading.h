/* SPDX-License-Identifier: ISC */

/* The readings of one entity, given as parts and as further work. */

#ifndef MAILWALL_READING_H
#define MAILWALL_READING_H

#include <stdint.h>

#include "mime.h"

/* Type, charset, name and flags of part k: type i and encoding j of e. */
void	 reading_describe(struct mime *m, const struct entity *e, uint32_t k,
	    unsigned int i, unsigned int j);

/*
 * The end of an entity is known: give every reading of its body.  With
 * is_split set the body has been taken apart in place, as the first reading;
 * else part e->part is filled in.
 */
void	 reading_give(struct mime *m, struct entity *e, unsigned int depth,
	    const uint8_t *end, int is_split);

/* A text that is no entity: preamble or epilogue, flags say which. */
void	 reading_text(struct mime *m, uint32_t parent, unsigned int depth,
	    const uint8_t *p, const uint8_t *end, uint32_t flags,
	    uint64_t anomalies);

/*
 * A multipart whose boundary was not found in it: try what looks like one.
 */
void	 reading_guess(struct mime *m, uint32_t parent, unsigned int depth,
	    const uint8_t *p, const uint8_t *end, int is_digest);

#endif /* MAILWALL_READING_H */

/* SPDX-License-Identifier: ISC */

/* What lies inside of leaves: encoded runs in text, and containers. */

#ifndef MAILWALL_UNPACK_H
#define MAILWALL_UNPACK_H

#include <stdint.h>

#include "decode.h"
#include "mime.h"

/* Fill tables; once, before anything else here. */
void	 unpack_init(void);

/*
 * A text, the body of part k: each run of uuencode, xxencode, yEnc or BinHex
 * in it becomes a part at depth, and OpenPGP armor is looked at.
 */
void	 unpack_text(struct mime *m, uint32_t k, unsigned int depth,
	    const uint8_t *p, const uint8_t *end);

/* Do bytes that are called no text begin with such a run: 1 or 0. */
int	 unpack_begins(const uint8_t *p, const uint8_t *end);

/*
 * Bytes of any type, the body of part k: queue what they contain if they are
 * a container (TNEF, AppleSingle, CMS) by their first bytes, and decode what
 * is called BinHex.
 */
void	 unpack_leaf(struct mime *m, uint32_t k, unsigned int depth,
	    const uint8_t *p, const uint8_t *end);

/* Do a job that unpack_leaf() queued. */
void	 unpack_job(struct mime *m, const struct job *);

/*
 * Decode a body whose transfer encoding is one of the runs: the first of
 * them, or if nothing begins one all of it.
 */
void	 unpack_body(enum part_encoding, const uint8_t *p, const uint8_t *end,
	    uint8_t *out, size_t cap, struct decoded *);

#endif /* MAILWALL_UNPACK_H */

/* SPDX-License-Identifier: ISC */

/* yEnc runs inside of text (the yEncode draft 1.3). */

#ifndef MAILWALL_YENC_H
#define MAILWALL_YENC_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

struct yenc_run {
	const uint8_t	*begin;		/* its "=ybegin" line */
	const uint8_t	*data;		/* behind "=ybegin" and "=ypart" */
	const uint8_t	*name;		/* as it stands */
	size_t		 name_len;
};

/* Does a run begin at p, the start of a line: 1 with it filled in, or 0. */
int	 yenc_at(const uint8_t *p, const uint8_t *end, struct yenc_run *);

/*
 * Decode the data at p up to "=yend", the next "=ybegin" or the end of the
 * text.  Sizes and checksums that the run states are not believed.  Returns
 * where it ended.
 */
const uint8_t *yenc_decode(const uint8_t *p, const uint8_t *end,
	    uint8_t *out, size_t cap, struct decoded *);

#endif /* MAILWALL_YENC_H */

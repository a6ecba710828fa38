/* SPDX-License-Identifier: ISC */

/* Tables of normal.c; mktables.py makes them. */

#ifndef MAILWALL_NORMTAB_H
#define MAILWALL_NORMTAB_H

#include <stdint.h>

#define NORM_BLOCK	128			/* characters of a block */
#define NORM_LAST	0x2ffffU		/* beyond: nothing to look up */
#define NORM_BLOCKS	((NORM_LAST + 1) / NORM_BLOCK)

/* What a character becomes: one of these, or 3 + its place in the pool. */
#define NORM_SAME	0
#define NORM_DROP	1
#define NORM_BLANK	2

extern const uint16_t	 norm_index[NORM_BLOCKS];
extern const uint16_t	 norm_block[][NORM_BLOCK];
/* Each a length in bytes, then UTF-8. */
extern const uint8_t	 norm_pool[];

#endif /* MAILWALL_NORMTAB_H */

/* SPDX-License-Identifier: ISC */

/* BinHex 4.0, RFC 1741: a Macintosh file with both its forks as text. */

#ifndef MAILWALL_BINHEX_H
#define MAILWALL_BINHEX_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/* A decoded file; everything points into the decoded bytes. */
struct binhex {
	const uint8_t	*name;
	size_t		 name_len;
	const uint8_t	*data;		/* NULL: the head was not whole */
	size_t		 data_len;
	const uint8_t	*resource;
	size_t		 resource_len;
};

/* Fill the table; once, before anything else here. */
void	 binhex_init(void);

/*
 * Does p, the start of a line, announce a BinHex file ("(This file must be
 * converted with BinHex ...") with data near behind it?  Returns where the
 * data begin, behind their colon, or NULL.
 */
const uint8_t *binhex_at(const uint8_t *p, const uint8_t *end);

/* The first line of data in a text that need not announce them, or NULL. */
const uint8_t *binhex_find(const uint8_t *p, const uint8_t *end);

/*
 * Decode letters and runs up to the closing colon or anything else that is
 * no letter.  Returns where it ended.
 */
const uint8_t *binhex_decode(const uint8_t *p, const uint8_t *end,
	    uint8_t *out, size_t cap, struct decoded *);

/*
 * Take the decoded file apart.  Lengths that promise more than there is are
 * cut.  Checksums are not looked at.  1, or 0 if something was missing.
 */
int	 binhex_split(const uint8_t *, size_t, struct binhex *);

#endif /* MAILWALL_BINHEX_H */

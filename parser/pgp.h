/* SPDX-License-Identifier: ISC */

/* OpenPGP armor inside of text, RFC 9580 sections 6.2 and 7. */

#ifndef MAILWALL_PGP_H
#define MAILWALL_PGP_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

enum pgp_kind {
	PGP_NONE,
	PGP_MESSAGE,		/* encrypted, as far as anyone can tell */
	PGP_CLEAR		/* signed text that can be read */
};

/* What begins at p, the start of a line; its text in [*text, end). */
enum pgp_kind	 pgp_at(const uint8_t *p, const uint8_t *end,
		    const uint8_t **text);

/*
 * Copy clear text up to the signature, with the "- " before lines undone.
 * Returns how many were; *next is where the text ended.
 */
size_t		 pgp_clear(const uint8_t *p, const uint8_t *end,
		    const uint8_t **next, uint8_t *out, size_t cap,
		    struct decoded *);

#endif /* MAILWALL_PGP_H */

/* SPDX-License-Identifier: ISC */

/* AppleSingle and AppleDouble files, RFC 1740. */

#ifndef MAILWALL_APPLE_H
#define MAILWALL_APPLE_H

#include <stddef.h>
#include <stdint.h>

/* Entries that matter, by their number in the file. */
#define APPLE_DATA	1
#define APPLE_RESOURCE	2
#define APPLE_NAME	3

/* Do these bytes begin such a file: 1 or 0. */
int	 apple_is(const uint8_t *, size_t);

/* Number of entries that the file has room for; each is asked for below. */
size_t	 apple_count(const uint8_t *, size_t);

/*
 * Entry i: returns its number, with its bytes in *p and *n; -1 when it does
 * not lie inside of the file.
 */
int64_t	 apple_entry(const uint8_t *, size_t, size_t i, const uint8_t **p,
	    size_t *n);

#endif /* MAILWALL_APPLE_H */

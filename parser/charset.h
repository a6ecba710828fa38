/* SPDX-License-Identifier: ISC */

/* Charsets of names and header text, converted to clean UTF-8. */

#ifndef MAILWALL_CHARSET_H
#define MAILWALL_CHARSET_H

#include <stddef.h>
#include <stdint.h>

#define CHARSET_NAME_MAX	40	/* longest name that we look at */

/*
 * Open every converter there is; before confinement, once.  They stay open:
 * closing one lets the C library unload its module, and a confined process
 * cannot load it again.  One that this system lacks is unknown later on.
 */
void	 charset_init(void);

/*
 * Convert len bytes of the named charset.  What cannot be converted, and
 * controls, become U+FFFD; an unknown charset is read as UTF-8.  Writes at
 * most cap bytes and only whole characters; returns their number.  *bad is
 * set when something was lost, and left alone otherwise.
 */
size_t	 charset_utf8(const char *name, size_t namelen, const uint8_t *,
	    size_t len, uint8_t *out, size_t cap, int *bad);

/*
 * HZ (RFC 1843) as GB 2312 with eighth bits, into gb, which has room for len
 * bytes.  Returns how many there are.
 */
size_t	 charset_hz(const uint8_t *, size_t len, uint8_t *gb);

/*
 * The same for text: controls stay what they are, and a charset that is not
 * known is no charset.  Returns the number of bytes, or SIZE_MAX for one that
 * this system does not have.  *bad counts what could not be converted.
 */
size_t	 charset_text(const char *name, size_t namelen, const uint8_t *,
	    size_t len, uint8_t *out, size_t cap, size_t *bad);

/* Are bytes below 0x80 something else there than in ASCII: 1 or 0. */
int	 charset_is_unlike_ascii(const char *name, size_t namelen);

/*
 * The charset in which bytes are that have the other order than is taken when
 * there is no mark of it; NULL when name leaves no doubt.
 */
const char *charset_other_order(const char *name, size_t namelen);

/* The same from (alleged) UTF-8. */
size_t	 utf8_clean(const uint8_t *, size_t len, uint8_t *out, size_t cap,
	    int *bad);

#endif /* MAILWALL_CHARSET_H */

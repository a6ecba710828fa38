/* SPDX-License-Identifier: ISC */

/* UTF-8, RFC 3629. */

#ifndef MAILWALL_UTF8_H
#define MAILWALL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the valid character at p, n bytes available: 1 to 4; 0 if there
 * is none (broken, overlong, surrogate, beyond U+10FFFF).
 */
size_t	 utf8_char(const uint8_t *p, size_t n);

/* How many of len bytes are ASCII, up to the first that is not. */
size_t	 utf8_ascii(const uint8_t *, size_t len);

/* Are len bytes valid UTF-8: 1 or 0. */
int	 utf8_valid(const uint8_t *, size_t len);

/* Does it end within size bytes, without control characters: 1 or 0. */
int	 utf8_line(const char *, size_t size);

/*
 * Text for people, ended, of at most size bytes, which is not 0: whole
 * characters; a control becomes a space, a broken byte a question mark.
 * Returns dst.
 */
char	*utf8_plain(char *dst, size_t size, const char *src, size_t len);

#endif /* MAILWALL_UTF8_H */

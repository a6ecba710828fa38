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

/*
 * Writes a character, which is at most U+10FFFF: its bytes, 1 to 4, for all of
 * which there must be room.  Here, since those who call it do so for each
 * character of a message.
 */
static inline size_t
utf8_put(uint8_t *p, uint32_t c)
{
	if (c < 0x80) {
		p[0] = (uint8_t)c;
		return (1);
	}
	if (c < 0x800) {
		p[0] = (uint8_t)(0xc0 | c >> 6);
		p[1] = (uint8_t)(0x80 | (c & 0x3f));
		return (2);
	}
	if (c < 0x10000) {
		p[0] = (uint8_t)(0xe0 | c >> 12);
		p[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (c & 0x3f));
		return (3);
	}
	p[0] = (uint8_t)(0xf0 | c >> 18);
	p[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	p[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	p[3] = (uint8_t)(0x80 | (c & 0x3f));
	return (4);
}

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

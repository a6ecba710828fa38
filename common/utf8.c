/* SPDX-License-Identifier: ISC */

/* UTF-8, see utf8.h. */

#include <string.h>

#include "utf8.h"

size_t
utf8_char(const uint8_t *p, size_t n)
{
	size_t	 i, len;

	if (n == 0)
		return (0);
	if (p[0] < 0x80)
		return (1);
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return (0);
	if (n < len)
		return (0);
	for (i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	/* Overlong forms, surrogates, beyond the last character. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return (0);
	return (len);
}

size_t
utf8_ascii(const uint8_t *p, size_t len)
{
	uint64_t	 v;
	size_t		 i;

	for (i = 0; i + sizeof(v) <= len; i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		if ((v & 0x8080808080808080ULL) != 0)
			break;
	}
	while (i < len && p[i] < 0x80)
		i++;
	return (i);
}

int
utf8_valid(const uint8_t *p, size_t len)
{
	size_t	 i, n;

	/* Most is ASCII; where some is not, more of it follows. */
	for (i = 0; i < len; i += n) {
		n = p[i] < 0x80 ? utf8_ascii(p + i, len - i) :
		    utf8_char(p + i, len - i);
		if (n == 0)
			return (0);
	}
	return (1);
}

char *
utf8_plain(char *dst, size_t size, const char *src, size_t len)
{
	size_t	 i, n, used;

	used = 0;
	for (i = 0; i < len; i += n) {
		n = utf8_char((const uint8_t *)src + i, len - i);
		if (used + (n == 0 ? 1 : n) >= size)
			break;
		if (n > 1)
			memcpy(dst + used, src + i, n);
		else if (n == 0)
			dst[used] = '?';
		else
			dst[used] = (unsigned char)src[i] < 0x20 ||
			    src[i] == 0x7f ? ' ' : src[i];
		if (n == 0)
			n = 1;
		used += n;
	}
	dst[used] = '\0';
	return (dst);
}

int
utf8_line(const char *s, size_t size)
{
	size_t	 i;

	for (i = 0; i < size && s[i] != '\0'; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return (0);
	return (i < size);
}

/* SPDX-License-Identifier: ISC */

/*
 * AppleSingle and AppleDouble (RFC 1740, appendices A and B): a table of
 * entries, each an offset and a length, which are checked here and believed
 * nowhere.  Entries may overlap; they are given as ranges, never copied.
 */

#include <string.h>

#include "apple.h"

#define HEAD_LEN	26
#define ENTRY_LEN	12

static uint32_t	 be32(const uint8_t *);

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

int
apple_is(const uint8_t *p, size_t len)
{
	return (len >= HEAD_LEN && (memcmp(p, "\0\5\26\0", 4) == 0 ||
	    memcmp(p, "\0\5\26\7", 4) == 0));
}

size_t
apple_count(const uint8_t *p, size_t len)
{
	size_t	 n, room;

	n = (size_t)p[24] << 8 | p[25];
	room = (len - HEAD_LEN) / ENTRY_LEN;
	return (n < room ? n : room);
}

int64_t
apple_entry(const uint8_t *file, size_t len, size_t i, const uint8_t **p,
    size_t *n)
{
	const uint8_t	*e;
	size_t		 off;

	e = file + HEAD_LEN + i * ENTRY_LEN;
	off = be32(e + 4);
	*n = be32(e + 8);
	if (off > len || *n > len - off)
		return (-1);
	*p = file + off;
	return ((int64_t)be32(e));
}

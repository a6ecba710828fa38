/* SPDX-License-Identifier: ISC */

/*
 * The source of macros, [MS-OVBA] 2.4.1: runs of literals and of copies from
 * the same 4096 bytes, so that no word of it stands in the file as it is.
 *
 * As with the rest of compound files no chain of sectors is followed: a
 * module is found by the words that Office begins each with, wherever it
 * lies.  One that lies in pieces ends where its first piece does.
 */

#include <stdlib.h>
#include <string.h>

#include "inspect.h"

#define CHUNK		4096	/* bytes that a chunk becomes, at most */
#define MODULE_MAX	(1 * MIB) /* of source */
#define WORK_FACTOR	4	/* bytes unpacked for each of the file */

/* Three bytes behind the container's first: "Attribute VB_Name", packed. */
static const uint8_t	 begin[] = "\0Attribut";

static size_t	 chunk(const uint8_t *, const uint8_t *, uint8_t *);
static size_t	 copies(unsigned int);
static size_t	 module(const uint8_t *, const uint8_t *, uint8_t *);

/* How many bits of a copy are its offset, with so many bytes before it. */
static size_t
copies(unsigned int done)
{
	size_t	 bits;

	for (bits = 4; 1U << bits < done; bits++)
		continue;
	return (bits);
}

/* The tokens of a chunk, to its end: how many bytes came of them. */
static size_t
chunk(const uint8_t *p, const uint8_t *end, uint8_t *out)
{
	size_t		 bits, from, len, n;
	unsigned int	 flags, i, token;

	n = 0;
	while (p < end) {
		flags = *p++;
		for (i = 0; i < 8 && p < end; i++, flags >>= 1) {
			if ((flags & 1) == 0) {
				if (n == CHUNK)
					return (n);
				out[n++] = *p++;
				continue;
			}
			if (end - p < 2 || n == 0)
				return (n);
			token = p[0] | (unsigned int)p[1] << 8;
			p += 2;
			bits = copies((unsigned int)n);
			len = (token & (0xffffU >> bits)) + 3;
			from = (token >> (16 - bits)) + 1;
			if (from > n || len > CHUNK - n)
				return (n);
			/* It may overlap itself. */
			for (; len > 0; len--, n++)
				out[n] = out[n - from];
		}
	}
	return (n);
}

/* A container from its first byte on, to out, of MODULE_MAX bytes. */
static size_t
module(const uint8_t *p, const uint8_t *end, uint8_t *out)
{
	size_t		 got, n, size;
	unsigned int	 head;

	n = 0;
	for (p++; end - p > 2 && n + CHUNK <= MODULE_MAX; p += size) {
		head = p[0] | (unsigned int)p[1] << 8;
		size = (head & 0xfff) + 3;
		if ((head >> 12 & 7) != 3)
			break;
		if (size > (size_t)(end - p))
			size = (size_t)(end - p);
		got = size - 2 < CHUNK ? size - 2 : CHUNK;
		if (head & 0x8000)
			got = chunk(p + 2, p + size, out + n);
		else
			memcpy(out + n, p + 2, got);
		/* What gives nothing would cost nothing, without end. */
		if (got == 0)
			break;
		n += got;
	}
	return (n);
}

int
vba_text(const uint8_t *p, size_t len, struct textout *out)
{
	const uint8_t	*end, *q;
	uint8_t		*buf;
	uint64_t	 work;
	size_t		 n;

	buf = NULL;
	work = (uint64_t)len * WORK_FACTOR + MODULE_MAX;
	for (q = p, end = p + len; (q = memmem(q, (size_t)(end - q), begin,
	    sizeof(begin) - 1)) != NULL; q += sizeof(begin) - 1) {
		/* "e " follows, perhaps with a copy in it. */
		if (q - p < 3 || q[-3] != 1 || (q[-1] >> 4 & 7) != 3)
			continue;
		if (buf == NULL && (buf = malloc(MODULE_MAX)) == NULL)
			return (-1);
		n = module(q - 3, end, buf);
		if (n > work) {
			free(buf);
			return (-1);
		}
		work -= n;
		textout_plain(out, buf, n);
		textout_char(out, '\n');
	}
	free(buf);
	return (0);
}

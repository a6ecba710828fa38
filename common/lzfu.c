/* SPDX-License-Identifier: ISC */

/*
 * Compressed RTF (MS-OXRTFCP): Lempel-Ziv over a ring of 4096 bytes that is
 * filled beforehand with what RTF usually begins with.  Two bytes make 17 at
 * most; the caller's room bounds the rest.  One pass.
 */

#include <string.h>

#include "lzfu.h"

#define RING		4096U

static uint32_t	 le32(const uint8_t *);
static size_t	 unpack(const uint8_t *, const uint8_t *, uint8_t *, size_t,
		    int *, int *);

/* Section 2.1.2.1 of the document. */
static const char	 ring_begin[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman "
    "\\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes "
    "New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard"
    "\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

static uint32_t
le32(const uint8_t *p)
{
	return (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

static size_t
unpack(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t cap,
    int *bad, int *full)
{
	uint8_t		 ring[RING];
	unsigned int	 at, from, n, flags, bit;
	size_t		 len;

	len = 0;
	memset(ring, ' ', sizeof(ring));
	at = sizeof(ring_begin) - 1;
	memcpy(ring, ring_begin, at);
	flags = 0;
	for (bit = 8;; bit++) {
		if (bit == 8) {
			if (p == end)
				break;
			flags = *p++;
			bit = 0;
		}
		from = at;
		n = 1;
		if (flags >> bit & 1) {
			if (end - p < 2)
				break;
			from = (unsigned int)p[0] << 4 | p[1] >> 4;
			n = (p[1] & 0x0fU) + 2;
			p += 2;
			/* A copy from here: the end. */
			if (from == at)
				return (len);
		} else if (p == end)
			break;
		else
			ring[at] = *p++;
		for (; n > 0; n--) {
			if (len == cap) {
				*full = 1;
				return (len);
			}
			out[len++] = ring[at] = ring[from];
			at = (at + 1) % RING;
			from = (from + 1) % RING;
		}
	}
	*bad = 1;
	return (len);
}

size_t
lzfu_decode(const uint8_t *p, size_t len, uint8_t *out, size_t cap,
    int *bad, int *full)
{
	size_t	 n;

	*bad = *full = 0;
	if (len < LZFU_HEAD) {
		*bad = 1;
		return (0);
	}
	if (memcmp(p + 8, "LZFu", 4) == 0)
		return (unpack(p + LZFU_HEAD, p + len, out, cap, bad, full));
	if (memcmp(p + 8, "MELA", 4) != 0) {
		*bad = 1;
		return (0);
	}
	/* Stored as it is. */
	n = len - LZFU_HEAD;
	*bad = le32(p + 4) > n;
	if (n > le32(p + 4))
		n = le32(p + 4);
	*full = n > cap;
	if (n > cap)
		n = cap;
	if (n > 0)
		memcpy(out, p + LZFU_HEAD, n);
	return (n);
}

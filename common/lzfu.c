/* SPDX-License-Identifier: ISC */

/*
 * Compressed RTF (MS-OXRTFCP): Lempel-Ziv over a ring of 4096 bytes that is
 * filled beforehand with what RTF usually begins with.  Two bytes make 17 at
 * most; the caller's room bounds the rest.  One pass.
 */

#include <string.h>

#include "lzfu.h"

#define RING		4096U
#define HEAD_LEN	16

static uint32_t	 le32(const uint8_t *);
static void	 unpack(const uint8_t *, const uint8_t *, uint8_t *, size_t,
		    struct decoded *);

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

static void
unpack(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t cap,
    struct decoded *d)
{
	uint8_t		 ring[RING];
	unsigned int	 at, from, n, flags, bit;

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
				return;
		} else if (p == end)
			break;
		else
			ring[at] = *p++;
		for (; n > 0; n--) {
			if (d->len == cap) {
				d->full = 1;
				return;
			}
			out[d->len++] = ring[at] = ring[from];
			at = (at + 1) % RING;
			from = (from + 1) % RING;
		}
	}
	d->bad = 1;
}

void
lzfu_decode(const uint8_t *p, size_t len, uint8_t *out, size_t cap,
    struct decoded *d)
{
	size_t	 n;

	memset(d, 0, sizeof(*d));
	if (len < HEAD_LEN) {
		d->bad = 1;
		return;
	}
	if (memcmp(p + 8, "LZFu", 4) == 0)
		unpack(p + HEAD_LEN, p + len, out, cap, d);
	else if (memcmp(p + 8, "MELA", 4) == 0) {
		/* Stored as it is. */
		n = len - HEAD_LEN;
		if (le32(p + 4) < n)
			n = le32(p + 4);
		else if (le32(p + 4) > n)
			d->bad = 1;
		d->full = n > cap;
		if (n > cap)
			n = cap;
		memcpy(out, p + HEAD_LEN, n);
		d->len = n;
	} else
		d->bad = 1;
	d->stop = d->len;
}

/* SPDX-License-Identifier: ISC */

/*
 * BinHex 4.0 (RFC 1741): 6 bits a letter, then runs ("byte 0x90 count"),
 * then a head with the lengths of a data and a resource fork.  A run makes
 * up to 254 bytes of four letters, so the caller's room is what bounds the
 * output.  One pass; checksums are the sender's and not looked at.
 */

#include <string.h>
#include <strings.h>

#include "binhex.h"

#define NO_LETTER	0xff
#define RUN_MARK	0x90
#define HEAD_LEN	19	/* version, type, creator, flags, lengths */
#define NEAR		256	/* bytes from the comment to the data */

static const char	 letters[] = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMN"
			    "PQRSTUVXYZ[`abcdefhijklmpqr";
static uint8_t		 value[256];

static uint32_t	 be32(const uint8_t *);
static int	 run_put(struct decoded *, uint8_t *, size_t, unsigned int);

void
binhex_init(void)
{
	unsigned int	 i;

	memset(value, NO_LETTER, sizeof(value));
	for (i = 0; i < 64; i++)
		value[(uint8_t)letters[i]] = (uint8_t)i;
}

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3]);
}

const uint8_t *
binhex_find(const uint8_t *p, const uint8_t *end)
{
	int	 at_start;

	at_start = 1;
	for (; end - p > 1; p++) {
		if (*p == ':' && at_start && value[p[1]] != NO_LETTER)
			return (p + 1);
		at_start = *p == '\n' || *p == '\r' ||
		    (at_start && (*p == ' ' || *p == '\t'));
	}
	return (NULL);
}

const uint8_t *
binhex_at(const uint8_t *p, const uint8_t *end)
{
	static const char	 word[] = "(This file must be converted";
	size_t			 n;

	n = sizeof(word) - 1;
	if ((size_t)(end - p) < n ||
	    strncasecmp((const char *)p, word, n) != 0)
		return (NULL);
	if (end - p > NEAR)
		end = p + NEAR;
	return (binhex_find(p + n, end));
}

/* The last byte n times in all, for which it is there once; 0: no room. */
static int
run_put(struct decoded *d, uint8_t *out, size_t cap, unsigned int n)
{
	if (d->len == 0 || n == 1)
		return (1);
	if (n - 1 > cap - d->len) {
		d->full = 1;
		return (0);
	}
	memset(out + d->len, out[d->len - 1], n - 1);
	d->len += n - 1;
	return (1);
}

const uint8_t *
binhex_decode(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t cap,
    struct decoded *d)
{
	uint32_t	 acc;
	unsigned int	 bits;
	uint8_t		 c;
	int		 is_run;

	memset(d, 0, sizeof(*d));
	acc = bits = 0;
	is_run = 0;
	for (; p < end; p++) {
		if (*p == '\r' || *p == '\n' || *p == ' ' || *p == '\t')
			continue;
		if (value[*p] == NO_LETTER)
			break;
		acc = (acc << 6 | value[*p]) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		c = (uint8_t)(acc >> bits);
		if (is_run && c != 0) {
			is_run = 0;
			if (!run_put(d, out, cap, c))
				break;
			continue;
		}
		if (!is_run && c == RUN_MARK) {
			is_run = 1;
			continue;
		}
		/* A count of nothing: the mark itself. */
		if (d->len == cap) {
			d->full = 1;
			break;
		}
		out[d->len++] = is_run ? RUN_MARK : c;
		is_run = 0;
	}
	d->bad = p == end || *p != ':';
	d->stop = d->len;
	return (p);
}

int
binhex_split(const uint8_t *p, size_t len, struct binhex *b)
{
	size_t	 need, n;

	memset(b, 0, sizeof(*b));
	if (len < 1 || len < (need = 1U + p[0] + HEAD_LEN))
		return (0);
	b->name = p + 1;
	b->name_len = p[0];
	b->data_len = be32(p + need - 8);
	b->resource_len = be32(p + need - 4);
	/* Two bytes of checksum behind the head and behind each fork. */
	p += need;
	len -= need;
	n = len < 2 ? len : 2;
	p += n;
	len -= n;
	b->data = p;
	if (b->data_len > len) {
		b->data_len = len;
		b->resource_len = 0;
		return (0);
	}
	p += b->data_len;
	len -= b->data_len;
	n = len < 2 ? len : 2;
	b->resource = p + n;
	len -= n;
	if (b->resource_len > len) {
		b->resource_len = len;
		return (0);
	}
	return (1);
}

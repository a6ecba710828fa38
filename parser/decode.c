/* SPDX-License-Identifier: ISC */

/*
 * base64 and quoted-printable (RFC 2045, sections 6.7 and 6.8).
 *
 * The sender wants us to decode something else than the reader's program
 * will.  Programs agree on well-formed input only, so broken input is decoded
 * generously, is reported as broken, and where programs are known to part
 * ways (data after padding) the caller learns of both places.
 *
 * Nothing is written beyond cap; each function is one pass.
 */

#include <string.h>

#include "decode.h"

#define B64_JUNK	0x40	/* table: no letter of the alphabet */
#define QUAD_BAD	0x01000000U

static uint8_t	 b64_val[256];
static uint32_t	 b64_quad[4][256];	/* letter at each place of a quad */

static const uint8_t *quads_copy(const uint8_t *, const uint8_t *,
		    uint8_t **, const uint8_t *);
static size_t	 quad_flush(uint32_t, unsigned int, uint8_t *, size_t);
static size_t	 qp_line(const uint8_t *, const uint8_t *, uint8_t *, size_t,
		    struct decoded *);

void
decode_init(void)
{
	static const char	 letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t		 i, j, v;

	memset(b64_val, B64_JUNK, sizeof(b64_val));
	for (i = 0; i < 64; i++)
		b64_val[(uint8_t)letters[i]] = (uint8_t)i;
	for (i = 0; i < 256; i++) {
		for (j = 0; j < 4; j++)
			b64_quad[j][i] = QUAD_BAD;
		v = b64_val[i];
		if (v == B64_JUNK)
			continue;
		/* Little-endian: the first decoded byte is the lowest. */
		b64_quad[0][i] = v << 2;
		b64_quad[1][i] = v >> 4 | (v & 0x0f) << 12;
		b64_quad[2][i] = (v >> 2) << 8 | (v & 0x03) << 22;
		b64_quad[3][i] = v << 16;
	}
}

int
decode_hex(int c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

/* Whole quads of letters, as long as there are any and room for them. */
static const uint8_t *
quads_copy(const uint8_t *p, const uint8_t *end, uint8_t **out,
    const uint8_t *outend)
{
	uint8_t		*o;
	uint32_t	 v;

	o = *out;
	while (end - p >= 4 && outend - o >= 3) {
		v = b64_quad[0][p[0]] | b64_quad[1][p[1]] |
		    b64_quad[2][p[2]] | b64_quad[3][p[3]];
		if (v & QUAD_BAD)
			break;
		o[0] = (uint8_t)v;
		o[1] = (uint8_t)(v >> 8);
		o[2] = (uint8_t)(v >> 16);
		o += 3;
		p += 4;
	}
	*out = o;
	return (p);
}

/* The whole bytes of an unfinished quad of n letters; returns their number. */
static size_t
quad_flush(uint32_t acc, unsigned int n, uint8_t *out, size_t room)
{
	size_t	 len;

	if (n < 2)
		return (0);
	len = n - 1;
	if (len > room)
		len = room;
	acc <<= 6 * (4 - n);
	if (len > 0)
		out[0] = (uint8_t)(acc >> 16);
	if (len > 1)
		out[1] = (uint8_t)(acc >> 8);
	if (len > 2)
		out[2] = (uint8_t)acc;
	return (len);
}

void
decode_base64(const uint8_t *src, size_t len, uint8_t *dst, size_t cap,
    int ignore_pad, struct decoded *d)
{
	const uint8_t	*p, *end;
	uint8_t		*out, *outend;
	uint32_t	 acc;
	unsigned int	 n, pads;
	uint8_t		 c;

	memset(d, 0, sizeof(*d));
	d->stop = SIZE_MAX;
	out = dst;
	outend = dst + cap;
	end = src + len;
	acc = n = pads = 0;
	for (p = src; p < end; p++) {
		if (n == 0 && pads == 0 &&
		    (p = quads_copy(p, end, &out, outend)) == end)
			break;
		c = *p;
		if (b64_val[c] != B64_JUNK) {
			if (pads > 0) {
				d->restarted = d->bad = 1;
				pads = 0;
			}
			acc = acc << 6 | b64_val[c];
			if (++n < 4)
				continue;
			if (outend - out < 3) {
				d->full = 1;
				break;
			}
			out += quad_flush(acc, 4, out, 3);
			acc = n = 0;
		} else if (c == '=' && !ignore_pad) {
			if (d->stop == SIZE_MAX && pads == 0)
				d->stop = (size_t)(out - dst) +
				    (n < 2 ? 0 : n - 1);
			/* "=" after three letters, "==" after two. */
			if (n > 0) {
				if (n == 1)
					d->bad = 1;
				pads = 1 + (n == 3);
				out += quad_flush(acc, n, out,
				    (size_t)(outend - out));
				acc = n = 0;
			} else if (pads != 1) {
				d->bad = 1;
				pads = 2;
			} else
				pads = 2;
		} else if (c != '\r' && c != '\n' && c != ' ' && c != '\t' &&
		    c != '=')
			d->bad = 1;
	}
	if (n > 0) {
		/* Padding left out: most readers take what is there. */
		d->bad |= !d->full;
		out += quad_flush(acc, n, out, (size_t)(outend - out));
	}
	d->len = (size_t)(out - dst);
	if (d->stop > d->len || !d->restarted)
		d->stop = d->len;
}

/* The text of one line, its end and trailing blanks already taken off. */
static size_t
qp_line(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t room,
    struct decoded *d)
{
	const uint8_t	*eq;
	size_t		 n, len;
	int		 hi, lo;

	for (len = 0; p < end; len += n) {
		eq = memchr(p, '=', (size_t)(end - p));
		n = (size_t)((eq == NULL ? end : eq) - p);
		if (n > 0) {
			if (n > room - len) {
				n = room - len;
				d->full = 1;
			}
			memcpy(out + len, p, n);
			p = eq == NULL ? end : eq;
			if (d->full)
				p = end;
			continue;
		}
		if (len == room) {
			d->full = 1;
			break;
		}
		hi = end - p > 2 ? decode_hex(p[1]) : -1;
		lo = end - p > 2 ? decode_hex(p[2]) : -1;
		if (end - p > 1 && p[1] == '\r') {
			/* A soft break, for whom CR alone ends a line. */
			d->bad = 1;
			p += 2;
			continue;
		}
		if (hi != -1 && lo != -1) {
			out[len] = (uint8_t)(hi << 4 | lo);
			p += 3;
		} else {
			d->bad = 1;
			out[len] = *p++;
		}
		n = 1;
	}
	return (len);
}

void
decode_qp(const uint8_t *src, size_t len, uint8_t *dst, size_t cap,
    struct decoded *d)
{
	const uint8_t	*p, *end, *eol, *next, *nl;
	size_t		 n;
	int		 soft;

	memset(d, 0, sizeof(*d));
	end = src + len;
	for (p = src; p < end && !d->full; p = next) {
		nl = memchr(p, '\n', (size_t)(end - p));
		next = nl == NULL ? end : nl + 1;
		eol = nl == NULL ? end : nl;
		while (eol > p && (eol[-1] == '\r' || eol[-1] == ' ' ||
		    eol[-1] == '\t'))
			eol--;
		soft = eol > p && eol[-1] == '=';
		d->len += qp_line(p, eol - soft, dst + d->len, cap - d->len,
		    d);
		if (soft || nl == NULL)
			continue;
		n = nl > p && nl[-1] == '\r' ? 2 : 1;
		if (n > cap - d->len) {
			d->full = 1;
			break;
		}
		memcpy(dst + d->len, nl + 1 - n, n);
		d->len += n;
	}
	d->stop = d->len;
}

/* SPDX-License-Identifier: ISC */

/*
 * yEnc: bytes plus 42, critical ones behind "=" and plus another 64.  News
 * readers that are mail readers too unpack it from any text.  Line lengths,
 * sizes and the CRC are the sender's claims and change nothing here; CR, LF
 * and NUL are never data.  One pass.
 */

#include <string.h>

#include "yenc.h"

#define LINE_MAX_BEGIN	2048		/* searched for the end of a line */

static const uint8_t *line_next(const uint8_t *, const uint8_t *);

/* The line behind that at p; NULL: its end is not near. */
static const uint8_t *
line_next(const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*nl;
	size_t		 n;

	n = (size_t)(end - p);
	if (n > LINE_MAX_BEGIN)
		n = LINE_MAX_BEGIN;
	nl = memchr(p, '\n', n);
	return (nl == NULL ? NULL : nl + 1);
}

int
yenc_at(const uint8_t *p, const uint8_t *end, struct yenc_run *r)
{
	const uint8_t	*next, *name;
	size_t		 n;

	if (end - p < 9 || memcmp(p, "=ybegin ", 8) != 0 ||
	    (next = line_next(p, end)) == NULL)
		return (0);
	memset(r, 0, sizeof(*r));
	r->begin = p;
	r->data = next;
	/* The name is the last word and may hold blanks. */
	n = (size_t)(next - p);
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r' ||
	    p[n - 1] == ' '))
		n--;
	if ((name = memmem(p, n, " name=", 6)) != NULL) {
		r->name = name + 6;
		r->name_len = n - (size_t)(r->name - p);
	}
	if (end - next > 7 && memcmp(next, "=ypart ", 7) == 0 &&
	    (next = line_next(next, end)) != NULL)
		r->data = next;
	return (1);
}

const uint8_t *
yenc_decode(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t cap,
    struct decoded *d)
{
	int	 at_start, is_escaped;

	memset(d, 0, sizeof(*d));
	at_start = 1;
	is_escaped = 0;
	for (; p < end; p++) {
		if (*p == '\r' || *p == '\n' || *p == '\0') {
			at_start = 1;
			continue;
		}
		if (at_start && !is_escaped && end - p >= 5 &&
		    (memcmp(p, "=yend", 5) == 0 ||
		    (end - p >= 8 && memcmp(p, "=ybegin ", 8) == 0)))
			break;
		at_start = 0;
		if (*p == '=' && !is_escaped) {
			is_escaped = 1;
			continue;
		}
		if (d->len == cap) {
			d->full = 1;
			break;
		}
		out[d->len++] = (uint8_t)(*p - (is_escaped ? 106 : 42));
		is_escaped = 0;
	}
	d->bad = is_escaped || (!d->full && (end - p < 5 ||
	    memcmp(p, "=yend", 5) != 0));
	d->stop = d->len;
	return (p);
}

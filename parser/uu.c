/* SPDX-License-Identifier: ISC */

/*
 * uuencode, as POSIX describes it, and xxencode: the same lines in another
 * alphabet, "+-0-9A-Za-z".
 *
 * Several mail programs turn "begin 644 name" anywhere in a text into an
 * attachment, so whatever stands there must be looked at; but the words also
 * occur in prose.  A run counts when the line behind it is a line of data.
 * Blanks at the ends of lines get lost in mail and count as there.
 *
 * Each line of data is looked at twice at most: by uu_at() and uu_decode().
 */

#include <string.h>

#include "uu.h"

#define UU_LINE_MAX	128		/* 63 bytes make 85 characters */
#define BEGIN_MAX	2048		/* both lines, to see a run */
#define CHUNK		4096		/* searched at a time */

static const uint8_t *begin_find(const uint8_t *, const uint8_t *);
static const uint8_t *line_end(const uint8_t *, const uint8_t *,
		    const uint8_t **);
static int	 begin_parse(const uint8_t *, const uint8_t *,
		    struct uu_run *);
static int	 letter(int, enum uu_form);
static int	 line_decode(const uint8_t *, const uint8_t *, enum uu_form,
		    uint8_t *, size_t);
static int	 is_base64_line(const uint8_t *, const uint8_t *);

/*
 * The next "begin".  In pieces: a memmem(3) that looks at all of its text
 * before it answers would make the whole quadratic.
 */
static const uint8_t *
begin_find(const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*q;
	size_t		 n;

	for (; end - p >= 5; p += n - 4) {
		n = (size_t)(end - p);
		if (n > CHUNK)
			n = CHUNK;
		q = memmem(p, n, "begin", 5);
		if (q != NULL)
			return (q);
	}
	return (NULL);
}

/* End of the text of the line at p, and the next line. */
static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end, const uint8_t **next)
{
	const uint8_t	*nl;

	nl = memchr(p, '\n', (size_t)(end - p));
	*next = nl == NULL ? end : nl + 1;
	if (nl == NULL)
		nl = end;
	while (nl > p && nl[-1] == '\r')
		nl--;
	return (nl);
}

/* The value of a letter, or -1. */
static int
letter(int c, enum uu_form form)
{
	if (form != UU_XX)
		return (c < 0x20 || c > 0x60 ? -1 : (c - 0x20) & 0x3f);
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 38);
	if (c >= 'A' && c <= 'Z')
		return (c - 'A' + 12);
	if (c >= '0' && c <= '9')
		return (c - '0' + 2);
	return (c == '+' ? 0 : c == '-' ? 1 : -1);
}

/*
 * One line into out (64 bytes).  Returns the number of bytes, or -1: no line
 * of data.  At most slack characters may be missing at its end.
 */
static int
line_decode(const uint8_t *p, const uint8_t *end, enum uu_form form,
    uint8_t *out, size_t slack)
{
	size_t	 i, n, need, have;
	int	 c[4];
	int	 j;

	if (p == end || end - p > UU_LINE_MAX || letter(p[0], form) == -1)
		return (-1);
	n = (size_t)letter(p[0], form);
	need = (n + 2) / 3 * 4;
	have = (size_t)(end - p) - 1;
	/* A check character, which some add, and one blank. */
	if (have > need + 2 || have + slack < need)
		return (-1);
	p++;
	for (i = 0; i < have; i++)
		if (letter(p[i], form) == -1)
			return (-1);
	for (i = 0; i < need; i += 4) {
		for (j = 0; j < 4; j++)
			c[j] = i + (size_t)j < have ?
			    letter(p[i + (size_t)j], form) : 0;
		out[i / 4 * 3] = (uint8_t)(c[0] << 2 | c[1] >> 4);
		out[i / 4 * 3 + 1] = (uint8_t)(c[1] << 4 | c[2] >> 2);
		out[i / 4 * 3 + 2] = (uint8_t)(c[2] << 6 | c[3]);
	}
	return ((int)n);
}

static int
is_base64_line(const uint8_t *p, const uint8_t *end)
{
	if (end - p < 4)
		return (0);
	for (; p < end; p++)
		if (!((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
		    (*p >= '0' && *p <= '9') || *p == '+' || *p == '/' ||
		    *p == '='))
			return (0);
	return (1);
}

/* p is at "begin" on a line that ends at eol. */
static int
begin_parse(const uint8_t *p, const uint8_t *eol, struct uu_run *r)
{
	unsigned int	 digits;

	r->begin = p;
	p += 5;
	r->form = UU_PLAIN;
	if (eol - p > 7 && memcmp(p, "-base64", 7) == 0) {
		r->form = UU_BASE64;
		p += 7;
	}
	if (p == eol || *p != ' ')
		return (0);
	while (p < eol && *p == ' ')
		p++;
	for (digits = 0; p < eol && *p >= '0' && *p <= '7'; p++)
		digits++;
	if (digits < 3 || digits > 6 || (p < eol && *p != ' '))
		return (0);
	while (p < eol && *p == ' ')
		p++;
	r->name = p;
	r->name_len = (size_t)(eol - p);
	return (1);
}

int
uu_at(const uint8_t *p, const uint8_t *end, struct uu_run *r)
{
	const uint8_t	*eol, *next;
	uint8_t		 out[64];

	if (end - p < 9 || memcmp(p, "begin", 5) != 0)
		return (0);
	/* Lines may end in CR alone: many begin where no LF is near. */
	if (end - p > BEGIN_MAX)
		end = p + BEGIN_MAX;
	eol = line_end(p, end, &next);
	if (!begin_parse(p, eol, r) || next == end)
		return (0);
	r->data = next;
	eol = line_end(next, end, &next);
	if (r->form == UU_BASE64)
		return (is_base64_line(r->data, eol));
	/* No line fits both: the lengths that they state differ too much. */
	if (line_decode(r->data, eol, UU_PLAIN, out, 8) > 0)
		return (1);
	r->form = UU_XX;
	return (line_decode(r->data, eol, UU_XX, out, 0) > 0);
}

int
uu_find(const uint8_t *p, const uint8_t *end, struct uu_run *r)
{
	const uint8_t	*begin;

	begin = p;
	while (end - p > 9 && (p = begin_find(p, end)) != NULL) {
		if ((p == begin || p[-1] == '\n' || p[-1] == '\r') &&
		    end - p > 5 && (p[5] == ' ' || p[5] == '-') &&
		    uu_at(p, end, r))
			return (1);
		p += 5;
	}
	return (0);
}

const uint8_t *
uu_decode(const uint8_t *p, const uint8_t *end, enum uu_form form,
    uint8_t *dst, size_t cap, struct decoded *d)
{
	const uint8_t	*eol, *next, *from;
	uint8_t		 out[64];
	int		 n;

	from = p;
	memset(d, 0, sizeof(*d));
	for (; p < end; p = next) {
		eol = line_end(p, end, &next);
		if (form == UU_BASE64) {
			if (eol - p >= 4 && memcmp(p, "====", 4) == 0)
				break;
			if (p < eol && !is_base64_line(p, eol))
				break;
			continue;
		}
		/* In the other alphabet it is a line of data, of 40 bytes. */
		if (eol - p == 3 && memcmp(p, "end", 3) == 0)
			return (next);
		if (p == eol)
			continue;
		n = line_decode(p, eol, form, out, UU_LINE_MAX);
		if (n == -1) {
			d->bad = 1;
			break;
		}
		if ((size_t)n > cap - d->len) {
			d->full = 1;
			break;
		}
		memcpy(dst + d->len, out, (size_t)n);
		d->len += (size_t)n;
	}
	if (form == UU_BASE64) {
		decode_base64(from, (size_t)(p - from), dst, cap, 0, d);
		return (p < end ? next : p);
	}
	d->stop = d->len;
	return (p);
}

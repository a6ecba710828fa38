/* SPDX-License-Identifier: ISC */

/*
 * Delimiter lines of a multipart (RFC 2046, section 5.1.1).
 *
 * The boundary and the text were both chosen by the sender, who wants us to
 * see other parts than the mail reader will.  Readers disagree on text
 * behind the boundary, on a boundary that begins with another one, on
 * delimiters after a bare CR and on what comes after the closing one.  Here
 * the exact reading is taken, lines that a more generous reader would take
 * are noted, and mime.c then reads the multipart once more in loose mode.
 *
 * "-" does not occur in base64, so looking for "--" runs at the speed of
 * memchr(3) where mail is large.
 */

#include <string.h>

#include "log.h"

#include "delim.h"

static const uint8_t *line_end(const uint8_t *, const uint8_t *);
static int	 rest_is_blank(const uint8_t *, const uint8_t *);

void
delim_push(struct delims *ds, const uint8_t *b, size_t len)
{
	struct delim	*d;

	if (ds->n == DELIM_STACK)
		fatalx("%s: too deep", __func__);
	d = &ds->d[ds->n++];
	d->cut = len > sizeof(d->b);
	d->len = d->cut ? sizeof(d->b) : len;
	if (d->len > 0)
		memcpy(d->b, b, d->len);
	d->is_near = 0;
	d->hits = 0;
	if (d->len > 0)
		ds->nset++;
}

void
delim_pop(struct delims *ds, unsigned int i)
{
	while (ds->n > i)
		if (ds->d[--ds->n].len > 0)
			ds->nset--;
}

int
delim_is_open(const struct delims *ds, const uint8_t *b, size_t len)
{
	unsigned int	 i;

	if (len == 0 || len > PARSE_BOUNDARY_MAX)
		return (0);
	for (i = 0; i < ds->n; i++)
		if (ds->d[i].len == len && memcmp(ds->d[i].b, b, len) == 0)
			return (1);
	return (0);
}

/* Behind the line that p is in: after LF. */
static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end)
{
	p = memchr(p, '\n', (size_t)(end - p));
	return (p == NULL ? end : p + 1);
}

/* Only transport padding up to the end of the line: 1 or 0. */
static int
rest_is_blank(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return (p == end || *p == '\n');
}

int
delim_match(struct delims *ds, const uint8_t *p, const uint8_t *end,
    struct delim_hit *hit)
{
	struct delim	*d, *near;
	const uint8_t	*text, *rest;
	size_t		 n, len;
	unsigned int	 i;
	int		 is_close;

	if (end - p < 2 || p[0] != '-' || p[1] != '-')
		return (0);
	text = p + 2;
	n = (size_t)(end - text);
	near = NULL;
	len = 0;
	is_close = 0;
	for (i = ds->n; i-- > 0;) {
		d = &ds->d[i];
		/* Same length as one that was near: it cannot be better. */
		if (d->len == 0 || d->len > n || d->len == len ||
		    memcmp(text, d->b, d->len) != 0)
			continue;
		rest = text + d->len;
		is_close = end - rest >= 2 && rest[0] == '-' && rest[1] == '-';
		if (d->cut || rest_is_blank(rest, end) ||
		    (is_close && rest_is_blank(rest + 2, end)))
			break;
		len = d->len;
		if (near == NULL)
			near = d;
	}
	if (i < ds->n) {
		hit->i = i;
		hit->is_close = is_close && !d->cut && !ds->loose;
	} else if (near != NULL && ds->loose) {
		hit->i = (unsigned int)(near - ds->d);
		hit->is_close = 0;
	} else {
		if (near != NULL)
			near->is_near = 1;
		return (0);
	}
	hit->line = p;
	hit->next = line_end(text, end);
	ds->d[hit->i].hits++;
	return (1);
}

int
delim_scan(struct delims *ds, const uint8_t *begin, const uint8_t *p,
    const uint8_t *end, struct delim_hit *hit)
{
	struct delim_hit	 near;
	unsigned int		 i;

	if (ds->nset == 0)
		return (0);
	for (; end - p >= 2; p++) {
		p = memchr(p, '-', (size_t)(end - p - 1));
		if (p == NULL)
			return (0);
		if (p[1] != '-')
			continue;
		if (p == begin || p[-1] == '\n' ||
		    (ds->loose && p[-1] == '\r')) {
			if (delim_match(ds, p, end, hit))
				return (1);
		} else if (p[-1] == '\r' && delim_match(ds, p, end, &near)) {
			/* For those who take a bare CR for a line end. */
			i = near.i;
			ds->d[i].hits--;
			ds->d[i].is_near = 1;
		}
	}
	return (0);
}

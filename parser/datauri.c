/* SPDX-License-Identifier: ISC */

/*
 * "data:" URIs (RFC 2397).
 *
 * HTML carries files in them where no MIME part is: a link that saves a
 * program, a picture that is a document with scripts.  They are looked for in
 * the text as bytes, whatever stands around them, so those in attributes,
 * styles and scripts are all found.
 *
 * In an attribute a browser resolves character references first, and throws
 * tabs and ends of lines away: "&#100;a&Tab;ta:" begins one, too.  These are
 * read from what stands before a URI, a quote or an equals sign, on.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "datauri.h"
#include "html.h"

#define HEAD_MAX	200	/* bytes from the colon to the comma */
#define SPELT_MAX	4096	/* bytes that one is written with */
/* Bytes with references resolved: six of "&nGt;" is the most. */
#define UNREF_GROWTH(n)	((n) + (n) / 5 + 1)

/* What a browser makes of a URI, up to its comma. */
struct spelt {
	uint8_t		 text[8 + HEAD_MAX];
	size_t		 len;
	int		 is_odd;	/* not what stands there */
	const uint8_t	*first;		/* what is not skipped before it */
	const uint8_t	*behind;	/* the comma; NULL: there is none */
};

static int	 is_token(uint8_t);
static size_t	 type_len(const uint8_t *, const uint8_t *);
static int	 head(const uint8_t *, const uint8_t *, struct datauri *);
static const uint8_t *data_end(const uint8_t *, const uint8_t *,
		    const uint8_t *, const uint8_t *);
static size_t	 percent(const uint8_t *, size_t, uint8_t *, size_t, int *);
static int	 is_dropped(uint8_t);
static int	 is_before(uint8_t);
static void	 spell(const uint8_t *, const uint8_t *, struct spelt *);
static int	 is_whole(const struct spelt *, struct datauri *);
static const uint8_t *scheme(const uint8_t *, const uint8_t *);
static size_t	 unref(const uint8_t *, size_t, uint8_t *);

static int
is_token(uint8_t c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
	    c == '_');
}

/* Bytes of "type/subtype" at p, or 0. */
static size_t
type_len(const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*q, *slash;

	for (q = p; q < end && is_token(*q); q++)
		continue;
	if (q == p || q == end || *q != '/')
		return (0);
	slash = q++;
	while (q < end && is_token(*q))
		q++;
	return (q == slash + 1 ? 0 : (size_t)(q - p));
}

/* From behind the colon to behind the comma: 1, or 0 if that is none. */
static int
head(const uint8_t *p, const uint8_t *end, struct datauri *u)
{
	const uint8_t	*comma, *q;
	size_t		 i, n;

	if (end - p > HEAD_MAX)
		end = p + HEAD_MAX;
	n = type_len(p, end);
	comma = memchr(p + n, ',', (size_t)(end - p) - n);
	if (comma == NULL || (p + n != comma && p[n] != ';'))
		return (0);
	/* Parameters; no text of a person looks like that. */
	u->is_base64 = 0;
	for (q = p + n; q < comma; q++) {
		if (*q <= ' ' || *q == '<' || *q == '>')
			return (0);
		if (*q == ';' && comma - q >= 7 &&
		    strncasecmp((const char *)q + 1, "base64", 6) == 0 &&
		    (q + 7 == comma || q[7] == ';'))
			u->is_base64 = 1;
	}
	if (n == 0 && !u->is_base64)
		return (0);
	/* RFC 2397 section 2: text/plain where nothing is said. */
	memcpy(u->type, "text/plain", sizeof("text/plain"));
	if (n > 0 && n < sizeof(u->type)) {
		for (i = 0; i < n; i++)
			u->type[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ?
			    p[i] | 0x20 : p[i]);
		u->type[n] = '\0';
	}
	u->data = comma + 1;
	return (1);
}

/* Where the data end, by what stands before the URI. */
static const uint8_t *
data_end(const uint8_t *begin, const uint8_t *uri, const uint8_t *p,
    const uint8_t *end)
{
	const uint8_t	*q;
	uint8_t		 c;

	c = uri > begin ? uri[-1] : ' ';
	if (c == '"' || c == '\'') {
		q = memchr(p, c, (size_t)(end - p));
		return (q == NULL ? end : q);
	}
	for (q = p; q < end && *q > ' ' && *q != '"' && *q != '\'' &&
	    *q != '<' && *q != '>' && *q != ')'; q++)
		continue;
	return (q);
}

/* URL standard, "basic URL parser": removed wherever they are. */
static int
is_dropped(uint8_t c)
{
	return (c == '\t' || c == '\n' || c == '\r');
}

/* May stand before a URI. */
static int
is_before(uint8_t c)
{
	return (c == '"' || c == '\'' || c == '=' || c == '(' || c == '<' ||
	    c == '>' || c == ' ' || c == '\f');
}

/* A URI that begins at p. */
static void
spell(const uint8_t *p, const uint8_t *end, struct spelt *s)
{
	struct html_out	 o;
	const uint8_t	*next;
	uint8_t		 one[32];

	s->len = 0;
	s->is_odd = 0;
	s->first = p;
	s->behind = NULL;
	memset(&o, 0, sizeof(o));
	o.buf = one;
	o.cap = sizeof(one);
	for (; p < end && p - s->first < SPELT_MAX &&
	    s->len < sizeof(s->text); p = next) {
		o.len = 1;
		one[0] = *p;
		next = p + 1;
		if (*p == '&') {
			o.len = 0;
			next = html_reference(p + 1, end, &o, 1);
			if (next == NULL || o.len != 1)
				return;
			s->is_odd = 1;
		} else if (*p == '"' || *p == '\'' || *p == '<' || *p == '>')
			return;
		/* And blanks before it; quotes may be those of a style. */
		if (is_dropped(one[0]) || (s->len == 0 && (one[0] <= ' ' ||
		    one[0] == '"' || one[0] == '\''))) {
			s->is_odd = 1;
			if (s->len == 0)
				s->first = next;
			continue;
		}
		s->text[s->len++] = one[0];
		if (s->len <= 5 && (one[0] | 0x20) != ("data:"[s->len - 1] |
		    0x20))
			return;
		if (one[0] == ',') {
			s->behind = next;
			return;
		}
	}
}

/* Is it one, and not as it stands there? */
static int
is_whole(const struct spelt *s, struct datauri *u)
{
	if (s->behind == NULL || !s->is_odd ||
	    !head(s->text + 5, s->text + s->len, u))
		return (0);
	u->data = s->behind;
	u->has_refs = 1;
	return (1);
}

/* Where "data:" begins that is in quotes, with ends of lines in it, or not. */
static const uint8_t *
scheme(const uint8_t *begin, const uint8_t *colon)
{
	const uint8_t	*p;
	size_t		 n;

	for (n = 0, p = colon; n < 4 && p > begin && colon - p < HEAD_MAX; ) {
		if (is_dropped(*--p))
			continue;
		if ((*p | 0x20) != "atad"[n++])
			return (NULL);
	}
	return (n == 4 && p > begin && (p[-1] == '"' || p[-1] == '\'') ?
	    p : NULL);
}

int
datauri_next(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
    struct datauri *u)
{
	const uint8_t	*colon, *uri;
	struct spelt	 s;

	/* A colon is rarer than its letters. */
	for (; p < end; p = colon + 1) {
		colon = memchr(p, ':', (size_t)(end - p));
		if (colon == NULL)
			return (0);
		u->has_refs = 0;
		uri = colon - begin < 4 ? NULL : colon - 4;
		if (uri == NULL || strncasecmp((const char *)uri, "data",
		    4) != 0 || !head(colon + 1, end, u)) {
			if ((uri = scheme(begin, colon)) == NULL)
				continue;
			spell(uri, end, &s);
			if (!is_whole(&s, u))
				continue;
		}
		u->end = data_end(begin, uri, u->data, end);
		return (1);
	}
	return (0);
}

int
datauri_spelt(const uint8_t *begin, const uint8_t *end,
    const uint8_t **place, struct datauri *u)
{
	const uint8_t	*p, *q;
	struct spelt	 s;

	for (p = *place; p < end; p++) {
		q = p;
		p = memchr(q, '&', (size_t)(end - q));
		if (p == NULL)
			break;
		/* What stands before has been tried already. */
		for (q = p; q > *place && !is_before(q[-1]); q--)
			continue;
		*place = p + 1;
		if (q > begin && !is_before(q[-1]))
			continue;
		spell(q, end, &s);
		if (!is_whole(&s, u)) {
			/* From any blank before it, it were the same. */
			if (s.first > p) {
				*place = s.first;
				p = s.first - 1;
			}
			continue;
		}
		u->end = data_end(begin, q, u->data, end);
		*place = u->end;
		return (1);
	}
	*place = end;
	return (0);
}

/* Undo %XX: bytes written, and *full if there was no room. */
static size_t
percent(const uint8_t *p, size_t len, uint8_t *out, size_t cap, int *full)
{
	size_t	 i, n;
	int	 hi, lo;

	for (i = n = 0; i < len; i++) {
		if (n == cap) {
			*full = 1;
			break;
		}
		if (p[i] == '%' && len - i > 2 &&
		    (hi = decode_hex(p[i + 1])) != -1 &&
		    (lo = decode_hex(p[i + 2])) != -1) {
			out[n++] = (uint8_t)(hi << 4 | lo);
			i += 2;
		} else
			out[n++] = p[i];
	}
	return (n);
}

/* Resolve references; out has room for UNREF_GROWTH(len). */
static size_t
unref(const uint8_t *p, size_t len, uint8_t *out)
{
	const uint8_t	*end, *next;
	struct html_out	 o;

	memset(&o, 0, sizeof(o));
	o.buf = out;
	o.cap = UNREF_GROWTH(len);
	for (end = p + len; p < end && o.len < o.cap; p = next) {
		next = *p == '&' ? html_reference(p + 1, end, &o, 1) : NULL;
		if (next != NULL)
			continue;
		o.buf[o.len++] = *p;
		next = p + 1;
	}
	return (o.len);
}

void
datauri_decode(const struct datauri *u, uint8_t *out, size_t cap,
    struct decoded *d)
{
	const uint8_t	*p;
	uint8_t		*plain;
	size_t		 len;

	memset(d, 0, sizeof(*d));
	p = u->data;
	len = (size_t)(u->end - u->data);
	plain = NULL;
	if (u->has_refs || (u->is_base64 && memchr(p, '%', len) != NULL)) {
		if ((plain = malloc(UNREF_GROWTH(len))) == NULL) {
			d->full = 1;
			return;
		}
		if (u->has_refs)
			len = unref(p, len, plain);
		else
			memcpy(plain, p, len);
		if (u->is_base64)
			len = percent(plain, len, plain, len, &d->full);
		p = plain;
	}
	if (u->is_base64)
		decode_base64(p, len, out, cap, 0, d);
	else
		d->len = d->stop = percent(p, len, out, cap, &d->full);
	free(plain);
}

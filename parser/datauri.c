/* SPDX-License-Identifier: ISC */

/*
 * "data:" URIs (RFC 2397).
 *
 * HTML carries files in them where no MIME part is: a link that saves a
 * program, a picture that is a document with scripts.  They are looked for in
 * the text as bytes, whatever stands around them, so those in attributes,
 * styles and scripts are all found; one whose letters are themselves written
 * as references ("&#100;ata:") is not.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "datauri.h"

#define HEAD_MAX	200	/* bytes from the colon to the comma */

static int	 is_token(uint8_t);
static size_t	 type_len(const uint8_t *, const uint8_t *);
static int	 head(const uint8_t *, const uint8_t *, struct datauri *);
static const uint8_t *data_end(const uint8_t *, const uint8_t *,
		    const uint8_t *, const uint8_t *);
static size_t	 percent(const uint8_t *, size_t, uint8_t *, size_t, int *);

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

int
datauri_next(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
    struct datauri *u)
{
	const uint8_t	*colon;

	/* A colon is rarer than its letters. */
	for (; p < end; p = colon + 1) {
		colon = memchr(p, ':', (size_t)(end - p));
		if (colon == NULL)
			return (0);
		if (colon - begin < 4 || strncasecmp((const char *)colon - 4,
		    "data", 4) != 0 || !head(colon + 1, end, u))
			continue;
		u->end = data_end(begin, colon - 4, u->data, end);
		return (1);
	}
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
	if (!u->is_base64) {
		d->len = d->stop = percent(p, len, out, cap, &d->full);
		return;
	}
	plain = NULL;
	if (memchr(p, '%', len) != NULL) {
		if ((plain = malloc(len)) == NULL) {
			d->full = 1;
			return;
		}
		len = percent(p, len, plain, len, &d->full);
		p = plain;
	}
	decode_base64(p, len, out, cap, 0, d);
	free(plain);
}

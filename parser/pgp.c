/* SPDX-License-Identifier: ISC */

/*
 * OpenPGP in text (RFC 9580).  A message is encrypted, or compressed and
 * signed; both need programs and keys that are not here, so it is reported.
 * Clear-signed text is text, but lines that begin with "-" have "- " before
 * them: a verifying reader shows, and opens, what lies behind that.
 */

#include <string.h>

#include "pgp.h"

#define CLEAR_REST	64	/* blanks behind the line that begins it */

static const uint8_t *line_next(const uint8_t *, const uint8_t *);

static const uint8_t *
line_next(const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*nl;

	nl = memchr(p, '\n', (size_t)(end - p));
	return (nl == NULL ? end : nl + 1);
}

enum pgp_kind
pgp_at(const uint8_t *p, const uint8_t *end, const uint8_t **text)
{
	static const char	 msg[] = "-----BEGIN PGP MESSAGE";
	static const char	 clear[] = "-----BEGIN PGP SIGNED MESSAGE-----";
	size_t			 n;

	if ((size_t)(end - p) >= sizeof(msg) - 1 &&
	    memcmp(p, msg, sizeof(msg) - 1) == 0) {
		*text = p + sizeof(msg) - 1;
		return (PGP_MESSAGE);
	}
	if ((size_t)(end - p) < sizeof(clear) - 1 ||
	    memcmp(p, clear, sizeof(clear) - 1) != 0)
		return (PGP_NONE);
	*text = p + sizeof(clear) - 1;
	/* A line of its own, or looking for its end would cost too much. */
	n = (size_t)(end - *text);
	if (memchr(*text, '\n', n < CLEAR_REST ? n : CLEAR_REST) == NULL)
		return (PGP_NONE);
	return (PGP_CLEAR);
}

size_t
pgp_clear(const uint8_t *p, const uint8_t *end, const uint8_t **next,
    uint8_t *out, size_t cap, struct decoded *d)
{
	static const char	 sig[] = "-----BEGIN PGP ";
	const uint8_t		*eol;
	size_t			 count, n;

	memset(d, 0, sizeof(*d));
	count = 0;
	for (p = line_next(p, end); p < end && !d->full; p = eol) {
		eol = line_next(p, end);
		n = (size_t)(eol - p);
		if (n >= sizeof(sig) - 1 &&
		    memcmp(p, sig, sizeof(sig) - 1) == 0)
			break;
		if (n >= 2 && p[0] == '-' && p[1] == ' ') {
			p += 2;
			n -= 2;
			count++;
		}
		if (n > cap - d->len) {
			n = cap - d->len;
			d->full = 1;
		}
		memcpy(out + d->len, p, n);
		d->len += n;
	}
	d->bad = p == end;
	d->stop = d->len;
	*next = p;
	return (count);
}

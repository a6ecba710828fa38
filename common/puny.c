/* SPDX-License-Identifier: ISC */

/*
 * Labels of internationalised names: "xn--bcher-kva" is "bucher" with its
 * umlaut (RFC 5890 section 2.3.2.1), by Punycode, RFC 3492.  Both are one name,
 * and with SMTPUTF8 either can be in an address (RFC 6531 section 3.2).  Only
 * the way to letters is needed: who compares two names turns both into these.
 */

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

#include "puny.h"

/* RFC 3492 section 5 */
#define BASE		36
#define TMIN		1
#define TMAX		26
#define SKEW		38
#define DAMP		700
#define BIAS		72
#define FIRST		0x80

#define PREFIX		"xn--"
#define LABEL_MAX	63	/* bytes, RFC 1035 section 2.3.4 */

static int	 digit(char);
static uint32_t	 adapt(uint32_t, uint32_t, int);
static size_t	 decode(const char *, size_t, uint32_t *);
static size_t	 label(const char *, size_t, uint8_t *);

static int
digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return (c - 'a');
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= '0' && c <= '9')
		return (c - '0' + 26);
	return (-1);
}

/* Section 6.1. */
static uint32_t
adapt(uint32_t delta, uint32_t n, int is_first)
{
	uint32_t	 k;

	delta = is_first ? delta / DAMP : delta / 2;
	delta += delta / n;
	for (k = 0; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return (k + (BASE - TMIN + 1) * delta / (delta + SKEW));
}

/* Section 6.2: how many characters, 0 for nonsense; room for LABEL_MAX. */
static size_t
decode(const char *p, size_t len, uint32_t *out)
{
	uint64_t	 i, w, t, c;
	uint32_t	 bias, k;
	size_t		 n, at, basic;
	int		 d;

	for (basic = len; basic > 0 && p[basic - 1] != '-'; basic--)
		;
	/* One that has nothing but ASCII is no such label. */
	if (basic == len)
		return (0);
	n = basic > 0 ? basic - 1 : 0;
	for (at = 0; at < n; at++)
		out[at] = (unsigned char)p[at];
	c = FIRST;
	bias = BIAS;
	i = 0;
	for (at = basic; at < len; n++) {
		const uint64_t	 old = i;

		for (w = 1, k = BASE; ; k += BASE) {
			if (at == len || (d = digit(p[at++])) == -1)
				return (0);
			i += (uint64_t)d * w;
			t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX :
			    k - bias;
			if ((uint64_t)d < t)
				break;
			w *= BASE - t;
			/* No character is that far away. */
			if (w > UINT32_MAX || i > UINT32_MAX)
				return (0);
		}
		if (i > UINT32_MAX || n == LABEL_MAX)
			return (0);
		bias = adapt((uint32_t)(i - old), (uint32_t)n + 1, old == 0);
		c += i / (n + 1);
		i %= n + 1;
		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return (0);
		memmove(out + i + 1, out + i, (n - i) * sizeof(*out));
		out[i++] = (uint32_t)c;
	}
	return (n);
}

/* A label as letters, of four bytes each at most: bytes, 0 when it is none. */
static size_t
label(const char *p, size_t len, uint8_t *out)
{
	uint32_t	 c[LABEL_MAX + 1];
	size_t		 i, n, o;

	if (len <= sizeof(PREFIX) - 1 || len > LABEL_MAX ||
	    strncasecmp(p, PREFIX, sizeof(PREFIX) - 1) != 0)
		return (0);
	n = decode(p + sizeof(PREFIX) - 1, len - (sizeof(PREFIX) - 1), c);
	for (i = o = 0; i < n; i++)
		o += utf8_put(out + o, c[i]);
	return (o);
}

char *
puny_plain(const char *name, char *buf, size_t size)
{
	const char	*p;
	uint8_t		 text[4 * LABEL_MAX + 4];
	size_t		 len, n, o;
	int		 found;

	if ((p = strrchr(name, '@')) == NULL)
		p = name;
	else
		p++;
	if ((o = (size_t)(p - name)) >= size)
		return (NULL);
	memcpy(buf, name, o);
	for (found = 0; ; p++) {
		len = strcspn(p, ".");
		if ((n = label(p, len, text)) > 0)
			found = 1;
		if (o + (n > 0 ? n : len) + 1 >= size)
			return (NULL);
		memcpy(buf + o, n > 0 ? (char *)text : p, n > 0 ? n : len);
		o += n > 0 ? n : len;
		p += len;
		if (*p == '\0')
			break;
		buf[o++] = '.';
	}
	buf[o] = '\0';
	return (found ? buf : NULL);
}

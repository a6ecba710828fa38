/* SPDX-License-Identifier: ISC */

/* Conditions on single fields of a header, see field.h. */

#include <string.h>
#include <strings.h>

#include "field.h"
#include "parts.h"

struct span {
	const uint8_t	*p;
	size_t		 len;
};

static int	 is_space(uint8_t);
static void	 trim(struct span *);
static uint8_t	 fold(uint8_t);
static int	 glob(struct span, struct span);

static int
is_space(uint8_t c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static void
trim(struct span *s)
{
	while (s->len > 0 && is_space(s->p[0])) {
		s->p++;
		s->len--;
	}
	while (s->len > 0 && is_space(s->p[s->len - 1]))
		s->len--;
}

static uint8_t
fold(uint8_t c)
{
	return (c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c);
}

/*
 * As conf_glob(), of bytes.  Time is the product of both lengths at most;
 * patterns are short, and a header has a limit.
 */
static int
glob(struct span pattern, struct span text)
{
	size_t	 i, k, star, resume;

	star = SIZE_MAX;
	resume = 0;
	i = k = 0;
	while (k < text.len) {
		if (i < pattern.len && pattern.p[i] == '*') {
			star = ++i;
			resume = k;
		} else if (i < pattern.len && (pattern.p[i] == '?' ||
		    fold(pattern.p[i]) == fold(text.p[k]))) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			i = star;
			k = ++resume;
		} else
			return (0);
	}
	while (i < pattern.len && pattern.p[i] == '*')
		i++;
	return (i == pattern.len);
}

int
field_fits(const uint8_t *rule, size_t rulelen, unsigned int scope,
    const uint8_t *text, size_t len)
{
	struct span	 pattern, value;
	const uint8_t	*colon;
	size_t		 n;

	if ((colon = memchr(rule, ':', rulelen)) == NULL)
		return (0);
	n = (size_t)(colon - rule);
	pattern.p = colon + 1;
	pattern.len = rulelen - n - 1;
	if (parts_field_scope(rule, n) != scope)
		return (0);
	value.p = text;
	value.len = len;
	if (scope == TEXT_HEADER) {
		/* These have their names with them. */
		if (len <= n || text[n] != ':' || strncasecmp(
		    (const char *)rule, (const char *)text, n) != 0)
			return (0);
		value.p += n + 1;
		value.len -= n + 1;
	}
	trim(&pattern);
	trim(&value);
	return (glob(pattern, value));
}

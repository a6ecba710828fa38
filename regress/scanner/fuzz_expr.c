/* SPDX-License-Identifier: ISC */

/*
 * An expression, a NUL, and a text; the first byte is how many letters may be
 * wrong.  What the check of the configuration takes compiles or is refused; a
 * match lies in the text, and one of the pieces is there; an expression
 * without any sign matches where its normal form is; and one of small letters
 * and signs of ASCII, which the normal form leaves alone, matches what it did
 * as it was written.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tre/tre.h>

#include "expr.h"
#include "normal.h"
#include "utf8.h"

#include "../../master/pattern.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* No sign, and nothing that is a blank, which means something at the ends. */
static int
is_plain(const uint8_t *p, size_t len)
{
	uint32_t	 out[32];
	size_t		 i, used;

	for (i = 0; i < len; i += used) {
		if (memchr("\\^$.[]|()*+?{}", p[i], 14) != NULL ||
		    (normal_chars(normal_get(p + i, len - i, &used), out,
		    32) == 1 && out[0] == ' '))
			return (0);
	}
	return (1);
}

static void
normalise(struct normal *n, const uint8_t *p, size_t len)
{
	if (normal_init(n, len * NORMAL_GROWTH) == -1)
		abort();
	normal_make(n, p, len);
}

/* Does the normal form leave all of it as it is? */
static int
is_alike(const uint8_t *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (p[i] <= ' ' || p[i] >= 0x7f || (p[i] >= 'A' &&
		    p[i] <= 'Z'))
			return (0);
		/* White space, codes; "\u" and the like are no escapes. */
		if (p[i] == '\\' && i + 1 < len && p[i + 1] >= 'a' &&
		    memchr("bdsw", p[i + 1], 4) == NULL)
			return (0);
		/* A range that has capital letters in it. */
		if (p[i] == '-' && i > 0 && i + 1 < len && p[i - 1] < '[' &&
		    p[i + 1] > 'Z')
			return (0);
	}
	return (memmem(p, len, "upper", 5) == NULL);
}

static void
compare(const uint8_t *p, size_t len, const struct normal *text, int matches)
{
	wchar_t	 w[256], t[EXPR_WINDOW];
	regex_t	 re;
	size_t	 i, n, used;

	if (!is_alike(p, len))
		return;
	for (i = 0; i < len; i++)
		w[i] = (wchar_t)p[i];
	if (tre_regwncomp(&re, w, len, REG_EXTENDED) != REG_OK)
		return;
	for (i = n = 0; i < text->len; i += used)
		t[n++] = (wchar_t)normal_get(text->out + i, text->len - i,
		    &used);
	if ((tre_regwnexec(&re, t, n, 0, NULL, 0) == REG_OK) != matches)
		abort();
	tre_regfree(&re);
}

/* In a text that is looked at as a whole. */
static void
match(const struct expr *e, unsigned int errors, const uint8_t *word,
    size_t wordlen, const struct normal *text)
{
	const char	*piece[EXPR_PIECES];
	struct normal	 n;
	unsigned int	 i, npieces;
	size_t		 at;
	int		 matches, failed, has;

	failed = 0;
	at = 0;
	matches = expr_match(e, text->out, text->len, 0, &at, &failed);
	if (failed || at > text->len)
		abort();
	npieces = expr_pieces(e, piece);
	if (npieces > EXPR_PIECES)
		abort();
	has = npieces == 0;
	for (i = 0; i < npieces; i++)
		if (memmem(text->out, text->len, piece[i],
		    strlen(piece[i])) != NULL)
			has = 1;
	if (matches && !has)
		abort();
	if (errors == 0)
		compare(word, wordlen, text, matches);
	if (errors > 0 || !is_plain(word, wordlen))
		return;
	normalise(&n, word, wordlen);
	if (n.len > 0 && memchr(n.out, ' ', n.len) == NULL && matches !=
	    (memmem(text->out, text->len, n.out, n.len) != NULL))
		abort();
	normal_free(&n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct normal	 text;
	struct expr	*e;
	const uint8_t	*nul;
	const char	*why;
	unsigned int	 errors;
	size_t		 n;

	if (len < 2 || (nul = memchr(data + 1, '\0', len - 1)) == NULL)
		return (0);
	errors = data[0] % 4;
	n = (size_t)(nul - data) - 1;
	if (n == 0 || n > 200 || !utf8_valid(data + 1, n))
		return (0);
	why = errors > 0 ? pattern_word_refused((const char *)data + 1, n,
	    errors) : pattern_refused((const char *)data + 1, n);
	if (why != NULL)
		return (0);
	e = expr_new(data + 1, n, errors);
	if (e == NULL) {
		if (errno != EINVAL || errors > 0)
			abort();
		return (0);
	}
	normalise(&text, nul + 1, len - (size_t)(nul - data) - 1);
	if (text.len < EXPR_WINDOW)
		match(e, errors, data + 1, n, &text);
	normal_free(&text);
	expr_free(e);
	return (0);
}

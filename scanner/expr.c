/* SPDX-License-Identifier: ISC */

/*
 * Expressions.  TRE matches in time linear to the text as long as there is no
 * reference back (master refuses those, see pattern.c there), but it is a
 * hundred times slower than looking for words.  So most expressions are tried
 * only where a word is that they cannot do without, and always on a window of
 * bounded length.
 *
 * TRE's functions for wide characters are used: those for bytes end their
 * search at the first that is not valid in the locale.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <tre/tre.h>

#include "exprfold.h"
#include "limits.h"
#include "normal.h"
#include "utf8.h"

#include "expr.h"

#define PIECE_MIN	3	/* bytes; shorter ones are everywhere */

struct expr {
	regex_t		 re;
	unsigned int	 errors;
	size_t		 reach;
	unsigned int	 npieces;
	char		*piece[EXPR_PIECES];
};

static size_t	 widen(const uint8_t *, size_t, wchar_t *, size_t);
static char	*narrow(const wchar_t *, size_t);
static size_t	 literal(const wchar_t *, size_t, size_t *);
static int	 pieces_regular(struct expr *, const wchar_t *, size_t);
static int	 pieces_similar(struct expr *, const wchar_t *, size_t);
static int	 finds_all(const regex_t *);

/* A word in the normal form, as wide characters; 0 when it is too long. */
static size_t
widen(const uint8_t *p, size_t len, wchar_t *w, size_t max)
{
	struct normal	 norm;
	size_t		 i, n, used;

	if (normal_init(&norm, len * NORMAL_GROWTH) == -1)
		return (0);
	normal_make(&norm, p, len);
	for (i = n = 0; i < norm.len && n < max; i += used)
		w[n++] = (wchar_t)normal_get(norm.out + i, norm.len - i,
		    &used);
	n = i < norm.len ? 0 : n;
	normal_free(&norm);
	return (n);
}

/* Back to UTF-8, by way of the normal form; NULL: no memory. */
static char *
narrow(const wchar_t *w, size_t n)
{
	struct normal	 norm;
	uint8_t		 buf[EXPR_PIECE_MAX * 4];
	char		*s;
	size_t		 i, len;

	for (i = len = 0; i < n && i < EXPR_PIECE_MAX; i++)
		len += utf8_put(buf + len, (uint32_t)w[i]);
	if (normal_init(&norm, len * NORMAL_GROWTH) == -1)
		return (NULL);
	normal_make(&norm, buf, len);
	s = strndup((const char *)norm.out, norm.len);
	normal_free(&norm);
	return (s);
}

/*
 * The longest run of characters that stand for themselves, outside of groups
 * and brackets, none of them made optional by what follows it.  Its length,
 * and where it begins; 0 when an alternative makes all of it optional.
 */
static size_t
literal(const wchar_t *w, size_t n, size_t *begin)
{
	size_t		 i, start, best;
	unsigned int	 depth;

	best = start = 0;
	depth = 0;
	for (i = 0; i <= n; i++) {
		if (i < n && depth == 0 && w[i] == '|')
			return (0);
		if (i < n && depth == 0 && wcschr(L"()[]{}.*+?^$\\|",
		    w[i]) == NULL)
			continue;
		/* Of "abc*" only "ab" must be there. */
		if (i > start && i < n && wcschr(L"*?{", w[i]) != NULL)
			i--;
		if (i - start > best) {
			best = i - start;
			*begin = start;
		}
		if (i == n)
			break;
		if (wcschr(L"()[]{}.*+?^$\\|", w[i]) == NULL)
			i++;		/* the optional one itself */
		switch (w[i]) {
		case '(':
			depth++;
			break;
		case ')':
			depth -= depth > 0;
			break;
		case '[':
			i = expr_bracket_end(w, n, i) - 1;
			break;
		case '{':
			while (i < n && w[i] != '}')
				i++;
			break;
		case '\\':
			i++;
			break;
		default:
			break;
		}
		start = i + 1;
	}
	return (best);
}

static int
pieces_regular(struct expr *e, const wchar_t *w, size_t n)
{
	size_t	 begin, len;
	char	*s;

	begin = 0;
	if ((len = literal(w, n, &begin)) == 0)
		return (0);
	if ((s = narrow(w + begin, len)) == NULL)
		return (-1);
	if (strlen(s) < PIECE_MIN) {
		free(s);
		return (0);
	}
	e->piece[e->npieces++] = s;
	return (0);
}

/*
 * With k errors in k + 1 pieces one piece has none.  Pieces that are too short
 * are no help: most texts are full of them.
 */
static int
pieces_similar(struct expr *e, const wchar_t *w, size_t n)
{
	unsigned int	 i, k;
	size_t		 from, to;

	k = e->errors + 1;
	for (i = 0; i < k; i++) {
		from = n * i / k;
		to = n * (i + 1) / k;
		e->piece[i] = narrow(w + from, to - from);
		if (e->piece[i] == NULL)
			return (-1);
		e->npieces++;
	}
	for (i = 0; i < k; i++)
		if (strlen(e->piece[i]) < PIECE_MIN)
			break;
	while (i < k && e->npieces > 0)
		free(e->piece[--e->npieces]);
	return (0);
}

/* Whatever the text: found where it is empty, and where it has anything. */
static int
finds_all(const regex_t *re)
{
	static const wchar_t	 text[] = { 0xe000 };	/* private use */

	return (tre_regwnexec(re, text, 0, 0, NULL, 0) == REG_OK &&
	    tre_regwnexec(re, text, 1, 0, NULL, 0) == REG_OK);
}

struct expr *
expr_new(const uint8_t *pattern, size_t len, unsigned int errors)
{
	struct expr	*e;
	wchar_t		 w[EXPR_FOLDED_MAX];
	const char	*why;
	size_t		 n;
	int		 ret;

	n = 0;
	if (len <= LIST_ENTRY_MAX && errors < EXPR_PIECES)
		n = errors > 0 ? widen(pattern, len, w, EXPR_FOLDED_MAX) :
		    expr_fold(pattern, len, w, EXPR_FOLDED_MAX, &why);
	if (n == 0) {
		errno = EINVAL;
		return (NULL);
	}
	if ((e = calloc(1, sizeof(*e))) == NULL)
		return (NULL);
	e->errors = errors;
	/* A misspelt word is no longer than it is and its errors. */
	e->reach = n > LIST_ENTRY_MAX ? LIST_ENTRY_MAX : n;
	e->reach += errors > 0 ? errors : EXPR_REACH;
	ret = tre_regwncomp(&e->re, w, n, errors > 0 ? REG_LITERAL :
	    REG_EXTENDED);
	if (ret != REG_OK) {
		free(e);
		errno = ret == REG_ESPACE ? ENOMEM : EINVAL;
		return (NULL);
	}
	if (finds_all(&e->re)) {
		expr_free(e);
		errno = EINVAL;
		return (NULL);
	}
	ret = errors > 0 ? pieces_similar(e, w, n) : pieces_regular(e, w, n);
	if (ret == -1) {
		expr_free(e);
		errno = ENOMEM;
		return (NULL);
	}
	return (e);
}

void
expr_free(struct expr *e)
{
	unsigned int	 i;

	if (e == NULL)
		return;
	for (i = 0; i < e->npieces; i++)
		free(e->piece[i]);
	tre_regfree(&e->re);
	free(e);
}

unsigned int
expr_pieces(const struct expr *e, const char **piece)
{
	unsigned int	 i;

	for (i = 0; i < e->npieces; i++)
		piece[i] = e->piece[i];
	return (e->npieces);
}

size_t
expr_reach(const struct expr *e)
{
	return (e->reach);
}

int
expr_match(const struct expr *e, const uint8_t *text, size_t len,
    unsigned int cut, size_t *begin, int *failed)
{
	wchar_t		 w[EXPR_WINDOW];
	uint16_t	 at[EXPR_WINDOW];
	regmatch_t	 m[1];
	regamatch_t	 am;
	regaparams_t	 params;
	size_t		 i, n, used;
	int		 flags, ret;

	n = 0;
	for (i = 0; i < len && n < EXPR_WINDOW; i += used) {
		w[n] = (wchar_t)normal_get(text + i, len - i, &used);
		at[n++] = (uint16_t)i;
	}
	flags = (cut & EXPR_CUT_BEFORE ? REG_NOTBOL : 0) |
	    (cut & EXPR_CUT_BEHIND || i < len ? REG_NOTEOL : 0);
	if (e->errors == 0)
		ret = tre_regwnexec(&e->re, w, n, 1, m, flags);
	else {
		tre_regaparams_default(&params);
		params.max_err = (int)e->errors;
		memset(&am, 0, sizeof(am));
		am.nmatch = 1;
		am.pmatch = m;
		ret = tre_regawnexec(&e->re, w, n, &am, params, flags);
	}
	if (ret == REG_ESPACE)
		*failed = 1;
	if (ret != REG_OK)
		return (0);
	*begin = m[0].rm_so >= 0 && (size_t)m[0].rm_so < n ?
	    at[m[0].rm_so] : 0;
	return (1);
}
_Static_assert(EXPR_WINDOW * 4 <= UINT16_MAX, "places in a window");

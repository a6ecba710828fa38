/* SPDX-License-Identifier: ISC */

/*
 * Expressions in the normal form.
 *
 * Text is matched in its normal form, so an expression has to be for that
 * one: REG_ICASE knows nothing of it, and needs a locale besides.  But only
 * what stands for itself in an expression may change.  A full-width bracket
 * becomes one of ASCII and is still none of the syntax; "\W" is no "\w"; a
 * range between two letters is none between what these become.
 *
 * Characters of a bracket expression stay there, and what they become comes
 * to them.  So "[A-Z]" is "[A-Za-z]", and a range of Cyrillic letters has
 * the Latin ones, too, that the normal form has in place of some.
 */

#include <stdlib.h>
#include <string.h>

#include "exprfold.h"
#include "normal.h"
#include "normtab.h"

#define BECOME_MAX	32	/* characters that one becomes, at most */
#define IMAGES_MAX	512	/* that characters of a bracket become */

struct fold {
	const uint8_t	*p;		/* what is left to read */
	const uint8_t	*end;
	wchar_t		*w;
	size_t		 n;
	size_t		 max;
	int		 is_full;
	uint32_t	 last;		/* character put for itself, or 0 */
};

/* Characters of a bracket expression that must have their place. */
struct bracket {
	int		 has_caret;	/* "^" not first */
	int		 has_dash;	/* "-" last */
	uint32_t	 image[IMAGES_MAX];
	size_t		 nimages;
	size_t		 from;		/* in w, behind "[" and "^" */
};

static void	 put(struct fold *, uint32_t);
static uint32_t	 peek(const struct fold *, size_t *);
static uint32_t	 next(struct fold *);
static int	 is_repeated(const struct fold *);
static void	 put_itself(struct fold *, uint32_t);
static void	 fold_blank(struct fold *);
static void	 fold_char(struct fold *, uint32_t);
static void	 fold_hex(struct fold *);
static void	 fold_quoted(struct fold *);
static void	 fold_escape(struct fold *);
static void	 fold_group(struct fold *);
static void	 fold_bracket(struct fold *);
static int	 bracket_class(struct fold *);
static void	 bracket_item(struct fold *, struct bracket *, uint32_t);
static void	 bracket_become(struct bracket *, uint32_t, uint32_t);
static int	 image_cmp(const void *, const void *);
static void	 bracket_images(struct fold *, struct bracket *);

static void
put(struct fold *f, uint32_t c)
{
	if (f->n < f->max)
		f->w[f->n++] = (wchar_t)c;
	else
		f->is_full = 1;
}

/* The next character without taking it; 0 at the end, *used likewise. */
static uint32_t
peek(const struct fold *f, size_t *used)
{
	*used = 0;
	if (f->p == f->end)
		return (0);
	return (normal_get(f->p, (size_t)(f->end - f->p), used));
}

static uint32_t
next(struct fold *f)
{
	uint32_t	 c;
	size_t		 used;

	c = peek(f, &used);
	f->p += used;
	return (c);
}

/* Does the next character repeat the one before it? */
static int
is_repeated(const struct fold *f)
{
	return (f->p < f->end && (*f->p == '*' || *f->p == '+' ||
	    *f->p == '?' || *f->p == '{'));
}

static void
put_itself(struct fold *f, uint32_t c)
{
	if (c != 0 && c < 0x80 && strchr("\\^$.[]|()*+?{}", (int)c) != NULL)
		put(f, '\\');
	put(f, c);
	f->last = c;
}

/*
 * White space is one blank, and none between characters of scripts that need
 * none.  A blank that is repeated stays, and the text may have none or one.
 */
static void
fold_blank(struct fold *f)
{
	uint32_t	 c, out[BECOME_MAX];
	size_t		 used;

	c = peek(f, &used);
	if (!is_repeated(f)) {
		if (used > 0 && normal_chars(c, out, BECOME_MAX) == 1 &&
		    (out[0] == ' ' || (normal_is_solid(out[0]) &&
		    normal_is_solid(f->last))))
			return;
		/* Nor behind one that stands already, or at the end. */
		if (f->last == ' ')
			return;
	}
	put(f, ' ');
	f->last = ' ';
}

/* A character that stands for itself. */
static void
fold_char(struct fold *f, uint32_t c)
{
	uint32_t	 out[BECOME_MAX];
	size_t		 i, n;
	int		 is_group;

	n = normal_chars(c, out, BECOME_MAX);
	if (n == 1 && out[0] == ' ') {
		fold_blank(f);
		return;
	}
	if (n == 0) {
		/* Not in any text; what repeats it needs something. */
		if (is_repeated(f))
			put_itself(f, c);
		return;
	}
	is_group = n > 1 && is_repeated(f);
	if (is_group)
		put(f, '(');
	for (i = 0; i < n; i++)
		put_itself(f, out[i]);
	if (is_group)
		put(f, ')');
}

/* "\x41" or "\x{41}", behind the x; as TRE reads it. */
static void
fold_hex(struct fold *f)
{
	uint32_t	 c;
	size_t		 n, max;
	int		 is_braced;
	uint8_t		 d;

	is_braced = f->p < f->end && *f->p == '{';
	f->p += is_braced;
	max = is_braced ? 8 : 2;
	c = 0;
	for (n = 0; n < max && f->p < f->end; n++) {
		d = *f->p;
		if (d >= '0' && d <= '9')
			d = (uint8_t)(d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			d = (uint8_t)((d | 0x20) - 'a' + 10);
		else
			break;
		c = c << 4 | d;
		f->p++;
	}
	if (is_braced && f->p < f->end && *f->p == '}')
		f->p++;
	fold_char(f, c);
}

/* All up to "\E" stands for itself. */
static void
fold_quoted(struct fold *f)
{
	while (f->p < f->end) {
		if (f->end - f->p >= 2 && memcmp(f->p, "\\E", 2) == 0) {
			f->p += 2;
			return;
		}
		fold_char(f, next(f));
	}
}

static void
fold_escape(struct fold *f)
{
	uint32_t	 c;

	if (f->p == f->end) {
		put(f, '\\');
		return;
	}
	c = next(f);
	switch (c) {
	case 'Q':
		fold_quoted(f);
		break;
	case 'x':
		fold_hex(f);
		break;
	case 't':
	case 'n':
	case 'r':
	case 'f':
		fold_blank(f);
		break;
	default:
		if (c >= 0x80) {
			fold_char(f, c);
			break;
		}
		put(f, '\\');
		put(f, c);
		f->last = 0;
		break;
	}
}

/* "(", and the flags of "(?i)" and "(?i:...)", which are no letters. */
static void
fold_group(struct fold *f)
{
	put(f, '(');
	f->last = 0;
	if (f->p == f->end || *f->p != '?')
		return;
	while (f->p < f->end && *f->p != ')' && *f->p != ':')
		put(f, next(f));
	/* A colon belongs to them; a parenthesis is for the caller. */
	if (f->p < f->end && *f->p == ':')
		put(f, next(f));
}

size_t
expr_bracket_end(const wchar_t *w, size_t n, size_t i)
{
	wchar_t	 kind;

	i++;
	if (i < n && w[i] == '^')
		i++;
	if (i < n && w[i] == ']')
		i++;
	while (i < n && w[i] != ']') {
		if (w[i] != '[' || i + 1 == n || (w[i + 1] != ':' &&
		    w[i + 1] != '=' && w[i + 1] != '.')) {
			i++;
			continue;
		}
		kind = w[i + 1];
		for (i += 2; i + 1 < n && (w[i] != kind || w[i + 1] != ']'); )
			i++;
		i = i + 1 < n ? i + 2 : n;
	}
	return (i < n ? i + 1 : n);
}

/* "[:alpha:]", behind its "[".  Returns 0 if it is none. */
static int
bracket_class(struct fold *f)
{
	const uint8_t	*p;
	uint8_t		 kind;

	if (f->p == f->end || (*f->p != ':' && *f->p != '=' && *f->p != '.'))
		return (0);
	kind = *f->p;
	for (p = f->p + 1; p + 1 < f->end; p++)
		if (p[0] == kind && p[1] == ']')
			break;
	if (p + 1 >= f->end)
		return (0);
	put(f, '[');
	/* There is no upper case. */
	if (p - f->p == 6 && memcmp(f->p, ":upper", 6) == 0)
		for (; f->p < p; f->p++)
			put(f, (uint32_t)":lower"[f->p - p + 6]);
	while (f->p < p + 2)
		put(f, next(f));
	return (1);
}

/* What characters from lo to hi become, unless it is among them. */
static void
bracket_become(struct bracket *b, uint32_t lo, uint32_t hi)
{
	uint32_t	 c, out[BECOME_MAX];
	size_t		 i;

	if (hi > NORM_LAST)
		hi = NORM_LAST;
	for (c = lo; c <= hi; c++) {
		if (normal_chars(c, out, BECOME_MAX) != 1 ||
		    (out[0] >= lo && out[0] <= hi) ||
		    (out[0] < 0x80 && strchr("[]^-\\", (int)out[0]) != NULL))
			continue;
		for (i = 0; i < b->nimages && b->image[i] != out[0]; i++)
			continue;
		if (i == b->nimages && i < IMAGES_MAX)
			b->image[b->nimages++] = out[0];
	}
}

/* One character, or a range that begins with it. */
static void
bracket_item(struct fold *f, struct bracket *b, uint32_t c)
{
	uint32_t	 hi;

	if (f->end - f->p >= 2 && f->p[0] == '-' && f->p[1] != ']') {
		f->p++;
		hi = next(f);
		put(f, c);
		put(f, '-');
		put(f, hi);
		bracket_become(b, c, hi);
		return;
	}
	if (c == '^')
		b->has_caret = 1;
	else if (c == '-')
		b->has_dash = 1;
	else {
		put(f, c);
		bracket_become(b, c, c);
	}
}

static int
image_cmp(const void *a, const void *b)
{
	uint32_t	 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y ? -1 : x > y);
}

/* In ranges: each is a state of the automaton. */
static void
bracket_images(struct fold *f, struct bracket *b)
{
	size_t	 i, k;

	qsort(b->image, b->nimages, sizeof(b->image[0]), image_cmp);
	for (i = 0; i < b->nimages; i = k) {
		for (k = i + 1; k < b->nimages &&
		    b->image[k] == b->image[k - 1] + 1; k++)
			continue;
		put(f, b->image[i]);
		if (k - i > 1) {
			put(f, '-');
			put(f, b->image[k - 1]);
		}
	}
}

/* Behind "[".  An open one is given on as it is, for TRE to refuse. */
static void
fold_bracket(struct fold *f)
{
	struct bracket	 b;
	uint32_t	 c;
	int		 is_first, is_not;

	memset(&b, 0, sizeof(b));
	put(f, '[');
	is_not = f->p < f->end && *f->p == '^';
	if (is_not)
		put(f, next(f));
	b.from = f->n;
	/* "]" stands for itself as the first one only. */
	if (f->p < f->end && *f->p == ']' && (f->end - f->p < 3 ||
	    f->p[1] != '-' || f->p[2] == ']')) {
		f->p++;
		put(f, ']');
	}
	c = 0;
	for (is_first = f->n == b.from; f->p < f->end; is_first = 0) {
		c = next(f);
		if (c == ']' && !is_first)
			break;
		if (c != '[' || !bracket_class(f))
			bracket_item(f, &b, c);
	}
	bracket_images(f, &b);
	if (b.has_caret) {
		/* Not first, where it would be a "not". */
		if (f->n == b.from && !is_not) {
			put(f, '-');
			b.has_dash = 0;
		}
		put(f, '^');
	}
	if (b.has_dash)
		put(f, '-');
	if (c == ']')
		put(f, ']');
	f->last = 0;
}

size_t
expr_fold(const uint8_t *p, size_t len, wchar_t *w, size_t max)
{
	struct fold	 f;
	uint32_t	 c;

	memset(&f, 0, sizeof(f));
	f.p = p;
	f.end = p + len;
	f.w = w;
	f.max = max;
	while (f.p < f.end) {
		c = next(&f);
		if (c == '\\')
			fold_escape(&f);
		else if (c == '[')
			fold_bracket(&f);
		else if (c == '(')
			fold_group(&f);
		else if (c < 0x80 && c != 0 && strchr("^$.]|)*+?{}",
		    (int)c) != NULL) {
			put(&f, c);
			f.last = 0;
			while (c == '{' && f.p < f.end && *f.p != '}')
				put(&f, next(&f));
		} else
			fold_char(&f, c);
	}
	return (f.is_full ? 0 : f.n);
}

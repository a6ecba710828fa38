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
 * What comes out is all that TRE ever gets to see, and has one meaning only:
 * quotes and codes of characters are gone, flags are known ones, and brackets
 * are written so that nobody can disagree about where they end.  What TRE
 * would take for something else than its author is refused.
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
#define CHARS_LAST	0x10ffffU

struct fold {
	const uint8_t	*p;		/* what is left to read */
	const uint8_t	*end;
	wchar_t		*w;
	size_t		 n;
	size_t		 max;
	uint32_t	 last;		/* character put for itself, or 0 */
	int		 is_quoted;	/* between "\Q" and "\E" */
	size_t		 from;		/* in w: where the alternative begins */
	int		 has_unseen;	/* something of it was left out */
	unsigned int	 depth;		/* groups that are open */
	const char	*why;		/* the first reason to refuse it */
};

/*
 * A bracket expression.  Some characters stand for themselves in one place
 * only: "]" first, "^" not first, "-" last, and "[" before the last or first,
 * since TRE takes any "[:" for the begin of a class.
 */
struct bracket {
	int		 has_close;
	int		 has_caret;
	int		 has_dash;
	int		 has_open;
	uint8_t		 image[(NORM_LAST + 1) / 8];	/* what its characters
					   become, a bit for each */
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
static void	 fold_sign(struct fold *, uint32_t);
static void	 bracket_class(struct fold *);
static int	 bracket_special(struct bracket *, uint32_t);
static void	 bracket_become(struct bracket *, uint32_t, uint32_t);
static void	 bracket_range(struct fold *, struct bracket *, uint32_t,
		    uint32_t);
static void	 bracket_item(struct fold *, struct bracket *, uint32_t);
static void	 bracket_images(struct fold *, const struct bracket *);
static void	 bracket_close(struct fold *, struct bracket *, size_t, int);
static void	 refuse(struct fold *, const char *);
static void	 alternative_end(struct fold *);

static void
refuse(struct fold *f, const char *why)
{
	if (f->why == NULL)
		f->why = why;
}

static void
put(struct fold *f, uint32_t c)
{
	if (f->n < f->max)
		f->w[f->n++] = (wchar_t)c;
	else
		refuse(f, "it is too long in the normal form");
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

/* Does what comes next repeat the character before it? */
static int
is_repeated(const struct fold *f)
{
	const uint8_t	*p;

	p = f->p;
	if (f->is_quoted) {
		if (f->end - p < 2 || memcmp(p, "\\E", 2) != 0)
			return (0);
		p += 2;
	}
	return (p < f->end && (*p == '*' || *p == '+' || *p == '?' ||
	    *p == '{'));
}

static void
put_itself(struct fold *f, uint32_t c)
{
	uint32_t	 one;

	/* It may join the one before, which stands for itself as well. */
	if (f->last != 0 && (one = normal_compose(f->last, c)) != 0) {
		f->w[f->n - 1] = (wchar_t)one;
		f->last = one;
		return;
	}
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
		else
			f->has_unseen = 1;
		return;
	}
	is_group = n > 1 && is_repeated(f);
	if (is_group) {
		put(f, '(');
		f->last = 0;
	}
	for (i = 0; i < n; i++) {
		if (out[i] != ' ') {
			put_itself(f, out[i]);
			continue;
		}
		/* A text may have it or not: it is between others there. */
		if (i + 1 < n && normal_is_solid(out[i + 1]) &&
		    normal_is_solid(f->last))
			continue;
		put(f, ' ');
		put(f, '?');
		f->last = 0;
	}
	if (is_group) {
		put(f, ')');
		f->last = 0;
	}
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
	if (n == 0 || c > CHARS_LAST)
		refuse(f, "a \\x that is no character");
	else if (is_braced && (f->p == f->end || *f->p++ != '}'))
		refuse(f, "a \\x{ without its }");
	else
		fold_char(f, c);
}

/* All up to "\E" stands for itself. */
static void
fold_quoted(struct fold *f)
{
	f->is_quoted = 1;
	while (f->p < f->end) {
		if (f->end - f->p >= 2 && memcmp(f->p, "\\E", 2) == 0) {
			f->p += 2;
			break;
		}
		fold_char(f, next(f));
	}
	f->is_quoted = 0;
}

static void
fold_escape(struct fold *f)
{
	uint32_t	 c;

	if (f->p == f->end) {
		refuse(f, "a \\ at the end");
		return;
	}
	c = next(f);
	if (c == 'Q')
		fold_quoted(f);
	else if (c == 'x')
		fold_hex(f);
	else if (c >= '0' && c <= '9')
		refuse(f, "a reference back, which takes for ever on some "
		    "texts");
	else if (c == 0 || c >= 0x80 || strchr("bBdDsSwW<>", (int)c) == NULL)
		/* White space, and what means nothing but itself. */
		fold_char(f, c == 't' || c == 'n' || c == 'r' || c == 'f' ?
		    ' ' : c == 'a' ? 0x07 : c == 'e' ? 0x1b : c);
	else {
		put(f, '\\');
		put(f, c);
		f->last = 0;
	}
}

/*
 * "(", and the flags of "(?i)" and "(?i:...)", which are no letters.  "(?#",
 * a comment, is none of them.
 */
static void
fold_group(struct fold *f)
{
	put(f, '(');
	f->depth++;
	if (f->p < f->end && *f->p == '?') {
		put(f, next(f));
		while (f->p < f->end && *f->p != '\0' &&
		    strchr("inrU-", *f->p) != NULL)
			put(f, next(f));
		/* A colon belongs to them; a parenthesis is for the caller. */
		if (f->p == f->end || (*f->p != ':' && *f->p != ')'))
			refuse(f, "a (? with something else than i, n, r and "
			    "U");
		else if (*f->p == ':')
			put(f, next(f));
	}
	f->last = 0;
	f->from = f->n;
	f->has_unseen = 0;
}

/* At "|", ")" and the end: what is never in any text cannot be looked for. */
static void
alternative_end(struct fold *f)
{
	if (f->has_unseen && f->n == f->from)
		refuse(f, "an alternative that has nothing that is seen");
	f->has_unseen = 0;
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

/* "[:alpha:]", behind its "[". */
static void
bracket_class(struct fold *f)
{
	static const char *const	 names[] = {
		"alnum", "alpha", "blank", "cntrl", "digit", "graph",
		"lower", "print", "punct", "space", "upper", "xdigit"
	};
	const char			*name;
	size_t				 i, len;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = strlen(names[i]);
		if ((size_t)(f->end - f->p) < len + 3 || *f->p != ':' ||
		    memcmp(f->p + 1, names[i], len) != 0 ||
		    memcmp(f->p + 1 + len, ":]", 2) != 0)
			continue;
		f->p += len + 3;
		/* There is no upper case. */
		name = strcmp(names[i], "upper") == 0 ? "lower" : names[i];
		put(f, '[');
		put(f, ':');
		for (; *name != '\0'; name++)
			put(f, (uint32_t)*name);
		put(f, ':');
		put(f, ']');
		return;
	}
	refuse(f, *f->p == ':' ? "a class of characters that there is not" :
	    "[= or [. inside of [ ]");
}

/* One of those that have their place: 1 and it is noted, else 0. */
static int
bracket_special(struct bracket *b, uint32_t c)
{
	int	*has;

	has = c == ']' ? &b->has_close : c == '^' ? &b->has_caret :
	    c == '-' ? &b->has_dash : c == '[' ? &b->has_open : NULL;
	if (has == NULL)
		return (0);
	*has = 1;
	return (1);
}

/* What characters from lo to hi become, unless it is among them. */
static void
bracket_become(struct bracket *b, uint32_t lo, uint32_t hi)
{
	uint32_t	 c, out[BECOME_MAX];

	if (hi > NORM_LAST)
		hi = NORM_LAST;
	for (c = lo; c <= hi; c++)
		if (normal_chars(c, out, BECOME_MAX) == 1 &&
		    (out[0] < lo || out[0] > hi) && out[0] <= NORM_LAST &&
		    !bracket_special(b, out[0]))
			b->image[out[0] / 8] |= (uint8_t)(1U << out[0] % 8);
}

/* Those at its ends that have their place are put there. */
static void
bracket_range(struct fold *f, struct bracket *b, uint32_t lo, uint32_t hi)
{
	if (lo > hi) {
		refuse(f, "a range that ends before it begins");
		return;
	}
	bracket_become(b, lo, hi);
	while (lo <= hi && bracket_special(b, lo))
		lo++;
	while (lo <= hi && bracket_special(b, hi))
		hi--;
	if (lo > hi)
		return;
	put(f, lo);
	if (hi > lo) {
		put(f, '-');
		put(f, hi);
	}
}

/* One character, class, or range, as TRE tells them apart. */
static void
bracket_item(struct fold *f, struct bracket *b, uint32_t c)
{
	if (f->end - f->p >= 2 && f->p[0] == '-' && f->p[1] != ']') {
		f->p++;
		bracket_range(f, b, c, next(f));
	} else if (c == '[' && f->p < f->end && (*f->p == ':' ||
	    *f->p == '=' || *f->p == '.'))
		bracket_class(f);
	else
		bracket_range(f, b, c, c);
}

/* In ranges: each is a state of the automaton. */
static void
bracket_images(struct fold *f, const struct bracket *b)
{
	uint32_t	 c, first;

	for (c = 0; c <= NORM_LAST; c++) {
		if (c % 8 == 0 && b->image[c / 8] == 0) {
			c += 7;
			continue;
		}
		if ((b->image[c / 8] & (1U << c % 8)) == 0)
			continue;
		first = c;
		while (c < NORM_LAST &&
		    (b->image[(c + 1) / 8] & (1U << (c + 1) % 8)) != 0)
			c++;
		put(f, first);
		if (c > first) {
			put(f, '-');
			put(f, c);
		}
	}
}

/* The rest, up to its "]"; from is where its characters begin in w. */
static void
bracket_close(struct fold *f, struct bracket *b, size_t from, int is_not)
{
	bracket_images(f, b);
	if (b->has_close) {
		put(f, ']');
		if (f->n < f->max) {
			memmove(f->w + from + 1, f->w + from,
			    (f->n - from - 1) * sizeof(*f->w));
			f->w[from] = ']';
		}
	}
	if (b->has_caret) {
		/* Not first, where it would be a "not". */
		if (f->n == from && !is_not) {
			if (b->has_open)
				put(f, '[');
			else if (b->has_dash)
				put(f, '-');
			else
				refuse(f, "[ ] of a ^ alone");
			b->has_dash &= b->has_open;
			b->has_open = 0;
		}
		put(f, '^');
	}
	if (b->has_open)
		put(f, '[');
	if (b->has_dash)
		put(f, '-');
	put(f, ']');
}

/* Behind "[". */
static void
fold_bracket(struct fold *f)
{
	struct bracket	 b;
	size_t		 from;
	uint32_t	 c;
	int		 is_first, is_not;

	memset(&b, 0, sizeof(b));
	put(f, '[');
	is_not = f->p < f->end && *f->p == '^';
	if (is_not)
		put(f, next(f));
	from = f->n;
	for (is_first = 1; f->p < f->end; is_first = 0) {
		c = next(f);
		/* "]" stands for itself as the first one only. */
		if (c == ']' && !is_first) {
			bracket_close(f, &b, from, is_not);
			f->last = 0;
			return;
		}
		bracket_item(f, &b, c);
	}
	refuse(f, "a [ without its ]");
}

/* A sign of the syntax that stands by itself. */
static void
fold_sign(struct fold *f, uint32_t c)
{
	if (c == '|' || c == ')')
		alternative_end(f);
	/* TRE would look for its begin without an end. */
	if (c == ')' && f->depth-- == 0)
		refuse(f, "a ) without its (");
	put(f, c);
	f->last = 0;
	if (c == '|')
		f->from = f->n;
	else if (c == ')')
		/* What has a group is not empty. */
		f->from = SIZE_MAX;
	while (c == '{' && f->p < f->end && *f->p != '}')
		put(f, next(f));
}

size_t
expr_fold(const uint8_t *p, size_t len, wchar_t *w, size_t max,
    const char **why)
{
	struct fold	 f;
	uint32_t	 c;

	memset(&f, 0, sizeof(f));
	f.p = p;
	f.end = p + len;
	f.w = w;
	f.max = max;
	while (f.p < f.end && f.why == NULL) {
		c = next(&f);
		if (c == '\\')
			fold_escape(&f);
		else if (c == '[')
			fold_bracket(&f);
		else if (c == '(')
			fold_group(&f);
		else if (c < 0x80 && c != 0 && strchr("^$.]|)*+?{}",
		    (int)c) != NULL)
			fold_sign(&f, c);
		else
			fold_char(&f, c);
	}
	alternative_end(&f);
	if (f.depth > 0)
		refuse(&f, "a ( without its )");
	if (f.n == 0)
		refuse(&f, "nothing that is seen");
	*why = f.why;
	return (f.why == NULL ? f.n : 0);
}

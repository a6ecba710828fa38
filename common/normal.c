/* SPDX-License-Identifier: ISC */

/*
 * The normal form: one spelling for all that a reader takes for the same.
 *
 * A sender who wants a word to be read, but not to be found, writes it in
 * full-width or mathematical letters, with letters of another script that
 * look alike, with invisible characters or marks inside, or with blanks where
 * the script needs none.  All of that goes here: what each character becomes
 * is in a table (mktables.py says by which rules); what takes several is put
 * together below: Hangul from its letters (Unicode 3.12), kana with a sound
 * mark behind it, runs of white space, and blanks between characters of
 * scripts that are written without.
 *
 * Nothing is looked up twice, nothing is looked back for further than one
 * character: time and room are linear in the text.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#include "normal.h"
#include "normtab.h"

#define REPLACEMENT	0xfffdU
#define EIGHT(c)	(0x0101010101010101ULL * (c))
#define CHAR_MAX_OUT	64	/* bytes that one character may become */

/* Hangul, Unicode 3.12. */
#define L_BASE	0x1100U
#define V_BASE	0x1161U
#define T_BASE	0x11a7U
#define S_BASE	0xac00U
#define L_COUNT	19U
#define V_COUNT	21U
#define T_COUNT	28U
#define S_COUNT	(L_COUNT * V_COUNT * T_COUNT)

static uint32_t	 compose_kana(uint32_t, uint32_t);
static void	 emit(struct normal *, uint32_t, size_t);
static void	 emit_table(struct normal *, unsigned int, size_t);
static int	 ascii_eight(uint8_t *, const uint8_t *, uint8_t);
static size_t	 ascii_run(struct normal *, const uint8_t *, size_t, size_t);
static unsigned int lookup(uint32_t);

int
normal_init(struct normal *n, size_t max)
{
	memset(n, 0, sizeof(*n));
	/* Most become shorter; what does not makes the input come in pieces. */
	n->cap = max + max / 2 + 2 * CHAR_MAX_OUT;
	n->placecap = n->cap / NORMAL_STEP + 1;
	n->out = malloc(n->cap);
	n->place = calloc(n->placecap, sizeof(*n->place));
	if (n->out == NULL || n->place == NULL) {
		normal_free(n);
		errno = ENOMEM;
		return (-1);
	}
	return (0);
}

void
normal_free(struct normal *n)
{
	free(n->out);
	free(n->place);
	memset(n, 0, sizeof(*n));
}

uint32_t
normal_get(const uint8_t *p, size_t len, size_t *used)
{
	uint32_t	 c;
	size_t		 i, n;

	n = utf8_char(p, len);
	if (n <= 1) {
		*used = 1;
		return (n == 1 ? p[0] : REPLACEMENT);
	}
	c = p[0] & (0xffU >> (n + 1));
	for (i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*used = n;
	return (c);
}

static unsigned int
lookup(uint32_t c)
{
	if (c > NORM_LAST)
		/* Tags and selectors of plane 14 are not seen either. */
		return (c >= 0xe0000 && c <= 0xe0fff ? NORM_DROP : NORM_SAME);
	return (norm_block[norm_index[c / NORM_BLOCK]][c % NORM_BLOCK]);
}

/* Kana with the mark of a voiced sound: the next letter, or the one after. */
static uint32_t
compose_kana(uint32_t c, uint32_t mark)
{
	uint32_t	 k;

	/* Hiragana and katakana have the same order, 0x60 apart. */
	k = c >= 0x30a1 ? c - 0x60 : c;
	if (mark == 0x3099) {
		if (k == 0x3046)			/* u */
			return (c >= 0x30a1 ? 0x30f4 : 0x3094);
		if (k >= 0x304b && k <= 0x3061 && (k & 1) != 0)
			return (c + 1);			/* ka to ti */
		if (k >= 0x3064 && k <= 0x3068 && (k & 1) == 0)
			return (c + 1);			/* tu to to */
	}
	if (k >= 0x306f && k <= 0x307b && (k - 0x306f) % 3 == 0)
		return (c + (mark == 0x3099 ? 1 : 2));	/* ha to ho */
	return (0);
}

uint32_t
normal_compose(uint32_t a, uint32_t b)
{
	if (a >= L_BASE && a < L_BASE + L_COUNT && b >= V_BASE &&
	    b < V_BASE + V_COUNT)
		return (S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) *
		    T_COUNT);
	if (a >= S_BASE && a < S_BASE + S_COUNT &&
	    (a - S_BASE) % T_COUNT == 0 && b > T_BASE && b < T_BASE + T_COUNT)
		return (a + (b - T_BASE));
	if ((b == 0x3099 || b == 0x309a) && a >= 0x3041 && a <= 0x30ff)
		return (compose_kana(a, b));
	return (0);
}

int
normal_is_solid(uint32_t c)
{
	return ((c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7ff) ||
	    (c >= 0x1100 && c <= 0x11ff) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0x20000 && c <= 0x3ffff));
}

int
normal_is_word(uint32_t c)
{
	if (c < 0x80)
		return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_');
	/* Punctuation, symbols, and the like; the rest are letters. */
	if (normal_is_solid(c) || c == 0xd7 || c == 0xf7 ||
	    (c >= 0x80 && c < 0xc0) ||
	    (c >= 0x2000 && c <= 0x2bff) || (c >= 0x3000 && c <= 0x3004) ||
	    (c >= 0x3008 && c <= 0x3020) || c == REPLACEMENT)
		return (0);
	return (1);
}

/* One character of the normal form; at is where it came from. */
static void
emit(struct normal *n, uint32_t c, size_t at)
{
	struct normal_last	*last;
	uint32_t		 one;

	last = &n->last;
	if (last->blank) {
		last->blank = 0;
		if (last->any && !(normal_is_solid(last->c) &&
		    normal_is_solid(c))) {
			n->out[n->len++] = ' ';
			last->c = 0;
		}
	}
	if (last->c != 0 && (one = normal_compose(last->c, c)) != 0) {
		n->len = last->off;
		c = one;
	}
	last->off = n->len;
	last->c = c;
	last->any = 1;
	n->len += utf8_put(n->out + n->len, c);
	/* Places of all steps that it has reached or passed. */
	for (; n->nplaces * NORMAL_STEP < n->len; n->nplaces++)
		n->place[n->nplaces] = (uint32_t)at;
}

/* What the table has for it: several characters, perhaps with blanks. */
static void
emit_table(struct normal *n, unsigned int v, size_t at)
{
	const uint8_t	*p;
	uint32_t	 c;
	size_t		 i, len, used;

	p = norm_pool + v - 3;
	len = *p++;
	for (i = 0; i < len; i += used) {
		c = normal_get(p + i, len - i, &used);
		if (c == ' ')
			n->last.blank = 1;
		else
			emit(n, c, at);
	}
}

/*
 * Eight bytes at once, if all are of ASCII and seen, with single blanks
 * between them at most; prev is the byte that stands before them.  Returns 1
 * when they were put out, else 0.
 */
static int
ascii_eight(uint8_t *out, const uint8_t *p, uint8_t prev)
{
	uint64_t	 v, seen, upper, blank;

	memcpy(&v, p, sizeof(v));
	if ((v & EIGHT(0x80)) != 0)
		return (0);
	/* No sum of two of these reaches the next byte. */
	seen = (v + EIGHT(0x80 - ' ')) & ~(v + EIGHT(1)) & EIGHT(0x80);
	blank = ~((v ^ EIGHT(' ')) + EIGHT(0x7f)) & EIGHT(0x80);
	if (seen != EIGHT(0x80) || (blank & blank << 8) != 0 ||
	    (prev == ' ' && p[0] == ' '))
		return (0);
	upper = (v + EIGHT(0x80 - 'A')) & ~(v + EIGHT(0x7f - 'Z')) &
	    EIGHT(0x80);
	v |= upper >> 2;
	memcpy(out, &v, sizeof(v));
	return (1);
}

/*
 * ASCII, by far the most of all text, without a table: what is seen, and
 * single blanks between that.  Something that is seen stands before it.
 * Returns how many bytes were taken.
 */
static size_t
ascii_run(struct normal *n, const uint8_t *p, size_t len, size_t at)
{
	uint8_t		*out;
	size_t		 i, room;
	uint8_t		 c;

	room = n->cap - n->len - CHAR_MAX_OUT;
	if (len > room)
		len = room;
	out = n->out + n->len;
	for (i = 0; i + 8 <= len && ascii_eight(out + i, p + i, i > 0 ?
	    p[i - 1] : 0); i += 8)
		continue;
	for (; i < len; i++) {
		c = p[i];
		if (c < 0x20 || c >= 0x7f || (c == ' ' && i > 0 &&
		    p[i - 1] == ' '))
			break;
		out[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	}
	/* What follows a blank decides if it is one. */
	if (i > 0 && p[i - 1] == ' ')
		i--;
	if (i == 0)
		return (0);
	for (; n->nplaces * NORMAL_STEP < n->len + i; n->nplaces++)
		n->place[n->nplaces] = (uint32_t)(at +
		    (n->nplaces * NORMAL_STEP > n->len ?
		    n->nplaces * NORMAL_STEP - n->len : 0));
	n->len += i;
	n->last.off = n->len - 1;
	n->last.c = n->out[n->last.off];
	n->last.any = 1;
	return (i);
}

void
normal_begin(struct normal *n)
{
	memset(&n->last, 0, sizeof(n->last));
	n->len = n->nplaces = n->at = 0;
}

size_t
normal_add(struct normal *n, const uint8_t *p, size_t len)
{
	uint32_t	 c;
	size_t		 i, used;
	unsigned int	 v;

	for (i = 0; i < len && n->len + 2 * CHAR_MAX_OUT < n->cap; i += used) {
		c = p[i];
		if (c > 0x20 && c < 0x7f) {
			/* The first one may follow a blank; then the run. */
			emit(n, c >= 'A' && c <= 'Z' ? c | 0x20 : c,
			    n->at + i);
			used = 1 + ascii_run(n, p + i + 1, len - i - 1,
			    n->at + i + 1);
			continue;
		}
		c = normal_get(p + i, len - i, &used);
		v = lookup(c);
		if (v == NORM_SAME)
			emit(n, c, n->at + i);
		else if (v == NORM_BLANK)
			n->last.blank = 1;
		else if (v != NORM_DROP)
			emit_table(n, v, n->at + i);
	}
	n->at += i;
	return (i);
}

int
normal_keep(struct normal *n, size_t bytes)
{
	size_t	 steps, shift;

	if (n->len < bytes + NORMAL_STEP)
		return (0);
	/* In whole steps, so that places stay where they are. */
	steps = (n->len - bytes) / NORMAL_STEP;
	shift = steps * NORMAL_STEP;
	memmove(n->out, n->out + shift, n->len - shift);
	memmove(n->place, n->place + steps, (n->nplaces - steps) *
	    sizeof(*n->place));
	n->len -= shift;
	n->nplaces -= steps;
	/* Of the last character at least the end is here. */
	if (n->last.off >= shift)
		n->last.off -= shift;
	else
		n->last.c = 0;
	return (1);
}

size_t
normal_make(struct normal *n, const uint8_t *p, size_t len)
{
	normal_begin(n);
	return (normal_add(n, p, len));
}

size_t
normal_place(const struct normal *n, size_t off)
{
	if (n->nplaces == 0)
		return (0);
	off /= NORMAL_STEP;
	return (n->place[off < n->nplaces ? off : n->nplaces - 1]);
}

size_t
normal_chars(uint32_t c, uint32_t *out, size_t max)
{
	const uint8_t	*p;
	size_t		 i, n, used;
	unsigned int	 v;

	if (max == 0)
		return (0);
	v = lookup(c);
	if (v == NORM_DROP)
		return (0);
	if (v == NORM_SAME || v == NORM_BLANK) {
		out[0] = v == NORM_SAME ? c : ' ';
		return (1);
	}
	p = norm_pool + v - 3;
	for (i = n = 0; i < *p && n < max; i += used)
		out[n++] = normal_get(p + 1 + i, *p - i, &used);
	return (n);
}

/* SPDX-License-Identifier: ISC */

/*
 * One pass for all that rules look for.
 *
 * Words of all lists, and the pieces of all expressions, are in one automaton
 * over the normal form.  A word that is found is a hit at once; a piece is a
 * reason to try its expression on the characters around it.  Each entry of a
 * list counts once a message, however often it is there.
 *
 * The text is a stranger's: it is looked at in segments of bounded length,
 * tries of expressions have a budget, and the clock is asked between
 * segments.  When one of them is used up the answer says so, and is no
 * "nothing found".
 *
 * A segment has the end of the normal form of the one before it once more, so
 * that what stands across the border is seen whole, whatever lies between its
 * letters that is not seen.  What touches a border may be cut there, and is
 * left to the segment that has all of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ev.h"
#include "log.h"
#include "normal.h"
#include "parts.h"
#include "utf8.h"

#include "expr.h"
#include "field.h"
#include "ident.h"
#include "keyword.h"
#include "match.h"

#define SEGMENT		(128 * KIB)	/* of text, at a time */
#define OVERLAP		4096		/* of the normal form of two segments:
					   a word with LIST_ENTRY_MAX bytes and
					   what an expression reaches */
#define TRIES_MAX	5000		/* expressions tried around pieces, in
					   one message */
#define SLOW_MAX	(256 * KIB)	/* of one text, for expressions without
					   a piece */
#define SPACED_MIN	4		/* letters of "s e c r e t" */
#define SPACED_MAX	64

enum ref_kind {
	REF_WORD,
	REF_WHOLE,			/* not inside of a longer word */
	REF_JOINED,			/* without its blanks: spaced_runs() */
	REF_PIECE			/* of an expression */
};

/* Something that a word of the automaton is good for. */
struct ref {
	uint32_t	 word;		/* of the automaton */
	uint32_t	 entry;
	uint32_t	 len;		/* of the word, bytes */
	enum ref_kind	 kind;
};

/* One word, expression or identifier of a use. */
struct entry {
	const uint8_t	*text;		/* as in the list */
	uint32_t	 len;
	uint32_t	 weight;
	uint32_t	 use;
	uint32_t	 ident;		/* enum ident, or IDENT_MAX */
	struct expr	*expr;		/* or NULL */
	uint32_t	 nexpr;		/* its number among expressions */
};

struct matcher {
	const struct conf *conf;
	struct keywords	*keywords;
	struct entry	*entry;
	size_t		 nentries;
	struct ref	*ref;		/* sorted by word */
	size_t		 nrefs;
	size_t		 allocrefs;
	uint32_t	*first;		/* of each word in ref[], and the end */
	uint32_t	*slow;		/* entries: expressions without piece */
	size_t		 nslow;
	uint32_t	*ident;		/* entries that are identifiers */
	size_t		 nident;
	uint32_t	*field;		/* entries that are about a field */
	size_t		 nfield;
	uint32_t	 nexprs;
};

/* Where an expression need not be tried any more. */
struct tried {
	uint32_t	 segment;
	uint32_t	 upto;		/* pieces that end before it */
};

struct match {
	const struct matcher	*m;
	struct normal		 normal;
	uint8_t			*seen;	/* a bit for each entry */
	uint32_t		*hits;	/* those whose bit is set */
	size_t			 nhits;
	struct msg_scan_hit	 hit[CONF_USES_MAX];
	struct tried		*tried;	/* of each expression */
	uint32_t		 nsegments;	/* ever; 0 is none */
	uint64_t		 due;
	unsigned int		 tries;
	int			 incomplete;
	/* The text that is being looked at. */
	unsigned int		 scope;
	uint32_t		 part;
	const uint8_t		*text;
	size_t			 len;
	size_t			 base;	/* where the segment begins */
	unsigned int		 cut;	/* EXPR_CUT_*, of it */
	const uint8_t		*norm;	/* what the automaton sees */
	size_t			 normlen;
	size_t			 shift;	/* of norm in the segment's normal */
};

static int	 ref_add(struct matcher *, uint32_t, const uint8_t *, size_t,
		    enum ref_kind);
static int	 word_add(struct matcher *, uint32_t, enum ref_kind);
static int	 entry_compile(struct matcher *, uint32_t,
		    const struct conf_list *);
static int	 use_add(struct matcher *, const struct conf_use_wire *);
static int	 refs_index(struct matcher *);
static int	 ref_cmp(const void *, const void *);
static int	 in_scope(const struct match *, const struct entry *);
static void	 hit_add(struct match *, uint32_t, size_t);
static void	 hit_describe(struct match *, const struct entry *,
		    struct msg_scan_hit *, size_t);
static void	 copy_text(char *, size_t, const uint8_t *, size_t);
static int	 is_whole(const struct match *, size_t, size_t);
static int	 word_found(void *, uint32_t, size_t);
static size_t	 go_back(const struct match *, size_t, size_t);
static size_t	 go_on(const struct match *, size_t, size_t);
static void	 expr_window(struct match *, uint32_t, size_t, size_t);
static void	 expr_try(struct match *, uint32_t, size_t, size_t);
static void	 ident_found(void *, enum ident, size_t, size_t);
static void	 spaced_runs(struct match *);
static void	 slow_exprs(struct match *);
static void	 fields(struct match *);
static void	 segment(struct match *);

static int
ref_add(struct matcher *m, uint32_t entry, const uint8_t *word, size_t len,
    enum ref_kind kind)
{
	struct ref	*p;
	size_t		 n;

	if (m->nrefs == m->allocrefs) {
		n = m->allocrefs == 0 ? 256 : m->allocrefs * 2;
		if ((p = reallocarray(m->ref, n, sizeof(*p))) == NULL)
			return (-1);
		m->ref = p;
		m->allocrefs = n;
	}
	p = &m->ref[m->nrefs];
	p->word = keywords_add(m->keywords, word, len);
	if (p->word == KEYWORD_NONE)
		return (-1);
	p->entry = entry;
	p->len = (uint32_t)len;
	p->kind = kind;
	m->nrefs++;
	return (0);
}

/* A word in its normal form; one that is all invisible is never found. */
static int
word_add(struct matcher *m, uint32_t i, enum ref_kind kind)
{
	struct normal	 n;
	size_t		 k, len;
	int		 ret;

	if (normal_init(&n, (size_t)m->entry[i].len * NORMAL_GROWTH) == -1)
		return (-1);
	ret = 0;
	normal_make(&n, m->entry[i].text, m->entry[i].len);
	if (n.len > 0)
		ret = ref_add(m, i, n.out, n.len, kind);
	else
		log_warnx("table %s: a word has nothing that can be found",
		    m->conf->list[m->conf->use[m->entry[i].use].list]->w.name);
	for (k = len = 0; k < n.len; k++)
		if (n.out[k] != ' ')
			n.out[len++] = n.out[k];
	if (ret == 0 && len < n.len && len > 0)
		ret = ref_add(m, i, n.out, len, REF_JOINED);
	normal_free(&n);
	return (ret);
}

static int
entry_compile(struct matcher *m, uint32_t i, const struct conf_list *l)
{
	const char	*piece[EXPR_PIECES];
	struct entry	*e;
	unsigned int	 k, n;

	e = &m->entry[i];
	e->ident = IDENT_MAX;
	switch ((enum list_kind)l->w.kind) {
	case LIST_KEYWORDS:
		return (word_add(m, i, REF_WORD));
	case LIST_WORDS:
		return (word_add(m, i, REF_WHOLE));
	case LIST_FIELDS:
		m->field[m->nfield++] = i;
		return (0);
	case LIST_IDENTIFIERS:
		e->ident = conf_ident_find((const char *)e->text, e->len);
		m->ident[m->nident++] = i;
		return (e->ident == IDENT_MAX ? -1 : 0);
	case LIST_EXPRESSIONS:
	case LIST_SIMILAR:
	case LIST_ADDRESSES:
	case LIST_KIND_MAX:
		break;
	}
	e->expr = expr_new(e->text, e->len,
	    l->w.kind == LIST_SIMILAR ? l->w.errors : 0);
	if (e->expr == NULL)
		return (-1);
	e->nexpr = m->nexprs++;
	n = expr_pieces(e->expr, piece);
	if (n == 0)
		m->slow[m->nslow++] = i;
	for (k = 0; k < n; k++)
		if (ref_add(m, i, (const uint8_t *)piece[k],
		    strlen(piece[k]), REF_PIECE) == -1)
			return (-1);
	return (0);
}

static int
use_add(struct matcher *m, const struct conf_use_wire *u)
{
	const struct conf_list	*l;
	struct conf_entry	 ce;
	struct entry		*e;
	const uint8_t		*text;
	size_t			 off;

	l = m->conf->list[u->list];
	off = 0;
	while (conf_next_entry(l, &off, &ce, &text) == 1) {
		e = &m->entry[m->nentries];
		e->text = text;
		e->len = ce.len;
		e->weight = ce.weight;
		e->use = u->id;
		if (entry_compile(m, (uint32_t)m->nentries, l) == -1) {
			log_warn("table %s: \"%.*s\"", l->w.name,
			    (int)(ce.len < 64 ? ce.len : 64),
			    (const char *)text);
			return (-1);
		}
		m->nentries++;
	}
	return (0);
}

static int
ref_cmp(const void *a, const void *b)
{
	const struct ref	*x, *y;

	x = a;
	y = b;
	return (x->word < y->word ? -1 : x->word > y->word);
}

static int
refs_index(struct matcher *m)
{
	uint32_t	 n, w;
	size_t		 i;

	if (m->nrefs > 0)
		qsort(m->ref, m->nrefs, sizeof(*m->ref), ref_cmp);
	n = keywords_count(m->keywords);
	m->first = calloc((size_t)n + 1, sizeof(*m->first));
	if (m->first == NULL)
		return (-1);
	i = 0;
	for (w = 0; w <= n; w++) {
		while (i < m->nrefs && m->ref[i].word < w)
			i++;
		m->first[w] = (uint32_t)i;
	}
	return (keywords_build(m->keywords));
}

struct matcher *
matcher_new(const struct conf *conf)
{
	struct matcher	*m;
	size_t		 n;
	uint32_t	 i;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	m->conf = conf;
	n = 0;
	for (i = 0; i < conf->nuses; i++)
		n += conf->list[conf->use[i].list]->w.nentries;
	m->entry = calloc(n + 1, sizeof(*m->entry));
	m->slow = calloc(n + 1, sizeof(*m->slow));
	m->ident = calloc(n + 1, sizeof(*m->ident));
	m->field = calloc(n + 1, sizeof(*m->field));
	m->keywords = keywords_new();
	if (m->entry == NULL || m->slow == NULL || m->ident == NULL ||
	    m->field == NULL ||
	    m->keywords == NULL)
		goto fail;
	for (i = 0; i < conf->nuses; i++)
		if (use_add(m, &conf->use[i]) == -1)
			goto fail;
	if (refs_index(m) == -1)
		goto fail;
	return (m);
fail:
	log_warn("cannot compile the tables of words");
	matcher_free(m);
	return (NULL);
}

void
matcher_free(struct matcher *m)
{
	size_t	 i;

	if (m == NULL)
		return;
	for (i = 0; m->entry != NULL && i < m->nentries; i++)
		expr_free(m->entry[i].expr);
	free(m->entry);
	free(m->slow);
	free(m->ident);
	free(m->field);
	free(m->ref);
	free(m->first);
	keywords_free(m->keywords);
	free(m);
}

size_t
matcher_memory(const struct matcher *m)
{
	return (keywords_memory(m->keywords) +
	    m->nentries * sizeof(*m->entry) + m->nrefs * sizeof(*m->ref));
}

struct match *
match_new(const struct matcher *m)
{
	struct match	*x;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return (NULL);
	x->m = m;
	x->seen = calloc(m->nentries / 8 + 1, 1);
	x->hits = calloc(m->nentries + 1, sizeof(*x->hits));
	x->tried = calloc((size_t)m->nexprs + 1, sizeof(*x->tried));
	if (x->seen == NULL || x->hits == NULL || x->tried == NULL ||
	    normal_init(&x->normal, SEGMENT + OVERLAP) == -1) {
		match_free(x);
		errno = ENOMEM;
		return (NULL);
	}
	return (x);
}

void
match_free(struct match *x)
{
	if (x == NULL)
		return;
	normal_free(&x->normal);
	free(x->seen);
	free(x->hits);
	free(x->tried);
	free(x);
}

void
match_begin(struct match *x, uint64_t due)
{
	size_t	 i;

	for (i = 0; i < x->nhits; i++)
		x->seen[x->hits[i] / 8] &= (uint8_t)~(1U << x->hits[i] % 8);
	x->nhits = 0;
	memset(x->hit, 0, sizeof(x->hit));
	x->due = due;
	x->tries = 0;
	x->incomplete = 0;
}

static int
in_scope(const struct match *x, const struct entry *e)
{
	return ((x->m->conf->use[e->use].scopes & (1U << x->scope)) != 0);
}

/* At most size - 1 bytes, whole characters, controls as blanks. */
static void
copy_text(char *dst, size_t size, const uint8_t *p, size_t len)
{
	size_t	 i, n, o;

	o = 0;
	for (i = 0; i < len; i += n) {
		n = utf8_char(p + i, len - i);
		if (o + (n == 0 ? 1 : n) >= size)
			break;
		if (n == 0 || (n == 1 && (p[i] < 0x20 || p[i] == 0x7f))) {
			n = 1;
			if (o > 0 && dst[o - 1] != ' ')
				dst[o++] = ' ';
			continue;
		}
		memcpy(dst + o, p + i, n);
		o += n;
	}
	dst[o] = '\0';
}

/* The first of its use: what, where, and the text around it. */
static void
hit_describe(struct match *x, const struct entry *e, struct msg_scan_hit *h,
    size_t off)
{
	size_t	 at, from;

	h->use = e->use;
	h->scope = x->scope;
	h->part = x->part;
	at = normal_place(&x->normal, off + x->shift);
	h->offset = at;
	copy_text(h->entry, sizeof(h->entry), e->text, e->len);
	from = at > 8 ? at - 8 : 0;
	while (from < at && (x->text[from] & 0xc0) == 0x80)
		from++;
	copy_text(h->excerpt, sizeof(h->excerpt), x->text + from,
	    x->len - from);
}

static void
hit_add(struct match *x, uint32_t i, size_t off)
{
	const struct entry	*e;
	struct msg_scan_hit	*h;

	if (x->seen[i / 8] & (1U << i % 8))
		return;
	x->seen[i / 8] |= (uint8_t)(1U << i % 8);
	x->hits[x->nhits++] = i;
	e = &x->m->entry[i];
	h = &x->hit[e->use];
	if (h->nhits == 0)
		hit_describe(x, e, h, off);
	h->nhits++;
	h->score = h->score > UINT32_MAX - 1 - e->weight ? UINT32_MAX - 1 :
	    h->score + e->weight;
}

/* Do no letters that belong to it stand before and behind? */
static int
is_whole(const struct match *x, size_t begin, size_t end)
{
	size_t	 i, used;

	if ((begin == 0 && x->cut & EXPR_CUT_BEFORE) ||
	    (end == x->normlen && x->cut & EXPR_CUT_BEHIND))
		return (0);
	if (normal_is_word(normal_get(x->norm + begin, end - begin, &used)) &&
	    begin > 0) {
		for (i = begin - 1; i > 0 && (x->norm[i] & 0xc0) == 0x80; i--)
			continue;
		if (normal_is_word(normal_get(x->norm + i, begin - i, &used)))
			return (0);
	}
	for (i = end - 1; i > begin && (x->norm[i] & 0xc0) == 0x80; i--)
		continue;
	return (end == x->normlen ||
	    !normal_is_word(normal_get(x->norm + i, end - i, &used)) ||
	    !normal_is_word(normal_get(x->norm + end, x->normlen - end,
	    &used)));
}

/* So many characters before, or behind, a place in the normal form. */
static size_t
go_back(const struct match *x, size_t off, size_t chars)
{
	for (; off > 0 && chars > 0; chars--)
		do
			off--;
		while (off > 0 && (x->norm[off] & 0xc0) == 0x80);
	return (off);
}

static size_t
go_on(const struct match *x, size_t off, size_t chars)
{
	for (; off < x->normlen && chars > 0; chars--)
		do
			off++;
		while (off < x->normlen && (x->norm[off] & 0xc0) == 0x80);
	return (off);
}

/* Try an expression in [from, to) of the normal form. */
static void
expr_window(struct match *x, uint32_t i, size_t from, size_t to)
{
	unsigned int	 cut;
	size_t		 at;
	int		 failed;

	failed = 0;
	at = 0;
	cut = (from > 0 ? EXPR_CUT_BEFORE : x->cut & EXPR_CUT_BEFORE) |
	    (to < x->normlen ? EXPR_CUT_BEHIND : x->cut & EXPR_CUT_BEHIND);
	if (expr_match(x->m->entry[i].expr, x->norm + from, to - from, cut,
	    &at, &failed))
		hit_add(x, i, from + at);
	if (failed)
		x->incomplete = 1;
}

/*
 * An expression whose piece is at [begin, end).  Where a piece is frequent
 * the next ones are in the same window.
 */
static void
expr_try(struct match *x, uint32_t i, size_t begin, size_t end)
{
	const struct entry	*e;
	struct tried		*t;
	size_t			 reach, upto;

	e = &x->m->entry[i];
	t = &x->tried[e->nexpr];
	if (x->norm == x->normal.out && t->segment == x->nsegments &&
	    end <= t->upto)
		return;
	if (x->tries == TRIES_MAX) {
		x->incomplete = 1;
		return;
	}
	x->tries++;
	reach = expr_reach(e->expr);
	upto = go_on(x, end, 2 * reach);
	if (x->norm == x->normal.out) {
		t->segment = x->nsegments;
		t->upto = (uint32_t)upto;
	}
	expr_window(x, i, go_back(x, begin, reach), go_on(x, upto, reach));
}

static int
word_found(void *arg, uint32_t word, size_t end)
{
	const struct ref	*r;
	struct match		*x;
	uint32_t		 k;

	x = arg;
	for (k = x->m->first[word]; k < x->m->first[word + 1]; k++) {
		r = &x->m->ref[k];
		if ((x->seen[r->entry / 8] & (1U << r->entry % 8)) != 0 ||
		    !in_scope(x, &x->m->entry[r->entry]))
			continue;
		if (r->kind == REF_PIECE)
			expr_try(x, r->entry, end - r->len, end);
		else if (r->kind == REF_JOINED ? x->norm != x->normal.out :
		    r->kind == REF_WORD || is_whole(x, end - r->len, end))
			hit_add(x, r->entry, end - r->len);
	}
	return (0);
}

static void
ident_found(void *arg, enum ident kind, size_t begin, size_t end)
{
	const struct entry	*e;
	struct match		*x;
	size_t			 i;

	x = arg;
	if ((begin == 0 && x->cut & EXPR_CUT_BEFORE) ||
	    (end == x->normlen && x->cut & EXPR_CUT_BEHIND))
		return;
	for (i = 0; i < x->m->nident; i++) {
		e = &x->m->entry[x->m->ident[i]];
		if (e->ident == kind && in_scope(x, e))
			hit_add(x, x->m->ident[i], begin);
	}
}

/* What stands between letters that are one word to a reader. */
static const uint8_t spacer[256] = {
	[' '] = 1, ['.'] = 1, ['-'] = 1, ['_'] = 1, ['*'] = 1, ['/'] = 1
};

/*
 * "s e c r e t", "s.e.c.r.e.t": single letters with the same sign between
 * them, read as one word.
 */
static void
spaced_runs(struct match *x)
{
	const uint8_t	*p, *norm;
	uint8_t		 word[SPACED_MAX * 4];
	size_t		 i, n, len, used, normlen, letters, start;
	unsigned int	 cut;
	uint8_t		 sep;

	cut = x->cut;
	x->cut = 0;
	norm = x->norm;
	normlen = x->normlen;
	for (i = 0; i + 2 < normlen; i++) {
		sep = norm[i];
		if (!spacer[sep])
			continue;
		/* A letter alone before it? */
		for (start = i; start > 0 &&
		    (norm[start - 1] & 0xc0) == 0x80; start--)
			continue;
		if (start == 0)
			continue;
		start--;
		if (start > 0 && norm[start - 1] != sep &&
		    norm[start - 1] != ' ')
			continue;
		p = norm + start;
		letters = len = 0;
		n = start;
		while (n < normlen && letters < SPACED_MAX) {
			if (!normal_is_word(normal_get(norm + n, normlen - n,
			    &used)))
				break;
			memcpy(word + len, norm + n, used);
			len += used;
			letters++;
			n += used;
			if (n == normlen || norm[n] != sep)
				break;
			n++;
		}
		/* The last may be the begin of a longer word. */
		if (letters < SPACED_MIN)
			continue;
		x->shift = (size_t)(p - norm);
		x->norm = word;
		x->normlen = len;
		keywords_scan(x->m->keywords, word, len, word_found, x);
		x->norm = norm;
		x->normlen = normlen;
		x->shift = 0;
		i = n - 1;
	}
	x->cut = cut;
}

/*
 * Expressions that nothing points at: the first part of each text, in
 * windows.  mailwall.conf(5) says so.
 */
static void
slow_exprs(struct match *x)
{
	uint32_t	 e;
	size_t		 i, off, reach, to;

	if (x->base >= SLOW_MAX)
		return;
	for (i = 0; i < x->m->nslow; i++) {
		e = x->m->slow[i];
		if (!in_scope(x, &x->m->entry[e]))
			continue;
		reach = expr_reach(x->m->entry[e].expr);
		for (off = 0; off < x->normlen; ) {
			if ((x->seen[e / 8] & (1U << e % 8)) != 0)
				break;
			if (now_ms() >= x->due) {
				x->incomplete = 1;
				return;
			}
			to = go_on(x, off, 4 * reach);
			expr_window(x, e, off, to);
			off = to == x->normlen ? to : go_back(x, to, reach);
		}
	}
}

static void
segment(struct match *x)
{
	uint32_t	 kinds;
	size_t		 i;

	x->norm = x->normal.out;
	x->normlen = x->normal.len;
	x->shift = 0;
	x->nsegments++;
	keywords_scan(x->m->keywords, x->norm, x->normlen, word_found, x);
	spaced_runs(x);
	slow_exprs(x);
	kinds = 0;
	for (i = 0; i < x->m->nident; i++)
		if (in_scope(x, &x->m->entry[x->m->ident[i]]))
			kinds |= 1U << x->m->entry[x->m->ident[i]].ident;
	if (kinds != 0)
		ident_scan(x->norm, x->normlen, kinds, ident_found, x);
}

/* A field of the message's own header. */
static void
fields(struct match *x)
{
	const struct entry	*e;
	size_t			 i;

	for (i = 0; i < x->m->nfield; i++) {
		e = &x->m->entry[x->m->field[i]];
		if (field_fits(e->text, e->len, x->scope, x->text, x->len))
			hit_add(x, x->m->field[i], 0);
	}
}

void
match_text(struct match *x, unsigned int scope, uint32_t part,
    const uint8_t *text, size_t len)
{
	unsigned int	 before;
	size_t		 n, used;

	x->scope = scope;
	x->part = part;
	x->text = text;
	x->len = len;
	before = 0;
	normal_begin(&x->normal);
	if (part == 0 && scope <= TEXT_HEADER && x->m->nfield > 0)
		fields(x);
	for (x->base = 0; x->base < len; x->base += used) {
		if (now_ms() >= x->due) {
			x->incomplete = 1;
			return;
		}
		n = len - x->base;
		if (n > SEGMENT) {
			n = SEGMENT;
			while (n > SEGMENT - 4 &&
			    (text[x->base + n] & 0xc0) == 0x80)
				n--;
		}
		if (normal_keep(&x->normal, OVERLAP))
			before = EXPR_CUT_BEFORE;
		used = normal_add(&x->normal, text + x->base, n);
		x->cut = before | (x->base + used < len ? EXPR_CUT_BEHIND :
		    0);
		segment(x);
	}
}

unsigned int
match_end(struct match *x, struct msg_scan_hit *hit, int *complete)
{
	unsigned int	 i, n;

	n = 0;
	for (i = 0; i < x->m->conf->nuses; i++)
		if (x->hit[i].nhits > 0)
			hit[n++] = x->hit[i];
	*complete = !x->incomplete;
	return (n);
}

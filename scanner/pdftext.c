/* SPDX-License-Identifier: ISC */

/*
 * Text of a PDF (ISO 32000-1, 9.4 and 9.10).
 *
 * Content streams show strings of codes; which characters these are a font's
 * ToUnicode table says.  A font is found by its name in any dictionary that
 * has a font under that name: pages may give the same name to different
 * fonts, so the text is read once for each of the first few.  Without a table
 * codes are taken for Latin 1, or UTF-16 where a font's encoding says so.
 *
 * All tables have an end, none refers to another.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

#define CMAP_ENTRIES_MAX 262144	/* of all fonts: 5 MiB */
#define FONTS_MAX	1024	/* objects with ToUnicode */
#define NAMES_MAX	4096	/* names that refer to objects */
#define NAME_LEN	24
#define PASSES_MAX	4	/* fonts of one name */
#define STRING_MAX	16384	/* bytes of one string */
#define GAP		(-200)	/* thousandths of an em: a blank */

#define FONT_UTF16	UINT32_MAX

struct range {
	uint32_t	 lo;
	uint32_t	 hi;
	uint32_t	 to[3];		/* 0: none */
};

struct cmap {
	uint32_t	 object;	/* number of its stream */
	uint32_t	 first;		/* of range[] */
	uint32_t	 n;
	int		 wide;		/* codes of two bytes */
};

struct name {
	char		 name[NAME_LEN];
	uint32_t	 object;
};

/* A name with one of the tables that it may mean. */
struct meaning {
	char			 name[NAME_LEN];
	const struct cmap	*cmap;	/* NULL: UTF-16 */
};

struct pdf {
	struct textout	*out;
	struct range	*range;
	uint32_t	 nrange;
	struct cmap	 cmap[PDF_CMAPS_MAX];
	uint32_t	 ncmap;
	struct {
		uint32_t	 object;
		uint32_t	 table;	/* object, or FONT_UTF16 */
	}		 font[FONTS_MAX];
	uint32_t	 nfont;
	struct name	 name[NAMES_MAX];
	uint32_t	 nname;
	struct meaning	 meaning[NAMES_MAX];	/* sorted, each once */
	uint32_t	 nmeaning;
	unsigned int	 pass;
	unsigned int	 passes;
	/* The font in use. */
	const struct cmap *cur;
	int		 utf16;
	int		 silent;	/* not in this pass */
	double		 y, shown;
};

/* Reading tokens of one stream. */
struct lex {
	const uint8_t	*p;
	const uint8_t	*end;
	uint8_t		 str[STRING_MAX];
	size_t		 n;
};

enum token { T_END, T_STRING, T_NUMBER, T_NAME, T_WORD, T_OTHER };

static enum token	 lex_next(struct lex *, double *);
static void		 lex_string(struct lex *);
static void		 lex_hex(struct lex *);
static int		 refs_stream(void *, uint32_t, const uint8_t *, size_t,
			    const uint8_t *, size_t);
static void		 refs_scan(struct pdf *, const uint8_t *, size_t,
			    uint32_t);
static void		 objects_scan(struct pdf *, const uint8_t *, size_t);
static void		 cmap_read(struct pdf *, const uint8_t *, size_t,
			    uint32_t);
static int		 show_stream(void *, uint32_t, const uint8_t *, size_t,
			    const uint8_t *, size_t);

static int
is_word(int c)
{
	return (c > ' ' && c < 0x7f && strchr("()<>[]{}/%", c) == NULL);
}

/* 7.3.4.2: parentheses nest, by a counter. */
static void
lex_string(struct lex *l)
{
	unsigned int	 depth, i, v;
	int		 c;

	depth = 1;
	while (l->p < l->end) {
		c = *l->p++;
		if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			break;
		else if (c == '\\' && l->p < l->end) {
			c = *l->p++;
			if (c >= '0' && c <= '7') {
				v = (unsigned int)c - '0';
				for (i = 0; i < 2 && l->p < l->end &&
				    *l->p >= '0' && *l->p <= '7'; i++)
					v = v * 8 + (*l->p++ - '0');
				c = v & 0xff;
			} else if (c == '\r' || c == '\n') {
				if (c == '\r' && l->p < l->end &&
				    *l->p == '\n')
					l->p++;
				continue;
			} else if (c == 'n')
				c = '\n';
			else if (c == 'r')
				c = '\r';
			else if (c == 't')
				c = '\t';
			else if (c == 'b')
				c = '\b';
			else if (c == 'f')
				c = '\f';
		}
		if (l->n < sizeof(l->str))
			l->str[l->n++] = (uint8_t)c;
	}
}

static void
lex_hex(struct lex *l)
{
	int	 c, half;

	half = -1;
	while (l->p < l->end && (c = *l->p++) != '>') {
		if (!isxdigit(c))
			continue;
		c = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
		if (half < 0)
			half = c;
		else {
			if (l->n < sizeof(l->str))
				l->str[l->n++] = (uint8_t)(half << 4 | c);
			half = -1;
		}
	}
	if (half >= 0 && l->n < sizeof(l->str))
		l->str[l->n++] = (uint8_t)(half << 4);
}

/* Numbers as they are written here: no exponents. */
static double
lex_number(struct lex *l)
{
	double	 scale, v;
	int	 neg;

	v = 0;
	scale = 0;
	neg = 0;
	for (; l->p < l->end; l->p++) {
		if (*l->p == '-')
			neg = 1;
		else if (*l->p == '.')
			scale = 1;
		else if (isdigit(*l->p)) {
			v = v < 1e12 ? v * 10 + (*l->p - '0') : v;
			scale *= 10;
		} else if (*l->p != '+')
			break;
	}
	if (scale > 0)
		v /= scale;
	return (neg ? -v : v);
}

static enum token
lex_next(struct lex *l, double *num)
{
	l->n = 0;
	while (l->p < l->end && *l->p <= ' ')
		l->p++;
	if (l->p == l->end)
		return (T_END);
	switch (*l->p) {
	case '%':
		while (l->p < l->end && *l->p != '\n' && *l->p != '\r')
			l->p++;
		return (T_OTHER);
	case '(':
		l->p++;
		lex_string(l);
		return (T_STRING);
	case '<':
		l->p++;
		if (l->p < l->end && *l->p == '<') {
			l->p++;
			return (T_OTHER);
		}
		lex_hex(l);
		return (T_STRING);
	case '/':
		l->p = pdf_name(l->p + 1, l->end, (char *)l->str, NAME_LEN);
		return (T_NAME);
	case '[':
	case ']':
		l->str[0] = *l->p++;
		l->n = 1;
		return (T_OTHER);
	default:
		break;
	}
	if (isdigit(*l->p) || *l->p == '-' || *l->p == '+' || *l->p == '.') {
		*num = lex_number(l);
		return (T_NUMBER);
	}
	if (!is_word(*l->p) && *l->p != '"' && *l->p != '\'') {
		l->p++;
		return (T_OTHER);
	}
	while (l->p < l->end && is_word(*l->p)) {
		if (l->n < NAME_LEN - 1)
			l->str[l->n++] = *l->p;
		l->p++;
	}
	l->str[l->n] = '\0';
	return (T_WORD);
}

/* ---- which font has which table ---- */

static void
ref_note(struct pdf *d, const char *name, uint32_t object, uint32_t to)
{
	if (strcmp(name, "ToUnicode") == 0) {
		if (d->nfont < FONTS_MAX) {
			d->font[d->nfont].object = object;
			d->font[d->nfont++].table = to;
		}
	} else if (d->nname < NAMES_MAX) {
		memcpy(d->name[d->nname].name, name, NAME_LEN);
		d->name[d->nname++].object = to;
	}
}

/*
 * Names followed by a reference, within one object or over a whole file;
 * there objects tell their numbers.
 */
static void
refs_scan(struct pdf *d, const uint8_t *p, size_t len, uint32_t object)
{
	static struct lex	 l;
	char			 name[NAME_LEN];
	double			 num, prev, last;
	enum token		 t;
	unsigned int		 have;

	l.p = p;
	l.end = p + len;
	name[0] = '\0';
	last = prev = num = 0;
	have = 0;
	while ((t = lex_next(&l, &num)) != T_END) {
		if (t == T_NUMBER) {
			prev = last;
			last = num;
			have++;
			continue;
		}
		if (t == T_WORD && have >= 2 && prev >= 0 && prev < 1e9) {
			if (strcmp((char *)l.str, "obj") == 0)
				object = (uint32_t)prev;
			else if (l.str[0] == 'R' && name[0] != '\0')
				ref_note(d, name, object, (uint32_t)prev);
		}
		have = 0;
		name[0] = '\0';
		if (t == T_NAME) {
			memcpy(name, l.str, NAME_LEN);
			/* UniGB-UTF16-H and the like (9.7.5.2) */
			if (strncmp(name, "Uni", 3) == 0 &&
			    (strstr(name, "UTF16") != NULL ||
			    strstr(name, "UCS2") != NULL))
				ref_note(d, "ToUnicode\0\0\0\0\0\0\0\0\0\0"
				    "\0\0\0\0", object, FONT_UTF16);
		}
	}
}

/* Objects in a stream (7.5.7): numbers and offsets, then the objects. */
static void
objects_scan(struct pdf *d, const uint8_t *p, size_t len)
{
	static struct lex	 l, in;
	double			 num, object, off;
	size_t			 first;
	uint32_t		 i, n;

	/* Where the numbers end the first object begins. */
	l.p = p;
	l.end = p + len;
	for (n = 0; lex_next(&l, &num) == T_NUMBER; n++)
		first = (size_t)(l.p - p);
	if (n < 2)
		return;
	while (first < len && p[first] <= ' ')
		first++;
	in.p = p;
	in.end = p + first;
	for (i = 0; i + 1 < n && i < 2 * NAMES_MAX; i += 2) {
		lex_next(&in, &object);
		lex_next(&in, &off);
		/* The next one's offset is where this one ends. */
		l.p = in.p;
		l.end = in.end;
		num = 1e9;
		if (i + 3 < n) {
			lex_next(&l, &num);
			lex_next(&l, &num);
		}
		if (object < 0 || object > 1e9 || off < 0 ||
		    off >= (double)(len - first))
			continue;
		if (num < off || num > (double)(len - first))
			num = (double)(len - first);
		/* Overlapping ones would be read over and over. */
		if (i + 3 < n && num - off > MIB)
			continue;
		refs_scan(d, p + first + (size_t)off, (size_t)(num - off),
		    (uint32_t)object);
	}
}

/* ---- tables of characters ---- */

static uint32_t
code_of(const uint8_t *p, size_t n)
{
	uint32_t	 v;
	size_t		 i;

	for (v = 0, i = 0; i < n && i < 4; i++)
		v = v << 8 | p[i];
	return (v);
}

/* UTF-16, big end first, to at most three characters. */
static void
dest_of(const uint8_t *p, size_t n, uint32_t *to)
{
	uint32_t	 c;
	size_t		 i, k;

	memset(to, 0, 3 * sizeof(*to));
	if (n == 1)
		to[0] = p[0];
	for (i = k = 0; i + 1 < n && k < 3; i += 2) {
		c = (uint32_t)p[i] << 8 | p[i + 1];
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n) {
			c = 0x10000 + ((c & 0x3ff) << 10) +
			    (((uint32_t)p[i + 2] << 8 | p[i + 3]) & 0x3ff);
			i += 2;
		}
		to[k++] = c;
	}
}

static void
range_add(struct pdf *d, uint32_t lo, uint32_t hi, const uint8_t *p, size_t n)
{
	struct range	*r;

	if (d->nrange == CMAP_ENTRIES_MAX || hi < lo)
		return;
	r = &d->range[d->nrange++];
	r->lo = lo;
	r->hi = hi;
	dest_of(p, n, r->to);
}

static int
range_cmp(const void *a, const void *b)
{
	const struct range	*x = a, *y = b;

	return (x->lo < y->lo ? -1 : x->lo > y->lo);
}

static void
cmap_read(struct pdf *d, const uint8_t *p, size_t len, uint32_t object)
{
	static struct lex	 l;
	struct cmap		*c;
	enum { NONE, SPACE, CHAR, RANGE } mode;
	enum token		 t;
	double			 num;
	uint32_t		 v[2];
	unsigned int		 have;
	int			 list;

	if (d->ncmap == PDF_CMAPS_MAX) {
		d->out->cut = 1;
		return;
	}
	c = &d->cmap[d->ncmap++];
	memset(c, 0, sizeof(*c));
	c->object = object;
	c->first = d->nrange;
	mode = NONE;
	have = 0;
	list = 0;
	v[0] = v[1] = 0;
	l.p = p;
	l.end = p + len;
	while ((t = lex_next(&l, &num)) != T_END) {
		if (t == T_WORD) {
			mode = strcmp((char *)l.str, "beginbfchar") == 0 ?
			    CHAR : strcmp((char *)l.str, "beginbfrange") == 0 ?
			    RANGE : strcmp((char *)l.str,
			    "begincodespacerange") == 0 ? SPACE : NONE;
			have = 0;
			list = 0;
		} else if (t == T_OTHER && l.n == 1 && have == 2) {
			list = l.str[0] == '[';
			if (!list)
				have = 0;
		} else if (t == T_STRING && mode != NONE) {
			if (mode == SPACE && l.n >= 2)
				c->wide = 1;
			if (mode == CHAR && have == 1) {
				range_add(d, v[0], v[0], l.str, l.n);
				have = 0;
			} else if (mode == RANGE && have == 2) {
				range_add(d, v[0], list ? v[0] : v[1], l.str,
				    l.n);
				if (list)
					v[0]++;
				else
					have = 0;
			} else if (mode != SPACE)
				v[have++] = code_of(l.str, l.n);
		}
	}
	c->n = d->nrange - c->first;
	if (c->n > 0)
		qsort(d->range + c->first, c->n, sizeof(*d->range), range_cmp);
}

/* First walk: tables, and dictionaries wherever they are. */
static int
refs_stream(void *arg, uint32_t object, const uint8_t *dict, size_t dictlen,
    const uint8_t *p, size_t len)
{
	struct pdf	*d = arg;

	if (p == NULL)
		refs_scan(d, dict, dictlen, 0);
	else if (pdf_has(dict, dictlen, "ObjStm"))
		objects_scan(d, p, len);
	else if (memmem(p, len, "beginbf", 7) != NULL)
		cmap_read(d, p, len, object);
	return (1);
}

static const struct cmap *
cmap_find(const struct pdf *d, uint32_t object)
{
	uint32_t	 i;

	for (i = 0; i < d->ncmap; i++)
		if (d->cmap[i].object == object)
			return (&d->cmap[i]);
	return (NULL);
}

static int
meaning_cmp(const void *a, const void *b)
{
	const struct meaning	*x = a, *y = b;
	int			 c;

	if ((c = strncmp(x->name, y->name, NAME_LEN)) != 0)
		return (c);
	return (x->cmap < y->cmap ? -1 : x->cmap > y->cmap);
}

/* Between the walks: which names can mean which tables? */
static void
meanings_make(struct pdf *d)
{
	const struct cmap	*c;
	struct meaning		*m;
	uint32_t		 i, k, n;

	for (i = 0; i < d->nname; i++) {
		for (k = 0; k < d->nfont; k++)
			if (d->font[k].object == d->name[i].object)
				break;
		if (k == d->nfont)
			continue;
		c = cmap_find(d, d->font[k].table);
		if (c == NULL && d->font[k].table != FONT_UTF16)
			continue;
		m = &d->meaning[d->nmeaning++];
		memcpy(m->name, d->name[i].name, NAME_LEN);
		m->cmap = c;
	}
	if (d->nmeaning == 0)
		return;
	qsort(d->meaning, d->nmeaning, sizeof(*m), meaning_cmp);
	for (i = n = 1; i < d->nmeaning; i++)
		if (meaning_cmp(&d->meaning[i], &d->meaning[n - 1]) != 0)
			d->meaning[n++] = d->meaning[i];
	d->nmeaning = n;
}

/* ---- content ---- */

static const struct range *
range_find(const struct pdf *d, const struct cmap *c, uint32_t code)
{
	uint32_t	 hi, lo, mid;

	for (lo = 0, hi = c->n; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (d->range[c->first + mid].lo <= code)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || d->range[c->first + lo - 1].hi < code)
		return (NULL);
	return (&d->range[c->first + lo - 1]);
}

/* The nth of what a name can mean, or NULL. */
static const struct meaning *
meaning_find(const struct pdf *d, const char *name, unsigned int nth)
{
	uint32_t	 hi, lo, mid;

	for (lo = 0, hi = d->nmeaning; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (strncmp(d->meaning[mid].name, name, NAME_LEN) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (nth >= d->nmeaning - lo ||
	    strncmp(d->meaning[lo + nth].name, name, NAME_LEN) != 0)
		return (NULL);
	return (&d->meaning[lo + nth]);
}

/* The font of that name which is meant for this pass. */
static void
font_set(struct pdf *d, const char *name)
{
	const struct meaning	*m;

	m = meaning_find(d, name, d->pass);
	d->silent = m == NULL && d->pass > 0;
	d->cur = m == NULL ? NULL : m->cmap;
	d->utf16 = m != NULL && m->cmap == NULL;
	if (d->passes > d->pass + 1 ||
	    meaning_find(d, name, d->pass + 1) == NULL)
		return;
	if (d->passes < PASSES_MAX)
		d->passes++;
	else
		d->out->cut = 1;
}

static void
show(struct pdf *d, const uint8_t *p, size_t n)
{
	const struct range	*r;
	uint32_t		 code;
	size_t			 i, k, step;

	if (d->silent)
		return;
	if (d->y > d->shown || d->y < d->shown)
		textout_char(d->out, '\n');
	d->shown = d->y;
	step = d->utf16 || (d->cur != NULL && d->cur->wide) ? 2 : 1;
	for (i = 0; i + step <= n; i += step) {
		code = code_of(p + i, step);
		if (d->cur == NULL) {
			if (d->utf16 && code >= 0xd800 && code < 0xdc00 &&
			    i + 3 < n) {
				code = 0x10000 + ((code & 0x3ff) << 10) +
				    (code_of(p + i + 2, 2) & 0x3ff);
				i += 2;
			}
			textout_char(d->out, code);
			continue;
		}
		if ((r = range_find(d, d->cur, code)) == NULL) {
			textout_char(d->out, code < 0x80 ? code : 0xfffd);
			continue;
		}
		for (k = 0; k < 3 && r->to[k] != 0; k++)
			textout_char(d->out, r->to[k] + (k == 0 ?
			    code - r->lo : 0));
	}
}

/* Operators that move (9.4.2); v has the numbers in front, the last first. */
static void
operate(struct pdf *d, const char *op, const double *v)
{
	if (strcmp(op, "BT") == 0)
		d->y = 0;
	else if (strcmp(op, "Td") == 0 || strcmp(op, "TD") == 0)
		d->y += v[0];
	else if (strcmp(op, "Tm") == 0)
		d->y = v[0];
	else if (strcmp(op, "T*") == 0 || op[0] == '\'' || op[0] == '"')
		d->y -= 1;
}

/* Second walk. */
static int
show_stream(void *arg, uint32_t object, const uint8_t *dict, size_t dictlen,
    const uint8_t *p, size_t len)
{
	static struct lex	 l;
	static uint8_t		 held[STRING_MAX];
	char			 name[NAME_LEN];
	struct pdf		*d = arg;
	double			 num, v[2];
	enum token		 t;
	size_t			 nheld;
	int			 list;

	if (p == NULL || pdf_has(dict, dictlen, "ObjStm") ||
	    memmem(p, len, "beginbf", 7) != NULL ||
	    memmem(p, len, "BT", 2) == NULL)
		return (1);
	memset(v, 0, sizeof(v));
	nheld = 0;
	list = 0;
	name[0] = '\0';
	d->cur = NULL;
	d->utf16 = 0;
	d->silent = d->pass > 0;
	l.p = p;
	l.end = p + len;
	while (d->out->left > 0 && (t = lex_next(&l, &num)) != T_END) {
		switch (t) {
		case T_NUMBER:
			v[1] = v[0];
			v[0] = num;
			if (list && num < GAP && !d->silent)
				textout_char(d->out, ' ');
			break;
		case T_NAME:
			memcpy(name, l.str, NAME_LEN);
			break;
		case T_STRING:
			if (list) {
				show(d, l.str, l.n);
				break;
			}
			memcpy(held, l.str, l.n);
			nheld = l.n;
			break;
		case T_OTHER:
			if (l.n == 1)
				list = l.str[0] == '[';
			break;
		case T_WORD:
			if (strcmp((char *)l.str, "Tf") == 0)
				font_set(d, name);
			else
				operate(d, (char *)l.str, v);
			if (strcmp((char *)l.str, "Tj") == 0 ||
			    l.str[0] == '\'' || l.str[0] == '"')
				show(d, held, nheld);
			nheld = 0;
			break;
		default:
			break;
		}
	}
	textout_char(d->out, '\n');
	return (d->out->left > 0);
}

void
pdf_text(const uint8_t *p, size_t len, struct textout *out)
{
	struct pdf	*d;

	if ((d = calloc(1, sizeof(*d))) == NULL) {
		out->cut = 1;
		return;
	}
	d->out = out;
	d->range = calloc(CMAP_ENTRIES_MAX, sizeof(*d->range));
	if (d->range == NULL || pdf_has(p, len, "Encrypt"))
		out->cut = 1;
	else {
		if (pdf_streams(p, len, refs_stream, d) == -1)
			out->cut = 1;
		meanings_make(d);
		d->passes = 1;
		for (d->pass = 0; d->pass < d->passes; d->pass++)
			if (pdf_streams(p, len, show_stream, d) == -1)
				out->cut = 1;
	}
	free(d->range);
	free(d);
}

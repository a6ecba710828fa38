/* SPDX-License-Identifier: ISC */

/*
 * HTML as text, in one pass over its tokens.
 *
 * No tree is built: a sender can nest a hundred thousand elements, and all
 * that is asked is what a person would read.  Tags inside of a word vanish,
 * those that begin a line are a blank; comments, scripts and styles are not
 * read; elements that are hidden are read apart, so that what is put between
 * the letters of a word and not shown does not hide the word.  Attributes
 * that are shown or followed (alt, title, href ...) are read with the hidden
 * text.
 */

#include <string.h>
#include <strings.h>

#include "utf8.h"

#include "css.h"
#include "html.h"
#include "entities.h"

#define NAME_MAX_LEN	16	/* of a tag that means something */
#define META_BYTES	1024
#define NENTITIES	(sizeof(entity_names) / sizeof(entity_names[0]))

/* Reading, and where it goes. */
struct html {
	const uint8_t	*p;
	const uint8_t	*end;
	struct html_out	*shown;
	struct html_out	*hidden;
	const struct css *css;		/* NULL: no style sheet counts */
	int		 sheet_hid;	/* it has hidden something */
	int		 is_inner;	/* of a conditional comment */
	char		 inside[NAME_MAX_LEN];	/* the element that hides */
	unsigned int	 depth;		/* of elements of its name; 0: shown */
};

/* A tag that was read. */
struct tag {
	char		 name[NAME_MAX_LEN];	/* lower case, cut */
	size_t		 len;
	int		 is_end;
	int		 is_hidden;	/* by its attributes */
};

static int	 is_blank(uint8_t);
static void	 put(struct html_out *, const void *, size_t);
static void	 put_code(struct html_out *, uint32_t);
static struct html_out *out(struct html *);
static int	 name_in(const char *, const char *const *, size_t);
static const struct entity_name *entity_find(const char *, size_t);
static const uint8_t *numeric(const uint8_t *, const uint8_t *,
		    struct html_out *);
static void	 put_decoded(struct html_out *, const uint8_t *,
		    const uint8_t *, int);
static const uint8_t *skip_until(const uint8_t *, const uint8_t *,
		    const char *);
static void	 by_sheet(struct html *, struct tag *, enum css_kind,
		    const uint8_t *, size_t);
static void	 classes(struct html *, struct tag *, const uint8_t *, size_t);
static void	 attribute(struct html *, struct tag *, const uint8_t *, size_t,
		    const uint8_t *, size_t);
static void	 attributes(struct html *, struct tag *);
static const uint8_t *find_tag(const uint8_t *, const uint8_t *,
		    const char *, size_t);
static void	 tag_done(struct html *, struct tag *);
static void	 comment(struct html *, const uint8_t *);
static void	 markup(struct html *);
static void	 read_all(struct html *);

/* They begin a line or a cell. */
static const char *const	 blocks[] = {
	"address", "article", "aside", "blockquote", "body", "br", "button",
	"caption", "center", "dd", "details", "dir", "div", "dl", "dt",
	"fieldset", "figcaption", "figure", "footer", "form", "h1", "h2",
	"h3", "h4", "h5", "h6", "head", "header", "hr", "html", "iframe",
	"img", "input", "legend", "li", "main", "menu", "nav", "ol", "optgroup",
	"option", "p", "pre", "section", "select", "summary", "table",
	"tbody", "td", "textarea", "tfoot", "th", "thead", "title", "tr",
	"ul",
};

/* They have no end tag, so they cannot hide what follows. */
static const char *const	 voids[] = {
	"area", "base", "br", "col", "embed", "hr", "img", "input", "link",
	"meta", "param", "source", "track", "wbr",
};

/* Attributes that a person reads, or a mail program follows. */
static const char *const	 read_attrs[] = {
	"action", "alt", "aria-label", "background", "cite", "content",
	"data", "formaction", "href", "label", "placeholder", "src",
	"summary", "title", "value",
};

static int
is_blank(uint8_t c)
{
	return (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f');
}

static void
put(struct html_out *o, const void *p, size_t len)
{
	if (len > o->cap - o->len) {
		o->full = 1;
		return;
	}
	memcpy(o->buf + o->len, p, len);
	o->len += len;
}

static void
put_code(struct html_out *o, uint32_t c)
{
	uint8_t	 b[4];

	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	put(o, b, utf8_put(b, c));
}

static struct html_out *
out(struct html *h)
{
	return (h->depth > 0 ? h->hidden : h->shown);
}

static int
name_in(const char *name, const char *const *list, size_t n)
{
	size_t	 lo, hi, mid;
	int	 d;

	lo = 0;
	hi = n;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		d = strcmp(name, list[mid]);
		if (d == 0)
			return (1);
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return (0);
}

/* The table is sorted as bytes. */
static const struct entity_name *
entity_find(const char *name, size_t len)
{
	size_t	 lo, hi, mid;
	int	 d;

	lo = 0;
	hi = NENTITIES;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		d = strncmp(name, entity_names[mid].name, len);
		if (d == 0 && entity_names[mid].name[len] == '\0')
			return (&entity_names[mid]);
		if (d <= 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return (NULL);
}

/* "&#1234;" and "&#x4d2;", with or without the semicolon; p is behind "#". */
static const uint8_t *
numeric(const uint8_t *p, const uint8_t *end, struct html_out *o)
{
	/* 0x80 to 0x9f are meant as Windows-1252, HTML 5 section 13.2.5.80. */
	static const uint16_t	 windows[32] = {
		0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021,
		0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
		0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
		0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178
	};
	const uint8_t		*begin;
	uint32_t		 c;
	unsigned int		 d, base;

	base = 10;
	if (p < end && (*p | 0x20) == 'x') {
		base = 16;
		p++;
	}
	c = 0;
	for (begin = p; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			d = *p - '0';
		else if (base == 16 && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			d = (*p | 0x20) - 'a' + 10U;
		else
			break;
		if (c <= 0x10ffff)
			c = c * base + d;
	}
	if (p == begin)
		return (NULL);
	if (c >= 0x80 && c <= 0x9f)
		c = windows[c - 0x80];
	put_code(o, c);
	return (p < end && *p == ';' ? p + 1 : p);
}

const uint8_t *
html_reference(const uint8_t *p, const uint8_t *end, struct html_out *o,
    int in_attr)
{
	const struct entity_name	*e;
	const char			*name;
	size_t				 n;

	if (p < end && *p == '#')
		return (numeric(p + 1, end, o));
	name = (const char *)p;
	for (n = 0; p + n < end && n < 32 && ((p[n] | 0x20) >= 'a' ?
	    (p[n] | 0x20) <= 'z' : p[n] >= '0' && p[n] <= '9'); n++)
		continue;
	if (n > 0 && p + n < end && p[n] == ';' &&
	    (e = entity_find(name, n)) != NULL) {
		put(o, e->text, strlen(e->text));
		return (p + n + 1);
	}
	/* Old ones need no semicolon; in attributes they may be parameters. */
	if (in_attr && p + n < end && p[n] == '=')
		return (NULL);
	for (; n > 1; n--) {
		if ((e = entity_find(name, n)) == NULL || !e->loose)
			continue;
		put(o, e->text, strlen(e->text));
		return (p + n);
	}
	return (NULL);
}

/* Text with its references resolved. */
static void
put_decoded(struct html_out *o, const uint8_t *p, const uint8_t *end,
    int in_attr)
{
	const uint8_t	*amp, *next;

	while (p < end) {
		amp = memchr(p, '&', (size_t)(end - p));
		if (amp == NULL)
			amp = end;
		put(o, p, (size_t)(amp - p));
		if (amp == end)
			return;
		next = html_reference(amp + 1, end, o, in_attr);
		if (next == NULL) {
			put(o, "&", 1);
			next = amp + 1;
		}
		p = next;
	}
}

/* Behind the next occurrence of what ends something; the end without one. */
static const uint8_t *
skip_until(const uint8_t *p, const uint8_t *end, const char *what)
{
	const uint8_t	*q;

	q = memmem(p, (size_t)(end - p), what, strlen(what));
	return (q == NULL ? end : q + strlen(what));
}

/* Hidden if a style sheet says so of that name. */
static void
by_sheet(struct html *h, struct tag *t, enum css_kind kind, const uint8_t *p,
    size_t len)
{
	if (!t->is_hidden && css_hides(h->css, kind, p, len))
		t->is_hidden = h->sheet_hid = 1;
}

static void
classes(struct html *h, struct tag *t, const uint8_t *p, size_t len)
{
	const uint8_t	*end, *q;

	for (end = p + len; p < end; p = q) {
		while (p < end && is_blank(*p))
			p++;
		for (q = p; q < end && !is_blank(*q); q++)
			continue;
		by_sheet(h, t, CSS_CLASS, p, (size_t)(q - p));
	}
}

static void
attribute(struct html *h, struct tag *t, const uint8_t *name, size_t nlen,
    const uint8_t *value, size_t vlen)
{
	char	 low[NAME_MAX_LEN];
	size_t	 i;

	if (nlen >= sizeof(low) || t->is_end)
		return;
	for (i = 0; i < nlen; i++)
		low[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ?
		    name[i] | 0x20 : name[i]);
	low[nlen] = '\0';
	if (strcmp(low, "style") == 0)
		t->is_hidden |= css_style_hides(value, vlen);
	else if (h->css != NULL && strcmp(low, "class") == 0)
		classes(h, t, value, vlen);
	else if (h->css != NULL && strcmp(low, "id") == 0)
		by_sheet(h, t, CSS_ID, value, vlen);
	else if (strcmp(low, "hidden") == 0)
		t->is_hidden = 1;
	else if (vlen > 0 && name_in(low, read_attrs,
	    sizeof(read_attrs) / sizeof(read_attrs[0]))) {
		put(h->hidden, "\n", 1);
		put_decoded(h->hidden, value, value + vlen, 1);
	}
}

/* From behind a tag's name to behind its ">". */
static void
attributes(struct html *h, struct tag *t)
{
	const uint8_t	*name, *value, *q;
	size_t		 nlen, vlen;

	while (h->p < h->end && *h->p != '>') {
		if (is_blank(*h->p) || *h->p == '/') {
			h->p++;
			continue;
		}
		name = h->p++;
		while (h->p < h->end && !is_blank(*h->p) && *h->p != '=' &&
		    *h->p != '>' && *h->p != '/')
			h->p++;
		nlen = (size_t)(h->p - name);
		for (q = h->p; q < h->end && is_blank(*q); q++)
			continue;
		value = q;
		vlen = 0;
		if (q < h->end && *q == '=') {
			for (q++; q < h->end && is_blank(*q); q++)
				continue;
			value = q;
			if (q < h->end && (*q == '"' || *q == '\'')) {
				value++;
				h->p = memchr(value, *q,
				    (size_t)(h->end - value));
				if (h->p == NULL)
					h->p = h->end;
				vlen = (size_t)(h->p - value);
				h->p += h->p < h->end;
			} else {
				while (q < h->end && !is_blank(*q) &&
				    *q != '>')
					q++;
				vlen = (size_t)(q - value);
				h->p = q;
			}
		}
		attribute(h, t, name, nlen, value, vlen);
	}
	h->p += h->p < h->end;
}

/* Where a tag begins that begins with that, in any case, or the end. */
static const uint8_t *
find_tag(const uint8_t *p, const uint8_t *end, const char *what, size_t len)
{
	for (; p < end; p++) {
		p = memchr(p, '<', (size_t)(end - p));
		if (p == NULL || (size_t)(end - p) <= len)
			break;
		if (strncasecmp((const char *)p, what, len) == 0)
			return (p);
	}
	return (end);
}

/* What a whole tag means for the text around it. */
static void
tag_done(struct html *h, struct tag *t)
{
	static const char *const	 raw[] = {
		"noembed", "noframes", "plaintext", "script", "style", "xmp"
	};
	char				 close[NAME_MAX_LEN + 3];
	const uint8_t			*q;

	if (h->css != NULL && !t->is_end)
		by_sheet(h, t, CSS_TAG, (const uint8_t *)t->name, t->len);
	/* What is not shown breaks no line either. */
	if ((h->depth > 0 || !t->is_hidden) &&
	    name_in(t->name, blocks, sizeof(blocks) / sizeof(blocks[0])))
		put(out(h), " ", 1);
	if (h->depth > 0 && strcmp(t->name, h->inside) == 0) {
		if (t->is_end)
			h->depth--;
		else
			h->depth++;
	} else if (h->depth == 0 && t->is_hidden && !name_in(t->name, voids,
	    sizeof(voids) / sizeof(voids[0]))) {
		memcpy(h->inside, t->name, sizeof(h->inside));
		h->depth = 1;
		put(h->hidden, "\n", 1);
	}
	if (t->is_end || !name_in(t->name, raw,
	    sizeof(raw) / sizeof(raw[0])))
		return;
	/* Up to its end tag, in any case of letters. */
	close[0] = '<';
	close[1] = '/';
	memcpy(close + 2, t->name, t->len + 1);
	q = find_tag(h->p, h->end, close, t->len + 2);
	/* These are shown as they are written. */
	if (strcmp(t->name, "xmp") == 0)
		put(out(h), h->p, (size_t)(q - h->p));
	else if (strcmp(t->name, "plaintext") == 0) {
		q = h->end;
		put(out(h), h->p, (size_t)(q - h->p));
	}
	h->p = q;
}

/*
 * A comment, from its first dash on; "<!-->" and "<!--->" are whole ones.
 * Outlook shows what is in "<!--[if ...]>", and no one else does, so that is
 * read apart.
 */
static void
comment(struct html *h, const uint8_t *p)
{
	struct html	 inner;
	const uint8_t	*end, *odd;

	end = skip_until(p, h->end, "-->");
	/* An odd end, and an end all the same: HTML 5, 13.2.5.52. */
	odd = skip_until(p + 2, end, "--!>");
	if (odd < end)
		end = odd;
	h->p = end;
	if (h->is_inner || end - p < 6 || p[2] != '[' ||
	    strncasecmp((const char *)p + 3, "if", 2) != 0)
		return;
	memset(&inner, 0, sizeof(inner));
	inner.p = skip_until(p, end, "]>");
	inner.end = end;
	inner.shown = inner.hidden = h->hidden;
	inner.is_inner = 1;
	put(h->hidden, "\n", 1);
	read_all(&inner);
}

/* Something that begins with "<"; p is there. */
static void
markup(struct html *h)
{
	struct tag	 t;
	const uint8_t	*p;

	p = h->p + 1;
	if (h->end - p >= 3 && memcmp(p, "!--", 3) == 0) {
		comment(h, p + 1);
		return;
	}
	if (p < h->end && (*p == '!' || *p == '?')) {
		h->p = skip_until(p, h->end, ">");
		return;
	}
	memset(&t, 0, sizeof(t));
	if (p < h->end && *p == '/') {
		t.is_end = 1;
		p++;
	}
	if (p == h->end || (*p | 0x20) < 'a' || (*p | 0x20) > 'z') {
		put(out(h), "<", 1);
		h->p++;
		return;
	}
	for (; p < h->end && !is_blank(*p) && *p != '>' && *p != '/'; p++)
		if (t.len < sizeof(t.name) - 1)
			t.name[t.len++] = (char)(*p >= 'A' && *p <= 'Z' ?
			    *p | 0x20 : *p);
	h->p = p;
	attributes(h, &t);
	tag_done(h, &t);
}

static void
read_all(struct html *h)
{
	const uint8_t	*lt;

	while (h->p < h->end) {
		lt = memchr(h->p, '<', (size_t)(h->end - h->p));
		if (lt == NULL)
			lt = h->end;
		put_decoded(out(h), h->p, lt, 0);
		h->p = lt;
		if (lt < h->end)
			markup(h);
	}
}

int
html_text(const uint8_t *p, size_t len, const struct css *css,
    struct html_out *shown, struct html_out *hidden)
{
	struct html	 h;

	memset(&h, 0, sizeof(h));
	h.p = p;
	h.end = p + len;
	h.shown = shown;
	h.hidden = hidden;
	h.css = css;
	read_all(&h);
	return (h.sheet_hid);
}

void
html_sheets(const uint8_t *p, size_t len, struct css *css)
{
	static const char	 tag[] = "<style", close[] = "</style";
	const uint8_t		*end, *q;

	css->n = 0;
	for (end = p + len; p < end; p = q) {
		q = find_tag(p, end, tag, sizeof(tag) - 1);
		q = skip_until(q, end, ">");
		p = q;
		q = find_tag(p, end, close, sizeof(close) - 1);
		css_read(css, p, (size_t)(q - p));
	}
}

const char *
html_charset(const uint8_t *p, size_t len, size_t *n)
{
	const uint8_t	*q, *end;

	if (len > META_BYTES)
		len = META_BYTES;
	end = p + len;
	for (q = p; (size_t)(end - q) > 8; q++) {
		if (strncasecmp((const char *)q, "charset=", 8) != 0)
			continue;
		q += 8;
		while (q < end && (*q == '"' || *q == '\'' || is_blank(*q)))
			q++;
		for (*n = 0; q + *n < end && q[*n] > ' ' && q[*n] != '"' &&
		    q[*n] != '\'' && q[*n] != ';' && q[*n] != '>' &&
		    q[*n] != '/'; (*n)++)
			continue;
		return (*n > 0 ? (const char *)q : NULL);
	}
	return (NULL);
}

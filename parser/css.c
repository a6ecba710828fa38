/* SPDX-License-Identifier: ISC */

/*
 * Style sheets, as far as they hide text.
 *
 * Which rule wins over which, and in which window, takes a browser to know.
 * So a rule is believed to hide whatever has the last name of its selector,
 * and the text is read both ways by who asks.  What stands in "@media" and
 * the like is for some windows only and does not count.
 */

#include <string.h>

#include "css.h"

#define WINDOW	24	/* longer than all that hides */

/* The end of what was read of a style, without blanks and comments. */
struct window {
	char	 last[128];
	size_t	 n;
	int	 is_zero;	/* it hides, if no digit follows */
};

static int	 is_blank(uint8_t);
static int	 style_byte(struct window *, uint8_t);
static int	 is_name(uint8_t);
static uint8_t	 lower(uint8_t);
static const uint8_t *skip_until(const uint8_t *, const uint8_t *,
		    const char *);
static const uint8_t *style_skip(const uint8_t *, const uint8_t *);
static const uint8_t *skip_at_rule(const uint8_t *, const uint8_t *);
static void	 selector(struct css *, const uint8_t *, const uint8_t *);
static void	 selectors(struct css *, const uint8_t *, const uint8_t *);

static int
is_blank(uint8_t c)
{
	return (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f');
}

static int
is_name(uint8_t c)
{
	return ((lower(c) >= 'a' && lower(c) <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c >= 0x80);
}

static uint8_t
lower(uint8_t c)
{
	return (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static const uint8_t *
skip_until(const uint8_t *p, const uint8_t *end, const char *what)
{
	const uint8_t	*q;

	q = memmem(p, (size_t)(end - p), what, strlen(what));
	return (q == NULL ? end : q + strlen(what));
}

/* Behind the blanks and comments of a style. */
static const uint8_t *
style_skip(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		if (is_blank(*p))
			p++;
		else if (end - p >= 2 && p[0] == '/' && p[1] == '*')
			p = skip_until(p + 2, end, "*/");
		else
			break;
	}
	return (p);
}

/* One byte more of declarations: is what hides now complete? */
static int
style_byte(struct window *w, uint8_t c)
{
	static const char *const	 hides[] = {
		"display:none", "visibility:hidden", "font-size:0",
		"opacity:0", "max-height:0", "mso-hide:all"
	};
	size_t				 i, n;

	/* "font-size:0.9em" can be read. */
	if (w->is_zero && c != '.' && (c < '0' || c > '9'))
		return (1);
	w->is_zero = 0;
	if (w->n == sizeof(w->last)) {
		memmove(w->last, w->last + sizeof(w->last) - WINDOW, WINDOW);
		w->n = WINDOW;
	}
	w->last[w->n++] = (char)c;
	for (i = 0; i < sizeof(hides) / sizeof(hides[0]); i++) {
		n = strlen(hides[i]);
		if (w->n < n || memcmp(w->last + w->n - n, hides[i], n) != 0)
			continue;
		if (c != '0')
			return (1);
		w->is_zero = 1;
	}
	return (0);
}

/* Blanks and comments do not count; each byte is looked at once. */
int
css_style_hides(const uint8_t *p, size_t len)
{
	const uint8_t	*end;
	struct window	 w;

	memset(&w, 0, sizeof(w));
	for (end = p + len; (p = style_skip(p, end)) < end; p++)
		if (style_byte(&w, lower(*p)))
			return (1);
	return (w.is_zero);
}

/* From behind the '@' to behind its ';' or its block, with blocks in it. */
static const uint8_t *
skip_at_rule(const uint8_t *p, const uint8_t *end)
{
	unsigned int	 depth;

	depth = 0;
	for (; p < end; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && (depth == 0 || --depth == 0))
			return (p + 1);
		else if (*p == ';' && depth == 0)
			return (p + 1);
	}
	return (end);
}

/* One of them: what its last name is. */
static void
selector(struct css *css, const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*name, *q;
	size_t		 i, len;
	enum css_kind	 kind;

	while (end > p && is_blank(end[-1]))
		end--;
	/* ".x:first-child", ".x[lang]": only some of them, but still. */
	for (q = end; q > p && !is_blank(q[-1]) && q[-1] != '>' &&
	    q[-1] != '+' && q[-1] != '~'; q--)
		if (q[-1] == ':' || q[-1] == '[')
			end = q - 1;
	for (name = end; name > q && is_name(name[-1]); name--)
		continue;
	len = (size_t)(end - name);
	if (len == 0 || len > CSS_NAME_LEN || css->n == CSS_NAMES_MAX)
		return;
	kind = name == q ? CSS_TAG : name[-1] == '.' ? CSS_CLASS :
	    name[-1] == '#' ? CSS_ID : CSS_TAG;
	if (css_hides(css, kind, name, len))
		return;
	css->name[css->n].kind = (uint8_t)kind;
	css->name[css->n].len = (uint8_t)len;
	for (i = 0; i < len; i++)
		css->name[css->n].text[i] = (char)lower(name[i]);
	css->n++;
}

static void
selectors(struct css *css, const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*comma;

	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (comma == NULL)
			comma = end;
		selector(css, p, comma);
		if (comma == end)
			break;
	}
}

void
css_read(struct css *css, const uint8_t *p, size_t len)
{
	const uint8_t	*close, *end, *open;

	end = p + len;
	while ((p = style_skip(p, end)) < end && css->n < CSS_NAMES_MAX) {
		if (*p == '@') {
			p = skip_at_rule(p + 1, end);
			continue;
		}
		if ((open = memchr(p, '{', (size_t)(end - p))) == NULL)
			return;
		if ((close = memchr(open, '}', (size_t)(end - open))) == NULL)
			close = end;
		if (css_style_hides(open + 1, (size_t)(close - open - 1)))
			selectors(css, p, open);
		p = close + (close < end);
	}
}

int
css_hides(const struct css *css, enum css_kind kind, const uint8_t *p,
    size_t len)
{
	unsigned int	 i;
	size_t		 k;

	for (i = 0; i < css->n; i++) {
		if (css->name[i].kind != kind || css->name[i].len != len)
			continue;
		for (k = 0; k < len && (uint8_t)css->name[i].text[k] ==
		    lower(p[k]); k++)
			continue;
		if (k == len)
			return (1);
	}
	return (0);
}

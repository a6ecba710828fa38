/* SPDX-License-Identifier: ISC */

/*
 * Parameters (RFC 2045 section 5.1, RFC 2231).
 *
 * The sender wants a boundary or a file name that we read in one way and the
 * reader's program in another: unclosed quotes, escapes, comments, blanks,
 * pieces in the wrong order, a plain and an encoded form that differ, the
 * same name twice.  So there is no value of a parameter here but a list of
 * readings, and the caller tries all of them.
 *
 * One pass over the text; PARSE_PARAMS_MAX parameters; a value longer than
 * PARAM_VALUE_MAX is cut, since nothing that long is used.
 */

#include <stdlib.h>
#include <string.h>

#include "parts.h"

#include "decode.h"
#include "params.h"

static int	 is_ws(int);
static const uint8_t *comment_skip(struct params *, const uint8_t *,
		    const uint8_t *);
static const uint8_t *gap_skip(struct params *, const uint8_t *,
		    const uint8_t *);
static const uint8_t *name_parse(struct params *, struct param *,
		    const uint8_t *, const uint8_t *);
static void	 name_stars(struct params *, struct param *);
static const uint8_t *value_quoted(struct params *, struct param *,
		    const uint8_t *, const uint8_t *);
static const uint8_t *value_plain(struct params *, struct param *,
		    const uint8_t *, const uint8_t *);
static void	 literal_set(struct param *, const uint8_t *,
		    const uint8_t *);
static size_t	 ext_charset(struct pvalue *, const uint8_t *, size_t);
static size_t	 ext_decode(struct params *, const uint8_t *, size_t,
		    uint8_t *, size_t);
static size_t	 unescape(const uint8_t *, size_t, uint8_t *, size_t);
static int	 section_cmp(const void *, const void *);
static void	 value_join(struct params *, const struct param **, size_t,
		    struct pvalue *);
static void	 value_add(struct pvalue *, size_t *, const struct pvalue *);
static int	 pieces_join(struct params *, const struct param *const *,
		    size_t, int, struct pvalue *, size_t *);
static void	 value_sections(struct params *, const char *,
		    struct pvalue *, size_t *);

static int
is_ws(int c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/*
 * p is at "("; returns what is behind the comment, nested ones counted.  One
 * that is never closed is no comment, and nothing after it is: the text is
 * not searched to its end a second time.
 */
static const uint8_t *
comment_skip(struct params *ps, const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*q;
	size_t		 depth;

	ps->anomalies |= ANOMALY(A_BAD_PARAM);
	if (ps->no_comments)
		return (p + 1);
	depth = 0;
	for (q = p; q < end; q++) {
		if (*q == '\\' && end - q > 1)
			q++;
		else if (*q == '(')
			depth++;
		else if (*q == ')' && --depth == 0)
			return (q + 1);
	}
	ps->no_comments = 1;
	return (p + 1);
}

static const uint8_t *
gap_skip(struct params *ps, const uint8_t *p, const uint8_t *end)
{
	while (p < end && (is_ws(*p) || *p == ';' || *p == '(')) {
		if (*p == '(')
			p = comment_skip(ps, p, end);
		else
			p++;
	}
	return (p);
}

/* "*N", "*N*" and "*" at the end of a name. */
static void
name_stars(struct params *ps, struct param *q)
{
	size_t	 i, n;

	n = q->name_len;
	q->section = -1;
	if (n > 0 && q->name[n - 1] == '*') {
		q->is_ext = 1;
		n--;
	}
	for (i = n; i > 0 && q->name[i - 1] >= '0' && q->name[i - 1] <= '9';)
		i--;
	if (i > 0 && i < n && q->name[i - 1] == '*') {
		q->section = 0;
		for (n = i - 1; i < q->name_len && q->name[i] != '*'; i++)
			if (q->section <= PARAM_SECTION_MAX)
				q->section = q->section * 10 +
				    (q->name[i] - '0');
		if (q->section > PARAM_SECTION_MAX)
			ps->anomalies |= ANOMALY(A_BAD_PARAM);
	}
	q->name_len = n;
}

/* Returns what is behind the "=", or NULL with *q unused. */
static const uint8_t *
name_parse(struct params *ps, struct param *q, const uint8_t *p,
    const uint8_t *end)
{
	memset(q, 0, sizeof(*q));
	while (p < end && *p != '=' && *p != ';') {
		if (*p == '(') {
			p = comment_skip(ps, p, end);
			continue;
		}
		if (!is_ws(*p) && q->name_len < sizeof(q->name))
			q->name[q->name_len++] = (char)(*p >= 'A' &&
			    *p <= 'Z' ? *p + 0x20 : *p);
		p++;
	}
	if (p == end || *p == ';') {
		ps->anomalies |= ANOMALY(A_BAD_PARAM);
		return (NULL);
	}
	name_stars(ps, q);
	return (p + 1);
}

/* The text from p to end without blanks and quotes around it. */
static void
literal_set(struct param *q, const uint8_t *p, const uint8_t *end)
{
	while (p < end && (is_ws(*p) || *p == '"'))
		p++;
	while (end > p && (is_ws(end[-1]) || end[-1] == '"'))
		end--;
	q->literal = p;
	q->literal_len = (size_t)(end - p);
}

/* p is behind the opening quote.  Returns what follows the value. */
static const uint8_t *
value_quoted(struct params *ps, struct param *q, const uint8_t *p,
    const uint8_t *end)
{
	const uint8_t	*begin, *close, *semi;

	begin = p;
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && end - p > 1) {
			q->is_escaped = 1;
			p++;
		}
	close = p;
	q->value = begin;
	q->len = (size_t)(close - begin);
	if (q->len > PARAM_VALUE_MAX)
		q->len = PARAM_VALUE_MAX;
	if (close == end) {
		/* Never closed: some readers end it at the semicolon. */
		ps->anomalies |= ANOMALY(A_BAD_PARAM);
		semi = memchr(begin, ';', (size_t)(end - begin));
		literal_set(q, begin, semi == NULL ? end : semi);
		return (semi == NULL ? end : semi);
	}
	if (q->is_escaped)
		literal_set(q, begin, close);
	/* Anything more before the semicolon may belong to the value. */
	for (p = close + 1; p < end && is_ws(*p); p++)
		continue;
	if (p == end || *p == ';')
		return (p);
	semi = memchr(p, ';', (size_t)(end - p));
	if (semi == NULL)
		semi = end;
	ps->anomalies |= ANOMALY(A_BAD_PARAM);
	literal_set(q, begin, semi);
	return (semi);
}

static const uint8_t *
value_plain(struct params *ps, struct param *q, const uint8_t *p,
    const uint8_t *end)
{
	const uint8_t	*begin, *semi;

	begin = p;
	while (p < end && *p != ';' && !is_ws(*p) && *p != '(')
		p++;
	q->value = begin;
	q->len = (size_t)(p - begin);
	if (q->len > PARAM_VALUE_MAX)
		q->len = PARAM_VALUE_MAX;
	while (p < end && is_ws(*p))
		p++;
	if (p == end || *p == ';')
		return (p);
	semi = memchr(p, ';', (size_t)(end - p));
	if (semi == NULL)
		semi = end;
	ps->anomalies |= ANOMALY(A_BAD_PARAM);
	literal_set(q, begin, semi);
	return (semi);
}

void
params_parse(struct params *ps, const uint8_t *p, size_t len)
{
	const uint8_t	*end, *value;
	struct param	*q;

	ps->n = 0;
	ps->is_over = 0;
	ps->anomalies = 0;
	ps->no_comments = 0;
	end = p + len;
	for (p = gap_skip(ps, p, end); p < end; p = gap_skip(ps, p, end)) {
		if (ps->n == PARSE_PARAMS_MAX) {
			ps->is_over = 1;
			return;
		}
		q = &ps->p[ps->n];
		value = name_parse(ps, q, p, end);
		if (value == NULL) {
			p = memchr(p, ';', (size_t)(end - p));
			if (p == NULL)
				return;
			continue;
		}
		p = value;
		while (p < end && is_ws(*p))
			p++;
		if (p < end && *p == '(')
			p = comment_skip(ps, p, end);
		while (p < end && is_ws(*p))
			p++;
		if (p < end && *p == '"')
			p = value_quoted(ps, q, p + 1, end);
		else
			p = value_plain(ps, q, p, end);
		ps->n++;
	}
}

/*
 * The charset'language' in front of an encoded value.  Returns its length,
 * 0 if there is none.
 */
static size_t
ext_charset(struct pvalue *v, const uint8_t *p, size_t len)
{
	const uint8_t	*a, *b;

	a = memchr(p, '\'', len);
	if (a == NULL)
		return (0);
	b = memchr(a + 1, '\'', len - (size_t)(a + 1 - p));
	if (b == NULL)
		return (0);
	v->charset_len = (size_t)(a - p);
	if (v->charset_len > sizeof(v->charset))
		v->charset_len = sizeof(v->charset);
	memcpy(v->charset, p, v->charset_len);
	return ((size_t)(b + 1 - p));
}

static size_t
ext_decode(struct params *ps, const uint8_t *p, size_t len, uint8_t *out,
    size_t room)
{
	size_t	 i, n;
	int	 hi, lo;

	n = 0;
	for (i = 0; i < len && n < room; i++) {
		out[n] = p[i];
		if (p[i] == '%') {
			hi = len - i > 2 ? decode_hex(p[i + 1]) : -1;
			lo = len - i > 2 ? decode_hex(p[i + 2]) : -1;
			if (hi == -1 || lo == -1)
				ps->anomalies |= ANOMALY(A_BAD_PARAM);
			else {
				out[n] = (uint8_t)(hi << 4 | lo);
				i += 2;
			}
		}
		n++;
	}
	return (n);
}

static int
section_cmp(const void *a, const void *b)
{
	const struct param	*x, *y;

	x = *(const struct param *const *)a;
	y = *(const struct param *const *)b;
	if (x->section != y->section)
		return (x->section < y->section ? -1 : 1);
	/* Of two with one number, the one that came first. */
	return (x < y ? -1 : x > y);
}

static size_t
unescape(const uint8_t *p, size_t len, uint8_t *out, size_t room)
{
	size_t	 i, n;

	n = 0;
	for (i = 0; i < len && n < room; i++) {
		if (p[i] == '\\' && len - i > 1)
			i++;
		out[n++] = p[i];
	}
	return (n);
}

/* Put n pieces together. */
static void
value_join(struct params *ps, const struct param **list, size_t n,
    struct pvalue *v)
{
	const struct param	*q;
	uint8_t			*out;
	size_t			 i, skip, room;

	v->len = v->charset_len = 0;
	v->is_plain = 1;
	for (i = 0; i < n; i++) {
		q = list[i];
		skip = 0;
		if (q->is_ext)
			v->is_plain = 0;
		if (q->is_ext && i == 0) {
			skip = ext_charset(v, q->value, q->len);
			if (skip == 0)
				ps->anomalies |= ANOMALY(A_BAD_PARAM);
		}
		out = v->data + v->len;
		room = sizeof(v->data) - v->len;
		if (q->is_ext)
			v->len += ext_decode(ps, q->value + skip,
			    q->len - skip, out, room);
		else if (q->is_escaped)
			v->len += unescape(q->value, q->len, out, room);
		else {
			if (room > q->len)
				room = q->len;
			memcpy(out, q->value, room);
			v->len += room;
		}
	}
}

/* One more reading, if it is not there yet. */
static void
value_add(struct pvalue *list, size_t *n, const struct pvalue *v)
{
	struct pvalue	*to;
	size_t		 i;

	for (i = 0; i < *n; i++)
		if (list[i].len == v->len &&
		    memcmp(list[i].data, v->data, v->len) == 0)
			return;
	/* The last place is for the last one: some readers take that. */
	to = &list[*n == PARAM_VALUES ? *n - 1 : (*n)++];
	to->len = v->len;
	to->charset_len = v->charset_len;
	to->is_plain = v->is_plain;
	memcpy(to->charset, v->charset, v->charset_len);
	memcpy(to->data, v->data, v->len);
}

/*
 * Of sorted pieces those that count, where of two with one number the last
 * or the first does.  Returns whether there were two anywhere.
 */
static int
pieces_join(struct params *ps, const struct param *const *list, size_t count,
    int is_last, struct pvalue *v, size_t *n)
{
	static struct pvalue	 one;
	const struct param	*use[PARSE_PARAMS_MAX];
	size_t			 i, good;
	int			 twice;

	twice = 0;
	for (i = good = 0; i < count; i++) {
		if (good == 0 || use[good - 1]->section != list[i]->section) {
			use[good++] = list[i];
			continue;
		}
		twice = 1;
		if (is_last)
			use[good - 1] = list[i];
	}
	count = good;
	for (good = 0; good < count; good++)
		if (use[good]->section != (int)good)
			break;
	if (good > 0) {
		value_join(ps, use, good, &one);
		value_add(v, n, &one);
	}
	if (good < count) {
		/* A gap: readers stop there, or do not care. */
		ps->anomalies |= ANOMALY(A_BAD_PARAM);
		value_join(ps, use, count, &one);
		value_add(v, n, &one);
	}
	return (twice);
}

/* What the numbered pieces of a parameter make. */
static void
value_sections(struct params *ps, const char *name, struct pvalue *v,
    size_t *n)
{
	const struct param	*list[PARSE_PARAMS_MAX];
	size_t			 i, count;

	count = 0;
	for (i = 0; i < ps->n; i++)
		if (ps->p[i].section >= 0 &&
		    ps->p[i].name_len == strlen(name) &&
		    memcmp(ps->p[i].name, name, ps->p[i].name_len) == 0)
			list[count++] = &ps->p[i];
	if (count == 0)
		return;
	qsort(list, count, sizeof(list[0]), section_cmp);
	if (pieces_join(ps, list, count, 0, v, n)) {
		ps->anomalies |= ANOMALY(A_DUP_PARAM);
		pieces_join(ps, list, count, 1, v, n);
	}
}

size_t
params_values(struct params *ps, const char *name, struct pvalue *v)
{
	static struct pvalue	 one;
	const struct param	*q;
	size_t			 i, n;
	int			 plain, ext;

	n = 0;
	value_sections(ps, name, v, &n);
	plain = ext = 0;
	for (i = 0; i < ps->n; i++) {
		q = &ps->p[i];
		if (q->section >= 0 || q->name_len != strlen(name) ||
		    memcmp(q->name, name, q->name_len) != 0)
			continue;
		value_join(ps, &q, 1, &one);
		if (q->is_ext ? ext++ > 0 : plain++ > 0)
			ps->anomalies |= ANOMALY(A_DUP_PARAM);
		value_add(v, &n, &one);
		if (q->literal != NULL) {
			one.len = q->literal_len;
			if (one.len > sizeof(one.data))
				one.len = sizeof(one.data);
			memcpy(one.data, q->literal, one.len);
			one.charset_len = 0;
			one.is_plain = 1;
			value_add(v, &n, &one);
		}
	}
	return (n);
}

/* SPDX-License-Identifier: ISC */

/*
 * Content-Type, Content-Transfer-Encoding and Content-Disposition (RFC 2045
 * sections 5 and 6, RFC 2183) of one entity.
 *
 * Where the sender has made them ambiguous there is no right answer, only
 * the answers of different readers.  All of them are collected here, the most
 * common first, and mime.c decodes the body in each way.
 */

#include <string.h>
#include <strings.h>

#include "limits.h"
#include "parts.h"
#include "utf8.h"

#include "charset.h"
#include "encword.h"
#include "entity.h"

#define TYPE_MAX	80		/* RFC 6838 allows 127 + 127 */
#define CODING_MAX	256		/* bytes of the field that count */

static const struct coding_name {
	const char		*name;
	enum part_encoding	 coding;
} coding_names[] = {
	{ "7bit", ENC_IDENTITY },
	{ "8bit", ENC_IDENTITY },
	{ "binary", ENC_IDENTITY },
	{ "7-bit", ENC_IDENTITY },
	{ "8-bit", ENC_IDENTITY },
	{ "none", ENC_IDENTITY },
	{ "base64", ENC_BASE64 },
	{ "base-64", ENC_BASE64 },
	{ "b64", ENC_BASE64 },
	{ "b", ENC_BASE64 },
	{ "quoted-printable", ENC_QP },
	{ "quotedprintable", ENC_QP },
	{ "quoted-print", ENC_QP },
	{ "qp", ENC_QP },
	{ "q", ENC_QP },
	{ "uuencode", ENC_UUENCODE },
	{ "uue", ENC_UUENCODE },
	{ "uu", ENC_UUENCODE },
	{ "xxencode", ENC_XXENCODE },
	{ "xxe", ENC_XXENCODE },
	{ "yenc", ENC_YENC },
	{ "binhex", ENC_BINHEX },
	{ "binhex40", ENC_BINHEX },
	{ "mac-binhex40", ENC_BINHEX },
};

#define NCODINGS	(sizeof(coding_names) / sizeof(coding_names[0]))

/* The process has one thread and reads one entity at a time. */
static uint8_t		 text[PARSE_HEADER_BYTES_MAX];
static struct params	 params;
static struct pvalue	 values[PARAM_VALUES];

static void	 type_default(struct entity_type *, struct arena *, int);
static int	 range_cut(const struct range *, struct range *);
static void	 type_read(struct entity *, struct arena *,
		    const struct range *, int);
static size_t	 type_text(struct entity *, size_t, char *, size_t *);
static void	 type_kind(struct entity *, struct entity_type *,
		    const char *);
static void	 type_boundaries(struct entity *, struct entity_type *);
static void	 boundary_add(struct entity *, struct entity_type *,
		    const uint8_t *, size_t);
static struct arena_str charset_name(struct entity *, struct arena *);
static void	 names_read(struct entity *, struct arena *, const char *);
static void	 name_add(struct entity *, struct arena *,
		    const struct pvalue *);
static size_t	 name_shorten(uint8_t *, size_t);
static void	 disposition_read(struct entity *, struct arena *,
		    const struct range *);
static int	 coding_is_exact(const uint8_t *, size_t);
static void	 coding_read(struct entity *, const struct range *);
static size_t	 coding_token(const uint8_t **, const uint8_t *, char *,
		    size_t);
static void	 coding_take(struct entity *, const char *, size_t);
static int	 is_token(int);
static char	 lower(int);

/*
 * A value as it is to a reader who keeps it as a C string, if that is not
 * all of it: 1 or 0.
 */
static int
range_cut(const struct range *r, struct range *cut)
{
	const uint8_t	*nul;

	nul = memchr(r->p, '\0', r->len);
	if (nul == NULL)
		return (0);
	cut->p = r->p;
	cut->len = (size_t)(nul - r->p);
	return (1);
}

static int
is_token(int c)
{
	return (c > 0x20 && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) ==
	    NULL);
}

static char
lower(int c)
{
	return ((char)(c >= 'A' && c <= 'Z' ? c + 0x20 : c));
}

/*
 * The type at the beginning of the unfolded field, in lower case, with its
 * parameters from *rest on.  Returns its length.
 */
static size_t
type_text(struct entity *e, size_t len, char *type, size_t *rest)
{
	size_t	 i, n;
	int	 depth, was_ws;

	n = 0;
	depth = was_ws = 0;
	for (i = 0; i < len; i++) {
		if (text[i] == '(' || depth > 0) {
			depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
			was_ws = 1;
		} else if (text[i] == ' ' || text[i] == '\t')
			was_ws = 1;
		else if (text[i] == '/' || is_token(text[i])) {
			/* "text/plain charset=x": a semicolon is missing. */
			if (was_ws && n > 0 && text[i] != '/' &&
			    type[n - 1] != '/')
				break;
			was_ws = 0;
			if (n < TYPE_MAX)
				type[n++] = lower(text[i]);
		} else if (text[i] == '"' && n == 0)
			e->anomalies |= ANOMALY(A_BAD_HEADER);
		else
			break;
	}
	if (i < len && text[i] != ';') {
		e->anomalies |= ANOMALY(A_BAD_HEADER);
		if (text[i] == ',' || text[i] == '"')
			i++;
	}
	*rest = i;
	return (n);
}

static void
type_kind(struct entity *e, struct entity_type *t, const char *s)
{
	if (strncmp(s, "multipart", 9) == 0) {
		t->kind = KIND_MULTI;
		t->is_digest = strcmp(s, "multipart/digest") == 0;
		/* RFC 1847, 2.2 */
		if (strcmp(s, "multipart/encrypted") == 0)
			e->anomalies |= ANOMALY(A_ENCRYPTED);
	} else if (strcmp(s, "message/rfc822") == 0 ||
	    strcmp(s, "message/global") == 0 ||
	    strcmp(s, "message/news") == 0)
		t->kind = KIND_MESSAGE;
	else if (strcmp(s, "message/partial") == 0) {
		t->kind = KIND_MESSAGE;
		e->anomalies |= ANOMALY(A_PARTIAL);
	} else if (strcmp(s, "message/external-body") == 0) {
		t->kind = KIND_TEXT;
		e->anomalies |= ANOMALY(A_EXTERNAL);
	} else if (strncmp(s, "text", 4) == 0 ||
	    strncmp(s, "message/", 8) == 0)
		t->kind = KIND_TEXT;
	else
		t->kind = KIND_OTHER;
}

static void
boundary_add(struct entity *e, struct entity_type *t, const uint8_t *p,
    size_t len)
{
	struct boundary	*b;
	size_t		 i;

	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	if (len == 0 || len > 70)
		e->anomalies |= ANOMALY(A_BAD_BOUNDARY);
	for (i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"')
			e->anomalies |= ANOMALY(A_BAD_BOUNDARY);
	if (len == 0 || t->nboundary == PARAM_VALUES)
		return;
	for (i = 0; i < t->nboundary; i++)
		if (t->boundary[i].len == len && memcmp(t->boundary[i].b, p,
		    len < PARSE_BOUNDARY_MAX ? len : PARSE_BOUNDARY_MAX) == 0)
			return;
	b = &t->boundary[t->nboundary++];
	b->len = len;
	memcpy(b->b, p, len < sizeof(b->b) ? len : sizeof(b->b));
}

static void
type_boundaries(struct entity *e, struct entity_type *t)
{
	uint8_t	 word[PARSE_BOUNDARY_MAX];
	size_t	 i, len, n;

	n = params_values(&params, "boundary", values);
	for (i = 0; i < n; i++)
		boundary_add(e, t, values[i].data, values[i].len);
	/* Some decode even here what may not be encoded. */
	for (i = 0; i < n; i++) {
		if (!encword_present(values[i].data, values[i].len))
			continue;
		len = encword_decode(values[i].data, values[i].len, word,
		    sizeof(word), &e->anomalies);
		e->anomalies |= ANOMALY(A_BAD_BOUNDARY);
		boundary_add(e, t, word, len);
	}
	if (n == 0)
		e->anomalies |= ANOMALY(A_NO_BOUNDARY);
}

static struct arena_str
charset_name(struct entity *e, struct arena *a)
{
	struct arena_str	 none = { 0, 0 };
	size_t			 i, n;

	if (params_values(&params, "charset", values) == 0)
		return (none);
	n = values[0].len;
	if (n > CHARSET_NAME_MAX) {
		e->anomalies |= ANOMALY(A_BAD_PARAM);
		n = CHARSET_NAME_MAX;
	}
	for (i = 0; i < n; i++) {
		if (values[0].data[i] <= 0x20 || values[0].data[i] > 0x7e) {
			e->anomalies |= ANOMALY(A_BAD_PARAM);
			values[0].data[i] = '?';
		}
		values[0].data[i] = (uint8_t)lower(values[0].data[i]);
	}
	return (arena_string(a, values[0].data, n));
}

/* The middle goes: the end of a name says what it is. */
static size_t
name_shorten(uint8_t *name, size_t len)
{
	size_t	 head, tail;

	head = PARSE_NAME_MAX / 2;
	while ((name[head] & 0xc0) == 0x80)
		head--;
	tail = len - PARSE_NAME_MAX / 2;
	while ((name[tail] & 0xc0) == 0x80)
		tail++;
	memmove(name + head, name + tail, len - tail);
	return (head + len - tail);
}

/* One reading of a name: decoded, cleaned, bounded, and not there yet. */
static void
name_add(struct entity *e, struct arena *a, const struct pvalue *v)
{
	static uint8_t		 name[PARAM_VALUE_MAX * 3];
	struct arena_str	*to;
	size_t			 len;
	unsigned int		 i;
	int			 bad;

	bad = 0;
	if (v->charset_len > 0)
		len = charset_utf8(v->charset, v->charset_len, v->data,
		    v->len, name, sizeof(name), &bad);
	else if (v->is_plain && encword_present(v->data, v->len))
		len = encword_decode(v->data, v->len, name, sizeof(name),
		    &e->anomalies);
	else {
		len = utf8_clean(v->data, v->len, name, sizeof(name), &bad);
		if (bad && v->is_plain && !utf8_valid(v->data, v->len))
			e->anomalies |= ANOMALY(A_8BIT_HEADER);
	}
	if (bad)
		e->anomalies |= ANOMALY(A_BAD_PARAM);
	if (len > PARSE_NAME_MAX) {
		e->anomalies |= ANOMALY(A_BAD_PARAM);
		len = name_shorten(name, len);
	}
	for (i = 0; i < e->nname; i++)
		if (e->name[i].len == len &&
		    memcmp(arena_text(a, e->name[i]), name, len) == 0)
			return;
	if (len == 0)
		return;
	/* Beyond the last place the last name counts. */
	to = &e->name[e->nname == ENTITY_NAMES ? ENTITY_NAMES - 1 :
	    e->nname++];
	*to = arena_string(a, name, len);
}

static void
names_read(struct entity *e, struct arena *a, const char *param)
{
	size_t	 i, n;

	n = params_values(&params, param, values);
	for (i = 0; i < n; i++)
		name_add(e, a, &values[i]);
}

static void
type_default(struct entity_type *t, struct arena *a, int in_digest)
{
	const char	*s;

	memset(&t->charset, 0, sizeof(t->charset));
	t->nboundary = 0;
	t->is_digest = 0;
	t->kind = in_digest ? KIND_MESSAGE : KIND_TEXT;
	s = in_digest ? "message/rfc822" : "text/plain";
	t->type = arena_string(a, s, strlen(s));
}

/* One more Content-Type, as long as there is room for it. */
static void
type_read(struct entity *e, struct arena *a, const struct range *r,
    int in_digest)
{
	struct entity_type	*t;
	char			 type[TYPE_MAX + 1];
	char			*slash;
	size_t			 len, n, rest;

	if (e->ntype == ENTITY_TYPES)
		return;
	t = &e->type[e->ntype++];
	len = header_unfold(r, text, sizeof(text));
	n = type_text(e, len, type, &rest);
	type[n] = '\0';
	params_parse(&params, text + rest, len - rest);
	type_default(t, a, in_digest);
	if (n > 0) {
		t->type = arena_string(a, type, n);
		type_kind(e, t, type);
	}
	t->charset = charset_name(e, a);
	slash = strchr(type, '/');
	if (slash == NULL || slash == type || slash[1] == '\0' ||
	    strchr(slash + 1, '/') != NULL) {
		e->anomalies |= ANOMALY(A_BAD_HEADER);
		/* Whatever it is called: it can be split. */
		if (params_values(&params, "boundary", values) > 0)
			t->kind = KIND_MULTI;
	}
	if (t->kind == KIND_MULTI)
		type_boundaries(e, t);
	names_read(e, a, "name");
	e->anomalies |= params.anomalies;
	e->is_over |= params.is_over;
}

/* The next word of an encoding's name; comments and quotes are left out. */
static size_t
coding_token(const uint8_t **pp, const uint8_t *end, char *tok, size_t size)
{
	const uint8_t	*p;
	size_t		 n;
	int		 depth;

	n = 0;
	depth = 0;
	for (p = *pp; p < end; p++) {
		if (*p == '(' || depth > 0)
			depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		else if (*p == '"' || *p == '\'' || *p == '\0')
			continue;
		else if (*p == ' ' || *p == '\t' || *p == ',' || *p == ';') {
			if (n > 0)
				break;
		} else if (n < size)
			tok[n++] = lower(*p);
	}
	*pp = p;
	return (n);
}

void
entity_add_coding(struct entity *e, enum part_encoding coding)
{
	unsigned int	 i;

	for (i = 0; i < e->ncoding; i++)
		if (e->coding[i] == coding)
			return;
	if (e->ncoding < ENTITY_CODINGS)
		e->coding[e->ncoding++] = coding;
}

static void
coding_take(struct entity *e, const char *tok, size_t n)
{
	size_t	 i;

	if (n > 2 && tok[0] == 'x' && tok[1] == '-') {
		tok += 2;
		n -= 2;
	}
	while (n > 0 && tok[n - 1] == '.')
		n--;
	for (i = 0; i < NCODINGS; i++)
		if (strlen(coding_names[i].name) == n &&
		    memcmp(coding_names[i].name, tok, n) == 0) {
			entity_add_coding(e, coding_names[i].coding);
			return;
		}
	e->anomalies |= ANOMALY(A_UNKNOWN_ENCODING);
	entity_add_coding(e, ENC_UNKNOWN);
}

/* One of the names of RFC 2045, nothing else but white space: 1 or 0. */
static int
coding_is_exact(const uint8_t *p, size_t len)
{
	while (len > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return ((len == 6 && strncasecmp((const char *)p, "base64", 6) ==
	    0) || (len == 16 && strncasecmp((const char *)p,
	    "quoted-printable", 16) == 0));
}

static void
coding_read(struct entity *e, const struct range *r)
{
	uint8_t		 buf[CODING_MAX];
	char		 tok[32];
	const uint8_t	*p, *end;
	size_t		 len, n;
	unsigned int	 count;

	len = header_unfold(r, text, sizeof(buf));
	p = text;
	if (encword_present(text, len)) {
		e->anomalies |= ANOMALY(A_UNKNOWN_ENCODING);
		len = encword_decode(text, len, buf, sizeof(buf),
		    &e->anomalies);
		p = buf;
	}
	end = p + len;
	count = 0;
	while ((n = coding_token(&p, end, tok, sizeof(tok))) > 0) {
		coding_take(e, tok, n);
		count++;
	}
	/* An open comment, or quotes around nothing. */
	while (len > 0 && (end[-1] == ' ' || end[-1] == '\t')) {
		end--;
		len--;
	}
	if (count == 0 && len > 0)
		coding_take(e, "?", 1);
	/* Anything but the word itself: many take that for no encoding. */
	if (count > 1 || (count == 1 && !coding_is_exact(text, len) &&
	    e->coding[e->ncoding - 1] != ENC_IDENTITY &&
	    e->coding[e->ncoding - 1] != ENC_UNKNOWN)) {
		e->anomalies |= ANOMALY(A_UNKNOWN_ENCODING);
		entity_add_coding(e, ENC_IDENTITY);
	}
}

static void
disposition_read(struct entity *e, struct arena *a, const struct range *r)
{
	size_t	 len, rest;

	len = header_unfold(r, text, sizeof(text));
	for (rest = 0; rest < len && (text[rest] == ' ' ||
	    text[rest] == '\t'); rest++)
		continue;
	if (len - rest >= 10 &&
	    strncasecmp((char *)text + rest, "attachment", 10) == 0)
		e->is_attachment = 1;
	/* The word itself, unless it is a parameter already. */
	while (rest < len && text[rest] != ';' && text[rest] != '=' &&
	    text[rest] != ' ' && text[rest] != '\t')
		rest++;
	if (rest < len && text[rest] == '=')
		rest = 0;
	params_parse(&params, text + rest, len - rest);
	names_read(e, a, "filename");
	e->anomalies |= params.anomalies;
	e->is_over |= params.is_over;
}

void
entity_read(struct entity *e, struct arena *a, int in_digest)
{
	struct range	 cut;
	unsigned int	 i;

	e->ntype = e->ncoding = e->nname = 0;
	e->is_attachment = 0;
	e->in_digest = in_digest;
	e->is_over = e->h.is_over;
	e->anomalies = e->h.anomalies;
	for (i = 0; i < e->h.ndisposition; i++) {
		disposition_read(e, a, &e->h.disposition[i]);
		if (range_cut(&e->h.disposition[i], &cut))
			disposition_read(e, a, &cut);
	}
	for (i = 0; i < e->h.ntype; i++) {
		type_read(e, a, &e->h.type[i], in_digest);
		if (range_cut(&e->h.type[i], &cut))
			type_read(e, a, &cut, in_digest);
	}
	if (e->ntype == 0)
		type_default(&e->type[e->ntype++], a, in_digest);
	for (i = 0; i < e->h.nencoding; i++) {
		coding_read(e, &e->h.encoding[i]);
		if (range_cut(&e->h.encoding[i], &cut))
			coding_read(e, &cut);
	}
	/* No field, or one that not everybody knows for one. */
	if (e->ncoding == 0 || (e->anomalies & (ANOMALY(A_SPACE_COLON) |
	    ANOMALY(A_COMMENT_NAME))) != 0)
		entity_add_coding(e, ENC_IDENTITY);
	if (e->type[0].kind == KIND_MULTI && (e->ncoding > 1 ||
	    (e->coding[0] != ENC_IDENTITY && e->coding[0] != ENC_UNKNOWN)))
		e->anomalies |= ANOMALY(A_ENCODED_MULTIPART);
}

struct arena_str
entity_text(struct arena *a, const struct range *r, size_t max,
    uint64_t *anomalies)
{
	struct arena_str	 none = { 0, 0 };
	uint8_t			 buf[PARAM_VALUE_MAX];
	size_t			 len, skip;

	if (r->p == NULL)
		return (none);
	if (max > sizeof(buf))
		max = sizeof(buf);
	len = header_unfold(r, text, sizeof(text));
	for (skip = 0; skip < len && (text[skip] == ' ' ||
	    text[skip] == '\t'); skip++)
		continue;
	len = encword_decode(text + skip, len - skip, buf, max, anomalies);
	return (arena_string(a, buf, len));
}

/* SPDX-License-Identifier: ISC */

/*
 * A text behind the text of a message: behind the first text/plain that is
 * its body, and before the end of the text/html that says the same.
 *
 * The body is decoded, the text is put in, and it is encoded again in the
 * same way.  To plain text it is added in the charset of the part where that
 * has all its characters; else the part becomes UTF-8.  Charsets that take
 * tables to convert are the parser's business: its conversion is used for
 * them.  In HTML all that is not ASCII becomes a reference, so that the
 * charset does not matter.
 *
 * What is signed, encrypted, a report or an invitation is left alone, and so
 * is what has no text at the beginning.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "utf8.h"

#define LINE_TEXT_MAX	998	/* octets without CRLF, RFC 5322 2.1.1 */

enum coding {
	CODING_7BIT,
	CODING_8BIT,
	CODING_QP,
	CODING_BASE64,
	CODING_OTHER
};

/* Charsets by what can be done with them here. */
enum set {
	SET_ASCII,		/* or nothing said */
	SET_UTF8,
	SET_LATIN1,
	SET_EXTENDED,		/* ASCII, and all else is beyond 0x7f */
	SET_MIXED,		/* ASCII between characters of two bytes,
				   whose second may be below 0x80 */
	SET_OTHER
};

/* A part that gets the text. */
struct target {
	uint32_t	 part;
	int		 is_html;
	enum coding	 coding;
	enum set	 set;
	int		 to_utf8;	/* becomes UTF-8 */
	int		 has_coding;	/* a field says how */
	struct field	 coding_field;
	int		 has_type;
	struct field	 type;
	struct bytes	 text;		/* decoded; then with the addition */
};

static enum coding coding_of(const struct field *);
static enum set	 set_of(const struct body *, uint32_t);
static uint32_t	 child_next(const struct body *, uint32_t, uint32_t);
static uint32_t	 html_in(const struct body *, uint32_t);
static int	 find_alternative(struct body *, uint32_t, uint32_t *,
		    uint32_t *);
static int	 find_text(struct body *, uint32_t *, uint32_t *);
static int	 target_read(struct body *, struct target *);
static int	 is_word(const uint8_t *, size_t, const char *);
static int	 is_flowed(const struct target *);
static int	 is_long(const struct bytes *);
static void	 plain_lines(struct bytes *, const char *, int);
static void	 html_lines(struct bytes *, const char *);
static int	 ends_in(const uint8_t *, size_t, const uint8_t *, size_t);
static size_t	 html_end(const uint8_t *, size_t);
static const uint8_t *declared_text(const struct body *, uint32_t,
		    size_t *);
static int	 is_like(const struct target *, const uint8_t *, size_t);
static int	 to_utf8(struct body *, struct target *);
static int	 put_plain(struct body *, struct target *, const char *);
static int	 put_html(struct target *, const char *);
static size_t	 charset_param(const struct field *, size_t *);
static int	 type_patch(struct body *, struct target *);
static int	 target_write(struct body *, struct target *,
		    const struct bytes *);
static int	 add(struct body *, uint32_t, int, const char *);

static int
is_word(const uint8_t *p, size_t len, const char *word)
{
	while (len > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return (strlen(word) == len &&
	    strncasecmp((const char *)p, word, len) == 0);
}

static enum coding
coding_of(const struct field *f)
{
	if (is_word(f->value, f->value_len, "7bit"))
		return (CODING_7BIT);
	if (is_word(f->value, f->value_len, "8bit") ||
	    is_word(f->value, f->value_len, "binary"))
		return (CODING_8BIT);
	if (is_word(f->value, f->value_len, "quoted-printable"))
		return (CODING_QP);
	if (is_word(f->value, f->value_len, "base64"))
		return (CODING_BASE64);
	return (CODING_OTHER);
}

static enum set
set_of(const struct body *b, uint32_t i)
{
	static const struct {
		const char	*name;	/* a "*" at the end: any such */
		enum set	 set;
	} sets[] = {
		{ "", SET_ASCII }, { "us-ascii", SET_ASCII },
		{ "ascii", SET_ASCII },
		{ "utf-8", SET_UTF8 }, { "utf8", SET_UTF8 },
		{ "iso-8859-1", SET_LATIN1 }, { "latin1", SET_LATIN1 },
		{ "iso-8859-*", SET_EXTENDED },
		{ "windows-125*", SET_EXTENDED },
		{ "cp125*", SET_EXTENDED }, { "koi8-*", SET_EXTENDED },
		{ "tis-620", SET_EXTENDED }, { "windows-874", SET_EXTENDED },
		{ "euc-*", SET_EXTENDED }, { "ks_c_5601*", SET_MIXED },
		{ "cp949", SET_MIXED }, { "gb2312", SET_MIXED },
		{ "gbk", SET_MIXED }, { "gb18030", SET_MIXED },
		{ "big5*", SET_MIXED },
	};
	const struct arena_part	*q;
	const char		*s;
	size_t			 k, n;

	q = &b->parts->part[i];
	s = parts_string(b->parts, q->charset_off);
	for (k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
		n = strlen(sets[k].name);
		if (n > 0 && sets[k].name[n - 1] == '*' ?
		    q->charset_len >= n - 1 &&
		    memcmp(s, sets[k].name, n - 1) == 0 :
		    q->charset_len == n && memcmp(s, sets[k].name, n) == 0)
			return (sets[k].set);
	}
	return (SET_OTHER);
}

/* The entity of this parent behind part i, or BODY_NONE. */
static uint32_t
child_next(const struct body *b, uint32_t parent, uint32_t i)
{
	const struct arena_part	*p;

	p = b->parts->part;
	for (i++; i < b->parts->head->nparts; i++)
		if (p[i].parent == parent && (p[i].flags & PART_ENTITY) != 0)
			return (i);
	return (BODY_NONE);
}

/* The HTML of an alternative, with its pictures or without. */
static uint32_t
html_in(const struct body *b, uint32_t i)
{
	while (i != BODY_NONE && (body_type_is(b, i, "multipart/related") ||
	    body_type_is(b, i, "multipart/mixed")))
		i = child_next(b, i, i);
	return (i != BODY_NONE && body_type_is(b, i, "text/html") ? i :
	    BODY_NONE);
}

static int
find_alternative(struct body *b, uint32_t parent, uint32_t *plain,
    uint32_t *html)
{
	uint32_t	 i;

	for (i = child_next(b, parent, parent); i != BODY_NONE;
	    i = child_next(b, parent, i)) {
		if (body_type_is(b, i, "text/calendar"))
			return (body_refuse(b, "it is an invitation"));
		if (*plain == BODY_NONE && body_type_is(b, i, "text/plain"))
			*plain = i;
		else if (*html == BODY_NONE)
			*html = html_in(b, i);
	}
	return (*plain == BODY_NONE && *html == BODY_NONE ?
	    body_refuse(b, "it has no text") : 0);
}

/* What people read first. */
static int
find_text(struct body *b, uint32_t *plain, uint32_t *html)
{
	const struct arena_part	*q;
	uint32_t		 i;

	*plain = *html = BODY_NONE;
	for (i = 0; i != BODY_NONE; i = child_next(b, i, i)) {
		q = &b->parts->part[i];
		if ((q->flags & PART_ATTACHMENT) != 0 || (q->name_len > 0 &&
		    (q->flags & PART_MULTIPART) == 0))
			break;
		if (body_type_is(b, i, "text/plain")) {
			*plain = i;
			return (0);
		}
		if (body_type_is(b, i, "text/html")) {
			*html = i;
			return (0);
		}
		if (body_type_is(b, i, "multipart/alternative"))
			return (find_alternative(b, i, plain, html));
		if (body_type_is(b, i, "multipart/signed"))
			return (body_refuse(b, "it is signed"));
		if (body_type_is(b, i, "multipart/encrypted"))
			return (body_refuse(b, "it is encrypted"));
		if (body_type_is(b, i, "multipart/report"))
			return (body_refuse(b, "it is a report"));
		if ((q->flags & PART_MULTIPART) == 0)
			break;
	}
	return (body_refuse(b, "it has no text at its beginning"));
}

/* Header and body of a part. */
static int
target_read(struct body *b, struct target *t)
{
	const struct arena_part	*q;
	const uint8_t		*raw;
	int			 ret;

	q = &b->parts->part[t->part];
	raw = b->parts->msg + q->raw_off;
	t->has_type = body_find(b, t->part, "Content-Type", &t->type) == 1;
	t->has_coding = body_find(b, t->part, "Content-Transfer-Encoding",
	    &t->coding_field) == 1;
	t->coding = t->has_coding ? coding_of(&t->coding_field) :
	    CODING_7BIT;
	t->set = set_of(b, t->part);
	if (q->raw_len > DISCLAIMED_PART_MAX)
		return (body_refuse(b, "its text is too long"));
	ret = 0;
	if (t->coding == CODING_OTHER)
		return (body_refuse(b, "it is encoded as nobody knows"));
	else if (t->coding == CODING_BASE64)
		ret = recode_from_base64(&t->text, raw, (size_t)q->raw_len);
	else if (t->coding == CODING_QP)
		ret = recode_from_qp(&t->text, raw, (size_t)q->raw_len);
	else
		bytes_add(&t->text, raw, (size_t)q->raw_len);
	if (ret == -1)
		return (body_refuse(b, "its encoding is not exact"));
	if (t->text.n > 0 && memmem(t->text.p, t->text.n, "-----BEGIN PGP ",
	    15) != NULL)
		return (body_refuse(b, "it is signed or encrypted by PGP"));
	return (0);
}

/* RFC 3676: lines that end with a blank flow into the next. */
static int
is_flowed(const struct target *t)
{
	const uint8_t	*p;
	size_t		 i;

	if (!t->has_type)
		return (0);
	p = t->type.value;
	for (i = 0; i + 6 <= t->type.value_len; i++)
		if (strncasecmp((const char *)p + i, "flowed", 6) == 0)
			return (1);
	return (0);
}

/* Has it a line that is longer than a line may be, RFC 5322 section 2.1.1? */
static int
is_long(const struct bytes *text)
{
	const uint8_t	*p, *lf, *end;

	p = text->p;
	end = p + text->n;
	for (; p < end; p = lf + 1) {
		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		if (lf - p > LINE_TEXT_MAX + 1)
			return (1);
	}
	return (0);
}

/* With CRLF; where text flows, no line begins with what has a meaning. */
static void
plain_lines(struct bytes *out, const char *text, int flows)
{
	size_t	 n, len;

	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		len = n = strcspn(text, "\n");
		while (len > 0 && text[len - 1] == ' ')
			len--;
		if (flows && (*text == ' ' || *text == '>' ||
		    strncmp(text, "From ", 5) == 0))
			bytes_str(out, " ");
		bytes_add(out, text, len);
		bytes_str(out, "\r\n");
	}
}

static void
html_lines(struct bytes *out, const char *text)
{
	const uint8_t	*p;
	uint32_t	 c;
	char		 ref[16];
	size_t		 n, left;

	bytes_str(out, "<div>");
	p = (const uint8_t *)text;
	for (left = strlen(text); left > 0; p += n, left -= n) {
		n = utf8_char(p, left);
		if (n > 1) {
			c = n == 2 ? p[0] & 0x1fU : n == 3 ? p[0] & 0xfU :
			    p[0] & 7U;
			c = c << 6 | (p[1] & 0x3f);
			if (n > 2)
				c = c << 6 | (p[2] & 0x3f);
			if (n > 3)
				c = c << 6 | (p[3] & 0x3f);
			snprintf(ref, sizeof(ref), "&#%u;", c);
			bytes_str(out, ref);
			continue;
		}
		n = 1;
		if (*p == '\n')
			bytes_str(out, "<br>\r\n");
		else if (*p == '<')
			bytes_str(out, "&lt;");
		else if (*p == '>')
			bytes_str(out, "&gt;");
		else if (*p == '&')
			bytes_str(out, "&amp;");
		else
			bytes_add(out, p, 1);
	}
	bytes_str(out, "</div>\r\n");
}

/* Does a text end in another?  White space counts for nothing. */
static int
ends_in(const uint8_t *p, size_t len, const uint8_t *end, size_t n)
{
	for (;;) {
		while (n > 0 && (end[n - 1] <= 0x20))
			n--;
		while (len > 0 && p[len - 1] <= 0x20)
			len--;
		if (n == 0)
			return (1);
		if (len == 0 || p[--len] != end[--n])
			return (0);
	}
}

/* Where the content of HTML ends. */
static size_t
html_end(const uint8_t *p, size_t len)
{
	size_t	 i, html;

	html = len;
	for (i = len; i-- > 0;) {
		if (p[i] != '<' || len - i < 6 || p[i + 1] != '/')
			continue;
		if (strncasecmp((const char *)p + i + 2, "body", 4) == 0)
			return (i);
		if (html == len &&
		    strncasecmp((const char *)p + i + 2, "html", 4) == 0)
			html = i;
	}
	return (html);
}

/* What the parser has made of a part in a charset that it knows. */
static const uint8_t *
declared_text(const struct body *b, uint32_t i, size_t *len)
{
	const struct arena_text	*t;
	const uint8_t		*p;
	uint32_t		 k;

	for (k = 0; k < b->parts->head->ntexts; k++) {
		t = &b->parts->text[k];
		if (t->part != i || t->scope != TEXT_PLAIN ||
		    (t->flags & TEXT_DECLARED) == 0)
			continue;
		p = parts_text(b->parts, k, len);
		return (utf8_valid(p, *len) ? p : NULL);
	}
	return (NULL);
}

/*
 * Could the text come of what is in the part?  Whoever has the parser in his
 * hands shall not write other people's letters: as many lines, and the same
 * ASCII, where that can be told.
 */
static int
is_like(const struct target *t, const uint8_t *p, size_t len)
{
	const uint8_t	*q;
	size_t		 i, k;

	q = t->text.p;
	for (i = k = 0; ; i++, k++) {
		while (i < t->text.n && (t->set == SET_EXTENDED ?
		    q[i] >= 0x80 : q[i] != '\n'))
			i++;
		while (k < len && (t->set == SET_EXTENDED ? p[k] >= 0x80 :
		    p[k] != '\n'))
			k++;
		if (i == t->text.n || k == len)
			return (i == t->text.n && k == len);
		if (q[i] != p[k])
			return (0);
	}
}

/* The part's text becomes UTF-8. */
static int
to_utf8(struct body *b, struct target *t)
{
	const uint8_t	*p;
	struct bytes	 text;
	size_t		 len;

	t->to_utf8 = 1;
	if (t->set == SET_UTF8 || (t->set != SET_OTHER &&
	    recode_is_ascii(t->text.p, t->text.n)))
		return (0);
	memset(&text, 0, sizeof(text));
	if (t->set == SET_LATIN1)
		recode_from_latin1(&text, t->text.p, t->text.n);
	else if (t->set == SET_ASCII && utf8_valid(t->text.p, t->text.n))
		bytes_add(&text, t->text.p, t->text.n);
	else if (t->set != SET_ASCII &&
	    (p = declared_text(b, t->part, &len)) != NULL &&
	    is_like(t, p, len))
		bytes_add(&text, p, len);
	else
		return (body_refuse(b, "its charset cannot be converted"));
	bytes_free(&t->text);
	t->text = text;
	return (0);
}

/* Returns 1; 0: it is there already; -1 with the reason. */
static int
put_plain(struct body *b, struct target *t, const char *text)
{
	struct bytes	 more, latin;
	const uint8_t	*p;
	size_t		 len;
	int		 ret, ascii;

	memset(&more, 0, sizeof(more));
	memset(&latin, 0, sizeof(latin));
	plain_lines(&more, text, is_flowed(t));
	ascii = recode_is_ascii(more.p, more.n);
	ret = 1;
	if (ends_in(t->text.p, t->text.n, more.p, more.n))
		ret = 0;
	else if (t->set == SET_UTF8 || (ascii && t->set != SET_OTHER))
		;
	else if (t->set == SET_LATIN1 &&
	    recode_to_latin1(&latin, more.p, more.n) == 0) {
		bytes_free(&more);
		more = latin;
		memset(&latin, 0, sizeof(latin));
		if (ends_in(t->text.p, t->text.n, more.p, more.n))
			ret = 0;
	} else if ((p = declared_text(b, t->part, &len)) != NULL &&
	    ends_in(p, len, more.p, more.n))
		ret = 0;
	else if (to_utf8(b, t) == -1)
		ret = -1;
	if (ret == 1) {
		if (t->text.n > 0 && t->text.p[t->text.n - 1] != '\n')
			bytes_str(&t->text, "\r\n");
		if (t->text.n > 0)
			bytes_str(&t->text, "\r\n");
		bytes_add(&t->text, more.p, more.n);
	}
	bytes_free(&more);
	bytes_free(&latin);
	return (ret);
}

static int
put_html(struct target *t, const char *text)
{
	struct bytes	 more, all;
	size_t		 at;

	memset(&more, 0, sizeof(more));
	memset(&all, 0, sizeof(all));
	html_lines(&more, text);
	at = html_end(t->text.p, t->text.n);
	if (ends_in(t->text.p, at, more.p, more.n)) {
		bytes_free(&more);
		return (0);
	}
	bytes_add(&all, t->text.p, at);
	if (at > 0 && t->text.p[at - 1] != '\n')
		bytes_str(&all, "\r\n");
	bytes_add(&all, more.p, more.n);
	bytes_add(&all, t->text.p + at, t->text.n - at);
	bytes_free(&t->text);
	bytes_free(&more);
	t->text = all;
	return (1);
}

/*
 * Where the value of "charset" is in a field, 0: it has none.  SIZE_MAX:
 * nobody can be sure.
 */
static size_t
charset_param(const struct field *f, size_t *len)
{
	const uint8_t	*p;
	size_t		 i, n, found;
	int		 quoted;

	p = f->value;
	n = f->value_len;
	found = 0;
	quoted = 0;
	if (memchr(p, '(', n) != NULL || memchr(p, '\\', n) != NULL)
		return (SIZE_MAX);
	for (i = 0; i < n; i++) {
		if (p[i] == '"')
			quoted = !quoted;
		if (quoted || p[i] != ';')
			continue;
		for (i++; i < n && (p[i] == ' ' || p[i] == '\t' ||
		    p[i] == '\r' || p[i] == '\n'); i++)
			continue;
		if (n - i < 8 || strncasecmp((const char *)p + i, "charset",
		    7) != 0) {
			i--;
			continue;
		}
		if (p[i + 7] != '=' || found != 0)
			return (SIZE_MAX);
		found = i + 8;
		i = found - 1;
	}
	if (found == 0)
		return (quoted ? SIZE_MAX : 0);
	for (i = found; i < n && (quoted || (p[i] != ';' && p[i] > 0x20));
	    i++)
		if (p[i] == '"')
			quoted = !quoted;
	*len = i - found;
	return (quoted || *len == 0 ? SIZE_MAX : found);
}

/* The field that says it is UTF-8 now. */
static int
type_patch(struct body *b, struct target *t)
{
	static const char	 field[] =
				    "Content-Type: text/plain; "
				    "charset=utf-8\r\n";
	const uint8_t		*msg;
	struct field		*f, version;
	uint64_t		 off;
	size_t			 at, len;

	msg = b->parts->msg;
	f = &t->type;
	off = b->parts->part[t->part].raw_off - 2;
	if (!t->has_type) {
		if (body_is_message(b, t->part) && body_find(b, t->part,
		    "MIME-Version", &version) == 0)
			body_patch(b, off, 0, "MIME-Version: 1.0\r\n", 19);
		body_patch(b, off, 0, field, sizeof(field) - 1);
		return (0);
	}
	at = charset_param(f, &len);
	if (at == SIZE_MAX)
		return (body_refuse(b, "its type is written oddly"));
	off = (uint64_t)(f->value - msg);
	if (at > 0) {
		body_patch(b, off + at, len, "utf-8", 5);
		return (0);
	}
	len = f->value_len;
	while (len > 0 && (f->value[len - 1] == ';' ||
	    f->value[len - 1] <= 0x20))
		len--;
	body_patch(b, off + len, f->value_len - len, ";\r\n charset=utf-8",
	    17);
	return (0);
}

/* Put what has become of the body into its place; old is what it was. */
static int
target_write(struct body *b, struct target *t, const struct bytes *old)
{
	static const char	 qp[] =
				    "Content-Transfer-Encoding: "
				    "quoted-printable\r\n";
	const struct arena_part	*q;
	struct bytes		 out;
	struct field		 version;
	enum coding		 coding;
	int			 ret;

	q = &b->parts->part[t->part];
	coding = t->coding;
	/* The next server may not take eight bits, RFC 6152. */
	if (coding == CODING_7BIT && recode_is_ascii(old->p, old->n) &&
	    !recode_is_ascii(t->text.p, t->text.n))
		coding = CODING_QP;
	if ((coding == CODING_7BIT || coding == CODING_8BIT) &&
	    is_long(&t->text) && !is_long(old))
		coding = CODING_QP;
	/* What was a shifted letter could be part of a delimiter. */
	if (t->to_utf8 && t->set == SET_OTHER && coding != CODING_BASE64)
		coding = CODING_QP;
	if (t->to_utf8 && type_patch(b, t) == -1)
		return (-1);
	if (coding != t->coding) {
		if (t->has_coding)
			body_patch(b, t->coding_field.off,
			    t->coding_field.end - t->coding_field.off, qp,
			    sizeof(qp) - 1);
		else
			body_patch(b, q->raw_off - 2, 0, qp, sizeof(qp) - 1);
		/* A new type has brought it, see type_patch(). */
		if (!t->has_coding && (t->has_type || !t->to_utf8) &&
		    body_is_message(b, t->part) && body_find(b, t->part,
		    "MIME-Version", &version) == 0)
			body_patch(b, q->raw_off - 2, 0,
			    "MIME-Version: 1.0\r\n", 19);
	}
	memset(&out, 0, sizeof(out));
	if (coding == CODING_BASE64)
		recode_base64(&out, t->text.p, t->text.n);
	else if (coding == CODING_QP)
		recode_qp(&out, t->text.p, t->text.n);
	else
		bytes_add(&out, t->text.p, t->text.n);
	/* What was there was none; what was added may be one. */
	ret = 0;
	if (body_collides(b, t->part, out.p, out.n))
		ret = body_refuse(b, "the text is like a boundary of it");
	else
		body_patch(b, q->raw_off, q->raw_len, out.p, out.n);
	bytes_free(&out);
	return (ret);
}

/* 1: done, 0: it has it, -1: it cannot be. */
static int
add(struct body *b, uint32_t part, int is_html, const char *text)
{
	struct target	 t;
	struct bytes	 old;
	int		 ret;

	memset(&t, 0, sizeof(t));
	memset(&old, 0, sizeof(old));
	t.part = part;
	t.is_html = is_html;
	ret = target_read(b, &t);
	if (ret == 0) {
		bytes_add(&old, t.text.p, t.text.n);
		if (!is_html)
			ret = put_plain(b, &t, text);
		else if (t.set == SET_OTHER)
			ret = body_refuse(b, "its charset is not known here");
		else
			ret = put_html(&t, text);
	}
	if (ret == 1 && target_write(b, &t, &old) == -1)
		ret = -1;
	bytes_free(&t.text);
	bytes_free(&old);
	return (ret);
}

int
disclaimer_add(struct body *b, const char *text)
{
	uint32_t	 part[2];
	size_t		 patches;
	int		 i, n, ret;

	if (body_check(b) == -1 || find_text(b, &part[0], &part[1]) == -1)
		return (-1);
	patches = b->npatches;
	n = 0;
	for (i = 0; i < 2; i++) {
		if (part[i] == BODY_NONE)
			continue;
		if ((ret = add(b, part[i], i == 1, text)) == -1) {
			/* All of its texts, or none. */
			b->npatches = patches;
			return (-1);
		}
		n += ret;
	}
	return (n);
}

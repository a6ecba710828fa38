/* SPDX-License-Identifier: ISC */

/*
 * Marks on a message that is passed: a header field on top, and a tag before
 * the subject.  All other bytes stay as they are, and so does the message
 * itself if that fails.
 *
 * What counts for the header are those lines that every reader takes for it:
 * it ends at an empty line, or before a line that is no field.  A Subject
 * behind such a line is text to some readers, who would not see its tag; then
 * one is put on top, which all of them see.
 */

#include <sys/mman.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/string.h>

#include "body.h"
#include "proxy.h"
#include "utf8.h"

#define LINE_MAX_TEXT	998	/* RFC 5322 section 2.1.1, without CRLF */
#define LINE_MAX_WORD	76	/* with encoded words, RFC 2047 section 2 */
/*
 * Bytes in one encoded word, 64 characters of it: fewer than the 75 that are
 * allowed, so that "Subject: " fits before the first.
 */
#define WORD_BYTES	39
#define TEXT_SIZE	1024	/* all that is added in one place */

struct header {
	const uint8_t	*base;		/* the message */
	const uint8_t	*end;
	const uint8_t	*top;		/* where a field may be added */
	int		 is_text;	/* what is there is no header */
	int		 is_signed;
	/* The first Subject; NULL: there is none. */
	const uint8_t	*line;		/* its first line ... */
	const uint8_t	*eol;		/* ... which ends here */
	const uint8_t	*body;		/* behind the colon */
	const uint8_t	*next;		/* the field that follows */
};

/* A tag and its forms, without white space around them. */
struct tag {
	char		 text[CONF_TAG_MAX];
	int		 has_space;	/* white space followed */
	int		 is_encoded;	/* must be; these are its words: */
	char		 word[256];
	char		 word_space[256];	/* that white space inside */
};

/* Bytes that go in before at. */
struct patch_at {
	const uint8_t	*at;
	char		 text[TEXT_SIZE];
};

static int	 is_space(uint8_t);
static const uint8_t *skip_space(const uint8_t *, const uint8_t *);
static const uint8_t *line_end(const uint8_t *, const uint8_t *,
		    const uint8_t **);
static size_t	 field_name(const uint8_t *, const uint8_t *, size_t *);
static int	 is_name(const char *, const uint8_t *, size_t);
static int	 type_signed(const uint8_t *, const uint8_t *);
static void	 mailbox_line(struct header *);
static void	 header_read(struct header *);
static size_t	 base64(char *, const uint8_t *, size_t);
static void	 encode(char *, size_t, const char *);
static void	 tag_read(struct tag *, const char *);
static int	 begins(const uint8_t *, const uint8_t *, const char *);
static int	 is_tagged(const struct header *, const struct tag *);
static int	 has_word(const uint8_t *, const uint8_t *);
static void	 tag_put(const struct header *, const struct tag *,
		    struct patch_at *);
static void	 top_put(const struct header *, const struct tag *,
		    const char *, struct patch_at *);
static int	 rewrite(struct message *, const struct header *,
		    const struct patch_at *, const struct patch_at *);

static int
is_space(uint8_t c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static const uint8_t *
skip_space(const uint8_t *p, const uint8_t *end)
{
	while (p < end && is_space(*p))
		p++;
	return (p);
}

/* The end of the line at p, before its CRLF; *next is behind that. */
static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end, const uint8_t **next)
{
	const uint8_t	*lf;

	for (lf = p; lf < end; lf++) {
		if ((lf = memchr(lf, '\n', (size_t)(end - lf))) == NULL)
			break;
		if (lf > p && lf[-1] == '\r') {
			*next = lf + 1;
			return (lf - 1);
		}
	}
	*next = end;
	return (end);
}

/*
 * Length of the field name that the line begins with, 0 if it is no field;
 * white space may follow it (RFC 5322 section 4.5).  *body: behind the colon.
 */
static size_t
field_name(const uint8_t *p, const uint8_t *eol, size_t *body)
{
	size_t	 len, n, i;

	len = (size_t)(eol - p);
	for (n = 0; n < len && p[n] > 0x20 && p[n] < 0x7f && p[n] != ':'; n++)
		continue;
	for (i = n; i < len && (p[i] == ' ' || p[i] == '\t'); i++)
		continue;
	if (n == 0 || i == len || p[i] != ':')
		return (0);
	*body = i + 1;
	return (n);
}

static int
is_name(const char *name, const uint8_t *p, size_t len)
{
	return (strlen(name) == len &&
	    strncasecmp(name, (const char *)p, len) == 0);
}

/* Is that multipart/signed (RFC 1847)? */
static int
type_signed(const uint8_t *p, const uint8_t *end)
{
	p = skip_space(p, end);
	if (end - p < 9 || !is_name("multipart", p, 9))
		return (0);
	p = skip_space(p + 9, end);
	if (p == end || *p != '/')
		return (0);
	p = skip_space(p + 1, end);
	return (end - p >= 6 && is_name("signed", p, 6));
}

/* The envelope line of a mailbox file is before the header, not in it. */
static void
mailbox_line(struct header *h)
{
	const uint8_t	*next;
	size_t		 len;

	len = (size_t)(h->end - h->base);
	if ((len > 5 && memcmp(h->base, "From ", 5) == 0) ||
	    (len > 6 && memcmp(h->base, ">From ", 6) == 0)) {
		(void)line_end(h->base, h->end, &next);
		if (next < h->end)
			h->top = next;
	}
}

static void
header_read(struct header *h)
{
	const uint8_t	*p, *eol, *next;
	size_t		 n, body;
	int		 in_subject;

	h->top = h->base;
	mailbox_line(h);
	in_subject = 0;
	for (p = h->top; p < h->end; p = next) {
		eol = line_end(p, h->end, &next);
		if (eol == p)
			break;
		/* Blank ones too: RFC 5322 section 4.2. */
		if (p > h->top && (*p == ' ' || *p == '\t')) {
			if (in_subject)
				h->next = next;
			continue;
		}
		if ((n = field_name(p, eol, &body)) == 0) {
			h->is_text = p == h->top;
			break;
		}
		in_subject = h->line == NULL && is_name("Subject", p, n);
		if (in_subject) {
			h->line = p;
			h->eol = eol;
			h->body = p + body;
			h->next = next;
		}
		if (is_name("DKIM-Signature", p, n) ||
		    is_name("ARC-Message-Signature", p, n) ||
		    (is_name("Content-Type", p, n) &&
		    type_signed(p + body, h->end)))
			h->is_signed = 1;
	}
}

/* Ended; returns its length. */
static size_t
base64(char *dst, const uint8_t *p, size_t len)
{
	static const char	 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t		 v;
	size_t			 i, n;

	n = 0;
	for (i = 0; i < len; i += 3) {
		v = (uint32_t)p[i] << 16;
		if (i + 1 < len)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		dst[n++] = digits[v >> 18];
		dst[n++] = digits[v >> 12 & 63];
		dst[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		dst[n++] = i + 2 < len ? digits[v & 63] : '=';
	}
	dst[n] = '\0';
	return (n);
}

/* Words of whole characters, a line each; text is UTF-8. */
static void
encode(char *dst, size_t size, const char *text)
{
	const uint8_t	*p;
	char		 digits[WORD_BYTES / 3 * 4 + 1];
	size_t		 len, off, n, c;

	p = (const uint8_t *)text;
	len = strlen(text);
	dst[0] = '\0';
	for (off = 0; off < len; off += n) {
		for (n = 0; off + n < len; n += c) {
			c = utf8_char(p + off + n, len - off - n);
			if (n + c > WORD_BYTES)
				break;
		}
		(void)base64(digits, p + off, n);
		strlcat(dst, off == 0 ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?",
		    size);
		strlcat(dst, digits, size);
		strlcat(dst, "?=", size);
	}
}

static void
tag_read(struct tag *t, const char *tag)
{
	char	 spaced[CONF_TAG_MAX + 1];
	size_t	 len, i;

	memset(t, 0, sizeof(*t));
	tag += strspn(tag, " ");
	for (len = strlen(tag); len > 0 && tag[len - 1] == ' '; len--)
		t->has_space = 1;
	utf8_plain(t->text, sizeof(t->text), tag, len);
	t->is_encoded = strstr(t->text, "=?") != NULL;
	for (i = 0; t->text[i] != '\0'; i++)
		if ((uint8_t)t->text[i] >= 0x80)
			t->is_encoded = 1;
	if (!t->is_encoded)
		return;
	encode(t->word, sizeof(t->word), t->text);
	snprintf(spaced, sizeof(spaced), "%s ", t->text);
	encode(t->word_space, sizeof(t->word_space), spaced);
}

/* Does the text begin with that?  White space is like white space. */
static int
begins(const uint8_t *p, const uint8_t *end, const char *text)
{
	while (*text != '\0') {
		if (p == end)
			return (0);
		if (is_space((uint8_t)*text)) {
			if (!is_space(*p))
				return (0);
			p = skip_space(p, end);
			while (is_space((uint8_t)*text))
				text++;
		} else if (*p++ != (uint8_t)*text++)
			return (0);
	}
	return (1);
}

/*
 * In front only: further on, behind what a window shows, it would be a
 * sender's way out.
 */
static int
is_tagged(const struct header *h, const struct tag *t)
{
	const uint8_t	*p;

	p = skip_space(h->body, h->next);
	return (begins(p, h->next, t->text) ||
	    (t->is_encoded && (begins(p, h->next, t->word) ||
	    begins(p, h->next, t->word_space))));
}

static int
has_word(const uint8_t *p, const uint8_t *end)
{
	return (memmem(p, (size_t)(end - p), "=?", 2) != NULL);
}

/*
 * The tag goes behind the colon and one space.  A line that would become too
 * long is folded, before the tag or behind it.
 */
static void
tag_put(const struct header *h, const struct tag *t, struct patch_at *patch)
{
	const uint8_t	*at, *rest;
	const char	*lead, *mark, *end, *last;
	size_t		 col, max, left;

	at = h->body;
	rest = skip_space(at, h->next);
	if (rest >= h->eol)
		at = h->eol;	/* nothing else is in this line */
	else if (*at == ' ' || *at == '\t')
		at++;
	mark = t->text;
	if (t->is_encoded)
		/* Between two words white space is not shown. */
		mark = t->has_space && begins(rest, h->next, "=?") ?
		    t->word_space : t->word;
	max = t->is_encoded || has_word(at, h->eol) ? LINE_MAX_WORD :
	    LINE_MAX_TEXT;

	lead = at > h->body && (at[-1] == ' ' || at[-1] == '\t') ? "" : " ";
	col = (size_t)(at - h->line) + strlen(lead);
	if (col + strcspn(mark, "\r") > max) {
		lead = "\r\n ";
		col = 1;
	}
	if ((last = strrchr(mark, '\n')) != NULL)
		col = strlen(last + 1);
	else
		col += strlen(mark);
	left = (size_t)(h->eol - at);
	end = t->has_space || t->is_encoded || (left >= 2 &&
	    memcmp(at, "=?", 2) == 0) ? " " : "";
	if (left == 0)
		end = "";
	else if (col + strlen(end) + left > max)
		end = "\r\n ";
	patch->at = at;
	snprintf(patch->text, sizeof(patch->text), "%s%s%s", lead, mark, end);
}

/* The field, and a subject for a message that has none. */
static void
top_put(const struct header *h, const struct tag *t, const char *header,
    struct patch_at *patch)
{
	int	 need_subject;

	need_subject = t->text[0] != '\0' && h->line == NULL;
	patch->at = h->top;
	if (header[0] == '\0' && !need_subject)
		return;
	snprintf(patch->text, sizeof(patch->text), "%s%s%s%s%s%s", header,
	    header[0] == '\0' ? "" : "\r\n",
	    need_subject ? "Subject: " : "",
	    !need_subject ? "" : t->is_encoded ? t->word : t->text,
	    need_subject ? "\r\n" : "",
	    /* Else its first line would be taken for one of the header. */
	    h->is_text ? "\r\n" : "");
}

/* Both at once; all else stays. */
static int
rewrite(struct message *m, const struct header *h, const struct patch_at *top,
    const struct patch_at *subject)
{
	struct body	 b;
	int		 ret;

	memset(&b, 0, sizeof(b));
	body_patch(&b, (uint64_t)(top->at - h->base), 0, top->text,
	    strlen(top->text));
	body_patch(&b, (uint64_t)(subject->at - h->base), 0, subject->text,
	    strlen(subject->text));
	ret = body_write(m, h->base, &b);
	body_end(&b);
	return (ret);
}

int
edit_message(struct session *s, const char *tag, const char *header,
    int *breaks)
{
	struct header	 h;
	struct patch_at	 top, subject;
	struct message	*m;
	struct tag	 t;
	const char	*p;
	void		*map;
	int		 ret, error;

	*breaks = 0;
	for (p = header; (uint8_t)*p >= 0x20 && *p != 0x7f; p++)
		continue;
	if (*p != '\0' || p - header >= CONF_HEADER_MAX ||
	    strlen(tag) >= CONF_TAG_MAX) {
		errno = EINVAL;
		return (-1);
	}
	m = s->msg;
	map = NULL;
	/* Of most messages only the header is touched before the copy. */
	if (m->size > 0 && (map = mmap(NULL, (size_t)m->size, PROT_READ,
	    MAP_PRIVATE, m->fd, 0)) == MAP_FAILED)
		return (-1);
	memset(&h, 0, sizeof(h));
	h.base = map == NULL ? (const uint8_t *)"" : map;
	h.end = h.base + m->size;
	header_read(&h);
	tag_read(&t, tag);
	memset(&top, 0, sizeof(top));
	memset(&subject, 0, sizeof(subject));
	top_put(&h, &t, header, &top);
	subject.at = top.at;
	if (t.text[0] != '\0' && h.line != NULL && !is_tagged(&h, &t))
		tag_put(&h, &t, &subject);
	ret = 0;
	if (top.text[0] != '\0' || subject.text[0] != '\0') {
		ret = rewrite(m, &h, &top, &subject);
		*breaks = ret == 0 && h.is_signed;
	}
	error = errno;
	if (map != NULL)
		munmap(map, (size_t)(h.end - h.base));
	errno = error;
	return (ret);
}

/* SPDX-License-Identifier: ISC */

/*
 * Headers (RFC 5322, section 2.2; RFC 2045, section 3).
 *
 * The sender wants a field that decides how the body is read to be seen by
 * the reader's program and not by us, or the other way about: behind a line
 * that is no field, after a bare CR, below a line of blanks, under a name
 * with a blank or a comment in it, or twice.  header_read() takes the
 * reading that sees most fields, says which other readings the text allows,
 * and can be asked for each of them.
 *
 * Every line is looked at once, whatever it holds; PARSE_HEADERS_MAX fields
 * and PARSE_HEADER_BYTES_MAX bytes are the most that is read.
 */

#include <string.h>

#include "limits.h"
#include "parts.h"
#include "utf8.h"

#include "charset.h"
#include "header.h"

#define NAME_MAX_LEN	32		/* longer names are not of interest */
#define LIKELY_BYTES	8192UL		/* how far header_is_likely() looks */

enum field_id {
	FIELD_OTHER,
	FIELD_TYPE,
	FIELD_ENCODING,
	FIELD_DISPOSITION,
	FIELD_SUBJECT,
	FIELD_MSGID,
	FIELD_SINGLE,		/* nothing of interest, but only once */
	FIELD_TRACE		/* may be repeated; only mail has it */
};

/* RFC 5322 section 3.6 and RFC 2045: which fields must be single. */
static const struct field_name {
	const char	*name;
	enum field_id	 id;
} field_names[] = {
	{ "content-type", FIELD_TYPE },
	{ "content-transfer-encoding", FIELD_ENCODING },
	{ "content-disposition", FIELD_DISPOSITION },
	{ "subject", FIELD_SUBJECT },
	{ "message-id", FIELD_MSGID },
	{ "from", FIELD_SINGLE },
	{ "date", FIELD_SINGLE },
	{ "to", FIELD_SINGLE },
	{ "mime-version", FIELD_SINGLE },
	{ "sender", FIELD_SINGLE },
	{ "reply-to", FIELD_SINGLE },
	{ "cc", FIELD_SINGLE },
	{ "in-reply-to", FIELD_SINGLE },
	{ "references", FIELD_SINGLE },
	{ "content-id", FIELD_SINGLE },
	{ "content-description", FIELD_SINGLE },
	{ "received", FIELD_TRACE },
	{ "return-path", FIELD_TRACE },
	{ "dkim-signature", FIELD_TRACE },
};

#define NNAMES	(sizeof(field_names) / sizeof(field_names[0]))

/* One line, and where the next begins. */
struct line {
	const uint8_t	*p;
	const uint8_t	*end;		/* of its text */
	const uint8_t	*next;
};

/* What is needed while reading. */
struct reader {
	struct header	*h;
	const uint8_t	*end;		/* of the text or of the limit */
	const uint8_t	*nl;		/* the next LF, or end */
	const uint8_t	*eol;		/* first of the CRs before it */
	const uint8_t	*junk;		/* first line that is no field */
	struct range	*last;		/* value to which a fold belongs */
	struct range	 value;
	unsigned int	 mode;
	unsigned int	 seen;		/* bit for each single name */
	unsigned int	 after_junk;	/* fields of interest after it */
};

static void	 line_next(struct reader *, const uint8_t *, struct line *);
static int	 line_is_blank(const struct line *);
static int	 field_add(struct reader *, const struct line *);
static size_t	 field_name(struct header *, const struct line *,
		    char *, const uint8_t **);
static void	 field_keep(struct reader *, unsigned int, const uint8_t *,
		    const uint8_t *);
static struct range *range_keep(struct range *, unsigned int *);
static int	 header_line(struct reader *, const struct line *);
static void	 header_finish(struct reader *, const uint8_t *, int);
static void	 bytes_check(struct header *);

/* Lines end in LF, or in a bare CR unless that is to be text. */
static void
line_next(struct reader *r, const uint8_t *p, struct line *l)
{
	const uint8_t	*cr, *eol;

	l->p = p;
	/* Found once for all lines that end in a bare CR before it. */
	if (r->nl == NULL || r->nl < p) {
		r->nl = memchr(p, '\n', (size_t)(r->end - p));
		if (r->nl == NULL)
			r->nl = r->end;
		for (r->eol = r->nl; r->eol > p && r->eol[-1] == '\r';)
			r->eol--;
	}
	eol = r->eol;
	l->next = r->nl == r->end ? r->end : r->nl + 1;
	if (eol == r->nl && r->nl < r->end)
		r->h->anomalies |= ANOMALY(A_BARE_LF);
	else if (r->nl - eol > 1)
		r->h->anomalies |= ANOMALY(A_BARE_CR);
	cr = memchr(p, '\r', (size_t)(eol - p));
	if (cr != NULL) {
		r->h->anomalies |= ANOMALY(A_BARE_CR);
		r->h->odd |= HDR_CR_IS_TEXT;
		if ((r->mode & HDR_CR_IS_TEXT) == 0) {
			eol = cr;
			l->next = cr + 1;
		}
	}
	l->end = eol;
}

static int
line_is_blank(const struct line *l)
{
	const uint8_t	*p;

	for (p = l->p; p < l->end; p++)
		if (*p != ' ' && *p != '\t' && *p != '\r')
			return (0);
	return (1);
}

/*
 * The name of a field in lower case, at most NAME_MAX_LEN bytes, and where
 * its value begins.  Returns its length, or 0: this line is no field.
 */
static size_t
field_name(struct header *h, const struct line *l, char *name,
    const uint8_t **value)
{
	const uint8_t	*colon, *p;
	size_t		 n;
	uint64_t	 odd;
	int		 depth;

	colon = memchr(l->p, ':', (size_t)(l->end - l->p));
	if (colon == NULL)
		return (0);
	n = 0;
	odd = 0;
	depth = 0;
	for (p = l->p; p < colon; p++) {
		if (*p == '(' || depth > 0) {
			odd |= ANOMALY(A_COMMENT_NAME);
			depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		} else if (*p == ' ' || *p == '\t' || *p == '\r')
			odd |= ANOMALY(A_SPACE_COLON);
		else if (*p == '\0')
			odd |= ANOMALY(A_NUL);
		else if (*p < 0x21 || *p > 0x7e)
			return (0);
		else {
			/* White space inside of it: a sentence, no name. */
			if (n > 0 && p > l->p && (p[-1] == ' ' ||
			    p[-1] == '\t'))
				return (0);
			if (n < NAME_MAX_LEN)
				name[n] = (char)(*p >= 'A' && *p <= 'Z' ?
				    *p + 0x20 : *p);
			n++;
		}
	}
	*value = colon + 1;
	h->anomalies |= odd;
	return (n);
}

/* A place for one more of its name: the fourth is always the last. */
static struct range *
range_keep(struct range *list, unsigned int *n)
{
	if (*n < HEADER_SAME)
		(*n)++;
	return (&list[*n - 1]);
}

static void
field_keep(struct reader *r, unsigned int i, const uint8_t *p,
    const uint8_t *end)
{
	struct header	*h;
	struct range	*to;

	h = r->h;
	to = NULL;
	switch (field_names[i].id) {
	case FIELD_TYPE:
		to = range_keep(h->type, &h->ntype);
		break;
	case FIELD_ENCODING:
		to = range_keep(h->encoding, &h->nencoding);
		break;
	case FIELD_DISPOSITION:
		to = range_keep(h->disposition, &h->ndisposition);
		break;
	case FIELD_SUBJECT:
		if (h->subject.p == NULL)
			to = &h->subject;
		break;
	case FIELD_MSGID:
		if (h->msgid.p == NULL)
			to = &h->msgid;
		break;
	case FIELD_OTHER:
	case FIELD_SINGLE:
	case FIELD_TRACE:
		break;
	}
	h->nknown++;
	if (to == NULL)
		return;
	to->p = p;
	to->len = (size_t)(end - p);
	r->last = to;
	if (r->junk != NULL)
		r->after_junk++;
}

/* Returns 1 when the line was a field. */
static int
field_add(struct reader *r, const struct line *l)
{
	char		 name[NAME_MAX_LEN];
	const uint8_t	*value;
	size_t		 i, n;

	n = field_name(r->h, l, name, &value);
	if (n == 0)
		return (0);
	r->h->nfields++;
	r->last = &r->value;
	r->value.p = value;
	r->value.len = (size_t)(l->end - value);
	if (n > NAME_MAX_LEN)
		return (1);
	for (i = 0; i < NNAMES; i++)
		if (strlen(field_names[i].name) == n &&
		    memcmp(field_names[i].name, name, n) == 0)
			break;
	if (i == NNAMES)
		return (1);
	if (field_names[i].id != FIELD_TRACE) {
		if (r->seen & 1U << i)
			r->h->anomalies |= ANOMALY(A_DUP_HEADER);
		r->seen |= 1U << i;
	}
	field_keep(r, (unsigned int)i, value, l->end);
	return (1);
}

/* One line that is not empty.  Returns 1 when the header ends before it. */
static int
header_line(struct reader *r, const struct line *l)
{
	size_t	 n;

	n = (size_t)(l->end - l->p);
	if ((l->p[0] == ' ' || l->p[0] == '\t') && line_is_blank(l)) {
		r->h->odd |= HDR_BLANK_ENDS;
		r->h->anomalies |= ANOMALY(A_BAD_HEADER);
		return ((r->mode & HDR_BLANK_ENDS) != 0);
	}
	if ((l->p[0] == ' ' || l->p[0] == '\t') && r->last != NULL) {
		r->last->len = (size_t)(l->end - r->last->p);
		return (0);
	}
	if (field_add(r, l))
		return (0);
	/* The envelope line of a mailbox file, once in front. */
	if (l->p == r->h->begin && ((n > 5 && memcmp(l->p, "From ", 5) == 0) ||
	    (n > 6 && memcmp(l->p, ">From ", 6) == 0)))
		return (0);
	r->h->anomalies |= ANOMALY(A_BAD_HEADER);
	if (r->junk == NULL)
		r->junk = l->p;
	r->last = NULL;
	if (r->mode & HDR_JUNK_ENDS)
		return (1);
	return (0);
}

/* What holds for the header's bytes as a whole. */
static void
bytes_check(struct header *h)
{
	size_t	 i, len;

	len = (size_t)(h->body - h->begin);
	if (len == 0)
		return;
	if (memchr(h->begin, '\0', len) != NULL)
		h->anomalies |= ANOMALY(A_NUL);
	for (i = 0; i < len && h->begin[i] < 0x80; i++)
		continue;
	if (i < len && !utf8_valid(h->begin + i, len - i))
		h->anomalies |= ANOMALY(A_8BIT_HEADER);
}

/* p is where the header ended, properly or not. */
static void
header_finish(struct reader *r, const uint8_t *p, int is_proper)
{
	struct header	*h;

	h = r->h;
	h->body = p;
	if (r->junk != NULL) {
		if (!is_proper)
			h->anomalies |= ANOMALY(A_NO_BLANK_LINE);
		/*
		 * Junk to the end, and nothing of interest in it: that was
		 * the body.  Otherwise both readings are possible.
		 */
		if (!is_proper && r->after_junk == 0)
			h->body = r->junk;
		else
			h->odd |= HDR_JUNK_ENDS;
	}
	bytes_check(h);
}

void
header_read(struct header *h, const uint8_t *p, const uint8_t *end,
    unsigned int mode, struct delims *ds)
{
	struct reader		 r;
	struct line		 l;
	struct delim_hit	 hit;

	memset(h, 0, sizeof(*h));
	memset(&r, 0, sizeof(r));
	h->begin = p;
	r.h = h;
	r.mode = mode;
	r.end = end;
	if ((size_t)(end - p) > PARSE_HEADER_BYTES_MAX)
		r.end = p + PARSE_HEADER_BYTES_MAX;
	while (p < r.end) {
		if (ds != NULL && ds->nset > 0 && p[0] == '-' &&
		    delim_match(ds, p, end, &hit)) {
			/* It will be found again by the one who scans. */
			ds->d[hit.i].hits--;
			break;
		}
		line_next(&r, p, &l);
		if (l.p == l.end) {
			header_finish(&r, l.next, 1);
			return;
		}
		if (header_line(&r, &l)) {
			header_finish(&r, l.p, 1);
			return;
		}
		p = l.next;
		if (h->nfields >= PARSE_HEADERS_MAX)
			break;
	}
	h->is_over = h->nfields >= PARSE_HEADERS_MAX ||
	    (p == r.end && r.end < end);
	header_finish(&r, p, 0);
}

int
header_differs(const struct header *a, const struct header *b)
{
	unsigned int	 i;

	if (a->body != b->body || a->ntype != b->ntype ||
	    a->nencoding != b->nencoding ||
	    a->ndisposition != b->ndisposition)
		return (1);
	for (i = 0; i < a->ntype; i++)
		if (a->type[i].p != b->type[i].p ||
		    a->type[i].len != b->type[i].len)
			return (1);
	for (i = 0; i < a->nencoding; i++)
		if (a->encoding[i].p != b->encoding[i].p ||
		    a->encoding[i].len != b->encoding[i].len)
			return (1);
	for (i = 0; i < a->ndisposition; i++)
		if (a->disposition[i].p != b->disposition[i].p ||
		    a->disposition[i].len != b->disposition[i].len)
			return (1);
	return (0);
}

int
header_is_likely(const uint8_t *p, size_t len, int strict)
{
	struct header	 h;
	struct reader	 r;
	struct line	 l;

	memset(&h, 0, sizeof(h));
	memset(&r, 0, sizeof(r));
	if (len > LIKELY_BYTES)
		len = LIKELY_BYTES;
	h.begin = p;
	r.h = &h;
	r.mode = HDR_JUNK_ENDS;
	r.end = p + len;
	while (p < r.end) {
		line_next(&r, p, &l);
		if (l.p == l.end || header_line(&r, &l))
			break;
		p = l.next;
	}
	/* Prose with a colon in it has none of these. */
	return (h.ntype + h.nencoding > 0 || (!strict && h.nknown >= 3));
}

size_t
header_unfold(const struct range *v, uint8_t *out, size_t cap)
{
	const uint8_t	*p, *end;
	size_t		 n;

	n = 0;
	end = v->p + v->len;
	for (p = v->p; p < end && n < cap; p++)
		if (*p != '\r' && *p != '\n' && *p != '\0')
			out[n++] = *p;
	return (n);
}

/* SPDX-License-Identifier: ISC */

/*
 * Changing what is in a message that has been taken apart.
 *
 * The parser has said where the parts are, and may be in the hands of whoever
 * wrote the message.  parts_open() has seen to it that no offset leads out of
 * the message; here each entity must begin behind a delimiter line and end
 * before one of the same boundary, its header must be one, entities must lie
 * inside of their parents and not on one another.  Where a message has other
 * readings than the one, nothing is changed at all: what one reader would
 * find removed another one would still see.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "body.h"
#include "log.h"
#include "proxy.h"

/* Broken, but of one encoded body alone: gone with it. */
#define OF_CONTENT	(ANOMALY(A_BAD_BASE64) | ANOMALY(A_BAD_QP) |	\
	ANOMALY(A_XXENCODE) | ANOMALY(A_YENC) | ANOMALY(A_BINHEX) |	\
	ANOMALY(A_BAD_CONTAINER) | ANOMALY(A_COMPRESSED))

#define DELIM_MAX	(PARSE_BOUNDARY_MAX + 2)
#define DELIM_LINE_MAX	998	/* with what fills it, RFC 5322 section 2.1.1;
				   one of a false table may have no end */

static uint64_t	 doubtful(void);
static const uint8_t *delimiter(const struct body *, uint32_t, size_t *);
static int	 entity_check(struct body *, uint32_t, uint64_t);
static int	 part_goes(const struct body *, uint32_t);
static int	 write_all(int, const void *, size_t);
static int	 write_patched(int, const uint8_t *, uint64_t,
		    const struct body *);
static int	 patch_before(const void *, const void *);

void
body_begin(struct body *b, const struct parts *parts)
{
	memset(b, 0, sizeof(*b));
	b->parts = parts;
	if ((b->removed = calloc(parts->head->nparts, 1)) == NULL)
		fatal("%s", __func__);
}

void
body_end(struct body *b)
{
	while (b->nreasons > 0)
		free(b->reason[--b->nreasons]);
	free(b->patch);
	free(b->removed);
	bytes_free(&b->text);
	memset(b, 0, sizeof(*b));
}

int
body_refuse(struct body *b, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(b->why, sizeof(b->why), fmt, ap);
	va_end(ap);
	return (-1);
}

uint64_t
body_head(const struct body *b, uint32_t i)
{
	return (b->parts->part[i].raw_off - b->parts->part[i].head_len);
}

uint64_t
body_tail(const struct body *b, uint32_t i)
{
	return (b->parts->part[i].raw_off + b->parts->part[i].raw_len);
}

int
body_is_message(const struct body *b, uint32_t i)
{
	const struct arena_part	*p;

	p = b->parts->part;
	return (i == 0 || (p[p[i].parent].flags & PART_MULTIPART) == 0);
}

int
body_type_is(const struct body *b, uint32_t i, const char *type)
{
	const struct arena_part	*q;
	const char		*s;
	size_t			 n;

	q = &b->parts->part[i];
	s = parts_string(b->parts, q->type_off);
	n = strlen(type);
	if (type[n - 1] != '/' && q->type_len != n)
		return (0);
	return (q->type_len >= n && memcmp(s, type, n) == 0);
}

/* All that makes readers differ. */
static uint64_t
doubtful(void)
{
	uint64_t	 bits;
	unsigned int	 a;

	bits = 0;
	for (a = 0; a < A_MAX; a++)
		if (parts_anomaly_severity(a) != SEV_HARMLESS)
			bits |= ANOMALY(a);
	return (bits);
}

/* The delimiter before an entity, without what fills its line; or NULL. */
static const uint8_t *
delimiter(const struct body *b, uint32_t i, size_t *len)
{
	const uint8_t	*msg, *p, *end, *lf;
	uint64_t	 head;
	size_t		 n;

	msg = b->parts->msg;
	head = body_head(b, i);
	if (head < 4 || memcmp(msg + head - 2, "\r\n", 2) != 0)
		return (NULL);
	end = msg + head - 2;
	n = (size_t)(end - msg);
	if (n > DELIM_LINE_MAX + 1)
		n = DELIM_LINE_MAX + 1;
	lf = memrchr(end - n, '\n', n);
	if (lf == NULL && end - n != msg)
		return (NULL);
	p = lf == NULL ? msg : lf + 1;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*len = (size_t)(end - p);
	if (*len <= 2 || *len > DELIM_MAX || memcmp(p, "--", 2) != 0 ||
	    p < msg + b->parts->part[b->parts->part[i].parent].raw_off)
		return (NULL);
	return (p);
}

int
body_field(const struct body *b, uint32_t i, struct field *f)
{
	const uint8_t	*msg, *p, *q, *end;
	size_t		 n;

	msg = b->parts->msg;
	p = msg + (f->end == 0 ? body_head(b, i) : f->end);
	end = msg + b->parts->part[i].raw_off;
	if (end - p < 2)
		return (-1);
	if (p[0] == '\r' && p[1] == '\n')
		return (end - p == 2 ? 0 : -1);
	for (n = 0; p + n < end && p[n] > 0x20 && p[n] < 0x7f &&
	    p[n] != ':'; n++)
		continue;
	if (n == 0 || p + n == end || p[n] != ':')
		return (-1);
	f->off = (uint64_t)(p - msg);
	f->name = p;
	f->name_len = n;
	f->value = p + n + 1;
	/* Up to a line end that no white space follows. */
	for (q = f->value; q < end; q++) {
		if (*q == '\0' || *q == '\n')
			return (-1);
		if (*q != '\r')
			continue;
		if (end - q < 2 || q[1] != '\n')
			return (-1);
		q++;
		if (q + 1 == end || (q[1] != ' ' && q[1] != '\t'))
			break;
	}
	if (q >= end)
		return (-1);
	f->value_len = (size_t)(q - 1 - f->value);
	f->end = (uint64_t)(q + 1 - msg);
	return (1);
}

int
field_is(const struct field *f, const char *name)
{
	return (strlen(name) == f->name_len &&
	    strncasecmp((const char *)f->name, name, f->name_len) == 0);
}

int
body_find(const struct body *b, uint32_t i, const char *name,
    struct field *f)
{
	int	 n;

	memset(f, 0, sizeof(*f));
	while ((n = body_field(b, i, f)) == 1)
		if (field_is(f, name))
			return (1);
	return (n);
}

/* One entity, of which an elder sister ends at before. */
static int
entity_check(struct body *b, uint32_t i, uint64_t before)
{
	const struct arena_part	*p, *q;
	const uint8_t		*d, *end;
	struct field		 f;
	size_t			 n, left;
	int			 ret;

	p = b->parts->part;
	q = &p[i];
	if (i == 0 && (body_head(b, 0) != 0 || body_tail(b, 0) !=
	    b->parts->msg_len))
		return (body_refuse(b, "the parts are not the message"));
	if (i != 0 && ((p[q->parent].flags & PART_ENTITY) == 0 ||
	    body_head(b, i) < before || body_tail(b, i) >
	    body_tail(b, q->parent)))
		return (body_refuse(b, "part %u: not in its place", i));
	/* Now that it lies on no other one, all headers are one message. */
	memset(&f, 0, sizeof(f));
	while ((ret = body_field(b, i, &f)) == 1)
		continue;
	if (ret == -1)
		return (body_refuse(b, "part %u: header is none", i));
	if (i == 0)
		return (0);
	if (p[q->parent].flags & PART_MESSAGE)
		return (body_head(b, i) == before && body_tail(b, i) ==
		    body_tail(b, q->parent) ? 0 :
		    body_refuse(b, "part %u: not its message", i));
	if ((p[q->parent].flags & PART_MULTIPART) == 0)
		return (body_refuse(b, "part %u: in no container", i));
	if ((d = delimiter(b, i, &n)) == NULL)
		return (body_refuse(b, "part %u: no delimiter", i));
	end = b->parts->msg + body_tail(b, i);
	left = b->parts->msg_len - (size_t)body_tail(b, i);
	if (left >= 2 && memcmp(end, "\r\n", 2) == 0) {
		end += 2;
		left -= 2;
	} else if (q->raw_len != 0)
		left = 0;
	if (left < n || memcmp(end, d, n) != 0)
		return (body_refuse(b, "part %u: no end", i));
	return (0);
}

/* Is the part removed, or what it is in, or another reading of it? */
static int
part_goes(const struct body *b, uint32_t i)
{
	const struct arena_part	*q;
	uint32_t		 k;

	q = &b->parts->part[i];
	for (k = 0; q->raw_len > 0 && k < b->parts->head->nparts; k++)
		if (b->removed[k] != 0 && body_head(b, k) <= q->raw_off &&
		    q->raw_off + q->raw_len <= body_tail(b, k))
			return (1);
	while (b->removed[i] == 0 && i != 0)
		i = b->parts->part[i].parent;
	return (b->removed[i] != 0);
}

int
body_check(struct body *b)
{
	const struct arena_part	*p;
	uint64_t		 bad, *last;
	uint32_t		 i, n;
	int			 ret;

	p = b->parts->part;
	n = b->parts->head->nparts;
	bad = doubtful();
	if (b->parts->head->limits != 0)
		return (body_refuse(b, "not all of it was read"));
	if (b->parts->head->anomalies & bad & ~OF_CONTENT)
		return (body_refuse(b, "it can be read in several ways"));
	for (i = 0; i < n; i++)
		if ((p[i].anomalies & bad) != 0 && !part_goes(b, i))
			return (body_refuse(b, "part %u can be read in "
			    "several ways", i));
	if ((p[0].flags & PART_ENTITY) == 0)
		return (body_refuse(b, "the parts are not the message"));
	/* By parent: where its last child has ended. */
	if ((last = calloc(n, sizeof(*last))) == NULL)
		fatal("%s", __func__);
	ret = 0;
	for (i = 0; i < n && ret == 0; i++) {
		if ((p[i].flags & PART_ENTITY) == 0)
			continue;
		last[i] = p[i].raw_off;
		ret = entity_check(b, i, i == 0 ? 0 : last[p[i].parent]);
		if (i != 0)
			last[p[i].parent] = body_tail(b, i);
	}
	free(last);
	return (ret);
}

int
body_collides(const struct body *b, uint32_t i, const uint8_t *p, size_t len)
{
	const struct arena_part	*part;
	const uint8_t		*d, *q, *end;
	size_t			 n;

	part = b->parts->part;
	end = p + len;
	for (; i != 0; i = part[i].parent) {
		if (body_is_message(b, i))
			continue;
		if ((d = delimiter(b, i, &n)) == NULL)
			return (1);
		for (q = p; q != NULL && (size_t)(end - q) >= n;) {
			if (memcmp(q, d, n) == 0)
				return (1);
			q = memchr(q, '\n', (size_t)(end - q));
			if (q != NULL)
				q++;
		}
	}
	return (0);
}

int
body_is_signed(const struct body *b)
{
	struct field	 f;

	memset(&f, 0, sizeof(f));
	while (body_field(b, 0, &f) == 1)
		if (field_is(&f, "DKIM-Signature") ||
		    field_is(&f, "ARC-Message-Signature"))
			return (1);
	return (0);
}

int
body_in_signed(const struct body *b, uint32_t i)
{
	for (;; i = b->parts->part[i].parent) {
		if (body_type_is(b, i, "multipart/signed") ||
		    body_type_is(b, i, "application/pkcs7-mime") ||
		    body_type_is(b, i, "application/x-pkcs7-mime"))
			return (1);
		if (i == 0)
			return (0);
	}
}

void
body_patch(struct body *b, uint64_t off, uint64_t len, const void *data,
    size_t n)
{
	struct patch	*p;

	if (b->npatches == b->alloc) {
		b->alloc = b->alloc == 0 ? 16 : b->alloc * 2;
		p = reallocarray(b->patch, b->alloc, sizeof(*p));
		if (p == NULL)
			fatal("%s", __func__);
		b->patch = p;
	}
	p = &b->patch[b->npatches++];
	p->off = off;
	p->len = len;
	p->text = b->text.n;
	p->n = n;
	bytes_add(&b->text, data, n);
}

/* In the order of the message; at one place as they were noted. */
static int
patch_before(const void *a, const void *b)
{
	const struct patch	*p, *q;

	p = a;
	q = b;
	if (p->off != q->off)
		return (p->off < q->off ? -1 : 1);
	if (p->len != q->len)
		return (p->len < q->len ? -1 : 1);
	return (p->text < q->text ? -1 : p->text > q->text);
}

static int
write_all(int fd, const void *data, size_t len)
{
	const uint8_t	*p;
	ssize_t		 n;

	for (p = data; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return (-1);
	}
	return (0);
}

static int
write_patched(int fd, const uint8_t *base, uint64_t size,
    const struct body *b)
{
	const struct patch	*p;
	uint64_t		 at;
	size_t			 i;

	at = 0;
	for (i = 0; i < b->npatches; i++) {
		p = &b->patch[i];
		if (write_all(fd, base + at, (size_t)(p->off - at)) == -1 ||
		    (p->n > 0 && write_all(fd, b->text.p + p->text, p->n) ==
		    -1))
			return (-1);
		at = p->off + p->len;
	}
	return (write_all(fd, base + at, (size_t)(size - at)));
}

/* Both messages count for the spool until the old one is gone. */
int
body_write(struct message *m, const uint8_t *base, struct body *b)
{
	const struct patch	*p;
	uint64_t		 size, at;
	size_t			 i;
	int			 fd, old, error;

	if (b->npatches > 1)
		qsort(b->patch, b->npatches, sizeof(*b->patch), patch_before);
	size = m->size;
	at = 0;
	for (i = 0; i < b->npatches; i++) {
		p = &b->patch[i];
		if (p->off < at || p->off > m->size ||
		    p->len > m->size - p->off) {
			errno = EINVAL;
			return (-1);
		}
		at = p->off + p->len;
		size = size - p->len + p->n;
	}
	if (size > MAX_MESSAGE_SIZE) {
		errno = EFBIG;
		return (-1);
	}
	if (size > proxy.spool_max ||
	    proxy.spool_used > proxy.spool_max - size) {
		errno = ENOSPC;
		return (-1);
	}
	if ((fd = data_spool()) == -1)
		return (-1);
	old = m->fd;
	m->fd = fd;
	if (write_patched(fd, base, m->size, b) == -1 ||
	    data_seal(m) == -1) {
		error = errno;
		m->fd = old;
		close(fd);
		errno = error;
		return (-1);
	}
	close(old);
	proxy.spool_used += size - m->charged;
	m->charged = size;
	m->size = size;
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Files inside of leaves.  Mail programs find attachments where MIME knows
 * none: encoded runs in the middle of a text, and containers that only one
 * family of programs opens.  Runs are decoded where they are found; what is
 * in a container waits in the queue of mime.c with everything else that has
 * to be read, so that nesting costs no stack and is charged.
 *
 * Containers are known by their first bytes, never by type or name: those
 * are the sender's.  A type that promises a container which is not there is
 * reported.
 */

#include <string.h>

#include "limits.h"
#include "parts.h"

#include "apple.h"
#include "binhex.h"
#include "charset.h"
#include "cms.h"
#include "datauri.h"
#include "header.h"
#include "lzfu.h"
#include "pgp.h"
#include "tnef.h"
#include "unpack.h"
#include "uu.h"
#include "yenc.h"

#define TNEF_NAMES	3	/* of one attachment */

/* A text being searched for runs. */
struct search {
	struct mime	*m;
	const uint8_t	*end;
	uint32_t	 parent;
	unsigned int	 depth;		/* of what is found */
};

/* An attachment of a TNEF file, while its items come in any order. */
struct attachment {
	struct arena_str	 name[TNEF_NAMES];
	unsigned int		 nname;
	uint32_t		 from;	/* its parts begin here */
};

static const uint8_t *line_next(const uint8_t *, const uint8_t *,
		    const uint8_t **);
static struct arena_str name_clean(struct mime *, const char *,
		    const uint8_t *, size_t);
static struct arena_part *part_new(struct mime *, uint32_t, unsigned int,
		    const char *, uint32_t *);
static void	 part_decoded(struct mime *, uint32_t, uint8_t *,
		    const struct decoded *);
static void	 leaf_any(struct mime *, uint32_t, unsigned int,
		    const uint8_t *, const uint8_t *);
static void	 leaf_queue(struct mime *, uint32_t, unsigned int,
		    const uint8_t *, const uint8_t *, enum blob);
static const uint8_t *uu_give(const struct search *,
		    const struct uu_run *);
static const uint8_t *yenc_give(const struct search *,
		    const struct yenc_run *);
static void	 binhex_give(const struct search *, const uint8_t *);
static void	 binhex_fork(const struct search *, struct arena_str,
		    const uint8_t *, size_t);
static const uint8_t *pgp_give(const struct search *, const uint8_t *);
static int	 datauri_one(const struct search *, const struct datauri *);
static void	 datauri_give(const struct search *, const uint8_t *);
static const uint8_t *run_give(const struct search *, const uint8_t *);
static void	 tnef_give(struct mime *, const struct job *, struct tnef *);
static void	 tnef_item(struct mime *, const struct job *,
		    const struct tnef_item *, struct attachment *);
static void	 tnef_part(struct mime *, const struct job *,
		    const struct tnef_item *, const char *);
static void	 tnef_named(struct mime *, struct attachment *);
static void	 apple_give(struct mime *, const struct job *);
static void	 cms_give(struct mime *, const struct job *, struct cms *);
static int	 type_is(struct mime *, uint32_t, const char *);

void
unpack_init(void)
{
	binhex_init();
}

/*
 * The line behind that at p.  CR alone ends a line as well; *nl remembers
 * the next LF, so that many CRs do not look for it again and again.
 */
static const uint8_t *
line_next(const uint8_t *p, const uint8_t *end, const uint8_t **nl)
{
	const uint8_t	*cr;

	if (*nl == NULL || *nl < p)
		*nl = memchr(p, '\n', (size_t)(end - p));
	if (*nl == NULL)
		*nl = end;
	cr = memchr(p, '\r', (size_t)(*nl - p));
	if (cr != NULL && cr + 1 != *nl)
		return (cr + 1);
	return (*nl == end ? end : *nl + 1);
}

static struct arena_str
name_clean(struct mime *m, const char *charset, const uint8_t *p, size_t len)
{
	uint8_t	 buf[PARSE_NAME_MAX];
	int	 bad;

	bad = 0;
	if (charset != NULL)
		len = charset_utf8(charset, strlen(charset), p, len, buf,
		    sizeof(buf), &bad);
	else
		len = utf8_clean(p, len, buf, sizeof(buf), &bad);
	return (arena_string(&m->arena, buf, len));
}

/* A part below parent; NULL: there is no room. */
static struct arena_part *
part_new(struct mime *m, uint32_t parent, unsigned int depth,
    const char *type, uint32_t *k)
{
	struct arena_part	*part;
	struct arena_str	 s;

	if ((*k = arena_add(&m->arena, parent, depth, 0)) == ARENA_NONE)
		return (NULL);
	part = &m->arena.part[*k];
	if (m->job.is_alternate)
		part->flags |= PART_ALTERNATE;
	if (type != NULL) {
		s = arena_string(&m->arena, type, strlen(type));
		part->type_off = s.off;
		part->type_len = s.len;
		if (strncmp(type, "text/", 5) == 0)
			part->flags |= PART_TEXT;
	}
	return (part);
}

/* What has just been decoded into the room of the arena is part k. */
static void
part_decoded(struct mime *m, uint32_t k, uint8_t *out,
    const struct decoded *d)
{
	arena_commit(&m->arena, d->len);
	if (d->full)
		m->arena.limits |= LIMIT_DECODED;
	mime_part_decoded(m, k, out, d->len);
}

static void
leaf_queue(struct mime *m, uint32_t k, unsigned int depth, const uint8_t *p,
    const uint8_t *end, enum blob blob)
{
	struct job	 job;

	memset(&job, 0, sizeof(job));
	job.p = p;
	job.end = end;
	job.parent = k;
	job.depth = depth;
	job.blob = blob;
	job.is_alternate = m->job.is_alternate;
	mime_job_add(m, &job);
}

/* A file was found, the body of part k: a message, a container, or neither. */
static void
leaf_any(struct mime *m, uint32_t k, unsigned int depth, const uint8_t *p,
    const uint8_t *end)
{
	struct job	 job;

	unpack_leaf(m, k, depth, p, end);
	if (!header_is_likely(p, (size_t)(end - p), 0))
		return;
	memset(&job, 0, sizeof(job));
	job.p = p;
	job.end = end;
	job.parent = k;
	job.depth = depth;
	job.is_alternate = 1;
	mime_job_add(m, &job);
}

static const uint8_t *
uu_give(const struct search *s, const struct uu_run *run)
{
	struct arena_part	*part;
	struct arena_str	 name;
	struct decoded		 d;
	const uint8_t		*next;
	uint8_t			*out;
	size_t			 room;
	uint32_t		 k;

	if (part_new(s->m, s->parent, s->depth, NULL, &k) == NULL)
		return (s->end);
	out = arena_room(&s->m->arena, &room);
	next = uu_decode(run->data, s->end, run->form, out, room, &d);
	mime_part_raw(s->m, k, run->begin, next);
	part_decoded(s->m, k, out, &d);
	name = name_clean(s->m, NULL, run->name, run->name_len);
	part = &s->m->arena.part[k];
	part->encoding = run->form == UU_BASE64 ? ENC_BASE64 :
	    run->form == UU_XX ? ENC_XXENCODE : ENC_UUENCODE;
	part->anomalies = ANOMALY(run->form == UU_XX ? A_XXENCODE :
	    A_UUENCODE);
	s->m->arena.part[s->parent].anomalies |= part->anomalies;
	part->name_off = name.off;
	part->name_len = name.len;
	leaf_any(s->m, k, s->depth + 1, out, out + d.len);
	return (next);
}

static const uint8_t *
yenc_give(const struct search *s, const struct yenc_run *run)
{
	struct arena_part	*part;
	struct arena_str	 name;
	struct decoded		 d;
	const uint8_t		*next;
	uint8_t			*out;
	size_t			 room;
	uint32_t		 k;

	if (part_new(s->m, s->parent, s->depth, NULL, &k) == NULL)
		return (s->end);
	out = arena_room(&s->m->arena, &room);
	next = yenc_decode(run->data, s->end, out, room, &d);
	mime_part_raw(s->m, k, run->begin, next);
	part_decoded(s->m, k, out, &d);
	name = name_clean(s->m, NULL, run->name, run->name_len);
	part = &s->m->arena.part[k];
	part->encoding = ENC_YENC;
	part->anomalies = ANOMALY(A_YENC);
	if (d.bad)
		part->anomalies |= ANOMALY(A_BAD_CONTAINER);
	s->m->arena.part[s->parent].anomalies |= part->anomalies;
	part->name_off = name.off;
	part->name_len = name.len;
	leaf_any(s->m, k, s->depth + 1, out, out + d.len);
	return (next);
}

/* One fork, which lies in decoded bytes. */
static void
binhex_fork(const struct search *s, struct arena_str name, const uint8_t *p,
    size_t len)
{
	struct arena_part	*part;
	uint32_t		 k;

	if (len == 0)
		return;
	part = part_new(s->m, s->parent, s->depth, NULL, &k);
	if (part == NULL)
		return;
	mime_part_raw(s->m, k, p, p + len);
	part->encoding = ENC_BINHEX;
	part->anomalies = ANOMALY(A_BINHEX);
	part->name_off = name.off;
	part->name_len = name.len;
	leaf_any(s->m, k, s->depth + 1, p, p + len);
}

static void
binhex_give(const struct search *s, const uint8_t *p)
{
	struct arena_str	 name;
	struct binhex		 b;
	struct decoded		 d;
	uint8_t			*out;
	size_t			 room;
	uint64_t		*anomalies;

	out = arena_room(&s->m->arena, &room);
	binhex_decode(p, s->end, out, room, &d);
	arena_commit(&s->m->arena, d.len);
	if (d.full)
		s->m->arena.limits |= LIMIT_DECODED;
	anomalies = &s->m->arena.part[s->parent].anomalies;
	*anomalies |= ANOMALY(A_BINHEX);
	if (!binhex_split(out, d.len, &b) || d.bad)
		*anomalies |= ANOMALY(A_BAD_CONTAINER);
	if (b.data == NULL) {
		memset(&name, 0, sizeof(name));
		binhex_fork(s, name, out, d.len);
		return;
	}
	name = name_clean(s->m, NULL, b.name, b.name_len);
	binhex_fork(s, name, b.data, b.data_len);
	binhex_fork(s, name, b.resource, b.resource_len);
}

/* Armor at p; returns where to go on, NULL: it is none. */
static const uint8_t *
pgp_give(const struct search *s, const uint8_t *p)
{
	struct decoded	 d;
	const uint8_t	*text, *next;
	uint8_t		*out;
	size_t		 room;
	uint32_t	 k;

	switch (pgp_at(p, s->end, &text)) {
	case PGP_NONE:
		return (NULL);
	case PGP_MESSAGE:
		s->m->arena.part[s->parent].anomalies |=
		    ANOMALY(A_ENCRYPTED);
		return (text);
	case PGP_CLEAR:
		break;
	}
	out = arena_room(&s->m->arena, &room);
	/* No line was changed: the text has been given as it stands. */
	if (pgp_clear(text, s->end, &next, out, room, &d) == 0 && !d.full)
		return (text);
	if (part_new(s->m, s->parent, s->depth, "text/plain", &k) == NULL)
		return (s->end);
	part_decoded(s->m, k, out, &d);
	s->m->arena.part[k].flags |= PART_ALTERNATE;
	s->m->arena.part[k].anomalies |= ANOMALY(A_DASH_ESCAPED);
	s->m->arena.part[s->parent].anomalies |= ANOMALY(A_DASH_ESCAPED);
	/* Lines in it may begin a run only now. */
	leaf_queue(s->m, k, s->depth + 1, out, out + d.len, BLOB_TEXT);
	return (text);
}

/* A run that begins with the line at p: where to go on, NULL: none does. */
static const uint8_t *
run_give(const struct search *s, const uint8_t *p)
{
	const uint8_t	*data;
	struct yenc_run	 yenc;
	struct uu_run	 uu;

	switch (*p) {
	case 'b':
		if (!uu_at(p, s->end, &uu))
			return (NULL);
		return (uu_give(s, &uu));
	case '=':
		if (!yenc_at(p, s->end, &yenc))
			return (NULL);
		/* Its data may hold lines that begin something else. */
		yenc_give(s, &yenc);
		return (yenc.data);
	case '(':
		if ((data = binhex_at(p, s->end)) == NULL)
			return (NULL);
		binhex_give(s, data);
		return (data);
	case '-':
		return (pgp_give(s, p));
	default:
		return (NULL);
	}
}

/* A file in the text itself: 0, or -1 when no more are taken. */
static int
datauri_one(const struct search *s, const struct datauri *u)
{
	struct arena_part *part;
	struct decoded	 d;
	uint8_t		*out;
	size_t		 room;
	uint32_t	 k;
	int		 is_text;

	if (u->end == u->data)
		return (0);
	part = part_new(s->m, s->parent, s->depth, u->type, &k);
	if (part == NULL)
		return (-1);
	is_text = (part->flags & PART_TEXT) != 0;
	out = arena_room(&s->m->arena, &room);
	datauri_decode(u, out, room, &d);
	part_decoded(s->m, k, out, &d);
	leaf_any(s->m, k, s->depth + 1, out, out + d.len);
	/* A page in a page. */
	if (is_text)
		leaf_queue(s->m, k, s->depth + 1, out, out + d.len,
		    BLOB_TEXT);
	return (0);
}

static void
datauri_give(const struct search *s, const uint8_t *begin)
{
	const uint8_t	*p;
	struct datauri	 u;

	for (p = begin; datauri_next(begin, p, s->end, &u); p = u.end) {
		if (datauri_one(s, &u) == -1)
			return;
		/* In an attribute these are references, elsewhere not. */
		if (!u.has_refs && memchr(u.data, '&',
		    (size_t)(u.end - u.data)) != NULL) {
			u.has_refs = 1;
			if (datauri_one(s, &u) == -1)
				return;
		}
	}
	p = begin;
	while (datauri_spelt(begin, s->end, &p, &u))
		if (datauri_one(s, &u) == -1)
			return;
}

void
unpack_text(struct mime *m, uint32_t k, unsigned int depth,
    const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*begin, *next, *nl;
	struct search	 s;

	s.m = m;
	s.end = end;
	s.parent = k;
	s.depth = depth;
	begin = p;
	datauri_give(&s, begin);
	nl = NULL;
	while (p < end) {
		next = run_give(&s, p);
		if (next == NULL || next <= begin)
			next = line_next(p, end, &nl);
		else if (next < end && next[-1] != '\n' && next[-1] != '\r')
			next = line_next(next, end, &nl);
		p = next;
	}
}

void
unpack_body(enum part_encoding coding, const uint8_t *p, const uint8_t *end,
    uint8_t *out, size_t cap, struct decoded *d)
{
	const uint8_t	*data;
	struct yenc_run	 yenc;
	struct uu_run	 uu;
	struct binhex	 b;

	switch (coding) {
	case ENC_YENC:
		data = memmem(p, (size_t)(end - p), "=ybegin ", 8);
		if (data != NULL && yenc_at(data, end, &yenc))
			p = yenc.data;
		yenc_decode(p, end, out, cap, d);
		break;
	case ENC_BINHEX:
		if ((data = binhex_find(p, end)) != NULL)
			p = data;
		binhex_decode(p, end, out, cap, d);
		if (!binhex_split(out, d->len, &b)) {
			d->bad = 1;
			break;
		}
		memmove(out, b.data, b.data_len);
		d->len = d->stop = b.data_len;
		break;
	default:
		if (!uu_find(p, end, &uu)) {
			uu.data = p;
			uu.form = coding == ENC_XXENCODE ? UU_XX : UU_PLAIN;
		}
		uu_decode(uu.data, end, uu.form, out, cap, d);
		break;
	}
}

int
unpack_begins(const uint8_t *p, const uint8_t *end)
{
	struct yenc_run	 yenc;
	struct uu_run	 uu;

	return (uu_at(p, end, &uu) || yenc_at(p, end, &yenc) ||
	    binhex_at(p, end) != NULL);
}

static int
type_is(struct mime *m, uint32_t k, const char *type)
{
	const struct arena_part	*part;
	size_t			 n;

	part = &m->arena.part[k];
	n = strlen(type);
	return (part->type_len == n &&
	    memcmp(m->arena.str + part->type_off, type, n) == 0);
}

void
unpack_leaf(struct mime *m, uint32_t k, unsigned int depth,
    const uint8_t *p, const uint8_t *end)
{
	const uint8_t	*data;
	struct search	 s;
	struct tnef	 t;
	struct cms	 c;
	size_t		 n;

	n = (size_t)(end - p);
	if ((type_is(m, k, "application/mac-binhex40") ||
	    type_is(m, k, "application/mac-binhex") ||
	    type_is(m, k, "application/x-binhex40")) &&
	    (m->arena.part[k].anomalies & ANOMALY(A_BINHEX)) == 0 &&
	    (data = binhex_find(p, end)) != NULL) {
		s.m = m;
		s.end = end;
		s.parent = k;
		s.depth = depth;
		binhex_give(&s, data);
	}
	if (!tnef_open(&t, p, n) && !apple_is(p, n) && !cms_open(p, n, &c)) {
		if (type_is(m, k, "application/ms-tnef") ||
		    type_is(m, k, "application/vnd.ms-tnef") ||
		    type_is(m, k, "application/applefile") ||
		    type_is(m, k, "application/pkcs7-mime") ||
		    type_is(m, k, "application/x-pkcs7-mime"))
			m->arena.part[k].anomalies |=
			    ANOMALY(A_BAD_CONTAINER);
		return;
	}
	leaf_queue(m, k, depth, p, end, BLOB_CONTAINER);
}

/* The parts of an attachment get its names; all are judged. */
static void
tnef_named(struct mime *m, struct attachment *a)
{
	struct arena_part	*part;
	unsigned int		 i;
	uint32_t		 k, n;

	n = m->arena.nparts;
	for (k = a->from; k < n && a->nname > 0; k++) {
		m->arena.part[k].name_off = a->name[0].off;
		m->arena.part[k].name_len = a->name[0].len;
		for (i = 1; i < a->nname; i++) {
			part = &m->arena.part[k];
			if (arena_add(&m->arena, part->parent, part->depth,
			    0) == ARENA_NONE)
				break;
			part = &m->arena.part[m->arena.nparts - 1];
			*part = m->arena.part[k];
			part->flags |= PART_ALTERNATE;
			part->name_off = a->name[i].off;
			part->name_len = a->name[i].len;
		}
	}
	a->nname = 0;
	a->from = m->arena.nparts;
}

static void
tnef_part(struct mime *m, const struct job *j, const struct tnef_item *it,
    const char *type)
{
	struct arena_part	*part;
	struct arena_str	 charset;
	struct decoded		 d;
	const uint8_t		*p;
	uint8_t			*out;
	size_t			 room;
	uint32_t		 k;

	if (it->len == 0)
		return;
	part = part_new(m, j->parent, j->depth, type, &k);
	if (part == NULL)
		return;
	p = it->p;
	part->anomalies = ANOMALY(A_TNEF);
	/* An object begins with the 16 bytes of its interface's name. */
	if (it->kind == TNEF_OBJECT && it->len > 20 &&
	    memcmp(p + 16, "\x78\x9f\x3e\x22", 4) == 0)
		p += 16;
	mime_part_raw(m, k, p, it->p + it->len);
	if (it->kind == TNEF_BODY16) {
		charset = arena_string(&m->arena, "utf-16le", 8);
		part->charset_off = charset.off;
		part->charset_len = charset.len;
	} else if (it->kind == TNEF_RTF) {
		out = arena_room(&m->arena, &room);
		memset(&d, 0, sizeof(d));
		d.len = d.stop = lzfu_decode(it->p, it->len, out, room, &d.bad,
		    &d.full);
		part_decoded(m, k, out, &d);
		if (d.bad)
			part->anomalies |= ANOMALY(A_BAD_CONTAINER);
	} else if (it->kind == TNEF_DATA || it->kind == TNEF_OBJECT)
		leaf_any(m, k, j->depth + 1, p, it->p + it->len);
}

static void
tnef_item(struct mime *m, const struct job *j, const struct tnef_item *it,
    struct attachment *a)
{
	struct arena_str	 name;
	unsigned int		 i;
	size_t			 n;

	switch (it->kind) {
	case TNEF_ATTACH:
		tnef_named(m, a);
		break;
	case TNEF_NAME:
	case TNEF_NAME16:
		/* The NUL at the end is none of it. */
		n = it->len;
		while (n > 0 && it->p[n - 1] == '\0' &&
		    (it->kind == TNEF_NAME || n % 2 != 0 ||
		    it->p[n - 2] == '\0'))
			n -= it->kind == TNEF_NAME || n % 2 != 0 ? 1 : 2;
		name = name_clean(m, it->kind == TNEF_NAME ? NULL :
		    "utf-16le", it->p, n);
		for (i = 0; i < a->nname; i++)
			if (a->name[i].len == name.len &&
			    memcmp(arena_text(&m->arena, a->name[i]),
			    arena_text(&m->arena, name), name.len) == 0)
				return;
		if (name.len > 0)
			a->name[a->nname == TNEF_NAMES ? TNEF_NAMES - 1 :
			    a->nname++] = name;
		break;
	case TNEF_DATA:
	case TNEF_OBJECT:
		tnef_part(m, j, it, "application/octet-stream");
		break;
	case TNEF_BODY:
	case TNEF_BODY16:
		tnef_part(m, j, it, "text/plain");
		break;
	case TNEF_HTML:
		tnef_part(m, j, it, "text/html");
		break;
	case TNEF_RTF:
		tnef_part(m, j, it, "application/rtf");
		break;
	}
}

static void
tnef_give(struct mime *m, const struct job *j, struct tnef *t)
{
	struct attachment	 a;
	struct tnef_item	 it;

	m->arena.part[j->parent].anomalies |= ANOMALY(A_TNEF);
	memset(&a, 0, sizeof(a));
	a.from = m->arena.nparts;
	while ((m->arena.limits & LIMIT_PARTS) == 0 && tnef_next(t, &it))
		tnef_item(m, j, &it, &a);
	tnef_named(m, &a);
	if (t->bad)
		m->arena.part[j->parent].anomalies |=
		    ANOMALY(A_BAD_CONTAINER);
}

static void
apple_give(struct mime *m, const struct job *j)
{
	struct arena_part	*part;
	struct arena_str	 name;
	const uint8_t		*p;
	size_t			 i, len, n, count;
	int64_t			 id;
	uint32_t		 k, first;

	m->arena.part[j->parent].anomalies |= ANOMALY(A_APPLE_FILE);
	memset(&name, 0, sizeof(name));
	first = m->arena.nparts;
	len = (size_t)(j->end - j->p);
	count = apple_count(j->p, len);
	for (i = 0; i < count; i++) {
		id = apple_entry(j->p, len, i, &p, &n);
		if (id == -1)
			m->arena.part[j->parent].anomalies |=
			    ANOMALY(A_BAD_CONTAINER);
		else if (id == APPLE_NAME)
			name = name_clean(m, NULL, p, n);
		if ((id != APPLE_DATA && id != APPLE_RESOURCE) || n == 0)
			continue;
		part = part_new(m, j->parent, j->depth,
		    "application/octet-stream", &k);
		if (part == NULL)
			return;
		mime_part_raw(m, k, p, p + n);
		part->anomalies = ANOMALY(A_APPLE_FILE);
		leaf_any(m, k, j->depth + 1, p, p + n);
	}
	for (k = first; k < m->arena.nparts; k++) {
		m->arena.part[k].name_off = name.off;
		m->arena.part[k].name_len = name.len;
	}
}

static void
cms_give(struct mime *m, const struct job *j, struct cms *c)
{
	struct decoded	 d;
	uint8_t		*out;
	uint64_t	*anomalies;
	size_t		 room;
	uint32_t	 k;

	anomalies = &m->arena.part[j->parent].anomalies;
	if (c->bad)
		*anomalies |= ANOMALY(A_BAD_CONTAINER);
	if (c->kind == CMS_ENCRYPTED)
		*anomalies |= ANOMALY(A_ENCRYPTED);
	else if (c->kind == CMS_COMPRESSED)
		*anomalies |= ANOMALY(A_COMPRESSED);
	if (c->content == NULL)
		return;
	*anomalies |= ANOMALY(A_OPAQUE_SIGNED);
	if (part_new(m, j->parent, j->depth, "application/octet-stream",
	    &k) == NULL)
		return;
	out = arena_room(&m->arena, &room);
	cms_content(c, out, room, &d);
	part_decoded(m, k, out, &d);
	if (d.bad)
		m->arena.part[j->parent].anomalies |=
		    ANOMALY(A_BAD_CONTAINER);
	leaf_any(m, k, j->depth + 1, out, out + d.len);
}

void
unpack_job(struct mime *m, const struct job *j)
{
	struct tnef	 t;
	struct cms	 c;
	size_t		 n;

	n = (size_t)(j->end - j->p);
	if (j->blob == BLOB_TEXT)
		unpack_text(m, j->parent, j->depth, j->p, j->end);
	else if (tnef_open(&t, j->p, n))
		tnef_give(m, j, &t);
	else if (apple_is(j->p, n))
		apple_give(m, j);
	else if (cms_open(j->p, n, &c))
		cms_give(m, j, &c);
}

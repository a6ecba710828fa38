/* SPDX-License-Identifier: ISC */

/*
 * Readings: all the ways in which somebody's program reads one body.
 *
 * Each Content-Type of an entity is tried with each of its encodings: the
 * first pair is the part proper, all others are PART_ALTERNATE.  What turns
 * out to be a container is queued (mime.c) with each of its boundaries; so
 * is the same entity with its header read differently.  Ranges that were
 * read before in the same way are not given twice.
 *
 * References for who reads how: RFC 7103, and the drafts and papers on
 * ambiguous MIME that name clients for each trick.
 */

#include <string.h>
#include <strings.h>

#include "decode.h"
#include "limits.h"
#include "parts.h"

#include "charset.h"
#include "header.h"
#include "reading.h"
#include "unpack.h"

#define SNIFF_BYTES	4096UL		/* looked at to guess an encoding */

/* A body in one encoding; decoded when it is asked for. */
struct body {
	const uint8_t	*p;
	const uint8_t	*end;
	struct decoded	 d;
	int		 is_done;
};

/* The entity whose readings are being given. */
struct reading {
	struct mime	*m;
	struct entity	*e;
	unsigned int	 depth;
	const uint8_t	*raw;		/* its body as it stands */
	const uint8_t	*end;
	uint32_t	 parent;	/* of e->part */
	struct body	 body[ENTITY_CODINGS];
	int		 is_given;	/* before; e->part was taken back */
};

static int	 is_blank(const uint8_t *, const uint8_t *);
static int	 is_decoded(enum part_encoding);
static int	 is_run(enum part_encoding);
static int	 looks_base64(const uint8_t *, const uint8_t *);
static int	 looks_qp(const uint8_t *, const uint8_t *);
static struct body *body_get(struct reading *, unsigned int);
static void	 body_bad(struct reading *, enum part_encoding);
static void	 part_body(struct reading *, uint32_t, unsigned int);
static uint32_t	 part_more(struct reading *, unsigned int, unsigned int);
static void	 give_first(struct reading *);
static void	 give_leaf(struct reading *, unsigned int, unsigned int);
static void	 give_one(struct reading *, unsigned int, unsigned int, int);
static void	 give_base64(struct reading *, unsigned int, unsigned int);
static void	 give_names(struct reading *, unsigned int);
static void	 give_multi(struct reading *, unsigned int, unsigned int,
		    int);
static void	 give_message(struct reading *, unsigned int, unsigned int);
static void	 give_headers(struct reading *);
static void	 sniff_message(struct reading *, uint32_t, unsigned int,
		    int);

static int
is_blank(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
			return (0);
	return (1);
}

static int
is_decoded(enum part_encoding coding)
{
	return (coding != ENC_IDENTITY && coding != ENC_UNKNOWN);
}

/* Is it one that can also stand inside of text: 1 or 0. */
static int
is_run(enum part_encoding coding)
{
	return (is_decoded(coding) && coding != ENC_BASE64 &&
	    coding != ENC_QP);
}

/* Lines of letters only, as base64 is. */
static int
looks_base64(const uint8_t *p, const uint8_t *end)
{
	size_t	 letters;

	if ((size_t)(end - p) > SNIFF_BYTES)
		end = p + SNIFF_BYTES;
	for (letters = 0; p < end; p++)
		if ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
		    (*p >= '0' && *p <= '9') || *p == '+' || *p == '/' ||
		    *p == '=')
			letters++;
		else if (*p != '\r' && *p != '\n' && *p != ' ' && *p != '\t')
			return (0);
	return (letters >= 8);
}

/* At least one escape. */
static int
looks_qp(const uint8_t *p, const uint8_t *end)
{
	if ((size_t)(end - p) > SNIFF_BYTES)
		end = p + SNIFF_BYTES;
	for (; end - p > 2; p++)
		if (*p == '=' && (p[1] == '\r' || p[1] == '\n' ||
		    (decode_hex(p[1]) != -1 && decode_hex(p[2]) != -1)))
			return (1);
	return (0);
}

static void
body_bad(struct reading *r, enum part_encoding coding)
{
	if (coding == ENC_QP)
		r->e->anomalies |= ANOMALY(A_BAD_QP);
	else if (coding == ENC_BASE64)
		r->e->anomalies |= ANOMALY(A_BAD_BASE64);
	else
		r->e->anomalies |= ANOMALY(A_BAD_CONTAINER);
}

static struct body *
body_get(struct reading *r, unsigned int j)
{
	struct body	*b;
	uint8_t		*out;
	size_t		 len, room;

	b = &r->body[j];
	if (b->is_done)
		return (b);
	b->is_done = 1;
	b->p = r->raw;
	b->end = r->end;
	if (!is_decoded(r->e->coding[j]))
		return (b);
	len = (size_t)(r->end - r->raw);
	out = arena_room(&r->m->arena, &room);
	if (r->e->coding[j] == ENC_BASE64)
		decode_base64(r->raw, len, out, room, 0, &b->d);
	else if (r->e->coding[j] == ENC_QP)
		decode_qp(r->raw, len, out, room, &b->d);
	else
		unpack_body(r->e->coding[j], r->raw, r->end, out, room,
		    &b->d);
	if (b->d.full)
		r->m->arena.limits |= LIMIT_DECODED;
	if (b->d.bad)
		body_bad(r, r->e->coding[j]);
	arena_commit(&r->m->arena, b->d.len);
	b->p = out;
	b->end = out + b->d.len;
	return (b);
}

void
reading_describe(struct mime *m, const struct entity *e, uint32_t k,
    unsigned int i, unsigned int j)
{
	const struct entity_type	*t;
	struct arena_part		*part;

	t = &e->type[i];
	part = &m->arena.part[k];
	part->encoding = (uint16_t)e->coding[j];
	part->type_off = t->type.off;
	part->type_len = t->type.len;
	part->charset_off = t->charset.off;
	part->charset_len = t->charset.len;
	if (e->nname > 0) {
		part->name_off = e->name[0].off;
		part->name_len = e->name[0].len;
	}
	if (t->kind == KIND_TEXT)
		part->flags |= PART_TEXT;
	if (e->is_attachment)
		part->flags |= PART_ATTACHMENT;
	if (m->job.is_alternate)
		part->flags |= PART_ALTERNATE;
}

/* Part k has the body in encoding j. */
static void
part_body(struct reading *r, uint32_t k, unsigned int j)
{
	struct body	*b;

	b = body_get(r, j);
	mime_part_raw(r->m, k, r->raw, r->end);
	if (is_decoded(r->e->coding[j]))
		mime_part_decoded(r->m, k, b->p, (size_t)(b->end - b->p));
}

/* One more part for another reading; ARENA_NONE if there is no room. */
static uint32_t
part_more(struct reading *r, unsigned int i, unsigned int j)
{
	uint32_t	 k;

	k = arena_add(&r->m->arena, r->parent, r->depth, 0);
	if (k == ARENA_NONE)
		return (k);
	reading_describe(r->m, r->e, k, i, j);
	part_body(r, k, j);
	r->m->arena.part[k].flags |= PART_ALTERNATE;
	r->m->arena.part[k].anomalies = r->e->anomalies;
	return (k);
}

/* Where data followed the padding: the reader who stops, who ignores. */
static void
give_base64(struct reading *r, unsigned int i, unsigned int j)
{
	struct body	*b;
	struct decoded	 d;
	uint8_t		*out;
	size_t		 room;
	uint32_t	 k;

	b = body_get(r, j);
	if (!b->d.restarted || b->d.stop == b->d.len)
		return;
	if ((k = part_more(r, i, j)) == ARENA_NONE)
		return;
	r->m->arena.part[k].len = b->d.stop;

	out = arena_room(&r->m->arena, &room);
	decode_base64(r->raw, (size_t)(r->end - r->raw), out, room, 1, &d);
	if (d.full)
		r->m->arena.limits |= LIMIT_DECODED;
	if ((k = part_more(r, i, j)) == ARENA_NONE)
		return;
	arena_commit(&r->m->arena, d.len);
	mime_part_decoded(r->m, k, out, d.len);
}

/* The same bytes under each other name. */
static void
give_names(struct reading *r, unsigned int j)
{
	struct arena_part	*part;
	unsigned int		 n;
	uint32_t		 k;

	for (n = 1; n < r->e->nname; n++) {
		if ((k = part_more(r, 0, j)) == ARENA_NONE)
			return;
		part = &r->m->arena.part[k];
		part->name_off = r->e->name[n].off;
		part->name_len = r->e->name[n].len;
	}
}

/* Bytes that look like a message are read as one too, whatever their type. */
static void
sniff_message(struct reading *r, uint32_t k, unsigned int j, int strict)
{
	struct body	*b;
	struct job	 job;
	size_t		 n;

	b = body_get(r, j);
	n = (size_t)(b->end - b->p);
	if (!header_is_likely(b->p, n, strict))
		return;
	/* Headers of a bounced message: there is no body behind them. */
	if (memmem(b->p, n, "\n\n", 2) == NULL &&
	    memmem(b->p, n, "\n\r\n", 3) == NULL &&
	    memmem(b->p, n, "\r\r", 2) == NULL)
		return;
	memset(&job, 0, sizeof(job));
	job.p = b->p;
	job.end = b->end;
	job.parent = k;
	job.depth = r->depth + 1;
	job.is_alternate = 1;
	mime_job_add(r->m, &job);
}

/*
 * The part proper.  Another reading of the message comes across the same
 * parts again; those are not given twice.
 */
static void
give_first(struct reading *r)
{
	struct mime	*m;
	struct entity	*e;
	int		 is_seen;

	m = r->m;
	e = r->e;
	reading_describe(m, e, e->part, 0, 0);
	is_seen = mime_part_seen(m, e->part, r->raw, r->end) &&
	    e->ncoding == 1 && e->ntype == 1 && e->nname <= 1;
	if (m->job.is_alternate && e->part == m->arena.nparts - 1 &&
	    (is_seen || is_blank(r->raw, r->end))) {
		r->is_given = 1;
		m->arena.nparts--;
		return;
	}
	part_body(r, e->part, 0);
}

/* Pictures and the like that are written as text, such as SVG. */
static int
is_markup(const struct mime *m, struct arena_str type)
{
	return (type.len > 3 && memcmp(m->arena.str + type.off + type.len - 3,
	    "xml", 3) == 0);
}

/* Type i, which contains nothing, in encoding j. */
static void
give_leaf(struct reading *r, unsigned int i, unsigned int j)
{
	struct entity_type	*t, *first;
	struct body		*b;
	uint32_t		 k;

	t = &r->e->type[i];
	first = &r->e->type[0];
	if (i == 0 && j == 0) {
		k = r->e->part;
		give_first(r);
		if (r->is_given)
			return;
	} else {
		/* Another type of the same bytes: in one encoding. */
		if (i > 0 && first->kind != KIND_MULTI && (j > 0 ||
		    (t->type.off == first->type.off &&
		    t->charset.off == first->charset.off)))
			return;
		if ((k = part_more(r, i, j)) == ARENA_NONE)
			return;
	}
	give_base64(r, i, j);
	b = body_get(r, j);
	if (is_run(r->e->coding[j]))
		unpack_text(r->m, k, r->depth + 1, r->raw, r->end);
	else if (t->kind == KIND_TEXT || is_markup(r->m, t->type) ||
	    unpack_begins(b->p, b->end))
		unpack_text(r->m, k, r->depth + 1, b->p, b->end);
	if (i > 0)
		return;
	unpack_leaf(r->m, k, r->depth + 1, b->p, b->end);
	sniff_message(r, k, j, t->kind == KIND_TEXT);
	if (j == 0)
		give_names(r, 0);
}

/* A multipart: split the body in encoding j by each boundary. */
static void
give_multi(struct reading *r, unsigned int i, unsigned int j, int is_split)
{
	struct entity_type	*t;
	struct body		*b;
	struct job		 job;
	size_t			 n;

	t = &r->e->type[i];
	memset(&job, 0, sizeof(job));
	job.p = r->raw;
	job.end = r->end;
	job.parent = r->e->part;
	job.depth = r->depth + 1;
	job.is_multi = job.is_alternate = 1;
	job.is_digest = t->is_digest;
	/* The first one of the first type was done in place. */
	for (n = i == 0 && is_split ? 1 : 0; n < t->nboundary; n++) {
		job.boundary = t->boundary[n];
		mime_job_add(r->m, &job);
	}
	if (!is_decoded(r->e->coding[j]))
		return;
	b = body_get(r, j);
	job.p = b->p;
	job.end = b->end;
	for (n = 0; n < t->nboundary; n++) {
		job.boundary = t->boundary[n];
		mime_job_add(r->m, &job);
	}
	if (t->nboundary == 0)
		reading_guess(r->m, r->e->part, r->depth + 1, b->p, b->end,
		    t->is_digest);
}

/* A message in encoding j. */
static void
give_message(struct reading *r, unsigned int i, unsigned int j)
{
	struct body	*b;
	struct job	 job;

	b = body_get(r, j);
	if (i == 0 && j == 0) {
		reading_describe(r->m, r->e, r->e->part, 0, 0);
		part_body(r, r->e->part, 0);
		r->m->arena.part[r->e->part].flags |= PART_MESSAGE;
	}
	memset(&job, 0, sizeof(job));
	job.p = b->p;
	job.end = b->end;
	job.parent = r->e->part;
	job.depth = r->depth + 1;
	job.is_alternate = i > 0 || j > 0 || r->m->job.is_alternate;
	mime_job_add(r->m, &job);
	/* Encoded where that is not allowed: many do not decode it. */
	if (is_decoded(r->e->coding[j]) && header_is_likely(r->raw,
	    (size_t)(r->end - r->raw), 0)) {
		job.p = r->raw;
		job.end = r->end;
		job.is_alternate = 1;
		mime_job_add(r->m, &job);
	}
}

/* The entity with its header read in the other ways that it allows. */
static void
give_headers(struct reading *r)
{
	struct header	 h;
	struct entity	*e;
	struct job	 job;
	unsigned int	 mode;
	uint64_t	 cost;

	e = r->e;
	if (e->mode != 0 || e->h.odd == 0)
		return;
	memset(&job, 0, sizeof(job));
	job.p = e->h.begin;
	job.end = r->end;
	job.depth = r->depth;
	job.is_alternate = 1;
	job.is_digest = e->in_digest;
	job.parent = r->parent;
	for (mode = 1; mode <= HDR_ALL; mode++) {
		if ((mode & e->h.odd) != mode)
			continue;
		cost = (uint64_t)(e->h.body - e->h.begin);
		if (cost > r->m->work) {
			r->m->arena.limits |= LIMIT_DECODED;
			return;
		}
		r->m->work -= cost;
		header_read(&h, job.p, job.end, mode, NULL);
		if (!header_differs(&h, &e->h))
			continue;
		job.mode = mode;
		mime_job_add(r->m, &job);
	}
}

/* Type i in encoding j, unless that has been done in place. */
static void
give_one(struct reading *r, unsigned int i, unsigned int j, int is_split)
{
	enum entity_kind	 kind;

	kind = r->e->type[i].kind;
	if (kind == KIND_MULTI && (i > 0 || is_split))
		give_multi(r, i, j, is_split);
	else if (kind == KIND_MESSAGE && r->depth < r->m->max_depth) {
		if (i > 0 || j > 0 || !is_split)
			give_message(r, i, j);
	} else if (i > 0 || !is_split) {
		if (kind == KIND_MESSAGE)
			r->m->arena.limits |= LIMIT_DEPTH;
		give_leaf(r, i, j);
	}
}

void
reading_give(struct mime *m, struct entity *e, unsigned int depth,
    const uint8_t *end, int is_split)
{
	struct reading	 r;
	unsigned int	 i, j;

	memset(&r, 0, sizeof(r));
	r.m = m;
	r.e = e;
	r.depth = depth;
	r.parent = m->arena.part[e->part].parent;
	r.raw = e->h.body;
	r.end = end < r.raw ? r.raw : end;
	for (j = 0; j < e->ncoding; j++) {
		if (e->coding[j] != ENC_UNKNOWN)
			continue;
		if (looks_base64(r.raw, r.end))
			entity_add_coding(e, ENC_BASE64);
		if (looks_qp(r.raw, r.end))
			entity_add_coding(e, ENC_QP);
		break;
	}
	for (i = 0; i < e->ntype && !r.is_given; i++)
		for (j = 0; j < e->ncoding && !r.is_given; j++)
			give_one(&r, i, j, is_split);
	if (!r.is_given)
		m->arena.part[e->part].anomalies |= e->anomalies;
	give_headers(&r);
}

void
reading_text(struct mime *m, uint32_t parent, unsigned int depth,
    const uint8_t *p, const uint8_t *end, uint32_t flags, uint64_t anomalies)
{
	struct arena_part	*part;
	struct arena_str	 type;
	struct job		 job;
	const uint8_t		*q;
	uint32_t		 k;

	if (is_blank(p, end))
		return;
	k = arena_add(&m->arena, parent, depth, 0);
	if (k == ARENA_NONE)
		return;
	type = arena_string(&m->arena, "text/plain", 10);
	mime_part_raw(m, k, p, end);
	part = &m->arena.part[k];
	part->flags |= flags | PART_TEXT;
	part->anomalies = anomalies;
	part->type_off = type.off;
	part->type_len = type.len;
	if (m->job.is_alternate)
		part->flags |= PART_ALTERNATE;
	if (mime_part_seen(m, k, p, end) && m->job.is_alternate) {
		m->arena.nparts--;
		return;
	}
	unpack_text(m, k, depth + 1, p, end);
	/* A header here is no header, except for some. */
	for (q = p; q < end && (*q == '\r' || *q == '\n'); q++)
		continue;
	if (!header_is_likely(q, (size_t)(end - q), 1))
		return;
	memset(&job, 0, sizeof(job));
	job.p = q;
	job.end = end;
	job.parent = k;
	job.depth = depth;
	job.is_alternate = 1;
	mime_job_add(m, &job);
}

void
reading_guess(struct mime *m, uint32_t parent, unsigned int depth,
    const uint8_t *p, const uint8_t *end, int is_digest)
{
	const uint8_t	*begin, *eol, *nl;
	struct job	 job;
	size_t		 len;

	begin = p;
	len = 0;
	for (; end - p > 2; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return;
		if (p[0] != '-' || p[1] != '-')
			continue;
		for (eol = nl; eol > p && (eol[-1] == '\r' ||
		    eol[-1] == ' ' || eol[-1] == '\t');)
			eol--;
		len = (size_t)(eol - p) - 2;
		if (eol - p > 2 && len <= PARSE_BOUNDARY_MAX && end - nl > 9 &&
		    strncasecmp((const char *)nl + 1, "content-", 8) == 0)
			break;
	}
	if (end - p <= 2)
		return;
	memset(&job, 0, sizeof(job));
	job.p = begin;
	job.end = end;
	job.parent = parent;
	job.depth = depth;
	job.is_multi = job.is_alternate = 1;
	job.is_digest = is_digest;
	job.boundary.len = len;
	memcpy(job.boundary.b, p + 2, len);
	mime_job_add(m, &job);
}

/* SPDX-License-Identifier: ISC */

/*
 * MIME structure (RFC 2045, RFC 2046): the machine that takes a message
 * apart.
 *
 * The sender chose every byte, and wants that the part with the poison is
 * not among the parts that we find, or that finding it takes us forever.
 * Against the first: where readers of mail differ, the text is read again in
 * each other way (reading.c decides which), and the parts of all readings
 * are given.  Against the second: one pass over each range without
 * recursion, a fixed stack of open containers, a queue of ranges instead of
 * nested calls, and a budget for parts, depth, decoded bytes and bytes read
 * again.  What a limit leaves unread is given as one opaque part and is
 * reported: it is never taken for clean.
 *
 * A part's index is greater than its parent's.  Parts that need no decoding
 * are ranges of the message, which is never written to.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#include "mime.h"
#include "reading.h"
#include "text.h"
#include "unpack.h"

#define SEEN_PROBES	8

static uint32_t	 range_hash(const uint8_t *, const uint8_t *, uint32_t);
static int	 job_same(const struct job *, const struct job *);
static int	 job_seen(struct mime *, const struct job *, uint32_t);
static void	 job_run(struct mime *);
static const uint8_t *entity_start(struct mime *, const uint8_t *,
		    unsigned int, uint32_t, unsigned int, int);
static void	 entity_fields(struct mime *, struct entity *);
static void	 part_entity(struct mime *, const struct entity *,
		    const uint8_t *);
static int	 entity_splits(struct mime *, struct entity *,
		    unsigned int);
static struct frame *frame_push(struct mime *, unsigned int,
		    const uint8_t *, const struct boundary *);
static void	 frames_pop(struct mime *, unsigned int, const uint8_t *);
static void	 frame_end(struct mime *, struct frame *, struct delim *,
		    const uint8_t *);
static void	 loose_add(struct mime *, const struct frame *,
		    const struct delim *, const uint8_t *);
static void	 section_end(struct mime *, const uint8_t *);
static const uint8_t *section_next(struct mime *,
		    const struct delim_hit *);
static const uint8_t *line_end_strip(const uint8_t *, const uint8_t *);
static void	 rest_opaque(struct mime *, const uint8_t *, uint32_t,
		    unsigned int);

int
mime_parse(struct mime *m, const uint8_t *msg, size_t len,
    const struct mime_limits *lim)
{
	static const uint8_t	 empty[1];
	struct part_key		*keys;
	struct job		 root;
	size_t			 i;

	if (msg == NULL)
		msg = empty;
	if (arena_begin(&m->arena, lim->max_parts, lim->max_decoded) == -1)
		return (-1);
	if (m->alloc_keys < lim->max_parts) {
		keys = reallocarray(m->keys, lim->max_parts, sizeof(*keys));
		if (keys == NULL)
			return (-1);
		m->keys = keys;
		m->alloc_keys = lim->max_parts;
	}
	m->msg = msg;
	m->msg_len = len;
	m->max_depth = lim->max_depth;
	m->work = len * MIME_WORK_FACTOR + MIME_WORK_SLACK;
	m->njobs = 0;
	m->is_stopped = 0;
	/* Slots of the last message must not be taken for this one's. */
	if (++m->message == 0) {
		memset(m->seen_job, 0, sizeof(m->seen_job));
		memset(m->seen_part, 0, sizeof(m->seen_part));
		m->message = 1;
	}
	memset(&root, 0, sizeof(root));
	root.p = msg;
	root.end = msg + len;
	m->job = root;
	job_run(m);
	for (i = 0; i < m->njobs && !m->is_stopped; i++) {
		m->job = m->jobs[i];
		if (m->job.blob != BLOB_NONE)
			unpack_job(m, &m->job);
		else
			job_run(m);
	}
	if (lim->want_text)
		text_give(m);
	return (0);
}

void
mime_clear(struct mime *m)
{
	arena_clear(&m->arena);
	free(m->jobs);
	free(m->keys);
	memset(m, 0, sizeof(*m));
}

static uint32_t
range_hash(const uint8_t *p, const uint8_t *end, uint32_t more)
{
	uint64_t	 h;

	h = (uint64_t)(uintptr_t)p * 0x9e3779b97f4a7c15ULL;
	h ^= (uint64_t)(uintptr_t)end * 0xc2b2ae3d27d4eb4fULL;
	h = (h ^ h >> 29 ^ more) * 0x165667b19e3779f9ULL;
	return ((uint32_t)(h >> 32));
}

static int
job_same(const struct job *a, const struct job *b)
{
	size_t	 n;

	if (a->p != b->p || a->end != b->end || a->mode != b->mode ||
	    a->is_multi != b->is_multi || a->is_loose != b->is_loose ||
	    a->blob != b->blob ||
	    a->is_digest != b->is_digest ||
	    a->boundary.len != b->boundary.len)
		return (0);
	n = a->boundary.len;
	if (n > sizeof(a->boundary.b))
		n = sizeof(a->boundary.b);
	return (!a->is_multi ||
	    memcmp(a->boundary.b, b->boundary.b, n) == 0);
}

/* Has this been queued; if not, it will be as the n-th. */
static int
job_seen(struct mime *m, const struct job *j, uint32_t n)
{
	struct seen	*s;
	uint32_t	 h, i;

	h = range_hash(j->p, j->end, j->mode << 8 |
	    (uint32_t)j->blob << 5 | (uint32_t)j->is_multi << 4 |
	    (uint32_t)j->is_loose);
	for (i = 0; i < SEEN_PROBES; i++) {
		s = &m->seen_job[(h + i) % MIME_SEEN];
		if (s->message != m->message) {
			s->message = m->message;
			s->index = n;
			return (0);
		}
		if (job_same(&m->jobs[s->index], j))
			return (1);
	}
	/* Crowded: done twice at worst. */
	return (0);
}

void
mime_job_add(struct mime *m, const struct job *j)
{
	struct job	*jobs;
	uint64_t	 cost;
	size_t		 n;

	/* Containers that come of it would be too deep: not looked into. */
	if (j->depth > m->max_depth) {
		m->arena.limits |= LIMIT_DEPTH;
		return;
	}
	if (m->njobs == MIME_JOBS_MAX) {
		m->arena.limits |= LIMIT_PARTS;
		return;
	}
	cost = (uint64_t)(j->end - j->p);
	if (cost > m->work) {
		m->arena.limits |= LIMIT_DECODED;
		return;
	}
	if (m->njobs == m->alloc_jobs) {
		n = m->alloc_jobs == 0 ? 16 : m->alloc_jobs * 2;
		jobs = reallocarray(m->jobs, n, sizeof(*jobs));
		if (jobs == NULL) {
			m->arena.limits |= LIMIT_MEMORY;
			return;
		}
		m->jobs = jobs;
		m->alloc_jobs = n;
	}
	if (job_seen(m, j, (uint32_t)m->njobs))
		return;
	m->work -= cost;
	m->jobs[m->njobs++] = *j;
}

void
mime_part_raw(struct mime *m, uint32_t i, const uint8_t *p,
    const uint8_t *end)
{
	struct arena_part	*part;

	part = &m->arena.part[i];
	part->len = (uint64_t)(end - p);
	if (arena_has(&m->arena, p)) {
		part->flags |= PART_ARENA;
		part->off = (uint64_t)(p - m->arena.body);
		return;
	}
	part->off = part->raw_off = (uint64_t)(p - m->msg);
	part->raw_len = part->len;
}

void
mime_part_decoded(struct mime *m, uint32_t i, const uint8_t *p, size_t len)
{
	struct arena_part	*part;

	part = &m->arena.part[i];
	part->flags |= PART_ARENA;
	part->off = (uint64_t)(p - m->arena.body);
	part->len = len;
}

int
mime_part_seen(struct mime *m, uint32_t i, const uint8_t *p,
    const uint8_t *end)
{
	const struct arena_part	*a, *b;
	struct part_key		*key;
	struct seen		*s;
	uint32_t		 h, n;

	a = &m->arena.part[i];
	m->keys[i].p = p;
	m->keys[i].end = end;
	h = range_hash(p, end, a->encoding);
	for (n = 0; n < SEEN_PROBES; n++) {
		s = &m->seen_part[(h + n) % MIME_SEEN];
		if (s->message != m->message) {
			s->message = m->message;
			s->index = i;
			return (0);
		}
		/* The part may have been taken back since. */
		if (s->index >= m->arena.nparts || s->index == i)
			continue;
		b = &m->arena.part[s->index];
		key = &m->keys[s->index];
		if (key->p == p && key->end == end &&
		    a->encoding == b->encoding &&
		    a->type_off == b->type_off &&
		    a->type_len == b->type_len &&
		    a->charset_off == b->charset_off &&
		    a->charset_len == b->charset_len &&
		    a->name_off == b->name_off && a->name_len == b->name_len)
			return (1);
	}
	return (0);
}

/* Without the line end before p, which belongs to the delimiter at p. */
static const uint8_t *
line_end_strip(const uint8_t *begin, const uint8_t *p)
{
	if (p > begin && p[-1] == '\n')
		p--;
	if (p > begin && p[-1] == '\r')
		p--;
	return (p);
}

/* No room for more parts: what follows is handed on as it stands. */
static void
rest_opaque(struct mime *m, const uint8_t *p, uint32_t parent,
    unsigned int depth)
{
	uint32_t	 i;

	m->is_stopped = 1;
	i = arena_add(&m->arena, parent, depth, 1);
	if (i == ARENA_NONE)
		return;
	if (m->job.is_alternate)
		m->arena.part[i].flags |= PART_ALTERNATE;
	mime_part_raw(m, i, p, m->job.end);
}

/* What the message as a whole is called. */
static void
entity_fields(struct mime *m, struct entity *e)
{
	struct arena	*a;

	a = &m->arena;
	if (e->part != 0)
		return;
	a->subject = entity_text(a, &e->h.subject, MIME_SUBJECT_MAX,
	    &e->anomalies);
	a->msgid = entity_text(a, &e->h.msgid, MIME_MSGID_MAX,
	    &e->anomalies);
}

/*
 * An entity that stands in the message as it is and in the reading that
 * everybody shares: where, for those who change it.
 */
static void
part_entity(struct mime *m, const struct entity *e, const uint8_t *p)
{
	struct arena_part	*part;

	if (m->job.is_alternate || arena_has(&m->arena, p))
		return;
	part = &m->arena.part[e->part];
	part->flags |= PART_ENTITY;
	part->head_len = (uint32_t)(e->h.body - p);
	part->raw_off = (uint64_t)(e->h.body - m->msg);
}

/* Open a container; its body begins at body. */
static struct frame *
frame_push(struct mime *m, unsigned int depth, const uint8_t *body,
    const struct boundary *b)
{
	struct frame	*f;

	if (m->nframe == DELIM_STACK)
		fatalx("%s: too deep", __func__);
	f = &m->frame[m->nframe++];
	f->begin = body;
	f->depth = depth;
	f->is_multi = b != NULL;
	f->is_closed = f->is_digest = f->is_lent = 0;
	if (b == NULL)
		delim_push(&m->delims, NULL, 0);
	else
		delim_push(&m->delims, b->b, b->len);
	return (f);
}

/* Is this entity taken apart where it lies: 1 or 0. */
static int
entity_splits(struct mime *m, struct entity *e, unsigned int depth)
{
	struct entity_type	*t;
	struct delims		*ds;
	unsigned int		 i;

	t = &e->type[0];
	if (t->kind != KIND_MULTI && (t->kind != KIND_MESSAGE ||
	    (e->coding[0] != ENC_IDENTITY && e->coding[0] != ENC_UNKNOWN)))
		return (0);
	if (depth >= m->max_depth) {
		m->arena.limits |= LIMIT_DEPTH;
		return (0);
	}
	ds = &m->delims;
	if (t->kind != KIND_MULTI || t->nboundary == 0 ||
	    !delim_is_open(ds, t->boundary[0].b, t->boundary[0].len))
		return (1);
	/* The boundary of a container around it: whose are the lines? */
	e->anomalies |= ANOMALY(A_BAD_BOUNDARY);
	for (i = 0; i < ds->n; i++)
		if (ds->d[i].len == t->boundary[0].len)
			ds->d[i].is_near = 1;
	return (!ds->loose);
}

/*
 * An entity begins at p.  Adds it, and all that it contains up to the first
 * one that has a body of its own.  Returns where to go on.
 */
static const uint8_t *
entity_start(struct mime *m, const uint8_t *p, unsigned int mode,
    uint32_t parent, unsigned int depth, int in_digest)
{
	static const struct boundary	 none;
	struct entity_type		*t;
	struct entity			*e;
	struct frame			*f;
	struct arena_part		*part;

	e = &m->leaf;
	for (;;) {
		e->part = arena_add(&m->arena, parent, depth, 0);
		if (e->part == ARENA_NONE) {
			rest_opaque(m, p, parent, depth);
			return (m->job.end);
		}
		header_read(&e->h, p, m->job.end, mode, &m->delims);
		e->mode = mode;
		entity_read(e, &m->arena, in_digest);
		entity_fields(m, e);
		if (e->is_over)
			m->arena.limits |= LIMIT_HEADERS;
		part_entity(m, e, p);
		t = &e->type[0];
		m->start = e->h.body;
		m->section = SECTION_LEAF;
		m->leaf_depth = depth;
		if (!entity_splits(m, e, depth))
			return (m->start);
		part = &m->arena.part[e->part];
		reading_describe(m, e, e->part, 0, 0);
		f = frame_push(m, depth, m->start, t->kind == KIND_MESSAGE ?
		    NULL : t->nboundary > 0 ? &t->boundary[0] : &none);
		f->is_digest = t->is_digest;
		f->e = *e;
		if (f->is_multi) {
			part->flags |= PART_MULTIPART;
			m->section = SECTION_PREAMBLE;
			return (m->start);
		}
		part->flags |= PART_MESSAGE;
		p = m->start;
		parent = e->part;
		mode = 0;
		in_digest = 0;
		depth++;
	}
}

/* The bytes from m->start to end are complete. */
static void
section_end(struct mime *m, const uint8_t *end)
{
	struct frame	*f;
	struct delim	*d;

	if (m->is_stopped)
		return;
	if (end < m->start)
		end = m->start;
	if (m->section == SECTION_LEAF) {
		reading_give(m, &m->leaf, m->leaf_depth, end, 0);
		return;
	}
	f = &m->frame[m->nframe - 1];
	d = &m->delims.d[m->nframe - 1];
	/* Another boundary that does not occur: nothing new. */
	if (f->is_lent && d->hits == 0)
		return;
	if (m->section == SECTION_PREAMBLE)
		reading_text(m, f->is_lent ? m->job.parent : f->e.part,
		    f->depth + 1, m->start, end, PART_PREAMBLE,
		    ANOMALY(A_PREAMBLE));
	else
		reading_text(m, f->is_lent ? m->job.parent : f->e.part,
		    f->depth + 1, m->start, end, PART_EPILOGUE,
		    ANOMALY(A_EPILOGUE));
}

/* Read the body of a multipart once more, every near delimiter taken. */
static void
loose_add(struct mime *m, const struct frame *f, const struct delim *d,
    const uint8_t *end)
{
	struct job	 j;

	memset(&j, 0, sizeof(j));
	j.p = f->begin;
	j.end = end;
	j.parent = f->is_lent ? m->job.parent : f->e.part;
	j.depth = f->depth + 1;
	j.is_multi = j.is_alternate = j.is_loose = 1;
	j.is_digest = f->is_digest;
	j.boundary.len = d->cut ? sizeof(d->b) + 1 : d->len;
	memcpy(j.boundary.b, d->b, d->len);
	mime_job_add(m, &j);
}

/* A container ends at end. */
static void
frame_end(struct mime *m, struct frame *f, struct delim *d,
    const uint8_t *end)
{
	uint64_t	 odd;

	if (end < f->begin)
		end = f->begin;
	odd = 0;
	if (f->is_multi && d->is_near && !m->delims.loose) {
		odd |= ANOMALY(A_NEAR_BOUNDARY);
		loose_add(m, f, d, end);
	}
	if (f->is_multi && !f->is_closed && !m->delims.loose)
		odd |= ANOMALY(A_UNTERMINATED);
	if (f->is_lent) {
		if (!m->job.is_alternate)
			m->arena.part[m->job.parent].anomalies |= odd;
		return;
	}
	f->e.anomalies |= odd;
	mime_part_raw(m, f->e.part, f->begin, end);
	if (f->is_multi && d->hits == 0)
		reading_guess(m, f->e.part, f->depth + 1, f->begin, end,
		    f->is_digest);
	reading_give(m, &f->e, f->depth, end, 1);
}

/* Close all containers from the n-th on; they end at end. */
static void
frames_pop(struct mime *m, unsigned int n, const uint8_t *end)
{
	while (m->nframe > n) {
		m->nframe--;
		frame_end(m, &m->frame[m->nframe],
		    &m->delims.d[m->nframe], end);
	}
	delim_pop(&m->delims, n);
}

/* Behind a delimiter: the next entity, or an epilogue. */
static const uint8_t *
section_next(struct mime *m, const struct delim_hit *hit)
{
	struct frame	*f;

	f = &m->frame[hit->i];
	if (f->is_closed) {
		/* After the end: some go on, and loose mode does. */
		m->delims.d[hit->i].is_near = 1;
	} else if (!hit->is_close)
		return (entity_start(m, hit->next, 0,
		    f->is_lent ? m->job.parent : f->e.part, f->depth + 1,
		    f->is_digest));
	f->is_closed = 1;
	m->section = SECTION_EPILOGUE;
	m->start = hit->next;
	return (hit->next);
}

/* One pass over the range of m->job. */
static void
job_run(struct mime *m)
{
	struct delim_hit	 hit;
	struct frame		*f;
	const uint8_t		*p, *end;
	struct job		*j;

	j = &m->job;
	m->nframe = 0;
	m->delims.n = m->delims.nset = 0;
	m->delims.loose = j->is_loose;
	p = j->p;
	if (j->is_multi) {
		f = frame_push(m, j->depth - 1, p, &j->boundary);
		f->is_lent = 1;
		f->is_digest = j->is_digest;
		m->section = SECTION_PREAMBLE;
		m->start = p;
	} else
		p = entity_start(m, p, j->mode, j->parent, j->depth,
		    j->is_digest);
	while (!m->is_stopped && delim_scan(&m->delims, j->p, p, j->end,
	    &hit)) {
		/* A closed one again: still the same epilogue. */
		if (hit.i == m->nframe - 1 && m->frame[hit.i].is_closed) {
			m->delims.d[hit.i].is_near = 1;
			p = hit.next;
			continue;
		}
		end = line_end_strip(j->p, hit.line);
		section_end(m, end);
		frames_pop(m, hit.i + 1, end);
		p = section_next(m, &hit);
	}
	if (!m->is_stopped)
		section_end(m, j->end);
	frames_pop(m, 0, j->end);
}

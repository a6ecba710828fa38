/* SPDX-License-Identifier: ISC */

/*
 * The arena under construction, see arena.h.
 *
 * How much is decoded is the sender's choice, so every byte is charged to a
 * budget that came with the request: bodies may take seven eighths of it,
 * the table and the strings have the rest for themselves, so that a message
 * which exhausts the one can still be described by the other.
 *
 * Bodies lie in one mapping that never moves while a message is parsed:
 * pointers into it stay good, and what was decoded is parsed where it lies.
 */

#include <sys/mman.h>
#include <sys/param.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#include "arena.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U
#endif

#define ALIGN8(n)	(((n) + 7) & ~(uint64_t)7)
#define INTERN_PROBES	16		/* then stored once more */
#define INTERN_MAXLEN	256		/* longer strings rarely repeat */
#define PART_CHUNK	64
#define SMALL_ARENA	65536	/* written in one piece */
#define WRITE_CHUNK	(1UL << 30)

static int	 body_map(struct arena *, size_t);
static void	 body_unmap(struct arena *);
static uint64_t	 table_size(const struct arena *, size_t, size_t);
static int	 table_room(const struct arena *, size_t, size_t);
static struct arena_str *intern_find(struct arena *, const void *, size_t);
static int	 string_grow(struct arena *, size_t);
static int	 memfd_new(void);
static int	 write_all(int, const void *, size_t, uint64_t);
static int	 write_arena(int, const struct arena *,
		    const struct arena_head *, uint64_t);

static int
body_map(struct arena *a, size_t cap)
{
	void	*p;

	if (a->body != NULL && a->body_cap >= cap) {
		/* What the last message left beyond a while's worth. */
		if (a->body_peak > ARENA_KEEP)
			madvise(a->body + ARENA_KEEP,
			    a->body_cap - ARENA_KEEP, MADV_DONTNEED);
		return (0);
	}
	body_unmap(a);
#ifdef MAILWALL_SANITIZE
	/* The sanitizer watches the ends of this one. */
	p = malloc(cap);
	if (p == NULL)
		return (-1);
#else
	p = mmap(NULL, cap, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return (-1);
#endif
	a->body = p;
	a->body_cap = cap;
	return (0);
}

static void
body_unmap(struct arena *a)
{
	if (a->body == NULL)
		return;
#ifdef MAILWALL_SANITIZE
	free(a->body);
#else
	munmap(a->body, a->body_cap);
#endif
	a->body = NULL;
	a->body_cap = 0;
}

int
arena_begin(struct arena *a, uint32_t maxparts, uint64_t budget)
{
	uint64_t	 max;

	max = budget - budget / 8;
	if (max > SIZE_MAX / 2) {
		errno = ENOMEM;
		return (-1);
	}
	/* A byte behind the last: an empty body there is still inside. */
	max++;
#ifdef MAILWALL_SANITIZE
	body_unmap(a);
#else
	/* Whole steps, so that messages of like size share one mapping. */
	max = roundup(max, ARENA_KEEP);
#endif
	if (body_map(a, (size_t)max) == -1)
		return (-1);
	a->body_max = (size_t)(budget - budget / 8);
	a->body_len = 0;
	a->body_peak = 0;
	a->nparts = 0;
	a->maxparts = maxparts;
	a->str_len = 0;
	a->ntexts = 0;
	if (a->ninterned > 0)
		memset(a->intern, 0, sizeof(a->intern));
	a->ninterned = 0;
	a->budget = budget;
	a->anomalies = 0;
	a->limits = 0;
	memset(&a->subject, 0, sizeof(a->subject));
	memset(&a->msgid, 0, sizeof(a->msgid));
	return (0);
}

void
arena_clear(struct arena *a)
{
	body_unmap(a);
	free(a->part);
	free(a->text);
	free(a->str);
	memset(a, 0, sizeof(*a));
}

/* Bytes before the bodies, with so many more parts and bytes of strings. */
static uint64_t
table_size(const struct arena *a, size_t parts, size_t bytes)
{
	return (sizeof(struct arena_head) +
	    (a->nparts + parts) * sizeof(struct arena_part) +
	    a->ntexts * sizeof(struct arena_text) +
	    ALIGN8(a->str_len + bytes));
}

static int
table_room(const struct arena *a, size_t parts, size_t bytes)
{
	return (table_size(a, parts, bytes) + ALIGN8(a->body_len) <=
	    a->budget);
}

uint32_t
arena_add(struct arena *a, uint32_t parent, unsigned int depth, int last)
{
	struct arena_part	*part;
	uint32_t		 n;

	n = last ? 0 : 1;
	if (a->nparts + n >= a->maxparts || !table_room(a, 1 + n, 0)) {
		a->limits |= LIMIT_PARTS;
		return (ARENA_NONE);
	}
	if (a->nparts == a->allocparts) {
		n = a->allocparts == 0 ? PART_CHUNK : a->allocparts * 2;
		part = reallocarray(a->part, n, sizeof(*part));
		if (part == NULL) {
			a->limits |= LIMIT_MEMORY;
			return (ARENA_NONE);
		}
		a->part = part;
		a->allocparts = n;
	}
	part = &a->part[a->nparts];
	memset(part, 0, sizeof(*part));
	part->parent = a->nparts == 0 ? 0 : parent;
	part->depth = (uint16_t)depth;
	return (a->nparts++);
}

int
arena_text_add(struct arena *a, const uint8_t *msg, uint32_t part,
    enum text_scope scope, unsigned int flags, const uint8_t *p, size_t len)
{
	struct arena_text	*t;
	uint32_t		 n;

	if (len == 0)
		return (0);
	if (a->ntexts == PARSE_TEXTS_MAX || table_size(a, 2, sizeof(*t)) +
	    ALIGN8(a->body_len) > a->budget)
		goto full;
	if (a->ntexts == a->alloctexts) {
		n = a->alloctexts == 0 ? PART_CHUNK : a->alloctexts * 2;
		t = reallocarray(a->text, n, sizeof(*t));
		if (t == NULL)
			goto full;
		a->text = t;
		a->alloctexts = n;
	}
	t = &a->text[a->ntexts++];
	memset(t, 0, sizeof(*t));
	t->part = part;
	t->scope = (uint16_t)scope;
	t->flags = (uint16_t)flags;
	t->len = len;
	if (arena_has(a, p)) {
		t->flags |= TEXT_ARENA;
		t->off = (uint64_t)(p - a->body);
	} else
		t->off = (uint64_t)(p - msg);
	return (0);
full:
	a->limits |= LIMIT_TEXT;
	return (-1);
}

/* The slot of a string: taken by the same one, or free; NULL: neither. */
static struct arena_str *
intern_find(struct arena *a, const void *s, size_t len)
{
	const uint8_t		*p;
	struct arena_str	*slot;
	uint32_t		 h;
	size_t			 i;

	p = s;
	h = 2166136261U;
	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619U;
	for (i = 0; i < INTERN_PROBES; i++) {
		slot = &a->intern[(h + i) % ARENA_INTERN];
		if (slot->len == 0 || (slot->len == len &&
		    memcmp(a->str + slot->off, s, len) == 0))
			return (slot);
	}
	return (NULL);
}

static int
string_grow(struct arena *a, size_t len)
{
	char	*str;
	size_t	 n;

	if (a->str_alloc - a->str_len >= len)
		return (0);
	n = a->str_alloc == 0 ? 4096 : a->str_alloc;
	while (n - a->str_len < len)
		n *= 2;
	str = realloc(a->str, n);
	if (str == NULL)
		return (-1);
	a->str = str;
	a->str_alloc = n;
	return (0);
}

struct arena_str
arena_string(struct arena *a, const void *s, size_t len)
{
	struct arena_str	 none = { 0, 0 };
	struct arena_str	*slot;
	struct arena_str	 str;

	if (len == 0)
		return (none);
	slot = NULL;
	if (len <= INTERN_MAXLEN)
		slot = intern_find(a, s, len);
	if (slot != NULL && slot->len != 0)
		return (*slot);
	if (len > UINT32_MAX / 2 - a->str_len || !table_room(a, 2, len)) {
		a->limits |= LIMIT_DECODED;
		return (none);
	}
	if (string_grow(a, len) == -1) {
		a->limits |= LIMIT_MEMORY;
		return (none);
	}
	str.off = (uint32_t)a->str_len;
	str.len = (uint32_t)len;
	memcpy(a->str + a->str_len, s, len);
	a->str_len += len;
	if (slot != NULL) {
		*slot = str;
		a->ninterned++;
	}
	return (str);
}

const char *
arena_text(const struct arena *a, struct arena_str s)
{
	return (s.len == 0 ? "" : a->str + s.off);
}

uint8_t *
arena_room(struct arena *a, size_t *room)
{
	uint64_t	 used;

	used = table_size(a, 2, 0) + ALIGN8(a->body_len);
	*room = a->body_max - a->body_len;
	if (used + *room > a->budget)
		*room = used >= a->budget ? 0 : (size_t)(a->budget - used);
	return (a->body + a->body_len);
}

void
arena_commit(struct arena *a, size_t len)
{
	if (len > a->body_max - a->body_len)
		fatalx("%s: %zu bytes too many", __func__, len);
	a->body_len += len;
	if (a->body_len > a->body_peak)
		a->body_peak = a->body_len;
}

int
arena_has(const struct arena *a, const uint8_t *p)
{
	return (a->body != NULL && (uintptr_t)p >= (uintptr_t)a->body &&
	    (uintptr_t)p < (uintptr_t)a->body + a->body_cap);
}

static int
memfd_new(void)
{
	int	 fd;

	fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING |
	    MFD_NOEXEC_SEAL);
	/* Kernels before 6.3 do not know the last flag. */
	if (fd == -1 && errno == EINVAL)
		fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (fd);
}

static int
write_all(int fd, const void *data, size_t len, uint64_t off)
{
	const uint8_t	*p;
	ssize_t		 n;

	for (p = data; len > 0; p += n, off += (uint64_t)n, len -= (size_t)n) {
		n = pwrite(fd, p, MIN(len, WRITE_CHUNK), (off_t)off);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return (-1);
	}
	return (0);
}

/* The pieces in their places; a small arena goes out in one call. */
static int
write_arena(int fd, const struct arena *a, const struct arena_head *h,
    uint64_t bodies)
{
	static uint8_t	 buf[SMALL_ARENA];

	if (h->size <= sizeof(buf)) {
		memcpy(buf, h, sizeof(*h));
		memcpy(buf + h->parts_off, a->part,
		    a->nparts * sizeof(*a->part));
		if (a->ntexts > 0)
			memcpy(buf + h->texts_off, a->text,
			    a->ntexts * sizeof(*a->text));
		if (a->str_len > 0)
			memcpy(buf + h->strings_off, a->str, a->str_len);
		memset(buf + h->strings_off + a->str_len, 0,
		    bodies - h->strings_off - a->str_len);
		if (a->body_len > 0)
			memcpy(buf + bodies, a->body, a->body_len);
		return (write_all(fd, buf, h->size, 0));
	}
	/* The size first: nothing may be missing between the pieces. */
	if (ftruncate(fd, (off_t)h->size) == -1 ||
	    write_all(fd, h, sizeof(*h), 0) == -1 ||
	    write_all(fd, a->part, a->nparts * sizeof(*a->part),
	    h->parts_off) == -1 ||
	    write_all(fd, a->text, a->ntexts * sizeof(*a->text),
	    h->texts_off) == -1 ||
	    write_all(fd, a->str, a->str_len, h->strings_off) == -1)
		return (-1);
	return (write_all(fd, a->body, a->body_len, bodies));
}

int
arena_seal(struct arena *a, uint64_t *size, uint64_t *anomalies)
{
	struct arena_head	 h;
	uint64_t		 bodies;
	uint32_t		 i;
	int			 fd, saved;

	memset(&h, 0, sizeof(h));
	h.magic = ARENA_MAGIC;
	h.nparts = a->nparts;
	h.parts_off = sizeof(h);
	h.ntexts = a->ntexts;
	h.texts_off = h.parts_off + a->nparts * sizeof(*a->part);
	h.strings_off = h.texts_off + a->ntexts * sizeof(*a->text);
	h.strings_len = a->str_len;
	bodies = ALIGN8(h.strings_off + h.strings_len);
	h.size = bodies + a->body_len;
	h.anomalies = a->anomalies;
	h.limits = a->limits;
	h.subject_off = a->subject.off;
	h.subject_len = a->subject.len;
	h.msgid_off = a->msgid.off;
	h.msgid_len = a->msgid.len;
	for (i = 0; i < a->nparts; i++) {
		h.anomalies |= a->part[i].anomalies;
		if (a->part[i].flags & PART_ARENA)
			a->part[i].off += bodies;
	}
	for (i = 0; i < a->ntexts; i++)
		if (a->text[i].flags & TEXT_ARENA)
			a->text[i].off += bodies;
	if ((fd = memfd_new()) == -1)
		return (-1);
	if (write_arena(fd, a, &h, bodies) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return (-1);
	}
	*size = h.size;
	*anomalies = h.anomalies;
	return (fd);
}

/* SPDX-License-Identifier: ISC */

/*
 * Streams of a compound file ([MS-CFB]), which lie in sectors that need not
 * follow one another: 512 or 4096 bytes each, chained by the FAT, or 64 bytes
 * each within a stream of their own, chained by the mini FAT.
 *
 * The sender may have built the file to mislead.  A chain is followed for as
 * many steps as its stream, or the whole file, has sectors and no further, so
 * a loop ends; and all that is read, by whatever chain, is paid for out of an
 * allowance that depends on the size of the file.
 *
 * What [MS-CFB] fixes, such as the size below which streams are small ones, is
 * taken from the header all the same, since LibreOffice does so.
 */

#include <stdlib.h>
#include <string.h>

#include "cfb.h"
#include "inspect.h"

#define MAGIC		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define HEADER		512	/* a whole sector, if those are larger */
#define H_SHIFT		30
#define H_MINI_SHIFT	32
#define H_DIR		48
#define H_BELOW		56
#define H_MINIFAT	60
#define H_DIFAT		68
#define H_FIRST		76	/* the first 109 sectors of the FAT */
#define H_NFIRST	109
#define DIRENT		128
#define DE_NAMELEN	64
#define DE_TYPE		66
#define DE_LEFT		68
#define DE_RIGHT	72
#define DE_CHILD	76
#define DE_START	116
#define DE_SIZE		120	/* more is not of use below 4 GiB */
#define MINI_SHIFT	6	/* [MS-CFB] 2.2: no other */
#define MINI_BELOW	4096	/* likewise */
#define SECTOR_LAST	0xfffffffaU /* above it are marks */
#define WORK_FACTOR	4	/* bytes read for each of the file, ... */
#define WORK_LEAST	65536	/* ... and for the smallest */
#define WORK_STEP	64	/* what one of a chain costs at least */

/* Which entry is whose; the walk. */
struct family {
	uint32_t	 n;		/* of entries */
	uint32_t	 depth;		/* of the stack */
	uint32_t	*parent;
	uint32_t	*stack;		/* has room for all of them */
};

static const uint8_t *sector(const struct cfb *, uint32_t, size_t *);
static uint32_t	 link_of(const struct cfb *, const struct cfb_chain *,
		    uint32_t);
static int	 chain_add(struct cfb_chain *, uint32_t);
static int	 chain_follow(struct cfb *, struct cfb_chain *, uint32_t);
static int	 fat_read(struct cfb *);
static const uint8_t *unit(const struct cfb *, int, uint32_t, size_t *);
static uint32_t	 unit_next(const struct cfb *, int, uint32_t);
static int	 is_mini(const struct cfb *, const struct cfb_entry *);
static size_t	 measure(struct cfb *, const struct cfb_entry *, int, int *);
static void	 name_get(const uint8_t *, char *);
static void	 claim(uint32_t, uint32_t, struct family *);
static void	 family(const struct cfb *, uint32_t, struct family *);

/* NULL: it is not in the file.  *avail: its bytes; the last may be cut. */
static const uint8_t *
sector(const struct cfb *c, uint32_t n, size_t *avail)
{
	uint64_t	 off;

	if (n >= c->nsectors)
		return (NULL);
	off = ((uint64_t)n + 1) << c->shift;
	*avail = (size_t)(c->len - off);
	if (*avail > (size_t)1 << c->shift)
		*avail = (size_t)1 << c->shift;
	return (c->p + off);
}

/* What follows sector n in the table that lies in those sectors. */
static uint32_t
link_of(const struct cfb *c, const struct cfb_chain *table, uint32_t n)
{
	const uint8_t	*p;
	size_t		 avail, at;
	uint32_t	 per;

	per = 1U << (c->shift - 2);
	if (n / per >= table->n)
		return (UINT32_MAX);
	at = (size_t)(n % per) * 4;
	p = sector(c, table->sector[n / per], &avail);
	if (p == NULL || at + 4 > avail)
		return (UINT32_MAX);
	return (le32(p + at));
}

static int
chain_add(struct cfb_chain *l, uint32_t n)
{
	uint32_t	*bigger;

	if (l->n == l->alloc) {
		bigger = reallocarray(l->sector, l->alloc * 2 + 16,
		    sizeof(*bigger));
		if (bigger == NULL)
			return (-1);
		l->sector = bigger;
		l->alloc = l->alloc * 2 + 16;
	}
	l->sector[l->n++] = n;
	return (0);
}

/* 0, or -1: no memory.  One that is broken ends there. */
static int
chain_follow(struct cfb *c, struct cfb_chain *l, uint32_t n)
{
	while (n < c->nsectors && l->n < c->nsectors) {
		if (chain_add(l, n) == -1)
			return (-1);
		n = link_of(c, &c->fat, n);
	}
	return (0);
}

/* Where the FAT is: some places in the header, others in sectors. */
static int
fat_read(struct cfb *c)
{
	const uint8_t	*p;
	size_t		 avail, i, steps;
	uint32_t	 n, per, want;

	per = 1U << (c->shift - 2);
	/* No more than it takes to describe the file. */
	want = c->nsectors / per + 1;
	for (i = 0; i < H_NFIRST && c->fat.n < want; i++)
		if (chain_add(&c->fat, le32(c->p + H_FIRST + 4 * i)) == -1)
			return (-1);
	n = le32(c->p + H_DIFAT);
	for (steps = 0; steps < want && c->fat.n < want; steps++) {
		p = sector(c, n, &avail);
		if (p == NULL || avail < (size_t)per * 4)
			break;
		for (i = 0; i < per - 1 && c->fat.n < want; i++)
			if (chain_add(&c->fat, le32(p + 4 * i)) == -1)
				return (-1);
		n = le32(p + (size_t)(per - 1) * 4);
	}
	return (0);
}

int
cfb_open(struct cfb *c, const uint8_t *p, size_t len)
{
	struct cfb_entry	 root;
	uint64_t		 n;
	size_t			 i;

	memset(c, 0, sizeof(*c));
	if (len < HEADER || memcmp(p, MAGIC, sizeof(MAGIC) - 1) != 0)
		return (0);
	c->p = p;
	c->len = len;
	c->shift = le16(p + H_SHIFT);
	if (c->shift != 9 && c->shift != 12)
		return (0);
	n = ((uint64_t)len + (1U << c->shift) - 1) >> c->shift;
	if (n < 2 || n > SECTOR_LAST)
		return (0);
	c->nsectors = (uint32_t)(n - 1);
	c->mini_shift = le16(p + H_MINI_SHIFT);
	if (c->mini_shift > c->shift)
		c->mini_shift = MINI_SHIFT;
	if ((c->below = le32(p + H_BELOW)) == 0)
		c->below = MINI_BELOW;
	c->work = (uint64_t)len * WORK_FACTOR + WORK_LEAST;
	if (fat_read(c) == -1 ||
	    chain_follow(c, &c->dir, le32(p + H_DIR)) == -1 ||
	    chain_follow(c, &c->minifat, le32(p + H_MINIFAT)) == -1)
		return (-1);
	/* The root's stream is that of the mini sectors. */
	for (i = 0; cfb_entry(c, i, &root); i++)
		if (root.type == CFB_ROOT)
			return (chain_follow(c, &c->mini, root.start) == -1 ?
			    -1 : 1);
	return (1);
}

void
cfb_close(struct cfb *c)
{
	free(c->fat.sector);
	free(c->dir.sector);
	free(c->minifat.sector);
	free(c->mini.sector);
}

/*
 * Who finds a name only by what it looks like is strict.  This is one by its
 * place, and readers do not mind what is wrong with it.
 */
static void
name_get(const uint8_t *p, char *name)
{
	unsigned int	 c;
	size_t		 i, n;

	n = le16(p + DE_NAMELEN) / 2;
	if (n > CFB_NAME_MAX)
		n = CFB_NAME_MAX;
	for (i = 0; i + 1 < n && (c = le16(p + 2 * i)) != 0; i++)
		name[i] = c < 0x7f ? (char)c : '?';
	name[i] = '\0';
}

int
cfb_entry(const struct cfb *c, size_t i, struct cfb_entry *e)
{
	const uint8_t	*p;
	size_t		 at, avail, per;

	/* Of what is none nothing is known, nor how large a sector is. */
	if (c->dir.n == 0)
		return (0);
	per = ((size_t)1 << c->shift) / DIRENT;
	if (i / per >= c->dir.n)
		return (0);
	at = i % per * DIRENT;
	p = sector(c, c->dir.sector[i / per], &avail);
	if (p == NULL || at + DIRENT > avail)
		return (0);
	p += at;
	e->type = p[DE_TYPE];
	if (e->type != CFB_STORAGE && e->type != CFB_STREAM &&
	    e->type != CFB_ROOT)
		e->type = 0;
	name_get(p, e->name);
	e->left = le32(p + DE_LEFT);
	e->right = le32(p + DE_RIGHT);
	e->child = le32(p + DE_CHILD);
	e->start = le32(p + DE_START);
	e->size = le32(p + DE_SIZE);
	return (1);
}

/* It is whose, unless it is somebody's. */
static void
claim(uint32_t it, uint32_t whose, struct family *f)
{
	if (it < f->n && f->parent[it] == CFB_NONE) {
		f->parent[it] = whose;
		f->stack[f->depth++] = it;
	}
}

/* All that is in this entry, in whatever depth. */
static void
family(const struct cfb *c, uint32_t i, struct family *f)
{
	struct cfb_entry	 e;
	int			 first;

	for (first = 1; first || f->depth > 0; first = 0) {
		if (!first)
			i = f->stack[--f->depth];
		if (!cfb_entry(c, i, &e))
			continue;
		if (!first) {
			claim(e.left, f->parent[i], f);
			claim(e.right, f->parent[i], f);
		}
		if (e.type == CFB_STORAGE || e.type == CFB_ROOT)
			claim(e.child, i, f);
	}
}

/*
 * Storages are binary trees of their entries.  Each entry belongs to the
 * storage that comes to it first, so the walk ends; and what the root has
 * comes before what nobody would find.
 */
uint32_t *
cfb_parents(const struct cfb *c, uint32_t n)
{
	struct family	 f;
	uint32_t	 i;

	f.n = n;
	f.depth = 0;
	f.parent = calloc((size_t)n + 1, sizeof(*f.parent));
	f.stack = calloc((size_t)n + 1, sizeof(*f.stack));
	if (f.parent == NULL || f.stack == NULL) {
		free(f.parent);
		free(f.stack);
		return (NULL);
	}
	for (i = 0; i < n; i++)
		f.parent[i] = CFB_NONE;
	for (i = 0; i < n; i++)
		if (f.parent[i] == CFB_NONE)
			family(c, i, &f);
	free(f.stack);
	return (f.parent);
}

/* A sector, of whichever size; NULL: there is none. */
static const uint8_t *
unit(const struct cfb *c, int mini, uint32_t n, size_t *avail)
{
	const uint8_t	*p;
	unsigned int	 shift;
	size_t		 at;

	if (!mini)
		return (sector(c, n, avail));
	shift = c->shift - c->mini_shift;
	if (n >> shift >= c->mini.n)
		return (NULL);
	at = (size_t)(n & ((1U << shift) - 1)) << c->mini_shift;
	p = sector(c, c->mini.sector[n >> shift], avail);
	if (p == NULL || at >= *avail)
		return (NULL);
	*avail -= at;
	if (*avail > (size_t)1 << c->mini_shift)
		*avail = (size_t)1 << c->mini_shift;
	return (p + at);
}

static uint32_t
unit_next(const struct cfb *c, int mini, uint32_t n)
{
	return (link_of(c, mini ? &c->minifat : &c->fat, n));
}

static int
is_mini(const struct cfb *c, const struct cfb_entry *e)
{
	return (e->size < c->below && e->type != CFB_ROOT);
}

/*
 * How many bytes it has; and does each sector follow the one before?  Pays for
 * sectors that have next to nothing.
 */
static size_t
measure(struct cfb *c, const struct cfb_entry *e, int mini, int *whole)
{
	const uint8_t	*p, *expected;
	size_t		 avail, len;
	uint32_t	 n;

	*whole = 1;
	expected = NULL;
	len = 0;
	for (n = e->start; len < e->size && len < c->len;
	    n = unit_next(c, mini, n)) {
		if ((p = unit(c, mini, n, &avail)) == NULL)
			break;
		if (avail < WORK_STEP) {
			if (c->work < WORK_STEP) {
				c->work = 0;
				break;
			}
			c->work -= WORK_STEP - avail;
		}
		if (expected != NULL && p != expected)
			*whole = 0;
		expected = p + avail;
		len += avail;
	}
	return (len < e->size ? len : e->size);
}

int
cfb_read(struct cfb *c, const struct cfb_entry *e, struct cfb_data *d)
{
	const uint8_t	*p;
	size_t		 at, avail;
	uint32_t	 n;
	int		 mini, whole;

	memset(d, 0, sizeof(*d));
	mini = is_mini(c, e);
	if (c->work < DIRENT)
		return (-1);
	c->work -= DIRENT;
	d->len = measure(c, e, mini, &whole);
	if (d->len > c->work) {
		d->len = 0;
		c->work = 0;
		return (-1);
	}
	c->work -= d->len;
	if (d->len == 0)
		return (0);
	if (whole) {
		d->p = unit(c, mini, e->start, &avail);
		return (0);
	}
	if ((d->copy = malloc(d->len)) == NULL) {
		d->len = 0;
		return (-1);
	}
	d->p = d->copy;
	for (at = 0, n = e->start; at < d->len; n = unit_next(c, mini, n)) {
		if ((p = unit(c, mini, n, &avail)) == NULL)
			break;
		if (avail > d->len - at)
			avail = d->len - at;
		memcpy(d->copy + at, p, avail);
		at += avail;
	}
	return (0);
}

void
cfb_mark(const struct cfb *c, const struct cfb_entry *e, uint8_t *bits)
{
	size_t		 len;
	uint32_t	 n;

	if (is_mini(c, e))
		return;
	len = 0;
	for (n = e->start; len < e->size && n < c->nsectors &&
	    (bits[n / 8] & 1 << n % 8) == 0; n = link_of(c, &c->fat, n)) {
		bits[n / 8] |= (uint8_t)(1 << n % 8);
		len += (size_t)1 << c->shift;
	}
}

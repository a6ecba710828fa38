/* SPDX-License-Identifier: ISC */

/*
 * Zip (APPNOTE.TXT), read in both ways at once.
 *
 * A zip says everything twice: in the directory at its end and in a header in
 * front of each member.  Some programs go by the one, some by the other, and
 * between them a sender hides what the first reader does not see.  So both are
 * read: the directory that the last end record points to, and every local
 * header met on the way from the first byte to the last.  What only one of
 * them has, or where they differ, is an entry with its own "hidden" flag; the
 * archive is then ambiguous.
 *
 * One pass of each kind over the file; entries are kept as ranges of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "inspect.h"

#define EOCD_SIZE	22	/* end record; its comment follows */
#define EOCD_FAR	(65535 + EOCD_SIZE)
#define CEN_SIZE	46	/* entry of the directory */
#define LOC_SIZE	30	/* local header */
#define WIDE_SIZE	76	/* end record of zip64 with its locator */

#define GP_CRYPT	0x0001
#define GP_DESCRIPTOR	0x0008	/* sizes follow the data */

#define STORED		0
#define DEFLATED	8

#define CHUNK		65536	/* first piece of memory; doubles */

static int	 entry_add(struct zip *, const struct zip_entry *);
static int	 entry_cmp(const void *, const void *);
static const uint8_t *eocd_find(const uint8_t *, size_t);
static uint64_t	 wide(const uint8_t *, size_t, unsigned int, uint32_t);
static void	 central_read(struct zip *);
static int	 local_read(const struct zip *, size_t, struct zip_entry *);
static struct zip_entry *central_at(struct zip *, uint32_t, uint64_t);
static int	 entries_differ(const struct zip *, const struct zip_entry *,
		    const struct zip_entry *);
static size_t	 data_at(const struct zip *, const struct zip_entry *);
static void	 locals_read(struct zip *, uint32_t);
static void	 overlaps_find(struct zip *);
static enum zip_state	 entry_inflate(const struct zip *,
			    const struct zip_entry *, size_t, size_t,
			    uint8_t **, size_t *);

uint8_t *
zip_inflate(const uint8_t *p, size_t len, int wbits, size_t max,
    size_t *outlen, size_t *used, int *end)
{
	z_stream	 z;
	uint8_t		*bigger, *out;
	size_t		 size;
	int		 ret;

	*outlen = 0;
	*end = 0;
	*used = 0;
	memset(&z, 0, sizeof(z));
	if (inflateInit2(&z, wbits) != Z_OK)
		return (NULL);
	size = max < CHUNK ? max + 1 : CHUNK;
	if ((out = malloc(size)) == NULL) {
		inflateEnd(&z);
		return (NULL);
	}
	/* A message has less than what an uInt counts. */
	z.next_in = (Bytef *)(uintptr_t)p;
	z.avail_in = len > UINT32_MAX ? UINT32_MAX : (uInt)len;
	do {
		if (*outlen == size) {
			if (size > max)
				break;
			size = size > max / 2 ? max + 1 : size * 2;
			if ((bigger = realloc(out, size)) == NULL)
				break;
			out = bigger;
		}
		z.next_out = out + *outlen;
		z.avail_out = (uInt)(size - *outlen);
		ret = inflate(&z, Z_NO_FLUSH);
		*outlen = size - z.avail_out;
	} while (ret == Z_OK);
	*end = ret == Z_STREAM_END;
	*used = (size_t)z.total_in;
	inflateEnd(&z);
	return (out);
}

static int
entry_add(struct zip *z, const struct zip_entry *e)
{
	struct zip_entry	*bigger;
	uint32_t		 cap;

	if (z->n >= ZIP_ENTRIES_MAX) {
		z->more = 1;
		return (-1);
	}
	if (z->n == z->cap) {
		cap = z->cap == 0 ? 64 : z->cap * 2;
		bigger = reallocarray(z->entry, cap, sizeof(*bigger));
		if (bigger == NULL) {
			z->more = 1;
			return (-1);
		}
		z->entry = bigger;
		z->cap = cap;
	}
	z->entry[z->n++] = *e;
	return (0);
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct zip_entry	*x = a, *y = b;

	if (x->at != y->at)
		return (x->at < y->at ? -1 : 1);
	return (x->local - y->local);
}

/* The last end record; a comment may follow, and junk behind it. */
static const uint8_t *
eocd_find(const uint8_t *p, size_t len)
{
	size_t	 i, stop;

	if (len < EOCD_SIZE)
		return (NULL);
	stop = len > EOCD_FAR ? len - EOCD_FAR : 0;
	for (i = len - EOCD_SIZE + 1; i > stop; i--)
		if (memcmp(p + i - 1, "PK\5\6", 4) == 0)
			return (p + i - 1);
	return (NULL);
}

/*
 * A 64-bit size from the extra field with number 1: those of the entry whose
 * 32 bits are all ones, in their order; nth counts them.
 */
static uint64_t
wide(const uint8_t *p, size_t len, unsigned int nth, uint32_t narrow)
{
	size_t	 size;

	if (narrow != UINT32_MAX)
		return (narrow);
	while (len >= 4) {
		size = le16(p + 2);
		if (size > len - 4)
			break;
		if (le16(p) == 1 && size >= 8 * ((size_t)nth + 1)) {
			p += 4 + 8 * nth;
			return (le32(p) | (uint64_t)le32(p + 4) << 32);
		}
		p += 4 + size;
		len -= 4 + size;
	}
	return (narrow);
}

/* The directory, wherever it is by the end record or right before it. */
static void
central_read(struct zip *z)
{
	struct zip_entry	 e;
	const uint8_t		*end, *p;
	uint64_t		 offset, shift, size;
	size_t			 extra, len;
	unsigned int		 nth;

	if ((end = eocd_find(z->p, z->len)) == NULL)
		return;
	size = le32(end + 12);
	offset = le32(end + 16);
	shift = 0;
	/* 4.3.14: the wide record and its locator, where they are usual. */
	if (end - z->p >= WIDE_SIZE && memcmp(end - 20, "PK\6\7", 4) == 0 &&
	    memcmp(end - WIDE_SIZE, "PK\6\6", 4) == 0) {
		end -= WIDE_SIZE;
		size = le32(end + 40) | (uint64_t)le32(end + 44) << 32;
		offset = le32(end + 48) | (uint64_t)le32(end + 52) << 32;
	}
	/* It ends where the end record begins, whatever stands in front. */
	if (size <= (uint64_t)(end - z->p)) {
		p = end - size;
		shift = (uint64_t)(p - z->p) - offset;
	} else
		p = end;
	if (p == end || le32(p) != 0x02014b50) {
		/* With zip64's records between, or a size that lies. */
		if (offset >= (uint64_t)(end - z->p)) {
			z->broken = size != 0;
			return;
		}
		p = z->p + offset;
		shift = 0;
	}
	for (; end - p >= CEN_SIZE && memcmp(p, "PK\1\2", 4) == 0;
	    p += CEN_SIZE + len) {
		memset(&e, 0, sizeof(e));
		e.namelen = (uint16_t)le16(p + 28);
		extra = le16(p + 30);
		len = e.namelen + extra + le16(p + 32);
		if (len > (size_t)(end - p) - CEN_SIZE) {
			z->broken = 1;
			break;
		}
		e.gpflags = (uint16_t)le16(p + 8);
		e.method = (uint16_t)le16(p + 10);
		e.crc = le32(p + 16);
		nth = 0;
		e.nameoff = (uint32_t)(p + CEN_SIZE - z->p);
		e.usize = wide(p + CEN_SIZE + e.namelen, extra, nth,
		    le32(p + 24));
		nth += le32(p + 24) == UINT32_MAX;
		e.csize = wide(p + CEN_SIZE + e.namelen, extra, nth,
		    le32(p + 20));
		nth += le32(p + 20) == UINT32_MAX;
		e.at = wide(p + CEN_SIZE + e.namelen, extra, nth,
		    le32(p + 42)) + shift;
		if (entry_add(z, &e) == -1)
			break;
	}
}

/* A local header at that place?  1, or 0. */
static int
local_read(const struct zip *z, size_t at, struct zip_entry *e)
{
	const uint8_t	*p;
	size_t		 extra, i;

	if (at > z->len || z->len - at < LOC_SIZE)
		return (0);
	p = z->p + at;
	if (memcmp(p, "PK\3\4", 4) != 0)
		return (0);
	memset(e, 0, sizeof(*e));
	e->at = at;
	e->local = 1;
	e->gpflags = (uint16_t)le16(p + 6);
	e->method = (uint16_t)le16(p + 8);
	e->crc = le32(p + 14);
	e->namelen = (uint16_t)le16(p + 26);
	extra = le16(p + 28);
	if (e->namelen + extra > z->len - at - LOC_SIZE)
		return (0);
	e->nameoff = (uint32_t)at + LOC_SIZE;
	p += LOC_SIZE;
	e->usize = wide(p + e->namelen, extra, 0, le32(p - 8));
	e->csize = wide(p + e->namelen, extra, le32(p - 8) == UINT32_MAX,
	    le32(p - 12));
	/* The magic number stands in programs, too. */
	if (e->namelen == 0 || e->method > 99)
		return (0);
	for (i = 0; i < e->namelen; i++)
		if (p[i] < 0x20)
			return (0);
	return (1);
}

/* Of the first n, which are sorted, the one at that place; or NULL. */
static struct zip_entry *
central_at(struct zip *z, uint32_t n, uint64_t at)
{
	uint32_t	 hi, lo, mid;

	for (lo = 0, hi = n; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (z->entry[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo < n && z->entry[lo].at == at ? &z->entry[lo] : NULL);
}

/* 2: other content, 1: another name, 0: the same. */
static int
entries_differ(const struct zip *z, const struct zip_entry *c,
    const struct zip_entry *l)
{
	if (c->method != l->method ||
	    ((c->gpflags ^ l->gpflags) & GP_CRYPT) != 0)
		return (2);
	if ((l->gpflags & GP_DESCRIPTOR) == 0 || l->csize != 0) {
		if (c->csize != l->csize || c->usize != l->usize)
			return (2);
	}
	if (c->namelen != l->namelen || memcmp(z->p + c->nameoff,
	    z->p + l->nameoff, c->namelen) != 0)
		return (1);
	return (0);
}

/* Where the data of an entry begins; the end of the file if nowhere. */
static size_t
data_at(const struct zip *z, const struct zip_entry *e)
{
	struct zip_entry	 l;

	if (e->at >= z->len || !local_read(z, (size_t)e->at, &l))
		return (z->len);
	return ((size_t)e->at + LOC_SIZE + l.namelen +
	    le16(z->p + e->at + 28));
}

/* Every local header from the first byte on. */
static void
locals_read(struct zip *z, uint32_t n)
{
	struct zip_entry	*c, l;
	const uint8_t		*p;
	size_t			 at, data;
	uint64_t		 size;
	int			 differ;

	at = 0;
	while (at < z->len && (p = memmem(z->p + at, z->len - at, "PK\3\4",
	    4)) != NULL) {
		at = (size_t)(p - z->p);
		if (!local_read(z, at, &l)) {
			at += 4;
			continue;
		}
		data = data_at(z, &l);
		c = central_at(z, n, at);
		size = l.csize;
		if (c != NULL) {
			size = c->csize;
			differ = entries_differ(z, c, &l);
			l.hidden = differ == 2;
			if (differ != 0)
				z->flags |= FF_ZIP_AMBIGUOUS;
			/* Both may be the true one. */
			if (differ == 2)
				c->hidden = 1;
			if (differ != 0 && entry_add(z, &l) == -1)
				return;
		} else {
			l.hidden = 1;
			z->flags |= FF_ZIP_AMBIGUOUS;
			if ((l.gpflags & GP_DESCRIPTOR) != 0)
				size = 0;
			if (entry_add(z, &l) == -1)
				return;
		}
		/*
		 * Behind its data, so that a zip stored in this one is not
		 * taken apart here; if the two do not agree on where that is,
		 * everything is looked at.
		 */
		at = c != NULL && !l.hidden && size <= z->len - data ?
		    data + (size_t)size : data;
	}
}

/* Entries that share their data, and absurd ratios. */
static void
overlaps_find(struct zip *z)
{
	const struct zip_entry	*e;
	uint64_t		 end;
	uint32_t		 i;

	end = 0;
	for (i = 0; i < z->n; i++) {
		e = &z->entry[i];
		if (e->usize > RATIO_MIN && e->usize / RATIO_MAX > e->csize)
			z->flags |= FF_BOMB;
		if (e->local)
			continue;
		if (e->at < end)
			z->flags |= FF_BOMB | FF_ZIP_AMBIGUOUS;
		if (e->at + LOC_SIZE + e->csize > end)
			end = e->at + LOC_SIZE + e->csize;
	}
}

int
zip_open(struct zip *z, const uint8_t *p, size_t len)
{
	uint32_t	 i, n;

	memset(z, 0, sizeof(*z));
	z->p = p;
	z->len = len;
	if (len < EOCD_SIZE || len > UINT32_MAX)
		return (-1);
	central_read(z);
	n = z->n;
	if (n > 0)
		qsort(z->entry, n, sizeof(*z->entry), entry_cmp);
	for (i = 0; i < n; i++) {
		if (i > 0 && z->entry[i].at == z->entry[i - 1].at)
			z->flags |= FF_ZIP_AMBIGUOUS;
		if (z->entry[i].at >= len || len - z->entry[i].at < LOC_SIZE ||
		    memcmp(p + z->entry[i].at, "PK\3\4", 4) != 0) {
			z->flags |= FF_ZIP_AMBIGUOUS;
			z->broken = 1;
		}
	}
	locals_read(z, n);
	if (z->n > n)
		qsort(z->entry, z->n, sizeof(*z->entry), entry_cmp);
	overlaps_find(z);
	if (z->n > 0)
		return (0);
	zip_close(z);
	return (-1);
}

void
zip_close(struct zip *z)
{
	free(z->entry);
	z->entry = NULL;
	z->n = 0;
}

static enum zip_state
entry_inflate(const struct zip *z, const struct zip_entry *e, size_t at,
    size_t max, uint8_t **out, size_t *outlen)
{
	size_t	 size, used;
	int	 end;

	/* Not held to its size: the stream knows where it ends. */
	*out = zip_inflate(z->p + at, z->len - at, -MAX_WBITS, max, outlen,
	    &used, &end);
	if (*out == NULL)
		return (ZIP_BROKEN);
	if (*outlen > max)
		return (ZIP_BIG);
	size = (size_t)e->csize;
	if (!end)
		return (ZIP_BROKEN);
	if ((e->gpflags & GP_DESCRIPTOR) == 0 && size != used)
		return (ZIP_BROKEN);
	return (ZIP_OK);
}

enum zip_state
zip_unpack(const struct zip *z, const struct zip_entry *e, size_t max,
    uint8_t **out, size_t *outlen)
{
	enum zip_state	 ret;
	size_t		 at, len;
	int		 crypt;

	*out = NULL;
	*outlen = 0;
	at = data_at(z, e);
	if (at >= z->len)
		return (e->csize == 0 && at == z->len && e->usize == 0 ?
		    ZIP_OK : ZIP_BROKEN);
	crypt = (e->gpflags & GP_CRYPT) != 0;
	switch (e->method) {
	case STORED:
		len = e->csize > z->len - at ? z->len - at : (size_t)e->csize;
		if (len > max)
			return (ZIP_BIG);
		if ((*out = malloc(len + 1)) == NULL)
			return (ZIP_BIG);
		memcpy(*out, z->p + at, len);
		*outlen = len;
		ret = len == e->csize ? ZIP_OK : ZIP_BROKEN;
		break;
	case DEFLATED:
		ret = entry_inflate(z, e, at, max, out, outlen);
		break;
	default:
		return (crypt ? ZIP_CRYPT : ZIP_METHOD);
	}
	/* The flag may lie: the sum says whether it was ever needed. */
	if (crypt && (ret != ZIP_OK || e->crc == 0 || (uint32_t)crc32(0, *out,
	    (uInt)*outlen) != e->crc)) {
		free(*out);
		*out = NULL;
		*outlen = 0;
		return (ZIP_CRYPT);
	}
	return (ret);
}

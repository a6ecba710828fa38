/* SPDX-License-Identifier: ISC */

/* Compound files ([MS-CFB]): old office documents, messages, installers. */

#ifndef MAILWALL_CFB_H
#define MAILWALL_CFB_H

#include <stddef.h>
#include <stdint.h>

#define CFB_NAME_MAX	32	/* characters, [MS-CFB] 2.6.1 */
#define CFB_NONE	UINT32_MAX /* no entry */
#define CFB_STORAGE	1	/* types of entries */
#define CFB_STREAM	2
#define CFB_ROOT	5

/* Sectors, in the order of what they hold. */
struct cfb_chain {
	uint32_t	*sector;
	size_t		 n;
	size_t		 alloc;
};

struct cfb {
	const uint8_t	*p;
	size_t		 len;
	uint64_t	 work;		/* bytes that may still be read */
	uint32_t	 nsectors;	/* behind the header; one may be cut */
	unsigned int	 shift;		/* of their size */
	unsigned int	 mini_shift;	/* likewise of the small ones */
	uint32_t	 below;		/* bytes; such streams have those */
	struct cfb_chain fat;		/* where each of them lies */
	struct cfb_chain dir;
	struct cfb_chain minifat;
	struct cfb_chain mini;
};

struct cfb_entry {
	char		 name[CFB_NAME_MAX + 1];	/* ASCII, '?' else */
	unsigned int	 type;		/* 0: it is unused */
	uint32_t	 start;
	uint32_t	 size;		/* as declared */
	uint32_t	 left;		/* entries, or any other number */
	uint32_t	 right;
	uint32_t	 child;		/* one of a storage's */
};

struct cfb_data {
	const uint8_t	*p;		/* in the file if it lies in one piece,
					   else in the copy */
	size_t		 len;		/* what there is of it */
	uint8_t		*copy;		/* the caller's, to be freed */
};

/*
 * The file must stay.  Returns 1, 0: it is none, or -1: no memory.
 * cfb_close() frees in any case.
 */
int		 cfb_open(struct cfb *, const uint8_t *, size_t);
void		 cfb_close(struct cfb *);
/* The i-th entry of the directory: 1, or 0: it has no more. */
int		 cfb_entry(const struct cfb *, size_t i, struct cfb_entry *);
/*
 * The storage that each of the first n entries is in, or CFB_NONE: memory of
 * the caller's, which is to be freed, or NULL: no memory.
 */
uint32_t	*cfb_parents(const struct cfb *, uint32_t n);
/* Set a bit for each sector that a stream has, but for those of 64 bytes. */
void		 cfb_mark(const struct cfb *, const struct cfb_entry *,
		    uint8_t *bits);
/*
 * A stream's content, perhaps none.  Returns 0, or -1: more was read of the
 * file than it can have, or no memory.
 */
int		 cfb_read(struct cfb *, const struct cfb_entry *,
		    struct cfb_data *);

#endif /* MAILWALL_CFB_H */

/* SPDX-License-Identifier: ISC */

/*
 * Building the arena of parts.h: decoded bodies, the table of parts and
 * their strings, first in private memory, then written into a memfd that is
 * sealed before anybody else sees it.
 */

#ifndef MAILWALL_ARENA_H
#define MAILWALL_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "parts.h"

#define ARENA_MIN	4096		/* least budget that makes sense */
#define ARENA_KEEP	(8UL << 20)	/* memory kept warm between messages */
#define ARENA_NONE	UINT32_MAX	/* no such part */
#define ARENA_INTERN	512		/* slots of the table of strings */

/* A string of the arena. */
struct arena_str {
	uint32_t		 off;
	uint32_t		 len;
};

struct arena {
	uint8_t			*body;		/* decoded bodies */
	size_t			 body_cap;	/* bytes mapped */
	size_t			 body_max;	/* of them usable */
	size_t			 body_len;	/* of them used */
	size_t			 body_peak;
	struct arena_part	*part;
	uint32_t		 nparts;
	uint32_t		 maxparts;
	uint32_t		 allocparts;
	struct arena_text	*text;
	uint32_t		 ntexts;
	uint32_t		 alloctexts;
	char			*str;
	size_t			 str_len;
	size_t			 str_alloc;
	struct arena_str	 intern[ARENA_INTERN];
	unsigned int		 ninterned;
	uint64_t		 budget;	/* bytes, when finished */
	uint64_t		 anomalies;	/* of no part alone */
	uint32_t		 limits;	/* LIMIT_* that were reached */
	struct arena_str	 subject;
	struct arena_str	 msgid;
};

/*
 * Begin a message: at most maxparts parts, budget bytes in all.  The storage
 * is the caller's, zeroed before its first use, and keeps its memory for the
 * next message.  Returns 0, or -1 with errno ENOMEM.
 */
int		 arena_begin(struct arena *, uint32_t maxparts,
		    uint64_t budget);

/* Give all memory back. */
void		 arena_clear(struct arena *);

/*
 * Append a part, zeroed but for its parent and depth.  One place is kept
 * back: only with last set can the table be filled, so that a parse which
 * reaches the limit can still hand on the remainder.  Returns its index, or
 * ARENA_NONE with LIMIT_PARTS or LIMIT_MEMORY noted.
 */
uint32_t	 arena_add(struct arena *, uint32_t parent, unsigned int depth,
		    int last);

/*
 * Append a text: len bytes at p, which lie among the bodies or in the message
 * that begins at msg.  Returns 0, or -1 with LIMIT_TEXT noted.
 */
int		 arena_text_add(struct arena *, const uint8_t *msg,
		    uint32_t part, enum text_scope, unsigned int flags,
		    const uint8_t *p, size_t len);

/*
 * Store a string; equal strings are mostly stored once.  Length 0 is the
 * string none.  When there is no room it is none too, with LIMIT_DECODED.
 */
struct arena_str arena_string(struct arena *, const void *, size_t);
const char	*arena_text(const struct arena *, struct arena_str);

/* Room for decoded bytes; what was written is taken by arena_commit(). */
uint8_t		*arena_room(struct arena *, size_t *room);
void		 arena_commit(struct arena *, size_t);

/* Does p lie among the decoded bodies: 1 or 0. */
int		 arena_has(const struct arena *, const uint8_t *p);

/*
 * Write everything into a new memfd and seal it.  Returns the descriptor,
 * which is the caller's, with the size in *size and the union of the
 * anomalies in *anomalies; -1 with errno of memfd_create(2), write or fcntl.
 * Offsets in the table are final afterwards; arena_begin() is next.
 */
int		 arena_seal(struct arena *, uint64_t *size,
		    uint64_t *anomalies);

#endif /* MAILWALL_ARENA_H */

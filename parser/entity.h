/* SPDX-License-Identifier: ISC */

/* What a header says about its body: every reading of it. */

#ifndef MAILWALL_ENTITY_H
#define MAILWALL_ENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "header.h"
#include "limits.h"
#include "params.h"

#define ENTITY_TYPES	(2 * HEADER_SAME) /* each may hold a NUL */
#define ENTITY_CODINGS	ENC_MAX		/* more do not exist */
#define ENTITY_NAMES	4		/* names that are judged */

enum entity_kind {
	KIND_OTHER,
	KIND_TEXT,
	KIND_MULTI,
	KIND_MESSAGE
};

/* One reading of a boundary parameter. */
struct boundary {
	uint8_t			 b[PARSE_BOUNDARY_MAX];
	size_t			 len;	/* may be more than b holds: cut */
};

/* One Content-Type. */
struct entity_type {
	enum entity_kind	 kind;
	int			 is_digest;
	struct arena_str	 type;
	struct arena_str	 charset;
	struct boundary		 boundary[PARAM_VALUES];
	size_t			 nboundary;
};

struct entity {
	struct header		 h;
	struct entity_type	 type[ENTITY_TYPES];
	unsigned int		 ntype;		/* at least 1 */
	enum part_encoding	 coding[ENTITY_CODINGS];
	unsigned int		 ncoding;	/* at least 1 */
	struct arena_str	 name[ENTITY_NAMES];
	unsigned int		 nname;
	int			 is_attachment;
	int			 in_digest;
	int			 is_over;	/* a limit was reached */
	uint64_t		 anomalies;
	uint32_t		 part;		/* its index in the arena */
	unsigned int		 mode;		/* HDR_*, how h was read */
};

/*
 * Fill in everything from e->h, which header_read() made.  Strings go to the
 * arena.  In a multipart/digest what has no type is a message.
 */
void	 entity_read(struct entity *, struct arena *, int in_digest);

/* One more way to decode the body, if it is not there yet. */
void	 entity_add_coding(struct entity *, enum part_encoding);

/* Decoded text of a field, for a person to read, into the arena. */
struct arena_str entity_text(struct arena *, const struct range *,
	    size_t max, uint64_t *anomalies);

#endif /* MAILWALL_ENTITY_H */

/* SPDX-License-Identifier: ISC */

/* A message taken apart into an arena. */

#ifndef MAILWALL_MIME_H
#define MAILWALL_MIME_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "delim.h"
#include "entity.h"

/*
 * Bytes that may be read again for other readings: so many times the size of
 * the message, and this.  Real mail has one other reading or none.
 */
#define MIME_WORK_FACTOR	16
#define MIME_WORK_SLACK		(1 * MIB)

#define MIME_JOBS_MAX		4096	/* ranges that wait to be parsed */
#define MIME_SEEN		16384	/* slots of each table of ranges */
#define MIME_SUBJECT_MAX	2048	/* bytes of UTF-8 */
#define MIME_MSGID_MAX		998	/* a line, RFC 5322, 2.1.1 */

/* Bytes that are no entity; see unpack.h. */
enum blob {
	BLOB_NONE,
	BLOB_CONTAINER,
	BLOB_TEXT
};

/* Something that is to be parsed after what is being parsed now. */
struct job {
	const uint8_t	*p;
	const uint8_t	*end;
	uint32_t	 parent;	/* of the parts that come of it */
	unsigned int	 depth;		/* of those parts */
	unsigned int	 mode;		/* HDR_*, for its first header */
	int		 is_multi;	/* body of a multipart; else header
					   and body of an entity */
	int		 is_alternate;	/* another reading */
	int		 is_loose;	/* of delimiters */
	int		 is_digest;
	enum blob	 blob;		/* no entity: unpack part parent */
	struct boundary	 boundary;
};

/* A container that is open. */
struct frame {
	struct entity	 e;
	const uint8_t	*begin;		/* of its body */
	unsigned int	 depth;
	int		 is_multi;
	int		 is_digest;
	int		 is_closed;	/* closing delimiter seen */
	int		 is_lent;	/* of a job: e is not there */
};

/* What the bytes from start on are, until the next delimiter. */
enum section {
	SECTION_LEAF,
	SECTION_PREAMBLE,
	SECTION_EPILOGUE
};

/* The range that a part was made of, to know it when it comes again. */
struct part_key {
	const uint8_t	*p;
	const uint8_t	*end;
};

/* Slot of a table of ranges: valid if it is of this message. */
struct seen {
	uint32_t	 message;
	uint32_t	 index;
};

/* All state of a parse.  Large: one per process, zeroed once. */
struct mime {
	struct arena	 arena;
	const uint8_t	*msg;
	size_t		 msg_len;
	unsigned int	 max_depth;
	uint64_t	 work;		/* bytes left to read again */
	uint32_t	 message;	/* counts, for the tables */

	/* The job that is being done. */
	struct job	 job;
	struct delims	 delims;
	struct frame	 frame[DELIM_STACK];
	unsigned int	 nframe;
	struct entity	 leaf;
	unsigned int	 leaf_depth;
	enum section	 section;
	const uint8_t	*start;		/* of the section */
	int		 is_stopped;	/* no room for more parts */

	struct job	*jobs;
	size_t		 njobs;
	size_t		 alloc_jobs;
	struct part_key	*keys;
	size_t		 alloc_keys;
	struct seen	 seen_job[MIME_SEEN];
	struct seen	 seen_part[MIME_SEEN];
};

struct mime_limits {
	uint32_t	 max_parts;	/* 1 to PARSE_PARTS_MAX */
	uint32_t	 max_depth;	/* 1 to PARSE_DEPTH_MAX */
	uint64_t	 max_decoded;	/* bytes of the arena, ARENA_MIN on */
	int		 want_text;	/* the arena is to have all text */
};

/*
 * Take a message apart.  The result is m->arena, ready for arena_seal(); it
 * points into the message, which must stay until then.  Always makes at least
 * one part; what could not be read is in m->arena.limits.  Returns 0, or -1
 * with errno ENOMEM when there is no memory for any arena.
 */
int	 mime_parse(struct mime *m, const uint8_t *msg, size_t len,
	    const struct mime_limits *);

/* Give all memory back. */
void	 mime_clear(struct mime *m);

/* For mime.c and reading.c. */

/* Queue a range; drops it with a LIMIT_* noted when that is too much. */
void	 mime_job_add(struct mime *m, const struct job *);
/* Body of part i: the range as it stands. */
void	 mime_part_raw(struct mime *m, uint32_t i, const uint8_t *p,
	    const uint8_t *end);
/* Body of part i: decoded bytes, which lie in the arena. */
void	 mime_part_decoded(struct mime *m, uint32_t i, const uint8_t *p,
	    size_t len);
/*
 * Has an equal part of these bytes been given already: 1, or 0 and it is
 * known from now on.
 */
int	 mime_part_seen(struct mime *m, uint32_t i, const uint8_t *p,
	    const uint8_t *end);

#endif /* MAILWALL_MIME_H */

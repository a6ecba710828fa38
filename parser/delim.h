/* SPDX-License-Identifier: ISC */

/* Delimiter lines of open multiparts, RFC 2046 section 5.1.1. */

#ifndef MAILWALL_DELIM_H
#define MAILWALL_DELIM_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* Open containers: those of the depth limit and one that a job lends. */
#define DELIM_STACK	(PARSE_DEPTH_MAX + 2)

/* The boundary of an open container; an empty one never matches. */
struct delim {
	uint8_t		 b[PARSE_BOUNDARY_MAX];
	size_t		 len;
	int		 cut;		/* was longer: any rest of line fits */
	int		 is_near;	/* a line was almost a delimiter */
	unsigned int	 hits;		/* delimiters seen */
};

struct delims {
	struct delim	 d[DELIM_STACK];
	unsigned int	 n;		/* open, outermost first */
	unsigned int	 nset;		/* of them with a boundary */
	int		 loose;		/* take what is near for one */
};

/* A delimiter line that was found. */
struct delim_hit {
	const uint8_t	*line;		/* its "--" */
	const uint8_t	*next;		/* behind its line end */
	unsigned int	 i;		/* whose it is */
	int		 is_close;	/* "--" follows the boundary */
};

/* Open one more; the boundary is copied, and cut at PARSE_BOUNDARY_MAX. */
void	 delim_push(struct delims *, const uint8_t *, size_t);
/* Close all from the i-th on. */
void	 delim_pop(struct delims *, unsigned int i);

/* Is this boundary that of an open container already: 1 or 0. */
int	 delim_is_open(const struct delims *, const uint8_t *, size_t);

/*
 * Is the line at p, of a text that ends at end, a delimiter?  The innermost
 * exact match decides; in loose mode also one with anything behind it, and
 * nothing closes.  1 with the hit filled in, or 0; lines that are almost a
 * delimiter are noted in is_near.
 */
int	 delim_match(struct delims *, const uint8_t *p, const uint8_t *end,
	    struct delim_hit *);

/*
 * The next delimiter line of [p, end) in a text that begins at begin.  1 with
 * the hit filled in, or 0.
 */
int	 delim_scan(struct delims *, const uint8_t *begin, const uint8_t *p,
	    const uint8_t *end, struct delim_hit *);

#endif /* MAILWALL_DELIM_H */

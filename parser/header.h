/* SPDX-License-Identifier: ISC */

/* The header of an entity, RFC 5322 section 2.2 and what is made of it. */

#ifndef MAILWALL_HEADER_H
#define MAILWALL_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "delim.h"

#define HEADER_SAME	4	/* fields of one name that are kept: the first
				   three and the last */

/*
 * Places where readers disagree what the header is.  Without any of these
 * bits the generous reading is taken; each bit asks for the other one.
 */
#define HDR_CR_IS_TEXT	0x01	/* a bare CR does not end a line */
#define HDR_JUNK_ENDS	0x02	/* the body begins at a line of junk */
#define HDR_BLANK_ENDS	0x04	/* ... at a line of white space */
#define HDR_ALL		0x07

/* A range of the message: the value of a field with its folds. */
struct range {
	const uint8_t	*p;
	size_t		 len;
};

struct header {
	const uint8_t	*begin;
	const uint8_t	*body;		/* where the body begins */
	struct range	 type[HEADER_SAME];	/* Content-Type */
	struct range	 encoding[HEADER_SAME];	/* -Transfer-Encoding */
	struct range	 disposition[HEADER_SAME];
	unsigned int	 ntype;
	unsigned int	 nencoding;
	unsigned int	 ndisposition;
	struct range	 subject;	/* the first */
	struct range	 msgid;
	unsigned int	 nfields;
	unsigned int	 nknown;	/* of names that only mail has */
	unsigned int	 odd;		/* HDR_* readings that may differ */
	uint64_t	 anomalies;
	int		 is_over;	/* a limit ended it */
};

/*
 * Read the header at p of a text that ends at end, in the reading that mode
 * (HDR_* bits) asks for.  It also ends before a delimiter line of ds, which
 * may be NULL.  Never fails.
 */
void	 header_read(struct header *, const uint8_t *p, const uint8_t *end,
	    unsigned int mode, struct delims *ds);

/* Do two readings differ in what matters: 1 or 0. */
int	 header_differs(const struct header *, const struct header *);

/*
 * Does a text begin like a message: with a header that tells how to read the
 * body, or unless strict with three fields that are usual in mail?  1 or 0;
 * looks at the first few KiB only.
 */
int	 header_is_likely(const uint8_t *, size_t, int strict);

/*
 * Copy a value without its line ends and NULs, which some readers drop too;
 * at most cap bytes.  Returns their number.
 */
size_t	 header_unfold(const struct range *, uint8_t *out, size_t cap);

#endif /* MAILWALL_HEADER_H */

/* SPDX-License-Identifier: ISC */

/* uuencoded runs inside of text: POSIX uuencode in both its forms, xxencode. */

#ifndef MAILWALL_UU_H
#define MAILWALL_UU_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/* How the lines of a run are written. */
enum uu_form {
	UU_PLAIN,
	UU_BASE64,			/* "begin-base64" */
	UU_XX				/* letters that survived EBCDIC */
};

struct uu_run {
	const uint8_t	*begin;		/* its "begin" line */
	const uint8_t	*data;		/* the line after */
	const uint8_t	*name;		/* as it stands */
	size_t		 name_len;
	enum uu_form	 form;
};

/*
 * The next run in [p, end): a "begin" line, and a line of data behind it.
 * 1 with the run filled in, or 0.
 */
int	 uu_find(const uint8_t *p, const uint8_t *end, struct uu_run *);

/* The same for a run that begins at p, which is the start of a line. */
int	 uu_at(const uint8_t *p, const uint8_t *end, struct uu_run *);

/*
 * Decode the lines at p up to the end of the run.  Returns where it ended.
 */
const uint8_t *uu_decode(const uint8_t *p, const uint8_t *end,
	    enum uu_form, uint8_t *out, size_t cap, struct decoded *);

#endif /* MAILWALL_UU_H */

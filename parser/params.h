/* SPDX-License-Identifier: ISC */

/*
 * Values with parameters (Content-Type, Content-Disposition): RFC 2045
 * section 5.1, RFC 2183, and the continuations and charsets of RFC 2231.
 */

#ifndef MAILWALL_PARAMS_H
#define MAILWALL_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "charset.h"
#include "limits.h"

#define PARAM_VALUES	6		/* readings of one parameter */
#define PARAM_NAME_MAX	24		/* "filename", "boundary", ... */
#define PARAM_VALUE_MAX	4096		/* bytes kept of one value: names are
					   cut at PARSE_NAME_MAX, boundaries
					   at PARSE_BOUNDARY_MAX */
#define PARAM_SECTION_MAX 9999		/* RFC 2231: larger is nonsense */

/* One name=value as it was found. */
struct param {
	char		 name[PARAM_NAME_MAX];	/* lower case, no "*" */
	size_t		 name_len;
	const uint8_t	*value;		/* without its quotes */
	size_t		 len;
	int		 is_escaped;	/* there are backslashes in it */
	const uint8_t	*literal;	/* up to the semicolon as it stands, */
	size_t		 literal_len;	/* if that may differ; else NULL */
	int		 section;	/* "*N"; -1: none */
	int		 is_ext;	/* trailing "*": RFC 2231 encoded */
};

/* All of one field: large, so the caller keeps one and uses it again. */
struct params {
	struct param	 p[PARSE_PARAMS_MAX];
	size_t		 n;
	int		 is_over;	/* there were more */
	int		 no_comments;	/* one was never closed */
	uint64_t	 anomalies;
};

/* One reading of a parameter's value; large as well. */
struct pvalue {
	size_t		 len;
	char		 charset[CHARSET_NAME_MAX];
	size_t		 charset_len;	/* 0: none was given */
	int		 is_plain;	/* not RFC 2231: may hold encoded
					   words */
	uint8_t		 data[PARAM_VALUE_MAX];
};

/*
 * Take the parameters out of unfolded text, which begins behind the type.
 * They point into the text, which must stay.
 */
void	 params_parse(struct params *ps, const uint8_t *, size_t);

/*
 * All readings of a parameter (name in lower case), best first, at most
 * PARAM_VALUES.  Returns their number; notes anomalies in ps.
 */
size_t	 params_values(struct params *ps, const char *name,
	    struct pvalue *v);

#endif /* MAILWALL_PARAMS_H */

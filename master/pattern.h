/* SPDX-License-Identifier: ISC */

/* Are expressions fit to be used, see pattern.c. */

#ifndef MAILWALL_PATTERN_H
#define MAILWALL_PATTERN_H

#include <stddef.h>

#include "conf.h"

/*
 * Could a regular expression of len bytes take for ever, or all memory, or
 * be found nowhere?  Returns NULL when it is harmless by its looks, else the
 * reason.  TRE must never compile one that was not asked about.
 */
const char	*pattern_refused(const char *, size_t len);

/*
 * The same for a word of which so many letters may be wrong, 0 for one that
 * is looked for as it is.
 */
const char	*pattern_word_refused(const char *, size_t len,
		    unsigned int errors);

/*
 * Compile all expressions of a configuration in a child with little time and
 * memory.  Returns 0; or -1 with the number of the list and that of the entry
 * in it which does not compile or is found in any text, and the reason in why.
 */
int		 pattern_compile(const struct conf *, uint32_t *list,
		    uint32_t *entry, char *why, size_t size);

#endif /* MAILWALL_PATTERN_H */

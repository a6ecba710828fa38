/* SPDX-License-Identifier: ISC */

/*
 * Everything that rules look for in text, at once: words, expressions,
 * misspelt words and identifiers, in lists that have scopes.
 */

#ifndef MAILWALL_MATCH_H
#define MAILWALL_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"

struct matcher;			/* compiled; never changes afterwards */
struct match;			/* one message being looked at */

/*
 * Compile all lists and uses of a configuration.  Returns it, or NULL, logged:
 * no memory, or an expression that does not compile.
 */
struct matcher	*matcher_new(const struct conf *);
void		 matcher_free(struct matcher *);
/* Bytes of the automaton, for the log. */
size_t		 matcher_memory(const struct matcher *);

/* Room for looking at messages, one after the other; NULL with errno. */
struct match	*match_new(const struct matcher *);
void		 match_free(struct match *);

/* Begin with a message; give up at due (ms of now_ms()). */
void		 match_begin(struct match *, uint64_t due);
/*
 * Look at a text of len bytes of UTF-8 that belongs to a part and has a
 * scope (enum text_scope).
 */
void		 match_text(struct match *, unsigned int scope, uint32_t part,
		    const uint8_t *, size_t len);
/*
 * The end: hits, one for each use that was found, at most CONF_USES_MAX, go
 * to hit.  Returns their number; *complete is 0 when time, memory or the
 * budget for expressions have run out.
 */
unsigned int	 match_end(struct match *, struct msg_scan_hit *hit,
		    int *complete);

#endif /* MAILWALL_MATCH_H */

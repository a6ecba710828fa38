/* SPDX-License-Identifier: ISC */

/*
 * Many words looked for at once: an automaton of Aho and Corasick over bytes
 * of the normal form.
 */

#ifndef MAILWALL_KEYWORD_H
#define MAILWALL_KEYWORD_H

#include <stddef.h>
#include <stdint.h>

#define KEYWORD_NONE	UINT32_MAX

struct keywords;

/* An empty automaton; NULL with errno ENOMEM. */
struct keywords	*keywords_new(void);
void		 keywords_free(struct keywords *);

/*
 * One more word, len bytes, 1 to LIST_ENTRY_MAX * 4.  Equal words share one
 * number, which is counted from 0 in the order of their first coming.
 * Returns it, or KEYWORD_NONE with errno ENOMEM.
 */
uint32_t	 keywords_add(struct keywords *, const uint8_t *, size_t len);

/* No more words come: make it ready.  Returns 0, or -1 with errno ENOMEM. */
int		 keywords_build(struct keywords *);

/* Words that there are. */
uint32_t	 keywords_count(const struct keywords *);

/*
 * Look for all words in len bytes.  found() is told the number of each and
 * the byte behind it, in the order of these; it returns 0 to go on.  Linear
 * in len, beside what found() is told.
 */
void		 keywords_scan(const struct keywords *, const uint8_t *,
		    size_t len, int (*found)(void *, uint32_t word,
		    size_t end), void *);

/* Bytes of memory that it has. */
size_t		 keywords_memory(const struct keywords *);

#endif /* MAILWALL_KEYWORD_H */

/* SPDX-License-Identifier: ISC */

/* Lists of words that could follow, see expect.c. */

#ifndef MAILWALL_EXPECT_H
#define MAILWALL_EXPECT_H

#include <stddef.h>

struct token;

#define X_END	"end of line"	/* that a statement may end here */

/* "a|b|{" as: a, b or "{".  Cut to size; returns buf. */
char		*expect_text(char *buf, size_t size, const char *list);

/*
 * The keyword of the list that looks most like word: at most two letters are
 * different, and not more than every third.  NULL: none is near.  Static
 * storage.
 */
const char	*expect_nearest(const char *word, const char *list);

/* Is the word one of the list: 1 or 0. */
int		 expect_listed(const char *word, const char *list);

/*
 * Say what is wrong about a word that may not stand where it stands, and what
 * of the list could.
 */
void		 expect_report(const struct token *, const char *list);

#endif /* MAILWALL_EXPECT_H */

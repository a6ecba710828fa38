/* SPDX-License-Identifier: ISC */

/* Lists of words that could follow, see expect.c. */

#ifndef MAILWALL_EXPECT_H
#define MAILWALL_EXPECT_H

#include <stddef.h>

/* "a|b|{" as: a, b or "{".  Cut to size; returns buf. */
char		*expect_text(char *buf, size_t size, const char *list);

/*
 * The keyword of the list that looks most like word: at most two letters are
 * different, and not more than every third.  keyword() says -1 for what is
 * none.  NULL: none is near.  Static storage.
 */
const char	*expect_nearest(const char *word, const char *list,
		    int (*keyword)(const char *));

/* Is the word one of the list: 1 or 0. */
int		 expect_listed(const char *word, const char *list);

#endif /* MAILWALL_EXPECT_H */

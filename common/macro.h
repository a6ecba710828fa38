/* SPDX-License-Identifier: ISC */

/*
 * Words in the texts of rules, as %{session}, that stand for what a message
 * is.  What they become is mostly a stranger's, so it comes out short and in
 * printable ASCII, whatever it was.
 */

#ifndef MAILWALL_MACRO_H
#define MAILWALL_MACRO_H

#include <stddef.h>

#define MACRO_VALUE_MAX	65	/* bytes that one becomes, with its NUL */

enum macro {
	MACRO_DATE,
	MACRO_HELO,
	MACRO_HOST,
	MACRO_RECIPIENT,
	MACRO_RULE,
	MACRO_SENDER,
	MACRO_SERVER,
	MACRO_SESSION,
	MACRO_SOURCE,
	MACRO_VIRUS,
	MACRO_MAX
};

/*
 * Are all macros of a text known and closed?  Returns 0, or -1 and *why is
 * the reason, a constant.  A '%' that no '{' follows is nothing special.
 */
int	 macro_check(const char *text, const char **why);

/*
 * Put text into dst, of size bytes, with a value for each macro, cut where
 * the room ends.  value() writes the value of one into a buffer of
 * MACRO_VALUE_MAX, cut and ended, any bytes before that; what is not
 * printable ASCII becomes '?'.  dst may not be text.
 */
void	 macro_expand(char *dst, size_t size, const char *text,
	    void (*value)(void *, enum macro, char *), void *);

#endif /* MAILWALL_MACRO_H */

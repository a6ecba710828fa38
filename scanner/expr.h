/* SPDX-License-Identifier: ISC */

/* Regular and approximate expressions over the normal form, by TRE. */

#ifndef MAILWALL_EXPR_H
#define MAILWALL_EXPR_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define EXPR_REACH	256	/* characters that a match may reach away from
				   its piece, and as many as it has itself */
#define EXPR_WINDOW	(4 * (EXPR_REACH + LIST_ENTRY_MAX) + EXPR_PIECE_MAX)
				/* characters that one look takes in */
#define EXPR_PIECE_MAX	32	/* characters of a piece */
#define EXPR_PIECES	4	/* of a word that may be misspelt: 3 errors */

struct expr;

/*
 * Compile len bytes of UTF-8, at most LIST_ENTRY_MAX: a POSIX extended
 * expression when errors is 0, else a word of which so many letters (1 to 3)
 * may be wrong, missing or surplus.  Both are brought to the normal form.
 * NULL with errno EINVAL (it does not compile, or is found in any text) or
 * ENOMEM.
 */
struct expr	*expr_new(const uint8_t *, size_t len, unsigned int errors);
void		 expr_free(struct expr *);

/*
 * Pieces of text, at least one of which is in whatever the expression
 * matches, so that it need be tried around these only.  Returns how many, at
 * most EXPR_PIECES, 0: none is known; each is a string in the normal form
 * that lives as long as the expression.
 */
unsigned int	 expr_pieces(const struct expr *, const char **);

/* Characters before and behind a piece that a match may have, at most. */
size_t		 expr_reach(const struct expr *);

/* The text goes on before what expr_match() is given, or behind it. */
#define EXPR_CUT_BEFORE	0x1
#define EXPR_CUT_BEHIND	0x2

/*
 * Does it match in len bytes of the normal form, of which at most the first
 * EXPR_WINDOW characters are looked at?  cut has EXPR_CUT_ bits: there "^"
 * and "$" do not match.  1 with the place of the match in *begin, or 0; also
 * 0 when TRE has no memory for it: *failed is set then.
 */
int		 expr_match(const struct expr *, const uint8_t *, size_t len,
		    unsigned int cut, size_t *begin, int *failed);

#endif /* MAILWALL_EXPR_H */

/* SPDX-License-Identifier: ISC */

/* Expressions in the normal form, see exprfold.c. */

#ifndef MAILWALL_EXPRFOLD_H
#define MAILWALL_EXPRFOLD_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define EXPR_FOLDED_MAX	2048	/* characters of a whole one, at most */

/*
 * What len bytes of UTF-8, a POSIX extended expression as TRE knows it, are
 * for text in the normal form: at most max characters.  Returns how many; or
 * 0 with the reason in *why when it is not one, when TRE would read it
 * otherwise, or when it could only be found in no text or in all.  Brackets
 * are whole and have neither [= nor [. in them, and parentheses are in pairs;
 * bounds and repetitions stand as they are, so these may be wrong still.
 */
size_t	 expr_fold(const uint8_t *, size_t len, wchar_t *, size_t max,
	    const char **why);

/* Behind the bracket expression that begins at w[i], a '[', in what
 * expr_fold() made; n if open. */
size_t	 expr_bracket_end(const wchar_t *w, size_t n, size_t i);

#endif /* MAILWALL_EXPRFOLD_H */

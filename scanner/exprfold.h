/* SPDX-License-Identifier: ISC */

/* Expressions in the normal form, see exprfold.c. */

#ifndef MAILWALL_EXPRFOLD_H
#define MAILWALL_EXPRFOLD_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/*
 * What len bytes of UTF-8, a POSIX extended expression as TRE knows it, are
 * for text in the normal form: at most max characters.  Returns how many, or
 * 0 when they are more than max.  What TRE compiles it compiles afterwards
 * as well.
 */
size_t	 expr_fold(const uint8_t *, size_t len, wchar_t *, size_t max);

/* Behind the bracket expression that begins at w[i], a '['; n if open. */
size_t	 expr_bracket_end(const wchar_t *w, size_t n, size_t i);

#endif /* MAILWALL_EXPRFOLD_H */

/* SPDX-License-Identifier: ISC */

/*
 * What the check of expressions takes by its looks is compiled by TRE in
 * bounds: those of libFuzzer, 10 seconds and 2 GiB with sanitizers.  What is
 * not taken has a reason, from the fold already if TRE could misread it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tre/tre.h>

#include "exprfold.h"
#include "limits.h"
#include "pattern.h"
#include "utf8.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static wchar_t	 w[EXPR_FOLDED_MAX];
	const char	*why, *reason;
	regex_t		 re;
	char		*copy;
	size_t		 n;
	unsigned int	 errors;

	if (len == 0 || len > LIST_ENTRY_MAX || !utf8_valid(data, len))
		return (0);
	/* The copy has a watched end. */
	if ((copy = malloc(len)) == NULL)
		abort();
	memcpy(copy, data, len);
	for (errors = 0; errors <= 3; errors++)
		(void)pattern_word_refused(copy, len, errors);
	n = expr_fold((const uint8_t *)copy, len, w, EXPR_FOLDED_MAX, &why);
	if ((n == 0) != (why != NULL) || n > EXPR_FOLDED_MAX)
		abort();
	reason = pattern_refused(copy, len);
	free(copy);
	if (n == 0 && reason == NULL)
		abort();
	if (reason != NULL)
		return (0);
	if (tre_regwncomp(&re, w, n, REG_EXTENDED) == REG_OK)
		tre_regfree(&re);
	return (0);
}

/* SPDX-License-Identifier: ISC */

/* rtf.c over any bytes: no more text than may come. */

#include <stdlib.h>

#include "inspect.h"

#define TEXT_LEFT	100000

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
take(void *arg, const uint8_t *p, size_t len)
{
	size_t	*sum = arg;

	*sum += len;
	if (len == 0 || *sum > TEXT_LEFT)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	size_t	 sum;

	sum = 0;
	doctext_init();
	rtf_flags(p, len);
	doctext(p, len, FT_RTF, "a.rtf", TEXT_LEFT, take, &sum);
	return (0);
}

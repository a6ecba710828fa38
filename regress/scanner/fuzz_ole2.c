/* SPDX-License-Identifier: ISC */

/* ole2_encrypted() over anything. */

#include "scanner.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	if (ole2_encrypted(p, len) > 1)
		__builtin_trap();
	return (0);
}

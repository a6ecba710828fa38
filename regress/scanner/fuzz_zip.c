/* SPDX-License-Identifier: ISC */

/* zip.c over any bytes: entries stay within the file, unpacking is bounded. */

#include <stdlib.h>

#include "inspect.h"

#define MAX	65536

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct zip	 z;
	uint8_t		*out;
	size_t		 outlen;
	uint32_t	 i;

	if (zip_open(&z, p, len) == -1)
		return (0);
	for (i = 0; i < z.n && i < 64; i++) {
		if (z.entry[i].nameoff + z.entry[i].namelen > len)
			abort();
		zip_unpack(&z, &z.entry[i], MAX, &out, &outlen);
		if (outlen > MAX + 1)
			abort();
		free(out);
	}
	zip_close(&z);
	return (0);
}

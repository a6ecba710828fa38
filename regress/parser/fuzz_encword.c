/* SPDX-License-Identifier: ISC */

/* Any header text: what comes out is clean UTF-8 and fits. */

#include <stdlib.h>

#include "charset.h"
#include "decode.h"
#include "encword.h"
#include "utf8.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int	 is_ready;
	uint64_t	 anomalies;
	uint8_t		*out;
	size_t		 cap, i, n;

	if (!is_ready) {
		decode_init();
		charset_init();
		is_ready = 1;
	}
	if (len == 0)
		return (0);
	cap = (size_t)data[0] * 4;
	out = malloc(cap > 0 ? cap : 1);
	anomalies = 0;
	n = encword_decode(data + 1, len - 1, out, cap, &anomalies);
	if (n > cap || !utf8_valid(out, n))
		abort();
	for (i = 0; i < n; i++)
		if (out[i] < 0x20 || out[i] == 0x7f)
			abort();
	free(out);
	return (0);
}

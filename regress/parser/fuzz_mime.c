/* SPDX-License-Identifier: ISC */

/*
 * Any message, any limits: the parser must make an arena that the receiver
 * takes.  The first three bytes choose the limits.
 */

#include <stdlib.h>

#include "harness.h"
#include "limits.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mime_limits	 lim;
	struct parsed		 p;
	uint8_t			*copy;

	if (len < 3)
		return (0);
	harness_limits(&lim, len - 3);
	/* Less room than usual: to have more messages in the same time. */
	lim.max_decoded = (len - 3) * PARSE_DECODED_FACTOR + 65536;
	lim.want_text = (data[0] & 2) == 0;
	if (lim.want_text)
		lim.max_decoded += (len - 3) * PARSE_TEXT_FACTOR;
	if (data[0] & 1)
		lim.max_parts = data[0];
	if (data[1] & 1)
		lim.max_depth = data[1] % PARSE_DEPTH_MAX + 1;
	if (data[2] & 1)
		lim.max_decoded = 4096 + data[2] * 16U;
	/* The copy has a watched end. */
	copy = malloc(len - 3 > 0 ? len - 3 : 1);
	for (size_t i = 3; i < len; i++)
		copy[i - 3] = data[i];
	harness_parse(&p, copy, len - 3, &lim);
	harness_close(&p);
	free(copy);
	return (0);
}

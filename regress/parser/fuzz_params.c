/* SPDX-License-Identifier: ISC */

/* Any parameters: readings stay inside of their bounds. */

#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "params.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const	 names[] = {
		"name", "filename", "boundary", "charset", "x", ""
	};
	static struct params		 ps;
	static struct pvalue		 values[PARAM_VALUES];
	size_t				 i, j, n;

	decode_init();
	params_parse(&ps, data, len);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n = params_values(&ps, names[i], values);
		if (n > PARAM_VALUES)
			abort();
		for (j = 0; j < n; j++)
			if (values[j].len > PARAM_VALUE_MAX ||
			    values[j].charset_len > CHARSET_NAME_MAX)
				abort();
	}
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * PROXY headers from a balancer gone mad: what is taken lies inside of the
 * bytes, is the same however few follow, and what we write we read again.
 */

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "proxyproto.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct addr	 a, b;
	uint8_t		 made[PROXYPROTO_MADE_MAX];
	size_t		 used, again;
	int		 ret, v;

	memset(&a, 0, sizeof(a));
	ret = proxyproto_parse(data, len, &a, &used);
	MUST(ret >= -1 && ret <= 2);
	if (ret == 0)
		MUST(len < PROXY_HEADER_MAX);
	if (ret <= 0)
		return (0);
	MUST(used <= len && used <= PROXY_HEADER_MAX);
	/* Not before its last byte, and then without any other. */
	MUST(proxyproto_parse(data, used - 1, &b, &again) == 0);
	MUST(proxyproto_parse(data, used, &b, &again) == ret);
	MUST(again == used);
	if (ret == 2)
		return (0);
	MUST(addr_same(&a, &b) && (a.family == 4 || a.family == 6));
	for (v = 1; v <= 2; v++) {
		used = proxyproto_make(v, &a, &a, made);
		MUST(used <= sizeof(made));
		MUST(proxyproto_parse(made, used, &b, &again) == 1);
		MUST(again == used && addr_same(&a, &b));
	}
	return (0);
}

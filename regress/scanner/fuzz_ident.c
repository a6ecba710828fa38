/* SPDX-License-Identifier: ISC */

/*
 * Identifiers in the normal form of any text: in it, one behind the other,
 * only of kinds that were asked for, and found as well when no others are.
 */

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "normal.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct seen {
	const uint8_t	*text;
	size_t		 len;
	uint32_t	 kinds;
	size_t		 end;		/* of the last one */
	unsigned int	 count[IDENT_MAX];
};

static void
found(void *arg, enum ident kind, size_t begin, size_t end)
{
	struct seen	*s;
	size_t		 i;

	s = arg;
	if (kind >= IDENT_MAX || (s->kinds & (1U << kind)) == 0 ||
	    begin < s->end || end <= begin || end > s->len)
		abort();
	/* None has anything but ASCII in it. */
	for (i = begin; i < end; i++)
		if (s->text[i] < 0x20 || s->text[i] >= 0x7f)
			abort();
	s->end = end;
	s->count[kind]++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct normal	 n;
	struct seen	 all, one;
	uint8_t		*copy;
	uint32_t	 k;

	if (normal_init(&n, len * NORMAL_GROWTH) == -1)
		abort();
	normal_make(&n, data, len);
	/* The copy has a watched end. */
	if ((copy = malloc(n.len)) == NULL)
		abort();
	memcpy(copy, n.out, n.len);
	memset(&all, 0, sizeof(all));
	all.text = copy;
	all.len = n.len;
	all.kinds = (1U << IDENT_MAX) - 1;
	ident_scan(copy, n.len, all.kinds, found, &all);
	for (k = 0; k < IDENT_MAX; k++) {
		memset(&one, 0, sizeof(one));
		one.text = copy;
		one.len = n.len;
		one.kinds = 1U << k;
		ident_scan(copy, n.len, one.kinds, found, &one);
		if (all.count[k] > 0 && one.count[k] == 0)
			abort();
	}
	free(copy);
	normal_free(&n);
	return (0);
}

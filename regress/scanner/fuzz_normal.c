/* SPDX-License-Identifier: ISC */

/*
 * The normal form of any bytes: clean UTF-8 in bounds, itself again when it is
 * made once more, the same when it is made in pieces, and with places that
 * lie in the input and never go back.
 */

#include <stdlib.h>
#include <string.h>

#include "normal.h"
#include "utf8.h"

#define KEPT	256		/* of the output, for the next piece */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
init(struct normal *n, size_t len)
{
	if (normal_init(n, len * NORMAL_GROWTH) == -1)
		abort();
}

static void
check(const struct normal *n, size_t len)
{
	size_t	 i, at, before;

	if (n->len > len * NORMAL_GROWTH || n->len > n->cap ||
	    !utf8_valid(n->out, n->len))
		abort();
	if (n->len > 0 && (n->out[0] == ' ' || n->out[n->len - 1] == ' '))
		abort();
	before = 0;
	for (i = 0; i < n->len; i++) {
		if (n->out[i] < 0x20 || (n->out[i] == ' ' &&
		    n->out[i + 1] == ' '))
			abort();
		at = normal_place(n, i);
		if (at < before || at >= len)
			abort();
		before = at;
	}
}

/* In pieces, with the end of each before the next, as match.c does. */
static void
pieces(const struct normal *whole, const uint8_t *p, size_t len, size_t size)
{
	struct normal	 n;
	size_t		 i, k, used;

	if (normal_init(&n, KEPT + size) == -1)
		abort();
	for (i = 0; i < len; i += used) {
		for (k = 0; k < size && i + k < len; k += used)
			(void)normal_get(p + i + k, len - i - k, &used);
		(void)normal_keep(&n, KEPT);
		used = normal_add(&n, p + i, k);
		if (used == 0 || used > k)
			abort();
	}
	if (n.len > whole->len || memcmp(n.out, whole->out + whole->len -
	    n.len, n.len) != 0)
		abort();
	normal_free(&n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct normal	 n, again;
	uint8_t		*copy;

	if (len < 1)
		return (0);
	/* The copy has a watched end. */
	if ((copy = malloc(len - 1)) == NULL)
		abort();
	memcpy(copy, data + 1, len - 1);
	init(&n, len - 1);
	if (normal_make(&n, copy, len - 1) != len - 1)
		abort();
	check(&n, len - 1);
	init(&again, n.len);
	if (normal_make(&again, n.out, n.len) != n.len ||
	    again.len != n.len || memcmp(again.out, n.out, n.len) != 0)
		abort();
	pieces(&n, copy, len - 1, 1 + data[0]);
	normal_free(&again);
	normal_free(&n);
	free(copy);
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Any HTML: what comes out is UTF-8 if what went in is, has the room that
 * text.c gives it, and when it has less, that is said.  Text without markup
 * comes out as it is.
 */

#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "utf8.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
out_init(struct html_out *o, size_t cap)
{
	memset(o, 0, sizeof(*o));
	o->cap = cap;
	if ((o->buf = malloc(cap)) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct html_out	 shown, hidden, few, none;
	struct css	 css;
	const char	*cs;
	uint8_t		*copy;
	size_t		 n;

	/* The copy has a watched end. */
	if ((copy = malloc(len)) == NULL)
		abort();
	memcpy(copy, data, len);
	out_init(&shown, len + len / 2 + 64);
	out_init(&hidden, len + len / 2 + 64);
	html_sheets(copy, len, &css);
	if (css.n > CSS_NAMES_MAX)
		abort();
	html_text(copy, len, &css, &shown, &hidden);
	if (shown.full || hidden.full || shown.len > shown.cap ||
	    hidden.len > hidden.cap)
		abort();
	if (utf8_valid(copy, len) && (!utf8_valid(shown.buf, shown.len) ||
	    !utf8_valid(hidden.buf, hidden.len)))
		abort();
	if (memchr(copy, '<', len) == NULL && memchr(copy, '&', len) == NULL &&
	    (shown.len != len || memcmp(shown.buf, copy, len) != 0))
		abort();

	out_init(&few, shown.len / 2);
	out_init(&none, 0);
	html_text(copy, len, &css, &few, &none);
	if (few.full != (few.len < shown.len) || none.full !=
	    (hidden.len > 0) || none.len != 0)
		abort();

	n = 0;
	cs = html_charset(copy, len, &n);
	if (cs != NULL && ((const uint8_t *)cs < copy || n == 0 ||
	    (const uint8_t *)cs + n > copy + len))
		abort();
	free(shown.buf);
	free(hidden.buf);
	free(few.buf);
	free(none.buf);
	free(copy);
	return (0);
}

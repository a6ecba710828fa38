/* SPDX-License-Identifier: ISC */

/* What a person reads in HTML, see html.c. */

#ifndef MAILWALL_HTML_H
#define MAILWALL_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "css.h"

/* Where text goes: cap bytes at buf, len of them used. */
struct html_out {
	uint8_t		*buf;
	size_t		 len;
	size_t		 cap;
	int		 full;		/* something found no room */
};

/*
 * Take the text out of len bytes of HTML in UTF-8: what is shown into shown;
 * what is hidden, and the text of attributes, into hidden.  css: what style
 * sheets hide counts as well, NULL: they are not looked at.  Returns 1 if one
 * has hidden something, else 0.
 */
int	 html_text(const uint8_t *, size_t len, const struct css *css,
	    struct html_out *shown, struct html_out *hidden);

/*
 * A character reference, p being behind its "&", in an attribute or not.  What
 * it stands for is put, in UTF-8, behind what is in o, where there is room: it
 * may be longer than the reference by a byte.  Returns what follows it, or NULL
 * when it is none.
 */
const uint8_t *html_reference(const uint8_t *p, const uint8_t *end,
	    struct html_out *o, int in_attr);

/* What all style sheets in it hide, also in what a browser would not read. */
void	 html_sheets(const uint8_t *, size_t len, struct css *css);

/*
 * The charset that a <meta> in the first KiB names; NULL: none.  *len gets the
 * length of its name.
 */
const char *html_charset(const uint8_t *, size_t, size_t *len);

#endif /* MAILWALL_HTML_H */

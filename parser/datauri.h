/* SPDX-License-Identifier: ISC */

/* Files that stand in the text itself: "data:" URIs, RFC 2397. */

#ifndef MAILWALL_DATAURI_H
#define MAILWALL_DATAURI_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

#define DATAURI_TYPE_MAX	64	/* of "text/html", with its NUL */

struct datauri {
	char		 type[DATAURI_TYPE_MAX];	/* lower case */
	int		 is_base64;
	int		 has_refs;	/* its data are spelt as in HTML */
	const uint8_t	*data;
	const uint8_t	*end;		/* of the data */
};

/*
 * The first one in a text from p on, which begins at begin: 1, or 0 if there
 * is none.  Take u->end for p to go on; linear in the text by that.
 */
int	 datauri_next(const uint8_t *begin, const uint8_t *p,
	    const uint8_t *end, struct datauri *u);

/*
 * The same for those that only a reader of HTML sees, since letters of them
 * are written as references ("&#100;ata:") or have ends of lines among them.
 * *place is where to go on, at first p of the text.  Linear likewise.
 */
int	 datauri_spelt(const uint8_t *begin, const uint8_t *end,
	    const uint8_t **place, struct datauri *u);

/* Its bytes into out, cap at most. */
void	 datauri_decode(const struct datauri *u, uint8_t *out, size_t cap,
	    struct decoded *);

#endif /* MAILWALL_DATAURI_H */

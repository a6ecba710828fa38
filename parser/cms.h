/* SPDX-License-Identifier: ISC */

/* Cryptographic messages (RFC 5652, PKCS #7), as far as S/MIME needs. */

#ifndef MAILWALL_CMS_H
#define MAILWALL_CMS_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

enum cms_kind {
	CMS_DATA,
	CMS_SIGNED,		/* content may be inside */
	CMS_ENCRYPTED,		/* enveloped, encrypted, authenticated too */
	CMS_COMPRESSED,		/* RFC 3274 */
	CMS_OTHER
};

struct cms {
	enum cms_kind	 kind;
	const uint8_t	*content;	/* elements of it; NULL: none */
	const uint8_t	*end;
	int		 bad;		/* something did not parse */
};

/*
 * Do these bytes begin a message: 1 with it filled in, or 0.  The content of
 * CMS_DATA and CMS_SIGNED is found; no key is needed for that.
 */
int	 cms_open(const uint8_t *, size_t, struct cms *);

/* Join the pieces of the content in out. */
void	 cms_content(const struct cms *, uint8_t *out, size_t cap,
	    struct decoded *);

#endif /* MAILWALL_CMS_H */

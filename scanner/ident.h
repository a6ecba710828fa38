/* SPDX-License-Identifier: ISC */

/* Identifiers that carry their own check, found in text; see ident.c. */

#ifndef MAILWALL_IDENT_H
#define MAILWALL_IDENT_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"

/*
 * Look for identifiers in len bytes of the normal form (normal.h).  kinds has
 * bits 1 << enum ident.  found() is told the kind and where it begins and
 * ends.  Linear in len.
 */
void	 ident_scan(const uint8_t *, size_t len, uint32_t kinds,
	    void (*found)(void *, enum ident, size_t begin, size_t end),
	    void *);

#endif /* MAILWALL_IDENT_H */

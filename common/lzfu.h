/* SPDX-License-Identifier: ISC */

/* Compressed RTF, MS-OXRTFCP: what Outlook calls LZFu. */

#ifndef MAILWALL_LZFU_H
#define MAILWALL_LZFU_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/*
 * Unpack: bytes that cannot be are reported as bad and what came before is
 * given.  The size that the head states is not believed.
 */
void	 lzfu_decode(const uint8_t *, size_t, uint8_t *out, size_t cap,
	    struct decoded *);

#endif /* MAILWALL_LZFU_H */

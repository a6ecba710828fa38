/* SPDX-License-Identifier: ISC */

/* Compressed RTF, MS-OXRTFCP: what Outlook calls LZFu. */

#ifndef MAILWALL_LZFU_H
#define MAILWALL_LZFU_H

#include <stddef.h>
#include <stdint.h>

#define LZFU_HEAD	16	/* bytes before what is packed */
#define LZFU_GROWTH	9	/* a byte becomes no more than so many */

/*
 * Unpack: the bytes that came, at most cap.  *bad: there were bytes that cannot
 * be, and this is what came before them; *full: there was more than cap.  The
 * size that the head states is not believed.
 */
size_t	 lzfu_decode(const uint8_t *, size_t, uint8_t *out, size_t cap,
	    int *bad, int *full);

#endif /* MAILWALL_LZFU_H */

/* SPDX-License-Identifier: ISC */

/* Encoded words in header text, RFC 2047. */

#ifndef MAILWALL_ENCWORD_H
#define MAILWALL_ENCWORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode len bytes of unfolded header text into clean UTF-8, at most cap
 * bytes.  Returns their number; ANOMALY() bits of what was odd are added to
 * *anomalies.
 */
size_t	 encword_decode(const uint8_t *, size_t len, uint8_t *out,
	    size_t cap, uint64_t *anomalies);

/* Is there something in it that looks like an encoded word: 1 or 0. */
int	 encword_present(const uint8_t *, size_t len);

#endif /* MAILWALL_ENCWORD_H */

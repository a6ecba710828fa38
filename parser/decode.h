/* SPDX-License-Identifier: ISC */

/* Content-Transfer-Encodings, RFC 2045 section 6, as lenient as readers. */

#ifndef MAILWALL_DECODE_H
#define MAILWALL_DECODE_H

#include <stddef.h>
#include <stdint.h>

/* What came out, and what was odd on the way. */
struct decoded {
	size_t		 len;		/* bytes written */
	size_t		 stop;		/* base64: bytes until padding ended
					   it for a reader that stops there;
					   len if there was nothing after */
	int		 bad;		/* broken escapes, junk, bad padding */
	int		 restarted;	/* base64: data after padding */
	int		 full;		/* cap was reached: cut short */
};

/* Fill the tables; once, before anything else here. */
void	 decode_init(void);

/*
 * Decode base64 (section 6.8).  Bytes outside of the alphabet are skipped.
 * Data after padding is a new start, or with ignore_pad set '=' is skipped
 * like any other byte: readers do either, or stop.
 */
void	 decode_base64(const uint8_t *, size_t, uint8_t *out, size_t cap,
	    int ignore_pad, struct decoded *);

/* Decode quoted-printable (section 6.7); broken escapes stay as they are. */
void	 decode_qp(const uint8_t *, size_t, uint8_t *out, size_t cap,
	    struct decoded *);

/* Value of a hexadecimal digit, or -1. */
int	 decode_hex(int);

#endif /* MAILWALL_DECODE_H */

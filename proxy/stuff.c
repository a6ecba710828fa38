/* SPDX-License-Identifier: ISC */

/* Dots before lines of a message (RFC 5321 section 4.5.2). */

#include <string.h>

#include "proxy.h"

int
stuff_dots(struct buf *out, const uint8_t *p, size_t len, int bol)
{
	const uint8_t	*lf;
	size_t		 off, n;

	for (off = 0; off < len; off += n) {
		if (bol && p[off] == '.' && buf_add(out, ".", 1) == -1)
			return (-1);
		/* Up to the next line that begins with a dot. */
		n = 0;
		do {
			lf = memchr(p + off + n, '\n', len - off - n);
			n = lf == NULL ? len - off :
			    (size_t)(lf - (p + off)) + 1;
		} while (off + n < len && p[off + n] != '.');
		if (buf_add(out, p + off, n) == -1)
			return (-1);
		bol = p[off + n - 1] == '\n';
	}
	return (0);
}

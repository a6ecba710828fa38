/* SPDX-License-Identifier: ISC */

/* The PROXY protocol, versions 1 and 2, as HAProxy's authors define it. */

#ifndef MAILWALL_PROXYPROTO_H
#define MAILWALL_PROXYPROTO_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define PROXYPROTO_MADE_MAX	128	/* v1: 107; v2: 16 + 36 */

/*
 * Is there a whole header at the begin of these bytes?  Returns 1 with the
 * client's address in *src and the header's length in *used; 2 with only
 * *used, when the header says that the connection's own address counts
 * (LOCAL, UNKNOWN, a family that is no network); 0 if more bytes are needed;
 * -1 if this is no header, or one that is larger than PROXY_HEADER_MAX.
 */
int	 proxyproto_parse(const uint8_t *, size_t len, struct addr *src,
	    size_t *used);

/*
 * Does a whole header, used bytes that proxyproto_parse() has found, say that
 * the client speaks TLS with whoever sent it: 1 or 0.  Only version 2 can.
 */
int	 proxyproto_tls(const uint8_t *, size_t used);

/*
 * Write a header that names a client and the server that it called into buf,
 * which has PROXYPROTO_MADE_MAX bytes.  Version is 1 or 2.  Where one of both
 * is IPv4 and the other is not, it is written as IPv6 (RFC 4291, 2.5.5.2).
 * Returns its length.
 */
size_t	 proxyproto_make(int version, const struct addr *src,
	    const struct addr *dst, uint8_t *buf);

#endif /* MAILWALL_PROXYPROTO_H */

/* SPDX-License-Identifier: ISC */

/* Messages for the load generator: no two alike, cheap to make. */

#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MIN	2048		/* headers and a line of each part */
#define MESSAGE_MAX	(64 * 1024 * 1024)

/* Seed the generator from the kernel; exits when there is no randomness. */
void	 message_init(void);

/*
 * Write a message of nearly size bytes (MESSAGE_MIN to MESSAGE_MAX; never
 * more, less than 160 fewer) to buf, which holds size bytes: a text and one
 * attachment of random bytes in base64, lines ended by CRLF, none of which
 * begins with a dot, and no final dot.  Returns its length.
 */
size_t	 message_make(char *buf, size_t size);

#endif /* BENCH_MESSAGE_H */

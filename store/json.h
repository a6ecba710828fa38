/* SPDX-License-Identifier: ISC */

/* A line of JSON, built in memory. */

#ifndef MAILWALL_JSON_H
#define MAILWALL_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"

struct json {
	struct buf	 text;
	int		 first;		/* no comma before the next value */
	int		 error;		/* errno of what did not fit, or 0 */
};

/* Empty, of at most max bytes; json_clear() frees. */
void	 json_init(struct json *, size_t max);
void	 json_clear(struct json *);
/* Begin and end an object ('{', '}') or an array ('[', ']'). */
void	 json_open(struct json *, char bracket);
void	 json_close(struct json *, char bracket);
/* The name of the value that is added next; any bytes. */
void	 json_key(struct json *, const char *, size_t);
/* Values; a string may have any bytes. */
void	 json_bytes(struct json *, const char *, size_t);
void	 json_number(struct json *, int64_t);
void	 json_bool(struct json *, int);
/* Name and value. */
void	 json_set(struct json *, const char *key, const char *);
void	 json_setn(struct json *, const char *key, uint64_t);
/* End the line: 0, or -1 with errno (ENOBUFS, ENOMEM) if it is not whole. */
int	 json_end(struct json *);

#endif /* MAILWALL_JSON_H */

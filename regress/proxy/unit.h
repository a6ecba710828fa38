/* SPDX-License-Identifier: ISC */

/*
 * A line for each case and a status at the end, and what the modules of the
 * proxy need around them when they are linked alone.
 */

#ifndef REGRESS_PROXY_UNIT_H
#define REGRESS_PROXY_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "proxy.h"

/* A literal with its length, NULs inside included. */
#define LIT(s)		(s), sizeof(s) - 1

/* Calls of session_log() so far. */
extern unsigned int	 unit_logged;

/* One case: it holds when why is NULL. */
void		 unit_case(const char *name, const char *why, ...)
		    __attribute__((__format__(printf, 2, 3)));
/* Exit status of the program. */
int		 unit_status(void);
/*
 * The bytes in memory of exactly their size, so that reading one more is
 * seen; free with free(3).
 */
uint8_t		*unit_exact(const void *, size_t);
/* Bytes in printable form, in one of four static buffers. */
const char	*unit_show(const void *, size_t);
/* A session with a configuration and nothing else; unit_session_free(). */
struct session	*unit_session(void);
void		 unit_session_free(struct session *);

#endif /* REGRESS_PROXY_UNIT_H */

/* SPDX-License-Identifier: ISC */

/* What the tests, fuzzers and the bench of the parser have in common. */

#ifndef REGRESS_PARSER_HARNESS_H
#define REGRESS_PARSER_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#include "mime.h"
#include "parts.h"

/* A message, parsed, sealed, and opened again as the next process does. */
struct parsed {
	int		 msgfd;
	int		 arenafd;
	uint64_t	 arena_size;
	struct parts	 parts;
};

/* Limits as a proxy sets them for a message of that size. */
void	 harness_limits(struct mime_limits *, size_t size);

/*
 * Parse; everything that can be wrong with the answer ends the program.  lim
 * NULL: the usual limits.
 */
void	 harness_parse(struct parsed *, const void *, size_t,
	    const struct mime_limits *lim);
void	 harness_close(struct parsed *);

/* Give back the memory of the parser, for leak detection. */
void	 harness_end(void);

/* Print the parts, one a line. */
void	 harness_print(const struct parsed *, char **out, size_t *len);

/* A whole file, malloced; ends the program when it cannot be read. */
uint8_t	*harness_read(const char *path, size_t *len);

/* Milliseconds of processor time of this process. */
uint64_t harness_cpu(void);

/* Report one case; harness_failed counts. */
void	 harness_case(const char *name, int good, const char *why);
extern int harness_failed;

#endif

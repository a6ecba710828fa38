/* SPDX-License-Identifier: ISC */

/*
 * Files of the configuration, and what they said when they were read last.
 *
 * When one table alone is loaded again, all other files are taken as they are
 * kept here, whatever has become of them on the disk.
 */

#ifndef MASTER_KEPT_H
#define MASTER_KEPT_H

#include <sys/types.h>
#include <sys/stat.h>

#include <stddef.h>

#include "lex.h"

/*
 * A load begins: of everything (NULL), or of the file of that table.  keep:
 * what is read is remembered; who only checks a file has no use for it.
 */
void	 kept_begin(const char *table, int keep);

/* A statement about that table is read; NULL: it is over. */
void	 kept_table(const char *name);

/* Did the table that kept_begin() has named come from a file: 1 or 0. */
int	 kept_found(void);

/* What was loaded is in force: it is what is remembered now. */
void	 kept_commit(void);

/*
 * Read a whole file, from the disk or from memory, after the checks that make
 * it trustworthy: a regular file of root's that nobody else can write to.
 * Returns its bytes in memory of lex_alloc(), with a NUL behind the *len
 * ones, and device and inode in *st; or NULL, reported at pos.
 */
char	*kept_read(const struct pos *pos, const char *path, struct stat *st,
	    size_t *len);

#endif /* MASTER_KEPT_H */

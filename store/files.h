/* SPDX-License-Identifier: ISC */

/* Files of messages, for the quarantine and the outbox: see files.c. */

#ifndef MAILWALL_FILES_H
#define MAILWALL_FILES_H

#include <stddef.h>
#include <stdint.h>

#define FILES_NUMBER_MAX (1ULL << 53)	/* no message has had a higher one */

/* Files whose fate the next commit decides. */
struct file_numbers {
	struct file_number {
		uint64_t	 number;
		uint64_t	 size;
	}		*n;
	size_t		 len;
	size_t		 alloc;
};

struct files {
	const char		*name;		/* of the directory */
	int			 dir;
	struct file_numbers	 fresh;		/* rows are not committed */
	struct file_numbers	 doomed;	/* nor deleted rows */
	uint64_t		 used;		/* bytes of all with a row */
};

/* How far a transaction is, to go back there. */
struct files_mark {
	size_t	 fresh, doomed;
};

/* Open the directory, which is there; fatal. */
void	 files_open(struct files *, const char *name);
/*
 * Make a file of size bytes of a descriptor, or of a text: complete and on
 * disk when this returns 0, and with its name after the next commit, which
 * counts only then; else -1 with errno: EEXIST for a number that has a file,
 * which is not touched.  digest gets the SHA-256 in hexadecimal, 65 bytes.
 */
int	 files_put(struct files *, uint64_t number, int fd, uint64_t size,
	    char *digest);
int	 files_put_text(struct files *, uint64_t number, const void *,
	    size_t len);
/*
 * Forget those that were put since the mark, and that others were to go; for
 * the owner, whose rows go back as well.
 */
void	 files_mark(const struct files *, struct files_mark *);
void	 files_undo(struct files *, const struct files_mark *);
/* Open one to read: a descriptor, or -1 with errno. */
int	 files_get(const struct files *, uint64_t number);
/* Is it there with so many bytes: 1, or 0 and a line in the log. */
int	 files_whole(const struct files *, uint64_t number, uint64_t size);
/* Its row is deleted: the file goes after the commit. */
void	 files_doom(struct files *, uint64_t number, uint64_t size);
/* Before a commit: names on disk.  0, or -1 with errno. */
int	 files_sync(const struct files *);
/* After it; with an error the owner must count used again. */
void	 files_committed(struct files *, int error);
/* Fatal when there is one: no database has rows for it. */
void	 files_none(const struct files *);
/*
 * At the start: those that have no row go to lost_take(), or are deleted if
 * they are not whole.  Returns the highest number of the former; none up to it
 * should be used again.
 */
uint64_t files_repair(struct files *, int (*has_row)(uint64_t number));
/* Rename, and replace nothing: 0, or -1 with errno (EEXIST). */
int	 files_rename(int fromdir, const char *from, int todir,
	    const char *to);

/* lost.c: files of messages without a row */

/* Open its directory; without one all stay where they are. */
void	 lost_begin(void);
/* Look at those that are there, and delete those that are too old. */
void	 lost_expire(void);
/* The highest number that one of them had in "quarantine" or "outbox". */
uint64_t lost_highest(const char *where);
/* Move one there; what cannot be moved stays where it is. */
void	 lost_take(const struct files *, uint64_t number);
/* All were: put that on disk, and tell how many. */
void	 lost_end(void);

#endif /* MAILWALL_FILES_H */

/* SPDX-License-Identifier: ISC */

/*
 * A byte buffer that grows to a maximum given at its birth and gives its
 * memory back when it is empty, so that an idle session owns none.
 */

#ifndef MAILWALL_BUF_H
#define MAILWALL_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t		*data;		/* NULL while empty and shrunk */
	size_t		 off;		/* first unread byte */
	size_t		 len;		/* unread bytes */
	size_t		 cap;
	size_t		 max;
};

void		 buf_init(struct buf *, size_t max);
/* Free; wipes first.  The buffer may be used again. */
void		 buf_clear(struct buf *);
/* Give the memory back if nothing is unread. */
void		 buf_shrink(struct buf *);

/* Append.  Returns 0, or -1 with errno ENOBUFS (maximum) or ENOMEM. */
int		 buf_add(struct buf *, const void *, size_t);
int		 buf_addf(struct buf *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
int		 buf_vaddf(struct buf *, const char *, va_list)
		    __attribute__((__format__(printf, 2, 0)));

/*
 * Room for at least want bytes behind the unread ones; *room gets what there
 * is.  NULL with errno as buf_add().  buf_commit() then counts what was
 * written.
 */
uint8_t		*buf_reserve(struct buf *, size_t want, size_t *room);
void		 buf_commit(struct buf *, size_t);

/* The unread bytes, and reading them away (wiped when wipe is set). */
uint8_t		*buf_ptr(const struct buf *);
void		 buf_drain(struct buf *, size_t);
void		 buf_drain_wipe(struct buf *, size_t);

#endif /* MAILWALL_BUF_H */

/* SPDX-License-Identifier: ISC */

/* Messages that wait to be sent, and what the gateway writes itself. */

#ifndef MAILWALL_OUTBOX_H
#define MAILWALL_OUTBOX_H

#include "store.h"

enum outbox_state {
	OUTBOX_PENDING,		/* a copy, of what may not have arrived */
	OUTBOX_WAITING,
	OUTBOX_LOST		/* the file is not there, or not whole */
};

/* A message for the outbox. */
struct outgoing {
	uint64_t	 record;	/* what it is about */
	uint32_t	 kind;		/* enum out_kind */
	struct addr	 server;
	const char	*from;		/* "" is <> */
	const char	*to;
	/* OUT_COPY: whose word it waits for, see outbox_fate(). */
	uint32_t	 owner;		/* instance of the proxy */
	uint64_t	 ident;		/* its record's id there */
};

/* outbox.c */

/*
 * Open its directory; a database is new, so nothing can be in it; make rows
 * and files agree; fatal.
 */
void	 outbox_begin(void);
void	 outbox_new(void);
void	 outbox_repair(void);
/*
 * Put a message into it, size bytes of a descriptor or a text: row and file,
 * or nothing.  It counts, and is sent, after the next commit.  0, or -1 with
 * errno: ENOSPC.
 */
int	 outbox_put(const struct outgoing *, int fd, uint64_t size);
int	 outbox_put_text(const struct outgoing *, const void *, size_t);
/* What was put since the mark is not wanted after all; rows go back, too. */
void	 outbox_mark(struct files_mark *);
void	 outbox_undo(const struct files_mark *);
/* The message whose copies they are has arrived, or not. */
void	 outbox_fate(const struct peer *, uint64_t ident, int arrived);
/* A proxy is gone: nobody knows, so its copies are sent. */
void	 outbox_lost(const struct peer *);
/* Send what is due; all that was written is on disk. */
void	 outbox_send(void);
/* Before and after a commit, as for the quarantine. */
int	 outbox_sync(void);
void	 outbox_committed(int error);
/*
 * An operator's.  Delete one; try one, or with number 0 all, at once.  Return
 * 0, or -1 with errno: ENOENT, EBUSY (it is being sent).
 */
int	 outbox_delete(uint64_t number);
int	 outbox_retry(uint64_t number);
/* Open it to read: a descriptor, or -1 with errno. */
int	 outbox_open(uint64_t number);
/* Is it being sent just now: 1 or 0. */
int	 outbox_is_sent(uint64_t number);

/* notice.c */

/*
 * Somebody is to be told of a record, or its sender to be answered: 0, or -1
 * with errno.
 */
int	 notice_add(uint64_t record, const struct msg_out *,
	    const char *sender);
/* Write what is due into the outbox; 1: a part of it. */
int	 notice_run(void);

#endif /* MAILWALL_OUTBOX_H */

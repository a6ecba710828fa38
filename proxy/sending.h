/* SPDX-License-Identifier: ISC */

/* A message that goes out: between the frames about it and its connection. */

#ifndef MAILWALL_SENDING_H
#define MAILWALL_SENDING_H

#include <stddef.h>
#include <stdint.h>

#include "imsg.h"

/* outgoing.c */

/*
 * Tell the store what came of a message, over its channel: the server's code
 * or 0, how many recipients have it, and a text, of which what does not fit or
 * is no text is left out.
 */
void		 outgoing_answer(struct imsgbuf *, uint64_t id, int code,
		    uint32_t naccepted, const char *text);

/* sending.c */

/* Is one of this id under way: 1 or 0. */
int		 sending_is(uint64_t id);
/* Is there room for one more: 1 or 0. */
int		 sending_room(void);
/*
 * Send a message: rcpt has the strings of its recipients, from malloc(3); fd
 * has its size bytes; both are taken.  The store gets one answer, perhaps
 * before this returns.
 */
void		 sending_start(struct imsgbuf *, uint64_t id,
		    const struct msg_send *, char *rcpt, size_t rcpt_len,
		    int fd, uint64_t size);
/* Close all connections; nobody is told. */
void		 sending_stop(void);

#endif /* MAILWALL_SENDING_H */

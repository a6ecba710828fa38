/* SPDX-License-Identifier: ISC */

/*
 * Frames over an AF_UNIX SOCK_SEQPACKET socketpair: one frame is one packet,
 * so there are no partial reads, and a descriptor belongs to exactly the
 * frame that it came with.  Every frame is checked against the table of
 * proto.c when it is composed (a violation there is our own bug: fatal) and
 * when it is read (a violation there is the peer's: EBADMSG, and what that
 * costs the peer is the caller's decision).
 */

#ifndef MAILWALL_IMSG_H
#define MAILWALL_IMSG_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "proto.h"

/* One received frame.  data is valid until the next imsg_read() of anyone. */
struct imsg {
	uint32_t	 type;		/* enum imsg_type */
	int		 fd;		/* attached descriptor, or -1 */
	uint64_t	 id;		/* request that this belongs to, or 0 */
	size_t		 len;		/* bytes at data */
	const void	*data;		/* aligned for any payload */
};

struct imsg_out;

struct imsgbuf {
	int			 fd;		/* non-blocking, or -1 */
	enum proc_type		 self;
	enum proc_type		 peer;
	unsigned int		 state;		/* of the peer, PEER_* */
	unsigned int		 nqueued;	/* frames in outq */
	STAILQ_HEAD(, imsg_out)	 outq;		/* waiting for room */
};

/*
 * Make a connected pair of non-blocking, close-on-exec channel sockets.
 * Returns 0, or -1 with errno of socketpair(2).
 */
int	 imsg_pair(int sv[2]);

/* Set up storage of the caller's over an open channel; takes fd. */
void	 imsgbuf_init(struct imsgbuf *, int fd, enum proc_type self,
	    enum proc_type peer);

/* Close the channel, drop what is queued with its descriptors; idempotent. */
void	 imsgbuf_clear(struct imsgbuf *);

/*
 * Send a frame, or queue it when the socket is full.  Takes fd (-1 for none),
 * also on failure.  Returns 0, or -1 with errno: ENOBUFS when IMSG_QUEUE_MAX
 * frames are waiting, or what sendmsg(2) said (EPIPE: peer gone).
 */
int	 imsg_compose(struct imsgbuf *, uint32_t type, uint64_t id, int fd,
	    const void *data, size_t len);

/* The same, but fd stays the caller's: a copy is made only if it must wait. */
int	 imsg_lend(struct imsgbuf *, uint32_t type, uint64_t id, int fd,
	    const void *data, size_t len);

/*
 * Send what is queued.  Returns 0 when the queue is empty, 1 when frames
 * remain (wait for POLLOUT), -1 with errno when the peer is gone.
 */
int	 imsgbuf_flush(struct imsgbuf *);

/* As imsgbuf_flush(), but wait until all is sent; only for start-up. */
int	 imsgbuf_flush_wait(struct imsgbuf *);

/*
 * Read one frame.  Returns 1 with the frame filled in (the caller must
 * imsg_free() it), 0 when none is there now, -1 with errno: ECONNRESET when
 * the peer has closed, EBADMSG for a frame that the table refuses, EMFILE
 * when a descriptor was lost because our table is full.
 */
int	 imsg_read(struct imsgbuf *, struct imsg *);

/* Take the descriptor out of a frame: it is the caller's now; -1 if none. */
int	 imsg_take_fd(struct imsg *);

/* Forget a frame; closes a descriptor that nobody took. */
void	 imsg_free(struct imsg *);

#endif /* MAILWALL_IMSG_H */

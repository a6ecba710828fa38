/* SPDX-License-Identifier: ISC */

/*
 * Frames over SOCK_SEQPACKET, see imsg.h.  Linux differs from OpenBSD in one
 * way that matters: with a full descriptor table recvmsg(2) succeeds, sets
 * MSG_CTRUNC and silently drops the descriptor.  That is an error here.
 */

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "log.h"

/* In front of every payload, 16 bytes, so that the payload is aligned. */
struct imsg_hdr {
	uint32_t	 type;
	uint32_t	 len;		/* of the payload */
	uint64_t	 id;
};

/* A queued frame; header and payload follow the structure. */
struct imsg_out {
	STAILQ_ENTRY(imsg_out)	 entry;
	int			 fd;
	uint32_t		 pad;
	size_t			 len;
};

static int	 imsg_send(int, int, const struct iovec *, int);
static int	 imsg_try(struct imsgbuf *, const struct imsg_hdr *, int,
		    const void *);
static int	 imsg_queue(struct imsgbuf *, const struct imsg_hdr *, int,
		    const void *);
static int	 imsg_put(struct imsgbuf *, uint32_t, uint64_t, int,
		    const void *, size_t, int);
static void	 imsg_fds(struct msghdr *, int *, int *);

/* One frame is handled before the next is read: one buffer serves all. */
static union {
	struct imsg_hdr	 hdr;
	uint8_t		 bytes[sizeof(struct imsg_hdr) + IMSG_DATA_MAX];
} imsg_in;

int
imsg_pair(int sv[2])
{
	return (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, sv));
}

void
imsgbuf_init(struct imsgbuf *ib, int fd, enum proc_type self,
    enum proc_type peer)
{
	memset(ib, 0, sizeof(*ib));
	ib->fd = fd;
	ib->self = self;
	ib->peer = peer;
	ib->state = PEER_NEW;
	STAILQ_INIT(&ib->outq);
}

void
imsgbuf_clear(struct imsgbuf *ib)
{
	struct imsg_out	*o;

	while ((o = STAILQ_FIRST(&ib->outq)) != NULL) {
		STAILQ_REMOVE_HEAD(&ib->outq, entry);
		if (o->fd != -1)
			close(o->fd);
		free(o);
	}
	ib->nqueued = 0;
	if (ib->fd != -1)
		close(ib->fd);
	ib->fd = -1;
}

static int
imsg_send(int sock, int fd, const struct iovec *iov, int iovcnt)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr	 msg;
	struct cmsghdr	*cmsg;
	ssize_t		 n;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	msg.msg_iovlen = (size_t)iovcnt;
	if (fd != -1) {
		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = &ctl;
		msg.msg_controllen = sizeof(ctl.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return (n == -1 ? -1 : 0);
}

/* Returns 1 when sent, 0 when it must wait, -1 with errno. */
static int
imsg_try(struct imsgbuf *ib, const struct imsg_hdr *hdr, int fd,
    const void *data)
{
	struct iovec	 iov[2];

	if (!STAILQ_EMPTY(&ib->outq))
		return (0);
	iov[0].iov_base = (void *)(uintptr_t)hdr;
	iov[0].iov_len = sizeof(*hdr);
	iov[1].iov_base = (void *)(uintptr_t)data;
	iov[1].iov_len = hdr->len;
	if (imsg_send(ib->fd, fd, iov, hdr->len == 0 ? 1 : 2) == 0)
		return (1);
	return (errno == EAGAIN || errno == ENOBUFS ||
	    errno == ETOOMANYREFS ? 0 : -1);
}

/* Takes fd when it returns 0; else -1 with errno. */
static int
imsg_queue(struct imsgbuf *ib, const struct imsg_hdr *hdr, int fd,
    const void *data)
{
	struct imsg_out	*o;

	if (ib->nqueued >= IMSG_QUEUE_MAX) {
		errno = ENOBUFS;
		return (-1);
	}
	if ((o = malloc(sizeof(*o) + sizeof(*hdr) + hdr->len)) == NULL)
		return (-1);
	o->fd = fd;
	o->pad = 0;
	o->len = sizeof(*hdr) + hdr->len;
	memcpy(o + 1, hdr, sizeof(*hdr));
	if (hdr->len > 0)
		memcpy((uint8_t *)(o + 1) + sizeof(*hdr), data, hdr->len);
	STAILQ_INSERT_TAIL(&ib->outq, o, entry);
	ib->nqueued++;
	return (0);
}

static int
imsg_put(struct imsgbuf *ib, uint32_t type, uint64_t id, int fd,
    const void *data, size_t len, int lent)
{
	struct imsg_hdr	 hdr;
	int		 ret, keep, saved_errno;

	/* The table is for both ends; our own state is not known to us. */
	if (len > IMSG_DATA_MAX || proto_check(type, ib->self, ib->peer, len,
	    fd != -1, PEER_ANY) == -1)
		fatalx("%s: %s to %s, %zu bytes%s", __func__,
		    proto_imsg_name(type), proto_proc_name(ib->peer), len,
		    fd == -1 ? "" : " and a descriptor");

	memset(&hdr, 0, sizeof(hdr));
	hdr.type = type;
	hdr.len = (uint32_t)len;
	hdr.id = id;
	ret = imsg_try(ib, &hdr, fd, data);
	if (ret == 0) {
		keep = fd;
		if (lent && fd != -1)
			keep = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd != -1 && keep == -1)
			return (-1);
		if (imsg_queue(ib, &hdr, keep, data) == 0)
			return (0);
		saved_errno = errno;
		if (keep != -1)
			close(keep);
		errno = saved_errno;
		return (-1);
	}
	saved_errno = errno;
	if (!lent && fd != -1)
		close(fd);
	errno = saved_errno;
	return (ret == 1 ? 0 : -1);
}

int
imsg_compose(struct imsgbuf *ib, uint32_t type, uint64_t id, int fd,
    const void *data, size_t len)
{
	return (imsg_put(ib, type, id, fd, data, len, 0));
}

int
imsg_lend(struct imsgbuf *ib, uint32_t type, uint64_t id, int fd,
    const void *data, size_t len)
{
	return (imsg_put(ib, type, id, fd, data, len, 1));
}

int
imsgbuf_flush(struct imsgbuf *ib)
{
	struct imsg_out	*o;
	struct iovec	 iov;

	while ((o = STAILQ_FIRST(&ib->outq)) != NULL) {
		iov.iov_base = o + 1;
		iov.iov_len = o->len;
		if (imsg_send(ib->fd, o->fd, &iov, 1) == -1) {
			if (errno == EAGAIN || errno == ENOBUFS ||
			    errno == ETOOMANYREFS)
				return (1);
			return (-1);
		}
		STAILQ_REMOVE_HEAD(&ib->outq, entry);
		ib->nqueued--;
		if (o->fd != -1)
			close(o->fd);
		free(o);
	}
	return (0);
}

int
imsgbuf_flush_wait(struct imsgbuf *ib)
{
	struct pollfd	 pfd;
	int		 ret;

	while ((ret = imsgbuf_flush(ib)) == 1) {
		pfd.fd = ib->fd;
		pfd.events = POLLOUT;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			return (-1);
	}
	return (ret);
}

/* Collect the descriptors of a control message; close all but the first. */
static void
imsg_fds(struct msghdr *msg, int *fd, int *nfds)
{
	struct cmsghdr	*cmsg;
	size_t		 i, n;
	int		 one;

	*fd = -1;
	*nfds = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	    cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(one));
			if ((*nfds)++ == 0)
				*fd = one;
			else
				close(one);
		}
	}
}

int
imsg_read(struct imsgbuf *ib, struct imsg *imsg)
{
	/* Room for two, so that a surplus one arrives and can be closed. */
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(2 * sizeof(int))];
	} ctl;
	struct msghdr	 msg;
	struct iovec	 iov;
	ssize_t		 n;
	int		 fd, nfds;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = imsg_in.bytes;
	iov.iov_len = sizeof(imsg_in.bytes);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &ctl;
	msg.msg_controllen = sizeof(ctl.bytes);
	do {
		n = recvmsg(ib->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN ? 0 : -1);

	imsg_fds(&msg, &fd, &nfds);
	if (n == 0 && nfds == 0) {
		errno = ECONNRESET;
		return (-1);
	}
	if (msg.msg_flags & MSG_CTRUNC) {
		errno = nfds >= 2 ? EBADMSG : EMFILE;
		goto fail;
	}
	if ((size_t)n < sizeof(struct imsg_hdr) || nfds > 1 ||
	    (msg.msg_flags & MSG_TRUNC) ||
	    imsg_in.hdr.len != (size_t)n - sizeof(struct imsg_hdr)) {
		errno = EBADMSG;
		goto fail;
	}
	if (proto_check(imsg_in.hdr.type, ib->peer, ib->self,
	    imsg_in.hdr.len, nfds == 1, ib->state) == -1)
		goto fail;

	imsg->type = imsg_in.hdr.type;
	imsg->id = imsg_in.hdr.id;
	imsg->len = imsg_in.hdr.len;
	imsg->data = imsg_in.bytes + sizeof(struct imsg_hdr);
	imsg->fd = fd;
	return (1);
fail:
	if (fd != -1)
		close(fd);
	return (-1);
}

int
imsg_take_fd(struct imsg *imsg)
{
	int	 fd;

	fd = imsg->fd;
	imsg->fd = -1;
	return (fd);
}

void
imsg_free(struct imsg *imsg)
{
	if (imsg->fd != -1)
		close(imsg->fd);
	imsg->fd = -1;
}

/* SPDX-License-Identifier: ISC */

/* The connection to the store. */

#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "ctl.h"

static void	 wait_for(struct connection *, short);
static void	 answer(struct connection *,
		    void (*)(void *, const struct row *), void *,
		    struct msg_ctl_end *);

void
ctl_connect(struct connection *c, const char *path)
{
	struct sockaddr_un	 sun;
	int			 fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(CTL_USAGE, "%s: name too long", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sun,
	    sizeof(sun)) == -1)
		err(CTL_NO_ONE, "%s", path);
	imsgbuf_init(&c->ib, fd, PROC_CTL, PROC_STORE);
	c->ib.state = PEER_IDLE;
	c->mail = -1;
}

static void
wait_for(struct connection *c, short events)
{
	struct pollfd	 pfd;

	pfd.fd = c->ib.fd;
	pfd.events = events;
	if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
		err(CTL_NO_ONE, "poll");
}

void
ctl_ask(struct connection *c, const struct msg_ctl *req,
    void (*func)(void *, const struct row *), void *arg,
    struct msg_ctl_end *end)
{
	if (imsg_compose(&c->ib, IMSG_CTL_REQ, 1, -1, req,
	    sizeof(*req)) == -1 || imsgbuf_flush_wait(&c->ib) == -1)
		err(CTL_NO_ONE, "mailwall does not answer");
	answer(c, func, arg, end);
}

void
ctl_explain(struct connection *c, const struct msg_explain *m, int fd,
    void (*func)(void *, const struct row *), void *arg,
    struct msg_ctl_end *end)
{
	if (imsg_compose(&c->ib, IMSG_CTL_EXPLAIN, 1, fd, m,
	    sizeof(*m)) == -1 || imsgbuf_flush_wait(&c->ib) == -1)
		err(CTL_NO_ONE, "mailwall does not answer");
	answer(c, func, arg, end);
}

static void
answer(struct connection *c, void (*func)(void *, const struct row *),
    void *arg, struct msg_ctl_end *end)
{
	struct msg_mail	 mail;
	struct imsg	 imsg;
	struct row	 row;
	int		 n;

	for (;;) {
		n = imsg_read(&c->ib, &imsg);
		if (n == -1)
			errx(CTL_NO_ONE, "the connection was closed");
		if (n == 0) {
			wait_for(c, POLLIN);
			continue;
		}
		switch (imsg.type) {
		case IMSG_CTL_ROW:
			n = proto_strings(imsg.data, imsg.len);
			if (n < 2 || n % 2 != 0)
				errx(CTL_NO_ONE, "an answer that is none");
			row.data = (char *)(uintptr_t)imsg.data;
			row.len = imsg.len;
			if (func != NULL)
				func(arg, &row);
			break;
		case IMSG_CTL_MAIL:
			memcpy(&mail, imsg.data, sizeof(mail));
			if (c->mail != -1)
				close(c->mail);
			c->mail = imsg_take_fd(&imsg);
			c->mail_size = mail.size;
			break;
		case IMSG_CTL_END:
			memcpy(end, imsg.data, sizeof(*end));
			end->text[sizeof(end->text) - 1] = '\0';
			make_plain(end->text);
			imsg_free(&imsg);
			return;
		default:
			errx(CTL_NO_ONE, "an answer that is none");
		}
		imsg_free(&imsg);
	}
}

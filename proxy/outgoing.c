/* SPDX-License-Identifier: ISC */

/*
 * The gateway's own SMTP client: what an operator lets out of the quarantine
 * goes to its server by this.  One connection a message, one command at a
 * time, no second try: the store hears what the server has said, and decides.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/string.h>

#include "proxy.h"
#include "utf8.h"

#define OUTGOING_MAX	16	/* at a time */
#define CHUNK		65536	/* bytes of the message at a time */
#define SOCK_RETRY	100	/* ms until the stock is looked at again */
#define SOCK_TRIES	100
#define LINE_MAX_OUT	(SMTP_ADDR_MAX + 128)

/* What is awaited. */
enum out_state {
	OUT_FRAMES,		/* recipients and message, from the store */
	OUT_SOCKET,
	OUT_CONNECT,
	OUT_BANNER,
	OUT_EHLO,
	OUT_HELO,
	OUT_MAIL,
	OUT_RCPT,
	OUT_DATA,
	OUT_BODY,		/* room for the rest of the message */
	OUT_DOT
};

#define HAS_8BIT	0x1
#define HAS_SIZE	0x2
#define HAS_UTF8	0x4

struct outgoing {
	TAILQ_ENTRY(outgoing)	 entry;
	uint64_t		 id;
	struct imsgbuf		*ib;
	struct msg_send		 req;
	enum out_state		 state;
	struct buf		 rcpt;		/* strings */
	uint32_t		 nrcpt;
	const char		*next;		/* recipient to be named */
	int			 fd;		/* message; -1: not yet */
	uint64_t		 size;
	uint64_t		 sent;
	int			 mid_line;
	unsigned int		 has;		/* HAS_* */
	unsigned int		 tries;
	struct ev		 ev;
	struct buf		 in, out;
	struct evtimer		 timer;
	struct msg_send_done	 done;
};

static void	 out_begin(struct imsgbuf *, const struct imsg *);
static void	 out_refuse(struct imsgbuf *, uint64_t, const char *);
static struct outgoing *out_find(uint64_t);
static int	 out_rcpt(struct outgoing *, const struct imsg *);
static void	 out_connect(struct outgoing *);
static void	 out_connected(struct outgoing *);
static void	 out_event(int, uint32_t, void *);
static void	 out_late(void *);
static void	 out_say(struct outgoing *, enum out_state, enum timeout,
		    const char *, ...)
		    __attribute__((__format__(printf, 4, 5)));
static void	 out_fail(struct outgoing *, const char *);
static void	 out_end(struct outgoing *);
static void	 out_free(struct outgoing *);
static int	 out_flush(struct outgoing *);
static int	 out_read(struct outgoing *, struct reply *);
static void	 out_keywords(struct outgoing *, size_t);
static void	 out_keep(struct outgoing *, const struct reply *);
static void	 out_mail(struct outgoing *);
static void	 out_next(struct outgoing *);
static void	 out_reply(struct outgoing *, const struct reply *);
static int	 out_body(struct outgoing *);

static TAILQ_HEAD(, outgoing) outgoings = TAILQ_HEAD_INITIALIZER(outgoings);
static unsigned int	 noutgoing;

static struct outgoing *
out_find(uint64_t id)
{
	struct outgoing	*o;

	TAILQ_FOREACH(o, &outgoings, entry)
		if (o->id == id)
			return (o);
	return (NULL);
}

static void
out_refuse(struct imsgbuf *ib, uint64_t id, const char *text)
{
	struct msg_send_done	 done;

	memset(&done, 0, sizeof(done));
	strlcpy(done.text, text, sizeof(done.text));
	if (imsg_compose(ib, IMSG_SEND_DONE, id, -1, &done,
	    sizeof(done)) == -1)
		log_warn("store");
	store_want_write();
}

static void
out_begin(struct imsgbuf *ib, const struct imsg *imsg)
{
	struct outgoing	*o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		fatal("%s", __func__);
	memcpy(&o->req, imsg->data, sizeof(o->req));
	o->req.from[sizeof(o->req.from) - 1] = '\0';
	o->id = imsg->id;
	o->ib = ib;
	o->fd = o->ev.fd = -1;
	buf_init(&o->rcpt, RECORD_RCPT_BYTES_MAX);
	buf_init(&o->in, SMTP_REPLY_MAX);
	buf_init(&o->out, 2 * CHUNK + LINE_MAX_OUT);
	evtimer_init(&o->timer, out_late, o);
	TAILQ_INSERT_TAIL(&outgoings, o, entry);
	noutgoing++;
}

static int
out_rcpt(struct outgoing *o, const struct imsg *imsg)
{
	int	 n;

	n = proto_strings(imsg->data, imsg->len);
	if (n == -1 || (uint32_t)n > o->req.nrcpt - o->nrcpt ||
	    buf_add(&o->rcpt, imsg->data, imsg->len) == -1)
		return (-1);
	o->nrcpt += (uint32_t)n;
	return (0);
}

int
outgoing_frame(struct imsgbuf *ib, struct imsg *imsg)
{
	struct outgoing	*o;
	struct msg_mail	 mail;

	o = out_find(imsg->id);
	if ((o == NULL) != (imsg->type == IMSG_SEND) ||
	    (o != NULL && o->state != OUT_FRAMES))
		return (-1);
	switch (imsg->type) {
	case IMSG_SEND:
		out_begin(ib, imsg);
		return (0);
	case IMSG_SEND_RCPT:
		return (out_rcpt(o, imsg));
	default:
		break;
	}
	memcpy(&mail, imsg->data, sizeof(mail));
	if (o->nrcpt != o->req.nrcpt || o->nrcpt == 0 ||
	    mail.size > MAX_MESSAGE_SIZE ||
	    (o->req.dest.family != 4 && o->req.dest.family != 6))
		return (-1);
	o->fd = imsg_take_fd(imsg);
	o->size = mail.size;
	if (noutgoing > OUTGOING_MAX) {
		out_refuse(o->ib, o->id, "too many messages on their way");
		out_free(o);
		return (0);
	}
	o->state = OUT_SOCKET;
	out_connect(o);
	return (0);
}

void
outgoing_lost(void)
{
	struct outgoing	*o;

	while ((o = TAILQ_FIRST(&outgoings)) != NULL)
		out_free(o);
}

static void
out_free(struct outgoing *o)
{
	int	 fd;

	evtimer_del(&o->timer);
	if (o->ev.fd != -1) {
		fd = o->ev.fd;
		ev_del(&o->ev);
		close(fd);
	}
	if (o->fd != -1)
		close(o->fd);
	buf_clear(&o->rcpt);
	buf_clear(&o->in);
	buf_clear(&o->out);
	TAILQ_REMOVE(&outgoings, o, entry);
	noutgoing--;
	free(o);
}

/* Tell the store; frees it. */
static void
out_end(struct outgoing *o)
{
	char	 dest[ADDR_STRLEN], text[2 * CONF_REPLY_MAX];

	log_info("sent dest=%s recipients=%u accepted=%u code=%u reply=%s",
	    addr_ipport(&o->req.dest, dest, sizeof(dest)), o->nrcpt,
	    o->done.naccepted, o->done.code, log_quote(text, sizeof(text),
	    o->done.text, strlen(o->done.text)));
	if (imsg_compose(o->ib, IMSG_SEND_DONE, o->id, -1, &o->done,
	    sizeof(o->done)) == -1)
		log_warn("store");
	store_want_write();
	/* Polite, and of no consequence. */
	if (o->ev.fd != -1 && o->state != OUT_BODY)
		(void)send(o->ev.fd, "QUIT\r\n", 6,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	out_free(o);
}

/* No reply decides: nobody has the message. */
static void
out_fail(struct outgoing *o, const char *why)
{
	o->done.code = 0;
	o->done.naccepted = 0;
	strlcpy(o->done.text, why, sizeof(o->done.text));
	out_end(o);
}

static void
out_late(void *arg)
{
	struct outgoing	*o;

	o = arg;
	if (o->state == OUT_SOCKET && ++o->tries < SOCK_TRIES)
		out_connect(o);
	else
		out_fail(o, o->state == OUT_SOCKET ? "no socket" :
		    "time-out of the server");
}

static void
out_connect(struct outgoing *o)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd;

	fd = sock_get(o->req.dest.family == 4 ? SOCK_PLAIN4 : SOCK_PLAIN6);
	if (fd == -1) {
		evtimer_set(&o->timer, SOCK_RETRY);
		return;
	}
	len = addr_to_sockaddr(&o->req.dest, &ss);
	if ((connect(fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno != EINPROGRESS) ||
	    ev_add(&o->ev, fd, EPOLLOUT, out_event, o) == -1) {
		o->ev.fd = -1;
		close(fd);
		out_fail(o, strerror(errno));
		return;
	}
	o->state = OUT_CONNECT;
	evtimer_set(&o->timer, proxy.conf->g.timeout[TMO_CONNECT]);
}

/* A server that was configured to be told who its client is: it is us. */
static void
out_connected(struct outgoing *o)
{
	static const char		 v1[] = "PROXY UNKNOWN\r\n";
	static const uint8_t		 v2[] = {
		0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
		0x54, 0x0a, 0x20, 0x00, 0x00, 0x00	/* version 2, LOCAL */
	};
	const struct conf_server_wire	*w;
	socklen_t			 len;
	int				 error;

	error = 0;
	len = sizeof(error);
	if (getsockopt(o->ev.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		out_fail(o, strerror(error));
		return;
	}
	w = conf_server(proxy.conf, &o->req.dest);
	if (w != NULL && w->identity == IDENTITY_PROXY1)
		(void)buf_add(&o->out, v1, sizeof(v1) - 1);
	if (w != NULL && w->identity == IDENTITY_PROXY2)
		(void)buf_add(&o->out, v2, sizeof(v2));
	o->state = OUT_BANNER;
	evtimer_set(&o->timer, proxy.conf->g.timeout[TMO_BANNER]);
}

/* Send a line; its reply is awaited in that state, so long. */
static void
out_say(struct outgoing *o, enum out_state state, enum timeout t,
    const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	/* One line always fits: the last one was answered. */
	(void)buf_vaddf(&o->out, fmt, ap);
	va_end(ap);
	(void)buf_add(&o->out, "\r\n", 2);
	o->state = state;
	evtimer_set(&o->timer, proxy.conf->g.timeout[t]);
}

/* Keywords of an EHLO reply at the begin of the buffer. */
static void
out_keywords(struct outgoing *o, size_t len)
{
	const char	*p, *end, *nl;

	p = (const char *)buf_ptr(&o->in);
	end = p + len;
	for (; p + 4 < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return;
		if (strncasecmp(p + 4, "8BITMIME", 8) == 0)
			o->has |= HAS_8BIT;
		else if (strncasecmp(p + 4, "SIZE", 4) == 0)
			o->has |= HAS_SIZE;
		else if (strncasecmp(p + 4, "SMTPUTF8", 8) == 0)
			o->has |= HAS_UTF8;
	}
}

static void
out_mail(struct outgoing *o)
{
	char	 size[40];

	snprintf(size, sizeof(size), " SIZE=%llu",
	    (unsigned long long)o->size);
	o->next = (const char *)buf_ptr(&o->rcpt);
	out_say(o, OUT_MAIL, TMO_COMMAND, "MAIL FROM:<%s>%s%s%s", o->req.from,
	    o->has & HAS_SIZE ? size : "",
	    o->has & HAS_8BIT ? " BODY=8BITMIME" : "",
	    o->has & HAS_UTF8 ? " SMTPUTF8" : "");
}

/* The next recipient, or the message for those that were taken. */
static void
out_next(struct outgoing *o)
{
	if (o->next != NULL)
		out_say(o, OUT_RCPT, TMO_COMMAND, "RCPT TO:<%s>", o->next);
	else if (o->done.naccepted > 0)
		out_say(o, OUT_DATA, TMO_DATA, "DATA");
	else
		out_end(o);
}

/* A reply for the operator: its first line. */
static void
out_keep(struct outgoing *o, const struct reply *r)
{
	const char	*p;
	size_t		 n;

	p = (const char *)buf_ptr(&o->in);
	for (n = 0; n < r->len && p[n] != '\r' && p[n] != '\n'; n++)
		;
	o->done.code = (uint32_t)r->code;
	utf8_plain(o->done.text, sizeof(o->done.text), p, n);
}

static void
out_reply(struct outgoing *o, const struct reply *r)
{
	struct sockaddr_storage	 ss;
	struct addr		 own;
	socklen_t		 len;
	char			 ip[ADDR_STRLEN];
	int			 class;

	class = r->code / 100;
	if (o->state != OUT_RCPT || class != 2)
		out_keep(o, r);
	switch (o->state) {
	case OUT_BANNER:
	case OUT_EHLO:
		if (o->state == OUT_EHLO && class == 2) {
			out_keywords(o, r->len);
			out_mail(o);
			return;
		}
		if (o->state == OUT_BANNER && r->code != 220)
			break;
		/* RFC 5321 section 4.1.4: no name, so the address. */
		len = sizeof(ss);
		memset(&own, 0, sizeof(own));
		if (getsockname(o->ev.fd, (struct sockaddr *)&ss, &len) == -1 ||
		    addr_from_sockaddr(&own, (struct sockaddr *)&ss) == -1)
			own = o->req.dest;
		out_say(o, o->state == OUT_BANNER ? OUT_EHLO : OUT_HELO,
		    TMO_COMMAND, "%s [%s%s]", o->state == OUT_BANNER ?
		    "EHLO" : "HELO", own.family == 6 ? "IPv6:" : "",
		    addr_ip(&own, ip, sizeof(ip)));
		return;
	case OUT_HELO:
		if (class != 2)
			break;
		out_mail(o);
		return;
	case OUT_MAIL:
		if (class != 2)
			break;
		out_next(o);
		return;
	case OUT_RCPT:
		o->done.naccepted += class == 2;
		o->next = proto_next(buf_ptr(&o->rcpt), o->rcpt.len, o->next);
		out_next(o);
		return;
	case OUT_DATA:
		if (r->code != 354)
			break;
		o->state = OUT_BODY;
		evtimer_set(&o->timer, proxy.conf->g.timeout[TMO_BLOCK]);
		return;
	case OUT_DOT:
		if (class == 2) {
			out_end(o);
			return;
		}
		break;
	case OUT_FRAMES:
	case OUT_SOCKET:
	case OUT_CONNECT:
	case OUT_BODY:
		break;
	}
	/* The server will not have it; a yes is out of step here. */
	o->done.naccepted = 0;
	if (class == 2 || class == 3)
		o->done.code = 0;
	out_end(o);
}

/* The next bytes of the message: 0, or -1 when the file is not what it was. */
static int
out_body(struct outgoing *o)
{
	static uint8_t	 chunk[CHUNK];
	size_t		 want;
	ssize_t		 n;

	while (o->sent < o->size && o->out.len <= CHUNK / 2) {
		want = o->size - o->sent < CHUNK / 2 ?
		    (size_t)(o->size - o->sent) : CHUNK / 2;
		n = pread(o->fd, chunk, want, (off_t)o->sent);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || deliver_stuff(&o->out, chunk, (size_t)n,
		    !o->mid_line) == 0)
			return (-1);
		o->mid_line = chunk[n - 1] != '\n';
		o->sent += (uint64_t)n;
	}
	if (o->sent < o->size)
		return (0);
	if ((o->mid_line && buf_add(&o->out, "\r\n", 2) == -1) ||
	    buf_add(&o->out, ".\r\n", 3) == -1)
		return (-1);
	o->state = OUT_DOT;
	evtimer_set(&o->timer, proxy.conf->g.timeout[TMO_DOT]);
	return (0);
}

/* Send what there is: 0, or -1 when the connection is lost. */
static int
out_flush(struct outgoing *o)
{
	ssize_t	 n;

	while (o->out.len > 0) {
		n = send(o->ev.fd, buf_ptr(&o->out), o->out.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (errno == EAGAIN ? 0 : -1);
		buf_drain(&o->out, (size_t)n);
		if (o->state == OUT_BODY)
			evtimer_set(&o->timer,
			    proxy.conf->g.timeout[TMO_BLOCK]);
	}
	return (0);
}

/* Read what the server says: 1 for a whole reply, 0, or -1: it is lost. */
static int
out_read(struct outgoing *o, struct reply *r)
{
	uint8_t	*p;
	size_t	 room;
	ssize_t	 n;

	if ((p = buf_reserve(&o->in, 1, &room)) == NULL)
		return (-1);
	n = recv(o->ev.fd, p, room, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	if (n <= 0)
		return (-1);
	buf_commit(&o->in, (size_t)n);
	return (reply_parse(buf_ptr(&o->in), o->in.len, r));
}

static void
out_event(int fd, uint32_t events, void *arg)
{
	struct outgoing	*o;
	struct reply	 r;
	size_t		 len;
	uint64_t	 id;
	int		 n;

	o = arg;
	id = o->id;
	if (o->state == OUT_CONNECT) {
		out_connected(o);
		if (out_find(id) == NULL)
			return;
	} else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = out_read(o, &r);
		if (n == -1) {
			out_fail(o, "connection lost");
			return;
		}
		if (n == 1) {
			/* One command at a time: nothing may follow. */
			len = r.len;
			if (o->in.len > len) {
				out_fail(o, "server out of step");
				return;
			}
			out_reply(o, &r);
			if (out_find(id) == NULL)
				return;
			buf_drain(&o->in, len);
		}
	}
	if (o->state == OUT_BODY && out_body(o) == -1) {
		out_fail(o, "message cannot be read");
		return;
	}
	if (out_flush(o) == -1) {
		out_fail(o, "connection lost");
		return;
	}
	ev_mod(&o->ev, EPOLLIN | (o->out.len > 0 || o->state == OUT_BODY ?
	    EPOLLOUT : 0));
}

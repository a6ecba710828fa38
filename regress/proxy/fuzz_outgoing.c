/* SPDX-License-Identifier: ISC */

/*
 * A server gone mad: whatever it says and whenever, the store hears exactly
 * once; what the server hears are commands in their order, each at most once;
 * and a success means that it had all of the message before it said so.
 *
 * The first byte chooses the message and its recipients.  The rest is what
 * the server says, a piece up to each NUL: one at once, each other one when
 * it has heard something, or when nothing moves any more.  Behind the last one
 * it closes.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)
#define HEARD_MAX	65536
#define IDLE	4	/* rounds of the loop in which nothing came */
#define TEXT		"Subject: x\r\n\r\n.dot\r\n..\r\n.\r\n\xc3\xa4\r\n"
#define WIRE		"Subject: x\r\n\r\n..dot\r\n...\r\n..\r\n\xc3\xa4\r\n" \
			".\r\n"

static void	 start(void);
static void	 say(void);
static void	 server_event(int, uint32_t, void *);
static void	 server_end(void);
static void	 send_frames(unsigned int, int);
static const char *line(const char *, const char *);
static int	 heard_all(unsigned int, int);

static struct imsgbuf	 near, far;
static struct ev	 ev;
static int		 client = -1;
static const uint8_t	*pieces, *pieces_end;
static size_t		 said_before_dot;	/* pieces, when it came */
static size_t		 nsaid, nheard;
static unsigned int	 idle;
static char		 heard[HEARD_MAX];

/* What outgoing.c calls; connect() is this by the way it is built. */

int	 fuzz_connect(int, const struct sockaddr *, socklen_t);

int
fuzz_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return (0);
}

void
sock_take(struct sockwait *w, int family)
{
	int	 fd;

	fd = client;
	client = -1;
	w->cb(w->arg, fd);
}

void
sock_leave(struct sockwait *w)
{
}

void
store_want_write(void)
{
}

void
proxy_check_end(void)
{
	if (proxy.nsending == 0)
		ev_stop();
}

static void
start(void)
{
	size_t	 i;
	int	 sv[2];

	ev_init();
	MUST((proxy.conf = conf_new()) != NULL && imsg_pair(sv) == 0);
	for (i = 0; i < TMO_MAX; i++)
		proxy.conf->g.timeout[i] = 3600000;
	imsgbuf_init(&near, sv[0], PROC_PROXY, PROC_STORE);
	imsgbuf_init(&far, sv[1], PROC_STORE, PROC_PROXY);
	near.state = far.state = PEER_IDLE;
	ev.fd = -1;
}

static void
server_end(void)
{
	int	 fd;

	if ((fd = ev.fd) == -1)
		return;
	ev_del(&ev);
	close(fd);
}

static void
say(void)
{
	const uint8_t	*end;

	if (pieces == pieces_end) {
		server_end();
		return;
	}
	end = memchr(pieces, '\0', (size_t)(pieces_end - pieces));
	if (end == NULL)
		end = pieces_end;
	idle = 0;
	/* A client that is gone, or too much for it at once. */
	(void)send(ev.fd, pieces, (size_t)(end - pieces),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	nsaid++;
	pieces = end == pieces_end ? end : end + 1;
}

static void
server_event(int fd, uint32_t events, void *arg)
{
	ssize_t	 n;

	n = recv(fd, heard + nheard, sizeof(heard) - nheard, MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN) {
		if (++idle >= IDLE)
			say();
		return;
	}
	if (n <= 0) {
		server_end();
		return;
	}
	nheard += (size_t)n;
	MUST(nheard < sizeof(heard));
	heard[nheard] = '\0';
	if (said_before_dot == 0 && strstr(heard, WIRE) != NULL)
		said_before_dot = nsaid;
	say();
}

static void
send_frames(unsigned int nrcpt, int is_empty)
{
	static const char	 rcpts[] = "a@b\0c@d\0e@f\0";
	struct msg_send		 m;
	struct msg_mail		 mail;
	struct imsg		 imsg;
	size_t			 len;
	int			 fd;

	memset(&m, 0, sizeof(m));
	m.dest.family = 4;
	m.nrcpt = nrcpt;
	strlcpy(m.from, "x@y", sizeof(m.from));
	len = is_empty ? 0 : sizeof(TEXT) - 1;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(fd != -1 && write(fd, TEXT, len) == (ssize_t)len);
	mail.size = len;
	MUST(imsg_compose(&far, IMSG_SEND, 1, -1, &m, sizeof(m)) == 0);
	MUST(imsg_compose(&far, IMSG_SEND_RCPT, 1, -1, rcpts,
	    nrcpt * (size_t)4) == 0);
	MUST(imsg_compose(&far, IMSG_SEND_MAIL, 1, fd, &mail,
	    sizeof(mail)) == 0);
	while (imsg_read(&near, &imsg) == 1) {
		MUST(outgoing_frame(&near, &imsg) == 0);
		imsg_free(&imsg);
	}
}

/* Behind the line, if it is what comes next, else where we were. */
static const char *
line(const char *p, const char *want)
{
	const char	*end;

	if (strncmp(p, want, strlen(want)) != 0)
		return (p);
	end = strstr(p, "\r\n");
	return (end == NULL ? p + strlen(p) : end + 2);
}

/* Is that a dialogue, and has it the whole message?  1 or 0. */
static int
heard_all(unsigned int nrcpt, int is_empty)
{
	static const char *const	 rcpts[] = { "RCPT TO:<a@b>\r\n",
	    "RCPT TO:<c@d>\r\n", "RCPT TO:<e@f>\r\n" };
	const char			*p, *q, *wire;
	unsigned int			 i;
	int				 all;

	heard[nheard] = '\0';
	p = line(heard, "EHLO ");
	p = line(p, "HELO ");
	p = line(p, "MAIL FROM:<x@y>");
	for (i = 0; i < nrcpt; i++)
		p = line(p, rcpts[i]);
	q = p;
	p = line(p, "DATA\r\n");
	all = 0;
	if (p > q) {
		wire = is_empty ? ".\r\n" : WIRE;
		if (strncmp(p, wire, strlen(wire)) == 0) {
			all = 1;
			p += strlen(wire);
		} else if (strncmp(p, WIRE, strlen(p)) == 0 ||
		    is_empty) {
			/* Broken off; then nothing more may come. */
			MUST(strncmp(p, "QUIT\r\n", 6) == 0 ||
			    strncmp(p, wire, strlen(p)) == 0);
		}
	}
	p = line(p, "QUIT\r\n");
	MUST(*p == '\0' || (q > heard && strncmp(WIRE, p, strlen(p)) == 0));
	return (all);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct msg_send_done	 done;
	struct imsg		 imsg;
	unsigned int		 nrcpt;
	size_t			 said;
	int			 sv[2], is_empty, all;

	if (proxy.conf == NULL)
		start();
	if (len < 1)
		return (0);
	nrcpt = data[0] % 3 + 1;
	is_empty = data[0] & 0x80;
	pieces = data + 1;
	pieces_end = data + len;
	nsaid = nheard = said_before_dot = 0;
	heard[0] = '\0';
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, sv) == 0);
	client = sv[0];
	MUST(ev_add(&ev, sv[1], EPOLLIN | EPOLLOUT, server_event,
	    NULL) == 0);
	say();
	send_frames(nrcpt, is_empty);
	if (proxy.nsending > 0)
		ev_loop();
	MUST(proxy.nsending == 0);
	said = nsaid;
	/* What was still on its way to the server. */
	while (ev.fd != -1)
		server_event(ev.fd, 0, NULL);

	MUST(imsg_read(&far, &imsg) == 1);
	MUST(imsg.type == IMSG_SEND_DONE && imsg.id == 1);
	memcpy(&done, imsg.data, sizeof(done));
	imsg_free(&imsg);
	MUST(imsg_read(&far, &imsg) == 0);
	MUST(done.code == 0 || (done.code >= 200 && done.code <= 599));
	MUST(done.code / 100 != 3 && done.naccepted <= nrcpt);
	MUST(memchr(done.text, '\0', sizeof(done.text)) != NULL);
	MUST(done.text[0] != '\0');
	MUST(proto_strings(done.text, strlen(done.text) + 1) == 1);

	all = heard_all(nrcpt, is_empty);
	MUST((done.code / 100 == 2) == (done.naccepted > 0));
	if (done.code / 100 == 2) {
		MUST(all);
		/* And said something behind it. */
		MUST(is_empty || said_before_dot < said);
	}
	return (0);
}

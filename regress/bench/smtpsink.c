/* SPDX-License-Identifier: ISC */

/*
 * smtpsink: an SMTP server (RFC 5321) that accepts and forgets everything,
 * as cheaply as possible, for measuring what stands in front of it.
 *
 *	smtpsink [-a address] port
 *
 * SIGUSR1 makes it print "sessions= messages= bytes=" (bytes: of message
 * text as on the wire, final dot included), SIGTERM too, and end.  Nobody is
 * the enemy: it is for loopback and namespaces.
 */

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define COMMAND_MAX	1024	/* a command; more is cut */
#define TAIL		4	/* bytes of "\r\n.\r\n" before the last */
#define OUT_MAX		1024	/* replies of one read */
#define EVENTS		64
#define READ_MAX	262144

struct conn {
	int		 fd;
	int		 in_data;
	int		 quit;
	size_t		 len;		/* of line, or of tail */
	char		 line[COMMAND_MAX];	/* begin of a command */
	char		 tail[TAIL];	/* last bytes of the message */
	size_t		 outlen;
	char		 out[OUT_MAX];
};

static void	 listener_open(const char *, const char *);
static void	 signals_open(void);
static void	 epoll_watch(int, void *);
static void	 conn_accept(void);
static void	 conn_close(struct conn *);
static void	 conn_flush(struct conn *);
static void	 conn_reply(struct conn *, const char *);
static void	 conn_read(struct conn *);
static size_t	 conn_line(struct conn *, const char *, size_t);
static void	 conn_command(struct conn *);
static size_t	 conn_data(struct conn *, const char *, size_t);
static void	 counts_print(void);
static int	 signal_read(void);

static int		 ep, lfd, sfd;
static uint64_t		 nsessions, nmessages, nbytes;
static char		 buf[READ_MAX];

static void
epoll_watch(int fd, void *ptr)
{
	struct epoll_event	 ee;

	memset(&ee, 0, sizeof(ee));
	ee.events = EPOLLIN;
	ee.data.ptr = ptr;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ee) == -1)
		err(1, "epoll_ctl");
}

static void
listener_open(const char *addr, const char *port)
{
	struct sockaddr_in	 sin;
	char			*end;
	unsigned long		 n;
	int			 on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	n = strtoul(port, &end, 10);
	if (*port == '\0' || *end != '\0' || n == 0 || n > 65535)
		errx(1, "port %s", port);
	sin.sin_port = htons((uint16_t)n);
	if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
		errx(1, "address %s", addr);
	lfd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (lfd == -1)
		err(1, "socket");
	if (setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		err(1, "SO_REUSEADDR");
	/* Inherited by the connections. */
	if (setsockopt(lfd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	if (bind(lfd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind %s port %s", addr, port);
	if (listen(lfd, 4096) == -1)
		err(1, "listen");
	epoll_watch(lfd, &lfd);
}

static void
signals_open(void)
{
	sigset_t	 set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		err(1, "sigprocmask");
	signal(SIGPIPE, SIG_IGN);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sfd == -1)
		err(1, "signalfd");
	epoll_watch(sfd, &sfd);
}

static void
counts_print(void)
{
	printf("sessions=%llu messages=%llu bytes=%llu\n",
	    (unsigned long long)nsessions, (unsigned long long)nmessages,
	    (unsigned long long)nbytes);
	fflush(stdout);
}

/* Returns 1 when it is time to end. */
static int
signal_read(void)
{
	struct signalfd_siginfo	 si;

	if (read(sfd, &si, sizeof(si)) != sizeof(si))
		err(1, "signalfd");
	counts_print();
	return (si.ssi_signo != SIGUSR1);
}

static void
conn_accept(void)
{
	struct conn	*c;
	int		 fd;

	for (;;) {
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			if (errno != EAGAIN && errno != ECONNABORTED)
				err(1, "accept");
			return;
		}
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			err(1, NULL);
		c->fd = fd;
		nsessions++;
		epoll_watch(fd, c);
		conn_reply(c, "220 server.example ESMTP\r\n");
		conn_flush(c);
	}
}

static void
conn_close(struct conn *c)
{
	close(c->fd);
	free(c);
}

/*
 * Replies are a few bytes to a peer that waits for them: if they do not fit
 * into the socket buffer, the peer is not one that we want to measure.
 */
static void
conn_flush(struct conn *c)
{
	if (c->outlen > 0 &&
	    write(c->fd, c->out, c->outlen) != (ssize_t)c->outlen &&
	    errno != EPIPE && errno != ECONNRESET)
		warn("write");
	c->outlen = 0;
}

static void
conn_reply(struct conn *c, const char *text)
{
	size_t	 len;

	len = strlen(text);
	if (c->outlen + len > sizeof(c->out))
		conn_flush(c);
	memcpy(c->out + c->outlen, text, len);
	c->outlen += len;
}

/* Collect a command line; returns how many bytes were taken. */
static size_t
conn_line(struct conn *c, const char *p, size_t n)
{
	const char	*nl;
	size_t		 take, room;

	nl = memchr(p, '\n', n);
	take = nl != NULL ? (size_t)(nl - p) + 1 : n;
	room = sizeof(c->line) - 1 - c->len;
	memcpy(c->line + c->len, p, take < room ? take : room);
	c->len += take < room ? take : room;
	if (nl != NULL) {
		c->line[c->len] = '\0';
		conn_command(c);
	}
	return (take);
}

static void
conn_command(struct conn *c)
{
	static const struct {
		const char	*verb, *reply;
	} replies[] = {
		{ "MAIL",	"250 2.1.0 Ok\r\n" },
		{ "RCPT",	"250 2.1.5 Ok\r\n" },
		{ "DATA",	"354 Go ahead\r\n" },
		{ "RSET",	"250 2.0.0 Ok\r\n" },
		{ "NOOP",	"250 2.0.0 Ok\r\n" },
		{ "HELO",	"250 server.example\r\n" },
		{ "EHLO",	"250-server.example\r\n250-PIPELINING\r\n"
				"250-SIZE 104857600\r\n250-8BITMIME\r\n"
				"250 ENHANCEDSTATUSCODES\r\n" },
		{ "QUIT",	"221 2.0.0 Bye\r\n" },
		{ NULL,		"502 5.5.1 What?\r\n" }
	};
	size_t	 i;

	for (i = 0; replies[i].verb != NULL; i++)
		if (strncasecmp(c->line, replies[i].verb, 4) == 0)
			break;
	conn_reply(c, replies[i].reply);
	c->len = 0;
	c->quit = i == 7;
	if (i == 2) {
		/* The CRLF of the command counts for ".CRLF" at once. */
		c->in_data = 1;
		memcpy(c->tail, "\r\n", 2);
		c->len = 2;
	}
}

/*
 * Look for the end of the message, which may lie across reads: the last four
 * bytes of the one before are kept and searched together with the first four
 * of this one.  Returns how many bytes were taken.
 */
static size_t
conn_data(struct conn *c, const char *p, size_t n)
{
	char		 seam[2 * TAIL];
	const char	*end;
	size_t		 k, keep, used;

	k = n < TAIL ? n : TAIL;
	memcpy(seam, c->tail, c->len);
	memcpy(seam + c->len, p, k);
	end = memmem(seam, c->len + k, "\r\n.\r\n", 5);
	used = 0;
	if (end != NULL)
		used = (size_t)(end - seam) + 5 - c->len;
	else if ((end = memmem(p, n, "\r\n.\r\n", 5)) != NULL)
		used = (size_t)(end - p) + 5;
	if (end != NULL) {
		nbytes += used;
		nmessages++;
		c->in_data = 0;
		c->len = 0;
		conn_reply(c, "250 2.0.0 Ok: forgotten\r\n");
		return (used);
	}
	nbytes += n;
	if (n >= TAIL) {
		memcpy(c->tail, p + n - TAIL, TAIL);
		c->len = TAIL;
	} else {
		keep = c->len + n > TAIL ? TAIL : c->len + n;
		memcpy(c->tail, seam + c->len + n - keep, keep);
		c->len = keep;
	}
	return (n);
}

static void
conn_read(struct conn *c)
{
	ssize_t	 n;
	size_t	 off;

	n = read(c->fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	for (off = 0; off < (size_t)n && !c->quit;)
		off += c->in_data ?
		    conn_data(c, buf + off, (size_t)n - off) :
		    conn_line(c, buf + off, (size_t)n - off);
	conn_flush(c);
	if (c->quit)
		conn_close(c);
}

int
main(int argc, char *argv[])
{
	struct epoll_event	 ev[EVENTS];
	struct rlimit		 rl;
	const char		*addr = "127.0.0.1";
	int			 ch, i, n;

	while ((ch = getopt(argc, argv, "a:")) != -1) {
		if (ch != 'a')
			errx(1, "usage: smtpsink [-a address] port");
		addr = optarg;
	}
	if (optind + 1 != argc)
		errx(1, "usage: smtpsink [-a address] port");
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep == -1)
		err(1, "epoll_create1");
	signals_open();
	listener_open(addr, argv[optind]);
	for (;;) {
		n = epoll_wait(ep, ev, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == &lfd)
				conn_accept();
			else if (ev[i].data.ptr != &sfd)
				conn_read(ev[i].data.ptr);
			else if (signal_read())
				return (0);
		}
	}
}

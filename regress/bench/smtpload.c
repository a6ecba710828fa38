/* SPDX-License-Identifier: ISC */

/*
 * smtpload: an SMTP client (RFC 5321) that is many clients at once.
 *
 *	smtpload [-p] [-c sessions] [-g greetings] [-m messages] [-n total]
 *	    [-s size] [-T seconds] address port
 *	smtpload -i [-c sessions] [-g greetings] [-T seconds] address port
 *
 * -c sessions are open at a time; each sends -m messages and then makes place
 * for another one, until -n messages have been begun.  The clock runs from
 * the moment when the first -c sessions have all been greeted.  -p sends
 * MAIL, RCPT and DATA in one write (RFC 2920).  At most -g sessions wait for
 * their greeting at a time: a server that listens with a backlog of five
 * loses connections of a burst, and their clients wait for ever.  The last
 * line of output is "key=value ..."; the exit status is 1 when anything went
 * wrong, also when nothing at all happens for -T seconds.
 *
 * -i opens the sessions up to the reply to EHLO, prints "idle N", and keeps
 * them so until SIGTERM; a session that ends or hears anything is an error.
 *
 * The peer is what we measure: not trusted to be correct, but all that a
 * wrong answer costs is the session, which is counted as an error.
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
#include <time.h>
#include <unistd.h>

#include "message.h"

#define EVENTS		64
#define READ_MAX	16384
#define REPLY_MAX	128	/* of a reply's line, for the error text */
#define ENVELOPE	"MAIL FROM:<load@client.example>\r\n"
#define RECIPIENT	"RCPT TO:<sink@server.example>\r\n"

enum state {
	ST_CLOSED,
	ST_BANNER,		/* connecting, or waiting for 220 */
	ST_EHLO,
	ST_READY,		/* greeted; the others are not yet */
	ST_MAIL,		/* what the next reply is to */
	ST_RCPT,
	ST_DATA,
	ST_DOT,
	ST_QUIT
};

struct client {
	int		 fd;
	enum state	 state;
	int		 wants_out;	/* EPOLLOUT is watched */
	int		 dead;		/* failed, not to be opened again */
	unsigned int	 left;		/* messages of this session */
	uint64_t	 begun;		/* us: MAIL was sent */
	const char	*out;		/* unsent bytes */
	size_t		 outlen;
	char		*msg;		/* options.size and the dot */
	size_t		 len;
	char		 line[REPLY_MAX];	/* of a reply */
};

static void	 options_get(int, char *[]);
static unsigned int number(const char *, unsigned long, unsigned long);
static void	 usage(void) __attribute__((__noreturn__));
static uint64_t	 now_us(void);
static void	 client_open(struct client *);
static void	 client_close(struct client *);
static void	 client_fail(struct client *, const char *);
static void	 client_send(struct client *, const char *, size_t);
static void	 client_flush(struct client *);
static void	 client_next(struct client *);
static void	 client_body(struct client *);
static void	 client_accepted(struct client *);
static void	 client_reply(struct client *);
static void	 client_read(struct client *);
static void	 client_greeted(struct client *);
static int	 clients_wanted(void);
static void	 clients_open(void);
static void	 clients_start(void);
static void	 events_handle(void);
static void	 run(void);
static int	 report(void);
static int	 compare(const void *, const void *);
static void	 signals_open(void);

static struct {
	int		 idle;
	int		 pipelining;
	unsigned int	 sessions;
	unsigned int	 messages;	/* of one session */
	unsigned int	 total;
	size_t		 size;
	unsigned int	 greeting;	/* sessions opened at a time */
	unsigned int	 stall;		/* seconds */
	struct sockaddr_in addr;
} options = { 0, 0, 20, 0, 1000, 10240, 4, 60, { 0 } };

static int		 ep, sfd, stop, started;
static struct client	*clients;
static unsigned int	 nopen, ngreeting, ngreeted, nbegun, nok, nerrors;
static unsigned int	 nopened;
static uint64_t		 nbytes, t_start, t_end, t_last;
static uint32_t		*latency;	/* us, of each accepted message */
static char		 buf[READ_MAX];

static void
usage(void)
{
	fprintf(stderr, "usage: smtpload [-ip] [-c sessions] [-g greetings] "
	    "[-m messages] [-n total]\n"
	    "\t[-s size] [-T seconds] address port\n");
	exit(1);
}

static unsigned int
number(const char *s, unsigned long min, unsigned long max)
{
	unsigned long	 n;
	char		*end;

	n = strtoul(s, &end, 10);
	if (*s == '\0' || *s == '-' || *end != '\0' || n < min || n > max)
		errx(1, "%s is not a number from %lu to %lu", s, min, max);
	return ((unsigned int)n);
}

static void
options_get(int argc, char *argv[])
{
	int	 ch;

	while ((ch = getopt(argc, argv, "ipc:g:m:n:s:T:")) != -1) {
		switch (ch) {
		case 'i':
			options.idle = 1;
			break;
		case 'p':
			options.pipelining = 1;
			break;
		case 'c':
			options.sessions = number(optarg, 1, 60000);
			break;
		case 'g':
			options.greeting = number(optarg, 1, 60000);
			break;
		case 'm':
			options.messages = number(optarg, 1, 100000000);
			break;
		case 'n':
			options.total = number(optarg, 1, 100000000);
			break;
		case 's':
			options.size = number(optarg, MESSAGE_MIN,
			    MESSAGE_MAX);
			break;
		case 'T':
			options.stall = number(optarg, 1, 86400);
			break;
		default:
			usage();
		}
	}
	if (optind + 2 != argc)
		usage();
	if (options.messages == 0)
		options.messages = (options.total + options.sessions - 1) /
		    options.sessions;
	options.addr.sin_family = AF_INET;
	options.addr.sin_port = htons((uint16_t)number(argv[optind + 1], 1,
	    65535));
	if (inet_pton(AF_INET, argv[optind], &options.addr.sin_addr) != 1)
		errx(1, "address %s", argv[optind]);
}

static uint64_t
now_us(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

static void
client_open(struct client *c)
{
	struct epoll_event	 ee;
	int			 on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (c->fd == -1)
		err(1, "socket");
	if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on)) == -1)
		err(1, "TCP_NODELAY");
	c->state = ST_BANNER;
	c->left = options.messages;
	c->len = 0;
	c->outlen = 0;
	c->wants_out = 0;
	nopen++;
	nopened++;
	ngreeting++;
	if (connect(c->fd, (struct sockaddr *)&options.addr,
	    sizeof(options.addr)) == -1 && errno != EINPROGRESS)
		err(1, "connect");
	memset(&ee, 0, sizeof(ee));
	ee.events = EPOLLIN;
	ee.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ee) == -1)
		err(1, "epoll_ctl");
}

static void
client_close(struct client *c)
{
	if (c->state == ST_BANNER || c->state == ST_EHLO)
		ngreeting--;
	close(c->fd);
	c->state = ST_CLOSED;
	nopen--;
}

/* The session is lost; it is not opened again. */
static void
client_fail(struct client *c, const char *why)
{
	if (nerrors++ == 0)
		warnx("state %d: %s", (int)c->state, why);
	/* A session that will never be greeted must not stop the others. */
	if (!started && c->state < ST_READY)
		ngreeted++;
	client_close(c);
	c->dead = 1;
}

/* What there is to send stays where it is; nothing else is being sent. */
static void
client_send(struct client *c, const char *data, size_t len)
{
	c->out = data;
	c->outlen = len;
	client_flush(c);
}

static void
client_flush(struct client *c)
{
	struct epoll_event	 ee;
	ssize_t			 n;

	while (c->outlen > 0) {
		n = write(c->fd, c->out, c->outlen);
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			client_fail(c, strerror(errno));
			return;
		}
		c->out += n;
		c->outlen -= (size_t)n;
		t_last = now_us();
	}
	if (c->wants_out == (c->outlen > 0))
		return;
	c->wants_out = c->outlen > 0;
	memset(&ee, 0, sizeof(ee));
	ee.events = EPOLLIN | (c->wants_out ? EPOLLOUT : 0);
	ee.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ee) == -1)
		err(1, "epoll_ctl");
}

/* The next message, or the end of the session. */
static void
client_next(struct client *c)
{
	static const char	 one[] = ENVELOPE;
	static const char	 all[] = ENVELOPE RECIPIENT "DATA\r\n";

	if (c->left == 0 || nbegun == options.total) {
		c->state = ST_QUIT;
		client_send(c, "QUIT\r\n", 6);
		return;
	}
	c->left--;
	nbegun++;
	c->begun = now_us();
	c->state = ST_MAIL;
	if (options.pipelining)
		client_send(c, all, sizeof(all) - 1);
	else
		client_send(c, one, sizeof(one) - 1);
}

static void
client_body(struct client *c)
{
	size_t	 len;

	if (c->msg == NULL && (c->msg = malloc(options.size + 3)) == NULL)
		err(1, NULL);
	len = message_make(c->msg, options.size);
	memcpy(c->msg + len, ".\r\n", 3);
	nbytes += len + 3;
	c->state = ST_DOT;
	client_send(c, c->msg, len + 3);
}

static void
client_accepted(struct client *c)
{
	uint64_t	 us;

	t_end = now_us();
	us = t_end - c->begun;
	latency[nok++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	client_next(c);
}

/* Banner and EHLO are behind it. */
static void
client_greeted(struct client *c)
{
	ngreeting--;
	c->state = ST_READY;
	if (started) {
		client_next(c);
		return;
	}
	ngreeted++;
}

/* The last line of a reply has come; it says what to send next. */
static void
client_reply(struct client *c)
{
	static const char	 want[] = {
		[ST_BANNER] = '2', [ST_EHLO] = '2', [ST_MAIL] = '2',
		[ST_RCPT] = '2', [ST_DATA] = '3', [ST_DOT] = '2',
		[ST_QUIT] = '2'
	};

	if (c->line[0] != want[c->state]) {
		client_fail(c, c->line);
		return;
	}
	switch (c->state) {
	case ST_BANNER:
		c->state = ST_EHLO;
		client_send(c, "EHLO client.example\r\n", 21);
		break;
	case ST_EHLO:
		client_greeted(c);
		break;
	case ST_MAIL:
		c->state = ST_RCPT;
		if (!options.pipelining)
			client_send(c, RECIPIENT, sizeof(RECIPIENT) - 1);
		break;
	case ST_RCPT:
		c->state = ST_DATA;
		if (!options.pipelining)
			client_send(c, "DATA\r\n", 6);
		break;
	case ST_DATA:
		client_body(c);
		break;
	case ST_DOT:
		client_accepted(c);
		break;
	case ST_QUIT:
		client_close(c);
		break;
	default:
		errx(1, "a reply in state %d", (int)c->state);
	}
}

static void
client_read(struct client *c)
{
	ssize_t	 n, i;

	n = read(c->fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_fail(c, n == 0 ? "closed" : strerror(errno));
		return;
	}
	t_last = now_us();
	for (i = 0; i < n && c->state != ST_CLOSED; i++) {
		if (buf[i] != '\n') {
			if (c->len < sizeof(c->line) - 1)
				c->line[c->len++] = buf[i];
			continue;
		}
		c->line[c->len] = '\0';
		if (c->len < 4 || c->line[3] != '-')
			client_reply(c);
		c->len = 0;
	}
}

/* Is there something to do for one more session? */
static int
clients_wanted(void)
{
	if (ngreeting >= options.greeting)
		return (0);
	if (!started)
		return (nopened < options.sessions);
	return (!options.idle && nbegun + ngreeting < options.total);
}

/* Open sessions as long as they are wanted. */
static void
clients_open(void)
{
	unsigned int	 i;

	if (nopen == options.sessions)
		return;
	for (i = 0; i < options.sessions && clients_wanted(); i++)
		if (clients[i].state == ST_CLOSED && !clients[i].dead)
			client_open(&clients[i]);
}

/* All have been greeted. */
static void
clients_start(void)
{
	unsigned int	 i;

	started = 1;
	t_start = t_end = now_us();
	if (options.idle) {
		printf("idle %u\n", nopen);
		fflush(stdout);
		return;
	}
	for (i = 0; i < options.sessions; i++)
		if (clients[i].state == ST_READY)
			client_next(&clients[i]);
}

static void
events_handle(void)
{
	struct epoll_event	 ev[EVENTS];
	struct client		*c;
	int			 i, n;

	n = epoll_wait(ep, ev, EVENTS, 1000);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_wait");
	for (i = 0; i < n; i++) {
		c = ev[i].data.ptr;
		if (c == NULL) {
			stop = 1;
			continue;
		}
		if (ev[i].events & EPOLLOUT)
			client_flush(c);
		if (c->state != ST_CLOSED &&
		    ev[i].events & ~(uint32_t)EPOLLOUT)
			client_read(c);
	}
}

static void
run(void)
{
	t_last = now_us();
	while (!stop) {
		clients_open();
		if (!started && ngreeted == options.sessions)
			clients_start();
		if (nopen == 0)
			break;
		events_handle();
		if (!(options.idle && started) &&
		    now_us() - t_last > options.stall * 1000000ULL) {
			warnx("nothing happens");
			nerrors++;
			break;
		}
	}
}

static int
compare(const void *a, const void *b)
{
	const uint32_t	*x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

static int
report(void)
{
	double	 seconds;

	seconds = (double)(t_end - t_start) / 1e6;
	if (options.idle) {
		printf("opened=%u open=%u errors=%u\n", nopened, nopen,
		    nerrors);
		return (nerrors > 0);
	}
	if (nok < options.total && nerrors == 0)
		nerrors = 1;
	qsort(latency, nok, sizeof(*latency), compare);
	printf("opened=%u messages=%u errors=%u bytes=%llu seconds=%.6f",
	    nopened, nok, nerrors, (unsigned long long)nbytes, seconds);
	if (nok > 0)
		printf(" rate=%.1f p50_us=%u p90_us=%u p99_us=%u max_us=%u",
		    nok / seconds, latency[nok / 2],
		    latency[(uint64_t)nok * 90 / 100],
		    latency[(uint64_t)nok * 99 / 100], latency[nok - 1]);
	printf("\n");
	return (nerrors > 0);
}

/* SIGTERM and SIGINT arrive as an event without a client. */
static void
signals_open(void)
{
	struct epoll_event	 ee;
	sigset_t		 set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		err(1, "sigprocmask");
	signal(SIGPIPE, SIG_IGN);
	sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sfd == -1)
		err(1, "signalfd");
	memset(&ee, 0, sizeof(ee));
	ee.events = EPOLLIN;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, sfd, &ee) == -1)
		err(1, "epoll_ctl");
}

int
main(int argc, char *argv[])
{
	struct rlimit	 rl;
	unsigned int	 i;

	options_get(argc, argv);
	message_init();
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	if (rl.rlim_max < options.sessions + 16)
		errx(1, "only %llu descriptors are allowed",
		    (unsigned long long)rl.rlim_max);
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
	clients = calloc(options.sessions, sizeof(*clients));
	latency = calloc(options.total, sizeof(*latency));
	if (clients == NULL || latency == NULL)
		err(1, NULL);
	for (i = 0; i < options.sessions; i++)
		clients[i].fd = -1;
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep == -1)
		err(1, "epoll_create1");
	signals_open();
	run();
	return (report());
}

/* SPDX-License-Identifier: ISC */

/*
 * reloadload: clients on one side of a gateway and their server on the other,
 * in one process, so that it knows of each message what its client has heard
 * and whether the server has it.
 *
 *	reloadload -c clientns -s serverns [-r rate] [-l long] [-t seconds]
 *	    [-w] address
 *
 * Messages are sent at that rate, half of them in sessions that stay, half in
 * sessions of their own.  The gateway says "letter-X" in its banner, in its
 * refusals and in the tags of subjects: all that belongs to one session must
 * have one letter, whatever the configuration is in the meantime.  With -w that
 * holds for each message: one that is sent hears its letter from a recipient
 * who is refused first.
 *
 * The last line of output is "key=value ..."; what is wrong is counted there
 * and the first of each kind is told.  Exit status 1 when anything is wrong.
 */

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES	1000000
#define OPEN_MAX	4000	/* sessions, counted at both ends */
#define IN_MAX		4096
#define LETTER		"letter-"
#define PATIENCE	20000000ULL	/* us, after the last message */

enum state {
	SINK, SINK_DATA,
	BANNER, EHLO, IDLE, MAIL, PROBE, RCPT, DATA, DOT, RSET, QUIT
};

enum kind { PASS, BAD_RCPT, BAD_TEXT, LISTED, KINDS };

struct conn {
	struct conn	*next;		/* of all that stay, or have ended */
	int		 fd;
	enum state	 state;
	int		 stays;
	int		 letter;
	enum kind	 kind;
	uint32_t	 id;
	uint64_t	 began;		/* us */
	size_t		 len;
	char		 in[IN_MAX];
};

struct message {
	uint8_t		 acked;		/* the client has heard 250 */
	uint8_t		 sunk;		/* how often the server has it */
	uint8_t		 letter;	/* of its session */
	uint8_t		 tag;		/* of its subject */
};

static struct message	 messages[MESSAGES];
static uint32_t		 latency[MESSAGES];
static uint32_t		 greeting[MESSAGES];
static uint32_t		 nmessages, nlatency, ngreeting, nletters[2];
static uint32_t		 nopen, dropped, mixed, odd, refused;
static int		 ep, moves;
static struct sockaddr_in server;
static struct conn	*stayers, *dead;
static uint64_t		 seed = 88172645463325252ULL;

static uint64_t
now(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 20) % n);
}

/* A socket of that namespace. */
static int
socket_in(int ns)
{
	int	 fd, one;

	one = 1;
	if (setns(ns, CLONE_NEWNET) == -1)
		err(2, "setns");
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(2, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return (fd);
}

static struct conn *
watch(int fd, enum state state)
{
	struct epoll_event	 ev;
	struct conn		*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		err(2, "calloc");
	c->fd = fd;
	c->state = state;
	c->began = now();
	ev.events = EPOLLIN;
	ev.data.ptr = c;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1)
		err(2, "epoll_ctl");
	nopen++;
	return (c);
}

/* Freed at the end of the round: other events may still name it. */
static void
end(struct conn *c)
{
	struct conn	**p;

	for (p = &stayers; *p != NULL; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	nopen--;
	c->next = dead;
	dead = c;
}

static void
bury(void)
{
	struct conn	*c;

	while ((c = dead) != NULL) {
		dead = c->next;
		free(c);
	}
}

static void
say(struct conn *c, const char *text, size_t len)
{
	if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len &&
	    errno != EPIPE && errno != ECONNRESET)
		err(2, "send");
}

static int
letter_of(const char *text)
{
	const char	*p;

	p = strstr(text, LETTER);
	return (p == NULL ? 0 : p[sizeof(LETTER) - 1]);
}

static void
client_new(int ns, int stays)
{
	struct conn	*c;
	int		 fd;

	fd = socket_in(ns);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == -1 &&
	    errno != EINPROGRESS)
		err(2, "connect");
	c = watch(fd, BANNER);
	c->stays = stays;
	if (stays) {
		c->next = stayers;
		stayers = c;
	}
}

static void
message_begin(struct conn *c)
{
	char	 text[128];
	int	 n;

	if (nmessages == MESSAGES)
		errx(2, "too many messages");
	c->id = nmessages++;
	n = (int)rnd(10);
	c->kind = n >= KINDS || n == PASS ? PASS : (enum kind)n;
	if (moves)
		c->letter = 0;
	messages[c->id].letter = (uint8_t)c->letter;
	c->state = MAIL;
	c->began = now();
	n = c->kind == LISTED ? snprintf(text, sizeof(text),
	    "MAIL FROM:<u%u@listed.example>\r\n", rnd(100)) :
	    snprintf(text, sizeof(text), "MAIL FROM:<a@client.example>\r\n");
	say(c, text, (size_t)n);
}

/* It has been answered; what is next? */
static void
message_end(struct conn *c)
{
	c->state = IDLE;
	if (!c->stays) {
		say(c, "QUIT\r\n", 6);
		c->state = QUIT;
	}
}

static void
mix(struct conn *c, const char *line)
{
	if (c->letter == 0)
		messages[c->id].letter = (uint8_t)(c->letter =
		    letter_of(line));
	if (c->letter != 0 && letter_of(line) == c->letter)
		return;
	if (mixed++ == 0)
		printf("session of %c, message %u: %s\n", c->letter, c->id,
		    line);
}

static void
unexpected(struct conn *c, const char *line)
{
	if (odd++ < 5)
		printf("state %d kind %d message %u: %s\n", (int)c->state,
		    (int)c->kind, c->id, line);
	/* So that what follows is not counted as well. */
	c->stays = 0;
	message_end(c);
}

static void
client_text(struct conn *c)
{
	char	 text[256];
	int	 n;

	n = snprintf(text, sizeof(text), "From: a@client.example\r\n"
	    "Message-ID: <%u@client.example>\r\nSubject: %s %u\r\n\r\n"
	    "text\r\n.\r\n", c->id, c->kind == BAD_TEXT ? "refuse" : "id",
	    c->id);
	c->state = DOT;
	say(c, text, (size_t)n);
}

static void
refusal(struct conn *c, const char *line, int code, enum kind kind)
{
	if (c->kind != kind || code / 100 != 5) {
		unexpected(c, line);
		return;
	}
	mix(c, line);
	refused++;
	c->state = RSET;
	say(c, "RSET\r\n", 6);
}

static void
dot(struct conn *c, const char *line, int code)
{
	if (code == 250 && c->kind == PASS) {
		messages[c->id].acked = 1;
		latency[nlatency++] = (uint32_t)(now() - c->began);
		message_end(c);
	} else if (code == 554 && c->kind == BAD_TEXT) {
		mix(c, line);
		refused++;
		message_end(c);
	} else
		unexpected(c, line);
}

static void
client_line(struct conn *c, const char *line)
{
	static const char	 rcpt[] = "RCPT TO:<b@server.example>\r\n";
	static const char	 bad[] = "RCPT TO:<no@server.example>\r\n";
	int			 code;

	if (strlen(line) > 3 && line[3] == '-')
		return;
	code = (int)strtol(line, NULL, 10);
	if (c->state == BANNER && code == 220) {
		c->letter = letter_of(line);
		if (c->letter != 'A' && c->letter != 'B')
			unexpected(c, line);
		else
			nletters[c->letter - 'A']++;
		if (ngreeting < MESSAGES)
			greeting[ngreeting++] = (uint32_t)(now() - c->began);
		say(c, "EHLO client.example\r\n", 21);
		c->state = EHLO;
	} else if (c->state == EHLO && code == 250) {
		c->state = IDLE;
		if (!c->stays)
			message_begin(c);
	} else if (c->state == MAIL && code == 250 && c->kind != LISTED) {
		c->state = c->kind != BAD_RCPT && moves ? PROBE : RCPT;
		if (c->state == PROBE || c->kind == BAD_RCPT)
			say(c, bad, sizeof(bad) - 1);
		else
			say(c, rcpt, sizeof(rcpt) - 1);
	} else if (c->state == PROBE && code == 550) {
		mix(c, line);
		c->state = RCPT;
		say(c, rcpt, sizeof(rcpt) - 1);
	} else if (c->state == MAIL)
		refusal(c, line, code, LISTED);
	else if (c->state == RCPT && code == 250 && c->kind != BAD_RCPT) {
		c->state = DATA;
		say(c, "DATA\r\n", 6);
	} else if (c->state == RCPT)
		refusal(c, line, code, BAD_RCPT);
	else if (c->state == DATA && code == 354)
		client_text(c);
	else if (c->state == DOT)
		dot(c, line, code);
	else if (c->state == RSET && code == 250)
		message_end(c);
	else if (c->state == QUIT)
		end(c);
	else
		unexpected(c, line);
}

/* "[letter-A] id 17": that one is here. */
static void
sunk(const char *subject)
{
	const char	*p;
	unsigned long	 id;

	p = strstr(subject, "id ");
	id = p == NULL ? MESSAGES : strtoul(p + 3, NULL, 10);
	if (id >= nmessages) {
		if (odd++ < 5)
			printf("server: %s\n", subject);
		return;
	}
	messages[id].sunk++;
	messages[id].tag = (uint8_t)letter_of(subject);
}

static void
sink_line(struct conn *c, const char *line)
{
	if (c->state == SINK_DATA) {
		if (strncmp(line, "Subject:", 8) == 0)
			sunk(line);
		else if (strcmp(line, ".") == 0) {
			c->state = SINK;
			say(c, "250 2.0.0 ok\r\n", 14);
		}
		return;
	}
	if (strncmp(line, "DATA", 4) == 0) {
		c->state = SINK_DATA;
		say(c, "354 go\r\n", 8);
	} else if (strncmp(line, "QUIT", 4) == 0) {
		say(c, "221 bye\r\n", 9);
		end(c);
	} else
		say(c, "250 ok\r\n", 8);
}

static void
conn_event(struct conn *c)
{
	char	*p, *lf;
	ssize_t	 n;

	if (c->fd == -1)
		return;
	n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len - 1, 0);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		/* Nobody but a client's QUIT ends a session. */
		if (c->state > SINK_DATA && c->state != QUIT && dropped++ < 5)
			printf("dropped in state %d, message %u: %s\n",
			    (int)c->state, c->id, n == 0 ? "closed" :
			    strerror(errno));
		end(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	p = c->in;
	while (c->fd != -1 && (lf = strstr(p, "\r\n")) != NULL) {
		*lf = '\0';
		if (c->state <= SINK_DATA)
			sink_line(c, p);
		else
			client_line(c, p);
		p = lf + 2;
	}
	c->len -= (size_t)(p - c->in);
	memmove(c->in, p, c->len);
	if (c->len == sizeof(c->in) - 1)
		errx(2, "a line without end");
}

static void
sink_accept(struct conn *l)
{
	int	 fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK |
	    SOCK_CLOEXEC)) != -1)
		say(watch(fd, SINK), "220 sink\r\n", 10);
}

static int
by_size(const void *a, const void *b)
{
	uint32_t	 x, y;

	x = *(const uint32_t *)a;
	y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static double
share(uint32_t *v, uint32_t n, unsigned int permille)
{
	if (n == 0)
		return (0);
	return (v[(uint64_t)(n - 1) * permille / 1000] / 1000.0);
}

static int
report(double seconds)
{
	uint32_t	 i, acked, lost, twice, tags;

	acked = lost = twice = tags = 0;
	for (i = 0; i < nmessages; i++) {
		acked += messages[i].acked;
		lost += messages[i].acked && !messages[i].sunk;
		/* Or once, and nobody was told. */
		twice += messages[i].sunk > messages[i].acked;
		tags += messages[i].sunk > 0 &&
		    messages[i].tag != messages[i].letter;
	}
	qsort(latency, nlatency, sizeof(*latency), by_size);
	qsort(greeting, ngreeting, sizeof(*greeting), by_size);
	printf("messages=%u rate=%.0f acked=%u refused=%u sessions=%u a=%u "
	    "b=%u dropped=%u mixed=%u tags=%u lost=%u surplus=%u odd=%u "
	    "open=%u p50=%.1f p99=%.1f p999=%.1f max=%.1f greet99=%.1f "
	    "greetmax=%.1f\n", nmessages, nmessages / seconds, acked, refused,
	    ngreeting, nletters[0], nletters[1], dropped, mixed, tags, lost,
	    twice, odd, nopen, share(latency, nlatency, 500),
	    share(latency, nlatency, 990), share(latency, nlatency, 999),
	    share(latency, nlatency, 1000), share(greeting, ngreeting, 990),
	    share(greeting, ngreeting, 1000));
	return (dropped + mixed + tags + lost + twice + odd + nopen != 0);
}

/* Of those that stay, the one that has been idle for longest, or NULL. */
static struct conn *
stayer(void)
{
	struct conn	*c, *best;

	best = NULL;
	for (c = stayers; c != NULL; c = c->next)
		if (c->state == IDLE &&
		    (best == NULL || c->began < best->began))
			best = c;
	return (best);
}

static void
run(struct conn *listener, int ns, unsigned int rate, uint64_t us)
{
	struct epoll_event	 ev[64];
	struct conn		*c, *next;
	uint64_t		 start, t, begun, last;
	int			 i, n, ending;

	start = last = now();
	begun = 0;
	ending = 0;
	for (;;) {
		t = now();
		if (ending && (nopen == 0 || t - start > us + PATIENCE))
			break;
		if (!ending && t - start >= us) {
			ending = 1;
			for (c = stayers; c != NULL; c = next) {
				next = c->next;
				c->stays = 0;
				if (c->state == IDLE)
					message_end(c);
			}
		}
		/* One in a session of its own for each in one that stays. */
		for (; !ending && begun < (t - start) * rate / 1000000;
		    begun++) {
			c = begun & 1 ? stayer() : NULL;
			if (c != NULL)
				message_begin(c);
			else if (nopen < OPEN_MAX)
				client_new(ns, 0);
		}
		n = epoll_wait(ep, ev, 64, 1);
		for (i = 0; i < n; i++)
			if (ev[i].data.ptr == listener)
				sink_accept(listener);
			else
				conn_event(ev[i].data.ptr);
		bury();
		if (t - last > 1000000) {
			last = t;
			printf("at=%llu messages=%u\n",
			    (unsigned long long)(t - start) / 1000000,
			    nmessages);
			fflush(stdout);
		}
	}
}

int
main(int argc, char *argv[])
{
	unsigned int	 rate, stay, i;
	uint64_t	 us;
	struct conn	*listener;
	struct rlimit	 rl;
	int		 ch, cns, sns, fd;

	rate = 200;
	stay = 40;
	us = 10000000;
	cns = sns = -1;
	while ((ch = getopt(argc, argv, "c:l:r:s:t:w")) != -1)
		switch (ch) {
		case 'c':
			cns = open(optarg, O_RDONLY | O_CLOEXEC);
			break;
		case 's':
			sns = open(optarg, O_RDONLY | O_CLOEXEC);
			break;
		case 'l':
			stay = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			rate = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 't':
			us = strtoull(optarg, NULL, 10) * 1000000;
			break;
		case 'w':
			moves = 1;
			break;
		default:
			errx(2, "usage: see the head of the source");
		}
	memset(&server, 0, sizeof(server));
	server.sin_family = AF_INET;
	server.sin_port = htons(25);
	if (cns == -1 || sns == -1 || optind + 1 != argc ||
	    inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1)
		errx(2, "usage: see the head of the source");
	rl.rlim_cur = rl.rlim_max = 16384;
	setrlimit(RLIMIT_NOFILE, &rl);
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) == -1)
		err(2, "epoll_create1");
	fd = socket_in(sns);
	if (bind(fd, (struct sockaddr *)&server, sizeof(server)) == -1 ||
	    listen(fd, 1024) == -1)
		err(2, "listen");
	listener = watch(fd, SINK);
	nopen = 0;
	for (i = 0; i < stay; i++)
		client_new(cns, 1);
	run(listener, cns, rate, us);
	return (report((double)us / 1e6));
}

/* SPDX-License-Identifier: ISC */

/*
 * sock.c: who wants a plain socket gets one, out of the stock or when master
 * has sent it; sessions come first; who has left gets none.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define CASE(name, cond)	unit_case(name, (cond) ? NULL : "is not so")

#define MANY	30	/* more than are asked for at a time */

struct taker {
	struct sockwait	 w;
	int		 fd;
	unsigned int	 n;
};

static void		 take(void *, int);
static void		 taker_init(struct taker *);
static int		 open_socket(void);
static unsigned int	 asked(uint32_t);
static void		 run_plain(void);
static void		 run_session(void);

static struct imsgbuf	 master;		/* its end */
static unsigned int	 connected, run;

/* What sock.c calls. */

void
session_connected(struct session *s, int fd)
{
	connected++;
	close(fd);
}

void
session_run(struct session *s)
{
	run++;
}

void
server_lost(struct session *s, const char *why)
{
}

void
proxy_want_write(void)
{
}

static void
take(void *arg, int fd)
{
	struct taker	*t;

	t = arg;
	if (t->fd != -1)
		close(t->fd);
	t->fd = fd;
	t->n++;
}

static void
taker_init(struct taker *t)
{
	memset(t, 0, sizeof(*t));
	t->w.cb = take;
	t->w.arg = t;
	t->fd = -1;
}

static int
open_socket(void)
{
	int	 fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		abort();
	return (fd);
}

/* How many sockets of the kind master was asked for since the last call. */
static unsigned int
asked(uint32_t kind)
{
	struct msg_sock	 req;
	struct imsg	 imsg;
	unsigned int	 n;

	n = 0;
	while (imsg_read(&master, &imsg) == 1) {
		memcpy(&req, imsg.data, sizeof(req));
		if (imsg.type != IMSG_SOCK_REQ || req.kind != kind)
			abort();
		n += req.count;
		imsg_free(&imsg);
	}
	return (n);
}

static void
run_plain(void)
{
	struct taker	 a, b, c, many[MANY];
	unsigned int	 n, i;

	taker_init(&a);
	taker_init(&b);
	taker_init(&c);
	CASE("no listener, no stock", asked(SOCK_PLAIN4) == 0);
	sock_take(&a.w, 4);
	n = asked(SOCK_PLAIN4);
	CASE("an empty stock is filled", a.n == 0 && a.w.is_waiting &&
	    n >= 1);
	sock_take(&b.w, 4);
	sock_take(&c.w, 4);
	for (i = 0; i < MANY; i++) {
		taker_init(&many[i]);
		sock_take(&many[i].w, 4);
	}
	n += asked(SOCK_PLAIN4);
	CASE("enough for all", n >= MANY + 3);
	for (i = 0; i < MANY; i++)
		sock_leave(&many[i].w);
	sock_leave(&b.w);
	sock_leave(&b.w);
	CASE("one leaves", !b.w.is_waiting);
	sock_add(SOCK_PLAIN4, open_socket());
	CASE("the first comes first", a.n == 1 && c.n == 0 &&
	    !a.w.is_waiting && c.w.is_waiting);
	sock_add(SOCK_PLAIN4, open_socket());
	CASE("who has left gets none", b.n == 0 && c.n == 1);
	for (i = 2; i < n; i++)
		sock_add(SOCK_PLAIN4, open_socket());
	(void)asked(SOCK_PLAIN4);
	sock_take(&b.w, 4);
	CASE("out of the stock at once", b.n == 1 && !b.w.is_waiting);
	sock_take(&a.w, 6);
	CASE("another family is another kind", a.n == 1 &&
	    asked(SOCK_PLAIN6) > 0);
	sock_leave(&a.w);
	/* What it had asked for may never come. */
	sock_take(&a.w, 6);
	CASE("asked again after one in vain", asked(SOCK_PLAIN6) > 0);
	sock_leave(&a.w);
	close(a.fd);
	close(b.fd);
	close(c.fd);
}

static void
run_session(void)
{
	struct session	*s;
	struct taker	 a;

	taker_init(&a);
	s = unit_session();
	s->mode = LISTEN_RELAY;
	s->state = SESSION_CONNECT;
	if (addr_parse(&s->dest, "::1") == -1)
		abort();
	s->dest.port = 1;
	sock_take(&a.w, 6);
	sock_connect(s);
	(void)asked(SOCK_PLAIN6);
	CASE("both wait", a.n == 0 && (s->flags & SF_WAITS_SOCK));
	/* It cannot be connected, of the wrong family: but it was tried. */
	sock_add(SOCK_PLAIN6, open_socket());
	CASE("the session comes first", run == 1 && a.n == 0 &&
	    (s->flags & SF_WAITS_SOCK) == 0);
	sock_add(SOCK_PLAIN6, open_socket());
	CASE("then the other", run == 1 && a.n == 1);
	close(a.fd);
	unit_session_free(s);
}

int
main(void)
{
	int	 sv[2];

	if ((proxy.conf = conf_new()) == NULL || imsg_pair(sv) == -1)
		abort();
	imsgbuf_init(&proxy.master, sv[0], PROC_PROXY, PROC_MASTER);
	imsgbuf_init(&master, sv[1], PROC_MASTER, PROC_PROXY);
	master.state = PEER_IDLE;
	sock_prefetch();
	run_plain();
	run_session();
	conf_unref(proxy.conf);
	return (unit_status());
}

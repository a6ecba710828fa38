/* SPDX-License-Identifier: ISC */

/*
 * Sockets to connect to servers.  This process cannot create one; master
 * sends them, and a small stock of each kind keeps the way to master out of
 * most sessions.
 */

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

#define STOCK_MAX	64	/* of each kind */
#define STOCK_LOW	12	/* ask for more below this */
#define STOCK_ASK	16
#define TRIES		3	/* of bind and connect, with fresh sockets */

static uint32_t	 sock_kind(const struct session *);
static void	 sock_ask(uint32_t);
static int	 sock_use(struct session *, int);
static int	 kind_wanted(uint32_t);
static void	 wait_end(struct sockwait *);

static struct stock {
	int		 fd[STOCK_MAX];
	unsigned int	 n;
	unsigned int	 asked;		/* not come yet */
	unsigned int	 nwaiting;
	struct sessions	 waiting;
	TAILQ_HEAD(, sockwait) others;	/* after them */
	int		 ready;
} stocks[SOCK_KIND_MAX];

static uint32_t
sock_kind(const struct session *s)
{
	if (s->mode == LISTEN_TPROXY)
		return (s->dest.family == 4 ? SOCK_TRANS4 : SOCK_TRANS6);
	return (s->dest.family == 4 ? SOCK_PLAIN4 : SOCK_PLAIN6);
}

/* Are there listeners whose sessions need this kind? */
static int
kind_wanted(uint32_t kind)
{
	const struct conf_listener	*l;
	int				 family;

	TAILQ_FOREACH(l, &proxy.conf->listeners, entry) {
		family = l->w.mode == LISTEN_RELAY ? l->w.relay.family :
		    l->w.addr.family;
		if (kind == (l->w.mode == LISTEN_TPROXY ?
		    (family == 4 ? SOCK_TRANS4 : SOCK_TRANS6) :
		    (family == 4 ? SOCK_PLAIN4 : SOCK_PLAIN6)))
			return (1);
	}
	return (0);
}

static void
sock_ask(uint32_t kind)
{
	struct stock	*k;
	struct msg_sock	 req;
	unsigned int	 want;

	k = &stocks[kind];
	/* Those who wait come out of what arrives first. */
	want = STOCK_LOW + k->nwaiting;
	if (k->n + k->asked >= want)
		return;
	want = want - k->n - k->asked + STOCK_ASK - STOCK_LOW;
	memset(&req, 0, sizeof(req));
	req.kind = kind;
	req.count = want > SOCK_REQ_MAX ? SOCK_REQ_MAX : want;
	if (imsg_compose(&proxy.master, IMSG_SOCK_REQ, 0, -1, &req,
	    sizeof(req)) == -1) {
		log_warn("cannot ask for sockets");
		return;
	}
	k->asked += req.count;
	proxy_want_write();
}

void
sock_prefetch(void)
{
	uint32_t	 kind;

	for (kind = 0; kind < SOCK_KIND_MAX; kind++) {
		if (!stocks[kind].ready) {
			TAILQ_INIT(&stocks[kind].waiting);
			TAILQ_INIT(&stocks[kind].others);
		}
		stocks[kind].ready = 1;
		if (kind_wanted(kind))
			sock_ask(kind);
	}
}

void
sock_add(uint32_t kind, int fd)
{
	struct sockwait	*w;
	struct stock	*k;
	struct session	*s;

	if (kind >= SOCK_KIND_MAX)
		fatalx("%s: kind %u", __func__, kind);
	k = &stocks[kind];
	if (k->asked > 0)
		k->asked--;
	if ((s = TAILQ_FIRST(&k->waiting)) != NULL) {
		sock_forget(s);
		if (sock_use(s, fd) == -1 && s->state == SESSION_CONNECT)
			sock_connect(s);
		session_run(s);
		sock_ask(kind);
		return;
	}
	if ((w = TAILQ_FIRST(&k->others)) != NULL) {
		wait_end(w);
		w->cb(w->arg, fd);
		sock_ask(kind);
		return;
	}
	if (k->n == STOCK_MAX) {
		close(fd);
		return;
	}
	k->fd[k->n++] = fd;
}

void
sock_forget(struct session *s)
{
	if ((s->flags & SF_WAITS_SOCK) == 0)
		return;
	s->flags &= ~(unsigned int)SF_WAITS_SOCK;
	/* If it was in vain, what was asked for will not come. */
	if (s->end != NULL)
		stocks[sock_kind(s)].asked = 0;
	TAILQ_REMOVE(&stocks[sock_kind(s)].waiting, s, wait);
	stocks[sock_kind(s)].nwaiting--;
}

/*
 * Bind to the client's address, where the server is to see it, and connect.
 * Returns 0 when that is under way or the client was told of a failure; -1
 * when another socket may help.  fd is taken.
 */
static int
sock_use(struct session *s, int fd)
{
	struct sockaddr_storage	 ss;
	struct addr		 src;
	socklen_t		 len;
	int			 saved_errno;

	if (s->mode == LISTEN_TPROXY) {
		/* Who a balancer speaks for may be of the other family. */
		src = s->client.family == s->dest.family ? s->client :
		    s->peer;
		src.port = 0;
		len = addr_to_sockaddr(&src, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) == -1)
			goto fail;
	}
	len = addr_to_sockaddr(&s->dest, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno != EINPROGRESS)
		goto fail;
	session_connected(s, fd);
	return (0);
fail:
	saved_errno = errno;
	close(fd);
	if ((saved_errno == EADDRINUSE || saved_errno == EADDRNOTAVAIL) &&
	    ++s->tries < TRIES)
		return (-1);
	server_lost(s, strerror(saved_errno));
	return (0);
}

void
sock_connect(struct session *s)
{
	struct stock	*k;
	uint32_t	 kind;

	kind = sock_kind(s);
	k = &stocks[kind];
	while (k->n > 0) {
		if (sock_use(s, k->fd[--k->n]) == 0) {
			sock_ask(kind);
			return;
		}
	}
	s->flags |= SF_WAITS_SOCK;
	TAILQ_INSERT_TAIL(&k->waiting, s, wait);
	k->nwaiting++;
	sock_ask(kind);
}

void
sock_take(struct sockwait *w, int family)
{
	struct stock	*k;

	w->kind = family == 4 ? SOCK_PLAIN4 : SOCK_PLAIN6;
	k = &stocks[w->kind];
	if (k->n > 0) {
		w->cb(w->arg, k->fd[--k->n]);
		sock_ask(w->kind);
		return;
	}
	w->is_waiting = 1;
	TAILQ_INSERT_TAIL(&k->others, w, entry);
	k->nwaiting++;
	sock_ask(w->kind);
}

static void
wait_end(struct sockwait *w)
{
	struct stock	*k;

	w->is_waiting = 0;
	k = &stocks[w->kind];
	TAILQ_REMOVE(&k->others, w, entry);
	k->nwaiting--;
}

void
sock_leave(struct sockwait *w)
{
	if (!w->is_waiting)
		return;
	wait_end(w);
	/* Perhaps in vain, as in sock_forget(). */
	stocks[w->kind].asked = 0;
}

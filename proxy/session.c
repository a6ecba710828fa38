/* SPDX-License-Identifier: ISC */

/*
 * The life of a session: sockets, buffers, events, timers.
 *
 * Everything that can happen to a session ends in session_run(), which does
 * all that is possible now and then says what it waits for.  While the client
 * waits for us nothing is read from it: what it sends stays in the kernel and
 * pushes back.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "proxy.h"

#define CIN_MAX		81920		/* one read and some more */
#define COUT_MAX	(2 * SMTP_REPLY_MAX + 4096)
#define SIN_MAX		(2 * SMTP_REPLY_MAX)
#define SOUT_MAX	262144		/* one chunk of a message, stuffed */
#define READ_MAX	65536		/* bytes in one go, for fairness */
#define LINGER		2000		/* ms for the client to close */
#define FLUSH		30000		/* ms to take the last reply */

static void	 client_event(int, uint32_t, void *);
static void	 client_read(struct session *, uint32_t);
static void	 client_lost(struct session *, const char *);
static void	 server_event(int, uint32_t, void *);
static void	 server_read(struct session *, uint32_t);
static void	 client_late(void *);
static void	 server_late(void *);
static void	 session_late(void *);
static int	 session_write(struct session *, int);
static int	 session_step(struct session *);
static void	 session_closing(struct session *);
static void	 session_wait(struct session *);
static void	 wait_client(struct session *);
static void	 wait_server(struct session *);
static uint32_t	 client_events(const struct session *);
static int	 client_reads(const struct session *);
static uint32_t	 server_events(const struct session *);

/* Bytes on their way through; no session keeps them here. */
static uint8_t	 scratch[READ_MAX];

struct session *
session_new(int fd, const struct conf_listener *l,
    const struct addr *client, const struct addr *dest)
{
	struct session	*s;

	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		close(fd);
		return (NULL);
	}
	s->sev.fd = -1;
	if (ev_add(&s->cev, fd, 0, client_event, s) == -1) {
		close(fd);
		free(s);
		return (NULL);
	}
	arc4random_buf(&s->id, sizeof(s->id));
	s->state = SESSION_CONNECT;
	s->conf = conf_ref(proxy.conf);
	/* Of the same configuration: strings of the listener stay. */
	s->mode = (uint8_t)l->w.mode;
	s->listener = l->w.named;
	s->starttls = (uint8_t)(l->w.starttls == 0 ? s->conf->g.starttls :
	    l->w.starttls - 1);
	s->banner = l->w.banner[0] != '\0' ? l->w.banner :
	    s->conf->g.banner[0] != '\0' ? s->conf->g.banner : NULL;
	s->client = s->peer = *client;
	s->dest = *dest;
	s->started = now_ms();
	buf_init(&s->cin, CIN_MAX);
	buf_init(&s->cout, COUT_MAX);
	buf_init(&s->sin, SIN_MAX);
	buf_init(&s->sout, SOUT_MAX);
	evtimer_init(&s->ctimer, client_late, s);
	evtimer_init(&s->stimer, server_late, s);
	evtimer_init(&s->deadline, session_late, s);
	if (session_timeout(s, TMO_SESSION) != 0)
		evtimer_set(&s->deadline, session_timeout(s, TMO_SESSION));
	STAILQ_INIT(&s->inflight);
	TAILQ_INSERT_TAIL(&proxy.sessions, s, entry);
	proxy.nsessions++;
	proxy.stats.sessions++;
	return (s);
}

void
session_log(const struct session *s, const char *fmt, ...)
{
	char	 text[LOG_LINE_MAX];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("s=%016llx %s", (unsigned long long)s->id, text);
}

uint64_t
session_timeout(const struct session *s, enum timeout t)
{
	return (s->conf->g.timeout[t]);
}

void
session_reset(struct session *s)
{
	data_free(s->msg);
	s->msg = NULL;
	s->has_class = 0;
	if (s->env == NULL)
		return;
	proxy.rcpt_used -= s->env->rcpt_alloc;
	prdr_free(s->env->prdr);
	free(s->env->rcpt);
	free(s->env->from);
	free(s->env);
	s->env = NULL;
}

const char *
session_state_name(enum session_state state)
{
	switch (state) {
	case SESSION_HEADER:
		return ("header");
	case SESSION_CONNECT:
		return ("connect");
	case SESSION_BANNER:
		return ("banner");
	case SESSION_COMMAND:
		return ("command");
	case SESSION_AUTH:
		return ("auth");
	case SESSION_DATA:
	case SESSION_CHUNK:
		return ("receiving");
	case SESSION_INSPECT:
		return ("inspecting");
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
		return ("delivering");
	case SESSION_TUNNEL:
		return ("tunnel");
	case SESSION_CLOSING:
	case SESSION_LINGER:
		break;
	}
	return ("closing");
}

void
session_close_server(struct session *s)
{
	static const char	 quit[] = "QUIT\r\n";
	int			 fd;

	if (s->sev.fd == -1)
		return;
	fd = s->sev.fd;
	/* Polite where it cannot be taken for message text. */
	if ((s->flags & (SF_SERVER_GONE | SF_QUIT)) == 0 &&
	    STAILQ_EMPTY(&s->inflight) && s->sout.len == 0 &&
	    s->helo != NULL && s->state != SESSION_TUNNEL)
		(void)send(fd, quit, sizeof(quit) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	ev_del(&s->sev);
	close(fd);
}

void
session_free(struct session *s, const char *why)
{
	struct inflight	*f;
	char		 client[ADDR_STRLEN], dest[ADDR_STRLEN];
	char		 peer[ADDR_STRLEN];
	int		 fd;

	if (s->flags & SF_RUNNING) {
		if (s->end == NULL)
			s->end = why;
		s->flags |= SF_DEAD;
		return;
	}
	if (s->end == NULL)
		s->end = why;
	session_log(s, "end client=%s dest=%s%s%s messages=%u tls_passed=%d "
	    "tls_withheld=%u tls_refused=%u ms=%llu why=\"%s\"",
	    addr_ipport(&s->client, client, sizeof(client)),
	    addr_ipport(&s->dest, dest, sizeof(dest)),
	    addr_same(&s->client, &s->peer) ? "" : " peer=",
	    addr_same(&s->client, &s->peer) ? "" :
	    addr_ipport(&s->peer, peer, sizeof(peer)), s->nmessages,
	    (s->flags & SF_TLS_PASSED) != 0, s->withheld, s->tls_refused,
	    (unsigned long long)(now_ms() - s->started), s->end);
	source_end(s);
	sock_forget(s);
	evtimer_del(&s->ctimer);
	evtimer_del(&s->stimer);
	evtimer_del(&s->deadline);
	session_close_server(s);
	if (s->cev.fd != -1) {
		fd = s->cev.fd;
		ev_del(&s->cev);
		close(fd);
	}
	session_reset(s);
	while ((f = STAILQ_FIRST(&s->inflight)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->inflight, entry);
		free(f);
	}
	buf_clear(&s->cin);
	buf_clear(&s->cout);
	buf_clear(&s->sin);
	buf_clear(&s->sout);
	free(s->helo);
	free(s->own_banner);
	free(s->greeting);
	conf_unref(s->conf);
	TAILQ_REMOVE(&proxy.sessions, s, entry);
	proxy.nsessions--;
	if (s->flags & SF_REFUSED)
		proxy.nrefused--;
	free(s);
	proxy_check_end();
}

void
session_connected(struct session *s, int fd)
{
	/* Writable when the connection stands, or has failed. */
	if (ev_add(&s->sev, fd, EPOLLOUT, server_event, s) == -1) {
		close(fd);
		server_lost(s, "out of memory");
		return;
	}
	evtimer_set(&s->stimer, session_timeout(s, TMO_CONNECT));
}

int
session_peek(const struct session *s, int server)
{
	const struct buf	*b;
	int			 fd;
	char			 c;

	b = server ? &s->sin : &s->cin;
	fd = server ? s->sev.fd : s->cev.fd;
	return (b->len > 0 || (fd != -1 &&
	    recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1));
}

void
session_dot(struct session *s)
{
	struct message	*m;

	m = s->msg;
	m->t_dot = now_us();
	s->nseen++;
	evtimer_del(&s->ctimer);
	/* By DATA it could not be passed on as it is. */
	if (m->bdat && (s->flags & SF_SERVER_CHUNK) == 0 &&
	    m->fault == DATA_OK)
		m->fault = m->form;
	if (s->flags & SF_SERVER_GONE)
		deliver_failed(s, "lost during the message");
	else if (m->fault != DATA_OK)
		verdict_fault(s);
	else if (data_seal(m) == -1) {
		log_warn("seal");
		m->fault = DATA_IO;
		verdict_fault(s);
	} else {
		s->state = SESSION_INSPECT;
		/* Nothing to look into. */
		if (m->size == 0)
			verdict_decide(s);
		else
			inspect_start(s);
	}
}

int
session_tunnel(struct session *s, struct buf *from, struct buf *to)
{
	size_t	 n;

	n = from->len;
	if (n > to->max - to->len)
		n = to->max - to->len;
	if (n == 0)
		return (0);
	if (buf_add(to, buf_ptr(from), n) == -1) {
		session_free(s, "out of memory");
		return (0);
	}
	buf_drain(from, n);
	return (1);
}

/*
 * The client is gone.  A message whose dot has been sent may be accepted by
 * the server at this moment; its reply is still worth the log line.
 */
static void
client_lost(struct session *s, const char *why)
{
	int	 fd;

	if (s->state != SESSION_DOT) {
		session_free(s, why);
		return;
	}
	s->flags |= SF_CLIENT_GONE;
	s->end = why;
	fd = s->cev.fd;
	ev_del(&s->cev);
	close(fd);
}

static void
client_read(struct session *s, uint32_t events)
{
	ssize_t	 n;
	size_t	 used, room;
	uint8_t	*p;
	int	 end;

	if (s->state == SESSION_CHUNK && s->cin.len == 0) {
		/* No more than the chunk: what follows is a command. */
		room = sizeof(scratch);
		if (room > s->msg->chunk)
			room = (size_t)s->msg->chunk;
		n = recv(s->cev.fd, scratch, room, MSG_DONTWAIT);
		if (n > 0) {
			evtimer_del(&s->ctimer);
			data_chunk(s, scratch, (size_t)n);
			return;
		}
	} else if (s->state == SESSION_DATA && s->cin.len == 0) {
		n = recv(s->cev.fd, scratch, sizeof(scratch), MSG_DONTWAIT);
		if (n > 0) {
			evtimer_del(&s->ctimer);
			end = data_input(s, scratch, (size_t)n, &used);
			if (buf_add(&s->cin, scratch + used,
			    (size_t)n - used) == -1) {
				/* More than a group of commands. */
				session_free(s, "bytes behind the dot");
				return;
			}
			/* Commands now, of which AUTH has a secret. */
			explicit_bzero(scratch + used, (size_t)n - used);
			if (end)
				session_dot(s);
			return;
		}
	} else {
		p = buf_reserve(&s->cin, 1, &room);
		if (p == NULL) {
			/* This event would come again and again. */
			if (events & EPOLLHUP)
				client_lost(s, "client connection lost");
			return;
		}
		n = recv(s->cev.fd, p, room, MSG_DONTWAIT);
		if (n > 0) {
			buf_commit(&s->cin, (size_t)n);
			return;
		}
	}
	if (n == 0)
		s->flags |= SF_CLIENT_EOF;
	else if (errno != EAGAIN && errno != EINTR)
		client_lost(s, "client connection lost");
}

static void
client_event(int fd, uint32_t events, void *arg)
{
	struct session	*s;

	s = arg;
	/* Marked as running, it is not freed under our feet. */
	s->flags |= SF_RUNNING;
	if (events & EPOLLERR)
		client_lost(s, "client connection lost");
	else if ((events & EPOLLHUP) && s->state == SESSION_LINGER)
		session_free(s, "client closed");
	else if ((events & (EPOLLIN | EPOLLHUP)) == EPOLLIN &&
	    !client_reads(s))
		ev_mod(&s->cev, s->cev.events & ~(uint32_t)EPOLLIN);
	else if (events & (EPOLLIN | EPOLLHUP))
		client_read(s, events);
	s->flags &= ~(unsigned int)SF_RUNNING;
	if (s->flags & SF_DEAD)
		session_free(s, "client connection lost");
	else
		session_run(s);
}

static void
server_read(struct session *s, uint32_t events)
{
	uint8_t	*p;
	size_t	 room;
	ssize_t	 n;

	p = buf_reserve(&s->sin, 1, &room);
	if (p == NULL) {
		if (events & (EPOLLHUP | EPOLLERR))
			server_lost(s, "connection lost");
		return;
	}
	n = recv(s->sev.fd, p, room, MSG_DONTWAIT);
	if (n > 0) {
		buf_commit(&s->sin, (size_t)n);
		return;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* What it said before counts still. */
	while (server_input(s) && s->sev.fd != -1)
		;
	if (s->sev.fd != -1)
		server_lost(s, n == 0 ? "closed by the server" :
		    strerror(errno));
}

static void
server_event(int fd, uint32_t events, void *arg)
{
	struct session	*s;
	struct inflight	*f;
	socklen_t	 len;
	int		 error;

	s = arg;
	s->flags |= SF_RUNNING;
	if (s->state == SESSION_CONNECT) {
		len = sizeof(error);
		error = 0;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
			error = errno;
		evtimer_del(&s->stimer);
		if (error != 0)
			server_lost(s, strerror(error));
		else if ((f = malloc(sizeof(*f) + 1)) == NULL)
			server_lost(s, "out of memory");
		else {
			f->verb = VERB_BANNER;
			f->line = NULL;
			f->arg[0] = '\0';
			STAILQ_INSERT_TAIL(&s->inflight, f, entry);
			s->state = SESSION_BANNER;
			identity_connected(s);
		}
	} else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		server_read(s, events);
	s->flags &= ~(unsigned int)SF_RUNNING;
	if (s->flags & SF_DEAD)
		session_free(s, "server connection lost");
	else
		session_run(s);
}

/* The client has let its time pass. */
static void
client_late(void *arg)
{
	struct session	*s;

	s = arg;
	switch (s->state) {
	case SESSION_HEADER:
		session_log(s, "no PROXY header in time");
		session_free(s, "no PROXY header in time");
		return;
	case SESSION_COMMAND:
	case SESSION_AUTH:
		client_goodbye(s, "client idle",
		    "421 4.4.2 Timeout, closing");
		break;
	case SESSION_DATA:
	case SESSION_CHUNK:
		client_goodbye(s, "client time-out in message",
		    "421 4.4.2 Timeout in message, closing");
		break;
	case SESSION_CONNECT:
	case SESSION_BANNER:
	case SESSION_INSPECT:
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
	case SESSION_TUNNEL:
	case SESSION_CLOSING:
	case SESSION_LINGER:
		client_lost(s, "client does not read");
		return;
	}
	session_run(s);
}

/*
 * The whole session has lasted long enough, however lively it is.  What has
 * been received whole is still brought to its end.
 */
static void
session_late(void *arg)
{
	struct session	*s;

	s = arg;
	switch (s->state) {
	case SESSION_INSPECT:
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
		evtimer_set(&s->deadline, 1000);
		return;
	case SESSION_CONNECT:
	case SESSION_BANNER:
	case SESSION_COMMAND:
	case SESSION_AUTH:
	case SESSION_DATA:
	case SESSION_CHUNK:
		if (s->cout.len == 0) {
			client_goodbye(s, "session too long",
			    "421 4.4.2 Session too long");
			session_run(s);
			return;
		}
		break;
	case SESSION_HEADER:
	case SESSION_TUNNEL:
	case SESSION_CLOSING:
	case SESSION_LINGER:
		break;
	}
	session_free(s, "session too long");
}

/* The server has let its time pass, or wants to be kept awake. */
static void
server_late(void *arg)
{
	struct session	*s;

	s = arg;
	if (STAILQ_EMPTY(&s->inflight) && (s->state == SESSION_DATA ||
	    s->state == SESSION_CHUNK || s->state == SESSION_INSPECT ||
	    (s->state == SESSION_COMMAND && s->msg != NULL)))
		server_command(s, VERB_OWN_NOOP, "NOOP", 4, NULL);
	else
		server_lost(s, "time-out of the server");
	session_run(s);
}

/* Returns 1 when something was sent, -1 when the connection is lost. */
static int
session_write(struct session *s, int to_server)
{
	struct buf	*b;
	struct ev	*ev;
	ssize_t		 n;
	int		 sent;

	sent = 0;
	b = to_server ? &s->sout : &s->cout;
	ev = to_server ? &s->sev : &s->cev;
	if (s->state == SESSION_CONNECT && to_server)
		return (0);
	while (b->len > 0 && ev->fd != -1) {
		n = send(ev->fd, buf_ptr(b), b->len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return (-1);
		sent = 1;
		buf_drain_wipe(b, (size_t)n);
		/* Progress: the clock starts again. */
		evtimer_del(to_server ? &s->stimer : &s->ctimer);
	}
	return (sent);
}

/* One round of everything; 1 when something moved. */
static int
session_step(struct session *s)
{
	int	 moved, sent;

	moved = server_input(s);
	if ((s->flags & SF_DEAD) == 0)
		moved |= client_input(s);
	if ((s->flags & SF_DEAD) == 0)
		moved |= deliver_output(s);
	if ((s->flags & (SF_DEAD | SF_RSET_DUE)) == SF_RSET_DUE &&
	    STAILQ_EMPTY(&s->inflight)) {
		s->flags &= ~(unsigned int)SF_RSET_DUE;
		if (s->sev.fd != -1)
			server_command(s, VERB_OWN_RSET, "RSET", 4, NULL);
		moved = 1;
	}
	/* What was sent makes room, for which others may have waited. */
	if ((s->flags & SF_DEAD) == 0) {
		if ((sent = session_write(s, 1)) == -1)
			server_lost(s, "connection lost");
		moved |= sent != 0;
	}
	if ((s->flags & SF_DEAD) == 0) {
		if ((sent = session_write(s, 0)) == -1)
			client_lost(s, "client connection lost");
		moved |= sent != 0;
	}
	return (moved);
}

/*
 * The last reply is on its way.  Closing while unread bytes of the client are
 * here would send a reset that can overtake it, so we stop writing first and
 * swallow what still comes, for a short time.
 */
static void
session_closing(struct session *s)
{
	session_close_server(s);
	session_reset(s);
	if ((s->flags & SF_REFUSED) && proxy.nrefused > REFUSED_MAX) {
		s->flags |= SF_DEAD;
		return;
	}
	if (s->cout.len > 0)
		return;
	if (s->cev.fd == -1 || (s->flags & SF_CLIENT_EOF) ||
	    shutdown(s->cev.fd, SHUT_WR) == -1) {
		s->flags |= SF_DEAD;
		return;
	}
	evtimer_del(&s->ctimer);
	s->state = SESSION_LINGER;
}

void
session_run(struct session *s)
{
	if (s->flags & SF_RUNNING)
		return;
	s->flags |= SF_RUNNING;
	while ((s->flags & SF_DEAD) == 0 && session_step(s))
		;
	/* Draining: the next command will find nobody. */
	if (proxy.draining && (s->flags & SF_DEAD) == 0 &&
	    s->state == SESSION_COMMAND && s->env == NULL &&
	    STAILQ_EMPTY(&s->inflight) && s->cout.len == 0) {
		client_goodbye(s, "shutdown", "421 4.3.2 Shutting down");
		(void)session_write(s, 0);
	}
	/* The client will send no more, and nothing is left to answer. */
	if ((s->flags & SF_CLIENT_EOF) && STAILQ_EMPTY(&s->inflight) &&
	    s->cout.len == 0 && (s->state != SESSION_TUNNEL ||
	    s->cin.len + s->sout.len == 0) && client_reads(s))
		session_free(s, "client closed");
	if ((s->flags & SF_CLIENT_GONE) && s->state != SESSION_DOT)
		session_free(s, "client closed");
	if ((s->flags & SF_DEAD) == 0 && s->state == SESSION_CLOSING)
		session_closing(s);
	s->flags &= ~(unsigned int)SF_RUNNING;
	if (s->flags & SF_DEAD)
		session_free(s, "internal");
	else
		session_wait(s);
}

static uint32_t
client_events(const struct session *s)
{
	uint32_t	 events;

	events = s->cout.len > 0 ? EPOLLOUT : 0;
	if (s->flags & SF_CLIENT_EOF)
		return (events);
	switch (s->state) {
	case SESSION_COMMAND:
	case SESSION_AUTH:
	case SESSION_TUNNEL:
		if (s->cin.len < s->cin.max && s->cout.len <= s->cout.max / 2)
			events |= EPOLLIN;
		break;
	case SESSION_HEADER:
	case SESSION_DATA:
	case SESSION_CHUNK:
	case SESSION_LINGER:
		events |= EPOLLIN;
		break;
	case SESSION_CONNECT:
	case SESSION_BANNER:
	case SESSION_INSPECT:
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
	case SESSION_CLOSING:
		/*
		 * Nothing is read now.  As long as nothing comes either, it
		 * is cheaper to leave the watch on: see client_event().
		 */
		events |= s->cev.events & EPOLLIN;
		break;
	}
	return (events);
}

/* Will what the client sends be read in this state: 1 or 0. */
static int
client_reads(const struct session *s)
{
	return (s->state == SESSION_COMMAND || s->state == SESSION_AUTH ||
	    s->state == SESSION_HEADER || s->state == SESSION_DATA ||
	    s->state == SESSION_CHUNK || s->state == SESSION_TUNNEL ||
	    s->state == SESSION_LINGER);
}

static uint32_t
server_events(const struct session *s)
{
	uint32_t	 events;

	if (s->state == SESSION_CONNECT)
		return (EPOLLOUT);
	events = s->sout.len > 0 ? EPOLLOUT : 0;
	if (s->sin.len < s->sin.max)
		events |= EPOLLIN;
	return (events);
}

/* Start the client's clock, unless it runs: it is moved by progress only. */
static void
wait_client(struct session *s)
{
	uint64_t	 ms;

	if (s->cout.len > 0) {
		if (s->ctimer.due == 0)
			evtimer_set(&s->ctimer, s->state == SESSION_CLOSING ?
			    FLUSH : session_timeout(s, TMO_BLOCK));
		return;
	}
	switch (s->state) {
	case SESSION_COMMAND:
	case SESSION_AUTH:
		if (!STAILQ_EMPTY(&s->inflight)) {
			evtimer_del(&s->ctimer);
			return;
		}
		ms = session_timeout(s, TMO_CLIENT);
		break;
	case SESSION_DATA:
	case SESSION_CHUNK:
		ms = session_timeout(s, TMO_BLOCK);
		break;
	case SESSION_HEADER:
		ms = PROXY_HEADER_TIME;
		break;
	case SESSION_LINGER:
		ms = LINGER;
		break;
	case SESSION_CONNECT:
	case SESSION_BANNER:
	case SESSION_INSPECT:
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
	case SESSION_TUNNEL:
	case SESSION_CLOSING:
	default:
		evtimer_del(&s->ctimer);
		return;
	}
	if (s->ctimer.due == 0)
		evtimer_set(&s->ctimer, ms);
}

static void
wait_server(struct session *s)
{
	uint64_t	 ms;

	if (s->stimer.due != 0)
		return;
	ms = 0;
	switch (s->state) {
	case SESSION_HEADER:
		break;
	case SESSION_CONNECT:
		ms = session_timeout(s, TMO_CONNECT);
		break;
	case SESSION_BANNER:
		ms = session_timeout(s, TMO_BANNER);
		break;
	case SESSION_COMMAND:
	case SESSION_AUTH:
		if (!STAILQ_EMPTY(&s->inflight))
			ms = session_timeout(s, TMO_COMMAND);
		else if (s->msg != NULL)
			ms = session_timeout(s, TMO_KEEPALIVE);
		break;
	case SESSION_DATA:
	case SESSION_CHUNK:
	case SESSION_INSPECT:
		if (!STAILQ_EMPTY(&s->inflight))
			ms = session_timeout(s, TMO_COMMAND);
		else if (s->sev.fd != -1)
			ms = session_timeout(s, TMO_KEEPALIVE);
		break;
	case SESSION_GO:
		ms = session_timeout(s, TMO_DATA);
		break;
	case SESSION_BODY:
		ms = session_timeout(s, TMO_BLOCK);
		break;
	case SESSION_DOT:
		ms = session_timeout(s, s->sout.len > 0 ? TMO_BLOCK :
		    TMO_DOT);
		break;
	case SESSION_TUNNEL:
		ms = session_timeout(s, TMO_DOT);
		break;
	case SESSION_CLOSING:
	case SESSION_LINGER:
		break;
	}
	if (ms != 0)
		evtimer_set(&s->stimer, ms);
}

static void
session_wait(struct session *s)
{
	wait_client(s);
	wait_server(s);
	ev_mod(&s->cev, client_events(s));
	if (s->sev.fd != -1)
		ev_mod(&s->sev, server_events(s));
	buf_shrink(&s->cin);
	buf_shrink(&s->cout);
	buf_shrink(&s->sin);
	buf_shrink(&s->sout);
}

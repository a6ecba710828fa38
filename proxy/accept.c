/* SPDX-License-Identifier: ISC */

/*
 * Taking connections off the listeners that all proxies share, and finding
 * out for which server each was meant.
 */

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

/* linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h have them. */
#define SO_ORIGINAL_DST		80
#define IP6T_SO_ORIGINAL_DST	80

#define PAUSE		500	/* ms, when descriptors have run out */

struct listener {
	struct ev			 ev;
	const struct conf_listener	*l;
};

static void	 accept_event(int, uint32_t, void *);
static int	 accept_watch(void);
static void	 accept_unwatch(void);
static void	 accept_resume(void *);
static int	 original_dst(int, const struct conf_listener *, struct addr *);
static int	 is_local(const struct addr *);
static void	 accept_one(const struct conf_listener *, int,
		    const struct addr *);
static void	 refuse(struct session *);
static void	 connect_rules(struct session *);
static void	 refuse_flood(int);

static struct listener	 listeners[CONF_LISTENERS_MAX];
static unsigned int	 nlisteners;
static struct evtimer	 pause_timer;
static int		 stopped;

void
accept_start(struct conf *conf)
{
	const struct conf_listener	*l;

	accept_unwatch();
	nlisteners = 0;
	TAILQ_FOREACH(l, &conf->listeners, entry) {
		listeners[nlisteners].ev.fd = -1;
		listeners[nlisteners++].l = l;
	}
	evtimer_del(&pause_timer);
	evtimer_init(&pause_timer, accept_resume, NULL);
	accept_resume(NULL);
}

void
accept_stop(void)
{
	stopped = 1;
	evtimer_del(&pause_timer);
	accept_unwatch();
}

/* EPOLLEXCLUSIVE: a connection wakes one proxy, not all of them. */
static int
accept_watch(void)
{
	unsigned int	 i;

	for (i = 0; i < nlisteners; i++)
		if (ev_add(&listeners[i].ev, listeners[i].l->fd,
		    EPOLLIN | EPOLLEXCLUSIVE, accept_event,
		    &listeners[i]) == -1)
			return (-1);
	return (0);
}

static void
accept_unwatch(void)
{
	unsigned int	 i;

	for (i = 0; i < nlisteners; i++)
		ev_del(&listeners[i].ev);
}

static void
accept_resume(void *arg)
{
	if (stopped || accept_watch() == 0)
		return;
	accept_unwatch();
	evtimer_set(&pause_timer, PAUSE);
}

static int
is_local(const struct addr *a)
{
	size_t	 i;

	for (i = 0; i < proxy.nlocal; i++)
		if (addr_same_ip(a, &proxy.local[i]))
			return (1);
	return (0);
}

/*
 * The server that the client meant.  Returns 0, or -1 when the client meant
 * us: it connected to the listener itself, or to an address of this host.
 */
static int
original_dst(int fd, const struct conf_listener *l, struct addr *dest)
{
	struct sockaddr_storage	 ss;
	struct addr		 own;
	socklen_t		 len;

	if (l->w.mode == LISTEN_RELAY) {
		*dest = l->w.relay;
		return (0);
	}
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from_sockaddr(&own, (struct sockaddr *)&ss) == -1)
		return (-1);
	*dest = own;
	if (l->w.mode == LISTEN_REDIRECT) {
		len = sizeof(ss);
		if (getsockopt(fd, own.family == 4 ? IPPROTO_IP :
		    IPPROTO_IPV6, own.family == 4 ? SO_ORIGINAL_DST :
		    IP6T_SO_ORIGINAL_DST, &ss, &len) == -1 ||
		    addr_from_sockaddr(dest, (struct sockaddr *)&ss) == -1 ||
		    addr_same(dest, &own)) {
			*dest = own;
			return (-1);
		}
	}
	return (is_local(dest) ? -1 : 0);
}

/* Far too many: not even a session to say so in. */
static void
refuse_flood(int fd)
{
	static const char	 text[] = "421 4.3.2 Too many sessions\r\n";

	(void)send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/*
 * It is only told why.  Who is refused must not take the place of others, by
 * calling again faster than refused sessions end.
 */
static void
refuse(struct session *s)
{
	s->flags |= SF_REFUSED;
	proxy.nrefused++;
	proxy.stats.refused++;
}

static void
connect_rules(struct session *s)
{
	const struct conf_rule_wire	*rule;
	struct conf_facts		 facts;
	struct policy_passed		 passed;
	char				 text[CONF_REPLY_MAX];

	policy_facts(s, &facts);
	rate_event(s, RATE_SESSIONS, &facts);
	rule = policy_ask(s, PHASE_CONNECT, &facts, &passed);
	policy_note(s, PHASE_CONNECT, &facts, &passed);
	policy_effects(s, rule, &facts);
	if (rule->action == ACTION_PASS) {
		sock_connect(s);
		return;
	}
	policy_reply(s, rule, &facts, text, sizeof(text));
	session_log(s, "connect refused rule=%u reply=%.3s", rule->line, text);
	refuse(s);
	client_goodbye(s, "policy", "%s [%016llx]", text,
	    (unsigned long long)s->id);
}

void
accept_go(struct session *s)
{
	const struct conf_server_wire	*w;

	if ((w = conf_server(s->conf, &s->dest)) != NULL) {
		s->identity = (uint8_t)w->identity;
		if (w->starttls != 0)
			s->starttls = (uint8_t)(w->starttls - 1);
	}
	if (source_begin(s) == -1) {
		session_log(s, "connect refused: too many sessions of this "
		    "source");
		refuse(s);
		client_goodbye(s, "too many sessions of this source",
		    "421 4.7.0 Too many sessions from your network, try "
		    "again later");
		return;
	}
	connect_rules(s);
}

static void
accept_one(const struct conf_listener *l, int fd, const struct addr *client)
{
	struct session	*s;
	struct addr	 dest;
	char		 text[ADDR_STRLEN];
	int		 ours;

	if (proxy.nsessions - proxy.nrefused >= proxy.max_sessions &&
	    proxy.nrefused >= REFUSED_MAX) {
		refuse_flood(fd);
		return;
	}
	ours = original_dst(fd, l, &dest) == -1;
	s = session_new(fd, l, client, &dest);
	if (s == NULL) {
		log_warn("cannot begin a session");
		return;
	}
	if (ours) {
		session_log(s, "connect refused: %s is this gateway",
		    addr_ipport(&dest, text, sizeof(text)));
		refuse(s);
		client_goodbye(s, "aimed at the gateway", "554 5.3.2 This is "
		    "a mail gateway, not a mail server [%016llx]",
		    (unsigned long long)s->id);
	} else if (proxy.nsessions - proxy.nrefused > proxy.max_sessions) {
		session_log(s, "connect refused: too many sessions");
		refuse(s);
		client_goodbye(s, "too many sessions", "421 4.3.2 Too many "
		    "sessions, try again later");
	} else if (l->w.proxied != 0 && conf_table_match(
	    s->conf->table[l->w.proxied - 1], client))
		s->state = SESSION_HEADER;
	else
		accept_go(s);
	session_run(s);
}

static void
accept_event(int fd, uint32_t events, void *arg)
{
	struct listener		*listener;
	struct sockaddr_storage	 ss;
	struct addr		 client;
	socklen_t		 len;
	int			 conn;

	listener = arg;
	/* One at a time keeps the pool balanced. */
	len = sizeof(ss);
	conn = accept4(fd, (struct sockaddr *)&ss, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_warn("accept; pausing");
			accept_unwatch();
			evtimer_set(&pause_timer, PAUSE);
		}
		return;
	}
	/*
	 * The kernel wakes the proxy first that has watched longest, so that
	 * in quiet times one would get them all.  Go to the end of the line.
	 */
	ev_del(&listener->ev);
	if (ev_add(&listener->ev, fd, EPOLLIN | EPOLLEXCLUSIVE, accept_event,
	    listener) == -1) {
		/* Watches are counted, too; sessions end and give back. */
		log_warn("listener; pausing");
		accept_unwatch();
		evtimer_set(&pause_timer, PAUSE);
	}
	if (addr_from_sockaddr(&client, (struct sockaddr *)&ss) == -1) {
		close(conn);
		return;
	}
	accept_one(listener->l, conn, &client);
}

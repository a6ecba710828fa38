/* SPDX-License-Identifier: ISC */

/*
 * The channel to the store.  Most of what goes there is only told: what
 * became of a message, who is in a table now, numbers.  One thing is waited
 * for: that a message which will not reach its server is on disk before its
 * client hears 250.  Whoever waits hears of a store that is gone.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "proxy.h"
#include "utf8.h"

#define WISHES_MAX	1024	/* kept while there is no store */
#define STATS_EVERY	1000	/* ms */
#define RECORD_FRAMES	512	/* more than any record has */
#define SESSIONS_ROWS	2000	/* of an answer: they must fit the queue */

/* A session whose client may hear 250 only after the store's word. */
struct waiting {
	TAILQ_ENTRY(waiting)	 entry;
	uint64_t		 id;
	struct session		*s;	/* NULL: gone */
	struct evtimer		 timer;
};

/* What a rule wanted in a table while nobody could take it. */
struct wish {
	STAILQ_ENTRY(wish)	 entry;
	struct msg_member	 m;
};

static void	 store_event(int, uint32_t, void *);
static void	 store_frame(struct imsg *);
static void	 store_bad(const char *);
static void	 store_lost(void);
static void	 waiting_done(struct waiting *, int, uint64_t);
static void	 waiting_late(void *);
static struct waiting *waiting_find(uint64_t);
static void	 members(const struct imsg *);
static void	 stats_send(void *);
static int	 send_strings(uint32_t, uint64_t, const char *, size_t);
static uint32_t	 outs(const struct session *, enum rule_action);
static int	 send_outs(const struct session *, uint64_t,
		    enum rule_action, uint32_t, const char *);
static void	 fill_record(const struct session *, struct msg_record *);
static void	 ctl_request(const struct imsg *);
static size_t	 session_row(const struct session *, char *, size_t);
static void	 plain(char *, size_t, const char *);
static size_t	 put(char *, size_t, size_t, const char *, const char *);

static struct imsgbuf	 ib;
static struct ev	 ev;
static struct evtimer	 stats_timer;
static uint32_t		 instance;
static int		 is_there;
static uint64_t		 next_id = 1;
static TAILQ_HEAD(, waiting) waitings = TAILQ_HEAD_INITIALIZER(waitings);
static STAILQ_HEAD(, wish) wishes = STAILQ_HEAD_INITIALIZER(wishes);
static unsigned int	 nwishes;
static uint64_t		 nlost;		/* records that nobody took */

void
store_channel(const struct msg_chan *chan, int fd)
{
	struct wish	*w;

	if (is_there)
		store_lost();
	imsgbuf_init(&ib, fd, PROC_PROXY, PROC_STORE);
	ib.state = PEER_IDLE;
	instance = chan->instance;
	if (ev_add(&ev, fd, EPOLLIN, store_event, NULL) == -1)
		fatal("ev_add");
	is_there = 1;
	member_begin();
	if (nlost > 0)
		log_warnx("%llu records were not kept: there was no store",
		    (unsigned long long)nlost);
	nlost = 0;
	while ((w = STAILQ_FIRST(&wishes)) != NULL) {
		STAILQ_REMOVE_HEAD(&wishes, entry);
		nwishes--;
		store_member(&w->m);
		free(w);
	}
	if (stats_timer.cb == NULL)
		evtimer_init(&stats_timer, stats_send, NULL);
	evtimer_set(&stats_timer, STATS_EVERY);
}

void
store_want_write(void)
{
	if (is_there)
		ev_mod(&ev, EPOLLIN | (ib.nqueued > 0 ? EPOLLOUT : 0));
}

/* It is gone; who waits for it hears that now. */
static void
store_lost(void)
{
	struct waiting	*w;

	if (!is_there)
		return;
	is_there = 0;
	ev_del(&ev);
	imsgbuf_clear(&ib);
	evtimer_del(&stats_timer);
	outgoing_lost();
	explain_lost();
	while ((w = TAILQ_FIRST(&waitings)) != NULL)
		waiting_done(w, EIO, 0);
}

/* It says what cannot be: master replaces it. */
static void
store_bad(const char *what)
{
	struct msg_peer_bad	 bad;

	log_warnx("store: %s", what);
	memset(&bad, 0, sizeof(bad));
	bad.peer = PROC_STORE;
	bad.instance = instance;
	bad.reason = FAULT_DATA;
	if (imsg_compose(&proxy.master, IMSG_PEER_BAD, 0, -1, &bad,
	    sizeof(bad)) == -1)
		log_warn("cannot report the store");
	proxy_want_write();
	store_lost();
}

void
store_stop(void)
{
	store_lost();
}

/* Frees it; the session may be gone after this. */
static void
waiting_done(struct waiting *w, int error, uint64_t number)
{
	struct session	*s;

	s = w->s;
	evtimer_del(&w->timer);
	TAILQ_REMOVE(&waitings, w, entry);
	free(w);
	if (s == NULL)
		return;
	s->msg->waiting = NULL;
	s->msg->number = number;
	verdict_stored(s, error);
	session_run(s);
}

static void
waiting_late(void *arg)
{
	waiting_done(arg, ETIMEDOUT, 0);
}

void
store_cancel(struct waiting *w)
{
	w->s = NULL;
}

static struct waiting *
waiting_find(uint64_t id)
{
	struct waiting	*w;

	TAILQ_FOREACH(w, &waitings, entry)
		if (w->id == id)
			return (w);
	return (NULL);
}

void
store_member(const struct msg_member *m)
{
	struct wish	*w;

	if (is_there && imsg_compose(&ib, IMSG_MEMBER_ADD, 0, -1, m,
	    sizeof(*m)) == 0) {
		store_want_write();
		return;
	}
	/* The newest is worth the most. */
	if (nwishes == WISHES_MAX) {
		w = STAILQ_FIRST(&wishes);
		STAILQ_REMOVE_HEAD(&wishes, entry);
	} else if ((w = malloc(sizeof(*w))) != NULL)
		nwishes++;
	else {
		log_warn("wish for table %s", m->table);
		return;
	}
	w->m = *m;
	STAILQ_INSERT_TAIL(&wishes, w, entry);
}

void
store_count(const struct msg_count *m)
{
	/* The first that the store can do without while its disk is slow. */
	if (is_there && ib.nqueued < COUNTS_QUEUE_MAX &&
	    imsg_compose(&ib, IMSG_COUNT, 0, -1, m, sizeof(*m)) == 0)
		store_want_write();
}

void
store_tally(const char *name)
{
	struct msg_tally	 t;

	memset(&t, 0, sizeof(t));
	strlcpy(t.name, name, sizeof(t.name));
	/* A number for an operator: strangers choose how many there are. */
	if (is_there && ib.nqueued < COUNTS_QUEUE_MAX &&
	    imsg_compose(&ib, IMSG_TALLY, 0, -1, &t, sizeof(t)) == 0)
		store_want_write();
}

/* Strings in as few frames as hold them, none of them cut. */
static int
send_strings(uint32_t type, uint64_t id, const char *p, size_t len)
{
	size_t	 n, next;

	while (len > 0) {
		n = 0;
		while (n < len) {
			next = n + strlen(p + n) + 1;
			if (next > IMSG_DATA_MAX)
				break;
			n = next;
		}
		if (n == 0 || imsg_compose(&ib, type, id, -1, p, n) == -1)
			return (-1);
		p += n;
		len -= n;
	}
	return (0);
}

/* So many things are sent when this has become of the message. */
static uint32_t
outs(const struct session *s, enum rule_action action)
{
	const struct conf_rule_wire	*rule;

	rule = s->msg->rule;
	return (rule == NULL || rule->action != action ? 0 : rule->nmails);
}

static void
plain(char *dst, size_t size, const char *src)
{
	utf8_plain(dst, size, src, strlen(src));
}

static void
fill_record(const struct session *s, struct msg_record *r)
{
	const struct message	*m;

	m = s->msg;
	memset(r, 0, sizeof(*r));
	r->session = s->id;
	r->time = now_epoch() - (now_us() - m->t_dot) / 1000;
	r->size = m->size;
	r->client = s->client;
	r->dest = s->dest;
	r->verdict = m->verdict;
	r->line = m->rule == NULL ? 0 : m->rule->line;
	r->nrcpt = s->env->nrcpt;
	r->nparts = m->nparts;
	r->recv_ms = (uint32_t)((m->t_dot - m->t_data) / 1000);
	r->parse_us = (uint32_t)m->us_parse;
	r->scan_us = (uint32_t)m->us_scan;
	r->deliver_ms = m->t_deliver == 0 ? 0 :
	    (uint32_t)((now_us() - m->t_deliver) / 1000);
	if (s->flags & SF_AUTHED)
		r->flags |= RECORD_AUTH;
	plain(r->helo, sizeof(r->helo), s->helo == NULL ? "" : s->helo);
	plain(r->from, sizeof(r->from), s->env->from);
	plain(r->subject, sizeof(r->subject), m->subject);
	plain(r->msgid, sizeof(r->msgid), m->msgid);
	plain(r->name, sizeof(r->name), m->name);
}

/* Does it add something only after so many times? */
static int
waits(const struct conf_rule_wire *rule)
{
	uint32_t	 i;

	for (i = 0; i < rule->nadds; i++)
		if (rule->add[i].after > 1)
			return (1);
	return (0);
}

/* What the rule has sent, but only when its own action was done. */
static int
send_outs(const struct session *s, uint64_t id, enum rule_action action,
    uint32_t flags, const char *reply)
{
	const struct conf_mail_wire	*w;
	struct msg_out			 o;
	const char			*why;
	uint32_t			 i;

	for (i = 0; i < outs(s, action); i++) {
		w = &s->conf->mail[s->msg->rule->mail + i];
		/* Those go before it is delivered, or not at all. */
		if ((w->kind == OUT_COPY || w->kind == OUT_REDIRECT) &&
		    (flags & RECORD_OUT) == 0)
			continue;
		if (w->kind == OUT_REPLY) {
			why = action == ACTION_PASS && reply[0] > '3' ?
			    "it was not delivered" : autoreply_refuse(s);
			if (why != NULL) {
				session_log(s, "no reply: %s", why);
				continue;
			}
		}
		memset(&o, 0, sizeof(o));
		o.kind = w->kind;
		o.if_added = w->kind == OUT_NOTIFY && waits(s->msg->rule);
		o.server = w->server;
		strlcpy(o.to, w->to, sizeof(o.to));
		expand(s, s->msg->rule, NULL, w->text, o.text,
		    sizeof(o.text));
		if (imsg_compose(&ib, IMSG_RECORD_OUT, id, -1, &o,
		    sizeof(o)) == -1)
			return (-1);
	}
	return (0);
}

void
store_fate(struct message *m, int arrived)
{
	struct msg_fate	 f;

	if (m->copies == 0)
		return;
	memset(&f, 0, sizeof(f));
	f.arrived = (uint32_t)arrived;
	/* One that is not heard counts as arrived. */
	if (is_there && imsg_compose(&ib, IMSG_RECORD_FATE, m->copies, -1, &f,
	    sizeof(f)) == -1)
		log_warn("store");
	m->copies = 0;
	store_want_write();
}

int
store_record(struct session *s, enum rule_action action, uint32_t flags,
    const char *reply)
{
	struct waiting		*w;
	struct msg_record	 r;
	struct msg_mail		 mail;
	struct message		*m;
	uint64_t		 id;

	m = s->msg;
	/* One that is begun must come to its end. */
	if (!is_there || ib.nqueued > IMSG_QUEUE_MAX - RECORD_FRAMES) {
		nlost++;
		errno = EIO;
		return (-1);
	}
	fill_record(s, &r);
	r.action = action;
	r.flags |= flags;
	plain(r.reply, sizeof(r.reply), reply);
	mail.size = m->size;
	id = next_id++;
	if (imsg_compose(&ib, IMSG_RECORD, id, -1, &r, sizeof(r)) == -1 ||
	    send_strings(IMSG_RECORD_RCPT, id, s->env->rcpt,
	    s->env->rcpt_len) == -1 ||
	    (m->nfacts > 0 && send_strings(IMSG_RECORD_FACT, id, m->facts,
	    m->nfacts) == -1) ||
	    send_outs(s, id, action, flags, reply) == -1 ||
	    ((flags & (RECORD_QUARANTINE | RECORD_OUT)) &&
	    imsg_lend(&ib, IMSG_RECORD_MAIL, id, m->fd, &mail,
	    sizeof(mail)) == -1) ||
	    imsg_compose(&ib, IMSG_RECORD_END, id, -1, NULL, 0) == -1) {
		log_warn("store");
		return (-1);
	}
	store_want_write();
	if ((flags & RECORD_SYNC) == 0)
		return (0);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (-1);
	w->id = id;
	w->s = s;
	evtimer_init(&w->timer, waiting_late, w);
	evtimer_set(&w->timer, STORE_TIME);
	TAILQ_INSERT_TAIL(&waitings, w, entry);
	m->waiting = w;
	if ((flags & RECORD_OUT) && action == ACTION_PASS)
		m->copies = id;
	return (0);
}

void
store_reply(const struct session *s, const char *reply)
{
	struct msg_record_reply	 r;
	const struct message	*m;

	m = s->msg;
	if (!is_there || m->number == 0)
		return;
	memset(&r, 0, sizeof(r));
	r.number = m->number;
	r.session = s->id;
	r.deliver_ms = m->t_deliver == 0 ? 0 :
	    (uint32_t)((now_us() - m->t_deliver) / 1000);
	plain(r.reply, sizeof(r.reply), reply);
	if (imsg_compose(&ib, IMSG_RECORD_REPLY, 0, -1, &r, sizeof(r)) == -1)
		log_warn("store");
	store_want_write();
}

static void
members(const struct imsg *imsg)
{
	struct msg_member	 m;
	size_t			 off;

	for (off = 0; off + sizeof(m) <= imsg->len; off += sizeof(m)) {
		if (proto_get_member((const uint8_t *)imsg->data + off,
		    &m) == -1) {
			store_bad("a member that is none");
			return;
		}
		if (imsg->type == IMSG_MEMBER_SET)
			member_set(&m);
		else
			member_delete(&m);
	}
}

static void
stats_send(void *arg)
{
	struct msg_stats	 st;

	st = proxy.stats;
	st.sessions_now = proxy.nsessions;
	st.messages_now = proxy.nmessages;
	st.spool = proxy.spool_used;
	st.spool_max = proxy.spool_max;
	if (imsg_compose(&ib, IMSG_STATS, 0, -1, &st, sizeof(st)) == -1 &&
	    errno != ENOBUFS)
		log_debug("store: statistics: %s", strerror(errno));
	store_want_write();
	evtimer_set(&stats_timer, STATS_EVERY);
}

/* Append a name and its value to a row; its new length. */
static size_t
put(char *row, size_t size, size_t len, const char *name, const char *value)
{
	size_t	 n, v;

	n = strlen(name) + 1;
	v = strlen(value) + 1;
	if (len + n + v > size)
		return (len);
	memcpy(row + len, name, n);
	memcpy(row + len + n, value, v);
	return (len + n + v);
}

static size_t
session_row(const struct session *s, char *row, size_t size)
{
	char	 text[512];
	size_t	 len;

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)s->id);
	len = put(row, size, 0, "session", text);
	len = put(row, size, len, "client", addr_ipport(&s->client, text,
	    sizeof(text)));
	len = put(row, size, len, "dest", addr_ipport(&s->dest, text,
	    sizeof(text)));
	len = put(row, size, len, "state", session_state_name(s->state));
	snprintf(text, sizeof(text), "%llu",
	    (unsigned long long)(now_ms() - s->started) / 1000);
	len = put(row, size, len, "seconds", text);
	snprintf(text, sizeof(text), "%u", s->nseen);
	len = put(row, size, len, "messages", text);
	plain(text, sizeof(text), s->helo == NULL ? "" : s->helo);
	len = put(row, size, len, "helo", text);
	plain(text, sizeof(text), s->env == NULL ? "" : s->env->from);
	len = put(row, size, len, "from", text);
	snprintf(text, sizeof(text), "%u", s->env == NULL ? 0 :
	    s->env->nrcpt);
	len = put(row, size, len, "recipients", text);
	snprintf(text, sizeof(text), "%llu", s->msg == NULL ? 0ULL :
	    (unsigned long long)s->msg->size);
	return (put(row, size, len, "bytes", text));
}

static void
ctl_request(const struct imsg *imsg)
{
	const struct session	*s;
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;
	char			 row[4096];
	uint32_t		 max;

	memcpy(&req, imsg->data, sizeof(req));
	memset(&end, 0, sizeof(end));
	max = req.limit == 0 ? CTL_ROWS_DEFAULT : req.limit;
	if (max > SESSIONS_ROWS)
		max = SESSIONS_ROWS;
	if (req.command != CTL_SESSIONS)
		end.error = ENOSYS;
	else
		TAILQ_FOREACH(s, &proxy.sessions, entry) {
			if (end.nrows == max)
				break;
			if (imsg_compose(&ib, IMSG_CTL_ROW, imsg->id, -1, row,
			    session_row(s, row, sizeof(row))) == -1) {
				end.error = (uint32_t)errno;
				break;
			}
			end.nrows++;
		}
	if (imsg_compose(&ib, IMSG_CTL_END, imsg->id, -1, &end,
	    sizeof(end)) == -1)
		log_warn("store");
	store_want_write();
}

static void
store_frame(struct imsg *imsg)
{
	struct msg_record_done	 done;
	struct msg_count	 count;
	struct waiting		*w;

	switch (imsg->type) {
	case IMSG_MEMBER_SET:
	case IMSG_MEMBER_DEL:
		members(imsg);
		break;
	case IMSG_MEMBER_ALL:
		member_all();
		proxy_members();
		break;
	case IMSG_COUNT:
		if (proto_get_count(imsg->data, &count) == -1)
			store_bad("a count that is none");
		else
			rate_others(&count);
		break;
	case IMSG_RECORD_DONE:
		memcpy(&done, imsg->data, sizeof(done));
		if ((w = waiting_find(imsg->id)) != NULL)
			waiting_done(w, (int)done.error, done.number);
		break;
	case IMSG_CTL_REQ:
		ctl_request(imsg);
		break;
	case IMSG_CTL_EXPLAIN:
		if (explain_frame(&ib, imsg) == -1)
			store_bad("a question that is none");
		break;
	case IMSG_SEND:
	case IMSG_SEND_RCPT:
	case IMSG_SEND_MAIL:
		if (outgoing_frame(&ib, imsg) == -1)
			store_bad("a message to send that is none");
		break;
	default:
		store_bad("a frame that it must not send");
		break;
	}
}

static void
store_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;
	int		 n, i;

	if ((events & EPOLLOUT) && imsgbuf_flush(&ib) == -1) {
		store_lost();
		return;
	}
	for (i = 0; i < 64 && is_there; i++) {
		n = imsg_read(&ib, &imsg);
		if (n == 0)
			break;
		if (n == -1 && errno == ECONNRESET) {
			store_lost();
			return;
		}
		if (n == -1) {
			store_bad("a bad frame");
			return;
		}
		store_frame(&imsg);
		imsg_free(&imsg);
	}
	store_want_write();
}

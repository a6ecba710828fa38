/* SPDX-License-Identifier: ISC */

/*
 * What would become of a message: an operator asks, and the real parser,
 * scanner and rules answer, but nothing follows from it.  No table gets a
 * member, nothing is counted, kept, recorded or delivered.
 *
 * The question is a session without connections, which goes through the
 * phases by the functions that serve real ones.  It is answered in steps, a
 * few between the events of sessions, and no faster than the store takes the
 * rows.  There is one at a time.
 *
 * The message comes from an operator's program.  It is taken only if it is a
 * sealed memfd, so that reading it cannot block or change it, and copied into
 * a spool of our own by the machine that takes it from clients.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "addrset.h"
#include "explain.h"
#include "utf8.h"

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define READ	65536		/* bytes in one go */
#define PAUSE	20		/* ms until the store has taken rows */

static int	 check(const struct msg_explain *, int);
static const char *session_make(struct explain *);
static void	 session_drop(struct session *);
static void	 finish(struct explain *, int, const char *);
static void	 drop(struct explain *);
static void	 tick(void *);
static uint32_t	 own_events(const struct explain *, uint32_t, uint32_t);
static uint32_t	 times_asked(const struct explain *, const char *);
static uint32_t	 rate(const struct conf *, uint32_t,
		    const struct conf_facts *);
static void	 context(struct explain *);
static void	 counts(struct explain *);
static void	 phase_begin(struct explain *, enum rule_phase);
static const struct conf_rule *rule_next(const struct explain *,
		    const struct conf_rule *);
static void	 refused(struct explain *, const char *);
static int	 path_take(struct explain *, enum verb, const char *);
static int	 rcpt_accept(struct explain *);
static int	 feed(struct session *, const uint8_t *, size_t);
static int	 step_begin(struct explain *);
static int	 step_rule(struct explain *);
static int	 step_decision(struct explain *);
static int	 step_mail(struct explain *);
static int	 step_rcpt(struct explain *);
static int	 step_message(struct explain *);
static int	 step_copy(struct explain *);
static int	 step_copied(struct explain *);

static struct explain	*question;	/* NULL: nobody asks */

/* Only what nobody can change, and nobody can make us wait for. */
static int
check(const struct msg_explain *m, int fd)
{
	int	 seals;

	if (fd == -1)
		return (0);
	seals = fcntl(fd, F_GET_SEALS);
	if (seals == -1 || (seals & SEALS) != SEALS ||
	    lseek(fd, 0, SEEK_END) != (off_t)m->size)
		return (-1);
	return (0);
}

int
explain_frame(struct imsgbuf *ib, struct imsg *imsg)
{
	struct msg_ctl_end	 end;
	struct msg_explain	 m;
	struct explain		*e;
	const char		*why;

	if (proto_get_explain(imsg->data, imsg->fd != -1, &m) == -1 ||
	    check(&m, imsg->fd) == -1)
		return (-1);
	if (question != NULL || (e = calloc(1, sizeof(*e))) == NULL) {
		memset(&end, 0, sizeof(end));
		end.error = question != NULL ? EBUSY : ENOMEM;
		strlcpy(end.text, "something else is being explained",
		    sizeof(end.text));
		if (imsg_compose(ib, IMSG_CTL_END, imsg->id, -1, &end,
		    sizeof(end)) == -1)
			log_warn("store");
		return (0);
	}
	question = e;
	e->ib = ib;
	e->id = imsg->id;
	e->req = m;
	e->fd = imsg_take_fd(imsg);
	evtimer_init(&e->timer, tick, e);
	if ((why = session_make(e)) != NULL) {
		finish(e, errno, why);
		return (0);
	}
	session_log(e->s, "explained to an operator");
	e->step = step_begin;
	evtimer_set(&e->timer, 0);
	return (0);
}

/* Why not, or NULL; errno has it, too. */
static const char *
session_make(struct explain *e)
{
	const struct conf_listener	*l;
	struct session			*s;

	if (proxy.conf->ndynamics > 0 && !proxy.has_members) {
		errno = EAGAIN;
		return ("members of tables are not there yet");
	}
	TAILQ_FOREACH(l, &proxy.conf->listeners, entry)
		if (e->req.listener[0] == '\0' ||
		    strcmp(e->req.listener, l->w.name) == 0)
			break;
	if (l == NULL && e->req.listener[0] != '\0') {
		errno = ENOENT;
		return ("no listener has that name");
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ("no memory");
	e->s = s;
	arc4random_buf(&s->id, sizeof(s->id));
	s->flags = SF_EXPLAIN;
	s->state = SESSION_INSPECT;
	s->conf = conf_ref(proxy.conf);
	STAILQ_INIT(&s->inflight);
	s->client = s->peer = e->req.source;
	if (l != NULL)
		s->listener = l->w.named;
	s->dest = e->req.dest;
	if (s->dest.family == 0 && l != NULL && l->w.mode == LISTEN_RELAY)
		s->dest = l->w.relay;
	/* In no table, except in one that has all. */
	if (s->dest.family == 0)
		s->dest.family = s->client.family;
	s->env = calloc(1, sizeof(*s->env));
	if (s->env == NULL || (e->req.rcpt_len > 0 && (s->env->rcpt =
	    malloc(e->req.rcpt_len)) == NULL))
		return ("no memory");
	return (NULL);
}

static void
session_drop(struct session *s)
{
	if (s == NULL)
		return;
	session_reset(s);
	free(s->helo);
	conf_unref(s->conf);
	free(s);
}

static void
drop(struct explain *e)
{
	evtimer_del(&e->timer);
	session_drop(e->s);
	if (e->fd != -1)
		close(e->fd);
	free(e);
	question = NULL;
}

static void
finish(struct explain *e, int error, const char *text)
{
	struct msg_ctl_end	 end;

	memset(&end, 0, sizeof(end));
	end.error = (uint32_t)error;
	end.nrows = e->nrows;
	strlcpy(end.text, text, sizeof(end.text));
	if (imsg_compose(e->ib, IMSG_CTL_END, e->id, -1, &end,
	    sizeof(end)) == -1)
		log_warn("store");
	store_want_write();
	drop(e);
}

void
explain_lost(void)
{
	if (question != NULL)
		drop(question);
}

static void
tick(void *arg)
{
	struct explain	*e;
	unsigned int	 i;

	e = arg;
	for (i = 0; i < EXPLAIN_ROWS && e->ib->nqueued < EXPLAIN_ROWS; i++)
		if (!e->step(e))
			return;
	store_want_write();
	evtimer_set(&e->timer, e->ib->nqueued < EXPLAIN_ROWS ? 0 : PAUSE);
}

/* What this session itself would have been counted for by now. */
static uint32_t
own_events(const struct explain *e, uint32_t event, uint32_t key)
{
	switch ((enum rate_event)event) {
	case RATE_SESSIONS:
		return (key == RATE_SOURCE || key == RATE_DEST);
	case RATE_MESSAGES:
		return (key != RATE_RECIPIENT && e->phase >= PHASE_MAIL);
	case RATE_RECIPIENTS:
		return (e->nasked);
	case RATE_EVENT_MAX:
		break;
	}
	return (0);
}

static uint32_t
times_asked(const struct explain *e, const char *path)
{
	char		 want[MEMBER_KEY_MAX], key[MEMBER_KEY_MAX];
	const char	*p;
	uint32_t	 i, n;

	if (addrset_key(path, want, sizeof(want)) == NULL)
		return (0);
	n = 0;
	for (i = 0, p = e->req.rcpt; i < e->nasked; i++) {
		n += addrset_key(p, key, sizeof(key)) != NULL &&
		    strcmp(key, want) == 0;
		p += strlen(p) + 1;
	}
	return (n);
}

/* As rate_count(), as if it had been counted. */
static uint32_t
rate(const struct conf *conf, uint32_t id, const struct conf_facts *f)
{
	const struct conf_rate_wire	*w;
	const struct explain		*e;
	struct conf_facts		 one;
	const char			*p;
	uint32_t			 i, n, most;

	e = f->arg;
	w = &conf->rate[id];
	if (w->key != RATE_RECIPIENT)
		return (rate_count(conf, id, f) +
		    own_events(e, w->event, w->key));
	most = 0;
	one = *f;
	one.nrcpt = 1;
	for (i = 0, p = f->rcpt; i < f->nrcpt; i++, p += strlen(p) + 1) {
		one.rcpt = p;
		n = rate_count(conf, id, &one);
		if (w->event == RATE_RECIPIENTS)
			n += times_asked(e, p);
		if (n > most)
			most = n;
	}
	return (most);
}

/* Facts that are not the session's: when, and how often. */
static void
context(struct explain *e)
{
	struct tm	 tm;
	time_t		 t;

	e->facts.rate = rate;
	e->facts.arg = e;
	t = (time_t)e->req.time;
	if (t != 0 && localtime_r(&t, &tm) != NULL) {
		e->facts.day = (uint32_t)tm.tm_wday;
		e->facts.minute = (uint32_t)(tm.tm_hour * 60 + tm.tm_min);
	}
}

/* Those that rules of this phase ask for. */
static void
counts(struct explain *e)
{
	const struct conf_rate_wire	*w;
	const struct conf_rule		*r;
	char				 n[EXPLAIN_NUMLEN];
	char				 within[EXPLAIN_NUMLEN];
	uint64_t			 done;

	done = 0;
	TAILQ_FOREACH(r, &e->s->conf->rules, entry) {
		if (r->w.phase != e->phase || r->w.rate == RULE_NO_RATE ||
		    (done & 1ULL << r->w.rate))
			continue;
		done |= 1ULL << r->w.rate;
		w = &e->s->conf->rate[r->w.rate];
		explain_row(e, "fact", "count",
		    "value", explain_number(n, rate(e->s->conf, r->w.rate,
		    &e->facts)),
		    "event", conf_event_name(w->event),
		    "by", conf_key_name(w->key),
		    "within", explain_number(within, w->within), NULL);
	}
}

_Static_assert(CONF_RATES_MAX <= 64, "a bit for each count");

static const struct conf_rule *
rule_next(const struct explain *e, const struct conf_rule *r)
{
	while (r != NULL && r->w.phase != e->phase)
		r = TAILQ_NEXT(r, entry);
	return (r);
}

/* The facts are there but for the context: ask, and then look why. */
static void
phase_begin(struct explain *e, enum rule_phase phase)
{
	struct conf_facts	 f;

	e->phase = phase;
	context(e);
	counts(e);
	e->before = e->facts.points;
	f = e->facts;
	e->rule = conf_match(e->s->conf, phase, &f, NULL, NULL);
	e->after = f.points;
	e->next = rule_next(e, TAILQ_FIRST(&e->s->conf->rules));
	e->step = step_rule;
}

static int
step_begin(struct explain *e)
{
	const struct conf_listener	*l;
	const struct session		*s;
	char				 text[256];
	enum direction			 d;

	s = e->s;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)s->id);
	explain_fact(e, "session", text);
	if (e->req.flags & EXPLAIN_TLS)
		e->s->flags |= SF_TLS;
	explain_fact(e, "tls", e->req.flags & EXPLAIN_TLS ? "yes" : "no");
	explain_fact(e, "source", addr_ip(&s->client, text, sizeof(text)));
	explain_fact(e, "destination", addr_ip(&s->dest, text, sizeof(text)));
	TAILQ_FOREACH(l, &s->conf->listeners, entry)
		if (s->listener != 0 && l->w.named == s->listener)
			break;
	explain_fact(e, "listener", l == NULL ? "" : l->w.name);
	policy_facts(s, &e->facts);
	context(e);
	d = conf_direction(s->conf, &e->facts);
	if (d != DIR_MAX)
		explain_fact(e, "direction", conf_direction_name(d));
	snprintf(text, sizeof(text), "%s %02u:%02u",
	    conf_day_name(e->facts.day), e->facts.minute / 60,
	    e->facts.minute % 60);
	explain_fact(e, "time", text);
	explain_fact(e, "not asked", "limits of sessions and sources, helo "
	    "required, STARTTLS, the server itself");
	phase_begin(e, PHASE_CONNECT);
	return (1);
}

static int
step_rule(struct explain *e)
{
	const struct conf_rule_wire	*r;
	enum rule_cond			 cond;
	char				 why[512 + SMTP_ADDR_MAX];
	char				 line[EXPLAIN_NUMLEN];
	char				 points[EXPLAIN_NUMLEN];
	const char			*action;
	int				 scores;

	if (e->next == NULL) {
		e->step = step_decision;
		return (1);
	}
	r = &e->next->w;
	cond = conf_explain(e->s->conf, r, &e->facts);
	conf_why(e->s->conf, r, &e->facts, cond, why, sizeof(why));
	snprintf(points, sizeof(points), "%d", r->points);
	scores = (r->flags & RULE_SCORE) && r->points != 0;
	action = scores ? "score" : (r->flags & RULE_SCORE) == 0 ?
	    conf_action_name(r->action) : r->flags & RULE_LOG ? "log" :
	    "count";
	explain_row(e, "rule", explain_number(line, r->line), "phase",
	    conf_phase_name(e->phase), "action", action, "tried",
	    r->flags & RULE_TRY ? "1" : "0", "matches",
	    cond == COND_MATCHES ? "1" : "0",
	    scores ? "points" : "because", scores ? points : why,
	    scores ? "because" : NULL, why, NULL);
	if (cond == COND_MATCHES && (r->flags & (RULE_TRY | RULE_SCORE)) ==
	    RULE_SCORE)
		e->facts.points += r->points;
	e->next = r == e->rule ? NULL : rule_next(e, TAILQ_NEXT(e->next,
	    entry));
	return (1);
}

/* Not by a rule. */
static void
refused(struct explain *e, const char *reply)
{
	static const struct conf_rule_wire	 none;

	e->rule = &none;
	e->after = e->facts.points;
	explain_decision(e, reply[0] == '4' ? ACTION_TEMPFAIL : ACTION_BLOCK, 0,
	    reply);
}

static int
step_decision(struct explain *e)
{
	char	 reply[CONF_REPLY_MAX + SCAN_NAME_MAX];
	int	 passes;

	passes = e->rule->action == ACTION_PASS;
	e->s->points[e->phase] += e->after - e->before;
	if (e->phase == PHASE_RCPT && passes)
		return (rcpt_accept(e));
	reply[0] = '\0';
	if (e->phase == PHASE_MESSAGE)
		verdict_reply(e->s, e->rule, reply, sizeof(reply));
	else if (!passes)
		policy_reply(e->s, e->rule, &e->facts, reply,
		    CONF_REPLY_MAX);
	explain_decision(e, e->rule->action, e->rule->line, reply);
	if (e->phase == PHASE_MESSAGE || (!passes &&
	    (e->phase != PHASE_RCPT || e->rule->disconnect))) {
		finish(e, 0, "");
		return (0);
	}
	switch (e->phase) {
	case PHASE_CONNECT:
		if (e->req.flags & EXPLAIN_HELO) {
			policy_facts(e->s, &e->facts);
			utf8_plain(e->helo, sizeof(e->helo), e->req.helo,
			    strlen(e->req.helo));
			e->facts.helo = e->helo;
			explain_fact(e, "helo", e->helo);
			phase_begin(e, PHASE_HELO);
			return (1);
		}
		break;
	case PHASE_HELO:
		e->s->helo = strdup(e->req.helo);
		break;
	case PHASE_MAIL:
		e->s->env->from = strdup(e->path);
		e->step = step_rcpt;
		return (1);
	case PHASE_RCPT:
		e->step = step_rcpt;
		return (1);
	case PHASE_MESSAGE:
	case PHASE_MAX:
		break;
	}
	e->step = step_mail;
	return (1);
}

/* As the command has it, into e->path: 0, or -1 and the refusal is told. */
static int
path_take(struct explain *e, enum verb verb, const char *path)
{
	char		 line[SMTP_ADDR_MAX + 32], text[96];
	const char	*why;
	size_t		 params;
	int		 len;

	len = snprintf(line, sizeof(line), "%s:<%s>", verb == VERB_MAIL ?
	    "FROM" : "TO", path);
	strlcpy(e->path, path, sizeof(e->path));
	if ((size_t)len >= sizeof(line) || command_path(verb, line,
	    (size_t)len, e->path, sizeof(e->path), &params) == -1)
		why = verb == VERB_MAIL ? "501 5.5.4 Syntax: MAIL "
		    "FROM:<address>" : "501 5.5.4 Syntax: RCPT TO:<address>";
	else
		why = client_path_refused(e->s, e->path, verb == VERB_RCPT,
		    text, sizeof(text));
	if (why == NULL)
		return (0);
	refused(e, why);
	return (-1);
}

static int
step_mail(struct explain *e)
{
	char	 text[96];

	if (e->req.flags & EXPLAIN_AUTH)
		e->s->flags |= SF_AUTHED;
	explain_fact(e, "authenticated", e->req.flags & EXPLAIN_AUTH ? "yes" :
	    "no");
	if ((e->req.flags & EXPLAIN_FROM) == 0) {
		e->step = step_rcpt;
		return (1);
	}
	policy_facts(e->s, &e->facts);
	e->phase = PHASE_MAIL;
	explain_fact(e, "sender", e->req.from);
	if (path_take(e, VERB_MAIL, e->req.from) == -1) {
		finish(e, 0, "");
		return (0);
	}
	/* A client that knows the size says it (RFC 1870 section 6.1). */
	if (e->req.size > e->s->conf->g.message_max) {
		snprintf(text, sizeof(text), "552 5.3.4 Message too big, "
		    "limit is %llu bytes",
		    (unsigned long long)e->s->conf->g.message_max);
		refused(e, text);
		finish(e, 0, "");
		return (0);
	}
	e->facts.sender = e->path;
	e->facts.size = e->req.size;
	phase_begin(e, PHASE_MAIL);
	return (1);
}

/* The next recipient, or what follows the last. */
static int
step_rcpt(struct explain *e)
{
	if (e->nasked == e->req.nrcpt) {
		if (e->req.nrcpt > 0 && e->s->env->nrcpt == 0) {
			finish(e, 0, "");
			return (0);
		}
		e->step = step_message;
		return (1);
	}
	e->rcpt = e->nasked == 0 ? e->req.rcpt :
	    e->rcpt + strlen(e->rcpt) + 1;
	e->nasked++;
	policy_facts(e->s, &e->facts);
	e->phase = PHASE_RCPT;
	explain_fact(e, "recipient", e->rcpt);
	if (path_take(e, VERB_RCPT, e->rcpt) == -1)
		return (1);
	e->facts.rcpt = e->path;
	e->facts.nrcpt = 1;
	e->facts.rcpt_count = e->s->env->nrcpt + 1;
	phase_begin(e, PHASE_RCPT);
	return (1);
}

/* By the rules it may; is it judged as those before it? */
static int
rcpt_accept(struct explain *e)
{
	struct envelope	*env;
	uint64_t	 class;
	size_t		 len;

	e->step = step_rcpt;
	env = e->s->env;
	class = conf_rcpt_class(e->s->conf, e->path, &e->facts);
	if (e->s->has_class && e->s->rcpt_class != class) {
		refused(e, "452 4.5.3 Send this recipient a message of its "
		    "own");
		return (1);
	}
	e->s->has_class = 1;
	e->s->rcpt_class = class;
	/* A path is no longer than it was asked about. */
	len = strlen(e->path) + 1;
	if (len <= e->req.rcpt_len - env->rcpt_len) {
		memcpy(env->rcpt + env->rcpt_len, e->path, len);
		env->rcpt_len += len;
		env->nrcpt++;
	}
	explain_decision(e, ACTION_PASS, e->rule->line, "");
	return (1);
}

static int
step_message(struct explain *e)
{
	struct session	*s;

	s = e->s;
	if ((e->req.flags & EXPLAIN_MAIL) == 0) {
		finish(e, 0, "");
		return (0);
	}
	e->phase = PHASE_MESSAGE;
	if ((s->msg = data_begin()) == NULL) {
		finish(e, errno, "no room for a message now");
		return (0);
	}
	s->msg->t_data = now_us();
	e->step = step_copy;
	/* It is known without reading it. */
	if (e->req.size > s->conf->g.message_max) {
		s->msg->fault = DATA_TOO_BIG;
		e->step = step_copied;
	}
	return (1);
}

/*
 * As a client sends it: dots doubled where a line begins.  1 when the message
 * has come to its end.
 */
static int
feed(struct session *s, const uint8_t *p, size_t len)
{
	const uint8_t	*dot;
	size_t		 off, n, used;

	for (off = 0; off < len; off += n) {
		if (s->msg->state == AT_BOL && p[off] == '.')
			(void)data_input(s, (const uint8_t *)".", 1, &used);
		/* Up to the next line that begins with one. */
		if (s->msg->state == AT_CR)
			n = 1;
		else {
			dot = memmem(p + off, len - off, "\r\n.", 3);
			n = dot == NULL ? len - off :
			    (size_t)(dot - (p + off)) + 2;
		}
		if (data_input(s, p + off, n, &used))
			return (1);
	}
	return (0);
}

static int
step_copy(struct explain *e)
{
	static uint8_t	 buf[READ];
	struct message	*m;
	size_t		 used;
	ssize_t		 n;
	uint64_t	 slice;

	m = e->s->msg;
	for (slice = 0; slice < EXPLAIN_SLICE && e->copied < e->req.size;
	    slice += (uint64_t)n) {
		n = pread(e->fd, buf, sizeof(buf), (off_t)e->copied);
		if (n <= 0) {
			finish(e, EIO, "the message cannot be read");
			return (0);
		}
		e->copied += (uint64_t)n;
		(void)feed(e->s, buf, (size_t)n);
	}
	if (e->copied < e->req.size) {
		/* Others first. */
		evtimer_set(&e->timer, 0);
		return (0);
	}
	if (m->state != AT_BOL)
		(void)data_input(e->s, (const uint8_t *)"\r\n", 2, &used);
	(void)data_input(e->s, (const uint8_t *)".\r\n", 3, &used);
	close(e->fd);
	e->fd = -1;
	e->step = step_copied;
	return (1);
}

/* All is there, as after the dot of a client. */
static int
step_copied(struct explain *e)
{
	const char	*name, *action, *reply;
	struct message	*m;

	m = e->s->msg;
	m->t_dot = now_us();
	if (m->fault == DATA_OK && data_seal(m) == -1)
		m->fault = DATA_IO;
	if (m->fault != DATA_OK) {
		reply = verdict_fault_reply(m->fault, &name, &action);
		explain_count(e, "size", m->size);
		explain_fact(e, "verdict", name);
		refused(e, reply);
		finish(e, 0, "");
		return (0);
	}
	if (m->size == 0)
		explain_inspected(e->s);
	else
		inspect_start(e->s);
	return (0);
}

void
explain_inspected(struct session *s)
{
	struct explain	*e;

	e = question;
	explain_findings(e);
	verdict_facts(s, &e->facts, &e->room);
	if (e->facts.body != NULL)
		explain_fact(e, "body", e->facts.body);
	phase_begin(e, PHASE_MESSAGE);
	evtimer_set(&e->timer, 0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Having a message looked into: first a parser, then the scanner.
 *
 * Both read hostile bytes and may hang, die or lie.  A parser has at most one
 * message of ours; if it dies over it, another one gets the message, and if
 * that dies too there is no third try.  Answers are checked against what was
 * asked.  Whatever does not come to a good end is the verdict
 * scanner-failed; nothing here can end as clean except the scanner's word.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "parts.h"
#include "proxy.h"

#define PARSE_TRIES	2
#define OLD_LOOK	500	/* ms between looks at an old scanner */

enum job_state {
	JOB_WAIT_PARSER,
	JOB_PARSING,
	JOB_WAIT_SCANNER,
	JOB_SCANNING
};

/* A channel to a parser or a scanner. */
struct peer {
	TAILQ_ENTRY(peer)	 entry;
	enum proc_type		 type;
	uint32_t		 instance;
	unsigned int		 njobs;		/* answers that it owes us */
	int			 old;		/* scanner: there is a newer */
	uint64_t		 since;		/* ms: that long */
	struct evtimer		 timer;		/* may the old one go now? */
	uint64_t		 content;	/* scanner: its lists */
	struct imsgbuf		 ibuf;
	struct ev		 ev;
};

TAILQ_HEAD(peers, peer);

struct job {
	TAILQ_ENTRY(job)	 entry;		/* of one of the lists below */
	uint64_t		 id;
	struct session		*s;		/* NULL: cancelled */
	enum job_state		 state;
	unsigned int		 tries;
	struct peer		*peer;
	struct msg_parse_req	 req;
	struct msg_parse_done	 parsed;
	int			 arena;		/* fd, or -1 */
	uint64_t		 began;		/* us, of this stage */
	struct evtimer		 timer;
};

TAILQ_HEAD(jobs, job);

static void	 set_name(struct message *, const char *);
static void	 job_free(struct job *);
static void	 job_move(struct job *, enum job_state);
static void	 job_fail(struct job *, const char *);
static void	 job_done(struct job *);
static void	 job_late(void *);
static struct job *job_find(struct peer *, uint64_t);
static void	 parse_next(void);
static void	 parse_send(struct job *, struct peer *);
static void	 keep_arena(struct job *);
static void	 parse_done(struct peer *, struct job *, struct imsg *);
static struct peer *scan_current(uint64_t);
static struct peer *scan_peer(uint64_t);
static int	 scan_needed(const struct peer *);
static void	 scan_old(void *);
static void	 scan_next(void);
static void	 scan_send(struct job *, struct peer *);
static void	 scan_hit(struct peer *, struct job *, struct imsg *);
static void	 scan_files(struct peer *, struct job *, struct imsg *);
static void	 scan_done(struct peer *, struct job *, struct imsg *);
static void	 peer_event(int, uint32_t, void *);
static void	 peer_lost(struct peer *);
static void	 peer_bad(struct peer *, enum peer_fault, uint64_t);
static void	 peer_answer(struct peer *, struct job *, struct imsg *);
static void	 peer_less(struct peer *);
static void	 peer_idle(struct peer *);
static void	 peer_want_write(struct peer *);

static struct peers	 peers = TAILQ_HEAD_INITIALIZER(peers);
static struct jobs	 jobs = TAILQ_HEAD_INITIALIZER(jobs);
static uint64_t		 next_id = 1;

static void
set_name(struct message *m, const char *name)
{
	strlcpy(m->name, name, sizeof(m->name));
}

static void
job_free(struct job *j)
{
	evtimer_del(&j->timer);
	TAILQ_REMOVE(&jobs, j, entry);
	if (j->arena != -1)
		close(j->arena);
	free(j);
}

static void
job_move(struct job *j, enum job_state state)
{
	j->state = state;
	/* Waiting jobs are served in the order in which they came here. */
	TAILQ_REMOVE(&jobs, j, entry);
	TAILQ_INSERT_TAIL(&jobs, j, entry);
}

/* The verdict is known; the session goes on, and may be gone after this. */
static void
job_done(struct job *j)
{
	struct session	*s;

	s = j->s;
	s->msg->job = NULL;
	job_free(j);
	if (s->flags & SF_EXPLAIN) {
		explain_inspected(s);
		return;
	}
	verdict_decide(s);
	session_run(s);
}

static void
job_fail(struct job *j, const char *why)
{
	struct message	*m;

	m = j->s->msg;
	session_log(j->s, "inspection failed: %s", why);
	m->verdict = VERDICT_SCANNER_FAILED;
	m->bad_part = SCAN_RAW;
	set_name(m, why);
	job_done(j);
}

/* Neither parser nor scanner has answered in time. */
static void
job_late(void *arg)
{
	struct job	*j;
	struct peer	*p;
	uint64_t	 session;
	int		 parsing;

	j = arg;
	p = j->peer;
	j->peer = NULL;
	parsing = j->state == JOB_PARSING || j->state == JOB_WAIT_PARSER;
	session = j->s == NULL ? 0 : j->s->id;
	if (j->s == NULL)
		job_free(j);
	else
		job_fail(j, parsing ? "parser: time-out" :
		    "scanner: time-out");
	/* What else it had is tried elsewhere, or fails as well. */
	if (p != NULL)
		peer_bad(p, FAULT_TIMEOUT, session);
}

void
inspect_start(struct session *s)
{
	const struct conf_globals	*g;
	struct job			*j;

	g = &s->conf->g;
	if ((j = calloc(1, sizeof(*j))) == NULL)
		fatal("%s", __func__);
	j->id = next_id++;
	j->s = s;
	j->arena = -1;
	j->req.session = s->id;
	j->req.size = s->msg->size;
	j->req.max_parts = g->parts_max;
	j->req.max_depth = g->depth_max;
	j->req.want_text = s->conf->nuses > 0 || s->conf->ndisclaimers > 0;
	j->req.max_decoded = parts_budget(s->msg->size,
	    (int)j->req.want_text);
	j->state = JOB_WAIT_PARSER;
	j->began = now_us();
	evtimer_init(&j->timer, job_late, j);
	TAILQ_INSERT_TAIL(&jobs, j, entry);
	s->msg->job = j;
	evtimer_set(&j->timer, session_timeout(s, TMO_PARSE));
	parse_next();
}

void
inspect_again(struct session *s)
{
	struct message	*m;

	m = s->msg;
	m->verdict = VERDICT_CLEAN;
	m->bad_part = SCAN_RAW;
	m->name[0] = '\0';
	free(m->hit);
	m->hit = NULL;
	free(m->file);
	m->file = NULL;
	m->nhits = m->nfiles = m->other_flags = 0;
	m->other_types = m->anomalies = 0;
	m->is_matched = 0;
	inspect_start(s);
}

void
inspect_cancel(struct job *j)
{
	if (j == NULL)
		return;
	j->s->msg->job = NULL;
	j->s = NULL;
	/* What is with a peer stays until its answer has come. */
	if (j->peer == NULL)
		job_free(j);
}

static struct job *
job_find(struct peer *p, uint64_t id)
{
	struct job	*j;

	TAILQ_FOREACH(j, &jobs, entry)
		if (j->peer == p && j->id == id)
			return (j);
	return (NULL);
}

/* Give waiting messages to parsers that have nothing of ours. */
static void
parse_next(void)
{
	struct job	*j, *next;
	struct peer	*p;

	for (j = TAILQ_FIRST(&jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (j->state != JOB_WAIT_PARSER)
			continue;
		TAILQ_FOREACH(p, &peers, entry)
			if (p->type == PROC_PARSER && p->njobs == 0)
				break;
		if (p == NULL)
			return;
		/* Take turns. */
		TAILQ_REMOVE(&peers, p, entry);
		TAILQ_INSERT_TAIL(&peers, p, entry);
		parse_send(j, p);
	}
}

static void
parse_send(struct job *j, struct peer *p)
{
	if (imsg_lend(&p->ibuf, IMSG_PARSE_REQ, j->id, j->s->msg->fd,
	    &j->req, sizeof(j->req)) == -1) {
		/* The channel is going down; peer_lost() comes and retries. */
		log_warn("parser request");
		return;
	}
	j->tries++;
	j->peer = p;
	j->state = JOB_PARSING;
	p->njobs++;
	p->ibuf.state = PEER_BUSY;
	evtimer_set(&j->timer, session_timeout(j->s, TMO_PARSE));
	peer_want_write(p);
}

/* For rules that change what is in a message. */
static void
keep_arena(struct job *j)
{
	struct message	*m;

	m = j->s->msg;
	if (m->arena != -1)
		close(m->arena);
	m->arena = -1;
	if (!j->s->conf->edits)
		return;
	m->arena = fcntl(j->arena, F_DUPFD_CLOEXEC, 0);
	m->arena_size = j->parsed.arena_size;
	if (m->arena == -1)
		session_log(j->s, "parts not kept: %s", strerror(errno));
}

static void
parse_done(struct peer *p, struct job *j, struct imsg *imsg)
{
	struct message	*m;
	int		 arena;

	arena = imsg_take_fd(imsg);
	/* Of the arena itself only the scanner believes nothing. */
	if (proto_get_parse_done(imsg->data, &j->req, &j->parsed) == -1) {
		close(arena);
		/* It goes to another parser, or fails, as after a death. */
		peer_bad(p, FAULT_DATA, j->s == NULL ? 0 : j->s->id);
		return;
	}
	peer_less(p);
	j->peer = NULL;
	if (j->s == NULL) {
		close(arena);
		job_free(j);
		parse_next();
		return;
	}
	j->arena = arena;
	m = j->s->msg;
	keep_arena(j);
	m->nparts = j->parsed.nparts;
	m->anomalies = j->parsed.anomalies;
	memcpy(m->subject, j->parsed.subject, sizeof(m->subject));
	memcpy(m->msgid, j->parsed.msgid, sizeof(m->msgid));
	m->us_parse = now_us() - j->began;
	/* Not everything was read: that is never clean. */
	if (j->parsed.limits != 0) {
		m->verdict = VERDICT_UNSCANNABLE;
		set_name(m, "limits of the parser exceeded");
	}
	j->began = now_us();
	if (j->s->conf->g.av == AV_NONE && j->s->conf->g.content == 0)
		job_done(j);
	else {
		job_move(j, JOB_WAIT_SCANNER);
		evtimer_set(&j->timer, session_timeout(j->s, TMO_SCAN));
		scan_next();
	}
	parse_next();
}

/* The scanner in service, if it looks for what this configuration asks. */
static struct peer *
scan_current(uint64_t content)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &peers, entry)
		if (p->type == PROC_SCANNER && !p->old &&
		    p->content == content)
			return (p);
	return (NULL);
}

/* The same, or the one before it, for messages that began by its rules. */
static struct peer *
scan_peer(uint64_t content)
{
	struct peer	*p;

	if ((p = scan_current(content)) != NULL)
		return (p);
	TAILQ_FOREACH(p, &peers, entry)
		if (p->type == PROC_SCANNER && p->content == content &&
		    now_ms() - p->since < SCAN_OLD_TIME)
			return (p);
	return (NULL);
}

/* Is there a message that only this old one can be asked about? */
static int
scan_needed(const struct peer *p)
{
	const struct session	*s;

	if (now_ms() - p->since >= SCAN_OLD_TIME ||
	    scan_current(p->content) != NULL)
		return (0);
	TAILQ_FOREACH(s, &proxy.sessions, entry)
		if (s->conf->g.content == p->content && (s->env != NULL ||
		    !STAILQ_EMPTY(&s->inflight)))
			return (1);
	return (0);
}

static void
scan_old(void *arg)
{
	struct peer	*p;

	p = arg;
	if (p->njobs == 0)
		peer_idle(p);
}

int
inspect_has_scanner(uint64_t content)
{
	return (scan_current(content) != NULL);
}

static void
scan_next(void)
{
	struct job	*j;
	struct peer	*p;

again:
	TAILQ_FOREACH(j, &jobs, entry) {
		if (j->state != JOB_WAIT_SCANNER)
			continue;
		p = scan_peer(j->s->conf->g.content);
		/* Its lists are gone: judge it by those of today. */
		if (p == NULL && (p = scan_peer(proxy.conf->g.content)) !=
		    NULL)
			session_conf(j->s, proxy.conf);
		if (p == NULL)
			continue;
		/* A failure was told, and may have changed it all. */
		scan_send(j, p);
		goto again;
	}
}

static void
scan_send(struct job *j, struct peer *p)
{
	struct msg_scan_req	 req;
	int			 fd;

	memset(&req, 0, sizeof(req));
	req.session = j->s->id;
	req.size = j->req.size;
	req.arena_size = j->parsed.arena_size;
	if (imsg_lend(&p->ibuf, IMSG_SCAN_REQ, j->id, j->s->msg->fd, &req,
	    sizeof(req)) == -1) {
		job_fail(j, "scanner: cannot be asked");
		return;
	}
	fd = j->arena;
	j->arena = -1;
	if (imsg_compose(&p->ibuf, IMSG_SCAN_ARENA, j->id, fd, NULL,
	    0) == -1) {
		/* Half a request: only a new channel helps. */
		p->njobs++;
		j->peer = p;
		j->state = JOB_SCANNING;
		peer_bad(p, FAULT_FRAME, j->s->id);
		return;
	}
	j->peer = p;
	j->state = JOB_SCANNING;
	p->njobs++;
	p->ibuf.state = PEER_BUSY;
	/*
	 * The scanner's watchdog counts from the moment a worker begins and
	 * answers for the worker; this is for a scanner that is stuck itself.
	 */
	evtimer_set(&j->timer, session_timeout(j->s, TMO_SCAN) + 10000);
	peer_want_write(p);
}

/* At most one for each use; of a message that nobody wants, none is kept. */
static void
scan_hit(struct peer *p, struct job *j, struct imsg *imsg)
{
	struct msg_scan_hit	 hit, *v;
	struct message		*m;
	uint32_t		 nuses;

	nuses = j->s == NULL ? CONF_USES_MAX : j->s->conf->nuses;
	if (proto_get_scan_hit(imsg->data, nuses, &hit) == -1 ||
	    (j->s != NULL && j->s->msg->nhits == nuses)) {
		peer_bad(p, FAULT_DATA, j->s == NULL ? 0 : j->s->id);
		return;
	}
	if (j->s == NULL)
		return;
	m = j->s->msg;
	v = reallocarray(m->hit, m->nhits + 1, sizeof(*v));
	if (v == NULL)
		fatal("%s", __func__);
	v[m->nhits++] = hit;
	m->hit = v;
}

static void
scan_files(struct peer *p, struct job *j, struct imsg *imsg)
{
	struct file_fact	*v;
	struct message		*m;
	size_t			 i, n;

	if (j->s == NULL)
		return;
	m = j->s->msg;
	n = imsg->len / sizeof(*v);
	if (n > FACTS_MAX - m->nfiles) {
		peer_bad(p, FAULT_DATA, j->s->id);
		return;
	}
	v = reallocarray(m->file, m->nfiles + n, sizeof(*v));
	if (v == NULL)
		fatal("%s", __func__);
	m->file = v;
	for (i = 0; i < n; i++) {
		if (facts_get((const uint8_t *)imsg->data + i * sizeof(*v),
		    m->nparts, &v[m->nfiles]) == -1) {
			peer_bad(p, FAULT_DATA, j->s->id);
			return;
		}
		m->nfiles++;
	}
}

static void
scan_done(struct peer *p, struct job *j, struct imsg *imsg)
{
	struct msg_scan_done	 done;
	struct message		*m;

	if (proto_get_scan_done(imsg->data, &done) == -1) {
		peer_bad(p, FAULT_DATA, j->s == NULL ? 0 : j->s->id);
		return;
	}
	peer_less(p);
	j->peer = NULL;
	if (j->s == NULL) {
		job_free(j);
		return;
	}
	m = j->s->msg;
	m->us_scan = now_us() - j->began;
	m->is_matched = (done.flags & SCAN_MATCHED) != 0;
	m->other_flags = done.other_flags;
	m->other_types = done.other_types;
	/* The worst of what parser and scanner found is the verdict. */
	if (done.verdict >= m->verdict && done.verdict != VERDICT_CLEAN) {
		m->verdict = done.verdict;
		m->bad_part = done.part;
		memcpy(m->name, done.name, sizeof(m->name));
	}
	job_done(j);
}

static void
peer_want_write(struct peer *p)
{
	ev_mod(&p->ev, EPOLLIN | (p->ibuf.nqueued > 0 ? EPOLLOUT : 0));
}

void
inspect_channel(const struct msg_chan *chan, int fd)
{
	struct peer	*p, *o, *next;

	if (chan->peer != PROC_PARSER && chan->peer != PROC_SCANNER)
		fatalx("%s: peer %u", __func__, chan->peer);
	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("%s", __func__);
	p->type = chan->peer;
	p->instance = chan->instance;
	p->content = chan->content;
	evtimer_init(&p->timer, scan_old, p);
	imsgbuf_init(&p->ibuf, fd, PROC_PROXY, p->type);
	p->ibuf.state = PEER_IDLE;
	if (ev_add(&p->ev, fd, EPOLLIN, peer_event, p) == -1)
		fatal("ev_add");
	/* A new generation: the old one finishes what has begun. */
	if (p->type == PROC_SCANNER) {
		TAILQ_FOREACH(o, &peers, entry)
			if (o->type == PROC_SCANNER && !o->old) {
				o->old = 1;
				o->since = now_ms();
			}
		TAILQ_INSERT_TAIL(&peers, p, entry);
		for (o = TAILQ_FIRST(&peers); o != NULL; o = next) {
			next = TAILQ_NEXT(o, entry);
			if (o->old && o->njobs == 0)
				peer_idle(o);
		}
		proxy_scanner(p->content);
		scan_next();
		return;
	}
	TAILQ_INSERT_TAIL(&peers, p, entry);
	parse_next();
}

/* One answer less is owed; an old generation without work is let go. */
static void
peer_less(struct peer *p)
{
	if (--p->njobs == 0)
		peer_idle(p);
}

static void
peer_idle(struct peer *p)
{
	p->ibuf.state = PEER_IDLE;
	if (p->old && scan_needed(p))
		evtimer_set(&p->timer, OLD_LOOK);
	else if (p->old) {
		evtimer_del(&p->timer);
		ev_del(&p->ev);
		imsgbuf_clear(&p->ibuf);
		TAILQ_REMOVE(&peers, p, entry);
		free(p);
	}
}

/*
 * A peer is gone, and with it what it had.  A parser's message is tried once
 * more; a scanner's not, since its loader answers for dead workers and is
 * itself not touched by what is in the message.
 */
static void
peer_lost(struct peer *p)
{
	struct job	*j, *next;
	struct jobs	 failed;

	evtimer_del(&p->timer);
	ev_del(&p->ev);
	imsgbuf_clear(&p->ibuf);
	TAILQ_REMOVE(&peers, p, entry);
	TAILQ_INIT(&failed);
	for (j = TAILQ_FIRST(&jobs); j != NULL; j = next) {
		next = TAILQ_NEXT(j, entry);
		if (j->peer != p)
			continue;
		j->peer = NULL;
		if (j->s == NULL) {
			job_free(j);
			continue;
		}
		if (j->state == JOB_PARSING && j->tries < PARSE_TRIES) {
			j->state = JOB_WAIT_PARSER;
			evtimer_set(&j->timer,
			    session_timeout(j->s, TMO_PARSE));
			continue;
		}
		TAILQ_REMOVE(&jobs, j, entry);
		TAILQ_INSERT_TAIL(&failed, j, entry);
	}
	/* Telling a session can change every list here. */
	while ((j = TAILQ_FIRST(&failed)) != NULL) {
		TAILQ_REMOVE(&failed, j, entry);
		TAILQ_INSERT_TAIL(&jobs, j, entry);
		job_fail(j, p->type == PROC_PARSER ?
		    "parser: died twice" : "scanner: died");
	}
	free(p);
	parse_next();
}

/* Have it replaced; to us it is gone from now on.  Frees p. */
static void
peer_bad(struct peer *p, enum peer_fault reason, uint64_t session)
{
	struct msg_peer_bad	 bad;

	memset(&bad, 0, sizeof(bad));
	bad.peer = p->type;
	bad.instance = p->instance;
	bad.reason = reason;
	bad.session = session;
	if (imsg_compose(&proxy.master, IMSG_PEER_BAD, 0, -1, &bad,
	    sizeof(bad)) == -1)
		log_warn("cannot report %s", proto_proc_name(p->type));
	proxy_want_write();
	peer_lost(p);
}

/* An answer; p may be freed by it. */
static void
peer_answer(struct peer *p, struct job *j, struct imsg *imsg)
{
	if (imsg->type == IMSG_PARSE_DONE && j->state == JOB_PARSING)
		parse_done(p, j, imsg);
	else if (imsg->type == IMSG_SCAN_HIT && j->state == JOB_SCANNING)
		scan_hit(p, j, imsg);
	else if (imsg->type == IMSG_SCAN_FILE && j->state == JOB_SCANNING)
		scan_files(p, j, imsg);
	else if (imsg->type == IMSG_SCAN_DONE && j->state == JOB_SCANNING)
		scan_done(p, j, imsg);
	else
		peer_bad(p, FAULT_DATA, 0);
}

static void
peer_event(int fd, uint32_t events, void *arg)
{
	struct peer	*p;
	struct job	*j;
	struct imsg	 imsg;
	int		 n;

	p = arg;
	if ((events & EPOLLOUT) && imsgbuf_flush(&p->ibuf) == -1) {
		peer_bad(p, FAULT_FRAME, 0);
		return;
	}
	n = imsg_read(&p->ibuf, &imsg);
	if (n == -1) {
		/* If it still lives, it must be replaced to be reached. */
		if (errno == ECONNRESET)
			peer_lost(p);
		else
			peer_bad(p, FAULT_FRAME, 0);
		return;
	}
	if (n == 0) {
		peer_want_write(p);
		return;
	}
	j = job_find(p, imsg.id);
	if (j == NULL) {
		/* It answers what was not asked. */
		imsg_free(&imsg);
		peer_bad(p, FAULT_DATA, 0);
		return;
	}
	peer_answer(p, j, &imsg);
	imsg_free(&imsg);
}

void
inspect_stop(void)
{
	struct peer	*p;

	while ((p = TAILQ_FIRST(&peers)) != NULL)
		peer_lost(p);
}

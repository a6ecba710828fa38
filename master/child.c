/* SPDX-License-Identifier: ISC */

/*
 * The pools of children: filling them, replacing the dead, generations of the
 * scanner, the end.
 *
 * A slot is a place in a pool.  When its child dies the slot starts another
 * one: at once the first time, then after 1, 2, 4 ... 60 seconds while deaths
 * follow each other within a minute.  The scanner's slot can hold two: the
 * running one and the coming generation, which takes over when it is ready.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "master.h"

#define START_MAX	10000	/* ms from exec to ready */
#define START_MAX_SCAN	300000	/* the same with signatures to load */
#define CALM		60000	/* ms; a child that lived so long was fine */
#define DELAY_MAX	60000	/* ms between respawns at most */
#define STALE_RETRY	60000	/* ms until signatures are tried again */
#define PING_EVERY	10000	/* ms; a proxy's loop never blocks that long */

static unsigned int	 pool_size(enum proc_type);
static void		 slot_fill(void *);
static void		 slot_start(struct slot *, struct child **);
static void		 slot_delay(struct slot *, uint64_t);
static void		 child_overdue(void *);
static void		 child_gone(struct child *, int);
static void		 child_log_status(const struct child *, int);
static void		 child_configure(struct child *);
static void		 pool_shrink(enum proc_type);
static void		 scanner_retry(void *);
static void		 child_ping(void *);

static uint32_t		 next_instance = 1;
static struct evtimer	 stale_timer;

void
children_open(const char *dir)
{
	static const enum proc_type	 types[] = {
		PROC_PROXY, PROC_PARSER, PROC_SCANNER, PROC_STORE
	};
	char				 path[CONF_PATH_MAX * 2];
	size_t				 i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/mailwall-%s",
		    dir, proto_proc_name(types[i])) >= sizeof(path))
			fatalx("%s: name too long", dir);
		master.exe[types[i]] = open(path, O_PATH | O_CLOEXEC);
		if (master.exe[types[i]] == -1)
			fatal("%s", path);
	}
	evtimer_init(&stale_timer, scanner_retry, NULL);
}

/* How many of a type the configuration wants. */
static unsigned int
pool_size(enum proc_type type)
{
	const struct conf_globals	*g;

	g = &master.conf->g;
	switch (type) {
	case PROC_PROXY:
		return (g->proxies);
	case PROC_PARSER:
		return (g->parsers);
	case PROC_SCANNER:
		return (g->av == AV_NONE && g->content == 0 ? 0 : 1);
	case PROC_STORE:
		return (1);
	case PROC_MASTER:
	case PROC_SCANWORKER:
	case PROC_CTL:
	case PROC_MAX:
		break;
	}
	return (0);
}

/*
 * Parsers, scanner and store first: proxies accept as soon as they are ready,
 * and should not have to answer 451 because nobody can look at a message yet.
 */
void
children_fill(void)
{
	static const enum proc_type	 order[] = {
		PROC_PARSER, PROC_SCANNER, PROC_STORE, PROC_PROXY
	};
	struct slot			*s;
	unsigned int			 n;
	size_t				 i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		n = 0;
		TAILQ_FOREACH(s, &master.slots, entry)
			if (s->type == order[i])
				n++;
		for (; n < pool_size(order[i]); n++) {
			if ((s = calloc(1, sizeof(*s))) == NULL)
				fatal("%s", __func__);
			s->type = order[i];
			evtimer_init(&s->respawn, slot_fill, s);
			TAILQ_INSERT_TAIL(&master.slots, s, entry);
			if (order[i] != PROC_PROXY || master.started)
				slot_fill(s);
		}
		pool_shrink(order[i]);
	}
	if (master.started || master.stopping)
		return;
	/* Start-up: the proxies follow when all others are ready. */
	TAILQ_FOREACH(s, &master.slots, entry)
		if (s->type != PROC_PROXY &&
		    (s->child == NULL || !s->child->ready))
			return;
	TAILQ_FOREACH(s, &master.slots, entry)
		if (s->type == PROC_PROXY && s->child == NULL)
			slot_fill(s);
}

static void
pool_shrink(enum proc_type type)
{
	struct slot	*s, *prev;
	unsigned int	 n;

	n = 0;
	TAILQ_FOREACH(s, &master.slots, entry)
		if (s->type == type)
			n++;
	for (s = TAILQ_LAST(&master.slots, slots);
	    s != NULL && n > pool_size(type); s = prev) {
		prev = TAILQ_PREV(s, slots, entry);
		if (s->type != type)
			continue;
		TAILQ_REMOVE(&master.slots, s, entry);
		evtimer_del(&s->respawn);
		if (s->child != NULL) {
			s->child->slot = NULL;
			child_drain(s->child);
		}
		if (s->next != NULL) {
			s->next->slot = NULL;
			child_drain(s->next);
		}
		free(s);
		n--;
	}
}

static void
slot_start(struct slot *s, struct child **place)
{
	struct child	*c;

	c = spawn_child(s->type, next_instance++);
	if (c == NULL && place == &s->next) {
		evtimer_set(&stale_timer, STALE_RETRY);
		return;
	}
	if (c == NULL) {
		slot_delay(s, 1000);
		return;
	}
	c->slot = s;
	*place = c;
	TAILQ_INSERT_TAIL(&master.children, c, entry);
	evtimer_init(&c->timer, child_overdue, c);
	evtimer_init(&c->ping, child_ping, c);
	evtimer_set(&c->timer, s->type == PROC_SCANNER ?
	    START_MAX_SCAN : START_MAX);
	child_configure(c);
}

static void
slot_fill(void *arg)
{
	struct slot	*s;

	s = arg;
	if (s->child == NULL && !master.stopping)
		slot_start(s, &s->child);
}

static void
slot_delay(struct slot *s, uint64_t ms)
{
	if (!master.stopping)
		evtimer_set(&s->respawn, ms);
}

/* A child did not become ready in time, or did not end in time. */
static void
child_overdue(void *arg)
{
	struct child	*c;

	c = arg;
	log_warnx("%s: not %s in time, killed", c->tag,
	    c->draining ? "finished" : "ready");
	kill(c->pid, SIGKILL);
}

/*
 * A proxy that spins would hold its sessions for ever, and nobody else can
 * notice: the others wait for each other with deadlines.
 */
static void
child_ping(void *arg)
{
	struct child	*c;

	c = arg;
	if (c->ibuf.fd == -1)
		return;
	if (c->pinged) {
		log_warnx("%s: does not answer, killed", c->tag);
		kill(c->pid, SIGKILL);
		return;
	}
	if (imsg_compose(&c->ibuf, IMSG_PING, 0, -1, NULL, 0) == -1) {
		log_warn("%s", c->tag);
		kill(c->pid, SIGKILL);
		return;
	}
	c->pinged = 1;
	dispatch_want_write(c);
	evtimer_set(&c->ping, PING_EVERY);
}

void
child_watch(struct child *c)
{
	evtimer_set(&c->ping, PING_EVERY);
}

void
child_drain(struct child *c)
{
	if (c->draining)
		return;
	c->draining = 1;
	if (c->ibuf.fd == -1 || imsg_compose(&c->ibuf, IMSG_DRAIN, 0, -1,
	    NULL, 0) == -1) {
		kill(c->pid, SIGKILL);
		return;
	}
	dispatch_want_write(c);
	evtimer_set(&c->timer, master.conf->g.timeout[TMO_DRAIN]);
}

/* All that the child must know, in frames. */
static void
child_configure(struct child *c)
{
	if (c->ibuf.fd == -1)
		return;
	/* Before it accepts, a proxy must know a loop when it sees one. */
	if (c->type == PROC_PROXY)
		children_local(c);
	if (c->type == PROC_STORE)
		audit_send(c);
	if (config_send(&c->ibuf, master.conf) == -1) {
		log_warn("%s: cannot send the configuration", c->tag);
		kill(c->pid, SIGKILL);
		return;
	}
	if (c->type == PROC_STORE) {
		control_send(c);
		metrics_send(c);
	}
	c->unconfigured = 1;
	c->content = master.conf->g.content;
	dispatch_want_write(c);
}

void
children_configure(void)
{
	struct child	*c;

	TAILQ_FOREACH(c, &master.children, entry)
		if (!c->draining && c->type != PROC_SCANNER)
			child_configure(c);
}

void
children_local(struct child *only)
{
	struct child	*c;

	if (master.nlocal == 0)
		return;
	TAILQ_FOREACH(c, &master.children, entry) {
		if (c->type != PROC_PROXY || c->ibuf.fd == -1 ||
		    (only != NULL && only != c))
			continue;
		if (imsg_compose(&c->ibuf, IMSG_LOCAL, 0, -1, master.local,
		    master.nlocal * sizeof(*master.local)) == -1)
			log_warn("%s: cannot send addresses", c->tag);
		dispatch_want_write(c);
	}
}

static void
scanner_retry(void *arg)
{
	children_new_scanner("trying again");
}

void
children_new_scanner(const char *why)
{
	struct slot	*s;

	if (master.stopping)
		return;
	TAILQ_FOREACH(s, &master.slots, entry) {
		if (s->type != PROC_SCANNER)
			continue;
		if (s->child == NULL)
			return;	/* will be started, with the newest */
		if (!s->child->ready) {
			/* Has the old configuration: start over. */
			kill(s->child->pid, SIGKILL);
			return;
		}
		if (s->next != NULL) {
			/* Overtaken before it was ready: start over. */
			s->next->slot = NULL;
			kill(s->next->pid, SIGKILL);
			s->next = NULL;
		}
		log_info("scanner: new generation: %s", why);
		slot_start(s, &s->next);
		return;
	}
}

static void
child_log_status(const struct child *c, int status)
{
	if (WIFSIGNALED(status)) {
		log_warnx("%s: terminated by signal %d (%s)%s", c->tag,
		    WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ?
		    ": a system call outside its sandbox" : "");
		return;
	}
	if (WEXITSTATUS(status) != CHILD_OK)
		log_warnx("%s: exited with status %d", c->tag,
		    WEXITSTATUS(status));
	else if (!c->draining)
		log_warnx("%s: exited unasked", c->tag);
	else
		log_debug("%s: finished", c->tag);
}

/* A dead child: last words, then a successor. */
static void
child_gone(struct child *c, int status)
{
	struct slot	*s;
	uint64_t	 delay;

	spawn_log_close(c);
	child_log_status(c, status);
	if (!c->draining && c->slot != NULL)
		metrics_death(c);
	ev_del(&c->ev);
	imsgbuf_clear(&c->ibuf);
	evtimer_del(&c->timer);
	evtimer_del(&c->ping);
	TAILQ_REMOVE(&master.children, c, entry);
	if (c->type == PROC_PROXY)
		source_gone(c);
	s = c->slot;
	if (s != NULL && s->next == c) {
		s->next = NULL;
		log_warnx("scanner: the new generation did not come up; "
		    "the old one goes on");
		if (!master.stopping)
			evtimer_set(&stale_timer, STALE_RETRY);
	} else if (s != NULL && s->child == c) {
		s->child = NULL;
		if (!master.started && !master.stopping && WIFEXITED(status))
			fatalx("%s did not start; giving up",
			    proto_proc_name(c->type));
		if (s->next != NULL) {
			/* The successor is on its way already. */
			s->child = s->next;
			s->next = NULL;
		} else if (!master.stopping) {
			if (now_ms() - c->started > CALM)
				s->deaths = 0;
			delay = s->deaths == 0 ? 0 :
			    1000ULL << (s->deaths > 6 ? 6 : s->deaths - 1);
			if (delay > DELAY_MAX)
				delay = DELAY_MAX;
			s->deaths++;
			if (delay == 0)
				slot_fill(s);
			else
				slot_delay(s, delay);
		}
	}
	free(c);
	metrics_status();
	master_check_reload();
}

void
children_reap(void)
{
	struct child	*c;
	pid_t		 pid;
	int		 status;

	/* WUNTRACED: a stopped child would hold its sessions for ever. */
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		TAILQ_FOREACH(c, &master.children, entry)
			if (c->pid == pid)
				break;
		if (c == NULL)
			continue;
		if (WIFSTOPPED(status)) {
			log_warnx("%s: stopped by signal %d, killed", c->tag,
			    WSTOPSIG(status));
			kill(pid, SIGKILL);
		} else
			child_gone(c, status);
	}
	master_check_end();
}

/*
 * Proxies end when their sessions are over; parsers and scanners are needed
 * until then, and end when the last proxy has closed its channel.
 */
void
children_drain(void)
{
	struct child	*c;
	struct slot	*s;

	TAILQ_FOREACH(s, &master.slots, entry)
		evtimer_del(&s->respawn);
	evtimer_del(&stale_timer);
	TAILQ_FOREACH(c, &master.children, entry)
		if (c->type == PROC_PROXY)
			child_drain(c);
	master_check_end();
}

void
children_kill(void)
{
	struct child	*c;

	TAILQ_FOREACH(c, &master.children, entry)
		kill(c->pid, SIGKILL);
	TAILQ_FOREACH(c, &master.children, entry)
		while (waitpid(c->pid, NULL, 0) == -1 && errno == EINTR)
			;
}

/* SPDX-License-Identifier: ISC */

/*
 * The workers, as the loader sees them.
 *
 * A worker has just read a stranger's bytes whenever it speaks.  So it gets
 * one job at a time, has one channel, and of what it says only an answer
 * (IMSG_SCAN_HIT and IMSG_SCAN_DONE, checked by proto.c) to the job that it
 * has is accepted; anything else, silence and death included, is
 * "scanner-failed" for that message and a new worker in its place.  A worker
 * that is merely stopped (SIGSTOP) or spins is ended by the watchdog in the
 * same way.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "facts.h"
#include "imsg.h"
#include "log.h"
#include "scanner.h"

#define BACKOFF_MAX	60000	/* ms between two lives of a worker */
#define BACKOFF_FORGET	60000	/* ms; who lived longer starts afresh */

struct worker {
	unsigned int	 index;
	pid_t		 pid;		/* 0: none now */
	struct imsgbuf	 ib;
	struct ev	 ev;
	struct evtimer	 watchdog;	/* runs while there is a job */
	struct evtimer	 respawn;
	struct job	*job;
	uint64_t	 born;		/* ms */
	unsigned int	 deaths;	/* in a row */
	unsigned int	 scans;		/* finished in this life */
	char		 tmpdir[TMP_PATH_MAX];
};

static void	 worker_spawn(void *);
static void	 worker_again(struct worker *, uint64_t);
static void	 worker_gone(struct worker *, const char *);
static void	 worker_reap(struct worker *, int *);
static void	 worker_watchdog(void *);
static void	 worker_event(int, uint32_t, void *);
static int	 worker_hit(struct job *, const void *);
static int	 worker_files(struct job *, const void *, size_t);
static void	 worker_frame(struct worker *, struct imsg *);
static void	 worker_retire(struct worker *);
static void	 status_describe(int, char *, size_t);

static struct {
	struct worker			*worker;
	unsigned int			 n;
	const struct backend		*be;
	const struct conf_globals	*g;
	uint64_t			 max_memory;
	uint32_t			 nuses;
	void				(*done)(struct job *,
					    const struct msg_scan_done *);
	void				(*idle)(void);
} pool;

void
pool_start(unsigned int n, const struct backend *be,
    const struct conf_globals *g, uint64_t max_memory, uint32_t nuses,
    void (*done)(struct job *, const struct msg_scan_done *),
    void (*idle)(void))
{
	struct worker	*w;
	unsigned int	 i;

	pool.n = n;
	pool.be = be;
	pool.g = g;
	pool.max_memory = max_memory;
	pool.nuses = nuses;
	pool.done = done;
	pool.idle = idle;
	if ((pool.worker = calloc(n, sizeof(*pool.worker))) == NULL)
		fatal("calloc");
	for (i = 0; i < n; i++) {
		w = &pool.worker[i];
		w->index = i;
		w->ib.fd = -1;
		w->ev.fd = -1;
		evtimer_init(&w->watchdog, worker_watchdog, w);
		evtimer_init(&w->respawn, worker_spawn, w);
		/* A new loader works beside an old one: names must differ. */
		snprintf(w->tmpdir, sizeof(w->tmpdir), "/tmp/%d.%u",
		    (int)getpid(), i);
		worker_spawn(w);
	}
}

static void
worker_spawn(void *arg)
{
	struct worker	*w;
	int		 sv[2];
	pid_t		 pid;

	w = arg;
	if (imsg_pair(sv) == -1) {
		log_warn("worker %u: socketpair", w->index);
		worker_again(w, now_ms());
		return;
	}
	if ((pid = fork()) == -1) {
		log_warn("worker %u: fork", w->index);
		close(sv[0]);
		close(sv[1]);
		worker_again(w, now_ms());
		return;
	}
	if (pid == 0)
		worker_main(sv[1], w->tmpdir, pool.be, pool.g,
		    pool.max_memory);
	close(sv[1]);
	w->pid = pid;
	w->born = now_ms();
	w->scans = 0;
	imsgbuf_init(&w->ib, sv[0], PROC_SCANNER, PROC_SCANWORKER);
	w->ib.state = PEER_IDLE;
	if (ev_add(&w->ev, sv[0], EPOLLIN, worker_event, w) == -1)
		fatal("epoll_ctl");
	log_debug("worker %u is process %d", w->index, (int)pid);
	pool.idle();
}

/*
 * Start it again: at once if it had lived long or had done some work, else
 * after 0, 1, 2, 4 ... 60 seconds.  Whoever can crash a worker has to get a
 * whole scan through for each crash that costs us no waiting.
 */
static void
worker_again(struct worker *w, uint64_t born)
{
	uint64_t	 delay;

	if (now_ms() - born >= BACKOFF_FORGET || w->scans > 0)
		w->deaths = 0;
	delay = 0;
	if (w->deaths > 0)
		delay = w->deaths > 6 ? BACKOFF_MAX :
		    1000ULL << (w->deaths - 1);
	if (delay > BACKOFF_MAX)
		delay = BACKOFF_MAX;
	w->deaths++;
	if (delay == 0)
		worker_spawn(w);
	else {
		log_warnx("worker %u: next start in %llu s", w->index,
		    (unsigned long long)(delay / 1000));
		evtimer_set(&w->respawn, delay);
	}
}

/* How a process ended, in words. */
static void
status_describe(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)%s",
		    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)) == NULL ?
		    "?" : sigabbrev_np(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ?
		    ": tried a forbidden system call" : "");
	else
		snprintf(buf, size, "exited with status %d",
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* End the process, whatever state it is in, and clear away its traces. */
static void
worker_reap(struct worker *w, int *status)
{
	ev_del(&w->ev);
	imsgbuf_clear(&w->ib);
	evtimer_del(&w->watchdog);
	*status = 0;
	if (w->pid == 0)
		return;
	/* If it is dying already this changes nothing of its status. */
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, status, 0) == -1 && errno == EINTR)
		continue;
	w->pid = 0;
}

/*
 * The worker is lost or no longer believed.  why goes to the client's log
 * line; NULL when the process ended by itself, then its status says it.
 */
static void
worker_gone(struct worker *w, const char *why)
{
	struct msg_scan_done	 done;
	struct job		*job;
	char			 how[80];
	uint64_t		 session;
	int			 status;

	job = w->job;
	w->job = NULL;
	session = job == NULL ? 0 : job->req.session;
	worker_reap(w, &status);
	status_describe(status, how, sizeof(how));
	log_warnx("id=%016llx worker %u %s%s%s", (unsigned long long)session,
	    w->index, how, why == NULL ? "" : " by us: ",
	    why == NULL ? "" : why);
	/* Before the answer: whoever asks again finds a worker. */
	worker_again(w, w->born);
	if (job != NULL) {
		job->nhits = job->nfiles = 0;
		dispatch_failed(&done, why == NULL ? "scanner crashed" : why);
		pool.done(job, &done);
	}
}

static void
worker_watchdog(void *arg)
{
	worker_gone(arg, "time-out");
}

/* One list more that was found: 0, or -1 when that cannot be. */
static int
worker_hit(struct job *job, const void *data)
{
	struct msg_scan_hit	 hit, *p;

	if (job->nhits >= pool.nuses ||
	    proto_get_scan_hit(data, pool.nuses, &hit) == -1)
		return (-1);
	p = reallocarray(job->hit, job->nhits + 1, sizeof(*p));
	if (p == NULL)
		return (-1);
	p[job->nhits++] = hit;
	job->hit = p;
	return (0);
}

/* Some files; checked again, one by one, by the proxy. */
static int
worker_files(struct job *job, const void *data, size_t len)
{
	struct file_fact	*p, f;
	size_t			 i, n;

	n = len / sizeof(f);
	if (n > FACTS_MAX - job->nfiles)
		return (-1);
	p = reallocarray(job->file, job->nfiles + n, sizeof(*p));
	if (p == NULL)
		return (-1);
	job->file = p;
	for (i = 0; i < n; i++) {
		if (facts_get((const uint8_t *)data + i * sizeof(f),
		    PARSE_PARTS_MAX, &f) == -1)
			return (-1);
		p[job->nfiles++] = f;
	}
	return (0);
}

static void
worker_frame(struct worker *w, struct imsg *imsg)
{
	struct msg_scan_done	 done;
	struct job		*job;

	if (imsg->type != IMSG_SCAN_DONE) {
		if (w->job == NULL || imsg->id != w->job->uid ||
		    (imsg->type == IMSG_SCAN_HIT ?
		    worker_hit(w->job, imsg->data) :
		    worker_files(w->job, imsg->data, imsg->len)) == -1)
			worker_gone(w, "garbled answer");
		return;
	}
	if (w->job == NULL || imsg->id != w->job->uid ||
	    proto_get_scan_done(imsg->data, &done) == -1) {
		worker_gone(w, "garbled answer");
		return;
	}
	job = w->job;
	w->job = NULL;
	w->ib.state = PEER_IDLE;
	evtimer_del(&w->watchdog);
	pool.done(job, &done);
	if (++w->scans >= WORKER_SCANS_MAX)
		worker_retire(w);
	else
		pool.idle();
}

/* It has done enough: its heap is in pieces.  No job is lost. */
static void
worker_retire(struct worker *w)
{
	int	 status;

	worker_reap(w, &status);
	w->deaths = 0;
	worker_spawn(w);
}

static void
worker_event(int fd, uint32_t events, void *arg)
{
	struct worker	*w;
	struct imsg	 imsg;
	int		 n;

	w = arg;
	if (events & EPOLLOUT) {
		if ((n = imsgbuf_flush(&w->ib)) == -1) {
			worker_gone(w, NULL);
			return;
		}
		if (n == 0)
			ev_mod(&w->ev, EPOLLIN);
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	n = imsg_read(&w->ib, &imsg);
	if (n == 1) {
		worker_frame(w, &imsg);
		imsg_free(&imsg);
	} else if (n == -1 && errno == EBADMSG)
		worker_gone(w, "garbled answer");
	else if (n == -1)
		worker_gone(w, NULL);
}

int
pool_assign(struct job *job)
{
	struct worker	*w;
	unsigned int	 i;
	uint64_t	 now;
	int		 fd;

	for (i = 0; i < pool.n; i++)
		if (pool.worker[i].pid != 0 && pool.worker[i].job == NULL)
			break;
	if (i == pool.n)
		return (-1);
	w = &pool.worker[i];
	w->job = job;
	w->ib.state = PEER_BUSY;
	now = now_ms();
	evtimer_set(&w->watchdog, job->due > now ? job->due - now : 0);
	fd = job->msgfd;
	job->msgfd = -1;
	if (imsg_compose(&w->ib, IMSG_SCAN_REQ, job->uid, fd, &job->req,
	    sizeof(job->req)) == -1)
		goto gone;
	fd = job->arenafd;
	job->arenafd = -1;
	if (imsg_compose(&w->ib, IMSG_SCAN_ARENA, job->uid, fd, NULL, 0) == -1)
		goto gone;
	if (w->ib.nqueued > 0)
		ev_mod(&w->ev, EPOLLIN | EPOLLOUT);
	return (0);
gone:
	/* It has just died; its message shares that fate. */
	worker_gone(w, NULL);
	return (0);
}

void
pool_forget(const struct peer *peer)
{
	unsigned int	 i;

	for (i = 0; i < pool.n; i++)
		if (pool.worker[i].job != NULL &&
		    pool.worker[i].job->peer == peer)
			pool.worker[i].job->peer = NULL;
}

void
pool_stop(void)
{
	unsigned int	 i;
	int		 status;

	for (i = 0; i < pool.n; i++) {
		evtimer_del(&pool.worker[i].respawn);
		worker_reap(&pool.worker[i], &status);
		if (pool.be->uses_tmp)
			tmpdir_remove(pool.worker[i].tmpdir);
	}
}

/* SPDX-License-Identifier: ISC */

/*
 * The proxies' requests and the queue in front of the workers.
 *
 * A request is two frames, the message and its arena, both sealed memfds that
 * are passed on unread.  Requests of all proxies stand in one queue, first
 * come first served; every one of them is answered exactly once, in time: a
 * full queue, a wait that took too long and a worker that failed are answers
 * too, and none of them is "clean".  A proxy that has gone takes its waiting
 * requests with it.
 */

#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "facts.h"
#include "imsg.h"
#include "log.h"
#include "scanner.h"

#define FRAMES_PER_TURN	32	/* of one channel, then the next has a turn */

/* A proxy. */
struct peer {
	LIST_ENTRY(peer)	 entry;
	struct imsgbuf		 ib;
	struct ev		 ev;
	uint32_t		 instance;
	struct job		*half;	/* waits for its arena */
};

static void	 peer_event(int, uint32_t, void *);
static int	 peer_frame(struct peer *, struct imsg *);
static void	 peer_close(struct peer *);
static void	 peer_answer(struct peer *, const struct job *,
		    const struct msg_scan_done *);
static struct job *job_new(struct peer *, struct imsg *);
static void	 job_free(struct job *);
static void	 job_done(struct job *, const struct msg_scan_done *);
static void	 job_busy(struct job *);
static void	 queue_add(struct job *);
static void	 queue_run(void);
static void	 queue_timer(void *);
static void	 queue_rearm(void);
static void	 drain_check(void);

static struct {
	LIST_HEAD(, peer)	 peers;
	TAILQ_HEAD(jobs, job)	 queue;
	unsigned int		 nqueued;
	unsigned int		 nworking;
	struct evtimer		 timer;	/* the oldest waits too long */
	uint64_t		 timeout;	/* ms */
	uint64_t		 uid;
	int			 draining;
} dispatch;

void
dispatch_start(const struct conf_globals *g)
{
	LIST_INIT(&dispatch.peers);
	TAILQ_INIT(&dispatch.queue);
	evtimer_init(&dispatch.timer, queue_timer, NULL);
	dispatch.timeout = g->timeout[TMO_SCAN];
}

void
dispatch_pool(unsigned int n, const struct backend *be,
    const struct conf_globals *g, uint64_t max_memory, uint32_t nuses)
{
	pool_start(n, be, g, max_memory, nuses, job_done, queue_run);
}

void
dispatch_timeout(uint64_t ms)
{
	dispatch.timeout = ms;
}

void
dispatch_channel(int fd, uint32_t instance)
{
	struct peer	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		log_warn("channel to proxy %u", instance);
		close(fd);
		return;
	}
	imsgbuf_init(&p->ib, fd, PROC_SCANNER, PROC_PROXY);
	p->ib.state = PEER_IDLE;
	p->instance = instance;
	if (ev_add(&p->ev, fd, EPOLLIN, peer_event, p) == -1) {
		log_warn("channel to proxy %u", instance);
		imsgbuf_clear(&p->ib);
		free(p);
		return;
	}
	LIST_INSERT_HEAD(&dispatch.peers, p, entry);
}

static void
peer_event(int fd, uint32_t events, void *arg)
{
	struct peer	*p;
	struct imsg	 imsg;
	int		 i, n;

	p = arg;
	if (events & EPOLLOUT) {
		if ((n = imsgbuf_flush(&p->ib)) == -1) {
			peer_close(p);
			return;
		}
		if (n == 0)
			ev_mod(&p->ev, EPOLLIN);
	}
	for (i = 0; i < FRAMES_PER_TURN; i++) {
		n = imsg_read(&p->ib, &imsg);
		if (n == 0)
			return;
		if (n == -1) {
			if (errno != ECONNRESET)
				log_warn("proxy %u: channel", p->instance);
			peer_close(p);
			return;
		}
		n = peer_frame(p, &imsg);
		imsg_free(&imsg);
		if (n == -1) {
			log_warnx("proxy %u: request without its arena",
			    p->instance);
			peer_close(p);
			return;
		}
	}
}

/* Returns 0, or -1 for a proxy that does not keep to the protocol. */
static int
peer_frame(struct peer *p, struct imsg *imsg)
{
	struct msg_scan_done	 done;
	struct job		*job;

	if (imsg->type == IMSG_SCAN_REQ) {
		if (p->half != NULL)
			return (-1);
		p->half = job_new(p, imsg);
		return (p->half == NULL ? -1 : 0);
	}
	/* The table lets nothing else through. */
	job = p->half;
	if (job == NULL || imsg->id != job->id)
		return (-1);
	p->half = NULL;
	job->arenafd = imsg_take_fd(imsg);
	if (dispatch.nqueued >= SCAN_QUEUE_MAX) {
		log_warnx("id=%016llx queue is full",
		    (unsigned long long)job->req.session);
		dispatch_failed(&done, "busy");
		peer_answer(p, job, &done);
		job_free(job);
		return (0);
	}
	queue_add(job);
	return (0);
}

/* The channel is done: nobody waits for what it asked. */
static void
peer_close(struct peer *p)
{
	struct job	*job, *next;

	ev_del(&p->ev);
	imsgbuf_clear(&p->ib);
	if (p->half != NULL)
		job_free(p->half);
	for (job = TAILQ_FIRST(&dispatch.queue); job != NULL; job = next) {
		next = TAILQ_NEXT(job, entry);
		if (job->peer != p)
			continue;
		TAILQ_REMOVE(&dispatch.queue, job, entry);
		dispatch.nqueued--;
		job_free(job);
	}
	pool_forget(p);
	LIST_REMOVE(p, entry);
	free(p);
	queue_rearm();
	drain_check();
}

/*
 * Sending may fail only because the proxy has gone; that is noticed by the
 * next read, so that nobody's peer is freed under his feet here.
 */
static void
peer_answer(struct peer *p, const struct job *job,
    const struct msg_scan_done *done)
{
	uint32_t	 i, k, n;

	for (k = 0; k < job->nfiles; k += n) {
		n = job->nfiles - k;
		if (n > FACTS_FRAME)
			n = FACTS_FRAME;
		if (imsg_compose(&p->ib, IMSG_SCAN_FILE, job->id, -1,
		    &job->file[k], n * sizeof(job->file[k])) == -1)
			break;
	}
	for (i = 0; i < job->nhits; i++)
		if (imsg_compose(&p->ib, IMSG_SCAN_HIT, job->id, -1,
		    &job->hit[i], sizeof(job->hit[i])) == -1)
			break;
	/* Without all that was found a message must not seem answered. */
	if (k < job->nfiles || i < job->nhits ||
	    imsg_compose(&p->ib, IMSG_SCAN_DONE, job->id,
	    -1, done, sizeof(*done)) == -1) {
		log_warn("proxy %u: answer", p->instance);
		return;
	}
	if (p->ib.nqueued > 0)
		ev_mod(&p->ev, EPOLLIN | EPOLLOUT);
}

static struct job *
job_new(struct peer *p, struct imsg *imsg)
{
	struct job	*job;

	if ((job = calloc(1, sizeof(*job))) == NULL) {
		log_warn("request");
		return (NULL);
	}
	job->peer = p;
	job->id = imsg->id;
	memcpy(&job->req, imsg->data, sizeof(job->req));
	job->msgfd = imsg_take_fd(imsg);
	job->arenafd = -1;
	return (job);
}

static void
job_free(struct job *job)
{
	if (job->msgfd != -1)
		close(job->msgfd);
	if (job->arenafd != -1)
		close(job->arenafd);
	free(job->hit);
	free(job->file);
	free(job);
}

/* A job has come back from the pool. */
static void
job_done(struct job *job, const struct msg_scan_done *done)
{
	dispatch.nworking--;
	if (!selftest_done(job, done) && job->peer != NULL)
		peer_answer(job->peer, job, done);
	job_free(job);
	drain_check();
}

/* Its time is over before it had its turn. */
static void
job_busy(struct job *job)
{
	struct msg_scan_done	 done;

	log_warnx("id=%016llx waited too long for a worker",
	    (unsigned long long)job->req.session);
	dispatch_failed(&done, "busy");
	if (!selftest_done(job, &done) && job->peer != NULL)
		peer_answer(job->peer, job, &done);
	job_free(job);
}

void
dispatch_failed(struct msg_scan_done *done, const char *why)
{
	struct result	 r;

	result_init(&r);
	result_add(&r, VERDICT_SCANNER_FAILED, SCAN_RAW, "%s", why);
	result_frame(&r, 0, done);
}

void
dispatch_submit(struct job *job)
{
	queue_add(job);
}

static void
queue_add(struct job *job)
{
	job->uid = ++dispatch.uid;
	job->due = now_ms() + dispatch.timeout;
	TAILQ_INSERT_TAIL(&dispatch.queue, job, entry);
	dispatch.nqueued++;
	queue_run();
}

/* Give out what can be given out. */
static void
queue_run(void)
{
	struct job	*job;

	while ((job = TAILQ_FIRST(&dispatch.queue)) != NULL) {
		/* Out of the queue first: the pool may call back at once. */
		TAILQ_REMOVE(&dispatch.queue, job, entry);
		dispatch.nqueued--;
		dispatch.nworking++;
		if (pool_assign(job) == -1) {
			TAILQ_INSERT_HEAD(&dispatch.queue, job, entry);
			dispatch.nqueued++;
			dispatch.nworking--;
			break;
		}
	}
	queue_rearm();
}

/* All jobs have the same patience, so the head is the first to lose it. */
static void
queue_timer(void *arg)
{
	struct job	*job;
	uint64_t	 now;

	now = now_ms();
	while ((job = TAILQ_FIRST(&dispatch.queue)) != NULL &&
	    job->due <= now) {
		TAILQ_REMOVE(&dispatch.queue, job, entry);
		dispatch.nqueued--;
		job_busy(job);
	}
	queue_rearm();
	drain_check();
}

static void
queue_rearm(void)
{
	struct job	*job;
	uint64_t	 now;

	job = TAILQ_FIRST(&dispatch.queue);
	if (job == NULL) {
		evtimer_del(&dispatch.timer);
		return;
	}
	now = now_ms();
	evtimer_set(&dispatch.timer, job->due > now ? job->due - now : 1);
}

void
dispatch_drain(void)
{
	dispatch.draining = 1;
	drain_check();
}

static void
drain_check(void)
{
	if (dispatch.draining && LIST_EMPTY(&dispatch.peers) &&
	    dispatch.nqueued == 0 && dispatch.nworking == 0)
		ev_stop();
}

/* SPDX-License-Identifier: ISC */

/*
 * The event loop, see ev.h.
 *
 * Timers hang in a wheel of SLOTS lists, one for each TICK of time; a timer
 * further away than one turn of the wheel just stays in its list for another
 * turn.  Setting and deleting are a list operation each, which matters: every
 * read and write of every session moves a timer.
 */

#include <sys/epoll.h>
#include <sys/queue.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include "ev.h"
#include "log.h"

#define TICK	100	/* ms */
#define SLOTS	512
#define BATCH	64	/* events taken from the kernel at a time */

LIST_HEAD(evtimers, evtimer);

static void	 timers_run(void);
static int	 timers_wait(void);

static int			 ep_fd = -1;
static int			 ep_stop;
static struct epoll_event	 batch[BATCH];
static int			 batch_len, batch_pos;
static struct evtimers		 wheel[SLOTS];
static unsigned int		 ntimers;
static uint64_t			 last_tick;

uint64_t
now_epoch(void)
{
	struct timespec	 ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

uint64_t
now_us(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

uint64_t
now_ms(void)
{
	return (now_us() / 1000);
}

void
ev_init(void)
{
	size_t	 i;

	ep_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ep_fd == -1)
		fatal("epoll_create1");
	for (i = 0; i < SLOTS; i++)
		LIST_INIT(&wheel[i]);
	last_tick = now_ms() / TICK;
}

int
ev_fd(void)
{
	return (ep_fd);
}

int
ev_add(struct ev *ev, int fd, uint32_t events,
    void (*cb)(int, uint32_t, void *), void *arg)
{
	struct epoll_event	 ee;

	memset(&ee, 0, sizeof(ee));
	ee.events = events;
	ee.data.ptr = ev;
	if (epoll_ctl(ep_fd, EPOLL_CTL_ADD, fd, &ee) == -1) {
		ev->fd = -1;
		return (-1);
	}
	ev->fd = fd;
	ev->events = events;
	ev->cb = cb;
	ev->arg = arg;
	return (0);
}

void
ev_mod(struct ev *ev, uint32_t events)
{
	struct epoll_event	 ee;

	if (ev->fd == -1 || ev->events == events)
		return;
	memset(&ee, 0, sizeof(ee));
	ee.events = events;
	ee.data.ptr = ev;
	if (epoll_ctl(ep_fd, EPOLL_CTL_MOD, ev->fd, &ee) == -1)
		fatal("epoll_ctl");
	ev->events = events;
}

void
ev_del(struct ev *ev)
{
	int	 i;

	if (ev->fd == -1)
		return;
	if (epoll_ctl(ep_fd, EPOLL_CTL_DEL, ev->fd, NULL) == -1)
		fatal("epoll_ctl");
	ev->fd = -1;
	/* Its storage may be gone before the rest of this round is done. */
	for (i = batch_pos; i < batch_len; i++)
		if (batch[i].data.ptr == ev)
			batch[i].data.ptr = NULL;
}

void
evtimer_init(struct evtimer *t, void (*cb)(void *), void *arg)
{
	memset(t, 0, sizeof(*t));
	t->cb = cb;
	t->arg = arg;
}

void
evtimer_set(struct evtimer *t, uint64_t ms)
{
	evtimer_del(t);
	t->due = now_ms() + ms;
	LIST_INSERT_HEAD(&wheel[(t->due / TICK) % SLOTS], t, entry);
	ntimers++;
}

void
evtimer_del(struct evtimer *t)
{
	if (t->due == 0)
		return;
	LIST_REMOVE(t, entry);
	t->due = 0;
	ntimers--;
}

/*
 * Run what is due.  A handler may set or delete any timer, so after each one
 * the list is looked at from its head again; each pass removes the timer that
 * it runs, and timers set by handlers lie at least a tick ahead or are due
 * in a later call.
 */
static void
timers_run(void)
{
	struct evtimer	*t;
	uint64_t	 now, tick;

	now = now_ms();
	tick = now / TICK;
	if (tick - last_tick >= SLOTS)
		last_tick = tick - SLOTS + 1;
	for (; last_tick < tick; last_tick++) {
again:
		LIST_FOREACH(t, &wheel[last_tick % SLOTS], entry) {
			if (t->due / TICK <= last_tick) {
				evtimer_del(t);
				t->cb(t->arg);
				goto again;
			}
		}
	}
}

/* Milliseconds until the next slot that is not empty; -1 for never. */
static int
timers_wait(void)
{
	uint64_t	 now, due;
	unsigned int	 i;

	if (ntimers == 0)
		return (-1);
	for (i = 0; i < SLOTS - 1; i++)
		if (!LIST_EMPTY(&wheel[(last_tick + i) % SLOTS]))
			break;
	/* A slot is run when its whole tick has passed. */
	due = (last_tick + i + 1) * TICK;
	now = now_ms();
	return (due > now ? (int)(due - now) : 0);
}

void
ev_stop(void)
{
	ep_stop = 1;
}

void
ev_loop(void)
{
	struct ev	*ev;

	ep_stop = 0;
	while (!ep_stop) {
		batch_pos = 0;
		batch_len = epoll_wait(ep_fd, batch, BATCH, timers_wait());
		if (batch_len == -1) {
			batch_len = 0;
			if (errno != EINTR)
				fatal("epoll_wait");
		}
		while (batch_pos < batch_len && !ep_stop) {
			ev = batch[batch_pos].data.ptr;
			batch_pos++;
			if (ev != NULL)
				ev->cb(ev->fd, batch[batch_pos - 1].events,
				    ev->arg);
		}
		batch_len = 0;
		if (!ep_stop)
			timers_run();
	}
}

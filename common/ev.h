/* SPDX-License-Identifier: ISC */

/*
 * A small event loop: epoll and a wheel of timers.  Level-triggered; a
 * handler may delete or free any event or timer, its own included, also one
 * that is still to be delivered in the same round.
 */

#ifndef MAILWALL_EV_H
#define MAILWALL_EV_H

#include <sys/epoll.h>
#include <sys/queue.h>

#include <stdint.h>

struct ev {
	int		 fd;		/* -1: not registered */
	uint32_t	 events;	/* EPOLLIN ... as registered */
	void		(*cb)(int fd, uint32_t events, void *arg);
	void		*arg;
};

struct evtimer {
	LIST_ENTRY(evtimer)	 entry;
	uint64_t		 due;	/* ms, monotonic; 0: not running */
	void			(*cb)(void *arg);
	void			*arg;
};

/* Once in a process, before anything else here; fatal on failure. */
void		 ev_init(void);

/* The descriptor of the epoll instance, for limits and tests. */
int		 ev_fd(void);

/* Watch fd.  Returns 0, or -1 with errno of epoll_ctl(2). */
int		 ev_add(struct ev *, int fd, uint32_t events,
		    void (*cb)(int, uint32_t, void *), void *arg);
/* Change what is watched for; no call into the kernel if it is the same. */
void		 ev_mod(struct ev *, uint32_t events);
/* Stop watching; idempotent.  The descriptor stays open. */
void		 ev_del(struct ev *);

/* Prepare a timer; it does not run yet. */
void		 evtimer_init(struct evtimer *, void (*cb)(void *), void *arg);
/* (Re)start: fires once, ms milliseconds from now, to 100 ms exactly. */
void		 evtimer_set(struct evtimer *, uint64_t ms);
/* Stop; idempotent. */
void		 evtimer_del(struct evtimer *);

/* Dispatch until ev_stop(). */
void		 ev_loop(void);
void		 ev_stop(void);

/* Milliseconds and microseconds of the monotonic clock. */
uint64_t	 now_ms(void);
uint64_t	 now_us(void);
/* Milliseconds since the epoch. */
uint64_t	 now_epoch(void);

#endif /* MAILWALL_EV_H */

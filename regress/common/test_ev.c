/* SPDX-License-Identifier: ISC */

/*
 * The event loop: order and end of timers, timers and events that handlers
 * set, stop and free under way, fairness of neither being lost.  Times are
 * asked for only from below: never too early.
 */

#include <sys/socket.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev.h"
#include "log.h"
#include "unit.h"

#define MANY	2000

struct item {
	struct evtimer	 t;
	struct ev	 ev;
	uint64_t	 set;
	uint64_t	 ms;
	int		 fired;
	int		 early;
};

static void	 on_fire(void *);
static void	 on_stop(void *);
static void	 on_again(void *);
static void	 on_kill(void *);
static void	 on_event(int, uint32_t, void *);
static void	 on_event_delete(int, uint32_t, void *);
static void	 start(struct item *, uint64_t);
static void	 run(uint64_t);
static void	 test_once(void);
static void	 test_stopped(void);
static void	 test_many(void);
static void	 test_handlers(void);
static void	 test_far(void);
static void	 test_events(void);
static void	 test_event_delete(void);

static struct item	 item[MANY];
static struct evtimer	 stopper;
static int		 count;

static void
on_fire(void *arg)
{
	struct item	*i = arg;

	i->fired++;
	if (now_ms() < i->set + i->ms)
		i->early = 1;
	count++;
}

static void
on_stop(void *arg)
{
	ev_stop();
}

static void
on_again(void *arg)
{
	struct item	*i = arg;

	if (++i->fired < 3)
		evtimer_set(&i->t, i->ms);
}

/* Frees itself and stops its neighbour. */
static void
on_kill(void *arg)
{
	struct item	*i = arg;

	count++;
	evtimer_del(&item[0].t);
	evtimer_del(&i->t);
	free(i);
}

static void
start(struct item *i, uint64_t ms)
{
	i->ms = ms;
	i->set = now_ms();
	evtimer_set(&i->t, ms);
}

static void
run(uint64_t ms)
{
	evtimer_init(&stopper, on_stop, NULL);
	evtimer_set(&stopper, ms);
	ev_loop();
}

static void
test_once(void)
{
	memset(item, 0, sizeof(item));
	evtimer_init(&item[0].t, on_fire, &item[0]);
	CASE("not-running", item[0].t.due == 0);
	start(&item[0], 150);
	CASE("running", item[0].t.due >= item[0].set + 150);
	run(700);
	CASE("once", item[0].fired == 1 && item[0].t.due == 0);
	CASE("not-early", !item[0].early);
	evtimer_del(&item[0].t);
	evtimer_del(&item[0].t);
	CASE("delete-idle", item[0].t.due == 0);
	start(&item[0], 0);
	run(400);
	CASE("zero", item[0].fired == 2);
}

static void
test_stopped(void)
{
	memset(item, 0, sizeof(item));
	evtimer_init(&item[0].t, on_fire, &item[0]);
	evtimer_init(&item[1].t, on_fire, &item[1]);
	start(&item[0], 100);
	start(&item[1], 100);
	evtimer_del(&item[0].t);
	/* Set again: only the last time counts. */
	evtimer_set(&item[1].t, 60000);
	start(&item[1], 300);
	run(800);
	CASE("deleted", item[0].fired == 0);
	CASE("moved", item[1].fired == 1 && !item[1].early);
}

static void
test_many(void)
{
	int	 i, ok, early;

	memset(item, 0, sizeof(item));
	count = 0;
	srandom(2);
	for (i = 0; i < MANY; i++) {
		evtimer_init(&item[i].t, on_fire, &item[i]);
		start(&item[i], (uint64_t)random() % 600);
	}
	for (i = 0; i < MANY; i += 3)
		evtimer_del(&item[i].t);
	run(1200);
	ok = 1;
	early = 0;
	for (i = 0; i < MANY; i++) {
		ok &= item[i].fired == (i % 3 != 0);
		early |= item[i].early;
	}
	CASE("many", ok && count == MANY - (MANY + 2) / 3);
	CASE("many-not-early", !early);
}

static void
test_handlers(void)
{
	struct item	*i;
	int		 n;

	memset(item, 0, sizeof(item));
	count = 0;
	evtimer_init(&item[1].t, on_again, &item[1]);
	start(&item[1], 100);
	evtimer_init(&item[0].t, on_fire, &item[0]);
	start(&item[0], 250);
	for (n = 0; n < 10; n++) {
		if ((i = calloc(1, sizeof(*i))) == NULL)
			err(2, NULL);
		evtimer_init(&i->t, on_kill, i);
		evtimer_set(&i->t, 100);
	}
	run(1500);
	CASE("set-in-handler", item[1].fired == 3);
	CASE("free-in-handler", count == 10);
	CASE("delete-in-handler", item[0].fired == 0);
}

/* Further away than one turn of the wheel: it must wait for its turn. */
static void
test_far(void)
{
	memset(item, 0, sizeof(item));
	evtimer_init(&item[0].t, on_fire, &item[0]);
	start(&item[0], 51200 + 100);
	evtimer_init(&item[1].t, on_fire, &item[1]);
	start(&item[1], 7ULL * 86400 * 1000);
	run(500);
	CASE("far", item[0].fired == 0 && item[1].fired == 0 &&
	    item[0].t.due != 0);
	evtimer_del(&item[0].t);
	evtimer_del(&item[1].t);
}

static void
on_event(int fd, uint32_t events, void *arg)
{
	struct item	*i = arg;
	char		 c;

	i->fired++;
	if (events & EPOLLIN && read(fd, &c, 1) == 0)
		ev_del(&i->ev);
	if (i->fired == 3)
		ev_stop();
}

static void
test_events(void)
{
	struct item	 i;
	int		 sv[2];

	memset(&i, 0, sizeof(i));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == -1)
		err(2, "socketpair");
	CASE("add", ev_add(&i.ev, sv[0], EPOLLIN, on_event, &i) == 0 &&
	    i.ev.fd == sv[0]);
	CASE("add-bad", ev_add(&item[0].ev, 9999, EPOLLIN, on_event, &i) ==
	    -1 && item[0].ev.fd == -1);
	if (write(sv[1], "abc", 3) != 3)
		err(2, "write");
	evtimer_init(&stopper, on_stop, NULL);
	evtimer_set(&stopper, 10000);
	ev_loop();
	CASE("level-triggered", i.fired == 3);
	ev_mod(&i.ev, 0);
	if (write(sv[1], "x", 1) != 1)
		err(2, "write");
	run(300);
	CASE("not-watched", i.fired == 3);
	ev_mod(&i.ev, EPOLLIN);
	ev_mod(&i.ev, EPOLLIN);
	close(sv[1]);
	run(300);
	CASE("watched-again", i.fired == 5 && i.ev.fd == -1);
	ev_del(&i.ev);
	ev_mod(&i.ev, EPOLLIN);
	CASE("delete-twice", i.ev.fd == -1);
	close(sv[0]);
}

/* The first of two that is called deletes and frees the other one. */
static struct item	*pair[2];

static void
on_event_delete(int fd, uint32_t events, void *arg)
{
	struct item	**other = arg;

	count++;
	if (*other != NULL) {
		ev_del(&(*other)->ev);
		memset(*other, 0xff, sizeof(**other));
		free(*other);
		*other = NULL;
	}
}

static void
test_event_delete(void)
{
	int	 sv[2][2], n;

	count = 0;
	for (n = 0; n < 2; n++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv[n]) == -1 ||
		    (pair[n] = calloc(1, sizeof(struct item))) == NULL)
			err(2, "socketpair");
		ev_add(&pair[n]->ev, sv[n][0], EPOLLIN, on_event_delete,
		    &pair[!n]);
	}
	for (n = 0; n < 2; n++)
		if (write(sv[n][1], "x", 1) != 1)
			err(2, "write");
	run(200);
	CASE("delete-other", count > 0 &&
	    (pair[0] == NULL) != (pair[1] == NULL));
	for (n = 0; n < 2; n++) {
		if (pair[n] != NULL)
			ev_del(&pair[n]->ev);
		free(pair[n]);
		close(sv[n][0]);
		close(sv[n][1]);
	}
}

int
main(void)
{
	uint64_t	 us;

	log_init(LOG_TO_STDERR, "test_ev", 0);
	ev_init();
	us = now_us();
	CASE("clock", now_ms() >= us / 1000 && now_us() >= us);
	test_once();
	test_stopped();
	test_many();
	test_handlers();
	test_far();
	test_events();
	test_event_delete();
	return (unit_failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * What would become of a message: the question goes to one proxy, which has
 * the rules, a parser and a scanner.  Each has one at a time; who asks when
 * all are at work is told so.
 *
 * The message is a descriptor of the operator's.  Only a sealed memfd goes
 * on: it cannot change any more, and nobody who reads it has to wait.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

static int	 is_message(int, uint64_t);
static struct peer *choose(int *);

static int
is_message(int fd, uint64_t size)
{
	int	 seals;

	seals = fcntl(fd, F_GET_SEALS);
	return (seals != -1 && (seals & SEALS) == SEALS &&
	    size <= MAX_MESSAGE_SIZE &&
	    lseek(fd, 0, SEEK_END) == (off_t)size);
}

/* The newest that is idle: after a reload the old ones only finish. */
static struct peer *
choose(int *are_busy)
{
	struct peer	*p, *best;

	best = NULL;
	*are_busy = 0;
	TAILQ_FOREACH(p, &store.peers, entry) {
		if (p->ib.fd == -1)
			continue;
		if (p->explains != 0)
			*are_busy = 1;
		else if (best == NULL || p->instance > best->instance)
			best = p;
	}
	return (best);
}

void
explain_ask(struct client *c, struct imsg *imsg)
{
	struct msg_explain	 m;
	struct peer		*p;
	int			 busy;

	if (proto_get_explain(imsg->data, imsg->fd != -1, &m) == -1) {
		control_end(c, EINVAL, "not understood");
		return;
	}
	if (imsg->fd != -1 && !is_message(imsg->fd, m.size)) {
		control_end(c, EINVAL, "the message is not a sealed memfd");
		return;
	}
	if ((p = choose(&busy)) == NULL) {
		control_end(c, busy ? EBUSY : EAGAIN, busy ? "other messages "
		    "are being explained, try again later" :
		    "no proxy is there to explain it");
		return;
	}
	log_info("operator uid=%u command=explain size=%llu", c->uid,
	    (unsigned long long)m.size);
	p->explains = c->id;
	c->explaining = 1;
	c->asked[0] = p->instance;
	c->nasked = 1;
	if (peer_compose(p, IMSG_CTL_EXPLAIN, c->id, imsg_take_fd(imsg), &m,
	    sizeof(m)) == -1)
		control_end(c, EAGAIN, "a proxy cannot be asked");
}

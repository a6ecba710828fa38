/* SPDX-License-Identifier: ISC */

/*
 * The loader's half (pool.c, dispatch.c) against workers that lie.
 *
 * worker_main() here takes the place of the real one: what it does with a
 * request stands in the request's session number.  A proxy at the other end
 * must get one answer for each request, and never "clean" for a lie.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "imsg.h"
#include "log.h"
#include "scanner.h"

#define RETIRES	(5 * WORKER_SCANS_MAX)
#define NUSES	2	/* lists that there are */

enum deed {
	DEED_CLEAN,
	DEED_GARBAGE,		/* no frame at all */
	DEED_SHORT,		/* half a frame */
	DEED_OTHER_TYPE,
	DEED_OTHER_ID,
	DEED_BAD_VERDICT,
	DEED_BAD_PART,
	DEED_BAD_NAME,
	DEED_OPEN_NAME,		/* without its end */
	DEED_NAMELESS,		/* a virus with no name */
	DEED_DESCRIPTOR,	/* one attached */
	DEED_TWICE,
	DEED_UNASKED,		/* an answer after the answer */
	DEED_CLOSE,		/* closes the channel and goes on living */
	DEED_CRASH,
	DEED_EXIT,
	DEED_HANG,
	DEED_HIT,		/* found what it was asked for */
	DEED_HITS,		/* more often than there are lists */
	DEED_HIT_USE,		/* of a list that there is not */
	DEED_HIT_TEXT,		/* with a control in its text */
	DEED_HIT_CRASH,		/* and died before the answer */
	DEED_MAX
};

static const struct {
	const char	*name;
	uint32_t	 verdict;
	const char	*reason;
} deeds[DEED_MAX] = {
	{ "clean", VERDICT_CLEAN, "" },
	{ "garbage", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "short", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "other-type", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "other-id", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "bad-verdict", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "bad-part", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "bad-name", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "open-name", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "nameless", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "descriptor", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "twice", VERDICT_CLEAN, "" },
	{ "unasked", VERDICT_CLEAN, "" },
	{ "close", VERDICT_SCANNER_FAILED, "scanner crashed" },
	{ "crash", VERDICT_SCANNER_FAILED, "scanner crashed" },
	{ "exit", VERDICT_SCANNER_FAILED, "scanner crashed" },
	{ "hang", VERDICT_SCANNER_FAILED, "time-out" },
	{ "hit", VERDICT_CLEAN, "" },
	{ "hits", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "hit-use", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "hit-text", VERDICT_SCANNER_FAILED, "garbled answer" },
	{ "hit-crash", VERDICT_SCANNER_FAILED, "scanner crashed" },
};

struct frame {
	uint32_t		 type;
	uint32_t		 len;
	uint64_t		 id;
	struct msg_scan_done	 done;
};

struct hit_frame {
	uint32_t		 type;
	uint32_t		 len;
	uint64_t		 id;
	struct msg_scan_hit	 hit;
};

static struct imsgbuf	 proxy;
static struct ev	 proxy_ev;
static uint64_t		 next;	/* request that is out */
static unsigned int	 nhits;
static int		 failed;

/* ---- the worker ---- */

static void
worker_send(int fd, const void *f, size_t len, int attach)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr		 msg;
	struct iovec		 iov;

	memset(&msg, 0, sizeof(msg));
	memset(&ctl, 0, sizeof(ctl));
	iov.iov_base = (void *)(uintptr_t)f;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (attach != -1) {
		msg.msg_control = &ctl;
		msg.msg_controllen = sizeof(ctl.bytes);
		ctl.hdr.cmsg_level = SOL_SOCKET;
		ctl.hdr.cmsg_type = SCM_RIGHTS;
		ctl.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&ctl.hdr), &attach, sizeof(attach));
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) == -1)
		_exit(3);
}

static void
worker_hit(int fd, uint64_t id, enum deed deed)
{
	struct hit_frame	 f;
	int			 i;

	if (deed < DEED_HIT)
		return;
	memset(&f, 0, sizeof(f));
	f.type = IMSG_SCAN_HIT;
	f.len = sizeof(f.hit);
	f.id = id;
	f.hit.use = deed == DEED_HIT_USE ? NUSES : NUSES - 1;
	f.hit.nhits = 1;
	f.hit.part = SCAN_RAW;
	f.hit.excerpt[0] = deed == DEED_HIT_TEXT ? '\n' : 'x';
	for (i = 0; i < (deed == DEED_HITS ? NUSES + 1 : 1); i++)
		worker_send(fd, &f, sizeof(f), -1);
	/* What killed it may be on its way still: then this is too late. */
	if (deed == DEED_HIT_CRASH) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
}

static void
worker_do(int fd, uint64_t id, enum deed deed)
{
	struct frame	 f;
	size_t		 len;

	memset(&f, 0, sizeof(f));
	f.type = IMSG_SCAN_DONE;
	f.len = sizeof(f.done);
	f.id = id;
	f.done.part = SCAN_RAW;
	f.done.usec = (uint32_t)getpid();
	len = sizeof(f);
	worker_hit(fd, id, deed);
	switch (deed) {
	case DEED_GARBAGE:
		memset(&f, 0xee, sizeof(f));
		break;
	case DEED_SHORT:
		len /= 2;
		break;
	case DEED_OTHER_TYPE:
		f.type = IMSG_READY;
		break;
	case DEED_OTHER_ID:
		f.id++;
		break;
	case DEED_BAD_VERDICT:
		f.done.verdict = VERDICT_MAX;
		f.done.name[0] = 'x';
		break;
	case DEED_BAD_PART:
		f.done.part = PARSE_PARTS_MAX;
		break;
	case DEED_BAD_NAME:
		f.done.verdict = VERDICT_VIRUS;
		memcpy(f.done.name, "a\nb", 3);
		break;
	case DEED_OPEN_NAME:
		f.done.verdict = VERDICT_VIRUS;
		memset(f.done.name, 'x', sizeof(f.done.name));
		break;
	case DEED_NAMELESS:
		f.done.verdict = VERDICT_VIRUS;
		break;
	case DEED_CRASH:
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case DEED_EXIT:
		_exit(0);
	case DEED_CLOSE:
		close(fd);
		/* FALLTHROUGH */
	case DEED_HANG:
		for (;;)
			pause();
	default:
		break;
	}
	worker_send(fd, &f, len, deed == DEED_DESCRIPTOR ? 2 : -1);
	if (deed == DEED_TWICE || deed == DEED_UNASKED) {
		f.id += deed == DEED_UNASKED ? 1000 : 0;
		worker_send(fd, &f, len, -1);
	}
}

void
worker_main(int chan, const char *tmpdir, const struct backend *be,
    const struct conf_globals *g, uint64_t max_memory)
{
	struct imsgbuf		 ib;
	struct imsg		 imsg;
	struct msg_scan_req	 req;
	struct pollfd		 pfd;
	int			 n;

	if (close_range(chan + 1, ~0U, 0) == -1)
		_exit(4);
	imsgbuf_init(&ib, chan, PROC_SCANWORKER, PROC_SCANNER);
	ib.state = PEER_IDLE;
	memset(&req, 0, sizeof(req));
	for (;;) {
		pfd.fd = chan;
		pfd.events = POLLIN;
		poll(&pfd, 1, -1);
		if ((n = imsg_read(&ib, &imsg)) == -1)
			_exit(0);
		if (n == 0)
			continue;
		if (imsg.type == IMSG_SCAN_REQ)
			memcpy(&req, imsg.data, sizeof(req));
		else
			worker_do(chan, imsg.id, (enum deed)req.session);
		imsg_free(&imsg);
	}
}

/* ---- what the loader has besides ---- */

int
selftest_done(const struct job *job, const struct msg_scan_done *done)
{
	return (0);
}

/* ---- the proxy ---- */

static int
memfd(void)
{
	int	 fd;

	if ((fd = memfd_create("x", MFD_CLOEXEC)) == -1)
		fatal("memfd_create");
	return (fd);
}

static void
ask(void)
{
	struct msg_scan_req	 req;

	memset(&req, 0, sizeof(req));
	/* Each deed, and after each an honest one. */
	req.session = next % 2 == 0 && next < 2 * DEED_MAX ? next / 2 :
	    DEED_CLEAN;
	if (imsg_compose(&proxy, IMSG_SCAN_REQ, next + 7, memfd(), &req,
	    sizeof(req)) == -1 || imsg_compose(&proxy, IMSG_SCAN_ARENA,
	    next + 7, memfd(), NULL, 0) == -1)
		fatal("compose");
}

/* Hits come before the answer, and only with an honest one. */
static void
answer_hit(const struct imsg *imsg)
{
	struct msg_scan_hit	 hit;

	if (imsg->id == next + 7 && next == 2 * DEED_HIT && nhits == 0 &&
	    proto_get_scan_hit(imsg->data, NUSES, &hit) == 0 &&
	    hit.use == NUSES - 1) {
		nhits++;
		return;
	}
	printf("not ok %s - a hit\n", deeds[next / 2].name);
	failed = 1;
}

static void
answer(const struct imsg *imsg)
{
	struct msg_scan_done	 done;
	const char		*what, *reason;
	uint32_t		 verdict;
	enum deed		 deed;

	deed = next % 2 == 0 ? (enum deed)(next / 2) : DEED_CLEAN;
	what = deeds[next / 2].name;
	verdict = deeds[deed].verdict;
	reason = deeds[deed].reason;
	if (imsg->id != next + 7 ||
	    proto_get_scan_done(imsg->data, &done) == -1) {
		printf("not ok %s - no answer to the question\n", what);
		failed = 1;
	} else if (next % 2 == 1) {
		/*
		 * A worker that has said too much is found out now, perhaps
		 * with this request in hand.
		 */
		if (done.verdict != VERDICT_CLEAN &&
		    done.verdict != VERDICT_SCANNER_FAILED) {
			printf("not ok %s - then %s\n", what, done.name);
			failed = 1;
		} else
			printf("ok %s-then\n", what);
	} else if (done.verdict != verdict || strcmp(done.name, reason) != 0) {
		printf("not ok %s - %s \"%s\"\n", what,
		    proto_verdict_name(done.verdict), done.name);
		failed = 1;
	} else if (deed == DEED_HIT && nhits != 1) {
		printf("not ok hit - %u hits\n", nhits);
		failed = 1;
	} else
		printf("ok %s\n", what);
	next++;
	ask();
}

/* Honest work only: after so many scans another process does it. */
static void
answer_retire(const struct imsg *imsg)
{
	static unsigned int	 nscans, nworkers;
	static uint32_t		 last;
	struct msg_scan_done	 done;

	if (proto_get_scan_done(imsg->data, &done) == -1 ||
	    done.verdict != VERDICT_CLEAN) {
		printf("not ok retire - %s\n", done.name);
		failed = 1;
	}
	nscans++;
	if (done.usec != last)
		nworkers++;
	last = done.usec;
	if (++next < 2 * DEED_MAX + RETIRES) {
		ask();
		return;
	}
	if (nworkers < nscans / WORKER_SCANS_MAX) {
		printf("not ok retire - %u workers\n", nworkers);
		failed = 1;
	} else
		printf("ok retire\n");
	ev_stop();
}

static void
proxy_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;
	int		 n;

	while ((n = imsg_read(&proxy, &imsg)) == 1) {
		if (imsg.type == IMSG_SCAN_HIT)
			answer_hit(&imsg);
		else if (next < 2 * DEED_MAX)
			answer(&imsg);
		else
			answer_retire(&imsg);
		imsg_free(&imsg);
	}
	if (n == -1)
		fatal("the loader has gone");
}

static void
too_long(void *arg)
{
	printf("not ok %llu - no answer\n", (unsigned long long)next);
	failed = 1;
	ev_stop();
}

int
main(void)
{
	static const struct backend	 be = { .uses_tmp = 0 };
	static struct conf_globals	 g;
	struct evtimer			 timer;
	int				 sv[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init(LOG_TO_STDERR, "test_pool", 0);
	ev_init();
	g.timeout[TMO_SCAN] = 1500;
	dispatch_start(&g);
	dispatch_pool(1, &be, &g, 0, NUSES);
	if (imsg_pair(sv) == -1)
		fatal("imsg_pair");
	dispatch_channel(sv[0], 1);
	imsgbuf_init(&proxy, sv[1], PROC_PROXY, PROC_SCANNER);
	/* As the proxy sees it, the scanner always owes an answer. */
	proxy.state = PEER_BUSY;
	if (ev_add(&proxy_ev, sv[1], EPOLLIN, proxy_event, NULL) == -1)
		fatal("ev_add");
	evtimer_init(&timer, too_long, NULL);
	evtimer_set(&timer, 120 * 1000);
	ask();
	ev_loop();
	pool_stop();
	return (failed);
}

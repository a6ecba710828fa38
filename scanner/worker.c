/* SPDX-License-Identifier: ISC */

/*
 * A worker: one confined process that looks into one message at a time.
 *
 * It is the place that is most likely to be taken over, since it unpacks
 * whatever strangers send with a large library.  It has one channel (to the
 * loader), the log, and a temporary directory of its own that no other worker
 * can reach; it cannot make a socket, a process, executable memory or a
 * second channel.  What it says is believed only as far as an answer of the
 * right form about the one message that it has.
 */

#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "conf.h"
#include "ev.h"
#include "imsg.h"
#include "inspect.h"
#include "log.h"
#include "parts.h"
#include "priv.h"
#include "scanner.h"

/* The request that is being put together or worked on. */
struct request {
	uint64_t		 id;
	struct msg_scan_req	 req;
	int			 msgfd;
	int			 arenafd;
};

static void	 worker_fds(int);
static void	 worker_confine(const char *, const struct backend *,
		    const struct conf_globals *, uint64_t);
static int	 worker_read(struct imsgbuf *, struct request *);
static void	 worker_scan(struct imsgbuf *, struct request *,
		    const struct backend *, uint64_t);
static void	 request_frame(struct request *, struct imsg *);
static void	 request_clear(struct request *);

static int	 want_files;	/* rules ask for attachments */
static int	 want_hashes;	/* and for what they are exactly */

/* Keep the log and the channel, which becomes number 3. */
static void
worker_fds(int chan)
{
	if (chan != CHILD_FD_MASTER && dup2(chan, CHILD_FD_MASTER) == -1)
		fatal("dup2");
	/*
	 * The loader's ends of all other workers' channels and of all proxies'
	 * are among these: with one of them a worker could speak for others.
	 */
	if (close_range(CHILD_FD_MASTER + 1, ~0U, 0) == -1)
		fatal("close_range");
}

static void
worker_confine(const char *tmpdir, const struct backend *be,
    const struct conf_globals *g, uint64_t max_memory)
{
	struct priv	 p;

	/* A file over the limit is an error to libclamav, not an end. */
	signal(SIGXFSZ, SIG_IGN);
	memset(&p, 0, sizeof(p));
	p.uid = geteuid();
	p.gid = getegid();
	p.max_files = WORKER_FILES_MAX;
	p.max_fsize = g->scan_total_max;
	p.max_memory = max_memory;
	priv_confine(&p);
	sandbox_landlock(be->uses_tmp ? tmpdir : NULL, 0);
	sandbox_seccomp(be->worker_rules, *be->nworker_rules);
}

static void
request_clear(struct request *r)
{
	if (r->msgfd != -1)
		close(r->msgfd);
	if (r->arenafd != -1)
		close(r->arenafd);
	memset(r, 0, sizeof(*r));
	r->msgfd = r->arenafd = -1;
}

/* The loader is our own program: what it says wrongly is a bug. */
static void
request_frame(struct request *r, struct imsg *imsg)
{
	switch (imsg->type) {
	case IMSG_SCAN_REQ:
		if (r->msgfd != -1)
			fatalx("second request in hand");
		r->id = imsg->id;
		memcpy(&r->req, imsg->data, sizeof(r->req));
		r->msgfd = imsg_take_fd(imsg);
		break;
	case IMSG_SCAN_ARENA:
		if (r->msgfd == -1 || imsg->id != r->id)
			fatalx("arena without its request");
		r->arenafd = imsg_take_fd(imsg);
		break;
	default:
		fatalx("unexpected frame %s", proto_imsg_name(imsg->type));
	}
}

/* Wait for a whole request.  Returns 1, or 0 when the loader has gone. */
static int
worker_read(struct imsgbuf *ib, struct request *r)
{
	struct pollfd	 pfd;
	struct imsg	 imsg;
	int		 n;

	while (r->arenafd == -1) {
		n = imsg_read(ib, &imsg);
		if (n == 1) {
			request_frame(r, &imsg);
			imsg_free(&imsg);
			continue;
		}
		if (n == -1) {
			if (errno == ECONNRESET)
				return (0);
			fatal("channel");
		}
		pfd.fd = ib->fd;
		pfd.events = POLLIN;
		pfd.revents = 0;
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			fatal("poll");
	}
	return (1);
}

static void
worker_scan(struct imsgbuf *ib, struct request *r, const struct backend *be,
    uint64_t timeout)
{
	static struct facts	 facts;
	struct msg_scan_done	 done;
	struct result		 res;
	struct parts		 parts;
	struct scan		 scan;
	static struct msg_scan_hit hit[CONF_USES_MAX];
	unsigned int		 i, nhits;
	uint32_t		 k, n;
	uint64_t		 start;

	start = now_us();
	nhits = 0;
	facts_init(&facts);
	result_init(&res);
	if (parts_open(&parts, r->msgfd, r->req.size, r->arenafd,
	    r->req.arena_size) == -1) {
		log_warn("id=%016llx message or arena",
		    (unsigned long long)r->req.session);
		result_add(&res, VERDICT_SCANNER_FAILED, SCAN_RAW, "bad arena");
	} else {
		memset(&scan, 0, sizeof(scan));
		scan.facts = want_files ? &facts : NULL;
		scan.want_hashes = want_hashes;
		scan.parts = &parts;
		scan.msgfd = r->msgfd;
		scan.due = start / 1000 + timeout;
		if (content_is_wanted()) {
			content_begin(scan.due);
			scan.text = content_file;
		}
		be->scan(&scan, &res);
		/* What is infected has a rule of its own. */
		if (content_is_wanted() && res.verdict != VERDICT_VIRUS)
			nhits = content_end(&parts, hit, &res);
		parts_close(&parts);
	}
	for (k = 0; want_files && k < facts.n; k += n) {
		n = facts.n - k;
		if (n > FACTS_FRAME)
			n = FACTS_FRAME;
		if (imsg_compose(ib, IMSG_SCAN_FILE, r->id, -1,
		    &facts.file[k], n * sizeof(facts.file[k])) == -1)
			_exit(CHILD_OK);
	}
	for (i = 0; i < nhits; i++)
		if (imsg_compose(ib, IMSG_SCAN_HIT, r->id, -1, &hit[i],
		    sizeof(hit[i])) == -1)
			_exit(CHILD_OK);
	result_frame(&res, (uint32_t)(now_us() - start), &done);
	if (want_files) {
		done.other_flags = facts.loose;
		done.other_types = facts.loose_types;
	}
	if (imsg_compose(ib, IMSG_SCAN_DONE, r->id, -1, &done,
	    sizeof(done)) == -1 || imsgbuf_flush_wait(ib) == -1)
		_exit(CHILD_OK);	/* the loader has gone */
}

void
worker_main(int chan, const char *tmpdir, const struct backend *be,
    const struct conf_globals *g, uint64_t max_memory)
{
	struct imsgbuf	 ib;
	struct request	 r;
	uint64_t	 timeout;
	pid_t		 loader;

	loader = getppid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (getppid() != loader)
		_exit(CHILD_OK);
	prctl(PR_SET_NAME, "mailwall-scanw");
	worker_fds(chan);
	if (be->uses_tmp && tmpdir_make(tmpdir) == -1)
		_exit(CHILD_SETUP);
	want_files = g->want_files != 0;
	want_hashes = g->want_hashes != 0;
	if (be->worker(g, tmpdir) == -1 || content_worker() == -1)
		_exit(CHILD_SETUP);
	worker_confine(tmpdir, be, g, max_memory);

	/* A little less than the loader's patience, to end it ourselves. */
	timeout = g->timeout[TMO_SCAN] - g->timeout[TMO_SCAN] / 8;
	imsgbuf_init(&ib, CHILD_FD_MASTER, PROC_SCANWORKER, PROC_SCANNER);
	ib.state = PEER_IDLE;
	memset(&r, 0, sizeof(r));
	r.msgfd = r.arenafd = -1;
	while (worker_read(&ib, &r)) {
		worker_scan(&ib, &r, be, timeout);
		request_clear(&r);
	}
	/* The directory itself stays: beneath it is all that we may remove. */
	_exit(CHILD_OK);
}

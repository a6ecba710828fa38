/* SPDX-License-Identifier: ISC */

/*
 * mailwall-scanner, the loader.
 *
 * It reads the signatures once, as the scanner's own user and before it
 * confines itself, forks workers that share them, and from then on passes
 * requests of the proxies to free workers (dispatch.c, pool.c).  It never
 * changes signatures in place: when those on disk are newer, master starts
 * another loader beside this one and lets this one run dry.
 *
 * The enemy sits in the workers.  Here arrive only frames: from master, who
 * is believed, from proxies, and answers of workers, which are checked.
 */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "conf.h"
#include "ev.h"
#include "imsg.h"
#include "log.h"
#include "priv.h"
#include "scanner.h"

/* Address space that a scan may need over what the loader has, at most:
 * libclamav holds one unpacked layer after another, and maps of a file
 * come on top of the file's own pages. */
#define WORKER_MEMORY(g)	(2 * (g)->scan_total_max + \
				4 * (g)->message_max + 1 * GIB)

static void	 master_event(int, uint32_t, void *);
static void	 master_frame(struct imsg *);
static void	 master_compose(uint32_t, const void *, size_t);
static void	 conf_use(struct conf *);
static int	 conf_same(const struct conf_globals *,
		    const struct conf_globals *);
static void	 setup(void);
static void	 setup_failed(const char *, ...)
		    __attribute__((__noreturn__, __format__(printf, 1, 2)));
static void	 setup_root(const struct conf_globals *);
static void	 setup_confine(uid_t, gid_t);
static uint64_t	 address_space(void);
static void	 tested(int);

static struct {
	struct imsgbuf		 ib;
	struct ev		 ev;
} master;

static struct {
	struct conf		*building;
	struct conf		*conf;	/* in use; NULL until the first */
	const struct backend	*be;
	struct msg_ready	 ready;
} scanner;

int
main(int argc, char *argv[])
{
	child_start("scanner", argc, argv);
	ev_init();
	imsgbuf_init(&master.ib, CHILD_FD_MASTER, PROC_SCANNER, PROC_MASTER);
	master.ib.state = PEER_IDLE;
	if (ev_add(&master.ev, CHILD_FD_MASTER, EPOLLIN, master_event,
	    NULL) == -1)
		fatal("epoll_ctl");
	ev_loop();
	/* Drained, or master is gone. */
	if (scanner.conf != NULL)
		pool_stop();
	_exit(CHILD_OK);
}

static void
master_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;
	int		 n;

	if (events & EPOLLOUT) {
		if ((n = imsgbuf_flush(&master.ib)) == -1) {
			ev_stop();
			return;
		}
		if (n == 0)
			ev_mod(&master.ev, EPOLLIN);
	}
	n = imsg_read(&master.ib, &imsg);
	if (n == -1 && errno == ECONNRESET)
		ev_stop();
	else if (n == -1)
		fatal("channel to master");
	else if (n == 1) {
		master_frame(&imsg);
		imsg_free(&imsg);
	}
}

static void
master_frame(struct imsg *imsg)
{
	struct msg_chan	 chan;
	struct conf	*conf;
	int		 n;

	switch (imsg->type) {
	case IMSG_CHAN:
		memcpy(&chan, imsg->data, sizeof(chan));
		if (scanner.conf == NULL || chan.peer != PROC_PROXY)
			fatalx("channel to %s %u",
			    proto_proc_name(chan.peer), chan.instance);
		dispatch_channel(imsg_take_fd(imsg), chan.instance);
		break;
	case IMSG_DRAIN:
		if (scanner.conf == NULL)
			ev_stop();
		else
			dispatch_drain();
		break;
	default:
		n = conf_frame(&scanner.building, imsg->type,
		    imsg_take_fd(imsg), imsg->data, imsg->len);
		if (n == -1)
			fatal("configuration: %s",
			    proto_imsg_name(imsg->type));
		if (n == 1) {
			conf = scanner.building;
			scanner.building = NULL;
			conf_use(conf);
		}
		break;
	}
}

static void
master_compose(uint32_t type, const void *data, size_t len)
{
	if (imsg_compose(&master.ib, type, 0, -1, data, len) == -1) {
		log_warn("channel to master");
		ev_stop();
		return;
	}
	if (master.ib.nqueued > 0)
		ev_mod(&master.ev, EPOLLIN | EPOLLOUT);
}

/* Does a loader of one configuration do for the other? */
static int
conf_same(const struct conf_globals *a, const struct conf_globals *b)
{
	return (a->av == b->av && a->content == b->content &&
	    a->scan_file_max == b->scan_file_max &&
	    a->scan_total_max == b->scan_total_max &&
	    a->scan_depth == b->scan_depth &&
	    a->scan_files == b->scan_files && a->scanners == b->scanners &&
	    a->message_max == b->message_max &&
	    a->timeout[TMO_SCAN] == b->timeout[TMO_SCAN] &&
	    strcmp(a->av_path, b->av_path) == 0 &&
	    strcmp(a->rundir, b->rundir) == 0 &&
	    strcmp(a->user_scanner, b->user_scanner) == 0);
}

static void
conf_use(struct conf *conf)
{
	if (scanner.conf == NULL) {
		log_debug("configuration read");
		scanner.conf = conf;
		setup();
		return;
	}
	/*
	 * Most of it is settled for good once the workers run.  The old
	 * configuration stays the one that we work by.
	 */
	master_compose(IMSG_CONF_DONE, NULL, 0);
	dispatch_timeout(conf->g.timeout[TMO_SCAN]);
	if (!conf_same(&conf->g, &scanner.conf->g))
		scanner_stale("this configuration needs another loader");
	conf_unref(conf);
}

/* Not a bug of ours: master tries again later. */
static void
setup_failed(const char *fmt, ...)
{
	char	 text[512];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warnx("%s", text);
	_exit(CHILD_SETUP);
}

/* Size of our address space in bytes. */
static uint64_t
address_space(void)
{
	unsigned long long	 pages;
	FILE			*f;

	pages = 0;
	if ((f = fopen("/proc/self/statm", "re")) == NULL ||
	    fscanf(f, "%llu", &pages) != 1)
		setup_failed("cannot read /proc/self/statm: %s",
		    strerror(errno));
	fclose(f);
	return (pages * (uint64_t)sysconf(_SC_PAGESIZE));
}

/* Into the jail; everything that is read from a file has been read. */
static void
setup_root(const struct conf_globals *g)
{
	char	 path[CONF_PATH_MAX + 16];

	if (scanner.be->root(g, path, sizeof(path)) == -1)
		_exit(CHILD_SETUP);
	if (chroot(path) == -1 || chdir("/") == -1)
		setup_failed("chroot to %s: %s", path, strerror(errno));
}

static void
setup_confine(uid_t uid, gid_t gid)
{
	struct priv	 p;

	memset(&p, 0, sizeof(p));
	p.uid = uid;
	p.gid = gid;
	p.max_files = LOADER_FILES_MAX;
	p.max_fsize = PRIV_NO_LIMIT;	/* workers have one of their own */
	p.max_memory = PRIV_NO_LIMIT;
	p.may_fork = 1;
	priv_confine(&p);
	/* Said once here; the workers apply it where it is. */
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		log_warnx("no Landlock in this kernel: a worker that is taken "
		    "over can reach the other workers' temporary files");
	sandbox_seccomp(scanner.be->loader_rules,
	    *scanner.be->nloader_rules);
}

static void
setup(void)
{
	const struct conf_globals	*g;
	struct passwd			*pw;
	uint64_t			 memory;
	uid_t				 uid;
	gid_t				 gid;
	long				 n;

	g = &scanner.conf->g;
	scanner.be = g->av == AV_CLAMD ? &clamd_backend :
	    g->av == AV_NONE ? &none_backend : &engine_backend;
	errno = 0;
	if ((pw = getpwnam(g->user_scanner)) == NULL)
		setup_failed("user %s: %s", g->user_scanner,
		    errno == 0 ? "no such user" : strerror(errno));
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	n = g->scanners != 0 ? (long)g->scanners :
	    sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	if (n > MAX_SCANNERS)
		n = MAX_SCANNERS;

	priv_become_keep_chroot(uid, gid);
	/* Changing ids took it away; master may have gone meanwhile. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (scanner.be->load(g, &scanner.ready) == -1 ||
	    content_load(scanner.conf) == -1)
		_exit(CHILD_SETUP);
	memory = address_space();
	if (memory > UINT64_MAX - WORKER_MEMORY(g))
		fatalx("address space");
	memory += WORKER_MEMORY(g);
	selftest_prepare();
	setup_root(g);
	setup_confine(uid, gid);

	master_compose(IMSG_CONF_DONE, NULL, 0);
	dispatch_start(g);
	dispatch_pool((unsigned int)n, scanner.be, g, memory,
	    scanner.conf->nuses);
	selftest_start(scanner.be != &none_backend, tested);
}

/* The self-test has come back. */
static void
tested(int ok)
{
	if (!ok && !scanner.be->may_be_down)
		setup_failed("the self-test failed");
	log_info("ready with %llu signatures",
	    (unsigned long long)scanner.ready.signatures);
	master_compose(IMSG_READY, &scanner.ready, sizeof(scanner.ready));
}

void
scanner_stale(const char *why)
{
	log_info("%s", why);
	master_compose(IMSG_SCAN_STALE, NULL, 0);
}

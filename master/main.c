/* SPDX-License-Identifier: ISC */

/*
 * mailwalld: reads the configuration, opens listeners, starts proxies,
 * parsers and the scanner, hands out channels and sockets, replaces what
 * dies, reloads, ends.  It runs as root with a handful of capabilities and
 * reads no byte that came from the network.
 */

#include <sys/signalfd.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "config.h"
#include "kept.h"
#include "master.h"
#include "priv.h"
#include "rundir.h"

static void	 usage(int) __attribute__((__noreturn__));
static void	 check_only(const char *, int) __attribute__((__noreturn__));
static void	 std_descriptors(void);
static void	 go_background(void);
static void	 signals_init(void);
static void	 signals_read(int, uint32_t, void *);
static int	 reload_refused(const struct conf *);
static void	 stop(int);

struct master		 master;
static struct ev	 signal_ev;
static int		 pid_fd = -1;

static void
usage(int status)
{
	fprintf(status == 0 ? stdout : stderr,
	    "usage: mailwalld [-dnVv] [-D macro=value] [-f file] "
	    "[-L directory]\n");
	exit(status);
}

static void
check_only(const char *path, int print)
{
	struct conf	*conf;

	if ((conf = config_load(path, 1)) == NULL)
		exit(1);
	if (print) {
		if (config_print(conf, stdout) == -1 || fflush(stdout) != 0)
			err(1, "stdout");
	} else
		fprintf(stderr, "configuration OK\n");
	conf_unref(conf);
	exit(0);
}

/* 0, 1 and 2 must be taken, or a socket of ours could become one of them. */
static void
std_descriptors(void)
{
	int	 fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd == -1)
			err(1, "/dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
}

static void
go_background(void)
{
	int	 fd;

	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	if (setsid() == -1 || chdir("/") == -1)
		fatal("setsid");
	if ((fd = open("/dev/null", O_RDWR)) == -1 || dup2(fd, 0) == -1 ||
	    dup2(fd, 1) == -1 || dup2(fd, 2) == -1)
		fatal("/dev/null");
	if (fd > STDERR_FILENO)
		close(fd);
}

int
main(int argc, char *argv[])
{
	const char	*path;
	int		 ch, foreground, check, verbose;

	master.conf_path = SYSCONFDIR "/mailwall.conf";
	master.libexec = LIBEXECDIR;
	foreground = check = verbose = 0;
	while ((ch = getopt(argc, argv, "dD:f:hL:nVv")) != -1) {
		switch (ch) {
		case 'd':
			foreground = 1;
			break;
		case 'D':
			if (config_define(optarg) == -1)
				errx(1, "bad macro definition: %s", optarg);
			break;
		case 'f':
			master.conf_path = optarg;
			break;
		case 'h':
			usage(0);
		case 'L':
			master.libexec = optarg;
			break;
		case 'n':
			check = 1;
			break;
		case 'V':
			printf("mailwall %s\n", VERSION);
			return (0);
		case 'v':
			verbose++;
			break;
		default:
			usage(2);
		}
	}
	if (argc != optind)
		usage(2);
	std_descriptors();
	if (check)
		check_only(master.conf_path, verbose > 0);
	if (geteuid() != 0)
		errx(1, "need root to start");

	log_init(LOG_TO_STDERR, "mailwalld", verbose);
	/* A reload comes when the working directory is another. */
	if ((path = realpath(master.conf_path, NULL)) == NULL)
		fatal("%s", master.conf_path);
	master.conf_path = path;
	if ((master.conf = config_load(path, 0)) == NULL)
		return (1);
	kept_commit();
	master_run(foreground);
	return (0);
}

void
master_run(int foreground)
{
	TAILQ_INIT(&master.slots);
	TAILQ_INIT(&master.children);
	rundir_check_users(&master.conf->g);
	rundir_make(&master.conf->g);
	children_open(master.libexec);
	if (listen_open(master.conf, NULL) == -1)
		fatalx("cannot start without its listeners");
	if (!foreground) {
		go_background();
		openlog("mailwalld", LOG_PID | LOG_NDELAY,
		    (int)master.conf->g.log_facility);
		log_init(LOG_TO_SYSLOG, "mailwalld", log_getverbose());
	}
	pid_fd = rundir_lock(&master.conf->g);
	control_open(&master.conf->g);
	if (audit_open(master.conf) == -1)
		fatalx("cannot start without its audit");
	if (metrics_open(master.conf, NULL) == -1)
		fatalx("cannot start without its metrics");
	priv_master();
	ev_init();
	signals_init();
	local_init();
	log_info("mailwall %s starting", VERSION);
	children_fill();
	ev_loop();

	log_info("mailwall %s stopped", VERSION);
	metrics_close(master.conf, NULL);
	rundir_unlock(&master.conf->g, pid_fd);
}

static void
signals_init(void)
{
	sigset_t	 set;
	int		 fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		fatal("signalfd");
	if (ev_add(&signal_ev, fd, EPOLLIN, signals_read, NULL) == -1)
		fatal("ev_add");
}

static void
signals_read(int fd, uint32_t events, void *arg)
{
	struct signalfd_siginfo	 si;

	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			stop((int)si.ssi_signo);
			break;
		case SIGHUP:
			master_reload(NULL);
			break;
		case SIGUSR1:
			log_setverbose(!log_getverbose());
			log_info("verbosity %d", log_getverbose());
			break;
		case SIGCHLD:
			children_reap();
			break;
		}
	}
}

/* The first signal drains, the second ends at once. */
static void
stop(int sig)
{
	if (master.stopping) {
		log_info("second signal: ending at once");
		children_kill();
		ev_stop();
		return;
	}
	log_info("%s: finishing the open sessions, at most %llu s",
	    sig == SIGINT ? "interrupted" : "stopping",
	    (unsigned long long)master.conf->g.timeout[TMO_DRAIN] / 1000);
	notify_systemd("STOPPING=1");
	master.stopping = 1;
	children_drain();
}

void
master_check_start(void)
{
	struct slot	*s;

	if (master.started)
		return;
	children_fill();
	TAILQ_FOREACH(s, &master.slots, entry)
		if (s->child == NULL || !s->child->ready)
			return;
	master.started = 1;
	log_info("ready");
	notify_systemd("READY=1");
}

void
master_check_end(void)
{
	struct child	*c;
	int		 proxies;

	if (!master.stopping)
		return;
	proxies = 0;
	TAILQ_FOREACH(c, &master.children, entry)
		proxies += c->type == PROC_PROXY;
	if (proxies > 0)
		return;
	if (TAILQ_EMPTY(&master.children)) {
		ev_stop();
		return;
	}
	TAILQ_FOREACH(c, &master.children, entry)
		child_drain(c);
}

/* What cannot change under running children; says what it was. */
static int
reload_refused(const struct conf *conf)
{
	const struct conf_globals	*n, *o;

	n = &conf->g;
	o = &master.conf->g;
	if (strcmp(n->rundir, o->rundir) != 0 ||
	    strcmp(n->user_proxy, o->user_proxy) != 0 ||
	    strcmp(n->user_parser, o->user_parser) != 0 ||
	    strcmp(n->user_scanner, o->user_scanner) != 0 ||
	    strcmp(n->user_store, o->user_store) != 0 ||
	    strcmp(n->statedir, o->statedir) != 0 ||
	    strcmp(n->control_group, o->control_group) != 0) {
		log_warnx("reload: users and directories need a restart");
		return (1);
	}
	/* Parsers have bounded their memory by it. */
	if (n->message_max > o->message_max) {
		log_warnx("reload: a larger message size needs a restart");
		return (1);
	}
	return (0);
}

/*
 * A new configuration is made beside the old one.  Whatever is wrong with it,
 * the old one stays in force and nobody has heard of the new one.
 */
int
master_reload(const char *table)
{
	struct conf	*conf, *old;

	if (master.stopping || !master.started) {
		log_warnx("reload: not now");
		return (-1);
	}
	notify_systemd("RELOADING=1");
	old = master.conf;
	conf = table == NULL ? config_load(master.conf_path, 0) :
	    config_load_table(master.conf_path, table);
	if (conf == NULL || reload_refused(conf) ||
	    listen_open(conf, old) == -1 || audit_open(conf) == -1 ||
	    metrics_open(conf, old) == -1) {
		log_warnx("reload: failed, the old configuration stays");
		if (conf != NULL)
			metrics_close(conf, old);
		conf_unref(conf);
		notify_systemd("READY=1");
		return (-1);
	}
	kept_commit();
	master.conf = conf;
	children_configure();
	children_fill();
	/* Its signatures are as they were, and perhaps its words. */
	if (table == NULL || conf->g.content != old->g.content)
		children_new_scanner("reload");
	metrics_close(old, conf);
	conf_unref(old);
	master.reloading = 1;
	master_check_reload();
	return (0);
}

/*
 * A scanner's new generation may take longer: it loads its signatures, and
 * takes over when it is ready.
 */
void
master_check_reload(void)
{
	const struct child	*c;

	if (!master.reloading)
		return;
	TAILQ_FOREACH(c, &master.children, entry)
		if (c->unconfigured && !c->draining && c->type == PROC_PROXY)
			return;
	master.reloading = 0;
	log_info("reload: done");
	notify_systemd("READY=1");
}

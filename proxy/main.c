/* SPDX-License-Identifier: ISC */

/*
 * mailwall-proxy: both sides of every SMTP session.  It lives in an empty
 * directory, as a user of its own, and can neither create a socket nor open a
 * file; all that it has comes from master.
 */

#include <sys/resource.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "priv.h"
#include "proxy.h"
#include "proxy_sandbox.h"

#define FILES_SPARE	512	/* descriptors that are not sessions' */
#define FILES_SESSION	2	/* both sockets ... */
#define FILES_MESSAGE	4	/* spool, arena, one of them in a frame, and
				   the arena kept for edits */
#define FILES_BASE	288	/* stock of sockets, channels, listeners,
				   what is sent for the store */

static void	 master_event(int, uint32_t, void *);
static void	 master_frame(struct imsg *);
static void	 master_gone(void);
static void	 conf_use(struct conf *);
static void	 conf_offer(struct conf *);
static void	 confine(const struct conf_globals *);
static void	 local_set(const struct imsg *);
static void	 drain(void);

struct proxy		 proxy;
static struct conf	*building;

int
main(int argc, char *argv[])
{
	proxy.instance = child_start("proxy", argc, argv);
	TAILQ_INIT(&proxy.sessions);
	ev_init();
	imsgbuf_init(&proxy.master, CHILD_FD_MASTER, PROC_PROXY, PROC_MASTER);
	proxy.master.state = PEER_IDLE;
	if (ev_add(&proxy.master_ev, CHILD_FD_MASTER, EPOLLIN, master_event,
	    NULL) == -1)
		fatal("ev_add");
	ev_loop();
	return (CHILD_OK);
}

void
proxy_want_write(void)
{
	ev_mod(&proxy.master_ev, EPOLLIN |
	    (proxy.master.nqueued > 0 ? EPOLLOUT : 0));
}

void
proxy_check_end(void)
{
	if (proxy.draining && proxy.nsessions + proxy.nsending == 0)
		ev_stop();
}

static void
confine(const struct conf_globals *g)
{
	const struct passwd	*pw;
	struct priv		 p;
	char			 root[CONF_PATH_MAX + 8];

	if ((pw = getpwnam(g->user_proxy)) == NULL)
		fatalx("no user %s", g->user_proxy);
	snprintf(root, sizeof(root), "%s/empty", g->rundir);
	if (priv_check_root_dir(root) == -1)
		fatal("%s", root);
	memset(&p, 0, sizeof(p));
	p.uid = pw->pw_uid;
	p.gid = pw->pw_gid;
	p.root = root;
	p.max_files = PRIV_NO_LIMIT;
	p.max_fsize = MAX_MESSAGE_SIZE;
	p.max_memory = PRIV_NO_LIMIT;	/* the spool is counted by itself */
	p.may_fork = 0;
	expand_init();
	tzset();		/* it reads a file; rules ask for the time */
	priv_confine(&p);
	sandbox_landlock(NULL, SB_TCP);
	sandbox_seccomp(proxy_rules, proxy_nrules);
}

/* New sessions begin under this configuration, old ones keep theirs. */
static void
conf_use(struct conf *conf)
{
	struct msg_ready	 ready;
	struct rlimit		 rl;
	static rlim_t		 files;
	struct conf_listener	*l;
	struct conf		*old;
	int			 first;

	old = proxy.conf;
	first = old == NULL;
	if (first) {
		if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
			fatal("getrlimit");
		files = rl.rlim_max;
		confine(&conf->g);
	}
	proxy.conf = conf;
	proxy.max_sessions = conf->g.sessions_max / conf->g.proxies + 1;
	if (files < FILES_SPARE * 2)
		fatalx("only %llu descriptors allowed",
		    (unsigned long long)files);
	if (proxy.max_sessions > (files - FILES_SPARE) / FILES_SESSION)
		proxy.max_sessions = (unsigned int)
		    ((files - FILES_SPARE) / FILES_SESSION);
	proxy.max_messages = (unsigned int)((files - FILES_BASE -
	    (rlim_t)proxy.max_sessions * FILES_SESSION) / FILES_MESSAGE);
	proxy.spool_max = conf->g.spool_max / conf->g.proxies;
	/* Without its members a table would let everybody through. */
	if (!proxy.draining && (conf->ndynamics == 0 || proxy.has_members))
		accept_start(conf);
	/* Sessions that still hold it have no use for its listeners. */
	if (!first)
		TAILQ_FOREACH(l, &old->listeners, entry) {
			if (l->fd != -1)
				close(l->fd);
			l->fd = -1;
		}
	conf_unref(old);
	if (imsg_compose(&proxy.master, IMSG_CONF_DONE, 0, -1, NULL,
	    0) == -1)
		fatal("master");
	memset(&ready, 0, sizeof(ready));
	if (first && imsg_compose(&proxy.master, IMSG_READY, 0, -1, &ready,
	    sizeof(ready)) == -1)
		fatal("master");
	sock_prefetch();
	proxy_want_write();
}

/*
 * Rules and the scanner must look for the same lists.  A configuration with
 * other ones is put in force when its scanner has come, which is in a moment,
 * or when it has loaded its signatures; until then the old one goes on.
 */
static void
conf_offer(struct conf *conf)
{
	conf_unref(proxy.next);
	proxy.next = NULL;
	if (proxy.conf == NULL || conf->g.content == proxy.conf->g.content ||
	    (conf->g.av == AV_NONE && conf->g.content == 0) ||
	    inspect_has_scanner(conf->g.content))
		conf_use(conf);
	else
		proxy.next = conf;
}

void
proxy_scanner(uint64_t content)
{
	struct conf	*conf;

	conf = proxy.next;
	if (conf == NULL || conf->g.content != content)
		return;
	proxy.next = NULL;
	conf_use(conf);
}

void
proxy_members(void)
{
	int	 first;

	first = !proxy.has_members;
	proxy.has_members = 1;
	if (first && proxy.conf != NULL && proxy.conf->ndynamics > 0 &&
	    !proxy.draining)
		accept_start(proxy.conf);
}

static void
local_set(const struct imsg *imsg)
{
	struct addr	*local;

	local = malloc(imsg->len);
	if (local == NULL)
		fatal("%s", __func__);
	memcpy(local, imsg->data, imsg->len);
	free(proxy.local);
	proxy.local = local;
	proxy.nlocal = imsg->len / sizeof(*local);
}

/* No new sessions; those without a message in hand hear 421. */
static void
drain(void)
{
	struct session	*s, *next;

	if (proxy.draining)
		return;
	accept_stop();
	proxy.draining = 1;
	for (s = TAILQ_FIRST(&proxy.sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, entry);
		session_run(s);
	}
	proxy_check_end();
}

/* Without master no sockets, no log, no successor: see child.c. */
static void
master_gone(void)
{
	_exit(CHILD_OK);
}

static void
master_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;
	int		 n;

	if ((events & EPOLLOUT) && imsgbuf_flush(&proxy.master) == -1) {
		master_gone();
		return;
	}
	for (;;) {
		n = imsg_read(&proxy.master, &imsg);
		if (n == 0)
			break;
		/* A channel or listener that is lost does not come again. */
		if (n == -1 && (errno == EBADMSG || errno == EMFILE))
			fatal("frame from master");
		if (n == -1) {
			master_gone();
			return;
		}
		master_frame(&imsg);
		imsg_free(&imsg);
	}
	proxy_want_write();
}

static void
master_frame(struct imsg *imsg)
{
	struct msg_source	 source;
	struct msg_chan		 chan;
	struct msg_sock		 sock;
	struct conf		*conf;
	int			 n;

	switch (imsg->type) {
	case IMSG_CHAN:
		memcpy(&chan, imsg->data, sizeof(chan));
		if (chan.peer == PROC_STORE)
			store_channel(&chan, imsg_take_fd(imsg));
		else
			inspect_channel(&chan, imsg_take_fd(imsg));
		break;
	case IMSG_SOCK_FD:
		memcpy(&sock, imsg->data, sizeof(sock));
		sock_add(sock.kind, imsg_take_fd(imsg));
		break;
	case IMSG_PING:
		if (imsg_compose(&proxy.master, IMSG_PONG, 0, -1, NULL,
		    0) == -1)
			log_warn("master");
		break;
	case IMSG_LOCAL:
		local_set(imsg);
		break;
	case IMSG_SOURCE:
		memcpy(&source, imsg->data, sizeof(source));
		source_others(&source);
		break;
	case IMSG_DRAIN:
		drain();
		break;
	default:
		n = conf_frame(&building, imsg->type, imsg_take_fd(imsg),
		    imsg->data, imsg->len);
		if (n == -1)
			fatal("configuration from master");
		if (n == 1) {
			conf = building;
			building = NULL;
			conf_offer(conf);
		}
		break;
	}
}

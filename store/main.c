/* SPDX-License-Identifier: ISC */

/*
 * mailwall-store: what must outlive a session.  It lives in its own directory
 * as a user of its own, has no network, and sees of messages only sealed
 * descriptors, which it copies.
 *
 * Proxies talk to strangers; what a proxy says here is checked, and a proxy
 * that says what cannot be is dropped, and replaced by master.
 */

#include <sys/eventfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "priv.h"
#include "outbox.h"
#include "store.h"
#include "store_sandbox.h"

/* Frames taken from one proxy before others have their turn. */
#define ROUND		64

static void	 master_event(int, uint32_t, void *);
static void	 master_frame(struct imsg *);
static void	 conf_use(struct conf *);
static void	 confine(const struct conf_globals *);
static void	 state_new(void);
static void	 open_state(void);
static void	 finish(void) __attribute__((__noreturn__));
static void	 check_end(void);
static void	 peer_new(int, const struct msg_chan *);
static void	 peer_event(int, uint32_t, void *);
static void	 count_relay(const struct peer *, const struct msg_count *);
static void	 peer_frame(struct peer *, struct imsg *);
static void	 peer_gone(struct peer *);
static void	 peer_reap(void);
static void	 stats_past(const struct msg_stats *);
static void	 round_end(int, uint32_t, void *);
static void	 housekeeping(void *);

struct store		 store;
static struct conf	*building;
static struct ev	 round_ev;
static struct evtimer	 house_timer;

int
main(int argc, char *argv[])
{
	child_start("store", argc, argv);
	TAILQ_INIT(&store.peers);
	ev_init();
	imsgbuf_init(&store.master, CHILD_FD_MASTER, PROC_STORE, PROC_MASTER);
	store.master.state = PEER_IDLE;
	if (ev_add(&store.master_ev, CHILD_FD_MASTER, EPOLLIN, master_event,
	    NULL) == -1)
		fatal("ev_add");
	ev_loop();
	finish();
}

/* Put on disk what is there, and end. */
static void
finish(void)
{
	audit_flush();
	if (store.db != NULL) {
		store_commit();
		db_close();
	}
	_exit(CHILD_OK);
}

static void
check_end(void)
{
	if (store.draining && TAILQ_EMPTY(&store.peers))
		ev_stop();
}

void
store_want_write(void)
{
	ev_mod(&store.master_ev, EPOLLIN |
	    (store.master.nqueued > 0 ? EPOLLOUT : 0));
}

static void
confine(const struct conf_globals *g)
{
	const struct passwd	*pw;
	struct priv		 p;
	struct stat		 sb;

	if ((pw = getpwnam(g->user_store)) == NULL)
		fatalx("no user %s", g->user_store);
	/* Who else could write here could plant files before we open them. */
	if (lstat(g->statedir, &sb) == -1)
		fatal("%s", g->statedir);
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != pw->pw_uid ||
	    (sb.st_mode & 077) != 0)
		fatalx("%s: must be a directory of user %s, open to nobody "
		    "else", g->statedir, g->user_store);
	memset(&p, 0, sizeof(p));
	p.uid = pw->pw_uid;
	p.gid = pw->pw_gid;
	/* Root without its capabilities could not enter it. */
	priv_become_keep_chroot(p.uid, p.gid);
	p.root = g->statedir;
	p.max_files = STORE_FILES_MAX;
	p.max_fsize = PRIV_NO_LIMIT;	/* the quarantine is counted */
	p.max_memory = STORE_MEMORY_MAX;
	p.may_fork = 0;
	priv_confine(&p);
	if (mkdir("/quarantine", 0700) == -1 && errno != EEXIST)
		fatal("%s/quarantine", g->statedir);
	if (mkdir("/outbox", 0700) == -1 && errno != EEXIST)
		fatal("%s/outbox", g->statedir);
	/* A full disk has none for it, but may have all of the others. */
	if (mkdir("/lost", 0700) == -1 && errno != EEXIST)
		log_warn("%s/lost", g->statedir);
	sandbox_landlock("/", 0);
	sandbox_seccomp(store_rules, store_nrules);
}

/*
 * Files that no row tells of are set aside at the start, for some time.  Of a
 * database that is not there any more all of them would be.
 */
static void
state_new(void)
{
	quarantine_new();
	outbox_new();
}

/* Once confined: everything that is kept. */
static void
open_state(void)
{
	quarantine_begin();
	outbox_begin();
	lost_begin();
	db_open(state_new);
	/* First: whatever its age, what is found now stays for a while. */
	lost_expire();
	quarantine_repair();
	outbox_repair();
	lost_end();
	evtimer_init(&house_timer, housekeeping, NULL);
	evtimer_set(&house_timer, STORE_HOUSE_MS);
}

/* A new configuration; the first one confines us. */
static void
conf_use(struct conf *conf)
{
	struct msg_ready	 ready;
	struct conf		*old;
	int			 fd;

	old = store.conf;
	store.conf = conf;
	if (old == NULL) {
		/* Never read or written, so there always is room. */
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd == -1 || ev_add(&round_ev, fd, 0, round_end,
		    NULL) == -1)
			fatal("eventfd");
		confine(&conf->g);
		open_state();
	}
	member_conf();
	http_forget();
	audit_switch();
	conf_unref(old);
	if (imsg_compose(&store.master, IMSG_CONF_DONE, 0, -1, NULL,
	    0) == -1)
		fatal("master");
	memset(&ready, 0, sizeof(ready));
	if (old == NULL && imsg_compose(&store.master, IMSG_READY, 0, -1,
	    &ready, sizeof(ready)) == -1)
		fatal("master");
	store_want_write();
}

static void
master_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;
	int		 n;

	if ((events & EPOLLOUT) && imsgbuf_flush(&store.master) == -1)
		finish();
	for (;;) {
		n = imsg_read(&store.master, &imsg);
		if (n == 0)
			break;
		/* A channel that is lost does not come again. */
		if (n == -1 && (errno == EBADMSG || errno == EMFILE))
			fatal("frame from master");
		if (n == -1)
			finish();
		master_frame(&imsg);
		imsg_free(&imsg);
	}
	store_want_write();
	peer_reap();
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
		if (store.conf == NULL || chan.peer != PROC_PROXY)
			fatalx("channel to %s %u",
			    proto_proc_name(chan.peer), chan.instance);
		peer_new(imsg_take_fd(imsg), &chan);
		break;
	case IMSG_CTL_LISTEN:
		control_listen(imsg_take_fd(imsg));
		break;
	case IMSG_METRICS_LISTEN:
		http_listen(imsg_take_fd(imsg));
		break;
	case IMSG_AUDIT_FILE:
		audit_target(imsg_take_fd(imsg), 0);
		break;
	case IMSG_AUDIT_JOURNAL:
		audit_target(imsg_take_fd(imsg), 1);
		break;
	case IMSG_STATUS:
		memcpy(&store.status, imsg->data, sizeof(store.status));
		break;
	case IMSG_CTL_ROW:
	case IMSG_CTL_END:
		control_answer(NULL, imsg);
		break;
	case IMSG_DRAIN:
		store.draining = 1;
		check_end();
		break;
	default:
		n = conf_frame(&building, imsg->type, imsg_take_fd(imsg),
		    imsg->data, imsg->len);
		if (n == -1)
			fatal("configuration from master");
		if (n == 1) {
			conf = building;
			building = NULL;
			conf_use(conf);
		}
		break;
	}
}

static void
peer_new(int fd, const struct msg_chan *chan)
{
	struct peer	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		fatal("%s", __func__);
	p->instance = chan->instance;
	TAILQ_INIT(&p->records);
	imsgbuf_init(&p->ib, fd, PROC_STORE, PROC_PROXY);
	p->ib.state = PEER_IDLE;
	if (ev_add(&p->ev, fd, EPOLLIN, peer_event, p) == -1)
		fatal("ev_add");
	TAILQ_INSERT_TAIL(&store.peers, p, entry);
	log_debug("proxy %u: connected", p->instance);
	member_send_all(p);
}

void
peer_want_write(struct peer *p)
{
	if (p->ib.fd != -1)
		ev_mod(&p->ev, EPOLLIN |
		    (p->ib.nqueued > 0 || p->streaming ? EPOLLOUT : 0));
}

int
peer_compose(struct peer *p, uint32_t type, uint64_t id, int fd,
    const void *data, size_t len)
{
	if (p->ib.fd == -1) {
		if (fd != -1)
			close(fd);
		errno = EPIPE;
		return (-1);
	}
	if (imsg_compose(&p->ib, type, id, fd, data, len) == -1) {
		/* It does not read, or is about to be reported dead. */
		if (errno == ENOBUFS)
			peer_fault(p, FAULT_TIMEOUT, "does not read");
		else
			peer_drop(p);
		errno = EPIPE;
		return (-1);
	}
	peer_want_write(p);
	return (0);
}

/*
 * Callers may still hold the pointer, or walk through the list: the channel
 * is closed at once, the rest follows at the end of the event.
 */
void
peer_drop(struct peer *p)
{
	if (p->ib.fd == -1)
		return;
	ev_del(&p->ev);
	imsgbuf_clear(&p->ib);
	store_round();
}

void
peer_fault(struct peer *p, uint32_t reason, const char *what)
{
	struct msg_peer_bad	 bad;

	if (p->ib.fd == -1)
		return;
	log_warnx("proxy %u: %s, dropped", p->instance, what);
	memset(&bad, 0, sizeof(bad));
	bad.peer = PROC_PROXY;
	bad.instance = p->instance;
	bad.reason = reason;
	if (imsg_compose(&store.master, IMSG_PEER_BAD, 0, -1, &bad,
	    sizeof(bad)) == -1)
		log_warn("master");
	store_want_write();
	peer_drop(p);
}

void
peer_bad(struct peer *p, const char *what)
{
	peer_fault(p, FAULT_DATA, what);
}

/* What can be added up of a proxy that is gone. */
static void
stats_past(const struct msg_stats *s)
{
	struct msg_stats	*p;
	int			 i, k;

	p = &store.past;
	p->sessions += s->sessions;
	p->refused += s->refused;
	p->messages += s->messages;
	p->bytes += s->bytes;
	for (i = 0; i < VERDICT_MAX; i++)
		p->verdict[i] += s->verdict[i];
	for (i = 0; i < STATS_ACTIONS; i++)
		p->action[i] += s->action[i];
	p->parse_us += s->parse_us;
	p->scan_us += s->scan_us;
	p->deliver_us += s->deliver_us;
	p->receive_us += s->receive_us;
	for (i = 0; i < STATS_PHASE_MAX; i++)
		for (k = 0; k < STATS_BUCKETS; k++)
			p->bucket[i][k] += s->bucket[i][k];
}

static void
peer_gone(struct peer *p)
{
	log_debug("proxy %u: gone", p->instance);
	TAILQ_REMOVE(&store.peers, p, entry);
	stats_past(&p->stats);
	record_forget(p);
	outbox_lost(p);
	control_lost(p);
	send_lost(p);
	free(p);
}

/* Those whose channels have been closed; also more of them by doing so. */
static void
peer_reap(void)
{
	struct peer	*p;

again:
	TAILQ_FOREACH(p, &store.peers, entry)
		if (p->ib.fd == -1) {
			peer_gone(p);
			goto again;
		}
	check_end();
}

static void
peer_event(int fd, uint32_t events, void *arg)
{
	struct peer	*p;
	struct imsg	 imsg;
	int		 n, i;

	p = arg;
	if ((events & EPOLLOUT) && imsgbuf_flush(&p->ib) == -1)
		peer_drop(p);
	if ((events & EPOLLOUT) && p->ib.fd != -1 && p->streaming)
		member_stream(p);
	for (i = 0; i < ROUND && p->ib.fd != -1; i++) {
		n = imsg_read(&p->ib, &imsg);
		if (n == 0)
			break;
		if (n == 1) {
			peer_frame(p, &imsg);
			imsg_free(&imsg);
		} else if (errno == EBADMSG)
			peer_fault(p, FAULT_FRAME, "sent a bad frame");
		else if (errno == EMFILE)
			peer_fault(p, FAULT_DATA, "a descriptor was lost");
		else
			peer_drop(p);
	}
	peer_want_write(p);
	peer_reap();
}

/*
 * Counted by one proxy, and of interest to all others.  Who does not keep up
 * with it, for a moment or since somebody floods it, misses some: that costs
 * a rule a few events, and not a worker its sessions.
 */
static void
count_relay(const struct peer *from, const struct msg_count *c)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &store.peers, entry)
		if (p != from && p->ib.fd != -1 &&
		    p->ib.nqueued < COUNTS_QUEUE_MAX)
			peer_compose(p, IMSG_COUNT, 0, -1, c, sizeof(*c));
}

static void
peer_frame(struct peer *p, struct imsg *imsg)
{
	struct msg_record_reply	 reply;
	struct msg_member	 m;
	struct msg_count	 c;
	struct msg_tally	 tally;
	struct msg_fate		 fate;

	switch (imsg->type) {
	case IMSG_RECORD:
	case IMSG_RECORD_RCPT:
	case IMSG_RECORD_FACT:
	case IMSG_RECORD_OUT:
	case IMSG_RECORD_MAIL:
	case IMSG_RECORD_END:
		if (record_frame(p, imsg) == -1)
			peer_bad(p, "sent an impossible record");
		break;
	case IMSG_RECORD_REPLY:
		if (proto_get_record_reply(imsg->data, &reply) == -1)
			peer_bad(p, "sent an impossible reply");
		else {
			record_reply(&reply);
			audit_reply(&reply);
		}
		break;
	case IMSG_RECORD_FATE:
		memcpy(&fate, imsg->data, sizeof(fate));
		outbox_fate(p, imsg->id, fate.arrived != 0);
		break;
	case IMSG_MEMBER_ADD:
		if (proto_get_member(imsg->data, &m) == -1)
			peer_bad(p, "sent an impossible member");
		else
			member_wish(&m);
		break;
	case IMSG_COUNT:
		if (proto_get_count(imsg->data, &c) == -1)
			peer_bad(p, "sent an impossible count");
		else
			count_relay(p, &c);
		break;
	case IMSG_TALLY:
		if (proto_get_tally(imsg->data, &tally) == -1)
			peer_bad(p, "sent an impossible name");
		else
			tally_add(tally.name);
		break;
	case IMSG_STATS:
		memcpy(&p->stats, imsg->data, sizeof(p->stats));
		break;
	case IMSG_SEND_DONE:
		if (send_frame(p, imsg) == -1)
			peer_bad(p, "sent an impossible answer");
		break;
	case IMSG_CTL_ROW:
	case IMSG_CTL_END:
		control_answer(p, imsg);
		break;
	default:
		fatalx("%s: %s not handled", __func__,
		    proto_imsg_name(imsg->type));
	}
}

/*
 * The end of a round of events: epoll(7) queues this descriptor behind all
 * that are ready now, so that what they bring shares one commit.
 */
void
store_round(void)
{
	ev_mod(&round_ev, EPOLLOUT);
}

static void
round_end(int fd, uint32_t events, void *arg)
{
	ev_mod(&round_ev, 0);
	if (store.answers)
		store_commit();
	peer_reap();
}

/* One attempt for all that was written: on disk, and those who wait hear. */
int
store_commit(void)
{
	int	 error;

	error = 0;
	if (quarantine_sync() == -1 || outbox_sync() == -1)
		db_fail(errno);
	if (db_commit() == -1)
		error = errno != 0 ? errno : EIO;
	store.answers = 0;
	/* Who hears that it failed finds nothing of it left. */
	quarantine_committed(error);
	outbox_committed(error);
	record_committed(error);
	if (error != 0)
		member_recount();
	return (error);
}

/* Every half second: what nobody waits for, and what is too old. */
static void
housekeeping(void *arg)
{
	int	 more;

	audit_expire();
	more = quarantine_expire();
	more |= record_expire();
	more |= member_expire();
	kernel_again();
	more |= notice_run();
	/* On a disk that is full nothing goes away faster by trying. */
	if (store_commit() != 0)
		more = 0;
	outbox_send();
	peer_reap();
	evtimer_set(&house_timer, more ? 0 : STORE_HOUSE_MS);
}

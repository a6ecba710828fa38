/* SPDX-License-Identifier: ISC */

/*
 * Messages that leave the quarantine: what a proxy is sent, which of its
 * answers are taken, and what becomes of them when it is gone.  The files of
 * the store are the product's; main.c is replaced by what is below.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "outbox.h"
#include "store.h"

#include "unit.h"

#define TEXT	"From: a@example.org\r\n\r\nHello\r\n"

struct store		 store;
static struct conf	 conf;
static struct imsgbuf	 far[2];	/* the proxies' ends */
static struct peer	 peer[2];
static unsigned int	 ndone;
static struct msg_send_done done;
static void		*done_arg;
static char		 dir[] = "/tmp/mw-send-XXXXXX";
static int		 outside;	/* the root that was */
static int		 frames_left;	/* then a proxy ends; 0: never */

static void	 on_done(void *, const struct msg_send_done *);
static void	 setup(void);
static void	 cleanup(void);
static uint64_t	 keep(uint32_t, const char *, uint16_t);
static int	 take(unsigned int, uint32_t, struct imsg *);
static int	 take_all(unsigned int, uint64_t *, unsigned int *);
static int	 reply(unsigned int, uint64_t, uint32_t, uint32_t,
		    const char *);
static uint64_t	 state(uint64_t);
static void	 test_frames(void);
static void	 test_rcpts(void);
static void	 test_refused(void);
static void	 test_answers(void);
static void	 test_lost(void);
static void	 test_two(void);
static void	 test_broken(void);
static void	 test_no_room(void);
static void	 old_records(unsigned int, unsigned int);
static void	 test_expire(void);

/* main.c */

void
store_want_write(void)
{
}

void
store_round(void)
{
}

int
store_commit(void)
{
	int	 error;

	error = 0;
	if (quarantine_sync() == -1)
		db_fail(errno);
	if (db_commit() == -1)
		error = errno;
	record_committed(error);
	quarantine_committed(error);
	return (error);
}

void
peer_want_write(struct peer *p)
{
}

int
peer_compose(struct peer *p, uint32_t type, uint64_t id, int fd,
    const void *data, size_t len)
{
	if (frames_left > 0 && --frames_left == 0)
		imsgbuf_clear(&p->ib);
	if (p->ib.fd == -1) {
		if (fd != -1)
			close(fd);
		errno = EPIPE;
		return (-1);
	}
	return (imsg_compose(&p->ib, type, id, fd, data, len));
}

void
peer_drop(struct peer *p)
{
}

void
peer_fault(struct peer *p, uint32_t fault, const char *what)
{
}

void
peer_bad(struct peer *p, const char *what)
{
}

static void
on_done(void *arg, const struct msg_send_done *d)
{
	done_arg = arg;
	done = *d;
	ndone++;
}

static void
setup(void)
{
	int	 sv[2], i;

	outside = open("/", O_RDONLY | O_DIRECTORY);
	if (outside == -1 || mkdtemp(dir) == NULL || chroot(dir) == -1 ||
	    chdir("/") == -1 ||
	    mkdir("/quarantine", 0700) == -1 || mkdir("/outbox", 0700) == -1)
		fatal("%s", dir);
	conf.g.quarantine_max = 1 << 20;
	conf.g.quarantine_keep = 86400;
	store.conf = &conf;
	TAILQ_INIT(&store.peers);
	quarantine_begin();
	outbox_begin();
	db_open(quarantine_new);
	for (i = 0; i < 2; i++) {
		if (imsg_pair(sv) == -1)
			fatal("imsg_pair");
		imsgbuf_init(&peer[i].ib, sv[0], PROC_STORE, PROC_PROXY);
		imsgbuf_init(&far[i], sv[1], PROC_PROXY, PROC_STORE);
		TAILQ_INIT(&peer[i].records);
	}
}

static void
cleanup(void)
{
	struct dirent	*d;
	DIR		*dp;

	db_close();
	if ((dp = opendir("/quarantine")) == NULL)
		fatal("opendir");
	while ((d = readdir(dp)) != NULL)
		if (d->d_name[0] != '.')
			unlinkat(dirfd(dp), d->d_name, 0);
	closedir(dp);
	if (rmdir("/quarantine") == -1 || rmdir("/outbox") == -1 ||
	    unlink("/store.db") == -1 ||
	    fchdir(outside) == -1 || chroot(".") == -1 || rmdir(dir) == -1)
		fatal("%s", dir);
}

/* A message in quarantine with so many recipients: its number. */
static uint64_t
keep(uint32_t nrcpt, const char *dest, uint16_t port)
{
	struct msg_record	 r;
	struct msg_mail		 m;
	struct imsg		 imsg;
	sqlite3_stmt		*s;
	char			 path[64];
	uint32_t		 i;

	memset(&r, 0, sizeof(r));
	r.flags = RECORD_SYNC | RECORD_QUARANTINE;
	r.nrcpt = nrcpt;
	if (*dest != '\0')
		addr_parse(&r.dest, dest);
	r.dest.port = port;
	strlcpy(r.from, "a@example.org", sizeof(r.from));
	memset(&imsg, 0, sizeof(imsg));
	imsg.id = 1;
	imsg.fd = -1;
	imsg.type = IMSG_RECORD;
	imsg.data = &r;
	imsg.len = sizeof(r);
	if (record_frame(&peer[0], &imsg) == -1)
		fatal("record");
	imsg.type = IMSG_RECORD_RCPT;
	imsg.data = path;
	for (i = 0; i < nrcpt; i++) {
		imsg.len = (size_t)snprintf(path, sizeof(path),
		    "recipient-%05u@example.org", i) + 1;
		if (record_frame(&peer[0], &imsg) == -1)
			fatal("rcpt");
	}
	imsg.type = IMSG_RECORD_MAIL;
	imsg.data = &m;
	imsg.len = sizeof(m);
	m.size = strlen(TEXT);
	imsg.fd = memfd_create("t", MFD_ALLOW_SEALING);
	if (write(imsg.fd, TEXT, strlen(TEXT)) != (ssize_t)strlen(TEXT) ||
	    fcntl(imsg.fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW) == -1 || record_frame(&peer[0], &imsg) == -1)
		fatal("mail");
	imsg.type = IMSG_RECORD_END;
	imsg.len = 0;
	imsg.fd = -1;
	if (record_frame(&peer[0], &imsg) == -1 || store_commit() != 0)
		fatal("end");
	if (!take(0, IMSG_RECORD_DONE, &imsg))
		fatalx("no answer");
	s = db_prepare("SELECT max(number) FROM quarantine");
	return (db_number(s));
}

/* The next frame that proxy i has got is of this type: 1 or 0. */
static int
take(unsigned int i, uint32_t type, struct imsg *imsg)
{
	return (imsg_read(&far[i], imsg) == 1 && imsg->type == type);
}

/* All of a message: its id, its recipients; 1 if it is well. */
static int
take_all(unsigned int i, uint64_t *id, unsigned int *nrcpt)
{
	struct msg_send	 send;
	struct msg_mail	 m;
	struct imsg	 imsg;
	char		 buf[128];
	int		 n, ok;

	if (!take(i, IMSG_SEND, &imsg))
		return (0);
	*id = imsg.id;
	memcpy(&send, imsg.data, sizeof(send));
	*nrcpt = 0;
	while ((n = imsg_read(&far[i], &imsg)) == 1 &&
	    imsg.type == IMSG_SEND_RCPT) {
		n = proto_strings(imsg.data, imsg.len);
		if (n == -1 || imsg.id != *id)
			return (0);
		*nrcpt += (unsigned int)n;
	}
	if (n != 1 || imsg.type != IMSG_SEND_MAIL || imsg.id != *id)
		return (0);
	memcpy(&m, imsg.data, sizeof(m));
	ok = m.size == strlen(TEXT) &&
	    read(imsg.fd, buf, sizeof(buf)) == (ssize_t)strlen(TEXT) &&
	    memcmp(buf, TEXT, strlen(TEXT)) == 0 &&
	    write(imsg.fd, "x", 1) == -1 && send.nrcpt == *nrcpt &&
	    strcmp(send.from, "a@example.org") == 0 &&
	    send.dest.family == 4 && send.dest.port == 25;
	imsg_free(&imsg);
	return (ok);
}

/* Proxy i says what became of it: what send_frame() says. */
static int
reply(unsigned int i, uint64_t id, uint32_t code, uint32_t naccepted,
    const char *text)
{
	struct msg_send_done	 d;
	struct imsg		 imsg;

	memset(&d, 0, sizeof(d));
	d.code = code;
	d.naccepted = naccepted;
	strlcpy(d.text, text, sizeof(d.text));
	memset(&imsg, 0, sizeof(imsg));
	imsg.type = IMSG_SEND_DONE;
	imsg.id = id;
	imsg.fd = -1;
	imsg.data = &d;
	imsg.len = sizeof(d);
	return (send_frame(&peer[i], &imsg));
}

static uint64_t
state(uint64_t number)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT state FROM quarantine WHERE number = ?");
	db_int(s, 1, number);
	return (db_number(s));
}

static void
test_frames(void)
{
	uint64_t	 number, id;
	unsigned int	 n;

	number = keep(3, "192.0.2.25", 25);
	CASE("started", send_start(number, "", on_done, &conf) == 0);
	CASE("frames, in order", take_all(0, &id, &n) && n == 3);
	CASE("not twice", send_start(number, "", on_done, NULL) == -1 &&
	    errno == EBUSY);
	CASE("counted", peer[0].nsends == 1);
	ndone = 0;
	CASE("answer", reply(0, id, 250, 3, "250 2.0.0 ok") == 0);
	CASE("told once", ndone == 1 && done_arg == &conf &&
	    done.code == 250 && strcmp(done.text, "250 2.0.0 ok") == 0);
	CASE("marked", state(number) == QUARANTINE_RELEASED);
	CASE("over", peer[0].nsends == 0 &&
	    reply(0, id, 250, 3, "250 again") == -1);
	CASE("again, when it is over",
	    send_start(number, "", on_done, NULL) == 0 &&
	    take_all(0, &id, &n) && reply(0, id, 451, 0, "451 later") == 0);
}

static void
test_rcpts(void)
{
	uint64_t	 number, id;
	unsigned int	 n;

	number = keep(2000, "192.0.2.25", 25);
	CASE("two thousand recipients",
	    send_start(number, "", on_done, NULL) == 0 &&
	    take_all(0, &id, &n) && n == 2000);
	CASE("refused by its server", reply(0, id, 550, 0, "550 no") == 0 &&
	    state(number) == QUARANTINE_KEPT);
	CASE("another recipient", send_start(number, "x@example.net",
	    on_done, NULL) == 0 && take_all(0, &id, &n) && n == 1);
	CASE("and its answer", reply(0, id, 250, 1, "250 ok") == 0);
}

static void
test_refused(void)
{
	uint64_t	 number;
	char		 path[SMTP_ADDR_MAX + 1], name[32];

	CASE("no such message", send_start(4711, "", on_done, NULL) == -1 &&
	    errno == ENOENT);
	number = keep(0, "192.0.2.25", 25);
	CASE("no recipients", send_start(number, "", on_done, NULL) == -1 &&
	    errno == EINVAL);
	number = keep(1, "", 0);
	CASE("no server", send_start(number, "", on_done, NULL) == -1 &&
	    errno == EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	number = keep(1, "192.0.2.25", 25);
	CASE("too long a recipient", send_start(number, path, on_done,
	    NULL) == -1 && errno == EINVAL);
	snprintf(name, sizeof(name), "/quarantine/%llu",
	    (unsigned long long)number);
	CASE("its file is gone", unlink(name) == 0 && send_start(number, "",
	    on_done, NULL) == -1 && errno == ENOENT);
	TAILQ_REMOVE(&store.peers, &peer[0], entry);
	number = keep(1, "192.0.2.25", 25);
	CASE("no proxy", send_start(number, "", on_done, NULL) == -1 &&
	    errno == EAGAIN);
	TAILQ_INSERT_TAIL(&store.peers, &peer[0], entry);
}

static void
test_answers(void)
{
	uint64_t	 number, id;
	unsigned int	 n;

	number = keep(2, "192.0.2.25", 25);
	CASE("one to answer", send_start(number, "", on_done, NULL) == 0 &&
	    take_all(0, &id, &n));
	ndone = 0;
	CASE("unknown id", reply(0, id + 1, 250, 2, "250 ok") == -1);
	CASE("another proxy's", reply(1, id, 250, 2, "250 ok") == -1);
	CASE("too many recipients", reply(0, id, 250, 3, "250 ok") == -1);
	CASE("no such code", reply(0, id, 999, 0, "999") == -1);
	CASE("control characters", reply(0, id, 250, 2, "a\nb") == -1);
	CASE("none of them counts", ndone == 0 &&
	    state(number) == QUARANTINE_KEPT);
	send_forget(NULL);
	CASE("forgotten: it is marked, and nobody told",
	    reply(0, id, 250, 2, "250 ok") == 0 && ndone == 0 &&
	    state(number) == QUARANTINE_RELEASED);
}

static void
test_lost(void)
{
	uint64_t	 a, b, id;
	unsigned int	 n;

	a = keep(1, "192.0.2.25", 25);
	b = keep(1, "192.0.2.25", 25);
	CASE("two on their way", send_start(a, "", on_done, NULL) == 0 &&
	    send_start(b, "", on_done, NULL) == 0 && take_all(0, &id, &n) &&
	    take_all(0, &id, &n));
	ndone = 0;
	send_lost(&peer[1]);
	CASE("another proxy is gone", ndone == 0);
	send_lost(&peer[0]);
	CASE("theirs is gone", ndone == 2 && done.code == 0 &&
	    done.text[0] != '\0' && peer[0].nsends == 0);
	CASE("they are still kept", state(a) == QUARANTINE_KEPT &&
	    state(b) == QUARANTINE_KEPT);
}

/* The proxy with the least to do gets the next one. */
static void
test_two(void)
{
	uint64_t	 number[4], id[4];
	unsigned int	 i, n;
	int		 ok;

	TAILQ_INSERT_TAIL(&store.peers, &peer[1], entry);
	ok = 1;
	for (i = 0; i < 4; i++)
		number[i] = keep(1, "192.0.2.25", 25);
	for (i = 0; i < 4; i++)
		if (send_start(number[i], "", on_done, NULL) == -1)
			ok = 0;
	CASE("four for two", ok && peer[0].nsends == 2 &&
	    peer[1].nsends == 2);
	for (i = 0; i < 4; i++)
		if (!take_all(i % 2, &id[i], &n) ||
		    reply(i % 2, id[i], 250, 1, "250 ok") == -1)
			ok = 0;
	CASE("both have answered", ok && peer[0].nsends == 0 &&
	    peer[1].nsends == 0);
}

/*
 * What makes room for a message that then is not kept after all stays, as its
 * row does.
 */
static void
test_no_room(void)
{
	struct imsg	 imsg;
	sqlite3_stmt	*s;
	uint64_t	 old, n;
	int		 fd;

	conf.g.quarantine_keep = 0;
	old = keep(1, "192.0.2.25", 25);
	conf.g.quarantine_keep = 86400;
	conf.g.quarantine_max = 0;
	n = keep(1, "192.0.2.25", 25);
	conf.g.quarantine_max = 1 << 20;
	CASE("no room, nothing new", n == old);
	fd = quarantine_open(old);
	CASE("what was to go is still there", fd != -1);
	if (fd != -1)
		close(fd);
	CASE("it goes, then", quarantine_expire() == 0 &&
	    store_commit() == 0 && quarantine_open(old) == -1);
	s = db_prepare("SELECT 1 FROM quarantine WHERE number = ?");
	db_int(s, 1, old);
	CASE("and its row", db_number(s) == 0);
	(void)take(0, IMSG_RECORD_DONE, &imsg);
}

/* So many old records, with so many recipients each. */
static void
old_records(unsigned int n, unsigned int nrcpt)
{
	char	 sql[1024];

	snprintf(sql, sizeof(sql), "WITH RECURSIVE i (n) AS (SELECT 1 UNION "
	    "ALL SELECT n + 1 FROM i WHERE n < %u) INSERT INTO record SELECT "
	    "NULL, 9, n, '', 0, '', 0, '', '', '', '', 0, 0, 0, 0, '', '', "
	    "0, %u, 0, 0, 0, 0, 0 FROM i; WITH RECURSIVE i (n) AS (SELECT 1 "
	    "UNION ALL SELECT n + 1 FROM i WHERE n < %u) INSERT INTO "
	    "recipient SELECT number, n, 'a' FROM record, i WHERE "
	    "session = 9;", n, nrcpt, nrcpt);
	if (sqlite3_exec(store.db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fatalx("%s", sqlite3_errmsg(store.db));
}

/* Records that go, with all that they have, in parts of a bounded size. */
static void
test_expire(void)
{
	sqlite3_stmt	*s;
	uint64_t	 n, before, most;
	unsigned int	 rounds;

	old_records(20, 10000);
	conf.g.audit_keep = 86400;
	record_rescan();
	most = 0;
	s = db_prepare("SELECT count(*) FROM recipient");
	before = db_number(s);
	for (rounds = 0; rounds < 100; rounds++) {
		if (!record_expire())
			break;
		store_commit();
		n = db_number(s);
		if (before - n > most)
			most = before - n;
		before = n;
	}
	CASE("in parts", rounds > 5 && rounds < 100 && most <= 30000);
	s = db_prepare("SELECT count(*) FROM record WHERE session = 9");
	CASE("all of them", store_commit() == 0 && db_number(s) == 0);
}

/* A proxy that ends between two frames of recipients. */
static void
test_broken(void)
{
	uint64_t	 number;

	number = keep(2000, "192.0.2.25", 25);
	TAILQ_REMOVE(&store.peers, &peer[1], entry);
	ndone = 0;
	frames_left = 3;
	CASE("started, for all that is known",
	    send_start(number, "", on_done, NULL) == 0);
	send_lost(&peer[0]);
	CASE("it was not sent", ndone == 1 && done.code == 0 &&
	    state(number) == QUARANTINE_KEPT);
}

int
main(void)
{
	log_init(LOG_TO_STDERR, "test_send", 0);
	setup();
	TAILQ_INSERT_TAIL(&store.peers, &peer[0], entry);
	test_frames();
	test_rcpts();
	test_refused();
	test_answers();
	test_lost();
	test_two();
	test_no_room();
	test_expire();
	test_broken();
	cleanup();
	return (unit_failed);
}

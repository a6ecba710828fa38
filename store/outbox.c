/* SPDX-License-Identifier: ISC */

/*
 * Messages that wait to be sent: a row and a file each, for one recipient, so
 * that one that is refused does not keep the others.  They are tried until
 * the server has taken them, has refused them for good, or their time is
 * over.  Nothing is bounced: what was somebody's mail goes into quarantine
 * then, and the log says so.
 *
 * What has been sent is sent again if we die before that is on disk: better
 * twice than never.  As long as we live it is not, even where no row can be
 * changed since the disk is full.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "files.h"
#include "outbox.h"

#define DUE		(2 * OUTBOX_SENDS_MAX) /* rows looked at: those that
						   are sent are among them */
#define TRIES		8	/* numbers that are taken */
#define SERVERS		256	/* looked at in one round */

enum outcome {
	OUT_UNKNOWN,		/* it is being sent */
	OUT_SENT,
	OUT_LATER,
	OUT_REFUSED
};

/* Where one goes, as its row says. */
struct server {
	char			 ip[ADDR_STRLEN];
	uint64_t		 port;
};

/* One that is being sent, or whose row does not say yet what became of it. */
struct going {
	TAILQ_ENTRY(going)	 entry;
	uint64_t		 number;
	struct server		 server;
	enum outcome		 outcome;
	char			 text[CONF_REPLY_MAX];	/* the server's */
};

static struct going *going_find(uint64_t);
static unsigned int going_to(const struct server *);
static int	 room(uint64_t);
static int	 insert(const struct outgoing *, uint64_t, uint64_t *);
static int	 try_put(const struct outgoing *, int, const void *, uint64_t,
		    uint64_t *);
static int	 put(const struct outgoing *, int, const void *, uint64_t);
static int	 load(uint64_t, struct msg_send *, char *, uint64_t *);
static int	 start(uint64_t, const struct server *);
static void	 turned_back(uint64_t);
static int	 next_server(struct server *);
static int	 send_to(const struct server *, uint64_t);
static void	 done(void *, const struct msg_send_done *);
static void	 settle(struct going *);
static int	 settle_row(const struct going *);
static int	 row_delete(uint64_t);
static int	 put_off(const struct going *, uint64_t, uint64_t, uint64_t);
static int	 give_up(const struct going *, uint64_t, uint64_t, uint32_t);
static int	 keep(const struct going *, uint64_t, uint64_t);
static void	 count(void);
static int	 has_row(uint64_t);

static struct files		 files;
static TAILQ_HEAD(, going)	 goings = TAILQ_HEAD_INITIALIZER(goings);
static unsigned int		 ngoing;

void
outbox_begin(void)
{
	files_open(&files, "outbox");
}

void
outbox_new(void)
{
	files_none(&files);
}

static void
count(void)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT sum(size) FROM outbox WHERE state <> ?");
	db_int(s, 1, OUTBOX_LOST);
	files.used = db_number(s);
}

static int
has_row(uint64_t number)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT 1 FROM outbox WHERE number = ?");
	db_int(s, 1, number);
	return (db_number(s) == 1);
}

/* Whose fate was not told before we died is sent. */
void
outbox_repair(void)
{
	sqlite3_stmt	*s, *lost;
	uint64_t	 number;

	/* Copies and redirected messages are somebody's mail, too. */
	db_skip("outbox", files_repair(&files, has_row));
	db_write();
	s = db_prepare("UPDATE outbox SET state = ? WHERE state = ?");
	db_int(s, 1, OUTBOX_WAITING);
	db_int(s, 2, OUTBOX_PENDING);
	db_run(s);
	lost = db_prepare("UPDATE outbox SET state = ? WHERE number = ?");
	s = db_prepare("SELECT number, size FROM outbox WHERE state <> ?");
	db_int(s, 1, OUTBOX_LOST);
	while (db_row(s)) {
		number = db_get(s, 0);
		if (files_whole(&files, number, db_get(s, 1)))
			continue;
		db_int(lost, 1, OUTBOX_LOST);
		db_int(lost, 2, number);
		if (db_run(lost) == -1)
			break;
	}
	db_done(s);
	if (db_commit() == -1)
		log_warn("outbox: not repaired");
	count();
}

void
outbox_mark(struct files_mark *mark)
{
	files_mark(&files, mark);
}

void
outbox_undo(const struct files_mark *mark)
{
	files_undo(&files, mark);
}

int
outbox_sync(void)
{
	return (files_sync(&files));
}

void
outbox_committed(int error)
{
	files_committed(&files, error);
	if (error != 0)
		count();
}

int
outbox_open(uint64_t number)
{
	return (files_get(&files, number));
}

static struct going *
going_find(uint64_t number)
{
	struct going	*g;

	TAILQ_FOREACH(g, &goings, entry)
		if (g->number == number)
			break;
	return (g);
}

static unsigned int
going_to(const struct server *server)
{
	struct going	*g;
	unsigned int	 n;

	n = 0;
	TAILQ_FOREACH(g, &goings, entry)
		n += g->server.port == server->port &&
		    strcmp(g->server.ip, server->ip) == 0;
	return (n);
}

int
outbox_is_sent(uint64_t number)
{
	return (going_find(number) != NULL);
}

/* ---- in ------------------------------------------------------------------ */

static int
room(uint64_t size)
{
	uint64_t	 n, max;

	max = store.conf->outbox.size;
	n = db_number(db_prepare("SELECT count(*) FROM outbox"));
	if (n < OUTBOX_ROWS_MAX && size <= max && files.used <= max - size)
		return (0);
	log_warnx("outbox: full: %" PRIu64 " messages, %" PRIu64 " bytes of "
	    "%" PRIu64 ", %" PRIu64 " more wanted", n, files.used, max, size);
	errno = ENOSPC;
	return (-1);
}

static int
insert(const struct outgoing *o, uint64_t size, uint64_t *number)
{
	sqlite3_stmt	*s;
	uint64_t	 now;
	char		 server[ADDR_STRLEN];

	now = (uint64_t)time(NULL);
	s = db_prepare("INSERT INTO outbox (record, kind, state, size, "
	    "sender, rcpt, server, port, time, next, expires, owner, ident) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	db_int(s, 1, o->record);
	db_int(s, 2, o->kind);
	db_int(s, 3, o->kind == OUT_COPY ? OUTBOX_PENDING : OUTBOX_WAITING);
	db_int(s, 4, size);
	db_text(s, 5, o->from);
	db_text(s, 6, o->to);
	db_text(s, 7, addr_ip(&o->server, server, sizeof(server)));
	db_int(s, 8, o->server.port);
	db_int(s, 9, now);
	db_int(s, 10, now);
	db_int(s, 11, now + store.conf->outbox.keep);
	db_int(s, 12, o->owner);
	db_int(s, 13, o->ident);
	if (db_run(s) == -1)
		return (-1);
	*number = (uint64_t)sqlite3_last_insert_rowid(store.db);
	return (0);
}

/* Row and file, or neither: 0 with its number, or an errno. */
static int
try_put(const struct outgoing *o, int fd, const void *text, uint64_t size,
    uint64_t *number)
{
	char	 digest[65];
	int	 error, ret;

	*number = 0;
	if (insert(o, size, number) == -1)
		error = errno;
	else {
		ret = text == NULL ? files_put(&files, *number, fd, size,
		    digest) : files_put_text(&files, *number, text,
		    (size_t)size);
		error = ret == -1 ? errno : 0;
	}
	if (error != 0)
		db_run(db_prepare("ROLLBACK TO outbox"));
	return (error);
}

static int
put(const struct outgoing *o, int fd, const void *text, uint64_t size)
{
	uint64_t	 number;
	unsigned int	 i;
	int		 error;

	if (room(size) == -1)
		return (-1);
	db_write();
	if (db_run(db_prepare("SAVEPOINT outbox")) == -1)
		return (-1);
	/*
	 * A number whose file could not be deleted would come again and
	 * again: here nothing else uses it up.
	 */
	i = 0;
	while ((error = try_put(o, fd, text, size, &number)) == EEXIST &&
	    number != 0 && i++ < TRIES)
		db_skip("outbox", number);
	db_run(db_prepare("RELEASE outbox"));
	if (error == 0) {
		log_info("outbox %" PRIu64 ": %s to %s", number,
		    conf_out_name(o->kind), o->to);
		return (0);
	}
	errno = error;
	return (-1);
}

int
outbox_put(const struct outgoing *o, int fd, uint64_t size)
{
	return (put(o, fd, NULL, size));
}

int
outbox_put_text(const struct outgoing *o, const void *text, size_t size)
{
	return (put(o, -1, text, size));
}

/*
 * A row that cannot be changed stays as it is: then a copy is sent that was
 * not wanted, after a restart, which is better than none.
 */
void
outbox_fate(const struct peer *p, uint64_t ident, int arrived)
{
	sqlite3_stmt	*s;
	uint64_t	 number[RULE_MAILS];
	unsigned int	 n, i;

	s = db_prepare("SELECT number FROM outbox WHERE state = ? AND "
	    "owner = ? AND ident = ?");
	db_int(s, 1, OUTBOX_PENDING);
	db_int(s, 2, p->instance);
	db_int(s, 3, ident);
	for (n = 0; n < RULE_MAILS && db_row(s); n++)
		number[n] = db_get(s, 0);
	db_done(s);
	for (i = 0; i < n; i++) {
		db_write();
		if (!arrived) {
			if (row_delete(number[i]) == -1)
				return;
			log_info("outbox %" PRIu64 ": not delivered, no copy",
			    number[i]);
			continue;
		}
		s = db_prepare("UPDATE outbox SET state = ? WHERE number = ?");
		db_int(s, 1, OUTBOX_WAITING);
		db_int(s, 2, number[i]);
		if (db_run(s) == -1)
			return;
	}
}

void
outbox_lost(const struct peer *p)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT count(*) FROM outbox WHERE state = ? AND "
	    "owner = ?");
	db_int(s, 1, OUTBOX_PENDING);
	db_int(s, 2, p->instance);
	if (db_number(s) == 0)
		return;
	db_write();
	s = db_prepare("UPDATE outbox SET state = ? WHERE state = ? AND "
	    "owner = ?");
	db_int(s, 1, OUTBOX_WAITING);
	db_int(s, 2, OUTBOX_PENDING);
	db_int(s, 3, p->instance);
	db_run(s);
}

/* ---- out ----------------------------------------------------------------- */

/*
 * What its row says, and to whom (MAIL_ADDR_MAX bytes): 0, or -1 for one that
 * can never be sent.
 */
static int
load(uint64_t number, struct msg_send *m, char *to, uint64_t *size)
{
	sqlite3_stmt	*s;
	uint64_t	 port;
	int		 ok;

	memset(m, 0, sizeof(*m));
	s = db_prepare("SELECT sender, rcpt, server, port, size FROM outbox "
	    "WHERE number = ?");
	db_int(s, 1, number);
	if (!db_row(s))
		fatalx("outbox %" PRIu64 ": no such row", number);
	port = db_get(s, 3);
	ok = addr_parse(&m->dest, db_string(s, 2)) == 0 && port <= 65535;
	m->dest.port = (uint16_t)port;
	strlcpy(m->from, db_string(s, 0), sizeof(m->from));
	ok &= strlcpy(to, db_string(s, 1), MAIL_ADDR_MAX) < MAIL_ADDR_MAX &&
	    to[0] != '\0';
	*size = db_get(s, 4);
	db_done(s);
	m->nrcpt = 1;
	return (ok ? 0 : -1);
}

/* 0, or -1 when no other can be sent now either. */
static int
start(uint64_t number, const struct server *server)
{
	struct msg_send	 m;
	struct going	*g;
	uint64_t	 size;
	char		 to[MAIL_ADDR_MAX];
	int		 fd;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		fatal("%s", __func__);
	g->number = number;
	g->server = *server;
	TAILQ_INSERT_TAIL(&goings, g, entry);
	ngoing++;
	if (load(number, &m, to, &size) == -1) {
		g->outcome = OUT_REFUSED;
		strlcpy(g->text, "it says no server or nobody to send it to",
		    sizeof(g->text));
		return (0);
	}
	if ((fd = outbox_open(number)) == -1) {
		log_warn("outbox %" PRIu64, number);
		g->outcome = OUT_LATER;
		strlcpy(g->text, "its file cannot be read", sizeof(g->text));
		return (0);
	}
	if (send_out(number, &m, to, fd, size, done, g) == 0)
		return (0);
	TAILQ_REMOVE(&goings, g, entry);
	ngoing--;
	free(g);
	return (-1);
}

/*
 * None waits for longer than that, unless the clock was wrong when it was put
 * off: then it is due, and lives no longer than others.
 */
static void
turned_back(uint64_t now)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT 1 FROM outbox WHERE state = ? AND next > ? "
	    "LIMIT 1");
	db_int(s, 1, OUTBOX_WAITING);
	db_int(s, 2, now + OUTBOX_RETRY_MAX);
	if (db_number(s) == 0)
		return;
	log_warnx("outbox: the clock was turned back, what waited for it is "
	    "sent now");
	db_write();
	s = db_prepare("UPDATE outbox SET next = ?, expires = "
	    "min(expires, ?) WHERE state = ? AND next > ?");
	db_int(s, 1, now);
	db_int(s, 2, now + store.conf->outbox.keep);
	db_int(s, 3, OUTBOX_WAITING);
	db_int(s, 4, now + OUTBOX_RETRY_MAX);
	db_run(s);
	store_commit();
}

/*
 * The next one behind *at, of all for whom something is in the outbox; after
 * the last one 0, and *at is before the first.
 */
static int
next_server(struct server *at)
{
	sqlite3_stmt	*s;
	struct server	 last;
	int		 found;

	last = *at;
	memset(at, 0, sizeof(*at));
	s = db_prepare("SELECT server, port FROM outbox WHERE state = ? AND "
	    "(server, port) > (?, ?) ORDER BY server, port LIMIT 1");
	db_int(s, 1, OUTBOX_WAITING);
	db_text(s, 2, last.ip);
	db_int(s, 3, last.port);
	if ((found = db_row(s))) {
		strlcpy(at->ip, db_string(s, 0), sizeof(at->ip));
		at->port = db_get(s, 1);
	}
	db_done(s);
	return (found);
}

/* What is due there, as far as it has room: 0, or -1 as from start(). */
static int
send_to(const struct server *server, uint64_t now)
{
	sqlite3_stmt	*s;
	uint64_t	 number[DUE];
	unsigned int	 n, i, room_left;

	if ((n = going_to(server)) >= OUTBOX_SENDS_MAX)
		return (0);
	room_left = OUTBOX_SENDS_MAX - n;
	s = db_prepare("SELECT number FROM outbox WHERE state = ? AND "
	    "server = ? AND port = ? AND next <= ? ORDER BY next LIMIT ?");
	db_int(s, 1, OUTBOX_WAITING);
	db_text(s, 2, server->ip);
	db_int(s, 3, server->port);
	db_int(s, 4, now);
	db_int(s, 5, DUE);
	for (n = 0; n < DUE && db_row(s); n++)
		number[n] = db_get(s, 0);
	db_done(s);
	for (i = 0; i < n && room_left > 0 && ngoing < OUTBOX_GOING_MAX; i++) {
		if (going_find(number[i]) != NULL)
			continue;
		if (start(number[i], server) == -1)
			return (-1);
		room_left--;
	}
	return (0);
}

/*
 * Each server has its turn, and no more than its share: one that is slow, or
 * whose owner wants to be, keeps what is for itself.
 */
void
outbox_send(void)
{
	static struct server	 at;
	struct going		*g, *next;
	uint64_t		 now;
	unsigned int		 i;

	for (g = TAILQ_FIRST(&goings); g != NULL; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (g->outcome != OUT_UNKNOWN)
			settle(g);
	}
	if (store.draining)
		return;
	now = (uint64_t)time(NULL);
	turned_back(now);
	for (i = 0; i < SERVERS && ngoing < OUTBOX_GOING_MAX; i++)
		if (!next_server(&at) || send_to(&at, now) == -1)
			break;
}

/* A proxy says how it went; arg is ours. */
static void
done(void *arg, const struct msg_send_done *d)
{
	struct going	*g;

	g = arg;
	strlcpy(g->text, d->text, sizeof(g->text));
	if (d->code / 100 == 2 && d->naccepted > 0)
		g->outcome = OUT_SENT;
	else if (d->code / 100 == 5)
		g->outcome = OUT_REFUSED;
	else
		g->outcome = OUT_LATER;
	settle(g);
	/* The next one need not wait for the next round. */
	outbox_send();
}

/*
 * Put on disk what became of it; what fails comes again, see outbox_send().
 * In any case nothing is left that is written and not on disk, which would be
 * sent next, and might not have been put into the outbox after all.
 */
static void
settle(struct going *g)
{
	int	 ret;

	db_write();
	ret = settle_row(g);
	if (store_commit() != 0 || ret == -1)
		return;
	TAILQ_REMOVE(&goings, g, entry);
	ngoing--;
	free(g);
}

static int
settle_row(const struct going *g)
{
	sqlite3_stmt	*s;
	uint64_t	 record, size, tries, expires, now;
	uint32_t	 kind;

	s = db_prepare("SELECT record, size, kind, tries, expires FROM outbox "
	    "WHERE number = ?");
	db_int(s, 1, g->number);
	if (!db_row(s)) {
		db_done(s);
		return (0);
	}
	record = db_get(s, 0);
	size = db_get(s, 1);
	kind = (uint32_t)db_get(s, 2);
	tries = db_get(s, 3);
	expires = db_get(s, 4);
	db_done(s);
	if (g->outcome == OUT_SENT) {
		log_info("outbox %" PRIu64 ": sent: %s", g->number, g->text);
		return (row_delete(g->number));
	}
	now = (uint64_t)time(NULL);
	if (g->outcome == OUT_LATER && now < expires)
		return (put_off(g, tries, expires, now));
	return (give_up(g, record, size, kind));
}

/* 0, or -1 with errno: ENOENT. */
static int
row_delete(uint64_t number)
{
	sqlite3_stmt	*s;
	uint64_t	 record, size, state;

	s = db_prepare("SELECT record, size, state FROM outbox WHERE "
	    "number = ?");
	db_int(s, 1, number);
	if (!db_row(s)) {
		db_done(s);
		errno = ENOENT;
		return (-1);
	}
	record = db_get(s, 0);
	size = db_get(s, 1);
	state = db_get(s, 2);
	db_done(s);
	db_write();
	s = db_prepare("DELETE FROM outbox WHERE number = ?");
	db_int(s, 1, number);
	if (db_run(s) == -1)
		return (-1);
	/* What is lost was not counted any more. */
	files_doom(&files, number, state == OUTBOX_LOST ? 0 : size);
	record_unkept(record);
	return (0);
}

/* 1, 5, 15, 60 times the first pause, and so on; a try at the very end. */
static int
put_off(const struct going *g, uint64_t tries, uint64_t expires, uint64_t now)
{
	static const uint32_t	 factor[] = { 1, 5, 15, 60, 120, 240 };
	sqlite3_stmt		*s;
	uint64_t		 pause;

	if (tries >= sizeof(factor) / sizeof(factor[0]))
		tries = sizeof(factor) / sizeof(factor[0]) - 1;
	pause = (uint64_t)factor[tries] * store.conf->outbox.retry;
	if (pause > OUTBOX_RETRY_MAX)
		pause = OUTBOX_RETRY_MAX;
	if (now + pause > expires)
		pause = expires - now;
	log_info("outbox %" PRIu64 ": again in %" PRIu64 " s: %s", g->number,
	    pause, g->text);
	s = db_prepare("UPDATE outbox SET tries = tries + 1, next = ?, "
	    "reply = ? WHERE number = ?");
	db_int(s, 1, now + pause);
	db_text(s, 2, g->text);
	db_int(s, 3, g->number);
	return (db_run(s));
}

/* It will not be taken. */
static int
give_up(const struct going *g, uint64_t record, uint64_t size, uint32_t kind)
{
	sqlite3_stmt	*s;

	if (kind != OUT_COPY && kind != OUT_REDIRECT) {
		log_warnx("outbox %" PRIu64 ": %s not delivered, given up: %s",
		    g->number, conf_out_name(kind), g->text);
		return (row_delete(g->number));
	}
	if (keep(g, record, size) == 0) {
		log_warnx("outbox %" PRIu64 ": %s not delivered, kept as "
		    "quarantine %" PRIu64 ": %s", g->number,
		    conf_out_name(kind), record, g->text);
		return (row_delete(g->number));
	}
	log_warn("outbox %" PRIu64 ": %s not delivered, and no room in the "
	    "quarantine: %s", g->number, conf_out_name(kind), g->text);
	s = db_prepare("UPDATE outbox SET tries = tries + 1, next = ?, "
	    "reply = ? WHERE number = ?");
	db_int(s, 1, (uint64_t)time(NULL) + OUTBOX_RETRY_MAX);
	db_text(s, 2, g->text);
	db_int(s, 3, g->number);
	return (db_run(s));
}

/* Into the quarantine, unless it is there: 0, or -1 with errno. */
static int
keep(const struct going *g, uint64_t record, uint64_t size)
{
	sqlite3_stmt	*s;
	char		 digest[65];
	int		 fd, ret, error;

	s = db_prepare("SELECT 1 FROM quarantine WHERE number = ?");
	db_int(s, 1, record);
	if (db_number(s) == 1)
		return (0);
	if ((fd = outbox_open(g->number)) == -1)
		return (-1);
	ret = quarantine_put(record, fd, size, digest);
	error = errno;
	close(fd);
	errno = error;
	return (ret);
}

/* ---- operators ----------------------------------------------------------- */

int
outbox_delete(uint64_t number)
{
	int	 error;

	if (going_find(number) != NULL) {
		errno = EBUSY;
		return (-1);
	}
	if (row_delete(number) == -1)
		return (-1);
	if ((error = store_commit()) == 0)
		return (0);
	errno = error;
	return (-1);
}

int
outbox_retry(uint64_t number)
{
	sqlite3_stmt	*s;
	int		 error;

	if (number != 0 && !has_row(number)) {
		errno = ENOENT;
		return (-1);
	}
	if (number != 0 && going_find(number) != NULL) {
		errno = EBUSY;
		return (-1);
	}
	db_write();
	s = db_prepare("UPDATE outbox SET next = 0 WHERE state = ?1 AND "
	    "(?2 = 0 OR number = ?2)");
	db_int(s, 1, OUTBOX_WAITING);
	db_int(s, 2, number);
	if (db_run(s) == -1)
		return (-1);
	if ((error = store_commit()) == 0)
		return (0);
	errno = error;
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/*
 * Dynamic tables.  The database has the members, every proxy a copy of them,
 * which it gets when it comes and which is kept up by frames: a member that
 * is set twice or deleted twice does no harm, so a copy may be sent while
 * changes go on.
 *
 * Whatever may concern many members (a new proxy, a table flushed, expiry) is
 * done in steps, and none is taken while a proxy has not read the last ones.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bsd/string.h>

#include "store.h"

#define FRAME_MEMBERS	(IMSG_DATA_MAX / sizeof(struct msg_member))
#define STREAM_FRAMES	32	/* sent before others have their turn */
#define STEP		2000	/* members that go at a time */
#define QUEUE_HIGH	1024	/* frames; then a proxy must read first */
#define WISHES_MAX	1000000	/* the oldest go */
#define GRANTED_MAX	1024	/* remembered until their record comes, which is
				   behind them in the same channel */
#define WISH_KEEP	(90 * 86400) /* s that one without "within" counts */

/* Members that go, collected into frames. */
struct batch {
	struct msg_member	 m[FRAME_MEMBERS];
	size_t			 n;
};

static const struct conf_dynamic_wire *table_find(const char *);
static uint64_t	 now_s(void);
static void	 broadcast(uint32_t, const struct msg_member *, size_t);
static void	 batch_add(struct batch *, const char *, const char *);
static void	 batch_end(struct batch *);
static int	 member_set(const char *, const char *, uint64_t,
		    const char *);
static int	 member_remove(uint64_t);
static int	 wish_counts(const struct msg_member *);
static void	 granted_add(const char *);
static int	 wishes_expire(uint64_t);
static int	 remove_rows(sqlite3_stmt *);
static void	 count(void);
static int	 forget_step(void);
static int	 trim_step(uint32_t);
static int	 flush_step(uint32_t);
static int	 all_read(void);

/* By id of the configuration in force. */
static struct {
	uint64_t	 n;		/* members */
	uint64_t	 flush;		/* up to this number they go; 0: none */
} tables[CONF_DYNAMICS_MAX];
static int	 touched;		/* since they were counted last */
static int	 forgetting;		/* of tables that are no more */
static char	 granted[GRANTED_MAX][MEMBER_WHY_MAX];
static unsigned int ngranted;		/* ever */
static unsigned int granted_now;	/* at most so many are remembered */
static int	 nproxies_behind;	/* for the log: once is enough */

static uint64_t
now_s(void)
{
	return ((uint64_t)time(NULL));
}

static const struct conf_dynamic_wire *
table_find(const char *name)
{
	return (conf_find_dynamic(store.conf, name));
}

/* Tell all proxies; one that cannot be told is dropped. */
static void
broadcast(uint32_t type, const struct msg_member *m, size_t n)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &store.peers, entry)
		if (p->ib.fd != -1)
			peer_compose(p, type, 0, -1, m, n * sizeof(*m));
}

static void
batch_add(struct batch *b, const char *table, const char *key)
{
	struct msg_member	*m;

	m = &b->m[b->n++];
	memset(m, 0, sizeof(*m));
	strlcpy(m->table, table, sizeof(m->table));
	strlcpy(m->key, key, sizeof(m->key));
	if (b->n == FRAME_MEMBERS)
		batch_end(b);
}

static void
batch_end(struct batch *b)
{
	if (b->n > 0)
		broadcast(IMSG_MEMBER_DEL, b->m, b->n);
	b->n = 0;
}

static void
count(void)
{
	const struct conf_dynamic_wire	*t;
	sqlite3_stmt			*s;
	uint32_t			 i;

	for (i = 0; i < store.conf->ndynamics; i++) {
		t = &store.conf->dynamic[i];
		s = db_prepare("SELECT count(*) FROM member WHERE tbl = ?");
		db_text(s, 1, t->name);
		tables[i].n = db_number(s);
		s = db_prepare("SELECT value FROM setting WHERE "
		    "name = 'flush.' || ?");
		db_text(s, 1, t->name);
		tables[i].flush = db_number(s);
	}
}

uint64_t
member_count(uint32_t id)
{
	return (tables[id].n);
}

void
member_recount(void)
{
	if (touched)
		count();
	touched = 0;
}

void
member_conf(void)
{
	memset(tables, 0, sizeof(tables));
	count();
	kernel_all();
	forgetting = 1;
}

/* A new member, or a longer stay: 0, or -1 with errno. */
static int
member_set(const char *table, const char *key, uint64_t expires,
    const char *why)
{
	const struct conf_dynamic_wire	*t;
	struct msg_member		 m;
	sqlite3_stmt			*s;

	if ((t = table_find(table)) == NULL) {
		errno = ENOENT;
		return (-1);
	}
	touched = 1;
	db_write();
	s = db_prepare("DELETE FROM member WHERE tbl = ? AND key = ?");
	db_text(s, 1, table);
	db_text(s, 2, key);
	if (db_run(s) == -1)
		return (-1);
	tables[t->id].n -= (uint64_t)db_changes();
	s = db_prepare("INSERT INTO member (tbl, key, expires, added, why) "
	    "VALUES (?, ?, ?, ?, ?)");
	db_text(s, 1, table);
	db_text(s, 2, key);
	db_int(s, 3, expires);
	db_int(s, 4, now_s());
	db_text(s, 5, why);
	if (db_run(s) == -1)
		return (-1);
	tables[t->id].n++;

	memset(&m, 0, sizeof(m));
	m.expires = expires;
	strlcpy(m.table, table, sizeof(m.table));
	strlcpy(m.key, key, sizeof(m.key));
	strlcpy(m.why, why, sizeof(m.why));
	broadcast(IMSG_MEMBER_SET, &m, 1);
	kernel_changed(t, key);
	/* One in, one out, so that a table never is much too large. */
	if (tables[t->id].n > t->size)
		trim_step(t->id);
	return (0);
}

int
member_add(const char *table, const char *key, uint64_t expires,
    const char *why)
{
	int	 error;

	if (member_set(table, key, expires, why) == -1)
		return (-1);
	if ((error = store_commit()) == 0)
		return (0);
	errno = error;
	return (-1);
}

int
member_delete(const char *table, const char *key)
{
	const struct conf_dynamic_wire	*t;
	struct batch			 b;
	sqlite3_stmt			*s;
	int				 error;

	if ((t = table_find(table)) == NULL) {
		errno = ENOENT;
		return (-1);
	}
	touched = 1;
	db_write();
	s = db_prepare("DELETE FROM member WHERE tbl = ? AND key = ?");
	db_text(s, 1, table);
	db_text(s, 2, key);
	if (db_run(s) == -1)
		return (-1);
	if (db_changes() == 0) {
		errno = ENOENT;
		return (-1);
	}
	tables[t->id].n--;
	b.n = 0;
	batch_add(&b, table, key);
	batch_end(&b);
	kernel_changed(t, key);
	if ((error = store_commit()) == 0)
		return (0);
	errno = error;
	return (-1);
}

/*
 * There may be a million, so it is only written down here up to which one
 * they go; whoever comes after this has a larger number, and stays.
 */
int
member_flush(const char *table)
{
	const struct conf_dynamic_wire	*t;
	sqlite3_stmt			*s;
	uint64_t			 n;
	int				 error;

	if ((t = table_find(table)) == NULL) {
		errno = ENOENT;
		return (-1);
	}
	n = tables[t->id].n;
	db_write();
	s = db_prepare("INSERT OR REPLACE INTO setting SELECT 'flush.' || ?1, "
	    "max(number) FROM member WHERE tbl = ?1 HAVING count(*) > 0");
	db_text(s, 1, table);
	if (db_run(s) == -1)
		return (-1);
	if ((error = store_commit()) != 0) {
		errno = error;
		return (-1);
	}
	count();
	flush_step(t->id);
	return ((int)n);
}

/*
 * Has it been wished for often enough?  1 or 0; a wish that cannot be written
 * counts as the last one needed, since nobody can tell.
 */
static int
wish_counts(const struct msg_member *m)
{
	sqlite3_stmt	*s;
	uint64_t	 now, n, keep;

	if (m->after <= 1)
		return (1);
	now = now_s();
	keep = m->within > 0 ? m->within : WISH_KEEP;
	db_write();
	s = db_prepare("INSERT INTO wish (tbl, key, time, until) "
	    "VALUES (?, ?, ?, ?)");
	db_text(s, 1, m->table);
	db_text(s, 2, m->key);
	db_int(s, 3, now);
	db_int(s, 4, now + keep);
	if (db_run(s) == -1)
		return (1);
	s = db_prepare("SELECT count(*) FROM (SELECT 1 FROM wish WHERE "
	    "tbl = ? AND key = ? AND time > ? LIMIT ?)");
	db_text(s, 1, m->table);
	db_text(s, 2, m->key);
	db_int(s, 3, now > keep ? now - keep : 0);
	db_int(s, 4, m->after);
	n = db_number(s);
	if (n < m->after)
		return (0);
	s = db_prepare("DELETE FROM wish WHERE tbl = ? AND key = ?");
	db_text(s, 1, m->table);
	db_text(s, 2, m->key);
	db_run(s);
	return (1);
}

static void
granted_add(const char *why)
{
	strlcpy(granted[ngranted++ % GRANTED_MAX], why,
	    sizeof(granted[0]));
	if (granted_now < GRANTED_MAX)
		granted_now++;
}

int
member_granted(uint64_t session)
{
	char		 why[MEMBER_WHY_MAX];
	unsigned int	 i;
	int		 found;

	snprintf(why, sizeof(why), "s=%016" PRIx64, session);
	found = 0;
	for (i = 0; granted_now > 0 && i < GRANTED_MAX; i++)
		if (strcmp(granted[i], why) == 0) {
			granted[i][0] = '\0';
			granted_now--;
			found = 1;
		}
	return (found);
}

void
member_wish(const struct msg_member *m)
{
	const struct conf_dynamic_wire	*t;

	/* A proxy may still have a configuration in which there was one. */
	if ((t = table_find(m->table)) == NULL) {
		log_debug("no table %s", m->table);
		return;
	}
	if (!wish_counts(m))
		return;
	if (m->after > 1)
		granted_add(m->why);
	if (member_set(m->table, m->key, t->expire == 0 ? 0 :
	    now_s() + t->expire, m->why) == -1)
		log_warn("%s: %s", m->table, m->key);
}

void
member_send_all(struct peer *p)
{
	p->streaming = 1;
	p->stream_at = 0;
	member_stream(p);
}

void
member_stream(struct peer *p)
{
	struct batch		 b;
	struct msg_member	*m;
	sqlite3_stmt		*s;
	uint64_t		 now;
	int			 frames;

	now = now_s();
	for (frames = 0; p->streaming && frames < STREAM_FRAMES &&
	    p->ib.fd != -1 && p->ib.nqueued == 0; frames++) {
		s = db_prepare("SELECT number, tbl, key, expires, why FROM "
		    "member WHERE number > ? ORDER BY number LIMIT ?");
		db_int(s, 1, p->stream_at);
		db_int(s, 2, FRAME_MEMBERS);
		memset(&b, 0, sizeof(b));
		p->streaming = 0;
		while (b.n < FRAME_MEMBERS && db_row(s)) {
			p->streaming = 1;
			p->stream_at = db_get(s, 0);
			m = &b.m[b.n];
			m->expires = db_get(s, 3);
			if (table_find(db_string(s, 1)) == NULL ||
			    (m->expires != 0 && m->expires <= now))
				continue;
			strlcpy(m->table, db_string(s, 1), sizeof(m->table));
			strlcpy(m->key, db_string(s, 2), sizeof(m->key));
			strlcpy(m->why, db_string(s, 4), sizeof(m->why));
			b.n++;
		}
		db_done(s);
		if (b.n > 0)
			peer_compose(p, IMSG_MEMBER_SET, 0, -1, b.m,
			    b.n * sizeof(b.m[0]));
		if (!p->streaming)
			peer_compose(p, IMSG_MEMBER_ALL, 0, -1, NULL, 0);
	}
	peer_want_write(p);
}

/* Has every proxy read nearly all of what it was sent, and master? */
static int
all_read(void)
{
	struct peer	*p;

	/* The kernel would go on to drop those of whom it is not told. */
	if (store.master.nqueued > QUEUE_HIGH)
		return (0);
	TAILQ_FOREACH(p, &store.peers, entry)
		if (p->ib.nqueued > QUEUE_HIGH) {
			if (!nproxies_behind)
				log_warnx("proxy %u: reads slowly",
				    p->instance);
			nproxies_behind = 1;
			return (0);
		}
	nproxies_behind = 0;
	return (1);
}

static int
member_remove(uint64_t number)
{
	sqlite3_stmt	*s;

	touched = 1;
	db_write();
	s = db_prepare("DELETE FROM member WHERE number = ?");
	db_int(s, 1, number);
	return (db_run(s));
}

/*
 * Remove what a statement finds (number, table, key), and tell.  How many
 * there were.
 */
static int
remove_rows(sqlite3_stmt *s)
{
	const struct conf_dynamic_wire	*t;
	struct batch			 b;
	int				 n;

	b.n = 0;
	for (n = 0; db_row(s); n++) {
		if (member_remove(db_get(s, 0)) == -1)
			break;
		if ((t = table_find(db_string(s, 1))) == NULL)
			continue;
		tables[t->id].n--;
		batch_add(&b, t->name, db_string(s, 2));
		kernel_changed(t, db_string(s, 2));
	}
	db_done(s);
	batch_end(&b);
	return (n);
}

/* The oldest beyond the size. */
static int
trim_step(uint32_t id)
{
	const struct conf_dynamic_wire	*t;
	sqlite3_stmt			*s;
	uint64_t			 n;

	t = &store.conf->dynamic[id];
	if (tables[id].n <= t->size)
		return (0);
	n = tables[id].n - t->size;
	s = db_prepare("SELECT number, tbl, key FROM member WHERE tbl = ? "
	    "ORDER BY number LIMIT ?");
	db_text(s, 1, t->name);
	db_int(s, 2, n < STEP ? n : STEP);
	return (remove_rows(s));
}

static int
flush_step(uint32_t id)
{
	sqlite3_stmt	*s;
	int		 n;

	if (tables[id].flush == 0)
		return (0);
	s = db_prepare("SELECT number, tbl, key FROM member WHERE tbl = ? "
	    "AND number <= ? ORDER BY number LIMIT ?");
	db_text(s, 1, store.conf->dynamic[id].name);
	db_int(s, 2, tables[id].flush);
	db_int(s, 3, STEP);
	n = remove_rows(s);
	if (n == STEP)
		return (n);
	tables[id].flush = 0;
	touched = 1;
	db_write();
	s = db_prepare("DELETE FROM setting WHERE name = 'flush.' || ?");
	db_text(s, 1, store.conf->dynamic[id].name);
	db_run(s);
	return (n);
}

/* Members of tables that the configuration does not have; no proxy does. */
static int
forget_step(void)
{
	sqlite3_stmt	*s;
	char		 name[CONF_NAME_MAX];
	uint64_t	 n;

	s = db_prepare("SELECT DISTINCT tbl FROM member");
	name[0] = '\0';
	while (name[0] == '\0' && db_row(s))
		if (table_find(db_string(s, 0)) == NULL)
			strlcpy(name, db_string(s, 0), sizeof(name));
	db_done(s);
	if (name[0] == '\0') {
		forgetting = 0;
		return (0);
	}
	s = db_prepare("SELECT number, tbl, key FROM member WHERE tbl = ? "
	    "ORDER BY number LIMIT ?");
	db_text(s, 1, name);
	db_int(s, 2, STEP);
	if ((n = (uint64_t)remove_rows(s)) < STEP)
		log_info("table %s: forgotten, the configuration has it no "
		    "more", name);
	return ((int)n);
}

/* Those that do not count any more, and the oldest of too many; 1: a part. */
static int
wishes_expire(uint64_t now)
{
	sqlite3_stmt	*s;
	uint64_t	 oldest, newest;
	int		 more;

	more = 0;
	s = db_prepare("SELECT 1 FROM wish WHERE until > 0 AND until <= ? "
	    "LIMIT 1");
	db_int(s, 1, now);
	if (db_number(s) != 0) {
		db_write();
		s = db_prepare("DELETE FROM wish WHERE number IN (SELECT "
		    "number FROM wish WHERE until > 0 AND until <= ? "
		    "LIMIT ?)");
		db_int(s, 1, now);
		db_int(s, 2, STEP);
		more = db_run(s) == 0 && db_changes() == STEP;
	}
	/* Numbers have gaps, which makes the limit a little smaller. */
	oldest = db_number(db_prepare("SELECT min(number) FROM wish"));
	newest = db_number(db_prepare("SELECT max(number) FROM wish"));
	if (newest - oldest < WISHES_MAX)
		return (more);
	db_write();
	s = db_prepare("DELETE FROM wish WHERE number < ?");
	db_int(s, 1, oldest + STEP < newest - WISHES_MAX ? oldest + STEP :
	    newest - WISHES_MAX + 1);
	return (db_run(s) == 0);
}

int
member_expire(void)
{
	sqlite3_stmt	*s;
	uint64_t	 now;
	uint32_t	 i;
	int		 more;

	now = now_s();
	more = wishes_expire(now);
	if (!all_read())
		return (more);
	s = db_prepare("SELECT number, tbl, key FROM member WHERE "
	    "expires > 0 AND expires <= ? ORDER BY expires LIMIT ?");
	db_int(s, 1, now);
	db_int(s, 2, STEP);
	more |= remove_rows(s) == STEP;
	for (i = 0; i < store.conf->ndynamics; i++) {
		more |= trim_step(i) == STEP;
		more |= flush_step(i) == STEP;
	}
	if (forgetting) {
		forget_step();
		more |= forgetting;
	}
	return (more);
}

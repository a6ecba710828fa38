/* SPDX-License-Identifier: ISC */

/*
 * The database: one SQLite file, one connection, never shared.  Writes are
 * collected in a transaction and reach the disk together (WAL, synchronous
 * FULL); when one of them fails, all of that transaction have failed, which
 * is simpler to be right about than half of them.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define DB_FILE		"/store.db"	/* we are in the state directory */
#define DB_APPLICATION	0x4d57414c	/* "MWAL": the file is ours */
#define DB_CHECK_MAX	(64 * MIB)	/* larger ones take too long at start */
#define DB_SKIPS	2	/* tables whose numbers are files' names */
#define DB_STATEMENTS	512	/* ours, and those of CTL_CLIENTS_MAX */

static int	 db_error(const char *, int);
static void	 db_exec(const char *);
static uint64_t	 pragma(const char *);
static int	 identify(void);
static void	 migrate(void);
static void	 check(void);
static void	 skip(const char *, uint64_t);
static void	 rollback(void);
static void	 sqlite_log(void *, int, const char *);

/*
 * The schema, as changes to the one before: number 1 makes the first tables.
 * What has been released is never changed here, only followed by more.
 *
 * record: a message and what became of it.  Addresses are numbers as text,
 *	time is in ms since the epoch, session is the bits of a uint64_t.
 * recipient, fact: its recipients and the lines of the log about it, in order.
 * quarantine: messages that are kept; the file has the number as its name.
 *	state is enum quarantine_state, expires in s since the epoch.
 * member: a row for each key in a dynamic table; a renewed one gets a new
 *	number, so that the smallest is the oldest.  expires 0 is never.
 * wish: what rules have asked for that have to ask more than once; until is
 *	when it does not count any more, 0 is never.
 * setting: odds and ends of the store itself.
 * outbox: messages that wait to be sent, see outbox.c; the file has the number
 *	as its name.  kind is enum out_kind, state enum outbox_state; times in
 *	s since the epoch; owner and ident are the proxy and the id there of a
 *	message whose copy it is.
 * notice: who is to hear of a record, or its sender to be answered.
 * told: who has had how many notices since when, and how many wait.
 * replied: who has been answered when.
 */
static const char *const migrations[] = {
	"CREATE TABLE record ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  session INTEGER NOT NULL,"
	"  time INTEGER NOT NULL,"
	"  client TEXT NOT NULL,"
	"  client_port INTEGER NOT NULL,"
	"  dest TEXT NOT NULL,"
	"  dest_port INTEGER NOT NULL,"
	"  helo TEXT NOT NULL,"
	"  sender TEXT NOT NULL,"
	"  subject TEXT NOT NULL,"
	"  msgid TEXT NOT NULL,"
	"  size INTEGER NOT NULL,"
	"  verdict INTEGER NOT NULL,"
	"  action INTEGER NOT NULL,"
	"  line INTEGER NOT NULL,"
	"  name TEXT NOT NULL,"
	"  reply TEXT NOT NULL,"
	"  flags INTEGER NOT NULL,"
	"  nrcpt INTEGER NOT NULL,"
	"  nparts INTEGER NOT NULL,"
	"  recv_ms INTEGER NOT NULL,"
	"  parse_us INTEGER NOT NULL,"
	"  scan_us INTEGER NOT NULL,"
	"  deliver_ms INTEGER NOT NULL);"
	"CREATE INDEX record_time ON record (time);"
	"CREATE INDEX record_session ON record (session);"
	"CREATE TABLE recipient ("
	"  record INTEGER NOT NULL REFERENCES record ON DELETE CASCADE,"
	"  seq INTEGER NOT NULL,"
	"  path TEXT NOT NULL,"
	"  PRIMARY KEY (record, seq)) WITHOUT ROWID;"
	"CREATE TABLE fact ("
	"  record INTEGER NOT NULL REFERENCES record ON DELETE CASCADE,"
	"  seq INTEGER NOT NULL,"
	"  line TEXT NOT NULL,"
	"  PRIMARY KEY (record, seq)) WITHOUT ROWID;"
	"CREATE TABLE quarantine ("
	"  number INTEGER PRIMARY KEY REFERENCES record,"
	"  time INTEGER NOT NULL,"
	"  size INTEGER NOT NULL,"
	"  sha256 TEXT NOT NULL,"
	"  state INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL);"
	"CREATE INDEX quarantine_expires ON quarantine (expires);"
	"CREATE INDEX quarantine_time ON quarantine (time);",

	"CREATE TABLE member ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  tbl TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  expires INTEGER NOT NULL,"
	"  added INTEGER NOT NULL,"
	"  why TEXT NOT NULL,"
	"  UNIQUE (tbl, key));"
	"CREATE INDEX member_number ON member (tbl, number);"
	"CREATE INDEX member_expires ON member (expires) WHERE expires > 0;"
	"CREATE TABLE wish ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  tbl TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  time INTEGER NOT NULL,"
	"  until INTEGER NOT NULL);"
	"CREATE INDEX wish_key ON wish (tbl, key, time);"
	"CREATE INDEX wish_until ON wish (until) WHERE until > 0;"
	"CREATE TABLE setting ("
	"  name TEXT PRIMARY KEY,"
	"  value TEXT NOT NULL) WITHOUT ROWID;",

	"CREATE TABLE outbox ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  record INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL,"
	"  state INTEGER NOT NULL,"
	"  size INTEGER NOT NULL,"
	"  sender TEXT NOT NULL,"
	"  rcpt TEXT NOT NULL,"
	"  server TEXT NOT NULL,"
	"  port INTEGER NOT NULL,"
	"  time INTEGER NOT NULL,"
	"  next INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  reply TEXT NOT NULL DEFAULT '',"
	"  owner INTEGER NOT NULL,"
	"  ident INTEGER NOT NULL);"
	"CREATE INDEX outbox_next ON outbox (state, next);"
	"CREATE INDEX outbox_record ON outbox (record);"
	"CREATE INDEX outbox_owner ON outbox (owner, ident) WHERE state = 0;"
	"CREATE TABLE notice ("
	"  number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  kind INTEGER NOT NULL,"
	"  rcpt TEXT NOT NULL,"
	"  record INTEGER NOT NULL,"
	"  text TEXT NOT NULL);"
	"CREATE INDEX notice_rcpt ON notice (kind, rcpt, number);"
	"CREATE INDEX notice_record ON notice (record);"
	"CREATE TABLE told ("
	"  rcpt TEXT PRIMARY KEY,"
	"  began INTEGER NOT NULL,"
	"  count INTEGER NOT NULL,"
	"  waiting INTEGER NOT NULL,"
	"  omitted INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE replied ("
	"  rcpt TEXT PRIMARY KEY,"
	"  time INTEGER NOT NULL) WITHOUT ROWID;",

	"CREATE INDEX outbox_server ON outbox (state, server, port, next);"
	"CREATE INDEX notice_kind ON notice (kind, number);"
	"CREATE INDEX replied_time ON replied (time);",
};

#define NMIGRATIONS	(sizeof(migrations) / sizeof(migrations[0]))

static struct {
	const char	*sql;
	sqlite3_stmt	*stmt;
} statements[DB_STATEMENTS];
static unsigned int	 nstatements;
static struct {
	const char	*table;
	uint64_t	 number;
} skips[DB_SKIPS];			/* that no commit has kept yet */
static unsigned int	 nskips;
static int		 writing;	/* a transaction is open */
static int		 failed;	/* errno: it cannot be kept */

/* Of this file, as an administrator knows it. */
static const char *
db_name(void)
{
	static char	 name[CONF_PATH_MAX + 16];

	snprintf(name, sizeof(name), "%s%s", store.conf->g.statedir, DB_FILE);
	return (name);
}

static void
sqlite_log(void *arg, int code, const char *text)
{
	if ((code & 0xff) == SQLITE_NOTICE || (code & 0xff) == SQLITE_WARNING)
		log_debug("sqlite: %s", text);
	else
		log_warnx("sqlite: %s", text);
}

/*
 * What failed becomes an errno.  Nobody can go on with a damaged file, nor
 * guess which of its answers are right.
 */
static int
db_error(const char *what, int code)
{
	int	 error;

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		fatalx("%s: is damaged (%s): restore it, or move it away",
		    db_name(), sqlite3_errmsg(store.db));
	case SQLITE_FULL:
		error = ENOSPC;
		break;
	case SQLITE_NOMEM:
		error = ENOMEM;
		break;
	case SQLITE_CONSTRAINT:
		return (EEXIST);
	default:
		error = sqlite3_system_errno(store.db);
		if (error != ENOSPC && error != EDQUOT)
			error = EIO;
		break;
	}
	log_warnx("%s: %s: %s", db_name(), what, sqlite3_errmsg(store.db));
	return (error);
}

/* At the start, where every failure is the end. */
static void
db_exec(const char *sql)
{
	int	 code;

	code = sqlite3_exec(store.db, sql, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return;
	if ((code & 0xff) == SQLITE_BUSY)
		fatalx("%s: is in use by another process", db_name());
	db_error("start", code);
	fatalx("%s: cannot be used: %s", db_name(),
	    sqlite3_errmsg(store.db));
}

/* The number that a statement of the start gives. */
static uint64_t
pragma(const char *sql)
{
	sqlite3_stmt	*s;
	uint64_t	 n;
	int		 code;

	code = sqlite3_prepare_v2(store.db, sql, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if ((code & 0xff) == SQLITE_BUSY)
		fatalx("%s: is in use by another process", db_name());
	if (code != SQLITE_ROW) {
		db_error(sql, code);
		fatalx("%s: cannot be read", db_name());
	}
	n = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return (n);
}

/* Refuse a database of somebody else, or of a later mailwall; 1: it is new. */
static int
identify(void)
{
	uint64_t	 id, version;

	id = pragma("PRAGMA application_id");
	version = pragma("PRAGMA user_version");
	if (id == 0 && version == 0 &&
	    pragma("SELECT count(*) FROM sqlite_master") == 0)
		return (1);
	if (id != DB_APPLICATION)
		fatalx("%s: is not a database of mailwall", db_name());
	if (version > NMIGRATIONS)
		fatalx("%s: has version %llu, from a later mailwall; this one "
		    "knows %zu", db_name(), (unsigned long long)version,
		    NMIGRATIONS);
	return (0);
}

/* Each change with its number, in a transaction of its own. */
static void
migrate(void)
{
	char	 sql[64];
	size_t	 v;

	for (v = pragma("PRAGMA user_version"); v < NMIGRATIONS; v++) {
		db_exec("BEGIN IMMEDIATE");
		db_exec(migrations[v]);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", v + 1);
		db_exec(sql);
		snprintf(sql, sizeof(sql), "PRAGMA application_id = %d",
		    DB_APPLICATION);
		db_exec(sql);
		db_exec("COMMIT");
		log_info("%s: schema is version %zu", db_name(), v + 1);
	}
}

/* Find damage before anybody relies on what is there. */
static void
check(void)
{
	sqlite3_stmt	*s;
	struct stat	 sb;
	const char	*text;

	if (stat(DB_FILE, &sb) == -1)
		fatal("%s", db_name());
	if ((uint64_t)sb.st_size > DB_CHECK_MAX)
		return;
	if (sqlite3_prepare_v2(store.db, "PRAGMA quick_check(1)", -1, &s,
	    NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
		fatalx("%s: is damaged (%s): restore it, or move it away",
		    db_name(), sqlite3_errmsg(store.db));
	text = (const char *)sqlite3_column_text(s, 0);
	if (text == NULL || strcmp(text, "ok") != 0)
		fatalx("%s: is damaged (%s): restore it, or move it away",
		    db_name(), text == NULL ? "no answer" : text);
	sqlite3_finalize(s);
}

void
db_open(void (*is_new)(void))
{
	int	 fd, on;

	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOG, sqlite_log, NULL) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		fatalx("sqlite3_initialize");
	if (sqlite3_open_v2(DB_FILE, &store.db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		fatalx("%s: %s", db_name(), store.db == NULL ? "no memory" :
		    sqlite3_errmsg(store.db));
	sqlite3_extended_result_codes(store.db, 1);
	sqlite3_db_config(store.db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
	sqlite3_db_config(store.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &on);
	/* Before WAL: then it needs no memory that others could map. */
	db_exec("PRAGMA locking_mode = EXCLUSIVE");
	if (identify())
		is_new();
	db_exec("PRAGMA journal_mode = WAL");
	db_exec("PRAGMA synchronous = FULL");
	db_exec("PRAGMA temp_store = MEMORY");
	db_exec("PRAGMA mmap_size = 0");
	db_exec("PRAGMA cache_size = -16384");
	db_exec("PRAGMA journal_size_limit = 16777216");
	check();
	migrate();
	db_exec("PRAGMA foreign_keys = ON");
	/* The name of a new file. */
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || fsync(fd) == -1)
		fatal("%s", store.conf->g.statedir);
	close(fd);
}

void
db_close(void)
{
	unsigned int	 i;

	for (i = 0; i < nstatements; i++)
		sqlite3_finalize(statements[i].stmt);
	nstatements = 0;
	sqlite3_close(store.db);
	store.db = NULL;
}

sqlite3_stmt *
db_prepare(const char *sql)
{
	sqlite3_stmt	*s;
	unsigned int	 i;

	for (i = 0; i < nstatements; i++)
		if (strcmp(statements[i].sql, sql) == 0 &&
		    !sqlite3_stmt_busy(statements[i].stmt))
			return (statements[i].stmt);
	if (nstatements == DB_STATEMENTS)
		fatalx("%s: too many statements", __func__);
	if (sqlite3_prepare_v3(store.db, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &s, NULL) != SQLITE_OK)
		fatalx("%s: %s: %s", db_name(), sql,
		    sqlite3_errmsg(store.db));
	statements[nstatements].sql = sql;
	statements[nstatements].stmt = s;
	nstatements++;
	return (s);
}

void
db_done(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

void
db_int(sqlite3_stmt *s, int i, uint64_t value)
{
	if (sqlite3_bind_int64(s, i, (sqlite3_int64)value) != SQLITE_OK)
		fatalx("%s: %s, %d", __func__, sqlite3_sql(s), i);
}

void
db_text(sqlite3_stmt *s, int i, const char *text)
{
	if (sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC) != SQLITE_OK)
		fatalx("%s: %s, %d", __func__, sqlite3_sql(s), i);
}

uint64_t
db_get(sqlite3_stmt *s, int i)
{
	return ((uint64_t)sqlite3_column_int64(s, i));
}

const char *
db_string(sqlite3_stmt *s, int i)
{
	const char	*text;

	text = (const char *)sqlite3_column_text(s, i);
	return (text == NULL ? "" : text);
}

int
db_row(sqlite3_stmt *s)
{
	int	 code;

	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return (1);
	errno = 0;
	if ((code & 0xff) == SQLITE_ABORT)
		errno = EAGAIN;
	else if (code != SQLITE_DONE) {
		db_error(sqlite3_sql(s), code);
		fatalx("%s: cannot be read", db_name());
	}
	return (0);
}

uint64_t
db_number(sqlite3_stmt *s)
{
	uint64_t	 n;

	n = db_row(s) ? db_get(s, 0) : 0;
	db_done(s);
	return (n);
}

int
db_run(sqlite3_stmt *s)
{
	int	 code, error;

	if (failed) {
		db_done(s);
		errno = failed;
		return (-1);
	}
	do {
		code = sqlite3_step(s);
	} while (code == SQLITE_ROW);
	error = code == SQLITE_DONE ? 0 : db_error(sqlite3_sql(s), code);
	db_done(s);
	if (error == 0)
		return (0);
	if (error != EEXIST)
		db_fail(error);
	errno = error;
	return (-1);
}

int
db_changes(void)
{
	return (sqlite3_changes(store.db));
}

static void
skip(const char *table, uint64_t number)
{
	sqlite3_stmt	*s;

	s = db_prepare("DELETE FROM sqlite_sequence WHERE name = ?");
	db_text(s, 1, table);
	if (db_run(s) == -1)
		return;
	s = db_prepare("INSERT INTO sqlite_sequence (name, seq) "
	    "VALUES (?, ?)");
	db_text(s, 1, table);
	db_int(s, 2, number);
	db_run(s);
}

void
db_skip(const char *table, uint64_t number)
{
	sqlite3_stmt	*s;
	unsigned int	 i;

	s = db_prepare("SELECT seq FROM sqlite_sequence WHERE name = ?");
	db_text(s, 1, table);
	if (number <= db_number(s))
		return;
	for (i = 0; i < nskips; i++)
		if (strcmp(skips[i].table, table) == 0)
			break;
	if (i == DB_SKIPS)
		fatalx("%s: %s", __func__, table);
	skips[i].table = table;
	skips[i].number = number;
	if (i == nskips)
		nskips++;
	if (writing)
		skip(table, number);
	else
		db_write();
}

void
db_fail(int error)
{
	if (!writing || failed)
		return;
	failed = error;
	/* No need to let others write in vain for long. */
	store.answers = 1;
	store_round();
}

void
db_write(void)
{
	unsigned int	 i;

	if (writing)
		return;
	writing = 1;
	failed = 0;
	db_run(db_prepare("BEGIN IMMEDIATE"));
	/* Before anybody has a number. */
	for (i = 0; i < nskips; i++)
		skip(skips[i].table, skips[i].number);
}

static void
rollback(void)
{
	/* SQLite may have done so by itself. */
	if (!sqlite3_get_autocommit(store.db))
		sqlite3_exec(store.db, "ROLLBACK", NULL, NULL, NULL);
	if (!sqlite3_get_autocommit(store.db))
		fatalx("%s: a transaction cannot be ended", db_name());
}

int
db_commit(void)
{
	int	 error;

	if (!writing)
		return (0);
	if (!failed)
		db_run(db_prepare("COMMIT"));
	error = failed;
	writing = 0;
	failed = 0;
	if (error == 0) {
		nskips = 0;
		return (0);
	}
	rollback();
	/*
	 * On a full disk even what frees room takes some: the log's own, once
	 * its pages are where they belong.  That may fail, too.
	 */
	if (error == ENOSPC)
		sqlite3_wal_checkpoint_v2(store.db, NULL,
		    SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	errno = error;
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/*
 * What operators want to know, from the database.  Rows are found in steps
 * that begin behind the last row, newest first, so that no statement stays
 * open while others write, and no question keeps the store from its work.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "control.h"
#include "outbox.h"

#define STEP		500	/* rows looked at before others have a turn */
#define STEP_ROWS	32	/* and rows sent */
#define NUMLEN		24
#define DISORDER	(6 * 3600) /* s; between the times of records and their
				   numbers: how long one may take, and how
				   far a clock may be set back */
#define NOBODY		"no such message"

/* Columns of a record, in this order. */
#define RECORD_COLUMNS	"r.number, r.time, r.session, r.client, "	\
	"r.client_port, r.dest, r.dest_port, r.helo, r.sender, r.nrcpt, " \
	"(SELECT path FROM recipient WHERE record = r.number "		\
	"ORDER BY seq LIMIT 1), "					\
	"r.subject, r.msgid, r.size, r.verdict, r.action, r.line, r.name, " \
	"r.reply, r.flags, r.nparts, r.recv_ms, r.parse_us, r.scan_us, " \
	"r.deliver_ms"
#define NCOLUMNS	25

/* Values of a row, as text. */
struct values {
	char		 n[NCOLUMNS + 3][NUMLEN];
	char		 client[ADDR_STRLEN + 8];
	char		 dest[ADDR_STRLEN + 8];
};

static const char *num(struct values *, unsigned int, sqlite3_stmt *, int);
static void	 endpoint(char *, size_t, const char *, uint64_t);
static void	 record_row(struct client *, sqlite3_stmt *, int);
static int	 record_matches(sqlite3_stmt *, const char *);
static int	 rcpt_matches(uint64_t, const char *);
static uint64_t	 newest(const struct client *);
static int	 records_step(struct client *, const char *, int);
static void	 trace(struct client *);
static void	 strings_of(struct client *, const char *, const char *,
		    uint64_t, unsigned int);
static void	 details(struct client *, uint64_t);
static void	 quarantine_show(struct client *);
static void	 outbox_row(struct client *, sqlite3_stmt *);
static int	 outbox_step(struct client *);
static void	 outbox_show(struct client *);
static void	 tables(struct client *);
static int	 table_step(struct client *);

const char *
query_name(uint32_t command)
{
	static const char *const names[CTL_COMMAND_MAX] = {
		[CTL_STATUS] = "status",
		[CTL_STATS] = "stats",
		[CTL_SESSIONS] = "sessions",
		[CTL_LOG] = "log",
		[CTL_TRACE] = "trace",
		[CTL_QUARANTINE_LIST] = "quarantine-list",
		[CTL_QUARANTINE_SHOW] = "quarantine-show",
		[CTL_QUARANTINE_RELEASE] = "quarantine-release",
		[CTL_QUARANTINE_DELETE] = "quarantine-delete",
		[CTL_TABLES] = "tables",
		[CTL_TABLE_SHOW] = "table-show",
		[CTL_TABLE_ADD] = "table-add",
		[CTL_TABLE_DELETE] = "table-delete",
		[CTL_TABLE_FLUSH] = "table-flush",
		[CTL_OUTBOX_LIST] = "outbox-list",
		[CTL_OUTBOX_SHOW] = "outbox-show",
		[CTL_OUTBOX_DELETE] = "outbox-delete",
		[CTL_OUTBOX_RETRY] = "outbox-retry",
		[CTL_RELOAD] = "reload",
		[CTL_VERBOSE] = "verbose",
		[CTL_METRICS] = "metrics",
	};

	return (command < CTL_COMMAND_MAX ? names[command] : "unknown");
}

static const char *
num(struct values *v, unsigned int slot, sqlite3_stmt *s, int column)
{
	snprintf(v->n[slot], NUMLEN, "%" PRIu64, db_get(s, column));
	return (v->n[slot]);
}

static void
endpoint(char *buf, size_t size, const char *ip, uint64_t port)
{
	snprintf(buf, size, strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u",
	    ip, (unsigned int)port);
}

/* A record as a row; with the columns of the quarantine behind it. */
static void
record_row(struct client *c, sqlite3_stmt *s, int quarantine)
{
	static const char *const	 states[] = {
		[QUARANTINE_KEPT] = "kept",
		[QUARANTINE_RELEASED] = "released",
		[QUARANTINE_LOST] = "lost",
	};
	struct values			 v;
	uint64_t			 state, flags;

	endpoint(v.client, sizeof(v.client), db_string(s, 3), db_get(s, 4));
	endpoint(v.dest, sizeof(v.dest), db_string(s, 5), db_get(s, 6));
	snprintf(v.n[2], NUMLEN, "%016" PRIx64, db_get(s, 2));
	flags = db_get(s, 19);
	state = 0;
	if (quarantine) {
		state = db_get(s, NCOLUMNS);
		num(&v, NCOLUMNS, s, NCOLUMNS + 1);
	}
	control_row(c, "number", num(&v, 0, s, 0), "time", num(&v, 1, s, 1),
	    "session", v.n[2], "client", v.client, "dest", v.dest, "helo",
	    db_string(s, 7), "from", db_string(s, 8), "to", db_string(s, 10),
	    "recipients", num(&v, 9, s, 9), "subject", db_string(s, 11),
	    "msgid", db_string(s, 12), "size", num(&v, 13, s, 13), "verdict",
	    proto_verdict_name((uint32_t)db_get(s, 14)), "action",
	    conf_action_name((uint32_t)db_get(s, 15)), "rule",
	    num(&v, 16, s, 16), "name", db_string(s, 17), "reply",
	    db_string(s, 18), "quarantined", flags & RECORD_QUARANTINE ?
	    "1" : "0", "authenticated", flags & RECORD_AUTH ? "1" : "0",
	    "parts", num(&v, 20, s, 20), "recv_ms", num(&v, 21, s, 21),
	    "parse_us", num(&v, 22, s, 22), "scan_us", num(&v, 23, s, 23),
	    "deliver_ms", num(&v, 24, s, 24),
	    quarantine ? "state" : NULL, state <= QUARANTINE_LOST ?
	    states[state] : "unknown", "expires", v.n[NCOLUMNS], "sha256",
	    quarantine ? db_string(s, NCOLUMNS + 2) : "", NULL);
}

static int
rcpt_matches(uint64_t number, const char *key)
{
	sqlite3_stmt	*s;
	int		 found;

	s = db_prepare("SELECT path FROM recipient WHERE record = ?");
	db_int(s, 1, number);
	found = 0;
	while (!found && db_row(s))
		found = strcasestr(db_string(s, 0), key) != NULL;
	db_done(s);
	return (found);
}

/* Is the text somewhere in the record: 1 or 0. */
static int
record_matches(sqlite3_stmt *s, const char *key)
{
	static const int	 columns[] = { 3, 5, 7, 8, 11, 12, 17, 18 };
	char			 hex[NUMLEN];
	size_t			 i;

	if (key[0] == '\0')
		return (1);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (strcasestr(db_string(s, columns[i]), key) != NULL)
			return (1);
	snprintf(hex, sizeof(hex), "%016" PRIx64, db_get(s, 2));
	return (strcasestr(hex, key) != NULL ||
	    strcasecmp(proto_verdict_name((uint32_t)db_get(s, 14)),
	    key) == 0 ||
	    strcasecmp(conf_action_name((uint32_t)db_get(s, 15)),
	    key) == 0 || rcpt_matches(db_get(s, 0), key));
}

/*
 * Where to begin, at the newest.  Records are numbered as they come, which is
 * not quite the order of their times: the last number of those up to a time
 * is that of one of the newest of them, a while later.  It would be looked
 * for in gigabytes; the index on the time has these at once.
 */
static uint64_t
newest(const struct client *c)
{
	sqlite3_stmt	*s;

	if (c->req.until == 0 || c->req.until >= (uint64_t)time(NULL))
		return (UINT64_MAX >> 1);
	s = db_prepare("SELECT max(number) + 1 FROM (SELECT number FROM "
	    "record WHERE time <= ? ORDER BY time DESC LIMIT 1000)");
	db_int(s, 1, (c->req.until + DISORDER) * 1000 + 999);
	return (db_number(s));
}

/*
 * The next rows of records: 1 when there are more.  Where a whole step has
 * none but what is much too old, all before it are older: one with a wrong
 * time proves nothing.
 */
static int
records_step(struct client *c, const char *sql, int quarantine)
{
	sqlite3_stmt	*s;
	unsigned int	 looked, rows, old;
	uint64_t	 t;

	s = db_prepare(sql);
	db_int(s, 1, c->at);
	looked = rows = old = 0;
	while (looked < STEP && rows < STEP_ROWS &&
	    c->end.nrows < c->req.limit && db_row(s)) {
		looked++;
		c->at = db_get(s, 0);
		t = db_get(s, 1) / 1000;
		if (t + DISORDER < c->req.from)
			old++;
		if ((c->req.from != 0 && t < c->req.from) ||
		    (c->req.until != 0 && t > c->req.until) ||
		    !record_matches(s, c->req.key))
			continue;
		record_row(c, s, quarantine);
		rows++;
	}
	db_done(s);
	if (c->end.nrows < c->req.limit && old < STEP && (looked == STEP ||
	    rows == STEP_ROWS))
		return (1);
	control_end(c, 0, "");
	return (0);
}

/* As long as the answer has no more than max rows; then that is said. */
static void
strings_of(struct client *c, const char *sql, const char *name,
    uint64_t record, unsigned int max)
{
	sqlite3_stmt	*s;

	s = db_prepare(sql);
	db_int(s, 1, record);
	while (db_row(s)) {
		if (c->end.nrows >= max) {
			strlcpy(c->end.text, "this is not all: there are too "
			    "many recipients or facts", sizeof(c->end.text));
			break;
		}
		control_row(c, name, db_string(s, 0), NULL);
	}
	db_done(s);
}

/* Recipients, however many, leave room for facts. */
static void
details(struct client *c, uint64_t record)
{
	strings_of(c, "SELECT path FROM recipient WHERE record = ? "
	    "ORDER BY seq", "recipient", record, CTL_TRACE_ROWS / 2);
	strings_of(c, "SELECT line FROM fact WHERE record = ? ORDER BY seq",
	    "fact", record, CTL_TRACE_ROWS);
}

/* All about a session: its messages, their recipients and facts. */
static void
trace(struct client *c)
{
	uint64_t	 number[64];
	sqlite3_stmt	*s;
	unsigned int	 n, i;

	s = db_prepare("SELECT number FROM record WHERE session = ? "
	    "ORDER BY number LIMIT 64");
	db_int(s, 1, c->req.number);
	for (n = 0; n < 64 && db_row(s); n++)
		number[n] = db_get(s, 0);
	db_done(s);
	for (i = 0; i < n; i++) {
		s = db_prepare("SELECT " RECORD_COLUMNS " FROM record r "
		    "WHERE r.number = ?");
		db_int(s, 1, number[i]);
		if (db_row(s))
			record_row(c, s, 0);
		db_done(s);
		details(c, number[i]);
	}
	control_end(c, n == 0 ? ENOENT : 0, n == 0 ?
	    "no message of such a session" : NULL);
}

static void
quarantine_show(struct client *c)
{
	struct msg_mail	 mail;
	sqlite3_stmt	*s;
	int		 fd;

	s = db_prepare("SELECT " RECORD_COLUMNS ", q.state, q.expires, "
	    "q.sha256 FROM quarantine q JOIN record r ON "
	    "r.number = q.number WHERE q.number = ?");
	db_int(s, 1, c->req.number);
	if (!db_row(s)) {
		db_done(s);
		control_end(c, ENOENT, "no such message in the quarantine");
		return;
	}
	record_row(c, s, 1);
	mail.size = db_get(s, 13);
	db_done(s);
	details(c, c->req.number);
	if ((fd = quarantine_open(c->req.number)) == -1) {
		control_end(c, errno, "the message itself is lost");
		return;
	}
	if (imsg_compose(&c->ib, IMSG_CTL_MAIL, c->reqid, fd, &mail,
	    sizeof(mail)) == -1)
		control_end(c, errno, "cannot be shown");
	else
		control_end(c, 0, NULL);
}

/* Columns of a message in the outbox, in this order. */
#define OUTBOX_COLUMNS	"o.number, o.kind, o.state, o.time, o.next, "	\
	"o.expires, o.tries, o.size, o.sender, o.rcpt, o.server, o.port, " \
	"o.reply, o.record, r.session, r.subject"

static void
outbox_row(struct client *c, sqlite3_stmt *s)
{
	static const char *const	 states[] = {
		[OUTBOX_PENDING] = "pending",
		[OUTBOX_WAITING] = "waiting",
		[OUTBOX_LOST] = "lost",
	};
	struct values			 v;
	uint64_t			 state;

	state = db_get(s, 2);
	endpoint(v.dest, sizeof(v.dest), db_string(s, 10), db_get(s, 11));
	v.n[14][0] = '\0';
	if (sqlite3_column_type(s, 14) != SQLITE_NULL)
		snprintf(v.n[14], NUMLEN, "%016" PRIx64, db_get(s, 14));
	control_row(c, "number", num(&v, 0, s, 0), "kind",
	    conf_out_name((uint32_t)db_get(s, 1)), "state",
	    outbox_is_sent(db_get(s, 0)) ? "sending" :
	    state <= OUTBOX_LOST ? states[state] : "unknown",
	    "time", num(&v, 3, s, 3), "next", num(&v, 4, s, 4), "expires",
	    num(&v, 5, s, 5), "tries", num(&v, 6, s, 6), "size",
	    num(&v, 7, s, 7), "from", db_string(s, 8), "to",
	    db_string(s, 9), "server", v.dest, "reply", db_string(s, 12),
	    "session", v.n[14], "subject", db_string(s, 15), NULL);
}

/* Those behind the last one, oldest first: 1 when there are more. */
static int
outbox_step(struct client *c)
{
	sqlite3_stmt	*s;
	unsigned int	 rows;

	s = db_prepare("SELECT " OUTBOX_COLUMNS " FROM outbox o LEFT JOIN "
	    "record r ON r.number = o.record WHERE o.number > ? "
	    "ORDER BY o.number LIMIT 32");
	db_int(s, 1, c->at);
	for (rows = 0; c->end.nrows < c->req.limit && db_row(s); rows++) {
		c->at = db_get(s, 0);
		outbox_row(c, s);
	}
	db_done(s);
	if (rows == STEP_ROWS && c->end.nrows < c->req.limit)
		return (1);
	control_end(c, 0, "");
	return (0);
}

static void
outbox_show(struct client *c)
{
	struct msg_mail	 mail;
	sqlite3_stmt	*s;
	int		 fd;

	s = db_prepare("SELECT " OUTBOX_COLUMNS " FROM outbox o LEFT JOIN "
	    "record r ON r.number = o.record WHERE o.number = ?");
	db_int(s, 1, c->req.number);
	if (!db_row(s)) {
		db_done(s);
		control_end(c, ENOENT, "no such message in the outbox");
		return;
	}
	outbox_row(c, s);
	mail.size = db_get(s, 7);
	db_done(s);
	if ((fd = outbox_open(c->req.number)) == -1)
		control_end(c, errno, "the message itself is lost");
	else if (imsg_compose(&c->ib, IMSG_CTL_MAIL, c->reqid, fd, &mail,
	    sizeof(mail)) == -1)
		control_end(c, errno, "cannot be shown");
	else
		control_end(c, 0, NULL);
}

static void
tables(struct client *c)
{
	const struct conf_dynamic_wire	*d;
	char				 n[NUMLEN], size[NUMLEN], e[NUMLEN];
	uint32_t			 i;

	for (i = 0; i < store.conf->ndynamics; i++) {
		d = &store.conf->dynamic[i];
		snprintf(n, sizeof(n), "%" PRIu64, member_count(i));
		snprintf(size, sizeof(size), "%u", d->size);
		snprintf(e, sizeof(e), "%" PRIu64, d->expire);
		control_row(c, "table", d->name, "members", n, "size", size,
		    "expire", e, NULL);
	}
	control_end(c, 0, "");
}

/* Members of a table, oldest first: 1 when there are more. */
static int
table_step(struct client *c)
{
	sqlite3_stmt	*s;
	char		 e[NUMLEN], a[NUMLEN];
	unsigned int	 rows;

	s = db_prepare("SELECT number, key, expires, added, why FROM member "
	    "WHERE tbl = ? AND number > ? ORDER BY number");
	db_text(s, 1, c->req.table);
	db_int(s, 2, c->at);
	for (rows = 0; rows < STEP_ROWS && c->end.nrows < c->req.limit &&
	    db_row(s); rows++) {
		c->at = db_get(s, 0);
		snprintf(e, sizeof(e), "%" PRIu64, db_get(s, 2));
		snprintf(a, sizeof(a), "%" PRIu64, db_get(s, 3));
		control_row(c, "key", db_string(s, 1), "expires", e, "added",
		    a, "why", db_string(s, 4), NULL);
	}
	db_done(s);
	if (rows == STEP_ROWS && c->end.nrows < c->req.limit)
		return (1);
	control_end(c, 0, "");
	return (0);
}

void
query_counts(struct client *c)
{
	sqlite3_stmt	*s;
	char		 n[NUMLEN];

	s = db_prepare("SELECT count(*) FROM quarantine");
	snprintf(n, sizeof(n), "%" PRIu64, db_number(s));
	control_row(c, "name", "quarantine", "value", n, NULL);
	snprintf(n, sizeof(n), "%" PRIu64, quarantine_used());
	control_row(c, "name", "quarantine_bytes", "value", n, NULL);
	s = db_prepare("SELECT count(*) FROM outbox");
	snprintf(n, sizeof(n), "%" PRIu64, db_number(s));
	control_row(c, "name", "outbox", "value", n, NULL);
	s = db_prepare("SELECT count(*) FROM member");
	snprintf(n, sizeof(n), "%" PRIu64, db_number(s));
	control_row(c, "name", "members", "value", n, NULL);
}

void
query_start(struct client *c, const struct msg_ctl *r)
{
	c->at = 0;
	switch (r->command) {
	case CTL_LOG:
	case CTL_QUARANTINE_LIST:
		c->at = newest(c);
		return;
	case CTL_TRACE:
		trace(c);
		break;
	case CTL_QUARANTINE_SHOW:
		quarantine_show(c);
		break;
	case CTL_OUTBOX_LIST:
		return;
	case CTL_OUTBOX_SHOW:
		outbox_show(c);
		break;
	case CTL_TABLES:
		tables(c);
		break;
	case CTL_TABLE_SHOW:
		if (conf_find_dynamic(store.conf, r->table) != NULL)
			return;
		control_end(c, ENOENT, "no such dynamic table");
		break;
	default:
		control_end(c, ENOSYS, "unknown command");
		break;
	}
}

int
query_more(struct client *c)
{
	switch (c->req.command) {
	case CTL_LOG:
		return (records_step(c, "SELECT " RECORD_COLUMNS " FROM "
		    "record r WHERE r.number < ? "
		    "ORDER BY r.number DESC LIMIT 500", 0));
	case CTL_QUARANTINE_LIST:
		return (records_step(c, "SELECT " RECORD_COLUMNS ", q.state, "
		    "q.expires, q.sha256 FROM quarantine q JOIN record r ON "
		    "r.number = q.number WHERE q.number < ? "
		    "ORDER BY q.number DESC LIMIT 500", 1));
	case CTL_OUTBOX_LIST:
		return (outbox_step(c));
	case CTL_TABLE_SHOW:
		return (table_step(c));
	default:
		return (0);
	}
}

void
query_stop(struct client *c)
{
	c->querying = 0;
}

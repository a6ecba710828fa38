/* SPDX-License-Identifier: ISC */

/*
 * What people are told: notices to those whom rules name, answers to senders.
 * A wish for one is a row, written with its record; the message is written a
 * moment later, when no client waits, and the row goes in the transaction
 * that puts the message into the outbox.
 *
 * An address gets so many notices in a while, one by one.  Those beyond wait
 * until the while is over and come as one digest; of too many only their
 * number is kept, which the digest tells.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "compose.h"
#include "outbox.h"

#define STEP		64	/* messages written in one round */
#define HOUR		3600	/* s */
#define FULL_PAUSE	10000	/* ms; nothing is lost meanwhile */
#define REPLY_WAIT	86400	/* s; longer than any server may think */

/* How an address stands. */
struct told {
	uint64_t	 began;		/* s: its while */
	uint64_t	 count;		/* notices in it */
	uint64_t	 waiting;	/* rows */
	uint64_t	 left;		/* beyond them */
};

static int	 told_get(const char *, struct told *);
static int	 told_set(const char *, const struct told *);
static int	 about_load(uint64_t, struct about *);
static void	 about_rcpts(uint64_t, struct about *);
static int	 notice_delete(uint64_t, uint64_t);
static int	 write_out(const struct buf *, uint64_t, enum out_kind,
		    const char *);
static void	 letter_fill(struct letter *, const char *);
static int	 notify_one(const char *, struct told *);
static int	 notify_rows(const char *, struct buf *, uint64_t *,
		    uint64_t *);
static int	 notify_digest(const char *, struct told *);
static int	 notify_address(const char *, unsigned int *);
static int	 reply_due(const char *);
static int	 reply_write(uint64_t, const char *, const char *);
static int	 reply_one(uint64_t *);
static int	 forget_all(void);

/* 0 for one of whom nothing is known, which is all zero. */
static int
told_get(const char *to, struct told *t)
{
	sqlite3_stmt	*s;
	int		 found;

	memset(t, 0, sizeof(*t));
	s = db_prepare("SELECT began, count, waiting, omitted FROM told "
	    "WHERE rcpt = ?");
	db_text(s, 1, to);
	if ((found = db_row(s))) {
		t->began = db_get(s, 0);
		t->count = db_get(s, 1);
		t->waiting = db_get(s, 2);
		t->left = db_get(s, 3);
	}
	db_done(s);
	return (found);
}

static int
told_set(const char *to, const struct told *t)
{
	sqlite3_stmt	*s;

	s = db_prepare("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)");
	db_text(s, 1, to);
	db_int(s, 2, t->began);
	db_int(s, 3, t->count);
	db_int(s, 4, t->waiting);
	db_int(s, 5, t->left);
	return (db_run(s));
}

int
notice_add(uint64_t record, const struct msg_out *o, const char *sender)
{
	sqlite3_stmt	*s;
	struct told	 t;

	if (o->kind == OUT_NOTIFY) {
		told_get(o->to, &t);
		if (t.waiting >= NOTICES_WAIT_MAX) {
			t.left++;
			return (told_set(o->to, &t));
		}
		t.waiting++;
		if (told_set(o->to, &t) == -1)
			return (-1);
	}
	s = db_prepare("INSERT INTO notice (kind, rcpt, record, text) "
	    "VALUES (?, ?, ?, ?)");
	db_int(s, 1, o->kind);
	db_text(s, 2, o->kind == OUT_REPLY ? sender : o->to);
	db_int(s, 3, record);
	db_text(s, 4, o->text);
	return (db_run(s));
}

static void
about_rcpts(uint64_t record, struct about *a)
{
	sqlite3_stmt	*s;
	char		 path[SMTP_ADDR_MAX + 8], line[SMTP_ADDR_MAX + 32];
	uint32_t	 n;

	s = db_prepare("SELECT path FROM recipient WHERE record = ? "
	    "ORDER BY seq LIMIT ?");
	db_int(s, 1, record);
	db_int(s, 2, NOTICE_RCPTS);
	for (n = 0; db_row(s); n++) {
		snprintf(line, sizeof(line), "            %s\n",
		    compose_calm(path, sizeof(path), db_string(s, 0)));
		if (strlen(a->rcpts) + strlen(line) + 64 > sizeof(a->rcpts))
			break;
		strlcat(a->rcpts, line, sizeof(a->rcpts));
	}
	db_done(s);
	if (n >= a->nrcpt)
		return;
	snprintf(line, sizeof(line), "            and %u more\n",
	    a->nrcpt - n);
	strlcat(a->rcpts, line, sizeof(a->rcpts));
}

/* 0 when there is no such record any more. */
static int
about_load(uint64_t record, struct about *a)
{
	sqlite3_stmt	*s;

	memset(a, 0, sizeof(*a));
	s = db_prepare("SELECT session, time, size, flags, verdict, action, "
	    "line, nrcpt, client, dest, helo, sender, subject, msgid, name, "
	    "reply, dest_port FROM record WHERE number = ?");
	db_int(s, 1, record);
	if (!db_row(s)) {
		db_done(s);
		return (0);
	}
	a->number = record;
	a->session = db_get(s, 0);
	a->time = db_get(s, 1);
	a->size = db_get(s, 2);
	a->is_kept = (db_get(s, 3) & RECORD_QUARANTINE) != 0;
	a->verdict = (uint32_t)db_get(s, 4);
	a->action = (uint32_t)db_get(s, 5);
	a->line = (uint32_t)db_get(s, 6);
	a->nrcpt = (uint32_t)db_get(s, 7);
	strlcpy(a->client, db_string(s, 8), sizeof(a->client));
	snprintf(a->dest, sizeof(a->dest), "%s port %u", db_string(s, 9),
	    (unsigned int)db_get(s, 16));
	strlcpy(a->helo, db_string(s, 10), sizeof(a->helo));
	strlcpy(a->sender, db_string(s, 11), sizeof(a->sender));
	strlcpy(a->subject, db_string(s, 12), sizeof(a->subject));
	strlcpy(a->msgid, db_string(s, 13), sizeof(a->msgid));
	strlcpy(a->name, db_string(s, 14), sizeof(a->name));
	strlcpy(a->reply, db_string(s, 15), sizeof(a->reply));
	db_done(s);
	about_rcpts(record, a);
	return (1);
}

static int
notice_delete(uint64_t number, uint64_t record)
{
	sqlite3_stmt	*s;

	s = db_prepare("DELETE FROM notice WHERE number = ?");
	db_int(s, 1, number);
	if (db_run(s) == -1)
		return (-1);
	record_unkept(record);
	return (0);
}

static int
write_out(const struct buf *b, uint64_t record, enum out_kind kind,
    const char *to)
{
	struct outgoing	 o;

	memset(&o, 0, sizeof(o));
	o.record = record;
	o.kind = kind;
	o.server = store.conf->outbox.server;
	o.from = "";
	o.to = to;
	return (outbox_put_text(&o, buf_ptr(b), b->len));
}

static void
letter_fill(struct letter *l, const char *to)
{
	static uint64_t	 id;

	memset(l, 0, sizeof(*l));
	l->from = store.conf->outbox.from;
	l->to = to;
	l->now = time(NULL);
	/* Unique together with the second, and with our own start. */
	if (id == 0)
		id = (uint64_t)arc4random() << 20;
	l->id = ++id;
}

/* ---- notices ------------------------------------------------------------- */

/* The oldest that waits for the address, alone: 0, or -1. */
static int
notify_one(const char *to, struct told *t)
{
	struct letter	 l;
	struct about	 a;
	struct buf	 b;
	sqlite3_stmt	*s;
	uint64_t	 number, record;
	char		 text[MAIL_TEXT_MAX];
	int		 ret, found;

	s = db_prepare("SELECT number, record, text FROM notice WHERE "
	    "kind = ? AND rcpt = ? ORDER BY number LIMIT 1");
	db_int(s, 1, OUT_NOTIFY);
	db_text(s, 2, to);
	found = db_row(s);
	number = found ? db_get(s, 0) : 0;
	record = found ? db_get(s, 1) : 0;
	strlcpy(text, found ? db_string(s, 2) : "", sizeof(text));
	db_done(s);
	t->waiting -= t->waiting > 0;
	if (!found) {
		t->waiting = 0;
		return (0);
	}
	if (!about_load(record, &a))
		return (notice_delete(number, record));
	letter_fill(&l, to);
	if (text[0] != '\0')
		l.text = text;
	buf_init(&b, LETTER_MAX);
	ret = compose_notice(&b, &l, &a);
	if (ret == 0)
		ret = write_out(&b, record, OUT_NOTIFY, to);
	buf_clear(&b);
	t->count++;
	return (ret == 0 ? notice_delete(number, record) : -1);
}

/* All that wait, as the body of a digest; *n of them, the last is *last. */
static int
notify_rows(const char *to, struct buf *body, uint64_t *n, uint64_t *last)
{
	struct about	 a;
	sqlite3_stmt	*s;
	uint64_t	 record[DIGEST_ROWS_MAX];
	uint64_t	 i, shown;

	s = db_prepare("SELECT number, record FROM notice WHERE kind = ? AND "
	    "rcpt = ? ORDER BY number");
	db_int(s, 1, OUT_NOTIFY);
	db_text(s, 2, to);
	for (*n = 0; db_row(s); ++*n) {
		if (*n < DIGEST_ROWS_MAX)
			record[*n] = db_get(s, 1);
		*last = db_get(s, 0);
	}
	db_done(s);
	shown = *n < DIGEST_ROWS_MAX ? *n : DIGEST_ROWS_MAX;
	for (i = 0; i < shown; i++)
		if (about_load(record[i], &a) && compose_row(body, &a) == -1)
			break;
	return ((int)i);
}

static int
notify_digest(const char *to, struct told *t)
{
	struct letter	 l;
	struct buf	 b, body;
	sqlite3_stmt	*s;
	uint64_t	 n, last;
	int		 shown, ret;

	buf_init(&b, LETTER_MAX);
	buf_init(&body, LETTER_MAX);
	last = 0;
	shown = notify_rows(to, &body, &n, &last);
	letter_fill(&l, to);
	ret = compose_digest(&b, &l, (time_t)t->began, n + t->left,
	    n + t->left - (uint64_t)shown, &body);
	if (ret == 0)
		ret = write_out(&b, 0, OUT_NOTIFY, to);
	buf_clear(&b);
	buf_clear(&body);
	if (ret == -1)
		return (-1);
	s = db_prepare("DELETE FROM notice WHERE kind = ? AND rcpt = ? AND "
	    "number <= ?");
	db_int(s, 1, OUT_NOTIFY);
	db_text(s, 2, to);
	db_int(s, 3, last);
	record_rescan();
	t->waiting = t->left = 0;
	return (db_run(s));
}

/* What is due for one address; *n counts messages.  0, or -1 with errno. */
static int
notify_address(const char *to, unsigned int *n)
{
	const struct conf_outbox	*o;
	struct told			 t, old, next;
	uint64_t			 now;
	int				 ret;

	o = &store.conf->outbox;
	told_get(to, &t);
	old = t;
	now = (uint64_t)time(NULL);
	ret = 0;
	if (now >= t.began + o->within || now < t.began) {
		/* One alone needs no table. */
		if (t.count < o->limit || t.waiting + t.left < 2)
			t.count = 0;
		else if (notify_digest(to, &t) == -1)
			return (-1);
		else {
			t.count = 1;
			++*n;
		}
		t.began = now;
	}
	while (t.waiting > 0 && t.count < o->limit && *n < STEP) {
		next = t;
		if ((ret = notify_one(to, &next)) == -1)
			break;
		t = next;
		++*n;
	}
	if (memcmp(&t, &old, sizeof(t)) != 0 && told_set(to, &t) == -1)
		return (-1);
	return (ret);
}

/* ---- answers ------------------------------------------------------------- */

/* Has the sender had one of late, or had too many others: 0; else 1. */
static int
reply_due(const char *to)
{
	sqlite3_stmt	*s;
	uint64_t	 now;

	now = (uint64_t)time(NULL);
	/* Nor did one have it in the future: the clock was wrong then. */
	s = db_prepare("DELETE FROM replied WHERE time < ? OR time > ?");
	db_int(s, 1, now - REPLY_EVERY);
	db_int(s, 2, now + HOUR);
	if (db_run(s) == -1)
		return (0);
	s = db_prepare("SELECT 1 FROM replied WHERE rcpt = ?");
	db_text(s, 1, to);
	if (db_number(s) != 0) {
		log_info("no reply to %s: it had one in the last 7 days", to);
		return (0);
	}
	s = db_prepare("SELECT count(*) FROM replied WHERE time > ?");
	db_int(s, 1, now - HOUR);
	if (db_number(s) >= REPLIES_HOUR) {
		log_warnx("no reply to %s: %d in an hour are enough", to,
		    REPLIES_HOUR);
		return (0);
	}
	return (1);
}

static int
reply_write(uint64_t record, const char *to, const char *text)
{
	struct letter	 l;
	struct about	 a;
	struct buf	 b;
	sqlite3_stmt	*s;
	char		 key[MAIL_ADDR_MAX];
	size_t		 i;
	int		 ret;

	/* Whoever varies capitals is the same sender. */
	strlcpy(key, to, sizeof(key));
	for (i = 0; key[i] != '\0'; i++)
		if (key[i] >= 'A' && key[i] <= 'Z')
			key[i] += 'a' - 'A';
	if (!compose_answers(to) || !about_load(record, &a) ||
	    a.verdict == VERDICT_VIRUS || strcasecmp(to,
	    store.conf->outbox.from) == 0)
		return (0);
	if (a.action == ACTION_PASS && a.reply[0] != '2') {
		log_info("no reply to %s: its message was not delivered", to);
		return (0);
	}
	if (!reply_due(key))
		return (0);
	letter_fill(&l, to);
	buf_init(&b, LETTER_MAX);
	ret = compose_reply(&b, &l, &a, text);
	if (ret == 0)
		ret = write_out(&b, record, OUT_REPLY, to);
	buf_clear(&b);
	if (ret == -1)
		return (-1);
	s = db_prepare("INSERT OR REPLACE INTO replied VALUES (?, ?)");
	db_text(s, 1, key);
	db_int(s, 2, (uint64_t)time(NULL));
	return (db_run(s));
}

/*
 * The oldest wish for one behind *at, which goes on: 1, 0 for none, -1 with
 * errno.  A message that is
 * kept or copied and then passed has no reply in its record until its server
 * has said something; one that never does (the client went away, a process
 * died) is not waited for without end.
 */
static int
reply_one(uint64_t *at)
{
	sqlite3_stmt	*s;
	uint64_t	 number, record;
	char		 to[SMTP_ADDR_MAX + 8], text[MAIL_TEXT_MAX];

	s = db_prepare("SELECT number, record, rcpt, text FROM notice WHERE "
	    "kind = ? AND number > ? AND NOT EXISTS (SELECT 1 FROM record "
	    "WHERE record.number = notice.record AND record.action = ? AND "
	    "record.reply = '' AND record.time > ?) ORDER BY number LIMIT 1");
	db_int(s, 1, OUT_REPLY);
	db_int(s, 2, *at);
	db_int(s, 3, ACTION_PASS);
	db_int(s, 4, ((uint64_t)time(NULL) - REPLY_WAIT) * 1000);
	if (!db_row(s)) {
		db_done(s);
		return (0);
	}
	*at = number = db_get(s, 0);
	record = db_get(s, 1);
	strlcpy(to, db_string(s, 2), sizeof(to));
	strlcpy(text, db_string(s, 3), sizeof(text));
	db_done(s);
	db_write();
	if (reply_write(record, to, text) == -1 ||
	    notice_delete(number, record) == -1)
		return (-1);
	return (1);
}

/* Nobody said where they are to go. */
static int
forget_all(void)
{
	uint64_t	 n;

	n = db_number(db_prepare("SELECT count(*) FROM notice"));
	if (n == 0)
		return (0);
	log_warnx("%" PRIu64 " notices are not sent: there is no statement "
	    "\"notices server\"", n);
	db_write();
	record_rescan();
	if (db_run(db_prepare("DELETE FROM notice")) == -1 ||
	    db_run(db_prepare("DELETE FROM told")) == -1)
		log_warn("notices");
	return (0);
}

int
notice_run(void)
{
	static uint64_t	 not_before;	/* ms: the outbox was full */
	sqlite3_stmt	*s;
	uint64_t	 at;
	char		 to[MAIL_ADDR_MAX];
	unsigned int	 n;
	int		 ret;

	if (store.conf->outbox.server.family == 0)
		return (forget_all());
	if (now_ms() < not_before)
		return (0);
	to[0] = '\0';
	n = 0;
	ret = 0;
	for (;;) {
		s = db_prepare("SELECT rcpt FROM told WHERE rcpt > ? AND "
		    "waiting > 0 ORDER BY rcpt LIMIT 1");
		db_text(s, 1, to);
		if (db_row(s))
			strlcpy(to, db_string(s, 0), sizeof(to));
		else
			ret = 1;
		db_done(s);
		if (ret == 1)
			break;
		db_write();
		if (notify_address(to, &n) == -1) {
			log_warn("notice to %s", to);
			not_before = now_ms() + FULL_PAUSE;
			return (0);
		}
	}
	at = 0;
	while (n < STEP && (ret = reply_one(&at)) == 1)
		n++;
	if (ret == -1) {
		log_warn("reply");
		not_before = now_ms() + FULL_PAUSE;
		return (0);
	}
	return (n >= STEP);
}

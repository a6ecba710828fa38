/* SPDX-License-Identifier: ISC */

/*
 * What became of messages.  A record comes in frames of one id, begun by
 * IMSG_RECORD, and is written when IMSG_RECORD_END has come; whoever wants an
 * answer has it after the commit of this round of events.
 *
 * A record that cannot be written leaves nothing behind, its message in
 * quarantine included.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"
#include "outbox.h"
#include "store.h"

#define EXPIRE_STEP	500	/* records that go at a time ... */
#define EXPIRE_RCPTS	20000	/* ... unless they have more recipients */
#define RECORD_TIME_MAX	(1ULL << 53)	/* ms; SQLite's are signed */

/* What says that nothing else needs a record. */
#define UNKEPT								\
	"NOT EXISTS (SELECT 1 FROM quarantine q WHERE "			\
	"q.number = record.number) AND NOT EXISTS (SELECT 1 FROM "	\
	"outbox o WHERE o.record = record.number) AND NOT EXISTS "	\
	"(SELECT 1 FROM notice n WHERE n.record = record.number)"

/* Strings, one behind the other. */
struct strings {
	char		*data;
	size_t		 len;
	uint32_t	 n;
};

/* A record of which frames are still to come. */
struct record {
	TAILQ_ENTRY(record)	 entry;
	uint64_t		 id;
	struct msg_record	 r;
	struct strings		 rcpt;
	struct strings		 fact;
	struct msg_out		*out;		/* nout */
	uint32_t		 nout;
	int			 fd;		/* the message, or -1 */
	uint64_t		 size;
};

/* One that is written; its proxy waits for the commit. */
struct waiter {
	STAILQ_ENTRY(waiter)	 entry;
	struct peer		*peer;		/* NULL: it is gone */
	uint64_t		 id;
	uint64_t		 number;	/* in the quarantine, or 0 */
};

static struct record	*record_find(struct peer *, uint64_t);
static int		 record_begin(struct peer *, const struct imsg *);
static int		 record_strings(struct peer *, struct record *,
			    struct strings *, const struct imsg *, size_t);
static int		 record_out(struct record *, const struct imsg *);
static int		 record_mail(struct peer *, struct record *,
			    struct imsg *);
static int		 record_end(struct peer *, struct record *);
static void		 record_free(struct peer *, struct record *);
static int		 record_write(const struct peer *,
			    const struct record *, uint64_t *);
static int		 insert_record(const struct msg_record *);
static int		 insert_strings(const char *, uint64_t,
			    const struct strings *);
static int		 insert_mail(const struct record *, uint64_t, char *);
static int		 insert_outs(const struct peer *,
			    const struct record *, uint64_t);
static void		 answer(struct peer *, uint64_t, int, uint64_t);

static STAILQ_HEAD(, waiter)	 waiters = STAILQ_HEAD_INITIALIZER(waiters);
static unsigned int		 nquiet;	/* written, nobody waits */
static uint64_t		 expired;	/* ms: up to then all is gone */

int
record_frame(struct peer *p, struct imsg *imsg)
{
	struct record	*r;

	if (imsg->type == IMSG_RECORD)
		return (record_begin(p, imsg));
	if ((r = record_find(p, imsg->id)) == NULL)
		return (-1);
	switch (imsg->type) {
	case IMSG_RECORD_RCPT:
		/* In this order, and no more than were announced. */
		if (r->fact.n > 0 || r->fd != -1 ||
		    record_strings(p, r, &r->rcpt, imsg,
		    RECORD_RCPT_BYTES_MAX) == -1 || r->rcpt.n > r->r.nrcpt)
			return (-1);
		return (0);
	case IMSG_RECORD_FACT:
		if (r->fd != -1)
			return (-1);
		return (record_strings(p, r, &r->fact, imsg,
		    RECORD_FACTS_MAX));
	case IMSG_RECORD_OUT:
		return (record_out(r, imsg));
	case IMSG_RECORD_MAIL:
		return (record_mail(p, r, imsg));
	case IMSG_RECORD_END:
		return (record_end(p, r));
	default:
		return (-1);
	}
}

static struct record *
record_find(struct peer *p, uint64_t id)
{
	struct record	*r;

	/* A proxy sends one after the other, so it is nearly always first. */
	TAILQ_FOREACH(r, &p->records, entry)
		if (r->id == id)
			break;
	return (r);
}

static int
record_begin(struct peer *p, const struct imsg *imsg)
{
	struct record	*r;

	if (p->nrecords >= STORE_RECORDS_MAX ||
	    record_find(p, imsg->id) != NULL)
		return (-1);
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal("%s", __func__);
	r->id = imsg->id;
	r->fd = -1;
	TAILQ_INSERT_HEAD(&p->records, r, entry);
	p->nrecords++;
	if (proto_get_record(imsg->data, &r->r) == -1 ||
	    r->r.time > RECORD_TIME_MAX)
		return (-1);
	return (0);
}

static int
record_strings(struct peer *p, struct record *r, struct strings *s,
    const struct imsg *imsg, size_t max)
{
	char	*data;
	int	 n;

	n = proto_strings(imsg->data, imsg->len);
	if (n == -1 || imsg->len > max - s->len ||
	    imsg->len > STORE_BYTES_MAX - p->nbytes)
		return (-1);
	if ((data = realloc(s->data, s->len + imsg->len)) == NULL)
		fatal("%s", __func__);
	memcpy(data + s->len, imsg->data, imsg->len);
	s->data = data;
	s->len += imsg->len;
	s->n += (uint32_t)n;
	p->nbytes += imsg->len;
	return (0);
}

/* A message that is to be sent needs the message, and a server. */
static int
record_out(struct record *r, const struct imsg *imsg)
{
	struct msg_out	 o, *v;

	if (r->fd != -1 || r->nout == RULE_MAILS ||
	    proto_get_out(imsg->data, &o) == -1 ||
	    (o.kind != OUT_REPLY && !conf_mailbox_ok(o.to)) ||
	    ((o.kind == OUT_COPY || o.kind == OUT_REDIRECT) &&
	    ((r->r.flags & RECORD_OUT) == 0 ||
	    (o.server.family == 0 && r->r.dest.family == 0))))
		return (-1);
	v = reallocarray(r->out, r->nout + 1, sizeof(*v));
	if (v == NULL)
		fatal("%s", __func__);
	v[r->nout++] = o;
	r->out = v;
	return (0);
}

static int
record_mail(struct peer *p, struct record *r, struct imsg *imsg)
{
	struct msg_mail	 m;

	memcpy(&m, imsg->data, sizeof(m));
	if ((r->r.flags & (RECORD_QUARANTINE | RECORD_OUT)) == 0 ||
	    r->fd != -1 ||
	    p->nmails >= STORE_MAILS_MAX || m.size > MAX_MESSAGE_SIZE ||
	    sealed_check(imsg->fd, m.size) == -1)
		return (-1);
	r->fd = imsg_take_fd(imsg);
	r->size = m.size;
	p->nmails++;
	return (0);
}

static void
record_free(struct peer *p, struct record *r)
{
	TAILQ_REMOVE(&p->records, r, entry);
	p->nrecords--;
	p->nbytes -= r->rcpt.len + r->fact.len;
	if (r->fd != -1) {
		close(r->fd);
		p->nmails--;
	}
	free(r->rcpt.data);
	free(r->fact.data);
	free(r->out);
	free(r);
}

static int
record_end(struct peer *p, struct record *r)
{
	struct waiter	*w;
	uint64_t	 number, id;
	uint32_t	 flags;
	int		 error;

	flags = r->r.flags;
	id = r->id;
	if (r->rcpt.n != r->r.nrcpt ||
	    ((flags & (RECORD_QUARANTINE | RECORD_OUT)) != 0) !=
	    (r->fd != -1))
		return (-1);
	number = 0;
	error = record_write(p, r, &number);
	record_free(p, r);
	if ((flags & RECORD_SYNC) == 0) {
		nquiet++;
		return (0);
	}
	if (error != 0) {
		answer(p, id, error, 0);
		return (0);
	}
	if ((w = calloc(1, sizeof(*w))) == NULL)
		fatal("%s", __func__);
	w->peer = p;
	w->id = id;
	w->number = flags & (RECORD_QUARANTINE | RECORD_OUT) ? number : 0;
	STAILQ_INSERT_TAIL(&waiters, w, entry);
	store.answers = 1;
	store_round();
	return (0);
}

static void
answer(struct peer *p, uint64_t id, int error, uint64_t number)
{
	struct msg_record_done	 done;

	memset(&done, 0, sizeof(done));
	done.error = (uint32_t)error;
	done.number = error == 0 ? number : 0;
	peer_compose(p, IMSG_RECORD_DONE, id, -1, &done, sizeof(done));
}

void
record_committed(int error)
{
	struct waiter	*w;

	if (error != 0 && nquiet > 0) {
		errno = error;
		log_warn("%u records are lost", nquiet);
	}
	nquiet = 0;
	if (error != 0)
		record_rescan();
	while ((w = STAILQ_FIRST(&waiters)) != NULL) {
		STAILQ_REMOVE_HEAD(&waiters, entry);
		if (w->peer != NULL)
			answer(w->peer, w->id, error, w->number);
		free(w);
	}
}

void
record_forget(struct peer *p)
{
	struct waiter	*w;
	struct record	*r;

	while ((r = TAILQ_FIRST(&p->records)) != NULL)
		record_free(p, r);
	/* Written they are, and stay so. */
	STAILQ_FOREACH(w, &waiters, entry)
		if (w->peer == p)
			w->peer = NULL;
}

/* All rows and the file, or nothing: 0 with its number, or an errno. */
static int
record_write(const struct peer *p, const struct record *r, uint64_t *number)
{
	struct files_mark	 kept, out;
	char			 digest[65];
	int			 error;

	digest[0] = '\0';
	db_write();
	if (db_run(db_prepare("SAVEPOINT record")) == -1)
		return (errno);
	error = 0;
	*number = 0;
	quarantine_mark(&kept);
	outbox_mark(&out);
	if (insert_record(&r->r) == -1)
		error = errno;
	else {
		*number = (uint64_t)sqlite3_last_insert_rowid(store.db);
		if (insert_strings("INSERT INTO recipient VALUES (?, ?, ?)",
		    *number, &r->rcpt) == -1 ||
		    insert_strings("INSERT INTO fact VALUES (?, ?, ?)",
		    *number, &r->fact) == -1 ||
		    ((r->r.flags & RECORD_QUARANTINE) &&
		    insert_mail(r, *number, digest) == -1) ||
		    insert_outs(p, r, *number) == -1)
			error = errno;
	}
	if (error != 0) {
		quarantine_undo(&kept);
		outbox_undo(&out);
		db_run(db_prepare("ROLLBACK TO record"));
	}
	db_run(db_prepare("RELEASE record"));
	if (error == 0)
		audit_line(*number, &r->r, r->rcpt.data, r->rcpt.len,
		    r->fact.data, r->fact.len, digest);
	return (error);
}

static int
insert_record(const struct msg_record *m)
{
	sqlite3_stmt	*s;
	char		 client[ADDR_STRLEN], dest[ADDR_STRLEN];

	s = db_prepare("INSERT INTO record (session, time, client, "
	    "client_port, dest, dest_port, helo, sender, subject, msgid, "
	    "size, verdict, action, line, name, reply, flags, nrcpt, nparts, "
	    "recv_ms, parse_us, scan_us, deliver_ms) VALUES (?, ?, ?, ?, ?, "
	    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	db_int(s, 1, m->session);
	db_int(s, 2, m->time);
	db_text(s, 3, addr_ip(&m->client, client, sizeof(client)));
	db_int(s, 4, m->client.port);
	db_text(s, 5, addr_ip(&m->dest, dest, sizeof(dest)));
	db_int(s, 6, m->dest.port);
	db_text(s, 7, m->helo);
	db_text(s, 8, m->from);
	db_text(s, 9, m->subject);
	db_text(s, 10, m->msgid);
	db_int(s, 11, m->size);
	db_int(s, 12, m->verdict);
	db_int(s, 13, m->action);
	db_int(s, 14, m->line);
	db_text(s, 15, m->name);
	db_text(s, 16, m->reply);
	db_int(s, 17, m->flags);
	db_int(s, 18, m->nrcpt);
	db_int(s, 19, m->nparts);
	db_int(s, 20, m->recv_ms);
	db_int(s, 21, m->parse_us);
	db_int(s, 22, m->scan_us);
	db_int(s, 23, m->deliver_ms);
	return (db_run(s));
}

static int
insert_strings(const char *sql, uint64_t number, const struct strings *l)
{
	sqlite3_stmt	*s;
	const char	*text;
	uint32_t	 i;

	text = l->data;
	for (i = 0; text != NULL; i++) {
		s = db_prepare(sql);
		db_int(s, 1, number);
		db_int(s, 2, i);
		db_text(s, 3, text);
		if (db_run(s) == -1)
			return (-1);
		text = proto_next(l->data, l->len, text);
	}
	return (0);
}

static int
insert_mail(const struct record *r, uint64_t number, char *digest)
{
	int	 saved_errno;

	if (quarantine_put(number, r->fd, r->size, digest) == 0)
		return (0);
	saved_errno = errno;
	log_warn("quarantine: s=%016" PRIx64, r->r.session);
	errno = saved_errno;
	return (-1);
}

/* What is sent because of it. */
static int
insert_outs(const struct peer *p, const struct record *r, uint64_t number)
{
	const struct msg_out	*m;
	struct outgoing		 o;
	uint32_t		 i;
	int			 ret, saved_errno, is_added;

	ret = 0;
	is_added = member_granted(r->r.session);
	for (i = 0; ret == 0 && i < r->nout; i++) {
		m = &r->out[i];
		if (m->if_added && !is_added)
			continue;
		if (m->kind == OUT_NOTIFY || m->kind == OUT_REPLY) {
			ret = notice_add(number, m, r->r.from);
			continue;
		}
		memset(&o, 0, sizeof(o));
		o.record = number;
		o.kind = m->kind;
		o.server = m->server.family == 0 ? r->r.dest : m->server;
		o.from = r->r.from;
		o.to = m->to;
		o.owner = p->instance;
		o.ident = r->id;
		ret = outbox_put(&o, r->fd, r->size);
	}
	if (ret == 0)
		return (0);
	saved_errno = errno;
	log_warn("outbox: s=%016" PRIx64, r->r.session);
	errno = saved_errno;
	return (-1);
}

void
record_reply(const struct msg_record_reply *r)
{
	sqlite3_stmt	*s;

	db_write();
	s = db_prepare("UPDATE record SET reply = ?, deliver_ms = ? WHERE "
	    "number = ? AND session = ? AND reply = ''");
	db_text(s, 1, r->reply);
	db_int(s, 2, r->deliver_ms);
	db_int(s, 3, r->number);
	db_int(s, 4, r->session);
	if (db_run(s) == -1)
		log_warn("reply: s=%016" PRIx64, r->session);
}

void
record_rescan(void)
{
	expired = 0;
}

/* It is looked at here, or record_expire() comes to it yet. */
void
record_unkept(uint64_t number)
{
	sqlite3_stmt	*s;

	s = db_prepare("DELETE FROM record WHERE number = ? AND time < ? AND "
	    UNKEPT);
	db_int(s, 1, number);
	db_int(s, 2, expired);
	if (db_run(s) == -1)
		log_warn("record %" PRIu64, number);
}

/* A message in quarantine keeps its record. */
int
record_expire(void)
{
	sqlite3_stmt	*s;
	uint64_t	 number[EXPIRE_STEP], before, nrcpt;
	int		 i, n, more;

	before = ((uint64_t)time(NULL) - store.conf->g.audit_keep) * 1000;
	/* The clock was turned back: those that come now are looked at. */
	if ((int64_t)expired > (int64_t)before)
		expired = before;
	s = db_prepare("SELECT number, nrcpt FROM record WHERE time >= ? AND "
	    "time < ? AND " UNKEPT " ORDER BY time LIMIT ?");
	db_int(s, 1, expired);
	db_int(s, 2, before);
	db_int(s, 3, EXPIRE_STEP);
	nrcpt = 0;
	for (n = 0; n < EXPIRE_STEP && nrcpt < EXPIRE_RCPTS && db_row(s); n++) {
		number[n] = db_get(s, 0);
		nrcpt += db_get(s, 1);
	}
	db_done(s);
	more = n == EXPIRE_STEP || nrcpt >= EXPIRE_RCPTS;
	if (!more)
		expired = before;
	for (i = 0; i < n; i++) {
		db_write();
		s = db_prepare("DELETE FROM record WHERE number = ?");
		db_int(s, 1, number[i]);
		if (db_run(s) == -1)
			return (0);
	}
	return (more);
}

/* SPDX-License-Identifier: ISC */

/*
 * The socket of operators.  Who may connect is decided by the mode of the
 * socket, which master has made.  A client asks one thing at a time; rows are
 * made as fast as it takes them, and one that takes nothing is dropped: all
 * that it can cost is its own connection.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "control.h"
#include "outbox.h"
#include "utf8.h"

#define CLIENT_QUEUE	64	/* frames that wait, then no more are made */
#define NUMLEN		24
#define TIME_MAX	(INT64_MAX / 1000 - 10 * 86400)	/* s */

static void	 listen_event(int, uint32_t, void *);
static void	 client_event(int, uint32_t, void *);
static void	 client_late(void *);
static void	 client_free(struct client *);
static void	 client_wait(struct client *);
static void	 client_request(struct client *, struct imsg *);
static void	 client_command(struct client *);
static int	 forward(struct client *);
static void	 ask_master(struct client *);
static void	 ask_proxies(struct client *);
static void	 stats(struct client *);
static void	 metrics(struct client *);
static void	 change(struct client *);
static void	 release(struct client *);
static void	 sent(void *, const struct msg_send_done *);
static struct client *client_find(uint64_t);
static int	 asked_find(const struct client *, const struct peer *);
static void	 client_row(struct client *, const void *, size_t);
static uint64_t	 bounded(uint64_t);

static struct ev	 listen_ev = { .fd = -1 };
static TAILQ_HEAD(, client) clients = TAILQ_HEAD_INITIALIZER(clients);
static unsigned int	 nclients;
static uint64_t		 next_id = 1;

void
control_listen(int fd)
{
	int	 old;

	old = listen_ev.fd;
	if (old != -1) {
		ev_del(&listen_ev);
		close(old);
	}
	if (ev_add(&listen_ev, fd, EPOLLIN, listen_event, NULL) == -1)
		fatal("ev_add");
}

static void
listen_event(int fd, uint32_t events, void *arg)
{
	struct client	*c;
	struct ucred	 cred;
	socklen_t	 len;
	int		 s;

	s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1)
		return;
	len = sizeof(cred);
	if (nclients == CTL_CLIENTS_MAX ||
	    getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		close(s);
		return;
	}
	c->id = next_id++;
	c->uid = cred.uid;
	imsgbuf_init(&c->ib, s, PROC_STORE, PROC_CTL);
	c->ib.state = PEER_IDLE;
	evtimer_init(&c->timer, client_late, c);
	evtimer_set(&c->timer, CTL_IDLE);
	if (ev_add(&c->ev, s, EPOLLIN, client_event, c) == -1) {
		log_warn("operator");
		imsgbuf_clear(&c->ib);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&clients, c, entry);
	nclients++;
}

static void
client_free(struct client *c)
{
	if (c->sending)
		send_forget(c);
	query_stop(c);
	evtimer_del(&c->timer);
	ev_del(&c->ev);
	imsgbuf_clear(&c->ib);
	TAILQ_REMOVE(&clients, c, entry);
	nclients--;
	free(c);
}

/* It asks nothing, or does not take what it has asked for. */
static void
client_late(void *arg)
{
	client_free(arg);
}

/*
 * What is watched for; the clock runs unless others keep it waiting.  One that
 * has not taken its last answer is not asked for the next question.
 */
static void
client_wait(struct client *c)
{
	ev_mod(&c->ev, (c->ib.nqueued == 0 || c->busy ? EPOLLIN : 0) |
	    (c->ib.nqueued > 0 || c->querying ? EPOLLOUT : 0));
	if (c->busy && !c->querying && c->ib.nqueued == 0)
		evtimer_del(&c->timer);
	else
		evtimer_set(&c->timer, CTL_IDLE);
}

static void
client_event(int fd, uint32_t events, void *arg)
{
	struct client	*c;
	struct imsg	 imsg;
	int		 n;

	c = arg;
	if ((events & EPOLLOUT) && imsgbuf_flush(&c->ib) == -1) {
		client_free(c);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = imsg_read(&c->ib, &imsg);
		if (n == -1) {
			if (errno != ECONNRESET)
				log_info("operator uid=%u: bad frame", c->uid);
			client_free(c);
			return;
		}
		if (n == 1) {
			client_request(c, &imsg);
			imsg_free(&imsg);
		}
	}
	if (c->querying && c->ib.nqueued < CLIENT_QUEUE && !query_more(c))
		c->querying = 0;
	client_wait(c);
}

/* A row that finds no room is missed at the end. */
static void
client_row(struct client *c, const void *row, size_t len)
{
	if (imsg_compose(&c->ib, IMSG_CTL_ROW, c->reqid, -1, row, len) == 0)
		c->end.nrows++;
	else
		c->lost = 1;
}

void
control_row(struct client *c, ...)
{
	const char	*name, *value;
	char		 row[IMSG_DATA_MAX];
	va_list		 ap;
	size_t		 used, n;

	used = 0;
	va_start(ap, c);
	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		n = strlen(name) + 1;
		if (used + n + 2 > sizeof(row))
			break;
		memcpy(row + used, name, n);
		used += n;
		utf8_plain(row + used, sizeof(row) - used, value,
		    strlen(value));
		used += strlen(row + used) + 1;
	}
	va_end(ap);
	client_row(c, row, used);
}

void
control_end(struct client *c, int error, const char *text)
{
	if (c->lost && error == 0) {
		error = ENOBUFS;
		text = "rows are missing: they came faster than they were "
		    "taken";
	}
	c->end.error = (uint32_t)error;
	if (text != NULL)
		strlcpy(c->end.text, text, sizeof(c->end.text));
	/* A client whose queue is full has lost its answer, and goes. */
	(void)imsg_compose(&c->ib, IMSG_CTL_END, c->reqid, -1, &c->end,
	    sizeof(c->end));
	c->busy = c->querying = c->sending = c->asked_master = c->lost = 0;
	c->explaining = 0;
	c->nasked = 0;
	c->ib.state = PEER_IDLE;
	client_wait(c);
}

static struct client *
client_find(uint64_t id)
{
	struct client	*c;

	TAILQ_FOREACH(c, &clients, entry)
		if (c->id == id && c->busy)
			return (c);
	return (NULL);
}

static void
ask_master(struct client *c)
{
	if (imsg_compose(&store.master, IMSG_CTL_REQ, c->id, -1, &c->req,
	    sizeof(c->req)) == -1) {
		control_end(c, errno, "master cannot be asked");
		return;
	}
	c->asked_master = 1;
	store_want_write();
}

static void
ask_proxies(struct client *c)
{
	struct peer	*p;

	TAILQ_FOREACH(p, &store.peers, entry) {
		if (p->ib.fd == -1 || c->nasked == ASKED_MAX)
			continue;
		if (peer_compose(p, IMSG_CTL_REQ, c->id, -1, &c->req,
		    sizeof(c->req)) == -1)
			continue;
		peer_want_write(p);
		c->asked[c->nasked++] = p->instance;
	}
	if (c->nasked == 0)
		control_end(c, 0, "");
}

/* Which of those whom the client waits for it is, or -1. */
static int
asked_find(const struct client *c, const struct peer *p)
{
	unsigned int	 i;

	for (i = 0; i < c->nasked; i++)
		if (c->asked[i] == p->instance)
			return ((int)i);
	return (-1);
}

/*
 * Rows from others go on as they are; their last end is ours.  Nobody puts in
 * a word who was not asked, or has said the end.
 */
void
control_answer(struct peer *p, struct imsg *imsg)
{
	struct msg_ctl_end	 end;
	struct client		*c;
	int			 i, n;

	if (imsg->type == IMSG_CTL_ROW) {
		n = proto_strings(imsg->data, imsg->len);
		if (n == -1 || n % 2 != 0) {
			if (p != NULL)
				peer_bad(p, "a row that is none");
			return;
		}
	}
	/* It may be asked again, whether somebody still waits or not. */
	if (p != NULL && imsg->type == IMSG_CTL_END && p->explains == imsg->id)
		p->explains = 0;
	if ((c = client_find(imsg->id)) == NULL)
		return;
	i = -1;
	if (p == NULL ? !c->asked_master : (i = asked_find(c, p)) == -1)
		return;
	if (imsg->type == IMSG_CTL_ROW) {
		client_row(c, imsg->data, imsg->len);
		client_wait(c);
		return;
	}
	memcpy(&end, imsg->data, sizeof(end));
	end.text[sizeof(end.text) - 1] = '\0';
	if (p == NULL) {
		control_end(c, (int)end.error, end.text);
		return;
	}
	c->asked[i] = c->asked[--c->nasked];
	if (c->explaining)
		control_end(c, (int)end.error, end.text);
	else if (c->nasked == 0)
		control_end(c, 0, "");
}

void
control_lost(struct peer *p)
{
	struct client	*c;
	int		 i;

	TAILQ_FOREACH(c, &clients, entry) {
		if ((i = asked_find(c, p)) == -1)
			continue;
		c->asked[i] = c->asked[--c->nasked];
		if (c->explaining)
			control_end(c, EIO, "the worker that was to explain "
			    "it has ended");
		else if (c->nasked == 0)
			control_end(c, 0, "");
	}
}

static char *
number(char *buf, uint64_t n)
{
	snprintf(buf, NUMLEN, "%llu", (unsigned long long)n);
	return (buf);
}

unsigned int
control_stats(struct msg_stats *sum)
{
	const struct peer	*p;
	const uint64_t		*from;
	uint64_t		*to;
	unsigned int		 n;
	size_t			 i;

	*sum = store.past;
	sum->sessions_now = sum->messages_now = 0;
	sum->spool = sum->spool_max = 0;
	to = (uint64_t *)sum;
	n = 0;
	TAILQ_FOREACH(p, &store.peers, entry) {
		from = (const uint64_t *)&p->stats;
		for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += from[i];
		n++;
	}
	return (n);
}

/* A row for each line of the text. */
static void
metrics(struct client *c)
{
	const char	*text, *end;
	char		 line[512];
	size_t		 len;

	if ((text = metrics_text(&len)) == NULL) {
		control_end(c, errno, "no memory for it");
		return;
	}
	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		control_row(c, "line", line, NULL);
	}
	control_end(c, 0, "");
}

/* One row for each number, of all proxies that there are and were. */
static void
stats(struct client *c)
{
	static const struct {
		const char	*name;
		size_t		 off;
	} names[] = {
#define STAT(name)	{ #name, offsetof(struct msg_stats, name) }
		STAT(sessions), STAT(sessions_now), STAT(refused),
		STAT(messages), STAT(messages_now), STAT(bytes), STAT(spool),
		STAT(spool_max), STAT(parse_us), STAT(scan_us),
		STAT(deliver_us),
	};
	struct msg_stats	 sum;
	uint64_t		 n;
	const char		*label;
	char			 buf[NUMLEN], name[64];
	size_t			 i;

	n = control_stats(&sum);
	control_row(c, "name", "proxies", "value", number(buf, n), NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memcpy(&n, (const char *)&sum + names[i].off, sizeof(n));
		control_row(c, "name", names[i].name, "value",
		    number(buf, n), NULL);
	}
	for (i = 0; i < VERDICT_MAX; i++) {
		snprintf(name, sizeof(name), "verdict_%s",
		    proto_verdict_name((uint32_t)i));
		control_row(c, "name", name, "value",
		    number(buf, sum.verdict[i]), NULL);
	}
	for (i = 0; i < ACTION_MAX; i++) {
		snprintf(name, sizeof(name), "action_%s",
		    conf_action_name((uint32_t)i));
		control_row(c, "name", name, "value",
		    number(buf, sum.action[i]), NULL);
	}
	query_counts(c);
	for (i = 0; (label = tally_get((unsigned int)i, &n)) != NULL; i++) {
		snprintf(name, sizeof(name), "rule_%s", label);
		control_row(c, "name", name, "value", number(buf, n), NULL);
	}
	control_end(c, 0, "");
}

/* The proxy has said how it went; arg is the client. */
static void
sent(void *arg, const struct msg_send_done *done)
{
	struct client	*c;
	char		 n[NUMLEN], code[NUMLEN];
	int		 ok;

	c = arg;
	c->sending = 0;
	ok = done->naccepted > 0 && done->code / 100 == 2;
	control_row(c, "accepted", number(n, done->naccepted), "code",
	    number(code, done->code), "reply", done->text, NULL);
	control_end(c, ok ? 0 : EREMOTEIO, ok ? "released" :
	    "not delivered; it stays in the quarantine");
}

static void
release(struct client *c)
{
	if (send_start(c->req.number, c->req.key, sent, c) == 0) {
		c->sending = 1;
		return;
	}
	switch (errno) {
	case ENOENT:
		control_end(c, ENOENT, "no such message in the quarantine");
		break;
	case EBUSY:
		control_end(c, EBUSY, "it is being sent already");
		break;
	case EAGAIN:
		control_end(c, EAGAIN, "no proxy is there to send it");
		break;
	case EINVAL:
		control_end(c, EINVAL, "not an address to send to");
		break;
	default:
		control_end(c, errno, "cannot be sent");
		break;
	}
}

/* Requests that change something, each with its line in the log. */
static void
change(struct client *c)
{
	const struct msg_ctl	*r;
	int			 n;

	r = &c->req;
	switch (r->command) {
	case CTL_QUARANTINE_DELETE:
		n = quarantine_delete(r->number);
		control_end(c, n == -1 ? errno : 0, n == 0 ? "deleted" :
		    errno == ENOENT ? "no such message in the quarantine" :
		    "cannot be deleted");
		break;
	case CTL_OUTBOX_DELETE:
		n = outbox_delete(r->number);
		control_end(c, n == -1 ? errno : 0, n == 0 ? "deleted" :
		    errno == ENOENT ? "no such message in the outbox" :
		    errno == EBUSY ? "it is being sent just now" :
		    "cannot be deleted");
		break;
	case CTL_OUTBOX_RETRY:
		n = outbox_retry(r->number);
		control_end(c, n == -1 ? errno : 0, n == 0 ?
		    "tried again at once" :
		    errno == ENOENT ? "no such message in the outbox" :
		    errno == EBUSY ? "it is being sent just now" :
		    "cannot be changed");
		break;
	case CTL_TABLE_ADD:
		if (r->key[0] == '\0') {
			control_end(c, EINVAL, "nobody is to be added");
			break;
		}
		n = member_add(r->table, r->key, r->until, "operator");
		control_end(c, n == -1 ? errno : 0, n == 0 ? "added" :
		    errno == ENOENT ? "no such dynamic table" :
		    "cannot be added");
		break;
	case CTL_TABLE_DELETE:
		n = member_delete(r->table, r->key);
		control_end(c, n == -1 ? errno : 0, n == 0 ? "deleted" :
		    errno == ENOENT ? "not there" : "cannot be deleted");
		break;
	case CTL_TABLE_FLUSH:
		n = member_flush(r->table);
		control_end(c, n == -1 ? errno : 0, n == -1 ?
		    "no such dynamic table" : "empty now");
		break;
	default:
		control_end(c, ENOSYS, "unknown command");
		break;
	}
}

/* Is somebody else to answer: 1 when that is under way or over. */
static int
forward(struct client *c)
{
	switch (c->req.command) {
	case CTL_STATUS:
	case CTL_RELOAD:
	case CTL_VERBOSE:
		ask_master(c);
		return (1);
	case CTL_SESSIONS:
		ask_proxies(c);
		return (1);
	default:
		return (0);
	}
}

/* A time that can be reckoned with in ms, s; far enough from now. */
static uint64_t
bounded(uint64_t t)
{
	return (t < TIME_MAX ? t : TIME_MAX);
}

static void
client_request(struct client *c, struct imsg *imsg)
{
	c->busy = 1;
	c->ib.state = PEER_BUSY;
	c->reqid = imsg->id;
	memset(&c->end, 0, sizeof(c->end));
	if (imsg->type == IMSG_CTL_EXPLAIN) {
		explain_ask(c, imsg);
		return;
	}
	memcpy(&c->req, imsg->data, sizeof(c->req));
	client_command(c);
}

static void
client_command(struct client *c)
{
	struct msg_ctl	*r;

	r = &c->req;
	if (r->command >= CTL_COMMAND_MAX ||
	    !utf8_line(r->table, sizeof(r->table)) ||
	    !utf8_line(r->key, sizeof(r->key))) {
		control_end(c, EINVAL, "not understood");
		return;
	}
	r->from = bounded(r->from);
	r->until = bounded(r->until);
	if (r->limit == 0)
		r->limit = CTL_ROWS_DEFAULT;
	if (r->limit > CTL_ROWS_MAX)
		r->limit = CTL_ROWS_MAX;
	switch (r->command) {
	case CTL_QUARANTINE_RELEASE:
	case CTL_QUARANTINE_DELETE:
	case CTL_OUTBOX_DELETE:
	case CTL_OUTBOX_RETRY:
	case CTL_TABLE_ADD:
	case CTL_TABLE_DELETE:
	case CTL_TABLE_FLUSH:
	case CTL_RELOAD:
	case CTL_VERBOSE:
		log_info("operator uid=%u command=%s number=%llu table=%s "
		    "key=%s", c->uid, query_name(r->command),
		    (unsigned long long)r->number, r->table, r->key);
		break;
	default:
		break;
	}
	if (forward(c))
		return;
	if (r->command == CTL_STATS)
		stats(c);
	else if (r->command == CTL_METRICS)
		metrics(c);
	else if (r->command == CTL_QUARANTINE_RELEASE)
		release(c);
	else if (r->command == CTL_QUARANTINE_DELETE ||
	    r->command == CTL_OUTBOX_DELETE ||
	    r->command == CTL_OUTBOX_RETRY ||
	    r->command == CTL_TABLE_ADD || r->command == CTL_TABLE_DELETE ||
	    r->command == CTL_TABLE_FLUSH)
		change(c);
	else {
		c->querying = 1;
		query_start(c, r);
	}
}

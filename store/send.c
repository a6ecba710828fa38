/* SPDX-License-Identifier: ISC */

/*
 * Messages that leave the quarantine: a proxy delivers them, as it would have
 * done then.  Each message is sent by one proxy at a time, so that a second
 * request cannot deliver it twice; whether a proxy that has gone had delivered
 * it nobody knows, and that is what its operator hears.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "store.h"

struct send {
	TAILQ_ENTRY(send)	 entry;
	uint64_t		 id;		/* of its frames */
	uint64_t		 number;	/* in the quarantine ... */
	int			 is_out;	/* ... or in the outbox */
	struct peer		*peer;
	uint32_t		 nrcpt;
	void			(*done)(void *, const struct msg_send_done *);
	void			*arg;
};

static struct send	*send_find(uint64_t number);
static struct peer	*peer_choose(void);
static int		 send_load(uint64_t, const char *, struct msg_send *,
			    uint64_t *);
static int		 send_rcpts(struct send *, const char *);
static int		 send_frames(struct send *, const struct msg_send *,
			    const char *, int, uint64_t);
static struct send	*send_new(struct peer *, uint64_t, uint32_t,
			    void (*)(void *, const struct msg_send_done *),
			    void *);
static void		 send_end(struct send *, const struct msg_send_done *);
static void		 mark_released(uint64_t);

static TAILQ_HEAD(, send)	 sends = TAILQ_HEAD_INITIALIZER(sends);
static uint64_t			 next_id = 1;

static struct send *
send_find(uint64_t number)
{
	struct send	*sd;

	TAILQ_FOREACH(sd, &sends, entry)
		if (sd->number == number && !sd->is_out)
			break;
	return (sd);
}

/* The one with the least to do; old ones may be about to end. */
static struct peer *
peer_choose(void)
{
	struct peer	*p, *best;

	best = NULL;
	TAILQ_FOREACH(p, &store.peers, entry)
		if (p->ib.fd != -1 &&
		    (best == NULL || p->nsends <= best->nsends))
			best = p;
	return (best);
}

/* What the record says about it: 0, or -1 with errno. */
static int
send_load(uint64_t number, const char *rcpt, struct msg_send *m,
    uint64_t *size)
{
	sqlite3_stmt	*s;
	uint64_t	 port;
	int		 ok;

	memset(m, 0, sizeof(*m));
	s = db_prepare("SELECT r.dest, r.dest_port, r.sender, r.nrcpt, "
	    "q.size FROM quarantine q JOIN record r ON r.number = q.number "
	    "WHERE q.number = ? AND q.state <> ?");
	db_int(s, 1, number);
	db_int(s, 2, QUARANTINE_LOST);
	if (!db_row(s)) {
		db_done(s);
		errno = ENOENT;
		return (-1);
	}
	port = db_get(s, 1);
	ok = addr_parse(&m->dest, db_string(s, 0)) == 0 && port <= 65535;
	m->dest.port = (uint16_t)port;
	strlcpy(m->from, db_string(s, 2), sizeof(m->from));
	m->nrcpt = rcpt[0] != '\0' ? 1 : (uint32_t)db_get(s, 3);
	*size = db_get(s, 4);
	db_done(s);
	/* Without a server or a recipient there is nobody to send it to. */
	if (ok && m->nrcpt > 0)
		return (0);
	errno = EINVAL;
	return (-1);
}

/* Recipients, as many to a frame as fit. */
static int
send_rcpts(struct send *sd, const char *rcpt)
{
	sqlite3_stmt	*s;
	const char	*path;
	char		 buf[IMSG_DATA_MAX];
	size_t		 len, n;
	uint32_t	 i;
	int		 ret;

	if (rcpt[0] != '\0')
		return (peer_compose(sd->peer, IMSG_SEND_RCPT, sd->id, -1,
		    rcpt, strlen(rcpt) + 1));
	s = db_prepare("SELECT path FROM recipient WHERE record = ? "
	    "ORDER BY seq");
	db_int(s, 1, sd->number);
	len = 0;
	ret = 0;
	for (i = 0; ret == 0 && db_row(s); i++) {
		path = db_string(s, 0);
		n = strlen(path) + 1;
		if (len + n > sizeof(buf)) {
			ret = peer_compose(sd->peer, IMSG_SEND_RCPT, sd->id,
			    -1, buf, len);
			len = 0;
		}
		if (n > sizeof(buf))
			break;
		memcpy(buf + len, path, n);
		len += n;
	}
	db_done(s);
	/* For a proxy that is gone not all of them were looked at. */
	if (ret == 0 && i != sd->nrcpt)
		fatalx("quarantine %" PRIu64 ": %u recipients, not %u",
		    sd->number, i, sd->nrcpt);
	if (ret == 0)
		ret = peer_compose(sd->peer, IMSG_SEND_RCPT, sd->id, -1, buf,
		    len);
	return (ret);
}

static int
send_frames(struct send *sd, const struct msg_send *m, const char *rcpt,
    int fd, uint64_t size)
{
	struct msg_mail	 mail;

	memset(&mail, 0, sizeof(mail));
	mail.size = size;
	if (peer_compose(sd->peer, IMSG_SEND, sd->id, -1, m,
	    sizeof(*m)) == -1 || send_rcpts(sd, rcpt) == -1) {
		close(fd);
		return (-1);
	}
	return (peer_compose(sd->peer, IMSG_SEND_MAIL, sd->id, fd, &mail,
	    sizeof(mail)));
}

static struct send *
send_new(struct peer *p, uint64_t number, uint32_t nrcpt,
    void (*done)(void *, const struct msg_send_done *), void *arg)
{
	struct send	*sd;

	if ((sd = calloc(1, sizeof(*sd))) == NULL)
		fatal("%s", __func__);
	sd->id = next_id++;
	sd->number = number;
	sd->peer = p;
	sd->nrcpt = nrcpt;
	sd->done = done;
	sd->arg = arg;
	TAILQ_INSERT_TAIL(&sends, sd, entry);
	p->nsends++;
	return (sd);
}

int
send_start(uint64_t number, const char *rcpt,
    void (*done)(void *, const struct msg_send_done *), void *arg)
{
	struct msg_send	 m;
	struct send	*sd;
	struct peer	*p;
	uint64_t	 size;
	int		 fd;

	if (strlen(rcpt) >= SMTP_ADDR_MAX) {
		errno = EINVAL;
		return (-1);
	}
	if (send_find(number) != NULL) {
		errno = EBUSY;
		return (-1);
	}
	if ((p = peer_choose()) == NULL) {
		errno = EAGAIN;
		return (-1);
	}
	if (send_load(number, rcpt, &m, &size) == -1 ||
	    (fd = quarantine_open(number)) == -1)
		return (-1);
	sd = send_new(p, number, m.nrcpt, done, arg);
	/* Should the proxy be gone, send_lost() answers in a moment. */
	send_frames(sd, &m, rcpt, fd, size);
	return (0);
}

int
send_out(uint64_t number, const struct msg_send *m, const char *rcpt, int fd,
    uint64_t size, void (*done)(void *, const struct msg_send_done *),
    void *arg)
{
	struct send	*sd;
	struct peer	*p;

	if ((p = peer_choose()) == NULL) {
		close(fd);
		errno = EAGAIN;
		return (-1);
	}
	sd = send_new(p, number, m->nrcpt, done, arg);
	sd->is_out = 1;
	send_frames(sd, m, rcpt, fd, size);
	return (0);
}

void
send_forget(void *arg)
{
	struct send	*sd;

	TAILQ_FOREACH(sd, &sends, entry)
		if (sd->arg == arg)
			sd->done = NULL;
}

static void
mark_released(uint64_t number)
{
	sqlite3_stmt	*s;

	db_write();
	s = db_prepare("UPDATE quarantine SET state = ? WHERE number = ? "
	    "AND state = ?");
	db_int(s, 1, QUARANTINE_RELEASED);
	db_int(s, 2, number);
	db_int(s, 3, QUARANTINE_KEPT);
	/* It has been sent all the same. */
	if (db_run(s) == -1)
		log_warn("quarantine %" PRIu64 ": not marked", number);
	store_commit();
}

static void
send_end(struct send *sd, const struct msg_send_done *d)
{
	TAILQ_REMOVE(&sends, sd, entry);
	sd->peer->nsends--;
	if (!sd->is_out) {
		if (d->code >= 200 && d->code < 300)
			mark_released(sd->number);
		log_info("quarantine %" PRIu64 ": released, %u of %u "
		    "recipients: %s", sd->number, d->naccepted, sd->nrcpt,
		    d->text);
	}
	if (sd->done != NULL)
		sd->done(sd->arg, d);
	free(sd);
}

int
send_frame(struct peer *p, struct imsg *imsg)
{
	struct msg_send_done	 d;
	struct send		*sd;

	TAILQ_FOREACH(sd, &sends, entry)
		if (sd->id == imsg->id && sd->peer == p)
			break;
	if (sd == NULL)
		return (-1);
	memcpy(&d, imsg->data, sizeof(d));
	if (d.code > 599 || d.naccepted > sd->nrcpt ||
	    memchr(d.text, '\0', sizeof(d.text)) == NULL ||
	    proto_strings(d.text, strlen(d.text) + 1) != 1)
		return (-1);
	send_end(sd, &d);
	return (0);
}

void
send_lost(struct peer *p)
{
	struct msg_send_done	 d;
	struct send		*sd;

	memset(&d, 0, sizeof(d));
	strlcpy(d.text, "the process that was sending it is gone: whether it "
	    "was delivered is not known", sizeof(d.text));
again:
	TAILQ_FOREACH(sd, &sends, entry)
		if (sd->peer == p) {
			send_end(sd, &d);
			goto again;
		}
}

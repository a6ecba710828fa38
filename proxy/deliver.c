/* SPDX-License-Identifier: ISC */

/*
 * Passing a message on: DATA or BDAT, the same bytes from the same sealed
 * memory that was scanned, the dot, and the server's own reply to the client.
 * 250 is never said here by ourselves.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

#define CHUNK	65536	/* bytes put into the buffer at a time */

static void	 go(struct session *);
static int	 by_bdat(const struct session *);
static void	 body_start(struct session *);
static int	 body_next(struct session *);

void
deliver_start(struct session *s)
{
	s->msg->t_deliver = now_us();
	s->state = SESSION_GO;
	s->flags &= ~(unsigned int)SF_GO_SENT;
}

/*
 * A message that came by BDAT goes by BDAT where the server can; else by DATA,
 * which needs lines (verdict.c has refused what has none).
 */
static int
by_bdat(const struct session *s)
{
	return (s->msg->bdat && (s->flags & SF_SERVER_CHUNK));
}

static void
go(struct session *s)
{
	char	 line[40];
	int	 n;

	s->flags |= SF_GO_SENT;
	if (!by_bdat(s)) {
		server_command(s, VERB_OWN_DATA, "DATA", 4, NULL);
		return;
	}
	/* Its octets follow at once, there is no 354. */
	n = snprintf(line, sizeof(line), "BDAT %llu LAST",
	    (unsigned long long)s->msg->size);
	server_command(s, VERB_OWN_BDAT, line, (size_t)n, NULL);
	if ((s->flags & SF_SERVER_GONE) == 0)
		body_start(s);
}

static void
body_start(struct session *s)
{
	s->msg->sent = 0;
	s->msg->mid_line = 0;
	s->msg->early = 0;
	s->state = SESSION_BODY;
}

/*
 * The next bytes of the sealed message.  Read, not mapped: for messages of
 * ordinary size the page tables would cost more than the copy.
 */
static int
body_next(struct session *s)
{
	static uint8_t	 chunk[CHUNK];
	struct message	*m;
	ssize_t		 n;

	m = s->msg;
	if (m->sent == m->size)
		return (0);
	n = pread(m->fd, chunk, sizeof(chunk), (off_t)m->sent);
	if (n <= 0) {
		log_warn("spool");
		return (-1);
	}
	if (by_bdat(s)) {
		if (buf_add(&s->sout, chunk, (size_t)n) == -1)
			return (-1);
	} else if (stuff_dots(&s->sout, chunk, (size_t)n, !m->mid_line) == -1)
		return (-1);
	m->mid_line = chunk[n - 1] != '\n';
	m->sent += (size_t)n;
	return (0);
}

int
deliver_output(struct session *s)
{
	/* What has come unasked is no answer to what is not said yet. */
	if (s->state == SESSION_GO && (s->flags & SF_GO_SENT) == 0 &&
	    STAILQ_EMPTY(&s->inflight) && s->sin.len == 0) {
		if (prdr_next(s))
			return (1);
		go(s);
		return (1);
	}
	if (s->state != SESSION_BODY || s->sout.len > CHUNK / 2)
		return (0);
	/*
	 * The server speaks before it has all: no more until that is
	 * understood.  Said after the dot, it would pass for its reply.
	 */
	if (s->sin.len > 0)
		return (0);
	if (body_next(s) == -1) {
		server_lost(s, "out of memory");
		return (1);
	}
	if (s->msg->sent < s->msg->size)
		return (1);
	/*
	 * A server that reads as fast as we write leaves no pause in which
	 * its word would have been read: look once more, before it is late.
	 */
	if (!by_bdat(s) && session_peek(s, 1))
		return (0);
	/* There no dot can wait; but then a yes to it is none. */
	if (by_bdat(s) && s->sout.len > 0 && session_peek(s, 1))
		s->msg->early = 1;
	/* A message ends with CRLF or is empty (RFC 5321 section 4.1.1.4). */
	if (!by_bdat(s) && buf_add(&s->sout, ".\r\n", 3) == -1) {
		server_lost(s, "out of memory");
		return (1);
	}
	evtimer_del(&s->stimer);
	s->state = SESSION_DOT;
	return (1);
}

void
deliver_reply(struct session *s, const struct reply *r)
{
	const char	*line, *last;
	int		 early;

	line = (const char *)buf_ptr(&s->sin);
	if (s->state == SESSION_GO && r->code == 354) {
		body_start(s);
		return;
	}
	/*
	 * A yes before it can have all of the message, or one more 354, is
	 * no answer to the dot.  A no may come early; then the rest must not
	 * follow, since the server could take it for commands.
	 */
	early = s->state == SESSION_BODY || s->sout.len > 0 || s->msg->early;
	if (prdr_is_due(s)) {
		server_lost(s, "server out of step");
		return;
	}
	if (r->code >= 400 || (s->state == SESSION_DOT && !early &&
	    r->code / 100 == 2)) {
		store_fate(s->msg, r->code / 100 == 2);
		/* A server that refuses DATA still has the envelope. */
		if (s->state == SESSION_GO && r->code != 421)
			s->flags |= SF_RSET_DUE;
		if (s->state == SESSION_DOT && r->code / 100 == 2)
			s->nmessages++;
		prdr_refused(s);
		verdict_log(s, r->code / 100 == 2 ? "pass" : "pass-refused",
		    line, r->len);
		last = prdr_replies(s, line, r->len);
		session_reset(s);
		s->state = SESSION_COMMAND;
		if (early) {
			buf_clear(&s->sout);
			s->flags |= SF_SERVER_GONE;
			s->end = "server refused in the middle";
			s->state = SESSION_CLOSING;
		}
		if (last != NULL)
			client_reply(s, "%s", last);
		else if (buf_add(&s->cout, line, r->len) == -1) {
			s->end = "client does not read";
			s->flags |= SF_DEAD;
		}
		if (r->code == 421) {
			s->end = "server said 421";
			s->state = SESSION_CLOSING;
		}
		return;
	}
	/* 2xx to DATA, or anything in the middle of the message. */
	server_lost(s, "server out of step");
}

void
deliver_failed(struct session *s, const char *why)
{
	verdict_log(s, "pass-failed", "451", 3);
	session_reset(s);
	client_goodbye(s, why, "451 4.4.2 Server connection lost: %s "
	    "[%016llx]", why, (unsigned long long)s->id);
}

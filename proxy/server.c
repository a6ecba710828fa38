/* SPDX-License-Identifier: ISC */

/*
 * The server's side of a session: commands go out, replies come back in the
 * same order, each is matched to its command by counting, never by its code
 * or text.  Replies to the client's commands pass as they are, except the one
 * to EHLO; replies to our own commands stay here.
 */

#include <stdlib.h>
#include <string.h>

#include "proxy.h"

static void	 reply_take(struct session *, const struct inflight *,
		    const struct reply *);
static void	 pass_bytes(struct session *, const uint8_t *, size_t, int);
static void	 reply_pass(struct session *, const struct reply *);
static void	 reply_hello(struct session *, enum verb, const char *,
		    const struct reply *);
static void	 reply_envelope(struct session *, const struct inflight *,
		    const struct reply *);
static int	 rcpt_keep(struct envelope *, const char *);
static void	 reply_auth(struct session *, const struct reply *);
static void	 reply_starttls(struct session *, const struct reply *);
static void	 reply_unasked(struct session *, const struct reply *);

void
server_command(struct session *s, enum verb verb, const char *line,
    size_t len, const char *arg)
{
	struct inflight	*f;
	size_t		 n, linelen;

	if (s->sev.fd == -1) {
		server_lost(s, "connection lost");
		return;
	}
	n = 0;
	if (verb == VERB_MAIL || verb == VERB_RCPT)
		n = strlen(arg);
	else if (verb == VERB_HELO || verb == VERB_EHLO)
		n = len - (size_t)(arg - line);
	linelen = 0;
	if ((verb == VERB_MAIL && (s->flags & SF_MAIL_PRDR)) ||
	    (verb == VERB_RCPT && ((s->flags & SF_MAIL_PRDR) ||
	    (s->env != NULL && s->env->prdr != NULL))))
		linelen = len;
	f = malloc(sizeof(*f) + n + 1 + linelen + 1);
	if (f == NULL || buf_add(&s->sout, line, len) == -1 ||
	    buf_add(&s->sout, "\r\n", 2) == -1) {
		free(f);
		server_lost(s, "out of memory");
		return;
	}
	f->verb = verb;
	if (n > 0)
		memcpy(f->arg, arg, n);
	f->arg[n] = '\0';
	f->line = linelen > 0 ? f->arg + n + 1 : NULL;
	memcpy(f->arg + n + 1, line, linelen);
	f->arg[n + 1 + linelen] = '\0';
	if (STAILQ_EMPTY(&s->inflight))
		evtimer_del(&s->stimer);
	STAILQ_INSERT_TAIL(&s->inflight, f, entry);
	if (verb == VERB_QUIT)
		s->flags |= SF_QUIT;
}

/*
 * What the client is told depends on where it is: while it sends a message
 * nothing can be said before its dot.
 */
void
server_lost(struct session *s, const char *why)
{
	struct inflight	*f;

	s->flags |= SF_SERVER_GONE;
	if (s->flags & SF_WAITS_SOCK) {
		s->end = why;
		sock_forget(s);
	}
	evtimer_del(&s->stimer);
	buf_clear(&s->sout);
	buf_clear(&s->sin);
	while ((f = STAILQ_FIRST(&s->inflight)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->inflight, entry);
		free(f);
	}
	session_close_server(s);
	switch (s->state) {
	case SESSION_HEADER:
	case SESSION_CONNECT:
	case SESSION_BANNER:
		client_goodbye(s, why, "421 4.4.1 No mail service: %s", why);
		return;
	case SESSION_COMMAND:
	case SESSION_AUTH:
		if (s->flags & SF_QUIT) {
			client_goodbye(s, "quit", "221 2.0.0 Bye");
			return;
		}
		client_goodbye(s, why, "421 4.4.2 Server connection lost: %s",
		    why);
		return;
	case SESSION_DATA:
	case SESSION_CHUNK:
	case SESSION_INSPECT:
		return;		/* told at the dot */
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
		/*
		 * After the dot the server may have taken it: the client
		 * will try again, and at worst it arrives twice.  Saying 250
		 * could lose it.
		 */
		deliver_failed(s, why);
		return;
	case SESSION_TUNNEL:
		s->end = why;
		s->state = SESSION_CLOSING;
		return;
	case SESSION_CLOSING:
	case SESSION_LINGER:
		return;
	}
}

static void
pass_bytes(struct session *s, const uint8_t *data, size_t len, int code)
{
	if (buf_add(&s->cout, data, len) == -1) {
		s->end = "client does not read";
		s->flags |= SF_DEAD;
	}
	/* RFC 5321 section 3.8: it closes, whatever it was asked. */
	if (code == 421) {
		s->end = "server said 421";
		s->state = SESSION_CLOSING;
	}
}

static void
reply_pass(struct session *s, const struct reply *r)
{
	pass_bytes(s, buf_ptr(&s->sin), r->len, r->code);
}

void
server_banner(struct session *s, const uint8_t *data, size_t len, int code)
{
	s->state = SESSION_COMMAND;
	/* RFC 5321 section 4.3.1: the client waits for the banner. */
	if (s->conf->g.refuse_early && session_peek(s, 0)) {
		client_goodbye(s, "early talker", "554 5.5.0 Spoke before "
		    "the banner");
		return;
	}
	if (s->banner != NULL && code == 220)
		client_reply(s, "220 %s", s->banner);
	else
		pass_bytes(s, data, len, code);
}

static void
reply_hello(struct session *s, enum verb verb, const char *arg,
    const struct reply *r)
{
	unsigned int	 flags;

	if (r->code != 250) {
		policy_undo(s);
		reply_pass(s, r);
		return;
	}
	free(s->helo);
	s->helo = strdup(arg);
	/* RFC 5321 section 4.1.4: it resets as RSET does. */
	session_reset(s);
	s->flags &= ~(unsigned int)(SF_SERVER_PIPE | SF_SERVER_CHUNK |
	    SF_SERVER_BIN | SF_SERVER_PRDR);
	if (verb == VERB_HELO && s->banner != NULL) {
		client_reply(s, "250 %.*s", (int)strcspn(s->banner, " "),
		    s->banner);
		return;
	}
	if (verb == VERB_HELO) {
		reply_pass(s, r);
		return;
	}
	flags = 0;
	if (ehlo_filter(s, buf_ptr(&s->sin), r->len, &s->cout, &flags) == -1) {
		s->end = "client does not read";
		s->flags |= SF_DEAD;
	}
	if ((flags & SF_TLS_WITHHELD) && s->withheld++ == 0)
		session_log(s, "starttls withheld");
	s->flags |= flags;
}

/*
 * A recipient that the server takes.  All of a transaction's are bounded by
 * RECORD_RCPT_BYTES_MAX, those of all by a part of the spool: see client.c,
 * which refuses what would be more.
 */
static int
rcpt_keep(struct envelope *e, const char *path)
{
	char	*p;
	size_t	 len, n;

	len = strlen(path) + 1;
	if (e->rcpt_alloc - e->rcpt_len < len) {
		n = e->rcpt_alloc == 0 ? 256 : e->rcpt_alloc * 2;
		while (n - e->rcpt_len < len)
			n *= 2;
		if ((p = realloc(e->rcpt, n)) == NULL)
			return (-1);
		proxy.rcpt_used += n - e->rcpt_alloc;
		e->rcpt = p;
		e->rcpt_alloc = n;
	}
	memcpy(e->rcpt + e->rcpt_len, path, len);
	e->rcpt_len += len;
	e->nrcpt++;
	return (0);
}

static void
reply_envelope(struct session *s, const struct inflight *f,
    const struct reply *r)
{
	reply_pass(s, r);
	if (r->code / 100 != 2 && f->verb == VERB_MAIL)
		policy_undo(s);
	if (r->code / 100 != 2)
		return;
	if (f->verb == VERB_MAIL) {
		session_reset(s);
		s->env = calloc(1, sizeof(*s->env));
		if (s->env == NULL)
			goto nomem;
		s->env->binary = (s->flags & SF_MAIL_BIN) != 0;
		if ((s->env->from = strdup(f->arg)) == NULL)
			goto nomem;
		if (f->line != NULL &&
		    (s->env->prdr = prdr_new(f->line)) == NULL)
			goto nomem;
		return;
	}
	/* A server that takes RCPT without MAIL: we do not. */
	if (s->env == NULL)
		return;
	if (rcpt_keep(s->env, f->arg) == -1 || (s->env->prdr != NULL &&
	    prdr_rcpt(s->env->prdr, f->line == NULL ? "" : f->line,
	    f->arg) == -1))
		goto nomem;
	return;
nomem:
	s->end = "out of memory";
	s->flags |= SF_DEAD;
}

static void
reply_auth(struct session *s, const struct reply *r)
{
	reply_pass(s, r);
	if (s->state == SESSION_CLOSING)
		return;
	if (r->code == 334)
		s->state = SESSION_AUTH;
	else if (r->code == 235) {
		s->flags |= SF_AUTHED;
		session_log(s, "authenticated");
	}
}

static void
reply_starttls(struct session *s, const struct reply *r)
{
	reply_pass(s, r);
	if (r->code != 220 || s->state == SESSION_CLOSING)
		return;
	/* Nothing of the clear part may reach into the opaque one. */
	if (s->cin.len > 0 || s->sin.len > r->len) {
		s->end = "bytes behind STARTTLS";
		s->flags |= SF_DEAD;
		return;
	}
	session_log(s, "starttls passed: the rest of this session is opaque");
	session_reset(s);
	s->flags |= SF_TLS_PASSED;
	s->state = SESSION_TUNNEL;
}

static void
reply_unasked(struct session *s, const struct reply *r)
{
	if (r->code == 421 && s->state == SESSION_COMMAND) {
		reply_pass(s, r);
		return;
	}
	session_log(s, "unasked reply code=%d", r->code);
	server_lost(s, "server out of step");
}

static void
reply_take(struct session *s, const struct inflight *f,
    const struct reply *r)
{
	enum verb	 verb;

	verb = f->verb;
	/* "Go ahead" to anything else: with what?  We would not follow. */
	if (r->code / 100 == 3 && !(verb == VERB_AUTH && r->code == 334) &&
	    verb != VERB_OWN_DATA) {
		server_lost(s, "server out of step");
		return;
	}
	switch (verb) {
	case VERB_BANNER:
		if (!identity_banner(s, r))
			server_banner(s, buf_ptr(&s->sin), r->len, r->code);
		break;
	case VERB_OWN_EHLO:
		identity_ehlo(s, r);
		break;
	case VERB_OWN_XCLIENT:
		identity_xclient(s, r);
		break;
	case VERB_HELO:
	case VERB_EHLO:
		reply_hello(s, verb, f->arg, r);
		break;
	case VERB_MAIL:
	case VERB_RCPT:
		reply_envelope(s, f, r);
		break;
	case VERB_RSET:
		session_reset(s);
		reply_pass(s, r);
		break;
	case VERB_AUTH:
		reply_auth(s, r);
		break;
	case VERB_STARTTLS:
		reply_starttls(s, r);
		break;
	case VERB_QUIT:
		reply_pass(s, r);
		s->end = "quit";
		s->state = SESSION_CLOSING;
		break;
	case VERB_OTHER:
	case VERB_NOOP:
		reply_pass(s, r);
		break;
	case VERB_OWN_NOOP:
	case VERB_OWN_RSET:
		/* Not the client's business, unless the server goes. */
		if (r->code == 421)
			server_lost(s, "server said 421");
		/* Who is refused must not have it of an old envelope. */
		else if (s->state == SESSION_GO && verb == VERB_OWN_RSET &&
		    r->code / 100 != 2)
			server_lost(s, "server does not reset");
		break;
	case VERB_OWN_MAIL:
	case VERB_OWN_RCPT:
		if (r->code == 421)
			server_lost(s, "server said 421");
		else
			prdr_answer(s, verb, r);
		break;
	case VERB_OWN_DATA:
	case VERB_OWN_BDAT:
		deliver_reply(s, r);
		break;
	case VERB_DATA:
	case VERB_BDAT:
	case VERB_HELP:
	case VERB_VRFY:
	case VERB_KNOWN_REFUSED:
	case VERB_UNKNOWN:
		fatalx("%s: verb %d was never sent", __func__, verb);
	}
}

int
server_input(struct session *s)
{
	struct inflight	*f;
	struct reply	 r;
	int		 n;

	if (s->state == SESSION_TUNNEL)
		return (session_tunnel(s, &s->sin, &s->cout));
	if (s->state == SESSION_CLOSING || s->state == SESSION_LINGER) {
		buf_drain(&s->sin, s->sin.len);
		return (0);
	}
	if (s->sin.len == 0)
		return (0);
	n = reply_parse(buf_ptr(&s->sin), s->sin.len, &r);
	if (n == 0)
		return (0);
	if (n == -1) {
		session_log(s, "server sent something that is no reply");
		server_lost(s, "bad reply from server");
		return (1);
	}
	/* Leave it until the client has fetched what was before it. */
	if (s->cout.len + r.len > s->cout.max / 2 && s->cout.len > 0)
		return (0);
	f = STAILQ_FIRST(&s->inflight);
	if (f == NULL) {
		reply_unasked(s, &r);
		buf_drain(&s->sin, r.len);
		return (1);
	}
	/* DATA has two replies: 354, and the one to the dot. */
	if (f->verb == VERB_OWN_DATA && s->state == SESSION_GO &&
	    r.code == 354) {
		deliver_reply(s, &r);
		buf_drain(&s->sin, r.len);
		return (1);
	}
	if ((f->verb == VERB_OWN_DATA || f->verb == VERB_OWN_BDAT) &&
	    prdr_take(s, &r)) {
		evtimer_del(&s->stimer);
		buf_drain(&s->sin, r.len);
		return (1);
	}
	STAILQ_REMOVE_HEAD(&s->inflight, entry);
	evtimer_del(&s->stimer);
	reply_take(s, f, &r);
	free(f);
	buf_drain(&s->sin, r.len);
	return (1);
}

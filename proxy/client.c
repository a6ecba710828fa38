/* SPDX-License-Identifier: ISC */

/*
 * The client's side of a session: lines into commands, commands into what is
 * done about them.
 *
 * Replies must come back in the order of the commands.  A reply of our own
 * would overtake those that the server still owes, so a command that we
 * answer ourselves waits until nothing is in flight; the same holds for DATA,
 * AUTH and the others that end a group (RFC 2920 section 3.1).
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "proxyproto.h"

#define INFLIGHT_MAX	64	/* forwarded commands without a reply */
#define RCPT_SHARE	8	/* of the memory that messages may have */

static int	 take_line(struct session *, size_t, size_t *);
static int	 take_data(struct session *);
static int	 take_chunk(struct session *);
static int	 take_header(struct session *);
static int	 take_command(struct session *, char *, size_t);
static int	 command_simple(struct session *, enum verb, const char *,
		    size_t, size_t);
static int	 take_auth(struct session *, const char *, size_t);
static const char *mail_refused(struct session *);
static void	 command_policy(struct session *, const char *, size_t, size_t);
static void	 refuse(struct session *, const char *, const char *, size_t);
static void	 command_mail(struct session *, const char *, size_t, size_t);
static uint32_t	 rcpt_count(const struct session *);
static int	 command_rcpt(struct session *, const char *, size_t, size_t);
static void	 command_data(struct session *, size_t);
static void	 command_bdat_start(struct session *, const char *, size_t);
static void	 bdat_end(struct session *);
static struct message *message_begin(struct session *);
static void	 command_starttls(struct session *, const char *, size_t);
static int	 window_open(const struct session *);
static int	 line_clean(const char *, size_t);

void
client_reply(struct session *s, const char *fmt, ...)
{
	va_list	 ap;
	int	 ret;

	va_start(ap, fmt);
	ret = buf_vaddf(&s->cout, fmt, ap);
	va_end(ap);
	if (ret == -1 || buf_add(&s->cout, "\r\n", 2) == -1) {
		s->end = "client does not read";
		s->flags |= SF_DEAD;
	}
}

void
client_goodbye(struct session *s, const char *why, const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	if (buf_vaddf(&s->cout, fmt, ap) == -1 ||
	    buf_add(&s->cout, "\r\n", 2) == -1)
		s->flags |= SF_DEAD;
	va_end(ap);
	s->end = why;
	s->state = SESSION_CLOSING;
}

/* May another command go to the server now? */
static int
window_open(const struct session *s)
{
	const struct inflight	*f;
	unsigned int		 n;

	if (STAILQ_EMPTY(&s->inflight))
		return (1);
	if ((s->flags & SF_SERVER_PIPE) == 0)
		return (0);
	/*
	 * Only these may be followed before they are answered (RFC 2920
	 * section 3.1): the server may read what comes after any other as
	 * something else than a command.
	 */
	n = 0;
	STAILQ_FOREACH(f, &s->inflight, entry) {
		if (f->verb != VERB_MAIL && f->verb != VERB_RCPT &&
		    f->verb != VERB_RSET)
			return (0);
		n++;
	}
	return (n < INFLIGHT_MAX);
}

/*
 * Length of the next line without its CRLF into *len.  Returns 1 if there is
 * one, 0 if not yet, -1 when it is over-long (up to its CRLF it is dropped).
 */
static int
take_line(struct session *s, size_t max, size_t *len)
{
	const uint8_t	*p, *lf;
	size_t		 off;

	if (s->cin.len == 0)
		return (0);
	p = buf_ptr(&s->cin);
	for (off = 0; off < s->cin.len; off = (size_t)(lf - p) + 1) {
		lf = memchr(p + off, '\n', s->cin.len - off);
		if (lf == NULL)
			break;
		if (lf > p && lf[-1] == '\r') {
			*len = (size_t)(lf - p) - 1;
			if (s->flags & SF_SKIP_LINE) {
				s->flags &= ~(unsigned int)SF_SKIP_LINE;
				buf_drain_wipe(&s->cin, *len + 2);
				return (take_line(s, max, len));
			}
			return (*len > max ? -1 : 1);
		}
	}
	if (s->cin.len > max) {
		/* Keep a last CR: its LF may follow. */
		*len = s->cin.len - 1;
		if (s->flags & SF_SKIP_LINE) {
			buf_drain_wipe(&s->cin, *len);
			return (0);
		}
		return (-1);
	}
	return (0);
}

/* No controls, neither bare CR nor LF nor NUL (RFC 5321 section 4.1.2). */
static int
line_clean(const char *line, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			return (0);
	return (1);
}

static void
refuse(struct session *s, const char *reply, const char *line, size_t len)
{
	size_t	 arg, verb;

	/*
	 * The verb only, and only one that we know: anything else may be a
	 * password that its client sent behind an AUTH that was refused.
	 */
	verb = 0;
	if (command_parse(line, len, &arg) != VERB_UNKNOWN)
		while (verb < len && line[verb] != ' ')
			verb++;
	if (verb > 0)
		session_log(s, "refused command=%.*s reply=%.3s", (int)verb,
		    line, reply);
	else
		session_log(s, "refused command=? bytes=%zu reply=%.3s", len,
		    reply);
	client_reply(s, "%s", reply);
	if (++s->errors >= s->conf->g.errors_max)
		client_goodbye(s, "too many errors",
		    "421 4.7.0 Too many errors");
}

static int
take_auth(struct session *s, const char *line, size_t len)
{
	if (!line_clean(line, len)) {
		client_goodbye(s, "controls in an AUTH line",
		    "421 4.5.2 Malformed authentication exchange");
		return (1);
	}
	s->state = SESSION_COMMAND;
	server_command(s, VERB_AUTH, line, len, NULL);
	return (1);
}

const char *
client_path_refused(const struct session *s, const char *path, int is_rcpt,
    char *text, size_t size)
{
	unsigned int	 forms, i;

	if (strlen(path) > s->conf->g.path_max)
		return ("501 5.1.0 Path too long");
	forms = command_forms(path) & s->conf->g.refuse_forms;
	/* RFC 5321 section 4.5.1: this one is always somebody. */
	if (is_rcpt && strcasecmp(path, "postmaster") == 0)
		forms &= ~(1U << FORM_UNQUALIFIED);
	if (forms == 0)
		return (NULL);
	for (i = 0; (forms & (1U << i)) == 0; i++)
		;
	snprintf(text, size, "553 5.1.%d Address form not allowed: %s",
	    is_rcpt ? 3 : 7, conf_form_name(i));
	return (text);
}

/* Why this session may send no mail now, as a reply; NULL: it may. */
static const char *
mail_refused(struct session *s)
{
	const struct conf_globals	*g;

	g = &s->conf->g;
	if (s->msg != NULL)
		return ("503 5.5.1 Between chunks");
	if (g->need_helo && s->helo == NULL)
		return ("503 5.5.1 Send HELO or EHLO first");
	if (s->starttls == STARTTLS_REQUIRE)
		return ("530 5.7.0 Must issue a STARTTLS command first");
	return (NULL);
}

/* Recipients accepted, and those that the server has not answered yet. */
static uint32_t
rcpt_count(const struct session *s)
{
	const struct inflight	*f;
	uint32_t		 n;

	n = s->env == NULL ? 0 : s->env->nrcpt;
	STAILQ_FOREACH(f, &s->inflight, entry)
		n += f->verb == VERB_RCPT;
	return (n);
}

static void
command_mail(struct session *s, const char *line, size_t len, size_t arg)
{
	char		 path[SMTP_ADDR_MAX], value[32], text[96];
	const char	*why;
	uint64_t	 size;
	size_t		 params;
	int		 n;

	session_renew(s);
	if ((why = mail_refused(s)) != NULL) {
		refuse(s, why, line, len);
		return;
	}
	if (s->conf->g.messages_max != 0 &&
	    s->nseen >= s->conf->g.messages_max) {
		client_goodbye(s, "too many messages",
		    "421 4.7.0 Too many messages in one session");
		return;
	}
	if (command_path(VERB_MAIL, line + arg, len - arg, path, sizeof(path),
	    &params) == -1) {
		refuse(s, "501 5.5.4 Syntax: MAIL FROM:<address>", line, len);
		return;
	}
	if ((why = client_path_refused(s, path, 0, text,
	    sizeof(text))) != NULL) {
		refuse(s, why, line, len);
		return;
	}
	params += arg;
	size = 0;
	n = command_param(line + params, len - params, "SIZE", value,
	    sizeof(value));
	/* RFC 1870 section 6.1: tell before the message is sent. */
	if (n == -1 || (n == 1 && (value[0] == '\0' ||
	    value[strspn(value, "0123456789")] != '\0'))) {
		refuse(s, "501 5.5.4 Bad SIZE parameter", line, len);
		return;
	}
	if (n == 1)
		size = strtoull(value, NULL, 10);
	if (size > s->conf->g.message_max) {
		session_log(s, "refused command=MAIL declared=%s reply=552",
		    value);
		client_reply(s, "552 5.3.4 Message too big, limit is %llu "
		    "bytes", (unsigned long long)s->conf->g.message_max);
		return;
	}
	s->flags &= ~(unsigned int)SF_MAIL_BIN;
	n = command_param(line + params, len - params, "BODY", value,
	    sizeof(value));
	if (n == -1) {
		refuse(s, "501 5.5.4 Bad BODY parameter", line, len);
		return;
	}
	if (n == 1 && strcasecmp(value, "BINARYMIME") == 0) {
		if ((s->flags & SF_SERVER_BIN) == 0) {
			refuse(s, "501 5.5.4 BINARYMIME is not offered", line,
			    len);
			return;
		}
		s->flags |= SF_MAIL_BIN;
	}
	s->flags &= ~(unsigned int)SF_MAIL_PRDR;
	n = command_param(line + params, len - params, "PRDR", value,
	    sizeof(value));
	if (n == -1 || (n == 1 && (value[0] != '\0' ||
	    (s->flags & SF_SERVER_PRDR) == 0))) {
		refuse(s, "501 5.5.4 PRDR is not offered, or not like that",
		    line, len);
		return;
	}
	if (n == 1)
		s->flags |= SF_MAIL_PRDR;
	if (policy_mail(s, path, size))
		return;
	if (s->env == NULL)
		s->has_class = 0;
	server_command(s, VERB_MAIL, line, len, path);
}

/* In a group: 0 when a refusal would overtake what the server owes. */
static int
command_rcpt(struct session *s, const char *line, size_t len, size_t arg)
{
	char		 path[SMTP_ADDR_MAX], text[96];
	const char	*why;
	size_t		 params;
	int		 bad, many, ok;

	bad = command_path(VERB_RCPT, line + arg, len - arg, path,
	    sizeof(path), &params) == -1;
	many = rcpt_count(s) >= s->conf->g.rcpt_max || (s->env != NULL &&
	    s->env->rcpt_len > RECORD_RCPT_BYTES_MAX -
	    (INFLIGHT_MAX + 1) * SMTP_ADDR_MAX) ||
	    (s->env != NULL && s->env->prdr != NULL &&
	    prdr_is_full(s->env->prdr)) ||
	    proxy.rcpt_used > proxy.spool_max / RCPT_SHARE;
	why = bad ? NULL : client_path_refused(s, path, 1, text,
	    sizeof(text));
	if (s->msg != NULL)
		why = "503 5.5.1 Between chunks";
	if ((bad || many || why != NULL) && !STAILQ_EMPTY(&s->inflight))
		return (0);
	/* Counted when it came, and waited since: the next one is another. */
	if (bad || many || why != NULL)
		s->flags &= ~(unsigned int)SF_RATED;
	if (why != NULL)
		refuse(s, why, line, len);
	else if (bad)
		refuse(s, "501 5.5.4 Syntax: RCPT TO:<address>", line, len);
	else if (many)
		client_reply(s, "452 4.5.3 Too many recipients");
	else {
		ok = policy_rcpt(s, path, rcpt_count(s) + 1);
		if (ok == 1)
			server_command(s, VERB_RCPT, line, len, path);
		return (ok != 0);
	}
	return (1);
}

/* Spool for a message; NULL after the client was told. */
static struct message *
message_begin(struct session *s)
{
	struct message	*m;

	m = data_begin();
	if (m == NULL)
		session_log(s, "no spool: %s", strerror(errno));
	else
		m->t_data = now_us();
	return (m);
}

/*
 * The server will hear DATA only when the message has been judged, so the
 * 354 is ours.  It promises nothing: the dot's reply is the server's own.
 */
static void
command_data(struct session *s, size_t rest)
{
	if (rest > 0) {
		client_reply(s, "501 5.5.4 DATA takes no argument");
		return;
	}
	if (s->env == NULL || s->env->from == NULL) {
		client_reply(s, "503 5.5.1 Need MAIL first");
		return;
	}
	/* RFC 3030 sections 2 and 3. */
	if (s->msg != NULL || s->env->binary) {
		client_reply(s, "503 5.5.1 This message comes by BDAT");
		return;
	}
	if (s->env->nrcpt == 0) {
		client_reply(s, "554 5.5.1 No valid recipients");
		return;
	}
	if ((s->msg = message_begin(s)) == NULL) {
		client_reply(s, "452 4.3.1 Out of resources, try later");
		return;
	}
	s->state = SESSION_DATA;
	client_reply(s, "354 End data with <CR><LF>.<CR><LF>");
}

/*
 * A chunk (RFC 3030 section 2).  Whatever we think of it, its octets follow
 * at once and are read; only then comes the reply.  After a refusal all that
 * follows is refused, up to the last chunk or RSET.
 */
static void
command_bdat_start(struct session *s, const char *arg, size_t len)
{
	struct message	*m;
	uint64_t	 size;
	int		 last;

	if (command_bdat(arg, len, &size, &last) == -1) {
		/* Where the next command begins is unknown. */
		session_log(s, "refused command=BDAT reply=521");
		client_goodbye(s, "bad BDAT", "521 5.5.4 Syntax: BDAT size "
		    "[LAST]");
		return;
	}
	if (s->msg == NULL)
		s->msg = message_begin(s);
	if ((m = s->msg) == NULL) {
		client_goodbye(s, "no spool", "421 4.3.1 Out of resources, "
		    "try later");
		return;
	}
	m->bdat = 1;
	m->chunk = size;
	m->last = last;
	if (m->refused == NULL) {
		if (s->env == NULL || s->env->from == NULL)
			m->refused = "503 5.5.1 Need MAIL first";
		else if (s->env->nrcpt == 0)
			m->refused = "554 5.5.1 No valid recipients";
	}
	s->state = SESSION_CHUNK;
}

/* All octets of the chunk are there. */
static void
bdat_end(struct session *s)
{
	struct message	*m;

	m = s->msg;
	evtimer_del(&s->ctimer);
	s->state = SESSION_COMMAND;
	if ((s->flags & SF_SERVER_GONE) && (m->refused != NULL || !m->last)) {
		client_goodbye(s, "lost between chunks",
		    "421 4.4.2 Server connection lost");
		return;
	}
	if (m->refused == NULL && m->fault == DATA_TOO_BIG)
		m->refused = "552 5.3.4 Message too big";
	if (m->refused != NULL) {
		session_log(s, "refused command=BDAT reply=%.3s", m->refused);
		client_reply(s, "%s", m->refused);
		if (m->last) {
			session_reset(s);
			s->flags |= SF_RSET_DUE;
		}
		return;
	}
	if (!m->last) {
		client_reply(s, "250 2.0.0 %llu octets so far",
		    (unsigned long long)m->size);
		return;
	}
	/* Lines must be lines, unless it was declared that they are not. */
	if (m->state == AT_CR && m->form == DATA_OK)
		m->form = DATA_BARE_CR;
	else if (m->state != AT_BOL && m->form == DATA_OK)
		m->form = DATA_NO_CRLF;
	if (!s->env->binary && m->form != DATA_OK &&
	    m->form != DATA_NO_CRLF && m->fault == DATA_OK)
		m->fault = m->form;
	session_dot(s);
}

static int
take_chunk(struct session *s)
{
	size_t	 n;

	n = s->cin.len;
	if (n > s->msg->chunk)
		n = (size_t)s->msg->chunk;
	if (n > 0) {
		data_chunk(s, buf_ptr(&s->cin), n);
		buf_drain(&s->cin, n);
	}
	if (s->msg->chunk == 0) {
		bdat_end(s);
		return (1);
	}
	return (n > 0);
}

static void
command_starttls(struct session *s, const char *line, size_t len)
{
	if (s->starttls != STARTTLS_WITHHOLD) {
		/* What was sent in the clear must not count afterwards. */
		if (s->cin.len > len + 2) {
			client_goodbye(s, "bytes behind STARTTLS",
			    "421 4.7.0 Commands behind STARTTLS");
			return;
		}
		server_command(s, VERB_STARTTLS, line, len, NULL);
		return;
	}
	s->tls_refused++;
	session_log(s, "starttls refused");
	refuse(s, "454 4.7.0 TLS is not available", line, len);
}

/* Commands that no mail needs: the administrator says. */
static void
command_policy(struct session *s, const char *line, size_t len, size_t arg)
{
	enum smtp_verb	 verb;

	verb = command_other(line, len);
	switch (s->conf->g.verb[verb]) {
	case VERB_PASS:
		/* RFC 821 section 4.1.1: like MAIL in all that matters. */
		if (verb == SMTP_SEND || verb == SMTP_SOML ||
		    verb == SMTP_SAML)
			command_mail(s, line, len, arg);
		else
			server_command(s, VERB_OTHER, line, len, NULL);
		return;
	case VERB_DISCONNECT:
		session_log(s, "refused command=%s, disconnected",
		    conf_verb_name(verb));
		client_goodbye(s, "policy", "421 4.7.0 Command not allowed");
		return;
	case VERB_REFUSE:
	default:
		break;
	}
	if (verb == SMTP_VRFY)
		/* RFC 5321 section 7.3: neither yes nor no. */
		client_reply(s, "252 2.1.5 Cannot VRFY; try to deliver");
	else if (verb == SMTP_UNKNOWN)
		refuse(s, "500 5.5.2 Command not recognized", line, len);
	else
		refuse(s, "502 5.5.1 Command not available", line, len);
}

/* Commands of which only the form counts; returns as take_command(). */
static int
command_simple(struct session *s, enum verb verb, const char *line,
    size_t len, size_t arg)
{
	const char	*why;

	why = NULL;
	if (verb == VERB_HELO || verb == VERB_EHLO) {
		if (arg == len || len - arg > SMTP_HELO_MAX)
			why = "501 5.5.4 Syntax: EHLO hostname";
	} else if (verb == VERB_RSET || verb == VERB_QUIT) {
		if (arg != len)
			why = "501 5.5.4 No argument allowed";
	} else if (verb == VERB_AUTH &&
	    s->starttls == STARTTLS_REQUIRE)
		why = "530 5.7.0 Must issue a STARTTLS command first";
	if (why == NULL && (verb == VERB_HELO || verb == VERB_EHLO) &&
	    policy_helo(s, verb == VERB_HELO ? "HELO" : "EHLO", line + arg,
	    len - arg))
		return (1);
	if (why == NULL)
		server_command(s, verb, line, len, line + arg);
	else if (!STAILQ_EMPTY(&s->inflight))
		return (0);
	else
		refuse(s, why, line, len);
	return (1);
}

/* One command.  Returns 1 when it was used up, 0 when it must wait. */
static int
take_command(struct session *s, char *line, size_t len)
{
	enum verb	 verb;
	size_t		 arg;
	int		 clean;

	clean = line_clean(line, len);
	verb = clean ? command_parse(line, len, &arg) : VERB_UNKNOWN;
	/* Our own RSET comes before whatever the client wants next. */
	if (s->flags & SF_RSET_DUE)
		return (0);
	/*
	 * RCPT and RSET may follow others in a group; the rest is the first
	 * or the last of one, or is answered here.
	 */
	if (verb == VERB_RCPT || verb == VERB_RSET) {
		if (!window_open(s))
			return (0);
	} else if (!STAILQ_EMPTY(&s->inflight))
		return (0);

	switch (verb) {
	case VERB_MAIL:
		command_mail(s, line, len, arg);
		break;
	case VERB_RCPT:
		return (command_rcpt(s, line, len, arg));
	case VERB_DATA:
		command_data(s, len - arg);
		break;
	case VERB_BDAT:
		command_bdat_start(s, line + arg, len - arg);
		break;
	case VERB_HELO:
	case VERB_EHLO:
	case VERB_RSET:
	case VERB_QUIT:
	case VERB_AUTH:
	case VERB_NOOP:
		return (command_simple(s, verb, line, len, arg));
	case VERB_STARTTLS:
		command_starttls(s, line, len);
		break;
	case VERB_HELP:
	case VERB_VRFY:
	case VERB_KNOWN_REFUSED:
	case VERB_UNKNOWN:
		if (clean)
			command_policy(s, line, len, arg);
		else
			refuse(s, "500 5.5.2 Controls in a command", line,
			    len);
		break;
	case VERB_BANNER:
	case VERB_OTHER:
	case VERB_OWN_NOOP:
	case VERB_OWN_RSET:
	case VERB_OWN_DATA:
	case VERB_OWN_BDAT:
	case VERB_OWN_MAIL:
	case VERB_OWN_RCPT:
	case VERB_OWN_EHLO:
	case VERB_OWN_XCLIENT:
		refuse(s, "500 5.5.2 Command not recognized", line, len);
		break;
	}
	return (1);
}

/* Message bytes that came in the same segments as DATA. */
static int
take_data(struct session *s)
{
	size_t	 used;
	int	 end;

	if (s->cin.len == 0)
		return (0);
	end = data_input(s, buf_ptr(&s->cin), s->cin.len, &used);
	buf_drain(&s->cin, used);
	if (end)
		session_dot(s);
	return (1);
}

/*
 * The header of a balancer that was configured to send one; without it, it
 * gets nothing: not even the banner that would tell it to speak first.
 */
static int
take_header(struct session *s)
{
	struct addr	 src;
	size_t		 used;
	int		 n;

	n = proxyproto_parse(buf_ptr(&s->cin), s->cin.len, &src, &used);
	if (n == 0)
		return (0);
	if (n == -1) {
		session_log(s, "bad PROXY header");
		session_free(s, "bad PROXY header");
		return (0);
	}
	if (n == 1)
		s->client = src;
	if (n == 1 && proxyproto_tls(buf_ptr(&s->cin), used))
		s->flags |= SF_TLS;
	buf_drain(&s->cin, used);
	evtimer_del(&s->ctimer);
	s->state = SESSION_CONNECT;
	accept_go(s);
	return (1);
}

int
client_input(struct session *s)
{
	char	*line;
	size_t	 len;
	int	 n;

	switch (s->state) {
	case SESSION_DATA:
		return (take_data(s));
	case SESSION_CHUNK:
		return (take_chunk(s));
	case SESSION_TUNNEL:
		return (session_tunnel(s, &s->cin, &s->sout));
	case SESSION_HEADER:
		return (take_header(s));
	case SESSION_LINGER:
		buf_drain(&s->cin, s->cin.len);
		return (0);
	case SESSION_COMMAND:
	case SESSION_AUTH:
		break;
	case SESSION_CONNECT:
	case SESSION_BANNER:
	case SESSION_INSPECT:
	case SESSION_GO:
	case SESSION_BODY:
	case SESSION_DOT:
	case SESSION_CLOSING:
		return (0);
	}
	/* Answers that nobody fetches: take no more questions. */
	if (s->cout.len > s->cout.max / 2)
		return (0);
	n = take_line(s, s->state == SESSION_AUTH ? SMTP_AUTH_LINE_MAX :
	    s->conf->g.line_max - 2, &len);
	if (n == 0)
		return (0);
	if (n == -1) {
		if (!STAILQ_EMPTY(&s->inflight))
			return (0);
		s->flags |= SF_SKIP_LINE;
		if (s->state == SESSION_AUTH)
			client_goodbye(s, "over-long AUTH line",
			    "421 4.5.2 Line too long");
		else
			refuse(s, "500 5.5.2 Line too long", "", 0);
		return (1);
	}
	line = (char *)buf_ptr(&s->cin);
	if (s->state == SESSION_AUTH)
		n = STAILQ_EMPTY(&s->inflight) && take_auth(s, line, len);
	else
		n = take_command(s, line, len);
	if (n == 0)
		return (0);
	buf_drain_wipe(&s->cin, len + 2);
	evtimer_del(&s->ctimer);
	return (1);
}

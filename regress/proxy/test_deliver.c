/* SPDX-License-Identifier: ISC */

/*
 * deliver.c: what the server gets is what was spooled, dots stuffed, and the
 * dot; and which replies of the server may reach the client as the answer to
 * a message.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define WIRE_MAX	(1 << 20)

static void		 message(struct session *, const uint8_t *, size_t);
static size_t		 collect(struct session *, size_t, uint8_t *);
static size_t		 stuff(const uint8_t *, size_t, uint8_t *);
static void		 run(const char *, const uint8_t *, size_t);
static void		 test_text(void);
static void		 test_sizes(void);
static void		 test_dots(void);
static void		 test_replies(void);
static void		 test_unread(void);
static void		 test_unread_bdat(void);

/* What deliver.c calls, and what came of it. */
static unsigned int	 lost, passed, failed, data_sent;
static int		 unread;	/* what session_peek() finds */

void
server_command(struct session *s, enum verb verb, const char *line,
    size_t len, const char *arg)
{
	if (verb == VERB_OWN_DATA && len == 4 && memcmp(line, "DATA", 4) == 0)
		data_sent++;
}

int
session_peek(const struct session *s, int server)
{
	return (server && unread);
}

/* Nobody has a reply of his own here; see e2e/t_prdr. */
int
prdr_next(struct session *s)
{
	return (0);
}

int
prdr_is_due(const struct session *s)
{
	return (0);
}

void
prdr_refused(struct session *s)
{
}

const char *
prdr_replies(struct session *s, const char *text, size_t len)
{
	return (NULL);
}

void
client_reply(struct session *s, const char *fmt, ...)
{
}

void
server_lost(struct session *s, const char *why)
{
	lost++;
}

void
client_goodbye(struct session *s, const char *why, const char *fmt, ...)
{
	if (memcmp(fmt, "451 ", 4) == 0)
		failed++;
}

void
verdict_log(struct session *s, const char *action, const char *reply,
    size_t len)
{
	if (strcmp(action, "pass") == 0)
		passed++;
}

void
session_reset(struct session *s)
{
	data_free(s->msg);
	s->msg = NULL;
}

/* A session whose message is ready to go: DATA sent, 354 come. */
static void
message(struct session *s, const uint8_t *data, size_t len)
{
	uint8_t		*wire;
	struct reply	 r;
	size_t		 used, n;

	if ((wire = malloc(2 * len + 3)) == NULL)
		abort();
	n = stuff(data, len, wire);
	s->msg = data_begin();
	if (s->msg == NULL || data_input(s, wire, n, &used) != 1 ||
	    used != n || s->msg->fault != DATA_OK || data_seal(s->msg) == -1)
		abort();
	free(wire);
	lost = passed = failed = data_sent = 0;
	STAILQ_INIT(&s->inflight);
	buf_init(&s->cout, 4096);
	buf_init(&s->sin, 4096);
	buf_init(&s->sout, 262144);
	s->sev.fd = s->cev.fd = -1;
	deliver_start(s);
	if (deliver_output(s) != 1 || data_sent != 1 ||
	    deliver_output(s) != 0 || data_sent != 1)
		abort();
	memset(&r, 0, sizeof(r));
	r.code = 354;
	r.nlines = 1;
	r.len = 8;
	if (buf_add(&s->sin, "354 go\r\n", 8) == -1)
		abort();
	deliver_reply(s, &r);
	buf_drain(&s->sin, 8);
}

/* Take at most step bytes out at a time; 0: all. */
static size_t
collect(struct session *s, size_t step, uint8_t *wire)
{
	size_t	 len, n;
	int	 moved;

	len = 0;
	do {
		moved = deliver_output(s);
		n = s->sout.len;
		if (step != 0 && n > step)
			n = step;
		if (len + n > WIRE_MAX)
			abort();
		if (n > 0)
			memcpy(wire + len, buf_ptr(&s->sout), n);
		len += n;
		buf_drain(&s->sout, n);
	} while (moved || s->sout.len > 0);
	return (len);
}

/* The plainest way to say it (RFC 5321 section 4.5.2). */
static size_t
stuff(const uint8_t *data, size_t len, uint8_t *wire)
{
	size_t	 i, n;

	n = 0;
	for (i = 0; i < len; i++) {
		if (data[i] == '.' && (i == 0 || data[i - 1] == '\n'))
			wire[n++] = '.';
		wire[n++] = data[i];
	}
	memcpy(wire + n, ".\r\n", 3);
	return (n + 3);
}

static void
run(const char *name, const uint8_t *data, size_t len)
{
	static const size_t	 steps[] = { 0, 1000, 40000 };
	static uint8_t		 got[WIRE_MAX], want[WIRE_MAX];
	struct session		*s;
	size_t			 i, n, wantlen;

	wantlen = stuff(data, len, want);
	for (i = 0; i < 3; i++) {
		s = unit_session();
		message(s, data, len);
		n = collect(s, steps[i], got);
		if (n != wantlen || memcmp(got, want, n) != 0 || lost != 0 ||
		    s->state != SESSION_DOT) {
			unit_case(name, "step %zu: %zu bytes, not %zu; "
			    "lost %u", steps[i], n, wantlen, lost);
			unit_session_free(s);
			return;
		}
		buf_clear(&s->sout);
		buf_clear(&s->sin);
		unit_session_free(s);
	}
	unit_case(name, NULL);
}

static void
test_text(void)
{
	static const char *const	 texts[] = {
		"", "\r\n", "a\r\n", ".\r\n", "..\r\n", ".a\r\n.\r\n",
		"\r\n.\r\n\r\n.\r\n", "a.\r\nb.c\r\n", " .\r\n", "...\r\n"
	};
	char				 name[64];
	size_t				 i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(name, sizeof(name), "stuff %s",
		    unit_show(texts[i], strlen(texts[i])));
		run(name, (const uint8_t *)texts[i], strlen(texts[i]));
	}
}

/* A dot, and a line's end, on either side of every edge of a chunk. */
static void
test_sizes(void)
{
	static const size_t	 edges[] = { 32768, 65536, 131072 };
	static uint8_t		 data[140000];
	char			 name[64];
	size_t			 i, at;

	for (i = 0; i < 3; i++)
		for (at = edges[i] - 4; at <= edges[i] + 2; at++) {
			memset(data, 'x', sizeof(data));
			memcpy(data + at, "\r\n.y\r\n.\r\n", 9);
			memcpy(data + sizeof(data) - 2, "\r\n", 2);
			snprintf(name, sizeof(name), "dots at %zu", at);
			run(name, data, sizeof(data));
		}
}

static void
test_dots(void)
{
	static uint8_t	 data[150000];
	size_t		 i;

	for (i = 0; i < sizeof(data); i += 3)
		memcpy(data + i, ".\r\n", 3);
	run("only dots", data, sizeof(data));
	for (i = 0; i < sizeof(data); i += 2)
		memcpy(data + i, "\r\n", 2);
	run("only empty lines", data, sizeof(data));
	memset(data, '.', sizeof(data) - 2);
	memcpy(data + sizeof(data) - 2, "\r\n", 2);
	run("one line of dots", data, sizeof(data));
	memset(data, 'x', sizeof(data) - 2);
	run("one line", data, sizeof(data));
}

static const struct {
	const char		*name;
	enum session_state	 state;
	int			 all_sent;
	const char		*reply;
	/* Exactly one of these. */
	unsigned int		 passed, refused, lost;
} replies[] = {
	{ "250 to the dot", SESSION_DOT, 1, "250 ok\r\n", 1, 0, 0 },
	{ "451 to the dot", SESSION_DOT, 1, "451 no\r\n", 0, 1, 0 },
	{ "554 to the dot", SESSION_DOT, 1, "554 no\r\n", 0, 1, 0 },
	{ "421 to the dot", SESSION_DOT, 1, "421 no\r\n", 0, 1, 0 },
	{ "354 to the dot", SESSION_DOT, 1, "354 more\r\n", 0, 0, 1 },
	{ "250 before all is sent", SESSION_DOT, 0, "250 ok\r\n", 0, 0, 1 },
	{ "250 in the middle", SESSION_BODY, 0, "250 ok\r\n", 0, 0, 1 },
	{ "250 to DATA", SESSION_GO, 0, "250 ok\r\n", 0, 0, 1 },
	{ "450 to DATA", SESSION_GO, 0, "450 no\r\n", 0, 1, 0 },
	{ "554 to DATA", SESSION_GO, 0, "554 no\r\n", 0, 1, 0 },
	{ "334 to DATA", SESSION_GO, 0, "334 xx\r\n", 0, 0, 1 },
};

static void
test_replies(void)
{
	struct session	*s;
	struct reply	 r;
	char		 name[64];
	unsigned int	 told;
	size_t		 i;

	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		s = unit_session();
		message(s, (const uint8_t *)"x\r\n", 3);
		while (deliver_output(s))
			;
		if (replies[i].all_sent)
			buf_drain(&s->sout, s->sout.len);
		s->state = replies[i].state;
		if (reply_parse((const uint8_t *)replies[i].reply,
		    strlen(replies[i].reply), &r) != 1 ||
		    buf_add(&s->sin, replies[i].reply, r.len) == -1)
			abort();
		deliver_reply(s, &r);
		told = s->cout.len == r.len &&
		    memcmp(buf_ptr(&s->cout), replies[i].reply, r.len) == 0;
		snprintf(name, sizeof(name), "server says %s",
		    replies[i].name);
		unit_case(name, passed == replies[i].passed &&
		    lost == replies[i].lost && told == passed +
		    replies[i].refused ? NULL : "passed %u, lost %u, "
		    "client told %u", passed, lost, told);
		buf_clear(&s->cout);
		buf_clear(&s->sout);
		buf_clear(&s->sin);
		unit_session_free(s);
	}
}

/* The dot waits for as long as something of the server is to be read. */
static void
test_unread(void)
{
	static const char	 dot[] = "x\r\n.\r\n";
	struct session		*s;
	size_t			 n;
	int			 waits, goes;

	s = unit_session();
	message(s, (const uint8_t *)"x\r\n", 3);
	unread = 1;
	for (n = 0; n < 10 && deliver_output(s); n++)
		;
	waits = n < 10 && s->state == SESSION_BODY && s->sout.len == 3;
	unread = 0;
	while (deliver_output(s))
		;
	goes = s->state == SESSION_DOT && s->sout.len == sizeof(dot) - 1 &&
	    memcmp(buf_ptr(&s->sout), dot, sizeof(dot) - 1) == 0;
	unit_case("the dot waits for what is unread", waits && goes ? NULL :
	    "waits %d, goes %d", waits, goes);
	buf_clear(&s->sout);
	buf_clear(&s->sin);
	unit_session_free(s);
}

/*
 * By BDAT there is no dot: a yes that came before the last octets is none, but
 * it may come as soon as nothing is left to send, as for a message of none.
 * After a no that came before them nothing more is said to that server.
 */
static void
test_unread_bdat(void)
{
	static const struct {
		const char	*name, *reply;
		size_t		 len;
		unsigned int	 passed, lost;
		int		 ends;
	} cases[] = {
		{ "250 to a BDAT of nothing", "250 ok\r\n", 0, 1, 0, 0 },
		{ "250 before the last octets", "250 ok\r\n", 3, 0, 1, 0 },
		{ "552 to a BDAT of nothing", "552 no\r\n", 0, 0, 0, 0 },
		{ "552 before the last octets", "552 no\r\n", 3, 0, 0, 1 },
	};
	struct session	*s;
	struct reply	 r;
	size_t		 i;
	int		 ends;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = unit_session();
		message(s, (const uint8_t *)"x\r\n", cases[i].len);
		s->flags |= SF_SERVER_CHUNK;
		s->msg->bdat = 1;
		s->state = SESSION_GO;
		s->flags &= ~(unsigned int)SF_GO_SENT;
		while (s->state != SESSION_BODY && deliver_output(s))
			;
		unread = 1;
		while (deliver_output(s))
			;
		unread = 0;
		buf_drain(&s->sout, s->sout.len);
		if (reply_parse((const uint8_t *)cases[i].reply, 8, &r) != 1 ||
		    buf_add(&s->sin, cases[i].reply, 8) == -1)
			abort();
		deliver_reply(s, &r);
		ends = s->state == SESSION_CLOSING &&
		    (s->flags & SF_SERVER_GONE);
		unit_case(cases[i].name, passed == cases[i].passed &&
		    lost == cases[i].lost && ends == cases[i].ends ? NULL :
		    "passed %u, lost %u, ends %d", passed, lost, ends);
		buf_clear(&s->sout);
		buf_clear(&s->cout);
		buf_clear(&s->sin);
		unit_session_free(s);
	}
}

int
main(void)
{
	test_text();
	test_sizes();
	test_dots();
	test_replies();
	test_unread();
	test_unread_bdat();
	return (unit_status());
}

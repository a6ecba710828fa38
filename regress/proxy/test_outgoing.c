/* SPDX-License-Identifier: ISC */

/*
 * sending.c: a message of the store's reaches its server as it is, the store
 * hears once what came of it, and nothing that a server says too early passes
 * for a success.  The server below follows a script, over TCP.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "unit.h"

#define WIRE_MAX	(1 << 22)
#define WATCHDOG	60000	/* ms; nothing here takes long */
#define STEPS		12
#define HELLO		"EHLO [127.0.0.1]"
#define SENDER		"MAIL FROM:<a@example.org>"
#define TEXT		"Subject: x\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n"

/* What the server wants to hear, and says then; NULL: it closes. */
struct line {
	const char	*want;	/* "": connect, ".": dot, "-": in the text */
	const char	*say;
};

struct test {
	const char	*name;
	const char	*text;		/* of the message */
	unsigned int	 nrcpt;
	uint32_t	 code, naccepted;
	const char	*reason;	/* in the answer */
	int		 slow;		/* enum timeout that is short, or 0 */
	struct line	 script[STEPS];
};

static void		 listener_event(int, uint32_t, void *);
static void		 server_event(int, uint32_t, void *);
static void		 server_say(void);
static int		 server_line(void);
static void		 server_reset(const struct line *);
static void		 server_close(void);
static void		 store_event(int, uint32_t, void *);
static void		 watchdog(void *);
static int		 file(const char *, size_t);
static void		 proxy_read(void);
static void		 send_frames(uint64_t, const char *, unsigned int,
			    int, uint64_t);
static void		 setup(void);
static const char	*verdict(const struct test *);
static void		 run(const struct test *);
static void		 run_big(void);
static void		 run_paths(void);
static void		 run_limits(void);
static void		 run_refused(void);
static void		 run_lost(void);
static void		 run_identity(void);

static struct {
	const struct line	*script;
	unsigned int		 at;
	unsigned int		 stop_at; /* the loop; 0: never */
	struct ev		 listener, ev;
	struct addr		 addr;
	uint8_t			 in[WIRE_MAX];
	size_t			 len, pos;
	int			 in_data;
	size_t			 data, data_len;
	unsigned int		 connections;
	char			 wrong[160];
} srv;
static struct imsgbuf		 near, far;	/* proxy's and store's end */
static struct ev		 far_ev;
static struct msg_send_done	 done;
static uint64_t			 done_id;
static unsigned int		 ndone, is_late;
static struct evtimer		 dog;
static struct sockwait		*waiting;
static int			 no_sockets, small_buffers;

/* What sending.c calls. */

void
sock_take(struct sockwait *w, int family)
{
	int	 fd;

	if (no_sockets) {
		w->is_waiting = 1;
		waiting = w;
		return;
	}
	fd = socket(family == 4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		abort();
	if (small_buffers && setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
	    &(int){ 4096 }, sizeof(int)) == -1)
		abort();
	w->cb(w->arg, fd);
}

void
sock_leave(struct sockwait *w)
{
	w->is_waiting = 0;
	if (waiting == w)
		waiting = NULL;
}

void
store_want_write(void)
{
}

void
proxy_check_end(void)
{
	if (proxy.nsending == 0)
		ev_stop();
}

/* ---- server -------------------------------------------------------------- */

static void
server_close(void)
{
	int	 fd;

	if ((fd = srv.ev.fd) == -1)
		return;
	ev_del(&srv.ev);
	close(fd);
}

static void
server_say(void)
{
	const char	*say;

	say = srv.script[srv.at++].say;
	if (srv.at == srv.stop_at)
		ev_stop();
	if (say == NULL) {
		server_close();
		return;
	}
	if (write(srv.ev.fd, say, strlen(say)) != (ssize_t)strlen(say))
		strlcpy(srv.wrong, "cannot write", sizeof(srv.wrong));
	if (strncmp(say, "354", 3) == 0) {
		srv.in_data = 1;
		srv.data = srv.pos;
	}
}

/* One line, or the text; 0: there is none yet. */
static int
server_line(void)
{
	const struct line	*l;
	uint8_t			*p, *end;
	size_t			 n, left;

	l = &srv.script[srv.at];
	p = srv.in + srv.pos;
	left = srv.len - srv.pos;
	if (srv.in_data && l->want != NULL && strcmp(l->want, "-") == 0) {
		if (left == 0)
			return (0);
		server_say();
		return (0);
	}
	if (srv.in_data && left >= 3 && memcmp(p, ".\r\n", 3) == 0)
		n = 0;
	else {
		end = memmem(p, left, srv.in_data ? "\r\n.\r\n" : "\r\n",
		    srv.in_data ? 5 : 2);
		if (end == NULL)
			return (0);
		n = (size_t)(end - p) + (srv.in_data ? 2 : 0);
	}
	if (srv.in_data) {
		srv.in_data = 0;
		srv.data_len = n;
		srv.pos += n + 3;
		p = (uint8_t *)(uintptr_t)".";
		n = 1;
	} else
		srv.pos += n + 2;
	if (l->want == NULL || strlen(l->want) != n ||
	    memcmp(l->want, p, n) != 0) {
		if (srv.wrong[0] == '\0')
			snprintf(srv.wrong, sizeof(srv.wrong),
			    "step %u: server heard %s", srv.at,
			    unit_show(p, n > 60 ? 60 : n));
		server_close();
		return (0);
	}
	server_say();
	return (srv.ev.fd != -1);
}

static void
server_event(int fd, uint32_t events, void *arg)
{
	ssize_t	 n;

	n = recv(fd, srv.in + srv.len, sizeof(srv.in) - srv.len,
	    MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		server_close();
		return;
	}
	srv.len += (size_t)n;
	while (server_line())
		continue;
}

static void
listener_event(int fd, uint32_t events, void *arg)
{
	int	 s;

	if ((s = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) == -1)
		return;
	srv.connections++;
	if (srv.ev.fd != -1) {
		close(s);
		return;
	}
	if (ev_add(&srv.ev, s, EPOLLIN, server_event, NULL) == -1)
		abort();
	server_say();
}

static void
server_reset(const struct line *script)
{
	server_close();
	srv.script = script;
	srv.at = srv.stop_at = 0;
	srv.len = srv.pos = 0;
	srv.in_data = 0;
	srv.data = srv.data_len = 0;
	srv.connections = 0;
	srv.wrong[0] = '\0';
	ndone = is_late = 0;
	memset(&done, 0, sizeof(done));
}

/* ---- store --------------------------------------------------------------- */

static void
store_event(int fd, uint32_t events, void *arg)
{
	struct imsg	 imsg;

	while (imsg_read(&far, &imsg) == 1) {
		if (imsg.type != IMSG_SEND_DONE)
			abort();
		memcpy(&done, imsg.data, sizeof(done));
		done_id = imsg.id;
		ndone++;
		if (memchr(done.text, '\0', sizeof(done.text)) == NULL ||
		    proto_strings(done.text, strlen(done.text) + 1) != 1 ||
		    done.code > 599)
			strlcpy(srv.wrong, "impossible answer",
			    sizeof(srv.wrong));
		imsg_free(&imsg);
	}
}

static void
watchdog(void *arg)
{
	is_late = 1;
	ev_stop();
}

static int
file(const char *text, size_t len)
{
	int	 fd;

	fd = memfd_create("test", MFD_CLOEXEC);
	if (fd == -1 || write(fd, text, len) != (ssize_t)len)
		abort();
	return (fd);
}

/* The frames that have come, as store.c does it. */
static void
proxy_read(void)
{
	struct imsg	 imsg;

	while (imsg_read(&near, &imsg) == 1) {
		if (outgoing_frame(&near, &imsg) == -1)
			strlcpy(srv.wrong, "frame refused",
			    sizeof(srv.wrong));
		imsg_free(&imsg);
	}
}

/* Recipients r0@example.org, ... two to a frame; takes fd. */
static void
send_frames(uint64_t id, const char *from, unsigned int nrcpt, int fd,
    uint64_t size)
{
	struct msg_send	 m;
	struct msg_mail	 mail;
	char		 rcpt[64];
	unsigned int	 i;
	size_t		 len;

	memset(&m, 0, sizeof(m));
	m.dest = srv.addr;
	m.nrcpt = nrcpt;
	strlcpy(m.from, from, sizeof(m.from));
	imsg_compose(&far, IMSG_SEND, id, -1, &m, sizeof(m));
	for (i = len = 0; i < nrcpt; i++) {
		len += (size_t)snprintf(rcpt + len, sizeof(rcpt) - len,
		    "r%u@example.org", i) + 1;
		if (i % 2 == 1 || i + 1 == nrcpt) {
			imsg_compose(&far, IMSG_SEND_RCPT, id, -1, rcpt, len);
			len = 0;
		}
	}
	mail.size = size;
	imsg_compose(&far, IMSG_SEND_MAIL, id, fd, &mail, sizeof(mail));
	proxy_read();
}

static void
setup(void)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in	 in;
	socklen_t		 len;
	int			 sv[2], fd;

	ev_init();
	if ((proxy.conf = conf_new()) == NULL || imsg_pair(sv) == -1)
		abort();
	imsgbuf_init(&near, sv[0], PROC_PROXY, PROC_STORE);
	imsgbuf_init(&far, sv[1], PROC_STORE, PROC_PROXY);
	near.state = far.state = PEER_IDLE;
	if (ev_add(&far_ev, sv[1], EPOLLIN, store_event, NULL) == -1)
		abort();
	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	len = sizeof(ss);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    listen(fd, 32) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1 ||
	    addr_from_sockaddr(&srv.addr, (struct sockaddr *)&ss) == -1 ||
	    ev_add(&srv.listener, fd, EPOLLIN, listener_event, NULL) == -1)
		abort();
	srv.ev.fd = -1;
	evtimer_init(&dog, watchdog, NULL);
}

/* ---- cases --------------------------------------------------------------- */

#define BEGIN	{ "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, \
		{ SENDER, "250 ok\r\n" }
#define RCPT0	{ "RCPT TO:<r0@example.org>", "250 ok\r\n" }
#define TO_DOT	BEGIN, RCPT0, { "DATA", "354 go\r\n" }
#define QUIT	{ "QUIT", "221 bye\r\n" }

static const struct test	 tests[] = {
	{ "delivered", TEXT, 1, 250, 1, "250 2.0.0 Queued as 1", 0, {
	    TO_DOT, { ".", "250 2.0.0 Queued as 1\r\n" }, QUIT } },
	{ "an empty message", "", 1, 250, 1, "250 ok", 0, {
	    TO_DOT, { ".", "250 ok\r\n" }, QUIT } },
	{ "three recipients", TEXT, 3, 250, 3, "250 ok", 0, {
	    BEGIN, RCPT0, { "RCPT TO:<r1@example.org>", "251 ok\r\n" },
	    { "RCPT TO:<r2@example.org>", "250 ok\r\n" },
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "one of them refused", TEXT, 3, 250, 2, "250 ok", 0, {
	    BEGIN, RCPT0, { "RCPT TO:<r1@example.org>", "550 no\r\n" },
	    { "RCPT TO:<r2@example.org>", "250 ok\r\n" },
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "the last refused", TEXT, 2, 250, 1, "250 ok", 0, {
	    BEGIN, RCPT0, { "RCPT TO:<r1@example.org>", "450 no\r\n" },
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "all refused", TEXT, 2, 550, 0, "550 5.1.1 second", 0, {
	    BEGIN, { "RCPT TO:<r0@example.org>", "450 first\r\n" },
	    { "RCPT TO:<r1@example.org>", "550 5.1.1 second\r\n" }, QUIT } },
	{ "421 to a recipient", TEXT, 2, 421, 0, "421 away", 0, {
	    BEGIN, RCPT0, { "RCPT TO:<r1@example.org>", "421 away\r\n" } } },
	{ "354 to a recipient", TEXT, 1, 0, 0, "out of step", 0, {
	    BEGIN, { "RCPT TO:<r0@example.org>", "354 go\r\n" } } },
	{ "extensions, not needed", TEXT, 1, 250, 1, "250", 0, {
	    { "", "220 x\r\n" },
	    { HELLO, "250-me\r\n250-Size 1000\r\n250 8BITMIME\r\n" },
	    { SENDER " SIZE=32", "250 ok\r\n" }, RCPT0,
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "extensions, needed", "\r\n\xc3\xa4\r\n", 1, 250, 1, "250", 0, {
	    { "", "220 x\r\n" },
	    { HELLO, "250-me\r\n250-8bitmime\r\n250-X\r\n250 SIZE\r\n" },
	    { SENDER " SIZE=6 BODY=8BITMIME", "250 ok\r\n" }, RCPT0,
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "8 bit without the extension", "\r\n\xc3\xa4\r\n", 1, 250, 1, "250",
	    0, { TO_DOT, { ".", "250 ok\r\n" }, QUIT } },
	{ "the name of a server is none", TEXT, 1, 250, 1, "250", 0, {
	    { "", "220 x\r\n" }, { HELLO, "250-SIZE 1\r\n250 XSIZE\r\n" },
	    { SENDER, "250 ok\r\n" }, RCPT0,
	    { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "HELO after EHLO", TEXT, 1, 250, 1, "250", 0, {
	    { "", "220-x\r\n220 y\r\n" },
	    { HELLO, "502-SIZE\r\n502 SIZE\r\n" },
	    { "HELO [127.0.0.1]", "250 ok\r\n" }, { SENDER, "250 ok\r\n" },
	    RCPT0, { "DATA", "354 go\r\n" }, { ".", "250 ok\r\n" }, QUIT } },
	{ "HELO refused", TEXT, 1, 554, 0, "554 no one", 0, {
	    { "", "220 x\r\n" }, { HELLO, "500 what\r\n" },
	    { "HELO [127.0.0.1]", "554-no\r\n554 one\r\n" }, QUIT } },
	{ "421 to EHLO", TEXT, 1, 421, 0, "421", 0, {
	    { "", "220 x\r\n" }, { HELLO, "421 no\r\n" } } },
	{ "refused at once", TEXT, 1, 554, 0, "554 go away", 0, {
	    { "", "554 go away\r\n" }, QUIT } },
	{ "a banner that is none", TEXT, 1, 0, 0, "out of step: 250 hi", 0, {
	    { "", "250 hi\r\n" } } },
	{ "sender refused", TEXT, 1, 451, 0, "451 later", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" },
	    { SENDER, "451 later\r\n" }, QUIT } },
	{ "DATA refused", TEXT, 1, 452, 0, "452", 0, {
	    BEGIN, RCPT0, { "DATA", "452 full\r\n" }, QUIT } },
	{ "250 to DATA", TEXT, 1, 0, 0, "out of step: 250 ok", 0, {
	    BEGIN, RCPT0, { "DATA", "250 ok\r\n" } } },
	{ "451 to the dot", TEXT, 1, 451, 0, "451 no", 0, {
	    TO_DOT, { ".", "451 no\r\n" }, QUIT } },
	{ "421 to the dot", TEXT, 1, 421, 0, "421 no", 0, {
	    TO_DOT, { ".", "421 no\r\n" } } },
	{ "354 to the dot", TEXT, 1, 0, 0, "not known: server out", 0, {
	    TO_DOT, { ".", "354 more\r\n" } } },
	{ "250 behind 354", TEXT, 1, 0, 0, "out of step: 250 ok", 0, {
	    BEGIN, RCPT0, { "DATA", "354 go\r\n250 ok\r\n" } } },
	{ "half a reply behind 354", TEXT, 1, 0, 0, "time-out", TMO_BLOCK, {
	    BEGIN, RCPT0, { "DATA", "354 go\r\n250 o" } } },
	{ "554 behind 354", TEXT, 1, 554, 0, "554 no", 0, {
	    BEGIN, RCPT0, { "DATA", "354 go\r\n554 no\r\n" } } },
	{ "all replies at once", TEXT, 1, 0, 0, "out of step", 0, {
	    { "", "220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n"
	    "250 ok\r\n" } } },
	{ "a reply too many", TEXT, 1, 0, 0, "spoke unasked", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n250 you\r\n" } } },
	{ "no reply at all", TEXT, 1, 0, 0, "is no reply", 0, {
	    { "", "SSH-2.0-x\r\n" } } },
	{ "closed at once", TEXT, 1, 0, 0, "connection lost", 0, {
	    { "", NULL } } },
	{ "closed at MAIL", TEXT, 1, 0, 0, "connection lost", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" },
	    { SENDER, NULL } } },
	{ "closed at DATA", TEXT, 1, 0, 0, "connection lost", 0, {
	    BEGIN, RCPT0, { "DATA", NULL } } },
	{ "closed at the dot", TEXT, 1, 0, 0,
	    "whether it was delivered is not known: connection lost", 0, {
	    TO_DOT, { ".", NULL } } },
	{ "closed at QUIT", TEXT, 1, 250, 1, "250 ok", 0, {
	    TO_DOT, { ".", "250 ok\r\n" }, { "QUIT", NULL } } },
	{ "no banner in time", TEXT, 1, 0, 0, "time-out", TMO_BANNER, {
	    { "", "220-wait\r\n" } } },
	{ "no reply in time", TEXT, 1, 0, 0, "time-out", TMO_COMMAND, {
	    { "", "220 ready\r\n" }, { HELLO, "" } } },
	{ "no 354 in time", TEXT, 1, 0, 0, "time-out", TMO_DATA, {
	    BEGIN, RCPT0, { "DATA", "" } } },
	{ "no answer to the dot in time", TEXT, 1, 0, 0,
	    "not known: time-out", TMO_DOT, { TO_DOT, { ".", "" } } },
	{ "the whole takes too long", TEXT, 1, 0, 0, "time-out", TMO_SESSION,
	    { { "", "220 ready\r\n" }, { HELLO, "" } } },
	{ "a bare LF", "a\n.\r\nb\r\n", 1, 0, 0, "bare CR or LF", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, QUIT } },
	{ "a bare CR", "a\r.\r\nb\r\n", 1, 0, 0, "bare CR or LF", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, QUIT } },
	{ "no last CRLF", "a\r\nb", 1, 0, 0, "bare CR or LF", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, QUIT } },
	{ "a last CR", "a\r\nb\r", 1, 0, 0, "bare CR or LF", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, QUIT } },
	{ "a first LF", "\na\r\n", 1, 0, 0, "bare CR or LF", 0, {
	    { "", "220 ready\r\n" }, { HELLO, "250 me\r\n" }, QUIT } },
};

/* Why this case has not come out as it must; NULL: it has. */
static const char *
verdict(const struct test *t)
{
	static char	 why[512];
	char		 wire[256];
	size_t		 i, n;

	if (is_late)
		return ("did not end");
	if (srv.wrong[0] != '\0')
		return (srv.wrong);
	snprintf(why, sizeof(why), "%u answers, id %llu, %u, %u, \"%s\"; "
	    "%u connections, step %u", ndone, (unsigned long long)done_id,
	    done.code, done.naccepted, done.text, srv.connections, srv.at);
	if (ndone != 1 || done_id != 7 || done.code != t->code ||
	    done.naccepted != t->naccepted || srv.connections != 1 ||
	    strstr(done.text, t->reason) == NULL ||
	    (srv.at < STEPS && t->script[srv.at].want != NULL))
		return (why);
	if (t->code != 250)
		return (NULL);
	for (i = n = 0; t->text[i] != '\0'; i++) {
		if (t->text[i] == '.' && (i == 0 || t->text[i - 1] == '\n'))
			wire[n++] = '.';
		wire[n++] = t->text[i];
	}
	if (n != srv.data_len || memcmp(wire, srv.in + srv.data, n) != 0)
		return ("another message has come");
	return (NULL);
}

static void
run(const struct test *t)
{
	const char	*why;
	uint64_t	 time;

	server_reset(t->script);
	time = 0;
	if (t->slow != 0) {
		time = proxy.conf->g.timeout[t->slow];
		proxy.conf->g.timeout[t->slow] = 100;
	}
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "a@example.org", t->nrcpt, file(t->text,
	    strlen(t->text)), strlen(t->text));
	if (proxy.nsending > 0)
		ev_loop();
	store_event(-1, 0, NULL);
	/* What its closing says to the server. */
	if (srv.ev.fd != -1 && srv.script[srv.at].want != NULL)
		server_event(srv.ev.fd, 0, NULL);
	evtimer_del(&dog);
	why = verdict(t);
	unit_case(t->name, why == NULL ? NULL : "%s", why);
	if (t->slow != 0)
		proxy.conf->g.timeout[t->slow] = time;
	outgoing_lost();
}

/* Messages of more than one chunk, whole, cut off, refused on the way. */
static void
run_big(void)
{
	static const struct line	 whole[] = { TO_DOT,
	    { ".", "250 ok\r\n" }, QUIT, { NULL, NULL } };
	static const struct line	 cut[] = { { "", "220 ready\r\n" },
	    { HELLO, "250 me\r\n" }, { NULL, NULL } };
	static const struct line	 early[] = { TO_DOT,
	    { "-", "554 enough\r\n" }, { NULL, NULL } };
	static const struct line	 yes[] = { TO_DOT,
	    { "-", "250 enough\r\n" }, { NULL, NULL } };
	static const struct {
		const char		*name;
		const struct line	*script;
		uint64_t		 extra;
		uint32_t		 code;
		const char		*reason;
	} cases[] = {
		{ "a big message", whole, 0, 250, "250 ok" },
		{ "a file that is shorter", cut, 1, 0, "cut off" },
		{ "refused in the middle", early, 0, 554, "554 enough" },
		{ "taken in the middle", yes, 0, 0, "out of step: 250" },
		{ "taken before the rest was sent", yes, 0, 0,
		    "out of step: 250" },
	};
	static char	 text[1500000], wire[1600000];
	size_t		 i, n, len;

	for (i = 0; i + 2 <= sizeof(text); i += 2)
		memcpy(text + i, i % 1000 == 0 ? ".." : i % 1000 == 998 ?
		    "\r\n" : "xy", 2);
	/* Where chunks meet: a dot in a line, one at the begin of a line. */
	text[65536] = '.';
	memcpy(text + 131070, "\r\n.", 3);
	for (i = n = 0; i < sizeof(text); i++) {
		if (text[i] == '.' && (i == 0 || text[i - 1] == '\n'))
			wire[n++] = '.';
		wire[n++] = text[i];
	}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server_reset(cases[i].script);
		evtimer_set(&dog, WATCHDOG);
		/* The last is in our buffer with its dot, and stays there. */
		small_buffers = i == 4;
		len = small_buffers ? 64000 : sizeof(text);
		send_frames(7, "a@example.org", 1, file(text, len),
		    len + cases[i].extra);
		ev_loop();
		small_buffers = 0;
		store_event(-1, 0, NULL);
		evtimer_del(&dog);
		unit_case(cases[i].name, !is_late && srv.wrong[0] == '\0' &&
		    ndone == 1 && done.code == cases[i].code &&
		    strstr(done.text, cases[i].reason) != NULL &&
		    (done.code != 250 || (srv.data_len == n &&
		    memcmp(srv.in + srv.data, wire, n) == 0)) &&
		    memmem(srv.in, srv.len, "QUIT", 4) == (done.code == 250 ?
		    srv.in + srv.len - 6 : NULL) ? NULL :
		    "%s%u \"%s\", %zu bytes", srv.wrong, done.code,
		    done.text, srv.data_len);
		outgoing_lost();
	}
}

/* What may stand in an envelope. */
static void
run_paths(void)
{
	static const struct line	 empty[] = { { "", "220 x\r\n" },
	    { HELLO, "250 x\r\n" }, { "MAIL FROM:<>", "550 no\r\n" }, QUIT,
	    { NULL, NULL } };
	static const struct line	 quoted[] = { { "", "220 x\r\n" },
	    { HELLO, "250 x\r\n" },
	    { "MAIL FROM:<\"a> b\"@c>", "550 no\r\n" }, QUIT, { NULL, NULL } };
	static const struct line	 utf8[] = { { "", "220 x\r\n" },
	    { HELLO, "250-x\r\n250 SMTPUTF8\r\n" },
	    { "MAIL FROM:<\xc3\xa4@b> SMTPUTF8", "550 no\r\n" }, QUIT,
	    { NULL, NULL } };
	static const struct line	 no_utf8[] = { { "", "220 x\r\n" },
	    { HELLO, "250 x\r\n" }, QUIT, { NULL, NULL } };
	static const struct line	 nothing[] = { { NULL, NULL } };
	static const struct {
		const char		*name, *from;
		const struct line	*script;
		const char		*reason;
	} cases[] = {
		{ "the empty sender", "", empty, "550 no" },
		{ "a quoted sender", "\"a> b\"@c", quoted, "550 no" },
		{ "a sender in UTF-8", "\xc3\xa4@b", utf8, "550 no" },
		{ "no SMTPUTF8", "\xc3\xa4@b", no_utf8, "in UTF-8" },
		{ "a parameter in a path", "a@b> SIZE=1", nothing,
		    "cannot be" },
		{ "two paths", "a@b> <c@d", nothing, "cannot be" },
	};
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server_reset(cases[i].script);
		evtimer_set(&dog, WATCHDOG);
		send_frames(7, cases[i].from, 1, file("", 0), 0);
		if (proxy.nsending > 0)
			ev_loop();
		store_event(-1, 0, NULL);
		evtimer_del(&dog);
		unit_case(cases[i].name, !is_late && srv.wrong[0] == '\0' &&
		    ndone == 1 && strstr(done.text, cases[i].reason) != NULL &&
		    cases[i].script[srv.at].want == NULL ? NULL :
		    "%s%u \"%s\"", srv.wrong, done.code, done.text);
		outgoing_lost();
	}
}

/* Sixteen at a time; none without a socket, or while the process ends. */
static void
run_limits(void)
{
	uint64_t	 id;

	server_reset(NULL);
	no_sockets = 1;
	for (id = 1; id <= 16; id++)
		send_frames(id, "", 1, file("", 0), 0);
	store_event(-1, 0, NULL);
	unit_case("sixteen", proxy.nsending == 16 && ndone == 0 &&
	    srv.wrong[0] == '\0' ? NULL : "%u, %u", proxy.nsending, ndone);
	send_frames(17, "", 3, file("", 0), 0);
	store_event(-1, 0, NULL);
	unit_case("not seventeen", proxy.nsending == 16 && ndone == 1 &&
	    done_id == 17 && done.code == 0 && srv.wrong[0] == '\0' &&
	    strstr(done.text, "too many") != NULL ? NULL : "%u, %u \"%s\"",
	    proxy.nsending, ndone, done.text);
	outgoing_lost();
	proxy.draining = 1;
	send_frames(18, "", 1, file("", 0), 0);
	store_event(-1, 0, NULL);
	unit_case("not while it ends", proxy.nsending == 0 && ndone == 2 &&
	    done_id == 18 && done.code == 0 && done.text[0] != '\0' ? NULL :
	    "%u, %u", proxy.nsending, ndone);
	proxy.draining = 0;

	server_reset(NULL);
	proxy.conf->g.timeout[TMO_CONNECT] = 100;
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "", 1, file("", 0), 0);
	ev_loop();
	store_event(-1, 0, NULL);
	evtimer_del(&dog);
	unit_case("no socket", !is_late && ndone == 1 && done.code == 0 &&
	    waiting == NULL && strstr(done.text, "no socket") != NULL ? NULL :
	    "%u answers, \"%s\"", ndone, done.text);
	proxy.conf->g.timeout[TMO_CONNECT] = WATCHDOG;
	no_sockets = 0;
}

/* Nobody is there. */
static void
run_refused(void)
{
	struct addr	 addr;
	struct sockaddr_storage ss;
	socklen_t	 len;
	int		 fd;

	server_reset(NULL);
	addr = srv.addr;
	/* A port that is taken, and not listening. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	srv.addr.port = 0;
	len = addr_to_sockaddr(&srv.addr, &ss);
	if (fd == -1 || bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		abort();
	addr_from_sockaddr(&srv.addr, (struct sockaddr *)&ss);
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "", 1, file("", 0), 0);
	if (proxy.nsending > 0)
		ev_loop();
	store_event(-1, 0, NULL);
	evtimer_del(&dog);
	unit_case("connection refused", !is_late && ndone == 1 &&
	    done.code == 0 && strcmp(done.text, strerror(ECONNREFUSED)) == 0 ?
	    NULL : "%u answers, \"%s\"", ndone, done.text);
	close(fd);
	srv.addr = addr;
}

/* The store is gone in the middle: no dot, no answer, nothing left. */
static void
run_lost(void)
{
	static const struct line	 script[] = { BEGIN, RCPT0,
	    { "DATA", "" }, { NULL, NULL } };
	int				 there;

	server_reset(script);
	srv.stop_at = 5;
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "a@example.org", 1, file(TEXT, sizeof(TEXT) - 1),
	    sizeof(TEXT) - 1);
	ev_loop();
	there = proxy.nsending == 1 && srv.at == 5;
	outgoing_lost();
	/* The server sees its end, and no dot before it. */
	while (srv.ev.fd != -1)
		server_event(srv.ev.fd, 0, NULL);
	store_event(-1, 0, NULL);
	evtimer_del(&dog);
	unit_case("the store is gone", there && proxy.nsending == 0 &&
	    ndone == 0 && srv.len == srv.pos ? NULL :
	    "step %u, %u left, %u answers", srv.at, proxy.nsending, ndone);
}

/* Our name, and a server that wants to hear who its client is. */
static void
run_identity(void)
{
	static const struct line	 name[] = { { "", "220 x\r\n" },
	    { "EHLO gate.example.org", "421 x\r\n" }, { NULL, NULL } };
	static char			 proxy_line[128];
	static const struct line	 header[] = { { "", "" },
	    { proxy_line, "421 x\r\n" }, { NULL, NULL } };
	struct conf_server_wire		*w;
	struct conf_table		*t;
	struct conf_net			 net;
	size_t				 n;

	server_reset(name);
	strlcpy(proxy.conf->g.banner, "gate.example.org ESMTP",
	    sizeof(proxy.conf->g.banner));
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "", 1, file("", 0), 0);
	ev_loop();
	store_event(-1, 0, NULL);
	evtimer_del(&dog);
	unit_case("the host of the banner", !is_late && ndone == 1 &&
	    done.code == 421 && srv.wrong[0] == '\0' ? NULL : "%s%u",
	    srv.wrong, done.code);
	proxy.conf->g.banner[0] = '\0';

	memset(&net, 0, sizeof(net));
	if ((t = conf_add_table(proxy.conf, "all")) == NULL ||
	    addr_parse_net(&net.net, "127.0.0.0/8") == -1 ||
	    conf_add_net(proxy.conf, t, &net) == -1)
		abort();
	w = &proxy.conf->server[proxy.conf->nservers++];
	memset(w, 0, sizeof(*w));
	w->identity = IDENTITY_PROXY1;
	if (conf_done(proxy.conf) == -1)
		abort();
	w->table = 0;		/* the only one */
	server_reset(header);
	n = (size_t)snprintf(proxy_line, sizeof(proxy_line),
	    "PROXY TCP4 127.0.0.1 127.0.0.1 ");
	evtimer_set(&dog, WATCHDOG);
	send_frames(7, "", 1, file("", 0), 0);
	ev_loop();
	evtimer_del(&dog);
	/* The port of ours is not known before. */
	unit_case("a PROXY header", !is_late && srv.len > n &&
	    memcmp(srv.in, proxy_line, n) == 0 ? NULL : "%s",
	    unit_show(srv.in, srv.len));
	proxy.conf->nservers = 0;
	outgoing_lost();
}

int
main(void)
{
	size_t	 i;

	setup();
	for (i = 0; i < TMO_MAX; i++)
		proxy.conf->g.timeout[i] = WATCHDOG;
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		run(&tests[i]);
	run_big();
	run_paths();
	run_limits();
	run_refused();
	run_lost();
	run_identity();
	conf_unref(proxy.conf);
	return (unit_status());
}

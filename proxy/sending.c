/* SPDX-License-Identifier: ISC */

/*
 * The gateway's own client: a message that the store sends goes to its server
 * by SMTP (RFC 5321), one command at a time.
 *
 * The store hears the outcome once, and nothing is tried a second time here:
 * what is lost behind the dot may have arrived.  A success is only a 2xx that
 * the server said after it had all of the message.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "proxy.h"
#include "proxyproto.h"
#include "sending.h"
#include "utf8.h"

#define SENDINGS_MAX	16	/* at a time; each has two descriptors */
#define CHUNK		65536	/* bytes of a message at a time */
#define QUIT_TIME	5000	/* ms; nothing depends on its reply */

enum step {
	STEP_SOCKET,		/* waits for one */
	STEP_CONNECT,
	STEP_BANNER,		/* these wait for a reply */
	STEP_EHLO,
	STEP_HELO,
	STEP_SCAN,		/* the message is looked at */
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_BODY,		/* message bytes go to the server */
	STEP_DOT,		/* all in the buffer, or sent */
	STEP_QUIT,		/* the store has heard */
	STEP_DEAD		/* to be freed */
};

struct sending {
	TAILQ_ENTRY(sending)	 entry;
	struct imsgbuf		*ib;		/* of the store */
	uint64_t		 id;
	enum step		 step;
	struct conf		*conf;		/* referenced */
	struct msg_send		 m;
	char			*rcpt;		/* strings */
	size_t			 rcpt_len;
	const char		*rcpt_now;	/* NULL: all had their turn */
	uint32_t		 naccepted;
	int			 is_told;	/* the store has heard */
	int			 fd;		/* the message, or -1 */
	uint64_t		 size;
	uint64_t		 off;		/* read so far */
	uint8_t			 last;		/* byte before that */
	int			 is_8bit;	/* message */
	int			 is_utf8;	/* an address */
	int			 is_eof;	/* the server has closed */
	unsigned int		 ext;		/* EXT_* */
	int			 code;		/* of the last reply ... */
	char			 text[CONF_REPLY_MAX];	/* ... and all of it */
	struct sockwait		 sock;
	struct ev		 ev;
	struct buf		 in, out;
	struct evtimer		 timer;		/* the server must do sth. */
	struct evtimer		 deadline;	/* of the whole */
};

#define EXT_SIZE	0x1
#define EXT_8BITMIME	0x2
#define EXT_SMTPUTF8	0x4

static struct sending *sending_new(struct imsgbuf *, uint64_t, int, uint64_t);
static void	 sending_free(struct sending *);
static int	 path_ok(enum verb, const char *);
static int	 paths_ok(struct sending *);
static void	 result(struct sending *, int, uint32_t, const char *);
static void	 quit(struct sending *);
static void	 failed(struct sending *, const char *);
static void	 broken(struct sending *, const char *);
static void	 refused(struct sending *);
static void	 sending_socket(void *, int);
static void	 sending_event(int, uint32_t, void *);
static void	 sending_late(void *);
static void	 sending_run(struct sending *);
static void	 sending_wait(struct sending *);
static void	 connected(struct sending *);
static void	 receive(struct sending *);
static void	 transmit(struct sending *);
static uint64_t	 step_time(const struct sending *);
static void	 command(struct sending *, enum step, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
static void	 own_addr(const struct sending *, struct addr *);
static void	 hello(struct sending *, enum step, const char *);
static unsigned int ext_find(const uint8_t *, size_t);
static void	 reply_keep(struct sending *, const struct reply *);
static int	 reply_take(struct sending *);
static void	 reply_act(struct sending *);
static void	 reply_rcpt(struct sending *);
static void	 reply_dot(struct sending *);
static ssize_t	 file_read(struct sending *);
static void	 scan(struct sending *);
static void	 mail(struct sending *);
static void	 body(struct sending *);

static TAILQ_HEAD(, sending) sendings = TAILQ_HEAD_INITIALIZER(sendings);

static uint8_t	 chunk[CHUNK];

/* ---- beginning and end --------------------------------------------------- */

int
sending_is(uint64_t id)
{
	const struct sending	*sd;

	TAILQ_FOREACH(sd, &sendings, entry)
		if (sd->id == id && !sd->is_told)
			return (1);
	return (0);
}

/* One that only says goodbye makes room for one that has something to say. */
int
sending_room(void)
{
	struct sending	*sd;

	if (proxy.nsending < SENDINGS_MAX)
		return (1);
	TAILQ_FOREACH(sd, &sendings, entry)
		if (sd->step == STEP_QUIT) {
			sending_free(sd);
			return (1);
		}
	return (0);
}

void
sending_start(struct imsgbuf *ib, uint64_t id, const struct msg_send *m,
    char *rcpt, size_t rcpt_len, int fd, uint64_t size)
{
	struct sending	*sd;

	if ((sd = sending_new(ib, id, fd, size)) == NULL) {
		free(rcpt);
		outgoing_answer(ib, id, 0, 0, "out of memory");
		return;
	}
	sd->m = *m;
	sd->rcpt = rcpt;
	sd->rcpt_len = rcpt_len;
	sd->rcpt_now = rcpt;
	if (paths_ok(sd))
		sock_take(&sd->sock, sd->m.dest.family);
	else {
		result(sd, 0, 0, "an address cannot be one of SMTP");
		sending_free(sd);
	}
}

void
sending_stop(void)
{
	struct sending	*sd;

	while ((sd = TAILQ_FIRST(&sendings)) != NULL)
		sending_free(sd);
}

/* Takes fd. */
static struct sending *
sending_new(struct imsgbuf *ib, uint64_t id, int fd, uint64_t size)
{
	struct sending	*sd;
	uint64_t	 ms;

	if ((sd = calloc(1, sizeof(*sd))) == NULL) {
		close(fd);
		return (NULL);
	}
	sd->ib = ib;
	sd->id = id;
	sd->step = STEP_SOCKET;
	sd->conf = conf_ref(proxy.conf);
	sd->fd = fd;
	sd->size = size;
	sd->last = '\n';
	sd->sock.cb = sending_socket;
	sd->sock.arg = sd;
	sd->ev.fd = -1;
	buf_init(&sd->in, SMTP_REPLY_MAX);
	buf_init(&sd->out, CHUNK * 2 + SMTP_LINE_MAX);
	evtimer_init(&sd->timer, sending_late, sd);
	evtimer_set(&sd->timer, step_time(sd));
	evtimer_init(&sd->deadline, sending_late, sd);
	if ((ms = sd->conf->g.timeout[TMO_SESSION]) != 0)
		evtimer_set(&sd->deadline, ms);
	TAILQ_INSERT_TAIL(&sendings, sd, entry);
	proxy.nsending++;
	return (sd);
}

static void
sending_free(struct sending *sd)
{
	int	 fd;

	sock_leave(&sd->sock);
	if ((fd = sd->ev.fd) != -1) {
		ev_del(&sd->ev);
		close(fd);
	}
	if (sd->fd != -1)
		close(sd->fd);
	evtimer_del(&sd->timer);
	evtimer_del(&sd->deadline);
	buf_clear(&sd->in);
	buf_clear(&sd->out);
	free(sd->rcpt);
	conf_unref(sd->conf);
	TAILQ_REMOVE(&sendings, sd, entry);
	proxy.nsending--;
	free(sd);
	proxy_check_end();
}

/* Between < and > in a command, is it a path, and nothing else? */
static int
path_ok(enum verb verb, const char *path)
{
	char	 arg[SMTP_ADDR_MAX + 32], again[SMTP_ADDR_MAX + 8];
	size_t	 params;
	int	 n;

	n = snprintf(arg, sizeof(arg), "%s:<%s>",
	    verb == VERB_MAIL ? "FROM" : "TO", path);
	return (n > 0 && (size_t)n < sizeof(arg) &&
	    command_path(verb, arg, (size_t)n, again, sizeof(again),
	    &params) == 0 && strcmp(path, again) == 0);
}

static int
paths_ok(struct sending *sd)
{
	const char	*path, *p;

	if (!path_ok(VERB_MAIL, sd->m.from))
		return (0);
	for (p = sd->m.from; *p != '\0'; p++)
		sd->is_utf8 |= (uint8_t)*p >= 0x80;
	for (path = sd->rcpt; path != NULL;
	    path = proto_next(sd->rcpt, sd->rcpt_len, path)) {
		if (!path_ok(VERB_RCPT, path))
			return (0);
		for (p = path; *p != '\0'; p++)
			sd->is_utf8 |= (uint8_t)*p >= 0x80;
	}
	return (1);
}

/* Tell the store, once. */
static void
result(struct sending *sd, int code, uint32_t naccepted, const char *text)
{
	if (sd->is_told)
		return;
	sd->is_told = 1;
	outgoing_answer(sd->ib, sd->id, code, naccepted, text);
	close(sd->fd);
	sd->fd = -1;
	evtimer_del(&sd->deadline);
}

static void
quit(struct sending *sd)
{
	buf_drain(&sd->in, sd->in.len);
	command(sd, STEP_QUIT, "QUIT");
}

/* It is we who cannot go on; the server is waiting for a command. */
static void
failed(struct sending *sd, const char *why)
{
	result(sd, 0, 0, why);
	quit(sd);
}

/*
 * The connection is of no use any more.  Whoever has not all of a message has
 * none of it (RFC 5321 section 4.1.1.4); behind the dot nobody knows.
 */
static void
broken(struct sending *sd, const char *why)
{
	char	 text[CONF_REPLY_MAX + 64];

	snprintf(text, sizeof(text), "%s%s",
	    sd->step == STEP_DOT && sd->out.len == 0 ?
	    "whether it was delivered is not known: " : "", why);
	result(sd, 0, 0, text);
	sd->step = STEP_DEAD;
}

/* The reply is a no, or nothing that could be one here. */
static void
refused(struct sending *sd)
{
	char	 text[CONF_REPLY_MAX + 32];
	int	 in_body;

	if (sd->code < 400) {
		snprintf(text, sizeof(text), "server out of step: %s",
		    sd->text);
		broken(sd, text);
		return;
	}
	in_body = sd->step == STEP_BODY || sd->out.len > 0;
	result(sd, sd->code, 0, sd->text);
	/* What we say in the middle of the message would be part of it. */
	if (in_body || sd->code == 421)
		sd->step = STEP_DEAD;
	else
		quit(sd);
}

/* ---- connection ---------------------------------------------------------- */

static void
sending_socket(void *arg, int fd)
{
	struct sockaddr_storage	 ss;
	struct sending		*sd;
	socklen_t		 len;

	sd = arg;
	sd->step = STEP_CONNECT;
	len = addr_to_sockaddr(&sd->m.dest, &ss);
	if ((connect(fd, (struct sockaddr *)&ss, len) == -1 &&
	    errno != EINPROGRESS) ||
	    ev_add(&sd->ev, fd, EPOLLOUT, sending_event, sd) == -1) {
		broken(sd, strerror(errno));
		close(fd);
	}
	sending_wait(sd);
}

static void
connected(struct sending *sd)
{
	const struct conf_server_wire	*w;
	struct addr			 own;
	uint8_t				 header[PROXYPROTO_MADE_MAX];
	socklen_t			 len;
	size_t				 n;
	int				 error;

	len = sizeof(error);
	if (getsockopt(sd->ev.fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		broken(sd, strerror(error));
		return;
	}
	sd->step = STEP_BANNER;
	evtimer_set(&sd->timer, step_time(sd));
	/* One that wants to hear who its client is: we are. */
	w = conf_server(sd->conf, &sd->m.dest);
	if (w == NULL || (w->identity != IDENTITY_PROXY1 &&
	    w->identity != IDENTITY_PROXY2))
		return;
	own_addr(sd, &own);
	n = proxyproto_make(w->identity == IDENTITY_PROXY1 ? 1 : 2, &own,
	    &sd->m.dest, header);
	if (buf_add(&sd->out, header, n) == -1)
		broken(sd, "out of memory");
}

static void
receive(struct sending *sd)
{
	uint8_t	*p;
	ssize_t	 n;
	size_t	 room;

	while (sd->in.len < sd->in.max && !sd->is_eof) {
		if ((p = buf_reserve(&sd->in, 1, &room)) == NULL) {
			broken(sd, "out of memory");
			return;
		}
		n = recv(sd->ev.fd, p, room, MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n <= 0)
			sd->is_eof = 1;
		else
			buf_commit(&sd->in, (size_t)n);
	}
}

static void
transmit(struct sending *sd)
{
	ssize_t	 n;

	while (sd->out.len > 0) {
		n = send(sd->ev.fd, buf_ptr(&sd->out), sd->out.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			/* It may have said why before it went. */
			receive(sd);
			while (reply_take(sd))
				continue;
			if (sd->step != STEP_DEAD)
				broken(sd, "connection lost");
			return;
		}
		buf_drain(&sd->out, (size_t)n);
		/* Progress: the clock starts again. */
		if (sd->step == STEP_BODY || sd->step == STEP_DOT)
			evtimer_set(&sd->timer, step_time(sd));
	}
}

static void
sending_event(int fd, uint32_t events, void *arg)
{
	struct sending	*sd;

	sd = arg;
	if (sd->step == STEP_CONNECT)
		connected(sd);
	else if (events & ~(uint32_t)EPOLLOUT)
		receive(sd);
	sending_run(sd);
}

static void
sending_late(void *arg)
{
	struct sending	*sd;

	sd = arg;
	broken(sd, sd->step == STEP_SOCKET ? "no socket in time" :
	    sd->step == STEP_CONNECT ? "server does not answer" :
	    "time-out of the server");
	sending_run(sd);
}

/* Do all that can be done now; it may be freed by this. */
static void
sending_run(struct sending *sd)
{
	while (reply_take(sd))
		continue;
	if (sd->is_eof && sd->step != STEP_DEAD)
		broken(sd, "connection lost");
	if (sd->step == STEP_SCAN)
		scan(sd);
	if (sd->step == STEP_BODY)
		body(sd);
	if (sd->step != STEP_DEAD)
		transmit(sd);
	sending_wait(sd);
}

static void
sending_wait(struct sending *sd)
{
	uint32_t	 events;

	switch (sd->step) {
	case STEP_DEAD:
		sending_free(sd);
		return;
	case STEP_SOCKET:
	case STEP_CONNECT:
	case STEP_SCAN:		/* one event after the other: others, too */
		events = EPOLLOUT;
		break;
	case STEP_BODY:
		events = EPOLLIN;
		if (sd->out.len > 0 || sd->in.len == 0)
			events |= EPOLLOUT;
		break;
	default:
		events = EPOLLIN;
		if (sd->out.len > 0)
			events |= EPOLLOUT;
		break;
	}
	ev_mod(&sd->ev, events);
	buf_shrink(&sd->in);
	buf_shrink(&sd->out);
}

/* ---- dialogue ------------------------------------------------------------ */

/* How long the server has for what it owes: RFC 5321 section 4.5.3.2. */
static uint64_t
step_time(const struct sending *sd)
{
	const uint64_t	*t;

	t = sd->conf->g.timeout;
	switch (sd->step) {
	case STEP_SOCKET:
	case STEP_CONNECT:
		return (t[TMO_CONNECT]);
	case STEP_BANNER:
		return (t[TMO_BANNER]);
	case STEP_DATA:
		return (t[TMO_DATA]);
	case STEP_SCAN:
	case STEP_BODY:
		return (t[TMO_BLOCK]);
	case STEP_DOT:
		return (t[sd->out.len > 0 ? TMO_BLOCK : TMO_DOT]);
	case STEP_QUIT:
		return (QUIT_TIME);
	case STEP_EHLO:
	case STEP_HELO:
	case STEP_MAIL:
	case STEP_RCPT:
	case STEP_DEAD:
	default:
		return (t[TMO_COMMAND]);
	}
}

static void
command(struct sending *sd, enum step step, const char *fmt, ...)
{
	va_list	 ap;
	int	 ret;

	/* Said before it was asked, it would pass for the answer. */
	if (sd->in.len > 0) {
		broken(sd, "server out of step: it spoke unasked");
		return;
	}
	va_start(ap, fmt);
	ret = buf_vaddf(&sd->out, fmt, ap);
	va_end(ap);
	if (ret == -1 || buf_add(&sd->out, "\r\n", 2) == -1) {
		broken(sd, "out of memory");
		return;
	}
	sd->step = step;
	evtimer_set(&sd->timer, step_time(sd));
}

static void
own_addr(const struct sending *sd, struct addr *a)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;

	len = sizeof(ss);
	memset(a, 0, sizeof(*a));
	if (getsockname(sd->ev.fd, (struct sockaddr *)&ss, &len) == 0)
		(void)addr_from_sockaddr(a, (struct sockaddr *)&ss);
}

/* The host of the banner, or our address (RFC 5321 section 4.1.3). */
static void
hello(struct sending *sd, enum step step, const char *verb)
{
	const char	*banner;
	struct addr	 own;
	char		 ip[ADDR_STRLEN];

	banner = sd->conf->g.banner;
	if (banner[0] != '\0') {
		command(sd, step, "%s %.*s", verb, (int)strcspn(banner, " "),
		    banner);
		return;
	}
	own_addr(sd, &own);
	command(sd, step, "%s [%s%s]", verb, own.family == 6 ? "IPv6:" : "",
	    addr_ip(&own, ip, sizeof(ip)));
}

/* What the server announces of that which is of use here. */
static unsigned int
ext_find(const uint8_t *data, size_t len)
{
	static const struct {
		const char	*name;
		unsigned int	 bit;
	} known[] = {
		{ "SIZE", EXT_SIZE },		/* RFC 1870 */
		{ "8BITMIME", EXT_8BITMIME },	/* RFC 6152 */
		{ "SMTPUTF8", EXT_SMTPUTF8 },	/* RFC 6531 */
	};
	const uint8_t	*lf;
	const char	*word;
	unsigned int	 bits;
	size_t		 off, n, i;

	bits = 0;
	for (off = 0; off < len; off = (size_t)(lf - data) + 1) {
		lf = memchr(data + off, '\n', len - off);
		if (lf == NULL)
			break;
		/* The first line has a name. */
		if (off == 0 || (size_t)(lf - data) < off + 5)
			continue;
		word = (const char *)data + off + 4;
		for (n = 0; word[n] != ' ' && word[n] != '=' &&
		    word[n] != '\r'; n++)
			continue;
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strlen(known[i].name) == n &&
			    strncasecmp(word, known[i].name, n) == 0)
				bits |= known[i].bit;
	}
	return (bits);
}

/* Its code, and its lines as one for people; the code is in front. */
static void
reply_keep(struct sending *sd, const struct reply *r)
{
	const uint8_t	*data, *lf;
	char		 line[CONF_REPLY_MAX * 2];
	size_t		 off, len, used;

	data = buf_ptr(&sd->in);
	used = 0;
	for (off = 0; off < r->len; off = (size_t)(lf - data) + 1) {
		lf = memchr(data + off, '\n', r->len - off);
		if (lf == NULL)
			break;
		len = (size_t)(lf - data) - 1 - off;
		if (off > 0) {
			if (len <= 4 || used + 1 >= sizeof(line))
				continue;
			line[used++] = ' ';
			off += 4;
			len -= 4;
		}
		if (len > sizeof(line) - used)
			len = sizeof(line) - used;
		memcpy(line + used, data + off, len);
		used += len;
	}
	if (used > 3)
		line[3] = ' ';
	utf8_plain(sd->text, sizeof(sd->text), line, used);
	sd->code = r->code;
}

/* Returns 1 when there was a reply; it is out of the buffer then. */
static int
reply_take(struct sending *sd)
{
	struct reply	 r;
	int		 n;

	if (sd->in.len == 0 || sd->step == STEP_SCAN || sd->step == STEP_DEAD)
		return (0);
	if ((n = reply_parse(buf_ptr(&sd->in), sd->in.len, &r)) == 0)
		return (0);
	if (n == -1) {
		broken(sd, "server sent something that is no reply");
		return (0);
	}
	reply_keep(sd, &r);
	if (sd->step == STEP_EHLO)
		sd->ext = ext_find(buf_ptr(&sd->in), r.len);
	buf_drain(&sd->in, r.len);
	reply_act(sd);
	return (1);
}

static void
reply_act(struct sending *sd)
{
	int	 ok;

	ok = sd->code / 100 == 2;
	/* Before our own command was sent it answers something else. */
	if (sd->out.len > 0 && sd->step != STEP_BODY &&
	    sd->step != STEP_DOT && sd->step != STEP_QUIT && sd->code < 400)
		refused(sd);
	else if (sd->step == STEP_BANNER && sd->code == 220)
		hello(sd, STEP_EHLO, "EHLO");
	else if (sd->step == STEP_EHLO && sd->code >= 400 && sd->code != 421) {
		sd->ext = 0;
		hello(sd, STEP_HELO, "HELO");
	} else if ((sd->step == STEP_EHLO || sd->step == STEP_HELO) && ok) {
		sd->step = STEP_SCAN;
		evtimer_del(&sd->timer);
	} else if (sd->step == STEP_MAIL && ok)
		command(sd, STEP_RCPT, "RCPT TO:<%s>", sd->rcpt_now);
	else if (sd->step == STEP_RCPT)
		reply_rcpt(sd);
	else if (sd->step == STEP_DATA && sd->code == 354) {
		sd->step = STEP_BODY;
		evtimer_set(&sd->timer, step_time(sd));
	} else if (sd->step == STEP_DOT)
		reply_dot(sd);
	else if (sd->step == STEP_QUIT)
		sd->step = STEP_DEAD;
	else
		refused(sd);
}

static void
reply_rcpt(struct sending *sd)
{
	if (sd->code / 100 == 2)
		sd->naccepted++;
	else if (sd->code < 400 || sd->code == 421) {
		refused(sd);
		return;
	}
	sd->rcpt_now = proto_next(sd->rcpt, sd->rcpt_len, sd->rcpt_now);
	if (sd->rcpt_now != NULL)
		command(sd, STEP_RCPT, "RCPT TO:<%s>", sd->rcpt_now);
	else if (sd->naccepted > 0)
		command(sd, STEP_DATA, "DATA");
	else
		refused(sd);
}

/* A yes before it can have all of the message is no answer to it. */
static void
reply_dot(struct sending *sd)
{
	if (sd->code / 100 != 2 || sd->out.len > 0) {
		refused(sd);
		return;
	}
	result(sd, sd->code, sd->naccepted, sd->text);
	quit(sd);
}

/* ---- message ------------------------------------------------------------- */

/* The next bytes of it into chunk: how many, or -1 and it is over. */
static ssize_t
file_read(struct sending *sd)
{
	uint64_t	 want;
	ssize_t		 n;

	want = sd->size - sd->off;
	if (want > sizeof(chunk))
		want = sizeof(chunk);
	do
		n = pread(sd->fd, chunk, (size_t)want, (off_t)sd->off);
	while (n == -1 && errno == EINTR);
	if (n == -1 || (n == 0 && want > 0)) {
		broken(sd, n == -1 ? strerror(errno) :
		    "the file of the message is cut off");
		return (-1);
	}
	sd->off += (uint64_t)n;
	return (n);
}

/*
 * Some more of it, before anything is said about it.  What came by BDAT need
 * not be lines; by DATA a server might see another end in it (RFC 5321 section
 * 2.3.8).
 */
static void
scan(struct sending *sd)
{
	ssize_t	 n, i;

	if ((n = file_read(sd)) == -1)
		return;
	for (i = 0; i < n; i++) {
		if ((chunk[i] == '\n') != (sd->last == '\r') ||
		    chunk[i] == '\0')
			break;
		sd->is_8bit |= chunk[i] >= 0x80;
		sd->last = chunk[i];
	}
	if (i < n || (sd->off == sd->size && sd->last != '\n'))
		failed(sd, "the message has a bare CR or LF, a NUL, or a last "
		    "line without an end, and cannot go by DATA");
	else if (sd->off == sd->size) {
		sd->off = 0;
		mail(sd);
	}
}

static void
mail(struct sending *sd)
{
	char	 size[32];

	if (sd->is_utf8 && (sd->ext & EXT_SMTPUTF8) == 0) {
		failed(sd, "the server takes no addresses in UTF-8");
		return;
	}
	snprintf(size, sizeof(size), " SIZE=%llu",
	    (unsigned long long)sd->size);
	/*
	 * To a server without 8BITMIME the message goes as it is: it went the
	 * same way when it was passed on.
	 */
	command(sd, STEP_MAIL, "MAIL FROM:<%s>%s%s%s", sd->m.from,
	    sd->ext & EXT_SIZE ? size : "",
	    sd->is_8bit && (sd->ext & EXT_8BITMIME) ? " BODY=8BITMIME" : "",
	    sd->is_utf8 ? " SMTPUTF8" : "");
}

/* The next bytes to the server; the dot only if it has said nothing so far. */
static void
body(struct sending *sd)
{
	ssize_t	 n;
	char	 c;
	int	 bol;

	if (sd->out.len > CHUNK / 2 || sd->in.len > 0)
		return;
	if (sd->off < sd->size) {
		bol = sd->off == 0 || sd->last == '\n';
		if ((n = file_read(sd)) == -1)
			return;
		if (stuff_dots(&sd->out, chunk, (size_t)n, bol) == -1) {
			broken(sd, "out of memory");
			return;
		}
		sd->last = chunk[n - 1];
	}
	if (sd->off < sd->size ||
	    recv(sd->ev.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	    errno != EAGAIN)
		return;
	if (buf_add(&sd->out, ".\r\n", 3) == -1) {
		broken(sd, "out of memory");
		return;
	}
	sd->step = STEP_DOT;
	evtimer_set(&sd->timer, step_time(sd));
}

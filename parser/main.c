/* SPDX-License-Identifier: ISC */

/*
 * mailwall-parser: takes messages apart.
 *
 * A proxy sends a sealed memfd with a message; the answer is a sealed memfd
 * with its parts (parts.h).  The bytes of the message are the enemy's, and
 * this process exists so that whoever takes it over with them has gained
 * nothing: it holds no file, no network and no other message than the one
 * that it is working on.
 *
 * One request is answered at a time, the channels in turn.  A channel whose
 * answer has not been taken yet is not read.  A proxy that asks nonsense
 * loses its channel; nonsense from master is fatal.
 */


#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "conf.h"
#include "imsg.h"
#include "limits.h"
#include "log.h"
#include "parts.h"
#include "priv.h"
#include "proto.h"
#include "sandbox.h"
#include "utf8.h"

#include "charset.h"
#include "decode.h"
#include "mime.h"
#include "parser.h"
#include "unpack.h"

/* Twice the pool: at a reload the old and the new proxies are there. */
#define DRAIN_WAIT	100	/* ms without a request */
#define MAX_CHANNELS	(2 * MAX_PROXIES)

/* Channels, an unsent answer for each, and what one request needs. */
#define MAX_FILES	(2 * MAX_CHANNELS + 16)

/* Address space: mapped message, decoded bodies, and all else. */
#define MEMORY_FACTOR	16
#define MEMORY_SLACK	(256 * MIB)

struct channel {
	struct imsgbuf	 ib;
	uint32_t	 instance;
};

static struct imsgbuf	 master;
static struct channel	 channel[MAX_CHANNELS];
static size_t		 nchannels;
static size_t		 turn;		/* who comes first this time */
static int		 is_draining;
static struct mime	 mime;

static void	 conf_wait(struct conf_globals *);
static void	 confine(const struct conf_globals *);
static void	 master_read(void);
static void	 channel_add(struct imsg *);
static void	 channel_close(size_t);
static int	 channel_read(struct channel *);
static void	 channels_serve(struct pollfd *);
static int	 request_check(const struct msg_parse_req *);
static int	 request_parse(struct channel *, struct imsg *);
static int	 message_parse(const struct msg_parse_req *, int,
		    struct msg_parse_done *);
static void	 parse_nothing(const struct msg_parse_req *);

/* The configuration comes first; little of it matters here. */
static void
conf_wait(struct conf_globals *g)
{
	struct pollfd	 pfd;
	struct imsg	 imsg;
	int		 n, began;

	began = 0;
	for (;;) {
		n = imsg_read(&master, &imsg);
		if (n == -1) {
			if (errno == ECONNRESET)
				exit(CHILD_OK);
			fatal("configuration");
		}
		if (n == 0) {
			pfd.fd = master.fd;
			pfd.events = POLLIN;
			if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
				fatal("poll");
			continue;
		}
		if (imsg.type == IMSG_CONF_BEGIN) {
			memcpy(g, imsg.data, sizeof(*g));
			began = 1;
		} else if (imsg.type != IMSG_CONF_END || !began)
			fatalx("%s before the configuration",
			    proto_imsg_name(imsg.type));
		n = imsg.type == IMSG_CONF_END;
		imsg_free(&imsg);
		if (n)
			break;
	}
	g->user_parser[sizeof(g->user_parser) - 1] = '\0';
	g->rundir[sizeof(g->rundir) - 1] = '\0';
}

static void
confine(const struct conf_globals *g)
{
	char		 root[CONF_PATH_MAX + 8];
	struct priv	 priv;
	struct passwd	*pw;

	errno = 0;
	if ((pw = getpwnam(g->user_parser)) == NULL) {
		log_warnx("no user %s", g->user_parser);
		exit(CHILD_SETUP);
	}
	/* snprintf(3) cannot cut: a path fits CONF_PATH_MAX. */
	snprintf(root, sizeof(root), "%s/empty", g->rundir);
	memset(&priv, 0, sizeof(priv));
	priv.uid = pw->pw_uid;
	priv.gid = pw->pw_gid;
	endpwent();
	priv.root = root;
	priv.max_files = MAX_FILES;
	priv.max_memory = g->message_max * MEMORY_FACTOR + MEMORY_SLACK;
	priv.max_fsize = priv.max_memory;
	priv_confine(&priv);
	sandbox_landlock(NULL, 0);
	sandbox_seccomp(parser_rules, parser_nrules);
}

static void
channel_add(struct imsg *imsg)
{
	struct msg_chan	 mc;
	struct channel	*c;

	memcpy(&mc, imsg->data, sizeof(mc));
	if (mc.peer != PROC_PROXY)
		fatalx("channel to a %s", proto_proc_name(mc.peer));
	if (nchannels == MAX_CHANNELS) {
		log_warnx("proxy %u: too many channels", mc.instance);
		return;
	}
	c = &channel[nchannels++];
	imsgbuf_init(&c->ib, imsg_take_fd(imsg), PROC_PARSER, PROC_PROXY);
	c->ib.state = PEER_IDLE;
	c->instance = mc.instance;
}

/* The last one takes its place: order does not matter. */
static void
channel_close(size_t i)
{
	imsgbuf_clear(&channel[i].ib);
	nchannels--;
	if (i < nchannels) {
		channel[i] = channel[nchannels];
		/* A moved queue head: nothing is in it, or it was moved too. */
		if (channel[i].ib.nqueued == 0)
			STAILQ_INIT(&channel[i].ib.outq);
	}
}

static void
master_read(void)
{
	struct imsg	 imsg;
	int		 n;

	while ((n = imsg_read(&master, &imsg)) == 1) {
		switch (imsg.type) {
		case IMSG_CONF_BEGIN:
			/* What matters of it comes with each request. */
			break;
		case IMSG_CONF_END:
			if (imsg_compose(&master, IMSG_CONF_DONE, 0, -1, NULL,
			    0) == -1)
				exit(CHILD_OK);
			break;
		case IMSG_CHAN:
			channel_add(&imsg);
			break;
		case IMSG_DRAIN:
			is_draining = 1;
			break;
		default:
			fatalx("%s from master", proto_imsg_name(imsg.type));
		}
		imsg_free(&imsg);
	}
	if (n == -1) {
		if (errno == ECONNRESET)
			exit(CHILD_OK);
		fatal("master");
	}
}

static int
request_check(const struct msg_parse_req *req)
{
	return (req->size <= MAX_MESSAGE_SIZE && req->max_parts >= 1 &&
	    req->max_parts <= PARSE_PARTS_MAX && req->max_depth >= 1 &&
	    req->max_depth <= PARSE_DEPTH_MAX &&
	    req->max_decoded >= ARENA_MIN &&
	    req->max_decoded <= MAX_MESSAGE_SIZE * (PARSE_DECODED_FACTOR +
	    PARSE_TEXT_FACTOR) + PARSE_DECODED_SLACK &&
	    req->want_text <= 1);
}

/* No memory for this one: it is one part that nobody has looked into. */
static void
parse_nothing(const struct msg_parse_req *req)
{
	uint32_t	 i;

	log_warn("%016llx: no memory to parse %llu bytes",
	    (unsigned long long)req->session, (unsigned long long)req->size);
	if (arena_begin(&mime.arena, 1, ARENA_MIN) == -1)
		fatal("arena");
	i = arena_add(&mime.arena, 0, 0, 1);
	if (i == ARENA_NONE)
		fatalx("%s: no room", __func__);
	mime.arena.part[i].len = mime.arena.part[i].raw_len = req->size;
	mime.arena.limits |= LIMIT_MEMORY;
}

/* Returns the arena, described in *done. */
static int
message_parse(const struct msg_parse_req *req, int fd,
    struct msg_parse_done *done)
{
	struct mime_limits	 lim;
	const uint8_t		*msg;
	int			 arena;

	lim.max_parts = req->max_parts;
	lim.max_depth = req->max_depth;
	lim.max_decoded = req->max_decoded;
	lim.want_text = (int)req->want_text;
	msg = NULL;
	if (req->size > 0)
		msg = sealed_get(fd, req->size);
	if ((req->size > 0 && msg == NULL) || mime_parse(&mime, msg,
	    (size_t)req->size, &lim) == -1)
		parse_nothing(req);
	memset(done, 0, sizeof(*done));
	arena = arena_seal(&mime.arena, &done->arena_size,
	    &done->anomalies);
	/* Dying tells the proxy at once; keeping quiet would not. */
	if (arena == -1)
		fatal("arena of %llu bytes",
		    (unsigned long long)mime.arena.body_len);
	done->nparts = mime.arena.nparts;
	done->limits = mime.arena.limits;
	utf8_plain(done->subject, sizeof(done->subject),
	    arena_text(&mime.arena, mime.arena.subject),
	    mime.arena.subject.len);
	utf8_plain(done->msgid, sizeof(done->msgid),
	    arena_text(&mime.arena, mime.arena.msgid), mime.arena.msgid.len);
	sealed_put(msg, req->size);
	return (arena);
}

/* Returns 0, or -1: this channel is finished. */
static int
request_parse(struct channel *c, struct imsg *imsg)
{
	struct msg_parse_req	 req;
	struct msg_parse_done	 done;
	int			 arena;

	memcpy(&req, imsg->data, sizeof(req));
	if (!request_check(&req) || sealed_check(imsg->fd, req.size) == -1) {
		log_warnx("proxy %u: impossible request", c->instance);
		return (-1);
	}
	arena = message_parse(&req, imsg->fd, &done);
	log_debug("%016llx: %llu bytes, %u parts, limits %x",
	    (unsigned long long)req.session, (unsigned long long)req.size,
	    done.nparts, done.limits);
	if (imsg_compose(&c->ib, IMSG_PARSE_DONE, imsg->id, arena, &done,
	    sizeof(done)) == -1) {
		if (errno != EPIPE && errno != ECONNRESET)
			log_warn("proxy %u", c->instance);
		return (-1);
	}
	return (0);
}

/* One frame, so that everybody gets a turn.  -1: close the channel. */
static int
channel_read(struct channel *c)
{
	struct imsg	 imsg;
	int		 n;

	n = imsg_read(&c->ib, &imsg);
	if (n == 0)
		return (0);
	if (n == -1) {
		if (errno != ECONNRESET)
			log_warn("proxy %u", c->instance);
		return (-1);
	}
	/* The table lets nothing else through. */
	if (imsg.type != IMSG_PARSE_REQ)
		fatalx("%s from a proxy", proto_imsg_name(imsg.type));
	n = request_parse(c, &imsg);
	imsg_free(&imsg);
	return (n);
}

/* pfd describes the channels as they are; they may become fewer here. */
static void
channels_serve(struct pollfd *pfd)
{
	struct channel	*c;
	size_t		 i, k, n;
	uint8_t		 dead[MAX_CHANNELS];

	n = nchannels;
	memset(dead, 0, sizeof(dead));
	for (k = 0; k < n; k++) {
		i = (turn + k) % n;
		c = &channel[i];
		if (pfd[i].revents == 0)
			continue;
		if (c->ib.nqueued > 0) {
			if (imsgbuf_flush(&c->ib) == -1)
				dead[i] = 1;
		} else if (channel_read(c) == -1)
			dead[i] = 1;
	}
	turn++;
	for (i = n; i-- > 0;)
		if (dead[i])
			channel_close(i);
}

int
main(int argc, char *argv[])
{
	static struct pollfd	 pfd[MAX_CHANNELS + 1];
	struct conf_globals	 g;
	struct msg_ready	 ready;
	size_t			 i;
	int			 n;

	child_start("parser", argc, argv);
	imsgbuf_init(&master, CHILD_FD_MASTER, PROC_PARSER, PROC_MASTER);
	decode_init();
	charset_init();
	unpack_init();
	conf_wait(&g);
	confine(&g);

	memset(&ready, 0, sizeof(ready));
	if (imsg_compose(&master, IMSG_CONF_DONE, 0, -1, NULL, 0) == -1 ||
	    imsg_compose(&master, IMSG_READY, 0, -1, &ready,
	    sizeof(ready)) == -1)
		exit(CHILD_OK);

	while (!is_draining || nchannels > 0) {
		for (i = 0; i < nchannels; i++) {
			pfd[i].fd = channel[i].ib.fd;
			pfd[i].events = channel[i].ib.nqueued > 0 ? POLLOUT :
			    POLLIN;
		}
		pfd[i].fd = master.fd;
		pfd[i].events = POLLIN |
		    (master.nqueued > 0 ? POLLOUT : 0);
		/* Draining: what was asked is answered, then it is over. */
		n = poll(pfd, i + 1, is_draining ? DRAIN_WAIT : -1);
		if (n == 0)
			break;
		if (n == -1) {
			if (errno == EINTR)
				continue;
			fatal("poll");
		}
		channels_serve(pfd);
		if (pfd[i].revents & POLLOUT &&
		    imsgbuf_flush(&master) == -1)
			exit(CHILD_OK);
		if (pfd[i].revents & ~POLLOUT)
			master_read();
	}
	exit(CHILD_OK);
}

/* SPDX-License-Identifier: ISC */

/*
 * What the children say to master.  A proxy has talked to the network and may
 * be somebody else's by now; all that it can ask for is sockets that are not
 * connected yet, and the death of a parser or scanner.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "master.h"

static void	 dispatch_frame(struct child *, struct imsg *);
static void	 child_ready(struct child *, const struct imsg *);
static void	 child_connect(struct child *, struct child *);
static void	 peer_bad(struct child *, const struct imsg *);
static void	 sock_request(struct child *, const struct imsg *);
static void	 child_bad(struct child *, const char *);

void
dispatch_want_write(struct child *c)
{
	if (c->ibuf.fd != -1)
		ev_mod(&c->ev, EPOLLIN |
		    (c->ibuf.nqueued > 0 ? EPOLLOUT : 0));
}

static void
child_bad(struct child *c, const char *what)
{
	log_warnx("%s: %s, killed", c->tag, what);
	ev_del(&c->ev);
	imsgbuf_clear(&c->ibuf);
	kill(c->pid, SIGKILL);
}

void
dispatch_child(int fd, uint32_t events, void *arg)
{
	struct child	*c;
	struct imsg	 imsg;
	int		 n, i;

	c = arg;
	if ((events & EPOLLOUT) && imsgbuf_flush(&c->ibuf) == -1)
		events |= EPOLLHUP;
	/* A bounded number a round, so that none can keep us busy. */
	for (i = 0; i < 64 && c->ibuf.fd != -1; i++) {
		n = imsg_read(&c->ibuf, &imsg);
		if (n == 0)
			break;
		if (n == -1) {
			if (errno == EBADMSG) {
				child_bad(c, "sent a bad frame");
				return;
			}
			/* It is going; SIGCHLD has the details. */
			ev_del(&c->ev);
			imsgbuf_clear(&c->ibuf);
			return;
		}
		dispatch_frame(c, &imsg);
		imsg_free(&imsg);
	}
	dispatch_want_write(c);
}

static void
dispatch_frame(struct child *c, struct imsg *imsg)
{
	struct msg_source	 source;

	switch (imsg->type) {
	case IMSG_READY:
		child_ready(c, imsg);
		break;
	case IMSG_PONG:
		c->pinged = 0;
		break;
	case IMSG_CONF_DONE:
		log_debug("%s: configured", c->tag);
		c->unconfigured = 0;
		master_check_reload();
		break;
	case IMSG_PEER_BAD:
		peer_bad(c, imsg);
		break;
	case IMSG_SOCK_REQ:
		sock_request(c, imsg);
		break;
	case IMSG_SOURCE:
		memcpy(&source, imsg->data, sizeof(source));
		if (source_count(c, &source) == -1)
			child_bad(c, "counts what it cannot have");
		break;
	case IMSG_BLOCK:
		if (kernel_block(imsg->data, imsg->len) == -1)
			child_bad(c, "blocks what is no address");
		break;
	case IMSG_CTL_REQ:
		control_request(c, imsg);
		break;
	case IMSG_SCAN_STALE:
		if (c->slot != NULL && c->slot->child == c)
			children_new_scanner("the signatures have changed");
		break;
	default:
		fatalx("%s: %s not handled", __func__,
		    proto_imsg_name(imsg->type));
	}
}

/* A channel between a proxy and one that works for it. */
static void
child_connect(struct child *proxy, struct child *peer)
{
	struct msg_chan	 chan;
	int		 sv[2];

	if (proxy->ibuf.fd == -1 || peer->ibuf.fd == -1)
		return;
	/* Without it that peer is lost to that proxy: another one then. */
	if (imsg_pair(sv) == -1) {
		log_warn("channel between %s and %s", proxy->tag, peer->tag);
		kill(peer->pid, SIGKILL);
		return;
	}
	memset(&chan, 0, sizeof(chan));
	chan.peer = peer->type;
	chan.instance = peer->instance;
	chan.content = peer->content;
	if (imsg_compose(&proxy->ibuf, IMSG_CHAN, 0, sv[0], &chan,
	    sizeof(chan)) == -1) {
		log_warn("%s", proxy->tag);
		kill(proxy->pid, SIGKILL);
	}
	chan.peer = PROC_PROXY;
	chan.instance = proxy->instance;
	chan.content = proxy->content;
	if (imsg_compose(&peer->ibuf, IMSG_CHAN, 0, sv[1], &chan,
	    sizeof(chan)) == -1) {
		log_warn("%s", peer->tag);
		kill(peer->pid, SIGKILL);
	}
	dispatch_want_write(proxy);
	dispatch_want_write(peer);
}

static void
child_ready(struct child *c, const struct imsg *imsg)
{
	struct msg_ready	 ready;
	struct child		*o;
	struct slot		*s;

	/* Replaced before it was ready: nobody is to hear of it. */
	if (c->slot == NULL)
		return;
	memcpy(&ready, imsg->data, sizeof(ready));
	c->ready = 1;
	c->ibuf.state = PEER_IDLE;
	if (!c->draining)
		evtimer_del(&c->timer);
	log_debug("%s: ready", c->tag);
	if (c->type == PROC_PROXY)
		child_watch(c);

	s = c->slot;
	if (c->type == PROC_SCANNER) {
		master.sigs = ready.signatures;
		metrics_scanner(&ready);
		log_info("%s: %llu signatures", c->tag,
		    (unsigned long long)ready.signatures);
	}
	TAILQ_FOREACH(o, &master.children, entry) {
		if (!o->ready || o->draining || c->draining)
			continue;
		if (c->type == PROC_PROXY && (o->type == PROC_PARSER ||
		    o->type == PROC_STORE ||
		    (o->type == PROC_SCANNER && o->slot != NULL &&
		    o->slot->child == o)))
			child_connect(c, o);
		else if (c->type != PROC_PROXY && o->type == PROC_PROXY)
			child_connect(o, c);
	}
	/* The proxies have the new generation now; the old one may finish. */
	if (s != NULL && s->next == c) {
		if (s->child != NULL) {
			s->child->slot = NULL;
			child_drain(s->child);
		}
		s->child = c;
		s->next = NULL;
	}
	metrics_status();
	master_check_start();
}

static void
peer_bad(struct child *c, const struct imsg *imsg)
{
	struct msg_peer_bad	 bad;
	struct child		*o;

	memcpy(&bad, imsg->data, sizeof(bad));
	if (c->type == PROC_STORE ? bad.peer != PROC_PROXY :
	    bad.peer != PROC_PARSER && bad.peer != PROC_SCANNER &&
	    bad.peer != PROC_STORE) {
		child_bad(c, "asked for what is not its business");
		return;
	}
	TAILQ_FOREACH(o, &master.children, entry) {
		if (o->instance != bad.instance || o->type != bad.peer)
			continue;
		log_warnx("%s: killed: %s (s=%016llx)", o->tag,
		    proto_fault_name(bad.reason),
		    (unsigned long long)bad.session);
		kill(o->pid, SIGKILL);
		return;
	}
	/* It is gone already. */
}

static void
sock_request(struct child *c, const struct imsg *imsg)
{
	struct msg_sock	 req;
	uint32_t	 n;
	int		 fd;

	memcpy(&req, imsg->data, sizeof(req));
	if (req.kind >= SOCK_KIND_MAX || req.count == 0 ||
	    req.count > SOCK_REQ_MAX) {
		child_bad(c, "asked for impossible sockets");
		return;
	}
	n = req.count;
	req.count = 1;
	for (; n > 0; n--) {
		fd = listen_sock(req.kind, master.conf->g.mark);
		if (fd == -1) {
			log_warn("%s: socket", c->tag);
			return;
		}
		if (imsg_compose(&c->ibuf, IMSG_SOCK_FD, 0, fd, &req,
		    sizeof(req)) == -1) {
			log_warn("%s", c->tag);
			return;
		}
	}
}

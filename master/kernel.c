/* SPDX-License-Identifier: ISC */

/*
 * Addresses that the kernel drops: elements, with time-outs, of two sets of
 * nf_tables which the administrator has made (etc/mailwall-block.nft).  Each
 * change is a transaction of its own, a few microseconds long.
 */

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include <endian.h>

#include "master.h"

#define COMPLAIN	60		/* s between two complaints */

struct change {
	uint8_t			 buf[1024];
	struct mnl_nlmsg_batch	*batch;
	uint32_t		 seq;
};

static struct mnl_socket *kernel_open(void);
static void	 put_edge(struct change *, uint16_t);
static void	 put_element(struct change *, uint16_t,
		    const struct msg_block *);
static int	 ack(struct mnl_socket *, uint32_t);
static int	 change(struct mnl_socket *, uint16_t,
		    const struct msg_block *);
static void	 complain(int);

static struct mnl_socket	*sock;
static uint32_t			 last_seq;

/* Not before it is needed: few have such a table. */
static struct mnl_socket *
kernel_open(void)
{
	if (sock != NULL)
		return (sock);
	sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC |
	    SOCK_NONBLOCK);
	if (sock != NULL && mnl_socket_bind(sock, 0,
	    MNL_SOCKET_AUTOPID) == -1) {
		mnl_socket_close(sock);
		sock = NULL;
	}
	return (sock);
}

static void
put_edge(struct change *c, uint16_t type)
{
	struct nlmsghdr		*h;
	struct nfgenmsg		*g;

	h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(c->batch));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = c->seq++;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htobe16(NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(c->batch);
}

static void
put_element(struct change *c, uint16_t type, const struct msg_block *b)
{
	struct nlmsghdr		*h;
	struct nfgenmsg		*g;
	struct nlattr		*list, *elem, *key;

	h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(c->batch));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
	    (type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	h->nlmsg_seq = c->seq++;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, "mailwall");
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, b->addr.family == 4 ?
	    "block4" : "block6");
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, b->addr.family == 4 ? 4 : 16,
	    b->addr.ip);
	mnl_attr_nest_end(h, key);
	if (type == NFT_MSG_NEWSETELEM && b->seconds != 0)
		mnl_attr_put_u64(h, NFTA_SET_ELEM_TIMEOUT,
		    htobe64(b->seconds * 1000ULL));
	mnl_attr_nest_end(h, elem);
	mnl_attr_nest_end(h, list);
	mnl_nlmsg_batch_next(c->batch);
}

/*
 * The kernel has worked on it when the message was sent, and its answers are
 * there.  Returns 0, or -1 with errno.
 */
static int
ack(struct mnl_socket *nl, uint32_t seq)
{
	const struct nlmsghdr	*h;
	const struct nlmsgerr	*e;
	uint8_t			 buf[8192];
	ssize_t			 n;
	int			 len, error;

	error = ENODATA;
	while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0) {
		len = (int)n;
		for (h = (const struct nlmsghdr *)(const void *)buf;
		    mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
			if (h->nlmsg_type != NLMSG_ERROR ||
			    h->nlmsg_seq != seq)
				continue;
			e = mnl_nlmsg_get_payload(h);
			error = -e->error;
		}
	}
	errno = error;
	return (error == 0 ? 0 : -1);
}

static int
change(struct mnl_socket *nl, uint16_t type, const struct msg_block *b)
{
	struct change	 c;
	uint32_t	 seq;
	ssize_t		 n;

	c.seq = last_seq + 1;
	last_seq += 3;
	c.batch = mnl_nlmsg_batch_start(c.buf, sizeof(c.buf));
	if (c.batch == NULL)
		return (-1);
	put_edge(&c, NFNL_MSG_BATCH_BEGIN);
	seq = c.seq;
	put_element(&c, type, b);
	put_edge(&c, NFNL_MSG_BATCH_END);
	n = mnl_socket_sendto(nl, mnl_nlmsg_batch_head(c.batch),
	    mnl_nlmsg_batch_size(c.batch));
	mnl_nlmsg_batch_stop(c.batch);
	return (n == -1 ? -1 : ack(nl, seq));
}

/* An administrator who reads of it once a minute reads it. */
static void
complain(int error)
{
	static time_t	 last;
	static unsigned	 nlost;
	time_t		 now;

	nlost++;
	now = time(NULL);
	if (last != 0 && now - last < COMPLAIN)
		return;
	last = now;
	log_warnx("kernel: %u addresses not blocked: %s%s", nlost,
	    error == ENOENT ? "no sets block4 and block6 in table inet "
	    "mailwall" : strerror(error), error == ENOENT ?
	    ", see mailwall.conf(5)" : "");
	nlost = 0;
}

/* An element that is there keeps its time-out: it goes first. */
static void
kernel_one(const struct msg_block *b)
{
	struct mnl_socket	*nl;

	if ((nl = kernel_open()) == NULL) {
		complain(errno);
		return;
	}
	if (change(nl, NFT_MSG_DELSETELEM, b) == -1 && errno != ENOENT) {
		complain(errno);
		return;
	}
	if (!b->remove && change(nl, NFT_MSG_NEWSETELEM, b) == -1)
		complain(errno);
}

int
kernel_block(const void *data, size_t len)
{
	struct msg_block	 b;
	size_t			 off;

	for (off = 0; off + sizeof(b) <= len; off += sizeof(b)) {
		memcpy(&b, (const uint8_t *)data + off, sizeof(b));
		if ((b.addr.family != 4 && b.addr.family != 6) ||
		    b.remove > 1 || b.seconds > MAX_KEEP)
			return (-1);
		kernel_one(&b);
	}
	return (0);
}

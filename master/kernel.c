/* SPDX-License-Identifier: ISC */

/*
 * Addresses that the kernel drops: elements, with time-outs, of two sets of
 * nf_tables which the administrator has made (etc/mailwall-block.nft).
 *
 * A transaction takes the kernel some microseconds for each element when it
 * succeeds, and 10 to 15 ms when it fails, in which master would do nothing
 * else.  So none may fail because an element is there already, or is not
 * there: it is added, which changes nothing if it exists, removed, and added
 * again with its new time-out, all in one transaction with others.
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

#define BATCH_BLOCKS	64		/* in one transaction */
#define ELEMENT_MAX	128		/* bytes of a message about one */
#define EDGES		64		/* bytes of its begin and its end */

struct change {
	uint8_t			 buf[EDGES + BATCH_BLOCKS * 3 * ELEMENT_MAX];
	struct mnl_nlmsg_batch	*batch;
	uint32_t		 seq;
};

static struct mnl_socket *kernel_open(void);
static void	 put_edge(struct change *, uint16_t);
static void	 put_element(struct change *, uint16_t,
		    const struct msg_block *, int);
static int	 acks(struct mnl_socket *, uint32_t, uint32_t);
static int	 change(struct mnl_socket *, const struct msg_block *, size_t);
static void	 complain(int, size_t);
static void	 apply(const struct msg_block *, size_t);

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
put_element(struct change *c, uint16_t type, const struct msg_block *b,
    int answer)
{
	struct nlmsghdr		*h;
	struct nfgenmsg		*g;
	struct nlattr		*list, *elem, *key;

	h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(c->batch));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | (answer ? NLM_F_ACK : 0) |
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
 * there: to messages from first to last, to all that failed and to the last.
 * Returns 0, or -1 with errno.
 */
static int
acks(struct mnl_socket *nl, uint32_t first, uint32_t last)
{
	const struct nlmsghdr	*h;
	const struct nlmsgerr	*e;
	uint8_t			 buf[8192];
	ssize_t			 n;
	int			 done, error, len;

	done = error = 0;
	while ((n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0) {
		len = (int)n;
		for (h = (const struct nlmsghdr *)(const void *)buf;
		    mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
			if (h->nlmsg_type != NLMSG_ERROR ||
			    h->nlmsg_seq - first > last - first)
				continue;
			e = mnl_nlmsg_get_payload(h);
			if (error == 0)
				error = -e->error;
			done |= h->nlmsg_seq == last;
		}
	}
	if (error == 0 && !done)
		error = ENODATA;
	errno = error;
	return (error == 0 ? 0 : -1);
}

/* A transaction of at most BATCH_BLOCKS. */
static int
change(struct mnl_socket *nl, const struct msg_block *b, size_t nblocks)
{
	static struct change	 c;
	uint32_t		 first;
	ssize_t			 n;
	size_t			 i;
	int			 is_last;

	c.seq = last_seq + 1;
	c.batch = mnl_nlmsg_batch_start(c.buf, sizeof(c.buf));
	if (c.batch == NULL)
		return (-1);
	first = c.seq;
	put_edge(&c, NFNL_MSG_BATCH_BEGIN);
	for (i = 0; i < nblocks; i++) {
		is_last = i == nblocks - 1;
		put_element(&c, NFT_MSG_NEWSETELEM, &b[i], 0);
		put_element(&c, NFT_MSG_DELSETELEM, &b[i],
		    is_last && b[i].remove);
		if (!b[i].remove)
			put_element(&c, NFT_MSG_NEWSETELEM, &b[i], is_last);
	}
	last_seq = c.seq;
	put_edge(&c, NFNL_MSG_BATCH_END);
	n = mnl_socket_sendto(nl, mnl_nlmsg_batch_head(c.batch),
	    mnl_nlmsg_batch_size(c.batch));
	mnl_nlmsg_batch_stop(c.batch);
	return (n == -1 ? -1 : acks(nl, first, last_seq - 1));
}

/* An administrator who reads of it once a minute reads it. */
static void
complain(int error, size_t n)
{
	static time_t	 last;
	static size_t	 nlost;
	time_t		 now;

	nlost += n;
	now = time(NULL);
	if (last != 0 && now - last < COMPLAIN)
		return;
	last = now;
	log_warnx("kernel: %zu addresses not blocked: %s%s", nlost,
	    error == ENOENT ? "no sets block4 and block6 in table inet "
	    "mailwall" : strerror(error), error == ENOENT ?
	    ", see mailwall.conf(5)" : "");
	nlost = 0;
}

static void
apply(const struct msg_block *b, size_t n)
{
	struct mnl_socket	*nl;
	size_t			 i, some;

	if ((nl = kernel_open()) == NULL) {
		complain(errno, n);
		return;
	}
	for (i = 0; i < n; i += some) {
		some = n - i < BATCH_BLOCKS ? n - i : BATCH_BLOCKS;
		if (change(nl, b + i, some) == 0)
			continue;
		/* What the others would cost is not worth a try. */
		complain(errno, n - i);
		return;
	}
}

int
kernel_block(const void *data, size_t len)
{
	static struct msg_block	 b[IMSG_DATA_MAX / sizeof(struct msg_block)];
	size_t			 i, n;

	n = len / sizeof(b[0]);
	if (n > sizeof(b) / sizeof(b[0]))
		return (-1);
	memcpy(b, data, n * sizeof(b[0]));
	for (i = 0; i < n; i++)
		if ((b[i].addr.family != 4 && b[i].addr.family != 6) ||
		    b[i].remove > 1 || b[i].seconds > MAX_KEEP)
			return (-1);
	apply(b, n);
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Frames and arenas as a process would send them that a message has taken
 * over.  The first byte chooses:
 *
 *	even	frames to a proxy from master, parser or scanner, each of
 *		them two bytes (type; flags), two of length, and a payload;
 *		configuration frames go on to conf_frame()
 *	odd	an arena for parts_open(), of which then everything is read
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "imsg.h"
#include "log.h"
#include "parts.h"

#define F_FD		0x01	/* with a descriptor */
#define F_TWO_FDS	0x02
#define F_LIE		0x04	/* length in the header is another one */
#define F_FIT		0x08	/* as long as the type wants it */

int		 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t	 fit(uint32_t);
static void	 packet(int, const uint8_t *, size_t, unsigned int);
static void	 handle(struct imsgbuf *, struct conf **);
static void	 use(struct conf *);
static void	 frames(const uint8_t *, size_t);
static int	 memfile(const uint8_t *, size_t);
static void	 arena(const uint8_t *, size_t);

struct hdr {
	uint32_t	 type;
	uint32_t	 len;
	uint64_t	 id;
};

static size_t
fit(uint32_t type)
{
	switch (type) {
	case IMSG_CONF_BEGIN:
		return (sizeof(struct conf_globals));
	case IMSG_CONF_LISTENER:
		return (sizeof(struct conf_listener_wire));
	case IMSG_CONF_TABLE:
		return (sizeof(struct conf_table_wire));
	case IMSG_CONF_NET:
		return (sizeof(struct conf_net));
	case IMSG_CONF_RULE:
		return (sizeof(struct conf_rule_wire));
	case IMSG_PARSE_DONE:
		return (sizeof(struct msg_parse_done));
	case IMSG_SCAN_DONE:
		return (sizeof(struct msg_scan_done));
	default:
		return (0);
	}
}

static void
packet(int sock, const uint8_t *data, size_t len, unsigned int nfds)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(2 * sizeof(int))];
	} ctl;
	struct msghdr	 msg;
	struct iovec	 iov;
	int		 fds[2];

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = (void *)(uintptr_t)data;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		fds[0] = fds[1] = sock;
		memset(&ctl, 0, sizeof(ctl));
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		ctl.hdr.cmsg_level = SOL_SOCKET;
		ctl.hdr.cmsg_type = SCM_RIGHTS;
		ctl.hdr.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&ctl.hdr), fds, nfds * sizeof(int));
	}
	sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A configuration that was accepted must be safe to ask. */
static void
use(struct conf *conf)
{
	struct conf_facts	 f;
	struct addr		 a[2];
	unsigned int		 v;

	addr_parse(&a[0], "192.0.2.1");
	addr_parse(&a[1], "2001:db8::1");
	memset(&f, 0, sizeof(f));
	f.virus = "Win.Test.EICAR";
	for (v = 0; v < VERDICT_MAX; v++) {
		f.source = &a[v & 1];
		f.dest = &a[v >> 1];
		f.verdict = v;
		if (conf_match(conf, PHASE_MESSAGE, &f, NULL,
		    NULL)->action >= ACTION_MAX || conf_match(conf,
		    PHASE_CONNECT, &f, NULL, NULL)->action >= ACTION_MAX)
			abort();
	}
}

static void
handle(struct imsgbuf *ib, struct conf **building)
{
	struct msg_parse_req	 req;
	struct msg_parse_done	 pd;
	struct msg_scan_done	 sd;
	struct imsg		 m;
	int			 n;

	n = imsg_read(ib, &m);
	if (n != 1) {
		if (n == -1 && errno != EBADMSG && errno != ECONNRESET)
			abort();
		return;
	}
	switch (m.type) {
	case IMSG_CONF_BEGIN:
	case IMSG_CONF_LISTENER:
	case IMSG_CONF_TABLE:
	case IMSG_CONF_NET:
	case IMSG_CONF_RULE:
	case IMSG_CONF_END:
		if (conf_frame(building, m.type, imsg_take_fd(&m), m.data,
		    m.len) == 1) {
			use(*building);
			conf_unref(*building);
			*building = NULL;
		}
		break;
	case IMSG_PARSE_DONE:
		memset(&req, 0, sizeof(req));
		req.max_parts = PARSE_PARTS_MAX;
		req.max_decoded = MIB;
		if (proto_get_parse_done(m.data, &req, &pd) == 0 &&
		    pd.nparts > PARSE_PARTS_MAX)
			abort();
		break;
	case IMSG_SCAN_DONE:
		if (proto_get_scan_done(m.data, &sd) == 0 &&
		    strlen(sd.name) >= SCAN_NAME_MAX)
			abort();
		break;
	default:
		break;
	}
	imsg_free(&m);
}

static void
frames(const uint8_t *data, size_t size)
{
	static uint8_t	 buf[sizeof(struct hdr) + IMSG_DATA_MAX + 64];
	struct imsgbuf	 ib;
	struct conf	*building;
	struct hdr	 hdr;
	size_t		 len, want;
	int		 sv[2];

	if (size < 1 || imsg_pair(sv) == -1)
		return;
	imsgbuf_init(&ib, sv[0], PROC_PROXY, data[0] % 3 == 0 ? PROC_MASTER :
	    data[0] % 3 == 1 ? PROC_PARSER : PROC_SCANNER);
	ib.state = PEER_BUSY;
	building = NULL;
	for (data++, size--; size >= 4; data += len, size -= len) {
		memset(&hdr, 0, sizeof(hdr));
		hdr.type = data[0];
		len = data[2] | (size_t)data[3] << 8;
		want = data[1];
		data += 4;
		size -= 4;
		if (len > size)
			len = size;
		if (len > IMSG_DATA_MAX + 64)
			len = IMSG_DATA_MAX + 64;
		memset(buf, 0, sizeof(buf));
		memcpy(buf + sizeof(hdr), data, len);
		hdr.len = (uint32_t)(want & F_FIT ? fit(hdr.type) : len);
		if (want & F_LIE)
			hdr.len ^= 1U << (want >> 3);
		memcpy(buf, &hdr, sizeof(hdr));
		packet(sv[1], buf, sizeof(hdr) + (want & F_FIT ?
		    fit(hdr.type) : len), want & F_TWO_FDS ? 2 : want & F_FD);
		handle(&ib, &building);
	}
	conf_unref(building);
	imsgbuf_clear(&ib);
	close(sv[1]);
}

/* A sealed memfd. */
static int
memfile(const uint8_t *data, size_t len)
{
	int	 fd;

	if ((fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING)) ==
	    -1 || (len > 0 && write(fd, data, len) != (ssize_t)len) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) == -1)
		abort();
	return (fd);
}

static void
arena(const uint8_t *data, size_t size)
{
	static const uint8_t	 msg[100];
	struct parts		 p;
	const uint8_t		*body;
	struct arena_head	*h;
	uint8_t			*copy;
	uint32_t		 i;
	size_t			 j, len;
	int			 fd, msgfd, sum;

	if (size < 2 || (copy = malloc(size)) == NULL)
		return;
	memcpy(copy, data, size);
	/* What could not be guessed, except when that is to be tried. */
	if (size - 1 >= sizeof(*h) && (data[0] & 0x10) == 0) {
		struct arena_head	 head;

		memcpy(&head, copy + 1, sizeof(head));
		head.magic = ARENA_MAGIC;
		head.size = size - 1;
		memcpy(copy + 1, &head, sizeof(head));
	}
	len = data[0] & 0x20 ? 0 : sizeof(msg);
	fd = memfile(copy + 1, size - 1);
	msgfd = memfile(msg, len);
	free(copy);
	sum = 0;
	if (parts_open(&p, msgfd, len, fd, size - 1) == 0) {
		for (i = 0; i < p.head->nparts; i++) {
			body = parts_body(&p, i, &len);
			for (j = 0; j < len; j++)
				sum += body[j];
			for (j = 0; j < p.part[i].name_len; j++)
				sum += parts_string(&p, p.part[i].name_off)[j];
			for (j = 0; j < p.part[i].type_len; j++)
				sum += parts_string(&p, p.part[i].type_off)[j];
			for (j = 0; j < p.part[i].charset_len; j++)
				sum += parts_string(&p,
				    p.part[i].charset_off)[j];
			if (p.part[i].parent > i)
				abort();
		}
		for (j = 0; j < p.head->subject_len; j++)
			sum += parts_string(&p, p.head->subject_off)[j];
		for (j = 0; j < p.head->msgid_len; j++)
			sum += parts_string(&p, p.head->msgid_off)[j];
		parts_close(&p);
	}
	parts_close(&p);
	close(fd);
	close(msgfd);
	if (sum == INT32_MIN)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return (0);
	if (data[0] & 1)
		arena(data, size);
	else
		frames(data, size);
	return (0);
}

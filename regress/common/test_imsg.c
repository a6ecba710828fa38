/* SPDX-License-Identifier: ISC */

/*
 * Frames.  The table of who may say what is written down here a second time,
 * in another form, and both are compared for every combination; then frames
 * that a well-behaved peer never sends.
 */

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "facts.h"
#include "imsg.h"
#include "log.h"
#include "parts.h"
#include "unit.h"

#define ALL	PEER_ANY
#define UP	(PEER_IDLE | PEER_BUSY)

/*
 * "m" master, "x" proxy, "p" parser, "s" scanner, "w" its worker, "t" store,
 * "c" an operator.
 */
static const char	 who[] = "mxpswtc";

_Static_assert(sizeof(who) == PROC_MAX + 1, "a letter for each process");

static const struct allowed {
	uint32_t	 type;
	const char	*pairs;		/* "ms mx": from, to */
	size_t		 len;
	int		 many;
	int		 fd;
	unsigned int	 states;
} table[] = {
	{ IMSG_CONF_BEGIN, "mx mp ms mt", sizeof(struct conf_globals), 0, 0,
	    ALL },
	{ IMSG_CONF_LISTENER, "mx", sizeof(struct conf_listener_wire), 0, 1,
	    ALL },
	{ IMSG_CONF_TABLE, "mx", sizeof(struct conf_table_wire), 1, 0, ALL },
	{ IMSG_CONF_NET, "mx", sizeof(struct conf_net), 1, 0, ALL },
	{ IMSG_CONF_SERVER, "mx", sizeof(struct conf_server_wire), 0, 0,
	    ALL },
	{ IMSG_CONF_DYNAMIC, "mx mt", sizeof(struct conf_dynamic_wire), 0, 0,
	    ALL },
	{ IMSG_CONF_RATE, "mx", sizeof(struct conf_rate_wire), 0, 0, ALL },
	{ IMSG_CONF_RULE, "mx", sizeof(struct conf_rule_wire), 1, 0, ALL },
	{ IMSG_CONF_LIST, "mx ms", sizeof(struct conf_list_wire), 1, 0, ALL },
	{ IMSG_CONF_OUTBOX, "mx mt", sizeof(struct conf_outbox), 0, 0, ALL },
	{ IMSG_CONF_MAIL, "mx", sizeof(struct conf_mail_wire), 0, 0, ALL },
	{ IMSG_CONF_ENTRY, "mx ms", 1, 1, 0, ALL },
	{ IMSG_CONF_USE, "mx ms", sizeof(struct conf_use_wire), 0, 0, ALL },
	{ IMSG_CONF_END, "mx mp ms mt", 0, 0, 0, ALL },
	{ IMSG_CONF_DONE, "xm pm sm tm", 0, 0, 0, ALL },
	{ IMSG_READY, "xm pm sm tm", sizeof(struct msg_ready), 0, 0,
	    PEER_NEW },
	{ IMSG_CHAN, "mx mp ms mt", sizeof(struct msg_chan), 0, 1, ALL },
	{ IMSG_DRAIN, "mx mp ms mt", 0, 0, 0, ALL },
	{ IMSG_PEER_BAD, "xm tm", sizeof(struct msg_peer_bad), 0, 0, UP },
	{ IMSG_SCAN_STALE, "sm", 0, 0, 0, UP },
	{ IMSG_SOCK_REQ, "xm", sizeof(struct msg_sock), 0, 0, UP },
	{ IMSG_SOCK_FD, "mx", sizeof(struct msg_sock), 0, 1, ALL },
	{ IMSG_PING, "mx", 0, 0, 0, ALL },
	{ IMSG_PONG, "xm", 0, 0, 0, UP },
	{ IMSG_LOCAL, "mx", sizeof(struct addr), 1, 0, ALL },
	{ IMSG_SOURCE, "xm", sizeof(struct msg_source), 0, 0, UP },
	{ IMSG_SOURCE, "mx", sizeof(struct msg_source), 0, 0, ALL },
	{ IMSG_PARSE_REQ, "xp", sizeof(struct msg_parse_req), 0, 1, ALL },
	{ IMSG_PARSE_DONE, "px", sizeof(struct msg_parse_done), 0, 1,
	    PEER_BUSY },
	{ IMSG_SCAN_REQ, "xs sw", sizeof(struct msg_scan_req), 0, 1, ALL },
	{ IMSG_SCAN_ARENA, "xs sw", 0, 0, 1, ALL },
	{ IMSG_SCAN_FILE, "ws sx", sizeof(struct file_fact), 1, 0,
	    PEER_BUSY },
	{ IMSG_SCAN_HIT, "ws sx", sizeof(struct msg_scan_hit), 0, 0,
	    PEER_BUSY },
	{ IMSG_SCAN_DONE, "ws sx", sizeof(struct msg_scan_done), 0, 0,
	    PEER_BUSY },
	{ IMSG_MEMBER_ADD, "xt", sizeof(struct msg_member), 0, 0, ALL },
	{ IMSG_MEMBER_SET, "tx", sizeof(struct msg_member), 1, 0, ALL },
	{ IMSG_MEMBER_DEL, "tx", sizeof(struct msg_member), 1, 0, ALL },
	{ IMSG_MEMBER_ALL, "tx", 0, 0, 0, ALL },
	{ IMSG_BLOCK, "tm", sizeof(struct msg_block), 1, 0, ALL },
	{ IMSG_COUNT, "xt tx", sizeof(struct msg_count), 0, 0, ALL },
	{ IMSG_TALLY, "xt", sizeof(struct msg_tally), 0, 0, ALL },
	{ IMSG_RECORD, "xt", sizeof(struct msg_record), 0, 0, ALL },
	{ IMSG_RECORD_RCPT, "xt", 1, 1, 0, ALL },
	{ IMSG_RECORD_FACT, "xt", 1, 1, 0, ALL },
	{ IMSG_RECORD_MAIL, "xt", sizeof(struct msg_mail), 0, 1, ALL },
	{ IMSG_RECORD_OUT, "xt", sizeof(struct msg_out), 0, 0, ALL },
	{ IMSG_RECORD_FATE, "xt", sizeof(struct msg_fate), 0, 0, ALL },
	{ IMSG_RECORD_END, "xt", 0, 0, 0, ALL },
	{ IMSG_RECORD_REPLY, "xt", sizeof(struct msg_record_reply), 0, 0,
	    ALL },
	{ IMSG_RECORD_DONE, "tx", sizeof(struct msg_record_done), 0, 0, ALL },
	{ IMSG_STATS, "xt", sizeof(struct msg_stats), 0, 0, ALL },
	{ IMSG_SEND, "tx", sizeof(struct msg_send), 0, 0, ALL },
	{ IMSG_SEND_RCPT, "tx", 1, 1, 0, ALL },
	{ IMSG_SEND_MAIL, "tx", sizeof(struct msg_mail), 0, 1, ALL },
	{ IMSG_SEND_DONE, "xt", sizeof(struct msg_send_done), 0, 0, ALL },
	{ IMSG_CTL_LISTEN, "mt", 0, 0, 1, ALL },
	{ IMSG_METRICS_LISTEN, "mt", 0, 0, 1, ALL },
	{ IMSG_AUDIT_FILE, "mt", 0, 0, 1, ALL },
	{ IMSG_AUDIT_JOURNAL, "mt", 0, 0, 1, ALL },
	{ IMSG_STATUS, "mt", sizeof(struct msg_status), 0, 0, ALL },
	{ IMSG_CTL_REQ, "ct", sizeof(struct msg_ctl), 0, 0, PEER_IDLE },
	{ IMSG_CTL_REQ, "tm tx", sizeof(struct msg_ctl), 0, 0, UP },
	{ IMSG_CTL_ROW, "mt xt tc", 1, 1, 0, ALL },
	{ IMSG_CTL_END, "mt xt tc", sizeof(struct msg_ctl_end), 0, 0, ALL },
	{ IMSG_CTL_MAIL, "tc", sizeof(struct msg_mail), 0, 1, ALL },
};

#define NTABLE	(sizeof(table) / sizeof(table[0]))

struct raw_hdr {
	uint32_t	 type;
	uint32_t	 len;
	uint64_t	 id;
};

static int	 allowed(uint32_t, char, char, size_t, int, unsigned int);
static int	 interesting(size_t);
static int	 check_type(uint32_t);
static void	 test_table(void);
static void	 test_names(void);
static void	 test_answers(void);
static void	 raw_send(int, const void *, size_t, const int *, size_t);
static int	 read_raw(uint32_t, uint32_t, size_t, const int *, size_t,
		    struct imsg *);
static void	 test_read(void);
static void	 test_hostile(void);
static void	 test_full_table(void);
static void	 test_queue(void);
static void	 test_closed(void);
static void	 test_compose(void);
static int	 dies(void (*)(void));
static void	 compose_wrong_type(void);
static void	 compose_wrong_length(void);
static void	 compose_without_fd(void);
static int	 open_fds(void);

static struct imsgbuf	 a, b;		/* master, proxy */
static int		 devnull;

static int
allowed(uint32_t type, char from, char to, size_t len, int fd,
    unsigned int state)
{
	const struct allowed	*t;
	const char		*p;
	size_t			 i;

	for (i = 0; i < NTABLE; i++) {
		t = &table[i];
		if (t->type != type || (t->states & state) == 0 ||
		    t->fd != fd)
			continue;
		if (t->many ? len == 0 || len % t->len != 0 ||
		    len > IMSG_DATA_MAX : len != t->len)
			continue;
		for (p = t->pairs; ; p += 3) {
			if (p[0] == from && p[1] == to)
				return (1);
			if (p[2] == '\0')
				break;
		}
	}
	return (0);
}

/* A length near one that some frame has, or near the largest. */
static int
interesting(size_t len)
{
	size_t	 i;

	if (len < 32 || len % 331 == 0 || len > IMSG_DATA_MAX - 50)
		return (1);
	for (i = 0; i < NTABLE; i++)
		if (len + 1 >= table[i].len && len <= table[i].len + 1)
			return (1);
	return (0);
}

/* All senders, receivers, lengths, states, with and without descriptor. */
static int
check_type(uint32_t type)
{
	int		 from, to, fd, want, got, yes;
	unsigned int	 state;
	size_t		 len;

	yes = 0;
	for (from = 0; from < PROC_MAX; from++)
	    for (to = 0; to < PROC_MAX; to++)
		for (len = 0; len <= IMSG_DATA_MAX + 100; len++) {
		    if (!interesting(len))
			continue;
		    for (fd = 0; fd < 2; fd++)
			for (state = 1; state <= PEER_BUSY; state <<= 1) {
				want = allowed(type, who[from], who[to], len,
				    fd, state);
				errno = 0;
				got = proto_check(type, from, to, len, fd,
				    state) == 0;
				if (got != want || (!got && errno != EBADMSG))
					return (-1);
				yes += got;
			}
		}
	return (yes);
}

static void
test_table(void)
{
	char		 name[64];
	uint32_t	 type;
	size_t		 i;
	int		 yes, found;

	for (type = 0; type < IMSG_MAX + 3; type++) {
		found = 0;
		for (i = 0; i < NTABLE; i++)
			found |= table[i].type == type;
		snprintf(name, sizeof(name), "table-%u-%s", type,
		    proto_imsg_name(type));
		yes = check_type(type);
		CASE(name, yes >= 0 && (yes > 0) == found);
	}
	CASE("table-type-huge", check_type(UINT32_MAX) == 0);
	CASE("table-no-state", proto_check(IMSG_DRAIN, PROC_MASTER,
	    PROC_PROXY, 0, 0, 0) == -1);
}

static void
test_names(void)
{
	uint32_t	 i, j;
	int		 ok;

	ok = 1;
	for (i = 0; i < IMSG_MAX; i++)
		for (j = 0; j < i; j++)
			ok &= strcmp(proto_imsg_name(i),
			    proto_imsg_name(j)) != 0;
	CASE("imsg-names", ok &&
	    strcmp(proto_imsg_name(IMSG_MAX), "unknown") == 0 &&
	    strcmp(proto_imsg_name(UINT32_MAX), "unknown") == 0);
	CASE("proc-names", strcmp(proto_proc_name(PROC_MASTER), "master") == 0
	    && strcmp(proto_proc_name(PROC_MAX), "unknown") == 0);
	CASE("verdict-names",
	    strcmp(proto_verdict_name(VERDICT_VIRUS), "virus") == 0 &&
	    strcmp(proto_verdict_name(VERDICT_MAX), "unknown") == 0);
	CASE("fault-names",
	    strcmp(proto_fault_name(FAULT_FRAME), "bad frame") == 0 &&
	    strcmp(proto_fault_name(FAULT_MAX), "unknown fault") == 0);
}

/* Answers of those that have read hostile bytes. */
static void
test_answers(void)
{
	struct msg_parse_req	 req;
	struct msg_parse_done	 pd, out;
	struct msg_scan_done	 sd, sout;

	memset(&req, 0, sizeof(req));
	req.max_parts = 10;
	req.max_decoded = 4096;
	memset(&pd, 0, sizeof(pd));
	pd.nparts = 10;
	pd.arena_size = 4096;
	pd.anomalies = ANOMALIES_ALL;
	pd.limits = LIMITS_ALL;
	CASE("parse-done", proto_get_parse_done(&pd, &req, &out) == 0 &&
	    out.nparts == 10);
	pd.nparts = 0;
	CASE("parse-done-no-parts",
	    proto_get_parse_done(&pd, &req, &out) == -1);
	pd.nparts = 11;
	CASE("parse-done-parts", proto_get_parse_done(&pd, &req, &out) == -1);
	pd.nparts = 1;
	pd.arena_size = 4097;
	CASE("parse-done-size", proto_get_parse_done(&pd, &req, &out) == -1);
	pd.arena_size = sizeof(struct arena_head) - 1;
	CASE("parse-done-small", proto_get_parse_done(&pd, &req, &out) == -1);
	pd.arena_size = sizeof(struct arena_head);
	pd.anomalies = ANOMALIES_ALL + 1;
	CASE("parse-done-anomaly",
	    proto_get_parse_done(&pd, &req, &out) == -1);
	pd.anomalies = 0;
	pd.limits = LIMITS_ALL + 1;
	CASE("parse-done-limit", proto_get_parse_done(&pd, &req, &out) == -1);

	memset(&sd, 0, sizeof(sd));
	sd.part = SCAN_RAW;
	CASE("scan-done-clean", proto_get_scan_done(&sd, &sout) == 0);
	sd.verdict = VERDICT_VIRUS;
	CASE("scan-done-no-name", proto_get_scan_done(&sd, &sout) == -1);
	memset(sd.name, 'x', sizeof(sd.name) - 1);
	CASE("scan-done-virus", proto_get_scan_done(&sd, &sout) == 0 &&
	    strlen(sout.name) == SCAN_NAME_MAX - 1);
	sd.verdict = VERDICT_CLEAN;
	CASE("scan-done-clean-name", proto_get_scan_done(&sd, &sout) == -1);
	sd.verdict = VERDICT_MAX;
	CASE("scan-done-verdict", proto_get_scan_done(&sd, &sout) == -1);
	sd.verdict = VERDICT_VIRUS;
	sd.part = PARSE_PARTS_MAX;
	CASE("scan-done-part", proto_get_scan_done(&sd, &sout) == -1);
	sd.part = PARSE_PARTS_MAX - 1;
	sd.name[sizeof(sd.name) - 1] = 'x';
	CASE("scan-done-no-nul", proto_get_scan_done(&sd, &sout) == -1);
	memset(sd.name, 0, sizeof(sd.name));
	sd.name[0] = '\n';
	CASE("scan-done-control", proto_get_scan_done(&sd, &sout) == -1);
	sd.name[0] = (char)0x80;
	CASE("scan-done-8bit", proto_get_scan_done(&sd, &sout) == -1);
}

static int
open_fds(void)
{
	int	 fd, n;

	for (fd = n = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

/* One packet with any number of descriptors, past all checks. */
static void
raw_send(int sock, const void *data, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(8 * sizeof(int))];
	} ctl;
	struct msghdr	 msg;
	struct iovec	 iov;

	memset(&msg, 0, sizeof(msg));
	memset(&ctl, 0, sizeof(ctl));
	iov.iov_base = (void *)(uintptr_t)data;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		ctl.hdr.cmsg_level = SOL_SOCKET;
		ctl.hdr.cmsg_type = SCM_RIGHTS;
		ctl.hdr.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&ctl.hdr), fds, nfds * sizeof(int));
	}
	if (sendmsg(sock, &msg, 0) == -1)
		err(2, "sendmsg");
}

/* A frame of that header and so many bytes; what imsg_read() makes of it. */
static int
read_raw(uint32_t type, uint32_t hdrlen, size_t len, const int *fds,
    size_t nfds, struct imsg *imsg)
{
	static uint8_t	 packet[65536];
	struct raw_hdr	 hdr;

	memset(&hdr, 0, sizeof(hdr));
	hdr.type = type;
	hdr.len = hdrlen;
	hdr.id = 42;
	memset(packet, 0, sizeof(packet));
	memcpy(packet, &hdr, sizeof(hdr));
	raw_send(a.fd, packet, sizeof(hdr) + len, fds, nfds);
	return (imsg_read(&b, imsg));
}

static void
test_read(void)
{
	struct msg_sock	 s;
	struct imsg	 m;
	struct stat	 st1, st2;
	int		 fd, before;

	before = open_fds();
	CASE("read-nothing", imsg_read(&b, &m) == 0);
	CASE("compose", imsg_compose(&a, IMSG_DRAIN, 7, -1, NULL, 0) == 0);
	CASE("read", imsg_read(&b, &m) == 1 && m.type == IMSG_DRAIN &&
	    m.id == 7 && m.fd == -1 && m.len == 0);
	imsg_free(&m);

	memset(&s, 0, sizeof(s));
	s.kind = SOCK_TRANS6;
	s.count = 1;
	fd = dup(devnull);
	CASE("compose-fd", imsg_compose(&a, IMSG_SOCK_FD, UINT64_MAX, fd, &s,
	    sizeof(s)) == 0 && fcntl(fd, F_GETFD) == -1);
	CASE("read-fd", imsg_read(&b, &m) == 1 && m.id == UINT64_MAX &&
	    m.len == sizeof(s) && memcmp(m.data, &s, sizeof(s)) == 0 &&
	    m.fd != -1 && ((uintptr_t)m.data & 7) == 0);
	CASE("read-fd-same", fstat(m.fd, &st1) == 0 &&
	    fstat(devnull, &st2) == 0 && st1.st_ino == st2.st_ino);
	CASE("read-fd-cloexec", fcntl(m.fd, F_GETFD) == FD_CLOEXEC);
	fd = imsg_take_fd(&m);
	CASE("take-fd", fd != -1 && m.fd == -1 && imsg_take_fd(&m) == -1);
	imsg_free(&m);
	CASE("free-leaves-taken", fcntl(fd, F_GETFD) != -1);
	close(fd);

	imsg_compose(&a, IMSG_SOCK_FD, 0, dup(devnull), &s, sizeof(s));
	imsg_read(&b, &m);
	fd = m.fd;
	imsg_free(&m);
	CASE("free-closes", fcntl(fd, F_GETFD) == -1);
	CASE("read-no-leak", open_fds() == before);
}

static void
test_hostile(void)
{
	struct imsg	 m;
	int		 fds[8], before, i;
	size_t		 nets;

	for (i = 0; i < 8; i++)
		fds[i] = devnull;
	before = open_fds();
#define REFUSED(name, type, hdrlen, len, nfds)	\
	errno = 0; \
	CASE(name, read_raw(type, hdrlen, len, fds, nfds, &m) == -1 && \
	    errno == EBADMSG)

	CASE("raw", read_raw(IMSG_DRAIN, 0, 0, NULL, 0, &m) == 1);
	raw_send(a.fd, "\1\0\0", 3, NULL, 0);
	CASE("short-header", imsg_read(&b, &m) == -1 && errno == EBADMSG);
	raw_send(a.fd, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15, fds, 1);
	CASE("short-header-fd", imsg_read(&b, &m) == -1 && errno == EBADMSG);
	raw_send(a.fd, "", 0, fds, 1);
	CASE("empty-packet-fd", imsg_read(&b, &m) == -1 && errno == EBADMSG);
	REFUSED("length-more", IMSG_DRAIN, 1, 0, 0);
	REFUSED("length-less", IMSG_DRAIN, 0, 1, 0);
	REFUSED("length-huge", IMSG_DRAIN, UINT32_MAX, 0, 0);
	REFUSED("length-wrong", IMSG_CONF_RULE,
	    sizeof(struct conf_rule_wire) - 1,
	    sizeof(struct conf_rule_wire) - 1, 0);
	REFUSED("truncated", IMSG_CONF_RULE, sizeof(struct conf_rule_wire),
	    sizeof(struct conf_rule_wire) - 1, 0);
	nets = (IMSG_DATA_MAX / sizeof(struct conf_net)) *
	    sizeof(struct conf_net);
	CASE("largest", read_raw(IMSG_CONF_NET, (uint32_t)nets, nets, NULL, 0,
	    &m) == 1 && m.len == nets);
	REFUSED("over-largest", IMSG_CONF_NET,
	    (uint32_t)(nets + sizeof(struct conf_net)),
	    nets + sizeof(struct conf_net), 0);
	REFUSED("packet-too-long", IMSG_CONF_NET, (uint32_t)nets, 60000, 0);
	REFUSED("type-none", IMSG_NONE, 0, 0, 0);
	REFUSED("type-unknown", IMSG_MAX, 0, 0, 0);
	REFUSED("type-of-others", IMSG_SCAN_DONE,
	    sizeof(struct msg_scan_done), sizeof(struct msg_scan_done), 0);
	REFUSED("own-direction", IMSG_SOCK_REQ, sizeof(struct msg_sock),
	    sizeof(struct msg_sock), 0);
	REFUSED("fd-missing", IMSG_SOCK_FD, sizeof(struct msg_sock),
	    sizeof(struct msg_sock), 0);
	REFUSED("fd-surplus", IMSG_DRAIN, 0, 0, 1);
	REFUSED("fd-two", IMSG_SOCK_FD, sizeof(struct msg_sock),
	    sizeof(struct msg_sock), 2);
	REFUSED("fd-eight", IMSG_SOCK_FD, sizeof(struct msg_sock),
	    sizeof(struct msg_sock), 8);
	REFUSED("fd-two-surplus", IMSG_DRAIN, 0, 0, 2);
	CASE("hostile-no-leak", open_fds() == before);
	CASE("still-alive", read_raw(IMSG_DRAIN, 0, 0, NULL, 0, &m) == 1);

	/* The other way, states count. */
	imsg_compose(&b, IMSG_CONF_DONE, 0, -1, NULL, 0);
	CASE("state-any", imsg_read(&a, &m) == 1);
	a.state = PEER_NEW;
	imsg_compose(&b, IMSG_PONG, 0, -1, NULL, 0);
	CASE("state-wrong", imsg_read(&a, &m) == -1 && errno == EBADMSG);
	a.state = PEER_IDLE;
	imsg_compose(&b, IMSG_PONG, 0, -1, NULL, 0);
	CASE("state-right", imsg_read(&a, &m) == 1);
}

/* With a full table of descriptors the kernel drops one silently. */
static void
test_full_table(void)
{
	struct rlimit	 old, low;
	struct msg_sock	 s;
	struct imsg	 m;
	int		 ret, saved, before;

	before = open_fds();
	memset(&s, 0, sizeof(s));
	if (getrlimit(RLIMIT_NOFILE, &old) == -1)
		err(2, "getrlimit");
	imsg_compose(&a, IMSG_SOCK_FD, 0, dup(devnull), &s, sizeof(s));
	/* Every number below the limit is in use: 0 to the highest. */
	low = old;
	for (low.rlim_cur = 0; fcntl((int)low.rlim_cur, F_GETFD) != -1; )
		low.rlim_cur++;
	if (setrlimit(RLIMIT_NOFILE, &low) == -1)
		err(2, "setrlimit");
	ret = imsg_read(&b, &m);
	saved = errno;
	setrlimit(RLIMIT_NOFILE, &old);
	CASE("table-full", ret == -1 && saved == EMFILE);
	CASE("table-full-no-leak", open_fds() == before);
}

static void
test_queue(void)
{
	struct imsg	 m;
	uint8_t		 data[16000];
	uint64_t	 sent, got;
	int		 ok, before;

	memset(data, 0, sizeof(data));
	before = open_fds();
	for (sent = 0; a.nqueued < 100 && sent < 5000; sent++)
		if (imsg_compose(&a, IMSG_CONF_NET, sent, -1, data,
		    sizeof(data) / sizeof(struct conf_net) *
		    sizeof(struct conf_net)) == -1)
			break;
	CASE("queue", a.nqueued == 100);
	CASE("queue-fd", imsg_compose(&a, IMSG_SOCK_FD, sent++, dup(devnull),
	    data, sizeof(struct msg_sock)) == 0 && a.nqueued == 101);
	CASE("flush-full", imsgbuf_flush(&a) == 1);
	ok = 1;
	for (got = 0; got < sent; got++) {
		if (imsg_read(&b, &m) != 1) {
			if (imsgbuf_flush(&a) == -1 ||
			    imsg_read(&b, &m) != 1)
				break;
		}
		ok &= m.id == got && (m.fd != -1) == (got == sent - 1);
		imsg_free(&m);
	}
	CASE("queue-in-order", ok && got == sent);
	CASE("queue-empty", imsgbuf_flush(&a) == 0 && a.nqueued == 0);
	while (a.nqueued < IMSG_QUEUE_MAX)
		if (imsg_compose(&a, IMSG_DRAIN, 0, -1, NULL, 0) == -1)
			break;
	errno = 0;
	CASE("queue-full", imsg_compose(&a, IMSG_SOCK_FD, 0, dup(devnull),
	    data, sizeof(struct msg_sock)) == -1 && errno == ENOBUFS);
	do {
		while (imsg_read(&b, &m) == 1)
			imsg_free(&m);
	} while (imsgbuf_flush(&a) == 1);
	while (imsg_read(&b, &m) == 1)
		imsg_free(&m);
	CASE("queue-no-leak", open_fds() == before);
}

static void
test_closed(void)
{
	struct imsgbuf	 c, d;
	struct imsg	 m;
	struct msg_sock	 s;
	int		 sv[2], fd, before;

	before = open_fds();
	memset(&s, 0, sizeof(s));
	if (imsg_pair(sv) == -1)
		err(2, "imsg_pair");
	CASE("pair-flags", fcntl(sv[0], F_GETFD) == FD_CLOEXEC &&
	    (fcntl(sv[1], F_GETFL) & O_NONBLOCK) != 0);
	imsgbuf_init(&c, sv[0], PROC_MASTER, PROC_PROXY);
	imsgbuf_init(&d, sv[1], PROC_PROXY, PROC_MASTER);
	imsg_compose(&c, IMSG_DRAIN, 0, -1, NULL, 0);
	imsgbuf_clear(&c);
	CASE("closed-last-frame", imsg_read(&d, &m) == 1);
	CASE("closed", imsg_read(&d, &m) == -1 && errno == ECONNRESET);
	CASE("closed-compose", imsg_compose(&d, IMSG_CONF_DONE, 0, -1, NULL,
	    0) == -1 && errno == EPIPE);
	imsgbuf_clear(&d);
	imsgbuf_clear(&d);
	CASE("clear-twice", d.fd == -1);

	if (imsg_pair(sv) == -1)
		err(2, "imsg_pair");
	imsgbuf_init(&c, sv[0], PROC_MASTER, PROC_PROXY);
	while (c.nqueued < 10)
		imsg_compose(&c, IMSG_DRAIN, 0, -1, NULL, 0);
	fd = dup(devnull);
	imsg_compose(&c, IMSG_SOCK_FD, 0, fd, &s, sizeof(s));
	CASE("queued-fd-kept", fcntl(fd, F_GETFD) != -1);
	close(sv[1]);
	CASE("flush-closed", imsgbuf_flush(&c) == -1);
	imsgbuf_clear(&c);
	CASE("clear-closes-queued", fcntl(fd, F_GETFD) == -1);
	CASE("closed-no-leak", open_fds() == before);
}

/* Our own mistakes are fatal. */
static int
dies(void (*f)(void))
{
	pid_t	 pid;
	int	 status, fd;

	fflush(NULL);
	if ((pid = fork()) == -1)
		err(2, "fork");
	if (pid == 0) {
		fd = open("/dev/null", O_RDWR);
		dup2(fd, STDERR_FILENO);
		f();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == -1)
		err(2, "waitpid");
	return (WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void
compose_wrong_type(void)
{
	imsg_compose(&a, IMSG_CONF_DONE, 0, -1, NULL, 0);
}

static void
compose_wrong_length(void)
{
	imsg_compose(&a, IMSG_DRAIN, 0, -1, "x", 1);
}

static void
compose_without_fd(void)
{
	struct msg_sock	 s;

	memset(&s, 0, sizeof(s));
	imsg_compose(&a, IMSG_SOCK_FD, 0, -1, &s, sizeof(s));
}

static void
test_compose(void)
{
	CASE("compose-wrong-type", dies(compose_wrong_type));
	CASE("compose-wrong-length", dies(compose_wrong_length));
	CASE("compose-without-fd", dies(compose_without_fd));
}

int
main(void)
{
	int	 sv[2];

	log_init(LOG_TO_STDERR, "test_imsg", 0);
	if ((devnull = open("/dev/null", O_RDONLY)) == -1 ||
	    imsg_pair(sv) == -1)
		err(2, "setup");
	imsgbuf_init(&a, sv[0], PROC_MASTER, PROC_PROXY);
	imsgbuf_init(&b, sv[1], PROC_PROXY, PROC_MASTER);
	test_table();
	test_names();
	test_answers();
	test_read();
	test_hostile();
	test_full_table();
	test_queue();
	test_closed();
	test_compose();
	imsgbuf_clear(&a);
	imsgbuf_clear(&b);
	close(devnull);
	return (unit_failed);
}

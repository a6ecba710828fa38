/* SPDX-License-Identifier: ISC */

/* The table of what may be said by whom to whom, and its guard. */

#include <errno.h>
#include <string.h>

#include "conf.h"
#include "facts.h"
#include "parts.h"
#include "proto.h"
#include "utf8.h"

enum fd_rule {
	FD_NONE,
	FD_MUST,
};

enum len_rule {
	LEN_EXACT,
	LEN_MULTIPLE,		/* one or more of it, up to the frame's size */
};

/* Sets of processes, so that a row need not be written four times. */
#define P(type)		(1U << (type))
#define P_CHILDREN	(P(PROC_PROXY) | P(PROC_PARSER) | P(PROC_SCANNER) | \
			    P(PROC_STORE))

/*
 * Every frame that may cross a process boundary, and nothing else.  A frame
 * is accepted only if a row matches its type, both ends, its length and its
 * descriptor, while the sender is in one of the row's states.
 */
static const struct proto_rule {
	enum imsg_type	 type;
	unsigned int	 from, to;	/* sets of processes */
	size_t		 len;
	enum len_rule	 lenrule;
	enum fd_rule	 fd;
	unsigned int	 states;	/* of the sender */
} proto_rules[] = {
	{ IMSG_CONF_BEGIN, P(PROC_MASTER), P_CHILDREN,
	    sizeof(struct conf_globals), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_LISTENER, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_listener_wire), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_CONF_TABLE, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_table_wire), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CONF_NET, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_net), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CONF_SERVER, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_server_wire), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_DYNAMIC, P(PROC_MASTER), P(PROC_PROXY) | P(PROC_STORE),
	    sizeof(struct conf_dynamic_wire), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_RATE, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_rate_wire), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_DISCLAIMER, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_disclaimer_wire), LEN_EXACT, FD_NONE,
	    PEER_ANY },
	{ IMSG_CONF_OUTBOX, P(PROC_MASTER), P(PROC_PROXY) | P(PROC_STORE),
	    sizeof(struct conf_outbox), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_MAIL, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_mail_wire), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_RULE, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct conf_rule_wire), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CONF_LIST, P(PROC_MASTER), P(PROC_PROXY) | P(PROC_SCANNER),
	    sizeof(struct conf_list_wire), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CONF_ENTRY, P(PROC_MASTER), P(PROC_PROXY) | P(PROC_SCANNER),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CONF_USE, P(PROC_MASTER), P(PROC_PROXY) | P(PROC_SCANNER),
	    sizeof(struct conf_use_wire), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_END, P(PROC_MASTER), P_CHILDREN,
	    0, LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CONF_DONE, P_CHILDREN, P(PROC_MASTER),
	    0, LEN_EXACT, FD_NONE, PEER_ANY },

	{ IMSG_READY, P_CHILDREN, P(PROC_MASTER),
	    sizeof(struct msg_ready), LEN_EXACT, FD_NONE, PEER_NEW },
	{ IMSG_CHAN, P(PROC_MASTER), P_CHILDREN,
	    sizeof(struct msg_chan), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_DRAIN, P(PROC_MASTER), P_CHILDREN,
	    0, LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_PEER_BAD, P(PROC_PROXY) | P(PROC_STORE), P(PROC_MASTER),
	    sizeof(struct msg_peer_bad), LEN_EXACT, FD_NONE,
	    PEER_IDLE | PEER_BUSY },
	{ IMSG_SCAN_STALE, P(PROC_SCANNER), P(PROC_MASTER),
	    0, LEN_EXACT, FD_NONE, PEER_IDLE | PEER_BUSY },
	{ IMSG_SOCK_REQ, P(PROC_PROXY), P(PROC_MASTER),
	    sizeof(struct msg_sock), LEN_EXACT, FD_NONE,
	    PEER_IDLE | PEER_BUSY },
	{ IMSG_SOCK_FD, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct msg_sock), LEN_EXACT, FD_MUST, PEER_ANY },

	{ IMSG_PING, P(PROC_MASTER), P(PROC_PROXY),
	    0, LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_PONG, P(PROC_PROXY), P(PROC_MASTER),
	    0, LEN_EXACT, FD_NONE, PEER_IDLE | PEER_BUSY },
	{ IMSG_LOCAL, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct addr), LEN_MULTIPLE, FD_NONE, PEER_ANY },

	{ IMSG_SOURCE, P(PROC_PROXY), P(PROC_MASTER),
	    sizeof(struct msg_source), LEN_EXACT, FD_NONE,
	    PEER_IDLE | PEER_BUSY },
	{ IMSG_SOURCE, P(PROC_MASTER), P(PROC_PROXY),
	    sizeof(struct msg_source), LEN_EXACT, FD_NONE, PEER_ANY },

	{ IMSG_PARSE_REQ, P(PROC_PROXY), P(PROC_PARSER),
	    sizeof(struct msg_parse_req), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_PARSE_DONE, P(PROC_PARSER), P(PROC_PROXY),
	    sizeof(struct msg_parse_done), LEN_EXACT, FD_MUST, PEER_BUSY },

	{ IMSG_SCAN_REQ, P(PROC_PROXY), P(PROC_SCANNER),
	    sizeof(struct msg_scan_req), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_SCAN_REQ, P(PROC_SCANNER), P(PROC_SCANWORKER),
	    sizeof(struct msg_scan_req), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_SCAN_ARENA, P(PROC_PROXY), P(PROC_SCANNER),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_SCAN_ARENA, P(PROC_SCANNER), P(PROC_SCANWORKER),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_SCAN_FILE, P(PROC_SCANWORKER), P(PROC_SCANNER),
	    sizeof(struct file_fact), LEN_MULTIPLE, FD_NONE, PEER_BUSY },
	{ IMSG_SCAN_FILE, P(PROC_SCANNER), P(PROC_PROXY),
	    sizeof(struct file_fact), LEN_MULTIPLE, FD_NONE, PEER_BUSY },
	{ IMSG_SCAN_HIT, P(PROC_SCANWORKER), P(PROC_SCANNER),
	    sizeof(struct msg_scan_hit), LEN_EXACT, FD_NONE, PEER_BUSY },
	{ IMSG_SCAN_HIT, P(PROC_SCANNER), P(PROC_PROXY),
	    sizeof(struct msg_scan_hit), LEN_EXACT, FD_NONE, PEER_BUSY },
	{ IMSG_SCAN_DONE, P(PROC_SCANWORKER), P(PROC_SCANNER),
	    sizeof(struct msg_scan_done), LEN_EXACT, FD_NONE, PEER_BUSY },
	{ IMSG_SCAN_DONE, P(PROC_SCANNER), P(PROC_PROXY),
	    sizeof(struct msg_scan_done), LEN_EXACT, FD_NONE, PEER_BUSY },

	{ IMSG_MEMBER_ADD, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_member), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_MEMBER_SET, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_member), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_MEMBER_DEL, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_member), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_MEMBER_ALL, P(PROC_STORE), P(PROC_PROXY),
	    0, LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_TALLY, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_tally), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_COUNT, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_count), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_COUNT, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_count), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_record), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_RCPT, P(PROC_PROXY), P(PROC_STORE),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_FACT, P(PROC_PROXY), P(PROC_STORE),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_OUT, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_out), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_FATE, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_fate), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_MAIL, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_mail), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_RECORD_END, P(PROC_PROXY), P(PROC_STORE),
	    0, LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_REPLY, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_record_reply), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_RECORD_DONE, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_record_done), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_STATS, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_stats), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_SEND, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_send), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_SEND_RCPT, P(PROC_STORE), P(PROC_PROXY),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_SEND_MAIL, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_mail), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_SEND_DONE, P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_send_done), LEN_EXACT, FD_NONE, PEER_ANY },

	{ IMSG_BLOCK, P(PROC_STORE), P(PROC_MASTER),
	    sizeof(struct msg_block), LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CTL_LISTEN, P(PROC_MASTER), P(PROC_STORE),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_METRICS_LISTEN, P(PROC_MASTER), P(PROC_STORE),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_AUDIT_FILE, P(PROC_MASTER), P(PROC_STORE),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_AUDIT_JOURNAL, P(PROC_MASTER), P(PROC_STORE),
	    0, LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_STATUS, P(PROC_MASTER), P(PROC_STORE),
	    sizeof(struct msg_status), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CTL_REQ, P(PROC_CTL), P(PROC_STORE),
	    sizeof(struct msg_ctl), LEN_EXACT, FD_NONE, PEER_IDLE },
	{ IMSG_CTL_REQ, P(PROC_STORE), P(PROC_MASTER) | P(PROC_PROXY),
	    sizeof(struct msg_ctl), LEN_EXACT, FD_NONE,
	    PEER_IDLE | PEER_BUSY },
	{ IMSG_CTL_ROW, P(PROC_MASTER) | P(PROC_PROXY), P(PROC_STORE),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CTL_ROW, P(PROC_STORE), P(PROC_CTL),
	    1, LEN_MULTIPLE, FD_NONE, PEER_ANY },
	{ IMSG_CTL_END, P(PROC_MASTER) | P(PROC_PROXY), P(PROC_STORE),
	    sizeof(struct msg_ctl_end), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CTL_END, P(PROC_STORE), P(PROC_CTL),
	    sizeof(struct msg_ctl_end), LEN_EXACT, FD_NONE, PEER_ANY },
	{ IMSG_CTL_MAIL, P(PROC_STORE), P(PROC_CTL),
	    sizeof(struct msg_mail), LEN_EXACT, FD_MUST, PEER_ANY },
	/* With a message, or about an envelope alone. */
	{ IMSG_CTL_EXPLAIN, P(PROC_CTL), P(PROC_STORE),
	    sizeof(struct msg_explain), LEN_EXACT, FD_MUST, PEER_IDLE },
	{ IMSG_CTL_EXPLAIN, P(PROC_CTL), P(PROC_STORE),
	    sizeof(struct msg_explain), LEN_EXACT, FD_NONE, PEER_IDLE },
	{ IMSG_CTL_EXPLAIN, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_explain), LEN_EXACT, FD_MUST, PEER_ANY },
	{ IMSG_CTL_EXPLAIN, P(PROC_STORE), P(PROC_PROXY),
	    sizeof(struct msg_explain), LEN_EXACT, FD_NONE, PEER_ANY },
};

#define NRULES	(sizeof(proto_rules) / sizeof(proto_rules[0]))


_Static_assert(STATS_ACTIONS == ACTION_MAX, "counters of actions");
_Static_assert(sizeof(struct msg_explain) <= IMSG_DATA_MAX,
    "a question fits a frame");

int
proto_check(uint32_t type, enum proc_type from, enum proc_type to, size_t len,
    int has_fd, unsigned int state)
{
	const struct proto_rule	*r;
	size_t			 i;

	for (i = 0; i < NRULES; i++) {
		r = &proto_rules[i];
		if (r->type != type || (r->from & P(from)) == 0 ||
		    (r->to & P(to)) == 0 || (r->states & state) == 0)
			continue;
		if (has_fd != (r->fd == FD_MUST))
			continue;
		if (r->lenrule == LEN_EXACT && len == r->len)
			return (0);
		if (r->lenrule == LEN_MULTIPLE && len > 0 &&
		    len <= IMSG_DATA_MAX && len % r->len == 0)
			return (0);
	}
	errno = EBADMSG;
	return (-1);
}

const char *
proto_imsg_name(uint32_t type)
{
	static const char *const names[IMSG_MAX] = {
		[IMSG_NONE] = "none",
		[IMSG_CONF_BEGIN] = "conf-begin",
		[IMSG_CONF_LISTENER] = "conf-listener",
		[IMSG_CONF_TABLE] = "conf-table",
		[IMSG_CONF_NET] = "conf-net",
		[IMSG_CONF_LIST] = "conf-list",
		[IMSG_CONF_ENTRY] = "conf-entry",
		[IMSG_CONF_USE] = "conf-use",
		[IMSG_CONF_SERVER] = "conf-server",
		[IMSG_CONF_DYNAMIC] = "conf-dynamic",
		[IMSG_CONF_RATE] = "conf-rate",
		[IMSG_CONF_DISCLAIMER] = "conf-disclaimer",
		[IMSG_CONF_OUTBOX] = "conf-outbox",
		[IMSG_CONF_MAIL] = "conf-mail",
		[IMSG_CONF_RULE] = "conf-rule",
		[IMSG_CONF_END] = "conf-end",
		[IMSG_CONF_DONE] = "conf-done",
		[IMSG_READY] = "ready",
		[IMSG_CHAN] = "chan",
		[IMSG_DRAIN] = "drain",
		[IMSG_PEER_BAD] = "peer-bad",
		[IMSG_SCAN_STALE] = "scan-stale",
		[IMSG_SOCK_REQ] = "sock-req",
		[IMSG_SOCK_FD] = "sock-fd",
		[IMSG_PING] = "ping",
		[IMSG_PONG] = "pong",
		[IMSG_LOCAL] = "local",
		[IMSG_SOURCE] = "source",
		[IMSG_PARSE_REQ] = "parse-req",
		[IMSG_PARSE_DONE] = "parse-done",
		[IMSG_SCAN_REQ] = "scan-req",
		[IMSG_SCAN_ARENA] = "scan-arena",
		[IMSG_SCAN_FILE] = "scan-file",
		[IMSG_SCAN_HIT] = "scan-hit",
		[IMSG_SCAN_DONE] = "scan-done",
		[IMSG_MEMBER_ADD] = "member-add",
		[IMSG_MEMBER_SET] = "member-set",
		[IMSG_MEMBER_DEL] = "member-del",
		[IMSG_MEMBER_ALL] = "member-all",
		[IMSG_COUNT] = "count",
		[IMSG_TALLY] = "tally",
		[IMSG_RECORD] = "record",
		[IMSG_RECORD_RCPT] = "record-rcpt",
		[IMSG_RECORD_FACT] = "record-fact",
		[IMSG_RECORD_OUT] = "record-out",
		[IMSG_RECORD_MAIL] = "record-mail",
		[IMSG_RECORD_FATE] = "record-fate",
		[IMSG_RECORD_END] = "record-end",
		[IMSG_RECORD_REPLY] = "record-reply",
		[IMSG_RECORD_DONE] = "record-done",
		[IMSG_STATS] = "stats",
		[IMSG_SEND] = "send",
		[IMSG_SEND_RCPT] = "send-rcpt",
		[IMSG_SEND_MAIL] = "send-mail",
		[IMSG_SEND_DONE] = "send-done",
		[IMSG_BLOCK] = "block",
		[IMSG_CTL_LISTEN] = "ctl-listen",
		[IMSG_AUDIT_FILE] = "audit-file",
		[IMSG_AUDIT_JOURNAL] = "audit-journal",
		[IMSG_METRICS_LISTEN] = "metrics-listen",
		[IMSG_STATUS] = "status",
		[IMSG_CTL_REQ] = "ctl-req",
		[IMSG_CTL_ROW] = "ctl-row",
		[IMSG_CTL_END] = "ctl-end",
		[IMSG_CTL_MAIL] = "ctl-mail",
		[IMSG_CTL_EXPLAIN] = "ctl-explain",
	};

	if (type >= IMSG_MAX || names[type] == NULL)
		return ("unknown");
	return (names[type]);
}

const char *
proto_proc_name(enum proc_type type)
{
	static const char *const names[PROC_MAX] = {
		[PROC_MASTER] = "master",
		[PROC_PROXY] = "proxy",
		[PROC_PARSER] = "parser",
		[PROC_SCANNER] = "scanner",
		[PROC_SCANWORKER] = "scan-worker",
		[PROC_STORE] = "store",
		[PROC_CTL] = "ctl",
	};

	if ((unsigned int)type >= PROC_MAX)
		return ("unknown");
	return (names[type]);
}

const char *
proto_verdict_name(uint32_t verdict)
{
	static const char *const names[VERDICT_MAX] = {
		[VERDICT_CLEAN] = "clean",
		[VERDICT_UNSCANNABLE] = "unscannable",
		[VERDICT_SCANNER_FAILED] = "scanner-failed",
		[VERDICT_VIRUS] = "virus",
	};

	if (verdict >= VERDICT_MAX)
		return ("unknown");
	return (names[verdict]);
}

const char *
proto_fault_name(uint32_t fault)
{
	static const char *const names[FAULT_MAX] = {
		[FAULT_FRAME] = "bad frame",
		[FAULT_DATA] = "impossible answer",
		[FAULT_TIMEOUT] = "time-out",
	};

	if (fault >= FAULT_MAX)
		return ("unknown fault");
	return (names[fault]);
}

int
proto_get_parse_done(const void *data, const struct msg_parse_req *req,
    struct msg_parse_done *done)
{
	memcpy(done, data, sizeof(*done));
	if (done->nparts == 0 || done->nparts > req->max_parts ||
	    done->arena_size > req->max_decoded ||
	    done->arena_size < sizeof(struct arena_head) ||
	    (done->anomalies & ~ANOMALIES_ALL) != 0 ||
	    (done->limits & ~(uint32_t)LIMITS_ALL) != 0 ||
	    !utf8_line(done->subject, sizeof(done->subject)) ||
	    !utf8_line(done->msgid, sizeof(done->msgid))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_get_scan_done(const void *data, struct msg_scan_done *done)
{
	size_t	 i;

	memcpy(done, data, sizeof(*done));
	if (done->verdict >= VERDICT_MAX ||
	    (done->flags & ~(uint32_t)SCAN_FLAGS_ALL) != 0 ||
	    (done->other_flags & ~FF_ALL) != 0 ||
	    done->other_types >= FT_BIT(FT_MAX) ||
	    (done->part != SCAN_RAW && done->part >= PARSE_PARTS_MAX))
		goto bad;
	for (i = 0; i < sizeof(done->name) && done->name[i] != '\0'; i++)
		if (done->name[i] < 0x20 || done->name[i] > 0x7e)
			goto bad;
	if (i == sizeof(done->name))
		goto bad;
	/* Whatever is not clean has a name, and nothing else has one. */
	if ((done->verdict == VERDICT_CLEAN) != (done->name[0] == '\0'))
		goto bad;
	return (0);
bad:
	errno = EBADMSG;
	return (-1);
}

int
proto_get_scan_hit(const void *data, uint32_t nuses, struct msg_scan_hit *hit)
{
	memcpy(hit, data, sizeof(*hit));
	if (hit->use >= nuses || hit->nhits == 0 ||
	    hit->scope >= CONF_SCOPES ||
	    (hit->part != SCAN_RAW && hit->part >= PARSE_PARTS_MAX) ||
	    !utf8_line(hit->entry, sizeof(hit->entry)) ||
	    !utf8_line(hit->excerpt, sizeof(hit->excerpt))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_strings(const void *data, size_t len)
{
	const uint8_t	*p;
	size_t		 i;
	int		 n;

	p = data;
	n = 0;
	for (i = 0; i < len; i++) {
		if (p[i] == 0)
			n++;
		else if (p[i] < 0x20 || p[i] == 0x7f)
			break;
	}
	if (n == 0 || i < len || p[len - 1] != 0) {
		errno = EBADMSG;
		return (-1);
	}
	return (n);
}

const char *
proto_next(const void *data, size_t len, const char *s)
{
	const char	*end;

	end = (const char *)data + len;
	s += strlen(s) + 1;
	return (s < end ? s : NULL);
}

/* An address, or none. */
static int
family_ok(const struct addr *a)
{
	return (a->family == 0 || a->family == 4 || a->family == 6);
}

int
proto_get_record(const void *data, struct msg_record *r)
{
	memcpy(r, data, sizeof(*r));
	if ((r->flags & ~(uint32_t)RECORD_FLAGS_ALL) != 0 ||
	    !family_ok(&r->client) || !family_ok(&r->dest) ||
	    r->verdict >= VERDICT_MAX || r->action >= ACTION_MAX ||
	    r->nrcpt > SMTP_RCPT_MAX || r->nparts > PARSE_PARTS_MAX ||
	    r->size > MAX_MESSAGE_SIZE ||
	    ((r->flags & (RECORD_QUARANTINE | RECORD_OUT)) &&
	    !(r->flags & RECORD_SYNC)) ||
	    !utf8_line(r->helo, sizeof(r->helo)) ||
	    !utf8_line(r->from, sizeof(r->from)) ||
	    !utf8_line(r->subject, sizeof(r->subject)) ||
	    !utf8_line(r->msgid, sizeof(r->msgid)) ||
	    !utf8_line(r->name, sizeof(r->name)) ||
	    !utf8_line(r->reply, sizeof(r->reply))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_get_out(const void *data, struct msg_out *o)
{
	memcpy(o, data, sizeof(*o));
	if (!family_ok(&o->server) || o->kind >= OUT_MAX ||
	    o->if_added > (o->kind == OUT_NOTIFY) ||
	    !utf8_line(o->to, sizeof(o->to)) ||
	    !utf8_line(o->text, sizeof(o->text)) ||
	    (o->kind == OUT_REPLY) != (o->to[0] == '\0')) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_is_name(const char *s, size_t size)
{
	size_t	 i;

	for (i = 0; i < size && s[i] != '\0'; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') ||
		    (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
		    s[i] == '-' || s[i] == '.'))
			return (0);
	return (i > 0 && i < size);
}

int
proto_get_tally(const void *data, struct msg_tally *t)
{
	memcpy(t, data, sizeof(*t));
	if (proto_is_name(t->name, sizeof(t->name)))
		return (0);
	errno = EBADMSG;
	return (-1);
}

int
proto_get_member(const void *data, struct msg_member *m)
{
	memcpy(m, data, sizeof(*m));
	if (m->table[0] == '\0' || m->key[0] == '\0' ||
	    !utf8_line(m->table, sizeof(m->table)) ||
	    !utf8_line(m->key, sizeof(m->key)) ||
	    !utf8_line(m->why, sizeof(m->why))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_get_count(const void *data, struct msg_count *m)
{
	memcpy(m, data, sizeof(*m));
	if (m->event >= RATE_EVENT_MAX || m->by >= RATE_KEY_MAX ||
	    m->within < 1 || m->within > MAX_KEEP || m->key[0] == '\0' ||
	    !utf8_line(m->key, sizeof(m->key))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_get_record_reply(const void *data, struct msg_record_reply *r)
{
	memcpy(r, data, sizeof(*r));
	if (r->number == 0 || !utf8_line(r->reply, sizeof(r->reply))) {
		errno = EBADMSG;
		return (-1);
	}
	return (0);
}

int
proto_get_explain(const void *data, int has_fd, struct msg_explain *m)
{
	int	 n;

	memcpy(m, data, sizeof(*m));
	if ((m->flags & ~(uint32_t)EXPLAIN_ALL) != 0 ||
	    ((m->flags & EXPLAIN_MAIL) != 0) != has_fd ||
	    (!has_fd && m->size != 0) ||
	    (m->source.family != 4 && m->source.family != 6) ||
	    (m->dest.family != 4 && m->dest.family != 6 &&
	    m->dest.family != 0) ||
	    m->nrcpt > SMTP_RCPT_MAX || m->rcpt_len > sizeof(m->rcpt) ||
	    !utf8_line(m->listener, sizeof(m->listener)) ||
	    !utf8_line(m->helo, sizeof(m->helo)) ||
	    !utf8_line(m->from, sizeof(m->from)))
		goto bad;
	n = m->rcpt_len == 0 ? 0 : proto_strings(m->rcpt, m->rcpt_len);
	if (n == -1 || (uint32_t)n != m->nrcpt)
		goto bad;
	return (0);
bad:
	errno = EBADMSG;
	return (-1);
}

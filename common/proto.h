/* SPDX-License-Identifier: ISC */

/*
 * What the processes of mailwall say to each other.  The payloads below are
 * the whole protocol; proto.c has the table that says which frame may go from
 * whom to whom.  All processes run on one host and come from one build, so
 * integers are in host order; every structure is padded by hand, and zeroed
 * before it is filled, so that no stray memory crosses a boundary.
 */

#ifndef MAILWALL_PROTO_H
#define MAILWALL_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "limits.h"

enum proc_type {
	PROC_MASTER,
	PROC_PROXY,
	PROC_PARSER,
	PROC_SCANNER,		/* the loader: dispatches to its workers */
	PROC_SCANWORKER,	/* a forked child of the loader */
	PROC_STORE,		/* what outlives a session */
	PROC_CTL,		/* an operator's mailwallctl */
	PROC_MAX
};

enum imsg_type {
	IMSG_NONE,

	/* master -> any: a new configuration follows, up to IMSG_CONF_END */
	IMSG_CONF_BEGIN,	/* struct conf_globals */
	IMSG_CONF_LISTENER,	/* struct conf_listener_wire + socket */
	IMSG_CONF_TABLE,	/* struct conf_table_wire, one or more */
	IMSG_CONF_NET,		/* struct conf_net, one or more */
	IMSG_CONF_LIST,		/* struct conf_list_wire, one or more */
	IMSG_CONF_ENTRY,	/* whole entries of the lists, see conf.h */
	IMSG_CONF_USE,		/* struct conf_use_wire */
	IMSG_CONF_SERVER,	/* struct conf_server_wire */
	IMSG_CONF_DYNAMIC,	/* struct conf_dynamic_wire */
	IMSG_CONF_RATE,		/* struct conf_rate_wire */
	IMSG_CONF_DISCLAIMER,	/* struct conf_disclaimer_wire */
	IMSG_CONF_OUTBOX,	/* struct conf_outbox */
	IMSG_CONF_MAIL,		/* struct conf_mail_wire */
	IMSG_CONF_RULE,		/* struct conf_rule_wire, one or more */
	IMSG_CONF_END,		/* empty: use it now */
	/* any -> master: the new configuration is in use */
	IMSG_CONF_DONE,		/* empty */

	/* any -> master: confined and able to work */
	IMSG_READY,		/* struct msg_ready */
	/* master -> any: a channel to another process (descriptor) */
	IMSG_CHAN,		/* struct msg_chan */
	/* master -> any: take nothing new, finish, exit */
	IMSG_DRAIN,		/* empty */
	/* proxy, store -> master: that one misbehaved or hung, replace it */
	IMSG_PEER_BAD,		/* struct msg_peer_bad */
	/* scanner -> master: the signatures on disk are newer than mine */
	IMSG_SCAN_STALE,	/* empty */
	/* proxy -> master: my stock of sockets runs low */
	IMSG_SOCK_REQ,		/* struct msg_sock */
	/* master -> proxy: an unbound TCP socket (descriptor) */
	IMSG_SOCK_FD,		/* struct msg_sock */

	/* master -> proxy: is your loop alive?  and its answer */
	IMSG_PING,		/* empty */
	IMSG_PONG,		/* empty */
	/* master -> proxy: all addresses of this host; the last list counts */
	IMSG_LOCAL,		/* struct addr, one or more */
	/* proxy -> master: sessions that I have of a source; and its answer:
	   those that all others have together */
	IMSG_SOURCE,		/* struct msg_source */

	/* proxy -> parser: take this message apart (sealed memfd) */
	IMSG_PARSE_REQ,		/* struct msg_parse_req */
	/* parser -> proxy: done (sealed memfd: the arena, see parts.h) */
	IMSG_PARSE_DONE,	/* struct msg_parse_done */

	/* proxy -> scanner -> worker: scan this message (sealed memfd) ... */
	IMSG_SCAN_REQ,		/* struct msg_scan_req */
	/* ... and its arena, always the next frame, same id (sealed memfd) */
	IMSG_SCAN_ARENA,	/* empty */
	/* worker -> scanner -> proxy: files that were found */
	IMSG_SCAN_FILE,		/* struct file_fact, one or more */
	/* worker -> scanner -> proxy: text that rules look for was found */
	IMSG_SCAN_HIT,		/* struct msg_scan_hit */
	/* worker -> scanner -> proxy: what was found; ends the request */
	IMSG_SCAN_DONE,		/* struct msg_scan_done */

	/* proxy -> store: a rule wants this in its table ... */
	IMSG_MEMBER_ADD,	/* struct msg_member */
	/* ... store -> proxy: it is in, for all; it is out again; these are
	   all that there were when the channel was made */
	IMSG_MEMBER_SET,	/* struct msg_member */
	IMSG_MEMBER_DEL,	/* struct msg_member */
	IMSG_MEMBER_ALL,	/* empty */

	/* proxy -> store: this has happened; store -> all other proxies */
	IMSG_COUNT,		/* struct msg_count */
	/* proxy -> store: a rule has matched that is counted by its label */
	IMSG_TALLY,		/* struct msg_tally */

	/* proxy -> store: what became of a message, same id, in this order */
	IMSG_RECORD,		/* struct msg_record */
	IMSG_RECORD_RCPT,	/* strings, as many as the record says */
	IMSG_RECORD_FACT,	/* strings: lines of the log about it */
	IMSG_RECORD_OUT,	/* struct msg_out: to be sent because of it */
	IMSG_RECORD_MAIL,	/* struct msg_mail + sealed memfd */
	IMSG_RECORD_END,	/* empty */
	/* proxy -> store: what the server has said to a message that was
	   kept, and then delivered */
	IMSG_RECORD_REPLY,	/* struct msg_record_reply */
	/* later, with the same id: a message with copies has arrived or not */
	IMSG_RECORD_FATE,	/* struct msg_fate */
	/* store -> proxy: it is on disk, or is not; only if RECORD_SYNC */
	IMSG_RECORD_DONE,	/* struct msg_record_done */
	/* proxy -> store: numbers since its start, every second */
	IMSG_STATS,		/* struct msg_stats */

	/* store -> proxy: send this message, same id, in this order */
	IMSG_SEND,		/* struct msg_send */
	IMSG_SEND_RCPT,		/* strings, as many as it says */
	IMSG_SEND_MAIL,		/* struct msg_mail + descriptor to read */
	/* proxy -> store: what the server has said */
	IMSG_SEND_DONE,		/* struct msg_send_done */

	/* store -> master: the kernel shall drop these, or no more */
	IMSG_BLOCK,		/* struct msg_block, one or more */

	/* master -> store: operators connect here (listening descriptor) */
	IMSG_CTL_LISTEN,	/* empty */
	/* master -> store: who asks for numbers connects here (listening
	   descriptor); the sockets of an older configuration are closed at
	   IMSG_CONF_END */
	IMSG_METRICS_LISTEN,	/* empty */
	/* master -> store: append lines of JSON here (a file), from the next
	   IMSG_CONF_END on; without it before that there are none */
	IMSG_AUDIT_FILE,	/* empty */
	/* likewise; it is a socket, connected to the system's journal */
	IMSG_AUDIT_JOURNAL,	/* empty */
	/* master -> store: processes that there are, when that changes */
	IMSG_STATUS,		/* struct msg_status */
	/* ctl -> store; what others must answer store -> master, proxy */
	IMSG_CTL_REQ,		/* struct msg_ctl */
	/* ... and the way back: any number of rows, then the end.  A row is
	   name and value in turn, strings */
	IMSG_CTL_ROW,		/* strings */
	IMSG_CTL_END,		/* struct msg_ctl_end */
	/* store -> ctl: a message in quarantine (descriptor to read) */
	IMSG_CTL_MAIL,		/* struct msg_mail */
	/* ctl -> store -> a proxy: what would become of this?  The message is
	   a sealed memfd, if there is one; answered as IMSG_CTL_REQ is */
	IMSG_CTL_EXPLAIN,	/* struct msg_explain */

	IMSG_MAX
};

/*
 * State of a channel's other end, a bit each, kept by the owner of the
 * channel and consulted by the table before a handler sees the frame.
 */
#define PEER_NEW	0x1	/* started, not ready yet */
#define PEER_IDLE	0x2	/* ready, owes us nothing */
#define PEER_BUSY	0x4	/* ready, owes us an answer */
#define PEER_ANY	(PEER_NEW | PEER_IDLE | PEER_BUSY)

/* Payload of IMSG_READY. */
struct msg_ready {
	uint64_t	 signatures;	/* scanner: number loaded, else 0 */
	uint64_t	 database_time;	/* scanner: newest file, epoch s */
};

/* Payload of IMSG_CHAN.  The channel is the attached descriptor. */
struct msg_chan {
	uint32_t	 peer;		/* enum proc_type at its other end */
	uint32_t	 instance;	/* its number, never reused */
	uint64_t	 content;	/* scanner: the lists that it looks for,
					   struct conf_globals has the same */
};

/* Payload of IMSG_PEER_BAD. */
struct msg_peer_bad {
	uint32_t	 peer;		/* enum proc_type */
	uint32_t	 instance;
	uint32_t	 reason;	/* enum peer_fault */
	uint32_t	 pad;		/* zero */
	uint64_t	 session;	/* whose message it was, or 0 */
};

enum peer_fault {
	FAULT_FRAME,		/* sent a frame that the table refuses */
	FAULT_DATA,		/* sent a frame whose content is impossible */
	FAULT_TIMEOUT,		/* did not answer in time */
	FAULT_MAX
};

/*
 * Payload of IMSG_SOCK_REQ and IMSG_SOCK_FD.  A transparent socket may be
 * bound to an address that is not ours (IP_TRANSPARENT is already set).
 */
struct msg_sock {
	uint32_t	 kind;		/* enum sock_kind */
	uint32_t	 count;		/* request: how many, 1 to 64; else 1 */
};

enum sock_kind {
	SOCK_PLAIN4,
	SOCK_PLAIN6,
	SOCK_TRANS4,
	SOCK_TRANS6,
	SOCK_KIND_MAX
};

#define SOCK_REQ_MAX	64

/* Payload of IMSG_SOURCE. */
struct msg_source {
	struct addr	 source;	/* masked, see source_bits4; no port */
	uint32_t	 count;
};

/* Payload of IMSG_PARSE_REQ.  The message is the attached descriptor. */
struct msg_parse_req {
	uint64_t	 session;	/* for the log only */
	uint64_t	 size;		/* of the message, bytes */
	uint32_t	 max_parts;	/* 1 to PARSE_PARTS_MAX */
	uint32_t	 max_depth;	/* 1 to PARSE_DEPTH_MAX */
	uint64_t	 max_decoded;	/* bytes of the whole arena */
	uint32_t	 want_text;	/* 1: text is looked at afterwards */
	uint32_t	 pad;		/* zero */
};

/* Payload of IMSG_PARSE_DONE.  The arena is the attached descriptor. */
struct msg_parse_done {
	uint64_t	 arena_size;	/* bytes */
	uint64_t	 anomalies;	/* union of all parts, see parts.h */
	uint32_t	 nparts;
	uint32_t	 limits;	/* LIMIT_* of parts.h; 0: all read */
	char		 subject[RECORD_TEXT_MAX]; /* decoded; for people */
	char		 msgid[RECORD_TEXT_MAX];
};

/* Payload of IMSG_SCAN_REQ.  The message is the attached descriptor. */
struct msg_scan_req {
	uint64_t	 session;	/* for the log only */
	uint64_t	 size;		/* of the message, bytes */
	uint64_t	 arena_size;	/* of the arena that follows */
};

/*
 * What a message is.  The order is the precedence: of several findings in
 * one message the highest is the message's verdict.
 */
enum verdict {
	VERDICT_CLEAN,
	VERDICT_UNSCANNABLE,	/* something could not be looked into */
	VERDICT_SCANNER_FAILED,	/* time-out, crash, garbled answer */
	VERDICT_VIRUS,
	VERDICT_MAX
};

/* Payload of IMSG_SCAN_DONE. */
struct msg_scan_done {
	uint32_t	 verdict;	/* enum verdict */
	uint32_t	 part;		/* index in the arena, or SCAN_RAW */
	uint32_t	 nhits;		/* findings; the worst is named */
	uint32_t	 usec;		/* time spent scanning */
	uint32_t	 flags;		/* SCAN_* */
	uint32_t	 other_flags;	/* FF_* of files that found no room */
	uint64_t	 other_types;	/* FT_BIT()s, likewise */
	char		 name[SCAN_NAME_MAX];	/* virus, or what could not be
						   inspected and why; printable
						   ASCII, NUL-terminated */
};

#define SCAN_MATCHED	0x1	/* all text was held against all lists */
#define SCAN_FLAGS_ALL	0x1
#define SCAN_RAW	UINT32_MAX	/* found in the message as a whole */

/*
 * Payload of IMSG_SCAN_HIT: one list of words in its scopes (a "use" of
 * conf.h), at most one frame for each.  Texts are UTF-8 without controls,
 * NUL-terminated, cut at a character.
 */
struct msg_scan_hit {
	uint32_t	 use;		/* id */
	uint32_t	 nhits;		/* different entries, at least 1 */
	uint32_t	 score;		/* sum of their weights */
	uint32_t	 scope;		/* enum text_scope of the first */
	uint32_t	 part;		/* index in the arena, or SCAN_RAW */
	uint32_t	 pad;		/* zero */
	uint64_t	 offset;	/* bytes into that text */
	char		 entry[SCAN_ENTRY_MAX];	/* what it was */
	char		 excerpt[SCAN_EXCERPT_MAX];	/* and where */
};

/*
 * "Strings" in a payload are one behind the other, each with its NUL, at
 * least one, none cut by the end of the frame; proto_strings() checks that.
 */

/*
 * Payload of IMSG_MEMBER_*.  A key is an address in numbers, or a path in
 * small letters as MAIL and RCPT have it, without brackets; "@domain" stands
 * for all of a domain, "<>" for the empty sender.
 */
struct msg_member {
	uint64_t	 expires;	/* epoch, s; 0: never */
	uint32_t	 after;		/* ADD: the so many-th wish counts, */
	uint32_t	 within;	/* of those in so many s; 0: all */
	char		 table[CONF_NAME_MAX];
	char		 key[MEMBER_KEY_MAX];
	char		 why[MEMBER_WHY_MAX];	/* for the operator */
};

/* Payload of IMSG_TALLY. */
struct msg_tally {
	char		 name[CONF_LABEL_MAX];	/* see proto_is_name() */
};

/* Payload of IMSG_COUNT: one event more of a count over time. */
struct msg_count {
	uint32_t	 event;		/* enum rate_event */
	uint32_t	 by;		/* enum rate_key */
	uint32_t	 within;	/* s */
	uint32_t	 pad;		/* zero */
	char		 key[MEMBER_KEY_MAX];	/* address or path, ended */
};

/* IMSG_BLOCK has an array of these. */
struct msg_block {
	struct addr	 addr;		/* no port */
	uint32_t	 seconds;	/* 0: for ever */
	uint32_t	 remove;	/* 1: no more */
};

/* Payload of IMSG_RECORD.  Strings are UTF-8 without controls, ended. */
struct msg_record {
	uint64_t	 session;
	uint64_t	 time;		/* epoch, ms: when the dot came */
	uint64_t	 size;		/* of the message, bytes */
	struct addr	 client;
	struct addr	 dest;
	uint32_t	 flags;		/* RECORD_* */
	uint32_t	 verdict;	/* enum verdict */
	uint32_t	 action;	/* enum rule_action */
	uint32_t	 line;		/* of the rule; 0: none decided */
	uint32_t	 nrcpt;		/* strings in IMSG_RECORD_RCPT */
	uint32_t	 nparts;
	uint32_t	 recv_ms;
	uint32_t	 parse_us;
	uint32_t	 scan_us;
	uint32_t	 deliver_ms;
	char		 helo[RECORD_HELO_MAX];
	char		 from[SMTP_ADDR_MAX + 8];	/* "" is <> */
	char		 subject[RECORD_TEXT_MAX];
	char		 msgid[RECORD_TEXT_MAX];
	char		 name[SCAN_NAME_MAX];	/* virus or reason */
	char		 reply[CONF_REPLY_MAX];	/* what the client heard */
};

#define RECORD_SYNC		0x1	/* answer, when it is on disk */
#define RECORD_QUARANTINE	0x2	/* with the message: keep it */
#define RECORD_AUTH		0x4	/* the client has authenticated */
#define RECORD_TRIED		0x8	/* the rule is only tried: "mark" */
#define RECORD_OUT		0x10	/* with the message: to be sent */
#define RECORD_FLAGS_ALL	0x1f

/* What is sent because of a message. */
enum out_kind {
	OUT_NOTIFY,		/* a notice about it */
	OUT_REPLY,		/* an answer to its sender, RFC 3834 */
	OUT_COPY,		/* a copy, if it is delivered: see msg_fate */
	OUT_REDIRECT,		/* the message, to another recipient */
	OUT_MAX
};

/* Payload of IMSG_RECORD_OUT. */
struct msg_out {
	struct addr	 server;	/* family 0: the message's own, or
					   that of notices */
	uint32_t	 kind;		/* enum out_kind */
	uint32_t	 if_added;	/* OUT_NOTIFY, 1: only when what came
					   before it had its session added to
					   a table, at last */
	char		 to[MAIL_ADDR_MAX];	/* OUT_REPLY: "", the sender */
	char		 text[MAIL_TEXT_MAX];	/* OUT_REPLY; OUT_NOTIFY, or
						   "" */
};

/*
 * Payload of IMSG_RECORD_FATE, of a record with OUT_COPY: send it, or forget
 * it.  A copy whose fate never comes is sent.
 */
struct msg_fate {
	uint32_t	 arrived;	/* 1 or 0 */
	uint32_t	 pad;		/* zero */
};

/* Payload of IMSG_RECORD_MAIL, IMSG_SEND_MAIL, IMSG_CTL_MAIL. */
struct msg_mail {
	uint64_t	 size;		/* bytes */
};

/* Payload of IMSG_RECORD_DONE. */
struct msg_record_done {
	uint32_t	 error;		/* errno; 0: it is on disk */
	uint32_t	 pad;		/* zero */
	uint64_t	 number;	/* of a message that is kept, or has
					   copies; else 0 */
};

/* Payload of IMSG_RECORD_REPLY: for a record whose reply is empty. */
struct msg_record_reply {
	uint64_t	 number;	/* as msg_record_done has it */
	uint64_t	 session;
	uint32_t	 deliver_ms;
	uint32_t	 pad;		/* zero */
	char		 reply[CONF_REPLY_MAX];	/* as in msg_record */
};

/* What takes time, in the order of struct msg_stats. */
enum stats_phase {
	STATS_RECEIVE,		/* from 354 to the dot */
	STATS_PARSE,
	STATS_SCAN,
	STATS_DELIVER,		/* from the first byte to the reply */
	STATS_PHASE_MAX
};

#define STATS_BUCKETS	16	/* of stats.c; the last has no bound */

/*
 * Payload of IMSG_STATS: counted since the process began, except for what is
 * said to be now.
 */
struct msg_stats {
	uint64_t	 sessions;
	uint64_t	 sessions_now;
	uint64_t	 refused;	/* of the sessions, before a server */
	uint64_t	 messages;
	uint64_t	 messages_now;	/* in hand */
	uint64_t	 bytes;		/* of messages */
	uint64_t	 spool;		/* bytes now */
	uint64_t	 spool_max;
	uint64_t	 verdict[VERDICT_MAX];
	uint64_t	 action[STATS_ACTIONS];	/* by enum rule_action */
	uint64_t	 parse_us;	/* sums */
	uint64_t	 scan_us;
	uint64_t	 deliver_us;
	uint64_t	 receive_us;
	/* Messages by the time they took, each in one bucket alone. */
	uint64_t	 bucket[STATS_PHASE_MAX][STATS_BUCKETS];
};

/* Payload of IMSG_STATUS.  Arrays are by enum proc_type. */
struct msg_status {
	uint64_t	 deaths[PROC_MAX];	/* unasked, since the start */
	uint64_t	 ready[PROC_MAX];	/* now */
	uint64_t	 signatures;		/* of the scanner in use */
	uint64_t	 database_time;		/* its newest file, epoch s */
	uint64_t	 started;		/* master, epoch s */
	uint64_t	 configured;		/* the same of its file */
};

/* Payload of IMSG_SEND. */
struct msg_send {
	struct addr	 dest;		/* server */
	uint32_t	 nrcpt;		/* strings in IMSG_SEND_RCPT */
	uint32_t	 pad;		/* zero */
	char		 from[SMTP_ADDR_MAX + 8];
};

/* Payload of IMSG_SEND_DONE. */
struct msg_send_done {
	uint32_t	 code;		/* of the last reply; 0: none came */
	uint32_t	 naccepted;	/* recipients */
	char		 text[CONF_REPLY_MAX];	/* that reply, or what failed */
};

enum ctl_command {
	CTL_STATUS,		/* of processes: rows from master */
	CTL_STATS,		/* of messages, all proxies together */
	CTL_SESSIONS,		/* rows from the proxies */
	CTL_LOG,		/* records: from, until, key: text in them */
	CTL_TRACE,		/* number: all about a session's id */
	CTL_QUARANTINE_LIST,	/* as CTL_LOG */
	CTL_QUARANTINE_SHOW,	/* number: a row, and IMSG_CTL_MAIL */
	CTL_QUARANTINE_RELEASE,	/* number; key: other recipient, or "" */
	CTL_QUARANTINE_DELETE,	/* number */
	CTL_TABLES,		/* those that are dynamic */
	CTL_TABLE_SHOW,		/* table */
	CTL_TABLE_ADD,		/* table, key; until: epoch, s, or 0 */
	CTL_TABLE_DELETE,	/* table, key */
	CTL_TABLE_FLUSH,	/* table */
	CTL_OUTBOX_LIST,
	CTL_OUTBOX_SHOW,	/* number: a row, and IMSG_CTL_MAIL */
	CTL_OUTBOX_DELETE,	/* number */
	CTL_OUTBOX_RETRY,	/* number; 0: all */
	CTL_RELOAD,		/* to master */
	CTL_VERBOSE,		/* number: 0 or 1; to master */
	CTL_METRICS,		/* rows of a line each, for Prometheus */
	CTL_COMMAND_MAX
};

/* Payload of IMSG_CTL_REQ. */
struct msg_ctl {
	uint32_t	 command;	/* enum ctl_command */
	uint32_t	 limit;		/* rows; 0: CTL_ROWS_DEFAULT */
	uint64_t	 number;
	uint64_t	 from;		/* epoch, s; 0: no limit */
	uint64_t	 until;
	char		 table[CONF_NAME_MAX];
	char		 key[MEMBER_KEY_MAX];
};

/*
 * Payload of IMSG_CTL_EXPLAIN.  Paths are without their brackets; strings are
 * UTF-8 without controls, ended.
 */
struct msg_explain {
	struct addr	 source;
	struct addr	 dest;		/* family 0: that of the listener */
	uint64_t	 time;		/* epoch, s; 0: now */
	uint64_t	 size;		/* of the message, bytes */
	uint32_t	 flags;		/* EXPLAIN_* */
	uint32_t	 nrcpt;
	uint32_t	 rcpt_len;	/* bytes of rcpt */
	uint32_t	 pad;		/* zero */
	char		 listener[CONF_NAME_MAX];	/* "": the first */
	char		 helo[SMTP_HELO_MAX];
	char		 from[SMTP_ADDR_MAX + 8];
	char		 rcpt[EXPLAIN_RCPT_MAX];	/* strings, nrcpt */
};

#define EXPLAIN_HELO	0x1	/* the client says helo, */
#define EXPLAIN_AUTH	0x2	/* logs in, */
#define EXPLAIN_FROM	0x4	/* says from, */
#define EXPLAIN_MAIL	0x8	/* and sends the message of the descriptor */
#define EXPLAIN_TLS	0x10	/* over TLS, a PROXY header says */
#define EXPLAIN_ALL	0x1f

/* Payload of IMSG_CTL_END. */
struct msg_ctl_end {
	uint32_t	 error;		/* errno; 0: well */
	uint32_t	 nrows;
	char		 text[CONF_REPLY_MAX];	/* for a person; may be "" */
};

/*
 * Is this frame allowed?  Looks it up in the table of proto.c: type, both
 * ends, exact length (or a multiple, where the table says so), descriptor
 * present exactly when it must be, and one of the states in the mask.
 *
 * Returns 0, or -1 with errno EBADMSG.
 */
int		 proto_check(uint32_t type, enum proc_type from,
		    enum proc_type to, size_t len, int has_fd,
		    unsigned int state);

/* Name of a frame, a process, a verdict or a fault, for the log; never NULL. */
const char	*proto_imsg_name(uint32_t type);
const char	*proto_proc_name(enum proc_type type);
const char	*proto_verdict_name(uint32_t verdict);
const char	*proto_fault_name(uint32_t fault);

/*
 * Copy a payload out of a frame that came from a process which has just
 * worked on hostile bytes, and check each field against its range and against
 * what we asked.  Return 0, or -1 with errno EBADMSG.
 */
int		 proto_get_parse_done(const void *data,
		    const struct msg_parse_req *req,
		    struct msg_parse_done *done);
int		 proto_get_scan_done(const void *data,
		    struct msg_scan_done *done);
/*
 * Is this payload strings as above, each of them UTF-8 or not, without control
 * characters?  Returns their number, or -1 with errno EBADMSG.
 */
int		 proto_strings(const void *data, size_t len);
/* The string behind this one in the payload, or NULL at its end. */
const char	*proto_next(const void *data, size_t len, const char *);
/*
 * A name of a table, macro, listener or label: letters, digits, "_", "-", ".",
 * at least one, ended within size bytes.  1 or 0.
 */
int		 proto_is_name(const char *, size_t size);
/* Ranges and ends of a record's fields: 0, or -1 with errno EBADMSG. */
int		 proto_get_record(const void *data, struct msg_record *);
int		 proto_get_record_reply(const void *data,
		    struct msg_record_reply *);
int		 proto_get_member(const void *data, struct msg_member *);
int		 proto_get_count(const void *data, struct msg_count *);
int		 proto_get_tally(const void *data, struct msg_tally *);
int		 proto_get_out(const void *data, struct msg_out *);
/* has_fd: a descriptor came with it. */
int		 proto_get_explain(const void *data, int has_fd,
		    struct msg_explain *);
/* The use must be smaller than nuses. */
int		 proto_get_scan_hit(const void *data, uint32_t nuses,
		    struct msg_scan_hit *hit);

#endif /* MAILWALL_PROTO_H */

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
	PROC_MAX
};

enum imsg_type {
	IMSG_NONE,

	/* master -> any: a new configuration follows, up to IMSG_CONF_END */
	IMSG_CONF_BEGIN,	/* struct conf_globals */
	IMSG_CONF_LISTENER,	/* struct conf_listener_wire + socket */
	IMSG_CONF_TABLE,	/* struct conf_table_wire */
	IMSG_CONF_NET,		/* struct conf_net, one or more */
	IMSG_CONF_LIST,		/* struct conf_list_wire */
	IMSG_CONF_ENTRY,	/* whole entries of that list, see conf.h */
	IMSG_CONF_USE,		/* struct conf_use_wire */
	IMSG_CONF_SERVER,	/* struct conf_server_wire */
	IMSG_CONF_RULE,		/* struct conf_rule_wire */
	IMSG_CONF_END,		/* empty: use it now */
	/* any -> master: the new configuration is in use */
	IMSG_CONF_DONE,		/* empty */

	/* any -> master: confined and able to work */
	IMSG_READY,		/* struct msg_ready */
	/* master -> any: a channel to another process (descriptor) */
	IMSG_CHAN,		/* struct msg_chan */
	/* master -> any: take nothing new, finish, exit */
	IMSG_DRAIN,		/* empty */
	/* proxy -> master: that process misbehaved or hung, replace it */
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
/* The use must be smaller than nuses. */
int		 proto_get_scan_hit(const void *data, uint32_t nuses,
		    struct msg_scan_hit *hit);

#endif /* MAILWALL_PROTO_H */

/* SPDX-License-Identifier: ISC */

/*
 * Every maximum of mailwall, each with its reason, in one place, so that they
 * are reviewed together.  Sizes are in bytes unless a name says otherwise.
 * What an administrator may change has a default here (DEF_) and a ceiling
 * (MAX_); what nobody may change has only its limit.
 */

/*
 * The C library has a header of this name: with this directory in the search
 * path, <limits.h> is ours and has to bring the library's along.  Before the
 * guard, since a quoted include of ours comes through here twice.
 */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winclude-next-absolute-path"
#endif
#include_next <limits.h>
#ifdef __clang__
#pragma clang diagnostic pop
#endif

#ifndef MAILWALL_LIMITS_H
#define MAILWALL_LIMITS_H

#define KIB			1024ULL
#define MIB			(1024ULL * KIB)
#define GIB			(1024ULL * MIB)

/* Frames between processes. */
#define IMSG_DATA_MAX		16384	/* one frame: fits any socket buffer */
#define IMSG_QUEUE_MAX		8192	/* frames waiting for a slow peer: a
					   configuration with all its rules */

/* Pools.  More processes than cores only cost memory. */
#define MAX_PROXIES		64
#define MAX_PARSERS		64
#define MAX_SCANNERS		64
#define DEF_PARSERS		2
#define DEF_SCANNERS		0	/* 0: one for each core */

/* Configuration file. */
#define CONF_LISTENERS_MAX	64
#define CONF_SERVERS_MAX	64	/* statements about servers */
#define CONF_RULES_MAX		20000	/* 1 KiB each, in each worker */
#define CONF_TABLES_MAX		32768	/* those inside of rules, too */
#define CONF_NETS_MAX		1200000	/* of all tables together */
#define CONF_LISTS_MAX		32768	/* tables of words and addresses,
					   those inside of rules too */
#define CONF_USES_MAX		256	/* of them, in different scopes; a hit
					   in each must fit a few frames */
#define CONF_ENTRIES_MAX	1200000	/* of all lists together */
#define CONF_LIST_BYTES_MAX	(64 * MIB) /* of all lists; frames queue */
#define LIST_ENTRY_MAX		1024	/* bytes of one word or expression */
#define LIST_WEIGHT_MAX		1000000	/* so that sums stay numbers */
#define CONF_RATES_MAX		64	/* counts over time */
#define RATE_KEYS_MAX		200000	/* who is counted, in one process: 30
					   MiB; the longest not seen go */
#define ADDR_EXPRS_MAX		256	/* expressions for addresses: each is
					   tried on each path, a microsecond;
					   25 when it has 1 KiB */
#define CONF_DYNAMICS_MAX	64	/* tables that rules fill */
#define DYNAMIC_SIZE_MAX	1000000	/* members of one */
#define DEF_DYNAMIC_SIZE	100000
#define MEMBER_KEY_MAX		328	/* RFC 5321, 4.5.3.1: 64 + 1 + 255 */
#define MEMBER_WHY_MAX		64
#define CONF_PATH_MAX		256
#define CONF_NAME_MAX		64	/* table, macro and user names */
#define CONF_REPLY_MAX		256	/* text of one reply; RFC 5321,
					   4.5.3.1.5 allows 512 a line */
#define CONF_BANNER_MAX		128	/* a host name and a few words */
#define CONF_LABEL_MAX		32	/* what a rule logs or counts under */
#define CONF_TAG_MAX		64	/* "[spam] " */
#define CONF_HEADER_MAX		256	/* a field of one line */
#define CONF_PATTERN_MAX	128	/* glob on a virus name */
#define CONF_NOTICE_MAX		512	/* in the place of an attachment */
#define CONF_DISCLAIMERS_MAX	64	/* statements; one for a tenant, say */
#define CONF_DISCLAIMER_MAX	4096	/* bytes of one; a frame has it whole */
#define DISCLAIMER_LINE_MAX	900	/* bytes; with what is added to it below
					   RFC 5322, 2.1.1 */
#define CONF_INCLUDE_DEPTH	8	/* files including files */

/* SMTP, RFC 5321 section 4.5.3.1 and the extensions that lengthen commands. */
#define SMTP_LINE_MAX		2048	/* command: 512 + SIZE, DSN, AUTH= */
#define SMTP_AUTH_LINE_MAX	12288	/* base64 answer, RFC 4954 section 4 */
#define SMTP_REPLY_LINE_MAX	4096	/* servers exceed the RFC's 512 */
#define SMTP_REPLY_MAX		65536	/* all lines of one reply (HELP) */
#define SMTP_ADDR_MAX		1024	/* path; RFC says 256, UTF-8 and
					   source routes lengthen it */
#define SMTP_HELO_MAX		512
#define SMTP_RCPT_MAX		10000	/* recipients of one message */
#define SMTP_RCPT_MIN		100	/* RFC 5321, 4.5.3.1.8 */
#define DEF_ERRORS		100	/* refused lines in one session */
#define MAX_ERRORS		65535	/* what the session counts to */

#define PROXY_HEADER_MAX	2048	/* PROXY protocol v2 with its TLVs; v1
					   has 107 at most */
#define PROXY_HEADER_TIME	10000	/* ms; a balancer sends it at once */

/* Messages. */
#define DEF_MESSAGE_SIZE	(50 * MIB)
#define MAX_MESSAGE_SIZE	(1 * GIB)
#define DEF_SESSIONS		4096	/* all workers together */
#define MAX_SESSIONS		65536

/* Edits of a message. */
#define STRIP_ROUNDS_MAX	4	/* it is judged again after each; honest
					   mail takes one or two */
#define STRIP_TIME_MAX		240000	/* ms from the dot to the last of them:
					   a client waits 10 min for the reply,
					   RFC 5321 4.5.3.2.6 */
#define DISCLAIMED_PART_MAX	(4 * MIB) /* text that is decoded and encoded
					   again at once; a novel has one */

/* The store. */
#define RECORD_HELO_MAX		256	/* what the log keeps of it */
#define RECORD_TEXT_MAX		256	/* subject, Message-ID */
#define RECORD_FACTS_MAX	(64 * KIB) /* lines about one message */
#define RECORD_RCPT_BYTES_MAX	(1 * MIB) /* paths of one message */
#define STORE_RECORDS_MAX	1024	/* of one proxy, begun and not ended */
#define COUNTS_QUEUE_MAX	1024	/* frames that wait; counts are left out
					   then, so that what must not be
					   missed has room */
#define STORE_TIME		60000	/* ms until a message is on disk */
#define STATS_ACTIONS		4	/* ACTION_MAX */
#define DEF_QUARANTINE_SIZE	(1 * GIB)
#define DEF_QUARANTINE_KEEP	(30 * 86400)	/* s */
#define DEF_AUDIT_KEEP		(90 * 86400)	/* s */
#define MAX_KEEP		(3650 * 86400)	/* s: ten years */
#define AUDIT_LINE_MAX	(16 * MIB) /* a line of JSON and the fields before it;
				   a byte may become six, and recipients may
				   have a MiB */
#define AUDIT_WAIT	(15 * 60 * 1000) /* ms for it; RFC 5321 4.5.3.2.6 has
				   10 minutes */
#define AUDIT_WAITING_MAX 4096	/* lines that wait for a server's reply: as
				   many as DEF_SESSIONS */
#define AUDIT_WAITING_BYTES (64 * MIB) /* of them; most have 2 KiB */
#define METRICS_LISTENERS	2	/* a path and an address */
#define METRICS_CLIENTS_MAX	16	/* at one time; a scraper has one */
#define METRICS_REQUEST_MAX	8192	/* request and its header fields; they
					   have some 300 bytes */
#define METRICS_TEXT_MAX	(256 * KIB) /* an answer; 64 tables: 16 KiB */
#define METRICS_TIME		5000	/* ms for a request and its answer:
					   Prometheus gives up after 10 s */
#define CTL_CLIENTS_MAX		32	/* operators at one time */
#define CTL_ROWS_DEFAULT	100
#define CTL_ROWS_MAX		1000000
#define CTL_TRACE_ROWS		4000	/* about one session: they are queued */
#define CTL_IDLE		10000	/* ms; a client that takes nothing */
#define EXPLAIN_RCPT_MAX	8192	/* paths of one question, in one frame
					   with all the rest */
#define EXPLAIN_SLICE		(1 * MIB) /* of the message, copied before
					   sessions have their turn */
#define EXPLAIN_ROWS		64	/* likewise rules looked at, and rows
					   that wait for the store */

/* The outbox: mail that the gateway sends itself. */
#define CONF_MAILS_MAX		1024	/* addresses and texts in all rules */
#define RULE_MAILS		4	/* in one rule: frames of its record */
#define MAIL_ADDR_MAX		328	/* as MEMBER_KEY_MAX */
#define MAIL_TEXT_MAX		512	/* of a reply to a sender */
#define OUTBOX_ROWS_MAX		20000	/* messages in it: a few seconds to
					   look through at start */
#define OUTBOX_SENDS_MAX	8	/* sent to one server at one time: it
					   counts connections of one client */
#define OUTBOX_GOING_MAX	64	/* sent at one time in all */
#define DEF_OUTBOX_SIZE		(1 * GIB)
#define DEF_OUTBOX_KEEP		(2 * 86400)	/* s; RFC 5321, 4.5.4.1 has
					   4 to 5 days for what can bounce */
#define DEF_OUTBOX_RETRY	60	/* s, the first time */
#define OUTBOX_RETRY_MAX	14400	/* s between two tries: RFC 5321,
					   4.5.4.1 wants 30 min at least */
#define DEF_NOTICES_LIMIT	20	/* to one address ... */
#define DEF_NOTICES_WITHIN	3600	/* ... in so many s, then a digest */
#define NOTICES_LIMIT_MAX	10000
#define NOTICES_WAIT_MAX	10000	/* to one address, for its digest;
					   others are only counted */
#define DIGEST_ROWS_MAX		500	/* in the table of a digest */
#define NOTICE_RCPTS		20	/* named in a notice */
#define REPLY_EVERY		(7 * 86400)	/* s, to one address: RFC
					   3834, 2 and RFC 5230, 4.1 */
#define REPLIES_HOUR		100	/* to all: a flood of forged senders
					   gets no flood of answers */

/* The parser.  Real mail stays far below each; hostile mail does not. */
#define PARSE_PARTS_MAX		10000	/* measured: 1e6 parts cost seconds */
#define PARSE_DEPTH_MAX		63	/* stack of open multiparts */
#define PARSE_HEADERS_MAX	2000	/* fields in one entity */
#define PARSE_HEADER_BYTES_MAX	(1 * MIB) /* header of one entity */
#define PARSE_BOUNDARY_MAX	200	/* RFC 2046, 5.1.1 says 70 */
#define PARSE_PARAMS_MAX	256	/* parameters of one field */
#define PARSE_TEXTS_MAX		40000	/* a few for each part, and fields */
#define PARSE_NAME_MAX		1024	/* a decoded file name */
#define PARSE_DECODED_FACTOR	4	/* decoded bytes of all readings, times
					   the message's size ... */
#define PARSE_TEXT_FACTOR	6	/* as much again where text is wanted,
					   in several charsets */
#define PARSE_DECODED_SLACK	(1 * MIB) /* ... plus this */
#define PARSE_TEXT_LEAST	2	/* but no more than this, */
#define PARSE_USUAL		(64 * MIB) /* where all would exceed this */
#define PARSE_TIME_MAX		20000	/* ms; then the parser is killed */

/* The scanner. */
#define DEF_SCAN_TIME		60000	/* ms, one message, all parts */
#define MAX_SCAN_TIME		240000	/* a client waits 10 min for the reply
					   to its dot, RFC 5321 4.5.3.2.6 */
#define SCAN_NAME_MAX		128	/* name of a virus or a reason */
#define SCAN_ENTRY_MAX		64	/* the word of a list that was found */
#define SCAN_EXCERPT_MAX	104	/* the text around it, for the log */
#define SCAN_QUEUE_MAX		256	/* messages waiting for a scanner */
#define SCAN_OLD_TIME		30000	/* ms that a scanner which a reload has
					   replaced is kept for messages under
					   way: both have their signatures in
					   memory meanwhile */

/* Facts about files; all of it is one worker's, beside libclamav's own. */
#define FACT_NAME_MAX		232	/* makes a fact 288 bytes, 72 KiB for
					   the list of a message ... */
#define FACTS_FRAME		56	/* of them fit one frame */
#define FACTS_MAX		256	/* ... files beyond it count by flags */
#define FACT_DEPTH_MAX		16	/* archives in archives that are ours;
					   libclamav's default is 17 */
#define INSPECT_LIVE_MAX	(64 * MIB) /* unpacked and held at one time */
#define INSPECT_TOTAL_MAX	(256 * MIB) /* unpacked in all: a second */
#define INSPECT_FILES_MAX	20000	/* members looked into: a second */
#define ZIP_ENTRIES_MAX		65535	/* what a directory counts to */
#define DOCTEXT_MAX		(8 * MIB) /* text of one message's documents:
					   a novel has one MiB */
#define DOCTEXT_FIRST		65536	/* room for a document at first */
#define PDF_STREAMS_MAX		20000	/* inflated in one document */
#define PDF_CMAPS_MAX		256	/* fonts with a table of characters */
#define RTF_DEPTH_MAX		512	/* groups; Word gives up earlier */

#endif /* MAILWALL_LIMITS_H */

/* SPDX-License-Identifier: ISC */

/*
 * The configuration, as master reads it from mailwall.conf and as the
 * children get it in frames.  A struct conf is built once and never changed;
 * a reload builds another one beside it, and whoever still works by the old
 * one holds a reference.
 */

#ifndef MAILWALL_CONF_H
#define MAILWALL_CONF_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "limits.h"
#include "proto.h"

struct file_fact;

enum av_mode {
	AV_EMBEDDED,		/* libclamav inside mailwall-scanner */
	AV_CLAMD,		/* clamd over its local socket */
	AV_NONE,		/* the administrator said so */
	AV_MAX
};

enum starttls_mode {
	STARTTLS_WITHHOLD,	/* taken out of EHLO, refused when tried */
	STARTTLS_PASS,		/* rest of the session is opaque, logged so */
	STARTTLS_REQUIRE,	/* as pass, and no mail without it */
	STARTTLS_MAX
};

/* What to do with a bare CR or LF in a message. */
enum newline_mode {
	NEWLINE_REJECT,
	NEWLINE_NORMALISE,	/* into CRLF, dots and all */
	NEWLINE_MAX
};

/* Commands that no mail needs, RFC 5321 section 7.3 and its relatives. */
enum smtp_verb {
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_ETRN,		/* RFC 1985 */
	SMTP_TURN,		/* RFC 821: the session would turn round */
	SMTP_ATRN,		/* RFC 2645: likewise */
	SMTP_VERB,
	SMTP_DEBUG,
	SMTP_WIZ,
	SMTP_SEND,		/* RFC 821; judged as MAIL is */
	SMTP_SOML,
	SMTP_SAML,
	SMTP_XCLIENT,		/* claims of identity */
	SMTP_XFORWARD,
	SMTP_BURL,		/* RFC 4468: content from elsewhere */
	SMTP_UNKNOWN,		/* all others */
	SMTP_VERB_MAX
};

enum verb_policy {
	VERB_REFUSE,
	VERB_PASS,
	VERB_DISCONNECT,
	VERB_POLICY_MAX
};

/* Forms of addresses that can be refused; a bit each. */
enum address_form {
	FORM_SOURCE_ROUTE,	/* <@a,@b:c@d>, RFC 5321 appendix C */
	FORM_PERCENT,		/* user%host@relay */
	FORM_BANG,		/* host!user */
	FORM_QUOTED,		/* "any thing"@host */
	FORM_PIPE,		/* |program */
	FORM_FILE,		/* /file */
	FORM_LITERAL,		/* user@[192.0.2.1] */
	FORM_UNQUALIFIED,	/* no domain */
	FORM_MAX
};

/* Milliseconds to wait, RFC 5321 section 4.5.3.2 where it has a number. */
enum timeout {
	TMO_CONNECT,		/* server: TCP connection */
	TMO_BANNER,		/* server: 220, 4.5.3.2.1 */
	TMO_COMMAND,		/* server: reply to EHLO, MAIL, RCPT ... */
	TMO_DATA,		/* server: 354, 4.5.3.2.4 */
	TMO_BLOCK,		/* either: progress of message bytes, .5 */
	TMO_DOT,		/* server: reply to the final dot, .6 */
	TMO_CLIENT,		/* client: next command, 4.5.3.2.7 */
	TMO_KEEPALIVE,		/* server: NOOP after that long idle */
	TMO_SESSION,		/* client: a whole session; 0: no limit */
	TMO_PARSE,		/* parser: one message */
	TMO_SCAN,		/* scanner: one message, waiting included */
	TMO_DRAIN,		/* shutdown and reload: old sessions */
	TMO_MAX
};

/* Everything that is a single value; payload of IMSG_CONF_BEGIN. */
struct conf_globals {
	uint64_t	 message_max;	/* bytes; larger is refused (552) */
	uint64_t	 spool_max;	/* bytes spooled, all proxies */
	uint64_t	 timeout[TMO_MAX];	/* ms */
	uint64_t	 scan_file_max;	/* bytes of one part or member */
	uint64_t	 scan_total_max; /* bytes unpacked from one message */
	uint32_t	 scan_depth;	/* archives in archives */
	uint32_t	 scan_files;	/* members of one message */
	uint32_t	 proxies;	/* processes */
	uint32_t	 parsers;
	uint32_t	 scanners;	/* workers of the loader */
	uint32_t	 sessions_max;	/* all proxies together */
	uint32_t	 parts_max;	/* PARSE_PARTS_MAX at most */
	uint32_t	 depth_max;	/* PARSE_DEPTH_MAX at most */
	uint32_t	 av;		/* enum av_mode */
	uint32_t	 starttls;	/* enum starttls_mode */
	uint32_t	 newline;	/* enum newline_mode */
	uint32_t	 need_helo;	/* MAIL only after HELO or EHLO */
	uint32_t	 refuse_early;	/* who talks before the banner */
	uint32_t	 refuse_forms;	/* bits 1 << enum address_form */
	uint32_t	 line_max;	/* bytes of a command with its CRLF */
	uint32_t	 path_max;	/* of a path without its brackets */
	uint32_t	 rcpt_max;	/* recipients of a message */
	uint32_t	 errors_max;	/* refused lines of a session */
	uint32_t	 messages_max;	/* of a session; 0: no limit */
	uint32_t	 source_max;	/* sessions of a source; 0: no limit */
	uint32_t	 source_bits4;	/* what a source is: so many bits of */
	uint32_t	 source_bits6;	/* its address */
	uint64_t	 content;	/* what the scanner must look for
					   beside viruses; 0: nothing */
	uint32_t	 want_files;	/* rules ask for attachments */
	uint32_t	 want_hashes;	/* and for SHA-256 of each */
	uint32_t	 pad;		/* zero */
	uint32_t	 inside;	/* id + 1 of the table of networks that
					   are ours; 0: nobody has said */
	uint8_t		 verb[SMTP_VERB_MAX];	/* enum verb_policy */
	uint64_t	 quarantine_max; /* bytes of all messages in it */
	uint32_t	 quarantine_keep; /* s; then they are deleted */
	uint32_t	 audit_keep;	/* s; likewise records */
	uint32_t	 mark;		/* SO_MARK on our sockets; 0: none */
	uint32_t	 log_facility;	/* LOG_MAIL ... as syslog(3) has it */
	char		 av_path[CONF_PATH_MAX];  /* database or socket */
	char		 rundir[CONF_PATH_MAX];	/* has empty/ and scanner/ */
	char		 statedir[CONF_PATH_MAX]; /* the store's */
	char		 user_proxy[CONF_NAME_MAX];
	char		 user_parser[CONF_NAME_MAX];
	char		 user_scanner[CONF_NAME_MAX];
	char		 user_store[CONF_NAME_MAX];
	char		 control_group[CONF_NAME_MAX]; /* "": root alone */
	char		 banner[CONF_BANNER_MAX];	/* "" is the server's */
};

enum listen_mode {
	LISTEN_REDIRECT,	/* iptables REDIRECT: SO_ORIGINAL_DST */
	LISTEN_TPROXY,		/* iptables TPROXY: getsockname */
	LISTEN_RELAY,		/* clients connect to us; one fixed server */
	LISTEN_MAX
};

/* Payload of IMSG_CONF_LISTENER; in frames the socket is attached. */
struct conf_listener_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 mode;		/* enum listen_mode */
	struct addr	 addr;		/* bound to; any-address possible */
	struct addr	 relay;		/* LISTEN_RELAY: the server */
	uint32_t	 starttls;	/* enum starttls_mode + 1, or 0 */
	uint32_t	 proxied;	/* id + 1 of the table of those who send
					   a PROXY header; 0: nobody does */
	uint32_t	 named;		/* number + 1 of its name, which others
					   may share; 0: none */
	uint32_t	 pad;		/* zero */
	char		 name[CONF_NAME_MAX];	/* or "" */
	char		 banner[CONF_BANNER_MAX];	/* "" is the server's */
};

struct conf_listener {
	TAILQ_ENTRY(conf_listener)	 entry;
	struct conf_listener_wire	 w;
	int				 fd;	/* -1 when not open */
	int				 line;	/* of the file */
};

/* IMSG_CONF_TABLE has an array of these; networks follow, one table's after
 * the other's. */
struct conf_table_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 nnets;		/* that follow in IMSG_CONF_NET */
	char		 name[CONF_NAME_MAX];	/* "" for one without a name */
};

/* Payload of IMSG_CONF_NET is an array of these. */
struct conf_net {
	uint32_t		 table;	/* id of the table */
	uint32_t		 not;	/* "!": excluded again */
	struct addr_net		 net;
};

struct conf_table {
	TAILQ_ENTRY(conf_table)	 entry;
	struct conf_table_wire	 w;
	struct conf_net		*net;	/* w.nnets; as in the file */
	size_t			 nalloc;
	int			 line;
};

/*
 * What is looked for in text: tables of words and expressions.  Kind and
 * scopes are numbers of scanner and parser as well, see content.c there.
 */
enum list_kind {
	LIST_KEYWORDS,		/* anywhere, inside of words too */
	LIST_WORDS,		/* whole words */
	LIST_EXPRESSIONS,	/* regular expressions */
	LIST_SIMILAR,		/* words with some letters wrong */
	LIST_IDENTIFIERS,	/* kinds of numbers that are checked */
	LIST_ADDRESSES,		/* of mail: for proxies, not the scanner */
	LIST_FIELDS,		/* "name: pattern" of a rule, no name */
	LIST_KIND_MAX
};

/* What a list of identifiers names; numbers carry their own check. */
enum ident {
	IDENT_CARD,		/* payment card: ISO/IEC 7812, Luhn */
	IDENT_IBAN,		/* bank account: ISO 13616, modulo 97 */
	IDENT_CN_ID,		/* Chinese resident: GB 11643, modulo 11 */
	IDENT_KR_RRN,		/* Korean resident registration number */
	IDENT_US_SSN,		/* US social security number, with dashes */
	IDENT_PRIVATE_KEY,	/* PEM or PuTTY */
	IDENT_AWS_KEY,		/* AKIA..., ASIA... */
	IDENT_MAX
};

/* IMSG_CONF_LIST has an array of these; entries follow, list by list. */
struct conf_list_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 kind;		/* enum list_kind */
	uint32_t	 errors;	/* LIST_SIMILAR: wrong letters, 1-3;
					   LIST_ADDRESSES: 1: "+tags" are not
					   looked at */
	uint32_t	 nentries;	/* in frames: those that follow */
	char		 name[CONF_NAME_MAX];
};

/*
 * Entries are kept, and sent in IMSG_CONF_ENTRY, one behind the other: this
 * head and len bytes of UTF-8.
 */
struct conf_entry {
	uint32_t	 weight;	/* of a hit, 0 to LIST_WEIGHT_MAX */
	uint32_t	 len;		/* 1 to LIST_ENTRY_MAX */
};

struct conf_list {
	TAILQ_ENTRY(conf_list)	 entry;
	struct conf_list_wire	 w;
	uint32_t		 due;	/* entries that frames still bring */
	uint8_t			*data;
	size_t			 len;
	size_t			 alloc;
	int			 line;
};

/*
 * Payload of IMSG_CONF_DYNAMIC: a table that rules fill, kept by the store.
 */
struct conf_dynamic_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 size;		/* members at most; the oldest go */
	uint64_t	 expire;	/* s that a member stays; 0: for ever */
	uint32_t	 flags;		/* DYNAMIC_* */
	uint32_t	 pad;		/* zero */
	char		 name[CONF_NAME_MAX];
};

#define DYNAMIC_KERNEL	0x1	/* the kernel drops its addresses */

/*
 * Payload of IMSG_CONF_USE: a list looked for in some kinds of text.  Rules
 * and hits name the pair.
 */
struct conf_use_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 list;		/* id of the list */
	uint32_t	 scopes;	/* bits 1 << enum text_scope */
	uint32_t	 pad;		/* zero */
};

#define SCOPES_ALL	((1U << CONF_SCOPES) - 1)
#define CONF_SCOPES	8		/* as TEXT_SCOPE_MAX in parts.h */
#define RULE_NO_USE	UINT32_MAX

/* What is counted, each time that rules are asked about it. */
enum rate_event {
	RATE_SESSIONS,		/* on connect */
	RATE_MESSAGES,		/* on mail */
	RATE_RECIPIENTS,	/* on rcpt */
	RATE_EVENT_MAX
};

/* And whose it is. */
enum rate_key {
	RATE_SOURCE,		/* masked as a source is */
	RATE_DEST,
	RATE_SENDER,
	RATE_RECIPIENT,
	RATE_KEY_MAX
};

/* Payload of IMSG_CONF_RATE: a count over time. */
struct conf_rate_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 event;		/* enum rate_event */
	uint32_t	 key;		/* enum rate_key */
	uint32_t	 within;	/* s */
};

#define RULE_NO_RATE	UINT32_MAX

/* Which way a session crosses the gateway; a bit each. */
enum direction {
	DIR_INBOUND,		/* from outside to inside */
	DIR_OUTBOUND,
	DIR_INTERNAL,		/* from inside to inside */
	DIR_EXTERNAL,		/* neither end is inside */
	DIR_MAX
};

/* How a server is told who its client is. */
enum identity {
	IDENTITY_NONE,
	IDENTITY_PROXY1,	/* PROXY protocol, version 1: a line */
	IDENTITY_PROXY2,	/* and version 2: binary */
	IDENTITY_XCLIENT,	/* Postfix's command */
	IDENTITY_MAX
};

/* Payload of IMSG_CONF_SERVER.  The first one that matches counts. */
struct conf_server_wire {
	uint32_t	 table;		/* table id of the servers */
	uint32_t	 not;		/* "server ! <table>" */
	uint32_t	 starttls;	/* enum starttls_mode + 1, or 0 */
	uint32_t	 identity;	/* enum identity */
	uint32_t	 line;		/* of the file */
	uint32_t	 pad;		/* zero */
};

enum rule_phase {		/* as they follow each other */
	PHASE_CONNECT,
	PHASE_HELO,
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_MESSAGE,
	PHASE_MAX
};

enum rule_action {
	ACTION_PASS,
	ACTION_BLOCK,		/* 5yz */
	ACTION_TEMPFAIL,	/* 4yz */
	ACTION_DISCARD,		/* 250, and gone */
	ACTION_MAX
};

/*
 * A table in a rule is an id: of networks (source, destination) or of a list
 * of addresses (the rest), and with this bit of a dynamic one.
 */
#define RULE_NO_TABLE	UINT32_MAX
#define RULE_DYNAMIC	0x80000000U

/* What a rule puts into a dynamic table. */
enum rule_add {
	ADD_SOURCE,		/* address of the client */
	ADD_SENDER,		/* path of MAIL */
	ADD_RECIPIENT,		/* each path of RCPT */
	ADD_BODY,		/* SHA-256 of the body */
	ADD_ATTACHMENT,		/* those of the files that it is about */
	ADD_PAIR,		/* sender and recipient, for each of these */
	ADD_MAX
};

struct conf_add {
	uint32_t	 table;		/* dynamic id, without the bit */
	uint32_t	 what;		/* enum rule_add */
	uint32_t	 after;		/* the so many-th time; 0: at once */
	uint32_t	 within;	/* of those in so many s */
};

#define RULE_ADDS	2		/* per rule */

/*
 * What the store sends and how: payload of IMSG_CONF_OUTBOX.  The server is
 * that of the gateway's own mail, and has family 0 where there is none.
 */
struct conf_outbox {
	struct addr	 server;
	uint32_t	 limit;		/* notices to one address ... */
	uint32_t	 within;	/* ... in so many s */
	uint32_t	 retry;		/* s before the second try */
	uint32_t	 keep;		/* s; then it is given up */
	uint32_t	 pad;		/* zero */
	uint64_t	 size;		/* bytes of all messages in it */
	char		 from[MAIL_ADDR_MAX];
};

/*
 * Payload of IMSG_CONF_MAIL: what a rule has sent, enum out_kind.  Those of
 * one rule are one behind the other.
 */
struct conf_mail_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 kind;
	struct addr	 server;	/* family 0: the message's */
	uint32_t	 pad;		/* zero */
	char		 to[MAIL_ADDR_MAX];	/* "": the sender */
	char		 text[MAIL_TEXT_MAX];	/* of a reply */
};

#define RULE_QUARANTINE	0x1		/* keep the message */
#define RULE_TRY	0x2		/* "mark": log, and look further */
#define RULE_SCORE	0x4		/* add points, and look further */
#define RULE_STRIP	0x8		/* what made it match is removed */
#define RULE_LOG	0x10	/* a line in the log under its label */
#define RULE_COUNT	0x20	/* its label is counted; so it is with LOG */
#define RULE_FLAGS_ALL	0x3f

/* Something in the text that a rule wants found, or not found. */
struct conf_want {
	uint32_t	 use;		/* id */
	uint32_t	 not;		/* "content ! <list>" */
	uint32_t	 score;		/* sum of weights needed; 0: a hit */
	uint32_t	 is_field;	/* of the header, which is never cut */
};

#define RULE_WANTS	4		/* per rule; all must be */
#define MINUTES_DAY	1440

/* What an edit does to a signature that it would break. */
enum on_signed {
	SIGNED_USUAL,		/* strip: edit; disclaimer: pass */
	SIGNED_EDIT,		/* change it all the same */
	SIGNED_PASS,		/* leave the message as it is */
	SIGNED_BLOCK,		/* do not let it through */
	SIGNED_MAX
};

/* A yes or no that a rule may ask for. */
enum rule_want {
	WANT_ANY,
	WANT_YES,
	WANT_NO,
	WANT_MAX
};

/* IMSG_CONF_RULE has an array of these.  First match in a phase decides. */
struct conf_rule_wire {
	uint32_t	 phase;		/* enum rule_phase */
	uint32_t	 action;	/* enum rule_action */
	uint32_t	 disconnect;	/* close the session afterwards */
	uint32_t	 verdicts;	/* bit 1 << enum verdict; 0: any */
	uint32_t	 source;	/* table id of client, or NO_TABLE */
	uint32_t	 source_not;	/* "source ! <table>" */
	uint32_t	 dest;		/* table id of server, or NO_TABLE */
	uint32_t	 dest_not;
	uint32_t	 helo;		/* table of addresses, see above */
	uint32_t	 helo_not;
	uint32_t	 sender;
	uint32_t	 sender_not;
	uint32_t	 rcpt;		/* any of the recipients */
	uint32_t	 rcpt_not;	/* none of them */
	uint32_t	 auth;		/* enum rule_want */
	uint32_t	 rcpt_over;	/* more recipients than that; 0: any */
	uint64_t	 size_over;	/* more bytes than that; 0: any */
	uint32_t	 flags;		/* RULE_* */
	uint32_t	 nadds;
	struct conf_add	 add[RULE_ADDS];
	uint32_t	 line;		/* of the file, for the log */
	uint32_t	 nwants;
	struct conf_want want[RULE_WANTS];
	int32_t		 points;	/* RULE_SCORE */
	int32_t		 scored;	/* so many points at least ... */
	uint32_t	 has_scored;	/* ... if this is 1 */
	uint32_t	 directions;	/* bits 1 << enum direction; 0: any */
	uint64_t	 listeners;	/* bits 1 << number of a name; 0: any */
	uint32_t	 days;		/* bits 1 << day, Sunday is 0; 0: any */
	uint32_t	 minute_from;	/* of the day, this one included ... */
	uint32_t	 minute_to;	/* ... and this one not; equal: any */
	uint32_t	 rate;		/* id, or RULE_NO_RATE */
	uint32_t	 rate_over;	/* more than that */
	uint32_t	 body;		/* dynamic id of bodies, or NO_TABLE */
	uint32_t	 body_not;
	uint32_t	 pair;		/* dynamic id of pairs, or NO_TABLE */
	uint32_t	 pair_not;	/* of none of the recipients */
	uint32_t	 file_hash;	/* table of SHA-256, as of addresses:
					   one file must have it too */
	uint64_t	 anomalies;	/* ANOMALY() bits, any of; 0: any */
	uint64_t	 file_types;	/* FT_BIT()s; one file must have one
					   of these, one of FF_*, this name,
					   and file_hash; none: any message */
	uint32_t	 file_flags;
	uint32_t	 tls;		/* enum rule_want */
	uint32_t	 mail;		/* id of the first that it sends */
	uint32_t	 nmails;
	char		 file_name[CONF_PATTERN_MAX];
	char		 virus[CONF_PATTERN_MAX]; /* glob on the name; "" any */
	char		 reply[CONF_REPLY_MAX];	/* "550 5.7.1 text" or "" */
	char		 tag[CONF_TAG_MAX];	/* before the subject, or "" */
	char		 header[CONF_HEADER_MAX]; /* a field on top, or "" */
	char		 label[CONF_LABEL_MAX];	/* "": none */
	uint32_t	 disclaimer;	/* id + 1; 0: none */
	uint32_t	 on_signed;	/* enum on_signed */
	char		 notice[CONF_NOTICE_MAX]; /* RULE_STRIP: or "" */
};

/*
 * Payload of IMSG_CONF_DISCLAIMER: a text that rules put behind messages.
 */
struct conf_disclaimer_wire {
	uint32_t	 id;		/* index, from 0 */
	uint32_t	 line;		/* of the file */
	char		 name[CONF_NAME_MAX];
	char		 text[CONF_DISCLAIMER_MAX]; /* UTF-8, each line ends
						       with LF */
};

struct conf_rule {
	TAILQ_ENTRY(conf_rule)	 entry;
	struct conf_rule_wire	 w;
};

/*
 * Where numbers can be asked for, by a path and by an address.  Only master
 * has these; the store gets the sockets.
 */
struct conf_metrics {
	char		 path[CONF_PATH_MAX];	/* "": none */
	struct addr	 addr;			/* family 0: none */
	int		 path_fd;		/* -1 when not open */
	int		 addr_fd;
};

/*
 * Where lines of JSON go, to a file or to the journal.  Only master has it;
 * the store gets the descriptor.
 */
struct conf_audit {
	char		 path[CONF_PATH_MAX];	/* "": none */
	int		 journal;		/* 1: there, and no path */
	int		 fd;			/* -1 when not open */
};

struct conf {
	struct conf_globals		 g;
	struct conf_metrics		 metrics;
	struct conf_audit		 audit;
	TAILQ_HEAD(, conf_listener)	 listeners;
	TAILQ_HEAD(conf_tables, conf_table) tables;
	TAILQ_HEAD(, conf_rule)		 rules;
	TAILQ_HEAD(conf_lists, conf_list) lists;
	struct conf_server_wire		 server[CONF_SERVERS_MAX];
	struct conf_dynamic_wire	 dynamic[CONF_DYNAMICS_MAX];
	struct conf_outbox		 outbox;
	struct conf_mail_wire		*mail;	/* nmails */
	uint32_t			 nmails;
	struct conf_table		**table;  /* by id, after conf_done() */
	struct conf_list		**list;	  /* likewise */
	struct conf_use_wire		 use[CONF_USES_MAX];
	struct conf_rate_wire		 rate[CONF_RATES_MAX];
	struct conf_disclaimer_wire	*disclaimer; /* ndisclaimers of them */
	uint32_t			 ndisclaimers;
	int				 edits;	/* some rule changes bodies */
	uint32_t			 nlisteners;
	uint32_t			 ntables;
	uint32_t			 nlists;
	uint32_t			 nuses;
	uint32_t			 nrates;
	uint32_t			 nnamed;	/* names of listeners */
	int				 want_body; /* rules ask for SHA-256 */
	uint32_t			 nentries;
	size_t				 entry_bytes;
	uint32_t			 nrules;
	uint32_t			 nservers;
	uint32_t			 ndynamics;
	uint32_t			 nnets;
	unsigned int			 refs;
	struct conf_list		*filling; /* by the next entry */
	struct conf_table		*netting; /* by the next network */
	struct conf_index		*index;	/* rule.c, after conf_done() */
};

/* What a message-phase or connect-phase rule is asked about. */
struct conf_facts {
	const struct addr	*source;
	const struct addr	*dest;
	const char		*helo;		/* "" before it */
	const char		*sender;	/* path; NULL before MAIL */
	const char		*rcpt;		/* strings, nrcpt of them */
	uint32_t		 nrcpt;
	uint32_t		 rcpt_count;	/* in the transaction so far */
	int			 auth;		/* the client has logged in */
	int			 tls;		/* in front of us */
	uint64_t		 size;		/* said by MAIL, or real */
	uint32_t		 listener;	/* number of its name + 1 */
	uint32_t		 day;		/* of the week, Sunday is 0 */
	uint32_t		 minute;	/* of the day, local time */
	int64_t			 points;	/* so far; conf_match() adds */
	const char		*body;		/* SHA-256 in hex, or NULL */
	/* How much of what that id counts, as yet. */
	uint32_t		(*rate)(const struct conf *, uint32_t id,
				    const struct conf_facts *);
	const void		*arg;		/* for rate() */
	/* Is the key in the dynamic table of that id: 1 or 0. */
	int			(*member)(const struct conf *, uint32_t id,
				    const char *key);
	enum verdict		 verdict;	/* message phase */
	const char		*virus;		/* name, or "" */
	uint64_t		 anomalies;	/* of all parts */
	const struct file_fact	*file;		/* nfiles of them */
	uint32_t		 nfiles;
	uint64_t		 other_types;	/* files without room */
	uint32_t		 other_flags;
	int			 text_cut;	/* there was more text than
						   somebody has looked at */
	const uint32_t		*score;		/* by use, conf->nuses of them,
						   plus 1; 0: no hit; NULL:
						   nobody has looked */
};

/*
 * A new configuration, one reference; never NULL.  conf_new() fills in the
 * defaults, for which it asks the system; conf_empty() is for a confined
 * process, which gets all values in frames.
 */
struct conf	*conf_new(void);
struct conf	*conf_empty(void);
struct conf	*conf_ref(struct conf *);
/* Drop a reference; the last one closes the listeners and frees. */
void		 conf_unref(struct conf *);

/* Add an element, copied; NULL with errno ENOSPC beyond its limit. */
struct conf_listener	*conf_add_listener(struct conf *,
			    const struct conf_listener_wire *);
struct conf_table	*conf_add_table(struct conf *, const char *name);
int			 conf_add_net(struct conf *, struct conf_table *,
			    const struct conf_net *);
/* A rule that asks for nothing. */
void			 conf_rule_init(struct conf_rule_wire *,
			    enum rule_phase);
struct conf_rule	*conf_add_rule(struct conf *,
			    const struct conf_rule_wire *);
/* A dynamic table; NULL with errno ENOSPC. */
struct conf_dynamic_wire *conf_add_dynamic(struct conf *,
			    const struct conf_dynamic_wire *);
struct conf_dynamic_wire *conf_find_dynamic(const struct conf *,
			    const char *name);
/* A count over time, new or known; RULE_NO_RATE beyond the limit. */
uint32_t		 conf_add_rate(struct conf *, enum rate_event,
			    enum rate_key, uint32_t within);
/* A disclaimer, copied: 0, or -1 with errno ENOSPC. */
int			 conf_add_disclaimer(struct conf *,
			    const struct conf_disclaimer_wire *);
/* Is the file as the rule wants it, alone: 1 or 0. */
int			 conf_file_match(const struct conf *,
			    const struct conf_rule_wire *,
			    const struct conf_facts *,
			    const struct file_fact *);
/* Does a rule ask for files: 1 or 0. */
int			 conf_asks_files(const struct conf_rule_wire *);
/* What a rule sends, copied: its id, or UINT32_MAX beyond the limit. */
uint32_t		 conf_add_mail(struct conf *,
			    const struct conf_mail_wire *);
/* A server statement, copied: 0, or -1 with errno ENOSPC. */
int			 conf_add_server(struct conf *,
			    const struct conf_server_wire *);
/* The one for this server, or NULL. */
const struct conf_server_wire *conf_server(const struct conf *,
			    const struct addr *);
struct conf_table	*conf_find_table(const struct conf *, const char *);
struct conf_list	*conf_add_list(struct conf *, enum list_kind,
			    const char *name);
struct conf_list	*conf_find_list(const struct conf *, const char *);
/* One entry; also -1 with errno EINVAL for one that is none. */
int			 conf_add_entry(struct conf *, struct conf_list *,
			    uint32_t weight, const void *, size_t len);
/*
 * Walk through a list's entries: *off is 0 at first.  1 with *e filled in and
 * *text pointing at its bytes, 0 at the end, -1 when what is there is none.
 */
int			 conf_next_entry(const struct conf_list *, size_t *off,
			    struct conf_entry *e, const uint8_t **text);
/* The id of a list in scopes, new or known; RULE_NO_USE beyond the limit. */
uint32_t		 conf_add_use(struct conf *, uint32_t list,
			    uint32_t scopes);
/*
 * A number for all that rules want to know of what is in a message: equal only
 * for equal lists and uses, as far as chance goes; 0 for nothing.
 */
uint64_t		 conf_digest(const struct conf *);
/*
 * Finish: number and index tables and lists.  0, or -1 with errno EINVAL for
 * ids that do not exist.
 */
int			 conf_done(struct conf *);

/*
 * Prepare for conf_match(): 0, or -1 for tables that cannot be.  Called by
 * conf_done(), and freed by conf_unref().
 */
int		 conf_index_make(struct conf *);
void		 conf_index_free(struct conf *);

/*
 * The first rule of the phase that matches and decides, or the built-in one
 * for what no rule matched: virus: block and disconnect; unscannable: block;
 * scanner failed: tempfail; clean: pass.  Never NULL.  The result lives as
 * long as the configuration.
 *
 * Rules before it that match and do not decide, because they are only tried
 * or give points, are handed to passed(), if there is one; points are added
 * to those in the facts.
 */
const struct conf_rule_wire *conf_match(const struct conf *, enum rule_phase,
		    struct conf_facts *, void (*passed)(void *,
		    const struct conf_rule_wire *), void *arg);
/*
 * Why a rule does not match: the condition of it that is looked at first and
 * is not true.  The first two are what a plain no and a plain yes are, too.
 */
enum rule_cond {
	COND_OTHER,
	COND_MATCHES,		/* all are true */
	COND_SOURCE,
	COND_DEST,
	COND_HELO,
	COND_SENDER,
	COND_RCPT,
	COND_BODY,
	COND_AUTH,
	COND_RCPT_OVER,
	COND_SIZE_OVER,
	COND_TIME,
	COND_LISTENER,
	COND_DIRECTION,
	COND_SCORED,
	COND_RATE,
	COND_VERDICT,
	COND_VIRUS,
	COND_ANOMALY,
	COND_CONTENT,
	COND_FILE,
	COND_PAIR,
	COND_TLS,
	COND_MAX
};

/*
 * What conf_match() finds of this one rule of its phase with these facts, of
 * which points are those that it has come to before it.
 */
enum rule_cond	 conf_explain(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);
/*
 * The same in words, into text, which is returned: "source 192.0.2.1 is not
 * in <inside>".  "" for COND_MATCHES.  UTF-8, cut where it does not fit.
 */
char		*conf_why(const struct conf *, const struct conf_rule_wire *,
		    const struct conf_facts *, enum rule_cond, char *text,
		    size_t size);
/* Which way it goes; DIR_MAX when nobody has said what is inside. */
enum direction	 conf_direction(const struct conf *,
		    const struct conf_facts *);
/* Is that text found, or not found, as wanted: 1 or 0. */
int		 conf_want_matches(const struct conf_want *,
		    const struct conf_facts *);
/*
 * A number for what rules on messages ask of recipients, for this one: two
 * that have the same number are judged alike.
 */
uint64_t	 conf_rcpt_class(const struct conf *, const char *path,
		    const struct conf_facts *);

/* Is the address in the table?  The most specific network decides. */
int		 conf_table_match(const struct conf_table *,
		    const struct addr *);

/* Shell-style match of *, ? and everything else literally, ASCII case
 * folded, linear in time and without recursion: 1 or 0. */
int		 conf_glob(const char *pattern, const char *text);

/*
 * Take one IMSG_CONF_* frame into *building (made at CONF_BEGIN).  Returns 0
 * to go on, 1 at CONF_END when *building is complete and checked, -1 with
 * errno EBADMSG for anything out of order or out of range.  fd is taken.
 */
int		 conf_frame(struct conf **building, uint32_t type, int fd,
		    const void *data, size_t len);

/* Names, as the file has them; never NULL. */
const char	*conf_timeout_name(enum timeout);
const char	*conf_action_name(uint32_t action);
const char	*conf_out_name(uint32_t kind);
/* Is this an address to send to, local part and domain: 1 or 0. */
int		 conf_mailbox_ok(const char *);
const char	*conf_verb_name(enum smtp_verb);
const char	*conf_form_name(enum address_form);
const char	*conf_listen_name(uint32_t mode);
const char	*conf_kind_name(uint32_t kind);
const char	*conf_scope_name(uint32_t scope);
const char	*conf_ident_name(uint32_t ident);
/* The number of that name, or IDENT_MAX. */
enum ident	 conf_ident_find(const char *, size_t len);
const char	*conf_starttls_name(uint32_t starttls);
const char	*conf_identity_name(uint32_t identity);
const char	*conf_phase_name(uint32_t phase);
const char	*conf_direction_name(uint32_t direction);
const char	*conf_day_name(uint32_t day);
const char	*conf_event_name(uint32_t event);
const char	*conf_key_name(uint32_t key);
const char	*conf_signed_name(uint32_t on_signed);

#endif /* MAILWALL_CONF_H */

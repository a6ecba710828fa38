/* SPDX-License-Identifier: ISC */

/*
 * What the files of mailwall-proxy share: the session and everything that
 * hangs on it.  One process serves thousands of sessions from one loop, so a
 * session that waits owns nothing but this structure; buffers, envelope and
 * message exist only while there is something in them.
 */

#ifndef MAILWALL_PROXY_H
#define MAILWALL_PROXY_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "buf.h"
#include "conf.h"
#include "ev.h"
#include "facts.h"
#include "imsg.h"
#include "log.h"
#include "proto.h"

/* Where a session is.  Every switch over this names all of them. */
enum session_state {
	SESSION_HEADER,		/* a PROXY header is awaited first */
	SESSION_CONNECT,	/* no connection to the server yet */
	SESSION_BANNER,		/* waiting for its 220 */
	SESSION_COMMAND,	/* commands and replies */
	SESSION_AUTH,		/* next line is an answer to a 334 */
	SESSION_DATA,		/* the client sends its message */
	SESSION_CHUNK,		/* or a chunk of it, behind BDAT */
	SESSION_INSPECT,	/* parser and scanner have the message */
	SESSION_GO,		/* DATA is sent to the server, no 354 yet */
	SESSION_BODY,		/* message bytes go to the server */
	SESSION_DOT,		/* all sent; waiting for its reply */
	SESSION_TUNNEL,		/* STARTTLS was passed: opaque bytes */
	SESSION_CLOSING,	/* last reply to the client, then the end */
	SESSION_LINGER		/* closed to writing; swallowing the rest */
};

/* A command on its way to the server, or one of our own. */
enum verb {
	VERB_BANNER,		/* not a command: the greeting is awaited */
	VERB_HELO,
	VERB_EHLO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_BDAT,
	VERB_RSET,
	VERB_NOOP,
	VERB_QUIT,
	VERB_HELP,
	VERB_AUTH,
	VERB_STARTTLS,
	VERB_VRFY,
	VERB_KNOWN_REFUSED,	/* known, and never passed on */
	VERB_UNKNOWN,
	VERB_OTHER,		/* one of the three above that policy passes */
	VERB_OWN_NOOP,		/* keeps the server awake; reply swallowed */
	VERB_OWN_RSET,		/* ends a refused message; reply swallowed */
	VERB_OWN_DATA,		/* delivery of an accepted message */
	VERB_OWN_BDAT,		/* the same by RFC 3030 */
	VERB_OWN_MAIL,		/* the envelope once more, see prdr.c */
	VERB_OWN_RCPT,
	VERB_OWN_EHLO,		/* does the server know XCLIENT? */
	VERB_OWN_XCLIENT	/* who the client is */
};

/* One command in flight; replies come back in the same order. */
struct inflight {
	STAILQ_ENTRY(inflight)	 entry;
	enum verb		 verb;
	const char		*line;		/* all of MAIL and RCPT with
						   PRDR, or NULL; in arg, too */
	char			 arg[];		/* path of MAIL and RCPT */
};

/* The envelope, from an accepted MAIL to the end of its transaction. */
struct envelope {
	char			*from;		/* path without <> */
	uint32_t		 nrcpt;		/* accepted by the server */
	char			*rcpt;		/* their paths, strings */
	size_t			 rcpt_len;
	size_t			 rcpt_alloc;	/* counted in rcpt_used */
	int			 binary;	/* BODY=BINARYMIME */
	struct prdr		*prdr;		/* a reply for each recipient;
						   NULL: one for all */
};

/* What is wrong with the form of a message; the worst is reported. */
enum data_fault {
	DATA_OK,
	DATA_TOO_BIG,		/* beyond message size */
	DATA_NO_SPACE,		/* spool memory is used up */
	DATA_IO,		/* writing the spool failed */
	DATA_BARE_CR,
	DATA_BARE_LF,
	DATA_NUL,
	DATA_NO_CRLF		/* BDAT only: the last line has no end */
};

/* Machine that finds the end of a message, see data.c. */
enum data_state {
	AT_BOL,			/* begin of line: after CRLF, or at start */
	AT_DOT,			/* one dot at the begin of a line */
	AT_DOT_CR,		/* that dot and CR */
	AT_TEXT,		/* inside a line */
	AT_CR			/* CR inside a line */
};

struct session;
struct job;
struct waiting;

/* A whole reply of a server, at the begin of a buffer. */
struct reply {
	int		 code;		/* 200 to 599 */
	size_t		 len;		/* bytes of all its lines */
	size_t		 nlines;
};

#define MESSAGE_NOTED	64	/* rules; more may count twice */

/* A message, from DATA to the reply to its dot. */
struct message {
	int			 fd;		/* memfd, sealed at the dot */
	enum data_state		 state;
	enum data_fault		 fault;
	int			 bdat;		/* came in chunks, RFC 3030 */
	enum data_fault		 form;		/* of chunks, which are kept */
	uint64_t		 chunk;		/* octets of it still to come */
	int			 last;		/* and it is the last one */
	const char		*refused;	/* reply to every chunk now */
	uint64_t		 size;		/* bytes in fd, unstuffed */
	uint64_t		 charged;	/* of the spool budget */
	uint64_t		 sent;		/* bytes given to the server */
	int			 mid_line;	/* sent ends inside of a line */
	int			 early;		/* the server spoke before the
						   last of its octets */
	struct job		*job;		/* while it is inspected */
	struct waiting		*waiting;	/* while the store has it */
	enum rule_action	 action;	/* then it is done */
	enum verdict		 verdict;
	uint32_t		 nparts;
	uint64_t		 anomalies;
	char			 name[SCAN_NAME_MAX];	/* virus or reason */
	char			 subject[RECORD_TEXT_MAX];
	char			 msgid[RECORD_TEXT_MAX];
	char			*facts;		/* lines about it, strings */
	size_t			 nfacts;	/* bytes */
	char			 told[CONF_REPLY_MAX + SCAN_NAME_MAX + 64];
						/* reply that waits */
	int			 is_recorded;	/* the store has heard */
	uint64_t		 number;	/* of its record, or 0 */
	uint64_t		 copies;	/* id of a record whose copies
						   wait for its fate, or 0 */
	struct msg_scan_hit	*hit;		/* text that lists have */
	uint32_t		 nhits;
	int			 is_matched;	/* all text was looked at */
	struct file_fact	*file;		/* attachments and members */
	uint32_t		 nfiles;
	uint32_t		 other_flags;	/* of those without room */
	uint64_t		 other_types;
	uint32_t		 bad_part;	/* where the verdict is from */
	int			 arena;		/* fd, for edits; or -1 */
	uint64_t		 arena_size;
	unsigned int		 rounds;	/* so often edited and judged */
	const struct conf_rule_wire *noted[MESSAGE_NOTED]; /* have had their
						   effect; only compared */
	unsigned int		 nnoted;
	const struct conf_rule_wire *disclaimer; /* of a rule before ... */
	struct conf		*disclaimer_conf; /* ... and where that is */
	const struct conf_rule_wire *rule;	/* that decided */
	uint64_t		 t_data;	/* us: 354 sent */
	uint64_t		 t_dot;		/* us: all received */
	uint64_t		 us_parse;
	uint64_t		 us_scan;
	uint64_t		 t_deliver;	/* us: delivery begins */
};

struct session {
	TAILQ_ENTRY(session)	 entry;
	TAILQ_ENTRY(session)	 wait;		/* for a socket */
	uint64_t		 id;		/* random, in every log line */
	enum session_state	 state;
	unsigned int		 flags;		/* SF_* */
	struct conf		*conf;		/* referenced */
	struct addr		 client;	/* for all that is decided */
	struct addr		 peer;		/* who has connected to us */
	struct addr		 dest;		/* the server meant */
	uint8_t			 mode;		/* enum listen_mode */
	uint8_t			 tries;		/* of connect */
	uint8_t			 starttls;	/* enum starttls_mode */
	uint8_t			 identity;	/* enum identity */
	uint16_t		 errors;	/* refused lines */
	uint16_t		 withheld;	/* offers of STARTTLS */
	uint16_t		 tls_refused;	/* tries all the same */
	uint32_t		 nmessages;	/* passed */
	uint32_t		 nseen;		/* received, passed or not */
	uint32_t		 listener;	/* number of its name + 1 */
	int64_t			 points[PHASE_MAX];	/* from rules */
	int64_t			 kept_points[PHASE_MAX]; /* before HELO, MAIL */
	uint64_t		 rcpt_class;	/* of this transaction */
	int			 has_class;
	uint64_t		 started;	/* ms */
	struct ev		 cev, sev;	/* client, server socket */
	struct buf		 cin, cout;	/* from and to the client */
	struct buf		 sin, sout;	/* from and to the server */
	struct evtimer		 ctimer;	/* the client must do sth. */
	struct evtimer		 stimer;	/* the server must do sth. */
	struct evtimer		 deadline;	/* of the whole session */
	STAILQ_HEAD(, inflight)	 inflight;
	char			*helo;
	const char		*banner;	/* of conf, or NULL */
	char			*own_banner;	/* it, when conf has changed */
	uint8_t			*greeting;	/* the server's, kept */
	size_t			 greeting_len;	/* during XCLIENT */
	struct envelope		*env;
	struct message		*msg;
	const char		*end;		/* reason of the end, for log */
};

#define SF_WAITS_SOCK	0x0001	/* in the queue for a socket */
#define SF_CLIENT_EOF	0x0002	/* client will send no more */
#define SF_SERVER_GONE	0x0004	/* connection to the server is lost */
#define SF_SKIP_LINE	0x0008	/* over-long line: drop up to CRLF */
#define SF_SERVER_PIPE	0x0010	/* server announced PIPELINING */
#define SF_AUTHED	0x0020	/* server said 235 */
#define SF_AGAIN	0x0040	/* session_run() once more */
#define SF_RUNNING	0x0080	/* inside session_run() */
#define SF_DEAD		0x0100	/* to be freed at the end of session_run() */
#define SF_QUIT		0x0200	/* the client said QUIT */
#define SF_CLIENT_GONE	0x0400	/* connection to the client is lost */
#define SF_RSET_DUE	0x0800	/* own RSET, when nothing is in flight */
#define SF_GO_SENT	0x1000	/* DATA of SESSION_GO is on its way */
#define SF_SERVER_CHUNK	0x2000	/* server announced CHUNKING */
#define SF_SERVER_BIN	0x4000	/* server announced BINARYMIME */
#define SF_MAIL_BIN	0x8000	/* MAIL in flight has BODY=BINARYMIME */
#define SF_TLS_WITHHELD	0x20000	/* STARTTLS was taken out of EHLO */
#define SF_COUNTED	0x10000	/* among those of its source */
#define SF_TLS_PASSED	0x40000	/* STARTTLS was passed on, and taken */
#define SF_REFUSED	0x80000	/* refused before its server was called */
#define SF_RATED	0x100000 /* the command at hand was counted */
#define SF_TLS		0x400000 /* TLS in front of us, a PROXY header says */
#define SF_SERVER_PRDR	0x800000 /* server announced PRDR */
#define SF_MAIL_PRDR	0x1000000 /* MAIL has PRDR */
#define SF_EXPLAIN	0x200000 /* nobody's: a question of an operator's */

/*
 * So many refused sessions at a time wait for their client to close, so that
 * it can read why; of the others the connection is closed at once.
 */
#define REFUSED_MAX	64

TAILQ_HEAD(sessions, session);

/* One who waits for a socket and is no session; storage of its owner's. */
struct sockwait {
	TAILQ_ENTRY(sockwait)	 entry;
	void			(*cb)(void *arg, int fd); /* takes fd */
	void			*arg;
	uint32_t		 kind;		/* enum sock_kind */
	int			 is_waiting;
};

/* This process. */
struct proxy {
	struct conf		*conf;		/* in force for new sessions */
	struct conf		*next;		/* waits for its scanner */
	uint32_t		 instance;
	struct imsgbuf		 master;
	struct ev		 master_ev;
	struct sessions		 sessions;
	unsigned int		 nsessions;
	unsigned int		 nrefused;	/* of them */
	unsigned int		 max_sessions;	/* of this process */
	unsigned int		 nsending;	/* messages of the store's */
	unsigned int		 nmessages;	/* in hand */
	unsigned int		 max_messages;	/* by descriptors */
	uint64_t		 spool_used;	/* bytes */
	uint64_t		 spool_max;
	uint64_t		 rcpt_used;	/* bytes of recipients */
	int			 draining;
	int			 has_members;	/* of dynamic tables */
	struct msg_stats	 stats;
	struct addr		*local;		/* addresses of this host */
	size_t			 nlocal;
};

extern struct proxy	 proxy;

/* main.c */

/* Frames for master may be queued: watch for room. */
void		 proxy_want_write(void);
/* Draining, and the last session is over?  Then end. */
void		 proxy_check_end(void);
/* A scanner with these lists has come: a configuration may wait for it. */
void		 proxy_scanner(uint64_t content);

/* The members of dynamic tables are there: sessions may begin. */
void		 proxy_members(void);

/* accept.c */

/* Watch the listeners of the configuration in force; stop the old ones. */
void		 accept_start(struct conf *);
/* Stop accepting for good. */
void		 accept_stop(void);
/*
 * The client's address is known: count it, ask the rules, call the server or
 * say why not.
 */
void		 accept_go(struct session *);

/* source.c */

/*
 * One session more of its client's source.  Returns 0, or -1 when there are
 * too many already.
 */
int		 source_begin(struct session *);
/* It is over; does nothing for one that was not counted. */
void		 source_end(struct session *);
/* What the other proxies have, from master. */
void		 source_others(const struct msg_source *);

/* sock.c */

/* Fill the stock at the start and whenever it runs low. */
void		 sock_prefetch(void);
/* A socket has come from master; takes fd. */
void		 sock_add(uint32_t kind, int fd);
/*
 * Begin to connect the session to its server.  The session may have to wait
 * for a socket; sock_add() goes on then.  On failure the client is told.
 */
void		 sock_connect(struct session *);
/* The session is going: leave the queue. */
void		 sock_forget(struct session *);
/*
 * A plain socket of that family for w->cb, which is set as w->arg is: now or
 * when master has sent one.
 */
void		 sock_take(struct sockwait *, int family);
/* It is not wanted any more; idempotent. */
void		 sock_leave(struct sockwait *);

/* session.c */

/*
 * A new session over an accepted socket, which is taken.  Its server is not
 * connected yet.  NULL when memory or epoll fail (fd is closed).
 */
struct session	*session_new(int fd, const struct conf_listener *,
		    const struct addr *client, const struct addr *dest);
/*
 * Do all that can be done now: take commands and replies out of the buffers,
 * write, set events and timers.  Every event handler ends here.  The session
 * may be freed by it.
 */
void		 session_run(struct session *);
/* Free it at once, both connections closed. */
void		 session_free(struct session *, const char *why);
/*
 * Has the server, or else the client, sent something that was not taken up
 * yet: 1 or 0.
 */
int		 session_peek(const struct session *, int server);
/* The TCP connection to the server stands; fd is taken. */
void		 session_connected(struct session *, int fd);
/* The dot has come: inspect the message, or refuse its form. */
void		 session_dot(struct session *);
/* Move opaque bytes from one buffer to another; returns as client_input(). */
int		 session_tunnel(struct session *, struct buf *from,
		    struct buf *to);
/* Close the connection to the server. */
void		 session_close_server(struct session *);
/* Log line that begins with the session's id. */
void		 session_log(const struct session *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
/* Reset the envelope. */
void		 session_reset(struct session *);
/* Name of a state, for operators. */
const char	*session_state_name(enum session_state);
/* Milliseconds of a timeout of the session's configuration. */
uint64_t	 session_timeout(const struct session *, enum timeout);

/* renew.c */

/* The session goes on by this configuration. */
void		 session_conf(struct session *, struct conf *);
/*
 * A message begins: by the configuration of today, if there is no scanner any
 * more for the one that the session has.
 */
void		 session_renew(struct session *);

/* client.c */

/*
 * Handle what the client has sent, as far as that is possible now.  Returns
 * 1 when something was done, 0 when it waits for more, or for the server.
 */
int		 client_input(struct session *);
/* A reply of our own to the client; text begins with the code. */
void		 client_reply(struct session *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
/*
 * Is the path of a form, or of a length, that is not wanted?  The reply to
 * that, in text where it is made up; NULL: it is not.
 */
const char	*client_path_refused(const struct session *, const char *path,
		    int is_rcpt, char *text, size_t size);
/* As client_reply(), and the session ends when it has been sent. */
void		 client_goodbye(struct session *, const char *why,
		    const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));

/* command.c */

/*
 * Size and LAST of BDAT (RFC 3030 section 2).  Returns 0, or -1 when it does
 * not parse; what follows on the wire is then anybody's guess.
 */
int		 command_bdat(const char *arg, size_t len, uint64_t *size,
		    int *last);
/* Which of the commands that policy decides about; SMTP_UNKNOWN: none. */
enum smtp_verb	 command_other(const char *line, size_t len);
/* Bits 1 << enum address_form for what this path has of them. */
unsigned int	 command_forms(const char *path);
/* Which command is this line (without CRLF)?  *arg: behind the verb. */
enum verb	 command_parse(const char *line, size_t len, size_t *arg);
/*
 * The path of MAIL FROM: or RCPT TO: (arg is what follows the verb), copied
 * without its brackets into path; *params gets the offset of what follows.
 * Returns 0, or -1 when it does not parse (RFC 5321 section 4.1.2).
 */
int		 command_path(enum verb, const char *arg, size_t len,
		    char *path, size_t size, size_t *params);
/*
 * Value of parameter name in params ("SIZE"), into value; "" for a bare
 * keyword.  Returns 1 if it is there, 0 if not, -1 if it does not fit or is
 * there twice.
 */
int		 command_param(const char *params, size_t len,
		    const char *name, char *value, size_t size);

/* server.c */

/* Handle the replies that are complete; returns as client_input(). */
int		 server_input(struct session *);
/* Send a line (len bytes and CRLF) and expect a reply to it. */
void		 server_command(struct session *, enum verb, const char *line,
		    size_t len, const char *arg);
/* The connection to the server is lost or unusable. */
void		 server_lost(struct session *, const char *why);
/*
 * The greeting for the client, len bytes of a reply with its code, or what
 * was configured in its place.  Commands may come.
 */
void		 server_banner(struct session *, const uint8_t *, size_t len,
		    int code);

/* identity.c */

/* The connection stands: a PROXY header, where one is due. */
void		 identity_connected(struct session *);
/*
 * The server has greeted.  Returns 1 when XCLIENT comes first, and the client
 * has to wait; else 0.
 */
int		 identity_banner(struct session *, const struct reply *);
/* Replies to our own EHLO and XCLIENT, which are in sin. */
void		 identity_ehlo(struct session *, const struct reply *);
void		 identity_xclient(struct session *, const struct reply *);

/* reply.c */

/*
 * Is there a complete reply at the begin of these bytes?  Returns 1 and fills
 * in *r, 0 if more bytes are needed, -1 if this is no reply at all or one
 * beyond the limits (RFC 5321 section 4.2).
 */
int		 reply_parse(const uint8_t *data, size_t len, struct reply *r);

/* ehlo.c */

/*
 * Append the server's reply to EHLO to out, with the keywords only that we
 * honour (RFC 5321 section 4.1.1.1).  *flags gets SF_SERVER_*.  Returns 0, or
 * -1 when out is full.
 */
int		 ehlo_filter(const struct session *, const uint8_t *data,
		    size_t len, struct buf *out, unsigned int *flags);

/* data.c */

/* An empty memfd for a message; -1 with errno. */
int		 data_spool(void);
/*
 * Begin a message: spool and machine.  Returns it, or NULL with errno when
 * there is no descriptor or memory.
 */
struct message	*data_begin(void);
/*
 * Take bytes of the client, len of them; *used says how many belonged to the
 * message.  Returns 1 at its end, 0 before.
 */
int		 data_input(struct session *, const uint8_t *, size_t len,
		    size_t *used);
/*
 * Take octets of a chunk: as they are, dots and all.  What is wrong with their
 * lines is noted in form; RFC 3030 lets a binary message have it.
 */
void		 data_chunk(struct session *, const uint8_t *, size_t len);
/* An empty spool, or -1 with errno. */
int		 data_spool(void);
/* All is there: seal it.  Returns 0, or -1 with errno. */
int		 data_seal(struct message *);
/* Forget a message: descriptor, budget, job. */
void		 data_free(struct message *);

/* inspect.c */

/* A channel to a parser or scanner has come from master; takes fd. */
void		 inspect_channel(const struct msg_chan *, int fd);
/*
 * Have the session's message parsed and scanned.  When that is over, or has
 * failed, verdict_decide() is called, never before this returns.
 */
void		 inspect_start(struct session *);
/* The same for a message that has changed: nothing is known of it. */
void		 inspect_again(struct session *);
/* Nobody waits for this job any more. */
void		 inspect_cancel(struct job *);
/* Is there a scanner that looks for the lists of this digest: 1 or 0. */
int		 inspect_has_scanner(uint64_t content);
/* Close all channels: master wants the others to end, too. */
void		 inspect_stop(void);

/* verdict.c */

/* Where facts about a message lie while rules are asked. */
struct verdict_room {
	uint32_t		 score[CONF_USES_MAX];
	char			 body[65];	/* SHA-256 in hex */
};

/* The facts are known: find the rule, do what it says. */
void		 verdict_decide(struct session *);
/* All that rules on messages are asked about, into facts and their room. */
void		 verdict_facts(const struct session *, struct conf_facts *,
		    struct verdict_room *);
/*
 * What the client is told when this rule decides about its message: "" when
 * that is the server's business.
 */
void		 verdict_reply(const struct session *,
		    const struct conf_rule_wire *, char *text, size_t size);
/* Refuse a message for its form; no rule is asked. */
void		 verdict_fault(struct session *);
/* The reply to that, what the log calls it, and the name of the action. */
const char	*verdict_fault_reply(enum data_fault, const char **name,
		    const char **action);
/* A line of the log that the store's record of the message gets, too. */
void		 verdict_fact(const struct session *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
/* The one line about a message; reply is what the client was told. */
void		 verdict_log(struct session *, const char *action,
		    const char *reply, size_t len);

/* A line of the log about the message that the store gets, too. */
void		 verdict_fact(const struct session *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));

/* The store has the message on disk (error 0), or has not: go on. */
void		 verdict_stored(struct session *, int error);

/* autoreply.c */

/*
 * May the sender of the session's message be answered by a machine: its
 * header has nothing that RFC 3834 section 2 or a mailing list forbids.  NULL,
 * or why not.
 */
const char	*autoreply_refuse(const struct session *);

/* policy.c */

#define POLICY_PASSED	32	/* rules that are named in the log */

/* Rules that matched before the one that decides. */
struct policy_passed {
	const struct conf_rule_wire *rule[POLICY_PASSED];
	unsigned int		 n;
};

/* What is known of the session so far; valid until it goes on. */
void		 policy_facts(const struct session *, struct conf_facts *);
/*
 * The rule of a phase that decides, see conf_match(); those that do not are
 * noted in the last argument.  Changes nothing but the facts' points.
 */
const struct conf_rule_wire *policy_ask(const struct session *,
		    enum rule_phase, struct conf_facts *,
		    struct policy_passed *);
/* It counts: log those rules, keep the points that they gave. */
void		 policy_note(struct session *, enum rule_phase,
		    const struct conf_facts *, const struct policy_passed *);
/* The same for recipients whose message ends here: points do not matter. */
void		 policy_apart(struct session *, const struct policy_passed *);
/*
 * What a rule does beside its action: fill tables, count.  Should it decide
 * twice about a message, that is done once.
 */
void		 policy_effects(const struct session *,
		    const struct conf_rule_wire *, const struct conf_facts *);
/*
 * What rules say about the name of a client or a sender, of which MAIL says
 * the message has so many bytes, or 0.  1: it was refused and told; 0: go on.
 */
int		 policy_helo(struct session *, const char *command,
		    const char *arg, size_t len);
int		 policy_mail(struct session *, const char *path,
		    uint64_t size);
/* That was not taken: points are as they were before it. */
void		 policy_undo(struct session *);
/*
 * What rules say about a recipient, the count-th of its transaction.  Returns
 * 1 to go on, -1 when it was refused and told, 0 when that has to wait for
 * what the server still owes.  Recipients whom rules on messages judge
 * differently cannot share one: the later ones come again in a transaction of
 * their own.
 */
int		 policy_rcpt(struct session *, const char *path,
		    uint32_t count);
/* What a client is told whom a rule of an earlier phase refuses. */
void		 policy_reply(const struct session *,
		    const struct conf_rule_wire *, const struct conf_facts *,
		    char *text, size_t size);
/* Refuse a command by a rule. */
void		 policy_refuse(struct session *, const char *command,
		    const struct conf_rule_wire *, const struct conf_facts *);

/* expand.c */

/* Before this process is confined. */
void		 expand_init(void);
/*
 * The text of a rule with values for its macros, cut to size; facts are those
 * of a phase before the message, or NULL.
 */
void		 expand(const struct session *, const struct conf_rule_wire *,
		    const struct conf_facts *, const char *text, char *dst,
		    size_t size);

/* rate.c: counts over time */

/* It happens now: count it for all that ask, here and in other workers. */
void		 rate_event(const struct session *, enum rate_event,
		    const struct conf_facts *);
/* It has happened in another worker. */
void		 rate_others(const struct msg_count *);
/* For struct conf_facts; of several recipients, the one with most. */
uint32_t	 rate_count(const struct conf *, uint32_t id,
		    const struct conf_facts *);

/* explain.c: what would become of a message */

/*
 * An operator's question, which the store has sent over this channel, which
 * gets the answer.  Returns 0, or -1 for a frame that cannot be.
 */
int		 explain_frame(struct imsgbuf *, struct imsg *);
/* The message of that question has been inspected: see inspect_start(). */
void		 explain_inspected(struct session *);
/* The channel is gone: nobody wants to know any more. */
void		 explain_lost(void);

/* digest.c */

/*
 * SHA-256 of a sealed message's body, in hexadecimal digits.  Returns 0, or -1
 * with errno.
 */
int		 digest_body(const struct message *, char *, size_t size);

/* member.c: dynamic tables */

/* Put a member in, or renew it; take one out. */
void		 member_set(const struct msg_member *);
void		 member_delete(const struct msg_member *);
/* A full list begins; it has come: what was not in it goes. */
void		 member_begin(void);
void		 member_all(void);
/* For struct conf_facts. */
int		 member_is(const struct conf *, uint32_t id, const char *key);

/* store.c */

/* The channel to the store has come from master; takes fd. */
void		 store_channel(const struct msg_chan *, int fd);
/* Close it. */
void		 store_stop(void);
/* Frames for the store may be queued: watch for room. */
void		 store_want_write(void);
/* A rule's wish; kept for a while when there is no store. */
void		 store_member(const struct msg_member *);
/* Something was counted; forgotten when there is no store. */
void		 store_count(const struct msg_count *);
/* A rule with that label has matched. */
void		 store_tally(const char *);
/*
 * Tell what becomes of the session's message; flags are RECORD_*, with
 * RECORD_SYNC verdict_stored() follows, never before this returns.  Returns
 * 0, or -1 with errno when the store cannot be told.
 */
int		 store_record(struct session *, enum rule_action,
		    uint32_t flags, const char *reply);
/*
 * What the client heard at last, for a record that was made before the
 * message was delivered; nothing without such a record.
 */
void		 store_reply(const struct session *, const char *reply);
/* A message with copies has arrived, or has not; told once. */
void		 store_fate(struct message *, int arrived);
/* Nobody waits for it any more. */
void		 store_cancel(struct waiting *);

/* outgoing.c: the gateway's own client */

/*
 * A frame about a message that the store wants sent, over its channel, which
 * gets the answer.  Returns 0, or -1 for one that cannot be.
 */
int		 outgoing_frame(struct imsgbuf *, struct imsg *);
/* The channel is gone: so is what was being sent. */
void		 outgoing_lost(void);

/* edit.c */

/*
 * Put a header field on top of the session's message, and a tag before its
 * subject; either may be "".  *breaks says whether a signature may not verify
 * any more.  Returns 0, or -1 with errno; then the message is as it was.
 */
int		 edit_message(struct session *, const char *tag,
		    const char *header, int *breaks);

/* revise.c */

enum revised {
	REVISE_PASS,		/* go on with it */
	REVISE_AGAIN,		/* it has changed: to be judged again */
	REVISE_BLOCK,		/* it cannot be changed, and may not pass */
	REVISE_FAIL		/* errno; it is as it was, or as good */
};

/* Remove what made the rule match; never a part of it. */
enum revised	 revise_strip(struct session *,
		    const struct conf_rule_wire *);
/* Add the rule's disclaimer, if it has one and the message can take it. */
enum revised	 revise_disclaimer(struct session *,
		    const struct conf_rule_wire *);

/* prdr.c */

/* A transaction with such a MAIL; NULL without memory. */
struct prdr	*prdr_new(const char *mail);
void		 prdr_free(struct prdr *);
/* One recipient more, that was taken as RCPT has it: 0, or -1 without
 * memory. */
int		 prdr_rcpt(struct prdr *, const char *line, const char *path);
/* May there be no more?  1 or 0. */
int		 prdr_is_full(const struct prdr *);
/* All that were taken, also those that are not of the envelope any more. */
uint32_t	 prdr_count(const struct prdr *);
/* The message is there: those that are refused leave the envelope. */
void		 prdr_split(struct session *);
/*
 * Tell the server the envelope that is left: 1 when it was told something, or
 * nobody is left; 0 when it has all.  The envelope may be gone after a 1.
 */
int		 prdr_next(struct session *);
/* Its reply to that. */
void		 prdr_answer(struct session *, enum verb,
		    const struct reply *);
/*
 * A reply to the message that is not the last one: 1, and it was taken; else
 * 0.
 */
int		 prdr_take(struct session *, const struct reply *);
/* Are there still some to come before the last one?  1 or 0. */
int		 prdr_is_due(const struct session *);
/* Log whom the server refuses of those whose message it could have. */
void		 prdr_refused(struct session *);
/*
 * Tell the client what becomes of each, before that last one, which is of len
 * bytes and counts for all that have none.  Returns what has to be said in its
 * place, or NULL.
 */
const char	*prdr_replies(struct session *, const char *, size_t len);

/* stuff.c */

/*
 * Append len bytes of a message, which is more than none, to a buffer, dots at
 * the begin of a line doubled; bol: the first byte begins a line.  Returns 0,
 * or -1 with errno of buf_add(); some of it may be in the buffer then.
 */
int		 stuff_dots(struct buf *, const uint8_t *, size_t len, int bol);

/* deliver.c */

/* Pass the message on: DATA to the server. */
void		 deliver_start(struct session *);
/* A reply of the server while delivering; takes it out of sin. */
void		 deliver_reply(struct session *, const struct reply *);
/* The server was lost before its reply to the dot: 451 to the client. */
void		 deliver_failed(struct session *, const char *why);
/* Put the next bytes of the message into sout; 1 if some were put. */
int		 deliver_output(struct session *);

#endif /* MAILWALL_PROXY_H */

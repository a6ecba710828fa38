/* SPDX-License-Identifier: ISC */

/*
 * What the grammar of mailwall.conf(5) hands over, collected until the file
 * has been read and then checked and made into a struct conf.  Everything
 * here reports its errors itself; memory is the lexer's (lex_alloc()).
 */

#ifndef MAILWALL_BUILD_H
#define MAILWALL_BUILD_H

/* Statements that may stand once. */
enum single {
	S_WORKERS,
	S_PARSERS,
	S_SCANNERS,
	S_SESSIONS,
	S_USER_PROXY,
	S_USER_PARSER,
	S_USER_SCANNER,
	S_USER_STORE,
	S_RUN_DIRECTORY,
	S_STATE_DIRECTORY,
	S_CONTROL_GROUP,
	S_QUARANTINE_SIZE,
	S_QUARANTINE_KEEP,
	S_AUDIT_KEEP,
	S_LOG_FACILITY,
	S_MARK,
	S_MESSAGE_SIZE,
	S_MESSAGE_PARTS,
	S_MESSAGE_DEPTH,
	S_SPOOL_MEMORY,
	S_STARTTLS,
	S_NEWLINE,
	S_HELO,
	S_EARLY,
	S_INSIDE,
	S_ADDRESS,
	S_LIMIT_LINE,
	S_LIMIT_PATH,
	S_LIMIT_RECIPIENTS,
	S_LIMIT_ERRORS,
	S_LIMIT_MESSAGES,
	S_LIMIT_SOURCE,
	S_LIMIT_BITS4,
	S_LIMIT_BITS6,
	S_BANNER,
	S_NOTICES,
	S_OUTBOX_SIZE,
	S_OUTBOX_KEEP,
	S_OUTBOX_RETRY,
	S_ANTIVIRUS,
	S_AV_DATABASE,
	S_AV_SOCKET,
	S_AV_FILE,
	S_AV_TOTAL,
	S_AV_DEPTH,
	S_AV_FILES,
	S_TIMEOUT,		/* and enum timeout from here */
	S_MAX = S_TIMEOUT + TMO_MAX
};

/* Networks as they stand in the file. */
struct netlist;

/* Words or expressions as they stand in the file. */
struct wordlist;

/* "source", "destination", "helo", "sender" or "recipient" of a rule. */
struct host {
	const char	*table;		/* <name>, or */
	struct netlist	*nets;		/* a list; all NULL: anyone */
	struct wordlist	*words;		/* a list of addresses of mail */
	int		 is_not;
	struct pos	 pos;
};

/* What may stand behind a listener. */
struct listen_opts {
	uint32_t	 starttls;	/* enum starttls_mode + 1; 0: none */
	char		 banner[CONF_BANNER_MAX];
	char		 name[CONF_NAME_MAX];
	struct host	 proxied;
	int		 has_proxied;
};

/* One thing that a rule wants found in the text. */
struct want {
	const char	*table;		/* <name>, or */
	struct wordlist	*words;		/* a pattern for a field */
	uint32_t	 scopes;	/* 0: all */
	uint32_t	 score;
	int		 is_not;
	struct pos	 pos;
};

/* A name of listeners in a rule. */
struct listener_name {
	const char	*name;
	struct pos	 pos;
};

#define RULE_LISTENERS	16		/* names in one rule */

/* One rule, filled in by the grammar as it reads. */
struct rule {
	struct conf_rule_wire	 w;
	struct host		 source;
	struct host		 dest;
	struct host		 helo, sender, rcpt;
	struct host		 add[RULE_ADDS];
	struct conf_mail_wire	*mail[RULE_MAILS];	/* w.nmails */
	struct pos		 mail_pos;
	int			 has_source, has_dest, has_verdicts;
	int			 has_helo, has_sender, has_rcpt;
	int			 has_disconnect;
	int			 has_anomaly, has_file;
	struct want		 want[RULE_WANTS];
	uint32_t		 nwants;	/* RULE_WANTS + 1: too many */
	struct listener_name	 listener[RULE_LISTENERS];
	uint32_t		 nlisteners;
	struct host		 body, pair, hash;
	int			 has_body, has_pair, has_hash;
	uint32_t		 rate_event, rate_key, rate_within;
	int			 has_rate, has_time, has_points;
	struct pos		 when_pos;	/* of what must be later */
	const char		*disclaimer;	/* its name, or NULL */
	struct pos		 disclaimer_pos;
	struct pos		 signed_pos;
	struct pos		 pos;
	struct pos		 reply_pos;
	struct pos		 verdict_pos;
	struct rule		*next;
};

/* A text for messages as it stands in the file. */
struct disclaimer;

/* Begin with a configuration that has the defaults. */
void	 build_reset(struct conf *);

/*
 * Check all that needs the whole, and put listeners, tables and rules into
 * the configuration.  Returns 0, or -1 when there was an error.
 */
int	 build_finish(void);

/*
 * A single statement: its keyword at kw, its value at val.  setting_mark()
 * only notes that it was there; both refuse a second one.
 */
void	 setting_set(enum single, const struct pos *kw, const struct pos *val,
	    const char *text);
int	 setting_mark(enum single, const struct pos *kw);
/* Set the policy (enum verb_policy) of commands, bits 1 << enum smtp_verb. */
void	 setting_verbs(const struct pos *, unsigned int verbs,
	    unsigned int policy);
/* Where it stood, or NULL. */
const struct pos *setting_pos(enum single);
/* Checks of single statements against each other. */
void	 setting_finish(void);
void	 setting_reset(struct conf_globals *);

/* Where lines of JSON go: a file, or the journal. */
void	 build_audit_file(const struct pos *, const struct pos *,
	    const char *path);
void	 build_audit_journal(const struct pos *);
/* Where metrics are: a path, or an address and port. */
void	 build_metrics_path(const struct pos *, const struct pos *,
	    const char *path);
void	 build_metrics_addr(const struct pos *, const char *addr,
	    const struct pos *addrpos, const char *port,
	    const struct pos *portpos);
/* A listener; addr NULL: both any-addresses; relay NULL: not a relay. */
void	 build_listener(const struct pos *, enum listen_mode,
	    const char *addr, const struct pos *addrpos,
	    const char *port, const struct pos *portpos,
	    const char *relay, const struct pos *relaypos,
	    const char *relayport, const struct pos *relayportpos,
	    const struct listen_opts *);

/* What is special about some servers. */
void	 build_server(const struct pos *, const struct host *,
	    const struct conf_server_wire *);
/* A banner, copied to CONF_BANNER_MAX bytes. */
void	 build_banner(const struct pos *, const char *, char *);
/* "v1" or "v2" of the PROXY protocol. */
unsigned int build_version(const struct pos *, const char *);
/* The id of a table of networks, which must not be dynamic; or NO_TABLE. */
uint32_t build_fixed(const struct host *);
/* Report what is there already. */
void	 build_once(const struct pos *, int is_there, const char *what);

/* Networks; a new list is empty.  NULL: no memory, reported. */
struct netlist *nets_new(void);
void	 nets_add(struct netlist *, const struct pos *, int is_not,
	    const char *text);
/* Read them from a file, one a line. */
void	 nets_add_file(struct netlist *, const struct pos *,
	    const char *path);
/* Report networks that are in the list with and without "!". */
void	 nets_check(const struct netlist *);
/* Is the table the same list: 1 or 0. */
int	 nets_equal(const struct netlist *, const struct conf_table *);
/* Put the list into a table; what does not fit is reported. */
void	 nets_store(const struct netlist *, struct conf *,
	    struct conf_table *);

/* A table with a name. */
void	 build_table(const struct pos *, const char *name, struct netlist *);

/*
 * A list of a kind (enum list_kind), empty; NULL: no memory, reported.  A
 * word's weight may be NULL: 1.
 */
struct wordlist *lists_new(unsigned int kind);
/* How many letters may be wrong. */
void	 lists_errors(struct wordlist *, const struct pos *, const char *);
/* "+tags" of addresses are not looked at. */
void	 lists_fold(struct wordlist *);
void	 lists_add(struct wordlist *, const struct pos *, const char *word,
	    const struct pos *weightpos, const char *weight);
/* Read them from a file: a line each, its weight behind a tab. */
void	 lists_add_file(struct wordlist *, const struct pos *,
	    const char *path);
/* Put the list into the configuration; what does not fit is reported. */
void	 lists_store(const struct wordlist *, struct conf *,
	    const char *name, const struct pos *);

/* Is it the same list: 1 or 0. */
int	 lists_equal(const struct wordlist *, const struct conf_list *);

/* Where entry n, from 0, of a list of the configuration stands, or NULL. */
const struct pos *lists_pos(uint32_t id, uint32_t n);

/* Before another configuration is read. */
void	 lists_reset(void);

/* A list with its name, which no other table may have. */
void	 build_list(const struct pos *, const char *name, struct wordlist *);

/* What a rule wants to have found: <name>, where, how much of it. */
void	 build_content(struct rule *, const struct pos *, const char *name,
	    unsigned int is_not);
/* A field of the header, "Name: pattern"; or a pattern of the subject. */
void	 build_field(struct rule *, const struct pos *, const char *text,
	    unsigned int is_not);
void	 build_subject(struct rule *, const struct pos *, const char *text,
	    unsigned int is_not);
/* Its wants, now that all tables are known. */
void	 content_store(struct conf *, struct rule *);
void	 build_scope(struct rule *, const struct pos *, const char *);
void	 build_score(struct rule *, const struct pos *, const char *);
/* A list of anomalies, types or flags begins at pos. */
void	 build_anomalies(struct rule *, const struct pos *);
void	 build_file_types(struct rule *, const struct pos *);
void	 build_file_flags(struct rule *, const struct pos *);
/* A type or class of files, something that files are, a name's pattern. */
void	 build_file_type(struct rule *, const struct pos *, const char *);
void	 build_file_flag(struct rule *, const struct pos *, const char *);
void	 build_file_name(struct rule *, const struct pos *, const char *);
/* An anomaly or a severity; NULL: suspicious and hostile. */
void	 build_anomaly(struct rule *, const struct pos *, const char *);

/* What a rule wants of the envelope: see envelope.c. */
void	 build_paths_new(struct host *, const struct pos *, unsigned int not,
	    const char *table);
void	 build_paths(const struct pos *, const struct host *,
	    struct host *into, int *has, const char *name);
void	 build_rcpt_over(struct rule *, const struct pos *, unsigned int word,
	    const struct pos *, const char *number);
void	 build_size_over(struct rule *, const struct pos *, const char *);
void	 build_auth(struct rule *, const struct pos *, enum rule_want);
void	 build_tls(struct rule *, const struct pos *, enum rule_want);
/* What a rule does beside its action. */
void	 build_flag(struct rule *, const struct pos *, uint32_t bit,
	    const char *name);
void	 build_tag(struct rule *, const struct pos *, const char *);
void	 build_header(struct rule *, const struct pos *, const char *);
void	 build_add(struct rule *, unsigned int what, const struct pos *,
	    const char *table);
void	 build_after(struct rule *, const struct pos *, const char *number,
	    const struct pos *, const char *duration);
/* A dynamic table: its name, how long members stay, how many there are. */
void	 build_dynamic(const struct pos *, const char *name,
	    const struct conf_dynamic_wire *);
void	 build_expire(struct conf_dynamic_wire *, const struct pos *,
	    const char *);
void	 build_members(struct conf_dynamic_wire *, const struct pos *,
	    const char *);
/* When and where, see context.c: which networks are ours; */
void	 build_inside(const struct pos *, const struct host *);
/* the name of a listener, copied to CONF_NAME_MAX bytes; */
void	 build_listener_name(const struct pos *, const char *, char *);
/* and what a rule asks of a session's listener and direction, */
void	 build_listeners(struct rule *, const struct pos *);
void	 build_on_listener(struct rule *, const struct pos *, const char *);
void	 build_directions(struct rule *, const struct pos *);
void	 build_direction(struct rule *, const struct pos *, const char *);
/* of the time, "HH:MM-HH:MM", and the day, "mon" or "mon-fri", */
void	 build_time(struct rule *, const struct pos *, const char *);
void	 build_days(struct rule *, const struct pos *);
void	 build_day(struct rule *, const struct pos *, const char *);
/* of the points so far, and of what has happened so often already: event and
 * key are words of the grammar. */
void	 build_points(struct rule *, const struct pos *, const char *);
void	 build_scored(struct rule *, const struct pos *, const char *);
/* What it logs, RULE_LOG, or only counts, RULE_COUNT, under a name ... */
void	 build_label(struct rule *, const struct pos *, const char *,
	    unsigned int flag);
/* ... and does nothing else. */
void	 build_label_only(struct rule *, const struct pos *, const char *,
	    unsigned int flag);
void	 build_rate(struct rule *, const struct pos *, const char *number,
	    unsigned int event, const struct pos *, const char *within,
	    unsigned int key);
void	 build_pair(struct rule *, const struct pos *, const char *table,
	    unsigned int is_not);
void	 build_body(struct rule *, const struct pos *, const char *table,
	    unsigned int is_not);
/* All of it, now that listeners and tables are known. */
void	 context_store(struct conf *, struct rule *);
void	 context_reset(void);
void	 context_finish(struct conf *);

/* Tables of a rule, now that all are known. */
void	 envelope_store(struct conf *, struct rule *);

/* What a rule changes in messages: see disclaimer.c. */
void	 build_notice(struct rule *, const struct pos *, const char *);
void	 build_disclaimer(struct rule *, const struct pos *, const char *name);
void	 build_signed(struct rule *, const struct pos *, unsigned int);

/*
 * Disclaimers: a new one, empty (NULL: reported); a line of it; all of a
 * file.  Then they are put into the configuration, and rules find their
 * number, plus 1.
 */
void	 disclaimer_reset(void);
struct disclaimer *disclaimer_new(const struct pos *, const char *name);
void	 disclaimer_line(struct disclaimer *, const struct pos *,
	    const char *, size_t len);
void	 disclaimer_file(struct disclaimer *, const struct pos *,
	    const char *path);
void	 disclaimer_store(struct conf *);
uint32_t disclaimer_id(const struct rule *);
/* Mail that the gateway sends, see outbox.c; the port may be NULL. */
void	 build_mail_server(struct addr *, const struct pos *,
	    const char *addr, const struct pos *, const char *port);
void	 build_notices_from(struct conf_outbox *, const struct pos *,
	    const char *);
void	 build_notices_limit(struct conf_outbox *, const struct pos *,
	    const char *number, const struct pos *, const char *duration);
void	 build_outbox_size(struct conf_outbox *, const struct pos *,
	    const char *);
void	 build_outbox_keep(struct conf_outbox *, const struct pos *,
	    const char *);
void	 build_outbox_retry(struct conf_outbox *, const struct pos *,
	    const char *);
/* What a rule has sent: its keyword's place, and whom to. */
void	 build_mail(struct rule *, const struct pos *, enum out_kind,
	    const struct pos *, const char *to, const struct addr *server);
void	 build_reply_mail(struct rule *, const struct pos *,
	    const struct pos *, const char *text);
/* The text of what it sends last. */
void	 build_mail_text(struct rule *, const struct pos *, const char *text);
void	 check_mails(const struct rule *, const struct conf *);
/* Put it into the configuration. */
void	 outbox_store(struct conf *, struct rule *);

/* A new rule at the end of those that there are; NULL: none, reported. */
struct rule *build_rule(const struct pos *, enum rule_phase);

/* The text of its reply. */
void	 build_reply(struct rule *, const struct pos *, const char *);
/* One verdict, with a pattern on the virus's name or NULL. */
void	 build_verdict(struct rule *, const struct pos *, uint32_t verdict,
	    const char *pattern);
/* Source or destination, as name says, copied into its place in the rule. */
void	 build_host(const struct pos *, const struct host *, struct host *into,
	    int *has, const char *name);
void	 build_disconnect(struct rule *, const struct pos *);

/* The value of a macro that is made of several words; NULL: too long. */
char	*build_join(const struct pos *, const char *, const char *);

/*
 * What is wrong, or only odd, with the whole, see check.c: listeners (with
 * the place of each) that collide or feed each other, a rule that makes no
 * sense, rules that never match.
 */
void	 check_listeners(const struct conf *, const struct pos *);
void	 check_rule(const struct rule *, const struct conf_globals *);
void	 check_shadows(const struct rule *);
/* Warn about rules that ask for more than there can be. */
void	 check_reach(const struct rule *, const struct conf_globals *);

#endif /* MAILWALL_BUILD_H */

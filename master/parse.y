/* SPDX-License-Identifier: ISC */

/*
 * The grammar of mailwall.conf(5).
 *
 * A value is a bare or quoted word here and becomes a number, an address or
 * a reply in the function that takes it, which can say what was wrong with
 * it.  What may come next is noted by the empty rules x_...: they are reduced
 * before the next word is looked at, so that yyerror() can say what would
 * have been right.  After an error the rest of the statement is skipped.
 *
 * Plain yacc: bison and byacc both take it.
 */

%{
#include <sys/queue.h>

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"

#include "config.h"
#include "expect.h"
#include "kept.h"
#include "lex.h"
#include "keyword.h"
#include "build.h"
#include "value.h"

/* What may follow, each after "|"; keywords as they are written. */
#define X_STATEMENT	"address|antivirus|audit|banner|control|"	\
	"disclaimer|early|helo|include|inside|limit|listen|log|mark|"	\
	"message|metrics|newline|notices|on|outbox|parsers|quarantine|"	\
	"run|scanners|server|sessions|smtp|spool|"			\
	"starttls|state|table|timeout|user|workers|name = \"value\""
#define X_LISTENOPT	"starttls|banner|proxy|name|" X_END
#define X_FORM		"source-route|percent|bang|quoted|pipe|file|"	\
	"literal|unqualified"
#define X_VERB		"vrfy|expn|help|etrn|turn|atrn|verb|debug|wiz|"	\
	"send|soml|saml|xclient|xforward|burl|unknown"
#define X_LIMIT		"line|path|recipients|errors|messages|source|"	\
	"ipv4-prefix|ipv6-prefix"
#define X_NETS		"source|from|destination|to|listener|direction|" \
	"time|day|scored|more|"
#define X_ENVELOPE	"helo|sender|recipient|pair|recipients|size|"	\
	"authenticated|tls|!|"
#define X_WHO		X_NETS X_ENVELOPE X_END
#define X_ACTOPT	"a reply in quotes|disconnect|quarantine|tag|"	\
	"header|add|notify|reply|copy|redirect|mark|strip|disclaimer|"	\
	"signed|log|count|"
#define X_VERDICT	"virus|clean|unscannable|scanner-failed"
#define X_TIMEOUT	"connect|banner|command|data|block|dot|client|"	\
	"keepalive|session|parse|scan|drain"
#define X_SCOPE	"subject|sender|recipient|headers|text|html|"	\
	"names|documents"
#define X_ANOMALY	"hostile|suspicious|harmless|the name of an anomaly"
#define X_MAIL		"attachment|content|field|subject|anomaly|body|"
#define X_COND		X_VERDICT "|" X_MAIL X_WHO
#define X_PATH		"a path"
#define X_ADDR		"an address"
#define X_NET		"a network"
#define X_NAME		"a name"
#define X_NUMBER	"a number"
#define X_SIZE		"a size such as 50M"

int		 yyparse(void);

static struct conf *load(const char *, int);
static int	 yylex(void);
static void	 yyerror(const char *);
static void	 expect(const char *);

static struct conf	*conf;
static const char	*expected;	/* X_..., what would be right */
static struct token	 last;		/* what was read last */
static int		 at_start;	/* of a statement */
static int		 after_table;	/* any word is a name now */
static struct netlist	*nets;		/* that is being read */
static struct wordlist	*list;		/* likewise */
static struct disclaimer *disclaimer;	/* likewise; NULL: none */
static struct rule	*rule;		/* likewise; NULL: too many */
static struct rule	 no_rule;	/* stands in for it then */
static struct host	 host;
static struct listen_opts opts;	/* of the statement that is read */
static struct conf_server_wire server;	/* likewise */
static struct conf_dynamic_wire dynamic; /* likewise */
static struct conf_outbox outbox; /* likewise */
static struct addr	 mail_addr;	/* server of a mail; family 0: none */
static const char	*after;		/* X_..., what may follow an option */
static unsigned int	 verbs;		/* bits, of an smtp statement */
%}

%token	BANNER IDENTITY PROTOCOL SERVER
%token	DISCLAIMER EDIT SIGNED STRIP
%token	COPY COUNT NOTICES NOTIFY OUTBOX REPLY RETRY WITH
%token	ADDRESS EARLY HELO LIMIT NEWLINE NORMALISE PLAINTEXT REFUSE REJECT
%token	REQUIRED SMTP
%token	METRICS
%token	ATTACHMENT HASH IS NAME PAIR TLS TYPE
%token	KERNEL
%token	BODY BY DAY DIRECTION FIELD FOLD_TAGS INSIDE LISTENER MORE SCORED
%token	SUBJECT THAN TIME
%token	ADD ADDRESSES AFTER AUDIT AUTHENTICATED CONTROL DYNAMIC EXPIRE GROUP
%token	HEADER JOURNAL KEEP OVER QUARANTINE STATE STORE TAG
%token	ANOMALY CONTENT EXPRESSIONS IDENTIFIERS IN KEYWORDS SCORE SIMILAR
%token	WEIGHT WORDS
%token	ANTIVIRUS BLOCK CLAMD CONNECT DATABASE DEPTH DESTINATION DIRECTORY
%token	DISCARD DISCONNECT EMBEDDED FACILITY FILENAME FILES FROM INCLUDE
%token	LISTEN LOG MARK MEMORY MESSAGE NONE ON OR PARSER PARSERS PARTS PASS
%token	PORT PROXY REDIRECT RELAY RUN SCANNER SCANNERS SESSIONS SIZE SOURCE
%token	SPOOL STARTTLS TABLE TEMPFAIL TIMEOUT TO TOTAL TPROXY USER VIRUS
%token	WITHHOLD WORKERS FILE_END BAD
%token	<num>	VERDICT TIMEOUT_NAME FORM VERB LIMIT_NAME
%token	<str>	ASSIGN MAIL RCPT RECIPIENT SENDER STRING TABLENAME WORD
%type	<str>	macro_value word listen_on relay_port table_name pattern
%type	<str>	scope facility_name
%type	<num>	identity add_what rate_event rate_key on_signed
%type	<num>	listen_mode single_user timeout_name phase action maybe_not
%type	<str>	weight file_type
%type	<num>	label_kind mail_kind
%type	<num>	av_limit_name starttls form verb_policy list_kind

%%

grammar	: /* empty */
	| grammar stmt '\n'
	| grammar INCLUDE x_path word '\n' {
		lex_include(&$<pos>4, $4);
	}
	| grammar FILE_END
	| grammar error '\n' {
		yyerrok;
	}
	| grammar error FILE_END {
		yyerrok;
	}
	;

stmt	: macro
	| single
	| limit
	| smtp
	| address
	| antivirus
	| timeout
	| listen
	| metrics
	| server
	| notices
	| outbox
	| table
	| disclaimer
	| rule
	;

macro	: ASSIGN x_value macro_value {
		if ($3 != NULL)
			lex_macro(&$<pos>1, $1, $3);
	}
	;

macro_value
	: STRING			{ expect(X_END); }
	| macro_value STRING {
		$$ = build_join(&$<pos>2, $1, $2);
	}
	;

word	: WORD				{ expect(X_END); }
	| STRING			{ expect(X_END); }
	;

single	: WORKERS x_number word {
		setting_set(S_WORKERS, &$<pos>1, &$<pos>3, $3);
	}
	| PARSERS x_number word {
		setting_set(S_PARSERS, &$<pos>1, &$<pos>3, $3);
	}
	| SCANNERS x_number word {
		setting_set(S_SCANNERS, &$<pos>1, &$<pos>3, $3);
	}
	| SESSIONS x_number word {
		setting_set(S_SESSIONS, &$<pos>1, &$<pos>3, $3);
	}
	| USER x_user single_user x_name word {
		setting_set($3, &$<pos>1, &$<pos>5, $5);
	}
	| RUN x_directory DIRECTORY x_path word {
		setting_set(S_RUN_DIRECTORY, &$<pos>1, &$<pos>5, $5);
	}
	| LOG x_facility FACILITY x_facname facility_name {
		setting_set(S_LOG_FACILITY, &$<pos>1, &$<pos>5, $5);
	}
	| STATE x_directory DIRECTORY x_path word {
		setting_set(S_STATE_DIRECTORY, &$<pos>1, &$<pos>5, $5);
	}
	| CONTROL x_group GROUP x_name word {
		setting_set(S_CONTROL_GROUP, &$<pos>1, &$<pos>5, $5);
	}
	| QUARANTINE x_quarantine SIZE x_size word {
		setting_set(S_QUARANTINE_SIZE, &$<pos>1, &$<pos>5, $5);
	}
	| QUARANTINE x_quarantine KEEP x_duration word {
		setting_set(S_QUARANTINE_KEEP, &$<pos>1, &$<pos>5, $5);
	}
	| AUDIT x_audit FILENAME x_path word {
		build_audit_file(&$<pos>1, &$<pos>5, $5);
	}
	| AUDIT x_audit JOURNAL x_end {
		build_audit_journal(&$<pos>1);
	}
	| AUDIT x_audit KEEP x_duration word {
		setting_set(S_AUDIT_KEEP, &$<pos>1, &$<pos>5, $5);
	}
	| MARK x_number word {
		setting_set(S_MARK, &$<pos>1, &$<pos>3, $3);
	}
	| MESSAGE x_message message
	| SPOOL x_memory MEMORY x_ram word {
		setting_set(S_SPOOL_MEMORY, &$<pos>1, &$<pos>5, $5);
	}
	| STARTTLS x_starttls starttls x_end {
		if (setting_mark(S_STARTTLS, &$<pos>1) == 0)
			conf->g.starttls = $3;
	}
	| BANNER x_banner word {
		if (setting_mark(S_BANNER, &$<pos>1) == 0)
			build_banner(&$<pos>3, $3, conf->g.banner);
	}
	| NEWLINE x_newline REJECT {
		expect(X_END);
		if (setting_mark(S_NEWLINE, &$<pos>1) == 0)
			conf->g.newline = NEWLINE_REJECT;
	}
	| NEWLINE x_newline NORMALISE {
		expect(X_END);
		if (setting_mark(S_NEWLINE, &$<pos>1) == 0)
			conf->g.newline = NEWLINE_NORMALISE;
	}
	| HELO x_helo REQUIRED {
		expect(X_END);
		if (setting_mark(S_HELO, &$<pos>1) == 0)
			conf->g.need_helo = 1;
	}
	| INSIDE x_host host0 {
		build_inside(&$<pos>1, &host);
	}
	| EARLY x_early PASS {
		expect(X_END);
		setting_mark(S_EARLY, &$<pos>1);
	}
	| EARLY x_early REFUSE {
		expect(X_END);
		if (setting_mark(S_EARLY, &$<pos>1) == 0)
			conf->g.refuse_early = 1;
	}
	;

limit	: LIMIT x_limitbody limit_body
	;

limit_body
	: limit_one
	| '{' x_limitname limit_list maybe_comma '}' x_end
	;

limit_list
	: limit_one x_limitnames
	| limit_list comma limit_one x_limitnames
	;

limit_one
	: LIMIT_NAME x_number word {
		setting_set($1, &$<pos>1, &$<pos>3, $3);
	}
	| SOURCE x_number word {
		setting_set(S_LIMIT_SOURCE, &$<pos>1, &$<pos>3, $3);
	}
	;

smtp	: SMTP x_verb { verbs = 0; } verbs verb_policy {
		setting_verbs(&$<pos>4, verbs, $5);
	}
	;

verbs	: VERB x_verbmore {
		verbs |= 1U << $1;
	}
	| verbs comma VERB x_verbmore {
		verbs |= 1U << $3;
	}
	;

verb_policy
	: PASS				{ $$ = VERB_PASS; expect(X_END); }
	| REFUSE			{ $$ = VERB_REFUSE; expect(X_END); }
	| DISCONNECT			{ $$ = VERB_DISCONNECT; expect(X_END); }
	;

address	: ADDRESS x_refuse REFUSE x_forms forms {
		setting_mark(S_ADDRESS, &$<pos>1);
	}
	;

forms	: form				{ conf->g.refuse_forms |= 1U << $1; }
	| '{' x_form form_list maybe_comma '}' x_end
	;

form_list
	: form x_formmore		{ conf->g.refuse_forms |= 1U << $1; }
	| form_list comma form x_formmore {
		conf->g.refuse_forms |= 1U << $3;
	}
	;

form	: FORM				{ expect(X_END); }
	| FILENAME			{ $$ = FORM_FILE; expect(X_END); }
	;

single_user
	: PROXY				{ $$ = S_USER_PROXY; }
	| PARSER			{ $$ = S_USER_PARSER; }
	| SCANNER			{ $$ = S_USER_SCANNER; }
	| STORE				{ $$ = S_USER_STORE; }
	;

facility_name
	: word
	| MAIL				{ expect(X_END); }
	;

message	: SIZE x_size word {
		setting_set(S_MESSAGE_SIZE, &$<pos>1, &$<pos>3, $3);
	}
	| PARTS x_number word {
		setting_set(S_MESSAGE_PARTS, &$<pos>1, &$<pos>3, $3);
	}
	| DEPTH x_number word {
		setting_set(S_MESSAGE_DEPTH, &$<pos>1, &$<pos>3, $3);
	}
	;

starttls
	: WITHHOLD			{ $$ = STARTTLS_WITHHOLD; }
	| PASS				{ $$ = STARTTLS_PASS; }
	| REFUSE x_plaintext PLAINTEXT	{ $$ = STARTTLS_REQUIRE; }
	;

antivirus
	: ANTIVIRUS x_antivirus av
	;

av	: EMBEDDED x_embedded {
		if (setting_mark(S_ANTIVIRUS, &$<pos>1) == 0)
			conf->g.av = AV_EMBEDDED;
	} av_opts
	| CLAMD x_path word {
		if (setting_mark(S_ANTIVIRUS, &$<pos>1) == 0) {
			conf->g.av = AV_CLAMD;
			setting_set(S_AV_SOCKET, &$<pos>1, &$<pos>3, $3);
		}
	}
	| NONE {
		expect(X_END);
		if (setting_mark(S_ANTIVIRUS, &$<pos>1) == 0)
			conf->g.av = AV_NONE;
	}
	;

av_opts	: /* empty */
	| av_opts DATABASE x_path word x_embedded {
		setting_set(S_AV_DATABASE, &$<pos>2, &$<pos>4, $4);
	}
	| av_opts '{' x_limit av_limits maybe_comma '}' x_embedded
	;

av_limits
	: av_limit x_limits
	| av_limits comma av_limit x_limits
	;

av_limit
	: FILENAME x_sizeword SIZE x_size word {
		setting_set(S_AV_FILE, &$<pos>1, &$<pos>5, $5);
	}
	| TOTAL x_sizeword SIZE x_size word {
		setting_set(S_AV_TOTAL, &$<pos>1, &$<pos>5, $5);
	}
	| av_limit_name x_number word {
		setting_set($1, &$<pos>1, &$<pos>3, $3);
	}
	;

av_limit_name
	: DEPTH				{ $$ = S_AV_DEPTH; }
	| FILES				{ $$ = S_AV_FILES; }
	;

timeout	: TIMEOUT x_timeout timeout_body
	;

timeout_body
	: timeout_one
	| '{' x_timename timeout_list maybe_comma '}' x_end
	;

timeout_list
	: timeout_one x_timenames
	| timeout_list comma timeout_one x_timenames
	;

timeout_one
	: timeout_name x_duration word {
		setting_set(S_TIMEOUT + $1, &$<pos>1, &$<pos>3, $3);
	}
	;

timeout_name
	: TIMEOUT_NAME
	| BANNER			{ $$ = TMO_BANNER; }
	| CONNECT			{ $$ = TMO_CONNECT; }
	| BLOCK				{ $$ = TMO_BLOCK; }
	;

listen	: LISTEN x_listen listen_mode x_onport listen_on PORT x_port word
	    x_listenopt listen_opts {
		build_listener(&$<pos>1, $3, $5, &$<pos>5, $8, &$<pos>8,
		    NULL, NULL, NULL, NULL, &opts);
	}
	| LISTEN x_listen ON x_addr word x_portword PORT x_port word
	    x_relay RELAY x_to TO x_addr word x_relayport relay_port
	    x_listenopt listen_opts {
		build_listener(&$<pos>1, LISTEN_RELAY, $5, &$<pos>5,
		    $9, &$<pos>9, $15, &$<pos>15, $17, &$<pos>17, &opts);
	}
	;

metrics	: METRICS x_metrics LISTEN x_metricson word {
		build_metrics_path(&$<pos>1, &$<pos>5, $5);
	}
	| METRICS x_metrics LISTEN x_metricson ON x_addr word x_portword
	    PORT x_port word {
		build_metrics_addr(&$<pos>1, $7, &$<pos>7, $11, &$<pos>11);
	}
	;

listen_opts
	: /* empty */
	| listen_opts STARTTLS x_starttls starttls x_more {
		build_once(&$<pos>2, opts.starttls != 0, "starttls");
		opts.starttls = $4 + 1;
	}
	| listen_opts BANNER x_banner word x_more {
		build_once(&$<pos>2, opts.banner[0] != '\0', "banner");
		build_banner(&$<pos>4, $4, opts.banner);
	}
	| listen_opts NAME x_name word x_more {
		build_once(&$<pos>2, opts.name[0] != '\0', "name");
		build_listener_name(&$<pos>4, $4, opts.name);
	}
	| listen_opts PROXY x_protocol PROTOCOL x_from FROM x_host host {
		build_once(&$<pos>2, opts.has_proxied, "proxy protocol");
		opts.has_proxied = 1;
		opts.proxied = host;
	}
	;

server	: SERVER x_server host server_opts {
		build_server(&$<pos>1, &host, &server);
	}
	;

server_opts
	: /* empty */
	| server_opts STARTTLS x_starttls starttls x_more {
		build_once(&$<pos>2, server.starttls != 0, "starttls");
		server.starttls = $4 + 1;
	}
	| server_opts IDENTITY x_identity identity x_more {
		build_once(&$<pos>2, server.identity != IDENTITY_NONE,
		    "identity");
		server.identity = $4;
	}
	;

identity: PROXY x_version word {
		$$ = build_version(&$<pos>3, $3);
	}
	| VERB {
		$$ = IDENTITY_XCLIENT;
		if ($1 != SMTP_XCLIENT)
			lex_error(&$<pos>1, "proxy or xclient",
			    "no identity can be told by it");
	}
	;

notices	: NOTICES x_servword { outbox = conf->outbox; } SERVER x_addr word
	    x_portfrom notices_port FROM x_mailbox word {
		build_mail_server(&outbox.server, &$<pos>6, $6, &$<pos>8,
		    $<str>8);
		build_notices_from(&outbox, &$<pos>11, $11);
	} x_notices notices_opts {
		if (setting_mark(S_NOTICES, &$<pos>1) == 0) {
			conf->outbox.server = outbox.server;
			memcpy(conf->outbox.from, outbox.from,
			    sizeof(outbox.from));
			conf->outbox.limit = outbox.limit;
			conf->outbox.within = outbox.within;
		}
	}
	;

notices_port
	: /* empty */			{ $<str>$ = NULL; }
	| PORT x_port word x_from	{ $<str>$ = $3; $<pos>$ = $<pos>3; }
	;

notices_opts
	: /* empty */
	| LIMIT x_number word x_in IN x_duration word x_end {
		build_notices_limit(&outbox, &$<pos>3, $3, &$<pos>7, $7);
	}
	;

outbox	: OUTBOX x_outbox SIZE x_size word {
		if (setting_mark(S_OUTBOX_SIZE, &$<pos>1) == 0)
			build_outbox_size(&conf->outbox, &$<pos>5, $5);
	}
	| OUTBOX x_outbox KEEP x_duration word {
		if (setting_mark(S_OUTBOX_KEEP, &$<pos>1) == 0)
			build_outbox_keep(&conf->outbox, &$<pos>5, $5);
	}
	| OUTBOX x_outbox RETRY x_duration word {
		if (setting_mark(S_OUTBOX_RETRY, &$<pos>1) == 0)
			build_outbox_retry(&conf->outbox, &$<pos>5, $5);
	}
	;

listen_mode
	: REDIRECT			{ $$ = LISTEN_REDIRECT; }
	| TPROXY			{ $$ = LISTEN_TPROXY; }
	;

listen_on
	: /* empty */			{ $$ = NULL; }
	| ON x_addr word x_portword	{ $$ = $3; $<pos>$ = $<pos>3; }
	;

relay_port
	: /* empty */			{ $$ = NULL; }
	| PORT x_port word		{ $$ = $3; $<pos>$ = $<pos>3; }
	;

table	: table_any			{ kept_table(NULL); }
	;

table_any
	: TABLE x_name table_name x_table table_nets {
		build_table(&$<pos>3, $3, nets);
	}
	| TABLE x_name table_name x_table list_kind x_list list_body {
		build_list(&$<pos>3, $3, list);
	}
	| TABLE x_name table_name x_table DYNAMIC x_dynamic {
		memset(&dynamic, 0, sizeof(dynamic));
		dynamic.size = DEF_DYNAMIC_SIZE;
	} dynamic_opts {
		build_dynamic(&$<pos>3, $3, &dynamic);
	}
	;

dynamic_opts
	: /* empty */
	| dynamic_opts EXPIRE x_duration word x_dynamic {
		build_expire(&dynamic, &$<pos>4, $4);
	}
	| dynamic_opts SIZE x_number word x_dynamic {
		build_members(&dynamic, &$<pos>4, $4);
	}
	| dynamic_opts KERNEL x_dynamic {
		build_once(&$<pos>2, dynamic.flags & DYNAMIC_KERNEL,
		    "kernel");
		dynamic.flags |= DYNAMIC_KERNEL;
	}
	;

list_kind
	: KEYWORDS		{ list = lists_new(LIST_KEYWORDS); }
	| WORDS			{ list = lists_new(LIST_WORDS); }
	| EXPRESSIONS		{ list = lists_new(LIST_EXPRESSIONS); }
	| IDENTIFIERS		{ list = lists_new(LIST_IDENTIFIERS); }
	| ADDRESSES x_fold	{ list = lists_new(LIST_ADDRESSES); }
	| ADDRESSES x_fold FOLD_TAGS {
		list = lists_new(LIST_ADDRESSES);
		lists_fold(list);
	}
	| SIMILAR x_number word {
		list = lists_new(LIST_SIMILAR);
		lists_errors(list, &$<pos>3, $3);
	}
	;

list_body
	: '{' x_entry entries maybe_comma '}' x_end
	| FILENAME x_path word {
		lists_add_file(list, &$<pos>3, $3);
	}
	;

entries	: entry
	| entries comma entry
	;

entry	: word x_weight weight {
		lists_add(list, &$<pos>1, $1, &$<pos>3, $3);
	}
	;

weight	: /* empty */			{ $$ = NULL; }
	| WEIGHT x_number word x_entrymore {
		$$ = $3;
		$<pos>$ = $<pos>3;
	}
	;

table_name
	: word				{ $$ = $1; kept_table($1); }
	| TABLENAME			{ $$ = $1; kept_table($1); }
	;

table_nets
	: '{' x_nets net_list '}' x_end
	| '{' x_nets '}' x_end
	| FILENAME x_path word {
		nets = nets_new();
		nets_add_file(nets, &$<pos>3, $3);
	}
	;

net_list
	: net_items maybe_comma
	;

net_items
	: net
	| net_items comma net
	;

net	: word x_netmore {
		nets_add(nets, &$<pos>1, 0, $1);
	}
	| '!' x_net word x_netmore {
		nets_add(nets, &$<pos>3, 1, $3);
	}
	;

disclaimer
	: DISCLAIMER x_name word x_distext {
		disclaimer = disclaimer_new(&$<pos>3, $3);
	} disclaimer_text
	;

disclaimer_text
	: FILENAME x_path word {
		disclaimer_file(disclaimer, &$<pos>3, $3);
	}
	| disclaimer_lines
	;

disclaimer_lines
	: STRING x_disline {
		disclaimer_line(disclaimer, &$<pos>1, $1, strlen($1));
	}
	| disclaimer_lines STRING x_disline {
		disclaimer_line(disclaimer, &$<pos>2, $2, strlen($2));
	}
	;

rule	: ON x_phase phase x_action action {
		after = $3 != PHASE_MESSAGE ? X_WHO : "or|" X_COND;
		if ((rule = build_rule(&$<pos>1, $3)) == NULL) {
			memset(&no_rule, 0, sizeof(no_rule));
			rule = &no_rule;
		}
		if ($5 > ACTION_MAX + 2)
			build_label_only(rule, &$<pos>5, $<str>5,
			    $5 == ACTION_MAX + 3 ? RULE_LOG : RULE_COUNT);
		else if ($5 == ACTION_MAX + 2)
			build_points(rule, &$<pos>5, $<str>5);
		else if ($5 == ACTION_MAX + 1) {
			rule->w.action = ACTION_DISCARD;
			rule->w.flags |= RULE_QUARANTINE;
		} else if ($5 == ACTION_MAX) {
			rule->w.action = ACTION_BLOCK;
			rule->w.disconnect = rule->has_disconnect = 1;
		} else
			rule->w.action = $5;
	} x_actopt act_opts conds
	;

phase	: CONNECT			{ $$ = PHASE_CONNECT; }
	| HELO				{ $$ = PHASE_HELO; }
	| MAIL				{ $$ = PHASE_MAIL; }
	| RCPT				{ $$ = PHASE_RCPT; }
	| MESSAGE			{ $$ = PHASE_MESSAGE; }
	;

action	: PASS				{ $$ = ACTION_PASS; }
	| BLOCK				{ $$ = ACTION_BLOCK; }
	| TEMPFAIL			{ $$ = ACTION_TEMPFAIL; }
	| DISCARD			{ $$ = ACTION_DISCARD; }
	| DISCONNECT			{ $$ = ACTION_MAX; }
	| QUARANTINE			{ $$ = ACTION_MAX + 1; }
	| SCORE x_points word {
		$$ = ACTION_MAX + 2;
		$<str>$ = $3;
		$<pos>$ = $<pos>3;
	}
	| label_kind x_name word {
		$$ = $1 == RULE_LOG ? ACTION_MAX + 3 : ACTION_MAX + 4;
		$<str>$ = $3;
		$<pos>$ = $<pos>3;
	}
	;

label_kind
	: LOG				{ $$ = RULE_LOG; }
	| COUNT				{ $$ = RULE_COUNT; }
	;

act_opts: /* empty */
	| act_opts STRING x_actopt {
		build_reply(rule, &$<pos>2, $2);
	}
	| act_opts DISCONNECT x_actopt {
		build_disconnect(rule, &$<pos>2);
	}
	| act_opts QUARANTINE x_actopt {
		build_flag(rule, &$<pos>2, RULE_QUARANTINE, "quarantine");
	}
	| act_opts MARK x_actopt {
		build_flag(rule, &$<pos>2, RULE_TRY, "mark");
	}
	| act_opts TAG x_tag word x_actopt {
		build_tag(rule, &$<pos>4, $4);
	}
	| act_opts HEADER x_field word x_actopt {
		build_header(rule, &$<pos>4, $4);
	}
	| act_opts STRIP x_strip {
		build_flag(rule, &$<pos>2, RULE_STRIP, "strip");
	}
	| act_opts DISCLAIMER x_name word x_actopt {
		build_disclaimer(rule, &$<pos>4, $4);
	}
	| act_opts SIGNED x_signed on_signed x_actopt {
		build_signed(rule, &$<pos>4, $4);
	}
	| act_opts ADD x_what add_what x_dyntable TABLENAME x_after {
		build_add(rule, $4, &$<pos>6, $6);
	} add_after
	| act_opts label_kind x_name word x_actopt {
		build_label(rule, &$<pos>4, $4, $2);
	}
	| act_opts NOTIFY x_mailbox word x_with {
		memset(&mail_addr, 0, sizeof(mail_addr));
		build_mail(rule, &$<pos>2, OUT_NOTIFY, &$<pos>4, $4,
		    &mail_addr);
	} notify_text
	| act_opts REPLY x_replytext word x_actopt {
		build_reply_mail(rule, &$<pos>2, &$<pos>4, $4);
	}
	| act_opts mail_kind x_mailbox word x_mailserver mail_server {
		build_mail(rule, &$<pos>2, $2, &$<pos>4, $4, &mail_addr);
	}
	;

mail_kind
	: COPY				{ $$ = OUT_COPY; }
	| REDIRECT			{ $$ = OUT_REDIRECT; }
	;

notify_text
	: /* empty */
	| WITH x_replytext word x_actopt {
		build_mail_text(rule, &$<pos>3, $3);
	}
	;

mail_server
	: /* empty */			{
		memset(&mail_addr, 0, sizeof(mail_addr));
	}
	| SERVER x_addr word x_mailport mail_port {
		memset(&mail_addr, 0, sizeof(mail_addr));
		build_mail_server(&mail_addr, &$<pos>3, $3, &$<pos>5,
		    $<str>5);
	}
	;

mail_port
	: /* empty */			{ $<str>$ = NULL; }
	| PORT x_port word x_actopt	{ $<str>$ = $3; $<pos>$ = $<pos>3; }
	;

on_signed
	: EDIT				{ $$ = SIGNED_EDIT; }
	| PASS				{ $$ = SIGNED_PASS; }
	| BLOCK				{ $$ = SIGNED_BLOCK; }
	;

add_what: SOURCE			{ $$ = ADD_SOURCE; }
	| SENDER			{ $$ = ADD_SENDER; }
	| RECIPIENT			{ $$ = ADD_RECIPIENT; }
	| BODY				{ $$ = ADD_BODY; }
	| ATTACHMENT			{ $$ = ADD_ATTACHMENT; }
	| PAIR				{ $$ = ADD_PAIR; }
	;

add_after
	: /* empty */
	| AFTER x_number word x_in IN x_duration word x_actopt {
		build_after(rule, &$<pos>3, $3, &$<pos>7, $7);
	}
	;

conds	: /* empty */
	| conds verdicts {
		rule->has_verdicts = 1;
	}
	| conds CONTENT x_content maybe_not TABLENAME x_content2 {
		build_content(rule, &$<pos>5, $5, $4);
	} content_opts
	| conds FIELD x_fieldnot maybe_not word x_more {
		build_field(rule, &$<pos>5, $5, $4);
	}
	| conds SUBJECT x_subject maybe_not word x_more {
		build_subject(rule, &$<pos>5, $5, $4);
	}
	| conds BODY x_content maybe_not TABLENAME x_more {
		build_body(rule, &$<pos>5, $5, $4);
	}
	| conds PAIR x_content maybe_not TABLENAME x_more {
		build_pair(rule, &$<pos>5, $5, $4);
	}
	| conds LISTENER x_name { build_listeners(rule, &$<pos>2); } listeners
	| conds DIRECTION x_direction { build_directions(rule, &$<pos>2); }
	    directions
	| conds TIME x_time word x_more {
		build_time(rule, &$<pos>4, $4);
	}
	| conds DAY x_day { build_days(rule, &$<pos>2); } days
	| conds SCORED x_points word x_more {
		build_scored(rule, &$<pos>4, $4);
	}
	| conds MORE x_than THAN x_number word x_event rate_event x_in IN
	    x_duration word x_by BY x_key rate_key x_more {
		build_rate(rule, &$<pos>6, $6, $8, &$<pos>12, $12, $16);
	}
	| conds ANOMALY x_anomalies { build_anomalies(rule, &$<pos>2); }
	    anomalies
	| conds HELO x_paths paths {
		build_paths(&$<pos>2, &host, &rule->helo, &rule->has_helo,
		    "helo");
	}
	| conds SENDER x_paths paths {
		build_paths(&$<pos>2, &host, &rule->sender, &rule->has_sender,
		    "sender");
	}
	| conds RECIPIENT x_paths paths {
		build_paths(&$<pos>2, &host, &rule->rcpt, &rule->has_rcpt,
		    "recipient");
	}
	| conds LIMIT_NAME x_over OVER x_number word {
		build_rcpt_over(rule, &$<pos>2, $2, &$<pos>6, $6);
		expect(after);
	}
	| conds SIZE x_over OVER x_size word {
		build_size_over(rule, &$<pos>6, $6);
		expect(after);
	}
	| conds AUTHENTICATED x_more {
		build_auth(rule, &$<pos>2, WANT_YES);
	}
	| conds '!' x_auth AUTHENTICATED x_more {
		build_auth(rule, &$<pos>4, WANT_NO);
	}
	| conds TLS x_more {
		build_tls(rule, &$<pos>2, WANT_YES);
	}
	| conds '!' x_auth TLS x_more {
		build_tls(rule, &$<pos>4, WANT_NO);
	}
	| conds ATTACHMENT x_attachment attachment
	| conds source x_host host {
		build_host(&$<pos>2, &host, &rule->source, &rule->has_source,
		    "source");
	}
	| conds destination x_host host {
		build_host(&$<pos>2, &host, &rule->dest, &rule->has_dest,
		    "destination");
	}
	;

paths	: maybe_not TABLENAME x_more {
		build_paths_new(&host, &$<pos>2, $1, $2);
	}
	| maybe_not word x_more {
		build_paths_new(&host, &$<pos>2, $1, NULL);
		lists_add(host.words, &$<pos>2, $2, NULL, NULL);
	}
	| maybe_not '{' x_path1 {
		build_paths_new(&host, &$<pos>2, $1, NULL);
	} path_list maybe_comma '}' x_more
	;

path_list
	: word x_pathmore {
		lists_add(host.words, &$<pos>1, $1, NULL, NULL);
	}
	| path_list comma word x_pathmore {
		lists_add(host.words, &$<pos>3, $3, NULL, NULL);
	}
	;

listeners
	: word x_typemore {
		build_on_listener(rule, &$<pos>1, $1);
	}
	| listeners ',' x_name word x_typemore {
		build_on_listener(rule, &$<pos>4, $4);
	}
	;

directions
	: word x_typemore {
		build_direction(rule, &$<pos>1, $1);
	}
	| directions ',' x_direction word x_typemore {
		build_direction(rule, &$<pos>4, $4);
	}
	;

days	: word x_typemore {
		build_day(rule, &$<pos>1, $1);
	}
	| days ',' x_day word x_typemore {
		build_day(rule, &$<pos>4, $4);
	}
	;

rate_event
	: SESSIONS			{ $$ = RATE_SESSIONS; }
	| LIMIT_NAME {
		$$ = $1 == S_LIMIT_RECIPIENTS ? RATE_RECIPIENTS :
		    RATE_MESSAGES;
		if ($1 != S_LIMIT_RECIPIENTS && $1 != S_LIMIT_MESSAGES)
			lex_error(&$<pos>1, "sessions, messages or "
			    "recipients", "nobody counts these");
	}
	;

rate_key: SOURCE			{ $$ = RATE_SOURCE; }
	| DESTINATION			{ $$ = RATE_DEST; }
	| SENDER			{ $$ = RATE_SENDER; }
	| RECIPIENT			{ $$ = RATE_RECIPIENT; }
	;

scope	: word
	| SUBJECT			{ $$ = $<str>1; }
	| SENDER
	| RECIPIENT
	;

scopes	: scope x_scopemore {
		build_scope(rule, &$<pos>1, $1);
	}
	| scopes ',' x_scope scope x_scopemore {
		build_scope(rule, &$<pos>4, $4);
	}
	;

content_opts
	: /* empty */
	| content_opts IN x_scope scopes
	| content_opts SCORE x_number word x_content2 {
		build_score(rule, &$<pos>4, $4);
	}
	;

attachment
	: TYPE x_type { build_file_types(rule, &$<pos>1); } file_types
	| IS x_flag { build_file_flags(rule, &$<pos>1); } file_flags
	| NAME x_filename word x_more {
		build_file_name(rule, &$<pos>3, $3);
	}
	| HASH x_hashes paths {
		build_paths(&$<pos>1, &host, &rule->hash, &rule->has_hash,
		    "hash");
		rule->has_file = 1;
	}
	;

file_types
	: file_type x_typemore {
		build_file_type(rule, &$<pos>1, $1);
	}
	| file_types ',' x_type file_type x_typemore {
		build_file_type(rule, &$<pos>4, $4);
	}
	;

file_type
	: word
	| VERB				{ $$ = $<str>1; /* "unknown" */ }
	;

file_flags
	: word x_typemore {
		build_file_flag(rule, &$<pos>1, $1);
	}
	| file_flags ',' x_flag word x_typemore {
		build_file_flag(rule, &$<pos>4, $4);
	}
	;

anomalies
	: /* empty */			{ build_anomaly(rule, NULL, NULL); }
	| anomaly_names
	;

anomaly_names
	: word x_typemore {
		build_anomaly(rule, &$<pos>1, $1);
	}
	| anomaly_names ',' x_anomaly word x_typemore {
		build_anomaly(rule, &$<pos>4, $4);
	}
	;

source	: SOURCE
	| FROM
	;

destination
	: DESTINATION
	| TO
	;

verdicts: verdict
	| verdicts or verdict
	;

or	: OR x_verdict
	| ',' x_verdict
	;

verdict	: VERDICT x_more {
		build_verdict(rule, &$<pos>1, $1, NULL);
	}
	| VIRUS x_pattern pattern x_more {
		build_verdict(rule, &$<pos>1, VERDICT_VIRUS, $3);
	}
	;

pattern	: /* empty */			{ $$ = NULL; }
	| WORD {
		const char	*near;

		near = expect_nearest($1, X_VERDICT);
		if (near != NULL)
			lex_warning(&$<pos>1, "%s is taken as the name of a "
			    "virus; did you mean or %s?", lex_show($1), near);
	}
	| STRING
	;

host0	: { after = X_END; } host
	;

host	: maybe_not TABLENAME x_more {
		host.table = $2;
		host.nets = NULL;
		host.is_not = $1;
		host.pos = $<pos>2;
	}
	| maybe_not word x_more {
		host.table = NULL;
		host.nets = nets_new();
		host.is_not = $1;
		host.pos = $<pos>2;
		nets_add(host.nets, &$<pos>2, 0, $2);
	}
	| maybe_not '{' x_nets net_list '}' x_more {
		host.table = NULL;
		host.nets = nets;
		host.is_not = $1;
		host.pos = $<pos>2;
	}
	;

maybe_not
	: /* empty */			{ $$ = 0; }
	| '!' x_host2			{ $$ = 1; }
	;

comma	: /* empty */
	| ','
	;

maybe_comma
	: /* empty */
	| ','
	;

x_actopt: { expect(rule->w.phase != PHASE_MESSAGE ? X_ACTOPT X_WHO :
	    X_ACTOPT X_COND); }
	;
x_action: { expect("pass|block|tempfail|discard|disconnect|"
	    "quarantine|score|log|count"); } ;
x_mailbox: { expect("an address of mail"); } ;
x_mailport: { expect(rule->w.phase != PHASE_MESSAGE ?
	    "port|" X_ACTOPT X_WHO : "port|" X_ACTOPT X_COND); }
	;
x_mailserver: { expect(rule->w.phase != PHASE_MESSAGE ?
	    "server|" X_ACTOPT X_WHO : "server|" X_ACTOPT X_COND); }
	;
x_with	: { expect(rule->w.phase != PHASE_MESSAGE ?
	    "with|" X_ACTOPT X_WHO : "with|" X_ACTOPT X_COND); }
	;
x_notices: { expect("limit|" X_END); } ;
x_outbox: { expect("size|keep|retry"); } ;
x_portfrom: { expect("port|from"); } ;
x_replytext: { expect("a text in quotes"); } ;
x_servword: { expect("server"); } ;
x_addr	: { expect(X_ADDR); } ;
x_anomaly: { expect(X_ANOMALY); } ;
x_anomalies: { expect(X_ANOMALY "|" X_COND); } ;
x_content: { expect("!|<table>"); } ;
x_content2: { expect("in|score|" X_COND); } ;
x_entry	: { expect("a word or expression"); } ;
x_entrymore: { expect(",|a word or expression|}"); } ;
x_list	: { expect("{|file"); } ;
x_scope	: { expect(X_SCOPE); } ;
x_scopemore: { expect(",|in|score|" X_COND); } ;
x_weight: { expect("weight|,|a word or expression|}"); } ;
x_attachment: { expect("type|name|is|hash"); } ;
x_by	: { expect("by"); } ;
x_day	: { expect("a day such as mon, or mon-fri"); } ;
x_direction: { expect("inbound|outbound|internal|external"); } ;
x_event	: { expect("sessions|messages|recipients"); } ;
x_fieldnot: { expect("!|a field and a pattern in quotes"); } ;
x_fold	: { expect("fold-tags|{|file"); } ;
x_key	: { expect("source|destination|sender|recipient"); } ;
x_points: { expect("a number of points"); } ;
x_subject: { expect("!|a pattern in quotes"); } ;
x_than	: { expect("than"); } ;
x_time	: { expect("a time such as 08:00-18:30"); } ;
x_filename: { expect("a pattern for names"); } ;
x_flag	: { expect("what a file is, such as macros or encrypted"); } ;
x_type	: { expect("a type of files, such as executable or docx"); } ;
x_typemore: { expect(",|" X_COND); } ;
x_banner: { expect("a banner in quotes"); } ;
x_after	: { expect("after|" X_ACTOPT X_WHO); } ;
x_auth	: { expect("authenticated|tls"); } ;
x_dynamic: { expect("expire|size|kernel|" X_END); } ;
x_dyntable: { expect("<table>"); } ;
x_field	: { expect("a header field in quotes"); } ;
x_from	: { expect("from"); } ;
x_group	: { expect("group"); } ;
x_in	: { expect("in"); } ;
x_over	: { expect("over"); } ;
x_path1	: { expect("an address, a domain or a pattern"); } ;
x_pathmore: { expect(",|an address, a domain or a pattern|}"); } ;
x_paths	: { expect("!|<table>|an address, a domain or a pattern|{"); } ;
x_hashes: { expect("<table>|a SHA-256 in hexadecimal|{"); } ;
x_quarantine: { expect("size|keep"); } ;
x_tag	: { expect("what goes before the subject, in quotes"); } ;
x_what	: { expect("source|sender|recipient|pair|body|attachment"); } ;
x_identity: { expect("proxy|xclient"); } ;
x_listenopt: { expect(X_LISTENOPT); after = X_LISTENOPT; } ;
x_protocol: { expect("protocol"); } ;
x_server: {
		expect("!|<table>|" X_NET "|{");
		after = "starttls|identity|" X_END;
		memset(&server, 0, sizeof(server));
	}
	;
x_version: { expect("v1|v2"); } ;
x_antivirus: { expect("embedded|clamd|none"); } ;
x_disline: { expect("a line in quotes|" X_END); } ;
x_distext: { expect("file|a line in quotes"); } ;
x_signed: { expect("edit|pass|block"); } ;
x_strip	: { expect("a notice in quotes|" X_ACTOPT X_VERDICT
	    "|attachment|content|anomaly|" X_WHO); } ;
x_directory: { expect("directory"); } ;
x_duration: { expect("a duration such as 30s"); } ;
x_embedded: { expect("database|{|" X_END); } ;
x_end	: { expect(X_END); } ;
x_facility: { expect("facility"); } ;
x_facname: { expect("mail|daemon|local0 to local7"); } ;
x_host	: { expect("!|<table>|" X_NET "|{"); } ;
x_host2	: { expect("<table>|" X_NET "|{"); } ;
x_limit	: { expect("file|total|depth|files"); } ;
x_limits: { expect(",|}|file|total|depth|files"); } ;
x_listen: {
		expect("redirect|tproxy|on");
		memset(&opts, 0, sizeof(opts));
	}
	;
x_memory: { expect("memory"); } ;
x_message: { expect("size|parts|depth"); } ;
x_more	: { expect(after); } ;
x_name	: { expect(X_NAME); } ;
x_net	: { expect(X_NET); } ;
x_netmore: { expect(",|" X_NET "|}"); } ;
x_nets	: { expect("!|" X_NET "|}"); nets = nets_new(); } ;
x_number: { expect(X_NUMBER); } ;
x_onport: { expect("on|port"); } ;
x_audit: { expect("file|journal|keep"); } ;
x_metrics: { expect("listen"); } ;
x_metricson: { expect(X_PATH "|on"); } ;
x_path	: { expect(X_PATH); } ;
x_pattern: { expect("a pattern|or|" X_WHO); } ;
x_phase	: { expect("connect|helo|mail|rcpt|message"); } ;
x_port	: { expect("a port"); } ;
x_portword: { expect("port"); } ;
x_ram	: { expect("a size such as 512M or 25%"); } ;
x_relay	: { expect("relay"); } ;
x_relayport: { expect("port|" X_LISTENOPT); } ;
x_size	: { expect(X_SIZE); } ;
x_sizeword: { expect("size"); } ;
x_early	: { expect("pass|refuse"); } ;
x_form	: { expect(X_FORM); } ;
x_formmore: { expect(",|}|" X_FORM); } ;
x_forms	: { expect("{|" X_FORM); } ;
x_helo	: { expect("required"); } ;
x_limitbody: { expect("{|" X_LIMIT); } ;
x_limitname: { expect(X_LIMIT); } ;
x_limitnames: { expect(",|}|" X_LIMIT); } ;
x_newline: { expect("reject|normalise"); } ;
x_plaintext: { expect("plaintext"); } ;
x_refuse: { expect("refuse"); } ;
x_starttls: { expect("withhold|pass|refuse"); } ;
x_verb	: { expect(X_VERB); } ;
x_verbmore: { expect(",|pass|refuse|disconnect|" X_VERB); } ;
x_table	: { expect("{|file|keywords|words|expressions|similar|"
	    "identifiers|addresses|dynamic"); } ;
x_timename: { expect(X_TIMEOUT); } ;
x_timenames: { expect(",|}|" X_TIMEOUT); } ;
x_timeout: { expect("{|" X_TIMEOUT); } ;
x_to	: { expect("to"); } ;
x_user	: { expect("proxy|parser|scanner|store"); } ;
x_value	: { expect("a value"); } ;
x_verdict: { expect(X_VERDICT); } ;

%%

static void
expect(const char *what)
{
	expected = what;
}

static int
yylex(void)
{
	const struct keyword	*k;
	int			 is_name;

	if (at_start)
		expect(X_STATEMENT);
	at_start = 0;
	lex_next(&last);
	yylval.pos = last.pos;
	yylval.str = last.text;
	yylval.num = 0;
	is_name = after_table;
	after_table = 0;
	switch (last.type) {
	case LEX_END:
		return (0);
	case LEX_FILE_END:
		at_start = 1;
		return (FILE_END);
	case LEX_NEWLINE:
		at_start = 1;
		return ('\n');
	case LEX_WORD:
		k = is_name ? NULL : keyword_find(last.text);
		if (k == NULL)
			return (WORD);
		after_table = k->token == TABLE || k->token == DISCLAIMER;
		yylval.num = k->num;
		return (k->token);
	case LEX_STRING:
		return (STRING);
	case LEX_TABLE:
		return (TABLENAME);
	case LEX_ASSIGN:
		/* "workers = 4" is not meant to be a macro. */
		if (expect_listed(last.text, X_STATEMENT)) {
			lex_error(&last.pos, NULL, "%s begins a statement "
			    "and cannot be a macro", last.text);
			last.type = LEX_BAD;
			return (BAD);
		}
		return (ASSIGN);
	case LEX_PUNCT:
		return (last.punct);
	case LEX_BAD:
		break;
	}
	return (BAD);
}

static void
yyerror(const char *msg)
{
	if (last.type == LEX_BAD)
		return;
	if (strcmp(msg, "syntax error") == 0)
		expect_report(&last, expected);
	else
		lex_error(&last.pos, NULL, "%s", msg);
}

struct conf *
config_load(const char *path, int check)
{
	kept_begin(NULL, !check);
	return (load(path, check));
}

struct conf *
config_load_table(const char *path, const char *table)
{
	struct conf	*c;

	kept_begin(table, 1);
	c = load(path, 0);
	if (c != NULL && !kept_found()) {
		lex_error(NULL, NULL, "no table <%s> that comes from a file",
		    lex_show(table));
		conf_unref(c);
		c = NULL;
	}
	return (c);
}

static struct conf *
load(const char *path, int check)
{
	int	 ret;

	conf = conf_new();
	build_reset(conf);
	disclaimer_reset();
	at_start = 1;
	after_table = 0;
	nets = NULL;
	list = NULL;
	rule = &no_rule;
	memset(&no_rule, 0, sizeof(no_rule));
	memset(&last, 0, sizeof(last));
	ret = lex_open(path, check);
	if (ret == 0 && (yyparse() != 0 || lex_errors() > 0))
		ret = -1;
	if (ret == 0) {
		lex_unused_macros();
		ret = build_finish();
	}
	if (ret == 0 && conf_done(conf) == -1)
		ret = -1;
	if (ret == 0)
		conf->g.content = conf_digest(conf);
	lex_close();
	if (ret == -1) {
		conf_unref(conf);
		conf = NULL;
	}
	return (conf);
}

/* SPDX-License-Identifier: ISC */

/*
 * The single statements of mailwall.conf(5): one table says for each what
 * kind of value it has, where that goes, and between which bounds it lies.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"

#include "lex.h"
#include "build.h"
#include "value.h"

#define TMO_SHORTEST	100			/* ms: a tick of the wheel */
#define TMO_LONGEST	(7ULL * 86400 * 1000)	/* ms: longer is a mistake */
#define SPOOL_LEAST	MIB			/* one ordinary message */
#define RFC_MESSAGE	(64 * KIB)		/* RFC 5321, 4.5.3.1.7 */

enum kind {
	K_NONE,			/* noted only */
	K_NUMBER,		/* uint32_t */
	K_MARK,			/* uint32_t */
	K_SIZE,			/* uint64_t */
	K_MEMORY,		/* uint64_t */
	K_DURATION,		/* uint64_t, ms */
	K_SECONDS,		/* uint32_t; limits in ms */
	K_USER,
	K_PATH,
	K_FACILITY
};

#define G(field)	offsetof(struct conf_globals, field)
#define T(t)		(offsetof(struct conf_globals, timeout) + \
			    (t) * sizeof(uint64_t))
#define TIMEOUT(name, t, min, max)	\
	[S_TIMEOUT + (t)] = { "timeout " name, K_DURATION, T(t), min, max }

static const struct setting {
	const char	*name;
	enum kind	 kind;
	size_t		 off;		/* in struct conf_globals */
	uint64_t	 min;
	uint64_t	 max;		/* of a path: with its NUL */
} settings[S_MAX] = {
	[S_WORKERS] = { "workers", K_NUMBER, G(proxies), 1, MAX_PROXIES },
	[S_PARSERS] = { "parsers", K_NUMBER, G(parsers), 1, MAX_PARSERS },
	[S_SCANNERS] = { "scanners", K_NUMBER, G(scanners), 0,
	    MAX_SCANNERS },
	[S_SESSIONS] = { "sessions", K_NUMBER, G(sessions_max), 1,
	    MAX_SESSIONS },
	[S_USER_PROXY] = { "user proxy", K_USER, G(user_proxy), 0, 0 },
	[S_USER_PARSER] = { "user parser", K_USER, G(user_parser), 0, 0 },
	[S_USER_SCANNER] = { "user scanner", K_USER, G(user_scanner), 0, 0 },
	[S_USER_STORE] = { "user store", K_USER, G(user_store), 0, 0 },
	[S_STATE_DIRECTORY] = { "state directory", K_PATH, G(statedir), 0,
	    CONF_PATH_MAX },
	[S_CONTROL_GROUP] = { "control group", K_USER, G(control_group), 0,
	    0 },
	[S_QUARANTINE_SIZE] = { "quarantine size", K_SIZE, G(quarantine_max),
	    MIB, UINT64_MAX / 2 },
	[S_QUARANTINE_KEEP] = { "quarantine keep", K_SECONDS,
	    G(quarantine_keep), 60 * 1000ULL, MAX_KEEP * 1000ULL },
	[S_AUDIT_KEEP] = { "audit keep", K_SECONDS, G(audit_keep),
	    60 * 1000ULL, MAX_KEEP * 1000ULL },
	[S_RUN_DIRECTORY] = { "run directory", K_PATH, G(rundir), 0,
	    CONF_PATH_MAX },
	[S_LOG_FACILITY] = { "log facility", K_FACILITY, G(log_facility),
	    0, 0 },
	[S_MARK] = { "mark", K_MARK, G(mark), 0, UINT32_MAX },
	[S_MESSAGE_SIZE] = { "message size", K_SIZE, G(message_max), 1,
	    MAX_MESSAGE_SIZE },
	[S_MESSAGE_PARTS] = { "message parts", K_NUMBER, G(parts_max), 1,
	    PARSE_PARTS_MAX },
	[S_MESSAGE_DEPTH] = { "message depth", K_NUMBER, G(depth_max), 1,
	    PARSE_DEPTH_MAX },
	[S_SPOOL_MEMORY] = { "spool memory", K_MEMORY, G(spool_max),
	    SPOOL_LEAST, UINT64_MAX / 2 },
	[S_STARTTLS] = { "starttls", K_NONE, 0, 0, 0 },
	[S_NEWLINE] = { "newline", K_NONE, 0, 0, 0 },
	[S_HELO] = { "helo", K_NONE, 0, 0, 0 },
	[S_EARLY] = { "early", K_NONE, 0, 0, 0 },
	[S_INSIDE] = { "inside", K_NONE, 0, 0, 0 },
	[S_ADDRESS] = { "address refuse", K_NONE, 0, 0, 0 },
	[S_LIMIT_LINE] = { "limit line", K_NUMBER, G(line_max), 512,
	    SMTP_LINE_MAX },
	[S_LIMIT_PATH] = { "limit path", K_NUMBER, G(path_max), 64,
	    SMTP_ADDR_MAX },
	[S_LIMIT_RECIPIENTS] = { "limit recipients", K_NUMBER, G(rcpt_max), 1,
	    SMTP_RCPT_MAX },
	[S_LIMIT_ERRORS] = { "limit errors", K_NUMBER, G(errors_max), 1,
	    MAX_ERRORS },
	[S_LIMIT_MESSAGES] = { "limit messages", K_NUMBER, G(messages_max), 0,
	    UINT32_MAX },
	[S_LIMIT_SOURCE] = { "limit source", K_NUMBER, G(source_max), 0,
	    MAX_SESSIONS },
	[S_LIMIT_BITS4] = { "limit ipv4-prefix", K_NUMBER, G(source_bits4), 8,
	    32 },
	[S_LIMIT_BITS6] = { "limit ipv6-prefix", K_NUMBER, G(source_bits6),
	    16, 128 },
	[S_NOTICES] = { "notices", K_NONE, 0, 0, 0 },
	[S_OUTBOX_SIZE] = { "outbox size", K_NONE, 0, 0, 0 },
	[S_OUTBOX_KEEP] = { "outbox keep", K_NONE, 0, 0, 0 },
	[S_OUTBOX_RETRY] = { "outbox retry", K_NONE, 0, 0, 0 },
	[S_BANNER] = { "banner", K_NONE, 0, 0, 0 },
	[S_ANTIVIRUS] = { "antivirus", K_NONE, 0, 0, 0 },
	[S_AV_DATABASE] = { "database", K_PATH, G(av_path), 0,
	    CONF_PATH_MAX },
	[S_AV_SOCKET] = { "socket", K_PATH, G(av_path), 0,
	    sizeof(((struct sockaddr_un *)0)->sun_path) },
	[S_AV_FILE] = { "file size", K_SIZE, G(scan_file_max), KIB, 2 * GIB },
	[S_AV_TOTAL] = { "total size", K_SIZE, G(scan_total_max), KIB,
	    4 * GIB },
	[S_AV_DEPTH] = { "depth", K_NUMBER, G(scan_depth), 1, 100 },
	[S_AV_FILES] = { "files", K_NUMBER, G(scan_files), 1, 1000000 },
	TIMEOUT("connect", TMO_CONNECT, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("banner", TMO_BANNER, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("command", TMO_COMMAND, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("data", TMO_DATA, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("block", TMO_BLOCK, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("dot", TMO_DOT, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("client", TMO_CLIENT, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("keepalive", TMO_KEEPALIVE, TMO_SHORTEST, TMO_LONGEST),
	TIMEOUT("session", TMO_SESSION, 0, TMO_LONGEST),
	TIMEOUT("parse", TMO_PARSE, TMO_SHORTEST, PARSE_TIME_MAX),
	TIMEOUT("scan", TMO_SCAN, TMO_SHORTEST, MAX_SCAN_TIME),
	TIMEOUT("drain", TMO_DRAIN, TMO_SHORTEST, TMO_LONGEST),
};

static struct conf_globals	*globals;
static struct pos		 seen[S_MAX];
static unsigned int		 verbs_seen;	/* bits 1 << enum smtp_verb */

static const char *kind_expected(enum kind);
static void	 set_number(const struct setting *, const struct pos *,
		    const char *);
static void	 set_string(const struct setting *, const struct pos *,
		    const char *);
static void	 set_facility(const struct pos *, const char *);
static const char *range_text(const struct setting *, char *, size_t);
static void	 check_users(void);
static void	 check_spool(void);

void
setting_reset(struct conf_globals *g)
{
	globals = g;
	memset(seen, 0, sizeof(seen));
	verbs_seen = 0;
}

const struct pos *
setting_pos(enum single s)
{
	return (seen[s].path != NULL ? &seen[s] : NULL);
}

int
setting_mark(enum single s, const struct pos *kw)
{
	if (seen[s].path != NULL) {
		lex_error(kw, NULL, "%s is already set at %s:%u",
		    settings[s].name, seen[s].path, seen[s].line);
		return (-1);
	}
	seen[s] = *kw;
	return (0);
}

void
setting_set(enum single s, const struct pos *kw, const struct pos *val,
    const char *text)
{
	const struct setting	*set;

	if (setting_mark(s, kw) == -1)
		return;
	set = &settings[s];
	switch (set->kind) {
	case K_NUMBER:
	case K_MARK:
	case K_SIZE:
	case K_MEMORY:
	case K_DURATION:
	case K_SECONDS:
		set_number(set, val, text);
		break;
	case K_USER:
	case K_PATH:
		set_string(set, val, text);
		break;
	case K_FACILITY:
		set_facility(val, text);
		break;
	case K_NONE:
		break;
	}
}

/*
 * Some can never pass: after them the server would be the client, believe
 * an identity that the client made up, or fetch content that we do not see.
 */
void
setting_verbs(const struct pos *pos, unsigned int verbs, unsigned int policy)
{
	const unsigned int	 never = 1U << SMTP_TURN | 1U << SMTP_ATRN |
	    1U << SMTP_XCLIENT | 1U << SMTP_XFORWARD | 1U << SMTP_BURL;
	unsigned int		 i;

	for (i = 0; i < SMTP_VERB_MAX; i++) {
		if ((verbs & (1U << i)) == 0)
			continue;
		if (verbs_seen & (1U << i))
			lex_error(pos, NULL, "%s is already set",
			    conf_verb_name(i));
		else if (policy == VERB_PASS && (never & (1U << i)) != 0)
			lex_error(pos, "refuse or disconnect",
			    "%s would get past the inspection",
			    conf_verb_name(i));
		else
			globals->verb[i] = (uint8_t)policy;
	}
	verbs_seen |= verbs;
}

static const char *
kind_expected(enum kind kind)
{
	switch (kind) {
	case K_NUMBER:
		return ("a number");
	case K_MARK:
		return ("a number, decimal or after 0x");
	case K_SIZE:
		return ("a size such as 50M");
	case K_MEMORY:
		return ("a size such as 512M or 25%");
	case K_DURATION:
	case K_SECONDS:
		return ("a duration such as 30s");
	case K_USER:
		return ("the name of a user");
	case K_PATH:
		return ("an absolute path");
	case K_FACILITY:
		return ("mail, daemon or local0 to local7");
	case K_NONE:
		break;
	}
	return ("nothing");
}

static const char *
range_text(const struct setting *set, char *buf, size_t size)
{
	char	 min[VALUE_STRLEN], max[VALUE_STRLEN];

	switch (set->kind) {
	case K_SIZE:
		snprintf(buf, size, "%s to %s", value_size_text(set->min,
		    min), value_size_text(set->max, max));
		break;
	case K_MEMORY:
		snprintf(buf, size, "%s or more, or 1%% to 100%%",
		    value_size_text(set->min, min));
		break;
	case K_DURATION:
	case K_SECONDS:
		snprintf(buf, size, "%s to %s", value_duration_text(set->min,
		    min), value_duration_text(set->max, max));
		break;
	default:
		snprintf(buf, size, "%" PRIu64 " to %" PRIu64, set->min,
		    set->max);
		break;
	}
	return (buf);
}

static void
set_number(const struct setting *set, const struct pos *val, const char *text)
{
	char		 range[96];
	uint8_t		*at;
	uint64_t	 n;
	uint32_t	 n32;
	int		 ret;

	n = 0;
	switch (set->kind) {
	case K_MARK:
		ret = value_mark(text, &n);
		break;
	case K_SIZE:
		ret = value_size(text, &n);
		break;
	case K_MEMORY:
		ret = value_memory(text, &n);
		break;
	case K_DURATION:
	case K_SECONDS:
		ret = value_duration(text, &n);
		break;
	default:
		ret = value_number(text, &n);
		break;
	}
	if (ret == -1 && errno != ERANGE) {
		lex_error(val, kind_expected(set->kind),
		    "bad value \"%s\" for %s", lex_show(text), set->name);
		return;
	}
	if (ret == -1 || n < set->min || n > set->max) {
		lex_error(val, range_text(set, range, sizeof(range)),
		    "%s is out of range for %s", lex_show(text), set->name);
		return;
	}
	at = (uint8_t *)globals + set->off;
	if (set->kind == K_NUMBER || set->kind == K_MARK) {
		n32 = (uint32_t)n;
		memcpy(at, &n32, sizeof(n32));
	} else if (set->kind == K_SECONDS) {
		n32 = (uint32_t)(n / 1000);
		memcpy(at, &n32, sizeof(n32));
	} else
		memcpy(at, &n, sizeof(n));
}

static void
set_string(const struct setting *set, const struct pos *val, const char *text)
{
	char	*at;

	at = (char *)globals + set->off;
	if (set->kind == K_USER) {
		if (!value_is_user(text)) {
			lex_error(val, kind_expected(set->kind),
			    "bad value \"%s\" for %s", lex_show(text),
			    set->name);
			return;
		}
		strlcpy(at, text, CONF_NAME_MAX);
		return;
	}
	if (strlen(text) >= set->max) {
		lex_error(val, NULL, "path for %s is longer than %" PRIu64
		    " bytes", set->name, set->max - 1);
		return;
	}
	if (!value_is_path(text, set->max)) {
		lex_error(val, "an absolute path without .., . or //",
		    "bad value \"%s\" for %s", lex_show(text), set->name);
		return;
	}
	strlcpy(at, text, CONF_PATH_MAX);
}

static void
set_facility(const struct pos *val, const char *text)
{
	int	 n;

	if ((n = value_facility(text)) == -1) {
		lex_error(val, kind_expected(K_FACILITY),
		    "unknown facility \"%s\"", lex_show(text));
		return;
	}
	globals->log_facility = (uint32_t)n;
}

/*
 * Processes of one user can signal each other, and root is not confined.
 */
static void
check_users(void)
{
	const char	*name[4];
	int		 i, j;

	name[0] = globals->user_proxy;
	name[1] = globals->user_parser;
	name[2] = globals->user_scanner;
	name[3] = globals->user_store;
	for (i = 0; i < 4; i++) {
		if (strcmp(name[i], "root") == 0)
			lex_error(setting_pos(S_USER_PROXY + i),
			    "an unprivileged user", "%s may not be root",
			    settings[S_USER_PROXY + i].name);
		for (j = 0; j < i; j++) {
			if (strcmp(name[i], name[j]) != 0)
				continue;
			lex_error(setting_pos(setting_pos(S_USER_PROXY + i) !=
			    NULL ? S_USER_PROXY + i : S_USER_PROXY + j),
			    "a user for each", "%s and %s are both %s",
			    settings[S_USER_PROXY + j].name,
			    settings[S_USER_PROXY + i].name, name[i]);
			break;
		}
	}
}

/*
 * Each worker has its share.  A message that is larger than that would be
 * refused for now, again and again.
 */
static void
check_spool(void)
{
	const struct pos	*pos;
	const struct conf_globals *g;
	char			 a[VALUE_STRLEN], b[VALUE_STRLEN];

	g = globals;
	if (g->spool_max / g->proxies >= g->message_max)
		return;
	if ((pos = setting_pos(S_SPOOL_MEMORY)) == NULL &&
	    (pos = setting_pos(S_MESSAGE_SIZE)) == NULL)
		pos = setting_pos(S_WORKERS);
	lex_error(pos, "room for one message in each worker",
	    "spool memory (%s) divided by workers (%u) is less than message "
	    "size (%s)", value_size_text(g->spool_max, a), g->proxies,
	    value_size_text(g->message_max, b));
}

void
setting_finish(void)
{
	const struct pos	*pos;
	const struct conf_globals *g;
	char			 a[VALUE_STRLEN], b[VALUE_STRLEN];

	g = globals;
	check_users();
	check_spool();
	if (g->timeout[TMO_SCAN] >= g->timeout[TMO_DOT]) {
		pos = setting_pos(S_TIMEOUT + TMO_SCAN);
		if (pos == NULL)
			pos = setting_pos(S_TIMEOUT + TMO_DOT);
		lex_error(pos, "a shorter one",
		    "timeout scan (%s) is not less than timeout dot (%s)",
		    value_duration_text(g->timeout[TMO_SCAN], a),
		    value_duration_text(g->timeout[TMO_DOT], b));
	}
	if (g->scan_file_max > g->scan_total_max) {
		pos = setting_pos(S_AV_FILE);
		if (pos == NULL)
			pos = setting_pos(S_AV_TOTAL);
		lex_error(pos, "at most the same",
		    "file size (%s) is more than total size (%s)",
		    value_size_text(g->scan_file_max, a),
		    value_size_text(g->scan_total_max, b));
	}
	if (g->rcpt_max < SMTP_RCPT_MIN)
		lex_warning(setting_pos(S_LIMIT_RECIPIENTS),
		    "limit recipients is less than the %d of RFC 5321",
		    SMTP_RCPT_MIN);
	if (g->message_max < RFC_MESSAGE)
		lex_warning(setting_pos(S_MESSAGE_SIZE),
		    "message size is less than the 64K of RFC 5321");
}

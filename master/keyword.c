/* SPDX-License-Identifier: ISC */

/* The keywords of mailwall.conf(5), in the order of the alphabet. */

#include <string.h>

#include "conf.h"

#include "lex.h"
#include "keyword.h"
#include "build.h"
#include "parse.h"

/* Searched one after the other: files are short. */
static const struct keyword keywords[] = {
	{ "address", ADDRESS, 0 },
	{ "anomaly", ANOMALY, 0 },
	{ "antivirus", ANTIVIRUS, 0 },
	{ "atrn", VERB, SMTP_ATRN },
	{ "bang", FORM, FORM_BANG },
	{ "banner", BANNER, 0 },
	{ "block", BLOCK, 0 },
	{ "burl", VERB, SMTP_BURL },
	{ "clamd", CLAMD, 0 },
	{ "clean", VERDICT, VERDICT_CLEAN },
	{ "client", TIMEOUT_NAME, TMO_CLIENT },
	{ "command", TIMEOUT_NAME, TMO_COMMAND },
	{ "connect", CONNECT, 0 },
	{ "content", CONTENT, 0 },
	{ "data", TIMEOUT_NAME, TMO_DATA },
	{ "database", DATABASE, 0 },
	{ "debug", VERB, SMTP_DEBUG },
	{ "depth", DEPTH, 0 },
	{ "destination", DESTINATION, 0 },
	{ "directory", DIRECTORY, 0 },
	{ "discard", DISCARD, 0 },
	{ "disconnect", DISCONNECT, 0 },
	{ "dot", TIMEOUT_NAME, TMO_DOT },
	{ "drain", TIMEOUT_NAME, TMO_DRAIN },
	{ "early", EARLY, 0 },
	{ "embedded", EMBEDDED, 0 },
	{ "errors", LIMIT_NAME, S_LIMIT_ERRORS },
	{ "etrn", VERB, SMTP_ETRN },
	{ "expn", VERB, SMTP_EXPN },
	{ "expressions", EXPRESSIONS, 0 },
	{ "facility", FACILITY, 0 },
	{ "file", FILENAME, 0 },
	{ "files", FILES, 0 },
	{ "from", FROM, 0 },
	{ "helo", HELO, 0 },
	{ "help", VERB, SMTP_HELP },
	{ "identifiers", IDENTIFIERS, 0 },
	{ "identity", IDENTITY, 0 },
	{ "in", IN, 0 },
	{ "include", INCLUDE, 0 },
	{ "ipv4-prefix", LIMIT_NAME, S_LIMIT_BITS4 },
	{ "ipv6-prefix", LIMIT_NAME, S_LIMIT_BITS6 },
	{ "keepalive", TIMEOUT_NAME, TMO_KEEPALIVE },
	{ "keywords", KEYWORDS, 0 },
	{ "limit", LIMIT, 0 },
	{ "line", LIMIT_NAME, S_LIMIT_LINE },
	{ "listen", LISTEN, 0 },
	{ "literal", FORM, FORM_LITERAL },
	{ "log", LOG, 0 },
	{ "mark", MARK, 0 },
	{ "memory", MEMORY, 0 },
	{ "message", MESSAGE, 0 },
	{ "messages", LIMIT_NAME, S_LIMIT_MESSAGES },
	{ "newline", NEWLINE, 0 },
	{ "none", NONE, 0 },
	{ "normalise", NORMALISE, 0 },
	{ "on", ON, 0 },
	{ "or", OR, 0 },
	{ "parse", TIMEOUT_NAME, TMO_PARSE },
	{ "parser", PARSER, 0 },
	{ "parsers", PARSERS, 0 },
	{ "parts", PARTS, 0 },
	{ "pass", PASS, 0 },
	{ "path", LIMIT_NAME, S_LIMIT_PATH },
	{ "percent", FORM, FORM_PERCENT },
	{ "pipe", FORM, FORM_PIPE },
	{ "plaintext", PLAINTEXT, 0 },
	{ "port", PORT, 0 },
	{ "protocol", PROTOCOL, 0 },
	{ "proxy", PROXY, 0 },
	{ "quoted", FORM, FORM_QUOTED },
	{ "recipients", LIMIT_NAME, S_LIMIT_RECIPIENTS },
	{ "redirect", REDIRECT, 0 },
	{ "refuse", REFUSE, 0 },
	{ "reject", REJECT, 0 },
	{ "relay", RELAY, 0 },
	{ "required", REQUIRED, 0 },
	{ "run", RUN, 0 },
	{ "saml", VERB, SMTP_SAML },
	{ "scan", TIMEOUT_NAME, TMO_SCAN },
	{ "scanner", SCANNER, 0 },
	{ "scanner-failed", VERDICT, VERDICT_SCANNER_FAILED },
	{ "scanners", SCANNERS, 0 },
	{ "score", SCORE, 0 },
	{ "send", VERB, SMTP_SEND },
	{ "server", SERVER, 0 },
	{ "session", TIMEOUT_NAME, TMO_SESSION },
	{ "sessions", SESSIONS, 0 },
	{ "similar", SIMILAR, 0 },
	{ "size", SIZE, 0 },
	{ "smtp", SMTP, 0 },
	{ "soml", VERB, SMTP_SOML },
	{ "source", SOURCE, 0 },
	{ "source-route", FORM, FORM_SOURCE_ROUTE },
	{ "spool", SPOOL, 0 },
	{ "starttls", STARTTLS, 0 },
	{ "table", TABLE, 0 },
	{ "tempfail", TEMPFAIL, 0 },
	{ "timeout", TIMEOUT, 0 },
	{ "to", TO, 0 },
	{ "total", TOTAL, 0 },
	{ "tproxy", TPROXY, 0 },
	{ "turn", VERB, SMTP_TURN },
	{ "unknown", VERB, SMTP_UNKNOWN },
	{ "unqualified", FORM, FORM_UNQUALIFIED },
	{ "unscannable", VERDICT, VERDICT_UNSCANNABLE },
	{ "user", USER, 0 },
	{ "verb", VERB, SMTP_VERB },
	{ "virus", VIRUS, 0 },
	{ "vrfy", VERB, SMTP_VRFY },
	{ "weight", WEIGHT, 0 },
	{ "withhold", WITHHOLD, 0 },
	{ "wiz", VERB, SMTP_WIZ },
	{ "words", WORDS, 0 },
	{ "workers", WORKERS, 0 },
	{ "xclient", VERB, SMTP_XCLIENT },
	{ "xforward", VERB, SMTP_XFORWARD },
};

#define NKEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))

const struct keyword *
keyword_find(const char *word)
{
	size_t	 i;

	for (i = 0; i < NKEYWORDS; i++)
		if (strcmp(keywords[i].name, word) == 0)
			return (&keywords[i]);
	return (NULL);
}

/* SPDX-License-Identifier: ISC */

/* command.c: verbs, paths and parameters that a client may choose. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void	 test_verbs(void);
static void	 test_all_bytes(void);
static void	 test_paths(void);
static void	 test_path_size(void);
static void	 test_params(void);

static const struct {
	const char	*name;
	const char	*line;
	size_t		 len;
	enum verb	 verb;
	size_t		 arg;		/* checked unless unknown */
} verbs[] = {
	{ "mail", LIT("MAIL FROM:<a@b>"), VERB_MAIL, 5 },
	{ "lower-case", LIT("mail FROM:<a@b>"), VERB_MAIL, 5 },
	{ "mixed-case", LIT("mAiL FROM:<a@b>"), VERB_MAIL, 5 },
	{ "rcpt", LIT("RCPT TO:<a@b>"), VERB_RCPT, 5 },
	{ "data", LIT("DATA"), VERB_DATA, 4 },
	{ "data-blank", LIT("DATA "), VERB_DATA, 5 },
	{ "data-argument", LIT("DATA x"), VERB_DATA, 5 },
	{ "ehlo", LIT("EHLO x"), VERB_EHLO, 5 },
	{ "ehlo-none", LIT("EHLO"), VERB_EHLO, 4 },
	{ "helo-blanks", LIT("HELO   x"), VERB_HELO, 7 },
	{ "rset", LIT("RSET"), VERB_RSET, 4 },
	{ "noop", LIT("NOOP"), VERB_NOOP, 4 },
	{ "noop-text", LIT("NOOP DATA"), VERB_NOOP, 5 },
	{ "quit", LIT("QUIT"), VERB_QUIT, 4 },
	{ "help", LIT("HELP MAIL"), VERB_HELP, 5 },
	{ "vrfy", LIT("VRFY root"), VERB_VRFY, 5 },
	{ "auth", LIT("AUTH PLAIN AGE="), VERB_AUTH, 5 },
	{ "starttls", LIT("STARTTLS"), VERB_STARTTLS, 8 },
	{ "bdat", LIT("BDAT 10 LAST"), VERB_BDAT, 5 },
	{ "burl", LIT("BURL imap://x"), VERB_KNOWN_REFUSED, 5 },
	{ "expn", LIT("EXPN list"), VERB_KNOWN_REFUSED, 5 },
	{ "turn", LIT("TURN"), VERB_KNOWN_REFUSED, 4 },
	{ "etrn", LIT("ETRN x"), VERB_KNOWN_REFUSED, 5 },
	{ "atrn", LIT("ATRN x"), VERB_KNOWN_REFUSED, 5 },
	{ "send", LIT("SEND FROM:<a>"), VERB_KNOWN_REFUSED, 5 },
	{ "soml", LIT("SOML FROM:<a>"), VERB_KNOWN_REFUSED, 5 },
	{ "saml", LIT("SAML FROM:<a>"), VERB_KNOWN_REFUSED, 5 },
	{ "xclient", LIT("XCLIENT NAME=x"), VERB_KNOWN_REFUSED, 8 },
	{ "xforward", LIT("XFORWARD NAME=x"), VERB_KNOWN_REFUSED, 9 },
	{ "xexch50", LIT("XEXCH50 100 2"), VERB_KNOWN_REFUSED, 8 },
	{ "wiz", LIT("WIZ"), VERB_KNOWN_REFUSED, 3 },
	{ "debug", LIT("DEBUG"), VERB_KNOWN_REFUSED, 5 },
	{ "empty", LIT(""), VERB_UNKNOWN, 0 },
	{ "blank", LIT(" "), VERB_UNKNOWN, 0 },
	{ "blank-before", LIT(" DATA"), VERB_UNKNOWN, 0 },
	{ "tab-before", LIT("\tDATA"), VERB_UNKNOWN, 0 },
	{ "tab-behind", LIT("DATA\t"), VERB_UNKNOWN, 0 },
	{ "tab-between", LIT("MAIL\tFROM:<a@b>"), VERB_UNKNOWN, 0 },
	{ "nul-inside", LIT("DA\0TA"), VERB_UNKNOWN, 0 },
	{ "nul-behind", LIT("DATA\0"), VERB_UNKNOWN, 0 },
	{ "cr-behind", LIT("DATA\r"), VERB_UNKNOWN, 0 },
	{ "lf-between", LIT("HELP\nDATA"), VERB_UNKNOWN, 0 },
	{ "prefix", LIT("DAT"), VERB_UNKNOWN, 0 },
	{ "longer", LIT("DATAX"), VERB_UNKNOWN, 0 },
	{ "digit-first", LIT("1DATA"), VERB_UNKNOWN, 0 },
	{ "no-blank", LIT("MAIL:<a@b>"), VERB_UNKNOWN, 0 },
	{ "8-bit", LIT("DAT\xc1"), VERB_UNKNOWN, 0 },
	{ "turkish", LIT("MA\xc4\xb0L FROM:<a>"), VERB_UNKNOWN, 0 },
	{ "dot", LIT("."), VERB_UNKNOWN, 0 },
	{ "hyphen", LIT("DATA-"), VERB_UNKNOWN, 0 },
	{ "http", LIT("GET / HTTP/1.1"), VERB_UNKNOWN, 0 },
	{ "header", LIT("Subject: x"), VERB_UNKNOWN, 0 },
};

static const struct {
	const char	*name;
	enum verb	 verb;
	const char	*arg;
	size_t		 len;
	const char	*path;		/* NULL: refused */
	size_t		 params;
} paths[] = {
	{ "plain", VERB_MAIL, LIT("FROM:<a@b.example>"), "a@b.example", 18 },
	{ "rcpt", VERB_RCPT, LIT("TO:<a@b>"), "a@b", 8 },
	{ "case", VERB_RCPT, LIT("to:<a@B>"), "a@B", 8 },
	{ "null-sender", VERB_MAIL, LIT("FROM:<>"), "", 7 },
	{ "null-recipient", VERB_RCPT, LIT("TO:<>"), NULL, 0 },
	{ "parameter", VERB_MAIL, LIT("FROM:<a@b> SIZE=1"), "a@b", 11 },
	{ "parameter-blanks", VERB_MAIL, LIT("FROM:<a@b>  SIZE=1"), "a@b",
	    12 },
	{ "trailing-blank", VERB_MAIL, LIT("FROM:<a@b> "), "a@b", 11 },
	{ "blank-after-colon", VERB_MAIL, LIT("FROM: <a@b>"), "a@b", 11 },
	{ "source-route", VERB_RCPT, LIT("TO:<@x,@y:a@b>"), "@x,@y:a@b", 14 },
	{ "percent", VERB_RCPT, LIT("TO:<a%b@c>"), "a%b@c", 10 },
	{ "bang", VERB_RCPT, LIT("TO:<c!b!a>"), "c!b!a", 10 },
	{ "pipe", VERB_RCPT, LIT("TO:<|/bin/sh>"), "|/bin/sh", 13 },
	{ "format", VERB_RCPT, LIT("TO:<%n%s@b>"), "%n%s@b", 11 },
	{ "quoted", VERB_RCPT, LIT("TO:<\"a b\"@c>"), "\"a b\"@c", 12 },
	{ "quoted-bracket", VERB_RCPT, LIT("TO:<\"a>b\"@c>"), "\"a>b\"@c",
	    12 },
	{ "quoted-open-bracket", VERB_RCPT, LIT("TO:<\"a<b\"@c>"),
	    "\"a<b\"@c", 12 },
	{ "quoted-quote", VERB_RCPT, LIT("TO:<\"a\\\"> b\"@c>"),
	    "\"a\\\"> b\"@c", 15 },
	{ "quoted-backslash", VERB_RCPT, LIT("TO:<\"a\\\\\"@c>"),
	    "\"a\\\\\"@c", 12 },
	{ "quoted-looks-like-parameter", VERB_MAIL,
	    LIT("FROM:<\"> SIZE=1 \"@c> BODY=7BIT"), "\"> SIZE=1 \"@c",
	    21 },
	{ "literal", VERB_RCPT, LIT("TO:<a@[IPv6:::1]>"), "a@[IPv6:::1]",
	    17 },
	{ "8-bit", VERB_RCPT, LIT("TO:<\xc3\xa9@b>"), "\xc3\xa9@b", 9 },
	{ "no-brackets", VERB_MAIL, LIT("FROM:a@b"), "a@b", 8 },
	{ "no-brackets-parameter", VERB_MAIL, LIT("FROM:a@b SIZE=1"), "a@b",
	    9 },
	{ "postmaster", VERB_RCPT, LIT("TO:<Postmaster>"), "Postmaster",
	    15 },
	{ "empty", VERB_MAIL, LIT(""), NULL, 0 },
	{ "word-only", VERB_MAIL, LIT("FROM:"), NULL, 0 },
	{ "word-cut", VERB_MAIL, LIT("FRO"), NULL, 0 },
	{ "no-colon", VERB_MAIL, LIT("FROM<a@b>"), NULL, 0 },
	{ "other-word", VERB_MAIL, LIT("TO:<a@b>"), NULL, 0 },
	{ "other-word-2", VERB_RCPT, LIT("FROM:<a@b>"), NULL, 0 },
	{ "unclosed", VERB_MAIL, LIT("FROM:<a@b"), NULL, 0 },
	{ "unclosed-parameter", VERB_MAIL, LIT("FROM:<a@b SIZE=1"), NULL, 0 },
	{ "bracket-only", VERB_MAIL, LIT("FROM:<"), NULL, 0 },
	{ "unopened", VERB_MAIL, LIT("FROM:a@b>"), NULL, 0 },
	{ "twice-opened", VERB_MAIL, LIT("FROM:<<a@b>"), NULL, 0 },
	{ "twice-opened-closed", VERB_MAIL, LIT("FROM:<<a@b>>"), NULL, 0 },
	{ "twice-closed", VERB_MAIL, LIT("FROM:<a@b>>"), NULL, 0 },
	{ "two-paths", VERB_RCPT, LIT("TO:<a@b><c@d>"), NULL, 0 },
	{ "two-paths-comma", VERB_RCPT, LIT("TO:<a@b>,<c@d>"), NULL, 0 },
	{ "text-behind", VERB_MAIL, LIT("FROM:<a@b>x"), NULL, 0 },
	{ "blank-inside", VERB_MAIL, LIT("FROM:<a b@c>"), NULL, 0 },
	/* Some servers take what is in the brackets. */
	{ "name-before", VERB_MAIL, LIT("FROM:Alice <a@b>"), NULL, 0 },
	{ "name-before-rcpt", VERB_RCPT, LIT("TO:Bob <b@b>"), NULL, 0 },
	{ "open-quote", VERB_MAIL, LIT("FROM:<\"a@b>"), NULL, 0 },
	{ "open-quote-bare", VERB_MAIL, LIT("FROM:\"a b"), NULL, 0 },
	{ "backslash-at-end", VERB_MAIL, LIT("FROM:<\"a\\"), NULL, 0 },
	{ "backslash-then-end", VERB_MAIL, LIT("FROM:<\"a\\\">"), NULL, 0 },
	{ "backslash-unquoted", VERB_MAIL, LIT("FROM:<a\\>b>"), NULL, 0 },
};

static const struct {
	const char	*name;
	const char	*params;
	size_t		 len;
	int		 ret;
	const char	*value;
} params[] = {
	{ "only", LIT("SIZE=10"), 1, "10" },
	{ "second", LIT("BODY=8BITMIME SIZE=10"), 1, "10" },
	{ "case", LIT("size=10"), 1, "10" },
	{ "bare", LIT("SIZE"), 1, "" },
	{ "bare-in-front", LIT("SIZE BODY=7BIT"), 1, "" },
	{ "empty-value", LIT("SIZE= BODY=7BIT"), 1, "" },
	{ "blanks", LIT("BODY=7BIT   SIZE=10  "), 1, "10" },
	{ "given-twice", LIT("SIZE=1 SIZE=2"), -1, NULL },
	{ "given-twice-apart", LIT("SIZE=1 BODY=7BIT size=2"), -1, NULL },
	{ "equals-inside", LIT("SIZE=a=b"), 1, "a=b" },
	{ "as-long-as-fits", LIT("SIZE=1234567"), 1, "1234567" },
	{ "too-long", LIT("SIZE=12345678"), -1, NULL },
	{ "none", LIT(""), 0, NULL },
	{ "other", LIT("BODY=7BIT"), 0, NULL },
	{ "longer-name", LIT("SIZEX=10"), 0, NULL },
	{ "shorter-name", LIT("SIZ=10"), 0, NULL },
	{ "inside-another", LIT("XSIZE=10"), 0, NULL },
	{ "inside-a-value", LIT("AUTH=SIZE=10"), 0, NULL },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
test_verbs(void)
{
	char		 name[64];
	uint8_t		*line;
	enum verb	 verb;
	size_t		 i, arg;

	for (i = 0; i < N(verbs); i++) {
		snprintf(name, sizeof(name), "verb %s", verbs[i].name);
		line = unit_exact(verbs[i].line, verbs[i].len);
		verb = command_parse((char *)line, verbs[i].len, &arg);
		if (verb != verbs[i].verb)
			unit_case(name, "verb %d, not %d", verb,
			    verbs[i].verb);
		else if (verb != VERB_UNKNOWN && arg != verbs[i].arg)
			unit_case(name, "argument at %zu, not %zu", arg,
			    verbs[i].arg);
		else
			unit_case(name, arg <= verbs[i].len ? NULL :
			    "argument behind the line");
		free(line);
	}
}

/* "DATA" with any byte put in anywhere is DATA only behind a blank. */
static void
test_all_bytes(void)
{
	char		 line[5];
	enum verb	 verb;
	size_t		 arg, pos;
	int		 c;

	for (pos = 0; pos <= 4; pos++)
		for (c = 0; c < 256; c++) {
			memcpy(line, "DATA", pos);
			line[pos] = (char)c;
			memcpy(line + pos + 1, &"DATA"[pos], 4 - pos);
			verb = command_parse(line, 5, &arg);
			if ((verb == VERB_DATA) != (pos == 4 && c == ' ')) {
				unit_case("verb any-byte", "byte %d at %zu "
				    "gives %d", c, pos, verb);
				return;
			}
		}
	unit_case("verb any-byte", NULL);
}

static void
test_paths(void)
{
	char	 name[64], path[SMTP_ADDR_MAX];
	uint8_t	*arg;
	size_t	 i, par;
	int	 ret;

	for (i = 0; i < N(paths); i++) {
		snprintf(name, sizeof(name), "path %s", paths[i].name);
		arg = unit_exact(paths[i].arg, paths[i].len);
		par = 0;
		ret = command_path(paths[i].verb, (char *)arg, paths[i].len,
		    path, sizeof(path), &par);
		if (ret != (paths[i].path == NULL ? -1 : 0))
			unit_case(name, "returns %d", ret);
		else if (ret == 0 && strcmp(path, paths[i].path) != 0)
			unit_case(name, "path is %s, not %s", path,
			    paths[i].path);
		else if (ret == 0 && par != paths[i].params)
			unit_case(name, "parameters at %zu, not %zu", par,
			    paths[i].params);
		else
			unit_case(name, NULL);
		free(arg);
	}
}

/* A path of size - 1 bytes fits, and not one more, whatever is at its end. */
static void
test_path_size(void)
{
	static const char	*const tails[] = { "a", "\"", "\\\"\"" };
	char			 arg[128], *path;
	size_t			 i, fill, len, tail, par;
	int			 ret, fits;

	for (i = 0; i < N(tails); i++) {
		tail = strlen(tails[i]);
		for (fill = 0; fill < 24; fill++) {
			len = 0;
			memcpy(arg, "FROM:<", 6);
			len = 6;
			/* All inside quotes, so that escapes count. */
			arg[len++] = '"';
			memset(arg + len, 'x', fill);
			len += fill;
			if (i == 0)
				arg[len++] = '"';
			memcpy(arg + len, tails[i], tail);
			len += tail;
			arg[len++] = '>';
			path = malloc(16);
			if (path == NULL)
				abort();
			ret = command_path(VERB_MAIL, arg, len, path, 16,
			    &par);
			fits = len - 7 <= 15;
			if (ret != (fits ? 0 : -1) ||
			    (fits && strlen(path) != len - 7)) {
				unit_case("path size", "%zu bytes return %d",
				    len - 7, ret);
				free(path);
				return;
			}
			free(path);
		}
	}
	unit_case("path size", NULL);
}

static void
test_params(void)
{
	char	 name[64], value[8];
	uint8_t	*p;
	size_t	 i;
	int	 ret;

	for (i = 0; i < N(params); i++) {
		snprintf(name, sizeof(name), "parameter %s", params[i].name);
		p = unit_exact(params[i].params, params[i].len);
		ret = command_param((char *)p, params[i].len, "SIZE", value,
		    sizeof(value));
		if (ret != params[i].ret)
			unit_case(name, "returns %d, not %d", ret,
			    params[i].ret);
		else if (ret == 1 && strcmp(value, params[i].value) != 0)
			unit_case(name, "value is %s, not %s", value,
			    params[i].value);
		else
			unit_case(name, NULL);
		free(p);
	}
}

int
main(void)
{
	test_verbs();
	test_all_bytes();
	test_paths();
	test_path_size();
	test_params();
	return (unit_status());
}

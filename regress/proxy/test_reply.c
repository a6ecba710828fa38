/* SPDX-License-Identifier: ISC */

/* reply.c: what a server may say, and what is no reply. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const char	*check(const uint8_t *, size_t, int, int, size_t,
			    size_t);
static void		 test_table(void);
static void		 test_prefixes(void);
static void		 test_line_max(void);
static void		 test_reply_max(void);
static void		 test_controls(void);
static void		 line_case(const char *, size_t, int, int);

static const struct {
	const char	*name;
	const char	*in;
	size_t		 inlen;
	int		 ret;
	int		 code;
	size_t		 len;
	size_t		 nlines;
} table[] = {
	{ "one-line", LIT("250 ok\r\n"), 1, 250, 8, 1 },
	{ "code-only", LIT("250\r\n"), 1, 250, 5, 1 },
	{ "code-blank", LIT("250 \r\n"), 1, 250, 6, 1 },
	{ "two-lines", LIT("250-a\r\n250 b\r\n"), 1, 250, 14, 2 },
	{ "hyphen-only", LIT("250-\r\n250\r\n"), 1, 250, 11, 2 },
	{ "three-lines", LIT("214-a\r\n214-b\r\n214 c\r\n"), 1, 214, 21, 3 },
	{ "lowest", LIT("200 x\r\n"), 1, 200, 7, 1 },
	{ "highest", LIT("599 x\r\n"), 1, 599, 7, 1 },
	{ "tab-in-text", LIT("250 a\tb\r\n"), 1, 250, 9, 1 },
	{ "8-bit-text", LIT("250 \xc3\xa9\xff\r\n"), 1, 250, 9, 1 },
	{ "looks-like-another", LIT("250 250 ok\r\n"), 1, 250, 12, 1 },
	{ "one-and-more", LIT("250 a\r\n354 b\r\n"), 1, 250, 7, 1 },
	{ "one-and-junk", LIT("250 a\r\n\0\n\n"), 1, 250, 7, 1 },
	{ "nothing", LIT(""), 0, 0, 0, 0 },
	{ "begin", LIT("2"), 0, 0, 0, 0 },
	{ "without-end", LIT("250 ok"), 0, 0, 0, 0 },
	{ "without-lf", LIT("250 ok\r"), 0, 0, 0, 0 },
	{ "first-line-only", LIT("250-ok\r\n"), 0, 0, 0, 0 },
	{ "second-cut", LIT("250-ok\r\n250"), 0, 0, 0, 0 },
	{ "empty-line", LIT("\r\n"), -1, 0, 0, 0 },
	{ "bare-lf", LIT("250 ok\n"), -1, 0, 0, 0 },
	{ "lf-only", LIT("\n"), -1, 0, 0, 0 },
	{ "bare-lf-second", LIT("250-a\r\n250 b\n"), -1, 0, 0, 0 },
	{ "bare-lf-inside", LIT("250 a\n250 b\r\n"), -1, 0, 0, 0 },
	{ "bare-cr-inside", LIT("250 a\rb\r\n"), -1, 0, 0, 0 },
	{ "two-cr", LIT("250 a\r\r\n"), -1, 0, 0, 0 },
	{ "nul-inside", LIT("250 a\0b\r\n"), -1, 0, 0, 0 },
	{ "escape-inside", LIT("250 \033[2J\r\n"), -1, 0, 0, 0 },
	{ "delete-inside", LIT("250 \177\r\n"), -1, 0, 0, 0 },
	{ "two-digits", LIT("25\r\n"), -1, 0, 0, 0 },
	{ "two-digits-text", LIT("25 ok\r\n"), -1, 0, 0, 0 },
	{ "four-digits", LIT("2500 ok\r\n"), -1, 0, 0, 0 },
	{ "no-blank", LIT("250ok\r\n"), -1, 0, 0, 0 },
	{ "blank-before", LIT(" 250 ok\r\n"), -1, 0, 0, 0 },
	{ "tab-behind-code", LIT("250\tok\r\n"), -1, 0, 0, 0 },
	{ "text", LIT("Welcome\r\n"), -1, 0, 0, 0 },
	{ "class-1", LIT("150 x\r\n"), -1, 0, 0, 0 },
	{ "class-0", LIT("050 x\r\n"), -1, 0, 0, 0 },
	{ "class-6", LIT("650 x\r\n"), -1, 0, 0, 0 },
	{ "letter-in-code", LIT("2x0 x\r\n"), -1, 0, 0, 0 },
	{ "minus", LIT("-50 x\r\n"), -1, 0, 0, 0 },
	{ "code-changes", LIT("250-a\r\n251 b\r\n"), -1, 0, 0, 0 },
	{ "code-changes-class", LIT("250-a\r\n550 b\r\n"), -1, 0, 0, 0 },
	{ "second-no-reply", LIT("250-a\r\nb\r\n"), -1, 0, 0, 0 },
	{ "second-empty", LIT("250-a\r\n\r\n"), -1, 0, 0, 0 },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* NULL, or what is wrong. */
static const char *
check(const uint8_t *in, size_t inlen, int ret, int code, size_t len,
    size_t nlines)
{
	static char	 why[128];
	struct reply	 r;
	uint8_t		*p;
	int		 got;

	p = unit_exact(in, inlen);
	got = reply_parse(p, inlen, &r);
	free(p);
	if (got != ret)
		snprintf(why, sizeof(why), "returns %d, not %d", got, ret);
	else if (ret == 1 && (r.code != code || r.len != len ||
	    r.nlines != nlines))
		snprintf(why, sizeof(why), "code %d, %zu bytes, %zu lines",
		    r.code, r.len, r.nlines);
	else
		return (NULL);
	return (why);
}

static void
test_table(void)
{
	const char	*why;
	char		 name[64];
	size_t		 i;

	for (i = 0; i < N(table); i++) {
		snprintf(name, sizeof(name), "reply %s", table[i].name);
		why = check((const uint8_t *)table[i].in, table[i].inlen,
		    table[i].ret, table[i].code, table[i].len,
		    table[i].nlines);
		unit_case(name, why == NULL ? NULL : "%s", why);
	}
}

/* However a good reply is cut: nothing yet, until its last byte is there. */
static void
test_prefixes(void)
{
	const char	*why;
	char		 name[64];
	size_t		 i, cut;

	for (i = 0; i < N(table); i++) {
		if (table[i].ret != 1)
			continue;
		snprintf(name, sizeof(name), "cut %s", table[i].name);
		why = NULL;
		for (cut = 0; cut < table[i].len && why == NULL; cut++)
			why = check((const uint8_t *)table[i].in, cut, 0, 0,
			    0, 0);
		unit_case(name, why == NULL ? NULL : "at %zu: %s", cut - 1,
		    why);
	}
}

/* A line of len bytes, its CRLF (if end) included. */
static void
line_case(const char *name, size_t len, int end, int ret)
{
	const char	*why;
	uint8_t		*line;

	if ((line = malloc(len)) == NULL)
		abort();
	memset(line, 'x', len);
	memcpy(line, "250 ", 4);
	if (end)
		memcpy(line + len - 2, "\r\n", 2);
	why = check(line, len, ret, 250, len, 1);
	unit_case(name, why == NULL ? NULL : "%s", why);
	free(line);
}

static void
test_line_max(void)
{
	line_case("line at the limit", SMTP_REPLY_LINE_MAX, 1, 1);
	line_case("line beyond the limit", SMTP_REPLY_LINE_MAX + 1, 1, -1);
	line_case("line without end at the limit", SMTP_REPLY_LINE_MAX, 0, 0);
	line_case("line without end beyond the limit",
	    SMTP_REPLY_LINE_MAX + 1, 0, -1);
}

/* Many lines: the last that fits, and one that does not. */
static void
test_reply_max(void)
{
	static const char	 more[] = "250-0123456789ab\r\n";
	static const char	 last[] = "250 0123456789ab\r\n";
	const char		*why;
	uint8_t			*p;
	size_t			 n, lines, len;

	n = sizeof(more) - 1;
	lines = SMTP_REPLY_MAX / n;
	if ((p = malloc((lines + 2) * n)) == NULL)
		abort();
	for (len = 0; len < (lines - 1) * n; len += n)
		memcpy(p + len, more, n);
	memcpy(p + len, last, n);
	why = check(p, len + n, 1, 250, len + n, lines);
	unit_case("reply at the limit", why == NULL ? NULL : "%s", why);

	memcpy(p + len, more, n);
	memcpy(p + len + n, last, n);
	why = check(p, len + 2 * n, -1, 0, 0, 0);
	unit_case("reply beyond the limit", why == NULL ? NULL : "%s", why);

	memcpy(p + len + n, more, n);
	why = check(p, len + 2 * n, -1, 0, 0, 0);
	unit_case("endless reply", why == NULL ? NULL : "%s", why);
	free(p);
}

/* Every byte in the text: controls but the tab are refused. */
static void
test_controls(void)
{
	static uint8_t	 in[] = "250 a?b\r\n";
	const char	*why;
	int		 c, bad;

	for (c = 0; c < 256; c++) {
		if (c == '\n')
			continue;	/* two lines then, see the table */
		bad = (c < 0x20 && c != '\t') || c == 0x7f;
		in[5] = (uint8_t)c;
		why = check(in, sizeof(in) - 1, bad ? -1 : 1, 250, 9, 1);
		if (why != NULL) {
			unit_case("every byte in the text", "%d: %s", c, why);
			return;
		}
	}
	unit_case("every byte in the text", NULL);
}

int
main(void)
{
	test_table();
	test_prefixes();
	test_line_max();
	test_reply_max();
	test_controls();
	return (unit_status());
}

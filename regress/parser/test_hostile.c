/* SPDX-License-Identifier: ISC */

/*
 * Messages that are hostile by their size.  Each must be done in bounded
 * processor time (seconds would be quadratic, these take milliseconds), must
 * keep its limits, and must say so when something was not looked into.
 */

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "limits.h"

#define CPU_MAX	8000		/* ms; sanitizers and slow machines */
#define MB	(1024 * 1024)

static char	*text;
static size_t	 text_len, text_alloc;
static uint64_t	 text_want;	/* anomalies that the next run must have */

static void	 text_add(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
static void	 text_fill(int, size_t);
static void	 text_once(const char *, uint32_t, uint32_t,
		    const struct mime_limits *);
static void	 text_run(const char *, uint32_t, uint32_t,
		    const struct mime_limits *);

static void
text_fill(int c, size_t n)
{
	if (text_alloc - text_len < n) {
		text_alloc = (text_len + n) * 2;
		if ((text = realloc(text, text_alloc)) == NULL)
			err(1, "realloc");
	}
	memset(text + text_len, c, n);
	text_len += n;
}

static void
text_add(const char *fmt, ...)
{
	char	 buf[1024];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	text_fill(0, (size_t)n);
	memcpy(text + text_len - n, buf, (size_t)n);
}

/* All of must have to be set, all of may can be. */
static void
text_once(const char *name, uint32_t must, uint32_t may,
    const struct mime_limits *lim)
{
	struct parsed	 p;
	uint64_t	 cpu;
	uint32_t	 limits;
	char		 why[128];

	cpu = harness_cpu();
	harness_parse(&p, text, text_len, lim);
	cpu = harness_cpu() - cpu;
	limits = p.parts.head->limits;
	snprintf(why, sizeof(why), "%llu ms, limits %x, %u parts, %u texts",
	    (unsigned long long)cpu, limits, p.parts.head->nparts,
	    p.parts.head->ntexts);
	harness_case(name, cpu < CPU_MAX && (limits & must) == must &&
	    p.arena_size <= PARSE_USUAL &&
	    (limits & ~(must | may)) == 0 &&
	    (p.parts.head->anomalies & text_want) == text_want, why);
	if (getenv("VERBOSE") != NULL)
		printf("# %s: %s, %zu bytes in, %llu out\n", name, why,
		    text_len, (unsigned long long)p.arena_size);
	harness_close(&p);
}

/* Once for its parts, and once for its text as well. */
static void
text_run(const char *name, uint32_t must, uint32_t may,
    const struct mime_limits *lim)
{
	struct mime_limits	 with;
	char			 full[80];

	if (lim == NULL)
		harness_limits(&with, text_len);
	else
		with = *lim;
	text_once(name, must, may, &with);
	with.want_text = 1;
	if (lim == NULL)
		with.max_decoded = parts_budget(text_len, 1);
	snprintf(full, sizeof(full), "%s, text", name);
	text_once(full, must & ~(uint32_t)LIMIT_DECODED, LIMITS_ALL, &with);
	text_len = 0;
	text_want = 0;
}

static void
multipart(const char *boundary)
{
	text_add("Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n",
	    boundary);
}

static void
structures(void)
{
	size_t	 i;

	for (i = 0; i < 100000; i++)
		text_add("Content-Type: multipart/mixed; boundary=b%zu\r\n"
		    "\r\n--b%zu\r\n", i, i);
	text_run("nested-multiparts", LIMIT_DEPTH, LIMITS_ALL, NULL);

	for (i = 0; i < 100000; i++)
		text_add("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		    "--b\r\n");
	text_run("nested-same-boundary", LIMIT_DEPTH, LIMITS_ALL, NULL);

	for (i = 0; i < 100000; i++)
		text_add("Content-Type: message/rfc822\r\n\r\n");
	text_run("nested-messages", LIMIT_DEPTH, LIMITS_ALL, NULL);

	for (i = 0; i < 100000; i++)
		text_add("Content-Type: message/rfc822\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	text_run("nested-encoded-messages", LIMIT_DECODED, LIMITS_ALL, NULL);

	multipart("b");
	for (i = 0; i < 1000000; i++)
		text_add("--b\r\n");
	text_run("million-parts", LIMIT_PARTS, 0, NULL);

	multipart("b");
	for (i = 0; i < 20000; i++)
		text_add("--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		    "QUJD\r\n");
	text_run("base64-parts", LIMIT_PARTS, 0, NULL);

	multipart("b");
	for (i = 0; i < 9000; i++)
		text_add("--b\r\nContent-Type: text/plain; name=n%zu\r\n"
		    "\r\n", i);
	text_add("--b--\r\n");
	text_run("many-parts-below-the-limit", 0, 0, NULL);
}

static void
readings(void)
{
	size_t	 i;

	/* Each level has two boundaries, and so has each reading of it. */
	for (i = 0; i < 60; i++)
		text_add("Content-Type: multipart/mixed; boundary=a%zu; "
		    "boundary=b%zu\r\n\r\n--a%zu\r\n", i, i, i);
	for (i = 0; i < 60; i++)
		text_add("--b%zu\r\n\r\nx\r\n", i);
	text_run("two-boundaries-nested", 0, LIMITS_ALL, NULL);

	for (i = 0; i < 60; i++)
		text_add("X: y\rZ: z\r\njunk\r\n \r\nContent-Type: "
		    "multipart/mixed; boundary=a%zu\r\n\r\n--a%zu x\r\n"
		    "--a%zu\r\n", i, i, i);
	text_fill('x', MB);
	text_run("odd-headers-nested", 0, LIMITS_ALL, NULL);

	multipart("b");
	for (i = 0; i < 100000; i++)
		text_add("--b x\r\n--b--\r\n");
	text_run("near-and-closed-delimiters", 0, LIMITS_ALL, NULL);

	text_add("\r\n");
	for (i = 0; i < 200000; i++)
		text_add("begin 644 x\r\n#86)C\r\nend\r\n");
	text_run("uuencoded-runs", LIMIT_PARTS, 0, NULL);

	text_add("\r\n");
	for (i = 0; i < 500000; i++)
		text_add("begin 644 x\r\n");
	text_run("uuencode-beginnings", 0, 0, NULL);

	text_add("\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("\rbegin 644 x");
	text_run("uuencode-beginnings-cr", 0, 0, NULL);

	text_add("Content-Transfer-Encoding: base64\r\n\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("QQ==");
	text_run("base64-restarts", 0, 0, NULL);

	text_add("Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	text_fill('=', 4 * MB);
	text_run("qp-equals", 0, 0, NULL);

	text_add("Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	text_fill(' ', 4 * MB);
	text_run("qp-blanks", 0, 0, NULL);
}

static void
headers(void)
{
	size_t	 i;

	for (i = 0; i < 1000000; i++)
		text_add("X%zu: y\r\n", i);
	text_run("million-fields", LIMIT_HEADERS, 0, NULL);

	text_add("X: ");
	text_fill('x', 10 * MB);
	text_run("header-10-mb-line", LIMIT_HEADERS, 0, NULL);

	text_add("Subject: x\r\n");
	for (i = 0; i < 2000000; i++)
		text_add(" y\r\n");
	text_run("million-folds", LIMIT_HEADERS, 0, NULL);

	for (i = 0; i < 500000; i++)
		text_add("junk\r\n");
	text_run("junk-lines", LIMIT_HEADERS, 0, NULL);

	for (i = 0; i < 500000; i++)
		text_add("a\r");
	text_fill('\r', 50000);
	text_add("\n\r\nbody\r\n");
	text_run("bare-cr-lines", 0, LIMITS_ALL, NULL);

	text_add("Content-Type: text/plain");
	for (i = 0; i < 200000; i++)
		text_add("; p%zu=v", i);
	text_add("\r\n\r\n");
	text_run("many-parameters", LIMIT_HEADERS, 0, NULL);

	text_add("Content-Type: text/plain");
	for (i = 0; i < 50000; i++)
		text_add("; name*%zu*=%%41", 50000 - i);
	text_add("\r\n\r\n");
	text_run("many-sections", LIMIT_HEADERS, 0, NULL);

	text_add("Content-Type: text/plain; ");
	for (i = 0; i < 300000; i++)
		text_add("a(;");
	text_add("\r\n\r\n");
	text_run("open-comments", 0, LIMIT_HEADERS, NULL);

	text_add("Content-Type: text/plain; ");
	text_fill('(', 900000);
	text_add("\r\n\r\n");
	text_run("parentheses", 0, LIMIT_HEADERS, NULL);

	text_add("Content-Type: text/plain; name=\"");
	for (i = 0; i < 300000; i++)
		text_add("\\\";");
	text_add("\r\n\r\n");
	text_run("escaped-quotes", 0, LIMIT_HEADERS, NULL);

	text_add("Subject: ");
	for (i = 0; i < 150000; i++)
		text_add("=?a?b?");
	text_add("\r\n\r\n");
	text_run("encoded-word-beginnings", 0, 0, NULL);

	text_add("Subject: ");
	for (i = 0; i < 60000; i++)
		text_add("=?utf-7?q?+?= ");
	text_add("\r\n\r\n");
	text_run("encoded-words", 0, 0, NULL);

	for (i = 0; i < 300000; i++)
		text_add(":\r\n");
	text_run("empty-names", 0, 0, NULL);
}

static void
delimiters(void)
{
	char	 b[201];
	size_t	 i, n;

	/* Deep, with boundaries that begin alike, and lines that nearly fit. */
	memset(b, 'x', 200);
	b[200] = '\0';
	for (i = 0; i < 60; i++) {
		n = 130 + i;
		text_add("Content-Type: multipart/mixed; boundary=%.*s\r\n"
		    "\r\n--%.*s\r\n", (int)n, b, (int)n, b);
	}
	for (i = 0; i < 20000; i++)
		text_add("--%s y\r\n", b);
	text_run("boundaries-alike", 0, LIMITS_ALL, NULL);

	multipart("b");
	text_fill('-', 8 * MB);
	text_run("dashes", 0, 0, NULL);

	multipart("b");
	for (i = 0; i < 2000000; i++)
		text_add("--\n-");
	text_run("short-dashes", 0, 0, NULL);

	multipart("b");
	text_add("--b");
	text_fill(' ', 4 * MB);
	text_add("x\r\n--b--\r\n");
	text_run("delimiter-padding", 0, 0, NULL);

	text_add("Content-Type: multipart/mixed; boundary=\"");
	text_fill('y', 900000);
	text_add("\"\r\n\r\n--");
	text_fill('y', 900000);
	text_add("\r\n\r\nbody\r\n");
	text_run("long-boundary", 0, 0, NULL);

	text_add("Content-Type: multipart/mixed\r\n\r\n");
	for (i = 0; i < 500000; i++)
		text_add("--b\r\nx\r\n");
	text_run("no-boundary-guesses", 0, 0, NULL);

	text_fill('\0', 4 * MB);
	text_run("nuls", 0, LIMITS_ALL, NULL);

	text_fill('\n', 4 * MB);
	text_run("newlines", 0, 0, NULL);

	text_fill('\r', 4 * MB);
	text_run("carriage-returns", 0, LIMITS_ALL, NULL);
}

/* Encoded runs and containers, as many or as deep as there is room for. */
static void
runs(void)
{
	size_t	 i, n;

	text_add("\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("=ybegin line=1 name=x\r\nx\r\n");
	text_run("yenc-runs", LIMIT_PARTS, 0, NULL);

	text_add("\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("\r=ybegin ");
	text_run("yenc-beginnings-cr", 0, 0, NULL);

	text_add("\r\n=ybegin line=1\r\n");
	text_fill('=', 4 * MB);
	text_want = ANOMALY(A_YENC);
	text_run("yenc-equals", 0, 0, NULL);

	text_add("\r\n");
	for (i = 0; i < 200000; i++)
		text_add("begin 644 x\r\n1Oa\r\nend\r\n");
	text_run("xxencode-beginnings", 0, LIMIT_PARTS, NULL);

	text_add("\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("(This file must be converted\n:!!!!:\n");
	text_run("binhex-runs", LIMIT_PARTS, LIMIT_DECODED, NULL);

	text_add("\r\n");
	for (i = 0; i < 1000000; i++)
		text_add("(This file must be converted\r");
	text_run("binhex-beginnings", 0, 0, NULL);

	/* "!*-N" again and again is 90 ff and more: a bomb of runs. */
	text_add("\r\n(This file must be converted with\n:");
	for (i = 0; i < 1000000; i++)
		text_add("D2r$");
	text_want = ANOMALY(A_BINHEX) | ANOMALY(A_BAD_CONTAINER);
	text_run("binhex-bomb", 0, LIMITS_ALL, NULL);

	text_add("\r\n");
	for (i = 0; i < 300000; i++)
		text_add("-----BEGIN PGP SIGNED MESSAGE-----\r\n- x\r\n");
	text_run("pgp-beginnings", LIMIT_PARTS, LIMITS_ALL, NULL);

	text_add("\r\n");
	for (i = 0; i < 300000; i++)
		text_add("\r-----BEGIN PGP SIGNED MESSAGE-----");
	text_run("pgp-beginnings-cr", 0, LIMITS_ALL, NULL);

	text_add("\r\n-----BEGIN PGP SIGNED MESSAGE-----\n");
	for (i = 0; i < 3000; i++) {
		for (n = 0; n < i % 100; n++)
			text_add("- ");
		text_add("-----BEGIN PGP SIGNED MESSAGE-----\n");
	}
	text_run("pgp-escapes-nested", 0, LIMITS_ALL, NULL);
}

static void
tnef_head(void)
{
	text_add("Content-Type: application/octet-stream\r\n\r\n");
	text_add("\x78\x9f\x3e\x22\x01%c", 0);
}

static void
containers(void)
{
	static const char	 signed_data[] = "\x30\x80\x06\x09"
				    "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
				    "\xa0\x80\x30\x80\x02\x01\x01\x31";
	size_t			 i;

	tnef_head();
	for (i = 0; i < 100000; i++)
		text_add("\x02%c\x90\x06%c%c%c%c%c%c%c", 2, 0, 0, 0, 0, 0,
		    0, 0);
	text_want = ANOMALY(A_TNEF);
	text_run("tnef-attributes", 0, 0, NULL);

	tnef_head();
	for (i = 0; i < 100000; i++)
		text_add("\x02\x0f\x80\x06%c\x01%c%c%cx%c%c", 0, 0, 0, 0,
		    0, 0);
	text_run("tnef-attachments", LIMIT_PARTS, LIMITS_ALL, NULL);

	/* A list that promises four thousand million properties. */
	tnef_head();
	text_add("\x02\x05\x90\x06%c\xff\xff\xff\x7f\xff\xff\xff\xff", 0);
	for (i = 0; i < 1000000; i++)
		text_add("\x03%c\x01\x30%c%c%c%c", 0, 0, 0, 0, 0);
	text_want = ANOMALY(A_TNEF) | ANOMALY(A_BAD_CONTAINER);
	text_run("tnef-properties", 0, 0, NULL);

	tnef_head();
	for (i = 0; i < 100000; i++) {
		text_add("\x02\x0f\x80\x06%c\xff\xff\xff\x7f", 0);
		text_add("\x78\x9f\x3e\x22\x01%c", 0);
	}
	text_run("tnef-nested", LIMIT_DECODED, LIMITS_ALL, NULL);

	/* BER that opens and opens. */
	text_add("Content-Type: application/pkcs7-mime\r\n\r\n");
	for (i = 0; i < sizeof(signed_data) - 1; i++)
		text_fill(signed_data[i], 1);
	text_fill('\x80', 1);
	for (i = 0; i < 100000; i++)
		text_add("\x31\x80");
	text_want = ANOMALY(A_BAD_CONTAINER);
	text_run("ber-nested", 0, 0, NULL);

	text_add("Content-Type: application/pkcs7-mime\r\n\r\n");
	for (i = 0; i < sizeof(signed_data) - 1; i++)
		text_fill(signed_data[i], 1);
	text_fill(0, 1);
	text_add("\x30\x80\x06\x01\x01\xa0\x80");
	for (i = 0; i < 1000000; i++)
		text_add("\x24\x80");
	text_want = ANOMALY(A_BAD_CONTAINER);
	text_run("ber-pieces-nested", 0, 0, NULL);

	/* Entries that all are the whole file. */
	text_add("Content-Type: application/applefile\r\n\r\n%c\x05\x16"
	    "%c", 0, 0);
	text_fill(0, 20);
	text_add("\xff\xff");
	for (i = 0; i < 65535; i++)
		text_add("%c%c%c\x01%c%c%c%c%c%c\xff\xff", 0, 0, 0, 0, 0,
		    0, 0, 0, 0);
	text_run("apple-entries", LIMIT_PARTS, LIMITS_ALL, NULL);
}

static void
html(const char *pattern, size_t n)
{
	size_t	 i;

	text_add("Content-Type: text/html; charset=x\r\n\r\n<html>");
	for (i = 0; i < n; i++)
		text_add("%s", pattern);
}

/* What costs most to be read as text. */
static void
texts(void)
{
	static const char *const	 tags[] = {
		"<", "<a", "<a ", "<a b=\"", "<a b='\">", "<!--", "<!-->",
		"<![CDATA[", "</", "<script>", "<script></scrip",
		"<p style=\"display:none\">", "<p hidden></p>", "<a title=x>",
		"&", "&#", "&#x1f600", "&am", "&CounterClockwiseContour",
		"charset=", "\xb0\xa1", "<a href=\"&", "<textarea><title>",
		"<p style='d/*", "<style>", "<style>.a{display:none}",
		"<style></style>", "<a class=x>", "data:", "\"data:;base64,",
		"data:,data:a/b,", "=&#100;ata:", "\"d\nata:", "'data:\n",
		"x&#100;ata:a/b;", "\"&#100;&Tab;", "&#1;=&#1;", " &Tab;",
		" &#32;", "(&#100;ata:&#9;\n\n\n\n\n\n\n\n",
	};
	char				 name[80];
	size_t				 i, k;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		html(tags[i], 2 * MB / strlen(tags[i]));
		snprintf(name, sizeof(name), "html: %s", tags[i]);
		text_run(name, 0, 0, NULL);
	}
	text_add("Content-Type: text/plain\r\n\r\n");
	for (i = 0; i < MB; i++)
		text_add("%c%c", (int)(0xa1 + i % 90), (int)(i * 7 % 94) +
		    0xa1);
	text_run("undeclared-charset", 0, 0, NULL);

	multipart("b");
	for (i = 0; i < 9000; i++)
		text_add("--b\r\n\r\n\xb0\xa1\xc4\xe3 %zu\r\n", i);
	text_run("undeclared-charset-parts", 0, 0, NULL);

	for (i = 0; i < 1990; i++) {
		text_add("X%zu: ", i);
		for (k = 0; k < 60; k++)
			text_add("\xb0\xa1\xc4\xe3 ");
		text_add("\r\n");
	}
	text_run("undeclared-charset-fields", 0, 0, NULL);

	text_add("Content-Type: text/plain\r\n\r\n");
	/* AddressSanitizer looks at all that is left, for each iconv(3). */
	for (i = 0; i < MB / 4; i++)
		text_add("\x1b$B\x1b$)C");
	text_run("iso-2022-escapes", 0, 0, NULL);

	text_add("Content-Type: text/plain\r\n\r\n");
	for (i = 0; i < MB; i++)
		text_add("a \r\n");
	text_run("flowed", 0, 0, NULL);

	/* Not more: a sanitizer reads all that is left at each bad byte. */
	text_add("Content-Type: text/plain; charset=utf-7\r\n\r\n");
	for (i = 0; i < MB / 24; i++)
		text_add("+Z8-~{");
	text_run("utf-7-and-hz", 0, 0, NULL);

	text_add("Content-Type: text/plain; charset=gb18030\r\n\r\n");
	text_fill('\xff', MB / 4);
	text_run("bad-bytes", 0, 0, NULL);

	text_add("Content-Type: text/plain; charset=utf-16le\r\n\r\n");
	text_fill('\xd8', MB / 4);
	text_run("surrogates", 0, 0, NULL);
}

static void
sheets(void)
{
	size_t	 i;

	/* Names that are hidden, and as many uses. */
	text_add("Content-Type: text/html\r\n\r\n<style>");
	for (i = 0; i < 100000; i++)
		text_add(".a%zu,", i);
	text_add("{display:none}</style><p class='");
	for (i = 0; i < MB / 3; i++)
		text_add("x%zu ", i % 10);
	text_run("style-sheet-names", 0, 0, NULL);

	text_add("Content-Type: text/html\r\n\r\n<style>");
	for (i = 0; i < MB / 3; i++)
		text_add("d/*");
	text_add("*/{d/*");
	for (i = 0; i < MB / 3; i++)
		text_add("d/*");
	text_run("style-sheet-comments", 0, 0, NULL);

	text_add("Content-Type: text/html\r\n\r\n");
	for (i = 0; i < 100000; i++)
		text_add("<img src='data:a/b;base64,QUJD'>");
	text_run("data-uris", LIMIT_PARTS, LIMITS_ALL, NULL);

	text_add("Content-Type: text/html\r\n\r\n");
	for (i = 0; i < 100000; i++)
		text_add("<img src='data&colon;a/b;base64,QUJD'>");
	text_run("data-uris-spelt", LIMIT_PARTS, LIMITS_ALL, NULL);

	/* Six bytes each, and written with five. */
	text_add("Content-Type: text/html\r\n\r\n<a href='&#100;ata:a/b,");
	for (i = 0; i < 1000; i++)
		text_add("&nGt;");
	for (i = 0; i < 1000; i++)
		text_add("x");
	text_add("'>");
	text_run("data-uri-grows", 0, 0, NULL);
}

static void
budgets(void)
{
	struct mime_limits	 lim;
	size_t			 i;

	harness_limits(&lim, 0);
	lim.max_parts = 1;
	multipart("b");
	text_add("--b\r\n\r\nx\r\n--b--\r\n");
	text_run("one-part-allowed", LIMIT_PARTS, 0, &lim);

	lim.max_parts = 2;
	multipart("b");
	text_add("--b\r\n\r\nx\r\n--b--\r\n");
	text_run("two-parts-allowed", LIMIT_PARTS, 0, &lim);

	harness_limits(&lim, 0);
	lim.max_depth = 1;
	multipart("b");
	text_add("--b\r\n");
	multipart("c");
	text_add("--c\r\n\r\nx\r\n--c--\r\n--b--\r\n");
	text_run("depth-one-allowed", LIMIT_DEPTH, 0, &lim);

	harness_limits(&lim, 0);
	lim.max_decoded = 4096;
	text_add("Content-Transfer-Encoding: base64\r\n\r\n");
	text_fill('A', MB);
	text_run("small-budget", LIMIT_DECODED, 0, &lim);

	lim.max_decoded = 4096;
	multipart("b");
	for (i = 0; i < 1000; i++)
		text_add("--b\r\nContent-Type: text/x%zu; name=%zu\r\n\r\n",
		    i, i);
	text_run("small-budget-many-parts", LIMIT_PARTS, LIMIT_DECODED,
	    &lim);
}

int
main(void)
{
	structures();
	readings();
	headers();
	delimiters();
	runs();
	containers();
	texts();
	sheets();
	budgets();
	free(text);
	harness_end();
	return (harness_failed > 0);
}

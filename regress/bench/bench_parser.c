/* SPDX-License-Identifier: ISC */

/*
 * How fast messages are taken apart: parse, arena, seal, without the process
 * and its channels.
 *
 *	bench_parser [FILE ...]
 *
 * Prints a line for each message: microseconds of processor time a message,
 * MB a second.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "charset.h"
#include "decode.h"
#include "limits.h"
#include "mime.h"
#include "unpack.h"

#define BENCH_NS	1000000000ULL	/* how long each is repeated */

static struct mime	 mime;

static uint64_t	 now_ns(void);
static void	 bench(const char *, const void *, size_t);
static void	 bench_one(const char *, const void *, size_t, int);
static char	*mail_base64(size_t, size_t *);
static char	*mail_text(size_t, size_t *);
static char	*mail_two_levels(size_t, size_t *);
static char	*mail_attachments(unsigned int, size_t, size_t *);
static size_t	 base64_lines(char *, size_t);
static char	*mail_html(const char *, size_t, size_t *);
static void	 bench_html(void);
static void	 bench_file(const char *);

static uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

/* Without and with the texts that rules on content look at. */
static void
bench(const char *name, const void *data, size_t len)
{
	char	 text[128];

	bench_one(name, data, len, 0);
	snprintf(text, sizeof(text), "%s, text", name);
	bench_one(text, data, len, 1);
}

static void
bench_one(const char *name, const void *data, size_t len, int want_text)
{
	struct mime_limits	 lim;
	uint64_t		 start, spent, n, parse, t, size, anomalies;
	int			 fd;

	lim.max_parts = PARSE_PARTS_MAX;
	lim.max_depth = PARSE_DEPTH_MAX;
	lim.max_decoded = parts_budget(len, want_text);
	lim.want_text = want_text;
	parse = 0;
	start = now_ns();
	for (n = 0; (spent = now_ns() - start) < BENCH_NS; n++) {
		t = now_ns();
		if (mime_parse(&mime, data, len, &lim) == -1)
			err(1, "mime_parse");
		parse += now_ns() - t;
		fd = arena_seal(&mime.arena, &size, &anomalies);
		if (fd == -1)
			err(1, "arena_seal");
		close(fd);
	}
	printf("%-24s %9zu bytes %4u parts %9.1f us parse %9.1f us all "
	    "%7.0f MB/s\n", name, len, mime.arena.nparts,
	    (double)parse / 1000 / (double)n,
	    (double)spent / 1000 / (double)n,
	    (double)len * (double)n * 1000 / (double)spent);
}

/* n bytes of lines of 76 letters. */
static size_t
base64_lines(char *p, size_t n)
{
	static const char	 letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t			 i;

	n -= n % 78;
	for (i = 0; i < n; i++)
		p[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' :
		    letters[i * 7919 / 13 % 64];
	return (n);
}

static char *
mail_base64(size_t size, size_t *len)
{
	char	*p;
	int	 n;

	if ((p = malloc(size + 256)) == NULL)
		err(1, "malloc");
	n = snprintf(p, 256, "From: a@example.org\r\nSubject: x\r\n"
	    "Content-Type: application/pdf\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n");
	*len = (size_t)n + base64_lines(p + n, size);
	return (p);
}

static char *
mail_text(size_t size, size_t *len)
{
	char	*p;
	size_t	 i;
	int	 n;

	if ((p = malloc(size + 256)) == NULL)
		err(1, "malloc");
	n = snprintf(p, 256, "From: a@example.org\r\nSubject: x\r\n\r\n");
	for (i = (size_t)n; i < size; i++)
		p[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' :
		    i % 6 == 0 ? ' ' : (char)('a' + i * 7 % 26);
	*len = size;
	return (p);
}

static char *
mail_two_levels(size_t size, size_t *len)
{
	char	*p;
	size_t	 o;

	if ((p = malloc(size + 2048)) == NULL)
		err(1, "malloc");
	o = (size_t)snprintf(p, 2048, "Received: from a by b; today\r\n"
	    "From: =?utf-8?q?A?= <a@example.org>\r\nTo: b@example.org\r\n"
	    "Subject: =?utf-8?b?4oKs?= more\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"=_outer_1\"\r\n\r\n"
	    "This is a multi-part message in MIME format.\r\n"
	    "--=_outer_1\r\n"
	    "Content-Type: multipart/alternative; boundary=\"=_inner\"\r\n"
	    "\r\n--=_inner\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "\r\nhello\r\n--=_inner\r\nContent-Type: text/html\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	    "<p style=3D\"x\">hello</p>\r\n--=_inner--\r\n--=_outer_1\r\n"
	    "Content-Type: application/pdf; name=\"report.pdf\"\r\n"
	    "Content-Disposition: attachment; filename=\"report.pdf\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n");
	o += base64_lines(p + o, size - o);
	o += (size_t)snprintf(p + o, 64, "--=_outer_1--\r\n");
	*len = o;
	return (p);
}

static char *
mail_attachments(unsigned int count, size_t each, size_t *len)
{
	char		*p;
	size_t		 o;
	unsigned int	 i;

	if ((p = malloc(count * (each + 256) + 512)) == NULL)
		err(1, "malloc");
	o = (size_t)snprintf(p, 512, "Subject: x\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (i = 0; i < count; i++) {
		o += (size_t)snprintf(p + o, 256, "--b\r\nContent-Type: "
		    "application/x; name=a%u\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n", i);
		o += base64_lines(p + o, each);
	}
	o += (size_t)snprintf(p + o, 64, "--b--\r\n");
	*len = o;
	return (p);
}

/* HTML, once the ordinary way, and of one piece again and again. */
static char *
mail_html(const char *piece, size_t size, size_t *len)
{
	char	*p;
	size_t	 n, step;

	if ((p = malloc(size + 256)) == NULL)
		err(1, "malloc");
	n = (size_t)snprintf(p, 256, "From: a@example.org\r\nSubject: x\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n\r\n");
	step = strlen(piece);
	for (; n + step <= size; n += step)
		memcpy(p + n, piece, step);
	*len = n;
	return (p);
}

static void
bench_html(void)
{
	static const char *const piece[][2] = {
		{ "html-1m", "<tr><td class=\"a\" style=\"color: #333\"><p>"
		    "Our <b>offers</b> of the week &mdash; for you&nbsp;"
		    "only.</p><a href=\"https://example.org/x?a=1&amp;b=2\">"
		    "Read on</a></td></tr>\r\n" },
		{ "html <", "<" },
		{ "html &", "&" },
		{ "html &amp", "&amp" },
		{ "html <!--", "<!--" },
		{ "html attributes", "<a b=c d=e f='g' h=\"i\" j k l m n>" },
		{ "html open tags", "<div><span>" }
	};
	size_t	 i, len;
	char	*p;

	for (i = 0; i < sizeof(piece) / sizeof(piece[0]); i++) {
		p = mail_html(piece[i][1], 1 * MIB, &len);
		bench(piece[i][0], p, len);
		free(p);
	}
	/* One tag, with attributes without end. */
	p = mail_html(" b=c", 1 * MIB, &len);
	memcpy(strstr(p, "\r\n\r\n") + 4, "<a b", 4);
	bench("html one tag", p, len);
	free(p);
}

static void
bench_file(const char *path)
{
	char	*p;
	size_t	 len;
	FILE	*f;

	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	p = NULL;
	len = 0;
	/* To the end of the file: no message has a NUL. */
	if (getdelim(&p, &len, '\0', f) == -1)
		errx(1, "%s: empty", path);
	len = strlen(p);
	fclose(f);
	bench(path, p, len);
	free(p);
}

int
main(int argc, char *argv[])
{
	size_t	 len;
	char	*p;
	int	 i;

	decode_init();
	charset_init();
	unpack_init();
	if (argc > 1) {
		for (i = 1; i < argc; i++)
			bench_file(argv[i]);
		return (0);
	}
	p = mail_text(10240, &len);
	bench("text-10k", p, len);
	free(p);
	p = mail_two_levels(10240, &len);
	bench("two-levels-10k", p, len);
	free(p);
	p = mail_attachments(50, 2048, &len);
	bench("50-attachments-2k", p, len);
	free(p);
	p = mail_base64(1 * MIB, &len);
	bench("base64-1m", p, len);
	free(p);
	p = mail_base64(10 * MIB, &len);
	bench("base64-10m", p, len);
	free(p);
	p = mail_text(10 * MIB, &len);
	bench("text-10m", p, len);
	free(p);
	bench_html();
	return (0);
}

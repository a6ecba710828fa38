/* SPDX-License-Identifier: ISC */

/* ehlo.c: which of the server's promises reach the client. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void	 run(size_t);
static void	 test_full(void);
static void	 test_behind_others(void);
static void	 test_any_word(void);

static const struct {
	const char	*name;
	uint64_t	 max;		/* our message size; 0: 1 MiB */
	uint32_t	 starttls;
	const char	*in;
	const char	*out;
	unsigned int	 flags;
	unsigned int	 logged;
} table[] = {
	{ "greeting-only", 0, STARTTLS_WITHHOLD,
	    "250 mx.example at your service\r\n",
	    "250 mx.example at your service\r\n", 0, 0 },
	{ "code-only", 0, STARTTLS_WITHHOLD, "250\r\n", "250 \r\n", 0, 0 },
	{ "greeting-named-as-keyword", 0, STARTTLS_WITHHOLD,
	    "250-STARTTLS\r\n250 8BITMIME\r\n",
	    "250-STARTTLS\r\n250 8BITMIME\r\n", 0, 0 },
	{ "all-that-pass", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n"
	    "250-DELIVERBY 240\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
	    "250-HELP\r\n250-MT-PRIORITY MIXER\r\n250 SMTPUTF8\r\n",
	    "250-x\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n"
	    "250-DELIVERBY 240\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
	    "250-HELP\r\n250-MT-PRIORITY MIXER\r\n250 SMTPUTF8\r\n", 0, 0 },
	{ "all-that-do-not", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-XEXCH50\r\n250-ETRN\r\n250-BURL imap\r\n"
	    "250-XCLIENT NAME\r\n250-XFORWARD\r\n250-XEXCH50\r\n"
	    "250-X-EXPS GSSAPI\r\n250-X-ANONYMOUSTLS\r\n250-ETRN\r\n"
	    "250-ATRN\r\n250-EXPN\r\n250-VERB\r\n250-FUTURERELEASE\r\n"
	    "250-REQUIRETLS\r\n250-X-LIMITS RCPTMAX=1\r\n250 TURN\r\n",
	    "250 x\r\n", 0, 0 },
	{ "case-kept", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-8BitMime\r\n250 dsn\r\n",
	    "250-x\r\n250-8BitMime\r\n250 dsn\r\n", 0, 0 },
	{ "last-dropped", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-8BITMIME\r\n250 ETRN\r\n",
	    "250-x\r\n250 8BITMIME\r\n", 0, 0 },
	{ "first-dropped", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-ETRN\r\n250 8BITMIME\r\n",
	    "250-x\r\n250 8BITMIME\r\n", 0, 0 },
	{ "pipelining", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250 PIPELINING\r\n",
	    "250-x\r\n250 PIPELINING\r\n", SF_SERVER_PIPE, 0 },
	{ "chunking", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-CHUNKING\r\n250 BINARYMIME\r\n",
	    "250-x\r\n250-CHUNKING\r\n250 BINARYMIME\r\n",
	    SF_SERVER_CHUNK | SF_SERVER_BIN, 0 },
	{ "prdr", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-PRDR\r\n250 DSN\r\n",
	    "250-x\r\n250-PRDR\r\n250 DSN\r\n", SF_SERVER_PRDR, 0 },
	{ "size-larger", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE 2000\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-smaller", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE 999\r\n",
	    "250-x\r\n250 SIZE 999\r\n", 0, 0 },
	{ "size-equal", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE 1000\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-zero", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE 0\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-bare", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-blank", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE \r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	/* Must not be read on in the next line. */
	{ "size-blanks", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250-SIZE  \r\n250 8BITMIME\r\n",
	    "250-x\r\n250-8BITMIME\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-blanks-last", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE  \r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-overflow", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE 99999999999999999999999999\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-negative", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 SIZE -1\r\n",
	    "250-x\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-absent", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250 8BITMIME\r\n",
	    "250-x\r\n250 8BITMIME\r\n", 0, 0 },
	{ "size-in-the-middle", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250-SIZE 5000\r\n250 DSN\r\n",
	    "250-x\r\n250-DSN\r\n250 SIZE 1000\r\n", 0, 0 },
	{ "size-twice", 1000, STARTTLS_WITHHOLD,
	    "250-x\r\n250-SIZE 500\r\n250 SIZE 700\r\n",
	    "250-x\r\n250 SIZE 500\r\n", 0, 0 },
	{ "starttls-withheld", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-STARTTLS\r\n250 DSN\r\n",
	    "250-x\r\n250 DSN\r\n", SF_TLS_WITHHELD, 0 },
	{ "starttls-withheld-last", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-DSN\r\n250 starttls\r\n",
	    "250-x\r\n250 DSN\r\n", SF_TLS_WITHHELD, 0 },
	{ "starttls-passed", 0, STARTTLS_PASS,
	    "250-x\r\n250-STARTTLS\r\n250 DSN\r\n",
	    "250-x\r\n250-STARTTLS\r\n250 DSN\r\n", 0, 0 },
	{ "auth-equals", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-AUTH LOGIN\r\n250 AUTH=LOGIN\r\n",
	    "250-x\r\n250-AUTH LOGIN\r\n250 AUTH=LOGIN\r\n", 0, 0 },
	{ "prefix-of-keyword", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-STARTTL\r\n250-8BIT\r\n250 DS\r\n",
	    "250 x\r\n", 0, 0 },
	{ "longer-than-keyword", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-DSNX\r\n250 8BITMIME-X\r\n",
	    "250 x\r\n", 0, 0 },
	{ "tab-behind-keyword", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250 DSN\tCHUNKING\r\n", "250 x\r\n", 0, 0 },
	{ "blank-before-keyword", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250  CHUNKING\r\n", "250 x\r\n", 0, 0 },
	{ "empty-keyword", 0, STARTTLS_WITHHOLD,
	    "250-x\r\n250-\r\n250-\r\n250\r\n", "250 x\r\n", 0, 0 },
	{ "8-bit-greeting", 0, STARTTLS_WITHHOLD,
	    "250-\xc3\xa9\r\n250 DSN\r\n",
	    "250-\xc3\xa9\r\n250 DSN\r\n", 0, 0 },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
run(size_t i)
{
	struct session	*s;
	struct buf	 out;
	uint8_t		*in;
	char		 name[64];
	unsigned int	 flags;
	size_t		 len;
	int		 ret;

	snprintf(name, sizeof(name), "ehlo %s", table[i].name);
	s = unit_session();
	s->starttls = table[i].starttls;
	if (table[i].max != 0)
		s->conf->g.message_max = table[i].max;
	buf_init(&out, 65536);
	len = strlen(table[i].in);
	in = unit_exact(table[i].in, len);
	flags = 0;
	unit_logged = 0;
	ret = ehlo_filter(s, in, len, &out, &flags);
	if (ret != 0)
		unit_case(name, "returns %d", ret);
	else if (out.len != strlen(table[i].out) ||
	    memcmp(buf_ptr(&out), table[i].out, out.len) != 0)
		unit_case(name, "%s, not %s", unit_show(buf_ptr(&out),
		    out.len), unit_show(table[i].out, strlen(table[i].out)));
	else if (flags != table[i].flags)
		unit_case(name, "flags %#x, not %#x", flags, table[i].flags);
	else if (unit_logged != table[i].logged)
		unit_case(name, "%u log lines, not %u", unit_logged,
		    table[i].logged);
	else
		unit_case(name, NULL);
	free(in);
	buf_clear(&out);
	unit_session_free(s);
}

/* Every size of a buffer that is too small: -1, and no more than it holds. */
static void
test_full(void)
{
	static const char	 in[] = "250-x\r\n250-DSN\r\n250 SIZE 5\r\n";
	struct session		*s;
	struct buf		 out;
	unsigned int		 flags;
	size_t			 max, len;
	int			 ret, good;

	s = unit_session();
	len = sizeof(in) - 1;
	good = 1;
	for (max = 1; max <= len + 8 && good; max++) {
		buf_init(&out, max);
		flags = 0;
		ret = ehlo_filter(s, (const uint8_t *)in, len, &out, &flags);
		good = ret == (max < len ? -1 : 0) && out.len <= max;
		buf_clear(&out);
	}
	unit_case("full buffer", good ? NULL : "a buffer of %zu", max - 1);
	unit_session_free(s);
}

/* Replies that wait for the client in the same buffer stay as they are. */
static void
test_behind_others(void)
{
	static const char	 in[] = "250-x\r\n250-DSN\r\n250 ETRN\r\n";
	static const char	 want[] = "220-a\r\n220 b\r\n250-x\r\n"
				    "250 DSN\r\n";
	struct session		*s;
	struct buf		 out;
	unsigned int		 flags;
	int			 ret;

	s = unit_session();
	buf_init(&out, 4096);
	if (buf_add(&out, "gone\r\n220-a\r\n220 b\r\n", 20) == -1)
		abort();
	buf_drain(&out, 6);
	flags = 0;
	ret = ehlo_filter(s, (const uint8_t *)in, sizeof(in) - 1, &out,
	    &flags);
	unit_case("behind other replies", ret == 0 &&
	    out.len == sizeof(want) - 1 &&
	    memcmp(buf_ptr(&out), want, out.len) == 0 ? NULL : "%s",
	    unit_show(buf_ptr(&out), out.len));
	buf_clear(&out);
	unit_session_free(s);
}

/* No word of three letters passes but one: a list of what is allowed. */
static void
test_any_word(void)
{
	struct session	*s;
	struct buf	 out;
	char		 in[] = "250-x\r\n250 ???\r\n";
	unsigned int	 flags;
	int		 a, b, c, passed;

	s = unit_session();
	passed = 0;
	for (a = 'A'; a <= 'Z'; a++)
		for (b = 'A'; b <= 'Z'; b++)
			for (c = 'A'; c <= 'Z'; c++) {
				in[11] = (char)a;
				in[12] = (char)b;
				in[13] = (char)c;
				buf_init(&out, 4096);
				flags = 0;
				if (ehlo_filter(s, (uint8_t *)in,
				    sizeof(in) - 1, &out, &flags) == -1)
					abort();
				passed += out.len > 7;
				buf_clear(&out);
			}
	unit_case("words of three letters", passed == 1 ? NULL :
	    "%d pass, and not DSN alone", passed);
	unit_session_free(s);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < N(table); i++)
		run(i);
	test_full();
	test_behind_others();
	test_any_word();
	return (unit_status());
}

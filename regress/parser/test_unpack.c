/* SPDX-License-Identifier: ISC */

/*
 * The readers of encoded runs and containers, each by itself: on a good
 * input, and on each beginning of it, with room that is just too small, under
 * the eyes of the sanitizers.
 */

#include <stdlib.h>
#include <string.h>

#include "apple.h"
#include "binhex.h"
#include "cms.h"
#include "harness.h"
#include "lzfu.h"
#include "pgp.h"
#include "tnef.h"
#include "unpack.h"
#include "uu.h"
#include "yenc.h"

/* What came out of the last decoder. */
static uint8_t		 got[256];
static struct decoded	 dec;

static int	 gives(const char *);
static void	 by_uu(const uint8_t *, size_t, size_t);
static void	 by_yenc(const uint8_t *, size_t, size_t);
static void	 by_binhex(const uint8_t *, size_t, size_t);
static void	 by_lzfu(const uint8_t *, size_t, size_t);
static void	 by_cms(const uint8_t *, size_t, size_t);
static void	 by_pgp(const uint8_t *, size_t, size_t);
static void	 by_tnef(const uint8_t *, size_t, size_t);
static void	 by_apple(const uint8_t *, size_t, size_t);

#define BYTES(s)	(const uint8_t *)(s), sizeof(s) - 1

static const uint8_t	 tnef_file[] =
    "\x78\x9f\x3e\x22\x01\0"
    "\2\x02\x90\x06\0\2\0\0\0xx\0\0"
    "\2\x10\x80\x01\0\4\0\0\0e.c\0\0\0"
    "\2\x0f\x80\x06\0\5\0\0\0hello\0\0";
static const uint8_t	 cms_file[] =
    "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80"
    "\x30\x80\x02\x01\x01\x31\x00\x30\x80"
    "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80"
    "\x24\x80\x04\x02he\x24\x03\x04\x01l\x04\x02lo\0\0\0\0\0\0\0\0\0\0";
static const uint8_t	 apple_file[] =
    "\0\5\26\7\0\2\0\0................\0\1"
    "\0\0\0\1\0\0\0\x26\0\0\0\5hello";
static const uint8_t	 lzfu_file[] =
    "\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\3\0\x0a\0rcpg125B\x32\x0a"
    "\xf3 hel\x09\0 bw\5\xb0ld}\x0a\x80\x0f\xa0";

static const struct {
	const char	*name;
	void		(*run)(const uint8_t *, size_t, size_t);
	const uint8_t	*in;
	size_t		 len;
	const char	*want;
} cases[] = {
	{ "uuencode", by_uu,
	    BYTES("begin 644 x\r\n%:&5L;&\\\r\n`\r\nend\r\n"), "hello" },
	{ "xxencode", by_uu,
	    BYTES("begin 644 x\r\n3O4JgP4w+\r\n+\r\nend\r\n"), "hello" },
	{ "yenc", by_yenc,
	    BYTES("=ybegin line=9 name=x\r\n=ypart begin=1\r\n"
	    "\x92\x8f=\xd6\x96\r\n\x99\r\n=yend size=5\r\n"), "hello" },
	{ "binhex", by_binhex,
	    BYTES("(This file must be converted with BinHex 4.0)\r\n\r\n"
	    ":!AJ!9%9B9(4dH(3!!!!!!!8!!!!!!!\"SC@aXE`!!!!!:\r\n"),
	    "hello" },
	{ "lzfu", by_lzfu, BYTES(lzfu_file),
	    "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n" },
	{ "cms", by_cms, BYTES(cms_file), "hello" },
	{ "pgp", by_pgp,
	    BYTES("-----BEGIN PGP SIGNED MESSAGE-----\n- he\n- - llo\n"
	    "-----BEGIN PGP SIGNATURE-----\n"), "he\n- llo\n" },
	{ "tnef", by_tnef, BYTES(tnef_file), "hello" },
	{ "apple", by_apple, BYTES(apple_file), "hello" },
};

#define NCASES	(sizeof(cases) / sizeof(cases[0]))

static int
gives(const char *want)
{
	return (dec.len == strlen(want) && memcmp(got, want, dec.len) == 0);
}

static void
by_uu(const uint8_t *p, size_t len, size_t cap)
{
	struct uu_run	 run;

	if (uu_at(p, p + len, &run))
		uu_decode(run.data, p + len, run.form, got, cap, &dec);
}

static void
by_yenc(const uint8_t *p, size_t len, size_t cap)
{
	struct yenc_run	 run;

	if (yenc_at(p, p + len, &run))
		yenc_decode(run.data, p + len, got, cap, &dec);
}

static void
by_binhex(const uint8_t *p, size_t len, size_t cap)
{
	const uint8_t	*data;
	struct binhex	 b;
	size_t		 i;

	if ((data = binhex_at(p, p + len)) == NULL)
		return;
	/* The head counts for nothing here. */
	binhex_decode(data, p + len, got, cap < 200 ? cap + 25 : cap, &dec);
	if (!binhex_split(got, dec.len, &b))
		dec.bad = 1;
	for (i = 0; i < b.data_len; i++)
		got[i] = b.data[i];
	dec.len = b.data_len;
}

static void
by_lzfu(const uint8_t *p, size_t len, size_t cap)
{
	memset(&dec, 0, sizeof(dec));
	dec.len = dec.stop = lzfu_decode(p, len, got, cap, &dec.bad,
	    &dec.full);
}

static void
by_cms(const uint8_t *p, size_t len, size_t cap)
{
	struct cms	 c;

	if (cms_open(p, len, &c) && c.content != NULL)
		cms_content(&c, got, cap, &dec);
}

static void
by_pgp(const uint8_t *p, size_t len, size_t cap)
{
	const uint8_t	*text;

	if (pgp_at(p, p + len, &text) == PGP_CLEAR)
		pgp_clear(text, p + len, &text, got, cap, &dec);
}

static void
by_tnef(const uint8_t *p, size_t len, size_t cap)
{
	struct tnef_item	 it;
	struct tnef		 t;

	if (!tnef_open(&t, p, len))
		return;
	while (tnef_next(&t, &it)) {
		if (it.kind != TNEF_DATA)
			continue;
		dec.full = it.len > cap;
		dec.len = dec.full ? cap : it.len;
		memcpy(got, it.p, dec.len);
	}
	dec.bad = t.bad;
}

static void
by_apple(const uint8_t *p, size_t len, size_t cap)
{
	const uint8_t	*q;
	size_t		 i, n;

	if (!apple_is(p, len))
		return;
	for (i = 0; i < apple_count(p, len); i++) {
		if (apple_entry(p, len, i, &q, &n) != APPLE_DATA)
			continue;
		dec.full = n > cap;
		dec.len = dec.full ? cap : n;
		memcpy(got, q, dec.len);
	}
}

/* Each beginning, in memory of exactly its size. */
static void
beginnings(unsigned int i)
{
	uint8_t	*copy;
	size_t	 n, cap;

	for (n = 1; n < cases[i].len; n++) {
		if ((copy = malloc(n)) == NULL)
			abort();
		memcpy(copy, cases[i].in, n);
		memset(&dec, 0, sizeof(dec));
		cases[i].run(copy, n, sizeof(got));
		free(copy);
	}
	cap = strlen(cases[i].want) - 1;
	memset(&dec, 0, sizeof(dec));
	cases[i].run(cases[i].in, cases[i].len, cap);
	harness_case(cases[i].name, i == 3 || (dec.len <= cap && dec.full),
	    "no room, and nobody was told");
}

int
main(void)
{
	unsigned int	 i;

	decode_init();
	unpack_init();
	for (i = 0; i < NCASES; i++) {
		memset(&dec, 0, sizeof(dec));
		cases[i].run(cases[i].in, cases[i].len, sizeof(got));
		harness_case(cases[i].name, gives(cases[i].want) && !dec.bad,
		    "other bytes");
		beginnings(i);
	}
	return (harness_failed > 0);
}

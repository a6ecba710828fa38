/* SPDX-License-Identifier: ISC */

/*
 * The normal form: every disguise of a word is that word, and what differs
 * for a reader stays different.
 */

#include <stdlib.h>
#include <string.h>

#include "normal.h"

#include "../common/unit.h"

struct pair {
	const char	*name;
	const char	*in;
	const char	*out;
};

static const struct pair	 pairs[] = {
	{ "ascii", "Hello, World 42!", "hello, world 42!" },
	{ "white space is one blank", "a \t\r\n b", "a b" },
	{ "no blank at the begin", "  \r\n a", "a" },
	{ "no-break and ideographic blanks",
	    "a\xc2\xa0" "b\xe3\x80\x80" "c\xe2\x80\xa8" "d", "a b c d" },
	{ "full width", "\xef\xbc\xb3\xef\xbd\x85\xef\xbd\x83", "sec" },
	{ "ligature", "e\xef\xac\x83" "cient", "efficient" },
	{ "sharp s, both", "stra\xc3\x9f" "e STRA\xe1\xba\x9e" "E",
	    "strasse strasse" },
	{ "circled", "\xe2\x93\xa2\xe2\x93\x94\xe2\x93\x92", "sec" },
	{ "mathematical bold", "\xf0\x9d\x90\xac\xf0\x9d\x90\x9e", "se" },
	{ "mathematical script", "\xf0\x9d\x93\xae\xf0\x9d\x93\xac", "ec" },
	{ "regional indicators", "\xf0\x9f\x87\xb8\xf0\x9f\x87\xaa", "se" },
	{ "negative squared", "\xf0\x9f\x85\xb0", "a" },
	{ "superscript digits", "x\xc2\xb2\xe2\x81\xb4", "x24" },
	{ "fraction", "\xc2\xbd", "1/2" },
	{ "arabic digits are not letters", "\xd9\xa1", "\xd9\xa1" },
	{ "accents, composed", "S\xc3\xa9" "cr\xc3\xa9t", "secret" },
	{ "accents, combining", "Se\xcc\x81" "cre\xcc\x81t", "secret" },
	{ "a tower of marks", "s\xcc\xb5\xcd\xa1\xcc\x81" "e", "se" },
	{ "zero width", "s\xe2\x80\x8b" "e\xe2\x80\x8d" "c\xef\xbb\xbf" "r",
	    "secr" },
	{ "soft hyphen", "sec\xc2\xad" "ret", "secret" },
	{ "bidi controls", "\xe2\x80\xae" "se\xe2\x81\xa6" "c\xe2\x80\xac",
	    "sec" },
	{ "variation selectors", "s\xef\xb8\x8f" "e\xf3\xa0\x84\x80" "c",
	    "sec" },
	{ "tags", "s\xf3\xa0\x81\xa1" "e", "se" },
	{ "word joiner and graphem joiner", "s\xe2\x81\xa0" "e\xcd\x8f" "c",
	    "sec" },
	{ "cyrillic look-alikes",
	    "\xd1\x95\xd0\xb5\xd1\x81r\xd0\xb5t", "secret" },
	{ "cyrillic, upper case",
	    "\xd0\x85\xd0\x95\xd0\xa1R\xd0\x95\xd0\xa2", "secret" },
	{ "greek look-alikes", "\xce\xbf\xce\xbd\xce\xb5r", "over" },
	{ "kana, half width, voiced", "\xef\xbd\xb6\xef\xbe\x9e\xef\xbe\x8a"
	    "\xef\xbe\x9f", "\xe3\x82\xac\xe3\x83\x91" },
	{ "kana, voiced by a combining mark", "\xe3\x81\x8b\xe3\x82\x99",
	    "\xe3\x81\x8c" },
	{ "kana, voiced is not unvoiced", "\xe3\x81\x8c\xe3\x81\x8b",
	    "\xe3\x81\x8c\xe3\x81\x8b" },
	{ "hangul from letters", "\xe1\x84\x80\xe1\x85\xb5\xe1\x84\x86"
	    "\xe1\x85\xb5\xe1\x86\xaf", "\xea\xb8\xb0\xeb\xb0\x80" },
	{ "hangul with a blank", "\xea\xb8\xb0\xeb\xb0\x80 "
	    "\xeb\xac\xb8\xec\x84\x9c",
	    "\xea\xb8\xb0\xeb\xb0\x80\xeb\xac\xb8\xec\x84\x9c" },
	{ "han across a line", "\xe6\x9c\xba\r\n  \xe5\xaf\x86",
	    "\xe6\x9c\xba\xe5\xaf\x86" },
	{ "han beside latin keeps the blank", "\xe6\x9c\xba a",
	    "\xe6\x9c\xba a" },
	{ "compatibility ideograph", "\xef\xa4\x80", "\xe8\xb1\x88" },
	{ "radical", "\xe2\xbc\x80", "\xe4\xb8\x80" },
	{ "arabic points and tatweel", "\xd8\xb3\xd9\x90\xd8\xb1\xd9\x80"
	    "\xd9\x91\xd9\x8a", "\xd8\xb3\xd8\xb1\xd9\x8a" },
	{ "arabic presentation forms", "\xef\xba\xb3\xef\xba\xae",
	    "\xd8\xb3\xd8\xb1" },
	{ "hebrew points", "\xd7\xa9\xd6\xb8\xd7\x81\xd7\x9c",
	    "\xd7\xa9\xd7\x9c" },
	{ "devanagari vowels stay", "\xe0\xa4\x95\xe0\xa4\xbf",
	    "\xe0\xa4\x95\xe0\xa4\xbf" },
	{ "thai vowels stay", "\xe0\xb8\x81\xe0\xb8\xb4",
	    "\xe0\xb8\x81\xe0\xb8\xb4" },
	{ "broken byte", "a\xff" "b", "a\xef\xbf\xbd" "b" },
	{ "overlong", "a\xc0\xaf" "b", "a\xef\xbf\xbd\xef\xbf\xbd" "b" },
	{ "surrogate", "\xed\xa0\x80",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "cut at the end", "a\xe6\x9c", "a\xef\xbf\xbd\xef\xbf\xbd" },
	{ "nothing", "", "" },
	{ "all of it unseen", "\xe2\x80\x8b\xe2\x80\x8b", "" },
};

static int
is_normal(const char *in, size_t inlen, const char *out)
{
	struct normal	 n;
	size_t		 used;
	int		 ok;

	if (normal_init(&n, inlen * NORMAL_GROWTH) == -1)
		return (0);
	used = normal_make(&n, (const uint8_t *)in, inlen);
	ok = used == inlen && n.len == strlen(out) &&
	    memcmp(n.out, out, n.len) == 0;
	if (!ok)
		printf("# got \"%.*s\"\n", (int)n.len, (const char *)n.out);
	normal_free(&n);
	return (ok);
}

/* The normal form of a normal form is itself, for every character. */
static void
test_stable(void)
{
	struct normal	 a, b;
	uint8_t		 in[4];
	uint32_t	 c, bad, grown;
	size_t		 len;

	if (normal_init(&a, 64) == -1 || normal_init(&b, 256) == -1)
		abort();
	bad = grown = 0;
	for (c = 0x80; c < 0x110000 && bad == 0; c++) {
		if (c >= 0xd800 && c < 0xe000)
			continue;
		if (c < 0x800) {
			in[0] = (uint8_t)(0xc0 | c >> 6);
			len = 2;
		} else if (c < 0x10000) {
			in[0] = (uint8_t)(0xe0 | c >> 12);
			in[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			len = 3;
		} else {
			in[0] = (uint8_t)(0xf0 | c >> 18);
			in[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
			in[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			len = 4;
		}
		in[len - 1] = (uint8_t)(0x80 | (c & 0x3f));
		normal_make(&a, in, len);
		grown += a.len > len * NORMAL_GROWTH;
		normal_make(&b, a.out, a.len);
		if (a.len != b.len || memcmp(a.out, b.out, a.len) != 0)
			bad = c;
	}
	if (bad != 0)
		printf("# U+%04X: \"%.*s\" \"%.*s\"\n", bad, (int)a.len,
		    (const char *)a.out, (int)b.len, (const char *)b.out);
	CASE("each character: twice is once", bad == 0);
	CASE("each character: growth", grown == 0);
	normal_free(&a);
	normal_free(&b);
}

/* Places never go back, and are near what they stand for. */
static void
test_place(void)
{
	struct normal	 n;
	char		 in[4096];
	size_t		 i, at, before;
	int		 ok;

	/* Each letter has one invisible character of three bytes behind it. */
	for (i = 0; i < sizeof(in); i += 4)
		memcpy(in + i, "x\xe2\x80\x8b", 4);
	if (normal_init(&n, sizeof(in)) == -1)
		abort();
	normal_make(&n, (const uint8_t *)in, sizeof(in));
	ok = n.len == sizeof(in) / 4;
	before = 0;
	for (i = 0; i < n.len; i++) {
		at = normal_place(&n, i);
		if (at < before || at > i * 4 ||
		    i * 4 - at > (size_t)NORMAL_STEP * 4)
			ok = 0;
		before = at;
	}
	CASE("places", ok);
	normal_free(&n);
}

/* A room that is too small is no reason to read or write beyond it. */
static void
test_room(void)
{
	struct normal	 n;
	char		 in[30000];
	size_t		 i, used;

	/* One character of three bytes that becomes eighteen letters. */
	for (i = 0; i + 3 <= sizeof(in); i += 3)
		memcpy(in + i, "\xef\xb7\xba", 3);
	if (normal_init(&n, 1000) == -1)
		abort();
	used = normal_make(&n, (const uint8_t *)in, sizeof(in));
	CASE("room: comes in pieces", used > 0 && used < sizeof(in) &&
	    used % 3 == 0 && n.len <= n.cap);
	normal_free(&n);
}

/* ASCII is taken eight bytes at a time: the same as one byte at a time. */
static void
test_eight(void)
{
	static const char	 few[] = "  aZ@[`{~\x7f\x1f\n\t";
	struct normal		 whole, single;
	uint32_t		 seed;
	uint8_t			 in[64];
	size_t			 i, len, bad;
	unsigned int		 round;

	if (normal_init(&whole, sizeof(in)) == -1 ||
	    normal_init(&single, sizeof(in)) == -1)
		abort();
	seed = 1;
	bad = 0;
	for (round = 0; round < 100000; round++) {
		seed = seed * 1664525U + 1013904223U;
		len = seed >> 24 & 63;
		for (i = 0; i < len; i++) {
			seed = seed * 1664525U + 1013904223U;
			in[i] = (seed >> 12 & 7) == 0 ? (uint8_t)
			    few[(seed >> 20) % (sizeof(few) - 1)] :
			    (uint8_t)(seed >> 24 & 0x7f);
			if ((round & 1) != 0 && in[i] <= 0x20)
				in[i] = 'B';
		}
		normal_make(&whole, in, len);
		normal_begin(&single);
		for (i = 0; i < len; i++)
			normal_add(&single, in + i, 1);
		bad += whole.len != single.len || memcmp(whole.out,
		    single.out, whole.len) != 0 || whole.last.c !=
		    single.last.c || whole.last.blank != single.last.blank;
	}
	CASE("eight bytes at a time", bad == 0);
	normal_free(&whole);
	normal_free(&single);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		CASE(pairs[i].name, is_normal(pairs[i].in,
		    strlen(pairs[i].in), pairs[i].out));
	CASE("NUL is not the end", is_normal("a\0b", 3, "ab"));
	test_stable();
	test_place();
	test_room();
	test_eight();
	return (unit_failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * The text of whole messages: whatever charset it is in, declared, wrongly
 * declared or not declared, the words are in one of the texts that the
 * parser gives, in the normal form in which they are looked for.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "limits.h"
#include "normal.h"

struct test {
	const char	*name;
	const char	*type;		/* Content-Type */
	const char	*body;
	size_t		 len;
	const char	*want;		/* words, in UTF-8 */
};

#define B(s)	(s), sizeof(s) - 1
#define TEXT(cs) "text/plain; charset=" cs
/* Secret in Chinese, simplified and traditional, in Korean, Japanese. */
#define JIMI_S	"\xe6\x9c\xba\xe5\xaf\x86"
#define JIMI_T	"\xe6\xa9\x9f\xe5\xaf\x86"
#define GIMIL	"\xea\xb8\xb0\xeb\xb0\x80"
#define HIMITSU	"\xe7\xa7\x98\xe5\xaf\x86"
#define SEKRET	"\xd1\x81\xd0\xb5\xd0\xba\xd1\x80\xd0\xb5\xd1\x82"

static const struct test	 tests[] = {
	{ "us-ascii", TEXT("us-ascii"), B("a secret b"), "secret" },
	{ "utf-8", TEXT("utf-8"), B("a " JIMI_S), JIMI_S },
	{ "utf-8, not declared", "text/plain", B("a " JIMI_S), JIMI_S },
	{ "utf-8 with a mark", TEXT("utf-8"), B("\xef\xbb\xbfsecret"),
	    "secret" },
	{ "utf-8, declared as another", TEXT("big5"), B("a " JIMI_S),
	    JIMI_S },
	{ "charset in upper case and quotes", TEXT("\"GB2312\""),
	    B("\xbb\xfa\xc3\xdc"), JIMI_S },
	{ "gb2312", TEXT("gb2312"), B("\xbb\xfa\xc3\xdc"), JIMI_S },
	{ "gbk", TEXT("gbk"), B("\x99\x43\xc3\xdc"), JIMI_T },
	{ "cp936", TEXT("cp936"), B("\xbb\xfa\xc3\xdc"), JIMI_S },
	{ "gb18030, four bytes", TEXT("gb18030"),
	    B("\x95\x32\x82\x36"), "\xf0\xa0\x80\x80" },
	{ "big5", TEXT("big5"), B("\xbe\xf7\xb1\x4b"), JIMI_T },
	{ "cp950", TEXT("cp950"), B("\xbe\xf7\xb1\x4b"), JIMI_T },
	{ "euc-tw", TEXT("euc-tw"), B("\xf1\xa2\xd9\xef"), JIMI_T },
	{ "euc-kr", TEXT("euc-kr"), B("\xb1\xe2\xb9\xd0"), GIMIL },
	{ "ks_c_5601-1987", TEXT("ks_c_5601-1987"), B("\xb1\xe2\xb9\xd0"),
	    GIMIL },
	{ "cp949, beyond euc-kr", TEXT("cp949"), B("\x8c\x63\xb9\xe6"),
	    "\xeb\x98\xa0\xeb\xb0\xa9" },
	{ "johab", TEXT("johab"), B("\x8b\xa1\xa3\xa9"), GIMIL },
	{ "shift_jis", TEXT("shift_jis"), B("\x94\xe9\x96\xa7"), HIMITSU },
	{ "euc-jp", TEXT("euc-jp"), B("\xc8\xeb\xcc\xa9"), HIMITSU },
	{ "iso-2022-jp", TEXT("iso-2022-jp"),
	    B("a \x1b$BHkL)\x1b(B b"), HIMITSU },
	{ "iso-2022-jp, not declared", "text/plain",
	    B("a \x1b$BHkL)\x1b(B b"), HIMITSU },
	{ "iso-2022-jp, wrongly declared", TEXT("us-ascii"),
	    B("a \x1b$BHkL)\x1b(B b"), HIMITSU },
	{ "iso-2022-jp-2, Chinese in it", TEXT("iso-2022-jp-2"),
	    B("a \x1b$A;zC\\\x1b(B b"), JIMI_S },
	{ "iso-2022-jp-3", TEXT("iso-2022-jp-3"),
	    B("a \x1b$BHkL)\x1b(B b"), HIMITSU },
	{ "iso-2022-kr", TEXT("iso-2022-kr"),
	    B("\x1b$)C\x0e" "1b9P\x0f"), GIMIL },
	{ "iso-2022-kr, not declared", "text/plain",
	    B("\x1b$)C\x0e" "1b9P\x0f"), GIMIL },
	{ "iso-2022-cn", TEXT("iso-2022-cn"),
	    B("\x1b$)A\x0e;zC\\\x0f"), JIMI_S },
	{ "hz", TEXT("hz-gb-2312"), B("a ~{;zC\\~} b"), JIMI_S },
	{ "hz, not declared", "text/plain", B("a ~{;zC\\~} b"), JIMI_S },
	{ "hz, across a line", TEXT("hz-gb-2312"), B("~{;z~\n~{C\\~}"),
	    JIMI_S },
	{ "hz, a byte beyond ASCII in it", TEXT("hz-gb-2312"),
	    B("\xff ~{;zC\\~} b"), JIMI_S },
	{ "iso-2022-jp, not declared, a byte beyond ASCII in it",
	    "text/plain", B("\xc3\xa9 \x1b$BHkL)\x1b(B b"), HIMITSU },
	{ "utf-7", TEXT("utf-7"), B("a +Zzpbxg- b"), JIMI_S },
	{ "utf-7, letters", TEXT("utf-7"), B("se+AGM-ret"), "secret" },
	{ "utf-16 with a mark", TEXT("utf-16"),
	    B("\xfe\xff" "g:[\xc6"), JIMI_S },
	{ "utf-16 with a mark, little", TEXT("utf-16"),
	    B("\xff\xfe:g\xc6["), JIMI_S },
	{ "utf-16 with a mark, not declared", "text/plain",
	    B("\xff\xfes\0e\0c\0r\0e\0t\0"), "secret" },
	{ "utf-16be", TEXT("utf-16be"), B("g:[\xc6"), JIMI_S },
	{ "utf-16le", TEXT("utf-16le"), B(":g\xc6["), JIMI_S },
	{ "utf-16 without a mark", TEXT("utf-16"), B("g:[\xc6"), JIMI_S },
	{ "utf-16 without a mark, little", TEXT("utf-16"), B(":g\xc6["),
	    JIMI_S },
	{ "utf-16be, all of it ASCII", TEXT("utf-16be"), B("N-e\x07"),
	    "\xe4\xb8\xad\xe6\x94\x87" },
	{ "unicode, as some call it", TEXT("unicode"), B("N-e\x07"),
	    "\xe4\xb8\xad\xe6\x94\x87" },
	{ "utf-32 with a mark", TEXT("utf-32"),
	    B("\0\0\xfe\xff\0\0g:\0\0[\xc6"), JIMI_S },
	{ "utf-32le", TEXT("utf-32le"), B(":g\0\0\xc6[\0\0"), JIMI_S },
	{ "utf-32be, all of it ASCII", TEXT("utf-32be"),
	    B("\0\0N-\0\0e\x07"), "\xe4\xb8\xad\xe6\x94\x87" },
	{ "utf-32 without a mark", TEXT("utf-32"), B("\0\0g:\0\0[\xc6"),
	    JIMI_S },
	{ "iso-8859-1", TEXT("iso-8859-1"), B("\xfc" "ber"), "uber" },
	{ "iso-8859-5", TEXT("iso-8859-5"),
	    B("\xe1\xd5\xda\xe0\xd5\xe2"), SEKRET },
	{ "windows-1251", TEXT("windows-1251"),
	    B("\xf1\xe5\xea\xf0\xe5\xf2"), SEKRET },
	{ "koi8-r", TEXT("koi8-r"), B("\xd3\xc5\xcb\xd2\xc5\xd4"), SEKRET },
	{ "ibm866", TEXT("ibm866"), B("\xe1\xa5\xaa\xe0\xa5\xe2"), SEKRET },
	/* Nobody says what it is. */
	{ "guess: gbk", "text/plain", B("\xbb\xfa\xc3\xdc"), JIMI_S },
	{ "guess: big5", "text/plain", B("\xbe\xf7\xb1\x4b"), JIMI_T },
	{ "guess: euc-kr", "text/plain", B("\xb1\xe2\xb9\xd0"), GIMIL },
	{ "guess: shift_jis", "text/plain", B("\x94\xe9\x96\xa7"), HIMITSU },
	{ "guess: euc-jp", "text/plain", B("\xc8\xeb\xcc\xa9"), HIMITSU },
	{ "guess: windows-1251", "text/plain",
	    B("\xf1\xe5\xea\xf0\xe5\xf2"), SEKRET },
	{ "guess: koi8-r", "text/plain", B("\xd3\xc5\xcb\xd2\xc5\xd4"),
	    SEKRET },
	{ "guess: unknown charset", TEXT("x-no-such"), B("\xbb\xfa\xc3\xdc"),
	    JIMI_S },
	{ "guess: declared us-ascii", TEXT("us-ascii"),
	    B("\xbb\xfa\xc3\xdc"), JIMI_S },
	{ "guess: declared utf-8", TEXT("utf-8"), B("\xbb\xfa\xc3\xdc"),
	    JIMI_S },
	{ "guess: declared wrongly", TEXT("iso-2022-jp"),
	    B("\xbb\xfa\xc3\xdc"), JIMI_S },
	/* What cannot be converted is no end of it. */
	{ "bad byte: utf-8", TEXT("utf-8"), B("\xff secret " JIMI_S),
	    JIMI_S },
	{ "bad byte: gb2312", TEXT("gb2312"), B("\xff\xff \xbb\xfa\xc3\xdc"),
	    JIMI_S },
	{ "bad byte: iso-2022-jp", TEXT("iso-2022-jp"),
	    B("\x1b$BHk\xff" "L)HkL)\x1b(B"), HIMITSU },
	{ "bad byte: iso-2022-kr", TEXT("iso-2022-kr"),
	    B("\x1b$)C\x0e\xff" "1b9P\x0f"), GIMIL },
	{ "bad byte: utf-16", TEXT("utf-16be"), B("\xdc\0g:[\xc6"),
	    JIMI_S },
	{ "bad byte: utf-16 with a mark", TEXT("utf-16"),
	    B("\xfe\xff\xdc\0g:[\xc6"), JIMI_S },
	{ "bad byte: utf-32", TEXT("utf-32be"),
	    B("\xff\xff\xff\xff\0\0g:\0\0[\xc6"), JIMI_S },
	{ "bad byte: utf-7", TEXT("utf-7"), B("\xff +Zzpbxg- b"), JIMI_S },
	/* A mark is a claim, too. */
	{ "mark before ASCII", TEXT("us-ascii"), B("\xff\xfesecret"),
	    "secret" },
	{ "mark before gb2312", TEXT("gb2312"),
	    B("\xfe\xff\xbb\xfa\xc3\xdc"), JIMI_S },
	/* HTML. */
	{ "html", "text/html", B("sec<b>re</b>t"), "secret" },
	{ "html, gb2312", "text/html; charset=gb2312",
	    B("\xbb\xfa<i></i>\xc3\xdc"), JIMI_S },
	{ "html, meta", "text/html", B("<meta charset=koi8-r>"
	    "\xd3\xc5\xcb<!-- -->\xd2\xc5\xd4"), SEKRET },
	{ "html, utf-16", "text/html; charset=utf-16le",
	    B("s\0e\0<\0b\0>\0c\0r\0e\0t\0"), "secret" },
	{ "html, references", "text/html", B("&#26426;&#x5bc6"), JIMI_S },
	{ "html, hidden", "text/html",
	    B("a<p style='display:none'>secret</p>b"), "secret" },
	{ "html as plain text is shown with comments", "text/plain",
	    B("<html><!-- secret -->"), "secret" },
	{ "html as plain text may be shown by a browser", "text/plain",
	    B("<HtMl>sec<b>ret"), "secret" },
	{ "html by its beginning", "application/octet-stream",
	    B("<!doctype HTML>sec<b>ret"), "secret" },
	/* Lines. */
	{ "flowed", "text/plain; format=flowed; delsp=yes",
	    B("sec \r\nret"), "secret" },
	{ "flowed, in lines of LF", "text/plain; format=flowed; delsp=yes",
	    B("sec \nret"), "secret" },
	{ "Chinese across a line", TEXT("gb2312"),
	    B("\xbb\xfa\r\n\xc3\xdc"), JIMI_S },
	{ "soft hyphen", TEXT("iso-8859-1"), B("sec\xadret"), "secret" },
	/* Text by another name. */
	{ "text in octet-stream", "application/octet-stream",
	    B("a secret b"), "secret" },
	{ "type unknown", "x/y", B("a " JIMI_S), JIMI_S },
};

/* Fields, as they stand. */
static const struct test	 fields[] = {
	{ "subject", "", B("Subject: a secret b"), "secret" },
	{ "subject, folded", "", B("Subject: a\r\n secret b"), "a secret" },
	{ "subject, encoded", "", B("Subject: =?gb2312?B?u/rD3A==?="),
	    JIMI_S },
	{ "subject, encoded in two", "",
	    B("Subject: =?gb2312?B?u/o=?= =?gb2312?B?w9w=?="), JIMI_S },
	{ "subject, a character in two words", "",
	    B("Subject: =?gb2312?B?u/rD?= =?gb2312?B?3A==?="), JIMI_S },
	{ "subject, Q", "", B("Subject: =?koi8-r?Q?=D3=C5=CB=D2=C5=D4?="),
	    SEKRET },
	{ "subject, 8 bit", "", B("Subject: \xbb\xfa\xc3\xdc"), JIMI_S },
	{ "subject, UTF-8", "", B("Subject: " JIMI_S), JIMI_S },
	{ "from", "", B("From: \"secret\" <a@b>"), "secret" },
	{ "cc, folded name", "", B("CC : a@b,\r\n\tsecret <c@d>"), "secret" },
	{ "another, with its name", "", B("X-Foo: secret"), "x-foo: secret" },
};

/* Is it there, in the normal form? */
static int
has(const struct parsed *p, const char *want)
{
	struct normal	 a, b;
	const uint8_t	*text;
	uint32_t	 i;
	size_t		 len;
	int		 found;

	if (normal_init(&b, strlen(want) * NORMAL_GROWTH) == -1)
		abort();
	normal_make(&b, (const uint8_t *)want, strlen(want));
	found = 0;
	for (i = 0; i < p->parts.head->ntexts && !found; i++) {
		text = parts_text(&p->parts, i, &len);
		if (normal_init(&a, len * NORMAL_GROWTH) == -1)
			abort();
		normal_make(&a, text, len);
		found = memmem(a.out, a.len, b.out, b.len) != NULL;
		if (getenv("VERBOSE") != NULL)
			printf("# %u %x \"%.*s\"\n", p->parts.text[i].scope,
			    p->parts.text[i].flags, (int)a.len,
			    (const char *)a.out);
		normal_free(&a);
	}
	normal_free(&b);
	return (found);
}

static void
parse(struct parsed *p, const void *msg, size_t len, uint64_t room)
{
	struct mime_limits	 lim;

	harness_limits(&lim, len);
	lim.want_text = 1;
	lim.max_decoded += len * PARSE_TEXT_FACTOR;
	if (room > 0)
		lim.max_decoded = room;
	harness_parse(p, msg, len, &lim);
}

static void
check(const struct test *t, int is_field)
{
	struct parsed	 p;
	char		 msg[1024];
	size_t		 n;

	if (is_field)
		n = 0;
	else
		n = (size_t)snprintf(msg, sizeof(msg),
		    "Content-Type: %s\r\n\r\n", t->type);
	if (n + t->len + 4 > sizeof(msg))
		abort();
	memcpy(msg + n, t->body, t->len);
	n += t->len;
	if (is_field) {
		memcpy(msg + n, "\r\n\r\n", 4);
		n += 4;
	}
	parse(&p, msg, n, 0);
	harness_case(t->name, has(&p, t->want) &&
	    p.parts.head->limits == 0, "it is not there");
	harness_close(&p);
}

/* Which text it is of, and what its flags say. */
static void
flags(const char *name, const char *msg, unsigned int scope,
    unsigned int must, unsigned int mustnot, const char *want)
{
	struct parsed	 p;
	const uint8_t	*text;
	uint32_t	 i;
	size_t		 len;
	int		 found;

	parse(&p, msg, strlen(msg), 0);
	found = 0;
	for (i = 0; i < p.parts.head->ntexts; i++) {
		text = parts_text(&p.parts, i, &len);
		if (p.parts.text[i].scope == scope &&
		    (p.parts.text[i].flags & must) == must &&
		    (p.parts.text[i].flags & mustnot) == 0 &&
		    memmem(text, len, want, strlen(want)) != NULL)
			found = 1;
	}
	harness_case(name, found, "it is not there, or something else");
	harness_close(&p);
}

static void
test_flags(void)
{
	flags("scope: subject", "Subject: abc\r\n\r\n", TEXT_SUBJECT, 0,
	    TEXT_FLAGS_ALL & ~TEXT_ARENA, "abc");
	flags("scope: sender", "From: abc\r\n\r\n", TEXT_SENDER, 0,
	    TEXT_ALTERNATE, "abc");
	flags("scope: recipient", "To: abc\r\n\r\n", TEXT_RECIPIENT, 0,
	    TEXT_ALTERNATE, "abc");
	flags("scope: header", "X-Y: abc\r\n\r\n", TEXT_HEADER, 0,
	    TEXT_ALTERNATE, "X-Y: abc");
	flags("scope: name", "Content-Type: a/b; name=abc\r\n\r\n\x01",
	    TEXT_NAME, 0, TEXT_ALTERNATE, "abc");
	flags("scope: subject of a message in a message",
	    "Content-Type: message/rfc822\r\n\r\nSubject: abc\r\n\r\n",
	    TEXT_SUBJECT, 0, TEXT_HIDDEN, "abc");
	flags("flags: text as it stands lies in the message",
	    "X: y\r\n\r\nabc", TEXT_PLAIN, 0, TEXT_FLAGS_ALL, "abc");
	flags("flags: a guess is one", "X: y\r\n\r\n\xbb\xfa\xc3\xdc",
	    TEXT_PLAIN, TEXT_GUESSED | TEXT_ALTERNATE, 0, JIMI_S);
	flags("flags: what was declared is none",
	    "Content-Type: text/plain; charset=gbk\r\n\r\n\xbb\xfa\xc3\xdc",
	    TEXT_PLAIN, 0, TEXT_GUESSED | TEXT_ALTERNATE, JIMI_S);
	flags("flags: hidden", "Content-Type: text/html\r\n\r\n"
	    "<a title=abc>", TEXT_HTML, TEXT_HIDDEN, 0, "abc");
	flags("flags: shown", "Content-Type: text/html\r\n\r\n"
	    "a<b>b</b>c", TEXT_HTML, 0, TEXT_HIDDEN, "abc");
}

/* Where text has no room that is said. */
static void
test_room(void)
{
	struct parsed	 p;
	char		 msg[60000];
	size_t		 n;

	n = (size_t)snprintf(msg, sizeof(msg),
	    "Content-Type: text/plain; charset=gbk\r\n\r\n");
	memset(msg + n, 0xb0, sizeof(msg) - n);
	parse(&p, msg, sizeof(msg), 8192);
	harness_case("room: too small", (p.parts.head->limits & LIMIT_TEXT)
	    != 0, "nobody says so");
	harness_close(&p);
	/* An eighth is kept for the tables, so these are no limit here. */
	n = (size_t)snprintf(msg, sizeof(msg), "Subject: ");
	memset(msg + n, 'x', sizeof(msg) - n);
	parse(&p, msg, sizeof(msg), 65536);
	harness_case("room: too small for a field",
	    (p.parts.head->limits & LIMIT_TEXT) != 0, "nobody says so");
	harness_close(&p);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		check(&tests[i], 0);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		check(&fields[i], 1);
	test_flags();
	test_room();
	harness_end();
	return (harness_failed > 0);
}

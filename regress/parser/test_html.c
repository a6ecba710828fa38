/* SPDX-License-Identifier: ISC */

/*
 * HTML as text: what a person reads is there in one piece, what is put between
 * its letters is elsewhere, and nothing is lost without saying so.
 */

#include <stdlib.h>
#include <string.h>

#include "html.h"

#include "../common/unit.h"

struct test {
	const char	*name;
	const char	*in;
	const char	*shown;
	const char	*hidden;
};

static const struct test	 tests[] = {
	{ "no tags", "a b", "a b", "" },
	{ "tag inside of a word", "sec<b>re</b>t", "secret", "" },
	{ "tag with attributes", "sec<font color=\"red\" size=1>ret", "secret",
	    "" },
	{ "unknown tag", "sec<x:y-z>ret</x:y-z>", "secret", "" },
	{ "wbr is none", "sec<wbr>ret", "secret", "" },
	{ "upper case", "sec<SPAN>ret</SPAN>", "secret", "" },
	{ "blocks are blanks", "a<br>b<p>c</p>d<td>e", "a b c d e", "" },
	{ "block in upper case", "a<BR/>b", "a b", "" },
	{ "end tag with attributes", "sec</b title=x>ret", "secret", "" },
	{ "empty end tag", "a</>b", "a</>b", "" },
	{ "less-than is text", "1 < 2 <3", "1 < 2 <3", "" },
	{ "> in a quoted attribute", "sec<b x=\"a>b\" y='>'>ret", "secret",
	    "" },
	{ "> ends an unquoted one", "a<b x=y>c", "ac", "" },
	{ "NUL is no end", "a<b>\x01</b>c", "a\x01" "c", "" },
	{ "deep", "<i><i><i><i>a</i></i>b", "ab", "" },
	{ "text of title", "<title>a</title>b", " a b", "" },
	{ "noscript is read", "<noscript>a</noscript>b", "ab", "" },
	/* Character references. */
	{ "decimal", "s&#101;c", "sec", "" },
	{ "decimal without semicolon", "s&#101c", "sec", "" },
	{ "hexadecimal", "s&#x65;c&#X72;", "secr", "" },
	{ "hexadecimal without semicolon", "s&#x65 c", "se c", "" },
	{ "leading zeros", "s&#0000000000000000000000101;c", "sec", "" },
	{ "beyond Unicode", "&#99999999999999;&#x110000;",
	    "\xef\xbf\xbd\xef\xbf\xbd", "" },
	{ "zero and surrogate", "&#0;&#xd800;", "\xef\xbf\xbd\xef\xbf\xbd",
	    "" },
	{ "windows-1252", "&#128;&#x99;", "\xe2\x82\xac\xe2\x84\xa2", "" },
	{ "beyond the BMP", "&#x1f600;", "\xf0\x9f\x98\x80", "" },
	{ "named", "a&amp;b&lt;c&gt;", "a&b<c>", "" },
	{ "named without semicolon", "a&ampb &eacutet", "a&b \xc3\xa9t", "" },
	{ "longest match", "&notin; &notit;", "\xe2\x88\x89 \xc2\xacit;",
	    "" },
	{ "long name", "&CounterClockwiseContourIntegral;", "\xe2\x88\xb3",
	    "" },
	{ "unknown name", "a&foo;b&;c&", "a&foo;b&;c&", "" },
	{ "only with semicolon", "&Tab &Tab;", "&Tab \t", "" },
	{ "no digits", "&#;&#x;&#", "&#;&#x;&#", "" },
	{ "made of references is no tag", "&lt;b&gt;", "<b>", "" },
	{ "soft hyphen", "sec&shy;ret", "sec\xc2\xadret", "" },
	/* Comments and the like. */
	{ "comment inside of a word", "sec<!-- x -->ret", "secret", "" },
	{ "comment with tags", "a<!-- <b> > -- -->b", "ab", "" },
	{ "shortest comments", "a<!-->b<!--->c<!---->d", "abcd", "" },
	{ "comment, odd end", "a<!-- x --!>b", "ab", "" },
	{ "comment with both ends", "a<!-- --!>b-->c", "ab-->c", "" },
	{ "comment without end", "a<!-- b", "a", "" },
	{ "comment without anything", "a<!--", "a", "" },
	{ "declaration", "a<!DOCTYPE x>b<?xml y?>c", "abc", "" },
	{ "declaration without end", "a<!x", "a", "" },
	{ "CDATA", "a<![CDATA[x>b", "ab", "" },
	{ "conditional comment is read apart",
	    "sec<!--[if mso]>x<b>y</b><![endif]-->ret", "secret", "\nxy" },
	{ "conditional comment, the others'",
	    "<!--[if !mso]><!-->secret<!--<![endif]-->", "secret", "\n" },
	{ "conditional comment without end", "a<!--[if mso]>b", "a", "\nb" },
	{ "conditional comments in each other",
	    "<!--[if a]><!--[if b]>x<![endif]-->y", "y", "\n" },
	/* Elements with text of their own kind. */
	{ "script", "a<script>b<c</script>d", "ad", "" },
	{ "script, end in upper case", "a<script>b</SCRIPT >d", "ad", "" },
	{ "script without end", "a<script>b", "a", "" },
	{ "style", "sec<style>p{x:'<p>'}</style>ret", "secret", "" },
	{ "script, no end of it", "a<script></scrip>b</script>c", "ac", "" },
	{ "xmp is shown as it is", "a<xmp>b<c>&amp;</xmp>d", "ab<c>&amp;d",
	    "" },
	{ "plaintext has no end", "a<plaintext>b</plaintext><!--c",
	    "ab</plaintext><!--c", "" },
	/* Hidden elements. */
	{ "hidden inside of a word",
	    "sec<span style=\"display:none\">xx</span>ret", "secret", "\nxx" },
	{ "hidden, blanks and case",
	    "a<i STYLE='DISPLAY : \n NONE'>x</i>b", "ab", "\nx" },
	{ "hidden, a comment in the style",
	    "a<i style='display/**/:/*x*/none'>x</i>b", "ab", "\nx" },
	{ "hidden by attribute", "a<i hidden>x</i>b", "ab", "\nx" },
	{ "hidden by size", "a<i style='font-size:0px'>x</i>b", "ab", "\nx" },
	{ "not hidden by size", "a<i style='font-size:0.9em'>x</i>b", "axb",
	    "" },
	{ "hidden by opacity", "a<i style='opacity:0'>x</i>b", "ab", "\nx" },
	{ "hidden by opacity, more behind it",
	    "a<i style='opacity:0 !important'>x</i>b", "ab", "\nx" },
	{ "not hidden by opacity", "a<i style='opacity:0.5'>x</i>b", "axb",
	    "" },
	{ "hidden, others in it", "a<i hidden>x<b>y</b>z</i>b", "ab",
	    "\nxyz" },
	{ "hidden blocks break no line", "a<div hidden>x<p>y</div>b", "ab",
	    "\nx y " },
	{ "hidden, the same in it",
	    "a<i hidden>x<i>y</i>z</i>b", "ab", "\nxyz" },
	{ "hidden without end", "a<i hidden>x", "a", "\nx" },
	{ "void elements hide nothing", "a<img hidden>b<wbr hidden>c", "abc",
	    "" },
	{ "sheet: a class", "<style>.x{display:none}</style>a<i class=x>y</i>b",
	    "ab", "\ny" },
	{ "sheet: one of several classes",
	    "<style>.x { Display : None }</style>a<i class=' v X w'>y</i>b",
	    "ab", "\ny" },
	{ "sheet: an id", "<style>#x{opacity:0}</style>a<i id=x>y</i>b",
	    "ab", "\ny" },
	{ "sheet: an element", "<style>u{font-size:0}</style>a<u>y</u>b",
	    "ab", "\ny" },
	{ "sheet: several selectors",
	    "<style>p,.v,td > .x:hover{visibility:hidden}</style>"
	    "a<i class=x>y</i><i class=v>z</i>b", "ab", "\ny\nz" },
	{ "sheet: behind the text",
	    "a<i class=x>y</i>b<STYLE type='a'>.x{display:none}</style>",
	    "ab", "\ny" },
	{ "sheet: second rule, comments",
	    "<style><!-- .v{color:red}/*}*/.x{dis/* */play:none}--></style>"
	    "a<i class=x>y</i>b", "ab", "\ny" },
	{ "sheet: for some windows",
	    "<style>@media print{.x{display:none}.v{top:0}}</style>"
	    "a<i class=x>y</i>b", "ayb", "" },
	{ "sheet: after one for some windows",
	    "<style>@import 'a';@media print{p{top:0}}.x{display:none}</style>"
	    "a<i class=x>y</i>b", "ab", "\ny" },
	{ "sheet: another class",
	    "<style>.x{display:none}</style>a<i class=xx>y</i><x id=x>z</x>b",
	    "ayzb", "" },
	{ "sheet: nothing hidden", "<style>.x{display:block}</style>"
	    "a<i class=x>y</i>b", "ayb", "" },
	{ "sheet: not closed", "a<i class=x>y</i>b<style>.x{display:none",
	    "ab", "\ny" },
	{ "attribute of an end tag", "a</i hidden>b", "ab", "" },
	/* Attributes that are read. */
	{ "alt", "a<img alt=\"b &amp; c\">d", "a d", "\nb & c" },
	{ "title", "a<b title='x'>c", "ac", "\nx" },
	{ "href", "<a href=http://x/y?a=b&amp;c>z</a>", "z",
	    "\nhttp://x/y?a=b&c" },
	{ "href, parameters are no references", "<a href='?a&copy=b'>", "",
	    "\n?a&copy=b" },
	{ "href with tabs around", "<a\thref\n=\r\"x\">", "", "\nx" },
	{ "data URI", "<img src=\"data:text/html,<b>x</b>\">", " ",
	    "\ndata:text/html,<b>x</b>" },
	{ "meta", "<meta name=a content='b'>", "", "\nb" },
	{ "no blank between attributes", "<a title=\"x\"href=\"y\">", "",
	    "\nx\ny" },
	{ "slash between attributes", "<a/title=x/href=y>", "", "\nx/href=y" },
	{ "not read", "<a class=x id=y data-z=w>", "", "" },
	/* Unterminated. */
	{ "tag", "a<b", "a", "" },
	{ "tag with attribute", "a<b title", "a", "" },
	{ "tag with value", "a<b title=x", "a", "\nx" },
	{ "tag with quote", "a<b title=\"x>y", "a", "\nx>y" },
	{ "tag with equals", "a<b title=", "a", "" },
	{ "only <", "<", "<", "" },
	{ "only </", "</", "</", "" },
	{ "only <!", "<!", "", "" },
	{ "only <!-", "<!-", "", "" },
	{ "only &#x", "&#x", "&#x", "" },
	{ "nothing", "", "", "" },
};

static int
is(const struct html_out *o, const char *want)
{
	if (o->len == strlen(want) && memcmp(o->buf, want, o->len) == 0)
		return (1);
	printf("# got \"%.*s\"\n", (int)o->len, (const char *)o->buf);
	return (0);
}

/* All input and output have a watched end. */
static void
run(const uint8_t *in, size_t len, struct html_out *shown,
    struct html_out *hidden, size_t cap)
{
	struct css	 css;
	uint8_t		*copy;

	copy = malloc(len);
	memset(shown, 0, sizeof(*shown));
	memset(hidden, 0, sizeof(*hidden));
	shown->cap = hidden->cap = cap;
	shown->buf = malloc(cap);
	hidden->buf = malloc(cap);
	if (copy == NULL || shown->buf == NULL || hidden->buf == NULL)
		abort();
	memcpy(copy, in, len);
	html_sheets(copy, len, &css);
	html_text(copy, len, &css, shown, hidden);
	free(copy);
}

static void
done(struct html_out *shown, struct html_out *hidden)
{
	free(shown->buf);
	free(hidden->buf);
}

static void
test_table(void)
{
	struct html_out	 shown, hidden;
	const char	*why;
	size_t		 i, n;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		n = strlen(tests[i].in);
		run((const uint8_t *)tests[i].in, n, &shown, &hidden,
		    2 * n + 64);
		why = !is(&shown, tests[i].shown) ? "shown" :
		    !is(&hidden, tests[i].hidden) ? "hidden" :
		    shown.full || hidden.full ? "full" : NULL;
		unit_case(tests[i].name, why);
		done(&shown, &hidden);
	}
}

/* Whatever has no room is missed. */
static void
test_room(void)
{
	static const char	 in[] = "abc<b title=def>&eacute;<br>";
	struct html_out		 shown, hidden;
	size_t			 cap;
	int			 ok;

	ok = 1;
	for (cap = 0; cap < 10; cap++) {
		run((const uint8_t *)in, sizeof(in) - 1, &shown, &hidden,
		    cap);
		if (shown.len > cap || hidden.len > cap ||
		    shown.full != (cap < 6) || hidden.full != (cap < 4))
			ok = 0;
		done(&shown, &hidden);
	}
	CASE("room: what has none is told", ok);
}

/* A style that hides is not out of sight behind others. */
static void
test_long_style(void)
{
	struct html_out	 shown, hidden;
	char		 in[4096];

	snprintf(in, sizeof(in), "sec<i style=\"%*s;x:%01500d;display:none\">"
	    "y</i>ret", 1500, "color:red", 0);
	run((const uint8_t *)in, strlen(in), &shown, &hidden, sizeof(in));
	CASE("hidden by the end of a long style", is(&shown, "secret") &&
	    is(&hidden, "\ny"));
	done(&shown, &hidden);
}

static int
charset_is(const char *in, const char *want)
{
	const char	*cs;
	size_t		 n;

	n = 0;
	cs = html_charset((const uint8_t *)in, strlen(in), &n);
	if (cs == NULL || want == NULL)
		return (cs == NULL && want == NULL);
	return (n == strlen(want) && memcmp(cs, want, n) == 0);
}

static void
test_charset(void)
{
	char	 far[2048];

	CASE("charset: meta", charset_is("<meta charset=gbk>", "gbk"));
	CASE("charset: quoted", charset_is("<META CHARSET=\"Big5\"/>", "Big5"));
	CASE("charset: of a content", charset_is("<meta http-equiv='x' "
	    "content='text/html; charset=euc-kr; x'>", "euc-kr"));
	CASE("charset: none", charset_is("<meta charset>", NULL));
	CASE("charset: empty", charset_is("<meta charset=\"\">", NULL));
	CASE("charset: at the end", charset_is("<meta charset=", NULL));
	snprintf(far, sizeof(far), "%*s<meta charset=gbk>", 1100, "");
	CASE("charset: not further than browsers look", charset_is(far,
	    NULL));
}

int
main(void)
{
	test_table();
	test_room();
	test_long_style();
	test_charset();
	return (unit_failed);
}

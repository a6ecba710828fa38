/* SPDX-License-Identifier: ISC */

/*
 * Expressions: they match in the normal form what was meant; what nobody can
 * have meant is none; and a text that matches has one of the pieces, since it
 * is not looked at otherwise.
 */

#include <stdlib.h>
#include <string.h>

#include "expr.h"
#include "normal.h"

#include "../common/unit.h"

struct test {
	const char	*expr;
	const char	*text;
	unsigned int	 errors;
	int		 match;
};

static const struct test	 tests[] = {
	{ "secret", "a Secret b", 0, 1 },
	{ "SECRET", "a secret b", 0, 1 },
	{ "secret", "secre t", 0, 0 },
	{ "pro(ject|duct) x[0-9]+", "Product X12", 0, 1 },
	{ "abc*d", "abd", 0, 1 },
	{ "abcd?", "abc", 0, 1 },
	{ "abcd{0,2}", "abc", 0, 1 },
	{ "abc|def", "xdefx", 0, 1 },
	{ "(abc)?def", "def", 0, 1 },
	{ "a\\.b\\*c", "a.b*c", 0, 1 },
	{ "\\<word\\>", "a word b", 0, 1 },
	{ "\\<word\\>", "swords", 0, 0 },
	{ "id\\d{4}", "id 1234 ID1234", 0, 1 },
	/* Brackets, and what in them is no end of them. */
	{ "[]x]foo", "]foo", 0, 1 },
	{ "[^]x]foo", "afoo", 0, 1 },
	{ "[[:digit:]xyz]foo", "1foo", 0, 1 },
	{ "[[:digit:]xyz]+foo", "zfoo", 0, 1 },
	{ "[[:upper:]]foo", "Afoo", 0, 1 },
	{ "[a|b]foo", "|foo", 0, 1 },
	{ "[A-Z]{3}-[0-9]{4}", "ABC-1234", 0, 1 },
	{ "[A-_]foo", "Zfoo", 0, 1 },
	{ "[Z-a]foo", "zfoo", 0, 1 },
	{ "[-a]foo", "-foo", 0, 1 },
	{ "[a-]foo", "-foo", 0, 1 },
	{ "[-^]foo", "^foo", 0, 1 },
	{ "[-^]foo", "xfoo", 0, 0 },
	{ "[^^]foo", "xfoo", 0, 1 },
	{ "[+--]foo", ",foo", 0, 1 },
	{ "[+--]foo", "-foo", 0, 1 },
	{ "[--0]foo", ".foo", 0, 1 },
	{ "[]-a]foo", "]foo", 0, 1 },
	{ "[]-a]foo", "_foo", 0, 1 },
	{ "[]-a]foo", "bfoo", 0, 0 },
	{ "[[^-a]foo", "afoo", 0, 1 },
	{ "[[^-a]foo", "^foo", 0, 1 },
	{ "[[^-a]foo", "[foo", 0, 1 },
	{ "[[^-a]foo", "xfoo", 0, 0 },
	{ "[-^-a]foo", "`foo", 0, 1 },
	{ "[-^-a]foo", "xfoo", 0, 0 },
	{ "[]^-a]foo", "xfoo", 0, 0 },
	{ "[]^[-]foo", "[foo", 0, 1 },
	{ "[]^[-]foo", "xfoo", 0, 0 },
	{ "[[-]foo", "[foo", 0, 1 },
	{ "[[-^]foo", "\\foo", 0, 1 },
	{ "[[-^]foo", "xfoo", 0, 0 },
	{ "[a[]foo", "[foo", 0, 1 },
	{ "[[a:]foo", ":foo", 0, 1 },
	{ "[[a:]foo", "[foo", 0, 1 },
	{ "[[-^:]foo", ":foo", 0, 1 },
	{ "[[:alpha:][:digit:]]foo", "1foo", 0, 1 },
	{ "[[:alpha:]-]foo", "-foo", 0, 1 },
	{ "[^[:alpha:]]foo", "afoo", 0, 0 },
	/* What a full-width sign becomes has its place, too. */
	{ "[a\xef\xbc\xbd]foo", "]foo", 0, 1 },
	{ "[a\xef\xbc\xbd]foo", "xfoo", 0, 0 },
	{ "[\xef\xbc\xbe\xef\xbc\x8d]foo", "^foo", 0, 1 },
	{ "[\xef\xbc\xbe\xef\xbc\x8d]foo", "xfoo", 0, 0 },
	{ "[\xef\xbc\xbb:]foo", "[foo", 0, 1 },
	{ "[^A-Z]foo", "xfoo", 0, 0 },
	/* Cyrillic, some of which the normal form writes as Latin. */
	{ "[\xd0\xb0-\xd1\x8f]{4}x", "\xd0\xb3\xd0\xb4\xd0\xb5\xd0\xb6x",
	    0, 1 },
	{ "[\xd0\x90-\xd0\xaf]{4}x", "\xd0\xb3\xd0\xb4\xd0\xb5\xd0\xb6x",
	    0, 1 },
	{ "[\xd0\xbe-\xd1\x81]foo", "\xd0\xbe" "foo", 0, 1 },
	{ "\xd1\x81\xd0\xb5\xd0\xba\xd1\x80\xd0\xb5\xd1\x82\xd0\xbd+\xd0\xbe",
	    "\xd0\xa1\xd0\x95\xd0\x9a\xd0\xa0\xd0\x95\xd0\xa2\xd0\x9d"
	    "\xd0\x9e", 0, 1 },
	/* Full-width signs stand for themselves. */
	{ "\xef\xbc\x88" "abc\xef\xbc\x89", "(abc)", 0, 1 },
	{ "\xef\xbc\x88" "abc", "(abc", 0, 1 },
	{ "abc\xef\xbc\x8a", "abc*", 0, 1 },
	{ "[\xef\xbc\xbd]foo", "a", 0, 0 },
	/* One that becomes two. */
	{ "stra\xc3\x9f+e", "STRASSE", 0, 1 },
	/* Two that are one: kana with a mark, Hangul from its letters. */
	{ "\xe3\x81\x8b\xe3\x82\x99\xe3\x81\x8f",
	    "\xe3\x81\x8c\xe3\x81\x8f", 0, 1 },
	{ "\xe1\x84\x80\xe1\x85\xb5\xe1\x86\xab", "\xea\xb8\xb4", 0, 1 },
	{ "\xe3\x83\x88\xe3\x82\x9b", "\xe3\x83\x89", 0, 1 },
	{ "\xe3\x82\x9b", "\xe3\x82\x99", 0, 1 },
	/* Blanks. */
	{ "top  secret", "top \n secret", 0, 1 },
	{ "top\\tsecret", "top\tsecret", 0, 1 },
	{ "\xe6\x9c\xba\xe5\xaf\x86 \xe6\x96\x87\xe4\xbb\xb6",
	    "\xe6\x9c\xba\xe5\xaf\x86\n\xe6\x96\x87\xe4\xbb\xb6", 0, 1 },
	{ "\xe6\x9c\xba\xe5\xaf\x86.*\xe6\x96\x87",
	    "\xe6\x9c\xba\xe5\xaf\x86\xe7\x9a\x84\xe6\x96\x87", 0, 1 },
	{ "to\xe2\x80\x8bp", "top", 0, 1 },
	/* Escapes and flags of TRE. */
	{ "\\x53ecret", "secret", 0, 1 },
	{ "\\x{53}ecret", "secret", 0, 1 },
	{ "\\QA.B*\\Ec", "a.b*c", 0, 1 },
	{ "\\QA.B*\\Ec", "axbc", 0, 0 },
	{ "\\Q(\\E(a)", "(a", 0, 1 },
	{ "\\Qa*b\\E", "a*b", 0, 1 },
	{ "\\Qstra\xc3\x9f\\E+e", "strasssse", 0, 1 },
	{ "top\\Q\xe2\x80\x8b*\\Esecret", "top*secret", 0, 1 },
	{ "\\Kick", "kick", 0, 1 },
	{ "(?U)abc+", "ABC", 0, 1 },
	{ "(?i)abc", "ABC", 0, 1 },
	{ "\\S\\W\\Dx", "a--x", 0, 1 },
	/* Long ones. */
	{ "begin.{0,250}end", "begin aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    " end", 0, 1 },
	/* Misspelt. */
	{ "confidential", "CONFIDENTIAL", 1, 1 },
	{ "confidential", "confidencial", 1, 1 },
	{ "confidential", "c0nfidentlal", 2, 1 },
	{ "confidential", "confidntial", 1, 1 },
	{ "confidential", "confiidential", 1, 1 },
	{ "confidential", "konfidencial", 1, 0 },
	{ "Confidential", "confidence", 2, 0 },
	{ "a.b*c(d", "a.b*c[d", 1, 1 },
	{ "a.b*c(d", "aXXXXcd", 1, 0 },
	{ "\xec\xa3\xbc\xeb\xaf\xbc\xeb\x93\xb1\xeb\xa1\x9d",
	    "\xec\xa3\xbc\xeb\xaf\xbc\xeb\x95\xa1\xeb\xa1\x9d", 1, 1 },
};

static int
has_piece(const struct expr *e, const uint8_t *text, size_t len)
{
	const char	*piece[EXPR_PIECES];
	unsigned int	 i, n;

	n = expr_pieces(e, piece);
	for (i = 0; i < n; i++)
		if (memmem(text, len, piece[i], strlen(piece[i])) != NULL)
			return (1);
	return (n == 0);
}

static const char *
try(const struct test *t)
{
	struct normal	 n;
	struct expr	*e;
	const char	*why;
	size_t		 at;
	int		 failed, match, has;

	e = expr_new((const uint8_t *)t->expr, strlen(t->expr), t->errors);
	if (e == NULL)
		return ("does not compile");
	if (normal_init(&n, strlen(t->text) * NORMAL_GROWTH) == -1)
		abort();
	normal_make(&n, (const uint8_t *)t->text, strlen(t->text));
	failed = 0;
	match = expr_match(e, n.out, n.len, 0, &at, &failed);
	has = has_piece(e, n.out, n.len);
	why = failed ? "no memory" : match != t->match ? "match" :
	    match && !has ? "matches, but has no piece" : NULL;
	normal_free(&n);
	expr_free(e);
	return (why);
}

static unsigned int
npieces(const char *s, unsigned int errors, char *first, size_t size)
{
	const char	*piece[EXPR_PIECES];
	struct expr	*e;
	unsigned int	 n;

	first[0] = '\0';
	if ((e = expr_new((const uint8_t *)s, strlen(s), errors)) == NULL)
		return (99);
	if ((n = expr_pieces(e, piece)) > 0)
		snprintf(first, size, "%s", piece[0]);
	expr_free(e);
	return (n);
}

static void
test_pieces(void)
{
	char	 s[256];

	CASE("piece: the longest", npieces("ab.secret[0-9]xy", 0, s,
	    sizeof(s)) == 1 && strcmp(s, "secret") == 0);
	CASE("piece: none in an alternative", npieces("abc|def", 0, s,
	    sizeof(s)) == 0);
	CASE("piece: not of a class", npieces("[[:digit:]abcdef]xyz", 0, s,
	    sizeof(s)) == 1 && strcmp(s, "xyz") == 0);
	CASE("piece: not what is optional", npieces("abcd*", 0, s,
	    sizeof(s)) == 1 && strcmp(s, "abc") == 0);
	CASE("piece: too short ones are none", npieces("ab.cd", 0, s,
	    sizeof(s)) == 0);
	CASE("piece: one Chinese character is enough",
	    npieces("[0-9]\xe6\x9c\xba[0-9]", 0, s, sizeof(s)) == 1);
	CASE("pieces: one more than errors", npieces("confidential", 3, s,
	    sizeof(s)) == 4 && strcmp(s, "con") == 0);
	CASE("pieces: none that is everywhere", npieces("secret", 2, s,
	    sizeof(s)) == 0);
}

static void
test_edges(void)
{
	struct expr	*e;
	size_t		 at;
	int		 failed;

	failed = 0;
	e = expr_new((const uint8_t *)"^foo$", 5, 0);
	CASE("anchors: at the ends of a text", expr_match(e,
	    (const uint8_t *)"foo", 3, 0, &at, &failed) == 1);
	CASE("anchors: not where it was cut before", expr_match(e,
	    (const uint8_t *)"foo", 3, EXPR_CUT_BEFORE, &at, &failed) == 0);
	CASE("anchors: not where it was cut behind", expr_match(e,
	    (const uint8_t *)"foo", 3, EXPR_CUT_BEHIND, &at, &failed) == 0);
	expr_free(e);
	e = expr_new((const uint8_t *)"f.o", 3, 0);
	at = 0;
	CASE("where it is", expr_match(e, (const uint8_t *)"\xe6\x9c\xba"
	    "a foo", 8, 0, &at, &failed) == 1 && at == 5 && !failed);
	expr_free(e);
}

/* What is no expression, what TRE reads otherwise, what is everywhere. */
static void
test_refused(void)
{
	static const char *const	 bad[] = {
		"(a", "a)", "[a", "a{2", "a{3,2}", "a**", "\\", "a{256}",
		"[b-a]", "[^", "[]", "[^]", "\\x", "\\xzz", "\\x{41",
		"\\x{110000}", "\\x{ffffffff}", "(a)\\1", "\\0",
		"[[:foo:]]", "[[:alpha:x]", "[[:alpha]]", "[[:alpha:]",
		"[[=a=]]", "[[.a.]]", "[x[:]", "(?#x)a", "(?", "(?i", "(?x)a",
		/* Invisible alternatives. */
		"\xe2\x80\x8b", "foo|\xe2\x80\x8b", "\xe2\x80\x8b|foo",
		"(\xe2\x80\x8b)", "(a|\xc2\xad|b)c", "(?i:\xe2\x80\x8b)",
		"\\x{200b}", "\\Q\xe2\x80\x8b\\E",
		/* In every text. */
		"foo|", "|foo", "a||b", "()", "a*", ".*", "^", "$", "^.*$",
		"a{0}", "(?i)", "(a?|b)", "\\b",
	};
	struct expr			*e;
	char				 name[80];
	size_t				 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = expr_new((const uint8_t *)bad[i], strlen(bad[i]), 0);
		snprintf(name, sizeof(name), "refused: %s", bad[i]);
		CASE(name, e == NULL);
		expr_free(e);
	}
	CASE("refused: too many errors", expr_new((const uint8_t *)"abcdef",
	    6, 4) == NULL);
}

int
main(void)
{
	char		 name[400];
	size_t		 i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		snprintf(name, sizeof(name), "%u errors: %s", tests[i].errors,
		    tests[i].expr);
		unit_case(name, try(&tests[i]));
	}
	test_pieces();
	test_edges();
	test_refused();
	return (unit_failed);
}

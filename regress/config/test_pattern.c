/* SPDX-License-Identifier: ISC */

/*
 * What the configuration check says of expressions and words: each that is
 * refused with its reason, and that TRE compiles, within bounds, what is not.
 */

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "pattern.h"

#include "../common/unit.h"

struct test {
	const char	*expr;
	const char	*why;		/* part of the reason; NULL: taken */
};

static const struct test	 looks[] = {
	{ "secret", NULL },
	{ "pro(ject|duct) x[0-9]+", NULL },
	{ "a{255}", NULL },
	{ "(a{10}){100}", NULL },
	{ "begin.{0,250}end.{0,250}", NULL },
	{ "[[:alpha:])(]{255}", NULL },
	{ "[]{}()*]x{3}", NULL },
	{ "\\Q((((\\E", NULL },
	{ "[\\]a", NULL },
	/* Bounds. */
	{ "a{256}", "bound of more than 255" },
	{ "a{2,99999999999999999999}", "bound of more than 255" },
	{ "a{x}", "bound that is no number" },
	{ "a{-1}", "bound that is no number" },
	{ "a{+1}", "bound that is no number" },
	{ "a{2", "{ without its }" },
	{ "(a{101}){10}", "multiply to more than 1000" },
	{ "a{100}{11}", "multiply to more than 1000" },
	{ "((a{11}){10}){10}", "multiply to more than 1000" },
	{ "(x|a{101}|y){10}", "multiply to more than 1000" },
	{ "(abcdefgh){255}", "more than 2000 characters" },
	{ "((abcd){20}efgh){25}", "more than 2000 characters" },
	/* A bound does not hide behind a bracket. */
	{ "(a{255}[[:alpha:])(]){255}", "multiply to more than 1000" },
	{ "(a{255}[])(]){255}", "multiply to more than 1000" },
	{ "(a{255}[^])(]){255}", "multiply to more than 1000" },
	{ "(a{255}[[)(]){255}", "multiply to more than 1000" },
	{ "(a{255}[\\])){255}", "a ) without its (" },
	{ "(a{255}\\Q)(\\E){255}", "multiply to more than 1000" },
	{ "(?i:a{255}){255}", "multiply to more than 1000" },
	/* Nor one character that becomes many. */
	{ "\xef\xb7\xba{255}", "more than 2000 characters" },
	/* Classes. */
	{ "[[:foo:]]", "class of characters" },
	{ "[[:Alpha:]]", "class of characters" },
	{ "[[:alpha:x]", "class of characters" },
	{ "[[:alpha", "class of characters" },
	{ "[[=a=]]", "[= or [." },
	{ "[[.hyphen.]]", "[= or [." },
	{ "[z-a]", "range that ends" },
	{ "[abc", "[ without its ]" },
	{ "[]", "[ without its ]" },
	{ "[^]", "[ without its ]" },
	/* Groups. */
	{ ")", "a ) without its (" },
	{ "a)b", "a ) without its (" },
	{ "(a))(b", "a ) without its (" },
	{ "\\Q(\\E)", "a ) without its (" },
	{ "[(])", "a ) without its (" },
	{ "(", "a ( without its )" },
	{ "(a\\)", "a ( without its )" },
	{ "((((((((((((((((a))))))))))))))))", "more than 15 groups" },
	{ "(?#a(b)c", "a (? with" },
	{ "(?<a>b)", "a (? with" },
	/* Escapes. */
	{ "(a)\\1", "reference back" },
	{ "\\0", "reference back" },
	{ "a\\", "\\ at the end" },
	{ "\\xg", "\\x that is no character" },
	{ "\\x{d800000}", "\\x that is no character" },
	{ "\\x{41", "\\x{ without its }" },
	/* What nobody sees. */
	{ "\xe2\x80\x8b", "nothing that is seen" },
	{ "foo|\xe2\x80\x8b", "nothing that is seen" },
	{ "(\xe2\x80\x8b|foo)bar", "nothing that is seen" },
	{ "(foo|a)|\xc2\xad", "nothing that is seen" },
	{ "\\x{200b}|foo", "nothing that is seen" },
	{ "foo|b\xe2\x80\x8b", NULL },
	{ "foo|\xe2\x80\x8b" "b", NULL },
	{ "\xe2\x80\x8b" "a|b", NULL },
};

static const struct test	 compiles[] = {
	{ "secret", NULL },
	{ "^$", NULL },
	{ "^a*$", NULL },
	{ "(foo|)bar", NULL },
	{ "[^a]", NULL },
	{ "foo|", "found in any text" },
	{ "|foo", "found in any text" },
	{ "a*", "found in any text" },
	{ ".*", "found in any text" },
	{ "^", "found in any text" },
	{ "()", "found in any text" },
	{ "a{0,3}", "found in any text" },
	{ "a**", "repetition" },
	{ "a{3,2}", "{}" },
	{ "x(a?b?c?d?e?f?g?h?){100}", NULL },
};

static const struct {
	const char	*word;
	unsigned int	 errors;
	const char	*why;
} words[] = {
	{ "a", 0, NULL },
	{ "\xe2\x80\x8b", 0, "nothing that is seen" },
	{ " \t ", 0, "nothing that is seen" },
	{ "abc", 1, NULL },
	{ "ab", 1, "fewer than 3 letters" },
	{ "a b", 1, "fewer than 3 letters" },
	{ "ab\xe2\x80\x8b\xe2\x80\x8b", 1, "fewer than 3 letters" },
	{ "abcdef", 2, NULL },
	{ "abcde", 2, "fewer than 3 letters" },
	{ "abcdefghi", 3, NULL },
	{ "abcdefgh", 3, "fewer than 3 letters" },
	/* Letters, not bytes; and those that it becomes. */
	{ "\xeb\xaf\xbc\xeb\x93\xb1", 1, "fewer than 3 letters" },
	{ "\xef\xac\x83", 1, NULL },
	{ "0123456789012345678901234567890123456789012345678901234567890123",
	    1, NULL },
	{ "01234567890123456789012345678901234567890123456789012345678901234",
	    1, "more than 64 letters" },
	{ "01234567890123456789012345678901234567890123456789012345678901234",
	    0, NULL },
};

static void
check(const char *kind, const char *what, const char *want, const char *got)
{
	char	 name[120];

	snprintf(name, sizeof(name), "%s: %s", kind, what);
	if (want == NULL)
		unit_case(name, got);
	else
		unit_case(name, got == NULL ? "was taken" :
		    strstr(got, want) == NULL ? got : NULL);
}

/* All that come before it in the table are good ones. */
static void
check_compile(const struct test *t)
{
	struct conf		*conf;
	struct conf_list	*l;
	const char		*got;
	char			 why[160];
	uint32_t		 list, entry;

	list = entry = 9;
	if ((conf = conf_new()) == NULL ||
	    conf_add_list(conf, LIST_KEYWORDS, "k") == NULL ||
	    (l = conf_add_list(conf, LIST_EXPRESSIONS, "e")) == NULL ||
	    conf_add_entry(conf, l, 1, "good", 4) == -1 ||
	    conf_add_entry(conf, l, 1, t->expr, strlen(t->expr)) == -1)
		abort();
	got = pattern_refused(t->expr, strlen(t->expr));
	if (got == NULL && pattern_compile(conf, &list, &entry, why,
	    sizeof(why)) == -1)
		got = list == 1 && entry == 1 ? why : "another one";
	check("compiled", t->expr, t->why, got);
	conf_unref(conf);
}

/* As many expressions for addresses as there may be. */
static void
check_addresses(const char *expr, const char *want)
{
	struct conf		*conf;
	struct conf_list	*l;
	const char		*got;
	char			 why[160];
	uint32_t		 list, entry;
	size_t			 i;

	if ((conf = conf_new()) == NULL ||
	    (l = conf_add_list(conf, LIST_ADDRESSES, "a")) == NULL)
		abort();
	for (i = 0; i < ADDR_EXPRS_MAX; i++)
		if (conf_add_entry(conf, l, 1, expr, strlen(expr)) == -1)
			abort();
	got = NULL;
	if (pattern_compile(conf, &list, &entry, why, sizeof(why)) == -1)
		got = why;
	check("for addresses", expr, want, got);
	conf_unref(conf);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		check("looked at", looks[i].expr, looks[i].why,
		    pattern_refused(looks[i].expr, strlen(looks[i].expr)));
	CASE("looked at: NUL", pattern_refused("a\0b", 3) == NULL);
	for (i = 0; i < sizeof(compiles) / sizeof(compiles[0]); i++)
		check_compile(&compiles[i]);
	check_addresses("/([a-z]+[0-9]+)+[._-][a-z]{2,20}@/", NULL);
	check_addresses("/^(a|ab|b)*c@.*[.](example|test)$/", NULL);
	check_addresses("/(.{0,60}){0,16}q/", "too much time");
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		check(words[i].errors > 0 ? "similar" : "word", words[i].word,
		    words[i].why, pattern_word_refused(words[i].word,
		    strlen(words[i].word), words[i].errors));
	return (unit_failed);
}

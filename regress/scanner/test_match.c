/* SPDX-License-Identifier: ISC */

/*
 * The matcher: words in all disguises, lists, scopes, scores; long texts,
 * whose segments have borders; budgets, which are never "nothing found".
 */

#include <stdlib.h>
#include <string.h>

#include "ev.h"
#include "log.h"
#include "match.h"
#include "parts.h"
#include "proto.h"

#include "../common/unit.h"

#define SEGMENT		(128 * KIB)	/* as in match.c */
#define TEXT		(1U << TEXT_PLAIN)

struct disguise {
	const char	*word;
	const char	*text;
	int		 match;
};

static const struct disguise	 disguises[] = {
	/* confidential */
	{ "confidential", "it is CONFIDENTIAL.", 1 },
	{ "confidential", "\xef\xbc\xa3onfidential", 1 },
	{ "confidential", "con\xe2\x80\x8b" "fi\xc2\xad" "dential", 1 },
	{ "confidential", "con\xef\xac\x81" "dential", 1 },
	{ "confidential", "c\xcc\xb6o\xcc\xb6n\xcc\xb6" "fidential", 1 },
	{ "confidential", "\xd1\x81\xd0\xbenfid\xd0\xb5nti\xd0\xb0l", 1 },
	{ "confidential", "\xf0\x9d\x97\xb0\xf0\x9d\x97\xbc\xf0\x9d\x97\xbb"
	    "fidential", 1 },
	{ "confidential", "c o n f i d e n t i a l", 1 },
	{ "confidential", "so c.o.n.f.i.d.e.n.t.i.a.l it is", 1 },
	{ "confidential", "C-O-N-F-I-D-E-N-T-I-A-L", 1 },
	{ "confidential", "conf\xe2\x80\xaeidential", 1 },
	{ "confidential", "confidence", 0 },
	{ "confidential", "confid ential", 0 },
	{ "top secret", "top\r\n\t secret", 1 },
	{ "top secret", "top\xc2\xa0secret", 1 },
	{ "top secret", "t o p s e c r e t", 1 },
	{ "top secret", "topsecret", 0 },
	{ "top secret", "stop secretly", 1 },
	/* Chinese, traditional as such */
	{ "\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
	    "\xe8\xbf\x99\xe6\x98\xaf\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87"
	    "\xe4\xbb\xb6\xe3\x80\x82", 1 },
	{ "\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
	    "\xe6\x9c\xba\xe5\xaf\x86\r\n\xe6\x96\x87\xe4\xbb\xb6", 1 },
	{ "\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
	    "\xe6\x9c\xba\xe3\x80\x80\xe5\xaf\x86 \xe6\x96\x87 "
	    "\xe4\xbb\xb6", 1 },
	{ "\xe6\xa9\x9f\xe5\xaf\x86", "\xe6\xa9\x9f\xe2\x80\x8b\xe5\xaf\x86",
	    1 },
	/* Not in the middle of other characters. */
	{ "\xe6\x9c\xba\xe5\xaf\x86", "\xe6\x9c\xba\xe5\xaf\x87", 0 },
	/* Korean, from letters, spaced */
	{ "\xea\xb8\xb0\xeb\xb0\x80\xeb\xac\xb8\xec\x84\x9c",
	    "\xea\xb8\xb0\xeb\xb0\x80 \xeb\xac\xb8\xec\x84\x9c\xeb\xa5\xbc",
	    1 },
	{ "\xea\xb8\xb0\xeb\xb0\x80", "\xe1\x84\x80\xe1\x85\xb5\xe1\x84\x86"
	    "\xe1\x85\xb5\xe1\x86\xaf", 1 },
	/* Japanese, half width with sound marks */
	{ "\xe3\x82\xac\xe3\x82\xa4\xe3\x83\x89", "\xef\xbd\xb6\xef\xbe\x9e"
	    "\xef\xbd\xb2\xef\xbe\x84\xef\xbe\x9e", 1 },
	/* Russian, plain and as others write it */
	{ "\xd1\x81\xd0\xb5\xd0\xba\xd1\x80\xd0\xb5\xd1\x82\xd0\xbd\xd0\xbe",
	    "\xd0\xa1\xd0\x95\xd0\x9a\xd0\xa0\xd0\x95\xd0\xa2\xd0\x9d"
	    "\xd0\x9e!", 1 },
	{ "\xd1\x81\xd0\xb5\xd0\xba\xd1\x80\xd0\xb5\xd1\x82\xd0\xbd\xd0\xbe",
	    "c\xd0\xb5\xd0\xbap\xd0\xb5\xd1\x82\xd0\xbdo", 1 },
	/* Arabic, with points and tatweel */
	{ "\xd8\xb3\xd8\xb1\xd9\x8a", "\xd8\xb3\xd9\x90\xd8\xb1\xd9\x80\xd9"
	    "\x91\xd9\x8a", 1 },
	{ "\xd8\xb3\xd8\xb1\xd9\x8a", "\xef\xba\xb3\xef\xba\xae\xef\xbb\xb1",
	    1 },
	/* One that grows: ten of them are fifty bytes. */
	{ "\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1"
	    "\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1z",
	    "\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1"
	    "\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1\xe3\x88\xb1y",
	    0 },
};

static const struct disguise	 whole[] = {
	{ "ass", "an ass.", 1 },
	{ "ass", "ass", 1 },
	{ "ass", "class", 0 },
	{ "ass", "assay", 0 },
	{ "ass", "class, ass", 1 },
	{ "ass", "\xc3\xa9" "ass", 0 },
	{ "ass", "\xd1\x8f" "ass", 0 },
	{ "ass", "\xe6\x9c\xba" "ass\xe5\xaf\x86", 1 },
	{ "ass", "ass_x", 0 },
	{ "ass", "(ass)", 1 },
	{ "top secret", "stop secret", 0 },
	{ "top secret", "is top secret", 1 },
	{ "c++", "in c++ it is", 1 },
	{ "c++", "c+++", 1 },
	{ "\xe6\x9c\xba\xe5\xaf\x86", "\xe8\xbf\x99\xe6\x9c\xba\xe5\xaf\x86"
	    "\xe6\x98\xaf", 1 },
};

/* One message: its hits. */
struct look {
	struct conf		*conf;
	struct matcher		*m;
	struct match		*x;
	struct msg_scan_hit	 hit[CONF_USES_MAX];
	unsigned int		 nhits;
	int			 complete;
};

static void
look_init(struct look *l)
{
	memset(l, 0, sizeof(*l));
	l->conf = conf_new();
}

static struct conf_list *
look_list(struct look *l, enum list_kind kind, uint32_t errors,
    uint32_t scopes)
{
	struct conf_list	*list;
	char			 name[16];

	snprintf(name, sizeof(name), "l%u", l->conf->nlists);
	list = conf_add_list(l->conf, kind, name);
	list->w.errors = errors;
	conf_add_use(l->conf, list->w.id, scopes);
	return (list);
}

static void
look_entry(struct look *l, struct conf_list *list, const char *s,
    uint32_t weight)
{
	if (conf_add_entry(l->conf, list, weight, s, strlen(s)) == -1)
		fatal("%s", s);
}

static void
look_compile(struct look *l)
{
	if (conf_done(l->conf) == -1)
		fatalx("conf_done");
	if ((l->m = matcher_new(l->conf)) == NULL ||
	    (l->x = match_new(l->m)) == NULL)
		fatal("matcher");
	match_begin(l->x, now_ms() + 60000);
}

static void
look_text(struct look *l, unsigned int scope, const char *text, size_t len)
{
	uint8_t	*copy;

	/* To the byte, so that a look beyond the end is seen. */
	if ((copy = malloc(len + 1)) == NULL)
		fatal("malloc");
	memcpy(copy + 1, text, len);
	match_text(l->x, scope, 7, copy + 1, len);
	free(copy);
}

static void
look_end(struct look *l)
{
	l->nhits = match_end(l->x, l->hit, &l->complete);
	match_begin(l->x, now_ms() + 60000);
}

static void
look_free(struct look *l)
{
	match_free(l->x);
	matcher_free(l->m);
	conf_unref(l->conf);
}

static int
is_found(enum list_kind kind, uint32_t errors, const char *word,
    const char *text, size_t len)
{
	struct look	 l;
	int		 found;

	look_init(&l);
	look_entry(&l, look_list(&l, kind, errors, TEXT), word, 1);
	look_compile(&l);
	look_text(&l, TEXT_PLAIN, text, len);
	look_end(&l);
	found = l.complete ? (int)l.nhits : -1;
	look_free(&l);
	return (found);
}

static void
test_disguises(const char *what, enum list_kind kind,
    const struct disguise *d, size_t n)
{
	char	 name[400];
	size_t	 i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s: %s in \"%s\"", what,
		    d[i].word, d[i].text);
		while (strpbrk(name, "\r\n\t") != NULL)
			*strpbrk(name, "\r\n\t") = '~';
		unit_case(name, is_found(kind, 0, d[i].word, d[i].text,
		    strlen(d[i].text)) == d[i].match ? NULL : "not so");
	}
}

static void
test_lists(void)
{
	struct conf_list	*a, *b;
	struct look		 l;

	look_init(&l);
	a = look_list(&l, LIST_KEYWORDS, 0, TEXT);
	look_entry(&l, a, "secret", 5);
	look_entry(&l, a, "plan", 2);
	look_entry(&l, a, "ret", 1);
	b = look_list(&l, LIST_WORDS, 0, 1U << TEXT_SUBJECT);
	look_entry(&l, b, "secret", 1000000);
	look_compile(&l);
	look_text(&l, TEXT_PLAIN, "a secret, a Secret and a plan", 29);
	look_end(&l);
	CASE("list: distinct entries and their weights", l.nhits == 1 &&
	    l.hit[0].use == 0 && l.hit[0].nhits == 3 && l.hit[0].score == 8);
	CASE("list: first hit", strcmp(l.hit[0].entry, "secret") == 0 &&
	    l.hit[0].scope == TEXT_PLAIN && l.hit[0].part == 7 &&
	    strncmp(l.hit[0].excerpt, "a secret, a", 11) == 0);
	look_text(&l, TEXT_SUBJECT, "secret plan", 11);
	look_end(&l);
	CASE("scope", l.nhits == 1 && l.hit[0].use == 1 &&
	    l.hit[0].nhits == 1);
	look_end(&l);
	CASE("nothing left of the message before", l.nhits == 0 &&
	    l.complete);
	look_free(&l);
}

/* "secret" with one letter at each place around a border, and padding. */
static void
test_borders(void)
{
	char	*text;
	size_t	 at, i, len, bad_word, bad_whole, bad_ident;

	len = 3 * SEGMENT;
	if ((text = malloc(len)) == NULL)
		fatal("malloc");
	bad_word = bad_whole = bad_ident = 0;
	for (at = SEGMENT - 8; at < SEGMENT + 2; at++) {
		memset(text, '.', len);
		memcpy(text + at, "secret", 6);
		bad_word += is_found(LIST_KEYWORDS, 0, "secret", text,
		    len) != 1;
		bad_word += is_found(LIST_EXPRESSIONS, 0, "sec?r.t", text,
		    len) != 1;
	}
	CASE("border: a word on it", bad_word == 0);
	/* Where segments begin again is not known here: try all. */
	for (i = 0; i < 8; i++) {
		for (at = i; at + 8 <= len; at += 8)
			memcpy(text + at, "classic ", 8);
		memset(text, ' ', i);
		memset(text + at - 8, ' ', len - at + 8);
		bad_whole += is_found(LIST_WORDS, 0, "ass", text, len) != 0;
		bad_whole += is_found(LIST_WORDS, 0, "cl", text, len) != 0;
		bad_whole += is_found(LIST_WORDS, 0, "classic", text, len) !=
		    1;
	}
	CASE("border: no whole word is made by it", bad_whole == 0);
	for (i = 0; i < 4; i++) {
		memset(text, ' ', i);
		for (at = i; at < len; at++)
			text[at] = "4111111111111111"[(at - i) % 16];
		bad_ident += is_found(LIST_IDENTIFIERS, 0, "card", text,
		    len) != 0;
	}
	CASE("border: no number is made by it", bad_ident == 0);
	for (i = 0; i < 4; i++) {
		memset(text, '.', len);
		memcpy(text + SEGMENT - 4 * (i + 1), "4111111111111111", 16);
		text[SEGMENT - 4 * (i + 1) - 1] = ' ';
		text[SEGMENT - 4 * (i + 1) + 16] = ' ';
		bad_ident += is_found(LIST_IDENTIFIERS, 0, "card", text,
		    len) != 1;
	}
	CASE("border: a number on it", bad_ident == 0);
	free(text);
}

/* Half of a word, much that is not seen, the other half. */
static void
test_padding(void)
{
	static const char *const unseen[] = { "\xe2\x80\x8b", "\xcc\x81",
	    "\xc2\xad" };
	char		*text;
	size_t		 i, n, len, unit, bad;

	len = 6 + 5 * SEGMENT;
	if ((text = malloc(len + 8)) == NULL)
		fatal("malloc");
	bad = 0;
	for (i = 0; i < 3; i++) {
		unit = strlen(unseen[i]);
		memcpy(text, "sec", 3);
		for (n = 3; n + unit <= len - 3; n += unit)
			memcpy(text + n, unseen[i], unit);
		memcpy(text + n, "ret", 3);
		bad += is_found(LIST_KEYWORDS, 0, "secret", text, n + 3) != 1;
		bad += is_found(LIST_WORDS, 0, "secret", text, n + 3) != 1;
	}
	CASE("padding of 640 KiB inside of a word", bad == 0);
	memset(text, ' ', len);
	memcpy(text, "top", 3);
	memcpy(text + len - 6, "secret", 6);
	CASE("blanks of 640 KiB between words", is_found(LIST_KEYWORDS, 0,
	    "top secret", text, len) == 1);
	free(text);
}

static void
test_place(void)
{
	struct look	 l;
	char		*text;
	size_t		 at, len;

	len = 4 * SEGMENT;
	at = 3 * SEGMENT + 777;
	if ((text = malloc(len)) == NULL)
		fatal("malloc");
	memset(text, '.', len);
	memcpy(text + at, "secret\r\n\x1b[1m", 12);
	look_init(&l);
	look_entry(&l, look_list(&l, LIST_KEYWORDS, 0, TEXT), "secret", 1);
	look_compile(&l);
	look_text(&l, TEXT_PLAIN, text, len);
	look_end(&l);
	CASE("where it is", l.nhits == 1 && l.hit[0].offset <= at &&
	    at - l.hit[0].offset <= 64);
	CASE("excerpt has it, and no control", strstr(l.hit[0].excerpt,
	    "secret") != NULL && strchr(l.hit[0].excerpt, '\x1b') == NULL &&
	    strchr(l.hit[0].excerpt, '\n') == NULL);
	look_free(&l);
	free(text);
}

static void
test_exprs(void)
{
	char	 text[2000];
	size_t	 i, bad;

	CASE("expression", is_found(LIST_EXPRESSIONS, 0,
	    "invoice [0-9]{6}", "an Invoice 123456.", 18) == 1);
	CASE("expression: anchored at the begin", is_found(LIST_EXPRESSIONS,
	    0, "^secret", "secret", 6) == 1);
	bad = 0;
	for (i = 2; i < 600; i++) {
		memset(text, 'x', sizeof(text));
		text[i - 1] = ' ';
		memcpy(text + i, "secret ", 7);
		bad += is_found(LIST_EXPRESSIONS, 0, "^secret", text,
		    sizeof(text)) != 0;
	}
	CASE("expression: not anchored elsewhere", bad == 0);
	memset(text, 'x', sizeof(text));
	memcpy(text, "begin", 5);
	memcpy(text + 255, "endof", 5);
	CASE("expression: far from its piece", is_found(LIST_EXPRESSIONS, 0,
	    "begin.{250}endof", text, 500) == 1);
	for (i = 0; i < 300; i++)
		text[i] = "abcdefghij"[i % 10];
	text[300] = '\0';
	CASE("expression: a long piece", is_found(LIST_EXPRESSIONS, 0, text,
	    text, 300) == 1);
	/* Without a piece: at each place of a window. */
	bad = 0;
	for (i = 0; i < 1990; i += 7) {
		memset(text, ' ', sizeof(text));
		memset(text, '.', i);
		memcpy(text + i, "x1y2z3", 6);
		bad += is_found(LIST_EXPRESSIONS, 0, "([a-z][0-9]){3}", text,
		    sizeof(text)) != 1;
	}
	CASE("expression without a piece", bad == 0);
	CASE("similar", is_found(LIST_SIMILAR, 2, "confidential",
	    "it is konfidencial", 18) == 1);
	CASE("similar: not so many errors", is_found(LIST_SIMILAR, 1,
	    "confidential", "it is konfidencial", 18) == 0);
}

/* Whatever an administrator may ask for, long plain mail is no limit. */
static void
test_budget(void)
{
	static const char	 sentence[] = "see the secretary about the "
	    "invoice of the invoice, then see the rest. ";
	struct look		 l;
	char			*text;
	size_t			 i, len;

	len = 1 << 20;
	if ((text = malloc(len)) == NULL)
		fatal("malloc");
	for (i = 0; i < len; i++)
		text[i] = sentence[i % (sizeof(sentence) - 1)];
	CASE("budget: a short misspelt word in long mail",
	    is_found(LIST_SIMILAR, 2, "zecrot", text, len) >= 0);
	CASE("budget: a frequent piece in long mail",
	    is_found(LIST_EXPRESSIONS, 0, "invoice [0-9]{6}", text, len) ==
	    0);
	look_init(&l);
	look_entry(&l, look_list(&l, LIST_KEYWORDS, 0, TEXT), "zzz", 1);
	look_compile(&l);
	match_begin(l.x, 1);
	look_text(&l, TEXT_PLAIN, text, len);
	look_end(&l);
	CASE("budget: out of time is not complete", !l.complete);
	look_free(&l);
	free(text);
}

int
main(void)
{
	log_init(LOG_TO_STDERR, "test_match", 0);
	test_disguises("keyword", LIST_KEYWORDS, disguises,
	    sizeof(disguises) / sizeof(disguises[0]));
	test_disguises("word", LIST_WORDS, whole,
	    sizeof(whole) / sizeof(whole[0]));
	test_lists();
	test_borders();
	test_padding();
	test_place();
	test_exprs();
	test_budget();
	return (unit_failed);
}

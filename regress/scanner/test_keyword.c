/* SPDX-License-Identifier: ISC */

/* The automaton finds what a search for each word finds, neither more. */

#include <stdlib.h>
#include <string.h>

#include "keyword.h"

#include "../common/unit.h"

#define MANY		100000
#define TEXT_MAX	400

struct found {
	size_t	 n;
	struct {
		uint32_t	 word;
		size_t		 end;
	}	 at[8192];
	size_t	 stop;			/* after so many */
};

static uint32_t	 seed;

static uint32_t
roll(uint32_t n)
{
	seed = seed * 1664525U + 1013904223U;
	return ((seed >> 8) % n);
}

static int
note(void *arg, uint32_t word, size_t end)
{
	struct found	*f;

	f = arg;
	if (f->n < sizeof(f->at) / sizeof(f->at[0])) {
		f->at[f->n].word = word;
		f->at[f->n].end = end;
	}
	f->n++;
	return (f->stop != 0 && f->n == f->stop);
}

static int
has(const struct found *f, uint32_t word, size_t end)
{
	size_t	 i, n;

	n = 0;
	for (i = 0; i < f->n; i++)
		n += f->at[i].word == word && f->at[i].end == end;
	return (n == 1);
}

static void
test_simple(void)
{
	static const char *const words[] = { "he", "she", "his", "hers", "he" };
	static struct found	 f;
	struct keywords		*k;
	uint32_t		 id[5];
	size_t			 i;

	k = keywords_new();
	for (i = 0; i < 5; i++)
		id[i] = keywords_add(k, (const uint8_t *)words[i],
		    strlen(words[i]));
	CASE("equal words share a number", id[0] == id[4] &&
	    keywords_count(k) == 4);
	CASE("build", keywords_build(k) == 0);
	keywords_scan(k, (const uint8_t *)"ushers", 6, note, &f);
	CASE("words in words", f.n == 3 && has(&f, id[1], 4) &&
	    has(&f, id[0], 4) && has(&f, id[3], 6));
	memset(&f, 0, sizeof(f));
	f.stop = 1;
	keywords_scan(k, (const uint8_t *)"ushers", 6, note, &f);
	CASE("stops when told", f.n == 1);
	memset(&f, 0, sizeof(f));
	keywords_scan(k, (const uint8_t *)"", 0, note, &f);
	CASE("no text", f.n == 0);
	keywords_free(k);
}

static void
test_empty(void)
{
	static struct found	 f;
	struct keywords		*k;

	k = keywords_new();
	CASE("no words: build", keywords_build(k) == 0);
	keywords_scan(k, (const uint8_t *)"text", 4, note, &f);
	CASE("no words: nothing found", f.n == 0);
	keywords_free(k);
}

/* Words, and begins of words, here and there in a text. */
static void
plant(uint8_t *text, size_t textlen, const uint8_t *word, size_t len)
{
	if (roll(3) == 0)
		len = roll((uint32_t)len) + 1;
	if (len <= textlen)
		memcpy(text + roll((uint32_t)(textlen - len) + 1), word, len);
}

/*
 * Words and text of few letters, so that most begins are ends of others; or
 * of many, so that there is much to be passed over.
 */
static int
random_round(uint32_t letters)
{
	static struct found	 f;
	struct keywords		*k;
	uint8_t			 word[40][24], *text;
	uint32_t		 id[40];
	size_t			 len[40], i, j, n, textlen, want;
	int			 ok;

	memset(&f, 0, sizeof(f));
	k = keywords_new();
	n = 1 + roll(40);
	for (i = 0; i < n; i++) {
		len[i] = 1 + roll(roll(2) ? 8 : 24);
		for (j = 0; j < len[i]; j++)
			word[i][j] = (uint8_t)(253 + roll(letters));
		id[i] = keywords_add(k, word[i], len[i]);
	}
	if (keywords_build(k) == -1)
		abort();
	/* Nothing behind it may be read. */
	textlen = roll(TEXT_MAX);
	if ((text = malloc(textlen)) == NULL)
		abort();
	for (j = 0; j < textlen; j++)
		text[j] = (uint8_t)(253 + roll(letters));
	for (i = roll(20); i > 0; i--) {
		j = roll((uint32_t)n);
		plant(text, textlen, word[j], len[j]);
	}
	keywords_scan(k, text, textlen, note, &f);
	ok = 1;
	want = 0;
	for (i = 0; i < n; i++) {
		for (j = 0; j < i && id[j] != id[i]; j++)
			continue;
		if (j < i)
			continue;	/* the same word again */
		for (j = len[i]; j <= textlen; j++)
			if (memcmp(text + j - len[i], word[i], len[i]) == 0) {
				want++;
				ok &= has(&f, id[i], j);
			}
	}
	free(text);
	keywords_free(k);
	return (ok && f.n == want);
}

static void
test_random(void)
{
	int	 i, ok;

	ok = 1;
	seed = 1;
	for (i = 0; i < 3000; i++)
		ok &= random_round(i % 2 ? 2 + (uint32_t)i % 4 : 200);
	CASE("as a search for each", ok);
}

static void
test_many(void)
{
	static struct found	 f;
	struct keywords		*k;
	char			 word[32];
	uint32_t		 id, i, bad;
	int			 len;

	k = keywords_new();
	bad = 0;
	for (i = 0; i < MANY; i++) {
		len = snprintf(word, sizeof(word), "w%08x/", i * 2654435761U);
		id = keywords_add(k, (uint8_t *)word, (size_t)len);
		bad += id != i;
	}
	CASE("many: added", bad == 0 && keywords_build(k) == 0);
	for (i = 0; i < MANY; i += 97) {
		memset(&f, 0, sizeof(f));
		len = snprintf(word, sizeof(word), "w%08x/", i * 2654435761U);
		keywords_scan(k, (uint8_t *)word, (size_t)len, note, &f);
		bad += f.n != 1 || f.at[0].word != i;
	}
	CASE("many: each is found", bad == 0);
	CASE("many: memory", keywords_memory(k) < 64U << 20);
	keywords_free(k);
}

int
main(void)
{
	test_simple();
	test_empty();
	test_random();
	test_many();
	return (unit_failed);
}

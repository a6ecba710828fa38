/* SPDX-License-Identifier: ISC */

/*
 * Words, one a line, a NUL, and a text.  Each word is found if it is in the
 * normal form of the text, wherever segments end, and is not if its letters
 * are not there one behind the other.  The first byte says how far the text
 * lies behind others, so that words stand across the border of segments.
 */

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "match.h"
#include "normal.h"
#include "parts.h"
#include "utf8.h"

#define WORDS_MAX	4
#define SEGMENT		(128 * KIB)	/* as in match.c */

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
normalise(struct normal *n, const uint8_t *p, size_t len)
{
	if (normal_init(n, len * NORMAL_GROWTH) == -1)
		abort();
	normal_make(n, p, len);
}

/* Without what may stand between letters of a spaced word. */
static size_t
squeeze(uint8_t *out, const struct normal *n)
{
	size_t	 i, k;

	for (i = k = 0; i < n->len; i++)
		if (strchr(" .-_*/", n->out[i]) == NULL)
			out[k++] = n->out[i];
	return (k);
}

static void
check(const struct normal *text, const uint8_t *word, size_t len,
    const struct msg_scan_hit *hit, size_t textlen)
{
	struct normal	 n;
	uint8_t		*a, *b;
	size_t		 alen, blen;

	normalise(&n, word, len);
	if (hit == NULL) {
		if (n.len > 0 && memmem(text->out, text->len, n.out,
		    n.len) != NULL)
			abort();
	} else {
		a = malloc(text->len + 1);
		b = malloc(n.len + 1);
		if (a == NULL || b == NULL)
			abort();
		alen = squeeze(a, text);
		blen = squeeze(b, &n);
		if (n.len == 0 || (blen > 0 && memmem(a, alen, b, blen) ==
		    NULL) || hit->offset >= textlen || hit->nhits != 1 ||
		    hit->scope != TEXT_PLAIN || hit->part != 7)
			abort();
		free(a);
		free(b);
	}
	normal_free(&n);
}

static void
look(const struct conf *conf, const uint8_t *const *word, const size_t *len,
    size_t nwords, const uint8_t *text, size_t textlen)
{
	static struct msg_scan_hit	 hit[CONF_USES_MAX];
	const struct msg_scan_hit	*h;
	struct matcher			*m;
	struct match			*x;
	struct normal			 n;
	unsigned int			 k, nhits;
	size_t				 i;
	int				 complete;

	if ((m = matcher_new(conf)) == NULL || (x = match_new(m)) == NULL)
		abort();
	match_begin(x, UINT64_MAX);
	match_text(x, TEXT_PLAIN, 7, text, textlen);
	nhits = match_end(x, hit, &complete);
	if (!complete)
		abort();
	normalise(&n, text, textlen);
	for (i = 0; i < nwords; i++) {
		h = NULL;
		for (k = 0; k < nhits; k++)
			if (hit[k].use == i)
				h = &hit[k];
		check(&n, word[i], len[i], h, textlen);
	}
	normal_free(&n);
	match_free(x);
	matcher_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t		*word[WORDS_MAX], *p, *nul, *lf;
	struct conf_list	*l;
	struct conf		*conf;
	uint8_t			*text;
	size_t			 wordlen[WORDS_MAX], nwords, n, before;

	if (len < 2 || (nul = memchr(data + 1, '\0', len - 1)) == NULL)
		return (0);
	conf = conf_new();
	nwords = 0;
	for (p = data + 1; p < nul && nwords < WORDS_MAX; p = lf + 1) {
		if ((lf = memchr(p, '\n', (size_t)(nul - p))) == NULL)
			lf = nul;
		n = (size_t)(lf - p);
		if (n == 0 || n > 100 || !utf8_valid(p, n))
			continue;
		if ((l = conf_add_list(conf, LIST_KEYWORDS, "w")) == NULL ||
		    conf_add_entry(conf, l, 1, (const char *)p, n) == -1 ||
		    conf_add_use(conf, l->w.id, 1U << TEXT_PLAIN) ==
		    RULE_NO_USE)
			abort();
		word[nwords] = p;
		wordlen[nwords++] = n;
	}
	if (conf_done(conf) == -1)
		abort();
	n = len - (size_t)(nul - data) - 1;
	/* Mostly none: those behind a whole segment take their time. */
	before = data[0] % 16 != 0 ? 0 : SEGMENT - data[0] * 2U;
	if ((text = malloc(before + n)) == NULL)
		abort();
	memset(text, data[0] & 0x20 ? '.' : 'z', before);
	memcpy(text + before, nul + 1, n);
	if (nwords > 0)
		look(conf, word, wordlen, nwords, text, before + n);
	free(text);
	conf_unref(conf);
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Lists of words and expressions, from the braces of mailwall.conf(5) and
 * from files of one a line.  What could never be found is refused here, with
 * its place, since nobody would miss it later.
 */

#include <sys/queue.h>

#include <string.h>

#include "addrset.h"
#include "conf.h"
#include "utf8.h"

#include "lex.h"
#include "build.h"
#include "pattern.h"
#include "value.h"

#define BOM	"\xef\xbb\xbf"	/* what some editors begin a file with */

struct word {
	STAILQ_ENTRY(word)	 entry;
	const char		*text;
	size_t			 len;
	uint32_t		 weight;
	struct pos		 pos;
};

struct wordlist {
	STAILQ_HEAD(, word)	 words;
	enum list_kind		 kind;
	uint32_t		 errors;	/* as in conf_list_wire */
};

/* Those that are in the configuration, by their ids there. */
static const struct wordlist *stored[CONF_LISTS_MAX];
static uint32_t	 nexprs;	/* for addresses */

static const char *address_refused(const char *, size_t);
static void	 list_add(struct wordlist *, const struct pos *,
		    const char *, size_t, uint32_t);
static int	 weight_parse(const struct pos *, const char *, uint32_t *);
static void	 file_line(struct wordlist *, struct pos *, const char *,
		    size_t);

struct wordlist *
lists_new(unsigned int kind)
{
	struct wordlist	*l;

	if ((l = lex_alloc(sizeof(*l))) != NULL) {
		STAILQ_INIT(&l->words);
		l->kind = kind;
	}
	return (l);
}

void
lists_errors(struct wordlist *l, const struct pos *pos, const char *text)
{
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n < 1 || n > 3)
		lex_error(pos, "how many letters may be wrong: 1, 2 or 3",
		    "bad number \"%s\"", lex_show(text));
	else if (l != NULL)
		l->errors = (uint32_t)n;
}

void
lists_fold(struct wordlist *l)
{
	if (l != NULL)
		l->errors = 1;
}

static int
weight_parse(const struct pos *pos, const char *text, uint32_t *weight)
{
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n > LIST_WEIGHT_MAX) {
		lex_error(pos, "a number up to 1000000", "bad weight \"%s\"",
		    lex_show(text));
		return (-1);
	}
	*weight = (uint32_t)n;
	return (0);
}

void
lists_reset(void)
{
	nexprs = 0;
}

/* Why an address, or an expression for addresses, cannot be had. */
static const char *
address_refused(const char *text, size_t len)
{
	const char	*why;

	why = addrset_check(text, len);
	if (why != NULL || !addrset_is_expr(text, len))
		return (why);
	if ((why = pattern_refused(text + 1, len - 2)) != NULL)
		return (why);
	return (++nexprs > ADDR_EXPRS_MAX ?
	    "is one expression for addresses too many" : NULL);
}

static void
list_add(struct wordlist *l, const struct pos *pos, const char *text,
    size_t len, uint32_t weight)
{
	const char	*why, *name;
	struct word	*w;
	size_t		 i;

	if (len == 0 || len > LIST_ENTRY_MAX) {
		lex_error(pos, "1 to 1024 bytes", len == 0 ? "empty word" :
		    "word of %zu bytes", len);
		return;
	}
	if (!utf8_valid((const uint8_t *)text, len)) {
		lex_error(pos, "UTF-8", "word is not UTF-8");
		return;
	}
	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			lex_error(pos, NULL, "control character in a word");
			return;
		}
	if (l->kind == LIST_EXPRESSIONS &&
	    (why = pattern_refused(text, len)) != NULL) {
		lex_error(pos, NULL, "expression refused: %s", why);
		return;
	}
	if (l->kind == LIST_ADDRESSES &&
	    (why = address_refused(text, len)) != NULL) {
		if (addrset_is_expr(text, len))
			lex_error(pos, NULL, "expression refused: %s", why);
		else if ((name = lex_copy(text, len)) != NULL)
			lex_error(pos, "user@domain, @domain, .domain, "
			    "user@, <>, a pattern with * or /expression/",
			    "\"%s\" %s", lex_show(name), why);
		return;
	}
	if (l->kind != LIST_EXPRESSIONS && l->kind != LIST_IDENTIFIERS &&
	    l->kind != LIST_ADDRESSES && l->kind != LIST_FIELDS &&
	    (why = pattern_word_refused(text, len, l->errors)) != NULL) {
		lex_error(pos, NULL, "word refused: %s", why);
		return;
	}
	if (l->kind == LIST_IDENTIFIERS &&
	    conf_ident_find(text, len) == IDENT_MAX) {
		if ((name = lex_copy(text, len)) != NULL)
			lex_error(pos, "card, iban, cn-id, kr-rrn, us-ssn, "
			    "private-key or aws-key", "no identifier is "
			    "called \"%s\"", lex_show(name));
		return;
	}
	if ((w = lex_alloc(sizeof(*w))) == NULL)
		return;
	w->text = text;
	w->len = len;
	w->weight = weight;
	w->pos = *pos;
	STAILQ_INSERT_TAIL(&l->words, w, entry);
}

void
lists_add(struct wordlist *l, const struct pos *pos, const char *word,
    const struct pos *weightpos, const char *weight)
{
	uint32_t	 n;

	n = 1;
	if (l == NULL || word == NULL ||
	    (weight != NULL && weight_parse(weightpos, weight, &n) == -1))
		return;
	list_add(l, pos, word, strlen(word), n);
}

/* Word, and behind a tab its weight; or a comment. */
static void
file_line(struct wordlist *l, struct pos *pos, const char *line, size_t len)
{
	const char	*tab;
	char		*text;
	uint32_t	 weight;
	size_t		 first, n;

	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' ||
	    line[len - 1] == '\r'))
		len--;
	for (first = 0; first < len && line[first] == ' '; first++)
		continue;
	line += first;
	len -= first;
	if (len == 0 || line[0] == '#')
		return;
	weight = 1;
	n = len;
	tab = memrchr(line, '\t', len);
	if (tab != NULL) {
		n = (size_t)(tab - line);
		pos->col = (uint32_t)(first + n) + 2;
		while (tab[1] == ' ')
			tab++;
		text = lex_copy(tab + 1, len - (size_t)(tab + 1 - line));
		if (text == NULL || weight_parse(pos, text, &weight) == -1)
			return;
		while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
	}
	pos->col = (uint32_t)first + 1;
	list_add(l, pos, line, n, weight);
}

void
lists_add_file(struct wordlist *l, const struct pos *at, const char *path)
{
	struct pos	 pos;
	const char	*buf, *p, *end, *nl;
	size_t		 len;
	int		 errors;

	errors = lex_errors();
	memset(&pos, 0, sizeof(pos));
	if (l == NULL || (buf = lex_read(at, path, &pos.path, &len)) == NULL)
		return;
	end = buf + len;
	p = buf;
	if (len >= strlen(BOM) && memcmp(p, BOM, strlen(BOM)) == 0)
		p += strlen(BOM);
	for (; p < end; p = nl + 1) {
		pos.line++;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		file_line(l, &pos, p, (size_t)(nl - p));
	}
	/* What has been lost on its way here must not be waited for. */
	if (STAILQ_EMPTY(&l->words) && lex_errors() == errors)
		lex_error(at, "one a line", "no entries in %s", pos.path);
}

int
lists_equal(const struct wordlist *words, const struct conf_list *l)
{
	const struct word	*w;
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off;

	off = 0;
	STAILQ_FOREACH(w, &words->words, entry)
		if (conf_next_entry(l, &off, &e, &text) != 1 ||
		    e.weight != w->weight || e.len != w->len ||
		    memcmp(text, w->text, w->len) != 0)
			return (0);
	return (off == l->len);
}

const struct pos *
lists_pos(uint32_t id, uint32_t n)
{
	const struct word	*w;

	STAILQ_FOREACH(w, &stored[id]->words, entry)
		if (n-- == 0)
			return (&w->pos);
	return (NULL);
}

void
lists_store(const struct wordlist *words, struct conf *conf, const char *name,
    const struct pos *pos)
{
	const struct word	*w;
	struct conf_list	*l;

	if ((l = conf_add_list(conf, words->kind, name)) == NULL) {
		lex_error(pos, NULL, "more than %d tables of words",
		    CONF_LISTS_MAX);
		return;
	}
	stored[l->w.id] = words;
	l->line = (int)pos->line;
	l->w.errors = words->errors;
	STAILQ_FOREACH(w, &words->words, entry) {
		if (conf_add_entry(conf, l, w->weight, w->text, w->len) == 0)
			continue;
		lex_error(&w->pos, "smaller tables", "more than %d words, or "
		    "too many bytes of them, in all tables",
		    CONF_ENTRIES_MAX);
		return;
	}
}

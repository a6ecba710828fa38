/* SPDX-License-Identifier: ISC */

/*
 * What would have been right: lists of words, each after "|", as the grammar
 * notes them, made readable for an error message.
 */

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"

#include "lex.h"
#include "keyword.h"
#include "expect.h"
#include "value.h"

static void	 unexpected_word(const struct token *, const char *,
		    const char *);

char *
expect_text(char *buf, size_t size, const char *expected)
{
	const char	*p, *bar, *quote;
	size_t		 len, n;

	buf[0] = '\0';
	for (p = expected; p != NULL; p = bar == NULL ? NULL : bar + 1) {
		bar = strchr(p, '|');
		if (p != expected)
			strlcat(buf, bar == NULL ? " or " : ", ", size);
		n = bar == NULL ? strlen(p) : (size_t)(bar - p);
		quote = n == 1 ? "\"" : "";
		len = strlen(buf);
		snprintf(buf + len, size - len, "%s%.*s%s", quote, (int)n, p,
		    quote);
	}
	return (buf);
}

const char *
expect_nearest(const char *word, const char *list)
{
	static char	 best[32];
	char		 one[32];
	const char	*p, *bar;
	unsigned int	 d, min;

	min = 3;
	for (p = list; p != NULL; p = bar == NULL ? NULL : bar + 1) {
		bar = strchr(p, '|');
		snprintf(one, sizeof(one), "%.*s",
		    bar == NULL ? (int)strlen(p) : (int)(bar - p), p);
		if (keyword_find(one) == NULL)
			continue;
		d = value_distance(word, one);
		if (d >= min || d * 3 > strlen(one))
			continue;
		min = d;
		strlcpy(best, one, sizeof(best));
	}
	return (min < 3 ? best : NULL);
}

int
expect_listed(const char *word, const char *list)
{
	const char	*p;
	size_t		 len;

	len = strlen(word);
	for (p = list; p != NULL; p = strchr(p, '|')) {
		if (*p == '|')
			p++;
		if (strncmp(p, word, len) == 0 &&
		    (p[len] == '|' || p[len] == '\0'))
			return (1);
	}
	return (0);
}

static void
unexpected_word(const struct token *t, const char *text,
    const char *expected)
{
	char		 first[32];
	const char	*near;
	size_t		 len;

	len = strcspn(expected, "|") + 1;
	strlcpy(first, expected, len < sizeof(first) ? len : sizeof(first));
	if (keyword_find(t->text) != NULL) {
		lex_error(&t->pos, text, "unexpected keyword %s%s", t->text,
		    strchr(expected, '|') == NULL &&
		    keyword_find(first) == NULL && strcmp(first, X_END) != 0 ?
		    " (a value must be quoted if it is also a keyword)" : "");
		return;
	}
	near = expect_nearest(t->text, expected);
	if (near != NULL)
		lex_error(&t->pos, text, "unknown word %s (did you mean %s?)",
		    lex_show(t->text), near);
	else if (keyword_find(first) != NULL)
		lex_error(&t->pos, text, "unknown word %s",
		    lex_show(t->text));
	else
		lex_error(&t->pos, text, "unexpected %s", lex_show(t->text));
}

void
expect_report(const struct token *t, const char *expected)
{
	char	 text[512];

	expect_text(text, sizeof(text), expected);
	switch (t->type) {
	case LEX_NEWLINE:
		lex_error(&t->pos, text, "unexpected end of line");
		break;
	case LEX_END:
	case LEX_FILE_END:
		if (lex_open_brace() != NULL)
			lex_error(&t->pos, text, "end of file, and the { of "
			    "line %u is still open", lex_open_brace()->line);
		else
			lex_error(&t->pos, text, "unexpected end of file");
		break;
	case LEX_PUNCT:
		lex_error(&t->pos, text, "unexpected \"%c\"", t->punct);
		break;
	case LEX_TABLE:
		lex_error(&t->pos, text, "unexpected <%s>",
		    lex_show(t->text));
		break;
	case LEX_WORD:
		unexpected_word(t, text, expected);
		break;
	case LEX_STRING:
	case LEX_ASSIGN:
	case LEX_BAD:
		lex_error(&t->pos, text, "unexpected \"%s\"",
		    lex_show(t->text));
		break;
	}
}

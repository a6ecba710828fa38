/* SPDX-License-Identifier: ISC */

/*
 * What would have been right: lists of words, each after "|", as the grammar
 * notes them, made readable for an error message.
 */

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "expect.h"
#include "value.h"

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
expect_nearest(const char *word, const char *list,
    int (*keyword)(const char *))
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
		if (keyword(one) == -1)
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

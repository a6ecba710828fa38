/* SPDX-License-Identifier: ISC */

/* Words that mean something to the grammar, see keyword.c. */

#ifndef MAILWALL_KEYWORD_H
#define MAILWALL_KEYWORD_H

/* What the parser's stack holds. */
struct value {
	struct pos	 pos;		/* of the first word */
	char		*str;
	unsigned int	 num;
};
#define YYSTYPE	struct value

struct keyword {
	const char	*name;
	int		 token;		/* of parse.h */
	unsigned int	 num;		/* which of its kind */
};

/* The keyword of that name, or NULL. */
const struct keyword *keyword_find(const char *);

#endif /* MAILWALL_KEYWORD_H */

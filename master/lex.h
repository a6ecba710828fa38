/* SPDX-License-Identifier: ISC */

/*
 * The words of mailwall.conf(5): files and includes, macros, tokens, and the
 * one place where errors are reported.  One file is read at a time; what is
 * allocated here lives until lex_close().
 */

#ifndef MAILWALL_LEX_H
#define MAILWALL_LEX_H

#include <stddef.h>
#include <stdint.h>

#define LEX_FILE_MAX	(64 * 1024 * 1024) /* one file: CONF_ENTRIES_MAX lines
					     of a table of addresses */
#define LEX_FILES_MAX	256		/* included in all: two files that
					   include a third twice each ... */
#define LEX_ARENA_MAX	(256 * 1024 * 1024) /* all of it: macros multiply */
#define LEX_WORD_MAX	1024		/* a path, a reply, with escapes */
#define LEX_MACROS_MAX	256		/* searched one after the other */
#define LEX_VALUE_MAX	4096		/* a macro's value: a list */
#define LEX_ERRORS_MAX	20		/* more help nobody */

/* Where something stands. */
struct pos {
	const char	*path;
	const char	*macro;		/* it came out of that macro, or NULL */
	uint32_t	 line;
	uint32_t	 col;		/* in bytes, from 1 */
};

enum lex_type {
	LEX_END,		/* of the whole */
	LEX_FILE_END,		/* of an included file */
	LEX_NEWLINE,		/* ends a statement: outside braces only */
	LEX_WORD,		/* bare */
	LEX_STRING,		/* was quoted */
	LEX_TABLE,		/* <name> */
	LEX_ASSIGN,		/* name = at the start of a statement */
	LEX_PUNCT,		/* one of { } , ! */
	LEX_BAD			/* has been reported */
};

struct token {
	enum lex_type	 type;
	int		 punct;		/* LEX_PUNCT: which */
	struct pos	 pos;
	char		*text;		/* words, strings, names; else "" */
};

/*
 * Start with the file path; to_stderr says where errors go.  Returns 0, or -1
 * after having reported why not.  lex_close() must follow in either case.
 */
int	 lex_open(const char *path, int to_stderr);
void	 lex_close(void);

/* The next token; LEX_END for ever after the end, or after a disaster. */
void	 lex_next(struct token *);

/*
 * Go on with the file path, relative to the one that is being read, and
 * return to here at its end.  Errors are reported at pos.
 */
void	 lex_include(const struct pos *, const char *path);

/*
 * Read a whole file, found and checked as an included one is.  Returns its
 * bytes, with a NUL behind them, or NULL after having reported why not; *len
 * gets their number and *full the name for messages.
 */
char	*lex_read(const struct pos *, const char *path, const char **full,
	    size_t *len);

/* Where the "{" stands that has not been closed; NULL if there is none. */
const struct pos *lex_open_brace(void);

/* Define a macro; errors are reported. */
void	 lex_macro(const struct pos *, const char *name, const char *value);
/* Warn about macros that nobody used. */
void	 lex_unused_macros(void);

/*
 * Memory that lex_close() frees, zeroed.  NULL when there is no more, which
 * has been reported then and ends the reading.
 */
void	*lex_alloc(size_t);
/* A copy of len bytes and a NUL, from lex_alloc(). */
char	*lex_copy(const char *, size_t len);

/*
 * Report "path:line:column: text, expected what".  pos may be NULL for the
 * file as a whole and expected for nothing in particular.  After
 * LEX_ERRORS_MAX errors the reading ends.
 */
void	 lex_error(const struct pos *, const char *expected, const char *, ...)
	    __attribute__((__format__(printf, 3, 4)));
void	 lex_warning(const struct pos *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
int	 lex_errors(void);

/*
 * Text of the file made fit for a message, without quotes, cut when it is
 * long.  Two results are valid at a time.
 */
const char *lex_show(const char *);

#endif /* MAILWALL_LEX_H */

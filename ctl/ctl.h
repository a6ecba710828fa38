/* SPDX-License-Identifier: ISC */

/*
 * What the files of mailwallctl share: a connection to the store, rows that
 * come over it, and ways to show them.  Text in rows comes from messages and
 * is nobody's friend: nothing of it reaches a terminal or a page unescaped.
 */

#ifndef MAILWALL_CTL_H
#define MAILWALL_CTL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "imsg.h"
#include "proto.h"

/* Exit status is for scripts. */
#define CTL_OK		0
#define CTL_REFUSED	1	/* refused, or not found */
#define CTL_USAGE	2
#define CTL_NO_ONE	3	/* nobody answers */

/* rows.c: names and values in turn, as they came */

struct row {
	char	*data;
	size_t	 len;
};

struct rows {
	struct row	*row;
	size_t		 n, alloc;
};

/* Append a copy; exits without memory. */
void		 rows_add(struct rows *, const void *, size_t len);
void		 rows_free(struct rows *);
/* A value by its name; NULL where the row has none. */
const char	*row_get(const struct row *, const char *name);
/* The same as a number; 0 where there is none. */
uint64_t	 row_number(const struct row *, const char *name);
/*
 * Walk through a row: *at is NULL at first.  1 with name and value, 0 at the
 * end.
 */
int		 row_next(const struct row *, const char **at,
		    const char **name, const char **value);

/* connection.c */

struct connection {
	struct imsgbuf	 ib;
	int		 mail;		/* descriptor that came, or -1 */
	uint64_t	 mail_size;
};

/* Connect to the socket; exits CTL_NO_ONE when nobody is there. */
void		 ctl_connect(struct connection *, const char *path);
/*
 * Ask, and hand over each row as it comes (func may be NULL).  *end is how it
 * ended.  Exits CTL_NO_ONE when the connection is lost.
 */
void		 ctl_ask(struct connection *, const struct msg_ctl *,
		    void (*func)(void *, const struct row *), void *arg,
		    struct msg_ctl_end *end);

/*
 * As ctl_ask(), for what would become of a message: a sealed memfd, which is
 * taken, or -1.
 */
void		 ctl_explain(struct connection *, const struct msg_explain *,
		    int fd, void (*func)(void *, const struct row *),
		    void *arg, struct msg_ctl_end *end);

/* output.c */

enum kind {
	KIND_TEXT,
	KIND_NUMBER,
	KIND_BYTES,
	KIND_TIME,		/* epoch, s */
	KIND_TIME_MS,		/* epoch, ms */
	KIND_SECONDS		/* how long; 0: for ever */
};

struct column {
	const char	*name;		/* of the value */
	const char	*title;
	enum kind	 kind;
	int		 flex;		/* may be cut */
};

/* A JSON array of all rows, one a line. */
void		 print_json(FILE *, const struct rows *);
/*
 * A table with these columns, the last one without a name; cut to width
 * columns of the terminal, 0: not cut.
 */
void		 print_table(FILE *, const struct rows *,
		    const struct column *, unsigned int width);
/* A row as "name: value" lines. */
void		 print_row(FILE *, const struct row *);
/* A value as its kind is shown: itself if that is text, else in buf. */
const char	*show(const char *value, enum kind, char *buf, size_t size);
/* A string of JSON with its quotes. */
void		 print_string(FILE *, const char *);
/* In its place, make text fit to be shown: what must not be is "?". */
void		 make_plain(char *);
/* Columns that a string takes on a terminal. */
unsigned int	 display_width(const char *);
/* Columns of the terminal at the descriptor; 0: it is none. */
unsigned int	 terminal_width(int fd);

/* times.c */

/*
 * A point in time, epoch s: "@seconds", "2h" (ago), "2026-11-26", or
 * "2026-11-26 19:00[:30]", local time.  0, or -1.
 */
int		 time_parse(const char *, uint64_t now, uint64_t *);
/* "90s", "2h", "7d": seconds.  0, or -1. */
int		 duration_parse(const char *, uint64_t *);

/* top.c, report.c, metrics.c: return an exit status */

int		 top(struct connection *, unsigned int rounds);
int		 report(struct connection *, uint64_t from, uint64_t until,
		    FILE *);
int		 metrics(struct connection *, FILE *);

/*
 * explain.c: the command, with its arguments.  Returns CTL_OK for a message
 * that passes and CTL_REFUSED for one that does not; CTL_USAGE when that
 * could not be found out.
 */
int		 explain(const char *socket_path, int argc, char **argv,
		    uint64_t now, int json);

#endif /* MAILWALL_CTL_H */

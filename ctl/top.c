/* SPDX-License-Identifier: ISC */

/*
 * A screen that shows what goes on, once a second: rates, what is made of
 * messages, and the sessions that have been there longest.
 */

#include <sys/ioctl.h>

#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define EVERY		1000	/* ms */
#define BAR		30	/* columns of a bar */
#define HEAD_LINES	12	/* above the sessions */

#define CLEAR_REST	"\033[K\n"	/* to the end of the line */

static struct termios	 saved;
static int		 is_raw;
static volatile sig_atomic_t stop;

static void	 on_signal(int);
static void	 restore(void);
static void	 raw(void);
static void	 keep(void *, const struct row *);
static void	 ask(struct connection *, uint32_t, struct rows *);
static uint64_t	 value(const struct rows *, const char *);
static double	 rate(const struct rows *, const struct rows *, const char *,
		    double);
static double	 mean_ms(const struct rows *, const struct rows *,
		    const char *, const char *);
static void	 share(const struct rows *, const char *, const char *,
		    const char *, uint64_t);
static void	 screen(const struct rows *, const struct rows *, double,
		    struct rows *, unsigned int, unsigned int);
static int	 older(const void *, const void *);

static const struct column sessions[] = {
	{ "seconds", "AGE", KIND_SECONDS, 0 },
	{ "state", "STATE", KIND_TEXT, 0 },
	{ "client", "CLIENT", KIND_TEXT, 1 },
	{ "dest", "SERVER", KIND_TEXT, 1 },
	{ "messages", "MSGS", KIND_NUMBER, 0 },
	{ "bytes", "SIZE", KIND_BYTES, 0 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
};

static void
on_signal(int sig)
{
	stop = 1;
}

static void
restore(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

/* Keys at once; a screen of our own, which leaves no traces. */
static void
raw(void)
{
	struct termios	 t;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &saved) == -1)
		return;
	t = saved;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &t) == -1)
		return;
	is_raw = 1;
	atexit(restore);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	fputs("\033[?1049h\033[?25l", stdout);
}

static void
keep(void *arg, const struct row *r)
{
	rows_add(arg, r->data, r->len);
}

static void
ask(struct connection *c, uint32_t command, struct rows *rows)
{
	struct msg_ctl		 req;
	struct msg_ctl_end	 end;

	memset(&req, 0, sizeof(req));
	req.command = command;
	req.limit = 2000;
	memset(rows, 0, sizeof(*rows));
	ctl_ask(c, &req, keep, rows, &end);
}

static uint64_t
value(const struct rows *rows, const char *name)
{
	const char	*v;
	size_t		 i;

	for (i = 0; i < rows->n; i++) {
		v = row_get(&rows->row[i], "name");
		if (v != NULL && strcmp(v, name) == 0)
			return (row_number(&rows->row[i], "value"));
	}
	return (0);
}

/* Of something that only grows, unless the store was started anew. */
static double
rate(const struct rows *a, const struct rows *b, const char *name,
    double seconds)
{
	uint64_t	 from, to;

	from = value(a, name);
	to = value(b, name);
	if (a->n == 0 || to < from || seconds <= 0)
		return (0);
	return ((double)(to - from) / seconds);
}

/* Since the last screen; all in all where nothing happened since. */
static double
mean_ms(const struct rows *a, const struct rows *b, const char *sum,
    const char *count)
{
	uint64_t	 us, n;

	us = value(b, sum);
	n = value(b, count);
	if (a->n > 0 && n > value(a, count) && us >= value(a, sum)) {
		us -= value(a, sum);
		n -= value(a, count);
	}
	return (n == 0 ? 0 : (double)us / (double)n / 1000);
}

/* A line: name, number, and its part of the whole as a bar. */
static void
share(const struct rows *b, const char *title, const char *name,
    const char *color, uint64_t all)
{
	uint64_t	 n;
	unsigned int	 i, bar;

	n = value(b, name);
	bar = all == 0 ? 0 : (unsigned int)(n * BAR / all);
	if (n > 0 && bar == 0)
		bar = 1;
	printf("  %-15s %10" PRIu64 "  %5.1f%%  \033[%sm", title, n,
	    all == 0 ? 0.0 : (double)n * 100 / (double)all, color);
	for (i = 0; i < bar; i++)
		fputs("\xe2\x96\x88", stdout);
	fputs("\033[0m" CLEAR_REST, stdout);
}

static int
older(const void *a, const void *b)
{
	uint64_t	 x, y;

	x = row_number(a, "seconds");
	y = row_number(b, "seconds");
	return (x < y ? 1 : x > y ? -1 : 0);
}

static void
screen(const struct rows *a, const struct rows *b, double seconds,
    struct rows *s, unsigned int width, unsigned int height)
{
	struct rows	 first;
	struct tm	 tm;
	char		 clock[16], used[32], max[32], number[32], kept[32];
	time_t		 t;
	uint64_t	 all;

	t = time(NULL);
	if (localtime_r(&t, &tm) == NULL ||
	    strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
		clock[0] = '\0';
	snprintf(number, sizeof(number), "%" PRIu64, value(b, "spool"));
	show(number, KIND_BYTES, used, sizeof(used));
	snprintf(number, sizeof(number), "%" PRIu64, value(b, "spool_max"));
	show(number, KIND_BYTES, max, sizeof(max));
	snprintf(number, sizeof(number), "%" PRIu64,
	    value(b, "quarantine_bytes"));
	show(number, KIND_BYTES, kept, sizeof(kept));
	fputs("\033[H", stdout);
	printf("\033[1mmailwall\033[0m  %s   %" PRIu64 " workers   %" PRIu64
	    " sessions now   %" PRIu64 " messages in hand" CLEAR_REST, clock,
	    value(b, "proxies"), value(b, "sessions_now"),
	    value(b, "messages_now"));
	printf("a second: %.1f sessions, %.1f messages, %.2f MB; refused "
	    "%.1f" CLEAR_REST, rate(a, b, "sessions", seconds),
	    rate(a, b, "messages", seconds),
	    rate(a, b, "bytes", seconds) / 1e6,
	    rate(a, b, "refused", seconds));
	printf("spool %s of %s   quarantine %" PRIu64 " (%s)   in tables %"
	    PRIu64 CLEAR_REST, used, max, value(b, "quarantine"), kept,
	    value(b, "members"));
	printf("a message: parse %.1f ms, scan %.1f ms, deliver %.1f ms"
	    CLEAR_REST CLEAR_REST, mean_ms(a, b, "parse_us", "messages"),
	    mean_ms(a, b, "scan_us", "messages"),
	    mean_ms(a, b, "deliver_us", "action_pass"));
	all = value(b, "messages");
	share(b, "passed", "action_pass", "32", all);
	share(b, "blocked", "action_block", "31", all);
	share(b, "put off", "action_tempfail", "33", all);
	share(b, "discarded", "action_discard", "35", all);
	share(b, "viruses", "verdict_virus", "31", all);
	share(b, "unscannable", "verdict_unscannable", "33", all);
	fputs(CLEAR_REST "\033[J", stdout);
	if (s->n > 0)
		qsort(s->row, s->n, sizeof(*s->row), older);
	first = *s;
	if (height > HEAD_LINES + 2 && first.n > height - HEAD_LINES - 2)
		first.n = height - HEAD_LINES - 2;
	print_table(stdout, &first, sessions, width == 0 ? 100 : width);
	fflush(stdout);
}

int
top(struct connection *c, unsigned int rounds)
{
	struct rows	 a, b, s;
	struct timespec	 t0, t1;
	struct winsize	 ws;
	struct pollfd	 pfd;
	double		 seconds;
	unsigned int	 round;
	char		 key;

	memset(&a, 0, sizeof(a));
	memset(&t0, 0, sizeof(t0));
	raw();
	for (round = 0; !stop && (rounds == 0 || round < rounds); round++) {
		ask(c, CTL_STATS, &b);
		ask(c, CTL_SESSIONS, &s);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		seconds = (double)(t1.tv_sec - t0.tv_sec) +
		    (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == -1)
			memset(&ws, 0, sizeof(ws));
		screen(&a, &b, seconds, &s, ws.ws_col, ws.ws_row);
		rows_free(&a);
		rows_free(&s);
		a = b;
		t0 = t1;
		pfd.fd = is_raw ? STDIN_FILENO : -1;
		pfd.events = POLLIN;
		if (round + 1 != rounds && poll(&pfd, 1, EVERY) > 0 &&
		    (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
			break;
	}
	rows_free(&a);
	restore();
	return (CTL_OK);
}

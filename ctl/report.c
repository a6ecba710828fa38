/* SPDX-License-Identifier: ISC */

/*
 * A page about a stretch of time: one file of HTML, without scripts and
 * without anything from elsewhere, to be read on a screen or on paper.
 */

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bsd/string.h>
#include <bsd/sys/tree.h>

#include "ctl.h"

#define BUCKETS_MAX	60	/* bars of the plot */
#define TOP		15	/* rows of a table */

#define PLOT_W		900
#define PLOT_H		260
#define LEFT		56
#define BOTTOM		34

enum { PASS, BLOCK, TEMPFAIL, DISCARD, NACTIONS };

static const struct {
	const char	*name, *title, *color;
} actions[NACTIONS] = {
	{ "pass", "passed", "#4c9f70" },
	{ "block", "blocked", "#c8553d" },
	{ "tempfail", "put off", "#e0a030" },
	{ "discard", "discarded", "#7d6b91" },
};

struct count {
	RB_ENTRY(count)	 entry;
	uint64_t	 n, sum, max;
	char		 key[];
};

/*
 * How often each of many strings came.  Strangers choose them, and could
 * choose such as a hash takes for the same.
 */
struct counts {
	RB_HEAD(count_tree, count) tree;
	size_t		 n;
};

struct page {
	uint64_t	 from, until;		/* s */
	uint64_t	 start, width;		/* of the first bar, of each */
	unsigned int	 nbuckets;
	uint64_t	 bar[BUCKETS_MAX][NACTIONS];
	uint64_t	 total[NACTIONS], messages, bytes, quarantined;
	uint64_t	 viruses, unscannable;
	struct counts	 senders, names, rules, servers, clients;
};

/* How much of a time is shown. */
enum precision { FULL, DAY, DAY_TIME, TIME };

static void	 escape(FILE *, const char *);
static int	 by_key(const struct count *, const struct count *);
static struct count *count_find(struct counts *, const char *);
static void	 count(struct counts *, const char *, uint64_t);
static int	 by_number(const void *, const void *);
static int	 by_mean(const void *, const void *);
static void	 take(void *, const struct row *);
static void	 buckets(struct page *);
static void	 head(FILE *, const struct page *);
static void	 numbers(FILE *, const struct page *);
static void	 plot(FILE *, const struct page *);
static void	 table(FILE *, struct counts *, const char *, const char *,
		    const char *, int);
static const char *when(uint64_t, enum precision, char *, size_t);

/* Text from messages: nothing of it is markup. */
static void
escape(FILE *f, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			putc(*s, f);
			break;
		}
}

static int
by_key(const struct count *a, const struct count *b)
{
	return (strcmp(a->key, b->key));
}

RB_PROTOTYPE(count_tree, count, entry, by_key)
RB_GENERATE(count_tree, count, entry, by_key)

/* The one with that key, made if need be. */
static struct count *
count_find(struct counts *c, const char *key)
{
	struct count	*s, *there;
	size_t		 size;

	size = strlen(key) + 1;
	if ((s = calloc(1, sizeof(*s) + size)) == NULL)
		err(CTL_REFUSED, "report");
	memcpy(s->key, key, size);
	if ((there = RB_INSERT(count_tree, &c->tree, s)) != NULL) {
		free(s);
		return (there);
	}
	c->n++;
	return (s);
}

static void
count(struct counts *c, const char *key, uint64_t value)
{
	struct count	*s;

	s = count_find(c, key);
	s->n++;
	s->sum += value;
	if (value > s->max)
		s->max = value;
}

static int
by_number(const void *a, const void *b)
{
	const struct count	*const *x = a, *const *y = b;

	if ((*x)->n != (*y)->n)
		return ((*x)->n < (*y)->n ? 1 : -1);
	/* Equal ones in one order. */
	return (by_key(*x, *y));
}

static int
by_mean(const void *a, const void *b)
{
	const struct count	*const *x = a, *const *y = b;
	double			 p, q;

	p = (double)(*x)->sum / (double)(*x)->n;
	q = (double)(*y)->sum / (double)(*y)->n;
	return (p < q ? 1 : p > q ? -1 : by_key(*x, *y));
}

static void
take(void *arg, const struct row *r)
{
	struct page	*p;
	const char	*v;
	char		 client[ADDR_STRLEN + 8], *port;
	uint64_t	 t;
	unsigned int	 a, b;

	p = arg;
	t = row_number(r, "time") / 1000;
	if (t < p->from || t > p->until ||
	    (v = row_get(r, "action")) == NULL)
		return;
	for (a = 0; a < NACTIONS && strcmp(actions[a].name, v) != 0; a++)
		;
	if (a == NACTIONS)
		return;
	b = (unsigned int)((t - p->start) / p->width);
	if (b >= p->nbuckets)
		b = p->nbuckets - 1;
	p->bar[b][a]++;
	p->total[a]++;
	p->messages++;
	p->bytes += row_number(r, "size");
	p->quarantined += row_number(r, "quarantined");
	if ((v = row_get(r, "from")) != NULL)
		count(&p->senders, v[0] == '\0' ? "<>" : v,
		    row_number(r, "size"));
	if ((v = row_get(r, "client")) != NULL && a != PASS &&
	    strlcpy(client, v, sizeof(client)) < sizeof(client)) {
		/* Its port says nothing. */
		if ((port = strrchr(client, ':')) != NULL)
			*port = '\0';
		count(&p->clients, client, 0);
	}
	v = row_get(r, "verdict");
	if (v != NULL && strcmp(v, "virus") == 0) {
		p->viruses++;
		if ((v = row_get(r, "name")) != NULL)
			count(&p->names, v, 0);
	} else if (v != NULL && strcmp(v, "unscannable") == 0)
		p->unscannable++;
	if ((v = row_get(r, "rule")) != NULL && strcmp(v, "0") != 0)
		count(&p->rules, v, 0);
	if (a == PASS && (v = row_get(r, "dest")) != NULL)
		count(&p->servers, v, row_number(r, "deliver_ms"));
}

/*
 * Bars of a round length, not more than fit.  They begin where a clock shows
 * full hours, those of days at midnight, in local time.
 */
static void
buckets(struct page *p)
{
	static const uint64_t	 widths[] = {
		60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
		86400, 7 * 86400, 30 * 86400, 365 * 86400
	};
	uint64_t		 round, local;
	struct tm		 tm;
	time_t			 t;
	size_t			 i;

	for (i = 0; i < sizeof(widths) / sizeof(widths[0]) - 1 &&
	    (p->until - p->from) / widths[i] >= BUCKETS_MAX - 1; i++)
		;
	p->width = widths[i];
	round = p->width < 86400 ? p->width : 86400;
	t = (time_t)p->from;
	local = p->from;
	if (localtime_r(&t, &tm) != NULL)
		local += (uint64_t)tm.tm_gmtoff;
	p->start = p->from - local % round;
	if (p->start > p->from)		/* the first day of 1970 */
		p->start = 0;
	p->nbuckets = (unsigned int)((p->until - p->start) / p->width) + 1;
	if (p->nbuckets > BUCKETS_MAX)
		p->nbuckets = BUCKETS_MAX;
}

static const char *
when(uint64_t t, enum precision p, char *buf, size_t size)
{
	struct tm	 tm;
	time_t		 tt;
	size_t		 n;

	tt = (time_t)t;
	n = 0;
	if (localtime_r(&tt, &tm) != NULL)
		switch (p) {
		case FULL:
			n = strftime(buf, size, "%Y-%m-%d %H:%M", &tm);
			break;
		case DAY:
			n = strftime(buf, size, "%b %d", &tm);
			break;
		case DAY_TIME:
			n = strftime(buf, size, "%b %d %H:%M", &tm);
			break;
		case TIME:
			n = strftime(buf, size, "%H:%M", &tm);
			break;
		}
	if (n == 0)
		buf[0] = '\0';
	return (buf);
}

static void
head(FILE *f, const struct page *p)
{
	char	 from[32], until[32];

	when(p->from, FULL, from, sizeof(from));
	when(p->until, FULL, until, sizeof(until));
	fprintf(f, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width\">\n"
	    "<title>mailwall, %s to %s</title>\n<style>\n"
	    "body{font:15px/1.45 system-ui,sans-serif;color:#222;"
	    "max-width:940px;margin:2em auto;padding:0 1em}\n"
	    "h1{font-size:1.5em;margin:0}h2{font-size:1.1em;"
	    "margin:1.6em 0 .4em}\n.when{color:#666;margin:.2em 0 1.4em}\n"
	    ".numbers{display:flex;flex-wrap:wrap;gap:.6em}\n"
	    ".numbers div{border:1px solid #ddd;border-radius:6px;"
	    "padding:.5em .9em;min-width:6.2em}\n"
	    ".numbers b{display:block;font-size:1.45em;"
	    "font-variant-numeric:tabular-nums}\n"
	    ".numbers span{color:#666;font-size:.85em}\n"
	    "svg{width:100%%;height:auto;display:block}\n"
	    "svg text{font:11px system-ui,sans-serif;fill:#555}\n"
	    ".key{margin:.3em 0 0;color:#444}.key i{display:inline-block;"
	    "width:.8em;height:.8em;margin:0 .35em 0 1em}\n"
	    ".tables{display:grid;grid-template-columns:repeat(auto-fit,"
	    "minmax(400px,1fr));gap:0 2em}\n"
	    "table{border-collapse:collapse;width:100%%}\n"
	    "th,td{text-align:left;padding:.22em .4em;border-bottom:"
	    "1px solid #eee;overflow-wrap:anywhere}\n"
	    "th{font-weight:600;color:#555}td.n,th.n{text-align:right;"
	    "white-space:nowrap;font-variant-numeric:tabular-nums}\n"
	    "p.none{color:#777}\n"
	    "@media print{body{margin:0;max-width:none;font-size:11px}"
	    "h2,table,svg{break-inside:avoid}}\n"
	    "</style>\n</head>\n<body>\n<h1>mailwall</h1>\n"
	    "<p class=\"when\">%s to %s</p>\n", from, until, from, until);
}

static void
numbers(FILE *f, const struct page *p)
{
	char		 buf[32], bytes[32];
	unsigned int	 a;

	snprintf(buf, sizeof(buf), "%" PRIu64, p->bytes);
	show(buf, KIND_BYTES, bytes, sizeof(bytes));
	fprintf(f, "<div class=\"numbers\">\n<div><b>%" PRIu64 "</b><span>"
	    "messages</span></div>\n<div><b>%s</b><span>in all</span></div>"
	    "\n", p->messages, bytes);
	for (a = 0; a < NACTIONS; a++)
		fprintf(f, "<div><b>%" PRIu64 "</b><span>%s</span></div>\n",
		    p->total[a], actions[a].title);
	fprintf(f, "<div><b>%" PRIu64 "</b><span>in quarantine</span></div>"
	    "\n<div><b>%" PRIu64 "</b><span>viruses</span></div>\n"
	    "<div><b>%" PRIu64 "</b><span>unscannable</span></div>\n</div>\n",
	    p->quarantined, p->viruses, p->unscannable);
}

/* The next number that is 1, 2 or 5 times a power of ten. */
static uint64_t
round_up(uint64_t n)
{
	uint64_t	 p;

	for (p = 1; ; p *= 10) {
		if (n <= p)
			return (p);
		if (n <= 2 * p)
			return (2 * p);
		if (n <= 5 * p)
			return (5 * p);
	}
}

static void
plot_axes(FILE *f, const struct page *p, uint64_t max, double step)
{
	enum precision	 precision;
	unsigned int	 i, every;
	uint64_t	 line, tick;
	double		 y, h;
	char		 buf[32];

	h = PLOT_H - BOTTOM - 10;
	/* No tick between whole messages. */
	tick = max >= 5 ? max / 5 : 1;
	for (line = 0; line <= max; line += tick) {
		y = 10 + h - h * (double)line / (double)max;
		fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\""
		    " stroke=\"#e4e4e4\"/><text x=\"%d\" y=\"%.1f\" "
		    "text-anchor=\"end\">%" PRIu64 "</text>\n", LEFT, PLOT_W,
		    y, y, LEFT - 6, y + 4, line);
	}
	precision = p->width >= 86400 ? DAY :
	    p->until - p->from > 86400 ? DAY_TIME : TIME;
	/* A label needs some 80 units. */
	every = (unsigned int)(80 / step) + 1;
	for (i = 0; i < p->nbuckets; i += every)
		fprintf(f, "<text x=\"%.1f\" y=\"%d\">%s</text>\n",
		    LEFT + step * i, PLOT_H - 12, when(p->start +
		    i * p->width, precision, buf, sizeof(buf)));
}

static void
plot(FILE *f, const struct page *p)
{
	double		 step, y, h, bar;
	uint64_t	 max, sum;
	unsigned int	 i, a;

	max = 0;
	for (i = 0; i < p->nbuckets; i++) {
		sum = 0;
		for (a = 0; a < NACTIONS; a++)
			sum += p->bar[i][a];
		if (sum > max)
			max = sum;
	}
	fputs("<h2>Messages over time</h2>\n", f);
	if (max == 0) {
		fputs("<p class=\"none\">There were none.</p>\n", f);
		return;
	}
	max = round_up(max);
	step = (double)(PLOT_W - LEFT) / p->nbuckets;
	h = PLOT_H - BOTTOM - 10;
	fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"Messages over time\">\n", PLOT_W, PLOT_H);
	plot_axes(f, p, max, step);
	for (i = 0; i < p->nbuckets; i++) {
		y = 10 + h;
		for (a = 0; a < NACTIONS; a++) {
			bar = h * (double)p->bar[i][a] / (double)max;
			if (bar <= 0)
				continue;
			y -= bar;
			fprintf(f, "<rect x=\"%.1f\" y=\"%.2f\" width=\"%.1f\""
			    " height=\"%.2f\" fill=\"%s\"><title>%" PRIu64
			    " %s</title></rect>\n", LEFT + step * i + 1, y,
			    step > 3 ? step - 2 : step, bar,
			    actions[a].color, p->bar[i][a], actions[a].title);
		}
	}
	fputs("</svg>\n<p class=\"key\">", f);
	for (a = 0; a < NACTIONS; a++)
		fprintf(f, "<i style=\"background:%s\"></i>%s",
		    actions[a].color, actions[a].title);
	fputs("</p>\n", f);
}

/* The first few; ms: by the mean of their values, else by their number. */
static void
table(FILE *f, struct counts *c, const char *title, const char *key,
    const char *none, int ms)
{
	struct count	**sorted, *s;
	size_t		 i;

	fprintf(f, "<section><h2>%s</h2>\n", title);
	if (c->n == 0) {
		fprintf(f, "<p class=\"none\">%s</p></section>\n", none);
		return;
	}
	if ((sorted = reallocarray(NULL, c->n, sizeof(*sorted))) == NULL)
		err(CTL_REFUSED, "report");
	i = 0;
	RB_FOREACH(s, count_tree, &c->tree)
		sorted[i++] = s;
	qsort(sorted, c->n, sizeof(*sorted), ms ? by_mean : by_number);
	fprintf(f, "<table><tr><th>%s</th><th class=\"n\">messages</th>%s"
	    "</tr>\n", key, ms ? "<th class=\"n\">mean</th>"
	    "<th class=\"n\">longest</th>" : "");
	for (i = 0; i < c->n && i < TOP; i++) {
		s = sorted[i];
		fputs("<tr><td>", f);
		escape(f, s->key);
		fprintf(f, "</td><td class=\"n\">%" PRIu64 "</td>", s->n);
		if (ms)
			fprintf(f, "<td class=\"n\">%.0f ms</td>"
			    "<td class=\"n\">%" PRIu64 " ms</td>",
			    (double)s->sum / (double)s->n, s->max);
		fputs("</tr>\n", f);
	}
	free(sorted);
	fputs("</table></section>\n", f);
}

int
report(struct connection *c, uint64_t from, uint64_t until, FILE *f)
{
	static struct page	 page;
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;

	memset(&page, 0, sizeof(page));
	page.from = from;
	page.until = until;
	buckets(&page);
	memset(&req, 0, sizeof(req));
	req.command = CTL_LOG;
	req.from = from;
	req.until = until;
	req.limit = CTL_ROWS_MAX;
	ctl_ask(c, &req, take, &page, &end);
	if (end.error != 0)
		errx(CTL_REFUSED, "%s", end.text);
	head(f, &page);
	numbers(f, &page);
	plot(f, &page);
	fputs("<div class=\"tables\">\n", f);
	table(f, &page.senders, "Senders", "sender", "No messages.", 0);
	table(f, &page.clients, "Clients whose messages did not pass",
	    "client", "None.", 0);
	table(f, &page.names, "Viruses", "name", "None was found.", 0);
	table(f, &page.rules, "Rules that decided", "line of the file",
	    "None.", 0);
	table(f, &page.servers, "Slowest servers", "server",
	    "Nothing was delivered.", 1);
	fputs("</div>\n", f);
	if (page.messages == CTL_ROWS_MAX)
		fprintf(f, "<p class=\"none\">Only the newest %d messages "
		    "are counted.</p>\n", CTL_ROWS_MAX);
	fputs("</body>\n</html>\n", f);
	if (fflush(f) != 0)
		err(CTL_REFUSED, "report");
	return (CTL_OK);
}

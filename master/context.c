/* SPDX-License-Identifier: ISC */

/*
 * What a rule asks of when and where it is: listener, direction, time, points
 * that earlier rules gave, and what has happened so often already.
 */

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"

#include "lex.h"
#include "build.h"
#include "value.h"

#define POINTS_MAX	1000000

static void	 only_once(const struct pos *, int, const char *);
static int	 clock_parse(const char *, size_t, uint32_t *);
static int	 points_parse(const struct pos *, const char *, int32_t *);
static uint32_t	 day_find(const char *, size_t);
static void	 store_listeners(const struct conf *, struct rule *);

static struct host	 inside;
static struct pos	 direction_pos;	/* of the first rule that asks */
static int		 has_inside, has_direction;

void
context_reset(void)
{
	memset(&inside, 0, sizeof(inside));
	has_inside = has_direction = 0;
}

void
build_inside(const struct pos *kw, const struct host *h)
{
	if (setting_mark(S_INSIDE, kw) == -1)
		return;
	if (h->is_not)
		lex_error(&h->pos, "the networks that are",
		    "all but some cannot be inside");
	inside = *h;
	has_inside = 1;
}

void
build_listener_name(const struct pos *pos, const char *text, char *name)
{
	if (!value_is_name(text) || strlen(text) >= CONF_NAME_MAX)
		lex_error(pos, "letters, digits, _, - and .",
		    "bad name \"%s\" of a listener", lex_show(text));
	else
		strlcpy(name, text, CONF_NAME_MAX);
}

static void
only_once(const struct pos *pos, int is_there, const char *what)
{
	if (is_there)
		lex_error(pos, "it once", "a second %s in one rule", what);
}

void
build_listeners(struct rule *r, const struct pos *pos)
{
	only_once(pos, r->nlisteners > 0, "listener");
}

void
build_on_listener(struct rule *r, const struct pos *pos, const char *name)
{
	struct listener_name	*n;

	if (r->nlisteners == RULE_LISTENERS) {
		lex_error(pos, NULL, "more than %d listeners in one rule",
		    RULE_LISTENERS);
		return;
	}
	n = &r->listener[r->nlisteners++];
	n->name = name;
	n->pos = *pos;
}

void
build_directions(struct rule *r, const struct pos *pos)
{
	only_once(pos, r->w.directions != 0, "direction");
	if (!has_direction)
		direction_pos = *pos;
	has_direction = 1;
}

void
build_direction(struct rule *r, const struct pos *pos, const char *name)
{
	uint32_t	 i;

	for (i = 0; i < DIR_MAX; i++)
		if (strcmp(conf_direction_name(i), name) == 0)
			break;
	if (i == DIR_MAX)
		lex_error(pos, "inbound, outbound, internal or external",
		    "no direction is called \"%s\"", lex_show(name));
	else if (r->w.directions & (1U << i))
		lex_error(pos, NULL, "%s is in the list already", name);
	else
		r->w.directions |= 1U << i;
}

/* "HH:MM", as minutes; 24:00 is the end of the day. */
static int
clock_parse(const char *p, size_t len, uint32_t *minute)
{
	uint32_t	 n[4], i;

	if (len != 5 || p[2] != ':')
		return (-1);
	for (i = 0; i < 4; i++) {
		n[i] = (uint32_t)(unsigned char)p[i + (i > 1)] - '0';
		if (n[i] > 9)
			return (-1);
	}
	*minute = (n[0] * 10 + n[1]) * 60 + n[2] * 10 + n[3];
	return (n[2] > 5 || *minute > MINUTES_DAY ? -1 : 0);
}

void
build_time(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*dash;
	uint32_t	 from, to;

	only_once(pos, r->has_time, "time");
	r->has_time = 1;
	dash = strchr(text, '-');
	if (dash == NULL || clock_parse(text, (size_t)(dash - text),
	    &from) == -1 || clock_parse(dash + 1, strlen(dash + 1),
	    &to) == -1 || from == to || from == MINUTES_DAY || to == 0) {
		lex_error(pos, "a time such as 08:00-18:30", "bad time "
		    "\"%s\"", lex_show(text));
		return;
	}
	r->w.minute_from = from;
	r->w.minute_to = to;
}

static uint32_t
day_find(const char *p, size_t len)
{
	uint32_t	 i;

	for (i = 0; i < 7; i++)
		if (len == 3 && memcmp(conf_day_name(i), p, 3) == 0)
			break;
	return (i);
}

void
build_days(struct rule *r, const struct pos *pos)
{
	only_once(pos, r->w.days != 0, "day");
}

void
build_day(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*dash;
	uint32_t	 first, last, days;

	dash = strchr(text, '-');
	first = day_find(text, dash == NULL ? strlen(text) :
	    (size_t)(dash - text));
	last = dash == NULL ? first : day_find(dash + 1, strlen(dash + 1));
	if (first == 7 || last == 7) {
		lex_error(pos, "sun, mon, tue, wed, thu, fri or sat, or two "
		    "with a dash", "bad day \"%s\"", lex_show(text));
		return;
	}
	days = 1U << first;
	for (; first != last; days |= 1U << first)
		first = (first + 1) % 7;
	if ((r->w.days & days) == days)
		lex_error(pos, NULL, "%s is in the list already", text);
	r->w.days |= days;
}

static int
points_parse(const struct pos *pos, const char *text, int32_t *points)
{
	uint64_t	 n;
	int		 is_minus;

	is_minus = text[0] == '-';
	if (value_number(text + is_minus, &n) == -1 || n > POINTS_MAX) {
		lex_error(pos, "a number from -1000000 to 1000000",
		    "bad number \"%s\"", lex_show(text));
		return (-1);
	}
	*points = is_minus ? -(int32_t)n : (int32_t)n;
	return (0);
}

void
build_points(struct rule *r, const struct pos *pos, const char *text)
{
	r->has_points = 1;
	r->w.flags |= RULE_SCORE;
	if (points_parse(pos, text, &r->w.points) == 0 && r->w.points == 0)
		lex_error(pos, "a number that changes something",
		    "no points at all");
}

void
build_label(struct rule *r, const struct pos *pos, const char *text,
    unsigned int flag)
{
	if (r->w.label[0] != '\0')
		lex_error(pos, "it once", "a second log or count in one "
		    "rule");
	else if (!value_is_name(text) || strlen(text) >= sizeof(r->w.label))
		lex_error(pos, "up to 31 letters, digits, _, - and .",
		    "bad name \"%s\"", lex_show(text));
	else {
		strlcpy(r->w.label, text, sizeof(r->w.label));
		r->w.flags |= flag;
	}
}

void
build_label_only(struct rule *r, const struct pos *pos, const char *text,
    unsigned int flag)
{
	r->has_points = 1;
	r->w.flags |= RULE_SCORE;
	build_label(r, pos, text, flag);
}

void
build_scored(struct rule *r, const struct pos *pos, const char *text)
{
	only_once(pos, r->w.has_scored, "scored");
	r->w.has_scored = 1;
	(void)points_parse(pos, text, &r->w.scored);
}

void
build_rate(struct rule *r, const struct pos *npos, const char *number,
    unsigned int event, const struct pos *dpos, const char *within,
    unsigned int key)
{
	uint64_t	 n, ms;

	only_once(npos, r->has_rate, "more than");
	r->has_rate = 1;
	if (value_number(number, &n) == -1 || n > 100000000)
		lex_error(npos, "a number up to 100000000",
		    "bad number \"%s\"", lex_show(number));
	else if (value_duration(within, &ms) == -1 || ms < 1000 ||
	    ms > 365ULL * 86400 * 1000)
		lex_error(dpos, "a duration from 1s to 365d",
		    "bad duration \"%s\"", lex_show(within));
	else if ((event == RATE_SESSIONS && key >= RATE_SENDER) ||
	    (event == RATE_MESSAGES && key == RATE_RECIPIENT))
		lex_error(npos, event == RATE_SESSIONS ? "source or "
		    "destination" : "source, destination or sender",
		    "%s have no %s", conf_event_name(event),
		    conf_key_name(key));
	else {
		r->w.rate_over = (uint32_t)n;
		r->rate_event = event;
		r->rate_key = key;
		r->rate_within = (uint32_t)(ms / 1000);
		r->when_pos = *npos;
	}
}

void
build_body(struct rule *r, const struct pos *pos, const char *table,
    unsigned int is_not)
{
	only_once(pos, r->has_body, "body");
	r->has_body = 1;
	r->body.table = table;
	r->body.is_not = (int)is_not;
	r->body.pos = *pos;
}

void
build_pair(struct rule *r, const struct pos *pos, const char *table,
    unsigned int is_not)
{
	only_once(pos, r->has_pair, "pair");
	r->has_pair = 1;
	r->pair.table = table;
	r->pair.is_not = (int)is_not;
	r->pair.pos = *pos;
}

/* The id of a table that rules fill, or RULE_NO_TABLE. */
static uint32_t
dynamic_id(const struct conf *conf, const struct host *h)
{
	const struct conf_dynamic_wire	*d;

	if ((d = conf_find_dynamic(conf, h->table)) != NULL)
		return (d->id);
	lex_error(&h->pos, "a table that is dynamic", "no such table <%s>",
	    lex_show(h->table));
	return (RULE_NO_TABLE);
}

static void
store_listeners(const struct conf *conf, struct rule *r)
{
	const struct conf_listener	*l;
	uint32_t			 i;
	int				 found;

	for (i = 0; i < r->nlisteners; i++) {
		found = 0;
		TAILQ_FOREACH(l, &conf->listeners, entry)
			if (l->w.named != 0 && strcmp(l->w.name,
			    r->listener[i].name) == 0) {
				r->w.listeners |= 1ULL << (l->w.named - 1);
				found = 1;
			}
		if (!found)
			lex_error(&r->listener[i].pos, "the name of one",
			    "no listener is called \"%s\"",
			    lex_show(r->listener[i].name));
	}
}

void
context_store(struct conf *conf, struct rule *r)
{
	store_listeners(conf, r);
	if (r->has_rate && r->rate_within != 0) {
		r->w.rate = conf_add_rate(conf, r->rate_event, r->rate_key,
		    r->rate_within);
		if (r->w.rate == RULE_NO_RATE)
			lex_error(&r->when_pos, NULL, "more than %d counts "
			    "over time", CONF_RATES_MAX);
	}
	if (r->has_body) {
		r->w.body_not = (uint32_t)r->body.is_not;
		r->w.body = dynamic_id(conf, &r->body);
	}
	if (r->has_pair) {
		r->w.pair_not = (uint32_t)r->pair.is_not;
		r->w.pair = dynamic_id(conf, &r->pair);
	}
}

/* Names of listeners get numbers; networks inside become a table. */
void
context_finish(struct conf *conf)
{
	struct conf_listener	*l, *m;
	uint32_t		 id;

	TAILQ_FOREACH(l, &conf->listeners, entry) {
		if (l->w.name[0] == '\0')
			continue;
		TAILQ_FOREACH(m, &conf->listeners, entry)
			if (m == l || strcmp(m->w.name, l->w.name) == 0)
				break;
		l->w.named = m == l ? ++conf->nnamed : m->w.named;
	}
	if (has_inside && (id = build_fixed(&inside)) != RULE_NO_TABLE)
		conf->g.inside = id + 1;
	if (has_direction && !has_inside)
		lex_error(&direction_pos, "an inside statement",
		    "nobody has said what is inside");
}

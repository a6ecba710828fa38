/* SPDX-License-Identifier: ISC */

/*
 * What each statement alone cannot know: whether listeners collide or feed
 * each other, and whether rules do what their author believes.
 */

#include <sys/queue.h>

#include <string.h>

#include "conf.h"

#include "lex.h"
#include "build.h"

#define VERDICTS_ALL	((1U << VERDICT_MAX) - 1)
#define VERDICT_BIT(v)	(1U << (v))

#define BUCKETS		4096
#define TRIES_MAX	20000000	/* comparisons: a part of a second */

/* Rules by what they ask for first; 0 is none. */
struct shadow {
	uint32_t		 last[BUCKETS];
	uint32_t		 before[CONF_RULES_MAX + 1];
	const struct rule	*rule[CONF_RULES_MAX + 1];
};

static int	 is_any(const struct addr *);
static int	 is_loopback(const struct addr *);
static int	 collide(const struct addr *, const struct addr *);
static int	 reaches(const struct addr *, const struct addr *);
static void	 check_early(const struct rule *);
static void	 check_edits(const struct rule *);
static int	 same_or_any(uint32_t, uint32_t, uint32_t, uint32_t);
static void	 check_points(const struct rule *);
static int	 covers_wants(const struct conf_rule_wire *,
		    const struct conf_rule_wire *);
static int	 covers_context(const struct conf_rule_wire *,
		    const struct conf_rule_wire *);
static int	 covers(const struct conf_rule_wire *,
		    const struct conf_rule_wire *);
static unsigned int bucket_of(const struct conf_rule_wire *, unsigned int);
static const struct rule *covered(const struct shadow *, const struct rule *,
		    unsigned int, unsigned int *);

static int
is_any(const struct addr *a)
{
	static const uint8_t	 zero[16];

	return (memcmp(a->ip, zero, sizeof(zero)) == 0);
}

static int
is_loopback(const struct addr *a)
{
	static const uint8_t	 one[16] = { [15] = 1 };

	if (a->family == 4)
		return (a->ip[0] == 127);
	return (memcmp(a->ip, one, sizeof(one)) == 0);
}

/* Can not both be listened on; IPv6 listeners are IPv6 only. */
static int
collide(const struct addr *a, const struct addr *b)
{
	return (a->family == b->family && a->port == b->port &&
	    (is_any(a) || is_any(b) || addr_same_ip(a, b)));
}

/* Does a connection to the address end at the listener, as far as we see? */
static int
reaches(const struct addr *to, const struct addr *listener)
{
	return (to->family == listener->family &&
	    to->port == listener->port && (addr_same_ip(to, listener) ||
	    (is_any(listener) && is_loopback(to))));
}

void
check_listeners(const struct conf *conf, const struct pos *pos)
{
	const struct conf_listener	*l, *m;
	char				 buf[ADDR_STRLEN];

	if (conf->nlisteners == 0)
		lex_error(NULL, "a listen statement", "nothing to listen on");
	TAILQ_FOREACH(l, &conf->listeners, entry) {
		TAILQ_FOREACH(m, &conf->listeners, entry) {
			if (m->w.id < l->w.id &&
			    collide(&l->w.addr, &m->w.addr))
				lex_error(&pos[l->w.id], NULL, "%s is already "
				    "listened on at %s:%u",
				    addr_ipport(&l->w.addr, buf, sizeof(buf)),
				    pos[m->w.id].path, pos[m->w.id].line);
			if (l->w.mode != LISTEN_RELAY ||
			    !reaches(&l->w.relay, &m->w.addr))
				continue;
			if (l == m)
				lex_error(&pos[l->w.id], "a server elsewhere",
				    "relays to itself");
			else
				lex_error(&pos[l->w.id], "a server elsewhere",
				    "relays to %s, the listener at %s:%u",
				    addr_ipport(&l->w.relay, buf, sizeof(buf)),
				    pos[m->w.id].path, pos[m->w.id].line);
		}
	}
}

/* A rule before the message, in a phase that may be too early for it. */
static void
check_early(const struct rule *r)
{
	static const char *const	 phase[PHASE_MAX] = {
		"connect", "helo", "mail", "rcpt", "message"
	};
	const char			*p;
	uint32_t			 i;

	p = phase[r->w.phase];
	if (r->w.action == ACTION_DISCARD)
		lex_error(&r->pos, "on message",
		    "on %s there is nothing to discard", p);
	if (r->nwants > 0 || r->has_anomaly || r->has_file || r->has_body)
		lex_error(&r->pos, "on message",
		    "on %s nothing is known of a message", p);
	if (r->has_verdicts)
		lex_error(&r->verdict_pos, "on message",
		    "on %s nothing is known of a message", p);
	if ((r->w.flags & (RULE_QUARANTINE | RULE_STRIP)) ||
	    r->w.tag[0] != '\0' || r->w.header[0] != '\0' ||
	    r->disclaimer != NULL)
		lex_error(&r->pos, "on message",
		    "on %s there is no message to keep or mark", p);
	if ((r->has_helo && r->w.phase < PHASE_HELO) ||
	    (r->w.auth != WANT_ANY && r->w.phase < PHASE_MAIL) ||
	    ((r->has_sender || r->w.size_over != 0) &&
	    r->w.phase < PHASE_MAIL) ||
	    ((r->has_rcpt || r->has_pair || r->w.rcpt_over != 0) &&
	    r->w.phase < PHASE_RCPT))
		lex_error(&r->pos, "a later phase",
		    "on %s the client has not said that yet", p);
	if (r->has_rate && r->w.phase < (r->rate_event == RATE_RECIPIENTS ?
	    PHASE_RCPT : r->rate_event == RATE_MESSAGES || r->rate_key ==
	    RATE_SENDER ? PHASE_MAIL : PHASE_CONNECT))
		lex_error(&r->when_pos, "a later phase",
		    "on %s that has not been counted yet", p);
	for (i = 0; i < r->w.nadds; i++)
		if (r->w.add[i].what == ADD_BODY ||
		    r->w.add[i].what == ADD_ATTACHMENT)
			lex_error(&r->add[i].pos, "on message",
			    "on %s nothing is known of a message", p);
	for (i = 0; i < r->w.nadds; i++)
		if ((r->w.add[i].what == ADD_SENDER &&
		    r->w.phase < PHASE_MAIL) ||
		    ((r->w.add[i].what == ADD_RECIPIENT ||
		    r->w.add[i].what == ADD_PAIR) &&
		    r->w.phase < PHASE_RCPT))
			lex_error(&r->add[i].pos, "a later phase",
			    "on %s the client has not said that yet", p);
}

/* A rule that gives points does nothing else. */
static void
check_points(const struct rule *r)
{
	if (r->w.reply[0] != '\0' || r->has_disconnect ||
	    (r->w.flags & RULE_QUARANTINE) || r->w.tag[0] != '\0' ||
	    r->w.header[0] != '\0' || r->w.nadds > 0 ||
	    (r->w.flags & RULE_STRIP) || r->disclaimer != NULL ||
	    r->w.nmails > 0)
		lex_error(&r->pos, "another rule, with scored",
		    "a rule that scores, or only logs or counts, does "
		    "nothing else");
}

/* What a rule changes in messages. */
static void
check_edits(const struct rule *r)
{
	int	 strips, edits;

	strips = (r->w.flags & RULE_STRIP) != 0;
	if (!strips && r->disclaimer == NULL) {
		if (r->w.on_signed != SIGNED_USUAL)
			lex_error(&r->signed_pos, "strip or disclaimer",
			    "the rule changes nothing that is signed");
		return;
	}
	if (r->w.action != ACTION_PASS)
		lex_error(&r->pos, "pass",
		    "only what is passed can be changed");
	if (strips && !r->has_file && (r->w.verdicts &
	    (VERDICT_BIT(VERDICT_VIRUS) |
	    VERDICT_BIT(VERDICT_UNSCANNABLE))) == 0)
		lex_error(&r->pos, "attachment, virus or unscannable",
		    "strip does not know what to remove");
	edits = r->w.on_signed == SIGNED_EDIT ||
	    (strips && r->w.on_signed == SIGNED_USUAL);
	if (edits)
		lex_warning(&r->pos, "rule breaks signatures (DKIM%s) of "
		    "messages that it changes", strips ?
		    ", S/MIME, PGP" : "");
	if (strips && r->w.on_signed == SIGNED_PASS)
		lex_warning(&r->pos, "rule lets attachments of signed "
		    "messages through");
}

void
check_rule(const struct rule *r, const struct conf_globals *g)
{
	if (r->has_points) {
		check_points(r);
		if (r->w.phase != PHASE_MESSAGE)
			check_early(r);
		return;
	}
	if (r->w.phase != PHASE_MESSAGE) {
		check_early(r);
		return;
	}
	check_edits(r);
	if ((r->w.tag[0] != '\0' || r->w.header[0] != '\0') &&
	    r->w.action != ACTION_PASS)
		lex_error(&r->pos, "pass", "only what is passed can be "
		    "marked with a tag or a header");
	/* What is stripped is judged again. */
	if (r->w.action == ACTION_PASS && (r->w.flags & RULE_STRIP) == 0) {
		if (r->w.verdicts == 0 && r->nwants == 0 &&
		    r->w.anomalies == 0 && !r->has_file)
			lex_warning(&r->pos, "rule lets every message "
			    "through, infected ones too");
		else if (r->w.verdicts == 0 ||
		    (r->w.verdicts & VERDICT_BIT(VERDICT_VIRUS)) != 0)
			lex_warning(&r->pos, "rule lets infected messages "
			    "through");
	}
	if (g->av == AV_NONE && r->w.verdicts == VERDICT_BIT(VERDICT_VIRUS))
		lex_warning(&r->pos, "rule never matches: antivirus is none");
}

static int
same_or_any(uint32_t a, uint32_t a_not, uint32_t b, uint32_t b_not)
{
	return (a == RULE_NO_TABLE || (a == b && a_not == b_not));
}

/* Each of its wants must be one of the other's, or less than it. */
static int
covers_wants(const struct conf_rule_wire *a, const struct conf_rule_wire *b)
{
	const struct conf_want	*v, *w;
	uint32_t		 i, k;

	for (i = 0; i < a->nwants; i++) {
		v = &a->want[i];
		for (k = 0; k < b->nwants; k++) {
			w = &b->want[k];
			if (v->use == w->use && v->not == w->not &&
			    (v->not ? v->score >= w->score :
			    v->score <= w->score))
				break;
		}
		if (k == b->nwants)
			return (0);
	}
	return (1);
}

/* When and where: asks for less, or for the same. */
static int
covers_context(const struct conf_rule_wire *a, const struct conf_rule_wire *b)
{
	return ((a->listeners == 0 || (b->listeners != 0 &&
	    (b->listeners & ~a->listeners) == 0)) &&
	    (a->directions == 0 || (b->directions != 0 &&
	    (b->directions & ~a->directions) == 0)) &&
	    (a->days == 0 || (b->days != 0 && (b->days & ~a->days) == 0)) &&
	    (a->minute_from == a->minute_to ||
	    (a->minute_from == b->minute_from &&
	    a->minute_to == b->minute_to)) &&
	    (!a->has_scored || (b->has_scored && a->scored <= b->scored)) &&
	    (a->rate == RULE_NO_RATE || (a->rate == b->rate &&
	    a->rate_over <= b->rate_over)) &&
	    same_or_any(a->body, a->body_not, b->body, b->body_not) &&
	    same_or_any(a->pair, a->pair_not, b->pair, b->pair_not));
}

/* Does the first rule match whatever the second does? */
static int
covers(const struct conf_rule_wire *a, const struct conf_rule_wire *b)
{
	uint32_t	 av, bv;

	if (a->source != RULE_NO_TABLE && (a->source != b->source ||
	    a->source_not != b->source_not))
		return (0);
	if (a->dest != RULE_NO_TABLE && (a->dest != b->dest ||
	    a->dest_not != b->dest_not))
		return (0);
	/* Asks for less, or for the same. */
	if ((a->flags & (RULE_TRY | RULE_SCORE)) ||
	    !same_or_any(a->helo, a->helo_not, b->helo, b->helo_not) ||
	    !same_or_any(a->sender, a->sender_not, b->sender,
	    b->sender_not) ||
	    !same_or_any(a->rcpt, a->rcpt_not, b->rcpt, b->rcpt_not) ||
	    (a->auth != WANT_ANY && a->auth != b->auth) ||
	    (a->tls != WANT_ANY && a->tls != b->tls) ||
	    a->rcpt_over > b->rcpt_over || a->size_over > b->size_over)
		return (0);
	if (!covers_wants(a, b) || !covers_context(a, b))
		return (0);
	if (a->anomalies != 0 && (b->anomalies == 0 ||
	    (b->anomalies & ~a->anomalies) != 0))
		return (0);
	/* A rule that asks for files covers only one that asks for the same. */
	if (conf_asks_files(a) && (a->file_types != b->file_types ||
	    a->file_flags != b->file_flags || a->file_hash != b->file_hash ||
	    strcmp(a->file_name, b->file_name) != 0))
		return (0);
	av = a->verdicts == 0 ? VERDICTS_ALL : a->verdicts;
	bv = b->verdicts == 0 ? VERDICTS_ALL : b->verdicts;
	if ((bv & ~av) != 0)
		return (0);
	return ((bv & VERDICT_BIT(VERDICT_VIRUS)) == 0 ||
	    a->virus[0] == '\0' || strcmp(a->virus, b->virus) == 0);
}

/*
 * What a rule asks for first, as a number: no rule can be covered by another
 * that asks for a table which it does not ask for itself.
 */
static unsigned int
bucket_of(const struct conf_rule_wire *r, unsigned int which)
{
	const uint32_t	 id[] = { r->rcpt, r->sender, r->helo, r->source,
			    r->dest };

	return (id[which] == RULE_NO_TABLE ? 0 : 1 + (id[which] * 5 + which) %
	    (BUCKETS - 1));
}

/* The first of those before it in a bucket that covers the rule, or NULL. */
static const struct rule *
covered(const struct shadow *s, const struct rule *r, unsigned int bucket,
    unsigned int *tries)
{
	const struct rule	*first;
	uint32_t		 i;

	first = NULL;
	for (i = s->last[bucket]; i != 0; i = s->before[i]) {
		if (*tries == 0)
			break;
		--*tries;
		if (s->rule[i]->w.phase == r->w.phase &&
		    covers(&s->rule[i]->w, &r->w))
			first = s->rule[i];
	}
	return (first);
}

/*
 * A hint and no more: with very many rules that are alike, those at the end
 * are not looked at.
 */
void
check_shadows(const struct rule *rules)
{
	struct shadow		*s;
	const struct rule	*r, *first, *other;
	unsigned int		 b, i, tries;
	uint32_t		 n;

	if ((s = lex_alloc(sizeof(*s))) == NULL)
		return;
	n = 0;
	tries = TRIES_MAX;
	for (r = rules; r != NULL && n < CONF_RULES_MAX; r = r->next) {
		first = covered(s, r, 0, &tries);
		for (i = 0; i < 5; i++) {
			if ((b = bucket_of(&r->w, i)) == 0)
				continue;
			other = covered(s, r, b, &tries);
			if (first == NULL || (other != NULL &&
			    other->pos.line < first->pos.line))
				first = other;
		}
		if (first != NULL)
			lex_warning(&r->pos, "rule never matches: the one at "
			    "%s:%u decides first", first->pos.path,
			    first->pos.line);
		for (b = i = 0; b == 0 && i < 5; i++)
			b = bucket_of(&r->w, i);
		s->rule[++n] = r;
		s->before[n] = s->last[b];
		s->last[b] = n;
	}
}

/*
 * Rules that ask for more than there can be.  Points that are taken away do
 * not count: whoever takes them may not match.
 */
void
check_reach(const struct rule *rules, const struct conf_globals *g)
{
	const struct rule	*r;
	int64_t			 before[PHASE_MAX] = { 0 }, most;
	int64_t			 all[PHASE_MAX] = { 0 };
	unsigned int		 i;

	for (r = rules; r != NULL; r = r->next)
		if (r->has_points && r->w.points > 0)
			all[r->w.phase] += r->w.points;
	for (r = rules; r != NULL; r = r->next) {
		if (r->w.size_over >= g->message_max)
			lex_warning(&r->pos, "rule never matches: larger "
			    "messages are refused before");
		if (r->w.rcpt_over >= g->rcpt_max)
			lex_warning(&r->pos, "rule never matches: more "
			    "recipients are refused before");
		most = before[r->w.phase];
		for (i = 0; i < r->w.phase; i++)
			most += all[i];
		if (r->w.has_scored && r->w.scored > 0 && r->w.scored > most)
			lex_warning(&r->pos, "rule never matches: the rules "
			    "before it give %lld points at most",
			    (long long)most);
		if (r->has_points && r->w.points > 0)
			before[r->w.phase] += r->w.points;
	}
}

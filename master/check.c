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

static int	 is_any(const struct addr *);
static int	 is_loopback(const struct addr *);
static int	 collide(const struct addr *, const struct addr *);
static int	 reaches(const struct addr *, const struct addr *);
static void	 check_early(const struct rule *);
static void	 check_edits(const struct rule *);
static int	 same_or_any(uint32_t, uint32_t, uint32_t, uint32_t);
static int	 covers(const struct conf_rule_wire *,
		    const struct conf_rule_wire *);

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
	if (r->has_content || r->has_anomaly || r->has_file)
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
	    ((r->has_rcpt || r->w.rcpt_over != 0) && r->w.phase < PHASE_RCPT))
		lex_error(&r->pos, "a later phase",
		    "on %s the client has not said that yet", p);
	for (i = 0; i < r->w.nadds; i++)
		if ((r->w.add[i].what == ADD_SENDER &&
		    r->w.phase < PHASE_MAIL) ||
		    (r->w.add[i].what == ADD_RECIPIENT &&
		    r->w.phase < PHASE_RCPT))
			lex_error(&r->add[i].pos, "a later phase",
			    "on %s the client has not said that yet", p);
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
		if (r->w.verdicts == 0 && r->w.content == RULE_NO_USE &&
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
	if ((a->flags & RULE_TRY) || !same_or_any(a->helo, a->helo_not,
	    b->helo, b->helo_not) || !same_or_any(a->sender, a->sender_not,
	    b->sender, b->sender_not) || !same_or_any(a->rcpt, a->rcpt_not,
	    b->rcpt, b->rcpt_not) || (a->auth != WANT_ANY &&
	    a->auth != b->auth) || a->rcpt_over > b->rcpt_over ||
	    a->size_over > b->size_over)
		return (0);
	if (a->content != RULE_NO_USE && (a->content != b->content ||
	    a->content_not != b->content_not ||
	    (a->content_not ? a->score < b->score : a->score > b->score)))
		return (0);
	if (a->anomalies != 0 && (b->anomalies == 0 ||
	    (b->anomalies & ~a->anomalies) != 0))
		return (0);
	/* A rule that asks for files covers only one that asks for the same. */
	if ((a->file_types != 0 || a->file_flags != 0 ||
	    a->file_name[0] != '\0') && (a->file_types != b->file_types ||
	    a->file_flags != b->file_flags ||
	    strcmp(a->file_name, b->file_name) != 0))
		return (0);
	av = a->verdicts == 0 ? VERDICTS_ALL : a->verdicts;
	bv = b->verdicts == 0 ? VERDICTS_ALL : b->verdicts;
	if ((bv & ~av) != 0)
		return (0);
	return ((bv & VERDICT_BIT(VERDICT_VIRUS)) == 0 ||
	    a->virus[0] == '\0' || strcmp(a->virus, b->virus) == 0);
}

/* CONF_RULES_MAX rules are few enough to compare each with each. */
void
check_shadows(const struct rule *rules)
{
	const struct rule	*r, *earlier;

	for (r = rules; r != NULL; r = r->next) {
		for (earlier = rules; earlier != r; earlier = earlier->next) {
			if (earlier->w.phase != r->w.phase ||
			    !covers(&earlier->w, &r->w))
				continue;
			lex_warning(&r->pos, "rule never matches: the one at "
			    "%s:%u decides first", earlier->pos.path,
			    earlier->pos.line);
			break;
		}
	}
}

/* SPDX-License-Identifier: ISC */

/*
 * Rules before the message: what HELO, MAIL and RCPT say is judged as it
 * comes, before the server hears of it.  And what rules do beside their
 * action, in any phase.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bsd/string.h>

#include "addrset.h"
#include "proxy.h"
#include "utf8.h"

#define POLICY_FILES	16	/* of one message that go to a table */

static const char *pending_sender(const struct session *);
static void	 passed_add(void *, const struct conf_rule_wire *);
static void	 add_files(const struct session *,
		    const struct conf_rule_wire *, const struct conf_add *,
		    const struct conf_facts *);
static void	 add_pair(const struct session *, const struct conf_add *,
		    const struct conf_facts *, const char *);
static void	 add_one(const struct session *, const struct conf_add *,
		    const char *);
static int	 is_noted(const struct session *,
		    const struct conf_rule_wire *);
static void	 note_label(const struct session *,
		    const struct conf_rule_wire *);
static void	 note_tried(const struct session *,
		    const struct conf_rule_wire *);

/* Of a MAIL that the server has not answered yet, or of the envelope. */
static const char *
pending_sender(const struct session *s)
{
	const struct inflight	*f;
	const char		*from;

	from = s->env == NULL ? NULL : s->env->from;
	STAILQ_FOREACH(f, &s->inflight, entry)
		if (f->verb == VERB_MAIL)
			from = f->arg;
	return (from);
}

void
policy_facts(const struct session *s, struct conf_facts *facts)
{
	struct tm	 tm;
	time_t		 now;
	unsigned int	 i;

	memset(facts, 0, sizeof(*facts));
	facts->source = &s->client;
	facts->dest = &s->dest;
	facts->virus = "";
	facts->helo = s->helo == NULL ? "" : s->helo;
	facts->sender = pending_sender(s);
	facts->auth = (s->flags & SF_AUTHED) != 0;
	facts->tls = (s->flags & SF_TLS) != 0;
	facts->listener = s->listener;
	facts->member = member_is;
	facts->rate = rate_count;
	for (i = 0; i < PHASE_MAX; i++)
		facts->points += s->points[i];
	now = (time_t)(now_epoch() / 1000);
	if (localtime_r(&now, &tm) != NULL) {
		facts->day = (uint32_t)tm.tm_wday;
		facts->minute = (uint32_t)(tm.tm_hour * 60 + tm.tm_min);
	}
}

static void
passed_add(void *arg, const struct conf_rule_wire *rule)
{
	struct policy_passed	*p;

	p = arg;
	if (p->n < POLICY_PASSED)
		p->rule[p->n++] = rule;
}

const struct conf_rule_wire *
policy_ask(const struct session *s, enum rule_phase phase,
    struct conf_facts *facts, struct policy_passed *passed)
{
	passed->n = 0;
	return (conf_match(s->conf, phase, facts, passed_add, passed));
}

/*
 * Has this rule had its effect on the message already, before it was changed
 * or for others of its recipients?  If not, it has now.
 */
static int
is_noted(const struct session *s, const struct conf_rule_wire *r)
{
	struct message	*m;
	unsigned int	 i;

	if (r->phase != PHASE_MESSAGE || (m = s->msg) == NULL)
		return (0);
	for (i = 0; i < m->nnoted; i++)
		if (m->noted[i] == r)
			return (1);
	if (m->nnoted < MESSAGE_NOTED)
		m->noted[m->nnoted++] = r;
	return (0);
}

/* What it logs or counts. */
static void
note_label(const struct session *s, const struct conf_rule_wire *r)
{
	if (r->label[0] == '\0')
		return;
	if (r->flags & RULE_LOG) {
		if (r->phase == PHASE_MESSAGE)
			verdict_fact(s, "logged rule=%u name=%s", r->line,
			    r->label);
		else
			session_log(s, "logged rule=%u name=%s", r->line,
			    r->label);
	}
	store_tally(r->label);
}

static void
note_tried(const struct session *s, const struct conf_rule_wire *r)
{
	if (r->phase == PHASE_MESSAGE)
		verdict_fact(s, "tried rule=%u action=%s disconnect=%d",
		    r->line, conf_action_name(r->action), (int)r->disconnect);
	else
		session_log(s, "tried rule=%u action=%s disconnect=%d",
		    r->line, conf_action_name(r->action), (int)r->disconnect);
}

void
policy_apart(struct session *s, const struct policy_passed *passed)
{
	const struct conf_rule_wire	*r;
	unsigned int			 i;

	for (i = 0; i < passed->n; i++) {
		r = passed->rule[i];
		if (is_noted(s, r))
			continue;
		if (r->flags & RULE_TRY)
			note_tried(s, r);
		else
			note_label(s, r);
	}
}

void
policy_note(struct session *s, enum rule_phase phase,
    const struct conf_facts *facts, const struct policy_passed *passed)
{
	const struct conf_rule_wire	*r;
	unsigned int			 i;
	int64_t				 before;

	policy_apart(s, passed);
	for (i = 0; i < passed->n; i++) {
		r = passed->rule[i];
		if ((r->flags & RULE_TRY) || r->points == 0)
			continue;
		if (phase == PHASE_MESSAGE)
			verdict_fact(s, "scored rule=%u points=%d", r->line,
			    r->points);
		else
			session_log(s, "scored rule=%u points=%d", r->line,
			    r->points);
	}
	/* What the facts began with, less than they have now. */
	before = 0;
	for (i = 0; i < PHASE_MAX; i++)
		before += s->points[i];
	s->points[phase] += facts->points - before;
}

static void
add_one(const struct session *s, const struct conf_add *a, const char *key)
{
	const struct conf_dynamic_wire	*d;
	struct msg_member		 m;
	char				 quoted[2 * MEMBER_KEY_MAX];

	d = &s->conf->dynamic[a->table];
	memset(&m, 0, sizeof(m));
	if (addrset_key(key, m.key, sizeof(m.key)) == NULL) {
		session_log(s, "not added to table=%s: too long", d->name);
		return;
	}
	strlcpy(m.table, d->name, sizeof(m.table));
	snprintf(m.why, sizeof(m.why), "s=%016llx",
	    (unsigned long long)s->id);
	if (d->expire != 0)
		m.expires = now_epoch() / 1000 + d->expire;
	m.after = a->after;
	m.within = a->within;
	session_log(s, "%s table=%s key=%s", a->after > 1 ? "counts for" :
	    "added to", d->name, log_quote(quoted, sizeof(quoted), m.key,
	    strlen(m.key)));
	/* Here at once: the next session may come before the store's word. */
	if (a->after <= 1)
		member_set(&m);
	store_member(&m);
}

/*
 * The files that the rule is about: those that are as it wants, or what is
 * attached, without what is inside of that.
 */
static void
add_files(const struct session *s, const struct conf_rule_wire *rule,
    const struct conf_add *a, const struct conf_facts *facts)
{
	const struct file_fact	*f;
	char			 text[FACT_HASH_STRLEN];
	uint32_t		 i;
	unsigned int		 n;

	n = 0;
	for (i = 0; i < facts->nfiles && n < POLICY_FILES; i++) {
		f = &facts->file[i];
		if (!f->hashed || f->size == 0)
			continue;
		if (conf_asks_files(rule) ? !conf_file_match(s->conf, rule,
		    facts, f) : f->depth > 0)
			continue;
		add_one(s, a, fact_hash_text(f, text));
		n++;
	}
}

static void
add_pair(const struct session *s, const struct conf_add *a,
    const struct conf_facts *facts, const char *rcpt)
{
	char	 key[MEMBER_KEY_MAX];

	if (facts->sender == NULL)
		return;
	if (addrset_pair(facts->sender, rcpt, key, sizeof(key)) == NULL)
		session_log(s, "not added to table=%s: too long",
		    s->conf->dynamic[a->table].name);
	else
		add_one(s, a, key);
}

void
policy_effects(const struct session *s, const struct conf_rule_wire *rule,
    const struct conf_facts *facts)
{
	char		 key[ADDR_STRLEN];
	const char	*p;
	uint32_t	 i, k;
	int		 is_again;

	if ((is_again = is_noted(s, rule)) == 0)
		note_label(s, rule);
	else if (s->msg->rounds > 0)
		return;
	for (i = 0; i < rule->nadds; i++) {
		if (is_again && rule->add[i].what != ADD_RECIPIENT &&
		    rule->add[i].what != ADD_PAIR)
			continue;
		switch ((enum rule_add)rule->add[i].what) {
		case ADD_SOURCE:
			add_one(s, &rule->add[i], addr_ip(&s->client, key,
			    sizeof(key)));
			break;
		case ADD_SENDER:
			if (facts->sender != NULL)
				add_one(s, &rule->add[i], facts->sender);
			break;
		case ADD_RECIPIENT:
			p = facts->rcpt;
			for (k = 0; p != NULL && k < facts->nrcpt; k++) {
				add_one(s, &rule->add[i], p);
				p += strlen(p) + 1;
			}
			break;
		case ADD_BODY:
			if (facts->body != NULL)
				add_one(s, &rule->add[i], facts->body);
			break;
		case ADD_ATTACHMENT:
			add_files(s, rule, &rule->add[i], facts);
			break;
		case ADD_PAIR:
			p = facts->rcpt;
			for (k = 0; p != NULL && k < facts->nrcpt; k++) {
				add_pair(s, &rule->add[i], facts, p);
				p += strlen(p) + 1;
			}
			break;
		case ADD_MAX:
			break;
		}
	}
}

void
policy_reply(const struct session *s, const struct conf_rule_wire *rule,
    const struct conf_facts *facts, char *text, size_t size)
{
	if (rule->reply[0] != '\0')
		expand(s, rule, facts, rule->reply, text, size);
	else if (rule->phase == PHASE_CONNECT)
		strlcpy(text, rule->action == ACTION_TEMPFAIL ?
		    "421 4.7.1 Try again later" :
		    "554 5.7.1 Connection refused by policy", size);
	else
		strlcpy(text, rule->action == ACTION_TEMPFAIL ?
		    "451 4.7.1 Try again later" :
		    "550 5.7.1 Refused by policy", size);
}

void
policy_refuse(struct session *s, const char *command,
    const struct conf_rule_wire *rule, const struct conf_facts *facts)
{
	char	 text[CONF_REPLY_MAX];

	policy_effects(s, rule, facts);
	policy_reply(s, rule, facts, text, sizeof(text));
	session_log(s, "refused command=%s rule=%u reply=%.3s%s", command,
	    rule->line, text, rule->disconnect ? ", disconnected" : "");
	if (rule->disconnect)
		client_goodbye(s, "policy", "%s [%016llx]", text,
		    (unsigned long long)s->id);
	else
		client_reply(s, "%s [%016llx]", text,
		    (unsigned long long)s->id);
	if (!rule->disconnect && ++s->errors >= s->conf->g.errors_max)
		client_goodbye(s, "too many errors",
		    "421 4.7.0 Too many errors");
}

int
policy_helo(struct session *s, const char *command, const char *arg,
    size_t len)
{
	const struct conf_rule_wire	*rule;
	struct conf_facts		 facts;
	struct policy_passed		 passed;
	char				 helo[SMTP_HELO_MAX + 1];

	utf8_plain(helo, sizeof(helo), arg, len);
	memcpy(s->kept_points, s->points, sizeof(s->kept_points));
	/* A client may say it again: the last name counts. */
	s->points[PHASE_HELO] = 0;
	policy_facts(s, &facts);
	facts.helo = helo;
	rule = policy_ask(s, PHASE_HELO, &facts, &passed);
	policy_note(s, PHASE_HELO, &facts, &passed);
	if (rule->action == ACTION_PASS) {
		policy_effects(s, rule, &facts);
		return (0);
	}
	policy_refuse(s, command, rule, &facts);
	policy_undo(s);
	return (1);
}

int
policy_mail(struct session *s, const char *path, uint64_t size)
{
	const struct conf_rule_wire	*rule;
	struct conf_facts		 facts;
	struct policy_passed		 passed;

	memcpy(s->kept_points, s->points, sizeof(s->kept_points));
	s->points[PHASE_MAIL] = s->points[PHASE_RCPT] =
	    s->points[PHASE_MESSAGE] = 0;
	policy_facts(s, &facts);
	facts.sender = path;
	facts.size = size;
	rate_event(s, RATE_MESSAGES, &facts);
	rule = policy_ask(s, PHASE_MAIL, &facts, &passed);
	policy_note(s, PHASE_MAIL, &facts, &passed);
	if (rule->action == ACTION_PASS) {
		policy_effects(s, rule, &facts);
		return (0);
	}
	policy_refuse(s, "MAIL", rule, &facts);
	policy_undo(s);
	return (1);
}

void
policy_undo(struct session *s)
{
	memcpy(s->points, s->kept_points, sizeof(s->points));
}

int
policy_rcpt(struct session *s, const char *path, uint32_t count)
{
	const struct conf_rule_wire	*rule;
	struct conf_facts		 facts;
	struct policy_passed		 passed;
	const struct inflight		*f;
	uint64_t			 class;
	int				 is_apart;

	/* A second MAIL that is not answered: whose recipient is it? */
	if (s->env != NULL)
		STAILQ_FOREACH(f, &s->inflight, entry)
			if (f->verb == VERB_MAIL)
				return (0);
	policy_facts(s, &facts);
	facts.rcpt = path;
	facts.nrcpt = 1;
	facts.rcpt_count = count;
	if ((s->flags & SF_RATED) == 0)
		rate_event(s, RATE_RECIPIENTS, &facts);
	s->flags |= SF_RATED;
	rule = policy_ask(s, PHASE_RCPT, &facts, &passed);
	class = conf_rcpt_class(s->conf, path, &facts);
	/* With PRDR each has a reply of its own in the end. */
	is_apart = s->has_class && s->rcpt_class != class &&
	    (s->env == NULL || s->env->prdr == NULL);
	if ((rule->action != ACTION_PASS || is_apart) &&
	    !STAILQ_EMPTY(&s->inflight))
		return (0);
	s->flags &= ~(unsigned int)SF_RATED;
	policy_note(s, PHASE_RCPT, &facts, &passed);
	if (rule->action != ACTION_PASS) {
		policy_refuse(s, "RCPT", rule, &facts);
		return (-1);
	}
	if (is_apart) {
		session_log(s, "refused command=RCPT reply=452: judged apart");
		client_reply(s, "452 4.5.3 Send this recipient a message of "
		    "its own");
		return (-1);
	}
	policy_effects(s, rule, &facts);
	s->has_class = 1;
	s->rcpt_class = class;
	return (1);
}

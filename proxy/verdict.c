/* SPDX-License-Identifier: ISC */

/*
 * From what a message is to what is done about it, and the one log line that
 * tells the story.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "proxy.h"
#include "stats.h"
#include "utf8.h"

#define LOG_FILES	16	/* lines for one message */

static void	 verdict_end(struct session *, const char *, int,
		    const char *);
static int	 scores(const struct message *, uint32_t *);
static int	 text_is_cut(const struct message *);
static void	 log_files(const struct session *);
static void	 log_hits(const struct session *);
static void	 verdict_act(struct session *);
static void	 judge_again(struct session *);
static void	 pass(struct session *);
static void	 not_changed(struct session *);
static void	 not_kept(struct session *, int);
static enum rule_action action_of(const char *);
static void	 default_reply(const struct session *,
		    const struct conf_rule_wire *, char *, size_t);

/* What the client is told when the rule has no text of its own. */
static void
default_reply(const struct session *s, const struct conf_rule_wire *rule,
    char *text, size_t size)
{
	const struct message	*m;

	m = s->msg;
	switch (rule->action) {
	case ACTION_DISCARD:
		snprintf(text, size, "250 2.0.0 Ok");
		return;
	case ACTION_TEMPFAIL:
		snprintf(text, size, "451 4.7.1 Message cannot be inspected "
		    "now, try again later");
		return;
	case ACTION_BLOCK:
	default:
		break;
	}
	switch (m->verdict) {
	case VERDICT_VIRUS:
		snprintf(text, size, "554 5.7.1 Message refused: virus %s",
		    m->name);
		return;
	case VERDICT_UNSCANNABLE:
		snprintf(text, size, "554 5.7.1 Message refused: cannot "
		    "inspect %s", m->name);
		return;
	case VERDICT_SCANNER_FAILED:
		snprintf(text, size, "554 5.7.1 Message refused: inspection "
		    "failed");
		return;
	case VERDICT_CLEAN:
	case VERDICT_MAX:
		break;
	}
	snprintf(text, size, "554 5.7.1 Message refused");
}

/* The message ends here and does not reach the server. */
static void
verdict_end(struct session *s, const char *action, int disconnect,
    const char *text)
{
	const char	*last;
	char		 reply[CONF_REPLY_MAX + SCAN_NAME_MAX + 64];

	snprintf(reply, sizeof(reply), "%s [%016llx]", text,
	    (unsigned long long)s->id);
	verdict_log(s, action, reply, strlen(reply));
	if ((last = prdr_replies(s, reply, strlen(reply))) == NULL)
		last = reply;
	session_reset(s);
	/* Lost while the store was at work: nothing else can follow. */
	if (disconnect || (s->flags & SF_SERVER_GONE)) {
		client_goodbye(s, disconnect ? "policy" :
		    "connection to the server lost", "%s", last);
		return;
	}
	client_reply(s, "%s", last);
	s->flags |= SF_RSET_DUE;
	s->state = SESSION_COMMAND;
}

/*
 * What each list has come to, plus one: 0 is "not found".  Returns 0 when not
 * all text was looked at; then nothing is known.
 */
static int
scores(const struct message *m, uint32_t *score)
{
	const struct msg_scan_hit	*h;
	uint32_t			 i;

	memset(score, 0, CONF_USES_MAX * sizeof(*score));
	for (i = 0; i < m->nhits; i++) {
		h = &m->hit[i];
		score[h->use] = h->score == UINT32_MAX ? h->score :
		    h->score + 1;
	}
	return (m->is_matched);
}

void
verdict_fact(const struct session *s, const char *fmt, ...)
{
	struct message	*m;
	char		 line[LOG_LINE_MAX], *p;
	va_list		 ap;
	size_t		 n;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	session_log(s, "%s", line);
	m = s->msg;
	n = strlen(line) + 1;
	if (m->nfacts + n > RECORD_FACTS_MAX ||
	    (p = realloc(m->facts, m->nfacts + n)) == NULL)
		return;
	memcpy(p + m->nfacts, line, n);
	m->facts = p;
	m->nfacts += n;
}

/* Was there more text in documents than the scanner reads? */
static int
text_is_cut(const struct message *m)
{
	uint32_t	 flags, i;

	flags = m->other_flags;
	for (i = 0; i < m->nfiles; i++)
		flags |= m->file[i].flags;
	return ((flags & (FF_TEXT_CUT | FF_PARTLY)) != 0);
}

/* Files of which there is something to say, the first few. */
static void
log_files(const struct session *s)
{
	const struct file_fact	*f;
	char			 name[2 * FACT_NAME_MAX], flags[256];
	char			 hash[FACT_HASH_STRLEN];
	uint32_t		 i, bit;
	unsigned int		 n;

	n = 0;
	for (i = 0; i < s->msg->nfiles && n < LOG_FILES; i++) {
		f = &s->msg->file[i];
		if (f->flags == 0 && !f->hashed)
			continue;
		flags[0] = '\0';
		for (bit = 1; bit != 0 && bit <= FF_ALL; bit <<= 1)
			if (f->flags & bit) {
				strlcat(flags, flags[0] == '\0' ? "" : ",",
				    sizeof(flags));
				strlcat(flags, fact_flag_name(bit),
				    sizeof(flags));
			}
		verdict_fact(s, "file part=%d depth=%u type=%s flags=%s "
		    "size=%llu%s%s name=%s", f->part == SCAN_RAW ? -1 :
		    (int)f->part, f->depth, fact_type_name(f->type), flags,
		    (unsigned long long)f->size, f->hashed ? " sha256=" : "",
		    fact_hash_text(f, hash), log_quote(name, sizeof(name),
		    f->name, strlen(f->name)));
		n++;
	}
}

/* A line for each list that was found, with what and where. */
static void
log_hits(const struct session *s)
{
	const struct msg_scan_hit	*h;
	const struct conf		*conf;
	const char			*name;
	char				 entry[2 * SCAN_ENTRY_MAX];
	char				 excerpt[2 * SCAN_EXCERPT_MAX];
	uint32_t			 i;

	conf = s->conf;
	for (i = 0; i < s->msg->nhits; i++) {
		h = &s->msg->hit[i];
		name = conf->list[conf->use[h->use].list]->w.name;
		verdict_fact(s, "content table=%s score=%u entries=%u "
		    "entry=%s in=%s part=%d offset=%llu text=%s",
		    name[0] == '\0' ? "-" : name, h->score,
		    h->nhits, log_quote(entry, sizeof(entry), h->entry,
		    strlen(h->entry)), conf_scope_name(h->scope),
		    h->part == SCAN_RAW ? -1 : (int)h->part,
		    (unsigned long long)h->offset,
		    log_quote(excerpt, sizeof(excerpt), h->excerpt,
		    strlen(h->excerpt)));
	}
}

void
verdict_facts(const struct session *s, struct conf_facts *facts,
    struct verdict_room *room)
{
	const struct message	*m;

	m = s->msg;
	policy_facts(s, facts);
	facts->rcpt = s->env->rcpt;
	facts->nrcpt = facts->rcpt_count = s->env->nrcpt;
	if (s->env->prdr != NULL)
		facts->rcpt_count = prdr_count(s->env->prdr);
	facts->size = m->size;
	facts->verdict = m->verdict;
	facts->virus = m->verdict == VERDICT_VIRUS ? m->name : "";
	facts->anomalies = m->anomalies;
	facts->file = m->file;
	facts->nfiles = m->nfiles;
	facts->other_flags = m->other_flags;
	facts->other_types = m->other_types;
	facts->text_cut = text_is_cut(m);
	if (scores(m, room->score))
		facts->score = room->score;
	if (s->conf->want_body && digest_body(m, room->body,
	    sizeof(room->body)) == 0)
		facts->body = room->body;
}

void
verdict_reply(const struct session *s, const struct conf_rule_wire *rule,
    char *text, size_t size)
{
	if (rule->reply[0] != '\0')
		expand(s, rule, NULL, rule->reply, text, size <
		    CONF_REPLY_MAX ? size : CONF_REPLY_MAX);
	else if (rule->action == ACTION_PASS)
		text[0] = '\0';
	else
		default_reply(s, rule, text, size);
}

void
verdict_decide(struct session *s)
{
	struct conf_facts	 facts;
	const struct conf_rule_wire *rule;
	struct policy_passed	 passed;
	struct verdict_room	 room;
	char			 text[CONF_REPLY_MAX + SCAN_NAME_MAX];
	uint32_t		 flags, i;

	/* Judged again after a change, it has the points of this time only. */
	s->points[PHASE_MESSAGE] = 0;
	prdr_split(s);
	verdict_facts(s, &facts, &room);
	rule = policy_ask(s, PHASE_MESSAGE, &facts, &passed);
	s->msg->rule = rule;
	s->msg->action = rule->action;
	log_files(s);
	log_hits(s);
	policy_note(s, PHASE_MESSAGE, &facts, &passed);

	if (s->flags & SF_SERVER_GONE) {
		deliver_failed(s, "connection lost while inspecting");
		return;
	}
	policy_effects(s, rule, &facts);
	verdict_reply(s, rule, text, sizeof(text));
	strlcpy(s->msg->told, text, sizeof(s->msg->told));
	flags = rule->action == ACTION_DISCARD ? RECORD_SYNC : 0;
	if (rule->flags & RULE_QUARANTINE)
		flags |= RECORD_QUARANTINE | RECORD_SYNC;
	for (i = 0; i < rule->nmails; i++)
		if (s->conf->mail[rule->mail + i].kind == OUT_COPY ||
		    s->conf->mail[rule->mail + i].kind == OUT_REDIRECT)
			flags |= RECORD_OUT | RECORD_SYNC;
	if (flags == 0)
		verdict_act(s);
	else if (store_record(s, rule->action, flags, text) == -1)
		not_kept(s, errno);
}

/* It could not be put where it is safe: the client keeps it. */
static void
not_kept(struct session *s, int error)
{
	session_log(s, "not kept: %s", strerror(error));
	store_fate(s->msg, 0);
	verdict_end(s, "tempfail", 0, error == ENOSPC ?
	    "452 4.3.1 No room to keep the message, try again later" :
	    "451 4.3.0 Message cannot be kept now, try again later");
}

void
verdict_stored(struct session *s, int error)
{
	if (error != 0) {
		not_kept(s, error);
		return;
	}
	s->msg->is_recorded = 1;
	if (s->msg->rule->flags & RULE_QUARANTINE)
		session_log(s, "quarantined");
	verdict_act(s);
}

/* Do what was decided. */
static void
verdict_act(struct session *s)
{
	const struct conf_rule_wire	*rule;

	rule = s->msg->rule;
	if (s->msg->action == ACTION_PASS)
		pass(s);
	else
		verdict_end(s, conf_action_name(s->msg->action),
		    (int)rule->disconnect, s->msg->told);
}

/* It could not be changed as the rule wants it. */
static void
not_changed(struct session *s)
{
	store_fate(s->msg, 0);
	verdict_end(s, "block", 0, "554 5.7.1 Message refused: it cannot be "
	    "changed as it must be");
}

/*
 * What it was has been kept, as one record; what becomes of the rest, and what
 * is sent because of that, is another.
 */
static void
judge_again(struct session *s)
{
	if (s->msg->is_recorded)
		store_reply(s, "changed, and judged again");
	s->msg->is_recorded = 0;
	s->msg->number = 0;
	inspect_again(s);
}

/* On to the server, perhaps changed and with marks. */
static void
pass(struct session *s)
{
	char				 header[CONF_HEADER_MAX];
	const struct conf_rule_wire	*rule;
	enum revised			 how;
	int				 breaks;

	rule = s->msg->rule;
	if (s->flags & SF_SERVER_GONE) {
		deliver_failed(s, "connection lost while inspecting");
		return;
	}
	how = rule->flags & RULE_STRIP ? revise_strip(s, rule) : REVISE_PASS;
	if (how == REVISE_PASS)
		how = revise_disclaimer(s, rule);
	switch (how) {
	case REVISE_PASS:
		break;
	case REVISE_AGAIN:
		judge_again(s);
		return;
	case REVISE_BLOCK:
		not_changed(s);
		return;
	case REVISE_FAIL:
		not_kept(s, errno);
		return;
	}
	if (rule->tag[0] != '\0' || rule->header[0] != '\0') {
		expand(s, rule, NULL, rule->header, header, sizeof(header));
		if (edit_message(s, rule->tag, header, &breaks) == -1) {
			not_kept(s, errno);
			return;
		}
		session_log(s, "edited%s", breaks ?
		    ": a signature may not verify any more" : "");
	}
	deliver_start(s);
}

const char *
verdict_fault_reply(enum data_fault fault, const char **name,
    const char **action)
{
	static const struct {
		const char	*name;
		const char	*action;
		const char	*reply;
	} faults[] = {
		[DATA_OK] = { "clean", "block", "554 5.6.0 Message refused" },
		[DATA_TOO_BIG] = { "too-big", "block",
		    "552 5.3.4 Message too big" },
		[DATA_NO_SPACE] = { "no-space", "tempfail", "452 4.3.1 Out "
		    "of memory for messages, try again later" },
		[DATA_IO] = { "spool-error", "tempfail", "451 4.3.0 Message "
		    "could not be stored, try again later" },
		[DATA_BARE_CR] = { "bare-cr", "block", "550 5.6.0 Message "
		    "contains a bare CR: lines end with CRLF, RFC 5321 "
		    "2.3.8" },
		[DATA_BARE_LF] = { "bare-lf", "block", "550 5.6.0 Message "
		    "contains a bare LF: lines end with CRLF, RFC 5321 "
		    "2.3.8" },
		[DATA_NO_CRLF] = { "no-crlf", "block", "554 5.6.1 Message "
		    "has no end of its last line, and the server takes no "
		    "BDAT" },
		[DATA_NUL] = { "nul", "block", "550 5.6.0 Message contains a "
		    "NUL octet, RFC 5322 4" },
	};

	*name = faults[fault].name;
	*action = faults[fault].action;
	return (faults[fault].reply);
}

void
verdict_fault(struct session *s)
{
	const char	*name, *action, *reply;

	reply = verdict_fault_reply(s->msg->fault, &name, &action);
	verdict_end(s, action, 0, reply);
}

/* What it was, from its name in the log. */
static enum rule_action
action_of(const char *name)
{
	unsigned int	 i;

	for (i = ACTION_MAX - 1; i > ACTION_PASS; i--)
		if (strcmp(conf_action_name(i), name) == 0)
			break;
	return (i);
}

void
verdict_log(struct session *s, const char *action, const char *reply,
    size_t len)
{
	const char		*fault, *unused;
	struct message		*m;
	struct msg_stats	*st;
	char			 client[ADDR_STRLEN], dest[ADDR_STRLEN];
	char			 helo[192], from[320], name[256], text[256];
	uint64_t		 now;
	size_t			 n;

	m = s->msg;
	now = now_us();
	(void)verdict_fault_reply(m->fault, &fault, &unused);
	for (n = 0; n < len && reply[n] != '\r'; n++)
		;
	session_log(s, "message client=%s dest=%s helo=%s auth=%d from=%s "
	    "to=%u size=%llu parts=%u verdict=%s virus=%s rule=%u action=%s "
	    "disconnect=%d reply=%s recv_ms=%llu parse_ms=%.1f scan_ms=%.1f "
	    "deliver_ms=%.1f",
	    addr_ipport(&s->client, client, sizeof(client)),
	    addr_ipport(&s->dest, dest, sizeof(dest)),
	    log_quote(helo, sizeof(helo), s->helo == NULL ? "-" : s->helo,
	    s->helo == NULL ? 1 : strlen(s->helo)),
	    (s->flags & SF_AUTHED) != 0,
	    s->env->from[0] == '\0' ? "<>" : log_quote(from, sizeof(from),
	    s->env->from, strlen(s->env->from)),
	    s->env->nrcpt, (unsigned long long)m->size, m->nparts,
	    m->fault != DATA_OK ? fault :
	    proto_verdict_name(m->verdict),
	    m->name[0] == '\0' ? "-" : log_quote(name, sizeof(name), m->name,
	    strlen(m->name)),
	    m->rule == NULL ? 0 : m->rule->line, action,
	    m->rule == NULL ? 0 : (int)m->rule->disconnect,
	    log_quote(text, sizeof(text), reply, n),
	    (unsigned long long)(m->t_dot - m->t_data) / 1000,
	    (double)m->us_parse / 1000, (double)m->us_scan / 1000,
	    m->t_deliver == 0 ? 0.0 : (double)(now - m->t_deliver) / 1000);
	st = &proxy.stats;
	st->messages++;
	st->bytes += m->size;
	st->verdict[m->verdict]++;
	st->action[action_of(action)]++;
	stats_time(st, STATS_RECEIVE, m->t_dot - m->t_data);
	if (m->us_parse != 0)
		stats_time(st, STATS_PARSE, m->us_parse);
	if (m->us_scan != 0)
		stats_time(st, STATS_SCAN, m->us_scan);
	if (m->t_deliver != 0)
		stats_time(st, STATS_DELIVER, now - m->t_deliver);
	utf8_plain(text, sizeof(text), reply, n);
	if (!m->is_recorded)
		(void)store_record(s, action_of(action), 0, text);
	else
		store_reply(s, text);
	m->is_recorded = 1;
}

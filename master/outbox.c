/* SPDX-License-Identifier: ISC */

/* Mail that the gateway sends itself, as mailwall.conf(5) has it. */

#include <sys/queue.h>

#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "macro.h"
#include "utf8.h"

#include "lex.h"
#include "build.h"
#include "value.h"

#define SERVER_PORT	25

static int	 mailbox(const struct pos *, const char *, char *);
static uint32_t	 seconds(const struct pos *, const char *, uint32_t);

/* Copied to MAIL_ADDR_MAX bytes; 0, or -1 and reported. */
static int
mailbox(const struct pos *pos, const char *text, char *to)
{
	if (!conf_mailbox_ok(text)) {
		lex_error(pos, "one such as postmaster@example.org",
		    "not an address of mail: \"%s\"", lex_show(text));
		return (-1);
	}
	strlcpy(to, text, MAIL_ADDR_MAX);
	return (0);
}

static uint32_t
seconds(const struct pos *pos, const char *text, uint32_t max)
{
	char		 buf[VALUE_STRLEN];
	uint64_t	 ms;

	if (value_duration(text, &ms) == -1)
		lex_error(pos, "a duration such as 1h", "bad duration \"%s\"",
		    lex_show(text));
	else if (ms < 1000 || ms > max * 1000ULL)
		lex_error(pos, NULL, "not between 1s and %s: \"%s\"",
		    value_duration_text(max * 1000ULL, buf), lex_show(text));
	else
		return ((uint32_t)(ms / 1000));
	return (1);
}

void
build_mail_server(struct addr *server, const struct pos *pos,
    const char *addr, const struct pos *portpos, const char *port)
{
	uint64_t	 n;

	if (addr_parse(server, addr) == -1) {
		lex_error(pos, "an address in numbers", "bad address \"%s\"",
		    lex_show(addr));
		return;
	}
	server->port = SERVER_PORT;
	if (port == NULL)
		return;
	if (value_number(port, &n) == -1 || n < 1 || n > 65535)
		lex_error(portpos, "1 to 65535", "bad port \"%s\"",
		    lex_show(port));
	else
		server->port = (uint16_t)n;
}

void
build_notices_from(struct conf_outbox *o, const struct pos *pos,
    const char *text)
{
	(void)mailbox(pos, text, o->from);
}

void
build_notices_limit(struct conf_outbox *o, const struct pos *numpos,
    const char *number, const struct pos *durpos, const char *duration)
{
	uint64_t	 n;

	if (value_number(number, &n) == -1 || n < 1 || n > NOTICES_LIMIT_MAX)
		lex_error(numpos, NULL, "not a number between 1 and %d: "
		    "\"%s\"", NOTICES_LIMIT_MAX, lex_show(number));
	else
		o->limit = (uint32_t)n;
	o->within = seconds(durpos, duration, 7 * 86400);
}

void
build_outbox_keep(struct conf_outbox *o, const struct pos *pos,
    const char *text)
{
	o->keep = seconds(pos, text, 30 * 86400);
}

void
build_outbox_retry(struct conf_outbox *o, const struct pos *pos,
    const char *text)
{
	o->retry = seconds(pos, text, OUTBOX_RETRY_MAX);
}

void
build_outbox_size(struct conf_outbox *o, const struct pos *pos,
    const char *text)
{
	if (value_size(text, &o->size) == -1 || o->size < MIB ||
	    o->size > UINT64_MAX / 2)
		lex_error(pos, "1M at least, such as 1G", "bad size \"%s\"",
		    lex_show(text));
}

/* One thing more that the rule sends; NULL: reported. */
static struct conf_mail_wire *
mail_new(struct rule *rule, const struct pos *pos, enum out_kind kind)
{
	struct conf_mail_wire	*m;

	if (rule->w.nmails == RULE_MAILS) {
		lex_error(pos, NULL, "more than %d addresses and texts in one "
		    "rule", RULE_MAILS);
		return (NULL);
	}
	if ((m = lex_alloc(sizeof(*m))) == NULL)
		return (NULL);
	rule->mail[rule->w.nmails++] = m;
	m->kind = kind;
	if (rule->w.nmails == 1)
		rule->mail_pos = *pos;
	return (m);
}

void
build_mail(struct rule *rule, const struct pos *kw, enum out_kind kind,
    const struct pos *pos, const char *to, const struct addr *server)
{
	struct conf_mail_wire	*m;

	if ((m = mail_new(rule, kw, kind)) == NULL)
		return;
	(void)mailbox(pos, to, m->to);
	m->server = *server;
}

void
build_reply_mail(struct rule *rule, const struct pos *kw,
    const struct pos *pos, const char *text)
{
	uint32_t	 i;

	for (i = 0; i < rule->w.nmails; i++)
		if (rule->mail[i]->kind == OUT_REPLY) {
			lex_error(kw, "it once", "reply is said twice");
			return;
		}
	if (mail_new(rule, kw, OUT_REPLY) == NULL)
		return;
	build_mail_text(rule, pos, text);
}

void
build_mail_text(struct rule *rule, const struct pos *pos, const char *text)
{
	struct conf_mail_wire	*m;
	const char		*why, *name;

	/* There is none when it was one too many. */
	if (rule->w.nmails == 0)
		return;
	m = rule->mail[rule->w.nmails - 1];
	name = m->kind == OUT_REPLY ? "reply" : "notice";
	if (text[0] == '\0' || strlen(text) >= sizeof(m->text) ||
	    !utf8_valid((const uint8_t *)text, strlen(text)))
		lex_error(pos, "up to 511 bytes of UTF-8",
		    "bad text of a %s", name);
	else if (macro_check(text, &why) == -1)
		lex_error(pos, NULL, "bad text of a %s: %s", name, why);
	else
		strlcpy(m->text, text, sizeof(m->text));
}

/* What a rule sends must make sense with what it does. */
void
check_mails(const struct rule *r, const struct conf *conf)
{
	const struct conf_mail_wire	*m;
	uint32_t			 i;

	if (r->w.nmails > 0 && r->w.phase != PHASE_MESSAGE) {
		lex_error(&r->mail_pos, "on message", "there is no message "
		    "yet that mail could be about");
		return;
	}
	for (i = 0; i < r->w.nmails; i++) {
		m = r->mail[i];
		if (m->kind == OUT_COPY && r->w.action != ACTION_PASS)
			lex_error(&r->mail_pos, "pass or redirect", "only "
			    "what is passed has copies");
		if (m->kind == OUT_REDIRECT && r->w.action != ACTION_DISCARD)
			lex_error(&r->mail_pos, "discard or quarantine",
			    "only what is discarded can be redirected");
		if (m->kind == OUT_COPY && (r->w.flags & RULE_STRIP))
			lex_error(&r->mail_pos, "another rule", "what is "
			    "stripped is judged again, and copied by the "
			    "rule that then decides");
		if ((m->kind == OUT_NOTIFY || m->kind == OUT_REPLY) &&
		    conf->outbox.server.family == 0)
			lex_warning(&r->mail_pos, "%s does nothing without a "
			    "statement \"notices server\"",
			    conf_out_name(m->kind));
		if (m->kind == OUT_REPLY &&
		    (r->w.verdicts & (1U << VERDICT_VIRUS)) != 0)
			lex_warning(&r->mail_pos, "infected messages get no "
			    "reply: their senders are forged");
	}
}

/* The rule's mails, now that it is known to be right. */
void
outbox_store(struct conf *conf, struct rule *r)
{
	uint32_t	 i, id;

	for (i = 0; i < r->w.nmails; i++) {
		id = conf_add_mail(conf, r->mail[i]);
		if (id == UINT32_MAX) {
			lex_error(&r->mail_pos, NULL, "more than %d addresses "
			    "and texts in all rules", CONF_MAILS_MAX);
			r->w.nmails = i;
			return;
		}
		if (i == 0)
			r->w.mail = id;
	}
}

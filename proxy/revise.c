/* SPDX-License-Identifier: ISC */

/*
 * What a rule changes in the body of a message that it passes.
 *
 * What is left when attachments were removed is a new message: it is taken
 * apart, scanned and judged as if it had just come, so that nothing depends
 * on this having been done well.  Rules may have more removed then, a few
 * times (the scanner names one infected part at a time); after that the
 * message is refused.  It is refused, too, when it cannot be changed with
 * certainty.
 *
 * A disclaimer is added at the end of all that, and is judged by nobody: its
 * text is the administrator's, all that it changes is the text of a part of a
 * message that everybody reads alike.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "body.h"
#include "proxy.h"
#include "utf8.h"

static int	 open_parts(struct message *, struct parts *);
static void	 arena_drop(struct message *);
static void	 file_reason(char *, size_t, const struct file_fact *);
static int	 targets(struct session *, const struct conf_rule_wire *,
		    struct body *);
static void	 log_removed(const struct session *, const struct body *);
static enum revised strip(struct session *, const struct conf_rule_wire *,
		    struct body *);

/* 0, or -1 with errno. */
static int
open_parts(struct message *m, struct parts *parts)
{
	/* The rule was not there yet when the message was looked into. */
	if (m->arena == -1) {
		errno = EAGAIN;
		return (-1);
	}
	return (parts_open(parts, m->fd, m->size, m->arena, m->arena_size));
}

/* It tells of a message that has changed. */
static void
arena_drop(struct message *m)
{
	if (m->arena != -1)
		close(m->arena);
	m->arena = -1;
}

static void
file_reason(char *text, size_t size, const struct file_fact *f)
{
	char	 name[FACT_NAME_MAX];

	utf8_plain(name, sizeof(name), f->name, strlen(f->name));
	snprintf(text, size, "not allowed here, type %s%s%s",
	    fact_type_name(f->type), name[0] == '\0' ? "" : ", ", name);
}

/* What made the rule match. */
static int
targets(struct session *s, const struct conf_rule_wire *rule, struct body *b)
{
	struct conf_facts	 facts;
	const struct file_fact	*f;
	struct message		*m;
	char			 text[FACT_NAME_MAX + 64];
	uint32_t		 i;
	int			 n;

	m = s->msg;
	n = 0;
	if (m->verdict != VERDICT_CLEAN &&
	    (rule->verdicts & (1U << m->verdict)) != 0) {
		if (m->verdict == VERDICT_SCANNER_FAILED)
			return (body_refuse(b, "it was not scanned"));
		snprintf(text, sizeof(text), "%s %s",
		    m->verdict == VERDICT_VIRUS ? "virus" :
		    "cannot be inspected,", m->name);
		if (strip_add(b, m->bad_part, text) == -1)
			return (-1);
		n++;
	}
	if (!conf_asks_files(rule))
		return (n > 0 ? 0 : body_refuse(b, "nothing is to go"));
	policy_facts(s, &facts);
	for (i = 0; i < m->nfiles; i++) {
		f = &m->file[i];
		if (!conf_file_match(s->conf, rule, &facts, f))
			continue;
		file_reason(text, sizeof(text), f);
		if (strip_add(b, f->part, text) == -1)
			return (-1);
		n++;
	}
	/* Of text, and of what found no room, it is not known where it is. */
	return (n > 0 ? 0 : body_refuse(b, "it is in no file that is known"));
}

static void
log_removed(const struct session *s, const struct body *b)
{
	const struct arena_part	*q;
	char			 name[512], reason[512];
	const char		*why;
	uint32_t		 i;

	for (i = 0; i < b->parts->head->nparts; i++) {
		if (b->removed[i] == 0)
			continue;
		q = &b->parts->part[i];
		why = b->reason[b->removed[i] - 1];
		verdict_fact(s, "removed part=%u size=%llu name=%s reason=%s",
		    i, (unsigned long long)q->len, log_quote(name,
		    sizeof(name), parts_string(b->parts, q->name_off),
		    q->name_len), log_quote(reason, sizeof(reason), why,
		    strlen(why)));
	}
}

static enum revised
strip(struct session *s, const struct conf_rule_wire *rule, struct body *b)
{
	char	 notice[CONF_NOTICE_MAX], header[CONF_HEADER_MAX];
	int	 breaks, tag_breaks;

	expand(s, rule, NULL, rule->notice, notice, sizeof(notice));
	expand(s, rule, NULL, rule->header, header, sizeof(header));
	if (targets(s, rule, b) == -1 ||
	    strip_finish(b, notice, s->id, &breaks) == -1) {
		verdict_fact(s, "nothing removed, message refused: %s",
		    b->why);
		return (REVISE_BLOCK);
	}
	if (breaks && rule->on_signed == SIGNED_PASS) {
		verdict_fact(s, "nothing removed: message is signed");
		return (REVISE_PASS);
	}
	if (breaks && rule->on_signed == SIGNED_BLOCK) {
		verdict_fact(s, "nothing removed, message refused: it is "
		    "signed");
		return (REVISE_BLOCK);
	}
	if (body_write(s->msg, b->parts->msg, b) == -1)
		return (REVISE_FAIL);
	log_removed(s, b);
	arena_drop(s->msg);
	if ((rule->tag[0] != '\0' || rule->header[0] != '\0') &&
	    edit_message(s, rule->tag, header, &tag_breaks) == -1)
		return (REVISE_FAIL);
	session_log(s, "edited%s", breaks ?
	    ": a signature may not verify any more" : "");
	return (REVISE_AGAIN);
}

enum revised
revise_strip(struct session *s, const struct conf_rule_wire *rule)
{
	struct message	*m;
	struct parts	 parts;
	struct body	 b;
	enum revised	 ret;
	int		 error;

	m = s->msg;
	if (m->rounds == STRIP_ROUNDS_MAX) {
		verdict_fact(s, "nothing removed, message refused: it was "
		    "changed %d times already", STRIP_ROUNDS_MAX);
		return (REVISE_BLOCK);
	}
	if (now_us() - m->t_dot > STRIP_TIME_MAX * 1000ULL) {
		errno = ETIMEDOUT;
		return (REVISE_FAIL);
	}
	m->rounds++;
	if (open_parts(m, &parts) == -1)
		return (REVISE_FAIL);
	body_begin(&b, &parts);
	ret = strip(s, rule, &b);
	error = errno;
	body_end(&b);
	parts_close(&parts);
	errno = error;
	/* The last rule of all has its text, or this one. */
	if (ret == REVISE_AGAIN && rule->disclaimer != 0) {
		conf_unref(m->disclaimer_conf);
		m->disclaimer_conf = conf_ref(s->conf);
		m->disclaimer = rule;
	}
	return (ret);
}

enum revised
revise_disclaimer(struct session *s, const struct conf_rule_wire *rule)
{
	const struct conf_disclaimer_wire	*d;
	const struct conf			*conf;
	struct message				*m;
	struct parts				 parts;
	struct body				 b;
	enum revised				 ret;
	int					 n, is_signed, error;

	m = s->msg;
	conf = s->conf;
	if (rule->disclaimer == 0 && m->disclaimer != NULL) {
		rule = m->disclaimer;
		conf = m->disclaimer_conf;
	}
	if (rule->disclaimer == 0)
		return (REVISE_PASS);
	d = &conf->disclaimer[rule->disclaimer - 1];
	if (open_parts(m, &parts) == -1)
		return (REVISE_FAIL);
	body_begin(&b, &parts);
	ret = REVISE_PASS;
	is_signed = 0;
	if ((n = disclaimer_add(&b, d->text)) > 0)
		is_signed = body_is_signed(&b);
	if (n == -1)
		verdict_fact(s, "no disclaimer=%s: %s", d->name, b.why);
	else if (n == 0)
		session_log(s, "no disclaimer=%s: it is there", d->name);
	else if (is_signed && rule->on_signed == SIGNED_BLOCK) {
		verdict_fact(s, "no disclaimer=%s, message refused: it is "
		    "signed", d->name);
		ret = REVISE_BLOCK;
	} else if (is_signed && rule->on_signed != SIGNED_EDIT)
		verdict_fact(s, "no disclaimer=%s: message is signed",
		    d->name);
	else if (body_write(m, parts.msg, &b) == -1)
		ret = REVISE_FAIL;
	else {
		arena_drop(m);
		session_log(s, "disclaimer=%s added to parts=%d%s", d->name,
		    n, is_signed ? ": a signature may not verify any more" :
		    "");
	}
	error = errno;
	body_end(&b);
	parts_close(&parts);
	errno = error;
	return (ret);
}

/* SPDX-License-Identifier: ISC */

/*
 * The rows of an explanation, see explain.c: names and values in turn.  What
 * is in them comes from messages; controls and broken bytes do not pass.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "explain.h"
#include "parts.h"
#include "utf8.h"

static void	 adds(const struct explain *, char *, size_t);
static void	 mails(const struct explain *, char *, size_t);
static void	 files(struct explain *);
static void	 hits(struct explain *);
static void	 anomalies(struct explain *);

void
explain_row(struct explain *e, ...)
{
	const char	*name, *value;
	char		 data[8192];
	va_list		 ap;
	size_t		 used, n;

	used = 0;
	va_start(ap, e);
	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		n = strlen(name) + 1;
		if (used + n + 2 > sizeof(data))
			break;
		memcpy(data + used, name, n);
		used += n;
		utf8_plain(data + used, sizeof(data) - used, value,
		    strlen(value));
		used += strlen(data + used) + 1;
	}
	va_end(ap);
	if (imsg_compose(e->ib, IMSG_CTL_ROW, e->id, -1, data, used) == 0)
		e->nrows++;
	store_want_write();
}

void
explain_fact(struct explain *e, const char *name, const char *value)
{
	explain_row(e, "fact", name, "text", value, NULL);
}

void
explain_count(struct explain *e, const char *name, uint64_t n)
{
	char	 text[EXPLAIN_NUMLEN];

	explain_row(e, "fact", name, "value", explain_number(text, n), NULL);
}

char *
explain_number(char *buf, uint64_t n)
{
	snprintf(buf, EXPLAIN_NUMLEN, "%llu", (unsigned long long)n);
	return (buf);
}

/* "sender to <leakers>": what would be put into tables. */
static void
adds(const struct explain *e, char *text, size_t size)
{
	static const char *const	 names[ADD_MAX] = {
		[ADD_SOURCE] = "source", [ADD_SENDER] = "sender",
		[ADD_RECIPIENT] = "recipient", [ADD_BODY] = "body",
		[ADD_ATTACHMENT] = "attachment", [ADD_PAIR] = "pair",
	};
	const struct conf_add		*a;
	size_t				 n;
	uint32_t			 i;

	text[0] = '\0';
	for (i = 0; i < e->rule->nadds; i++) {
		a = &e->rule->add[i];
		n = strlen(text);
		snprintf(text + n, size - n, "%s%s to <%s>", n == 0 ? "" :
		    ", ", names[a->what], e->s->conf->dynamic[a->table].name);
	}
}

/* "copy a@example.org, reply": what would be sent. */
static void
mails(const struct explain *e, char *text, size_t size)
{
	const struct conf_mail_wire	*w;
	uint32_t			 i;

	text[0] = '\0';
	for (i = 0; i < e->rule->nmails; i++) {
		w = &e->s->conf->mail[e->rule->mail + i];
		if (i > 0)
			strlcat(text, ", ", size);
		strlcat(text, conf_out_name(w->kind), size);
		if (w->to[0] != '\0') {
			strlcat(text, " ", size);
			strlcat(text, w->to, size);
		}
	}
}

void
explain_decision(struct explain *e, enum rule_action action, uint32_t line,
    const char *reply)
{
	const struct conf_rule_wire	*r;
	char				 n[EXPLAIN_NUMLEN];
	char				 points[EXPLAIN_NUMLEN];
	char				 added[3 * CONF_NAME_MAX];
	char				 sent[RULE_MAILS *
					    (MAIL_ADDR_MAX + 16)];
	const char			*disclaimer;

	r = line == 0 ? NULL : e->rule;
	added[0] = sent[0] = '\0';
	disclaimer = "";
	if (r != NULL) {
		adds(e, added, sizeof(added));
		mails(e, sent, sizeof(sent));
		if (r->disclaimer != 0)
			disclaimer = e->s->conf->disclaimer[r->disclaimer -
			    1].name;
	}
	snprintf(points, sizeof(points), "%lld", (long long)e->after);
	explain_row(e, "decision", conf_action_name(action), "phase",
	    conf_phase_name(e->phase), "rule", explain_number(n, line),
	    "reply", reply, "disconnect",
	    e->rule != NULL && e->rule->disconnect ? "1" : "0",
	    "quarantine", r != NULL && (r->flags & RULE_QUARANTINE) ? "1" :
	    "0", "points", points, "add", added, "tag",
	    r == NULL ? "" : r->tag, "header", r == NULL ? "" : r->header,
	    "strip", r != NULL && (r->flags & RULE_STRIP) ? "1" : "0",
	    "disclaimer", disclaimer, "mail", sent,
	    e->phase == PHASE_RCPT ? "recipient" : NULL, e->path, NULL);
}

static void
files(struct explain *e)
{
	const struct message	*m;
	const struct file_fact	*f;
	char			 part[EXPLAIN_NUMLEN];
	char			 depth[EXPLAIN_NUMLEN];
	char			 size[EXPLAIN_NUMLEN];
	char			 flags[512];
	uint32_t		 i, bit;

	m = e->s->msg;
	for (i = 0; i < m->nfiles; i++) {
		f = &m->file[i];
		flags[0] = '\0';
		for (bit = 1; bit != 0 && bit <= FF_ALL; bit <<= 1)
			if (f->flags & bit) {
				strlcat(flags, flags[0] == '\0' ? "" : ",",
				    sizeof(flags));
				strlcat(flags, fact_flag_name(bit),
				    sizeof(flags));
			}
		snprintf(part, sizeof(part), "%d", f->part == SCAN_RAW ? -1 :
		    (int)f->part);
		explain_row(e, "fact", "file", "text", f->name, "type",
		    fact_type_name(f->type), "class",
		    fact_class_name(fact_type_class(f->type)), "flags",
		    flags, "size", explain_number(size, f->size), "part", part,
		    "depth", explain_number(depth, f->depth), NULL);
	}
}

static void
hits(struct explain *e)
{
	const struct msg_scan_hit	*h;
	const struct conf		*conf;
	char				 score[EXPLAIN_NUMLEN];
	char				 n[EXPLAIN_NUMLEN];
	char				 part[EXPLAIN_NUMLEN];
	char				 off[EXPLAIN_NUMLEN];
	uint32_t			 i;

	conf = e->s->conf;
	for (i = 0; i < e->s->msg->nhits; i++) {
		h = &e->s->msg->hit[i];
		snprintf(part, sizeof(part), "%d", h->part == SCAN_RAW ? -1 :
		    (int)h->part);
		explain_row(e, "fact", "content", "entry", h->entry, "table",
		    conf->list[conf->use[h->use].list]->w.name,
		    "score", explain_number(score, h->score),
		    "entries", explain_number(n, h->nhits),
		    "in", conf_scope_name(h->scope), "part", part,
		    "offset", explain_number(off, h->offset),
		    "text", h->excerpt, NULL);
	}
}

static void
anomalies(struct explain *e)
{
	static const char *const	 severities[] = {
		[SEV_HARMLESS] = "harmless",
		[SEV_SUSPICIOUS] = "suspicious",
		[SEV_HOSTILE] = "hostile",
	};
	unsigned int			 i;

	for (i = 0; i < A_MAX; i++)
		if (e->s->msg->anomalies & ANOMALY(i))
			explain_row(e, "fact", "anomaly", "text",
			    parts_anomaly_name(i), "severity",
			    severities[parts_anomaly_severity(i)], NULL);
}

void
explain_findings(struct explain *e)
{
	const struct message	*m;

	m = e->s->msg;
	explain_count(e, "size", m->size);
	explain_count(e, "parts", m->nparts);
	explain_fact(e, "subject", m->subject);
	explain_fact(e, "message-id", m->msgid);
	explain_fact(e, "verdict", proto_verdict_name(m->verdict));
	if (m->name[0] != '\0')
		explain_fact(e, m->verdict == VERDICT_VIRUS ? "virus" :
		    "reason", m->name);
	anomalies(e);
	files(e);
	hits(e);
}

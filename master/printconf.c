/* SPDX-License-Identifier: ISC */

/*
 * A configuration as text: mailwalld -nv.  Every setting is written, those
 * too that nobody has made, so that the output says what will happen; and it
 * reads back as the same configuration, tables in their order.
 */

#include <sys/queue.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "facts.h"
#include "parts.h"

#include "config.h"
#include "value.h"

static void	 print_quoted(FILE *, const char *);
static void	 print_smtp(FILE *, const struct conf_globals *);
static void	 print_globals(FILE *, const struct conf_globals *);
static void	 print_antivirus(FILE *, const struct conf_globals *);
static void	 print_metrics(FILE *, const struct conf_metrics *);
static void	 print_listener(FILE *, const struct conf *,
		    const struct conf_listener_wire *);
static void	 print_server(FILE *, const struct conf *,
		    const struct conf_server_wire *);
static void	 print_nets(FILE *, const struct conf_table *);
static void	 print_host(FILE *, const struct conf *, const char *,
		    uint32_t, uint32_t);
static void	 print_list(FILE *, const struct conf_list *);
static void	 print_entries(FILE *, const struct conf_list *, const char *);
static void	 print_paths(FILE *, const struct conf *, const char *,
		    uint32_t, uint32_t);
static void	 print_extras(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_envelope(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_field(FILE *, const struct conf_list *);
static void	 print_want(FILE *, const struct conf *,
		    const struct conf_want *);
static void	 print_context(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_history(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_anomalies(FILE *, uint64_t);
static void	 print_disclaimer(FILE *, const struct conf_disclaimer_wire *);
static void	 print_files(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_mails(FILE *, const struct conf *,
		    const struct conf_rule_wire *);
static void	 print_outbox(FILE *, const struct conf_outbox *);
static void	 print_label(FILE *, const struct conf_rule_wire *);
static void	 print_rule(FILE *, const struct conf *,
		    const struct conf_rule_wire *);

static void
print_quoted(FILE *f, const char *s)
{
	putc('"', f);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', f);
		putc(*s, f);
	}
	putc('"', f);
}

static void
print_antivirus(FILE *f, const struct conf_globals *g)
{
	char	 file[VALUE_STRLEN], total[VALUE_STRLEN];

	switch ((enum av_mode)g->av) {
	case AV_EMBEDDED:
		fprintf(f, "antivirus embedded database ");
		print_quoted(f, g->av_path);
		fprintf(f, " { file size %s, total size %s, depth %u, "
		    "files %u }\n", value_size_text(g->scan_file_max, file),
		    value_size_text(g->scan_total_max, total),
		    g->scan_depth, g->scan_files);
		break;
	case AV_CLAMD:
		fprintf(f, "antivirus clamd ");
		print_quoted(f, g->av_path);
		fprintf(f, "\n");
		break;
	case AV_NONE:
	case AV_MAX:
		fprintf(f, "antivirus none\n");
		break;
	}
}

static void
print_smtp(FILE *f, const struct conf_globals *g)
{
	static const char *const	 policy[VERB_POLICY_MAX] = {
		[VERB_REFUSE] = "refuse",
		[VERB_PASS] = "pass",
		[VERB_DISCONNECT] = "disconnect",
	};
	const char			*sep;
	unsigned int			 i;

	fprintf(f, "newline %s\n", g->newline == NEWLINE_NORMALISE ?
	    "normalise" : "reject");
	if (g->need_helo)
		fprintf(f, "helo required\n");
	fprintf(f, "early %s\n", g->refuse_early ? "refuse" : "pass");
	fprintf(f, "limit line %u\nlimit path %u\nlimit recipients %u\n"
	    "limit errors %u\nlimit messages %u\nlimit source %u\n"
	    "limit ipv4-prefix %u\nlimit ipv6-prefix %u\n", g->line_max,
	    g->path_max, g->rcpt_max, g->errors_max, g->messages_max,
	    g->source_max, g->source_bits4, g->source_bits6);
	for (i = 0; i < SMTP_VERB_MAX; i++)
		fprintf(f, "smtp %s %s\n", conf_verb_name(i),
		    policy[g->verb[i]]);
	if (g->refuse_forms == 0)
		return;
	fprintf(f, "address refuse {");
	sep = " ";
	for (i = 0; i < FORM_MAX; i++)
		if (g->refuse_forms & (1U << i)) {
			fprintf(f, "%s%s", sep, conf_form_name(i));
			sep = ", ";
		}
	fprintf(f, " }\n");
}

static void
print_globals(FILE *f, const struct conf_globals *g)
{
	char		 buf[VALUE_STRLEN];
	unsigned int	 i;

	fprintf(f, "workers %u\n", g->proxies);
	fprintf(f, "parsers %u\n", g->parsers);
	fprintf(f, "scanners %u\n", g->scanners);
	fprintf(f, "sessions %u\n", g->sessions_max);
	fprintf(f, "user proxy \"%s\"\n", g->user_proxy);
	fprintf(f, "user parser \"%s\"\n", g->user_parser);
	fprintf(f, "user scanner \"%s\"\n", g->user_scanner);
	fprintf(f, "user store \"%s\"\n", g->user_store);
	fprintf(f, "run directory ");
	print_quoted(f, g->rundir);
	fprintf(f, "\nstate directory ");
	print_quoted(f, g->statedir);
	if (g->control_group[0] != '\0')
		fprintf(f, "\ncontrol group \"%s\"", g->control_group);
	fprintf(f, "\nquarantine size %s",
	    value_size_text(g->quarantine_max, buf));
	fprintf(f, "\nquarantine keep %s",
	    value_duration_text(g->quarantine_keep * 1000ULL, buf));
	fprintf(f, "\naudit keep %s",
	    value_duration_text(g->audit_keep * 1000ULL, buf));
	fprintf(f, "\nlog facility %s\n",
	    value_facility_text((int)g->log_facility));
	fprintf(f, "mark 0x%x\n", g->mark);
	fprintf(f, "message size %s\n", value_size_text(g->message_max, buf));
	fprintf(f, "message parts %u\n", g->parts_max);
	fprintf(f, "message depth %u\n", g->depth_max);
	fprintf(f, "spool memory %s\n", value_size_text(g->spool_max, buf));
	fprintf(f, "starttls %s\n", conf_starttls_name(g->starttls));
	if (g->banner[0] != '\0') {
		fprintf(f, "banner ");
		print_quoted(f, g->banner);
		fprintf(f, "\n");
	}
	print_smtp(f, g);
	print_antivirus(f, g);
	fprintf(f, "timeout {\n");
	for (i = 0; i < TMO_MAX; i++)
		fprintf(f, "\t%s %s\n", conf_timeout_name(i),
		    value_duration_text(g->timeout[i], buf));
	fprintf(f, "}\n");
}

static void
print_metrics(FILE *f, const struct conf_metrics *m)
{
	char	 buf[ADDR_STRLEN];

	if (m->path[0] != '\0') {
		fprintf(f, "metrics listen ");
		print_quoted(f, m->path);
		fprintf(f, "\n");
	}
	if (m->addr.family != 0)
		fprintf(f, "metrics listen on %s port %u\n",
		    addr_ip(&m->addr, buf, sizeof(buf)), m->addr.port);
}

static void
print_listener(FILE *f, const struct conf *conf,
    const struct conf_listener_wire *l)
{
	char	 ip[ADDR_STRLEN], relay[ADDR_STRLEN];

	addr_ip(&l->addr, ip, sizeof(ip));
	if (l->mode == LISTEN_RELAY)
		fprintf(f, "listen on %s port %u relay to %s port %u", ip,
		    l->addr.port, addr_ip(&l->relay, relay, sizeof(relay)),
		    l->relay.port);
	else
		fprintf(f, "listen %s on %s port %u",
		    conf_listen_name(l->mode), ip, l->addr.port);
	if (l->starttls != 0)
		fprintf(f, " starttls %s",
		    conf_starttls_name(l->starttls - 1));
	if (l->banner[0] != '\0') {
		fprintf(f, " banner ");
		print_quoted(f, l->banner);
	}
	if (l->name[0] != '\0')
		fprintf(f, " name \"%s\"", l->name);
	if (l->proxied != 0)
		print_host(f, conf, "proxy protocol from", l->proxied - 1, 0);
	fprintf(f, "\n");
}

static void
print_server(FILE *f, const struct conf *conf,
    const struct conf_server_wire *w)
{
	fprintf(f, "server");
	print_host(f, conf, "", w->table, w->not);
	if (w->starttls != 0)
		fprintf(f, " starttls %s",
		    conf_starttls_name(w->starttls - 1));
	if (w->identity != IDENTITY_NONE)
		fprintf(f, " identity %s", conf_identity_name(w->identity));
	fprintf(f, "\n");
}

static void
print_nets(FILE *f, const struct conf_table *t)
{
	const struct conf_net	*n;
	char			 ip[ADDR_STRLEN];
	uint32_t		 i;

	fprintf(f, "{");
	for (i = 0; i < t->w.nnets; i++) {
		n = &t->net[i];
		fprintf(f, "%s%s%s%s", i == 0 ? "" : ",",
		    t->w.name[0] == '\0' ? " " : "\n\t", n->not ? "!" : "",
		    addr_ip(&n->net.addr, ip, sizeof(ip)));
		if (n->net.prefix != (n->net.addr.family == 4 ? 32U : 128U))
			fprintf(f, "/%u", n->net.prefix);
	}
	fprintf(f, t->w.name[0] == '\0' ? " }" : "\n}");
}

static void
print_host(FILE *f, const struct conf *conf, const char *which, uint32_t id,
    uint32_t is_not)
{
	const struct conf_table	*t;

	if (id == RULE_NO_TABLE)
		return;
	fprintf(f, " %s%s%s", which, which[0] == '\0' ? "" : " ",
	    is_not ? "! " : "");
	if (id & RULE_DYNAMIC) {
		fprintf(f, "<%s>", conf->dynamic[id & ~RULE_DYNAMIC].name);
		return;
	}
	t = conf->table[id];
	if (t->w.name[0] == '\0')
		print_nets(f, t);
	else
		fprintf(f, "<%s>", t->w.name);
}

/* Addresses of mail, in a rule. */
static void
print_paths(FILE *f, const struct conf *conf, const char *which, uint32_t id,
    uint32_t is_not)
{
	const struct conf_list	*l;

	if (id == RULE_NO_TABLE)
		return;
	fprintf(f, " %s %s", which, is_not ? "! " : "");
	if (id & RULE_DYNAMIC) {
		fprintf(f, "<%s>", conf->dynamic[id & ~RULE_DYNAMIC].name);
		return;
	}
	l = conf->list[id];
	if (l->w.name[0] == '\0')
		print_entries(f, l, " ");
	else
		fprintf(f, "<%s>", l->w.name);
}

/* Words of a list, each after a separator. */
static void
print_entries(FILE *f, const struct conf_list *l, const char *sep)
{
	struct conf_entry	 e;
	const uint8_t		*text;
	char			 word[LIST_ENTRY_MAX + 1];
	size_t			 off;

	fprintf(f, "{");
	off = 0;
	while (conf_next_entry(l, &off, &e, &text) == 1) {
		memcpy(word, text, e.len);
		word[e.len] = '\0';
		fprintf(f, "%s%s", off == sizeof(e) + e.len ||
		    sep[0] == '\n' ? "" : ",", sep);
		print_quoted(f, word);
		if (e.weight != 1)
			fprintf(f, " weight %u", e.weight);
	}
	fprintf(f, "%s}", sep[0] == '\n' ? "\n" : " ");
}

/* What a rule does beside its action. */
static void
print_extras(FILE *f, const struct conf *conf, const struct conf_rule_wire *r)
{
	static const char *const what[ADD_MAX] = {
		[ADD_SOURCE] = "source",
		[ADD_SENDER] = "sender",
		[ADD_RECIPIENT] = "recipient",
		[ADD_BODY] = "body",
		[ADD_ATTACHMENT] = "attachment",
		[ADD_PAIR] = "pair",
	};
	char		 buf[VALUE_STRLEN];
	uint32_t	 i;

	if (r->flags & RULE_QUARANTINE)
		fprintf(f, " quarantine");
	if (r->flags & RULE_TRY)
		fprintf(f, " mark");
	if (r->tag[0] != '\0') {
		fprintf(f, " tag ");
		print_quoted(f, r->tag);
	}
	if (r->header[0] != '\0') {
		fprintf(f, " header ");
		print_quoted(f, r->header);
	}
	if (r->flags & RULE_STRIP) {
		fprintf(f, " strip");
		if (r->notice[0] != '\0') {
			fprintf(f, " ");
			print_quoted(f, r->notice);
		}
	}
	if (r->disclaimer != 0) {
		fprintf(f, " disclaimer ");
		print_quoted(f, conf->disclaimer[r->disclaimer - 1].name);
	}
	if (r->on_signed != SIGNED_USUAL)
		fprintf(f, " signed %s", conf_signed_name(r->on_signed));
	for (i = 0; i < r->nadds; i++) {
		fprintf(f, " add %s <%s>", what[r->add[i].what],
		    conf->dynamic[r->add[i].table].name);
		if (r->add[i].after != 0)
			fprintf(f, " after %u in %s", r->add[i].after,
			    value_duration_text(r->add[i].within * 1000ULL,
			    buf));
	}
}

/* What it has sent. */
static void
print_mails(FILE *f, const struct conf *conf, const struct conf_rule_wire *r)
{
	const struct conf_mail_wire	*m;
	char				 ip[ADDR_STRLEN];
	uint32_t			 i;

	for (i = 0; i < r->nmails; i++) {
		m = &conf->mail[r->mail + i];
		fprintf(f, " %s ", conf_out_name(m->kind));
		print_quoted(f, m->kind == OUT_REPLY ? m->text : m->to);
		if (m->kind == OUT_NOTIFY && m->text[0] != '\0') {
			fprintf(f, " with ");
			print_quoted(f, m->text);
		}
		if (m->server.family != 0)
			fprintf(f, " server %s port %u", addr_ip(&m->server,
			    ip, sizeof(ip)), m->server.port);
	}
}

static void
print_outbox(FILE *f, const struct conf_outbox *o)
{
	char	 buf[VALUE_STRLEN], ip[ADDR_STRLEN];

	fprintf(f, "outbox size %s\n", value_size_text(o->size, buf));
	fprintf(f, "outbox keep %s\n",
	    value_duration_text(o->keep * 1000ULL, buf));
	fprintf(f, "outbox retry %s\n",
	    value_duration_text(o->retry * 1000ULL, buf));
	if (o->server.family == 0)
		return;
	fprintf(f, "notices server %s port %u from \"%s\" limit %u in %s\n",
	    addr_ip(&o->server, ip, sizeof(ip)), o->server.port, o->from,
	    o->limit, value_duration_text(o->within * 1000ULL, buf));
}

/* What it asks of the envelope. */
static void
print_envelope(FILE *f, const struct conf *conf,
    const struct conf_rule_wire *r)
{
	char	 buf[VALUE_STRLEN];

	print_paths(f, conf, "helo", r->helo, r->helo_not);
	print_paths(f, conf, "sender", r->sender, r->sender_not);
	print_paths(f, conf, "recipient", r->rcpt, r->rcpt_not);
	if (r->rcpt_over != 0)
		fprintf(f, " recipients over %u", r->rcpt_over);
	if (r->size_over != 0)
		fprintf(f, " size over %s",
		    value_size_text(r->size_over, buf));
	if (r->auth != WANT_ANY)
		fprintf(f, " %sauthenticated", r->auth == WANT_NO ? "! " : "");
	if (r->tls != WANT_ANY)
		fprintf(f, " %stls", r->tls == WANT_NO ? "! " : "");
}

static void
print_list(FILE *f, const struct conf_list *l)
{
	fprintf(f, "table \"%s\" %s", l->w.name, conf_kind_name(l->w.kind));
	if (l->w.kind == LIST_SIMILAR)
		fprintf(f, " %u", l->w.errors);
	else if (l->w.errors != 0)
		fprintf(f, " fold-tags");
	fprintf(f, " ");
	print_entries(f, l, "\n\t");
	fprintf(f, "\n");
}

/* The one entry of a list of fields. */
static void
print_field(FILE *f, const struct conf_list *l)
{
	struct conf_entry	 e;
	const uint8_t		*text;
	char			 word[LIST_ENTRY_MAX + 1];
	size_t			 off;

	off = 0;
	if (conf_next_entry(l, &off, &e, &text) != 1)
		return;
	memcpy(word, text, e.len);
	word[e.len] = '\0';
	print_quoted(f, word);
}

static void
print_want(FILE *f, const struct conf *conf, const struct conf_want *w)
{
	const struct conf_use_wire	*u;
	const char			*sep;
	uint32_t			 i;

	u = &conf->use[w->use];
	if (w->is_field) {
		fprintf(f, " field %s", w->not ? "! " : "");
		print_field(f, conf->list[u->list]);
		return;
	}
	fprintf(f, " content %s<%s>", w->not ? "! " : "",
	    conf->list[u->list]->w.name);
	sep = " in ";
	for (i = 0; i < CONF_SCOPES && u->scopes != SCOPES_ALL; i++)
		if (u->scopes & (1U << i)) {
			fprintf(f, "%s%s", sep, conf_scope_name(i));
			sep = ", ";
		}
	if (w->score != 0)
		fprintf(f, " score %u", w->score);
}

/* Of when and where. */
static void
print_context(FILE *f, const struct conf *conf,
    const struct conf_rule_wire *r)
{
	const struct conf_listener	*l;
	const char			*sep;
	uint64_t			 done;
	uint32_t			 i;

	sep = " listener ";
	done = 0;
	TAILQ_FOREACH(l, &conf->listeners, entry) {
		if (l->w.named == 0 || (r->listeners & ~done &
		    1ULL << (l->w.named - 1)) == 0)
			continue;
		done |= 1ULL << (l->w.named - 1);
		fprintf(f, "%s\"%s\"", sep, l->w.name);
		sep = ", ";
	}
	sep = " direction ";
	for (i = 0; i < DIR_MAX; i++)
		if (r->directions & (1U << i)) {
			fprintf(f, "%s%s", sep, conf_direction_name(i));
			sep = ", ";
		}
	if (r->minute_from != r->minute_to)
		fprintf(f, " time %02u:%02u-%02u:%02u", r->minute_from / 60,
		    r->minute_from % 60, r->minute_to / 60,
		    r->minute_to % 60);
	sep = " day ";
	for (i = 0; i < 7; i++)
		if (r->days & (1U << i)) {
			fprintf(f, "%s%s", sep, conf_day_name(i));
			sep = ", ";
		}
}

/* Of what has been before. */
static void
print_history(FILE *f, const struct conf *conf,
    const struct conf_rule_wire *r)
{
	const struct conf_rate_wire	*w;
	char				 buf[VALUE_STRLEN];

	if (r->has_scored)
		fprintf(f, " scored %d", r->scored);
	if (r->rate != RULE_NO_RATE) {
		w = &conf->rate[r->rate];
		fprintf(f, " more than %u %s in %s by %s", r->rate_over,
		    conf_event_name(w->event), value_duration_text(
		    w->within * 1000ULL, buf), conf_key_name(w->key));
	}
	if (r->body != RULE_NO_TABLE)
		fprintf(f, " body %s<%s>", r->body_not ? "! " : "",
		    conf->dynamic[r->body].name);
	if (r->pair != RULE_NO_TABLE)
		fprintf(f, " pair %s<%s>", r->pair_not ? "! " : "",
		    conf->dynamic[r->pair].name);
}

static void
print_anomalies(FILE *f, uint64_t anomalies)
{
	const char	*sep;
	unsigned int	 i;

	sep = " anomaly ";
	for (i = 0; i < A_MAX; i++)
		if (anomalies & ANOMALY(i)) {
			fprintf(f, "%s%s", sep, parts_anomaly_name(i));
			sep = ", ";
		}
}

static void
print_files(FILE *f, const struct conf *conf, const struct conf_rule_wire *r)
{
	const char	*sep;
	unsigned int	 i;

	sep = " attachment type ";
	for (i = 0; i < FT_MAX; i++)
		if (r->file_types & FT_BIT(i)) {
			fprintf(f, "%s%s", sep, fact_type_name(i));
			sep = ", ";
		}
	sep = " attachment is ";
	for (i = 0; i < 32; i++)
		if (r->file_flags & (1U << i)) {
			fprintf(f, "%s%s", sep, fact_flag_name(1U << i));
			sep = ", ";
		}
	if (r->file_name[0] != '\0') {
		fprintf(f, " attachment name ");
		print_quoted(f, r->file_name);
	}
	print_paths(f, conf, "attachment hash", r->file_hash, 0);
}

/* A line in quotes for each of its lines. */
static void
print_disclaimer(FILE *f, const struct conf_disclaimer_wire *d)
{
	const char	*p;
	char		 line[CONF_DISCLAIMER_MAX];
	size_t		 n;

	fprintf(f, "disclaimer ");
	print_quoted(f, d->name);
	for (p = d->text; *p != '\0'; p += n + 1) {
		n = strcspn(p, "\n");
		memcpy(line, p, n);
		line[n] = '\0';
		fprintf(f, " \\\n\t");
		print_quoted(f, line);
	}
	fprintf(f, "\n");
}

static void
print_label(FILE *f, const struct conf_rule_wire *r)
{
	fprintf(f, "%s \"%s\"", r->flags & RULE_LOG ? "log" : "count",
	    r->label);
}

static void
print_rule(FILE *f, const struct conf *conf, const struct conf_rule_wire *r)
{
	static const char *const phase[PHASE_MAX] = {
		"connect", "helo", "mail", "rcpt", "message"
	};
	const char	*or;
	unsigned int	 v, i;
	int		 is_label;

	fprintf(f, "on %s ", phase[r->phase]);
	is_label = (r->flags & RULE_SCORE) && r->points == 0;
	if (is_label)
		print_label(f, r);
	else if (r->flags & RULE_SCORE)
		fprintf(f, "score %d", r->points);
	else
		fprintf(f, "%s", conf_action_name(r->action));
	if (r->reply[0] != '\0') {
		fprintf(f, " ");
		print_quoted(f, r->reply);
	}
	if (r->disconnect)
		fprintf(f, " disconnect");
	print_extras(f, conf, r);
	print_mails(f, conf, r);
	if (!is_label && r->label[0] != '\0') {
		fprintf(f, " ");
		print_label(f, r);
	}
	or = "";
	for (v = 0; v < VERDICT_MAX; v++) {
		if ((r->verdicts & (1U << v)) == 0)
			continue;
		fprintf(f, "%s %s", or, proto_verdict_name(v));
		or = " or";
		if (v == VERDICT_VIRUS && r->virus[0] != '\0') {
			fprintf(f, " ");
			print_quoted(f, r->virus);
		}
	}
	for (i = 0; i < r->nwants; i++)
		print_want(f, conf, &r->want[i]);
	print_anomalies(f, r->anomalies);
	print_files(f, conf, r);
	print_host(f, conf, "source", r->source, r->source_not);
	print_host(f, conf, "destination", r->dest, r->dest_not);
	print_envelope(f, conf, r);
	print_context(f, conf, r);
	print_history(f, conf, r);
	fprintf(f, "\n");
}

int
config_print(const struct conf *conf, FILE *f)
{
	const struct conf_listener	*l;
	const struct conf_table		*t;
	const struct conf_list		*list;
	const struct conf_rule		*r;
	char				 buf[VALUE_STRLEN];
	uint32_t			 i;

	print_globals(f, &conf->g);
	if (conf->audit.path[0] != '\0') {
		fprintf(f, "audit file ");
		print_quoted(f, conf->audit.path);
		fprintf(f, "\n");
	}
	if (conf->audit.journal)
		fprintf(f, "audit journal\n");
	print_metrics(f, &conf->metrics);
	print_outbox(f, &conf->outbox);
	TAILQ_FOREACH(l, &conf->listeners, entry)
		print_listener(f, conf, &l->w);
	TAILQ_FOREACH(t, &conf->tables, entry) {
		if (t->w.name[0] == '\0')
			continue;
		fprintf(f, "table \"%s\" ", t->w.name);
		print_nets(f, t);
		fprintf(f, "\n");
	}
	TAILQ_FOREACH(list, &conf->lists, entry)
		if (list->w.name[0] != '\0')
			print_list(f, list);
	for (i = 0; i < conf->ndynamics; i++) {
		fprintf(f, "table \"%s\" dynamic size %u",
		    conf->dynamic[i].name, conf->dynamic[i].size);
		if (conf->dynamic[i].expire != 0)
			fprintf(f, " expire %s", value_duration_text(
			    conf->dynamic[i].expire * 1000, buf));
		if (conf->dynamic[i].flags & DYNAMIC_KERNEL)
			fprintf(f, " kernel");
		fprintf(f, "\n");
	}
	if (conf->g.inside != 0) {
		fprintf(f, "inside");
		print_host(f, conf, "", conf->g.inside - 1, 0);
		fprintf(f, "\n");
	}
	for (i = 0; i < conf->nservers; i++)
		print_server(f, conf, &conf->server[i]);
	for (i = 0; i < conf->ndisclaimers; i++)
		print_disclaimer(f, &conf->disclaimer[i]);
	TAILQ_FOREACH(r, &conf->rules, entry)
		print_rule(f, conf, &r->w);
	return (fflush(f) == EOF || ferror(f) ? -1 : 0);
}

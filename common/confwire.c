/* SPDX-License-Identifier: ISC */

/*
 * The configuration as frames.  They come from master, which has checked the
 * file; checking the ranges again here costs nothing and keeps a mistake in
 * master from becoming an index out of bounds in a child.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "facts.h"
#include "parts.h"

static int	 globals_ok(const struct conf_globals *);
static int	 string_ok(const char *, size_t);
static int	 addr_ok(const struct addr *, int);
static int	 take_listener(struct conf *, const void *, int);
static int	 take_nets(struct conf *, const uint8_t *, size_t);
static int	 take_table(struct conf *, const void *);
static int	 take_list(struct conf *, const void *);
static int	 take_entries(struct conf *, const uint8_t *, size_t);
static int	 take_use(struct conf *, const void *);
static int	 take_server(struct conf *, const void *);
static int	 take_dynamic(struct conf *, const void *);
static int	 take_rate(struct conf *, const void *);
static int	 rule_ok(const struct conf_rule_wire *);
static int	 take_rule(struct conf *, const void *);
static int	 take_each(struct conf *, const uint8_t *, size_t, size_t,
		    int (*)(struct conf *, const void *));
static int	 parts_ok(const struct conf_rule_wire *);
static int	 take_disclaimer(struct conf *, const void *);
static int	 take_outbox(struct conf *, const void *);
static int	 take_mail(struct conf *, const void *);
static int	 take_frame(struct conf *, uint32_t, int, const void *,
		    size_t);

static int
string_ok(const char *s, size_t size)
{
	return (memchr(s, '\0', size) != NULL);
}

static int
addr_ok(const struct addr *a, int may_be_none)
{
	return (a->family == 4 || a->family == 6 ||
	    (may_be_none && a->family == 0));
}

static int
globals_ok(const struct conf_globals *g)
{
	int	 i;

	for (i = 0; i < SMTP_VERB_MAX; i++)
		if (g->verb[i] >= VERB_POLICY_MAX)
			return (0);
	for (i = 0; i < TMO_MAX; i++)
		if (g->timeout[i] > 30ULL * 86400 * 1000 ||
		    (g->timeout[i] == 0 && i != TMO_SESSION))
			return (0);
	return (g->message_max > 0 && g->message_max <= MAX_MESSAGE_SIZE &&
	    g->spool_max > 0 && g->av < AV_MAX &&
	    g->starttls < STARTTLS_MAX && g->newline < NEWLINE_MAX &&
	    g->refuse_forms < 1U << FORM_MAX && g->need_helo <= 1 &&
	    g->refuse_early <= 1 &&
	    g->line_max >= 1 && g->line_max <= SMTP_LINE_MAX &&
	    g->path_max >= 1 && g->path_max <= SMTP_ADDR_MAX &&
	    g->rcpt_max >= 1 && g->rcpt_max <= SMTP_RCPT_MAX &&
	    g->source_bits4 <= 32 && g->source_bits6 <= 128 &&
	    g->errors_max >= 1 && g->errors_max <= MAX_ERRORS &&
	    g->proxies >= 1 && g->proxies <= MAX_PROXIES &&
	    g->parsers >= 1 && g->parsers <= MAX_PARSERS &&
	    g->scanners <= MAX_SCANNERS &&
	    g->sessions_max >= 1 && g->sessions_max <= MAX_SESSIONS &&
	    g->parts_max >= 1 && g->parts_max <= PARSE_PARTS_MAX &&
	    g->depth_max >= 1 && g->depth_max <= PARSE_DEPTH_MAX &&
	    g->inside <= CONF_TABLES_MAX &&
	    string_ok(g->av_path, sizeof(g->av_path)) &&
	    string_ok(g->rundir, sizeof(g->rundir)) &&
	    string_ok(g->user_proxy, sizeof(g->user_proxy)) &&
	    string_ok(g->user_parser, sizeof(g->user_parser)) &&
	    string_ok(g->user_scanner, sizeof(g->user_scanner)) &&
	    string_ok(g->user_store, sizeof(g->user_store)) &&
	    string_ok(g->statedir, sizeof(g->statedir)) &&
	    string_ok(g->control_group, sizeof(g->control_group)) &&
	    string_ok(g->banner, sizeof(g->banner)));
}

static int
take_listener(struct conf *conf, const void *data, int fd)
{
	struct conf_listener_wire	 w;
	struct conf_listener		*l;

	memcpy(&w, data, sizeof(w));
	if (w.mode >= LISTEN_MAX || !addr_ok(&w.addr, 0) ||
	    !addr_ok(&w.relay, w.mode != LISTEN_RELAY) ||
	    w.starttls > STARTTLS_MAX || w.named > CONF_LISTENERS_MAX ||
	    !string_ok(w.name, sizeof(w.name)) ||
	    !string_ok(w.banner, sizeof(w.banner)) ||
	    w.id != conf->nlisteners)
		return (-1);
	if ((l = conf_add_listener(conf, &w)) == NULL)
		return (-1);
	l->fd = fd;
	return (0);
}

static int
take_nets(struct conf *conf, const uint8_t *data, size_t len)
{
	struct conf_table	*t;
	struct conf_net		 net;
	size_t			 off;

	/* Tables come first, then their networks in the same order. */
	if ((t = conf->netting) == NULL)
		t = TAILQ_FIRST(&conf->tables);
	for (off = 0; off + sizeof(net) <= len; off += sizeof(net)) {
		memcpy(&net, data + off, sizeof(net));
		while (t != NULL && t->w.id != net.table)
			t = TAILQ_NEXT(t, entry);
		conf->netting = t;
		if (t == NULL || net.not > 1 ||
		    !addr_ok(&net.net.addr, 0) || net.net.prefix >
		    (net.net.addr.family == 4 ? 32U : 128U))
			return (-1);
		if (conf_add_net(conf, t, &net) == -1)
			return (-1);
	}
	return (0);
}

static int
take_table(struct conf *conf, const void *data)
{
	struct conf_table_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (!string_ok(w.name, sizeof(w.name)) || w.id != conf->ntables ||
	    conf_add_table(conf, w.name) == NULL)
		return (-1);
	return (0);
}

/* The entries of lists come afterwards, as many as each says. */
static int
take_list(struct conf *conf, const void *data)
{
	struct conf_list_wire	 w;
	struct conf_list	*l;

	memcpy(&w, data, sizeof(w));
	if (w.kind >= LIST_KIND_MAX || w.id != conf->nlists ||
	    w.errors > (w.kind == LIST_SIMILAR ? 3U :
	    w.kind == LIST_ADDRESSES) ||
	    (w.kind == LIST_SIMILAR && w.errors == 0) ||
	    !string_ok(w.name, sizeof(w.name)))
		return (-1);
	if ((l = conf_add_list(conf, w.kind, w.name)) == NULL)
		return (-1);
	l->w.errors = w.errors;
	l->due = w.nentries;
	if (conf->filling == NULL)
		conf->filling = l;
	return (0);
}

static int
take_entries(struct conf *conf, const uint8_t *data, size_t len)
{
	struct conf_list	 frame;
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off;
	int			 n;

	memset(&frame, 0, sizeof(frame));
	/* Read only: conf_next_entry() changes nothing. */
	frame.data = (uint8_t *)(uintptr_t)data;
	frame.len = len;
	off = 0;
	while ((n = conf_next_entry(&frame, &off, &e, &text)) == 1) {
		while (conf->filling != NULL && conf->filling->due == 0)
			conf->filling = TAILQ_NEXT(conf->filling, entry);
		if (conf->filling == NULL || conf_add_entry(conf,
		    conf->filling, e.weight, text, e.len) == -1)
			return (-1);
		conf->filling->due--;
	}
	return (n);
}

static int
take_use(struct conf *conf, const void *data)
{
	struct conf_use_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.list >= conf->nlists || w.id != conf->nuses ||
	    w.scopes == 0 || (w.scopes & ~SCOPES_ALL) != 0)
		return (-1);
	return (conf_add_use(conf, w.list, w.scopes) == w.id ? 0 : -1);
}

static int
take_server(struct conf *conf, const void *data)
{
	struct conf_server_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.not > 1 || w.starttls > STARTTLS_MAX ||
	    w.identity >= IDENTITY_MAX)
		return (-1);
	return (conf_add_server(conf, &w));
}

static int
take_dynamic(struct conf *conf, const void *data)
{
	struct conf_dynamic_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.id != conf->ndynamics || w.size < 1 ||
	    w.size > DYNAMIC_SIZE_MAX || w.flags > DYNAMIC_KERNEL ||
	    w.name[0] == '\0' ||
	    !string_ok(w.name, sizeof(w.name)))
		return (-1);
	return (conf_add_dynamic(conf, &w) == NULL ? -1 : 0);
}

static int
take_rate(struct conf *conf, const void *data)
{
	struct conf_rate_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.id != conf->nrates || w.event >= RATE_EVENT_MAX ||
	    w.key >= RATE_KEY_MAX || w.within < 1 || w.within > MAX_KEEP ||
	    conf_add_rate(conf, w.event, w.key, w.within) != w.id)
		return (-1);
	return (0);
}

static int
take_outbox(struct conf *conf, const void *data)
{
	struct conf_outbox	 w;

	memcpy(&w, data, sizeof(w));
	if (!addr_ok(&w.server, 1) || w.limit < 1 ||
	    w.limit > NOTICES_LIMIT_MAX || w.within < 1 ||
	    w.within > MAX_KEEP || w.retry < 1 || w.keep > MAX_KEEP ||
	    !string_ok(w.from, sizeof(w.from)) ||
	    (w.server.family != 0 && !conf_mailbox_ok(w.from)))
		return (-1);
	conf->outbox = w;
	return (0);
}

static int
take_disclaimer(struct conf *conf, const void *data)
{
	struct conf_disclaimer_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.id != conf->ndisclaimers || w.name[0] == '\0' ||
	    !string_ok(w.name, sizeof(w.name)) || w.text[0] == '\0' ||
	    !string_ok(w.text, sizeof(w.text)))
		return (-1);
	return (conf_add_disclaimer(conf, &w));
}

static int
take_mail(struct conf *conf, const void *data)
{
	struct conf_mail_wire	 w;

	memcpy(&w, data, sizeof(w));
	if (w.id != conf->nmails || w.kind >= OUT_MAX ||
	    !addr_ok(&w.server, 1) || !string_ok(w.to, sizeof(w.to)) ||
	    !string_ok(w.text, sizeof(w.text)) ||
	    (w.kind == OUT_REPLY ? w.to[0] != '\0' || w.text[0] == '\0' :
	    !conf_mailbox_ok(w.to)))
		return (-1);
	return (conf_add_mail(conf, &w) == w.id ? 0 : -1);
}

/* What a rule may have several of. */
static int
parts_ok(const struct conf_rule_wire *w)
{
	uint32_t	 i;

	if (w->nadds > RULE_ADDS || w->nwants > RULE_WANTS ||
	    w->nmails > RULE_MAILS)
		return (0);
	for (i = 0; i < w->nwants; i++)
		if (w->want[i].not > 1 || w->want[i].is_field > 1)
			return (0);
	for (i = 0; i < w->nadds; i++)
		if (w->add[i].what >= ADD_MAX)
			return (0);
	return (1);
}

static int
rule_ok(const struct conf_rule_wire *w)
{
	return (w->phase < PHASE_MAX && w->action < ACTION_MAX &&
	    w->disconnect <= 1 && w->source_not <= 1 && w->dest_not <= 1 &&
	    (w->anomalies & ~ANOMALIES_ALL) == 0 &&
	    w->file_types < FT_BIT(FT_MAX) && (w->file_flags & ~FF_ALL) == 0 &&
	    string_ok(w->file_name, sizeof(w->file_name)) &&
	    w->verdicts < 1U << VERDICT_MAX &&
	    w->helo_not <= 1 && w->sender_not <= 1 && w->rcpt_not <= 1 &&
	    w->body_not <= 1 && w->pair_not <= 1 && w->has_scored <= 1 &&
	    w->directions < 1U << DIR_MAX && w->days < 1U << 7 &&
	    w->minute_from < MINUTES_DAY && w->minute_to <= MINUTES_DAY &&
	    w->auth < WANT_MAX && w->tls < WANT_MAX && parts_ok(w) &&
	    (w->flags & ~(uint32_t)RULE_FLAGS_ALL) == 0 &&
	    string_ok(w->tag, sizeof(w->tag)) &&
	    string_ok(w->header, sizeof(w->header)) &&
	    string_ok(w->label, sizeof(w->label)) &&
	    (w->label[0] != '\0') ==
	    ((w->flags & (RULE_LOG | RULE_COUNT)) != 0) &&
	    w->on_signed < SIGNED_MAX &&
	    string_ok(w->notice, sizeof(w->notice)) &&
	    string_ok(w->virus, sizeof(w->virus)) &&
	    string_ok(w->reply, sizeof(w->reply)));
}

static int
take_rule(struct conf *conf, const void *data)
{
	struct conf_rule_wire	 w;

	memcpy(&w, data, sizeof(w));
	return (rule_ok(&w) && w.disclaimer <= conf->ndisclaimers &&
	    (w.nmails == 0 || (w.mail <= conf->nmails &&
	    w.nmails <= conf->nmails - w.mail)) &&
	    conf_add_rule(conf, &w) != NULL ? 0 : -1);
}

/* Many of one size in one frame. */
static int
take_each(struct conf *conf, const uint8_t *data, size_t len, size_t size,
    int (*take)(struct conf *, const void *))
{
	size_t	 off;

	for (off = 0; off + size <= len; off += size)
		if (take(conf, data + off) == -1)
			return (-1);
	return (0);
}

/* Any frame but the first: -1 if it is bad. */
static int
take_frame(struct conf *conf, uint32_t type, int fd, const void *data,
    size_t len)
{
	switch (type) {
	case IMSG_CONF_LISTENER:
		return (take_listener(conf, data, fd));
	case IMSG_CONF_TABLE:
		return (take_each(conf, data, len,
		    sizeof(struct conf_table_wire), take_table));
	case IMSG_CONF_NET:
		return (take_nets(conf, data, len));
	case IMSG_CONF_LIST:
		return (take_each(conf, data, len,
		    sizeof(struct conf_list_wire), take_list));
	case IMSG_CONF_ENTRY:
		return (take_entries(conf, data, len));
	case IMSG_CONF_USE:
		return (take_use(conf, data));
	case IMSG_CONF_SERVER:
		return (take_server(conf, data));
	case IMSG_CONF_DYNAMIC:
		return (take_dynamic(conf, data));
	case IMSG_CONF_RATE:
		return (take_rate(conf, data));
	case IMSG_CONF_DISCLAIMER:
		return (take_disclaimer(conf, data));
	case IMSG_CONF_OUTBOX:
		return (take_outbox(conf, data));
	case IMSG_CONF_MAIL:
		return (take_mail(conf, data));
	case IMSG_CONF_RULE:
		return (take_each(conf, data, len,
		    sizeof(struct conf_rule_wire), take_rule));
	case IMSG_CONF_END:
		return (conf_done(conf));
	default:
		return (-1);
	}
}

int
conf_frame(struct conf **building, uint32_t type, int fd, const void *data,
    size_t len)
{
	int	 ok;

	ok = 0;
	if (type == IMSG_CONF_BEGIN) {
		conf_unref(*building);
		*building = conf_empty();
		memcpy(&(*building)->g, data, sizeof((*building)->g));
		ok = globals_ok(&(*building)->g);
	} else if (*building != NULL)
		ok = take_frame(*building, type, fd, data, len) != -1;
	if (ok)
		return (type == IMSG_CONF_END);
	if (fd != -1)
		close(fd);
	conf_unref(*building);
	*building = NULL;
	errno = EBADMSG;
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/* The configuration in memory, see conf.h. */

#include <sys/sysinfo.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf.h"
#include "log.h"

static void	 conf_number(struct conf *);
static int	 id_ok(const struct conf *, uint32_t, int);
static int	 rule_ids_ok(const struct conf *,
		    const struct conf_rule_wire *);

/* RFC 5321 section 4.5.3.2 where it has a number; ms. */
static const uint64_t default_timeout[TMO_MAX] = {
	[TMO_CONNECT] = 30 * 1000,
	[TMO_BANNER] = 300 * 1000,
	[TMO_COMMAND] = 300 * 1000,
	[TMO_DATA] = 120 * 1000,
	[TMO_BLOCK] = 180 * 1000,
	[TMO_DOT] = 600 * 1000,
	[TMO_CLIENT] = 300 * 1000,
	[TMO_KEEPALIVE] = 60 * 1000,
	[TMO_SESSION] = 7200 * 1000,
	[TMO_PARSE] = PARSE_TIME_MAX,
	[TMO_SCAN] = DEF_SCAN_TIME,
	[TMO_DRAIN] = 60 * 1000,
};

struct conf *
conf_empty(void)
{
	struct conf	*conf;

	conf = calloc(1, sizeof(*conf));
	if (conf == NULL)
		fatal("%s", __func__);
	TAILQ_INIT(&conf->listeners);
	TAILQ_INIT(&conf->tables);
	TAILQ_INIT(&conf->rules);
	TAILQ_INIT(&conf->lists);
	conf->audit.fd = -1;
	conf->metrics.path_fd = conf->metrics.addr_fd = -1;
	conf->refs = 1;
	conf->outbox.limit = DEF_NOTICES_LIMIT;
	conf->outbox.within = DEF_NOTICES_WITHIN;
	conf->outbox.retry = DEF_OUTBOX_RETRY;
	conf->outbox.keep = DEF_OUTBOX_KEEP;
	conf->outbox.size = DEF_OUTBOX_SIZE;
	return (conf);
}

struct conf *
conf_new(void)
{
	struct conf		*conf;
	struct conf_globals	*g;
	struct sysinfo		 si;
	long			 cores;

	conf = conf_empty();
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (cores < 1)
		cores = 1;
	g = &conf->g;
	g->message_max = DEF_MESSAGE_SIZE;
	/* A quarter of the memory; the kernel needs the rest for sockets. */
	g->spool_max = sysinfo(&si) == 0 ?
	    (uint64_t)si.totalram * si.mem_unit / 4 : GIB;
	memcpy(g->timeout, default_timeout, sizeof(g->timeout));
	g->scan_file_max = 100 * MIB;
	g->scan_total_max = 400 * MIB;
	g->scan_depth = 17;
	g->scan_files = 10000;
	g->proxies = cores > MAX_PROXIES ? MAX_PROXIES : (uint32_t)cores;
	if (g->proxies < 2)
		g->proxies = 2;
	/* Each has its share, which must hold the largest message. */
	if (g->spool_max < g->proxies * g->message_max)
		g->spool_max = g->proxies * g->message_max;
	g->parsers = DEF_PARSERS;
	g->scanners = DEF_SCANNERS;
	g->sessions_max = DEF_SESSIONS;
	g->parts_max = PARSE_PARTS_MAX;
	g->depth_max = PARSE_DEPTH_MAX;
	g->av = AV_EMBEDDED;
	g->starttls = STARTTLS_WITHHOLD;
	g->newline = NEWLINE_REJECT;
	g->line_max = SMTP_LINE_MAX;
	g->path_max = SMTP_ADDR_MAX;
	g->rcpt_max = SMTP_RCPT_MAX;
	g->errors_max = DEF_ERRORS;
	g->source_bits4 = 32;
	g->source_bits6 = 64;	/* what one customer has, RFC 6177 */
	g->verb[SMTP_HELP] = VERB_PASS;
	g->log_facility = LOG_MAIL;
	strlcpy(g->av_path, "/var/lib/clamav", sizeof(g->av_path));
	strlcpy(g->rundir, RUNDIR, sizeof(g->rundir));
	strlcpy(g->user_proxy, "_mwproxy", sizeof(g->user_proxy));
	strlcpy(g->user_parser, "_mwparse", sizeof(g->user_parser));
	strlcpy(g->user_scanner, "_mwscan", sizeof(g->user_scanner));
	strlcpy(g->user_store, "_mwstore", sizeof(g->user_store));
	strlcpy(g->statedir, STATEDIR, sizeof(g->statedir));
	g->quarantine_max = DEF_QUARANTINE_SIZE;
	g->quarantine_keep = DEF_QUARANTINE_KEEP;
	g->audit_keep = DEF_AUDIT_KEEP;
	return (conf);
}

struct conf *
conf_ref(struct conf *conf)
{
	conf->refs++;
	return (conf);
}

void
conf_unref(struct conf *conf)
{
	struct conf_listener	*l;
	struct conf_table	*t;
	struct conf_list	*list;
	struct conf_rule	*r;

	if (conf == NULL || --conf->refs > 0)
		return;
	while ((l = TAILQ_FIRST(&conf->listeners)) != NULL) {
		TAILQ_REMOVE(&conf->listeners, l, entry);
		if (l->fd != -1)
			close(l->fd);
		free(l);
	}
	while ((t = TAILQ_FIRST(&conf->tables)) != NULL) {
		TAILQ_REMOVE(&conf->tables, t, entry);
		free(t->net);
		free(t);
	}
	while ((r = TAILQ_FIRST(&conf->rules)) != NULL) {
		TAILQ_REMOVE(&conf->rules, r, entry);
		free(r);
	}
	while ((list = TAILQ_FIRST(&conf->lists)) != NULL) {
		TAILQ_REMOVE(&conf->lists, list, entry);
		free(list->data);
		free(list);
	}
	conf_index_free(conf);
	if (conf->audit.fd != -1)
		close(conf->audit.fd);
	if (conf->metrics.path_fd != -1)
		close(conf->metrics.path_fd);
	if (conf->metrics.addr_fd != -1)
		close(conf->metrics.addr_fd);
	free(conf->table);
	free(conf->list);
	free(conf->disclaimer);
	free(conf->mail);
	free(conf);
}

struct conf_listener *
conf_add_listener(struct conf *conf, const struct conf_listener_wire *w)
{
	struct conf_listener	*l;

	if (conf->nlisteners >= CONF_LISTENERS_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("%s", __func__);
	l->w = *w;
	l->w.id = conf->nlisteners++;
	l->fd = -1;
	TAILQ_INSERT_TAIL(&conf->listeners, l, entry);
	return (l);
}

struct conf_table *
conf_add_table(struct conf *conf, const char *name)
{
	struct conf_table	*t;

	if (conf->ntables >= CONF_TABLES_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((t = calloc(1, sizeof(*t))) == NULL)
		fatal("%s", __func__);
	t->w.id = conf->ntables++;
	strlcpy(t->w.name, name, sizeof(t->w.name));
	TAILQ_INSERT_TAIL(&conf->tables, t, entry);
	return (t);
}

int
conf_add_net(struct conf *conf, struct conf_table *t,
    const struct conf_net *net)
{
	struct conf_net	*p;
	size_t		 n;

	if (conf->nnets >= CONF_NETS_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	if (t->w.nnets == t->nalloc) {
		n = t->nalloc == 0 ? 8 : t->nalloc * 2;
		p = reallocarray(t->net, n, sizeof(*p));
		if (p == NULL)
			fatal("%s", __func__);
		t->net = p;
		t->nalloc = n;
	}
	t->net[t->w.nnets] = *net;
	t->net[t->w.nnets].table = t->w.id;
	t->w.nnets++;
	conf->nnets++;
	return (0);
}

void
conf_rule_init(struct conf_rule_wire *w, enum rule_phase phase)
{
	memset(w, 0, sizeof(*w));
	w->phase = phase;
	w->source = w->dest = RULE_NO_TABLE;
	w->helo = w->sender = w->rcpt = RULE_NO_TABLE;
	w->body = w->pair = w->file_hash = RULE_NO_TABLE;
	w->rate = RULE_NO_RATE;
}

struct conf_rule *
conf_add_rule(struct conf *conf, const struct conf_rule_wire *w)
{
	struct conf_rule	*r;

	if (conf->nrules >= CONF_RULES_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal("%s", __func__);
	r->w = *w;
	if ((w->flags & RULE_STRIP) || w->disclaimer != 0)
		conf->edits = 1;
	TAILQ_INSERT_TAIL(&conf->rules, r, entry);
	conf->nrules++;
	return (r);
}

int
conf_add_disclaimer(struct conf *conf, const struct conf_disclaimer_wire *w)
{
	struct conf_disclaimer_wire	*v;

	if (conf->ndisclaimers >= CONF_DISCLAIMERS_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	v = reallocarray(conf->disclaimer, conf->ndisclaimers + 1,
	    sizeof(*v));
	if (v == NULL)
		fatal("%s", __func__);
	conf->disclaimer = v;
	v[conf->ndisclaimers] = *w;
	v[conf->ndisclaimers].id = conf->ndisclaimers;
	conf->ndisclaimers++;
	return (0);
}

struct conf_dynamic_wire *
conf_add_dynamic(struct conf *conf, const struct conf_dynamic_wire *w)
{
	struct conf_dynamic_wire	*d;

	if (conf->ndynamics >= CONF_DYNAMICS_MAX) {
		errno = ENOSPC;
		return (NULL);
	}
	d = &conf->dynamic[conf->ndynamics];
	*d = *w;
	d->id = conf->ndynamics++;
	return (d);
}

struct conf_dynamic_wire *
conf_find_dynamic(const struct conf *conf, const char *name)
{
	uint32_t	 i;

	for (i = 0; i < conf->ndynamics; i++)
		if (strcmp(conf->dynamic[i].name, name) == 0)
			return ((struct conf_dynamic_wire *)
			    (uintptr_t)&conf->dynamic[i]);
	return (NULL);
}

uint32_t
conf_add_rate(struct conf *conf, enum rate_event event, enum rate_key key,
    uint32_t within)
{
	struct conf_rate_wire	*w;
	uint32_t		 i;

	for (i = 0; i < conf->nrates; i++)
		if (conf->rate[i].event == event &&
		    conf->rate[i].key == key &&
		    conf->rate[i].within == within)
			return (i);
	if (conf->nrates == CONF_RATES_MAX)
		return (RULE_NO_RATE);
	w = &conf->rate[conf->nrates];
	w->id = conf->nrates;
	w->event = event;
	w->key = key;
	w->within = within;
	return (conf->nrates++);
}

int
conf_add_server(struct conf *conf, const struct conf_server_wire *w)
{
	if (conf->nservers >= CONF_SERVERS_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	conf->server[conf->nservers++] = *w;
	return (0);
}

const struct conf_server_wire *
conf_server(const struct conf *conf, const struct addr *server)
{
	const struct conf_server_wire	*w;
	uint32_t			 i;

	for (i = 0; i < conf->nservers; i++) {
		w = &conf->server[i];
		if (conf_table_match(conf->table[w->table], server) !=
		    (int)w->not)
			return (w);
	}
	return (NULL);
}

struct conf_table *
conf_find_table(const struct conf *conf, const char *name)
{
	struct conf_table	*t;

	TAILQ_FOREACH(t, &conf->tables, entry)
		if (strcmp(t->w.name, name) == 0)
			return (t);
	return (NULL);
}

/* Number tables and lists, and make them found by their numbers. */
static void
conf_number(struct conf *conf)
{
	struct conf_table	*t;
	struct conf_list	*l;
	uint32_t		 i;

	free(conf->table);
	free(conf->list);
	conf->table = calloc(conf->ntables + 1, sizeof(*conf->table));
	conf->list = calloc(conf->nlists + 1, sizeof(*conf->list));
	if (conf->table == NULL || conf->list == NULL)
		fatal("%s", __func__);
	i = 0;
	TAILQ_FOREACH(t, &conf->tables, entry) {
		t->w.id = i;
		conf->table[i++] = t;
	}
	i = 0;
	TAILQ_FOREACH(l, &conf->lists, entry) {
		l->w.id = i;
		conf->list[i++] = l;
	}
}

/* A table in a rule, of networks or of addresses: does it exist? */
static int
id_ok(const struct conf *conf, uint32_t id, int is_net)
{
	if (id == RULE_NO_TABLE)
		return (1);
	if (id & RULE_DYNAMIC)
		return ((id & ~RULE_DYNAMIC) < conf->ndynamics);
	if (is_net)
		return (id < conf->ntables);
	return (id < conf->nlists &&
	    conf->list[id]->w.kind == LIST_ADDRESSES);
}

static int
rule_ids_ok(const struct conf *conf, const struct conf_rule_wire *r)
{
	uint32_t	 i;

	for (i = 0; i < r->nadds; i++)
		if (r->add[i].table >= conf->ndynamics)
			return (0);
	for (i = 0; i < r->nwants; i++)
		if (r->want[i].use >= conf->nuses)
			return (0);
	return (id_ok(conf, r->source, 1) && id_ok(conf, r->dest, 1) &&
	    id_ok(conf, r->helo, 0) && id_ok(conf, r->sender, 0) &&
	    id_ok(conf, r->rcpt, 0) && (r->rate == RULE_NO_RATE ||
	    r->rate < conf->nrates) && (r->body == RULE_NO_TABLE ||
	    r->body < conf->ndynamics) && (r->pair == RULE_NO_TABLE ||
	    r->pair < conf->ndynamics) && id_ok(conf, r->file_hash, 0));
}

int
conf_done(struct conf *conf)
{
	struct conf_listener	*l;
	struct conf_list	*list;
	struct conf_rule	*r;
	uint32_t		 i;

	conf_number(conf);
	for (i = 0; i < conf->nuses; i++)
		if (conf->use[i].list >= conf->nlists)
			goto bad;
	for (i = 0; i < conf->nservers; i++)
		if (conf->server[i].table >= conf->ntables)
			goto bad;
	TAILQ_FOREACH(l, &conf->listeners, entry)
		if (l->w.proxied > conf->ntables)
			goto bad;
	TAILQ_FOREACH(r, &conf->rules, entry)
		if (!rule_ids_ok(conf, &r->w))
			goto bad;
	TAILQ_FOREACH(list, &conf->lists, entry)
		if (list->due != 0)
			goto bad;
	if (conf->g.inside <= conf->ntables && conf_index_make(conf) == 0)
		return (0);
bad:
	errno = EINVAL;
	return (-1);
}

int
conf_table_match(const struct conf_table *t, const struct addr *a)
{
	const struct conf_net	*best;
	uint32_t		 i;

	best = NULL;
	for (i = 0; i < t->w.nnets; i++)
		if (addr_in_net(a, &t->net[i].net) && (best == NULL ||
		    t->net[i].net.prefix > best->net.prefix))
			best = &t->net[i];
	return (best != NULL && !best->not);
}

const char *
conf_timeout_name(enum timeout t)
{
	static const char *const names[TMO_MAX] = {
		[TMO_CONNECT] = "connect",
		[TMO_BANNER] = "banner",
		[TMO_COMMAND] = "command",
		[TMO_DATA] = "data",
		[TMO_BLOCK] = "block",
		[TMO_DOT] = "dot",
		[TMO_CLIENT] = "client",
		[TMO_KEEPALIVE] = "keepalive",
		[TMO_SESSION] = "session",
		[TMO_PARSE] = "parse",
		[TMO_SCAN] = "scan",
		[TMO_DRAIN] = "drain",
	};

	if ((unsigned int)t >= TMO_MAX)
		return ("unknown");
	return (names[t]);
}

const char *
conf_action_name(uint32_t action)
{
	static const char *const names[ACTION_MAX] = {
		[ACTION_PASS] = "pass",
		[ACTION_BLOCK] = "block",
		[ACTION_TEMPFAIL] = "tempfail",
		[ACTION_DISCARD] = "discard",
	};

	return (action < ACTION_MAX ? names[action] : "unknown");
}

const char *
conf_verb_name(enum smtp_verb verb)
{
	static const char *const names[SMTP_VERB_MAX] = {
		[SMTP_VRFY] = "vrfy",
		[SMTP_EXPN] = "expn",
		[SMTP_HELP] = "help",
		[SMTP_ETRN] = "etrn",
		[SMTP_TURN] = "turn",
		[SMTP_ATRN] = "atrn",
		[SMTP_VERB] = "verb",
		[SMTP_DEBUG] = "debug",
		[SMTP_WIZ] = "wiz",
		[SMTP_SEND] = "send",
		[SMTP_SOML] = "soml",
		[SMTP_SAML] = "saml",
		[SMTP_XCLIENT] = "xclient",
		[SMTP_XFORWARD] = "xforward",
		[SMTP_BURL] = "burl",
		[SMTP_UNKNOWN] = "unknown",
	};

	return ((unsigned int)verb < SMTP_VERB_MAX ? names[verb] : "unknown");
}

const char *
conf_form_name(enum address_form form)
{
	static const char *const names[FORM_MAX] = {
		[FORM_SOURCE_ROUTE] = "source-route",
		[FORM_PERCENT] = "percent",
		[FORM_BANG] = "bang",
		[FORM_QUOTED] = "quoted",
		[FORM_PIPE] = "pipe",
		[FORM_FILE] = "file",
		[FORM_LITERAL] = "literal",
		[FORM_UNQUALIFIED] = "unqualified",
	};

	return ((unsigned int)form < FORM_MAX ? names[form] : "unknown");
}

const char *
conf_listen_name(uint32_t mode)
{
	static const char *const names[LISTEN_MAX] = {
		[LISTEN_REDIRECT] = "redirect",
		[LISTEN_TPROXY] = "tproxy",
		[LISTEN_RELAY] = "relay",
	};

	return (mode < LISTEN_MAX ? names[mode] : "unknown");
}

const char *
conf_starttls_name(uint32_t starttls)
{
	static const char *const names[STARTTLS_MAX] = {
		[STARTTLS_WITHHOLD] = "withhold",
		[STARTTLS_PASS] = "pass",
		[STARTTLS_REQUIRE] = "refuse plaintext",
	};

	return (starttls < STARTTLS_MAX ? names[starttls] : "unknown");
}

const char *
conf_identity_name(uint32_t identity)
{
	static const char *const names[IDENTITY_MAX] = {
		[IDENTITY_NONE] = "none",
		[IDENTITY_PROXY1] = "proxy v1",
		[IDENTITY_PROXY2] = "proxy v2",
		[IDENTITY_XCLIENT] = "xclient",
	};

	return (identity < IDENTITY_MAX ? names[identity] : "unknown");
}

const char *
conf_phase_name(uint32_t phase)
{
	static const char *const names[PHASE_MAX] = {
		[PHASE_CONNECT] = "connect",
		[PHASE_HELO] = "helo",
		[PHASE_MAIL] = "mail",
		[PHASE_RCPT] = "rcpt",
		[PHASE_MESSAGE] = "message",
	};

	return (phase < PHASE_MAX ? names[phase] : "unknown");
}

const char *
conf_direction_name(uint32_t direction)
{
	static const char *const names[DIR_MAX] = {
		[DIR_INBOUND] = "inbound",
		[DIR_OUTBOUND] = "outbound",
		[DIR_INTERNAL] = "internal",
		[DIR_EXTERNAL] = "external",
	};

	return (direction < DIR_MAX ? names[direction] : "unknown");
}

const char *
conf_day_name(uint32_t day)
{
	static const char *const names[7] = {
		"sun", "mon", "tue", "wed", "thu", "fri", "sat"
	};

	return (day < 7 ? names[day] : "unknown");
}

const char *
conf_event_name(uint32_t event)
{
	static const char *const names[RATE_EVENT_MAX] = {
		[RATE_SESSIONS] = "sessions",
		[RATE_MESSAGES] = "messages",
		[RATE_RECIPIENTS] = "recipients",
	};

	return (event < RATE_EVENT_MAX ? names[event] : "unknown");
}

const char *
conf_key_name(uint32_t key)
{
	static const char *const names[RATE_KEY_MAX] = {
		[RATE_SOURCE] = "source",
		[RATE_DEST] = "destination",
		[RATE_SENDER] = "sender",
		[RATE_RECIPIENT] = "recipient",
	};

	return (key < RATE_KEY_MAX ? names[key] : "unknown");
}

const char *
conf_signed_name(uint32_t on_signed)
{
	static const char *const names[SIGNED_MAX] = {
		[SIGNED_USUAL] = "usual",
		[SIGNED_EDIT] = "edit",
		[SIGNED_PASS] = "pass",
		[SIGNED_BLOCK] = "block",
	};

	return (on_signed < SIGNED_MAX ? names[on_signed] : "unknown");
}

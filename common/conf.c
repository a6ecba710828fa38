/* SPDX-License-Identifier: ISC */

/* The configuration in memory, see conf.h. */

#include <sys/sysinfo.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <bsd/string.h>

#include "addrset.h"
#include "conf.h"
#include "facts.h"
#include "log.h"

static void	 conf_index(struct conf *);
static int	 rule_matches(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);
static int	 file_matches(const struct conf_rule_wire *,
		    const struct conf_facts *);
static int	 content_matches(const struct conf_rule_wire *,
		    const struct conf_facts *);
static int	 fold(int);
static int	 id_ok(const struct conf *, uint32_t, int);
static int	 rule_ids_ok(const struct conf *,
		    const struct conf_rule_wire *);
static int	 list_compile(struct conf_list *);
static int	 net_matches(const struct conf *, uint32_t, uint32_t,
		    const struct addr *, const struct conf_facts *);
static int	 member_of(const struct conf *, const struct conf_facts *,
		    uint32_t, const char *);
static int	 path_in(const struct conf *, uint32_t, const char *,
		    const struct conf_facts *);
static int	 envelope_matches(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);

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
		addrset_free(list->set);
		free(list);
	}
	free(conf->table);
	free(conf->list);
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
	TAILQ_INSERT_TAIL(&conf->rules, r, entry);
	conf->nrules++;
	return (r);
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
conf_index(struct conf *conf)
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
	return (id_ok(conf, r->source, 1) && id_ok(conf, r->dest, 1) &&
	    id_ok(conf, r->helo, 0) && id_ok(conf, r->sender, 0) &&
	    id_ok(conf, r->rcpt, 0) && (r->content == RULE_NO_USE ||
	    r->content < conf->nuses));
}

/* Make a set of what the file has. */
static int
list_compile(struct conf_list *l)
{
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off;

	if (l->set != NULL)
		return (0);
	if ((l->set = addrset_new(l->w.nentries)) == NULL)
		fatal("%s", __func__);
	off = 0;
	while (conf_next_entry(l, &off, &e, &text) == 1) {
		if (addrset_check((const char *)text, e.len) != NULL)
			return (-1);
		if (addrset_add(l->set, (const char *)text, e.len) == -1)
			fatal("%s", __func__);
	}
	return (0);
}

int
conf_done(struct conf *conf)
{
	struct conf_listener	*l;
	struct conf_list	*list;
	struct conf_rule	*r;
	uint32_t		 i;

	conf_index(conf);
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
		if (list->w.kind == LIST_ADDRESSES && list_compile(list) == -1)
			goto bad;
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

static int
fold(int c)
{
	return (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/*
 * Greedy with one way back: on a mismatch after a star, the star takes one
 * character more.  Only the last star can matter, so the time is at most the
 * product of both lengths, and both are short.
 */
int
conf_glob(const char *pattern, const char *text)
{
	const char	*star, *resume;

	star = resume = NULL;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?' || (*pattern != '\0' &&
		    fold((unsigned char)*pattern) ==
		    fold((unsigned char)*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++resume;
		} else
			return (0);
	}
	while (*pattern == '*')
		pattern++;
	return (*pattern == '\0');
}

/*
 * Has the list been found?  Of text that nobody has looked at nothing is
 * known: neither that it has the words nor that it has not, so that no rule
 * matches that asks; what is unscannable or failed has rules of its own.
 * What was found before the text was cut is there all the same.
 */
static int
content_matches(const struct conf_rule_wire *r, const struct conf_facts *f)
{
	uint32_t	 score;
	int		 is_hit;

	if (f->score == NULL)
		return (0);
	score = f->score[r->content];
	is_hit = score > 0 && score - 1 >= r->score;
	if (!is_hit && f->text_cut)
		return (0);
	return (is_hit != (int)r->content_not);
}

/* Is there a file as the rule wants it? */
static int
file_matches(const struct conf_rule_wire *r, const struct conf_facts *f)
{
	const struct file_fact	*file;
	const char		*base;
	uint32_t		 i;

	for (i = 0; i < f->nfiles; i++) {
		file = &f->file[i];
		base = strrchr(file->name, '/');
		if ((r->file_types == 0 ||
		    (r->file_types & FT_BIT(file->type))) &&
		    (r->file_flags == 0 || (r->file_flags & file->flags)) &&
		    (r->file_name[0] == '\0' ||
		    conf_glob(r->file_name, file->name) || (base != NULL &&
		    conf_glob(r->file_name, base + 1))))
			return (1);
	}
	/* Of those that found no room only the union is known. */
	return (r->file_name[0] == '\0' && (f->other_types != 0 ||
	    f->other_flags != 0) && (r->file_types == 0 ||
	    (r->file_types & f->other_types)) && (r->file_flags == 0 ||
	    (r->file_flags & f->other_flags)));
}

/* Is the key in the dynamic table?  Nobody to ask: it is not. */
static int
member_of(const struct conf *conf, const struct conf_facts *f, uint32_t id,
    const char *key)
{
	return (f->member != NULL &&
	    f->member(conf, id & ~RULE_DYNAMIC, key));
}

static int
net_matches(const struct conf *conf, uint32_t id, uint32_t is_not,
    const struct addr *a, const struct conf_facts *f)
{
	char	 key[ADDR_STRLEN];
	int	 is_in;

	if (id == RULE_NO_TABLE)
		return (1);
	if (id & RULE_DYNAMIC)
		is_in = member_of(conf, f, id, addr_ip(a, key, sizeof(key)));
	else
		is_in = conf_table_match(conf->table[id], a);
	return (is_in != (int)is_not);
}

/* Is the path, or the name of a host, in the table? */
static int
path_in(const struct conf *conf, uint32_t id, const char *path,
    const struct conf_facts *f)
{
	char		 key[MEMBER_KEY_MAX];
	const char	*at;

	if ((id & RULE_DYNAMIC) == 0)
		return (addrset_match(conf->list[id]->set, path));
	if (addrset_key(path, key, sizeof(key)) == NULL)
		return (0);
	at = strrchr(key, '@');
	return (member_of(conf, f, id, key) ||
	    (at != NULL && at != key && member_of(conf, f, id, at)));
}

/* What HELO, MAIL and RCPT have said. */
static int
envelope_matches(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	const char	*p;
	uint32_t	 i;

	if (r->helo != RULE_NO_TABLE && (f->helo == NULL ||
	    path_in(conf, r->helo, f->helo, f) == (int)r->helo_not))
		return (0);
	if (r->sender != RULE_NO_TABLE && (f->sender == NULL ||
	    path_in(conf, r->sender, f->sender, f) == (int)r->sender_not))
		return (0);
	if ((r->auth == WANT_YES && !f->auth) ||
	    (r->auth == WANT_NO && f->auth) ||
	    (r->rcpt_over != 0 && f->rcpt_count <= r->rcpt_over) ||
	    (r->size_over != 0 && f->size <= r->size_over))
		return (0);
	if (r->rcpt == RULE_NO_TABLE)
		return (1);
	if (f->rcpt == NULL)
		return (0);
	p = f->rcpt;
	for (i = 0; i < f->nrcpt; i++) {
		if (path_in(conf, r->rcpt, p, f))
			return (!r->rcpt_not);
		p += strlen(p) + 1;
	}
	return ((int)r->rcpt_not);
}

static int
rule_matches(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	if (r->phase == PHASE_MESSAGE) {
		if (r->verdicts != 0 &&
		    (r->verdicts & (1U << f->verdict)) == 0)
			return (0);
		if (r->virus[0] != '\0' && f->verdict == VERDICT_VIRUS &&
		    !conf_glob(r->virus, f->virus))
			return (0);
		if (r->anomalies != 0 && (r->anomalies & f->anomalies) == 0)
			return (0);
		if (r->content != RULE_NO_USE && !content_matches(r, f))
			return (0);
		if ((r->file_types != 0 || r->file_flags != 0 ||
		    r->file_name[0] != '\0') && !file_matches(r, f))
			return (0);
	}
	if (!net_matches(conf, r->source, r->source_not, f->source, f) ||
	    !net_matches(conf, r->dest, r->dest_not, f->dest, f))
		return (0);
	return (envelope_matches(conf, r, f));
}

const struct conf_rule_wire *
conf_match_next(const struct conf *conf, enum rule_phase phase,
    const struct conf_facts *f, const struct conf_rule **pos)
{
	const struct conf_rule	*r;

	r = *pos == NULL ? TAILQ_FIRST(&conf->rules) :
	    TAILQ_NEXT(*pos, entry);
	for (; r != NULL; r = TAILQ_NEXT(r, entry))
		if (r->w.phase == phase && rule_matches(conf, &r->w, f)) {
			*pos = r;
			return (&r->w);
		}
	return (NULL);
}

uint64_t
conf_rcpt_class(const struct conf *conf, const char *path,
    const struct conf_facts *f)
{
	const struct conf_rule	*r;
	uint64_t		 h;

	h = 14695981039346656037ULL;	/* FNV-1a, a bit a rule */
	TAILQ_FOREACH(r, &conf->rules, entry)
		if (r->w.phase == PHASE_MESSAGE &&
		    r->w.rcpt != RULE_NO_TABLE)
			h = (h ^ (uint64_t)path_in(conf, r->w.rcpt, path,
			    f)) * 1099511628211ULL;
	return (h);
}

const struct conf_rule_wire *
conf_match(const struct conf *conf, enum rule_phase phase,
    const struct conf_facts *f)
{
	/* What happens when nobody has said anything. */
	static const struct conf_rule_wire pass = {
		.action = ACTION_PASS,
	}, builtin[VERDICT_MAX] = {
		[VERDICT_CLEAN] = { .action = ACTION_PASS },
		[VERDICT_UNSCANNABLE] = { .action = ACTION_BLOCK },
		[VERDICT_SCANNER_FAILED] = { .action = ACTION_TEMPFAIL },
		[VERDICT_VIRUS] = { .action = ACTION_BLOCK, .disconnect = 1 },
	};
	const struct conf_rule_wire	*w;
	const struct conf_rule		*pos;

	pos = NULL;
	while ((w = conf_match_next(conf, phase, f, &pos)) != NULL)
		if ((w->flags & RULE_TRY) == 0)
			return (w);
	if (phase != PHASE_MESSAGE)
		return (&pass);
	return (&builtin[f->verdict]);
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

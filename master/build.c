/* SPDX-License-Identifier: ISC */

/*
 * From statements to a struct conf, see build.h.
 *
 * Tables may be used before they are defined, so rules wait for the end of
 * the file.  Tables with names get the first numbers, lists inside rules the
 * next ones in the order of the rules: that order survives printing and
 * reading again.
 */

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "parts.h"

#include "lex.h"
#include "build.h"
#include "pattern.h"
#include "value.h"

struct named {
	STAILQ_ENTRY(named)	 entry;
	const char		*name;
	struct netlist		*nets;		/* or */
	struct wordlist		*words;
	int			 is_dynamic;
	struct pos		 pos;
};

static struct conf		*conf;
static STAILQ_HEAD(, named)	 tables;
static struct rule		*rules;
static struct rule		**rules_tail;
static unsigned int		 nrules;
static struct pos		 listen_pos[CONF_LISTENERS_MAX];
static struct host		 proxied[CONF_LISTENERS_MAX];
static struct host		 servers[CONF_SERVERS_MAX];

static int	 parse_addr(const char *, const struct pos *, struct addr *);
static int	 parse_port(const char *, const struct pos *, uint16_t *);
static void	 add_listener(const struct pos *,
		    const struct conf_listener_wire *,
		    const struct listen_opts *);
static void	 store_hosts(void);
static int	 addr_is_any(const struct addr *);
static void	 store_tables(void);
static uint32_t	 resolve(const struct host *);
static uint32_t	 anonymous(const struct host *);
static struct named *table_new(const struct pos *, const char *);
static void	 check_patterns(void);
static void	 store_rules(void);

void
build_reset(struct conf *c)
{
	conf = c;
	STAILQ_INIT(&tables);
	rules = NULL;
	rules_tail = &rules;
	nrules = 0;
	memset(listen_pos, 0, sizeof(listen_pos));
	memset(proxied, 0, sizeof(proxied));
	memset(servers, 0, sizeof(servers));
	setting_reset(&c->g);
	lists_reset();
	context_reset();
}

static int
addr_is_any(const struct addr *a)
{
	static const uint8_t	 zero[16];

	return (memcmp(a->ip, zero, sizeof(zero)) == 0);
}

/* An address, IPv6 with or without brackets. */
static int
parse_addr(const char *text, const struct pos *pos, struct addr *a)
{
	char	 buf[ADDR_STRLEN];
	size_t	 len;

	len = strlen(text);
	if (len > 2 && text[0] == '[' && text[len - 1] == ']' &&
	    len - 2 < sizeof(buf)) {
		memcpy(buf, text + 1, len - 2);
		buf[len - 2] = '\0';
		if (addr_parse(a, buf) == 0 && a->family == 6)
			return (0);
	} else if (addr_parse(a, text) == 0)
		return (0);
	lex_error(pos, "an address such as 192.0.2.1 or 2001:db8::1",
	    "bad address \"%s\"", lex_show(text));
	return (-1);
}

static int
parse_port(const char *text, const struct pos *pos, uint16_t *port)
{
	uint64_t	 n;

	if (value_number(text, &n) == -1 || n < 1 || n > 65535) {
		lex_error(pos, "a number from 1 to 65535", "bad port \"%s\"",
		    lex_show(text));
		return (-1);
	}
	*port = (uint16_t)n;
	return (0);
}

static void
add_listener(const struct pos *pos, const struct conf_listener_wire *w,
    const struct listen_opts *opts)
{
	struct conf_listener	*l;

	if ((l = conf_add_listener(conf, w)) == NULL) {
		lex_error(pos, NULL, "more than %d listeners",
		    CONF_LISTENERS_MAX);
		return;
	}
	l->line = (int)pos->line;
	listen_pos[l->w.id] = *pos;
	if (opts->has_proxied)
		proxied[l->w.id] = opts->proxied;
}

void
build_listener(const struct pos *pos, enum listen_mode mode,
    const char *addr, const struct pos *addrpos,
    const char *port, const struct pos *portpos,
    const char *relay, const struct pos *relaypos,
    const char *relayport, const struct pos *relayportpos,
    const struct listen_opts *opts)
{
	struct conf_listener_wire	 w;
	int				 ret;

	memset(&w, 0, sizeof(w));
	w.mode = mode;
	w.starttls = opts->starttls;
	memcpy(w.banner, opts->banner, sizeof(w.banner));
	memcpy(w.name, opts->name, sizeof(w.name));
	ret = 0;
	if (addr != NULL)
		ret |= parse_addr(addr, addrpos, &w.addr);
	ret |= parse_port(port, portpos, &w.addr.port);
	if (relay != NULL) {
		if (parse_addr(relay, relaypos, &w.relay) == -1)
			ret = -1;
		else if (addr_is_any(&w.relay)) {
			lex_error(relaypos, "the address of a server",
			    "cannot relay to %s", lex_show(relay));
			ret = -1;
		}
		w.relay.port = 25;
		if (relayport != NULL)
			ret |= parse_port(relayport, relayportpos,
			    &w.relay.port);
	}
	if (ret != 0)
		return;
	if (addr != NULL) {
		add_listener(pos, &w, opts);
		return;
	}
	w.addr.family = 4;
	add_listener(pos, &w, opts);
	w.addr.family = 6;
	add_listener(pos, &w, opts);
}

/* There is one place for the lines: 0, or -1 when it is known already. */
static int
audit_free(const struct pos *pos)
{
	if (conf->audit.path[0] != '\0')
		lex_error(pos, NULL, "there is an audit file already");
	else if (conf->audit.journal)
		lex_error(pos, NULL, "audit goes to the journal already");
	else
		return (0);
	return (-1);
}

void
build_audit_file(const struct pos *pos, const struct pos *val,
    const char *path)
{
	if (audit_free(pos) == -1)
		return;
	if (path[0] != '/') {
		lex_error(val, "an absolute path", "bad path \"%s\"",
		    lex_show(path));
		return;
	}
	if (strlcpy(conf->audit.path, path, sizeof(conf->audit.path)) >=
	    sizeof(conf->audit.path))
		lex_error(val, NULL, "path is longer than %zu bytes",
		    sizeof(conf->audit.path) - 1);
}

void
build_audit_journal(const struct pos *pos)
{
	if (audit_free(pos) == 0)
		conf->audit.journal = 1;
}

void
build_metrics_path(const struct pos *pos, const struct pos *val,
    const char *path)
{
	struct sockaddr_un	 sun;

	if (conf->metrics.path[0] != '\0') {
		lex_error(pos, NULL, "metrics have a path already");
		return;
	}
	if (path[0] != '/') {
		lex_error(val, "an absolute path", "bad path \"%s\"",
		    lex_show(path));
		return;
	}
	if (strlen(path) >= sizeof(sun.sun_path)) {
		lex_error(val, NULL, "path is longer than %zu bytes",
		    sizeof(sun.sun_path) - 1);
		return;
	}
	strlcpy(conf->metrics.path, path, sizeof(conf->metrics.path));
}

void
build_metrics_addr(const struct pos *pos, const char *addr,
    const struct pos *addrpos, const char *port, const struct pos *portpos)
{
	struct addr	 a;

	if (conf->metrics.addr.family != 0) {
		lex_error(pos, NULL, "metrics have an address already");
		return;
	}
	memset(&a, 0, sizeof(a));
	if (parse_addr(addr, addrpos, &a) == 0 &&
	    parse_port(port, portpos, &a.port) == 0)
		conf->metrics.addr = a;
}

/* One name is one table, whatever is in it. */
static struct named *
table_new(const struct pos *pos, const char *name)
{
	struct named	*t;

	if (!value_is_name(name)) {
		lex_error(pos, "letters, digits, _, - and .",
		    "bad name \"%s\" of a table", lex_show(name));
		return (NULL);
	}
	STAILQ_FOREACH(t, &tables, entry) {
		if (strcmp(t->name, name) == 0) {
			lex_error(pos, NULL, "table %s is already defined at "
			    "%s:%u", name, t->pos.path, t->pos.line);
			return (NULL);
		}
	}
	if ((t = lex_alloc(sizeof(*t))) == NULL)
		return (NULL);
	t->name = name;
	t->pos = *pos;
	STAILQ_INSERT_TAIL(&tables, t, entry);
	return (t);
}

void
build_table(const struct pos *pos, const char *name, struct netlist *nets)
{
	struct named	*t;

	if (nets != NULL && (t = table_new(pos, name)) != NULL)
		t->nets = nets;
}

void
build_list(const struct pos *pos, const char *name, struct wordlist *words)
{
	struct named	*t;

	if (words != NULL && (t = table_new(pos, name)) != NULL)
		t->words = words;
}

void
build_dynamic(const struct pos *pos, const char *name,
    const struct conf_dynamic_wire *w)
{
	struct conf_dynamic_wire	 d;
	struct named			*t;

	if ((t = table_new(pos, name)) == NULL)
		return;
	t->is_dynamic = 1;
	d = *w;
	strlcpy(d.name, name, sizeof(d.name));
	if (conf_add_dynamic(conf, &d) == NULL)
		lex_error(pos, NULL, "more than %d dynamic tables",
		    CONF_DYNAMICS_MAX);
}

struct rule *
build_rule(const struct pos *pos, enum rule_phase phase)
{
	struct rule	*r;

	if (nrules == CONF_RULES_MAX)
		lex_error(pos, NULL, "more than %d rules", CONF_RULES_MAX);
	if (nrules++ >= CONF_RULES_MAX || (r = lex_alloc(sizeof(*r))) == NULL)
		return (NULL);
	conf_rule_init(&r->w, phase);
	r->w.line = pos->line;
	r->pos = *pos;
	*rules_tail = r;
	rules_tail = &r->next;
	return (r);
}

void
build_reply(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*why;
	int		 class;

	/* "pass strip" has no reply, but a text for what it removes. */
	if (r->w.flags & RULE_STRIP) {
		build_notice(r, pos, text);
		return;
	}
	if (r->w.action != ACTION_BLOCK && r->w.action != ACTION_TEMPFAIL) {
		lex_error(pos, NULL, "%s has no reply of its own",
		    conf_action_name(r->w.action));
		return;
	}
	if (r->w.reply[0] != '\0') {
		lex_error(pos, NULL, "a second reply");
		return;
	}
	class = r->w.action == ACTION_BLOCK ? 5 : 4;
	if (value_reply(text, class, &why) == -1) {
		lex_error(pos, class == 5 ? "a reply such as \"554 5.7.1 "
		    "text\"" : "a reply such as \"451 4.7.1 text\"",
		    "bad reply \"%s\": %s", lex_show(text), why);
		return;
	}
	strlcpy(r->w.reply, text, sizeof(r->w.reply));
	/* RFC 5321, section 3.8: 421 announces the end of the session. */
	if (strncmp(text, "421", 3) == 0)
		r->w.disconnect = 1;
}

static void
store_tables(void)
{
	struct named		*n;
	struct conf_table	*t;

	STAILQ_FOREACH(n, &tables, entry) {
		if (n->is_dynamic)
			continue;
		if (n->words != NULL) {
			lists_store(n->words, conf, n->name, &n->pos);
			continue;
		}
		nets_check(n->nets);
		if ((t = conf_add_table(conf, n->name)) == NULL) {
			lex_error(&n->pos, NULL, "more than %d tables",
			    CONF_TABLES_MAX);
			return;
		}
		t->line = (int)n->pos.line;
		nets_store(n->nets, conf, t);
	}
}

/* The table for a list inside a rule; equal lists share one. */
static uint32_t
anonymous(const struct host *h)
{
	struct conf_table	*t;

	TAILQ_FOREACH(t, &conf->tables, entry)
		if (t->w.name[0] == '\0' && nets_equal(h->nets, t))
			return (t->w.id);
	nets_check(h->nets);
	if ((t = conf_add_table(conf, "")) == NULL) {
		lex_error(&h->pos, "tables with many networks",
		    "more than %d tables and different lists in rules",
		    CONF_TABLES_MAX);
		return (RULE_NO_TABLE);
	}
	t->line = (int)h->pos.line;
	nets_store(h->nets, conf, t);
	return (t->w.id);
}

static uint32_t
resolve(const struct host *h)
{
	const struct conf_dynamic_wire *d;
	struct conf_table	*t;

	if (h->nets != NULL)
		return (anonymous(h));
	if (h->table == NULL)
		return (RULE_NO_TABLE);
	if ((d = conf_find_dynamic(conf, h->table)) != NULL)
		return (d->id | RULE_DYNAMIC);
	if ((t = conf_find_table(conf, h->table)) == NULL) {
		if (conf_find_list(conf, h->table) != NULL)
			lex_error(&h->pos, "a table of networks",
			    "<%s> has %s", lex_show(h->table),
			    conf_find_list(conf, h->table)->w.kind ==
			    LIST_ADDRESSES ? "addresses of mail" : "words");
		else
			lex_error(&h->pos, NULL, "no table <%s>",
			    lex_show(h->table));
		return (RULE_NO_TABLE);
	}
	return (t->w.id);
}

/* Listeners and server statements cannot wait for a table to be filled. */
uint32_t
build_fixed(const struct host *h)
{
	uint32_t	 id;

	id = resolve(h);
	if (id == RULE_NO_TABLE || (id & RULE_DYNAMIC) == 0)
		return (id);
	lex_error(&h->pos, "a table of networks", "<%s> is dynamic",
	    lex_show(h->table));
	return (RULE_NO_TABLE);
}

/* Who is meant by listeners and server statements. */
static void
store_hosts(void)
{
	struct conf_listener	*l;
	struct host		*h;
	uint32_t		 i;

	TAILQ_FOREACH(l, &conf->listeners, entry) {
		h = &proxied[l->w.id];
		if (h->table != NULL || h->nets != NULL)
			l->w.proxied = build_fixed(h) + 1;
		if (h->is_not)
			lex_error(&h->pos, "those who send it, by name",
			    "everybody but some would be believed");
	}
	for (i = 0; i < conf->nservers; i++) {
		conf->server[i].table = build_fixed(&servers[i]);
		conf->server[i].not = (uint32_t)servers[i].is_not;
	}
}

/* Does the rule ask what files are exactly, or keep that? */
static void
want_hashes(const struct rule *r)
{
	uint32_t	 i;
	int		 want;

	want = r->has_hash;
	for (i = 0; i < r->w.nadds; i++)
		want |= r->w.add[i].what == ADD_ATTACHMENT;
	if (want)
		conf->g.want_files = conf->g.want_hashes = 1;
}

static void
store_rules(void)
{
	struct rule	*r;

	/* Who keeps records of messages wants to know what was in them. */
	if (conf->audit.path[0] != '\0' || conf->audit.journal)
		conf->g.want_files = conf->g.want_hashes = 1;
	for (r = rules; r != NULL; r = r->next) {
		if (r->has_source) {
			r->w.source = resolve(&r->source);
			r->w.source_not = (uint32_t)r->source.is_not;
		}
		if (r->has_dest) {
			r->w.dest = resolve(&r->dest);
			r->w.dest_not = (uint32_t)r->dest.is_not;
		}
		envelope_store(conf, r);
		content_store(conf, r);
		context_store(conf, r);
		if (r->disclaimer != NULL)
			r->w.disclaimer = disclaimer_id(r);
		conf->g.want_files |= (uint32_t)r->has_file;
		want_hashes(r);
		check_rule(r, &conf->g);
		check_mails(r, conf);
		outbox_store(conf, r);
		if (lex_errors() == 0)
			conf_add_rule(conf, &r->w);
	}
}

/* Each expression must compile, and soon. */
static void
check_patterns(void)
{
	char		 why[160];
	uint32_t	 list, entry;

	if (conf->nlists == 0 || lex_errors() > 0 ||
	    pattern_compile(conf, &list, &entry, why, sizeof(why)) == 0)
		return;
	lex_error(lists_pos(list, entry), NULL, "expression refused: %s",
	    why);
}

int
build_finish(void)
{
	setting_finish();
	check_listeners(conf, listen_pos);
	store_tables();
	store_hosts();
	context_finish(conf);
	disclaimer_store(conf);
	store_rules();
	check_patterns();
	if (lex_errors() == 0) {
		check_shadows(rules);
		check_reach(rules, &conf->g);
	}
	return (lex_errors() == 0 ? 0 : -1);
}

void
build_verdict(struct rule *rule, const struct pos *pos, uint32_t verdict,
    const char *pattern)
{
	const char	*p;

	if (rule->has_verdicts) {
		lex_error(pos, "or between them",
		    "a second verdict in one rule");
		return;
	}
	if (rule->w.verdicts == 0)
		rule->verdict_pos = *pos;
	if (rule->w.verdicts & (1U << verdict)) {
		lex_error(pos, "it once", "%s is named twice in one rule",
		    proto_verdict_name(verdict));
		return;
	}
	rule->w.verdicts |= 1U << verdict;
	if (pattern == NULL)
		return;
	for (p = pattern; *p > 0x20 && *p < 0x7f; p++)
		continue;
	if (*p != '\0' || p == pattern || p - pattern >= CONF_PATTERN_MAX) {
		lex_error(pos, "up to 127 printable ASCII characters",
		    "bad pattern \"%s\"", lex_show(pattern));
		return;
	}
	strlcpy(rule->w.virus, pattern, sizeof(rule->w.virus));
}

void
build_host(const struct pos *pos, const struct host *host, struct host *into,
    int *has, const char *name)
{
	if (*has)
		lex_error(pos, "it once", "a second %s in one rule", name);
	*has = 1;
	*into = *host;
}

void
build_disconnect(struct rule *rule, const struct pos *pos)
{
	if (rule->w.action == ACTION_PASS)
		lex_error(pos, NULL, "pass cannot disconnect");
	else if (rule->has_disconnect)
		lex_error(pos, "it once", "disconnect is said twice");
	rule->has_disconnect = 1;
	rule->w.disconnect = 1;
}

void
build_server(const struct pos *pos, const struct host *h,
    const struct conf_server_wire *opts)
{
	struct conf_server_wire	 w;

	w = *opts;
	w.line = pos->line;
	if (w.starttls == 0 && w.identity == IDENTITY_NONE)
		lex_error(pos, "starttls or identity",
		    "nothing is said of this server");
	else if (conf->nservers == CONF_SERVERS_MAX)
		lex_error(pos, NULL, "more than %d server statements",
		    CONF_SERVERS_MAX);
	else {
		servers[conf->nservers] = *h;
		conf_add_server(conf, &w);
	}
}

/* RFC 5321, section 4.2: printable, and the line has 512 octets at most. */
void
build_banner(const struct pos *pos, const char *text, char *banner)
{
	const char	*p;

	for (p = text; *p >= 0x20 && *p < 0x7f; p++)
		continue;
	if (*p != '\0' || p == text || *text == ' ' ||
	    p - text >= CONF_BANNER_MAX)
		lex_error(pos, "a host name and a text, up to 127 printable "
		    "ASCII characters", "bad banner \"%s\"",
		    lex_show(text));
	else
		strlcpy(banner, text, CONF_BANNER_MAX);
}

unsigned int
build_version(const struct pos *pos, const char *text)
{
	if (strcmp(text, "v1") == 0)
		return (IDENTITY_PROXY1);
	if (strcmp(text, "v2") != 0)
		lex_error(pos, "v1 or v2", "no version \"%s\" of the PROXY "
		    "protocol", lex_show(text));
	return (IDENTITY_PROXY2);
}

void
build_once(const struct pos *pos, int is_there, const char *what)
{
	if (is_there)
		lex_error(pos, "it once", "%s is said twice", what);
}

char *
build_join(const struct pos *pos, const char *a, const char *b)
{
	char	*s;
	size_t	 size;

	if (a == NULL || b == NULL)
		return (NULL);
	size = strlen(a) + strlen(b) + 2;
	if (size > LEX_VALUE_MAX) {
		lex_error(pos, NULL, "value of more than %d bytes",
		    LEX_VALUE_MAX);
		return (NULL);
	}
	if ((s = lex_alloc(size)) != NULL)
		snprintf(s, size, "%s %s", a, b);
	return (s);
}

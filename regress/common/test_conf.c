/* SPDX-License-Identifier: ISC */

/*
 * The configuration in memory and on its way to the children: tables, globs,
 * rules, the frames there and back, and frames that master never sends.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf.h"
#include "imsg.h"
#include "log.h"
#include "parts.h"
#include "unit.h"

static struct addr	 ip(const char *);
static struct conf_table *table(struct conf *, const char *, const char *,
		    ...);
static void	 test_table(void);
static void	 test_glob(void);
static const struct conf_rule_wire *match(const struct conf *,
		    enum rule_phase, const char *, const char *,
		    enum verdict, const char *);
static struct conf_rule *rule(struct conf *, uint32_t, uint32_t, uint32_t);
static void	 test_match(void);
static void	 test_builtin(void);
static void	 test_limits(void);
static struct conf *sample(void);
static int	 same(const struct conf *, const struct conf *);
static int	 send_all(struct imsgbuf *, struct imsgbuf *,
		    const struct conf *, struct conf **);
static int	 take(struct imsgbuf *, struct conf **);
static void	 test_wire(void);
static int	 begin(struct conf **);
static int	 refused(struct conf **, uint32_t, const void *, size_t);
static void	 test_hostile_order(void);
static void	 test_hostile_nets(void);
static void	 test_hostile_rules(void);
static void	 test_hostile_listeners(void);
static void	 test_hostile_globals(void);

static struct addr
ip(const char *text)
{
	struct addr	 a;

	if (addr_parse(&a, text) == -1)
		errx(2, "%s", text);
	return (a);
}

/* Networks up to NULL, "!" in front of excluded ones. */
static struct conf_table *
table(struct conf *conf, const char *name, const char *text, ...)
{
	struct conf_table	*t;
	struct conf_net		 net;
	va_list			 ap;

	if ((t = conf_add_table(conf, name)) == NULL)
		err(2, "conf_add_table");
	va_start(ap, text);
	for (; text != NULL; text = va_arg(ap, const char *)) {
		memset(&net, 0, sizeof(net));
		net.not = text[0] == '!';
		if (addr_parse_net(&net.net, text + net.not) == -1 ||
		    conf_add_net(conf, t, &net) == -1)
			err(2, "%s", text);
	}
	va_end(ap);
	return (t);
}

static void
test_table(void)
{
	struct conf		*conf;
	struct conf_table	*t;
	struct addr		 a;

	conf = conf_new();
#define IN(t, text)	(a = ip(text), conf_table_match(t, &a))
	t = table(conf, "a", "10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24",
	    "!10.1.2.3", "192.0.2.1", NULL);
	CASE("in", IN(t, "10.0.0.1") && IN(t, "10.255.255.255"));
	CASE("not-in", !IN(t, "11.0.0.0") && !IN(t, "9.255.255.255"));
	CASE("excluded", !IN(t, "10.1.0.0") && !IN(t, "10.1.255.255"));
	CASE("included-again", IN(t, "10.1.2.0") && IN(t, "10.1.2.255"));
	CASE("excluded-host", !IN(t, "10.1.2.3"));
	CASE("host", IN(t, "192.0.2.1") && !IN(t, "192.0.2.2"));
	t = table(conf, "b", "!10.1.2.3", "10.1.2.0/24", "!10.1.0.0/16",
	    "10.0.0.0/8", NULL);
	CASE("order-does-not-count", IN(t, "10.0.0.1") && !IN(t, "10.1.0.0")
	    && IN(t, "10.1.2.0") && !IN(t, "10.1.2.3"));
	t = table(conf, "c", "2001:db8::/32", "!2001:db8:0:1::/64", "::1",
	    NULL);
	CASE("v6", IN(t, "2001:db8::1") && IN(t, "2001:db8:ffff::") &&
	    !IN(t, "2001:db9::") && IN(t, "::1") && !IN(t, "::2"));
	CASE("v6-excluded", !IN(t, "2001:db8:0:1::5") &&
	    IN(t, "2001:db8:0:2::5"));
	t = table(conf, "d", "0.0.0.0/0", NULL);
	CASE("v4-only", IN(t, "1.2.3.4") && !IN(t, "::"));
	t = table(conf, "e", "::/0", "10.128.0.0/9", NULL);
	CASE("v6-only", !IN(t, "1.2.3.4") && IN(t, "::") &&
	    IN(t, "ffff::"));
	CASE("odd-prefix", IN(t, "10.128.0.0") && IN(t, "10.255.0.0") &&
	    !IN(t, "10.127.255.255"));
	t = table(conf, "f", NULL);
	CASE("empty", !IN(t, "1.2.3.4") && !IN(t, "::1"));
	CASE("find", conf_find_table(conf, "c")->w.id == 2 &&
	    conf_find_table(conf, "z") == NULL);
	conf_unref(conf);
}

static void
test_glob(void)
{
	static char	 stars[4096], text[4096];
	int		 i;

	CASE("glob-literal", conf_glob("abc", "abc") &&
	    !conf_glob("abc", "ab") && !conf_glob("abc", "abcd") &&
	    !conf_glob("abc", "abd"));
	CASE("glob-case", conf_glob("Win.TEST", "wIN.test") &&
	    !conf_glob("[", "{") && !conf_glob("@", "`"));
	CASE("glob-empty", conf_glob("", "") && !conf_glob("", "a") &&
	    !conf_glob("a", "") && conf_glob("*", "") &&
	    conf_glob("***", "") && !conf_glob("?", ""));
	CASE("glob-question", conf_glob("a?c", "abc") &&
	    !conf_glob("a?c", "ac") && conf_glob("???", "xyz"));
	CASE("glob-star", conf_glob("a*", "a") && conf_glob("a*", "abc") &&
	    conf_glob("*c", "abc") && conf_glob("a*c", "ac") &&
	    conf_glob("a*c", "abcbc") && !conf_glob("a*c", "abcb"));
	CASE("glob-stars", conf_glob("*a*b*", "xaxbx") &&
	    !conf_glob("*a*b*", "xbxax") && conf_glob("a**b", "ab") &&
	    conf_glob("*.Eicar*", "Win.Test.EICAR_HDB-1"));
	CASE("glob-literal-others", conf_glob("[a-z]", "[a-z]") &&
	    !conf_glob("[a-z]", "b") && conf_glob("\\*", "\\x") &&
	    conf_glob("\xff*", "\xffq"));
	/* Exponential or recursive matchers do not come back from this. */
	for (i = 0; i < 2000; i++) {
		stars[2 * i] = '*';
		stars[2 * i + 1] = 'a';
	}
	stars[4000] = 'b';
	memset(text, 'a', sizeof(text) - 1);
	CASE("glob-worst", !conf_glob(stars, text));
}

static const struct conf_rule_wire *
match(const struct conf *conf, enum rule_phase phase, const char *source,
    const char *dest, enum verdict verdict, const char *virus)
{
	struct conf_facts	 f;
	struct addr		 s, d;

	s = ip(source);
	d = ip(dest);
	memset(&f, 0, sizeof(f));
	f.source = &s;
	f.dest = &d;
	f.verdict = verdict;
	f.virus = virus;
	return (conf_match(conf, phase, &f, NULL, NULL));
}

static struct conf_rule *
rule(struct conf *conf, uint32_t phase, uint32_t source, uint32_t dest)
{
	struct conf_rule_wire	 w;
	struct conf_rule	*r;

	conf_rule_init(&w, phase);
	w.action = ACTION_BLOCK;
	w.source = source;
	w.dest = dest;
	w.line = conf->nrules + 1;
	if ((r = conf_add_rule(conf, &w)) == NULL)
		err(2, "conf_add_rule");
	return (r);
}

static void
test_match(void)
{
	struct conf		*conf;
	struct conf_rule	*r;
	uint32_t		 t, u;

	conf = conf_new();
	t = table(conf, "t", "10.0.0.0/8", NULL)->w.id;
	u = table(conf, "u", "192.0.2.0/24", "2001:db8::/32", NULL)->w.id;
	rule(conf, PHASE_CONNECT, t, u);
	r = rule(conf, PHASE_CONNECT, t, RULE_NO_TABLE);
	r = rule(conf, PHASE_CONNECT, RULE_NO_TABLE, u);
	r->w.dest_not = 1;
	r = rule(conf, PHASE_CONNECT, u, RULE_NO_TABLE);
	r->w.source_not = 1;
	r = rule(conf, PHASE_MESSAGE, t, RULE_NO_TABLE);
	r->w.verdicts = 1U << VERDICT_VIRUS | 1U << VERDICT_UNSCANNABLE;
	strlcpy(r->w.virus, "Win.*", sizeof(r->w.virus));
	r = rule(conf, PHASE_MESSAGE, RULE_NO_TABLE, RULE_NO_TABLE);
	r->w.verdicts = 1U << VERDICT_SCANNER_FAILED;
	r = rule(conf, PHASE_MESSAGE, u, RULE_NO_TABLE);
	CASE("done", conf_done(conf) == 0);
#define LINE(phase, s, d, v, name)	\
	match(conf, phase, s, d, v, name)->line
	CASE("both", LINE(PHASE_CONNECT, "10.0.0.1", "192.0.2.1", 0, "") == 1);
	CASE("second", LINE(PHASE_CONNECT, "10.0.0.1", "1.2.3.4", 0, "") == 2);
	CASE("not-dest", LINE(PHASE_CONNECT, "1.1.1.1", "1.2.3.4", 0, "") ==
	    3);
	CASE("not-source", LINE(PHASE_CONNECT, "1.1.1.1", "192.0.2.1", 0, "")
	    == 4);
	CASE("none", LINE(PHASE_CONNECT, "2001:db8::1", "2001:db8::2", 0, "")
	    == 0 && match(conf, PHASE_CONNECT, "2001:db8::1", "192.0.2.1", 0,
	    "")->action == ACTION_PASS);
	CASE("virus-pattern", LINE(PHASE_MESSAGE, "10.0.0.1", "1.1.1.1",
	    VERDICT_VIRUS, "win.x") == 5);
	CASE("virus-other", LINE(PHASE_MESSAGE, "10.0.0.1", "1.1.1.1",
	    VERDICT_VIRUS, "Doc.x") == 0);
	CASE("pattern-is-for-viruses", LINE(PHASE_MESSAGE, "10.0.0.1",
	    "1.1.1.1", VERDICT_UNSCANNABLE, "Encrypted") == 5);
	CASE("verdict", LINE(PHASE_MESSAGE, "10.0.0.1", "1.1.1.1",
	    VERDICT_SCANNER_FAILED, "x") == 6);
	CASE("any-verdict", LINE(PHASE_MESSAGE, "192.0.2.9", "1.1.1.1",
	    VERDICT_CLEAN, "") == 7 && LINE(PHASE_MESSAGE, "192.0.2.9",
	    "1.1.1.1", VERDICT_VIRUS, "x") == 7);
	conf_unref(conf);
}

/* Unknown is never clean, whatever the file says or does not say. */
static void
test_builtin(void)
{
	const struct conf_rule_wire	*r;
	struct conf			*conf;

	conf = conf_new();
	conf_done(conf);
	r = match(conf, PHASE_MESSAGE, "1.1.1.1", "::", VERDICT_CLEAN, "");
	CASE("builtin-clean", r->action == ACTION_PASS && !r->disconnect);
	r = match(conf, PHASE_MESSAGE, "1.1.1.1", "::", VERDICT_VIRUS, "x");
	CASE("builtin-virus", r->action == ACTION_BLOCK && r->disconnect);
	r = match(conf, PHASE_MESSAGE, "1.1.1.1", "::", VERDICT_UNSCANNABLE,
	    "x");
	CASE("builtin-unscannable", r->action == ACTION_BLOCK &&
	    !r->disconnect);
	r = match(conf, PHASE_MESSAGE, "1.1.1.1", "::",
	    VERDICT_SCANNER_FAILED, "x");
	CASE("builtin-failed", r->action == ACTION_TEMPFAIL);
	r = match(conf, PHASE_CONNECT, "1.1.1.1", "::", VERDICT_VIRUS, "x");
	CASE("builtin-connect", r->action == ACTION_PASS);
	conf_unref(conf);
}

static void
test_limits(void)
{
	struct conf			*conf;
	struct conf_listener_wire	 l;
	struct conf_rule_wire		 r;
	struct conf_net			 n;
	struct conf_table		*t;
	uint32_t			 i;

	conf = conf_new();
	memset(&l, 0, sizeof(l));
	conf_rule_init(&r, PHASE_CONNECT);
	memset(&n, 0, sizeof(n));
	for (i = 0; conf_add_listener(conf, &l) != NULL; i++)
		continue;
	CASE("limit-listeners", i == CONF_LISTENERS_MAX && errno == ENOSPC);
	for (i = 0; conf_add_rule(conf, &r) != NULL; i++)
		continue;
	CASE("limit-rules", i == CONF_RULES_MAX && errno == ENOSPC);
	for (i = 0; (t = conf_add_table(conf, "x")) != NULL; i++)
		continue;
	CASE("limit-tables", i == CONF_TABLES_MAX && errno == ENOSPC);
	t = TAILQ_FIRST(&conf->tables);
	for (i = 0; conf_add_net(conf, t, &n) == 0; i++)
		continue;
	CASE("limit-nets", i == CONF_NETS_MAX && errno == ENOSPC);
	CASE("done-full", conf_done(conf) == 0);
	conf_ref(conf);
	conf_unref(conf);
	CASE("refs", conf->refs == 1);
	TAILQ_FIRST(&conf->rules)->w.source = CONF_TABLES_MAX;
	CASE("done-bad-id", conf_done(conf) == -1 && errno == EINVAL);
	conf_unref(conf);
	conf_unref(NULL);
}

static struct conf *
sample(void)
{
	struct conf			*conf;
	struct conf_listener_wire	 l;
	struct conf_rule		*r;
	struct conf_net			 n;
	struct conf_table		*t;
	uint32_t			 i;

	conf = conf_new();
	conf->g.message_max = 12345;
	conf->g.timeout[TMO_SESSION] = 0;
	strlcpy(conf->g.av_path, "/x", sizeof(conf->g.av_path));
	for (i = 0; i < LISTEN_MAX; i++) {
		memset(&l, 0, sizeof(l));
		l.mode = i;
		l.addr = ip(i == 0 ? "127.0.0.1" : "::1");
		l.addr.port = (uint16_t)(5000 + i);
		if (i == LISTEN_RELAY)
			l.relay = ip("192.0.2.1");
		conf_add_listener(conf, &l)->fd = open("/dev/null", O_RDONLY);
	}
	table(conf, "a", "10.0.0.0/8", "!10.1.0.0/16", "::1", NULL);
	table(conf, "", NULL);
	t = table(conf, "big", NULL);
	for (i = 0; i < 3000; i++) {
		memset(&n, 0, sizeof(n));
		n.not = i & 1;
		n.net.addr = ip("10.0.0.0");
		n.net.addr.ip[2] = (uint8_t)(i >> 8);
		n.net.addr.ip[3] = (uint8_t)i;
		n.net.prefix = 32;
		conf_add_net(conf, t, &n);
	}
	for (i = 0; i < 20; i++) {
		r = rule(conf, i & 1, i % 3, i & 4 ? RULE_NO_TABLE : 1);
		r->w.action = i % ACTION_MAX;
		r->w.verdicts = i & 1 ? 1U << VERDICT_VIRUS : 0;
		strlcpy(r->w.reply, "554 x", sizeof(r->w.reply));
	}
	if (conf_done(conf) == -1)
		err(2, "conf_done");
	return (conf);
}

static int
same(const struct conf *a, const struct conf *b)
{
	const struct conf_listener	*l, *m;
	const struct conf_rule		*r, *q;
	uint32_t			 i;

	if (memcmp(&a->g, &b->g, sizeof(a->g)) != 0 ||
	    a->nlisteners != b->nlisteners || a->ntables != b->ntables ||
	    a->nrules != b->nrules || a->nnets != b->nnets)
		return (0);
	for (l = TAILQ_FIRST(&a->listeners), m = TAILQ_FIRST(&b->listeners);
	    l != NULL; l = TAILQ_NEXT(l, entry), m = TAILQ_NEXT(m, entry))
		if (memcmp(&l->w, &m->w, sizeof(l->w)) != 0 || m->fd == -1)
			return (0);
	for (i = 0; i < a->ntables; i++)
		if (strcmp(a->table[i]->w.name, b->table[i]->w.name) != 0 ||
		    a->table[i]->w.nnets != b->table[i]->w.nnets ||
		    (a->table[i]->w.nnets > 0 && memcmp(a->table[i]->net,
		    b->table[i]->net, a->table[i]->w.nnets *
		    sizeof(struct conf_net)) != 0))
			return (0);
	for (r = TAILQ_FIRST(&a->rules), q = TAILQ_FIRST(&b->rules);
	    r != NULL; r = TAILQ_NEXT(r, entry), q = TAILQ_NEXT(q, entry))
		if (memcmp(&r->w, &q->w, sizeof(r->w)) != 0)
			return (0);
	return (1);
}

/* Read what has come; the result of the last frame, -2 for none. */
static int
take(struct imsgbuf *ib, struct conf **building)
{
	struct imsg	 m;
	int		 n, ret;

	ret = -2;
	while ((n = imsg_read(ib, &m)) == 1) {
		ret = conf_frame(building, m.type, imsg_take_fd(&m), m.data,
		    m.len);
		imsg_free(&m);
		if (ret != 0)
			return (ret);
	}
	return (n == -1 ? -1 : ret);
}

static int
send_all(struct imsgbuf *from, struct imsgbuf *to, const struct conf *conf,
    struct conf **building)
{
	const struct conf_listener	*l;
	const struct conf_table		*t;
	const struct conf_rule		*r;
	uint32_t			 i, n;

#define SEND(type, fd, p, len) \
	if (imsg_compose(from, type, 0, fd, p, len) == -1 || \
	    (take(to, building) & ~1) != 0) \
		return (-1)
	SEND(IMSG_CONF_BEGIN, -1, &conf->g, sizeof(conf->g));
	TAILQ_FOREACH(l, &conf->listeners, entry) {
		SEND(IMSG_CONF_LISTENER, dup(l->fd), &l->w, sizeof(l->w));
	}
	TAILQ_FOREACH(t, &conf->tables, entry) {
		SEND(IMSG_CONF_TABLE, -1, &t->w, sizeof(t->w));
		for (i = 0; i < t->w.nnets; i += n) {
			n = IMSG_DATA_MAX / sizeof(struct conf_net);
			if (n > t->w.nnets - i)
				n = t->w.nnets - i;
			SEND(IMSG_CONF_NET, -1, &t->net[i],
			    n * sizeof(struct conf_net));
		}
	}
	TAILQ_FOREACH(r, &conf->rules, entry) {
		SEND(IMSG_CONF_RULE, -1, &r->w, sizeof(r->w));
	}
	if (imsg_compose(from, IMSG_CONF_END, 0, -1, NULL, 0) == -1)
		return (-1);
	return (take(to, building));
}

static void
test_wire(void)
{
	struct imsgbuf	 a, b;
	struct conf	*conf, *building;
	int		 sv[2];

	if (imsg_pair(sv) == -1)
		err(2, "imsg_pair");
	imsgbuf_init(&a, sv[0], PROC_MASTER, PROC_PROXY);
	imsgbuf_init(&b, sv[1], PROC_PROXY, PROC_MASTER);
	conf = sample();
	building = NULL;
	CASE("wire", send_all(&a, &b, conf, &building) == 1);
	CASE("wire-same", building != NULL && same(conf, building));
	conf_unref(building);
	/* One that was begun is dropped for the next one. */
	building = NULL;
	imsg_compose(&a, IMSG_CONF_BEGIN, 0, -1, &conf->g, sizeof(conf->g));
	CASE("wire-again", send_all(&a, &b, conf, &building) == 1 &&
	    same(conf, building));
	conf_unref(building);
	conf_unref(conf);
	imsgbuf_clear(&a);
	imsgbuf_clear(&b);
}

static int
begin(struct conf **building)
{
	struct conf	*conf;
	int		 ret;

	conf = conf_new();
	ret = conf_frame(building, IMSG_CONF_BEGIN, -1, &conf->g,
	    sizeof(conf->g));
	conf_unref(conf);
	return (ret);
}

static int
refused(struct conf **building, uint32_t type, const void *data, size_t len)
{
	errno = 0;
	return (conf_frame(building, type, -1, data, len) == -1 &&
	    errno == EBADMSG && *building == NULL);
}

static void
test_hostile_order(void)
{
	struct conf_table_wire	 t;
	struct conf_net		 n;
	struct conf		*c;

	c = NULL;
	memset(&t, 0, sizeof(t));
	memset(&n, 0, sizeof(n));
	n.net.addr.family = 4;
	CASE("end-first", refused(&c, IMSG_CONF_END, NULL, 0));
	CASE("table-first", refused(&c, IMSG_CONF_TABLE, &t, sizeof(t)));
	CASE("other-type", begin(&c) == 0 &&
	    refused(&c, IMSG_DRAIN, NULL, 0));
	CASE("net-without-table", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
	t.id = 1;
	CASE("table-id", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_TABLE, &t, sizeof(t)));
	memset(t.name, 'x', sizeof(t.name));
	t.id = 0;
	CASE("table-name", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_TABLE, &t, sizeof(t)));
}

static void
test_hostile_nets(void)
{
	struct conf_table_wire	 t;
	struct conf_net		 n;
	struct conf		*c;

	c = NULL;
	memset(&t, 0, sizeof(t));
	memset(&n, 0, sizeof(n));
	n.net.addr.family = 4;
#define TABLE	(begin(&c) == 0 && \
	conf_frame(&c, IMSG_CONF_TABLE, -1, &t, sizeof(t)) == 0)
	n.table = 1;
	CASE("net-table", TABLE && refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
	n.table = 0;
	CASE("net", TABLE &&
	    conf_frame(&c, IMSG_CONF_NET, -1, &n, sizeof(n)) == 0);
	n.net.prefix = 33;
	CASE("net-prefix", TABLE &&
	    refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
	n.net.addr.family = 6;
	n.net.prefix = 129;
	CASE("net-prefix6", TABLE &&
	    refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
	n.net.prefix = 0;
	n.net.addr.family = 5;
	CASE("net-family", TABLE &&
	    refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
	n.net.addr.family = 6;
	n.not = 2;
	CASE("net-not", TABLE && refused(&c, IMSG_CONF_NET, &n, sizeof(n)));
}

static void
test_hostile_rules(void)
{
	struct conf_rule_wire	 r;
	struct conf		*c;

	c = NULL;
	conf_rule_init(&r, PHASE_CONNECT);
#define RULE(field, value, name)	\
	r.field = value; \
	CASE(name, begin(&c) == 0 && \
	    refused(&c, IMSG_CONF_RULE, &r, sizeof(r))); \
	r.field = 0
	RULE(phase, PHASE_MAX, "rule-phase");
	RULE(action, ACTION_MAX, "rule-action");
	RULE(disconnect, 2, "rule-disconnect");
	RULE(source_not, 2, "rule-source-not");
	RULE(dest_not, 2, "rule-dest-not");
	RULE(nwants, RULE_WANTS + 1, "rule-wants");
	RULE(nadds, RULE_ADDS + 1, "rule-adds");
	RULE(has_scored, 2, "rule-scored");
	RULE(directions, 1U << DIR_MAX, "rule-directions");
	RULE(days, 1U << 7, "rule-days");
	RULE(minute_from, MINUTES_DAY, "rule-from");
	RULE(minute_to, MINUTES_DAY + 1, "rule-to");
	RULE(body_not, 2, "rule-body-not");
	RULE(flags, RULE_FLAGS_ALL + 1, "rule-flags");
	RULE(anomalies, 1ULL << A_MAX, "rule-anomalies");
	RULE(verdicts, 1U << VERDICT_MAX, "rule-verdicts");
	memset(r.virus, 'x', sizeof(r.virus));
	RULE(line, 0, "rule-virus");
	memset(r.virus, 0, sizeof(r.virus));
	memset(r.reply, 'x', sizeof(r.reply));
	RULE(line, 0, "rule-reply");
	memset(r.reply, 0, sizeof(r.reply));
	r.source = 0;
	CASE("rule-source", begin(&c) == 0 && conf_frame(&c, IMSG_CONF_RULE,
	    -1, &r, sizeof(r)) == 0 && refused(&c, IMSG_CONF_END, NULL, 0));
	r.source = RULE_NO_TABLE;
	r.dest = 7;
	CASE("rule-dest", begin(&c) == 0 && conf_frame(&c, IMSG_CONF_RULE,
	    -1, &r, sizeof(r)) == 0 && refused(&c, IMSG_CONF_END, NULL, 0));
}

static void
test_hostile_listeners(void)
{
	struct conf_listener_wire	 l;
	struct conf			*c;
	int				 fd;

	c = NULL;
	memset(&l, 0, sizeof(l));
	l.addr.family = 4;
	l.mode = LISTEN_MAX;
	fd = open("/dev/null", O_RDONLY);
	CASE("listener-mode", begin(&c) == 0 && conf_frame(&c,
	    IMSG_CONF_LISTENER, fd, &l, sizeof(l)) == -1 && c == NULL);
	CASE("listener-fd-closed", fcntl(fd, F_GETFD) == -1);
	l.mode = LISTEN_RELAY;
	CASE("listener-no-relay", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_LISTENER, &l, sizeof(l)));
	l.mode = LISTEN_REDIRECT;
	l.addr.family = 0;
	CASE("listener-no-address", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_LISTENER, &l, sizeof(l)));
	l.addr.family = 4;
	l.id = 1;
	CASE("listener-id", begin(&c) == 0 &&
	    refused(&c, IMSG_CONF_LISTENER, &l, sizeof(l)));
	conf_unref(c);
}

static void
test_hostile_globals(void)
{
	struct conf	*conf, *c;

	c = NULL;
	conf = conf_new();
#define GLOBAL(field, value, name)	do { \
	struct conf_globals	 g = conf->g; \
	g.field = value; \
	CASE(name, refused(&c, IMSG_CONF_BEGIN, &g, sizeof(g))); \
} while (0)
	GLOBAL(message_max, 0, "globals-message-0");
	GLOBAL(message_max, MAX_MESSAGE_SIZE + 1, "globals-message");
	GLOBAL(spool_max, 0, "globals-spool");
	GLOBAL(timeout[TMO_SCAN], 0, "globals-timeout-0");
	GLOBAL(timeout[TMO_SCAN], UINT64_MAX, "globals-timeout");
	GLOBAL(proxies, 0, "globals-proxies-0");
	GLOBAL(proxies, MAX_PROXIES + 1, "globals-proxies");
	GLOBAL(parsers, 0, "globals-parsers-0");
	GLOBAL(parsers, MAX_PARSERS + 1, "globals-parsers");
	GLOBAL(scanners, MAX_SCANNERS + 1, "globals-scanners");
	GLOBAL(sessions_max, 0, "globals-sessions-0");
	GLOBAL(sessions_max, MAX_SESSIONS + 1, "globals-sessions");
	GLOBAL(parts_max, 0, "globals-parts-0");
	GLOBAL(parts_max, PARSE_PARTS_MAX + 1, "globals-parts");
	GLOBAL(depth_max, 0, "globals-depth-0");
	GLOBAL(depth_max, PARSE_DEPTH_MAX + 1, "globals-depth");
	GLOBAL(av, AV_MAX, "globals-av");
	GLOBAL(starttls, STARTTLS_MAX, "globals-starttls");
	memset(conf->g.av_path, 'x', sizeof(conf->g.av_path));
	CASE("globals-string", refused(&c, IMSG_CONF_BEGIN, &conf->g,
	    sizeof(conf->g)));
	conf_unref(conf);
}

int
main(void)
{
	log_init(LOG_TO_STDERR, "test_conf", 0);
	test_table();
	test_glob();
	test_match();
	test_builtin();
	test_limits();
	test_wire();
	test_hostile_order();
	test_hostile_nets();
	test_hostile_rules();
	test_hostile_listeners();
	test_hostile_globals();
	return (unit_failed);
}

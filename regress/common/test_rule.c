/* SPDX-License-Identifier: ISC */

/*
 * Which rule decides: what rules can ask for, one by one; and many rules and
 * tables made at random, against an answer found by looking at all of them.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "facts.h"
#include "unit.h"

#define ROUNDS	60
#define MANY	300		/* rules, in a round */

static struct conf	*conf;
static struct addr	 client, server;
static struct conf_facts f;
static uint32_t		 nnow;		/* what the counts say */
static unsigned int	 npassed;
static uint64_t		 state = 88172645463325252ULL;

static uint32_t
rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((uint32_t)(state >> 20) % n);
}

static uint32_t
count(const struct conf *c, uint32_t id, const struct conf_facts *facts)
{
	(void)c;
	(void)facts;
	return (id == 0 ? nnow : 0);
}

static const char	 hash[] = "0101010101010101010101010101010101010101"
			    "010101010101010101010101";

static int
member(const struct conf *c, uint32_t id, const char *key)
{
	(void)c;
	return (id == 0 && strcmp(key, "member@example.org") == 0) ||
	    (id == 1 && strcmp(key, "@example.net") == 0) ||
	    (id == 1 && strcmp(key, "a@example.org b@example.com") == 0) ||
	    (id == 2 && strcmp(key, "0123") == 0) ||
	    (id == 2 && strcmp(key, hash) == 0) ||
	    (id == 3 && strcmp(key, "192.0.2.1") == 0);
}

static void
begin(void)
{
	static const char	 rcpts[] = "member@example.org\0b@example.com";

	conf_unref(conf);
	conf = conf_new();
	memset(&f, 0, sizeof(f));
	addr_parse(&client, "192.0.2.1");
	addr_parse(&server, "198.51.100.1");
	f.source = &client;
	f.dest = &server;
	f.virus = "";
	f.helo = "mail.example.org";
	f.sender = "a@example.org";
	f.rcpt = rcpts;
	f.nrcpt = f.rcpt_count = 2;
	f.member = member;
	f.rate = count;
	nnow = 0;
}

static struct conf_rule_wire *
rule(enum rule_phase phase, enum rule_action action)
{
	struct conf_rule_wire	 w;
	struct conf_rule	*r;

	conf_rule_init(&w, phase);
	w.action = action;
	w.line = conf->nrules + 1;
	if ((r = conf_add_rule(conf, &w)) == NULL)
		err(2, "conf_add_rule");
	return (&r->w);
}

static void
passed(void *arg, const struct conf_rule_wire *w)
{
	(void)w;
	++*(unsigned int *)arg;
}

/* The line that decides, 0: none. */
static uint32_t
line(enum rule_phase phase)
{
	npassed = 0;
	f.points = 0;
	return (conf_match(conf, phase, &f, passed, &npassed)->line);
}

static void
done(void)
{
	if (conf_done(conf) == -1)
		err(2, "conf_done");
}

static uint32_t
net(const char *text, int not)
{
	struct conf_table	*t;
	struct conf_net		 n;

	t = conf_add_table(conf, "");
	memset(&n, 0, sizeof(n));
	if (t == NULL || addr_parse_net(&n.net, text) == -1)
		err(2, "%s", text);
	n.not = (uint32_t)not;
	conf_add_net(conf, t, &n);
	return (t->w.id);
}

static uint32_t
addresses(const char *text, uint32_t folded)
{
	struct conf_list	*l;

	if ((l = conf_add_list(conf, LIST_ADDRESSES, "")) == NULL)
		err(2, "conf_add_list");
	l->w.errors = folded;
	conf_add_entry(conf, l, 1, text, strlen(text));
	return (l->w.id);
}

/* Does a table with that entry have the path? */
static int
has(const char *entry, uint32_t folded, const char *path)
{
	begin();
	rule(PHASE_MAIL, ACTION_BLOCK)->sender = addresses(entry, folded);
	done();
	f.sender = path;
	return (line(PHASE_MAIL) == 1);
}

static void
test_addresses(void)
{
	CASE("mailbox", has("A@Example.org", 0, "a@eXample.org"));
	CASE("mailbox-not", !has("a@example.org", 0, "ba@example.org") &&
	    !has("a@example.org", 0, "a@example.orgs") &&
	    !has("a@example.org", 0, "a@sub.example.org"));
	CASE("domain", has("@example.org", 0, "x@example.org") &&
	    has("example.org", 0, "x@example.org"));
	CASE("domain-not", !has("example.org", 0, "x@sub.example.org") &&
	    !has("example.org", 0, "example.org@example.net"));
	CASE("below", has(".example.org", 0, "x@sub.example.org") &&
	    has(".example.org", 0, "x@a.b.example.org"));
	CASE("below-not", !has(".example.org", 0, "x@example.org") &&
	    !has(".example.org", 0, "x@badexample.org"));
	CASE("name", has("root@", 0, "root@anywhere.example"));
	CASE("empty", has("<>", 0, "") && !has("<>", 0, "a@b"));
	CASE("pattern", has("*.doc?@example.org", 0, "a.docx@example.org") &&
	    !has("*.doc?@example.org", 0, "a.doc@example.org"));
	CASE("expression", has("/^[A-Z]+[0-9]{3,}@/", 0, "Bob123@a.example") &&
	    has("/\\.example$/", 0, "a@b.EXAMPLE") &&
	    has("/^a@b\\.example$/", 0, "a@b.example") &&
	    has("/^\\W+$/", 0, "") &&
	    has("/^a.{4}@/", 0, "a\xc3\xa4\xc3\xa4@b"));
	CASE("expression-not", !has("/^[a-z]+[0-9]{3,}@/", 0,
	    "bob12@a.example") && !has("/^b@/", 0, "ab@c.example") &&
	    !has("/@b\\.example$/", 0, "a@bxexample") &&
	    !has("/^\\W+$/", 0, "a@b"));
	CASE("expression-fold", has("/^a@/", 1, "a+t@example.org") &&
	    !has("/^a@/", 0, "a+t@example.org"));
	CASE("letters", has("@b\xc3\xbc" "cher.example", 0,
	    "a@xn--bcher-kva.example") && has("@XN--bcher-kva.example", 0,
	    "a@b\xc3\xbc" "cher.example") && has("@xn--bcher-kva.example",
	    0, "a@XN--BCHER-KVA.example") && has(".b\xc3\xbc"
	    "cher.example", 0, "a@x.xn--bcher-kva.example"));
	CASE("letters-fold", has("a@b\xc3\xbc" "cher.example", 1,
	    "a+x@xn--bcher-kva.example"));
	CASE("letters-pattern", has("*@*b\xc3\xbc" "cher*", 0,
	    "a@www.xn--bcher-kva.example"));
	CASE("letters-not", !has("@bcher.example", 0,
	    "a@xn--bcher-kva.example") && !has("@abc.example", 0,
	    "a@xn--abc-.example") && !has("@b\xc3\xbc" "cher.example", 0,
	    "xn--bcher-kva.example@a.example"));
	CASE("quoted", has("@example.org", 0, "\"a@b\"@example.org") &&
	    !has("@b", 0, "\"a@b\"@example.org"));
	CASE("fold", has("a@example.org", 1, "a+tag@example.org") &&
	    has("a@example.org", 1, "a@example.org") &&
	    has("a@example.org", 1, "A+x+y@example.org"));
	CASE("fold-not", !has("a@example.org", 0, "a+tag@example.org") &&
	    !has("a@example.org", 1, "b+a@example.org") &&
	    !has("a@example.org", 1, "a@example.org+x"));
	CASE("fold-pattern", has("*a@example.org", 1, "xa+t@example.org"));
	CASE("fold-quoted", !has("\"a@example.org", 1,
	    "\"a+\"@example.org"));
	CASE("fold-only-there", has("a+x@example.org", 0,
	    "a+x@example.org") && !has("a+x@example.org", 0,
	    "a+y@example.org"));
}

static void
test_tables(void)
{
	begin();
	rule(PHASE_CONNECT, ACTION_BLOCK)->source = net("192.0.2.0/24", 0);
	done();
	CASE("source", line(PHASE_CONNECT) == 1);
	addr_parse(&client, "192.0.3.1");
	CASE("source-other", line(PHASE_CONNECT) == 0);
	addr_parse(&client, "2001:db8::1");
	CASE("source-family", line(PHASE_CONNECT) == 0);

	begin();
	rule(PHASE_CONNECT, ACTION_BLOCK)->source = net("0.0.0.0/0", 0);
	done();
	CASE("source-all", line(PHASE_CONNECT) == 1);

	begin();
	rule(PHASE_MAIL, ACTION_BLOCK)->sender = 0 | RULE_DYNAMIC;
	rule(PHASE_MAIL, ACTION_BLOCK)->sender = 1 | RULE_DYNAMIC;
	conf->ndynamics = 4;
	done();
	CASE("dynamic-none", line(PHASE_MAIL) == 0);
	f.sender = "Member@example.org";
	CASE("dynamic-key", line(PHASE_MAIL) == 1);
	f.sender = "any@example.net";
	CASE("dynamic-domain", line(PHASE_MAIL) == 2);

	begin();
	conf->ndynamics = 4;
	rule(PHASE_MESSAGE, ACTION_BLOCK)->rcpt = 0 | RULE_DYNAMIC;
	rule(PHASE_MESSAGE, ACTION_BLOCK)->rcpt = addresses("@b.example", 0);
	conf->rules.tqh_first->w.rcpt_not = 0;
	done();
	CASE("any-recipient", line(PHASE_MESSAGE) == 1);
	f.rcpt = "c@example.com\0x@b.example";
	CASE("second-recipient", line(PHASE_MESSAGE) == 2);

	begin();
	rule(PHASE_MESSAGE, ACTION_BLOCK)->rcpt = addresses("b@example.com",
	    0);
	conf->rules.tqh_first->w.rcpt_not = 1;
	done();
	CASE("no-recipient", line(PHASE_MESSAGE) == 0);
	f.rcpt = "c@example.com\0x@b.example";
	CASE("no-recipient-of-them", line(PHASE_MESSAGE) == 1);
	f.rcpt = NULL;
	f.nrcpt = 0;
	CASE("not-said", line(PHASE_MESSAGE) == 0);

	begin();
	conf->ndynamics = 4;
	rule(PHASE_MESSAGE, ACTION_DISCARD)->body = 2;
	done();
	CASE("body-unknown", line(PHASE_MESSAGE) == 0);
	f.body = "0123";
	CASE("body", line(PHASE_MESSAGE) == 1);
	f.body = "4567";
	CASE("body-other", line(PHASE_MESSAGE) == 0);
	CASE("body-is-wanted", conf->want_body);
}

static void
test_pairs(void)
{
	struct conf_rule_wire	*r;
	uint64_t		 one, two;

	begin();
	conf->ndynamics = 4;
	rule(PHASE_RCPT, ACTION_BLOCK)->pair = 1;
	rule(PHASE_MESSAGE, ACTION_BLOCK)->pair = 1;
	r = rule(PHASE_MESSAGE, ACTION_DISCARD);
	r->pair = r->pair_not = 1;
	done();
	f.sender = "A@example.ORG";
	f.rcpt = "b@example.com";
	f.nrcpt = 1;
	CASE("pair", line(PHASE_RCPT) == 1);
	f.rcpt = "member@example.org\0b@example.com";
	f.nrcpt = 2;
	CASE("pair-any-of-them", line(PHASE_MESSAGE) == 2);
	one = conf_rcpt_class(conf, "b@example.com", &f);
	two = conf_rcpt_class(conf, "c@example.com", &f);
	CASE("pair-judged-apart", one != two);
	f.sender = "";
	CASE("pair-none-of-them", line(PHASE_MESSAGE) == 3);
	f.sender = NULL;
	CASE("pair-not-said", line(PHASE_MESSAGE) == 0);
}

static void
test_hashes(void)
{
	static struct file_fact	 file[2];
	struct conf_rule_wire	*r;

	begin();
	conf->ndynamics = 4;
	r = rule(PHASE_MESSAGE, ACTION_BLOCK);
	r->file_hash = 2 | RULE_DYNAMIC;
	r->file_types = FT_BIT(FT_PDF);
	rule(PHASE_MESSAGE, ACTION_BLOCK)->file_hash = addresses(
	    "02020202020202020202020202020202"
	    "02020202020202020202020202020202", 0);
	done();
	memset(file, 0, sizeof(file));
	f.file = file;
	f.nfiles = 2;
	file[0].type = FT_PDF;
	memset(file[1].sha256, 1, sizeof(file[1].sha256));
	file[1].hashed = 1;
	CASE("hash-of-another-file", line(PHASE_MESSAGE) == 0);
	memset(file[0].sha256, 1, sizeof(file[0].sha256));
	CASE("hash-unknown", line(PHASE_MESSAGE) == 0);
	file[0].hashed = 1;
	CASE("hash-of-this-file", line(PHASE_MESSAGE) == 1);
	memset(file[1].sha256, 2, sizeof(file[1].sha256));
	CASE("hash-first-rule", line(PHASE_MESSAGE) == 1);
	file[0].type = FT_ZIP;
	CASE("hash-in-a-list", line(PHASE_MESSAGE) == 2);
	f.nfiles = 0;
	f.other_types = FT_BIT(FT_PDF);
	CASE("hash-of-what-found-no-room", line(PHASE_MESSAGE) == 0);
}

static void
test_context(void)
{
	struct conf_rule_wire	*r;

	begin();
	rule(PHASE_CONNECT, ACTION_BLOCK)->listeners = 1ULL << 3;
	done();
	CASE("listener-none", line(PHASE_CONNECT) == 0);
	f.listener = 4;
	CASE("listener", line(PHASE_CONNECT) == 1);
	f.listener = 3;
	CASE("listener-other", line(PHASE_CONNECT) == 0);

	begin();
	rule(PHASE_CONNECT, ACTION_BLOCK)->directions = 1U << DIR_OUTBOUND;
	rule(PHASE_CONNECT, ACTION_BLOCK)->directions = 1U << DIR_INBOUND;
	rule(PHASE_CONNECT, ACTION_BLOCK)->directions = 1U << DIR_INTERNAL;
	rule(PHASE_CONNECT, ACTION_BLOCK)->directions = 1U << DIR_EXTERNAL;
	conf->g.inside = net("192.0.2.0/24", 0) + 1;
	done();
	CASE("outbound", line(PHASE_CONNECT) == 1);
	server = client;
	CASE("internal", line(PHASE_CONNECT) == 3);
	addr_parse(&client, "198.51.100.1");
	CASE("inbound", line(PHASE_CONNECT) == 2);
	addr_parse(&server, "198.51.100.2");
	CASE("external", line(PHASE_CONNECT) == 4);

	begin();
	r = rule(PHASE_MAIL, ACTION_BLOCK);
	r->minute_from = 8 * 60;
	r->minute_to = 18 * 60;
	r->days = 1U << 1 | 1U << 5;
	r = rule(PHASE_MAIL, ACTION_BLOCK);
	r->minute_from = 22 * 60;
	r->minute_to = 6 * 60;
	r->days = 1U << 6;
	done();
	f.day = 1;
	f.minute = 8 * 60 - 1;
	CASE("too-early", line(PHASE_MAIL) == 0);
	f.minute++;
	CASE("begins", line(PHASE_MAIL) == 1);
	f.minute = 18 * 60 - 1;
	CASE("last-minute", line(PHASE_MAIL) == 1);
	f.minute++;
	CASE("ends", line(PHASE_MAIL) == 0);
	f.minute = 9 * 60;
	f.day = 2;
	CASE("other-day", line(PHASE_MAIL) == 0);
	f.day = 6;
	f.minute = 23 * 60;
	CASE("night", line(PHASE_MAIL) == 2);
	f.day = 0;
	f.minute = 5 * 60;
	CASE("night-goes-on", line(PHASE_MAIL) == 2);
	f.minute = 23 * 60;
	CASE("next-night", line(PHASE_MAIL) == 0);
	f.day = 6;
	f.minute = 5 * 60;
	CASE("night-before", line(PHASE_MAIL) == 0);
}

static void
test_history(void)
{
	struct conf_rule_wire	*r;

	begin();
	r = rule(PHASE_MAIL, ACTION_PASS);
	r->flags = RULE_SCORE;
	r->points = 3;
	r = rule(PHASE_MAIL, ACTION_PASS);
	r->flags = RULE_SCORE;
	r->points = -1;
	r = rule(PHASE_MAIL, ACTION_BLOCK);
	r->has_scored = 1;
	r->scored = 3;
	r = rule(PHASE_MAIL, ACTION_PASS);
	r->flags = RULE_SCORE | RULE_TRY;
	r->points = 100;
	r = rule(PHASE_MAIL, ACTION_BLOCK);
	r->has_scored = 1;
	r->scored = 2;
	done();
	CASE("scored", line(PHASE_MAIL) == 5 && f.points == 2 &&
	    npassed == 3);
	CASE("scored-without-ear", (f.points = 0, conf_match(conf,
	    PHASE_MAIL, &f, NULL, NULL)->line) == 5);
	f.points = 1;
	CASE("scored-before", conf_match(conf, PHASE_MAIL, &f, NULL,
	    NULL)->line == 3);

	begin();
	r = rule(PHASE_MAIL, ACTION_TEMPFAIL);
	r->rate = conf_add_rate(conf, RATE_MESSAGES, RATE_SENDER, 60);
	r->rate_over = 5;
	CASE("rate-again", conf_add_rate(conf, RATE_MESSAGES, RATE_SENDER,
	    60) == r->rate);
	CASE("rate-another", conf_add_rate(conf, RATE_MESSAGES, RATE_SENDER,
	    61) != r->rate);
	done();
	nnow = 5;
	CASE("as-many", line(PHASE_MAIL) == 0);
	nnow = 6;
	CASE("more", line(PHASE_MAIL) == 1);
	f.rate = NULL;
	CASE("nobody-counts", line(PHASE_MAIL) == 0);
	begin();
	while (conf_add_rate(conf, RATE_MESSAGES, RATE_SENDER,
	    conf->nrates + 1) != RULE_NO_RATE)
		continue;
	CASE("limit-rates", conf->nrates == CONF_RATES_MAX);
}

static void
test_wants(void)
{
	struct conf_rule_wire	*r;
	uint32_t		 score[3] = { 0, 0, 0 };

	begin();
	conf_add_list(conf, LIST_WORDS, "w");
	conf_add_use(conf, 0, 1);
	conf_add_use(conf, 0, 2);
	conf_add_use(conf, 0, 4);
	r = rule(PHASE_MESSAGE, ACTION_BLOCK);
	r->nwants = 3;
	r->want[0].score = 4;
	r->want[1].use = 1;
	r->want[1].not = 1;
	r->want[2].use = 2;
	r->want[2].not = 1;
	r->want[2].is_field = 1;
	done();
	CASE("nobody-looked", line(PHASE_MESSAGE) == 0);
	f.score = score;
	score[0] = 4;
	CASE("too-little", line(PHASE_MESSAGE) == 0);
	score[0] = 5;
	CASE("enough", line(PHASE_MESSAGE) == 1);
	score[1] = 1;
	CASE("other-found", line(PHASE_MESSAGE) == 0);
	score[1] = 0;
	f.text_cut = 1;
	CASE("cut-is-not-absent", line(PHASE_MESSAGE) == 0);
	r->want[1].not = 0;
	r->want[1].use = 0;
	CASE("fields-are-never-cut", line(PHASE_MESSAGE) == 1);
}

/* As the manual says it, without any index. */
static int
slowly(const struct conf_rule_wire *r)
{
	int	 is_in;

	if (r->source != RULE_NO_TABLE) {
		is_in = conf_table_match(conf->table[r->source], f.source);
		if (is_in == (int)r->source_not)
			return (0);
	}
	if (r->dest != RULE_NO_TABLE) {
		is_in = conf_table_match(conf->table[r->dest], f.dest);
		if (is_in == (int)r->dest_not)
			return (0);
	}
	return (1);
}

static uint32_t
some_net(void)
{
	char	 text[64];

	if (rnd(8) == 0)
		snprintf(text, sizeof(text), "2001:db8:%x::/%u", rnd(4),
		    40 + rnd(60));
	else
		snprintf(text, sizeof(text), "10.%u.%u.%u/%u", rnd(2), rnd(3),
		    rnd(4), rnd(33));
	return (net(text, 0));
}

/* Several networks of one table, some of them excluded. */
static void
more_nets(uint32_t id)
{
	struct conf_table	*t;
	struct conf_net		 n;
	char			 text[64];
	unsigned int		 i;

	TAILQ_FOREACH(t, &conf->tables, entry)
		if (t->w.id == id)
			break;
	for (i = rnd(6); t != NULL && i > 0; i--) {
		memset(&n, 0, sizeof(n));
		snprintf(text, sizeof(text), "10.%u.%u.0/%u", rnd(2), rnd(3),
		    17 + i * 2);
		addr_parse_net(&n.net, text);
		n.not = rnd(2);
		conf_add_net(conf, t, &n);
	}
}

static void
some_client(struct addr *a)
{
	char	 text[64];

	if (rnd(8) == 0)
		snprintf(text, sizeof(text), "2001:db8:%x::%x", rnd(4),
		    rnd(4));
	else
		snprintf(text, sizeof(text), "10.%u.%u.%u", rnd(2), rnd(3),
		    rnd(4));
	addr_parse(a, text);
}

static void
test_random(void)
{
	const struct conf_rule	*c;
	struct conf_rule_wire	*r;
	uint32_t		 want;
	unsigned int		 round, i, wrong, decided;

	wrong = decided = 0;
	for (round = 0; round < ROUNDS; round++) {
		begin();
		for (i = 0; i < MANY; i++) {
			r = rule(PHASE_CONNECT, ACTION_BLOCK);
			if (rnd(8) != 0) {
				r->source = some_net();
				more_nets(r->source);
				r->source_not = rnd(16) == 0;
			}
			/* Else every round ends at its first rules. */
			r->dest = some_net();
			r->dest_not = rnd(64) == 0;
		}
		done();
		for (i = 0; i < 50; i++) {
			some_client(&client);
			some_client(&server);
			want = 0;
			TAILQ_FOREACH(c, &conf->rules, entry)
				if (slowly(&c->w)) {
					want = c->w.line;
					break;
				}
			wrong += line(PHASE_CONNECT) != want;
			decided += want > 5;
		}
	}
	CASE("random", wrong == 0);
	CASE("random-says-something", decided > 100);
}

/* Classes of recipients: the same tables, the same class. */
static void
test_classes(void)
{
	uint64_t	 a, b;

	begin();
	conf->ndynamics = 4;
	rule(PHASE_RCPT, ACTION_BLOCK)->rcpt = addresses("x@example.com", 0);
	rule(PHASE_MESSAGE, ACTION_BLOCK)->rcpt = addresses("@example.org",
	    0);
	rule(PHASE_MESSAGE, ACTION_BLOCK)->rcpt = 1 | RULE_DYNAMIC;
	done();
	a = conf_rcpt_class(conf, "a@example.com", &f);
	CASE("class-same", a == conf_rcpt_class(conf, "x@example.com", &f));
	b = conf_rcpt_class(conf, "a@example.org", &f);
	CASE("class-other", a != b &&
	    b == conf_rcpt_class(conf, "b@example.org", &f));
	CASE("class-dynamic", conf_rcpt_class(conf, "b@example.net", &f) !=
	    a);
}

/* Some path, sender or recipient; many more ask for it than have it. */
static uint32_t
some_list(void)
{
	static const char *const	 entries[] = {
		"a@example.org", "@example.org", "member@example.org",
		"b@example.com", "<>", ".example.org", "mail.example.org",
	};

	if (rnd(4) == 0)
		return (rnd(4) | RULE_DYNAMIC);
	return (addresses(entries[rnd(sizeof(entries) /
	    sizeof(entries[0]))], rnd(2)));
}

/* What is asked of the client and its commands. */
static void
ask_envelope(struct conf_rule_wire *r)
{
	if (rnd(4) == 0) {
		r->source = rnd(4) == 0 ? 3 | RULE_DYNAMIC : some_net();
		r->source_not = rnd(2);
	}
	if (rnd(8) == 0) {
		r->dest = some_net();
		r->dest_not = rnd(2);
	}
	if (rnd(8) == 0) {
		r->helo = some_list();
		r->helo_not = rnd(2);
	}
	if (rnd(6) == 0) {
		r->sender = some_list();
		r->sender_not = rnd(2);
	}
	if (rnd(6) == 0) {
		r->rcpt = some_list();
		r->rcpt_not = rnd(2);
	}
	if (rnd(8) == 0)
		r->auth = rnd(WANT_MAX);
	if (rnd(8) == 0)
		r->rcpt_over = rnd(4);
	if (rnd(8) == 0)
		r->size_over = rnd(2000);
	if (rnd(8) == 0)
		r->listeners = 1ULL << rnd(3);
	if (rnd(8) == 0)
		r->directions = 1U << rnd(DIR_MAX);
	if (rnd(8) == 0) {
		r->days = rnd(128);
		r->minute_from = rnd(MINUTES_DAY);
		r->minute_to = rnd(MINUTES_DAY);
	}
	if (rnd(8) == 0) {
		r->has_scored = 1;
		r->scored = (int32_t)rnd(20) - 5;
	}
	if (rnd(8) == 0) {
		r->rate = conf_add_rate(conf, RATE_MESSAGES, RATE_SENDER, 60);
		r->rate_over = rnd(10);
	}
}

static void
ask_message(struct conf_rule_wire *r)
{
	uint32_t	 i;

	if (rnd(4) == 0)
		r->verdicts = rnd(1U << VERDICT_MAX);
	if (rnd(8) == 0)
		strlcpy(r->virus, rnd(2) ? "*eicar*" : "x*",
		    sizeof(r->virus));
	if (rnd(8) == 0)
		r->anomalies = 1ULL << rnd(4);
	if (rnd(4) == 0)
		r->nwants = rnd(RULE_WANTS);
	for (i = 0; i < r->nwants; i++) {
		r->want[i].use = rnd(3);
		r->want[i].not = rnd(2);
		r->want[i].score = rnd(4);
		r->want[i].is_field = rnd(2);
	}
	if (rnd(8) == 0) {
		r->body = 2;
		r->body_not = rnd(2);
	}
	if (rnd(8) == 0)
		r->tls = rnd(WANT_MAX);
	if (rnd(8) == 0) {
		r->pair = 1;
		r->pair_not = rnd(2);
	}
	if (rnd(8) == 0)
		r->file_hash = 2 | RULE_DYNAMIC;
	if (rnd(8) == 0)
		r->file_types = FT_BIT(rnd(4));
	if (rnd(8) == 0)
		r->file_flags = 1U << rnd(4);
	if (rnd(8) == 0)
		strlcpy(r->file_name, rnd(2) ? "*.exe" : "a*",
		    sizeof(r->file_name));
}

static void
some_facts(struct file_fact *file, uint32_t *score)
{
	static const char *const	 paths[] = {
		"a@example.org", "", "member@example.org", "x@sub.example.org"
	};
	uint32_t			 i;

	some_client(&client);
	some_client(&server);
	f.helo = rnd(2) ? "mail.example.org" : "";
	f.sender = rnd(8) == 0 ? NULL : paths[rnd(4)];
	f.nrcpt = f.rcpt_count = rnd(3);
	f.rcpt = f.nrcpt == 0 ? NULL : "member@example.org\0b@example.com";
	f.auth = (int)rnd(2);
	f.tls = (int)rnd(2);
	f.size = rnd(3000);
	f.listener = rnd(4);
	f.day = rnd(7);
	f.minute = rnd(MINUTES_DAY);
	f.body = rnd(3) == 0 ? NULL : rnd(2) ? "0123" : "4567";
	f.verdict = rnd(VERDICT_MAX);
	f.virus = f.verdict == VERDICT_VIRUS ? "Eicar" : "";
	f.anomalies = rnd(16);
	f.nfiles = rnd(3);
	for (i = 0; i < f.nfiles; i++) {
		file[i].type = (uint16_t)rnd(4);
		file[i].flags = rnd(16);
		file[i].hashed = rnd(2);
		memset(file[i].sha256, (int)rnd(3), sizeof(file[i].sha256));
		strlcpy(file[i].name, rnd(2) ? "z/a.exe" : "b.txt",
		    sizeof(file[i].name));
	}
	f.file = file;
	f.other_types = rnd(8) == 0 ? FT_BIT(2) : 0;
	f.other_flags = rnd(8) == 0 ? 1 : 0;
	f.text_cut = rnd(4) == 0;
	for (i = 0; i < 3; i++)
		score[i] = rnd(6);
	f.score = rnd(4) == 0 ? NULL : score;
	nnow = rnd(12);
}

/* Look at all rules one by one, as far as one decides; its line, or 0. */
static uint32_t
one_by_one(enum rule_phase phase, unsigned int *seen, unsigned int *why)
{
	const struct conf_rule	*r;
	struct conf_facts	 g;
	enum rule_cond		 cond;
	char			 text[256];

	g = f;
	g.points = 0;
	npassed = 0;
	TAILQ_FOREACH(r, &conf->rules, entry) {
		if (r->w.phase != phase)
			continue;
		cond = conf_explain(conf, &r->w, &g);
		seen[cond]++;
		conf_why(conf, &r->w, &g, cond, text, sizeof(text));
		*why += (cond == COND_MATCHES) != (text[0] == '\0');
		if (cond != COND_MATCHES)
			continue;
		if ((r->w.flags & (RULE_TRY | RULE_SCORE)) == 0)
			break;
		npassed++;
		if ((r->w.flags & RULE_TRY) == 0)
			g.points += r->w.points;
	}
	f.points = g.points;
	return (r == NULL ? 0 : r->w.line);
}

/* What it is explained with is what happens. */
static void
test_explain(void)
{
	struct conf_rule_wire	*r;
	struct file_fact	 file[3];
	uint32_t		 score[3], want, got;
	unsigned int		 seen[COND_MAX] = { 0 };
	unsigned int		 round, i, wrong, why, unseen, n;
	int64_t			 points;

	wrong = why = unseen = 0;
	memset(file, 0, sizeof(file));
	for (round = 0; round < ROUNDS; round++) {
		begin();
		conf->ndynamics = 4;
		conf_add_list(conf, LIST_WORDS, "w");
		for (i = 0; i < 3; i++)
			conf_add_use(conf, 0, 1U << i);
		for (i = 0; i < MANY; i++) {
			r = rule(rnd(2) ? PHASE_MESSAGE : PHASE_MAIL,
			    ACTION_BLOCK);
			r->flags = rnd(3) == 0 ? 0 : rnd(2) ? RULE_TRY :
			    RULE_SCORE;
			r->points = (int32_t)rnd(9) - 4;
			ask_envelope(r);
			if (r->phase == PHASE_MESSAGE)
				ask_message(r);
		}
		conf->g.inside = rnd(4) == 0 ? 0 : some_net() + 1;
		done();
		for (i = 0; i < 50; i++) {
			some_facts(file, score);
			/* First, so that nothing is left from the other. */
			got = one_by_one(i % 2 ? PHASE_MESSAGE : PHASE_MAIL,
			    seen, &why);
			points = f.points;
			n = npassed;
			want = line(i % 2 ? PHASE_MESSAGE : PHASE_MAIL);
			wrong += got != want || points != f.points ||
			    n != npassed;
		}
	}
	for (i = COND_MATCHES; i < COND_MAX; i++)
		unseen += seen[i] == 0;
	CASE("explained-as-matched", wrong == 0);
	CASE("every-reason-was-one", unseen == 0 && seen[COND_OTHER] == 0);
	CASE("every-reason-has-words", why == 0);
}

int
main(void)
{
	test_addresses();
	test_tables();
	test_pairs();
	test_hashes();
	test_context();
	test_history();
	test_wants();
	test_random();
	test_classes();
	test_explain();
	conf_unref(conf);
	return (unit_failed);
}

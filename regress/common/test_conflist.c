/* SPDX-License-Identifier: ISC */

/*
 * Lists of words in the configuration: entries, uses, the digest, frames, and
 * what rules make of hits.
 */

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "parts.h"
#include "unit.h"

static struct conf *begin(void);
static int	 feed(struct conf **, uint32_t, const void *, size_t);
static void	 test_entries(void);
static void	 test_uses(void);
static void	 test_digest(void);
static void	 test_frames(void);
static void	 test_hostile(void);
static void	 test_rules(void);

/* A configuration under construction, as a child has it. */
static struct conf *
begin(void)
{
	struct conf	*conf, *building;

	conf = conf_new();
	building = NULL;
	if (conf_frame(&building, IMSG_CONF_BEGIN, -1, &conf->g,
	    sizeof(conf->g)) != 0)
		err(2, "CONF_BEGIN");
	conf_unref(conf);
	return (building);
}

static int
feed(struct conf **c, uint32_t type, const void *data, size_t len)
{
	return (conf_frame(c, type, -1, data, len));
}

static void
test_entries(void)
{
	static char		 big[LIST_ENTRY_MAX + 1];
	struct conf		*conf;
	struct conf_list	*l;
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off;
	int			 i;

	conf = conf_new();
	l = conf_add_list(conf, LIST_WORDS, "w");
	CASE("add", conf_add_entry(conf, l, 3, "abc", 3) == 0 &&
	    conf_add_entry(conf, l, 0, big, LIST_ENTRY_MAX) == 0);
	CASE("empty", conf_add_entry(conf, l, 1, "", 0) == -1 &&
	    errno == EINVAL);
	CASE("long", conf_add_entry(conf, l, 1, big, sizeof(big)) == -1 &&
	    errno == EINVAL);
	CASE("heavy", conf_add_entry(conf, l, LIST_WEIGHT_MAX + 1, "a",
	    1) == -1 && errno == EINVAL);
	off = 0;
	CASE("first", conf_next_entry(l, &off, &e, &text) == 1 &&
	    e.weight == 3 && e.len == 3 && memcmp(text, "abc", 3) == 0);
	CASE("second", conf_next_entry(l, &off, &e, &text) == 1 &&
	    e.weight == 0 && e.len == LIST_ENTRY_MAX);
	CASE("end", conf_next_entry(l, &off, &e, &text) == 0);
	CASE("find", conf_find_list(conf, "w") == l &&
	    conf_find_list(conf, "v") == NULL);
	for (i = 1; conf_add_list(conf, LIST_WORDS, "x") != NULL; i++)
		continue;
	CASE("limit-lists", i == CONF_LISTS_MAX && errno == ENOSPC);
	for (i = 2; conf_add_entry(conf, l, 1, "a", 1) == 0; i++)
		continue;
	CASE("limit-entries", i == CONF_ENTRIES_MAX && errno == ENOSPC);
	CASE("done", conf_done(conf) == 0 && conf->list[0] == l);
	conf_unref(conf);

	conf = conf_new();
	l = conf_add_list(conf, LIST_WORDS, "w");
	while (conf_add_entry(conf, l, 1, big, LIST_ENTRY_MAX) == 0)
		continue;
	CASE("limit-bytes", errno == ENOSPC &&
	    conf->entry_bytes <= CONF_LIST_BYTES_MAX && l->len > 60 * MIB);
	conf_unref(conf);
}

static void
test_uses(void)
{
	struct conf	*conf;
	uint32_t	 i;

	conf = conf_new();
	conf_add_list(conf, LIST_WORDS, "a");
	conf_add_list(conf, LIST_WORDS, "b");
	CASE("use", conf_add_use(conf, 0, 1) == 0 &&
	    conf_add_use(conf, 1, 1) == 1 && conf_add_use(conf, 0, 2) == 2);
	CASE("use-again", conf_add_use(conf, 1, 1) == 1 && conf->nuses == 3);
	for (i = 4; conf_add_use(conf, 0, i) != RULE_NO_USE; i++)
		continue;
	CASE("limit-uses", conf->nuses == CONF_USES_MAX);
	CASE("done-uses", conf_done(conf) == 0);
	conf->use[5].list = 2;
	CASE("done-bad-list", conf_done(conf) == -1 && errno == EINVAL);
	conf_unref(conf);
}

static uint64_t
digest(const char *name, enum list_kind kind, const char *word,
    uint32_t weight, uint32_t scopes)
{
	struct conf		*conf;
	struct conf_list	*l;
	uint64_t		 d;

	conf = conf_new();
	l = conf_add_list(conf, kind, name);
	if (conf_add_entry(conf, l, weight, word, strlen(word)) == -1)
		err(2, "conf_add_entry");
	if (scopes != 0)
		conf_add_use(conf, l->w.id, scopes);
	d = conf_digest(conf);
	conf_unref(conf);
	return (d);
}

static void
test_digest(void)
{
	uint64_t	 d;

	d = digest("a", LIST_WORDS, "word", 1, SCOPES_ALL);
	CASE("digest", d != 0 &&
	    d == digest("a", LIST_WORDS, "word", 1, SCOPES_ALL));
	CASE("digest-name", d != digest("b", LIST_WORDS, "word", 1,
	    SCOPES_ALL));
	CASE("digest-kind", d != digest("a", LIST_KEYWORDS, "word", 1,
	    SCOPES_ALL));
	CASE("digest-word", d != digest("a", LIST_WORDS, "ward", 1,
	    SCOPES_ALL));
	CASE("digest-weight", d != digest("a", LIST_WORDS, "word", 2,
	    SCOPES_ALL));
	CASE("digest-scopes", d != digest("a", LIST_WORDS, "word", 1, 1));
	CASE("digest-unused", digest("a", LIST_WORDS, "word", 1, 0) == 0);
}

/* Two entries as they travel. */
static size_t
entries(uint8_t *buf)
{
	struct conf_entry	 e;
	size_t			 len;

	memset(&e, 0, sizeof(e));
	e.weight = 7;
	e.len = 5;
	memcpy(buf, &e, sizeof(e));
	memcpy(buf + sizeof(e), "hello", 5);
	len = sizeof(e) + 5;
	e.len = 1;
	memcpy(buf + len, &e, sizeof(e));
	buf[len + sizeof(e)] = 'x';
	return (len + sizeof(e) + 1);
}

static void
test_frames(void)
{
	struct conf		*c;
	struct conf_list_wire	 l;
	struct conf_use_wire	 u;
	struct conf_entry	 e;
	const uint8_t		*text;
	uint8_t			 buf[64];
	size_t			 len, off;

	c = begin();
	memset(&l, 0, sizeof(l));
	l.kind = LIST_SIMILAR;
	l.errors = 2;
	l.nentries = 4;
	l.name[0] = 'n';
	len = entries(buf);
	CASE("frame-list", feed(&c, IMSG_CONF_LIST, &l, sizeof(l)) == 0);
	CASE("frame-entries", feed(&c, IMSG_CONF_ENTRY, buf, len) == 0 &&
	    feed(&c, IMSG_CONF_ENTRY, buf, len) == 0);
	memset(&u, 0, sizeof(u));
	u.scopes = 5;
	CASE("frame-enough", c->filling != NULL && c->filling->due == 0);
	CASE("frame-use", feed(&c, IMSG_CONF_USE, &u, sizeof(u)) == 0);
	CASE("frame-end", feed(&c, IMSG_CONF_END, NULL, 0) == 1);
	CASE("frame-kept", c->list[0]->w.nentries == 4 &&
	    c->list[0]->w.errors == 2 && c->use[0].scopes == 5);
	off = 0;
	CASE("frame-text", conf_next_entry(c->list[0], &off, &e, &text) == 1 &&
	    e.weight == 7 && memcmp(text, "hello", 5) == 0);
	conf_unref(c);
}

static void
test_hostile(void)
{
	struct conf		*c;
	struct conf_list_wire	 l;
	struct conf_use_wire	 u;
	struct conf_entry	 e;
	uint8_t			 buf[64];
	size_t			 len, i;
	int			 bad;

#define LIST(field, value, name)	\
	memset(&l, 0, sizeof(l)); \
	l.field = value; \
	c = begin(); \
	CASE(name, feed(&c, IMSG_CONF_LIST, &l, sizeof(l)) == -1 && c == NULL)
	LIST(kind, LIST_KIND_MAX, "list-kind");
	LIST(kind, LIST_SIMILAR, "list-similar-exactly");
	LIST(errors, 1, "list-errors");
	LIST(id, 1, "list-id");
	memset(&l, 0, sizeof(l));
	memset(l.name, 'x', sizeof(l.name));
	c = begin();
	CASE("list-name", feed(&c, IMSG_CONF_LIST, &l, sizeof(l)) == -1);

	len = entries(buf);
	c = begin();
	memset(&l, 0, sizeof(l));
	l.nentries = 3;
	CASE("entry-missing", feed(&c, IMSG_CONF_LIST, &l, sizeof(l)) == 0 &&
	    feed(&c, IMSG_CONF_ENTRY, buf, len) == 0 &&
	    feed(&c, IMSG_CONF_END, NULL, 0) == -1);
	c = begin();
	l.nentries = 1;
	CASE("entry-surplus", feed(&c, IMSG_CONF_LIST, &l, sizeof(l)) == 0 &&
	    feed(&c, IMSG_CONF_ENTRY, buf, len) == -1);
	c = begin();
	CASE("entry-first", feed(&c, IMSG_CONF_ENTRY, buf, len) == -1);
	memset(&l, 0, sizeof(l));
	l.nentries = 2;
	bad = 0;
	for (i = 1; i < len; i++) {
		/* Whole entries only; one ends where the first one ends. */
		if (i == sizeof(e) + 5)
			continue;
		c = begin();
		feed(&c, IMSG_CONF_LIST, &l, sizeof(l));
		bad += feed(&c, IMSG_CONF_ENTRY, buf, i) != -1;
	}
	CASE("entry-cut", bad == 0);
	memset(&e, 0, sizeof(e));
	e.len = UINT32_MAX;
	c = begin();
	feed(&c, IMSG_CONF_LIST, &l, sizeof(l));
	CASE("entry-huge", feed(&c, IMSG_CONF_ENTRY, &e, sizeof(e)) == -1);

#define USE(field, value, name)	\
	memset(&u, 0, sizeof(u)); \
	u.scopes = 1; \
	u.field = value; \
	c = begin(); \
	feed(&c, IMSG_CONF_LIST, &l, sizeof(l)); \
	CASE(name, feed(&c, IMSG_CONF_USE, &u, sizeof(u)) == -1)
	USE(list, 1, "use-list");
	USE(id, 1, "use-id");
	USE(scopes, 0, "use-scopes-none");
	USE(scopes, SCOPES_ALL + 1, "use-scopes");
}

static uint32_t
decide(const struct conf *conf, const uint32_t *score, uint64_t anomalies)
{
	struct conf_facts	 f;
	struct addr		 a;

	memset(&f, 0, sizeof(f));
	addr_parse(&a, "192.0.2.1");
	f.source = f.dest = &a;
	f.virus = "";
	f.score = score;
	f.anomalies = anomalies;
	return (conf_match(conf, PHASE_MESSAGE, &f, NULL, NULL)->line);
}

static void
test_rules(void)
{
	struct conf		*conf;
	struct conf_rule_wire	 w;
	uint32_t		 score[CONF_USES_MAX];

	conf = conf_new();
	conf_add_list(conf, LIST_WORDS, "a");
	conf_add_use(conf, 0, 1);
	conf_add_use(conf, 0, 2);
	conf_rule_init(&w, PHASE_MESSAGE);
	w.action = ACTION_BLOCK;
	w.nwants = 1;
	w.want[0].score = 5;
	w.line = 1;
	conf_add_rule(conf, &w);
	w.want[0].score = 0;
	w.line = 2;
	conf_add_rule(conf, &w);
	w.want[0].use = 1;
	w.want[0].not = 1;
	w.anomalies = ANOMALY(A_NUL);
	w.line = 3;
	conf_add_rule(conf, &w);
	CASE("rules-done", conf_done(conf) == 0);
	memset(score, 0, sizeof(score));
	CASE("no-hit", decide(conf, score, 0) == 0);
	score[0] = 1;
	CASE("hit-without-weight", decide(conf, score, 0) == 2);
	score[0] = 5;
	CASE("score-below", decide(conf, score, 0) == 2);
	score[0] = 6;
	CASE("score-reached", decide(conf, score, 0) == 1);
	score[0] = 0;
	CASE("not-found", decide(conf, score, ANOMALY(A_NUL)) == 3);
	CASE("other-anomaly", decide(conf, score, ANOMALY(A_8BIT_HEADER)) ==
	    0);
	score[1] = 1;
	CASE("found", decide(conf, score, ANOMALY(A_NUL)) == 0);
	/* Nobody has looked: neither found nor not found. */
	CASE("unknown", decide(conf, NULL, ANOMALY(A_NUL)) == 0);
	conf_unref(conf);
}

int
main(void)
{
	test_entries();
	test_uses();
	test_digest();
	test_frames();
	test_hostile();
	test_rules();
	return (unit_failed);
}

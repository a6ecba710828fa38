/* SPDX-License-Identifier: ISC */

/*
 * Which rule decides.
 *
 * Rules are many, and few of them are about the one who is at the door.  So
 * each address and path is looked for once, in all tables together, and what
 * comes of it are sets of tables.  A rule that asks for one of the tables is
 * tried only if that table is in its set; all others are tried each time.
 * Time goes with the number of rules that may match, not of those that exist.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addrset.h"
#include "conf.h"
#include "facts.h"
#include "log.h"
#include "netset.h"

/* What a rule can ask of tables; sets of tables, or of lists. */
enum ask {
	ASK_RCPT,
	ASK_SENDER,
	ASK_HELO,
	ASK_SOURCE,
	ASK_DEST,
	ASK_MAX
};

#define WORDS(n)	(((size_t)(n) + 63) / 64)
#define BIT(n)		(1ULL << ((n) % 64))

/* A rule that waits for its table; they are chained. */
struct post {
	uint32_t	 rule;		/* of its phase, from 0 */
	uint32_t	 next;		/* index + 1; 0: none */
};

struct phase {
	const struct conf_rule_wire **rule;	/* in their order */
	uint32_t	 n;
	uint64_t	*always;	/* those that wait for nothing */
	uint32_t	*first[ASK_MAX]; /* by table: index + 1 of a post */
	struct post	*post;
	uint32_t	 nposts;
	int		 asks[ASK_MAX];	/* some rule asks for that */
};

struct conf_index {
	struct phase	 phase[PHASE_MAX];
	struct netset	*nets;
	struct addrset	*addrs;
	uint64_t	*in[ASK_MAX];	/* sets of the match under way */
	uint64_t	*may;		/* rules that may match */
	uint64_t	*classes;	/* lists that tell recipients apart */
	uint64_t	*hashes;	/* lists that have the file at hand */
	uint64_t	 dynamics;	/* dynamic tables that do */
	uint64_t	 pairs;		/* likewise, with the sender */
};

static uint32_t	 asked(const struct conf_rule_wire *, enum ask, uint32_t *);
static size_t	 tables_of(const struct conf *, enum ask);
static void	*alloc(size_t, size_t);
static int	 index_tables(struct conf *);
static void	 index_rule(const struct conf *, struct phase *, uint32_t);
static void	 index_phase(const struct conf *, struct phase *,
		    enum rule_phase);
static void	 classes_add(const struct conf *,
		    const struct conf_rule_wire *);
static void	 look(const struct conf *, enum rule_phase,
		    const struct conf_facts *);
static void	 choose(const struct conf *, const struct phase *);
static int	 hash_is_in(const struct conf *, const struct conf_facts *,
		    uint32_t, const struct file_fact *);
static int	 file_matches(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);
static int	 pair_member(const struct conf *, const struct conf_facts *,
		    uint32_t, const char *);
static int	 pairs_member(const struct conf *, const struct conf_facts *,
		    uint32_t);
static int	 member_of(const struct conf *, const struct conf_facts *,
		    uint32_t, const char *);
static int	 path_member(const struct conf *, const struct conf_facts *,
		    uint32_t, const char *);
static int	 rcpt_member(const struct conf *, const struct conf_facts *,
		    uint32_t);
static int	 is_in(const struct conf *, const struct conf_facts *, enum ask,
		    uint32_t);
static enum rule_cond tables_cond(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);
static enum rule_cond envelope_cond(const struct conf_rule_wire *,
		    const struct conf_facts *);
static int	 time_matches(const struct conf_rule_wire *,
		    const struct conf_facts *);
static enum rule_cond message_cond(const struct conf *,
		    const struct conf_rule_wire *,
		    const struct conf_facts *);
static enum rule_cond rule_cond(const struct conf *,
		    const struct conf_rule_wire *, const struct conf_facts *);
static int	 fold(int);

/* The table that a rule asks for there, and whether it must not be in it. */
static uint32_t
asked(const struct conf_rule_wire *r, enum ask ask, uint32_t *not)
{
	switch (ask) {
	case ASK_RCPT:
		*not = r->rcpt_not;
		return (r->rcpt);
	case ASK_SENDER:
		*not = r->sender_not;
		return (r->sender);
	case ASK_HELO:
		*not = r->helo_not;
		return (r->helo);
	case ASK_SOURCE:
		*not = r->source_not;
		return (r->source);
	case ASK_DEST:
		*not = r->dest_not;
		return (r->dest);
	case ASK_MAX:
		break;
	}
	fatalx("%s", __func__);
}

static size_t
tables_of(const struct conf *conf, enum ask ask)
{
	return (ask >= ASK_SOURCE ? conf->ntables : conf->nlists);
}

static void *
alloc(size_t n, size_t size)
{
	void	*p;

	if ((p = calloc(n + 1, size)) == NULL)
		fatal("rules");
	return (p);
}

/* All networks and all addresses: 0, or -1 for an address that is none. */
static int
index_tables(struct conf *conf)
{
	const struct conf_table	*t;
	const struct conf_list	*l;
	struct conf_entry	 e;
	const uint8_t		*text;
	size_t			 off, n;
	uint32_t		 i;

	if ((conf->index->nets = netset_new(conf->nnets)) == NULL)
		fatal("networks");
	TAILQ_FOREACH(t, &conf->tables, entry)
		for (i = 0; i < t->w.nnets; i++)
			if (netset_add(conf->index->nets, &t->net[i].net,
			    t->w.id, (int)t->net[i].not) == -1)
				return (-1);
	n = 0;
	TAILQ_FOREACH(l, &conf->lists, entry)
		if (l->w.kind == LIST_ADDRESSES)
			n += l->w.nentries;
	if ((conf->index->addrs = addrset_new(n)) == NULL)
		fatal("addresses");
	TAILQ_FOREACH(l, &conf->lists, entry) {
		if (l->w.kind != LIST_ADDRESSES)
			continue;
		off = 0;
		while (conf_next_entry(l, &off, &e, &text) == 1) {
			if (addrset_check((const char *)text, e.len) != NULL)
				return (-1);
			if (addrset_add(conf->index->addrs,
			    (const char *)text, e.len, l->w.id,
			    (int)l->w.errors) == -1)
				fatal("addresses");
		}
	}
	return (0);
}

/* What must be true of one that is worth trying: the rarest comes first. */
static void
index_rule(const struct conf *conf, struct phase *p, uint32_t i)
{
	struct post	*post;
	unsigned int	 ask;
	uint32_t	 id, not;
	int		 waits;

	waits = 0;
	for (ask = 0; ask < ASK_MAX; ask++) {
		if ((id = asked(p->rule[i], ask, &not)) == RULE_NO_TABLE)
			continue;
		p->asks[ask] = 1;
		if (not || (id & RULE_DYNAMIC) || waits)
			continue;
		if (p->first[ask] == NULL)
			p->first[ask] = alloc(tables_of(conf, ask),
			    sizeof(*p->first[ask]));
		post = &p->post[p->nposts++];
		post->rule = i;
		post->next = p->first[ask][id];
		p->first[ask][id] = p->nposts;
		waits = 1;
	}
	if (!waits)
		p->always[i / 64] |= BIT(i);
}

static void
index_phase(const struct conf *conf, struct phase *p, enum rule_phase phase)
{
	const struct conf_rule	*r;
	uint32_t		 i;

	TAILQ_FOREACH(r, &conf->rules, entry)
		p->n += r->w.phase == phase;
	p->rule = alloc(p->n, sizeof(*p->rule));
	p->always = alloc(WORDS(p->n), sizeof(*p->always));
	p->post = alloc(p->n, sizeof(*p->post));
	i = 0;
	TAILQ_FOREACH(r, &conf->rules, entry)
		if (r->w.phase == phase)
			p->rule[i++] = &r->w;
	for (i = 0; i < p->n; i++)
		index_rule(conf, p, i);
}

static void
classes_add(const struct conf *conf, const struct conf_rule_wire *r)
{
	if (r->phase != PHASE_MESSAGE)
		return;
	if (r->pair != RULE_NO_TABLE)
		conf->index->pairs |= BIT(r->pair);
	if (r->rcpt == RULE_NO_TABLE)
		return;
	if (r->rcpt & RULE_DYNAMIC)
		conf->index->dynamics |= BIT(r->rcpt & ~RULE_DYNAMIC);
	else
		conf->index->classes[r->rcpt / 64] |= BIT(r->rcpt);
}

int
conf_index_make(struct conf *conf)
{
	const struct conf_rule	*r;
	struct conf_index	*x;
	unsigned int		 i;

	conf_index_free(conf);
	x = conf->index = alloc(1, sizeof(*x));
	if (index_tables(conf) == -1)
		return (-1);
	for (i = 0; i < ASK_MAX; i++)
		x->in[i] = alloc(WORDS(tables_of(conf, i)),
		    sizeof(*x->in[i]));
	for (i = 0; i < PHASE_MAX; i++)
		index_phase(conf, &x->phase[i], i);
	x->may = alloc(WORDS(conf->nrules), sizeof(*x->may));
	x->classes = alloc(WORDS(conf->nlists), sizeof(*x->classes));
	x->hashes = alloc(WORDS(conf->nlists), sizeof(*x->hashes));
	TAILQ_FOREACH(r, &conf->rules, entry) {
		classes_add(conf, &r->w);
		if (r->w.body != RULE_NO_TABLE)
			conf->want_body = 1;
		for (i = 0; i < r->w.nadds; i++)
			if (r->w.add[i].what == ADD_BODY)
				conf->want_body = 1;
	}
	return (0);
}

void
conf_index_free(struct conf *conf)
{
	struct conf_index	*x;
	unsigned int		 i, ask;

	if ((x = conf->index) == NULL)
		return;
	for (i = 0; i < PHASE_MAX; i++) {
		for (ask = 0; ask < ASK_MAX; ask++)
			free(x->phase[i].first[ask]);
		free(x->phase[i].rule);
		free(x->phase[i].always);
		free(x->phase[i].post);
	}
	for (ask = 0; ask < ASK_MAX; ask++)
		free(x->in[ask]);
	netset_free(x->nets);
	addrset_free(x->addrs);
	free(x->may);
	free(x->hashes);
	free(x->classes);
	free(x);
	conf->index = NULL;
}

/* Find the tables of all that rules of the phase ask for. */
static void
look(const struct conf *conf, enum rule_phase phase,
    const struct conf_facts *f)
{
	const struct conf_index	*x;
	const char		*p;
	unsigned int		 ask;
	uint32_t		 i;

	x = conf->index;
	for (ask = 0; ask < ASK_MAX; ask++)
		if (x->phase[phase].asks[ask])
			memset(x->in[ask], 0, WORDS(tables_of(conf, ask)) *
			    sizeof(*x->in[ask]));
	if (x->phase[phase].asks[ASK_SOURCE])
		netset_find(x->nets, f->source, x->in[ASK_SOURCE]);
	if (x->phase[phase].asks[ASK_DEST])
		netset_find(x->nets, f->dest, x->in[ASK_DEST]);
	if (x->phase[phase].asks[ASK_HELO] && f->helo != NULL)
		addrset_find(x->addrs, f->helo, x->in[ASK_HELO]);
	if (x->phase[phase].asks[ASK_SENDER] && f->sender != NULL)
		addrset_find(x->addrs, f->sender, x->in[ASK_SENDER]);
	if (x->phase[phase].asks[ASK_RCPT] && (p = f->rcpt) != NULL)
		for (i = 0; i < f->nrcpt; i++) {
			addrset_find(x->addrs, p, x->in[ASK_RCPT]);
			p += strlen(p) + 1;
		}
}

/* Which rules of the phase may match, by what was found. */
static void
choose(const struct conf *conf, const struct phase *p)
{
	const struct conf_index	*x;
	const struct post	*post;
	uint64_t		 word;
	uint32_t		 i;
	size_t			 w;
	unsigned int		 ask;

	x = conf->index;
	memcpy(x->may, p->always, WORDS(p->n) * sizeof(*x->may));
	for (ask = 0; ask < ASK_MAX; ask++) {
		if (p->first[ask] == NULL)
			continue;
		for (w = 0; w < WORDS(tables_of(conf, ask)); w++)
			for (word = x->in[ask][w]; word != 0;
			    word &= word - 1) {
				i = p->first[ask][w * 64 +
				    (size_t)__builtin_ctzll(word)];
				for (; i != 0; i = post->next) {
					post = &p->post[i - 1];
					x->may[post->rule / 64] |=
					    BIT(post->rule);
				}
			}
	}
}

/*
 * Has the list been found?  Of text that nobody has looked at nothing is
 * known: neither that it has the words nor that it has not, so that no rule
 * matches that asks; what is unscannable or failed has rules of its own.
 * What was found before the text was cut is there all the same, and a header
 * is never cut.
 */
int
conf_want_matches(const struct conf_want *w, const struct conf_facts *f)
{
	uint32_t	 score;
	int		 is_hit;

	if (f->score == NULL)
		return (0);
	score = f->score[w->use];
	is_hit = score > 0 && score - 1 >= w->score;
	if (!is_hit && f->text_cut && !w->is_field)
		return (0);
	return (is_hit != (int)w->not);
}

/* Is the SHA-256 of the file in the table? */
static int
hash_is_in(const struct conf *conf, const struct conf_facts *f, uint32_t id,
    const struct file_fact *file)
{
	char	 text[FACT_HASH_STRLEN];

	if (!file->hashed)
		return (0);
	fact_hash_text(file, text);
	if (id & RULE_DYNAMIC)
		return (member_of(conf, f, id, text));
	/* Among addresses it is the name of a host. */
	memset(conf->index->hashes, 0, WORDS(conf->nlists) *
	    sizeof(*conf->index->hashes));
	addrset_find(conf->index->addrs, text, conf->index->hashes);
	return ((conf->index->hashes[id / 64] & BIT(id)) != 0);
}

int
conf_file_match(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f, const struct file_fact *file)
{
	const char	*base;

	base = strrchr(file->name, '/');
	return ((r->file_types == 0 ||
	    (r->file_types & FT_BIT(file->type))) &&
	    (r->file_flags == 0 || (r->file_flags & file->flags)) &&
	    (r->file_name[0] == '\0' ||
	    conf_glob(r->file_name, file->name) || (base != NULL &&
	    conf_glob(r->file_name, base + 1))) &&
	    (r->file_hash == RULE_NO_TABLE ||
	    hash_is_in(conf, f, r->file_hash, file)));
}

int
conf_asks_files(const struct conf_rule_wire *r)
{
	return (r->file_types != 0 || r->file_flags != 0 ||
	    r->file_name[0] != '\0' || r->file_hash != RULE_NO_TABLE);
}

/* Is there a file as the rule wants it? */
static int
file_matches(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	uint32_t	 i;

	for (i = 0; i < f->nfiles; i++)
		if (conf_file_match(conf, r, f, &f->file[i]))
			return (1);
	/* Of those that found no room only the union is known. */
	return (r->file_name[0] == '\0' && r->file_hash == RULE_NO_TABLE &&
	    (f->other_types != 0 ||
	    f->other_flags != 0) && (r->file_types == 0 ||
	    (r->file_types & f->other_types)) && (r->file_flags == 0 ||
	    (r->file_flags & f->other_flags)));
}

/* Is the key in the dynamic table?  Nobody to ask: it is not. */
static int
member_of(const struct conf *conf, const struct conf_facts *f, uint32_t id,
    const char *key)
{
	return (key != NULL && f->member != NULL &&
	    f->member(conf, id & ~RULE_DYNAMIC, key));
}

/* Is the path, or all of its domain, in the dynamic table? */
static int
path_member(const struct conf *conf, const struct conf_facts *f, uint32_t id,
    const char *path)
{
	char		 key[MEMBER_KEY_MAX];
	const char	*at;

	if (addrset_key(path, key, sizeof(key)) == NULL)
		return (0);
	at = strrchr(key, '@');
	return (member_of(conf, f, id, key) ||
	    (at != NULL && at != key && member_of(conf, f, id, at)));
}

/* Has this sender a pair with that recipient in the dynamic table? */
static int
pair_member(const struct conf *conf, const struct conf_facts *f, uint32_t id,
    const char *rcpt)
{
	char	 key[MEMBER_KEY_MAX];

	return (f->sender != NULL && addrset_pair(f->sender, rcpt, key,
	    sizeof(key)) != NULL && member_of(conf, f, id, key));
}

static int
pairs_member(const struct conf *conf, const struct conf_facts *f, uint32_t id)
{
	const char	*p;
	uint32_t	 i;

	for (i = 0, p = f->rcpt; i < f->nrcpt; i++, p += strlen(p) + 1)
		if (pair_member(conf, f, id, p))
			return (1);
	return (0);
}

static int
rcpt_member(const struct conf *conf, const struct conf_facts *f, uint32_t id)
{
	const char	*p;
	uint32_t	 i;

	for (i = 0, p = f->rcpt; i < f->nrcpt; i++, p += strlen(p) + 1)
		if (path_member(conf, f, id, p))
			return (1);
	return (0);
}

/* Is what the rule asks about there in the table? */
static int
is_in(const struct conf *conf, const struct conf_facts *f, enum ask ask,
    uint32_t id)
{
	char	 key[ADDR_STRLEN];

	if ((id & RULE_DYNAMIC) == 0)
		return ((conf->index->in[ask][id / 64] & BIT(id)) != 0);
	switch (ask) {
	case ASK_RCPT:
		return (rcpt_member(conf, f, id));
	case ASK_SENDER:
		return (path_member(conf, f, id, f->sender));
	case ASK_HELO:
		return (path_member(conf, f, id, f->helo));
	case ASK_SOURCE:
		return (member_of(conf, f, id, addr_ip(f->source, key,
		    sizeof(key))));
	case ASK_DEST:
		return (member_of(conf, f, id, addr_ip(f->dest, key,
		    sizeof(key))));
	case ASK_MAX:
		break;
	}
	return (0);
}

static enum rule_cond
tables_cond(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	static const enum rule_cond	 conds[ASK_MAX] = {
		[ASK_RCPT] = COND_RCPT, [ASK_SENDER] = COND_SENDER,
		[ASK_HELO] = COND_HELO, [ASK_SOURCE] = COND_SOURCE,
		[ASK_DEST] = COND_DEST,
	};
	unsigned int	 ask;
	uint32_t	 id, not;

	/* What was not said is neither in a table nor outside of it. */
	if (r->helo != RULE_NO_TABLE && f->helo == NULL)
		return (COND_HELO);
	if (r->sender != RULE_NO_TABLE && f->sender == NULL)
		return (COND_SENDER);
	if (r->rcpt != RULE_NO_TABLE && f->rcpt == NULL)
		return (COND_RCPT);
	for (ask = 0; ask < ASK_MAX; ask++) {
		id = asked(r, ask, &not);
		if (id != RULE_NO_TABLE &&
		    is_in(conf, f, ask, id) == (int)not)
			return (conds[ask]);
	}
	if (r->body != RULE_NO_TABLE && (f->body == NULL ||
	    member_of(conf, f, r->body, f->body) == (int)r->body_not))
		return (COND_BODY);
	if (r->pair != RULE_NO_TABLE && (f->sender == NULL ||
	    f->rcpt == NULL ||
	    pairs_member(conf, f, r->pair) == (int)r->pair_not))
		return (COND_PAIR);
	return (COND_MATCHES);
}

/* What HELO, MAIL and RCPT have said beside names. */
static enum rule_cond
envelope_cond(const struct conf_rule_wire *r, const struct conf_facts *f)
{
	if ((r->auth == WANT_YES && !f->auth) ||
	    (r->auth == WANT_NO && f->auth))
		return (COND_AUTH);
	if ((r->tls == WANT_YES && !f->tls) || (r->tls == WANT_NO && f->tls))
		return (COND_TLS);
	if (r->rcpt_over != 0 && f->rcpt_count <= r->rcpt_over)
		return (COND_RCPT_OVER);
	if (r->size_over != 0 && f->size <= r->size_over)
		return (COND_SIZE_OVER);
	return (COND_MATCHES);
}

/* A time that goes over midnight is of the day on which it begins. */
static int
time_matches(const struct conf_rule_wire *r, const struct conf_facts *f)
{
	uint32_t	 day, minute;

	day = f->day;
	minute = f->minute;
	if (r->minute_from < r->minute_to) {
		if (minute < r->minute_from || minute >= r->minute_to)
			return (0);
	} else if (r->minute_from > r->minute_to) {
		if (minute >= r->minute_to && minute < r->minute_from)
			return (0);
		if (minute < r->minute_to)
			day = (day + 6) % 7;
	}
	return (r->days == 0 || (r->days & (1U << day)));
}

enum direction
conf_direction(const struct conf *conf, const struct conf_facts *f)
{
	const struct conf_table	*t;
	int			 from, to;

	if (conf->g.inside == 0)
		return (DIR_MAX);
	t = conf->table[conf->g.inside - 1];
	from = conf_table_match(t, f->source);
	to = conf_table_match(t, f->dest);
	return (from ? (to ? DIR_INTERNAL : DIR_OUTBOUND) :
	    (to ? DIR_INBOUND : DIR_EXTERNAL));
}

/* What is known when the whole message is there. */
static enum rule_cond
message_cond(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	uint32_t	 i;

	if (r->verdicts != 0 && (r->verdicts & (1U << f->verdict)) == 0)
		return (COND_VERDICT);
	if (r->virus[0] != '\0' && f->verdict == VERDICT_VIRUS &&
	    !conf_glob(r->virus, f->virus))
		return (COND_VIRUS);
	if (r->anomalies != 0 && (r->anomalies & f->anomalies) == 0)
		return (COND_ANOMALY);
	for (i = 0; i < r->nwants; i++)
		if (!conf_want_matches(&r->want[i], f))
			return (COND_CONTENT);
	if (conf_asks_files(r) && !file_matches(conf, r, f))
		return (COND_FILE);
	return (COND_MATCHES);
}

/* The first condition that is not true; look() must have looked. */
static enum rule_cond
rule_cond(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	enum rule_cond	 cond;

	if ((cond = tables_cond(conf, r, f)) != COND_MATCHES ||
	    (cond = envelope_cond(r, f)) != COND_MATCHES)
		return (cond);
	if (!time_matches(r, f))
		return (COND_TIME);
	if (r->listeners != 0 && (f->listener == 0 ||
	    (r->listeners & BIT(f->listener - 1)) == 0))
		return (COND_LISTENER);
	if (r->directions != 0 && (conf->g.inside == 0 ||
	    (r->directions & (1U << conf_direction(conf, f))) == 0))
		return (COND_DIRECTION);
	if (r->has_scored && f->points < r->scored)
		return (COND_SCORED);
	if (r->rate != RULE_NO_RATE && (f->rate == NULL ||
	    f->rate(conf, r->rate, f) <= r->rate_over))
		return (COND_RATE);
	return (r->phase != PHASE_MESSAGE ? COND_MATCHES :
	    message_cond(conf, r, f));
}

enum rule_cond
conf_explain(const struct conf *conf, const struct conf_rule_wire *r,
    const struct conf_facts *f)
{
	look(conf, r->phase, f);
	return (rule_cond(conf, r, f));
}

const struct conf_rule_wire *
conf_match(const struct conf *conf, enum rule_phase phase,
    struct conf_facts *f, void (*passed)(void *,
    const struct conf_rule_wire *), void *arg)
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
	const struct phase		*p;
	const struct conf_rule_wire	*r;
	uint64_t			 word;
	size_t				 w;

	p = &conf->index->phase[phase];
	look(conf, phase, f);
	choose(conf, p);
	for (w = 0; w < WORDS(p->n); w++)
		for (word = conf->index->may[w]; word != 0; word &= word - 1) {
			r = p->rule[w * 64 + (size_t)__builtin_ctzll(word)];
			if (rule_cond(conf, r, f) != COND_MATCHES)
				continue;
			if ((r->flags & (RULE_TRY | RULE_SCORE)) == 0)
				return (r);
			if ((r->flags & RULE_TRY) == 0)
				f->points += r->points;
			if (passed != NULL)
				passed(arg, r);
		}
	return (phase != PHASE_MESSAGE ? &pass : &builtin[f->verdict]);
}

uint64_t
conf_rcpt_class(const struct conf *conf, const char *path,
    const struct conf_facts *f)
{
	const struct conf_index	*x;
	uint64_t		 h, word;
	uint32_t		 i;
	size_t			 w;

	x = conf->index;
	memset(x->in[ASK_RCPT], 0, WORDS(conf->nlists) *
	    sizeof(*x->in[ASK_RCPT]));
	addrset_find(x->addrs, path, x->in[ASK_RCPT]);
	h = 14695981039346656037ULL;	/* FNV-1a, of the lists that have it */
	for (w = 0; w < WORDS(conf->nlists); w++)
		for (word = x->in[ASK_RCPT][w] & x->classes[w]; word != 0;
		    word &= word - 1)
			h = (h ^ (w * 64 + (size_t)__builtin_ctzll(word) +
			    1)) * 1099511628211ULL;
	for (i = 0; i < conf->ndynamics; i++)
		if ((x->dynamics & BIT(i)) && path_member(conf, f, i, path))
			h = (h ^ (uint64_t)i << 32) * 1099511628211ULL;
	for (i = 0; i < conf->ndynamics; i++)
		if ((x->pairs & BIT(i)) && pair_member(conf, f, i, path))
			h = (h ^ (uint64_t)i << 40) * 1099511628211ULL;
	return (h);
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

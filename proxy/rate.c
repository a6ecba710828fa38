/* SPDX-License-Identifier: ISC */

/*
 * Counts over time: how many sessions, messages or recipients there were of
 * somebody lately.  Each worker counts its own at once and hears of those of
 * the others by way of the store, a moment later; one that has just been
 * started begins with nothing.
 *
 * A count has two windows, the one under way, which begins with the first
 * event, and the one before.  Of the latter the share counts that still lies
 * within the time asked for, as if its events had been spread evenly.
 */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "addrset.h"
#include "proxy.h"
#include "source.h"

#define BUCKETS		65536		/* RATE_KEYS_MAX: three in each */

struct rate {
	LIST_ENTRY(rate)	 entry;
	TAILQ_ENTRY(rate)	 age;
	uint64_t		 hash;
	uint64_t		 start;		/* ms, of the window */
	uint32_t		 now;		/* events in it */
	uint32_t		 before;	/* in the one before */
	uint32_t		 event;
	uint32_t		 by;
	uint32_t		 within;	/* s */
	char			 key[];
};

LIST_HEAD(bucket, rate);

static uint64_t	 hash(const struct msg_count *);
static struct rate *find(const struct msg_count *, uint64_t);
static struct rate *make(const struct msg_count *, uint64_t);
static uint64_t	 roll(struct rate *);
static void	 bump(const struct msg_count *);
static int	 key_of(const struct conf *, const struct conf_rate_wire *,
		    const struct conf_facts *, const char *,
		    struct msg_count *);
static uint32_t	 ask(const struct msg_count *);

static struct bucket		*bucket;	/* at the first count */
static TAILQ_HEAD(, rate)	 ages = TAILQ_HEAD_INITIALIZER(ages);
static size_t			 nrates;
static uint64_t			 seed;

static uint64_t
hash(const struct msg_count *m)
{
	const char	*p;
	uint64_t	 h;

	h = seed ^ ((uint64_t)m->within << 8 | m->by << 4 | m->event);
	for (p = m->key; *p != '\0'; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	return (h ^ h >> 31);
}

static struct rate *
find(const struct msg_count *m, uint64_t h)
{
	struct rate	*r;

	if (bucket == NULL)
		return (NULL);
	LIST_FOREACH(r, &bucket[h % BUCKETS], entry)
		if (r->hash == h && r->event == m->event && r->by == m->by &&
		    r->within == m->within && strcmp(r->key, m->key) == 0)
			return (r);
	return (NULL);
}

static struct rate *
make(const struct msg_count *m, uint64_t h)
{
	struct rate	*r;
	size_t		 len;

	if (nrates == RATE_KEYS_MAX) {
		r = TAILQ_FIRST(&ages);
		TAILQ_REMOVE(&ages, r, age);
		LIST_REMOVE(r, entry);
		free(r);
		nrates--;
	}
	len = strlen(m->key) + 1;
	if ((r = calloc(1, sizeof(*r) + len)) == NULL)
		return (NULL);
	r->hash = h;
	r->event = m->event;
	r->by = m->by;
	r->within = m->within;
	r->start = now_ms();
	memcpy(r->key, m->key, len);
	LIST_INSERT_HEAD(&bucket[h % BUCKETS], r, entry);
	TAILQ_INSERT_TAIL(&ages, r, age);
	nrates++;
	return (r);
}

/* Is its window over?  Then it is the one before.  The age of this one, ms. */
static uint64_t
roll(struct rate *r)
{
	uint64_t	 now, ms;

	now = now_ms();
	ms = r->within * 1000ULL;
	if (now - r->start < ms)
		return (now - r->start);
	r->before = now - r->start < 2 * ms ? r->now : 0;
	r->now = 0;
	r->start = r->before != 0 ? r->start + ms : now;
	return (now - r->start);
}

static void
bump(const struct msg_count *m)
{
	struct rate	*r;
	uint64_t	 h;

	if (bucket == NULL) {
		arc4random_buf(&seed, sizeof(seed));
		bucket = calloc(BUCKETS, sizeof(*bucket));
	}
	h = hash(m);
	if (bucket == NULL || ((r = find(m, h)) == NULL &&
	    (r = make(m, h)) == NULL)) {
		log_warn("counts over time");
		return;
	}
	(void)roll(r);
	if (r->now < UINT32_MAX)
		r->now++;
	TAILQ_REMOVE(&ages, r, age);
	TAILQ_INSERT_TAIL(&ages, r, age);
}

/* Whose count it is: 1, or 0 when there is nobody. */
static int
key_of(const struct conf *conf, const struct conf_rate_wire *w,
    const struct conf_facts *f, const char *rcpt, struct msg_count *m)
{
	struct addr	 a;

	memset(m, 0, sizeof(*m));
	m->event = w->event;
	m->by = w->key;
	m->within = w->within;
	switch ((enum rate_key)w->key) {
	case RATE_SOURCE:
		a = source_mask(f->source, conf->g.source_bits4,
		    conf->g.source_bits6);
		addr_ip(&a, m->key, sizeof(m->key));
		return (1);
	case RATE_DEST:
		addr_ip(f->dest, m->key, sizeof(m->key));
		return (1);
	case RATE_SENDER:
		return (f->sender != NULL && addrset_key(f->sender, m->key,
		    sizeof(m->key)) != NULL);
	case RATE_RECIPIENT:
		return (rcpt != NULL && addrset_key(rcpt, m->key,
		    sizeof(m->key)) != NULL);
	case RATE_KEY_MAX:
		break;
	}
	return (0);
}

void
rate_event(const struct session *s, enum rate_event event,
    const struct conf_facts *f)
{
	struct msg_count	 m;
	uint32_t		 i;

	for (i = 0; i < s->conf->nrates; i++) {
		if (s->conf->rate[i].event != event ||
		    !key_of(s->conf, &s->conf->rate[i], f, f->rcpt, &m))
			continue;
		bump(&m);
		store_count(&m);
	}
}

void
rate_others(const struct msg_count *m)
{
	bump(m);
}

static uint32_t
ask(const struct msg_count *m)
{
	struct rate	*r;
	uint64_t	 ms, left;

	if ((r = find(m, hash(m))) == NULL)
		return (0);
	ms = r->within * 1000ULL;
	/* By one look at the clock: a later one may be past the end. */
	left = ms - roll(r);
	left = r->now + (uint64_t)r->before * left / ms;
	return (left > UINT32_MAX ? UINT32_MAX : (uint32_t)left);
}

uint32_t
rate_count(const struct conf *conf, uint32_t id, const struct conf_facts *f)
{
	const struct conf_rate_wire	*w;
	struct msg_count		 m;
	const char			*rcpt;
	uint32_t			 i, n, most;

	w = &conf->rate[id];
	if (w->key != RATE_RECIPIENT)
		return (key_of(conf, w, f, NULL, &m) ? ask(&m) : 0);
	most = 0;
	for (i = 0, rcpt = f->rcpt; i < f->nrcpt; i++) {
		n = key_of(conf, w, f, rcpt, &m) ? ask(&m) : 0;
		if (n > most)
			most = n;
		rcpt += strlen(rcpt) + 1;
	}
	return (most);
}

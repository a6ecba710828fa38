/* SPDX-License-Identifier: ISC */

/*
 * Words by automaton (Aho, Corasick 1975), compact enough for hundreds of
 * thousands of them.
 *
 * While words are added, the states are a trie whose children are lists.
 * Then they are numbered anew, level by level, and each gets a run in one
 * array of edges, sorted by byte: edge i leads to state i + 1.  Text that has
 * no word keeps the automaton near its root, so the first states, which are
 * those of the first levels, have a row, which also says whether a word ends
 * there; others search their few edges.  What costs is memory that is not in
 * the cache: so rows have a place only for bytes that are in some word, and
 * states are small.
 *
 * The words are the administrator's; the text is a stranger's.  A text made
 * for it can hold the automaton deep in the trie, where each byte may cost a
 * few steps back to the root: never more of these than steps forward.
 *
 * Even near the root each step waits for the one before.  So most of a text
 * does not come to the automaton at all: bits say with which bytes words
 * begin, up to eight of them, and where none can begin it is not started.
 * These tests do not wait for each other.  Bits that are set by chance only
 * start it in vain.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyword.h"

#define ROOT	0U
#define ROWS_BYTES	(2U << 20) /* of all: they must stay in the cache */
#define ENDS	0x80000000U	/* in a row: a word ends in that state */
#define NO_STATE UINT32_MAX

#define NBEGINS		7
#define BEGIN_MAX	8		/* bytes, of the longest of them */
#define BEGIN_BITS	32U		/* for each word, at least */
#define BEGIN_SHIFT_MIN	4U		/* words of the smallest, binary log */
#define BEGIN_SHIFT_MAX	19U
#define BEGIN_MULT	0x9e3779b97f4a7c15ULL	/* 2^64 by the golden ratio */

/* Bytes of the beginnings; a word is in the longest that it fills. */
static const size_t begin_len[NBEGINS] = { 8, 7, 6, 5, 4, 3, 2 };

/* A state while words are added. */
struct node {
	uint32_t	 child;		/* first one, or NO_STATE */
	uint32_t	 next;		/* sibling */
	uint32_t	 word;		/* that ends here, or KEYWORD_NONE */
	uint8_t		 byte;
};

/* A state of the automaton: what each step needs, and no more. */
struct state {
	uint32_t	 edges;		/* index of its first edge */
	uint32_t	 fail;		/* the longest end that is a begin */
	uint16_t	 n;		/* of edges */
	uint8_t		 first;		/* byte of the first one */
	uint8_t		 ends;		/* a word ends here, or on its way */
};

/* What ends in it. */
struct end {
	uint32_t	 word;		/* that ends here, or KEYWORD_NONE */
	uint32_t	 more;		/* next state on the way of fails that
					   ends a word, or NO_STATE */
};

/* How words of some lengths begin: a bit for each beginning, by its hash. */
struct begin {
	uint64_t	*bits;		/* two for each key, in one of them */
	uint64_t	*key;		/* while words are added */
	size_t		 n;
	size_t		 alloc;
	uint64_t	 mask;		/* its bytes, of eight */
	unsigned int	 down;		/* from 64 bits of hash to an index */
};

struct keywords {
	struct begin	 begin[NBEGINS];
	uint32_t	 level[BEGIN_MAX + 1];	/* first state as deep */
	struct node	*node;
	size_t		 nnodes;
	size_t		 alloc;
	uint32_t	 nwords;
	struct state	*state;		/* nnodes of them */
	struct end	*end;		/* likewise */
	uint8_t		*byte;		/* of each edge */
	uint32_t	*row;		/* nclasses for each of nrows states */
	uint32_t	 nrows;
	uint32_t	 nclasses;
	uint16_t	 class[256];	/* 0: in no word */
};

static uint32_t	 node_new(struct keywords *, uint8_t);
static uint32_t	 node_child(struct keywords *, uint32_t, uint8_t);
static int	 begin_add(struct keywords *, const uint8_t *, size_t);
static int	 begin_key(struct begin *, uint64_t);
static int	 begin_build(struct begin *);
static size_t	 skip(const struct keywords *, const uint8_t *, size_t,
		    size_t);
static int	 report(const struct keywords *, uint32_t, size_t,
		    int (*)(void *, uint32_t, size_t), void *);
static void	 sort_edges(struct keywords *, uint32_t *, uint32_t,
		    uint32_t);
static int	 number(struct keywords *);
static uint32_t	 edge(const struct keywords *, uint32_t, uint8_t);
static uint32_t	 step(const struct keywords *, uint32_t, uint8_t);
static void	 link_fails(struct keywords *);
static int	 fill_rows(struct keywords *);

struct keywords *
keywords_new(void)
{
	struct keywords	*k;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return (NULL);
	if (node_new(k, 0) == NO_STATE) {
		free(k);
		return (NULL);
	}
	return (k);
}

void
keywords_free(struct keywords *k)
{
	unsigned int	 i;

	if (k == NULL)
		return;
	for (i = 0; i < NBEGINS; i++) {
		free(k->begin[i].bits);
		free(k->begin[i].key);
	}
	free(k->node);
	free(k->state);
	free(k->end);
	free(k->byte);
	free(k->row);
	free(k);
}

static uint32_t
node_new(struct keywords *k, uint8_t byte)
{
	struct node	*p;
	size_t		 n;

	if (k->nnodes == k->alloc) {
		n = k->alloc == 0 ? 1024 : k->alloc * 2;
		if (n >= ENDS) {
			errno = ENOMEM;
			return (NO_STATE);
		}
		p = reallocarray(k->node, n, sizeof(*p));
		if (p == NULL)
			return (NO_STATE);
		k->node = p;
		k->alloc = n;
	}
	p = &k->node[k->nnodes];
	p->child = p->next = NO_STATE;
	p->word = KEYWORD_NONE;
	p->byte = byte;
	return ((uint32_t)k->nnodes++);
}

/* The child of a node by a byte, made if need be; at most 256 to pass. */
static uint32_t
node_child(struct keywords *k, uint32_t parent, uint8_t byte)
{
	uint32_t	 i, n;

	for (i = k->node[parent].child; i != NO_STATE; i = k->node[i].next)
		if (k->node[i].byte == byte)
			return (i);
	if ((n = node_new(k, byte)) == NO_STATE)
		return (n);
	k->node[n].next = k->node[parent].child;
	k->node[parent].child = n;
	return (n);
}

/* One more beginning, to be in the bits when it is known how many. */
static int
begin_key(struct begin *b, uint64_t key)
{
	uint64_t	*p;
	size_t		 n;

	if (b->n == b->alloc) {
		n = b->alloc == 0 ? 256 : b->alloc * 2;
		if ((p = reallocarray(b->key, n, sizeof(*p))) == NULL)
			return (-1);
		b->key = p;
		b->alloc = n;
	}
	b->key[b->n++] = key;
	return (0);
}

static int
begin_add(struct keywords *k, const uint8_t *word, size_t len)
{
	struct begin	*b;
	uint64_t	 v;
	unsigned int	 i, c;

	for (i = 0; i < NBEGINS - 1 && len < begin_len[i]; i++)
		;
	b = &k->begin[i];
	v = 0;
	memcpy(&v, word, len < begin_len[i] ? len : begin_len[i]);
	v = le64toh(v);
	if (len >= begin_len[i])
		return (begin_key(b, v));
	/* One byte: whatever comes behind it. */
	for (c = 0; c < 256; c++)
		if (begin_key(b, v | c << 8) == -1)
			return (-1);
	return (0);
}

/* The two bits of a hash, from places that its index does not use. */
static inline uint64_t
begin_pair(uint64_t h)
{
	return (1ULL << (h >> 38 & 63) | 1ULL << (h >> 32 & 63));
}

static int
begin_build(struct begin *b)
{
	unsigned int	 shift;
	uint64_t	 h;
	size_t		 i;

	if (b->n == 0)
		return (0);
	shift = BEGIN_SHIFT_MIN;
	while (shift < BEGIN_SHIFT_MAX &&
	    b->n * BEGIN_BITS > 64ULL << shift)
		shift++;
	if ((b->bits = calloc(1U << shift, sizeof(*b->bits))) == NULL)
		return (-1);
	b->down = 64 - shift;
	for (i = 0; i < b->n; i++) {
		h = b->key[i] * BEGIN_MULT;
		b->bits[h >> b->down] |= begin_pair(h);
	}
	free(b->key);
	b->key = NULL;
	return (0);
}

uint32_t
keywords_add(struct keywords *k, const uint8_t *word, size_t len)
{
	uint32_t	 s;
	size_t		 i;

	s = ROOT;
	for (i = 0; i < len; i++)
		if ((s = node_child(k, s, word[i])) == NO_STATE)
			return (KEYWORD_NONE);
	if (k->node[s].word == KEYWORD_NONE) {
		if (begin_add(k, word, len) == -1)
			return (KEYWORD_NONE);
		k->node[s].word = k->nwords++;
	}
	return (k->node[s].word);
}

uint32_t
keywords_count(const struct keywords *k)
{
	return (k->nwords);
}

/* By byte; a state has few edges, and they came in some order. */
static void
sort_edges(struct keywords *k, uint32_t *node, uint32_t from, uint32_t end)
{
	uint32_t	 i, j, to;
	uint8_t		 byte;

	for (i = from + 1; i < end; i++) {
		byte = k->byte[i];
		to = node[i];
		for (j = i; j > from && k->byte[j - 1] > byte; j--) {
			k->byte[j] = k->byte[j - 1];
			node[j] = node[j - 1];
		}
		k->byte[j] = byte;
		node[j] = to;
	}
}

/*
 * Number the states level by level.  nodes[] has the node of each edge, in the
 * order in which their states come: that of edge i is state i + 1.
 */
static int
number(struct keywords *k)
{
	struct state	*s;
	uint32_t	*nodes, node, child, n, nedges;
	unsigned int	 depth;

	k->state = calloc(k->nnodes, sizeof(*k->state));
	k->end = calloc(k->nnodes, sizeof(*k->end));
	k->byte = malloc(k->nnodes);
	nodes = calloc(k->nnodes, sizeof(*nodes));
	if (k->state == NULL || k->end == NULL || k->byte == NULL ||
	    nodes == NULL) {
		free(nodes);
		return (-1);
	}
	nedges = 0;
	depth = 0;
	k->level[1] = 1;
	for (n = 0; n < k->nnodes; n++) {
		/* The level before is done: its children are counted. */
		if (depth + 2 <= BEGIN_MAX && n == k->level[depth + 1])
			k->level[depth++ + 2] = nedges + 1;
		node = n == 0 ? ROOT : nodes[n - 1];
		s = &k->state[n];
		k->end[n].word = k->node[node].word;
		k->end[n].more = NO_STATE;
		s->edges = nedges;
		for (child = k->node[node].child; child != NO_STATE;
		    child = k->node[child].next) {
			if (k->class[k->node[child].byte] == 0)
				k->class[k->node[child].byte] =
				    (uint16_t)k->nclasses++;
			k->byte[nedges] = k->node[child].byte;
			nodes[nedges++] = child;
		}
		sort_edges(k, nodes, s->edges, nedges);
		s->n = (uint16_t)(nedges - s->edges);
		s->first = s->n > 0 ? k->byte[s->edges] : 0;
	}
	for (; depth + 2 <= BEGIN_MAX; depth++)
		k->level[depth + 2] = (uint32_t)k->nnodes;
	free(nodes);
	free(k->node);
	k->node = NULL;
	return (0);
}

/* Where a byte leads in the trie, or NO_STATE. */
static uint32_t
edge(const struct keywords *k, uint32_t s, uint8_t byte)
{
	const struct state	*st;
	uint32_t		 lo, hi, mid;

	st = &k->state[s];
	if (st->n <= 1)
		return (st->n == 1 && st->first == byte ? st->edges + 1 :
		    NO_STATE);
	lo = st->edges;
	hi = lo + st->n;
	/* Mostly two or three. */
	while (hi - lo > 4) {
		mid = lo + (hi - lo) / 2;
		if (k->byte[mid] <= byte)
			lo = mid;
		else
			hi = mid;
	}
	for (; lo < hi; lo++)
		if (k->byte[lo] == byte)
			return (lo + 1);
	return (NO_STATE);
}

/* Where it leads in the automaton, with ENDS if a word ends there. */
static uint32_t
step(const struct keywords *k, uint32_t s, uint8_t byte)
{
	uint32_t	 t;

	for (;;) {
		if (s < k->nrows)
			return (k->row[(size_t)s * k->nclasses +
			    k->class[byte]]);
		if ((t = edge(k, s, byte)) != NO_STATE)
			return (k->state[t].ends ? t | ENDS : t);
		s = k->state[s].fail;
	}
}

/* Parents come before children, so the fail of a parent is known. */
static void
link_fails(struct keywords *k)
{
	struct state	*child;
	uint32_t	 s, e, f, t;

	for (s = 0; s < k->nnodes; s++) {
		for (e = k->state[s].edges; e < k->state[s].edges +
		    k->state[s].n; e++) {
			child = &k->state[e + 1];
			f = s;
			t = NO_STATE;
			while (f != ROOT && t == NO_STATE) {
				f = k->state[f].fail;
				t = edge(k, f, k->byte[e]);
			}
			child->fail = t == NO_STATE ? ROOT : t;
			k->end[e + 1].more = k->end[child->fail].word !=
			    KEYWORD_NONE ? child->fail :
			    k->end[child->fail].more;
			child->ends = k->end[e + 1].word != KEYWORD_NONE ||
			    k->end[e + 1].more != NO_STATE;
		}
	}
}

/* Rows of the first states; a fail is always before its state. */
static int
fill_rows(struct keywords *k)
{
	uint32_t	*row, s, t, n;
	unsigned int	 b;

	n = ROWS_BYTES / (k->nclasses * (uint32_t)sizeof(*k->row));
	if (n > k->nnodes)
		n = (uint32_t)k->nnodes;
	k->row = calloc((size_t)n * k->nclasses, sizeof(*k->row));
	if (k->row == NULL)
		return (-1);
	for (s = 0; s < n; s++) {
		row = k->row + (size_t)s * k->nclasses;
		for (b = 0; b < 256; b++) {
			/* A byte that is in no word leads to the root. */
			if (k->class[b] == 0)
				continue;
			t = edge(k, s, (uint8_t)b);
			if (t != NO_STATE)
				t |= k->state[t].ends ? ENDS : 0;
			else
				t = s == ROOT ? ROOT : k->row[(size_t)
				    k->state[s].fail * k->nclasses +
				    k->class[b]];
			row[k->class[b]] = t;
		}
	}
	k->nrows = n;
	return (0);
}

int
keywords_build(struct keywords *k)
{
	unsigned int	 i;

	k->nclasses = 1;
	for (i = 0; i < NBEGINS; i++) {
		k->begin[i].mask = ~0ULL >> (64 - 8 * begin_len[i]);
		if (begin_build(&k->begin[i]) == -1) {
			errno = ENOMEM;
			return (-1);
		}
	}
	if (number(k) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	link_fails(k);
	if (fill_rows(k) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	return (0);
}

/* May a word begin with the first bytes of these: 1 or 0. */
static inline unsigned int
begin_test(const struct begin *b, uint64_t v)
{
	uint64_t	 h, pair;

	if (b->bits == NULL)
		return (0);
	h = (v & b->mask) * BEGIN_MULT;
	pair = begin_pair(h);
	return ((b->bits[h >> b->down] & pair) == pair);
}

/* May a word begin at p, where eight bytes are: 1 or 0.  All are asked, which
 * is faster than to jump. */
static inline unsigned int
begins(const struct keywords *k, const uint8_t *p)
{
	uint64_t	 v;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v);
	return (begin_test(&k->begin[0], v) | begin_test(&k->begin[1], v) |
	    begin_test(&k->begin[2], v) | begin_test(&k->begin[3], v) |
	    begin_test(&k->begin[4], v) | begin_test(&k->begin[5], v) |
	    begin_test(&k->begin[6], v));
}

/* From i to where a word may begin; up to end bytes can be asked about. */
static size_t
skip(const struct keywords *k, const uint8_t *p, size_t i, size_t end)
{
	while (i < end && !begins(k, p + i))
		i++;
	return (i);
}

/* All words that end in a state, before byte end.  Returns what found() does
 * when it does not want more, else 0. */
static int
report(const struct keywords *k, uint32_t s, size_t end,
    int (*found)(void *, uint32_t, size_t), void *arg)
{
	int	 r;

	if (k->end[s].word == KEYWORD_NONE)
		s = k->end[s].more;
	for (; s != NO_STATE; s = k->end[s].more)
		if ((r = found(arg, k->end[s].word, end)) != 0)
			return (r);
	return (0);
}

void
keywords_scan(const struct keywords *k, const uint8_t *p, size_t len,
    int (*found)(void *, uint32_t, size_t), void *arg)
{
	uint32_t	 s;
	size_t		 i, ask, begin, back;

	/* Of the last bytes it is not known what follows. */
	ask = len < BEGIN_MAX ? 0 : len - BEGIN_MAX + 1;
	for (i = 0; (i = skip(k, p, i, ask)) < len; ) {
		s = ROOT;
		begin = i;
		/* On, while what it has begins where a word may. */
		do {
			if (i >= ask || begins(k, p + i))
				begin = i;
			s = step(k, s, p[i++]);
			if ((s & ENDS) != 0) {
				s &= ~ENDS;
				if (report(k, s, i, found, arg) != 0)
					return;
			}
			back = i - begin;
		} while (i < len && s >=
		    k->level[back < BEGIN_MAX ? back : BEGIN_MAX]);
	}
}

size_t
keywords_memory(const struct keywords *k)
{
	size_t		 bits;
	unsigned int	 i;

	for (bits = i = 0; i < NBEGINS; i++)
		if (k->begin[i].bits != NULL)
			bits += sizeof(uint64_t) << (64 - k->begin[i].down);
	return (sizeof(*k) + bits + k->nnodes * (sizeof(*k->state) +
	    sizeof(*k->end) + sizeof(*k->byte)) +
	    (size_t)k->nrows * k->nclasses * sizeof(*k->row));
}

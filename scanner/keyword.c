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
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keyword.h"

#define ROOT	0U
#define ROWS_BYTES	(2U << 20) /* of all: they must stay in the cache */
#define ENDS	0x80000000U	/* in a row: a word ends in that state */
#define NO_STATE UINT32_MAX

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

struct keywords {
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
	if (k == NULL)
		return;
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

uint32_t
keywords_add(struct keywords *k, const uint8_t *word, size_t len)
{
	uint32_t	 s;
	size_t		 i;

	s = ROOT;
	for (i = 0; i < len; i++)
		if ((s = node_child(k, s, word[i])) == NO_STATE)
			return (KEYWORD_NONE);
	if (k->node[s].word == KEYWORD_NONE)
		k->node[s].word = k->nwords++;
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
	for (n = 0; n < k->nnodes; n++) {
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
	k->nclasses = 1;
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

void
keywords_scan(const struct keywords *k, const uint8_t *p, size_t len,
    int (*found)(void *, uint32_t, size_t), void *arg)
{
	uint32_t	 s, t;
	size_t		 i;

	s = ROOT;
	for (i = 0; i < len; i++) {
		s = step(k, s, p[i]);
		if ((s & ENDS) == 0)
			continue;
		s &= ~ENDS;
		t = s;
		if (k->end[t].word == KEYWORD_NONE)
			t = k->end[t].more;
		for (; t != NO_STATE; t = k->end[t].more)
			if (found(arg, k->end[t].word, i + 1) != 0)
				return;
	}
}

size_t
keywords_memory(const struct keywords *k)
{
	return (sizeof(*k) + k->nnodes * (sizeof(*k->state) +
	    sizeof(*k->end) + sizeof(*k->byte)) +
	    (size_t)k->nrows * k->nclasses * sizeof(*k->row));
}

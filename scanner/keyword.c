/* SPDX-License-Identifier: ISC */

/*
 * Words by automaton (Aho, Corasick 1975), compact enough for hundreds of
 * thousands of them.
 *
 * While words are added, the states are a trie whose children are lists.
 * Then they are numbered anew, level by level, and each gets a run in one
 * array of edges, sorted by byte: edge i leads to state i + 1.  Text that has
 * no word keeps the automaton near its root, so the first states, which are
 * those of the first levels, have a row of 256 each, which also say whether a
 * word ends there; others search their few edges.  What costs is memory that
 * is not in the cache: one line of it a byte, where there are rows.
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
#define NROWS	1024U		/* states with a row: more, and the rows push
				   each other out of the cache */
#define ENDS	0x80000000U	/* in a row: a word ends in that state */
#define NO_STATE UINT32_MAX

/* A state while words are added. */
struct node {
	uint32_t	 child;		/* first one, or NO_STATE */
	uint32_t	 next;		/* sibling */
	uint32_t	 word;		/* that ends here, or KEYWORD_NONE */
	uint8_t		 byte;
};

/* A state of the automaton. */
struct state {
	uint32_t	 edges;		/* index of its first edge */
	uint32_t	 fail;		/* the longest end that is a begin */
	uint32_t	 word;		/* that ends here, or KEYWORD_NONE */
	uint32_t	 more;		/* next state on the way of fails that
					   ends a word, or NO_STATE */
};

struct keywords {
	struct node	*node;
	size_t		 nnodes;
	size_t		 alloc;
	uint32_t	 nwords;
	struct state	*state;		/* nnodes of them and one more */
	uint8_t		*byte;		/* of each edge */
	uint32_t	(*row)[256];
	uint32_t	 nrows;
};

static uint32_t	 node_new(struct keywords *, uint8_t);
static uint32_t	 node_child(struct keywords *, uint32_t, uint8_t);
static void	 sort_edges(struct keywords *, uint32_t *, uint32_t,
		    uint32_t);
static int	 number(struct keywords *);
static uint32_t	 ends(const struct keywords *, uint32_t);
static uint32_t	 edge(const struct keywords *, uint32_t, uint8_t);
static uint32_t	 step(const struct keywords *, uint32_t, uint8_t);
static void	 link_fails(struct keywords *);
static void	 fill_rows(struct keywords *);

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

	k->state = calloc(k->nnodes + 1, sizeof(*k->state));
	k->byte = malloc(k->nnodes);
	nodes = calloc(k->nnodes, sizeof(*nodes));
	if (k->state == NULL || k->byte == NULL || nodes == NULL) {
		free(nodes);
		return (-1);
	}
	nedges = 0;
	for (n = 0; n < k->nnodes; n++) {
		node = n == 0 ? ROOT : nodes[n - 1];
		s = &k->state[n];
		s->word = k->node[node].word;
		s->edges = nedges;
		s->more = NO_STATE;
		for (child = k->node[node].child; child != NO_STATE;
		    child = k->node[child].next) {
			k->byte[nedges] = k->node[child].byte;
			nodes[nedges++] = child;
		}
		sort_edges(k, nodes, s->edges, nedges);
	}
	k->state[k->nnodes].edges = nedges;
	free(nodes);
	free(k->node);
	k->node = NULL;
	return (0);
}

/* ENDS if a word ends in the state, or on its way of fails. */
static uint32_t
ends(const struct keywords *k, uint32_t s)
{
	return (k->state[s].word != KEYWORD_NONE ||
	    k->state[s].more != NO_STATE ? ENDS : 0);
}

/* Where a byte leads in the trie, or NO_STATE. */
static uint32_t
edge(const struct keywords *k, uint32_t s, uint8_t byte)
{
	uint32_t	 lo, hi, mid;

	lo = k->state[s].edges;
	hi = k->state[s + 1].edges;
	/* Mostly one or two. */
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
			return (k->row[s][byte]);
		if ((t = edge(k, s, byte)) != NO_STATE)
			return (t | ends(k, t));
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
		for (e = k->state[s].edges; e < k->state[s + 1].edges; e++) {
			child = &k->state[e + 1];
			f = s;
			t = NO_STATE;
			while (f != ROOT && t == NO_STATE) {
				f = k->state[f].fail;
				t = edge(k, f, k->byte[e]);
			}
			child->fail = t == NO_STATE ? ROOT : t;
			child->more = k->state[child->fail].word !=
			    KEYWORD_NONE ? child->fail :
			    k->state[child->fail].more;
		}
	}
}

/* Rows of the first states; a fail is always before its state. */
static void
fill_rows(struct keywords *k)
{
	uint32_t	 s, t, n;
	unsigned int	 c;

	n = k->nnodes < NROWS ? (uint32_t)k->nnodes : NROWS;
	for (s = 0; s < n; s++)
		for (c = 0; c < 256; c++) {
			t = edge(k, s, (uint8_t)c);
			if (t == NO_STATE)
				t = s == ROOT ? ROOT :
				    k->row[k->state[s].fail][c];
			else
				t |= ends(k, t);
			k->row[s][c] = t;
		}
	k->nrows = n;
}

int
keywords_build(struct keywords *k)
{
	k->row = calloc(k->nnodes < NROWS ? k->nnodes : NROWS,
	    sizeof(*k->row));
	if (k->row == NULL || number(k) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	link_fails(k);
	fill_rows(k);
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
		if (k->state[t].word == KEYWORD_NONE)
			t = k->state[t].more;
		for (; t != NO_STATE; t = k->state[t].more)
			if (found(arg, k->state[t].word, i + 1) != 0)
				return;
	}
}

size_t
keywords_memory(const struct keywords *k)
{
	return (sizeof(*k) + (k->nnodes + 1) * sizeof(*k->state) +
	    k->nnodes * sizeof(*k->byte) +
	    (size_t)k->nrows * sizeof(*k->row));
}

/* SPDX-License-Identifier: ISC */

/*
 * Sets of mail addresses, see addrset.h.  Chains of entries over one buffer of
 * strings: the set is filled once, from the administrator's file, and only
 * asked afterwards.
 */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include <tre/tre.h>

#include "addrset.h"
#include "conf.h"
#include "log.h"
#include "puny.h"

#define PATH_MAX_LEN	(SMTP_ADDR_MAX + 8)

struct item {
	uint32_t	 off;		/* of its string */
	uint32_t	 list;
	uint32_t	 next;		/* index + 1 of the next; 0: none */
	uint32_t	 hash;		/* its low bits ... */
	uint32_t	 folded;	/* ... and "+tags" do not count */
};

struct items {
	struct item	*item;
	size_t		 n, alloc;
};

/* TRE's functions for bytes depend on the locale, those for wide characters
 * do not: each byte of an address is one of these. */
struct expr {
	regex_t		 re;
	uint32_t	 list;
	int		 folded;
};

struct addrset {
	uint32_t	*bucket;	/* index + 1 of the first */
	size_t		 nbuckets;	/* a power of two */
	struct items	 plain;
	struct items	 glob;		/* in no chain */
	struct expr	*expr;
	size_t		 nexprs;
	char		*text;		/* strings, ended */
	size_t		 len, alloc;
	uint64_t	 seed;
	int		 has_folded;
};

/* Whom a path is looked for as. */
struct asked {
	const struct addrset	*set;
	uint64_t		*bits;
	int			 folded;	/* only in lists that fold */
};

static char	 lower(char);
static uint64_t	 hash(const struct addrset *, const char *, size_t);
static struct item *item_new(struct items *);
static int	 keep(struct addrset *, const char *, size_t, uint32_t *);
static int	 grow(struct addrset *);
static int	 item_add(struct addrset *, const char *, size_t, uint32_t,
		    int);
static int	 expr_add(struct addrset *, const char *, size_t, uint32_t,
		    int);
static void	 look(const struct asked *, const char *, size_t);
static void	 look_exprs(const struct asked *, const char *);
static void	 look_path(const struct asked *, char *);
static void	 look_forms(const struct addrset *, char *, uint64_t *);

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c);
}

/* FNV-1a; the entries are the administrator's, the seed is for the rest. */
static uint64_t
hash(const struct addrset *s, const char *p, size_t len)
{
	uint64_t	 h;
	size_t		 i;

	h = s->seed;
	for (i = 0; i < len; i++)
		h = (h ^ (uint8_t)p[i]) * 1099511628211ULL;
	return (h ^ h >> 29);
}

struct addrset *
addrset_new(size_t n)
{
	struct addrset	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->nbuckets = 16;
	while (s->nbuckets < n)
		s->nbuckets *= 2;
	s->bucket = calloc(s->nbuckets, sizeof(*s->bucket));
	if (s->bucket == NULL) {
		free(s);
		return (NULL);
	}
	arc4random_buf(&s->seed, sizeof(s->seed));
	return (s);
}

void
addrset_free(struct addrset *s)
{
	size_t	 i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nexprs; i++)
		tre_regfree(&s->expr[i].re);
	free(s->expr);
	free(s->bucket);
	free(s->plain.item);
	free(s->glob.item);
	free(s->text);
	free(s);
}

const char *
addrset_check(const char *p, size_t len)
{
	size_t	 i, ats;

	if (len >= PATH_MAX_LEN)
		return ("is too long");
	if (len == 2 && memcmp(p, "<>", 2) == 0)
		return (NULL);
	if (addrset_is_expr(p, len)) {
		for (i = 0; i < len; i++)
			if ((unsigned char)p[i] <= 0x20 ||
			    (unsigned char)p[i] >= 0x7f)
				return ("has something else than signs of "
				    "ASCII in its expression");
		return (NULL);
	}
	ats = 0;
	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] <= 0x20 || p[i] == 0x7f ||
		    p[i] == '<' || p[i] == '>')
			return ("is not an address, a domain or a pattern");
		ats += p[i] == '@';
	}
	if (len == 0 || (len == 1 && (p[0] == '@' || p[0] == '.')) ||
	    (ats == 0 && p[0] == '/') || ats > 1)
		return ("is not an address, a domain or a pattern");
	return (NULL);
}

int
addrset_is_expr(const char *p, size_t len)
{
	return (len > 2 && p[0] == '/' && p[len - 1] == '/');
}

size_t
addrset_expr(const char *p, size_t len, wchar_t *w)
{
	size_t	 i, n;

	for (i = 1, n = 0; i + 1 < len; i++) {
		w[n++] = (wchar_t)lower(p[i]);
		/* Classes such as \W are something else than \w. */
		if (p[i] == '\\' && i + 2 < len)
			w[n++] = (wchar_t)p[++i];
	}
	return (n);
}

static int
expr_add(struct addrset *s, const char *p, size_t len, uint32_t list,
    int folded)
{
	wchar_t		 w[PATH_MAX_LEN];
	struct expr	*e;
	size_t		 n;

	e = reallocarray(s->expr, s->nexprs + 1, sizeof(*e));
	if (e == NULL)
		return (-1);
	s->expr = e;
	e += s->nexprs;
	n = addrset_expr(p, len, w);
	if (tre_regwncomp(&e->re, w, n, REG_EXTENDED | REG_NOSUB) != REG_OK)
		return (-1);
	e->list = list;
	e->folded = folded != 0;
	if (folded)
		s->has_folded = 1;
	s->nexprs++;
	return (0);
}

static struct item *
item_new(struct items *v)
{
	struct item	*p;
	size_t		 n;

	if (v->n == v->alloc) {
		n = v->alloc == 0 ? 64 : v->alloc * 2;
		if ((p = reallocarray(v->item, n, sizeof(*p))) == NULL)
			return (NULL);
		v->item = p;
		v->alloc = n;
	}
	p = &v->item[v->n++];
	memset(p, 0, sizeof(*p));
	return (p);
}

static int
keep(struct addrset *s, const char *p, size_t len, uint32_t *off)
{
	char	*text;
	size_t	 n, i;

	/* A domain is written with or without its at sign: kept with it. */
	if (s->alloc - s->len < len + 2) {
		n = s->alloc == 0 ? 1024 : s->alloc * 2;
		while (n - s->len < len + 2)
			n *= 2;
		if ((text = realloc(s->text, n)) == NULL)
			return (-1);
		s->text = text;
		s->alloc = n;
	}
	*off = (uint32_t)s->len;
	if (memchr(p, '@', len) == NULL && p[0] != '.' &&
	    !(len == 2 && p[0] == '<'))
		s->text[s->len++] = '@';
	for (i = 0; i < len; i++)
		s->text[s->len++] = lower(p[i]);
	s->text[s->len++] = '\0';
	return (0);
}

/* As many buckets as items: the chains stay short. */
static int
grow(struct addrset *s)
{
	uint32_t	*bucket;
	size_t		 n, i, at;

	if (s->plain.n < s->nbuckets)
		return (0);
	n = s->nbuckets * 2;
	if ((bucket = calloc(n, sizeof(*bucket))) == NULL)
		return (-1);
	for (i = 0; i < s->plain.n; i++) {
		at = s->plain.item[i].hash & (n - 1);
		s->plain.item[i].next = bucket[at];
		bucket[at] = (uint32_t)i + 1;
	}
	free(s->bucket);
	s->bucket = bucket;
	s->nbuckets = n;
	return (0);
}

int
addrset_add(struct addrset *s, const char *p, size_t len, uint32_t list,
    int folded)
{
	char	 text[PATH_MAX_LEN], plain[PATH_MAX_LEN];
	size_t	 i;

	if (addrset_is_expr(p, len))
		return (expr_add(s, p, len, list, folded));
	if (item_add(s, p, len, list, folded) == -1)
		return (-1);
	/* Paths with "xn--" are turned into letters, too: see below. */
	if (memmem(p, len, "--", 2) == NULL)
		return (0);
	for (i = 0; i < len; i++)
		text[i] = lower(p[i]);
	text[len] = '\0';
	if (puny_plain(text, plain, sizeof(plain)) == NULL)
		return (0);
	return (item_add(s, plain, strlen(plain), list, folded));
}

static int
item_add(struct addrset *s, const char *p, size_t len, uint32_t list,
    int folded)
{
	struct item	*it;
	uint32_t	 off;
	size_t		 at;
	int		 is_glob;

	is_glob = memchr(p, '*', len) != NULL || memchr(p, '?', len) != NULL;
	if (grow(s) == -1 || keep(s, p, len, &off) == -1 ||
	    (it = item_new(is_glob ? &s->glob : &s->plain)) == NULL)
		return (-1);
	/* Without an at sign it is about the whole address. */
	if (is_glob && memchr(p, '@', len) == NULL && s->text[off] == '@')
		off++;
	it->off = off;
	it->list = list;
	it->folded = folded != 0;
	if (folded)
		s->has_folded = 1;
	if (is_glob)
		return (0);
	it->hash = (uint32_t)hash(s, s->text + off, strlen(s->text + off));
	at = it->hash & (s->nbuckets - 1);
	it->next = s->bucket[at];
	s->bucket[at] = (uint32_t)s->plain.n;
	return (0);
}

static void
look(const struct asked *a, const char *p, size_t len)
{
	const struct item	*it;
	const char		*e;
	uint32_t		 h, i;

	h = (uint32_t)hash(a->set, p, len);
	i = a->set->bucket[h & (a->set->nbuckets - 1)];
	for (; i != 0; i = it->next) {
		it = &a->set->plain.item[i - 1];
		e = a->set->text + it->off;
		if (it->hash == h && (!a->folded || it->folded) &&
		    strncmp(e, p, len) == 0 && e[len] == '\0')
			a->bits[it->list / 64] |= 1ULL << (it->list % 64);
	}
}

static void
look_exprs(const struct asked *a, const char *name)
{
	const struct expr	*e;
	wchar_t			 w[PATH_MAX_LEN];
	size_t			 i, n;
	int			 ret;

	if (a->set->nexprs == 0)
		return;
	for (n = 0; n < PATH_MAX_LEN && name[n] != '\0'; n++)
		w[n] = (unsigned char)name[n];
	for (i = 0; i < a->set->nexprs; i++) {
		e = &a->set->expr[i];
		if (a->folded && !e->folded)
			continue;
		ret = tre_regwnexec(&e->re, w, n, 0, NULL, 0);
		/* Without memory nobody knows, and that is not "no". */
		if (ret != REG_OK && ret != REG_NOMATCH)
			fatalx("expression for addresses: error %d", ret);
		if (ret == REG_OK)
			a->bits[e->list / 64] |= 1ULL << (e->list % 64);
	}
}

/* A key, with a byte before it that may be used. */
static void
look_path(const struct asked *a, char *p)
{
	const struct item	*it;
	char			*at, *dot, *name;
	size_t			 i, len;

	name = p;
	len = strlen(p);
	/* The last one: a quoted name may have another. */
	at = strrchr(p, '@');
	if (at == NULL && strcmp(p, "<>") != 0) {
		/* The name of a host is a domain. */
		at = --p;
		*at = '@';
		len++;
	}
	look(a, p, len);
	if (at != NULL) {
		if (at != p) {
			look(a, at, len - (size_t)(at - p));
			look(a, p, (size_t)(at - p) + 1);
		}
		for (dot = strchr(at, '.'); dot != NULL;
		    dot = strchr(dot + 1, '.'))
			look(a, dot, strlen(dot));
	}
	for (i = 0; i < a->set->glob.n; i++) {
		it = &a->set->glob.item[i];
		if ((!a->folded || it->folded) &&
		    conf_glob(a->set->text + it->off, name))
			a->bits[it->list / 64] |= 1ULL << (it->list % 64);
	}
	look_exprs(a, name);
}

char *
addrset_key(const char *path, char *buf, size_t size)
{
	size_t	 i;

	if (*path == '\0')
		path = "<>";
	for (i = 0; i < size && path[i] != '\0'; i++)
		/* A quoted name may have controls; no key has any. */
		buf[i] = (unsigned char)path[i] < 0x20 || path[i] == 0x7f ?
		    '?' : lower(path[i]);
	if (i == size)
		return (NULL);
	buf[i] = '\0';
	return (buf);
}

/* A key, with a byte before it that may be used; with and without its tag. */
static void
look_forms(const struct addrset *s, char *key, uint64_t *bits)
{
	struct asked	 a;
	char		*plus, *at;

	memset(&a, 0, sizeof(a));
	a.set = s;
	a.bits = bits;
	look_path(&a, key);
	at = strrchr(key, '@');
	plus = strchr(key, '+');
	/* A quoted name is not made of a name and a tag. */
	if (!s->has_folded || at == NULL || plus == NULL || plus > at ||
	    plus == key || *key == '"')
		return;
	memmove(plus, at, strlen(at) + 1);
	a.folded = 1;
	look_path(&a, key);
}

void
addrset_find(const struct addrset *s, const char *path, uint64_t *bits)
{
	char	 key[1 + PATH_MAX_LEN], plain[1 + PATH_MAX_LEN];

	if (addrset_key(path, key + 1, sizeof(key) - 1) == NULL)
		return;
	if (strstr(key + 1, "xn--") != NULL &&
	    puny_plain(key + 1, plain + 1, sizeof(plain) - 1) != NULL)
		look_forms(s, plain + 1, bits);
	look_forms(s, key + 1, bits);
}

char *
addrset_pair(const char *from, const char *rcpt, char *buf, size_t size)
{
	size_t	 i, len;

	if (addrset_key(from, buf, size) == NULL)
		return (NULL);
	len = strlen(buf);
	if (len + 1 >= size ||
	    addrset_key(rcpt, buf + len + 1, size - len - 1) == NULL)
		return (NULL);
	/* A quoted name may have blanks: it is not to look like two. */
	buf[len] = '/';
	for (i = 0; buf[i] != '\0'; i++)
		if (buf[i] == ' ')
			buf[i] = '?';
	buf[len] = ' ';
	return (buf);
}

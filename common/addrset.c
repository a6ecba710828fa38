/* SPDX-License-Identifier: ISC */

/*
 * Sets of mail addresses, see addrset.h.  Open addressing over offsets into
 * one buffer of strings: the set is filled once, from the administrator's
 * file, and only asked afterwards.
 */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "addrset.h"
#include "conf.h"

#define PATH_MAX_LEN	(SMTP_ADDR_MAX + 8)

struct addrset {
	uint32_t	*slot;		/* offset + 1; 0: free */
	size_t		 nslots;	/* a power of two */
	size_t		 nused;
	char		*text;		/* strings, ended */
	size_t		 len, alloc;
	uint32_t	*glob;		/* offsets */
	size_t		 nglobs, aglobs;
	uint64_t	 seed;
};

static char	 lower(char);
static uint64_t	 hash(const struct addrset *, const char *, size_t);
static int	 has(const struct addrset *, const char *, size_t);
static int	 keep(struct addrset *, const char *, size_t, uint32_t *);
static int	 grow(struct addrset *);
static void	 put(struct addrset *, uint32_t);

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
	s->nslots = 16;
	while (s->nslots / 2 < n)
		s->nslots *= 2;
	s->slot = calloc(s->nslots, sizeof(*s->slot));
	if (s->slot == NULL) {
		free(s);
		return (NULL);
	}
	arc4random_buf(&s->seed, sizeof(s->seed));
	return (s);
}

void
addrset_free(struct addrset *s)
{
	if (s == NULL)
		return;
	free(s->slot);
	free(s->text);
	free(s->glob);
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
	ats = 0;
	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] <= 0x20 || p[i] == 0x7f ||
		    p[i] == '<' || p[i] == '>')
			return ("is not an address, a domain or a pattern");
		ats += p[i] == '@';
	}
	if (len == 0 || (len == 1 && (p[0] == '@' || p[0] == '.')) || ats > 1)
		return ("is not an address, a domain or a pattern");
	return (NULL);
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

static void
put(struct addrset *s, uint32_t off)
{
	const char	*p;
	size_t		 i;

	p = s->text + off;
	i = hash(s, p, strlen(p)) & (s->nslots - 1);
	while (s->slot[i] != 0) {
		if (strcmp(s->text + s->slot[i] - 1, p) == 0)
			return;
		i = (i + 1) & (s->nslots - 1);
	}
	s->slot[i] = off + 1;
	s->nused++;
}

static int
grow(struct addrset *s)
{
	uint32_t	*old;
	size_t		 n, i;

	if (s->nused < s->nslots / 2)
		return (0);
	old = s->slot;
	n = s->nslots;
	if ((s->slot = calloc(n * 2, sizeof(*s->slot))) == NULL) {
		s->slot = old;
		return (-1);
	}
	s->nslots = n * 2;
	s->nused = 0;
	for (i = 0; i < n; i++)
		if (old[i] != 0)
			put(s, old[i] - 1);
	free(old);
	return (0);
}

int
addrset_add(struct addrset *s, const char *p, size_t len)
{
	uint32_t	*glob, off;
	size_t		 n;

	if (memchr(p, '*', len) != NULL || memchr(p, '?', len) != NULL) {
		if (s->nglobs == s->aglobs) {
			n = s->aglobs == 0 ? 16 : s->aglobs * 2;
			glob = reallocarray(s->glob, n, sizeof(*glob));
			if (glob == NULL)
				return (-1);
			s->glob = glob;
			s->aglobs = n;
		}
		if (keep(s, p, len, &off) == -1)
			return (-1);
		/* Without an at sign it is about the whole address. */
		if (memchr(p, '@', len) == NULL && s->text[off] == '@')
			off++;
		s->glob[s->nglobs++] = off;
		return (0);
	}
	if (grow(s) == -1 || keep(s, p, len, &off) == -1)
		return (-1);
	put(s, off);
	return (0);
}

static int
has(const struct addrset *s, const char *p, size_t len)
{
	const char	*e;
	size_t		 i;

	i = hash(s, p, len) & (s->nslots - 1);
	while (s->slot[i] != 0) {
		e = s->text + s->slot[i] - 1;
		if (strncmp(e, p, len) == 0 && e[len] == '\0')
			return (1);
		i = (i + 1) & (s->nslots - 1);
	}
	return (0);
}

char *
addrset_key(const char *path, char *buf, size_t size)
{
	size_t	 i;

	if (*path == '\0')
		path = "<>";
	for (i = 0; i < size && path[i] != '\0'; i++)
		buf[i] = lower(path[i]);
	if (i == size)
		return (NULL);
	buf[i] = '\0';
	return (buf);
}

int
addrset_match(const struct addrset *s, const char *path)
{
	char		 key[1 + PATH_MAX_LEN], *p, *at, *dot;
	size_t		 i, len;

	p = key + 1;
	if (addrset_key(path, p, sizeof(key) - 1) == NULL)
		return (0);
	len = strlen(p);
	/* The last one: a quoted name may have another. */
	at = strrchr(p, '@');
	if (at == NULL && strcmp(p, "<>") != 0) {
		/* The name of a host is a domain. */
		at = --p;
		*at = '@';
		len++;
	}
	if (has(s, p, len))
		return (1);
	if (at != NULL) {
		if (at != p && (has(s, at, len - (size_t)(at - p)) ||
		    has(s, p, (size_t)(at - p) + 1)))
			return (1);
		for (dot = strchr(at, '.'); dot != NULL;
		    dot = strchr(dot + 1, '.'))
			if (has(s, dot, strlen(dot)))
				return (1);
	}
	for (i = 0; i < s->nglobs; i++)
		if (conf_glob(s->text + s->glob[i], p == key ? p + 1 : p))
			return (1);
	return (0);
}

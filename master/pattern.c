/* SPDX-License-Identifier: ISC */

/*
 * Expressions of content rules, before anybody uses them.
 *
 * TRE matches in linear time, but for references back; and it needs gigabytes
 * to compile some short ones: bounds of repetition multiply when they are
 * nested, and a ")" that closes nothing has no end at all.  What looks like
 * that is refused with the reason.  What does not is compiled once here, in a
 * child that has two seconds and 256 MiB, so that the scanner never meets one
 * that it cannot compile.
 *
 * TRE gets here what it gets there: the expression in the normal form.
 */

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <tre/tre.h>

#include "addrset.h"
#include "exprfold.h"
#include "normal.h"

#include "pattern.h"

#define BOUNDS_MAX	1000	/* product of all nested upper bounds */
#define BOUND_MAX	255	/* RE_DUP_MAX of TRE */
#define NESTED_MAX	16	/* groups */
#define STARS_MAX	64	/* repetitions: 1000 of them cost 100 MiB */
#define PLACES_MAX	2000	/* characters when all bounds are written out:
				   what TRE makes of them grows with the square,
				   at worst */
#define LETTERS_MAX	64	/* of a word that may be misspelt */
#define LETTERS_PER	3	/* of it at least, for each that is wrong */
#define COMPILE_TIME	2	/* s of processor time, for all together */
#define ADDR_TRIES	3	/* of each long address; so a look for all that
				   takes more than 130 ms is too much */
#define COMPILE_MEMORY	(256 * MIB)

/* Exit statuses of the child beside those of TRE, which are 0 to 13. */
#define FINDS_ALL	100	/* it compiles, but matches any text */
#define NO_CHECK	101	/* something failed that has nothing to do
				   with the expression */

/* Which expression the child is at; it tells before it tries. */
struct place {
	uint32_t	 list;
	uint32_t	 entry;
};

/* What a walk over an expression has found so far. */
struct walk {
	struct {
		unsigned long	 product;	/* the largest one inside */
		unsigned long	 places;
	}		 group[NESTED_MAX];
	unsigned int	 depth;
	unsigned int	 stars;
	unsigned long	 product;	/* of what came last */
	unsigned long	 places;
};

static const char *bound(const wchar_t *, size_t, size_t *, unsigned long *);
static void	 item(struct walk *, unsigned long, unsigned long);
static const char *repeat(struct walk *, unsigned long);
static const char *walk(struct walk *, const wchar_t *, size_t);
static size_t	 similar_fold(const uint8_t *, size_t, wchar_t *, size_t);
static int	 finds_all(const regex_t *);
static void	 try_long(const regex_t *);
static int	 compile(const struct conf_list *, const uint8_t *, size_t);
static int	 compile_all(const struct conf *, int);
static int	 limit(__rlimit_resource_t, rlim_t);
static void	 child(const struct conf *, int) __attribute__((__noreturn__));

/* "{m,n}" at *i, which is moved to its "}"; the larger number. */
static const char *
bound(const wchar_t *w, size_t len, size_t *i, unsigned long *max)
{
	unsigned long	 n;

	*max = n = 0;
	for ((*i)++; *i < len && w[*i] != '}'; (*i)++) {
		if (w[*i] == ',') {
			n = 0;
			continue;
		}
		if (w[*i] < '0' || w[*i] > '9')
			return ("a bound that is no number");
		n = n * 10 + (unsigned long)(w[*i] - '0');
		if (n > BOUND_MAX)
			return ("a bound of more than 255");
		if (n > *max)
			*max = n;
	}
	return (*i == len ? "a { without its }" : NULL);
}

/* Something that may be repeated. */
static void
item(struct walk *k, unsigned long product, unsigned long places)
{
	k->product = product;
	k->places = places;
	if (product > k->group[k->depth].product)
		k->group[k->depth].product = product;
	k->group[k->depth].places += places;
}

/* What came last, n times. */
static const char *
repeat(struct walk *k, unsigned long n)
{
	k->group[k->depth].places -= k->places;
	item(k, k->product * n, k->places * n);
	if (k->product > BOUNDS_MAX)
		return ("bounds that multiply to more than 1000");
	if (k->group[k->depth].places > PLACES_MAX)
		return ("more than 2000 characters when all bounds are "
		    "written out");
	return (NULL);
}

static const char *
walk(struct walk *k, const wchar_t *w, size_t len)
{
	unsigned long	 n;
	const char	*why;
	size_t		 i;

	for (i = 0; i < len; i++) {
		why = NULL;
		switch (w[i]) {
		case '\\':
			i++;
			item(k, 1, 1);
			break;
		case '[':
			i = expr_bracket_end(w, len, i) - 1;
			item(k, 1, 1);
			break;
		case '(':
			if (++k->depth == NESTED_MAX)
				return ("more than 15 groups in each other");
			k->group[k->depth].product = k->product = 1;
			k->group[k->depth].places = k->places = 0;
			break;
		case ')':
			k->depth--;	/* they are in pairs */
			item(k, k->group[k->depth + 1].product,
			    k->group[k->depth + 1].places);
			break;
		case '*':
		case '+':
		case '?':
			if (++k->stars > STARS_MAX)
				why = "more than 64 repetitions";
			break;
		case '{':
			if ((why = bound(w, len, &i, &n)) == NULL)
				why = repeat(k, n == 0 ? 1 : n);
			break;
		case '|':
			item(k, 1, 0);
			break;
		default:
			item(k, 1, 1);
			break;
		}
		if (why != NULL)
			return (why);
	}
	return (NULL);
}

const char *
pattern_refused(const char *s, size_t len)
{
	struct walk	 k;
	wchar_t		 w[EXPR_FOLDED_MAX];
	const char	*why;
	size_t		 n;

	n = expr_fold((const uint8_t *)s, len, w, EXPR_FOLDED_MAX, &why);
	if (n == 0)
		return (why);
	memset(&k, 0, sizeof(k));
	k.group[0].product = k.product = 1;
	return (walk(&k, w, n));
}

/* A word in the normal form; how many characters it has, 0: too many. */
static size_t
similar_fold(const uint8_t *p, size_t len, wchar_t *w, size_t max)
{
	struct normal	 norm;
	size_t		 i, n, used;

	if (normal_init(&norm, len * NORMAL_GROWTH) == -1)
		return (0);
	normal_make(&norm, p, len);
	n = 0;
	for (i = 0; i < norm.len && n < max; i += used)
		w[n++] = (wchar_t)normal_get(norm.out + i, norm.len - i,
		    &used);
	n = i < norm.len ? 0 : n;
	normal_free(&norm);
	return (n);
}

const char *
pattern_word_refused(const char *s, size_t len, unsigned int errors)
{
	struct normal	 norm;
	const char	*why;
	size_t		 i, n, letters, used;

	if (normal_init(&norm, len * NORMAL_GROWTH) == -1)
		return ("no memory");
	normal_make(&norm, (const uint8_t *)s, len);
	n = letters = 0;
	for (i = 0; i < norm.len; i += used, n++)
		letters += normal_get(norm.out + i, norm.len - i, &used) !=
		    ' ';
	why = NULL;
	if (letters == 0)
		why = "nothing that is seen";
	else if (norm.len > 2 * LIST_ENTRY_MAX)
		why = "it is too long in the normal form";
	else if (errors > 0 && n > LETTERS_MAX)
		why = "more than 64 letters";
	else if (letters < (size_t)errors * LETTERS_PER)
		why = "fewer than 3 letters for each that may be wrong";
	normal_free(&norm);
	return (why);
}

/* Whatever the text: found where it is empty, and where it has anything. */
static int
finds_all(const regex_t *re)
{
	static const wchar_t	 text[] = { 0xe000 };	/* private use */

	return (tre_regwnexec(re, text, 0, 0, NULL, 0) == REG_OK &&
	    tre_regwnexec(re, text, 1, 0, NULL, 0) == REG_OK);
}

/*
 * Addresses are anybody's, and the proxy does nothing else meanwhile: linear
 * as it is, an expression can take forty milliseconds for a long one.  So much
 * is tried that 256 of them that take usual time are far from the limit.
 */
static void
try_long(const regex_t *re)
{
	static const char	*units[] = { "a", "1", "a1", ".", "ab-1" };
	wchar_t				 text[SMTP_ADDR_MAX];
	size_t				 i, k, len;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		len = strlen(units[i]);
		for (k = 0; k < SMTP_ADDR_MAX; k++)
			text[k] = (wchar_t)units[i][k % len];
		for (k = 0; k < ADDR_TRIES; k++)
			(void)tre_regwnexec(re, text, SMTP_ADDR_MAX, 0, NULL,
			    0);
	}
}

/* Returns what TRE says, or FINDS_ALL. */
static int
compile(const struct conf_list *l, const uint8_t *text, size_t len)
{
	wchar_t		 w[EXPR_FOLDED_MAX];
	const char	*why;
	regex_t		 re;
	size_t		 n;
	int		 ret, is_similar, is_address;

	is_similar = l->w.kind == LIST_SIMILAR;
	is_address = l->w.kind == LIST_ADDRESSES;
	if (is_address)
		n = addrset_expr((const char *)text, len, w);
	else
		n = is_similar ?
		    similar_fold(text, len, w, EXPR_FOLDED_MAX) :
		    expr_fold(text, len, w, EXPR_FOLDED_MAX, &why);
	/* Others have been refused when they were read. */
	if (n == 0)
		return (REG_BADPAT);
	ret = tre_regwncomp(&re, w, n, is_similar ? REG_LITERAL :
	    is_address ? REG_EXTENDED | REG_NOSUB : REG_EXTENDED);
	if (ret != REG_OK)
		return (ret);
	ret = finds_all(&re) ? FINDS_ALL : REG_OK;
	if (ret == REG_OK && is_address)
		try_long(&re);
	tre_regfree(&re);
	return (ret);
}

/* In the child: returns what compile() says, REG_OK when all is well. */
static int
compile_all(const struct conf *conf, int fd)
{
	const struct conf_list	*l;
	struct conf_entry	 e;
	struct place		 at;
	const uint8_t		*text;
	size_t			 off;
	int			 ret;

	TAILQ_FOREACH(l, &conf->lists, entry) {
		if (l->w.kind != LIST_EXPRESSIONS &&
		    l->w.kind != LIST_SIMILAR && l->w.kind != LIST_ADDRESSES)
			continue;
		at.list = l->w.id;
		at.entry = 0;
		off = 0;
		for (; conf_next_entry(l, &off, &e, &text) == 1; at.entry++) {
			if (l->w.kind == LIST_ADDRESSES &&
			    !addrset_is_expr((const char *)text, e.len))
				continue;
			if (write(fd, &at, sizeof(at)) != sizeof(at))
				return (NO_CHECK);
			if ((ret = compile(l, text, e.len)) != REG_OK)
				return (ret);
		}
	}
	return (REG_OK);
}

static int
limit(__rlimit_resource_t what, rlim_t max)
{
	struct rlimit	 rl;

	rl.rlim_cur = rl.rlim_max = max;
	return (setrlimit(what, &rl));
}

static void
child(const struct conf *conf, int fd)
{
#ifndef MAILWALL_SANITIZE	/* shadow memory is terabytes of address */
	if (limit(RLIMIT_AS, COMPILE_MEMORY) == -1)
		_exit(NO_CHECK);
#endif
	if (limit(RLIMIT_CPU, COMPILE_TIME) == -1 ||
	    limit(RLIMIT_CORE, 0) == -1)
		_exit(NO_CHECK);
	_exit(compile_all(conf, fd));
}

int
pattern_compile(const struct conf *conf, uint32_t *list, uint32_t *entry,
    char *why, size_t size)
{
	struct place	 at;
	regex_t		 re;
	pid_t		 pid;
	int		 fd[2], status;

	memset(&at, 0, sizeof(at));
	*list = *entry = 0;
	if (pipe(fd) == -1) {
		snprintf(why, size, "cannot be checked: %s", strerror(errno));
		return (-1);
	}
	if ((pid = fork()) == -1) {
		snprintf(why, size, "cannot be checked: %s", strerror(errno));
		close(fd[0]);
		close(fd[1]);
		return (-1);
	}
	if (pid == 0)
		child(conf, fd[1]);
	close(fd[1]);
	while (read(fd[0], &at, sizeof(at)) == (ssize_t)sizeof(at))
		continue;
	close(fd[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : REG_ESPACE;
	if (status == REG_OK)
		return (0);
	*list = at.list;
	*entry = at.entry;
	memset(&re, 0, sizeof(re));
	if (status == REG_ESPACE)
		snprintf(why, size, "takes too much time or memory");
	else if (status == FINDS_ALL)
		snprintf(why, size, "it is found in any text");
	else if (status > REG_BADRPT)
		snprintf(why, size, "cannot be checked");
	else
		tre_regerror(status, &re, why, size);
	return (-1);
}

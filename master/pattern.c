/* SPDX-License-Identifier: ISC */

/*
 * Expressions of content rules, before anybody uses them.
 *
 * TRE matches in linear time, but for references back; and it needs gigabytes
 * to compile some short ones: bounds of repetition multiply when they are
 * nested.  What looks like that is refused with the reason.  What does not is
 * compiled once here, in a child that has two seconds and 256 MiB, so that
 * the scanner never meets one that it cannot compile.
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

#include "utf8.h"

#include "pattern.h"

#define BOUNDS_MAX	1000	/* product of all nested upper bounds */
#define BOUND_MAX	255	/* RE_DUP_MAX of TRE */
#define NESTED_MAX	16	/* groups */
#define STARS_MAX	64	/* repetitions: 1000 of them cost 100 MiB */
#define COMPILE_TIME	2	/* s of processor time, for all together */
#define COMPILE_MEMORY	(256 * MIB)

/* Which expression the child is at; it tells before it tries. */
struct place {
	uint32_t	 list;
	uint32_t	 entry;
};

static const char *bound(const char *, size_t, size_t *, unsigned long *);
static size_t	 widen(const uint8_t *, size_t, wchar_t *);
static int	 compile_all(const struct conf *, int);
static void	 child(const struct conf *, int) __attribute__((__noreturn__));

/* "{m,n}" at *i, which is moved to its "}"; the larger number. */
static const char *
bound(const char *s, size_t len, size_t *i, unsigned long *max)
{
	unsigned long	 n;

	*max = n = 0;
	for ((*i)++; *i < len && s[*i] != '}'; (*i)++) {
		if (s[*i] == ',') {
			n = 0;
			continue;
		}
		if (s[*i] < '0' || s[*i] > '9')
			return ("a bound that is no number");
		n = n * 10 + (unsigned long)(s[*i] - '0');
		if (n > BOUND_MAX)
			return ("a bound of more than 255");
		if (n > *max)
			*max = n;
	}
	return (*i == len ? "a { without its }" : NULL);
}

const char *
pattern_refused(const char *s, size_t len)
{
	unsigned long	 inner[NESTED_MAX], product, n;
	const char	*why;
	unsigned int	 depth, stars;
	size_t		 i;

	/* inner[d]: the largest product inside the group of depth d. */
	memset(inner, 0, sizeof(inner));
	inner[0] = product = 1;
	depth = stars = 0;
	for (i = 0; i < len; i++) {
		switch (s[i]) {
		case '\\':
			if (++i < len && s[i] >= '1' && s[i] <= '9')
				return ("a reference back, which takes for "
				    "ever on some texts");
			product = 1;
			break;
		case '[':
			i += 1 + (i + 1 < len && s[i + 1] == '^');
			do
				i++;
			while (i < len && s[i] != ']');
			if (i >= len)
				return ("a [ without its ]");
			product = 1;
			break;
		case '(':
			if (++depth == NESTED_MAX)
				return ("more than 15 groups in each other");
			inner[depth] = 1;
			product = 1;
			break;
		case ')':
			if (depth == 0)
				return ("a ) without its (");
			product = inner[depth--];
			if (product > inner[depth])
				inner[depth] = product;
			break;
		case '*':
		case '+':
		case '?':
			if (++stars > STARS_MAX)
				return ("more than 64 repetitions");
			break;
		case '{':
			if ((why = bound(s, len, &i, &n)) != NULL)
				return (why);
			product *= n == 0 ? 1 : n;
			if (product > BOUNDS_MAX)
				return ("bounds that multiply to more than "
				    "1000");
			if (product > inner[depth])
				inner[depth] = product;
			break;
		default:
			product = 1;
			break;
		}
	}
	return (depth > 0 ? "a ( without its )" : NULL);
}

static size_t
widen(const uint8_t *p, size_t len, wchar_t *w)
{
	uint32_t	 c;
	size_t		 i, k, n, used;

	n = 0;
	for (i = 0; i < len; i += used) {
		used = utf8_char(p + i, len - i);
		if (used < 2) {
			used = 1;
			w[n++] = p[i];
			continue;
		}
		c = p[i] & (0xffU >> (used + 1));
		for (k = 1; k < used; k++)
			c = c << 6 | (p[i + k] & 0x3f);
		w[n++] = (wchar_t)c;
	}
	return (n);
}

/* In the child: returns what TRE says, REG_OK when all is well. */
static int
compile_all(const struct conf *conf, int fd)
{
	const struct conf_list	*l;
	struct conf_entry	 e;
	struct place		 at;
	const uint8_t		*text;
	wchar_t			 w[LIST_ENTRY_MAX];
	regex_t			 re;
	size_t			 n, off;
	int			 ret;

	TAILQ_FOREACH(l, &conf->lists, entry) {
		if (l->w.kind != LIST_EXPRESSIONS &&
		    l->w.kind != LIST_SIMILAR)
			continue;
		at.list = l->w.id;
		at.entry = 0;
		off = 0;
		for (; conf_next_entry(l, &off, &e, &text) == 1; at.entry++) {
			if (write(fd, &at, sizeof(at)) != sizeof(at))
				return (REG_ESPACE);
			n = widen(text, e.len, w);
			ret = tre_regwncomp(&re, w, n,
			    l->w.kind == LIST_SIMILAR ? REG_LITERAL :
			    REG_EXTENDED);
			if (ret != REG_OK)
				return (ret);
			tre_regfree(&re);
		}
	}
	return (REG_OK);
}

static void
child(const struct conf *conf, int fd)
{
	struct rlimit	 rl;

	rl.rlim_cur = rl.rlim_max = COMPILE_MEMORY;
	setrlimit(RLIMIT_AS, &rl);
	rl.rlim_cur = rl.rlim_max = COMPILE_TIME;
	setrlimit(RLIMIT_CPU, &rl);
	rl.rlim_cur = rl.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &rl);
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == REG_OK)
		return (0);
	*list = at.list;
	*entry = at.entry;
	memset(&re, 0, sizeof(re));
	if (WIFEXITED(status) && WEXITSTATUS(status) != REG_ESPACE)
		tre_regerror(WEXITSTATUS(status), &re, why, size);
	else
		snprintf(why, size, "takes too much time or memory");
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/*
 * How fast text is held against many words: normal form and automaton, as a
 * scanner's worker does it, beside reading the same bytes once (memchr(3)).
 *
 *	bench_match [WORDS]
 *
 * WORDS is how many keywords there are, by default 100000.  Prints how long
 * they take to compile and how large they are, and a line for each kind of
 * text: MB a second, and how many times slower than memchr(3) that is.  At
 * the end the prose once more as others read it: TRE with ten words in one
 * expression, and grep(1) with all the words, bytes as they are and without
 * regard to case.
 */

#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tre/tre.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "match.h"
#include "parts.h"
#include "proto.h"
#include "utf8.h"

#define SIZE		(1U << 20)
#define BENCH_NS	700000000ULL	/* how long each is repeated */
#define GREP_TIMES	8		/* the text, in grep's file */

/* As people write, in two alphabets. */
static const char *const prose[] = {
	"The shipment left the harbour on Tuesday, and we expect it before "
	"the end of the month.\n",
	"Could you send me the minutes of the last meeting, please?  I was "
	"on the train and missed the second half.\n",
	"Thank you for your patience; the invoice has been corrected and a "
	"new one is attached.\n",
	"Nobody who has seen the old bridge will doubt that it needs to be "
	"painted again this summer.\n",
	"If the weather holds, our neighbours will come over for dinner on "
	"Saturday evening.\n",
	"Quarterly figures are better than last year's, mostly because of "
	"lower prices for steel and wood.\n",
	"\320\237\321\200\320\270\321\210\320\273\320\270\321\202\320\265 "
	"\320\277\320\276\320\266\320\260\320\273\321\203\320\271\321\201"
	"\321\202\320\260 \320\276\321\202\321\207\321\221\321\202 "
	"\320\264\320\276 \320\277\321\217\321\202\320\275\320\270\321\206"
	"\321\213.\n",
	"\320\224\320\276\320\263\320\276\320\262\320\276\321\200 "
	"\320\277\320\276\320\264\320\277\320\270\321\201\320\260\320\275 "
	"\320\262\321\207\320\265\321\200\320\260.\n"
};
#define NPROSE	(sizeof(prose) / sizeof(prose[0]))

static uint32_t	 seed = 1;
static size_t	 sum;			/* so that nothing is left out */

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return ((seed >> 8) % n);
}

static uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

/* A word of syllables, as most languages have them; 4 to 14 letters. */
static size_t
word(char *p)
{
	static const char	 a[] = "bcdfghklmnprstvw", e[] = "aeiou";
	size_t			 n, i;

	n = 2 + rnd(6);
	for (i = 0; i < n; i++) {
		p[2 * i] = a[rnd(16)];
		p[2 * i + 1] = e[rnd(5)];
	}
	return (2 * n);
}

/* A Chinese character of the common ones, as UTF-8. */
static size_t
han(uint8_t *p)
{
	return (utf8_put(p, 0x4e00 + rnd(3000)));
}

/* The words go to list, too, a line each. */
static struct matcher *
compile(uint32_t n, FILE *list)
{
	struct conf_list	*l;
	struct matcher		*m;
	struct conf		*conf;
	char			 text[64];
	uint64_t		 t;
	uint32_t		 i;
	size_t			 len, k;

	conf = conf_new();
	l = conf_add_list(conf, LIST_KEYWORDS, "words");
	for (i = 0; i < n; i++) {
		len = 0;
		if (i % 4 == 0)
			for (k = 2 + rnd(4); k > 0; k--)
				len += han((uint8_t *)text + len);
		else
			len = word(text);
		/* What nobody writes, so that hits are few. */
		text[len++] = 'x';
		if (conf_add_entry(conf, l, 1, text, len) == -1)
			err(1, "word");
		fprintf(list, "%.*s\n", (int)len, text);
	}
	conf_add_use(conf, l->w.id, SCOPES_ALL);
	if (conf_done(conf) == -1)
		errx(1, "configuration");
	t = now_ns();
	if ((m = matcher_new(conf)) == NULL)
		errx(1, "matcher");
	printf("%u words: compiled in %.0f ms, %.1f MiB, %.0f bytes a word\n",
	    n, (double)(now_ns() - t) / 1e6,
	    (double)matcher_memory(m) / (double)MIB,
	    (double)matcher_memory(m) / n);
	return (m);
}

static void
bench(struct match *m, const char *name, const uint8_t *p, size_t len)
{
	struct msg_scan_hit	 hit[CONF_USES_MAX];
	uint64_t		 start, spent, plain;
	unsigned int		 n, k;
	int			 complete;

	start = now_ns();
	for (k = 0; (plain = now_ns() - start) < BENCH_NS / 10; k++)
		sum += memchr(p, 1, len) != NULL;
	start = now_ns();
	for (n = 0; (spent = now_ns() - start) < BENCH_NS; n++) {
		match_begin(m, now_ms() + 60000);
		match_text(m, TEXT_PLAIN, 0, p, len);
		sum += match_end(m, hit, &complete);
		if (!complete)
			errx(1, "%s: not complete", name);
	}
	printf("%-28s %8zu bytes %8.1f us %7.0f MB/s %6.1f x memchr\n", name,
	    len, (double)spent / 1000 / n,
	    (double)len * n * 1000 / (double)spent,
	    (double)spent / n / ((double)plain / k));
}

static size_t
fill(uint8_t *p, int kind)
{
	size_t	 i, len, n;

	for (n = 0; n < SIZE - 256; )
		switch (kind) {
		case 0:
			n += word((char *)p + n);
			p[n++] = rnd(12) == 0 ? '\n' : ' ';
			break;
		case 1:
			n += han(p + n);
			if (rnd(30) == 0)
				p[n++] = '\n';
			break;
		case 2:
			n += rnd(2) ? word((char *)p + n) : han(p + n);
			p[n++] = ' ';
			break;
		case 7:
			i = rnd(NPROSE);
			len = strlen(prose[i]);
			memcpy(p + n, prose[i], len);
			n += len;
			break;
		case 3:
			p[n++] = (uint8_t)('0' + rnd(10));
			break;
		case 4:
			p[n++] = 'a';
			break;
		case 5:
			memcpy(p + n, "e\xcc\x81", 3);
			n += 3;
			break;
		default:
			memcpy(p + n, "\xe2\x80\x8b", 3);
			n += 3;
			break;
		}
	return (n);
}

static void
bench_tre(const uint8_t *p, size_t len)
{
	regmatch_t	 where;
	regex_t		 re;
	uint64_t	 start;

	if (tre_regcomp(&re, "secret|restricted|internal|draft|embargo|"
	    "salary|merger|audit|password|lawsuit",
	    REG_EXTENDED | REG_ICASE) != 0)
		errx(1, "expression");
	start = now_ns();
	sum += tre_regnexec(&re, (const char *)p, len, 1, &where, 0) == 0;
	printf("%-28s %8zu bytes %26.0f MB/s\n", "TRE, ten words", len,
	    (double)len * 1000 / (double)(now_ns() - start));
	tre_regfree(&re);
}

/* Processor time of a grep, in ns; input is a file. */
static uint64_t
grep(const char *words, const char *input)
{
	char	*argv[] = { (char *)(uintptr_t)"grep", (char *)(uintptr_t)"-c",
		    (char *)(uintptr_t)"-i", (char *)(uintptr_t)"-F",
		    (char *)(uintptr_t)"-f", (char *)(uintptr_t)words,
		    (char *)(uintptr_t)input, NULL };
	char	*envp[] = { (char *)(uintptr_t)"LC_ALL=C", NULL };
	struct rusage			 usage;
	posix_spawn_file_actions_t	 fa;
	pid_t				 pid;
	int				 status;

	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO,
	    "/dev/null", O_WRONLY, 0) != 0 ||
	    posix_spawnp(&pid, argv[0], &fa, NULL, argv, envp) != 0 ||
	    wait4(pid, &status, 0, &usage) == -1 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > 1)
		return (0);
	posix_spawn_file_actions_destroy(&fa);
	return ((uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
	    1000000000 + (uint64_t)(usage.ru_utime.tv_usec +
	    usage.ru_stime.tv_usec) * 1000);
}

/* What it takes for the text beyond an empty one, for which it has to read
 * its words, too. */
static void
bench_grep(const char *words, const uint8_t *p, size_t len)
{
	char		 path[] = "/tmp/bench_match.XXXXXX";
	uint64_t	 empty, whole;
	unsigned int	 i;
	int		 fd;

	if ((fd = mkstemp(path)) == -1)
		err(1, "%s", path);
	empty = grep(words, "/dev/null");
	for (i = 0; i < GREP_TIMES; i++)
		if (write(fd, p, len) != (ssize_t)len)
			err(1, "%s", path);
	whole = grep(words, path);
	if (whole > empty)
		printf("%-28s %8zu bytes %26.0f MB/s, words %.0f ms\n",
		    "grep -iF", len, (double)len * GREP_TIMES * 1000 /
		    (double)(whole - empty), (double)empty / 1e6);
	else
		printf("grep -iF: not measured\n");
	close(fd);
	unlink(path);
}

int
main(int argc, char *argv[])
{
	static const char *const names[] = {
		"letters", "Chinese", "both", "digits only", "one letter",
		"combining marks", "zero-width spaces", "prose"
	};
	char		 words[] = "/tmp/bench_match.XXXXXX";
	struct match	*m;
	FILE		*list;
	uint8_t		*p;
	size_t		 len, i;
	int		 fd;

	if ((fd = mkstemp(words)) == -1 || (list = fdopen(fd, "w")) == NULL)
		err(1, "%s", words);
	if ((m = match_new(compile(argc > 1 ? (uint32_t)strtoul(argv[1],
	    NULL, 10) : 100000, list))) == NULL ||
	    (p = malloc(SIZE)) == NULL)
		err(1, "memory");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = fill(p, (int)i);
		bench(m, names[i], p, len);
	}
	bench_tre(p, len);
	fclose(list);
	bench_grep(words, p, len);
	unlink(words);
	len = fill(p, 0);
	bench(m, "letters, a small message", p, 4096);
	free(p);
	return (sum == 0);
}

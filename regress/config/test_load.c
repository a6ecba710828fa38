/* SPDX-License-Identifier: ISC */

/*
 * Loading a configuration: files that may not be read, ones that are too
 * much, memory that runs out, macros of the command line, a big one.
 *
 * With arguments, it does what mailwalld -n and -nv do, for t_golden.py:
 *
 *	test_load [-D name=value] file
 *
 * Exit status 0: valid and printed, 1: errors in the file, 2: wrong use.
 */

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "log.h"

#include "config.h"
#include "lex.h"
#include "../common/unit.h"

#define LISTEN	"listen redirect on 127.0.0.1 port 5000\n"

void		*__real_calloc(size_t, size_t);
void		*__wrap_calloc(size_t, size_t);
int		 __real_setrlimit(int, const struct rlimit *);
int		 __wrap_setrlimit(int, const struct rlimit *);

static int	 tool(int, char *[]);
static void	 write_file(const char *, const char *, mode_t);
static struct conf *load(const char *, int);
static int	 said(const char *);
static int	 refused(const char *, const char *);
static void	 test_files(void);
static void	 test_owner(void);
static void	 test_too_much(void);
static void	 test_macros(void);
static void	 test_define(void);
static void	 test_log(void);
static void	 test_memory(void);
static void	 test_big(void);
static void	 test_reload(void);

static char		 dir[] = "/tmp/mailwall-load.XXXXXX";
static char		 text[65536];	/* what was said, see load() */
static unsigned long	 countdown;	/* fail when it gets to 0 */

void *
__wrap_calloc(size_t n, size_t size)
{
	if (countdown != 0 && --countdown == 0) {
		errno = ENOMEM;
		return (NULL);
	}
	return (__real_calloc(n, size));
}

/* The sanitizer maps terabytes: where expressions are tried has no bound. */
int
__wrap_setrlimit(int resource, const struct rlimit *rl)
{
	return (resource == RLIMIT_AS ? 0 : __real_setrlimit(resource, rl));
}

static int
tool(int argc, char *argv[])
{
	struct conf	*conf;
	int		 ch;

	while ((ch = getopt(argc, argv, "D:")) != -1) {
		if (ch != 'D')
			return (2);
		if (config_define(optarg) == -1)
			err(2, "-D %s", optarg);
	}
	if (optind + 1 != argc)
		errx(2, "usage: test_load [-D name=value] file");
	if ((conf = config_load(argv[optind], 1)) == NULL)
		return (1);
	if (config_print(conf, stdout) == -1)
		err(2, "stdout");
	conf_unref(conf);
	return (0);
}

static void
write_file(const char *name, const char *content, mode_t mode)
{
	FILE	*f;

	if ((f = fopen(name, "w")) == NULL || fputs(content, f) == EOF ||
	    fclose(f) == EOF || chmod(name, mode) == -1)
		err(2, "%s", name);
}

/* Load, and keep what is written to standard error in text. */
static struct conf *
load(const char *name, int check)
{
	struct conf	*conf;
	ssize_t		 n;
	int		 fd, saved;

	fflush(stderr);
	fd = open("stderr", O_RDWR | O_CREAT | O_TRUNC, 0600);
	saved = dup(STDERR_FILENO);
	if (fd == -1 || saved == -1 || dup2(fd, STDERR_FILENO) == -1)
		err(2, "stderr");
	conf = config_load(name, check);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return (conf);
}

static int
said(const char *what)
{
	return (strstr(text, what) != NULL);
}

static int
refused(const char *name, const char *what)
{
	struct conf	*conf;

	conf = load(name, 1);
	conf_unref(conf);
	return (conf == NULL && said(what));
}

static void
test_files(void)
{
	int	 fd;

	write_file("ok", LISTEN, 0600);
	CASE("valid", !refused("ok", "") && text[0] == '\0');
	CASE("missing", refused("none", "none: No such file"));
	CASE("directory", refused(".", "not a regular file"));
	if (mkfifo("fifo", 0600) == -1)
		err(2, "mkfifo");
	CASE("fifo", refused("fifo", "not a regular file"));
	CASE("device", refused("/dev/zero", "not a regular file"));
	write_file("inc", LISTEN "include \"fifo\"\n", 0600);
	CASE("include-fifo", refused("inc", "inc:2:9: fifo: not a regular"));
	fd = open("large", O_RDWR | O_CREAT, 0600);
	if (fd == -1 || ftruncate(fd, LEX_FILE_MAX + 1) == -1)
		err(2, "large");
	close(fd);
	CASE("too-large", refused("large", "large: larger than"));
}

static void
test_owner(void)
{
	struct conf	*conf;

	if (geteuid() != 0) {
		CASE("owner-as-user", !refused("ok", ""));
		return;
	}
	write_file("mode", LISTEN, 0620);
	CASE("group-writable", refused("mode", "mode 0620"));
	write_file("mode", LISTEN, 0602);
	CASE("world-writable", refused("mode", "mode 0602"));
	write_file("mode", LISTEN, 0644);
	CASE("world-readable", !refused("mode", ""));
	write_file("owner", LISTEN, 0600);
	if (chown("owner", 12345, (gid_t)-1) == -1)
		err(2, "chown");
	CASE("other-owner", refused("owner", "owned by user 12345"));
	write_file("inc", "include \"owner\"\n", 0600);
	CASE("include-other-owner", refused("inc", "owned by user 12345"));
	write_file("inc", LISTEN "table t file \"owner\"\n", 0600);
	CASE("table-other-owner", refused("inc", "owned by user 12345"));
	/* Checking a file of someone else is not refused to a user. */
	if (chmod(".", 0755) == -1 || chmod("owner", 0644) == -1 ||
	    seteuid(54321) == -1)
		err(2, "seteuid");
	conf = config_load("owner", 1);
	CASE("check-as-user", conf != NULL);
	conf_unref(conf);
	if (seteuid(0) == -1)
		err(2, "seteuid");
}

static void
test_too_much(void)
{
	FILE	*f;
	int	 i;

	/* Sixteen files that each include the next one sixteen times. */
	for (i = 0; i < 6; i++) {
		char	 name[16];
		int	 j;

		snprintf(name, sizeof(name), "bomb%d", i);
		if ((f = fopen(name, "w")) == NULL)
			err(2, "%s", name);
		for (j = 0; j < 16; j++)
			fprintf(f, i < 5 ? "include \"bomb%d\"\n" : "", i + 1);
		fclose(f);
	}
	CASE("include-bomb", refused("bomb0", "more than 256 files"));

	if ((f = fopen("macros", "w")) == NULL)
		err(2, "macros");
	fprintf(f, "%sa = \"", LISTEN);
	for (i = 0; i < 800; i++)
		fprintf(f, "::/0 ");
	fprintf(f, "\"\ntable t {");
	for (i = 0; i < 100000; i++)
		fprintf(f, " $a\n");
	fprintf(f, "}\n");
	fclose(f);
	CASE("macro-bomb", refused("macros", "too much of it"));

	if ((f = fopen("many", "w")) == NULL)
		err(2, "many");
	for (i = 0; i < 300; i++)
		fprintf(f, "m%d = 1\n", i);
	fclose(f);
	CASE("many-macros", refused("many", "many:257:1: more than 256"));
}

static void
test_macros(void)
{
	struct conf	*conf;

	write_file("mac", "n = 3\nlisten redirect port $p\nworkers $n\n", 0600);
	CASE("macro-of-nobody", refused("mac", "no macro $p"));
	CASE("define", config_define("p=77") == 0 &&
	    config_define("n=4") == 0);
	conf = load("mac", 1);
	CASE("define-wins", conf != NULL && conf->g.proxies == 4 &&
	    TAILQ_FIRST(&conf->listeners)->w.addr.port == 77);
	conf_unref(conf);
	config_define("n=5");
	conf = load("mac", 1);
	CASE("define-again", conf != NULL && conf->g.proxies == 5);
	conf_unref(conf);
	write_file("mac", "n = 3\nn = 3\nlisten redirect port $p\n", 0600);
	CASE("define-and-twice", refused("mac", "mac:2:1: macro n is already "
	    "defined at mac:1"));
	config_define("p=1 {");
	CASE("define-error", refused("ok", "") == 0 &&
	    refused("mac", "in $p: unexpected \"{\""));
	config_define("p=77");
}

static void
test_define(void)
{
	char	*big;

	CASE("define-bad", config_define("") == -1 && errno == EINVAL &&
	    config_define("=") == -1 && config_define("x") == -1 &&
	    config_define("a b=1") == -1 && config_define("a=$b") == -1 &&
	    config_define("a=\n") == -1 && config_define("a/b=1") == -1);
	CASE("define-empty", config_define("empty=") == 0);
	big = malloc(LEX_VALUE_MAX + 16);
	if (big == NULL)
		err(2, NULL);
	memset(big, 'x', LEX_VALUE_MAX + 15);
	big[1] = '=';
	big[LEX_VALUE_MAX + 15] = '\0';
	CASE("define-long", config_define(big) == -1 && errno == EINVAL);
	free(big);
}

static void
test_log(void)
{
	write_file("bad", LISTEN "foo\n", 0600);
	CASE("to-stderr", load("bad", 1) == NULL &&
	    strncmp(text, "bad:2:1: ", 9) == 0);
	CASE("to-log", load("bad", 0) == NULL &&
	    strncmp(text, "mailwalld: bad:2:1: ", 20) == 0);
}

/*
 * Let each allocation fail in turn: an error or a fatal one, never a crash
 * and never a configuration.
 */
static void
test_memory(void)
{
	struct conf	*conf;
	unsigned long	 n;
	pid_t		 pid;
	int		 status, crashed, wrong;

	write_file("mem", "a = \"10.0.0.1\"\nb = $a \",\" $a\n"
	    "include \"ok\"\ntable t { $b }\ntable u file \"memnets\"\n"
	    "antivirus embedded { file size 1M }\nworkers 3\n"
	    "on connect block \"554 x\" from { 10.0.0.1 } to <t>\n"
	    "on message block virus \"x\" from <u>\n", 0600);
	write_file("memnets", "10.0.0.0/8\n!::1\n", 0600);
	crashed = wrong = 0;
	for (n = 1; n < 10000; n++) {
		fflush(NULL);
		if ((pid = fork()) == -1)
			err(2, "fork");
		if (pid == 0) {
			countdown = n;
			conf = load("mem", 1);
			if (countdown != 0)
				_exit(conf != NULL ? 100 : 101);
			_exit(conf != NULL ? 102 : said("memory") ? 1 : 103);
		}
		if (waitpid(pid, &status, 0) == -1)
			err(2, "waitpid");
		if (!WIFEXITED(status))
			crashed++;
		else if (WEXITSTATUS(status) == 100)
			break;
		else if (WEXITSTATUS(status) != 1)
			wrong++;
	}
	CASE("memory-no-crash", crashed == 0);
	CASE("memory-is-error", wrong == 0);
	CASE("memory-tried", n > 10 && n < 10000);
}

static void
test_big(void)
{
	struct conf	*conf;
	struct conf_facts facts;
	struct addr	 addr;
	FILE		*f;
	clock_t		 start;
	int		 i;

	if ((f = fopen("bignets", "w")) == NULL)
		err(2, "bignets");
	for (i = 0; i < CONF_NETS_MAX - 1; i++)
		fprintf(f, "10.%d.%d.%d/32 # %d\n", i >> 14, (i >> 7) & 127,
		    i & 127, i);
	fclose(f);
	if ((f = fopen("big", "w")) == NULL)
		err(2, "big");
	fprintf(f, LISTEN "table t file \"bignets\"\n");
	for (i = 0; i < CONF_RULES_MAX; i++)
		fprintf(f, "on message block \"554 %d\" virus \"name-%d\" "
		    "from <t> to 10.1.1.1\n", i, i);
	fclose(f);
	start = clock();
	conf = load("big", 1);
	start = clock() - start;
	CASE("big", conf != NULL && conf->nnets == CONF_NETS_MAX &&
	    conf->nrules == CONF_RULES_MAX && text[0] == '\0');
	/* Of the processor's time; far below a second without sanitizers. */
	CASE("big-quickly", start < 20 * CLOCKS_PER_SEC);
	if (conf == NULL)
		errx(1, "%s", text);
	memset(&facts, 0, sizeof(facts));
	addr_parse(&addr, "10.1.1.1");
	facts.source = facts.dest = &addr;
	facts.verdict = VERDICT_VIRUS;
	facts.virus = "name-19999";
	CASE("big-last-rule", strcmp(conf_match(conf, PHASE_MESSAGE,
	    &facts, NULL, NULL)->reply, "554 19999") == 0);
	conf_unref(conf);

	if ((f = fopen("big", "a")) == NULL)
		err(2, "big");
	fprintf(f, "on connect pass\non connect pass\n");
	fclose(f);
	CASE("rules-over-limit",
	    refused("big", "big:20003:1: more than 20000"));
	write_file("big", LISTEN "table t file \"bignets\"\n", 0600);
	if ((f = fopen("bignets", "a")) == NULL)
		err(2, "bignets");
	fprintf(f, "::1\n::2\n::3\n");
	fclose(f);
	CASE("nets-over-limit",
	    refused("big", "bignets:1200001:1: more than 1200000"));
}

static void
test_reload(void)
{
	struct conf	*conf, *old;
	int		 i, ok;

	old = load("ok", 1);
	ok = old != NULL;
	for (i = 0; i < 50; i++) {
		conf = load(i & 1 ? "mem" : "bad", 1);
		ok = ok && (conf != NULL) == (i & 1);
		conf_unref(conf);
	}
	CASE("reload", ok && old->nlisteners == 1 &&
	    TAILQ_FIRST(&old->listeners)->w.addr.port == 5000);
	conf_unref(old);
}

int
main(int argc, char *argv[])
{
	char	 command[64];

	log_init(LOG_TO_STDERR, "mailwalld", 0);
	if (argc > 1)
		return (tool(argc, argv));
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		err(2, "%s", dir);
	test_files();
	test_owner();
	test_too_much();
	test_macros();
	test_define();
	test_log();
	test_memory();
	test_big();
	test_reload();
	snprintf(command, sizeof(command), "%s", dir);
	if (chdir("/") == -1 || execl("/bin/sh", "sh", "-c",
	    unit_failed ? "rm -rf \"$0\"; exit 1" : "rm -rf \"$0\"", command,
	    (char *)NULL) == -1)
		err(2, "rm");
	return (1);
}

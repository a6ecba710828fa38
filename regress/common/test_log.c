/* SPDX-License-Identifier: ISC */

/*
 * The log: what the network can put into a line, and what it cannot.
 */

#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

#define ATOMIC	4096	/* PIPE_BUF: such a line is written at once */

static int	 quotes(const char *, const char *);
static void	 test_quote(void);
static void	 test_quote_cut(void);
static const char *written(void (*)(void));
static void	 write_warn(void);
static void	 write_warnx(void);
static void	 write_debug(void);
static void	 write_long(void);
static void	 write_line(void);
static void	 write_session(void);
static void	 write_tag(void);
static void	 test_pipe(void);
static void	 test_errno(void);
static void	 test_fatal(void);

static int
quotes(const char *text, const char *want)
{
	char	 buf[256];

	return (strcmp(log_quote(buf, sizeof(buf), text, strlen(text)),
	    want) == 0);
}

static void
test_quote(void)
{
	char	 buf[64];

	CASE("plain", quotes("user@example.com", "user@example.com") &&
	    quotes("<>", "<>") && quotes("%s%n", "%s%n"));
	CASE("empty", quotes("", "\"\""));
	CASE("blank", quotes("a b", "\"a b\"") && quotes("a=b", "\"a=b\""));
	CASE("tab", quotes("a\tb", "\"a\\x09b\""));
	CASE("quote", quotes("a\"b", "a\\x22b") &&
	    quotes("\" x=\"", "\"\\x22 x=\\x22\""));
	CASE("backslash", quotes("\\x0a", "\\x5cx0a"));
	CASE("newline", quotes("a\nb\r", "a\\x0ab\\x0d"));
	CASE("nul", strcmp(log_quote(buf, sizeof(buf), "a\0b", 3),
	    "a\\x00b") == 0);
	CASE("delete", quotes("\x7f\x1b[2J", "\\x7f\\x1b[2J"));
	CASE("utf8", quotes("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80",
	    "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"));
	CASE("utf8-overlong", quotes("\xc0\xaf", "\\xc0\\xaf") &&
	    quotes("\xe0\x80\xaf", "\\xe0\\x80\\xaf") &&
	    quotes("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"));
	CASE("utf8-surrogate", quotes("\xed\xa0\x80", "\\xed\\xa0\\x80"));
	CASE("utf8-beyond", quotes("\xf4\x90\x80\x80",
	    "\\xf4\\x90\\x80\\x80") && quotes("\xff", "\\xff"));
	CASE("utf8-c1", quotes("\xc2\x9b", "\\xc2\\x9b") &&
	    quotes("\xc2\xa0", "\xc2\xa0"));
	CASE("utf8-cut", quotes("\xe4\xb8", "\\xe4\\xb8") &&
	    quotes("\xe4\xb8z", "\\xe4\\xb8z"));
}

/* Whatever the size: terminated, cut with dots, quote closed. */
static void
test_quote_cut(void)
{
	static const char *const texts[] = {
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
		" \1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98"
		    "\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	};
	char	*buf;
	size_t	 i, size, n;
	int	 ok, dots;

	ok = dots = 1;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size = 1; size < 200; size++) {
			/* Allocated, so that a byte too many is seen. */
			if ((buf = malloc(size)) == NULL)
				err(2, NULL);
			log_quote(buf, size, texts[i], strlen(texts[i]));
			n = strlen(buf);
			ok &= n < size;
			if (n > 0 && buf[0] == '"')
				ok &= n > 1 && buf[n - 1] == '"';
			if (size >= 16 && size < 28)
				dots &= strstr(buf, "...") != NULL;
			free(buf);
		}
	}
	CASE("cut", ok);
	CASE("cut-dots", dots);
}

/* What a child that calls f() writes to its log pipe. */
static const char *
written(void (*f)(void))
{
	static char	 text[3 * LOG_LINE_MAX];
	ssize_t		 n;
	size_t		 len;
	pid_t		 pid;
	int		 fd[2];

	fflush(NULL);
	if (pipe(fd) == -1 || (pid = fork()) == -1)
		err(2, "fork");
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		log_init(LOG_TO_PIPE, "child", 0);
		f();
		_exit(0);
	}
	close(fd[1]);
	for (len = 0; (n = read(fd[0], text + len, sizeof(text) - 1 - len)) >
	    0; len += (size_t)n)
		continue;
	text[len] = '\0';
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return (text);
}

static void
write_warn(void)
{
	errno = ENOENT;
	log_warn("%s", "open");
}

static void
write_warnx(void)
{
	log_warnx("plain");
	log_info("info");
}

static void
write_debug(void)
{
	log_debug("no");
	log_setverbose(1);
	log_debug("yes %d", log_getverbose());
}

static void
write_long(void)
{
	char	 text[LOG_LINE_MAX * 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_warnx("%s", text);
}

static void
write_line(void)
{
	log_line(LOG_ERR, "proxy[1]", "a\nb\0c\x1b", 6);
}

static void
write_session(void)
{
	log_session(LOG_INFO, "0123 x=1\n", 9);
}

static void
write_tag(void)
{
	char	 text[2 * LOG_LINE_MAX];

	memset(text, '\1', sizeof(text));
	log_line(LOG_ERR, "0123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789", text, sizeof(text));
}

static void
test_pipe(void)
{
	const char	*s;

	s = written(write_warn);
	CASE("warn", strcmp(s, "<4>open: No such file or directory\n") == 0);
	s = written(write_warnx);
	CASE("warnx-info", strcmp(s, "<4>plain\n<6>info\n") == 0);
	s = written(write_debug);
	CASE("debug", strcmp(s, "<7>yes 1\n") == 0);
	s = written(write_long);
	CASE("long", strlen(s) <= LOG_LINE_MAX + 64 &&
	    strlen(s) <= ATOMIC && s[strlen(s) - 1] == '\n' &&
	    strchr(s, '\n') == s + strlen(s) - 1 &&
	    strcmp(s + strlen(s) - 4, "...\n") == 0);
	s = written(write_line);
	CASE("line", strcmp(s, "<3>proxy[1]: a\\x0ab\\x00c\\x1b\n") == 0);
	s = written(write_session);
	CASE("session", strcmp(s, "<6>0123 x=1\\x0a\n") == 0);
	s = written(write_tag);
	CASE("line-long", strlen(s) <= ATOMIC &&
	    s[strlen(s) - 1] == '\n' && strchr(s, '\1') == NULL &&
	    strncmp(s + 3 + 64, ": \\x01", 6) == 0);
}

static void
test_errno(void)
{
	log_init(LOG_TO_SYSLOG, "test_log", 0);
	errno = EXDEV;
	log_warn("regress: not an error");
	CASE("warn-keeps-errno", errno == EXDEV);
}

static void
test_fatal(void)
{
	pid_t	 pid;
	int	 status;

	fflush(NULL);
	if ((pid = fork()) == -1)
		err(2, "fork");
	if (pid == 0) {
		close(STDERR_FILENO);
		fatalx("bye");
	}
	waitpid(pid, &status, 0);
	CASE("fatal", WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int
main(void)
{
	test_quote();
	test_quote_cut();
	test_pipe();
	test_errno();
	test_fatal();
	return (unit_failed);
}

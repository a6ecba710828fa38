/* SPDX-License-Identifier: ISC */

/*
 * mailwallctl: what an operator sees and does.  Each command is one request
 * to the store, over a socket that master has made for those who may.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/string.h>

#include "ctl.h"
#include "log.h"

#define BLOCKED		"blocked"	/* the table of block and unblock */

static const char	*socket_path = RUNDIR "/control";
static int		 json;
static uint64_t		 now;

static const struct column status_columns[] = {
	{ "process", "PROCESS", KIND_TEXT, 0 },
	{ "pid", "PID", KIND_NUMBER, 0 },
	{ "state", "STATE", KIND_TEXT, 0 },
	{ "seconds", "RUNNING", KIND_SECONDS, 0 },
	{ "deaths", "DEATHS", KIND_NUMBER, 0 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, stats_columns[] = {
	{ "name", "NAME", KIND_TEXT, 0 },
	{ "value", "VALUE", KIND_NUMBER, 0 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, session_columns[] = {
	{ "session", "SESSION", KIND_TEXT, 0 },
	{ "client", "CLIENT", KIND_TEXT, 1 },
	{ "dest", "SERVER", KIND_TEXT, 1 },
	{ "state", "STATE", KIND_TEXT, 0 },
	{ "seconds", "AGE", KIND_SECONDS, 0 },
	{ "messages", "MSGS", KIND_NUMBER, 0 },
	{ "bytes", "SIZE", KIND_BYTES, 0 },
	{ "helo", "HELO", KIND_TEXT, 1 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, log_columns[] = {
	{ "time", "TIME", KIND_TIME_MS, 0 },
	{ "session", "SESSION", KIND_TEXT, 0 },
	{ "client", "CLIENT", KIND_TEXT, 1 },
	{ "verdict", "VERDICT", KIND_TEXT, 0 },
	{ "action", "ACTION", KIND_TEXT, 0 },
	{ "rule", "RULE", KIND_NUMBER, 0 },
	{ "size", "SIZE", KIND_BYTES, 0 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ "to", "TO", KIND_TEXT, 1 },
	{ "subject", "SUBJECT", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, quarantine_columns[] = {
	{ "number", "NUMBER", KIND_NUMBER, 0 },
	{ "time", "TIME", KIND_TIME_MS, 0 },
	{ "state", "STATE", KIND_TEXT, 0 },
	{ "size", "SIZE", KIND_BYTES, 0 },
	{ "verdict", "VERDICT", KIND_TEXT, 0 },
	{ "rule", "RULE", KIND_NUMBER, 0 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ "to", "TO", KIND_TEXT, 1 },
	{ "subject", "SUBJECT", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, outbox_columns[] = {
	{ "number", "NUMBER", KIND_NUMBER, 0 },
	{ "kind", "KIND", KIND_TEXT, 0 },
	{ "state", "STATE", KIND_TEXT, 0 },
	{ "time", "TIME", KIND_TIME, 0 },
	{ "next", "NEXT", KIND_TIME, 0 },
	{ "tries", "TRIES", KIND_NUMBER, 0 },
	{ "size", "SIZE", KIND_BYTES, 0 },
	{ "to", "TO", KIND_TEXT, 1 },
	{ "server", "SERVER", KIND_TEXT, 0 },
	{ "reply", "LAST REPLY", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, table_columns[] = {
	{ "table", "TABLE", KIND_TEXT, 0 },
	{ "members", "MEMBERS", KIND_NUMBER, 0 },
	{ "size", "AT MOST", KIND_NUMBER, 0 },
	{ "expire", "EXPIRE", KIND_SECONDS, 0 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, member_columns[] = {
	{ "key", "KEY", KIND_TEXT, 1 },
	{ "added", "ADDED", KIND_TIME, 0 },
	{ "expires", "EXPIRES", KIND_TIME, 0 },
	{ "why", "WHY", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
}, send_columns[] = {
	{ "accepted", "ACCEPTED", KIND_NUMBER, 0 },
	{ "code", "CODE", KIND_NUMBER, 0 },
	{ "reply", "REPLY", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
};

static void	 usage(FILE *, int) __attribute__((__noreturn__));
static void	 keep(void *, const struct row *);
static int	 finish(const struct msg_ctl_end *);
static int	 run(const struct msg_ctl *, const struct column *);
static uint64_t	 number(const char *, int);
static void	 option(struct msg_ctl *, const char *, const char *);
static void	 options(struct msg_ctl *, int, char **);
static void	 member_key(char *, size_t);
static void	 set_key(struct msg_ctl *, const char *);
static void	 set_table(struct msg_ctl *, const char *);
static int	 cmd_simple(uint32_t, int, const struct column *);
static int	 cmd_list(uint32_t, int, char **, const struct column *);
static int	 cmd_detail(uint32_t, const char *, int);
static int	 cmd_save(uint32_t, const char *, const char *);
static int	 cmd_quarantine(int, char **);
static int	 cmd_outbox(int, char **);
static int	 cmd_table(int, char **);
static int	 cmd_block(int, char **, int);
static int	 cmd_report(int, char **);
static int	 cmd_top(int, char **);

static void
usage(FILE *f, int status)
{
	fputs("usage: mailwallctl [-j] [-s socket] command\n"
	    "  status | stats | sessions | top | metrics | reload | version\n"
	    "  verbose on|off\n"
	    "  log [--from TIME] [--to TIME] [--match TEXT] [--limit N]\n"
	    "  trace SESSION\n"
	    "  quarantine list [--from TIME] [--to TIME] [--match TEXT] "
	    "[--limit N]\n"
	    "  quarantine show|release|delete NUMBER\n"
	    "  quarantine forward NUMBER ADDRESS | save NUMBER FILE\n"
	    "  outbox list [--limit N] | show|delete NUMBER | "
	    "retry NUMBER|all\n"
	    "  outbox save NUMBER FILE\n"
	    "  table list | show TABLE | flush TABLE | reload TABLE\n"
	    "  table add TABLE KEY [DURATION] | delete TABLE KEY\n"
	    "  block KEY [DURATION] | unblock KEY\n"
	    "  report [--from TIME] [--to TIME]\n"
	    "  explain --source ADDRESS [--destination ADDRESS] "
	    "[--listener NAME]\n"
	    "      [--helo NAME] [--authenticated] [--tls] [--from PATH] "
	    "[--to PATH ...]\n"
	    "      [--time TIME] [FILE]\n"
	    "TIME: 2h (ago), 2026-11-26, \"2026-11-26 19:00\", @seconds\n", f);
	exit(status);
}

static void
keep(void *arg, const struct row *r)
{
	rows_add(arg, r->data, r->len);
}

/* What was refused is said on the standard error. */
static int
finish(const struct msg_ctl_end *end)
{
	if (fflush(stdout) != 0)
		err(CTL_REFUSED, "stdout");
	if (end->error == 0)
		return (CTL_OK);
	warnx("%s", end->text[0] != '\0' ? end->text :
	    strerror((int)end->error));
	return (CTL_REFUSED);
}

/* A request whose rows are shown as a table, or as JSON. */
static int
run(const struct msg_ctl *req, const struct column *col)
{
	struct connection	 c;
	struct msg_ctl_end	 end;
	struct rows		 rows;

	memset(&rows, 0, sizeof(rows));
	ctl_connect(&c, socket_path);
	ctl_ask(&c, req, keep, &rows, &end);
	if (json && (end.error == 0 || rows.n > 0))
		print_json(stdout, &rows);
	else if (rows.n > 0 && col != NULL)
		print_table(stdout, &rows, col,
		    terminal_width(STDOUT_FILENO));
	else if (end.error == 0 && col == NULL && end.text[0] != '\0')
		printf("%s\n", end.text);
	rows_free(&rows);
	return (finish(&end));
}

static uint64_t
number(const char *text, int base)
{
	unsigned long long	 n;
	char			*end;

	errno = 0;
	n = strtoull(text, &end, base);
	if (text[0] == '-' || text[0] == '\0' || errno != 0 || *end != '\0')
		errx(CTL_USAGE, "not a number: %s", text);
	return (n);
}

/*
 * As proxies look for it: in small letters, and addresses in their one form.
 * Who blocks a network with a table of addresses would block nobody.
 */
static void
member_key(char *key, size_t size)
{
	struct sockaddr_storage	 ss;
	struct addr_net		 net;
	size_t			 i;

	for (i = 0; key[i] != '\0'; i++)
		if (key[i] >= 'A' && key[i] <= 'Z')
			key[i] += 'a' - 'A';
	if (addr_parse_net(&net, key) == -1)
		return;
	if (strchr(key, '/') != NULL)
		errx(CTL_USAGE, "a network cannot be a member: %s", key);
	/* One that is IPv4-mapped becomes IPv4. */
	addr_to_sockaddr(&net.addr, &ss);
	addr_from_sockaddr(&net.addr, (struct sockaddr *)&ss);
	addr_ip(&net.addr, key, size);
}

static void
set_key(struct msg_ctl *req, const char *key)
{
	if (strlcpy(req->key, key, sizeof(req->key)) >= sizeof(req->key))
		errx(CTL_USAGE, "too long: %s", key);
	if (req->command == CTL_TABLE_ADD || req->command == CTL_TABLE_DELETE)
		member_key(req->key, sizeof(req->key));
}

static void
set_table(struct msg_ctl *req, const char *table)
{
	size_t	 len;

	len = strlen(table);
	/* As the configuration writes it, too. */
	if (len > 2 && table[0] == '<' && table[len - 1] == '>') {
		table++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(req->table))
		errx(CTL_USAGE, "not a name of a table: %s", table);
	memcpy(req->table, table, len);
}

static void
option(struct msg_ctl *req, const char *name, const char *value)
{
	uint64_t	 n;

	if (strcmp(name, "--from") == 0) {
		if (time_parse(value, now, &req->from) == -1)
			errx(CTL_USAGE, "not a time: %s", value);
	} else if (strcmp(name, "--to") == 0) {
		if (time_parse(value, now, &req->until) == -1)
			errx(CTL_USAGE, "not a time: %s", value);
	} else if (strcmp(name, "--match") == 0)
		set_key(req, value);
	else if (strcmp(name, "--limit") == 0) {
		n = number(value, 10);
		req->limit = n < CTL_ROWS_MAX ? (uint32_t)n : CTL_ROWS_MAX;
	} else
		errx(CTL_USAGE, "unknown option %s", name);
}

/* "--name value" or "--name=value". */
static void
options(struct msg_ctl *req, int argc, char *argv[])
{
	char	*value;
	int	 i;

	for (i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			usage(stderr, CTL_USAGE);
		if ((value = strchr(argv[i], '=')) != NULL)
			*value++ = '\0';
		else if (i + 1 < argc)
			value = argv[++i];
		else
			errx(CTL_USAGE, "%s needs a value", argv[i]);
		option(req, value == argv[i] ? argv[i - 1] : argv[i], value);
	}
}

static int
cmd_simple(uint32_t command, int argc, const struct column *col)
{
	struct msg_ctl	 req;

	if (argc != 0)
		usage(stderr, CTL_USAGE);
	memset(&req, 0, sizeof(req));
	req.command = command;
	req.limit = CTL_ROWS_MAX;
	return (run(&req, col));
}

static int
cmd_list(uint32_t command, int argc, char *argv[], const struct column *col)
{
	struct msg_ctl	 req;

	memset(&req, 0, sizeof(req));
	req.command = command;
	options(&req, argc, argv);
	return (run(&req, col));
}

/* All about one message or session, one value a line. */
static int
cmd_detail(uint32_t command, const char *arg, int base)
{
	struct connection	 c;
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;
	struct rows		 rows;
	size_t			 i;

	memset(&rows, 0, sizeof(rows));
	memset(&req, 0, sizeof(req));
	req.command = command;
	/* As the log has it. */
	if (command == CTL_TRACE && strncmp(arg, "s=", 2) == 0)
		arg += 2;
	req.number = number(arg, base);
	ctl_connect(&c, socket_path);
	ctl_ask(&c, &req, keep, &rows, &end);
	if (json)
		print_json(stdout, &rows);
	else
		for (i = 0; i < rows.n; i++) {
			if (i > 0 && row_get(&rows.row[i], "session") != NULL)
				putchar('\n');
			print_row(stdout, &rows.row[i]);
		}
	rows_free(&rows);
	if (c.mail != -1)
		close(c.mail);
	if (end.error == 0 && end.text[0] != '\0')
		warnx("%s", end.text);
	return (finish(&end));
}

/* The message itself, as it came; "-" is the standard output. */
static int
cmd_save(uint32_t command, const char *arg, const char *path)
{
	struct connection	 c;
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;
	char			 buf[65536];
	uint64_t		 left;
	ssize_t			 n;
	FILE			*f;
	int			 fd;

	memset(&req, 0, sizeof(req));
	req.command = command;
	req.number = number(arg, 10);
	ctl_connect(&c, socket_path);
	ctl_ask(&c, &req, NULL, NULL, &end);
	if (end.error != 0 || c.mail == -1)
		return (finish(&end));
	f = stdout;
	if (strcmp(path, "-") != 0) {
		/* It may be a virus: for its owner's eyes, and no other. */
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
		if (fd == -1 || (f = fdopen(fd, "w")) == NULL)
			err(CTL_REFUSED, "%s", path);
	}
	for (left = c.mail_size; left > 0; left -= (uint64_t)n) {
		n = read(c.mail, buf, left < sizeof(buf) ? (size_t)left :
		    sizeof(buf));
		if (n <= 0) {
			warnx("the message is not whole");
			break;
		}
		if (fwrite(buf, 1, (size_t)n, f) != (size_t)n) {
			warn("%s", path);
			break;
		}
	}
	close(c.mail);
	if (left == 0) {
		if (fflush(f) == 0 && (f == stdout || fclose(f) == 0))
			return (CTL_OK);
		warn("%s", path);
	}
	/* Half of a message is none. */
	if (f != stdout)
		unlink(path);
	return (CTL_REFUSED);
}

static int
cmd_quarantine(int argc, char *argv[])
{
	struct msg_ctl	 req;

	if (argc == 0)
		usage(stderr, CTL_USAGE);
	if (strcmp(argv[0], "list") == 0)
		return (cmd_list(CTL_QUARANTINE_LIST, argc - 1, argv + 1,
		    quarantine_columns));
	if (strcmp(argv[0], "show") == 0 && argc == 2)
		return (cmd_detail(CTL_QUARANTINE_SHOW, argv[1], 10));
	if (strcmp(argv[0], "save") == 0 && argc == 3)
		return (cmd_save(CTL_QUARANTINE_SHOW, argv[1], argv[2]));
	memset(&req, 0, sizeof(req));
	if (strcmp(argv[0], "delete") == 0 && argc == 2)
		req.command = CTL_QUARANTINE_DELETE;
	else if ((strcmp(argv[0], "release") == 0 && argc == 2) ||
	    (strcmp(argv[0], "forward") == 0 && argc == 3))
		req.command = CTL_QUARANTINE_RELEASE;
	else
		usage(stderr, CTL_USAGE);
	req.number = number(argv[1], 10);
	if (argc == 3)
		set_key(&req, argv[2]);
	return (run(&req, req.command == CTL_QUARANTINE_RELEASE ?
	    send_columns : NULL));
}

static int
cmd_outbox(int argc, char *argv[])
{
	struct msg_ctl	 req;

	if (argc == 0)
		usage(stderr, CTL_USAGE);
	if (strcmp(argv[0], "list") == 0)
		return (cmd_list(CTL_OUTBOX_LIST, argc - 1, argv + 1,
		    outbox_columns));
	if (strcmp(argv[0], "show") == 0 && argc == 2)
		return (cmd_detail(CTL_OUTBOX_SHOW, argv[1], 10));
	if (strcmp(argv[0], "save") == 0 && argc == 3)
		return (cmd_save(CTL_OUTBOX_SHOW, argv[1], argv[2]));
	memset(&req, 0, sizeof(req));
	if (strcmp(argv[0], "delete") == 0 && argc == 2)
		req.command = CTL_OUTBOX_DELETE;
	else if (strcmp(argv[0], "retry") == 0 && argc == 2)
		req.command = CTL_OUTBOX_RETRY;
	else
		usage(stderr, CTL_USAGE);
	if (req.command == CTL_OUTBOX_DELETE || strcmp(argv[1], "all") != 0) {
		req.number = number(argv[1], 10);
		/* Which the store takes for all of them. */
		if (req.number == 0)
			errx(CTL_REFUSED, "no such message in the outbox");
	}
	return (run(&req, NULL));
}

static int
cmd_table(int argc, char *argv[])
{
	struct msg_ctl	 req;
	uint64_t	 seconds;

	if (argc == 0)
		usage(stderr, CTL_USAGE);
	if (strcmp(argv[0], "list") == 0)
		return (cmd_simple(CTL_TABLES, argc - 1, table_columns));
	memset(&req, 0, sizeof(req));
	if (argc == 2 && strcmp(argv[0], "show") == 0)
		req.command = CTL_TABLE_SHOW;
	else if (argc == 2 && strcmp(argv[0], "flush") == 0)
		req.command = CTL_TABLE_FLUSH;
	else if (argc == 2 && strcmp(argv[0], "reload") == 0)
		req.command = CTL_RELOAD;
	else if ((argc == 3 || argc == 4) && strcmp(argv[0], "add") == 0)
		req.command = CTL_TABLE_ADD;
	else if (argc == 3 && strcmp(argv[0], "delete") == 0)
		req.command = CTL_TABLE_DELETE;
	else
		usage(stderr, CTL_USAGE);
	req.limit = CTL_ROWS_MAX;
	set_table(&req, argv[1]);
	if (argc > 2)
		set_key(&req, argv[2]);
	if (argc == 4) {
		if (duration_parse(argv[3], &seconds) == -1 || seconds == 0)
			errx(CTL_USAGE, "not a duration: %s", argv[3]);
		req.until = now + seconds;
	}
	return (run(&req, req.command == CTL_TABLE_SHOW ? member_columns :
	    NULL));
}

/* Short for the table that is named so. */
static int
cmd_block(int argc, char *argv[], int add)
{
	static char	 verbs[2][8] = { "delete", "add" };
	static char	 name[] = BLOCKED;
	char		*args[4];

	if (argc < 1 || argc > (add ? 2 : 1))
		usage(stderr, CTL_USAGE);
	args[0] = verbs[add];
	args[1] = name;
	args[2] = argv[0];
	args[3] = argc == 2 ? argv[1] : NULL;
	if (cmd_table(2 + argc, args) == CTL_OK)
		return (CTL_OK);
	warnx("it needs \"table " BLOCKED " dynamic\" in mailwall.conf, and "
	    "a rule such as \"on connect block source <" BLOCKED ">\"");
	return (CTL_REFUSED);
}

static int
cmd_report(int argc, char *argv[])
{
	struct connection	 c;
	struct msg_ctl		 req;

	memset(&req, 0, sizeof(req));
	req.from = now - 86400;
	req.until = now;
	options(&req, argc, argv);
	if (req.from >= req.until)
		errx(CTL_USAGE, "--from must be before --to");
	ctl_connect(&c, socket_path);
	return (report(&c, req.from, req.until, stdout));
}

static int
cmd_top(int argc, char *argv[])
{
	struct connection	 c;
	unsigned int		 rounds;

	rounds = 0;
	if (argc == 1)
		rounds = (unsigned int)number(argv[0], 10);
	else if (argc != 0)
		usage(stderr, CTL_USAGE);
	ctl_connect(&c, socket_path);
	return (top(&c, rounds));
}

static int
dispatch(int argc, char *argv[])
{
	struct connection	 c;
	struct msg_ctl		 req;
	const char		*cmd;

	cmd = argv[0];
	argc--;
	argv++;
	if (strcmp(cmd, "status") == 0)
		return (cmd_simple(CTL_STATUS, argc, status_columns));
	if (strcmp(cmd, "stats") == 0)
		return (cmd_simple(CTL_STATS, argc, stats_columns));
	if (strcmp(cmd, "sessions") == 0)
		return (cmd_simple(CTL_SESSIONS, argc, session_columns));
	if (strcmp(cmd, "reload") == 0)
		return (cmd_simple(CTL_RELOAD, argc, NULL));
	if (strcmp(cmd, "log") == 0)
		return (cmd_list(CTL_LOG, argc, argv, log_columns));
	if (strcmp(cmd, "trace") == 0 && argc == 1)
		return (cmd_detail(CTL_TRACE, argv[0], 16));
	if (strcmp(cmd, "quarantine") == 0)
		return (cmd_quarantine(argc, argv));
	if (strcmp(cmd, "outbox") == 0)
		return (cmd_outbox(argc, argv));
	if (strcmp(cmd, "table") == 0)
		return (cmd_table(argc, argv));
	if (strcmp(cmd, "block") == 0 || strcmp(cmd, "unblock") == 0)
		return (cmd_block(argc, argv, cmd[0] == 'b'));
	if (strcmp(cmd, "report") == 0)
		return (cmd_report(argc, argv));
	if (strcmp(cmd, "explain") == 0)
		return (explain(socket_path, argc, argv, now, json));
	if (strcmp(cmd, "metrics") == 0 && argc == 0) {
		ctl_connect(&c, socket_path);
		return (metrics(&c, stdout));
	}
	if (strcmp(cmd, "top") == 0)
		return (cmd_top(argc, argv));
	if (strcmp(cmd, "verbose") == 0 && argc == 1 &&
	    (strcmp(argv[0], "on") == 0 || strcmp(argv[0], "off") == 0)) {
		memset(&req, 0, sizeof(req));
		req.command = CTL_VERBOSE;
		req.number = strcmp(argv[0], "on") == 0;
		return (run(&req, NULL));
	}
	if (strcmp(cmd, "version") == 0 && argc == 0) {
		printf("mailwallctl %s\n", VERSION);
		return (CTL_OK);
	}
	usage(stderr, CTL_USAGE);
}

int
main(int argc, char *argv[])
{
	int	 ch, i;

	/* Widths of characters; messages stay as they are. */
	if (setlocale(LC_CTYPE, "") == NULL ||
	    strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	/* For any other terminal parts of our characters may be controls. */
	else if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C");
	log_init(LOG_TO_STDERR, "mailwallctl", 0);
	now = (uint64_t)time(NULL);
	/* --json may stand anywhere, as people write it. */
	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0) {
			json = 1;
			memmove(&argv[i], &argv[i + 1],
			    (size_t)(argc - i) * sizeof(*argv));
			argc--;
			i--;
		}
	while ((ch = getopt(argc, argv, "+hjs:")) != -1) {
		switch (ch) {
		case 'h':
			usage(stdout, CTL_OK);
		case 'j':
			json = 1;
			break;
		case 's':
			socket_path = optarg;
			break;
		default:
			usage(stderr, CTL_USAGE);
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		usage(stderr, CTL_USAGE);
	return (dispatch(argc, argv));
}

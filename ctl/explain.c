/* SPDX-License-Identifier: ISC */

/*
 * What would become of a message: the question, and the answer as people read
 * it.  The message goes over as a sealed memfd, with the line ends that a
 * client would send it with.
 */

#include <sys/mman.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "ctl.h"

#define INDENT	"  "

static void	 set_addr(struct addr *, const char *);
static void	 set_text(char *, size_t, const char *);
static void	 set_path(char *, size_t, const char *);
static void	 add_rcpt(struct msg_explain *, const char *);
static void	 option(struct msg_explain *, const char *, const char *,
		    uint64_t);
static int	 new_memfd(void);
static void	 put(int, const char *, size_t);
static int	 with_crlf(int, uint64_t *);
static int	 load(const char *, uint64_t *);
static void	 keep(void *, const struct row *);
static void	 print_fact(const struct row *);
static void	 print_rule(const struct row *);
static void	 print_decision(const struct row *);
static int	 is_set(const struct row *, const char *);
static void	 plain_row(struct row *);
static void	 print_rows(const struct rows *);
static int	 passes(const struct rows *);

static void
set_addr(struct addr *a, const char *text)
{
	struct sockaddr_storage	 ss;

	if (addr_parse(a, text) == -1)
		errx(CTL_USAGE, "not an address: %s", text);
	/* One that is IPv4-mapped becomes IPv4. */
	addr_to_sockaddr(a, &ss);
	addr_from_sockaddr(a, (struct sockaddr *)&ss);
}

static void
set_text(char *dst, size_t size, const char *text)
{
	if (strlcpy(dst, text, size) >= size)
		errx(CTL_USAGE, "too long: %s", text);
}

/* With its brackets or without. */
static void
set_path(char *dst, size_t size, const char *path)
{
	size_t	 len;

	len = strlen(path);
	if (len >= 2 && path[0] == '<' && path[len - 1] == '>') {
		path++;
		len -= 2;
	}
	if (len >= size)
		errx(CTL_USAGE, "too long: %s", path);
	memcpy(dst, path, len);
	dst[len] = '\0';
}

static void
add_rcpt(struct msg_explain *m, const char *path)
{
	set_path(m->rcpt + m->rcpt_len, sizeof(m->rcpt) - m->rcpt_len, path);
	m->rcpt_len += (uint32_t)strlen(m->rcpt + m->rcpt_len) + 1;
	m->nrcpt++;
	if (m->rcpt_len == sizeof(m->rcpt) || m->nrcpt == SMTP_RCPT_MAX)
		errx(CTL_USAGE, "too many recipients");
}

static void
option(struct msg_explain *m, const char *name, const char *value,
    uint64_t now)
{
	if (strcmp(name, "--source") == 0)
		set_addr(&m->source, value);
	else if (strcmp(name, "--destination") == 0)
		set_addr(&m->dest, value);
	else if (strcmp(name, "--listener") == 0)
		set_text(m->listener, sizeof(m->listener), value);
	else if (strcmp(name, "--helo") == 0) {
		set_text(m->helo, sizeof(m->helo), value);
		m->flags |= EXPLAIN_HELO;
	} else if (strcmp(name, "--from") == 0) {
		set_path(m->from, sizeof(m->from), value);
		m->flags |= EXPLAIN_FROM;
	} else if (strcmp(name, "--to") == 0)
		add_rcpt(m, value);
	else if (strcmp(name, "--time") == 0) {
		if (time_parse(value, now, &m->time) == -1)
			errx(CTL_USAGE, "not a time: %s", value);
	} else
		errx(CTL_USAGE, "unknown option %s", name);
}

static int
new_memfd(void)
{
	int	 fd;

	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		err(CTL_USAGE, "memfd_create");
	return (fd);
}

static void
put(int fd, const char *data, size_t len)
{
	ssize_t	 n;

	for (; len > 0; len -= (size_t)n, data += n)
		if ((n = write(fd, data, len)) <= 0)
			err(CTL_USAGE, "message");
}

/*
 * A file of this system has LF at the end of its lines, and a client sends
 * CRLF.  One that has CRLF anywhere is taken as it is, faults and all.
 */
static int
with_crlf(int fd, uint64_t *size)
{
	const char	*p, *lf;
	size_t		 off, n;
	int		 new;

	if (*size == 0)
		return (fd);
	p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err(CTL_USAGE, "mmap");
	new = fd;
	if (memmem(p, *size, "\r\n", 2) == NULL &&
	    memchr(p, '\n', *size) != NULL) {
		new = new_memfd();
		for (off = 0; off < *size; off += n) {
			lf = memchr(p + off, '\n', *size - off);
			n = lf == NULL ? *size - off :
			    (size_t)(lf - (p + off));
			put(new, p + off, n);
			if (lf != NULL) {
				put(new, "\r\n", 2);
				n++;
			}
		}
	}
	munmap((void *)(uintptr_t)p, *size);
	if (new != fd) {
		close(fd);
		*size = (uint64_t)lseek(new, 0, SEEK_END);
	}
	return (new);
}

/* The message, sealed; "-" is the standard input. */
static int
load(const char *path, uint64_t *size)
{
	char	 buf[65536];
	ssize_t	 n;
	int	 in, fd;

	in = STDIN_FILENO;
	if (strcmp(path, "-") != 0 &&
	    (in = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(CTL_USAGE, "%s", path);
	fd = new_memfd();
	*size = 0;
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		*size += (uint64_t)n;
		if (*size > MAX_MESSAGE_SIZE)
			errx(CTL_USAGE, "%s: too big for any message", path);
		put(fd, buf, (size_t)n);
	}
	if (n == -1)
		err(CTL_USAGE, "%s", path);
	if (in != STDIN_FILENO)
		close(in);
	fd = with_crlf(fd, size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW) == -1)
		err(CTL_USAGE, "message");
	return (fd);
}

static void
keep(void *arg, const struct row *r)
{
	rows_add(arg, r->data, r->len);
}

static int
is_set(const struct row *r, const char *name)
{
	const char	*value;

	value = row_get(r, name);
	return (value != NULL && strcmp(value, "0") != 0 &&
	    value[0] != '\0');
}

/* The first value is what it is; the others say more of it. */
static void
print_fact(const struct row *r)
{
	const char	*at, *name, *value;
	unsigned int	 i;

	at = NULL;
	for (i = 0; row_next(r, &at, &name, &value); i++)
		if (i == 0)
			printf(INDENT "%-14s", value);
		else if (i == 1)
			printf(" %s", value);
		else if (value[0] != '\0')
			printf("  %s=%s", name, value);
	putchar('\n');
}

static void
print_rule(const struct row *r)
{
	const char	*action, *points, *why;

	action = row_get(r, "action");
	points = row_get(r, "points");
	why = row_get(r, "because");
	printf(INDENT "line %-5s %s%s%s%s", row_get(r, "rule"),
	    is_set(r, "tried") ? "mark " : "", action == NULL ? "" : action,
	    points == NULL ? "" : " ", points == NULL ? "" : points);
	if (is_set(r, "matches"))
		puts(": matches");
	else
		printf(": does not match: %s\n", why == NULL ? "" : why);
}

static void
print_decision(const struct row *r)
{
	static const char *const	 more[] = {
		"reply", "add", "tag", "header", "disclaimer", "mail",
		"recipient",
	};
	const char			*value;
	size_t				 i;

	printf(INDENT "=> %s%s%s%s", is_set(r, "quarantine") ?
	    "quarantine, " : "", row_get(r, "decision"), is_set(r, "strip") ?
	    ", strip and judge again" : "", is_set(r, "disconnect") ?
	    ", disconnect" : "");
	if (is_set(r, "rule"))
		printf(" by line %s", row_get(r, "rule"));
	if (is_set(r, "points"))
		printf(", %s points", row_get(r, "points"));
	putchar('\n');
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		value = row_get(r, more[i]);
		if (value != NULL && value[0] != '\0')
			printf(INDENT "   %s: %s\n", more[i], value);
	}
}

/*
 * Nothing of a message may steer the terminal.  Strings that get shorter move
 * together: what is left behind one would be another.
 */
static void
plain_row(struct row *r)
{
	char	*p, *to;
	size_t	 n, left;

	to = p = r->data;
	for (left = r->len; left > 0; left -= n, p += n) {
		n = strlen(p) + 1;
		make_plain(p);
		memmove(to, p, strlen(p) + 1);
		to += strlen(to) + 1;
	}
	r->len = (size_t)(to - r->data);
}

static void
print_rows(const struct rows *rows)
{
	const char	*phase, *last;
	struct row	*r;
	size_t		 i;

	last = "";
	for (i = 0; i < rows->n; i++) {
		r = &rows->row[i];
		plain_row(r);
		phase = row_get(r, "phase");
		if (phase != NULL && strcmp(phase, last) != 0)
			printf("%s\n", last = phase);
		if (phase == NULL)
			print_fact(r);
		else if (row_get(r, "decision") != NULL)
			print_decision(r);
		else
			print_rule(r);
	}
}

/* Would all of it reach its server? */
static int
passes(const struct rows *rows)
{
	const char	*decision;
	size_t		 i;
	int		 n;

	n = 0;
	for (i = 0; i < rows->n; i++) {
		decision = row_get(&rows->row[i], "decision");
		if (decision == NULL)
			continue;
		n++;
		if (strcmp(decision, "pass") != 0 ||
		    is_set(&rows->row[i], "quarantine") ||
		    is_set(&rows->row[i], "strip"))
			return (0);
	}
	return (n > 0);
}

int
explain(const char *socket_path, int argc, char *argv[], uint64_t now,
    int json)
{
	struct connection	 c;
	struct msg_explain	 m;
	struct msg_ctl_end	 end;
	struct rows		 rows;
	const char		*file;
	char			*value, *name;
	int			 i, fd, status;

	memset(&m, 0, sizeof(m));
	memset(&rows, 0, sizeof(rows));
	file = NULL;
	for (i = 0; i < argc; i++) {
		name = argv[i];
		if (strcmp(name, "--authenticated") == 0)
			m.flags |= EXPLAIN_AUTH;
		else if (strcmp(name, "--tls") == 0)
			m.flags |= EXPLAIN_TLS;
		else if (strncmp(name, "--", 2) != 0) {
			if (file != NULL)
				errx(CTL_USAGE, "one message at a time");
			file = name;
		} else {
			if ((value = strchr(name, '=')) != NULL)
				*value++ = '\0';
			else if ((value = argv[++i]) == NULL)
				errx(CTL_USAGE, "%s needs a value", name);
			option(&m, name, value, now);
		}
	}
	if (m.source.family == 0)
		errx(CTL_USAGE, "--source is needed: who would send it");
	fd = -1;
	if (file != NULL) {
		fd = load(file, &m.size);
		m.flags |= EXPLAIN_MAIL;
	}
	ctl_connect(&c, socket_path);
	ctl_explain(&c, &m, fd, keep, &rows, &end);
	if (end.error != 0) {
		warnx("%s", end.text[0] != '\0' ? end.text :
		    strerror((int)end.error));
		return (CTL_USAGE);
	}
	status = passes(&rows) ? CTL_OK : CTL_REFUSED;
	if (json)
		print_json(stdout, &rows);
	else
		print_rows(&rows);
	rows_free(&rows);
	if (fflush(stdout) != 0)
		err(CTL_USAGE, "stdout");
	return (status);
}

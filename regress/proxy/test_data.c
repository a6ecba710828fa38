/* SPDX-License-Identifier: ISC */

/*
 * data.c: where a message ends, and what is in the spool then.
 *
 * Every form of an end that some server has ever taken for one is sent, cut
 * in two at every byte, and byte by byte; each must be read as either the
 * true end or a fault.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define ANY	99	/* which fault comes first is not promised */

struct result {
	int		 ended;
	size_t		 used;
	enum data_fault	 fault;
	uint64_t	 size;
	size_t		 len;		/* in the spool */
	char		 data[4096];
};

static void		 feed(struct session *, const char *, size_t, size_t,
			    size_t, struct result *);
static const char	*differs(const struct result *, size_t, int,
			    const char *, size_t);
static void		 run_form(size_t);
static void		 run_good(size_t);
static void		 test_size(void);
static void		 test_budget(void);
static void		 test_io(void);
static void		 test_seal(void);
static void		 test_two(void);

/* Between "a" and "b CRLF . CRLF". */
static const struct {
	const char	*name;
	const char	*form;
	size_t		 len;
	int		 fault;
	size_t		 end;		/* in the form; 0: not there */
} forms[] = {
	{ "LF.LF", LIT("\n.\n"), DATA_BARE_LF, 0 },
	{ "LF.CRLF", LIT("\n.\r\n"), DATA_BARE_LF, 0 },
	{ "CRLF.LF", LIT("\r\n.\n"), DATA_BARE_LF, 0 },
	{ "CR.CR", LIT("\r.\r"), DATA_BARE_CR, 0 },
	{ "CR.CRLF", LIT("\r.\r\n"), DATA_BARE_CR, 0 },
	{ "CRLF.CR", LIT("\r\n.\r"), DATA_BARE_CR, 0 },
	{ "LF.CR", LIT("\n.\r"), DATA_BARE_LF, 0 },
	{ "CR.LF", LIT("\r.\n"), DATA_BARE_CR, 0 },
	{ "CRLF.CRCRLF", LIT("\r\n.\r\r\n"), DATA_BARE_CR, 0 },
	{ "CRLF.CRCR", LIT("\r\n.\r\r"), DATA_BARE_CR, 0 },
	{ "CRCRLF.CRCRLF", LIT("\r\r\n.\r\r\n"), DATA_BARE_CR, 0 },
	{ "CRCRLF.LF", LIT("\r\r\n.\n"), DATA_BARE_CR, 0 },
	{ "CRLFLF.CRLF", LIT("\r\n\n.\r\n"), DATA_BARE_LF, 0 },
	{ "CRLFCR.CRLF", LIT("\r\n\r.\r\n"), DATA_BARE_CR, 0 },
	{ "LFCR.CRLF", LIT("\n\r.\r\n"), DATA_BARE_LF, 0 },
	{ "LFLF.LFLF", LIT("\n\n.\n\n"), DATA_BARE_LF, 0 },
	{ "CRLF-NUL-.CRLF", LIT("\r\n\0.\r\n"), DATA_NUL, 0 },
	{ "CRLF.NUL-CRLF", LIT("\r\n.\0\r\n"), DATA_NUL, 0 },
	{ "CR-NUL-LF.CRLF", LIT("\r\0\n.\r\n"), ANY, 0 },
	{ "CRLF.CR-NUL-LF", LIT("\r\n.\r\0\n"), ANY, 0 },
	{ "NUL", LIT("\0"), DATA_NUL, 0 },
	{ "CR", LIT("\r"), DATA_BARE_CR, 0 },
	{ "LF", LIT("\n"), DATA_BARE_LF, 0 },
	{ "CRCR", LIT("\r\r"), DATA_BARE_CR, 0 },
	{ "LFCR", LIT("\n\r"), DATA_BARE_LF, 0 },
	{ "CRLF..LF", LIT("\r\n..\n"), DATA_BARE_LF, 0 },
	{ "CRLF..CRCRLF", LIT("\r\n..\r\r\n"), DATA_BARE_CR, 0 },
	/* The true end is inside these; it ends all, fault or not. */
	{ "CRLF.CRLF", LIT("\r\n.\r\n"), DATA_OK, 5 },
	{ "CRCRLF.CRLF", LIT("\r\r\n.\r\n"), DATA_BARE_CR, 6 },
	{ "LFCRLF.CRLF", LIT("\n\r\n.\r\n"), DATA_BARE_LF, 6 },
	{ "NUL-CRLF.CRLF", LIT("\0\r\n.\r\n"), DATA_NUL, 6 },
	{ "CRLF.CRCRLF.CRLF", LIT("\r\n.\r\r\n.\r\n"), DATA_BARE_CR, 9 },
	{ "CRLF.CRLF.CRLF", LIT("\r\n.\r\n.\r\n"), DATA_OK, 5 },
	{ "CRLFCRLF.CRLF", LIT("\r\n\r\n.\r\n"), DATA_OK, 7 },
};

/* Whole messages without a fault: wire and what is read of it. */
static const struct {
	const char	*name;
	const char	*wire;
	size_t		 wirelen;
	const char	*data;
	size_t		 len;
} goods[] = {
	{ "empty", LIT(".\r\n"), LIT("") },
	{ "one-empty-line", LIT("\r\n.\r\n"), LIT("\r\n") },
	{ "one-line", LIT("a\r\n.\r\n"), LIT("a\r\n") },
	{ "stuffed-dot", LIT("..\r\n.\r\n"), LIT(".\r\n") },
	{ "stuffed-two-dots", LIT("...\r\n.\r\n"), LIT("..\r\n") },
	{ "stuffed-text", LIT("..a\r\n..b\r\n.\r\n"), LIT(".a\r\n.b\r\n") },
	/* A sender that does not stuff loses its dot, as everywhere. */
	{ "unstuffed-text", LIT(".a\r\n.\r\n"), LIT("a\r\n") },
	{ "dot-blank", LIT(". \r\n.\r\n"), LIT(" \r\n") },
	{ "dot-inside", LIT("a.\r\n.b.\r\n.\r\n"), LIT("a.\r\nb.\r\n") },
	{ "dots-and-empty-lines", LIT("\r\n..\r\n\r\n..\r\n.\r\n"),
	    LIT("\r\n.\r\n\r\n.\r\n") },
	{ "8-bit", LIT("\x80\xff\x85\r\n.\r\n"), LIT("\x80\xff\x85\r\n") },
	{ "controls", LIT("\x0b\x0c\x1a\x04\r\n.\r\n"),
	    LIT("\x0b\x0c\x1a\x04\r\n") },
	{ "looks-like-commands", LIT("QUIT\r\nDATA\r\n.\r\n"),
	    LIT("QUIT\r\nDATA\r\n") },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* In pieces: first bytes, then step at a time. */
static void
feed(struct session *s, const char *wire, size_t len, size_t first,
    size_t step, struct result *r)
{
	struct message	*m;
	uint8_t		*piece;
	size_t		 off, n, used;
	ssize_t		 got;

	memset(r, 0, sizeof(*r));
	s->msg = m = data_begin();
	if (m == NULL)
		abort();
	for (off = 0, n = first; off < len && !r->ended; off += used) {
		if (n == 0 || n > len - off)
			n = len - off;
		piece = unit_exact(wire + off, n);
		used = 0;
		r->ended = data_input(s, piece, n, &used);
		free(piece);
		if (used > n || (!r->ended && used != n))
			abort();
		n = step;
	}
	r->used = off;
	r->fault = m->fault;
	r->size = m->size;
	got = pread(m->fd, r->data, sizeof(r->data), 0);
	if (got == -1)
		abort();
	r->len = (size_t)got;
	/* The budget knows exactly what is kept. */
	if (proxy.spool_used != m->charged || m->charged != r->len)
		r->ended = -1;
	data_free(m);
	s->msg = NULL;
	if (proxy.spool_used != 0)
		r->ended = -2;
}

static const char *
differs(const struct result *r, size_t used, int fault, const char *data,
    size_t len)
{
	static char	 why[512];

	if (r->ended < 0)
		snprintf(why, sizeof(why), "budget is wrong (%d)", r->ended);
	else if (!r->ended)
		snprintf(why, sizeof(why), "no end is seen");
	else if (r->used != used)
		snprintf(why, sizeof(why), "ends at %zu, not %zu", r->used,
		    used);
	else if (fault == ANY ? r->fault == DATA_OK :
	    (int)r->fault != fault)
		snprintf(why, sizeof(why), "fault %d, not %d", r->fault,
		    fault);
	else if (fault != DATA_OK && r->len != 0)
		snprintf(why, sizeof(why), "%zu bytes kept", r->len);
	else if (fault == DATA_OK && (r->len != len || r->size != len ||
	    memcmp(r->data, data, len) != 0))
		snprintf(why, sizeof(why), "%s (size %llu), not %s",
		    unit_show(r->data, r->len), (unsigned long long)r->size,
		    unit_show(data, len));
	else
		return (NULL);
	return (why);
}

static void
run_form(size_t i)
{
	static const char	 tail[] = "b\r\n.\r\nMAIL FROM:<x@y>\r\n";
	struct session		*s;
	struct result		 r;
	const char		*why;
	char			 wire[128], name[64];
	size_t			 len, k, used, kept;

	s = unit_session();
	wire[0] = 'a';
	memcpy(wire + 1, forms[i].form, forms[i].len);
	len = 1 + forms[i].len;
	used = forms[i].end != 0 ? 1 + forms[i].end : len + 6;
	/* Without a fault the forms above keep "a" and the line ends. */
	kept = forms[i].end != 0 ? used - 3 : 0;
	memcpy(wire + len, tail, sizeof(tail) - 1);
	len += sizeof(tail) - 1;

	snprintf(name, sizeof(name), "end %s", forms[i].name);
	why = NULL;
	for (k = 0; k < len && why == NULL; k++) {
		feed(s, wire, len, k, 0, &r);
		why = differs(&r, used, forms[i].fault, wire, kept);
	}
	unit_case(name, why == NULL ? NULL : "cut at %zu: %s", k - 1, why);

	snprintf(name, sizeof(name), "end %s in small pieces", forms[i].name);
	why = NULL;
	for (k = 1; k <= 4 && why == NULL; k++) {
		feed(s, wire, len, k, k, &r);
		why = differs(&r, used, forms[i].fault, wire, kept);
	}
	unit_case(name, why == NULL ? NULL : "of %zu: %s", k - 1, why);
	unit_session_free(s);
}

static void
run_good(size_t i)
{
	struct session	*s;
	struct result	 r;
	const char	*why;
	char		 name[64];
	size_t		 first, step;

	s = unit_session();
	why = NULL;
	for (first = 0; first <= goods[i].wirelen && why == NULL; first++)
		for (step = 0; step <= 3 && why == NULL; step++) {
			feed(s, goods[i].wire, goods[i].wirelen, first, step,
			    &r);
			why = differs(&r, goods[i].wirelen, DATA_OK,
			    goods[i].data, goods[i].len);
		}
	snprintf(name, sizeof(name), "message %s", goods[i].name);
	unit_case(name, why == NULL ? NULL : "%s", why);
	unit_session_free(s);
}

/* The limit counts what is kept, so not the dots that are taken out. */
static void
test_size(void)
{
	static const char	 wire[] = "..23456\r\n..\r\n.\r\nRSET\r\n";
	static const char	 data[] = ".23456\r\n.\r\n";
	struct session		*s;
	struct result		 r;
	const char		*why;
	char			 name[64];
	size_t			 max, len;

	s = unit_session();
	len = sizeof(data) - 1;
	for (max = len + 1; max >= len - 2; max--) {
		s->conf->g.message_max = max;
		feed(s, wire, sizeof(wire) - 1, 0, 0, &r);
		why = differs(&r, sizeof(wire) - 1 - 6,
		    len > max ? DATA_TOO_BIG : DATA_OK, data, len);
		if (why == NULL && r.size != len)
			why = "size does not count on";
		if (why == NULL) {
			feed(s, wire, sizeof(wire) - 1, 1, 1, &r);
			why = differs(&r, sizeof(wire) - 1 - 6,
			    len > max ? DATA_TOO_BIG : DATA_OK, data, len);
		}
		snprintf(name, sizeof(name), "size %zu of %zu", len, max);
		unit_case(name, why == NULL ? NULL : "%s", why);
	}
	unit_session_free(s);
}

/* What all messages of this process keep is bounded, and given back. */
static void
test_budget(void)
{
	struct session	*s;
	struct message	*other;
	struct result	 r;
	size_t		 used;
	const char	*why;

	s = unit_session();
	proxy.spool_max = 10;
	s->msg = other = data_begin();
	if (other == NULL ||
	    data_input(s, (const uint8_t *)"123456", 6, &used) != 0)
		abort();
	unit_case("budget is charged", proxy.spool_used == 6 &&
	    other->charged == 6 ? NULL : "%llu used",
	    (unsigned long long)proxy.spool_used);

	s->msg = data_begin();
	if (s->msg == NULL)
		abort();
	unit_case("budget exhausted", data_input(s,
	    (const uint8_t *)"123\r\n.\r\nQUIT", 12, &used) == 1 &&
	    used == 8 && s->msg->fault == DATA_NO_SPACE &&
	    s->msg->charged == 0 && proxy.spool_used == 6 ? NULL :
	    "fault %d, %llu used", s->msg->fault,
	    (unsigned long long)proxy.spool_used);
	data_free(s->msg);

	s->msg = data_begin();
	if (s->msg == NULL)
		abort();
	unit_case("budget exactly used", data_input(s,
	    (const uint8_t *)"12\r\n.\r\n", 7, &used) == 1 &&
	    s->msg->fault == DATA_OK && proxy.spool_used == 10 ? NULL :
	    "fault %d, %llu used", s->msg->fault,
	    (unsigned long long)proxy.spool_used);
	data_free(s->msg);
	data_free(other);
	s->msg = NULL;
	unit_case("budget is given back", proxy.spool_used == 0 ? NULL :
	    "%llu used", (unsigned long long)proxy.spool_used);

	/* A fault gives all back at once, and the message is read on. */
	proxy.spool_max = 100;
	feed(s, "12345678\r\n\n..\r\n.\r\n", 18, 0, 0, &r);
	why = differs(&r, 18, DATA_BARE_LF, "", 0);
	unit_case("budget after a fault", why == NULL ? NULL : "%s", why);
	unit_session_free(s);
}

/* A spool that takes no more: never a message cut short. */
static void
test_io(void)
{
	struct rlimit	 old, rl;
	struct session	*s;
	struct result	 r;
	const char	*why;
	int		 null, err;

	s = unit_session();
	/* What is logged may go to a file, too. */
	if ((null = open("/dev/null", O_WRONLY)) == -1 ||
	    (err = dup(STDERR_FILENO)) == -1 ||
	    dup2(null, STDERR_FILENO) == -1)
		abort();
	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_FSIZE, &old) == -1)
		abort();
	rl = old;
	rl.rlim_cur = 5;
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		abort();
	feed(s, "1234567\r\n.\r\nQUIT", 16, 0, 0, &r);
	if (setrlimit(RLIMIT_FSIZE, &old) == -1)
		abort();
	dup2(err, STDERR_FILENO);
	close(err);
	close(null);
	why = differs(&r, 12, DATA_IO, "", 0);
	unit_case("spool is full", why == NULL ? NULL : "%s", why);
	unit_session_free(s);
}

/* After the dot nobody can change it, however hard he tries. */
static void
test_seal(void)
{
	struct session	*s;
	struct message	*m;
	struct stat	 sb;
	size_t		 used;
	int		 seals;

	s = unit_session();
	s->msg = m = data_begin();
	if (m == NULL || data_input(s, (const uint8_t *)"x\r\n.\r\n", 6,
	    &used) != 1)
		abort();
	unit_case("seal", data_seal(m) == 0 ? NULL : "%s", strerror(errno));
	seals = fcntl(m->fd, F_GET_SEALS);
	unit_case("seals", (seals & (F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL)) == (F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) ? NULL : "%#x", seals);
	unit_case("sealed: write", write(m->fd, "y", 1) == -1 ? NULL :
	    "possible");
	unit_case("sealed: truncate", ftruncate(m->fd, 0) == -1 ? NULL :
	    "possible");
	unit_case("sealed: size", fstat(m->fd, &sb) == 0 &&
	    sb.st_size == 3 ? NULL : "%lld", (long long)sb.st_size);
	unit_case("descriptor is closed on exec",
	    fcntl(m->fd, F_GETFD) & FD_CLOEXEC ? NULL : "no");
	unit_session_free(s);
}

/* Two messages and commands in one segment: each stops at its end. */
static void
test_two(void)
{
	static const char	 wire[] = "a\r\n.\r\nRSET\r\nb\r\n.\r\n";
	struct session		*s;
	struct result		 r1, r2;
	const char		*why;

	s = unit_session();
	feed(s, wire, sizeof(wire) - 1, 0, 0, &r1);
	why = differs(&r1, 6, DATA_OK, "a\r\n", 3);
	if (why == NULL) {
		feed(s, wire + 12, sizeof(wire) - 13, 0, 0, &r2);
		why = differs(&r2, 6, DATA_OK, "b\r\n", 3);
	}
	unit_case("two messages in one segment", why == NULL ? NULL : "%s",
	    why);
	unit_session_free(s);
}

int
main(void)
{
	size_t	 i;

	log_init(LOG_TO_STDERR, "test_data", 0);
	for (i = 0; i < N(forms); i++)
		run_form(i);
	for (i = 0; i < N(goods); i++)
		run_good(i);
	test_size();
	test_budget();
	test_io();
	test_seal();
	test_two();
	return (unit_status());
}

/* SPDX-License-Identifier: ISC */

/*
 * edit.c: where a field and a tag go, for headers of many shapes; that all
 * else stays, the old message too when there is no room for a new one.
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

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static struct session	*message(const char *, size_t);
static char		*content(const struct session *);
static const char	*state(const struct session *);
static void		 run(const char *, const char *, const char *,
			    const char *, const char *, int);
static void		 run_shapes(void);
static void		 run_tags(void);
static void		 run_long(void);
static void		 run_signed(void);
static void		 run_big(void);
static void		 run_failures(void);
static unsigned int	 mappings(void);

/* A session with this message, sealed. */
static struct session *
message(const char *text, size_t len)
{
	struct session	*s;

	s = unit_session();
	s->conf->g.message_max = proxy.spool_max = 64 * MIB;
	if ((s->msg = data_begin()) == NULL ||
	    write(s->msg->fd, text, len) != (ssize_t)len ||
	    data_seal(s->msg) == -1)
		abort();
	s->msg->size = s->msg->charged = len;
	proxy.spool_used += len;
	return (s);
}

/* What the message is now; free(3). */
static char *
content(const struct session *s)
{
	char	*p;

	if ((p = malloc(s->msg->size + 1)) == NULL ||
	    pread(s->msg->fd, p, s->msg->size + 1, 0) !=
	    (ssize_t)s->msg->size)
		abort();
	p[s->msg->size] = '\0';
	return (p);
}

/* Is all as it must be with a message, whatever is in it?  NULL: yes. */
static const char *
state(const struct session *s)
{
	struct stat	 st;

	if (fstat(s->msg->fd, &st) == -1 ||
	    (uint64_t)st.st_size != s->msg->size)
		return ("another size");
	/* There may be one more, against being executed. */
	if ((fcntl(s->msg->fd, F_GET_SEALS) & SEALS) != SEALS)
		return ("not sealed");
	if (fcntl(s->msg->fd, F_GETFD) != FD_CLOEXEC)
		return ("not closed on exec");
	if (s->msg->charged != s->msg->size ||
	    proxy.spool_used != s->msg->size)
		return ("charged wrongly");
	return (NULL);
}

/* text becomes want, and stays so when it is tagged again. */
static void
run(const char *name, const char *text, const char *tag, const char *header,
    const char *want, int breaks)
{
	struct session	*s;
	const char	*why;
	char		*got;
	int		 b, i;

	s = message(text, strlen(text));
	for (i = 0; i < 2; i++) {
		b = -1;
		if (edit_message(s, tag, i == 0 ? header : "", &b) == -1) {
			unit_case(name, "%s", strerror(errno));
			break;
		}
		got = content(s);
		if ((why = state(s)) != NULL)
			unit_case(name, "%s", why);
		else if (strcmp(got, want) != 0)
			unit_case(name, "%s: %s", i == 0 ? "once" : "twice",
			    unit_show(got, strlen(got)));
		else if (b != (i == 0 ? breaks : 0))
			unit_case(name, "breaks %d", b);
		else
			why = "";
		free(got);
		if (why == NULL || why[0] != '\0')
			break;
	}
	if (i == 2)
		unit_case(name, NULL);
	unit_session_free(s);
}

static const struct {
	const char	*name, *text, *want;	/* with "[x] " */
} shapes[] = {
	{ "plain", "Subject: hello\r\n\r\nbody\r\n",
	    "Subject: [x] hello\r\n\r\nbody\r\n" },
	{ "in the middle", "A: b\r\nSubject: hello\r\nC: d\r\n\r\nx\r\n",
	    "A: b\r\nSubject: [x] hello\r\nC: d\r\n\r\nx\r\n" },
	{ "an empty message", "", "Subject: [x]\r\n" },
	{ "only a header", "Subject: hello\r\n", "Subject: [x] hello\r\n" },
	{ "only a header, without an end", "Subject: hello",
	    "Subject: [x] hello" },
	{ "only a name", "Subject:", "Subject: [x]" },
	{ "no header", "\r\nbody\r\n", "Subject: [x]\r\n\r\nbody\r\n" },
	{ "only an empty line", "\r\n", "Subject: [x]\r\n\r\n" },
	{ "no subject", "A: b\r\n\r\nbody\r\n",
	    "Subject: [x]\r\nA: b\r\n\r\nbody\r\n" },
	{ "bare subject", "Subject:\r\nA: b\r\n\r\n",
	    "Subject: [x]\r\nA: b\r\n\r\n" },
	{ "bare subject and a space", "Subject: \r\n\r\n",
	    "Subject: [x]\r\n\r\n" },
	{ "bare subject and spaces", "Subject: \t \r\n\r\n",
	    "Subject: \t [x]\r\n\r\n" },
	{ "no space", "Subject:hello\r\n\r\n", "Subject: [x] hello\r\n\r\n" },
	{ "a tab", "Subject:\thello\r\n\r\n", "Subject:\t[x] hello\r\n\r\n" },
	{ "two spaces", "Subject:  hello\r\n\r\n",
	    "Subject: [x]  hello\r\n\r\n" },
	{ "small letters", "subject: hello\r\n\r\n",
	    "subject: [x] hello\r\n\r\n" },
	{ "capitals", "SUBJECT: hello\r\n\r\n",
	    "SUBJECT: [x] hello\r\n\r\n" },
	{ "space before the colon", "Subject \t: hello\r\n\r\n",
	    "Subject \t: [x] hello\r\n\r\n" },
	{ "folded", "Subject: hello\r\n world\r\n\tagain\r\nA: b\r\n\r\n",
	    "Subject: [x] hello\r\n world\r\n\tagain\r\nA: b\r\n\r\n" },
	{ "folded at once", "Subject:\r\n hello\r\n\r\n",
	    "Subject: [x]\r\n hello\r\n\r\n" },
	{ "folded after spaces", "Subject:  \r\n hello\r\n\r\n",
	    "Subject:  [x]\r\n hello\r\n\r\n" },
	{ "folded twice with nothing", "Subject:\r\n \r\n hello\r\n\r\n",
	    "Subject: [x]\r\n \r\n hello\r\n\r\n" },
	{ "behind a blank line of a field",
	    "A: b\r\n \t\r\n c\r\nSubject: hello\r\n\r\n",
	    "A: b\r\n \t\r\n c\r\nSubject: [x] hello\r\n\r\n" },
	{ "several", "Subject: one\r\nSubject: two\r\n\r\n",
	    "Subject: [x] one\r\nSubject: two\r\n\r\n" },
	{ "several, the second has it",
	    "Subject: one\r\nSubject: [x] two\r\n\r\n",
	    "Subject: [x] one\r\nSubject: [x] two\r\n\r\n" },
	{ "in the body only", "A: b\r\n\r\nSubject: hello\r\n",
	    "Subject: [x]\r\nA: b\r\n\r\nSubject: hello\r\n" },
	{ "in a part only", "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n--b\r\nSubject: part\r\n\r\n--b--\r\n",
	    "Subject: [x]\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n--b\r\nSubject: part\r\n\r\n--b--\r\n" },
	{ "inside of another name", "X-Subject: a\r\nSubjects: b\r\n\r\n",
	    "Subject: [x]\r\nX-Subject: a\r\nSubjects: b\r\n\r\n" },
	{ "inside of another field", "A: b\r\n Subject: c\r\n\r\n",
	    "Subject: [x]\r\nA: b\r\n Subject: c\r\n\r\n" },
	{ "behind a bare LF", "A: b\nSubject: c\r\n\r\n",
	    "Subject: [x]\r\nA: b\nSubject: c\r\n\r\n" },
	{ "text at once", "Hello, world\r\nSubject: c\r\n\r\n",
	    "Subject: [x]\r\n\r\nHello, world\r\nSubject: c\r\n\r\n" },
	{ "space at once", " A: b\r\nSubject: c\r\n\r\n",
	    "Subject: [x]\r\n\r\n A: b\r\nSubject: c\r\n\r\n" },
	{ "behind a line that is no field", "A: b\r\nhello\r\n"
	    "Subject: c\r\n\r\n", "Subject: [x]\r\nA: b\r\nhello\r\n"
	    "Subject: c\r\n\r\n" },
	{ "a line of a mailbox", "From a@b Mon\r\nA: b\r\n\r\n",
	    "From a@b Mon\r\nSubject: [x]\r\nA: b\r\n\r\n" },
	{ "a line of a mailbox, and a subject",
	    ">From a@b Mon\r\nSubject: c\r\n\r\n",
	    ">From a@b Mon\r\nSubject: [x] c\r\n\r\n" },
	{ "nothing but a line of a mailbox", "From a@b Mon\r\n",
	    "Subject: [x]\r\n\r\nFrom a@b Mon\r\n" },
	{ "has it", "Subject: [x] hello\r\n\r\n",
	    "Subject: [x] hello\r\n\r\n" },
	{ "has it without space", "Subject:[x]hello\r\n\r\n",
	    "Subject:[x]hello\r\n\r\n" },
	{ "has it and nothing else", "Subject: [x]\r\n\r\n",
	    "Subject: [x]\r\n\r\n" },
	{ "has it folded", "Subject:\r\n\t[x]\r\n hello\r\n\r\n",
	    "Subject:\r\n\t[x]\r\n hello\r\n\r\n" },
	{ "has it further on", "Subject: hello [x]\r\n\r\n",
	    "Subject: [x] hello [x]\r\n\r\n" },
	{ "has half of it", "Subject: [x\r\n\r\n",
	    "Subject: [x] [x\r\n\r\n" },
	{ "half of it at the end", "Subject: [x", "Subject: [x] [x" },
	{ "raw UTF-8", "Subject: h\xc3\xa4llo\r\n\r\n",
	    "Subject: [x] h\xc3\xa4llo\r\n\r\n" },
	{ "an encoded word", "Subject: =?UTF-8?Q?hello?=\r\n\r\n",
	    "Subject: [x] =?UTF-8?Q?hello?=\r\n\r\n" },
};

static void
run_shapes(void)
{
	char	 want[512];
	size_t	 i, mbox;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		run(shapes[i].name, shapes[i].text, "[x] ", "",
		    shapes[i].want, 0);
	/* The field is above all of that. */
	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		mbox = strstr(shapes[i].want, "From a@b Mon\r\n") ==
		    shapes[i].want ? 14 :
		    strstr(shapes[i].want, ">From ") == shapes[i].want ? 15 :
		    0;
		snprintf(want, sizeof(want), "%.*sX-Checked: yes\r\n%s",
		    (int)mbox, shapes[i].want, shapes[i].want + mbox);
		run("the same and a field", shapes[i].text, "[x] ",
		    "X-Checked: yes", want, 0);
	}
	run("only a field", "A: b\r\n\r\n", "", "X-Checked: yes",
	    "X-Checked: yes\r\nA: b\r\n\r\n", 0);
	run("only a field, of nothing", "", "", "X-Checked: yes",
	    "X-Checked: yes\r\n", 0);
	run("only a field, before text", "text\r\n", "", "X-Checked: yes",
	    "X-Checked: yes\r\n\r\ntext\r\n", 0);
	run("nothing to do", "Subject: a\r\n\r\n", "", "",
	    "Subject: a\r\n\r\n", 0);
	run("a tag of nothing", "Subject: a\r\n\r\n", "  ", "",
	    "Subject: a\r\n\r\n", 0);
}

static void
run_tags(void)
{
	run("no space in the tag", "Subject: a\r\n\r\n", "[x]", "",
	    "Subject: [x]a\r\n\r\n", 0);
	run("no space, before an encoded word", "Subject: =?a?q?b?=\r\n\r\n",
	    "[x]", "", "Subject: [x] =?a?q?b?=\r\n\r\n", 0);
	run("spaces in the tag", "Subject: a\r\n\r\n", " very  bad ", "",
	    "Subject: very  bad a\r\n\r\n", 0);
	run("spaces in the tag, folded by others",
	    "Subject: very\r\n bad a\r\n\r\n", "very bad ", "",
	    "Subject: very\r\n bad a\r\n\r\n", 0);
	run("UTF-8", "Subject: a\r\n\r\n", "\xc3\xa4 ", "",
	    "Subject: =?UTF-8?B?w6Q=?= a\r\n\r\n", 0);
	run("UTF-8, no subject", "A: b\r\n\r\n", "\xc3\xa4 ", "",
	    "Subject: =?UTF-8?B?w6Q=?=\r\nA: b\r\n\r\n", 0);
	run("UTF-8, bare subject", "Subject:\r\n\r\n", "\xc3\xa4 ", "",
	    "Subject: =?UTF-8?B?w6Q=?=\r\n\r\n", 0);
	run("UTF-8, raw subject", "Subject: \xc3\xa4\r\n\r\n", "\xc3\xa4 ",
	    "", "Subject: \xc3\xa4\r\n\r\n", 0);
	run("UTF-8, another raw subject", "Subject: \xc3\xb6\r\n\r\n",
	    "\xc3\xa4 ", "", "Subject: =?UTF-8?B?w6Q=?= \xc3\xb6\r\n\r\n", 0);
	run("UTF-8, an encoded subject: the space is inside",
	    "Subject: =?a?q?b?=\r\n\r\n", "\xc3\xa4 ", "",
	    "Subject: =?UTF-8?B?w6Qg?= =?a?q?b?=\r\n\r\n", 0);
	run("UTF-8, an encoded subject in the next line",
	    "Subject:\r\n =?a?q?b?=\r\n\r\n", "\xc3\xa4 ", "",
	    "Subject: =?UTF-8?B?w6Qg?=\r\n =?a?q?b?=\r\n\r\n", 0);
	run("UTF-8, has it", "Subject: =?UTF-8?B?w6Q=?=\r\n a\r\n\r\n",
	    "\xc3\xa4 ", "", "Subject: =?UTF-8?B?w6Q=?=\r\n a\r\n\r\n", 0);
	run("no UTF-8", "Subject: a\r\n\r\n", "\xe4 ", "",
	    "Subject: ? a\r\n\r\n", 0);
	run("what would be an encoded word", "Subject: a\r\n\r\n",
	    "=?x?q?y?= ", "", "Subject: =?UTF-8?B?PT94P3E/eT89?= a\r\n\r\n",
	    0);
	/* 21 characters of 3 bytes: 13 fit one word. */
	run("two words", "Subject: a\r\n\r\n",
	    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
	    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
	    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
	    "", "Subject: =?UTF-8?B?4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs"
	    "4oKs4oKs4oKs?=\r\n =?UTF-8?B?4oKs4oKs?= a\r\n\r\n", 0);
}

/* Lines that would be too long, and some that were before. */
static void
run_long(void)
{
	static char	 text[4096], want[4096];
	char		 pad[2048];

	memset(pad, 'y', sizeof(pad));
	/* "Subject: " and 985 are 994; with the tag just 998. */
	snprintf(text, sizeof(text), "Subject: %.985s\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: [x] %.985s\r\n\r\n", pad);
	run("a line of 998", text, "[x] ", "", want, 0);
	snprintf(text, sizeof(text), "Subject: %.986s\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: [x]\r\n %.986s\r\n\r\n", pad);
	run("a line of 999 is folded", text, "[x] ", "", want, 0);
	snprintf(text, sizeof(text), "Subject: %.2000s\r\n a\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: [x]\r\n %.2000s\r\n a\r\n\r\n",
	    pad);
	run("a line that was too long", text, "[x] ", "", want, 0);
	/* 76 with an encoded word in it: RFC 2047 section 2. */
	snprintf(text, sizeof(text), "Subject: %.43s\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: =?UTF-8?B?w6TDpMOk?= %.43s"
	    "\r\n\r\n", pad);
	run("a line of 76", text, "\xc3\xa4\xc3\xa4\xc3\xa4 ", "", want, 0);
	snprintf(text, sizeof(text), "Subject: %.47s\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: =?UTF-8?B?w6TDpMOk?=\r\n %.47s"
	    "\r\n\r\n", pad);
	run("a line of 77 is folded", text, "\xc3\xa4\xc3\xa4\xc3\xa4 ", "",
	    want, 0);
	snprintf(text, sizeof(text), "Subject: =?a?q?%.60s?=\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject: [x]\r\n =?a?q?%.60s?=\r\n\r\n",
	    pad);
	run("an encoded word that fits no more", text, "[x] ", "", want, 0);
	memset(pad, ' ', sizeof(pad));
	snprintf(text, sizeof(text), "Subject:%.990s\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject:%.990s\r\n [x]\r\n\r\n", pad);
	run("a line of spaces", text, "[x] ", "", want, 0);
	snprintf(text, sizeof(text), "Subject%.989s: a\r\n\r\n", pad);
	snprintf(want, sizeof(want), "Subject%.989s: \r\n [x] a\r\n\r\n",
	    pad);
	run("a name with spaces", text, "[x] ", "", want, 0);
}

static void
run_signed(void)
{
	run("DKIM", "dkim-signature : v=1\r\nSubject: a\r\n\r\n", "[x] ", "",
	    "dkim-signature : v=1\r\nSubject: [x] a\r\n\r\n", 1);
	run("ARC", "Subject: a\r\nARC-Message-Signature: i=1\r\n\r\n",
	    "[x] ", "",
	    "Subject: [x] a\r\nARC-Message-Signature: i=1\r\n\r\n", 1);
	run("DKIM and a field only", "DKIM-Signature: v=1\r\n\r\n", "",
	    "A: b", "A: b\r\nDKIM-Signature: v=1\r\n\r\n", 1);
	run("DKIM and nothing to do", "DKIM-Signature: v=1\r\n"
	    "Subject: [x] a\r\n\r\n", "[x] ", "",
	    "DKIM-Signature: v=1\r\nSubject: [x] a\r\n\r\n", 0);
	run("DKIM in the body", "A: b\r\n\r\nDKIM-Signature: v=1\r\n", "",
	    "C: d", "C: d\r\nA: b\r\n\r\nDKIM-Signature: v=1\r\n", 0);
	run("multipart/signed", "Content-Type:\r\n Multipart / Signed; x=y"
	    "\r\n\r\n", "", "A: b", "A: b\r\nContent-Type:\r\n Multipart / "
	    "Signed; x=y\r\n\r\n", 1);
	run("multipart/mixed", "Content-Type: multipart/mixed\r\n\r\n", "",
	    "A: b", "A: b\r\nContent-Type: multipart/mixed\r\n\r\n", 0);
	run("multipart", "Content-Type: multipart", "",
	    "A: b", "A: b\r\nContent-Type: multipart", 0);
	run("multipart/", "Content-Type: multipart/", "",
	    "A: b", "A: b\r\nContent-Type: multipart/", 0);
}

static void
run_big(void)
{
	static const char	 head[] = "A: b\r\nSubject: big\r\n\r\n";
	struct session		*s;
	char			*text, *got;
	const char		*why;
	size_t			 len, i;
	int			 breaks;

	len = 10 * MIB;
	if ((text = malloc(len)) == NULL)
		abort();
	memset(text, 'x', len);
	for (i = 78; i + 2 <= len; i += 80)
		memcpy(text + i, "\r\n", 2);
	memcpy(text, head, sizeof(head) - 1);
	s = message(text, len);
	if (edit_message(s, "[x] ", "", &breaks) == -1)
		abort();
	got = content(s);
	why = state(s);
	if (s->msg->size != len + 4 ||
	    memcmp(got, "A: b\r\nSubject: [x] ", 19) != 0 ||
	    memcmp(got + 19, text + 15, len - 15) != 0)
		why = "another message";
	unit_case("10 MiB", why == NULL ? NULL : "%s", why);
	free(got);
	unit_session_free(s);

	/* All of it one field. */
	memset(text, 'x', len);
	memcpy(text, "A: ", 3);
	memcpy(text + len - 15, "\r\nsubject: big\r\n", 15);
	s = message(text, len);
	if (edit_message(s, "[x] ", "", &breaks) == -1)
		abort();
	got = content(s);
	why = state(s);
	if (s->msg->size != len + 4 || memcmp(got, text, len - 4) != 0 ||
	    memcmp(got + len - 4, "[x] big\r", 8) != 0)
		why = unit_show(got + len - 20, 24);
	unit_case("a header of 10 MiB", why == NULL ? NULL : "%s", why);
	free(got);
	free(text);
	unit_session_free(s);
}

/* Each leaves the message as it was. */
static void
run_failures(void)
{
	static const char	 text[] = "Subject: hello\r\n\r\nbody\r\n";
	static const char	 longer[] = "X-12345678901234567890123456789012"
				    "34567890123456789012345678901234";
	struct rlimit		 files, none, fsize;
	struct session		*s;
	const char		*why;
	char			*got, big[CONF_HEADER_MAX + 1];
	int			 breaks, i, want;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (i = 0; i < 7; i++) {
		s = message(text, sizeof(text) - 1);
		breaks = -1;
		errno = 0;
		want = EINVAL;
		if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
		    getrlimit(RLIMIT_FSIZE, &fsize) == -1)
			abort();
		why = NULL;
		switch (i) {
		case 0:
			/* One byte less than both messages take. */
			want = ENOSPC;
			proxy.spool_max = 2 * s->msg->size + 4 - 1;
			break;
		case 1:
			want = ENOSPC;
			proxy.spool_max = 1;
			break;
		case 2:
			want = EMFILE;
			none = files;
			none.rlim_cur = (rlim_t)s->msg->fd;
			if (setrlimit(RLIMIT_NOFILE, &none) == -1)
				abort();
			break;
		case 3:
			/* It fails in the middle. */
			want = EFBIG;
			none = fsize;
			none.rlim_cur = s->msg->size;
			if (setrlimit(RLIMIT_FSIZE, &none) == -1)
				abort();
			break;
		}
		if (edit_message(s, i == 4 ? longer : "[x] ", i == 5 ?
		    "A: b\r\nC: d" : i == 6 ? big : "", &breaks) != -1)
			why = "no failure";
		else if (errno != want)
			why = strerror(errno);
		if (setrlimit(RLIMIT_NOFILE, &files) == -1 ||
		    setrlimit(RLIMIT_FSIZE, &fsize) == -1)
			abort();
		got = content(s);
		if (why == NULL && (why = state(s)) == NULL &&
		    strcmp(got, text) != 0)
			why = "another message";
		if (why == NULL && breaks != 0)
			why = "breaks";
		free(got);
		unit_case(i < 2 ? "no room" : i == 2 ? "no descriptor" :
		    i == 3 ? "cannot be written" : "not what can be added",
		    why == NULL ? NULL : "%d: %s", i, why);
		unit_session_free(s);
	}
	s = message(text, sizeof(text) - 1);
	proxy.spool_max = 2 * s->msg->size + 4;
	unit_case("just room enough", edit_message(s, "[x] ", "", &breaks) ==
	    0 ? NULL : "%s", strerror(errno));
	unit_session_free(s);
	unit_case("nothing is left", proxy.spool_used == 0 &&
	    proxy.nmessages == 0 ? NULL : "%llu bytes, %u messages",
	    (unsigned long long)proxy.spool_used, proxy.nmessages);
}

/* Messages that are still mapped. */
static unsigned int
mappings(void)
{
	char		 line[512];
	unsigned int	 n;
	FILE		*fp;

	if ((fp = fopen("/proc/self/maps", "r")) == NULL)
		abort();
	n = 0;
	while (fgets(line, sizeof(line), fp) != NULL)
		n += strstr(line, "memfd:message") != NULL;
	fclose(fp);
	return (n);
}

int
main(void)
{
	int	 before, after;

	signal(SIGXFSZ, SIG_IGN);
	before = dup(0);
	close(before);
	run_shapes();
	run_tags();
	run_long();
	run_signed();
	run_big();
	run_failures();
	unit_case("nothing is mapped", mappings() == 0 ? NULL : "%u",
	    mappings());
	after = dup(0);
	close(after);
	unit_case("no descriptor is lost", before == after ? NULL :
	    "%d, %d", before, after);
	return (unit_status());
}

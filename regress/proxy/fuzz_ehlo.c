/* SPDX-License-Identifier: ISC */

/*
 * Any reply to EHLO: what reaches the client is a reply again, with the
 * server's greeting and no keyword that we cannot keep.
 *
 * The first two bytes choose the configuration; the rest is made into a
 * reply, line by line, that reply_parse() accepts.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)

static size_t	 make_reply(const uint8_t *, size_t, uint8_t *);
static void	 check_line(const struct session *, const char *, size_t,
		    unsigned int);
static size_t	 next_line(const uint8_t *, size_t, size_t);

/* Lines are cut at LF; what no reply may have is left out. */
static size_t
make_reply(const uint8_t *in, size_t len, uint8_t *out)
{
	size_t	 i, n, last;

	n = last = 0;
	memcpy(out, "250-", 4);
	n = 4;
	for (i = 0; i < len && n < SMTP_REPLY_LINE_MAX - 8; i++) {
		if (in[i] == '\n') {
			memcpy(out + n, "\r\n250-", 6);
			last = n + 2;
			n += 6;
		} else if ((in[i] >= 0x20 && in[i] != 0x7f) || in[i] == '\t')
			out[n++] = in[i];
	}
	memcpy(out + n, "\r\n", 2);
	out[last + 3] = ' ';
	return (n + 2);
}

static size_t
next_line(const uint8_t *p, size_t len, size_t off)
{
	const uint8_t	*lf;

	lf = memchr(p + off, '\n', len - off);
	MUST(lf != NULL);
	return ((size_t)(lf - p) + 1);
}

static void
check_line(const struct session *s, const char *text, size_t len,
    unsigned int flags)
{
	static const char *const	 words[] = {
		"8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DELIVERBY",
		"DSN", "ENHANCEDSTATUSCODES", "HELP", "LIMITS", "MT-PRIORITY",
		"PIPELINING", "PRDR", "SIZE", "SMTPUTF8", "STARTTLS"
	};
	unsigned long long		 size;
	size_t				 i, n;

	for (n = 0; n < len && text[n] != ' ' && text[n] != '='; n++)
		;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n == strlen(words[i]) &&
		    strncasecmp(text, words[i], n) == 0)
			break;
	MUST(i < sizeof(words) / sizeof(words[0]));
	if (strcmp(words[i], "STARTTLS") == 0)
		MUST(s->starttls == STARTTLS_PASS);
	if (strcmp(words[i], "PIPELINING") == 0)
		MUST(flags & SF_SERVER_PIPE);
	if (strcmp(words[i], "CHUNKING") == 0)
		MUST(flags & SF_SERVER_CHUNK);
	if (strcmp(words[i], "BINARYMIME") == 0)
		MUST(flags & SF_SERVER_BIN);
	if (strcmp(words[i], "PRDR") == 0)
		MUST(flags & SF_SERVER_PRDR);
	if (strcmp(words[i], "SIZE") == 0) {
		MUST(len > 5 && text[4] == ' ');
		size = 0;
		for (i = 5; i < len; i++) {
			MUST(text[i] >= '0' && text[i] <= '9');
			size = size * 10 + (unsigned int)(text[i] - '0');
		}
		MUST(size > 0 && size <= s->conf->g.message_max);
	}
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t	 made[SMTP_REPLY_MAX];
	struct session	*s;
	struct buf	 out;
	struct reply	 r;
	uint8_t		*in;
	unsigned int	 flags;
	size_t		 n, off, end, first;

	if (len < 2)
		return (0);
	s = unit_session();
	s->starttls = data[0] & 1 ? STARTTLS_PASS : STARTTLS_WITHHOLD;
	s->conf->g.message_max = (uint64_t)(data[1] + 1) << (data[0] >> 3);
	n = make_reply(data + 2, len - 2, made);
	in = unit_exact(made, n);
	MUST(reply_parse(in, n, &r) == 1 && r.len == n);
	buf_init(&out, data[0] & 4 ? (size_t)data[1] + 1 : SMTP_REPLY_MAX);
	flags = 0;
	if (ehlo_filter(s, in, n, &out, &flags) == -1) {
		MUST(out.max < n + 64);
	} else {
		MUST((flags & ~(unsigned int)(SF_SERVER_PIPE |
		    SF_SERVER_CHUNK | SF_SERVER_BIN | SF_SERVER_PRDR |
		    SF_TLS_WITHHELD)) == 0);
		MUST((flags & SF_TLS_WITHHELD) == 0 ||
		    s->starttls == STARTTLS_WITHHOLD);
		MUST(reply_parse(buf_ptr(&out), out.len, &r) == 1);
		MUST(r.len == out.len && r.code == 250);
		MUST(out.len <= n + 64);
		/* The greeting is the server's own. */
		first = next_line(in, n, 0);
		off = next_line(buf_ptr(&out), out.len, 0);
		MUST(first == off &&
		    memcmp(in + 4, buf_ptr(&out) + 4, first - 4) == 0);
		for (; off < out.len; off = end) {
			end = next_line(buf_ptr(&out), out.len, off);
			MUST(end - off >= 6);
			check_line(s, (const char *)buf_ptr(&out) + off + 4,
			    end - off - 6, flags);
		}
	}
	free(in);
	buf_clear(&out);
	unit_session_free(s);
	return (0);
}

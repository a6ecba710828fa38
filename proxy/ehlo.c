/* SPDX-License-Identifier: ISC */

/*
 * The server's reply to EHLO, as the client gets it.
 *
 * A keyword is a promise that the commands behind it work (RFC 5321 section
 * 4.1.1.1).  We are in the middle and keep only what we can keep: a list of
 * what passes, never a list of what does not.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"

enum keep {
	KEEP_NO,
	KEEP_YES,
	KEEP_SIZE,		/* the smaller of the server's and ours */
	KEEP_PIPE,		/* commands in flight, see server.c */
	KEEP_CHUNK,		/* BDAT, see client.c and deliver.c */
	KEEP_BIN,		/* BDAT with anything in it */
	KEEP_PRDR,		/* a reply for each recipient, see prdr.c */
	KEEP_TLS		/* as configured */
};

static enum keep	 keyword(const char *, size_t);
static int		 put(struct buf *, const char *, size_t, size_t *);
static uint64_t		 size_value(const char *, size_t);

static enum keep
keyword(const char *word, size_t len)
{
	static const struct {
		const char	*name;
		enum keep	 keep;
	} known[] = {
		{ "8BITMIME",		 KEEP_YES },	/* RFC 6152 */
		{ "AUTH",		 KEEP_YES },	/* RFC 4954 */
		{ "BINARYMIME",		 KEEP_BIN },	/* RFC 3030 */
		{ "CHUNKING",		 KEEP_CHUNK },	/* RFC 3030 */
		{ "DELIVERBY",		 KEEP_YES },	/* RFC 2852 */
		{ "DSN",		 KEEP_YES },	/* RFC 3461 */
		{ "ENHANCEDSTATUSCODES", KEEP_YES },	/* RFC 2034 */
		{ "HELP",		 KEEP_YES },
		{ "LIMITS",		 KEEP_YES },	/* RFC 9422 */
		{ "MT-PRIORITY",	 KEEP_YES },	/* RFC 6710 */
		{ "PIPELINING",		 KEEP_PIPE },	/* RFC 2920 */
		{ "PRDR",		 KEEP_PRDR },	/* draft-hall-prdr */
		{ "SIZE",		 KEEP_SIZE },	/* RFC 1870 */
		{ "SMTPUTF8",		 KEEP_YES },	/* RFC 6531 */
		{ "STARTTLS",		 KEEP_TLS },	/* RFC 3207 */
	};
	size_t	 i, n;

	for (n = 0; n < len && word[n] != ' ' && word[n] != '='; n++)
		;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n &&
		    strncasecmp(known[i].name, word, n) == 0)
			return (known[i].keep);
	return (KEEP_NO);
}

/* The number behind SIZE; 0 for none, and for none that we understand. */
static uint64_t
size_value(const char *text, size_t len)
{
	uint64_t	 n;
	size_t		 i;

	n = 0;
	for (i = 5; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || n > UINT64_MAX / 10 - 1)
			return (0);
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	return (n);
}

/* One line; *last remembers where it starts, to mend its '-' at the end. */
static int
put(struct buf *out, const char *text, size_t len, size_t *last)
{
	*last = out->len;
	if (buf_add(out, "250-", 4) == -1 || buf_add(out, text, len) == -1 ||
	    buf_add(out, "\r\n", 2) == -1)
		return (-1);
	return (0);
}

int
ehlo_filter(const struct session *s, const uint8_t *data, size_t len,
    struct buf *out, unsigned int *flags)
{
	char		 size[40];
	const char	*text, *lf;
	uint64_t	 theirs, ours;
	size_t		 off, n, textlen, last;
	int		 first, sized, len_size;

	first = 1;
	sized = 0;
	last = out->len;
	ours = s->conf->g.message_max;
	for (off = 0; off < len; off += n) {
		lf = memchr(data + off, '\n', len - off);
		if (lf == NULL)
			break;
		n = (size_t)(lf - (const char *)data) + 1 - off;
		text = n > 5 ? (const char *)data + off + 4 : "";
		textlen = n > 5 ? n - 6 : 0;
		if (first) {
			/* The server's own name and greeting, or ours. */
			if (s->banner != NULL) {
				text = s->banner;
				textlen = strcspn(text, " ");
			}
			if (put(out, text, textlen, &last) == -1)
				return (-1);
			first = 0;
			continue;
		}
		switch (keyword(text, textlen)) {
		case KEEP_NO:
			continue;
		case KEEP_TLS:
			if (s->starttls == STARTTLS_WITHHOLD) {
				*flags |= SF_TLS_WITHHELD;
				continue;
			}
			break;
		case KEEP_PIPE:
			*flags |= SF_SERVER_PIPE;
			break;
		case KEEP_CHUNK:
			*flags |= SF_SERVER_CHUNK;
			break;
		case KEEP_BIN:
			*flags |= SF_SERVER_BIN;
			break;
		case KEEP_PRDR:
			*flags |= SF_SERVER_PRDR;
			break;
		case KEEP_SIZE:
			theirs = size_value(text, textlen);
			if (theirs != 0 && theirs < ours)
				ours = theirs;
			sized = 1;
			continue;
		case KEEP_YES:
			break;
		}
		if (put(out, text, textlen, &last) == -1)
			return (-1);
	}
	/* Only a server that parses SIZE= may be sent one. */
	if (sized) {
		len_size = snprintf(size, sizeof(size), "SIZE %llu",
		    (unsigned long long)ours);
		if (put(out, size, (size_t)len_size, &last) == -1)
			return (-1);
	}
	buf_ptr(out)[last + 3] = ' ';
	return (0);
}

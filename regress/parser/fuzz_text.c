/* SPDX-License-Identifier: ISC */

/*
 * Any text of a type and a charset that the first two bytes choose.  What is
 * UTF-8 as it stands is given as it stands, what was converted by a guess is
 * UTF-8, and the receiver takes all of it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "limits.h"
#include "utf8.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const	 charsets[] = {
	"us-ascii", "utf-8", "gb18030", "big5", "cp949", "johab", "shift_jis",
	"euc-jp", "iso-2022-jp", "iso-2022-kr", "iso-2022-cn", "utf-7",
	"utf-16", "utf-16be", "utf-32", "x-no-such", "utf-16le", "utf-32be",
	"euc-tw", "iso-2022-jp-3", "windows-1258", "big5-hkscs", "tis-620",
	"hz-gb-2312",
};

static const char *const	 types[] = {
	"text/plain", "text/html", "application/octet-stream"
};

static void
check(const struct parsed *p, const uint8_t *body, size_t len, int is_plain)
{
	const struct arena_text	*t;
	const uint8_t		*text;
	uint32_t		 i;
	size_t			 n;
	int			 found;

	/* A mark is no text. */
	if (len >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
		body += 3;
		len -= 3;
	}
	found = len == 0 || !is_plain || !utf8_valid(body, len) ||
	    (p->parts.head->limits & LIMIT_TEXT) != 0;
	for (i = 0; i < p->parts.head->ntexts; i++) {
		t = &p->parts.text[i];
		text = parts_text(&p->parts, i, &n);
		if (n == len && memcmp(text, body, n) == 0)
			found = 1;
		if ((t->flags & TEXT_GUESSED) != 0 &&
		    t->scope == TEXT_PLAIN && !utf8_valid(text, n))
			abort();
	}
	if (!found)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mime_limits	 lim;
	struct parsed		 p;
	const char		*cs;
	char			*msg;
	size_t			 n;

	if (len < 2)
		return (0);
	if ((msg = malloc(len + 128)) == NULL)
		abort();
	cs = charsets[data[1] % (sizeof(charsets) / sizeof(charsets[0]))];
	if (data[0] % 4 == 3)
		n = (size_t)snprintf(msg, 128, "Subject: ");
	else
		n = (size_t)snprintf(msg, 128,
		    "Content-Type: %s; charset=%s\r\n\r\n",
		    types[data[0] % 4], cs);
	memcpy(msg + n, data + 2, len - 2);
	harness_limits(&lim, n + len - 2);
	lim.want_text = 1;
	/* Less room than usual: to have more messages in the same time. */
	lim.max_decoded = data[0] & 0x80 ? 4096 : (n + len) *
	    (PARSE_DECODED_FACTOR + PARSE_TEXT_FACTOR) + 65536;
	harness_parse(&p, msg, n + len - 2, &lim);
	check(&p, (const uint8_t *)msg + n, len - 2, data[0] % 4 == 0);
	harness_close(&p);
	free(msg);
	return (0);
}

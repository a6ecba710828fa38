/* SPDX-License-Identifier: ISC */

/*
 * Replies, against a second reading of RFC 5321 section 4.2 that is written
 * for plainness: line by line, byte by byte.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)

static int	 reference(const uint8_t *, size_t, struct reply *);
static int	 digit(uint8_t);

static int
digit(uint8_t c)
{
	return (c >= '0' && c <= '9');
}

static int
reference(const uint8_t *p, size_t len, struct reply *r)
{
	size_t	 pos, start, i, n;
	int	 code, last;

	memset(r, 0, sizeof(*r));
	pos = 0;
	for (;;) {
		start = pos;
		while (pos < len && p[pos] != '\n')
			pos++;
		if (pos == len) {
			if (len - start > SMTP_REPLY_LINE_MAX)
				return (-1);
			return (len >= SMTP_REPLY_MAX ? -1 : 0);
		}
		pos++;
		if (pos - start > SMTP_REPLY_LINE_MAX || pos - start < 5)
			return (-1);
		n = pos - start - 2;
		if (p[start + n] != '\r' || p[start] < '2' ||
		    p[start] > '5' || !digit(p[start + 1]) ||
		    !digit(p[start + 2]))
			return (-1);
		code = 100 * (p[start] - '0') + 10 * (p[start + 1] - '0') +
		    p[start + 2] - '0';
		last = n == 3 || p[start + 3] == ' ';
		if (!last && p[start + 3] != '-')
			return (-1);
		for (i = 4; i < n; i++)
			if ((p[start + i] < 32 && p[start + i] != 9) ||
			    p[start + i] == 127)
				return (-1);
		if (start > 0 && code != r->code)
			return (-1);
		if (pos > SMTP_REPLY_MAX)
			return (-1);
		r->code = code;
		r->nlines++;
		if (last) {
			r->len = pos;
			return (1);
		}
	}
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reply	 r, want, again;
	uint8_t		*p;
	size_t		 cut;
	int		 ret, part;

	p = unit_exact(data, len);
	ret = reply_parse(p, len, &r);
	MUST(ret == reference(p, len, &want));
	if (ret == 1) {
		MUST(r.code == want.code && r.len == want.len &&
		    r.nlines == want.nlines);
		MUST(r.len <= len && r.code >= 200 && r.code <= 599);
		/* What follows makes no difference. */
		MUST(reply_parse(p, r.len, &again) == 1);
		MUST(again.code == r.code && again.len == r.len);
	}
	free(p);

	/* Bytes that are still to come never change a judgement. */
	cut = len / 2;
	p = unit_exact(data, cut);
	part = reply_parse(p, cut, &again);
	if (part == -1)
		MUST(ret == -1);
	if (part == 1)
		MUST(ret == 1 && again.len == r.len);
	free(p);
	return (0);
}

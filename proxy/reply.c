/* SPDX-License-Identifier: ISC */

/*
 * Replies of the server (RFC 5321 section 4.2).
 *
 * The server is not trusted either: endless replies, lines that end in a
 * bare LF, codes that change within one reply.  Whatever is not a reply by
 * the RFC's grammar ends the session; guessing would put us out of step.
 */

#include <string.h>

#include "proxy.h"

static int	 line_parse(const uint8_t *, size_t, int *, int *);

/*
 * One line without its CRLF: code and whether it is the last.  Text may have
 * 8-bit bytes (RFC 6531 section 3.7.4.1) and tabs, but no other controls.
 */
static int
line_parse(const uint8_t *line, size_t len, int *code, int *last)
{
	size_t	 i;

	if (len < 3 || line[0] < '2' || line[0] > '5' ||
	    line[1] < '0' || line[1] > '9' || line[2] < '0' || line[2] > '9')
		return (-1);
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return (-1);
	for (i = 3; i < len; i++)
		if ((line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return (-1);
	*code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	*last = len == 3 || line[3] == ' ';
	return (0);
}

int
reply_parse(const uint8_t *data, size_t len, struct reply *r)
{
	const uint8_t	*lf;
	size_t		 off, n;
	int		 code, last;

	memset(r, 0, sizeof(*r));
	for (off = 0; off < len; off += n) {
		lf = memchr(data + off, '\n', len - off);
		if (lf == NULL) {
			if (len - off > SMTP_REPLY_LINE_MAX)
				return (-1);
			break;
		}
		n = (size_t)(lf - (data + off)) + 1;
		if (n < 2 || n > SMTP_REPLY_LINE_MAX || lf[-1] != '\r')
			return (-1);
		if (line_parse(data + off, n - 2, &code, &last) == -1)
			return (-1);
		if (r->nlines > 0 && code != r->code)
			return (-1);
		r->code = code;
		r->nlines++;
		if (off + n > SMTP_REPLY_MAX)
			return (-1);
		if (last) {
			r->len = off + n;
			return (1);
		}
	}
	return (len >= SMTP_REPLY_MAX ? -1 : 0);
}

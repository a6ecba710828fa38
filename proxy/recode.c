/* SPDX-License-Identifier: ISC */

/*
 * Transfer encodings (RFC 2045 section 6) and the charsets that need no
 * tables, for text that goes into a message.  The decoders take only what
 * there are no two opinions about.
 */

#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "log.h"
#include "utf8.h"

#define LINE_MAX_TEXT	998	/* RFC 5322 section 2.1.1 */
#define LINE_MAX_QP	76	/* RFC 2045 section 6.7 (5) */
#define LINE_BASE64	57	/* bytes that make a line of 76 */

static int	 digit_value(int);
static int	 hex_value(int);

static const char	 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char	 hex[] = "0123456789ABCDEF";

void
bytes_add(struct bytes *b, const void *data, size_t len)
{
	uint8_t	*p;
	size_t	 n;

	if (len == 0)
		return;
	if (b->alloc - b->n < len) {
		n = b->alloc == 0 ? 512 : b->alloc;
		while (n - b->n < len) {
			if (n > SIZE_MAX / 2)
				fatalx("%s: too much", __func__);
			n *= 2;
		}
		if ((p = realloc(b->p, n)) == NULL)
			fatal("%s", __func__);
		b->p = p;
		b->alloc = n;
	}
	memcpy(b->p + b->n, data, len);
	b->n += len;
}

void
bytes_str(struct bytes *b, const char *s)
{
	bytes_add(b, s, strlen(s));
}

void
bytes_free(struct bytes *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

void
recode_base64(struct bytes *out, const uint8_t *p, size_t len)
{
	uint32_t	 v;
	size_t		 i;
	char		 quad[4];

	for (i = 0; i < len; i += 3) {
		v = (uint32_t)p[i] << 16;
		if (i + 1 < len)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		quad[0] = digits[v >> 18];
		quad[1] = digits[v >> 12 & 63];
		quad[2] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		quad[3] = i + 2 < len ? digits[v & 63] : '=';
		bytes_add(out, quad, sizeof(quad));
		if ((i + 3) % LINE_BASE64 == 0 || i + 3 >= len)
			bytes_str(out, "\r\n");
	}
}

/*
 * A line that begins with "-" begins with an escape: what the sender has
 * written there must not become a delimiter that was none.
 */
void
recode_qp(struct bytes *out, const uint8_t *p, size_t len)
{
	size_t	 i, n, col;
	char	 text[3];
	int	 at_end, is_safe;

	col = 0;
	for (i = 0; i < len; i++) {
		if (i + 1 < len && p[i] == '\r' && p[i + 1] == '\n') {
			bytes_str(out, "\r\n");
			col = 0;
			i++;
			continue;
		}
		at_end = i + 1 == len || (i + 2 < len && p[i + 1] == '\r' &&
		    p[i + 2] == '\n');
		is_safe = (p[i] > 0x20 && p[i] < 0x7f && p[i] != '=') ||
		    ((p[i] == ' ' || p[i] == '\t') && !at_end);
		/* Room for what it may take, and for "=" behind it. */
		if (col + (is_safe ? 1 : 3) > LINE_MAX_QP - 1) {
			bytes_str(out, "=\r\n");
			col = 0;
		}
		if (col == 0 && (p[i] == '-' || p[i] == '.' || p[i] == 'F'))
			is_safe = 0;
		text[0] = (char)p[i];
		n = 1;
		if (!is_safe) {
			text[0] = '=';
			text[1] = hex[p[i] >> 4];
			text[2] = hex[p[i] & 0xf];
			n = 3;
		}
		bytes_add(out, text, n);
		col += n;
	}
}

static int
digit_value(int c)
{
	const char	*d;

	d = c == '\0' ? NULL : strchr(digits, c);
	return (d == NULL ? -1 : (int)(d - digits));
}

static int
hex_value(int c)
{
	const char	*d;

	d = c == '\0' ? NULL : strchr(hex, c >= 'a' && c <= 'f' ? c - 0x20 :
	    c);
	return (d == NULL ? -1 : (int)(d - hex));
}

/* Line ends are all that may stand between digits. */
int
recode_from_base64(struct bytes *out, const uint8_t *p, size_t len)
{
	uint32_t	 v;
	uint8_t		 three[3];
	size_t		 i;
	unsigned int	 n, pad;
	int		 d;

	v = 0;
	n = pad = 0;
	for (i = 0; i < len; i++) {
		if (p[i] == '\r' || p[i] == '\n')
			continue;
		if (p[i] == '=' && n >= 2) {
			pad++;
			d = 0;
		} else if ((d = digit_value(p[i])) == -1 || pad > 0)
			return (-1);
		v = v << 6 | (uint32_t)d;
		if (++n < 4)
			continue;
		three[0] = (uint8_t)(v >> 16);
		three[1] = (uint8_t)(v >> 8);
		three[2] = (uint8_t)v;
		bytes_add(out, three, 3 - pad);
		v = n = 0;
	}
	return (n == 0 ? 0 : -1);
}

int
recode_from_qp(struct bytes *out, const uint8_t *p, size_t len)
{
	size_t	 i, k;
	uint8_t	 c;

	for (i = 0; i < len; i++) {
		if (p[i] == ' ' || p[i] == '\t') {
			/* White space at the end of a line is none. */
			for (k = i; k < len && (p[k] == ' ' ||
			    p[k] == '\t'); k++)
				continue;
			if (k == len || p[k] == '\r' || p[k] == '\n')
				return (-1);
			/* All of it at once: a line may be nothing else. */
			bytes_add(out, p + i, k - i);
			i = k;
		}
		if (p[i] != '=') {
			bytes_add(out, p + i, 1);
			continue;
		}
		if (i + 2 < len && p[i + 1] == '\r' && p[i + 2] == '\n') {
			i += 2;
			continue;
		}
		/* Before a delimiter its line end is not ours. */
		if (i + 1 == len)
			break;
		if (i + 2 >= len || hex_value(p[i + 1]) == -1 ||
		    hex_value(p[i + 2]) == -1)
			return (-1);
		c = (uint8_t)(hex_value(p[i + 1]) << 4 | hex_value(p[i + 2]));
		bytes_add(out, &c, 1);
		i += 2;
	}
	return (0);
}

int
recode_is_ascii(const uint8_t *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++)
		if (p[i] >= 0x80)
			return (0);
	return (1);
}

int
recode_is_plain(const uint8_t *p, size_t len)
{
	size_t	 i, col;

	col = 0;
	for (i = 0; i < len; i++) {
		if (i + 1 < len && p[i] == '\r' && p[i + 1] == '\n') {
			col = 0;
			i++;
			continue;
		}
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] >= 0x7f ||
		    ++col > LINE_MAX_TEXT)
			return (0);
		if (col == 1 && (p[i] == '-' || p[i] == '.' || (len - i >= 5 &&
		    memcmp(p + i, "From ", 5) == 0)))
			return (0);
	}
	return (1);
}

void
recode_from_latin1(struct bytes *out, const uint8_t *p, size_t len)
{
	uint8_t	 two[2];
	size_t	 i;

	for (i = 0; i < len; i++)
		bytes_add(out, two, utf8_put(two, p[i]));
}

int
recode_to_latin1(struct bytes *out, const uint8_t *p, size_t len)
{
	size_t	 i, n;
	uint8_t	 c;

	for (i = 0; i < len; i += n) {
		n = utf8_char(p + i, len - i);
		if (n == 1)
			c = p[i];
		else if (n == 2 && p[i] <= 0xc3) {
			c = (uint8_t)(p[i] << 6 | (p[i + 1] & 0x3f));
			/* Controls, which are letters in windows-1252. */
			if (c < 0xa0)
				return (-1);
		} else
			return (-1);
		bytes_add(out, &c, 1);
	}
	return (0);
}

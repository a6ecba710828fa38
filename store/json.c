/* SPDX-License-Identifier: ISC */

/*
 * JSON (RFC 8259) from bytes of any kind: what is not UTF-8 becomes U+FFFD,
 * what is a control, in one byte or two, is escaped: people look at such
 * lines on a terminal.  After the first addition that did not fit
 * nothing is added, and json_end() says so.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

static void	 put(struct json *, const char *, size_t);
static void	 comma(struct json *);
static void	 string(struct json *, const char *, size_t);

void
json_init(struct json *j, size_t max)
{
	memset(j, 0, sizeof(*j));
	buf_init(&j->text, max);
	j->first = 1;
}

void
json_clear(struct json *j)
{
	buf_clear(&j->text);
}

static void
put(struct json *j, const char *data, size_t len)
{
	if (j->error == 0 && buf_add(&j->text, data, len) == -1)
		j->error = errno;
}

static void
comma(struct json *j)
{
	if (!j->first)
		put(j, ",", 1);
	j->first = 0;
}

static void
string(struct json *j, const char *s, size_t len)
{
	const uint8_t	*p;
	char		 esc[8];
	size_t		 n;

	put(j, "\"", 1);
	p = (const uint8_t *)s;
	for (; len > 0; p += n, len -= n) {
		n = utf8_char(p, len);
		if (n == 0) {
			put(j, "\xef\xbf\xbd", 3);
			n = 1;
		} else if (*p == '"' || *p == '\\') {
			esc[0] = '\\';
			esc[1] = (char)*p;
			put(j, esc, 2);
		} else if (*p < 0x20 || *p == 0x7f) {
			snprintf(esc, sizeof(esc), "\\u%04x", *p);
			put(j, esc, 6);
		} else if (*p == 0xc2 && p[1] < 0xa0) {
			snprintf(esc, sizeof(esc), "\\u%04x", p[1]);
			put(j, esc, 6);
		} else
			put(j, (const char *)p, n);
	}
	put(j, "\"", 1);
}

void
json_key(struct json *j, const char *key, size_t len)
{
	comma(j);
	string(j, key, len);
	put(j, ":", 1);
	j->first = 1;
}

void
json_bytes(struct json *j, const char *s, size_t len)
{
	comma(j);
	string(j, s, len);
}

void
json_number(struct json *j, int64_t n)
{
	char	 text[24];
	int	 len;

	comma(j);
	len = snprintf(text, sizeof(text), "%" PRId64, n);
	put(j, text, (size_t)len);
}

void
json_bool(struct json *j, int on)
{
	comma(j);
	if (on)
		put(j, "true", 4);
	else
		put(j, "false", 5);
}

void
json_open(struct json *j, char bracket)
{
	comma(j);
	put(j, &bracket, 1);
	j->first = 1;
}

void
json_close(struct json *j, char bracket)
{
	put(j, &bracket, 1);
	j->first = 0;
}

void
json_set(struct json *j, const char *key, const char *s)
{
	json_key(j, key, strlen(key));
	json_bytes(j, s, strlen(s));
}

void
json_setn(struct json *j, const char *key, uint64_t n)
{
	json_key(j, key, strlen(key));
	json_number(j, (int64_t)n);
}

int
json_end(struct json *j)
{
	put(j, "\n", 1);
	if (j->error == 0)
		return (0);
	errno = j->error;
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/*
 * Messages that are edited: what was there is still there byte for byte,
 * around at most two insertions, and a second tag is none.
 *
 * The first byte chooses tag and field, the rest is the message.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)
#define LONGEST		998

static const char *const	 tags[] = {
	"", "[x] ", "[x]", "very bad ", "\xc3\xa4 ", "\xc3\xa4", "=?", " ",
	"\xe4",
	"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9"
	"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9"
	"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9 "
};
#define NTAGS	(sizeof(tags) / sizeof(tags[0]))

static uint8_t	*content(const struct session *);
static size_t	 same(const uint8_t *, const uint8_t *, size_t);
static void	 check(const uint8_t *, size_t, const uint8_t *, size_t,
		    const char *);
static size_t	 line_length(const uint8_t *, size_t, size_t);
static void	 check_lines(const uint8_t *, size_t, const uint8_t *, size_t);

static uint8_t *
content(const struct session *s)
{
	uint8_t	*p;

	MUST((p = malloc(s->msg->size + 1)) != NULL);
	MUST(pread(s->msg->fd, p, s->msg->size + 1, 0) ==
	    (ssize_t)s->msg->size);
	MUST(s->msg->charged == s->msg->size);
	MUST(proxy.spool_used == s->msg->size);
	return (p);
}

/* How many bytes at the end are the same, at most max. */
static size_t
same(const uint8_t *a_end, const uint8_t *b_end, size_t max)
{
	size_t	 n;

	for (n = 0; n < max && a_end[-1 - (ptrdiff_t)n] ==
	    b_end[-1 - (ptrdiff_t)n]; n++)
		continue;
	return (n);
}

/* Without the field, what was inserted lies in one place. */
static void
check(const uint8_t *old, size_t oldlen, const uint8_t *new, size_t newlen,
    const char *header)
{
	size_t	 n, head, added;

	MUST(newlen >= oldlen);
	added = newlen - oldlen;
	MUST(added < 1024);
	if (header[0] != '\0') {
		/* On top, or behind the line of a mailbox. */
		n = 0;
		head = strlen(header);
		if (newlen < head + 2 || memcmp(new, header, head) != 0) {
			MUST(memcmp(old, "From ", 5) == 0 ||
			    memcmp(old, ">From ", 6) == 0);
			while (memcmp(old + n, "\r\n", 2) != 0)
				n++;
			n += 2;
			MUST(memcmp(old, new, n) == 0);
			MUST(memcmp(new + n, header, head) == 0);
		}
		MUST(memcmp(new + n + head, "\r\n", 2) == 0);
		old += n;
		oldlen -= n;
		new += n + head + 2;
		newlen -= n + head + 2;
	}
	n = same(old + oldlen, new + newlen, oldlen);
	MUST(memcmp(old, new, oldlen - n) == 0);
}

/* From off to CRLF. */
static size_t
line_length(const uint8_t *p, size_t len, size_t off)
{
	size_t	 n;

	for (n = 0; off + n < len; n++)
		if (off + n + 1 < len && p[off + n] == '\r' &&
		    p[off + n + 1] == '\n')
			break;
	return (n);
}

/* No line is longer than before and too long. */
static void
check_lines(const uint8_t *old, size_t oldlen, const uint8_t *new,
    size_t newlen)
{
	size_t	 off, n, max;

	max = LONGEST;
	for (off = 0; off < oldlen; off += n + 2) {
		n = line_length(old, oldlen, off);
		if (n > max)
			max = n;
	}
	for (off = 0; off < newlen; off += n + 2) {
		n = line_length(new, newlen, off);
		MUST(n <= max);
	}
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct session	*s;
	const char	*tag, *header;
	uint8_t		*once, *twice;
	size_t		 size;
	int		 breaks;

	if (len < 1)
		return (0);
	tag = tags[(data[0] & 0x7f) % NTAGS];
	header = data[0] & 0x80 ? "X-Checked: yes" : "";
	data++;
	len--;
	s = unit_session();
	proxy.spool_max = 64 * MIB;
	MUST((s->msg = data_begin()) != NULL);
	MUST(write(s->msg->fd, data, len) == (ssize_t)len);
	MUST(data_seal(s->msg) == 0);
	s->msg->size = s->msg->charged = proxy.spool_used = len;

	MUST(edit_message(s, tag, header, &breaks) == 0);
	MUST(breaks == 0 || s->msg->size > len);
	size = s->msg->size;
	once = content(s);
	check(data, len, once, size, header);
	check_lines(data, len, once, size);
	MUST(edit_message(s, tag, "", &breaks) == 0);
	MUST(breaks == 0);
	twice = content(s);
	MUST(s->msg->size == size && memcmp(once, twice, size) == 0);
	/* The same once more, on top of itself. */
	MUST(edit_message(s, tag, header, &breaks) == 0);
	MUST(s->msg->size >= size);
	free(once);
	free(twice);
	unit_session_free(s);
	MUST(proxy.spool_used == 0);
	return (0);
}

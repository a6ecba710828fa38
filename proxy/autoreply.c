/* SPDX-License-Identifier: ISC */

/*
 * Whether a machine may answer a message: RFC 3834 section 2, and what
 * mailing lists and other machines say of themselves.  In doubt it may not:
 * an answer to nobody costs more than one that is missing.
 */

#include <sys/mman.h>

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"

static const uint8_t *skip(const uint8_t *, const uint8_t *);
static int	 is_word(const uint8_t *, const uint8_t *, const char *);
static const char *field(const uint8_t *, size_t, const uint8_t *,
		    const uint8_t *);
static const char *header(const uint8_t *, const uint8_t *, int);

static const uint8_t *
skip(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' ||
	    *p == '\n'))
		p++;
	return (p);
}

/* Is the first word of the body that one, and is it a word by itself? */
static int
is_word(const uint8_t *p, const uint8_t *end, const char *word)
{
	size_t	 n;

	p = skip(p, end);
	n = strlen(word);
	return ((size_t)(end - p) >= n &&
	    strncasecmp((const char *)p, word, n) == 0 &&
	    ((size_t)(end - p) == n || strchr(" \t\r\n;", p[n]) != NULL));
}

/* One field of a header, its body up to end: NULL, or why not. */
static const char *
field(const uint8_t *name, size_t len, const uint8_t *body,
    const uint8_t *end)
{
	const char	*s;

	s = (const char *)name;
	if (len > 5 && strncasecmp(s, "List-", 5) == 0)
		return ("it is from a mailing list");
	if (len == 14 && strncasecmp(s, "Auto-Submitted", len) == 0 &&
	    !is_word(body, end, "no"))
		return ("it was sent by a machine");
	if (len == 10 && strncasecmp(s, "Precedence", len) == 0 &&
	    (is_word(body, end, "bulk") || is_word(body, end, "list") ||
	    is_word(body, end, "junk") || is_word(body, end, "auto_reply")))
		return ("its precedence is low");
	if (len == 24 && strncasecmp(s, "X-Auto-Response-Suppress",
	    len) == 0 && !is_word(body, end, "None"))
		return ("it wants no answer");
	if ((len == 12 && strncasecmp(s, "Mailing-List", len) == 0) ||
	    (len == 11 && strncasecmp(s, "X-Autoreply", len) == 0) ||
	    (len == 13 && strncasecmp(s, "X-Autorespond", len) == 0))
		return ("it is from a list or a machine");
	return (NULL);
}

/*
 * All fields up to the empty line; a line is a line with LF alone, too.  What
 * is behind the end of a header that goes on nobody knows.
 */
static const char *
header(const uint8_t *p, const uint8_t *end, int is_whole)
{
	const uint8_t	*lf, *colon, *next, *tail;
	const char	*why;

	for (; p < end; p = next) {
		if (*p == '\n' || (*p == '\r' && p + 1 < end &&
		    p[1] == '\n'))
			return (NULL);
		/* With the lines that continue it. */
		for (next = p; next < end; ) {
			lf = memchr(next, '\n', (size_t)(end - next));
			next = lf == NULL ? end : lf + 1;
			if (next == end || (*next != ' ' && *next != '\t'))
				break;
		}
		colon = memchr(p, ':', (size_t)(next - p));
		if (colon == NULL)
			continue;
		for (tail = colon; tail > p && (tail[-1] == ' ' ||
		    tail[-1] == '\t'); tail--)
			continue;
		why = field(p, (size_t)(tail - p), colon + 1, next);
		if (why != NULL)
			return (why);
	}
	return (is_whole ? NULL : "its header is too long");
}

const char *
autoreply_refuse(const struct session *s)
{
	const struct message	*m;
	const char		*why;
	uint64_t		 size;
	void			*map;

	m = s->msg;
	if (s->env->from[0] == '\0')
		return ("its return path is empty");
	if (!conf_mailbox_ok(s->env->from))
		return ("its sender cannot be written to");
	if (m->verdict == VERDICT_VIRUS)
		return ("it is infected, so its sender is forged");
	if (strcasecmp(s->env->from, s->conf->outbox.from) == 0)
		return ("it is ours");
	if (m->size == 0)
		return (NULL);
	size = m->size < PARSE_HEADER_BYTES_MAX ? m->size :
	    PARSE_HEADER_BYTES_MAX;
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, m->fd, 0);
	if (map == MAP_FAILED)
		return ("it cannot be read");
	why = header(map, (const uint8_t *)map + size, size == m->size);
	munmap(map, (size_t)size);
	return (why);
}

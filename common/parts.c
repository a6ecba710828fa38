/* SPDX-License-Identifier: ISC */

/*
 * Reading an arena that the parser made, see parts.h.  The parser may have
 * been taken over by the message that it read: nothing in the arena is used
 * before parts_open() has checked all of it.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "limits.h"
#include "parts.h"

/* Below what malloc(3) would map for itself. */
#define COPY_MAX	(96 * KIB)

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* mailwall-anomalies(7) says the same in words. */
static const struct {
	const char		*name;
	enum part_severity	 severity;
} anomalies[A_MAX] = {
	[A_DUP_HEADER] = { "duplicate-header", SEV_SUSPICIOUS },
	[A_DUP_PARAM] = { "duplicate-parameter", SEV_SUSPICIOUS },
	[A_NO_BOUNDARY] = { "no-boundary", SEV_SUSPICIOUS },
	[A_BAD_BOUNDARY] = { "bad-boundary", SEV_SUSPICIOUS },
	[A_UNTERMINATED] = { "unterminated-multipart", SEV_SUSPICIOUS },
	[A_BAD_BASE64] = { "bad-base64", SEV_SUSPICIOUS },
	[A_BAD_QP] = { "bad-quoted-printable", SEV_SUSPICIOUS },
	[A_UNKNOWN_ENCODING] = { "unknown-encoding", SEV_SUSPICIOUS },
	[A_ENCODED_MULTIPART] = { "encoded-multipart", SEV_SUSPICIOUS },
	[A_BAD_HEADER] = { "bad-header", SEV_SUSPICIOUS },
	[A_SPACE_COLON] = { "space-before-colon", SEV_SUSPICIOUS },
	[A_COMMENT_NAME] = { "comment-in-field-name", SEV_HOSTILE },
	[A_BARE_CR] = { "bare-cr", SEV_SUSPICIOUS },
	[A_BARE_LF] = { "bare-lf", SEV_HARMLESS },
	[A_NUL] = { "nul", SEV_HOSTILE },
	[A_BAD_ENCWORD] = { "bad-encoded-word", SEV_HARMLESS },
	[A_BAD_PARAM] = { "bad-parameter", SEV_SUSPICIOUS },
	[A_8BIT_HEADER] = { "8bit-header", SEV_HARMLESS },
	[A_PREAMBLE] = { "preamble", SEV_HARMLESS },
	[A_EPILOGUE] = { "epilogue", SEV_HARMLESS },
	[A_PARTIAL] = { "partial-message", SEV_SUSPICIOUS },
	[A_EXTERNAL] = { "external-body", SEV_SUSPICIOUS },
	[A_NO_BLANK_LINE] = { "no-blank-line", SEV_SUSPICIOUS },
	[A_UUENCODE] = { "uuencode", SEV_HARMLESS },
	[A_NEAR_BOUNDARY] = { "near-boundary", SEV_SUSPICIOUS },
	[A_XXENCODE] = { "xxencode", SEV_SUSPICIOUS },
	[A_YENC] = { "yenc", SEV_SUSPICIOUS },
	[A_BINHEX] = { "binhex", SEV_SUSPICIOUS },
	[A_TNEF] = { "tnef", SEV_HARMLESS },
	[A_APPLE_FILE] = { "apple-file", SEV_HARMLESS },
	[A_ENCRYPTED] = { "encrypted", SEV_HARMLESS },
	[A_OPAQUE_SIGNED] = { "opaque-signed", SEV_HARMLESS },
	[A_COMPRESSED] = { "compressed-smime", SEV_SUSPICIOUS },
	[A_BAD_CONTAINER] = { "bad-container", SEV_SUSPICIOUS },
	[A_DASH_ESCAPED] = { "dash-escaped", SEV_HARMLESS },
	[A_WRONG_CHARSET] = { "wrong-charset", SEV_HARMLESS },
};

static int	 range_ok(uint64_t, uint64_t, uint64_t);
static int	 head_ok(const struct parts *);
static int	 part_ok(const struct parts *, uint32_t);
static int	 text_ok(const struct parts *, uint32_t);

uint64_t
parts_budget(uint64_t size, int want_text)
{
	uint64_t	 room, text;

	room = size * PARSE_DECODED_FACTOR + PARSE_DECODED_SLACK;
	if (!want_text)
		return (room);
	text = size * PARSE_TEXT_FACTOR;
	if (room + text > PARSE_USUAL) {
		text = room < PARSE_USUAL ? PARSE_USUAL - room : 0;
		if (text < size * PARSE_TEXT_LEAST)
			text = size * PARSE_TEXT_LEAST;
	}
	return (room + text);
}

int
sealed_check(int fd, uint64_t size)
{
	off_t	 end;
	int	 seals;

	/* lseek(2), not fstat(2): fewer calls in the filters. */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals == -1 || (seals & SEALS) != SEALS)
		goto bad;
	end = lseek(fd, 0, SEEK_END);
	if (end == -1 || (uint64_t)end != size)
		goto bad;
	return (0);
bad:
	errno = EBADMSG;
	return (-1);
}

const uint8_t *
sealed_map(int fd, uint64_t size)
{
	void	*p;

	if (size == 0) {
		errno = EINVAL;
		return (NULL);
	}
	if (sealed_check(fd, size) == -1)
		return (NULL);
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	return (p == MAP_FAILED ? NULL : p);
}

const uint8_t *
sealed_get(int fd, uint64_t size)
{
	uint8_t	*p;

	if (size == 0 || size > COPY_MAX)
		return (sealed_map(fd, size));
	if (sealed_check(fd, size) == -1 || (p = malloc(size)) == NULL)
		return (NULL);
	if (pread(fd, p, size, 0) != (ssize_t)size) {
		free(p);
		errno = EBADMSG;
		return (NULL);
	}
	return (p);
}

void
sealed_put(const uint8_t *p, uint64_t size)
{
	if (p == NULL)
		return;
	if (size > COPY_MAX)
		munmap((void *)(uintptr_t)p, (size_t)size);
	else
		free((void *)(uintptr_t)p);
}

/* Does [off, off + len) lie inside [0, size)? */
static int
range_ok(uint64_t off, uint64_t len, uint64_t size)
{
	return (off <= size && len <= size - off);
}

static int
head_ok(const struct parts *p)
{
	const struct arena_head	*h;

	h = p->head;
	if (h->magic != ARENA_MAGIC || h->size != p->map_len ||
	    h->nparts == 0 || h->nparts > PARSE_PARTS_MAX ||
	    h->ntexts > PARSE_TEXTS_MAX || h->texts_off % 8 != 0 ||
	    h->parts_off % 8 != 0 || h->parts_off < sizeof(*h) ||
	    !range_ok(h->parts_off, (uint64_t)h->nparts *
	    sizeof(struct arena_part), h->size) ||
	    !range_ok(h->texts_off, (uint64_t)h->ntexts *
	    sizeof(struct arena_text), h->size) ||
	    !range_ok(h->strings_off, h->strings_len, h->size))
		return (0);
	return ((h->anomalies & ~ANOMALIES_ALL) == 0 &&
	    (h->limits & ~(uint32_t)LIMITS_ALL) == 0 &&
	    range_ok(h->subject_off, h->subject_len, h->strings_len) &&
	    range_ok(h->msgid_off, h->msgid_len, h->strings_len));
}

static int
part_ok(const struct parts *p, uint32_t i)
{
	const struct arena_part	*q;
	uint64_t		 size, strings;

	q = &p->part[i];
	size = q->flags & PART_ARENA ? p->map_len : p->msg_len;
	strings = p->head->strings_len;
	return (range_ok(q->off, q->len, size) &&
	    range_ok(q->raw_off, q->raw_len, p->msg_len) &&
	    (q->anomalies & ~ANOMALIES_ALL) == 0 &&
	    (q->flags & ~(uint32_t)PART_FLAGS_ALL) == 0 &&
	    (i == 0 ? q->parent == 0 : q->parent < i) &&
	    q->depth <= PARSE_DEPTH_MAX + 1 && q->encoding < ENC_MAX &&
	    (q->flags & PART_ENTITY ? q->head_len <= q->raw_off :
	    q->head_len == 0) &&
	    range_ok(q->type_off, q->type_len, strings) &&
	    range_ok(q->charset_off, q->charset_len, strings) &&
	    range_ok(q->name_off, q->name_len, strings) &&
	    q->name_len <= PARSE_NAME_MAX);
}

static int
text_ok(const struct parts *p, uint32_t i)
{
	const struct arena_text	*t;

	t = &p->text[i];
	return (range_ok(t->off, t->len, t->flags & TEXT_ARENA ? p->map_len :
	    p->msg_len) && t->part < p->head->nparts &&
	    t->scope < TEXT_SCOPE_MAX &&
	    (t->flags & ~(unsigned int)TEXT_FLAGS_ALL) == 0);
}

int
parts_open(struct parts *p, int msgfd, uint64_t msgsize, int arenafd,
    uint64_t arenasize)
{
	uint32_t	 i;

	memset(p, 0, sizeof(*p));
	if (arenasize < sizeof(struct arena_head) || arenasize > SIZE_MAX ||
	    msgsize > SIZE_MAX) {
		errno = EBADMSG;
		return (-1);
	}
	/* An empty message is legal and cannot be mapped. */
	if (msgsize > 0) {
		if ((p->msg = sealed_get(msgfd, msgsize)) == NULL)
			goto fail;
		p->msg_len = (size_t)msgsize;
	} else if (sealed_check(msgfd, 0) == -1)
		goto fail;
	if ((p->map = sealed_get(arenafd, arenasize)) == NULL)
		goto fail;
	p->map_len = (size_t)arenasize;
	p->head = (const struct arena_head *)(const void *)p->map;
	if (!head_ok(p))
		goto bad;
	p->part = (const struct arena_part *)(const void *)
	    (p->map + p->head->parts_off);
	for (i = 0; i < p->head->nparts; i++)
		if (!part_ok(p, i))
			goto bad;
	p->text = (const struct arena_text *)(const void *)
	    (p->map + p->head->texts_off);
	for (i = 0; i < p->head->ntexts; i++)
		if (!text_ok(p, i))
			goto bad;
	return (0);
bad:
	errno = EBADMSG;
fail:
	i = (uint32_t)errno;
	parts_close(p);
	errno = (int)i;
	return (-1);
}

void
parts_close(struct parts *p)
{
	sealed_put(p->map, p->map_len);
	sealed_put(p->msg, p->msg_len);
	memset(p, 0, sizeof(*p));
}

const uint8_t *
parts_body(const struct parts *p, uint32_t i, size_t *len)
{
	const struct arena_part	*q;

	q = &p->part[i];
	*len = (size_t)q->len;
	/* An empty message is not mapped. */
	if (q->len == 0)
		return (p->map);
	return ((q->flags & PART_ARENA ? p->map : p->msg) + q->off);
}

const uint8_t *
parts_text(const struct parts *p, uint32_t i, size_t *len)
{
	const struct arena_text	*t;

	t = &p->text[i];
	*len = (size_t)t->len;
	if (t->len == 0)
		return (p->map);
	return ((t->flags & TEXT_ARENA ? p->map : p->msg) + t->off);
}

const char *
parts_string(const struct parts *p, uint32_t off)
{
	return ((const char *)p->map + p->head->strings_off + off);
}

const char *
parts_anomaly_name(enum part_anomaly a)
{
	if ((unsigned int)a >= A_MAX || anomalies[a].name == NULL)
		return ("unknown");
	return (anomalies[a].name);
}

enum part_severity
parts_anomaly_severity(enum part_anomaly a)
{
	if ((unsigned int)a >= A_MAX)
		return (SEV_HOSTILE);
	return (anomalies[a].severity);
}

int
parts_anomaly_find(const char *name)
{
	int	 i;

	for (i = 0; i < A_MAX; i++)
		if (strcmp(parts_anomaly_name(i), name) == 0)
			return (i);
	return (-1);
}

enum text_scope
parts_field_scope(const uint8_t *name, size_t len)
{
	static const struct {
		const char	*name;
		enum text_scope	 scope;
	} fields[] = {
		{ "subject", TEXT_SUBJECT },
		{ "thread-topic", TEXT_SUBJECT },
		{ "from", TEXT_SENDER },
		{ "sender", TEXT_SENDER },
		{ "reply-to", TEXT_SENDER },
		{ "resent-from", TEXT_SENDER },
		{ "to", TEXT_RECIPIENT },
		{ "cc", TEXT_RECIPIENT },
		{ "bcc", TEXT_RECIPIENT },
		{ "resent-to", TEXT_RECIPIENT },
	};
	size_t		 i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == len && strncasecmp(
		    fields[i].name, (const char *)name, len) == 0)
			return (fields[i].scope);
	return (TEXT_HEADER);
}

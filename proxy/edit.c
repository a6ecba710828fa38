/* SPDX-License-Identifier: ISC */

/*
 * Marks on a message before it is passed on: a field on top of its header, a
 * tag before its subject.  The message that was scanned is sealed, so a new
 * one is made of it; every other byte of it stays.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/string.h>

#include "proxy.h"
#include "utf8.h"

#define LINE_MAX_OCTETS	998	/* RFC 5322 section 2.1.1, without CRLF */
#define WORD_BYTES	45	/* become 60: RFC 2047 section 2 allows 75 */
#define COPY		65536	/* bytes at a time */

/* Where things are in a header. */
struct header {
	char		*text;		/* the first len bytes, ended */
	size_t		 len;
	size_t		 subject;	/* behind the colon; 0: no such field */
	size_t		 line;		/* length of that field's first line */
	int		 is_signed;	/* there is a DKIM-Signature */
};

static int	 header_read(const struct message *, struct header *);
static size_t	 field_name(const char *, size_t);
static void	 header_scan(struct header *);
static int	 encode_tag(const char *, char *, size_t);
static int	 put(int, const char *, size_t);
static int	 copy(int, int, uint64_t, uint64_t);
static int	 replace(struct message *, int, uint64_t);
static int	 write_edited(int, const struct message *,
		    const struct header *, const char *, const char *, int);

/* As much of the message as a header can be; text is the caller's then. */
static int
header_read(const struct message *m, struct header *h)
{
	ssize_t	 n;

	memset(h, 0, sizeof(*h));
	h->len = m->size < PARSE_HEADER_BYTES_MAX ? (size_t)m->size :
	    PARSE_HEADER_BYTES_MAX;
	if ((h->text = malloc(h->len + 1)) == NULL)
		return (-1);
	n = pread(m->fd, h->text, h->len, 0);
	if (n < 0 || (size_t)n != h->len) {
		free(h->text);
		errno = EIO;
		return (-1);
	}
	h->text[h->len] = '\0';
	return (0);
}

/* Length of a field's name with white space behind it (obsolete, RFC 5322
 * section 4.5) up to its colon; 0 when the line is no field. */
static size_t
field_name(const char *line, size_t len)
{
	size_t	 i;

	for (i = 0; i < len && line[i] > 0x20 && line[i] < 0x7f &&
	    line[i] != ':'; i++)
		;
	if (i == 0)
		return (0);
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return (i < len && line[i] == ':' ? i : 0);
}

static void
header_scan(struct header *h)
{
	const char	*line, *nl;
	size_t		 off, len, name;

	for (off = 0; off < h->len; off += len + 2) {
		line = h->text + off;
		nl = memmem(line, h->len - off, "\r\n", 2);
		if (nl == NULL || nl == line)
			return;
		len = (size_t)(nl - line);
		if (*line == ' ' || *line == '\t')
			continue;
		if ((name = field_name(line, len)) == 0)
			return;
		if (strncasecmp(line, "Subject", 7) == 0 &&
		    strchr(" \t:", line[7]) != NULL && h->subject == 0) {
			h->subject = off + name + 1;
			h->line = len;
		} else if (strncasecmp(line, "DKIM-Signature", 14) == 0)
			h->is_signed = 1;
	}
}

/* As it is written: ASCII as it stands, all else in encoded words. */
static int
encode_tag(const char *tag, char *dst, size_t size)
{
	static const char	 digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t		*p;
	size_t			 i, len, n, c, used;
	uint32_t		 v;

	p = (const uint8_t *)tag;
	len = strlen(tag);
	for (i = 0; i < len && p[i] < 0x80; i++)
		;
	if (i == len)
		return (strlcpy(dst, tag, size) < size ? 0 : -1);
	used = 0;
	while (len > 0) {
		/* Whole characters: RFC 2047 section 5 (3). */
		for (n = 0; n < len; n += c)
			if ((c = utf8_char(p + n, len - n)) == 0 ||
			    n + c > WORD_BYTES)
				break;
		if (n == 0 || used + 14 + (n + 2) / 3 * 4 > size)
			return (-1);
		memcpy(dst + used, "=?UTF-8?B?", 10);
		used += 10;
		for (i = 0; i < n; i += 3) {
			v = (uint32_t)p[i] << 16;
			v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
			v |= i + 2 < n ? p[i + 2] : 0;
			dst[used++] = digits[v >> 18];
			dst[used++] = digits[v >> 12 & 63];
			dst[used++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
			dst[used++] = i + 2 < n ? digits[v & 63] : '=';
		}
		memcpy(dst + used, "?= ", 3);
		used += 3;
		p += n;
		len -= n;
	}
	dst[used] = '\0';
	return (0);
}

static int
put(int fd, const char *p, size_t len)
{
	ssize_t	 n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}

/* Bytes of the message from one offset up to another. */
static int
copy(int to, int from, uint64_t off, uint64_t end)
{
	static char	 chunk[COPY];
	size_t		 want;
	ssize_t		 n;

	while (off < end) {
		want = end - off < COPY ? (size_t)(end - off) : COPY;
		n = pread(from, chunk, want, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || put(to, chunk, (size_t)n) == -1)
			return (-1);
		off += (uint64_t)n;
	}
	return (0);
}

/* The new one takes the old one's place: sealed, and counted. */
static int
replace(struct message *m, int fd, uint64_t size)
{
	if (size > m->size && size - m->size > proxy.spool_max -
	    (proxy.spool_used < proxy.spool_max ? proxy.spool_used :
	    proxy.spool_max)) {
		errno = ENOSPC;
		return (-1);
	}
	proxy.spool_used = proxy.spool_used - m->charged + size;
	m->charged = size;
	close(m->fd);
	m->fd = fd;
	m->size = size;
	return (data_seal(m));
}

static int
write_edited(int fd, const struct message *m, const struct header *h,
    const char *tag, const char *header, int has_tag)
{
	const char	*rest;
	uint64_t	 at;
	size_t		 n;

	if (header[0] != '\0' && (put(fd, header, strlen(header)) == -1 ||
	    put(fd, "\r\n", 2) == -1))
		return (-1);
	if (!has_tag)
		return (copy(fd, m->fd, 0, m->size));
	n = strlen(tag);
	if (h->subject == 0) {
		if (put(fd, "Subject: ", 9) == -1 || put(fd, tag, n) == -1 ||
		    put(fd, "\r\n", 2) == -1)
			return (-1);
		return (copy(fd, m->fd, 0, m->size));
	}
	at = h->subject;
	rest = h->text + h->subject;
	if (*rest == ' ' || *rest == '\t')
		at++;
	if (copy(fd, m->fd, 0, at) == -1 || (at == h->subject &&
	    put(fd, " ", 1) == -1) || put(fd, tag, n) == -1)
		return (-1);
	/* Folded, the line has room for it. */
	if (h->line + n + 1 > LINE_MAX_OCTETS && put(fd, "\r\n ", 3) == -1)
		return (-1);
	return (copy(fd, m->fd, at, m->size));
}

int
edit_message(struct session *s, const char *tag, const char *header,
    int *breaks)
{
	struct message	*m;
	struct header	 h;
	const char	*p;
	char		 text[4 * CONF_TAG_MAX];
	off_t		 size;
	int		 fd, has_tag, saved;

	m = s->msg;
	*breaks = 0;
	if (encode_tag(tag, text, sizeof(text)) == -1) {
		errno = EINVAL;
		return (-1);
	}
	if (header_read(m, &h) == -1)
		return (-1);
	header_scan(&h);
	has_tag = text[0] != '\0';
	if (has_tag && h.subject != 0) {
		p = h.text + h.subject;
		p += strspn(p, " \t");
		/* It came back to us, or passed two of us. */
		if (strncmp(p, text, strlen(text)) == 0)
			has_tag = 0;
	}
	fd = -1;
	if ((!has_tag && header[0] == '\0') ||
	    ((fd = data_spool()) != -1 &&
	    write_edited(fd, m, &h, text, header, has_tag) == 0 &&
	    (size = lseek(fd, 0, SEEK_CUR)) != -1 &&
	    replace(m, fd, (uint64_t)size) == 0)) {
		*breaks = has_tag && h.is_signed;
		free(h.text);
		return (0);
	}
	saved = errno;
	free(h.text);
	if (fd != -1 && fd != m->fd)
		close(fd);
	errno = saved;
	return (-1);
}

/* SPDX-License-Identifier: ISC */

/*
 * Messages that the gateway writes itself: RFC 5322, RFC 2045 to 2047, and
 * RFC 3834 for those that nobody has asked for.  What strangers have said
 * stands in them, so nothing of it is taken as it is: text is encoded as a
 * whole, and what turns text round is taken out.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compose.h"
#include "conf.h"
#include "proto.h"
#include "utf8.h"

#define LINE_QP		76	/* RFC 2045 section 6.7, rule 5 */
#define LINE_WORD	75	/* RFC 2047 section 2 */
#define SUBJECT_MAX	512
#define BODY_MAX	(1 * MIB)

static const char	 digits[] = "0123456789ABCDEF";

static int	 is_unquiet(const uint8_t *, size_t);
static int	 put_word(struct buf *, const uint8_t *, size_t, size_t *);
static int	 put_text_header(struct buf *, const char *, const char *);
static int	 put_body(struct buf *, const struct buf *);
static int	 put_head(struct buf *, const struct letter *, const char *,
		    const char *);
static const char *what_happened(const struct about *);
static const char *show_sender(const struct about *, char *, size_t);
static int	 is_msgid(const char *);

/*
 * Marks of direction: what follows would be shown in another order.  And
 * controls of two bytes, which steer the terminal of who reads it there.
 */
static int
is_unquiet(const uint8_t *p, size_t n)
{
	if (n == 2)
		return ((p[0] == 0xc2 && p[1] < 0xa0) ||
		    (p[0] == 0xd8 && p[1] == 0x9c));
	if (n != 3 || p[0] != 0xe2)
		return (0);
	return ((p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f ||
	    (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

char *
compose_calm(char *dst, size_t size, const char *src)
{
	const uint8_t	*p;
	size_t		 n, len, used;

	utf8_plain(dst, size, src, strlen(src));
	p = (const uint8_t *)dst;
	len = strlen(dst);
	used = 0;
	for (; len > 0; p += n, len -= n) {
		if ((n = utf8_char(p, len)) == 0)
			n = 1;
		if (is_unquiet(p, n)) {
			dst[used++] = '?';
			continue;
		}
		memmove(dst + used, p, n);
		used += n;
	}
	dst[used] = '\0';
	return (dst);
}

/* One character in an encoded word, RFC 2047 section 4.2; *col goes on. */
static int
put_word(struct buf *b, const uint8_t *p, size_t n, size_t *col)
{
	char	 text[16];
	size_t	 len, i;

	len = 0;
	for (i = 0; i < n; i++) {
		if (p[i] == ' ')
			text[len++] = '_';
		else if (isascii(p[i]) && isalnum(p[i]))
			text[len++] = (char)p[i];
		else {
			text[len++] = '=';
			text[len++] = digits[p[i] >> 4];
			text[len++] = digits[p[i] & 15];
		}
	}
	/* A character is not divided between words. */
	if (*col + len + 2 > LINE_WORD) {
		if (buf_add(b, "?=\r\n =?UTF-8?Q?", 15) == -1)
			return (-1);
		*col = 11;
	}
	*col += len;
	return (buf_add(b, text, len));
}

/* A field of free text: as it is where that is short and plain. */
static int
put_text_header(struct buf *b, const char *name, const char *text)
{
	const uint8_t	*p;
	size_t		 col, len, n;
	int		 plain;

	len = strlen(text);
	plain = strlen(name) + 2 + len <= 78 && strstr(text, "=?") == NULL &&
	    (len == 0 || (text[0] != ' ' && text[len - 1] != ' '));
	for (p = (const uint8_t *)text; *p != '\0'; p++)
		plain &= *p >= 0x20 && *p < 0x7f;
	if (plain)
		return (buf_addf(b, "%s: %s\r\n", name, text));
	if (buf_addf(b, "%s: =?UTF-8?Q?", name) == -1)
		return (-1);
	col = strlen(name) + 12;
	for (p = (const uint8_t *)text; len > 0; p += n, len -= n) {
		if ((n = utf8_char(p, len)) == 0)
			n = 1;
		if (put_word(b, p, n, &col) == -1)
			return (-1);
	}
	return (buf_add(b, "?=\r\n", 4));
}

/* Lines that end with LF, as quoted-printable: RFC 2045 section 6.7. */
static int
put_body(struct buf *b, const struct buf *text)
{
	const uint8_t	*p;
	char		 c[4];
	size_t		 i, n, col;

	p = buf_ptr(text);
	col = 0;
	for (i = 0; i < text->len; i++) {
		if (p[i] == '\n') {
			if (buf_add(b, "\r\n", 2) == -1)
				return (-1);
			col = 0;
			continue;
		}
		n = 0;
		/* A dot or "From" that begins a line is safe as well. */
		if ((p[i] > 0x20 && p[i] < 0x7f && p[i] != '=' &&
		    (col > 0 || (p[i] != '.' && p[i] != 'F'))) ||
		    (p[i] == ' ' && i + 1 < text->len && p[i + 1] != '\n'))
			c[n++] = (char)p[i];
		else {
			c[n++] = '=';
			c[n++] = digits[p[i] >> 4];
			c[n++] = digits[p[i] & 15];
		}
		if (col + n > LINE_QP - 1) {
			if (buf_add(b, "=\r\n", 3) == -1)
				return (-1);
			col = 0;
		}
		if (buf_add(b, c, n) == -1)
			return (-1);
		col += n;
	}
	return (col > 0 ? buf_add(b, "\r\n", 2) : 0);
}

/* Everything up to the empty line; kind is that of Auto-Submitted. */
static int
put_head(struct buf *b, const struct letter *l, const char *subject,
    const char *kind)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr",
	    "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	const char		*at;
	struct tm		 tm;

	/* Not strftime(3), which has names of a locale. */
	if (gmtime_r(&l->now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	at = strrchr(l->from, '@');
	if (buf_addf(b, "From: mailwall <%s>\r\nTo: <%s>\r\n"
	    "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n"
	    "Message-ID: <%" PRIx64 ".%" PRIx64 ".mailwall@%s>\r\n",
	    l->from, l->to, days[tm.tm_wday], tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, (uint64_t)l->now, l->id,
	    at == NULL ? "localhost" : at + 1) == -1 ||
	    put_text_header(b, "Subject", subject) == -1)
		return (-1);
	return (buf_addf(b, "Auto-Submitted: %s\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n", kind));
}

static const char *
what_happened(const struct about *a)
{
	switch (a->action) {
	case ACTION_PASS:
		return ("passed on");
	case ACTION_BLOCK:
		return (a->is_kept ? "blocked and kept" : "blocked");
	case ACTION_TEMPFAIL:
		return ("put off");
	case ACTION_DISCARD:
		return (a->is_kept ? "put into quarantine" : "discarded");
	default:
		return ("handled");
	}
}

static const char *
show_sender(const struct about *a, char *buf, size_t size)
{
	return (a->sender[0] == '\0' ? "<>" :
	    compose_calm(buf, size, a->sender));
}

int
compose_notice(struct buf *b, const struct letter *l, const struct about *a)
{
	struct buf	 body;
	struct tm	 tm;
	char		 subject[SUBJECT_MAX], text[SMTP_ADDR_MAX + 8];
	time_t		 t;
	int		 ret;

	buf_init(&body, BODY_MAX);
	if (l->text != NULL)
		snprintf(subject, sizeof(subject), "[mailwall] %s",
		    compose_calm(text, sizeof(text), l->text));
	else
		snprintf(subject, sizeof(subject), "[mailwall] %s: %s%s%s",
		    what_happened(a), proto_verdict_name(a->verdict),
		    a->name[0] == '\0' ? "" : " ",
		    compose_calm(text, sizeof(text), a->name));
	t = (time_t)(a->time / 1000);
	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	ret = 0;
	if (l->text != NULL)
		ret |= buf_addf(&body, "%s\n\n",
		    compose_calm(text, sizeof(text), l->text));
	ret |= buf_addf(&body, "A message was %s.\n\n"
	    "Time:       %04d-%02d-%02d %02d:%02d:%02d UTC\n"
	    "Session:    %016" PRIx64 "\nClient:     %s\n",
	    what_happened(a), tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, a->session, a->client);
	ret |= buf_addf(&body, "Server:     %s\nHELO:       %s\n", a->dest,
	    compose_calm(text, sizeof(text), a->helo));
	ret |= buf_addf(&body, "Sender:     %s\n",
	    show_sender(a, text, sizeof(text)));
	ret |= buf_addf(&body, "Recipients: %u\n%s", a->nrcpt, a->rcpts);
	ret |= buf_addf(&body, "Subject:    %s\n",
	    compose_calm(text, sizeof(text), a->subject));
	ret |= buf_addf(&body, "Message-ID: %s\n",
	    compose_calm(text, sizeof(text), a->msgid));
	ret |= buf_addf(&body, "Size:       %" PRIu64 " bytes\n", a->size);
	ret |= buf_addf(&body, "Verdict:    %s%s%s\n",
	    proto_verdict_name(a->verdict), a->name[0] == '\0' ? "" : ": ",
	    compose_calm(text, sizeof(text), a->name));
	ret |= buf_addf(&body, "Rule:       line %u, action %s\n", a->line,
	    conf_action_name(a->action));
	ret |= buf_addf(&body, "Reply:      %s\n",
	    compose_calm(text, sizeof(text), a->reply));
	if (a->is_kept)
		ret |= buf_addf(&body, "Quarantine: number %" PRIu64 "\n",
		    a->number);
	ret |= buf_addf(&body, "\nmailwallctl trace %016" PRIx64 " shows all "
	    "that is known of it.\n", a->session);
	if (ret == 0)
		ret = put_head(b, l, subject, "auto-generated");
	if (ret == 0)
		ret = buf_add(b, "\r\n", 2);
	if (ret == 0)
		ret = put_body(b, &body);
	buf_clear(&body);
	return (ret == 0 ? 0 : -1);
}

int
compose_row(struct buf *body, const struct about *a)
{
	struct tm	 tm;
	char		 sender[MAIL_ADDR_MAX], name[SCAN_NAME_MAX];
	char		 subject[RECORD_TEXT_MAX], kept[32];
	time_t		 t;

	t = (time_t)(a->time / 1000);
	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	kept[0] = '\0';
	if (a->is_kept)
		snprintf(kept, sizeof(kept), " quarantine %" PRIu64,
		    a->number);
	return (buf_addf(body, "%02d-%02d %02d:%02d:%02d  %016" PRIx64
	    "  %-8s  %-14s  %-15s  line %u%s\n    from %s, %u recipients%s%s\n"
	    "    %s\n", tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, a->session, conf_action_name(a->action),
	    proto_verdict_name(a->verdict), a->client, a->line, kept,
	    show_sender(a, sender, sizeof(sender)), a->nrcpt,
	    a->name[0] == '\0' ? "" : ", ",
	    compose_calm(name, sizeof(name), a->name),
	    compose_calm(subject, sizeof(subject), a->subject)));
}

int
compose_digest(struct buf *b, const struct letter *l, time_t since,
    uint64_t n, uint64_t left, const struct buf *rows)
{
	struct buf	 body;
	struct tm	 tm;
	char		 subject[SUBJECT_MAX];
	int		 ret;

	buf_init(&body, BODY_MAX);
	if (gmtime_r(&since, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	snprintf(subject, sizeof(subject), "[mailwall] %" PRIu64 " messages",
	    n);
	ret = buf_addf(&body, "Since %04d-%02d-%02d %02d:%02d UTC there were "
	    "%" PRIu64 " messages more\nthan were reported one by one.\n\n"
	    "time            session           action    verdict         "
	    "client           rule\n", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, n);
	if (ret == 0 && rows->len > 0)
		ret = buf_add(&body, buf_ptr(rows), rows->len);
	if (ret == 0 && left > 0)
		ret = buf_addf(&body, "\n%" PRIu64 " more are left out here: "
		    "mailwallctl log shows them.\n", left);
	if (ret == 0)
		ret = put_head(b, l, subject, "auto-generated");
	if (ret == 0)
		ret = buf_add(b, "\r\n", 2);
	if (ret == 0)
		ret = put_body(b, &body);
	buf_clear(&body);
	return (ret);
}

/* Can it stand in a header as it is: "<", one word with an @, ">". */
static int
is_msgid(const char *s)
{
	size_t	 len, i;

	len = strlen(s);
	if (len < 5 || s[0] != '<' || s[len - 1] != '>' ||
	    strchr(s, '@') == NULL || strchr(s, '@') != strrchr(s, '@'))
		return (0);
	for (i = 1; i < len - 1; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || strchr("<>()[]\\,;:\"",
		    s[i]) != NULL)
			return (0);
	return (s[1] != '@' && s[len - 2] != '@');
}

int
compose_reply(struct buf *b, const struct letter *l, const struct about *a,
    const char *text)
{
	struct buf	 body;
	char		 subject[SUBJECT_MAX], old[RECORD_TEXT_MAX];
	int		 ret;

	buf_init(&body, BODY_MAX);
	compose_calm(old, sizeof(old), a->subject);
	/* RFC 3834 section 3.1.5 */
	snprintf(subject, sizeof(subject), "Auto: %s", old[0] == '\0' ?
	    "your message" : old);
	ret = buf_addf(&body, "%s\n\nThis is about your message\n\n"
	    "    Subject:    %s\n", text, old);
	if (ret == 0)
		ret = buf_addf(&body, "    Recipients: %u\n%s\n"
		    "It was written by a machine, with the number "
		    "%016" PRIx64 ".\n", a->nrcpt, a->rcpts, a->session);
	if (ret == 0)
		ret = put_head(b, l, subject, "auto-replied");
	/* Sections 3.1.6 and 3.1.7; what is no id is not handed on. */
	if (ret == 0 && is_msgid(a->msgid))
		ret = buf_addf(b, "In-Reply-To: %s\r\nReferences: %s\r\n",
		    a->msgid, a->msgid);
	if (ret == 0)
		ret = buf_add(b, "\r\n", 2);
	if (ret == 0)
		ret = put_body(b, &body);
	buf_clear(&body);
	return (ret);
}

/* Local parts behind which nobody sits: RFC 3834 section 2, RFC 2142. */
int
compose_answers(const char *path)
{
	static const char *const names[] = { "mailer-daemon", "postmaster",
	    "abuse", "hostmaster", "webmaster", "noreply", "no-reply",
	    "donotreply", "do-not-reply", "bounce", "bounces", "listserv",
	    "majordomo", "mailman", "root", "daemon", "nobody" };
	static const char *const ends[] = { "-request", "-owner", "-relay",
	    "-bounces", "-bounce", "-errors", "-confirm", "-admin" };
	const char	*at;
	size_t		 len, n, i;

	if ((at = strrchr(path, '@')) == NULL || !conf_mailbox_ok(path))
		return (0);
	len = (size_t)(at - path);
	if (strncasecmp(path, "owner-", 6) == 0 ||
	    strncasecmp(path, "bounce-", 7) == 0 ||
	    strncasecmp(path, "bounces+", 8) == 0 ||
	    strncasecmp(path, "bounce+", 7) == 0 ||
	    strncasecmp(path, "prvs=", 5) == 0 ||
	    strncasecmp(path, "srs0", 4) == 0 ||
	    strncasecmp(path, "srs1", 4) == 0)
		return (0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len &&
		    strncasecmp(path, names[i], len) == 0)
			return (0);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n = strlen(ends[i]);
		if (len >= n && strncasecmp(at - n, ends[i], n) == 0)
			return (0);
	}
	/* VERP: list-bounces+user=host@list */
	for (i = 0; i + 8 < len; i++)
		if (strncasecmp(path + i, "-bounces", 8) == 0)
			return (0);
	return (1);
}

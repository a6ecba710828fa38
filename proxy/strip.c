/* SPDX-License-Identifier: ISC */

/*
 * Removing attachments: each becomes a text that says what was there.
 *
 * What is removed is always an entity that stands in the message as it is:
 * of a member of an archive, a file in winmail.dat, a part of a message that
 * is encoded, the smallest such entity around it.  The fields of its header
 * that describe its body go, all others stay; so does everything around it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "body.h"
#include "log.h"
#include "utf8.h"

#define NAME_SHOWN	256	/* bytes of a name in a notice */

static uint32_t	 enclosing(const struct body *, uint32_t);
static uint32_t	 holder(const struct body *, uint32_t);
static void	 notice_line(struct bytes *, const struct body *,
		    const char *, uint32_t, uint32_t);
static void	 notice_text(struct bytes *, const struct body *, uint32_t,
		    const char *, uint64_t);
static void	 replace(struct body *, uint32_t, const struct bytes *);

/* The smallest entity that has all of this part's bytes in it. */
static uint32_t
enclosing(const struct body *b, uint32_t i)
{
	const struct arena_part	*p;
	uint64_t		 end, size, best;
	uint32_t		 k, found;

	p = b->parts->part;
	end = p[i].raw_off + p[i].raw_len;
	found = BODY_NONE;
	best = UINT64_MAX;
	for (k = 0; k < b->parts->head->nparts; k++) {
		if ((p[k].flags & PART_ENTITY) == 0 ||
		    body_head(b, k) > p[i].raw_off || body_tail(b, k) < end)
			continue;
		size = body_tail(b, k) - body_head(b, k);
		if (size <= best) {
			best = size;
			found = k;
		}
	}
	return (found);
}

/* What has to go for a part to be gone. */
static uint32_t
holder(const struct body *b, uint32_t i)
{
	const struct arena_part	*p;

	p = b->parts->part;
	for (;;) {
		if (p[i].flags & PART_ENTITY)
			break;
		if (p[i].raw_len > 0) {
			i = enclosing(b, i);
			break;
		}
		if (i == 0)
			return (BODY_NONE);
		i = p[i].parent;
	}
	/* One half of what is encrypted is of no use, RFC 1847 section 2.2. */
	while (i != BODY_NONE && i != 0 &&
	    body_type_is(b, p[i].parent, "multipart/encrypted"))
		i = p[i].parent;
	return (i);
}

int
strip_add(struct body *b, uint32_t part, const char *reason)
{
	uint32_t	 i;

	if (part >= b->parts->head->nparts)
		return (body_refuse(b, "nobody knows where it is"));
	if ((i = holder(b, part)) == BODY_NONE)
		return (body_refuse(b, "part %u is nowhere in the message",
		    part));
	if (b->removed[i] != 0)
		return (0);
	/* Beyond so many the last reason is all of theirs. */
	if (b->nreasons < STRIP_REASONS) {
		if ((b->reason[b->nreasons] = strdup(reason)) == NULL)
			fatal("%s", __func__);
		b->nreasons++;
	}
	b->removed[i] = (uint8_t)b->nreasons;
	return (0);
}

static void
notice_line(struct bytes *out, const struct body *b, const char *what,
    uint32_t off, uint32_t len)
{
	char	 text[NAME_SHOWN];

	if (len == 0)
		return;
	utf8_plain(text, sizeof(text), parts_string(b->parts, off), len);
	bytes_str(out, what);
	bytes_str(out, text);
	bytes_str(out, "\r\n");
}

static void
notice_text(struct bytes *out, const struct body *b, uint32_t i,
    const char *notice, uint64_t session)
{
	const struct arena_part	*q;
	char			 line[64];

	if (notice[0] != '\0') {
		bytes_str(out, notice);
		bytes_str(out, "\r\n");
		return;
	}
	q = &b->parts->part[i];
	bytes_str(out, "An attachment was removed from this message at the "
	    "mail gateway.\r\n\r\n");
	notice_line(out, b, "Name: ", q->name_off, q->name_len);
	notice_line(out, b, "Type: ", q->type_off, q->type_len);
	snprintf(line, sizeof(line), "Size: %llu bytes\r\n",
	    (unsigned long long)q->len);
	bytes_str(out, line);
	bytes_str(out, "Reason: ");
	bytes_str(out, b->reason[b->removed[i] - 1]);
	snprintf(line, sizeof(line), "\r\nSession: %016llx\r\n",
	    (unsigned long long)session);
	bytes_str(out, line);
}

/* The entity is this text from now on. */
static void
replace(struct body *b, uint32_t i, const struct bytes *text)
{
	const struct arena_part	*q;
	struct bytes		 out;
	struct field		 f;
	int			 has_version, plain;

	memset(&f, 0, sizeof(f));
	has_version = 0;
	while (body_field(b, i, &f) == 1) {
		if (f.name_len > 8 && strncasecmp((const char *)f.name,
		    "Content-", 8) == 0)
			body_patch(b, f.off, f.end - f.off, "", 0);
		else if (field_is(&f, "MIME-Version"))
			has_version = 1;
	}
	memset(&out, 0, sizeof(out));
	if (body_is_message(b, i) && !has_version)
		bytes_str(&out, "MIME-Version: 1.0\r\n");
	plain = recode_is_plain(text->p, text->n);
	bytes_str(&out, "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Disposition: inline\r\nContent-Transfer-Encoding: ");
	bytes_str(&out, plain ? "7bit\r\n\r\n" : "base64\r\n\r\n");
	if (plain)
		bytes_add(&out, text->p, text->n);
	else
		recode_base64(&out, text->p, text->n);
	/* From the empty line on. */
	q = &b->parts->part[i];
	body_patch(b, q->raw_off - 2, q->raw_len + 2, out.p, out.n);
	bytes_free(&out);
}

int
strip_finish(struct body *b, const char *notice, uint64_t session,
    int *breaks)
{
	struct bytes	 text;
	uint32_t	 i, up;
	int		 n;

	*breaks = 0;
	if (body_check(b) == -1)
		return (-1);
	*breaks = body_is_signed(b);
	n = 0;
	for (i = 0; i < b->parts->head->nparts; i++) {
		if (b->removed[i] == 0)
			continue;
		for (up = i; up != 0;) {
			up = b->parts->part[up].parent;
			if (b->removed[up] != 0)
				break;
		}
		/* Gone with what it is in. */
		if (i != 0 && b->removed[up] != 0)
			continue;
		if (body_in_signed(b, i))
			*breaks = 1;
		memset(&text, 0, sizeof(text));
		notice_text(&text, b, i, notice, session);
		replace(b, i, &text);
		bytes_free(&text);
		n++;
	}
	return (n);
}

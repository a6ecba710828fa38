/* SPDX-License-Identifier: ISC */

/*
 * What rules change in messages: texts that are put behind them, in lines or
 * from a file, and the notice in the place of what was removed.
 */

#include <sys/queue.h>

#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "macro.h"
#include "utf8.h"

#include "lex.h"
#include "build.h"
#include "value.h"

#define BOM	"\xef\xbb\xbf"	/* what some editors begin a file with */

struct disclaimer {
	struct conf_disclaimer_wire	 w;
	struct pos			 pos;
	size_t				 len;
	size_t				 text;	/* up to the last word */
	STAILQ_ENTRY(disclaimer)	 entry;
};

static STAILQ_HEAD(, disclaimer)	 all;
static uint32_t				 nall;

void
disclaimer_reset(void)
{
	STAILQ_INIT(&all);
	nall = 0;
}

struct disclaimer *
disclaimer_new(const struct pos *pos, const char *name)
{
	struct disclaimer	*d;

	if (!value_is_name(name)) {
		lex_error(pos, "letters, digits, _, - and .",
		    "bad name \"%s\" of a disclaimer", lex_show(name));
		return (NULL);
	}
	STAILQ_FOREACH(d, &all, entry)
		if (strcmp(d->w.name, name) == 0) {
			lex_error(pos, NULL, "disclaimer %s is already "
			    "defined at %s:%u", name, d->pos.path,
			    d->pos.line);
			return (NULL);
		}
	if (nall == CONF_DISCLAIMERS_MAX) {
		lex_error(pos, NULL, "more than %d disclaimers",
		    CONF_DISCLAIMERS_MAX);
		return (NULL);
	}
	if ((d = lex_alloc(sizeof(*d))) == NULL)
		return (NULL);
	d->w.id = nall++;
	d->w.line = pos->line;
	strlcpy(d->w.name, name, sizeof(d->w.name));
	d->pos = *pos;
	STAILQ_INSERT_TAIL(&all, d, entry);
	return (d);
}

void
disclaimer_line(struct disclaimer *d, const struct pos *pos,
    const char *text, size_t len)
{
	size_t	 i;

	if (d == NULL)
		return;
	/* Blanks at its end would make a line of flowed text run on. */
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' ||
	    text[len - 1] == '\r'))
		len--;
	for (i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
		    text[i] == 0x7f)
			break;
	if (i < len || !utf8_valid((const uint8_t *)text, len))
		lex_error(pos, "UTF-8 without control characters",
		    "bad line of a disclaimer");
	else if (len > DISCLAIMER_LINE_MAX)
		lex_error(pos, "several lines", "line of more than %d bytes",
		    DISCLAIMER_LINE_MAX);
	else if (d->len + len + 2 > sizeof(d->w.text))
		lex_error(pos, NULL, "disclaimer of more than %d bytes",
		    CONF_DISCLAIMER_MAX - 1);
	else {
		memcpy(d->w.text + d->len, text, len);
		d->len += len;
		d->w.text[d->len++] = '\n';
		if (len > 0)
			d->text = d->len;
	}
}

void
disclaimer_file(struct disclaimer *d, const struct pos *at, const char *path)
{
	struct pos	 pos;
	const char	*buf, *p, *end, *nl;
	size_t		 len;
	int		 errors;

	errors = lex_errors();
	memset(&pos, 0, sizeof(pos));
	if (d == NULL || (buf = lex_read(at, path, &pos.path, &len)) == NULL)
		return;
	end = buf + len;
	p = buf;
	pos.col = 1;
	if (len >= strlen(BOM) && memcmp(p, BOM, strlen(BOM)) == 0)
		p += strlen(BOM);
	for (; p < end && lex_errors() == errors; p = nl + 1) {
		pos.line++;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		disclaimer_line(d, &pos, p, (size_t)(nl - p));
	}
}

void
disclaimer_store(struct conf *conf)
{
	struct disclaimer	*d;

	STAILQ_FOREACH(d, &all, entry) {
		/* Empty lines at the end say nothing. */
		d->w.text[d->text] = '\0';
		if (d->text == 0)
			lex_error(&d->pos, "a text", "disclaimer %s is empty",
			    d->w.name);
		else if (conf_add_disclaimer(conf, &d->w) == -1)
			lex_error(&d->pos, NULL, "too many disclaimers");
	}
}

uint32_t
disclaimer_id(const struct rule *r)
{
	const struct disclaimer	*d;

	STAILQ_FOREACH(d, &all, entry)
		if (strcmp(d->w.name, r->disclaimer) == 0)
			return (d->w.id + 1);
	lex_error(&r->disclaimer_pos, NULL, "no disclaimer %s",
	    lex_show(r->disclaimer));
	return (0);
}

void
build_disclaimer(struct rule *r, const struct pos *pos, const char *name)
{
	if (r->disclaimer != NULL)
		lex_error(pos, "it once", "a second disclaimer in one rule");
	r->disclaimer = name;
	r->disclaimer_pos = *pos;
}

void
build_notice(struct rule *r, const struct pos *pos, const char *text)
{
	const char	*why;

	if (r->w.notice[0] != '\0')
		lex_error(pos, "it once", "a second notice in one rule");
	else if (text[0] == '\0' || strlen(text) >= sizeof(r->w.notice) ||
	    !utf8_line(text, strlen(text) + 1) ||
	    !utf8_valid((const uint8_t *)text, strlen(text)))
		lex_error(pos, "up to 511 bytes of UTF-8 without control "
		    "characters", "bad notice \"%s\"", lex_show(text));
	else if (macro_check(text, &why) == -1)
		lex_error(pos, NULL, "bad notice \"%s\": %s", lex_show(text),
		    why);
	else
		strlcpy(r->w.notice, text, sizeof(r->w.notice));
}

void
build_signed(struct rule *r, const struct pos *pos, unsigned int what)
{
	if (r->w.on_signed != SIGNED_USUAL)
		lex_error(pos, "it once", "signed is said twice");
	r->w.on_signed = what;
	r->signed_pos = *pos;
}

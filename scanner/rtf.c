/* SPDX-License-Identifier: ISC */

/*
 * Text of RTF (Word 2007 specification, 1.9.1).
 *
 * Bytes are in the code page of the document or of the font in use; \uN has
 * characters with a fallback that is skipped.  Destinations that are not shown
 * are left out, an unknown one marked \* too.  Groups nest to a limit, counted
 * on beyond it, so that the end of the file is read as what it is.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

#define WORD_LEN	32
#define FONTS_MAX	1024	/* numbers below; others are the default */
#define BYTES_MAX	1024	/* in one code page, converted at a time */

struct group {
	uint8_t		 mute;		/* not shown */
	uint8_t		 fonts;		/* the table of fonts */
	uint16_t	 uc;		/* fallback bytes behind \u */
	uint16_t	 font;
};

struct rtf {
	struct textout	*out;
	struct group	 stack[RTF_DEPTH_MAX];
	unsigned int	 depth;		/* may exceed the stack */
	unsigned int	 ansicpg;
	uint16_t	 page[FONTS_MAX];	/* 0: the document's */
	unsigned int	 skip;		/* fallback still to be skipped */
	int		 star;		/* "\*" was just read */
	size_t		 nbytes;
	uint8_t		 bytes[BYTES_MAX];
};

static struct group	*top(struct rtf *);
static void		 bytes_flush(struct rtf *);
static void		 byte_add(struct rtf *, int);
static void		 word_do(struct rtf *, const char *, int, long);
static void		 unicode_do(struct rtf *, long);
static const uint8_t	*control(struct rtf *, const uint8_t *,
			    const uint8_t *);

static struct group *
top(struct rtf *r)
{
	return (&r->stack[r->depth < RTF_DEPTH_MAX ? r->depth :
	    RTF_DEPTH_MAX - 1]);
}

static void
bytes_flush(struct rtf *r)
{
	unsigned int	 page;

	if (r->nbytes == 0)
		return;
	page = r->page[top(r)->font];
	textout_page(r->out, r->bytes, r->nbytes,
	    page != 0 ? page : r->ansicpg);
	r->nbytes = 0;
}

static void
byte_add(struct rtf *r, int c)
{
	if (r->skip > 0) {
		r->skip--;
		return;
	}
	if (top(r)->mute)
		return;
	if (r->nbytes == sizeof(r->bytes))
		bytes_flush(r);
	r->bytes[r->nbytes++] = (uint8_t)c;
}

static void
unicode_do(struct rtf *r, long v)
{
	bytes_flush(r);
	r->skip = top(r)->uc;
	if (top(r)->mute)
		return;
	textout_unit(r->out, (uint32_t)v & 0xffff);
}

/* [MS-RTF]: what \fcharset stands for. */
static unsigned int
charset_page(long charset)
{
	static const struct {
		long		 charset;
		unsigned int	 page;
	} pages[] = {
		{ 128, 932 }, { 129, 949 }, { 134, 936 }, { 136, 950 },
		{ 161, 1253 }, { 162, 1254 }, { 163, 1258 }, { 177, 1255 },
		{ 178, 1256 }, { 186, 1257 }, { 204, 1251 }, { 222, 874 },
		{ 238, 1250 },
	};
	size_t	 i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (pages[i].charset == charset)
			return (pages[i].page);
	return (0);
}

/* Destinations without text of the document. */
static int
hidden(const char *word)
{
	static const char *const	 words[] = {
		"fonttbl", "colortbl", "stylesheet", "pict", "objdata",
		"themedata", "colorschememapping", "datastore", "latentstyles",
		"generator", "rsidtbl", "listtable", "listoverridetable",
		"fldinst", "bkmkstart", "bkmkend", "xmlnstbl", "mmathPr",
		"blipuid", "filetbl", "revtbl", "objclass", "objname",
		"template", "private", "panose", "falt",
	};
	size_t				 i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return (1);
	return (0);
}

static void
word_do(struct rtf *r, const char *word, int has, long v)
{
	static const char *const	 shown[] = {
		"shptxt", "footnote", "annotation", "header", "footer",
		"headerl", "headerr", "footerl", "footerr", "company",
		"manager", "userprops", "shppict", "atnauthor", "do",
		"dptxbxtext", "shpinst", "ud", "upr",
	};
	size_t				 i;
	int				 star;

	star = r->star;
	r->star = 0;
	if (strcmp(word, "u") == 0 && has) {
		unicode_do(r, v);
		return;
	}
	if (strcmp(word, "uc") == 0 && v >= 0 && v < 256)
		top(r)->uc = (uint16_t)v;
	else if (strcmp(word, "f") == 0 && v >= 0 && v < FONTS_MAX) {
		bytes_flush(r);
		top(r)->font = (uint16_t)v;
	} else if (strcmp(word, "fcharset") == 0 && top(r)->fonts)
		r->page[top(r)->font] = (uint16_t)charset_page(v);
	else if (strcmp(word, "ansicpg") == 0 && v > 0 && v < 65536)
		r->ansicpg = (unsigned int)v;
	else if (strcmp(word, "par") == 0 || strcmp(word, "line") == 0 ||
	    strcmp(word, "cell") == 0 || strcmp(word, "row") == 0 ||
	    strcmp(word, "sect") == 0 || strcmp(word, "page") == 0 ||
	    strcmp(word, "tab") == 0) {
		bytes_flush(r);
		if (!top(r)->mute)
			textout_char(r->out, '\n');
	} else if (hidden(word)) {
		bytes_flush(r);
		top(r)->mute = 1;
		top(r)->fonts = strcmp(word, "fonttbl") == 0;
	} else if (star) {
		for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			if (strcmp(word, shown[i]) == 0)
				return;
		bytes_flush(r);
		top(r)->mute = 1;
	}
}

/* What follows a backslash.  Returns where it ends. */
static const uint8_t *
control(struct rtf *r, const uint8_t *p, const uint8_t *end)
{
	char		 word[WORD_LEN];
	char		 hex[3];
	long		 v;
	size_t		 n;
	int		 has, neg;

	if (p == end)
		return (p);
	if (!isalpha(*p)) {
		if (*p == '\'' && end - p > 2 && isxdigit(p[1]) &&
		    isxdigit(p[2])) {
			memcpy(hex, p + 1, 2);
			hex[2] = '\0';
			byte_add(r, (int)strtol(hex, NULL, 16));
			return (p + 3);
		}
		r->star = *p == '*';
		if (*p == '\\' || *p == '{' || *p == '}')
			byte_add(r, *p);
		else if (*p == '~')
			byte_add(r, ' ');
		else if (*p == '\n' || *p == '\r')
			byte_add(r, '\n');
		return (p + 1);
	}
	for (n = 0; p < end && isalpha(*p); p++)
		if (n < sizeof(word) - 1)
			word[n++] = (char)*p;
	word[n] = '\0';
	v = 0;
	neg = p < end && *p == '-';
	if (neg)
		p++;
	for (has = 0; p < end && isdigit(*p); p++, has = 1)
		v = v < 100000000 ? v * 10 + (*p - '0') : v;
	if (p < end && *p == ' ')
		p++;
	/* Data that may hold anything, braces too. */
	if (strcmp(word, "bin") == 0 && has && !neg)
		return (v < end - p ? p + v : end);
	word_do(r, word, has, neg ? -v : v);
	return (p);
}

void
rtf_text(const uint8_t *p, size_t len, struct textout *out)
{
	const uint8_t	*end;
	struct rtf	*r;
	struct group	 g;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		out->cut = 1;
		return;
	}
	r->out = out;
	r->ansicpg = 1252;
	r->stack[0].uc = 1;
	end = p + len;
	while (p < end && out->left > 0) {
		switch (*p) {
		case '\\':
			p = control(r, p + 1, end);
			continue;
		case '{':
			bytes_flush(r);
			r->skip = 0;
			g = *top(r);
			if (++r->depth < RTF_DEPTH_MAX)
				r->stack[r->depth] = g;
			else
				out->cut = 1;
			break;
		case '}':
			bytes_flush(r);
			r->skip = 0;
			if (r->depth > 0)
				r->depth--;
			break;
		case '\r':
		case '\n':
		case '\0':
			break;
		default:
			byte_add(r, *p);
			break;
		}
		if (*p != '{')
			r->star = 0;
		p++;
	}
	bytes_flush(r);
	free(r);
}

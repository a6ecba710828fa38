/* SPDX-License-Identifier: ISC */

/*
 * Text of the XML in office documents: OOXML (ECMA-376) and OpenDocument.
 *
 * Not an XML parser: one pass that tells tags from text.  Runs of one
 * paragraph are joined as they are shown, so that a word which an author (or
 * a sender) formatted in pieces is one word.  No entities but the five and
 * numbers, no declarations, no name spaces: prefixes are ignored, since a
 * document may choose its own.
 */

#include <ctype.h>
#include <string.h>

#include "inspect.h"

#define TAG_LEN		32

static const char	*local_name(const uint8_t *, size_t, char *);
static int		 breaks(const char *);
static int		 silent(const char *);
static size_t		 reference(const uint8_t *, size_t, uint32_t *);
static size_t		 markup(const uint8_t *, size_t);

int
docxml_has_text(const char *name, size_t len)
{
	static const struct {
		const char	*dir;
		const char	*file;	/* begins with */
	} known[] = {
		{ "word/",	"document" },
		{ "word/",	"header" },
		{ "word/",	"footer" },
		{ "word/",	"comments" },
		{ "word/",	"footnotes" },
		{ "word/",	"endnotes" },
		{ "word/",	"glossary" },
		{ "xl/",	"sharedStrings" },
		{ "xl/",	"worksheets/" },
		{ "xl/",	"comments" },
		{ "xl/",	"drawings/" },
		{ "xl/",	"workbook.xml" },
		{ "ppt/",	"slides/" },
		{ "ppt/",	"notesSlides/" },
		{ "ppt/",	"comments/" },
		{ "ppt/",	"slideMasters/" },
		{ "word/",	"diagrams/" },
		{ "ppt/",	"diagrams/" },
		{ "docProps/",	"core" },
		{ "docProps/",	"app" },
		{ "docProps/",	"custom" },
		{ "",		"content.xml" },
		{ "",		"meta.xml" },
		{ "",		"styles.xml" },
		{ "Contents/",	"section" },
	};
	size_t	 dir, file, i;

	if (len < 4 || strncasecmp(name + len - 4, ".xml", 4) != 0)
		return (0);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		dir = strlen(known[i].dir);
		file = strlen(known[i].file);
		if (len >= dir + file &&
		    strncasecmp(name, known[i].dir, dir) == 0 &&
		    strncasecmp(name + dir, known[i].file, file) == 0)
			return (1);
	}
	return (0);
}

/* A tag's name without its prefix, in the buffer. */
static const char *
local_name(const uint8_t *p, size_t len, char *buf)
{
	size_t	 i, n;

	for (i = n = 0; i < len && p[i] > ' ' && p[i] != '>' && p[i] != '/';
	    i++) {
		if (p[i] == ':')
			n = 0;
		else if (n < TAG_LEN - 1)
			buf[n++] = (char)p[i];
	}
	buf[n] = '\0';
	return (buf);
}

/* Elements whose end, or which themselves, are a break. */
static int
breaks(const char *tag)
{
	static const char *const	 tags[] = {
		"p", "br", "cr", "tr", "si", "is", "c", "v", "h", "tab",
		"line-break", "table-cell", "title", "subject", "creator",
		"keywords", "description", "keyword", "lastModifiedBy",
		"Company", "comment", "sheet", "text-box", "s", "category",
		"lpstr", "initial-creator",
	};
	size_t				 i;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (strcmp(tag, tags[i]) == 0)
			return (1);
	return (0);
}

/* What is not shown: formulas of fields, geometry, numbers of styles. */
static int
silent(const char *tag)
{
	return (strcmp(tag, "instrText") == 0 || strcmp(tag, "posOffset") ==
	    0 || strcmp(tag, "binData") == 0);
}

/* "&...;" at p: how long it is, and the character; 0: none that we know. */
static size_t
reference(const uint8_t *p, size_t len, uint32_t *c)
{
	static const struct {
		const char	*name;
		uint32_t	 c;
	} five[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
	};
	uint32_t	 v;
	size_t		 i, n;
	int		 d, hex;

	for (i = 0; i < sizeof(five) / sizeof(five[0]); i++) {
		n = strlen(five[i].name);
		if (len >= n && memcmp(p, five[i].name, n) == 0) {
			*c = five[i].c;
			return (n);
		}
	}
	if (len < 4 || p[1] != '#')
		return (0);
	hex = (p[2] | 0x20) == 'x';
	v = 0;
	for (i = hex ? 3 : 2; i < len && i < 12 && isxdigit(p[i]); i++) {
		d = p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10;
		if (!hex && d > 9)
			return (0);
		v = v * (hex ? 16 : 10) + (uint32_t)d;
	}
	if (i == len || p[i] != ';' || v > 0x10ffff)
		return (0);
	*c = v;
	return (i + 1);
}

/* The length of what begins with '<'; a quoted '>' does not end a tag. */
static size_t
markup(const uint8_t *p, size_t len)
{
	const uint8_t	*q;
	size_t		 i;
	int		 quote;

	if (len >= 4 && memcmp(p, "<!--", 4) == 0) {
		q = memmem(p + 4, len - 4, "-->", 3);
		return (q == NULL ? len : (size_t)(q - p) + 3);
	}
	quote = 0;
	for (i = 1; i < len; i++) {
		if (quote != 0) {
			if (p[i] == quote)
				quote = 0;
		} else if (p[i] == '"' || p[i] == '\'')
			quote = p[i];
		else if (p[i] == '>')
			return (i + 1);
	}
	return (len);
}

void
docxml_text(const uint8_t *p, size_t len, struct textout *out)
{
	const uint8_t	*q;
	char		 buf[TAG_LEN];
	const char	*tag;
	uint32_t	 c;
	size_t		 n;
	int		 mute;

	mute = 0;
	for (; len > 0 && out->left > 0; p += n, len -= n) {
		n = 1;
		if (*p != '<') {
			if (*p == '&' && (n = reference(p, len, &c)) != 0) {
				if (!mute)
					textout_char(out, c);
				continue;
			}
			q = memchr(p + 1, '<', len - 1);
			n = q == NULL ? len : (size_t)(q - p);
			if ((q = memchr(p + 1, '&', n - 1)) != NULL)
				n = (size_t)(q - p);
			if (!mute)
				textout_bytes(out, p, n);
			continue;
		}
		if (len >= 9 && memcmp(p, "<![CDATA[", 9) == 0) {
			q = memmem(p, len, "]]>", 3);
			n = q == NULL ? len : (size_t)(q - p);
			textout_bytes(out, p + 9, n - 9);
			n += q == NULL ? 0 : 3;
			continue;
		}
		n = markup(p, len);
		tag = local_name(p + (len > 1 && p[1] == '/' ? 2 : 1),
		    n - (len > 1 && p[1] == '/' ? 2 : 1), buf);
		if (breaks(tag) && (p[1] == '/' || p[n - 2] == '/'))
			textout_char(out, strcmp(tag, "s") == 0 ? ' ' : '\n');
		mute = silent(tag) && p[1] != '/' && p[n - 2] != '/';
	}
	textout_char(out, '\n');
}

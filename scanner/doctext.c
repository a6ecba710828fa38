/* SPDX-License-Identifier: ISC */

/*
 * Text of files, as UTF-8, in pieces.
 *
 * Who looks for words wants characters, whatever the file's encoding is.  For
 * plain text nothing says what that is: UTF-16 by its mark, UTF-8 if it is
 * that without fault, and otherwise every one of the code pages in use that
 * its bytes fit without fault, one reading after the other.
 */

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#include "inspect.h"

#define CONV_CHUNK	4096

static uint8_t	*utf16_copy(const uint8_t *, size_t, size_t *);
static int	 page_fits(const uint8_t *, size_t, iconv_t);

/* Descriptors are made before confinement; their tables are files. */
static struct page {
	unsigned int	 page;
	const char	*name;
	int		 guess;		/* text without a label may be that */
	iconv_t		 cd;
} pages[] = {
	{ 936,	"GB18030",	1, NULL },
	{ 949,	"CP949",	1, NULL },
	{ 950,	"CP950",	1, NULL },
	{ 932,	"CP932",	1, NULL },
	{ 1251,	"CP1251",	1, NULL },
	{ 1256,	"CP1256",	1, NULL },
	{ 20866, "KOI8-R",	1, NULL },
	{ 1250,	"CP1250",	0, NULL },
	{ 1252,	"CP1252",	0, NULL },
	{ 1253,	"CP1253",	0, NULL },
	{ 1254,	"CP1254",	0, NULL },
	{ 1255,	"CP1255",	0, NULL },
	{ 1257,	"CP1257",	0, NULL },
	{ 1258,	"CP1258",	0, NULL },
	{ 874,	"CP874",	0, NULL },
};

#define NPAGES	(sizeof(pages) / sizeof(pages[0]))

void
doctext_init(void)
{
	size_t	 i;

	for (i = 0; i < NPAGES; i++) {
		if (pages[i].cd != NULL)
			continue;
		pages[i].cd = iconv_open("UTF-8", pages[i].name);
		if (pages[i].cd == (iconv_t)-1)
			pages[i].cd = NULL;
	}
}

void
textout_init(struct textout *o, void (*emit)(void *, const uint8_t *, size_t),
    void *arg, uint64_t left)
{
	o->emit = emit;
	o->arg = arg;
	o->left = left;
	o->cut = left == 0;
	o->high = 0;
	o->n = o->size = 0;
	o->buf = NULL;
}

void
textout_flush(struct textout *o)
{
	if (o->n > 0)
		o->emit(o->arg, o->buf, o->n);
	free(o->buf);
	o->buf = NULL;
	o->n = o->size = 0;
}

void
textout_bytes(struct textout *o, const uint8_t *p, size_t len)
{
	uint8_t	*buf;
	size_t	 size;

	o->high = 0;
	if (len > o->left) {
		len = (size_t)o->left;
		o->cut = 1;
	}
	o->left -= len;
	if (len == 0)
		return;
	if (len > o->size - o->n) {
		size = o->size == 0 ? DOCTEXT_FIRST : o->size * 2;
		while (size - o->n < len)
			size *= 2;
		if ((buf = realloc(o->buf, size)) == NULL) {
			o->left = 0;
			o->cut = 1;
			return;
		}
		o->buf = buf;
		o->size = size;
	}
	memcpy(o->buf + o->n, p, len);
	o->n += len;
}

void
textout_char(struct textout *o, uint32_t c)
{
	uint8_t	 b[4];
	size_t	 n;

	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	n = utf8_put(b, c);
	if (n > o->left) {
		o->left = 0;
		o->cut = 1;
		return;
	}
	textout_bytes(o, b, n);
}

void
textout_unit(struct textout *o, uint32_t c)
{
	if (c >= 0xd800 && c < 0xdc00) {
		o->high = c;
		return;
	}
	if (c >= 0xdc00 && c < 0xe000 && o->high != 0)
		c = 0x10000 + ((o->high & 0x3ff) << 10) + (c & 0x3ff);
	o->high = 0;
	textout_char(o, c);
}

static iconv_t
page_find(unsigned int page)
{
	size_t	 i;

	for (i = 0; i < NPAGES; i++)
		if (pages[i].page == page)
			return (pages[i].cd);
	return (NULL);
}

int
textout_page(struct textout *o, const uint8_t *p, size_t len,
    unsigned int page)
{
	char		 buf[CONV_CHUNK], *in, *out;
	iconv_t		 cd;
	size_t		 inleft, outleft;
	int		 ret;

	if ((cd = page_find(page)) == NULL) {
		/* Latin 1, of which every byte is a character. */
		for (; len > 0 && o->left > 0; p++, len--)
			textout_char(o, *p);
		return (0);
	}
	ret = 0;
	iconv(cd, NULL, NULL, NULL, NULL);
	in = (char *)(uintptr_t)p;
	inleft = len;
	while (inleft > 0 && o->left > 0) {
		out = buf;
		outleft = sizeof(buf);
		if (iconv(cd, &in, &inleft, &out, &outleft) == (size_t)-1 &&
		    errno != E2BIG) {
			ret = -1;
			if (inleft > 0) {
				in++;
				inleft--;
			}
		}
		textout_bytes(o, (uint8_t *)buf, sizeof(buf) - outleft);
		if (ret == -1)
			textout_char(o, 0xfffd);
	}
	return (ret);
}

/* With its mark at the front: a copy in UTF-8, or NULL. */
static uint8_t *
utf16_copy(const uint8_t *p, size_t len, size_t *outlen)
{
	uint32_t	 c, d;
	uint8_t		*out;
	size_t		 i, n;
	int		 big;

	big = p[0] == 0xfe;
	if ((out = malloc(len / 2 * 3 + 4)) == NULL)
		return (NULL);
	for (i = 2, n = 0; i + 1 < len; i += 2) {
		c = (uint32_t)p[i + !big] << 8 | p[i + big];
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < len) {
			d = (uint32_t)p[i + 2 + !big] << 8 | p[i + 2 + big];
			if (d >= 0xdc00 && d < 0xe000) {
				c = 0x10000 + ((c & 0x3ff) << 10) +
				    (d & 0x3ff);
				i += 2;
			}
		}
		if (c == 0 || (c >= 0xd800 && c < 0xe000))
			c = 0xfffd;
		n += utf8_put(out + n, c);
	}
	*outlen = n;
	return (out);
}

/* Are all bytes characters of that page?  A cut one at the end is. */
static int
page_fits(const uint8_t *p, size_t len, iconv_t cd)
{
	char	 buf[CONV_CHUNK], *in, *out;
	size_t	 inleft, outleft;

	iconv(cd, NULL, NULL, NULL, NULL);
	in = (char *)(uintptr_t)p;
	inleft = len;
	while (inleft > 0) {
		out = buf;
		outleft = sizeof(buf);
		if (iconv(cd, &in, &inleft, &out, &outleft) == (size_t)-1 &&
		    errno != E2BIG)
			return (errno == EINVAL);
	}
	return (1);
}

void
textout_plain(struct textout *o, const uint8_t *p, size_t len)
{
	size_t	 i, n;

	if (utf8_valid(p, len)) {
		textout_bytes(o, p, len);
		return;
	}
	n = 0;
	for (i = 0; i < NPAGES; i++) {
		if (!pages[i].guess || pages[i].cd == NULL ||
		    !page_fits(p, len, pages[i].cd))
			continue;
		textout_page(o, p, len, pages[i].page);
		textout_char(o, '\n');
		n++;
	}
	if (n == 0)
		textout_page(o, p, len, 1252);
}

int
doctext(const uint8_t *p, size_t len, enum file_type type, const char *name,
    uint64_t left, void (*emit)(void *, const uint8_t *, size_t), void *arg)
{
	static struct textout	 o;
	uint8_t			*copy;

	copy = NULL;
	textout_init(&o, emit, arg, left);
	if (len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) ||
	    (p[0] == 0xfe && p[1] == 0xff)) &&
	    (copy = utf16_copy(p, len, &len)) != NULL)
		p = copy;
	switch (type) {
	case FT_PDF:
		pdf_text(p, len, &o);
		break;
	case FT_RTF:
		rtf_text(p, len, &o);
		break;
	case FT_DOC:
	case FT_XLS:
	case FT_PPT:
	case FT_MSG:
	case FT_OLE2:
		oletext(p, len, &o);
		break;
	default:
		if (fact_type_class(type) == FC_TEXT &&
		    docxml_has_text(name, strlen(name)))
			docxml_text(p, len, &o);
		else if (fact_type_class(type) == FC_TEXT || type == FT_SVG ||
		    fact_type_class(type) == FC_SCRIPT)
			textout_plain(&o, p, len);
		break;
	}
	textout_flush(&o);
	free(copy);
	return (o.cut ? -1 : 0);
}

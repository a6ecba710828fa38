/* SPDX-License-Identifier: ISC */

/*
 * Text of compound files: documents, tables and slides of the old formats,
 * and messages of Outlook.
 *
 * Whatever the file's directory says, text is sought by its form over all
 * bytes of the file; that alone finds most.  What it cannot find is in
 * streams that lie in pieces, which are put together, and in the forms of
 * Word, Excel, PowerPoint and Outlook, which are read.
 */

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "lzfu.h"

#include "cfb.h"
#include "inspect.h"

#define HEADER		512	/* of the file, without text */
#define DOCUMENTS_MAX	16	/* Word documents, one embedded in another */

/* PowerPoint's records, [MS-PPT] 2.3.1: version, type, length. */
#define PPT_HEADER	8
#define PPT_CONTAINER	0xf	/* its version: records follow */
#define PPT_CHARS	0x0fa0	/* TextCharsAtom */
#define PPT_BYTES	0x0fa8	/* TextBytesAtom: those below U+0100 */
#define PPT_CSTRING	0x0fba

/* Outlook's properties, [MS-OXMSG] 2.1.3: the number is in the name. */
#define MSG_PREFIX	"__substg1.0_"
#define MSG_NAME_LEN	20
#define MSG_HTML	"10130102"
#define MSG_RTF		"10090102"	/* compressed */
#define RTF_MAX		(16 * MIB)

static void	 utf16(const uint8_t *, size_t, struct textout *);
static void	 ppt(const uint8_t *, size_t, struct textout *);
static int	 rtf(const struct cfb_data *, struct textout *);
static int	 msg(const char *, const struct cfb_data *, struct textout *);
static int	 with_table(struct cfb *, const char *,
		    const struct cfb_data *, struct textout *);
static int	 word(struct cfb *, const struct cfb_data *, struct textout *);
static int	 stream(struct cfb *, const struct cfb_entry *, unsigned int *,
		    struct textout *);

static void
utf16(const uint8_t *p, size_t len, struct textout *out)
{
	uint32_t	 c, high;

	for (high = 0; len >= 2; p += 2, len -= 2) {
		c = le16(p);
		if (c >= 0xd800 && c < 0xdc00) {
			high = c;
			continue;
		}
		if (c >= 0xdc00 && c < 0xe000 && high != 0)
			c = 0x10000 + ((high & 0x3ff) << 10) + (c & 0x3ff);
		high = 0;
		textout_char(out, c < 0x20 ? '\n' : c);
	}
	textout_char(out, '\n');
}

/* Records in records are walked as if all were in a row. */
static void
ppt(const uint8_t *p, size_t len, struct textout *out)
{
	unsigned int	 type;
	size_t		 i, n;

	while (len >= PPT_HEADER && out->left > 0) {
		type = le16(p + 2);
		n = le32(p + 4);
		if ((p[0] & 0xf) == PPT_CONTAINER)
			n = 0;
		p += PPT_HEADER;
		len -= PPT_HEADER;
		if (n > len)
			n = len;
		if (type == PPT_BYTES) {
			for (i = 0; i < n; i++)
				textout_char(out, p[i] < 0x20 ? '\n' : p[i]);
			textout_char(out, '\n');
		} else if (type == PPT_CHARS || type == PPT_CSTRING)
			utf16(p, n, out);
		p += n;
		len -= n;
	}
}

static int
rtf(const struct cfb_data *d, struct textout *out)
{
	uint8_t	*buf;
	size_t	 max, n;
	int	 bad, full;

	max = d->len < RTF_MAX / LZFU_GROWTH ? d->len * LZFU_GROWTH : RTF_MAX;
	if ((buf = malloc(max)) == NULL)
		return (-1);
	n = lzfu_decode(d->p, d->len, buf, max, &bad, &full);
	rtf_text(buf, n, out);
	free(buf);
	return (full ? -1 : 0);
}

/* Returns 0, or -1: not all of it was read. */
static int
msg(const char *name, const struct cfb_data *d, struct textout *out)
{
	const char	*type;

	if (strlen(name) != MSG_NAME_LEN)
		return (0);
	name += sizeof(MSG_PREFIX) - 1;
	type = name + 4;
	if (strcasecmp(type, "001f") == 0)
		utf16(d->p, d->len, out);
	else if (strcasecmp(type, "001e") == 0 ||
	    strcmp(name, MSG_HTML) == 0) {
		textout_plain(out, d->p, d->len);
		textout_char(out, '\n');
	} else if (strcmp(name, MSG_RTF) == 0)
		return (rtf(d, out));
	return (0);
}

/* Nearly always one stream has that name. */
static int
with_table(struct cfb *c, const char *name, const struct cfb_data *doc,
    struct textout *out)
{
	struct cfb_entry	 e;
	struct cfb_data		 table;
	size_t			 i;
	int			 ret;

	ret = 0;
	for (i = 0; cfb_entry(c, i, &e); i++) {
		if (e.type != CFB_STREAM || strcmp(e.name, name) != 0)
			continue;
		if (cfb_read(c, &e, &table) == -1)
			return (-1);
		if (word_text(doc->p, doc->len, table.p, table.len, out) ==
		    -1)
			ret = -1;
		free(table.copy);
	}
	return (ret);
}

static int
word(struct cfb *c, const struct cfb_data *doc, struct textout *out)
{
	const char	*table;

	if ((table = word_table(doc->p, doc->len)) != NULL)
		return (with_table(c, table, doc, out));
	word_text_old(doc->p, doc->len, out);
	return (0);
}

/* Returns 0, or -1: not all of it was read. */
static int
stream(struct cfb *c, const struct cfb_entry *e, unsigned int *ndocs,
    struct textout *out)
{
	struct cfb_data	 d;
	int		 ret;

	if (cfb_read(c, e, &d) == -1)
		return (-1);
	ret = 0;
	if (d.len == 0)
		return (0);
	if (strcmp(e->name, "WordDocument") == 0) {
		if (++*ndocs > DOCUMENTS_MAX || word(c, &d, out) == -1)
			ret = -1;
	} else if (strcmp(e->name, "Workbook") == 0 ||
	    strcmp(e->name, "Book") == 0)
		biff_text(d.p, d.len, out);
	else if (strcmp(e->name, "PowerPoint Document") == 0)
		ppt(d.p, d.len, out);
	else if (strncmp(e->name, MSG_PREFIX, sizeof(MSG_PREFIX) - 1) == 0)
		ret = msg(e->name, &d, out);
	/* The rest looks at the file as it lies there. */
	if (d.copy != NULL) {
		oledir_text(d.copy, d.len, out);
		if (vba_text(d.copy, d.len, out) == -1)
			ret = -1;
	}
	free(d.copy);
	return (ret);
}

void
oletext(const uint8_t *p, size_t len, struct textout *out)
{
	struct cfb_entry	 e;
	struct cfb		 c;
	unsigned int		 ndocs;
	size_t			 i;

	ndocs = 0;
	if (cfb_open(&c, p, len) == -1)
		out->cut = 1;
	for (i = 0; !out->cut && cfb_entry(&c, i, &e); i++)
		if (e.type == CFB_STREAM && stream(&c, &e, &ndocs, out) == -1)
			out->cut = 1;
	cfb_close(&c);
	if (len > HEADER)
		oledir_text(p + HEADER, len - HEADER, out);
	if (vba_text(p, len, out) == -1)
		out->cut = 1;
}

/* SPDX-License-Identifier: ISC */

/*
 * Text of compound files: documents, tables and slides of the old formats,
 * and messages of Outlook.
 *
 * The forms of Word, Excel, PowerPoint and Outlook are read, and the source of
 * macros.  Then text is sought by its looks over all bytes of the file,
 * whatever its directory says, and in streams that lie in pieces, which are
 * put together: that finds most of what other formats have, and in these what
 * nobody sees.  Much of it is noise, out of pictures above all, so it comes
 * last and never takes all the room that the message's text has.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "limits.h"
#include "lzfu.h"

#include "cfb.h"
#include "inspect.h"

#define HEADER		512	/* of the file, without text */
#define WORK_FACTOR	4	/* characters looked at for each byte, ... */
#define WORK_LEAST	65536	/* ... and in the smallest file */
#define WORK_ENTRY	8	/* what a look at an entry costs of them */
#define NOISE_LEAVES	(DOCTEXT_MAX / 2)

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
#define RTF_ALL		(4 * RTF_MAX) /* of one file */

/* A file that is read. */
struct doc {
	struct cfb	 c;
	struct textout	*out;
	uint32_t	 n;		/* of entries */
	uint32_t	*parent;	/* of each */
	uint8_t		*known;		/* a bit for each sector: text is not
					   to be sought there */
	uint64_t	 work;		/* characters yet to be looked at */
	size_t		 rtf;		/* bytes yet to be unpacked */
	int		 form;		/* it is one of those that are read */
};

static void	 utf16(const uint8_t *, size_t, struct textout *);
static int	 ppt_contains(const uint8_t *, unsigned int);
static void	 ppt(const uint8_t *, size_t, struct textout *);
static int	 rtf(struct doc *, const struct cfb_data *);
static int	 msg(struct doc *, const struct cfb_entry *,
		    const struct cfb_data *);
static int	 word_with(struct doc *, const struct cfb_entry *,
		    const struct cfb_data *);
static int	 word(struct doc *, uint32_t, const struct cfb_data *);
static int	 is_known(const char *, const struct cfb_data *);
static int	 form(struct doc *, uint32_t, const struct cfb_entry *,
		    const struct cfb_data *);
static int	 stream(struct doc *, uint32_t);
static int	 streams(struct doc *);
static void	 seek_file(struct doc *, const uint8_t *, size_t);
static int	 known(const struct doc *, const struct cfb_entry *);
static void	 seek_pieces(struct doc *);
static void	 seek(struct doc *, const uint8_t *, size_t);

static void
utf16(const uint8_t *p, size_t len, struct textout *out)
{
	uint32_t	 c;

	for (; len >= 2; p += 2, len -= 2) {
		c = le16(p);
		textout_unit(out, c < 0x20 ? '\n' : c);
	}
	textout_char(out, '\n');
}

/* Do records follow?  Readers go by the type, whatever the version says. */
static int
ppt_contains(const uint8_t *p, unsigned int type)
{
	switch (type) {
	case PPT_CHARS:
	case PPT_BYTES:
	case PPT_CSTRING:
		return (0);
	case 0x03e8:	/* Document, ... */
	case 0x03ee:	/* Slide */
	case 0x03f0:	/* Notes */
	case 0x03f8:	/* MainMaster */
	case 0x040c:	/* Drawing */
	case 0x0fd9:	/* HeadersFooters */
	case 0x0ff0:	/* SlideListWithText */
	case 0xf002:	/* of a drawing: itself, ... */
	case 0xf003:	/* ... a group, ... */
	case 0xf004:	/* ... a shape, ... */
	case 0xf00d:	/* ... its text */
		return (1);
	default:
		return ((p[0] & 0xf) == PPT_CONTAINER);
	}
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
		if (ppt_contains(p, type))
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
rtf(struct doc *f, const struct cfb_data *d)
{
	uint8_t	*buf;
	size_t	 max, n;
	int	 bad, full;

	max = d->len < RTF_MAX / LZFU_GROWTH ? d->len * LZFU_GROWTH : RTF_MAX;
	if (max > f->rtf)
		max = f->rtf;
	if (max == 0 || (buf = malloc(max)) == NULL)
		return (-1);
	n = lzfu_decode(d->p, d->len, buf, max, &bad, &full);
	f->rtf -= n;
	rtf_text(buf, n, f->out);
	free(buf);
	return (full ? -1 : 0);
}

/* Returns 1: it was read, 0: no property with text, -1: not all was read. */
static int
msg(struct doc *f, const struct cfb_entry *e, const struct cfb_data *d)
{
	const char	*name, *type;

	if (strlen(e->name) != MSG_NAME_LEN)
		return (0);
	name = e->name + sizeof(MSG_PREFIX) - 1;
	type = name + 4;
	if (strcasecmp(type, "001f") == 0)
		utf16(d->p, d->len, f->out);
	else if (strcasecmp(type, "001e") == 0 ||
	    strcmp(name, MSG_HTML) == 0) {
		textout_plain(f->out, d->p, d->len);
		textout_char(f->out, '\n');
	} else if (strcmp(name, MSG_RTF) == 0)
		return (rtf(f, d) == -1 ? -1 : 1);
	else
		return (0);
	return (1);
}

/* Returns as word_text(), or -1: the stream was not read. */
static int
word_with(struct doc *f, const struct cfb_entry *e,
    const struct cfb_data *doc)
{
	struct cfb_data	 table;
	int		 ret;

	if (cfb_read(&f->c, e, &table) == -1)
		return (-1);
	ret = word_text(doc->p, doc->len, table.p, table.len, &f->work,
	    f->out);
	free(table.copy);
	return (ret);
}

/*
 * With its table, the one in the same storage: there are others where there
 * are documents in the document.  Returns 1: it was read, 0: it has none, or
 * -1: not all was read.
 */
static int
word(struct doc *f, uint32_t i, const struct cfb_data *doc)
{
	struct cfb_entry	 e;
	const char		*table;
	uint64_t		 cost;
	uint32_t		 k;
	int			 got, ret;

	if ((table = word_table(doc->p, doc->len)) == NULL) {
		word_text_old(doc->p, doc->len, f->out);
		return (0);
	}
	cost = (uint64_t)f->n * WORK_ENTRY;
	if (f->work < cost)
		return (-1);
	f->work -= cost;
	ret = 0;
	for (k = 0; k < f->n && ret != -1; k++) {
		/* Where the tree is broken anything may belong to it. */
		if (f->parent[k] != f->parent[i] &&
		    f->parent[k] != CFB_NONE && f->parent[i] != CFB_NONE)
			continue;
		if (!cfb_entry(&f->c, k, &e) || e.type != CFB_STREAM ||
		    strcasecmp(e.name, table) != 0)
			continue;
		if ((got = word_with(f, &e, doc)) != 0)
			ret = got;
	}
	return (ret);
}

/* Pictures, and files whose text is given with them. */
static int
is_known(const char *name, const struct cfb_data *d)
{
	enum file_type	 type;

	if (strcasecmp(name, "Pictures") == 0)
		return (1);
	if (!olefile_is(name, d->p, d->len))
		return (0);
	type = filetype(d->p, d->len, "", 0);
	return (type != FT_UNKNOWN && type != FT_OLE2);
}

/* Returns 1: it has one, and was read; 0: it has none; -1: not all was read. */
static int
form(struct doc *f, uint32_t i, const struct cfb_entry *e,
    const struct cfb_data *d)
{
	int	 ret;

	if (strcasecmp(e->name, "WordDocument") == 0)
		return (word(f, i, d));
	if (strcasecmp(e->name, "Workbook") == 0 ||
	    strcasecmp(e->name, "Book") == 0) {
		biff_text(d->p, d->len, f->out);
		return (1);
	}
	if (strcasecmp(e->name, "PowerPoint Document") == 0) {
		ppt(d->p, d->len, f->out);
		return (1);
	}
	ret = 0;
	if (strncasecmp(e->name, MSG_PREFIX, sizeof(MSG_PREFIX) - 1) == 0)
		ret = msg(f, e, d);
	if (ret == 1 || is_known(e->name, d))
		cfb_mark(&f->c, e, f->known);
	return (ret);
}

/* Returns 0, or -1: not all of it was read. */
static int
stream(struct doc *f, uint32_t i)
{
	struct cfb_entry	 e;
	struct cfb_data		 d;
	int			 ret;

	if (!cfb_entry(&f->c, i, &e) || e.type != CFB_STREAM)
		return (0);
	if (cfb_read(&f->c, &e, &d) == -1)
		return (-1);
	if (d.len == 0)
		return (0);
	ret = form(f, i, &e, &d);
	if (ret == 1)
		f->form = 1;
	/* Those that lie in one piece are found with the file. */
	if (d.copy != NULL && vba_text(d.copy, d.len, f->out) == -1)
		ret = -1;
	free(d.copy);
	return (ret == -1 ? -1 : 0);
}

/* Returns 0, or -1: not all of them were read. */
static int
streams(struct doc *f)
{
	struct cfb_entry	 e;
	uint32_t		 i;
	int			 ret;

	while (cfb_entry(&f->c, f->n, &e))
		f->n++;
	f->parent = cfb_parents(&f->c, f->n);
	f->known = calloc((size_t)f->c.nsectors / 8 + 1, 1);
	if (f->parent == NULL || f->known == NULL)
		return (-1);
	ret = 0;
	for (i = 0; i < f->n && f->out->left > 0; i++)
		if (stream(f, i) == -1)
			ret = -1;
	return (ret);
}

/* The file as it lies there. */
static void
seek_file(struct doc *f, const uint8_t *p, size_t len)
{
	uint64_t	 at, end;
	uint32_t	 n, to;

	if (!f->form) {
		if (len > HEADER)
			oledir_text(p + HEADER, len - HEADER, f->out);
		return;
	}
	for (n = 0; n < f->c.nsectors; n = to + 1) {
		for (to = n; to < f->c.nsectors &&
		    (f->known[to / 8] & 1 << to % 8) == 0; to++)
			continue;
		at = ((uint64_t)n + 1) << f->c.shift;
		end = ((uint64_t)to + 1) << f->c.shift;
		if (end > len)
			end = len;
		if (to > n)
			oledir_text(p + at, (size_t)(end - at), f->out);
	}
}

static int
known(const struct doc *f, const struct cfb_entry *e)
{
	return (f->form && e->size >= f->c.below &&
	    e->start < f->c.nsectors &&
	    (f->known[e->start / 8] & 1 << e->start % 8) != 0);
}

static void
seek_pieces(struct doc *f)
{
	struct cfb_entry	 e;
	struct cfb_data		 d;
	uint32_t		 i;

	for (i = 0; i < f->n && f->out->left > 0; i++) {
		if (!cfb_entry(&f->c, i, &e) || e.type != CFB_STREAM ||
		    known(f, &e))
			continue;
		if (cfb_read(&f->c, &e, &d) == -1) {
			f->out->cut = 1;
			return;
		}
		if (d.copy != NULL)
			oledir_text(d.copy, d.len, f->out);
		free(d.copy);
	}
}

/* By its looks.  Where a form was read nothing is left out by this. */
static void
seek(struct doc *f, const uint8_t *p, size_t len)
{
	struct textout	*out;
	uint64_t	 keep;
	int		 cut;

	out = f->out;
	cut = out->cut;
	keep = out->left < NOISE_LEAVES ? out->left : NOISE_LEAVES;
	out->left -= keep;
	seek_file(f, p, len);
	seek_pieces(f);
	if (f->form)
		out->cut = cut;
	else if (out->left == 0)
		out->cut = 1;
	out->left += keep;
}

void
oletext(const uint8_t *p, size_t len, struct textout *out)
{
	struct doc	 f;

	memset(&f, 0, sizeof(f));
	f.out = out;
	f.work = (uint64_t)len * WORK_FACTOR + WORK_LEAST;
	f.rtf = RTF_ALL;
	switch (cfb_open(&f.c, p, len)) {
	case 1:
		if (streams(&f) == 0)
			break;
		/* FALLTHROUGH */
	case -1:
		out->cut = 1;
		break;
	default:
		break;
	}
	if (vba_text(p, len, out) == -1)
		out->cut = 1;
	seek(&f, p, len);
	cfb_close(&f.c);
	free(f.parent);
	free(f.known);
}

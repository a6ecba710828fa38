/* SPDX-License-Identifier: ISC */

/*
 * Text of Word documents before .docx, [MS-DOC] 2.4.1.
 *
 * The text lies in pieces, in the order of a table that is in another stream:
 * what was typed last often stands at the end of the file, and each piece has
 * characters of one byte or of two.  Fields (a link, a page number) have code
 * that is not seen between its marks and a result that is; a word whose
 * letters have such code between them is one word to the reader.  So what is
 * seen comes first, in one flow, and the code behind it.
 */

#include <string.h>

#include "inspect.h"

#define FIB_MAGIC	0xa5ec	/* Word 97 and later */
#define FIB_MAGIC_OLD	0xa5dc	/* Word 6 and 95 */
#define FIB_FLAGS	0x0a
#define FIB_TABLE	0x0200	/* fWhichTblStm: "1Table" */
#define FIB_FIRST	0x18	/* of the text, in the old ones; ... */
#define FIB_LAST	0x1c	/* ... its end */
#define FIB_CLX		0x01a2	/* where in the table's stream */
#define FIB_CLX_LEN	0x01a6
#define FIB_LEN		0x01aa

#define CLX_PRC		1	/* properties; before the pieces */
#define CLX_PCDT	2
#define PCD_SIZE	8
#define PCD_FC		2
#define FC_NARROW	0x40000000U /* one byte each, and twice the offset */
#define FC_PLACE	0x3fffffffU

#define FIELD_BEGIN	0x13
#define FIELD_SEP	0x14
#define FIELD_END	0x15
#define FIELDS_MAX	64	/* one in the other */

struct flow {
	struct textout	*out;
	uint64_t	*work;
	uint64_t	 code;	/* a bit for each open field: in its code */
	unsigned int	 depth;
	int		 want;	/* code: 1, what is seen: 0 */
	int		 fields; /* there were some */
};

static const uint8_t *pieces(const uint8_t *, size_t, const uint8_t *,
		    size_t, size_t *);
static void	 mark(struct flow *, uint32_t);
static void	 letter(struct flow *, uint32_t);
static int	 piece(struct flow *, const uint8_t *, size_t, uint32_t,
		    uint32_t);
static int	 flow(struct flow *, const uint8_t *, size_t, const uint8_t *,
		    size_t);

/* Bytes 0x80 to 0x9f of code page 1252. */
static const uint16_t	 high_page[] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
	0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178
};

/* The table of the pieces, n of them: NULL if there is none. */
static const uint8_t *
pieces(const uint8_t *doc, size_t len, const uint8_t *table, size_t tlen,
    size_t *n)
{
	const uint8_t	*p;
	size_t		 left, size;

	if (len < FIB_LEN || le32(doc + FIB_CLX) >= tlen)
		return (NULL);
	p = table + le32(doc + FIB_CLX);
	left = tlen - le32(doc + FIB_CLX);
	if (left > le32(doc + FIB_CLX_LEN))
		left = le32(doc + FIB_CLX_LEN);
	while (left >= 3 && p[0] == CLX_PRC) {
		size = 3 + (size_t)le16(p + 1);
		if (size > left)
			return (NULL);
		p += size;
		left -= size;
	}
	if (left < 5 || p[0] != CLX_PCDT)
		return (NULL);
	size = le32(p + 1);
	if (size > left - 5)
		size = left - 5;
	/* One position more than there are pieces. */
	if (size < 4 + 4 + PCD_SIZE)
		return (NULL);
	*n = (size - 4) / (4 + PCD_SIZE);
	return (p + 5);
}

static void
mark(struct flow *f, uint32_t c)
{
	f->fields = 1;
	if (c == FIELD_BEGIN) {
		/* Deeper ones are shown, whatever they are. */
		if (f->depth < FIELDS_MAX)
			f->code |= (uint64_t)1 << f->depth;
		f->depth++;
		return;
	}
	if (f->depth == 0)
		return;
	if (c == FIELD_END)
		f->depth--;
	else if (f->depth <= FIELDS_MAX)
		f->code &= ~((uint64_t)1 << (f->depth - 1));
	if (f->depth < FIELDS_MAX)
		f->code &= ((uint64_t)1 << f->depth) - 1;
}

static void
letter(struct flow *f, uint32_t c)
{
	if (c >= FIELD_BEGIN && c <= FIELD_END) {
		if (f->want && f->code != 0)
			textout_char(f->out, '\n');
		mark(f, c);
		return;
	}
	if ((f->code != 0) != f->want)
		return;
	switch (c) {
	case 0x07:	/* end of a cell */
	case 0x0b:
	case 0x0c:
	case 0x0d:
		textout_char(f->out, '\n');
		break;
	case 0x1e:	/* a hyphen at which no line ends */
		textout_char(f->out, '-');
		break;
	default:
		/* Anchors of notes and pictures, hyphens for the end of a line:
		 * nothing between two letters. */
		if (c >= 0x20 || c == '\t')
			textout_unit(f->out, c);
	}
}

/* So many characters at fc.  Returns 0, or -1: that is all there will be. */
static int
piece(struct flow *f, const uint8_t *doc, size_t len, uint32_t fc, uint32_t n)
{
	uint32_t	 c, i, at;

	at = fc & FC_PLACE;
	if (fc & FC_NARROW)
		at /= 2;
	for (i = 0; i < n; i++) {
		if (*f->work == 0 || f->out->left == 0)
			return (-1);
		--*f->work;
		if (fc & FC_NARROW) {
			if (at >= len)
				break;
			c = doc[at++];
			if (c >= 0x80 && c < 0xa0)
				c = high_page[c - 0x80];
		} else {
			if (at + 1 >= len)
				break;
			c = le16(doc + at);
			at += 2;
		}
		letter(f, c);
	}
	return (0);
}

static int
flow(struct flow *f, const uint8_t *doc, size_t len, const uint8_t *plc,
    size_t n)
{
	const uint8_t	*pcd;
	size_t		 i;
	uint32_t	 from, to;

	f->code = 0;
	f->depth = 0;
	pcd = plc + 4 * (n + 1);
	for (i = 0; i < n; i++, pcd += PCD_SIZE) {
		if (*f->work == 0)
			return (-1);
		--*f->work;
		from = le32(plc + 4 * i);
		to = le32(plc + 4 * (i + 1));
		if (to > from && piece(f, doc, len, le32(pcd + PCD_FC),
		    to - from) == -1)
			return (-1);
	}
	textout_char(f->out, '\n');
	return (0);
}

const char *
word_table(const uint8_t *doc, size_t len)
{
	if (len < FIB_LEN || le16(doc) != FIB_MAGIC)
		return (NULL);
	return (le16(doc + FIB_FLAGS) & FIB_TABLE ? "1Table" : "0Table");
}

int
word_text(const uint8_t *doc, size_t len, const uint8_t *table, size_t tlen,
    uint64_t *work, struct textout *out)
{
	struct flow	 f;
	const uint8_t	*plc;
	size_t		 n;

	if ((plc = pieces(doc, len, table, tlen, &n)) == NULL)
		return (0);
	memset(&f, 0, sizeof(f));
	f.out = out;
	f.work = work;
	if (flow(&f, doc, len, plc, n) == -1)
		return (-1);
	if (!f.fields)
		return (1);
	f.want = 1;
	return (flow(&f, doc, len, plc, n) == -1 ? -1 : 1);
}

void
word_text_old(const uint8_t *doc, size_t len, struct textout *out)
{
	uint32_t	 from, to;

	if (len < FIB_LAST + 4 || le16(doc) != FIB_MAGIC_OLD)
		return;
	from = le32(doc + FIB_FIRST);
	to = le32(doc + FIB_LAST);
	if (to > len)
		to = (uint32_t)len;
	if (from < to)
		textout_plain(out, doc + from, to - from);
}

/* SPDX-License-Identifier: ISC */

/*
 * Text of Excel workbooks before .xlsx, [MS-XLS].
 *
 * Records of a type, a length and at most 8224 bytes.  Nearly all text is in
 * one table of strings (SST), which goes on in records of its own kind
 * wherever 8224 bytes are full, in the middle of a word as a rule; and a
 * string has one byte for each character as long as all of them are below
 * U+0100, which no search for UTF-16 or ASCII finds.
 */

#include <string.h>

#include "inspect.h"

#define R_FORMULA	0x0006
#define R_HEADER	0x0014
#define R_FOOTER	0x0015
#define R_CONTINUE	0x003c
#define R_BOUNDSHEET	0x0085
#define R_RSTRING	0x00d6
#define R_SST		0x00fc
#define R_TXO		0x01b6
#define R_LABEL		0x0204
#define R_STRING	0x0207
#define R_SERIES	0x100d	/* a title in a chart */
#define R_BOF		0x0809	/* of BIFF5 and BIFF8 */
#define BIFF8		0x0600	/* its version */

#define S_WIDE		0x01	/* flags of a string, 2.5.293 */
#define S_EXTENDED	0x04
#define S_RICH		0x08
#define RUN_SIZE	4
#define PTG_STR		0x17	/* a string in a formula */
#define FORMULA_HEAD	22
#define TXO_LEN		10	/* where TXO says how many characters */

/* A record, and those that continue it. */
struct biff {
	const uint8_t	*p;
	size_t		 left;		/* in this record */
	const uint8_t	*next;		/* behind it */
	const uint8_t	*end;		/* of all */
};

static int	 more(struct biff *);
static int	 byte(struct biff *, uint32_t *);
static int	 number(struct biff *, unsigned int, uint32_t *);
static int	 skip(struct biff *, uint64_t);
static int	 chars(struct biff *, uint32_t, uint32_t, struct textout *);
static int	 string(struct biff *, struct textout *);
static void	 table(struct biff *, struct textout *);
static void	 formula(const uint8_t *, size_t, struct textout *);
static void	 plain(struct biff *, size_t, unsigned int, int,
		    struct textout *);
static void	 record(struct biff *, unsigned int, int, struct textout *);

/* On to the record that continues this one: 0, or -1: none does. */
static int
more(struct biff *b)
{
	size_t	 len;

	do {
		if (b->end - b->next < 4 || le16(b->next) != R_CONTINUE)
			return (-1);
		len = le16(b->next + 2);
		b->p = b->next + 4;
		if (len > (size_t)(b->end - b->p))
			len = (size_t)(b->end - b->p);
		b->left = len;
		b->next = b->p + len;
	} while (len == 0);
	return (0);
}

static int
byte(struct biff *b, uint32_t *v)
{
	if (b->left == 0 && more(b) == -1)
		return (-1);
	*v = *b->p++;
	b->left--;
	return (0);
}

static int
number(struct biff *b, unsigned int size, uint32_t *v)
{
	uint32_t	 c;
	unsigned int	 i;

	*v = 0;
	for (i = 0; i < size; i++) {
		if (byte(b, &c) == -1)
			return (-1);
		*v |= c << (8 * i);
	}
	return (0);
}

static int
skip(struct biff *b, uint64_t n)
{
	while (n > b->left) {
		n -= b->left;
		b->left = 0;
		if (more(b) == -1)
			return (-1);
	}
	b->p += n;
	b->left -= n;
	return (0);
}

/* Where they go on in another record the flag is said again, 2.5.293. */
static int
chars(struct biff *b, uint32_t n, uint32_t flags, struct textout *out)
{
	uint32_t	 c;

	for (; n > 0; n--) {
		if (b->left == 0 && (more(b) == -1 || byte(b, &flags) == -1))
			return (-1);
		if (number(b, flags & S_WIDE ? 2 : 1, &c) == -1)
			return (-1);
		textout_unit(out, c < 0x20 ? '\n' : c);
	}
	textout_char(out, '\n');
	return (0);
}

/* XLUnicodeRichExtendedString, 2.5.293. */
static int
string(struct biff *b, struct textout *out)
{
	uint32_t	 n, flags, runs, ext;

	runs = ext = 0;
	if (number(b, 2, &n) == -1 || byte(b, &flags) == -1 ||
	    (flags & S_RICH && number(b, 2, &runs) == -1) ||
	    (flags & S_EXTENDED && number(b, 4, &ext) == -1) ||
	    chars(b, n, flags, out) == -1)
		return (-1);
	return (skip(b, (uint64_t)runs * RUN_SIZE + ext));
}

static void
table(struct biff *b, struct textout *out)
{
	/* How many there are, twice: the end of the records says it, too. */
	if (skip(b, 8) == -1)
		return;
	while (out->left > 0 && string(b, out) == 0)
		continue;
}

/* Its strings, recognised by their form: constants are short. */
static void
formula(const uint8_t *p, size_t len, struct textout *out)
{
	size_t	 i, k, n;

	for (i = FORMULA_HEAD; i + 3 < len; i++) {
		n = p[i + 1];
		if (p[i] != PTG_STR || p[i + 2] != 0 || n == 0 ||
		    n > len - i - 3)
			continue;
		for (k = 0; k < n && p[i + 3 + k] >= 0x20; k++)
			continue;
		if (k < n)
			continue;
		for (k = 0; k < n; k++)
			textout_char(out, p[i + 3 + k]);
		textout_char(out, '\n');
		i += 2 + n;
	}
}

/*
 * A string behind so many bytes, its length in size bytes.  Before BIFF8 it
 * has no flags and bytes of some code page.
 */
static void
plain(struct biff *b, size_t at, unsigned int size, int old,
    struct textout *out)
{
	uint32_t	 n, flags;

	if (skip(b, at) == -1 || number(b, size, &n) == -1)
		return;
	if (old) {
		if (n > b->left)
			n = (uint32_t)b->left;
		textout_plain(out, b->p, n);
		textout_char(out, '\n');
	} else if (byte(b, &flags) == 0)
		(void)chars(b, n, flags, out);
}

static void
record(struct biff *b, unsigned int type, int old, struct textout *out)
{
	uint32_t	 flags, n;

	switch (type) {
	case R_SST:
		table(b, out);
		break;
	case R_LABEL:
	case R_RSTRING:
		plain(b, 6, 2, old, out);
		break;
	case R_BOUNDSHEET:
		plain(b, 6, 1, old, out);
		break;
	case R_SERIES:
		plain(b, 2, 1, old, out);
		break;
	case R_STRING:
		plain(b, 0, 2, old, out);
		break;
	case R_HEADER:
	case R_FOOTER:
		/* They may be empty. */
		if (b->left > 0)
			plain(b, 0, old ? 1 : 2, old, out);
		break;
	case R_FORMULA:
		formula(b->p, b->left, out);
		break;
	case R_TXO:
		if (skip(b, TXO_LEN) == -1 || number(b, 2, &n) == -1 ||
		    n == 0 || skip(b, b->left) == -1 || more(b) == -1 ||
		    byte(b, &flags) == -1)
			break;
		(void)chars(b, n, flags, out);
		break;
	default:
		break;
	}
}

void
biff_text(const uint8_t *p, size_t len, struct textout *out)
{
	struct biff	 b;
	const uint8_t	*end, *next;
	unsigned int	 type;
	size_t		 n;
	int		 old;

	old = 0;
	end = p + len;
	for (; end - p >= 4 && out->left > 0; p = next) {
		type = le16(p);
		n = le16(p + 2);
		p += 4;
		if (n > (size_t)(end - p))
			n = (size_t)(end - p);
		next = p + n;
		if (type == R_BOF && n >= 2)
			old = le16(p) != BIFF8;
		b.p = p;
		b.left = n;
		b.next = next;
		b.end = end;
		record(&b, type, old, out);
	}
}

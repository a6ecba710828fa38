/* SPDX-License-Identifier: ISC */

/*
 * PDF (ISO 32000-1) without its structure: names and streams as they lie.
 *
 * Readers repair files with broken tables, so tables are not what we go by.
 * Every name in the file and in every object stream counts, decoded (7.3.5);
 * every "stream" keyword begins a stream.  Nothing refers back, so nothing
 * loops; what is inflated is counted.
 */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "inspect.h"

#define DICT_LOOK	8192	/* bytes in front of "stream" */
#define NAME_LEN	32	/* longer names are not ours */
#define STREAM_MAX	(16 * MIB) /* one stream, inflated */
#define INFLATE_MAX	(48 * MIB) /* of one document */

#define FILTERS_MAX	4	/* of one stream */

enum filter {
	FILTER_85,
	FILTER_HEX,
	FILTER_FLATE,
	FILTER_LZW,
	FILTER_RUN
};

#define LZW_BITS	12
#define LZW_CLEAR	256
#define LZW_END		257

struct lzw {
	uint16_t	 prefix[1U << LZW_BITS];
	uint8_t		 byte[1U << LZW_BITS];	/* the last one */
	uint32_t	 len[1U << LZW_BITS];
	uint32_t	 n;		/* codes that there are */
	uint32_t	 last;
	size_t		 last_len;	/* 0: none since it was cleared */
	unsigned int	 width;
};

struct flagscan {
	uint32_t	 flags;
};

static uint32_t	 names_scan(const uint8_t *, size_t);
static int	 objstm_scan(void *, uint32_t, const uint8_t *, size_t,
		    const uint8_t *, size_t);
static uint32_t	 object_number(const uint8_t *, const uint8_t *);
static const uint8_t *dict_begin(const uint8_t *, const uint8_t *);
static size_t	 hex_decode(const uint8_t *, size_t, uint8_t *);
static size_t	 a85_decode(const uint8_t *, size_t, uint8_t *);
static int	 grow(uint8_t **, size_t *, size_t);
static void	 lzw_clear(struct lzw *);
static int	 lzw_known(const struct lzw *, uint32_t);
static size_t	 lzw_put(struct lzw *, uint32_t, uint8_t *, size_t);
static uint8_t	*lzw_decode(const uint8_t *, size_t, unsigned int, size_t *,
		    int *);
static uint8_t	*run_decode(const uint8_t *, size_t, size_t *, int *);
static size_t	 filters(const uint8_t *, size_t, enum filter *, int *);
static uint8_t	*filter_undo(enum filter, int, const uint8_t *, size_t,
		    size_t *, int *);
static uint8_t	*stream_decode(const uint8_t *, size_t, const uint8_t *,
		    size_t, size_t *, int *);

static int
hexval(int c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c |= 0x20;
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* White space and delimiters end a name (7.2.2). */
static int
ends_name(int c)
{
	return (c <= ' ' || strchr("()<>[]{}/%", c) != NULL);
}

const uint8_t *
pdf_name(const uint8_t *p, const uint8_t *end, char *buf, size_t size)
{
	size_t	 n;
	int	 c;

	for (n = 0; p < end && !ends_name(*p); p++) {
		c = *p;
		if (c == '#' && end - p > 2 && hexval(p[1]) >= 0 &&
		    hexval(p[2]) >= 0) {
			c = hexval(p[1]) << 4 | hexval(p[2]);
			p += 2;
		}
		if (n + 1 < size)
			buf[n++] = (char)c;
	}
	buf[n] = '\0';
	return (p);
}

int
pdf_has(const uint8_t *p, size_t len, const char *name)
{
	const uint8_t	*end;
	char		 buf[NAME_LEN];

	end = p + len;
	while ((p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		p = pdf_name(p + 1, end, buf, sizeof(buf));
		if (strcmp(buf, name) == 0)
			return (1);
	}
	return (0);
}

static uint32_t
names_scan(const uint8_t *p, size_t len)
{
	static const struct {
		const char	*name;
		uint32_t	 flags;
	} known[] = {
		{ "JavaScript",		FF_JAVASCRIPT },
		{ "JS",			FF_JAVASCRIPT },
		{ "Launch",		FF_LAUNCH },
		{ "OpenAction",		FF_AUTOACTION },
		{ "AA",			FF_AUTOACTION },
		{ "EmbeddedFile",	FF_ATTACHED },
		{ "EmbeddedFiles",	FF_ATTACHED },
		{ "Encrypt",		FF_ENCRYPTED },
		{ "RichMedia",		FF_XFA },
		{ "XFA",		FF_XFA },
		{ "GoToR",		FF_EXTERNAL },
		{ "GoToE",		FF_EXTERNAL },
	};
	const uint8_t	*end;
	char		 buf[NAME_LEN];
	uint32_t	 flags;
	size_t		 i;

	flags = 0;
	end = p + len;
	while ((p = memchr(p, '/', (size_t)(end - p))) != NULL) {
		p = pdf_name(p + 1, end, buf, sizeof(buf));
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (buf[0] == known[i].name[0] &&
			    strcmp(buf, known[i].name) == 0)
				flags |= known[i].flags;
	}
	return (flags);
}

static int
objstm_scan(void *arg, uint32_t object, const uint8_t *dict, size_t dictlen,
    const uint8_t *p, size_t len)
{
	struct flagscan	*s = arg;

	if (p != NULL && pdf_has(dict, dictlen, "ObjStm"))
		s->flags |= names_scan(p, len);
	return (1);
}

uint32_t
pdf_flags(const uint8_t *p, size_t len)
{
	struct flagscan	 s;

	s.flags = names_scan(p, len);
	if (pdf_streams(p, len, objstm_scan, &s) == -1 &&
	    (s.flags & FF_ENCRYPTED) == 0)
		s.flags |= FF_PARTLY;
	return (s.flags);
}

/* The dictionary of a stream begins behind the last "obj". */
static const uint8_t *
dict_begin(const uint8_t *from, const uint8_t *to)
{
	const uint8_t	*p;

	if (to - from > DICT_LOOK)
		from = to - DICT_LOOK;
	for (p = to; p - from >= 3; p--)
		if (p[-3] == 'o' && p[-2] == 'b' && p[-1] == 'j')
			return (p);
	return (from);
}

/* "12 0 obj" in front of a dictionary: 12, or 0. */
static uint32_t
object_number(const uint8_t *base, const uint8_t *dict)
{
	const uint8_t	*p;
	uint32_t	 n;
	unsigned int	 word;

	if (dict - base < 3)
		return (0);
	p = dict - 3;
	for (word = 0; word < 2; word++) {
		while (p > base && p[-1] <= ' ')
			p--;
		while (p > base && isdigit(p[-1]) && dict - p < 40)
			p--;
	}
	for (n = 0; isdigit(*p) && n < 100000000; p++)
		n = n * 10 + (*p - '0');
	return (n);
}

static size_t
hex_decode(const uint8_t *p, size_t len, uint8_t *out)
{
	size_t	 i, n;
	int	 half, v;

	half = -1;
	for (i = n = 0; i < len && p[i] != '>'; i++) {
		if ((v = hexval(p[i])) < 0)
			continue;
		if (half < 0)
			half = v;
		else {
			out[n++] = (uint8_t)(half << 4 | v);
			half = -1;
		}
	}
	if (half >= 0)
		out[n++] = (uint8_t)(half << 4);
	return (n);
}

/* 7.4.3: five characters for four bytes. */
static size_t
a85_decode(const uint8_t *p, size_t len, uint8_t *out)
{
	uint32_t	 v;
	size_t		 i, k, n;
	unsigned int	 have;

	v = 0;
	have = 0;
	for (i = n = 0; i < len && p[i] != '~'; i++) {
		if (p[i] == 'z' && have == 0) {
			/* One character makes four: all are counted. */
			if (n + 4 > len)
				break;
			memset(out + n, 0, 4);
			n += 4;
			continue;
		}
		if (p[i] < '!' || p[i] > 'u')
			continue;
		v = v * 85 + (p[i] - '!');
		if (++have < 5)
			continue;
		for (k = 0; k < 4; k++)
			out[n++] = (uint8_t)(v >> (24 - 8 * k));
		v = 0;
		have = 0;
	}
	if (have > 1) {
		for (k = have; k < 5; k++)
			v = v * 85 + 84;
		for (k = 0; k + 1 < have; k++)
			out[n++] = (uint8_t)(v >> (24 - 8 * k));
	}
	return (n);
}

/* A buffer that grows as it is filled, up to STREAM_MAX. */
static int
grow(uint8_t **out, size_t *cap, size_t need)
{
	uint8_t	*p;
	size_t	 n;

	if (need <= *cap)
		return (0);
	if (need > STREAM_MAX)
		return (-1);
	for (n = *cap == 0 ? 4096 : *cap; n < need; n *= 2)
		continue;
	if (n > STREAM_MAX)
		n = STREAM_MAX;
	if ((p = realloc(*out, n)) == NULL)
		return (-1);
	*out = p;
	*cap = n;
	return (0);
}

/*
 * 7.4.4: codes of 9 to 12 bits; early is how many codes sooner than needed
 * they get longer.  What came before damage is kept, *whole says if there was
 * none.
 */
static uint8_t *
lzw_decode(const uint8_t *p, size_t len, unsigned int early, size_t *outlen,
    int *whole)
{
	struct lzw	 z;
	uint8_t		*out;
	size_t		 cap, i, n;
	uint32_t	 bits, code;
	unsigned int	 have;

	out = NULL;
	cap = n = 0;
	*whole = 0;
	memset(&z, 0, sizeof(z));
	lzw_clear(&z);
	bits = have = 0;
	for (i = 0; i < len; ) {
		while (have < z.width && i < len) {
			bits = bits << 8 | p[i++];
			have += 8;
		}
		if (have < z.width)
			break;
		have -= z.width;
		code = bits >> have & ((1U << z.width) - 1);
		if (code == LZW_END) {
			*whole = 1;
			break;
		}
		if (code == LZW_CLEAR) {
			lzw_clear(&z);
			continue;
		}
		if (!lzw_known(&z, code) || grow(&out, &cap, n +
		    z.last_len + 1) == -1 || (code < z.n && grow(&out, &cap,
		    n + z.len[code]) == -1))
			break;
		n = lzw_put(&z, code, out, n);
		while (z.width < LZW_BITS && z.n + early >= 1U << z.width)
			z.width++;
	}
	/* Many end without saying so. */
	if (i == len)
		*whole = 1;
	*outlen = n;
	return (out);
}

/* 7.4.5: a length, and so many bytes or one that often. */
static uint8_t *
run_decode(const uint8_t *p, size_t len, size_t *outlen, int *whole)
{
	uint8_t	*out;
	size_t	 cap, i, k, n;

	out = NULL;
	cap = n = 0;
	*whole = 1;
	for (i = 0; i < len && p[i] != 128; ) {
		k = p[i] < 128 ? p[i] + 1U : 257U - p[i];
		if (i + 1 >= len || (p[i] < 128 && len - i - 1 < k) ||
		    grow(&out, &cap, n + k) == -1) {
			*whole = 0;
			break;
		}
		if (p[i] < 128) {
			memcpy(out + n, p + i + 1, k);
			i += 1 + k;
		} else {
			memset(out + n, p[i + 1], k);
			i += 2;
		}
		n += k;
	}
	*outlen = n;
	return (out);
}

static void
lzw_clear(struct lzw *z)
{
	unsigned int	 i;

	for (i = 0; i < 256; i++) {
		z->prefix[i] = 0;
		z->byte[i] = (uint8_t)i;
		z->len[i] = 1;
	}
	z->n = LZW_END + 1;
	z->width = 9;
	z->last_len = 0;
}

/* One that has been made, or the one that is just about to be. */
static int
lzw_known(const struct lzw *z, uint32_t code)
{
	if (z->last_len == 0)
		return (code < 256);
	return (code < 256 || (code > LZW_END && (code < z->n ||
	    (code == z->n && z->n < 1U << LZW_BITS))));
}

/* Its bytes behind the n that are there, for which there is room; the entry
 * that it makes.  Returns how many there are then. */
static size_t
lzw_put(struct lzw *z, uint32_t code, uint8_t *out, size_t n)
{
	uint32_t	 c;
	size_t		 k, len;

	if (code < z->n) {
		len = z->len[code];
		for (k = len, c = code; k > 0; k--, c = z->prefix[c])
			out[n + k - 1] = z->byte[c];
	} else {
		/* The last one, and its first byte once more. */
		len = z->last_len;
		memcpy(out + n, out + n - len, len);
		out[n + len++] = out[n];
	}
	if (z->last_len > 0 && z->n < 1U << LZW_BITS) {
		z->prefix[z->n] = (uint16_t)z->last;
		z->byte[z->n] = out[n];
		z->len[z->n] = (uint32_t)z->last_len + 1;
		z->n++;
	}
	z->last = code;
	z->last_len = len;
	return (n + len);
}

/* The filters of a stream, in the order in which it names them: how many. */
static size_t
filters(const uint8_t *dict, size_t len, enum filter *f, int *early)
{
	static const struct {
		const char	*name;
		enum filter	 filter;
	} known[] = {
		{ "ASCII85Decode", FILTER_85 }, { "A85", FILTER_85 },
		{ "ASCIIHexDecode", FILTER_HEX }, { "AHx", FILTER_HEX },
		{ "FlateDecode", FILTER_FLATE }, { "Fl", FILTER_FLATE },
		{ "LZWDecode", FILTER_LZW }, { "LZW", FILTER_LZW },
		{ "RunLengthDecode", FILTER_RUN }, { "RL", FILTER_RUN },
	};
	const uint8_t	*end, *p;
	char		 buf[NAME_LEN];
	size_t		 i, n;

	n = 0;
	*early = 1;
	for (p = dict, end = dict + len; (p = memchr(p, '/',
	    (size_t)(end - p))) != NULL;) {
		p = pdf_name(p + 1, end, buf, sizeof(buf));
		if (strcmp(buf, "EarlyChange") == 0) {
			while (p < end && *p <= ' ')
				p++;
			*early = p == end || *p != '0';
			continue;
		}
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(buf, known[i].name) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]))
			continue;
		if (n == FILTERS_MAX)
			return (FILTERS_MAX + 1);
		f[n++] = known[i].filter;
	}
	return (n);
}

/* One of them: memory of the caller's, or NULL; *whole: without damage. */
static uint8_t *
filter_undo(enum filter f, int early, const uint8_t *p, size_t len,
    size_t *outlen, int *whole)
{
	uint8_t	*out;
	size_t	 used;

	*outlen = 0;
	*whole = 1;
	switch (f) {
	case FILTER_85:
		if ((out = malloc(len + 8)) != NULL)
			*outlen = a85_decode(p, len, out);
		break;
	case FILTER_HEX:
		if ((out = malloc(len + 8)) != NULL)
			*outlen = hex_decode(p, len, out);
		break;
	case FILTER_LZW:
		return (lzw_decode(p, len, early != 0, outlen, whole));
	case FILTER_RUN:
		return (run_decode(p, len, outlen, whole));
	default:
		return (zip_inflate(p, len, MAX_WBITS, STREAM_MAX, outlen,
		    &used, whole));
	}
	*whole = out != NULL;
	return (out);
}

/*
 * Undo the filters of a stream.  Returns memory of the caller's, or NULL; then
 * *known says whether that is for good reason (a picture).
 */
static uint8_t *
stream_decode(const uint8_t *dict, size_t dictlen, const uint8_t *p,
    size_t len, size_t *outlen, int *known)
{
	enum filter	 f[FILTERS_MAX];
	uint8_t		*in, *out;
	size_t		 i, n;
	int		 early, whole;

	*outlen = 0;
	*known = 1;
	if (pdf_has(dict, dictlen, "Image") || pdf_has(dict, dictlen, "XRef") ||
	    pdf_has(dict, dictlen, "Length1") ||
	    pdf_has(dict, dictlen, "DCTDecode"))
		return (NULL);
	n = filters(dict, dictlen, f, &early);
	*known = n <= FILTERS_MAX;
	if (!*known || (out = malloc(len + 8)) == NULL)
		return (NULL);
	memcpy(out, p, len);
	for (i = 0; i < n && out != NULL; i++) {
		in = out;
		out = filter_undo(f[i], early, in, len, outlen, &whole);
		len = *outlen;
		free(in);
		/* What came before damage is shown by readers, too. */
		if (!whole)
			*known = 0;
	}
	*outlen = len;
	return (out);
}

int
pdf_streams(const uint8_t *p, size_t len, int (*fn)(void *, uint32_t,
    const uint8_t *, size_t, const uint8_t *, size_t), void *arg)
{
	const uint8_t	*base, *dict, *e, *end, *q, *start;
	uint8_t		*out;
	uint64_t	 total;
	size_t		 outlen;
	uint32_t	 n;
	int		 known, more, ret;

	end = p + len;
	base = start = p;
	ret = 0;
	total = 0;
	e = NULL;
	for (n = 0; (q = memmem(p, (size_t)(end - p), "stream", 6)) != NULL;) {
		p = q + 6;
		if (q - base >= 3 && memcmp(q - 3, "end", 3) == 0)
			continue;
		if (p < end && *p == '\r')
			p++;
		if (p < end && *p == '\n')
			p++;
		if (!fn(arg, 0, start, (size_t)(q - start), NULL, 0))
			return (ret);
		dict = dict_begin(start, q);
		/* Once there is no end any more, none is sought again. */
		if (e != end && (e = memmem(p, (size_t)(end - p), "endstream",
		    9)) == NULL)
			e = end;
		if (n++ == PDF_STREAMS_MAX || total > INFLATE_MAX)
			return (-1);
		out = stream_decode(dict, (size_t)(q - dict), p,
		    (size_t)(e - p), &outlen, &known);
		if (!known)
			ret = -1;
		total += outlen;
		more = out == NULL || fn(arg, object_number(base, dict), dict,
		    (size_t)(q - dict), out, outlen);
		free(out);
		if (!more)
			return (ret);
		start = p = e;
	}
	fn(arg, 0, start, (size_t)(end - start), NULL, 0);
	return (ret);
}

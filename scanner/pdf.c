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

/*
 * Undo the filters of a stream.  Returns memory of the caller's, or NULL; then
 * *known says whether that is for good reason (a picture).
 */
static uint8_t *
stream_decode(const uint8_t *dict, size_t dictlen, const uint8_t *p,
    size_t len, size_t *outlen, int *known)
{
	uint8_t	*in, *out;
	size_t	 used;
	int	 a85, end, flate, hex;

	*outlen = 0;
	*known = 1;
	if (pdf_has(dict, dictlen, "Image") || pdf_has(dict, dictlen, "XRef") ||
	    pdf_has(dict, dictlen, "Length1") ||
	    pdf_has(dict, dictlen, "DCTDecode"))
		return (NULL);
	a85 = pdf_has(dict, dictlen, "ASCII85Decode") ||
	    pdf_has(dict, dictlen, "A85");
	hex = pdf_has(dict, dictlen, "ASCIIHexDecode") ||
	    pdf_has(dict, dictlen, "AHx");
	flate = pdf_has(dict, dictlen, "FlateDecode") ||
	    pdf_has(dict, dictlen, "Fl");
	*known = !pdf_has(dict, dictlen, "LZWDecode") &&
	    !pdf_has(dict, dictlen, "RunLengthDecode") && !(a85 && hex);
	if (!*known || (in = malloc(len + 8)) == NULL)
		return (NULL);
	if (a85)
		len = a85_decode(p, len, in);
	else if (hex)
		len = hex_decode(p, len, in);
	else
		memcpy(in, p, len);
	if (!flate) {
		*outlen = len;
		return (in);
	}
	out = zip_inflate(in, len, MAX_WBITS, STREAM_MAX, outlen, &used,
	    &end);
	free(in);
	/* What came before damage is shown by readers, too. */
	*known = end;
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

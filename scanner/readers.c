/* SPDX-License-Identifier: ISC */

/*
 * What is remarkable in HTML, RTF, OneNote and the members of office zips.
 *
 * Each is a search for words over the bytes, since what they stand for works
 * wherever it stands, however broken the rest of the file is.
 */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "inspect.h"

#define TAIL_LOOK	(65535 + 22)	/* where a zip's end record can be */
#define PDF_LOOK	1024		/* where a PDF may begin */
#define BLOB_MIN	1024	/* base64 of a file in a page: characters */

static int	 has(const uint8_t *, size_t, const char *);
static int	 has_exact(const uint8_t *, size_t, const char *, size_t);
static int	 name_in(const char *, size_t, const char *);
static int	 rtf_word(const uint8_t *, size_t, const char *);
static int	 long_base64(const uint8_t *, size_t);

static int
has_exact(const uint8_t *p, size_t len, const char *s, size_t slen)
{
	return (memmem(p, len, s, slen) != NULL);
}

/* In any case; the first letter is sought quickly. */
static int
has(const uint8_t *p, size_t len, const char *word)
{
	const uint8_t	*end, *lo, *q, *up;
	size_t		 n;
	int		 c;

	n = strlen(word);
	end = p + len;
	c = (unsigned char)word[0];
	lo = up = NULL;
	for (q = p; (size_t)(end - q) >= n; q++) {
		if (lo < q && lo != end && (lo = memchr(q, tolower(c),
		    (size_t)(end - q))) == NULL)
			lo = end;
		if (up < q && up != end && (up = memchr(q, toupper(c),
		    (size_t)(end - q))) == NULL)
			up = end;
		q = lo < up ? lo : up;
		if ((size_t)(end - q) < n)
			break;
		if (strncasecmp((const char *)q, word, n) == 0)
			return (1);
	}
	return (0);
}

/* A run that is nothing but base64. */
static int
long_base64(const uint8_t *p, size_t len)
{
	size_t	 i, run;

	for (i = run = 0; i < len; i++) {
		if (isalnum(p[i]) || p[i] == '+' || p[i] == '/')
			run++;
		else
			run = 0;
		if (run >= BLOB_MIN)
			return (1);
	}
	return (0);
}

uint32_t
html_flags(const uint8_t *p, size_t len)
{
	uint32_t	 flags;
	int		 blob, data, down;

	flags = 0;
	if (has(p, len, "<script") || has(p, len, "javascript:"))
		flags |= FF_JAVASCRIPT;
	blob = has(p, len, "msSaveOrOpenBlob") || has(p, len, "msSaveBlob") ||
	    (has(p, len, "new Blob") && has(p, len, "createObjectURL"));
	data = has(p, len, "data:application/") && has(p, len, ";base64,");
	down = has(p, len, " download=") || has(p, len, ".download") ||
	    has(p, len, "setAttribute('download'") ||
	    has(p, len, "setAttribute(\"download\"");
	if ((data && (down || long_base64(p, len))) || (blob && down) ||
	    has(p, len, "msSaveOrOpenBlob") ||
	    (down && has(p, len, "atob(")) ||
	    (blob && has(p, len, "atob(")) ||
	    (has(p, len, "atob(") && long_base64(p, len)))
		flags |= FF_SMUGGLING;
	if (has(p, len, "<hta:application"))
		flags |= FF_SCRIPT;
	return (flags);
}

/* A control word, which ends where letters do. */
static int
rtf_word(const uint8_t *p, size_t len, const char *word)
{
	const uint8_t	*q;
	size_t		 n;

	n = strlen(word);
	while ((q = memmem(p, len, word, n)) != NULL) {
		len -= (size_t)(q + n - p);
		p = q + n;
		if (len == 0 || !isalpha(*p))
			return (1);
	}
	return (0);
}

uint32_t
rtf_flags(const uint8_t *p, size_t len)
{
	uint32_t	 flags;

	flags = 0;
	if (rtf_word(p, len, "\\objdata") || rtf_word(p, len, "\\objemb") ||
	    rtf_word(p, len, "\\objocx"))
		flags |= FF_EMBEDDED;
	if (rtf_word(p, len, "\\objupdate"))
		flags |= FF_EMBEDDED | FF_AUTOACTION;
	if (rtf_word(p, len, "\\objautlink") ||
	    rtf_word(p, len, "\\objlink") || has(p, len, "INCLUDEPICTURE") ||
	    has(p, len, "DDEAUTO"))
		flags |= FF_EXTERNAL;
	/* "\*\template http://..." is fetched when the file is opened. */
	if (rtf_word(p, len, "\\template"))
		flags |= FF_EXTERNAL;
	if (has(p, len, "Equation.3") || has(p, len, "4571756174696f6e2e33"))
		flags |= FF_EQUATION;
	return (flags);
}

uint32_t
onenote_flags(const uint8_t *p, size_t len)
{
	/* FileDataStoreObject, [MS-ONESTORE] 2.6.13. */
	static const char	 guid[] = "\xe7\x16\xe3\xbd\x65\x26\x11\x45"
	    "\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
	const uint8_t		*q;
	uint32_t		 flags;
	uint64_t		 size;

	flags = 0;
	while ((q = memmem(p, len, guid, 16)) != NULL) {
		len -= (size_t)(q + 16 - p);
		p = q + 16;
		flags |= FF_ATTACHED;
		/* Length, 12 bytes unused or reserved, the file. */
		if (len < 20)
			continue;
		size = le32(p) | (uint64_t)le32(p + 4) << 32;
		if (size > len - 20)
			size = len - 20;
		flags |= filetype_flags(filetype(p + 20, (size_t)size, "",
		    0));
	}
	return (flags);
}

static int
name_in(const char *name, size_t len, const char *what)
{
	return (memmem(name, len, what, strlen(what)) != NULL);
}

uint32_t
ooxml_member_flags(const char *name, size_t len, const uint8_t *p, size_t n)
{
	static const struct {
		const char	*name;
		uint32_t	 flags;
	} known[] = {
		{ "vbaProject.bin",	FF_MACROS },
		{ "xl/macrosheets/",	FF_MACROS },
		{ "/externalLinks/",	FF_EXTERNAL },
		{ "/embeddings/",	FF_EMBEDDED },
		{ "/activeX/",		FF_EMBEDDED },
		{ "customUI",		FF_AUTOACTION },
		{ "Basic/",		FF_MACROS },
		{ "Scripts/",		FF_MACROS },
	};
	uint32_t	 flags;
	size_t		 i;

	flags = 0;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (name_in(name, len, known[i].name))
			flags |= known[i].flags;
	if (len > 5 && memcmp(name + len - 5, ".rels", 5) == 0 &&
	    has(p, n, "TargetMode=\"External\"")) {
		/* Links that one clicks on are no templates. */
		if (has(p, n, "/attachedTemplate") || has(p, n, "/oleObject") ||
		    has(p, n, "/frame\"") || has(p, n, "/externalLink") ||
		    has(p, n, "/subDocument"))
			flags |= FF_EXTERNAL;
	}
	if (len == 21 && memcmp(name, "META-INF/manifest.xml", 21) == 0 &&
	    has(p, n, "encryption-data"))
		flags |= FF_ENCRYPTED;
	if (name_in(name, len, "vbaProject.bin"))
		flags |= oledir_flags(p, n) & (FF_AUTOEXEC | FF_MACROS);
	/* A field that runs a program. */
	if (len > 4 && memcmp(name + len - 4, ".xml", 4) == 0 &&
	    has(p, n, "DDEAUTO"))
		flags |= FF_AUTOACTION | FF_EXTERNAL;
	return (flags);
}

uint32_t
polyglot_flags(const uint8_t *p, size_t len, enum file_type type,
    const char *name)
{
	size_t	 n;

	switch (type) {
	case FT_TEXT:
	case FT_EMAIL:
	case FT_ISO:
	case FT_TAR:
	case FT_AR:
	case FT_CPIO:
	case FT_UNKNOWN:
		return (0);
	case FT_PDF:
		if (p[0] == '<')
			return (FF_POLYGLOT);
		break;
	default:
		n = len < PDF_LOOK ? len : PDF_LOOK;
		if (has_exact(p, n, "%PDF-", 5))
			return (FF_POLYGLOT);
		break;
	}
	if (filetype_is_zip(type) || fact_type_class(type) == FC_ARCHIVE)
		return (0);
	/*
	 * Old documents have new ones, which are zips, in streams of theirs;
	 * who is told by the name what it is reads no zip out of that.
	 */
	if (filetype_is_compound(type) && filetype_is_compound(name_type(name,
	    strlen(name))))
		return (0);
	/* A zip is read from its end. */
	n = len < TAIL_LOOK ? len : TAIL_LOOK;
	return (has_exact(p + len - n, n, "PK\5\6", 4) &&
	    has_exact(p, len, "PK\1\2", 4) ? FF_POLYGLOT : 0);
}

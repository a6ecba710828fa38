/* SPDX-License-Identifier: ISC */

/*
 * What a file's name tells, and what it hides.
 *
 * Names are how a recipient is led to open something: another extension
 * behind the one that is seen, an override of direction, blanks until the
 * rest is out of sight, letters of another script.  Names of members are
 * bytes in whatever encoding; what is not UTF-8 is judged by its ASCII.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "inspect.h"

#define BLANKS_MAX	8	/* in a row; nobody types them */
#define EXT_MAX		8	/* longer is no extension */

#define ANY_TEXT	(FT_BIT(FT_TEXT) | FT_BIT(FT_HTML) | FT_BIT(FT_XML) | \
			FT_BIT(FT_EMAIL) | FT_BIT(FT_SVG))
#define ANY_OLE		(FT_BIT(FT_DOC) | FT_BIT(FT_XLS) | FT_BIT(FT_PPT) | \
			FT_BIT(FT_OLE2))
#define ANY_OOXML	(FT_BIT(FT_DOCX) | FT_BIT(FT_XLSX) | FT_BIT(FT_PPTX))

#define X_DOC		1	/* what a recipient takes for harmless */

/* What an extension stands for; which other types go under it. */
static const struct ext {
	const char	*ext;
	enum file_type	 type;
	int		 harmless;
	uint64_t	 also;
} exts[] = {
	{ "7z",		FT_7Z,		0, 0 },
	{ "apk",	FT_APK,		0, FT_BIT(FT_ZIP) | FT_BIT(FT_JAR) },
	{ "bat",	FT_BAT,		0, ANY_TEXT },
	{ "bmp",	FT_IMAGE,	X_DOC, 0 },
	{ "bz2",	FT_BZIP2,	0, 0 },
	{ "cab",	FT_CAB,		0, 0 },
	{ "chm",	FT_CHM,		0, 0 },
	{ "class",	FT_CLASS,	0, 0 },
	{ "cmd",	FT_BAT,		0, ANY_TEXT },
	{ "com",	FT_COM,		0, FT_BIT(FT_PE) | FT_BIT(FT_TEXT) },
	{ "cpl",	FT_PE,		0, 0 },
	{ "csv",	FT_TEXT,	X_DOC, ANY_TEXT },
	{ "deb",	FT_AR,		0, 0 },
	{ "dll",	FT_PE,		0, 0 },
	{ "dmg",	FT_DISK,	0, 0 },
	{ "doc",	FT_DOC,		X_DOC, ANY_OLE | FT_BIT(FT_RTF) |
	    FT_BIT(FT_DOCX) | FT_BIT(FT_HTML) | FT_BIT(FT_XML) },
	{ "docm",	FT_DOCX,	X_DOC, ANY_OLE },
	{ "docx",	FT_DOCX,	X_DOC, FT_BIT(FT_OLE2) },
	{ "dotm",	FT_DOCX,	X_DOC, ANY_OLE },
	{ "eml",	FT_EMAIL,	X_DOC, ANY_TEXT },
	{ "exe",	FT_PE,		0, FT_BIT(FT_COM) },
	{ "gif",	FT_IMAGE,	X_DOC, 0 },
	{ "gz",		FT_GZIP,	0, 0 },
	{ "hta",	FT_HTA,		0, ANY_TEXT },
	{ "htm",	FT_HTML,	X_DOC, ANY_TEXT },
	{ "html",	FT_HTML,	X_DOC, ANY_TEXT },
	{ "hwp",	FT_OLE2,	X_DOC, ANY_OLE },
	{ "img",	FT_DISK,	0, FT_BIT(FT_ISO) },
	{ "iso",	FT_ISO,		0, FT_BIT(FT_DISK) },
	{ "jar",	FT_JAR,		0, FT_BIT(FT_ZIP) },
	{ "jpeg",	FT_IMAGE,	X_DOC, 0 },
	{ "jpg",	FT_IMAGE,	X_DOC, 0 },
	{ "js",		FT_JS,		0, ANY_TEXT },
	{ "jse",	FT_JS,		0, ANY_TEXT },
	{ "lha",	FT_LHA,		0, 0 },
	{ "lnk",	FT_LNK,		0, 0 },
	{ "lzh",	FT_LHA,		0, 0 },
	{ "mp3",	FT_MEDIA,	X_DOC, 0 },
	{ "mp4",	FT_MEDIA,	X_DOC, 0 },
	{ "msg",	FT_MSG,		X_DOC, FT_BIT(FT_OLE2) },
	{ "msi",	FT_MSI,		0, FT_BIT(FT_OLE2) },
	{ "odp",	FT_ODF,		X_DOC, 0 },
	{ "ods",	FT_ODF,		X_DOC, 0 },
	{ "odt",	FT_ODF,		X_DOC, 0 },
	{ "one",	FT_ONENOTE,	X_DOC, 0 },
	{ "pdf",	FT_PDF,		X_DOC, 0 },
	{ "pif",	FT_COM,		0, FT_BIT(FT_PE) },
	{ "png",	FT_IMAGE,	X_DOC, 0 },
	{ "ppt",	FT_PPT,		X_DOC, ANY_OLE | FT_BIT(FT_PPTX) },
	{ "pptm",	FT_PPTX,	X_DOC, ANY_OLE },
	{ "pptx",	FT_PPTX,	X_DOC, FT_BIT(FT_OLE2) },
	{ "ps1",	FT_PS1,		0, ANY_TEXT },
	{ "psm1",	FT_PS1,		0, ANY_TEXT },
	{ "rar",	FT_RAR,		0, 0 },
	{ "reg",	FT_REG,		0, ANY_TEXT },
	{ "rpm",	FT_RPM,		0, 0 },
	{ "rtf",	FT_RTF,		X_DOC, ANY_OLE | ANY_TEXT },
	{ "scr",	FT_PE,		0, FT_BIT(FT_COM) },
	{ "sct",	FT_WSF,		0, ANY_TEXT },
	{ "sh",		FT_SHELL,	0, ANY_TEXT },
	{ "svg",	FT_SVG,		X_DOC, ANY_TEXT },
	{ "sys",	FT_PE,		0, 0 },
	{ "tar",	FT_TAR,		0, 0 },
	{ "tgz",	FT_GZIP,	0, 0 },
	{ "tif",	FT_IMAGE,	X_DOC, 0 },
	{ "tiff",	FT_IMAGE,	X_DOC, 0 },
	{ "txt",	FT_TEXT,	X_DOC, ANY_TEXT },
	{ "url",	FT_URL,		0, ANY_TEXT },
	{ "vbe",	FT_VBS,		0, ANY_TEXT },
	{ "vbs",	FT_VBS,		0, ANY_TEXT },
	{ "vhd",	FT_DISK,	0, 0 },
	{ "vhdx",	FT_DISK,	0, 0 },
	{ "webp",	FT_IMAGE,	X_DOC, 0 },
	{ "wsf",	FT_WSF,		0, ANY_TEXT },
	{ "wsh",	FT_WSF,		0, ANY_TEXT },
	{ "xls",	FT_XLS,		X_DOC, ANY_OLE | ANY_TEXT |
	    FT_BIT(FT_XLSX) },
	{ "xlsb",	FT_XLSX,	X_DOC, ANY_OLE },
	{ "xlsm",	FT_XLSX,	X_DOC, ANY_OLE },
	{ "xlsx",	FT_XLSX,	X_DOC, FT_BIT(FT_OLE2) },
	{ "xml",	FT_XML,		X_DOC, ANY_TEXT },
	{ "xz",		FT_XZ,		0, 0 },
	{ "zip",	FT_ZIP,		0, ANY_OOXML | FT_BIT(FT_ODF) |
	    FT_BIT(FT_JAR) | FT_BIT(FT_APK) },
	{ "zst",	FT_ZSTD,	0, 0 },
};

static const struct {
	const char	*mime;		/* begins with */
	uint64_t	 types;
} mimes[] = {
	{ "application/pdf",	FT_BIT(FT_PDF) },
	{ "image/svg",		FT_BIT(FT_SVG) | ANY_TEXT },
	{ "image/",		FT_BIT(FT_IMAGE) },
	{ "text/rtf",		FT_BIT(FT_RTF) },
	{ "text/",		ANY_TEXT | FT_BIT(FT_JS) },
	{ "audio/",		FT_BIT(FT_MEDIA) },
	{ "video/",		FT_BIT(FT_MEDIA) },
	{ "application/zip",	FT_BIT(FT_ZIP) | ANY_OOXML | FT_BIT(FT_ODF) |
	    FT_BIT(FT_JAR) | FT_BIT(FT_APK) },
	{ "application/msword",	ANY_OLE | FT_BIT(FT_RTF) | FT_BIT(FT_DOCX) },
};

static const struct ext	*ext_find(const char *, size_t);
static size_t		 ext_start(const char *, size_t);
static uint32_t		 utf8_get(const unsigned char *, size_t, size_t *);
static int		 is_bidi(uint32_t);
static int		 is_blank(uint32_t);
static unsigned int	 script_of(uint32_t);
static uint32_t		 path_flags(const char *, size_t);
static uint32_t		 ext_flags(const char *, size_t);

static const struct ext *
ext_find(const char *p, size_t len)
{
	size_t	 i;

	for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
		if (strlen(exts[i].ext) == len &&
		    strncasecmp(exts[i].ext, p, len) == 0)
			return (&exts[i]);
	return (NULL);
}

/* Where the extension begins, behind its dot; len if there is none. */
static size_t
ext_start(const char *p, size_t len)
{
	size_t	 i;

	for (i = len; i > 0 && len - i <= EXT_MAX; i--) {
		if (p[i - 1] == '/' || p[i - 1] == '\\')
			break;
		if (p[i - 1] == '.')
			return (i);
	}
	return (len);
}

/* Windows leaves these away when it makes the file. */
static size_t
name_trim(const char *p, size_t len)
{
	while (len > 0 && (p[len - 1] == '.' || p[len - 1] == ' ' ||
	    p[len - 1] == '\0'))
		len--;
	return (len);
}

/*
 * One character; bytes that are no UTF-8 come back one by one, above all
 * characters.
 */
static uint32_t
utf8_get(const unsigned char *p, size_t len, size_t *n)
{
	static const uint32_t	 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t		 c;
	size_t			 i, k;

	*n = 1;
	if (p[0] < 0x80)
		return (p[0]);
	k = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || k > len)
		return (0x80000000U | p[0]);
	c = p[0] & (0xffU >> (k + 1));
	for (i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0x80000000U | p[0]);
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[k] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return (0x80000000U | p[0]);
	*n = k;
	return (c);
}

static int
is_bidi(uint32_t c)
{
	return ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	    c == 0x200e || c == 0x200f || c == 0x061c);
}

/* White space, or nothing to be seen at all. */
static int
is_blank(uint32_t c)
{
	return (c == ' ' || c == '\t' || c == 0xa0 || c == 0x3000 ||
	    (c >= 0x2000 && c <= 0x200d) || c == 0x2800 || c == 0x3164 ||
	    c == 0xfeff || c == 0x2060 || c == 0xad);
}

/* 1 Latin, 2 one whose letters look like Latin, 0 neither. */
static unsigned int
script_of(uint32_t c)
{
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return (1);
	if ((c >= 0x370 && c <= 0x52f) || (c >= 0x530 && c <= 0x58f) ||
	    (c >= 0x13a0 && c <= 0x13ff) || (c >= 0x1d400 && c <= 0x1d7ff) ||
	    (c >= 0xff21 && c <= 0xff5a))
		return (2);
	return (0);
}

static uint32_t
path_flags(const char *p, size_t len)
{
	size_t	 i, start;

	if (len > 0 && (p[0] == '/' || p[0] == '\\'))
		return (FF_TRAVERSAL);
	if (len > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/'))
		return (FF_TRAVERSAL);
	for (i = start = 0; i <= len; i++) {
		if (i < len && p[i] != '/' && p[i] != '\\')
			continue;
		if (i - start == 2 && p[start] == '.' && p[start + 1] == '.')
			return (FF_TRAVERSAL);
		start = i + 1;
	}
	return (0);
}

/* A program behind what looks like a document. */
static uint32_t
ext_flags(const char *p, size_t len)
{
	const struct ext	*last, *first;
	size_t			 at, end, trimmed;
	uint32_t		 flags;

	trimmed = name_trim(p, len);
	flags = trimmed == len || trimmed == 0 ? 0 : FF_BAD_NAME;
	at = ext_start(p, trimmed);
	if (at == trimmed || (last = ext_find(p + at, trimmed - at)) == NULL ||
	    last->harmless)
		return (flags);
	switch (fact_type_class(last->type)) {
	case FC_EXECUTABLE:
	case FC_SCRIPT:
	case FC_SHORTCUT:
	case FC_DISK:
		break;
	default:
		return (flags);
	}
	end = name_trim(p, at - 1);
	at = ext_start(p, end);
	if (at < end && (first = ext_find(p + at, end - at)) != NULL &&
	    first->harmless)
		flags |= FF_DOUBLE_EXT;
	return (flags);
}

uint32_t
name_flags(const char *name, size_t len)
{
	const unsigned char	*p;
	unsigned int		 script, s;
	uint32_t		 c, flags;
	size_t			 blanks, i, n;

	p = (const unsigned char *)name;
	flags = path_flags(name, len) | ext_flags(name, len);
	blanks = 0;
	script = 0;
	for (i = 0; i < len; i += n) {
		c = utf8_get(p + i, len - i, &n);
		if (is_bidi(c))
			flags |= FF_BIDI;
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2044 ||
		    c == 0x2215 || c == 0x2024 || c == 0xff0e)
			flags |= FF_BAD_NAME;
		blanks = is_blank(c) ? blanks + 1 : 0;
		if (blanks >= BLANKS_MAX)
			flags |= FF_BAD_NAME;
		/* Words end at any other sign of ASCII. */
		s = script_of(c);
		if (s == 0 && c < 0x80)
			script = 0;
		script |= s;
		if (script == 3)
			flags |= FF_MIXED_SCRIPT;
	}
	return (flags);
}

enum file_type
name_type(const char *p, size_t len)
{
	const struct ext	*e;
	size_t			 at;

	len = name_trim(p, len);
	at = ext_start(p, len);
	if (at == len || (e = ext_find(p + at, len - at)) == NULL)
		return (FT_UNKNOWN);
	return (e->type);
}

uint32_t
name_mismatch(enum file_type type, const char *name, size_t len,
    const char *mime, size_t mimelen)
{
	const struct ext	*e;
	size_t			 at, i, n;

	if (type == FT_EMPTY || type == FT_UNKNOWN)
		return (0);
	len = name_trim(name, len);
	at = ext_start(name, len);
	if (at < len && (e = ext_find(name + at, len - at)) != NULL &&
	    ((FT_BIT(e->type) | e->also) & FT_BIT(type)) == 0)
		return (FF_MISMATCH);
	for (i = 0; i < sizeof(mimes) / sizeof(mimes[0]); i++) {
		n = strlen(mimes[i].mime);
		if (n > mimelen || memcmp(mime, mimes[i].mime, n) != 0)
			continue;
		return ((mimes[i].types & FT_BIT(type)) != 0 ||
		    (fact_type_class(type) == FC_SCRIPT &&
		    (mimes[i].types & FT_BIT(FT_TEXT)) != 0) ? 0 :
		    FF_MISMATCH);
	}
	return (0);
}

void
name_copy(char *to, size_t size, const char *name, size_t len)
{
	const unsigned char	*p;
	uint32_t		 c;
	size_t			 i, n, o;

	p = (const unsigned char *)name;
	o = 0;
	for (i = 0; i < len; i += n) {
		c = utf8_get(p + i, len - i, &n);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c > 0x10ffff ||
		    is_bidi(c)) {
			if (o + 1 >= size)
				break;
			to[o++] = '?';
			continue;
		}
		if (o + n >= size)
			break;
		memcpy(to + o, p + i, n);
		o += n;
	}
	memset(to + o, 0, size - o);
}

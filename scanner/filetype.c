/* SPDX-License-Identifier: ISC */

/*
 * What is this file?  By its content; a name is asked only for kinds that
 * have no form of their own (scripts, .com), since programs start them by
 * their names, too.  Formats are those that a recipient's machine would act
 * upon, or that an archive program opens.
 */

#include <string.h>
#include <strings.h>

#include "inspect.h"

#define TEXT_LOOK	4096	/* bytes that decide whether it is text */
#define HTML_LOOK	1024	/* browsers look for a tag that far */

static const struct magic {
	uint32_t	 off;
	uint32_t	 len;
	const char	*bytes;
	enum file_type	 type;
} magics[] = {
	{ 0,	4,	"\x7f" "ELF",			FT_ELF },
	{ 0,	4,	"\xfe\xed\xfa\xce",		FT_MACHO },
	{ 0,	4,	"\xfe\xed\xfa\xcf",		FT_MACHO },
	{ 0,	4,	"\xce\xfa\xed\xfe",		FT_MACHO },
	{ 0,	4,	"\xcf\xfa\xed\xfe",		FT_MACHO },
	{ 0,	4,	"PK\3\4",			FT_ZIP },
	{ 0,	4,	"PK\5\6",			FT_ZIP },
	{ 0,	8,	"PK00PK\3\4",			FT_ZIP },
	{ 0,	8,	"PK\7\10PK\3\4",		FT_ZIP },
	{ 0,	6,	"Rar!\x1a\7",			FT_RAR },
	{ 0,	6,	"7z\xbc\xaf\x27\x1c",		FT_7Z },
	{ 0,	3,	"\x1f\x8b\x08",			FT_GZIP },
	{ 0,	3,	"BZh",				FT_BZIP2 },
	{ 0,	6,	"\xfd" "7zXZ\0",		FT_XZ },
	{ 0,	4,	"\x28\xb5\x2f\xfd",		FT_ZSTD },
	{ 0,	4,	"\x04\x22\x4d\x18",		FT_LZ4 },
	{ 0,	4,	"\x02\x21\x4c\x18",		FT_LZ4 },
	{ 0,	5,	"LZIP\1",			FT_LZIP },
	{ 0,	2,	"\x1f\x9d",			FT_COMPRESS },
	{ 257,	5,	"ustar",			FT_TAR },
	{ 0,	6,	"070701",			FT_CPIO },
	{ 0,	6,	"070702",			FT_CPIO },
	{ 0,	6,	"070707",			FT_CPIO },
	{ 0,	2,	"\xc7\x71",			FT_CPIO },
	{ 0,	8,	"!<arch>\n",			FT_AR },
	{ 0,	4,	"\xed\xab\xee\xdb",		FT_RPM },
	{ 0,	8,	"MSCF\0\0\0\0",			FT_CAB },
	{ 0,	2,	"\x60\xea",			FT_ARJ },
	{ 7,	7,	"**ACE**",			FT_ACE },
	{ 32769, 5,	"CD001",			FT_ISO },
	{ 32769, 5,	"BEA01",			FT_ISO },
	{ 0,	8,	"conectix",			FT_DISK },
	{ 0,	8,	"vhdxfile",			FT_DISK },
	{ 0,	4,	"KDMV",				FT_DISK },
	{ 0,	8,	"MSWIM\0\0\0",			FT_DISK },
	{ 0,	5,	"{\\rtf",			FT_RTF },
	{ 0,	4,	"{\\rt",			FT_RTF },
	{ 0,	4,	"ITSF",				FT_CHM },
	{ 0,	4,	"\x78\x9f\x3e\x22",		FT_TNEF },
	{ 0,	20,	"\x4c\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0\x46",
	    FT_LNK },
	{ 0,	16,	"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"
	    "\xae\xb1\x53\x78\xd0\x29\x96\xd3",		FT_ONENOTE },
	{ 0,	8,	"\x89PNG\r\n\x1a\n",		FT_IMAGE },
	{ 0,	3,	"\xff\xd8\xff",			FT_IMAGE },
	{ 0,	5,	"GIF87",			FT_IMAGE },
	{ 0,	5,	"GIF89",			FT_IMAGE },
	{ 0,	4,	"II*\0",			FT_IMAGE },
	{ 0,	4,	"MM\0*",			FT_IMAGE },
	{ 8,	4,	"WEBP",				FT_IMAGE },
	{ 0,	4,	"\0\0\1\0",			FT_IMAGE },
	{ 0,	4,	"OggS",				FT_MEDIA },
	{ 0,	3,	"ID3",				FT_MEDIA },
	{ 8,	4,	"WAVE",				FT_MEDIA },
	{ 8,	4,	"AVI ",				FT_MEDIA },
	{ 4,	4,	"ftyp",				FT_MEDIA },
};

static enum file_type	 binary_type(const uint8_t *, size_t);
static enum file_type	 text_type(const uint8_t *, size_t);
static int		 has_word(const uint8_t *, size_t, const char *);
static enum file_type	 zip_kind(const uint8_t *, size_t);

static int
has_word(const uint8_t *p, size_t len, const char *word)
{
	size_t	 i, n;

	n = strlen(word);
	for (i = 0; i + n <= len; i++)
		if ((p[i] | 0x20) == (word[0] | 0x20) &&
		    strncasecmp((const char *)p + i, word, n) == 0)
			return (1);
	return (0);
}

/* The names of the first members tell; they stand in the clear. */
static enum file_type
zip_kind(const uint8_t *p, size_t len)
{
	static const struct {
		const char	*name;
		enum file_type	 type;
	} kinds[] = {
		{ "word/document",		FT_DOCX },
		{ "xl/workbook",		FT_XLSX },
		{ "ppt/presentation",		FT_PPTX },
		{ "mimetypeapplication/vnd.oasis", FT_ODF },
		{ "AndroidManifest.xml",	FT_APK },
		{ "META-INF/MANIFEST.MF",	FT_JAR },
	};
	size_t	 i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (memmem(p, len, kinds[i].name,
		    strlen(kinds[i].name)) != NULL)
			return (kinds[i].type);
	return (FT_ZIP);
}

static enum file_type
binary_type(const uint8_t *p, size_t len)
{
	const struct magic	*m;
	size_t			 i;

	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		m = &magics[i];
		if (len >= m->off + m->len &&
		    memcmp(p + m->off, m->bytes, m->len) == 0)
			return (m->type == FT_ZIP ? zip_kind(p, len) :
			    m->type);
	}
	if (len >= 8 && memcmp(p, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0)
		return (oledir_type(p, len));
	/* As many classes as a fat binary has architectures: few. */
	if (len >= 8 && memcmp(p, "\xca\xfe\xba\xbe", 4) == 0)
		return (p[4] == 0 && p[5] == 0 && p[6] == 0 && p[7] < 30 ?
		    FT_MACHO : FT_CLASS);
	if (len >= 21 && p[2] == '-' && p[3] == 'l' &&
	    (p[4] == 'h' || p[4] == 'z') && p[6] == '-')
		return (FT_LHA);
	/* Windows starts what begins so, whatever follows. */
	if (len >= 64 && p[0] == 'M' && p[1] == 'Z')
		return (FT_PE);
	if (len >= 26 && p[0] == 'B' && p[1] == 'M' && le32(p + 6) == 0 &&
	    le32(p + 14) <= 124)
		return (FT_IMAGE);
	if (len >= 512 && memcmp(p + len - 512, "koly", 4) == 0)
		return (FT_DISK);
	if (memmem(p, len < 1024 ? len : 1024, "%PDF-", 5) != NULL)
		return (FT_PDF);
	return (FT_UNKNOWN);
}

int
filetype_is_zip(enum file_type type)
{
	return (type == FT_ZIP || type == FT_JAR || type == FT_APK ||
	    type == FT_DOCX || type == FT_XLSX || type == FT_PPTX ||
	    type == FT_ODF);
}

int
filetype_is_compound(enum file_type type)
{
	return (type == FT_DOC || type == FT_XLS || type == FT_PPT ||
	    type == FT_OLE2 || type == FT_MSG);
}

int
filetype_is_text(const uint8_t *p, size_t len)
{
	size_t	 bad, i, n;

	if (len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) ||
	    (p[0] == 0xfe && p[1] == 0xff)))
		return (1);
	n = len < TEXT_LOOK ? len : TEXT_LOOK;
	for (bad = i = 0; i < n; i++) {
		if (p[i] == 0)
			return (0);
		if ((p[i] < 0x20 && (p[i] < 8 || p[i] > 13) && p[i] != 0x1b) ||
		    p[i] == 0x7f)
			bad++;
	}
	return (bad <= n / 100);
}

static enum file_type
text_type(const uint8_t *p, size_t len)
{
	static const char *const	 heads[] = {
		"Received:", "Return-Path:", "From:", "Message-ID:", "Date:",
		"MIME-Version:", "X-", "Subject:", "Delivered-To:", "To:",
	};
	static const char *const	 tags[] = {
		"<html", "<!doctype html", "<script", "<body", "<head",
		"<iframe", "<table", "<meta", "<title", "<a href",
	};
	size_t				 i, n;

	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		len -= 3;
	}
	if (len >= 2 && p[0] == '#' && p[1] == '!')
		return (FT_SHELL);
	n = len < HTML_LOOK ? len : HTML_LOOK;
	if (has_word(p, n, "[InternetShortcut]"))
		return (FT_URL);
	if (has_word(p, n, "<hta:application"))
		return (FT_HTA);
	if (has_word(p, n, "<svg"))
		return (FT_SVG);
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (has_word(p, n, tags[i]))
			return (FT_HTML);
	if (has_word(p, n, "<job") && has_word(p, n, "<?xml"))
		return (FT_WSF);
	if (len >= 5 && memcmp(p, "<?xml", 5) == 0)
		return (FT_XML);
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (len > strlen(heads[i]) && strncasecmp((const char *)p,
		    heads[i], strlen(heads[i])) == 0 &&
		    memmem(p, n, "\n", 1) != NULL)
			return (FT_EMAIL);
	return (FT_TEXT);
}

enum file_type
filetype(const uint8_t *p, size_t len, const char *name, size_t namelen)
{
	enum file_type	 named, type;

	if (len == 0)
		return (FT_EMPTY);
	if ((type = binary_type(p, len)) != FT_UNKNOWN)
		return (type);
	named = name_type(name, namelen);
	if (filetype_is_text(p, len)) {
		type = text_type(p, len);
		if (named == FT_COM || (fact_type_class(named) == FC_SCRIPT &&
		    named != FT_CHM))
			return (named);
		return (type);
	}
	/* Encoded scripts, and programs without any header. */
	if (named == FT_COM || named == FT_JS || named == FT_VBS)
		return (named);
	return (FT_UNKNOWN);
}

uint32_t
filetype_flags(enum file_type type)
{
	switch (fact_type_class(type)) {
	case FC_EXECUTABLE:
		return (FF_EXECUTABLE);
	case FC_SCRIPT:
		return (FF_SCRIPT);
	case FC_SHORTCUT:
		return (FF_SHORTCUT);
	default:
		return (0);
	}
}

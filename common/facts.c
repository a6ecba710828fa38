/* SPDX-License-Identifier: ISC */

/*
 * Words for what is known of files, and the check of a fact that comes from a
 * process which may have been taken over.  Pure tables: see facts.h.
 */

#include <errno.h>
#include <string.h>

#include "facts.h"
#include "proto.h"

_Static_assert(sizeof(struct file_fact) == 24 +
    FACT_HASH_LEN + FACT_NAME_MAX, "padded");
_Static_assert((int)FT_MAX <= 64, "FT_BIT() is 64 bits wide");

static const struct {
	const char	*name;
	enum file_class	 class;
} types[FT_MAX] = {
	[FT_UNKNOWN] =	{ "unknown",	FC_OTHER },
	[FT_EMPTY] =	{ "empty",	FC_OTHER },
	[FT_TEXT] =	{ "text",	FC_TEXT },
	[FT_HTML] =	{ "html",	FC_TEXT },
	[FT_XML] =	{ "xml",	FC_TEXT },
	[FT_EMAIL] =	{ "email",	FC_TEXT },
	[FT_IMAGE] =	{ "image",	FC_IMAGE },
	[FT_SVG] =	{ "svg",	FC_IMAGE },
	[FT_MEDIA] =	{ "media",	FC_OTHER },
	[FT_PDF] =	{ "pdf",	FC_OFFICE },
	[FT_RTF] =	{ "rtf",	FC_OFFICE },
	[FT_DOC] =	{ "doc",	FC_OFFICE },
	[FT_XLS] =	{ "xls",	FC_OFFICE },
	[FT_PPT] =	{ "ppt",	FC_OFFICE },
	[FT_OLE2] =	{ "ole2",	FC_OFFICE },
	[FT_DOCX] =	{ "docx",	FC_OFFICE },
	[FT_XLSX] =	{ "xlsx",	FC_OFFICE },
	[FT_PPTX] =	{ "pptx",	FC_OFFICE },
	[FT_ODF] =	{ "odf",	FC_OFFICE },
	[FT_ONENOTE] =	{ "onenote",	FC_OFFICE },
	[FT_MSG] =	{ "msg",	FC_OFFICE },
	[FT_TNEF] =	{ "tnef",	FC_ARCHIVE },
	[FT_PE] =	{ "pe",		FC_EXECUTABLE },
	[FT_ELF] =	{ "elf",	FC_EXECUTABLE },
	[FT_MACHO] =	{ "macho",	FC_EXECUTABLE },
	[FT_MSI] =	{ "msi",	FC_EXECUTABLE },
	[FT_COM] =	{ "com",	FC_EXECUTABLE },
	[FT_JAR] =	{ "jar",	FC_EXECUTABLE },
	[FT_CLASS] =	{ "class",	FC_EXECUTABLE },
	[FT_APK] =	{ "apk",	FC_EXECUTABLE },
	[FT_JS] =	{ "js",		FC_SCRIPT },
	[FT_VBS] =	{ "vbs",	FC_SCRIPT },
	[FT_PS1] =	{ "ps1",	FC_SCRIPT },
	[FT_BAT] =	{ "bat",	FC_SCRIPT },
	[FT_HTA] =	{ "hta",	FC_SCRIPT },
	[FT_WSF] =	{ "wsf",	FC_SCRIPT },
	[FT_SHELL] =	{ "shell",	FC_SCRIPT },
	[FT_REG] =	{ "reg",	FC_SCRIPT },
	[FT_LNK] =	{ "lnk",	FC_SHORTCUT },
	[FT_URL] =	{ "url",	FC_SHORTCUT },
	[FT_CHM] =	{ "chm",	FC_SCRIPT },
	[FT_ZIP] =	{ "zip",	FC_ARCHIVE },
	[FT_RAR] =	{ "rar",	FC_ARCHIVE },
	[FT_7Z] =	{ "7z",		FC_ARCHIVE },
	[FT_GZIP] =	{ "gzip",	FC_ARCHIVE },
	[FT_BZIP2] =	{ "bzip2",	FC_ARCHIVE },
	[FT_XZ] =	{ "xz",		FC_ARCHIVE },
	[FT_ZSTD] =	{ "zstd",	FC_ARCHIVE },
	[FT_LZ4] =	{ "lz4",	FC_ARCHIVE },
	[FT_LZIP] =	{ "lzip",	FC_ARCHIVE },
	[FT_COMPRESS] =	{ "compress",	FC_ARCHIVE },
	[FT_TAR] =	{ "tar",	FC_ARCHIVE },
	[FT_CPIO] =	{ "cpio",	FC_ARCHIVE },
	[FT_AR] =	{ "ar",		FC_ARCHIVE },
	[FT_RPM] =	{ "rpm",	FC_ARCHIVE },
	[FT_CAB] =	{ "cab",	FC_ARCHIVE },
	[FT_ARJ] =	{ "arj",	FC_ARCHIVE },
	[FT_LHA] =	{ "lha",	FC_ARCHIVE },
	[FT_ACE] =	{ "ace",	FC_ARCHIVE },
	[FT_ISO] =	{ "iso",	FC_DISK },
	[FT_DISK] =	{ "disk-image",	FC_DISK },
};

static const char *const	 classes[FC_MAX] = {
	[FC_OTHER] =		"other",
	[FC_EXECUTABLE] =	"executable",
	[FC_SCRIPT] =		"script",
	[FC_SHORTCUT] =		"shortcut",
	[FC_ARCHIVE] =		"archive",
	[FC_DISK] =		"disk",
	[FC_OFFICE] =		"office",
	[FC_TEXT] =		"textual",
	[FC_IMAGE] =		"picture",
};

static const struct {
	uint32_t	 bit;
	const char	*name;
} flags[] = {
	{ FF_ENCRYPTED,		"encrypted" },
	{ FF_MACROS,		"macros" },
	{ FF_AUTOEXEC,		"auto-macro" },
	{ FF_EMBEDDED,		"embedded-object" },
	{ FF_EXTERNAL,		"external-link" },
	{ FF_JAVASCRIPT,	"javascript" },
	{ FF_LAUNCH,		"launch-action" },
	{ FF_AUTOACTION,	"open-action" },
	{ FF_ATTACHED,		"embedded-file" },
	{ FF_EXECUTABLE,	"executable" },
	{ FF_SCRIPT,		"script" },
	{ FF_SHORTCUT,		"shortcut" },
	{ FF_DOUBLE_EXT,	"double-extension" },
	{ FF_BIDI,		"bidi-override" },
	{ FF_BAD_NAME,		"deceptive-name" },
	{ FF_MIXED_SCRIPT,	"mixed-script" },
	{ FF_TRAVERSAL,		"path-traversal" },
	{ FF_MISMATCH,		"type-mismatch" },
	{ FF_BOMB,		"bomb" },
	{ FF_SMUGGLING,		"html-smuggling" },
	{ FF_POLYGLOT,		"polyglot" },
	{ FF_ZIP_AMBIGUOUS,	"ambiguous-zip" },
	{ FF_EQUATION,		"equation-object" },
	{ FF_XFA,		"rich-media" },
	{ FF_PARTLY,		"partly-inspected" },
	{ FF_TEXT_CUT,		"text-truncated" },
};

#define NFLAGS	(sizeof(flags) / sizeof(flags[0]))

/* UTF-8 in its one right form, and nothing that moves a cursor. */
static int
name_is_text(const unsigned char *p, size_t len)
{
	size_t	 i, k, n;

	for (i = 0; i < len; i += n) {
		if (p[i] < 0x80) {
			if (p[i] < 0x20 || p[i] == 0x7f)
				return (0);
			n = 1;
			continue;
		}
		n = p[i] >= 0xf0 ? 4 : p[i] >= 0xe0 ? 3 : 2;
		if (p[i] < 0xc2 || p[i] > 0xf4 || n > len - i)
			return (0);
		for (k = 1; k < n; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return (0);
		if ((p[i] == 0xc2 && p[i + 1] < 0xa0) ||
		    (p[i] == 0xe0 && p[i + 1] < 0xa0) ||
		    (p[i] == 0xed && p[i + 1] > 0x9f) ||
		    (p[i] == 0xf0 && p[i + 1] < 0x90) ||
		    (p[i] == 0xf4 && p[i + 1] > 0x8f))
			return (0);
	}
	return (1);
}

int
facts_get(const void *data, uint32_t nparts, struct file_fact *f)
{
	size_t	 i, len;

	memcpy(f, data, sizeof(*f));
	len = strnlen(f->name, sizeof(f->name));
	for (i = len; i < sizeof(f->name); i++)
		if (f->name[i] != '\0')
			break;
	if (i == sizeof(f->name) && len < sizeof(f->name) &&
	    (f->part < nparts || f->part == SCAN_RAW) &&
	    (f->flags & ~FF_ALL) == 0 && f->type < FT_MAX &&
	    f->depth <= FACT_DEPTH_MAX && f->hashed <= 1 &&
	    name_is_text((const unsigned char *)f->name, len))
		return (0);
	errno = EBADMSG;
	return (-1);
}

const char *
fact_hash_text(const struct file_fact *f,
    char text[static FACT_HASH_STRLEN])
{
	static const char	 digits[] = "0123456789abcdef";
	size_t			 i;

	for (i = 0; f->hashed && i < sizeof(f->sha256); i++) {
		text[2 * i] = digits[f->sha256[i] >> 4];
		text[2 * i + 1] = digits[f->sha256[i] & 15];
	}
	text[2 * i] = '\0';
	return (text);
}

const char *
fact_type_name(unsigned int type)
{
	return (type < FT_MAX ? types[type].name : "?");
}

int
fact_type_find(const char *name)
{
	int	 i;

	for (i = 0; i < FT_MAX; i++)
		if (strcmp(types[i].name, name) == 0)
			return (i);
	return (-1);
}

enum file_class
fact_type_class(unsigned int type)
{
	return (type < FT_MAX ? types[type].class : FC_OTHER);
}

const char *
fact_class_name(unsigned int class)
{
	return (class < FC_MAX ? classes[class] : "?");
}

int
fact_class_find(const char *name)
{
	int	 i;

	for (i = 0; i < FC_MAX; i++)
		if (strcmp(classes[i], name) == 0)
			return (i);
	return (-1);
}

const char *
fact_flag_name(uint32_t bit)
{
	size_t	 i;

	for (i = 0; i < NFLAGS; i++)
		if (flags[i].bit == bit)
			return (flags[i].name);
	return ("?");
}

uint32_t
fact_flag_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < NFLAGS; i++)
		if (strcmp(flags[i].name, name) == 0)
			return (flags[i].bit);
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * The directory of a compound file ([MS-CFB] 2.6): what is in the document?
 *
 * Entries have their own form (a type, a length of a name that ends in NUL, in
 * UTF-16) and lie on 128 bytes, so each is found wherever the file puts it; an
 * entry that no reader would reach costs a false alarm at the most.  Upper and
 * lower case are the same, as to all who open streams by name.  Chains of
 * sectors are followed for streams, and for entries that have not that form but
 * are where the directory is; see cfb.c.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cfb.h"
#include "inspect.h"

#define HEADER		512
#define DIRENT		128
#define DE_NAMELEN	64
#define DE_TYPE		66
#define DE_CLSID	80
#define WIDE_MIN	2	/* a word of Chinese has two characters */
#define NARROW_MIN	5

static uint32_t	 entry_flags(const char *, int);
static uint32_t	 vba_flags(const uint8_t *, size_t);
static uint32_t	 chain_flags(const uint8_t *, size_t, uint32_t);
static int	 is_text(uint32_t);
static void	 text_wide(const uint8_t *, size_t, struct textout *);
static void	 text_narrow(const uint8_t *, size_t, struct textout *);

/* Installer's class: 000C1084-0000-0000-C000-000000000046. */
static const uint8_t	 msi_class[16] = {
	0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46
};

int
ole_entry_name(const uint8_t *e, char *buf)
{
	unsigned int	 c;
	size_t		 i, len;

	if (e[DE_TYPE] != CFB_STORAGE && e[DE_TYPE] != CFB_STREAM &&
	    e[DE_TYPE] != CFB_ROOT)
		return (0);
	len = le16(e + DE_NAMELEN);
	if (len < 4 || len > 64 || (len & 1) != 0 || e[DE_TYPE + 1] > 1)
		return (0);
	len = len / 2 - 1;
	for (i = 0; i < len; i++) {
		if ((c = le16(e + 2 * i)) == 0)
			return (0);
		buf[i] = c < 0x7f ? (char)c : '?';
	}
	buf[len] = '\0';
	return (le16(e + 2 * len) == 0);
}

static uint32_t
entry_flags(const char *name, int type)
{
	static const struct {
		const char	*name;
		uint32_t	 flags;
	} known[] = {
		{ "VBA",		FF_MACROS },
		{ "_VBA_PROJECT",	FF_MACROS },
		{ "_VBA_PROJECT_CUR",	FF_MACROS },
		{ "Macros",		FF_MACROS },
		{ "EncryptedPackage",	FF_ENCRYPTED },
		{ "EncryptedSummary",	FF_ENCRYPTED },
		{ "\1Ole10Native",	FF_EMBEDDED },
		{ "\1Ole",		0 },
		{ "Package",		FF_EMBEDDED },
		{ "ObjectPool",		FF_EMBEDDED },
		{ "Equation Native",	FF_EMBEDDED | FF_EQUATION },
	};
	size_t	 i;

	if (type == 0)
		return (0);
	/* Excel keeps its objects in MBD storages. */
	if (type == CFB_STORAGE && strncasecmp(name, "MBD", 3) == 0)
		return (FF_EMBEDDED);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(name, known[i].name) == 0)
			return (known[i].flags);
	return (0);
}

/*
 * Names of procedures that start by themselves.  The source is compressed in
 * a way that leaves short words mostly whole; the table of identifiers in
 * _VBA_PROJECT has them in the clear.
 */
static uint32_t
vba_flags(const uint8_t *p, size_t len)
{
	static const char *const	 autos[] = {
		"AutoOpen", "Auto_Open", "AutoExec", "AutoClose", "Auto_Close",
		"Document_Open", "DocumentOpen", "Workbook_Open",
		"Document_Close", "Workbook_Activate", "Workbook_BeforeClose",
		"Document_New", "_Painted", "_Layout",
	};
	size_t				 i;

	for (i = 0; i < sizeof(autos) / sizeof(autos[0]); i++)
		if (memmem(p, len, autos[i], strlen(autos[i])) != NULL)
			return (FF_AUTOEXEC);
	return (0);
}

/*
 * What is seen only when the sectors of a directory, and those of a stream, are
 * put together.
 */
static uint32_t
chain_flags(const uint8_t *p, size_t len, uint32_t flags)
{
	struct cfb_entry	 e;
	struct cfb_data		 d;
	struct cfb		 c;
	size_t			 i, n;

	if (cfb_open(&c, p, len) == -1) {
		cfb_close(&c);
		return (flags | FF_PARTLY);
	}
	for (n = 0; cfb_entry(&c, n, &e); n++)
		flags |= entry_flags(e.name, (int)e.type);
	for (i = 0; i < n && cfb_entry(&c, i, &e); i++) {
		if (e.type != CFB_STREAM || ((flags & FF_MACROS) == 0 &&
		    !ole2_is_document(e.name)))
			continue;
		if (cfb_read(&c, &e, &d) == -1) {
			flags |= FF_PARTLY;
			break;
		}
		if (ole2_document_encrypted(e.name, d.p, d.len))
			flags |= FF_ENCRYPTED;
		if (d.copy != NULL && flags & FF_MACROS)
			flags |= vba_flags(d.copy, d.len);
		free(d.copy);
	}
	cfb_close(&c);
	return (flags);
}

uint32_t
oledir_flags(const uint8_t *p, size_t len)
{
	char		 name[CFB_NAME_MAX + 1];
	uint32_t	 flags;
	size_t		 off;

	flags = 0;
	if (len < HEADER + DIRENT)
		return (FF_PARTLY);
	for (off = HEADER; off <= len - DIRENT; off += DIRENT)
		if (ole_entry_name(p + off, name))
			flags |= entry_flags(name, p[off + DE_TYPE]);
	if (ole2_encrypted(p, len))
		flags |= FF_ENCRYPTED;
	flags = chain_flags(p, len, flags);
	if (flags & FF_MACROS)
		flags |= vba_flags(p, len);
	return (flags);
}

enum file_type
oledir_type(const uint8_t *p, size_t len)
{
	char		 name[CFB_NAME_MAX + 1];
	size_t		 off;

	if (len < HEADER + DIRENT)
		return (FT_OLE2);
	for (off = HEADER; off <= len - DIRENT; off += DIRENT) {
		if (!ole_entry_name(p + off, name))
			continue;
		if (p[off + DE_TYPE] == CFB_ROOT && memcmp(p + off + DE_CLSID,
		    msi_class, sizeof(msi_class)) == 0)
			return (FT_MSI);
		if (strcasecmp(name, "WordDocument") == 0)
			return (FT_DOC);
		if (strcasecmp(name, "Workbook") == 0 ||
		    strcasecmp(name, "Book") == 0)
			return (FT_XLS);
		if (strcasecmp(name, "PowerPoint Document") == 0)
			return (FT_PPT);
		if (strncasecmp(name, "__substg1.0_", 12) == 0)
			return (FT_MSG);
	}
	return (FT_OLE2);
}

/* Scripts that documents are written in. */
static int
is_text(uint32_t c)
{
	return ((c >= 0x20 && c < 0x7f) || c == '\t' ||
	    (c >= 0xa0 && c < 0x700) || (c >= 0xe00 && c < 0xe80) ||
	    (c >= 0x900 && c < 0x980) || (c >= 0x2010 && c < 0x2070) ||
	    (c >= 0x3000 && c < 0xa000) || (c >= 0xac00 && c < 0xd7a4) ||
	    (c >= 0xf900 && c < 0xfb00) || (c >= 0xff01 && c < 0xffe7));
}

static void
text_wide(const uint8_t *p, size_t len, struct textout *out)
{
	size_t	 halves, i, k, n;

	for (i = 0; i + 1 < len && out->left > 0; i += 2 * (n + 1)) {
		halves = 0;
		for (n = 0; i + 2 * n + 1 < len && is_text(le16(p + i +
		    2 * n)); n++)
			halves += p[i + 2 * n] == 0;
		/* Latin, read one byte too late. */
		if (n < WIDE_MIN || halves == n)
			continue;
		for (k = 0; k < n; k++)
			textout_char(out, le16(p + i + 2 * k));
		textout_char(out, '\n');
	}
}

static void
text_narrow(const uint8_t *p, size_t len, struct textout *out)
{
	size_t	 i, n;

	for (i = 0; i < len && out->left > 0; i += n + 1) {
		for (n = 0; i + n < len && p[i + n] >= 0x20 && p[i + n] < 0x7f;
		    n++)
			continue;
		if (n < NARROW_MIN)
			continue;
		textout_bytes(out, p + i, n);
		textout_char(out, '\n');
	}
}

void
oledir_text(const uint8_t *p, size_t len, struct textout *out)
{
	if (len == 0)
		return;
	/* A record may begin at any byte. */
	text_wide(p, len, out);
	text_wide(p + 1, len - 1, out);
	text_narrow(p, len, out);
}

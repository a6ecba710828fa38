/* SPDX-License-Identifier: ISC */

/*
 * Is a compound file (OLE2; [MS-CFB]) a document that needs a password?
 *
 * libclamav does not say so of office documents.  Four ways are in use:
 * ECMA-376 documents in a container with a stream "EncryptedPackage"
 * ([MS-OFFCRYPTO] 2.3.4.4), Word's flag fEncrypted in the FIB ([MS-DOC]
 * 2.5.2), Excel's record FILEPASS ([MS-XLS] 2.4.117) and PowerPoint's stream
 * "EncryptedSummary" ([MS-OFFCRYPTO] 2.3.5.4).
 *
 * The sender may have built the file to mislead.  No chain of sectors is
 * followed here, so there is nothing to loop or to read outside of: directory
 * entries are recognised by their form wherever they lie, streams are looked
 * at only in their first sector.  One pass, no allocation.  Who has the stream
 * itself (see cfb.c) asks about that.
 */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "scanner.h"

#define CFB_MAGIC	"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#define CFB_HEADER	512	/* sectors begin behind it */
#define DIRENT		128	/* [MS-CFB] 2.6.1 */
#define DE_NAMELEN	64	/* bytes, with the NUL */
#define DE_TYPE		66
#define DE_START	116
#define DE_STREAM	2	/* type: a stream */

#define FIB_MAGIC	0xa5ec
#define FIB_FLAGS	0x0a
#define FIB_ENCRYPTED	0x0100

#define BIFF_BOF	0x0809	/* also in BIFF5 and BIFF8 */
#define BIFF_FILEPASS	0x002f
#define BIFF_RECORDS	16	/* FILEPASS stands among the first few */

static unsigned int	 le16(const uint8_t *);
static uint32_t		 le32(const uint8_t *);
static int		 entry_is(const uint8_t *, const char *);
static int		 word_encrypted(const uint8_t *, size_t);
static int		 excel_encrypted(const uint8_t *, size_t);

static unsigned int
le16(const uint8_t *p)
{
	return (p[0] | (unsigned int)p[1] << 8);
}

static uint32_t
le32(const uint8_t *p)
{
	return (le16(p) | (uint32_t)le16(p + 2) << 16);
}

/* Is this directory entry, 128 bytes, a stream of that name, in any case? */
static int
entry_is(const uint8_t *e, const char *name)
{
	size_t	 i, len;

	len = strlen(name);
	if (e[DE_TYPE] != DE_STREAM || le16(e + DE_NAMELEN) != 2 * (len + 1))
		return (0);
	for (i = 0; i <= len; i++)
		if (le16(e + 2 * i) > 0x7f || tolower(e[2 * i]) !=
		    tolower((unsigned char)name[i]))
			return (0);
	return (1);
}

static int
word_encrypted(const uint8_t *p, size_t len)
{
	return (len >= FIB_FLAGS + 2 && le16(p) == FIB_MAGIC &&
	    (le16(p + FIB_FLAGS) & FIB_ENCRYPTED) != 0);
}

static int
excel_encrypted(const uint8_t *p, size_t len)
{
	unsigned int	 i, type;
	size_t		 size;

	for (i = 0; i < BIFF_RECORDS && len >= 4; i++) {
		type = le16(p);
		size = 4 + le16(p + 2);
		if (i == 0 && type != BIFF_BOF)
			return (0);
		if (type == BIFF_FILEPASS)
			return (1);
		if (size > len)
			return (0);
		p += size;
		len -= size;
	}
	return (0);
}

int
ole2_is_document(const char *name)
{
	return (strcasecmp(name, "WordDocument") == 0 ||
	    strcasecmp(name, "Workbook") == 0 ||
	    strcasecmp(name, "Book") == 0);
}

int
ole2_document_encrypted(const char *name, const uint8_t *p, size_t len)
{
	return (strcasecmp(name, "WordDocument") == 0 ? word_encrypted(p, len) :
	    ole2_is_document(name) && excel_encrypted(p, len));
}

int
ole2_encrypted(const uint8_t *p, size_t len)
{
	const uint8_t	*e;
	size_t		 off;
	uint64_t	 start;
	unsigned int	 shift;

	if (len < CFB_HEADER + DIRENT || memcmp(p, CFB_MAGIC, 8) != 0)
		return (0);
	shift = le16(p + 30);
	if (shift != 9 && shift != 12)
		shift = 9;
	for (off = CFB_HEADER; off <= len - DIRENT; off += DIRENT) {
		e = p + off;
		/* Cheap test first: type and a plausible name. */
		if (e[DE_TYPE] != DE_STREAM || e[1] != 0)
			continue;
		if (entry_is(e, "EncryptedPackage") ||
		    entry_is(e, "EncryptedSummary"))
			return (1);
		start = ((uint64_t)le32(e + DE_START) + 1) << shift;
		if (start >= len)
			continue;
		if (entry_is(e, "WordDocument") &&
		    word_encrypted(p + start, len - start))
			return (1);
		if ((entry_is(e, "Workbook") || entry_is(e, "Book")) &&
		    excel_encrypted(p + start, len - start))
			return (1);
	}
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * What is known of the files in a message: attachments, members of archives,
 * what is embedded in documents.  The scanner collects, the proxy's rules and
 * the log use it; names of types and flags stand in the configuration.
 *
 * Nothing in here reads a file.  A struct file_fact comes from a process that
 * has just worked on hostile bytes, so the receiver takes it by facts_get().
 */

#ifndef MAILWALL_FACTS_H
#define MAILWALL_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* By content; by name only where content has no form (FT_COM, scripts). */
enum file_type {
	FT_UNKNOWN,
	FT_EMPTY,
	FT_TEXT,
	FT_HTML,
	FT_XML,
	FT_EMAIL,
	FT_IMAGE,
	FT_SVG,
	FT_MEDIA,		/* sound, film */
	FT_PDF,
	FT_RTF,
	FT_DOC,			/* Word 97 to 2003 */
	FT_XLS,
	FT_PPT,
	FT_OLE2,		/* another compound file */
	FT_DOCX,		/* OOXML */
	FT_XLSX,
	FT_PPTX,
	FT_ODF,
	FT_ONENOTE,
	FT_MSG,			/* Outlook's message */
	FT_TNEF,		/* winmail.dat */
	FT_PE,
	FT_ELF,
	FT_MACHO,
	FT_MSI,
	FT_COM,			/* any other program, by its name */
	FT_JAR,
	FT_CLASS,
	FT_APK,
	FT_JS,
	FT_VBS,
	FT_PS1,
	FT_BAT,
	FT_HTA,
	FT_WSF,
	FT_SHELL,		/* begins with #! */
	FT_REG,
	FT_LNK,
	FT_URL,			/* shortcut to an address */
	FT_CHM,
	FT_ZIP,
	FT_RAR,
	FT_7Z,
	FT_GZIP,
	FT_BZIP2,
	FT_XZ,
	FT_ZSTD,
	FT_LZ4,
	FT_LZIP,
	FT_COMPRESS,
	FT_TAR,
	FT_CPIO,
	FT_AR,			/* also Debian's packages */
	FT_RPM,
	FT_CAB,
	FT_ARJ,
	FT_LHA,
	FT_ACE,
	FT_ISO,
	FT_DISK,		/* vhd, vhdx, vmdk, dmg, wim */
	FT_MAX
};

#define FACT_HASH_LEN	32	/* bytes of a SHA-256 */
#define FT_BIT(t)	(1ULL << (t))	/* FT_MAX is below 64 */

enum file_class {
	FC_OTHER,
	FC_EXECUTABLE,
	FC_SCRIPT,
	FC_SHORTCUT,
	FC_ARCHIVE,
	FC_DISK,
	FC_OFFICE,
	FC_TEXT,
	FC_IMAGE,
	FC_MAX
};

/* What is remarkable about a file. */
#define FF_ENCRYPTED	0x00000001U
#define FF_MACROS	0x00000002U
#define FF_AUTOEXEC	0x00000004U	/* a macro that starts by itself */
#define FF_EMBEDDED	0x00000008U	/* OLE object, ActiveX */
#define FF_EXTERNAL	0x00000010U	/* template or link elsewhere */
#define FF_JAVASCRIPT	0x00000020U
#define FF_LAUNCH	0x00000040U	/* PDF that starts programs */
#define FF_AUTOACTION	0x00000080U	/* PDF that acts when opened */
#define FF_ATTACHED	0x00000100U	/* file in a PDF or OneNote */
#define FF_EXECUTABLE	0x00000200U
#define FF_SCRIPT	0x00000400U
#define FF_SHORTCUT	0x00000800U
#define FF_DOUBLE_EXT	0x00001000U	/* invoice.pdf.exe */
#define FF_BIDI		0x00002000U	/* direction override in the name */
#define FF_BAD_NAME	0x00004000U	/* controls, trailing dots, blanks */
#define FF_MIXED_SCRIPT	0x00008000U	/* Cyrillic a in a Latin word */
#define FF_TRAVERSAL	0x00010000U	/* "../", absolute */
#define FF_MISMATCH	0x00020000U	/* not what it is declared to be */
#define FF_BOMB		0x00040000U	/* absurd ratio, overlapping */
#define FF_SMUGGLING	0x00080000U	/* HTML that makes a file */
#define FF_POLYGLOT	0x00100000U	/* two formats in one file */
#define FF_ZIP_AMBIGUOUS 0x00200000U	/* its two directories differ */
#define FF_EQUATION	0x00400000U	/* Equation Editor object */
#define FF_XFA		0x00800000U	/* PDF with XFA or RichMedia */
#define FF_PARTLY	0x01000000U	/* not all of it was inspected */
#define FF_TEXT_CUT	0x02000000U	/* its text was not all given */
#define FF_ALL		0x03ffffffU

/* On the wire too, several in a frame. */
struct file_fact {
	uint64_t	 size;		/* bytes, as unpacked or as declared */
	uint32_t	 part;		/* index in the arena, or SCAN_RAW */
	uint32_t	 flags;		/* FF_* */
	uint16_t	 depth;		/* 0: the part itself */
	uint16_t	 type;		/* enum file_type */
	uint32_t	 hashed;	/* 1: the next is known, else zero */
	uint8_t		 sha256[FACT_HASH_LEN];
	char		 name[FACT_NAME_MAX];	/* with the archive's path;
					   UTF-8, no controls, NUL-padded */
};

#define FACT_HASH_STRLEN (2 * FACT_HASH_LEN + 1)

/* Its SHA-256 in small hexadecimal digits, which is returned; "" if unknown. */
const char	*fact_hash_text(const struct file_fact *,
		    char[static FACT_HASH_STRLEN]);

/*
 * Take a fact out of a frame: every field in its range, nparts is that of the
 * arena.  Returns 0, or -1 with errno EBADMSG.
 */
int		 facts_get(const void *data, uint32_t nparts,
		    struct file_fact *);

/*
 * Words for the log and for the configuration; never NULL.  The other way
 * round: a type or a class, or -1; a flag's bit, or 0.
 */
const char	*fact_type_name(unsigned int);
int		 fact_type_find(const char *);
const char	*fact_class_name(unsigned int);
int		 fact_class_find(const char *);
enum file_class	 fact_type_class(unsigned int);
const char	*fact_flag_name(uint32_t bit);
uint32_t	 fact_flag_find(const char *);

#endif /* MAILWALL_FACTS_H */

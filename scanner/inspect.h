/* SPDX-License-Identifier: ISC */

/*
 * Our own look into files: what they are, what is remarkable about them, what
 * text they have.  It runs in a worker for every kind of engine, and needs
 * none.
 *
 * Whoever sent the file wants readers to differ.  So nothing here believes a
 * name, a size or an offset; every reader is one pass without recursion, and
 * what it could not look into is said (FF_PARTLY, FF_TEXT_CUT, a finding).
 */

#ifndef MAILWALL_INSPECT_H
#define MAILWALL_INSPECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "facts.h"
#include "scanner.h"

/* ---- numbers as files have them ---- */

static inline uint32_t
le16(const uint8_t *p)
{
	return (p[0] | (uint32_t)p[1] << 8);
}

static inline uint32_t
le32(const uint8_t *p)
{
	return (le16(p) | le16(p + 2) << 16);
}

/* ---- factlist.c ---- */

struct facts {
	uint32_t		 n;		/* of file[] */
	uint32_t		 flags;		/* of all, listed or not */
	uint64_t		 types;		/* FT_BIT() of all, likewise */
	uint64_t		 dropped;	/* that found no room */
	uint64_t		 loose_types;	/* of those */
	uint32_t		 loose;		/* flags of those, and of the
						   message's own text */
	struct file_fact	 file[FACTS_MAX];
};

/* Forget everything. */
void		 facts_init(struct facts *);
/*
 * Add a file; its name may hold anything and is cut.  Returns it, for flags
 * to be added by facts_flag(), or NULL when the list is full.
 */
struct file_fact *facts_add(struct facts *, uint32_t part, unsigned int depth,
		    enum file_type, uint32_t flags, uint64_t size,
		    const char *name, size_t len);
/* Add flags to a file of the list; NULL: to the union only. */
void		 facts_flag(struct facts *, struct file_fact *, uint32_t);

/* ---- names.c ---- */

/* Flags of a name: FF_DOUBLE_EXT, FF_BIDI, and the like. */
uint32_t	 name_flags(const char *, size_t);
/* The type that an extension says, or FT_UNKNOWN. */
enum file_type	 name_type(const char *, size_t);
/*
 * Is a file of that type what its name and its media type (may be empty) say?
 * FF_MISMATCH or 0.
 */
uint32_t	 name_mismatch(enum file_type, const char *name, size_t,
		    const char *mime, size_t);
/* A copy without controls, valid UTF-8, cut between characters. */
void		 name_copy(char *, size_t, const char *, size_t);

/* ---- filetype.c ---- */

/* What is it?  The name helps only where content has no form. */
enum file_type	 filetype(const uint8_t *, size_t, const char *name, size_t);
/* The flags that a type has by itself. */
uint32_t	 filetype_flags(enum file_type);
/* A zip, also as something else: 1 or 0. */
int		 filetype_is_zip(enum file_type);
/* A compound file that can have files in it: 1 or 0. */
int		 filetype_is_compound(enum file_type);
/* Text to which no format belongs: no NUL, few controls; or UTF-16. */
int		 filetype_is_text(const uint8_t *, size_t);

/* ---- zip.c ---- */

enum zip_state {
	ZIP_OK,
	ZIP_CRYPT,		/* needs a password */
	ZIP_METHOD,		/* packed in a way that is not ours */
	ZIP_BROKEN,		/* no such entry, or its data is damaged */
	ZIP_BIG			/* more than the caller wanted */
};

struct zip_entry {
	uint64_t	 at;		/* its local header */
	uint64_t	 csize;
	uint64_t	 usize;		/* as declared */
	uint32_t	 nameoff;
	uint32_t	 crc;
	uint16_t	 namelen;
	uint16_t	 method;
	uint16_t	 gpflags;
	uint8_t		 local;		/* read from its local header */
	uint8_t		 hidden;	/* one of the readings lacks it, or
					   has something else there */
};

struct zip {
	const uint8_t		*p;
	size_t			 len;
	struct zip_entry	*entry;		/* n of them, by position */
	uint32_t		 n;
	uint32_t		 cap;
	uint32_t		 next;		/* for the one who walks */
	uint32_t		 flags;		/* FF_* of the whole */
	int			 broken;	/* entries without content */
	int			 more;		/* not all entries are here */
};

/*
 * Read both directories of what may be a zip.  Returns 0, or -1: there is
 * none, or no memory.  zip_close() frees in any case.
 */
int		 zip_open(struct zip *, const uint8_t *, size_t);
void		 zip_close(struct zip *);
/*
 * Unpack one entry into memory of the caller's, which is to be freed; NULL
 * with anything but ZIP_OK, but for ZIP_BROKEN and ZIP_BIG: then there may be
 * a beginning.
 */
enum zip_state	 zip_unpack(const struct zip *, const struct zip_entry *,
		    size_t max, uint8_t **, size_t *);
/*
 * Inflate: raw deflate if wbits is negative, see zlib.h.  Returns memory of
 * the caller's with *outlen bytes, at most max, or NULL.  *used says how much
 * was read; *end whether the stream came to its end.
 */
uint8_t		*zip_inflate(const uint8_t *, size_t, int wbits, size_t max,
		    size_t *outlen, size_t *used, int *end);

/* ---- unarchive.c: everything that libarchive reads ---- */

struct unarchive;

/* Before confinement: what would be opened later.  0, or -1 (logged). */
int		 unarchive_init(void);
/* Is that type for libarchive? */
int		 unarchive_can(enum file_type);
/* ... and not for libclamav, nor for clamd? */
int		 unarchive_scans(enum file_type);
/* NULL: no memory, or not an archive after all. */
struct unarchive *unarchive_open(const uint8_t *, size_t, enum file_type);
void		 unarchive_close(struct unarchive *);

struct member {
	const char	*name;
	size_t		 namelen;
	uint64_t	 size;		/* as declared, or what came */
	uint8_t		*data;		/* the caller's; NULL: not unpacked */
	size_t		 len;
	uint32_t	 flags;
	int		 scan;		/* no engine sees it otherwise */
	int		 big;		/* more than max */
	int		 broken;
};

/* 1: a member, 0: no more, -1: broken from here on. */
int		 unarchive_next(struct unarchive *, size_t max,
		    struct member *);

/* ---- oledir.c: compound files ---- */

/* Flags of what the directory of a compound file has; and its type. */
uint32_t	 oledir_flags(const uint8_t *, size_t);
enum file_type	 oledir_type(const uint8_t *, size_t);
/*
 * A directory entry, 128 bytes?  Then its name, in ASCII with '?' for the
 * rest, goes to the buffer, of 33 bytes.  Returns 1, or 0.
 */
int		 ole_entry_name(const uint8_t *, char *);
struct textout;
/* Runs of text in an old document, in UTF-16 and in ASCII; some are noise. */
void		 oledir_text(const uint8_t *, size_t, struct textout *);

/* ---- oletext.c ---- */

/* The text of a compound file, macros too; what is not all sets out->cut. */
void		 oletext(const uint8_t *, size_t, struct textout *out);

/* ---- olefile.c: files in compound files ---- */

struct olefile;
struct member;

/* NULL: no memory, or not a compound file after all. */
struct olefile	*olefile_open(const uint8_t *, size_t);
void		 olefile_close(struct olefile *);
/* As unarchive_next(). */
int		 olefile_next(struct olefile *, size_t max, struct member *);
/* Is a stream of that name and content given as a file?  1 or 0. */
int		 olefile_is(const char *name, const uint8_t *, size_t);

/* ---- word.c ---- */

/*
 * The name of the stream that belongs to this WordDocument stream, or NULL:
 * there is none (Word 95 and older, or no Word at all).
 */
const char	*word_table(const uint8_t *, size_t);
/*
 * The text that the two have.  work: characters that may still be looked at.
 * Returns 1, 0: there is no table of pieces in it, or -1: not all of the text
 * was given, since it is more than they can have.
 */
int		 word_text(const uint8_t *doc, size_t, const uint8_t *table,
		    size_t, uint64_t *work, struct textout *);
/* The same for the old ones. */
void		 word_text_old(const uint8_t *, size_t, struct textout *);

/* ---- biff.c ---- */

/* The strings of a Workbook stream. */
void		 biff_text(const uint8_t *, size_t, struct textout *);

/* ---- vba.c ---- */

/*
 * The source of the macros in a compound file.  Returns 0, or -1 if not all
 * of it was read.
 */
int		 vba_text(const uint8_t *, size_t, struct textout *);

/* ---- readers.c: the smaller formats ---- */

uint32_t	 html_flags(const uint8_t *, size_t);
uint32_t	 rtf_flags(const uint8_t *, size_t);
uint32_t	 onenote_flags(const uint8_t *, size_t);
/* A zip's entry of that name says what of the document it belongs to? */
uint32_t	 ooxml_member_flags(const char *, size_t, const uint8_t *,
		    size_t);
/* Formats that are hidden before or behind this one; name: the file's. */
uint32_t	 polyglot_flags(const uint8_t *, size_t, enum file_type,
		    const char *name);

/* ---- pdf.c ---- */

/*
 * The name at p, behind its slash, with #xx decoded, cut to size.  Returns
 * where it ends.
 */
const uint8_t	*pdf_name(const uint8_t *, const uint8_t *end, char *, size_t);
/* Does a dictionary have that name anywhere?  1 or 0. */
int		 pdf_has(const uint8_t *, size_t, const char *);
/* Dictionaries and object streams; encrypted: FF_ENCRYPTED. */
uint32_t	 pdf_flags(const uint8_t *, size_t);
/*
 * Walk a document: each stream is given inflated (or as it is), with its
 * dictionary and the number of its object; what lies between streams is given
 * as a dictionary, with NULL.  fn returns 0 to end.  Returns 0, or -1: not all
 * could be given.
 */
int		 pdf_streams(const uint8_t *, size_t, int (*fn)(void *,
		    uint32_t object, const uint8_t *dict, size_t dictlen,
		    const uint8_t *, size_t), void *);

/* ---- doctext.c: text of documents ---- */

struct textout {
	void	(*emit)(void *, const uint8_t *, size_t);
	void	*arg;
	uint64_t left;		/* bytes that may still be given */
	int	 cut;		/* there was more, or it was not read */
	uint32_t high;		/* half of a pair, see textout_unit() */
	size_t	 n;		/* of buf */
	size_t	 size;
	uint8_t	*buf;		/* all of it: words have no seams */
};

/* Before confinement: open the code pages. */
void		 doctext_init(void);
/* left: how much text may come. */
void		 textout_init(struct textout *, void (*)(void *,
		    const uint8_t *, size_t), void *, uint64_t left);
void		 textout_char(struct textout *, uint32_t);
/*
 * Sixteen bits of UTF-16: two of them may be one character.  Half a pair that
 * is followed by something else is left out.
 */
void		 textout_unit(struct textout *, uint32_t);
void		 textout_bytes(struct textout *, const uint8_t *, size_t);
/*
 * Bytes in a Windows code page.  Returns 0, or -1: not all of them are such;
 * then those are replaced.
 */
int		 textout_page(struct textout *, const uint8_t *, size_t,
		    unsigned int page);
/* The same for bytes whose charset nobody says: as all that fit. */
void		 textout_plain(struct textout *, const uint8_t *, size_t);
/* Give what is there, in one piece, and forget it. */
void		 textout_flush(struct textout *);

/*
 * The text of one file that is no archive: plain, HTML and mail as they are
 * (in UTF-8), XML of an office document (name: the member's), RTF, PDF, and
 * what can be read of compound files.
 * Returns 0, or -1: it is cut, or not all could be read.
 */
int		 doctext(const uint8_t *, size_t, enum file_type,
		    const char *name, uint64_t left, void (*)(void *,
		    const uint8_t *, size_t), void *);
/* Is that member of a document one with text? */
int		 docxml_has_text(const char *name, size_t);
void		 docxml_text(const uint8_t *, size_t, struct textout *);
void		 rtf_text(const uint8_t *, size_t, struct textout *);
void		 pdf_text(const uint8_t *, size_t, struct textout *);

/* ---- seen.c: files that were looked into ---- */

#define SEEN_OPENED	1	/* an archive of which all came out */

/* A new message: forget, and take another key. */
void		 seen_reset(void);
void		 seen_note(const uint8_t *, size_t, int how);
/* -1: not seen; or what was noted of it. */
int		 seen_find(const uint8_t *, size_t);

/* ---- inspect.c ---- */

#define RATIO_MAX	200	/* real files stay below 1:100 ... */
#define RATIO_MIN	MIB	/* ... and above this it is no accident */

struct inspect_limits {
	uint64_t	 file_max;	/* bytes of one member */
	uint32_t	 depth;
	uint32_t	 files;
};

/* An engine's scan of a member that it would not come upon by itself. */
typedef void	(*inspect_member)(void *, uint32_t part, const uint8_t *,
		    size_t, const char *name);

/*
 * Look into every body of the arena.  Facts and text go where the scan says,
 * what could not be inspected to the result.  scan may be NULL.
 */
void		 inspect_parts(const struct scan *, struct result *,
		    const struct inspect_limits *, inspect_member, void *);
/* Something that only the engine unpacked.  depth is at least 1. */
void		 inspect_layer(const struct scan *, uint32_t part,
		    unsigned int depth, const char *name, const uint8_t *,
		    size_t);

#endif /* MAILWALL_INSPECT_H */

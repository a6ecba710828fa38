/* SPDX-License-Identifier: ISC */

/*
 * The walk over all files of a message, into archives and documents.
 *
 * Archives that are open are a stack, so that depth is a number and not the
 * program's.  What is unpacked lives in memory while its members are looked
 * at; how much at one time, how much in all, how many files and how long are
 * limited, and where a limit ends the walk, FF_PARTLY says so.
 *
 * An engine finds its own way into most archives.  For what it would not come
 * upon (archives that it cannot open, entries of a zip that only one reading
 * has) it is called with the member, innermost first: then it is already known
 * which archives within that member were opened here.
 */

#include <sys/types.h>

#include <sha2.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "ev.h"
#include "inspect.h"
#include "parts.h"

#define PATH_LEN	512	/* archive's path and member's name */

/* How it is read. */
enum walker {
	WALK_ZIP,
	WALK_OLE,
	WALK_OTHER		/* by libarchive */
};

/* An archive that is being walked. */
struct frame {
	uint8_t			*own;	/* its bytes, if they are ours */
	const uint8_t		*p;
	size_t			 len;
	struct file_fact	*fact;
	enum file_type		 type;
	struct zip		 zip;	/* one of these */
	struct unarchive	*un;
	struct olefile		*ole;
	int			 scan;	/* itself goes to the engine */
	int			 document;	/* members are its parts */
	int			 foreign;	/* no engine opens it */
	int			 incomplete;
	uint32_t		 members;
	char			 path[PATH_LEN];
};

static struct {
	const struct scan	*scan;
	struct result		*result;
	struct inspect_limits	 limits;
	inspect_member		 member;
	void			*arg;
	struct facts		*facts;
	uint32_t		 part;
	uint64_t		 due;
	uint64_t		 live;	/* bytes held */
	uint64_t		 total;	/* bytes unpacked */
	uint64_t		 text;	/* bytes of text that may come */
	uint32_t		 files;
	unsigned int		 depth;	/* of stack[] */
	struct frame		 stack[FACT_DEPTH_MAX];
} in;

static void	 text_emit(void *, const uint8_t *, size_t);
static uint32_t	 content_flags(const uint8_t *, size_t, enum file_type);
static int	 is_zip(enum file_type, const uint8_t *, size_t, uint32_t);
static struct file_fact *look(unsigned int, const char *, const char *,
		    const uint8_t *, size_t, enum file_type, uint32_t, int);
static int	 frame_open(const uint8_t *, size_t, uint8_t *, enum file_type,
		    const char *, struct file_fact *, int, uint32_t);
static int	 frame_begin(struct frame *, enum walker, const char *);
static int	 frame_push(const uint8_t *, size_t, uint8_t *, enum file_type,
		    const char *, struct file_fact *, int, enum walker);
static void	 frame_close(void);
static int	 zip_next(struct frame *, struct member *);
static void	 member_take(struct frame *, struct member *);
static size_t	 room(void);
static void	 walk(void);

static void
text_emit(void *arg, const uint8_t *p, size_t len)
{
	in.text -= len < in.text ? len : in.text;
	in.scan->text(in.scan->text_arg, in.part, p, len);
}

/* What the readers of single formats say. */
static uint32_t
content_flags(const uint8_t *p, size_t len, enum file_type type)
{
	switch (type) {
	case FT_DOC:
	case FT_XLS:
	case FT_PPT:
	case FT_OLE2:
	case FT_MSG:
	case FT_MSI:
		return (oledir_flags(p, len));
	case FT_PDF:
		return (pdf_flags(p, len));
	case FT_RTF:
		return (rtf_flags(p, len));
	case FT_HTML:
	case FT_HTA:
	case FT_SVG:
		return (html_flags(p, len));
	case FT_ONENOTE:
		return (onenote_flags(p, len));
	default:
		return (0);
	}
}

static int
is_zip(enum file_type type, const uint8_t *p, size_t len, uint32_t flags)
{
	return (filetype_is_zip(type) || ((flags & FF_POLYGLOT) != 0 &&
	    memmem(p, len, "PK\1\2", 4) != NULL));
}

static int
is_document(enum file_type type)
{
	return (type == FT_DOCX || type == FT_XLSX || type == FT_PPTX ||
	    type == FT_ODF);
}

/*
 * One file with its content.  path is what is listed, name what it is judged
 * by; text: may its text be given?  Returns its fact, or NULL.
 */
static struct file_fact *
look(unsigned int depth, const char *path, const char *name, const uint8_t *p,
    size_t len, enum file_type type, uint32_t flags, int text)
{
	struct file_fact	*f;
	SHA2_CTX		 ctx;

	flags |= filetype_flags(type) | name_flags(name, strlen(name)) |
	    content_flags(p, len, type) | polyglot_flags(p, len, type, name);
	f = facts_add(in.facts, in.part, depth, type, flags, len, path,
	    strlen(path));
	if (f != NULL && in.scan->want_hashes) {
		SHA256Init(&ctx);
		SHA256Update(&ctx, p, len);
		SHA256Final(f->sha256, &ctx);
		f->hashed = 1;
	}
	if ((flags & FF_ENCRYPTED) != 0 && type != FT_PDF &&
	    fact_type_class(type) == FC_OFFICE)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "encrypted document %s", path);
	if (text && in.scan->text != NULL && doctext(p, len, type, name,
	    in.text, text_emit, NULL) == -1)
		facts_flag(in.facts, f, FF_TEXT_CUT);
	return (f);
}

/* Bytes that the next member may have. */
static size_t
room(void)
{
	uint64_t	 n;

	n = in.limits.file_max;
	if (n > INSPECT_LIVE_MAX - in.live)
		n = INSPECT_LIVE_MAX - in.live;
	if (in.total >= INSPECT_TOTAL_MAX || in.files >= INSPECT_FILES_MAX ||
	    in.files >= in.limits.files || now_ms() >= in.due)
		return (0);
	if (n > INSPECT_TOTAL_MAX - in.total)
		n = INSPECT_TOTAL_MAX - in.total;
	return ((size_t)n);
}

/* Open what it is read as: 0, or -1. */
static int
frame_begin(struct frame *f, enum walker how, const char *path)
{
	switch (how) {
	case WALK_OLE:
		if ((f->ole = olefile_open(f->p, f->len)) != NULL)
			return (0);
		/* Whatever is in it, nobody has seen it. */
		facts_flag(in.facts, f->fact, FF_PARTLY);
		return (-1);
	case WALK_ZIP:
		if (zip_open(&f->zip, f->p, f->len) == -1)
			return (-1);
		facts_flag(in.facts, f->fact, f->zip.flags);
		f->incomplete = f->zip.more;
		if (f->zip.broken)
			result_add(in.result, VERDICT_UNSCANNABLE, in.part,
			    "broken archive (ZIP) %s", path);
		return (0);
	case WALK_OTHER:
		break;
	}
	f->foreign = unarchive_scans(f->type);
	if ((f->un = unarchive_open(f->p, f->len, f->type)) != NULL)
		return (0);
	if (f->foreign)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "archive type %s cannot be opened: %s",
		    fact_type_name(f->type), path);
	return (-1);
}

/* Takes own, unless it returns -1. */
static int
frame_push(const uint8_t *p, size_t len, uint8_t *own, enum file_type type,
    const char *path, struct file_fact *fact, int scan, enum walker how)
{
	struct frame	*f;

	f = &in.stack[in.depth];
	memset(f, 0, sizeof(*f));
	f->p = p;
	f->len = len;
	f->fact = fact;
	f->type = type;
	if (frame_begin(f, how, path) == -1)
		return (-1);
	f->own = own;
	f->scan = scan;
	f->document = is_document(type);
	strlcpy(f->path, path, sizeof(f->path));
	in.live += own == NULL ? 0 : len;
	in.depth++;
	return (0);
}

/*
 * Begin to walk an archive.  Takes own.  Returns 0, or -1: it is none, or too
 * deep; then own is still the caller's.
 */
static int
frame_open(const uint8_t *p, size_t len, uint8_t *own, enum file_type type,
    const char *path, struct file_fact *fact, int scan, uint32_t flags)
{
	unsigned int	 need;
	int		 ole, zip;

	zip = is_zip(type, p, len, flags);
	ole = filetype_is_compound(type);
	if (!zip && !ole && !unarchive_can(type))
		return (-1);
	need = zip && ole ? 2 : 1;
	if (in.depth + need > FACT_DEPTH_MAX ||
	    in.depth + need > in.limits.depth) {
		facts_flag(in.facts, fact, FF_PARTLY);
		if (!zip && !ole && unarchive_scans(type))
			result_add(in.result, VERDICT_UNSCANNABLE, in.part,
			    "limit: archive depth %s", path);
		return (-1);
	}
	if (!zip && !ole)
		return (frame_push(p, len, own, type, path, fact, scan,
		    WALK_OTHER));
	if (!zip || frame_push(p, len, own, type, path, fact, scan,
	    WALK_ZIP) == -1)
		return (ole ? frame_push(p, len, own, type, path, fact, scan,
		    WALK_OLE) : -1);
	/* The bytes are the lower one's, which ends last. */
	if (ole)
		(void)frame_push(p, len, NULL, type, path, fact, 0, WALK_OLE);
	return (0);
}

static void
frame_close(void)
{
	struct frame	*f;

	f = &in.stack[--in.depth];
	if (f->un != NULL)
		unarchive_close(f->un);
	else if (f->ole != NULL)
		olefile_close(f->ole);
	else
		zip_close(&f->zip);
	if (f->incomplete)
		facts_flag(in.facts, f->fact, FF_PARTLY);
	/* An entry that only we would have seen may be what was left out. */
	if (f->incomplete && f->un == NULL && f->ole == NULL &&
	    (f->zip.flags & FF_ZIP_AMBIGUOUS) != 0)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "ambiguous archive (ZIP) %s", f->path);
	if (f->foreign && !f->incomplete && f->members > 0 &&
	    in.member != NULL)
		seen_note(f->p, f->len, SEEN_OPENED);
	else if (f->foreign)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "archive type %s cannot be opened: %s",
		    fact_type_name(f->type), f->path);
	if (f->scan && in.member != NULL)
		in.member(in.arg, in.part, f->p, f->len, f->path);
	if (f->own != NULL) {
		in.live -= f->len;
		free(f->own);
	}
}

/* The next entry of a zip, as unarchive_next() would give it. */
static int
zip_next(struct frame *f, struct member *m)
{
	const struct zip_entry	*e;
	enum zip_state		 st;

	memset(m, 0, sizeof(*m));
	if (f->zip.next >= f->zip.n)
		return (0);
	e = &f->zip.entry[f->zip.next++];
	m->name = (const char *)f->p + e->nameoff;
	m->namelen = e->namelen;
	m->size = e->usize;
	m->scan = e->hidden;
	st = zip_unpack(&f->zip, e, room(), &m->data, &m->len);
	m->big = st == ZIP_BIG;
	m->broken = st == ZIP_BROKEN || st == ZIP_METHOD;
	if (st == ZIP_CRYPT)
		m->flags |= FF_ENCRYPTED;
	/* A sum says that it was never encrypted, whatever the bit says. */
	else if ((e->gpflags & 1) != 0) {
		m->scan = 1;
		facts_flag(in.facts, f->fact, FF_ZIP_AMBIGUOUS);
	}
	return (1);
}

/* Nothing to be opened, or nothing to be looked at. */
static void
member_closed(struct frame *f, const struct member *m, const char *path,
    const char *name, enum file_type type)
{
	uint32_t	 flags;

	flags = m->flags | name_flags(name, strlen(name));
	if (m->data == NULL || m->big)
		flags |= FF_PARTLY | filetype_flags(name_type(name,
		    strlen(name)));
	facts_add(in.facts, in.part, in.depth, type, flags, m->size, path,
	    strlen(path));
	if (m->flags & FF_ENCRYPTED) {
		facts_flag(in.facts, f->fact, FF_ENCRYPTED);
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "encrypted archive %s", f->path);
	} else if (m->scan)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part, m->big ?
		    "limit: file size %s" : "broken archive %s", path);
}

/*
 * A member that is there.  The parts of a document are not listed, unless they
 * are files of their own.  Returns the fact that it counts for.
 */
static struct file_fact *
member_look(struct frame *f, const struct member *m, const char *path,
    const char *name, enum file_type type, uint32_t flags)
{
	if (!f->document) {
		flags |= name_mismatch(type, name, strlen(name), "", 0);
		return (look(in.depth, path, name, m->data, m->len, type,
		    flags, 1));
	}
	facts_flag(in.facts, f->fact, ooxml_member_flags(m->name, m->namelen,
	    m->data, m->len));
	if (fact_type_class(type) != FC_TEXT &&
	    fact_type_class(type) != FC_IMAGE && type != FT_UNKNOWN &&
	    type != FT_EMPTY)
		return (look(in.depth, path, name, m->data, m->len, type,
		    flags, 1));
	if (in.scan->text != NULL && docxml_has_text(name, strlen(name)) &&
	    doctext(m->data, m->len, type, name, in.text, text_emit, NULL) ==
	    -1)
		facts_flag(in.facts, f->fact, FF_TEXT_CUT);
	return (f->fact);
}

/* Takes what is unpacked. */
static void
member_take(struct frame *f, struct member *m)
{
	struct file_fact	*fact;
	enum file_type		 type;
	uint32_t		 flags;
	char			 name[PATH_LEN], path[PATH_LEN];

	in.files++;
	in.total += m->len;
	/* A directory, unless there is something in its place. */
	if (m->data != NULL && m->len == 0 && m->size == 0 &&
	    m->namelen > 0 && m->name[m->namelen - 1] == '/') {
		free(m->data);
		return;
	}
	f->members++;
	name_copy(name, sizeof(name), m->name, m->namelen);
	strlcpy(path, f->path, sizeof(path));
	if (f->path[0] != '\0' && name[0] != '\0')
		strlcat(path, "/", sizeof(path));
	strlcat(path, name, sizeof(path));
	if (m->broken || m->big || m->data == NULL)
		f->incomplete = 1;
	type = m->data == NULL ? FT_UNKNOWN : filetype(m->data, m->len, name,
	    strlen(name));
	flags = m->flags | name_flags(m->name, m->namelen);
	if (m->size > RATIO_MIN && m->size / RATIO_MAX > f->len)
		flags |= FF_BOMB;
	if (m->data == NULL || m->big) {
		m->flags = flags;
		member_closed(f, m, path, name, type);
		if (m->scan && in.member != NULL && m->len > 0)
			in.member(in.arg, in.part, m->data, m->len, path);
		free(m->data);
		return;
	}
	seen_note(m->data, m->len, 0);
	fact = member_look(f, m, path, name, type, flags);
	if (m->broken && m->scan)
		result_add(in.result, VERDICT_UNSCANNABLE, in.part,
		    "broken archive %s", path);
	if (frame_open(m->data, m->len, m->data, type, path, fact, m->scan,
	    polyglot_flags(m->data, m->len, type, name)) == 0)
		return;
	if (m->scan && in.member != NULL)
		in.member(in.arg, in.part, m->data, m->len, path);
	free(m->data);
}

/* Until the stack is empty. */
static void
walk(void)
{
	struct frame	*f;
	struct member	 m;
	int		 ret;

	while (in.depth > 0) {
		f = &in.stack[in.depth - 1];
		if (room() == 0) {
			f->incomplete = 1;
			frame_close();
			continue;
		}
		if (f->un != NULL)
			ret = unarchive_next(f->un, room(), &m);
		else if (f->ole != NULL)
			ret = olefile_next(f->ole, room(), &m);
		else
			ret = zip_next(f, &m);
		if (ret == 1) {
			member_take(f, &m);
			continue;
		}
		if (ret == -1)
			f->incomplete = 1;
		frame_close();
	}
}

/* A body of the message. */
static void
part_look(const struct parts *parts, uint32_t i)
{
	const struct arena_part	*a;
	struct file_fact	*f;
	const uint8_t		*p;
	enum file_type		 type;
	uint32_t		 flags;
	size_t			 len, n;
	char			 name[PATH_LEN];

	a = &parts->part[i];
	p = parts_body(parts, i, &len);
	name_copy(name, sizeof(name), parts_string(parts, a->name_off),
	    a->name_len);
	type = (a->flags & PART_MESSAGE) != 0 ? FT_EMAIL :
	    filetype(p, len, name, strlen(name));
	n = a->type_len;
	flags = name_flags(parts_string(parts, a->name_off), a->name_len) |
	    name_mismatch(type, name, strlen(name),
	    parts_string(parts, a->type_off), n);
	/* The text of the mail itself is no file. */
	if (a->name_len == 0 && fact_type_class(type) == FC_TEXT) {
		facts_flag(in.facts, NULL, flags | content_flags(p, len,
		    type));
		return;
	}
	seen_note(p, len, 0);
	f = look(0, name, name, p, len, type, flags,
	    (a->flags & (PART_TEXT | PART_MESSAGE)) == 0);
	if (frame_open(p, len, NULL, type, name, f, 0,
	    polyglot_flags(p, len, type, name)) == 0)
		walk();
}

void
inspect_parts(const struct scan *scan, struct result *r,
    const struct inspect_limits *limits, inspect_member member, void *arg)
{
	const struct parts	*parts;
	uint64_t		 now;
	uint32_t		 i;

	now = now_ms();
	memset(&in, 0, sizeof(in));
	in.scan = scan;
	in.result = r;
	in.limits = *limits;
	in.member = member;
	in.arg = arg;
	in.facts = scan->facts;
	in.text = DOCTEXT_MAX;
	/* The engine needs the other half. */
	in.due = scan->due > now ? now + (scan->due - now) / 2 : now;
	seen_reset();
	parts = scan->parts;
	for (i = 0; i < parts->head->nparts; i++) {
		if ((parts->part[i].flags & PART_MULTIPART) != 0 ||
		    parts->part[i].len == 0)
			continue;
		in.part = i;
		if (now_ms() >= in.due) {
			facts_flag(in.facts, NULL, FF_PARTLY);
			break;
		}
		part_look(parts, i);
	}
}

void
inspect_layer(const struct scan *scan, uint32_t part, unsigned int depth,
    const char *name, const uint8_t *p, size_t len)
{
	enum file_type	 type;
	char		 text[PATH_LEN];

	if (len == 0 || seen_find(p, len) != -1)
		return;
	seen_note(p, len, 0);
	in.part = part;
	name_copy(text, sizeof(text), name == NULL ? "" : name,
	    name == NULL ? 0 : strlen(name));
	type = filetype(p, len, text, strlen(text));
	/* Pieces of the mail as it stands, in another reading of it. */
	if (type == FT_UNKNOWN || fact_type_class(type) == FC_TEXT) {
		if (part == SCAN_RAW)
			return;
		facts_flag(in.facts, NULL, content_flags(p, len, type));
		if (in.scan->text != NULL && doctext(p, len, type, text,
		    in.text, text_emit, NULL) == -1)
			facts_flag(in.facts, NULL, FF_TEXT_CUT);
		return;
	}
	look(depth, text, text, p, len, type, 0, 1);
}

/* SPDX-License-Identifier: ISC */

/*
 * What libclamav reports while it unpacks, and what it keeps to itself.
 *
 * The library says "clean" of several things that it could not look into: a
 * member that is larger than its limit (it is cut off), a member packed by a
 * method that it does not know, a RAR archive (its decoder is not free), an
 * archive that is broken.  The sender knows that.  So each archive's list of
 * members is held against what then came out of it, layer by layer; whatever
 * is missing makes the message "unscannable", and never clean.
 *
 * Layers arrive in order, parents before children, one path open at a time.
 * Nothing here is trusted to be sensible: names and numbers are the sender's.
 */

#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "log.h"
#include "scanner.h"

/* A member this small is not scanned by libclamav: no virus fits. */
#define MEMBER_MIN	6

static int	 gzip_likely(const uint8_t *, size_t);
static int	 bzip2_likely(const uint8_t *, size_t);
static int	 arj_likely(const uint8_t *, size_t);

/* Formats whose opening we check. */
static const struct kind {
	const char	*type;		/* of libclamav, beginning */
	const char	*kind;
	int		 lists;		/* with a directory of its members */
	/*
	 * The whole list comes before the first member, so that each can be
	 * missed; otherwise only whether any came out at all.
	 */
	int		 counted;
	/* More of the header than the two or three bytes that gave it away. */
	int		(*likely)(const uint8_t *, size_t);
} kinds[] = {
	{ "CL_TYPE_ZIP",	"ZIP",		1, 1, NULL },
	{ "CL_TYPE_OOXML",	"ZIP",		1, 1, NULL },
	{ "CL_TYPE_7Z",		"7Z",		1, 0, NULL },
	{ "CL_TYPE_RAR",	"RAR",		0, 0, NULL },
	{ "CL_TYPE_GZ",		"GZIP",		0, 0, gzip_likely },
	{ "CL_TYPE_BZ",		"BZIP2",	0, 0, bzip2_likely },
	{ "CL_TYPE_XZ",		"XZ",		0, 0, NULL },
	{ "CL_TYPE_MSCAB",	"CAB",		0, 0, NULL },
	{ "CL_TYPE_ARJ",	"ARJ",		0, 0, arj_likely },
	{ "CL_TYPE_LHA",	"LHA",		0, 0, NULL },
	{ "CL_TYPE_EGG",	"EGG",		0, 0, NULL },
	{ "CL_TYPE_ALZ",	"ALZ",		0, 0, NULL },
};

/* Archives that libclamav takes for plain data. */
static const struct magic {
	const char	*kind;
	size_t		 off;
	size_t		 len;
	const char	*bytes;
} magics[] = {
	{ "ACE",	7,	7,	"**ACE**" },
	{ "ZSTD",	0,	4,	"\x28\xb5\x2f\xfd" },
	{ "LZIP",	0,	5,	"LZIP\x01" },
	{ "LZ4",	0,	4,	"\x04\x22\x4d\x18" },
	{ "LZOP",	0,	9,	"\x89LZO\x00\x0d\x0a\x1a\x0a" },
	{ "LRZIP",	0,	4,	"LRZI" },
	{ "ZPAQ",	0,	4,	"zPQ\x01" },
	{ "ZOO",	20,	4,	"\xdc\xa7\xc4\xfd" },
	{ "COMPRESS",	0,	3,	"\x1f\x9d\x90" },
};

#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))
#define NMAGICS	(sizeof(magics) / sizeof(magics[0]))

static const struct kind *kind_find(const char *, const char *, size_t);
static const char	*magic_find(const char *, size_t);
static const char	*layer_name(const struct layers *,
			    const struct layer *);
static void		 layer_close(struct layers *);

/* RFC 1952: deflate, no reserved flags. */
static int
gzip_likely(const uint8_t *p, size_t len)
{
	return (len >= 18 && p[2] == 8 && (p[3] & 0xe0) == 0);
}

/* Level, then the first block's number, or that of an empty file's end. */
static int
bzip2_likely(const uint8_t *p, size_t len)
{
	return (len >= 14 && p[3] >= '1' && p[3] <= '9' &&
	    (memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
	    memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0));
}

/* Main header: its size, that of its fixed part, its type. */
static int
arj_likely(const uint8_t *p, size_t len)
{
	unsigned int	 size;

	if (len < 34)
		return (0);
	size = p[2] | (unsigned int)p[3] << 8;
	return (size >= 30 && size <= 2600 && p[4] >= 30 && p[4] < size &&
	    p[10] == 2);
}

static const struct kind *
kind_find(const char *type, const char *buf, size_t size)
{
	size_t	 i;

	/* Programs and others with an archive appended have their own. */
	if (strstr(type, "SFX") != NULL)
		return (NULL);
	for (i = 0; i < NKINDS; i++)
		if (strncmp(type, kinds[i].type, strlen(kinds[i].type)) == 0)
			break;
	if (i == NKINDS || (buf != NULL && kinds[i].likely != NULL &&
	    !kinds[i].likely((const uint8_t *)buf, size)))
		return (NULL);
	return (&kinds[i]);
}

static const char *
magic_find(const char *buf, size_t size)
{
	const struct magic	*m;
	size_t			 i;

	for (i = 0; i < NMAGICS; i++) {
		m = &magics[i];
		if (size >= m->off + m->len &&
		    memcmp(buf + m->off, m->bytes, m->len) == 0)
			return (m->kind);
	}
	return (NULL);
}

void
layers_init(struct layers *ls, struct result *r, uint32_t part,
    uint64_t file_max, const char *top)
{
	ls->result = r;
	ls->part = part;
	ls->file_max = file_max;
	ls->top = top;
	ls->nopen = 0;
	ls->pending = 0;
	ls->seen = NULL;
	ls->seen_arg = NULL;
	ls->opened = NULL;
}

/* The best name there is for it, with a blank in front, or "". */
static const char *
layer_name(const struct layers *ls, const struct layer *l)
{
	static char	 text[LAYER_NAME_MAX + 1];
	const char	*name;

	name = l != NULL && l->name[0] != '\0' ? l->name : ls->top;
	if (name[0] == '\0')
		return ("");
	snprintf(text, sizeof(text), " %s", name);
	return (text);
}

/*
 * Every program that can unpack has the magic somewhere in its code; what
 * follows there is no name.
 */
static int
name_is_sane(const char *name)
{
	const unsigned char	*p;

	for (p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			return (0);
	return (p != (const unsigned char *)name);
}

/* libclamav gives a member its name without directories. */
static int
name_ends(const char *path, const char *name)
{
	size_t	 plen, nlen;

	plen = strlen(path);
	nlen = strlen(name);
	/* A path that did not fit is cut: then its end is unknown. */
	if (plen == LAYER_NAME_MAX - 1)
		return (1);
	return (nlen <= plen && strcmp(path + plen - nlen, name) == 0);
}

/* The one that the recipient sees: the first of those open with a name. */
static const struct layer *
layer_outer(const struct layers *ls)
{
	uint32_t	 i;

	if (ls->top[0] == '\0')
		for (i = 0; i < ls->nopen; i++)
			if (ls->layer[i].name[0] != '\0')
				return (&ls->layer[i]);
	return (NULL);
}

/* A member that was announced has not come. */
static void
member_missing(struct layers *ls)
{
	if (!ls->pending)
		return;
	ls->pending = 0;
	result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
	    "broken archive (ZIP) %s", ls->pending_name);
}

/* The innermost layer is complete: did all come that ought to? */
static void
layer_close(struct layers *ls)
{
	const struct layer	*l;

	l = &ls->layer[--ls->nopen];
	if (l->kind == NULL || l->carved || l->opened)
		return;
	if (l->children == 0 && l->listed == 0) {
		if (strcmp(l->kind, "RAR") == 0)
			result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
			    "archive type RAR cannot be opened:%s",
			    layer_name(ls, l));
		else
			result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
			    "broken archive (%s)%s", l->kind,
			    layer_name(ls, l));
	} else if (l->children < (l->counted ? l->members : l->members > 0))
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "broken archive (%s, %u of %u members opened)%s", l->kind,
		    l->children, l->members, layer_name(ls, l));
}

int
layers_enter(struct layers *ls, const char *type, const char *name,
    const char *buf, size_t size, uint32_t level)
{
	const struct kind	*k;
	const char		*kind;
	struct layer		*l, *up;

	if (level >= LAYERS_MAX) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "limit: archive depth%s", layer_name(ls, NULL));
		return (1);
	}
	while (ls->nopen > level)
		layer_close(ls);
	/* A level that was not reported to us is an empty one. */
	while (ls->nopen < level)
		memset(&ls->layer[ls->nopen++], 0, sizeof(*l));
	up = level > 0 ? &ls->layer[level - 1] : NULL;
	l = &ls->layer[ls->nopen++];
	memset(l, 0, sizeof(*l));
	l->buf = buf;
	l->size = size;
	l->lastpos = UINT32_MAX;
	if (name != NULL)
		strlcpy(l->name, name, sizeof(l->name));
	if ((k = kind_find(type, buf, size)) != NULL) {
		l->kind = k->kind;
		l->counted = k->counted;
	}
	/* Part of its parent's own bytes: a magic number found in passing. */
	l->carved = up != NULL && up->buf != NULL && buf != NULL &&
	    buf >= up->buf && buf < up->buf + up->size;
	if (up != NULL && !l->carved)
		up->children++;
	if (ls->pending && name != NULL && name_ends(ls->pending_name, name))
		ls->pending = 0;

	if (ls->seen != NULL && level > 0 && buf != NULL)
		ls->seen(ls->seen_arg, buf, size);
	/* libclamav cuts what is larger, without a word. */
	if (level > 0 && size >= ls->file_max) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "limit: file size%s", layer_name(ls, l));
		return (1);
	}
	if (buf == NULL || l->carved)
		return (0);
	l->opened = ls->opened != NULL && ls->opened(buf, size);
	if (l->opened)
		return (0);
	if (l->kind == NULL && (kind = magic_find(buf, size)) != NULL) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "archive type %s cannot be opened:%s", kind,
		    layer_name(ls, l));
		return (1);
	}
	if (strncmp(type, "CL_TYPE_MSOLE2", 14) == 0 &&
	    ole2_encrypted((const uint8_t *)buf, size)) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "encrypted document%s", layer_name(ls, l));
		return (1);
	}
	return (0);
}

int
layers_member(struct layers *ls, const char *type, const char *name,
    uint64_t size, int encrypted, uint32_t pos)
{
	const struct kind	*k;
	struct layer		*l;
	size_t			 len;
	uint32_t		 i;

	if (name == NULL)
		name = "";
	k = kind_find(type, NULL, 0);
	/*
	 * The list of a whole archive counts from 1.  Number 0 is a member
	 * that was met by its magic in the middle of something, perhaps an
	 * archive behind a program; it is unpacked at once, or not at all.
	 */
	if (k != NULL && k->counted && pos == 0) {
		member_missing(ls);
		if (size >= MEMBER_MIN && !encrypted && name_is_sane(name)) {
			ls->pending = 1;
			strlcpy(ls->pending_name, name,
			    sizeof(ls->pending_name));
		}
		return (0);
	}
	if (k == NULL)
		return (0);
	/*
	 * All ones is what a size looks like that stands elsewhere (zip64).
	 * Without a whole list the number may be garbage; then the member
	 * shows itself by being cut off.
	 */
	if (k->lists && size > ls->file_max && size != UINT32_MAX &&
	    !encrypted) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "limit: file size %.*s", LAYER_NAME_MAX, name);
		return (1);
	}
	for (i = ls->nopen; i > 0; i--)
		if (ls->layer[i - 1].kind != NULL &&
		    strcmp(ls->layer[i - 1].kind, k->kind) == 0)
			break;
	if (i == 0)
		return (0);
	l = &ls->layer[i - 1];
	l->listed++;
	len = strlen(name);
	if (size >= MEMBER_MIN && !encrypted && pos != l->lastpos &&
	    (len == 0 || name[len - 1] != '/')) {
		l->members++;
		l->lastpos = pos;
	}
	return (0);
}

void
layers_match(struct layers *ls, const char *name)
{
	static const struct {
		const char	*name;
		const char	*reason;
	} limits[] = {
		{ "MaxFileSize",	"limit: file size" },
		{ "MaxScanSize",	"limit: unpacked size" },
		{ "MaxFiles",		"limit: number of files" },
		{ "MaxRecursion",	"limit: archive depth" },
		{ "EmailLineFoldCnt",	"limit: folded header lines" },
		{ "EmailHeaderBytes",	"limit: header size" },
		{ "EmailHeaders",	"limit: number of headers" },
		{ "EmailMIMEPartsPerMessage", "limit: number of parts" },
		{ "EmailMIMEArguments",	"limit: number of parameters" },
	};
	static const char	 limit[] = "Heuristics.Limits.Exceeded.";
	static const char	 crypt[] = "Heuristics.Encrypted.";
	const struct layer	*l;
	size_t			 i;

	l = layer_outer(ls);
	/* Ours: the reason has been recorded where it was found. */
	if (strncmp(name, "Detected.By.Callback", 20) == 0)
		return;
	if (strncmp(name, crypt, sizeof(crypt) - 1) == 0) {
		result_add(ls->result, VERDICT_UNSCANNABLE, ls->part,
		    "encrypted %s%s", strcmp(name + sizeof(crypt) - 1,
		    "PDF") == 0 ? "document" : "archive", layer_name(ls, l));
		return;
	}
	if (strncmp(name, limit, sizeof(limit) - 1) != 0) {
		result_add(ls->result, VERDICT_VIRUS, ls->part, "%s", name);
		return;
	}
	name += sizeof(limit) - 1;
	if (strcmp(name, "MaxScanTime") == 0) {
		result_add(ls->result, VERDICT_SCANNER_FAILED, ls->part,
		    "time-out");
		return;
	}
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (strcmp(name, limits[i].name) == 0)
			break;
	result_add(ls->result, VERDICT_UNSCANNABLE, ls->part, "%s%s",
	    i < sizeof(limits) / sizeof(limits[0]) ? limits[i].reason :
	    "limit", layer_name(ls, l));
}

void
layers_finish(struct layers *ls)
{
	member_missing(ls);
	while (ls->nopen > 0)
		layer_close(ls);
}

/* SPDX-License-Identifier: ISC */

/*
 * Files inside of compound files, as members of an archive are given: what is
 * attached to a message of Outlook ([MS-OXMSG] 2.2.2), what a document has as
 * an icon that opens it (Ole10Native, [MS-OLEDS] 2.3.6), and whatever other
 * stream begins as a program, an archive or a document does.
 *
 * An attachment's name is another stream of the same storage.  Storages are
 * binary trees of their entries, in files that the sender may have built to
 * mislead: each entry belongs to the storage that came to it first, so the
 * walk ends, and one that none comes to has its content, but no name.
 */

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#include "cfb.h"
#include "inspect.h"

#define NONE		UINT32_MAX
#define NAME_LEN	512	/* bytes of UTF-8 */
#define NATIVE_HEAD	6	/* size, a word of flags */
#define PROPERTY	"__substg1.0_"
#define ENTRIES_MAX	65536	/* in one file; each costs 12 bytes */

struct olefile {
	struct cfb	 c;
	uint32_t	 n;		/* of entries */
	uint32_t	 next;
	uint32_t	*parent;	/* of each entry */
	uint32_t	*named;		/* of a storage: the stream that has
					   the name of what it holds */
	int		 more;		/* entries are left out */
	char		 name[NAME_LEN];
};

static int	 rank(const char *);
static void	 family(struct olefile *, uint32_t *);
static void	 names(struct olefile *);
static void	 name_read(struct olefile *, uint32_t);
static const uint8_t *string(const uint8_t *, const uint8_t *,
		    const uint8_t **, size_t *);
static int	 native(struct olefile *, const struct cfb_data *,
		    const uint8_t **, size_t *);
static int	 is_file(struct olefile *, const struct cfb_entry *,
		    const struct cfb_data *, const uint8_t **, size_t *);
static int	 take(struct olefile *, const struct cfb_entry *, size_t,
		    struct member *);

/* Names of an attachment, the best one highest; 0: it is none. */
static int
rank(const char *name)
{
	static const char *const	 known[] = {
		"__substg1.0_3001001E",		/* what is shown */
		"__substg1.0_3001001F",
		"__substg1.0_3704001E",		/* of eight and three letters */
		"__substg1.0_3704001F",
		"__substg1.0_3707001E",		/* the whole */
		"__substg1.0_3707001F"
	};
	size_t				 i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(name, known[i]) == 0)
			return ((int)i + 1);
	return (0);
}

/* Whose child is each?  stack has room for all of them. */
static void
family(struct olefile *o, uint32_t *stack)
{
	struct cfb_entry	 e;
	uint32_t		 i, k, n, next[2];

	for (i = 0; i < o->n; i++) {
		if (!cfb_entry(&o->c, i, &e) || e.type == CFB_STREAM ||
		    e.type == 0 || e.child >= o->n ||
		    o->parent[e.child] != NONE)
			continue;
		n = 0;
		stack[n++] = e.child;
		o->parent[e.child] = i;
		while (n > 0) {
			(void)cfb_entry(&o->c, stack[--n], &e);
			next[0] = e.left;
			next[1] = e.right;
			for (k = 0; k < 2; k++)
				if (next[k] < o->n &&
				    o->parent[next[k]] == NONE) {
					o->parent[next[k]] = i;
					stack[n++] = next[k];
				}
		}
	}
}

static void
names(struct olefile *o)
{
	struct cfb_entry	 e, other;
	uint32_t		 i, *at;

	for (i = 0; i < o->n; i++)
		o->named[i] = NONE;
	for (i = 0; i < o->n; i++) {
		if (o->parent[i] == NONE || !cfb_entry(&o->c, i, &e) ||
		    rank(e.name) == 0)
			continue;
		at = &o->named[o->parent[i]];
		if (*at == NONE || (cfb_entry(&o->c, *at, &other) &&
		    rank(other.name) < rank(e.name)))
			*at = i;
	}
}

struct olefile *
olefile_open(const uint8_t *p, size_t len)
{
	struct olefile		*o;
	struct cfb_entry	 e;
	uint32_t		 i;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	if (cfb_open(&o->c, p, len) != 1) {
		olefile_close(o);
		return (NULL);
	}
	while (o->n < ENTRIES_MAX && cfb_entry(&o->c, o->n, &e))
		o->n++;
	o->more = o->n == ENTRIES_MAX;
	o->parent = calloc((size_t)o->n + 1, sizeof(*o->parent));
	o->named = calloc((size_t)o->n + 1, sizeof(*o->named));
	if (o->parent == NULL || o->named == NULL) {
		olefile_close(o);
		return (NULL);
	}
	for (i = 0; i < o->n; i++)
		o->parent[i] = NONE;
	/* The second array serves as the stack first. */
	family(o, o->named);
	names(o);
	return (o);
}

void
olefile_close(struct olefile *o)
{
	cfb_close(&o->c);
	free(o->parent);
	free(o->named);
	free(o);
}

/* The name of the file that entry i is. */
static void
name_read(struct olefile *o, uint32_t i)
{
	struct cfb_entry	 e;
	struct cfb_data		 d;
	size_t			 at, n;
	uint32_t		 c;

	o->name[0] = '\0';
	if (o->parent[i] == NONE || o->named[o->parent[i]] == NONE ||
	    !cfb_entry(&o->c, o->named[o->parent[i]], &e) ||
	    cfb_read(&o->c, &e, &d) == -1)
		return;
	n = 0;
	if (strcasecmp(e.name + strlen(e.name) - 4, "001f") == 0)
		for (at = 0; at + 1 < d.len && n + 5 < sizeof(o->name);
		    at += 2) {
			c = le16(d.p + at);
			if (c >= 0xd800 && c < 0xdc00 && at + 3 < d.len) {
				at += 2;
				c = 0x10000 + ((c & 0x3ff) << 10) +
				    (le16(d.p + at) & 0x3ff);
			}
			if (c == 0)
				break;
			n += utf8_put((uint8_t *)o->name + n, c);
		}
	else
		for (; n < d.len && n + 1 < sizeof(o->name) && d.p[n] != 0;
		    n++)
			o->name[n] = (char)d.p[n];
	o->name[n] = '\0';
	free(d.copy);
}

/* What is behind a string that ends in NUL; NULL: it does not end. */
static const uint8_t *
string(const uint8_t *p, const uint8_t *end, const uint8_t **s, size_t *len)
{
	const uint8_t	*nul;

	if ((nul = memchr(p, '\0', (size_t)(end - p))) == NULL)
		return (NULL);
	*s = p;
	*len = (size_t)(nul - p);
	return (nul + 1);
}

/*
 * A file as the packager has it: label, path, two words, a path again with
 * its length, and the bytes with theirs.
 */
static int
native(struct olefile *o, const struct cfb_data *d, const uint8_t **p,
    size_t *len)
{
	const uint8_t	*end, *label, *path, *q;
	size_t		 n, llen, plen;

	end = d->p + d->len;
	if (d->len < NATIVE_HEAD)
		return (0);
	*p = d->p + 4;
	*len = d->len - 4;
	o->name[0] = '\0';
	if ((q = string(d->p + NATIVE_HEAD, end, &label, &llen)) == NULL ||
	    (q = string(q, end, &path, &plen)) == NULL || end - q < 8 ||
	    (n = le32(q + 4)) > (size_t)(end - q) - 8)
		return (1);
	q += 8 + n;
	if (end - q < 4)
		return (1);
	n = le32(q);
	q += 4;
	*p = q;
	*len = (size_t)(end - q) < n ? (size_t)(end - q) : n;
	if (llen == 0 && plen > 0) {
		label = path;
		llen = plen;
	}
	if (llen >= sizeof(o->name))
		llen = sizeof(o->name) - 1;
	memcpy(o->name, label, llen);
	o->name[llen] = '\0';
	return (1);
}

/* Is that stream a file, and which bytes of it? */
static int
is_file(struct olefile *o, const struct cfb_entry *e,
    const struct cfb_data *d, const uint8_t **p, size_t *len)
{
	*p = d->p;
	*len = d->len;
	if (strcasecmp(e->name, "__substg1.0_37010102") == 0) {
		name_read(o, o->next - 1);
		return (1);
	}
	if (strcmp(e->name, "\1Ole10Native") == 0)
		return (native(o, d, p, len));
	o->name[0] = '\0';
	if (strcmp(e->name, "Package") == 0 ||
	    strcmp(e->name, "CONTENTS") == 0)
		return (1);
	/* A text of a message may begin with any letters. */
	if (strncasecmp(e->name, PROPERTY, sizeof(PROPERTY) - 1) == 0)
		return (0);
	switch (filetype(d->p, d->len, "", 0)) {
	case FT_PE:
	case FT_ELF:
	case FT_MACHO:
	case FT_LNK:
	case FT_ZIP:
	case FT_JAR:
	case FT_RAR:
	case FT_7Z:
	case FT_CAB:
	case FT_PDF:
	case FT_RTF:
	case FT_DOCX:
	case FT_XLSX:
	case FT_PPTX:
	case FT_ODF:
	case FT_DOC:
	case FT_XLS:
	case FT_PPT:
	case FT_OLE2:
	case FT_MSG:
	case FT_MSI:
		return (1);
	default:
		return (0);
	}
}

/* 1: it is a member, 0: it is none, -1: there was no memory. */
static int
take(struct olefile *o, const struct cfb_entry *e, size_t max,
    struct member *m)
{
	struct cfb_data	 d;
	const uint8_t	*p;
	size_t		 len;
	int		 ret;

	if (cfb_read(&o->c, e, &d) == -1)
		return (-1);
	ret = d.len > 0 && is_file(o, e, &d, &p, &len);
	if (ret == 1) {
		m->name = o->name;
		m->namelen = strlen(o->name);
		m->size = len;
		m->big = len > max;
		m->broken = d.len < e->size;
		if (!m->big && (m->data = malloc(len + 1)) == NULL)
			ret = -1;
		if (m->data != NULL) {
			memcpy(m->data, p, len);
			m->len = len;
		}
	}
	free(d.copy);
	return (ret);
}

int
olefile_next(struct olefile *o, size_t max, struct member *m)
{
	struct cfb_entry	 e;
	int			 ret;

	memset(m, 0, sizeof(*m));
	while (o->next < o->n) {
		if (!cfb_entry(&o->c, o->next++, &e) || e.type != CFB_STREAM)
			continue;
		if ((ret = take(o, &e, max, m)) != 0)
			return (ret);
	}
	return (o->more ? -1 : 0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Files inside of compound files, as members of an archive are given: what is
 * attached to a message of Outlook ([MS-OXMSG] 2.2.2), what a document has as
 * an icon that opens it (Ole10Native, [MS-OLEDS] 2.3.6), and whatever other
 * stream begins as a program, an archive or a document does.
 *
 * An attachment's name is another stream of the same storage.  A stream that is
 * in none, in a file that the sender has built to mislead, has its content, but
 * no name.
 */

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#include "cfb.h"
#include "inspect.h"

#define NAME_LEN	512	/* bytes of UTF-8 */
#define NATIVE_HEAD	6	/* size, a word of flags */
#define PROPERTY	"__substg1.0_"
#define ATTACHED	PROPERTY "37010102"
#define NATIVE		"\1Ole10Native"
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
static void	 names(struct olefile *);
static void	 name_read(struct olefile *, uint32_t);
static const uint8_t *string(const uint8_t *, const uint8_t *,
		    const uint8_t **, size_t *);
static void	 name_keep(struct olefile *, const uint8_t *, size_t);
static void	 native(struct olefile *, const struct cfb_data *,
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

static void
names(struct olefile *o)
{
	struct cfb_entry	 e, other;
	uint32_t		 i, *at;

	for (i = 0; i < o->n; i++)
		o->named[i] = CFB_NONE;
	for (i = 0; i < o->n; i++) {
		if (o->parent[i] == CFB_NONE || !cfb_entry(&o->c, i, &e) ||
		    rank(e.name) == 0)
			continue;
		at = &o->named[o->parent[i]];
		if (*at == CFB_NONE || (cfb_entry(&o->c, *at, &other) &&
		    rank(other.name) < rank(e.name)))
			*at = i;
	}
}

struct olefile *
olefile_open(const uint8_t *p, size_t len)
{
	struct olefile		*o;
	struct cfb_entry	 e;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	if (cfb_open(&o->c, p, len) != 1) {
		olefile_close(o);
		return (NULL);
	}
	while (o->n < ENTRIES_MAX && cfb_entry(&o->c, o->n, &e))
		o->n++;
	o->more = o->n == ENTRIES_MAX;
	o->parent = cfb_parents(&o->c, o->n);
	o->named = calloc((size_t)o->n + 1, sizeof(*o->named));
	if (o->parent == NULL || o->named == NULL) {
		olefile_close(o);
		return (NULL);
	}
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
	if (o->parent[i] == CFB_NONE || o->named[o->parent[i]] == CFB_NONE ||
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
 * Of the names that a file has keep the worst: which one decides what opens it
 * differs.  Directories before it are those of the sender's machine.
 */
static void
name_keep(struct olefile *o, const uint8_t *s, size_t len)
{
	size_t	 at;

	for (at = len; at > 0 && s[at - 1] != '\\' && s[at - 1] != '/'; at--)
		continue;
	s += at;
	len -= at;
	if (len == 0 || (o->name[0] != '\0' && filetype_flags(name_type(
	    (const char *)s, len)) == 0))
		return;
	if (filetype_flags(name_type(o->name, strlen(o->name))) != 0)
		return;
	if (len >= sizeof(o->name))
		len = sizeof(o->name) - 1;
	memcpy(o->name, s, len);
	o->name[len] = '\0';
}

/*
 * A file as the packager has it: label, path, two words, a path again with
 * its length, and the bytes with theirs.
 */
static void
native(struct olefile *o, const struct cfb_data *d, const uint8_t **p,
    size_t *len)
{
	const uint8_t	*end, *label, *path, *q;
	size_t		 n, llen, plen;

	end = d->p + d->len;
	if (d->len < NATIVE_HEAD)
		return;
	*p = d->p + 4;
	*len = d->len - 4;
	if ((q = string(d->p + NATIVE_HEAD, end, &label, &llen)) == NULL ||
	    (q = string(q, end, &path, &plen)) == NULL || end - q < 8 ||
	    (n = le32(q + 4)) > (size_t)(end - q) - 8)
		return;
	name_keep(o, label, llen);
	name_keep(o, path, plen);
	q += 8;
	name_keep(o, q, strnlen((const char *)q, n));
	q += n;
	if (end - q < 4)
		return;
	n = le32(q);
	q += 4;
	*p = q;
	*len = (size_t)(end - q) < n ? (size_t)(end - q) : n;
}

int
olefile_is(const char *name, const uint8_t *p, size_t len)
{
	static const char *const	 names[] = {
		ATTACHED, NATIVE, "Package", "CONTENTS"
	};
	enum file_type			 type;
	size_t				 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return (1);
	/* A text of a message may begin with any letters. */
	if (strncasecmp(name, PROPERTY, sizeof(PROPERTY) - 1) == 0)
		return (0);
	type = filetype(p, len, "", 0);
	switch (type) {
	case FT_PE:
	case FT_ELF:
	case FT_MACHO:
	case FT_LNK:
	case FT_RAR:
	case FT_7Z:
	case FT_CAB:
	case FT_PDF:
	case FT_RTF:
	case FT_MSI:
		return (1);
	default:
		return (filetype_is_zip(type) || filetype_is_compound(type));
	}
}

/* Is that stream a file, and which bytes of it? */
static int
is_file(struct olefile *o, const struct cfb_entry *e,
    const struct cfb_data *d, const uint8_t **p, size_t *len)
{
	*p = d->p;
	*len = d->len;
	o->name[0] = '\0';
	if (!olefile_is(e->name, d->p, d->len))
		return (0);
	if (strcasecmp(e->name, ATTACHED) == 0)
		name_read(o, o->next - 1);
	else if (strcasecmp(e->name, NATIVE) == 0)
		native(o, d, p, len);
	return (1);
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
		if (!m->big && p == d.copy) {
			/* No second one of what may be most of the file. */
			m->data = d.copy;
			m->len = len;
			return (1);
		}
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

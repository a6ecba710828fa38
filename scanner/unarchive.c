/* SPDX-License-Identifier: ISC */

/*
 * Archives other than zip, by libarchive, out of memory and into memory.
 *
 * For each type only its own reader is turned on: libarchive's bidding would
 * let the sender choose among forty.  No filter is used that the library runs
 * as another program.  It opens no file, makes no socket and no process; what
 * it wants of the C library's tables of characters is made before
 * confinement.
 *
 * A member's data is read to its end or to the caller's limit.  An archive is
 * "opened" only if its end was reached without an error.
 */

#include <archive.h>
#include <archive_entry.h>

#include <iconv.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect.h"
#include "log.h"

#define CHUNK	65536	/* first piece of memory; doubles */

struct unarchive {
	struct archive	*a;
	int		 scan;	/* members go to the engine */
};

typedef int	(*support)(struct archive *);

/* What reads which type. */
static const struct reader {
	enum file_type	 type;
	int		 scan;		/* libclamav does not open it */
	support		 filter[2];
	support		 format[2];	/* of the archive itself; none: any
					   that is usual inside */
} readers[] = {
	{ FT_RAR, 1, { NULL, NULL }, { archive_read_support_format_rar,
	    archive_read_support_format_rar5 } },
	{ FT_7Z, 0, { NULL, NULL },
	    { archive_read_support_format_7zip, NULL } },
	{ FT_TAR, 0, { NULL, NULL },
	    { archive_read_support_format_tar, NULL } },
	{ FT_CPIO, 0, { NULL, NULL },
	    { archive_read_support_format_cpio, NULL } },
	{ FT_AR, 1, { NULL, NULL },
	    { archive_read_support_format_ar, NULL } },
	{ FT_CAB, 0, { NULL, NULL },
	    { archive_read_support_format_cab, NULL } },
	{ FT_LHA, 0, { NULL, NULL },
	    { archive_read_support_format_lha, NULL } },
	{ FT_ISO, 0, { NULL, NULL },
	    { archive_read_support_format_iso9660, NULL } },
	{ FT_RPM, 1, { archive_read_support_filter_rpm, NULL },
	    { archive_read_support_format_cpio, NULL } },
	{ FT_GZIP, 0, { archive_read_support_filter_gzip, NULL },
	    { NULL, NULL } },
	{ FT_BZIP2, 0, { archive_read_support_filter_bzip2, NULL },
	    { NULL, NULL } },
	{ FT_XZ, 0, { archive_read_support_filter_xz, NULL },
	    { NULL, NULL } },
	{ FT_ZSTD, 1, { archive_read_support_filter_zstd, NULL },
	    { NULL, NULL } },
	{ FT_LZ4, 1, { archive_read_support_filter_lz4, NULL },
	    { NULL, NULL } },
	{ FT_LZIP, 1, { archive_read_support_filter_lzip, NULL },
	    { NULL, NULL } },
	{ FT_COMPRESS, 1, { archive_read_support_filter_compress, NULL },
	    { NULL, NULL } },
};

#define NREADERS	(sizeof(readers) / sizeof(readers[0]))

static const struct reader *reader_find(enum file_type);
static int		 reader_support(struct archive *,
			    const struct reader *);
static void		 member_read(struct archive *, size_t,
			    struct member *);

/* For names in UTF-16; the process's own locale stays "C". */
static locale_t	 utf8 = (locale_t)0;

int
unarchive_init(void)
{
	static const char *const	 charsets[] = {
		"UTF-16", "UTF-16LE", "UTF-16BE",
	};
	/* Never closed: that keeps their modules in memory. */
	static iconv_t			 kept[3];
	size_t				 i;

	/*
	 * Times of members are of no interest, but they are computed, and the
	 * C library would look for a change of /etc/localtime each time.
	 */
	if (setenv("TZ", "UTC0", 1) == -1) {
		log_warn("setenv");
		return (-1);
	}
	tzset();
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (utf8 == (locale_t)0) {
		log_warn("no locale C.UTF-8");
		return (-1);
	}
	for (i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		kept[i] = iconv_open("UTF-8", charsets[i]);
		if (kept[i] == (iconv_t)-1)
			log_debug("no character set %s", charsets[i]);
	}
	return (0);
}

static const struct reader *
reader_find(enum file_type type)
{
	size_t	 i;

	for (i = 0; i < NREADERS; i++)
		if (readers[i].type == type)
			return (&readers[i]);
	return (NULL);
}

int
unarchive_can(enum file_type type)
{
	return (reader_find(type) != NULL);
}

int
unarchive_scans(enum file_type type)
{
	const struct reader	*r;

	r = reader_find(type);
	return (r != NULL && r->scan);
}

/* Anything but OK would mean another program. */
static int
reader_support(struct archive *a, const struct reader *r)
{
	size_t	 i;

	for (i = 0; i < 2; i++) {
		if (r->filter[i] != NULL && r->filter[i](a) != ARCHIVE_OK)
			return (-1);
		if (r->format[i] != NULL && r->format[i](a) != ARCHIVE_OK)
			return (-1);
	}
	if (r->type == FT_RPM && (archive_read_support_filter_gzip(a) !=
	    ARCHIVE_OK || archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK))
		return (-1);
	if (r->format[0] == NULL && (archive_read_support_format_tar(a) !=
	    ARCHIVE_OK || archive_read_support_format_cpio(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK))
		return (-1);
	return (0);
}

struct unarchive *
unarchive_open(const uint8_t *p, size_t len, enum file_type type)
{
	const struct reader	*r;
	struct unarchive	*u;
	locale_t		 old;
	int			 ok;

	if ((r = reader_find(type)) == NULL ||
	    (u = calloc(1, sizeof(*u))) == NULL)
		return (NULL);
	u->scan = r->scan;
	if ((u->a = archive_read_new()) == NULL) {
		free(u);
		return (NULL);
	}
	old = uselocale(utf8);
	ok = reader_support(u->a, r) == 0 &&
	    archive_read_open_memory(u->a, p, len) == ARCHIVE_OK;
	/* Raw takes anything: no filter in front, no archive. */
	if (ok && r->filter[0] != NULL && archive_filter_count(u->a) < 2)
		ok = 0;
	uselocale(old);
	if (ok)
		return (u);
	unarchive_close(u);
	return (NULL);
}

void
unarchive_close(struct unarchive *u)
{
	archive_read_free(u->a);
	free(u);
}

static void
member_read(struct archive *a, size_t max, struct member *m)
{
	uint8_t	*bigger;
	size_t	 size;
	ssize_t	 n;

	size = max < CHUNK ? max + 1 : CHUNK;
	if ((m->data = malloc(size)) == NULL) {
		m->big = 1;
		return;
	}
	for (;;) {
		if (m->len == size) {
			if (size > max) {
				m->big = 1;
				break;
			}
			size = size > max / 2 ? max + 1 : size * 2;
			if ((bigger = realloc(m->data, size)) == NULL) {
				m->big = 1;
				break;
			}
			m->data = bigger;
		}
		n = archive_read_data(a, m->data + m->len, size - m->len);
		if (n == 0)
			break;
		if (n < 0) {
			m->broken = 1;
			break;
		}
		m->len += (size_t)n;
	}
	if (m->size < m->len)
		m->size = m->len;
}

int
unarchive_next(struct unarchive *u, size_t max, struct member *m)
{
	struct archive_entry	*e;
	const char		*name;
	locale_t		 old;
	int			 ret;

	memset(m, 0, sizeof(*m));
	old = uselocale(utf8);
	do {
		ret = archive_read_next_header(u->a, &e);
	} while (ret == ARCHIVE_RETRY || ((ret == ARCHIVE_OK ||
	    ret == ARCHIVE_WARN) && archive_entry_filetype(e) == AE_IFDIR));
	if (ret != ARCHIVE_OK && ret != ARCHIVE_WARN) {
		uselocale(old);
		return (ret == ARCHIVE_EOF ? 0 : -1);
	}
	m->scan = u->scan;
	name = archive_entry_pathname(e);
	if (archive_format(u->a) == ARCHIVE_FORMAT_RAW || name == NULL)
		name = "";
	m->name = name;
	m->namelen = strlen(name);
	if (archive_entry_size_is_set(e) && archive_entry_size(e) > 0)
		m->size = (uint64_t)archive_entry_size(e);
	if (archive_entry_is_encrypted(e))
		m->flags |= FF_ENCRYPTED;
	else if (archive_entry_filetype(e) == AE_IFREG ||
	    archive_entry_filetype(e) == 0)
		member_read(u->a, max, m);
	uselocale(old);
	return (1);
}

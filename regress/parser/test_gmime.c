/* SPDX-License-Identifier: ISC */

/*
 * Another reader's opinion: GMime takes the cases of this directory, and the
 * corpus of test_corpus where there is one, apart as well.  The bodies of
 * its leaves must be among ours; what is not is named in gmime-differs with
 * the reason.
 *
 *	test_gmime -p		print what differs, for that list
 */

#include <sys/stat.h>

#include <err.h>
#include <ftw.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define EXPLAINED	"regress/parser/gmime-differs"
#define CASES		"regress/parser/mime"
#define LEAVES_MAX	10000
#define QUAD		3	/* bytes that may be missing at the end */

/* Of one message: the bodies that GMime found and we did not. */
struct comparison {
	const struct parsed	*ours;
	unsigned int		 nleaves;
	unsigned int		 nmissing;
};

static const char	*root;
static char		*explained;
static unsigned int	 nfiles, ndiffer, nstale;
static int		 is_printing;

static int	 has_body(const struct parsed *, const uint8_t *, size_t);
static void	 leaf_check(GMimeObject *, GMimeObject *, gpointer);
static void	 gmime_compare(struct comparison *, const uint8_t *, size_t);
static int	 file_run(const char *, const struct stat *, int,
		    struct FTW *);
static int	 tree_run(const char *, const char *);

/* Line ends before a delimiter are the reader's taste. */
static size_t
trim(const uint8_t *p, size_t len)
{
	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	return (len);
}

static int
has_body(const struct parsed *ours, const uint8_t *p, size_t len)
{
	const uint8_t	*q;
	size_t		 n;
	uint32_t	 i;

	len = trim(p, len);
	if (len == 0)
		return (1);
	for (i = 0; i < ours->parts.head->nparts; i++) {
		q = parts_body(&ours->parts, i, &n);
		n = trim(q, n);
		/* It drops an unfinished quad of base64, we do not. */
		if (n >= len && n - len <= QUAD && memcmp(p, q, len) == 0)
			return (1);
	}
	return (0);
}

static void
leaf_check(GMimeObject *parent, GMimeObject *object, gpointer arg)
{
	struct comparison	*c;
	GMimeDataWrapper	*content;
	GMimeStream		*mem;
	GByteArray		*bytes;

	c = arg;
	if (!GMIME_IS_PART(object) || c->nleaves++ > LEAVES_MAX ||
	    (content = g_mime_part_get_content(GMIME_PART(object))) == NULL)
		return;
	mem = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, mem);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
	if (!has_body(c->ours, bytes->data, bytes->len)) {
		c->nmissing++;
		if (is_printing)
			printf("# %u bytes: %.*s\n", bytes->len,
			    (int)(bytes->len < 60 ? bytes->len : 60),
			    (const char *)bytes->data);
	}
	g_object_unref(mem);
}

static void
gmime_compare(struct comparison *c, const uint8_t *data, size_t len)
{
	GMimeMessage	*msg;
	GMimeParser	*parser;
	GMimeStream	*mem;

	mem = g_mime_stream_mem_new_with_buffer((const char *)data, len);
	parser = g_mime_parser_new_with_stream(mem);
	msg = g_mime_parser_construct_message(parser, NULL);
	if (msg != NULL) {
		g_mime_message_foreach(msg, leaf_check, c);
		g_object_unref(msg);
	}
	g_object_unref(parser);
	g_object_unref(mem);
}

static int
file_run(const char *path, const struct stat *st, int type, struct FTW *f)
{
	struct comparison	 c;
	struct parsed		 p;
	char			 line[512];
	const char		*name;
	uint8_t			*data;
	size_t			 len;
	int			 is_known;

	len = strlen(path);
	if (type != FTW_F || (strcmp(root, CASES) == 0 ?
	    strcmp(path + len - 4, ".eml") != 0 :
	    f->level < 2 || strstr(path, "LICENSE") != NULL))
		return (0);
	name = path + strlen(root) + 1;
	data = harness_read(path, &len);
	harness_parse(&p, data, len, NULL);
	memset(&c, 0, sizeof(c));
	c.ours = &p;
	gmime_compare(&c, data, len);
	nfiles++;
	snprintf(line, sizeof(line), "\n%s\t", name);
	is_known = strstr(explained, line) != NULL;
	if (c.nmissing > 0 && !is_known) {
		ndiffer++;
		printf("# %s: %u of %u leaves are not ours\n", name,
		    c.nmissing, c.nleaves);
	}
	if (c.nmissing > 0 && is_printing)
		printf("%s\t\n", name);
	if (c.nmissing == 0 && is_known) {
		nstale++;
		printf("# %s: no difference, but in the list\n", name);
	}
	harness_close(&p);
	free(data);
	return (0);
}

/* All files below a directory; 0 if there is none. */
static int
tree_run(const char *dir, const char *what)
{
	struct stat	 st;
	char		 why[64];

	if (stat(dir, &st) == -1 || !S_ISDIR(st.st_mode))
		return (0);
	root = dir;
	nfiles = ndiffer = nstale = 0;
	if (nftw(dir, file_run, 16, FTW_PHYS) == -1)
		err(1, "%s", dir);
	snprintf(why, sizeof(why), "%u of %u messages differ, %u are in the "
	    "list in vain", ndiffer, nfiles, nstale);
	harness_case(what, nfiles > 100 && ndiffer == 0 && nstale == 0, why);
	return (1);
}

int
main(int argc, char *argv[])
{
	const char	*corpus;
	size_t		 len;

	is_printing = argc == 2 && strcmp(argv[1], "-p") == 0;
	g_mime_init();
	explained = (char *)harness_read(EXPLAINED, &len);
	tree_run(CASES, "gmime-cases");
	if ((corpus = getenv("MAILWALL_CORPUS")) == NULL)
		corpus = "../shared/corpus";
	if (!tree_run(corpus, "gmime-corpus"))
		printf("ok gmime-corpus-skipped: no real messages in %s\n",
		    corpus);
	free(explained);
	harness_end();
	g_mime_shutdown();
	return (harness_failed > 0);
}

/* SPDX-License-Identifier: ISC */

/*
 * Real messages, the test data of other mail software, which is not part of
 * this tree: $MAILWALL_CORPUS or ../shared/corpus.  Each must be parsed
 * within its limits, and none may be called hostile but those that are
 * named in corpus-hostile with what is wrong with them.
 *
 *	test_corpus -p		print every message that is called hostile
 */

#include <sys/stat.h>

#include <err.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define EXPLAINED	"regress/parser/corpus-hostile"
#define FILES_MIN	100	/* fewer: this is not the corpus */

static const char	*root;
static char		*explained;
static unsigned int	 nfiles, nlimits, nhostile;
static int		 is_printing;

static int	 file_run(const char *, const struct stat *, int,
		    struct FTW *);
static int	 is_explained(const char *);

/* A line of the list begins with the name and a tab. */
static int
is_explained(const char *name)
{
	char	 line[512];

	snprintf(line, sizeof(line), "\n%s\t", name);
	return (strstr(explained, line) != NULL);
}

static int
file_run(const char *path, const struct stat *st, int type, struct FTW *f)
{
	const struct arena_head	*h;
	struct parsed		 p;
	const char		*name;
	uint8_t			*data;
	size_t			 len;
	int			 a, is_hostile;

	if (type != FTW_F || f->level < 2 || strstr(path, "LICENSE") != NULL)
		return (0);
	name = path + strlen(root) + 1;
	data = harness_read(path, &len);
	harness_parse(&p, data, len, NULL);
	h = p.parts.head;
	nfiles++;
	nlimits += h->limits != 0;
	is_hostile = 0;
	for (a = 0; a < A_MAX; a++) {
		if ((h->anomalies & ANOMALY(a)) == 0 ||
		    parts_anomaly_severity(a) != SEV_HOSTILE)
			continue;
		is_hostile = 1;
		if (is_printing)
			printf("%s\t%s\n", name, parts_anomaly_name(a));
	}
	if (h->limits != 0 && is_printing)
		printf("%s\tlimits %x\n", name, h->limits);
	if (is_hostile && !is_explained(name)) {
		nhostile++;
		printf("# hostile: %s\n", name);
	}
	harness_close(&p);
	free(data);
	return (0);
}

int
main(int argc, char *argv[])
{
	struct stat	 st;
	char		 why[64];
	size_t		 len;

	is_printing = argc == 2 && strcmp(argv[1], "-p") == 0;
	if ((root = getenv("MAILWALL_CORPUS")) == NULL)
		root = "../shared/corpus";
	if (stat(root, &st) == -1 || !S_ISDIR(st.st_mode)) {
		printf("ok corpus-skipped: no real messages in %s\n",
		    root);
		return (0);
	}
	explained = (char *)harness_read(EXPLAINED, &len);
	if (nftw(root, file_run, 16, FTW_PHYS) == -1)
		err(1, "%s", root);
	snprintf(why, sizeof(why), "%u messages", nfiles);
	harness_case("corpus-parses", nfiles >= FILES_MIN, why);
	snprintf(why, sizeof(why), "%u messages", nlimits);
	harness_case("corpus-keeps-limits", nlimits == 0, why);
	snprintf(why, sizeof(why), "%u messages", nhostile);
	harness_case("corpus-not-hostile", nhostile == 0, why);
	free(explained);
	harness_end();
	return (harness_failed > 0);
}

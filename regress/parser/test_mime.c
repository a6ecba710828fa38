/* SPDX-License-Identifier: ISC */

/*
 * Whole messages: regress/parser/mime/NAME.eml must give NAME.ok.
 *
 *	test_mime		run all cases
 *	test_mime -u		write what comes out as what is expected
 *	test_mime FILE ...	print the parts of messages
 */

#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define CASES	"regress/parser/mime/*.eml"

static char	*message_print(const char *, size_t *);
static void	 case_run(const char *, int);

static char *
message_print(const char *path, size_t *len)
{
	struct parsed	 p;
	uint8_t		*data;
	char		*out;
	size_t		 n;

	data = harness_read(path, &n);
	harness_parse(&p, data, n, NULL);
	free(data);
	harness_print(&p, &out, len);
	harness_close(&p);
	return (out);
}

static void
case_run(const char *path, int update)
{
	char	 okname[512], name[256];
	uint8_t	*want;
	char	*got;
	size_t	 n, len, wantlen;
	FILE	*f;

	n = strlen(path) - 4;
	snprintf(okname, sizeof(okname), "%.*s.ok", (int)n, path);
	snprintf(name, sizeof(name), "mime-%.*s",
	    (int)(n - strlen("regress/parser/mime/")),
	    path + strlen("regress/parser/mime/"));
	got = message_print(path, &len);
	if (update) {
		if ((f = fopen(okname, "w")) == NULL)
			err(1, "%s", okname);
		fwrite(got, 1, len, f);
		if (fclose(f) == EOF)
			err(1, "%s", okname);
	} else {
		want = harness_read(okname, &wantlen);
		if (wantlen != len || memcmp(want, got, len) != 0)
			printf("%s: expected\n%sgot\n%s", name, (char *)want,
			    got);
		harness_case(name, wantlen == len &&
		    memcmp(want, got, len) == 0, "other parts");
		free(want);
	}
	free(got);
}

int
main(int argc, char *argv[])
{
	glob_t	 g;
	char	*out;
	size_t	 i, len;
	int	 n, update;

	update = argc == 2 && strcmp(argv[1], "-u") == 0;
	if (argc > 1 && !update) {
		for (n = 1; n < argc; n++) {
			out = message_print(argv[n], &len);
			printf("%s%s%s", argc > 2 ? argv[n] : "",
			    argc > 2 ? ":\n" : "", out);
			free(out);
		}
		harness_end();
		return (0);
	}
	if (glob(CASES, 0, NULL, &g) != 0)
		errx(1, "no cases");
	for (i = 0; i < g.gl_pathc; i++)
		case_run(g.gl_pathv[i], update);
	globfree(&g);
	harness_end();
	return (harness_failed > 0);
}

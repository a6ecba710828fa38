/* SPDX-License-Identifier: ISC */

/*
 * Whole messages through parser and matcher: regress/scanner/words/NAME.eml
 * must give NAME.ok, which says what was found and where, or is empty.  The
 * names say the trick.  Those that begin with "clean-" are honest mail in
 * which nothing may be found, by any list, and nothing hostile be seen.
 *
 *	test_words		run all cases
 *	test_words FILE ...	print what is found
 */

#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "conf.h"
#include "ev.h"
#include "harness.h"
#include "match.h"
#include "proto.h"

#define DIR	"regress/scanner/words/"

/* The same secret in six languages, and what makes mail suspicious. */
static const struct {
	enum list_kind	 kind;
	const char	*entry[10];
} lists[] = {
	{ LIST_KEYWORDS, { "\xe6\x9c\xba\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
	    "\xe6\xa9\x9f\xe5\xaf\x86\xe6\x96\x87\xe4\xbb\xb6",
	    "\xea\xb8\xb0\xeb\xb0\x80\xeb\xac\xb8\xec\x84\x9c",
	    "\xe6\xa9\x9f\xe5\xaf\x86\xe6\x96\x87\xe6\x9b\xb8",
	    "\xd1\x81\xd0\xb5\xd0\xba\xd1\x80\xd0\xb5\xd1\x82\xd0\xbd\xd0\xbe",
	    "\xd8\xb3\xd8\xb1\xd9\x8a \xd9\x84\xd9\x84\xd8\xba\xd8\xa7"
	    "\xd9\x8a\xd8\xa9", "top secret" } },
	{ LIST_IDENTIFIERS, { "card", "iban", "cn-id", "kr-rrn", "us-ssn",
	    "private-key", "aws-key" } },
	{ LIST_EXPRESSIONS, { "project[ -]?osprey" } },
	{ LIST_SIMILAR, { "confidential" } },
};

#define NLISTS	(sizeof(lists) / sizeof(lists[0]))

static struct match	*match;

static void		 matcher_make(void);
static unsigned int	 look(const char *, char *, size_t, uint64_t *);
static void		 case_run(const char *);

static void
matcher_make(void)
{
	struct conf		*conf;
	struct conf_list	*l;
	struct matcher		*m;
	char			 name[16];
	size_t			 i, k;

	conf = conf_new();
	for (i = 0; i < NLISTS; i++) {
		snprintf(name, sizeof(name), "list%zu", i);
		l = conf_add_list(conf, lists[i].kind, name);
		l->w.errors = lists[i].kind == LIST_SIMILAR;
		for (k = 0; lists[i].entry[k] != NULL; k++)
			if (conf_add_entry(conf, l, 1, lists[i].entry[k],
			    strlen(lists[i].entry[k])) == -1)
				err(1, "%s", lists[i].entry[k]);
		conf_add_use(conf, l->w.id, SCOPES_ALL);
	}
	if (conf_done(conf) == -1 || (m = matcher_new(conf)) == NULL ||
	    (match = match_new(m)) == NULL)
		errx(1, "matcher");
}

/* What is found in a file, a line each; returns how much. */
static unsigned int
look(const char *path, char *out, size_t size, uint64_t *anomalies)
{
	struct msg_scan_hit	 hit[CONF_USES_MAX];
	struct mime_limits	 lim;
	struct parsed		 p;
	const uint8_t		*text;
	uint8_t			*data;
	size_t			 n, len, used;
	unsigned int		 nhits, k;
	uint32_t		 i;
	int			 complete;

	data = harness_read(path, &n);
	harness_limits(&lim, n);
	lim.want_text = 1;
	harness_parse(&p, data, n, &lim);
	free(data);
	match_begin(match, now_ms() + 60000);
	for (i = 0; i < p.parts.head->ntexts; i++) {
		text = parts_text(&p.parts, i, &len);
		match_text(match, p.parts.text[i].scope,
		    p.parts.text[i].part, text, len);
	}
	nhits = match_end(match, hit, &complete);
	used = 0;
	out[0] = '\0';
	for (k = 0; k < nhits && used < size; k++)
		used += (size_t)snprintf(out + used, size - used,
		    "%s in %s\n", hit[k].entry,
		    conf_scope_name(hit[k].scope));
	*anomalies = p.parts.head->anomalies;
	if (!complete)
		errx(1, "%s: not complete", path);
	harness_close(&p);
	return (nhits);
}

static void
case_run(const char *path)
{
	char		 okname[512], name[256], got[4096], why[4400];
	uint8_t		*want;
	uint64_t	 anomalies;
	size_t		 n, wantlen;
	unsigned int	 i;

	n = strlen(path) - 4;
	snprintf(okname, sizeof(okname), "%.*s.ok", (int)n, path);
	snprintf(name, sizeof(name), "words-%.*s", (int)(n - strlen(DIR)),
	    path + strlen(DIR));
	look(path, got, sizeof(got), &anomalies);
	want = harness_read(okname, &wantlen);
	snprintf(why, sizeof(why), "found: %s", got);
	why[strcspn(why, "\n")] = '\0';
	harness_case(name, wantlen == strlen(got) &&
	    memcmp(want, got, wantlen) == 0, why);
	free(want);
	if (strncmp(path + strlen(DIR), "clean-", 6) != 0)
		return;
	for (i = 0; i < A_MAX; i++)
		if ((anomalies & ANOMALY(i)) &&
		    parts_anomaly_severity(i) == SEV_HOSTILE) {
			strlcat(name, "-anomalies", sizeof(name));
			harness_case(name, 0, parts_anomaly_name(i));
		}
}

int
main(int argc, char *argv[])
{
	char		 out[4096];
	uint64_t	 anomalies;
	glob_t		 g;
	size_t		 i;
	int		 n;

	matcher_make();
	for (n = 1; n < argc; n++) {
		look(argv[n], out, sizeof(out), &anomalies);
		printf("%s:\n%s", argv[n], out);
	}
	if (argc > 1)
		return (0);
	if (glob(DIR "*.eml", 0, NULL, &g) != 0)
		errx(1, "no cases");
	for (i = 0; i < g.gl_pathc; i++)
		case_run(g.gl_pathv[i]);
	globfree(&g);
	harness_end();
	return (harness_failed > 0);
}

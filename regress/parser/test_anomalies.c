/* SPDX-License-Identifier: ISC */

/* The table of anomalies: complete, and the same in the manual. */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define MANUAL	"parser/mailwall-anomalies.7"

static const char *const	 severities[] = {
	[SEV_HARMLESS] = "harmless",
	[SEV_SUSPICIOUS] = "suspicious",
	[SEV_HOSTILE] = "hostile",
};

static unsigned int	 items(const char *);

/* Entries of the list of anomalies. */
static unsigned int
items(const char *text)
{
	unsigned int	 n;

	text = strstr(text, ".Sh ANOMALIES");
	for (n = 0; text != NULL; n++)
		text = strstr(text + 1, "\n.It Sy ");
	return (n - 1);
}

int
main(void)
{
	const char	*name;
	char		 line[128];
	char		*text;
	size_t		 len;
	int		 a, b, known, twice;

	text = (char *)harness_read(MANUAL, &len);
	known = 1;
	twice = 0;
	for (a = 0; a < A_MAX; a++) {
		name = parts_anomaly_name(a);
		if (strcmp(name, "unknown") == 0)
			known = 0;
		if ((b = parts_anomaly_find(name)) != a)
			twice = 1;
		snprintf(line, sizeof(line), "\n.It Sy %s Pq %s\n", name,
		    severities[parts_anomaly_severity(a)]);
		harness_case(name, strstr(text, line) != NULL,
		    "the manual says something else");
	}
	harness_case("all-have-names", known, "one has none");
	harness_case("names-differ", !twice, "two have the same");
	harness_case("manual-has-no-others", items(text) == A_MAX,
	    "the manual has another number of them");
	harness_case("unknown-name", parts_anomaly_find("no-such") == -1,
	    "found what is not there");
	harness_case("fits-a-word", A_MAX <= 63, "too many for 64 bits");
	free(text);
	return (harness_failed > 0);
}

/* SPDX-License-Identifier: ISC */

/*
 * How often rules have matched that log or count under a label.  Labels of
 * configurations that were replaced stay until the store ends, as Prometheus
 * would have it of a counter.
 */

#include <string.h>

#include <bsd/string.h>

#include "store.h"

#define TALLIES_MAX	256	/* different labels; more have no number */

static struct {
	char		 name[CONF_LABEL_MAX];
	uint64_t	 n;
} tally[TALLIES_MAX];
static unsigned int	 ntallies;

void
tally_add(const char *name)
{
	unsigned int	 i;

	for (i = 0; i < ntallies; i++)
		if (strcmp(tally[i].name, name) == 0) {
			tally[i].n++;
			return;
		}
	if (ntallies == TALLIES_MAX)
		return;
	strlcpy(tally[ntallies].name, name, sizeof(tally[0].name));
	tally[ntallies++].n = 1;
}

const char *
tally_get(unsigned int i, uint64_t *n)
{
	if (i >= ntallies)
		return (NULL);
	*n = tally[i].n;
	return (tally[i].name);
}

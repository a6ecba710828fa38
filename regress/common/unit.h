/* SPDX-License-Identifier: ISC */

/*
 * A line for each case and a status at the end.  One file of a program
 * includes this.
 */

#ifndef REGRESS_UNIT_H
#define REGRESS_UNIT_H

#include <stdio.h>

static int	 unit_failed;

/* One case: its name, and whether it holds. */
#define CASE(name, cond)	unit_case((name), (cond) ? NULL : #cond)

static void
unit_case(const char *name, const char *why)
{
	if (why == NULL)
		printf("ok %s\n", name);
	else {
		printf("not ok %s - %s\n", name, why);
		unit_failed = 1;
	}
	fflush(stdout);
}

#endif /* REGRESS_UNIT_H */

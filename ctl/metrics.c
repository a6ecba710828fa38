/* SPDX-License-Identifier: ISC */

/*
 * Numbers for Prometheus: the store makes the text, see metrics.c there; a
 * row has one line of it.
 */

#include <err.h>
#include <string.h>

#include "ctl.h"

static void	 line(void *, const struct row *);

/* It has only what can be printed, whatever the store has become. */
static void
line(void *arg, const struct row *r)
{
	const char	*p;

	if ((p = row_get(r, "line")) == NULL)
		return;
	for (; *p != '\0'; p++)
		fputc(*p >= 0x20 && *p < 0x7f ? *p : '?', arg);
	fputc('\n', arg);
}

int
metrics(struct connection *c, FILE *f)
{
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;

	memset(&req, 0, sizeof(req));
	req.command = CTL_METRICS;
	ctl_ask(c, &req, line, f, &end);
	if (end.error != 0)
		errx(CTL_REFUSED, "%s", end.text);
	if (fflush(f) != 0)
		err(CTL_REFUSED, "metrics");
	return (CTL_OK);
}

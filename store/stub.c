/* SPDX-License-Identifier: ISC */

/* A store that no operator can talk to: without control.c and query.c. */

#include <unistd.h>

#include "store.h"

void
control_listen(int fd)
{
	close(fd);
}

void
control_answer(struct peer *p, struct imsg *imsg)
{
}

void
control_lost(struct peer *p)
{
}

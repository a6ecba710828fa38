/* SPDX-License-Identifier: ISC */

/* What is not written yet. */

#include <unistd.h>

#include "store.h"

__attribute__((__weak__)) void
control_listen(int fd)
{
	close(fd);
}

__attribute__((__weak__)) void
control_answer(struct peer *p, struct imsg *imsg)
{
}

__attribute__((__weak__)) void
control_lost(struct peer *p)
{
}

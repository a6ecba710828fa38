/* SPDX-License-Identifier: ISC */

/*
 * The file of "audit file".  The store opens nothing outside its directory,
 * so it is opened here, at each configuration, and given to it.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "master.h"

int
audit_open(struct conf *conf)
{
	struct conf_audit	*a;
	struct stat		 sb;

	a = &conf->audit;
	if (a->path[0] == '\0')
		return (0);
	/* A FIFO without a reader must not hold us up. */
	a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (a->fd == -1 || fstat(a->fd, &sb) == -1) {
		log_warn("audit file: %s", a->path);
		return (-1);
	}
	if (!S_ISREG(sb.st_mode)) {
		log_warnx("audit file: %s: no regular file", a->path);
		return (-1);
	}
	return (0);
}

void
audit_send(struct child *c)
{
	int	 fd;

	if (master.conf->audit.fd == -1)
		return;
	fd = fcntl(master.conf->audit.fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1 || imsg_compose(&c->ibuf, IMSG_AUDIT_FILE, 0, fd, NULL,
	    0) == -1)
		log_warn("%s: audit file", c->tag);
}

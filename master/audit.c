/* SPDX-License-Identifier: ISC */

/*
 * The file of "audit file", or the journal of "audit journal".  The store
 * opens nothing outside its directory, so it is opened here, at each
 * configuration, and given to it.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "master.h"

#define JOURNAL_PATH	"/run/systemd/journal/socket"

static int	 open_file(struct conf_audit *);
static int	 open_journal(struct conf_audit *);

static int
open_file(struct conf_audit *a)
{
	struct stat	 sb;

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

/*
 * A datagram is an entry.  It never waits, and must fit into the socket's
 * buffer whole.  The kernel's own limit, some 4 MiB, is more than recipients
 * and facts can make of a line.
 */
static int
open_journal(struct conf_audit *a)
{
	struct sockaddr_un	 sun;
	int			 size;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strlcpy(sun.sun_path, JOURNAL_PATH, sizeof(sun.sun_path));
	a->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd == -1 || connect(a->fd, (struct sockaddr *)&sun,
	    sizeof(sun)) == -1) {
		log_warn("audit journal: %s", JOURNAL_PATH);
		return (-1);
	}
	/* In a user namespace there is no more than anybody may have. */
	size = AUDIT_LINE_MAX;
	if (setsockopt(a->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
	    sizeof(size)) == -1 && setsockopt(a->fd, SOL_SOCKET, SO_SNDBUF,
	    &size, sizeof(size)) == -1) {
		log_warn("audit journal: SO_SNDBUF");
		return (-1);
	}
	return (0);
}

int
audit_open(struct conf *conf)
{
	struct conf_audit	*a;

	a = &conf->audit;
	if (a->path[0] != '\0')
		return (open_file(a));
	return (a->journal ? open_journal(a) : 0);
}

void
audit_send(struct child *c)
{
	const struct conf_audit	*a;
	int			 fd;

	a = &master.conf->audit;
	if (a->fd == -1)
		return;
	fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1 || imsg_compose(&c->ibuf, a->journal ?
	    IMSG_AUDIT_JOURNAL : IMSG_AUDIT_FILE, 0, fd, NULL, 0) == -1)
		log_warn("%s: audit", c->tag);
}

/* SPDX-License-Identifier: ISC */

/*
 * Metrics: where they can be asked for, and what only master knows of them.
 * The sockets are made here, since the store makes none, and given to it with
 * each configuration; so is the state of the processes, when it changes.
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "master.h"

#define BACKLOG		16

static int	 open_path(const char *, const char *);
static int	 open_addr(const struct addr *);
static int	 give(struct child *, int);

static struct msg_status	 status;

/* A socket that the group of operators may use, and nobody else: or -1. */
static int
open_path(const char *path, const char *group)
{
	struct sockaddr_un	 sun;
	const struct group	*gr;
	struct stat		 sb;
	gid_t			 gid;
	int			 fd;

	gid = 0;
	if (group[0] != '\0') {
		if ((gr = getgrnam(group)) == NULL) {
			errno = ENOENT;
			return (-1);
		}
		gid = gr->gr_gid;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	/* What is left of a former life; but no file of anybody's. */
	if (lstat(path, &sb) == 0) {
		if (!S_ISSOCK(sb.st_mode)) {
			errno = EEXIST;
			return (-1);
		}
		if (unlink(path) == -1)
			return (-1);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	/* Nobody connects before it has its owner and mode. */
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    chmod(path, gid == 0 ? 0600 : 0660) == -1 ||
	    (gid != 0 && lchown(path, 0, gid) == -1) ||
	    listen(fd, BACKLOG) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static int
open_addr(const struct addr *a)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd, on;

	len = addr_to_sockaddr(a, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return (-1);
	on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

int
metrics_open(struct conf *conf, const struct conf *old)
{
	const struct conf_metrics	*o;
	struct conf_metrics		*m;
	char				 text[ADDR_STRLEN];

	m = &conf->metrics;
	o = old == NULL ? NULL : &old->metrics;
	if (m->path[0] != '\0') {
		if (o != NULL && o->path_fd != -1 &&
		    strcmp(o->path, m->path) == 0)
			m->path_fd = fcntl(o->path_fd, F_DUPFD_CLOEXEC, 0);
		else
			m->path_fd = open_path(m->path,
			    conf->g.control_group);
		if (m->path_fd == -1) {
			log_warn("metrics: cannot listen on %s", m->path);
			return (-1);
		}
	}
	if (m->addr.family != 0) {
		if (o != NULL && o->addr_fd != -1 &&
		    addr_same(&o->addr, &m->addr))
			m->addr_fd = fcntl(o->addr_fd, F_DUPFD_CLOEXEC, 0);
		else
			m->addr_fd = open_addr(&m->addr);
		if (m->addr_fd == -1) {
			log_warn("metrics: cannot listen on %s",
			    addr_ipport(&m->addr, text, sizeof(text)));
			return (-1);
		}
	}
	status.configured = now_epoch() / 1000;
	if (old == NULL)
		status.started = status.configured;
	return (0);
}

void
metrics_close(const struct conf *conf, const struct conf *next)
{
	const char	*path;

	path = conf->metrics.path;
	/* One that could not be opened is not ours. */
	if (conf->metrics.path_fd == -1 || (next != NULL &&
	    strcmp(path, next->metrics.path) == 0))
		return;
	if (unlink(path) == -1 && errno != ENOENT)
		log_warn("%s", path);
}

static int
give(struct child *c, int fd)
{
	if (fd == -1)
		return (0);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return (fd == -1 ? -1 : imsg_compose(&c->ibuf, IMSG_METRICS_LISTEN, 0,
	    fd, NULL, 0));
}

void
metrics_send(struct child *c)
{
	if (give(c, master.conf->metrics.path_fd) == -1 ||
	    give(c, master.conf->metrics.addr_fd) == -1)
		log_warn("%s: sockets for metrics", c->tag);
	metrics_status();
}

void
metrics_death(const struct child *c)
{
	status.deaths[c->type]++;
}

void
metrics_scanner(const struct msg_ready *ready)
{
	status.signatures = ready->signatures;
	status.database_time = ready->database_time;
}

void
metrics_status(void)
{
	struct child	*c;

	memset(status.ready, 0, sizeof(status.ready));
	TAILQ_FOREACH(c, &master.children, entry)
		if (c->ready && !c->draining)
			status.ready[c->type]++;
	TAILQ_FOREACH(c, &master.children, entry) {
		if (c->type != PROC_STORE || c->ibuf.fd == -1)
			continue;
		if (imsg_compose(&c->ibuf, IMSG_STATUS, 0, -1, &status,
		    sizeof(status)) == -1)
			log_debug("%s: status", c->tag);
		dispatch_want_write(c);
	}
}

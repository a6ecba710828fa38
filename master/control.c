/* SPDX-License-Identifier: ISC */

/*
 * The operators' socket.  Master makes it, with the rights that the
 * configuration wants, and gives it to the store, which talks to operators;
 * what only master can do or knows comes back in a frame.
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

#include "config.h"
#include "master.h"

#define BACKLOG		16

static void	 answer_not(struct child *, uint64_t, const char *);
static void	 answer(struct child *, uint64_t, int, uint32_t,
		    const char *);
static uint32_t	 rows_status(struct child *, uint64_t);
static size_t	 put(char *, size_t, size_t, const char *, const char *);

static int	 listen_fd = -1;

void
control_open(const struct conf_globals *g)
{
	struct sockaddr_un	 sun;
	const struct group	*gr;
	gid_t			 gid;
	int			 fd;

	gid = 0;
	if (g->control_group[0] != '\0') {
		if ((gr = getgrnam(g->control_group)) == NULL)
			fatalx("no group %s", g->control_group);
		gid = gr->gr_gid;
	}
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path),
	    "%s/control", g->rundir) >= sizeof(sun.sun_path))
		fatalx("%s/control: name too long", g->rundir);
	if (unlink(sun.sun_path) == -1 && errno != ENOENT)
		fatal("%s", sun.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	/* Nobody connects before it has its owner and mode. */
	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    chmod(sun.sun_path, gid == 0 ? 0600 : 0660) == -1 ||
	    (gid != 0 && lchown(sun.sun_path, 0, gid) == -1) ||
	    listen(fd, BACKLOG) == -1)
		fatal("%s", sun.sun_path);
	listen_fd = fd;
}

void
control_send(struct child *c)
{
	int	 fd;

	fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1 || imsg_compose(&c->ibuf, IMSG_CTL_LISTEN, 0, fd, NULL,
	    0) == -1)
		log_warn("%s: operators' socket", c->tag);
}

/* Append a name and its value to a row; its new length. */
static size_t
put(char *row, size_t size, size_t len, const char *name, const char *value)
{
	size_t	 n, v;

	n = strlen(name) + 1;
	v = strlen(value) + 1;
	if (len + n + v > size)
		return (len);
	memcpy(row + len, name, n);
	memcpy(row + len + n, value, v);
	return (len + n + v);
}

/* A row for each child. */
static uint32_t
rows_status(struct child *to, uint64_t id)
{
	const struct child	*c;
	char			 row[512], number[32];
	uint32_t		 n;
	size_t			 len;

	n = 0;
	TAILQ_FOREACH(c, &master.children, entry) {
		len = put(row, sizeof(row), 0, "process",
		    proto_proc_name(c->type));
		snprintf(number, sizeof(number), "%d", (int)c->pid);
		len = put(row, sizeof(row), len, "pid", number);
		len = put(row, sizeof(row), len, "state", c->draining ?
		    "finishing" : c->ready ? "ready" : "starting");
		snprintf(number, sizeof(number), "%llu",
		    (unsigned long long)(now_ms() - c->started) / 1000);
		len = put(row, sizeof(row), len, "seconds", number);
		snprintf(number, sizeof(number), "%u",
		    c->slot == NULL ? 0 : c->slot->deaths);
		len = put(row, sizeof(row), len, "deaths", number);
		if (imsg_compose(&to->ibuf, IMSG_CTL_ROW, id, -1, row,
		    len) == -1)
			break;
		n++;
	}
	return (n);
}

static void
answer(struct child *c, uint64_t id, int error, uint32_t nrows,
    const char *text)
{
	struct msg_ctl_end	 end;

	memset(&end, 0, sizeof(end));
	end.error = (uint32_t)error;
	end.nrows = nrows;
	strlcpy(end.text, text, sizeof(end.text));
	if (imsg_compose(&c->ibuf, IMSG_CTL_END, id, -1, &end,
	    sizeof(end)) == -1)
		log_warn("%s", c->tag);
	dispatch_want_write(c);
}

/* It was not reloaded, and why. */
static void
answer_not(struct child *c, uint64_t id, const char *what)
{
	char	 text[CONF_REPLY_MAX];

	/* Where the file itself is right, the log knows more. */
	snprintf(text, sizeof(text), "not reloaded, the old %s stays: %s",
	    what, config_error()[0] != '\0' ? config_error() :
	    "the log says why");
	answer(c, id, EINVAL, 0, text);
}

void
control_request(struct child *c, const struct imsg *imsg)
{
	struct msg_ctl	 req;
	uint32_t	 n;

	memcpy(&req, imsg->data, sizeof(req));
	switch (req.command) {
	case CTL_STATUS:
		n = rows_status(c, imsg->id);
		answer(c, imsg->id, 0, n, "mailwall " VERSION);
		break;
	case CTL_RELOAD:
		if (master_reload(req.table[0] == '\0' ? NULL :
		    req.table) == -1)
			answer_not(c, imsg->id, req.table[0] == '\0' ?
			    "configuration" : "table");
		else
			answer(c, imsg->id, 0, 0, "reloading");
		break;
	case CTL_VERBOSE:
		log_setverbose(req.number != 0);
		log_info("verbosity %d", log_getverbose());
		answer(c, imsg->id, 0, 0, req.number != 0 ? "verbose" :
		    "not verbose");
		break;
	default:
		answer(c, imsg->id, ENOSYS, 0, "not for master");
		break;
	}
}

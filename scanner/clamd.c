/* SPDX-License-Identifier: ISC */

/*
 * clamd as the engine, over its local socket.
 *
 * A worker's root is the directory of the socket; all it can do beside its
 * channel is to connect to an AF_UNIX socket in there.  clamd gets sealed
 * descriptors (zFILDES): the message as it is, which it takes apart with its
 * own mail parser, and each body of ours that is not plain text of the
 * message itself, copied into a memfd of its own.
 *
 * clamd is not ours, but it is not the enemy either; its answers are still
 * read as narrowly as can be.  An answer ends in OK, FOUND or ERROR, names may
 * hold anything, so it is read from its end.  Everything else, silence too,
 * is "scanner-failed".
 */

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf.h"
#include "ev.h"
#include "inspect.h"
#include "log.h"
#include "parts.h"
#include "scanner.h"

#define REPLY_MAX	1024	/* "fd[10]: NAME FOUND" */
#define ROOT_CHECK	10000	/* ms between looks whether the root is the
				   directory that the socket is made in */

static int	 clamd_load(const struct conf_globals *, struct msg_ready *);
static int	 clamd_root(const struct conf_globals *, char *, size_t);
static int	 clamd_worker(const struct conf_globals *, const char *);
static void	 clamd_scan(const struct scan *, struct result *);
static uint32_t	 clamd_locate(const struct scan *);
static void	 clamd_message(const struct scan *, struct result *);
static void	 ask_member(void *, uint32_t, const uint8_t *, size_t,
		    const char *);

static void	 root_check(void *);
static int	 clamd_connect(void);
static int	 send_fd(int, int);
static int	 wait_for(int, short, uint64_t);
static int	 read_reply(int, char *, size_t, uint64_t);
static void	 reply_take(struct result *, uint32_t, char *);
static int	 ask(const struct scan *, struct result *, uint32_t, int);
static int	 body_copy(const uint8_t *, size_t);
static int	 body_is_separate(const struct parts *, uint32_t);

static struct {
	struct sockaddr_un	 sun;	/* "/clamd.ctl" below the root */
	uint64_t		 file_max;
	struct inspect_limits	 limits;
	const struct scan	*scan;	/* the message in work */
	struct evtimer		 timer;
	int			 rootfd;
} clamd;

const struct backend	 clamd_backend = {
	.uses_tmp = 0,
	.may_be_down = 1,
	.load = clamd_load,
	.root = clamd_root,
	.worker = clamd_worker,
	.scan = clamd_scan,
	.loader_rules = scanner_clamd_loader_rules,
	.nloader_rules = &scanner_nclamd_loader_rules,
	.worker_rules = scanner_clamd_worker_rules,
	.nworker_rules = &scanner_nclamd_worker_rules,
};

static int
clamd_load(const struct conf_globals *g, struct msg_ready *ready)
{
	char	 copy[CONF_PATH_MAX];
	int	 n;

	memset(ready, 0, sizeof(*ready));
	clamd.file_max = g->scan_file_max;
	clamd.limits.file_max = g->scan_file_max;
	clamd.limits.depth = g->scan_depth;
	clamd.limits.files = g->scan_files;
	doctext_init();
	if (unarchive_init() == -1)
		return (-1);
	clamd.sun.sun_family = AF_UNIX;
	strlcpy(copy, g->av_path, sizeof(copy));
	n = snprintf(clamd.sun.sun_path, sizeof(clamd.sun.sun_path), "/%s",
	    basename(copy));
	if (n < 0 || (size_t)n >= sizeof(clamd.sun.sun_path)) {
		log_warnx("%s: name is too long", g->av_path);
		return (-1);
	}
	return (0);
}

/*
 * clamd's package removes and makes that directory anew when clamd restarts.
 * Then ours is a dead one in which no socket ever appears again: another
 * loader has to be started in the new one.
 */
static void
root_check(void *arg)
{
	struct stat	 sb;

	if (clamd.rootfd == -1 || fstat(clamd.rootfd, &sb) == -1 ||
	    sb.st_nlink == 0)
		scanner_stale("clamd's directory has been replaced");
	else
		evtimer_set(&clamd.timer, ROOT_CHECK);
}

static int
clamd_root(const struct conf_globals *g, char *path, size_t size)
{
	char	 copy[CONF_PATH_MAX];

	strlcpy(copy, g->av_path, sizeof(copy));
	strlcpy(path, dirname(copy), size);
	evtimer_init(&clamd.timer, root_check, NULL);
	evtimer_set(&clamd.timer, ROOT_CHECK);
	clamd.rootfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (clamd.rootfd != -1)
		return (0);
	/* Not there yet: nothing can be scanned until a later look. */
	log_warn("%s: clamd is not there", path);
	snprintf(path, size, "%s/scanner", g->rundir);
	return (0);
}

static int
clamd_worker(const struct conf_globals *g, const char *tmpdir)
{
	return (0);
}

/* ---- one message ---- */

static int
clamd_connect(void)
{
	int	 fd, saved_errno;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&clamd.sun,
	    sizeof(clamd.sun)) == -1) {
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
		return (-1);
	}
	return (fd);
}

/* zFILDES, and the descriptor with a byte of its own, as clamd wants it. */
static int
send_fd(int sock, int fd)
{
	static const char	 cmd[] = "zFILDES";
	union {
		struct cmsghdr	 hdr;
		uint8_t		 bytes[CMSG_SPACE(sizeof(int))];
	} ctl;
	struct msghdr		 msg;
	struct cmsghdr		*cmsg;
	struct iovec		 iov;
	char			 byte;

	/* Both fit into any socket's buffer: a short write is a failure. */
	if (send(sock, cmd, sizeof(cmd), MSG_NOSIGNAL) != sizeof(cmd))
		return (-1);
	memset(&msg, 0, sizeof(msg));
	memset(&ctl, 0, sizeof(ctl));
	byte = 0;
	iov.iov_base = &byte;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &ctl;
	msg.msg_controllen = sizeof(ctl.bytes);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return (sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1);
}

static int
wait_for(int fd, short events, uint64_t due)
{
	struct pollfd	 pfd;
	uint64_t	 now;
	int		 n;

	do {
		if ((now = now_ms()) >= due) {
			errno = ETIMEDOUT;
			return (-1);
		}
		pfd.fd = fd;
		pfd.events = events;
		pfd.revents = 0;
		n = poll(&pfd, 1, (int)(due - now));
	} while (n == 0 || (n == -1 && errno == EINTR));
	return (n == -1 ? -1 : 0);
}

/* One answer, up to its NUL or the end; 0, or -1 with errno. */
static int
read_reply(int fd, char *buf, size_t size, uint64_t due)
{
	size_t	 len;
	ssize_t	 n;

	for (len = 0; len < size - 1; len += (size_t)n) {
		if (wait_for(fd, POLLIN, due) == -1)
			return (-1);
		n = read(fd, buf + len, size - 1 - len);
		if (n == -1) {
			if (errno != EAGAIN && errno != EINTR)
				return (-1);
			n = 0;
			continue;
		}
		if (n == 0 || memchr(buf + len, '\0', (size_t)n) != NULL) {
			buf[len + (size_t)n] = '\0';
			return (0);
		}
	}
	errno = EMSGSIZE;
	return (-1);
}

/* "fd[10]: OK", "fd[10]: NAME FOUND", "fd[10]: TEXT ERROR" */
static void
reply_take(struct result *r, uint32_t part, char *reply)
{
	static const char	 limit[] = "Heuristics.Limits.Exceeded";
	static const char	 crypt[] = "Heuristics.Encrypted";
	char			*name, *last;
	size_t			 len;

	len = strlen(reply);
	while (len > 0 && reply[len - 1] == '\n')
		reply[--len] = '\0';
	last = strrchr(reply, ' ');
	name = strstr(reply, ": ");
	if (last == NULL || name == NULL || last < name + 1)
		goto unknown;
	name += 2;
	if (strcmp(last, " OK") == 0 && last == name - 1)
		return;
	if (last < name)
		goto unknown;
	*last++ = '\0';
	if (strcmp(last, "FOUND") == 0 && *name != '\0') {
		if (strncmp(name, limit, sizeof(limit) - 1) == 0)
			result_add(r, VERDICT_UNSCANNABLE, part, "limit: %s",
			    name);
		else if (strncmp(name, crypt, sizeof(crypt) - 1) == 0)
			result_add(r, VERDICT_UNSCANNABLE, part,
			    "encrypted: %s", name);
		else
			result_add(r, VERDICT_VIRUS, part, "%s", name);
		return;
	}
	if (strcmp(last, "ERROR") == 0) {
		result_add(r, VERDICT_SCANNER_FAILED, part, "clamd: %s", name);
		return;
	}
unknown:
	result_add(r, VERDICT_SCANNER_FAILED, part,
	    "clamd: an answer that we do not know");
}

/* Returns 1 to go on, 0 when it is enough. */
static int
ask(const struct scan *scan, struct result *r, uint32_t part, int fd)
{
	char	 reply[REPLY_MAX];
	int	 sock;

	if ((sock = clamd_connect()) == -1 || send_fd(sock, fd) == -1 ||
	    read_reply(sock, reply, sizeof(reply), scan->due) == -1) {
		result_add(r, VERDICT_SCANNER_FAILED, part, "clamd: %s",
		    strerror(errno));
		if (sock != -1)
			close(sock);
		return (0);
	}
	close(sock);
	reply_take(r, part, reply);
	return (r->verdict < VERDICT_SCANNER_FAILED);
}

/* A body as a file of its own: -1 with errno. */
static int
body_copy(const uint8_t *p, size_t len)
{
	ssize_t	 n;
	int	 fd, saved_errno;

	fd = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return (-1);
	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1)
			goto fail;
		p += n;
		len -= (size_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) == -1 || lseek(fd, 0, SEEK_SET) == -1)
		goto fail;
	return (fd);
fail:
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return (-1);
}

/* Has it to be shown to clamd beside the message that it stands in? */
static int
body_is_separate(const struct parts *parts, uint32_t i)
{
	const struct arena_part	*p;

	p = &parts->part[i];
	if (p->len == 0 || (p->flags & PART_MULTIPART) != 0)
		return (0);
	if (p->flags & PART_MESSAGE)
		return ((p->flags & PART_ARENA) != 0);
	return (1);
}

/* A member of an archive that clamd does not open. */
static void
ask_member(void *arg, uint32_t part, const uint8_t *p, size_t len,
    const char *name)
{
	struct result	*r = arg;
	int		 fd;

	if (len == 0 || r->verdict == VERDICT_VIRUS)
		return;
	if (len > clamd.file_max) {
		result_add(r, VERDICT_UNSCANNABLE, part,
		    "limit: file size %s", name);
		return;
	}
	if ((fd = body_copy(p, len)) == -1) {
		result_add(r, VERDICT_SCANNER_FAILED, part, "copy: %s",
		    strerror(errno));
		return;
	}
	ask(clamd.scan, r, part, fd);
	close(fd);
}

/* clamd's findings first: it has the better words for the same thing. */
static void
clamd_scan(const struct scan *scan, struct result *r)
{
	struct result	 own;

	result_init(&own);
	clamd.scan = scan;
	inspect_parts(scan, &own, &clamd.limits, ask_member, &own);
	clamd_message(scan, r);
	if (r->verdict == VERDICT_VIRUS && r->part == SCAN_RAW)
		r->part = own.verdict == VERDICT_VIRUS ? own.part :
		    clamd_locate(scan);
	result_merge(r, &own);
}

/* As engine_locate(). */
static uint32_t
clamd_locate(const struct scan *scan)
{
	struct result	 r;
	const uint8_t	*body;
	size_t		 len;
	uint32_t	 i;
	int		 fd, more;

	for (i = 0; i < scan->parts->head->nparts; i++) {
		body = parts_body(scan->parts, i, &len);
		if (!body_is_separate(scan->parts, i) || len > clamd.file_max)
			continue;
		if ((fd = body_copy(body, len)) == -1)
			break;
		result_init(&r);
		more = ask(scan, &r, i, fd);
		close(fd);
		if (r.verdict == VERDICT_VIRUS)
			return (i);
		if (!more)
			break;
	}
	return (SCAN_RAW);
}

static void
clamd_message(const struct scan *scan, struct result *r)
{
	const struct parts	*parts;
	const uint8_t		*body;
	size_t			 len;
	uint32_t		 i;
	int			 fd, more;

	parts = scan->parts;
	if (parts->msg_len > clamd.file_max)
		result_add(r, VERDICT_UNSCANNABLE, SCAN_RAW,
		    "limit: message size");
	lseek(scan->msgfd, 0, SEEK_SET);
	if (!ask(scan, r, SCAN_RAW, scan->msgfd))
		return;
	for (i = 0; i < parts->head->nparts; i++) {
		if (!body_is_separate(parts, i))
			continue;
		body = parts_body(parts, i, &len);
		if (len > clamd.file_max) {
			result_add(r, VERDICT_UNSCANNABLE, i,
			    "limit: file size");
			continue;
		}
		if ((fd = body_copy(body, len)) == -1) {
			result_add(r, VERDICT_SCANNER_FAILED, i, "copy: %s",
			    strerror(errno));
			return;
		}
		more = ask(scan, r, i, fd);
		close(fd);
		if (!more)
			return;
	}
	result_limits(r, parts);
}

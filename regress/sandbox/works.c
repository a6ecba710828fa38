/* SPDX-License-Identifier: ISC */

/*
 * A filter that forbids too much is found here rather than by mail: what each
 * process does all day, done under its filter.
 */

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "filters.h"

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Made before confinement, as in the product. */
struct given {
	int	 pair[2];	/* a channel */
	int	 listener;
	int	 socket;	/* not connected */
	int	 epoll;
	int	 message;	/* sealed, 5 bytes */
	struct sockaddr_in sin;	/* where the listener is */
};

/* Fails with the number of the step, so that a failure can be found. */
#define STEP(n, cond)	do { if (!(cond)) return (n); } while (0)

static void	 give(struct given *);
static void	 take(struct given *);
static int	 sealed_memfd(void);
static int	 frames(const struct given *);
static int	 works_proxy(const void *);
static int	 works_parser(const void *);
static int	 works_loader(const void *);
static int	 works_worker(const void *);
static int	 works_clamd(const void *);
static int	 works_store(const void *);
static int	 works_memory(const void *);
static int	 dies_by_abort(const void *);

static void
give(struct given *g)
{
	socklen_t	 len;

	memset(g, 0, sizeof(*g));
	len = sizeof(g->sin);
	g->sin.sin_family = AF_INET;
	g->sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
	    g->pair) == -1 ||
	    (g->listener = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    (g->socket = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(g->listener, (struct sockaddr *)&g->sin, len) == -1 ||
	    listen(g->listener, 5) == -1 ||
	    getsockname(g->listener, (struct sockaddr *)&g->sin,
	    &len) == -1 || (g->epoll = epoll_create1(0)) == -1 ||
	    (g->message = sealed_memfd()) == -1) {
		perror("sockets");
		exit(1);
	}
}

static void
take(struct given *g)
{
	close(g->pair[0]);
	close(g->pair[1]);
	close(g->listener);
	close(g->socket);
	close(g->epoll);
	close(g->message);
}

static int
sealed_memfd(void)
{
	int	 fd;

	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1 || write(fd, "bytes", 5) != 5 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		return (-1);
	return (fd);
}

/* A frame with a descriptor, and reading it again. */
static int
frames(const struct given *g)
{
	union {
		struct cmsghdr	 head;
		char		 buf[CMSG_SPACE(sizeof(int))];
	} c;
	struct cmsghdr	*cm;
	struct msghdr	 msg;
	struct iovec	 iov;
	char		 text[8] = "frame";

	memset(&msg, 0, sizeof(msg));
	memset(&c, 0, sizeof(c));
	iov.iov_base = text;
	iov.iov_len = sizeof(text);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = c.buf;
	msg.msg_controllen = sizeof(c.buf);
	cm = CMSG_FIRSTHDR(&msg);
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(cm), &g->epoll, sizeof(int));
	if (sendmsg(g->pair[0], &msg, MSG_NOSIGNAL) != sizeof(text))
		return (-1);
	if (recvmsg(g->pair[1], &msg, MSG_CMSG_CLOEXEC) != sizeof(text))
		return (-1);
	return (0);
}

static int
works_proxy(const void *arg)
{
	const struct given	*g;
	struct sockaddr_in	 sin;
	struct epoll_event	 ev;
	struct timespec		 ts;
	socklen_t		 len;
	char			 buf[8];
	void			*p;
	int			 fd, conn, error;

	g = arg;
	STEP(1, clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	memset(&ev, 0, sizeof(ev));
	ev.events = EPOLLIN;
	STEP(2, epoll_ctl(g->epoll, EPOLL_CTL_ADD, g->listener, &ev) == 0);
	/* As for TPROXY: an address first, then the server. */
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	STEP(3, bind(g->socket, (struct sockaddr *)&sin, sizeof(sin)) == 0);
	STEP(4, connect(g->socket, (const struct sockaddr *)&g->sin,
	    sizeof(g->sin)) == 0);
	STEP(5, epoll_wait(g->epoll, &ev, 1, 1000) == 1);
	STEP(6, (conn = accept4(g->listener, NULL, NULL, SOCK_NONBLOCK)) !=
	    -1);
	len = sizeof(sin);
	STEP(7, getsockname(conn, (struct sockaddr *)&sin, &len) == 0);
	len = sizeof(error);
	STEP(8, getsockopt(g->socket, SOL_SOCKET, SO_ERROR, &error,
	    &len) == 0 && error == 0);
	/* No rules of a firewall here: the call is what counts. */
	len = sizeof(sin);
	STEP(9, getsockopt(conn, IPPROTO_IP, 80, &sin, &len) == 0 ||
	    errno != EPERM);
	STEP(10, send(g->socket, "QUIT\r\n", 6, MSG_NOSIGNAL) == 6);
	STEP(11, recv(conn, buf, sizeof(buf), 0) == 6);
	STEP(12, shutdown(conn, SHUT_WR) == 0);
	STEP(13, close(conn) == 0);
	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	STEP(14, fd != -1 && write(fd, "x\r\n", 3) == 3);
	STEP(15, fcntl(fd, F_ADD_SEALS, SEALS) == 0);
	STEP(16, lseek(fd, 0, SEEK_END) == 3);
	STEP(17, (conn = fcntl(fd, F_DUPFD_CLOEXEC, 0)) != -1);
	p = mmap(NULL, 3, PROT_READ, MAP_PRIVATE, conn, 0);
	STEP(18, p != MAP_FAILED && memcmp(p, "x\r\n", 3) == 0);
	STEP(19, munmap(p, 3) == 0);
	STEP(20, frames(g) == 0);
	return (0);
}

static int
works_parser(const void *arg)
{
	const struct given	*g;
	struct pollfd		 pfd;
	struct timespec		 ts;
	void			*p;
	int			 fd;

	g = arg;
	STEP(1, clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	STEP(2, frames(g) == 0);
	pfd.fd = g->pair[0];
	pfd.events = POLLOUT;
	STEP(3, poll(&pfd, 1, 1000) == 1);
	STEP(4, fcntl(g->message, F_GET_SEALS) == SEALS);
	STEP(5, lseek(g->message, 0, SEEK_END) == 5);
	p = mmap(NULL, 5, PROT_READ, MAP_PRIVATE, g->message, 0);
	STEP(6, p != MAP_FAILED && memcmp(p, "bytes", 5) == 0);
	STEP(7, munmap(p, 5) == 0);
	fd = memfd_create("arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	STEP(8, fd != -1 && ftruncate(fd, 4096) == 0);
	STEP(9, pwrite(fd, "x", 1, 4095) == 1);
	STEP(10, fcntl(fd, F_ADD_SEALS, SEALS) == 0 && close(fd) == 0);
	return (0);
}

static int
works_loader(const void *arg)
{
	const struct given	*g;
	pid_t			 pid;
	int			 sv[2], status;

	g = arg;
	STEP(1, frames(g) == 0);
	STEP(2, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) == 0);
	pid = fork();
	STEP(3, pid != -1);
	if (pid == 0) {
		/* A worker that waits for work. */
		_exit(read(sv[0], &status, sizeof(status)) == 0 ? 0 : 1);
	}
	STEP(4, waitpid(pid, &status, WNOHANG) == 0);
	STEP(5, kill(pid, SIGKILL) == 0);
	STEP(6, waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	return (0);
}

static int
works_worker(const void *arg)
{
	const struct given	*g;
	struct dirent		*de;
	struct stat		 sb;
	char			 dir[64], a[80], b[80], buf[4];
	DIR			*d;
	int			 fd, n;

	g = arg;
	STEP(1, frames(g) == 0);
	snprintf(dir, sizeof(dir), "%s/d", scratch_dir);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	STEP(2, mkdir(dir, 0700) == 0);
	STEP(3, (fd = open(a, O_CREAT | O_RDWR | O_EXCL, 0600)) != -1);
	STEP(4, write(fd, "xyz", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0);
	STEP(5, read(fd, buf, 3) == 3 && pread(fd, buf, 2, 1) == 2);
	STEP(6, fstat(fd, &sb) == 0 && sb.st_size == 3);
	STEP(7, ftruncate(fd, 1) == 0 && close(fd) == 0);
	STEP(8, rename(a, b) == 0 && stat(b, &sb) == 0);
	STEP(9, access(b, R_OK) == 0 && chmod(b, 0400) == 0);
	STEP(10, (d = opendir(dir)) != NULL);
	for (n = 0; (de = readdir(d)) != NULL; n++)
		;
	STEP(11, closedir(d) == 0 && n == 3);
	STEP(12, unlink(b) == 0 && rmdir(dir) == 0);
	/* One directory further up is somebody else's. */
	STEP(13, mkdir("/tmp/mw-filters-outside", 0700) == -1 &&
	    errno == EACCES);
	return (0);
}

static int
works_clamd(const void *arg)
{
	const struct given	*g;
	struct sockaddr_un	 sun;
	int			 fd;

	g = arg;
	STEP(1, frames(g) == 0);
	STEP(2, sealed_memfd() != -1);
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, "/nonexistent/ctl", 17);
	STEP(3, (fd = socket(AF_UNIX, SOCK_STREAM, 0)) != -1);
	STEP(4, connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 &&
	    errno == ENOENT);
	return (0);
}

/* malloc(3) of every size, as much as makes it map, trim and remap. */
/* What the quarantine does; the database has tests of its own. */
static int
works_store(const void *arg)
{
	const struct given	*g;
	struct flock		 fl;
	char			 a[80], b[80];
	int			 dir, fd;

	g = arg;
	STEP(1, frames(g) == 0);
	snprintf(a, sizeof(a), "%s/1.tmp", scratch_dir);
	snprintf(b, sizeof(b), "%s/1", scratch_dir);
	dir = open(scratch_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	STEP(2, dir != -1);
	fd = openat(dir, a, O_CREAT | O_WRONLY | O_NOFOLLOW, 0600);
	STEP(3, fd != -1 && write(fd, "xyz", 3) == 3 && fsync(fd) == 0);
	STEP(4, pwrite(fd, "abc", 3, 3) == 3 && fdatasync(fd) == 0);
	memset(&fl, 0, sizeof(fl));
	fl.l_type = F_WRLCK;
	STEP(5, fcntl(fd, F_SETLK, &fl) == 0 && close(fd) == 0);
	STEP(6, renameat(dir, a, dir, b) == 0 && fsync(dir) == 0);
	STEP(7, unlinkat(dir, b, 0) == 0 && close(dir) == 0);
	STEP(8, fcntl(g->message, F_GET_SEALS) == SEALS);
	return (0);
}

static int
works_memory(const void *arg)
{
	uint8_t	*p, *q;
	size_t	 size;

	for (size = 16; size < (64 << 20); size *= 4) {
		STEP(1, (p = malloc(size)) != NULL);
		memset(p, 1, size);
		STEP(2, (q = realloc(p, size * 2)) != NULL);
		free(q);
	}
	return (0);
}

static int
dies_by_abort(const void *arg)
{
	abort();
}

void
test_works(void)
{
	static int	 (*const works[NPROFILES])(const void *) = {
		works_proxy, works_parser, works_loader, works_worker,
		works_clamd, works_clamd, works_store
	};
	struct given	 g;
	enum profile	 p;
	int		 got;

	for (p = 0; p < NPROFILES; p++) {
		give(&g);
		got = run_confined(p, works[p], &g);
		take(&g);
		report(p, "does its work", got == 0 ? NULL : "step %d", got);
		got = run_confined(p, works_memory, NULL);
		report(p, "gets memory", got == 0 ? NULL : "step %d", got);
	}
	/* A bug of ours is seen as one, not as a forbidden call. */
	for (p = PROXY; p < NPROFILES; p++) {
		if (p != PROXY && p != PARSER && p != STORE)
			continue;
		got = run_confined(p, dies_by_abort, NULL);
		report(p, "abort", got == -100 - SIGABRT ? NULL : "%d", got);
	}
}

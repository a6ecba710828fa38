/* SPDX-License-Identifier: ISC */

/*
 * Starting a child: a fresh address space by fork and exec, a fixed argument
 * vector, no environment, four descriptors.  Its standard error is a pipe to
 * us, so even the last words of the C library on a corrupted heap are logged
 * under the right name.
 */

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "child.h"
#include "master.h"

#define LOG_BURST	64	/* reads of one pipe in a round of events */

static void	 exec_child(enum proc_type, uint32_t, int, int)
		    __attribute__((__noreturn__));
static void	 log_take(struct child *, const char *, size_t);
static void	 log_split(struct child *, int);

static void
exec_child(enum proc_type type, uint32_t instance, int chan, int logfd)
{
	char		 name[32], number[16];
	char		*argv[3], *envp[1];
	sigset_t	 none;
	int		 null, exe;

	snprintf(name, sizeof(name), "mailwall-%s", proto_proc_name(type));
	snprintf(number, sizeof(number), "%u", instance);
	argv[0] = name;
	argv[1] = number;
	argv[2] = NULL;
	envp[0] = NULL;

	/* Move what we need out of the way of 0 to 3 first. */
	chan = fcntl(chan, F_DUPFD_CLOEXEC, 10);
	logfd = fcntl(logfd, F_DUPFD_CLOEXEC, 10);
	exe = fcntl(master.exe[type], F_DUPFD_CLOEXEC, 10);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (chan == -1 || logfd == -1 || exe == -1 || null == -1 ||
	    dup2(null, 0) == -1 || dup2(null, 1) == -1 ||
	    dup2(logfd, CHILD_FD_LOG) == -1 ||
	    dup2(chan, CHILD_FD_MASTER) == -1)
		_exit(CHILD_SETUP);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Everything above 3 is close-on-exec; exe must be, and goes last. */
	execveat(exe, "", argv, envp, AT_EMPTY_PATH);
	_exit(CHILD_SETUP);
}

struct child *
spawn_child(enum proc_type type, uint32_t instance)
{
	struct child	*c;
	int		 sv[2], pipefd[2];

	if ((c = calloc(1, sizeof(*c))) == NULL)
		fatal("%s", __func__);
	sv[0] = sv[1] = pipefd[0] = pipefd[1] = -1;
	if (imsg_pair(sv) == -1 || pipe2(pipefd, O_CLOEXEC | O_NONBLOCK) == -1)
		goto fail;
	/* The child may wait for room in the pipe; we never wait for it. */
	if (fcntl(pipefd[1], F_SETFL, 0) == -1)
		goto fail;
	c->pid = fork();
	if (c->pid == -1)
		goto fail;
	if (c->pid == 0)
		exec_child(type, instance, sv[1], pipefd[1]);
	close(sv[1]);
	close(pipefd[1]);

	c->type = type;
	c->instance = instance;
	c->logfd = pipefd[0];
	c->started = now_ms();
	snprintf(c->tag, sizeof(c->tag), "%s[%d]", proto_proc_name(type),
	    (int)c->pid);
	imsgbuf_init(&c->ibuf, sv[0], PROC_MASTER, type);
	if (ev_add(&c->ev, sv[0], EPOLLIN, dispatch_child, c) == -1 ||
	    ev_add(&c->logev, c->logfd, EPOLLIN, spawn_log, c) == -1)
		fatal("ev_add");
	log_debug("%s: started", c->tag);
	return (c);
fail:
	log_warn("cannot start a %s", proto_proc_name(type));
	if (sv[0] != -1) {
		close(sv[0]);
		close(sv[1]);
	}
	if (pipefd[0] != -1) {
		close(pipefd[0]);
		close(pipefd[1]);
	}
	free(c);
	return (NULL);
}

/* One line of a child; "<4>text" says its priority, anything else is 4. */
static void
log_take(struct child *c, const char *line, size_t len)
{
	int	 priority;

	priority = LOG_WARNING;
	if (len >= 3 && line[0] == '<' && line[1] >= '2' && line[1] <= '7' &&
	    line[2] == '>') {
		priority = line[1] - '0';
		line += 3;
		len -= 3;
	}
	if (len == 0)
		return;
	/* Lines of a session speak for themselves: their id comes first. */
	if (len > 2 && line[0] == 's' && line[1] == '=' &&
	    c->type == PROC_PROXY)
		log_session(priority, line, len);
	else
		log_line(priority, c->tag, line, len);
}

static void
log_split(struct child *c, int last)
{
	char	*nl;
	size_t	 len, off;

	off = 0;
	while (off < c->loglen) {
		nl = memchr(c->logbuf + off, '\n', c->loglen - off);
		if (nl == NULL)
			break;
		len = (size_t)(nl - (c->logbuf + off));
		log_take(c, c->logbuf + off, len);
		off += len + 1;
	}
	if (off > 0) {
		memmove(c->logbuf, c->logbuf + off, c->loglen - off);
		c->loglen -= off;
	}
	if (c->loglen == sizeof(c->logbuf) || (last && c->loglen > 0)) {
		log_take(c, c->logbuf, c->loglen);
		c->loglen = 0;
	}
}

void
spawn_log(int fd, uint32_t events, void *arg)
{
	struct child	*c;
	ssize_t		 n;
	int		 i;

	c = arg;
	for (i = 0; i < LOG_BURST; i++) {
		n = read(fd, c->logbuf + c->loglen,
		    sizeof(c->logbuf) - c->loglen);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			log_split(c, 1);
			ev_del(&c->logev);
			return;
		}
		c->loglen += (size_t)n;
		log_split(c, 0);
	}
}

void
spawn_log_close(struct child *c)
{
	if (c->logfd == -1)
		return;
	if (c->logev.fd != -1)
		spawn_log(c->logfd, EPOLLIN, c);
	log_split(c, 1);
	ev_del(&c->logev);
	close(c->logfd);
	c->logfd = -1;
}

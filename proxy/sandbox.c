/* SPDX-License-Identifier: ISC */

/*
 * What a proxy may ask the kernel for.  It talks to the network, so what is
 * missing here matters most: socket, open, execve, fork, kill, ptrace.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

#include "proxy_sandbox.h"

#define SO_ORIGINAL_DST	80	/* the same number for both families */

const struct sandbox_rule proxy_rules[] = {
	/* events and time */
	SB_ALLOW(epoll_wait),
	SB_ALLOW(epoll_pwait),
	SB_ALLOW(epoll_ctl),
	SB_ALLOW(clock_gettime),
	SB_ALLOW(restart_syscall),

	/* sessions: sockets come from accept and from master */
	SB_ALLOW(accept4),
	SB_ALLOW(bind),			/* TPROXY: to the client's address */
	SB_ALLOW(connect),
	SB_ALLOW(getsockname),
	SB_ALLOW_EQ2(getsockopt, 1, IPPROTO_IP, 2, SO_ORIGINAL_DST),
	SB_ALLOW_EQ2(getsockopt, 1, IPPROTO_IPV6, 2, SO_ORIGINAL_DST),
	SB_ALLOW_EQ2(getsockopt, 1, SOL_SOCKET, 2, SO_ERROR),
	SB_ALLOW(recvfrom),
	SB_ALLOW(sendto),
	SB_ALLOW(shutdown),
	SB_ALLOW(close),

	/* frames */
	SB_ALLOW(recvmsg),
	SB_ALLOW(sendmsg),

	/* the spool; the log is a pipe on 2 */
	SB_ALLOW(memfd_create),
	SB_ALLOW(write),
	SB_ALLOW(pread64),
	SB_ALLOW(writev),		/* last words of the C library */
	SB_ALLOW(ftruncate),
	SB_ALLOW(lseek),		/* size of a sealed memfd */
	SB_ALLOW_EQ(fcntl, 1, F_DUPFD_CLOEXEC),
	SB_ALLOW_EQ(fcntl, 1, F_ADD_SEALS),
	SB_ALLOW_EQ(fcntl, 1, F_GET_SEALS),

	/* memory: never executable */
	SB_ALLOW(brk),
	SB_ALLOW(munmap),
	SB_ALLOW(mremap),
	SB_ALLOW(madvise),
	SB_ALLOW_MASKED(mmap, 2, PROT_EXEC, 0),
	SB_ALLOW_MASKED(mprotect, 2, PROT_EXEC, 0),
	SB_ALLOW(getrandom),
	SB_ALLOW(futex),		/* the C library's locks */

	/* the end, orderly or by abort(3) */
	SB_ALLOW(exit),
	SB_ALLOW(exit_group),
	SB_ALLOW(rt_sigreturn),
	SB_ALLOW(rt_sigprocmask),
	SB_ALLOW(rt_sigaction),
	SB_ALLOW(gettid),
	SB_ALLOW(getpid),
	SB_ALLOW_EQ(tgkill, 2, 6),	/* SIGABRT; only our own uid anyway */
#ifdef MAILWALL_SANITIZE
	SB_ALLOW(sigaltstack),
	SB_ALLOW(sched_yield),
	SB_DENY(openat, EACCES),
	SB_DENY(readlink, EACCES),
#endif
};

const size_t proxy_nrules = sizeof(proxy_rules) / sizeof(proxy_rules[0]);

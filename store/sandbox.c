/* SPDX-License-Identifier: ISC */

/*
 * What the store may ask the kernel for: files in its directory, frames on
 * channels that master has made, operators who connect to master's socket.
 * No socket of its own, no program, no process, no signal.  Where files may
 * lie is up to chroot and Landlock.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

#include "store_sandbox.h"

const struct sandbox_rule store_rules[] = {
	/* events and time */
	SB_ALLOW(epoll_wait),
	SB_ALLOW(epoll_pwait),
	SB_ALLOW(epoll_ctl),
	SB_ALLOW(clock_gettime),
	SB_ALLOW(gettimeofday),
	SB_ALLOW(restart_syscall),

	/* frames, operators */
	SB_ALLOW(recvmsg),
	SB_ALLOW(sendmsg),
	SB_ALLOW(accept4),
	SB_ALLOW_EQ2(getsockopt, 1, SOL_SOCKET, 2, SO_PEERCRED),
	SB_ALLOW(close),

	/* the database and the quarantine; the log is a pipe on 2 */
	SB_ALLOW(openat),
	SB_ALLOW(read),
	SB_ALLOW(write),
	SB_ALLOW(pread64),
	SB_ALLOW(pwrite64),
	SB_ALLOW(writev),		/* last words of the C library */
	SB_ALLOW(lseek),		/* size of a sealed memfd */
	SB_ALLOW(fsync),
	SB_ALLOW(fdatasync),
	SB_ALLOW(ftruncate),
	SB_ALLOW(fallocate),
	SB_ALLOW(fstat),
	SB_ALLOW(statfs),	/* room on the disk, for metrics */
	SB_ALLOW(newfstatat),
	SB_ALLOW(access),
	SB_ALLOW(faccessat),
	SB_ALLOW(unlink),
	SB_ALLOW(unlinkat),
	SB_ALLOW(rename),
	SB_ALLOW(renameat),
	SB_ALLOW(renameat2),
	SB_ALLOW(getdents64),
	SB_ALLOW(fchmod),		/* SQLite: a log as open as its file */
	SB_ALLOW(readlink),		/* SQLite: is the name a link? */
	SB_ALLOW(readlinkat),
	SB_ALLOW(getcwd),
	SB_ALLOW(geteuid),		/* SQLite: only root changes owners */
	SB_ALLOW_EQ(fcntl, 1, F_SETLK),
	SB_ALLOW_EQ(fcntl, 1, F_GETLK),
	SB_ALLOW_EQ(fcntl, 1, F_GETFD),
	SB_ALLOW_EQ(fcntl, 1, F_SETFD),
	SB_ALLOW_EQ(fcntl, 1, F_GETFL),
	SB_ALLOW_EQ(fcntl, 1, F_DUPFD_CLOEXEC),
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
#endif
};

const size_t store_nrules = sizeof(store_rules) / sizeof(store_rules[0]);

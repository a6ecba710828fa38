/* SPDX-License-Identifier: ISC */

/*
 * System calls of mailwall-parser.  It holds memory, descriptors that it was
 * given and memfds that it makes; it can open nothing, connect to nothing,
 * start nothing and signal nobody but itself.
 */

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include "child.h"

#include "parser.h"

#define RW	(PROT_READ | PROT_WRITE)

/* madvise(2) only ever gives memory back. */
#define MAPS	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK)

const struct sandbox_rule	 parser_rules[] = {
	/* Frames and waiting for them. */
	SB_ALLOW(recvmsg),
	SB_ALLOW(sendmsg),
	SB_ALLOW(poll),
	SB_ALLOW(ppoll),
	SB_ALLOW(close),

	/* The message: seals, size, a copy or a private mapping. */
	SB_ALLOW_EQ(fcntl, 1, F_GET_SEALS),
	SB_ALLOW(lseek),
	SB_ALLOW(pread64),

	/* The arena. */
	SB_ALLOW(memfd_create),
	SB_ALLOW(ftruncate),
	SB_ALLOW(pwrite64),
	SB_ALLOW_EQ(fcntl, 1, F_ADD_SEALS),

	/* Memory: never executable, never shared. */
	SB_ALLOW(brk),
	SB_ALLOW(munmap),
	SB_ALLOW(mremap),
	{ SCMP_SYS(mmap), 0, {
	    { SB_MASKED, 2, ~(uint32_t)RW, 0 },
	    { SB_MASKED, 3, ~(uint32_t)MAPS, 0 } } },
	{ SCMP_SYS(mprotect), 0, { { SB_MASKED, 2, ~(uint32_t)RW, 0 } } },
	SB_ALLOW_EQ(madvise, 2, MADV_DONTNEED),
	/* malloc(3) seeds its cache. */
	SB_ALLOW(getrandom),

	/* The log is a pipe; abort(3) uses writev. */
	SB_ALLOW_EQ(write, 0, CHILD_FD_LOG),
	SB_ALLOW_EQ(writev, 0, CHILD_FD_LOG),

	/* Where the vDSO cannot tell the time. */
	SB_ALLOW(clock_gettime),

	/* Ending: exit, and what raise(3) and abort(3) need. */
	SB_ALLOW(exit),
	SB_ALLOW(exit_group),
	SB_ALLOW(rt_sigprocmask),
	SB_ALLOW(rt_sigreturn),
	SB_ALLOW(rt_sigaction),
	SB_ALLOW(restart_syscall),
	SB_ALLOW(getpid),
	SB_ALLOW(gettid),
	/* Its own threads; the kernel refuses others' by their user. */
	SB_ALLOW_EQ(tgkill, 2, 6),

#ifdef MAILWALL_SANITIZE
	/* A build for tests: what reports need. */
	SB_ALLOW(mmap),
	SB_ALLOW(madvise),
	SB_ALLOW(sigaltstack),
	SB_ALLOW(sched_yield),
	SB_ALLOW(futex),
	SB_ALLOW(write),
	SB_DENY(openat, EACCES),
	SB_DENY(readlink, EACCES),
	SB_DENY(clone, EACCES),
	SB_DENY(prctl, EACCES),
	SB_DENY(ioctl, EACCES),
	SB_DENY(prlimit64, EACCES),
#endif
};

const size_t	 parser_nrules = sizeof(parser_rules) /
		    sizeof(parser_rules[0]);

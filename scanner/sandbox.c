/* SPDX-License-Identifier: ISC */

/*
 * What the loader and its workers may ask of the kernel.
 *
 * A worker's filter is added to the one that it inherits from the loader, so
 * the loader's table holds everything of the worker's and what a worker needs
 * to confine itself.  The loader reads no message; the worker's table is the
 * one that stands between a stranger and this host.  The list was taken from
 * what libclamav did over archives, documents and programs of every kind.
 */

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>

#include "scanner.h"

/* What fork(3) of glibc asks for, to the bit: no threads, no namespaces. */
#define FORK_FLAGS	(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)

/* Channel, log, waiting, end. */
#define RULES_BASE \
	SB_ALLOW(read), \
	SB_ALLOW(write), \
	SB_ALLOW(recvmsg), \
	SB_ALLOW(sendmsg), \
	SB_ALLOW(poll), \
	SB_ALLOW(ppoll),		/* poll(3) elsewhere than on x86 */ \
	SB_ALLOW(close), \
	SB_ALLOW(exit), \
	SB_ALLOW(exit_group), \
	SB_ALLOW(rt_sigreturn), \
	SB_ALLOW(rt_sigprocmask), \
	SB_ALLOW(restart_syscall), \
	SB_ALLOW(clock_gettime), \
	SB_ALLOW(gettimeofday), \
	SB_ALLOW(getrandom),		/* arc4random(3) */ \
	SB_ALLOW(getpid), \
	SB_ALLOW(gettid), \
	SB_ALLOW(futex),		/* locks of malloc and OpenSSL */ \
	SB_ALLOW_EQ(fcntl, 1, F_GETFL), \
	SB_ALLOW_EQ(fcntl, 1, F_GET_SEALS), \
	SB_ALLOW_EQ(fcntl, 1, F_GETFD), \
	SB_ALLOW_EQ(fcntl, 1, F_SETFD), \
	SB_ALLOW(lseek), \
	SB_ALLOW(pread64)		/* a small message is copied */

/* Never executable: libclamav interprets its byte code. */
#define RULES_MEMORY \
	SB_ALLOW(brk), \
	SB_ALLOW_MASKED(mmap, 2, PROT_EXEC, 0), \
	SB_ALLOW_MASKED(mprotect, 2, PROT_EXEC, 0), \
	SB_ALLOW(munmap), \
	SB_ALLOW(mremap), \
	SB_ALLOW(madvise)

/* Temporary files; where they may lie is up to chroot and Landlock. */
#define RULES_FILES \
	SB_ALLOW(openat), \
	SB_ALLOW(pwrite64), \
	SB_ALLOW(writev),		/* stdio */ \
	SB_ALLOW(readv), \
	SB_ALLOW(fstat), \
	SB_ALLOW(newfstatat), \
	SB_ALLOW(ftruncate), \
	SB_ALLOW(getdents64), \
	SB_ALLOW(mkdir), \
	SB_ALLOW(mkdirat), \
	SB_ALLOW(rmdir), \
	SB_ALLOW(unlink), \
	SB_ALLOW(unlinkat), \
	SB_ALLOW(rename), \
	SB_ALLOW(renameat), \
	SB_ALLOW(renameat2), \
	SB_ALLOW(chmod),		/* of what it has just made */ \
	SB_ALLOW(fchmodat), \
	SB_ALLOW(access), \
	SB_ALLOW(faccessat), \
	SB_ALLOW(readlink)

/* Asked for harmlessly: refused, not killed. */
#define RULES_SOFT \
	SB_DENY(ioctl, ENOTTY),		/* stdio asks for terminals */ \
	SB_DENY(tgkill, EPERM),		/* abort(3) goes on without it */ \
	SB_DENY(sysinfo, EPERM)		/* qsort(3) */

/* Making workers, watching them, and their confining themselves. */
#define RULES_LOADER \
	SB_ALLOW(epoll_wait), \
	SB_ALLOW(epoll_pwait), \
	SB_ALLOW(epoll_ctl), \
	SB_ALLOW_EQ(socketpair, 0, AF_UNIX), \
	SB_ALLOW_EQ(clone, 0, FORK_FLAGS), \
	SB_DENY(clone3, ENOSYS), \
	SB_ALLOW(wait4), \
	SB_ALLOW(kill),			/* reaches its own user only */ \
	SB_ALLOW(getppid), \
	SB_ALLOW(set_robust_list),	/* fork(3) */ \
	SB_ALLOW(rseq), \
	SB_ALLOW(dup2), \
	SB_ALLOW(dup3), \
	SB_ALLOW(close_range), \
	SB_ALLOW(rt_sigaction), \
	SB_ALLOW(prctl), \
	SB_ALLOW(seccomp), \
	SB_ALLOW(prlimit64), \
	SB_ALLOW(getrlimit), \
	SB_ALLOW(setrlimit), \
	SB_ALLOW(capget), \
	SB_ALLOW(capset), \
	SB_ALLOW(getuid), \
	SB_ALLOW(geteuid), \
	SB_ALLOW(getgid), \
	SB_ALLOW(getegid), \
	SB_ALLOW(setresuid),		/* proofs that they fail */ \
	SB_ALLOW(setresgid), \
	SB_ALLOW(landlock_create_ruleset), \
	SB_ALLOW(landlock_add_rule), \
	SB_ALLOW(landlock_restrict_self)

/* clamd's socket lies in the directory that is the root then. */
#define RULES_CLAMD \
	SB_ALLOW_EQ(socket, 0, AF_UNIX), \
	SB_ALLOW(connect), \
	SB_ALLOW(sendto), \
	SB_ALLOW(memfd_create), \
	SB_ALLOW_EQ(fcntl, 1, F_ADD_SEALS)

#ifdef MAILWALL_SANITIZE
#define RULES_SANITIZE \
	SB_ALLOW(sigaltstack), \
	SB_ALLOW(sched_yield),
#else
#define RULES_SANITIZE
#endif

const struct sandbox_rule	 scanner_loader_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_FILES,
	RULES_SOFT,
	RULES_LOADER,
};
const size_t	 scanner_nloader_rules =
    sizeof(scanner_loader_rules) / sizeof(scanner_loader_rules[0]);

const struct sandbox_rule	 scanner_worker_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_FILES,
	RULES_SOFT,
};
const size_t	 scanner_nworker_rules =
    sizeof(scanner_worker_rules) / sizeof(scanner_worker_rules[0]);

const struct sandbox_rule	 scanner_clamd_loader_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_SOFT,
	RULES_LOADER,
	RULES_CLAMD,
	SB_ALLOW(fstat),		/* is the directory still there? */
	SB_ALLOW(newfstatat),
};
const size_t	 scanner_nclamd_loader_rules =
    sizeof(scanner_clamd_loader_rules) / sizeof(scanner_clamd_loader_rules[0]);

const struct sandbox_rule	 scanner_clamd_worker_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_SOFT,
	RULES_CLAMD,
};
const size_t	 scanner_nclamd_worker_rules =
    sizeof(scanner_clamd_worker_rules) / sizeof(scanner_clamd_worker_rules[0]);

const struct sandbox_rule	 scanner_none_loader_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_SOFT,
	RULES_LOADER,
};
const size_t	 scanner_nnone_loader_rules =
    sizeof(scanner_none_loader_rules) / sizeof(scanner_none_loader_rules[0]);

const struct sandbox_rule	 scanner_none_worker_rules[] = {
	RULES_SANITIZE
	RULES_BASE,
	RULES_MEMORY,
	RULES_SOFT,
};
const size_t	 scanner_nnone_worker_rules =
    sizeof(scanner_none_worker_rules) / sizeof(scanner_none_worker_rules[0]);

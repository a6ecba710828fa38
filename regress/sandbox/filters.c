/* SPDX-License-Identifier: ISC */

/*
 * The filters of all children, tried: each forbidden call is made by a
 * process of its own that has loaded the very table of the product (the same
 * object file), and must end it.  The test runs as root and gives up nothing
 * else, so that it is the filter alone that is seen at work.
 */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "parser.h"
#include "proxy_sandbox.h"
#include "scanner.h"
#include "store_sandbox.h"

#include "filters.h"

/* Newer than the C library's header, but the same for all architectures. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease	448
#endif

#define P(s)	((long)(s))
#define K	KILLED
#define R	REACHES
#define ALL_KILLED	{ K, K, K, K, K, K, K }

struct attempt {
	const char	*name;
	long		 nr;
	long		 arg[6];
	int		 expect[NPROFILES];
};

static int	 attempt(const void *);
static int	 attempt_int80(const void *);
static int	 attempt_landlock(const void *);
static void	 child_quiet(void);
static void	 test_attempts(void);
static void	 test_int80(void);
static void	 test_landlock(void);

static const char *const	 names[NPROFILES] = {
	"proxy", "parser", "loader", "worker", "clamd-loader", "clamd-worker",
	"store"
};

char		 scratch_dir[] = "/tmp/mw-filters-XXXXXX";
static int	 failed;

/*
 * Columns: proxy, parser, loader, worker, both with clamd, and store.
 * Arguments are such that a call that gets through does no harm.
 */
static const struct attempt	 attempts[] = {
	/* files */
	{ "open", SYS_open, { P("/dev/null"), O_RDONLY }, ALL_KILLED },
	{ "openat", SYS_openat, { AT_FDCWD, P("/etc/passwd"), O_RDONLY },
	    { K, K, 0, EACCES, K, K, EACCES } },
	{ "openat-write", SYS_openat, { AT_FDCWD, P("/dev/null"), O_WRONLY },
	    { K, K, 0, EACCES, K, K, EACCES } },
	{ "openat2", SYS_openat2, { AT_FDCWD, P("/dev/null"), 0, 24 },
	    ALL_KILLED },
	{ "creat", SYS_creat, { P("/nonexistent/x"), 0600 }, ALL_KILLED },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1, 0, 0 },
	    ALL_KILLED },
	{ "stat", SYS_stat, { P("/"), 0 }, ALL_KILLED },
	{ "statx", SYS_statx, { AT_FDCWD, P("/"), 0, 0, 0 }, ALL_KILLED },
	{ "chroot", SYS_chroot, { P("/") }, ALL_KILLED },
	{ "chdir", SYS_chdir, { P("/") }, ALL_KILLED },
	{ "fchdir", SYS_fchdir, { -1 }, ALL_KILLED },
	{ "link", SYS_link, { P("/nonexistent"), P("/nonexistent/x") },
	    ALL_KILLED },
	{ "symlink", SYS_symlink, { P("x"), P("/nonexistent/x") },
	    ALL_KILLED },
	{ "mknod", SYS_mknod, { P("/nonexistent/x"), 0600 }, ALL_KILLED },
	{ "chown", SYS_chown, { P("/nonexistent"), 0, 0 }, ALL_KILLED },
	{ "setxattr", SYS_setxattr, { P("/nonexistent"), 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "inotify_init1", SYS_inotify_init1, { 0 }, ALL_KILLED },
	{ "fanotify_init", SYS_fanotify_init, { -1, 0 }, ALL_KILLED },
	{ "mount", SYS_mount, { P(""), P("/nonexistent"), P(""), 0, 0 },
	    ALL_KILLED },
	{ "umount2", SYS_umount2, { P("/nonexistent"), 0 }, ALL_KILLED },
	{ "pivot_root", SYS_pivot_root, { P("/nonexistent"), P("/") },
	    ALL_KILLED },
	{ "fsopen", SYS_fsopen, { P("none"), 0 }, ALL_KILLED },
	{ "open_tree", SYS_open_tree, { -1, P(""), 0 }, ALL_KILLED },

	/* the network */
	{ "socket-inet", SYS_socket, { AF_INET, SOCK_STREAM, 0 },
	    ALL_KILLED },
	{ "socket-inet6", SYS_socket, { AF_INET6, SOCK_DGRAM, 0 },
	    ALL_KILLED },
	{ "socket-netlink", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 },
	    ALL_KILLED },
	{ "socket-packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0 },
	    ALL_KILLED },
	{ "socket-unix", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 },
	    { K, K, K, K, 0, 0, K } },
	{ "socketpair-unix", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, 0 },
	    { K, K, EFAULT, K, EFAULT, K, K } },
	{ "socketpair-inet", SYS_socketpair, { AF_INET, SOCK_STREAM, 0, 0 },
	    ALL_KILLED },
	{ "connect", SYS_connect, { -1, 0, 0 },
	    { EBADF, K, K, K, EBADF, EBADF, K } },
	{ "bind", SYS_bind, { -1, 0, 0 }, { EBADF, K, K, K, K, K, K } },
	{ "listen", SYS_listen, { -1, 1 }, ALL_KILLED },
	{ "accept", SYS_accept, { -1, 0, 0 }, ALL_KILLED },
	{ "accept4", SYS_accept4, { -1, 0, 0, 0 },
	    { EBADF, K, K, K, K, K, EBADF } },
	{ "setsockopt", SYS_setsockopt, { -1, SOL_SOCKET, SO_MARK, 0, 0 },
	    ALL_KILLED },
	{ "getsockopt-error", SYS_getsockopt, { -1, SOL_SOCKET, SO_ERROR },
	    { EBADF, K, K, K, K, K, K } },
	{ "getsockopt-peercred", SYS_getsockopt, { -1, SOL_SOCKET,
	    SO_PEERCRED }, { K, K, K, K, K, K, EBADF } },
	{ "sendto", SYS_sendto, { -1, 0, 0, 0, 0, 0 },
	    { EBADF, K, K, K, EBADF, EBADF, K } },
	{ "recvfrom", SYS_recvfrom, { -1, 0, 0, 0, 0, 0 },
	    { EBADF, K, K, K, K, K, K } },
	{ "sendmmsg", SYS_sendmmsg, { -1, 0, 0, 0 }, ALL_KILLED },

	/* programs and processes */
	{ "execve", SYS_execve, { P("/bin/true"), 0, 0 }, ALL_KILLED },
	{ "execveat", SYS_execveat, { AT_FDCWD, P("/bin/true"), 0, 0, 0 },
	    ALL_KILLED },
	{ "fork", SYS_fork, { 0 }, ALL_KILLED },
	{ "vfork", SYS_vfork, { 0 }, ALL_KILLED },
	{ "clone", SYS_clone, { SIGCHLD, 0, 0, 0, 0 }, ALL_KILLED },
	{ "clone-thread", SYS_clone, { CLONE_VM | CLONE_THREAD |
	    CLONE_SIGHAND, 0, 0, 0, 0 }, ALL_KILLED },
	{ "clone-newuser", SYS_clone, { CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "clone-as-fork", SYS_clone, { CLONE_CHILD_SETTID |
	    CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, 0, 0 },
	    { K, K, 0, K, 0, K, K } },
	{ "clone3", SYS_clone3, { 0, 0 }, { K, K, ENOSYS, K, ENOSYS, K, K } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER }, ALL_KILLED },
	{ "setns", SYS_setns, { -1, 0 }, ALL_KILLED },
	{ "wait4", SYS_wait4, { -1, 0, 0, 0 },
	    { K, K, ECHILD, K, ECHILD, K, K } },
	{ "kill-init", SYS_kill, { 1, 0 }, { K, K, R, K, R, K, K } },
	{ "kill-all", SYS_kill, { -1, 0 }, { K, K, R, K, R, K, K } },
	{ "tkill", SYS_tkill, { 1, 0 }, ALL_KILLED },
	{ "tgkill-other-signal", SYS_tgkill, { 1, 1, SIGKILL },
	    { K, K, EPERM, EPERM, EPERM, EPERM, K } },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { 1, 0, 0 }, ALL_KILLED },
	{ "pidfd_open", SYS_pidfd_open, { 1, 0 }, ALL_KILLED },
	{ "pidfd_getfd", SYS_pidfd_getfd, { -1, 0, 0 }, ALL_KILLED },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { -1, 0, 0, 0 },
	    ALL_KILLED },
	{ "ptrace", SYS_ptrace, { 0, 0, 0, 0 }, ALL_KILLED },
	{ "process_vm_readv", SYS_process_vm_readv, { 1, 0, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "process_vm_writev", SYS_process_vm_writev, { 1, 0, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "process_madvise", SYS_process_madvise, { -1, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "process_mrelease", SYS_process_mrelease, { -1, 0 }, ALL_KILLED },
	{ "kcmp", SYS_kcmp, { 1, 1, 0, 0, 0 }, ALL_KILLED },
	{ "setsid", SYS_setsid, { 0 }, ALL_KILLED },
	{ "setpriority", SYS_setpriority, { 0, 0, 0 }, ALL_KILLED },

	/* rights; the loader proves that it has none */
	{ "setuid", SYS_setuid, { 0 }, ALL_KILLED },
	{ "setgid", SYS_setgid, { 0 }, ALL_KILLED },
	{ "setreuid", SYS_setreuid, { 0, 0 }, ALL_KILLED },
	{ "setfsuid", SYS_setfsuid, { 0 }, ALL_KILLED },
	{ "setgroups", SYS_setgroups, { 0, 0 }, ALL_KILLED },
	{ "setresuid", SYS_setresuid, { -1, -1, -1 },
	    { K, K, R, K, R, K, K } },
	{ "setresgid", SYS_setresgid, { -1, -1, -1 },
	    { K, K, R, K, R, K, K } },
	{ "capset", SYS_capset, { 0, 0 }, { K, K, R, K, R, K, K } },
	{ "prctl", SYS_prctl, { PR_GET_DUMPABLE }, { K, K, R, K, R, K, K } },
	{ "seccomp", SYS_seccomp, { -1, 0, 0 }, { K, K, R, K, R, K, K } },
	{ "landlock_restrict_self", SYS_landlock_restrict_self, { -1, 0 },
	    { K, K, R, K, R, K, K } },
	{ "prlimit64-other", SYS_prlimit64, { 1, RLIMIT_CORE, 0, 0 },
	    { K, K, R, K, R, K, K } },
	{ "personality", SYS_personality, { 0xffffffff }, ALL_KILLED },
	{ "arch_prctl", SYS_arch_prctl, { 0, 0 }, ALL_KILLED },
	{ "keyctl", SYS_keyctl, { 0, -3, 0, 0, 0 }, ALL_KILLED },
	{ "add_key", SYS_add_key, { 0, 0, 0, 0, 0 }, ALL_KILLED },
	{ "request_key", SYS_request_key, { 0, 0, 0, 0 }, ALL_KILLED },

	/* memory */
	{ "mmap-exec", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, ALL_KILLED },
	{ "mmap-write-exec", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE |
	    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, ALL_KILLED },
	{ "mmap-plain", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 }, { 0, 0, 0, 0, 0, 0, 0 } },
	{ "mprotect-exec", SYS_mprotect, { 0, 4096, PROT_READ | PROT_EXEC },
	    ALL_KILLED },
	{ "mprotect-exec-only", SYS_mprotect, { 0, 4096, PROT_EXEC },
	    ALL_KILLED },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 4096, PROT_EXEC, -1 },
	    ALL_KILLED },
	{ "remap_file_pages", SYS_remap_file_pages, { 0, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "shmget", SYS_shmget, { -1, 0, 0 }, ALL_KILLED },
	{ "shmat", SYS_shmat, { -1, 0, 0 }, ALL_KILLED },
	{ "memfd_create", SYS_memfd_create, { P("x"), 0 },
	    { 0, 0, K, K, 0, 0, K } },
	{ "memfd_secret", SYS_memfd_secret, { -1 }, ALL_KILLED },
	{ "userfaultfd", SYS_userfaultfd, { -1 }, ALL_KILLED },
	{ "mlock", SYS_mlock, { 0, 0 }, ALL_KILLED },
	{ "migrate_pages", SYS_migrate_pages, { 1, 0, 0, 0 }, ALL_KILLED },

	/* large surfaces of the kernel */
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 }, ALL_KILLED },
	{ "io_uring_enter", SYS_io_uring_enter, { -1, 0, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "io_uring_register", SYS_io_uring_register, { -1, 0, 0, 0 },
	    ALL_KILLED },
	{ "io_setup", SYS_io_setup, { 0, 0 }, ALL_KILLED },
	{ "bpf", SYS_bpf, { -1, 0, 0 }, ALL_KILLED },
	{ "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0, 0 },
	    ALL_KILLED },
	{ "ioctl", SYS_ioctl, { 2, 0x5412, 0 },
	    { K, K, ENOTTY, ENOTTY, ENOTTY, ENOTTY, K } },
	{ "fcntl-setown", SYS_fcntl, { 2, F_SETOWN, 1 }, ALL_KILLED },
	{ "fcntl-setlease", SYS_fcntl, { 2, F_SETLEASE, F_UNLCK },
	    ALL_KILLED },
	{ "splice", SYS_splice, { -1, 0, -1, 0, 0, 0 }, ALL_KILLED },
	{ "vmsplice", SYS_vmsplice, { -1, 0, 0, 0 }, ALL_KILLED },
	{ "epoll_create1", SYS_epoll_create1, { 0 }, ALL_KILLED },
	{ "timer_create", SYS_timer_create, { 0, 0, 0 }, ALL_KILLED },
	{ "mq_open", SYS_mq_open, { P("/x"), 0, 0, 0 }, ALL_KILLED },
	{ "msgget", SYS_msgget, { -1, 0 }, ALL_KILLED },
	{ "init_module", SYS_init_module, { 0, 0, 0 }, ALL_KILLED },
	{ "finit_module", SYS_finit_module, { -1, 0, 0 }, ALL_KILLED },
	{ "kexec_load", SYS_kexec_load, { 0, -1, 0, -1 }, ALL_KILLED },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 }, ALL_KILLED },
	{ "swapon", SYS_swapon, { P("/nonexistent"), 0 }, ALL_KILLED },
	{ "settimeofday", SYS_settimeofday, { 0, 0 }, ALL_KILLED },
	{ "sethostname", SYS_sethostname, { 0, -1 }, ALL_KILLED },
	{ "syslog", SYS_syslog, { 8, 0, -1 }, ALL_KILLED },
	{ "iopl", SYS_iopl, { 0 }, ALL_KILLED },
	{ "modify_ldt", SYS_modify_ldt, { 0, 0, 0 }, ALL_KILLED },
	{ "unknown-call", 100000, { 0 }, ALL_KILLED },
	/* getpid(2) by its x32 number */
	{ "x32-getpid", 0x40000000 + 39, { 0 }, ALL_KILLED },

	/* not all writing is alike: the parser has the log only */
	{ "write-log", SYS_write, { 2, P(""), 0 }, { R, R, R, R, R, R, R } },
	{ "write-other", SYS_write, { 1, P(""), 0 }, { R, K, R, R, R, R, R } },
	{ "dup2", SYS_dup2, { 2, 2 }, { K, K, 0, K, 0, K, K } },
	{ "getpid", SYS_getpid, { 0 }, { 0, 0, 0, 0, 0, 0, 0 } },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

void
report(enum profile p, const char *name, const char *why, ...)
{
	va_list	 ap;

	if (why == NULL) {
		printf("ok %s %s\n", names[p], name);
		return;
	}
	failed = 1;
	printf("not ok %s %s - ", names[p], name);
	va_start(ap, why);
	vprintf(why, ap);
	va_end(ap);
	printf("\n");
}

void
confine(enum profile p)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	switch (p) {
	case PROXY:
		sandbox_landlock(NULL, SB_TCP);
		sandbox_seccomp(proxy_rules, proxy_nrules);
		break;
	case PARSER:
		sandbox_landlock(NULL, 0);
		sandbox_seccomp(parser_rules, parser_nrules);
		break;
	case LOADER:
		sandbox_seccomp(scanner_loader_rules, scanner_nloader_rules);
		break;
	case WORKER:
		/* Forked from the loader: its filter is below. */
		sandbox_seccomp(scanner_loader_rules, scanner_nloader_rules);
		sandbox_landlock(scratch_dir, 0);
		sandbox_seccomp(scanner_worker_rules, scanner_nworker_rules);
		break;
	case CLAMD_LOADER:
		sandbox_seccomp(scanner_clamd_loader_rules,
		    scanner_nclamd_loader_rules);
		break;
	case CLAMD_WORKER:
		sandbox_seccomp(scanner_clamd_loader_rules,
		    scanner_nclamd_loader_rules);
		sandbox_seccomp(scanner_clamd_worker_rules,
		    scanner_nclamd_worker_rules);
		break;
	case STORE:
		sandbox_landlock(scratch_dir, 0);
		sandbox_seccomp(store_rules, store_nrules);
		break;
	case NPROFILES:
		fatalx("%s: no such profile", __func__);
	}
}

/* No core files, and what is written to descriptor 1 is not ours. */
static void
child_quiet(void)
{
	static const struct rlimit	 none;
	int				 fd;

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    (fd = open("/dev/null", O_RDWR)) == -1 ||
	    dup2(fd, STDOUT_FILENO) == -1)
		_exit(200);
	close(fd);
}

int
run_confined(enum profile p, int (*f)(const void *), const void *arg)
{
	pid_t	 pid;
	int	 status;

	fflush(stdout);
	if ((pid = fork()) == -1)
		fatal("fork");
	if (pid == 0) {
		child_quiet();
		if (p != NPROFILES)
			confine(p);
		_exit(f(arg));
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	if (WIFEXITED(status))
		return (WEXITSTATUS(status));
	if (WTERMSIG(status) == SIGSYS)
		return (KILLED);
	return (-100 - WTERMSIG(status));
}

static int
attempt(const void *arg)
{
	const struct attempt	*a;

	a = arg;
	if (syscall(a->nr, a->arg[0], a->arg[1], a->arg[2], a->arg[3],
	    a->arg[4], a->arg[5]) == -1)
		return (errno);
	return (0);
}

static void
test_attempts(void)
{
	enum profile	 p;
	size_t		 i;
	int		 got, want;

	for (p = 0; p < NPROFILES; p++)
		for (i = 0; i < N(attempts); i++) {
			want = attempts[i].expect[p];
			got = run_confined(p, attempt, &attempts[i]);
			if (want == REACHES ? got >= 0 : got == want)
				report(p, attempts[i].name, NULL);
			else if (got == KILLED)
				report(p, attempts[i].name, "killed");
			else if (got < 0)
				report(p, attempts[i].name, "signal %d",
				    -100 - got);
			else
				report(p, attempts[i].name, "%s", got == 0 ?
				    "succeeds" : strerror(got));
		}
}

/* getpid(2) through the door for 32-bit programs. */
static int
attempt_int80(const void *arg)
{
#if defined(__x86_64__)
	long	 ret;

	__asm__ volatile("int $0x80" : "=a" (ret) : "a" (20) :
	    "memory", "r8", "r9", "r10", "r11");
	return (ret > 0 ? 0 : 1);
#else
	return (syscall(SYS_getpid) > 0 ? 0 : 1);
#endif
}

static void
test_int80(void)
{
	enum profile	 p;
	int		 open_to_all, got;

	/* A kernel without that door ends everybody there. */
	open_to_all = run_confined(NPROFILES, attempt_int80, NULL);
	for (p = 0; p < NPROFILES; p++) {
		got = run_confined(p, attempt_int80, NULL);
		report(p, "int80-getpid", got == KILLED ||
		    (open_to_all != 0 && got == open_to_all) ? NULL : "%d",
		    got);
	}
}

/* Landlock without any filter: files, TCP, and signals to the outside. */
static int
attempt_landlock(const void *arg)
{
	char	 path[sizeof(scratch_dir) + 8];
	int	 fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (201);
	sandbox_landlock(arg, SB_REQUIRED);
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		return (202);
	if (open("/", O_RDONLY | O_DIRECTORY) != -1 || errno != EACCES)
		return (203);
	if (execl("/bin/true", "true", (char *)NULL) != -1)
		return (204);
	snprintf(path, sizeof(path), "%s/f", scratch_dir);
	fd = open(path, O_CREAT | O_RDWR, 0700);
	if ((fd != -1) != (arg != NULL))
		return (205);
	if (fd != -1 && unlink(path) == -1)
		return (206);
	return (0);
}

static void
test_landlock(void)
{
	int	 got;

	got = run_confined(NPROFILES, attempt_landlock, NULL);
	report(PARSER, "landlock", got == 0 ? NULL : "%d", got);
	got = run_confined(NPROFILES, attempt_landlock, scratch_dir);
	report(WORKER, "landlock", got == 0 ? NULL : "%d", got);
}

int
main(void)
{
	log_init(LOG_TO_STDERR, "filters", 0);
	if (mkdtemp(scratch_dir) == NULL)
		fatal("mkdtemp");
	test_attempts();
	test_int80();
	test_landlock();
	test_works();
	if (rmdir(scratch_dir) == -1) {
		printf("not ok worker - leaves files: %s\n",
		    strerror(errno));
		failed = 1;
	}
	return (failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * Giving up privileges, see priv.h.  The order of the steps is fixed by what
 * each one still needs: chroot(2) needs its capability, the bounding set
 * needs CAP_SETPCAP, both are gone after the ids have changed.
 */

#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <unistd.h>

#include "log.h"
#include "priv.h"

static void	 drop_bounding_set(void);
static void	 drop_ids(uid_t, gid_t);
static void	 drop_caps(void);
static void	 set_limit(int, const char *, uint64_t);

/*
 * What mailwalld keeps: sockets on low ports, foreign addresses and marks,
 * children of other ids in other roots, and ending them.
 */
static const cap_value_t master_caps[] = {
	CAP_NET_BIND_SERVICE,
	CAP_NET_ADMIN,		/* IP_TRANSPARENT, SO_MARK */
	CAP_NET_RAW,		/* IP_TRANSPARENT */
	CAP_SETUID,
	CAP_SETGID,
	CAP_SETPCAP,		/* children empty their bounding sets */
	CAP_SYS_CHROOT,
	CAP_KILL,
};

#define NMASTER_CAPS	((int)(sizeof(master_caps) / sizeof(master_caps[0])))

static void
drop_bounding_set(void)
{
	int	 cap;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			fatal("PR_CAPBSET_DROP");
}

static void
drop_ids(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) == -1)
		fatal("setgroups");
	if (setresgid(gid, gid, gid) == -1)
		fatal("setresgid");
	if (setresuid(uid, uid, uid) == -1)
		fatal("setresuid");
}

static void
drop_caps(void)
{
	cap_t	 none;

	if ((none = cap_init()) == NULL || cap_set_proc(none) == -1)
		fatal("cap_set_proc");
	cap_free(none);
}

static void
set_limit(int resource, const char *name, uint64_t value)
{
	struct rlimit	 rl;

	if (value == PRIV_NO_LIMIT)
		return;
	if (getrlimit(resource, &rl) == -1)
		fatal("getrlimit %s", name);
	if (rl.rlim_max == RLIM_INFINITY || value < rl.rlim_max)
		rl.rlim_max = value;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(resource, &rl) == -1)
		fatal("setrlimit %s", name);
}

void
priv_confine(const struct priv *p)
{
	if (p->uid == 0 || p->gid == 0)
		fatalx("%s: will not run as root", __func__);
	if (p->root != NULL) {
		if (chroot(p->root) == -1)
			fatal("chroot %s", p->root);
		if (chdir("/") == -1)
			fatal("chdir /");
	}
	/* A second call (a scanner's worker) has nothing left to drop. */
	if (geteuid() == 0) {
		drop_bounding_set();
		if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT |
		    SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
		    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
		    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED) == -1)
			fatal("PR_SET_SECUREBITS");
		drop_ids(p->uid, p->gid);
	}
	/* Changing ids has cleared it (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	drop_caps();
	if (setresuid(0, 0, 0) != -1 || setresgid(0, 0, 0) != -1 ||
	    geteuid() != p->uid || getegid() != p->gid)
		fatalx("%s: privileges came back", __func__);
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("PR_SET_DUMPABLE");

	set_limit(RLIMIT_CORE, "core", 0);
	set_limit(RLIMIT_MEMLOCK, "memlock", 0);
	set_limit(RLIMIT_NOFILE, "nofile", p->max_files);
	set_limit(RLIMIT_FSIZE, "fsize", p->max_fsize);
#ifndef MAILWALL_SANITIZE	/* shadow memory is terabytes of address */
	set_limit(RLIMIT_AS, "as", p->max_memory);
#endif
	if (!p->may_fork)
		set_limit(RLIMIT_NPROC, "nproc", 0);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
}

void
priv_become_keep_chroot(uid_t uid, gid_t gid)
{
	static const cap_value_t	 keep[] = { CAP_SYS_CHROOT };
	cap_t				 caps;

	if (uid == 0 || gid == 0)
		fatalx("%s: will not run as root", __func__);
	drop_bounding_set();
	if (prctl(PR_SET_KEEPCAPS, 1) == -1)
		fatal("PR_SET_KEEPCAPS");
	drop_ids(uid, gid);
	if ((caps = cap_init()) == NULL ||
	    cap_set_flag(caps, CAP_PERMITTED, 1, keep, CAP_SET) == -1 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, 1, keep, CAP_SET) == -1 ||
	    cap_set_proc(caps) == -1)
		fatal("cap_set_proc");
	cap_free(caps);
	if (prctl(PR_SET_KEEPCAPS, 0) == -1)
		fatal("PR_SET_KEEPCAPS");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("PR_SET_DUMPABLE");
}

void
priv_master(void)
{
	cap_t	 caps;
	int	 cap, i;

	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		for (i = 0; i < NMASTER_CAPS; i++)
			if (master_caps[i] == cap)
				break;
		if (i < NMASTER_CAPS)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			fatal("PR_CAPBSET_DROP");
	}
	if ((caps = cap_init()) == NULL ||
	    cap_set_flag(caps, CAP_PERMITTED, NMASTER_CAPS, master_caps,
	    CAP_SET) == -1 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, NMASTER_CAPS, master_caps,
	    CAP_SET) == -1 || cap_set_proc(caps) == -1)
		fatal("capabilities: need net_bind_service, net_admin, "
		    "net_raw, setuid, setgid, setpcap, sys_chroot, kill");
	cap_free(caps);
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("PR_SET_DUMPABLE");
}

int
priv_check_root_dir(const char *path)
{
	struct stat	 sb;

	if (stat(path, &sb) == -1)
		return (-1);
	if (!S_ISDIR(sb.st_mode)) {
		errno = ENOTDIR;
		return (-1);
	}
	if (sb.st_uid != 0 || (sb.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		errno = EPERM;
		return (-1);
	}
	return (0);
}

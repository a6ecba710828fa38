/* SPDX-License-Identifier: ISC */

/*
 * Giving up privileges, in one fixed order, each step fatal when it fails.
 * A child opens what it needs, then calls priv_confine(), then its own
 * sandbox (sandbox.h), which comes last.
 */

#ifndef MAILWALL_PRIV_H
#define MAILWALL_PRIV_H

#include <sys/types.h>

#include <stdint.h>

#define PRIV_NO_LIMIT	UINT64_MAX

struct priv {
	uid_t		 uid;		/* never 0 */
	gid_t		 gid;		/* never 0 */
	const char	*root;		/* directory to chroot to, or NULL: the
					   process has done that already */
	uint64_t	 max_files;	/* RLIMIT_NOFILE */
	uint64_t	 max_fsize;	/* RLIMIT_FSIZE, also memfds */
	uint64_t	 max_memory;	/* RLIMIT_AS; PRIV_NO_LIMIT: as is */
	int		 may_fork;	/* 0: RLIMIT_NPROC becomes 0 */
};

/*
 * chroot, empty the bounding set, lock the securebits, change groups and
 * ids, prove that there is no way back, empty the capabilities, no core and
 * no ptrace, resource limits, no new privileges.
 */
void	 priv_confine(const struct priv *);

/*
 * Become uid and gid for good but keep the one capability to chroot, so that
 * files can be opened with the rights of the target first.  priv_confine()
 * must follow.
 */
void	 priv_become_keep_chroot(uid_t uid, gid_t gid);

/*
 * Master: keep exactly the capabilities that mailwalld needs (see priv.c),
 * in all sets including the bounding set.  Missing ones are fatal.
 */
void	 priv_master(void);

/*
 * Is path a directory that belongs to root and that nobody else can write
 * to?  Returns 0, or -1 with errno (EPERM for a wrong owner or mode).
 */
int	 priv_check_root_dir(const char *path);

#endif /* MAILWALL_PRIV_H */

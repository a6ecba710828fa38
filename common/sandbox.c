/* SPDX-License-Identifier: ISC */

/* seccomp and Landlock from tables, see sandbox.h. */

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"

/*
 * Landlock as the kernel has it today; Debian 12's header ends at ABI 2, so
 * the numbers are ours (linux/landlock.h is append-only).
 */
struct ll_ruleset {
	uint64_t	 fs;
	uint64_t	 net;
	uint64_t	 scoped;
};

struct ll_beneath {
	uint64_t	 access;
	int32_t		 fd;
} __attribute__((__packed__));

#define LL_CREATE_VERSION	1U
#define LL_RULE_BENEATH		1
#define LL_FS_ABI1		0x1fffULL	/* execute ... make_sym */
#define LL_FS_REFER		(1ULL << 13)	/* ABI 2 */
#define LL_FS_TRUNCATE		(1ULL << 14)	/* ABI 3 */
#define LL_FS_IOCTL_DEV		(1ULL << 15)	/* ABI 5 */
#define LL_NET_ALL		0x3ULL		/* ABI 4: bind, connect */
#define LL_SCOPE_ALL		0x3ULL		/* ABI 6: abstract, signal */
/* What a temporary directory is for: no execution, no devices, no nodes. */
#define LL_FS_TMP		(1ULL << 1 | 1ULL << 2 | 1ULL << 3 | \
				1ULL << 4 | 1ULL << 5 | 1ULL << 7 | \
				1ULL << 8 | LL_FS_REFER | \
				LL_FS_TRUNCATE)

static int	 add_rule(scmp_filter_ctx, const struct sandbox_rule *);

static int
add_rule(scmp_filter_ctx ctx, const struct sandbox_rule *r)
{
	struct scmp_arg_cmp	 cmp[3];
	unsigned int		 i;

	for (i = 0; i < 3 && r->cond[i].test != SB_END; i++) {
		if (r->cond[i].test == SB_EQ)
			cmp[i] = SCMP_CMP32(r->cond[i].arg, SCMP_CMP_EQ,
			    r->cond[i].value, 0);
		else
			cmp[i] = SCMP_CMP32(r->cond[i].arg,
			    SCMP_CMP_MASKED_EQ, r->cond[i].mask,
			    r->cond[i].value);
	}
	return (seccomp_rule_add_array(ctx, r->err == 0 ? SCMP_ACT_ALLOW :
	    SCMP_ACT_ERRNO((uint16_t)r->err), r->nr, i, cmp));
}

void
sandbox_seccomp(const struct sandbox_rule *rules, size_t n)
{
	scmp_filter_ctx	 ctx;
	size_t		 i;
	int		 ret;

	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL)
		fatalx("seccomp_init");
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (ret < 0)
		fatalx("seccomp: bad-architecture action: %d", ret);
	for (i = 0; i < n; i++) {
		/* A call that this architecture does not have. */
		if (rules[i].nr < 0)
			continue;
		ret = add_rule(ctx, &rules[i]);
		if (ret < 0)
			fatalx("seccomp: rule %zu (call %d): %d", i,
			    rules[i].nr, ret);
	}
	ret = seccomp_load(ctx);
	if (ret < 0)
		fatalx("seccomp_load: %d", ret);
	seccomp_release(ctx);
}

void
sandbox_landlock(const char *rwdir, int flags)
{
	struct ll_ruleset	 rs = { 0, 0, 0 };
	struct ll_beneath	 rule;
	long			 abi;
	int			 fd;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LL_CREATE_VERSION);
	if (abi < 1) {
		if (flags & SB_REQUIRED)
			fatal("this kernel has no Landlock");
		log_debug("no Landlock in this kernel");
		return;
	}
	rs.fs = LL_FS_ABI1;
	if (abi >= 2)
		rs.fs |= LL_FS_REFER;
	if (abi >= 3)
		rs.fs |= LL_FS_TRUNCATE;
	if (abi >= 5)
		rs.fs |= LL_FS_IOCTL_DEV;
	if (abi >= 4 && (flags & SB_TCP) == 0)
		rs.net = LL_NET_ALL;
	if (abi >= 6)
		rs.scoped = LL_SCOPE_ALL;

	/* Older kernels refuse a longer structure only if its end is set. */
	fd = (int)syscall(SYS_landlock_create_ruleset, &rs, sizeof(rs), 0);
	if (fd == -1)
		fatal("landlock_create_ruleset");
	if (rwdir != NULL) {
		rule.access = LL_FS_TMP & rs.fs;
		rule.fd = open(rwdir, O_PATH | O_CLOEXEC | O_DIRECTORY);
		if (rule.fd == -1)
			fatal("open %s", rwdir);
		if (syscall(SYS_landlock_add_rule, fd, LL_RULE_BENEATH, &rule,
		    0) == -1)
			fatal("landlock_add_rule %s", rwdir);
		close(rule.fd);
	}
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(fd);
}

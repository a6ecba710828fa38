/* SPDX-License-Identifier: ISC */

/*
 * seccomp filters and Landlock rule sets, given as tables: one system call a
 * line in the table, each non-obvious line with its reason.  The default is
 * to kill the process; a refusal with an errno is for what a library probes
 * harmlessly.
 *
 * Only 32-bit comparators are used, at most one masked rule per argument
 * (libseccomp 2.5.4 can merge 64-bit comparisons wrongly); regress/sandbox
 * tries the forbidden calls on the real filters.
 */

#ifndef MAILWALL_SANDBOX_H
#define MAILWALL_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

enum sandbox_test {
	SB_END,			/* no (more) conditions */
	SB_EQ,			/* argument == value */
	SB_MASKED		/* (argument & mask) == value */
};

struct sandbox_cond {
	enum sandbox_test	 test;
	unsigned int		 arg;	/* 0 to 5 */
	uint32_t		 mask;	/* SB_MASKED only */
	uint32_t		 value;
};

struct sandbox_rule {
	int			 nr;	/* SCMP_SYS(name) or __NR_name */
	int			 err;	/* 0: allow; else this errno */
	struct sandbox_cond	 cond[3]; /* all must hold */
};

#define SB_ALLOW(name)		{ SCMP_SYS(name), 0, { { 0 } } }
#define SB_DENY(name, e)	{ SCMP_SYS(name), (e), { { 0 } } }
#define SB_ALLOW_EQ(name, a, v)	\
	{ SCMP_SYS(name), 0, { { SB_EQ, (a), 0, (v) } } }
#define SB_ALLOW_EQ2(name, a, v, b, w)	\
	{ SCMP_SYS(name), 0, \
	    { { SB_EQ, (a), 0, (v) }, { SB_EQ, (b), 0, (w) } } }
#define SB_ALLOW_MASKED(name, a, m, v)	\
	{ SCMP_SYS(name), 0, { { SB_MASKED, (a), (m), (v) } } }

/* Load the n rules as this process's filter; fatal when that fails. */
void	 sandbox_seccomp(const struct sandbox_rule *rules, size_t n);

#define SB_REQUIRED	1	/* no Landlock in this kernel: fatal */
#define SB_TCP		2	/* TCP bind and connect stay possible */

/*
 * Restrict the file system with Landlock to nothing at all, or to what lies
 * beneath rwdir (created, read, written and removed there); where the kernel
 * can, also TCP, signals and abstract sockets to the outside.  A kernel
 * without Landlock is fatal or logged, as flags say.
 */
void	 sandbox_landlock(const char *rwdir, int flags);

#endif /* MAILWALL_SANDBOX_H */

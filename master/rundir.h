/* SPDX-License-Identifier: ISC */

/* The run directory and the users, see rundir.c.  All are fatal on failure. */

#ifndef MAILWALL_RUNDIR_H
#define MAILWALL_RUNDIR_H

#include "conf.h"

/* Make what is missing, check what is there. */
void	 rundir_make(const struct conf_globals *);
/* The three users exist, none is root, no two are the same. */
void	 rundir_check_users(const struct conf_globals *);
/* Lock and write mailwalld.pid; returns the descriptor to keep open. */
int	 rundir_lock(const struct conf_globals *);
/* Remove mailwalld.pid; takes the descriptor. */
void	 rundir_unlock(const struct conf_globals *, int);

#endif /* MAILWALL_RUNDIR_H */

/* SPDX-License-Identifier: ISC */

/*
 * What master and its children agree on about starting and ending.
 *
 * A child is exec'd with a fixed argument vector ("mailwall-proxy", number)
 * and an empty environment.  Descriptors 0 and 1 are /dev/null, 2 is the log
 * pipe, 3 is the channel to master; nothing else is open.  Over 3 come the
 * configuration and the channels to others.  End of file on 3 means that
 * master is gone: the child ends too.
 */

#ifndef MAILWALL_CHILD_H
#define MAILWALL_CHILD_H

#include <stdint.h>

#define CHILD_FD_LOG	2
#define CHILD_FD_MASTER	3

/* Exit status is protocol. */
enum child_exit {
	CHILD_OK,		/* drained, or master went away */
	CHILD_FATAL,		/* our own bug; see the log */
	CHILD_SETUP		/* confinement or a resource failed: no retry
				   at start-up, back-off later */
};

/*
 * First lines of every child's main(): logging to the pipe, signals (PIPE,
 * HUP, INT, TERM, USR1 and USR2 ignored: master speaks by frames), death
 * with the parent, umask, instance number out of argv.  Returns the number;
 * fatal when the child was not started by master.
 */
uint32_t	 child_start(const char *name, int argc, char *argv[]);

#endif /* MAILWALL_CHILD_H */

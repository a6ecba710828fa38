/* SPDX-License-Identifier: ISC */

/*
 * mailwall.conf(5): read by master alone, into a struct conf.
 */

#ifndef MAILWALL_CONFIG_H
#define MAILWALL_CONFIG_H

#include <stdio.h>

struct conf;

/*
 * Read path and everything that it includes.  All errors and warnings are
 * reported, as "path:line:column: text, expected what": to standard error
 * when check is set (mailwalld -n), to the log otherwise.
 *
 * Returns a finished configuration (conf_done() was called) with one
 * reference, or NULL after at least one error.  May be called again at any
 * time; nothing is left behind but the macros of config_define().
 */
struct conf	*config_load(const char *path, int check);

/*
 * The configuration that was loaded last and is in force, by kept_commit(),
 * with the file of that table read again; all other files are as they were
 * then.  As config_load() without check; also NULL where no such table comes
 * from a file.
 */
struct conf	*config_load_table(const char *path, const char *table);

/* What was wrong first with what was read last, or "". */
const char	*config_error(void);

/*
 * Write every setting of a finished configuration, defaults included, in a
 * form that config_load() reads back as the same configuration.  Returns 0,
 * or -1 with errno when the stream has failed.
 */
int		 config_print(const struct conf *, FILE *);

/*
 * Take "name=value" from the command line: a macro that wins over one of the
 * same name in the file.  Copied.  Returns 0, or -1 with errno: EINVAL for
 * something else than that, ENOSPC for too many, ENOMEM.
 */
int		 config_define(const char *);

#endif /* MAILWALL_CONFIG_H */

/* SPDX-License-Identifier: ISC */

/* Names of hosts in other scripts, see puny.c. */

#ifndef MAILWALL_PUNY_H
#define MAILWALL_PUNY_H

#include <stddef.h>

/*
 * A name, or an address of mail, with the labels of its domain that begin with
 * "xn--" as what they stand for, in UTF-8, into buf, which it returns.  NULL
 * when there is none that can be read so, or no room in size bytes.
 */
char	*puny_plain(const char *name, char *buf, size_t size);

#endif /* MAILWALL_PUNY_H */

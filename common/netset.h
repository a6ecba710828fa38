/* SPDX-License-Identifier: ISC */

/*
 * All networks of all tables: which tables an address is in is found in one
 * step for each length of prefix that there is, however many networks there
 * are.
 */

#ifndef MAILWALL_NETSET_H
#define MAILWALL_NETSET_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct netset;

/* An empty set with room for n; NULL without memory.  netset_free(NULL) is
 * nothing. */
struct netset	*netset_new(size_t n);
void		 netset_free(struct netset *);

/*
 * A network of a table, or with not one that is excluded from it.  Bits behind
 * the prefix do not count.  Returns 0, or -1 without room.
 */
int		 netset_add(struct netset *, const struct addr_net *,
		    uint32_t table, int not);

/*
 * Set the bit of each table that the address is in; bits of the others are
 * cleared if they are excluded, and else left as they are.  In each table the
 * most specific network decides.
 */
void		 netset_find(const struct netset *, const struct addr *,
		    uint64_t *bits);

#endif /* MAILWALL_NETSET_H */

/* SPDX-License-Identifier: ISC */

/* The store's filter, apart from store.h so that a test can load it alone. */

#ifndef MAILWALL_STORE_SANDBOX_H
#define MAILWALL_STORE_SANDBOX_H

#include "sandbox.h"

extern const struct sandbox_rule	 store_rules[];
extern const size_t			 store_nrules;

#endif /* MAILWALL_STORE_SANDBOX_H */

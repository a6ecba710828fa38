/* SPDX-License-Identifier: ISC */

/* The proxy's filter, apart from proxy.h so that a test can load it alone. */

#ifndef MAILWALL_PROXY_SANDBOX_H
#define MAILWALL_PROXY_SANDBOX_H

#include "sandbox.h"

extern const struct sandbox_rule	 proxy_rules[];
extern const size_t			 proxy_nrules;

#endif /* MAILWALL_PROXY_SANDBOX_H */

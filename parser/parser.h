/* SPDX-License-Identifier: ISC */

/* The filter of the parser process, for main.c and for the test of it. */

#ifndef MAILWALL_PARSER_H
#define MAILWALL_PARSER_H

#include <stddef.h>

#include "sandbox.h"

extern const struct sandbox_rule	 parser_rules[];
extern const size_t			 parser_nrules;

#endif /* MAILWALL_PARSER_H */

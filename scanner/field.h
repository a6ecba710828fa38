/* SPDX-License-Identifier: ISC */

/* Conditions on single fields of a message's header. */

#ifndef MAILWALL_FIELD_H
#define MAILWALL_FIELD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Does a text of that scope (enum text_scope), which is a field of the header,
 * fit "Name: pattern"?  In the pattern "*" stands for any bytes and "?" for
 * one; letters of ASCII are the same in both cases, white space at both ends
 * does not count.  Names that are one kind of text are one name: see
 * parts_field_scope().  1 or 0.
 */
int	 field_fits(const uint8_t *rule, size_t rulelen, unsigned int scope,
	    const uint8_t *text, size_t len);

#endif /* MAILWALL_FIELD_H */

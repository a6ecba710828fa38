/* SPDX-License-Identifier: ISC */

/* All text of a message that was taken apart, see text.c. */

#ifndef MAILWALL_TEXT_H
#define MAILWALL_TEXT_H

#include "mime.h"

/*
 * Add the texts of headers, names and bodies to the arena of a message that
 * mime_parse() has taken apart.
 */
void	 text_give(struct mime *);

#endif /* MAILWALL_TEXT_H */

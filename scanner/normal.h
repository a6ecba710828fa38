/* SPDX-License-Identifier: ISC */

/*
 * The normal form in which words are looked for, see normal.c.  Words of
 * lists and text of messages take the same way, so both agree.
 */

#ifndef MAILWALL_NORMAL_H
#define MAILWALL_NORMAL_H

#include <stddef.h>
#include <stdint.h>

#define NORMAL_STEP	32	/* bytes of output between two places */

struct normal {
	uint8_t		*out;		/* normal form, UTF-8 */
	size_t		 len;
	size_t		 cap;		/* of out */
	uint32_t	*place;		/* of every NORMAL_STEP-th byte: where
					   in the input it came from */
	size_t		 nplaces;
	size_t		 placecap;
};

/*
 * Room for the normal form of input of up to max bytes.  Returns 0, or -1
 * with errno ENOMEM.  normal_free() gives it back.
 */
int	 normal_init(struct normal *, size_t max);
void	 normal_free(struct normal *);

/*
 * Put the normal form of len bytes of UTF-8 into n, from its beginning.
 * Broken bytes are U+FFFD.  Returns how many bytes of input were used, fewer
 * than len only when the room was too small or at a character that is cut;
 * at least 1.
 */
size_t	 normal_make(struct normal *n, const uint8_t *, size_t len);

/* Where in the input the byte at off of the output came from, roughly: at
 * most NORMAL_STEP bytes of output before it. */
size_t	 normal_place(const struct normal *, size_t off);

/*
 * The character that one becomes, when it is exactly one; else itself.  For
 * expressions, whose other characters must stay what they are.
 */
uint32_t normal_char(uint32_t);

/* One character from UTF-8; *used gets its bytes (1 for a broken one). */
uint32_t normal_get(const uint8_t *, size_t len, size_t *used);
/* Is it part of a word, in a script that has blanks between them: 1 or 0. */
int	 normal_is_word(uint32_t);

#endif /* MAILWALL_NORMAL_H */

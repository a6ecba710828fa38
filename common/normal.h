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
#define NORMAL_GROWTH	12	/* bytes that one byte of input may become */

/* The character that was put out last: the next one may join it. */
struct normal_last {
	uint32_t	 c;		/* 0: none, or a blank */
	size_t		 off;		/* where it stands */
	int		 blank;		/* white space came behind it */
	int		 any;		/* something stands there at all */
};

struct normal {
	uint8_t		*out;		/* normal form, UTF-8 */
	size_t		 len;
	size_t		 cap;		/* of out */
	uint32_t	*place;		/* of every NORMAL_STEP-th byte: where
					   in the input it came from */
	size_t		 nplaces;
	size_t		 placecap;
	size_t		 at;		/* input that was taken */
	struct normal_last last;
};

/*
 * Room for the normal form of input of up to max bytes, as long as it does
 * not grow by more than a half, which hardly any text does.  For what must
 * not come in pieces max is its length times NORMAL_GROWTH.  Returns 0, or -1
 * with errno ENOMEM.  normal_free() gives it back.
 */
int	 normal_init(struct normal *, size_t max);
void	 normal_free(struct normal *);

/* Forget all, for the beginning of a text. */
void	 normal_begin(struct normal *);

/*
 * Put the normal form of the next len bytes of UTF-8 into n, behind what is
 * there.  Broken bytes are U+FFFD, so the caller cuts a text between
 * characters.  Returns how many bytes of input were used, fewer than len only
 * when the room is too small; at least 1 if half of it is free.
 */
size_t	 normal_add(struct normal *n, const uint8_t *, size_t len);

/*
 * Make room: keep of the output the last bytes, and up to NORMAL_STEP more.
 * The next input goes on there as if nothing had been taken away.  Returns 1
 * if something was, else 0.
 */
int	 normal_keep(struct normal *n, size_t bytes);

/* normal_begin() and normal_add(). */
size_t	 normal_make(struct normal *n, const uint8_t *, size_t len);

/* Where in the input the byte at off of the output came from, roughly: at
 * most NORMAL_STEP bytes of output before it. */
size_t	 normal_place(const struct normal *, size_t off);

/*
 * What one character becomes when it stands alone, at most max characters to
 * out, a blank for white space.  Returns how many: 0 for what is not seen.
 */
size_t	 normal_chars(uint32_t, uint32_t *out, size_t max);

/* The one character that two of the normal form make (Hangul, kana), or 0. */
uint32_t normal_compose(uint32_t, uint32_t);

/* One character from UTF-8; *used gets its bytes (1 for a broken one). */
uint32_t normal_get(const uint8_t *, size_t len, size_t *used);
/* Of a script that is read the same with and without blanks: 1 or 0. */
int	 normal_is_solid(uint32_t);
/* Is it part of a word, in a script that has blanks between them: 1 or 0. */
int	 normal_is_word(uint32_t);

#endif /* MAILWALL_NORMAL_H */

/* SPDX-License-Identifier: ISC */

/* As much of style sheets as says what a reader does not see, see css.c. */

#ifndef MAILWALL_CSS_H
#define MAILWALL_CSS_H

#include <stddef.h>
#include <stdint.h>

#define CSS_NAMES_MAX	64	/* more hide nothing */
#define CSS_NAME_LEN	31	/* longer ones neither */

/* What a rule is about. */
enum css_kind {
	CSS_TAG,
	CSS_CLASS,
	CSS_ID
};

struct css {
	unsigned int	 n;
	struct {
		uint8_t	 kind;		/* enum css_kind */
		uint8_t	 len;
		char	 text[CSS_NAME_LEN];	/* lower case */
	}		 name[CSS_NAMES_MAX];
};

/* Do these declarations make an element invisible: 1 or 0. */
int	 css_style_hides(const uint8_t *, size_t len);

/* Add what a style sheet of len bytes hides. */
void	 css_read(struct css *, const uint8_t *, size_t len);

/* Is what has that name hidden: 1 or 0.  No matter which case of letters. */
int	 css_hides(const struct css *, enum css_kind, const uint8_t *,
	    size_t len);

#endif /* MAILWALL_CSS_H */

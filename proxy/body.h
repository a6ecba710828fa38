/* SPDX-License-Identifier: ISC */

/*
 * Changing what is in a message: the parts as the parser has found them, and
 * pieces of the message that are to become others.  All other bytes stay.
 */

#ifndef MAILWALL_BODY_H
#define MAILWALL_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "parts.h"

#define BODY_NONE	UINT32_MAX	/* no such part */
#define BODY_WHY_MAX	128
#define STRIP_REASONS	255	/* that are told apart, in a byte */

struct message;

/* Bytes that grow; all zero at first, bytes_free() at the end. */
struct bytes {
	uint8_t		*p;
	size_t		 n;
	size_t		 alloc;
};

/* len bytes of the message at off become others. */
struct patch {
	uint64_t	 off;
	uint64_t	 len;
	size_t		 text;		/* offset in the text of all */
	size_t		 n;
};

/* A message that is being edited. */
struct body {
	const struct parts	*parts;
	struct patch		*patch;
	size_t			 npatches;
	size_t			 alloc;
	struct bytes		 text;		/* what patches put in */
	uint8_t			*removed;	/* by part: goes as a whole */
	char			*reason[STRIP_REASONS]; /* of removed - 1 */
	unsigned int		 nreasons;
	char			 why[BODY_WHY_MAX]; /* that it cannot be */
};

/* A field of a header; at first all zero. */
struct field {
	uint64_t		 off;
	uint64_t		 end;		/* behind its last line end */
	const uint8_t		*name;
	size_t			 name_len;
	const uint8_t		*value;		/* behind the colon */
	size_t			 value_len;	/* folds and all */
};

/* body.c */

void		 body_begin(struct body *, const struct parts *);
void		 body_end(struct body *);
/* Why it cannot be edited; returns -1. */
int		 body_refuse(struct body *, const char *, ...)
		    __attribute__((__format__(printf, 2, 3)));
/*
 * Does the table of parts fit the message: every entity where it is said to
 * be, between its delimiters, and only one reading of it?  Of parts that are
 * removed the encoding may be broken.  0, or -1 with the reason.
 */
int		 body_check(struct body *);
/*
 * The next field of an entity's header: 1, 0 at the empty line that must end
 * it, -1 for a header that is none.
 */
int		 body_field(const struct body *, uint32_t i, struct field *);
int		 field_is(const struct field *, const char *name);
/* A field of that name: 1, 0, or -1 as body_field(); the first one counts. */
int		 body_find(const struct body *, uint32_t i, const char *name,
		    struct field *);
/* Where an entity begins and ends. */
uint64_t	 body_head(const struct body *, uint32_t i);
uint64_t	 body_tail(const struct body *, uint32_t i);
/* Is the entity a message, whose other fields are its own: 1 or 0. */
int		 body_is_message(const struct body *, uint32_t i);
/* Its type is this one; with a "/" at the end, anything of that kind. */
int		 body_type_is(const struct body *, uint32_t i, const char *);
/*
 * Would this text in entity i be taken for the end of it by the delimiters
 * of what it lies in: 1 or 0.
 */
int		 body_collides(const struct body *, uint32_t i,
		    const uint8_t *, size_t);
/* Has the message a signature over its header and body: 1 or 0. */
int		 body_is_signed(const struct body *);
/* Is the part below something that is signed, S/MIME or PGP: 1 or 0. */
int		 body_in_signed(const struct body *, uint32_t i);
/* Note a change. */
void		 body_patch(struct body *, uint64_t off, uint64_t len,
		    const void *, size_t n);
/*
 * A message with all changes, in the place of the old one: 0, or -1 with
 * errno; then the message is as it was.  Changes may not overlap: EINVAL.
 */
int		 body_write(struct message *, const uint8_t *, struct body *);

/* strip.c */

/*
 * What holds this part is to go: the part itself where it stands in the
 * message, else the smallest that does.  0, or -1 with the reason why not.
 */
int		 strip_add(struct body *, uint32_t part, const char *reason);
/*
 * Put a notice into the place of each; notice "" is one that says what was
 * there.  *breaks: a signature may not verify any more.  Returns how many
 * there are, or -1 with the reason why not; then nothing was changed.
 */
int		 strip_finish(struct body *, const char *notice,
		    uint64_t session, int *breaks);

/* disclaimer.c */

/*
 * Put a text (UTF-8, lines end with LF) behind the text of a message.
 * Returns how many parts were changed, 0 when they had it, or -1 with the
 * reason why not; then nothing was changed.
 */
int		 disclaimer_add(struct body *, const char *text);

/* recode.c */

/* In the way that an encoding has; fatal when there is no memory. */
void		 bytes_add(struct bytes *, const void *, size_t);
void		 bytes_str(struct bytes *, const char *);
void		 bytes_free(struct bytes *);
/* Lines of base64 and of quoted-printable text, RFC 2045 section 6. */
void		 recode_base64(struct bytes *, const uint8_t *, size_t);
void		 recode_qp(struct bytes *, const uint8_t *, size_t);
/* Back again, where nothing in it is doubtful: 0 or -1. */
int		 recode_from_base64(struct bytes *, const uint8_t *, size_t);
int		 recode_from_qp(struct bytes *, const uint8_t *, size_t);
/* Text in 7 bits, in short lines that mean nothing to anybody: 1 or 0. */
int		 recode_is_plain(const uint8_t *, size_t);
int		 recode_is_ascii(const uint8_t *, size_t);
/* ISO 8859-1 into UTF-8; and back: 0, or -1 where it has not all of it. */
void		 recode_from_latin1(struct bytes *, const uint8_t *, size_t);
int		 recode_to_latin1(struct bytes *, const uint8_t *, size_t);

#endif /* MAILWALL_BODY_H */

/* SPDX-License-Identifier: ISC */

/*
 * Messages that the gateway writes itself, RFC 5322: see compose.c.  Nothing
 * in here reads or writes anything but memory.
 */

#ifndef MAILWALL_COMPOSE_H
#define MAILWALL_COMPOSE_H

#include <stdint.h>
#include <time.h>

#include "addr.h"
#include "buf.h"
#include "limits.h"

#define ABOUT_RCPTS	2048	/* bytes of recipients that are named */
#define LETTER_MAX	(4 * MIB) /* a digest of DIGEST_ROWS_MAX rows: 1 KiB
				   each, three times that encoded */

/* Who writes to whom. */
struct letter {
	const char	*from;		/* an address, RFC 5322 3.4.1 */
	const char	*to;
	const char	*text;		/* of a notice: NULL, or its own */
	time_t		 now;
	uint64_t	 id;		/* unique, with from and now */
};

/* What there is to say of a message.  Texts are UTF-8 without controls. */
struct about {
	uint64_t	 number;	/* its record's */
	uint64_t	 session;
	uint64_t	 time;		/* epoch, ms */
	uint64_t	 size;
	int		 is_kept;	/* in quarantine, as number */
	uint32_t	 verdict;	/* enum verdict */
	uint32_t	 action;	/* enum rule_action */
	uint32_t	 line;
	uint32_t	 nrcpt;
	char		 client[ADDR_STRLEN + 8];
	char		 dest[ADDR_STRLEN + 8];
	char		 helo[RECORD_HELO_MAX];
	char		 sender[SMTP_ADDR_MAX + 8];	/* "": <> */
	char		 rcpts[ABOUT_RCPTS];	/* a line each, "  a@b\n" */
	char		 subject[RECORD_TEXT_MAX];
	char		 msgid[RECORD_TEXT_MAX];
	char		 name[SCAN_NAME_MAX];
	char		 reply[CONF_REPLY_MAX];
};

/*
 * Put a whole message into a buffer, lines ended by CRLF: a notice, a digest,
 * an answer to the sender (RFC 3834).  A digest is begun, gets rows into its
 * body, a buffer of its own, and is ended; n is what it stands for, of which
 * left are not in it.  Return 0, or -1 with errno of buf_add().
 */
int	 compose_notice(struct buf *, const struct letter *,
	    const struct about *);
int	 compose_row(struct buf *body, const struct about *);
int	 compose_digest(struct buf *, const struct letter *, time_t since,
	    uint64_t n, uint64_t left, const struct buf *body);
int	 compose_reply(struct buf *, const struct letter *,
	    const struct about *, const char *text);

/*
 * A stranger's text for people: valid, one line, in its own order, cut to
 * size bytes with its NUL.  Returns dst.
 */
char	*compose_calm(char *dst, size_t size, const char *);
/* May somebody be answered at that address: RFC 3834 section 2; 1 or 0. */
int	 compose_answers(const char *path);

#endif /* MAILWALL_COMPOSE_H */

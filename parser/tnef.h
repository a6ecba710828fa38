/* SPDX-License-Identifier: ISC */

/* TNEF (MS-OXTNEF), what Outlook puts into winmail.dat. */

#ifndef MAILWALL_TNEF_H
#define MAILWALL_TNEF_H

#include <stddef.h>
#include <stdint.h>

enum tnef_kind {
	TNEF_ATTACH,		/* a new attachment begins; no bytes */
	TNEF_NAME,		/* of the attachment, 8 bit */
	TNEF_NAME16,		/* ... UTF-16LE */
	TNEF_DATA,		/* of the attachment */
	TNEF_OBJECT,		/* ... an embedded object, often TNEF */
	TNEF_BODY,		/* of the message, text of 8 bit */
	TNEF_BODY16,		/* ... UTF-16LE */
	TNEF_HTML,
	TNEF_RTF		/* compressed, see lzfu.h */
};

struct tnef_item {
	enum tnef_kind	 kind;
	const uint8_t	*p;	/* into the file */
	size_t		 len;
};

/* Where the reader stands; zeroed by tnef_open(). */
struct tnef {
	const uint8_t	*p;		/* next attribute */
	const uint8_t	*end;
	const uint8_t	*prop;		/* next MAPI property, or NULL */
	const uint8_t	*prop_end;
	size_t		 nprops;	/* of them left */
	unsigned int	 tag;		/* property whose values follow */
	size_t		 nvalues;	/* of them left */
	int		 bad;		/* something did not fit */
};

/* Do these bytes begin a TNEF file: 1 and the reader is set up, or 0. */
int	 tnef_open(struct tnef *, const uint8_t *, size_t);

/* The next item that matters: 1, or 0 at the end. */
int	 tnef_next(struct tnef *, struct tnef_item *);

#endif /* MAILWALL_TNEF_H */

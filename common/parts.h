/* SPDX-License-Identifier: ISC */

/*
 * The arena: how the parser hands on what it found in a message.
 *
 * One sealed memfd: a head, a table of parts, their strings, and the decoded
 * bodies.  A body that needed no decoding is not copied; it is a range of
 * the message itself.  The parser has just read hostile bytes, so whoever
 * maps an arena does it through parts_open(), which believes nothing: seals,
 * sizes, every range and every string are checked before the first is used.
 */

#ifndef MAILWALL_PARTS_H
#define MAILWALL_PARTS_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_MAGIC	0x4d574131U	/* "MWA1" */

/* How a body was encoded (RFC 2045, section 6). */
enum part_encoding {
	ENC_IDENTITY,		/* 7bit, 8bit, binary, none */
	ENC_BASE64,
	ENC_QP,
	ENC_UUENCODE,
	ENC_UNKNOWN,		/* body given as it is */
	ENC_XXENCODE,
	ENC_YENC,
	ENC_BINHEX,		/* BinHex 4.0: body is the data fork */
	ENC_MAX
};

/* What a part is; several bits may be set. */
#define PART_ARENA	0x0001	/* body lies in the arena, not the message */
#define PART_MULTIPART	0x0002	/* container: body is all of it, undecoded */
#define PART_MESSAGE	0x0004	/* message/rfc822 or global: its parts follow */
#define PART_TEXT	0x0008	/* text of any kind */
#define PART_ATTACHMENT	0x0010	/* Content-Disposition says so */
#define PART_PREAMBLE	0x0020	/* text before the first delimiter */
#define PART_EPILOGUE	0x0040	/* text after the last */
#define PART_ALTERNATE	0x0080	/* another reading of bytes already given */
#define PART_ENTITY	0x0100	/* header and body stand in the message as
				   they are: head_len, raw_off, raw_len */
#define PART_FLAGS_ALL	0x01ff

/*
 * Anomalies: places where readers of mail disagree.  Kept as a bit each;
 * parts_anomaly_name() has the names.
 */
enum part_anomaly {
	A_DUP_HEADER,		/* a field that must be single is not */
	A_DUP_PARAM,		/* boundary, charset or name given twice */
	A_NO_BOUNDARY,		/* multipart without a boundary */
	A_BAD_BOUNDARY,		/* empty, too long, odd characters */
	A_UNTERMINATED,		/* multipart without its closing delimiter */
	A_BAD_BASE64,		/* junk, padding in the middle */
	A_BAD_QP,		/* escapes that are none */
	A_UNKNOWN_ENCODING,	/* transfer encoding nobody knows */
	A_ENCODED_MULTIPART,	/* multipart with base64 or qp */
	A_BAD_HEADER,		/* line in a header that is no field */
	A_SPACE_COLON,		/* white space before a colon */
	A_COMMENT_NAME,		/* comment inside a field's name */
	A_BARE_CR,		/* CR without LF */
	A_BARE_LF,		/* LF without CR */
	A_NUL,			/* NUL octet in a header */
	A_BAD_ENCWORD,		/* RFC 2047 word that does not decode */
	A_BAD_PARAM,		/* parameter that does not parse */
	A_8BIT_HEADER,		/* raw 8-bit in a header, not UTF-8 */
	A_PREAMBLE,		/* text before the first delimiter */
	A_EPILOGUE,		/* text after the last delimiter */
	A_PARTIAL,		/* message/partial: rest is elsewhere */
	A_EXTERNAL,		/* message/external-body */
	A_NO_BLANK_LINE,	/* body begins without an empty line */
	A_UUENCODE,		/* uuencoded run inside text */
	A_NEAR_BOUNDARY,	/* line that some take for a delimiter */
	A_XXENCODE,		/* xxencoded run inside text */
	A_YENC,			/* yEnc run inside text */
	A_BINHEX,		/* BinHex run inside text */
	A_TNEF,			/* what Outlook alone unpacks */
	A_APPLE_FILE,		/* AppleSingle or AppleDouble */
	A_ENCRYPTED,		/* PGP or S/MIME: not readable here */
	A_OPAQUE_SIGNED,	/* content inside a signature's data */
	A_COMPRESSED,		/* S/MIME compressed-data: not read */
	A_BAD_CONTAINER,	/* container or run that ends too early */
	A_DASH_ESCAPED,		/* OpenPGP clear text with "- " lines */
	A_WRONG_CHARSET,	/* bytes that the declared charset has not */
	A_MAX
};

/* What an anomaly says of the sender; mailwall-anomalies(7) has the table. */
enum part_severity {
	SEV_HARMLESS,		/* usual in honest mail */
	SEV_SUSPICIOUS,		/* seen in honest mail, read differently */
	SEV_HOSTILE		/* honest programs do not write this */
};

#define ANOMALY(a)	(1ULL << (a))
#define ANOMALIES_ALL	((1ULL << A_MAX) - 1)

/* Which limit ended the parse early; any bit means: not all was read. */
#define LIMIT_PARTS	0x0001
#define LIMIT_DEPTH	0x0002
#define LIMIT_HEADERS	0x0004
#define LIMIT_DECODED	0x0008
#define LIMIT_MEMORY	0x0010
#define LIMIT_TEXT	0x0020	/* not all text was given */
#define LIMITS_ALL	0x003f

/* At offset 0 of the arena. */
struct arena_head {
	uint32_t	 magic;		/* ARENA_MAGIC */
	uint32_t	 nparts;
	uint64_t	 size;		/* of the whole arena */
	uint64_t	 parts_off;	/* nparts of them, aligned 8 */
	uint64_t	 strings_off;	/* bytes, referred to by the parts */
	uint64_t	 strings_len;
	uint64_t	 anomalies;	/* ANOMALY() bits, union of all parts */
	uint32_t	 limits;	/* LIMIT_* bits */
	uint32_t	 subject_off;	/* decoded Subject, UTF-8, in strings */
	uint32_t	 subject_len;
	uint32_t	 msgid_off;	/* Message-ID as it stands */
	uint32_t	 msgid_len;
	uint32_t	 ntexts;
	uint64_t	 texts_off;	/* ntexts of them, aligned 8 */
};

/* Where a text was found: bits 1 << of these are scopes of rules. */
enum text_scope {
	TEXT_SUBJECT,
	TEXT_SENDER,		/* From, Sender, Reply-To */
	TEXT_RECIPIENT,		/* To, Cc, Bcc */
	TEXT_HEADER,		/* all other fields, with their names */
	TEXT_PLAIN,		/* bodies that are text */
	TEXT_HTML,		/* what HTML shows, hides, and links to */
	TEXT_NAME,		/* of attachments */
	TEXT_DOCUMENT,		/* the scanner's: inside of files */
	TEXT_SCOPE_MAX
};

/* More about a text; several bits may be set. */
#define TEXT_ARENA	0x0001	/* lies in the arena, not the message */
#define TEXT_ALTERNATE	0x0002	/* another reading of the same bytes */
#define TEXT_GUESSED	0x0004	/* in a charset that was not declared */
#define TEXT_HIDDEN	0x0008	/* HTML does not show it as text */
#define TEXT_DECLARED	0x0010	/* all of a body, converted from the charset
				   that was declared, without a fault */
#define TEXT_FLAGS_ALL	0x001f

/* Text in UTF-8; broken bytes may remain. */
struct arena_text {
	uint64_t	 off;		/* in the arena or the message */
	uint64_t	 len;
	uint32_t	 part;		/* that it belongs to */
	uint16_t	 scope;		/* enum text_scope */
	uint16_t	 flags;		/* TEXT_* */
};

/* A string is an offset from strings_off and a length; length 0 is none. */
struct arena_part {
	uint64_t	 off;		/* of the decoded body: in the arena */
	uint64_t	 len;		/* (PART_ARENA) or in the message */
	uint64_t	 raw_off;	/* of the encoded body; for */
	uint64_t	 raw_len;	/* parts of decoded messages: 0, 0 */
	uint64_t	 anomalies;	/* ANOMALY() bits of this part */
	uint32_t	 parent;	/* index, smaller; root: self */
	uint16_t	 depth;		/* of the root: 0 */
	uint16_t	 encoding;	/* enum part_encoding */
	uint32_t	 flags;		/* PART_* */
	uint32_t	 type_off;	/* "text/html", lower case */
	uint32_t	 type_len;
	uint32_t	 charset_off;	/* as declared, lower case */
	uint32_t	 charset_len;
	uint32_t	 name_off;	/* file name, UTF-8, no controls */
	uint32_t	 name_len;
	uint32_t	 head_len;	/* PART_ENTITY: bytes before raw_off
					   that are its header, else 0 */
};

/* An arena mapped for reading, with the message that it belongs to. */
struct parts {
	const uint8_t		*map;		/* the arena */
	size_t			 map_len;
	const uint8_t		*msg;		/* the message */
	size_t			 msg_len;
	const struct arena_head	*head;
	const struct arena_part	*part;		/* head->nparts of them */
	const struct arena_text	*text;		/* head->ntexts of them */
};

/*
 * Map a sealed message and its sealed arena read-only and check everything
 * in the arena.  The descriptors stay the caller's.  Returns 0, or -1 with
 * errno: EBADMSG for seals, sizes or contents that are wrong, or what mmap(2)
 * said.
 */
int		 parts_open(struct parts *, int msgfd, uint64_t msgsize,
		    int arenafd, uint64_t arenasize);

/* Unmap; idempotent. */
void		 parts_close(struct parts *);

/* Decoded body of part i, i < nparts; its length goes to *len. */
const uint8_t	*parts_body(const struct parts *, uint32_t i, size_t *len);

/* Text i, i < ntexts; its length goes to *len. */
const uint8_t	*parts_text(const struct parts *, uint32_t i, size_t *len);

/* A string of the arena; not NUL-terminated. */
const char	*parts_string(const struct parts *, uint32_t off);

/* How large the arena of a message of so many bytes may become. */
uint64_t	 parts_budget(uint64_t size, int want_text);

/*
 * Is fd a memfd of exactly that size that nobody can change any more (seals
 * WRITE, SHRINK, GROW)?  Returns 0, or -1 with errno EBADMSG.
 */
int		 sealed_check(int fd, uint64_t size);

/* Map a sealed memfd read-only.  NULL with errno; free with munmap(2). */
const uint8_t	*sealed_map(int fd, uint64_t size);

/*
 * The contents of a sealed memfd, by copy where it is small and the page
 * tables of a mapping would cost more than the bytes; sealed, so that both
 * are equally true.  NULL with errno.  sealed_put() takes it back, with the
 * same size; NULL does nothing.
 */
const uint8_t	*sealed_get(int fd, uint64_t size);
void		 sealed_put(const uint8_t *, uint64_t size);

/* Name of an anomaly for log and policy, as "duplicate-header"; never NULL. */
const char	*parts_anomaly_name(enum part_anomaly);

/* Its severity; of what is no anomaly: SEV_HOSTILE. */
enum part_severity parts_anomaly_severity(enum part_anomaly);

/* The anomaly of that name, or -1. */
int		 parts_anomaly_find(const char *name);

/* The kind of text that a field of the header is, by its name. */
enum text_scope	 parts_field_scope(const uint8_t *name, size_t len);

#endif /* MAILWALL_PARTS_H */

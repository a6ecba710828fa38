/* SPDX-License-Identifier: ISC */

/*
 * The values of mailwall.conf(5), from text and back.  Unless it says
 * otherwise, a function returns 0, or -1 with errno: EINVAL when the text is
 * no such value, ERANGE when it does not fit.
 */

#ifndef MAILWALL_VALUE_H
#define MAILWALL_VALUE_H

#include <stddef.h>
#include <stdint.h>

#define VALUE_STRLEN	32	/* any number with its unit, and a NUL */

/* Decimal, digits only. */
int	 value_number(const char *, uint64_t *);
/* Decimal, or hexadecimal after 0x; at most 32 bits. */
int	 value_mark(const char *, uint64_t *);
/* Bytes: digits and K, M or G. */
int	 value_size(const char *, uint64_t *);
/* As value_size(), or "N%" of the machine's memory, 1 to 100. */
int	 value_memory(const char *, uint64_t *);
/* Milliseconds: digits and ms, s, m, h or d; "0" alone is none. */
int	 value_duration(const char *, uint64_t *);

/* The shortest exact text; into buf of VALUE_STRLEN; return buf. */
char	*value_size_text(uint64_t, char *buf);
char	*value_duration_text(uint64_t, char *buf);

/*
 * Is it an SMTP reply of the class (4 or 5): code, optional enhanced code
 * (RFC 3463), text, printable ASCII.  Returns 0, or -1 with *why saying what
 * is wrong with it.
 */
int	 value_reply(const char *, int class, const char **why);

/* LOG_MAIL and so on for a name of a syslog(3) facility, or -1; and back. */
int	 value_facility(const char *);
const char *value_facility_text(int);

/* A name for a table or a macro: letters, digits, "_", "-", ".". 1 or 0. */
int	 value_is_name(const char *);
/* A name for a user (useradd(8)), shorter than CONF_NAME_MAX: 1 or 0. */
int	 value_is_user(const char *);
/* An absolute path without ".." or "//", shorter than max: 1 or 0. */
int	 value_is_path(const char *, size_t max);

/*
 * How many letters are to be changed, left out, put in, or exchanged with
 * their neighbour to make one word of the other; 255 for long ones.
 */
unsigned int value_distance(const char *, const char *);

#endif /* MAILWALL_VALUE_H */

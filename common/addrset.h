/* SPDX-License-Identifier: ISC */

/*
 * All addresses of mail of all lists: which lists have one is found in less
 * than a microsecond among a million, but for patterns with stars and for
 * expressions, which are tried one after the other.
 *
 *	user@example.org	one mailbox
 *	@example.org		everybody there (also without the at sign)
 *	.example.org		everybody in a domain below it
 *	user@			that name in any domain
 *	<>			the empty sender
 *	*.doc?@example.org	a pattern: * and ? anywhere
 *	/^[a-z]+[0-9]{6,}@/	an expression, found anywhere in it
 *
 * Names of hosts in other scripts are equal in both of their forms, letters and
 * "xn--" labels (RFC 5890).
 *
 * ASCII letters are equal in both cases, also before the at sign: RFC 5321
 * section 2.4 leaves that to the receiving host, and nobody has two mailboxes
 * that differ by it.
 */

#ifndef MAILWALL_ADDRSET_H
#define MAILWALL_ADDRSET_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

struct addrset;

/* An empty set with room for n; NULL without memory.  addrset_free(NULL) is
 * nothing. */
struct addrset	*addrset_new(size_t n);
void		 addrset_free(struct addrset *);

/* Is this something that a set can have?  NULL, or what is wrong with it. */
const char	*addrset_check(const char *, size_t len);
/* Is one that can be had an expression?  Then it begins and ends with "/". */
int		 addrset_is_expr(const char *, size_t len);
/*
 * What TRE gets of one that was checked, between its signs: its letters are
 * small, like those of addresses, into w, of len characters at least.  Returns
 * how many it has.
 */
size_t		 addrset_expr(const char *, size_t len, wchar_t *w);
/*
 * Add one that was checked, copied, to a list, in which with folded it stands
 * for addresses with a "+tag" as well (RFC 5233).  Returns 0, or -1 without
 * memory or for an expression that does not compile; master has refused those.
 */
int		 addrset_add(struct addrset *, const char *, size_t len,
		    uint32_t list, int folded);

/*
 * Set the bit of each list that has this path ("" is the empty sender) or name
 * of a host.  One that is too long is in none.
 */
void		 addrset_find(const struct addrset *, const char *,
		    uint64_t *bits);

/*
 * A path as a key: small letters, "<>" for the empty one, "?" for control
 * characters, into buf, which it returns; NULL when it is too long.
 */
char		*addrset_key(const char *path, char *buf, size_t size);

/*
 * The key of a sender and a recipient together: both keys with a blank
 * between them, and none else.  As above.
 */
char		*addrset_pair(const char *from, const char *rcpt, char *buf,
		    size_t size);

#endif /* MAILWALL_ADDRSET_H */

/* SPDX-License-Identifier: ISC */

/*
 * What a message's body is, as a number: the same text that comes again, from
 * others or to others, has another header.
 */

#include <sys/types.h>
#include <sys/mman.h>

#include <sha2.h>
#include <string.h>

#include "proxy.h"

int
digest_body(const struct message *m, char *digest, size_t size)
{
	const uint8_t	*p, *body;
	SHA2_CTX	 ctx;
	void		*map;

	if (size < SHA256_DIGEST_STRING_LENGTH)
		return (-1);
	p = body = (const uint8_t *)"";
	map = NULL;
	if (m->size > 0) {
		map = mmap(NULL, (size_t)m->size, PROT_READ, MAP_PRIVATE,
		    m->fd, 0);
		if (map == MAP_FAILED)
			return (-1);
		p = map;
		/* RFC 5322 section 2.1: an empty line ends the header. */
		if (m->size >= 2 && memcmp(p, "\r\n", 2) == 0)
			body = p + 2;
		else if ((body = memmem(p, (size_t)m->size, "\r\n\r\n",
		    4)) != NULL)
			body += 4;
		else
			body = p + m->size;
	}
	SHA256Init(&ctx);
	SHA256Update(&ctx, body, (size_t)(p + m->size - body));
	SHA256End(&ctx, digest);
	if (map != NULL)
		munmap(map, (size_t)m->size);
	return (0);
}

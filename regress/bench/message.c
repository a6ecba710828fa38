/* SPDX-License-Identifier: ISC */

/*
 * Messages for the load generator (RFC 5322, RFC 2046): what most mail with
 * an attachment looks like.  Each attachment is random, since scanners keep
 * checksums of what they have found clean, and a benchmark that sends the
 * same bytes twice measures that cache.
 */

#include <sys/random.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "message.h"

#define B64_LINE	76	/* RFC 2045, 6.8 */
#define TEXT_MAX	2560	/* of the text part */
#define TAIL_MAX	64	/* what follows the last base64 line */

static uint64_t	 random_next(void);
static size_t	 text_make(char *, size_t);
static size_t	 base64_make(char *, size_t);

static const char	 alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static const char	 line[] =
    "We looked at the figures of last week again, and they still add up.\r\n";

static uint64_t	 seed;
static uint64_t	 serial;

void
message_init(void)
{
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		err(1, "getrandom");
}

/* splitmix64: one multiplication chain, no state to speak of. */
static uint64_t
random_next(void)
{
	uint64_t	 z;

	z = (seed += 0x9e3779b97f4a7c15ULL);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31));
}

/* Whole lines of prose, size bytes at most. */
static size_t
text_make(char *buf, size_t size)
{
	size_t	 len;

	for (len = 0; len + sizeof(line) - 1 <= size; len += sizeof(line) - 1)
		memcpy(buf + len, line, sizeof(line) - 1);
	return (len);
}

/* Whole lines of random base64, size bytes at most. */
static size_t
base64_make(char *buf, size_t size)
{
	uint64_t	 bits;
	size_t		 len, i;
	unsigned int	 left;

	bits = 0;
	left = 0;
	for (len = 0; len + B64_LINE + 2 <= size; len += B64_LINE + 2) {
		for (i = 0; i < B64_LINE; i++) {
			if (left == 0) {
				bits = random_next();
				left = 10;
			}
			buf[len + i] = alphabet[bits & 63];
			bits >>= 6;
			left--;
		}
		memcpy(buf + len + B64_LINE, "\r\n", 2);
	}
	return (len);
}

size_t
message_make(char *buf, size_t size)
{
	unsigned long long	 n, mark;
	size_t			 len, text;
	int			 r;

	if (size < MESSAGE_MIN || size > MESSAGE_MAX)
		errx(1, "no message has %zu bytes", size);
	n = ++serial;
	mark = random_next();
	r = snprintf(buf, size,
	    "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
	    "From: Load <load@client.example>\r\n"
	    "To: Sink <sink@server.example>\r\n"
	    "Message-ID: <%llu.%016llx@client.example>\r\n"
	    "Subject: message %llu\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"=_%016llx\"\r\n"
	    "\r\n--=_%016llx\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n", n, mark, n, mark, mark);
	len = (size_t)r;
	text = (size - len) / 4;
	len += text_make(buf + len, text < TEXT_MAX ? text : TEXT_MAX);
	r = snprintf(buf + len, size - len,
	    "\r\n--=_%016llx\r\n"
	    "Content-Type: application/octet-stream; name=\"data-%llu.bin\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment\r\n"
	    "\r\n", mark, n);
	len += (size_t)r;
	len += base64_make(buf + len, size - len - TAIL_MAX);
	r = snprintf(buf + len, size - len, "--=_%016llx--\r\n", mark);
	return (len + (size_t)r);
}

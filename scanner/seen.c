/* SPDX-License-Identifier: ISC */

/*
 * Which files of the message in work we have looked into, so that one is not
 * looked into again when the engine comes upon it, and so that the engine's
 * "cannot open" is not held against an archive that we have opened.
 *
 * Files are known by SipHash-2-4 under a key drawn for each message: nobody
 * can make two files that pass for one.  A full table only costs time.
 */

#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "inspect.h"

#define SEEN_SLOTS	8192	/* a power of two */
#define SEEN_MAX	(SEEN_SLOTS / 2)

static uint64_t	 siphash(const uint8_t *, size_t);

static struct {
	uint64_t	 key[2];
	uint32_t	 n;
	struct {
		uint64_t	 hash;
		uint64_t	 len;	/* 0: free */
		int		 how;
	}		 slot[SEEN_SLOTS];
} seen;

#define ROTL(x, b)	((x) << (b) | (x) >> (64 - (b)))
#define ROUND do { \
	v[0] += v[1]; v[1] = ROTL(v[1], 13); v[1] ^= v[0]; \
	v[0] = ROTL(v[0], 32); \
	v[2] += v[3]; v[3] = ROTL(v[3], 16); v[3] ^= v[2]; \
	v[0] += v[3]; v[3] = ROTL(v[3], 21); v[3] ^= v[0]; \
	v[2] += v[1]; v[1] = ROTL(v[1], 17); v[1] ^= v[2]; \
	v[2] = ROTL(v[2], 32); \
} while (0)

static uint64_t
siphash(const uint8_t *p, size_t len)
{
	uint64_t	 m, v[4];
	size_t		 left;

	v[0] = seen.key[0] ^ 0x736f6d6570736575ULL;
	v[1] = seen.key[1] ^ 0x646f72616e646f6dULL;
	v[2] = seen.key[0] ^ 0x6c7967656e657261ULL;
	v[3] = seen.key[1] ^ 0x7465646279746573ULL;
	for (left = len; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		ROUND;
		ROUND;
		v[0] ^= m;
	}
	m = 0;
	memcpy(&m, p, left);
	m |= (uint64_t)len << 56;
	v[3] ^= m;
	ROUND;
	ROUND;
	v[0] ^= m;
	v[2] ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	return (v[0] ^ v[1] ^ v[2] ^ v[3]);
}

void
seen_reset(void)
{
	if (seen.n > 0)
		memset(seen.slot, 0, sizeof(seen.slot));
	seen.n = 0;
	arc4random_buf(seen.key, sizeof(seen.key));
}

void
seen_note(const uint8_t *p, size_t len, int how)
{
	uint64_t	 hash;
	size_t		 i;

	if (len == 0)
		return;
	hash = siphash(p, len);
	for (i = hash % SEEN_SLOTS; seen.slot[i].len != 0;
	    i = (i + 1) % SEEN_SLOTS)
		if (seen.slot[i].hash == hash && seen.slot[i].len == len) {
			seen.slot[i].how |= how;
			return;
		}
	if (seen.n >= SEEN_MAX)
		return;
	seen.n++;
	seen.slot[i].hash = hash;
	seen.slot[i].len = len;
	seen.slot[i].how = how;
}

int
seen_find(const uint8_t *p, size_t len)
{
	uint64_t	 hash;
	size_t		 i;

	if (len == 0)
		return (0);
	if (seen.n == 0)
		return (-1);
	hash = siphash(p, len);
	for (i = hash % SEEN_SLOTS; seen.slot[i].len != 0;
	    i = (i + 1) % SEEN_SLOTS)
		if (seen.slot[i].hash == hash && seen.slot[i].len == len)
			return (seen.slot[i].how);
	return (-1);
}

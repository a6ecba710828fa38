/* SPDX-License-Identifier: ISC */

/* The byte buffer: its maximum, its order, and that it forgets. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "unit.h"

static void	 test_order(void);
static void	 test_max(void);
static void	 test_reserve(void);
static void	 test_format(void);
static void	 test_forget(void);
static void	 test_random(void);

static void
test_order(void)
{
	struct buf	 b;

	buf_init(&b, 100);
	CASE("empty", b.len == 0 && b.data == NULL);
	CASE("add-nothing", buf_add(&b, "", 0) == 0 && b.data == NULL);
	CASE("add", buf_add(&b, "abc", 3) == 0 && buf_add(&b, "def", 3) == 0
	    && b.len == 6 && memcmp(buf_ptr(&b), "abcdef", 6) == 0);
	buf_drain(&b, 2);
	CASE("drain", b.len == 4 && memcmp(buf_ptr(&b), "cdef", 4) == 0);
	buf_shrink(&b);
	CASE("shrink-not-empty", b.len == 4 && b.data != NULL);
	buf_drain(&b, 100);
	CASE("drain-too-much", b.len == 0);
	buf_shrink(&b);
	CASE("shrink", b.data == NULL && b.cap == 0);
	CASE("add-again", buf_add(&b, "x", 1) == 0 && b.len == 1);
	buf_clear(&b);
	buf_clear(&b);
	CASE("clear-twice", b.data == NULL && b.len == 0 && b.max == 100);
}

static void
test_max(void)
{
	static uint8_t	 data[2000];
	struct buf	 b;

	buf_init(&b, 1000);
	CASE("max", buf_add(&b, data, 1000) == 0 && b.cap <= 1000);
	errno = 0;
	CASE("over", buf_add(&b, data, 1) == -1 && errno == ENOBUFS &&
	    b.len == 1000);
	errno = 0;
	CASE("far-over", buf_add(&b, data, 2000) == -1 && errno == ENOBUFS);
	buf_drain(&b, 1);
	CASE("one-more", buf_add(&b, data, 1) == 0 && b.len == 1000);
	buf_drain(&b, 1000);
	errno = 0;
	CASE("empty-over", buf_add(&b, data, 1001) == -1 &&
	    errno == ENOBUFS);
	buf_clear(&b);
}

static void
test_reserve(void)
{
	struct buf	 b;
	uint8_t		*p;
	size_t		 room;

	buf_init(&b, 3000);
	p = buf_reserve(&b, 10, &room);
	CASE("reserve", p != NULL && room >= 10 && room <= 3000);
	memset(p, 'a', room);
	buf_commit(&b, 10);
	CASE("commit", b.len == 10);
	p = buf_reserve(&b, 2990, &room);
	CASE("reserve-rest", p != NULL && room == 2990);
	memset(p, 'b', room);
	buf_commit(&b, room);
	CASE("commit-rest", b.len == 3000 && buf_ptr(&b)[9] == 'a' &&
	    buf_ptr(&b)[10] == 'b' && buf_ptr(&b)[2999] == 'b');
	errno = 0;
	CASE("reserve-full", buf_reserve(&b, 1, &room) == NULL &&
	    errno == ENOBUFS);
	errno = 0;
	CASE("reserve-huge", buf_reserve(&b, SIZE_MAX, &room) == NULL &&
	    errno == ENOBUFS);
	buf_drain(&b, 2000);
	p = buf_reserve(&b, 1500, &room);
	CASE("reserve-moves", p != NULL && room >= 1500 &&
	    room <= 2000 && b.len == 1000 && buf_ptr(&b)[0] == 'b');
	memset(p, 'c', room);
	buf_clear(&b);
}

static void
test_format(void)
{
	static char	 text[5000];
	struct buf	 b;

	buf_init(&b, 10000);
	CASE("format", buf_addf(&b, "%d %s", 554, "no") == 0 && b.len == 6 &&
	    memcmp(buf_ptr(&b), "554 no", 6) == 0);
	memset(text, 'x', sizeof(text) - 1);
	errno = 0;
	CASE("format-long", buf_addf(&b, "%s", text) == -1 &&
	    errno == ENOBUFS && b.len == 6);
	buf_clear(&b);
}

/* What was wiped is gone from the memory that the buffer still has. */
static void
test_forget(void)
{
	struct buf	 b;

	buf_init(&b, 100);
	buf_add(&b, "secretopen", 10);
	buf_drain_wipe(&b, 6);
	CASE("wipe", memcmp(buf_ptr(&b), "open", 4) == 0 &&
	    memcmp(b.data, "\0\0\0\0\0\0", 6) == 0);
	buf_drain_wipe(&b, 100);
	CASE("wipe-rest", b.len == 0 &&
	    memcmp(b.data, "\0\0\0\0\0\0\0\0\0\0", 10) == 0);
	buf_drain_wipe(&b, 100);
	CASE("wipe-empty", b.len == 0);
	buf_clear(&b);
	buf_drain_wipe(&b, 1);
	CASE("wipe-none", b.len == 0);
}

/* Against a plain array, for a long while. */
static void
test_random(void)
{
	static uint8_t	 model[512], in[512];
	struct buf	 b;
	size_t		 len, n, i;
	uint8_t		 next;
	int		 ok, round;

	srandom(1);
	buf_init(&b, sizeof(model));
	len = 0;
	next = 0;
	ok = 1;
	for (round = 0; round < 20000 && ok; round++) {
		n = (size_t)random() % 200;
		if (random() % 2) {
			for (i = 0; i < n; i++)
				in[i] = next++;
			if ((buf_add(&b, in, n) == 0) !=
			    (n <= sizeof(model) - len))
				ok = 0;
			else if (n <= sizeof(model) - len) {
				memcpy(model + len, in, n);
				len += n;
			}
		} else {
			if (n > len)
				n = len;
			buf_drain(&b, n);
			memmove(model, model + n, len - n);
			len -= n;
		}
		if (random() % 8 == 0)
			buf_shrink(&b);
		ok = ok && b.len == len && b.cap <= sizeof(model) &&
		    (len == 0 || memcmp(buf_ptr(&b), model, len) == 0);
	}
	CASE("random", ok);
	buf_clear(&b);
}

int
main(void)
{
	test_order();
	test_max();
	test_reserve();
	test_format();
	test_forget();
	test_random();
	return (unit_failed);
}

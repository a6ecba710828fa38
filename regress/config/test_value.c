/* SPDX-License-Identifier: ISC */

/* Values of mailwall.conf(5): what is one, what is none, and back to text. */

#include <sys/sysinfo.h>

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "limits.h"

#include "value.h"
#include "../common/unit.h"

static int	 is(int (*)(const char *, uint64_t *), const char *,
		    uint64_t);
static int	 fails(int (*)(const char *, uint64_t *), const char *, int);
static void	 test_numbers(void);
static void	 test_units(void);
static void	 test_memory(void);
static void	 test_text(void);
static void	 test_reply(void);
static void	 test_names(void);
static void	 test_distance(void);

static int
is(int (*f)(const char *, uint64_t *), const char *s, uint64_t want)
{
	uint64_t	 n;

	n = ~want;
	return (f(s, &n) == 0 && n == want);
}

static int
fails(int (*f)(const char *, uint64_t *), const char *s, int error)
{
	uint64_t	 n;

	errno = 0;
	return (f(s, &n) == -1 && errno == error);
}

static void
test_numbers(void)
{
	CASE("number", is(value_number, "0", 0) &&
	    is(value_number, "18446744073709551615", UINT64_MAX) &&
	    is(value_number, "007", 7));
	CASE("number-too-large",
	    fails(value_number, "18446744073709551616", ERANGE) &&
	    fails(value_number, "99999999999999999999999", ERANGE));
	CASE("number-bad", fails(value_number, "", EINVAL) &&
	    fails(value_number, "-1", EINVAL) &&
	    fails(value_number, "+1", EINVAL) &&
	    fails(value_number, " 1", EINVAL) &&
	    fails(value_number, "1 ", EINVAL) &&
	    fails(value_number, "0x1", EINVAL) &&
	    fails(value_number, "1K", EINVAL));
	CASE("mark", is(value_mark, "0x0", 0) && is(value_mark, "0xAf", 175) &&
	    is(value_mark, "0XFFFFFFFF", UINT32_MAX) &&
	    is(value_mark, "0x000000000000000001", 1) &&
	    is(value_mark, "10", 10));
	CASE("mark-bad", fails(value_mark, "0x", EINVAL) &&
	    fails(value_mark, "x1", EINVAL) &&
	    fails(value_mark, "0xg", EINVAL) &&
	    fails(value_mark, "", EINVAL) &&
	    fails(value_mark, "0x100000000", ERANGE) &&
	    fails(value_mark, "4294967296", ERANGE));
}

static void
test_units(void)
{
	CASE("size", is(value_size, "5", 5) && is(value_size, "1K", 1024) &&
	    is(value_size, "1k", 1024) && is(value_size, "3M", 3 * MIB) &&
	    is(value_size, "2g", 2 * GIB) && is(value_size, "0", 0));
	CASE("size-bad", fails(value_size, "K", EINVAL) &&
	    fails(value_size, "1KB", EINVAL) &&
	    fails(value_size, "1T", EINVAL) &&
	    fails(value_size, "1 K", EINVAL) && fails(value_size, "", EINVAL));
	CASE("size-too-large",
	    fails(value_size, "17179869184G", ERANGE) &&
	    is(value_size, "17179869183G", 17179869183ULL * GIB));
	CASE("duration", is(value_duration, "0", 0) &&
	    is(value_duration, "7ms", 7) && is(value_duration, "7s", 7000) &&
	    is(value_duration, "7m", 420000) &&
	    is(value_duration, "7h", 25200000) &&
	    is(value_duration, "7d", 604800000) &&
	    is(value_duration, "0s", 0));
	CASE("duration-bad", fails(value_duration, "7", EINVAL) &&
	    fails(value_duration, "s", EINVAL) &&
	    fails(value_duration, "7S", EINVAL) &&
	    fails(value_duration, "7w", EINVAL) &&
	    fails(value_duration, "7mss", EINVAL) &&
	    fails(value_duration, "1m30s", EINVAL));
	CASE("duration-too-large",
	    fails(value_duration, "999999999999999999d", ERANGE));
}

static void
test_memory(void)
{
	struct sysinfo	 si;
	uint64_t	 total;

	sysinfo(&si);
	total = (uint64_t)si.totalram * si.mem_unit;
	CASE("memory", is(value_memory, "512M", 512 * MIB) &&
	    is(value_memory, "100%", total) &&
	    is(value_memory, "1%", total / 100));
	CASE("memory-bad", fails(value_memory, "0%", ERANGE) &&
	    fails(value_memory, "101%", ERANGE) &&
	    fails(value_memory, "%", EINVAL) &&
	    fails(value_memory, "5%%", EINVAL) &&
	    fails(value_memory, "5%M", EINVAL));
}

static void
test_text(void)
{
	static const uint64_t	 n[] = {
		0, 1, 999, 1000, 1001, 1024, 1025, 60000, 61000, 86400000,
		90000000, 1 * MIB, 1 * GIB, 1536 * KIB, 50 * MIB, 7 * GIB,
		UINT64_MAX
	};
	char	 buf[VALUE_STRLEN];
	size_t	 i;
	int	 sizes, durations;

	sizes = durations = 1;
	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		if (!is(value_size, value_size_text(n[i], buf), n[i]))
			sizes = 0;
		if (!is(value_duration, value_duration_text(n[i], buf), n[i]))
			durations = 0;
	}
	CASE("size-there-and-back", sizes);
	CASE("duration-there-and-back", durations);
	CASE("size-shortest", strcmp(value_size_text(50 * MIB, buf), "50M") ==
	    0 && strcmp(value_size_text(1536 * KIB, buf), "1536K") == 0);
	CASE("duration-shortest",
	    strcmp(value_duration_text(300000, buf), "5m") == 0 &&
	    strcmp(value_duration_text(1500, buf), "1500ms") == 0);
}

static void
test_reply(void)
{
	static const char *const good[] = {
		"554 x", "554 5.7.1 x", "554 5.0.999 x", "500 5 apples",
		"554 a 5.7", "550 127.0.0.1 is listed",
	}, *const bad[] = {
		"", "5", "55", "554", "554 ", "554  x", "554-x", "454 x",
		"a54 x", "564 x", "5540 x", "554 5.7 x", "554 5.7.1",
		"554 4.7.1 x", "554 5.07.1 x", "554 5.7.1000 x", "554 5..1 x",
		"554 5.7.1\t", "554 x\r\n250 ok", "554 \x80", "554 x\x7f",
	};
	const char	*why;
	char		 name[64];
	size_t		 i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(name, sizeof(name), "reply-good-%zu", i);
		CASE(name, value_reply(good[i], 5, &why) == 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "reply-bad-%zu", i);
		why = NULL;
		CASE(name, value_reply(bad[i], 5, &why) == -1 && why != NULL);
	}
	CASE("reply-class-4", value_reply("451 4.7.1 x", 4, &why) == 0 &&
	    value_reply("554 5.7.1 x", 4, &why) == -1);
}

static void
test_names(void)
{
	CASE("name", value_is_name("a") && value_is_name("A_b-c.9") &&
	    value_is_name("9"));
	CASE("name-bad", !value_is_name("") && !value_is_name("a b") &&
	    !value_is_name("a/b") && !value_is_name("a>") &&
	    !value_is_name("\xc3\xa4"));
	CASE("name-length", value_is_name("012345678901234567890123456789"
	    "012345678901234567890123456789012") &&
	    !value_is_name("012345678901234567890123456789"
	    "0123456789012345678901234567890123"));
	CASE("user", value_is_user("_mwproxy") && value_is_user("a-b.c1"));
	CASE("user-bad", !value_is_user("") && !value_is_user("0") &&
	    !value_is_user("-a") && !value_is_user("a:b") &&
	    !value_is_user("a b") && !value_is_user("../x"));
	CASE("path", value_is_path("/a", 3) && value_is_path("/a/b.c/..d", 99)
	    && value_is_path("/a b", 99) && value_is_path("/.a/...", 99));
	CASE("path-bad", !value_is_path("", 99) && !value_is_path("/", 99) &&
	    !value_is_path("a", 99) && !value_is_path("/a/", 99) &&
	    !value_is_path("//a", 99) && !value_is_path("/a/..", 99) &&
	    !value_is_path("/../a", 99) && !value_is_path("/./a", 99) &&
	    !value_is_path("/a/.", 99) && !value_is_path("/a\n", 99) &&
	    !value_is_path("/ab", 3));
	CASE("facility", value_facility("mail") == LOG_MAIL &&
	    value_facility("local7") == LOG_LOCAL7 &&
	    value_facility("kern") == -1 && value_facility("") == -1 &&
	    strcmp(value_facility_text(LOG_LOCAL3), "local3") == 0);
}

static void
test_distance(void)
{
	CASE("distance-same", value_distance("listen", "listen") == 0 &&
	    value_distance("", "") == 0);
	CASE("distance-one", value_distance("lisen", "listen") == 1 &&
	    value_distance("listten", "listen") == 1 &&
	    value_distance("lisden", "listen") == 1 &&
	    value_distance("lsiten", "listen") == 1);
	CASE("distance-more", value_distance("", "abc") == 3 &&
	    value_distance("abc", "") == 3 &&
	    value_distance("abc", "xyz") == 3 &&
	    value_distance("kitten", "sitting") == 3);
	CASE("distance-long", value_distance("x",
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") == 255 &&
	    value_distance("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") == 0);
}

int
main(void)
{
	test_numbers();
	test_units();
	test_memory();
	test_text();
	test_reply();
	test_names();
	test_distance();
	return (unit_failed);
}

/* SPDX-License-Identifier: ISC */

/* Times and durations as operators write them. */

#include <stdlib.h>
#include <time.h>

#include "ctl.h"
#include "unit.h"

#define NOW	1795700000	/* 2026-11-26 */

static int	 at(const char *, uint64_t);
static int	 no_time(const char *);
static int	 lasts(const char *, uint64_t);
static int	 no_duration(const char *);
static void	 test_points(void);
static void	 test_none(void);
static void	 test_zone(void);
static void	 test_durations(void);

static int
at(const char *text, uint64_t want)
{
	uint64_t	 t;

	return (time_parse(text, NOW, &t) == 0 && t == want);
}

static int
no_time(const char *text)
{
	uint64_t	 t;

	return (time_parse(text, NOW, &t) == -1);
}

static int
lasts(const char *text, uint64_t want)
{
	uint64_t	 d;

	return (duration_parse(text, &d) == 0 && d == want);
}

static int
no_duration(const char *text)
{
	uint64_t	 d;

	return (duration_parse(text, &d) == -1);
}

static void
test_points(void)
{
	uint64_t	 t;

	CASE("epoch", at("@0", 0) && at("@1795700000", NOW));
	CASE("epoch-last", at("@18446744073709551615", UINT64_MAX));
	CASE("ago", at("90s", NOW - 90) && at("2m", NOW - 120) &&
	    at("2h", NOW - 7200) && at("3d", NOW - 3 * 86400) &&
	    at("1w", NOW - 7 * 86400) && at("0s", NOW));
	CASE("ago-before-the-epoch", time_parse("1h", 60, &t) == 0 && t == 0);
	CASE("day", at("2026-11-26", 1795651200));
	CASE("day-time", at("2026-11-26 19:00", 1795719600) &&
	    at("2026-11-26 19:00:30", 1795719630));
	CASE("iso", at("2026-11-26T19:00", 1795719600) &&
	    at("2026-11-26T19:00:30", 1795719630));
	CASE("leap-day", at("2028-02-29", 1835395200));
	CASE("first-day", at("1970-01-01", 0));
}

static void
test_none(void)
{
	CASE("nothing", no_time("") && no_time("@") && no_time(" "));
	CASE("words", no_time("never") && no_time("now") &&
	    no_time("2 hours") && no_time("h"));
	CASE("not-epoch", no_time("@-1") && no_time("@ 1") && no_time("@+1") &&
	    no_time("@1x") && no_time("@0x10") &&
	    no_time("@18446744073709551616"));
	CASE("no-such-day", no_time("2026-02-30") && no_time("2027-02-29") &&
	    no_time("2026-04-31 10:00") && no_time("2026-13-01") &&
	    no_time("2026-00-01") && no_time("2026-01-32"));
	CASE("no-such-hour", no_time("2026-11-26 24:30") &&
	    no_time("2026-11-26 10:60"));
	CASE("more-behind", no_time("2026-11-26x") &&
	    no_time("2026-11-26 19:00:30.5") && no_time("2026-11-26T"));
	CASE("before-the-epoch", no_time("1969-12-31") &&
	    no_time("1900-01-01 10:00"));
}

/* Summer time is found out, not assumed. */
static void
test_zone(void)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	CASE("winter", at("2026-11-26 19:00", 1795716000));
	CASE("summer", at("2026-07-01 19:00", 1782925200));
	setenv("TZ", "UTC", 1);
	tzset();
}

static void
test_durations(void)
{
	CASE("units", lasts("1s", 1) && lasts("2m", 120) &&
	    lasts("3h", 10800) && lasts("4d", 345600) &&
	    lasts("5w", 3024000) && lasts("0d", 0));
	CASE("zero-in-front", lasts("007s", 7));
	CASE("longest", duration_parse("1w", &(uint64_t){ 0 }) == 0 &&
	    no_duration("99999999999999w") &&
	    no_duration("18446744073709551617s"));
	CASE("no-duration", no_duration("") && no_duration("1") &&
	    no_duration("s") && no_duration("-1s") && no_duration("+1s") &&
	    no_duration(" 1s") && no_duration("1 s") && no_duration("1S") &&
	    no_duration("1h30m") && no_duration("1.5h") &&
	    no_duration("0x1s"));
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	test_points();
	test_none();
	test_zone();
	test_durations();
	return (unit_failed);
}

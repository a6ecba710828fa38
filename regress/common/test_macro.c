/* SPDX-License-Identifier: ISC */

/* Macros in texts of rules. */

#include <stdio.h>
#include <string.h>

#include "macro.h"
#include "unit.h"

static int	 is(const char *, const char *, size_t, const char *);
static int	 is_bad(const char *);
static void	 value(void *, enum macro, char *);

static void
value(void *arg, enum macro m, char *v)
{
	if (m == MACRO_SESSION)
		snprintf(v, MACRO_VALUE_MAX, "%s", (const char *)arg);
	else if (m == MACRO_HELO)
		/* Not ended by who wrote it. */
		memset(v, 'h', MACRO_VALUE_MAX);
}

/* text, expanded with that session into size bytes. */
static int
is(const char *text, const char *session, size_t size, const char *want)
{
	char	 dst[256], arg[128];

	memset(dst, 'x', sizeof(dst));
	snprintf(arg, sizeof(arg), "%s", session);
	macro_expand(dst, size, text, value, arg);
	return (strcmp(dst, want) == 0 && dst[size] == 'x');
}

static int
is_bad(const char *text)
{
	const char	*why;

	why = NULL;
	return (macro_check(text, &why) == -1 && why != NULL);
}

int
main(void)
{
	const char	*why;
	char		 h[MACRO_VALUE_MAX];

	CASE("none", is("550 5.7.1 no", "s", 200, "550 5.7.1 no"));
	CASE("one", is("a %{session} b", "12", 200, "a 12 b"));
	CASE("two", is("%{session}%{session}", "12", 200, "1212"));
	CASE("no value", is("<%{virus}>", "12", 200, "<>"));
	CASE("a per cent sign", is("100% {session} %", "1", 200,
	    "100% {session} %"));
	CASE("what it becomes is not looked at again", is("%{session}",
	    "%{session}", 200, "%{session}"));
	CASE("line ends, controls, 8-bit", is("%{session}",
	    "a\r\n250 ok\x7f\xc3\xa4", 200, "a??250 ok???"));
	memset(h, 'h', sizeof(h) - 1);
	h[sizeof(h) - 1] = '\0';
	CASE("not ended", is("%{helo}", "", 200, h));
	CASE("cut in the text", is("abcdef", "", 4, "abc"));
	CASE("cut in a value", is("ab%{session}", "cdef", 5, "abcd"));
	CASE("cut at a character", is("a\xc3\xa4z", "", 3, "a"));
	CASE("all of a character", is("a\xc3\xa4", "", 4, "a\xc3\xa4"));
	CASE("known", macro_check("%{date} %{helo} %{host} %{recipient} "
	    "%{rule} %{sender} %{server} %{session} %{source} %{virus} %",
	    &why) == 0);
	CASE("unknown", is_bad("%{sessions}") && is_bad("%{}") &&
	    is_bad("%{session} %{SESSION}") && is_bad("%{ session}"));
	CASE("not closed", is_bad("%{session") && is_bad("x%{"));
	return (unit_failed);
}

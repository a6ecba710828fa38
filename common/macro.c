/* SPDX-License-Identifier: ISC */

/* Words in the texts of rules, see macro.h. */

#include <string.h>

#include "macro.h"

static const char *const names[MACRO_MAX] = {
	[MACRO_DATE] = "date",
	[MACRO_HELO] = "helo",
	[MACRO_HOST] = "host",
	[MACRO_RECIPIENT] = "recipient",
	[MACRO_RULE] = "rule",
	[MACRO_SENDER] = "sender",
	[MACRO_SERVER] = "server",
	[MACRO_SESSION] = "session",
	[MACRO_SOURCE] = "source",
	[MACRO_VIRUS] = "virus"
};

static enum macro find(const char *, size_t *);

/* What stands at "%{", and how long it is; MACRO_MAX: nothing known. */
static enum macro
find(const char *p, size_t *len)
{
	const char	*end;
	enum macro	 m;

	p += 2;
	if ((end = strchr(p, '}')) == NULL)
		return (MACRO_MAX);
	for (m = 0; m < MACRO_MAX; m++)
		if (strlen(names[m]) == (size_t)(end - p) &&
		    memcmp(names[m], p, (size_t)(end - p)) == 0)
			break;
	*len = (size_t)(end - p) + 3;
	return (m);
}

int
macro_check(const char *text, const char **why)
{
	const char	*p;
	size_t		 len;

	for (p = text; (p = strstr(p, "%{")) != NULL; p += len)
		if (find(p, &len) == MACRO_MAX) {
			*why = "%{...} may be date, helo, host, recipient, "
			    "rule, sender, server, session, source or virus";
			return (-1);
		}
	return (0);
}

void
macro_expand(char *dst, size_t size, const char *text,
    void (*value)(void *, enum macro, char *), void *arg)
{
	char		 v[MACRO_VALUE_MAX];
	const char	*p;
	size_t		 i, len, n;
	enum macro	 m;

	n = 0;
	for (p = text; *p != '\0' && n + 1 < size; ) {
		if (p[0] != '%' || p[1] != '{' ||
		    (m = find(p, &len)) == MACRO_MAX) {
			dst[n++] = *p++;
			continue;
		}
		p += len;
		memset(v, 0, sizeof(v));
		value(arg, m, v);
		v[sizeof(v) - 1] = '\0';
		for (i = 0; v[i] != '\0' && n + 1 < size; i++)
			dst[n++] = v[i] < 0x20 || v[i] > 0x7e ? '?' : v[i];
	}
	/* Where it was cut there may be half a character. */
	if (*p != '\0') {
		while (n > 0 && (dst[n - 1] & 0xc0) == 0x80)
			n--;
		if (n > 0 && (dst[n - 1] & 0x80) != 0)
			n--;
	}
	if (size > 0)
		dst[n] = '\0';
}

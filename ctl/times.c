/* SPDX-License-Identifier: ISC */

/* Times as an operator writes them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

int
duration_parse(const char *text, uint64_t *seconds)
{
	static const struct {
		char		 unit;
		uint64_t	 seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 7 * 86400 }
	};
	unsigned long long	 n;
	size_t			 i;
	char			*end;

	if (text[0] < '0' || text[0] > '9')
		return (-1);
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || n > MAX_KEEP)
		return (-1);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end[0] == units[i].unit && end[1] == '\0') {
			*seconds = n * units[i].seconds;
			return (*seconds <= MAX_KEEP ? 0 : -1);
		}
	return (-1);
}

int
time_parse(const char *text, uint64_t now, uint64_t *t)
{
	static const char *const	 formats[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d"
	};
	struct tm			 tm;
	const char			*rest;
	char				*end;
	uint64_t			 ago;
	time_t				 when;
	size_t				 i;
	int				 day;

	if (text[0] == '@') {
		if (text[1] < '0' || text[1] > '9')
			return (-1);
		errno = 0;
		*t = strtoull(text + 1, &end, 10);
		return (errno == 0 && *end == '\0' ? 0 : -1);
	}
	if (duration_parse(text, &ago) == 0) {
		*t = ago < now ? now - ago : 0;
		return (0);
	}
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_isdst = -1;
		rest = strptime(text, formats[i], &tm);
		if (rest == NULL || *rest != '\0')
			continue;
		day = tm.tm_mday;
		when = mktime(&tm);
		/* There is no 30th of February. */
		if (when < 0 || tm.tm_mday != day)
			return (-1);
		*t = (uint64_t)when;
		return (0);
	}
	return (-1);
}

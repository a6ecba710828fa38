/* SPDX-License-Identifier: ISC */

/* The values of mailwall.conf(5), see value.h. */

#include <sys/sysinfo.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "limits.h"
#include "macro.h"
#include "proto.h"

#include "value.h"

#define WORD_MAX_DISTANCE	32	/* longer words are no keywords */

struct unit {
	const char	*name;
	uint64_t	 factor;
};

static int	 digits(const char *, uint64_t *, const char **);
static int	 with_unit(const char *, const struct unit *, uint64_t *);
static int	 enhanced_code(const char *, int, const char **);

static const struct unit size_units[] = {
	{ "G", GIB }, { "M", MIB }, { "K", KIB },
	{ "g", GIB }, { "m", MIB }, { "k", KIB }, { "", 1 }, { NULL, 0 }
};

static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 }, { NULL, 0 }
};

static const struct {
	const char	*name;
	int		 number;
} facilities[] = {
	{ "mail", LOG_MAIL }, { "daemon", LOG_DAEMON },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

/* Leading digits; *end gets what follows them. */
static int
digits(const char *s, uint64_t *n, const char **end)
{
	unsigned int	 d;

	if (*s < '0' || *s > '9') {
		errno = EINVAL;
		return (-1);
	}
	for (*n = 0; *s >= '0' && *s <= '9'; s++) {
		d = (unsigned int)(*s - '0');
		if (*n > (UINT64_MAX - d) / 10) {
			errno = ERANGE;
			return (-1);
		}
		*n = *n * 10 + d;
	}
	*end = s;
	return (0);
}

static int
with_unit(const char *s, const struct unit *u, uint64_t *n)
{
	const char	*end;

	if (digits(s, n, &end) == -1)
		return (-1);
	for (; u->name != NULL; u++)
		if (strcmp(u->name, end) == 0)
			break;
	if (u->name == NULL) {
		errno = EINVAL;
		return (-1);
	}
	if (*n > UINT64_MAX / u->factor) {
		errno = ERANGE;
		return (-1);
	}
	*n *= u->factor;
	return (0);
}

int
value_number(const char *s, uint64_t *n)
{
	const char	*end;

	if (digits(s, n, &end) == -1)
		return (-1);
	if (*end != '\0') {
		errno = EINVAL;
		return (-1);
	}
	return (0);
}

int
value_mark(const char *s, uint64_t *n)
{
	int	 c, d;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && s[2] != '\0') {
		*n = 0;
		for (s += 2; *s != '\0'; s++) {
			c = *s >= 'A' && *s <= 'F' ? *s + 0x20 : *s;
			if (c >= '0' && c <= '9')
				d = c - '0';
			else if (c >= 'a' && c <= 'f')
				d = c - 'a' + 10;
			else {
				errno = EINVAL;
				return (-1);
			}
			*n = *n << 4 | (unsigned int)d;
			if (*n > UINT32_MAX)
				break;
		}
	} else if (value_number(s, n) == -1)
		return (-1);
	if (*n > UINT32_MAX) {
		errno = ERANGE;
		return (-1);
	}
	return (0);
}

int
value_size(const char *s, uint64_t *n)
{
	return (with_unit(s, size_units, n));
}

int
value_memory(const char *s, uint64_t *n)
{
	struct sysinfo	 si;
	const char	*end;

	if (digits(s, n, &end) == -1)
		return (-1);
	if (strcmp(end, "%") != 0)
		return (value_size(s, n));
	if (*n < 1 || *n > 100) {
		errno = ERANGE;
		return (-1);
	}
	if (sysinfo(&si) == -1)
		return (-1);
	*n = (uint64_t)si.totalram * si.mem_unit * *n / 100;
	return (0);
}

int
value_duration(const char *s, uint64_t *n)
{
	if (strcmp(s, "0") == 0) {
		*n = 0;
		return (0);
	}
	return (with_unit(s, time_units, n));
}

char *
value_size_text(uint64_t n, char *buf)
{
	const struct unit	*u;

	for (u = size_units; n == 0 ? u->factor != 1 : n % u->factor != 0; u++)
		continue;
	snprintf(buf, VALUE_STRLEN, "%" PRIu64 "%s", n / u->factor, u->name);
	return (buf);
}

char *
value_duration_text(uint64_t n, char *buf)
{
	const struct unit	*u;

	if (n == 0) {
		snprintf(buf, VALUE_STRLEN, "0");
		return (buf);
	}
	for (u = time_units; n % u->factor != 0; u++)
		continue;
	snprintf(buf, VALUE_STRLEN, "%" PRIu64 "%s", n / u->factor, u->name);
	return (buf);
}

/*
 * RFC 3463, section 2: class "." subject "." detail, the last two of one to
 * three digits without leading zeros.  Text that does not begin like one is
 * just text.
 */
static int
enhanced_code(const char *s, int class, const char **why)
{
	const char	*end;
	uint64_t	 n[3];
	int		 i;

	if (s[0] < '0' || s[0] > '9' || s[1] != '.')
		return (0);
	for (i = 0; i < 3; i++) {
		if (digits(s, &n[i], &end) == -1 || n[i] > 999 ||
		    end - s > 3 || (end - s > 1 && s[0] == '0') ||
		    (i < 2 ? *end != '.' : *end != ' ')) {
			*why = "the enhanced status code is not like 5.7.1";
			return (-1);
		}
		s = end + 1;
	}
	if (n[0] != (uint64_t)class) {
		*why = "the enhanced status code is of another class than "
		    "the reply code";
		return (-1);
	}
	return (0);
}

int
value_reply(const char *s, int class, const char **why)
{
	const char	*p;

	if (strlen(s) >= CONF_REPLY_MAX) {
		*why = "it is longer than 255 bytes";
		return (-1);
	}
	for (p = s; *p != '\0'; p++) {
		if (*p < 0x20 || *p > 0x7e) {
			*why = "it may be printable ASCII only";
			return (-1);
		}
	}
	for (p = s; p < s + 3; p++) {
		if (*p < '0' || *p > '9') {
			*why = "it does not begin with a reply code";
			return (-1);
		}
	}
	if (s[3] != ' ' || s[4] == ' ' || s[4] == '\0') {
		*why = "a reply code, a blank and a text are needed";
		return (-1);
	}
	if (s[0] != '0' + class) {
		*why = class == 5 ? "only a 5xx reply blocks" :
		    "only a 4xx reply asks to try again";
		return (-1);
	}
	if (macro_check(s, why) == -1)
		return (-1);
	if (s[1] > '5') {
		*why = "no reply code has such a second digit";
		return (-1);
	}
	return (enhanced_code(s + 4, class, why));
}

int
value_facility(const char *name)
{
	size_t	 i;

	for (i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++)
		if (strcmp(facilities[i].name, name) == 0)
			return (facilities[i].number);
	return (-1);
}

const char *
value_facility_text(int number)
{
	size_t	 i;

	for (i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++)
		if (facilities[i].number == number)
			return (facilities[i].name);
	return ("mail");
}

int
value_is_name(const char *s)
{
	return (proto_is_name(s, CONF_NAME_MAX));
}

int
value_is_user(const char *s)
{
	size_t	 i;

	for (i = 0; s[i] != '\0'; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_' || (i > 0 &&
		    ((s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
		    s[i] == '.'))))
			return (0);
	return (i > 0 && i < CONF_NAME_MAX);
}

int
value_is_path(const char *s, size_t max)
{
	const char	*p;

	if (s[0] != '/' || s[1] == '\0' || strlen(s) >= max)
		return (0);
	for (p = s; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return (0);
		if (*p != '/')
			continue;
		if (p[1] == '/' || p[1] == '\0' ||
		    (p[1] == '.' && (p[2] == '/' || p[2] == '\0')) ||
		    (p[1] == '.' && p[2] == '.' &&
		    (p[3] == '/' || p[3] == '\0')))
			return (0);
	}
	return (1);
}

unsigned int
value_distance(const char *a, const char *b)
{
	unsigned int	 d[3][WORD_MAX_DISTANCE + 1];
	unsigned int	*up2, *up, *row, best;
	size_t		 la, lb, i, j;

	la = strlen(a);
	lb = strlen(b);
	if (la > WORD_MAX_DISTANCE || lb > WORD_MAX_DISTANCE)
		return (255);
	up2 = d[0];
	up = d[1];
	memset(up2, 0, sizeof(d[0]));
	for (j = 0; j <= lb; j++)
		up[j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		row = d[(i + 1) % 3];
		row[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			best = up[j - 1] + (a[i - 1] != b[j - 1]);
			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			row[j] = best;
		}
		up2 = up;
		up = row;
	}
	return (up[lb]);
}

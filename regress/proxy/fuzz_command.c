/* SPDX-License-Identifier: ISC */

/*
 * Command lines.  The first byte picks what is called and how small the
 * buffer for the result is; what comes out must be made of what went in.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "unit.h"

static void	 fuzz_verb(const char *, size_t);
static void	 fuzz_path(enum verb, const char *, size_t, size_t);
static void	 fuzz_param(const char *, size_t, size_t);

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)

/* A known verb is letters and digits, then a blank or the end. */
static void
fuzz_verb(const char *line, size_t len)
{
	enum verb	 verb;
	size_t		 i, arg;

	arg = SIZE_MAX;
	verb = command_parse(line, len, &arg);
	if (verb == VERB_UNKNOWN)
		return;
	MUST(verb > VERB_BANNER && verb < VERB_UNKNOWN);
	MUST(arg <= len && arg > 0);
	for (i = 0; i < len && line[i] != ' '; i++)
		MUST((line[i] >= 'A' && line[i] <= 'Z') ||
		    (line[i] >= 'a' && line[i] <= 'z') ||
		    (line[i] >= '0' && line[i] <= '9'));
	for (; i < arg; i++)
		MUST(line[i] == ' ');
	MUST(arg == len || line[arg] != ' ');
	if (verb == VERB_DATA)
		MUST(strncasecmp(line, "DATA", 4) == 0);
}

/* The path stands in the line as it is, between brackets or not at all. */
static void
fuzz_path(enum verb verb, const char *arg, size_t len, size_t size)
{
	char	*path;
	size_t	 n, i, at, par;
	int	 quoted;

	if ((path = malloc(size)) == NULL)
		abort();
	par = SIZE_MAX;
	if (command_path(verb, arg, len, path, size, &par) == -1) {
		free(path);
		return;
	}
	n = strnlen(path, size);
	MUST(n < size);
	MUST(par <= len);
	MUST(par == len || (arg[par] != ' ' && arg[par - 1] == ' '));
	/* A NUL never gets here from a client; it only cuts the copy. */
	if (memchr(arg, '\0', len) == NULL) {
		MUST(n > 0 || verb == VERB_MAIL);
		at = verb == VERB_MAIL ? 5 : 3;
		while (arg[at] == ' ')
			at++;
		if (arg[at] == '<') {
			MUST(arg[at + 1 + n] == '>');
			at++;
		}
		MUST(memcmp(arg + at, path, n) == 0);
		quoted = 0;
		for (i = 0; i < n; i++) {
			if (quoted && path[i] == '\\')
				i++;
			else if (path[i] == '"')
				quoted = !quoted;
			else if (!quoted)
				MUST(strchr("<> ", path[i]) == NULL);
		}
		MUST(!quoted);
	}
	free(path);
}

static void
fuzz_param(const char *params, size_t len, size_t size)
{
	char	*value;
	size_t	 n;
	int	 ret;

	if ((value = malloc(size)) == NULL)
		abort();
	ret = command_param(params, len, "SIZE", value, size);
	MUST(ret == -1 || ret == 0 || ret == 1);
	if (ret == 1 && memchr(params, '\0', len) == NULL) {
		n = strnlen(value, size);
		MUST(n < size);
		MUST(strchr(value, ' ') == NULL);
		MUST(n == 0 || memmem(params, len, value, n) != NULL);
	}
	free(value);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char	*line;
	size_t	 size, arg;
	uint8_t	 what;

	if (len == 0)
		return (0);
	what = data[0];
	line = (char *)unit_exact(data + 1, len - 1);
	size = (size_t)(what >> 2) + 1;
	if (size == 64)
		size = SMTP_ADDR_MAX;
	switch (what & 3) {
	case 0:
		fuzz_verb(line, len - 1);
		break;
	case 1:
		fuzz_path(VERB_MAIL, line, len - 1, size);
		break;
	case 2:
		fuzz_path(VERB_RCPT, line, len - 1, size);
		break;
	case 3:
		fuzz_param(line, len - 1, size);
		/* And as it is done with a whole line. */
		if (command_parse(line, len - 1, &arg) == VERB_MAIL)
			fuzz_path(VERB_MAIL, line + arg, len - 1 - arg,
			    SMTP_ADDR_MAX);
		break;
	}
	free(line);
	return (0);
}

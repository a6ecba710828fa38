/* SPDX-License-Identifier: ISC */

/*
 * Rows as a store would send them that somebody has taken over: what is shown
 * of them is whole lines of valid UTF-8 without a control, no wider than the
 * terminal, and JSON is JSON.  The first byte is the width of the terminal,
 * then come rows, each with its length in two bytes.
 */

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "utf8.h"

/* Numbers and times are not cut, text to 8 columns: no narrower than that. */
#define FIXED(rows)	(number_width(rows) + 2 + 8 + 2 + TIME_MAX + 2 + 8)
#define TIME_MAX	24	/* in the year 584556049 */

int		 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void	 check(int);
static void	 plain(const char *, size_t);
static const char *json_string(const char *);
static const char *json_value(const char *);
static const char *json_object(const char *);
static void	 json(const struct rows *);
static unsigned int number_width(const struct rows *);
static void	 table(const struct rows *, unsigned int);
static void	 detail(const struct rows *);
static void	 times(const struct rows *);

static const struct column columns[] = {
	{ "size", "SIZE", KIND_NUMBER, 0 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ "time", "TIME", KIND_TIME_MS, 0 },
	{ "to", "TO", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
};

static void
check(int ok)
{
	if (!ok)
		abort();
}

/* Nothing in it is for a terminal to act upon, but the ends of lines. */
static void
plain(const char *s, size_t len)
{
	size_t	 n;

	for (; len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		check(n > 0);
		check(*s == '\n' || (unsigned char)*s >= 0x20);
		check(*s != 0x7f);
		/* C1 controls; marks and overrides of direction. */
		check(n != 2 || memcmp(s, "\xc2\xa0", 2) >= 0);
		check(n != 3 || memcmp(s, "\xe2\x80\xaa", 3) < 0 ||
		    memcmp(s, "\xe2\x80\xae", 3) > 0);
	}
}

static const char *
json_string(const char *s)
{
	check(*s++ == '"');
	while (*s != '"') {
		check((unsigned char)*s >= 0x20);
		if (*s++ != '\\')
			continue;
		if (*s == 'u') {
			check(strspn(s + 1, "0123456789abcdef") >= 4);
			s += 5;
		} else {
			check(*s == '"' || *s == '\\');
			s++;
		}
	}
	return (s + 1);
}

static const char *
json_value(const char *s)
{
	size_t	 n;

	if (*s == '"')
		return (json_string(s));
	if (strncmp(s, "true", 4) == 0)
		return (s + 4);
	if (strncmp(s, "false", 5) == 0)
		return (s + 5);
	/* RFC 8259, 6; no program of ours says "-0". */
	if (*s == '-' && s[1] != '0')
		s++;
	n = strspn(s, "0123456789");
	check(n > 0 && (*s != '0' || n == 1));
	return (s + n);
}

static const char *
json_object(const char *s)
{
	check(*s++ == '{');
	if (*s == '}')
		return (s + 1);
	for (;;) {
		s = json_string(s);
		check(*s++ == ':');
		s = json_value(s);
		if (*s == '}')
			return (s + 1);
		check(*s++ == ',');
	}
}

static void
json(const struct rows *rows)
{
	const char	*s;
	char		*out;
	size_t		 len, i;
	FILE		*f;

	check((f = open_memstream(&out, &len)) != NULL);
	print_json(f, rows);
	fclose(f);
	check(strlen(out) == len);
	plain(out, len);
	s = out;
	check(*s++ == '[');
	for (i = 0; i < rows->n; i++) {
		check(i == 0 || *s++ == ',');
		check(*s++ == '\n');
		s = json_object(s);
	}
	check(strcmp(s, i == 0 ? "]\n" : "\n]\n") == 0);
	free(out);
}

/* Of the column that is not cut. */
static unsigned int
number_width(const struct rows *rows)
{
	const char	*value;
	unsigned int	 width;
	size_t		 i;

	width = 4;
	for (i = 0; i < rows->n; i++) {
		value = row_get(&rows->row[i], "size");
		if (value != NULL && display_width(value) > width)
			width = display_width(value);
	}
	return (width);
}

static void
table(const struct rows *rows, unsigned int room)
{
	char		*out, *line, *next;
	unsigned int	 most;
	size_t		 len, n;
	FILE		*f;

	check((f = open_memstream(&out, &len)) != NULL);
	print_table(f, rows, columns, room);
	fclose(f);
	check(strlen(out) == len);
	plain(out, len);
	most = FIXED(rows);
	if (room > most)
		most = room;
	n = 0;
	for (line = out; *line != '\0'; line = next) {
		check((next = strchr(line, '\n')) != NULL);
		*next++ = '\0';
		check(room == 0 || display_width(line) <= most);
		n++;
	}
	check(n == rows->n + 1);
	free(out);
}

static void
detail(const struct rows *rows)
{
	char	*out;
	size_t	 len, i;
	FILE	*f;

	for (i = 0; i < rows->n; i++) {
		check((f = open_memstream(&out, &len)) != NULL);
		print_row(f, &rows->row[i]);
		fclose(f);
		check(strlen(out) == len);
		plain(out, len);
		free(out);
	}
}

/* Any text as a time: one that is understood is not before the epoch. */
static void
times(const struct rows *rows)
{
	const char	*at, *name, *value;
	uint64_t	 t;
	size_t		 i;

	for (i = 0; i < rows->n; i++) {
		at = NULL;
		while (row_next(&rows->row[i], &at, &name, &value)) {
			if (duration_parse(value, &t) == 0)
				check(t <= MAX_KEEP);
			if (time_parse(value, 1795700000, &t) == 0)
				check(value[0] == '@' || t <= INT64_MAX);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	 ready;
	struct rows	 rows;
	unsigned int	 room;
	size_t		 len;
	int		 n;

	if (!ready) {
		check(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
		setenv("TZ", "UTC", 1);
		ready = 1;
	}
	if (size < 1)
		return (0);
	memset(&rows, 0, sizeof(rows));
	room = *data++;
	size--;
	while (size >= 2) {
		len = data[0] | (size_t)data[1] << 8;
		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		/* As the connection refuses them. */
		n = proto_strings(data, len);
		if (n >= 2 && n % 2 == 0)
			rows_add(&rows, data, len);
		data += len;
		size -= len;
	}
	json(&rows);
	table(&rows, room);
	detail(&rows);
	times(&rows);
	rows_free(&rows);
	return (0);
}

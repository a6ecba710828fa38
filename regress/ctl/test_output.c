/* SPDX-License-Identifier: ISC */

/*
 * Rows, as tables and as JSON: columns are aligned and cut by what characters
 * take on a terminal, and nothing of a row is a control to it.
 */

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "unit.h"

/* A row of strings, with its last NUL. */
#define ROW(rows, s)	rows_add((rows), (s), sizeof(s))

#define HAN	"\xe5\x9b\xbd\xe5\xae\xb6"	/* two, of two columns each */
#define ACUTE	"e\xcc\x81"			/* one column */
#define SMILE	"\xf0\x9f\x98\x80"		/* two columns */
#define CSI	"\xc2\x9b"			/* C1 */
#define RLO	"\xe2\x80\xae"			/* turns round what follows */
#define ZWSP	"\xe2\x80\x8b"
#define TAG	"\xf3\xa0\x81\x81"		/* U+E0041 */

static const struct column columns[] = {
	{ "n", "N", KIND_NUMBER, 0 },
	{ "from", "FROM", KIND_TEXT, 1 },
	{ "to", "TO", KIND_TEXT, 1 },
	{ NULL, NULL, KIND_TEXT, 0 }
};

static char	*json(struct rows *);
static char	*table(struct rows *, unsigned int);
static int	 is(char *, const char *);
static int	 shows(const char *, enum kind, const char *);
static int	 json_of(const char *, size_t, const char *);
static void	 test_rows(void);
static void	 test_width(void);
static void	 test_table(void);
static void	 test_cut(void);
static void	 test_rooms(void);
static void	 test_hostile(void);
static void	 test_row(void);
static void	 test_json(void);
static void	 test_show(void);

/* Frees the rows, too. */
static char *
json(struct rows *rows)
{
	char	*out;
	size_t	 len;
	FILE	*f;

	if ((f = open_memstream(&out, &len)) == NULL)
		abort();
	print_json(f, rows);
	fclose(f);
	rows_free(rows);
	return (out);
}

static char *
table(struct rows *rows, unsigned int width)
{
	char	*out;
	size_t	 len;
	FILE	*f;

	if ((f = open_memstream(&out, &len)) == NULL)
		abort();
	print_table(f, rows, columns, width);
	fclose(f);
	rows_free(rows);
	return (out);
}

/* Frees what it compares. */
static int
is(char *out, const char *want)
{
	int	 same;

	same = strcmp(out, want) == 0;
	if (!same)
		printf("# is \"%s\"\n", out);
	free(out);
	return (same);
}

static void
test_rows(void)
{
	struct rows	 rows;
	const char	*at, *name, *value, *last;
	size_t		 i;

	last = "";
	memset(&rows, 0, sizeof(rows));
	ROW(&rows, "a\0" "1\0b\0\0a\0" "2");
	CASE("get", strcmp(row_get(&rows.row[0], "a"), "1") == 0);
	CASE("get-empty", strcmp(row_get(&rows.row[0], "b"), "") == 0);
	CASE("get-none", row_get(&rows.row[0], "1") == NULL &&
	    row_get(&rows.row[0], "") == NULL);
	CASE("number", row_number(&rows.row[0], "a") == 1 &&
	    row_number(&rows.row[0], "b") == 0 &&
	    row_number(&rows.row[0], "c") == 0);
	at = NULL;
	i = 0;
	while (row_next(&rows.row[0], &at, &name, &value)) {
		last = value;
		i++;
	}
	CASE("next", i == 3 && strcmp(last, "2") == 0);
	/* A name without a value is none. */
	ROW(&rows, "a\0" "1\0b");
	CASE("odd", row_get(&rows.row[1], "a") != NULL &&
	    row_get(&rows.row[1], "b") == NULL);
	for (i = 0; i < 1000; i++)
		ROW(&rows, "x\0y");
	CASE("many", rows.n == 1002 &&
	    strcmp(row_get(&rows.row[0], "a"), "1") == 0 &&
	    strcmp(row_get(&rows.row[1001], "x"), "y") == 0);
	rows_free(&rows);
	rows_free(&rows);
	CASE("free-twice", rows.n == 0 && rows.row == NULL);
}

static void
test_width(void)
{
	CASE("width-ascii", display_width("") == 0 &&
	    display_width("abc") == 3);
	CASE("width-wide", display_width(HAN) == 4 &&
	    display_width("a" HAN "b") == 6 && display_width(SMILE) == 2);
	CASE("width-combining", display_width(ACUTE) == 1);
	/* Each is shown as a question mark. */
	CASE("width-control", display_width("\x1b[m") == 3 &&
	    display_width(CSI) == 1 && display_width(RLO) == 1 &&
	    display_width(ZWSP) == 1 && display_width(TAG) == 1);
	CASE("width-broken", display_width("\xe5\x9b") == 2 &&
	    display_width("\xff\xfe") == 2 && display_width("\xc0\x80") == 2 &&
	    display_width("\xed\xa0\x80") == 3);
}

static void
test_table(void)
{
	struct rows	 rows;
	char		*out, *big;
	static char	 row[5 + 9000];

	memset(&rows, 0, sizeof(rows));
	CASE("table-empty", is(table(&rows, 0), "N  FROM  TO\n"));
	ROW(&rows, "n\0" "7\0from\0a\0to\0x");
	ROW(&rows, "to\0y\0n\0" "1234\0from\0" HAN "b");
	ROW(&rows, "n\0" "1\0from\0" ACUTE "\0other\0z");
	CASE("table-aligned", is(table(&rows, 0),
	    "   N  FROM   TO\n"
	    "   7  a      x\n"
	    "1234  " HAN "b  y\n"
	    "   1  " ACUTE "      \n"));
	/* Not a terminal: all of it, however long. */
	memset(row, 'x', sizeof(row));
	memcpy(row, "from", 5);
	row[sizeof(row) - 1] = '\0';
	rows_add(&rows, row, sizeof(row));
	out = table(&rows, 0);
	big = strstr(out, "xxx");
	CASE("table-whole", big != NULL && strspn(big, "x") == 8999);
	free(out);
}

static void
test_cut(void)
{
	struct rows	 rows;

	memset(&rows, 0, sizeof(rows));
	ROW(&rows, "n\0" "1\0from\0" "abcdefghijkl\0to\0mnopqrstuvwx");
	CASE("cut-fits", is(table(&rows, 29),
	    "N  FROM          TO\n"
	    "1  abcdefghijkl  mnopqrstuvwx\n"));
	ROW(&rows, "n\0" "1\0from\0" "abcdefghijkl\0to\0mnopqrstuvwx");
	CASE("cut", is(table(&rows, 25),
	    "N  FROM        TO\n"
	    "1  abcdefghi~  mnopqrstu~\n"));
	/* Half of a wide character is no character. */
	ROW(&rows, "n\0" "1\0from\0" HAN HAN HAN "\0to\0x");
	CASE("cut-wide-even", is(table(&rows, 15),
	    "N  FROM      TO\n"
	    "1  " HAN "\xe5\x9b\xbd" "~   x\n"));
	ROW(&rows, "n\0" "1\0from\0" HAN HAN HAN "\0to\0x");
	CASE("cut-wide-odd", is(table(&rows, 16),
	    "N  FROM       TO\n"
	    "1  " HAN HAN "~  x\n"));
	/* What belongs to the character before stays with it. */
	ROW(&rows, "n\0" "1\0from\0" ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE
	    ACUTE ACUTE "\0to\0x");
	CASE("cut-combining", is(table(&rows, 15),
	    "N  FROM      TO\n"
	    "1  " ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE "~  x\n"));
	/* Numbers are not cut, nor anything to less than can be read. */
	ROW(&rows, "n\0" "123456789\0from\0abcdefghijkl\0to\0mnopqrstuvwx");
	CASE("cut-least", is(table(&rows, 1),
	    "        N  FROM      TO\n"
	    "123456789  abcdefg~  mnopqrs~\n"));
}

/* No line is longer than any room that there is for the least of it. */
static void
test_rooms(void)
{
	static const char	 row[] = "n\0" "1\0from\0" HAN "a" SMILE ACUTE
				    "\xff" HAN HAN "\0to\0a" CSI HAN HAN HAN
				    SMILE "end";
	struct rows		 rows;
	char			*out, *line, *next;
	unsigned int		 room, wide;

	wide = 0;
	memset(&rows, 0, sizeof(rows));
	for (room = 21; room < 60; room++) {
		rows_add(&rows, row, sizeof(row));
		out = table(&rows, room);
		for (line = out; *line != '\0'; line = next) {
			next = strchr(line, '\n');
			*next++ = '\0';
			if (display_width(line) > room)
				wide = room;
		}
		free(out);
	}
	CASE("rooms", wide == 0);
}

static void
test_hostile(void)
{
	struct rows	 rows;

	memset(&rows, 0, sizeof(rows));
	ROW(&rows, "n\0\x1b[2J\0from\0a\x1b]0;t\x07\0to\0b\nc\x7f");
	CASE("escape-c0", is(table(&rows, 0),
	    "   N  FROM     TO\n"
	    "?[2J  a?]0;t?  b?c?\n"));
	ROW(&rows, "from\0" CSI "2J\0to\0\x9b" "31m");
	CASE("escape-c1", is(table(&rows, 0),
	    "N  FROM  TO\n"
	    "   ?2J   ?31m\n"));
	ROW(&rows, "from\0a" RLO "fdp.exe\0to\0x" ZWSP TAG "\xe2\x80\xa8y");
	CASE("escape-order", is(table(&rows, 0),
	    "N  FROM       TO\n"
	    "   a?fdp.exe  x???y\n"));
	ROW(&rows, "from\0" "\xe5\x9b(\0to\0\xf8\x88\x80\x80\x80");
	CASE("escape-broken", is(table(&rows, 0),
	    "N  FROM  TO\n"
	    "   ?\?(   ?????\n"));
}

static void
test_row(void)
{
	struct rows	 rows;
	static char	 row[5 + 9000];
	char		*out;
	size_t		 len;
	FILE		*f;

	memset(&rows, 0, sizeof(rows));
	ROW(&rows, "time\0" "1795719600123\0expires\0" "0\0from\0\x1b" "c"
	    RLO "\0a-name-that-is-long\0x\0\x1b[m\0y");
	memset(row, 'x', sizeof(row));
	memcpy(row, "fact", 5);
	row[sizeof(row) - 1] = '\0';
	rows_add(&rows, row, sizeof(row));
	if ((f = open_memstream(&out, &len)) == NULL)
		abort();
	print_row(f, &rows.row[0]);
	fclose(f);
	CASE("row", is(out,
	    "time          2026-11-26 19:00:00\n"
	    "expires       never\n"
	    "from          ?c?\n"
	    "a-name-that-is-long x\n"
	    "?[m           y\n"));
	if ((f = open_memstream(&out, &len)) == NULL)
		abort();
	print_row(f, &rows.row[1]);
	fclose(f);
	CASE("row-whole", len == 14 + 8999 + 1);
	free(out);
	rows_free(&rows);
}

/* One row, and what becomes of it. */
static int
json_of(const char *row, size_t len, const char *want)
{
	struct rows	 rows;

	memset(&rows, 0, sizeof(rows));
	rows_add(&rows, row, len);
	return (is(json(&rows), want));
}

#define JSON(name, row, want)						\
	CASE(name, json_of(row, sizeof(row), "[\n{" want "}\n]\n"))

static void
test_json(void)
{
	struct rows	 rows;

	memset(&rows, 0, sizeof(rows));
	CASE("json-empty", is(json(&rows), "[]\n"));
	ROW(&rows, "key\0a");
	ROW(&rows, "key\0b\0why\0");
	CASE("json-rows", is(json(&rows),
	    "[\n{\"key\":\"a\"},\n{\"key\":\"b\",\"why\":\"\"}\n]\n"));
	JSON("json-number", "size\0" "12\0code\0" "0\0value\0"
	    "18446744073709551615",
	    "\"size\":12,\"code\":0,\"value\":18446744073709551615");
	/* RFC 8259, 6 has no such numbers. */
	JSON("json-no-number", "size\0" "012\0code\0" "00\0value\0\0time\0"
	    "-1\0rule\0" "1e5\0pid\0" "1 ", "\"size\":\"012\","
	    "\"code\":\"00\",\"value\":\"\",\"time\":-1,"
	    "\"rule\":\"1e5\",\"pid\":\"1 \"");
	JSON("json-text-of-digits", "subject\0" "12\0session\0" "0012",
	    "\"subject\":\"12\",\"session\":\"0012\"");
	JSON("json-boolean", "quarantined\0" "1\0authenticated\0" "0",
	    "\"quarantined\":true,\"authenticated\":false");
	JSON("json-quotes", "a\"b\0c\\d\"", "\"a\\\"b\":\"c\\\\d\\\"\"");
	JSON("json-utf8", "k\0" HAN ACUTE SMILE,
	    "\"k\":\"" HAN ACUTE SMILE "\"");
	JSON("json-c0", "k\0\x01\t\n\x1b[m\x7f",
	    "\"k\":\"\\u0001\\u0009\\u000a\\u001b[m\\u007f\"");
	JSON("json-c1", "k\0a" CSI "m", "\"k\":\"a\\u009bm\"");
	JSON("json-order", "k\0" RLO "x" TAG,
	    "\"k\":\"\\u202ex\\udb40\\udc41\"");
	JSON("json-broken", "k\0" "a\xff\xe5\x9bz\xc3",
	    "\"k\":\"a\\ufffd\\ufffd\\ufffdz\\ufffd\"");
}

static int
shows(const char *value, enum kind kind, const char *want)
{
	const char	*out;
	char		 buf[64];

	out = show(value, kind, buf, sizeof(buf));
	if (strcmp(out, want) == 0)
		return (1);
	printf("# is \"%s\"\n", out);
	return (0);
}

static void
test_show(void)
{
	CASE("show-text", shows("x", KIND_TEXT, "x") &&
	    shows(NULL, KIND_TEXT, "") && shows("007", KIND_NUMBER, "007"));
	CASE("show-bytes", shows("0", KIND_BYTES, "0 B") &&
	    shows("1023", KIND_BYTES, "1023 B") &&
	    shows("1024", KIND_BYTES, "1.0 K") &&
	    shows("10240", KIND_BYTES, "10 K") &&
	    shows("1572864", KIND_BYTES, "1.5 M") &&
	    shows("18446744073709551615", KIND_BYTES, "16384 P"));
	CASE("show-time", shows("1795719600", KIND_TIME,
	    "2026-11-26 19:00:00") && shows("1795719600999", KIND_TIME_MS,
	    "2026-11-26 19:00:00") && shows("0", KIND_TIME, "never") &&
	    shows(NULL, KIND_TIME, "never"));
	CASE("show-time-never-comes", shows("9223372036854775807", KIND_TIME,
	    "9223372036854775807"));
	CASE("show-seconds", shows("0", KIND_SECONDS, "never") &&
	    shows("59", KIND_SECONDS, "59s") &&
	    shows("61", KIND_SECONDS, "1m01s") &&
	    shows("3600", KIND_SECONDS, "1h00m") &&
	    shows("90061", KIND_SECONDS, "25h01m") &&
	    shows("172800", KIND_SECONDS, "2d"));
}

int
main(void)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		abort();
	setenv("TZ", "UTC", 1);
	tzset();
	test_rows();
	test_width();
	test_table();
	test_cut();
	test_rooms();
	test_hostile();
	test_row();
	test_json();
	test_show();
	return (unit_failed);
}

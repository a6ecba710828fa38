/* SPDX-License-Identifier: ISC */

/* Rows for people and for programs. */

#include <sys/ioctl.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include <bsd/string.h>

#include "ctl.h"
#include "utf8.h"

#define COLUMNS_MAX	24
#define CELL		2048	/* bytes of one value */
#define GAP		2	/* columns between columns */
#define LEAST		8	/* a flexible column is not cut below it */

/* Values that are numbers in JSON; all others are strings. */
static const char *const numbers[] = {
	"number", "time", "recipients", "size", "rule", "parts", "recv_ms",
	"parse_us", "scan_us", "deliver_ms", "expires", "added", "members",
	"expire", "pid", "seconds", "deaths", "messages", "bytes",
	"accepted", "code", "value"
};
static const char *const booleans[] = { "quarantined", "authenticated" };

static int	 is_listed(const char *, const char *const *, size_t);
static wchar_t	 decode(const char *, size_t);
static void	 print_cell(FILE *, const char *, unsigned int, int);
static void	 fit(unsigned int *, const struct column *, unsigned int,
		    unsigned int);

unsigned int
terminal_width(int fd)
{
	struct winsize	 ws;

	if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &ws) == -1)
		return (0);
	return (ws.ws_col);
}

/* The character of n bytes, of valid UTF-8. */
static wchar_t
decode(const char *s, size_t n)
{
	static const uint8_t	 mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t		 c;
	size_t			 i;

	c = (uint8_t)s[0] & mask[n];
	for (i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)s[i] & 0x3f);
	return ((wchar_t)c);
}

unsigned int
display_width(const char *s)
{
	unsigned int	 width;
	size_t		 len, n;
	int		 w;

	width = 0;
	for (len = strlen(s); len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		w = n == 0 ? 1 : wcwidth(decode(s, n));
		if (n == 0)
			n = 1;
		width += w < 0 ? 1 : (unsigned int)w;
	}
	return (width);
}

/*
 * A value in exactly width columns, or all of it (0).  Characters that a
 * terminal would act upon, or that show nothing, become question marks.
 */
static void
print_cell(FILE *f, const char *s, unsigned int width, int right)
{
	unsigned int	 used, total;
	size_t		 len, n;
	int		 w;

	total = display_width(s);
	for (used = total; right && used < width; used++)
		putc(' ', f);
	used = 0;
	for (len = strlen(s); len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		w = n == 0 ? -1 : wcwidth(decode(s, n));
		if (n == 0)
			n = 1;
		/* One column stays for the mark of what is cut. */
		if (width != 0 && total > width && used +
		    (w < 0 ? 1 : (unsigned int)w) > width - 1) {
			putc('~', f);
			used++;
			break;
		}
		if (w < 0)
			putc('?', f);
		else
			fwrite(s, 1, n, f);
		used += w < 0 ? 1 : (unsigned int)w;
	}
	for (; !right && used < width; used++)
		putc(' ', f);
}

static int
is_listed(const char *name, const char *const *list, size_t n)
{
	size_t	 i;

	for (i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return (1);
	return (0);
}

void
print_string(FILE *f, const char *s)
{
	size_t	 len, n;

	putc('"', f);
	for (len = strlen(s); len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		if (n == 0) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\u%04x", (unsigned char)*s);
		else
			fwrite(s, 1, n, f);
	}
	putc('"', f);
}

void
print_json(FILE *f, const struct rows *rows)
{
	const char	*at, *name, *value, *sep;
	size_t		 i;

	putc('[', f);
	for (i = 0; i < rows->n; i++) {
		fputs(i == 0 ? "\n{" : ",\n{", f);
		at = NULL;
		sep = "";
		while (row_next(&rows->row[i], &at, &name, &value)) {
			fputs(sep, f);
			print_string(f, name);
			putc(':', f);
			if (is_listed(name, booleans, sizeof(booleans) /
			    sizeof(booleans[0])))
				fputs(strcmp(value, "1") == 0 ? "true" :
				    "false", f);
			else if (is_listed(name, numbers, sizeof(numbers) /
			    sizeof(numbers[0])) && value[0] != '\0' &&
			    value[strspn(value, "0123456789")] == '\0')
				fputs(value, f);
			else
				print_string(f, value);
			sep = ",";
		}
		putc('}', f);
	}
	fputs(rows->n == 0 ? "]\n" : "\n]\n", f);
}

char *
show(const char *value, enum kind kind, char *buf, size_t size)
{
	static const char	 units[] = "BKMGTP";
	unsigned long long	 n;
	struct tm		 tm;
	double			 d;
	time_t			 t;
	size_t			 i;

	if (value == NULL)
		value = "";
	n = strtoull(value, NULL, 10);
	switch (kind) {
	case KIND_BYTES:
		d = (double)n;
		for (i = 0; d >= 1024 && units[i + 1] != '\0'; i++)
			d /= 1024;
		snprintf(buf, size, i == 0 ? "%.0f %c" : d < 10 ? "%.1f %c" :
		    "%.0f %c", d, units[i]);
		return (buf);
	case KIND_TIME:
	case KIND_TIME_MS:
		t = (time_t)(kind == KIND_TIME ? n : n / 1000);
		if (n == 0)
			strlcpy(buf, "never", size);
		else if (localtime_r(&t, &tm) == NULL ||
		    strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
			strlcpy(buf, value, size);
		return (buf);
	case KIND_SECONDS:
		if (n == 0)
			strlcpy(buf, "never", size);
		else if (n % 86400 == 0)
			snprintf(buf, size, "%llud", n / 86400);
		else if (n >= 3600)
			snprintf(buf, size, "%lluh%02llum", n / 3600,
			    n / 60 % 60);
		else if (n >= 60)
			snprintf(buf, size, "%llum%02llus", n / 60, n % 60);
		else
			snprintf(buf, size, "%llus", n);
		return (buf);
	case KIND_TEXT:
	case KIND_NUMBER:
		break;
	}
	strlcpy(buf, value, size);
	return (buf);
}

/* Take from flexible columns, the widest first, until all fits. */
static void
fit(unsigned int *width, const struct column *col, unsigned int n,
    unsigned int room)
{
	unsigned int	 i, sum, widest;

	for (;;) {
		sum = 0;
		widest = n;
		for (i = 0; i < n; i++) {
			sum += width[i] + (i > 0 ? GAP : 0);
			if (col[i].flex && width[i] > LEAST &&
			    (widest == n || width[i] > width[widest]))
				widest = i;
		}
		if (sum <= room || widest == n)
			return;
		width[widest]--;
	}
}

void
print_table(FILE *f, const struct rows *rows, const struct column *col,
    unsigned int room)
{
	unsigned int	 width[COLUMNS_MAX], n, i, w;
	char		 cell[CELL];
	size_t		 k;
	int		 right;

	for (n = 0; n < COLUMNS_MAX && col[n].name != NULL; n++)
		width[n] = display_width(col[n].title);
	for (k = 0; k < rows->n; k++)
		for (i = 0; i < n; i++) {
			w = display_width(show(row_get(&rows->row[k],
			    col[i].name), col[i].kind, cell, sizeof(cell)));
			if (w > width[i])
				width[i] = w;
		}
	if (room > 0)
		fit(width, col, n, room);
	for (k = 0; k <= rows->n; k++) {
		for (i = 0; i < n; i++) {
			right = col[i].kind == KIND_NUMBER ||
			    col[i].kind == KIND_BYTES;
			if (k == 0)
				strlcpy(cell, col[i].title, sizeof(cell));
			else
				show(row_get(&rows->row[k - 1], col[i].name),
				    col[i].kind, cell, sizeof(cell));
			/* No blanks at the end of a line. */
			if (i + 1 == n && !right && display_width(cell) <=
			    width[i])
				print_cell(f, cell, 0, 0);
			else
				print_cell(f, cell, width[i], right);
			fprintf(f, "%*s", i + 1 == n ? 0 : GAP, "");
		}
		putc('\n', f);
	}
}

void
print_row(FILE *f, const struct row *r)
{
	const char	*at, *name, *value;
	char		 buf[CELL];
	enum kind	 kind;

	at = NULL;
	while (row_next(r, &at, &name, &value)) {
		kind = strcmp(name, "time") == 0 ? KIND_TIME_MS :
		    strcmp(name, "expires") == 0 ? KIND_TIME : KIND_TEXT;
		fprintf(f, "%-14s", name);
		print_cell(f, show(value, kind, buf, sizeof(buf)), 0, 0);
		putc('\n', f);
	}
}

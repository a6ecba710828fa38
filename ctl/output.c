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
#define SHOWN		64	/* bytes of a value that is not text */
#define NAME		14	/* columns of a name in front of a value */
#define GAP		2	/* columns between columns */
#define LEAST		8	/* a flexible column is not cut below it */

/* Values that are numbers in JSON; all others are strings. */
static const char *const numbers[] = {
	"number", "time", "recipients", "size", "rule", "parts", "recv_ms",
	"parse_us", "scan_us", "deliver_ms", "expires", "added", "members",
	"expire", "pid", "seconds", "deaths", "messages", "bytes",
	"accepted", "code", "value", "next", "tries", "points", "score",
	"entries", "part",
	"offset", "depth", "within"
};
static const char *const booleans[] = {
	"quarantined", "authenticated", "tried", "matches", "disconnect",
	"quarantine", "strip"
};

static int	 is_listed(const char *, const char *const *, size_t);
static int	 is_number(const char *);
static uint32_t	 decode(const char *, size_t);
static int	 is_hidden(uint32_t);
static int	 columns(const char *, size_t);
static void	 print_escaped(FILE *, uint32_t);
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
static uint32_t
decode(const char *s, size_t n)
{
	static const uint8_t	 mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t		 c;
	size_t			 i;

	c = (uint8_t)s[0] & mask[n];
	for (i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)s[i] & 0x3f);
	return (c);
}

/*
 * Characters that show nothing, or turn round the order of others: a name
 * could look like another one.  Joiners are not here, some scripts need them.
 */
static int
is_hidden(uint32_t c)
{
	static const struct {
		uint32_t	 first, last;
	} hidden[] = {
		{ 0xad, 0xad },			/* soft hyphen */
		{ 0x61c, 0x61c }, { 0x180e, 0x180e }, { 0x200b, 0x200b },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0xe0000, 0xe007f }		/* tags */
	};
	size_t	 i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return (1);
	return (0);
}

/* Columns of a character of n bytes, or -1: it must not be shown. */
static int
columns(const char *s, size_t n)
{
	uint32_t	 c;

	if (n == 0)
		return (-1);
	c = decode(s, n);
	return (is_hidden(c) ? -1 : wcwidth((wchar_t)c));
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
		w = columns(s, n);
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
		w = columns(s, n);
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

void
make_plain(char *s)
{
	char	*to;
	size_t	 len, n;

	to = s;
	for (len = strlen(s); len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		if (columns(s, n) < 0) {
			*to++ = '?';
			if (n == 0)
				n = 1;
			continue;
		}
		memmove(to, s, n);
		to += n;
	}
	*to = '\0';
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

/* RFC 8259, 6: digits, and no zero in front of others. */
static int
is_number(const char *s)
{
	if (s[0] == '-' && s[1] != '0')
		s++;
	return (s[0] != '\0' && s[strspn(s, "0123456789")] == '\0' &&
	    (s[0] != '0' || s[1] == '\0'));
}

/* RFC 8259, 7: those beyond 16 bits as two surrogates. */
static void
print_escaped(FILE *f, uint32_t c)
{
	if (c < 0x10000)
		fprintf(f, "\\u%04x", c);
	else
		fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
		    0xdc00 + ((c - 0x10000) & 0x3ff));
}

void
print_string(FILE *f, const char *s)
{
	uint32_t	 c;
	size_t		 len, n;

	putc('"', f);
	for (len = strlen(s); len > 0; s += n, len -= n) {
		n = utf8_char((const uint8_t *)s, len);
		c = n == 0 ? 0xfffd : decode(s, n);
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", *s);
		/* C1 controls are controls for a terminal, too. */
		else if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
		    is_hidden(c))
			print_escaped(f, c);
		else
			fwrite(s, 1, n, f);
		if (n == 0)
			n = 1;
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
			    sizeof(numbers[0])) && is_number(value))
				fputs(value, f);
			else
				print_string(f, value);
			sep = ",";
		}
		putc('}', f);
	}
	fputs(rows->n == 0 ? "]\n" : "\n]\n", f);
}

const char *
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
	return (value);
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
	const char	*text;
	char		 buf[SHOWN];
	size_t		 k;
	int		 right;

	for (n = 0; n < COLUMNS_MAX && col[n].name != NULL; n++)
		width[n] = display_width(col[n].title);
	for (k = 0; k < rows->n; k++)
		for (i = 0; i < n; i++) {
			w = display_width(show(row_get(&rows->row[k],
			    col[i].name), col[i].kind, buf, sizeof(buf)));
			if (w > width[i])
				width[i] = w;
		}
	if (room > 0)
		fit(width, col, n, room);
	for (k = 0; k <= rows->n; k++) {
		for (i = 0; i < n; i++) {
			right = col[i].kind == KIND_NUMBER ||
			    col[i].kind == KIND_BYTES;
			text = k == 0 ? col[i].title :
			    show(row_get(&rows->row[k - 1], col[i].name),
			    col[i].kind, buf, sizeof(buf));
			/* No blanks at the end of a line. */
			if (i + 1 == n && !right && display_width(text) <=
			    width[i])
				print_cell(f, text, 0, 0);
			else
				print_cell(f, text, width[i], right);
			fprintf(f, "%*s", i + 1 == n ? 0 : GAP, "");
		}
		putc('\n', f);
	}
}

void
print_row(FILE *f, const struct row *r)
{
	const char	*at, *name, *value;
	char		 buf[SHOWN];
	enum kind	 kind;
	unsigned int	 w;

	at = NULL;
	while (row_next(r, &at, &name, &value)) {
		kind = strcmp(name, "time") == 0 ? KIND_TIME_MS :
		    strcmp(name, "expires") == 0 ? KIND_TIME : KIND_TEXT;
		print_cell(f, name, 0, 0);
		w = display_width(name);
		fprintf(f, "%*s", w < NAME ? (int)(NAME - w) : 1, "");
		print_cell(f, show(value, kind, buf, sizeof(buf)), 0, 0);
		putc('\n', f);
	}
}

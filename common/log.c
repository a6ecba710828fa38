/* SPDX-License-Identifier: ISC */

/*
 * Logging, see log.h.  Nothing here uses stdio or the locale, so that a
 * confined child can call it; only master ever opens syslog(3).
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "utf8.h"

static enum log_dest	 log_dest = LOG_TO_STDERR;
static const char	*log_name = "mailwall";
static int		 log_verbose;

static void	 log_out(int, const char *, size_t);
static void	 log_va(int, const char *, va_list, int)
		    __attribute__((__format__(printf, 2, 0)));
static size_t	 log_clean(char *, size_t, const char *, size_t);
static size_t	 utf8_len(const unsigned char *, size_t);

void
log_init(enum log_dest dest, const char *name, int verbose)
{
	log_dest = dest;
	log_name = name;
	log_verbose = verbose;
}

void
log_setverbose(int verbose)
{
	log_verbose = verbose;
}

int
log_getverbose(void)
{
	return (log_verbose);
}

/* One line out in one write; nobody is left to tell when that fails. */
static void
log_out(int priority, const char *text, size_t len)
{
	char		 line[LOG_LINE_MAX + 64];
	ssize_t		 n;
	int		 size;

	switch (log_dest) {
	case LOG_TO_SYSLOG:
		syslog(priority, "%.*s", (int)len, text);
		return;
	case LOG_TO_PIPE:
		size = snprintf(line, sizeof(line), "<%d>%.*s\n", priority,
		    (int)len, text);
		break;
	case LOG_TO_STDERR:
	default:
		size = snprintf(line, sizeof(line), "%s: %.*s\n", log_name,
		    (int)len, text);
		break;
	}
	if (size < 0)
		return;
	if ((size_t)size >= sizeof(line)) {
		size = sizeof(line) - 1;
		line[size - 1] = '\n';
	}
	do {
		n = write(CHILD_FD_LOG, line, (size_t)size);
	} while (n == -1 && errno == EINTR);
}

static void
log_va(int priority, const char *fmt, va_list ap, int saved_errno)
{
	char	 text[LOG_LINE_MAX];
	size_t	 len;
	int	 n;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		return;
	len = (size_t)n;
	if (len >= sizeof(text)) {
		len = sizeof(text) - 1;
		memcpy(text + len - 3, "...", 3);
	} else if (saved_errno != -1) {
		n = snprintf(text + len, sizeof(text) - len, ": %s",
		    strerror(saved_errno));
		if (n > 0)
			len += (size_t)n;
		if (len >= sizeof(text))
			len = sizeof(text) - 1;
	}
	log_out(priority, text, len);
}

void
log_warn(const char *fmt, ...)
{
	va_list	 ap;
	int	 saved_errno;

	saved_errno = errno;
	va_start(ap, fmt);
	log_va(LOG_WARNING, fmt, ap, saved_errno);
	va_end(ap);
	errno = saved_errno;
}

void
log_warnx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_va(LOG_WARNING, fmt, ap, -1);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_va(LOG_INFO, fmt, ap, -1);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list	 ap;

	if (log_verbose == 0)
		return;
	va_start(ap, fmt);
	log_va(LOG_DEBUG, fmt, ap, -1);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list	 ap;
	int	 saved_errno;

	saved_errno = errno;
	va_start(ap, fmt);
	log_va(LOG_CRIT, fmt, ap, saved_errno);
	va_end(ap);
	_exit(CHILD_FATAL);
}

void
fatalx(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	log_va(LOG_CRIT, fmt, ap, -1);
	va_end(ap);
	_exit(CHILD_FATAL);
}

/* Controls become \xNN; returns the new length, at most size. */
static size_t
log_clean(char *dst, size_t size, const char *text, size_t len)
{
	static const char	 hex[] = "0123456789abcdef";
	size_t			 i, n;
	unsigned char		 c;

	n = 0;
	for (i = 0; i < len && n + 4 < size; i++) {
		c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f) {
			dst[n++] = '\\';
			dst[n++] = 'x';
			dst[n++] = hex[c >> 4];
			dst[n++] = hex[c & 15];
		} else
			dst[n++] = (char)c;
	}
	return (n);
}

void
log_line(int priority, const char *tag, const char *text, size_t len)
{
	char	 clean[LOG_LINE_MAX];
	int	 n;

	n = snprintf(clean, sizeof(clean), "%.64s: ", tag);
	if (n < 0)
		return;
	len = log_clean(clean + n, sizeof(clean) - (size_t)n, text, len);
	log_out(priority, clean, (size_t)n + len);
}

void
log_session(int priority, const char *text, size_t len)
{
	char	 clean[LOG_LINE_MAX];

	len = log_clean(clean, sizeof(clean), text, len);
	log_out(priority, clean, len);
}

/* Length of a character that may stand in a line, and is not ASCII; or 0. */
static size_t
utf8_len(const unsigned char *s, size_t len)
{
	size_t	 n;

	n = utf8_char(s, len);
	if (n < 2 || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0))
		return (0);			/* C1 control */
	return (n);
}

char *
log_quote(char *dst, size_t size, const char *src, size_t len)
{
	static const char	 hex[] = "0123456789abcdef";
	const unsigned char	*s;
	size_t			 i, n, u;
	int			 quoted;

	if (size < 16) {
		if (size > 0)
			dst[0] = '\0';
		return (dst);
	}
	s = (const unsigned char *)src;
	quoted = len == 0;
	for (i = 0; i < len && !quoted; i++)
		quoted = s[i] == ' ' || s[i] == '=' || s[i] == '\t';

	n = 0;
	if (quoted)
		dst[n++] = '"';
	for (i = 0; i < len; ) {
		/* Room for one character, "...", a quote and the NUL. */
		if (n + 9 > size) {
			memcpy(dst + n, "...", 3);
			n += 3;
			break;
		}
		if (s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' &&
		    s[i] != '\\') {
			dst[n++] = (char)s[i++];
		} else if ((u = utf8_len(s + i, len - i)) != 0) {
			memcpy(dst + n, s + i, u);
			n += u;
			i += u;
		} else {
			dst[n++] = '\\';
			dst[n++] = 'x';
			dst[n++] = hex[s[i] >> 4];
			dst[n++] = hex[s[i] & 15];
			i++;
		}
	}
	if (quoted)
		dst[n++] = '"';
	dst[n] = '\0';
	return (dst);
}

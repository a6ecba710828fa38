/* SPDX-License-Identifier: ISC */

/*
 * Logging.  Four verbs, as everywhere in the family: fatal for our own bugs
 * and for set-up that cannot be had, log_warn for what the network or a less
 * trusted peer can cause; the x forms leave out errno.
 *
 * A child writes "<priority>text\n" in one write(2) to descriptor 2, which is
 * a pipe to master (one line is at most PIPE_BUF, hence atomic).  Master knows
 * the sender by the pipe, cleans the text, and writes to syslog or stderr.
 */

#ifndef MAILWALL_LOG_H
#define MAILWALL_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX	2048	/* longer lines are cut, marked "..." */

enum log_dest {
	LOG_TO_PIPE,		/* a child: "<priority>text" to fd 2 */
	LOG_TO_STDERR,		/* master -d, and tests: "name: text" */
	LOG_TO_SYSLOG		/* master in service */
};

/* name is kept, not copied; verbose > 0 lets log_debug through. */
void	 log_init(enum log_dest, const char *name, int verbose);
void	 log_setverbose(int verbose);
int	 log_getverbose(void);

void	 log_warn(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
void	 log_warnx(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
void	 log_info(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
void	 log_debug(const char *, ...)
	    __attribute__((__format__(printf, 1, 2)));
void	 fatal(const char *, ...)
	    __attribute__((__noreturn__, __format__(printf, 1, 2)));
void	 fatalx(const char *, ...)
	    __attribute__((__noreturn__, __format__(printf, 1, 2)));

/*
 * Write one finished line of a child, as master does for its pipes: tag is
 * "proxy[123]", text is len bytes, cleaned here, priority is a syslog(3)
 * level.
 */
void	 log_line(int priority, const char *tag, const char *text, size_t len);

/* The same without a tag, for lines that begin with their session's id. */
void	 log_session(int priority, const char *text, size_t len);

/*
 * Make text from the network fit for a key=value line: printable ASCII and
 * valid UTF-8 stay, controls, quotes, backslashes and broken bytes become
 * \xNN, and the whole is put into double quotes if it has white space, '='
 * or is empty.  At most size bytes with the NUL; cut text ends in "...".
 * Returns dst.
 */
char	*log_quote(char *dst, size_t size, const char *src, size_t len);

#endif /* MAILWALL_LOG_H */

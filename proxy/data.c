/* SPDX-License-Identifier: ISC */

/*
 * The message as it comes from the client (RFC 5321 sections 2.3.8, 4.1.1.4,
 * 4.5.2).
 *
 * Only CRLF ends a line and only CRLF.CRLF ends the message.  Servers differ
 * in what else they take for an end: LF.LF, LF.CRLF, CR.CR and so on, and the
 * server behind us trusts our framing.  So a bare CR, a bare LF or a NUL
 * anywhere makes the message one that is not passed on; it is still read to
 * its true end, so that what follows is not mistaken for commands.
 *
 * Or, as configured, each becomes CRLF (a NUL is refused all the same): what
 * then is a dot on a line of its own is stuffed like any other by deliver.c.
 *
 * The spool keeps the message as the reader will see it, dots unstuffed: that
 * is what is scanned.  deliver.c stuffs again.
 */

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008U		/* Linux 6.3 */
#endif

static void	 spool_put(struct session *, const uint8_t *, size_t);
static void	 fault(struct message *, enum data_fault);
static void	 form_fault(struct message *, enum data_fault);
static size_t	 take_text(struct message *, const uint8_t *, size_t);
static int	 data_exact(struct session *, const uint8_t *, size_t,
		    size_t *);
static int	 data_normalised(struct session *, const uint8_t *, size_t,
		    size_t *);
static size_t	 normalise(struct message *, uint8_t, uint8_t *);

int
data_spool(void)
{
	int	 fd;

	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING |
	    MFD_NOEXEC_SEAL);
	if (fd == -1 && errno == EINVAL)
		fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return (fd);
}

struct message *
data_begin(void)
{
	struct message	*m;

	/* A descriptor that a frame brings must always find a place. */
	if (proxy.nmessages >= proxy.max_messages) {
		errno = EMFILE;
		return (NULL);
	}
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (NULL);
	m->fd = data_spool();
	if (m->fd == -1) {
		free(m);
		return (NULL);
	}
	m->arena = -1;
	m->bad_part = SCAN_RAW;
	proxy.nmessages++;
	m->state = AT_BOL;
	m->verdict = VERDICT_CLEAN;
	return (m);
}

void
data_free(struct message *m)
{
	if (m == NULL)
		return;
	inspect_cancel(m->job);
	if (m->waiting != NULL)
		store_cancel(m->waiting);
	/* All of it given away, and no answer: it may have arrived. */
	store_fate(m, m->t_deliver != 0 && m->sent == m->size);
	if (m->fd != -1)
		close(m->fd);
	if (m->arena != -1)
		close(m->arena);
	conf_unref(m->disclaimer_conf);
	proxy.spool_used -= m->charged;
	proxy.nmessages--;
	free(m->hit);
	free(m->file);
	free(m->facts);
	free(m);
}

int
data_seal(struct message *m)
{
	return (fcntl(m->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL));
}

/* The first fault is kept; what was spooled is of no use any more. */
static void
fault(struct message *m, enum data_fault why)
{
	if (m->fault != DATA_OK)
		return;
	m->fault = why;
	if (ftruncate(m->fd, 0) == -1)
		log_warn("ftruncate");
	proxy.spool_used -= m->charged;
	m->charged = 0;
}

/* A line that is none: the end of a message by DATA, a note on a chunk. */
static void
form_fault(struct message *m, enum data_fault why)
{
	if (!m->bdat)
		fault(m, why);
	else if (m->form == DATA_OK)
		m->form = why;
}

/* The size still counts when nothing is kept, for the log. */
static void
spool_put(struct session *s, const uint8_t *data, size_t len)
{
	struct message	*m;
	ssize_t		 n;

	m = s->msg;
	m->size += len;
	if (m->fault != DATA_OK || len == 0)
		return;
	if (m->size > s->conf->g.message_max) {
		fault(m, DATA_TOO_BIG);
		return;
	}
	if (len > proxy.spool_max ||
	    proxy.spool_used > proxy.spool_max - len) {
		fault(m, DATA_NO_SPACE);
		return;
	}
	proxy.spool_used += len;
	m->charged += len;
	while (len > 0) {
		n = write(m->fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_warn("spool");
			fault(m, DATA_IO);
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

/*
 * Text from inside a line up to and including its end, or all there is.
 * Returns how many bytes that was.
 */
static size_t
take_text(struct message *m, const uint8_t *p, size_t len)
{
	const uint8_t	*lf, *cr;
	size_t		 n;

	lf = memchr(p, '\n', len);
	n = lf == NULL ? len : (size_t)(lf - p);
	if (memchr(p, '\0', n) != NULL)
		form_fault(m, DATA_NUL);
	cr = memchr(p, '\r', n);
	if (cr != NULL && (size_t)(cr - p) + 1 < n)
		form_fault(m, DATA_BARE_CR);
	if (lf == NULL) {
		m->state = n > 0 && p[n - 1] == '\r' ? AT_CR : AT_TEXT;
		return (n);
	}
	if (n > 0 && p[n - 1] == '\r')
		m->state = AT_BOL;
	else {
		form_fault(m, DATA_BARE_LF);
		m->state = AT_TEXT;
	}
	return (n + 1);
}

void
data_chunk(struct session *s, const uint8_t *data, size_t len)
{
	struct message	*m;
	size_t		 i;

	m = s->msg;
	m->chunk -= len;
	if (m->refused != NULL)
		return;
	for (i = 0; i < len; ) {
		if (m->state == AT_CR && data[i] == '\n') {
			m->state = AT_BOL;
			i++;
			continue;
		}
		if (m->state == AT_CR)
			form_fault(m, DATA_BARE_CR);
		i += take_text(m, data + i, len - i);
	}
	spool_put(s, data, len);
}

int
data_input(struct session *s, const uint8_t *data, size_t len, size_t *used)
{
	if (s->conf->g.newline == NEWLINE_NORMALISE)
		return (data_normalised(s, data, len, used));
	return (data_exact(s, data, len, used));
}

/*
 * One byte, at most four out.  The end is where it was, at CRLF.CRLF; a dot
 * behind a bare CR or LF is text, since no line began there when it was sent.
 */
static size_t
normalise(struct message *m, uint8_t c, uint8_t *out)
{
	size_t	 n;

	n = 0;
	if ((m->state == AT_CR || m->state == AT_DOT_CR) && c != '\n') {
		out[n++] = '\r';
		out[n++] = '\n';
		m->state = AT_TEXT;
	}
	if (c == '\n') {
		out[n++] = '\r';
		out[n++] = '\n';
		m->state = m->state == AT_CR ? AT_BOL : AT_TEXT;
	} else if (c == '\r')
		m->state = m->state == AT_DOT ? AT_DOT_CR : AT_CR;
	else if (c == '.' && m->state == AT_BOL)
		m->state = AT_DOT;
	else {
		if (c == '\0')
			fault(m, DATA_NUL);
		out[n++] = c;
		m->state = AT_TEXT;
	}
	return (n);
}

static int
data_normalised(struct session *s, const uint8_t *data, size_t len,
    size_t *used)
{
	uint8_t	 out[4096 + 4];
	size_t	 i, n;
	int	 end;

	end = 0;
	n = 0;
	for (i = 0; i < len && !end; i++) {
		end = s->msg->state == AT_DOT_CR && data[i] == '\n';
		if (!end)
			n += normalise(s->msg, data[i], out + n);
		if (n > sizeof(out) - 4) {
			spool_put(s, out, n);
			n = 0;
		}
	}
	spool_put(s, out, n);
	*used = i;
	return (end);
}

static int
data_exact(struct session *s, const uint8_t *data, size_t len, size_t *used)
{
	struct message	*m;
	size_t		 i, start;

	m = s->msg;
	start = 0;		/* of the bytes to keep */
	for (i = 0; i < len; ) {
		switch (m->state) {
		case AT_BOL:
			if (data[i] == '.') {
				spool_put(s, data + start, i - start);
				start = ++i;
				m->state = AT_DOT;
			} else
				i += take_text(m, data + i, len - i);
			break;
		case AT_DOT:
			if (data[i] == '\r') {
				/* Kept back: it may be the end. */
				start = ++i;
				m->state = AT_DOT_CR;
			} else
				i += take_text(m, data + i, len - i);
			break;
		case AT_DOT_CR:
			if (data[i] == '\n') {
				*used = i + 1;
				return (1);
			}
			fault(m, DATA_BARE_CR);
			m->state = AT_TEXT;
			break;
		case AT_CR:
			if (data[i] == '\n') {
				m->state = AT_BOL;
				i++;
			} else {
				fault(m, DATA_BARE_CR);
				m->state = AT_TEXT;
			}
			break;
		case AT_TEXT:
			i += take_text(m, data + i, len - i);
			break;
		}
	}
	spool_put(s, data + start, len - start);
	*used = len;
	return (0);
}

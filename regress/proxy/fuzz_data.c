/* SPDX-License-Identifier: ISC */

/*
 * The end of a message and what is in it, against a second reading: search
 * the whole for CRLF.CRLF, then take one dot off each line that begins with
 * one.  The first bytes of the input say how it is cut into segments, the
 * next ones how large the limits are.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)
#define NCUTS		8
#define SMALL		64

struct reading {
	int	 ended;
	size_t	 used;
	int	 faulty;	/* bare CR, bare LF or NUL before the end */
	size_t	 len;
	uint8_t	*data;
};

static void	 reference(const uint8_t *, size_t, struct reading *);
static void	 check(const struct message *, const struct reading *,
		    const struct session *);

/* As if a CRLF stood in front: "." CRLF at the very begin ends it, too. */
static void
reference(const uint8_t *wire, size_t len, struct reading *r)
{
	uint8_t	*all;
	size_t	 i, end;

	memset(r, 0, sizeof(*r));
	if ((all = malloc(len + 2)) == NULL ||
	    (r->data = malloc(len + 2)) == NULL)
		abort();
	memcpy(all, "\r\n", 2);
	memcpy(all + 2, wire, len);
	len += 2;
	end = len;
	for (i = 0; i + 5 <= len; i++)
		if (memcmp(all + i, "\r\n.\r\n", 5) == 0) {
			r->ended = 1;
			r->used = i + 3;
			end = i + 2;
			break;
		}
	for (i = 2; i < end; i++) {
		if (all[i] == '\0')
			r->faulty = 1;
		if (all[i] == '\n' && all[i - 1] != '\r')
			r->faulty = 1;
		if (all[i] == '\r' && i + 1 < len && all[i + 1] != '\n')
			r->faulty = 1;
		if (all[i] == '.' && all[i - 1] == '\n' &&
		    all[i - 2] == '\r')
			continue;
		r->data[r->len++] = all[i];
	}
	free(all);
}

static void
check(const struct message *m, const struct reading *r,
    const struct session *s)
{
	uint8_t	*got;
	int	 form;

	form = m->fault == DATA_BARE_CR || m->fault == DATA_BARE_LF ||
	    m->fault == DATA_NUL;
	MUST(proxy.spool_used == m->charged);
	MUST(m->charged <= proxy.spool_max);
	if (m->fault != DATA_OK) {
		MUST(m->charged == 0 && lseek(m->fd, 0, SEEK_END) == 0);
		MUST(m->fault != DATA_IO);
		if (form)
			MUST(r->faulty);
		if (m->fault == DATA_TOO_BIG)
			MUST(r->faulty || r->len > s->conf->g.message_max);
		if (m->fault == DATA_NO_SPACE)
			MUST(r->faulty || r->len > proxy.spool_max);
		return;
	}
	MUST(!r->faulty);
	if (!r->ended)
		return;		/* a dot or CR may still be kept back */
	MUST(m->size == r->len && m->charged == r->len);
	MUST(r->len <= s->conf->g.message_max);
	if ((got = malloc(r->len + 1)) == NULL)
		abort();
	MUST(pread(m->fd, got, r->len + 1, 0) == (ssize_t)r->len);
	MUST(memcmp(got, r->data, r->len) == 0);
	free(got);
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct session	*s;
	struct reading	 r;
	uint8_t		*piece;
	size_t		 off, n, used, turn;
	int		 end;

	if (len < NCUTS + 1)
		return (0);
	s = unit_session();
	if (data[NCUTS] & 1)
		s->conf->g.message_max = SMALL;
	if (data[NCUTS] & 2)
		proxy.spool_max = SMALL / 2;
	if ((s->msg = data_begin()) == NULL)
		abort();
	reference(data + NCUTS + 1, len - NCUTS - 1, &r);

	end = 0;
	off = NCUTS + 1;
	for (turn = 0; off < len && !end; turn++) {
		n = data[turn % NCUTS];
		if (n == 0 || n > len - off)
			n = len - off;
		piece = unit_exact(data + off, n);
		used = SIZE_MAX;
		end = data_input(s, piece, n, &used);
		free(piece);
		MUST(end == 0 ? used == n : used > 0 && used <= n);
		off += used;
	}
	MUST(end == r.ended);
	if (end)
		MUST(off - NCUTS - 1 == r.used);
	/* A bare CR at the very end is seen with the byte that follows. */
	if (end || s->msg->fault != DATA_OK)
		check(s->msg, &r, s);
	free(r.data);
	unit_session_free(s);
	MUST(proxy.spool_used == 0);
	return (0);
}

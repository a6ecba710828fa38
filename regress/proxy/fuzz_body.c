/* SPDX-License-Identifier: ISC */

/*
 * Any message, any table of parts: nothing is written beyond what is removed
 * or added, and nothing is read beyond the message.  With the parser's own
 * table what comes out has the same parts again, those that were not changed
 * byte for byte, and no anomaly that was not there.
 *
 * The first byte says what to do, the second to which part, the third how
 * often the table is falsified; six bytes for each of those, then a message.
 */

#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "body.h"
#include "harness.h"
#include "unit.h"

#define MUST(cond)	do { if (!(cond)) abort(); } while (0)
#define FALSE_MAX	8
#define FALSE_SIZE	6

static const char *const	 texts[] = {
	"x\n", "Example GmbH, Z\xc3\xbcrich\n",
	"\xec\x98\x88\xec\xa0\x9c\n\n--b\n", "From a\n> b\n  <c> & \"d\"\n"
};

static int	 sealed(const void *, size_t);
static void	 falsify(uint8_t *, const uint8_t *, size_t);
static int	 touched(const struct body *, uint32_t);
static int	 in_removed(const struct body *, uint32_t);
static uint32_t	 entity_next(const struct parts *, uint32_t);
static void	 check_bytes(const struct body *, const uint8_t *, size_t);
static void	 check_recode(const uint8_t *, size_t);
static void	 check_parts(const struct body *, const uint8_t *, size_t);

static int
sealed(const void *p, size_t len)
{
	int	 fd;

	MUST((fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING)) != -1);
	MUST(write(fd, p, len) == (ssize_t)len);
	MUST(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW) == 0);
	return (fd);
}

/* One field of one part becomes something else. */
static void
falsify(uint8_t *arena, const uint8_t *how, size_t msglen)
{
	struct arena_head	*h;
	struct arena_part	*p;
	uint64_t		 v;

	h = (struct arena_head *)(void *)arena;
	p = (struct arena_part *)(void *)(arena + h->parts_off);
	p += how[0] % h->nparts;
	v = ((uint64_t)how[2] << 16 | (uint64_t)how[3] << 8 | how[4]) %
	    (msglen + 1);
	switch (how[1] % 12) {
	case 0: p->raw_off = v; break;
	case 1: p->raw_len = v; break;
	case 2: p->head_len = (uint32_t)v; break;
	case 3: p->parent = how[5]; break;
	case 4: p->flags ^= 1U << how[5] % 9; break;
	case 5: p->raw_off += how[5]; break;
	case 6: p->raw_off -= how[5]; break;
	case 7: p->raw_len += how[5]; break;
	case 8: p->raw_len -= how[5]; break;
	case 9: p->head_len += how[5]; break;
	case 10: p->anomalies = 0; h->anomalies = 0; break;
	case 11: p->type_off = (uint32_t)(v % (h->strings_len + 1)); break;
	}
}

/* Does a change lie in this entity? */
static int
touched(const struct body *b, uint32_t i)
{
	size_t	 k;

	for (k = 0; k < b->npatches; k++)
		if (b->patch[k].off + b->patch[k].len >= body_head(b, i) &&
		    b->patch[k].off <= body_tail(b, i))
			return (1);
	return (0);
}

/* Is it gone with what it was in? */
static int
in_removed(const struct body *b, uint32_t i)
{
	while (i != 0) {
		i = b->parts->part[i].parent;
		if (b->removed[i] != 0)
			return (1);
	}
	return (0);
}

static uint32_t
entity_next(const struct parts *p, uint32_t i)
{
	for (; i < p->head->nparts; i++)
		if (p->part[i].flags & PART_ENTITY)
			return (i);
	return (BODY_NONE);
}

/* All that is between the changes is there. */
static void
check_bytes(const struct body *b, const uint8_t *out, size_t len)
{
	const struct patch	*p;
	const uint8_t		*msg;
	size_t			 i, at, n, o;

	msg = b->parts->msg;
	at = o = 0;
	for (i = 0; i < b->npatches; i++) {
		p = &b->patch[i];
		MUST(p->off >= at);
		n = (size_t)p->off - at;
		MUST(n + p->n <= len - o && memcmp(out + o, msg + at, n) ==
		    0);
		o += n + p->n;
		at = (size_t)(p->off + p->len);
	}
	MUST(at <= b->parts->msg_len && len - o == b->parts->msg_len - at);
	MUST(len == o || memcmp(out + o, msg + at, len - o) == 0);
}

/* The same parts as before, but for those that went with what was removed. */
static void
check_parts(const struct body *b, const uint8_t *out, size_t len)
{
	const struct arena_part	*q;
	struct parsed		 after;
	struct body		 a;
	uint64_t		 odd;
	uint32_t		 i, k;

	harness_parse(&after, out, len, NULL);
	body_begin(&a, &after.parts);
	/* Text that looks like a message may be so to more readers now. */
	odd = 0;
	for (i = entity_next(&after.parts, 0); i != BODY_NONE;
	    i = entity_next(&after.parts, i + 1))
		odd |= after.parts.part[i].anomalies;
	/* And a text that looks like a file of some kind has another size. */
	odd &= ~(b->parts->head->anomalies | ANOMALY(A_BAD_CONTAINER) |
	    ANOMALY(A_APPLE_FILE) | ANOMALY(A_TNEF));
	for (k = 0; k < A_MAX; k++)
		if (odd & ANOMALY(k))
			errx(1, "now has %s: %s", parts_anomaly_name(k),
			    unit_show(out, len));
	MUST(after.parts.head->limits == 0);
	k = 0;
	for (i = entity_next(b->parts, 0); i != BODY_NONE;
	    i = entity_next(b->parts, i + 1)) {
		if (in_removed(b, i))
			continue;
		MUST((k = entity_next(&after.parts, k)) != BODY_NONE);
		q = &after.parts.part[k];
		if (!touched(b, i)) {
			MUST(q->raw_len == b->parts->part[i].raw_len &&
			    q->head_len == b->parts->part[i].head_len);
			MUST(memcmp(out + body_head(&a, k), b->parts->msg +
			    body_head(b, i), (size_t)(q->head_len +
			    q->raw_len)) == 0);
		}
		if (b->removed[i] != 0)
			MUST(body_type_is(&a, k, "text/plain"));
		k++;
	}
	MUST(entity_next(&after.parts, k) == BODY_NONE);
	body_end(&a);
	harness_close(&after);
}

/* What was encoded is what it was, in lines that fit. */
static void
check_recode(const uint8_t *p, size_t len)
{
	struct bytes	 out, back;
	size_t		 i, col;
	int		 qp;

	for (qp = 0; qp < 2; qp++) {
		memset(&out, 0, sizeof(out));
		memset(&back, 0, sizeof(back));
		if (qp) {
			recode_qp(&out, p, len);
			MUST(recode_from_qp(&back, out.p, out.n) == 0);
		} else {
			recode_base64(&out, p, len);
			MUST(recode_from_base64(&back, out.p, out.n) == 0);
		}
		MUST(back.n == len && (len == 0 ||
		    memcmp(back.p, p, len) == 0));
		col = 0;
		for (i = 0; i < out.n; i++) {
			col = out.p[i] == '\n' ? 0 : col + 1;
			/* With its CR. */
			MUST(col <= 77 && out.p[i] < 0x80);
			MUST(col != 1 || out.p[i] != '-');
		}
		bytes_free(&out);
		bytes_free(&back);
	}
}

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mime_limits	 lim;
	struct parsed		 parsed;
	struct parts		 parts;
	struct session		*s;
	struct body		 b;
	const uint8_t		*how;
	uint8_t			*arena, *out;
	size_t			 i, nfalse;
	int			 fd, n, breaks, what, target;

	if (len < 4)
		return (0);
	what = data[0];
	target = data[1];
	nfalse = data[2] % (FALSE_MAX + 1);
	how = data + 3;
	if (len - 3 < nfalse * FALSE_SIZE + 1)
		return (0);
	data = how + nfalse * FALSE_SIZE;
	len -= 3 + nfalse * FALSE_SIZE;
	check_recode(data, len);
	harness_limits(&lim, len);
	lim.want_text = 1;
	lim.max_decoded *= 4;
	harness_parse(&parsed, data, len, &lim);
	MUST((arena = malloc(parsed.arena_size)) != NULL);
	MUST(pread(parsed.arenafd, arena, parsed.arena_size, 0) ==
	    (ssize_t)parsed.arena_size);
	for (i = 0; i < nfalse; i++)
		falsify(arena, how + i * FALSE_SIZE, len);
	fd = sealed(arena, parsed.arena_size);
	free(arena);
	if (parts_open(&parts, parsed.msgfd, len, fd, parsed.arena_size) ==
	    -1) {
		MUST(nfalse > 0);
		close(fd);
		harness_close(&parsed);
		return (0);
	}
	s = unit_session();
	proxy.spool_max = 64 * MIB;
	MUST((s->msg = data_begin()) != NULL);
	MUST(write(s->msg->fd, data, len) == (ssize_t)len);
	MUST(data_seal(s->msg) == 0);
	s->msg->size = s->msg->charged = proxy.spool_used = len;
	body_begin(&b, &parts);
	n = 0;
	if (what & 1) {
		n = strip_add(&b, (uint32_t)target, "why");
		if (n == 0 && (what & 2))
			n = strip_add(&b, (uint32_t)target + 1, "why not");
		if (n == 0)
			n = strip_finish(&b, what & 4 ? "--b" : "", 1,
			    &breaks);
		MUST(n != 0 && (n != -1 || b.npatches == 0));
	} else {
		n = disclaimer_add(&b, texts[(what >> 1) % 4]);
		MUST(n <= 2 && (n > 0) == (b.npatches > 0));
	}
	if (n > 0 && body_write(s->msg, parts.msg, &b) == 0) {
		i = (size_t)s->msg->size;
		MUST((out = malloc(i + 1)) != NULL);
		MUST(pread(s->msg->fd, out, i, 0) == (ssize_t)i);
		check_bytes(&b, out, i);
		if (nfalse == 0)
			check_parts(&b, out, i);
		free(out);
	} else
		MUST(s->msg->size == len && (n <= 0 || nfalse > 0));
	body_end(&b);
	parts_close(&parts);
	close(fd);
	unit_session_free(s);
	MUST(proxy.spool_used == 0);
	harness_close(&parsed);
	return (0);
}

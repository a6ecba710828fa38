/* SPDX-License-Identifier: ISC */

/*
 * The way of a message through the parser without the process around it: a
 * sealed memfd in, an arena out, opened with the checks of the receiver.
 */

#include <sys/mman.h>
#include <sys/resource.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "charset.h"
#include "decode.h"
#include "harness.h"
#include "limits.h"
#include "unpack.h"

int			 harness_failed;

static struct mime	 mime;
static int		 is_ready;

static int	 sealed_copy(const void *, size_t);
static uint64_t	 fnv(const uint8_t *, size_t);
static void	 print_part(FILE *, const struct parts *, uint32_t);
static void	 print_text(FILE *, const char *, size_t);
static void	 parts_believe(const struct parsed *, size_t,
		    const struct mime_limits *);

void
harness_limits(struct mime_limits *lim, size_t size)
{
	lim->max_parts = PARSE_PARTS_MAX;
	lim->max_depth = PARSE_DEPTH_MAX;
	lim->want_text = 0;
	lim->max_decoded = parts_budget(size, 0);
}

static int
sealed_copy(const void *data, size_t len)
{
	const uint8_t	*p;
	ssize_t		 n;
	int		 fd;

	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		err(1, "memfd_create");
	for (p = data; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n == -1)
			err(1, "write");
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) == -1)
		err(1, "seals");
	return (fd);
}

/* What parts_open() has no way to know. */
static void
parts_believe(const struct parsed *p, size_t len,
    const struct mime_limits *lim)
{
	const struct arena_part	*q;
	const struct arena_head	*h;
	size_t			 n;
	uint32_t		 i;

	h = p->parts.head;
	if (h->nparts > lim->max_parts || p->arena_size > lim->max_decoded)
		errx(1, "limits not kept: %u parts, %llu bytes", h->nparts,
		    (unsigned long long)p->arena_size);
	for (i = 0; i < h->nparts; i++) {
		q = &p->parts.part[i];
		if (q->depth > lim->max_depth + 1)
			errx(1, "part %u at depth %u", i, q->depth);
		if (i > 0 && q->depth != p->parts.part[q->parent].depth + 1 &&
		    q->depth != p->parts.part[q->parent].depth)
			errx(1, "part %u: depth %u", i, q->depth);
		parts_body(&p->parts, i, &n);
		if ((q->flags & PART_ARENA) == 0 && n > len)
			errx(1, "part %u: %zu bytes", i, n);
	}
}

void
harness_parse(struct parsed *p, const void *data, size_t len,
    const struct mime_limits *lim)
{
	struct mime_limits	 usual;
	const uint8_t		*msg;
	uint64_t		 anomalies;

	if (!is_ready) {
		decode_init();
		charset_init();
		unpack_init();
		is_ready = 1;
	}
	if (lim == NULL) {
		harness_limits(&usual, len);
		lim = &usual;
	}
	p->msgfd = sealed_copy(data, len);
	msg = NULL;
	if (len > 0 && (msg = sealed_map(p->msgfd, len)) == NULL)
		err(1, "sealed_map");
	if (mime_parse(&mime, msg, len, lim) == -1)
		err(1, "mime_parse");
	p->arenafd = arena_seal(&mime.arena, &p->arena_size, &anomalies);
	if (p->arenafd == -1)
		err(1, "arena_seal");
	if (msg != NULL)
		munmap((void *)(uintptr_t)msg, len);
	if (parts_open(&p->parts, p->msgfd, len, p->arenafd,
	    p->arena_size) == -1)
		err(1, "parts_open");
	if (p->parts.head->anomalies != anomalies)
		errx(1, "anomalies differ");
	parts_believe(p, len, lim);
}

void
harness_close(struct parsed *p)
{
	parts_close(&p->parts);
	close(p->msgfd);
	close(p->arenafd);
}

void
harness_end(void)
{
	mime_clear(&mime);
}

static uint64_t
fnv(const uint8_t *p, size_t len)
{
	uint64_t	 h;
	size_t		 i;

	h = 14695981039346656037ULL;
	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211ULL;
	return (h);
}

static void
print_text(FILE *f, const char *s, size_t len)
{
	size_t	 i;
	uint8_t	 c;

	for (i = 0; i < len; i++) {
		c = (uint8_t)s[i];
		if (c == '\n')
			fprintf(f, "\\n");
		else if (c == '\r')
			fprintf(f, "\\r");
		else if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
			fprintf(f, "\\%02x", c);
		else
			putc(c, f);
	}
}

static void
print_part(FILE *f, const struct parts *ps, uint32_t i)
{
	static const char *const	 codings[ENC_MAX] = {
		[ENC_IDENTITY] = "identity",
		[ENC_BASE64] = "base64",
		[ENC_QP] = "qp",
		[ENC_UUENCODE] = "uuencode",
		[ENC_UNKNOWN] = "unknown",
		[ENC_XXENCODE] = "xxencode",
		[ENC_YENC] = "yenc",
		[ENC_BINHEX] = "binhex",
	};
	static const char		 letters[] = "AMRT@PE*";
	const struct arena_part		*q;
	const uint8_t			*body;
	size_t				 n;
	unsigned int			 b;

	q = &ps->part[i];
	fprintf(f, "%u %u %u ", i, q->parent, q->depth);
	for (b = 0; b < sizeof(letters) - 1; b++)
		if (q->flags & 1U << b)
			putc(letters[b], f);
	fprintf(f, "%s ", (q->flags & ~(uint32_t)PART_ENTITY) == 0 ? "-" :
	    "");
	print_text(f, parts_string(ps, q->type_off), q->type_len);
	if (q->charset_len > 0) {
		fprintf(f, ";");
		print_text(f, parts_string(ps, q->charset_off),
		    q->charset_len);
	}
	body = parts_body(ps, i, &n);
	fprintf(f, " %s %zu %016llx", codings[q->encoding], n,
	    (unsigned long long)fnv(body, n));
	if (q->name_len > 0) {
		fprintf(f, " name=\"");
		print_text(f, parts_string(ps, q->name_off), q->name_len);
		fprintf(f, "\"");
	}
	fprintf(f, " \"");
	print_text(f, (const char *)body, n > 24 ? 24 : n);
	fprintf(f, "\"");
	for (b = 0; b < A_MAX; b++)
		if (q->anomalies & ANOMALY(b))
			fprintf(f, " %s", parts_anomaly_name(b));
	fprintf(f, "\n");
}

void
harness_print(const struct parsed *p, char **out, size_t *len)
{
	const struct arena_head	*h;
	uint32_t		 i;
	FILE			*f;

	if ((f = open_memstream(out, len)) == NULL)
		err(1, "open_memstream");
	h = p->parts.head;
	if (h->limits != 0)
		fprintf(f, "limits %x\n", h->limits);
	if (h->subject_len > 0) {
		fprintf(f, "subject \"");
		print_text(f, parts_string(&p->parts, h->subject_off),
		    h->subject_len);
		fprintf(f, "\"\n");
	}
	if (h->msgid_len > 0) {
		fprintf(f, "message-id \"");
		print_text(f, parts_string(&p->parts, h->msgid_off),
		    h->msgid_len);
		fprintf(f, "\"\n");
	}
	for (i = 0; i < h->nparts; i++)
		print_part(f, &p->parts, i);
	if (fclose(f) == EOF)
		err(1, "memstream");
}

uint8_t *
harness_read(const char *path, size_t *len)
{
	uint8_t	*data;
	off_t	 end;
	ssize_t	 n;
	int	 fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	if ((end = lseek(fd, 0, SEEK_END)) == -1)
		err(1, "%s", path);
	if ((data = malloc((size_t)end + 1)) == NULL)
		err(1, "malloc");
	n = pread(fd, data, (size_t)end, 0);
	if (n != end)
		err(1, "%s", path);
	close(fd);
	data[end] = '\0';
	*len = (size_t)end;
	return (data);
}

uint64_t
harness_cpu(void)
{
	struct timespec	 ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == -1)
		err(1, "clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

void
harness_case(const char *name, int good, const char *why)
{
	if (good)
		printf("ok %s\n", name);
	else {
		printf("not ok %s - %s\n", name, why);
		harness_failed++;
	}
	fflush(stdout);
}

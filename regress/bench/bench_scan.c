/* SPDX-License-Identifier: ISC */

/*
 * What one scan costs: the engine of mailwall-scanner by itself, without
 * frames, workers and confinement, over a 10 KiB message with 7 KiB of random
 * bytes attached (unlike each time) and over its parts.
 *
 *	bench_scan DATABASE [rounds]
 *
 * Prints microseconds a message: the least, the median, the mean.  The
 * directory for temporary files is made under /dev/shm.
 */

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "log.h"
#include "parts.h"
#include "scanner.h"

#define ATTACHMENT	7168
#define TEXT		"Dear all,\r\n\r\nplease find the report attached.\r\n"
#define HTML		"<html><body><p>Dear all,</p><p>the <a href=\"" \
			"http://www.example.org/\">report</a></p></body>" \
			"</html>\r\n"

struct sample {
	char			 msg[16384];
	size_t			 len;
	uint8_t			 data[ATTACHMENT];
	struct {
		struct arena_head	 head;
		struct arena_part	 part[3];
		char			 strings[64];
		uint8_t			 data[ATTACHMENT];
	} arena;
};

static const char	 types[] = "multipart/mixedtext/plain"
    "application/octet-stream";

void
scanner_stale(const char *why)
{
	/* The loader's; nobody is there to be told. */
}

static size_t
base64(char *out, const uint8_t *p, size_t len)
{
	static const char	 set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t		 v;
	size_t			 i, o;

	o = 0;
	for (i = 0; i + 3 <= len; i += 3) {
		v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
		out[o++] = set[v >> 18];
		out[o++] = set[(v >> 12) & 63];
		out[o++] = set[(v >> 6) & 63];
		out[o++] = set[v & 63];
		if ((i + 3) % 57 == 0) {
			out[o++] = '\r';
			out[o++] = '\n';
		}
	}
	return (o);
}

/* Make a message like no other, and its arena. */
static void
sample_make(struct sample *s, int html)
{
	struct arena_part	*p;
	struct arena_head	*h;
	const char		*text;
	size_t			 at;
	int			 n;

	if (getrandom(s->data, sizeof(s->data), 0) != (ssize_t)sizeof(s->data))
		fatal("getrandom");
	text = html ? HTML : TEXT;
	n = snprintf(s->msg, sizeof(s->msg), "From: a@example.org\r\n"
	    "To: b@example.org\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"==b==\"\r\n\r\n"
	    "--==b==\r\nContent-Type: text/%s\r\n\r\n", html ? "html" :
	    "plain");
	at = (size_t)n;
	n += snprintf(s->msg + n, sizeof(s->msg) - (size_t)n, "%s\r\n"
	    "--==b==\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n", text);
	n += (int)base64(s->msg + n, s->data, sizeof(s->data) -
	    sizeof(s->data) % 3);
	n += snprintf(s->msg + n, sizeof(s->msg) - (size_t)n,
	    "\r\n--==b==--\r\n");
	s->len = (size_t)n;

	memset(&s->arena, 0, sizeof(s->arena));
	h = &s->arena.head;
	p = s->arena.part;
	h->magic = ARENA_MAGIC;
	h->nparts = 3;
	h->size = sizeof(s->arena);
	h->parts_off = offsetof(typeof(s->arena), part);
	h->strings_off = offsetof(typeof(s->arena), strings);
	h->strings_len = sizeof(s->arena.strings);
	memcpy(s->arena.strings, types, sizeof(types) - 1);
	p[0].flags = PART_MULTIPART;
	p[0].len = s->len;
	p[0].type_len = 15;
	p[1].off = at;
	p[1].len = strlen(text);
	p[1].depth = p[2].depth = 1;
	p[1].flags = PART_TEXT;
	p[1].type_off = 15;
	p[1].type_len = 10;
	p[2].off = offsetof(typeof(s->arena), data);
	p[2].len = ATTACHMENT - ATTACHMENT % 3;
	p[2].flags = PART_ARENA;
	p[2].encoding = ENC_BASE64;
	p[2].type_off = 25;
	p[2].type_len = 24;
	memcpy(s->arena.data, s->data, p[2].len);
}

static int
compare(const void *a, const void *b)
{
	uint64_t	 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y ? -1 : x > y);
}

static void
bench(const char *what, int html, uint64_t anomalies, size_t rounds)
{
	static struct sample	 s;
	struct result		 r;
	struct parts		 parts;
	struct scan		 scan;
	uint64_t		*t, sum;
	size_t			 i;

	if ((t = calloc(rounds, sizeof(*t))) == NULL)
		fatal("calloc");
	sum = 0;
	for (i = 0; i < rounds; i++) {
		sample_make(&s, html);
		s.arena.head.anomalies = anomalies;
		parts.map = (const uint8_t *)&s.arena;
		parts.map_len = sizeof(s.arena);
		parts.msg = (const uint8_t *)s.msg;
		parts.msg_len = s.len;
		parts.head = &s.arena.head;
		parts.part = s.arena.part;
		memset(&scan, 0, sizeof(scan));
		scan.parts = &parts;
		scan.msgfd = -1;
		scan.due = now_ms() + 60000;
		result_init(&r);
		t[i] = now_us();
		engine_backend.scan(&scan, &r);
		t[i] = now_us() - t[i];
		sum += t[i];
		if (r.verdict != VERDICT_CLEAN)
			fatalx("%s: %s", what, r.name);
	}
	qsort(t, rounds, sizeof(*t), compare);
	printf("%-44s %6llu %6llu %6llu us\n", what,
	    (unsigned long long)t[0], (unsigned long long)t[rounds / 2],
	    (unsigned long long)(sum / rounds));
	fflush(stdout);
	free(t);
}

int
main(int argc, char *argv[])
{
	char		 dir[] = "/dev/shm/bench_scan.XXXXXX";
	char		 path[64];
	struct msg_ready ready;
	struct conf	*conf;
	size_t		 rounds;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_scan DATABASE [rounds]\n");
		return (1);
	}
	log_init(LOG_TO_STDERR, "bench_scan", 0);
	rounds = argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 2000;
	if (rounds == 0)
		rounds = 1;
	if (mkdtemp(dir) == NULL)
		fatal("mkdtemp");
	ev_init();
	conf = conf_new();
	snprintf(conf->g.av_path, sizeof(conf->g.av_path), "%s", argv[1]);
	snprintf(conf->g.rundir, sizeof(conf->g.rundir), "%s", dir);
	snprintf(path, sizeof(path), "%s/scanner", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/scanner/tmp", dir);
	mkdir(path, 0700);
	if (engine_backend.load(&conf->g, &ready) == -1 ||
	    engine_backend.worker(&conf->g, path) == -1)
		return (1);
	printf("%llu signatures%42s median   mean\n",
	    (unsigned long long)ready.signatures, "least");
	bench("plain structure", 0, 0, rounds);
	bench("plain structure, HTML", 1, 0, rounds);
	bench("ambiguous structure", 0, ANOMALY(A_BAD_HEADER), rounds);
	tmpdir_remove(path);
	snprintf(path, sizeof(path), "%s/scanner", dir);
	rmdir(path);
	rmdir(dir);
	return (0);
}

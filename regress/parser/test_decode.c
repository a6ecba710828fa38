/* SPDX-License-Identifier: ISC */

/* base64, quoted-printable and uuencode, byte by byte. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "harness.h"
#include "uu.h"

enum coding { B64, B64_ALL, QP };

static const struct vector {
	const char	*name;
	enum coding	 coding;
	const char	*in;
	const char	*out;
	size_t		 stop;		/* 0: the length of out */
	int		 bad;
	int		 restarted;
} vectors[] = {
	{ "b64-empty", B64, "", "", 0, 0, 0 },
	{ "b64-one", B64, "QQ==", "A", 0, 0, 0 },
	{ "b64-two", B64, "QUI=", "AB", 0, 0, 0 },
	{ "b64-three", B64, "QUJD", "ABC", 0, 0, 0 },
	{ "b64-lines", B64, "QU\r\nJD\nRE\rVG", "ABCDEF", 0, 0, 0 },
	{ "b64-long", B64, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0, 0, 0 },
	{ "b64-no-padding", B64, "QUI", "AB", 0, 1, 0 },
	{ "b64-one-letter", B64, "Q", "", 0, 1, 0 },
	{ "b64-one-letter-more", B64, "QUJDQ", "ABC", 0, 1, 0 },
	{ "b64-junk", B64, "Q!U*J-D", "ABC", 0, 1, 0 },
	{ "b64-8bit", B64, "QU\xff\x80JD", "ABC", 0, 1, 0 },
	{ "b64-half-padding", B64, "QQ=", "A", 0, 0, 0 },
	{ "b64-more-padding", B64, "QUI==", "AB", 0, 1, 0 },
	{ "b64-blank-in-padding", B64, "QQ= \r\n=", "A", 0, 0, 0 },
	{ "b64-restart", B64, "QQ==QUJD", "AABC", 1, 1, 1 },
	{ "b64-restart-odd", B64, "QUI=Q", "AB", 2, 1, 1 },
	{ "b64-restart-twice", B64, "QQ==QQ==QQ==", "AAA", 1, 1, 1 },
	{ "b64-padding-first", B64, "====QUJD", "ABC", 0, 1, 1 },
	{ "b64-padding-aligned", B64, "QUJD=QUJD", "ABCABC", 3, 1, 1 },
	{ "b64-ignore-padding", B64_ALL, "QU=JD", "ABC", 0, 0, 0 },
	{ "b64-high-letters", B64, "+/+/", "\xfb\xff\xbf", 0, 0, 0 },
	{ "qp-empty", QP, "", "", 0, 0, 0 },
	{ "qp-plain", QP, "hello\r\n", "hello\r\n", 0, 0, 0 },
	{ "qp-escape", QP, "=41=3d=3D", "A==", 0, 0, 0 },
	{ "qp-soft", QP, "a=\r\nb", "ab", 0, 0, 0 },
	{ "qp-soft-blank", QP, "a= \t\r\nb", "ab", 0, 0, 0 },
	{ "qp-soft-lf", QP, "a=\nb", "ab", 0, 0, 0 },
	{ "qp-soft-at-end", QP, "a=", "a", 0, 0, 0 },
	{ "qp-trailing-blanks", QP, "a \t\r\nb", "a\r\nb", 0, 0, 0 },
	{ "qp-encoded-blank", QP, "a=20\r\nb", "a \r\nb", 0, 0, 0 },
	{ "qp-bad", QP, "=4G=G4==41", "=4G=G4=A", 0, 1, 0 },
	{ "qp-cut", QP, "a=4", "a=4", 0, 1, 0 },
	{ "qp-blank-lines", QP, "\r\n\r\n", "\r\n\r\n", 0, 0, 0 },
	{ "qp-high", QP, "=FF=00x", "\xff", 0, 0, 0 },
};

static void	 vector_run(const struct vector *);
static void	 every_length(void);
static void	 every_room(void);
static void	 uu_cases(void);

static void
vector_run(const struct vector *v)
{
	struct decoded	 d;
	uint8_t		*in, *out;
	size_t		 n, want;
	int		 good;

	/* Exact allocations: the sanitizer sees one byte too far. */
	n = strlen(v->in);
	in = malloc(n > 0 ? n : 1);
	out = malloc(n > 0 ? n : 1);
	memcpy(in, v->in, n);
	if (v->coding == QP)
		decode_qp(in, n, out, n, &d);
	else
		decode_base64(in, n, out, n, v->coding == B64_ALL, &d);
	want = strlen(v->out);
	if (strcmp(v->name, "qp-high") == 0)
		want = 3;
	good = d.len == want && memcmp(out, v->out, strlen(v->out)) == 0 &&
	    !d.full && d.bad == v->bad;
	if (v->coding != QP && good)
		good = d.restarted == v->restarted && d.stop ==
		    (v->restarted && v->stop > 0 ? v->stop :
		    v->restarted ? 0 : want);
	harness_case(v->name, good, "other bytes or flags");
	free(in);
	free(out);
}

/* Encode here, decode there. */
static void
every_length(void)
{
	static const char	 letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	struct decoded		 d;
	uint8_t			 raw[200], out[200];
	char			 enc[400];
	uint32_t		 v;
	size_t			 i, len, n;
	int			 good;

	good = 1;
	for (len = 0; len <= sizeof(raw); len++) {
		n = 0;
		for (i = 0; i < len; i++)
			raw[i] = (uint8_t)(i * 37 + len * 11);
		for (i = 0; i < len; i += 3) {
			v = (uint32_t)raw[i] << 16;
			v |= i + 1 < len ? (uint32_t)raw[i + 1] << 8 : 0;
			v |= i + 2 < len ? raw[i + 2] : 0;
			enc[n++] = letters[v >> 18];
			enc[n++] = letters[v >> 12 & 63];
			enc[n++] = i + 1 < len ? letters[v >> 6 & 63] : '=';
			enc[n++] = i + 2 < len ? letters[v & 63] : '=';
			if (i % 57 == 54)
				enc[n++] = '\n';
		}
		decode_base64((uint8_t *)enc, n, out, sizeof(out), 0, &d);
		if (d.len != len || d.bad || memcmp(out, raw, len) != 0)
			good = 0;
	}
	harness_case("b64-every-length", good, "not what was encoded");
}

/* Whatever room there is, it is kept. */
static void
every_room(void)
{
	static const char	 b64[] = "QUJDREVGR0hJSktM=QUJD", qp[] =
				    "a=41bc=\r\ndef \r\ngh";
	struct decoded		 d;
	uint8_t			*out;
	size_t			 room;
	int			 good;

	good = 1;
	for (room = 0; room < 20; room++) {
		out = malloc(room > 0 ? room : 1);
		decode_base64((const uint8_t *)b64, sizeof(b64) - 1, out,
		    room, 0, &d);
		if (d.len > room || d.full != (room < 15))
			good = 0;
		decode_qp((const uint8_t *)qp, sizeof(qp) - 1, out, room, &d);
		if (d.len > room || d.full != (room < 11))
			good = 0;
		free(out);
	}
	harness_case("every-room", good, "wrong length or flag");
}

static void
uu_cases(void)
{
	static const char	 text[] = "prose\r\nbegin 644 a b.bin\r\n"
				    "#86)C\r\n`\r\nend\r\nmore";
	static const char	 lost[] = "begin 644 x\n# \nend\n";
	struct decoded		 d;
	struct uu_run		 run;
	const uint8_t		*p, *end;
	uint8_t			 out[64];
	int			 good;

	p = (const uint8_t *)text;
	end = p + sizeof(text) - 1;
	good = uu_find(p, end, &run) && run.name_len == 7 &&
	    memcmp(run.name, "a b.bin", 7) == 0;
	if (good) {
		p = uu_decode(run.data, end, 0, out, sizeof(out), &d);
		good = d.len == 3 && memcmp(out, "abc", 3) == 0 &&
		    memcmp(p, "more", 4) == 0;
	}
	harness_case("uu-run", good, "other run");
	p = (const uint8_t *)lost;
	end = p + sizeof(lost) - 1;
	good = uu_find(p, end, &run);
	if (good) {
		uu_decode(run.data, end, 0, out, sizeof(out), &d);
		good = d.len == 3 && memcmp(out, "\0\0\0", 3) == 0;
	}
	harness_case("uu-lost-blanks", good, "other bytes");
	p = (const uint8_t *)"a begin 644 x\n#86)C\n";
	harness_case("uu-not-at-line-start", !uu_find(p, p + 20, &run),
	    "found");
	p = (const uint8_t *)"begin 644 x\nHello, and so on\n";
	harness_case("uu-prose", !uu_find(p, p + 29, &run), "found");
	p = (const uint8_t *)"begin 6";
	harness_case("uu-cut", !uu_find(p, p + 7, &run), "found");
}

int
main(void)
{
	size_t	 i;

	decode_init();
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		vector_run(&vectors[i]);
	every_length();
	every_room();
	uu_cases();
	return (harness_failed > 0);
}

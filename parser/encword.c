/* SPDX-License-Identifier: ISC */

/*
 * Encoded words (RFC 2047).
 *
 * Programs read them far more generously than the RFC writes them: inside of
 * quoted strings and of parameters, longer than 75 characters, with blanks in
 * them, characters split over two words.  So do we.  Adjacent words of one
 * charset are joined as bytes before they are converted.
 *
 * The search for the end of a word is bounded, so that a header full of
 * beginnings does not cost the square of its length.
 */

#include <string.h>
#include <strings.h>

#include "parts.h"
#include "utf8.h"

#include "charset.h"
#include "decode.h"
#include "encword.h"

#define WORD_MAX	1024		/* encoded text; the RFC says 75 */
#define RAW_MAX		4096		/* joined bytes of adjacent words */

/* One encoded word, as it stands in the text. */
struct word {
	const uint8_t	*charset;
	size_t		 charset_len;
	const uint8_t	*text;
	size_t		 text_len;
	const uint8_t	*end;		/* behind "?=" */
	int		 is_base64;
};

/* Where the output is, and the words that wait to be converted. */
struct sink {
	uint8_t		*out;
	size_t		 len;
	size_t		 cap;
	const uint8_t	*charset;	/* of raw */
	size_t		 charset_len;
	size_t		 raw_len;
	uint8_t		 raw[RAW_MAX];
	uint64_t	*anomalies;
};

static int	 word_parse(const uint8_t *, const uint8_t *, struct word *);
static void	 word_add(struct sink *, const struct word *);
static size_t	 word_q(const struct word *, uint8_t *, int *);
static void	 sink_flush(struct sink *);
static void	 sink_text(struct sink *, const uint8_t *, const uint8_t *);
static int	 is_blank(const uint8_t *, const uint8_t *);

int
encword_present(const uint8_t *p, size_t len)
{
	return (len > 2 && memmem(p, len, "=?", 2) != NULL);
}

/* p is at "=?".  1 with the word filled in, or 0: no encoded word. */
static int
word_parse(const uint8_t *p, const uint8_t *end, struct word *w)
{
	const uint8_t	*q, *lang;
	size_t		 n;

	p += 2;
	n = (size_t)(end - p);
	if (n > CHARSET_NAME_MAX)
		n = CHARSET_NAME_MAX;
	if ((q = memchr(p, '?', n)) == NULL || q == p)
		return (0);
	w->charset = p;
	w->charset_len = (size_t)(q - p);
	/* RFC 2231, section 5: a language behind the charset. */
	if ((lang = memchr(p, '*', w->charset_len)) != NULL)
		w->charset_len = (size_t)(lang - p);
	p = q + 1;
	if (end - p < 2 || p[1] != '?')
		return (0);
	if (p[0] == 'b' || p[0] == 'B')
		w->is_base64 = 1;
	else if (p[0] == 'q' || p[0] == 'Q')
		w->is_base64 = 0;
	else
		return (0);
	p += 2;
	n = (size_t)(end - p);
	if (n > WORD_MAX + 2)
		n = WORD_MAX + 2;
	if ((q = memmem(p, n, "?=", 2)) == NULL)
		return (0);
	w->text = p;
	w->text_len = (size_t)(q - p);
	w->end = q + 2;
	return (1);
}

static size_t
word_q(const struct word *w, uint8_t *out, int *bad)
{
	const uint8_t	*p, *end;
	size_t		 o;
	int		 hi, lo;

	o = 0;
	end = w->text + w->text_len;
	for (p = w->text; p < end; p++) {
		out[o] = *p == '_' ? ' ' : *p;
		if (*p == '=') {
			hi = end - p > 2 ? decode_hex(p[1]) : -1;
			lo = end - p > 2 ? decode_hex(p[2]) : -1;
			if (hi == -1 || lo == -1)
				*bad = 1;
			else {
				out[o] = (uint8_t)(hi << 4 | lo);
				p += 2;
			}
		}
		o++;
	}
	return (o);
}

static void
sink_flush(struct sink *s)
{
	int	 bad;

	if (s->raw_len == 0)
		return;
	bad = 0;
	s->len += charset_utf8((const char *)s->charset, s->charset_len,
	    s->raw, s->raw_len, s->out + s->len, s->cap - s->len, &bad);
	if (bad)
		*s->anomalies |= ANOMALY(A_BAD_ENCWORD);
	s->raw_len = 0;
}

static void
sink_text(struct sink *s, const uint8_t *p, const uint8_t *end)
{
	int	 bad;

	if (p == end)
		return;
	sink_flush(s);
	bad = 0;
	s->len += utf8_clean(p, (size_t)(end - p), s->out + s->len,
	    s->cap - s->len, &bad);
	if (bad && !utf8_valid(p, (size_t)(end - p)))
		*s->anomalies |= ANOMALY(A_8BIT_HEADER);
}

static void
word_add(struct sink *s, const struct word *w)
{
	struct decoded	 d;
	int		 bad;

	/* RAW_MAX holds a word and more: there is room after a flush. */
	if (s->raw_len > 0 && (s->charset_len != w->charset_len ||
	    strncasecmp((const char *)s->charset, (const char *)w->charset,
	    w->charset_len) != 0 || w->text_len > RAW_MAX - s->raw_len))
		sink_flush(s);
	s->charset = w->charset;
	s->charset_len = w->charset_len;
	bad = 0;
	if (w->is_base64) {
		decode_base64(w->text, w->text_len, s->raw + s->raw_len,
		    RAW_MAX - s->raw_len, 0, &d);
		s->raw_len += d.len;
		bad = d.bad;
	} else
		s->raw_len += word_q(w, s->raw + s->raw_len, &bad);
	if (bad)
		*s->anomalies |= ANOMALY(A_BAD_ENCWORD);
}

static int
is_blank(const uint8_t *p, const uint8_t *end)
{
	for (; p < end; p++)
		if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n')
			return (0);
	return (1);
}

size_t
encword_decode(const uint8_t *p, size_t len, uint8_t *out, size_t cap,
    uint64_t *anomalies)
{
	struct sink	 s;
	struct word	 w;
	const uint8_t	*end, *q, *text;
	int		 after_word;

	s.out = out;
	s.len = 0;
	s.cap = cap;
	s.charset = NULL;
	s.charset_len = 0;
	s.raw_len = 0;
	s.anomalies = anomalies;
	end = p + len;
	after_word = 0;
	text = p;
	while (p < end && s.len < cap) {
		q = memchr(p, '=', (size_t)(end - p));
		if (q == NULL)
			break;
		if (end - q < 2 || q[1] != '?' || !word_parse(q, end, &w)) {
			if (end - q >= 2 && q[1] == '?')
				*anomalies |= ANOMALY(A_BAD_ENCWORD);
			p = q + 1;
			continue;
		}
		/* Blanks between two words belong to neither. */
		if (!after_word || !is_blank(text, q))
			sink_text(&s, text, q);
		word_add(&s, &w);
		p = text = w.end;
		after_word = 1;
	}
	sink_text(&s, text, end);
	sink_flush(&s);
	return (s.len);
}

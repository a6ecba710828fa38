/* SPDX-License-Identifier: ISC */

/*
 * The text of a message: what rules look for words in.
 *
 * Everything comes out as UTF-8, whatever it was.  A declared charset is a
 * claim of the sender, who may want us to read something else than the
 * recipient does; so where the bytes speak against it they are read again in
 * the charsets that they could be, and all of these readings are given.  What
 * is UTF-8 as it stands is not copied.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "limits.h"
#include "parts.h"
#include "utf8.h"

#include "charset.h"
#include "encword.h"
#include "html.h"
#include "text.h"

#define GUESS_BYTES	4096	/* looked at to guess a charset */
#define GUESSES_MAX	3	/* readings of a long text by guess; a short
				   one has no room to tell them apart */
#define FIELD_MAX	65536	/* bytes of one field */
#define FIELDS_MAX	2000	/* of one header */
#define SNIFF_BYTES	1024	/* to tell text from other data */

/* How many bytes beyond ASCII a charset has in a row, in a text of words. */
enum runs {
	RUNS_ANY,
	RUNS_LONG,		/* words are made of them */
	RUNS_SHORT		/* a letter here and there */
};

/* A charset that undeclared bytes may be in, and what it looks like. */
struct guess {
	const char	*name;
	enum runs	 runs;
	int		 has_kana;	/* other text in it has none */
};

static const struct guess	 guesses[] = {
	{ "gb18030", RUNS_ANY, 0 }, { "big5", RUNS_ANY, 0 },
	{ "cp949", RUNS_ANY, 0 }, { "cp932", RUNS_ANY, 1 },
	{ "euc-jp", RUNS_ANY, 1 },
	{ "windows-1251", RUNS_LONG, 0 }, { "koi8-r", RUNS_LONG, 0 },
	{ "iso-8859-5", RUNS_LONG, 0 }, { "windows-1256", RUNS_LONG, 0 },
	{ "iso-8859-6", RUNS_LONG, 0 }, { "windows-1252", RUNS_SHORT, 0 },
};

#define NGUESSES	(sizeof(guesses) / sizeof(guesses[0]))

static int	 is_ascii(const uint8_t *, size_t);
static enum runs runs_of(const uint8_t *, size_t);
static int	 has_pair(const uint8_t *, size_t, uint8_t, uint8_t);
static int	 has_soft_break(const uint8_t *, size_t);
static int	 is_texty(const uint8_t *, size_t);
static void	 give(struct mime *, uint32_t, enum text_scope, unsigned int,
		    const uint8_t *, size_t);
static void	 give_page(struct mime *, uint32_t, unsigned int,
		    const uint8_t *, size_t, const struct css *);
static void	 give_html(struct mime *, uint32_t, unsigned int,
		    const uint8_t *, size_t);
static void	 give_utf8(struct mime *, uint32_t, int, unsigned int,
		    const uint8_t *, size_t);
static int	 give_charset(struct mime *, uint32_t, int, unsigned int,
		    const char *, size_t, const uint8_t *, size_t, size_t *);
static unsigned int letters(const uint8_t *, size_t, int);
static void	 give_guesses(struct mime *, uint32_t, int, const uint8_t *,
		    size_t, const char *, size_t);
static int	 give_bom(struct mime *, uint32_t, int, const uint8_t *,
		    size_t);
static void	 give_hz(struct mime *, uint32_t, int, const uint8_t *,
		    size_t);
static void	 give_escaped(struct mime *, uint32_t, int, const uint8_t *,
		    size_t);
static void	 give_body(struct mime *, uint32_t, int);
static void	 give_flowed(struct mime *, uint32_t, const uint8_t *, size_t);
static void	 give_field(struct mime *, uint32_t, const uint8_t *,
		    const uint8_t *);
static void	 give_header(struct mime *, uint32_t, const uint8_t *,
		    const uint8_t *);
static void	 give_name(struct mime *, uint32_t);
static size_t	 give_declared(struct mime *, uint32_t, int, unsigned int,
		    const char *, size_t, const uint8_t *, size_t);
static int	 part_is_html(const struct mime *, const struct arena_part *);
static int	 looks_html(const uint8_t *, size_t);
static int	 name_is(const char *, size_t, const char *);
static int	 is_unlike_latin(const char *, size_t, const uint8_t *, size_t);

/* Does a stand somewhere before b.  memmem(3) is slow for so short ones. */
static int
has_pair(const uint8_t *p, size_t len, uint8_t a, uint8_t b)
{
	const uint8_t	*end;

	for (end = p + len; end - p >= 2; p++) {
		p = memchr(p, a, (size_t)(end - p - 1));
		if (p == NULL)
			break;
		if (p[1] == b)
			return (1);
	}
	return (0);
}

/* A line that ends with a blank, as soft ones do (RFC 3676 4.1). */
static int
has_soft_break(const uint8_t *p, size_t len)
{
	const uint8_t	*begin, *end;
	size_t		 n;

	begin = p;
	for (end = p + len; p < end; p++) {
		if ((p = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		n = (size_t)(p - begin);
		if (n > 0 && p[-1] == '\r')
			n--;
		if (n > 0 && begin[n - 1] == ' ')
			return (1);
	}
	return (0);
}

static int
is_ascii(const uint8_t *p, size_t len)
{
	return (utf8_ascii(p, len) == len);
}

/*
 * Data that is called something else, but reads like text: hardly anything in
 * its beginning is not printable ASCII.  Documents that begin like text have
 * readers of their own in the scanner.
 */
static int
is_texty(const uint8_t *p, size_t len)
{
	size_t	 i, odd;

	if (len > SNIFF_BYTES)
		len = SNIFF_BYTES;
	if (len >= 5 && (memcmp(p, "%PDF", 4) == 0 ||
	    memcmp(p, "{\\rtf", 5) == 0))
		return (0);
	odd = 0;
	for (i = 0; i < len; i++) {
		if (p[i] == '\0')
			return (0);
		if ((p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' &&
		    p[i] != '\r' && p[i] != 0x1b) || p[i] >= 0x7f)
			odd++;
	}
	return (len > 0 && (odd * 32 < len || utf8_valid(p, len)));
}

static int
name_is(const char *s, size_t len, const char *name)
{
	return (strlen(name) == len && strncasecmp(s, name, len) == 0);
}

static void
give(struct mime *m, uint32_t part, enum text_scope scope,
    unsigned int flags, const uint8_t *p, size_t len)
{
	if (m->arena.part[part].flags & PART_ALTERNATE)
		flags |= TEXT_ALTERNATE;
	(void)arena_text_add(&m->arena, m->msg, part, scope, flags, p, len);
}

/*
 * HTML: what is shown goes to the arena as it is found, what is not is kept
 * until that is complete.
 */
static void
give_page(struct mime *m, uint32_t part, unsigned int flags,
    const uint8_t *p, size_t len, const struct css *css)
{
	struct html_out	 shown, hidden;
	size_t		 room;
	uint8_t		*q;

	memset(&shown, 0, sizeof(shown));
	memset(&hidden, 0, sizeof(hidden));
	shown.buf = arena_room(&m->arena, &shown.cap);
	hidden.cap = len + len / 2 + 64;
	if ((hidden.buf = malloc(hidden.cap)) == NULL) {
		m->arena.limits |= LIMIT_TEXT;
		return;
	}
	if (html_text(p, len, css, &shown, &hidden) == 0 && css != NULL) {
		/* The same as without. */
		free(hidden.buf);
		return;
	}
	arena_commit(&m->arena, shown.len);
	give(m, part, TEXT_HTML, flags, shown.buf, shown.len);
	q = arena_room(&m->arena, &room);
	if (shown.full || hidden.full || hidden.len > room)
		m->arena.limits |= LIMIT_TEXT;
	else if (hidden.len > 0) {
		memcpy(q, hidden.buf, hidden.len);
		arena_commit(&m->arena, hidden.len);
		give(m, part, TEXT_HTML, flags | TEXT_HIDDEN, q, hidden.len);
	}
	free(hidden.buf);
}

static void
give_html(struct mime *m, uint32_t part, unsigned int flags,
    const uint8_t *p, size_t len)
{
	struct css	 css;

	give_page(m, part, flags, p, len, NULL);
	/* It may be an evasion to hide, and to look hidden: both are read. */
	html_sheets(p, len, &css);
	if (css.n > 0)
		give_page(m, part, flags | TEXT_ALTERNATE, p, len, &css);
}

/* Text that is UTF-8 now. */
static void
give_utf8(struct mime *m, uint32_t part, int is_html, unsigned int flags,
    const uint8_t *p, size_t len)
{
	if (is_html)
		give_html(m, part, flags, p, len);
	else
		give(m, part, TEXT_PLAIN, flags, p, len);
}

/*
 * The text in a charset.  Returns 0, or -1 when there is none of that name;
 * *bad is what could not be converted.
 */
static int
give_charset(struct mime *m, uint32_t part, int is_html, unsigned int flags,
    const char *name, size_t namelen, const uint8_t *p, size_t len,
    size_t *bad)
{
	uint8_t	*out;
	size_t	 room, n;

	out = arena_room(&m->arena, &room);
	*bad = 0;
	n = charset_text(name, namelen, p, len, out, room, bad);
	if (n == SIZE_MAX)
		return (-1);
	/* One character is four bytes at most: it may have been cut. */
	if (room - n < 16 && len > 0)
		m->arena.limits |= LIMIT_TEXT;
	arena_commit(&m->arena, n);
	give_utf8(m, part, is_html, flags, out, n);
	return (0);
}

/*
 * How well bytes converted: characters that are common in the script that
 * they came out as, in percent of all beyond ASCII.
 */
static unsigned int
letters(const uint8_t *p, size_t len, int has_kana)
{
	unsigned int	 good, all;
	uint32_t	 c;
	size_t		 i, n;

	good = all = 0;
	for (i = 0; i < len; i += n) {
		n = utf8_char(p + i, len - i);
		if (n < 2) {
			n = 1;
			continue;
		}
		all++;
		c = n == 2 ? (uint32_t)(p[i] & 0x1f) << 6 | (p[i + 1] & 0x3f) :
		    n == 3 ? (uint32_t)(p[i] & 0xf) << 12 |
		    (uint32_t)(p[i + 1] & 0x3f) << 6 | (p[i + 2] & 0x3f) : 0;
		good += (c >= 0x4e00 && c <= 0x9fa5) ||	/* Han */
		    (c >= 0xac00 && c <= 0xd7a3) ||		/* Hangul */
		    (has_kana && c >= 0x3041 && c <= 0x30fe) ||
		    (c >= 0x3000 && c <= 0x3002) ||
		    (c >= 0xff01 && c <= 0xff5e) ||
		    (c >= 0x430 && c <= 0x44f) ||	/* small Cyrillic */
		    (c >= 0x621 && c <= 0x64a) ||		/* Arabic */
		    (c >= 0xc0 && c <= 0xff);
	}
	return (all == 0 ? 0 : good * 100 / all);
}

/* Do the bytes beyond ASCII stand alone, or make up words? */
static enum runs
runs_of(const uint8_t *p, size_t len)
{
	size_t	 i, n, runs;

	for (i = n = runs = 0; i < len; i++) {
		if (p[i] < 0x80)
			continue;
		n++;
		runs += i == 0 || p[i - 1] < 0x80;
	}
	return (n * 2 < runs * 3 ? RUNS_SHORT : n * 2 > runs * 5 ? RUNS_LONG :
	    RUNS_ANY);
}

/*
 * Bytes beyond ASCII of which nobody knows the charset: those that convert
 * without a fault, the likeliest ones.  Of those with one byte a character
 * nearly all convert; a short text is read in each that gives letters.
 */
static void
give_guesses(struct mime *m, uint32_t part, int is_html, const uint8_t *p,
    size_t len, const char *declared, size_t declen)
{
	uint8_t		 sample[GUESS_BYTES * 4];
	unsigned int	 score[NGUESSES], best;
	size_t		 i, k, n, bad, slen, given, max;
	enum runs	 runs;

	slen = len < GUESS_BYTES ? len : GUESS_BYTES;
	for (i = 0; i < NGUESSES; i++) {
		bad = 0;
		n = charset_text(guesses[i].name, strlen(guesses[i].name), p,
		    slen, sample, sizeof(sample), &bad);
		score[i] = n == SIZE_MAX ? 0 : letters(sample, n,
		    guesses[i].has_kana);
		/* A sample may be cut inside of its last character. */
		if (bad > (slen < len))
			score[i] = 0;
		if (name_is(declared, declen, guesses[i].name))
			score[i] = 0;
	}
	/* Those that do not look like it come last, if there is room. */
	runs = runs_of(p, slen);
	for (i = 0; len > GUESS_BYTES && i < NGUESSES; i++)
		if (runs != RUNS_ANY && guesses[i].runs != RUNS_ANY &&
		    guesses[i].runs != runs)
			score[i] /= 2;
	max = len <= GUESS_BYTES ? NGUESSES : GUESSES_MAX;
	for (given = 0; given < max; given++) {
		best = 0;
		k = NGUESSES;
		for (i = 0; i < NGUESSES; i++)
			if (score[i] > best) {
				best = score[i];
				k = i;
			}
		if (k == NGUESSES || (given > 0 && best < 60))
			break;
		score[k] = 0;
		(void)give_charset(m, part, is_html, TEXT_GUESSED |
		    TEXT_ALTERNATE, guesses[k].name, strlen(guesses[k].name),
		    p, len, &bad);
	}
}

/*
 * A byte order mark wins over what was declared with some readers, and others
 * do not know it.  1: there is one.
 */
static int
give_bom(struct mime *m, uint32_t part, int is_html, const uint8_t *p,
    size_t len)
{
	static const struct {
		const char	*name;
		size_t		 len;
		const char	*mark;
	} boms[] = {
		{ "utf-32le", 4, "\xff\xfe\0\0" },
		{ "utf-32be", 4, "\0\0\xfe\xff" },
		{ "utf-16le", 2, "\xff\xfe" },
		{ "utf-16be", 2, "\xfe\xff" },
	};
	size_t		 i, bad;

	for (i = 0; i < sizeof(boms) / sizeof(boms[0]); i++)
		if (len >= boms[i].len &&
		    memcmp(p, boms[i].mark, boms[i].len) == 0)
			return (give_charset(m, part, is_html, 0,
			    boms[i].name, 8, p + boms[i].len,
			    len - boms[i].len, &bad) == 0);
	return (0);
}

/* HZ, RFC 1843: GB 2312 in seven bits between "~{" and "~}". */
static void
give_hz(struct mime *m, uint32_t part, int is_html, const uint8_t *p,
    size_t len)
{
	uint8_t	*gb;
	size_t	 n, bad;

	if ((gb = malloc(len + 1)) == NULL) {
		m->arena.limits |= LIMIT_TEXT;
		return;
	}
	n = charset_hz(p, len, gb);
	(void)give_charset(m, part, is_html, TEXT_ALTERNATE, "gb18030", 7, gb,
	    n, &bad);
	free(gb);
}

/*
 * Charsets that are written in ASCII, declared or not; some byte of another
 * kind may be there as well.
 */
static void
give_escaped(struct mime *m, uint32_t part, int is_html, const uint8_t *p,
    size_t len)
{
	static const char *const	 names[] = {
		"iso-2022-jp-2", "iso-2022-kr", "iso-2022-cn"
	};
	size_t				 i, bad;

	if (has_pair(p, len, '~', '{'))
		give_hz(m, part, is_html, p, len);
	if (!has_pair(p, len, '\x1b', '$'))
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)give_charset(m, part, is_html, TEXT_GUESSED |
		    TEXT_ALTERNATE, names[i], strlen(names[i]), p, len, &bad);
}

/*
 * format=flowed (RFC 3676): a blank at the end of a line joins it with the
 * next, and a word that DelSp cut is one again.
 */
static void
give_flowed(struct mime *m, uint32_t part, const uint8_t *p, size_t len)
{
	uint8_t		*out;
	const uint8_t	*lf, *end;
	size_t		 room, n, o;

	out = arena_room(&m->arena, &room);
	o = 0;
	for (end = p + len; p < end; p = lf) {
		lf = memchr(p, '\n', (size_t)(end - p));
		lf = lf == NULL ? end : lf + 1;
		n = (size_t)(lf - p);
		if (n > room - o) {
			m->arena.limits |= LIMIT_TEXT;
			break;
		}
		memcpy(out + o, p, n);
		if (n >= 2 && p[n - 1] == '\n') {
			n -= 1 + (p[n - 2] == '\r');
			if (n > 0 && p[n - 1] == ' ')
				n--;
			else
				n = (size_t)(lf - p);
		}
		o += n;
	}
	arena_commit(&m->arena, o);
	give(m, part, TEXT_PLAIN, TEXT_ALTERNATE, out, o);
}

/*
 * The text as it was declared, or as its <meta> says.  Returns how much of it
 * could not be converted, 1 also when there is no such charset.
 */
static size_t
give_declared(struct mime *m, uint32_t part, int is_html, unsigned int flags,
    const char *cs, size_t cslen, const uint8_t *p, size_t len)
{
	const char	*other;
	size_t		 bad, bad2;
	uint32_t	 n;

	n = m->arena.ntexts;
	if (give_charset(m, part, is_html, flags, cs, cslen, p, len,
	    &bad) == -1)
		return (1);
	if (bad == 0 && !is_html && n < m->arena.ntexts)
		m->arena.text[n].flags |= TEXT_DECLARED;
	/* Without a mark the order is a matter of taste, RFC 2781, 4.3. */
	if ((other = charset_other_order(cs, cslen)) != NULL)
		(void)give_charset(m, part, is_html, TEXT_ALTERNATE, other,
		    strlen(other), p, len, &bad2);
	return (bad);
}

/*
 * Programs that know no charset say Latin 1, in which every byte is a letter.
 * In texts that are, most letters are ASCII.
 */
static int
is_unlike_latin(const char *cs, size_t cslen, const uint8_t *p, size_t len)
{
	static const char *const	 latin[] = {
		"iso-8859-1", "iso-8859-15", "latin1", "windows-1252",
		"cp1252"
	};
	size_t				 i, high, ascii;

	for (i = 0; i < sizeof(latin) / sizeof(latin[0]); i++)
		if (name_is(cs, cslen, latin[i]))
			break;
	if (i == sizeof(latin) / sizeof(latin[0]))
		return (0);
	if (len > GUESS_BYTES)
		len = GUESS_BYTES;
	high = ascii = 0;
	for (i = 0; i < len; i++) {
		high += p[i] >= 0x80;
		ascii += (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z';
	}
	return (high > ascii);
}

/* All readings of a body that is text. */
static void
give_body(struct mime *m, uint32_t i, int is_html)
{
	const struct arena_part	*q;
	const uint8_t		*p;
	const char		*cs, *meta;
	size_t			 len, cslen, metalen, bad;
	unsigned int		 flags;
	int			 valid, bom;

	q = &m->arena.part[i];
	p = q->flags & PART_ARENA ? m->arena.body + q->off : m->msg + q->off;
	len = (size_t)q->len;
	cs = q->charset_len == 0 ? "" : m->arena.str + q->charset_off;
	cslen = q->charset_len;
	if (len == 0)
		return;
	bom = give_bom(m, i, is_html, p, len);
	if (bom && charset_is_unlike_ascii(cs, cslen))
		return;
	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		len -= 3;
	}
	valid = utf8_valid(p, len);
	/* As it stands: right for most of today's mail. */
	if (valid)
		give_utf8(m, i, is_html, 0, p, len);
	if (valid && !is_html && has_soft_break(p, len))
		give_flowed(m, i, p, len);
	give_escaped(m, i, is_html, p, len);
	if (valid && is_ascii(p, len) && !charset_is_unlike_ascii(cs, cslen))
		return;
	bad = 1;
	flags = valid || bom ? TEXT_ALTERNATE : 0;
	if (cslen > 0 && !name_is(cs, cslen, "utf-8") &&
	    !name_is(cs, cslen, "us-ascii"))
		bad = give_declared(m, i, is_html, flags, cs, cslen, p, len);
	meta = is_html ? html_charset(p, len, &metalen) : NULL;
	if (meta != NULL && !valid && !(metalen == cslen &&
	    strncasecmp(meta, cs, cslen) == 0))
		bad = give_declared(m, i, is_html, TEXT_ALTERNATE, meta,
		    metalen, p, len);
	if (!valid && bad == 0 && is_unlike_latin(cs, cslen, p, len))
		give_guesses(m, i, is_html, p, len, cs, cslen);
	if (!valid && bad > 0) {
		m->arena.part[i].anomalies |= cslen > 0 && !bom ?
		    ANOMALY(A_WRONG_CHARSET) : 0;
		give_guesses(m, i, is_html, p, len, cs, cslen);
		/* And as what it may be after all, but for some bytes. */
		give_utf8(m, i, is_html, TEXT_ALTERNATE, p, len);
	}
}

/* One field with its folds; the value decoded, the name before others'. */
static void
give_field(struct mime *m, uint32_t part, const uint8_t *p,
    const uint8_t *end)
{
	struct range	 value;
	enum text_scope	 scope;
	const uint8_t	*colon;
	uint8_t		*buf, *out;
	uint64_t	 anomalies;
	size_t		 len, n, o, room;

	colon = memchr(p, ':', (size_t)(end - p));
	if (colon == NULL)
		return;
	for (n = (size_t)(colon - p); n > 0 && (p[n - 1] == ' ' ||
	    p[n - 1] == '\t'); n--)
		continue;
	scope = parts_field_scope(p, n);
	value.p = colon + 1;
	value.len = (size_t)(end - value.p);
	if (value.len > FIELD_MAX) {
		value.len = FIELD_MAX;
		m->arena.limits |= LIMIT_TEXT;
	}
	if ((buf = malloc(value.len + 1)) == NULL) {
		m->arena.limits |= LIMIT_TEXT;
		return;
	}
	len = header_unfold(&value, buf, value.len);
	out = arena_room(&m->arena, &room);
	o = 0;
	if (scope == TEXT_HEADER && n < room) {
		memcpy(out, p, n);
		o = n;
		out[o++] = ':';
	}
	anomalies = 0;
	o += encword_decode(buf, len, out + o, room - o, &anomalies);
	free(buf);
	/* One character is four bytes at most: it may have been cut. */
	if (room - o < 4 && len > 0)
		m->arena.limits |= LIMIT_TEXT;
	arena_commit(&m->arena, o);
	give(m, part, scope, 0, out, o);
	/* Bytes beyond ASCII that are no UTF-8: somebody's charset. */
	if (!utf8_valid(value.p, value.len)) {
		len = m->arena.ntexts;
		give_guesses(m, part, 0, value.p, value.len, "", 0);
		for (; len < m->arena.ntexts; len++)
			m->arena.text[len].scope = (uint16_t)scope;
	}
}

/* All fields up to an empty line. */
static void
give_header(struct mime *m, uint32_t part, const uint8_t *p,
    const uint8_t *end)
{
	const uint8_t	*lf, *next;
	unsigned int	 n;

	for (n = 0; p < end && *p != '\r' && *p != '\n'; n++, p = next) {
		if (n == FIELDS_MAX) {
			m->arena.limits |= LIMIT_TEXT;
			return;
		}
		next = p;
		do {
			lf = memchr(next, '\n', (size_t)(end - next));
			next = lf == NULL ? end : lf + 1;
		} while (next < end && (*next == ' ' || *next == '\t'));
		give_field(m, part, p, next);
	}
}

/* The name of a part: strings are none of the texts' memory. */
static void
give_name(struct mime *m, uint32_t i)
{
	const struct arena_part	*q;
	uint8_t			*out;
	size_t			 room;

	q = &m->arena.part[i];
	if (q->name_len == 0)
		return;
	out = arena_room(&m->arena, &room);
	if (q->name_len > room) {
		m->arena.limits |= LIMIT_TEXT;
		return;
	}
	memcpy(out, m->arena.str + q->name_off, q->name_len);
	arena_commit(&m->arena, q->name_len);
	give(m, i, TEXT_NAME, 0, out, q->name_len);
}

/* By its type: a reader shows no tags. */
static int
part_is_html(const struct mime *m, const struct arena_part *q)
{
	const char	*type;

	/* Where nothing has a name or a type there are no strings at all. */
	type = q->type_len == 0 ? "" : m->arena.str + q->type_off;
	return (name_is(type, q->type_len, "text/html") ||
	    name_is(type, q->type_len, "application/xhtml+xml"));
}

/* By how it begins, whatever it is called: a browser may be asked to. */
static int
looks_html(const uint8_t *p, size_t len)
{
	static const char *const	 tags[] = {
		"<html", "<!doctype html", "<head", "<body"
	};
	const uint8_t			*end;
	size_t				 i, n;

	if (len > SNIFF_BYTES)
		len = SNIFF_BYTES;
	for (end = p + len; p < end; p++) {
		p = memchr(p, '<', (size_t)(end - p));
		if (p == NULL)
			return (0);
		for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
			n = strlen(tags[i]);
			if ((size_t)(end - p) >= n &&
			    strncasecmp((const char *)p, tags[i], n) == 0)
				return (1);
		}
	}
	return (0);
}

void
text_give(struct mime *m)
{
	const struct arena_part	*q;
	const uint8_t		*body;
	uint32_t		 i;

	give_header(m, 0, m->msg, m->msg + m->msg_len);
	for (i = 0; i < m->arena.nparts; i++) {
		q = &m->arena.part[i];
		give_name(m, i);
		body = q->flags & PART_ARENA ? m->arena.body + q->off :
		    m->msg + q->off;
		if (q->flags & PART_MESSAGE)
			give_header(m, i, body, body + q->len);
		if (q->flags & (PART_MULTIPART | PART_MESSAGE))
			continue;
		if (part_is_html(m, q)) {
			give_body(m, i, 1);
			continue;
		}
		/* What is no HTML is shown with its tags and comments. */
		if ((q->flags & PART_TEXT) != 0 ||
		    is_texty(body, (size_t)q->len))
			give_body(m, i, 0);
		if (looks_html(body, (size_t)q->len))
			give_body(m, i, 1);
	}
}

/* SPDX-License-Identifier: ISC */

/*
 * Numbers that leak: payment cards, accounts, people's numbers, keys.
 *
 * Each has a form and a check of its own, and both must hold, since mail is
 * full of long numbers that are none: orders, parcels, times, addresses of
 * web pages.  A number begins and ends where its digits do: one that is part
 * of a longer one, or glued to letters, is not looked at.  Chinese, Japanese
 * and Korean have no blanks before numbers, so their characters are no
 * letters here.
 *
 * Numbers are written in groups, and other numbers stand beside them (a card
 * and the month when it ends), so every group may be the first of a number,
 * and each of the next few the last.
 *
 * Text is in the normal form: lower case, one blank for any white space, and
 * digits of all forms that stand for ASCII ones as these.
 */

#include <string.h>

#include "normal.h"

#include "ident.h"

#define DIGITS_MAX	19	/* of the longest number, a card's */
#define GROUPS_MAX	5	/* of it: 4-4-4-4-3 */

/* Groups of digits with the same blank or dash between them. */
struct run {
	uint8_t		 digit[DIGITS_MAX];
	size_t		 n;
	size_t		 size[GROUPS_MAX];
	size_t		 ngroups;
	size_t		 end;		/* behind the last digit */
	uint8_t		 sep;		/* 0: one group as yet */
};

static int	 is_digit(uint8_t);
static int	 is_alnum(uint8_t);
static int	 is_free_before(const uint8_t *, size_t);
static int	 is_free_behind(const uint8_t *, size_t, size_t);
static int	 run_more(const uint8_t *, size_t, struct run *);
static int	 date_ok(const uint8_t *, unsigned int);
static unsigned int number(const uint8_t *, size_t);
static int	 is_shape(const struct run *, const size_t *, size_t);
static int	 is_card_shape(const struct run *);
static int	 is_card(const struct run *);
static int	 is_cn_id(const struct run *, uint8_t);
static int	 is_kr_rrn(const struct run *);
static int	 is_us_ssn(const struct run *);
static size_t	 iban_length(const uint8_t *);
static size_t	 iban_at(const uint8_t *, size_t, size_t);
static size_t	 key_at(const uint8_t *, size_t, size_t);
static size_t	 aws_at(const uint8_t *, size_t, size_t);
static enum ident run_kind(const struct run *, const uint8_t *, size_t,
		    uint32_t, size_t *);
static enum ident number_at(const uint8_t *, size_t, size_t *, uint32_t);
static size_t	 word_at(const uint8_t *, size_t, size_t, uint32_t,
		    enum ident *);

static int
is_digit(uint8_t c)
{
	return (c >= '0' && c <= '9');
}

static int
is_alnum(uint8_t c)
{
	return (is_digit(c) || (c >= 'a' && c <= 'z'));
}

/* May something begin at i: no letter of a word before it? */
static int
is_free_before(const uint8_t *p, size_t i)
{
	size_t	 k, used;

	if (i == 0)
		return (1);
	if (p[i - 1] < 0x80)
		return (!is_alnum(p[i - 1]) && p[i - 1] != '_');
	for (k = i - 1; k > 0 && i - k < 4 && (p[k] & 0xc0) == 0x80; k--)
		continue;
	return (!normal_is_word(normal_get(p + k, i - k, &used)));
}

/* May something end at i: neither a word, nor an address, nor a fraction? */
static int
is_free_behind(const uint8_t *p, size_t len, size_t i)
{
	size_t	 used;

	if (i == len)
		return (1);
	if ((p[i] == '.' || p[i] == '-') && i + 1 < len)
		return (!is_alnum(p[i + 1]));
	return (p[i] != '@' &&
	    !normal_is_word(normal_get(p + i, len - i, &used)));
}

/*
 * Take the next group of digits at r->end, which is one separator further on
 * unless it is the first.  Returns 0 when there is none that may belong to
 * the same number.
 */
static int
run_more(const uint8_t *p, size_t len, struct run *r)
{
	size_t	 i, n;
	uint8_t	 sep;

	i = r->end;
	sep = 0;
	if (r->ngroups > 0) {
		if (r->ngroups == GROUPS_MAX || i + 1 >= len)
			return (0);
		sep = p[i++];
		if ((sep != ' ' && sep != '-') ||
		    (r->ngroups > 1 && sep != r->sep))
			return (0);
	}
	for (n = 0; i < len && is_digit(p[i]); i++, n++) {
		if (r->n == DIGITS_MAX)
			return (0);
		r->digit[r->n++] = (uint8_t)(p[i] - '0');
	}
	if (n == 0)
		return (0);
	r->sep = sep;
	r->size[r->ngroups++] = n;
	r->end = i;
	return (1);
}

static unsigned int
number(const uint8_t *digit, size_t n)
{
	unsigned int	 v;

	for (v = 0; n > 0; n--)
		v = v * 10 + *digit++;
	return (v);
}

/* "YYMMDD" of a century: a day that there was. */
static int
date_ok(const uint8_t *digit, unsigned int century)
{
	static const unsigned int	 days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	unsigned int			 y, m, d, leap;

	y = century * 100 + number(digit, 2);
	m = number(digit + 2, 2);
	d = number(digit + 4, 2);
	leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
	return (m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] +
	    (m == 2 ? leap : 0));
}

static int
is_shape(const struct run *r, const size_t *size, size_t n)
{
	return (r->ngroups == n && memcmp(r->size, size, n * sizeof(*size)) ==
	    0);
}

/* Groups as on cards: fours and a rest, 4-6-5, 4-6-4; or halves, or one. */
static int
is_card_shape(const struct run *r)
{
	static const size_t	 amex[] = { 4, 6, 5 };
	static const size_t	 diners[] = { 4, 6, 4 };
	static const size_t	 halves[] = { 8, 8 };
	size_t			 i;

	if (r->ngroups == 1 || is_shape(r, amex, 3) ||
	    is_shape(r, diners, 3) || is_shape(r, halves, 2))
		return (1);
	for (i = 0; i + 1 < r->ngroups; i++)
		if (r->size[i] != 4)
			return (0);
	return (r->size[i] <= 4);
}

/*
 * Luhn's sum, and an issuer that there is, with its length (ISO/IEC 7812):
 * the sum alone takes every tenth number.
 */
static int
is_card(const struct run *r)
{
	unsigned int	 sum, d, iin2, iin4;
	size_t		 i;

	if (r->n < 13 || r->n > 19 || !is_card_shape(r))
		return (0);
	iin2 = number(r->digit, 2);
	iin4 = number(r->digit, 4);
	if (!((r->digit[0] == 4 && (r->n == 13 || r->n == 16 ||
	    r->n == 19)) ||					/* Visa */
	    (((iin2 >= 51 && iin2 <= 55) || (iin4 >= 2221 &&
	    iin4 <= 2720)) && r->n == 16) ||			/* Mastercard */
	    ((iin2 == 34 || iin2 == 37) && r->n == 15) ||	/* Amex */
	    ((iin2 == 36 || iin2 == 38 || iin2 == 39 ||
	    (iin4 >= 3000 && iin4 <= 3059)) && r->n == 14) ||	/* Diners */
	    ((iin4 == 6011 || iin2 == 65 || (iin4 >= 6440 &&
	    iin4 <= 6499)) && r->n >= 16) ||			/* Discover */
	    (iin4 >= 3528 && iin4 <= 3589 && r->n >= 16) ||	/* JCB */
	    (iin2 == 62 && r->n >= 16)))			/* UnionPay */
		return (0);
	sum = 0;
	for (i = 0; i < r->n; i++) {
		d = r->digit[r->n - 1 - i];
		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return (sum % 10 == 0);
}

/*
 * GB 11643: region, birthday, order, and a check of modulo 11, which may be
 * an X; next is what stands behind the digits.
 */
static int
is_cn_id(const struct run *r, uint8_t next)
{
	static const unsigned int	 weight[17] = {
		7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2
	};
	static const char		 check[] = "10x98765432";
	unsigned int			 sum, region, century;
	size_t				 i;
	char				 last;

	if (r->n == 18)
		last = (char)('0' + r->digit[17]);
	else if (r->n == 17 && next == 'x')
		last = 'x';
	else
		return (0);
	if (r->ngroups != 1 && (r->ngroups != 3 || r->size[0] != 6 ||
	    r->size[1] != 8))
		return (0);
	region = number(r->digit, 2);
	century = number(r->digit + 6, 2);
	if (region < 11 || region > 82 || century < 18 || century > 20 ||
	    !date_ok(r->digit + 8, century))
		return (0);
	sum = 0;
	for (i = 0; i < 17; i++)
		sum += r->digit[i] * weight[i];
	return (check[sum % 11] == last);
}

/*
 * YYMMDD-GNNNNNC: a date, a digit for sex and century, and a check digit
 * modulo 11.  Numbers given out since October 2020 have a random end; they
 * are taken when a dash stands where it belongs.
 */
static int
is_kr_rrn(const struct run *r)
{
	static const unsigned int	 weight[12] = {
		2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5
	};
	static const size_t		 shape[] = { 6, 7 };
	unsigned int			 sum, g, century;
	size_t				 i;

	if (r->n != 13 || (r->ngroups != 1 && !is_shape(r, shape, 2)))
		return (0);
	g = r->digit[6];
	century = g == 9 || g == 0 ? 18 : g == 3 || g == 4 || g == 7 ||
	    g == 8 ? 20 : 19;
	if (!date_ok(r->digit, century))
		return (0);
	sum = 0;
	for (i = 0; i < 12; i++)
		sum += r->digit[i] * weight[i];
	if ((11 - sum % 11) % 10 == r->digit[12])
		return (1);
	return (r->sep == '-' && century == 20 && number(r->digit, 2) >= 20);
}

/*
 * AAA-GG-SSSS, no field zero, no area that was never given out, and not one
 * of the two that were printed on advertisements.
 */
static int
is_us_ssn(const struct run *r)
{
	static const size_t	 shape[] = { 3, 2, 4 };
	unsigned int		 all, area;

	if (!is_shape(r, shape, 3) || r->sep != '-')
		return (0);
	all = number(r->digit, 9);
	area = all / 1000000;
	return (area != 0 && area != 666 && area < 900 &&
	    all / 10000 % 100 != 0 && all % 10000 != 0 &&
	    all != 78051120 && all != 219099999);
}

/* How long an IBAN of a country is (ISO 13616's registry); 0: no such. */
static size_t
iban_length(const uint8_t *country)
{
	static const char	 known[] =
	    "ad24ae23al28at20az28ba20be16bg22bh22bi27br29by28ch21cr22cy28cz24"
	    "de22dj27dk18do28ee20eg29es24fi18fk18fo18fr27gb22ge22gi23gl18gr27"
	    "gt28hn28hr21hu28ie22il23iq23is26it27jo30kw30kz20lb28lc32li21lt20"
	    "lu20lv21ly25mc27md24me22mk19mn20mr27mt31mu30ni28nl18no15om23pk24"
	    "pl28ps29pt25qa29ro24rs22ru33sa24sc31sd18se24si19sk24sm27so23st25"
	    "sv28tl23tn24tr26ua29va22vg24xk20ye30";
	size_t			 i;

	for (i = 0; i + 4 < sizeof(known); i += 4)
		if (memcmp(known + i, country, 2) == 0)
			return ((size_t)(known[i + 2] - '0') * 10 +
			    (size_t)(known[i + 3] - '0'));
	return (0);
}

/*
 * Modulo 97, letters counting as 10 to 35; blanks may stand after each four.
 * What comes behind it after a blank is no part of it.
 */
static size_t
iban_at(const uint8_t *p, size_t len, size_t i)
{
	uint8_t		 c[34], d;
	unsigned int	 rest;
	size_t		 n, k, want;

	if (len - i < 15 || p[i] < 'a' || p[i] > 'z' || p[i + 1] < 'a' ||
	    p[i + 1] > 'z' || !is_digit(p[i + 2]) || !is_digit(p[i + 3]) ||
	    (want = iban_length(p + i)) == 0)
		return (0);
	for (n = 0, k = i; k < len && n < want; k++) {
		if (is_alnum(p[k]))
			c[n++] = p[k];
		else if (p[k] != ' ' || n % 4 != 0 || p[k - 1] == ' ')
			return (0);
	}
	if (n < want || !is_free_behind(p, len, k))
		return (0);
	rest = 0;
	for (n = 0; n < want; n++) {
		d = c[(n + 4) % want];
		rest = is_digit(d) ? (rest * 10 + (d - '0')) % 97 :
		    (rest * 100 + (d - 'a' + 10)) % 97;
	}
	return (rest == 1 ? k - i : 0);
}

/* "-----begin ... private key", of PEM (RFC 7468) or PGP; or PuTTY's file. */
static size_t
key_at(const uint8_t *p, size_t len, size_t i)
{
	static const char	 begin[] = "-----begin ";
	static const char	 key[] = "private key";
	static const char	 putty[] = "putty-user-key-file-";
	size_t			 k, end;

	if (len - i >= sizeof(putty) - 1 &&
	    memcmp(p + i, putty, sizeof(putty) - 1) == 0)
		return (sizeof(putty) - 1);
	if (len - i < sizeof(begin) - 1 ||
	    memcmp(p + i, begin, sizeof(begin) - 1) != 0)
		return (0);
	/* The kind of key: some words, without a dash. */
	k = i + sizeof(begin) - 1;
	end = len - k > 48 ? k + 48 : len;
	for (; k < end && (is_alnum(p[k]) || p[k] == ' '); k++)
		if (len - k >= sizeof(key) - 1 &&
		    memcmp(p + k, key, sizeof(key) - 1) == 0)
			return (k + sizeof(key) - 1 - i);
	return (0);
}

/* "AKIA" or "ASIA" and sixteen letters and digits of base 32. */
static size_t
aws_at(const uint8_t *p, size_t len, size_t i)
{
	size_t	 k, ndigits;

	if (len - i < 20 || (memcmp(p + i, "akia", 4) != 0 &&
	    memcmp(p + i, "asia", 4) != 0) ||
	    (len - i > 20 && is_alnum(p[i + 20])))
		return (0);
	ndigits = 0;
	for (k = i + 4; k < i + 20; k++) {
		if (!is_alnum(p[k]) || p[k] == '0' || p[k] == '1' ||
		    p[k] == '8' || p[k] == '9')
			return (0);
		ndigits += is_digit(p[k]) != 0;
	}
	/* Sixteen letters in a row are a word of somebody's. */
	return (ndigits > 0 ? 20 : 0);
}

/* What kind of number a run is, if it is one; *end is behind it. */
static enum ident
run_kind(const struct run *r, const uint8_t *p, size_t len, uint32_t kinds,
    size_t *end)
{
	uint8_t	 next;

	*end = r->end;
	next = r->end < len ? p[r->end] : 0;
	if ((kinds & (1U << IDENT_CN_ID)) && is_cn_id(r, next)) {
		*end += r->n == 17;
		return (is_free_behind(p, len, *end) ? IDENT_CN_ID :
		    IDENT_MAX);
	}
	/* All others end with their digits. */
	if (!is_free_behind(p, len, r->end))
		return (IDENT_MAX);
	if ((kinds & (1U << IDENT_CARD)) && is_card(r))
		return (IDENT_CARD);
	if ((kinds & (1U << IDENT_KR_RRN)) && is_kr_rrn(r))
		return (IDENT_KR_RRN);
	if ((kinds & (1U << IDENT_US_SSN)) && is_us_ssn(r))
		return (IDENT_US_SSN);
	return (IDENT_MAX);
}

/*
 * The number whose first group is at *i.  *i becomes where to go on: behind
 * it, or behind the group.
 */
static enum ident
number_at(const uint8_t *p, size_t len, size_t *i, uint32_t kinds)
{
	struct run	 r;
	enum ident	 kind;
	size_t		 begin, end;

	begin = *i;
	while (*i < len && is_digit(p[*i]))
		(*i)++;
	/* Part of an address, a fraction, a longer number? */
	if (begin > 0 && (p[begin - 1] == '/' || p[begin - 1] == '='))
		return (IDENT_MAX);
	if (begin > 1 && ((p[begin - 1] == '.' && is_digit(p[begin - 2])) ||
	    (p[begin - 1] == '-' && is_alnum(p[begin - 2]))))
		return (IDENT_MAX);
	memset(&r, 0, sizeof(r));
	r.end = begin;
	while (run_more(p, len, &r)) {
		kind = run_kind(&r, p, len, kinds, &end);
		if (kind != IDENT_MAX) {
			*i = end;
			return (kind);
		}
	}
	return (IDENT_MAX);
}

/* Length of what begins with a letter or a dash at i, and its kind; or 0. */
static size_t
word_at(const uint8_t *p, size_t len, size_t i, uint32_t kinds,
    enum ident *kind)
{
	static const struct {
		enum ident	 kind;
		size_t		(*at)(const uint8_t *, size_t, size_t);
	} kindsof[] = {
		{ IDENT_PRIVATE_KEY, key_at },
		{ IDENT_AWS_KEY, aws_at },
		{ IDENT_IBAN, iban_at },
	};
	size_t		 j, n;

	for (j = 0; j < sizeof(kindsof) / sizeof(kindsof[0]); j++) {
		if ((kinds & (1U << kindsof[j].kind)) == 0 ||
		    (n = kindsof[j].at(p, len, i)) == 0)
			continue;
		*kind = kindsof[j].kind;
		return (n);
	}
	return (0);
}

void
ident_scan(const uint8_t *p, size_t len, uint32_t kinds,
    void (*found)(void *, enum ident, size_t, size_t), void *arg)
{
	enum ident	 kind;
	size_t		 i, n, begin;

	for (i = 0; i < len; ) {
		if (!is_free_before(p, i)) {
			i++;
			continue;
		}
		begin = i;
		if (is_digit(p[i])) {
			kind = number_at(p, len, &i, kinds);
			if (kind != IDENT_MAX)
				found(arg, kind, begin, i);
			continue;
		}
		n = word_at(p, len, i, kinds, &kind);
		if (n > 0)
			found(arg, kind, begin, begin + n);
		i += n > 0 ? n : 1;
	}
}

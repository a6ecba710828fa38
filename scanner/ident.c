/* SPDX-License-Identifier: ISC */

/*
 * Numbers that leak: payment cards, accounts, people's numbers, keys.
 *
 * Each has a form and a check of its own, and both must hold, since mail is
 * full of long numbers that are none: orders, parcels, times, addresses of
 * web pages.  A number begins and ends where its digits do: one that is part
 * of a longer one, or glued to letters, is not looked at.
 *
 * Text is in the normal form: lower case, one blank for any white space, and
 * digits of all scripts that have a decimal form as ASCII.
 */

#include <string.h>

#include "ident.h"

#define RUN_MAX	24	/* digits of the longest number, and more */

/* Digits with single blanks or dashes between them. */
struct run {
	uint8_t		 digit[RUN_MAX];
	size_t		 n;
	size_t		 begin;
	size_t		 end;		/* behind the last digit */
	unsigned int	 ndash;
	unsigned int	 nblank;
	size_t		 dash[2];	/* digits before the first two */
};

static int	 is_digit(uint8_t);
static int	 is_alnum(uint8_t);
static size_t	 run_read(const uint8_t *, size_t, size_t, struct run *);
static int	 date_ok(const uint8_t *, unsigned int);
static unsigned int number(const uint8_t *, size_t);
static int	 is_card(const struct run *);
static int	 is_cn_id(const struct run *, const uint8_t *, size_t);
static int	 is_kr_rrn(const struct run *);
static int	 is_us_ssn(const struct run *);
static size_t	 iban_at(const uint8_t *, size_t, size_t);
static size_t	 key_at(const uint8_t *, size_t, size_t);
static size_t	 aws_at(const uint8_t *, size_t, size_t);
static enum ident run_kind(const struct run *, const uint8_t *, size_t,
		    uint32_t);
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

/* The run of digits at i; returns where to go on. */
static size_t
run_read(const uint8_t *p, size_t len, size_t i, struct run *r)
{
	memset(r, 0, sizeof(*r));
	r->begin = i;
	for (; i < len; i++) {
		if (is_digit(p[i])) {
			if (r->n < RUN_MAX)
				r->digit[r->n] = (uint8_t)(p[i] - '0');
			r->n++;
			r->end = i + 1;
			continue;
		}
		/* One blank or dash, and a digit behind it. */
		if ((p[i] != ' ' && p[i] != '-') || i + 1 == len ||
		    !is_digit(p[i + 1]))
			break;
		if (p[i] == ' ')
			r->nblank++;
		else {
			if (r->ndash < 2)
				r->dash[r->ndash] = r->n;
			r->ndash++;
		}
	}
	return (r->end);
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

/*
 * Luhn's sum, and an issuer that there is, with its length (ISO/IEC 7812):
 * the sum alone takes every tenth number.
 */
static int
is_card(const struct run *r)
{
	unsigned int	 sum, d, iin2, iin4;
	size_t		 i;

	if (r->n < 13 || r->n > 19 || r->ndash + r->nblank > 4)
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

/* GB 11643: 17 digits and one of modulo 11, which may be an X. */
static int
is_cn_id(const struct run *r, const uint8_t *p, size_t len)
{
	static const unsigned int	 weight[17] = {
		7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2
	};
	static const char		 check[] = "10x98765432";
	unsigned int			 sum, region, century;
	size_t				 i;
	char				 last;

	if (r->ndash + r->nblank > 0)
		return (0);
	if (r->n == 18)
		last = (char)('0' + r->digit[17]);
	else if (r->n == 17 && r->end < len && p[r->end] == 'x' &&
	    (r->end + 1 == len || !is_alnum(p[r->end + 1])))
		last = 'x';
	else
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
	unsigned int			 sum, g, century;
	size_t				 i;

	if (r->n != 13 || r->nblank > 0 || r->ndash > 1 ||
	    (r->ndash == 1 && r->dash[0] != 6))
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
	return (r->ndash == 1 && century == 20 &&
	    number(r->digit, 2) >= 20);
}

/* AAA-GG-SSSS, no field zero, no area that was never given out. */
static int
is_us_ssn(const struct run *r)
{
	unsigned int	 area;

	if (r->n != 9 || r->ndash != 2 || r->nblank > 0 || r->dash[0] != 3 ||
	    r->dash[1] != 5)
		return (0);
	area = number(r->digit, 3);
	return (area != 0 && area != 666 && area < 900 &&
	    number(r->digit + 3, 2) != 0 && number(r->digit + 5, 4) != 0);
}

/* Letters of an IBAN count as 10 to 35; blanks may stand after four. */
static size_t
iban_at(const uint8_t *p, size_t len, size_t i)
{
	uint8_t		 c[34], d;
	unsigned int	 rest;
	size_t		 n, k, j;

	if (i + 4 > len || p[i] < 'a' || p[i + 1] < 'a' || p[i] > 'z' ||
	    p[i + 1] > 'z' || !is_digit(p[i + 2]) || !is_digit(p[i + 3]))
		return (0);
	n = 0;
	for (k = i; k < len; k++) {
		if (is_alnum(p[k])) {
			if (n == sizeof(c))
				return (0);
			c[n++] = p[k];
		} else if (p[k] != ' ' || n % 4 != 0 || k + 1 == len ||
		    !is_alnum(p[k + 1]) || n < 4)
			break;
		/* A word behind it is none of its groups. */
		else if (k + 4 < len && (p[k + 1] >= 'a' && p[k + 2] >= 'a' &&
		    n >= 15))
			break;
	}
	if (n < 15 || n > 34)
		return (0);
	rest = 0;
	for (j = 0; j < n; j++) {
		d = c[(j + 4) % n];
		rest = is_digit(d) ? (rest * 10 + (d - '0')) % 97 :
		    (rest * 100 + (d - 'a' + 10)) % 97;
	}
	return (rest == 1 ? k - i : 0);
}

/* "-----begin ... private key-----", or PuTTY's file. */
static size_t
key_at(const uint8_t *p, size_t len, size_t i)
{
	static const char	 begin[] = "-----begin ";
	static const char	 key[] = "private key-----";
	static const char	 putty[] = "putty-user-key-file-";
	const uint8_t		*q;
	size_t			 n;

	if (len - i >= sizeof(putty) - 1 &&
	    memcmp(p + i, putty, sizeof(putty) - 1) == 0)
		return (sizeof(putty) - 1);
	if (len - i < sizeof(begin) - 1 ||
	    memcmp(p + i, begin, sizeof(begin) - 1) != 0)
		return (0);
	n = len - i - (sizeof(begin) - 1);
	if (n > 48)
		n = 48;
	q = memmem(p + i + sizeof(begin) - 1, n, key, sizeof(key) - 1);
	return (q == NULL ? 0 : (size_t)(q - (p + i)) + sizeof(key) - 1);
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

/* What kind of number a run is, if it is one. */
static enum ident
run_kind(const struct run *r, const uint8_t *p, size_t len, uint32_t kinds)
{
	if (r->n > RUN_MAX)
		return (IDENT_MAX);
	if ((kinds & (1U << IDENT_CN_ID)) && is_cn_id(r, p, len))
		return (IDENT_CN_ID);
	/* All others end with their digits. */
	if (r->end < len && is_alnum(p[r->end]))
		return (IDENT_MAX);
	if ((kinds & (1U << IDENT_CARD)) && is_card(r))
		return (IDENT_CARD);
	if ((kinds & (1U << IDENT_KR_RRN)) && is_kr_rrn(r))
		return (IDENT_KR_RRN);
	if ((kinds & (1U << IDENT_US_SSN)) && is_us_ssn(r))
		return (IDENT_US_SSN);
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
	struct run	 r;
	enum ident	 kind;
	size_t		 i, n;

	for (i = 0; i < len; i++) {
		/* At the begin of a word only; a dash or a dot makes none. */
		if (i > 0 && (is_alnum(p[i - 1]) || p[i - 1] >= 0x80 ||
		    p[i - 1] == '_'))
			continue;
		if (is_digit(p[i])) {
			n = run_read(p, len, i, &r) - i;
			kind = IDENT_MAX;
			if (i == 0 || (p[i - 1] != '.' && p[i - 1] != '/' &&
			    p[i - 1] != '=' && p[i - 1] != '-'))
				kind = run_kind(&r, p, len, kinds);
			if (kind != IDENT_MAX)
				found(arg, kind, i, r.end);
			i += n - 1;
			continue;
		}
		n = word_at(p, len, i, kinds, &kind);
		if (n > 0)
			found(arg, kind, i, i + n);
	}
}

/* SPDX-License-Identifier: ISC */

/*
 * Identifiers: what people write is found, with what stands around it in real
 * text; what only looks like one is not.  All numbers are published examples
 * or made up to fit their check.
 */

#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "normal.h"

#include "../common/unit.h"

#define ALL	((1U << IDENT_MAX) - 1)
#define NONE	IDENT_MAX

struct text {
	enum ident	 kind;		/* the only one in it, or NONE */
	const char	*text;
};

struct found {
	size_t		 n[IDENT_MAX];
	size_t		 total;
	size_t		 begin, end;	/* of the last */
};

static const struct text	 texts[] = {
	/* Cards, as they are written. */
	{ IDENT_CARD, "4111111111111111" },
	{ IDENT_CARD, "card 4111 1111 1111 1111." },
	{ IDENT_CARD, "4111-1111-1111-1111" },
	{ IDENT_CARD, "(5555555555554444)" },
	{ IDENT_CARD, "2223003122003222" },
	{ IDENT_CARD, "3782 822463 10005" },
	{ IDENT_CARD, "378282246310005" },
	{ IDENT_CARD, "3056 930902 5904" },
	{ IDENT_CARD, "6011000990139424" },
	{ IDENT_CARD, "3566002020360505" },
	{ IDENT_CARD, "6250946000000016" },
	{ IDENT_CARD, "4222222222222" },
	/* With other numbers beside them. */
	{ IDENT_CARD, "4111 1111 1111 1111 12/27" },
	{ IDENT_CARD, "4111 1111 1111 1111 12/27 123" },
	{ IDENT_CARD, "4111111111111111 1227 123" },
	{ IDENT_CARD, "1 4111 1111 1111 1111" },
	{ IDENT_CARD, "2024 4111111111111111" },
	{ IDENT_CARD, "7,4111111111111111,12" },
	{ IDENT_CARD, "visa:4111111111111111" },
	{ IDENT_CARD, "No.4111111111111111" },
	{ IDENT_CARD, "- 4111111111111111" },
	{ IDENT_CARD, " -4111111111111111" },
	/* Full width; directly behind Chinese, Japanese, Korean. */
	{ IDENT_CARD, "\xef\xbc\x94\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91"
	    "111111111111" },
	{ IDENT_CARD, "\xe5\x8d\xa1\xe5\x8f\xb7" "4111111111111111" },
	{ IDENT_CARD, "\xe5\x8d\xa1\xe5\x8f\xb7\xef\xbc\x9a"
	    "4111111111111111\xe3\x80\x82" },
	{ IDENT_CARD, "\xec\xb9\xb4\xeb\x93\x9c" "4111111111111111"
	    "\xec\x9e\x85\xeb\x8b\x88\xeb\x8b\xa4" },
	/* No cards. */
	{ NONE, "4111111111111112" },
	{ NONE, "1234567890123452" },
	{ NONE, "94111111111111111" },
	{ NONE, "411111111111111100000000000000000000" },
	{ NONE, "x4111111111111111" },
	{ NONE, "4111111111111111x" },
	{ NONE, "id_4111111111111111" },
	{ NONE, "http://a.example/4111111111111111/x" },
	{ NONE, "http://a.example/?t=4111111111111111" },
	{ NONE, "4111111111111111@a.example" },
	{ NONE, "img4111111111111111.jpg" },
	{ NONE, "4111111111111111.jpg" },
	{ NONE, "0.4111111111111111" },
	{ NONE, "4111111111111111.25" },
	{ NONE, "4111-1111 1111-1111" },
	{ NONE, "41 11 11 11 11 11 11 11" },
	{ NONE, "123e4567-e89b-12d3-a456-426614174000" },
	{ NONE, "41111111-1111-1111-4111-111111111111" },
	{ NONE, "2024-11-26 16:35:28.123456789" },
	/* IBAN: examples of the registry. */
	{ IDENT_IBAN, "DE89370400440532013000" },
	{ IDENT_IBAN, "DE89 3704 0044 0532 0130 00" },
	{ IDENT_IBAN, "IBAN: GB29 NWBK 6016 1331 9268 19 thanks" },
	{ IDENT_IBAN, "NO93 8601 1117 947 please" },
	{ IDENT_IBAN, "BE68 5390 0754 7034 please" },
	{ IDENT_IBAN, "BE68 5390 0754 7034 1 copy" },
	{ IDENT_IBAN, "ES91 2100 0418 4502 0005 1332 2024" },
	{ IDENT_IBAN, "MT84MALT011000012345MTLCAST001S" },
	{ IDENT_IBAN, "\xe5\xb8\x90\xe5\x8f\xb7" "DE89370400440532013000" },
	{ NONE, "DE89370400440532013001" },
	{ NONE, "DE8937040044053201300" },
	{ NONE, "XX89370400440532013000" },
	{ NONE, "DE893704004405320130001" },
	{ NONE, "xDE89370400440532013000" },
	/* The check fits, but no country has that length. */
	{ NONE, "DE22370400440532" },
	{ NONE, "ZZ1812345678901234" },
	/* Chinese resident identity. */
	{ IDENT_CN_ID, "11010519491231002X" },
	{ IDENT_CN_ID, "11010519491231002x." },
	{ IDENT_CN_ID, "440524188001010014" },
	{ IDENT_CN_ID, "110105 19491231 002X" },
	{ IDENT_CN_ID, "\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81\xe5\x8f\xb7"
	    "11010519491231002X" },
	{ IDENT_CN_ID, "11010519491231002X\xef\xbc\x8c\xe8\xaf\xb7" },
	{ IDENT_CN_ID, "1 11010519491231002X 2" },
	{ NONE, "110105194912310021" },
	{ NONE, "110105194902300020" },
	{ NONE, "110105194913310021" },
	{ NONE, "11010519491231002Xy" },
	{ NONE, "990105194912310023" },
	/* Korean resident registration. */
	{ IDENT_KR_RRN, "900101-1234568" },
	{ IDENT_KR_RRN, "9001011234568" },
	{ IDENT_KR_RRN, "900101 1234568" },
	{ IDENT_KR_RRN, "\xeb\xb2\x88\xed\x98\xb8" "900101-1234568" },
	{ IDENT_KR_RRN, "900101-1234568 010" },
	{ IDENT_KR_RRN, "210315-3123456" },
	{ NONE, "900101-1234567" },
	{ NONE, "901301-1234565" },
	{ NONE, "900101-12345681" },
	{ NONE, "010-900101-1234568" },
	/* US social security. */
	{ IDENT_US_SSN, "123-45-6789" },
	{ IDENT_US_SSN, "ssn: 123-45-6789." },
	{ IDENT_US_SSN, "123-45-6789 2024" },
	{ IDENT_US_SSN, "7 123-45-6789" },
	{ NONE, "000-45-6789" },
	{ NONE, "666-45-6789" },
	{ NONE, "900-45-6789" },
	{ NONE, "123-00-6789" },
	{ NONE, "123-45-0000" },
	{ NONE, "078-05-1120" },
	{ NONE, "123456789" },
	{ NONE, "1-123-45-6789" },
	{ NONE, "123-45-6789-1" },
	{ NONE, "123 45 6789" },
	/* Keys. */
	{ IDENT_PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----" },
	{ IDENT_PRIVATE_KEY, "-----BEGIN RSA PRIVATE KEY-----" },
	{ IDENT_PRIVATE_KEY, "x\t-----BEGIN OPENSSH PRIVATE KEY-----\tb3Bl" },
	{ IDENT_PRIVATE_KEY, "-----BEGIN ENCRYPTED PRIVATE KEY-----" },
	{ IDENT_PRIVATE_KEY, "-----BEGIN PGP PRIVATE KEY BLOCK-----" },
	{ IDENT_PRIVATE_KEY, "PuTTY-User-Key-File-3: ssh-ed25519" },
	{ NONE, "-----BEGIN PUBLIC KEY-----" },
	{ NONE, "-----BEGIN CERTIFICATE-----" },
	{ NONE, "our private key----- is safe" },
	{ NONE, "-----begin of - private key-----" },
	{ IDENT_AWS_KEY, "AKIAIOSFODNN7EXAMPLE" },
	{ IDENT_AWS_KEY, "key=AKIAIOSFODNN7EXAMPLE;" },
	{ IDENT_AWS_KEY, "\"ASIAY34FZKBOKMUTVV7A\"" },
	{ NONE, "AKIAIOSFODNN7EXAMPLEX" },
	{ NONE, "XAKIAIOSFODNN7EXAMPLE" },
	{ NONE, "asiapacificregionals" },
	{ NONE, "AKIAIOSFODNN8EXAMPLE" },
};

static void
note(void *arg, enum ident kind, size_t begin, size_t end)
{
	struct found	*f;

	f = arg;
	f->n[kind]++;
	f->total++;
	f->begin = begin;
	f->end = end;
}

static void
scan(const char *text, uint32_t kinds, struct found *f)
{
	struct normal	 n;
	uint8_t		*copy;

	memset(f, 0, sizeof(*f));
	if (normal_init(&n, strlen(text) * 4) == -1)
		abort();
	normal_make(&n, (const uint8_t *)text, strlen(text));
	/* To the byte, so that a look beyond the end is seen. */
	if ((copy = malloc(n.len + 1)) == NULL)
		abort();
	memcpy(copy + 1, n.out, n.len);
	ident_scan(copy + 1, n.len, kinds, note, f);
	free(copy);
	normal_free(&n);
}

static void
test_texts(void)
{
	struct found	 f;
	char		 name[160];
	size_t		 i;
	int		 ok;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		scan(texts[i].text, ALL, &f);
		ok = texts[i].kind == NONE ? f.total == 0 :
		    f.total == 1 && f.n[texts[i].kind] == 1;
		snprintf(name, sizeof(name), "%s: \"%s\"",
		    texts[i].kind == NONE ? "none" :
		    conf_ident_name(texts[i].kind), texts[i].text);
		unit_case(name, ok ? NULL : "found otherwise");
	}
}

static void
test_several(void)
{
	struct found	 f;

	scan("4111 1111 1111 1111 4012 8888 8888 1881", ALL, &f);
	CASE("two cards behind each other", f.n[IDENT_CARD] == 2);
	scan("4111111111111111, DE89370400440532013000", ALL, &f);
	CASE("a card and an account", f.n[IDENT_CARD] == 1 &&
	    f.n[IDENT_IBAN] == 1);
	scan("a 4111 1111 1111 1111 b", ALL, &f);
	CASE("where it is", f.begin == 2 && f.end == 21);
	scan("4111111111111111", ALL & ~(1U << IDENT_CARD), &f);
	CASE("kinds that are not asked for", f.total == 0);
}

/* A megabyte of digits, of groups, of begins: no step is quadratic. */
static void
test_long(void)
{
	static const char *const units[] = { "4", "4 ", "4111 ", "-----begin ",
	    "de89 ", "1-" };
	struct found	 f;
	char		*text;
	size_t		 i, j, len;

	len = 1 << 20;
	if ((text = malloc(len + 1)) == NULL)
		abort();
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (j = 0; j < len; j++)
			text[j] = units[i][j % strlen(units[i])];
		text[len] = '\0';
		scan(text, ALL, &f);
	}
	CASE("long texts end", 1);
	free(text);
}

int
main(void)
{
	test_texts();
	test_several();
	test_long();
	return (unit_failed);
}

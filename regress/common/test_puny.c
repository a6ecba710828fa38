/* SPDX-License-Identifier: ISC */

/* Names in other scripts: RFC 3492 section 7.1, and what is none. */

#include <stdlib.h>
#include <string.h>

#include "puny.h"
#include "unit.h"
#include "utf8.h"

static const struct {
	const char	*name;
	const char	*label;
	const char	*plain;		/* NULL: there is none */
} cases[] = {
	{ "arabic", "a@x.xn--egbpdaj6bu4bxfgehfvwxn.example",
	    "a@x."
	    "\331\204\331\212\331\207\331\205\330\247\330\250\330"
	    "\252\331\203\331\204\331\205\331\210\330\264\330\271"
	    "\330\261\330\250\331\212\330\237"
	    ".example" },
	{ "chinese", "a@x.xn--ihqwcrb4cv8a8dqg056pqjye.example",
	    "a@x."
	    "\344\273\226\344\273\254\344\270\272\344\273\200\344"
	    "\271\210\344\270\215\350\257\264\344\270\255\346\226"
	    "\207"
	    ".example" },
	{ "czech", "a@x.xn--proprostnemluvesky-uyb24dma41a.example",
	    "a@x."
	    "pro\304\215prost\304\233nemluv\303\255\304\215esky"
	    ".example" },
	{ "japanese", "a@x.xn--n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa.example",
	    "a@x."
	    "\343\201\252\343\201\234\343\201\277\343\202\223\343"
	    "\201\252\346\227\245\346\234\254\350\252\236\343\202"
	    "\222\350\251\261\343\201\227\343\201\246\343\201\217"
	    "\343\202\214\343\201\252\343\201\204\343\201\256\343"
	    "\201\213"
	    ".example" },
	{ "russian", "a@x.xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.example",
	    "a@x."
	    "\320\277\320\276\321\207\320\265\320\274\321\203\320"
	    "\266\320\265\320\276\320\275\320\270\320\275\320\265"
	    "\320\263\320\276\320\262\320\276\321\200\321\217\321"
	    "\202\320\277\320\276\321\200\321\203\321\201\321\201"
	    "\320\272\320\270"
	    ".example" },
	{ "mixed", "a@x.xn--3b-ww4c5e180e575a65lsy2b.example",
	    "a@x."
	    "3\345\271\264b\347\265\204\351\207\221\345\205\253"
	    "\345\205\210\347\224\237"
	    ".example" },
	{ "emoji", "a@x.xn--i-7iqs158q.example",
	    "a@x."
	    "i\342\235\244\360\237\230\200"
	    ".example" },
	{ "small", "xn--bcher-kva", "b\303\274cher" },
	{ "large", "XN--BCHER-KVA", "B\303\274CHER" },
	{ "two", "xn--bcher-kva.xn--4ca",
	    "b\303\274cher.\303\244" },
	{ "user", "xn--bcher-kva@example.org", NULL },
	{ "quoted", "\"xn--4ca@b\"@xn--4ca.example",
	    "\"xn--4ca@b\"@\303\244.example" },
	{ "none", "a@example.org", NULL },
	{ "empty", "", NULL },
	{ "prefix-alone", "xn--", NULL },
	{ "ascii", "xn--abc-", NULL },
	{ "not-ended", "xn--a-z", NULL },
	{ "sign", "xn--a-b_c", NULL },
	{ "too-far", "xn--99999999", NULL },
	{ "surrogate", "xn--ib9b", NULL },
	{ "too-long", "xn--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	{ "dots", "..xn--4ca..", "..\303\244.." },
};

/* Whatever it is: UTF-8, ended, in its room. */
static int
any(void)
{
	static const char	 set[] = "abcxyz019-.@n-";
	char			 name[300], buf[700];
	unsigned int		 seed;
	size_t			 i, k, len, room;
	int			 ok;

	seed = 7;
	ok = 1;
	for (i = 0; i < 200000; i++) {
		len = (size_t)(seed % 80);
		memcpy(name, "xn--", 4);
		for (k = 4; k < len + 4; k++) {
			seed = seed * 1103515245 + 12345;
			name[k] = set[(seed >> 16) % (sizeof(set) - 1)];
		}
		name[k] = '\0';
		seed = seed * 1103515245 + 12345;
		room = (seed >> 16) % sizeof(buf);
		memset(buf, 'x', sizeof(buf));
		if (puny_plain(name, buf, room) != NULL)
			ok &= strlen(buf) < room && utf8_valid(
			    (const uint8_t *)buf, strlen(buf));
		for (k = room; k < sizeof(buf); k++)
			ok &= buf[k] == 'x';
	}
	return (ok);
}

int
main(void)
{
	const char	*got, *want;
	char		 buf[512];
	size_t		 i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = puny_plain(cases[i].label, buf, sizeof(buf));
		want = cases[i].plain;
		CASE(cases[i].name, want == NULL ? got == NULL :
		    got != NULL && strcmp(got, want) == 0);
	}
	CASE("any", any());
	return (unit_failed);
}

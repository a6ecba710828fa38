/* SPDX-License-Identifier: ISC */

/*
 * PROXY headers: what is taken, what is refused, and that each is understood
 * only when its last byte has come.
 */

#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "proxyproto.h"
#include "unit.h"

/* One case: its name, and whether it holds. */
#define CASE(name, cond)	\
	unit_case((name), (cond) ? NULL : "%s", #cond)
#define SIG	"\r\n\r\n\0\r\nQUIT\n"
#define N(a)	(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char	*name;
	const char	*in;
	size_t		 len;
	int		 ret;
	const char	*client;	/* "address port", ret 1 */
} table[] = {
#define T(name, in, ret, client) \
	{ name, in, sizeof(in) - 1, ret, client }
	T("v1", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 25\r\n", 1,
	    "192.0.2.1:4711"),
	T("v1-longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 "
	    "65535\r\n", 1, "255.255.255.255:65535"),
	T("v1-six", "PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n", 1,
	    "[2001:db8::1]:1"),
	T("v1-mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 9 25\r\n",
	    1, "192.0.2.1:9"),
	T("v1-port-zero", "PROXY TCP4 192.0.2.1 10.0.0.1 0 0\r\n", 1,
	    "192.0.2.1:0"),
	T("v1-unknown", "PROXY UNKNOWN\r\n", 2, NULL),
	T("v1-unknown-more", "PROXY UNKNOWN what so ever 1 2\r\n", 2, NULL),
	T("v1-bare-lf", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 25\n", -1, NULL),
	T("v1-lower", "proxy TCP4 192.0.2.1 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-proto", "PROXY UDP4 192.0.2.1 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-family", "PROXY TCP6 192.0.2.1 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-family-dst", "PROXY TCP4 192.0.2.1 2001:db8::1 4711 25\r\n", -1,
	    NULL),
	T("v1-two-blanks", "PROXY TCP4  192.0.2.1 10.0.0.1 4711 25\r\n", -1,
	    NULL),
	T("v1-blank-at-end", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 25 \r\n", -1,
	    NULL),
	T("v1-tab", "PROXY\tTCP4 192.0.2.1 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-leading-zero", "PROXY TCP4 192.0.2.1 10.0.0.1 04711 25\r\n", -1,
	    NULL),
	T("v1-zero-in-address", "PROXY TCP4 192.0.02.1 10.0.0.1 1 25\r\n", -1,
	    NULL),
	T("v1-port-large", "PROXY TCP4 192.0.2.1 10.0.0.1 65536 25\r\n", -1,
	    NULL),
	T("v1-port-minus", "PROXY TCP4 192.0.2.1 10.0.0.1 -1 25\r\n", -1,
	    NULL),
	T("v1-few", "PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n", -1, NULL),
	T("v1-many", "PROXY TCP4 192.0.2.1 10.0.0.1 4711 25 1\r\n", -1, NULL),
	T("v1-nul", "PROXY TCP4 192.0.2.1\0 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-name", "PROXY TCP4 localhost 10.0.0.1 4711 25\r\n", -1, NULL),
	T("v1-empty", "PROXY\r\n", -1, NULL),
	T("v1-glued", "PROXYTCP4 192.0.2.1 10.0.0.1 4711 25\r\n", -1, NULL),
	T("smtp", "EHLO client.example\r\n", -1, NULL),
	T("smtp-quit", "\r\nQUIT\r\n", -1, NULL),
	T("v2", SIG "\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\0\x19",
	    1, "192.0.2.1:4711"),
	T("v2-tlv", SIG "\x21\x11\0\x10\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\0"
	    "\x19\x04\0\x01x", 1, "192.0.2.1:4711"),
	T("v2-six", SIG "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
	    "\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\0\x07\0\x19", 1,
	    "[2001:db8::1]:7"),
	T("v2-local", SIG "\x20\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\0"
	    "\x19", 2, NULL),
	T("v2-local-empty", SIG "\x20\0\0\0", 2, NULL),
	T("v2-unspecified", SIG "\x21\0\0\x02xx", 2, NULL),
	T("v2-short", SIG "\x21\x11\0\x0b\xc0\0\x02\x01\x0a\0\0\x01\x12\x67"
	    "\0", -1, NULL),
	T("v2-short-six", SIG "\x21\x21\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12"
	    "\x67\0\x19", -1, NULL),
	T("v2-version", SIG "\x31\x11\0\x0c", -1, NULL),
	T("v2-command", SIG "\x22\x11\0\x0c", -1, NULL),
	T("v2-datagram", SIG "\x21\x12\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12"
	    "\x67\0\x19", -1, NULL),
	T("v2-huge", SIG "\x21\x11\xff\xff", -1, NULL),
};

static void	 run(size_t);
static void	 test_long(void);
static void	 test_make(void);

/* The same text however it is cut, and bytes behind it are left alone. */
static void
run(size_t i)
{
	struct addr	 a;
	uint8_t		 buf[512], *exact;
	char		 text[ADDR_STRLEN];
	const char	*why;
	size_t		 n, used;
	int		 ret;

	why = NULL;
	for (n = 0; n <= table[i].len; n++) {
		exact = unit_exact(table[i].in, n);
		ret = proxyproto_parse(exact, n, &a, &used);
		free(exact);
		if (n == table[i].len ? ret != table[i].ret :
		    ret != 0 && !(ret == -1 && table[i].ret == -1))
			why = "wrong answer";
	}
	memcpy(buf, table[i].in, table[i].len);
	memcpy(buf + table[i].len, "EHLO x\r\n", 8);
	ret = proxyproto_parse(buf, table[i].len + 8, &a, &used);
	if (ret != table[i].ret)
		why = "other answer with bytes behind it";
	else if (ret > 0 && used != table[i].len)
		why = "takes bytes behind it";
	else if (ret == 1 && strcmp(addr_ipport(&a, text, sizeof(text)),
	    table[i].client) != 0)
		why = text;
	unit_case(table[i].name, why == NULL ? NULL : "%s", why);
}

/* At the limits of both, and one beyond. */
static int
tls(const char *in, size_t len)
{
	uint8_t	*exact;
	int	 ret;

	exact = unit_exact(in, len);
	ret = proxyproto_tls(exact, len);
	free(exact);
	return (ret);
}

#define INET	"\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\0\x19"
#define TLS(s)	tls(SIG s, sizeof(SIG s) - 1)

/* What is said of TLS by TLVs, which may be any bytes. */
static void
test_tls(void)
{
	CASE("tls", TLS("\x21\x11\0\x14" INET "\x20\0\x05\x01\0\0\0\0"));
	CASE("tls-behind-others", TLS("\x21\x11\0\x18" INET
	    "\x04\0\x01x" "\x20\0\x05\x05\0\0\0\0"));
	CASE("tls-not", !TLS("\x21\x11\0\x14" INET
	    "\x20\0\x05\x06\0\0\0\0"));
	CASE("tls-none", !TLS("\x21\x11\0\x0c" INET));
	CASE("tls-empty", !TLS("\x21\x11\0\x0f" INET "\x20\0\0"));
	CASE("tls-too-long", !TLS("\x21\x11\0\x10" INET "\x20\0\x05\x01"));
	CASE("tls-in-another", !TLS("\x21\x11\0\x17" INET
	    "\x04\0\x08\x20\0\x05\x01\0\0\0\0"));
	CASE("tls-local", !TLS("\x20\x11\0\x14" INET
	    "\x20\0\x05\x01\0\0\0\0"));
	CASE("tls-v1", !tls("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n", 32));
}

static void
test_long(void)
{
	static uint8_t	 buf[PROXY_HEADER_MAX + 1];
	struct addr	 a;
	size_t		 used;
	uint8_t		*p;

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, "PROXY UNKNOWN ", 14);
	memcpy(buf + 105, "\r\n", 2);
	CASE("v1-107", proxyproto_parse(buf, 107, &a, &used) == 2 &&
	    used == 107);
	memset(buf + 105, 'x', 2);
	memcpy(buf + 106, "\r\n", 2);
	CASE("v1-108", proxyproto_parse(buf, 108, &a, &used) == -1);
	CASE("v1-endless", proxyproto_parse(buf, 106, &a, &used) == 0);
	memcpy(buf, SIG "\x20\x11", 14);
	p = buf + 14;
	p[0] = (PROXY_HEADER_MAX - 16) >> 8;
	p[1] = (PROXY_HEADER_MAX - 16) & 0xff;
	CASE("v2-largest", proxyproto_parse(buf, PROXY_HEADER_MAX, &a,
	    &used) == 2 && used == PROXY_HEADER_MAX);
	CASE("v2-largest-cut", proxyproto_parse(buf, PROXY_HEADER_MAX - 1,
	    &a, &used) == 0);
	p[1]++;
	CASE("v2-larger", proxyproto_parse(buf, 16, &a, &used) == -1);
}

static int
there_and_back(int version, const char *from, const char *to)
{
	struct addr	 src, dst, got;
	uint8_t		 buf[PROXYPROTO_MADE_MAX];
	size_t		 len, used;

	if (addr_parse(&src, from) == -1 || addr_parse(&dst, to) == -1)
		abort();
	src.port = 65535;
	dst.port = 25;
	len = proxyproto_make(version, &src, &dst, buf);
	return (len <= sizeof(buf) && proxyproto_parse(buf, len, &got,
	    &used) == 1 && used == len && addr_same(&got, &src));
}

static void
test_make(void)
{
	static const char	 all[] =
	    "2001:db8:1111:2222:3333:4444:5555:6666";
	struct addr		 src, dst;
	uint8_t			 buf[PROXYPROTO_MADE_MAX];
	size_t			 len;
	int			 v;

	for (v = 1; v <= 2; v++) {
		CASE("made-4", there_and_back(v, "192.0.2.1", "10.0.0.1"));
		CASE("made-6", there_and_back(v, all, all));
		CASE("made-4-to-6", there_and_back(v, "192.0.2.1", all));
		CASE("made-6-to-4", there_and_back(v, all, "10.0.0.1"));
	}
	addr_parse(&src, "192.0.2.1");
	addr_parse(&dst, "10.0.0.1");
	src.port = 4711;
	dst.port = 25;
	len = proxyproto_make(1, &src, &dst, buf);
	CASE("made-v1", len == 39 && memcmp(buf,
	    "PROXY TCP4 192.0.2.1 10.0.0.1 4711 25\r\n", len) == 0);
	len = proxyproto_make(2, &src, &dst, buf);
	CASE("made-v2", len == 28 && memcmp(buf, SIG "\x21\x11\0\x0c\xc0\0"
	    "\x02\x01\x0a\0\0\x01\x12\x67\0\x19", len) == 0);
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < N(table); i++)
		run(i);
	test_long();
	test_tls();
	test_make();
	return (unit_status());
}

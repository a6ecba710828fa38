/* SPDX-License-Identifier: ISC */

/* Addresses: text, socket addresses, networks. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <string.h>

#include "addr.h"
#include "unit.h"

static int	 is(const char *, const char *);
static int	 no_addr(const char *);
static int	 no_net(const char *);
static int	 in(const char *, const char *);
static void	 test_text(void);
static void	 test_nets(void);
static void	 test_sockaddr(void);

/* Text, parsed and printed. */
static int
is(const char *text, const char *want)
{
	struct addr	 a;
	char		 buf[ADDR_STRLEN];

	return (addr_parse(&a, text) == 0 && a.port == 0 && a.pad == 0 &&
	    strcmp(addr_ip(&a, buf, sizeof(buf)), want) == 0);
}

static int
no_addr(const char *text)
{
	struct addr	 a;

	errno = 0;
	return (addr_parse(&a, text) == -1 && errno == EINVAL &&
	    a.family == 0);
}

static int
no_net(const char *text)
{
	struct addr_net	 n;

	errno = 0;
	return (addr_parse_net(&n, text) == -1 && errno == EINVAL);
}

static int
in(const char *text, const char *net)
{
	struct addr	 a;
	struct addr_net	 n;

	if (addr_parse(&a, text) == -1 || addr_parse_net(&n, net) == -1)
		return (-1);
	return (addr_in_net(&a, &n));
}

static void
test_text(void)
{
	struct addr	 a, b;
	char		 buf[ADDR_STRLEN], tiny[4];

	CASE("v4", is("192.0.2.1", "192.0.2.1") && is("0.0.0.0", "0.0.0.0"));
	CASE("v6", is("2001:DB8:0::1", "2001:db8::1") && is("::", "::"));
	CASE("bad", no_addr("") && no_addr("1.2.3") && no_addr("1.2.3.256") &&
	    no_addr("1.2.3.4 ") && no_addr("[::1]") && no_addr("::1%lo") &&
	    no_addr("localhost") && no_addr("1:2:3:4:5:6:7:8:9"));
	addr_parse(&a, "192.0.2.1");
	a.port = 65535;
	CASE("ipport", strcmp(addr_ipport(&a, buf, sizeof(buf)),
	    "192.0.2.1:65535") == 0);
	b = a;
	CASE("same", addr_same(&a, &b) && addr_same_ip(&a, &b));
	b.port = 1;
	CASE("same-ip", !addr_same(&a, &b) && addr_same_ip(&a, &b));
	b.ip[15] = 9;		/* not part of an IPv4 address */
	CASE("same-v4-rest", addr_same_ip(&a, &b));
	b.ip[3] = 9;
	CASE("not-same", !addr_same_ip(&a, &b));
	addr_parse(&a, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255");
	a.port = 65535;
	CASE("ipport6", strcmp(addr_ipport(&a, buf, sizeof(buf)),
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535") == 0);
	CASE("small-buffer", strcmp(addr_ip(&a, tiny, sizeof(tiny)), "fff")
	    == 0);
	memset(&a, 0, sizeof(a));
	CASE("none", strcmp(addr_ip(&a, buf, sizeof(buf)), "none") == 0);
	addr_parse(&a, "0.0.0.0");
	addr_parse(&b, "::");
	CASE("not-same-family", !addr_same_ip(&a, &b));
}

static void
test_nets(void)
{
	struct addr_net	 n;

	CASE("net", addr_parse_net(&n, "10.0.0.0/8") == 0 && n.prefix == 8);
	CASE("net-host", addr_parse_net(&n, "10.0.0.1") == 0 &&
	    n.prefix == 32 && addr_parse_net(&n, "::1") == 0 &&
	    n.prefix == 128);
	CASE("net-zero", addr_parse_net(&n, "::/0") == 0 && n.prefix == 0);
	CASE("net-bad", no_net("10.0.0.0/33") && no_net("::/129") &&
	    no_net("10.0.0.0/") && no_net("10.0.0.0/-1") &&
	    no_net("10.0.0.0/+1") && no_net("10.0.0.0/ 1") &&
	    no_net("10.0.0.0/8x") && no_net("10.0.0.0/8/8") && no_net("/8") &&
	    no_net("") && no_net("10.0.0.0/99999999999999999999999"));
	CASE("net-long", no_net("1111111111111111111111111111111111111111111"
	    "1111111111111111111111111111111111111111111/8"));
	CASE("in", in("10.9.9.9", "10.0.0.0/8") == 1 &&
	    in("11.0.0.0", "10.0.0.0/8") == 0 &&
	    in("10.1.2.3", "10.1.2.3") == 1 &&
	    in("10.1.2.4", "10.1.2.3") == 0 &&
	    in("1.2.3.4", "0.0.0.0/0") == 1);
	CASE("in-bits", in("10.127.0.0", "10.0.0.0/9") == 1 &&
	    in("10.128.0.0", "10.0.0.0/9") == 0 &&
	    in("10.0.0.1", "10.0.0.0/31") == 1 &&
	    in("10.0.0.2", "10.0.0.0/31") == 0);
	CASE("in-host-bits", in("10.9.9.9", "10.1.2.3/8") == 1);
	CASE("in-v6", in("2001:db8:7fff::", "2001:db8::/33") == 1 &&
	    in("2001:db8:8000::", "2001:db8::/33") == 0 &&
	    in("::1", "::1/128") == 1 && in("::2", "::1") == 0 &&
	    in("ffff::", "::/0") == 1);
	CASE("in-family", in("10.0.0.1", "::/0") == 0 &&
	    in("::", "0.0.0.0/0") == 0);
}

static void
test_sockaddr(void)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	 in6;
	struct sockaddr		 un;
	struct addr		 a, b;
	char			 buf[ADDR_STRLEN];

	addr_parse(&a, "192.0.2.1");
	a.port = 25;
	CASE("sockaddr4", addr_to_sockaddr(&a, &ss) ==
	    sizeof(struct sockaddr_in) &&
	    addr_from_sockaddr(&b, (struct sockaddr *)&ss) == 0 &&
	    addr_same(&a, &b));
	addr_parse(&a, "2001:db8::5");
	a.port = 65535;
	CASE("sockaddr6", addr_to_sockaddr(&a, &ss) ==
	    sizeof(struct sockaddr_in6) &&
	    addr_from_sockaddr(&b, (struct sockaddr *)&ss) == 0 &&
	    addr_same(&a, &b));
	memset(&in6, 0, sizeof(in6));
	in6.sin6_family = AF_INET6;
	in6.sin6_port = htons(25);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	CASE("mapped", addr_from_sockaddr(&a, (struct sockaddr *)&in6) == 0 &&
	    strcmp(addr_ipport(&a, buf, sizeof(buf)), "192.0.2.1:25") == 0);
	memset(&un, 0, sizeof(un));
	un.sa_family = AF_UNIX;
	CASE("other-family", addr_from_sockaddr(&a, &un) == -1 &&
	    errno == EAFNOSUPPORT);
}

int
main(void)
{
	test_text();
	test_nets();
	test_sockaddr();
	return (unit_failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * The addresses of this host.  A session whose original destination is one of
 * them was meant for the gateway itself: a proxy that connected there would
 * come out at itself.  The kernel tells of changes through rtnetlink, whose
 * messages we do not even read: any of them makes us list the addresses again.
 */

#include <sys/socket.h>
#include <sys/types.h>

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master.h"

/* What fits one frame; more addresses than that are reported. */
#define LOCAL_MAX	(IMSG_DATA_MAX / sizeof(struct addr))

static void	 local_changed(int, uint32_t, void *);
static void	 local_list(void);

static struct ev	 local_ev;

static void
local_list(void)
{
	struct ifaddrs	*list, *i;
	struct addr	*local;
	size_t		 n;

	if (getifaddrs(&list) == -1) {
		log_warn("getifaddrs");
		return;
	}
	if ((local = calloc(LOCAL_MAX, sizeof(*local))) == NULL)
		fatal("%s", __func__);
	n = 0;
	for (i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || (i->ifa_addr->sa_family != AF_INET &&
		    i->ifa_addr->sa_family != AF_INET6))
			continue;
		if (n == LOCAL_MAX) {
			log_warnx("more than %zu addresses on this host: "
			    "sessions to some of them will loop", n);
			break;
		}
		if (addr_from_sockaddr(&local[n], i->ifa_addr) == 0)
			n++;
	}
	freeifaddrs(list);
	free(master.local);
	master.local = local;
	master.nlocal = n;
}

static void
local_changed(int fd, uint32_t events, void *arg)
{
	char	 buf[8192];

	/* ENOBUFS means that some were lost: that is a change as well. */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 ||
	    errno == EINTR || errno == ENOBUFS)
		;
	local_list();
	children_local(NULL);
}

void
local_init(void)
{
	struct sockaddr_nl	 nl;
	int			 fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_ROUTE);
	if (fd == -1)
		fatal("netlink socket");
	memset(&nl, 0, sizeof(nl));
	nl.nl_family = AF_NETLINK;
	nl.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
	if (bind(fd, (struct sockaddr *)&nl, sizeof(nl)) == -1)
		fatal("netlink bind");
	if (ev_add(&local_ev, fd, EPOLLIN, local_changed, NULL) == -1)
		fatal("ev_add");
	local_list();
}

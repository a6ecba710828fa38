/* SPDX-License-Identifier: ISC */

/*
 * Sockets that need privilege: listeners, also on low ports and for traffic
 * to foreign addresses (TPROXY), and the sockets by which proxies connect to
 * servers, also from the client's own address.  IP_TRANSPARENT survives being
 * passed on, so a proxy needs no capability to bind such a socket.
 */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "master.h"

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT	75
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT	24
#endif

#define BACKLOG		4096	/* feasible with syncookies; kernel clips */

static int	 listen_one(const struct conf_listener_wire *);
static int	 set_int(int, int, int, int);
static int	 set_transparent(int, int);

static int
set_int(int fd, int level, int name, int value)
{
	return (setsockopt(fd, level, name, &value, sizeof(value)));
}

static int
set_transparent(int fd, int family)
{
	if (family == 4)
		return (set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1));
	return (set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1));
}

static int
listen_one(const struct conf_listener_wire *w)
{
	struct sockaddr_storage	 ss;
	socklen_t		 len;
	int			 fd;

	len = addr_to_sockaddr(&w->addr, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return (-1);
	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1 ||
	    (w->addr.family == 6 &&
	    set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1) ||
	    (w->mode == LISTEN_TPROXY &&
	    set_transparent(fd, w->addr.family) == -1) ||
	    bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

int
listen_open(struct conf *conf, const struct conf *old)
{
	struct conf_listener		*l;
	const struct conf_listener	*o;
	char				 text[ADDR_STRLEN];

	TAILQ_FOREACH(l, &conf->listeners, entry) {
		if (old != NULL) {
			TAILQ_FOREACH(o, &old->listeners, entry)
				if (o->fd != -1 &&
				    addr_same(&o->w.addr, &l->w.addr) &&
				    (o->w.mode == LISTEN_TPROXY) ==
				    (l->w.mode == LISTEN_TPROXY))
					break;
			if (o != NULL) {
				l->fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
				if (l->fd == -1)
					log_warn("cannot share a listener");
			}
		}
		if (l->fd == -1)
			l->fd = listen_one(&l->w);
		if (l->fd == -1) {
			/* A host may lack IPv6 and still mean "everywhere". */
			if (errno == EAFNOSUPPORT && l->w.addr.family == 6) {
				log_warnx("no IPv6 here: not listening on %s",
				    addr_ipport(&l->w.addr, text,
				    sizeof(text)));
				continue;
			}
			log_warn("cannot listen on %s (%s)",
			    addr_ipport(&l->w.addr, text, sizeof(text)),
			    conf_listen_name(l->w.mode));
			return (-1);
		}
	}
	return (0);
}

int
listen_sock(uint32_t kind, uint32_t mark)
{
	int	 family, fd, saved_errno;

	family = kind == SOCK_PLAIN4 || kind == SOCK_TRANS4 ? 4 : 6;
	fd = socket(family == 4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) == -1)
		goto fail;
	if (kind == SOCK_TRANS4 || kind == SOCK_TRANS6) {
		/* The port is chosen at connect, by the whole 4-tuple. */
		if (set_transparent(fd, family) == -1 ||
		    set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) == -1)
			goto fail;
	}
	if (mark != 0 &&
	    set_int(fd, SOL_SOCKET, SO_MARK, (int)mark) == -1)
		goto fail;
	return (fd);
fail:
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return (-1);
}

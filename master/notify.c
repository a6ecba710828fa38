/* SPDX-License-Identifier: ISC */

/*
 * sd_notify(3) in a few lines: a datagram to the socket that systemd names in
 * the environment.  libsystemd would be linked into a root process for this.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master.h"

void
notify_systemd(const char *text)
{
	struct sockaddr_un	 un;
	const char		*path;
	size_t			 len;
	int			 fd;

	path = getenv("NOTIFY_SOCKET");
	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(un.sun_path))
		return;
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL,
	    (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un,
	    sun_path) + len)) == -1)
		log_warn("cannot notify systemd");
	close(fd);
}

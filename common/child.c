/* SPDX-License-Identifier: ISC */

/* How every child begins, see child.h. */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "log.h"

#ifdef MAILWALL_SANITIZE
const char	*__asan_default_options(void);

/* Looking for leaks at the end takes a second process. */
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif

uint32_t
child_start(const char *name, int argc, char *argv[])
{
	static const int	 ignored[] = {
		SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2,
		SIGXFSZ
	};
	unsigned long		 n;
	socklen_t		 len;
	size_t			 i;
	char			*end;
	int			 type;

	len = sizeof(type);
	if (argc != 2 || getsockopt(CHILD_FD_MASTER, SOL_SOCKET, SO_TYPE,
	    &type, &len) == -1 || type != SOCK_SEQPACKET) {
		log_init(LOG_TO_STDERR, name, 0);
		fatalx("this program is started by mailwalld");
	}
	log_init(LOG_TO_PIPE, name, 0);
	errno = 0;
	n = strtoul(argv[1], &end, 10);
	if (errno != 0 || *end != '\0' || n > UINT32_MAX)
		fatalx("bad instance number");

	/*
	 * A gateway without its master cannot be restarted while somebody
	 * holds the listeners, so all end with it, the stuck ones included.
	 * Nobody has been told 250 for what was in hand.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("prctl");
	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	umask(077);
	if (fcntl(CHILD_FD_MASTER, F_SETFD, FD_CLOEXEC) == -1)
		fatal("fcntl");
	return ((uint32_t)n);
}

/* SPDX-License-Identifier: ISC */

/*
 * The run directory: empty/ is the root of proxies and parsers, scanner/ the
 * root of the scanner with its tmp/ inside.  All belong to root, except tmp/.
 * tmpfiles.d or the unit may have made them; what is missing is made here,
 * before capabilities are given up.  So is the store's state directory.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "master.h"
#include "priv.h"
#include "rundir.h"

static void	 make_dir(const char *, uid_t, gid_t, mode_t);
static void	 sub_path(char *, size_t, const char *, const char *);

static void
sub_path(char *buf, size_t size, const char *dir, const char *sub)
{
	if ((size_t)snprintf(buf, size, "%s%s", dir, sub) >= size)
		fatalx("%s: name too long", dir);
}

static void
make_dir(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat	 sb;

	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) == -1 ||
		    (uid != 0 && lchown(path, uid, gid) == -1))
			fatal("%s", path);
		return;
	}
	if (errno != EEXIST)
		fatal("mkdir %s", path);
	if (lstat(path, &sb) == -1)
		fatal("%s", path);
	if (!S_ISDIR(sb.st_mode))
		fatalx("%s: is not a directory", path);
	if (sb.st_uid == uid && (sb.st_mode & 07777) == mode)
		return;
	if (uid != 0 && lchown(path, uid, gid) == -1)
		fatal("chown %s", path);
	if (sb.st_uid != uid && uid == 0)
		fatalx("%s: must belong to root", path);
	if (chmod(path, mode) == -1)
		fatal("chmod %s", path);
}

void
rundir_make(const struct conf_globals *g)
{
	const struct passwd	*pw;
	char			 path[CONF_PATH_MAX + 32];

	make_dir(g->rundir, 0, 0, 0755);
	if (priv_check_root_dir(g->rundir) == -1)
		fatal("%s: must belong to root, writable by nobody else",
		    g->rundir);
	sub_path(path, sizeof(path), g->rundir, "/empty");
	make_dir(path, 0, 0, 0755);
	sub_path(path, sizeof(path), g->rundir, "/scanner");
	make_dir(path, 0, 0, 0755);
	if ((pw = getpwnam(g->user_scanner)) == NULL)
		fatalx("no user %s", g->user_scanner);
	sub_path(path, sizeof(path), g->rundir, "/scanner/tmp");
	make_dir(path, pw->pw_uid, pw->pw_gid, 0700);
	if ((pw = getpwnam(g->user_store)) == NULL)
		fatalx("no user %s", g->user_store);
	make_dir(g->statedir, pw->pw_uid, pw->pw_gid, 0700);
}

void
rundir_check_users(const struct conf_globals *g)
{
	const char		*name[4];
	const struct passwd	*pw;
	size_t			 i, j;

	name[0] = g->user_proxy;
	name[1] = g->user_parser;
	name[2] = g->user_scanner;
	name[3] = g->user_store;
	for (i = 0; i < 4; i++) {
		if ((pw = getpwnam(name[i])) == NULL)
			fatalx("no user %s: see sysusers.d/mailwall.conf",
			    name[i]);
		if (pw->pw_uid == 0 || pw->pw_gid == 0)
			fatalx("user %s is root", name[i]);
		/* The same user could signal and trace its siblings. */
		for (j = 0; j < i; j++)
			if (strcmp(name[i], name[j]) == 0)
				fatalx("user %s is given twice", name[i]);
	}
}

int
rundir_lock(const struct conf_globals *g)
{
	struct flock	 fl;
	char		 path[CONF_PATH_MAX + 32], pid[16];
	int		 fd, n;

	sub_path(path, sizeof(path), g->rundir, "/mailwalld.pid");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd == -1)
		fatal("%s", path);
	memset(&fl, 0, sizeof(fl));
	fl.l_type = F_WRLCK;
	fl.l_whence = SEEK_SET;
	if (fcntl(fd, F_SETLK, &fl) == -1) {
		if (errno == EAGAIN || errno == EACCES)
			fatalx("already running: %s is locked", path);
		fatal("lock %s", path);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == -1 || write(fd, pid, (size_t)n) != n)
		fatal("write %s", path);
	return (fd);
}

void
rundir_unlock(const struct conf_globals *g, int fd)
{
	char	 path[CONF_PATH_MAX + 32];

	sub_path(path, sizeof(path), g->rundir, "/mailwalld.pid");
	unlink(path);
	close(fd);
}

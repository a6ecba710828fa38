/* SPDX-License-Identifier: ISC */

/*
 * A worker's temporary directory.
 *
 * libclamav removes what it made, but a worker that was killed in the middle
 * of an archive cannot.  What it left behind may be the work of somebody who
 * had taken the worker over: names, depth and number are hostile.  So nothing
 * here recurses or builds a path: directories found inside are emptied of
 * files, their own directories are moved up to the top under names of ours,
 * and so on until nothing is left.  Each entry is touched a few times however
 * deep it was; the number of them is bounded.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "scanner.h"

/* State of one cleaning. */
struct sweep {
	int		 top;		/* the directory to be emptied */
	unsigned int	 entries;	/* seen so far */
	unsigned int	 moved;		/* gives each a new name */
};

static DIR	*dir_open(int, const char *);
static int	 dir_next(struct sweep *, DIR *, struct dirent **);
static int	 subdir_empty(struct sweep *, const char *);
static int	 top_pass(struct sweep *);
static int	 dir_empty(int);

/* Open a directory that is really one, to be read from its beginning. */
static DIR *
dir_open(int at, const char *name)
{
	DIR	*dir;
	int	 fd, saved_errno;

	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return (NULL);
	if ((dir = fdopendir(fd)) == NULL) {
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
	}
	return (dir);
}

/* Next entry but "." and "..": 1, 0 at the end, -1 when there are too many. */
static int
dir_next(struct sweep *s, DIR *dir, struct dirent **entry)
{
	while ((*entry = readdir(dir)) != NULL) {
		if (strcmp((*entry)->d_name, ".") == 0 ||
		    strcmp((*entry)->d_name, "..") == 0)
			continue;
		if (++s->entries > TMP_ENTRIES_MAX) {
			errno = E2BIG;
			return (-1);
		}
		return (1);
	}
	return (0);
}

/* Remove files from a directory beneath the top, move directories up. */
static int
subdir_empty(struct sweep *s, const char *name)
{
	struct dirent	*e;
	DIR		*dir;
	char		 up[32];
	int		 ret;

	/* It is the same user's, who may have closed it to himself. */
	if (fchmodat(s->top, name, 0700, 0) == -1)
		return (-1);
	if ((dir = dir_open(s->top, name)) == NULL)
		return (-1);
	while ((ret = dir_next(s, dir, &e)) == 1) {
		if (unlinkat(dirfd(dir), e->d_name, 0) == 0 ||
		    unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR) == 0)
			continue;
		snprintf(up, sizeof(up), "up-%u", s->moved++);
		if (renameat(dirfd(dir), e->d_name, s->top, up) == -1) {
			ret = -1;
			break;
		}
	}
	closedir(dir);
	if (ret == 0)
		ret = unlinkat(s->top, name, AT_REMOVEDIR);
	return (ret);
}

/* Go once over the top.  Returns 1 if there was something, 0, or -1. */
static int
top_pass(struct sweep *s)
{
	struct dirent	*e;
	DIR		*dir;
	int		 found, ret;

	found = 0;
	if ((dir = dir_open(s->top, ".")) == NULL)
		return (-1);
	while ((ret = dir_next(s, dir, &e)) == 1) {
		found = 1;
		if (unlinkat(s->top, e->d_name, 0) == 0 ||
		    unlinkat(s->top, e->d_name, AT_REMOVEDIR) == 0)
			continue;
		/* Something still in it after this waits for the next pass. */
		if (subdir_empty(s, e->d_name) == -1 && errno != ENOTEMPTY &&
		    errno != EEXIST) {
			ret = -1;
			break;
		}
	}
	closedir(dir);
	return (ret == -1 ? -1 : found);
}

static int
dir_empty(int fd)
{
	struct sweep	 s;
	int		 ret;

	memset(&s, 0, sizeof(s));
	s.top = fd;
	while ((ret = top_pass(&s)) == 1)
		continue;
	return (ret);
}

int
tmpdir_make(const char *path)
{
	int	 fd, ret;

	if (mkdir(path, 0700) == 0)
		return (0);
	if (errno != EEXIST) {
		log_warn("mkdir %s", path);
		return (-1);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		log_warn("open %s", path);
		return (-1);
	}
	/* What is left takes room; libclamav never looks at it again. */
	if ((ret = dir_empty(fd)) == -1)
		log_warn("cleaning %s", path);
	close(fd);
	return (0);
}

void
tmpdir_remove(const char *path)
{
	int	 fd;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (dir_empty(fd) == -1)
		log_warn("cleaning %s", path);
	close(fd);
	if (rmdir(path) == -1)
		log_warn("rmdir %s", path);
}

void
tmpdir_sweep(const char *path)
{
	struct sweep	 s;
	struct dirent	*e;
	char		 full[TMP_PATH_MAX + 256];
	char		*end;
	DIR		*dir;
	long		 pid;

	memset(&s, 0, sizeof(s));
	if ((dir = opendir(path)) == NULL) {
		log_warn("opendir %s", path);
		return;
	}
	while (dir_next(&s, dir, &e) == 1) {
		/* "<pid of the loader>.<index of the worker>" */
		errno = 0;
		pid = strtol(e->d_name, &end, 10);
		if (errno != 0 || pid <= 1 || pid > INT32_MAX || *end != '.')
			continue;
		/* Somebody else's process (EPERM) has taken the number. */
		if (kill((pid_t)pid, 0) == 0)
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		tmpdir_remove(full);
	}
	closedir(dir);
}

/* SPDX-License-Identifier: ISC */

/*
 * Files of messages that the database does not know.  After a crash nobody was
 * told that they are kept; but when an older database was restored, somebody
 * was, and there is no other copy.  Which of both it is cannot be seen from
 * here: so they are set aside, for as long as they would have been kept.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "store.h"

#define NAME_SIZE	64	/* "quarantine", and twice 20 digits */
#define TRIES		100	/* names that are taken */

static void	 lost_name(char *, const char *, uint64_t, uint64_t);
static int	 is_ours(const char *);
static int	 expire_file(const char *, uint64_t);

static int		 lost = -1;	/* its directory */
static unsigned int	 ntaken, nleft;
static int		 left_errno;	/* of the last that was left */

void
lost_begin(void)
{
	lost = open("/lost", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lost == -1)
		fatal("%s/lost", store.conf->g.statedir);
}

static void
lost_name(char *name, const char *where, uint64_t number, uint64_t when)
{
	snprintf(name, NAME_SIZE, "%s-%" PRIu64 "-%" PRIu64, where, number,
	    when);
}

/* Others' names are left alone, as everywhere. */
static int
is_ours(const char *name)
{
	static const char *const	 where[] = { "quarantine", "outbox" };
	char				 canon[NAME_SIZE];
	uint64_t			 number, when;
	size_t				 i, len;
	char				*p;

	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		len = strlen(where[i]);
		if (strncmp(name, where[i], len) != 0 || name[len] != '-')
			continue;
		number = strtoull(name + len + 1, &p, 10);
		if (*p != '-')
			return (0);
		when = strtoull(p + 1, NULL, 10);
		lost_name(canon, where[i], number, when);
		return (strcmp(canon, name) == 0);
	}
	return (0);
}

/* 1: it was too old. */
static int
expire_file(const char *name, uint64_t now)
{
	struct stat	 sb;

	if (!is_ours(name) ||
	    fstatat(lost, name, &sb, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(sb.st_mode) || (int64_t)sb.st_mtime +
	    (int64_t)store.conf->g.quarantine_keep > (int64_t)now)
		return (0);
	if (unlinkat(lost, name, 0) == 0)
		return (1);
	log_warn("lost %s", name);
	return (0);
}

void
lost_expire(void)
{
	struct dirent	*d;
	DIR		*dir;
	uint64_t	 now;
	unsigned int	 n;
	int		 fd;

	fd = openat(lost, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL)
		fatal("lost");
	now = (uint64_t)time(NULL);
	n = 0;
	while ((d = readdir(dir)) != NULL)
		n += (unsigned int)expire_file(d->d_name, now);
	closedir(dir);
	if (n > 0)
		log_info("lost: %u files, kept long enough, deleted", n);
}

void
lost_take(const struct files *f, uint64_t number)
{
	char		 from[NAME_SIZE], to[NAME_SIZE];
	uint64_t	 when;
	unsigned int	 i;
	int		 ret;

	snprintf(from, sizeof(from), "%" PRIu64, number);
	when = (uint64_t)time(NULL);
	i = 0;
	/* A number may come again, even in the same second. */
	do {
		lost_name(to, f->name, number, when + i);
		ret = files_rename(f->dir, from, lost, to);
	} while (ret == -1 && errno == EEXIST && ++i < TRIES);
	if (ret == 0) {
		ntaken++;
		return;
	}
	nleft++;
	left_errno = errno;
}

void
lost_end(void)
{
	if (ntaken > 0 && fsync(lost) == -1)
		log_warn("lost");
	if (ntaken > 0)
		log_warnx("messages that the database does not know, moved to "
		    "%s/lost: %u; after a crash they were never acknowledged, "
		    "so that their senders try again, or had just been "
		    "deleted or sent; after an older database was restored "
		    "they are newer than it", store.conf->g.statedir, ntaken);
	if (nleft == 0)
		return;
	errno = left_errno;
	log_warn("messages that the database does not know, which stay where "
	    "they are, since they could not be moved to %s/lost: %u",
	    store.conf->g.statedir, nleft);
}

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

/* What a name says. */
struct lost {
	size_t		 where;		/* of places */
	uint64_t	 number;
	uint64_t	 when;		/* it was found, s since the epoch */
};

static void	 lost_name(char *, const char *, uint64_t, uint64_t);
static int	 parse(const char *, struct lost *);
static int	 is_old(const struct lost *, uint64_t);
static int	 look(const char *, uint64_t);

static struct {
	const char	*name;
	uint64_t	 highest;	/* number of those that were there */
} places[] = { { "quarantine", 0 }, { "outbox", 0 } };

#define NPLACES		(sizeof(places) / sizeof(places[0]))

static int		 lost = -1;	/* its directory; -1: cannot be used */
static unsigned int	 nthere, ntaken, nleft;
static int		 left_errno;	/* of the last that was left */

void
lost_begin(void)
{
	lost = open("/lost", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lost != -1)
		return;
	/* Mail can do without: then they stay where they are. */
	left_errno = errno;
	log_warn("%s/lost", store.conf->g.statedir);
}

static void
lost_name(char *name, const char *where, uint64_t number, uint64_t when)
{
	snprintf(name, NAME_SIZE, "%s-%" PRIu64 "-%" PRIu64, where, number,
	    when);
}

/* 1, or 0 for others' names, which are left alone, as everywhere. */
static int
parse(const char *name, struct lost *l)
{
	char	 canon[NAME_SIZE];
	size_t	 len;
	char	*p;

	for (l->where = 0; l->where < NPLACES; l->where++) {
		len = strlen(places[l->where].name);
		if (strncmp(name, places[l->where].name, len) != 0 ||
		    name[len] != '-')
			continue;
		l->number = strtoull(name + len + 1, &p, 10);
		if (*p != '-')
			return (0);
		l->when = strtoull(p + 1, NULL, 10);
		lost_name(canon, places[l->where].name, l->number, l->when);
		return (strcmp(canon, name) == 0);
	}
	return (0);
}

/* By when it was found: its file may have been old already. */
static int
is_old(const struct lost *l, uint64_t now)
{
	return (l->when <= now &&
	    now - l->when >= store.conf->g.quarantine_keep);
}

/* 1: it was too old. */
static int
look(const char *name, uint64_t now)
{
	struct stat	 sb;
	struct lost	 l;

	if (!parse(name, &l) ||
	    fstatat(lost, name, &sb, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(sb.st_mode))
		return (0);
	if (l.number <= FILES_NUMBER_MAX &&
	    l.number > places[l.where].highest)
		places[l.where].highest = l.number;
	if (is_old(&l, now) && unlinkat(lost, name, 0) == 0)
		return (1);
	if (is_old(&l, now))
		log_warn("lost %s", name);
	nthere++;
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

	if (lost == -1)
		return;
	fd = openat(lost, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL)
		fatal("lost");
	now = (uint64_t)time(NULL);
	n = 0;
	while ((d = readdir(dir)) != NULL)
		n += (unsigned int)look(d->d_name, now);
	closedir(dir);
	if (n > 0)
		log_info("lost: %u files, kept long enough, deleted", n);
	/* Of some nobody was told, if we died among them. */
	if (nthere > 0)
		log_info("lost: %u files are there from earlier starts",
		    nthere);
}

uint64_t
lost_highest(const char *where)
{
	size_t	 i;

	for (i = 0; i < NPLACES; i++)
		if (strcmp(places[i].name, where) == 0)
			return (places[i].highest);
	return (0);
}

void
lost_take(const struct files *f, uint64_t number)
{
	char		 from[NAME_SIZE], to[NAME_SIZE];
	uint64_t	 when;
	unsigned int	 i;
	int		 ret;

	if (lost == -1) {
		nleft++;
		return;
	}
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

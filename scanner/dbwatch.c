/* SPDX-License-Identifier: ISC */

/*
 * Noticing new signatures.
 *
 * The directory is watched by inotify(7) on a descriptor from before the
 * chroot.  freshclam writes beside and renames, other tools write in place,
 * administrators copy: so a change counts only when nothing has happened for
 * QUIET and no file is open half-written.  A loader that is started too early
 * all the same fails to load, is no harm, and the next change calls another.
 */

#include <sys/inotify.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf.h"
#include "ev.h"
#include "log.h"
#include "scanner.h"

#define QUIET		5000	/* ms */
#define PATIENCE	12	/* times QUIET for a file that stays open */

#define EVENTS	(IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | \
		IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | \
		IN_MOVE_SELF | IN_ONLYDIR)

static struct {
	int		 fd;
	struct ev	 ev;
	struct evtimer	 timer;
	int		 writing;	/* written to and not closed */
	unsigned int	 rounds;	/* that we have waited for that */
	char		 file[NAME_MAX + 1];	/* the only one, or "" */
} watch;

static int	 name_is_signatures(const char *);
static void	 watch_event(int, uint32_t, void *);
static void	 watch_one(const struct inotify_event *);
static void	 watch_timer(void *);

/*
 * What libclamav loads from a directory goes by the ending.  freshclam's own
 * state and temporary names are not among them.
 */
static int
name_is_signatures(const char *name)
{
	static const char *const	 endings[] = {
		"cvd", "cld", "cud", "db", "hdb", "hdu", "hsb", "hsu", "mdb",
		"mdu", "msb", "msu", "ndb", "ndu", "ldb", "ldu", "sdb", "zmd",
		"rmd", "idb", "fp", "sfp", "gdb", "pdb", "wdb", "cbc", "ftm",
		"cfg", "ign", "ign2", "imp", "cdb", "cat", "crb", "ioc",
		"yar", "yara", "pwdb", "info",
	};
	const char			*dot;
	size_t				 i;

	if ((dot = strrchr(name, '.')) == NULL || dot == name)
		return (0);
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(dot + 1, endings[i]) == 0)
			return (1);
	return (0);
}

uint64_t
dbwatch_newest(const char *path)
{
	struct dirent	*e;
	struct stat	 sb;
	uint64_t	 newest;
	DIR		*dir;

	newest = 0;
	if ((dir = opendir(path)) == NULL) {
		if (stat(path, &sb) == 0 && S_ISREG(sb.st_mode))
			newest = (uint64_t)sb.st_mtime;
		return (newest);
	}
	while ((e = readdir(dir)) != NULL) {
		if (!name_is_signatures(e->d_name) ||
		    fstatat(dirfd(dir), e->d_name, &sb, 0) == -1)
			continue;
		if (sb.st_mtime > 0 && (uint64_t)sb.st_mtime > newest)
			newest = (uint64_t)sb.st_mtime;
	}
	closedir(dir);
	return (newest);
}

void
dbwatch_start(const char *path)
{
	struct stat	 sb;
	char		 copy[CONF_PATH_MAX];
	const char	*dir;

	watch.ev.fd = -1;
	evtimer_init(&watch.timer, watch_timer, NULL);
	dir = path;
	if (stat(path, &sb) == 0 && !S_ISDIR(sb.st_mode)) {
		strlcpy(copy, path, sizeof(copy));
		strlcpy(watch.file, basename(copy), sizeof(watch.file));
		strlcpy(copy, path, sizeof(copy));
		dir = dirname(copy);
	}
	watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch.fd == -1 ||
	    inotify_add_watch(watch.fd, dir, EVENTS) == -1) {
		/* A reload by hand still works. */
		log_warn("cannot watch %s: new signatures need a reload", dir);
		if (watch.fd != -1)
			close(watch.fd);
		return;
	}
	if (ev_add(&watch.ev, watch.fd, EPOLLIN, watch_event, NULL) == -1)
		fatal("epoll_ctl");
}

static void
watch_one(const struct inotify_event *e)
{
	/* The directory itself, or a queue that ran over: look again. */
	if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_Q_OVERFLOW)) == 0) {
		if (e->len == 0 || (watch.file[0] != '\0' ?
		    strcmp(e->name, watch.file) != 0 :
		    !name_is_signatures(e->name)))
			return;
		if (e->mask & IN_MODIFY)
			watch.writing = 1;
		if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE))
			watch.writing = 0;
	}
	watch.rounds = 0;
	evtimer_set(&watch.timer, QUIET);
}

static void
watch_event(int fd, uint32_t events, void *arg)
{
	union {
		struct inotify_event	 e;
		char			 bytes[4096];
	} u;
	struct inotify_event	*e;
	ssize_t			 n;
	size_t			 off;

	n = read(fd, u.bytes, sizeof(u.bytes));
	if (n <= 0) {
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		log_warn("inotify: new signatures need a reload");
		ev_del(&watch.ev);
		close(watch.fd);
		return;
	}
	/* The kernel pads names, so that each event is aligned. */
	for (off = 0; off + sizeof(*e) <= (size_t)n;
	    off += sizeof(*e) + e->len) {
		e = (struct inotify_event *)(void *)(u.bytes + off);
		watch_one(e);
	}
}

static void
watch_timer(void *arg)
{
	if (watch.writing && ++watch.rounds < PATIENCE) {
		evtimer_set(&watch.timer, QUIET);
		return;
	}
	watch.writing = 0;
	watch.rounds = 0;
	scanner_stale("the signatures on disk have changed");
}

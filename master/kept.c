/* SPDX-License-Identifier: ISC */

/* Files of the configuration, see kept.h. */

#include <sys/queue.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "conf.h"
#include "log.h"

#include "kept.h"

/* A file, as one statement has read it. */
struct kept {
	SLIST_ENTRY(kept)	 entry;
	char			*path;
	char			 table[CONF_NAME_MAX];	/* "": of none */
	char			*data;
	size_t			 len;
	dev_t			 dev;
	ino_t			 ino;
};

SLIST_HEAD(kepts, kept);

static struct kepts	 in_force = SLIST_HEAD_INITIALIZER(in_force);
static struct kepts	 loaded = SLIST_HEAD_INITIALIZER(loaded);
static char		 wanted[CONF_NAME_MAX];	/* "": all */
static char		 current[CONF_NAME_MAX];
static int		 keeping;
static int		 found;

static void	 forget(struct kepts *);
static const struct kept *known(const char *);
static void	 remember(const char *, const char *, size_t,
		    const struct stat *);
static int	 file_check(const char *, const struct pos *,
		    const struct stat *);
static char	*file_read(const struct pos *, const char *, struct stat *,
		    size_t *);

static void
forget(struct kepts *list)
{
	struct kept	*k;

	while ((k = SLIST_FIRST(list)) != NULL) {
		SLIST_REMOVE_HEAD(list, entry);
		free(k->path);
		free(k->data);
		free(k);
	}
}

void
kept_begin(const char *table, int keep)
{
	forget(&loaded);
	keeping = keep;
	found = 0;
	strlcpy(wanted, table == NULL ? "" : table, sizeof(wanted));
	current[0] = '\0';
}

void
kept_table(const char *name)
{
	strlcpy(current, name == NULL ? "" : name, sizeof(current));
}

int
kept_found(void)
{
	return (found);
}

void
kept_commit(void)
{
	forget(&in_force);
	in_force = loaded;
	SLIST_INIT(&loaded);
}

/* What the statement that is being read found there the last time. */
static const struct kept *
known(const char *path)
{
	const struct kept	*k;

	if (wanted[0] == '\0')
		return (NULL);
	if (strcmp(current, wanted) == 0) {
		found = 1;
		return (NULL);
	}
	SLIST_FOREACH(k, &in_force, entry)
		if (strcmp(k->path, path) == 0 &&
		    strcmp(k->table, current) == 0)
			return (k);
	return (NULL);
}

static void
remember(const char *path, const char *data, size_t len,
    const struct stat *st)
{
	struct kept	*k;

	if (!keeping)
		return;
	if ((k = calloc(1, sizeof(*k))) == NULL ||
	    (k->path = strdup(path)) == NULL ||
	    (k->data = malloc(len + 1)) == NULL)
		fatal("%s", __func__);
	strlcpy(k->table, current, sizeof(k->table));
	memcpy(k->data, data, len);
	k->len = len;
	k->dev = st->st_dev;
	k->ino = st->st_ino;
	SLIST_INSERT_HEAD(&loaded, k, entry);
}

char *
kept_read(const struct pos *pos, const char *path, struct stat *st,
    size_t *len)
{
	const struct kept	*k;
	char			*buf;

	if ((k = known(path)) == NULL)
		buf = file_read(pos, path, st, len);
	else if ((buf = lex_alloc(k->len + 1)) != NULL) {
		memcpy(buf, k->data, k->len);
		*len = k->len;
		memset(st, 0, sizeof(*st));
		st->st_dev = k->dev;
		st->st_ino = k->ino;
	}
	if (buf != NULL)
		remember(path, buf, *len, st);
	return (buf);
}


/*
 * As root, we act on what the file says: it must be nobody else's.
 */
static int
file_check(const char *path, const struct pos *pos, const struct stat *st)
{
	if (!S_ISREG(st->st_mode)) {
		lex_error(pos, NULL, "%s: not a regular file", path);
		return (-1);
	}
	if (geteuid() == 0 && st->st_uid != 0 && st->st_uid != getuid()) {
		lex_error(pos, NULL, "%s: owned by user %u, must be root's",
		    path, (unsigned int)st->st_uid);
		return (-1);
	}
	if (geteuid() == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		lex_error(pos, NULL, "%s: mode %04o, others than its owner "
		    "must not be able to write to it", path,
		    (unsigned int)st->st_mode & 07777);
		return (-1);
	}
	if (st->st_size > LEX_FILE_MAX) {
		lex_error(pos, NULL, "%s: larger than %u bytes", path,
		    LEX_FILE_MAX);
		return (-1);
	}
	return (0);
}

/* All of a file, with a NUL behind it. */
static char *
file_read(const struct pos *pos, const char *path, struct stat *st,
    size_t *len)
{
	char	*buf;
	size_t	 size;
	ssize_t	 n;
	int	 fd;

	/* A fifo must not make us wait for its other end. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 || fstat(fd, st) == -1) {
		lex_error(pos, NULL, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (file_check(path, pos, st) == -1)
		goto fail;
	size = (size_t)st->st_size;
	if ((buf = lex_alloc(size + 1)) == NULL)
		goto fail;
	for (*len = 0; *len < size; *len += (size_t)n) {
		n = read(fd, buf + *len, size - *len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1) {
			lex_error(pos, NULL, "%s: %s", path, strerror(errno));
			goto fail;
		} else if (n == 0)
			break;
	}
	close(fd);
	buf[*len] = '\0';
	return (buf);
fail:
	if (fd != -1)
		close(fd);
	return (NULL);
}

/* SPDX-License-Identifier: ISC */

/*
 * Messages that are kept: a file each in a directory, with a number as its
 * name, and a row of the database beside it.
 *
 * The file comes first and goes last.  It is written under another name, put
 * on disk, and gets its own one before the row is committed; a row is deleted
 * and committed before its file is.  So there never is a row whose file is
 * not whole, and a file without a row is one that nobody was told about, or
 * that is newer than the database, if that is an older one that was restored.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "store.h"

#define COPY_SIZE	(256 * KIB)
#define NAME_SIZE	32	/* 20 digits and ".tmp" */

static void	 numbers_add(struct file_numbers *, uint64_t, uint64_t);
static void	 file_name(char *, uint64_t, const char *);
static int	 write_all(int, const uint8_t *, size_t);
static int	 file_copy(int, int, uint64_t, char *);
static int	 file_begin(const struct files *, const char *);
static int	 file_end(struct files *, uint64_t, uint64_t, int, int);
static int	 file_number(const char *, uint64_t *, const char **);
static DIR	*files_list(const struct files *);
static void	 repair_file(struct files *, const char *,
		    int (*)(uint64_t), uint64_t *);

static void
numbers_add(struct file_numbers *l, uint64_t number, uint64_t size)
{
	struct file_number	*n;

	if (l->len == l->alloc) {
		n = reallocarray(l->n, l->alloc * 2 + 64, sizeof(*n));
		if (n == NULL)
			fatal("%s", __func__);
		l->n = n;
		l->alloc = l->alloc * 2 + 64;
	}
	l->n[l->len].number = number;
	l->n[l->len].size = size;
	l->len++;
}

static void
file_name(char *name, uint64_t number, const char *end)
{
	snprintf(name, NAME_SIZE, "%" PRIu64 "%s", number, end);
}

static int
write_all(int fd, const uint8_t *p, size_t len)
{
	ssize_t	 n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return (-1);
	}
	return (0);
}

/* Copy and hash size bytes, and wait for the disk: 0, or -1 with errno. */
static int
file_copy(int from, int to, uint64_t size, char *digest)
{
	static uint8_t	 buf[COPY_SIZE];
	SHA2_CTX	 ctx;
	uint64_t	 off;
	ssize_t		 n;

	SHA256Init(&ctx);
	for (off = 0; off < size; off += (uint64_t)n) {
		n = pread(from, buf, sizeof(buf), (off_t)off);
		if (n == -1 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n == 0)
			errno = EBADMSG;
		if (n <= 0 || write_all(to, buf, (size_t)n) == -1)
			return (-1);
		SHA256Update(&ctx, buf, (size_t)n);
	}
	SHA256End(&ctx, digest);
	return (fsync(to));
}

static int
file_begin(const struct files *f, const char *tmp)
{
	return (openat(f->dir, tmp, O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600));
}

/*
 * Nobody else writes in these directories, so looking first is enough; not
 * every file system has a rename that does not replace.
 */
int
files_rename(int fromdir, const char *from, int todir, const char *to)
{
	struct stat	 sb;

	if (fstatat(todir, to, &sb, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return (-1);
	}
	return (errno == ENOENT ? renameat(fromdir, from, todir, to) : -1);
}

/* All is written, or error says why not; takes fd. */
static int
file_end(struct files *f, uint64_t number, uint64_t size, int fd, int error)
{
	char	 name[NAME_SIZE], tmp[NAME_SIZE];

	close(fd);
	file_name(name, number, "");
	file_name(tmp, number, ".tmp");
	/* Of one that has the name already there may be no other copy. */
	if (error == 0 && files_rename(f->dir, tmp, f->dir, name) == -1)
		error = errno;
	if (error != 0) {
		unlinkat(f->dir, tmp, 0);
		errno = error;
		return (-1);
	}
	numbers_add(&f->fresh, number, size);
	f->used += size;
	return (0);
}

void
files_open(struct files *f, const char *name)
{
	char	 path[NAME_SIZE];

	memset(f, 0, sizeof(*f));
	f->name = name;
	snprintf(path, sizeof(path), "/%s", name);
	f->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->dir == -1)
		fatal("%s%s", store.conf->g.statedir, path);
}

int
files_put(struct files *f, uint64_t number, int from, uint64_t size,
    char *digest)
{
	char	 tmp[NAME_SIZE];
	int	 to, error;

	file_name(tmp, number, ".tmp");
	if ((to = file_begin(f, tmp)) == -1)
		return (-1);
	error = file_copy(from, to, size, digest) == -1 ? errno : 0;
	return (file_end(f, number, size, to, error));
}

int
files_put_text(struct files *f, uint64_t number, const void *text, size_t len)
{
	char	 tmp[NAME_SIZE];
	int	 to, error;

	file_name(tmp, number, ".tmp");
	if ((to = file_begin(f, tmp)) == -1)
		return (-1);
	error = write_all(to, text, len) == -1 || fsync(to) == -1 ? errno : 0;
	return (file_end(f, number, len, to, error));
}

int
files_get(const struct files *f, uint64_t number)
{
	char	 name[NAME_SIZE];

	file_name(name, number, "");
	return (openat(f->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

int
files_whole(const struct files *f, uint64_t number, uint64_t size)
{
	struct stat	 sb;
	char		 name[NAME_SIZE];

	file_name(name, number, "");
	errno = 0;
	if (fstatat(f->dir, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(sb.st_mode) && (uint64_t)sb.st_size == size)
		return (1);
	log_warnx("%s %s: the file is %s", f->name, name,
	    errno == ENOENT ? "lost" : "not what it was");
	return (0);
}

void
files_doom(struct files *f, uint64_t number, uint64_t size)
{
	numbers_add(&f->doomed, number, size);
	f->used -= size < f->used ? size : f->used;
}

void
files_mark(const struct files *f, struct files_mark *mark)
{
	mark->fresh = f->fresh.len;
	mark->doomed = f->doomed.len;
}

void
files_undo(struct files *f, const struct files_mark *mark)
{
	struct file_number	*n;
	char			 name[NAME_SIZE];

	while (f->doomed.len > mark->doomed)
		f->used += f->doomed.n[--f->doomed.len].size;
	while (f->fresh.len > mark->fresh) {
		n = &f->fresh.n[--f->fresh.len];
		f->used -= n->size < f->used ? n->size : f->used;
		file_name(name, n->number, "");
		unlinkat(f->dir, name, 0);
	}
}

int
files_sync(const struct files *f)
{
	return (f->fresh.len == 0 ? 0 : fsync(f->dir));
}

void
files_committed(struct files *f, int error)
{
	struct file_numbers	*l;
	char			 name[NAME_SIZE];
	size_t			 i;

	l = error == 0 ? &f->doomed : &f->fresh;
	for (i = 0; i < l->len; i++) {
		file_name(name, l->n[i].number, "");
		if (unlinkat(f->dir, name, 0) == -1 && errno != ENOENT)
			log_warn("%s %s", f->name, name);
	}
	f->fresh.len = f->doomed.len = 0;
}

/*
 * The number that a file has as its name, and what follows: "", or ".tmp" for
 * one that is not whole.  0, or -1: it is none of ours.
 */
static int
file_number(const char *name, uint64_t *number, const char **end)
{
	char	 canon[NAME_SIZE];
	char	*p;

	*number = strtoull(name, &p, 10);
	*end = p;
	file_name(canon, *number, p);
	return (strcmp(canon, name) == 0 && p != name &&
	    (*p == '\0' || strcmp(p, ".tmp") == 0) ? 0 : -1);
}

static DIR *
files_list(const struct files *f)
{
	DIR	*dir;
	int	 fd;

	fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL)
		fatal("%s", f->name);
	return (dir);
}

void
files_none(const struct files *f)
{
	struct dirent	*d;
	const char	*end;
	uint64_t	 number;
	DIR		*dir;

	dir = files_list(f);
	while ((d = readdir(dir)) != NULL)
		if (file_number(d->d_name, &number, &end) == 0 &&
		    *end == '\0')
			fatalx("%s/%s has messages, and the database is new: "
			    "restore that which belongs to them, or move them "
			    "away", store.conf->g.statedir, f->name);
	closedir(dir);
}

/* A file of the directory: has it a row?  Others' names are left alone. */
static void
repair_file(struct files *f, const char *name, int (*has_row)(uint64_t),
    uint64_t *highest)
{
	const char	*end;
	uint64_t	 number;

	if (name[0] == '.')
		return;
	if (file_number(name, &number, &end) == -1) {
		log_warnx("%s: what is \"%s\"?", f->name, name);
		return;
	}
	if (*end == '\0') {
		if (has_row(number))
			return;
		lost_take(f, number);
		/* Others must not use up the numbers that there are. */
		if (number > *highest && number <= FILES_NUMBER_MAX)
			*highest = number;
		return;
	}
	log_info("%s: %s was never acknowledged, deleted", f->name, name);
	if (unlinkat(f->dir, name, 0) == -1)
		log_warn("%s %s", f->name, name);
}

uint64_t
files_repair(struct files *f, int (*has_row)(uint64_t))
{
	struct dirent	*d;
	DIR		*dir;
	uint64_t	 highest;

	/* If we died before the end, they are of those of this time. */
	highest = lost_highest(f->name);
	dir = files_list(f);
	while ((d = readdir(dir)) != NULL)
		repair_file(f, d->d_name, has_row, &highest);
	closedir(dir);
	return (highest);
}

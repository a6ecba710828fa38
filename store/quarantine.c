/* SPDX-License-Identifier: ISC */

/*
 * Messages that are kept: a file each, with the record's number as its name,
 * and a row beside it.
 *
 * The file comes first and goes last.  It is written under another name, put
 * on disk, and gets its own one before the row is committed; a row is deleted
 * and committed before its file is.  So there never is a row whose file is
 * not whole, and a file without a row is one that nobody was told about.
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
#include <time.h>
#include <unistd.h>

#include "store.h"

#define COPY_SIZE	(256 * KIB)
#define EXPIRE_STEP	64	/* messages that go at a time */
#define NAME_SIZE	32	/* 20 digits and ".tmp" */

/* Numbers of files whose fate the next commit decides. */
struct numbers {
	uint64_t	*n;
	size_t		 len;
	size_t		 alloc;
};

static void	 numbers_add(struct numbers *, uint64_t);
static void	 file_name(char *, uint64_t, const char *);
static int	 file_copy(int, int, uint64_t, char *);
static int	 write_all(int, const uint8_t *, size_t);
static int	 row_delete(uint64_t);
static int	 make_room(uint64_t);
static int	 expire_step(void);
static void	 count(void);
static void	 repair_file(const char *);
static void	 repair_rows(void);

static struct numbers	 fresh;		/* rows are not committed */
static struct numbers	 doomed;	/* deleted rows are not committed */
static uint64_t		 used;		/* bytes of all that have a row */

static void
numbers_add(struct numbers *l, uint64_t number)
{
	uint64_t	*n;

	if (l->len == l->alloc) {
		n = reallocarray(l->n, l->alloc * 2 + 64, sizeof(*n));
		if (n == NULL)
			fatal("%s", __func__);
		l->n = n;
		l->alloc = l->alloc * 2 + 64;
	}
	l->n[l->len++] = number;
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

int
quarantine_put(uint64_t number, int fd, uint64_t size, char *digest)
{
	char	 name[NAME_SIZE], tmp[NAME_SIZE];
	int	 to, error;

	if (make_room(size) == -1)
		return (-1);
	file_name(name, number, "");
	file_name(tmp, number, ".tmp");
	to = openat(store.dir, tmp, O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to == -1)
		return (-1);
	error = 0;
	if (file_copy(fd, to, size, digest) == -1)
		error = errno;
	close(to);
	if (error == 0 && renameat(store.dir, tmp, store.dir, name) == -1)
		error = errno;
	if (error != 0) {
		unlinkat(store.dir, tmp, 0);
		errno = error;
		return (-1);
	}
	numbers_add(&fresh, number);
	used += size;
	return (0);
}

void
quarantine_undo(uint64_t number, uint64_t size)
{
	char	 name[NAME_SIZE];

	if (fresh.len == 0 || fresh.n[fresh.len - 1] != number)
		return;
	fresh.len--;
	used -= size;
	file_name(name, number, "");
	unlinkat(store.dir, name, 0);
}

int
quarantine_open(uint64_t number)
{
	char	 name[NAME_SIZE];

	file_name(name, number, "");
	return (openat(store.dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

/* 0, or -1 with errno. */
static int
row_delete(uint64_t number)
{
	sqlite3_stmt	*s;
	uint64_t	 size, state;

	s = db_prepare("SELECT size, state FROM quarantine WHERE number = ?");
	db_int(s, 1, number);
	if (!db_row(s)) {
		db_done(s);
		errno = ENOENT;
		return (-1);
	}
	size = db_get(s, 0);
	state = db_get(s, 1);
	db_done(s);
	db_write();
	s = db_prepare("DELETE FROM quarantine WHERE number = ?");
	db_int(s, 1, number);
	if (db_run(s) == -1)
		return (-1);
	numbers_add(&doomed, number);
	record_rescan();
	if (state != QUARANTINE_LOST)
		used -= size < used ? size : used;
	return (0);
}

int
quarantine_delete(uint64_t number)
{
	int	 error;

	if (row_delete(number) == -1)
		return (-1);
	if ((error = store_commit()) == 0)
		return (0);
	errno = error;
	return (-1);
}

/* Those that have been kept long enough: how many went. */
static int
expire_step(void)
{
	sqlite3_stmt	*s;
	uint64_t	 number[EXPIRE_STEP];
	int		 i, n;

	s = db_prepare("SELECT number FROM quarantine WHERE expires <= ? "
	    "ORDER BY expires LIMIT ?");
	db_int(s, 1, (uint64_t)time(NULL));
	db_int(s, 2, EXPIRE_STEP);
	for (n = 0; n < EXPIRE_STEP && db_row(s); n++)
		number[n] = db_get(s, 0);
	db_done(s);
	for (i = 0; i < n; i++) {
		if (row_delete(number[i]) == -1)
			return (0);
		log_info("quarantine %" PRIu64 ": kept long enough, deleted",
		    number[i]);
	}
	return (n);
}

int
quarantine_expire(void)
{
	return (expire_step() == EXPIRE_STEP);
}

/*
 * Nothing goes before its time to make room: else whoever sends enough could
 * wash out what is kept.
 */
static int
make_room(uint64_t size)
{
	uint64_t	 max;

	max = store.conf->g.quarantine_max;
	while (size > max || used > max - size)
		if (expire_step() == 0) {
			log_warnx("quarantine: full: %" PRIu64 " bytes of %"
			    PRIu64 ", %" PRIu64 " more wanted", used, max,
			    size);
			errno = ENOSPC;
			return (-1);
		}
	return (0);
}

static void
count(void)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT sum(size) FROM quarantine WHERE state <> ?");
	db_int(s, 1, QUARANTINE_LOST);
	used = db_number(s);
}

int
quarantine_sync(void)
{
	return (fresh.len == 0 ? 0 : fsync(store.dir));
}

void
quarantine_committed(int error)
{
	struct numbers	*l;
	char		 name[NAME_SIZE];
	size_t		 i;

	l = error == 0 ? &doomed : &fresh;
	for (i = 0; i < l->len; i++) {
		file_name(name, l->n[i], "");
		if (unlinkat(store.dir, name, 0) == -1 && errno != ENOENT)
			log_warn("quarantine %s", name);
	}
	fresh.len = doomed.len = 0;
	if (error != 0)
		count();
}

/* A file of the directory: has it a row?  Others' names are left alone. */
static void
repair_file(const char *name)
{
	sqlite3_stmt	*s;
	char		 canon[NAME_SIZE];
	char		*end;
	uint64_t	 number;

	if (name[0] == '.')
		return;
	number = strtoull(name, &end, 10);
	file_name(canon, number, end);
	if (strcmp(canon, name) != 0 || end == name ||
	    (*end != '\0' && strcmp(end, ".tmp") != 0)) {
		log_warnx("quarantine: what is \"%s\"?", name);
		return;
	}
	if (*end == '\0') {
		s = db_prepare("SELECT 1 FROM quarantine WHERE number = ?");
		db_int(s, 1, number);
		if (db_number(s) == 1)
			return;
	}
	log_info("quarantine: %s was never acknowledged, deleted", name);
	if (unlinkat(store.dir, name, 0) == -1)
		log_warn("quarantine %s", name);
}

static void
repair_rows(void)
{
	sqlite3_stmt	*s, *lost;
	struct stat	 sb;
	char		 name[NAME_SIZE];
	uint64_t	 number;

	lost = db_prepare("UPDATE quarantine SET state = ? WHERE number = ?");
	s = db_prepare("SELECT number, size FROM quarantine "
	    "WHERE state <> ?");
	db_int(s, 1, QUARANTINE_LOST);
	while (db_row(s)) {
		number = db_get(s, 0);
		file_name(name, number, "");
		errno = 0;
		if (fstatat(store.dir, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(sb.st_mode) &&
		    (uint64_t)sb.st_size == db_get(s, 1))
			continue;
		log_warnx("quarantine %s: the file is %s", name,
		    errno == ENOENT ? "lost" : "not what it was");
		db_write();
		db_int(lost, 1, QUARANTINE_LOST);
		db_int(lost, 2, number);
		if (db_run(lost) == -1)
			break;
	}
	db_done(s);
}

void
quarantine_repair(void)
{
	struct dirent	*d;
	DIR		*dir;
	int		 fd;

	fd = openat(store.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (dir = fdopendir(fd)) == NULL)
		fatal("quarantine");
	while ((d = readdir(dir)) != NULL)
		repair_file(d->d_name);
	closedir(dir);
	repair_rows();
	if (db_commit() == -1)
		log_warn("quarantine: not repaired");
	count();
}

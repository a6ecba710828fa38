/* SPDX-License-Identifier: ISC */

/*
 * Messages that are kept: a file each, with the record's number as its name,
 * and a row beside it: see files.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "files.h"
#include "store.h"

#define EXPIRE_STEP	64	/* messages that go at a time */

static int	 row_delete(uint64_t);
static int	 make_room(uint64_t);
static int	 expire_step(void);
static void	 count(void);
static int	 has_row(uint64_t);
static void	 repair_rows(void);

static struct files	 files;

void
quarantine_begin(void)
{
	files_open(&files, "quarantine");
}

void
quarantine_new(void)
{
	files_none(&files);
}

int
quarantine_put(uint64_t number, int fd, uint64_t size, char *digest)
{
	sqlite3_stmt		*s;
	struct files_mark	 mark;
	uint64_t		 now;
	int			 error;

	if (make_room(size) == -1)
		return (-1);
	files_mark(&files, &mark);
	if (files_put(&files, number, fd, size, digest) == -1)
		return (-1);
	now = (uint64_t)time(NULL);
	s = db_prepare("INSERT INTO quarantine (number, time, size, sha256, "
	    "state, expires) VALUES (?, ?, ?, ?, ?, ?)");
	db_int(s, 1, number);
	db_int(s, 2, now);
	db_int(s, 3, size);
	db_text(s, 4, digest);
	db_int(s, 5, QUARANTINE_KEPT);
	db_int(s, 6, now + store.conf->g.quarantine_keep);
	if (db_run(s) == 0)
		return (0);
	error = errno;
	files_undo(&files, &mark);
	errno = error;
	return (-1);
}

void
quarantine_mark(struct files_mark *mark)
{
	files_mark(&files, mark);
}

void
quarantine_undo(const struct files_mark *mark)
{
	files_undo(&files, mark);
}

int
quarantine_open(uint64_t number)
{
	return (files_get(&files, number));
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
	record_unkept(number);
	/* What is lost was not counted any more. */
	files_doom(&files, number, state == QUARANTINE_LOST ? 0 : size);
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

uint64_t
quarantine_used(void)
{
	return (files.used);
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
	while (size > max || files.used > max - size)
		if (expire_step() == 0) {
			log_warnx("quarantine: full: %" PRIu64 " bytes of %"
			    PRIu64 ", %" PRIu64 " more wanted",
			    files.used, max, size);
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
	files.used = db_number(s);
}

int
quarantine_sync(void)
{
	return (files_sync(&files));
}

void
quarantine_committed(int error)
{
	files_committed(&files, error);
	if (error != 0)
		count();
}

static int
has_row(uint64_t number)
{
	sqlite3_stmt	*s;

	s = db_prepare("SELECT 1 FROM quarantine WHERE number = ?");
	db_int(s, 1, number);
	return (db_number(s) == 1);
}

static void
repair_rows(void)
{
	sqlite3_stmt	*s, *lost;
	uint64_t	 number;

	lost = db_prepare("UPDATE quarantine SET state = ? WHERE number = ?");
	s = db_prepare("SELECT number, size FROM quarantine "
	    "WHERE state <> ?");
	db_int(s, 1, QUARANTINE_LOST);
	while (db_row(s)) {
		number = db_get(s, 0);
		if (files_whole(&files, number, db_get(s, 1)))
			continue;
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
	db_skip("record", files_repair(&files, has_row));
	repair_rows();
	if (db_commit() == -1)
		log_warn("quarantine: not repaired");
	count();
}

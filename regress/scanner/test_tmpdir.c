/* SPDX-License-Identifier: ISC */

/*
 * Cleaning up after a worker that was taken over: trees that are deep, wide,
 * closed, or full of odd names.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "scanner.h"

#define DEEP	3000	/* longer than any path may be */
#define WIDE	2000

static int	 failed;

static void
check(const char *name, int ok, const char *why)
{
	if (ok)
		printf("ok %s\n", name);
	else {
		printf("not ok %s - %s\n", name, why);
		failed = 1;
	}
}

static int
entries(const char *path)
{
	struct dirent	*e;
	DIR		*dir;
	int		 n;

	if ((dir = opendir(path)) == NULL)
		return (-1);
	n = 0;
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			n++;
	closedir(dir);
	return (n);
}

static void
touch(int at, const char *name)
{
	int	 fd;

	if ((fd = openat(at, name, O_WRONLY | O_CREAT, 0600)) == -1 ||
	    write(fd, name, 1) != 1)
		fatal("%s", name);
	close(fd);
}

static void
make_deep(const char *path)
{
	int	 at, i, next;

	at = open(path, O_RDONLY | O_DIRECTORY);
	for (i = 0; i < DEEP; i++) {
		touch(at, "file");
		if (mkdirat(at, "up-3", 0700) == -1)
			fatal("mkdirat");
		next = openat(at, "up-3", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	close(at);
}

static void
make_wide(const char *path)
{
	char	 name[32];
	int	 at, d, i;

	at = open(path, O_RDONLY | O_DIRECTORY);
	for (i = 0; i < WIDE; i++) {
		snprintf(name, sizeof(name), "up-%d", i);
		if (mkdirat(at, name, 0700) == -1)
			fatal("mkdirat");
		d = openat(at, name, O_RDONLY | O_DIRECTORY);
		touch(d, "-rf *");
		touch(d, "\n\033[1m");
		if (mkdirat(d, "closed", 0700) == -1)
			fatal("mkdirat");
		close(d);
	}
	close(at);
}

static void
make_odd(const char *path)
{
	int	 at, d;

	at = open(path, O_RDONLY | O_DIRECTORY);
	if (symlinkat("/etc/passwd", at, "link") == -1 ||
	    symlinkat("/etc", at, "dirlink") == -1 ||
	    mkfifoat(at, "fifo", 0600) == -1 ||
	    mkdirat(at, "shut", 0700) == -1)
		fatal("odd");
	d = openat(at, "shut", O_RDONLY | O_DIRECTORY);
	touch(d, "inside");
	if (symlinkat("/etc", d, "dirlink") == -1 || mkdirat(d, "a", 0700) ==
	    -1 || mkdirat(d, "a/b", 0700) == -1 || fchmod(d, 0) == -1)
		fatal("odd");
	close(d);
	close(at);
}

static void
try(const char *name, const char *dir, void (*make)(const char *))
{
	char	 path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	check(name, tmpdir_make(path) == 0 && entries(path) == 0, "not made");
	make(path);
	check(name, entries(path) > 0, "the test made nothing");
	tmpdir_make(path);
	check(name, entries(path) == 0, "not emptied");
	make(path);
	tmpdir_remove(path);
	check(name, access(path, F_OK) == -1, "not removed");
}

/* Only what belongs to the dead goes. */
static void
try_sweep(const char *dir)
{
	char	 path[4][256];
	pid_t	 dead;
	int	 i;

	if ((dead = fork()) == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	snprintf(path[0], sizeof(path[0]), "%s/%d.0", dir, (int)dead);
	snprintf(path[1], sizeof(path[1]), "%s/%d.1", dir, (int)getpid());
	snprintf(path[2], sizeof(path[2]), "%s/other", dir);
	snprintf(path[3], sizeof(path[3]), "%s/-5.1", dir);
	for (i = 0; i < 4; i++)
		if (mkdir(path[i], 0700) == -1)
			fatal("mkdir");
	make_odd(path[0]);
	tmpdir_sweep(dir);
	check("sweep", access(path[0], F_OK) == -1, "the dead one's is there");
	check("sweep", access(path[1], F_OK) == 0, "a living one's is gone");
	check("sweep", access(path[2], F_OK) == 0 &&
	    access(path[3], F_OK) == 0, "something else is gone");
	for (i = 1; i < 4; i++)
		rmdir(path[i]);
}

int
main(void)
{
	char	 dir[] = "/tmp/test_tmpdir.XXXXXX";

	log_init(LOG_TO_STDERR, "test_tmpdir", 0);
	if (mkdtemp(dir) == NULL)
		fatal("mkdtemp");
	try("deep", dir, make_deep);
	try("wide", dir, make_wide);
	try("odd", dir, make_odd);
	try_sweep(dir);
	check("outside", access("/etc/passwd", F_OK) == 0, "followed a link");
	check("all-gone", entries(dir) == 0, "something is left");
	rmdir(dir);
	return (failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * Any bytes as mailwall.conf(5).  What is valid must print as something that
 * is valid and prints the same.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"

#include "config.h"

int		 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	 memfile(const void *, size_t, char *, size_t);
static char	*printed(const struct conf *, size_t *);

/* A file of these bytes that nobody but us can write to, by its name. */
static int
memfile(const void *data, size_t len, char *path, size_t size)
{
	int	 fd;

	if ((fd = memfd_create("config", MFD_CLOEXEC)) == -1 ||
	    fchmod(fd, 0600) == -1 ||
	    write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, size, "/proc/self/fd/%d", fd);
	return (fd);
}

static char *
printed(const struct conf *conf, size_t *len)
{
	FILE	*f;
	char	*buf;

	buf = NULL;
	if ((f = open_memstream(&buf, len)) == NULL ||
	    config_print(conf, f) == -1 || fclose(f) == EOF)
		abort();
	return (buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	 quiet;
	struct conf	*conf, *again;
	char		 path[64], *first, *second;
	size_t		 len, len2;
	int		 fd;

	if (!quiet) {
		/* The errors are not what is looked for. */
		if (freopen("/dev/null", "w", stderr) == NULL)
			abort();
		quiet = 1;
	}
	fd = memfile(data, size, path, sizeof(path));
	conf = config_load(path, 1);
	close(fd);
	if (conf == NULL)
		return (0);
	first = printed(conf, &len);
	fd = memfile(first, len, path, sizeof(path));
	again = config_load(path, 1);
	close(fd);
	if (again == NULL)
		abort();
	second = printed(again, &len2);
	if (len != len2 || memcmp(first, second, len) != 0)
		abort();
	free(first);
	free(second);
	conf_unref(conf);
	conf_unref(again);
	return (0);
}

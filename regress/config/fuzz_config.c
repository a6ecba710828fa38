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
static struct conf *load(const void *, size_t);

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

/* Load without the errors, which are not what is looked for. */
static struct conf *
load(const void *data, size_t len)
{
	static FILE	*null;
	struct conf	*conf;
	FILE		*saved;
	char		 path[64];
	int		 fd;

	if (null == NULL && (null = fopen("/dev/null", "w")) == NULL)
		abort();
	fd = memfile(data, len, path, sizeof(path));
	saved = stderr;
	stderr = null;
	conf = config_load(path, 1);
	stderr = saved;
	close(fd);
	return (conf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf	*conf, *again;
	char		*first, *second;
	size_t		 len, len2;

	if ((conf = load(data, size)) == NULL)
		return (0);
	first = printed(conf, &len);
	if ((again = load(first, len)) == NULL)
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

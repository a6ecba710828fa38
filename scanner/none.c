/* SPDX-License-Identifier: ISC */

/*
 * No engine: "antivirus none", with rules that ask what is in a message.  The
 * text and the facts are found by our own readers (worker.c), for which no
 * signature is loaded and no temporary file is needed.
 */

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "priv.h"
#include "scanner.h"

static int	 none_load(const struct conf_globals *, struct msg_ready *);
static int	 none_root(const struct conf_globals *, char *, size_t);
static int	 none_worker(const struct conf_globals *, const char *);
static void	 none_scan(const struct scan *, struct result *);

const struct backend	 none_backend = {
	.uses_tmp = 0,
	.may_be_down = 0,
	.load = none_load,
	.root = none_root,
	.worker = none_worker,
	.scan = none_scan,
	.loader_rules = scanner_none_loader_rules,
	.nloader_rules = &scanner_nnone_loader_rules,
	.worker_rules = scanner_none_worker_rules,
	.nworker_rules = &scanner_nnone_worker_rules,
};

static int
none_load(const struct conf_globals *g, struct msg_ready *ready)
{
	memset(ready, 0, sizeof(*ready));
	return (0);
}

static int
none_root(const struct conf_globals *g, char *path, size_t size)
{
	snprintf(path, size, "%s/empty", g->rundir);
	if (priv_check_root_dir(path) == -1) {
		log_warn("%s", path);
		return (-1);
	}
	return (0);
}

static int
none_worker(const struct conf_globals *g, const char *tmpdir)
{
	return (0);
}

static void
none_scan(const struct scan *scan, struct result *r)
{
	/* Nothing was asked; nothing is found. */
}

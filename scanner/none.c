/* SPDX-License-Identifier: ISC */

/*
 * No engine: our own look into files only.  It finds no virus; it says what
 * files there are, what text they have and what could not be looked into.
 */

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "inspect.h"
#include "log.h"
#include "priv.h"

static int	 none_load(const struct conf_globals *, struct msg_ready *);
static int	 none_root(const struct conf_globals *, char *, size_t);
static int	 none_worker(const struct conf_globals *, const char *);
static void	 none_scan(const struct scan *, struct result *);

static struct inspect_limits	 limits;

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
	limits.file_max = g->scan_file_max;
	limits.depth = g->scan_depth;
	limits.files = g->scan_files;
	doctext_init();
	return (unarchive_init());
}

static int
none_root(const struct conf_globals *g, char *path, size_t size)
{
	snprintf(path, size, "%s/scanner", g->rundir);
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
	inspect_parts(scan, r, &limits, NULL, NULL);
	result_limits(r, scan->parts);
}

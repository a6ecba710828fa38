/* SPDX-License-Identifier: ISC */

/*
 * Numbers for Prometheus, in its text format, version 0.0.4: a name, perhaps
 * a label, and a value a line, after what it is and of which kind.
 */

#include <err.h>
#include <inttypes.h>
#include <string.h>

#include "ctl.h"

/* What the store calls it, and what it becomes. */
static const struct metric {
	const char	*name;		/* or the begin of it, before a label */
	const char	*metric;
	const char	*label;		/* NULL: none */
	const char	*kind;
	const char	*help;
	double		 factor;
} list[] = {
	{ "sessions", "sessions_total", NULL, "counter",
	    "Sessions accepted.", 1 },
	{ "sessions_now", "sessions", NULL, "gauge",
	    "Sessions that there are.", 1 },
	{ "refused", "sessions_refused_total", NULL, "counter",
	    "Sessions refused before a server was called.", 1 },
	{ "messages", "messages_total", NULL, "counter",
	    "Messages received.", 1 },
	{ "messages_now", "messages", NULL, "gauge",
	    "Messages in hand.", 1 },
	{ "bytes", "message_bytes_total", NULL, "counter",
	    "Bytes of messages received.", 1 },
	{ "spool", "spool_bytes", NULL, "gauge",
	    "Memory that messages take.", 1 },
	{ "spool_max", "spool_limit_bytes", NULL, "gauge",
	    "Memory that messages may take.", 1 },
	{ "verdict_", "verdicts_total", "verdict", "counter",
	    "Messages by what they are.", 1 },
	{ "action_", "actions_total", "action", "counter",
	    "Messages by what became of them.", 1 },
	{ "parse_us", "parse_seconds_total", NULL, "counter",
	    "Time spent taking messages apart.", 1e-6 },
	{ "scan_us", "scan_seconds_total", NULL, "counter",
	    "Time spent scanning messages.", 1e-6 },
	{ "deliver_us", "deliver_seconds_total", NULL, "counter",
	    "Time that servers took for messages.", 1e-6 },
	{ "quarantine", "quarantine_messages", NULL, "gauge",
	    "Messages in the quarantine.", 1 },
	{ "outbox", "outbox_messages", NULL, "gauge",
	    "Messages that wait to be sent.", 1 },
	{ "quarantine_bytes", "quarantine_bytes", NULL, "gauge",
	    "Bytes of messages in the quarantine.", 1 },
	{ "members", "table_members", NULL, "gauge",
	    "Members of all dynamic tables.", 1 },
};

static void	 keep(void *, const struct row *);
static void	 ask(struct connection *, uint32_t, struct rows *);
static void	 head(FILE *, const struct metric *);
static void	 print(FILE *, const struct metric *, const struct rows *);
static void	 processes(FILE *, const struct rows *);

static void
keep(void *arg, const struct row *r)
{
	rows_add(arg, r->data, r->len);
}

static void
ask(struct connection *c, uint32_t command, struct rows *rows)
{
	struct msg_ctl_end	 end;
	struct msg_ctl		 req;

	memset(&req, 0, sizeof(req));
	req.command = command;
	memset(rows, 0, sizeof(*rows));
	ctl_ask(c, &req, keep, rows, &end);
	if (end.error != 0)
		errx(CTL_REFUSED, "%s", end.text);
}

static void
head(FILE *f, const struct metric *m)
{
	fprintf(f, "# HELP mailwall_%s %s\n# TYPE mailwall_%s %s\n", m->metric,
	    m->help, m->metric, m->kind);
}

static void
print(FILE *f, const struct metric *m, const struct rows *rows)
{
	const char	*name;
	uint64_t	 value;
	size_t		 i, len;

	head(f, m);
	len = strlen(m->name);
	for (i = 0; i < rows->n; i++) {
		name = row_get(&rows->row[i], "name");
		if (name == NULL || (m->label == NULL ?
		    strcmp(name, m->name) : strncmp(name, m->name, len)) != 0)
			continue;
		value = row_number(&rows->row[i], "value");
		fprintf(f, "mailwall_%s", m->metric);
		if (m->label != NULL)
			fprintf(f, "{%s=\"%s\"}", m->label, name + len);
		if (m->factor == 1)
			fprintf(f, " %" PRIu64 "\n", value);
		else
			fprintf(f, " %.6f\n", (double)value * m->factor);
	}
}

/* How many of each kind are ready. */
static void
processes(FILE *f, const struct rows *rows)
{
	static const char *const	 kinds[] = {
		"proxy", "parser", "scanner", "store"
	};
	const char			*kind, *state;
	unsigned int			 n;
	size_t				 i, k;

	fputs("# HELP mailwall_processes Processes that are ready.\n"
	    "# TYPE mailwall_processes gauge\n", f);
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		n = 0;
		for (i = 0; i < rows->n; i++) {
			kind = row_get(&rows->row[i], "process");
			state = row_get(&rows->row[i], "state");
			n += kind != NULL && state != NULL &&
			    strcmp(kind, kinds[k]) == 0 &&
			    strcmp(state, "ready") == 0;
		}
		fprintf(f, "mailwall_processes{kind=\"%s\"} %u\n", kinds[k],
		    n);
	}
}

int
metrics(struct connection *c, FILE *f)
{
	struct rows	 rows;
	size_t		 i;

	ask(c, CTL_STATS, &rows);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		print(f, &list[i], &rows);
	rows_free(&rows);
	ask(c, CTL_STATUS, &rows);
	processes(f, &rows);
	rows_free(&rows);
	if (fflush(f) != 0)
		err(CTL_REFUSED, "metrics");
	return (CTL_OK);
}

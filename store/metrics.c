/* SPDX-License-Identifier: ISC */

/*
 * The numbers as text for Prometheus, in its format, version 0.0.4: a name,
 * perhaps labels, and a value a line, after what it is and of which kind.
 * It is the same text over HTTP and for mailwallctl.
 */

#include <sys/vfs.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "buf.h"
#include "stats.h"
#include "store.h"

#define FRESH_MS	1000	/* proxies send their numbers that often */
#define LABEL_MAX	(2 * CONF_NAME_MAX)

static void	 put(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));
static void	 head(const char *, const char *, const char *);
static void	 one(const char *, const char *, const char *, uint64_t);
static void	 sessions(const struct msg_stats *, unsigned int);
static void	 messages(const struct msg_stats *);
static void	 histogram(const struct msg_stats *);
static void	 processes(void);
static void	 kept(void);
static void	 tables(void);
static void	 tallies(void);
static const char *label(const char *, char *);

static struct buf	 text;
static int		 failed;	/* errno: it did not fit */

static void
put(const char *fmt, ...)
{
	va_list	 ap;

	va_start(ap, fmt);
	if (failed == 0 && buf_vaddf(&text, fmt, ap) == -1)
		failed = errno;
	va_end(ap);
}

static void
head(const char *name, const char *type, const char *help)
{
	put("# HELP mailwall_%s %s\n# TYPE mailwall_%s %s\n", name, help,
	    name, type);
}

/* A metric with one value. */
static void
one(const char *name, const char *type, const char *help, uint64_t value)
{
	head(name, type, help);
	put("mailwall_%s %" PRIu64 "\n", name, value);
}

static void
sessions(const struct msg_stats *st, unsigned int nproxies)
{
	one("sessions_total", "counter", "Sessions accepted.", st->sessions);
	one("sessions", "gauge", "Sessions that there are.",
	    st->sessions_now);
	one("sessions_refused_total", "counter",
	    "Sessions refused before a server was called.", st->refused);
	one("spool_bytes", "gauge", "Memory that messages take.", st->spool);
	one("spool_limit_bytes", "gauge", "Memory that messages may take.",
	    st->spool_max);
	one("reporting_proxies", "gauge",
	    "Proxies whose numbers are in these.", nproxies);
}

static void
messages(const struct msg_stats *st)
{
	uint32_t	 i;

	one("messages_total", "counter", "Messages received.", st->messages);
	one("messages", "gauge", "Messages in hand.", st->messages_now);
	one("message_bytes_total", "counter", "Bytes of messages received.",
	    st->bytes);
	head("verdicts_total", "counter", "Messages by what they are.");
	for (i = 0; i < VERDICT_MAX; i++)
		put("mailwall_verdicts_total{verdict=\"%s\"} %" PRIu64 "\n",
		    proto_verdict_name(i), st->verdict[i]);
	head("actions_total", "counter", "Messages by what became of them.");
	for (i = 0; i < ACTION_MAX; i++)
		put("mailwall_actions_total{action=\"%s\"} %" PRIu64 "\n",
		    conf_action_name(i), st->action[i]);
}

/* Buckets are cumulative there, and end with one that holds all. */
static void
histogram(const struct msg_stats *st)
{
	const char	*name;
	uint64_t	 n;
	unsigned int	 i;
	int		 p;

	head("phase_duration_seconds", "histogram",
	    "Time that a message took to be received, parsed, scanned and "
	    "delivered.");
	for (p = 0; p < STATS_PHASE_MAX; p++) {
		name = stats_phase_name((enum stats_phase)p);
		n = 0;
		for (i = 0; i < STATS_BUCKETS - 1; i++) {
			n += st->bucket[p][i];
			put("mailwall_phase_duration_seconds_bucket{"
			    "phase=\"%s\",le=\"%g\"} %" PRIu64 "\n", name,
			    (double)stats_bound[i] / 1e6, n);
		}
		n += st->bucket[p][i];
		put("mailwall_phase_duration_seconds_bucket{phase=\"%s\","
		    "le=\"+Inf\"} %" PRIu64 "\n"
		    "mailwall_phase_duration_seconds_sum{phase=\"%s\"} %.6f\n"
		    "mailwall_phase_duration_seconds_count{phase=\"%s\"} %"
		    PRIu64 "\n", name, n, name, (double)stats_sum(st,
		    (enum stats_phase)p) / 1e6, name, n);
	}
}

/* What master has said. */
static void
processes(void)
{
	static const enum proc_type	 types[] = {
		PROC_PROXY, PROC_PARSER, PROC_SCANNER, PROC_STORE
	};
	const struct msg_status		*m;
	size_t				 i;

	m = &store.status;
	head("processes", "gauge", "Processes that are ready.");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		put("mailwall_processes{kind=\"%s\"} %" PRIu64 "\n",
		    proto_proc_name(types[i]), m->ready[types[i]]);
	head("process_deaths_total", "counter",
	    "Processes that ended unasked, and were replaced.");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		put("mailwall_process_deaths_total{kind=\"%s\"} %" PRIu64
		    "\n", proto_proc_name(types[i]), m->deaths[types[i]]);
	one("start_time_seconds", "gauge",
	    "When mailwalld was started, since the epoch.", m->started);
	one("config_reload_time_seconds", "gauge",
	    "When the configuration in force was read, since the epoch.",
	    m->configured);
	one("signatures", "gauge",
	    "Signatures of viruses that the scanner has loaded.",
	    m->signatures);
	/* None for a scanner that has no files of its own. */
	if (m->database_time == 0)
		return;
	one("signatures_time_seconds", "gauge",
	    "Time of the newest file of signatures, since the epoch.",
	    m->database_time);
	one("signatures_age_seconds", "gauge",
	    "Age of the newest file of signatures.",
	    now_epoch() / 1000 > m->database_time ?
	    now_epoch() / 1000 - m->database_time : 0);
}

static void
kept(void)
{
	struct statfs	 fs;

	one("quarantine_messages", "gauge", "Messages in the quarantine.",
	    db_number(db_prepare("SELECT count(*) FROM quarantine")));
	one("quarantine_bytes", "gauge",
	    "Bytes of messages in the quarantine.", quarantine_used());
	one("quarantine_limit_bytes", "gauge",
	    "Bytes that the quarantine may have.",
	    store.conf->g.quarantine_max);
	/* That of ours: what is reserved for root is none. */
	if (statfs(".", &fs) == 0) {
		one("disk_free_bytes", "gauge",
		    "Bytes free on the disk of the state directory.",
		    (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize);
		one("disk_bytes", "gauge",
		    "Bytes of the disk of the state directory.",
		    (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize);
	}
	one("database_bytes", "gauge", "Size of the store's database.",
	    db_number(db_prepare("PRAGMA page_count")) *
	    db_number(db_prepare("PRAGMA page_size")));
}

/* A value of a label, as it stands between quotes. */
static const char *
label(const char *name, char *out)
{
	size_t	 n;

	for (n = 0; *name != '\0' && n + 2 < LABEL_MAX; name++) {
		if (*name == '"' || *name == '\\')
			out[n++] = '\\';
		out[n++] = *name;
	}
	out[n] = '\0';
	return (out);
}

static void
tables(void)
{
	const struct conf_dynamic_wire	*d;
	char				 name[LABEL_MAX];
	uint32_t			 i;

	if (store.conf->ndynamics == 0)
		return;
	head("table_members", "gauge", "Members of a dynamic table.");
	for (i = 0; i < store.conf->ndynamics; i++)
		put("mailwall_table_members{table=\"%s\"} %" PRIu64 "\n",
		    label(store.conf->dynamic[i].name, name),
		    member_count(i));
	head("table_limit_members", "gauge",
	    "Members that a dynamic table may have.");
	for (i = 0; i < store.conf->ndynamics; i++) {
		d = &store.conf->dynamic[i];
		put("mailwall_table_limit_members{table=\"%s\"} %u\n",
		    label(d->name, name), d->size);
	}
}

static void
tallies(void)
{
	const char	*name;
	uint64_t	 n;
	unsigned int	 i;

	if (tally_get(0, &n) == NULL)
		return;
	head("rule_matches_total", "counter",
	    "Matches of rules that log or count, by their label.");
	for (i = 0; (name = tally_get(i, &n)) != NULL; i++)
		put("mailwall_rule_matches_total{name=\"%s\"} %" PRIu64 "\n",
		    name, n);
}

const char *
metrics_text(size_t *len)
{
	static uint64_t		 made;		/* ms */
	struct msg_stats	 st;
	unsigned int		 n;

	if (made != 0 && now_ms() - made < FRESH_MS) {
		*len = text.len - 1;
		return ((const char *)buf_ptr(&text));
	}
	if (text.max == 0)
		buf_init(&text, METRICS_TEXT_MAX);
	buf_clear(&text);
	failed = 0;
	n = control_stats(&st);
	head("build_info", "gauge", "The version of mailwall; always 1.");
	put("mailwall_build_info{version=\"%s\"} 1\n", VERSION);
	sessions(&st, n);
	messages(&st);
	histogram(&st);
	processes();
	kept();
	tables();
	tallies();
	one("audit_lost_total", "counter",
	    "Lines of the audit that could not be written.",
	    audit_lost());
	if (failed == 0 && buf_add(&text, "", 1) == -1)
		failed = errno;
	if (failed != 0) {
		buf_clear(&text);
		made = 0;
		errno = failed;
		return (NULL);
	}
	made = now_ms();
	*len = text.len - 1;
	return ((const char *)buf_ptr(&text));
}

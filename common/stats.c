/* SPDX-License-Identifier: ISC */

/* How long messages take, see stats.h. */

#include <stddef.h>

#include "stats.h"

/* From what a short message takes to what nobody should wait for. */
const uint64_t	 stats_bound[STATS_BUCKETS - 1] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
	1000000, 2500000, 5000000, 10000000, 30000000, 60000000
};

static const struct {
	const char	*name;
	size_t		 sum;
} phases[STATS_PHASE_MAX] = {
	[STATS_RECEIVE] = { "receive", offsetof(struct msg_stats,
	    receive_us) },
	[STATS_PARSE] = { "parse", offsetof(struct msg_stats, parse_us) },
	[STATS_SCAN] = { "scan", offsetof(struct msg_stats, scan_us) },
	[STATS_DELIVER] = { "deliver", offsetof(struct msg_stats,
	    deliver_us) },
};

void
stats_time(struct msg_stats *st, enum stats_phase phase, uint64_t us)
{
	unsigned int	 i;

	*(uint64_t *)((char *)st + phases[phase].sum) += us;
	for (i = 0; i < STATS_BUCKETS - 1 && us > stats_bound[i]; i++)
		;
	st->bucket[phase][i]++;
}

uint64_t
stats_sum(const struct msg_stats *st, enum stats_phase phase)
{
	return (*(const uint64_t *)((const char *)st + phases[phase].sum));
}

const char *
stats_phase_name(enum stats_phase phase)
{
	return (phases[phase].name);
}

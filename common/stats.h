/* SPDX-License-Identifier: ISC */

/* How long messages take, counted by steps, see struct msg_stats. */

#ifndef MAILWALL_STATS_H
#define MAILWALL_STATS_H

#include <stdint.h>

#include "proto.h"

/* The largest time of each bucket but the last, us, rising. */
extern const uint64_t	 stats_bound[STATS_BUCKETS - 1];

/* Count a time that a phase took, us: sum and bucket. */
void		 stats_time(struct msg_stats *, enum stats_phase, uint64_t us);
/* The sum of a phase, us. */
uint64_t	 stats_sum(const struct msg_stats *, enum stats_phase);
/* Its name as a label; never NULL. */
const char	*stats_phase_name(enum stats_phase);

#endif /* MAILWALL_STATS_H */

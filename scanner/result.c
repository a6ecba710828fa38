/* SPDX-License-Identifier: ISC */

/*
 * What one message comes to.
 *
 * Names of signatures come from the database, names of parts and archive
 * members from the sender.  Both end in a log line and perhaps in a reply to
 * a client, so nothing but printable ASCII leaves this file.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"
#include "scanner.h"

void
result_init(struct result *r)
{
	memset(r, 0, sizeof(*r));
	r->verdict = VERDICT_CLEAN;
	r->part = SCAN_RAW;
}

void
result_add(struct result *r, enum verdict verdict, uint32_t part,
    const char *fmt, ...)
{
	va_list	 ap;
	char	*p;

	if (r->nhits < UINT32_MAX)
		r->nhits++;
	/* Verdicts are in order of precedence, see proto.h. */
	if ((uint32_t)verdict <= r->verdict)
		return;
	r->verdict = verdict;
	r->part = part;
	va_start(ap, fmt);
	if (vsnprintf(r->name, sizeof(r->name), fmt, ap) < 0)
		r->name[0] = '\0';
	va_end(ap);
	for (p = r->name; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	if (r->name[0] == '\0') {
		r->name[0] = '?';
		r->name[1] = '\0';
	}
}

void
result_merge(struct result *r, const struct result *other)
{
	uint32_t	 n;

	n = r->nhits > UINT32_MAX - other->nhits ? UINT32_MAX :
	    r->nhits + other->nhits;
	if (other->verdict > r->verdict)
		*r = *other;
	r->nhits = n;
}

void
result_limits(struct result *r, const struct parts *parts)
{
	if (parts->head->limits != 0)
		result_add(r, VERDICT_UNSCANNABLE, SCAN_RAW,
		    "limit: too much in one message");
	if (parts->head->anomalies & ANOMALY(A_PARTIAL))
		result_add(r, VERDICT_UNSCANNABLE, SCAN_RAW,
		    "part of a message, the rest is elsewhere");
}

void
result_frame(const struct result *r, uint32_t usec, struct msg_scan_done *done)
{
	memset(done, 0, sizeof(*done));
	done->verdict = r->verdict;
	done->part = r->part;
	done->nhits = r->nhits;
	done->usec = usec;
	done->flags = r->flags;
	memcpy(done->name, r->name, sizeof(done->name));
}

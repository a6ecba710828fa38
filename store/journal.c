/* SPDX-License-Identifier: ISC */

/*
 * An entry of the system's journal, in its native protocol: a datagram with
 * lines "FIELD=value".  The last of them is the message, a line of JSON, which
 * has no other end of a line than its own; the others are there to look for
 * it by.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store.h"
#include "utf8.h"

#define ENTRY	"PRIORITY=6\n"			/* info */	\
		"SYSLOG_IDENTIFIER=mailwall\n"				\
		"SYSLOG_FACILITY=2\n"		/* mail */

static int	 field(struct buf *, const char *, const char *);

/*
 * Names and addresses are a stranger's: a line's end in one of them would be
 * the beginning of another field.  Controls, in one byte or two, and what is
 * not UTF-8 become question marks.
 */
static int
field(struct buf *b, const char *name, const char *value)
{
	const uint8_t	*p;
	size_t		 i, len, n;

	if (buf_addf(b, "MAILWALL_%s=", name) == -1)
		return (-1);
	p = (const uint8_t *)value;
	len = strlen(value);
	for (i = 0; i < len; i += n) {
		n = utf8_char(p + i, len - i);
		if (n == 0 || p[i] < 0x20 || p[i] == 0x7f ||
		    (p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			n = n == 0 ? 1 : n;
			if (buf_add(b, "?", 1) == -1)
				return (-1);
		} else if (buf_add(b, p + i, n) == -1)
			return (-1);
	}
	return (buf_add(b, "\n", 1));
}

int
journal_fields(struct buf *b, const struct msg_record *m)
{
	char	 client[ADDR_STRLEN], session[17], rule[12];

	snprintf(session, sizeof(session), "%016" PRIx64, m->session);
	snprintf(rule, sizeof(rule), "%" PRIu32, m->line);
	if (buf_add(b, ENTRY, sizeof(ENTRY) - 1) == -1 ||
	    field(b, "SESSION", session) == -1 ||
	    field(b, "CLIENT", addr_ip(&m->client, client,
	    sizeof(client))) == -1 ||
	    field(b, "SENDER", m->from) == -1 ||
	    field(b, "VERDICT", proto_verdict_name(m->verdict)) == -1 ||
	    field(b, "NAME", m->name) == -1 ||
	    field(b, "RULE", rule) == -1 ||
	    field(b, "ACTION", conf_action_name(m->action)) == -1)
		return (-1);
	return (buf_add(b, "MESSAGE=", 8));
}

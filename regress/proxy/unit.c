/* SPDX-License-Identifier: ISC */

/* See unit.h. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

struct proxy		 proxy = { .max_messages = 1U << 20 };
unsigned int		 unit_logged;
static int		 failed, cases;

/* What the modules call outside of themselves. */

void
session_log(const struct session *s, const char *fmt, ...)
{
	unit_logged++;
}

void
inspect_cancel(struct job *j)
{
	if (j != NULL)
		abort();
}

void
store_fate(struct message *m, int arrived)
{
}

void
store_cancel(struct waiting *w)
{
	if (w != NULL)
		abort();
}

void
unit_case(const char *name, const char *why, ...)
{
	va_list	 ap;

	cases++;
	if (why == NULL) {
		printf("ok %s\n", name);
		fflush(stdout);
		return;
	}
	failed++;
	printf("not ok %s - ", name);
	va_start(ap, why);
	vprintf(why, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

int
unit_status(void)
{
	return (failed == 0 && cases > 0 ? 0 : 1);
}

uint8_t *
unit_exact(const void *data, size_t len)
{
	uint8_t	*p;

	if ((p = malloc(len == 0 ? 1 : len)) == NULL)
		abort();
	memcpy(p, data, len);
	/* Nothing may be read of what is empty. */
	if (len == 0)
		p[0] = 0xa5;
	return (p);
}

const char *
unit_show(const void *data, size_t len)
{
	static const char	 hex[] = "0123456789abcdef";
	static char		 text[4][256];
	static unsigned int	 turn;
	const uint8_t		*p;
	char			*t;
	size_t			 i, n;

	t = text[turn++ % 4];
	p = data;
	for (i = n = 0; i < len && n + 8 < sizeof(text[0]); i++) {
		if (p[i] >= 0x20 && p[i] < 0x7f) {
			t[n++] = (char)p[i];
			continue;
		}
		t[n++] = '\\';
		t[n++] = 'x';
		t[n++] = hex[p[i] >> 4];
		t[n++] = hex[p[i] & 15];
	}
	if (i < len)
		t[n++] = '~';
	t[n] = '\0';
	return (t);
}

struct session *
unit_session(void)
{
	struct session	*s;

	s = calloc(1, sizeof(*s));
	if (s == NULL || (s->conf = calloc(1, sizeof(*s->conf))) == NULL)
		abort();
	s->conf->g.message_max = 1 * MIB;
	s->starttls = STARTTLS_WITHHOLD;
	proxy.spool_max = 4 * MIB;
	proxy.spool_used = 0;
	return (s);
}

void
unit_session_free(struct session *s)
{
	data_free(s->msg);
	free(s->conf);
	free(s);
}

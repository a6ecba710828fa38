/* SPDX-License-Identifier: ISC */

/*
 * A whole attachment through inspect.c, archives of libarchive's included;
 * its name is the first line.  Every fact must be one that a proxy takes.
 */

#include <stdlib.h>

#include "ev.h"
#include "inspect.h"
#include "parts.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
take(void *arg, uint32_t part, const uint8_t *p, size_t len)
{
	if (part != 0 || len == 0)
		abort();
}

static void
member(void *arg, uint32_t part, const uint8_t *p, size_t len,
    const char *name)
{
	volatile uint8_t	 last;

	if (len > 0)
		last = p[len - 1];
	(void)last;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static const struct inspect_limits	 limits = {
		MIB, 8, 100
	};
	static struct facts	 facts;
	static int		 ready;
	struct file_fact	 f;
	struct arena_head	 head;
	struct arena_part	 part;
	struct parts		 parts;
	struct result		 r;
	struct scan		 scan;
	const uint8_t		*nl;
	uint32_t		 i;

	if (!ready && unarchive_init() == -1)
		abort();
	ready = 1;
	doctext_init();
	if (len == 0 || (nl = memchr(p, '\n', len)) == NULL)
		return (0);
	memset(&head, 0, sizeof(head));
	memset(&part, 0, sizeof(part));
	memset(&parts, 0, sizeof(parts));
	memset(&scan, 0, sizeof(scan));
	parts.map = p;
	parts.msg = nl + 1;
	parts.msg_len = len - (size_t)(nl + 1 - p);
	parts.head = &head;
	parts.part = &part;
	head.nparts = 1;
	part.len = parts.msg_len;
	part.name_len = (uint32_t)(nl - p);
	scan.parts = &parts;
	scan.due = now_ms() + 20000;
	scan.facts = &facts;
	scan.text = take;
	facts_init(&facts);
	result_init(&r);
	inspect_parts(&scan, &r, &limits, member, NULL);
	for (i = 0; i < facts.n; i++)
		if (facts_get(&facts.file[i], 1, &f) == -1)
			abort();
	return (0);
}

/* SPDX-License-Identifier: ISC */

/*
 * The list of files of one message.  It has an end, the union of flags and
 * types has not: a rule about a kind of file holds for the ten thousandth
 * member as for the first.
 */

#include <string.h>

#include "inspect.h"

void
facts_init(struct facts *fs)
{
	memset(fs, 0, sizeof(*fs));
}

void
facts_flag(struct facts *fs, struct file_fact *f, uint32_t flags)
{
	if (fs == NULL)
		return;
	fs->flags |= flags;
	if (f != NULL)
		f->flags |= flags;
	else
		fs->loose |= flags;
}

struct file_fact *
facts_add(struct facts *fs, uint32_t part, unsigned int depth,
    enum file_type type, uint32_t flags, uint64_t size, const char *name,
    size_t len)
{
	struct file_fact	*f;

	if (fs == NULL)
		return (NULL);
	fs->flags |= flags;
	fs->types |= FT_BIT(type);
	if (fs->n == FACTS_MAX) {
		fs->dropped++;
		fs->loose |= flags;
		fs->loose_types |= FT_BIT(type);
		return (NULL);
	}
	f = &fs->file[fs->n++];
	memset(f, 0, sizeof(*f));
	f->size = size;
	f->part = part;
	f->flags = flags;
	f->depth = depth > FACT_DEPTH_MAX ? FACT_DEPTH_MAX : (uint16_t)depth;
	f->type = (uint16_t)type;
	name_copy(f->name, sizeof(f->name), name, len);
	return (f);
}

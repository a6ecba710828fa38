/* SPDX-License-Identifier: ISC */

/* Rows as they came from the store. */

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

void
rows_add(struct rows *rows, const void *data, size_t len)
{
	struct row	*r;
	size_t		 n;

	if (rows->n == rows->alloc) {
		n = rows->alloc == 0 ? 64 : rows->alloc * 2;
		r = reallocarray(rows->row, n, sizeof(*r));
		if (r == NULL)
			err(CTL_REFUSED, "rows");
		rows->row = r;
		rows->alloc = n;
	}
	r = &rows->row[rows->n];
	if ((r->data = malloc(len)) == NULL)
		err(CTL_REFUSED, "row");
	memcpy(r->data, data, len);
	r->len = len;
	rows->n++;
}

void
rows_free(struct rows *rows)
{
	size_t	 i;

	for (i = 0; i < rows->n; i++)
		free(rows->row[i].data);
	free(rows->row);
	memset(rows, 0, sizeof(*rows));
}

int
row_next(const struct row *r, const char **at, const char **name,
    const char **value)
{
	*name = *at == NULL ? r->data : proto_next(r->data, r->len, *at);
	if (*name == NULL)
		return (0);
	*value = proto_next(r->data, r->len, *name);
	if (*value == NULL)
		return (0);
	*at = *value;
	return (1);
}

const char *
row_get(const struct row *r, const char *want)
{
	const char	*at, *name, *value;

	at = NULL;
	while (row_next(r, &at, &name, &value))
		if (strcmp(name, want) == 0)
			return (value);
	return (NULL);
}

uint64_t
row_number(const struct row *r, const char *name)
{
	const char	*value;

	value = row_get(r, name);
	return (value == NULL ? 0 : strtoull(value, NULL, 10));
}

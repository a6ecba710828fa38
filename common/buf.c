/* SPDX-License-Identifier: ISC */

/* A bounded byte buffer, see buf.h. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

#define BUF_STEP	512	/* smallest allocation */

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_clear(struct buf *b)
{
	if (b->data != NULL) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = NULL;
	b->off = b->len = b->cap = 0;
}

void
buf_shrink(struct buf *b)
{
	if (b->len == 0 && b->data != NULL)
		buf_clear(b);
}

uint8_t *
buf_ptr(const struct buf *b)
{
	return (b->data + b->off);
}

uint8_t *
buf_reserve(struct buf *b, size_t want, size_t *room)
{
	uint8_t	*p;
	size_t	 cap;

	if (want > b->max || b->len > b->max - want) {
		errno = ENOBUFS;
		return (NULL);
	}
	if (b->off > 0 && b->cap - b->off - b->len < want) {
		memmove(b->data, b->data + b->off, b->len);
		b->off = 0;
	}
	if (b->cap - b->off - b->len < want) {
		cap = b->cap == 0 ? BUF_STEP : b->cap;
		while (cap < b->len + want)
			cap *= 2;
		if (cap > b->max)
			cap = b->max;
		/* Not realloc(3): what is left behind must be wiped. */
		p = malloc(cap);
		if (p == NULL)
			return (NULL);
		if (b->len > 0)
			memcpy(p, b->data, b->len);
		if (b->data != NULL) {
			explicit_bzero(b->data, b->cap);
			free(b->data);
		}
		b->data = p;
		b->cap = cap;
	}
	*room = b->cap - b->off - b->len;
	if (*room > b->max - b->len)
		*room = b->max - b->len;
	return (b->data + b->off + b->len);
}

void
buf_commit(struct buf *b, size_t n)
{
	b->len += n;
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	uint8_t	*p;
	size_t	 room;

	if (len == 0)
		return (0);
	p = buf_reserve(b, len, &room);
	if (p == NULL)
		return (-1);
	memcpy(p, data, len);
	b->len += len;
	return (0);
}

int
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	char	 text[4096];
	int	 n;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		errno = ENOBUFS;
		return (-1);
	}
	return (buf_add(b, text, (size_t)n));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list	 ap;
	int	 ret;

	va_start(ap, fmt);
	ret = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return (ret);
}

void
buf_drain(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	b->off += n;
	b->len -= n;
	if (b->len == 0)
		b->off = 0;
}

void
buf_drain_wipe(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n > 0)
		explicit_bzero(b->data + b->off, n);
	buf_drain(b, n);
}

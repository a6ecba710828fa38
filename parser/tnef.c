/* SPDX-License-Identifier: ISC */

/*
 * TNEF: attributes, some of which hold lists of MAPI properties (MS-OXTNEF,
 * sections 2.1.3 and 2.1.3.4).  The reader goes forward only, allocates
 * nothing and copies nothing: counts and lengths are the sender's, and each
 * is held against the bytes that are there.  Checksums are not looked at,
 * since readers differ in that.
 */

#include <string.h>

#include "tnef.h"

#define HEAD_LEN	6	/* signature, key */
#define ATTR_HEAD	9	/* level, name, type, length */

/* Attributes, 2.1.3.2: type and name as one number. */
#define ATT_BODY	0x0002800cU
#define ATT_PROPS	0x00069003U
#define ATT_TITLE	0x00018010U
#define ATT_DATA	0x0006800fU
#define ATT_REND	0x00069002U
#define ATT_ATTACHMENT	0x00069005U

/* Types of properties, MS-OXCDATA 2.11.1. */
#define PT_MULTIPLE	0x1000U
#define PT_OBJECT	0x000dU
#define PT_STRING8	0x001eU
#define PT_UNICODE	0x001fU
#define PT_BINARY	0x0102U

static uint32_t	 le32(const uint8_t *);
static uint32_t	 le16(const uint8_t *);
static int	 take(struct tnef *, size_t, const uint8_t **);
static size_t	 type_size(unsigned int);
static void	 props_begin(struct tnef *, const uint8_t *, size_t);
static int	 prop_head(struct tnef *);
static int	 prop_value(struct tnef *, struct tnef_item *);
static int	 attr_next(struct tnef *, struct tnef_item *);

static uint32_t
le32(const uint8_t *p)
{
	return (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24);
}

static uint32_t
le16(const uint8_t *p)
{
	return (p[0] | (uint32_t)p[1] << 8);
}

int
tnef_open(struct tnef *t, const uint8_t *p, size_t len)
{
	memset(t, 0, sizeof(*t));
	/* 0x223e9f78, 2.1.3.1 */
	if (len < HEAD_LEN || le32(p) != 0x223e9f78)
		return (0);
	t->p = p + HEAD_LEN;
	t->end = p + len;
	return (1);
}

/* n bytes of the list of properties, which are padded to four. */
static int
take(struct tnef *t, size_t n, const uint8_t **p)
{
	size_t	 left;

	left = (size_t)(t->prop_end - t->prop);
	if (n > left) {
		t->bad = 1;
		t->prop = NULL;
		return (0);
	}
	*p = t->prop;
	n = (n + 3) & ~(size_t)3;
	t->prop += n < left ? n : left;
	return (1);
}

/* Of a value of fixed size; 0: it has a length. */
static size_t
type_size(unsigned int type)
{
	switch (type & ~PT_MULTIPLE) {
	case 0x05:
	case 0x06:
	case 0x07:
	case 0x14:
	case 0x40:
		return (8);
	case 0x48:
		return (16);
	case PT_OBJECT:
	case PT_STRING8:
	case PT_UNICODE:
	case PT_BINARY:
		return (0);
	default:
		return (4);
	}
}

static void
props_begin(struct tnef *t, const uint8_t *p, size_t len)
{
	if (len < 4) {
		t->bad = 1;
		return;
	}
	t->nprops = le32(p);
	t->prop = p + 4;
	t->prop_end = p + len;
	t->nvalues = 0;
}

/* A property's tag and, in some, its name and number of values: 1 or 0. */
static int
prop_head(struct tnef *t)
{
	const uint8_t	*p;
	size_t		 n;

	if (t->nprops == 0 || !take(t, 4, &p))
		return (0);
	t->nprops--;
	t->tag = le32(p);
	/* Named: a GUID, and a number or a string. */
	if (t->tag >> 16 >= 0x8000) {
		if (!take(t, 20, &p) || t->prop_end - t->prop < 4)
			return (0);
		n = le32(p + 16) == 0 ? 0 : le32(t->prop);
		if (!take(t, 4, &p) || !take(t, n, &p))
			return (0);
	}
	t->nvalues = 1;
	if ((t->tag & PT_MULTIPLE) != 0 || type_size(t->tag & 0xffff) == 0) {
		if (!take(t, 4, &p))
			return (0);
		t->nvalues = le32(p);
	}
	return (1);
}

/* The next value of the property: 1 if it is one that matters. */
static int
prop_value(struct tnef *t, struct tnef_item *it)
{
	const uint8_t	*p;
	size_t		 n;
	int		 is_wide;

	t->nvalues--;
	n = type_size(t->tag & 0xffff);
	if (n > 0) {
		take(t, n, &p);
		return (0);
	}
	if (!take(t, 4, &p))
		return (0);
	n = le32(p);
	/* Cut short: what there is will do. */
	if (n > (size_t)(t->prop_end - t->prop)) {
		t->bad = 1;
		n = (size_t)(t->prop_end - t->prop);
	}
	if (!take(t, n, &p))
		return (0);
	it->p = p;
	it->len = n;
	is_wide = (t->tag & 0xffff & ~PT_MULTIPLE) == PT_UNICODE;
	switch (t->tag >> 16) {
	case 0x1000:
		it->kind = is_wide ? TNEF_BODY16 : TNEF_BODY;
		return (1);
	case 0x1009:
		it->kind = TNEF_RTF;
		return (1);
	case 0x1013:
		it->kind = is_wide ? TNEF_BODY16 : TNEF_HTML;
		return (1);
	case 0x3701:
		it->kind = TNEF_OBJECT;
		return (1);
	case 0x3001:
	case 0x3704:
	case 0x3707:
		it->kind = is_wide ? TNEF_NAME16 : TNEF_NAME;
		return (1);
	default:
		return (0);
	}
}

/* The next attribute: 1 if it is an item. */
static int
attr_next(struct tnef *t, struct tnef_item *it)
{
	uint32_t	 id;
	size_t		 n, left;

	left = (size_t)(t->end - t->p) - ATTR_HEAD;
	id = le16(t->p + 1) | le16(t->p + 3) << 16;
	n = le32(t->p + 5);
	if (n > left) {
		t->bad = 1;
		n = left;
	}
	it->p = t->p + ATTR_HEAD;
	it->len = n;
	left -= n;
	/* A checksum of two bytes. */
	t->p = it->p + n + (left < 2 ? left : 2);
	switch (id) {
	case ATT_BODY:
		it->kind = TNEF_BODY;
		return (1);
	case ATT_TITLE:
		it->kind = TNEF_NAME;
		return (1);
	case ATT_DATA:
		it->kind = TNEF_DATA;
		return (1);
	case ATT_REND:
		it->kind = TNEF_ATTACH;
		it->len = 0;
		return (1);
	case ATT_PROPS:
	case ATT_ATTACHMENT:
		props_begin(t, it->p, it->len);
		return (0);
	default:
		return (0);
	}
}

int
tnef_next(struct tnef *t, struct tnef_item *it)
{
	for (;;) {
		while (t->prop != NULL && t->nvalues > 0)
			if (prop_value(t, it))
				return (1);
		if (t->prop != NULL && prop_head(t))
			continue;
		t->prop = NULL;
		if (t->end - t->p < ATTR_HEAD) {
			if (t->p != t->end)
				t->bad = 1;
			return (0);
		}
		if (attr_next(t, it))
			return (1);
	}
}

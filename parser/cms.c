/* SPDX-License-Identifier: ISC */

/*
 * The outer layers of a cryptographic message in BER (X.690): enough to find
 * the content that an opaque signature carries (RFC 8551, section 3.5.2),
 * and to know what is encrypted.  Nothing is verified.
 *
 * Lengths may be indefinite and strings in pieces, nested as deep as the
 * sender likes: elements are walked with a count of what is open, not by
 * recursion, and each byte is passed at most twice.
 */

#include <string.h>

#include "cms.h"

#define T_INTEGER	0x02
#define T_OCTETS	0x04
#define T_OID		0x06
#define T_SEQUENCE	0x30
#define T_SET		0x31
#define T_CONTEXT_0	0xa0
#define T_CONSTRUCTED	0x20

/* One element's head. */
struct element {
	unsigned int	 tag;
	const uint8_t	*p;		/* its content */
	const uint8_t	*end;
	int		 is_open;	/* indefinite: end is that around it */
	int		 is_cut;	/* longer than what is around it */
};

static int	 element_head(const uint8_t *, const uint8_t *,
		    struct element *);
static const uint8_t *element_skip(const uint8_t *, const uint8_t *);
static int	 element_enter(const uint8_t **, const uint8_t **,
		    unsigned int);
static enum cms_kind oid_kind(const uint8_t *, size_t);
static int	 signed_find(const uint8_t *, const uint8_t *, struct cms *);

/* 1.2.840.113549.1.7.x and 1.2.840.113549.1.9.16.1.x */
static const uint8_t	 oid_pkcs7[] =
			    { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7 };
static const uint8_t	 oid_smime[] =
			    { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16,
			    1 };

/* The head at p: 1, or 0 when there is none. */
static int
element_head(const uint8_t *p, const uint8_t *end, struct element *e)
{
	size_t		 len;
	unsigned int	 n;

	if (end - p < 2 || (p[0] & 0x1f) == 0x1f)
		return (0);
	e->tag = p[0];
	e->is_open = e->is_cut = 0;
	e->end = end;
	len = p[1];
	p += 2;
	if (len == 0x80) {
		e->is_open = 1;
		e->p = p;
		return ((e->tag & T_CONSTRUCTED) != 0);
	}
	if (len > 0x80) {
		n = len & 0x7f;
		if (n > 8 || (size_t)(end - p) < n)
			return (0);
		for (len = 0; n > 0; n--) {
			if (len > SIZE_MAX >> 8)
				return (0);
			len = len << 8 | *p++;
		}
	}
	e->p = p;
	/* Cut short: what there is will do. */
	if (len > (size_t)(end - p))
		e->is_cut = 1;
	else
		e->end = p + len;
	return (1);
}

/* Behind the element at p; NULL when it does not end. */
static const uint8_t *
element_skip(const uint8_t *p, const uint8_t *end)
{
	struct element	 e;
	size_t		 open;

	open = 0;
	do {
		if (!element_head(p, end, &e))
			return (NULL);
		if (e.is_open) {
			open++;
			p = e.p;
		} else if (e.tag == 0 && e.p == e.end && open > 0) {
			open--;
			p = e.p;
		} else
			p = e.end;
	} while (open > 0);
	return (p);
}

/* Into the element of that tag. */
static int
element_enter(const uint8_t **p, const uint8_t **end, unsigned int tag)
{
	struct element	 e;

	if (!element_head(*p, *end, &e) || e.tag != tag)
		return (0);
	*p = e.p;
	*end = e.end;
	return (1);
}

static enum cms_kind
oid_kind(const uint8_t *p, size_t len)
{
	if (len == sizeof(oid_pkcs7) + 1 &&
	    memcmp(p, oid_pkcs7, len - 1) == 0) {
		switch (p[len - 1]) {
		case 1:
			return (CMS_DATA);
		case 2:
			return (CMS_SIGNED);
		case 3:
		case 4:
		case 6:
			return (CMS_ENCRYPTED);
		default:
			return (CMS_OTHER);
		}
	}
	if (len == sizeof(oid_smime) + 1 &&
	    memcmp(p, oid_smime, len - 1) == 0) {
		/* RFC 3274; RFC 5083 */
		if (p[len - 1] == 9)
			return (CMS_COMPRESSED);
		if (p[len - 1] == 23)
			return (CMS_ENCRYPTED);
	}
	return (CMS_OTHER);
}

/* SignedData: version, digests, and the content with its type, 5.1. */
static int
signed_find(const uint8_t *p, const uint8_t *end, struct cms *c)
{
	struct element	 e;

	if (!element_enter(&p, &end, T_SEQUENCE) ||
	    !element_head(p, end, &e) || e.tag != T_INTEGER)
		return (0);
	p = e.end;
	if (!element_head(p, end, &e) || e.tag != T_SET ||
	    (p = element_skip(p, end)) == NULL ||
	    !element_enter(&p, &end, T_SEQUENCE) ||
	    !element_head(p, end, &e) || e.tag != T_OID)
		return (0);
	p = e.end;
	/* No content here: the signature of something elsewhere. */
	if (p == end || (end - p >= 2 && p[0] == 0 && p[1] == 0))
		return (1);
	if (!element_enter(&p, &end, T_CONTEXT_0))
		return (0);
	c->content = p;
	c->end = end;
	return (1);
}

int
cms_open(const uint8_t *p, size_t len, struct cms *c)
{
	const uint8_t	*end;
	struct element	 e;

	end = p + len;
	memset(c, 0, sizeof(*c));
	if (len < 2 || p[0] != T_SEQUENCE)
		return (0);
	if (!element_head(p, end, &e))
		return (0);
	c->bad = e.is_cut;
	p = e.p;
	end = e.end;
	if (!element_head(p, end, &e) || e.tag != T_OID)
		return (0);
	if ((size_t)(e.end - e.p) < sizeof(oid_pkcs7) ||
	    memcmp(e.p, oid_pkcs7, 7) != 0)
		return (0);
	c->kind = oid_kind(e.p, (size_t)(e.end - e.p));
	p = e.end;
	if (c->kind != CMS_DATA && c->kind != CMS_SIGNED)
		return (1);
	if (!element_head(p, end, &e) || e.tag != T_CONTEXT_0) {
		c->bad = 1;
		return (1);
	}
	if (c->kind == CMS_DATA) {
		c->content = e.p;
		c->end = e.end;
	} else if (!signed_find(e.p, e.end, c))
		c->bad = 1;
	return (1);
}

void
cms_content(const struct cms *c, uint8_t *out, size_t cap,
    struct decoded *d)
{
	const uint8_t	*p;
	struct element	 e;
	size_t		 n, open;

	memset(d, 0, sizeof(*d));
	open = 0;
	for (p = c->content; p < c->end;) {
		if (!element_head(p, c->end, &e)) {
			d->bad = 1;
			break;
		}
		if (e.tag == 0 && e.p == e.end) {
			/* What comes behind is the signers'. */
			if (open == 0)
				break;
			open--;
			p = e.p;
			continue;
		}
		d->bad |= e.is_cut;
		if (e.tag & T_CONSTRUCTED) {
			open += (size_t)e.is_open;
			p = e.p;
			continue;
		}
		n = (size_t)(e.end - e.p);
		if (n > cap - d->len) {
			n = cap - d->len;
			d->full = 1;
		}
		memcpy(out + d->len, e.p, n);
		d->len += n;
		if (d->full)
			break;
		p = e.end;
	}
	/* What was opened was never closed. */
	if (open > 0)
		d->bad = 1;
	d->stop = d->len;
}

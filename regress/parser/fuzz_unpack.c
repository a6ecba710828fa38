/* SPDX-License-Identifier: ISC */

/*
 * Any bytes for the readers of encoded runs and containers: each by itself,
 * the first byte chooses which, the second how much room there is.
 */

#include <stdlib.h>
#include <string.h>

#include "apple.h"
#include "binhex.h"
#include "cms.h"
#include "datauri.h"
#include "lzfu.h"
#include "pgp.h"
#include "tnef.h"
#include "unpack.h"
#include "uu.h"
#include "yenc.h"

#define ROOM	65536

static void	 fuzz_run(int, const uint8_t *, size_t, uint8_t *, size_t);
static void	 fuzz_file(int, const uint8_t *, size_t, uint8_t *, size_t);

static void	 fuzz_uri(const struct datauri *, const uint8_t *,
		    const uint8_t *, uint8_t *, size_t);
static void	 fuzz_uris(const uint8_t *, size_t, uint8_t *, size_t);

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_run(int which, const uint8_t *p, size_t len, uint8_t *out, size_t cap)
{
	const uint8_t	*q;
	struct yenc_run	 yenc;
	struct uu_run	 uu;
	struct binhex	 b;
	struct decoded	 d;

	memset(&d, 0, sizeof(d));
	switch (which) {
	case 0:
		if (uu_find(p, p + len, &uu))
			uu_decode(uu.data, p + len, uu.form, out, cap, &d);
		break;
	case 1:
		if (yenc_at(p, p + len, &yenc))
			yenc_decode(yenc.data, p + len, out, cap, &d);
		break;
	case 2:
		if ((q = binhex_at(p, p + len)) == NULL)
			break;
		binhex_decode(q, p + len, out, cap, &d);
		binhex_split(out, d.len, &b);
		if (b.data_len > d.len || b.resource_len > d.len)
			abort();
		break;
	default:
		if (pgp_at(p, p + len, &q) == PGP_CLEAR)
			pgp_clear(q, p + len, &q, out, cap, &d);
		break;
	}
	if (d.len > cap || d.stop > d.len)
		abort();
}

static void
fuzz_file(int which, const uint8_t *p, size_t len, uint8_t *out, size_t cap)
{
	struct tnef_item	 it;
	const uint8_t		*q;
	struct decoded		 d;
	struct tnef		 t;
	struct cms		 c;
	size_t			 i, n;

	memset(&d, 0, sizeof(d));
	switch (which) {
	case 4:
		if (cms_open(p, len, &c) && c.content != NULL)
			cms_content(&c, out, cap, &d);
		break;
	case 5:
		d.len = lzfu_decode(p, len, out, cap, &d.bad, &d.full);
		break;
	case 6:
		if (!tnef_open(&t, p, len))
			break;
		while (tnef_next(&t, &it))
			if (it.p < p || it.len > len - (size_t)(it.p - p))
				abort();
		break;
	case 7:
		if (!apple_is(p, len))
			break;
		for (i = 0; i < apple_count(p, len); i++)
			if (apple_entry(p, len, i, &q, &n) != -1 &&
			    (q < p || n > len - (size_t)(q - p)))
				abort();
		break;
	default:
		fuzz_uris(p, len, out, cap);
		break;
	}
	if (d.len > cap)
		abort();
}

static void
fuzz_uri(const struct datauri *u, const uint8_t *p, const uint8_t *end,
    uint8_t *out, size_t cap)
{
	struct decoded	 d;
	size_t		 most;

	if (u->data < p || u->data > u->end || u->end > end ||
	    memchr(u->type, '\0', sizeof(u->type)) == NULL)
		abort();
	datauri_decode(u, out, cap, &d);
	/* "&nGt;" is six bytes. */
	most = (size_t)(u->end - u->data);
	if (d.len > cap || d.len > most + most / 5)
		abort();
}

static void
fuzz_uris(const uint8_t *p, size_t len, uint8_t *out, size_t cap)
{
	const uint8_t	*end, *q, *place;
	struct datauri	 u;

	end = p + len;
	for (q = p; datauri_next(p, q, end, &u); q = u.end) {
		if (u.end <= q)
			abort();
		fuzz_uri(&u, p, end, out, cap);
	}
	for (place = q = p; datauri_spelt(p, end, &place, &u); q = place) {
		if (place <= q || place > end)
			abort();
		fuzz_uri(&u, p, end, out, cap);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t	 out[ROOM];
	static int	 is_ready;
	uint8_t		*copy;
	size_t		 cap;
	int		 which;

	if (!is_ready) {
		decode_init();
		unpack_init();
		is_ready = 1;
	}
	if (len < 3)
		return (0);
	which = data[0] % 9;
	cap = data[1] & 1 ? data[1] : ROOM;
	data += 2;
	len -= 2;
	if ((copy = malloc(len)) == NULL)
		abort();
	memcpy(copy, data, len);
	if (which < 4)
		fuzz_run(which, copy, len, out, cap);
	else
		fuzz_file(which, copy, len, out, cap);
	free(copy);
	return (0);
}

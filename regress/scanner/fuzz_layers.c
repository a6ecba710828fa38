/* SPDX-License-Identifier: ISC */

/*
 * layers.c under callbacks in any order with any content, as a hostile
 * archive may cause them.  Whatever happens, a finding has a printable name,
 * and there is a finding exactly when the verdict is not "clean".
 */

#include <stdlib.h>
#include <string.h>

#include "scanner.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char *const	 types[] = {
	"CL_TYPE_ZIP", "CL_TYPE_OOXML_WORD", "CL_TYPE_7Z", "CL_TYPE_RAR",
	"CL_TYPE_GZ", "CL_TYPE_BZ", "CL_TYPE_ARJ", "CL_TYPE_MSOLE2",
	"CL_TYPE_BINARY_DATA", "CL_TYPE_MAIL", "CL_TYPE_ZIPSFX", "",
};

static const char *const	 names[] = {
	"Heuristics.Limits.Exceeded.MaxFiles", "Heuristics.Encrypted.Zip",
	"Heuristics.Encrypted.PDF", "Heuristics.Limits.Exceeded.MaxScanTime",
	"Heuristics.Limits.Exceeded.", "Detected.By.Callback", "Virus", "",
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
step(struct layers *ls, uint8_t op, uint8_t a, uint8_t b, const char *text,
    const uint8_t *body, size_t len)
{
	switch (op % 4) {
	case 0:
	case 1:
		layers_enter(ls, types[a % N(types)], op & 4 ? NULL : text,
		    op & 8 ? NULL : (const char *)body, len, b % 70);
		break;
	case 2:
		layers_member(ls, types[a % N(types)], op & 4 ? NULL : text,
		    op & 8 ? UINT64_MAX : b, op & 16 ? 1 : 0, a % 8);
		break;
	default:
		layers_match(ls, names[a % N(names)]);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct layers	 ls;
	struct msg_scan_done	 done;
	struct result		 r;
	char			 text[256];
	uint8_t			*body;
	size_t			 n;

	result_init(&r);
	layers_init(&ls, &r, 3, 1000, "top");
	while (len >= 5) {
		n = p[3] < len - 5 ? p[3] : len - 5;
		memcpy(text, p + 5, n);
		text[n] = '\0';
		/* At the end of its memory, for the sanitizer. */
		if ((body = malloc(n == 0 ? 1 : n)) == NULL)
			abort();
		memcpy(body, p + 5, n);
		step(&ls, p[0], p[1], p[2], text, body, n);
		free(body);
		p += 5 + n;
		len -= 5 + n;
	}
	layers_finish(&ls);
	result_frame(&r, 1, &done);
	if (proto_get_scan_done(&done, &done) == -1 ||
	    (r.verdict == VERDICT_CLEAN) != (r.nhits == 0))
		abort();
	return (0);
}

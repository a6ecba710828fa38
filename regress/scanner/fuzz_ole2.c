/* SPDX-License-Identifier: ISC */

/* What is read of compound files: flags, files, text of all their forms. */

#include <stdlib.h>

#include "inspect.h"
#include "scanner.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t	 given;

static void
emit(void *arg, const uint8_t *p, size_t len)
{
	size_t	 i;

	(void)arg;
	/* All of it can be read. */
	for (i = 0; i < len; i++)
		given += p[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct textout	 out;
	static int		 ready;
	struct olefile		*o;
	struct member		 m;
	size_t			 n, sum;

	if (!ready) {
		doctext_init();
		ready = 1;
	}
	if (ole2_encrypted(p, len) > 1)
		__builtin_trap();
	textout_init(&out, emit, NULL, 64 * MIB);
	(void)oledir_flags(p, len);
	oletext(p, len, &out);
	textout_flush(&out);
	if ((o = olefile_open(p, len)) == NULL)
		return (0);
	/* There are no more members than entries, nor more bytes than some
	 * times the file has. */
	for (n = sum = 0; olefile_next(o, len, &m) == 1; n++) {
		emit(NULL, m.data, m.len);
		sum += m.len;
		free(m.data);
	}
	if (n > len / 128 || sum > 4 * len + 65536)
		__builtin_trap();
	olefile_close(o);
	return (0);
}

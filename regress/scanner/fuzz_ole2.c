/* SPDX-License-Identifier: ISC */

/* What is read of compound files: flags, and the text of all their forms. */

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
	return (0);
}

/* SPDX-License-Identifier: ISC */

/* ole2_encrypted() over files made here, and over the edges of them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scanner.h"

#define SECTOR	512

static int	 failed;

static void
check(const char *name, int ok)
{
	printf("%s %s%s\n", ok ? "ok" : "not ok", name,
	    ok ? "" : " - wrong answer");
	if (!ok)
		failed = 1;
}

static void
put16(uint8_t *p, unsigned int v)
{
	p[0] = v & 0xff;
	p[1] = (v >> 8) & 0xff;
}

/* A directory entry for a stream at a sector. */
static void
entry(uint8_t *p, const char *name, uint32_t sector)
{
	size_t	 i, len;

	memset(p, 0, 128);
	len = strlen(name);
	for (i = 0; i < len; i++)
		p[2 * i] = (uint8_t)name[i];
	put16(p + 64, 2 * ((unsigned int)len + 1));
	p[66] = 2;
	put16(p + 116, sector & 0xffff);
	put16(p + 118, sector >> 16);
}

/* The bytes live at the end of their memory, for the sanitizer. */
static int
run(const uint8_t *p, size_t len)
{
	uint8_t	*copy;
	int	 ret;

	if ((copy = malloc(len == 0 ? 1 : len)) == NULL)
		exit(1);
	memcpy(copy, p, len);
	ret = ole2_encrypted(copy, len);
	free(copy);
	return (ret);
}

static void
file(uint8_t *p, const char *name, uint32_t sector)
{
	memset(p, 0, 4 * SECTOR);
	memcpy(p, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
	put16(p + 30, 9);
	entry(p + SECTOR, "Root Entry", 0);
	p[SECTOR + 66] = 5;
	entry(p + SECTOR + 128, name, sector);
}

int
main(void)
{
	static uint8_t	 f[4 * SECTOR];
	uint8_t		*s;
	size_t		 i;
	int		 any;

	file(f, "EncryptedPackage", 1);
	check("package", run(f, sizeof(f)) == 1);
	f[SECTOR + 128 + 66] = 1;
	check("package-storage-is-no-stream", run(f, sizeof(f)) == 0);
	file(f, "EncryptedPackagF", 1);
	check("other-name", run(f, sizeof(f)) == 0);
	/* Streams are opened by names in any case. */
	file(f, "eNCRYPTEDpACKAGE", 1);
	check("other-case", run(f, sizeof(f)) == 1);
	file(f, "EncryptedSummary", 1);
	check("powerpoint", run(f, sizeof(f)) == 1);
	file(f, "EncryptedPackage", 1);
	f[0] ^= 1;
	check("no-magic", run(f, sizeof(f)) == 0);
	memmove(f + SECTOR + 130, f + SECTOR + 128, 128);
	f[0] ^= 1;
	check("not-aligned", run(f, sizeof(f)) == 0);

	file(f, "WordDocument", 1);
	s = f + 2 * SECTOR;
	put16(s, 0xa5ec);
	check("word", run(f, sizeof(f)) == 0);
	put16(s + 10, 0x0100);
	check("word-encrypted", run(f, sizeof(f)) == 1);
	check("word-cut", run(f, 2 * SECTOR + 11) == 0);
	put16(s, 0xa5ed);
	check("word-no-fib", run(f, sizeof(f)) == 0);

	file(f, "Workbook", 1);
	put16(s, 0x0809);
	put16(s + 2, 16);
	put16(s + 20, 0x0042);
	put16(s + 22, 2);
	put16(s + 26, 0x002f);
	check("excel-encrypted", run(f, sizeof(f)) == 1);
	put16(s + 26, 0x0030);
	check("excel", run(f, sizeof(f)) == 0);
	put16(s + 2, 0xffff);
	check("excel-long-record", run(f, sizeof(f)) == 0);
	put16(s, 0x002f);
	check("excel-no-bof", run(f, sizeof(f)) == 0);

	file(f, "Workbook", 0xfffffffe);
	check("start-beyond", run(f, sizeof(f)) == 0);
	file(f, "WordDocument", 0xffffffff);
	check("start-wraps", run(f, sizeof(f)) == 0);

	/* Every length: nothing is read behind the end. */
	file(f, "WordDocument", 2);
	any = 0;
	for (i = 0; i <= sizeof(f); i++)
		any |= run(f, i);
	check("every-length", any == 0);
	return (failed);
}

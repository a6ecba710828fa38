/* SPDX-License-Identifier: ISC */

/*
 * The look into files: names and types here; whole files for t_docs.py.
 *
 *	test_inspect			the cases in here
 *	test_inspect NAME FILE		what is found in one attachment
 *
 * The second form works under the filter of a worker that has no engine, which
 * ends it at the first call that a worker may not make.  It prints a line
 * "file DEPTH TYPE FLAG,FLAG NAME" for each file, "flags ..." for all of them,
 * "finding ...", "scan NAME" for what an engine would be given, and "text"
 * with what follows until the end.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev.h"
#include "inspect.h"
#include "log.h"
#include "parts.h"
#include "sandbox.h"

static void	 say(const char *, ...)
		    __attribute__((__format__(printf, 1, 2)));

static int		 failed;
static char		*text;
static size_t		 textlen;
static struct facts	 facts;

static void
check(const char *name, int ok)
{
	printf("%s %s%s\n", ok ? "ok" : "not ok", name,
	    ok ? "" : " - wrong answer");
	if (!ok)
		failed = 1;
}

/* stdio asks more of the kernel than a worker may. */
static void
say(const char *fmt, ...)
{
	char	 buf[2048];
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(buf) ||
	    write(1, buf, (size_t)n) != n)
		abort();
}

static uint32_t
flags_of(const char *name)
{
	return (name_flags(name, strlen(name)));
}

static void
t_names(void)
{
	char	 buf[8];

	check("plain-name", flags_of("report 2024.pdf") == 0 &&
	    flags_of("\xea\xb8\xb0\xeb\xb0\x80.docx") == 0);
	check("double-extension", flags_of("invoice.pdf.exe") ==
	    FF_DOUBLE_EXT && flags_of("a/b.jpg .scr") & FF_DOUBLE_EXT &&
	    flags_of("x.tar.gz") == 0 && flags_of("setup.exe") == 0 &&
	    flags_of("v1.2.exe") == 0);
	check("bidi", flags_of("doc\xe2\x80\xae" "fdp.exe") & FF_BIDI);
	check("deceptive", flags_of("a.exe.") & FF_BAD_NAME &&
	    flags_of("a.txt            .exe") & FF_BAD_NAME &&
	    flags_of("a\nb") & FF_BAD_NAME);
	check("mixed-script", flags_of("p\xd0\xb0ypal.pdf") &
	    FF_MIXED_SCRIPT && flags_of("\xd0\xbe\xd1\x82.pdf") == 0);
	check("traversal", flags_of("../../etc/passwd") & FF_TRAVERSAL &&
	    flags_of("a\\..\\b") & FF_TRAVERSAL &&
	    flags_of("/etc/x") & FF_TRAVERSAL &&
	    flags_of("C:\\x") & FF_TRAVERSAL && flags_of("a..b/c") == 0);
	check("mismatch", name_mismatch(FT_PE, "a.pdf", 5, "", 0) ==
	    FF_MISMATCH && name_mismatch(FT_PDF, "a.pdf", 5,
	    "application/pdf", 15) == 0 && name_mismatch(FT_PE, "a", 1,
	    "image/png", 9) == FF_MISMATCH);
	name_copy(buf, sizeof(buf), "ab\xff\n\xea\xb8\xb0\xea\xb8\xb0", 10);
	check("copy", strcmp(buf, "ab??\xea\xb8\xb0") == 0);
}

static void
t_facts(void)
{
	struct file_fact	 f, out;
	uint32_t		 bit;
	int			 i, ok;

	for (ok = 1, i = 0; i < FT_MAX; i++)
		ok = ok && fact_type_find(fact_type_name((unsigned int)i)) ==
		    i && fact_flag_find(fact_type_name((unsigned int)i)) == 0;
	for (i = 0; i < FC_MAX; i++)
		ok = ok && fact_class_find(fact_class_name((unsigned int)i)) ==
		    i;
	for (bit = 1; bit <= FF_ALL; bit <<= 1)
		ok = ok && fact_flag_find(fact_flag_name(bit)) == bit;
	check("words", ok && fact_type_find("none") == -1);

	facts_init(&facts);
	memcpy(&f, facts_add(&facts, 1, 2, FT_PE, FF_EXECUTABLE, 7, "a\nb",
	    3), sizeof(f));
	check("wire", facts_get(&f, 2, &out) == 0 &&
	    strcmp(out.name, "a?b") == 0 && facts_get(&f, 1, &out) == -1);
	f.type = FT_MAX;
	ok = facts_get(&f, 2, &out) == -1;
	f.type = FT_PE;
	f.flags |= FF_ALL + 1;
	ok = ok && facts_get(&f, 2, &out) == -1;
	f.flags = 0;
	f.name[1] = '\n';
	ok = ok && facts_get(&f, 2, &out) == -1;
	memset(f.name, 'a', sizeof(f.name));
	check("wire-refused", ok && facts_get(&f, 2, &out) == -1);
	for (i = 0; i < 2 * FACTS_MAX; i++)
		facts_add(&facts, 0, 0, FT_TEXT, i == 400 ? FF_BOMB : 0, 1,
		    "x", 1);
	check("full-list", facts.n == FACTS_MAX &&
	    facts.dropped == FACTS_MAX + 1 && (facts.flags & FF_BOMB) != 0);
}

static void
flags_print(uint32_t flags)
{
	uint32_t	 bit;
	const char	*sep;

	sep = "";
	for (bit = 1; bit <= FF_ALL; bit <<= 1)
		if (flags & bit) {
			say("%s%s", sep, fact_flag_name(bit));
			sep = ",";
		}
	if (*sep == '\0')
		say("-");
}

static void
take_text(void *arg, uint32_t part, const uint8_t *p, size_t len)
{
	char	*bigger;

	if ((bigger = realloc(text, textlen + len)) == NULL)
		abort();
	text = bigger;
	memcpy(text + textlen, p, len);
	textlen += len;
}

static void
take_member(void *arg, uint32_t part, const uint8_t *p, size_t len,
    const char *name)
{
	say("scan %s %.*s\n", name, len < 20 ? (int)len : 20,
	    (const char *)p);
}

static uint8_t *
load(const char *path, size_t *len)
{
	uint8_t	*p;
	off_t	 size;
	int	 fd;

	if ((fd = open(path, O_RDONLY)) == -1 ||
	    (size = lseek(fd, 0, SEEK_END)) == -1 ||
	    (p = malloc((size_t)size + 1)) == NULL ||
	    pread(fd, p, (size_t)size, 0) != size)
		exit(1);
	close(fd);
	*len = (size_t)size;
	/* At the end of its memory, for the sanitizer. */
	return (realloc(p, *len == 0 ? 1 : *len));
}

static void
report(const struct result *r)
{
	uint32_t	 i;

	for (i = 0; i < facts.n; i++) {
		say("file %u %s ", facts.file[i].depth,
		    fact_type_name(facts.file[i].type));
		flags_print(facts.file[i].flags);
		say(" %s\n", facts.file[i].name);
	}
	say("flags ");
	flags_print(facts.flags);
	say("\n");
	if (r->nhits > 0)
		say("finding %s\n", r->name);
	say("text\n");
	if (write(1, text, textlen) == -1)
		abort();
}

static void
one_file(const char *name, const char *path)
{
	static const struct inspect_limits	 limits = {
		100 * MIB, 16, 10000
	};
	struct arena_head	 head;
	struct arena_part	 part;
	struct parts		 parts;
	struct result		 r;
	struct scan		 scan;
	size_t			 len;

	memset(&head, 0, sizeof(head));
	memset(&part, 0, sizeof(part));
	memset(&parts, 0, sizeof(parts));
	memset(&scan, 0, sizeof(scan));
	parts.msg = load(path, &len);
	parts.msg_len = len;
	parts.head = &head;
	parts.part = &part;
	parts.map = (const uint8_t *)name;
	head.nparts = 1;
	part.len = len;
	part.name_len = (uint32_t)strlen(name);
	scan.parts = &parts;
	scan.due = now_ms() + 60000;
	scan.facts = &facts;
	scan.text = take_text;
	facts_init(&facts);
	result_init(&r);
	doctext_init();
	if (unarchive_init() == -1)
		exit(1);
	sandbox_seccomp(scanner_none_worker_rules, scanner_nnone_worker_rules);
	inspect_parts(&scan, &r, &limits, take_member, NULL);
	report(&r);
	_exit(0);
}

int
main(int argc, char *argv[])
{
	log_init(LOG_TO_STDERR, "test", 0);
	if (argc == 3)
		one_file(argv[1], argv[2]);
	t_names();
	t_facts();
	return (failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * Archives whose list and whose members do not agree, as libclamav reports
 * them: each case is a row of events and the finding that they must make.
 */

#include <stdio.h>
#include <string.h>

#include "scanner.h"

#define MAX	1000	/* bytes of a member */

/* One event; a zeroed one ends a row. */
struct event {
	char		 what;	/* 'e' layer, 'm' member, 'v' match */
	const char	*type;	/* of libclamav; of a match its name */
	const char	*name;
	uint64_t	 size;
	uint32_t	 n;	/* level, or position in the list */
	int		 flag;	/* carved; encrypted */
};

struct row {
	const char	*name;
	enum verdict	 verdict;
	const char	*reason;
	struct event	 ev[12];
};

static const char	 bytes[4 * MAX];
static const char	 ace[64] = "1234567**ACE**";
static const char	 gzip[64] = "\x1f\x8b\x08";
static const char	 nogzip[64] = "\x1f\x8b\x07";

#define ENTER(t, l)	{ 'e', t, "x", 100, l, 0 }
#define CHILD(n, l)	{ 'e', "CL_TYPE_TEXT_ASCII", n, 100, l, 0 }
#define CARVED(n, l)	{ 'e', "CL_TYPE_TEXT_ASCII", n, 100, l, 1 }
#define MEMBER(t, n, p)	{ 'm', t, n, 100, p, 0 }
#define ZIP		"CL_TYPE_ZIP"
#define TEN(n)		"0123456789" n

static const struct row	 rows[] = {
	{ "all-came", VERDICT_CLEAN, "",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "a", 1), MEMBER(ZIP, "a", 1),
	    MEMBER(ZIP, "b", 2), MEMBER(ZIP, "b", 2), CHILD("a", 1),
	    CHILD("b", 1) } },
	{ "one-missing", VERDICT_UNSCANNABLE,
	    "broken archive (ZIP, 1 of 2 members opened) x",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "a", 1), MEMBER(ZIP, "b", 2),
	    CHILD("a", 1) } },
	{ "nothing-came", VERDICT_UNSCANNABLE, "broken archive (ZIP) x",
	    { ENTER(ZIP, 0) } },
	{ "carved-is-no-member", VERDICT_UNSCANNABLE,
	    "broken archive (ZIP, 1 of 2 members opened) x",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "a", 1), MEMBER(ZIP, "b", 2),
	    CHILD("a", 1), CARVED("b", 1) } },
	{ "directories-and-tiny", VERDICT_CLEAN, "",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "d/", 1),
	    { 'm', ZIP, "t", 5, 2, 0 } } },
	{ "encrypted-does-not-come", VERDICT_UNSCANNABLE,
	    "encrypted archive top",
	    { ENTER(ZIP, 0), { 'm', ZIP, "a", 100, 1, 1 },
	    { 'v', "Heuristics.Encrypted.Zip", "", 0, 0, 0 } } },
	{ "bomb", VERDICT_UNSCANNABLE, "limit: file size big",
	    { ENTER(ZIP, 0), { 'm', ZIP, "big", MAX + 1, 1, 0 },
	    CHILD("big", 1) } },
	{ "cut-off", VERDICT_UNSCANNABLE, "limit: file size big",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "big", 1),
	    { 'e', "CL_TYPE_BINARY_DATA", "big", MAX, 1, 0 } } },
	{ "zip64", VERDICT_CLEAN, "",
	    { ENTER(ZIP, 0), { 'm', ZIP, "a", UINT32_MAX, 1, 0 },
	    CHILD("a", 1) } },
	{ "inner-missing", VERDICT_UNSCANNABLE,
	    "broken archive (ZIP, 0 of 1 members opened) in.zip",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "in.zip", 1), MEMBER(ZIP, "z", 2),
	    { 'e', ZIP, "in.zip", 100, 1, 0 }, MEMBER(ZIP, "a", 1),
	    CHILD("z", 1) } },
	{ "inner-came", VERDICT_CLEAN, "",
	    { ENTER(ZIP, 0), MEMBER(ZIP, "in.zip", 1), MEMBER(ZIP, "z", 2),
	    { 'e', ZIP, "in.zip", 100, 1, 0 }, MEMBER(ZIP, "a", 1),
	    CHILD("a", 2), CHILD("z", 1) } },
	{ "behind-program", VERDICT_CLEAN, "",
	    { ENTER("CL_TYPE_MSEXE", 0), MEMBER(ZIP, "d/a", 0),
	    CHILD("a", 2), MEMBER(ZIP, "b", 0), CHILD("b", 2) } },
	{ "behind-program-missing", VERDICT_UNSCANNABLE,
	    "broken archive (ZIP) d/a",
	    { ENTER("CL_TYPE_MSEXE", 0), MEMBER(ZIP, "d/a", 0),
	    MEMBER(ZIP, "b", 0), CHILD("b", 2) } },
	{ "behind-program-other", VERDICT_UNSCANNABLE,
	    "broken archive (ZIP) a",
	    { ENTER("CL_TYPE_MSEXE", 0), MEMBER(ZIP, "a", 0),
	    CHILD("other", 2) } },
	{ "garbage-behind-magic", VERDICT_CLEAN, "",
	    { ENTER("CL_TYPE_MSEXE", 0), MEMBER(ZIP, "\001\002", 0) } },
	{ "seven-zip", VERDICT_CLEAN, "",
	    { ENTER("CL_TYPE_7Z", 0), MEMBER("CL_TYPE_7Z", "a", 0),
	    CHILD("a", 1), MEMBER("CL_TYPE_7Z", "b", 1), CHILD("b", 1) } },
	{ "seven-zip-nothing", VERDICT_UNSCANNABLE,
	    "broken archive (7Z, 0 of 2 members opened) x",
	    { ENTER("CL_TYPE_7Z", 0), MEMBER("CL_TYPE_7Z", "a", 0),
	    MEMBER("CL_TYPE_7Z", "b", 1) } },
	{ "rar", VERDICT_UNSCANNABLE,
	    "archive type RAR cannot be opened: x",
	    { ENTER("CL_TYPE_RAR", 0) } },
	{ "rar-opened", VERDICT_CLEAN, "",
	    { ENTER("CL_TYPE_RAR", 0), CHILD("a", 1) } },
	{ "ace", VERDICT_UNSCANNABLE, "archive type ACE cannot be opened: x",
	    { { 'e', "CL_TYPE_BINARY_DATA", "x", 64, 0, 2 } } },
	{ "gzip-junk", VERDICT_UNSCANNABLE, "broken archive (GZIP) x",
	    { { 'e', "CL_TYPE_GZ", "x", 64, 0, 3 } } },
	{ "gzip-by-chance", VERDICT_CLEAN, "",
	    { { 'e', "CL_TYPE_GZ", "x", 64, 0, 4 } } },
	{ "mail-members", VERDICT_CLEAN, "",
	    { ENTER("CL_TYPE_MAIL", 0), { 'e', ZIP, "a.zip", 100, 1, 0 },
	    MEMBER(ZIP, "a", 1), CHILD("a", 2),
	    MEMBER("CL_TYPE_MAIL", "b.txt", 5), CHILD("b.txt", 1) } },
	{ "too-deep", VERDICT_UNSCANNABLE, "limit: archive depth top",
	    { ENTER(ZIP, LAYERS_MAX) } },
	{ "virus-beats-limit", VERDICT_VIRUS, "Some.Virus",
	    { { 'v', "Heuristics.Limits.Exceeded.MaxFiles", "", 0, 0, 0 },
	    { 'v', "Some.Virus", "", 0, 0, 0 },
	    { 'v', "Other.Virus", "", 0, 0, 0 } } },
	{ "time-out", VERDICT_SCANNER_FAILED, "time-out",
	    { { 'v', "Heuristics.Limits.Exceeded.MaxScanTime", "", 0, 0, 0 },
	    { 'v', "Heuristics.Limits.Exceeded.MaxFiles", "", 0, 0, 0 } } },
	{ "unknown-limit", VERDICT_UNSCANNABLE, "limit top",
	    { { 'v', "Heuristics.Limits.Exceeded.New", "", 0, 0, 0 } } },
	{ "encrypted-pdf", VERDICT_UNSCANNABLE, "encrypted document top",
	    { { 'v', "Heuristics.Encrypted.PDF", "", 0, 0, 0 } } },
	{ "name-not-ascii", VERDICT_VIRUS, "a?b?",
	    { { 'v', "a\033b\xff", "", 0, 0, 0 } } },
	{ "name-empty", VERDICT_VIRUS, "?", { { 'v', "", "", 0, 0, 0 } } },
	{ "name-long", VERDICT_VIRUS, TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(
	    TEN(TEN(TEN(TEN("0123456")))))))))))),
	    { { 'v', TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(TEN(
	    TEN("")))))))))))))), "", 0, 0, 0 } } },
};

static const char *
body(const struct event *e, const char *parent)
{
	switch (e->flag) {
	case 1:
		return (parent + 1);
	case 2:
		return (ace);
	case 3:
		return (gzip);
	case 4:
		return (nogzip);
	default:
		/* Each level in memory of its own. */
		return (bytes + 200 * (e->n % 10));
	}
}

int
main(void)
{
	static struct layers	 ls;
	const struct event	*e;
	const struct row	*row;
	struct result		 r;
	size_t			 i;
	int			 failed;

	failed = 0;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = &rows[i];
		result_init(&r);
		layers_init(&ls, &r, 0, MAX, "top");
		for (e = row->ev; e->what != '\0'; e++) {
			if (e->what == 'e')
				layers_enter(&ls, e->type, e->name,
				    body(e, bytes), e->size, e->n);
			else if (e->what == 'm')
				layers_member(&ls, e->type, e->name, e->size,
				    e->flag, e->n);
			else
				layers_match(&ls, e->type);
		}
		layers_finish(&ls);
		if (r.verdict == (uint32_t)row->verdict &&
		    strcmp(r.name, row->reason) == 0)
			printf("ok %s\n", row->name);
		else {
			printf("not ok %s - %s \"%s\"\n", row->name,
			    r.verdict == VERDICT_CLEAN ? "clean" :
			    "not clean", r.name);
			failed = 1;
		}
	}
	return (failed);
}

/* SPDX-License-Identifier: ISC */

/*
 * Does it work?  Before a loader says that it is ready, a message with the
 * EICAR test string as its body goes the whole way that real messages go:
 * queue, descriptors, a worker in its full confinement, the engine, the
 * answer.  So a set of signatures that cannot be used, or a sandbox that a
 * new library no longer fits into, is noticed before mail is trusted to it.
 *
 * A site's own signatures may not know EICAR; that is logged and no more.
 */

#include <sys/mman.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "parts.h"
#include "scanner.h"

static const char	 head[] = "Subject: self-test\r\n\r\n";

/* The test string, one letter off, so that no file of ours contains it. */
static const char	 eicar[] =
    "W4N O$?@OZ3[OYW43'O](6BB(6|#DHB@Q,RS@MC@QC,@MSHUHQTR,SDRS,EHKD #G*G)";

static struct {
	struct job	*job;
	void		(*done)(int);
	int		 finds;		/* viruses are looked for */
} test;

static int	 memfd_sealed(const void *, size_t, const void *, size_t);
static void	 arena_fill(struct arena_head *, struct arena_part *, size_t);

static int
memfd_sealed(const void *a, size_t alen, const void *b, size_t blen)
{
	int	 fd;

	fd = memfd_create("self-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		fatal("memfd_create");
	if (write(fd, a, alen) != (ssize_t)alen ||
	    write(fd, b, blen) != (ssize_t)blen)
		fatal("write to memfd");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_SEAL) == -1)
		fatal("F_ADD_SEALS");
	return (fd);
}

static void
arena_fill(struct arena_head *h, struct arena_part *p, size_t bodylen)
{
	memset(h, 0, sizeof(*h));
	memset(p, 0, sizeof(*p));
	h->magic = ARENA_MAGIC;
	h->nparts = 1;
	h->size = sizeof(*h) + sizeof(*p);
	h->parts_off = sizeof(*h);
	h->strings_off = h->size;
	p->off = p->raw_off = sizeof(head) - 1;
	p->len = p->raw_len = bodylen;
	p->encoding = ENC_IDENTITY;
	p->flags = PART_TEXT;
}

void
selftest_prepare(void)
{
	struct arena_head	 h;
	struct arena_part	 p;
	char			 body[sizeof(eicar)];
	size_t			 i, len;

	len = sizeof(eicar) - 1;
	for (i = 0; i < len; i++)
		body[i] = (char)(eicar[i] + 1);
	arena_fill(&h, &p, len);
	if ((test.job = calloc(1, sizeof(*test.job))) == NULL)
		fatal("calloc");
	test.job->req.size = sizeof(head) - 1 + len;
	test.job->req.arena_size = h.size;
	test.job->msgfd = memfd_sealed(head, sizeof(head) - 1, body, len);
	test.job->arenafd = memfd_sealed(&h, sizeof(h), &p, sizeof(p));
}

void
selftest_start(int finds, void (*done)(int))
{
	test.done = done;
	test.finds = finds;
	dispatch_submit(test.job);
}

int
selftest_done(const struct job *job, const struct msg_scan_done *done)
{
	if (test.job == NULL || job != test.job)
		return (0);
	test.job = NULL;
	if (done->verdict == VERDICT_VIRUS ||
	    (done->verdict == VERDICT_CLEAN && !test.finds))
		log_debug("self-test: %s %s",
		    proto_verdict_name(done->verdict), done->name);
	else
		log_warnx("self-test: the EICAR test string is %s%s%s",
		    proto_verdict_name(done->verdict),
		    done->name[0] == '\0' ? "" : ": ", done->name);
	test.done(done->verdict != VERDICT_SCANNER_FAILED);
	return (1);
}

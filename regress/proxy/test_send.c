/* SPDX-License-Identifier: ISC */

/*
 * outgoing.c: which frames of the store are a message to send, in which order;
 * what is sent is what they said.  sending.c is replaced.
 */

#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "sending.h"
#include "unit.h"

static int		 bad_frame(uint32_t, uint64_t, const void *, size_t,
			    int);
static int		 file(void);
static void		 run(void);

static struct imsgbuf	 ib;
static uint64_t		 under_way;	/* id */
static unsigned int	 nstarted, nstopped;
static char		 started[64];	/* recipients */
static size_t		 started_len;

/* What outgoing.c calls. */

void
store_want_write(void)
{
}

int
sending_is(uint64_t id)
{
	return (under_way == id);
}

int
sending_room(void)
{
	return (1);
}

void
sending_start(struct imsgbuf *i, uint64_t id, const struct msg_send *m,
    char *rcpt, size_t rcpt_len, int fd, uint64_t size)
{
	nstarted++;
	if (rcpt_len <= sizeof(started))
		memcpy(started, rcpt, rcpt_len);
	started_len = rcpt_len;
	free(rcpt);
	close(fd);
}

void
sending_stop(void)
{
	nstopped++;
}

static int
file(void)
{
	int	 fd;

	if ((fd = memfd_create("test", MFD_CLOEXEC)) == -1)
		abort();
	return (fd);
}

/* Is it refused?  Takes fd. */
static int
bad_frame(uint32_t type, uint64_t id, const void *data, size_t len, int fd)
{
	struct imsg	 imsg;
	int		 ret;

	memset(&imsg, 0, sizeof(imsg));
	imsg.type = type;
	imsg.id = id;
	imsg.data = data;
	imsg.len = len;
	imsg.fd = fd;
	ret = outgoing_frame(&ib, &imsg);
	imsg_free(&imsg);
	return (ret == -1);
}

#define CASE(name, cond)	unit_case(name, (cond) ? NULL : "is not so")

static void
run(void)
{
	struct msg_send	 m, good;
	struct msg_mail	 mail;

	memset(&good, 0, sizeof(good));
	good.dest.family = 4;
	good.nrcpt = 2;
	mail.size = 0;
	m = good;
	m.dest.family = 0;
	CASE("no server", bad_frame(IMSG_SEND, 1, &m, sizeof(m), -1));
	m = good;
	m.nrcpt = 0;
	CASE("no recipient", bad_frame(IMSG_SEND, 1, &m, sizeof(m), -1));
	m.nrcpt = SMTP_RCPT_MAX + 1;
	CASE("too many", bad_frame(IMSG_SEND, 1, &m, sizeof(m), -1));
	m = good;
	memset(m.from, 'x', sizeof(m.from));
	CASE("a sender without an end", bad_frame(IMSG_SEND, 1, &m, sizeof(m),
	    -1));
	strlcpy(m.from, "a@b\r\nDATA", sizeof(m.from));
	CASE("a sender of two lines", bad_frame(IMSG_SEND, 1, &m, sizeof(m),
	    -1));
	CASE("recipients of nothing", bad_frame(IMSG_SEND_RCPT, 1, "a", 2,
	    -1));
	CASE("a message of nothing", bad_frame(IMSG_SEND_MAIL, 1, &mail,
	    sizeof(mail), file()));
	CASE("another frame", bad_frame(IMSG_CTL_REQ, 1, "", 0, -1));
	CASE("a good one", !bad_frame(IMSG_SEND, 1, &good, sizeof(good), -1));
	CASE("two at a time", bad_frame(IMSG_SEND, 2, &good, sizeof(good),
	    -1));
	CASE("recipients of another", bad_frame(IMSG_SEND_RCPT, 2, "a", 2,
	    -1));
	CASE("a recipient of two lines", bad_frame(IMSG_SEND_RCPT, 1,
	    "a\r\nb", 5, -1));
	CASE("three for two", bad_frame(IMSG_SEND_RCPT, 1, "a\0b\0c", 6, -1));
	CASE("the first", !bad_frame(IMSG_SEND_RCPT, 1, "a@b", 4, -1));
	CASE("a message too early", bad_frame(IMSG_SEND_MAIL, 1, &mail,
	    sizeof(mail), file()));
	CASE("the second", !bad_frame(IMSG_SEND_RCPT, 1, "c@d", 4, -1));
	CASE("a third", bad_frame(IMSG_SEND_RCPT, 1, "e", 2, -1));
	mail.size = MAX_MESSAGE_SIZE + 1;
	CASE("a message too big", bad_frame(IMSG_SEND_MAIL, 1, &mail,
	    sizeof(mail), file()));
	mail.size = 0;
	CASE("its message", !bad_frame(IMSG_SEND_MAIL, 1, &mail, sizeof(mail),
	    file()) && nstarted == 1);
	CASE("all of it", started_len == 8 &&
	    memcmp(started, "a@b\0c@d", 8) == 0);
	under_way = 1;
	CASE("its id once more", bad_frame(IMSG_SEND, 1, &good, sizeof(good),
	    -1));
	CASE("half of one", !bad_frame(IMSG_SEND, 2, &good, sizeof(good),
	    -1) && !bad_frame(IMSG_SEND_RCPT, 2, "a", 2, -1));
	outgoing_lost();
	CASE("forgotten with the store", !bad_frame(IMSG_SEND, 2, &good,
	    sizeof(good), -1) && nstopped == 1);
	outgoing_lost();
}

int
main(void)
{
	int	 sv[2], before, after;

	before = file();
	close(before);
	if ((proxy.conf = conf_new()) == NULL || imsg_pair(sv) == -1)
		abort();
	close(sv[1]);
	imsgbuf_init(&ib, sv[0], PROC_PROXY, PROC_STORE);
	run();
	conf_unref(proxy.conf);
	imsgbuf_clear(&ib);
	after = file();
	close(after);
	unit_case("no descriptor is lost", before == after ? NULL :
	    "%d, %d", before, after);
	return (unit_status());
}

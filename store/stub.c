/* SPDX-License-Identifier: ISC */

/* What is not written yet. */

#include <errno.h>
#include <unistd.h>

#include "store.h"

__attribute__((__weak__)) void
control_listen(int fd)
{
	close(fd);
}

__attribute__((__weak__)) void
control_answer(struct peer *p, struct imsg *imsg)
{
}

__attribute__((__weak__)) void
control_lost(struct peer *p)
{
}

#define WEAK	__attribute__((__weak__))

WEAK void member_conf(void) { }
WEAK void
member_send_all(struct peer *p)
{
	peer_compose(p, IMSG_MEMBER_ALL, 0, -1, NULL, 0);
}
WEAK void member_stream(struct peer *p) { }
WEAK void member_expire(void) { }
WEAK void member_recount(void) { }
WEAK void member_wish(const struct msg_member *m) { }
WEAK int
member_add(const char *table, const char *key, uint64_t expires,
    const char *why)
{
	errno = ENOSYS;
	return (-1);
}
WEAK int
member_delete(const char *table, const char *key)
{
	errno = ENOSYS;
	return (-1);
}
WEAK int
member_flush(const char *table)
{
	errno = ENOSYS;
	return (-1);
}
WEAK int record_frame(struct peer *p, struct imsg *imsg) { return (0); }
WEAK void record_forget(struct peer *p) { }
WEAK void record_committed(int error) { }
WEAK void record_expire(void) { }
WEAK int
quarantine_open(uint64_t number)
{
	errno = ENOENT;
	return (-1);
}
WEAK int
quarantine_delete(uint64_t number)
{
	errno = ENOENT;
	return (-1);
}
WEAK void quarantine_repair(void) { }
WEAK void quarantine_expire(void) { }
WEAK int quarantine_sync(void) { return (0); }
WEAK void quarantine_committed(int error) { }
WEAK int
send_start(uint64_t number, const char *rcpt,
    void (*done)(void *, const struct msg_send_done *), void *arg)
{
	errno = EAGAIN;
	return (-1);
}
WEAK void send_forget(void *arg) { }
WEAK int send_frame(struct peer *p, struct imsg *imsg) { return (-1); }
WEAK void send_lost(struct peer *p) { }

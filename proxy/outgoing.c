/* SPDX-License-Identifier: ISC */

/*
 * Messages that the store wants sent: its frames, and what it hears.  Sending
 * them is sending.c's business.
 */

#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "sending.h"
#include "utf8.h"

static int	 frame_send(const struct imsg *);
static int	 frame_rcpt(const struct imsg *);
static int	 frame_mail(struct imsgbuf *, struct imsg *);
static void	 frames_reset(void);

/* What has come of a message; its frames are not mixed with others. */
static struct {
	int		 is_open;
	uint64_t	 id;
	struct msg_send	 m;
	char		*rcpt;
	size_t		 rcpt_len;
	uint32_t	 nrcpt;
	const char	*why;		/* it will not be sent, or NULL */
} frames;

void
outgoing_answer(struct imsgbuf *ib, uint64_t id, int code, uint32_t naccepted,
    const char *text)
{
	struct msg_send_done	 d;

	memset(&d, 0, sizeof(d));
	d.code = (uint32_t)code;
	d.naccepted = naccepted;
	utf8_plain(d.text, sizeof(d.text), text, strlen(text));
	/* Should the store be gone, its channel says so. */
	if (imsg_compose(ib, IMSG_SEND_DONE, id, -1, &d, sizeof(d)) == -1)
		log_warn("store");
	store_want_write();
}

static void
frames_reset(void)
{
	free(frames.rcpt);
	memset(&frames, 0, sizeof(frames));
}

static int
frame_send(const struct imsg *imsg)
{
	struct msg_send	*m;

	if (frames.is_open || sending_is(imsg->id))
		return (-1);
	m = &frames.m;
	memcpy(m, imsg->data, sizeof(*m));
	if ((m->dest.family != 4 && m->dest.family != 6) || m->nrcpt == 0 ||
	    m->nrcpt > SMTP_RCPT_MAX ||
	    memchr(m->from, '\0', sizeof(m->from)) == NULL ||
	    proto_strings(m->from, strlen(m->from) + 1) != 1)
		return (-1);
	frames.is_open = 1;
	frames.id = imsg->id;
	if (proxy.conf == NULL)
		frames.why = "this process has no configuration yet";
	else if (proxy.draining)
		frames.why = "this process is ending";
	else if (!sending_room())
		frames.why = "too many messages are being sent";
	return (0);
}

static int
frame_rcpt(const struct imsg *imsg)
{
	char	*p;
	int	 n;

	n = proto_strings(imsg->data, imsg->len);
	if (!frames.is_open || frames.id != imsg->id || n == -1 ||
	    (uint32_t)n > frames.m.nrcpt - frames.nrcpt ||
	    imsg->len > RECORD_RCPT_BYTES_MAX - frames.rcpt_len)
		return (-1);
	frames.nrcpt += (uint32_t)n;
	if (frames.why != NULL)
		return (0);
	p = realloc(frames.rcpt, frames.rcpt_len + imsg->len);
	if (p == NULL) {
		frames.why = "out of memory";
		return (0);
	}
	frames.rcpt = p;
	memcpy(p + frames.rcpt_len, imsg->data, imsg->len);
	frames.rcpt_len += imsg->len;
	return (0);
}

static int
frame_mail(struct imsgbuf *ib, struct imsg *imsg)
{
	struct msg_mail	 mail;

	memcpy(&mail, imsg->data, sizeof(mail));
	if (!frames.is_open || frames.id != imsg->id ||
	    frames.nrcpt != frames.m.nrcpt || mail.size > MAX_MESSAGE_SIZE)
		return (-1);
	if (frames.why != NULL)
		outgoing_answer(ib, imsg->id, 0, 0, frames.why);
	else {
		sending_start(ib, imsg->id, &frames.m, frames.rcpt,
		    frames.rcpt_len, imsg_take_fd(imsg), mail.size);
		frames.rcpt = NULL;
	}
	frames_reset();
	return (0);
}

int
outgoing_frame(struct imsgbuf *ib, struct imsg *imsg)
{
	switch (imsg->type) {
	case IMSG_SEND:
		return (frame_send(imsg));
	case IMSG_SEND_RCPT:
		return (frame_rcpt(imsg));
	case IMSG_SEND_MAIL:
		return (frame_mail(ib, imsg));
	default:
		return (-1);
	}
}

void
outgoing_lost(void)
{
	frames_reset();
	sending_stop();
}

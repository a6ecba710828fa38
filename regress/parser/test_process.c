/* SPDX-License-Identifier: ISC */

/*
 * The parser as a process, confined as in service: this program is its
 * master and its proxies.  Needs root.
 */

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "conf.h"
#include "harness.h"
#include "imsg.h"
#include "limits.h"
#include "log.h"

#define WAIT_MS		30000
#define FILES		(4 + 2)		/* 0 to 3, two channels */
#define TEXT		"Subject: x\r\nContent-Transfer-Encoding: base64\r\n" \
			"\r\nQUJDREVG\r\n"

static pid_t		 parser;
static struct imsgbuf	 master;
static char		 rundir[64];

static int	 frame_wait(struct imsgbuf *, struct imsg *);
static void	 parser_start(const char *);
static void	 conf_send(void);
static void	 chan_open(struct imsgbuf *, uint32_t);
static int	 sealed(const void *, size_t, int);
static int	 ask(struct imsgbuf *, uint64_t, const char *, size_t,
		    const struct msg_parse_req *, int);
static int	 answer(struct imsgbuf *, uint64_t, const char *);
static int	 answer_to(struct imsgbuf *, uint64_t, const char *, size_t,
		    const char *);
static int	 closed(struct imsgbuf *);
static int	 status_has(const char *);
static unsigned int files_open(void);
static int	 exit_status(void);

/* 1 with a frame, 0 when the other end closed, -1 when nothing came. */
static int
frame_wait(struct imsgbuf *ib, struct imsg *imsg)
{
	struct pollfd	 pfd;
	int		 n;

	for (;;) {
		n = imsg_read(ib, imsg);
		if (n == 1)
			return (1);
		if (n == -1)
			return (errno == ECONNRESET ? 0 : -1);
		pfd.fd = ib->fd;
		pfd.events = POLLIN;
		if (poll(&pfd, 1, WAIT_MS) != 1)
			return (-1);
	}
}

static void
parser_start(const char *path)
{
	int	 sv[2], null;

	if (imsg_pair(sv) == -1)
		err(1, "imsg_pair");
	if ((parser = fork()) == -1)
		err(1, "fork");
	if (parser == 0) {
		if ((null = open("/dev/null", O_RDWR)) == -1 ||
		    dup2(sv[1], 100) == -1 || dup2(null, 0) == -1 ||
		    dup2(null, 1) == -1 || dup2(100, CHILD_FD_MASTER) == -1)
			_exit(126);
		closefrom(CHILD_FD_MASTER + 1);
		execle(path, "mailwall-parser", "7", (char *)NULL,
		    (char *[]){ NULL });
		_exit(127);
	}
	close(sv[1]);
	imsgbuf_init(&master, sv[0], PROC_MASTER, PROC_PARSER);
}

static void
conf_send(void)
{
	struct conf_globals	 g;

	memset(&g, 0, sizeof(g));
	g.message_max = DEF_MESSAGE_SIZE;
	snprintf(g.user_parser, sizeof(g.user_parser), "nobody");
	snprintf(g.rundir, sizeof(g.rundir), "%s", rundir);
	if (imsg_compose(&master, IMSG_CONF_BEGIN, 0, -1, &g,
	    sizeof(g)) == -1 ||
	    imsg_compose(&master, IMSG_CONF_END, 0, -1, NULL, 0) == -1)
		err(1, "configuration");
}

static void
chan_open(struct imsgbuf *ib, uint32_t instance)
{
	struct msg_chan	 mc;
	int		 sv[2];

	if (imsg_pair(sv) == -1)
		err(1, "imsg_pair");
	memset(&mc, 0, sizeof(mc));
	mc.peer = PROC_PROXY;
	mc.instance = instance;
	if (imsg_compose(&master, IMSG_CHAN, 0, sv[1], &mc,
	    sizeof(mc)) == -1)
		err(1, "channel");
	imsgbuf_init(ib, sv[0], PROC_PROXY, PROC_PARSER);
	ib->state = PEER_BUSY;
}

static int
sealed(const void *data, size_t len, int seals)
{
	int	 fd;

	fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len ||
	    (seals != 0 && fcntl(fd, F_ADD_SEALS, seals) == -1))
		err(1, "memfd");
	return (fd);
}

#define SEALS	(F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
ask(struct imsgbuf *ib, uint64_t id, const char *data, size_t len,
    const struct msg_parse_req *other, int seals)
{
	struct msg_parse_req	 req;

	memset(&req, 0, sizeof(req));
	req.session = id;
	req.size = len;
	req.max_parts = PARSE_PARTS_MAX;
	req.max_depth = PARSE_DEPTH_MAX;
	req.max_decoded = len * PARSE_DECODED_FACTOR + PARSE_DECODED_SLACK;
	if (other != NULL)
		req = *other;
	return (imsg_compose(ib, IMSG_PARSE_REQ, id, sealed(data, len,
	    seals), &req, sizeof(req)));
}

static int
answer(struct imsgbuf *ib, uint64_t id, const char *want)
{
	return (answer_to(ib, id, TEXT, sizeof(TEXT) - 1, want));
}

/* The answer to id: one part, as wanted. */
static int
answer_to(struct imsgbuf *ib, uint64_t id, const char *data, size_t datalen,
    const char *want)
{
	struct msg_parse_done	 done;
	struct parts		 p;
	struct imsg		 imsg;
	const uint8_t		*body;
	size_t			 len;
	int			 good, msg;

	if (frame_wait(ib, &imsg) != 1)
		return (0);
	memcpy(&done, imsg.data, sizeof(done));
	msg = sealed(data, datalen, SEALS);
	good = imsg.type == IMSG_PARSE_DONE && imsg.id == id &&
	    parts_open(&p, msg, datalen, imsg.fd,
	    done.arena_size) == 0;
	if (good) {
		body = parts_body(&p, 0, &len);
		good = done.nparts == 1 && done.limits == 0 &&
		    done.nparts == p.head->nparts && len == strlen(want) &&
		    (len == 0 || memcmp(body, want, len) == 0);
		parts_close(&p);
	}
	close(msg);
	imsg_free(&imsg);
	return (good);
}

static int
closed(struct imsgbuf *ib)
{
	struct imsg	 imsg;
	int		 n;

	n = frame_wait(ib, &imsg);
	if (n == 1)
		imsg_free(&imsg);
	imsgbuf_clear(ib);
	return (n == 0);
}

/* A line of /proc/PID/status. */
static int
status_has(const char *line)
{
	char	 path[64], buf[256];
	int	 found;
	FILE	*f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)parser);
	if ((f = fopen(path, "r")) == NULL)
		return (0);
	found = 0;
	while (fgets(buf, sizeof(buf), f) != NULL)
		if (strncmp(buf, line, strlen(line)) == 0 &&
		    buf[strlen(line)] == '\n')
			found = 1;
	fclose(f);
	return (found);
}

static unsigned int
files_open(void)
{
	char		 path[64];
	unsigned int	 n;
	DIR		*d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)parser);
	if ((d = opendir(path)) == NULL)
		err(1, "%s", path);
	for (n = 0; readdir(d) != NULL; n++)
		continue;
	closedir(d);
	/* "." and ".." */
	return (n - 2);
}

static int
exit_status(void)
{
	int	 status;

	if (waitpid(parser, &status, 0) != parser)
		err(1, "waitpid");
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 256 +
	    WTERMSIG(status));
}

static void
begin(const char *path)
{
	struct imsg	 imsg;
	int		 good;

	parser_start(path);
	conf_send();
	good = frame_wait(&master, &imsg) == 1 &&
	    imsg.type == IMSG_CONF_DONE;
	good = good && frame_wait(&master, &imsg) == 1 &&
	    imsg.type == IMSG_READY;
	harness_case("process-ready", good, "no answer");
	if (!good)
		exit(1);
	master.state = PEER_IDLE;
}

static void
confined(void)
{
	harness_case("process-uid", status_has(
	    "Uid:\t65534\t65534\t65534\t65534"), "still another");
	harness_case("process-caps",
	    status_has("CapPrm:\t0000000000000000") &&
	    status_has("CapEff:\t0000000000000000") &&
	    status_has("CapBnd:\t0000000000000000"), "some left");
	harness_case("process-no-new-privs", status_has("NoNewPrivs:\t1"),
	    "not set");
	harness_case("process-seccomp", status_has("Seccomp:\t2"),
	    "no filter");
}

static void
requests(struct imsgbuf *a, struct imsgbuf *b)
{
	uint64_t	 i;
	int		 good;

	good = ask(a, 1, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0 &&
	    answer(a, 1, "ABCDEF");
	harness_case("process-answer", good, "none, or another");
	good = ask(b, 2, "", 0, NULL, SEALS) == 0 &&
	    answer_to(b, 2, "", 0, "");
	harness_case("process-empty-message", good, "none, or another");
	good = 1;
	for (i = 0; i < 2000 && good; i++) {
		good = ask(a, i, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0 &&
		    ask(b, i, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0 &&
		    answer(b, i, "ABCDEF") && answer(a, i, "ABCDEF");
	}
	harness_case("process-many", good, "an answer was wrong");
	/* It closes the message after it has answered. */
	for (i = 0; i < WAIT_MS && files_open() != FILES; i++)
		poll(NULL, 0, 1);
	harness_case("process-descriptors", files_open() == FILES,
	    "some were left open");
}

/* Many requests before the first answer is taken. */
static void
impatient(struct imsgbuf *a)
{
	uint64_t	 i;
	int		 good;

	good = 1;
	for (i = 0; i < 500 && good; i++)
		good = ask(a, i, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0;
	for (i = 0; i < 500 && good; i++) {
		imsgbuf_flush(a);
		good = answer(a, i, "ABCDEF");
	}
	harness_case("process-queued", good, "an answer was wrong");
}

/* What takes other paths through the C library: memory, charsets. */
static void
large(struct imsgbuf *a)
{
	static const char	 head[] = "Subject: =?gb18030?b?suLK1A==?= "
				    "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=\r\n"
				    "Content-Transfer-Encoding: base64\r\n"
				    "\r\n";
	struct msg_parse_done	 done;
	struct parts		 p;
	struct imsg		 imsg;
	size_t			 len;
	char			*text;
	int			 good, msg;

	len = 16 * MIB;
	if ((text = malloc(len)) == NULL)
		err(1, "malloc");
	memset(text, 'Q', len);
	memcpy(text, head, sizeof(head) - 1);
	good = ask(a, 4, text, len, NULL, SEALS) == 0 &&
	    frame_wait(a, &imsg) == 1;
	if (good) {
		memcpy(&done, imsg.data, sizeof(done));
		msg = sealed(text, len, SEALS);
		good = parts_open(&p, msg, len, imsg.fd,
		    done.arena_size) == 0 && done.limits == 0 &&
		    p.part[0].len > 11 * MIB && p.head->subject_len == 12 &&
		    memcmp(parts_string(&p, p.head->subject_off),
		    "\xe6\xb5\x8b\xe8\xaf\x95\xe6\x97\xa5\xe6\x9c\xac",
		    12) == 0;
		parts_close(&p);
		close(msg);
		imsg_free(&imsg);
	}
	harness_case("process-large-and-charsets", good, "other parts");
	/* Many parts: the table grows. */
	snprintf(text, len, "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n");
	len = strlen(text);
	while (len < 60000) {
		memcpy(text + len, "--b\r\n", 5);
		len += 5;
	}
	good = ask(a, 5, text, len, NULL, SEALS) == 0 &&
	    frame_wait(a, &imsg) == 1;
	if (good) {
		memcpy(&done, imsg.data, sizeof(done));
		good = done.nparts == PARSE_PARTS_MAX &&
		    done.limits == LIMIT_PARTS;
		imsg_free(&imsg);
	}
	harness_case("process-many-parts", good, "other parts");
	good = ask(a, 6, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0 &&
	    answer(a, 6, "ABCDEF");
	harness_case("process-small-again", good, "none, or another");
	free(text);
}

static void
nonsense(void)
{
	struct msg_parse_req	 req;
	struct imsgbuf		 ib;
	struct msg_chan		 mc;

	memset(&req, 0, sizeof(req));
	req.size = sizeof(TEXT) - 1;
	req.max_parts = 1;
	req.max_depth = 1;
	req.max_decoded = 1 * MIB;
	chan_open(&ib, 10);
	ask(&ib, 1, TEXT, sizeof(TEXT) - 1, &req, 0);
	harness_case("process-unsealed", closed(&ib), "taken");
	chan_open(&ib, 11);
	req.size++;
	ask(&ib, 1, TEXT, sizeof(TEXT) - 1, &req, SEALS);
	harness_case("process-wrong-size", closed(&ib), "taken");
	req.size--;
	chan_open(&ib, 12);
	req.max_parts = PARSE_PARTS_MAX + 1;
	ask(&ib, 1, TEXT, sizeof(TEXT) - 1, &req, SEALS);
	harness_case("process-too-many-parts", closed(&ib), "taken");
	req.max_parts = 1;
	chan_open(&ib, 13);
	req.max_decoded = 100;
	ask(&ib, 1, TEXT, sizeof(TEXT) - 1, &req, SEALS);
	harness_case("process-no-budget", closed(&ib), "taken");
	/* A frame that the table does not have. */
	chan_open(&ib, 14);
	memset(&mc, 0, sizeof(mc));
	if (send(ib.fd, "garbage garbage", 16, MSG_NOSIGNAL) == -1)
		err(1, "send");
	harness_case("process-garbage", closed(&ib), "taken");
}

static void
ending(struct imsgbuf *a, struct imsgbuf *b)
{
	struct imsg	 imsg;
	int		 good;

	conf_send();
	harness_case("process-reload", frame_wait(&master, &imsg) == 1 &&
	    imsg.type == IMSG_CONF_DONE, "no answer");
	if (imsg_compose(&master, IMSG_DRAIN, 0, -1, NULL, 0) == -1)
		err(1, "drain");
	imsgbuf_clear(b);
	good = ask(a, 3, TEXT, sizeof(TEXT) - 1, NULL, SEALS) == 0 &&
	    answer(a, 3, "ABCDEF");
	harness_case("process-works-while-draining", good, "no answer");
	imsgbuf_clear(a);
	harness_case("process-drained", exit_status() == CHILD_OK,
	    "another status");
	imsgbuf_clear(&master);
}

int
main(void)
{
	struct imsgbuf	 a, b;
	const char	*o;
	char		 path[256], empty[80];

	log_init(LOG_TO_STDERR, "test_process", 0);
	signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0) {
		harness_case("process", 0, "needs root");
		return (1);
	}
	o = getenv("O");
	snprintf(path, sizeof(path), "%s/mailwall-parser",
	    o == NULL ? "obj" : o);
	snprintf(rundir, sizeof(rundir), "/tmp/mwparser.XXXXXX");
	if (mkdtemp(rundir) == NULL)
		err(1, "mkdtemp");
	snprintf(empty, sizeof(empty), "%s/empty", rundir);
	if (mkdir(empty, 0755) == -1)
		err(1, "%s", empty);

	begin(path);
	confined();
	chan_open(&a, 1);
	chan_open(&b, 2);
	requests(&a, &b);
	impatient(&a);
	large(&a);
	nonsense();
	ending(&a, &b);

	/* Master gone: the child goes too. */
	begin(path);
	imsgbuf_clear(&master);
	harness_case("process-master-gone", exit_status() == CHILD_OK,
	    "another status");
	rmdir(empty);
	rmdir(rundir);
	return (harness_failed > 0);
}

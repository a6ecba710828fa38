/* SPDX-License-Identifier: ISC */

/*
 * Numbers over HTTP (RFC 9110, RFC 9112): "GET /metrics", one request a
 * connection, and nothing else.  The listening sockets are master's.  Who
 * connects may be anybody: a connection has a bounded number of bytes and a
 * bounded time, there are few at one time, and the text is made once a second
 * however many ask.  All that a client can cost is its own connection.
 */

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define HEAD_MAX	512	/* of our answer */

struct http {
	TAILQ_ENTRY(http)	 entry;
	struct ev		 ev;
	struct evtimer		 timer;
	size_t			 nin;
	char			*out;		/* the answer, or NULL */
	size_t			 off, len;
	char			 in[METRICS_REQUEST_MAX + 1];
};

static void	 listen_event(int, uint32_t, void *);
static void	 http_event(int, uint32_t, void *);
static void	 http_late(void *);
static void	 http_free(struct http *);
static int	 http_read(struct http *);
static int	 http_write(struct http *);
static size_t	 head_length(const char *, size_t);
static int	 request(char *, int *);
static int	 answer(struct http *, int, int);

static struct ev	 listen_ev[METRICS_LISTENERS] = {
	{ .fd = -1 }, { .fd = -1 }
};
static unsigned int	 nlisten;
static TAILQ_HEAD(, http) clients = TAILQ_HEAD_INITIALIZER(clients);
static unsigned int	 nclients;

void
http_forget(void)
{
	int	 fd;

	while (nlisten > 0) {
		nlisten--;
		fd = listen_ev[nlisten].fd;
		ev_del(&listen_ev[nlisten]);
		close(fd);
	}
}

void
http_listen(int fd)
{
	if (nlisten == METRICS_LISTENERS)
		fatalx("too many sockets for metrics");
	if (ev_add(&listen_ev[nlisten], fd, EPOLLIN, listen_event,
	    NULL) == -1)
		fatal("ev_add");
	nlisten++;
}

static void
listen_event(int fd, uint32_t events, void *arg)
{
	struct http	*h;
	int		 s;

	s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1)
		return;
	/* Who asks is served at once; the oldest has not asked. */
	if (nclients == METRICS_CLIENTS_MAX)
		http_free(TAILQ_FIRST(&clients));
	if ((h = calloc(1, sizeof(*h))) == NULL) {
		close(s);
		return;
	}
	evtimer_init(&h->timer, http_late, h);
	evtimer_set(&h->timer, METRICS_TIME);
	if (ev_add(&h->ev, s, EPOLLIN, http_event, h) == -1) {
		log_warn("metrics");
		evtimer_del(&h->timer);
		close(s);
		free(h);
		return;
	}
	TAILQ_INSERT_TAIL(&clients, h, entry);
	nclients++;
}

static void
http_free(struct http *h)
{
	int	 fd;

	fd = h->ev.fd;
	ev_del(&h->ev);
	close(fd);
	evtimer_del(&h->timer);
	TAILQ_REMOVE(&clients, h, entry);
	nclients--;
	free(h->out);
	free(h);
}

static void
http_late(void *arg)
{
	http_free(arg);
}

static void
http_event(int fd, uint32_t events, void *arg)
{
	struct http	*h;

	h = arg;
	if (h->out == NULL && http_read(h) == -1) {
		http_free(h);
		return;
	}
	if (h->out != NULL && http_write(h) == -1)
		http_free(h);
}

/*
 * Bytes of the request line and the fields with the empty line that ends
 * them; 0: there is more to come.  A line may end by LF alone, RFC 9112
 * section 2.2.
 */
static size_t
head_length(const char *p, size_t n)
{
	size_t	 i;

	for (i = 0; i + 1 < n; i++) {
		if (p[i] != '\n')
			continue;
		if (p[i + 1] == '\n')
			return (i + 2);
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return (i + 3);
	}
	return (0);
}

/* The status for a request line, cut into words here; *head: it is HEAD. */
static int
request(char *line, int *head)
{
	char	*target, *version, *query;

	*head = 0;
	line[strcspn(line, "\r\n")] = '\0';
	if ((target = strchr(line, ' ')) == NULL)
		return (400);
	*target++ = '\0';
	if ((version = strchr(target, ' ')) == NULL)
		return (400);
	*version++ = '\0';
	if (target[0] != '/' || (strcmp(version, "HTTP/1.1") != 0 &&
	    strcmp(version, "HTTP/1.0") != 0))
		return (400);
	if ((query = strchr(target, '?')) != NULL)
		*query = '\0';
	*head = strcmp(line, "HEAD") == 0;
	if (!*head && strcmp(line, "GET") != 0)
		return (405);
	return (strcmp(target, "/metrics") == 0 ? 200 : 404);
}

/* Make the answer: 0, or -1. */
static int
answer(struct http *h, int status, int head)
{
	const char	*text, *reason;
	size_t		 len;
	int		 n;

	reason = "OK";
	if (status == 200) {
		if ((text = metrics_text(&len)) == NULL)
			return (-1);
	} else {
		reason = status == 400 ? "Bad Request" : status == 404 ?
		    "Not Found" : "Method Not Allowed";
		text = status == 404 ? "only /metrics is here\n" :
		    "not understood\n";
		len = strlen(text);
	}
	if ((h->out = malloc(HEAD_MAX + len)) == NULL)
		return (-1);
	n = snprintf(h->out, HEAD_MAX, "HTTP/1.1 %d %s\r\n"
	    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n%sCache-Control: no-store\r\n"
	    "Connection: close\r\n\r\n", status, reason, len,
	    status == 405 ? "Allow: GET, HEAD\r\n" : "");
	h->len = (size_t)n;
	if (!head) {
		memcpy(h->out + n, text, len);
		h->len += len;
	}
	ev_mod(&h->ev, EPOLLOUT);
	return (0);
}

/* 0, also when more must come, or -1: it is over. */
static int
http_read(struct http *h)
{
	ssize_t	 n;
	size_t	 len;
	int	 status, head;

	n = read(h->ev.fd, h->in + h->nin, METRICS_REQUEST_MAX - h->nin);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? 0 : -1);
	if (n == 0)
		return (-1);
	h->nin += (size_t)n;
	len = head_length(h->in, h->nin);
	if (len == 0)
		return (h->nin < METRICS_REQUEST_MAX ? 0 :
		    answer(h, 400, 0));
	if (memchr(h->in, '\0', len) != NULL)
		return (answer(h, 400, 0));
	h->in[len] = '\0';
	status = request(h->in, &head);
	return (answer(h, status, head));
}

/* 0, or -1: it is over, well or not. */
static int
http_write(struct http *h)
{
	ssize_t	 n;

	n = write(h->ev.fd, h->out + h->off, h->len - h->off);
	if (n == -1)
		return (errno == EAGAIN || errno == EINTR ? 0 : -1);
	h->off += (size_t)n;
	return (h->off < h->len ? 0 : -1);
}

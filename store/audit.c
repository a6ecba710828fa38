/* SPDX-License-Identifier: ISC */

/*
 * A line of JSON for each record, in a file that master has opened ("audit
 * file"), or to the journal, on a socket that it has connected ("audit
 * journal").  Mail does not depend on it: a line that cannot be written is
 * counted and gone.
 *
 * What was kept or copied and is passed on has no reply yet when its record
 * comes; its line waits for the reply, and the oldest goes without when too
 * many wait.
 */

#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "store.h"

#define COMPLAIN_MS	60000	/* between lines of the log about losses */

/* A line that waits for the server's reply. */
struct line {
	TAILQ_ENTRY(line)	 entry;
	uint64_t		 number;	/* of the record */
	uint64_t		 session;
	uint64_t		 since;		/* ms */
	size_t			 head;		/* fields before the JSON */
	struct json		 json;
};

/* Where lines go. */
struct target {
	int	 fd;		/* -1: nowhere */
	int	 is_journal;	/* a datagram a line, fields before it */
};

static void	 envelope(struct json *, const struct msg_record *);
static void	 outcome(struct json *, const struct msg_record *);
static void	 fact(struct json *, const char *);
static size_t	 unquote(const char *, char *, const char **);
static int	 is_number(const char *, size_t);
static void	 lost(const char *);
static void	 write_file(const uint8_t *, size_t);
static void	 finish(struct line *, const char *, uint32_t);
static void	 release(struct line *, const char *, uint32_t);

static TAILQ_HEAD(, line) waiting = TAILQ_HEAD_INITIALIZER(waiting);
static unsigned int	 nwaiting;
static size_t		 nbytes;	/* of their text */
static struct target	 current = { -1, 0 };	/* the one in use */
static struct target	 next = { -1, 0 };	/* of the configuration to
						   come */
static uint64_t		 nlost;
static uint64_t		 complained;	/* ms */

void
audit_target(int fd, int is_journal)
{
	if (next.fd != -1)
		close(next.fd);
	next.fd = fd;
	next.is_journal = is_journal;
}

void
audit_switch(void)
{
	if (current.fd != -1)
		close(current.fd);
	current = next;
	next.fd = -1;
	/* Nobody wants those lines any more. */
	while (current.fd == -1 && !TAILQ_EMPTY(&waiting))
		release(TAILQ_FIRST(&waiting), "", 0);
}

uint64_t
audit_lost(void)
{
	return (nlost);
}

static void
lost(const char *why)
{
	nlost++;
	if (complained != 0 && now_ms() - complained < COMPLAIN_MS)
		return;
	complained = now_ms();
	log_warnx("audit %s: %s; %" PRIu64 " lines lost so far",
	    current.is_journal ? "journal" : "file", why, nlost);
}

/* All of the line, or nothing of it. */
static void
write_file(const uint8_t *text, size_t len)
{
	struct stat	 sb;
	ssize_t		 n;

	n = write(current.fd, text, len);
	if (n == (ssize_t)len)
		return;
	lost(n == -1 ? strerror(errno) : "no room");
	/* Half a line would spoil the next one; nobody else writes here. */
	if (n > 0 && (fstat(current.fd, &sb) == -1 || sb.st_size < n ||
	    ftruncate(current.fd, sb.st_size - n) == -1))
		log_warn("audit file: half a line is in it");
}

static void
finish(struct line *l, const char *reply, uint32_t deliver_ms)
{
	struct json	*j;
	uint8_t		*text;

	if (current.fd == -1)
		return;
	j = &l->json;
	json_set(j, "reply", reply);
	json_setn(j, "deliver_ms", deliver_ms);
	json_close(j, '}');
	if (json_end(j) == -1) {
		lost(strerror(errno));
		return;
	}
	text = buf_ptr(&j->text);
	if (!current.is_journal)
		write_file(text + l->head, j->text.len - l->head);
	/* A datagram is sent whole, at once, or not at all. */
	else if (write(current.fd, text, j->text.len) == -1)
		lost(strerror(errno));
}

static void
release(struct line *l, const char *reply, uint32_t deliver_ms)
{
	TAILQ_REMOVE(&waiting, l, entry);
	nwaiting--;
	nbytes -= l->json.text.len;
	finish(l, reply, deliver_ms);
	json_clear(&l->json);
	free(l);
}

/* RFC 3339, in UTC. */
static void
put_time(struct json *j, uint64_t ms)
{
	struct tm	 tm;
	time_t		 t;
	char		 day[40], text[64];

	t = (time_t)(ms / 1000);
	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		day[0] = '\0';
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned int)(ms %
	    1000));
	json_set(j, "time", text);
}

static void
envelope(struct json *j, const struct msg_record *m)
{
	char	 text[ADDR_STRLEN];

	put_time(j, m->time);
	snprintf(text, sizeof(text), "%016" PRIx64, m->session);
	json_set(j, "session", text);
	json_set(j, "client", addr_ip(&m->client, text, sizeof(text)));
	json_setn(j, "client_port", m->client.port);
	json_set(j, "server", addr_ip(&m->dest, text, sizeof(text)));
	json_setn(j, "server_port", m->dest.port);
	json_set(j, "helo", m->helo);
	json_key(j, "authenticated", 13);
	json_bool(j, (m->flags & RECORD_AUTH) != 0);
	json_set(j, "sender", m->from);
}

static void
outcome(struct json *j, const struct msg_record *m)
{
	json_set(j, "subject", m->subject);
	json_set(j, "message_id", m->msgid);
	json_setn(j, "size", m->size);
	json_setn(j, "parts", m->nparts);
	json_set(j, "verdict", proto_verdict_name(m->verdict));
	json_set(j, "name", m->name);
	json_setn(j, "rule", m->line);
	json_key(j, "tried", 5);
	json_bool(j, (m->flags & RECORD_TRIED) != 0);
	json_set(j, "action", conf_action_name(m->action));
	json_key(j, "quarantined", 11);
	json_bool(j, (m->flags & RECORD_QUARANTINE) != 0);
	json_setn(j, "receive_ms", m->recv_ms);
	json_setn(j, "parse_us", m->parse_us);
	json_setn(j, "scan_us", m->scan_us);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

/*
 * A value as it was before log_quote(), into out, which is no shorter than s;
 * end gets what follows.  Returns the number of bytes.
 */
static size_t
unquote(const char *s, char *out, const char **end)
{
	size_t	 n;
	char	 stop;

	stop = ' ';
	if (*s == '"') {
		stop = '"';
		s++;
	}
	for (n = 0; *s != '\0' && *s != stop; s++)
		if (*s == '\\' && s[1] == 'x' && hex(s[2]) != -1 &&
		    hex(s[3]) != -1) {
			out[n++] = (char)(hex(s[2]) << 4 | hex(s[3]));
			s += 3;
		} else
			out[n++] = *s;
	*end = *s == '"' ? s + 1 : s;
	return (n);
}

/* A field keeps its type, whatever its value looks like. */
static int
is_number(const char *key, size_t len)
{
	static const char *const	 names[] = {
		"part", "depth", "size", "score", "entries", "offset",
		"rule", "points", "disconnect", "recipients"
	};
	size_t				 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(names[i], key, len) == 0)
			return (1);
	return (0);
}

/* "kind name=value name=\"value\" ..." as an object. */
static void
fact(struct json *j, const char *s)
{
	const char	*key;
	char		*value;
	size_t		 len;

	if ((value = malloc(strlen(s) + 1)) == NULL)
		fatal("%s", __func__);
	json_open(j, '{');
	len = strcspn(s, " ");
	json_key(j, "kind", 4);
	json_bytes(j, s, len);
	for (s += len; *(s += strspn(s, " ")) != '\0';) {
		key = s;
		len = strcspn(s, " =");
		s += len;
		json_key(j, key, len);
		if (*s != '=') {	/* a word that is no field */
			json_bool(j, 1);
			continue;
		}
		if (is_number(key, len))
			json_number(j, strtoll(s + 1, NULL, 10));
		len = unquote(s + 1, value, &s);
		if (j->first)
			json_bytes(j, value, len);
	}
	json_close(j, '}');
	free(value);
}

void
audit_line(uint64_t number, const struct msg_record *m, const char *rcpt,
    size_t nrcpt, const char *facts, size_t nfacts, const char *digest)
{
	struct line	*l;
	const char	*s;

	if (current.fd == -1)
		return;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		fatal("%s", __func__);
	l->number = number;
	l->session = m->session;
	l->since = now_ms();
	json_init(&l->json, AUDIT_LINE_MAX);
	/* Always: while it waits, a file may become the journal. */
	if (journal_fields(&l->json.text, m) == -1)
		l->json.error = errno;
	l->head = l->json.text.len;
	json_open(&l->json, '{');
	envelope(&l->json, m);
	json_key(&l->json, "recipients", 10);
	json_open(&l->json, '[');
	for (s = rcpt; s != NULL; s = proto_next(rcpt, nrcpt, s))
		json_bytes(&l->json, s, strlen(s));
	json_close(&l->json, ']');
	outcome(&l->json, m);
	if (digest[0] != '\0')
		json_set(&l->json, "sha256", digest);
	json_key(&l->json, "facts", 5);
	json_open(&l->json, '[');
	for (s = facts; s != NULL; s = proto_next(facts, nfacts, s))
		fact(&l->json, s);
	json_close(&l->json, ']');
	TAILQ_INSERT_TAIL(&waiting, l, entry);
	nwaiting++;
	nbytes += l->json.text.len;
	if ((m->flags & (RECORD_QUARANTINE | RECORD_OUT)) == 0 ||
	    m->reply[0] != '\0' || m->action != ACTION_PASS)
		release(l, m->reply, m->deliver_ms);
	else
		while (nwaiting > AUDIT_WAITING_MAX ||
		    nbytes > AUDIT_WAITING_BYTES)
			release(TAILQ_FIRST(&waiting), "", 0);
}

void
audit_reply(const struct msg_record_reply *r)
{
	struct line	*l;

	TAILQ_FOREACH(l, &waiting, entry)
		if (l->number == r->number && l->session == r->session)
			break;
	if (l != NULL)
		release(l, r->reply, r->deliver_ms);
}

void
audit_expire(void)
{
	struct line	*l;

	while ((l = TAILQ_FIRST(&waiting)) != NULL &&
	    now_ms() - l->since > AUDIT_WAIT)
		release(l, "", 0);
}

void
audit_flush(void)
{
	while (!TAILQ_EMPTY(&waiting))
		release(TAILQ_FIRST(&waiting), "", 0);
}

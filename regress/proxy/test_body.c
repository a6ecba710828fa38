/* SPDX-License-Identifier: ISC */

/*
 * Messages that are changed, one a case, in regress/proxy/body: NAME.eml is
 * the message, NAME.do what is done with it, NAME.ok what it must be then, or
 * a line that says why not.  What comes out is read by our parser and by
 * GMime: both must find the same parts, and nothing odd that was not there.
 * t_body.py asks a third reader.
 *
 *	test_body -u		write the .ok files anew
 *
 * Lines of NAME.do: "strip NAME" or "strip #INDEX", "notice TEXT", and
 * "disclaimer TEXT", one for each line of it.
 */

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "body.h"
#include "harness.h"
#include "unit.h"

#define CASES		"regress/proxy/body"
#define CASES_MIN	40
#define SESSION		0x0123456789abcdefULL
#define TYPES_MAX	8192

struct order {
	char	 strip[8][64];
	size_t	 nstrips;
	char	 notice[CONF_NOTICE_MAX];
	char	 disclaimer[CONF_DISCLAIMER_MAX];
};

static int	 updating;

static void	 order_read(const char *, struct order *);
static uint32_t	 part_named(const struct parts *, const char *);
static int	 carry_out(const struct order *, struct body *, int *);
static uint8_t	*change(const uint8_t *, size_t, const struct order *,
		    size_t *, char *);
static void	 types_ours(const struct parts *, char *);
static void	 types_gmime(GMimeObject *, char *);
static const char *opinions(const uint8_t *, size_t, const uint8_t *, size_t);
static void	 run(const char *);

static void
order_read(const char *path, struct order *o)
{
	char	 line[1024];
	size_t	 n;
	FILE	*fp;

	memset(o, 0, sizeof(*o));
	if ((fp = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), fp) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "strip ", 6) == 0 && o->nstrips < 8)
			strlcpy(o->strip[o->nstrips++], line + 6,
			    sizeof(o->strip[0]));
		else if (strncmp(line, "notice ", 7) == 0)
			strlcpy(o->notice, line + 7, sizeof(o->notice));
		else if (strncmp(line, "disclaimer ", 11) == 0) {
			n = strlen(o->disclaimer);
			snprintf(o->disclaimer + n, sizeof(o->disclaimer) - n,
			    "%s\n", line + 11);
		} else
			errx(1, "%s: %s", path, line);
	}
	fclose(fp);
}

/* The last one of that name: what is inside is behind what it is in. */
static uint32_t
part_named(const struct parts *p, const char *name)
{
	uint32_t	 i, found;

	if (name[0] == '#')
		return ((uint32_t)strtoul(name + 1, NULL, 10));
	found = BODY_NONE;
	for (i = 0; i < p->head->nparts; i++)
		if (p->part[i].name_len == strlen(name) &&
		    memcmp(parts_string(p, p->part[i].name_off), name,
		    strlen(name)) == 0)
			found = i;
	if (found == BODY_NONE)
		errx(1, "no part \"%s\"", name);
	return (found);
}

static int
carry_out(const struct order *o, struct body *b, int *breaks)
{
	size_t	 i;
	int	 n, more;

	n = 0;
	*breaks = 0;
	for (i = 0; i < o->nstrips; i++)
		if (strip_add(b, part_named(b->parts, o->strip[i]),
		    "a test, r\xc3\xa4" "ason") == -1)
			return (-1);
	if (o->nstrips > 0 && (n = strip_finish(b, o->notice, SESSION,
	    breaks)) == -1)
		return (-1);
	if (o->disclaimer[0] != '\0') {
		if ((more = disclaimer_add(b, o->disclaimer)) == -1)
			return (-1);
		n += more;
	}
	return (n);
}

/* What becomes of the message; NULL with why. */
static uint8_t *
change(const uint8_t *msg, size_t len, const struct order *o, size_t *outlen,
    char *why)
{
	struct mime_limits	 lim;
	struct parsed		 parsed;
	struct session		*s;
	struct body		 b;
	uint8_t			*out;
	int			 n, breaks;

	harness_limits(&lim, len);
	lim.want_text = 1;
	lim.max_decoded *= 4;
	harness_parse(&parsed, msg, len, &lim);
	s = unit_session();
	proxy.spool_max = 64 * MIB;
	if ((s->msg = data_begin()) == NULL ||
	    write(s->msg->fd, msg, len) != (ssize_t)len ||
	    data_seal(s->msg) == -1)
		abort();
	s->msg->size = s->msg->charged = proxy.spool_used = len;
	body_begin(&b, &parsed.parts);
	out = NULL;
	n = carry_out(o, &b, &breaks);
	if (n == -1)
		snprintf(why, BODY_WHY_MAX, "%s", b.why);
	else if (n == 0)
		snprintf(why, BODY_WHY_MAX, "nothing to do");
	else if (body_write(s->msg, parsed.parts.msg, &b) == -1)
		snprintf(why, BODY_WHY_MAX, "%s", strerror(errno));
	else {
		snprintf(why, BODY_WHY_MAX, "%s", breaks ? "breaks" : "");
		*outlen = (size_t)s->msg->size;
		if ((out = malloc(*outlen + 1)) == NULL ||
		    pread(s->msg->fd, out, *outlen, 0) != (ssize_t)*outlen)
			abort();
		out[*outlen] = '\0';
	}
	body_end(&b);
	unit_session_free(s);
	harness_close(&parsed);
	return (out);
}

static void
types_ours(const struct parts *p, char *text)
{
	const struct arena_part	*q;
	uint32_t		 i;
	char			 type[256];

	text[0] = '\0';
	for (i = 0; i < p->head->nparts; i++) {
		q = &p->part[i];
		if ((q->flags & PART_ENTITY) == 0)
			continue;
		snprintf(type, sizeof(type), "%.*s\n", (int)q->type_len,
		    parts_string(p, q->type_off));
		strlcat(text, type, TYPES_MAX);
	}
}

static void
types_gmime(GMimeObject *o, char *text)
{
	GMimeContentType	*t;
	GMimeMessage		*m;
	char			*type;
	int			 i;

	t = g_mime_object_get_content_type(o);
	type = g_mime_content_type_get_mime_type(t);
	strlcat(text, type, TYPES_MAX);
	strlcat(text, "\n", TYPES_MAX);
	g_free(type);
	if (GMIME_IS_MULTIPART(o)) {
		for (i = 0; i < g_mime_multipart_get_count(
		    GMIME_MULTIPART(o)); i++)
			types_gmime(g_mime_multipart_get_part(
			    GMIME_MULTIPART(o), i), text);
	} else if (GMIME_IS_MESSAGE_PART(o)) {
		m = g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
		if (m != NULL)
			types_gmime(g_mime_message_get_mime_part(m), text);
	}
}

/* What do readers make of it?  NULL: the same, and nothing odd. */
static const char *
opinions(const uint8_t *old, size_t oldlen, const uint8_t *msg, size_t len)
{
	static char	 ours[TYPES_MAX], theirs[TYPES_MAX], why[256];
	struct parsed	 before, after;
	GMimeParser	*parser;
	GMimeMessage	*m;
	GMimeStream	*stream;
	uint64_t	 odd;
	unsigned int	 a;

	harness_parse(&before, old, oldlen, NULL);
	harness_parse(&after, msg, len, NULL);
	odd = after.parts.head->anomalies & ~before.parts.head->anomalies;
	for (a = 0; a < A_MAX; a++)
		if (odd & ANOMALY(a))
			break;
	types_ours(&after.parts, ours);
	harness_close(&before);
	harness_close(&after);
	if (a < A_MAX) {
		snprintf(why, sizeof(why), "now has %s",
		    parts_anomaly_name(a));
		return (why);
	}
	stream = g_mime_stream_mem_new_with_buffer((const char *)msg, len);
	parser = g_mime_parser_new_with_stream(stream);
	m = g_mime_parser_construct_message(parser, NULL);
	theirs[0] = '\0';
	if (m != NULL) {
		types_gmime(g_mime_message_get_mime_part(m), theirs);
		g_object_unref(m);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	if (strcmp(ours, theirs) == 0)
		return (NULL);
	snprintf(why, sizeof(why), "GMime finds %.100s instead of %.100s",
	    theirs, ours);
	for (a = 0; why[a] != '\0'; a++)
		if (why[a] == '\n')
			why[a] = ' ';
	return (why);
}

static void
run(const char *name)
{
	struct order	 o, again;
	const char	*say;
	char		 path[512], why[BODY_WHY_MAX], line[BODY_WHY_MAX + 16];
	uint8_t		*msg, *out, *twice, *want;
	size_t		 len, outlen, n;
	FILE		*fp;

	snprintf(path, sizeof(path), "%s/%s.eml", CASES, name);
	msg = harness_read(path, &len);
	snprintf(path, sizeof(path), "%s/%s.do", CASES, name);
	order_read(path, &o);
	out = change(msg, len, &o, &outlen, why);
	say = NULL;
	if (out == NULL) {
		snprintf(line, sizeof(line), "refused: %s\n", why);
		outlen = strlen(line);
		if ((out = (uint8_t *)strdup(line)) == NULL)
			abort();
	} else {
		say = opinions(msg, len, out, outlen);
		if (say == NULL && (strcmp(why, "breaks") == 0) !=
		    (strstr(name, "signed") != NULL))
			say = "breaks a signature, or does not";
		/* What has its disclaimer gets no second one. */
		again = o;
		again.nstrips = 0;
		twice = say == NULL && again.disclaimer[0] != '\0' ?
		    change(out, outlen, &again, &n, why) : NULL;
		if (twice != NULL)
			say = "gets it twice";
		else if (say == NULL && again.disclaimer[0] != '\0' &&
		    strcmp(why, "nothing to do") != 0)
			say = "another opinion the second time";
		free(twice);
	}
	snprintf(path, sizeof(path), "%s/%s.ok", CASES, name);
	if (updating) {
		if ((fp = fopen(path, "w")) == NULL ||
		    fwrite(out, 1, outlen, fp) != outlen || fclose(fp) != 0)
			err(1, "%s", path);
	}
	want = harness_read(path, &n);
	if (say == NULL && (n != outlen || memcmp(want, out, n) != 0))
		say = "it became something else";
	unit_case(name, say == NULL ? NULL : "%s: %s", say,
	    unit_show(out, outlen > 300 ? 300 : outlen));
	free(want);
	free(out);
	free(msg);
}

int
main(int argc, char *argv[])
{
	struct dirent	**v;
	char		 *dot;
	int		  i, n, ncases;

	updating = argc > 1 && strcmp(argv[1], "-u") == 0;
	g_mime_init();
	if ((n = scandir(CASES, &v, NULL, alphasort)) == -1)
		err(1, "%s", CASES);
	ncases = 0;
	for (i = 0; i < n; i++) {
		dot = strrchr(v[i]->d_name, '.');
		if (dot != NULL && strcmp(dot, ".do") == 0) {
			*dot = '\0';
			run(v[i]->d_name);
			ncases++;
		}
		free(v[i]);
	}
	free(v);
	unit_case("cases", ncases >= CASES_MIN ? NULL : "only %d", ncases);
	unit_case("nothing is left", proxy.spool_used == 0 &&
	    proxy.nmessages == 0 ? NULL : "%llu bytes",
	    (unsigned long long)proxy.spool_used);
	harness_end();
	g_mime_shutdown();
	return (unit_status());
}

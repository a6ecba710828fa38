/* SPDX-License-Identifier: ISC */

/*
 * PRDR: a reply to the message for each recipient, draft-hall-prdr-00.
 *
 * It is offered where the server offers it.  Recipients that rules on messages
 * judge differently can be in one transaction then, while without it the later
 * ones come again on their own.  When the message is there, those that are
 * simply refused get that as their reply, and the others are the envelope of
 * the message from then on.  Since the server has all of them, it is told
 * RSET, and MAIL and RCPT once more as the client has put them, without those.
 *
 * Only one decision can be more than a refusal, with all that rules can do.
 * Should there be a second one, its recipients are refused for now.
 *
 * A client takes the last of all replies for more than that of the message:
 * after one that is final, none may come again.  So it is never final while
 * somebody may.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "proxy.h"
#include "utf8.h"

#define PRDR_RCPTS_MAX	200	/* in one transaction; then 452: their
				   replies go to the client at once */
#define PRDR_BYTES_MAX	131072	/* of their lines */
#define PRDR_GROUPS	16	/* decisions that are looked at */
#define PRDR_REPLY_MAX	256	/* bytes that are kept of a reply */
#define PRDR_LINES	48	/* of the log for one message */

struct recipient {
	char	*line;		/* RCPT, as the client has put it */
	char	*path;		/* behind it */
	int	 is_apart;	/* not of the message's envelope any more */
	char	 reply[PRDR_REPLY_MAX];	/* its own; "": the message's */
};

enum step {
	STEP_RSET,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DONE
};

struct prdr {
	char			*mail;	/* MAIL, as the client has put it */
	struct recipient	*rcpt;
	uint32_t		 n, alloc;
	size_t			 bytes;		/* of lines */
	size_t			 charged;	/* in rcpt_used */
	int			 is_split;	/* some are apart */
	enum step		 step;		/* told to the server next */
	uint32_t		 at;		/* whose reply comes next */
	unsigned int		 lines;		/* in the log */
	int			 is_each;	/* the server has said 353 */
};

/* Recipients for which the same is done. */
struct group {
	uint64_t			 class;
	const struct conf_rule_wire	*rule;
	struct policy_passed		 passed;
	struct conf_facts		 facts;
	int				 is_main;	/* of the message */
	char				*paths;	/* strings */
	size_t				 len;
	uint32_t			 n;
};

/* All of them, and the one that each recipient is of. */
struct groups {
	struct verdict_room	 room;
	struct conf_facts	 facts;		/* of all */
	struct group		 g[PRDR_GROUPS];
	unsigned int		 n;
	unsigned int		*of;		/* PRDR_GROUPS: of none */
};

static void	 reply_keep(char *, const char *, size_t);
static uint32_t	 next_main(const struct prdr *, uint32_t);
static void	 recipient_log(struct session *, struct recipient *,
		    const char *);
static int	 is_plain(const struct conf_rule_wire *);
static int	 is_unchanged(const struct conf_rule_wire *);
static int	 is_alike(const struct conf_rule_wire *,
		    const struct conf_rule_wire *);
static void	 groups_make(struct session *, struct groups *);
static void	 groups_ask(struct session *, struct groups *);
static unsigned int groups_main(const struct groups *);
static void	 groups_join(struct session *, struct groups *, unsigned int);
static void	 group_reply(struct session *, const struct group *, char *,
		    size_t);
static void	 group_refuse(struct session *, const struct groups *,
		    unsigned int);
static void	 envelope_keep(struct envelope *);
static void	 refused_all(struct session *);

struct prdr *
prdr_new(const char *mail)
{
	struct prdr	*p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	if ((p->mail = strdup(mail)) == NULL) {
		free(p);
		return (NULL);
	}
	return (p);
}

void
prdr_free(struct prdr *p)
{
	uint32_t	 i;

	if (p == NULL)
		return;
	proxy.rcpt_used -= p->charged;
	for (i = 0; i < p->n; i++) {
		free(p->rcpt[i].line);
		free(p->rcpt[i].path);
	}
	free(p->rcpt);
	free(p->mail);
	free(p);
}

int
prdr_rcpt(struct prdr *p, const char *line, const char *path)
{
	struct recipient	*r;
	size_t			 bytes;
	uint32_t		 n;

	if (p->n == p->alloc) {
		n = p->alloc == 0 ? 8 : p->alloc * 2;
		r = reallocarray(p->rcpt, n, sizeof(*r));
		if (r == NULL)
			return (-1);
		p->rcpt = r;
		p->alloc = n;
	}
	r = &p->rcpt[p->n];
	memset(r, 0, sizeof(*r));
	if ((r->line = strdup(line)) == NULL)
		return (-1);
	if ((r->path = strdup(path)) == NULL) {
		free(r->line);
		return (-1);
	}
	p->bytes += strlen(line);
	p->n++;
	bytes = sizeof(*r) + strlen(line) + strlen(path);
	p->charged += bytes;
	proxy.rcpt_used += bytes;
	return (0);
}

int
prdr_is_full(const struct prdr *p)
{
	return (p->n >= PRDR_RCPTS_MAX || p->bytes >= PRDR_BYTES_MAX);
}

uint32_t
prdr_count(const struct prdr *p)
{
	return (p->n);
}

/* The first line of a reply, as a reply of one line. */
static void
reply_keep(char *dst, const char *text, size_t len)
{
	size_t	 n;

	for (n = 0; n < len && text[n] != '\r' && text[n] != '\n'; n++)
		;
	if (n < 3) {
		strlcpy(dst, "451 4.3.0 No reply", PRDR_REPLY_MAX);
		return;
	}
	snprintf(dst, PRDR_REPLY_MAX, "%.3s %.*s", text,
	    n > 4 ? (int)(n - 4) : 0, n > 4 ? text + 4 : "");
}

/* The next one of the envelope, from i on, that has no reply; or n. */
static uint32_t
next_main(const struct prdr *p, uint32_t i)
{
	while (i < p->n && (p->rcpt[i].is_apart ||
	    p->rcpt[i].reply[0] != '\0'))
		i++;
	return (i);
}

/* Who has which reply, as long as there are not too many of them. */
static void
recipient_log(struct session *s, struct recipient *r, const char *what)
{
	char	 rcpt[320], reply[2 * PRDR_REPLY_MAX];

	if (s->env->prdr->lines++ < PRDR_LINES)
		verdict_fact(s, "%s recipient=%s reply=%s", what,
		    log_quote(rcpt, sizeof(rcpt), r->path, strlen(r->path)),
		    log_quote(reply, sizeof(reply), r->reply,
		    strlen(r->reply)));
}

void
prdr_refused(struct session *s)
{
	struct recipient	*r;
	struct prdr		*p;
	uint32_t		 i, n;

	if ((p = s->env->prdr) == NULL)
		return;
	for (i = n = 0; i < p->n; i++) {
		r = &p->rcpt[i];
		if (r->is_apart || r->reply[0] < '4')
			continue;
		recipient_log(s, r, "undelivered");
		n++;
	}
	if (n > 0)
		verdict_fact(s, "undelivered recipients=%u", n);
}

/* Is there nothing to do but to say no? */
static int
is_plain(const struct conf_rule_wire *r)
{
	return ((r->action == ACTION_BLOCK || r->action == ACTION_TEMPFAIL) &&
	    r->disconnect == 0 && r->nmails == 0 &&
	    (r->flags & RULE_QUARANTINE) == 0);
}

/* Does the message pass as it is? */
static int
is_unchanged(const struct conf_rule_wire *r)
{
	return (r->action == ACTION_PASS && r->nmails == 0 &&
	    (r->flags & (RULE_QUARANTINE | RULE_STRIP)) == 0 &&
	    r->tag[0] == '\0' && r->header[0] == '\0' && r->disclaimer == 0);
}

/* Does the message that goes on become the same by both? */
static int
is_alike(const struct conf_rule_wire *a, const struct conf_rule_wire *b)
{
	return (a == b || (is_unchanged(a) && is_unchanged(b)));
}

/* Who is judged alike ... */
static void
groups_make(struct session *s, struct groups *gs)
{
	struct group	*g;
	const char	*path;
	uint64_t	 class;
	unsigned int	 k;
	uint32_t	 i;
	size_t		 len;

	verdict_facts(s, &gs->facts, &gs->room);
	path = s->env->rcpt;
	for (i = 0; i < s->env->nrcpt; i++, path += len) {
		len = strlen(path) + 1;
		class = conf_rcpt_class(s->conf, path, &gs->facts);
		for (k = 0; k < gs->n && gs->g[k].class != class; k++)
			;
		gs->of[i] = k;
		if (k == PRDR_GROUPS)
			continue;
		g = &gs->g[k];
		if (k == gs->n) {
			g->class = class;
			if ((g->paths = malloc(s->env->rcpt_len)) == NULL)
				fatal("%s", __func__);
			gs->n++;
		}
		memcpy(g->paths + g->len, path, len);
		g->len += len;
		g->n++;
	}
}

/* ... and how. */
static void
groups_ask(struct session *s, struct groups *gs)
{
	struct group	*g;
	unsigned int	 k;

	for (k = 0; k < gs->n; k++) {
		g = &gs->g[k];
		g->facts = gs->facts;
		g->facts.rcpt = g->paths;
		g->facts.nrcpt = g->n;
		g->rule = policy_ask(s, PHASE_MESSAGE, &g->facts, &g->passed);
	}
}

/*
 * The message goes on with the recipients of the group that is returned: the
 * first that needs more than a refusal, if possible one with which something
 * becomes of the message; or one that is to come again, so that it does.
 */
static unsigned int
groups_main(const struct groups *gs)
{
	const struct conf_rule_wire	*r;
	unsigned int			 k;

	for (k = 0; k < gs->n; k++) {
		r = gs->g[k].rule;
		if (!is_plain(r) && r->action != ACTION_TEMPFAIL)
			return (k);
	}
	for (k = 0; k < gs->n; k++)
		if (!is_plain(gs->g[k].rule))
			return (k);
	for (k = 0; k < gs->n; k++)
		if (gs->g[k].rule->action == ACTION_TEMPFAIL)
			return (k);
	return (0);
}

/*
 * The others for which the same is done go with it, if that is so as well when
 * they are judged together.  What their own rules do beside is done here.
 */
static void
groups_join(struct session *s, struct groups *gs, unsigned int main)
{
	const struct conf_rule_wire	*rule;
	struct policy_passed		 passed;
	struct conf_facts		 facts;
	struct group			*g;
	char				*paths;
	unsigned int			 k;
	size_t				 len;

	gs->g[main].is_main = 1;
	if ((paths = malloc(s->env->rcpt_len)) == NULL)
		fatal("%s", __func__);
	facts = gs->facts;
	facts.rcpt = paths;
	facts.nrcpt = 0;
	len = 0;
	for (k = 0; k < gs->n; k++) {
		g = &gs->g[k];
		if (!is_alike(g->rule, gs->g[main].rule))
			continue;
		memcpy(paths + len, g->paths, g->len);
		len += g->len;
		facts.nrcpt += g->n;
	}
	rule = policy_ask(s, PHASE_MESSAGE, &facts, &passed);
	free(paths);
	if (!is_alike(rule, gs->g[main].rule))
		return;
	for (k = 0; k < gs->n; k++) {
		g = &gs->g[k];
		if (!is_alike(g->rule, gs->g[main].rule))
			continue;
		g->is_main = 1;
		if (g->rule != rule)
			policy_effects(s, g->rule, &g->facts);
	}
}

/* What is said to those of a group, NULL: of none. */
static void
group_reply(struct session *s, const struct group *g, char *text, size_t size)
{
	if (g == NULL || !is_plain(g->rule))
		strlcpy(text, "452 4.5.3 Send this recipient a message of "
		    "its own", size);
	else if (g->rule->reply[0] != '\0')
		policy_reply(s, g->rule, &g->facts, text, size);
	else
		verdict_reply(s, g->rule, text, size);
}

/* Group k leaves the envelope. */
static void
group_refuse(struct session *s, const struct groups *gs, unsigned int k)
{
	const struct group	*g;
	struct prdr		*p;
	char			 text[CONF_REPLY_MAX + SCAN_NAME_MAX];
	char			 cut[201], reply[PRDR_REPLY_MAX], what[40];
	uint32_t		 i, n;

	p = s->env->prdr;
	g = k == PRDR_GROUPS ? NULL : &gs->g[k];
	group_reply(s, g, text, sizeof(text));
	if (g != NULL && is_plain(g->rule)) {
		policy_apart(s, &g->passed);
		policy_effects(s, g->rule, &g->facts);
	}
	snprintf(reply, sizeof(reply), "%s [%016llx]",
	    utf8_plain(cut, sizeof(cut), text, strlen(text)),
	    (unsigned long long)s->id);
	snprintf(what, sizeof(what), "apart rule=%u",
	    g == NULL ? 0 : g->rule->line);
	n = 0;
	for (i = 0; i < p->n; i++)
		if (gs->of[i] == k) {
			p->rcpt[i].is_apart = 1;
			reply_keep(p->rcpt[i].reply, reply, strlen(reply));
			recipient_log(s, &p->rcpt[i], what);
			n++;
		}
	if (n > 0)
		verdict_fact(s, "%s recipients=%u reply=%.3s", what, n, text);
}

/* The message's recipients are those that are not apart. */
static void
envelope_keep(struct envelope *e)
{
	const char	*from;
	char		*to;
	uint32_t	 i;
	size_t		 len;

	from = to = e->rcpt;
	e->nrcpt = 0;
	for (i = 0; i < e->prdr->n; i++, from += len) {
		len = strlen(from) + 1;
		if (e->prdr->rcpt[i].is_apart)
			continue;
		memmove(to, from, len);
		to += len;
		e->nrcpt++;
	}
	e->rcpt_len = (size_t)(to - e->rcpt);
}

void
prdr_split(struct session *s)
{
	struct groups	*gs;
	struct prdr	*p;
	unsigned int	 k;

	p = s->env->prdr;
	if (p == NULL || p->is_split || p->n != s->env->nrcpt || p->n < 2 ||
	    s->msg->rounds > 0 || (s->flags & SF_SERVER_GONE))
		return;
	if ((gs = calloc(1, sizeof(*gs))) == NULL ||
	    (gs->of = calloc(p->n, sizeof(*gs->of))) == NULL)
		fatal("%s", __func__);
	groups_make(s, gs);
	if (gs->n > 1) {
		groups_ask(s, gs);
		groups_join(s, gs, groups_main(gs));
		for (k = 0; k < gs->n; k++)
			if (!gs->g[k].is_main)
				group_refuse(s, gs, k);
		group_refuse(s, gs, PRDR_GROUPS);
		envelope_keep(s->env);
		p->is_split = s->env->nrcpt < p->n;
	}
	for (k = 0; k < gs->n; k++)
		free(gs->g[k].paths);
	free(gs->of);
	free(gs);
}

/* Nobody is left of the envelope: the server gets no message. */
static void
refused_all(struct session *s)
{
	struct prdr	*p;
	const char	*last;
	char		 reply[PRDR_REPLY_MAX];
	uint32_t	 i;

	p = s->env->prdr;
	for (i = 0; p->rcpt[i].is_apart; i++)
		;
	strlcpy(reply, p->rcpt[i].reply, sizeof(reply));
	prdr_refused(s);
	store_fate(s->msg, 0);
	verdict_log(s, "pass-refused", reply, strlen(reply));
	last = prdr_replies(s, reply, strlen(reply));
	session_reset(s);
	s->flags |= SF_RSET_DUE;
	s->state = SESSION_COMMAND;
	client_reply(s, "%s", last == NULL ? reply : last);
}

int
prdr_next(struct session *s)
{
	struct prdr	*p;

	p = s->env->prdr;
	if (p == NULL || !p->is_split)
		return (0);
	/* The session may be without its envelope after each of these. */
	switch (p->step) {
	case STEP_RSET:
		p->step = STEP_MAIL;
		server_command(s, VERB_OWN_RSET, "RSET", 4, NULL);
		return (1);
	case STEP_MAIL:
		p->step = STEP_RCPT;
		p->at = 0;
		server_command(s, VERB_OWN_MAIL, p->mail, strlen(p->mail),
		    NULL);
		return (1);
	case STEP_RCPT:
		p->at = next_main(p, p->at);
		if (p->at < p->n) {
			server_command(s, VERB_OWN_RCPT,
			    p->rcpt[p->at].line, strlen(p->rcpt[p->at].line),
			    NULL);
			return (1);
		}
		p->step = STEP_DONE;
		if (next_main(p, 0) == p->n) {
			refused_all(s);
			return (1);
		}
		break;
	case STEP_DONE:
		break;
	}
	return (0);
}

void
prdr_answer(struct session *s, enum verb verb, const struct reply *r)
{
	const char	*text;
	struct prdr	*p;
	uint32_t	 i;

	p = s->env->prdr;
	text = (const char *)buf_ptr(&s->sin);
	if (verb == VERB_OWN_RCPT) {
		if (r->code / 100 != 2)
			reply_keep(p->rcpt[p->at].reply, text, r->len);
		p->at++;
		return;
	}
	if (r->code / 100 == 2)
		return;
	for (i = next_main(p, 0); i < p->n; i = next_main(p, i))
		reply_keep(p->rcpt[i].reply, text, r->len);
}

int
prdr_take(struct session *s, const struct reply *r)
{
	struct prdr	*p;

	p = s->env == NULL ? NULL : s->env->prdr;
	if (p == NULL || s->state != SESSION_DOT || s->sout.len > 0)
		return (0);
	if (!p->is_each) {
		if (r->code != 353)
			return (0);
		p->is_each = 1;
		p->at = next_main(p, 0);
		return (1);
	}
	if (p->at == p->n || r->code / 100 < 2 || r->code / 100 == 3 ||
	    r->code == 421)
		return (0);
	reply_keep(p->rcpt[p->at].reply, (const char *)buf_ptr(&s->sin),
	    r->len);
	p->at = next_main(p, p->at);
	return (1);
}

int
prdr_is_due(const struct session *s)
{
	const struct prdr	*p;

	p = s->env == NULL ? NULL : s->env->prdr;
	return (p != NULL && p->is_each && p->at < p->n);
}

const char *
prdr_replies(struct session *s, const char *text, size_t len)
{
	const struct prdr	*p;
	const struct recipient	*r;
	char			 all[PRDR_REPLY_MAX];
	uint32_t		 i;
	int			 again;

	p = s->env == NULL ? NULL : s->env->prdr;
	if (p == NULL || (!p->is_split && !p->is_each))
		return (NULL);
	again = 0;
	reply_keep(all, text, len);
	client_reply(s, "353 A reply for each recipient follows");
	for (i = 0; i < p->n; i++) {
		r = &p->rcpt[i];
		client_reply(s, "%s", r->reply[0] != '\0' ? r->reply : all);
		again |= r->reply[0] == '4';
	}
	return (again && all[0] == '5' ? "450 4.5.3 Refused for some, who "
	    "may come again" : NULL);
}

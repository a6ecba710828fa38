/* SPDX-License-Identifier: ISC */

/* A question of an operator's, shared by explain.c and explainrow.c. */

#ifndef MAILWALL_EXPLAIN_H
#define MAILWALL_EXPLAIN_H

#include "proxy.h"

#define EXPLAIN_NUMLEN	24

struct explain {
	struct imsgbuf		*ib;
	uint64_t		 id;
	uint32_t		 nrows;
	struct msg_explain	 req;
	int			 fd;		/* the operator's, or -1 */
	uint64_t		 copied;	/* bytes of it */
	struct session		*s;
	/* What comes next: 1 to go on at once, 0 when it waits or is over. */
	int			(*step)(struct explain *);
	struct evtimer		 timer;
	enum rule_phase		 phase;
	const struct conf_rule	*next;		/* to be looked at */
	const struct conf_rule_wire *rule;	/* that decides */
	struct conf_facts	 facts;		/* for the next rule */
	struct verdict_room	 room;
	int64_t			 before;	/* points, of other phases */
	int64_t			 after;
	const char		*rcpt;		/* as it was asked about */
	uint32_t		 nasked;	/* recipients */
	char			 helo[SMTP_HELO_MAX + 1];
	char			 path[SMTP_ADDR_MAX];	/* facts point here */
};

/*
 * A row: names and values in turn, ended by NULL.  What does not fit a frame
 * is left out.
 */
void	 explain_row(struct explain *, ...) __attribute__((__sentinel__));
/* A row with one fact, a text or a number. */
void	 explain_fact(struct explain *, const char *name, const char *text);
void	 explain_count(struct explain *, const char *name, uint64_t);
/* Digits into buf, of EXPLAIN_NUMLEN bytes, which is returned. */
char	*explain_number(char *buf, uint64_t);
/*
 * The end of a phase, of a recipient, or of it all: e->rule says so, unless
 * line is 0.
 */
void	 explain_decision(struct explain *, enum rule_action, uint32_t line,
	    const char *reply);
/* What parser and scanner have found in the message. */
void	 explain_findings(struct explain *);

#endif /* MAILWALL_EXPLAIN_H */

/* SPDX-License-Identifier: ISC */

/* An operator's connection, shared by control.c and query.c. */

#ifndef MAILWALL_CONTROL_H
#define MAILWALL_CONTROL_H

#include "store.h"

#define ASKED_MAX	(2 * MAX_PROXIES)	/* a reload has both pools */

struct client {
	TAILQ_ENTRY(client)	 entry;
	struct imsgbuf		 ib;
	struct ev		 ev;
	struct evtimer		 timer;		/* it takes nothing */
	uint64_t		 id;		/* of what others are asked */
	uint32_t		 uid;
	int			 busy;		/* a request is answered */
	uint64_t		 reqid;		/* its frame's */
	struct msg_ctl		 req;
	struct msg_ctl_end	 end;		/* as far as it is known */
	int			 lost;		/* rows that found no room */
	/* Others who answer: proxies by their instance, or master. */
	uint32_t		 asked[ASKED_MAX];
	unsigned int		 nasked;
	int			 asked_master;
	int			 sending;	/* send_start() */
	int			 explaining;	/* one proxy, see explain.c */
	/* A query: rows are made as they are taken. */
	int			 querying;
	uint64_t		 at;		/* the last row */
};

/*
 * Send the client a row: names and values in turn, ended by NULL.  Control
 * characters cannot be in them; what does not fit a frame is left out.
 */
void	 control_row(struct client *, ...) __attribute__((__sentinel__));
/* The answer is complete. */
void	 control_end(struct client *, int error, const char *text);

/*
 * explain.c: hand the client's question to a proxy, whose rows control.c
 * takes.  Ends the request where that cannot be.
 */
void	 explain_ask(struct client *, struct imsg *);

#endif /* MAILWALL_CONTROL_H */

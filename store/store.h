/* SPDX-License-Identifier: ISC */

/*
 * What the files of mailwall-store share.  It keeps what must outlive a
 * session: the quarantine, the tables that rules fill, the record of what
 * became of each message.  One process, one SQLite database, which nobody
 * else opens; messages in quarantine are files beside it.
 *
 * The rest of mailwall knows of it only the frames of proto.h, so another
 * store may stand behind them.
 */

#ifndef MAILWALL_STORE_H
#define MAILWALL_STORE_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "addr.h"
#include "conf.h"
#include "ev.h"
#include "imsg.h"
#include "log.h"
#include "proto.h"

/* A proxy, as the store sees it. */
struct peer {
	TAILQ_ENTRY(peer)	 entry;
	uint32_t		 instance;
	struct imsgbuf		 ib;
	struct ev		 ev;
	struct msg_stats	 stats;		/* the newest */
	TAILQ_HEAD(, record)	 records;	/* begun, and not ended */
	unsigned int		 nrecords;
	unsigned int		 nsends;	/* messages it is sending */
};

TAILQ_HEAD(peers, peer);

/* This process. */
struct store {
	struct conf		*conf;		/* in force */
	struct imsgbuf		 master;
	struct ev		 master_ev;
	struct peers		 peers;
	struct msg_stats	 past;		/* of proxies that have ended */
	sqlite3			*db;
	int			 dir;		/* the state directory */
	int			 draining;
};

extern struct store	 store;

/* main.c */

/* Frames for master, or for this proxy, may be queued: watch for room. */
void	 store_want_write(void);
void	 peer_want_write(struct peer *);
/* This proxy has sent what cannot be: it is dropped, and master told. */
void	 peer_bad(struct peer *, const char *what);

/* db.c */

/*
 * Open the database in the state directory, bring its schema up to date.
 * Fatal when that fails: nothing is started over a file that is not ours.
 */
void	 db_open(void);
void	 db_close(void);
/*
 * Prepare once, and use again: a statement by its text, which must be a
 * string constant.  Fatal for SQL that does not compile.  db_done() resets it.
 */
sqlite3_stmt *db_prepare(const char *sql);
void	 db_done(sqlite3_stmt *);
/* Run one that gives no rows: 0, or -1 (logged) with errno: ENOSPC, EIO. */
int	 db_run(sqlite3_stmt *);
/*
 * Writes are collected in one transaction and put on disk a moment later.
 * db_write() begins it where there is none; db_commit() puts all on disk now,
 * with fsync(2), and returns 0, or -1 with errno when that failed and nothing
 * since the last commit is kept.
 */
void	 db_write(void);
int	 db_commit(void);

/* member.c: dynamic tables */

/* After a new configuration: forget tables that it does not have. */
void	 member_conf(void);
/* All members, and the end of them, for a proxy that has just come. */
void	 member_send_all(struct peer *);
/* A rule's wish; all proxies hear of it when it is granted. */
void	 member_wish(const struct msg_member *);
/*
 * An operator's.  Return 0, or -1 with errno: ENOENT for a table that is none
 * or a key that is not there, ENOSPC.
 */
int	 member_add(const char *table, const char *key, uint64_t expires,
	    const char *why);
int	 member_delete(const char *table, const char *key);
/* The number of those that were in it, or -1. */
int	 member_flush(const char *table);

/* record.c: what became of messages */

/* A frame of a record; -1 for one that cannot be. */
int	 record_frame(struct peer *, struct imsg *);
/* Those of a proxy that is gone. */
void	 record_forget(struct peer *);
/* Delete what is older than the configuration wants. */
void	 record_expire(void);

/* quarantine.c */

/*
 * Put the message (size bytes of a sealed memfd) into the quarantine under
 * that number: a file, complete and on disk with its name when this returns 0;
 * else -1 with errno.  digest gets the SHA-256 in hexadecimal, 65 bytes.
 */
int	 quarantine_put(uint64_t number, int fd, uint64_t size, char *digest);
/* Open it to read: a descriptor, or -1 with errno. */
int	 quarantine_open(uint64_t number);
/* Delete file and row: 0, or -1 with errno (ENOENT). */
int	 quarantine_delete(uint64_t number);
/* At the start: files without a row and rows without a file. */
void	 quarantine_repair(void);
/* Too old, or too much: the oldest go. */
void	 quarantine_expire(void);

/* send.c: messages that leave the quarantine */

/*
 * Send a message from the quarantine through a proxy: to rcpt at its original
 * server, or to all its recipients (rcpt ""); done() is called once, later.
 * Returns 0, or -1 with errno: ENOENT, EAGAIN (no proxy).
 */
int	 send_start(uint64_t number, const char *rcpt,
	    void (*done)(void *, const struct msg_send_done *), void *);
/* Nobody waits for the answer of this arg any more. */
void	 send_forget(void *);
/* A frame about a message that is being sent; -1 for one that cannot be. */
int	 send_frame(struct peer *, struct imsg *);
/* A proxy is gone: what it was sending has failed. */
void	 send_lost(struct peer *);

/* control.c: the socket of operators */

/* Master's listening socket, taken; the old one is closed. */
void	 control_listen(int fd);
/* A row or the end of an answer from master (NULL) or a proxy. */
void	 control_answer(struct peer *, struct imsg *);
/* A proxy is gone, and will not answer. */
void	 control_lost(struct peer *);

/* query.c: what operators want to know, from the database */

struct client;

/*
 * Answer a request by rows and an end.  Rows are made as the client takes
 * them: query_start() begins, query_more() goes on when there is room again
 * and returns 1 until all is sent.
 */
void	 query_start(struct client *, const struct msg_ctl *);
int	 query_more(struct client *);
/* Forget a query that was begun. */
void	 query_stop(struct client *);

#endif /* MAILWALL_STORE_H */

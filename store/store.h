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
#include "buf.h"
#include "conf.h"
#include "ev.h"
#include "files.h"
#include "imsg.h"
#include "log.h"
#include "proto.h"

#define STORE_HOUSE_MS	500	/* between commits that nobody waits for */
#define STORE_FILES_MAX	8192	/* 64 proxies with STORE_MAILS_MAX each, and
				   as many frames with descriptors queued */
#define STORE_MAILS_MAX	64	/* descriptors of records that are not ended,
				   of one proxy */
#define STORE_BYTES_MAX	(32 * MIB) /* likewise recipients and facts */
#define STORE_MEMORY_MAX (4 * GIB) /* address space: 64 proxies and SQLite */

/* A proxy, as the store sees it. */
struct peer {
	TAILQ_ENTRY(peer)	 entry;
	uint32_t		 instance;
	struct imsgbuf		 ib;
	struct ev		 ev;
	struct msg_stats	 stats;		/* the newest */
	TAILQ_HEAD(, record)	 records;	/* begun, and not ended */
	unsigned int		 nrecords;
	unsigned int		 nmails;	/* descriptors among them */
	size_t			 nbytes;	/* of their strings */
	unsigned int		 nsends;	/* messages it is sending */
	uint64_t		 explains;	/* whose question it has: a
						   client's id, or 0 */
	int			 streaming;	/* members are still sent */
	uint64_t		 stream_at;	/* the last one */
};

TAILQ_HEAD(peers, peer);

/* This process. */
struct store {
	struct conf		*conf;		/* in force */
	struct imsgbuf		 master;
	struct ev		 master_ev;
	struct peers		 peers;
	struct msg_stats	 past;		/* of proxies that have ended */
	struct msg_status	 status;	/* what master has said last */
	sqlite3			*db;
	int			 draining;
	int			 answers;	/* a commit is due */
};

extern struct store	 store;

/* main.c */

/* Frames for master, or for this proxy, may be queued: watch for room. */
void	 store_want_write(void);
void	 peer_want_write(struct peer *);
/*
 * Send or queue a frame; takes fd.  0, or -1 with errno EPIPE: the proxy does
 * not read or is gone, and is dropped.
 */
int	 peer_compose(struct peer *, uint32_t type, uint64_t id, int fd,
	    const void *data, size_t len);
/*
 * This proxy has sent what cannot be: it is dropped, and master told.  A peer
 * that is dropped stays in the list, with ib.fd -1, until the event that we
 * are in has been handled; then record_forget(), control_lost() and
 * send_lost() hear of it.
 */
void	 peer_bad(struct peer *, const char *what);
void	 peer_fault(struct peer *, uint32_t fault, const char *what);
/* Its channel has ended. */
void	 peer_drop(struct peer *);
/* Something waits for the end of this round of events: see main.c. */
void	 store_round(void);
/*
 * Put all that was written on disk now: 0, or an errno, and nothing since the
 * last commit is kept.  All who wait for a commit are answered.
 */
int	 store_commit(void);

/* db.c */

/*
 * Open the database in the state directory, bring its schema up to date.
 * Fatal when that fails: nothing is started over a file that is not ours.
 * is_new() is called for one that is not there yet, before it is made.  The
 * tables are described in db.c.
 */
void	 db_open(void (*is_new)(void));
void	 db_close(void);
/*
 * Prepare once, and use again: a statement by its text, which must be a
 * string constant.  Fatal for SQL that does not compile.  One that is between
 * its rows is left alone, and another made of the same text.  db_done()
 * resets it.
 */
sqlite3_stmt *db_prepare(const char *sql);
void	 db_done(sqlite3_stmt *);
/* Parameters, from 1; text is not copied before db_run() or db_done(). */
void	 db_int(sqlite3_stmt *, int, uint64_t);
void	 db_text(sqlite3_stmt *, int, const char *);
/* A column of a row, from 0; "" where it is NULL. */
uint64_t db_get(sqlite3_stmt *, int);
const char *db_string(sqlite3_stmt *, int);
/*
 * The next row: 1, or 0 at the end (errno 0) or when a commit has failed since
 * the first row (EAGAIN: begin again).  A database that cannot be read is
 * fatal, since no answer would be true.  db_done() must follow in any case.
 */
int	 db_row(sqlite3_stmt *);
/* The first column of the only row; 0 for none. */
uint64_t db_number(sqlite3_stmt *);
/*
 * Run one that gives no rows, and reset it: 0, or -1 (logged) with errno:
 * ENOSPC, EIO, EEXIST for a key that is there.  After any other than EEXIST
 * all that was written since the last commit is lost, and so is what follows
 * until db_commit().
 */
int	 db_run(sqlite3_stmt *);
/* The rows that the last db_run() has changed. */
int	 db_changes(void);
/*
 * Numbers that this table gives from now on are higher than that one, which is
 * kept with the next commit that does not fail.
 */
void	 db_skip(const char *table, uint64_t number);
/*
 * Writes are collected in one transaction and put on disk a moment later.
 * db_write() begins it where there is none; db_commit() puts all on disk now,
 * with fsync(2), and returns 0, or -1 with errno when that failed and nothing
 * since the last commit is kept.  Use store_commit(), which tells everybody.
 */
void	 db_write(void);
int	 db_commit(void);
/* The transaction cannot be kept, since something else failed. */
void	 db_fail(int error);

/* member.c: dynamic tables */

/* After a new configuration: forget tables that it does not have. */
void	 member_conf(void);
/* All members, and the end of them, for a proxy that has just come. */
void	 member_send_all(struct peer *);
/* Its queue has room again. */
void	 member_stream(struct peer *);
/* Those whose time has come, those beyond the size; 1: a part of them. */
int	 member_expire(void);
/* How many a table of the configuration has. */
uint64_t member_count(uint32_t id);
/* A commit has failed: count again. */
void	 member_recount(void);
/* A rule's wish; all proxies hear of it when it is granted. */
void	 member_wish(const struct msg_member *);
/* Was there one of this session, the last of those needed, since this was
 * asked?  1 or 0. */
int	 member_granted(uint64_t session);
/*
 * An operator's.  Return 0, or -1 with errno: ENOENT for a table that is none
 * or a key that is not there, ENOSPC.
 */
int	 member_add(const char *table, const char *key, uint64_t expires,
	    const char *why);
int	 member_delete(const char *table, const char *key);
/* The number of those that were in it, or -1; they go within seconds. */
int	 member_flush(const char *table);

/* record.c: what became of messages */

/* A frame of a record; -1 for one that cannot be. */
int	 record_frame(struct peer *, struct imsg *);
/*
 * The reply of the server for a record that was kept before: only where there
 * is none yet, and the session is that of the record.
 */
void	 record_reply(const struct msg_record_reply *);
/* Those of a proxy that is gone. */
void	 record_forget(struct peer *);
/* All that waited has been put on disk, or has not: errno. */
void	 record_committed(int error);
/* Delete what is older than the configuration wants; 1: a part of it. */
int	 record_expire(void);
/*
 * A record that was kept need not be any more, by what has just been deleted;
 * or many of them.
 */
void	 record_unkept(uint64_t number);
void	 record_rescan(void);

/* quarantine.c */

enum quarantine_state {
	QUARANTINE_KEPT,
	QUARANTINE_RELEASED,	/* and still there */
	QUARANTINE_LOST		/* the file is not there, or not whole */
};

/* Open its directory; fatal. */
void	 quarantine_begin(void);
/* There is no database yet: fatal when there are messages. */
void	 quarantine_new(void);
/*
 * Put the message (size bytes of a descriptor) into the quarantine under that
 * number, which its record has: a row, and a file, complete and on disk when
 * this returns 0, and with its name after the next commit, which counts only
 * then; else -1 with errno.  Its SHA-256 goes to digest, 65 bytes.
 */
int	 quarantine_put(uint64_t number, int fd, uint64_t size,
	    char *digest);
/*
 * What was put since the mark is not wanted after all, and what was deleted
 * stays; rows go back, too.
 */
void	 quarantine_mark(struct files_mark *);
void	 quarantine_undo(const struct files_mark *);
/* Open it to read: a descriptor, or -1 with errno. */
int	 quarantine_open(uint64_t number);
/* Delete file and row, and commit: 0, or -1 with errno (ENOENT). */
int	 quarantine_delete(uint64_t number);
/* Bytes of the messages in it, without those that are lost. */
uint64_t quarantine_used(void);
/* At the start: files without a row and rows without a file. */
void	 quarantine_repair(void);
/* Those that are too old go; 1: a part of them. */
int	 quarantine_expire(void);
/* Before a commit: names on disk.  0, or -1 with errno. */
int	 quarantine_sync(void);
/* After it: files whose rows are gone, or never came. */
void	 quarantine_committed(int error);

/* send.c: messages that leave the quarantine */

/*
 * Send a message from the quarantine through a proxy: to rcpt at its original
 * server, or to all its recipients (rcpt ""); done() is called once, later.
 * Returns 0, or -1 with errno: ENOENT, EAGAIN (no proxy), EBUSY (it is being
 * sent), EINVAL (rcpt).  A message that its server has taken is marked
 * QUARANTINE_RELEASED.
 */
int	 send_start(uint64_t number, const char *rcpt,
	    void (*done)(void *, const struct msg_send_done *), void *);
/*
 * Send one of the outbox, size bytes of fd, which is taken, to the one
 * recipient that m announces; done() is called once, later.  0, or -1 with
 * errno EAGAIN: no proxy is there.
 */
int	 send_out(uint64_t number, const struct msg_send *m, const char *rcpt,
	    int fd, uint64_t size,
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

/* Numbers of all proxies that there are and were; how many there are. */
unsigned int control_stats(struct msg_stats *);

/* audit.c: records as lines of JSON */

/*
 * Master's file, or the way to the journal, taken: used from audit_switch()
 * on, at a configuration.
 */
void	 audit_target(int fd, int is_journal);
/* A configuration is in force: its file or journal, or none. */
void	 audit_switch(void);
/*
 * Write a line, if somebody wants it, or keep it until the reply comes: number
 * is that of the record, recipients and facts are strings as in a frame (NULL
 * for none), digest is "" when not known.
 */
void	 audit_line(uint64_t number, const struct msg_record *,
	    const char *rcpt, size_t nrcpt, const char *facts, size_t nfacts,
	    const char *digest);
/* The reply for a record; a line may wait for it. */
void	 audit_reply(const struct msg_record_reply *);
/* Those that have waited for too long are written without it. */
void	 audit_expire(void);
/* We end: write those that wait. */
void	 audit_flush(void);
/* Lines that could not be written, since the start. */
uint64_t audit_lost(void);

/* journal.c: how the system's journal has it */

/*
 * Append the fields of an entry, up to where its message begins: 0, or -1 as
 * buf_add().
 */
int	 journal_fields(struct buf *, const struct msg_record *);

/* tally.c: how often rules have matched that have a label */

void	 tally_add(const char *name);
/* Number i from 0 on: its name, or NULL behind the last one. */
const char *tally_get(unsigned int i, uint64_t *n);

/* metrics.c: the numbers as text for Prometheus */

/*
 * The text, made anew if it is older than a second; it lasts until the next
 * call.  NULL with errno ENOMEM or ENOBUFS.
 */
const char *metrics_text(size_t *len);

/* http.c: who asks for them over a socket */

/* Master's listening socket, taken, beside those that there are. */
void	 http_listen(int fd);
/* Listen no more. */
void	 http_forget(void);

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
/* How much there is, as rows. */
void	 query_counts(struct client *);
/* Name of a command, for the log. */
const char *query_name(uint32_t command);

/* kernel.c */

/*
 * A member of this table is new, stays longer, or is no more: master is told,
 * if the table is one for the kernel.  And of all members of such tables; and
 * once more, if it could not be told.
 */
void	 kernel_changed(const struct conf_dynamic_wire *, const char *key);
void	 kernel_all(void);
void	 kernel_again(void);

#endif /* MAILWALL_STORE_H */

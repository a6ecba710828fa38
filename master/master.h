/* SPDX-License-Identifier: ISC */

/*
 * What the files of mailwalld share.  Master reads no byte from the network;
 * it starts the others, gives them sockets, and buries them.
 */

#ifndef MAILWALL_MASTER_H
#define MAILWALL_MASTER_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdint.h>

#include "addr.h"
#include "conf.h"
#include "ev.h"
#include "imsg.h"
#include "log.h"

struct slot;

/* A running child process. */
struct child {
	TAILQ_ENTRY(child)	 entry;
	struct slot		*slot;		/* NULL once it was replaced */
	enum proc_type		 type;
	uint32_t		 instance;
	pid_t			 pid;
	int			 ready;		/* IMSG_READY has come */
	int			 draining;	/* IMSG_DRAIN was sent */
	int			 unconfigured;	/* IMSG_CONF_DONE is awaited */
	int			 pinged;	/* and has not answered yet */
	uint64_t		 content;	/* digest of the lists it has */
	struct imsgbuf		 ibuf;
	struct ev		 ev;		/* of ibuf.fd */
	struct ev		 logev;		/* its standard error */
	int			 logfd;
	size_t			 loglen;
	char			 logbuf[LOG_LINE_MAX];
	struct evtimer		 timer;		/* deadline of start or drain */
	struct evtimer		 ping;		/* proxy: next IMSG_PING */
	uint64_t		 started;	/* ms */
	char			 tag[32];	/* "proxy[4711]" */
};

TAILQ_HEAD(children, child);

/* A place in a pool; the child in it may change. */
struct slot {
	TAILQ_ENTRY(slot)	 entry;
	enum proc_type		 type;
	struct child		*child;		/* NULL: waiting for respawn */
	struct child		*next;		/* scanner: coming generation */
	unsigned int		 deaths;	/* in quick succession */
	struct evtimer		 respawn;
};

TAILQ_HEAD(slots, slot);

/* A running mailwalld. */
struct master {
	struct conf		*conf;
	const char		*conf_path;
	const char		*libexec;
	int			 exe[PROC_MAX];	/* O_PATH of the programs */
	int			 started;	/* everybody was ready once */
	int			 stopping;	/* SIGTERM: 1, 2 */
	int			 reloading;	/* somebody has the old one */
	struct slots		 slots;
	struct children		 children;
	struct addr		*local;		/* addresses of this host */
	size_t			 nlocal;
	uint64_t		 sigs;		/* of the current scanner */
};

extern struct master	 master;

/* main.c */

/* Open, confine, loop; returns when everybody has ended. */
void		 master_run(int foreground);
/* Everybody ready?  Then tell the world, once. */
void		 master_check_start(void);
/* Reloading, and everybody has the new configuration?  Then say so. */
void		 master_check_reload(void);
/* Stopping, and everybody gone?  Then end the loop. */
void		 master_check_end(void);

/*
 * Read the configuration again, or the file of one table and nothing else.
 * Returns 0 when the new one is on its way to all, -1 (logged) when the old
 * one stays.
 */
int		 master_reload(const char *table);

/* control.c */

/* Make the socket that operators connect to; fatal when that fails. */
void		 control_open(const struct conf_globals *);
/* Give it to a store. */
void		 control_send(struct child *);
/* What an operator wants of us, by the store. */
void		 control_request(struct child *, const struct imsg *);

/* audit.c */

/*
 * Open the file of "audit file" or the way to the journal, if there is one: 0,
 * or -1, logged.  Each time anew, since the old file may have been renamed, or
 * the journal's socket made anew.
 */
int		 audit_open(struct conf *);
/* Give it to the store; before the configuration. */
void		 audit_send(struct child *);

/* metrics.c */

/*
 * Open the sockets of conf that old (may be NULL) does not have open.
 * Returns 0, or -1 (logged).
 */
int		 metrics_open(struct conf *, const struct conf *old);
/* Remove what conf has in the file system, unless next (or NULL) has it. */
void		 metrics_close(const struct conf *, const struct conf *next);
/* Give the sockets to a store, behind a configuration. */
void		 metrics_send(struct child *);
/* A child has ended unasked. */
void		 metrics_death(const struct child *);
/* A scanner has said what it has loaded. */
void		 metrics_scanner(const struct msg_ready *);
/* Tell the store which processes there are now. */
void		 metrics_status(void);

/* source.c */

/* A proxy's count of a source.  Returns 0, or -1: it cannot have that. */
int		 source_count(struct child *, const struct msg_source *);
/* A proxy is gone, with all that it counted. */
void		 source_gone(const struct child *);

/* confsend.c */

/* Queue the whole configuration for a child.  0, or -1 with errno. */
int		 config_send(struct imsgbuf *, const struct conf *);

/* child.c */

/*
 * Open the programs of the children in dir; fatal when one is missing.  They
 * are held open, so a running master never starts a newer child by accident.
 */
void		 children_open(const char *dir);
/* Make the pools as large as the configuration says, start what is missing. */
void		 children_fill(void);
/* Ask one child to finish. */
void		 child_drain(struct child *);
/* Begin to watch over a proxy's loop. */
void		 child_watch(struct child *);
/* Start a new generation of scanner beside the running one. */
void		 children_new_scanner(const char *why);
/* Reap what has died or stopped; after SIGCHLD. */
void		 children_reap(void);
/* Send the configuration to everyone who holds one. */
void		 children_configure(void);
/* Send the list of local addresses to one proxy, or to all (NULL). */
void		 children_local(struct child *);
/* Ask everyone to finish; when proxies are gone the others follow. */
void		 children_drain(void);
/* SIGKILL to all, wait for them. */
void		 children_kill(void);

/* dispatch.c */

/* Event handler of a child's channel; arg is the child. */
void		 dispatch_child(int, uint32_t, void *);
/* Frames may be waiting in the child's queue: watch for room. */
void		 dispatch_want_write(struct child *);

/* spawn.c */

/*
 * fork and exec a child of that type; returns it with its channel and log
 * pipe watched, or NULL (logged) when there are no resources.
 */
struct child	*spawn_child(enum proc_type, uint32_t instance);
/* Event handler of a child's log pipe; arg is the child. */
void		 spawn_log(int, uint32_t, void *);
/* Read what is left in the pipe, close it. */
void		 spawn_log_close(struct child *);

/* listen.c */

/*
 * Open the listeners of conf; those that old (may be NULL) has open at the
 * same address in the same mode are shared.  0, or -1 when one could not be
 * opened (logged).
 */
int		 listen_open(struct conf *conf, const struct conf *old);
/* A TCP socket for a proxy to connect; -1 with errno. */
int		 listen_sock(uint32_t kind, uint32_t mark);

/* local.c */

/* Watch the addresses of this host; fatal on failure. */
void		 local_init(void);

/* notify.c */

/* Tell systemd, if there is one (sd_notify(3)); text as "READY=1". */
void		 notify_systemd(const char *text);

/* kernel.c */

/*
 * Addresses that the kernel shall drop, or no more: struct msg_block, len
 * bytes of them.  What the kernel does not take is logged.  Returns 0, or -1
 * for one that is none.
 */
int		 kernel_block(const void *data, size_t len);

#endif /* MAILWALL_MASTER_H */

/* SPDX-License-Identifier: ISC */

/*
 * What the parts of mailwall-scanner know of each other.
 *
 * The program is two kinds of process.  The loader (main.c, dispatch.c,
 * pool.c, dbwatch.c) loads the signatures once, then only passes descriptors
 * on: it never maps a message.  Its workers (worker.c, engine.c, layers.c,
 * ole2.c, clamd.c) are forked from it, share the loaded engine copy-on-write,
 * and are the ones that the sender of a message can take over.
 */

#ifndef MAILWALL_SCANNER_H
#define MAILWALL_SCANNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto.h"
#include "sandbox.h"

struct conf;
struct conf_globals;
struct facts;			/* see inspect.h */
struct parts;
struct peer;

/* Reasons for these maxima stand where they are used. */
#ifndef WORKER_SCANS_MAX	/* fewer in a test */
#define WORKER_SCANS_MAX	20000	/* then a fresh one: heap fragments */
#endif
#define WORKER_FILES_MAX	256	/* descriptors; libclamav keeps one a
					   level open, scan_depth at most */
#define LOADER_FILES_MAX	2048	/* SCAN_QUEUE_MAX twice, the channels
					   of all proxies, workers, and slack */
#define TMP_ENTRIES_MAX		200000	/* cleaned after a dead worker */
#define TMP_PATH_MAX		64	/* "/tmp/<pid>.<index>" */

/* ---- main.c ---- */

/* Ask master for another loader beside this one. */
void		 scanner_stale(const char *why);

/* ---- result.c: what one message comes to ---- */

struct result {
	uint32_t	 verdict;	/* enum verdict, the worst so far */
	uint32_t	 part;		/* where that was found */
	uint32_t	 nhits;		/* findings of any kind */
	uint32_t	 flags;		/* SCAN_* of proto.h */
	char		 name[SCAN_NAME_MAX];	/* of the worst; "" if clean */
};

void		 result_init(struct result *);
/*
 * Add a finding.  The first of the highest verdict gives the name; what is
 * not printable ASCII in it becomes '?'.  Never called with VERDICT_CLEAN.
 */
void		 result_add(struct result *, enum verdict, uint32_t part,
		    const char *, ...)
		    __attribute__((__format__(printf, 4, 5)));
/* What another look came to: counts like findings that came later. */
void		 result_merge(struct result *, const struct result *);
/* What the parser says that nobody could look into. */
void		 result_limits(struct result *, const struct parts *);
/* Fill in the frame that carries the result. */
void		 result_frame(const struct result *, uint32_t usec,
		    struct msg_scan_done *);

/* ---- the engines ---- */

/* One message to look into. */
struct scan {
	const struct parts	*parts;
	int			 msgfd;	/* sealed; the engine may not close */
	uint64_t		 due;	/* ms of now_ms(): give up then */
	/* Where to note what files there are; NULL: nowhere. */
	struct facts		*facts;
	int			 want_hashes;	/* of each: SHA-256, too */
	/*
	 * Told the text of documents and members, UTF-8, in pieces; those of
	 * one file follow each other.  NULL when nobody wants it.
	 */
	void			(*text)(void *, uint32_t part,
				    const uint8_t *, size_t);
	void			*text_arg;
};

/*
 * What a scanner works with.  load() and root() run in the loader, worker()
 * and scan() in a worker.  Where something fails it has been logged.
 */
struct backend {
	int			 uses_tmp;	/* workers have a directory */
	int			 may_be_down;	/* ready without a good test */
	/*
	 * As the scanner's user, not yet confined: read all that is ever
	 * read from a file.  Returns 0 with the facts for the frame, or
	 * -1.
	 */
	int			(*load)(const struct conf_globals *,
				    struct msg_ready *);
	/* Find the directory to chroot to: 0, or -1. */
	int			(*root)(const struct conf_globals *, char *,
				    size_t);
	/* A worker, before its filter: 0, or -1. */
	int			(*worker)(const struct conf_globals *,
				    const char *tmpdir);
	/* Look into a message; whatever happens is in the result. */
	void			(*scan)(const struct scan *, struct result *);
	const struct sandbox_rule *loader_rules;
	const size_t		*nloader_rules;
	const struct sandbox_rule *worker_rules;
	const size_t		*nworker_rules;
};

extern const struct backend	 engine_backend;	/* libclamav */
extern const struct backend	 clamd_backend;
extern const struct backend	 none_backend;

/* ---- layers.c: what libclamav reports while it unpacks ---- */

#define LAYERS_MAX	64	/* deeper is a finding of its own */
#define LAYER_NAME_MAX	80	/* of a member, for a reason's text */

/* Something that libclamav has opened and not finished yet. */
struct layer {
	const char	*kind;		/* archive: "ZIP" ...; else NULL */
	const char	*buf;		/* the address is compared, nothing */
	size_t		 size;		/* is read */
	int		 counted;	/* members and children must agree */
	int		 carved;	/* met by its magic inside another */
	int		 opened;	/* by somebody else */
	uint32_t	 children;	/* layers seen right below */
	uint32_t	 members;	/* that ought to come */
	uint32_t	 listed;	/* that it has at all */
	uint32_t	 lastpos;	/* libclamav names each twice */
	char		 name[LAYER_NAME_MAX];
};

struct layers {
	struct result	*result;
	uint32_t	 part;		/* index that findings go to */
	uint64_t	 file_max;	/* bytes of one member */
	const char	*top;		/* name of the part, or "" */
	uint32_t	 nopen;		/* of layer[] */
	int		 pending;	/* announced, and not come yet */
	char		 pending_name[LAYER_NAME_MAX];
	/* Told of every layer below the first; NULL for nobody. */
	void		(*seen)(void *, const char *, size_t);
	void		*seen_arg;
	/* Has somebody else opened this archive?  NULL for nobody. */
	int		(*opened)(const char *, size_t);
	struct layer	 layer[LAYERS_MAX];
};

/* Begin a scan of one part; top is kept, not copied. */
void		 layers_init(struct layers *, struct result *, uint32_t part,
		    uint64_t file_max, const char *top);
/* libclamav unpacked something.  Returns 1 to have it blocked, else 0. */
int		 layers_enter(struct layers *, const char *type,
		    const char *name, const char *buf, size_t size,
		    uint32_t level);
/* An archive says what it has.  Returns 1 to have it blocked, else 0. */
int		 layers_member(struct layers *, const char *type,
		    const char *name, uint64_t size, int encrypted,
		    uint32_t pos);
/* A signature or a heuristic. */
void		 layers_match(struct layers *, const char *name);
/* The scan of the part is over: archives that did not open are findings. */
void		 layers_finish(struct layers *);

/* ---- ole2.c ---- */

/* Is this compound file an encrypted document?  1 or 0. */
int		 ole2_encrypted(const uint8_t *, size_t);
/* Is a stream of that name the document of Word or Excel?  1 or 0. */
int		 ole2_is_document(const char *name);
/* ... and is that encrypted?  1 or 0; of any other stream 0. */
int		 ole2_document_encrypted(const char *name, const uint8_t *,
		    size_t);

/* ---- content.c: what rules look for in text ---- */

/* The loader, before anything is confined: 0, or -1, logged. */
int		 content_load(const struct conf *);
/* A worker, likewise. */
int		 content_worker(void);
/* Does any rule look for anything: 1 or 0. */
int		 content_is_wanted(void);
/* A message begins, and is given up at due (ms of now_ms()). */
void		 content_begin(uint64_t due);
/* Text of a file of a part; fits struct scan. */
void		 content_file(void *, uint32_t part, const uint8_t *, size_t);
/*
 * All other texts, and the end: hits, at most CONF_USES_MAX, and whether all
 * was looked at goes to the result.  Returns the number of hits.
 */
unsigned int	 content_end(const struct parts *, struct msg_scan_hit *,
		    struct result *);

/* ---- tmpdir.c ---- */

/*
 * Make an empty directory at path, or empty the one that is there.  Returns
 * 0, or -1, logged.
 */
int		 tmpdir_make(const char *path);
/* Remove it with all that is in it; trouble is logged only. */
void		 tmpdir_remove(const char *path);
/* Remove what loaders that live no more have left under dir. */
void		 tmpdir_sweep(const char *dir);

/* ---- dbwatch.c ---- */

/*
 * Watch the signatures at path (directory or file); scanner_stale() is called
 * each time that they have changed and then been left alone for some seconds.
 * Opens what it needs at once, so that no later chroot matters.
 */
void		 dbwatch_start(const char *path);
/* Epoch seconds of the newest signature file, 0 if there is none. */
uint64_t	 dbwatch_newest(const char *path);

/* ---- worker.c ---- */

/*
 * The life of a worker; chan is its channel.  Closes every other descriptor
 * but the log's.
 */
void		 worker_main(int chan, const char *tmpdir,
		    const struct backend *, const struct conf_globals *,
		    uint64_t max_memory) __attribute__((__noreturn__));

/* ---- pool.c: the workers, as the loader sees them ---- */

/* A message on its way through the loader. */
struct job {
	TAILQ_ENTRY(job)	 entry;	/* while it waits */
	struct peer		*peer;	/* who asked; NULL: gone, or we */
	uint64_t		 id;	/* the asker's number for it */
	uint64_t		 uid;	/* ours, never used twice */
	struct msg_scan_req	 req;
	int			 msgfd;
	int			 arenafd;	/* -1 until it has come */
	uint64_t		 due;	/* ms of now_ms() */
	struct msg_scan_hit	*hit;	/* that the worker has told so far */
	uint32_t		 nhits;
	struct file_fact	*file;	/* likewise */
	uint32_t		 nfiles;
};

/*
 * Start n workers.  done() gets every job back exactly once and owns it then;
 * idle() is called when a worker has become free.  nuses bounds the hits that
 * a worker may tell of one message.
 */
void		 pool_start(unsigned int n, const struct backend *,
		    const struct conf_globals *, uint64_t max_memory,
		    uint32_t nuses,
		    void (*done)(struct job *, const struct msg_scan_done *),
		    void (*idle)(void));
/* Give a job to a free worker.  Returns 0 (taken), or -1: none is free. */
int		 pool_assign(struct job *);
/* A proxy has gone: nobody wants the answers to its jobs. */
void		 pool_forget(const struct peer *);
/* End all workers; for the end of the loader only. */
void		 pool_stop(void);

/* ---- dispatch.c: the proxies and the queue ---- */

void		 dispatch_start(const struct conf_globals *);
/* Fork n workers behind the queue. */
void		 dispatch_pool(unsigned int n, const struct backend *,
		    const struct conf_globals *, uint64_t max_memory,
		    uint32_t nuses);
/* A reload may change how long a message may take. */
void		 dispatch_timeout(uint64_t ms);
/* A channel to a proxy; takes fd. */
void		 dispatch_channel(int fd, uint32_t instance);
/* A job of our own (see selftest.c), through queue and workers like any. */
void		 dispatch_submit(struct job *);
/* Make an answer of the loader's own. */
void		 dispatch_failed(struct msg_scan_done *, const char *why);
/* When the last proxy has gone and nothing is left to do: ev_stop(). */
void		 dispatch_drain(void);

/* ---- selftest.c ---- */

/* Make the message; before confinement. */
void		 selftest_prepare(void);
/*
 * Send a message with the EICAR test string through queue, worker and engine.
 * done(1) when it came back with a verdict, done(0) when the scan failed.
 * finds: the backend looks for viruses, and ought to find it.
 */
void		 selftest_start(int finds, void (*done)(int));
/* Is the job ours?  Then its answer is taken: 1, else 0. */
int		 selftest_done(const struct job *,
		    const struct msg_scan_done *);

/* ---- sandbox.c ---- */

extern const struct sandbox_rule	 scanner_loader_rules[];
extern const size_t			 scanner_nloader_rules;
extern const struct sandbox_rule	 scanner_worker_rules[];
extern const size_t			 scanner_nworker_rules;
extern const struct sandbox_rule	 scanner_clamd_loader_rules[];
extern const size_t			 scanner_nclamd_loader_rules;
extern const struct sandbox_rule	 scanner_clamd_worker_rules[];
extern const size_t			 scanner_nclamd_worker_rules;
extern const struct sandbox_rule	 scanner_none_loader_rules[];
extern const size_t			 scanner_nnone_loader_rules;
extern const struct sandbox_rule	 scanner_none_worker_rules[];
extern const size_t			 scanner_nnone_worker_rules;

#endif /* MAILWALL_SCANNER_H */

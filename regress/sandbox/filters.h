/* SPDX-License-Identifier: ISC */

/* What the two halves of the test of the filters know of each other. */

#ifndef REGRESS_SANDBOX_FILTERS_H
#define REGRESS_SANDBOX_FILTERS_H

/* The filters of the product, in the order of the tables' columns. */
enum profile {
	PROXY,
	PARSER,
	LOADER,
	WORKER,
	CLAMD_LOADER,
	CLAMD_WORKER,
	STORE,
	NPROFILES
};

/* An outcome that is neither success (0) nor an errno. */
#define KILLED		(-1)	/* SIGSYS */
#define REACHES		(-2)	/* the kernel decides, not the filter */

/* A directory that the worker's Landlock leaves to it. */
extern char		 scratch_dir[];

/* Confine the calling process as the product's process is. */
void		 confine(enum profile);
/*
 * Run f in a child of its own that is confined so.  Returns what f returned
 * (0 or an errno), KILLED for SIGSYS, or -100 - n for signal n.
 */
int		 run_confined(enum profile, int (*f)(const void *),
		    const void *);
/* One line of the result; why is NULL when the case holds. */
void		 report(enum profile, const char *name, const char *why, ...)
		    __attribute__((__format__(printf, 3, 4)));

/* works.c: that each process can do its work under its filter. */
void		 test_works(void);

#endif /* REGRESS_SANDBOX_FILTERS_H */

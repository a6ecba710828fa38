/* SPDX-License-Identifier: ISC */

/*
 * Members of dynamic tables that the kernel shall know, because it drops what
 * comes from them: master is told of each, since it alone may talk to the
 * kernel.  It learns all of them whenever the store starts or the
 * configuration changes, or it has missed some; the kernel itself forgets
 * them in time.
 */

#include <string.h>
#include <time.h>

#include "store.h"

#define FRAME_BLOCKS	(IMSG_DATA_MAX / sizeof(struct msg_block))

struct blocks {
	struct msg_block	 b[FRAME_BLOCKS];
	size_t			 n;
};

static int	 block_make(struct msg_block *, const char *, uint64_t);
static void	 blocks_end(struct blocks *);

static int	 missed;	/* master's queue was full */

/* What master must know; 0 for a member that is no address, or is over. */
static int
block_make(struct msg_block *b, const char *key, uint64_t expires)
{
	uint64_t	 now;

	memset(b, 0, sizeof(*b));
	if (addr_parse(&b->addr, key) == -1)
		return (0);
	if (expires == 0)
		return (1);
	now = (uint64_t)time(NULL);
	if (expires <= now)
		return (0);
	b->seconds = expires - now > MAX_KEEP ? MAX_KEEP :
	    (uint32_t)(expires - now);
	return (1);
}

static void
blocks_end(struct blocks *v)
{
	if (v->n > 0 && imsg_compose(&store.master, IMSG_BLOCK, 0, -1, v->b,
	    v->n * sizeof(v->b[0])) == -1) {
		if (!missed)
			log_warn("master cannot be told whom the kernel shall "
			    "drop: it is told later");
		missed = 1;
	}
	v->n = 0;
	store_want_write();
}

/* The longest of its stays in such tables; there may be several. */
void
kernel_changed(const struct conf_dynamic_wire *t, const char *key)
{
	struct blocks	 v;
	sqlite3_stmt	*s;
	uint64_t	 expires, e;
	uint32_t	 i;
	int		 is_there;

	if ((t->flags & DYNAMIC_KERNEL) == 0)
		return;
	is_there = 0;
	expires = 0;
	for (i = 0; i < store.conf->ndynamics; i++) {
		t = &store.conf->dynamic[i];
		if ((t->flags & DYNAMIC_KERNEL) == 0)
			continue;
		s = db_prepare("SELECT expires FROM member WHERE tbl = ? "
		    "AND key = ?");
		db_text(s, 1, t->name);
		db_text(s, 2, key);
		if (db_row(s)) {
			e = db_get(s, 0);
			if (!is_there || e == 0 || (expires != 0 &&
			    e > expires))
				expires = e;
			is_there = 1;
		}
		db_done(s);
	}
	v.n = 0;
	if (is_there && block_make(&v.b[0], key, expires))
		v.n = 1;
	else if (block_make(&v.b[0], key, 0)) {
		v.b[0].remove = 1;
		v.n = 1;
	}
	blocks_end(&v);
}

void
kernel_again(void)
{
	if (!missed || store.master.nqueued > 0)
		return;
	missed = 0;
	kernel_all();
}

void
kernel_all(void)
{
	const struct conf_dynamic_wire	*t;
	struct blocks			 v;
	sqlite3_stmt			*s;
	uint32_t			 i;

	v.n = 0;
	for (i = 0; i < store.conf->ndynamics; i++) {
		t = &store.conf->dynamic[i];
		if ((t->flags & DYNAMIC_KERNEL) == 0)
			continue;
		s = db_prepare("SELECT key, expires FROM member "
		    "WHERE tbl = ?");
		db_text(s, 1, t->name);
		while (db_row(s))
			if (block_make(&v.b[v.n], db_string(s, 0),
			    db_get(s, 1)) && ++v.n == FRAME_BLOCKS)
				blocks_end(&v);
		db_done(s);
	}
	blocks_end(&v);
}

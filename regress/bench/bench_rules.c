/* SPDX-License-Identifier: ISC */

/*
 * What rules cost: all five moments of a message with one recipient, against
 * few rules and against many, most of which are about somebody else.
 *
 *	bench_rules [RULES]
 *
 * RULES is how many there are, by default 10000, of five kinds.  Prints a line
 * for each number of rules: microseconds a message, and how many times more
 * than with ten rules that is.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf.h"

#define BENCH_NS	700000000ULL	/* how long each is repeated */

static uint64_t	 sum;			/* so that nothing is left out */

static uint64_t
now_ns(void)
{
	struct timespec	 ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
}

static uint32_t
addresses(struct conf *conf, const char *before, unsigned int i,
    const char *behind)
{
	struct conf_list	*l;
	char			 text[64];

	snprintf(text, sizeof(text), "%s%u%s", before, i, behind);
	if ((l = conf_add_list(conf, LIST_ADDRESSES, "")) == NULL ||
	    conf_add_entry(conf, l, 1, text, strlen(text)) == -1)
		err(1, "addresses");
	return (l->w.id);
}

static uint32_t
network(struct conf *conf, unsigned int i)
{
	struct conf_table	*t;
	struct conf_net		 n;
	char			 text[64];

	snprintf(text, sizeof(text), "10.%u.%u.0/%u", i >> 8 & 255, i & 255,
	    24 + i % 8);
	memset(&n, 0, sizeof(n));
	if (addr_parse_net(&n.net, text) == -1 ||
	    (t = conf_add_table(conf, "")) == NULL ||
	    conf_add_net(conf, t, &n) == -1)
		err(1, "network");
	return (t->w.id);
}

static void
add_rule(struct conf *conf, unsigned int i)
{
	static const enum rule_phase	 phase[] = {
		PHASE_CONNECT, PHASE_MAIL, PHASE_RCPT, PHASE_MESSAGE,
		PHASE_MESSAGE
	};
	struct conf_rule_wire		 w;

	conf_rule_init(&w, phase[i % 5]);
	w.action = ACTION_BLOCK;
	switch (i % 5) {
	case 0:
		w.source = network(conf, i);
		break;
	case 1:
		w.sender = addresses(conf, "s", i, "@example.net");
		w.size_over = i + 1;
		break;
	case 2:
		w.rcpt = addresses(conf, "r", i, "@example.org");
		break;
	case 3:
		w.source = network(conf, i);
		w.rcpt = addresses(conf, "m", i, "@example.org");
		break;
	default:
		w.sender = addresses(conf, "@h", i, ".example.net");
		w.file_flags = 1;
		break;
	}
	if (conf_add_rule(conf, &w) == NULL)
		err(1, "conf_add_rule");
}

static void
one_message(const struct conf *conf, struct conf_facts *f)
{
	unsigned int	 i;

	for (i = 0; i < PHASE_MAX; i++)
		sum += conf_match(conf, i, f, NULL, NULL)->action;
	sum += conf_rcpt_class(conf, f->rcpt, f);
}

/* Microseconds a message. */
static double
measure(unsigned int nrules)
{
	struct conf		*conf;
	struct conf_facts	 f;
	struct addr		 client, server;
	uint64_t		 begin, end;
	unsigned int		 i, n;

	conf = conf_new();
	for (i = 0; i < nrules; i++)
		add_rule(conf, i);
	if (conf_done(conf) == -1)
		err(1, "conf_done");
	memset(&f, 0, sizeof(f));
	addr_parse(&client, "192.0.2.1");
	addr_parse(&server, "198.51.100.1");
	f.source = &client;
	f.dest = &server;
	f.virus = "";
	f.helo = "client.example.com";
	f.sender = "somebody@mail.client.example.com";
	f.rcpt = "postmaster@example.org";
	f.nrcpt = f.rcpt_count = 1;
	n = 0;
	begin = now_ns();
	do {
		for (i = 0; i < 100; i++)
			one_message(conf, &f);
		n += i;
		end = now_ns();
	} while (end - begin < BENCH_NS);
	conf_unref(conf);
	return ((double)(end - begin) / 1000 / n);
}

int
main(int argc, char *argv[])
{
	double		 few, us;
	unsigned int	 many, n;

	many = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 10000;
	few = measure(10);
	printf("%8u rules: %8.2f us a message\n", 10U, few);
	for (n = 100; n <= many; n *= 10) {
		us = measure(n);
		printf("%8u rules: %8.2f us a message, %.1f times\n", n, us,
		    us / few);
	}
	return (sum == UINT64_MAX);
}

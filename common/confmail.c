/* SPDX-License-Identifier: ISC */

/* What rules have sent, and to which addresses that can go. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"

static int	 is_atext(int);
static int	 atoms_ok(const char *, const char *, int (*)(int));
static int	 is_label(int);

uint32_t
conf_add_mail(struct conf *conf, const struct conf_mail_wire *w)
{
	struct conf_mail_wire	*v;

	if (conf->nmails >= CONF_MAILS_MAX) {
		errno = ENOSPC;
		return (UINT32_MAX);
	}
	v = reallocarray(conf->mail, conf->nmails + 1, sizeof(*v));
	if (v == NULL)
		fatal("%s", __func__);
	v[conf->nmails] = *w;
	v[conf->nmails].id = conf->nmails;
	conf->mail = v;
	return (conf->nmails++);
}

/* RFC 5322 section 3.2.3. */
static int
is_atext(int c)
{
	return (isascii(c) && (isalnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL)));
}

static int
is_label(int c)
{
	return (isascii(c) && (isalnum(c) || c == '-'));
}

/* Words of such characters with a dot between them, from p up to end. */
static int
atoms_ok(const char *p, const char *end, int (*is_char)(int))
{
	int	 n;

	for (n = 0; p < end; p++) {
		if (*p == '.' && n > 0)
			n = 0;
		else if (is_char((unsigned char)*p))
			n++;
		else
			return (0);
	}
	return (n > 0);
}

/*
 * Without quotes, comments and letters beyond ASCII, so that it can stand in
 * a header and in a command as it is; RFC 5321 section 4.5.3.1 for lengths.
 */
int
conf_mailbox_ok(const char *s)
{
	const char	*at, *end;

	if ((at = strrchr(s, '@')) == NULL || at - s > 64 ||
	    strlen(at + 1) > 255 || !atoms_ok(s, at, is_atext))
		return (0);
	end = at + 1 + strlen(at + 1);
	if (at[1] == '[' && end[-1] == ']')
		return (strspn(at + 2, "0123456789abcdefABCDEFIPv.:") ==
		    (size_t)(end - 1 - (at + 2)) && end - at > 3);
	return (atoms_ok(at + 1, end, is_label));
}

const char *
conf_out_name(uint32_t kind)
{
	static const char *const names[OUT_MAX] = {
		[OUT_NOTIFY] = "notify",
		[OUT_REPLY] = "reply",
		[OUT_COPY] = "copy",
		[OUT_REDIRECT] = "redirect",
	};

	return (kind < OUT_MAX ? names[kind] : "unknown");
}

/* SPDX-License-Identifier: ISC */

/*
 * SMTP commands (RFC 5321 section 4.1).
 *
 * The line was chosen by the client, who may want the server to see another
 * command than we do.  So the grammar here is narrow: a verb of letters right
 * at the begin, one space, arguments without controls.  What does not fit is
 * refused and never forwarded; what fits is forwarded as it stands.
 */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "proxy.h"

static int	 params_ok(const char *, size_t);

static const struct {
	const char	*name;
	enum verb	 verb;
} verbs[] = {
	{ "MAIL",	VERB_MAIL },
	{ "RCPT",	VERB_RCPT },
	{ "DATA",	VERB_DATA },
	{ "EHLO",	VERB_EHLO },
	{ "QUIT",	VERB_QUIT },
	{ "BDAT",	VERB_BDAT },		/* RFC 3030 */
	{ "RSET",	VERB_RSET },
	{ "NOOP",	VERB_NOOP },
	{ "HELO",	VERB_HELO },
	{ "AUTH",	VERB_AUTH },
	{ "HELP",	VERB_HELP },
	{ "VRFY",	VERB_VRFY },
	{ "STARTTLS",	VERB_STARTTLS },
	/* Policy decides about most of these; see command_other(). */
	{ "BURL",	VERB_KNOWN_REFUSED },	/* RFC 4468 */
	{ "EXPN",	VERB_KNOWN_REFUSED },
	{ "TURN",	VERB_KNOWN_REFUSED },	/* RFC 821 */
	{ "ETRN",	VERB_KNOWN_REFUSED },	/* RFC 1985 */
	{ "ATRN",	VERB_KNOWN_REFUSED },	/* RFC 2645 */
	{ "SEND",	VERB_KNOWN_REFUSED },
	{ "SOML",	VERB_KNOWN_REFUSED },
	{ "SAML",	VERB_KNOWN_REFUSED },
	{ "VERB",	VERB_KNOWN_REFUSED },
	{ "DEBUG",	VERB_KNOWN_REFUSED },
	{ "WIZ",	VERB_KNOWN_REFUSED },
	{ "XCLIENT",	VERB_KNOWN_REFUSED },
	{ "XFORWARD",	VERB_KNOWN_REFUSED },
	{ "XEXCH50",	VERB_KNOWN_REFUSED },
};

enum verb
command_parse(const char *line, size_t len, size_t *arg)
{
	size_t	 i, n;

	for (n = 0; n < len; n++)
		if (!((line[n] >= 'A' && line[n] <= 'Z') ||
		    (line[n] >= 'a' && line[n] <= 'z') ||
		    (n > 0 && line[n] >= '0' && line[n] <= '9')))
			break;
	*arg = n;
	if (n < len && line[n] != ' ')
		return (VERB_UNKNOWN);
	while (*arg < len && line[*arg] == ' ')
		(*arg)++;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strlen(verbs[i].name) == n &&
		    strncasecmp(verbs[i].name, line, n) == 0)
			return (verbs[i].verb);
	return (VERB_UNKNOWN);
}

enum smtp_verb
command_other(const char *line, size_t len)
{
	unsigned int	 i;
	size_t		 n;

	for (n = 0; n < len && line[n] != ' '; n++)
		;
	for (i = 0; i < SMTP_UNKNOWN; i++)
		if (strlen(conf_verb_name(i)) == n &&
		    strncasecmp(conf_verb_name(i), line, n) == 0)
			break;
	return (i);
}

/* RFC 5321 appendix F.2, and what servers of old did with local parts. */
unsigned int
command_forms(const char *path)
{
	const char	*p, *at, *local;
	unsigned int	 forms;
	int		 quoted;

	forms = 0;
	local = path;
	if (*path == '@' && (p = strchr(path, ':')) != NULL) {
		forms |= 1U << FORM_SOURCE_ROUTE;
		local = p + 1;
	}
	at = NULL;
	quoted = 0;
	for (p = local; *p != '\0'; p++) {
		if (*p == '\\' && quoted && p[1] != '\0')
			p++;
		else if (*p == '"') {
			quoted = !quoted;
			if (at == NULL)
				forms |= 1U << FORM_QUOTED;
		} else if (*p == '@' && !quoted)
			at = p;
		else if (*p == '%' && at == NULL)
			forms |= 1U << FORM_PERCENT;
		else if (*p == '!' && at == NULL)
			forms |= 1U << FORM_BANG;
	}
	/* As the local part is when its quoting has been taken off. */
	for (p = local; *p == '"' || *p == '\\'; p++)
		;
	if (*p == '|')
		forms |= 1U << FORM_PIPE;
	if (*p == '/')
		forms |= 1U << FORM_FILE;
	if (at != NULL && at[1] == '[')
		forms |= 1U << FORM_LITERAL;
	if (at == NULL && *local != '\0')
		forms |= 1U << FORM_UNQUALIFIED;
	return (forms);
}

/*
 * Nothing but parameters: keyword, or keyword=value (RFC 5321 section 4.1.2).
 * "RCPT TO:Bob <alice@example.org>" is alice to many a server.
 */
static int
params_ok(const char *p, size_t len)
{
	size_t	 i, start;

	for (i = 0; i < len; ) {
		start = i;
		while (i < len && (isalnum((unsigned char)p[i]) ||
		    (p[i] == '-' && i > start)))
			i++;
		if (i == start)
			return (0);
		if (i < len && p[i] == '=')
			while (i < len && p[i] != ' ')
				i++;
		if (i < len && p[i] != ' ')
			return (0);
		while (i < len && p[i] == ' ')
			i++;
	}
	return (1);
}

int
command_path(enum verb verb, const char *arg, size_t len, char *path,
    size_t size, size_t *params)
{
	const char	*word;
	size_t		 i, n;
	int		 quoted, bracket;

	word = verb == VERB_MAIL ? "FROM:" : "TO:";
	n = strlen(word);
	if (len < n || strncasecmp(arg, word, n) != 0)
		return (-1);
	i = n;
	/* Not in the grammar, but everywhere in the field. */
	while (i < len && arg[i] == ' ')
		i++;
	bracket = i < len && arg[i] == '<';
	if (bracket)
		i++;
	quoted = 0;
	for (n = 0; i < len; i++) {
		if (quoted && arg[i] == '\\' && i + 1 < len) {
			if (n + 2 >= size)
				return (-1);
			path[n++] = arg[i++];
		} else if (arg[i] == '"')
			quoted = !quoted;
		else if (!quoted && (arg[i] == '>' || arg[i] == ' '))
			break;
		else if (!quoted && arg[i] == '<')
			return (-1);
		if (n + 1 >= size)
			return (-1);
		path[n++] = arg[i];
	}
	path[n] = '\0';
	if (quoted)
		return (-1);
	if (bracket) {
		if (i >= len || arg[i] != '>')
			return (-1);
		i++;
	} else if (n == 0)
		return (-1);
	if (i < len && arg[i] != ' ')
		return (-1);
	while (i < len && arg[i] == ' ')
		i++;
	*params = i;
	if (!params_ok(arg + i, len - i))
		return (-1);
	/* RCPT TO:<> is nobody. */
	if (verb == VERB_RCPT && n == 0)
		return (-1);
	return (0);
}

int
command_bdat(const char *arg, size_t len, uint64_t *size, int *last)
{
	size_t	 i;

	*size = 0;
	*last = 0;
	for (i = 0; i < len && arg[i] >= '0' && arg[i] <= '9'; i++) {
		if (*size > UINT64_MAX / 10 - 1)
			return (-1);
		*size = *size * 10 + (uint64_t)(arg[i] - '0');
	}
	if (i == 0)
		return (-1);
	if (i == len)
		return (0);
	while (i < len && arg[i] == ' ')
		i++;
	if (len - i != 4 || arg[i - 1] != ' ' ||
	    strncasecmp(arg + i, "LAST", 4) != 0)
		return (-1);
	*last = 1;
	return (0);
}

int
command_param(const char *params, size_t len, const char *name, char *value,
    size_t size)
{
	size_t	 i, start, n, v;
	int	 found;

	found = 0;
	n = strlen(name);
	for (i = 0; i < len; ) {
		start = i;
		while (i < len && params[i] != ' ')
			i++;
		if (i - start >= n && strncasecmp(params + start, name,
		    n) == 0 && (i - start == n || params[start + n] == '=')) {
			v = i - start == n ? 0 : i - start - n - 1;
			/* Twice: which one counts is anybody's guess. */
			if (v >= size || found)
				return (-1);
			memcpy(value, params + i - v, v);
			value[v] = '\0';
			found = 1;
		}
		while (i < len && params[i] == ' ')
			i++;
	}
	return (found);
}

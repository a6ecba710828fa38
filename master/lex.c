/* SPDX-License-Identifier: ISC */

/*
 * The words of mailwall.conf(5), see lex.h.
 *
 * The file is the administrator's, so nothing in it is an attack; but it may
 * be anything by mistake, a core dump included, and a reload must survive
 * that.  So every file, word, macro and the whole are bounded, includes that
 * go round are found by device and inode, and a macro is never expanded
 * inside another one's expansion, which leaves nothing to multiply.
 *
 * A newline ends a statement only outside braces; inside them it is white
 * space.  Macros are expanded where bare words may stand, not in strings.
 */

#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "limits.h"
#include "log.h"

#include "config.h"
#include "kept.h"
#include "lex.h"
#include "value.h"

/* Sanitizers see an overflow only when each piece is its own. */
#ifdef MAILWALL_SANITIZE
#define CHUNK	1
#else
#define CHUNK	65536
#endif

struct block {
	SLIST_ENTRY(block)	 entry;
	size_t			 used;
	size_t			 size;
	_Alignas(max_align_t) uint8_t data[];
};

/* Something to read from: a file, or the value of a macro. */
struct source {
	struct source	*parent;
	const char	*path;
	const char	*buf;
	size_t		 len;
	size_t		 off;
	uint32_t	 line;
	uint32_t	 col;
	unsigned int	 depth;		/* files around this one */
	dev_t		 dev;
	ino_t		 ino;
	struct pos	 at;		/* macro: where it is used */
	int		 is_macro;
};

struct macro {
	const char	*name;
	const char	*value;
	struct pos	 pos;
	int		 is_used;
	int		 is_fixed;	/* from the command line */
};

static struct {
	struct source		*src;
	const char		*path;	/* of the first file */
	SLIST_HEAD(, block)	 blocks;
	size_t			 allocated;
	struct macro		 macro[LEX_MACROS_MAX];
	size_t			 nmacros;
	struct pos		 brace;	/* first one open */
	unsigned int		 braces;
	unsigned int		 files;
	int			 errors;
	int			 warnings;
	int			 to_stderr;
	int			 at_start;	/* of a statement */
	int			 in_assign;	/* right of "name =" */
	int			 is_dead;
} lex;

/* What -D gave; outlives lex_close(). */
static struct {
	char	*name;
	char	*value;
} define[LEX_MACROS_MAX];
static size_t	 ndefines;
static char	 first_error[512];	/* likewise */

static const char *path_join(const char *);
static int	 source_push(const struct pos *, const char *);
static int	 source_end(struct token *);
static struct pos source_pos(const struct source *);
static void	 skip_blank(struct source *);
static int	 skip_newline(struct source *);
static int	 lex_char(int);
static int	 lex_char_at(const struct source *, size_t);
static void	 lex_advance(struct source *, size_t);
static void	 lex_bad(struct token *, const char *, const char *, ...)
		    __attribute__((__format__(printf, 3, 4)));
static void	 token_string(struct token *, struct source *);
static void	 token_table(struct token *, struct source *);
static void	 token_word(struct token *, struct source *);
static void	 token_punct(struct token *, struct source *);
static void	 token_macro(struct token *, struct source *);
static struct macro *macro_find(const char *);
static void	 report(const struct pos *, const char *, const char *,
		    const char *, va_list)
		    __attribute__((__format__(printf, 4, 0)));

int
lex_open(const char *path, int to_stderr)
{
	size_t	 i;

	memset(&lex, 0, sizeof(lex));
	first_error[0] = '\0';
	SLIST_INIT(&lex.blocks);
	lex.to_stderr = to_stderr;
	lex.at_start = 1;
	lex.path = path;
	for (i = 0; i < ndefines; i++) {
		lex.macro[i].name = define[i].name;
		lex.macro[i].value = define[i].value;
		lex.macro[i].is_fixed = 1;
		lex.macro[i].is_used = 1;
	}
	lex.nmacros = ndefines;
	return (source_push(NULL, path));
}

void
lex_close(void)
{
	struct block	*b;

	while ((b = SLIST_FIRST(&lex.blocks)) != NULL) {
		SLIST_REMOVE_HEAD(&lex.blocks, entry);
		free(b);
	}
	lex.src = NULL;
	lex.is_dead = 1;
}

void *
lex_alloc(size_t size)
{
	struct block	*b;
	size_t		 need;
	void		*p;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	b = SLIST_FIRST(&lex.blocks);
	if (b == NULL || b->size - b->used < size) {
		need = sizeof(*b) + (size > CHUNK ? size : CHUNK);
		if (need > LEX_ARENA_MAX - lex.allocated) {
			if (!lex.is_dead)
				lex_error(NULL, NULL, "too much of it");
			lex.is_dead = 1;
			return (NULL);
		}
		b = calloc(1, need);
		if (b == NULL) {
			if (!lex.is_dead)
				lex_error(NULL, NULL, "out of memory");
			lex.is_dead = 1;
			return (NULL);
		}
		b->size = need - sizeof(*b);
		lex.allocated += need;
		SLIST_INSERT_HEAD(&lex.blocks, b, entry);
	}
	p = b->data + b->used;
	b->used += size;
	return (p);
}

char *
lex_copy(const char *s, size_t len)
{
	char	*p;

	p = lex_alloc(len + 1);
	if (p != NULL)
		memcpy(p, s, len);
	return (p);
}

static void
report(const struct pos *pos, const char *kind, const char *expected,
    const char *fmt, va_list ap)
{
	char	 where[512], text[1024], line[2048];

	if (pos == NULL || pos->path == NULL)
		snprintf(where, sizeof(where), "%s", lex.path);
	else
		snprintf(where, sizeof(where), "%s:%u:%u", pos->path,
		    pos->line, pos->col);
	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(line, sizeof(line), "%s: %s%s%s%s%s%s%s", where, kind,
	    pos != NULL && pos->macro != NULL ? "in $" : "",
	    pos != NULL && pos->macro != NULL ? pos->macro : "",
	    pos != NULL && pos->macro != NULL ? ": " : "", text,
	    expected != NULL ? ", expected " : "",
	    expected != NULL ? expected : "");
	if (kind[0] == '\0' && first_error[0] == '\0')
		strlcpy(first_error, line, sizeof(first_error));
	if (lex.to_stderr)
		fprintf(stderr, "%s\n", line);
	else
		log_warnx("%s", line);
}

void
lex_error(const struct pos *pos, const char *expected, const char *fmt, ...)
{
	va_list	 ap;

	if (lex.errors >= LEX_ERRORS_MAX) {
		lex.is_dead = 1;
		return;
	}
	va_start(ap, fmt);
	report(pos, "", expected, fmt, ap);
	va_end(ap);
	if (++lex.errors == LEX_ERRORS_MAX) {
		lex.is_dead = 1;
		if (lex.to_stderr)
			fprintf(stderr, "%s: too many errors\n", lex.path);
		else
			log_warnx("%s: too many errors", lex.path);
	}
}

void
lex_warning(const struct pos *pos, const char *fmt, ...)
{
	va_list	 ap;

	if (lex.warnings++ >= LEX_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	report(pos, "warning: ", NULL, fmt, ap);
	va_end(ap);
}

int
lex_errors(void)
{
	return (lex.errors);
}

const char *
lex_show(const char *text)
{
	static char	 out[2][64];
	static int	 turn;
	char		*p;
	size_t		 n;

	turn = !turn;
	p = out[turn];
	for (n = 0; *text != '\0'; text++) {
		if (n > sizeof(out[0]) - 8) {
			memcpy(p + n, "...", 3);
			n += 3;
			break;
		}
		if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			snprintf(p + n, 5, "\\x%02x", (unsigned char)*text);
			n += 4;
		} else
			p[n++] = *text;
	}
	p[n] = '\0';
	return (p);
}

/* A path as the file that is being read means it. */
static const char *
path_join(const char *path)
{
	const struct source	*s;
	const char		*slash;
	char			*p;
	size_t			 dir, len;

	for (s = lex.src; s != NULL && s->is_macro; s = s->parent)
		continue;
	slash = s == NULL ? NULL : strrchr(s->path, '/');
	dir = path[0] == '/' || slash == NULL ? 0 :
	    (size_t)(slash - s->path) + 1;
	len = strlen(path);
	if ((p = lex_alloc(dir + len + 1)) == NULL)
		return (NULL);
	if (dir > 0)
		memcpy(p, s->path, dir);
	memcpy(p + dir, path, len);
	return (p);
}

char *
lex_read(const struct pos *pos, const char *path, const char **full,
    size_t *len)
{
	struct stat	 st;

	if (++lex.files > LEX_FILES_MAX) {
		lex_error(pos, NULL, "more than %d files", LEX_FILES_MAX);
		return (NULL);
	}
	if ((*full = path_join(path)) == NULL)
		return (NULL);
	return (kept_read(pos, *full, &st, len));
}

static int
source_push(const struct pos *pos, const char *path)
{
	struct source	*s, *p;
	struct stat	 st;

	if ((s = lex_alloc(sizeof(*s))) == NULL)
		return (-1);
	for (p = lex.src; p != NULL && p->is_macro; p = p->parent)
		continue;
	if (p != NULL && p->depth + 1 > CONF_INCLUDE_DEPTH) {
		lex_error(pos, NULL, "files include each other more than %d "
		    "deep", CONF_INCLUDE_DEPTH);
		return (-1);
	}
	if (++lex.files > LEX_FILES_MAX) {
		lex_error(pos, NULL, "more than %d files", LEX_FILES_MAX);
		return (-1);
	}
	if ((s->path = path_join(path)) == NULL ||
	    (s->buf = kept_read(pos, s->path, &st, &s->len)) == NULL)
		return (-1);
	s->depth = p == NULL ? 0 : p->depth + 1;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->line = s->col = 1;
	for (p = lex.src; p != NULL; p = p->parent) {
		if (!p->is_macro && p->dev == s->dev && p->ino == s->ino) {
			lex_error(pos, NULL, "%s includes itself", s->path);
			return (-1);
		}
	}
	s->parent = lex.src;
	lex.src = s;
	return (0);
}

void
lex_include(const struct pos *pos, const char *path)
{
	if (!lex.is_dead)
		source_push(pos, path);
}

static struct pos
source_pos(const struct source *s)
{
	struct pos	 pos;

	if (s->is_macro)
		return (s->at);
	memset(&pos, 0, sizeof(pos));
	pos.path = s->path;
	pos.line = s->line;
	pos.col = s->col;
	return (pos);
}

static void
lex_advance(struct source *s, size_t n)
{
	for (; n > 0; n--) {
		if (s->buf[s->off++] == '\n') {
			s->line++;
			s->col = 1;
		} else
			s->col++;
	}
}

/* The byte that far ahead, -1 behind the end. */
static int
lex_char_at(const struct source *s, size_t n)
{
	if (n >= s->len - s->off)
		return (-1);
	return ((unsigned char)s->buf[s->off + n]);
}

/* May it stand in a bare word? */
static int
lex_char(int c)
{
	return (c > ' ' && c != 0x7f && strchr("{},<>!\"'#=$\\", c) == NULL);
}

/* A newline, "\r\n" from elsewhere included: 1 if there was one. */
static int
skip_newline(struct source *s)
{
	size_t	 n;

	n = lex_char_at(s, 0) == '\r' ? 1 : 0;
	if (lex_char_at(s, n) != '\n')
		return (0);
	lex_advance(s, n + 1);
	return (1);
}

/* White space, comments and continued lines, up to a newline. */
static void
skip_blank(struct source *s)
{
	int	 c;

	for (;;) {
		c = lex_char_at(s, 0);
		if (c == ' ' || c == '\t')
			lex_advance(s, 1);
		else if (c == '#') {
			while (c != -1 && c != '\n') {
				lex_advance(s, 1);
				c = lex_char_at(s, 0);
			}
		} else if (c == '\\' && (lex_char_at(s, 1) == '\n' ||
		    (lex_char_at(s, 1) == '\r' && lex_char_at(s, 2) == '\n')))
			lex_advance(s, lex_char_at(s, 1) == '\n' ? 2 : 3);
		else
			return;
	}
}

const struct pos *
lex_open_brace(void)
{
	return (lex.brace.path != NULL ? &lex.brace : NULL);
}

/* At the end of a source: 1 if that is a token, 0 to go on behind it. */
static int
source_end(struct token *t)
{
	struct source	*s;

	s = lex.src;
	if (s->is_macro) {
		lex.src = s->parent;
		return (0);
	}
	t->pos = source_pos(s);
	if (lex.braces == 0 && !lex.at_start) {
		t->type = LEX_NEWLINE;
		lex.at_start = 1;
		lex.in_assign = 0;
		return (1);
	}
	lex.braces = 0;
	lex.at_start = 1;
	lex.in_assign = 0;
	if (s->parent == NULL) {
		t->type = LEX_END;
		return (1);
	}
	lex.src = s->parent;
	t->type = LEX_FILE_END;
	return (1);
}

void
lex_next(struct token *t)
{
	struct source	*s;
	int		 c;

	memset(t, 0, sizeof(*t));
	t->text = (char *)(uintptr_t)"";
again:
	if (lex.is_dead || lex.src == NULL) {
		t->type = LEX_END;
		return;
	}
	s = lex.src;
	skip_blank(s);
	t->pos = source_pos(s);
	if (s->off == s->len) {
		if (!source_end(t))
			goto again;
		return;
	}
	if (skip_newline(s)) {
		if (lex.braces > 0 || lex.at_start)
			goto again;
		t->type = LEX_NEWLINE;
		lex.at_start = 1;
		lex.in_assign = 0;
		return;
	}
	c = lex_char_at(s, 0);
	if (c == '"' || c == '\'')
		token_string(t, s);
	else if (c == '<')
		token_table(t, s);
	else if (c == '$') {
		lex.at_start = 0;
		token_macro(t, s);
		if (t->type == LEX_END)
			goto again;
	} else if (lex_char(c))
		token_word(t, s);
	else
		token_punct(t, s);
	lex.at_start = 0;
}

/*
 * Report the first mistake in a token, and make it one that the grammar
 * knows nothing about.
 */
static void
lex_bad(struct token *t, const char *expected, const char *fmt, ...)
{
	char	 text[256];
	va_list	 ap;

	if (t->type == LEX_BAD)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lex_error(&t->pos, expected, "%s", text);
	t->type = LEX_BAD;
}

/*
 * After a mistake inside of it, a string is still read to its end, so that
 * what follows is not taken for something else.
 */
static void
token_string(struct token *t, struct source *s)
{
	char	 buf[LEX_VALUE_MAX];
	size_t	 n;
	int	 c, quote;

	quote = lex_char_at(s, 0);
	lex_advance(s, 1);
	t->type = LEX_STRING;
	for (n = 0;;) {
		c = lex_char_at(s, 0);
		if (c == -1 || c == '\n') {
			lex_bad(t, quote == '"' ? "\"" : "'",
			    "string is not closed on its line");
			return;
		}
		lex_advance(s, 1);
		if (c == quote)
			break;
		if (c == '\\') {
			if (skip_newline(s))
				continue;
			c = lex_char_at(s, 0);
			if (c != quote && c != '\\') {
				lex_bad(t, quote == '"' ? "\\\" or \\\\" :
				    "\\' or \\\\",
				    "unknown escape in a string");
				continue;
			}
			lex_advance(s, 1);
		}
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			lex_bad(t, NULL, "control character \\x%02x in a "
			    "string", (unsigned int)c);
		if (n == sizeof(buf) - 1)
			lex_bad(t, NULL, "string of more than %zu bytes",
			    sizeof(buf) - 1);
		else
			buf[n++] = (char)c;
	}
	if (t->type == LEX_STRING && (t->text = lex_copy(buf, n)) == NULL)
		lex_bad(t, NULL, "out of memory");
}

static void
token_table(struct token *t, struct source *s)
{
	size_t	 n;
	int	 c;

	lex_advance(s, 1);
	for (n = 0; lex_char(c = lex_char_at(s, n)); n++)
		continue;
	if (c != '>' || n == 0) {
		lex_bad(t, "<name>", "bad name of a table");
		while (c != '>' && c != '\n' && c != -1)
			c = lex_char_at(s, ++n);
		lex_advance(s, c == '>' ? n + 1 : n);
		return;
	}
	t->type = LEX_TABLE;
	if ((t->text = lex_copy(s->buf + s->off, n)) == NULL)
		lex_bad(t, NULL, "out of memory");
	lex_advance(s, n + 1);
}

static void
token_word(struct token *t, struct source *s)
{
	size_t	 n;

	for (n = 0; lex_char(lex_char_at(s, n)); n++)
		continue;
	if (n > LEX_WORD_MAX) {
		lex_bad(t, NULL, "word of more than %d bytes", LEX_WORD_MAX);
		lex_advance(s, n);
		return;
	}
	if ((t->text = lex_copy(s->buf + s->off, n)) == NULL) {
		lex_bad(t, NULL, "out of memory");
		return;
	}
	lex_advance(s, n);
	t->type = lex.in_assign ? LEX_STRING : LEX_WORD;
	if (lex.at_start && !s->is_macro) {
		skip_blank(s);
		if (lex_char_at(s, 0) == '=') {
			lex_advance(s, 1);
			t->type = LEX_ASSIGN;
			lex.in_assign = 1;
		}
	}
}

static void
token_punct(struct token *t, struct source *s)
{
	int	 c;

	c = lex_char_at(s, 0);
	lex_advance(s, 1);
	t->type = LEX_PUNCT;
	t->punct = c;
	switch (c) {
	case '{':
		if (lex.braces++ == 0)
			lex.brace = t->pos;
		break;
	case '}':
		if (lex.braces > 0 && --lex.braces == 0)
			lex.brace.path = NULL;
		break;
	case ',':
	case '!':
	case '=':
		break;
	default:
		if (c > ' ' && c < 0x7f)
			lex_bad(t, NULL, "stray %c", c);
		else
			lex_bad(t, NULL, "stray byte \\x%02x",
			    (unsigned int)c);
		break;
	}
}

/*
 * $name: its value is read next; t->type stays LEX_END for that.  In the
 * definition of another macro it is a string, so that lists can be joined.
 */
static void
token_macro(struct token *t, struct source *s)
{
	struct source	*m;
	struct macro	*macro;
	const char	*name;
	size_t		 n;

	lex_advance(s, 1);
	for (n = 0; lex_char(lex_char_at(s, n)); n++)
		continue;
	if ((name = lex_copy(s->buf + s->off, n)) == NULL) {
		lex_bad(t, NULL, "out of memory");
		return;
	}
	lex_advance(s, n);
	if (s->is_macro) {
		lex_bad(t, NULL, "a macro in a macro's value");
		return;
	}
	if ((macro = macro_find(name)) == NULL) {
		lex_bad(t, NULL, "no macro $%s", lex_show(name));
		return;
	}
	macro->is_used = 1;
	if (lex.in_assign) {
		t->type = LEX_STRING;
		t->text = (char *)(uintptr_t)macro->value;
		return;
	}
	if ((m = lex_alloc(sizeof(*m))) == NULL) {
		lex_bad(t, NULL, "out of memory");
		return;
	}
	m->is_macro = 1;
	m->path = s->path;
	m->buf = macro->value;
	m->len = strlen(macro->value);
	m->at = t->pos;
	m->at.macro = macro->name;
	m->parent = s;
	lex.src = m;
}

static struct macro *
macro_find(const char *name)
{
	size_t	 i;

	for (i = 0; i < lex.nmacros; i++)
		if (strcmp(lex.macro[i].name, name) == 0)
			return (&lex.macro[i]);
	return (NULL);
}

void
lex_macro(const struct pos *pos, const char *name, const char *value)
{
	struct macro	*m;

	if (!value_is_name(name)) {
		lex_error(pos, "letters, digits, _, - and .",
		    "bad name \"%s\" of a macro", lex_show(name));
		return;
	}
	if ((m = macro_find(name)) != NULL) {
		if (m->is_fixed && m->pos.path == NULL)
			m->pos = *pos;
		else
			lex_error(pos, NULL, "macro %s is already defined at "
			    "%s:%u", name, m->pos.path, m->pos.line);
		return;
	}
	if (lex.nmacros == LEX_MACROS_MAX) {
		lex_error(pos, NULL, "more than %d macros", LEX_MACROS_MAX);
		return;
	}
	if (strchr(value, '$') != NULL) {
		lex_error(pos, NULL, "a $ in the value of macro %s", name);
		return;
	}
	m = &lex.macro[lex.nmacros++];
	m->name = name;
	m->value = value;
	m->pos = *pos;
}

void
lex_unused_macros(void)
{
	size_t	 i;

	for (i = 0; i < lex.nmacros; i++)
		if (!lex.macro[i].is_used)
			lex_warning(&lex.macro[i].pos, "macro %s is not used",
			    lex.macro[i].name);
}

int
config_define(const char *arg)
{
	const char	*eq, *p;
	char		*name, *value;
	size_t		 i;

	if ((eq = strchr(arg, '=')) == NULL ||
	    strlen(eq + 1) >= LEX_VALUE_MAX) {
		errno = EINVAL;
		return (-1);
	}
	for (p = eq + 1; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '$') {
			errno = EINVAL;
			return (-1);
		}
	}
	name = strndup(arg, (size_t)(eq - arg));
	value = strdup(eq + 1);
	if (name == NULL || value == NULL)
		goto fail;
	if (!value_is_name(name)) {
		errno = EINVAL;
		goto fail;
	}
	for (i = 0; i < ndefines; i++)
		if (strcmp(define[i].name, name) == 0)
			break;
	if (i == LEX_MACROS_MAX) {
		errno = ENOSPC;
		goto fail;
	}
	if (i < ndefines) {
		free(define[i].name);
		free(define[i].value);
	} else
		ndefines++;
	define[i].name = name;
	define[i].value = value;
	return (0);
fail:
	free(name);
	free(value);
	return (-1);
}

const char *
config_error(void)
{
	return (first_error);
}

/* SPDX-License-Identifier: ISC */

/*
 * libclamav as the engine: load once, scan a message.
 *
 * What is scanned, and how often.  The sender wants that a mail reader sees
 * what the engine does not.  Two parsers of mail are at hand, ours (the
 * arena) and libclamav's own, and each is known to miss what the other finds.
 *
 * If our parser saw the least ambiguity, or anything that only libclamav's
 * mail code judges, the raw message is scanned with that code, and then every
 * body of the arena that was not among what it took out, byte for byte.  So
 * the union of both readings is covered, and no body is scanned twice.
 *
 * Otherwise there is nothing for two parsers to disagree about: one structure,
 * every delimiter and encoding by the book (message_is_plain()).  Then every
 * body is scanned by itself, decoded, and the raw message once as it stands,
 * header, delimiters and encoded text included, without being taken apart a
 * second time.  That is what most mail is, at half the cost.
 *
 * The library's cache of clean files stays off.  It goes by MD5, for which
 * anyone can make a clean and an infected file with one sum; and a cached
 * archive is not listed again, which layers.c needs.
 *
 * An error is never "clean"; a limit is "unscannable" (EXCEEDS_MAX).
 */

#include <clamav.h>

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "ev.h"
#include "inspect.h"
#include "log.h"
#include "parts.h"
#include "priv.h"
#include "scanner.h"

#define BYTECODE_TIME	5000	/* ms for one byte code signature */
#define COVERED_MAX	256	/* bodies that are looked for in the raw scan;
				   more of them are just scanned */
#define PARSE_ALL	(~0U)

static int	 engine_load(const struct conf_globals *, struct msg_ready *);
static int	 engine_settings(const struct conf_globals *);
static void	 engine_warm(void);
static void	 engine_preload(void);
static int	 engine_root(const struct conf_globals *, char *, size_t);
static int	 engine_worker(const struct conf_globals *, const char *);
static void	 engine_scan(const struct scan *, struct result *);
static void	 engine_message(const struct scan *, struct result *);
static uint32_t	 engine_locate(const struct scan *);

static cl_error_t	 cb_inspect(int, const char *, const char **, size_t,
			    const char *, size_t, const char *, uint32_t,
			    uint32_t, void *);
static cl_error_t	 cb_meta(const char *, unsigned long, const char *,
			    unsigned long, int, unsigned int, void *);
static void	 cb_virus(int, const char *, void *);
static cl_error_t	 cb_post(int, int, const char *, void *);
static int	 cb_sigload(const char *, const char *, unsigned int, void *);
static void	 cb_msg(enum cl_msg, const char *, const char *, void *);

static int	 part_is_body(const struct arena_part *);
static int	 text_has_mail(const uint8_t *, size_t);
static int	 part_is_plain(const struct parts *, uint32_t);
static int	 message_is_plain(const struct parts *);
static void	 part_name(const struct parts *, uint32_t, char *, size_t);
static int	 layer_opened(const char *, size_t);
static void	 scan_member(void *, uint32_t, const uint8_t *, size_t,
		    const char *);
static void	 covered_note(void *, const char *, size_t);
static void	 scan_error(struct result *, uint32_t, cl_error_t);
static void	 scan_bytes(struct result *, uint32_t, const uint8_t *, size_t,
		    uint32_t);
static int	 scan_part(const struct scan *, struct result *, uint32_t,
		    uint32_t);

static struct {
	struct cl_engine	*cl;
	uint64_t		 file_max;
	uint32_t		 ncdb;		/* signatures on containers */
	uint32_t		 nphish;	/* ... on links in HTML mail */
	uint64_t		 total_max;
	uint32_t		 depth;
	uint32_t		 files;
	uint64_t		 unpacked;	/* of this message so far */
	const struct scan	*scan;		/* the message; NULL: none */
	cl_error_t		 inner;		/* error inside one scan */
	struct layers		 layers;	/* of the scan in progress */
} engine;

/* Bodies of the message in work that the raw scan has seen. */
static struct {
	const struct parts	*parts;
	uint8_t			 seen[COVERED_MAX];
} covered;

static const struct cl_scan_options	 options = {
	.general = CL_SCAN_GENERAL_HEURISTICS | CL_SCAN_GENERAL_UNPRIVILEGED,
	.parse = PARSE_ALL,
	/*
	 * What clamd alerts on by default, and what must not pass unseen.
	 * Broken media, macros and the like are policy, not viruses.
	 */
	.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX |
	    CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
	    CL_SCAN_HEURISTIC_ENCRYPTED_DOC,
};

const struct backend	 engine_backend = {
	.uses_tmp = 1,
	.may_be_down = 0,
	.load = engine_load,
	.root = engine_root,
	.worker = engine_worker,
	.scan = engine_scan,
	.loader_rules = scanner_loader_rules,
	.nloader_rules = &scanner_nloader_rules,
	.worker_rules = scanner_worker_rules,
	.nworker_rules = &scanner_nworker_rules,
};

static int
engine_settings(const struct conf_globals *g)
{
	const struct {
		enum cl_engine_field	 field;
		long long		 value;
	} set[] = {
		{ CL_ENGINE_MAX_SCANSIZE, (long long)g->scan_total_max },
		{ CL_ENGINE_MAX_FILESIZE, (long long)g->scan_file_max },
		{ CL_ENGINE_MAX_RECURSION, g->scan_depth },
		{ CL_ENGINE_MAX_FILES, g->scan_files },
		{ CL_ENGINE_MAX_SCANTIME, (long long)g->timeout[TMO_SCAN] },
		/* An interpreter: no executable memory, ever. */
		{ CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER },
		{ CL_ENGINE_BYTECODE_TIMEOUT, BYTECODE_TIME },
		{ CL_ENGINE_DISABLE_CACHE, 1 },
		{ CL_ENGINE_DISABLE_PE_STATS, 1 },
	};
	cl_error_t	 ret;
	size_t		 i;

	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		ret = cl_engine_set_num(engine.cl, set[i].field, set[i].value);
		if (ret != CL_SUCCESS) {
			log_warnx("libclamav: setting %d to %lld: %s",
			    (int)set[i].field, set[i].value,
			    cl_strerror(ret));
			return (-1);
		}
	}
	engine.file_max = g->scan_file_max;
	engine.total_max = g->scan_total_max;
	engine.depth = g->scan_depth;
	engine.files = g->scan_files;
	return (0);
}

static int
engine_load(const struct conf_globals *g, struct msg_ready *ready)
{
	unsigned int	 n;
	cl_error_t	 ret;
	char		 tmp[CONF_PATH_MAX + TMP_PATH_MAX];

	cl_set_clcb_msg(cb_msg);
	if ((ret = cl_init(CL_INIT_DEFAULT)) != CL_SUCCESS) {
		log_warnx("libclamav: %s", cl_strerror(ret));
		return (-1);
	}
	if ((engine.cl = cl_engine_new()) == NULL) {
		log_warnx("libclamav: no engine");
		return (-1);
	}
	if (engine_settings(g) == -1)
		return (-1);
	/* Before loading: what changes meanwhile is a change. */
	dbwatch_start(g->av_path);
	memset(ready, 0, sizeof(*ready));
	ready->database_time = dbwatch_newest(g->av_path);
	cl_engine_set_clcb_sigload(engine.cl, cb_sigload, NULL);
	n = 0;
	ret = cl_load(g->av_path, engine.cl, &n, CL_DB_STDOPT);
	if (ret == CL_SUCCESS && n > 0)
		ret = cl_engine_compile(engine.cl);
	if (ret != CL_SUCCESS || n == 0) {
		log_warnx("no virus signatures could be loaded from %s: %s",
		    g->av_path, ret != CL_SUCCESS ? cl_strerror(ret) :
		    "there are none");
		return (-1);
	}
	ready->signatures = n;
	cl_engine_set_clcb_file_inspection(engine.cl, cb_inspect);
	cl_engine_set_clcb_meta(engine.cl, cb_meta);
	cl_engine_set_clcb_virus_found(engine.cl, cb_virus);
	cl_engine_set_clcb_post_scan(engine.cl, cb_post);

	engine_preload();
	doctext_init();
	if (unarchive_init() == -1)
		return (-1);
	snprintf(tmp, sizeof(tmp), "%s/scanner/tmp/%d.warm", g->rundir,
	    (int)getpid());
	if (tmpdir_make(tmp) == -1)
		return (-1);
	if (cl_engine_set_str(engine.cl, CL_ENGINE_TMPDIR, tmp) !=
	    CL_SUCCESS) {
		log_warnx("libclamav: temporary directory");
		return (-1);
	}
	engine_warm();
	tmpdir_remove(tmp);
	return (0);
}

/* What is opened when it is first needed would be missing in the jail. */
static void
engine_preload(void)
{
	static const char *const	 charsets[] = {
		"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE",
		"UTF-32BE", "UCS-4", "ISO-8859-1", "WINDOWS-1252", "KOI8-R",
		"WINDOWS-1251", "BIG5", "GB2312", "GB18030", "SHIFT_JIS",
		"EUC-JP", "EUC-KR", "ISO-2022-JP", "UTF-7",
	};
	size_t				 i;

	tzset();
	/* Never closed: that keeps their modules in memory. */
	for (i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (iconv_open("UTF-8", charsets[i]) == (iconv_t)-1)
			log_debug("no character set %s", charsets[i]);
}

/*
 * Scan one small sample of each kind that has a start-up of its own, so that
 * the memory for it is there before the workers are forked and is shared.
 */
static void
engine_warm(void)
{
	static const char *const	 samples[] = {
		"<html><head><meta charset=utf-8><title>x</title></head>"
		    "<body><script>var a=1;</script><a href=\"http://"
		    "example.org/\">example</a></body></html>\n",
		"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
		    "trailer<</Root 1 0 R>>\n%%EOF\n",
		"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		    "--b\r\nContent-Type: text/html\r\n\r\n"
		    "<p>hello</p>\r\n--b\r\n"
		    "Content-Type: application/octet-stream; name=x.bin\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\n"
		    "aGVsbG8gd29ybGQ=\r\n--b--\r\n",
		"PK\003\004 no archive",
		"plain text, nothing else\n",
	};
	struct result			 r;
	size_t				 i;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		result_init(&r);
		layers_init(&engine.layers, &r, SCAN_RAW, engine.file_max, "");
		scan_bytes(&r, SCAN_RAW, (const uint8_t *)samples[i],
		    strlen(samples[i]), PARSE_ALL);
	}
}

static int
engine_root(const struct conf_globals *g, char *path, size_t size)
{
	char	 tmp[CONF_PATH_MAX + 16];

	snprintf(path, size, "%s/scanner", g->rundir);
	if (priv_check_root_dir(path) == -1) {
		log_warn("%s", path);
		return (-1);
	}
	snprintf(tmp, sizeof(tmp), "%s/tmp", path);
	tmpdir_sweep(tmp);
	return (0);
}

static int
engine_worker(const struct conf_globals *g, const char *tmpdir)
{
	cl_error_t	 ret;

	ret = cl_engine_set_str(engine.cl, CL_ENGINE_TMPDIR, tmpdir);
	if (ret != CL_SUCCESS) {
		log_warnx("libclamav: temporary directory: %s",
		    cl_strerror(ret));
		return (-1);
	}
	return (0);
}

/* ---- what libclamav calls ---- */

static cl_error_t
cb_inspect(int fd, const char *type, const char **ancestors,
    size_t parent_size, const char *name, size_t size, const char *buf,
    uint32_t level, uint32_t attributes, void *arg)
{
	const struct layers	*ls;
	cl_error_t		 ret;

	ls = &engine.layers;
	ret = layers_enter(&engine.layers, type, name, buf, size, level) ?
	    CL_VIRUS : CL_CLEAN;
	/* Not what the library made of a file by tidying it up. */
	if (engine.scan != NULL && level > 0 && buf != NULL &&
	    (attributes & LAYER_ATTRIBUTES_NORMALIZED) == 0 &&
	    ls->nopen == level + 1 && !ls->layer[level].carved)
		inspect_layer(engine.scan, ls->part, level, name,
		    (const uint8_t *)buf, size);
	return (ret);
}

static cl_error_t
cb_meta(const char *type, unsigned long packed, const char *name,
    unsigned long size, int encrypted, unsigned int pos, void *arg)
{
	return (layers_member(&engine.layers, type, name, size, encrypted,
	    pos) ? CL_VIRUS : CL_CLEAN);
}

static void
cb_virus(int fd, const char *name, void *arg)
{
	layers_match(&engine.layers, name == NULL ? "unnamed" : name);
}

/*
 * An outer layer goes on when an inner one could not be scanned for want of
 * memory or of room for temporary files.  We do not.
 */
static cl_error_t
cb_post(int fd, int result, const char *name, void *arg)
{
	switch (result) {
	case CL_EOPEN:
	case CL_ECREAT:
	case CL_ESTAT:
	case CL_EREAD:
	case CL_ESEEK:
	case CL_EWRITE:
	case CL_EDUP:
	case CL_EACCES:
	case CL_ETMPFILE:
	case CL_ETMPDIR:
	case CL_EMAP:
	case CL_EMEM:
	case CL_ETIMEOUT:
		engine.inner = (cl_error_t)result;
		break;
	default:
		break;
	}
	return (CL_CLEAN);
}

static int
cb_sigload(const char *type, const char *name, unsigned int custom, void *arg)
{
	if (strcmp(type, "cdb") == 0)
		engine.ncdb++;
	else if (strcmp(type, "phishing") == 0)
		engine.nphish++;
	return (0);
}

static void
cb_msg(enum cl_msg severity, const char *full, const char *msg, void *arg)
{
	char	 text[256];

	/* Some of it repeats what a file says. */
	log_quote(text, sizeof(text), msg, strcspn(msg, "\n"));
	log_debug("libclamav: %s", text);
}

/* ---- one message ---- */

/*
 * Is it something to be scanned by itself?  A container is not, its parts
 * are; a message in a message only when it had to be decoded, since otherwise
 * all of it stands in the raw message.
 */
static int
part_is_body(const struct arena_part *p)
{
	if (p->len == 0 || (p->flags & PART_MULTIPART) != 0)
		return (0);
	if (p->flags & PART_MESSAGE)
		return ((p->flags & PART_ARENA) != 0);
	return (1);
}

/*
 * Text in which libclamav's mail code would look for more: a returned
 * message, an encoded file.  Matches too much rather than too little.
 */
static int
text_has_mail(const uint8_t *p, size_t len)
{
	const uint8_t	*end, *q;

	end = p + len;
	for (q = p; (q = memchr(q, '-', (size_t)(end - q))) != NULL; q++)
		if (q - p >= 7 && end - q > 2 && (q[1] | 0x20) == 't' &&
		    strncasecmp((const char *)q - 7, "content", 7) == 0)
			return (1);
	if (memmem(p, len, "=ybegin", 7) != NULL ||
	    memmem(p, len, "BinHex", 6) != NULL)
		return (1);
	if (len >= 6 && memcmp(p, "begin ", 6) == 0)
		return (1);
	return (memmem(p, len, "\nbegin ", 7) != NULL);
}

static int
part_is_plain(const struct parts *parts, uint32_t i)
{
	const struct arena_part	*p;
	const char		*type;
	const uint8_t		*body;
	size_t			 len;

	p = &parts->part[i];
	if (p->encoding == ENC_UUENCODE || p->encoding == ENC_UNKNOWN ||
	    (p->flags & PART_ALTERNATE) != 0 ||
	    ((p->flags & PART_MESSAGE) != 0 && (p->flags & PART_ARENA) != 0))
		return (0);
	/* Names and kinds of members of a mail have signatures too. */
	if (p->name_len > 0 && engine.ncdb > 0)
		return (0);
	if ((p->flags & PART_TEXT) == 0)
		return (1);
	type = parts_string(parts, p->type_off);
	if (engine.nphish > 0 &&
	    !(p->type_len == 10 && memcmp(type, "text/plain", 10) == 0))
		return (0);
	body = parts_body(parts, i, &len);
	return (!text_has_mail(body, len));
}

/* See the comment at the top of this file. */
static int
message_is_plain(const struct parts *parts)
{
	const uint64_t	 harmless = ANOMALY(A_PREAMBLE) |
	    ANOMALY(A_EPILOGUE) | ANOMALY(A_BAD_ENCWORD) |
	    ANOMALY(A_8BIT_HEADER);
	uint32_t	 i;

	if ((parts->head->anomalies & ~harmless) != 0 ||
	    parts->head->limits != 0)
		return (0);
	for (i = 0; i < parts->head->nparts; i++)
		if (!part_is_plain(parts, i))
			return (0);
	return (1);
}

static void
part_name(const struct parts *parts, uint32_t i, char *buf, size_t size)
{
	const struct arena_part	*p;

	buf[0] = '\0';
	if (i == SCAN_RAW)
		return;
	p = &parts->part[i];
	if (p->name_len > 0)
		snprintf(buf, size, "%.*s", (int)p->name_len,
		    parts_string(parts, p->name_off));
}

/* The raw scan took this out of the message: which body is it? */
static void
covered_note(void *arg, const char *buf, size_t size)
{
	const struct arena_part	*p;
	const uint8_t		*body;
	size_t			 len;
	uint32_t		 i, n;

	n = covered.parts->head->nparts;
	for (i = 0; i < n && i < COVERED_MAX; i++) {
		p = &covered.parts->part[i];
		if (p->len != size || covered.seen[i] || !part_is_body(p))
			continue;
		body = parts_body(covered.parts, i, &len);
		if (memcmp(body, buf, size) == 0) {
			covered.seen[i] = 1;
			return;
		}
	}
}

/* An archive whose members have all been scanned one by one. */
static int
layer_opened(const char *buf, size_t size)
{
	return (seen_find((const uint8_t *)buf, size) == SEEN_OPENED);
}

/* What came back from libclamav, where it was not clean. */
static void
scan_error(struct result *r, uint32_t part, cl_error_t ret)
{
	switch (ret) {
	case CL_ETIMEOUT:
		result_add(r, VERDICT_SCANNER_FAILED, part, "time-out");
		break;
	case CL_EMAXREC:
	case CL_EMAXSIZE:
	case CL_EMAXFILES:
		result_add(r, VERDICT_UNSCANNABLE, part, "limit: %s",
		    cl_strerror(ret));
		break;
	case CL_EFORMAT:
	case CL_EPARSE:
	case CL_EUNPACK:
		result_add(r, VERDICT_UNSCANNABLE, part, "broken file: %s",
		    cl_strerror(ret));
		break;
	default:
		result_add(r, VERDICT_SCANNER_FAILED, part, "engine: %s",
		    cl_strerror(ret));
		break;
	}
}

/* Scan bytes as one file; the caller has prepared engine.layers. */
static void
scan_bytes(struct result *r, uint32_t part, const uint8_t *p, size_t len,
    uint32_t parse)
{
	struct cl_scan_options	 opt;
	unsigned long		 scanned;
	const char		*virus;
	cl_fmap_t		*map;
	cl_error_t		 ret;
	uint32_t		 nhits;

	nhits = r->nhits;
	opt = options;
	opt.parse = parse;
	virus = NULL;
	scanned = 0;
	engine.inner = CL_CLEAN;
	if ((map = cl_fmap_open_memory(p, len)) == NULL) {
		scan_error(r, part, CL_EMEM);
		return;
	}
	ret = cl_scanmap_callback(map, NULL, &virus, &scanned, engine.cl,
	    &opt, NULL);
	cl_fmap_close(map);
	engine.unpacked += (uint64_t)scanned * CL_COUNT_PRECISION;
	layers_finish(&engine.layers);
	if (ret == CL_VIRUS) {
		/* Whatever the callbacks made of it, it is not clean. */
		if (r->nhits == nhits)
			layers_match(&engine.layers,
			    virus == NULL ? "unnamed" : virus);
		if (r->nhits == nhits)
			result_add(r, VERDICT_UNSCANNABLE, part,
			    "blocked by the engine");
	} else if (ret != CL_CLEAN)
		scan_error(r, part, ret);
	if (engine.inner != CL_CLEAN)
		scan_error(r, part, engine.inner);
}

/*
 * Scan part i, or the raw message, if there is time and room left for it.
 * Returns 1 to go on, 0 when it is enough.
 */
static int
scan_part(const struct scan *scan, struct result *r, uint32_t i,
    uint32_t parse)
{
	const uint8_t	*body;
	char		 name[LAYER_NAME_MAX];
	uint64_t	 now;
	size_t		 len;

	body = scan->parts->msg;
	len = scan->parts->msg_len;
	if (i != SCAN_RAW)
		body = parts_body(scan->parts, i, &len);
	if (len == 0)
		return (1);
	if ((now = now_ms()) >= scan->due) {
		scan_error(r, i, CL_ETIMEOUT);
		return (0);
	}
	part_name(scan->parts, i, name, sizeof(name));
	if (len > engine.file_max || engine.unpacked >= engine.total_max) {
		result_add(r, VERDICT_UNSCANNABLE, i, "limit: %s%s%s",
		    len > engine.file_max ? "file size" : "unpacked size",
		    name[0] == '\0' ? "" : " ", name);
		return (1);
	}
	cl_engine_set_num(engine.cl, CL_ENGINE_MAX_SCANTIME,
	    (long long)(scan->due - now));
	cl_engine_set_num(engine.cl, CL_ENGINE_MAX_SCANSIZE,
	    (long long)(engine.total_max - engine.unpacked));
	layers_init(&engine.layers, r, i, engine.file_max, name);
	engine.layers.opened = layer_opened;
	if (i == SCAN_RAW && covered.parts != NULL)
		engine.layers.seen = covered_note;
	scan_bytes(r, i, body, len, parse);
	return (r->verdict != VERDICT_VIRUS);
}

/* A member of an archive that libclamav does not come upon by itself. */
static void
scan_member(void *arg, uint32_t part, const uint8_t *p, size_t len,
    const char *name)
{
	struct result	*r = arg;
	uint64_t	 now;

	if (len == 0 || r->verdict == VERDICT_VIRUS)
		return;
	if ((now = now_ms()) >= engine.scan->due) {
		scan_error(r, part, CL_ETIMEOUT);
		return;
	}
	if (len > engine.file_max || engine.unpacked >= engine.total_max) {
		result_add(r, VERDICT_UNSCANNABLE, part, "limit: %s %s",
		    len > engine.file_max ? "file size" : "unpacked size",
		    name);
		return;
	}
	cl_engine_set_num(engine.cl, CL_ENGINE_MAX_SCANTIME,
	    (long long)(engine.scan->due - now));
	cl_engine_set_num(engine.cl, CL_ENGINE_MAX_SCANSIZE,
	    (long long)(engine.total_max - engine.unpacked));
	layers_init(&engine.layers, r, part, engine.file_max, name);
	engine.layers.opened = layer_opened;
	scan_bytes(r, part, p, len, PARSE_ALL);
}

/*
 * Our own look first: it tells which archives it opened.  Its findings count
 * after those of the engine, which has the better words for the same thing.
 */
static void
engine_scan(const struct scan *scan, struct result *r)
{
	const struct inspect_limits	 limits = {
		.file_max = engine.file_max,
		.depth = engine.depth,
		.files = engine.files,
	};
	struct result			 own;

	result_init(&own);
	engine.unpacked = 0;
	engine.scan = scan;
	inspect_parts(scan, &own, &limits, scan_member, &own);
	engine_message(scan, r);
	if (r->verdict == VERDICT_VIRUS && r->part == SCAN_RAW)
		r->part = own.verdict == VERDICT_VIRUS ? own.part :
		    engine_locate(scan);
	result_merge(r, &own);
	engine.scan = NULL;
}

/*
 * The message as a whole is infected: which part of it?  For a rule that has
 * it removed; SCAN_RAW where no part alone is.
 */
static uint32_t
engine_locate(const struct scan *scan)
{
	struct result	 r;
	uint32_t	 i;

	engine.unpacked = 0;
	for (i = 0; i < scan->parts->head->nparts; i++) {
		if (!part_is_body(&scan->parts->part[i]))
			continue;
		result_init(&r);
		if (scan_part(scan, &r, i, PARSE_ALL))
			continue;
		if (r.verdict == VERDICT_VIRUS)
			return (i);
		break;
	}
	return (SCAN_RAW);
}

static void
engine_message(const struct scan *scan, struct result *r)
{
	const struct parts	*parts;
	uint32_t		 i, parse;
	int			 plain;

	parts = scan->parts;
	memset(&covered, 0, sizeof(covered));
	plain = message_is_plain(parts);
	parse = plain ? PARSE_ALL & ~(uint32_t)CL_SCAN_PARSE_MAIL : PARSE_ALL;
	if (!plain)
		covered.parts = parts;
	if (!scan_part(scan, r, SCAN_RAW, parse))
		return;
	/* Something inside went wrong: what it saw may not be scanned. */
	if (r->verdict != VERDICT_CLEAN)
		memset(covered.seen, 0, sizeof(covered.seen));
	for (i = 0; i < parts->head->nparts; i++) {
		if (!part_is_body(&parts->part[i]) ||
		    (i < COVERED_MAX && covered.seen[i]))
			continue;
		if (!scan_part(scan, r, i, PARSE_ALL))
			return;
	}
	result_limits(r, parts);
}

/* SPDX-License-Identifier: ISC */

/*
 * Charsets by iconv(3).
 *
 * The sender chooses the name of the charset and the bytes.  The name is
 * looked up in a list of ours and is never given to iconv_open(3), which
 * reads files by it; the bytes go to converters that were opened before the
 * process was confined.  ISO-2022-CN-EXT is not in the list on purpose: its
 * converter has overflowed its output (CVE-2024-2961), and no mail uses it.
 */

#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "utf8.h"

#include "charset.h"

#define CHUNK		1024		/* converted at a time */

/* U+FFFD, for what cannot be said. */
static const uint8_t	 replacement[3] = { 0xef, 0xbf, 0xbd };

/*
 * Names as mail has them; a second name right behind is an alias of the
 * converter.  "" is UTF-8, which needs none.
 */
static struct charset {
	const char	*name;
	const char	*conv;
	iconv_t		 cd;
} charsets[] = {
	{ "utf-8", "", NULL },
	{ "utf8", "", NULL },
	{ "us-ascii", "", NULL },
	{ "ascii", "", NULL },
	{ "ansi_x3.4-1968", "", NULL },
	/* What is labelled Latin-1 is Windows-1252 on all clients. */
	{ "iso-8859-1", "CP1252", NULL },
	{ "latin1", "CP1252", NULL },
	{ "windows-1252", "CP1252", NULL },
	{ "cp1252", "CP1252", NULL },
	{ "iso-8859-2", "ISO-8859-2", NULL },
	{ "iso-8859-3", "ISO-8859-3", NULL },
	{ "iso-8859-4", "ISO-8859-4", NULL },
	{ "iso-8859-5", "ISO-8859-5", NULL },
	{ "iso-8859-6", "ISO-8859-6", NULL },
	{ "iso-8859-7", "ISO-8859-7", NULL },
	{ "iso-8859-8", "ISO-8859-8", NULL },
	{ "iso-8859-8-i", "ISO-8859-8", NULL },
	{ "iso-8859-9", "ISO-8859-9", NULL },
	{ "iso-8859-10", "ISO-8859-10", NULL },
	{ "iso-8859-11", "ISO-8859-11", NULL },
	{ "iso-8859-13", "ISO-8859-13", NULL },
	{ "iso-8859-14", "ISO-8859-14", NULL },
	{ "iso-8859-15", "ISO-8859-15", NULL },
	{ "iso-8859-16", "ISO-8859-16", NULL },
	{ "windows-1250", "CP1250", NULL },
	{ "cp1250", "CP1250", NULL },
	{ "windows-1251", "CP1251", NULL },
	{ "cp1251", "CP1251", NULL },
	{ "windows-1253", "CP1253", NULL },
	{ "windows-1254", "CP1254", NULL },
	{ "windows-1255", "CP1255", NULL },
	{ "windows-1256", "CP1256", NULL },
	{ "windows-1257", "CP1257", NULL },
	{ "windows-1258", "CP1258", NULL },
	{ "windows-874", "CP874", NULL },
	{ "tis-620", "TIS-620", NULL },
	{ "viscii", "VISCII", NULL },
	{ "koi8-r", "KOI8-R", NULL },
	{ "koi8-u", "KOI8-U", NULL },
	{ "ibm437", "CP437", NULL },
	{ "cp437", "CP437", NULL },
	{ "ibm850", "CP850", NULL },
	{ "cp850", "CP850", NULL },
	{ "ibm852", "CP852", NULL },
	{ "cp866", "CP866", NULL },
	{ "ibm866", "CP866", NULL },
	{ "macintosh", "MACINTOSH", NULL },
	{ "x-mac-roman", "MACINTOSH", NULL },
	/* GB2312 in mail is GBK in truth, and GB18030 contains both. */
	{ "gb2312", "GB18030", NULL },
	{ "gbk", "GB18030", NULL },
	{ "cp936", "GB18030", NULL },
	{ "x-gbk", "GB18030", NULL },
	{ "gb18030", "GB18030", NULL },
	{ "euc-cn", "GB18030", NULL },
	{ "gb_2312-80", "GB18030", NULL },
	{ "gb_2312", "GB18030", NULL },
	{ "csgb2312", "GB18030", NULL },
	{ "chinese", "GB18030", NULL },
	{ "cp54936", "GB18030", NULL },
	{ "windows-936", "GB18030", NULL },
	{ "big5", "BIG5-HKSCS", NULL },
	{ "big5-hkscs", "BIG5-HKSCS", NULL },
	{ "cn-big5", "BIG5-HKSCS", NULL },
	{ "csbig5", "BIG5-HKSCS", NULL },
	{ "x-x-big5", "BIG5-HKSCS", NULL },
	{ "cp950", "CP950", NULL },
	{ "euc-tw", "EUC-TW", NULL },
	{ "euc-kr", "CP949", NULL },
	{ "ks_c_5601-1987", "CP949", NULL },
	{ "ks_c_5601", "CP949", NULL },
	{ "cp949", "CP949", NULL },
	{ "uhc", "CP949", NULL },
	{ "windows-949", "CP949", NULL },
	{ "ks_c_5601-1989", "CP949", NULL },
	{ "ksc5601", "CP949", NULL },
	{ "ksc_5601", "CP949", NULL },
	{ "korean", "CP949", NULL },
	{ "cseuckr", "CP949", NULL },
	{ "johab", "JOHAB", NULL },
	{ "iso-2022-kr", "ISO-2022-KR", NULL },
	{ "iso-2022-cn", "ISO-2022-CN", NULL },
	{ "iso-2022-jp", "ISO-2022-JP-2", NULL },
	{ "iso-2022-jp-1", "ISO-2022-JP-2", NULL },
	{ "iso-2022-jp-2", "ISO-2022-JP-2", NULL },
	{ "iso-2022-jp-3", "ISO-2022-JP-3", NULL },
	{ "csiso2022jp", "ISO-2022-JP-2", NULL },
	{ "shift_jis", "CP932", NULL },
	{ "shift-jis", "CP932", NULL },
	{ "sjis", "CP932", NULL },
	{ "x-sjis", "CP932", NULL },
	{ "windows-31j", "CP932", NULL },
	{ "cp932", "CP932", NULL },
	{ "ms932", "CP932", NULL },
	{ "ms_kanji", "CP932", NULL },
	{ "csshiftjis", "CP932", NULL },
	{ "euc-jp", "EUC-JP-MS", NULL },
	{ "x-euc-jp", "EUC-JP-MS", NULL },
	{ "utf-16", "UTF-16", NULL },
	{ "utf-16le", "UTF-16LE", NULL },
	{ "utf-16be", "UTF-16BE", NULL },
	{ "utf16", "UTF-16", NULL },
	{ "unicode", "UTF-16", NULL },
	{ "csunicode", "UTF-16", NULL },
	{ "ucs-2", "UTF-16", NULL },
	{ "iso-10646-ucs-2", "UTF-16", NULL },
	{ "utf-32", "UTF-32", NULL },
	{ "utf-32le", "UTF-32LE", NULL },
	{ "utf-32be", "UTF-32BE", NULL },
	{ "utf32", "UTF-32", NULL },
	{ "ucs-4", "UTF-32", NULL },
	{ "iso-10646-ucs-4", "UTF-32", NULL },
	{ "utf-7", "UTF-7", NULL },
	{ "unicode-1-1-utf-7", "UTF-7", NULL },
	{ "csunicode11utf7", "UTF-7", NULL },
};

#define NCHARSETS	(sizeof(charsets) / sizeof(charsets[0]))

static struct charset *charset_find(const char *, size_t);
static void	 skip_bad(const struct charset *, char **, size_t *);
static size_t	 put_replacement(uint8_t *, size_t);

void
charset_init(void)
{
	struct charset	*c;
	size_t		 i, j;

	for (i = 0; i < NCHARSETS; i++) {
		c = &charsets[i];
		if (c->conv[0] == '\0' || c->cd != NULL)
			continue;
		for (j = 0; j < i; j++)
			if (strcmp(charsets[j].conv, c->conv) == 0)
				break;
		if (j < i) {
			c->cd = charsets[j].cd;
			continue;
		}
		c->cd = iconv_open("UTF-8", c->conv);
		if (c->cd == (iconv_t)-1) {
			log_debug("no charset %s on this system", c->conv);
			c->cd = NULL;
		}
	}
}

static struct charset *
charset_find(const char *name, size_t len)
{
	size_t	 i;

	for (i = 0; i < NCHARSETS; i++)
		if (strlen(charsets[i].name) == len &&
		    strncasecmp(charsets[i].name, name, len) == 0)
			return (&charsets[i]);
	return (NULL);
}

/*
 * Skip what means nothing here, and go on.  The converter stays in the state
 * that it is in: with ISO-2022 what follows would become something else, as
 * it would between two units of UTF-16.
 */
static void
skip_bad(const struct charset *c, char **in, size_t *inleft)
{
	size_t	 unit;

	unit = strncmp(c->conv, "UTF-16", 6) == 0 ? 2 :
	    strncmp(c->conv, "UTF-32", 6) == 0 ? 4 : 1;
	if (unit > *inleft)
		unit = *inleft;
	*in += unit;
	*inleft -= unit;
}

static size_t
put_replacement(uint8_t *out, size_t room)
{
	if (room < sizeof(replacement))
		return (0);
	memcpy(out, replacement, sizeof(replacement));
	return (sizeof(replacement));
}

size_t
utf8_clean(const uint8_t *p, size_t len, uint8_t *out, size_t cap, int *bad)
{
	size_t	 i, n, o;

	o = 0;
	for (i = 0; i < len; i += n) {
		n = utf8_char(p + i, len - i);
		/* C0, DEL and C1: nothing that has a place in a name. */
		if (n == 1 && p[i] == '\t') {
			if (o == cap)
				break;
			out[o++] = ' ';
		} else if (n == 0 || (n == 1 && (p[i] < 0x20 ||
		    p[i] == 0x7f)) || (n == 2 && p[i] == 0xc2 &&
		    p[i + 1] < 0xa0)) {
			if (n == 0)
				n = 1;
			*bad = 1;
			if (cap - o < sizeof(replacement))
				break;
			o += put_replacement(out + o, cap - o);
		} else {
			if (cap - o < n)
				break;
			memcpy(out + o, p + i, n);
			o += n;
		}
	}
	return (o);
}

int
charset_is_unlike_ascii(const char *name, size_t len)
{
	struct charset	*c;

	c = charset_find(name, len);
	return (c != NULL && (strncmp(c->conv, "UTF-", 4) == 0 ||
	    strncmp(c->conv, "ISO-2022-", 9) == 0));
}

const char *
charset_other_order(const char *name, size_t len)
{
	struct charset	*c;

	c = charset_find(name, len);
	return (c == NULL ? NULL : strcmp(c->conv, "UTF-16") == 0 ?
	    "utf-16be" : strcmp(c->conv, "UTF-32") == 0 ? "utf-32be" : NULL);
}

size_t
charset_hz(const uint8_t *p, size_t len, uint8_t *gb)
{
	size_t	 i, n;
	int	 is_gb;

	n = 0;
	is_gb = 0;
	for (i = 0; i < len; i++) {
		if (p[i] == '~' && i + 1 < len && (p[i + 1] == '{' ||
		    p[i + 1] == '}' || p[i + 1] == '~' || p[i + 1] == '\n')) {
			i++;
			if (p[i] == '~')
				gb[n++] = '~';
			else if (p[i] != '\n')
				is_gb = p[i] == '{';
			continue;
		}
		/* A line's end ends it, too. */
		if (p[i] == '\n')
			is_gb = 0;
		if (!is_gb || p[i] <= 0x20 || p[i] >= 0x7e) {
			gb[n++] = p[i];
			continue;
		}
		/* The second byte may be a tilde, which is none then. */
		gb[n++] = p[i] | 0x80;
		if (i + 1 < len && p[i + 1] > 0x20 && p[i + 1] < 0x7f)
			gb[n++] = p[++i] | 0x80;
	}
	return (n);
}

static int
is_hz(const char *name, size_t len)
{
	return ((len == 2 && strncasecmp(name, "hz", 2) == 0) ||
	    (len == 10 && strncasecmp(name, "hz-gb-2312", 10) == 0));
}

/* As the others, for what iconv(3) of our libc does not know. */
static size_t
hz_utf8(const uint8_t *src, size_t len, uint8_t *out, size_t cap, int *bad)
{
	uint8_t	*gb;
	size_t	 n;

	if ((gb = malloc(len + 1)) == NULL) {
		*bad = 1;
		return (utf8_clean(src, len, out, cap, bad));
	}
	n = charset_utf8("gb18030", 7, gb, charset_hz(src, len, gb), out, cap,
	    bad);
	free(gb);
	return (n);
}

size_t
charset_utf8(const char *name, size_t namelen, const uint8_t *src, size_t len,
    uint8_t *out, size_t cap, int *bad)
{
	struct charset	*c;
	uint8_t		 buf[CHUNK];
	char		*in, *to;
	size_t		 inleft, before, toleft, n, o;

	if (is_hz(name, namelen))
		return (hz_utf8(src, len, out, cap, bad));
	c = charset_find(name, namelen);
	if (c == NULL)
		*bad = 1;
	if (c == NULL || c->cd == NULL)
		return (utf8_clean(src, len, out, cap, bad));
	iconv(c->cd, NULL, NULL, NULL, NULL);
	/* iconv(3) does not write to its input, whatever its type says. */
	in = (char *)(uintptr_t)src;
	inleft = len;
	o = 0;
	while (inleft > 0) {
		before = inleft;
		to = (char *)buf;
		toleft = sizeof(buf);
		n = iconv(c->cd, &in, &inleft, &to, &toleft);
		o += utf8_clean(buf, sizeof(buf) - toleft, out + o, cap - o,
		    bad);
		if (cap - o < 4)
			break;
		if (n != (size_t)-1)
			break;
		if (toleft < sizeof(buf) && inleft < before)
			continue;
		*bad = 1;
		o += put_replacement(out + o, cap - o);
		skip_bad(c, &in, &inleft);
	}
	/* Some hold a character back that another might combine with. */
	to = (char *)buf;
	toleft = sizeof(buf);
	iconv(c->cd, NULL, NULL, &to, &toleft);
	o += utf8_clean(buf, sizeof(buf) - toleft, out + o, cap - o, bad);
	return (o);
}

size_t
charset_text(const char *name, size_t namelen, const uint8_t *src, size_t len,
    uint8_t *out, size_t cap, size_t *bad)
{
	struct charset	*c;
	char		*in, *to;
	size_t		 inleft, toleft;

	c = charset_find(name, namelen);
	if (c == NULL || c->cd == NULL)
		return (SIZE_MAX);
	iconv(c->cd, NULL, NULL, NULL, NULL);
	/* iconv(3) does not write to its input, whatever its type says. */
	in = (char *)(uintptr_t)src;
	inleft = len;
	to = (char *)out;
	toleft = cap;
	while (inleft > 0 && toleft >= 16) {
		if (iconv(c->cd, &in, &inleft, &to, &toleft) != (size_t)-1 ||
		    toleft < 16)
			break;
		(*bad)++;
		memcpy(to, replacement, sizeof(replacement));
		to += sizeof(replacement);
		toleft -= sizeof(replacement);
		skip_bad(c, &in, &inleft);
	}
	iconv(c->cd, NULL, NULL, &to, &toleft);
	return (cap - toleft);
}

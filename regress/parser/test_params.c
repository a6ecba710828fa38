/* SPDX-License-Identifier: ISC */

/* Parameters and encoded words: every reading, in order. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "charset.h"
#include "decode.h"
#include "encword.h"
#include "harness.h"
#include "params.h"
#include "parts.h"
#include "utf8.h"

static const struct vector {
	const char	*name;
	const char	*in;		/* behind the type */
	const char	*want;		/* readings of "x", "|" after each */
	uint64_t	 anomalies;
} vectors[] = {
	{ "none", "", "", 0 },
	{ "token", "; x=y", "y|", 0 },
	{ "no-semicolon", " x=y", "y|", 0 },
	{ "upper", "; X=Y", "Y|", 0 },
	{ "quoted", "; x=\"y z\"", "y z|", 0 },
	{ "quoted-semicolon", "; x=\"y;z\"; w=v", "y;z|", 0 },
	{ "quoted-escape", "; x=\"a\\\"b\"", "a\"b|a\\\"b|", 0 },
	{ "blanks-around", ";  x  =  y  ; z=1", "y|", 0 },
	{ "empty", "; x=", "|", 0 },
	{ "empty-quoted", "; x=\"\"", "|", 0 },
	{ "unclosed", "; x=\"y", "y|", ANOMALY(A_BAD_PARAM) },
	{ "unclosed-more", "; x=\"y; z=1", "y; z=1|y|",
	    ANOMALY(A_BAD_PARAM) },
	{ "unclosed-then-same", "; x=\"y; x=z", "y; x=z|y|z|",
	    ANOMALY(A_BAD_PARAM) | ANOMALY(A_DUP_PARAM) },
	{ "junk-behind-quotes", "; x=\"y\"z; w=1", "y|y\"z|",
	    ANOMALY(A_BAD_PARAM) },
	{ "blanks-in-token", "; x=my file.exe", "my|my file.exe|",
	    ANOMALY(A_BAD_PARAM) },
	{ "comment-behind", "; x=y(z)", "y|y(z)|", ANOMALY(A_BAD_PARAM) },
	{ "comment-before", "; x=(z)y", "y|", ANOMALY(A_BAD_PARAM) },
	{ "comment-in-name", "; x(z)=y", "y|", ANOMALY(A_BAD_PARAM) },
	{ "comment-nested", "; (a(x=1)b) x=y", "y|", ANOMALY(A_BAD_PARAM) },
	{ "comment-open", "; (a; x=y", "y|", ANOMALY(A_BAD_PARAM) },
	{ "twice", "; x=a; x=b", "a|b|", ANOMALY(A_DUP_PARAM) },
	{ "twice-same", "; x=a; x=a", "a|", ANOMALY(A_DUP_PARAM) },
	{ "many", "; x=1; x=2; x=3; x=4; x=5; x=6; x=7; x=8",
	    "1|2|3|4|5|8|", ANOMALY(A_DUP_PARAM) },
	{ "no-value", "; x; x=a", "a|", ANOMALY(A_BAD_PARAM) },
	{ "only-semicolons", ";;;; x=a;;", "a|", 0 },
	{ "ext", "; x*=utf-8''%41b", "Ab|", 0 },
	{ "ext-language", "; x*=utf-8'en'%41b", "Ab|", 0 },
	{ "ext-no-charset", "; x*=%41b", "Ab|", ANOMALY(A_BAD_PARAM) },
	{ "ext-bad-escape", "; x*=u''%4%zz", "%4%zz|",
	    ANOMALY(A_BAD_PARAM) },
	{ "ext-and-plain", "; x=a; x*=u''b", "a|b|", 0 },
	{ "sections", "; x*0=a; x*1=b", "ab|", 0 },
	{ "sections-order", "; x*2=c; x*0=a; x*1=b", "abc|", 0 },
	{ "sections-mixed", "; x*0*=u''%41; x*1=%42; x*2*=%43", "A%42C|",
	    0 },
	{ "sections-gap", "; x*0=a; x*2=c", "a|ac|", ANOMALY(A_BAD_PARAM) },
	{ "sections-no-zero", "; x*1=b; x*2=c", "bc|",
	    ANOMALY(A_BAD_PARAM) },
	{ "sections-twice", "; x*0=a; x*0=b; x*1=c", "ac|bc|",
	    ANOMALY(A_DUP_PARAM) },
	{ "sections-leading-zero", "; x*00=a; x*01=b", "ab|", 0 },
	{ "sections-and-plain", "; x=p; x*0=a; x*1=b", "ab|p|", 0 },
	{ "sections-absurd", "; x*0=a; x*18446744073709551616=b", "a|ab|",
	    ANOMALY(A_BAD_PARAM) },
	{ "section-quoted", "; x*0=\"a;\"; x*1=\"b\"", "a;b|", 0 },
	{ "other-names", "; xx=1; y=2; x =a", "a|", 0 },
};

static const struct word {
	const char	*name;
	const char	*in;
	const char	*want;
	uint64_t	 anomalies;
} words[] = {
	{ "word-none", "plain text", "plain text", 0 },
	{ "word-q", "=?utf-8?Q?a=3Db_c?=", "a=b c", 0 },
	{ "word-b", "=?utf-8?b?YWJj?=", "abc", 0 },
	{ "word-lang", "=?utf-8*en?q?a?=", "a", 0 },
	{ "word-latin1", "=?ISO-8859-1?q?caf=E9?=", "caf\xc3\xa9", 0 },
	{ "word-koi8", "=?koi8-r?b?8NLJ18XU?=",
	    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 0 },
	{ "word-euc-kr", "=?euc-kr?b?x9GxuQ==?=",
	    "\xed\x95\x9c\xea\xb5\xad", 0 },
	{ "word-sjis", "=?shift_jis?b?k/qWew==?=",
	    "\xe6\x97\xa5\xe6\x9c\xac", 0 },
	{ "word-iso-2022-jp", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
	    "\xe6\x97\xa5\xe6\x9c\xac", 0 },
	{ "word-big5", "=?big5?b?pKSk5Q==?=", "\xe4\xb8\xad\xe6\x96\x87", 0 },
	{ "word-utf7", "=?utf-7?q?+AOk-?=", "\xc3\xa9", 0 },
	{ "word-adjacent", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab", 0 },
	{ "word-not-adjacent", "=?utf-8?q?a?= - =?utf-8?q?b?=", "a - b", 0 },
	{ "word-touching", "x=?utf-8?q?a?=y", "xay", 0 },
	{ "word-split-character", "=?utf-8?q?=E2=82?= =?UTF-8?b?rA==?=",
	    "\xe2\x82\xac", 0 },
	{ "word-two-charsets", "=?utf-8?q?a?= =?iso-8859-1?q?=E9?=",
	    "a\xc3\xa9", 0 },
	{ "word-bad-charset", "=?nonsense?q?a=E9?=", "a\xef\xbf\xbd",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-path-charset", "=?../../etc/passwd?q?a?=", "a",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-bad-bytes", "=?utf-8?q?a=FFb?=", "a\xef\xbf\xbd" "b",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-cut-bytes", "=?utf-8?q?=E2=82?=", "\xef\xbf\xbd\xef\xbf\xbd",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-unfinished", "=?utf-8?q?abc", "=?utf-8?q?abc",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-no-encoding", "=?utf-8?x?abc?=", "=?utf-8?x?abc?=",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-blanks-inside", "=?utf-8?q?a b?=", "a b", 0 },
	{ "word-control", "=?utf-8?q?a=07b=0D=0A?=",
	    "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd",
	    ANOMALY(A_BAD_ENCWORD) },
	{ "word-raw-8bit", "caf\xe9", "caf\xef\xbf\xbd",
	    ANOMALY(A_8BIT_HEADER) },
	{ "word-raw-utf8", "caf\xc3\xa9", "caf\xc3\xa9", 0 },
	{ "word-overlong", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd",
	    ANOMALY(A_8BIT_HEADER) },
	{ "word-surrogate", "\xed\xa0\x80",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", ANOMALY(A_8BIT_HEADER) },
	{ "word-tab", "a\tb", "a b", 0 },
};

static void	 vector_run(const struct vector *);
static void	 word_run(const struct word *);

static void
vector_run(const struct vector *v)
{
	static struct params	 ps;
	static struct pvalue	 values[PARAM_VALUES];
	char			 got[512];
	uint8_t			*in;
	size_t			 i, len, n;

	len = strlen(v->in);
	in = malloc(len > 0 ? len : 1);
	memcpy(in, v->in, len);
	params_parse(&ps, in, len);
	n = params_values(&ps, "x", values);
	got[0] = '\0';
	for (i = len = 0; i < n; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len,
		    "%.*s|", (int)values[i].len, (char *)values[i].data);
	free(in);
	if (strcmp(got, v->want) != 0 || ps.anomalies != v->anomalies)
		printf("%s: got %s, anomalies %llx\n", v->name, got,
		    (unsigned long long)ps.anomalies);
	harness_case(v->name, strcmp(got, v->want) == 0 &&
	    ps.anomalies == v->anomalies, "other readings");
}

static void
word_run(const struct word *w)
{
	uint64_t	 anomalies;
	uint8_t		*in, *out;
	size_t		 len, n;
	int		 good;

	len = strlen(w->in);
	in = malloc(len);
	memcpy(in, w->in, len);
	anomalies = 0;
	out = malloc(100);
	n = encword_decode(in, len, out, 100, &anomalies);
	good = n == strlen(w->want) && memcmp(out, w->want, n) == 0 &&
	    anomalies == w->anomalies;
	if (!good)
		printf("%s: got %.*s, anomalies %llx\n", w->name, (int)n,
		    (char *)out, (unsigned long long)anomalies);
	/* Less room: less comes out, in whole characters. */
	for (; len > 0; len--) {
		free(out);
		out = malloc(len);
		n = encword_decode(in, strlen(w->in), out, len, &anomalies);
		if (n > len || !utf8_valid(out, n))
			good = 0;
	}
	harness_case(w->name, good, "other text");
	free(in);
	free(out);
}

int
main(void)
{
	size_t	 i;

	decode_init();
	charset_init();
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		vector_run(&vectors[i]);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		word_run(&words[i]);
	return (harness_failed > 0);
}

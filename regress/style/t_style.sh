#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The rules of the source tree that a machine can check: layout, banned
# functions, who includes whom, and that manual pages know every option.

# shellcheck disable=SC2016 # programs of awk are in single quotes
set -fu
LC_ALL=C
export LC_ALL
TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM HUP
failed=0

# The case has passed if $TMP/out, the list of what offends, is empty.
verdict()
{
	if [ ! -s "$TMP/out" ]; then
		echo "ok $1"
		return
	fi
	n=$(wc -l <"$TMP/out")
	echo "not ok $1 - $n: $(head -n 5 "$TMP/out" | tr '\n' ';')"
	failed=1
}

# Files of the tree, tracked or new, whose names match the expression.
{
	git ls-files -co --exclude-standard 2>/dev/null ||
	    find . -type f ! -path './obj*' ! -path './.git/*' |
	    sed 's|^\./||'
} | while IFS= read -r f; do
	[ ! -f "$f" ] || echo "$f"
done | sort >"$TMP/all"

tree()
{
	grep -E "$1" "$TMP/all"
}

# Lines of the files listed in $1 that match $2, but for those matching $3.
offenders()
{
	xargs -r -d '\n' grep -nIHE -e "$2" <"$1" 2>/dev/null |
	    grep -vE -e "${3:-^$}" >"$TMP/out"
}

tree '\.[chy]$' >"$TMP/c"
xargs -r -d '\n' awk 'FNR == 1 {
	if ($0 ~ /^#! ?\/(bin\/(ba)?sh|usr\/bin\/env bash)/)
		print FILENAME
	nextfile
}' <"$TMP/all" >"$TMP/sh"
tree '\.mk$|^GNUmakefile$' >"$TMP/mk"
tree '\.py$' >"$TMP/py"
tree '\.[1-9]$' >"$TMP/man"
# What people wrote, not messages and expected output.
tree . | grep -vE '\.(in|ok|eml|bin)$|/seeds_|/corpus/' >"$TMP/text"

for kind in c sh mk man text; do
	if [ ! -s "$TMP/$kind" ]; then
		echo "not ok style - no $kind files here"
		exit 1
	fi
done

# ---- layout ----------------------------------------------------------------

t_layout()
{
	cat "$TMP/c" "$TMP/sh" "$TMP/mk" "$TMP/py" |
	    xargs -r -d '\n' awk '
	{
		n = split($0, part, "\t")
		len = 0
		for (i = 1; i < n; i++)
			len += 8 - (len + length(part[i])) % 8 + length(part[i])
		if (len + length(part[n]) > 80)
			print FILENAME ":" FNR
	}' >"$TMP/out"
	verdict "80 columns"
	cat "$TMP/c" "$TMP/sh" "$TMP/mk" >"$TMP/list"
	offenders "$TMP/list" '[ 	]$'
	verdict "no white space at the end of a line"
	offenders "$TMP/c" '^ {8}|^ +	' '^[^:]*:[0-9]+: \*'
	verdict "tabs indent"
	xargs -r -d '\n' awk '
	FNR == 1	{ head = "" }
	/^[a-z_]/	{ head = $0 }
	/^\{$/ && head ~ /^[a-z_][a-z_0-9]*[ *].*[a-z_0-9]\(/ {
		print FILENAME ":" FNR
	}' <"$TMP/c" >"$TMP/out"
	verdict "a return type has its own line"
	xargs -r -d '\n' awk '
	FNR == 1 || /^\{$/	{ start = FNR }
	/^\}$/ && FNR - start - 1 > 80 {
		print FILENAME ":" start
	}' <"$TMP/c" >"$TMP/out"
	verdict "no function over 80 lines"
	xargs -r -d '\n' awk 'FNR == 901 { print FILENAME }' <"$TMP/c" \
	    >"$TMP/out"
	verdict "no file over 900 lines"
	offenders "$TMP/c" '^[ 	]*typedef[ 	]+(struct|union|enum)'
	verdict "no typedef of structures"
}

t_head()
{
	xargs -r -d '\n' awk '
	FNR == 1 && $0 != "/* SPDX-License-Identifier: ISC */" {
		print FILENAME
	}' <"$TMP/c" >"$TMP/out"
	verdict "C files begin with their licence"
	# A process's list of its sources says nothing of its own.
	cat "$TMP/sh" "$TMP/mk" "$TMP/py" "$TMP/man" |
	    grep -vE '^(common|master|proxy|parser|scanner)/[a-z]*\.mk$' |
	    while IFS= read -r f; do
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ISC' ||
		    echo "$f"
	done >"$TMP/out"
	verdict "other sources have it in their first lines"
	grep -v '^regress/' "$TMP/c" | xargs -r -d '\n' awk '
	FNR == 3 && $0 !~ /^\/\*/ {
		print FILENAME
	}' >"$TMP/out"
	verdict "a comment says what a module is"
}

# ---- content ---------------------------------------------------------------

t_banned()
{
	fn='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol'
	fn="$fn|gets|alloca|popen|system|mktemp|tmpnam|pthread_[a-z_]+"
	offenders "$TMP/c" "(^|[^_[:alnum:]\">.])($fn)[ 	]*\(" \
	    '^[^:]*:[0-9]+:[ 	]*(/?\*|//)'
	verdict "no banned functions"
	offenders "$TMP/c" '<(pthread|threads)\.h>'
	verdict "no threads"
	offenders "$TMP/c" 'MAP_SHARED' 'PROT_READ,|regress/'
	verdict "no writable shared memory"
	# Written so that this file is not found by itself.
	offenders "$TMP/text" \
	    '(^|[^[:alnum:]])(TOD[O]|FIXM[E]|XX[X]|HAC[K])([^[:alnum:]]|$)'
	verdict "nothing is left for later"
	offenders "$TMP/text" '/(wor[k]|far[m]|hom[e]/[a-z]+|roo[t])/'
	verdict "no paths of a machine"
	offenders "$TMP/text" \
	    '(de[b]|securit[y]|snapsho[t])\.debian\.org|pyp[i]\.org'
	verdict "no package servers"
}

# A process sees its own headers and those of common/, and nothing else.
t_layers()
{
	grep -v '^regress/' "$TMP/c" | while IFS= read -r f; do
		dir=${f%/*}
		sed -n 's/^#[ 	]*include[ 	]*"\([^"]*\)".*/\1/p' "$f" |
		    while IFS= read -r h; do
			case $h in
			*/*)	echo "$f: $h" ;;
			*)	[ -f "$dir/$h" ] || [ -f "common/$h" ] ||
				    [ "$h" = parse.h ] || echo "$f: $h" ;;
			esac
		done
	done >"$TMP/out"
	verdict "a process includes its own headers and common's"
	grep '^common/' "$TMP/c" >"$TMP/list"
	offenders "$TMP/list" '<(clamav|tre/.*|resolv|netdb)\.h>'
	verdict "common knows neither viruses nor names"
	grep -v '^scanner/' "$TMP/c" | grep -v '^regress/' >"$TMP/list"
	offenders "$TMP/list" '<clamav\.h>'
	verdict "only the scanner knows libclamav"
	grep -nHE -e '-l(clamav|resolv|cares|ssl|crypto)' \
	    parser/parser.mk proxy/proxy.mk master/master.mk \
	    common/common.mk >"$TMP/out"
	verdict "only the scanner links libclamav"
	for p in master proxy parser scanner; do
		grep -nHE -e "-I *(master|proxy|parser|scanner)" "$p/$p.mk" |
		    grep -vE -e "-I *$p( |\$)"
	done >"$TMP/out"
	verdict "a process asks for no headers of another"
}

t_scripts()
{
	xargs -r -d '\n' shellcheck -f gcc <"$TMP/sh" >"$TMP/out" 2>&1
	verdict "scripts pass shellcheck"
	while IFS= read -r f; do
		case $(head -n 1 "$f") in
		*bash)	bash -n "$f" ;;
		*)	dash -n "$f" ;;
		esac
	done <"$TMP/sh" >"$TMP/out" 2>&1
	verdict "scripts parse"
}

# ---- manual pages ----------------------------------------------------------

t_man()
{
	# References to pages that are not installed here are no fault.
	xargs -r -d '\n' mandoc -Tlint -W style <"$TMP/man" 2>&1 |
	    grep -vE 'referenced manual not found|outdated mandoc\.db' \
	    >"$TMP/out"
	verdict "manual pages pass mandoc -Tlint"

	sed -n 's/.*getopt(argc, argv, "\([^"]*\)").*/\1/p' master/main.c |
	    sed 's/[:+]//g' | fold -w 1 | grep -v h >"$TMP/opts"
	[ -s "$TMP/opts" ] || echo "master/main.c has no options" >"$TMP/opts"
	while IFS= read -r o; do
		grep -qE "^\.(It|Op|Ar|Nm|Fl).*Fl ([A-Za-z]* )*[A-Za-z]*$o" \
		    master/mailwalld.8 || echo "-$o"
	done <"$TMP/opts" >"$TMP/out"
	verdict "mailwalld.8 has every option"

	etc/mailwall-firewall --help | grep -oE -e '-[-a-z46]+' | sort -u |
	    grep -vE '^-[a-z]{2,}$|^-$|^-?-firewall' |
	    sed 's/^-//' >"$TMP/opts"
	sed -n '/^set_option()/,/^}/p' etc/mailwall-firewall |
	    grep -oE '^	[a-z|-]+\)' | tr -d '	)' | tr '|' '\n' |
	    grep -vE '^(mode|family)$' | sed 's/^/-/' >>"$TMP/opts"
	[ "$(wc -l <"$TMP/opts")" -ge 25 ] ||
	    echo "no options found" >>"$TMP/opts"
	while IFS= read -r o; do
		grep -qE "^\.It.* Fl $o( |\$)|^\.It Fl $o( |\$)" \
		    etc/mailwall-firewall.8 || echo "-$o"
	done <"$TMP/opts" >"$TMP/out"
	verdict "mailwall-firewall.8 has every option"
	etc/mailwall-firewall --help >"$TMP/usage"
	sed 's/^-//' "$TMP/opts" | grep .. | sort -u |
	    while IFS= read -r o; do
		grep -qE -e "--$o( |\]|\$)" "$TMP/usage" || echo "--$o"
	done >"$TMP/out"
	verdict "its usage too"
}

t_layout
t_head
t_banned
t_layers
t_scripts
t_man
exit $failed

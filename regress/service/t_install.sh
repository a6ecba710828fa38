#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make install puts every file where it belongs, with its mode and with the
# right paths inside; what it installs is valid; make uninstall leaves nothing.

set -u
LC_ALL=C
export LC_ALL
unset MAKEFLAGS MFLAGS MAKELEVEL
O=${O:-obj}
TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$TMP"' EXIT
trap 'exit 1' INT TERM HUP
failed=0

result()
{
	if [ "$2" -eq 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1 - $(tr '\n' ' ' <"$TMP/out")"
		failed=1
	fi
}

# run NAME COMMAND...: a command that must succeed.
run()
{
	case_name=$1
	shift
	"$@" >"$TMP/out" 2>&1
	result "$case_name" $?
}

# Mode and name of everything but directories below $1.
files()
{
	(cd "$1" && find . ! -type d -printf '%m %P\n' | sort -k 2)
}

same()
{
	diff "$2" "$3" >"$TMP/out"
	result "$1" $?
}

# A tree: name, sbin, libexec, share, units, lib, etc, more variables.
t_tree()
{
	name=$1 sbin=$2 libexec=$3 share=$4 units=$5 lib=$6 etc=$7
	shift 7
	dir="$TMP/$name"
	# Some objects are compiled again; those of the others are left alone.
	[ -d "$TMP/obj" ] || cp -a "$O" "$TMP/obj"
	O=$TMP/obj
	run "$name: install" make -s install O="$O" DESTDIR="$dir" "$@"
	cat >"$TMP/expected" <<-EOT
	755 $sbin/mailwall-firewall
	755 $sbin/mailwallctl
	755 $sbin/mailwalld
	755 $libexec/mailwall-parser
	755 $libexec/mailwall-proxy
	755 $libexec/mailwall-scanner
	755 $libexec/mailwall-store
	644 $share/bash-completion/completions/mailwallctl
	644 $share/doc/mailwall/examples/mailwall-alerts.yml
	644 $share/doc/mailwall/examples/mailwall.logrotate
	644 $share/doc/mailwall/examples/mailwall-dashboard.json
	644 $share/man/man5/mailwall.conf.5
	644 $share/man/man7/mailwall-anomalies.7
	644 $share/man/man8/mailwall-firewall.8
	644 $share/man/man8/mailwallctl.8
	644 $share/man/man8/mailwalld.8
	644 $units/mailwall-firewall.service
	644 $units/mailwall.service
	644 $lib/sysusers.d/mailwall.conf
	644 $lib/tmpfiles.d/mailwall.conf
	644 $etc/firewall.conf
	644 $etc/mailwall-block.nft
	644 $etc/mailwall.conf
	644 $etc/spamwords
	EOT
	sort -k 2 "$TMP/expected" >"$TMP/expected.sorted"
	files "$dir" >"$TMP/files"
	same "$name: files and modes" "$TMP/expected.sorted" "$TMP/files"
	t_content

	# The administrator's files survive, new examples lie beside.
	echo "# mine" >>"$dir/$etc/mailwall.conf"
	cp "$dir/$etc/mailwall.conf" "$TMP/mine"
	run "$name: second install" make -s install O="$O" DESTDIR="$dir" "$@"
	same "$name: second install keeps the configuration" "$TMP/mine" \
	    "$dir/$etc/mailwall.conf"
	test -f "$dir/$share/doc/mailwall/mailwall.conf.example" &&
	    test -f "$dir/$share/doc/mailwall/firewall.conf.example" &&
	    test -f "$dir/$share/doc/mailwall/spamwords.example"
	result "$name: second install leaves examples" $?

	: >"$dir/$sbin/other"
	run "$name: uninstall" make -s uninstall O="$O" DESTDIR="$dir" "$@"
	printf '%s\n' "644 $etc/mailwall.conf" "644 $sbin/other" |
	    sort -k 2 >"$TMP/expected"
	chmod 644 "$dir/$sbin/other"
	files "$dir" >"$TMP/files"
	same "$name: uninstall removes what was installed" "$TMP/expected" \
	    "$TMP/files"
	test ! -d "$dir/$libexec" && test ! -d "$dir/$share/doc/mailwall"
	result "$name: uninstall removes its directories" $?
}

# What was installed is valid and speaks of the places it was installed to.
t_content()
{
	for u in mailwall mailwall-firewall; do
		f="$dir/$units/$u.service"
		grep -o '^Exec[A-Za-z]*=[+-]*[^ ]*' "$f" |
		    sed 's/^[^=]*=[+-]*//' | grep mailwall | sort -u |
		    while read -r prog; do
			test -x "$dir$prog" || echo "$f: $prog"
		done >"$TMP/out"
		test ! -s "$TMP/out"
		result "$name: $u.service runs what is there" $?
	done
	run "$name: the script runs" "$dir/$sbin/mailwall-firewall" \
	    print redirect
	grep -q "=/$etc/firewall.conf" "$dir/$sbin/mailwall-firewall" &&
	    grep -q "=/$etc/firewall.conf" \
	    "$dir/$units/mailwall-firewall.service"
	result "$name: its file is found" $?
	run "$name: mailwalld runs" "$dir/$sbin/mailwalld" -V
	grep -qaF "/$libexec" "$dir/$sbin/mailwalld" &&
	    grep -qaF "/$etc/mailwall.conf" "$dir/$sbin/mailwalld"
	result "$name: mailwalld was built for these places" $?
}

# systemd looks for the programs and manual pages that a unit names; give it
# a root that has them.
t_units()
{
	if ! command -v systemd-analyze >/dev/null; then
		echo "not ok units - systemd-analyze is missing"
		failed=1
		return
	fi
	root=$TMP/units
	make -s install O="$O" DESTDIR="$root" PREFIX=/usr >/dev/null
	mkdir -p "$root/bin" "$root/usr/bin" "$root/lib/systemd/system"
	for f in /bin/sh /bin/kill /bin/systemctl /usr/bin/systemd-tmpfiles; do
		cp /bin/true "$root$f"
	done
	for t in sysinit basic multi-user network shutdown; do
		printf '[Unit]\nDescription=%s\n' $t \
		    >"$root/lib/systemd/system/$t.target"
	done
	for u in mailwall mailwall-firewall; do
		SYSTEMD_LOG_LEVEL=warning systemd-analyze verify \
		    --man=no --recursive-errors=no --root="$root" \
		    "$root/lib/systemd/system/$u.service" >"$TMP/out" 2>&1
		rc=$?
		[ $rc -eq 0 ] && [ ! -s "$TMP/out" ]
		result "$u.service verifies" $?
	done
	t_exposure mailwall 25
	t_exposure mailwall-firewall 20
	run "sysusers" systemd-sysusers --root="$root" mailwall.conf
	for u in _mwproxy _mwparse _mwscan _mwstore; do
		grep "^$u:" "$root/etc/passwd" >"$TMP/out" &&
		    grep -q ':/usr/sbin/nologin$' "$TMP/out"
		result "user $u" $?
	done
	run "tmpfiles" systemd-tmpfiles --root="$root" --create mailwall.conf
	(cd "$root/run" && find mailwall -printf '%m %P %U\n' | sort) \
	    >"$TMP/dirs"
	uid=$(sed -n 's/^_mwscan:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
	cat >"$TMP/expected" <<-EOT
	700 scanner/tmp $uid
	755  0
	755 empty 0
	755 scanner 0
	EOT
	same "run directories" "$TMP/expected" "$TMP/dirs"
}

# A unit may become tighter, never looser: exposure in tenths at most $2.
t_exposure()
{
	systemd-analyze security --offline=true --no-pager \
	    --threshold="$2" "$root/lib/systemd/system/$1.service" \
	    >"$TMP/all" 2>&1
	rc=$?
	tail -n 1 "$TMP/all" >"$TMP/out"
	result "$1.service is confined" $rc
}

# mailwalld drops all but some capabilities; the unit must grant these.
t_capabilities()
{
	sed -n 's/^CapabilityBoundingSet=//p' etc/mailwall.service |
	    tr ' ' '\n' | sort >"$TMP/unit"
	sed -n '/master_caps\[\]/,/^}/s/^\t\(CAP_[A-Z_]*\),.*/\1/p' \
	    common/priv.c | sort >"$TMP/code"
	test -s "$TMP/code" && diff "$TMP/code" "$TMP/unit" >"$TMP/out"
	result "the unit's capabilities are mailwalld's" $?
}

t_tree local usr/local/sbin usr/local/libexec/mailwall usr/local/share \
    usr/local/lib/systemd/system usr/local/lib etc/mailwall
t_tree usr usr/sbin usr/libexec/mailwall usr/share lib/systemd/system \
    usr/lib etc/mailwall PREFIX=/usr
t_tree opt opt/mw/sbin opt/mw/programs opt/mw/share opt/units opt/mw/lib \
    opt/mw/etc PREFIX=/opt/mw LIBEXECDIR=/opt/mw/programs UNITDIR=/opt/units \
    SYSCONFDIR=/opt/mw/etc
t_units
t_capabilities
exit $failed

#!/bin/sh
# SPDX-License-Identifier: ISC
# timeout: 600
#
# mailwall-firewall: which rules it makes, that it makes them once, removes
# them all, touches no others, undoes what fails, and takes no value that is
# more than a value.  Real connections are in t_traffic.py.  With UPDATE=1 the
# expected rules, redirect.ok and tproxy.ok, are written: read the difference.

set -u
LC_ALL=C
export LC_ALL
FW=$PWD/etc/mailwall-firewall
NS=mwfr$$
TMP=$(mktemp -d) || exit 1
failed=0

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	ip netns del "$NS" 2>/dev/null
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

if [ "$(id -u)" -ne 0 ]; then
	echo "not ok rules - must be run as root"
	exit 1
fi

in_ns()
{
	ip netns exec "$NS" "$@"
}

# The firewall script in the namespace, what it says kept in $TMP/out.
fw()
{
	in_ns "$FW" "$@" >"$TMP/out" 2>&1 </dev/null
}

ok()
{
	echo "ok $1"
}

not_ok()
{
	echo "not ok $1 - $(printf '%s' "$2" | tr '\n' ' ')"
	failed=1
}

# result NAME STATUS [WHY]
result()
{
	if [ "$2" -eq 0 ]; then
		ok "$1"
	else
		not_ok "$1" "${3-$(cat "$TMP/out")}"
	fi
}

# Everything that a firewall script could change.  The back end of iptables
# makes empty built-in chains when it is first used and leaves them: a table
# counts when it has a rule, a chain of somebody's or a policy.
snapshot()
{
	for c in iptables ip6tables; do
		echo "== $c"
		in_ns "$c-save" | sed -e '/^#/d' -e 's/ \[.*\]$//' | awk '
		/^\*/			{ table = $0; next }
		/^:[A-Z]+ ACCEPT$/	{ next }
		/^COMMIT/		{ next }
					{ print table, $0 }'
	done
	for f in 4 6; do
		echo "== rule $f"
		in_ns ip -N -$f rule show
		echo "== route $f"
		in_ns ip -N -$f route show table all | sort
	done
	echo "== nft"
	in_ns nft list ruleset 2>/dev/null | sed -n '/^table inet/,/^}/p'
}

same()
{
	if diff "$2" "$3" >"$TMP/diff"; then
		ok "$1"
	else
		not_ok "$1" "$(cat "$TMP/diff")"
	fi
}

# What others have, with the same ports and in the same places.
foreign_rules()
{
	for c in iptables ip6tables; do
		in_ns $c -t nat -A PREROUTING -p tcp --dport 25 -j RETURN
		in_ns $c -t nat -A PREROUTING -p tcp --dport 2525 \
		    -j REDIRECT --to-ports 5000
		in_ns $c -t mangle -A PREROUTING -p tcp --dport 25 \
		    -j MARK --set-mark 9
		in_ns $c -t mangle -N MAILWALL-OTHER
		in_ns $c -t mangle -A PREROUTING -j MAILWALL-OTHER
		in_ns $c -N mailwall-input
		in_ns $c -A INPUT -p tcp --dport 25 -m comment \
		    --comment "not -j MAILWALL-INPUT" -j ACCEPT
		in_ns $c -A INPUT -p tcp --dport 25 -m comment \
		    --comment "to -j MAILWALL-INPUT now"
		in_ns $c -P FORWARD DROP
	done
	in_ns nft add table inet other
	in_ns nft add chain inet other pre \
	    '{ type filter hook prerouting priority -310; }'
	in_ns nft add rule inet other pre tcp dport 25 counter
	for f in 4 6; do
		in_ns ip -$f rule add fwmark 0x4d57/0xffff lookup 100 pref 90
		in_ns ip -$f rule add fwmark 7 lookup 19799 pref 77
		in_ns ip -$f rule add fwmark 8 lookup 101 protocol 4
	done
	in_ns ip route add local 0.0.0.0/0 dev lo table 100
	in_ns ip route add 192.0.2.0/24 dev lo proto 77
}

# ---- values ----------------------------------------------------------------

refused()
{
	what=$1
	shift
	if fw print "$@"; then
		not_ok "refused: $what" "accepted: $(cat "$TMP/out")"
	elif ! grep -q '^mailwall-firewall: ' "$TMP/out"; then
		not_ok "refused: $what" "no message: $(cat "$TMP/out")"
	elif [ -e "$TMP/pwned" ] || LC_ALL=C grep -q '[^ -~]' "$TMP/out"; then
		not_ok "refused: $what" "it was let out"
	else
		ok "refused: $what"
	fi
}

t_values()
{
	nl='
'
	evil="x;touch $TMP/pwned"
	for opt in -i --ports --to-port --from --except --except-to --mark \
	    --mask --table --connlimit --own-mark --drain; do
		# shellcheck disable=SC2016 # not to be expanded
		for val in '' ' ' '-1' "\$(touch $TMP/pwned)" "$evil" \
		    "1${nl}2" \
		    '*' '1 -j ACCEPT' "$(printf '\033[2J')" '0' '99999999999' \
		    '--conf'; do
			# These are what the option is for.
			case $opt$val in
			-i0|-i99*|--drain0|-i1"$nl"2|--ports1"$nl"2)
				continue ;;
			esac
			refused "$opt '$(printf '%s' "$val" |
			    tr -c '[:print:]' '?' | tr -s / _ |
			    sed "s/_tmp[^ )]*pwned/file/")'" \
			    redirect $opt "$val"
		done
		refused "$opt without a value" redirect $opt
	done
	for val in 1.2.3 1.2.3.4.5 256.1.1.1 1.2.3.4/33 01.2.3.4 1.2.3.4/ \
	    mail.example ::1::2 1:2:3:4:5:6:7 12345::1 ::1/129 :1:2 fe80::1%lo \
	    1:2:3:4:5:6:7:8:9 :::; do
		refused "--from $val" redirect --from "$val"
	done
	for val in eth0+x this-name-is-too-long a/b . .. +; do
		refused "-i $val" redirect -i "$val"
	done
	refused "16 ports" redirect --ports "$(seq -s , 16)"
	refused "port 65536" redirect --ports 25,65536
	refused "mark 0x" tproxy --mark 0x
	refused "mark 0x0" tproxy --mark 0x0
	refused "mark 0x100000000" tproxy --mark 0x100000000
	refused "mark outside of mask" tproxy --mark 0x10000 --mask 0xff
	refused "own mark = mark" tproxy --own-mark 0x74d57
	refused "table main" tproxy --table 254
	refused "mode" transparent
	refused "unknown option" redirect --frobnicate 1
	refused "unknown flag" redirect -x
	refused "word" redirect tproxy
	refused "no such file" redirect --conf "$TMP/none"
	fw frobnicate
	[ $? -eq 1 ]
	result "unknown action" $?
	fw
	[ $? -eq 1 ] && grep -q ^usage: "$TMP/out"
	result "usage" $?
}

# ---- print -----------------------------------------------------------------

OPTIONS="-i eth0 -i ppp+ --ports 587,25 --from 10.0.0.0/8,2001:db8::/32
    --except 10.1.0.0/16 --except fd00::/8 --except-to 192.0.2.1 --except-local
    --own-mark 99 --connlimit 20"

t_print()
{
	for mode in redirect tproxy; do
		# shellcheck disable=SC2086 # words
		fw print $mode $OPTIONS
		result "$mode print" $?
		cp "$TMP/out" "$TMP/printed"
		snapshot >"$TMP/after"
		same "$mode print does nothing" "$TMP/clean" "$TMP/after"
		# What is printed is what start does.
		in_ns sh -e "$TMP/printed"
		result "$mode printed commands run" $? "status $?"
		snapshot >"$TMP/byhand"
		fw stop
		# shellcheck disable=SC2086 # words
		fw start $mode $OPTIONS
		result "$mode start" $?
		snapshot >"$TMP/started"
		same "$mode start does what print shows" "$TMP/byhand" \
		    "$TMP/started"
		diff "$TMP/clean" "$TMP/started" | grep '^>' | sed 's/^> //' \
		    >"$TMP/rules"
		[ -z "${UPDATE-}" ] ||
		    cp "$TMP/rules" "regress/firewall/$mode.ok"
		same "$mode rules are as expected" \
		    "regress/firewall/$mode.ok" "$TMP/rules"
		fw stop
		result "$mode stop" $?
		snapshot >"$TMP/after"
		same "$mode stop removes all of it" "$TMP/clean" "$TMP/after"
	done
}

# ---- start and stop --------------------------------------------------------

status_is()
{
	name=$1
	fw status
	rc=$?
	[ $rc -eq "$2" ]
	result "$name" $? "status $rc: $(head -n 1 "$TMP/out")"
}

t_start_stop()
{
	status_is "status before" 3
	for mode in redirect tproxy; do
		fw start $mode --connlimit 9
		result "$mode start among foreign rules" $?
		snapshot >"$TMP/once"
		fw start $mode --connlimit 9
		result "$mode second start" $?
		snapshot >"$TMP/twice"
		same "$mode started twice is started once" "$TMP/once" \
		    "$TMP/twice"
		status_is "$mode status" 0
		grep -q "^IPv4: $mode" "$TMP/out" &&
		    grep -q "^IPv6: $mode" "$TMP/out"
		result "$mode status names it" $?
		# Nothing of the others is lost or moved.
		diff "$TMP/clean" "$TMP/once" | grep '^<' >"$TMP/out"
		[ ! -s "$TMP/out" ]
		result "$mode others are as they were" $?
		table=nat
		[ $mode = redirect ] || table=mangle
		in_ns iptables -t $table -S PREROUTING | sed -n 2p |
		    grep -q 'MAILWALL-[RD]'
		result "$mode ours come first" $? "they do not"
	done
	# From one to the other, and with other values, without a stop.
	fw start redirect
	fw start tproxy --mark 0x10 --mask 0xff --table 500
	fw start tproxy --mark 0x11 --mask 0xff --table 500
	fw start redirect -4
	snapshot >"$TMP/changed"
	fw stop
	fw start redirect -4
	snapshot >"$TMP/fresh"
	same "start replaces what was there" "$TMP/fresh" "$TMP/changed"
	status_is "one family is active" 0
	fw stop
	result "stop" $?
	snapshot >"$TMP/after"
	same "stop leaves the others alone" "$TMP/clean" "$TMP/after"
	fw stop
	result "second stop" $?
	snapshot >"$TMP/after"
	same "second stop does nothing" "$TMP/clean" "$TMP/after"
	status_is "status after" 3
}

t_damaged()
{
	fw start tproxy
	in_ns ip -6 route flush table 19799
	status_is "status without the route" 4
	fw start tproxy
	status_is "start mends it" 0
	in_ns ip rule del pref 77 protocol 77
	status_is "status without the rule" 4
	fw start tproxy
	in_ns iptables -t mangle -D PREROUTING 1
	status_is "status without a jump" 4
	fw start tproxy
	status_is "start mends that" 0
	fw stop
	snapshot >"$TMP/after"
	same "nothing is left of it" "$TMP/clean" "$TMP/after"
}

# A chain of ours that somebody else uses cannot be removed, so that a start
# that wants to remove it fails, after half of the work.
t_failure()
{
	in_ns ip6tables -t mangle -N MAILWALL-DIVERT
	in_ns ip6tables -t mangle -A FORWARD -j MAILWALL-DIVERT
	snapshot >"$TMP/before"
	fw start redirect
	[ $? -eq 1 ]
	result "a start that fails says so" $?
	snapshot >"$TMP/after"
	same "a start that fails is undone" "$TMP/before" "$TMP/after"
	in_ns ip6tables -t mangle -D FORWARD -j MAILWALL-DIVERT
	in_ns ip6tables -t mangle -X MAILWALL-DIVERT

	fw start redirect --connlimit 4
	in_ns ip6tables -t nat -A OUTPUT -j MAILWALL-REDIRECT
	snapshot >"$TMP/before"
	fw start tproxy
	[ $? -eq 1 ]
	result "a change that fails says so" $?
	snapshot >"$TMP/after"
	same "a change that fails leaves what was" "$TMP/before" "$TMP/after"
	fw stop
	[ $? -eq 1 ]
	result "a stop that fails says so" $?
	in_ns ip6tables -t nat -D OUTPUT -j MAILWALL-REDIRECT
	fw stop
	result "and can be repeated" $?
	snapshot >"$TMP/after"
	same "nothing is left after failures" "$TMP/clean" "$TMP/after"

	in_ns ip route add 192.0.2.0/24 dev lo table 19799
	snapshot >"$TMP/before"
	fw start tproxy
	[ $? -eq 1 ] && grep -q 'table 19799 is in use' "$TMP/out"
	result "a table in use is refused" $?
	snapshot >"$TMP/after"
	same "... and not touched" "$TMP/before" "$TMP/after"
	in_ns ip route del 192.0.2.0/24 dev lo table 19799
}

# ---- SYNPROXY --------------------------------------------------------------

# synproxy NAME refused|allowed COMMAND...: with that rule, which is undone
# by replacing -A with -D.
synproxy()
{
	name=$1
	want=$2
	shift 2
	in_ns "$@" || not_ok "$name" "the rule cannot be made"
	snapshot >"$TMP/before"
	if fw start redirect --ports 25,587; then
		got=allowed
		fw stop
	elif grep -q SYNPROXY "$TMP/out"; then
		got=refused
	else
		got=$(cat "$TMP/out")
	fi
	[ "$got" = "$want" ]
	result "$name $want" $? "$got"
	snapshot >"$TMP/after"
	same "$name touched nothing" "$TMP/before" "$TMP/after"
	# shellcheck disable=SC2046 # one word a line
	in_ns $(printf '%s\n' "$@" | sed 's/^-A$/-D/')
}

t_synproxy()
{
	sp="-j SYNPROXY --sack-perm --mss 1460"
	for c in iptables ip6tables; do
		# shellcheck disable=SC2086 # words
		{
		synproxy "$c port 25" refused \
		    $c -A INPUT -p tcp --dport 25 $sp
		synproxy "$c forwarded" refused \
		    $c -A FORWARD -p tcp --dport 587 $sp
		synproxy "$c without a port" refused \
		    $c -A FORWARD -p tcp $sp
		synproxy "$c range" refused \
		    $c -A FORWARD -p tcp --dport 20:30 $sp
		synproxy "$c list" refused \
		    $c -A FORWARD -p tcp -m multiport --dports 80,500:600 $sp
		synproxy "$c all but 80" refused \
		    $c -A FORWARD -p tcp ! --dport 80 $sp
		synproxy "$c port 80" allowed \
		    $c -A FORWARD -p tcp --dport 80 $sp
		synproxy "$c lists without ours" allowed \
		    $c -A FORWARD -p tcp -m multiport --dports 80,443,600:700 \
		    $sp
		}
	done
	fw print redirect
	in_ns iptables -A FORWARD -p tcp --dport 25 -j SYNPROXY
	fw check redirect
	[ $? -eq 1 ] && grep -q SYNPROXY "$TMP/out"
	result "check says so" $?
	in_ns iptables -D FORWARD -p tcp --dport 25 -j SYNPROXY
	command -v nft >/dev/null || return 0
	in_ns nft add table inet sp
	in_ns nft add chain inet sp f \
	    '{ type filter hook forward priority 0; }'
	for r in "25 refused" "{25,80} refused" "20-30 refused" "80 allowed" \
	    "{80,443} allowed" "!=80 refused"; do
		in_ns nft add rule inet sp f tcp dport "${r% *}" \
		    synproxy mss 1460 sack-perm ||
		    not_ok "nft ${r% *}" "the rule cannot be made"
		if fw start redirect; then
			got=allowed
			fw stop
		else
			got=refused
		fi
		[ "$got" = "${r#* }" ]
		result "nft dport $r" $? "$got"
		in_ns nft flush chain inet sp f
	done
	in_ns nft delete table inet sp
}

# ---- the file --------------------------------------------------------------

t_conf()
{
	cat >"$TMP/fw.conf" <<-'EOT'
	# A comment
	mode = tproxy

	  interface=eth0,ppp+	# and another
	ports = 25 587
	from = 10.0.0.0/8, 2001:db8::/32
	except-local = yes
	connlimit = 5
	to-port = 6001
	EOT
	fw print --conf "$TMP/fw.conf" --to-port 6002 --from 192.0.2.0/24
	result "file" $?
	cp "$TMP/out" "$TMP/file"
	fw print tproxy -i eth0 -i ppp+ --ports 25,587 \
	    --from 10.0.0.0/8,2001:db8::/32,192.0.2.0/24 --except-local \
	    --connlimit 5 --to-port 6002
	same "file and command line are one" "$TMP/file" "$TMP/out"
	# shellcheck disable=SC2016 # not to be expanded
	for bad in 'mode' 'mode = both' 'frob = 1' 'ports = 25;reboot' \
	    'from = $(id)' 'conf = /etc/passwd' 'except-local = maybe' \
	    'family = 5'; do
		printf '# one\n%s\n' "$bad" >"$TMP/bad.conf"
		if fw print redirect --conf "$TMP/bad.conf"; then
			not_ok "file with '$bad'" "accepted"
		else
			grep -q 'bad.conf:2: ' "$TMP/out"
			result "file with '$bad'" $?
		fi
	done
	fw start redirect
	fw stop --conf "$TMP/bad.conf"
	result "stop does not depend on the file" $?
	fw print --conf etc/firewall.conf.example
	[ $? -eq 1 ] && grep -q 'neither redirect nor tproxy' "$TMP/out"
	result "the example asks for a choice" $?
	sed 's/^#\([a-z-]* =\)/\1/' etc/firewall.conf.example >"$TMP/all.conf"
	fw print redirect --conf "$TMP/all.conf"
	result "the example's values are valid" $?
}

t_warnings()
{
	fw check tproxy
	grep -q 'ip_forward is 0' "$TMP/out"
	result "warns of ip_forward" $?
	in_ns sysctl -qw net.ipv4.ip_forward=1 \
	    net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=1
	fw check tproxy -i eth0
	result "check is content" $?
	! grep -q 'forward.* is 0' "$TMP/out" &&
	    grep -q 'rp_filter is strict' "$TMP/out"
	result "warns of rp_filter" $?
	in_ns sysctl -qw net.ipv4.conf.eth0.rp_filter=2 \
	    net.ipv4.conf.eth0.route_localnet=1
	fw check tproxy -i eth0
	! grep -q 'rp_filter is strict' "$TMP/out" &&
	    grep -q 'route_localnet is 1' "$TMP/out"
	result "warns of route_localnet" $?
	fw check redirect -i eth0
	grep -q 'eth0: no IPv4 address' "$TMP/out"
	result "warns of REDIRECT without an address" $?
	in_ns iptables -P INPUT DROP
	fw check redirect -i eth0
	grep -q 'INPUT policy is DROP' "$TMP/out"
	result "warns of a policy" $?
	in_ns iptables -P INPUT ACCEPT
}

ip netns add "$NS" || exit 1
in_ns ip link set lo up
in_ns ip link add eth0 type veth peer name eth1
in_ns ip link set eth0 up
snapshot >"$TMP/clean"
t_values
t_print
foreign_rules
snapshot >"$TMP/clean"
t_start_stop
t_damaged
t_failure
t_synproxy
t_conf
t_warnings
exit $failed

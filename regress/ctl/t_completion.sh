#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Completion of mailwallctl for bash: commands, numbers, tables, files.

failed=0

# shellcheck disable=SC2317 # completion runs it
mailwallctl()
{
	case $* in
	"quarantine list")	printf 'NUMBER X\n17 a\n18 b\n29 c\n' ;;
	"table list")		printf 'TABLE X\nblocked 1\nsick 2\n' ;;
	esac
}

# shellcheck source=/dev/null
. etc/mailwallctl.bash

# t EXPECTED WORD...: what the last word becomes.
t()
{
	expected=$1
	shift
	COMP_WORDS=(mailwallctl "$@")
	# shellcheck disable=SC2034 # for the function
	COMP_CWORD=$#
	COMPREPLY=()
	_mailwallctl
	if [ "${COMPREPLY[*]}" = "$expected" ]; then
		echo "ok $*"
	else
		echo "not ok $* - ${COMPREPLY[*]}"
		failed=1
	fi
}

t "status stats" sta
t "metrics" m
t "list show save release forward delete" quarantine ""
t "17 18 29" quarantine show ""
t "17 18" quarantine delete 1
t "29" -s /s quarantine release 2
t "17 18 29" -j quarantine save ""
t "" quarantine show 17 ""
t "" quarantine forward 17 1
t "etc/mailwallctl.bash" quarantine save 17 etc/mailwallctl
t "etc/firewall.conf.example" -s etc/fire
t "blocked sick" table show ""
t "--from --to" report --
exit $failed

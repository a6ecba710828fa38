# SPDX-License-Identifier: ISC
#
# Completion of mailwallctl(8) for bash.

_mailwallctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words= i cmd= sub= nargs=0
	local prev=${COMP_WORDS[COMP_CWORD - 1]}

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s)	((i++)) ;;
		-*)	;;
		*)	if [ -z "$cmd" ]; then
				cmd=${COMP_WORDS[i]}
			else
				sub=${sub:-${COMP_WORDS[i]}}
				((nargs++))
			fi ;;
		esac
	done
	# What is a file: the socket, and where a message is saved.
	if [ "$prev" = -s ] ||
	    [ "$cmd/$sub/$nargs" = quarantine/save/2 ]; then
		# shellcheck disable=SC2207 # names with blanks do not come
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
	fi
	case $cmd/$sub in
	/)	words="status stats sessions top metrics log trace quarantine
		    outbox table block unblock reload verbose report explain
		    version
		    -j -s --json" ;;
	log/*|quarantine/list)
		words="--from --to --match --limit --json" ;;
	report/*) words="--from --to" ;;
	outbox/) words="list show save retry delete" ;;
	outbox/list) words="--limit --json" ;;
	outbox/retry) words="all" ;;
	explain/*)
		words="--source --destination --listener --helo
		    --authenticated --tls --from --to --time --json
		    $(compgen -f -- "$cur")" ;;
	quarantine/) words="list show save release forward delete" ;;
	quarantine/show|quarantine/save|quarantine/release|\
	quarantine/forward|quarantine/delete)
		[ "$nargs" -ne 1 ] ||
		    words=$(mailwallctl quarantine list 2>/dev/null |
		    awk 'NR > 1 { print $1 }') ;;
	table/)	words="list show add delete flush reload" ;;
	verbose/) words="on off" ;;
	table/show|table/add|table/delete|table/flush)
		words=$(mailwallctl table list 2>/dev/null |
		    awk 'NR > 1 { print $1 }') ;;
	esac
	# shellcheck disable=SC2207 # words have no blanks
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _mailwallctl mailwallctl

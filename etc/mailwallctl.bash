# SPDX-License-Identifier: ISC
#
# Completion of mailwallctl(8) for bash.

_mailwallctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words= i cmd= sub=

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s)	((i++)) ;;
		-*)	;;
		*)	if [ -z "$cmd" ]; then
				cmd=${COMP_WORDS[i]}
			else
				sub=${sub:-${COMP_WORDS[i]}}
			fi ;;
		esac
	done
	case $cmd/$sub in
	/)	words="status stats sessions top metrics log trace quarantine table
		    block unblock reload verbose report explain version
		    -j -s --json" ;;
	log/*|quarantine/list)
		words="--from --to --match --limit --json" ;;
	report/*) words="--from --to" ;;
	explain/*)
		words="--source --destination --listener --helo
		    --authenticated --from --to --time --json
		    $(compgen -f -- "$cur")" ;;
	quarantine/) words="list show save release forward delete" ;;
	table/)	words="list show add delete flush" ;;
	verbose/) words="on off" ;;
	table/show|table/add|table/delete|table/flush)
		words=$(mailwallctl table list 2>/dev/null |
		    awk 'NR > 1 { print $1 }') ;;
	esac
	# shellcheck disable=SC2207 # words have no blanks
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _mailwallctl mailwallctl

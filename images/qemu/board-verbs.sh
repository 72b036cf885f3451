# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# What the board's init does more than once. Sourced, with board-channel.sh and the subject's functions.
setting() { sed -n "s/^$1=//p" /run/yankproof.conf | tail -n 1; }
# On trial the updater feeds the watchdog during the health check; otherwise no program hangs on purpose.
feed() {
	[ -n "$fed" ] || busybox watchdog -t 2 /dev/watchdog0
	fed=1
}
# run VERB ARGUMENTS: the updater has the channel to itself, for its marks.
run() {
	say "begin $1"
	subject_prepare
	channel_close
	subject_run "$@" >/run/updater.log 2>&1
	status=$?
	channel_open
	cat /run/updater.log >/dev/console
	say "run $1 $status $(subject_result "$1" </run/updater.log)"
	[ ! -e /run/reboot ] || restart
}
restart() {
	say reboot
	umount /data 2>/dev/null
	reboot -f
}
serve() {
	while :; do
		read -r verb rest <&3 || { say idle; continue; }
		# shellcheck disable=SC2086 # words
		case $verb in
		exec) answer "$rest" ;;
		run) run $rest ;;
		config) echo "$rest" >>/run/yankproof.conf ;;
		reboot) restart ;;
		poweroff) umount /data; poweroff -f ;;
		*) say "error $verb: not known" ;;
		esac
	done
}

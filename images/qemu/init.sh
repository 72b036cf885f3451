#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# /sbin/init of the board: data partition, network, watchdog, `ota resume`, `ota check`; then it serves the rig.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
. /usr/lib/brickproof/channel.sh
slot=$(sed -n 's/.*ota\.slot=\([^ ]*\).*/\1/p' /proc/cmdline)
channel_find
channel_open
say "up $slot $(cat /etc/version) $(cat /proc/sys/kernel/random/boot_id)"
mount -t tmpfs tmp /tmp
setting() { sed -n "s/^$1=//p" /run/brickproof.conf | tail -n 1; }

# On trial the updater feeds the watchdog while it judges; else nobody hangs on purpose.
feed() { [ -n "$fed" ] || busybox watchdog -t 2 /dev/watchdog0; fed=1; }
# This board is a test bench's; how, the rig says by config lines: hold= and hold-timeout-ms= are the updater's.
grep -E '^(hold|hold-timeout-ms)=' /run/brickproof.conf >/run/bench-unit
# run VERB ARGS: the updater has the channel to itself, for its marks.
run() {
	say "begin $1"
	channel_close
	ota "$@" >/run/ota.log 2>&1
	status=$?
	channel_open
	cat /run/ota.log >/dev/console
	say "run $1 $status $(sed -n "s/^ota: $1: \([A-Z_0-9]*\): .*/\1/p" /run/ota.log | tail -n 1)"
	[ ! -e /run/reboot ] || restart
}
restart() {
	say reboot
	umount /data 2>/dev/null
	reboot -f
}

e2fsck -p /dev/vda4 >/run/fsck.log 2>&1
[ $? -le 1 ] && mount -t ext4 /dev/vda4 /data || say "error data partition: $(tail -n 1 /run/fsck.log)"
# A board without a rig's port is told the same by a file of its data partition.
[ -n "$channel" ] || grep -hE '^(hold|hold-timeout-ms)=' /data/bench-unit >>/run/bench-unit 2>/dev/null
ip link set lo up
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 || say "error network"
[ "$(fw_printenv -n upgrade_available 2>/dev/null)" = 1 ] || feed
if [ "$(setting stop)" != ota ]; then
	run resume
	feed
	run check
fi
feed
say idle
while [ -n "$channel" ]; do
	read -r verb rest <&3 || { say idle; continue; }
	# shellcheck disable=SC2086 # words
	case $verb in
	exec) answer "$rest" ;;
	run) run $rest ;;
	config) echo "$rest" >>/run/brickproof.conf ;;
	reboot) restart ;;
	poweroff) umount /data; poweroff -f ;;
	*) say "error $verb: not known" ;;
	esac
done
while :; do setsid sh -c 'exec sh -i </dev/ttyAMA0 >/dev/ttyAMA0 2>&1'; done

#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# /init of the initrd: drivers, watchdog, then it waits for the rig (if there is one), mounts the slot and hands over to its init. Up to
# "start" nothing of a disk was read but its partition table: a snapshot taken here can be resumed over other contents.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
# shellcheck disable=SC2046 # words
modprobe -a $(cat /lib/modules/names)
modprobe i6300esb heartbeat=15
# shellcheck source=images/qemu/board-channel.sh
. /lib/channel.sh
slot=$(sed -n 's/.*[a-z]\.slot=\([^ ]*\).*/\1/p' /proc/cmdline)
root=$(sed -n 's/.*root=\([^ ]*\).*/\1/p' /proc/cmdline)
channel_find
channel_open
: >/run/yankproof.conf
hello="ready $slot $(cat /proc/sys/kernel/random/boot_id)"
say "$hello"
while [ -n "$channel" ]; do
	# Without a peer a read ends at once and a message waits for one.
	read -r verb rest <&3 || { say "$hello"; continue; }
	case $verb in
	start) break ;;
	config) echo "$rest" >>/run/yankproof.conf ;;
	exec) answer "$rest" ;;
	*) say "error $verb: not known here" ;;
	esac
done
# The watchdog runs from here on: a hang ends in a reset.
echo >/dev/watchdog0
mount -t ext4 -o ro "$root" /root 2>/dev/null || { modprobe squashfs && mount -t squashfs -o ro "$root" /root; } || {
	say "error cannot mount $root"
	reboot -f
}
channel_close
for dir in dev run sys proc; do mount --move /$dir /root/$dir; done
exec switch_root /root /sbin/init

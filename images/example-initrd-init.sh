#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# /init of the initrd: loads what a virtual disk with ext4 needs, mounts the slot named by root= and hands over to its init.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r name; do
	insmod "/lib/modules/$name"
done </lib/modules/order
root=$(sed -n 's/.*root=\([^ ]*\).*/\1/p' /proc/cmdline)
tries=0
until mount -o ro "$root" /root 2>/dev/null; do
	tries=$((tries + 1))
	[ "$tries" -lt 50 ] || { echo "initrd: cannot mount $root"; reboot -f; }
	usleep 100000
done
mount --move /dev /root/dev
umount /sys /proc
exec switch_root /root "${init:-/sbin/init}"

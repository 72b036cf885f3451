#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# /sbin/init of the board: data partition, network, watchdog, what the updater does at each boot; then it serves the rig.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
# shellcheck source=images/qemu/board-channel.sh
. /usr/lib/yankproof/channel.sh
# shellcheck source=images/qemu/board-verbs.sh
. /usr/lib/yankproof/verbs.sh
# shellcheck source=images/subject/ota/subject-board.sh
. /usr/lib/yankproof/subject.sh
slot=$(subject_slot)
channel_find
channel_open
say "up $slot $(cat /etc/version) $(cat /proc/sys/kernel/random/boot_id)"
mount -t tmpfs tmp /tmp
e2fsck -p /dev/vda4 >/run/fsck.log 2>&1
if [ $? -gt 1 ] || ! mount -t ext4 /dev/vda4 /data; then say "error data partition: $(tail -n 1 /run/fsck.log)"; fi
ip link set lo up
if ! ip link set eth0 up || ! ip addr add 10.0.2.15/24 dev eth0; then say "error network"; fi
# The watchdog is fed here, so that on a slow host the rest of a trial has its whole time.
echo >/dev/watchdog0
subject_on_trial || feed
# stop=ANYTHING: without the updater.
[ -n "$(setting stop)" ] || subject_boot
feed
say idle
[ -z "$channel" ] || serve
while :; do setsid sh -c 'exec sh -i </dev/ttyAMA0 >/dev/ttyAMA0 2>&1'; done

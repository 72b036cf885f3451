#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots one version of the example in QEMU (emulated, no KVM needed) and waits until its init has reached its runlevel.
# Usage: images/example-boot.sh IMAGES VERSION
set -euo pipefail
images=$1 version=$2
log=$images/console-$version.log
deadline_s=120
: >"$log"
qemu-system-x86_64 -accel tcg -m 256 -nodefaults -display none -serial "file:$log" -no-reboot -kernel "$images/vmlinuz-$version" \
	-initrd "$images/initrd-$version.img" -append "console=ttyS0 root=/dev/vda quiet panic=-1" \
	-drive "file=$images/rootfs-$version.ext4,if=virtio,format=raw,snapshot=on" &
qemu=$!
trap 'kill -9 $qemu 2>/dev/null || true' EXIT
if grep -q -m1 'Entering runlevel: 2' < <(timeout "$deadline_s" tail --pid=$qemu -n +1 -f "$log"); then
	echo "images: version $version boots to runlevel 2 (console: $log)"
else
	echo "images: version $version did not boot within $deadline_s s; see $log" >&2
	exit 1
fi

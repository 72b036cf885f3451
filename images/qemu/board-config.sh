#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is the board's own in its root filesystem, TREE: init, health check, configuration, certificates of PKI. Usage: images/qemu/board-config.sh ARCH TREE PKI
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
tree=$2 pki=$3
put() { # FILE TARGET MODE
	sed -e "s/ttyAMA0/$arch_tty/g" -e "s/^compatible=.*/compatible=$arch_compatible/" "$here/$1" >"$tree/$2"
	chmod "$3" "$tree/$2"
}
put board-init.sh sbin/init 755
put board-channel.sh usr/lib/yankproof/channel.sh 644
put board-verbs.sh usr/lib/yankproof/verbs.sh 644
put board-health.sh usr/lib/ota/health.d/10-board 755
printf '#!/bin/busybox sh\nexec busybox touch /run/reboot\n' >"$tree/usr/lib/ota/reboot"
chmod 755 "$tree/usr/lib/ota/reboot"
put system.conf etc/ota/system.conf 644
install -m 644 "$pki/root.pem" "$tree/etc/ota/keyring.pem"
install -m 644 "$pki/tls-root.pem" "$tree/etc/ota/tls-ca.pem"
printf '/dev/mmcblk0 0x100000 0x4000\n/dev/mmcblk0 0x110000 0x4000\n' >"$tree/etc/fw_env.config"
printf '127.0.0.1 localhost\n10.0.2.100 updates.yankproof.test\n' >"$tree/etc/hosts"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"

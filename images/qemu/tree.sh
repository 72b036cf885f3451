#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's root filesystem as a directory, TARGET/tree, from what lies in OUT: busybox, ota, fw_printenv, e2fsck, the libraries that they name, the
# board's configuration. Usage: images/qemu/tree.sh OUT OTA TARGET
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ota=$2 pki=$1/pki sysroot=$1/sysroot tree=$3/tree
rm -rf "$tree"
mkdir -p "$tree"/{bin,boot,data,dev,etc/ota,lib,proc,root,run,sbin,sys,tmp,usr/bin,usr/lib/brickproof,usr/lib/ota/health.d,usr/sbin}

# A program, and what the loader needs to start it.
declare -A seen
put() { # FILE TARGET
	local needed
	install -m 755 "$1" "$tree/$2"
	while read -r needed; do
		[ -z "${seen[$needed]:-}" ] || continue
		seen[$needed]=1
		for dir in lib/aarch64-linux-gnu usr/lib/aarch64-linux-gnu; do
			[ ! -e "$sysroot/$dir/$needed" ] || { put "$sysroot/$dir/$needed" "lib/$needed"; continue 2; }
		done
		echo "qemu: no package has $needed, which $1 needs" >&2
		exit 1
	done < <(readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}
put "$sysroot/bin/busybox" bin/busybox
put "$sysroot/usr/bin/fw_printenv" usr/bin/fw_printenv
ln -s fw_printenv "$tree/usr/bin/fw_setenv"
put "$sysroot/sbin/e2fsck" sbin/e2fsck
put "$ota" usr/bin/ota
aarch64-linux-gnu-strip "$tree/usr/bin/ota"
[ -e "$tree/lib/ld-linux-aarch64.so.1" ]
for applet in cat cmp cp cut date dd df dmesg echo env find free grep head hexdump ip kill ls mkdir mount mv od ping poweroff ps reboot rm sed \
	seq setsid sh sha256sum sleep sort stat stty sync tail touch tr umount uptime vi wc; do
	ln -s busybox "$tree/bin/$applet"
done

install -m 755 "$here/init.sh" "$tree/sbin/init"
install -m 644 "$here/channel.sh" "$here/verbs.sh" "$tree/usr/lib/brickproof"
install -m 755 "$here/health.sh" "$tree/usr/lib/ota/health.d/10-board"
printf '#!/bin/busybox sh\nexec busybox touch /run/reboot\n' >"$tree/usr/lib/ota/reboot"
chmod 755 "$tree/usr/lib/ota/reboot"
install -m 644 "$here/system.conf" "$tree/etc/ota/system.conf"
install -m 644 "$pki/root.pem" "$tree/etc/ota/keyring.pem"
install -m 644 "$pki/tls-root.pem" "$tree/etc/ota/tls-ca.pem"
printf '/dev/mmcblk0 0x100000 0x4000\n/dev/mmcblk0 0x110000 0x4000\n' >"$tree/etc/fw_env.config"
printf '127.0.0.1 localhost\n10.0.2.100 updates.brickproof.test\n' >"$tree/etc/hosts"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
find "$tree" -exec touch -h -d @1767225600 {} +

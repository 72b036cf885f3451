#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's initrd, OUT/initrd: the few drivers that the board needs, in the order in which they load, and busybox.
# Usage: images/qemu/board-initrd.sh ARCH OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
later='i6300esb squashfs'

root=$work/initrd
release=$(basename "$out"/kernel/lib/modules/*)
lib=lib/modules/$release
mkdir -p "$root"/{bin,dev,proc,root,run,sys,"$lib"}
/sbin/depmod -b "$out/kernel" "$release"
for name in $arch_modules $later; do /sbin/modprobe -d "$out/kernel" -S "$release" --show-depends "$name"; done |
	awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$work/order"
# The signatures are not checked here; without them the drivers load faster.
while read -r file; do "$arch_tools-strip" --strip-debug -o "$root/$lib/$(basename "$file")" "$file"; done <"$work/order"
touch "$root/$lib/modules.builtin" "$root/$lib/modules.order"
/sbin/depmod -b "$root" "$release" 2>/dev/null
rm "$root/$lib"/*.bin
echo "$arch_modules" >"$root/lib/modules/names"
install -m 755 "$here/board-initrd-init.sh" "$root/init"
sed "s/ttyAMA0/$arch_tty/" "$here/board-channel.sh" >"$root/lib/channel.sh"
chmod 644 "$root/lib/channel.sh"
install -m 755 "$out/sysroot/bin/busybox" "$root/bin/busybox"
for applet in cat echo grep ln modprobe mount reboot sed sh switch_root; do ln -s busybox "$root/bin/$applet"; done
# Links for what its init calls: installing all of busybox's takes a tenth of the boot.
find "$root" -exec touch -h -d @1767225600 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc) >"$out/initrd.part"
mv "$out/initrd.part" "$out/initrd"

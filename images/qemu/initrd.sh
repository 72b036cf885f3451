#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's initrd, OUT/initrd: the few drivers that the board needs, in the order in which they load, and busybox.
# Usage: images/qemu/initrd.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules='virtio_mmio virtio_console virtio_blk crc32c_generic ext4 i6300esb sdhci-pci virtio_net virtio-rng squashfs'

root=$work/initrd
mkdir -p "$root"/{bin,dev,lib/modules,proc,root,run,sys}
release=$(basename "$out"/kernel/lib/modules/*)
/sbin/depmod -b "$out/kernel" "$release"
for name in $modules; do /sbin/modprobe -d "$out/kernel" -S "$release" --show-depends "$name"; done |
	awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$work/order"
while read -r file; do
	cp "$file" "$root/lib/modules"
	basename "$file"
done <"$work/order" >"$root/lib/modules/order"
install -m 755 "$here/initrd-init.sh" "$root/init"
install -m 644 "$here/channel.sh" "$root/lib/channel.sh"
install -m 755 "$out/sysroot/bin/busybox" "$root/bin/busybox"
find "$root" -exec touch -h -d @1767225600 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc) >"$out/initrd.part"
mv "$out/initrd.part" "$out/initrd"

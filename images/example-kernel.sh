#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Takes Debian's two newest cloud kernels for this architecture (one, if there is only one) and makes an initrd for each with the
# few modules that a virtual disk needs: OUT/vmlinuz-VERSION and OUT/initrd-VERSION.img, padded to whole
# sectors. OUT/root.tar must be there: busybox comes from it. Usage: images/example-kernel.sh OUT OLDER-VERSION NEWER-VERSION
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules='virtio_pci virtio_blk ext4 crc32c_generic'

mapfile -t kernels < <(apt-cache search --names-only "^linux-image-6\\.1\\..*-cloud-$(dpkg --print-architecture)\$" |
	cut -d' ' -f1 | sort -V | tail -n 2)
[ ${#kernels[@]} -gt 0 ] || { echo "kernel: apt offers no linux-image-*-cloud-*; run apt-get update" >&2; exit 1; }

make_initrd() { # KERNEL-DIR OUT
	local root=$work/initrd
	rm -rf "$root"
	mkdir -p "$root"/{bin,dev,proc,sys,root,lib/modules}
	local release
	release=$(basename "$1"/lib/modules/*)
	/sbin/depmod -b "$1" "$release"
	# In the order in which they load; what is built in ("builtin") needs no file.
	for name in $modules; do /sbin/modprobe -d "$1" -S "$release" --show-depends "$name"; done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' |
		while read -r file; do cp "$file" "$root/lib/modules" && basename "$file" >>"$root/lib/modules/order"; done
	install -m 755 "$here/example-initrd-init.sh" "$root/init"
	tar -xf "$out/root.tar" -C "$root/bin" --strip-components=3 ./usr/bin/busybox
	(cd "$root" && find . -exec touch -h -d @1767225600 {} + && find . | LC_ALL=C sort |
		cpio --quiet --reproducible -R 0:0 -o -H newc | gzip -n) >"$2"
}
for version in "$2" "$3"; do
	name=${kernels[0]}
	kernels=("${kernels[@]: -1}")
	rm -rf "$work/deb" && mkdir "$work/deb"
	(cd "$work/deb" && apt-get -qq -o APT::Sandbox::User=root download "$name" && dpkg-deb -x ./*.deb tree)
	cp "$work"/deb/tree/boot/vmlinuz-* "$out/vmlinuz-$version"
	make_initrd "$work/deb/tree" "$out/initrd-$version.img"
	truncate -s %512 "$out/vmlinuz-$version" "$out/initrd-$version.img"
done

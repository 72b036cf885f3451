#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kernel, initrd and what else the kernel needs (arm64: device tree, x86_64: setup block) as one signed FIT image, OUT/fitImage, and OUT/board.dtb:
# the device tree for U-Boot, with the key without which it starts nothing. COMPRESSION is none, gzip or lz4. Usage: images/qemu/board-fit.sh ARCH OUT COMPRESSION
set -euo pipefail
# shellcheck source=images/qemu/arch-arm64.sh
. "$(dirname "$0")/arch-$1.sh"
arch=$1 out=$(cd "$2" && pwd) compression=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600
[[ " $arch_compressions " = *" $compression "* ]] || { echo "qemu: $arch: QEMU_COMPRESSION is one of: $arch_compressions; not $compression" >&2; exit 1; }
arch_split "$(echo "$out"/kernel/boot/vmlinuz-*)" "$work/plain" "$work/part" "$out"
case $compression in
none) mv "$work/plain" "$work/kernel" ;;
gzip) gzip -n -9 <"$work/plain" >"$work/kernel" ;;
lz4) lz4 -q -9 --content-size -B7 <"$work/plain" >"$work/kernel" ;;
esac
mkdir -p "$out/keys"
[ -e "$out/keys/release.crt" ] || {
	openssl genrsa -out "$out/keys/release.key" 2048 2>/dev/null
	openssl req -batch -new -x509 -days 3650 -key "$out/keys/release.key" -subj "/CN=release" -out "$out/keys/release.crt" 2>/dev/null
}
cp "$out/initrd" "$work/initrd"
align=0x200000 # of parts in the file
load=$(arch_load "$compression" "$(stat -c %s "$work/initrd")" $align)
cat >"$work/fit.its" <<ITS
/dts-v1/;
/ {
	description = "yankproof"; #address-cells = <1>;
	images {
		$arch_part { data = /incbin/("part"); $arch_part_is compression = "none"; hash { algo = "sha256"; }; };
		initrd { data = /incbin/("initrd"); type = "ramdisk"; arch = "$arch"; os = "linux"; compression = "none"; hash { algo = "sha256"; }; };
		kernel { data = /incbin/("kernel"); type = "kernel"; arch = "$arch"; os = "linux"; compression = "$compression";
			load = <$load>; entry = <$load>; hash { algo = "sha256"; }; };
	};
	configurations { default = "conf"; conf { kernel = "kernel"; $arch_part = "$arch_part"; ramdisk = "initrd";
		signature { algo = "sha256,rsa2048"; key-name-hint = "release"; sign-images = "kernel", "$arch_part", "ramdisk"; }; }; };
};
ITS
cp "$out/board-plain.dtb" "$work/signed.dtb"
(cd "$work" && mkimage -q -E -B $align -f fit.its -k "$out/keys" -K signed.dtb -r fitImage >/dev/null)
arch_lies "$compression" "$(fdtget -t i "$work/fitImage" /images/kernel data-offset)" $align "$load" ||
	{ echo "qemu: the kernel is not where it should be in the FIT image" >&2; exit 1; }
mv "$work/signed.dtb" "$out/board.dtb"
mv "$work/fitImage" "$out/fitImage"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kernel, device tree and initrd as one signed FIT image, OUT/fitImage, and OUT/board.dtb: the device tree for U-Boot, with
# the key without which it starts nothing. COMPRESSION is none, gzip or lz4. Usage: images/qemu/fit.sh OUT COMPRESSION
set -euo pipefail
out=$(cd "$1" && pwd) compression=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600
kernel=$(echo "$out"/kernel/boot/vmlinuz-*)
case $compression in
none) cp "$kernel" "$work/kernel" ;;
gzip) gzip -n -9 <"$kernel" >"$work/kernel" ;;
lz4) lz4 -q -9 --content-size -B7 <"$kernel" >"$work/kernel" ;;
esac
mkdir -p "$out/keys"
[ -e "$out/keys/release.crt" ] || {
	openssl genrsa -out "$out/keys/release.key" 2048 2>/dev/null
	openssl req -batch -new -x509 -days 3650 -key "$out/keys/release.key" -subj "/CN=release" -out "$out/keys/release.crt" 2>/dev/null
}
cp "$out/board-plain.dtb" "$work/board.dtb"
cp "$out/initrd" "$work/initrd"
# Parts begin at whole 2 MiB of the file, after its header: where U-Boot loads the file (kernel_addr_r), an uncompressed kernel then
# lies where it may run, and is not copied.
align=0x200000 file=0x44000000
load=$((file + 2 * align + ($(stat -c %s "$work/initrd") + align - 1) / align * align))
[ "$compression" = none ] || load=$((0x40200000))
cat >"$work/fit.its" <<ITS
/dts-v1/;
/ {
	description = "brickproof"; #address-cells = <1>;
	images {
		fdt { data = /incbin/("board.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash { algo = "sha256"; }; };
		initrd { data = /incbin/("initrd"); type = "ramdisk"; arch = "arm64"; os = "linux"; compression = "none"; hash { algo = "sha256"; }; };
		kernel { data = /incbin/("kernel"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "$compression";
			load = <$load>; entry = <$load>; hash { algo = "sha256"; }; };
	};
	configurations { default = "conf"; conf { kernel = "kernel"; fdt = "fdt"; ramdisk = "initrd";
		signature { algo = "sha256,rsa2048"; key-name-hint = "release"; sign-images = "kernel", "fdt", "ramdisk"; }; }; };
};
ITS
(cd "$work" && cp board.dtb signed.dtb && mkimage -q -E -B $align -f fit.its -k "$out/keys" -K signed.dtb -r fitImage >/dev/null)
offset=$(fdtget -t i "$work/fitImage" /images/kernel data-offset)
[ "$compression" != none ] || [ $((file + align + offset)) -eq "$load" ] || { echo "qemu: the kernel is not where it should be in the FIT image" >&2; exit 1; }
mv "$work/signed.dtb" "$out/board.dtb"
mv "$work/fitImage" "$out/fitImage"

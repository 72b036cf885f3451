#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# x86_64: U-Boot's ROM with the board's own device tree, and so its key, instead of the one that it was built with: OUT/u-boot.bin. The tree is
# what follows the program. Usage: images/qemu/rom.sh UBOOT OUT
set -euo pipefail
uboot=$1 out=$2
at=$(stat -c %s "$uboot/u-boot-nodtb.bin") old=$(stat -c %s "$uboot/u-boot.dtb.out") new=$(stat -c %s "$out/board.dtb")
cmp -s -n "$old" "$uboot/u-boot.dtb.out" "$uboot/u-boot.rom" 0 "$at" || { echo "qemu: the device tree is not where it should be in $uboot/u-boot.rom" >&2; exit 1; }
# The last 2 KiB are the processor's first steps; in between there is only binman's description of the whole.
[ $((at + new)) -le $((0x100000 - 0x800)) ] || { echo "qemu: no room for $out/board.dtb in the ROM" >&2; exit 1; }
cp "$uboot/u-boot.rom" "$out/u-boot.bin.part"
dd if="$out/board.dtb" of="$out/u-boot.bin.part" bs=64K oflag=seek_bytes seek="$at" conv=notrunc status=none
mv "$out/u-boot.bin.part" "$out/u-boot.bin"

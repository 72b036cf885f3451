#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# arm64: QEMU's own device tree for the board, without what the board does not use: OUT/board-plain.dtb. It is dumped with the arguments that the
# board runs with: without -bios it would describe another machine. Usage: images/qemu/dtb.sh BOARD.ARGS U-BOOT.BIN OUT
set -euo pipefail
arguments=$1 uboot=$2 out=$3
args=()
while IFS= read -r line; do
	case $line in
	-dtb | @IMAGES@/board.dtb) continue ;;
	virt,*) line=$line,dumpdtb=$out/board-plain.dtb.part ;;
	@IMAGES@/u-boot.bin) line=$uboot ;;
	@QMP@) line=null ;;
	esac
	line=${line//@CARD@/driver=null-co,size=67108864}
	line=${line//@DISK@/driver=null-co,size=67108864}
	line=${line//@SERIAL@/null}
	line=${line//@CHANNEL@/null}
	args+=("${line//@PORT@/1}")
done <"$arguments"
timeout 60 "$(cat "$(dirname "$arguments")/board.program")" "${args[@]}"
# virtio-mmio buses 0 to 3 are in use; each is 0x200 bytes from 0xa000000.
for ((i = 4; i < 32; i++)); do fdtput -r "$out/board-plain.dtb.part" "$(printf '/virtio_mmio@%x' $((0xa000000 + i * 0x200)))"; done
mv "$out/board-plain.dtb.part" "$out/board-plain.dtb"

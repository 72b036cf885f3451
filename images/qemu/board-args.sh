#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The emulated board: OUT/board.program, the name of its QEMU, and OUT/board.args, its arguments, one a line, for every rig. Who starts it replaces
#   @IMAGES@   directory of u-boot.bin and, on arm64, board.dtb (OUT)
#   @CARD@ @DISK@   -blockdev options of the SD card and the disk, such as driver=file,filename=... or driver=nbd,server.type=unix,...
#   @SERIAL@ @CHANNEL@   -chardev back ends, such as file,path=console.log and socket,path=channel,server=on,wait=off
#   @QMP@      such as unix:qmp,server=on,wait=off
#   @PORT@     port of localhost that serves as the board's https://updates.yankproof.test:8443
# QEMU_ACCEL is the accelerator (tcg). Usage: images/qemu/board-args.sh ARCH OUT
set -euo pipefail
# shellcheck source=images/qemu/arch-arm64.sh
. "$(dirname "$0")/arch-$1.sh"
# shellcheck disable=SC2054 # QEMU's own commas
args=(
	"${arch_machine[@]}" -accel "${QEMU_ACCEL:-tcg}" -m 128 -nodefaults -display none -action watchdog=reset
	"${arch_firmware[@]}"
	-qmp @QMP@
	-chardev '@SERIAL@,id=console' -serial chardev:console
	-blockdev '@CARD@,node-name=card' -device sdhci-pci -device sd-card,drive=card
	-blockdev '@DISK@,node-name=disk' -device "$(arch_virtio blk 0),drive=disk,share-rw=on"
	-device "$(arch_virtio serial 1),max_ports=4"
	-chardev '@CHANNEL@,id=channel' -device virtserialport,chardev=channel,nr=1,name=yankproof.0
	-device "$(arch_virtio rng 2)"
	-netdev 'user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:8443-cmd:nc -N 127.0.0.1 @PORT@' -device "$(arch_virtio net 3),netdev=net"
	-device i6300esb
)
echo "$arch_qemu" >"$2/board.program"
printf '%s\n' "${args[@]}" >"$2/board.args.part"
mv "$2/board.args.part" "$2/board.args"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The emulated board: QEMU's arguments, one a line, for every rig. Who starts it replaces
#   @IMAGES@   directory of u-boot.bin and board.dtb (build/qemu)
#   @CARD@ @DISK@   -blockdev options of the SD card and the disk, such as driver=file,filename=... or driver=nbd,server.type=unix,...
#   @SERIAL@ @CHANNEL@   -chardev back ends, such as file,path=console.log and socket,path=channel,server=on,wait=off
#   @QMP@      such as unix:qmp,server=on,wait=off
#   @PORT@     port of localhost that serves what the board takes for https://updates.brickproof.test:8443
# QEMU_ACCEL is the accelerator (tcg). Usage: images/qemu/board.sh >build/qemu/board.args
set -euo pipefail
cat <<ARGS
-M
virt,dtb-randomness=off
-cpu
cortex-a53
-accel
${QEMU_ACCEL:-tcg}
-m
128
-nodefaults
-display
none
-action
watchdog=reset
-bios
@IMAGES@/u-boot.bin
-dtb
@IMAGES@/board.dtb
-qmp
@QMP@
-chardev
@SERIAL@,id=console
-serial
chardev:console
-blockdev
@CARD@,node-name=card
-device
sdhci-pci
-device
sd-card,drive=card
-blockdev
@DISK@,node-name=disk
-device
virtio-blk-device,bus=virtio-mmio-bus.0,drive=disk,share-rw=on
-device
virtio-serial-device,bus=virtio-mmio-bus.1,max_ports=4
-chardev
@CHANNEL@,id=channel
-device
virtserialport,chardev=channel,nr=1,name=brickproof.0
-device
virtio-rng-device,bus=virtio-mmio-bus.2
-netdev
user,id=net,restrict=on,guestfwd=tcp:10.0.2.100:8443-cmd:nc -N 127.0.0.1 @PORT@
-device
virtio-net-device,bus=virtio-mmio-bus.3,netdev=net
-device
i6300esb
ARGS

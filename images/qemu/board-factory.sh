#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board as its factory leaves it, with a past, made by `ota` itself on files: version 0.9 was installed in slot B and committed, then
# 1.0 in slot A. OUT/part-slot-a, part-slot-b, part-state, card.img (SD card with U-Boot's environment).
# Usage: images/qemu/board-factory.sh ARCH PKI OTA SLOT-MIB OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
pki=$(cd "$2" && pwd) ota=$3 slot_mib=$4 out=$(cd "$5" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 4M "$work/card.img"
awk -F= '/^#|^$/ {next} NR == FNR {board[$1]; print; next} !($1 in board)' "$here/../uboot/$arch_uboot.env" "$here/../uboot/ota.env" |
	mkenvimage -r -s 16384 -o "$work/env" -
for offset in 256 272; do dd if="$work/env" of="$work/card.img" bs=4096 seek=$offset conv=notrunc status=none; done
truncate -s 1M "$work/state.img"
truncate -s "${slot_mib}M" "$work/slot-a.img" "$work/slot-b.img"
printf '%s 0x100000 0x4000\n%s 0x110000 0x4000\n' "$work/card.img" "$work/card.img" >"$work/fw_env.config"
# ota SLOT VERB: on a device that runs SLOT.
ota() {
	cat >"$work/system.conf" <<CONF
[system]
compatible=$arch_compatible
bootloader=uboot
state=$work/state.img
lockfile=$work/lock
booted=$1
[keyring]
path=$pki/root.pem
[uboot]
config=$work/fw_env.config
[slot.rootfs.0]
device=$work/slot-a.img
bootname=A
[slot.rootfs.1]
device=$work/slot-b.img
bootname=B
CONF
	"$ota" --config="$work/system.conf" "${@:2}" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}
ota A install "$out/update-0.9.ota"
ota B resume
ota B install "$out/update-1.0.ota"
ota A resume
[ "$(fw_printenv -c "$work/fw_env.config" -n upgrade_available)$(fw_printenv -c "$work/fw_env.config" -n ota_slot)" = 0A ]
for part in slot-a slot-b state; do cp --sparse=always "$work/$part.img" "$out/part-$part"; done
cp --sparse=always "$work/card.img" "$out/card.img.part"

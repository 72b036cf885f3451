#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board as its factory leaves it, with a past, made by the updater SUBJECT (ota) itself on files: version 0.9 was installed in
# slot B and committed, then 1.0 in slot A. OUT/part-slot-a, part-slot-b, part-state, card.img (SD card with U-Boot's environment).
# Usage: images/qemu/board-factory.sh ARCH PKI UPDATER SLOT-MIB OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
# shellcheck source=images/subject/ota/subject-make.sh
. "$here/../subject/${SUBJECT:-ota}/subject-make.sh"
# shellcheck source=images/subject/ota/subject-factory.sh
. "$subject_dir/subject-factory.sh"
pki=$(cd "$2" && pwd) updater=$3 slot_mib=$4 out=$(cd "$5" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 4M "$work/card.img"
awk -F= '/^#|^$/ {next} NR == FNR {board[$1]; print; next} !($1 in board)' "$here/../uboot/$arch_uboot.env" "$here/../uboot/${SUBJECT:-ota}.env" |
	mkenvimage -r -s 16384 -o "$work/env" -
for offset in 256 272; do dd if="$work/env" of="$work/card.img" bs=4096 seek=$offset conv=notrunc status=none; done
truncate -s 1M "$work/state.img"
truncate -s "${slot_mib}M" "$work/slot-a.img" "$work/slot-b.img"
subject_factory "$updater" "$out/update-0.9.$subject_suffix" "$out/update-1.0.$subject_suffix"
for part in slot-a slot-b state; do cp --sparse=always "$work/$part.img" "$out/part-$part"; done
cp --sparse=always "$work/card.img" "$out/card.img.part"

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The past of a new board, made by `ota` itself on files. Sourced by board-factory.sh, after subject-make.sh.

# UPDATER SLOT VERB...: on a device that runs SLOT. Its media are files in $work, its certificates those of $pki.
subject_run() {
	cat >"$work/system.conf" <<CONF
[system]
compatible=$arch_compatible
bootloader=uboot
state=$work/state.img
lockfile=$work/lock
booted=$2
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
	"$1" --config="$work/system.conf" "${@:3}" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}
# UPDATER BUNDLE-0.9 BUNDLE-1.0: installed and committed one after the other, in slot B and in slot A.
subject_factory() {
	printf '%s 0x100000 0x4000\n%s 0x110000 0x4000\n' "$work/card.img" "$work/card.img" >"$work/fw_env.config"
	subject_run "$1" A install "$2"
	subject_run "$1" B resume
	subject_run "$1" B install "$3"
	subject_run "$1" A resume
	[ "$(fw_printenv -c "$work/fw_env.config" -n upgrade_available)$(fw_printenv -c "$work/fw_env.config" -n ota_slot)" = 0A ]
}

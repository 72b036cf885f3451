# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The parts of `ota` for the emulated board, on the machine that makes its images. Sourced by the scripts of images/qemu after arch-ARCH.sh; each
# function says what of the caller's it uses. The others: subject-factory.sh (the past of a new board), subject-board.sh (what runs on the board),
# images/uboot/ota.env (the boot script). Another updater has a folder with the same files and functions beside
# this one, and a boot script of its own; SUBJECT=NAME chooses it.
subject_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
subject_suffix=ota # of bundles: update-2.0.ota
subject_health=/usr/lib/ota/health.d/10-board # what decides that a version is good
subject_decisions='ota: (slot|back|no) ' # regex of what the bootloader prints when it decides

subject_tree() { # UPDATER: programs and directories, into $tree; by put FILE TARGET of board-tree.sh
	mkdir -p "$tree"/{etc/ota,usr/lib/ota/health.d}
	put "$sysroot/usr/bin/fw_printenv" usr/bin/fw_printenv
	ln -s fw_printenv "$tree/usr/bin/fw_setenv"
	put "$1" usr/bin/ota
	"$arch_tools-strip" "$tree/usr/bin/ota"
}
subject_config() { # configuration, into $tree, certificates of $pki; by put FILE TARGET MODE of board-config.sh
	put "$subject_dir/board-health.sh" "${subject_health#/}" 755
	printf '#!/bin/busybox sh\nexec busybox touch /run/reboot\n' >"$tree/usr/lib/ota/reboot"
	chmod 755 "$tree/usr/lib/ota/reboot"
	put "$subject_dir/system.conf" etc/ota/system.conf 644
	install -m 644 "$pki/root.pem" "$tree/etc/ota/keyring.pem"
	install -m 644 "$pki/tls-root.pem" "$tree/etc/ota/tls-ca.pem"
	printf '/dev/mmcblk0 0x100000 0x4000\n/dev/mmcblk0 0x110000 0x4000\n' >"$tree/etc/fw_env.config"
}
subject_bundle() { # UPDATER PKI VERSION SEQUENCE ROOTFS TARGET: the signed bundle of a version
	"$1" bundle --certificate="$2/sign.pem" --key="$2/sign.key" --compatible="$arch_compatible" --version="$3" --sequence="$4" \
		--created=1767225600 --image=rootfs="$5" "$6" >/dev/null
}

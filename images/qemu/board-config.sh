#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's own files in its root filesystem, TREE: init, and the configuration of the updater SUBJECT (ota), with certificates of PKI.
# Usage: images/qemu/board-config.sh ARCH TREE PKI
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
# shellcheck source=images/subject/ota/subject-make.sh
. "$here/../subject/${SUBJECT:-ota}/subject-make.sh"
tree=$2 pki=$3
put() { # FILE TARGET MODE
	sed -e "s/ttyAMA0/$arch_tty/g" -e "s/^compatible=.*/compatible=$arch_compatible/" "$1" >"$tree/$2"
	chmod "$3" "$tree/$2"
}
put "$here/board-init.sh" sbin/init 755
put "$here/board-channel.sh" usr/lib/yankproof/channel.sh 644
put "$here/board-verbs.sh" usr/lib/yankproof/verbs.sh 644
put "$subject_dir/subject-board.sh" usr/lib/yankproof/subject.sh 644
subject_config
printf '127.0.0.1 localhost\n10.0.2.100 updates.yankproof.test\n' >"$tree/etc/hosts"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"

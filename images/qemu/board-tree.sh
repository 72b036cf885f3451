#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's root filesystem as a directory, TARGET/tree, from what lies in OUT: busybox, e2fsck, the updater SUBJECT (ota), the libraries that they
# name, and what board-config.sh adds. Usage: images/qemu/board-tree.sh ARCH OUT UPDATER TARGET
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=images/qemu/arch-arm64.sh
. "$here/arch-$1.sh"
# shellcheck source=images/subject/ota/subject-make.sh
. "$here/../subject/${SUBJECT:-ota}/subject-make.sh"
updater=$3 pki=$2/pki sysroot=$2/sysroot tree=$4/tree
rm -rf "$tree"
mkdir -p "$tree"/{bin,boot,data,dev,etc,lib,proc,root,run,sbin,sys,tmp,usr/bin,usr/lib/yankproof,usr/sbin}

# A program, and what the loader needs to start it.
declare -A seen
put() { # FILE TARGET
	local needed
	install -m 755 "$1" "$tree/$2"
	while read -r needed; do
		[ -z "${seen[$needed]:-}" ] || continue
		seen[$needed]=1
		for dir in "lib/$arch_tools" "usr/lib/$arch_tools"; do
			[ ! -e "$sysroot/$dir/$needed" ] || { put "$sysroot/$dir/$needed" "lib/$needed"; continue 2; }
		done
		echo "qemu: no package has $needed, which $1 needs" >&2
		exit 1
	done < <(readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}
put "$sysroot/bin/busybox" bin/busybox
put "$sysroot/sbin/e2fsck" sbin/e2fsck
subject_tree "$updater"
[ "$arch_lib" = lib ] || ln -s lib "$tree/$arch_lib"
[ -e "$tree/$arch_lib/$arch_loader" ]
for applet in cat cmp cp cut date dd df dmesg echo env find free grep head hexdump ip kill ls mkdir mount mv od ping poweroff ps reboot rm sed \
	seq setsid sh sha256sum sleep sort stat stty sync tail touch tr umount uptime vi wc; do
	ln -s busybox "$tree/bin/$applet"
done

"$here/board-config.sh" "$1" "$tree" "$pki"
find "$tree" -exec touch -h -d @1767225600 {} +

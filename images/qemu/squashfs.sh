#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's root filesystem as squashfs, TARGET, from the directory TREE, as VERSION. File contents are stored as they are: U-Boot reads the
# kernel from it. Usage: images/qemu/squashfs.sh TREE VERSION TARGET
set -euo pipefail
tree=$1 version=$2 target=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -a "$tree" "$work/tree"
echo "$version" >"$work/tree/etc/version"
rm -f "$target.part"
mksquashfs "$work/tree" "$target.part" -noappend -quiet -no-progress -all-root -noD -noF -mkfs-time 1767225600 -all-time 1767225600 -processors 1 >/dev/null
truncate -s %4096 "$target.part"
mv "$target.part" "$target"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A version of the board's root filesystem, made from an image by a few edits in place: unchanged blocks stay where they are, as with
# a careful image builder. KIND is good, or what is wrong with it: panic, hang, no-kernel, no-root, health-fails, health-hangs.
# Usage: images/qemu/board-variant.sh BASE VERSION KIND TARGET
set -euo pipefail
# shellcheck source=images/subject/ota/subject-make.sh
. "$(dirname "$0")/../subject/${SUBJECT:-ota}/subject-make.sh"
base=$1 version=$2 kind=$3 target=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp --sparse=always "$base" "$target.part"
changes=$work/changes
: >"$changes"
# replace PATH MODE: with what comes in.
replace() {
	cat >"$work/$(basename "$1")"
	printf 'rm %s\nwrite %s %s\nset_inode_field %s mode 0%s\n' "$1" "$work/$(basename "$1")" "$1" "$1" "$2" >>"$changes"
	for field in atime ctime mtime crtime; do echo "set_inode_field $1 $field @1767225600" >>"$changes"; done
}
printf '%s\n' "$version" | replace /etc/version 100644
case $kind in
good) ;;
panic) printf '#!/bin/busybox sh\nexit 1\n' | replace /sbin/init 100755 ;;
hang) printf '#!/bin/busybox sh\nwhile :; do busybox sleep 1000; done\n' | replace /sbin/init 100755 ;;
no-kernel) echo 'rm /boot/fitImage' >>"$changes" ;;
no-root) echo 'set_super_value feature_incompat 0x400002c2' >>"$changes" ;;
health-fails) printf '#!/bin/busybox sh\nexit 1\n' | replace "$subject_health" 100755 ;;
health-hangs) printf '#!/bin/busybox sh\nexec busybox sleep 100000\n' | replace "$subject_health" 100755 ;;
*) echo "qemu: no kind $kind" >&2; exit 1 ;;
esac
E2FSPROGS_FAKE_TIME=1767225600 debugfs -w -f "$changes" "$target.part" >"$work/log" 2>&1
! grep -iE 'not found|error|usage|invalid' "$work/log" || { echo "qemu: $kind: debugfs failed" >&2; exit 1; }
mv "$target.part" "$target"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a small root file system OUT (ext4, SLOT_SIZE, 16 MiB unless set) of VERSION: a version file, a program that differs, and blocks that
# compress as those of a real system do. The same VERSION gives the same bytes. Usage: images/subject/ext4-image.sh VERSION OUT
set -euo pipefail
version=$1 out=$2 size=${SLOT_SIZE:-16M}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{adapter,data,dev,etc/mender,mnt,proc,run,stage,sys,tmp,usr,var}
for link in bin sbin lib lib64; do ln -s "usr/$link" "$tree/$link"; done
printf 'ID=example\nVERSION_ID=%s\n' "$version" >"$tree/etc/os-release"
printf 'artifact_name=%s\n' "$version" >"$tree/etc/mender/artifact_info"
fill() { # KEY BYTES: the same bytes for the same key
	openssl enc -aes-128-ctr -nosalt -pass "pass:$1" -md sha256 -in /dev/zero 2>/dev/null | head -c "$2" || true
}
for part in 1 2 3 4; do
	fill "same $part" 1000000 >"$tree/shared-$part"
	fill "$version $part" 1000000 >"$tree/program-$part"
done
find "$tree" -exec touch -h -d @1700000000 {} +
rm -f "$out" && truncate -s "$size" "$out"
E2FSPROGS_FAKE_TIME=1700000000 mke2fs -q -F -t ext4 -b 4096 -d "$tree" -U "$(printf '%s' "$version" | sha256sum | sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')" \
	-E "root_owner=0:0,hash_seed=00000000-0000-4000-8000-000000000001" -L example "$out"
# mke2fs takes the time of the last change of an inode from the host's file, where it cannot be set.
(cd "$tree" && find . -printf 'set_inode_field /%P ctime 20231114\nset_inode_field /%P ctime_extra 0\n') | E2FSPROGS_FAKE_TIME=1700000000 debugfs -w -f - "$out" >/dev/null 2>&1

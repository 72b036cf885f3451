#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's root filesystem as an image, TARGET/rootfs.ext4: TARGET/tree with OUT/fitImage in it, 64 MiB, with fixed
# identifiers, so that the same tree is the same image. Usage: images/qemu/board-rootfs.sh OUT TARGET
set -euo pipefail
out=$2
install -m 644 "$1/fitImage" "$out/tree/boot/fitImage"
echo 1.0 >"$out/tree/etc/version"
find "$out/tree" -newermt @1767225601 -exec touch -h -d @1767225600 {} +
rm -f "$out/rootfs.ext4.part"
E2FSPROGS_FAKE_TIME=1767225600 mke2fs -q -t ext4 -b 4096 -O ^metadata_csum_seed,^has_journal -m 0 -L rootfs -U 6f74612d-0000-4000-8000-000000000003 \
	-E hash_seed=6f74612d-0000-4000-8000-000000000004,lazy_itable_init=0,root_owner=0:0 -d "$out/tree" "$out/rootfs.ext4.part" 64m >/dev/null
# mke2fs also takes over when each file was last changed and read here.
{
	find "$out/tree" -mindepth 1 -printf 'set_inode_field /%P ctime @1767225600\nset_inode_field /%P atime @1767225600\n'
	printf 'set_inode_field / %s @1767225600\n' ctime atime
} | E2FSPROGS_FAKE_TIME=1767225600 debugfs -w -f - "$out/rootfs.ext4.part" >/dev/null 2>&1
mv "$out/rootfs.ext4.part" "$out/rootfs.ext4"

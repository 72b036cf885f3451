#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root filesystem image of one version, OUT/rootfs-VERSION.ext4 (ext4, 192 MiB, with fixed identifiers).
# With BASE, an image of another version, only what changed is written into a copy of it: blocks that did not
# change stay where they are, as a careful image builder does. Usage: images/example-version.sh OUT VERSION OTA [BASE]
set -euo pipefail
out=$1 version=$2 ota=$3 base=${4:-}
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
image=$out/rootfs-$version.ext4
work=$(mktemp -d)
trap '"${as_root[@]}" rm -rf "$work"' EXIT

printf 'PRETTY_NAME="yankproof example %s"\nID=debian\nVERSION_ID="12"\nIMAGE_VERSION="%s"\n' "$version" "$version" >"$work/os-release"
strip -o "$work/ota" "$ota"
if [ -n "$base" ]; then
	cp --sparse=always "$base" "$image.part"
	printf '%s\n' 'rm /usr/lib/os-release' "write $work/os-release /usr/lib/os-release" 'rm /usr/bin/ota' \
		"write $work/ota /usr/bin/ota" 'set_inode_field /usr/bin/ota mode 0100755' >"$work/changes"
	debugfs -w -f "$work/changes" "$image.part" >/dev/null 2>&1
	e2fsck -fy "$image.part" >/dev/null 2>&1 || [ $? -le 1 ]
else
	mkdir "$work/root"
	"${as_root[@]}" tar -xf "$out/root.tar" -C "$work/root"
	"${as_root[@]}" install -m 644 "$work/os-release" "$work/root/usr/lib/os-release"
	"${as_root[@]}" install -m 755 "$work/ota" "$work/root/usr/bin/ota"
	"${as_root[@]}" mkdir -p "$work/root/etc/ota" "$work/root/var/lib/ota"
	"${as_root[@]}" env E2FSPROGS_FAKE_TIME=1767225600 mke2fs -q -t ext4 -O ^metadata_csum_seed -U 6f74612d-0000-4000-8000-000000000001 \
		-E hash_seed=6f74612d-0000-4000-8000-000000000002,lazy_itable_init=0 -L rootfs -d "$work/root" "$image.part" 192m >/dev/null
	[ "$(id -u)" -eq 0 ] || sudo chown "$(id -u)" "$image.part"
fi
mv "$image.part" "$image"

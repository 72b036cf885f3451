#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what the install benchmark installs, in DIR: a 256 MiB ext4 image filled from /usr of this machine (1), the same with 1 % of its
# blocks changed in runs of 16 (2) and each by itself (3), a signed bundle of each, a test PKI. Usage: core/bench/install-bench-files.sh DIR OTA INSTALL-BENCH
set -euo pipefail
dir=$1 ota=$2 bench=$3 mib=256
mkdir -p "$dir/tree"
[ -e "$dir/pki/tls.pem" ] || images/pki.sh "$dir/pki"
(cd / && find usr/lib usr/bin -xdev -type f -size -8192k -printf '%k %p\n' | LC_ALL=C sort -k2 |
	awk '{ n += $1 } n <= '$((mib * 880))' { sub(/^[0-9]+ /, ""); print }' | cpio -pdm --quiet "$dir/tree")
rm -f "$dir/1.ext4"
mkfs.ext4 -q -d "$dir/tree" "$dir/1.ext4" "${mib}M"
rm -rf "$dir/tree"
cp "$dir/1.ext4" "$dir/2.ext4"
"$bench" change "$dir/2.ext4" 10 16
cp "$dir/1.ext4" "$dir/3.ext4"
"$bench" change "$dir/3.ext4" 10 1
for v in 1 2 3; do
	"$ota" bundle --compatible=bench --version=$v --sequence=$v --image=rootfs="$dir/$v.ext4" \
		--certificate="$dir/pki/sign.pem" --key="$dir/pki/sign.key" "$dir/$v.ota" >/dev/null
done
zstd -q -f -3 "$dir/1.ext4" -o "$dir/1.ext4.zst"

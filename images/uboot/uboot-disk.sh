#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the disks of U-Boot's sandbox: OUT/disks/disk-XY.img, X and Y what slot A and B hold: 0 a kernel that is signed and
# whole, 1 no kernel, 2 one signed by a stranger, 3 one with a flipped bit; and OUT/board.dtb, BOARD.DTB with the key
# that signatures must be of. Usage: images/uboot/uboot-disk.sh BOARD.DTB OUT
set -euo pipefail
dtb=$1
mkdir -p "$2/disks"
out=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600

# The kernel is noise: it is loaded, hashed and verified, never run.
openssl enc -aes-128-ctr -K 0 -iv 0 -in /dev/zero 2>/dev/null | head -c 16384 >"$work/kernel" || true
cat >"$work/fit.its" <<'EOF'
/dts-v1/;
/ {
	description = "a kernel"; #address-cells = <1>;
	images { kernel { data = /incbin/("kernel"); type = "kernel"; arch = "sandbox"; os = "linux"; compression = "none";
		load = <0x2000000>; entry = <0x2000000>; hash { algo = "sha256"; }; }; };
	configurations { default = "conf"; conf { kernel = "kernel";
		signature { algo = "sha256,rsa2048"; key-name-hint = "release"; sign-images = "kernel"; }; }; };
};
EOF
for who in release stranger; do
	mkdir -p "$work/$who"
	openssl genrsa -out "$work/$who/release.key" 2048 2>/dev/null
	openssl req -batch -new -x509 -key "$work/$who/release.key" -subj "/CN=$who" -out "$work/$who/release.crt" 2>/dev/null
done
cp "$dtb" "$out/board.dtb"
(cd "$work" && mkimage -q -f fit.its -k release -K "$out/board.dtb" -r good.fit && mkimage -q -f fit.its -k stranger stranger.fit) >/dev/null
mkdir -p "$work"/{0,1,2,3}/boot
cp "$work/good.fit" "$work/0/boot/fitImage"
cp "$work/stranger.fit" "$work/2/boot/fitImage"
# Well inside the kernel's bytes, of which the file mostly consists.
(head -c 9000 "$work/good.fit"; head -c 9001 "$work/good.fit" | tail -c 1 | tr '\000-\377' '\001-\377\000'; tail -c +9002 "$work/good.fit") >"$work/3/boot/fitImage"
for kind in 0 1 2 3; do truncate -s 1M "$work/$kind.ext4" && mke2fs -q -t ext4 -O ^has_journal -d "$work/$kind" "$work/$kind.ext4"; done
for a in 0 1 2 3; do for b in 0 1 2 3; do
	disk=$out/disks/disk-$a$b.img
	rm -f "$disk" && truncate -s 4M "$disk"
	printf 'label: dos\nstart=64,size=64\nstart=2048,size=2048\nstart=4096,size=2048\n' | /sbin/sfdisk -q "$disk"
	dd if="$work/$a.ext4" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
	dd if="$work/$b.ext4" of="$disk" bs=1M seek=2 conv=notrunc,sparse status=none
done; done

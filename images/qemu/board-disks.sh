#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The board's media as they leave the factory, of what board-factory.sh left in OUT: card.img, disk.img (GPT: state, slot A, slot B, user data), and
# `media`, which names them for the block server (layout=). Usage: images/qemu/board-disks.sh SLOT-MIB OUT
set -euo pipefail
slot_mib=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
disk=$out/disk.img
data_mib=8
a=2 b=$((a + slot_mib)) data=$((a + 2 * slot_mib))
end=$((data + data_mib))

rm -f "$disk"
truncate -s $((end + 1))M "$disk"
/sbin/sfdisk -q "$disk" <<GPT
label: gpt
label-id: 6f74612d-0000-4000-8000-000000000010
start=1MiB, size=1MiB, name=state, uuid=6f74612d-0000-4000-8000-000000000011
start=${a}MiB, size=${slot_mib}MiB, name=slot-a, uuid=6f74612d-0000-4000-8000-000000000012
start=${b}MiB, size=${slot_mib}MiB, name=slot-b, uuid=6f74612d-0000-4000-8000-000000000013
start=${data}MiB, size=${data_mib}MiB, name=data, uuid=6f74612d-0000-4000-8000-000000000014
GPT
place() { dd if="$1" of="$disk" bs=1M seek="$2" conv=notrunc,sparse status=none; }
place "$out/part-state" 1
place "$out/part-slot-a" $a
place "$out/part-slot-b" $b
mkdir "$work/data"
seq 100000 >"$work/data/canary"
touch -d @1767225600 "$work/data/canary" "$work/data"
E2FSPROGS_FAKE_TIME=1767225600 mke2fs -q -t ext4 -O ^metadata_csum_seed -U 6f74612d-0000-4000-8000-000000000005 \
	-E hash_seed=6f74612d-0000-4000-8000-000000000006,lazy_itable_init=0,root_owner=0:0 -d "$work/data" "$work/data.img" ${data_mib}m >/dev/null
place "$work/data.img" $data
rm "$out"/part-*

mib() { echo $(($1 * 2048)); }
cat >"$out/media" <<MEDIA
# Media of the emulated board, for the block server (layout=). The environment's copies: card, bytes 0x100000 and 0x110000, 0x4000 each.
card:$(mib 4):ordered:card.img
gpt:$(mib 1):volatile-cache:disk.img
state:$(mib 1):volatile-cache:disk.img@1048576
slot-a:$(mib "$slot_mib"):volatile-cache+bulk:disk.img@$((a * 1048576))
slot-b:$(mib "$slot_mib"):volatile-cache+bulk:disk.img@$((b * 1048576))
data:$(mib $data_mib):volatile-cache:disk.img@$((data * 1048576))
gpt-backup:$(mib 1):volatile-cache:disk.img@$((end * 1048576))
export=card:card
export=disk:gpt+state+slot-a+slot-b+data+gpt-backup
MEDIA
mv "$out/card.img.part" "$out/card.img"

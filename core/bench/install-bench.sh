#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an install costs: a real 256 MiB ext4 image, from a file and over HTTPS from nginx, against dd + fsync + sha256sum of the
# same image on the same medium (a loop device on tmpfs where that is possible). Usage: core/bench/install-bench.sh DIR OTA INSTALL-BENCH [ROUNDS]
set -euo pipefail
dir=$(realpath -m "$1") ota=$(realpath "$2") bench=$(realpath "$3") rounds=${4:-5}
port=$((20000 + RANDOM % 10000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done # somebody listens there
files=$dir/files image=$dir/files/1.ext4 url=https://localhost:$port
[ -e "$files/1.ext4.zst" ] || core/bench/install-bench-files.sh "$files" "$ota" "$bench"
media=$(mktemp -d -p /dev/shm ota-bench-XXXXXX)
trap 'kill "${server:-}" 2>/dev/null || true; [ ! -s "$media/loops" ] || xargs -r losetup -d <"$media/loops" || true; rm -rf "$media"' EXIT
# A device that runs A, with an empty B; every run starts from it.
for slot in a b; do
	truncate -s 258M "$media/$slot.img"
	declare "$slot=$(losetup --find --show --direct-io=on "$media/$slot.img" 2>/dev/null | tee -a "$media/loops" | grep . || echo "$media/$slot.img")"
done
mkenvimage -r -s 16384 -o "$media/copy" images/uboot/ota.env && cat "$media/copy" "$media/copy" >"$media/env.0"
printf '%s 0x0 0x4000\n%s 0x4000 0x4000\n' "$media/env" "$media/env" >"$media/fw_env.config"
printf '%s\n' '[system]' compatible=bench bootloader=uboot booted=A state="$media/state" lockfile="$media/lock" '[keyring]' path="$files/pki/root.pem" \
	'[tls]' ca="$files/pki/tls-root.pem" '[uboot]' config="$media/fw_env.config" '[handlers]' reboot=/bin/true \
	'[slot.rootfs.0]' device="${a:?}" bootname=A '[slot.rootfs.1]' device="${b:?}" bootname=B >"$media/system.conf"
fresh="cp $media/env.0 $media/env; rm -f $media/state" run="$ota --config=$media/system.conf"
serve() { # RATE
	ci/serve.sh "$dir/server" "$files" "$files/pki" "$port" "$1" &
	server=$!
	curl -sI --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null --cacert "$files/pki/tls-root.pem" "$url/1.ota"
}
sent() { awk -F'" ' '/\.ota /{split($3, s, " "); n += s[length(s)]} END {print n + 0}' "$dir/server/access.log"; }
# Before anything else, while no slot holds a chunk that could be reused.
sh -c "$fresh"; serve 20m
half=$(awk "BEGIN { print $(stat -c %s "$files/1.ota") / 2 / 20971520 }")
(timeout -s KILL "$half" "$ota" --config="$media/system.conf" install "$url/1.ota" || true) >/dev/null 2>&1
sleep 1 && first=$(sent) && $run resume >/dev/null 2>&1
printf 'killed at 50 %%, then resumed: %d bytes sent before the kill, %d after it\n' "$first" $(($(sent) - first))
kill "$server"; while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
serve 0
"$bench" measure "$rounds" "$fresh; cat $files/1.* >/dev/null" \
	"dd, fsync, sha256sum" "dd if=$image of=$b bs=1M conv=fsync status=none; sha256sum $image >/dev/null" \
	"ota install FILE" "exec $run install $files/1.ota >/dev/null 2>&1" "ota install https://" "exec $run install $url/1.ota >/dev/null 2>&1" \
	"curl https | zstd -d | dd fsync" "curl -s --cacert $files/pki/tls-root.pem $url/1.ext4.zst | zstd -dc | dd of=$b bs=1M conv=fsync iflag=fullblock status=none"
strip -o "$media/ota" "$ota"; printf '\nbundle %d bytes, image %d; stripped ota %d bytes\n' "$(stat -c %s "$files/1.ota")" "$(stat -c %s "$image")" "$(stat -c %s "$media/ota")"
# From version 1 on B, committed, to each of the others, which differ in 1 % of their blocks.
sh -c "$fresh" && $run install "$files/1.ota" >/dev/null 2>&1
sed -i 's/^booted=.*/booted=B/' "$media/system.conf" && $run resume >/dev/null 2>&1
cp "$media/env" "$media/env.1" && cp "$media/state" "$media/state.1"
for v in 2 3; do
	cp "$media/env.1" "$media/env" && cp "$media/state.1" "$media/state" && before=$(sent) && $run install "$url/$v.ota" >/dev/null 2>&1
	printf '1 %% of the blocks changed, %s: %d bytes sent\n' "$([ $v = 2 ] && echo 'in runs of 16' || echo 'each by itself')" $(($(sent) - before))
done

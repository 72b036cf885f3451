#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One real update: the ota command installs version 2.0 of the example over HTTPS from nginx. It is killed with SIGKILL during
# the install and resumed; the next boot commits it. Each result is checked with other tools: images byte by byte, the boot
# state by fw_printenv, the report in the server's log. Usage: ci/demo-install.sh DIR OTA IMAGES PORT
set -euo pipefail
dir=$1 ota=$2 images=$3 port=$4
mkdir -p "$dir"
rm -rf "${dir:?}"/*
url=https://localhost:$port/update-2.0.ota
ci/serve.sh "$dir/server" "$images" "$images/pki" "$port" 12m &
server=$!
cleanup() {
	kill "$server" 2>/dev/null || true
	[ ! -s "$dir/device/loops" ] || xargs -r losetup -d <"$dir/device/loops" || true
}
trap cleanup EXIT
images/example-device.sh "$dir/device" "$images" 1.0 "$url" "https://localhost:$port/report"
conf=$dir/device/system.conf
ok() { printf '  %-66s %s\n' "$1" ok; }
die() { echo "demo: $*" >&2; exit 1; }
boot() { fw_printenv -c "$dir/device/fw_env.config" -n "$1" 2>/dev/null || true; }
slot() { sed -n "/^\[slot\.$1\.$2\]/,/^device/s/^device=//p" "$conf"; }
curl -sI --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null --cacert "$images/pki/tls-root.pem" "$url"
"$ota" info --keyring="$images/pki/root.pem" "$images/update-2.0.ota" >"$dir/info.txt" || die "the bundle does not verify"
ok "bundle verified: root filesystem, kernel, initrd, $(($(stat -c %s "$images/update-2.0.ota") / 1048576)) MiB"
for seconds in 0.8 1.0 1.2; do
	timeout --foreground -s KILL "$seconds" "$ota" --config="$conf" install "$url" >>"$dir/install.log" 2>&1 &&
		die "done before it was killed; lower the rate"
done
[ "$(boot ota_slot)" != B ] || die "armed before the install was complete"
ok "killed 3 times on the way (SIGKILL); the old version still selected"
"$ota" --config="$conf" resume >>"$dir/install.log" 2>&1 || die "resume failed; see $dir/install.log"
[ "$(boot ota_slot) $(boot upgrade_available)" = "B 1" ] || die "not armed after resume; see $dir/install.log"
for part in "rootfs rootfs-2.0.ext4" "kernel vmlinuz-2.0" "initrd initrd-2.0.img"; do
	read -r class image <<<"$part"
	cmp -n "$(stat -c %s "$images/$image")" "$images/$image" "$(slot "$class" 1)" || die "slot B's $class differs from $image"
done
fetched=$(awk -F'" ' '/\.ota /{split($3, a, " "); n += a[length(a)]} END {printf "%.1f", n / 1048576}' "$dir/server/access.log")
ok "resumed: slot B verified byte for byte, armed for trial ($fetched MiB sent)"
[ ! -s "$dir/server/reports.log" ] || die "success reported before the trial"
sed -i 's/^booted=A$/booted=B/' "$conf" && fw_setenv -c "$dir/device/fw_env.config" bootcount 1
"$ota" --config="$conf" resume >>"$dir/install.log" 2>&1 || die "commit failed; see $dir/install.log"
[ "$(boot ota_slot) $(boot upgrade_available)" = "B 0" ] || die "not committed; see $dir/install.log"
[ "$(grep -c '"event":"success"' "$dir/server/reports.log")" = 1 ] || die "not exactly one success report in $dir/server/reports.log"
ok "next boot: health, commit, one success report at the server"
before=$(sha256sum "$dir"/device/*.img)
"$ota" --config="$conf" check >>"$dir/install.log" 2>&1 || die "check failed; see $dir/install.log"
[ "$before" = "$(sha256sum "$dir"/device/*.img)" ] || die "check wrote although there was nothing to do"
ok "polled again: nothing to do, nothing written"

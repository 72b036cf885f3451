#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The toy board's directory: two slots, an environment, a keyring, version 1.0 installed and committed, version 2.0 as update.ota.
# Usage: hil/box/toy-make.sh DIR OTA
set -euo pipefail
mkdir -p "$1/bin" "$1/www" "$1/images"
dir=$(cd "$1" && pwd) ota=$(realpath "$2")
images/pki.sh "$dir/pki" >/dev/null 2>&1
for v in 1.0 2.0; do
	{ printf '%s\n' "$v"; openssl enc -aes-128-ctr -pass "pass:$v" -nosalt -pbkdf2 -in /dev/zero 2>/dev/null | head -c 1048572 || true; } >"$dir/images/$v.img"
	"$ota" bundle --compatible=toy --version=$v --sequence=${v%.*}0 --image=rootfs="$dir/images/$v.img" \
		--certificate="$dir/pki/sign.pem" --key="$dir/pki/sign.key" "$dir/www/$v.ota"
done
truncate -s 4M "$dir/slot-A" "$dir/slot-B"
truncate -s 64K "$dir/env"
printf '%s 0 0x4000\n%s 0x8000 0x4000\n' "$dir/env" "$dir/env" >"$dir/fw_env.config"
echo 'what the user has' >"$dir/canary"
printf '#!/bin/sh\n: >%s/reboot-asked\n' "$dir" >"$dir/bin/reboot"
# After a reboot request there is no shell: input to it would stop the bootloader.
# shellcheck disable=SC2016 # for the board to expand
printf '#!/bin/sh\n"$OTA" --config=%s/system.conf "$@"\ns=$?\n[ ! -e %s/reboot-asked ] || sleep 1\nexit $s\n' "$dir" "$dir" >"$dir/bin/ota"
for tool in fw_printenv fw_setenv; do printf '#!/bin/sh\nexec /usr/bin/%s -c %s/fw_env.config "$@"\n' $tool "$dir" >"$dir/bin/$tool"; done
chmod +x "$dir"/bin/*
printf 'bootlimit=3\nbootcount=0\nota_slot=A\n' | mkenvimage -r -s 0x4000 -o "$dir/copy" -
dd if="$dir/copy" of="$dir/env" conv=notrunc status=none
cat >"$dir/system.conf.in" <<'CONF'
[system]
compatible=toy
bootloader=uboot
booted=@SLOT@
state=@DIR@/state
lockfile=@DIR@/lock
[keyring]
path=@DIR@/pki/root.pem
[uboot]
config=@DIR@/fw_env.config
[slot.rootfs.0]
device=@DIR@/slot-A
bootname=A
[slot.rootfs.1]
device=@DIR@/slot-B
bootname=B
[handlers]
reboot=@DIR@/bin/reboot
[bench]
unit=@DIR@/bench-unit
marks=@TTY@
CONF
cat >"$dir/init.sh" <<'INIT'
echo "Run /init.sh"
ota resume
while IFS= read -r line; do eval "$line"; done
INIT
# The factory's state: 1.0 in slot A, nothing else.
sed -e "s|@SLOT@|B|; s|@DIR@|$dir|; s|@TTY@|/dev/null|" -e "s|@DIR@|$dir|g" -e '/^reboot=/d; /^\[handlers\]/d' "$dir/system.conf.in" >"$dir/system.conf"
"$ota" --config="$dir/system.conf" install "$dir/www/1.0.ota" >"$dir/make.log" 2>&1
sed -i 's/^booted=B$/booted=A/' "$dir/system.conf"
"$ota" --config="$dir/system.conf" resume >>"$dir/make.log" 2>&1
ln -sfn 2.0.ota "$dir/www/update.ota"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the example device in DIR: slots of VERSION in A and empty in B (loop devices if root and the kernel allow it, else
# files), a redundant boot environment, a state file, system.conf. Usage: images/example-device.sh DIR IMAGES VERSION URL REPORT-URL
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 images=$(cd "$2" && pwd) version=$3 url=$4 report_url=$5
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
: >"$dir/loops"

# A slot: the image with room behind it, for the slot descriptor and for images to grow.
slot() { # NAME SOURCE-OR-EMPTY SIZE-OF
	local file=$dir/$1.img
	rm -f "$file"
	[ -z "$2" ] || cp --sparse=always "$2" "$file"
	truncate -s $(($(stat -c %s "$3") + 2 * 1024 * 1024)) "$file"
	if [ "$(id -u)" -eq 0 ] && loop=$(losetup --find --show --direct-io=on "$file" 2>/dev/null); then
		echo "$loop" >>"$dir/loops"
		echo "$loop"
	else
		echo "$file"
	fi
}
{
	printf '[system]\ncompatible=yankproof-example\nbootloader=uboot\ndevice-id=example-1\nstate=%s\nlockfile=%s\nbooted=A\n' "$dir/state.img" "$dir/ota.lock"
	printf '[keyring]\npath=%s\n[uboot]\nconfig=%s\n[tls]\nca=%s\n' "$images/pki/root.pem" "$dir/fw_env.config" "$images/pki/tls-root.pem"
	printf '[update]\nurl=%s\nreport-url=%s\ncheckpoint-bytes=8388608\n[handlers]\nreboot=/bin/true\n' "$url" "$report_url"
	for part in "rootfs rootfs-$version.ext4" "kernel vmlinuz-$version" "initrd initrd-$version.img"; do
		read -r class image <<<"$part"
		for index in 0 1; do
			source=$images/$image
			[ "$index" -eq 0 ] || source=
			printf '[slot.%s.%d]\ndevice=%s\n' "$class" "$index" "$(slot "$class-$index" "$source" "$images/$image")"
			if [ "$class" = rootfs ]; then
				if [ "$index" -eq 0 ]; then echo bootname=A; else echo bootname=B; fi
			else
				echo "parent=rootfs.$index"
			fi
		done
	done
} >"$dir/system.conf"
mkenvimage -r -s 16384 -o "$dir/env-copy" "$here/uboot/ota.env"
cat "$dir/env-copy" "$dir/env-copy" >"$dir/env.img"
printf '%s 0x0 0x4000\n%s 0x4000 0x4000\n' "$dir/env.img" "$dir/env.img" >"$dir/fw_env.config"

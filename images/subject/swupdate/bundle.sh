#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a SWUpdate image OUT (cpio of a signed sw-description and IMAGE), signed by SIGNER. Usage: VERSION=V images/subject/swupdate/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2 signer=$KEYS/${SIGNER:-sign} content=$(mktemp -d "$WORK/swu.XXXXXX")
[ -e "$KEYS/root.pem" ] || "$IMAGES/zoo.sh" "$KEYS"
cd "$content"
cp "$image" rootfs.ext4
digest=$(sha256sum <rootfs.ext4)
copy() { # NAME PARTITION
	printf ' %s: { images: ({ filename = "rootfs.ext4"; device = "/dev/mmcblk0p%s"; type = "raw"; installed-directly = true; sha256 = "%s"; });\n' "$1" "$2" "${digest%% *}"
	printf '  bootenv: ({ name = "rootpart"; value = "%s"; }, { name = "upgrade_available"; value = "1"; }, { name = "bootcount"; value = "0"; }); };\n' "$2"
}
{
	printf 'software = {\n version = "%s";\n hardware-compatibility: ["1.0"];\n stable: {\n' "$VERSION"
	copy copyA 2
	copy copyB 3
	printf ' };\n};\n'
} >sw-description
openssl cms -sign -in sw-description -out sw-description.sig -signer "$signer.pem" -inkey "$signer.key" -outform DER -nosmimecap -binary
printf '%s\n' sw-description sw-description.sig rootfs.ext4 | cpio -o -H crc --quiet >"$out"
rm -rf "$content"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The signed bundle of one version of the board. NAME is a version, or what is wrong with this 2.0.
# Usage: images/qemu/bundle.sh OTA PKI NAME ROOTFS TARGET
set -euo pipefail
ota=$1 pki=$2 name=$3 rootfs=$4 target=$5
case $name in
0.9) version=0.9 sequence=9 ;;
1.0) version=1.0 sequence=10 ;;
2.0) version=2.0 sequence=20 ;;
*) version=2.0-$name sequence=20 ;;
esac
"$ota" bundle --certificate="$pki/sign.pem" --key="$pki/sign.key" --compatible=brickproof-qemu --version="$version" --sequence="$sequence" \
	--created=1767225600 --image=rootfs="$rootfs" "$target" >/dev/null

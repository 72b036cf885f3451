#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The signed bundle of one version of the board. NAME is a version, or what is wrong with this 2.0.
# Usage: images/qemu/board-bundle.sh ARCH OTA PKI NAME ROOTFS TARGET
set -euo pipefail
# shellcheck source=images/qemu/arch-arm64.sh
. "$(dirname "$0")/arch-$1.sh"
ota=$2 pki=$3 name=$4 rootfs=$5 target=$6
case $name in
0.9) version=0.9 sequence=9 ;;
1.0) version=1.0 sequence=10 ;;
2.0) version=2.0 sequence=20 ;;
*) version=2.0-$name sequence=20 ;;
esac
"$ota" bundle --certificate="$pki/sign.pem" --key="$pki/sign.key" --compatible="$arch_compatible" --version="$version" --sequence="$sequence" \
	--created=1767225600 --image=rootfs="$rootfs" "$target" >/dev/null

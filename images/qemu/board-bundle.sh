#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The signed bundle of one version of the board. NAME is a version, or what is wrong with this 2.0.
# SUBJECT (ota) is the updater. Usage: images/qemu/board-bundle.sh ARCH UPDATER PKI NAME ROOTFS TARGET
set -euo pipefail
# shellcheck source=images/qemu/arch-arm64.sh
. "$(dirname "$0")/arch-$1.sh"
# shellcheck source=images/subject/ota/subject-make.sh
. "$(dirname "$0")/../subject/${SUBJECT:-ota}/subject-make.sh"
updater=$2 pki=$3 name=$4 rootfs=$5 target=$6
case $name in
0.9) version=0.9 sequence=9 ;;
1.0) version=1.0 sequence=10 ;;
2.0) version=2.0 sequence=20 ;;
*) version=2.0-$name sequence=20 ;;
esac
subject_bundle "$updater" "$pki" "$version" "$sequence" "$rootfs" "$target"

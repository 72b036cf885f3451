#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts GRUB's configuration and environment on the boot partition mounted at MOUNT. Usage: images/subject/rauc-grub/factory.sh MOUNT
set -euo pipefail
mkdir -p "$1/grub"
cp "$(dirname "$0")/grub.cfg" "$1/grub/"
grub-editenv "$1/grub/grubenv" create
grub-editenv "$1/grub/grubenv" set ORDER="A B" A_OK=1 A_TRY=0 B_OK=0 B_TRY=0

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Home-grown: selects the other slot, then writes it. Usage: images/subject/bricker-flip/install.sh BUNDLE A|B
set -euo pipefail
case $2 in A) slot=$SLOT_A ;; B) slot=$SLOT_B ;; *) exit 2 ;; esac
fw_setenv slot "$2"
gzip -dc "$1" | dd of="$slot" bs=1M iflag=fullblock status=none

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same without a sync, which can brick the device: writes IMAGE into the slot that does not run, then selects that slot. Usage: updater.sh IMAGE
set -eu
case $(head -c 6 "$ENV") in
slot=a) target=$SLOT_B next=slot=b ;;
*) target=$SLOT_A next=slot=a ;;
esac
dd if="$1" of="$target" bs=1M conv=notrunc status=none
printf '%s\n' "$next" | dd of="$ENV" bs=512 conv=sync,notrunc status=none

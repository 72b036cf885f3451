#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the device does when it comes up again: it installs the update, unless that is done. IMAGES as in check.sh.
[ "$(head -c 6 "$ENV")" = slot=b ] || exec "$(dirname "$0")/updater.sh" "$IMAGES/new.img"

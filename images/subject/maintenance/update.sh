#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Maintenance mode. "stage BUNDLE": the system keeps the bundle on the data partition and selects the rescue system. "write": the rescue
# system writes the only slot and selects it again. Usage: images/subject/maintenance/update.sh stage BUNDLE | write
set -euo pipefail
verify() { # FOLDER
	openssl dgst -sha256 -verify "$KEYS/image.pub" -signature "$1/image.sig" "$1/image.gz"
}
case $1 in
stage)
	rm -rf /data/new && mkdir /data/new
	tar -xf "$2" -C /data/new
	verify /data/new
	sync -f /data
	rm -rf /data/update && mv /data/new /data/update
	sync -f /data
	fw_setenv boot rescue
	;;
write)
	verify /data/update
	gzip -dc /data/update/image.gz | dd of="$SLOT_A" bs=1M iflag=fullblock conv=fsync status=none
	fw_setenv boot system
	;;
*) exit 2 ;;
esac

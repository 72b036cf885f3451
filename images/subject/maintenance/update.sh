#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Maintenance mode. "stage BUNDLE": the system keeps the bundle on the data partition and selects the rescue system. "write": the rescue
# system writes the only slot and selects it again. Usage: images/subject/maintenance/update.sh stage BUNDLE | write
set -euo pipefail
unpack() { # BUNDLE: verified, to WORK/image.gz
	tar -xf "$1" -C "$WORK"
	openssl dgst -sha256 -verify "$KEYS/image.pub" -signature "$WORK/image.sig" "$WORK/image.gz"
}
case $1 in
stage)
	unpack "$2"
	cp "$2" /data/new
	sync -f /data
	mv /data/new /data/update
	sync -f /data
	fw_setenv boot rescue
	;;
write)
	unpack /data/update
	gzip -dc "$WORK/image.gz" | dd of="$SLOT_A" bs=1M iflag=fullblock conv=fsync status=none
	fw_setenv boot system
	;;
*) exit 2 ;;
esac

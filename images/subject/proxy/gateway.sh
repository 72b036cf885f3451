#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The gateway: keeps a verified bundle as its job, then sends the image block by block over LINK until the device has it. A failed link
# ends the attempt, never the job. Usage: images/subject/proxy/gateway.sh install BUNDLE | resume
set -euo pipefail
unpack() { # BUNDLE: verified, to WORK/image
	tar -xf "$1" -C "$WORK"
	openssl dgst -sha256 -verify "$KEYS/image.pub" -signature "$WORK/image.sig" "$WORK/image.gz" >/dev/null
	gzip -df "$WORK/image.gz"
}
request() { # FILE WORD...: sends one request with FILE behind it, again while the link fails
	local file=$1 attempt
	shift
	for attempt in 1 2 3 4 5 6 7 8 9; do
		[ "$({ echo "$*" && cat "$file"; } | nc -N -w 5 "${LINK%:*}" "${LINK#*:}")" != ok ] || return 0
		sleep "0.$attempt"
	done
	echo "the device does not answer; the job stays and goes on at the next start" >&2
	exit 0
}
if [ "$1" = install ]; then
	unpack "$2"
	cp "$2" /data/new
	sync -f /data
	mv /data/new /data/job
	sync -f /data
fi
[ -e /data/job ] || exit 0
unpack /data/job
request /dev/null begin
for ((number = 0; number * 65536 < $(stat -c %s "$WORK/image"); number++)); do
	dd if="$WORK/image" of="$WORK/sent" bs=64K skip="$number" count=1 status=none
	request "$WORK/sent" put "$number" "$(sha256sum "$WORK/sent" | cut -d' ' -f1)"
done
request /dev/null end "$(sha256sum "$WORK/image" | cut -d' ' -f1)"
rm /data/job
sync -f /data

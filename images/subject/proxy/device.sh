#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The small device behind the gateway: its loader answers one request on standard input ("begin", "put NUMBER DIGEST" and a block, "end
# DIGEST") with "ok". It has one slot and runs it only when "app" is "valid". Usage: images/subject/proxy/device.sh
set -euo pipefail
digest() { sha256sum "$1" | cut -d' ' -f1; }
IFS=' ' read -r verb first second
case $verb in
begin) fw_setenv app erased ;;
put)
	block=$(mktemp "$WORK/block.XXXXXX")
	cat >"$block"
	[ "$(digest "$block")" = "$second" ]
	dd if="$block" of="$SLOT_A" bs=64K seek="$first" conv=notrunc,fsync status=none
	rm "$block"
	;;
end) [ "$(digest "$SLOT_A")" = "$first" ] && fw_setenv app valid ;;
*) exit 2 ;;
esac
echo ok

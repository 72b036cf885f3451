#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The emulated board as a board of the box: QEMU with the arguments of IMAGES/board.args, console on stdin and stdout, media at DIR/nbd.
# A real board has no port to the harness: the one in the arguments is left out. Usage: hil/box/box-qemu.sh DIR IMAGES PORT
set -euo pipefail
dir=$1 images=$2 port=$3
arguments=()
while read -r line; do
	case $line in
	@CHANNEL@* | virtserialport,*) unset 'arguments[-1]' && continue ;;
	esac
	line=${line//@IMAGES@/$images}
	line=${line//@CARD@/driver=nbd,server.type=unix,server.path=$dir/nbd,export=card}
	line=${line//@DISK@/driver=nbd,server.type=unix,server.path=$dir/nbd,export=disk,discard=unmap}
	line=${line//@SERIAL@/stdio,signal=off}
	line=${line//@QMP@/unix:$dir/qmp,server=on,wait=off}
	arguments+=("${line//@PORT@/$port}")
done <"$images/board.args"
[ "$(cat "$dir/clock" 2>/dev/null || echo now)" = now ] || arguments+=(-rtc "base=$(cat "$dir/clock")")
rm -f "$dir/qmp"
exec "$(cat "$images/board.program")" "${arguments[@]}"

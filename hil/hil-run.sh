#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make hil`: N boards in boxes, the cuts and the checklist on them, the report. Ends with the table of cuts and the campaign's exit status.
# Usage: hil/hil-run.sh OUT BUILD IMAGES N [SCENARIO...]
set -euo pipefail
out=$1 build=$2 images=$3 boards=$4
shift 4
mkdir -p "$out"
boxes=()
# shellcheck disable=SC2317 # run by the trap
cleanup() {
	for box in "${boxes[@]}"; do kill "$box" 2>/dev/null || true; done
	wait
}
trap cleanup EXIT
trap 'exit 5' TERM INT
environments=
for i in $(seq "$boards"); do
	hil/box/box-start.sh "$out/box-$i" "127.0.0.$i" $((18976 + i)) "$build/nbdkit-powercut-plugin.so" "$images" >"$out/box-$i.log" 2>&1 &
	boxes+=($!)
	environments+=${environments:+:}$out/box-$i/env.yaml
	# The box prints a line when its ports are open, or ends.
	for _ in $(seq 200); do
		grep -q '^box: ready' "$out/box-$i.log" && break
		kill -0 "${boxes[-1]}" 2>/dev/null || { cat "$out/box-$i.log" >&2; exit 3; }
		sleep 0.1
	done
done
[ $# -gt 0 ] || set -- board-cuts-install board-cuts-trial board-cuts-commit board-cuts-free board-checks
status=0
# In the background, so that a signal ends it at once.
LG_ENV=$environments "$build/yankproof" run "$@" -j "$boards" -o "$out/results" &
boxes+=($!)
wait $! || status=$?
"$build/yankproof-report" "$out/results" >/dev/null || true
echo
"$build/yankproof" cuts "$out/results" || true
exit "$status"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Planted defects on the board in a box: the emulated board with the mutant's updater in its images (IMAGES-mutant-NAME). Each must be found FAIL
# by the case that is named here, and again when that is replayed; on the clean board the same case passes. Two boards at a time.
# Usage: hil/hil-mutants.sh OUT BUILD IMAGES NAME=CASE...
set -euo pipefail
out=$1 build=$2 images=$3
shift 3
rm -rf "$out" && mkdir -p "$out/board"
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT
trap 'exit 5' TERM INT

# on NAME LANE IMAGES WHAT...: exit status of `yankproof WHAT...` on a board in a box of its own, in OUT/NAME.status.
on() {
	local name=$1 lane=$2 board=$3 status=0
	shift 3
	hil/box/box-start.sh "$out/$name" "127.0.2.$lane" $((18980 + lane)) "$build/nbdkit-powercut-plugin.so" "$board" >"$out/$name.box" 2>&1 &
	local box=$!
	until grep -qs '^box: ready' "$out/$name.box"; do kill -0 $box || { cat "$out/$name.box" >&2; exit 3; }; sleep 0.1; done
	LG_ENV=$out/$name/env.yaml "$build/yankproof" "$@" >"$out/$name.log" 2>&1 || status=$?
	kill $box || true
	wait $box || true
	echo "$status" >"$out/$name.status"
}
for pair; do
	case ${pair#*=} in cut:*) plan=cuts ;; *) plan=checks ;; esac
	printf 'name: %s\ntitle: a planted defect\ngroup: board\nrig: board\nfaults:\n  - board: {plan: %s, match: "%s"}\n' "${pair%%=*}" $plan \
		"${pair#*=}" >"$out/board/${pair%%=*}.yaml"
done
for pair; do on "clean-${pair%%=*}" 2 "$images" run "$out/board/${pair%%=*}.yaml" -o "$out/clean-${pair%%=*}-results"; done &
lane=$! failed=0
for pair; do
	name=${pair%%=*}
	on "found-$name" 1 "$images-mutant-$name" run "$out/board/$name.yaml" -o "$out/found-$name-results"
	id=$(sed -n "s/.*yankproof replay '$name@\(.*\)'/board-checks@\1/p" "$out/found-$name.log")
	on "again-$name" 1 "$images-mutant-$name" replay "${id:-none}"
done
wait "$lane"
for pair; do
	name=${pair%%=*} all=$(cat "$out"/{found,again,clean}-"${pair%%=*}".status | tr '\n' ' ')
	line=$(grep -m1 -oE 'I[0-9]+: .*' "$out/found-$name.log" || tail -n 1 "$out/found-$name.log")
	# shellcheck disable=SC2086 # three words
	printf '%-20s %-16s found %s, replayed %s, clean %s: %s\n' "$name" "${pair#*=}" $all "$line"
	[ "$all" = '1 1 0 ' ] || failed=1
done
exit $failed

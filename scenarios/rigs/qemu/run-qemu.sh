#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the scenarios of a tag on the emulated board, one at a time (each has a board for every processor), then makes their report.
# Exit status: yankproof run's. Usage: scenarios/rigs/qemu/run-qemu.sh BUILD TAG OUT [OPTION...]
set -euo pipefail
build=$1 tag=$2 out=$3
shift 3
status=0
"$build/yankproof" run --tag "$tag" --jobs 1 -o "$out" "$@" || status=$?
[ ! -s "$out/results.jsonl" ] || "$build/yankproof" report "$out" >/dev/null || echo "qemu: no report could be made of $out" >&2
for file in junit.xml report.html; do [ ! -e "$out/$file" ] || echo "      $out/$file"; done
exit "$status"

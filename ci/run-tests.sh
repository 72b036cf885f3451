#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs and corpus replays (PROGRAM:CORPUS), and ends with one line "N passed, N failed, N skipped". A program is criterion's, or it says
# "counted: N passed, N failed, N skipped" in its last line, or it is one test: exit 0 passed, 77 skipped. Logs lie in LOGS. Usage: ci/run-tests.sh LOGS TEST...
set -euo pipefail
logs=$1
shift
mkdir -p "$logs"
export logs UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=abort_on_error=1:detect_leaks=1

run_one() {
	local program=${1%%:*} corpus=() status=0 name
	name=$(basename "$program")
	[ "$program" = "$1" ] || corpus=("${1#*:}")
	local log=$logs/$name.log
	timeout --kill-after=10 600 "$program" "${corpus[@]}" >"$log" 2>&1 </dev/null || status=$?
	local tested passed failed crashed skipped=0
	if read -r tested passed failed crashed < <(sed -nE 's/\x1b\[[0-9;]*m//g; s/.*Synthesis: Tested: ([0-9]+) \| Passing: ([0-9]+) \| Failing: ([0-9]+) \| Crashing: ([0-9]+).*/\1 \2 \3 \4/p' "$log" | tail -n 1); then
		failed=$((failed + crashed))
		skipped=$(grep -c '^\[.*SKIP' "$log" || true)
		[ "$((tested + skipped))" -gt 0 ] || failed=1
		[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	elif read -r passed failed skipped < <(tail -n 1 "$log" | sed -nE 's/^counted: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p'); then
		[ "$((passed + failed + skipped))" -gt 0 ] || failed=1
		[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	else
		passed=0 failed=0 skipped=0
		case $status in 0) passed=1 ;; 77) skipped=1 ;; *) failed=1 ;; esac
	fi
	echo "$passed $failed $skipped" >"$logs/$name.count"
	[ "$failed" -eq 0 ] || { echo "FAIL $name (status $status), last lines of $log:"; tail -n 25 "$log"; }
	[ "$skipped" -eq 0 ] || { echo "SKIP $name: $(grep -m1 -iE 'skip' "$log" || tail -n 1 "$log")"; }
	printf '%-28s %4d passed %3d failed %3d skipped\n' "$name" "$passed" "$failed" "$skipped"
}
export -f run_one

rm -f "$logs"/*.count
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run_one {}'
read -r passed failed skipped < <(cat "$logs"/*.count | awk '{p+=$1; f+=$2; s+=$3} END {print p+0, f+0, s+0}')
[ "$(find "$logs" -name '*.count' | wc -l)" -eq $# ] || failed=$((failed + 1))
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

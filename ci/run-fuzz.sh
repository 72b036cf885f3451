#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets for SECONDS each, as many at a time as there are processors, from their committed corpora; what they
# find is kept beside the logs in build/fuzz-runs. Usage: ci/run-fuzz.sh SECONDS CORPUS-MAP...   CORPUS-MAP is TARGET:CORPUS
set -euo pipefail
export seconds=$1 runs=build/fuzz-runs
shift
mkdir -p "$runs"

fuzz_one() {
	local target=${1%%:*} corpus=${1#*:} name
	name=$(basename "$target")
	mkdir -p "$runs/$name"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$runs/$name-" \
		"$runs/$name" "$corpus" >"$runs/$name.log" 2>&1; then
		printf '%-12s clean: %s runs in %s s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$runs/$name.log")" "$seconds"
	else
		printf '%-12s FAILED: see %s and %s-*\n' "$name" "$runs/$name.log" "$runs/$name"
		return 1
	fi
}
export -f fuzz_one
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one {}'

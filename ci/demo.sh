#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The demonstration on one screen: a real install, the exploration of the core in process, three planted defects that must be found.
# Usage: ci/demo.sh BUILD IMAGES OUT   (make demo builds what it needs first)
set -euo pipefail
build=$1 images=$2 out=$3
mkdir -p "$out"
status=0

echo "1. A real update over HTTPS (nginx, test CA), real images"
ci/demo-install.sh "$out/install" "$build/ota" "$images" "${PORT:-8443}" || status=1

echo "2. The proof: power cuts to closure, faults at every operation, a failing network, corrupted bundles"
"$build/yankproof" run --tag demo -o "$out/proof" --jobs "$(nproc)" || status=1

echo "3. Three planted defects that must be found"
make --no-print-directory mutants-demo || status=1

"$build/yankproof-report" "$out/proof" >"$out/report.log" || status=1
if [ "$status" -eq 0 ]; then verdict=PASS; else verdict=FAIL; fi
echo
echo "$verdict: report $out/proof/report.html, JUnit $out/proof/junit.xml, results $out/proof/results.jsonl"
exit "$status"

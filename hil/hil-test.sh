#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab's own tests, on toy boards: a plain test program of the ordinary run. Ends with the line that ci/run-tests.sh counts, taken from pytest's
# JUnit file. Usage: hil/hil-test.sh JUNIT TEST...
set -euo pipefail
/usr/bin/python3 -c 'import labgrid, pytest' 2>/dev/null || { echo "skip: python3-labgrid is not installed; 'make setup-hil' installs it"; exit 77; }
junit=$1 status=0
rm -f "$junit"
/usr/bin/python3 -m pytest -q -rs -p no:cacheprovider --junitxml="$junit" "${@:2}" || status=$?
number() { sed -n "s/.*<testsuite [^>]*\b$1=\"\([0-9]*\)\".*/\1/p" "$junit" | head -n 1; }
failed=$(($(number failures) + $(number errors))) skipped=$(number skipped)
echo "counted: $(($(number tests) - failed - skipped)) passed, $failed failed, $skipped skipped"
exit "$status"

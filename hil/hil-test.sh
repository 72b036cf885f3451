#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab's own tests, on toy boards: a plain test program of the ordinary run. Usage: hil/hil-test.sh JUNIT TEST...
set -euo pipefail
/usr/bin/python3 -c 'import labgrid, pytest' 2>/dev/null || { echo "skip: python3-labgrid is not installed; 'make setup-hil' installs it"; exit 77; }
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml="$1" "${@:2}"

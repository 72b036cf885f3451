#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds build/mutant-NAME/brickproof and its ota: the house with one planted defect. Objects of the clean build are taken over where
# the patch does not reach (a patched header reaches everywhere). Usage: scenarios/mutant-build.sh NAME
set -euo pipefail
name=$1
patch=scenarios/mutants/$name.patch
dir=build/mutant-$name
[ -f "$patch" ] || { echo "$patch: no such patch" >&2; exit 2; }
rm -rf "$dir"
mkdir -p "$dir/src"
cp -a core power-cut sim scenarios images "$dir/src/"
if ! grep -qE '^\+\+\+ .*\.h\b' "$patch"; then
	(cd build/release && find core power-cut sim scenarios images -name '*.o' -exec cp -p --parents {} "../mutant-$name/" \;)
	rm -f "$dir/scenarios/src/version.o"
fi
patch --quiet --forward --strip=1 --directory="$dir/src" <"$patch"
make --no-print-directory -j1 MUTANT="$name" "$dir/brickproof" "$dir/ota" >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; exit 2; }

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds build/mutant-NAME/yankproof and its ota: the house with one planted defect. Objects of the clean build are taken over where
# the patch does not reach (a patched header reaches everywhere). Usage: scenarios/defects/build-defect.sh NAME
set -euo pipefail
name=$1
patch=scenarios/defects/$name.patch
dir=build/mutant-$name
[ -f "$patch" ] || { echo "$patch: no such patch" >&2; exit 2; }
rm -rf "$dir"
mkdir -p "$dir/src"
cp -a core power-cut sim scenarios images "$dir/src/"
if ! grep -qE '^\+\+\+ .*\.h\b' "$patch"; then
	(cd build/release && find core power-cut sim scenarios images -name '*.o' -exec cp -p --parents {} "../mutant-$name/" \;)
	rm -f "$dir/scenarios/file/version.o"
fi
patch --quiet --forward --strip=1 --directory="$dir/src" <"$patch"
make --no-print-directory -j1 MUTANT="$name" "$dir/yankproof" "$dir/ota" >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; exit 2; }

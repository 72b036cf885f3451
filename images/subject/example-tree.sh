#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the folder OUT with a small tree of VERSION below usr/: eight programs that differ, two that do not, a kernel. For subjects that
# update files, not slots. The same VERSION gives the same tree. Usage: images/subject/example-tree.sh VERSION OUT
set -euo pipefail
version=$1 out=$2 modules=$2/usr/lib/modules/6.1
fill() { # KEY BYTES: the same bytes for the same key
	openssl enc -aes-128-ctr -nosalt -pass "pass:$1" -md sha256 -in /dev/zero 2>/dev/null | head -c "$2" || true
}
rm -rf "$out" && mkdir -p "$out/usr/lib/example" "$out/usr/etc" "$modules"
printf 'ID=example\nVERSION_ID=%s\n' "$version" >"$out/usr/lib/os-release"
for part in 1 2 3 4 5 6 7 8; do fill "$version $part" 150000 >"$out/usr/lib/example/program-$part"; done
for part in 1 2; do fill "same $part" 150000 >"$out/usr/lib/example/shared-$part"; done
fill "kernel $version" 300000 >"$modules/vmlinuz"
find "$out" -exec touch -h -d @1700000000 {} +

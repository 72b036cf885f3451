#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The emulated board with the updater of planted defects: build/qemu-mutant-NAME for each. What a patch does not reach keeps its time, so that make
# makes again only what changed. Usage: hil/mutant-images.sh NAME...
set -euo pipefail
unset MAKEFLAGS MAKELEVEL
for name; do
	patch=scenarios/defects/$name.patch src=build/mutant-$name/src board=build/qemu-mutant-$name
	rm -rf "$src" && mkdir -p "$src"
	cp -a core power-cut sim scenarios images "$src/"
	patch --quiet --forward --strip=1 --directory="$src" <"$patch"
	sed -n 's|^+++ b/||p' "$patch" | while read -r file; do
		newest=$file
		if [ "$patch" -nt "$file" ]; then newest=$patch; fi
		touch -r "$newest" "$src/$file"
	done
	make --no-print-directory -s MUTANT="$name" "$board/card.img" "$board/update-1.0.ota" "$board/update-2.0.ota" >"build/mutant-$name/images.log" 2>&1 ||
		{ tail -n 20 "build/mutant-$name/images.log" >&2; exit 3; }
done

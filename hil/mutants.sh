#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Planted defects on a board in a box: each must be found FAIL by the case that is named here, and again when it is replayed; without the
# defect the same case passes. The board is the toy with the real `ota`, built with the defect. Usage: hil/mutants.sh OUT BUILD
set -euo pipefail
out=$1 build=$2 address=127.0.1.1 failed=0
cases=(downgrade-ok=check:downgrade bootcount-not-reset=check:update flip-first=cut:S06h0/7)

# The ota command with the defect, in build/mutant-NAME.
mutant() {
	local dir=build/mutant-$1
	[ -d "$dir/src" ] || {
		mkdir -p "$dir/src"
		cp -a core power-cut sim scenarios images "$dir/src/"
		patch --quiet --forward --strip=1 --directory="$dir/src" <"scenarios/mutants/$1.patch"
	}
	make --no-print-directory -s MUTANT="$1" "$dir/ota" >"$out/build.log" 2>&1
	echo "$dir/ota"
}
# run OTA CASE: exit status of the case on a fresh toy board.
run() {
	rm -rf "$out/box" && mkdir -p "$out/box"
	hil/box/toy-make.sh "$out/box/toy" "$build/ota" >"$out/make.log" 2>&1
	/usr/bin/python3 hil/box/box.py --with-parent --dir "$out/box" --address $address --env hil/env/toy.yaml --snapshot "$out/box/toy" -- \
		/usr/bin/python3 hil/box/toy.py --dir @DIR@/toy --ota "$1" >"$out/box.log" 2>&1 &
	local box=$! status=0
	until grep -q '^box: ready' "$out/box.log"; do kill -0 $box && sleep 0.1; done
	curl -sf -o "$out/kept" -X PUT http://$address:4442/box/keep
	LG_ENV=$out/box/env.yaml "$build/brickproof" replay "board-checks@$2" >"$out/replay.log" 2>&1 || status=$?
	kill $box || true
	wait $box || true
	return $status
}
mkdir -p "$out"
for pair in "${cases[@]}"; do
	name=${pair%%=*} case=${pair#*=} found=0 again=0 clean=0
	ota=$(mutant "$name")
	run "$ota" "$case" || found=$?
	line=$(grep -m1 -oE 'I[0-9]+:? .*' "$out/replay.log" || tail -n 1 "$out/replay.log")
	run "$ota" "$case" || again=$?
	run "$build/ota" "$case" || clean=$?
	printf '%-20s %-18s found %s, replayed %s, clean %s: %s\n' "$name" "$case" "$found" "$again" "$clean" "$line"
	[ "$found $again $clean" = '1 1 0' ] || failed=1
done
exit $failed

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark and ends with a table of figures and goals, in OUT/bench.txt too. A missed goal is printed as missed; it is no
# failure of this script: figures depend on the machine. Usage: ci/bench-all.sh BUILD OUT [ROUNDS]
set -euo pipefail
build=$1 out=$2 rounds=${3:-5}
mkdir -p "$out"
"$build/power-cut/explore-bench" | tee "$out/explore.txt"
"$build/bench/recover-bench" --table >"$out/recover.txt"
grep -v '|' "$out/recover.txt"
core/bench/install-bench.sh "$out" "$build/ota" "$build/bench/install-bench" "$rounds" | tee "$out/install.txt"
[ -x "$build/bench/qemu-bench" ] && "$build/bench/qemu-bench" build/qemu "$out/qemu" 3 | tee "$out/qemu.txt"

# Where labgrid is not installed, the table says so.
if /usr/bin/python3 -c 'import labgrid' 2>/dev/null; then
	hil/cut_bench.py "$out/hil" 200 | tee "$out/hil.txt"
else
	echo 'SKIP marker-to-cut: python3-labgrid is not installed (make setup-hil)' | tee "$out/hil.txt"
fi

rows() {
	awk -F': ' '/^qemu / { sub(/^qemu /, "emulated board, "); print $1 "|" $2 "||" } /^SKIP/ { print "emulated board|SKIP||" }' "$out/qemu.txt"
	grep '|' "$out/recover.txt"
	awk '
	/CPU-second / { for (i = 2; i <= NF; i++) if ($i ~ /^settled/) settled[$1] = $(i - 1); else if ($i ~ /^run;/) run[$1] = $(i - 1) }
	END { row("explorer alone, settled per CPU-second", settled["settled:"], 20000); row("explorer alone, run per CPU-second", run["run:"], 2000) }
	function row(figure, value, goal) { printf "%s|%s|>= %d|%s\n", figure, value, goal, (value >= goal ? "yes" : "MISSED") }' "$out/explore.txt"
	awk '
	function at_most(figure, value, goal) { printf "%s|%s|<= %s|%s\n", figure, value, goal, (value + 0 <= goal + 0 ? "yes" : "MISSED") }
	function plain(figure, value) { printf "%s|%s||\n", figure, value }
	/^ota install FILE/ { plain("install of 256 MiB from a file, time against dd + fsync + sha256sum", $NF); at_most("... peak memory, MiB", $(NF - 1), 16) }
	/^ota install https/ { plain("install of 256 MiB over HTTPS, time against dd + fsync + sha256sum", $NF); at_most("... peak memory, MiB", $(NF - 1), 16) }
	/^curl https/ { plain("curl, zstd -d, dd fsync: no hash, no read-back; time against the same", $NF) }
	/^bundle / { bundle = $2; at_most("ota, stripped, KiB", sprintf("%.0f", $8 / 1024), 256); plain("the bundle, MB", sprintf("%.1f", bundle / 1e6)) }
	/^1 % .* runs/ { plain("fetched when 1 % of the blocks changed, in runs of 16, MB", sprintf("%.1f", $(NF - 2) / 1e6)) }
	/^1 % .* itself/ { plain("fetched when 1 % of the blocks changed, each by itself, MB", sprintf("%.1f", $(NF - 2) / 1e6)) }
	/^killed/ { before = $7; after = $(NF - 2) }
	END { plain("fetched after a kill at 50 %, MB", sprintf("%.1f", after / 1e6)); plain("fetched twice because of it, MB", sprintf("%.1f", (before + after - bundle) / 1e6)) }' "$out/install.txt"
	awk '/^marker-to-cut/ { printf "from a mark on the console to the answer of the outlet, median, ms|%s|<= 6|%s\n... p99|%s||\n", $5, ($5 <= 6 ? "yes" : "MISSED"), $7 }
	/^SKIP/ { printf "from a mark on the console to the answer of the outlet, ms|SKIP|<= 6|\n" }' "$out/hil.txt"
}
{
	# Other programs on a shared core also cost CPU time: with a high load the first figures are less reliable.
	echo "$(date -u +%F), $(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1 /proc/loadavg)"
	{ echo 'figure|measured|goal|ok' && rows; } | awk -F'|' '{ printf "%-72s | %10s | %10s | %s\n", $1, $2, $3, $4 }'
} | tee "$out/bench.txt"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds U-Boot for a board, sandbox, qemu or qemu-x86_64, out of OUT/source with our boot script compiled in:
# OUT/sandbox/u-boot (and board.dtb), OUT/qemu/u-boot.bin, OUT/qemu-x86_64/u-boot.rom.
# Usage: images/uboot/uboot-build.sh BOARD OUT      JOBS=n: compilers at once (2)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
board=$1
out=$(cd "$2" && pwd)
build=$out/$board
rm -rf "$build"
mkdir -p "$build"
case $board in
sandbox) config=sandbox_defconfig target=u-boot args=(NO_SDL=1) ;;
qemu) config=qemu_arm64_defconfig target=u-boot.bin args=(CROSS_COMPILE=aarch64-linux-gnu-) ;;
qemu-x86_64) config=qemu-x86_defconfig target=all args=(CROSS_COMPILE=x86_64-linux-gnu-) ;;
*) echo "uboot: no board $board: sandbox, qemu or qemu-x86_64" >&2; exit 1 ;;
esac
# What makes two builds differ: the time, the place, the checked-out version of somebody else's git.
export SOURCE_DATE_EPOCH=1767225600 KBUILD_BUILD_USER=yankproof KBUILD_BUILD_HOST=yankproof
log=$build/build.log
build() { nice -n 10 make -s -C "$out/source" O="$build" "${args[@]}" "$@" >>"$log" 2>&1; }
run() { "$@" || { tail -n 30 "$log" >&2; echo "uboot: building for $board failed (last lines above; all in $log)" >&2; exit 1; }; }

# The board's variables first; they replace those of ota.env that have the same name.
awk -F= '/^#|^$/ {next} NR == FNR {board[$1]; print; next} !($1 in board)' "$here/$board.env" "$here/ota.env" >"$build/default.env"
run build "$config"
{ cat "$here/$board.config"; echo "CONFIG_DEFAULT_ENV_FILE=\"$build/default.env\""; } >"$build/fragment"
(cd "$build" && "$out/source/scripts/kconfig/merge_config.sh" -m -O "$build" .config fragment) >>"$log" 2>&1
run build olddefconfig
# What could not be set as asked (another option forbids it) must not go unnoticed.
while IFS= read -r line; do
	case $line in
	CONFIG_*=*) grep -qxF "$line" "$build/.config" ;;
	'# CONFIG_'*' is not set') ! grep -q "^$(cut -d' ' -f2 <<<"$line")=" "$build/.config" ;;
	esac || { echo "uboot: $board: not taken: $line" >&2; exit 1; }
done <"$build/fragment"
run build -j "${JOBS:-2}" "$target"
if [ "$board" = sandbox ]; then
	cpp -P -undef -x assembler-with-cpp "$here/sandbox.dts" | dtc -q -I dts -O dtb -o "$build/board.dtb" -
fi

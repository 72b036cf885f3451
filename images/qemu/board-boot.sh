#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots the emulated board on copies of its media in DIR and lets it update itself from BUNDLE over HTTPS (nginx) until nothing is left to do; each power
# cycle is a QEMU of its own. Prints the events with times; fails unless EXPECT is the version that runs in the end. PORT is nginx's (18443).
# Usage: images/qemu/board-boot.sh IMAGES DIR [BUNDLE [EXPECT]]
set -euo pipefail
# shellcheck source=images/subject/ota/subject-make.sh
. "$(dirname "$0")/../subject/${SUBJECT:-ota}/subject-make.sh"
images=$(cd "$1" && pwd) bundle=${3:-update-2.0.$subject_suffix} expect=${4:-2.0} port=${PORT:-18443} deadline_s=120 boots_max=12
rm -rf "$2" && mkdir -p "$2/files"
dir=$(cd "$2" && pwd)
ln -s "$images/$bundle" "$dir/files/update.$subject_suffix"; cp --sparse=always "$images/card.img" "$images/disk.img" "$dir/"
ci/serve.sh "$dir/server" "$dir/files" "$images" "$port" 2>"$dir/server.log" &
server=$! qemu='' reader=''
cleanup() {
	for pid in $qemu $reader; do kill -KILL "$pid" 2>/dev/null || true; done; kill "$server" 2>/dev/null || true
}
trap cleanup EXIT
curl -sI --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null --cacert "$images/tls-root.pem" "https://localhost:$port/update.$subject_suffix"
now() { echo "${EPOCHREALTIME/./}"; }
seconds() { printf '%d.%02d' $((($(now) - $1) / 1000000)) $((($(now) - $1) / 10000 % 100)); }
say() { printf '  %7s s  boot %d  %s\n' "$(seconds "$start")" "$boots" "$*"; }
mapfile -t args <"$images/board.args"
args=("${args[@]//@IMAGES@/$images}") args=("${args[@]//@PORT@/$port}") args=("${args[@]//@QMP@/null}") args=("${args[@]//@CHANNEL@/pipe,path=$dir/channel}")
args=("${args[@]//@CARD@/driver=file,filename=$dir/card.img}") args=("${args[@]//@DISK@/driver=file,filename=$dir/disk.img}")
args=("${args[@]//@SERIAL@/pipe,path=$dir/serial}")
mkfifo "$dir"/{serial,channel}.{in,out}; start=$(now) boots=0 version='' idle=
while [ -z "$idle" ] && [ "$boots" -lt "$boots_max" ]; do
	boots=$((boots + 1)) power=$(now)
	# The console is saved, and U-Boot's decisions are printed.
	while IFS= read -r line; do
		printf '%s\n' "$line" >>"$dir/console.log"
		if [[ $line =~ ^$subject_decisions ]]; then say "U-Boot, after $(seconds "$power") s: ${line%$'\r'}"; fi
		case $line in *'Kernel panic'*) say 'kernel panic' ;; esac
	done <"$dir/serial.out" & reader=$!
	"$(cat "$images/board.program")" "${args[@]}" -no-reboot 2>>"$dir/qemu.log" & qemu=$!
	while read -r verb rest; do
		case $verb in
		ready) echo start >"$dir/channel.in" ;;
		up) say "user space, after $(seconds "$power") s: slot ${rest% *}" && version=$(cut -d' ' -f2 <<<"$rest") ;;
		run | error) say "$verb $rest" ;;
		idle) idle=1 && break ;;
		esac
	done < <(timeout "$deadline_s" cat "$dir/channel.out")
	kill -KILL "$qemu" 2>/dev/null || true; wait "$qemu" 2>/dev/null || true
	[ -s "$dir/console.log" ] || { echo "qemu: no guest starts: $(tail -n 1 "$dir/qemu.log"); see -accel in $images/board.args" >&2; exit 1; }
done
[ "$idle $version" = "1 $expect" ] || { echo "qemu: version $version runs, not $expect; see $dir/console.log" >&2; exit 1; }
say "version $version runs, and nothing is left to do; reports: $(grep -o '"event":"[a-z]*","version":"[^"]*"' "$dir/server/reports.log" | paste -sd' ')"

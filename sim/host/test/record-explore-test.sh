#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Invariant: an updater that nobody wrote for the harness is recorded and explored with no adapter. The missing sync is
# found, with a case that replays; with it the exploration closes; nothing is left behind. Usage: record-explore-test.sh BUILD
# shellcheck disable=SC2016,SC2015 # variables of the commands; exit 77 ends it
set -euo pipefail
yankproof=$PWD/$1/yankproof example=$PWD/images/subject/example passed=0 failed=0
[ "$(id -u)" -eq 0 ] && [ -w /dev/fuse ] || { echo "skip: root and /dev/fuse are needed" && exit 77; }
unshare --mount true 2>/dev/null || { echo "skip: a mount namespace of its own is needed, and a root folder that is a mount" && exit 77; }
work=$(mktemp -d /tmp/yankproof-record-XXXXXX)
trap 'rm -rf "$work"' EXIT
export IMAGES=$work
"$example/make-images.sh" "$work" && cd "$work"
# expect STATUS TEXT COMMAND...: it exits with STATUS, and TEXT is in what it prints
expect() {
	local status=0 wanted=$1 text=$2
	shift 2
	timeout 120 "$@" >out.txt 2>&1 </dev/null || status=$?
	[ "$status" -eq "$wanted" ] && grep -qF -- "$text" out.txt && passed=$((passed + 1)) && return
	failed=$((failed + 1)) && echo "FAIL: $* ended with $status, not $wanted, or without '$text':" && cat out.txt
}
media() { echo "slot-a=slot-a.img:running$1,slot-b=slot-b.img:slot$1,env=env.img:env$1"; }
explore=("$yankproof" explore --check "$example/check.sh")

for how in '' +loop; do
	[ -z "$how" ] || [ -w /dev/loop-control ] || continue
	rm -rf bad good
	expect 0 "0 flushes" "$yankproof" record -o bad --media "$(media '')" -- "$example/updater-unsynced.sh" new.img
	expect 0 "exit status 0" "$yankproof" record -o good --media "$(media "$how")" -- "$example/updater.sh" new.img
	expect 1 "persisted without slot-b" "${explore[@]}" --log bad -o results
	expect 0 "proved: closed" "${explore[@]}" --log good
	expect 0 "any number of power cuts" "${explore[@]}" --log good --recover "$example/recover.sh"
done
id=$(sed -n 's/.*--like \([^"]*\)".*/\1/p' results/results.jsonl)
expect 1 "the end" "${explore[@]}" --log bad --like "$id"
expect 0 "junit" "$yankproof" report results
expect 0 "1 flushes" "$yankproof" record -o told --media "$(media '')" -- sh -c \
	'cat new.img >"$SLOT_B"; sync "$SLOT_B"; "$YANKPROOF" mark flip; echo slot=b >"$ENV"; "$YANKPROOF" mark --world done'
expect 1 "I5 truthful" "${explore[@]}" --log told --after done=new
"$yankproof" log --log bad/log --dm bad.dm >/dev/null
expect 1 "persisted without slot-b" "${explore[@]}" --log bad.dm --media "$(media '')"
expect 2 "new or empty" "$yankproof" record -o bad --media "$(media '')" -- true
expect 3 "not repeatable" "$yankproof" explore --log good --check 'echo x >>count; wc -l <count'
expect 3 "cannot be started" "$yankproof" explore --log good --check ./nothing
expect 5 "stopped" timeout --foreground --preserve-status -s TERM 1 "$yankproof" record -o stopped --media "$(media '')" -- sh -c 'echo x >"$ENV"; sleep 30'
expect 0 "proved: closed" "$yankproof" explore --log stopped --check true
expect 0 nothing sh -c '[ -z "$(ls -A /run/yankproof 2>/dev/null)" ] && echo nothing' # another run may hold the folder, empty here
echo "counted: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]

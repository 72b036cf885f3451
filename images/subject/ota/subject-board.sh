# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The parts of `ota` on the emulated board. Sourced by its init, /usr/lib/yankproof/subject.sh, with board-channel.sh and board-verbs.sh.
subject_slot() { sed -n 's/.*ota\.slot=\([^ ]*\).*/\1/p' /proc/cmdline; }
subject_on_trial() { [ "$(fw_printenv -n upgrade_available 2>/dev/null)" = 1 ]; }
# What the updater does at each boot: first it resumes an install or commits; then it polls for an update.
subject_boot() {
	run resume
	feed
	run check
}
# On this test board the rig sets how the updater holds; without the rig's port a file of the data partition does.
subject_prepare() {
	from=/run/yankproof.conf
	[ -n "$channel" ] || from=/data/bench-unit
	grep -E '^(hold|hold-timeout-ms)=' $from >/run/bench-unit 2>/dev/null
}
subject_run() { ota "$@"; }
# VERB: the code in what it printed.
subject_result() { sed -n "s/^ota: $1: \([A-Z_0-9]*\): .*/\1/p" | tail -n 1; }

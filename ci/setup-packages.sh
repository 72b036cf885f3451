#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of the named groups (ci/packages/GROUP.txt) that this machine lacks.
# Usage: ci/setup-packages.sh GROUP...      Set YANKPROOF_NO_SETUP=1 to only list the missing ones.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# One at a time: make may start several groups at once, and apt does not wait for the lock of its lists.
exec 9<"$0"
flock 9

missing=()
for group in "$@"; do
	while read -r package; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing+=("$package")
	done <"$here/packages/$group.txt"
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ -n "${YANKPROOF_NO_SETUP:-}" ]; then
	echo "setup: missing: ${missing[*]}; install them, or unset YANKPROOF_NO_SETUP" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "setup: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
	as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=500)
if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "setup: apt-get failed (last lines above); mend the package sources and run again" >&2
	exit 1
fi

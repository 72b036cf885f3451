#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes an old and a new version, and the media of a device that runs the old one. Usage: make-images.sh FOLDER
set -euo pipefail
mkdir -p "$1"
cd "$1"
for version in old new; do
	openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass "pass:$version" -in /dev/zero 2>/dev/null | head -c 4M >"$version.img" || true
done
cp old.img slot-a.img
truncate -s 4M slot-b.img
{ echo slot=a; head -c 65529 /dev/zero; } >env.img

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian package OUT of the tree IMAGE (dpkg checks no signature). Usage: VERSION=V images/subject/dpkg/bundle.sh IMAGE OUT
set -euo pipefail
image=$1 out=$2 content=$(mktemp -d "$WORK/deb.XXXXXX")
chmod 0755 "$content"
cp -a "$image/usr" "$content/"
mkdir "$content/DEBIAN"
printf 'Package: example\nVersion: %s\nArchitecture: all\nMaintainer: example <example@example.test>\nDescription: an example system\n' "$VERSION" >"$content/DEBIAN/control"
(cd "$content" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
SOURCE_DATE_EPOCH=1700000000 dpkg-deb --root-owner-group -b "$content" "$out" >&2
rm -rf "$content"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian root filesystem for this machine's architecture from Debian's packages, as OUT/root.tar. Usage: images/example-rootfs.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
mkdir -p "$out"
work=$(mktemp -d)
trap '"${as_root[@]}" rm -rf "$work"' EXIT

# The suites that this machine's own apt reads, so that mirrors and proxies hold here too.
apt-get indextargets --format "\$(ORIGIN)|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \$(REPO_URI) \$(RELEASE) main" \
	'Created-By: Packages' 'Component: main' | sed -n 's/^Debian|//p' | grep -E ' (bookworm|stable)[a-z-]* main$' | sort -u >"$work/sources"
[ -s "$work/sources" ] || { echo "rootfs: apt knows no Debian 12 suite; run apt-get update" >&2; exit 1; }

# Everything that differs from build to build is fixed, so that the same packages give the same bytes.
"${as_root[@]}" env SOURCE_DATE_EPOCH=1767225600 mmdebstrap --quiet --variant=essential --format=tar \
	--include="$(paste -sd, "$here/packages.txt")" --aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	bookworm "$work/root.tar" - <"$work/sources"
mv "$work/root.tar" "$out/root.tar"

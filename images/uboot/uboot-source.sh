#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches Debian's source package of U-Boot and unpacks it, with images/uboot/patches applied, as OUT/source. The machine's own
# apt configuration is read and left alone: it may well have no sources. Usage: images/uboot/uboot-source.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
apt=$out/apt
rm -rf "$apt" "$out/source"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"

# The suites that this machine's own apt reads, so that mirrors and proxies hold here too. The release before its updates.
apt-get indextargets --format "\$(ORIGIN)|deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \$(REPO_URI) \$(RELEASE) main" \
	'Created-By: Packages' 'Component: main' | sed -n 's/^Debian|//p' | grep -E ' (bookworm|stable)[a-z-]* main$' | sort -u -k 4 >"$apt/sources.list"
[ -s "$apt/sources.list" ] || { echo "uboot: apt knows no Debian 12 suite; run apt-get update" >&2; exit 1; }
cat >"$apt/apt.conf" <<EOF
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
EOF
export APT_CONFIG=$apt/apt.conf
apt-get -qq update
(cd "$apt" && apt-get -qq --download-only source u-boot)
dpkg-source -x "$apt"/u-boot_*.dsc "$out/source" >"$apt/unpack.log" 2>&1 || { cat "$apt/unpack.log" >&2; exit 1; }
for patch in "$here"/patches/*.patch; do
	patch -s -p1 -d "$out/source" <"$patch"
done
